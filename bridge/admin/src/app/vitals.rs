//! Health: how the practice is doing, as `/status.json` says it, in words. No personal values.

use super::call::Call;
use super::chart::{Chart, charts};
use super::remedy::{self, Remedy, Told};
use super::render::{Answer, page, to};
use super::words::{Clockwork, Moment, capital, count, duration, system, thousands};
use super::{App, Refused};
use crate::access::role::Role;
use crate::desk::seen::{self, Seen};
use bridge_core::Time;
use bridge_engine::Approval;
use bridge_engine::vitals::{AlertCode, LedgerVitals, PartVitals, ProofVitals, Sight, State, SystemVitals, Vitals};
use bridge_store::{Run, Span};
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs that are shown.
const RUNS: usize = 8;
/// A day, microseconds.
const DAY: Time = 86_400_000_000;

#[derive(Serialize)]
struct Health {
    /// How it is as a whole: `good`, `busy`, `bad`.
    mood: &'static str,
    headline: &'static str,
    detail: String,
    /// What is to be done first, if it is for a person to do.
    remedy: Option<Remedy>,
    looked: Option<Moment>,
    /// Why nobody could look.
    lost: Option<String>,
    alerts: Vec<AlertLine>,
    systems: Vec<SystemLine>,
    waiting: Vec<Figure>,
    work: Vec<Figure>,
    parts: Vec<PartLine>,
    books: Option<Books>,
    subscribers: Vec<SubscriberLine>,
    runs: Vec<RunLine>,
    charts: Vec<Chart>,
    month: bool,
    tends: bool,
}

#[derive(Serialize)]
struct AlertLine {
    key: String,
    /// Who looks after it, and until when.
    seen: Option<SeenLine>,
    serious: bool,
    about: Option<String>,
    message: String,
    remedy: Remedy,
    /// What the message names for whoever runs the bridge.
    runner: Vec<remedy::Piece>,
}

#[derive(Serialize)]
struct SeenLine {
    by: String,
    until: Moment,
}

