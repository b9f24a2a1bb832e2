//! What the diary keeps in the store, and what it knows besides.

use super::{Known, Shown};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::diary::{Around, Entry, Held, Months, Visit};
use bridge_store::{Store, Telling, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// Entries by key.
pub(super) const ENTRY: &str = "diary/entry";
/// Months of visits by the reference of the patient, by which an erasure finds them.
pub(super) const VISITS: &str = "diary/visits";

/// Everything in memory. Entries and months stand in the store; the rest follows from the mirror.
pub(crate) struct State {
    pub entries: BTreeMap<String, Entry>,
    pub months: BTreeMap<String, Months>,
    pub around: Around,
    pub visits: BTreeMap<String, Known>,
    /// Appointments that cannot be read, and the member at fault.
    pub unread: BTreeMap<String, &'static str>,
    /// Appointments by patient.
    pub visits_of: BTreeMap<String, BTreeSet<String>>,
    /// Appointments with an entry, by patient.
    pub entries_of: BTreeMap<String, BTreeSet<String>>,
    /// The number of the last change taken, by kind.
    pub taken: BTreeMap<&'static str, i64>,
    /// Contacts by patient.
    pub contacts: BTreeMap<String, String>,
    /// Appointments that nobody judged since they changed.
    pub dirty: BTreeSet<String>,
    /// Appointments ahead of the window.
    pub due: Due,
    /// What the CRM shows, from the last look.
    pub shown: Shown,
    pub held: BTreeMap<String, Vec<Held>>,
    /// Patients whose visits changed since their months were worked out; all of them at times.
    pub restless: BTreeSet<String>,
    pub months_at: Time,
    pub look_at: Time,
    pub again_at: Time,
    /// Patients whom appointments name no more, and since when a look at them was asked for.
    pub asked: BTreeMap<String, Time>,
}

/// Appointments by the moment they come into the window.
#[derive(Default)]
pub(crate) struct Due {
    by_time: BTreeSet<(Time, String)>,
    of: BTreeMap<String, Time>,
}

impl Due {
    pub fn put(&mut self, id: &str, at: Time) {
        self.remove_of(id);
        self.by_time.insert((at, id.to_owned()));
        self.of.insert(id.to_owned(), at);
    }

    pub fn remove_of(&mut self, id: &str) {
        if let Some(at) = self.of.remove(id) {
            self.by_time.remove(&(at, id.to_owned()));
        }
    }

    /// Those whose moment has come.
    pub fn take(&mut self, now: Time) -> Vec<String> {
        let mut all = Vec::new();
        while let Some((at, id)) = self.by_time.first().filter(|(at, _)| *at <= now).cloned() {
            self.by_time.remove(&(at, id.clone()));
            self.of.remove(&id);
            all.push(id);
        }
        all
    }
}

/// Where a patient's months are kept.
pub(super) fn place_of(patient: &str) -> String {
    format!("Patient/{patient}")
}

impl State {
    /// What was kept; the rest is read anew.
    pub async fn load(store: &Store) -> Result<State, EngineError> {
        let mut state = State {
            entries: BTreeMap::new(),
            months: BTreeMap::new(),
            around: Around::default(),
            visits: BTreeMap::new(),
            unread: BTreeMap::new(),
            visits_of: BTreeMap::new(),
            entries_of: BTreeMap::new(),
            taken: BTreeMap::new(),
            contacts: BTreeMap::new(),
            dirty: BTreeSet::new(),
            due: Due::default(),
            shown: Shown::new(),
            held: BTreeMap::new(),
            restless: BTreeSet::new(),
            months_at: Time::MIN,
            look_at: Time::MIN,
            again_at: Time::MIN,
            asked: BTreeMap::new(),
        };
        let mut bad = None;
        store
            .ledger(ENTRY, |id, body| match serde_json::from_str::<Entry>(&body) {
                Ok(entry) => state.put(entry),
                Err(_) => bad = Some(EngineError::unread_row(ENTRY, &id)),
            })
            .await?;
        store
            .ledger(VISITS, |id, body| match serde_json::from_str(&body) {
                Ok(months) => {
                    let patient = id.rsplit('/').next().unwrap_or(&id).to_owned();
                    state.months.insert(patient, months);
                }
                Err(_) => bad = Some(EngineError::unread_row(VISITS, &id)),
            })
            .await?;
        bad.map_or(Ok(state), Err)
    }

    /// Keeps an entry in memory.
    pub fn put(&mut self, entry: Entry) {
        let of = self.entries_of.entry(entry.patient.clone()).or_default();
        of.insert(entry.appointment.clone());
        self.entries.insert(entry.key.clone(), entry);
    }

    /// The entries of an appointment.
    pub fn entries_at(&self, appointment: &str) -> BTreeMap<String, Entry> {
        let prefix = bridge_core::diary::key(appointment, "");
        let range = self.entries.range(prefix.clone()..);
        range
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(_, entry)| entry.appointment == appointment)
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// A visit as it is now.
    pub fn show(&mut self, visit: Visit, gone: bool) {
        self.unread.remove(&visit.id);
        self.forget(&visit.id);
        for part in &visit.patients {
            let of = self.visits_of.entry(part.patient.clone()).or_default();
            of.insert(visit.id.clone());
            self.restless.insert(part.patient.clone());
        }
        self.visits.insert(visit.id.clone(), Known { visit, gone });
    }

    /// One that is gone and of which nothing is known any more.
    pub fn lose(&mut self, id: &str) {
        self.unread.remove(id);
        self.forget(id);
    }

    /// One that cannot be read now: what was known of it is not taken to hold.
    pub fn unreadable(&mut self, id: &str, member: &'static str) {
        self.unread.insert(id.to_owned(), member);
    }

    fn forget(&mut self, id: &str) {
        let Some(old) = self.visits.remove(id) else { return };
        for part in old.visit.patients {
            if let Some(all) = self.visits_of.get_mut(&part.patient) {
                all.remove(id);
            }
            self.restless.insert(part.patient);
        }
    }
}

/// Changes of what is kept, in one transaction.
pub(super) struct Keep {
    tx: Tx,
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Keep {
    pub async fn new(store: &Store) -> Result<Keep, EngineError> {
        Ok(Keep {
            tx: store.begin().await?,
        })
    }

    pub async fn entries(&mut self, entries: &[Entry]) -> Result<(), EngineError> {
        let rows: Vec<(String, String)> = entries.iter().map(|e| (e.key.clone(), json(e))).collect();
        Ok(self.tx.put_ledger(ENTRY, &rows).await?)
    }

    pub async fn forget(&mut self, keys: &[String]) -> Result<(), EngineError> {
        Ok(self.tx.drop_ledger(ENTRY, keys).await?)
    }

    pub async fn told(&mut self, told: &[Telling], now: Time) -> Result<(), EngineError> {
        Ok(self.tx.append_told(told, now).await?)
    }

    pub async fn months(&mut self, months: &[(String, Months)]) -> Result<(), EngineError> {
        let row = |(id, months): &(String, Months)| (place_of(id), json(months));
        let rows: Vec<(String, String)> = months.iter().map(row).collect();
        Ok(self.tx.put_ledger(VISITS, &rows).await?)
    }

    pub fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    pub async fn commit(self) -> Result<(), EngineError> {
        Ok(self.tx.commit().await?)
    }
}
