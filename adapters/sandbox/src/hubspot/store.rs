//! All contacts, what must be unique among them, and the search index that lags behind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::contact::{Contact, Source};
use super::error::Problem;
use super::properties::{ADDITIONAL_EMAILS, EMAIL, Properties};

/// The contacts.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    live: BTreeMap<u64, Contact>,
    archived: BTreeMap<u64, Contact>,
    /// Merged ids to the id that took their place.
    aliases: HashMap<u64, u64>,
    /// Values of unique properties (mailboxes in lower case) to contacts.
    unique: HashMap<(u16, String), u64>,
    index: Index,
    next_id: u64,
}

/// The search index: everything it shows is the live contact, but for those in `stale`, which it shows as they were.
#[derive(Debug, Default)]
struct Index {
    by_modified: BTreeSet<(i64, u64)>,
    stale: HashMap<u64, Option<Box<Contact>>>,
    due: BTreeSet<(i64, u64)>,
}

fn millis(micros: i64) -> i64 {
    micros.div_euclid(1_000)
}

impl Contacts {
    /// An id that no contact has.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id = self.next_id.max(51_000) + 1;
        self.next_id
    }

    /// Where an id leads: itself, or the survivor of its merges.
    pub fn resolve(&self, id: u64) -> u64 {
        let mut at = id;
        while let Some(next) = self.aliases.get(&at) {
            at = *next;
        }
        at
    }

    /// A live contact, through merges.
    pub fn get(&self, id: u64) -> Option<&Contact> {
        self.live.get(&self.resolve(id))
    }

    /// An archived contact.
    pub fn get_archived(&self, id: u64) -> Option<&Contact> {
        self.archived.get(&id)
    }

    /// Who holds a value of a unique property.
    pub fn holder(&self, property: u16, value: &str) -> Option<u64> {
        self.unique.get(&(property, unique_form(property, value))).copied()
    }

    /// Live contacts with an id above `after`.
    pub fn live_after(&self, after: u64) -> impl Iterator<Item = &Contact> {
        self.live.range(after.saturating_add(1)..).map(|(_, contact)| contact)
    }

    /// Archived contacts with an id above `after`.
    pub fn archived_after(&self, after: u64) -> impl Iterator<Item = &Contact> {
        self.archived
            .range(after.saturating_add(1)..)
            .map(|(_, contact)| contact)
    }

    /// Refuses values of unique properties that another contact holds.
    ///
    /// # Errors
    /// 409 with the other's id inside the text, the only place where it stands.
    pub fn check_unique(
        &self,
        own: Option<u64>,
        values: &[(u16, String)],
        properties: &Properties,
    ) -> Result<(), Problem> {
        for (number, value) in values {
            if value.is_empty() || !properties.get(*number).unique {
                continue;
            }
            if let Some(holder) = self.holder(*number, value).filter(|holder| Some(*holder) != own) {
                return Err(if *number == EMAIL {
                    Problem::new(
                        409,
                        "CONFLICT",
                        format!("Contact already exists. Existing ID: {holder}"),
                    )
                } else {
                    let name = &properties.get(*number).name;
                    Problem::new(
                        409,
                        "CONFLICT",
                        format!("Cannot set {name}: the value is not unique. Existing ID: {holder}"),
                    )
                });
            }
        }
        Ok(())
    }

    /// Puts a new contact in. It shows in search at `visible`.
    pub fn insert(&mut self, contact: Contact, visible: i64, properties: &Properties) {
        let id = contact.id;
        self.claim(&contact, properties);
        self.index.changed(id, None, visible);
        self.live.insert(id, contact);
    }

    /// Loads a contact that search knows from the start.
    pub fn load(&mut self, contact: Contact, properties: &Properties) {
        self.claim(&contact, properties);
        self.index.by_modified.insert((millis(contact.modified), contact.id));
        self.live.insert(contact.id, contact);
    }

    /// Sets checked values; says whether any changed. `touch` moves the modified time even if none did.
    pub fn update(
        &mut self,
        id: u64,
        values: &[(u16, String)],
        now: i64,
        source: Source,
        touch: bool,
        visible: i64,
        properties: &Properties,
    ) -> bool {
        let Some(contact) = self.live.get_mut(&id) else {
            return false;
        };
        let before = contact.clone();
        let mut changed = false;
        for (number, value) in values {
            changed |= contact.set(*number, value, now, source);
        }
        if !changed && !touch {
            return false;
        }
        contact.modified = now;
        let after = contact.clone();
        self.release(&before, properties);
        self.claim(&after, properties);
        self.index.changed(id, Some(before), visible);
        changed
    }

    /// Archives a contact; says whether it was live.
    pub fn archive(&mut self, id: u64, now: i64, visible: i64, properties: &Properties) -> bool {
        let Some(mut contact) = self.live.remove(&id) else {
            return false;
        };
        self.release(&contact, properties);
        self.index.changed(id, Some(contact.clone()), visible);
        contact.archived = Some(now);
        self.archived.insert(id, contact);
        true
    }

    /// Brings an archived contact back, without the mailbox or number that somebody else took meanwhile.
    pub fn restore(&mut self, id: u64, now: i64, visible: i64, properties: &Properties) -> bool {
        let Some(mut contact) = self.archived.remove(&id) else {
            return false;
        };
        contact.archived = None;
        contact.modified = now;
        let taken: Vec<u16> = contact
            .set_properties()
            .filter(|number| properties.get(*number).unique)
            .filter(|number| {
                contact
                    .value(*number)
                    .is_some_and(|value| self.holder(*number, value).is_some())
            })
            .collect();
        for number in taken {
            contact.set(number, "", now, Source::CrmUi);
        }
        self.insert(contact, visible, properties);
        true
    }

    /// Erases a contact, live or archived.
    pub fn purge(&mut self, id: u64, visible: i64, properties: &Properties) -> bool {
        if let Some(contact) = self.live.remove(&id) {
            self.release(&contact, properties);
            self.index.changed(id, Some(contact), visible);
            return true;
        }
        self.archived.remove(&id).is_some()
    }

    /// Takes the records of a merge out and lets their ids lead to the survivor.
    pub fn absorb(&mut self, losers: &[u64], survivor: Contact, visible: i64, properties: &Properties) {
        for loser in losers {
            if let Some(contact) = self.live.remove(loser) {
                self.release(&contact, properties);
                self.index.changed(*loser, Some(contact), visible);
            }
            if *loser != survivor.id {
                self.aliases.insert(*loser, survivor.id);
            }
        }
        self.insert(survivor, visible, properties);
    }

    fn claim(&mut self, contact: &Contact, properties: &Properties) {
        self.each_unique(contact, properties, |map, key, id| {
            map.insert(key, id);
        });
    }

    fn release(&mut self, contact: &Contact, properties: &Properties) {
        self.each_unique(contact, properties, |map, key, id| {
            if map.get(&key) == Some(&id) {
                map.remove(&key);
            }
        });
    }

    fn each_unique(
        &mut self,
        contact: &Contact,
        properties: &Properties,
        act: impl Fn(&mut HashMap<(u16, String), u64>, (u16, String), u64),
    ) {
        for number in contact.set_properties().filter(|number| properties.get(*number).unique) {
            if let Some(value) = contact.value(number).filter(|value| !value.is_empty()) {
                act(&mut self.unique, (number, unique_form(number, value)), contact.id);
            }
        }
        // Mailboxes that came with a merge are the survivor's as much as its own.
        for mailbox in contact
            .value(ADDITIONAL_EMAILS)
            .unwrap_or("")
            .split(';')
            .filter(|mailbox| !mailbox.is_empty())
        {
            act(&mut self.unique, (EMAIL, unique_form(EMAIL, mailbox)), contact.id);
        }
    }

    /// Lets the index catch up with everything that is due.
    pub fn catch_up(&mut self, now: i64) {
        while let Some((at, id)) = self.index.due.first().copied().filter(|(at, _)| *at <= now) {
            self.index.due.remove(&(at, id));
            let Some(before) = self.index.stale.remove(&id) else {
                continue;
            };
            if let Some(before) = before {
                self.index.by_modified.remove(&(millis(before.modified), id));
            }
            if let Some(contact) = self.live.get(&id) {
                self.index.by_modified.insert((millis(contact.modified), id));
            }
        }
    }

    /// The contact as search knows it.
    pub fn indexed(&self, id: u64) -> Option<&Contact> {
        match self.index.stale.get(&id) {
            Some(before) => before.as_deref(),
            None => self.live.get(&id),
        }
    }

    /// The contacts that search knows as they were, or not at all.
    pub fn not_yet_indexed(&self) -> impl Iterator<Item = u64> {
        self.index.stale.keys().copied()
    }

    /// The ids search knows whose modified time in milliseconds lies between the bounds, oldest first.
    pub fn indexed_between(&self, first: i64, last: i64) -> impl Iterator<Item = u64> {
        let range = (first <= last).then(|| self.index.by_modified.range((first, 0)..=(last, u64::MAX)));
        range.into_iter().flatten().map(|(_, id)| *id)
    }
}

impl Index {
    fn changed(&mut self, id: u64, before: Option<Contact>, visible: i64) {
        // What the index shows until it catches up is what it showed before the first change it has not seen.
        self.stale.entry(id).or_insert_with(|| before.map(Box::new));
        self.due.insert((visible, id));
    }
}

fn unique_form(property: u16, value: &str) -> String {
    if property == EMAIL {
        value.to_lowercase()
    } else {
        value.to_owned()
    }
}
