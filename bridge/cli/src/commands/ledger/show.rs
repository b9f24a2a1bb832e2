//! `ledger show`: one document of the books in full, and what it is made of.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use bridge_engine::ledger::reports::{document_lines, document_shares};
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
        out.line(document_lines(entry).text());
    }
    if entry.shares.is_empty() {
        let sources: Vec<String> = entry.sources.iter().map(ToString::to_string).collect();
        out.line(format!("From {}.", sources.join(", ")));
    } else {
        out.heading("Made of");
        out.line(document_shares(entry).text());
    }
    Ok(Exit::Done)
}
