//! What to do next about each referrer's record.

use super::entry::{Entry, EntryState};
use super::field::{Field, Fields, Sort};
use super::known::Wanted;
use crate::Time;
use crate::deny;
use std::collections::{BTreeMap, BTreeSet};

/// What was refused is tried again after this many microseconds: people put things right in the CRM meanwhile.
const AGAIN: Time = 86_400_000_000;

/// What one thing is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make it, unless one of ours, or one with this provider number, is there.
    Create,
    /// Change it.
    Change,
    /// Take it from the record of a practice that they left, by the CRM's id.
    Leave(String),
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub act: Act,
    /// About which record.
    pub key: String,
    /// Of whom.
    pub sort: Sort,
    /// Halaxy's id.
    pub id: String,
    /// What is sent: all fields of a new record, of others those that differ.
    pub fields: Fields,
    /// All that it should hold.
    pub whole: Fields,
    /// Provider numbers by which a record that we did not make is theirs.
    pub numbers: BTreeSet<String>,
}

/// Why a referrer is not told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Halaxy shows no name.
    NoName,
    /// A field holds what may go nowhere.
    Denied(Field),
    /// The CRM refused, with its code; or one of ours.
    Refused(String),
    /// Somebody deleted the record in the CRM.
    Deleted,
}

/// One that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of whom.
    pub sort: Sort,
    /// Halaxy's id.
    pub id: String,
    /// Why.
    pub why: Why,
}

/// What a plan is made of.
pub struct Given<'g> {
    /// What there should be.
    pub wanted: &'g [Wanted],
    /// What there is, by key.
    pub entries: &'g BTreeMap<String, Entry>,
    /// The fields that the CRM has places for, by sort; records of other sorts are not made.
    pub places: &'g BTreeMap<Sort, BTreeSet<Field>>,
    /// Now.
    pub now: Time,
}

/// What to do, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do next, one thing for each record.
    pub acts: Vec<Planned>,
    /// What waits.
    pub held: Vec<Held>,
}

impl Plan {
    /// Compares what there should be with what was told. A record whose last call is not settled is left alone, and one
    /// that Halaxy shows no more stays as it is.
    pub fn of(given: &Given<'_>) -> Plan {
        let mut plan = Plan::default();
        for wanted in given.wanted {
            let Some(places) = given.places.get(&wanted.sort) else {
                continue;
            };
            let entry = given.entries.get(&wanted.key);
            if entry.is_none() && !wanted.make || entry.is_some_and(Entry::is_open) {
                continue;
            }
            let mut fields = wanted.fields.clone();
            let at = wanted.practice.as_ref().and_then(|key| given.entries.get(key));
            let at = at.filter(|entry| entry.state == EntryState::Posted);
            if let Some(record) = at.and_then(|entry| entry.remote_id.clone()) {
                fields.insert(Field::PracticeRecord, record);
            }
            fields.retain(|field, _| places.contains(field));
            plan.judge(wanted, entry, fields, given.now);
        }
        plan
    }

    fn judge(&mut self, wanted: &Wanted, entry: Option<&Entry>, mut fields: Fields, now: Time) {
        let refused = entry.and_then(|entry| {
            let refused = entry.refused.as_ref()?;
            let waits = refused.fields == fields && now < entry.at.saturating_add(AGAIN);
            waits.then(|| refused.code.clone())
        });
        let why = if entry.is_some_and(|entry| entry.state == EntryState::Deleted) {
            Some(Why::Deleted)
        } else if let Some(code) = refused {
            Some(Why::Refused(code))
        } else if wanted.fields.get(&Field::Name).is_none_or(String::is_empty) {
            Some(Why::NoName)
        } else {
            let denies = |text: &str| deny::holds_identifier(text) || text.contains(deny::REMOVED);
            let denied = fields.iter().find(|(_, text)| denies(text));
            denied.map(|(field, _)| Why::Denied(*field))
        };
        if let Some(why) = why {
            self.held.push(Held {
                sort: wanted.sort,
                id: wanted.id.clone(),
                why,
            });
            return;
        }
        let whole = fields.clone();
        let posted = entry.filter(|entry| entry.state == EntryState::Posted);
        let act = match posted {
            None => Act::Create,
            Some(entry) => {
                // Taken away before it is put: the record of the old practice may have been merged into that of the new one.
                let here = fields.get(&Field::PracticeRecord);
                let left = entry
                    .stands
                    .iter()
                    .find(|record| here.is_some_and(|here| here != *record));
                let left = left.cloned();
                fields.retain(|field, text| entry.base.get(field) != Some(text));
                match left {
                    Some(left) => Act::Leave(left),
                    None if fields.is_empty() => return,
                    None => Act::Change,
                }
            }
        };
        self.acts.push(Planned {
            act,
            key: wanted.key.clone(),
            sort: wanted.sort,
            id: wanted.id.clone(),
            fields,
            whole,
            numbers: wanted.numbers.clone(),
        });
    }
}

/// What a record that we did not make is taken to hold: what stands there stays, as if it were ours, until Halaxy shows
/// another value; blanks, and what is ours alone, are written. The result is the base from which the plan goes on.
pub fn adopted(wanted: &Fields, shown: &Fields) -> Fields {
    wanted
        .iter()
        .map(|(field, text)| {
            let there = shown.get(field).filter(|text| !text.is_empty());
            let stays = there.is_some() && !field.is_ours();
            let same = there == Some(text) || there.is_none() && text.is_empty();
            (*field, text, stays || same)
        })
        .filter(|(.., known)| *known)
        .map(|(field, text, _)| (field, text.clone()))
        .collect()
}
