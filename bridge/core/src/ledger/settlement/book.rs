//! What to book of a settlement: its fees, out of the clearing account, so that what stays there is what reaches the
//! bank. The bank's own line is left to the bank feed: books take no journals on bank accounts (Xero), and a line
//! posted here would stand beside the feed's.

use super::layout::SettlementRule;
use super::read::split_tax;
use super::tie::{Difference, Tie, TieOut, moved};
use super::{Imported, Settlement};
use crate::hex::hex;
use crate::ledger::chart::Books;
use crate::ledger::document::{Document, DocumentLine};
use crate::ledger::facts::Facts;
use crate::ledger::fit::fit;
use crate::ledger::money::{Cents, Currency};
use crate::ledger::rules::Rules;
use crate::ledger::share::share;
use deunicode::deunicode;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the bank to expect, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankLine {
    /// Layout.
    pub provider: String,
    /// The settlement's reference.
    pub settlement: String,
    /// When it was paid.
    pub date: Date,
    /// What arrives; below zero if it is taken.
    pub amount: Cents,
    /// The bank account, by code, if the rules name it.
    pub bank: Option<String>,
    /// What it clears, by clearing account.
    pub clears: BTreeMap<String, Cents>,
    /// What the statement says was paid beyond its rows; nothing usually.
    pub unexplained: Cents,
}

impl BankLine {
    /// What a bookkeeper does with it.
    pub fn words(&self) -> String {
        let bank = self.bank.as_deref().unwrap_or("the bank account");
        let from: Vec<String> = self.clears.iter().map(|(a, c)| format!("{c} from {a}")).collect();
        let mut text = format!(
            "{} {}: in the bank feed of {bank}, match the line of {} on or after {} as a transfer: {}. The bridge posts \
             no bank line.",
            self.provider,
            self.settlement,
            self.amount,
            self.date,
            from.join(", ")
        );
        if !self.unexplained.is_zero() {
            text += &format!(
                " The statement says {} more than its rows: look for a missing file.",
                self.unexplained
            );
        }
        text
    }
}

/// Why a settlement's fees are not booked, for a bookkeeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum BookHold {
    /// No account for fees.
    #[error("settlement `{0}` has fees and no `fee_account`: name the expense account of this provider's fees")]
    NoFeeAccount(String),
    /// No tax rate for fees.
    #[error("settlement `{0}` has fees and no `fee_tax`: name the tax rate of this provider's fees")]
    NoFeeTax(String),
    /// No account for surcharges.
    #[error("settlement `{0}` has surcharges and no `surcharge_account`: name the income account of card surcharges")]
    NoSurchargeAccount(String),
    /// No tax rate for surcharges.
    #[error("settlement `{0}` has surcharges and no `surcharge_tax`: name the tax rate of card surcharges")]
    NoSurchargeTax(String),
    /// No clearing account.
    #[error("payment method `{0}` has no clearing account: list it under [[method]]")]
    NoClearing(String),
    /// A journal cannot post to the clearing account.
    #[error(
        "clearing account `{0}` is a bank account in the books, which takes no journals: book the fee of {1} on {2} \
         there as money spent, or clear through a current asset account"
    )]
    BankAccount(String, Cents, Date),
}

/// What to book, and what a person does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Journals: debit fees with their tax, credit clearing; surcharges the other way round.
    pub journals: Vec<Document>,
    /// Lines of the bank feed to match.
    pub bank: Vec<BankLine>,
    /// What cannot be booked, by settlement.
    pub holds: Vec<(String, BookHold)>,
}

