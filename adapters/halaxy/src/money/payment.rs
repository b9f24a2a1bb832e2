//! PaymentTransaction (halaxy-api.md 7.7), Halaxy's own type.

use super::invoice::price_kind;
use super::record::{Record, party, same};
use bridge_core::ledger::{Currency, Fault, Party, Payment, PaymentKind, PriceKind, Unreadable};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value as Json;

/// States that undo a row. The list of states is not documented; these are the words that mean it \[inferred\].
const UNDONE: [&str; 6] = ["voided", "void", "cancelled", "canceled", "deleted", "reversed"];

/// A row of payments.
pub(super) fn payment(body: &Json, zone: &TimeZone, practice: Currency) -> Result<Payment, Unreadable> {
    let mut record = Record::new("PaymentTransaction", body)?;
    record.invoice = record.link("invoice").map(|link| link.id.to_owned());
    let (amount, currency) = amount(&record, practice)?;
    let methods = record.words("method");
    let kind = kind(
        &record.words("type"),
        &methods,
        amount.is_sign_negative() && !amount.is_zero(),
    );
    let at = record
        .instant("created", zone)?
        .ok_or_else(|| record.fail("created", Fault::Missing))?;
    let states = record.words("status");
    // A deposit may be assigned to a practitioner or an organisation; one that is not the practice's own paid it
    // \[inferred\].
    let funder = record.link("assignedOrganization").filter(|link| !own(link.id));
    let payer = record.link("subject").and_then(party);
    Ok(Payment {
        kind,
        method: methods.join(", "),
        created: at.as_microsecond(),
        date: at.to_zoned(zone.clone()).date(),
        amount: record.cents("priceComponent", amount.abs())?,
        currency,
        invoice: record.invoice.clone(),
        payer: payer.or_else(|| funder.map(|link| Party::Organisation(link.id.to_owned()))),
        void: states.iter().any(|state| UNDONE.iter().any(|word| same(state, word))),
        removed: false,
        id: record.id,
    })
}

/// Whether an organisation is the practice group or one of its clinics (halaxy-api.md 7.0).
fn own(id: &str) -> bool {
    id.starts_with("PG-") || id.starts_with("CL-")
}

/// What the row is. One word that takes the money away counts for more than those that do not.
fn kind(types: &[&str], methods: &[&str], negative: bool) -> PaymentKind {
    let any = |words: &[&str], names: &[&str]| words.iter().any(|word| names.iter().any(|name| same(word, name)));
    let nothing = ["failed", "discount", "declined"];
    if any(types, &nothing) || any(methods, &nothing) {
        return PaymentKind::NotMoney;
    }
    let known = ["payment", "deposit", "refund"];
    if let Some(other) = types.iter().find(|word| !any(&[**word], &known)) {
        return PaymentKind::Other((*other).to_owned());
    }
    if any(types, &["refund"]) || negative {
        PaymentKind::Refund
    } else if any(types, &["deposit"]) {
        PaymentKind::Deposit
    } else if any(types, &["payment"]) {
        PaymentKind::Payment
    } else {
        PaymentKind::Other(String::new())
    }
}

/// The sum of the row's components, with its sign, and their currency.
fn amount(record: &Record<'_>, practice: Currency) -> Result<(Decimal, Currency), Unreadable> {
    const MEMBER: &str = "priceComponent";
    let mut sum = None;
    let mut currencies = vec![];
    for part in record.list(MEMBER) {
        let kind = match part["type"].as_str().map(str::trim) {
            None | Some("") => PriceKind::Base,
            Some(word) => price_kind(word).ok_or_else(|| record.fail(MEMBER, Fault::Word))?,
        };
        let Some(money) = record.money_of(MEMBER, &part["amount"])? else {
            continue;
        };
        currencies.push(money.currency);
        let signed = match kind {
            PriceKind::Informational => continue,
            PriceKind::Deduction | PriceKind::Discount => -money.amount.abs(),
            PriceKind::Base | PriceKind::Surcharge | PriceKind::Tax => money.amount,
        };
        let so_far: Decimal = sum.unwrap_or_default();
        let added = so_far.checked_add(signed);
        sum = Some(added.ok_or_else(|| record.fail(MEMBER, Fault::Shape("a sum that can be held")))?);
    }
    let sum = sum.ok_or_else(|| record.fail(MEMBER, Fault::Missing))?;
    Ok((sum, record.currency(MEMBER, currencies, practice)?))
}
