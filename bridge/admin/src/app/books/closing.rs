//! The close of a month: its steps, who signed which, and what changed since.

use super::ask::wrong;
use super::{office, read};
use crate::app::call::Call;
use crate::app::render::{Answer, to};
use crate::app::words::{Clockwork, Moment, capital};
use crate::app::{App, Refused};
use axum::http::StatusCode;
use bridge_core::hex;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::{Office, Signatures, Signed, What, month_token};
use bridge_engine::ledger::reports::{Light, Step};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Months on the overview.
const MONTHS: usize = 3;

/// The steps of a close with their signatures.
#[derive(Serialize)]
pub struct Closing {
    month: String,
    steps: Vec<StepLine>,
    /// The month's own signature.
    signed: Option<SignedLine>,
    /// What is signed with the month, once every step is.
    token: Option<String>,
    /// How many steps are signed as they stand.
    stand: usize,
    /// Done steps that nobody has signed as they stand, and what stands for all of them.
    ready: Option<(usize, String)>,
}

#[derive(Serialize)]
struct StepLine {
    step: u8,
    what: String,
    mood: &'static str,
    state: &'static str,
    detail: String,
    link: String,
    figures: Vec<(String, String)>,
    token: String,
    /// Something stands in its way: it is signed with a note.
    explained: bool,
    signed: Option<SignedLine>,
}

#[derive(Serialize)]
struct SignedLine {
    by: String,
    at: Moment,
    note: String,
    token: String,
    changes: Vec<String>,
    /// When it was first noticed.
    changed: Option<Moment>,
}

/// How far a close is, for the overview.
#[derive(Serialize)]
pub struct Far {
    month: String,
    link: String,
    mood: &'static str,
    words: String,
}

/// The steps of a month as they were last reckoned.
pub async fn closing(call: &Call, clock: &Clockwork, month: Month, steps: &[Step]) -> Result<Closing, Refused> {
    let signatures = office(call).signatures(month).await.map_err(read)?;
    let open = signatures.open(steps);
    let line = |step: &Step| {
        let (mood, state) = match step.light {
            Light::Green => ("good", "Done"),
            Light::Amber => ("busy", "Open"),
            Light::Red => ("bad", "In the way"),
        };
        StepLine {
            link: drill(step.step, month),
            step: step.step,
            what: capital(&step.what),
            mood,
            state,
            detail: step.detail.clone(),
            figures: step.figures.clone().into_iter().collect(),
            token: step.token(month),
            explained: step.light == Light::Red,
            signed: signatures.of_step(step).map(|signed| signed_line(signed, clock)),
        }
    };
    let ready = ready(&signatures, month, steps);
    Ok(Closing {
        month: month.to_string(),
        steps: steps.iter().map(line).collect(),
        signed: signatures.of_month(steps).map(|signed| signed_line(signed, clock)),
        token: (open.is_empty() && !steps.is_empty()).then(|| month_token(month, steps)),
        stand: steps.len() - open.len(),
        ready: (!ready.is_empty()).then(|| (ready.len(), of_all(&ready))),
    })
}

fn signed_line(signed: Signed, clock: &Clockwork) -> SignedLine {
    let Signed { sign_off, changes } = signed;
    SignedLine {
        token: sign_off.token_of_it(),
        at: clock.moment(sign_off.at),
        changed: clock.maybe(sign_off.changed),
        by: sign_off.by,
        note: sign_off.note,
        changes,
    }
}

/// Done steps that nobody has signed as they stand, each with its token.
fn ready(signatures: &Signatures, month: Month, steps: &[Step]) -> Vec<(u8, String)> {
    let open = signatures.open(steps);
    let due = |step: &&Step| step.light == Light::Green && open.contains(&step.step);
    let due = steps.iter().filter(due);
    due.map(|step| (step.step, step.token(month))).collect()
}

fn of_all(steps: &[(u8, String)]) -> String {
    let mut hash = Sha256::new();
    for (_, token) in steps {
        hash.update(token.as_bytes());
    }
    hex(&hash.finalize()[..16])
}

/// Where the reason of a step can be seen.
fn drill(step: u8, month: Month) -> String {
    match step {
        2 => "/books/preview".into(),
        3 | 5 | 6 | 8 => format!("/books/proof/{}-{}", month.first(), month.last()),
        4 => "/books/drift".into(),
        9 => format!("/books/statements?month={month}"),
        _ => "/books".into(),
    }
}

async fn steps(office: &Office, month: Month) -> Result<Vec<Step>, Refused> {
    let report = office.report(&format!("close-{month}")).await.map_err(read)?;
    Ok(report.map(|report| report.steps).unwrap_or_default())
}

/// How far the closes are: of the months of which something is signed, and of this one.
pub async fn far(call: &Call, latest: Month) -> Result<Vec<Far>, Refused> {
    let office = office(call);
    let mut months = office.signed_months().await.map_err(read)?;
    if !months.contains(&latest) {
        months.insert(0, latest);
    }
    let mut all = Vec::new();
    for month in months.into_iter().take(MONTHS) {
        let (signatures, steps) = (
            office.signatures(month).await.map_err(read)?,
            steps(&office, month).await?,
        );
        if steps.is_empty() {
            continue;
        }
        let open = signatures.open(&steps);
        let signed = steps.len() - open.len();
        let changed = steps.iter().filter(|step| open.contains(&step.step));
        let changed = changed.filter(|step| signatures.of_step(step).is_some()).count();
        let (mood, words) = match signatures.of_month(&steps) {
            Some(of) if of.stands() => ("good", format!("signed by {}", of.sign_off.by)),
            Some(of) => (
                "bad",
                format!(
                    "signed by {}, and changed since: {}",
                    of.sign_off.by,
                    of.changes.join("; ")
                ),
            ),
            None if changed > 0 => (
                "bad",
                format!("{signed} of {} steps signed; {changed} changed since", steps.len()),
            ),
            None => ("busy", format!("{signed} of {} steps signed", steps.len())),
        };
        all.push(Far {
            month: month.to_string(),
            link: format!("/books/close/{month}"),
            mood,
            words,
        });
    }
    Ok(all)
}

/// Signs for what was shown, or takes a signature back.
pub async fn sign(_: &App, call: &Call) -> Answer {
    let office = office(call);
    let month = super::ask::month(call.typed("month"))?;
    let (by, note, token) = (call.by()?, call.typed("note"), call.typed("token"));
    let what = What::parse(call.typed("what"));
    match (call.typed("do"), what) {
        ("sign", Some(what)) => office.sign(month, what, token, (by, note), call.now).await,
        ("withdraw", Some(what)) => office.withdraw(month, what, token, by, call.now).await,
        ("ready", None) => {
            let (signatures, steps) = (
                office.signatures(month).await.map_err(read)?,
                steps(&office, month).await?,
            );
            let ready = ready(&signatures, month, &steps);
            if ready.is_empty() || of_all(&ready) != token {
                return Err(Refused::Told(
                    StatusCode::CONFLICT,
                    "It is no longer what was shown, or somebody has signed it already. Go back and look again.".into(),
                ));
            }
            for (step, token) in ready {
                office
                    .sign(month, What::Step(step), &token, (by, note), call.now)
                    .await
                    .map_err(read)?;
            }
            Ok(())
        }
        _ => return Err(wrong("There is nothing of that name to sign.")),
    }
    .map_err(read)?;
    Ok(to(&format!("/books/close/{month}")))
}
