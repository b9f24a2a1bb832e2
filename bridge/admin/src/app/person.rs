//! Everything about one person: what each record holds, why they belong together, what waits, and the story in plain words
//! with what can be taken back. Roles that may not see values get the same without them.

mod act;

pub(super) use act::{apart, comment, steps, sync, undo, undo_write, unlink};

use super::affairs::{Fact, as_of, facts, month};
use super::call::Call;
use super::render::{Answer, page};
use super::words::{Clockwork, Moment, capital, named, same_way, system, unit, value};
use super::{App, sentence};
use crate::access::Viewed;
use crate::access::role::Role;
use crate::desk::person::{Around, RecordRow, UnitRow};
use crate::desk::timeline::{Entry, Story};
use crate::desk::{Record, Who};
use bridge_core::merge::AGREED;
use bridge_core::{Time, Value};
use bridge_engine::KEPT;
use serde::Serialize;
use std::collections::BTreeSet;

/// Lines of the story that are shown at first.
const LINES: usize = 60;

#[derive(Serialize)]
struct Person {
    id: String,
    values: bool,
    decides: bool,
    syncs: bool,
    name: Option<String>,
    born: Option<String>,
    number: Option<String>,
    records: Vec<String>,
    now: Vec<String>,
    facts: Vec<Fact>,
    as_of: Option<String>,
    systems: Vec<String>,
    units: Vec<UnitLine>,
    links: Vec<LinkLine>,
    waiting: Vec<WaitingLine>,
    others: Vec<OtherLine>,
    lost: Vec<LostLine>,
    story: Vec<Line>,
    older: u64,
    /// When a look was asked for from this page.
    since: Option<Time>,
    done: Option<String>,
}

#[derive(Serialize)]
struct UnitLine {
    key: String,
    title: String,
    agreed: Option<String>,
    held: Vec<Held>,
    apart: bool,
    asked: bool,
    token: String,
}

#[derive(Serialize)]
struct Held {
    known: bool,
    text: Option<String>,
    differs: bool,
}

#[derive(Serialize)]
struct LinkLine {
    key: String,
    system: String,
    id: String,
    live: bool,
    known: Moment,
    evidence: String,
    written: Vec<String>,
    only: bool,
}

#[derive(Serialize)]
struct WaitingLine {
    id: String,
    what: String,
    since: Moment,
}

#[derive(Serialize)]
struct OtherLine {
    /// None for somebody at another location.
    entity: Option<String>,
    name: Option<String>,
    record: Option<String>,
    same: &'static str,
}

#[derive(Serialize)]
struct LostLine {
    unit: String,
    system: String,
    text: Option<String>,
    at: Moment,
    why: String,
}

#[derive(Serialize)]
struct Line {
    at: Moment,
    place: Option<String>,
    text: String,
    sort: &'static str,
    detail: Option<String>,
    undone: Option<Moment>,
    /// The decision that can be taken back.
    decision: Option<String>,
    /// The write that can be taken back: its system and moment.
    write: Option<(String, Time)>,
}

/// `Halaxy 1001`, `CRM 77 (removed)`.
pub(super) fn records(all: &[Record]) -> Vec<String> {
    let text = |record: &Record| {
        let gone = if record.live { "" } else { " (removed)" };
        format!("{} {}{gone}", system(&record.system), record.id)
    };
    all.iter().map(text).collect()
}

/// As systems are shown everywhere, the home system's record first.
fn in_order(mut all: Vec<Record>, systems: &[String]) -> Vec<Record> {
    let place = |name: &str| systems.iter().position(|system| system == name).unwrap_or(usize::MAX);
    all.sort_by_key(|record| place(&record.system));
    all
}

