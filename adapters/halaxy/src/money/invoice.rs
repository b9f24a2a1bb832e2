//! Invoice and InvoiceLine (halaxy-api.md 7.7).

use super::record::{Record, party, same};
use bridge_core::ledger::money::json_decimal;
use bridge_core::ledger::{Currency, Fault, Invoice, InvoiceKind, Line, LineStatus, Price, PriceKind, Unreadable};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

/// The five totals, in the order in which they are read.
const TOTALS: [&str; 5] = ["totalNet", "totalTax", "totalGross", "totalPaid", "totalBalance"];

/// An invoice or quote. Notes, which may be HTML, are left alone.
pub(super) fn invoice(body: &Json, zone: &TimeZone, practice: Currency) -> Result<Invoice, Unreadable> {
    let mut record = Record::new("Invoice", body)?;
    record.invoice = Some(record.id.clone());
    let mut amounts = [None; 5];
    for (amount, member) in amounts.iter_mut().zip(TOTALS) {
        *amount = record.money(member)?;
    }
    let currency = record.currency(
        "totalGross",
        amounts.iter().flatten().map(|money| money.currency),
        practice,
    )?;
    let mut cents = [None; 5];
    for ((cents, amount), member) in cents.iter_mut().zip(amounts).zip(TOTALS) {
        if let Some(money) = amount {
            *cents = Some(record.cents(member, money.amount)?);
        }
    }
    let [net, tax, gross, paid, balance] = cents;
    // Of net, tax and gross any two tell the third.
    let (net, tax, gross) = match (net, tax, gross) {
        (Some(net), Some(tax), Some(gross)) => (net, tax, gross),
        (Some(net), Some(tax), None) => (net, tax, net + tax),
        (Some(net), None, Some(gross)) => (net, gross - net, gross),
        (None, Some(tax), Some(gross)) => (gross - tax, tax, gross),
        (_, _, None) => return Err(record.fail("totalGross", Fault::Missing)),
        (None, None, Some(_)) => return Err(record.fail("totalNet", Fault::Missing)),
    };
    let kind = match record.text("type")? {
        None => InvoiceKind::Invoice,
        Some(word) if same(&word, "invoice") => InvoiceKind::Invoice,
        Some(word) if same(&word, "quote") => InvoiceKind::Quote,
        Some(_) => return Err(record.fail("type", Fault::Word)),
    };
    let recipient = record.link("recipient");
    let shown = || record.list("recipient").iter().find_map(|one| one["display"].as_str());
    let payer_name = match record.text("title")? {
        Some(name) => name,
        None => shown().unwrap_or_default().to_owned(),
    };
    let practitioners = record.links("practitioner");
    let roles = practitioners.filter(|link| link.kind.is_none_or(|kind| kind == "PractitionerRole"));
    Ok(Invoice {
        kind,
        status: record.text("status")?.unwrap_or_else(|| "active".into()),
        payer: recipient.and_then(party),
        payer_name,
        date: record
            .date("date", zone)?
            .ok_or_else(|| record.fail("date", Fault::Missing))?,
        roles: roles.map(|link| link.id.to_owned()).collect(),
        currency,
        net,
        tax,
        gross,
        paid: paid.ok_or_else(|| record.fail("totalPaid", Fault::Missing))?,
        balance: balance.ok_or_else(|| record.fail("totalBalance", Fault::Missing))?,
        removed: false,
        id: record.id,
    })
}

