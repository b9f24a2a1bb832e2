//! `ledger close`: the ten steps of closing a month, each with what stands in its way.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use crate::times;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::reports::{Closing, Light};
use serde_json::json;

pub async fn run(config: &Config, month: &str, out: &Output) -> Result<Exit, Failure> {
    let month: Month = month
        .parse()
        .map_err(|_| Failure::Usage(format!("`{month}` is no month: write it like 2026-10")))?;
    let (ledger, _lock) = ledger::look(config).await?;
    let Closing { steps, proof, .. } = ledger.close(month, times::now()).await?;
    let ready = steps.iter().all(|s| s.light != Light::Red);
    out.document(&json!({ "month": month.to_string(), "ready": ready, "steps": steps, "digest": proof.digest() }));
    out.heading(&format!("{}: closing {month}", config.practice));
    let rows = steps
        .iter()
        .map(|l| {
            let mark = match l.light {
                Light::Green => "ok",
                Light::Amber => "open",
                Light::Red => "NO",
            };
            vec![l.step.to_string(), mark.into(), l.what.clone(), l.detail.clone()]
        })
        .collect();
    out.table(&["", "", "Step", ""], rows, "");
    out.line(format!("Digest of the proof: {}", proof.digest()));
    let green = steps.iter().all(|l| l.light == Light::Green);
    Ok(if green { Exit::Done } else { Exit::Waiting })
}
