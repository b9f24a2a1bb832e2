//! What a pass did: the JSON of `sync --json`, and the same in words.

use crate::drive::Pass;
use crate::output::{Output, count, thousands};
use bridge_core::LinkState;
use bridge_engine::{Engine, EngineError, HeldBy};
use bridge_store::{LinkedRow, Page};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What one system cost and holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SystemReport {
    /// Live records.
    pub records: u64,
    /// Calls that read.
    pub reads: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// All calls, those for tokens included.
    pub calls: u64,
    /// Calls answered with "too many".
    pub throttled: u64,
}

/// The counts of a pass.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Nothing is left to do by itself, and a last poll showed nothing new.
    pub converged: bool,
    /// How long it took.
    pub duration_ms: u64,
    /// Per system.
    pub systems: BTreeMap<String, SystemReport>,
    /// Entities known.
    pub entities: u64,
    /// Entities whose records in different systems are linked.
    pub links: u64,
    /// Records created, by system.
    pub created: BTreeMap<String, u64>,
    /// Records updated, by system.
    pub updated: BTreeMap<String, u64>,
    /// Pairs that may be the same person and wait for an answer.
    pub candidates: u64,
    /// Pairs within one system that are probably one person.
    pub twice: u64,
    /// Faint resemblances, which only hold back creations.
    pub faint: u64,
    /// Units that wait for a decision.
    pub conflicts: u64,
    /// Questions about whole records that wait for an answer.
    pub cards: u64,
    /// Writes and records that wait for a person.
    pub holds: u64,
    /// Systems whose writes a brake holds as a whole.
    pub brakes: u64,
    /// Writes that wait because a person paused their system.
    pub paused: u64,
    /// Writes that wait because a person has not approved their group.
    pub unapproved: u64,
    /// Systems that could not be used.
    pub failures: u64,
}

/// Live links between records of different systems.
///
/// # Errors
/// The store's.
pub async fn count_links(engine: &Engine) -> Result<u64, EngineError> {
    let rows = Page::all(async |page| engine.store().linked(&page).await).await?;
    let linked = |row: &&LinkedRow| row.records.iter().filter(|(_, s)| *s == LinkState::Live).count() > 1;
    Ok(rows.iter().filter(linked).count() as u64)
}

impl Report {
    /// Counts what there is after a pass.
    ///
    /// # Errors
    /// The store's.
    pub async fn of(engine: &Engine, pass: &Pass, took: Duration) -> Result<Report, EngineError> {
        let counts = engine.store().counts().await?;
        let held = |by| pass.held.iter().filter(|h| h.by == by).map(|h| h.writes).sum();
        let mut report = Report {
            converged: pass.converged,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            entities: counts.entities,
            links: count_links(engine).await?,
            candidates: counts.candidates,
            twice: counts.twice,
            faint: counts.faint,
            conflicts: counts.conflicts,
            cards: counts.cards,
            holds: counts.held,
            brakes: pass.brakes.len() as u64,
            paused: held(HeldBy::Pause),
            unapproved: held(HeldBy::Group),
            failures: engine.health().values().filter(|h| h.trouble.is_some()).count() as u64,
            ..Report::default()
        };
        for system in &engine.settings().systems {
            let usage = system.adapter.usage();
            let tally = pass.sum.tallies.get(&system.name).copied().unwrap_or_default();
            report.created.insert(system.name.clone(), tally.created);
            report.updated.insert(system.name.clone(), tally.updated);
            report.systems.insert(
                system.name.clone(),
                SystemReport {
                    records: counts.records.get(&system.name).copied().unwrap_or(0),
                    reads: usage.reads,
                    writes: usage.writes,
                    calls: usage.calls,
                    throttled: usage.throttled,
                },
            );
        }
        Ok(report)
    }

    /// Whether something waits for a person.
    pub fn waiting(&self) -> bool {
        let held = self.brakes + self.paused + self.unapproved;
        self.candidates + self.twice + self.faint + self.conflicts + self.cards + self.holds + held > 0
    }

    /// The same in words.
    pub fn tell(&self, out: &Output) {
        let took = format!("{:.1} s", self.duration_ms as f64 / 1_000.0);
        out.line(if self.converged {
            format!("Everything is in step ({took}).")
        } else {
            format!("Stopped before everything was in step ({took}).")
        });
        let rows = self.systems.iter().map(|(name, system)| {
            let of = |counts: &BTreeMap<String, u64>| thousands(counts.get(name).copied().unwrap_or(0));
            vec![
                name.clone(),
                thousands(system.records),
                of(&self.created),
                of(&self.updated),
                thousands(system.calls),
                thousands(system.throttled),
            ]
        });
        out.table(
            &["system", "records", "created", "updated", "calls", "throttled"],
            rows.collect(),
            "",
        );
        out.line(format!(
            "{} known, {} linked across systems.",
            count(self.entities, "person"),
            thousands(self.links)
        ));
        self.tell_waiting(out);
    }

    /// What waits for a person, and the commands for it.
    pub fn tell_waiting(&self, out: &Output) {
        if !self.waiting() {
            return out.line("Nothing waits for a person.");
        }
        out.line("Waiting for a person:");
        let lines = [
            (self.candidates, "possible match", "halaxy-bridge matches list"),
            (self.twice, "person entered twice", "halaxy-bridge matches list --twice"),
            (self.faint, "faint resemblance", "halaxy-bridge matches list --faint"),
            (self.conflicts, "value conflict", "halaxy-bridge conflicts list"),
            (self.cards, "record question", "halaxy-bridge conflicts list"),
            (self.holds, "held write", "halaxy-bridge conflicts holds"),
            (self.brakes, "brake", "halaxy-bridge plan, then sync --approve"),
            (self.paused, "paused write", "halaxy-bridge resume SYSTEM"),
            (
                self.unapproved,
                "unapproved write",
                "halaxy-bridge sync --yes, or Runs in the admin app",
            ),
        ];
        for (n, what, command) in lines.into_iter().filter(|(n, ..)| *n > 0) {
            out.line(format!("  {:<28} {command}", count(n, what)));
        }
    }
}