/// Proposes a journal for the fees of each settlement, with a key that stays the same, and says which bank line to
/// match with what. With `books`, clearing accounts that take no journals are held.
pub fn book(
    imported: &Imported,
    out: &TieOut,
    facts: &Facts,
    rules: &Rules,
    books: Option<&Books>,
    currency: Currency,
) -> Booking {
    let mut booking = Booking::default();
    let found = Found::of(out);
    let layouts = rules.settlement_layouts();
    for settlement in &imported.settlements {
        let Some(layout) = layouts.iter().find(|l| l.name == settlement.provider) else {
            continue;
        };
        let parts = match parts(settlement, layout, &found, facts, rules) {
            Ok(parts) => parts,
            Err(hold) => {
                booking.holds.push((settlement.reference.clone(), hold));
                continue;
            }
        };
        let clears: BTreeMap<String, Cents> = parts.iter().map(|(a, p)| (a.clone(), p.gross - p.off())).collect();
        let net: Cents = clears.values().copied().sum();
        let amount = settlement.stated.unwrap_or(net);
        if !amount.is_zero() || !net.is_zero() {
            booking.bank.push(BankLine {
                provider: settlement.provider.clone(),
                settlement: settlement.reference.clone(),
                date: settlement.paid_on,
                amount,
                bank: layout.bank.clone(),
                clears,
                unexplained: amount - net,
            });
        }
        match journal(settlement, layout, &parts, rules, books, currency) {
            Ok(document) => booking.journals.extend(document),
            Err(hold) => booking.holds.push((settlement.reference.clone(), hold)),
        }
    }
    booking
}

/// Of a settlement, what goes through one clearing account.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    gross: Cents,
    fee: Cents,
    tax: Cents,
    surcharge: Cents,
}

impl Part {
    /// What reaches the bank less of it: fees, but for what payers paid on top.
    fn off(&self) -> Cents {
        self.fee + self.tax - self.surcharge
    }
}

/// Ties and differences by provider and settlement.
struct Found<'a> {
    ties: BTreeMap<(&'a str, &'a str), Vec<&'a Tie>>,
    /// By the row's key.
    differences: BTreeMap<&'a str, &'a Difference>,
}

impl<'a> Found<'a> {
    fn of(out: &'a TieOut) -> Self {
        let mut ties: BTreeMap<(&str, &str), Vec<&Tie>> = BTreeMap::new();
        for tie in &out.ties {
            ties.entry((&tie.provider, &tie.settlement)).or_default().push(tie);
        }
        let differences = out.differences.iter().map(|d| (d.row.row.as_str(), d)).collect();
        Found { ties, differences }
    }
}

/// A settlement by clearing account: tied payments by their method, other rows by the layout's first.
fn parts(
    settlement: &Settlement,
    layout: &SettlementRule,
    found: &Found<'_>,
    facts: &Facts,
    rules: &Rules,
) -> Result<BTreeMap<String, Part>, BookHold> {
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let mut add = |method: &str, gross: Cents, fee: Cents, tax: Cents, surcharge: Cents| -> Result<(), BookHold> {
        let account = rules.clearing(method);
        let account = account.ok_or_else(|| BookHold::NoClearing(method.trim().to_owned()))?;
        let part = parts.entry(account.to_owned()).or_default();
        part.gross += gross;
        part.fee += fee;
        part.tax += tax;
        part.surcharge += surcharge;
        Ok(())
    };
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let key = (settlement.provider.as_str(), settlement.reference.as_str());
    for tie in found.ties.get(&key).into_iter().flatten() {
        done.extend(tie.rows.iter().map(String::as_str));
        let paid = tie.payments.iter().filter_map(|id| facts.payments.get(id));
        let paid: Vec<(&str, Cents)> = paid.filter_map(|p| Some((p.method.as_str(), moved(p)?))).collect();
        let weights: Vec<Cents> = paid.iter().map(|(_, a)| a.abs()).collect();
        let split = |a: Cents| share(a, &weights).unwrap_or_default();
        let shares = split(tie.fee)
            .into_iter()
            .zip(split(tie.fee_tax))
            .zip(split(tie.surcharge));
        for ((method, amount), ((fee, tax), surcharge)) in paid.into_iter().zip(shares) {
            add(method, amount, fee, tax, surcharge)?;
        }
    }
    let first = layout.method.first().map_or(layout.name.as_str(), String::as_str);
    for row in settlement.rows.iter().filter(|r| !done.contains(r.key.as_str())) {
        let payment = found.differences.get(row.key.as_str()).map(|d| &d.payment);
        let method = payment.map_or(first, |p| &p.method);
        add(method, row.gross, row.fee, row.fee_tax, row.surcharge)?;
    }
    Ok(parts)
}

