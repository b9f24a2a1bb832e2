//! Which read counts. A *fact* about a record is an accepted read, marking a write sent, or
//! settling a write. A read counts only if nothing newer is known; one that does not count but
//! differs asks for a *look*, which only a direct read begun later answers.

use crate::entity::{Author, Hold, Link, LinkState, Time, Version};
use crate::value::Values;
use std::collections::BTreeMap;

/// How a record was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The record itself was asked for.
    Direct,
    /// A row of a list that shows every write at once.
    Row,
    /// A row of a list or search that may lag: a hint.
    LaggingRow,
}

/// What somebody says has happened to a record: a reason to read it, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Made, changed or restored.
    Changed,
    /// Removed or archived.
    Removed,
    /// Merged with others.
    Merged,
    /// Removed for good on the person's demand.
    Erased,
}

/// What a system showed of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// System name.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Remote id.
    pub remote_id: String,
    /// How it was read.
    pub how: How,
    /// When the request began.
    pub started: Time,
    /// False: removed, archived, or not found by a direct read.
    pub alive: bool,
    /// Version, where the product has one and the record exists.
    pub version: Option<Version>,
    /// The product's own change mark, compared for "unmoved" only.
    pub mark: Option<String>,
    /// What it held. Absent units were not read.
    pub values: Values,
    /// Who made the latest edit of a unit, where known.
    pub authors: BTreeMap<String, Author>,
    /// Records merged into this one.
    pub merged_from: Vec<String>,
}

/// What an observation means for what is known of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a fact.
    Accept,
    /// It does not count, but something changed: a direct read is due.
    Look,
    /// It says nothing new.
    Drop,
}

/// Judges an observation. `busy`: a write to the record is on its way or unknown.
pub fn judge(link: &Link, busy: bool, seen: &Observation) -> Verdict {
    if busy {
        // Even one that equals what is known: the answer is about to change that.
        return Verdict::Look;
    }
    let left_out = partial(link, seen) && seen.version.is_some() && seen.version != link.version;
    let differs = left_out || differs(link, seen);
    let look_or_drop = if differs { Verdict::Look } else { Verdict::Drop };
    if let (Some(Version::Counting(now)), Some(Version::Counting(then))) = (&seen.version, &link.version) {
        let answers_look =
            link.look && seen.how == How::Direct && seen.started > link.asked && seen.started > link.known_at;
        let revives = seen.alive != (link.state == LinkState::Live) || new_merges(link, seen).next().is_some();
        return if (now == then && !answers_look && revives) || (now > then && left_out) {
            Verdict::Look
        } else if now > then || (now == then && answers_look) {
            Verdict::Accept
        } else {
            Verdict::Drop
        };
    }
    let first = link.known_at == 0;
    if seen.how == How::LaggingRow && !matches!(seen.version, Some(Version::Counting(_))) && !first {
        return look_or_drop;
    }
    if seen.started <= link.known_at {
        return look_or_drop;
    }
    if left_out { Verdict::Look } else { Verdict::Accept }
}

/// A row that leaves out a unit known of the record. As a fact it would vouch for a version of
/// which that unit was never read.
fn partial(link: &Link, seen: &Observation) -> bool {
    let left_out = || link.units.keys().any(|unit| !seen.values.contains_key(unit));
    seen.alive && seen.how != How::Direct && left_out()
}

fn differs(link: &Link, seen: &Observation) -> bool {
    seen.alive != (link.state == LinkState::Live)
        || seen
            .values
            .iter()
            .any(|(unit, value)| link.units.get(unit).and_then(|x| x.seen()) != Some(value))
        || new_merges(link, seen).next().is_some()
}

/// Ids merged into the record that were not known of before.
pub fn new_merges<'a>(link: &'a Link, seen: &'a Observation) -> impl Iterator<Item = &'a String> {
    seen.merged_from.iter().filter(|id| !link.merged_from.contains(id))
}

/// Asks for a direct read.
pub fn ask(link: &mut Link, now: Time) {
    link.look = true;
    link.asked = now;
}

/// Stores a fact. Returns whether anything a reconcile would judge has changed.
///
/// A merge mark holds the survivor if it was known before the merge; the caller holds the losers.
pub fn accept(link: &mut Link, seen: &Observation, now: Time) -> bool {
    let mut changed = false;
    let state = if seen.alive { LinkState::Live } else { LinkState::Gone };
    if link.state != state && !(link.state == LinkState::Merged && !seen.alive) {
        link.state = state;
        link.removal_judged = false;
        changed = true;
    }
    for (unit, value) in &seen.values {
        let x = link.units.entry(unit.clone()).or_default();
        if x.seen() != Some(value) {
            x.hi = now;
            x.author = seen.authors.get(unit).copied().unwrap_or_default();
            changed = true;
        }
        if x.base.is_some()
            && (x.base.as_ref() == Some(value) || x.shown() == Some(value))
            && seen.how != How::LaggingRow
        {
            x.lo = seen.started;
        }
        x.set_seen(value.clone());
    }
    let merged: Vec<String> = new_merges(link, seen).cloned().collect();
    if !merged.is_empty() {
        if link.known_at > 0 && link.held.is_none() {
            link.held = Some(Hold::Merged);
        }
        link.merged_from.extend(merged);
        changed = true;
    }
    if seen.how == How::Direct && seen.started > link.asked {
        link.look = false;
    }
    if seen.version.is_some() {
        link.version = seen.version.clone();
    }
    link.known_at = now;
    changed
}

/// Judges and, as the verdict says, stores or asks. Returns the verdict and whether the record's
/// entity has something to judge.
pub fn observe(link: &mut Link, busy: bool, seen: &Observation, now: Time) -> (Verdict, bool) {
    let verdict = judge(link, busy, seen);
    let changed = match verdict {
        Verdict::Accept => accept(link, seen, now),
        Verdict::Look => {
            ask(link, now);
            false
        }
        Verdict::Drop => false,
    };
    (verdict, changed)
}
