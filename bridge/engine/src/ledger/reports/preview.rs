//! What would be posted, as tables.

use crate::ledger::Outlook;
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{Cents, Document, Entry};
use std::collections::BTreeMap;

impl Outlook {
    /// How many documents of each kind are to be posted, and what they come to.
    pub fn by_kind(&self) -> BTreeMap<String, (usize, String)> {
        let mut sums: BTreeMap<String, (usize, Cents)> = BTreeMap::new();
        for entry in &self.plan.post {
            let row = sums.entry(format!("{:?}", entry.document.kind)).or_default();
            row.0 += 1;
            row.1 += entry.document.total;
        }
        sums.into_iter().map(|(k, (n, t))| (k, (n, t.to_string()))).collect()
    }

    /// Debits and credits by account, tax rate and tracking, with their sums in the last row.
    pub fn accounts_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["account", "tax rate", "tracking", "#debit", "#credit"]);
        let (mut debits, mut credits) = (Cents::ZERO, Cents::ZERO);
        for ((account, tax, tracking), (debit, credit)) in journal_rows(self.plan.post.iter().map(|e| &e.document)) {
            debits += debit;
            credits += credit;
            sheet.push([account, tax, tracking, shown(debit), shown(credit)]);
        }
        if !sheet.is_empty() {
            let sum = ["(all)".to_owned(), String::new(), String::new()];
            sheet.push(sum.into_iter().chain([debits.to_string(), credits.to_string()]));
        }
        sheet
    }

    /// Calls on the books that carrying it out takes.
    pub fn calls_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["what for", "#calls"]);
        for (what, calls) in &self.calls {
            sheet.push([what.clone(), calls.to_string()]);
        }
        if self.calls.len() > 1 {
            sheet.push(["(all)".into(), self.calls.values().sum::<usize>().to_string()]);
        }
        sheet
    }

    /// Documents that the books already have of invoices, and that the bridge did not post.
    pub fn foreign_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["invoice", "number there", "#amount there", "amount in Halaxy"]);
        for (found, _) in &self.foreign {
            let same = if found.same_total { "the same" } else { "another" };
            sheet.push([
                found.invoice.clone(),
                found.number.clone(),
                found.shown.total.to_string(),
                same.into(),
            ]);
        }
        sheet
    }
}

/// An amount, or nothing where there is none.
fn shown(amount: Cents) -> String {
    if amount.is_zero() {
        String::new()
    } else {
        amount.to_string()
    }
}

/// Every document, one row each.
pub fn documents(entries: &[Entry]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "date",
        "kind",
        "key",
        "on",
        "account",
        "#amount",
        "of which tax",
        "purpose",
    ]);
    for e in entries {
        let d = &e.document;
        sheet.push([
            d.date.to_string(),
            format!("{:?}", d.kind),
            d.key.clone(),
            d.of.clone().unwrap_or_default(),
            d.account.clone().unwrap_or_default(),
            d.total.to_string(),
            d.tax.to_string(),
            format!("{:?}", e.purpose),
        ]);
    }
    sheet
}

/// Every line of every document: what a bookkeeper reads in a spreadsheet.
pub fn lines(entries: &[Entry]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "date",
        "service_date",
        "kind",
        "key",
        "on",
        "account",
        "tax_code",
        "tracking",
        "#net",
        "#tax",
        "#amount",
        "rule",
        "from",
    ]);
    for e in entries {
        let d = &e.document;
        let from = e
            .sources
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let mut row =
            |account: &str, tax_code: &str, tracking: String, net: String, tax: String, total: String, rule: &str| {
                sheet.push([
                    d.date.to_string(),
                    e.serves.to_string(),
                    format!("{:?}", d.kind),
                    d.key.clone(),
                    d.of.clone().unwrap_or_default(),
                    account.to_owned(),
                    tax_code.to_owned(),
                    tracking,
                    net,
                    tax,
                    total,
                    rule.to_owned(),
                    from.clone(),
                ]);
            };
        if d.lines.is_empty() {
            let account = d.account.as_deref().unwrap_or_default();
            row(
                account,
                "",
                String::new(),
                String::new(),
                String::new(),
                d.total.to_string(),
                "",
            );
        }
        for l in &d.lines {
            let tracking = l.tracking.values().cloned().collect::<Vec<_>>().join(" / ");
            let total = (l.net + l.tax).to_string();
            row(
                &l.account,
                &l.tax_code,
                tracking,
                l.net.to_string(),
                l.tax.to_string(),
                total,
                &l.rule,
            );
        }
    }
    sheet
}

/// Debits and credits of documents by account, tax rate and tracking.
pub fn journal_rows<'a>(
    documents: impl Iterator<Item = &'a Document>,
) -> BTreeMap<(String, String, String), (Cents, Cents)> {
    use bridge_core::ledger::DocumentKind::{CreditNote, Invoice, Journal, Overpayment, Payment, Prepayment, Refund};
    let mut rows: BTreeMap<(String, String, String), (Cents, Cents)> = BTreeMap::new();
    let mut add = |account: &str, tax: &str, tracking: &str, amount: Cents| {
        let row = rows
            .entry((account.to_owned(), tax.to_owned(), tracking.to_owned()))
            .or_default();
        if amount.is_negative() {
            row.1 -= amount;
        } else {
            row.0 += amount;
        }
    };
    for d in documents {
        let sign = match d.kind {
            Invoice | Prepayment | Overpayment => -1,
            CreditNote | Journal => 1,
            _ => 0,
        };
        for line in d.lines.iter().filter(|_| sign != 0) {
            let tracking = line.tracking.values().cloned().collect::<Vec<_>>().join(" / ");
            add(&line.account, &line.tax_code, &tracking, Cents(sign * line.net.0));
            if !line.tax.is_zero() {
                add("tax", &line.tax_code, "", Cents(sign * line.tax.0));
            }
        }
        let account = d.account.as_deref().unwrap_or_default();
        match d.kind {
            Invoice => add("debtors", "", "", d.total),
            CreditNote => add("debtors", "", "", -d.total),
            Payment => {
                add(account, "", "", d.total);
                add("debtors", "", "", -d.total);
            }
            Prepayment | Overpayment => add(account, "", "", d.total),
            Refund => {
                add(account, "", "", -d.total);
                add("debtors", "", "", d.total);
            }
            _ => {}
        }
    }
    rows
}