fn journal(
    settlement: &Settlement,
    layout: &SettlementRule,
    parts: &BTreeMap<String, Part>,
    rules: &Rules,
    books: Option<&Books>,
    currency: Currency,
) -> Result<Option<Document>, BookHold> {
    let fee: Cents = parts.values().map(|p| p.fee).sum();
    let tax: Cents = parts.values().map(|p| p.tax).sum();
    let surcharge: Cents = parts.values().map(|p| p.surcharge).sum();
    let charged = parts.iter().filter(|(_, p)| !p.off().is_zero());
    let fees = !fee.is_zero() || !tax.is_zero();
    if !fees && surcharge.is_zero() && charged.clone().next().is_none() {
        return Ok(None);
    }
    let name = || layout.name.clone();
    let line = |text: &str, net: Cents, tax: Cents, account: &str, tax_code: &str| DocumentLine {
        description: format!("{} {text}", layout.name),
        quantity: Decimal::ONE,
        unit: net.decimal().normalize(),
        net,
        tax,
        account: account.to_owned(),
        tax_code: tax_code.to_owned(),
        tracking: BTreeMap::new(),
        rule: format!("settlement {}", layout.name),
    };
    let mut lines = Vec::new();
    if fees || surcharge.is_zero() {
        let account = layout.fee_account.clone();
        let account = account.ok_or_else(|| BookHold::NoFeeAccount(name()))?;
        let code = layout.fee_tax.clone().ok_or_else(|| BookHold::NoFeeTax(name()))?;
        lines.push(line("fees", fee, tax, &account, &code));
    }
    if !surcharge.is_zero() {
        let account = layout.surcharge_account.clone();
        let account = account.ok_or_else(|| BookHold::NoSurchargeAccount(name()))?;
        let code = layout.surcharge_tax.clone();
        let code = code.ok_or_else(|| BookHold::NoSurchargeTax(name()))?;
        let percent = layout.surcharge_tax_percent.unwrap_or_default();
        let (net, within) = split_tax(surcharge, percent, true).unwrap_or((surcharge, Cents::ZERO));
        // In the pieces that books reckon the same tax of.
        let pieces = fit(-net, -within, percent, 0).unwrap_or_else(|| vec![(-net, -within)]);
        lines.extend(
            pieces
                .into_iter()
                .map(|(net, tax)| line("surcharges", net, tax, &account, &code)),
        );
    }
    for (account, part) in charged {
        if books.and_then(|b| b.account(account)).is_some_and(|a| a.bank) {
            return Err(BookHold::BankAccount(account.clone(), part.off(), settlement.paid_on));
        }
        lines.push(line("fees", -part.off(), Cents::ZERO, account, &rules.accounts.no_tax));
    }
    Ok(Some(Document::journal(
        key(&rules.prefix, &layout.name, &settlement.reference),
        format!("Fees of {} settlement {}", layout.name, settlement.paid_on),
        settlement.paid_on,
        currency,
        lines,
    )))
}

/// `HX-F-tyro-20261005`: prefix, layout, and the reference's letters, digits and dashes; with a digest where that
/// loses something.
fn key(prefix: &str, name: &str, reference: &str) -> String {
    let reference = reference.strip_prefix(&format!("{name}-")).unwrap_or(reference);
    let kept: String = deunicode(reference)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(22)
        .collect();
    let lossless = kept == reference;
    let mut key = format!("{prefix}F-{name}-{kept}");
    if !lossless {
        let digest = Sha256::digest(reference.as_bytes());
        key = format!("{key}.{}", hex(&digest[..3]));
    }
    key
}
