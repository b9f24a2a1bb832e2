//! Everything about one entity in plain words, runs, and looking at once.

use super::act::{Past, past};
use super::inbox::Row;
use super::{Desk, DeskError, Who, plain, who};
use crate::app::{system_title, unit_title};
use bridge_core::plan::hold_reason;
use bridge_core::waiting::held;
use bridge_core::{Entity, Time, WriteState};
use bridge_store::{AuditEntry, Run};
use serde::Serialize;

/// Lines among which those since a look are.
const STEPS: usize = 200;

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What happened: an event of the history, or the sort of what a person did.
    pub event: String,
    /// In plain words.
    pub text: String,
    /// System.
    pub system: Option<String>,
    /// Units.
    pub units: Vec<String>,
    /// What a person decided or said, where it is that.
    pub decision: Option<Past>,
}

/// Everything about one entity.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Who.
    pub who: Who,
    /// What happened, oldest first.
    pub history: Vec<Entry>,
    /// Where things stand, and why nothing more happens.
    pub now: Vec<String>,
    /// What waits for a person.
    pub waiting: Vec<Row>,
    /// Units kept out of the sync, which can be taken in again.
    pub apart: Vec<String>,
}

/// How a look asked for goes on.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    /// When it was asked for.
    pub since: Time,
    /// What happened since.
    pub steps: Vec<Entry>,
    /// Everything that was asked for was read, judged and sent.
    pub done: bool,
    /// Where things stand.
    pub now: Vec<String>,
}

impl Desk {
    /// Everything about one entity.
    ///
    /// # Errors
    /// [`bridge_engine::EngineError::NotFound`] for an unknown one.
    pub async fn story(&self, entity: &str) -> Result<Story, DeskError> {
        self.latest_story(entity, usize::MAX >> 1).await
    }

    /// The same with the latest lines of its history alone.
    ///
    /// # Errors
    /// As [`Desk::story`].
    pub async fn latest_story(&self, entity: &str, lines: usize) -> Result<Story, DeskError> {
        let found = self.entity(entity).await?;
        Ok(Story {
            who: who(&found),
            history: self.history(entity, lines).await?,
            now: standing(self.engine.settings(), &found),
            waiting: self.rows(self.store().items_of(entity).await?).await?,
            apart: found.apart.iter().cloned().collect(),
        })
    }

    /// The latest lines of an entity's history, oldest first.
    pub(crate) async fn history(&self, entity: &str, lines: usize) -> Result<Vec<Entry>, DeskError> {
        let now = self.clock.now();
        let line = |e: AuditEntry| Entry {
            at: e.at,
            text: plain::sentence(&e),
            event: e.event,
            system: e.system,
            units: e.units,
            decision: None,
        };
        let latest = self.store().latest_of(entity, lines).await?;
        let mut all: Vec<Entry> = latest.into_iter().map(line).collect();
        // What is told of in a line before these is not said instead of it.
        all.sort_by_key(|entry| entry.at);
        let mut said_besides = vec![];
        let since = all.first().filter(|_| all.len() == lines).map(|entry| entry.at);
        for row in self.store().latest_decisions_of(entity, lines).await? {
            if since.is_some_and(|since| row.at < since) {
                continue;
            }
            let row = past(row, now);
            let event = match row.sort.as_str() {
                "value" => "decided",
                "apart" => "kept apart",
                "together" => "brought together",
                "card" => "card closed",
                "replay" => "replayed",
                _ => "",
            };
            // The history tells of it already: there it is shown as what can be taken back.
            let (from, to) = (
                all.partition_point(|e| e.at < row.at),
                all.partition_point(|e| e.at <= row.at),
            );
            let told = all[from..to]
                .iter_mut()
                .find(|e| e.event == event && e.decision.is_none() && row.unit.iter().all(|u| e.units.contains(u)));
            match told {
                Some(entry) => entry.decision = Some(row),
                None => {
                    let said = row.details["text"].as_str().or(row.details["verdict"].as_str());
                    said_besides.push(Entry {
                        at: row.at,
                        event: row.sort.clone(),
                        text: format!("{}: {}", row.who, said.unwrap_or(&row.sort)),
                        system: None,
                        units: row.unit.clone().into_iter().collect(),
                        decision: Some(row),
                    });
                }
            }
        }
        all.extend(said_besides);
        all.sort_by_key(|entry| entry.at);
        Ok(all.split_off(all.len().saturating_sub(lines)))
    }

    /// Every record of an entity is read afresh and judged with the next step. Returns the moment, by which
    /// [`Desk::steps`] tells how it goes on.
    ///
    /// # Errors
    /// [`bridge_engine::EngineError::NotFound`] for an unknown entity.
    pub async fn sync_now(&self, entity: &str, by: &str) -> Result<Time, DeskError> {
        self.sees(entity).await?;
        Ok(self.engine.look_now(entity, by).await?)
    }

    /// What happened to an entity since a look was asked for.
    ///
    /// # Errors
    /// [`bridge_engine::EngineError::NotFound`] for an unknown entity.
    pub async fn steps(&self, entity: &str, since: Time) -> Result<Steps, DeskError> {
        let found = self.entity(entity).await?;
        let history = self.history(entity, STEPS).await?;
        let moving =
            |w: &bridge_core::Write| matches!(w.state, WriteState::Planned | WriteState::Sent | WriteState::Unknown);
        Ok(Steps {
            since,
            steps: history.into_iter().filter(|entry| entry.at >= since).collect(),
            done: !found.dirty && !found.links.values().any(|l| l.look) && !found.writes.values().any(moving),
            now: standing(self.engine.settings(), &found),
        })
    }

    /// The last runs, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, DeskError> {
        Ok(self.store().runs(limit.clamp(1, 500)).await?)
    }
}

/// Where things stand with an entity, and why nothing more happens.
fn standing(settings: &bridge_engine::Settings, entity: &Entity) -> Vec<String> {
    let mut lines: Vec<String> = entity.links.values().map(|link| plain::record(link)).collect();
    for system in settings.systems.iter().filter(|s| !entity.links.contains_key(&s.name)) {
        let why = if entity.candidate {
            "nothing is created while somebody may be the same person"
        } else if entity.writes.contains_key(&system.name) {
            "it is to be created"
        } else if settings.schema.party(&system.name).is_some_and(|p| p.create.is_none()) {
            "the configuration lets no record be created there"
        } else {
            "the condition for creating one does not hold, or it was removed there"
        };
        lines.push(format!("{}: no record; {why}", system_title(&system.name)));
    }
    lines.extend(
        entity
            .conflicts
            .iter()
            .map(|(unit, c)| format!("{} waits for a decision: {}", unit_title(unit), plain::reason(&c.why))),
    );
    lines.extend(
        entity
            .apart
            .iter()
            .map(|unit| format!("{} is kept out of the sync for this person", unit_title(unit))),
    );
    lines.extend(
        entity
            .undoing
            .keys()
            .map(|unit| format!("{} is being put back as it was", unit_title(unit))),
    );
    lines.extend(entity.writes.values().map(plain::write));
    for h in held(entity) {
        lines.push(format!(
            "{} held in {}: {}{}",
            held_units(&h.units),
            system_title(&h.system),
            hold_reason(&h.why),
            h.note
        ));
    }
    if entity.dirty {
        lines.push("something changed that is judged with the next step".into());
    }
    lines
}

/// What of a record is held: some units, or all of it.
pub(crate) fn held_units(units: &[String]) -> String {
    if units.is_empty() {
        "the whole record".into()
    } else {
        plain::units(units)
    }
}
