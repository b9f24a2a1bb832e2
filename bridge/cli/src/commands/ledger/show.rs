//! `ledger show`: one document of the books in full, and what it is made of.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{Cents, Entry};
use serde_json::json;

pub async fn run(config: &Config, key: &str, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let entries = ledger.entries().await;
    let Some(entry) = entries.iter().find(|e| e.document.key == key) else {
        return Err(Failure::Usage(format!(
            "nothing was posted under {key}; `{}` lists what is to be",
            config.command("ledger preview --documents")
        )));
    };
    out.document(&json!({ "entry": entry }));
    let d = &entry.document;
    out.heading(&format!(
        "{key}: {:?} of {}, {} {}",
        d.kind, d.date, d.currency, d.total
    ));
    out.line(format!(
        "{:?}, {:?}{}; Halaxy's date {}",
        entry.purpose,
        entry.state,
        entry.remote_id.as_ref().map_or(String::new(), |id| format!(" as {id}")),
        entry.serves
    ));
    if let Some(on) = &d.of {
        out.line(format!(
            "on {on}{}",
            d.to.as_ref().map_or(String::new(), |to| format!(", for {to}"))
        ));
    }
    if !d.lines.is_empty() {
        out.line(lines(entry).text());
    }
    if entry.shares.is_empty() {
        let sources: Vec<String> = entry.sources.iter().map(ToString::to_string).collect();
        out.line(format!("From {}.", sources.join(", ")));
    } else {
        out.heading("Made of");
        out.line(shares(entry).text());
    }
    Ok(Exit::Done)
}

fn lines(entry: &Entry) -> Sheet {
    let mut sheet = Sheet::new(&["account", "tax rate", "tracking", "#net", "#tax", "rule"]);
    for l in &entry.document.lines {
        sheet.push([
            l.account.clone(),
            l.tax_code.clone(),
            l.tracking.values().cloned().collect::<Vec<_>>().join(" / "),
            l.net.to_string(),
            l.tax.to_string(),
            l.rule.clone(),
        ]);
    }
    sheet
}

/// Each record's share of a daily summary: debits are positive, and every share comes to nothing in all.
fn shares(entry: &Entry) -> Sheet {
    let mut sheet = Sheet::new(&["record", "account", "tax rate", "tracking", "#net", "#tax"]);
    for (source, share) in entry.sources.iter().zip(&entry.shares) {
        for (n, e) in share.iter().enumerate() {
            sheet.push([
                if n == 0 { source.to_string() } else { String::new() },
                e.account.clone(),
                e.tax_code.clone(),
                e.tracking.values().cloned().collect::<Vec<_>>().join(" / "),
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
