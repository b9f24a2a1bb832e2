//! Journals that a command proposes and a person has posted: which are in the books, and posting the others.

use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::entry::EntryState;
use bridge_core::ledger::{Cents, Document};
use bridge_engine::ledger::{Ledger, LedgerStep};
use serde_json::{Value as Json, json};

/// Proposed journals, and where each stands.
pub struct Journals {
    /// With the state of its entry, and whether what was posted says something else.
    all: Vec<(Document, Option<EntryState>, bool)>,
    /// The service at work was asked to post them.
    asked: bool,
    step: LedgerStep,
}

/// Looks which journals are in the books, and posts the others if a person asked for it; while a service is at work it is
/// the one that posts them.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn book(ledger: &Ledger, drives: bool, proposed: Vec<Document>, post: bool) -> Result<Journals, Failure> {
    let mut step = LedgerStep::default();
    let post = post && !proposed.is_empty();
    if post && drives {
        step = ledger.post_journals(proposed.clone(), times::now()).await?;
    } else if post {
        ledger.ask_journals(proposed.clone()).await?;
    }
    let entries = ledger.entries().await;
    let all = proposed
        .into_iter()
        .map(|document| {
            let there = entries.iter().find(|e| e.document.key == document.key);
            let state = there.map(|e| e.state);
            let differs = there.is_some_and(|e| e.counts() && e.document.lines != document.lines);
            (document, state, differs)
        })
        .collect();
    Ok(Journals {
        all,
        asked: post && !drives,
        step,
    })
}

impl Journals {
    /// Whether one is not in the books as proposed.
    pub fn open(&self) -> bool {
        self.all
            .iter()
            .any(|(_, state, differs)| *state != Some(EntryState::Posted) || *differs)
    }

    /// For programs.
    pub fn json(&self) -> Vec<Json> {
        let row = |(d, state, differs): &(Document, Option<EntryState>, bool)| {
            json!({ "key": d.key, "date": d.date, "note": d.note, "amount": amount(d).to_string(), "state": state,
                "differs": differs, "lines": d.lines })
        };
        self.all.iter().map(row).collect()
    }

    /// For people.
    pub fn tell(&self, what: &str, command: &str, out: &Output) {
        for trouble in &self.step.trouble {
            out.error(trouble);
        }
        let rows = self
            .all
            .iter()
            .map(|(d, state, differs)| {
                let stands = match (state, differs) {
                    (Some(EntryState::Posted), false) => "booked",
                    (Some(EntryState::Posted), true) => "booked with another amount: correct it by hand",
                    (Some(EntryState::Sent), _) => "sent; whether it arrived is looked up by the next pass",
                    (Some(EntryState::Refused), _) => "refused by the books (is its day locked?)",
                    (Some(EntryState::Void | EntryState::Voiding), _) => "voided in the books",
                    (Some(EntryState::Planned) | None, _) => "to be booked",
                };
                vec![d.date.to_string(), d.key.clone(), amount(d).to_string(), stands.into()]
            })
            .collect::<Vec<_>>();
        if rows.is_empty() {
            return;
        }
        let n = rows.len() as u64;
        out.heading(&format!("\n{}", count(n, &format!("{what} journal"))));
        out.table(&["Date", "Key", "Amount", ""], rows, "");
        let proposed = |(_, state, _): &(Document, Option<EntryState>, bool)| {
            matches!(state, None | Some(EntryState::Planned | EntryState::Refused))
        };
        if self.asked && self.all.iter().any(proposed) {
            out.line("The service at work posts them within seconds; the same command shows when it has.");
        } else if self.all.iter().any(proposed) {
            out.line(format!("To post them: {command}"));
        }
    }

    /// How the command ends.
    pub fn exit(&self, open: bool) -> Exit {
        match (self.step.trouble.is_empty(), open || self.open()) {
            (false, _) => Exit::Failed,
            (true, true) => Exit::Waiting,
            (true, false) => Exit::Done,
        }
    }
}

/// What goes through a journal: its debits with their tax.
fn amount(document: &Document) -> Cents {
    let sums = document.lines.iter().map(|l| l.net + l.tax);
    sums.filter(|c| c.is_positive()).sum()
}
