//! `ledger close`: the ten steps of closing a month, each with what stands in its way.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use crate::times;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::ledger::office::{Office, Signed};
use bridge_engine::ledger::reports::Light;
use serde_json::{Value as Json, json};

pub async fn run(config: &Config, month: &str, out: &Output) -> Result<Exit, Failure> {
    let month: Month = month
        .parse()
        .map_err(|_| Failure::Usage(format!("`{month}` is no month: write it like 2026-10")))?;
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    let closing = ledger.close(month, now).await?;
    let office = Office::new(ledger.store().clone());
    // The app shows, and has people sign, the same figures.
    Keeper::new(office.clone(), &ledger, &config.practice)
        .closed(month, &closing, now)
        .await?;
    let signatures = office.signatures(month).await?;
    let (steps, digest) = (&closing.steps, closing.proof.digest());
    let ready = steps.iter().all(|s| s.light != Light::Red);
    let signed: Vec<Option<Signed>> = steps.iter().map(|step| signatures.of_step(step)).collect();
    let of_month = signatures.of_month(steps);
    let told: Vec<Json> = steps
        .iter()
        .zip(&signed)
        .map(|(step, signed)| {
            let mut told = json!(step);
            told["signed"] = json!(signed);
            told
        })
        .collect();
    out.document(
        &json!({ "month": month.to_string(), "ready": ready, "steps": told, "digest": digest,
        "signed": of_month }),
    );
    out.heading(&format!("{}: closing {month}", config.practice));
    let rows = steps
        .iter()
        .zip(&signed)
        .map(|(l, signed)| {
            let mark = match l.light {
                Light::Green => "ok",
                Light::Amber => "open",
                Light::Red => "NO",
            };
            let signed = signed.as_ref().map(|s| words(config, s)).unwrap_or_default();
            vec![
                l.step.to_string(),
                mark.into(),
                l.what.clone(),
                l.detail.clone(),
                signed,
            ]
        })
        .collect();
    out.table(&["", "", "Step", "", "Signed"], rows, "");
    if let Some(signed) = &of_month {
        out.line(format!("The month: {}", words(config, signed)));
    }
    out.line(format!("Digest of the proof: {digest}"));
    let green = steps.iter().all(|l| l.light == Light::Green);
    Ok(if green { Exit::Done } else { Exit::Waiting })
}

fn words(config: &Config, signed: &Signed) -> String {
    let of = &signed.sign_off;
    let mut words = format!("{}, {}", of.by, times::local(of.at, &config.time_zone));
    if !of.note.is_empty() {
        words += &format!(": {}", of.note);
    }
    if !signed.stands() {
        words += &format!("; changed since: {}", signed.changes.join("; "));
    }
    words
}