fn decides(call: &Call) -> bool {
    matches!(call.role(), Some(Role::Admin | Role::Reviewer))
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let (desk, id) = (call.desk()?, call.part());
    let all = call.query.contains_key("all");
    let story = match all {
        true => desk.story(id).await?,
        false => desk.latest_story(id, LINES).await?,
    };
    let older = match story.history.len() == LINES && !all {
        true => desk.store().lines_of(id).await?.saturating_sub(LINES as u64),
        false => 0,
    };
    let around = desk.around(id, &app.settings.systems).await?;
    let values = call.sees_values();
    let mut affairs = None;
    if values {
        let found = desk.affairs_of(id).await?;
        let units = around.units.iter().map(|row| row.unit.clone());
        let units = units.chain(found.shown().into_iter().map(str::to_string));
        affairs = Some(found);
        let lost = around.lost.iter().map(|(unit, _)| unit.clone());
        let own = Viewed {
            entity: Some(id.into()),
            record: None,
            units: units.chain(lost).collect::<BTreeSet<_>>().into_iter().collect(),
        };
        let others = around.others.iter().filter_map(|other| other.who.as_ref());
        let others = others.map(|who| Viewed {
            entity: Some(who.entity.clone()),
            record: None,
            units: vec!["official_name".into()],
        });
        let viewed = std::iter::once(own).chain(others).collect();
        let access = &call.shelf.access;
        access
            .viewed(&call.known()?.user, "a person's page was shown", viewed)
            .await?;
    }
    let view = View {
        clock: Clockwork::new(call.now, &app.settings.time_zone),
        values,
        decides: decides(call),
        now: call.now,
    };
    let mut content = view.person(story, around, &app.settings.systems);
    content.older = older;
    if let Some(affairs) = affairs {
        content.as_of = as_of(&affairs, &view.clock);
        content.facts.splice(0..0, facts(&affairs, &view.clock));
    }
    content.syncs = call.role() != Some(Role::Auditor);
    content.since = call.query.get("since").and_then(|text| text.parse().ok());
    content.done = call.query.get("done").and_then(|done| told(done)).map(Into::into);
    page(app, call, "person.html", content)
}

fn told(done: &str) -> Option<&'static str> {
    Some(match done {
        "undone" => "Taken back. What was sent meanwhile is put back with the next step.",
        "written" => "The write is taken back: what stood there before is put back with the next step.",
        "apart" => "From now on this is never synced for this person.",
        "together" => "This takes part in the sync again.",
        "unlinked" => {
            "The record was cut off. It is a person of its own now, and the two are not linked again by themselves."
        }
        "said" => "Your comment was added.",
        _ => return None,
    })
}

struct View {
    clock: Clockwork,
    values: bool,
    decides: bool,
    now: Time,
}

impl View {
    fn person(&self, story: Story, around: Around, systems: &[String]) -> Person {
        let Who {
            entity,
            name,
            born,
            number,
            records: own,
            ..
        } = story.who;
        let mut lines = self.lines(story.history, systems);
        lines.reverse();
        let only = around.records.len() < 2;
        Person {
            id: entity,
            values: self.values,
            decides: self.decides,
            syncs: true,
            name: name.filter(|_| self.values),
            born: born.filter(|_| self.values),
            number: number.filter(|_| self.values),
            records: records(&in_order(own, systems)),
            now: story.now.iter().map(|line| sentence(&named(line, systems))).collect(),
            facts: self.facts(&around),
            as_of: None,
            systems: systems.iter().map(|name| system(name)).collect(),
            units: around.units.into_iter().map(|row| self.unit(row)).collect(),
            links: around.records.into_iter().map(|row| self.link(row, only)).collect(),
            waiting: story
                .waiting
                .into_iter()
                .map(|row| WaitingLine {
                    what: capital(&row.what),
                    since: self.clock.moment(row.since),
                    id: row.id,
                })
                .collect(),
            others: around
                .others
                .into_iter()
                .map(|other| OtherLine {
                    same: same_way(&other.same),
                    entity: other.who.as_ref().map(|who| who.entity.clone()),
                    name: other
                        .who
                        .as_ref()
                        .and_then(|who| who.name.clone())
                        .filter(|_| self.values),
                    record: other.who.map(|who| records(&in_order(who.records, systems)).join(", ")),
                })
                .collect(),
            lost: around
                .lost
                .into_iter()
                .rev()
                .map(|(name, lost)| LostLine {
                    unit: unit(&name),
                    system: system(&lost.system),
                    text: self.text(&lost.value),
                    at: self.clock.moment(lost.at),
                    why: lost.why,
                })
                .collect(),
            story: lines,
            older: 0,
            since: None,
            done: None,
        }
    }

    fn text(&self, of: &Value) -> Option<String> {
        self.values.then(|| value(of))
    }

    fn facts(&self, around: &Around) -> Vec<Fact> {
        if !self.values {
            return vec![];
        }
        let fact = |(name, text): (&&str, &String)| Fact {
            title: match *name {
                "sessions_left" => "Referral: sessions left",
                _ => "Referral runs until",
            },
            text: month(text),
            faint: false,
        };
        around.facts.iter().map(fact).collect()
    }

