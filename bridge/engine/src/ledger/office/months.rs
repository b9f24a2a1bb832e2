//! The reports of a month: its close, its proof, and the practitioners' statements.

use super::file::{Draft, Files, Mood, Report, pretty, proof};
use super::{Act, Item};
use crate::ledger::Ledger;
use crate::ledger::reports::{Closing, Light};
use bridge_core::Time;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::statement::{Statement, Statements, journal};
use bridge_core::ledger::{Document, EntryState};
use serde_json::json;

/// How a practitioner's statement is called: the key of its journal without what comes before the name.
fn slug(statement: &Statement) -> String {
    let month = statement.month.to_string();
    let at = statement.key.find(&month).map_or(0, |at| at + month.len());
    let name = statement.key[at..].trim_start_matches('-');
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

/// Everything of the month.
pub(super) async fn reports(
    practice: &str,
    ledger: &Ledger,
    month: Month,
    closing: &Closing,
    at: Time,
) -> Vec<(Report, Files)> {
    let read = ledger.readings_sheet().await;
    let mut all = vec![
        close(practice, month, closing, at),
        proof(practice, &closing.proof, &read, at),
    ];
    if let Ok(stated) = &closing.statements {
        let journals = journals(ledger, stated).await;
        all.push(overview(practice, stated, &journals, at));
        all.extend(stated.practitioners.iter().map(|one| statement(practice, one, at)));
    }
    all
}

fn close(practice: &str, month: Month, closing: &Closing, at: Time) -> (Report, Files) {
    let of = |light: Light| closing.steps.iter().filter(|s| s.light == light).count();
    let (mood, verdict) = match (of(Light::Red), of(Light::Amber)) {
        (0, 0) => (Mood::Good, "Every step is done.".into()),
        (0, open) => (
            Mood::Busy,
            format!("Nothing stands in the way; still open: {open} of ten steps."),
        ),
        (red, _) => (Mood::Bad, format!("In the way: {red} of ten steps.")),
    };
    let mut sheet = Sheet::new(&["step", "what", "state", "found"]);
    for step in &closing.steps {
        let state = match step.light {
            Light::Green => "done",
            Light::Amber => "open",
            Light::Red => "in the way",
        };
        sheet.push([
            step.step.to_string(),
            step.what.clone(),
            state.into(),
            step.detail.clone(),
        ]);
    }
    let mut draft = Draft::new(practice, &format!("close-{month}"), &format!("Closing {month}"), at)
        .verdict(mood, verdict)
        .table("Steps", "", sheet);
    draft.steps.clone_from(&closing.steps);
    draft
        .notes
        .push(format!("Digest of the proof: {}", closing.proof.digest()));
    let ready = of(Light::Red) == 0;
    let digest = closing.proof.digest();
    draft.report(&json!({ "month": month, "ready": ready, "steps": closing.steps, "digest": digest }))
}

/// Journals of service fees that are not in the books as proposed, with what each is about.
pub(super) async fn journals(ledger: &Ledger, stated: &Statements) -> Vec<(Item, Document)> {
    let rules = &ledger.settings().rules;
    let proposed = stated
        .practitioners
        .iter()
        .filter_map(|s| journal(s, rules).ok().flatten());
    open(ledger, Act::Fee, proposed.collect(), Some(stated.month)).await
}

/// Journals of these that are neither in the books nor on their way, each as something to decide.
pub(super) async fn open(
    ledger: &Ledger,
    act: Act,
    proposed: Vec<Document>,
    month: Option<Month>,
) -> Vec<(Item, Document)> {
    let entries = ledger.entries().await;
    let due = |d: &Document| {
        let known = entries.iter().find(|e| e.document.key == d.key).map(|e| e.state);
        matches!(known, None | Some(EntryState::Planned | EntryState::Refused))
    };
    let due = proposed.into_iter().filter(due);
    due.map(|d| (Item::of_journal(act, &d, month), d)).collect()
}

fn overview(practice: &str, stated: &Statements, journals: &[(Item, Document)], at: Time) -> (Report, Files) {
    let month = stated.month;
    let (mood, verdict) = match journals.len() {
        0 => (Mood::Good, "Every service fee is booked.".to_owned()),
        n => (Mood::Busy, format!("{n} journals of service fees are not booked.")),
    };
    let mut draft = Draft::new(
        practice,
        &format!("statements-{month}"),
        &format!("Practitioners, {month}"),
        at,
    )
    .verdict(mood, verdict)
    .table("Practitioners", "", stated.overview())
    .table("Of no practitioner", "", stated.apart_sheet());
    draft.notes.clone_from(&stated.notes);
    draft.items = journals.iter().map(|(item, _)| item.clone()).collect();
    draft.with(Files {
        csv: stated.csv(),
        json: pretty(&json!(stated)),
        page: stated.html(),
        ..Files::default()
    })
}

fn statement(practice: &str, one: &Statement, at: Time) -> (Report, Files) {
    let mut totals = Sheet::new(&["of the month", "#amount"]);
    for (what, amount) in one.totals() {
        totals.push([what.to_owned(), amount.to_string()]);
    }
    let id = format!("statement-{}-{}", one.month, slug(one));
    let title = format!("{}, {}", one.practitioner, one.month);
    let verdict = match one.payable {
        Some(payable) => format!("{payable} payable."),
        None => "No fee rules: what is paid is not decided here.".into(),
    };
    let mut draft = Draft::new(practice, &id, &title, at)
        .verdict(Mood::Good, verdict)
        .table("Totals", "", totals)
        .table("Every row behind it", "", one.rows());
    draft.notes = one.fee_lines();
    draft.with(Files {
        csv: one.csv(),
        json: pretty(&json!(one)),
        page: one.html(),
        ..Files::default()
    })
}
