//! One document of the books: its lines, and what it is made of.

use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{Cents, Entry};
use std::collections::BTreeMap;

/// Its lines, each with the rule that coded it.
pub fn document_lines(entry: &Entry) -> Sheet {
    let mut sheet = Sheet::new(&["account", "tax rate", "tracking", "#net", "#tax", "rule"]);
    for l in &entry.document.lines {
        sheet.push([
            l.account.clone(),
            l.tax_code.clone(),
            tracked(&l.tracking),
            l.net.to_string(),
            l.tax.to_string(),
            l.rule.clone(),
        ]);
    }
    sheet
}

/// Each record's share of a daily summary: debits are positive, and every share comes to nothing in all. Without rows for a
/// document of one record.
pub fn document_shares(entry: &Entry) -> Sheet {
    let mut sheet = Sheet::new(&["record", "account", "tax rate", "tracking", "#net", "#tax"]);
    if entry.shares.is_empty() {
        return sheet;
    }
    for (source, share) in entry.sources.iter().zip(&entry.shares) {
        for (n, e) in share.iter().enumerate() {
            sheet.push([
                if n == 0 { source.to_string() } else { String::new() },
                e.account.clone(),
                e.tax_code.clone(),
                tracked(&e.tracking),
                e.net.to_string(),
                e.tax.to_string(),
            ]);
        }
    }
    let all: Cents = entry.shares.iter().flatten().map(|e| e.net + e.tax).sum();
    sheet.push([
        format!("{} records", entry.sources.len()),
        String::new(),
        String::new(),
        String::new(),
        all.to_string(),
    ]);
    sheet
}

fn tracked(by: &BTreeMap<String, String>) -> String {
    by.values().cloned().collect::<Vec<_>>().join(" / ")
}
