//! `ledger prove` and `ledger drift`.

use super::{posting, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::prove::Proof;
use bridge_core::ledger::prove::sheets::{READ, differences};
use bridge_engine::ledger::office::Office;
use bridge_engine::ledger::office::keeper::Keeper;
use jiff::civil::Date;
use serde_json::json;
use std::path::Path;

pub async fn prove(
    config: &Config,
    (from, to): (Date, Date),
    full: bool,
    csv: Option<&Path>,
    html: Option<&Path>,
    out: &Output,
) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    let proof = ledger.prove(from, to, full, now).await?;
    let office = Office::new(ledger.store().clone());
    Keeper::new(office, &ledger, &config.practice)
        .proved(&proof, now)
        .await?;
    let read = ledger.readings_sheet().await;
    if let Some(path) = csv {
        write(path, &proof.figures(&read))?;
    }
    if let Some(path) = html {
        let title = format!("{}: proof of {from} to {to}", config.practice);
        write(path, &proof.printed(&title, &read, |words| config.command(words)))?;
    }
    out.document(
        &json!({ "holds": proof.holds(), "digest": proof.digest(), "proof": proof,
        "books_read": ledger.readings().await,
        "held": proof.held.iter().map(|h| posting::held_json(config, h)).collect::<Vec<_>>() }),
    );
    tell(config, &proof, out);
    out.heading(READ);
    out.line(read.text());
    Ok(if proof.holds() { Exit::Done } else { Exit::Waiting })
}

fn tell(config: &Config, proof: &Proof, out: &Output) {
    if proof.differences.is_empty() {
        out.heading(&format!(
            "{} to {}: Halaxy equals what was posted, and the books still say so.",
            proof.from, proof.to
        ));
    } else {
        out.heading(&format!(
            "{} to {}: {}",
            proof.from,
            proof.to,
            count(proof.differences.len() as u64, "difference")
        ));
        out.line(differences(&proof.differences).text());
    }
    if let Some(words) = proof.later_words() {
        out.line(words);
    }
    posting::tell_held(config, &proof.held, out);
    for (n, (title, sheet)) in proof.tables().into_iter().enumerate() {
        out.heading(&format!("{}{title}", if n == 0 { "\n" } else { "" }));
        out.line(sheet.text());
    }
    out.line(format!(
        "{} of Halaxy and {} of the books compared. Digest {}",
        count(proof.sources, "record"),
        count(proof.documents, "document"),
        proof.digest()
    ));
}

pub async fn drift(config: &Config, csv: Option<&Path>, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let drift = ledger.drift(times::now()).await?;
    let (changed, proposed) = (differences(&drift.differences), drift.proposed());
    if let Some(path) = csv {
        write(path, &drift.csv())?;
    }
    out.document(&drift.json());
    if drift.differences.is_empty() && proposed.is_empty() {
        out.line("Nothing changed after it was posted.");
        return Ok(Exit::Done);
    }
    out.heading("Changed after it was posted");
    out.line(changed.text());
    out.heading("Proposed");
    if !proposed.is_empty() {
        out.line(proposed.text());
        out.line(format!("The next pass posts that: {}", config.command("ledger post")));
    }
    if !drift.undone.is_empty() {
        out.line(format!(
            "Voided or deleted in the books: {}. To post them again: {}",
            drift.undone.join(", "),
            config.command("ledger repost --all")
        ));
    }
    if proposed.is_empty() && drift.undone.is_empty() {
        out.line("Nothing that the bridge can post: put it right in the books, where it was changed.");
    }
    Ok(Exit::Waiting)
}