/// A line.
pub(super) fn line(body: &Json, zone: &TimeZone, practice: Currency) -> Result<Line, Unreadable> {
    let mut record = Record::new("InvoiceLine", body)?;
    record.invoice = record.link("invoice").map(|link| link.id.to_owned());
    let status = match record.text("status")? {
        None => LineStatus::Active,
        Some(word) => status(&word),
    };
    let quantity = match &body["quantity"] {
        Json::Null => return Err(record.fail("quantity", Fault::Missing)),
        Json::Object(quantity) => quantity.get("value").unwrap_or(&Json::Null),
        bare => bare,
    };
    let quantity = json_decimal(quantity).map_err(|error| record.fail("quantity", Fault::Money(error)))?;
    let funder = record
        .extension_link("invoice-line-funder")
        .or_else(|| record.link("funder"));
    let cover = record.link("coverage").or_else(|| {
        let links = record
            .list("extension")
            .iter()
            .filter_map(|e| super::record::link(&e["valueReference"]));
        links.into_iter().find(|link| link.kind == Some("Coverage"))
    });
    // Not documented; FHIR's own name is chargeItemReference.
    let charge = ["chargeItemDefinition", "chargeItemReference", "chargeItem"]
        .into_iter()
        .filter_map(|member| record.link(member))
        .find(|link| link.kind.is_none_or(|kind| kind == "ChargeItemDefinition"));
    let of_kind = |member: &str, kind: &str| {
        let mut links = record.links(member);
        links
            .find(|link| link.kind.is_none_or(|said| said == kind))
            .map(|link| link.id.to_owned())
    };
    Ok(Line {
        invoice: record.invoice.clone(),
        status,
        code: record
            .words("code")
            .first()
            .map(|word| (*word).to_owned())
            .or(number(&body["code"])),
        charge: charge.map(|link| link.id.to_owned()),
        description: record.text("description")?.unwrap_or_default(),
        patient: of_kind("subject", "Patient"),
        appointment: of_kind("context", "Appointment"),
        entered: record.date("enteredDate", zone)?,
        role: of_kind("performer", "PractitionerRole"),
        quantity,
        prices: prices(&record, practice)?,
        funder: funder.map(|link| link.id.to_owned()),
        cover: cover.map(|link| link.id.to_owned()),
        id: record.id,
    })
}

fn number(value: &Json) -> Option<String> {
    value.as_number().map(ToString::to_string)
}

fn status(word: &str) -> LineStatus {
    let known = [
        ("active", LineStatus::Active),
        ("locked", LineStatus::Locked),
        ("voided", LineStatus::Voided),
        ("void", LineStatus::Voided),
        ("unassigned", LineStatus::Unassigned),
        ("write-off", LineStatus::WriteOff),
        ("written-off", LineStatus::WriteOff),
    ];
    let found = known.into_iter().find(|(name, _)| same(word, name));
    found.map_or_else(|| LineStatus::Other(word.to_owned()), |(_, status)| status)
}

/// The parts of a unit's price, under either of the two names that are seen.
fn prices(record: &Record<'_>, practice: Currency) -> Result<Vec<Price>, Unreadable> {
    let names = ["unitPriceComponent", "priceComponent"];
    let Some(member) = names.into_iter().find(|name| !record.body[*name].is_null()) else {
        return Err(record.fail(names[0], Fault::Missing));
    };
    let mut currencies = vec![];
    let mut prices = vec![];
    for part in record.list(member) {
        let word = part["type"].as_str().map(str::trim);
        let kind = match word {
            None | Some("") => PriceKind::Base,
            Some(word) => price_kind(word).ok_or_else(|| record.fail(member, Fault::Word))?,
        };
        let Some(money) = record.money_of(member, &part["amount"])? else {
            return Err(record.fail(member, Fault::Missing));
        };
        currencies.push(money.currency);
        prices.push(Price {
            kind,
            amount: money.amount,
        });
    }
    // Totals do not say in which currency a line was priced: one in another than the practice's is not added up.
    if record.currency(member, currencies, practice)? != practice {
        return Err(record.fail(member, Fault::Currencies));
    }
    Ok(prices)
}

pub(super) fn price_kind(word: &str) -> Option<PriceKind> {
    let known = [
        ("base", PriceKind::Base),
        ("surcharge", PriceKind::Surcharge),
        ("deduction", PriceKind::Deduction),
        ("discount", PriceKind::Discount),
        ("tax", PriceKind::Tax),
        ("informational", PriceKind::Informational),
    ];
    known
        .into_iter()
        .find(|(name, _)| same(word, name))
        .map(|(_, kind)| kind)
}
