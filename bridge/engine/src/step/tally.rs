//! What a step did.

use bridge_core::Time;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one step did, and when the next is due.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Polls that ended.
    pub polls: usize,
    /// Facts stored that call for a reconcile, and new records.
    pub observed: usize,
    /// Hints followed.
    pub hints: usize,
    /// Direct reads asked for.
    pub looks_asked: usize,
    /// Direct reads made because a record was due for one.
    pub looks: usize,
    /// Direct reads made as guards.
    pub guards: usize,
    /// Records that joined another system's record.
    pub linked: usize,
    /// New entities.
    pub entities: usize,
    /// Entities reconciled.
    pub reconciled: usize,
    /// Writes sent.
    pub sent: usize,
    /// Writes refused.
    pub failures: usize,
    /// Records listed by sweeps.
    pub swept: usize,
    /// There is more to do right away.
    pub more: bool,
    /// When something is due next, if known.
    pub wake: Option<Time>,
    /// Per system.
    pub tallies: BTreeMap<String, Tally>,
}

/// Writes applied in one system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records created.
    pub created: u64,
    /// Records updated.
    pub updated: u64,
}

impl Step {
    pub(crate) fn wake_at(&mut self, at: Time) {
        self.wake = Some(self.wake.map_or(at, |w| w.min(at)));
    }

    pub(crate) fn tally(&mut self, system: &str) -> &mut Tally {
        self.tallies.entry(system.into()).or_default()
    }

    /// Whether the step found anything to do beside quiet polls.
    pub fn active(&self) -> bool {
        self.more
            || self.hints
                + self.observed
                + self.looks_asked
                + self.looks
                + self.linked
                + self.entities
                + self.reconciled
                + self.sent
                > 0
    }

    /// Adds another step's work to this one.
    pub fn add(&mut self, other: &Step) {
        self.polls += other.polls;
        self.observed += other.observed;
        self.hints += other.hints;
        self.looks_asked += other.looks_asked;
        self.looks += other.looks;
        self.guards += other.guards;
        self.linked += other.linked;
        self.entities += other.entities;
        self.reconciled += other.reconciled;
        self.sent += other.sent;
        self.failures += other.failures;
        self.swept += other.swept;
        self.more |= other.more;
        if let Some(at) = other.wake {
            self.wake_at(at);
        }
        for (system, tally) in &other.tallies {
            let sum = self.tally(system);
            sum.created += tally.created;
            sum.updated += tally.updated;
        }
    }
}
