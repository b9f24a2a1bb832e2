//! What to do next about each activity. One thing at a time: an activity is moved before it is changed, and nothing is
//! planned for one whose last call is not settled.

use super::activity::{Member, Members};
use super::entry::{Entry, EntryState};
use super::rules::Wanted;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// What becomes of an edit that somebody made in the CRM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edits {
    /// It stays until Halaxy says something else of the same member.
    #[default]
    Leave,
    /// Halaxy's word is put back.
    Restore,
}

/// Times that an activity is put right in a row; then something there keeps changing it, and a person is asked.
const RESTORES: u8 = 3;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make it.
    Create,
    /// Write these members.
    Change(Members),
    /// As before, of what was changed in the CRM.
    Restore(Members),
    /// Put it to this contact.
    Attach(String),
    /// Take it from this contact.
    Detach(String),
}

/// What to do about one activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What should be told.
    pub wanted: Wanted,
    /// The contact.
    pub contact: String,
    /// What to do.
    pub act: Act,
}

/// Why an activity waits. Names ids and codes, no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The patient has no contact in the CRM, or it is not settled whom they are. It follows by itself.
    NoContact,
    /// It stands with a contact that is not the patient's any more: nothing more is told there.
    LinkCut(Vec<String>),
    /// The CRM refused it, with this code.
    Refused(String),
    /// Something in the CRM changes it again and again.
    Rewritten,
    /// The appointment cannot be read: this member.
    Unreadable(&'static str),
}

/// An activity that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Appointment id.
    pub appointment: String,
    /// Patient id; blank if the appointment itself cannot be read.
    pub patient: String,
    /// Why.
    pub why: Why,
}

/// What is known.
pub struct Given<'a> {
    /// What the CRM should show, of the appointments judged.
    pub wanted: &'a [Wanted],
    /// What was posted, by key: all entries of those appointments.
    pub entries: &'a BTreeMap<String, Entry>,
    /// Contacts in the CRM, by patient.
    pub contacts: &'a BTreeMap<String, String>,
    /// What the CRM shows, by key, where it was looked at.
    pub shown: &'a BTreeMap<String, Members>,
    /// What becomes of edits made in the CRM.
    pub edits: Edits,
    /// The practice's time zone.
    pub zone: &'a TimeZone,
}

/// What to do, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// At most one thing for each activity.
    pub acts: Vec<Planned>,
    /// What waits.
    pub held: Vec<Held>,
}

impl Plan {
    /// What to do about these appointments.
    pub fn of(given: &Given<'_>) -> Plan {
        let mut plan = Plan::default();
        let wanted: Vec<Wanted> = given.wanted.iter().map(|wanted| inherited(given, wanted)).collect();
        for wanted in &wanted {
            plan.judge(given, wanted, given.entries.get(&wanted.key));
        }
        let named: BTreeMap<&str, ()> = wanted.iter().map(|w| (w.key.as_str(), ())).collect();
        // Patients who were taken out of their appointment.
        for entry in given.entries.values().filter(|e| !named.contains_key(e.key.as_str())) {
            let wanted = Wanted {
                key: entry.key.clone(),
                appointment: entry.appointment.clone(),
                patient: entry.patient.clone(),
                activity: entry.base.removed(),
                due: false,
            };
            plan.judge(given, &wanted, Some(entry));
        }
        plan
    }

    fn hold(&mut self, wanted: &Wanted, why: Why) {
        self.held.push(Held {
            appointment: wanted.appointment.clone(),
            patient: wanted.patient.clone(),
            why,
        });
    }

    fn judge(&mut self, given: &Given<'_>, wanted: &Wanted, entry: Option<&Entry>) {
        let made = entry.filter(|entry| entry.state != EntryState::Unmade);
        if made.is_none() && !wanted.due {
            return;
        }
        if made.is_some_and(|entry| entry.is_open() || entry.state == EntryState::Deleted) {
            return;
        }
        let Some(contact) = given.contacts.get(&wanted.patient) else {
            let why = match made {
                Some(entry) => Why::LinkCut(entry.contacts.keys().cloned().collect()),
                None => Why::NoContact,
            };
            return self.hold(wanted, why);
        };
        let refused = entry.and_then(|entry| entry.refused.as_ref());
        if let Some(refused) = refused.filter(|r| r.activity == wanted.activity && r.contact == *contact) {
            return self.hold(wanted, Why::Refused(refused.code.clone()));
        }
        let act = match made {
            None => Some(Act::Create),
            Some(entry) => move_of(entry, contact).or_else(|| self.change_of(given, wanted, entry)),
        };
        self.acts.extend(act.map(|act| Planned {
            wanted: wanted.clone(),
            contact: contact.clone(),
            act,
        }));
    }

    fn change_of(&mut self, given: &Given<'_>, wanted: &Wanted, entry: &Entry) -> Option<Act> {
        let new = wanted.activity.members(given.zone);
        let told = if entry.sure {
            differing(&new, &entry.base.members(given.zone), true)
        } else {
            new.clone()
        };
        if !told.is_empty() {
            return Some(Act::Change(told));
        }
        let shown = given.shown.get(&entry.key).filter(|_| given.edits == Edits::Restore)?;
        let edited = differing(&new, shown, false);
        if edited.is_empty() {
            return None;
        }
        if entry.restored >= RESTORES {
            self.hold(wanted, Why::Rewritten);
            return None;
        }
        Some(Act::Restore(edited))
    }
}

/// What is wanted, under the key that its activity has: one that was another patient's before their records were merged
/// keeps the key it was made with.
fn inherited(given: &Given<'_>, wanted: &Wanted) -> Wanted {
    let own = |entry: &&Entry| entry.patient == wanted.patient && entry.appointment == wanted.appointment;
    let key = match given.entries.contains_key(&wanted.key) {
        true => None,
        false => given.entries.values().find(own).map(|entry| entry.key.clone()),
    };
    Wanted {
        key: key.unwrap_or_else(|| wanted.key.clone()),
        ..wanted.clone()
    }
}

/// What must happen so that it stands with this contact and no other. It is taken away first: where contacts were merged,
/// the old id may lead to the new one.
fn move_of(entry: &Entry, contact: &str) -> Option<Act> {
    if let Some((other, _)) = entry.contacts.iter().find(|(other, _)| *other != contact) {
        return Some(Act::Detach(other.clone()));
    }
    match entry.contacts.get(contact) {
        Some(true) => None,
        _ => Some(Act::Attach(contact.to_owned())),
    }
}

/// Members that differ; those that `old` lacks count if `all`.
fn differing(new: &Members, old: &Members, all: bool) -> Members {
    let differs = |member: &Member, value: &String| match old.get(member) {
        Some(there) => there != value,
        None => all,
    };
    new.iter()
        .filter(|(member, value)| differs(member, value))
        .map(|(member, value)| (*member, value.clone()))
        .collect()
}
