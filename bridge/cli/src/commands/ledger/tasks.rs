//! `ledger tasks`: what was recorded in the books and is to be recorded in Halaxy, which the bridge cannot write.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::tasks::{Task, sheet, tasks};
use serde_json::json;

pub async fn run(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    ledger.preview(times::now()).await?;
    let shown = ledger.shown().await;
    let all = tasks(&shown, &ledger.posted().await, &ledger.facts().await);
    let open: Vec<&Task> = all.iter().filter(|t| t.open()).collect();
    out.document(&json!({ "tasks": open }));
    if open.is_empty() {
        out.line("Nothing in the books waits to be recorded in Halaxy.");
        return Ok(Exit::Done);
    }
    let payments = count(open.len() as u64, "payment");
    out.heading(&format!("{payments} to record in Halaxy"));
    out.line(sheet(&all).text());
    out.line(
        "Record each on its invoice in Halaxy, with the same amount. It disappears from here by itself when Halaxy shows \
         it, and is not posted a second time.",
    );
    Ok(Exit::Waiting)
}