    fn unit(&self, row: UnitRow) -> UnitLine {
        let held = row.held.iter().map(|held| Held {
            known: held.is_some(),
            text: held.as_ref().and_then(|held| self.text(held)),
            differs: match (held, &row.agreed) {
                (Some(held), Some(agreed)) => held != agreed,
                _ => false,
            },
        });
        UnitLine {
            title: unit(&row.unit),
            held: held.collect(),
            agreed: row.agreed.as_ref().and_then(|agreed| self.text(agreed)),
            apart: row.apart,
            asked: row.asked,
            token: row.token,
            key: row.unit,
        }
    }

    fn link(&self, row: RecordRow, only: bool) -> LinkLine {
        LinkLine {
            system: system(&row.system),
            key: row.system,
            id: row.id,
            live: row.live,
            known: self.clock.moment(row.known_at),
            evidence: sentence(&row.evidence),
            written: row.written.iter().map(|name| unit(name)).collect(),
            only,
        }
    }

    /// The story in its order, with what can be taken back: every decision that may be, and of each system the last write
    /// that it took.
    fn lines(&self, history: Vec<Entry>, systems: &[String]) -> Vec<Line> {
        let mut last: Vec<(String, usize)> = vec![];
        for (place, entry) in history.iter().enumerate() {
            let Some(name) = &entry.system else { continue };
            match entry.event.as_str() {
                "sent" => {
                    last.retain(|(other, _)| other != name);
                    last.push((name.clone(), place));
                }
                "taken back" | "refused" | "unknown" => last.retain(|(other, _)| other != name),
                _ => {}
            }
        }
        let kept = Time::try_from(KEPT.as_micros()).unwrap_or(Time::MAX);
        let taken = |name: &str, place: usize| {
            let mut later = history.iter().skip(place + 1);
            later.any(|e| e.event == "applied" && e.system.as_deref() == Some(name))
        };
        let writes: BTreeSet<usize> = last
            .iter()
            .filter(|(name, place)| taken(name, *place) && self.now - history[*place].at <= kept)
            .map(|(_, place)| *place)
            .collect();
        let line = |(place, entry): (usize, Entry)| {
            let decision = entry.decision;
            let comment = entry.event == "comment";
            Line {
                at: self.clock.moment(entry.at),
                sort: sort(&entry.event),
                text: match comment && !self.values {
                    true => "Somebody left a comment.".into(),
                    false if comment => sentence(&entry.text),
                    false => sentence(&named(&entry.text, systems)),
                },
                detail: decision.as_ref().and_then(|past| self.chosen(&past.details)),
                undone: decision.as_ref().and_then(|past| self.clock.maybe(past.undone)),
                write: entry
                    .system
                    .clone()
                    .filter(|_| writes.contains(&place) && self.decides)
                    .map(|name| (name, entry.at)),
                place: entry.system.as_deref().map(system),
                decision: decision
                    .filter(|past| past.can_undo && self.decides)
                    .map(|past| past.id),
            }
        };
        history.iter().cloned().enumerate().map(line).collect()
    }

    /// What somebody chose, where it is a value.
    fn chosen(&self, details: &serde_json::Value) -> Option<String> {
        let choice = &details["choice"];
        if let Some(name) = choice["take"].as_str() {
            return Some(match name {
                AGREED => "It was kept as agreed.".into(),
                name => format!("What stands in {} was taken.", system(name)),
            });
        }
        let typed: Value = serde_json::from_value(choice.get("value")?.clone()).ok()?;
        self.values.then(|| format!("“{}” was typed.", value(&typed)))
    }
}

/// What sort of thing an event is, for its mark.
fn sort(event: &str) -> &'static str {
    match event {
        "decided" | "kept apart" | "brought together" | "card closed" | "replayed" | "same person"
        | "different people" | "comment" | "unlinked" | "match" | "value" | "sync asked" => "person",
        "sent" | "applied" | "create" | "write" | "settled" => "write",
        "conflict" | "hold" | "refused" | "unknown" | "later" | "moved" | "gone" | "overwritten" | "not undone" => {
            "wait"
        }
        "taken back" | "undone" => "undo",
        "viewed" => "view",
        _ => "look",
    }
}