#[derive(Serialize)]
struct SystemLine {
    name: String,
    mood: &'static str,
    sight: &'static str,
    looked: Option<Moment>,
    allowed: String,
    records: u64,
    /// When all of them were last compared at once.
    swept: Option<Moment>,
    linked: u64,
    calls: u64,
    budget: Option<BudgetLine>,
    credentials: Option<Moment>,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct BudgetLine {
    limit: u64,
    used: u64,
    forecast: u64,
}

#[derive(Serialize)]
struct Figure {
    what: &'static str,
    count: u64,
    link: Option<&'static str>,
    hint: &'static str,
}

#[derive(Serialize)]
struct PartLine {
    name: String,
    mood: &'static str,
    at: Moment,
    figures: Vec<String>,
    waiting: u64,
    told: Vec<Told>,
}

#[derive(Serialize)]
struct Books {
    at: Moment,
    posted: u64,
    held: u64,
    approved: bool,
    unapproved: u64,
    trouble: Vec<String>,
    proof: Option<String>,
    agrees: bool,
    /// An earlier one that found differences which none has found gone since.
    amiss: Option<String>,
}

#[derive(Serialize)]
struct SubscriberLine {
    name: String,
    waiting: u64,
    state: String,
    good: bool,
}

#[derive(Serialize)]
pub(super) struct RunLine {
    kind: String,
    started: Moment,
    pub took: String,
    pub counts: Vec<String>,
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let runs = call.shelf.store.runs(RUNS).await?;
    let runs = runs.iter().map(|run| run_line(run, &clock)).collect();
    let vitals = app.watch.vitals();
    let mut content = match &vitals {
        Ok(vitals) => {
            let taken = seen::seen(&call.shelf.store, &vitals.alerts, call.now).await?;
            let mut content = health(vitals, &clock, runs, &taken);
            for (row, name) in content.systems.iter_mut().zip(vitals.systems.keys()) {
                row.swept = clock.maybe(bridge_engine::swept(&call.shelf.store, name).await?);
            }
            content
        }
        Err(why) => Health {
            mood: "bad",
            headline: "Nobody could look just now",
            detail: "The service looks again every few seconds.".into(),
            remedy: None,
            looked: None,
            lost: Some(super::sentence(why)),
            alerts: vec![],
            systems: vec![],
            waiting: vec![],
            work: vec![],
            parts: vec![],
            books: None,
            subscribers: vec![],
            runs,
            charts: vec![],
            month: false,
            tends: false,
        },
    };
    content.month = call.query.get("charts").is_some_and(|of| of == "month");
    let (span, stretch) = if content.month {
        (Span::Hour, 30 * DAY)
    } else {
        (Span::Minute, DAY)
    };
    let samples = call.shelf.store.samples(span, call.now - stretch).await?;
    content.charts = charts(&samples, stretch, vitals.as_deref().ok(), &clock, call.now);
    content.tends = call.role() != Some(Role::Auditor);
    content.remedy = content.remedy.map(|remedy| remedy.seen_by(call));
    for alert in &mut content.alerts {
        alert.remedy = std::mem::take(&mut alert.remedy).seen_by(call);
    }
    page(app, call, "vitals.html", content)
}

fn health(vitals: &Vitals, clock: &Clockwork, runs: Vec<RunLine>, taken: &BTreeMap<String, Seen>) -> Health {
    let (mood, headline) = headline(vitals);
    let (of, left) = (&vitals.waiting, &vitals.work);
    let figure = |what, count, link, hint| Figure {
        what,
        count,
        link,
        hint,
    };
    Health {
        mood,
        headline,
        detail: detail(vitals),
        remedy: (vitals.state == State::Unapproved).then(remedy::of_plan),
        looked: Some(clock.moment(vitals.at)),
        lost: None,
        alerts: vitals
            .alerts
            .iter()
            .map(|alert| (alert, remedy::told(&alert.message)))
            .map(|(alert, told)| AlertLine {
                seen: taken.get(&seen::name(alert)).map(|seen| SeenLine {
                    by: seen.by.clone(),
                    until: clock.moment(seen.until),
                }),
                key: seen::name(alert),
                serious: matches!(
                    alert.code,
                    AlertCode::CouldNotLook | AlertCode::Credentials | AlertCode::Brake | AlertCode::Approval
                ),
                about: alert.system.as_deref().map(system),
                message: told.words,
                runner: told.runner,
                remedy: remedy::of_alert(&alert.remedy),
            })
            .collect(),
        systems: vitals
            .systems
            .iter()
            .map(|(name, of)| system_line(name, of, clock))
            .collect(),
        waiting: vec![
            figure(
                "Values that differ",
                of.conflicts,
                Some("/inbox?show=conflicts"),
                "two systems were changed differently",
            ),
            figure(
                "Possible matches",
                of.candidates,
                Some("/inbox?show=matches"),
                "two records may be one person",
            ),
            figure(
                "Questions about records",
                of.cards,
                Some("/inbox?show=questions"),
                "removed, merged, or in doubt",
            ),
            figure(
                "Held back",
                of.holds,
                Some("/inbox?show=holds"),
                "a system did not take a value",
            ),
            figure(
                "Systems on the brake",
                of.brakes,
                Some("/runs"),
                "too much would change at once",
            ),
        ],
        work: vec![
            figure("People to be judged", left.dirty, None, "something of theirs changed"),
            figure(
                "Writes to be sent",
                left.planned,
                None,
                "decided, and on their way next",
            ),
            figure(
                "Writes on their way",
                left.unsettled,
                None,
                "sent, and not yet confirmed",
            ),
            figure(
                "Writes without an answer",
                left.unknown,
                None,
                "looked at before anything is repeated",
            ),
            figure(
                "Records to be read again",
                left.looks,
                None,
                "something showed a change",
            ),
            figure(
                "Records to be identified",
                left.unidentified,
                None,
                "it is not decided yet whose they are",
            ),
        ],
        parts: vitals
            .parts
            .iter()
            .map(|(name, part)| part_line(name, part, clock))
            .collect(),
        books: vitals.ledger.as_ref().map(|ledger| books(ledger, clock)),
        subscribers: vitals
            .subscribers
            .iter()
            .map(|(name, of)| SubscriberLine {
                name: name.clone(),
                waiting: of.waiting,
                good: of.failing_seconds == 0 && !of.parked,
                state: match (&of.trouble, of.parked) {
                    (Some(why), true) => format!("tried rarely: {why}"),
                    (Some(why), false) => format!("failing for {}: {why}", duration(of.failing_seconds)),
                    (None, _) => "takes what it is sent".into(),
                },
            })
            .collect(),
        runs,
        charts: vec![],
        month: false,
        tends: false,
    }
}

/// Somebody takes an alert on, or lets go of it.
pub(super) async fn seen(app: &App, call: &Call) -> Answer {
    let vitals = app.watch.vitals().map_err(|_| Refused::Away)?;
    let mut alerts = vitals.alerts.iter();
    let alert = alerts.find(|alert| seen::name(alert) == call.typed("alert"));
    // It may be over by now: then there is nothing to take on.
    if let Some(alert) = alert {
        let hours = call.typed("hours").parse().unwrap_or(8);
        seen::take_on(&call.shelf.store, alert, hours, call.by()?, call.now).await?;
    }
    Ok(to("/vitals"))
}

fn headline(vitals: &Vitals) -> (&'static str, &'static str) {
    match (vitals.state, &vitals.approval) {
        (State::CouldNotLook, _) => ("bad", "Something could not be looked at"),
        (State::Starting, _) => ("busy", "Starting: not everything was read yet"),
        (State::Unapproved, Approval::Outdated) => ("bad", "The rules have changed: an approval is needed"),
        (State::Unapproved, _) => ("busy", "Reading only: nothing is approved yet"),
        (State::Working, _) => ("good", "Working"),
        (State::NothingToDo, _) => ("good", "Everything is in step"),
    }
}

fn detail(vitals: &Vitals) -> String {
    match vitals.state {
        State::CouldNotLook => "What the systems named below hold now is not known. Nothing is lost.".into(),
        State::Starting => "Nobody is created before everybody was read.".into(),
        State::Unapproved => "Until the plan is approved nothing is written.".into(),
        State::Working if vitals.oldest_work_seconds > 0 => {
            format!("The longest waiting for {}.", duration(vitals.oldest_work_seconds))
        }
        State::Working => "Changes are on their way.".into(),
        State::NothingToDo => "Every system was looked at in time, and nothing is left to do.".into(),
    }
}

fn system_line(name: &str, of: &SystemVitals, clock: &Clockwork) -> SystemLine {
    let (mood, sight) = match of.sight {
        Sight::Current => ("good", "up to date"),
        Sight::Starting => ("busy", "being read"),
        Sight::CouldNotLook => ("bad", "not reached"),
    };
    SystemLine {
        name: system(name),
        mood,
        sight,
        looked: clock.maybe(of.looked),
        allowed: duration(of.allowed_seconds),
        records: of.records,
        swept: None,
        linked: of.linked,
        calls: of.calls_today,
        budget: of.budget.as_ref().map(|budget| BudgetLine {
            limit: budget.limit,
            used: budget.used,
            forecast: budget.forecast,
        }),
        credentials: clock.maybe(of.credentials_until),
        trouble: of.trouble.as_ref().map(|trouble| super::sentence(&trouble.what)),
    }
}

fn part_line(name: &str, part: &PartVitals, clock: &Clockwork) -> PartLine {
    let figures = part.figures.iter();
    PartLine {
        name: capital(name),
        mood: if part.trouble.is_empty() { "good" } else { "bad" },
        at: clock.moment(part.at),
        figures: figures.map(|(what, n)| format!("{} {what}", thousands(*n))).collect(),
        waiting: part.waiting,
        told: part
            .trouble
            .iter()
            .chain(&part.notices)
            .map(|why| remedy::told(why))
            .collect(),
    }
}

fn books(ledger: &LedgerVitals, clock: &Clockwork) -> Books {
    let proof = ledger.proof.as_ref();
    Books {
        at: clock.moment(ledger.at),
        posted: ledger.posted,
        held: ledger.held,
        approved: ledger.approved,
        unapproved: ledger.unapproved,
        trouble: ledger.trouble.iter().map(|why| super::sentence(why)).collect(),
        agrees: proof.is_some_and(ProofVitals::agrees),
        proof: proof.map(|proof| proof_words(proof, clock)),
        amiss: ledger
            .amiss
            .as_ref()
            .filter(|amiss| Some(*amiss) != proof)
            .map(|amiss| proof_words(amiss, clock)),
    }
}

/// Which days, when, and what it came to.
pub(super) fn proof_words(proof: &ProofVitals, clock: &Clockwork) -> String {
    let came_to = match (&proof.failed, proof.differences) {
        (Some(why), _) => format!("could not be done: {why}"),
        (None, Some(0)) => "no difference".into(),
        (None, Some(n)) => count(n, "difference"),
        (None, None) => "not finished".into(),
    };
    let ago = clock.moment(proof.at).ago;
    format!("{} to {}, {ago}: {came_to}", proof.from, proof.to)
}

/// What a run may have come to, as it is counted, in words for one and for several.
const CAME_TO: [(&str, &str, &str); 15] = [
    ("written", "record written", "records written"),
    ("created", "record made", "records made"),
    ("updated", "record changed", "records changed"),
    ("links", "person linked", "people linked"),
    ("entities", "person known", "people known"),
    ("conflicts", "value that differs", "values that differ"),
    ("candidates", "possible match", "possible matches"),
    ("twice", "person entered twice", "people entered twice"),
    ("faint", "faint resemblance", "faint resemblances"),
    ("cards", "question", "questions"),
    ("holds", "held back", "held back"),
    ("brakes", "system on the brake", "systems on the brake"),
    ("paused", "write paused", "writes paused"),
    ("unapproved", "write not approved", "writes not approved"),
    ("failures", "system without an answer", "systems without an answer"),
];

pub(super) fn run_line(run: &Run, clock: &Clockwork) -> RunLine {
    // Counts are numbers, or numbers by system.
    let mut counts = vec![];
    for (key, one, more) in CAME_TO {
        let of = &run.counts[key];
        let by_system = of.as_object().into_iter().flatten();
        let sum: u64 = by_system.filter_map(|(_, n)| n.as_u64()).sum::<u64>() + of.as_u64().unwrap_or(0);
        if sum > 0 {
            counts.push(format!("{} {}", thousands(sum), if sum == 1 { one } else { more }));
        }
    }
    RunLine {
        kind: capital(&run.kind),
        started: clock.moment(run.started),
        took: match run.ended {
            None => "not ended".into(),
            Some(end) => {
                let tenths = (end - run.started).max(0) / 100_000;
                match tenths {
                    0..1_200 => format!("{}.{} s", tenths / 10, tenths % 10),
                    _ => duration((tenths / 10).unsigned_abs()),
                }
            }
        },
        counts,
    }
}
