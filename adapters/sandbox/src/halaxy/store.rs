//! The patients of the stand-in, with the orders that pages are cut from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::patient::{Patient, truncate};
use super::switches::{HalaxySwitches, Precision};

/// All patients. Removed ones are kept aside so that the control API can show them.
#[derive(Debug, Default)]
pub(crate) struct Patients {
    live: BTreeMap<u64, Patient>,
    removed: BTreeMap<u64, Patient>,
    survivors: HashMap<u64, u64>,
    /// (last updated to the microsecond, id).
    by_last_updated: BTreeSet<(i64, u64)>,
    next_id: u64,
}

impl Patients {
    /// Adds a patient and gives its id.
    pub fn add(&mut self, body: &Value, created: i64, last_updated: i64) -> u64 {
        self.next_id = self.next_id.max(900_000) + 1;
        let id = self.next_id;
        self.live.insert(id, Patient::new(id, created, last_updated, body));
        self.by_last_updated.insert((last_updated, id));
        id
    }

    /// A live patient.
    pub fn get(&self, id: u64) -> Option<&Patient> {
        self.live.get(&id)
    }

    /// The patient that `id` was merged into, in the end.
    pub fn survivor(&self, id: u64) -> Option<u64> {
        let mut at = *self.survivors.get(&id)?;
        while let Some(next) = self.survivors.get(&at) {
            at = *next;
        }
        Some(at)
    }

    /// Whether the patient was there once and is not any more.
    pub fn is_removed(&self, id: u64) -> bool {
        self.removed.contains_key(&id)
    }

    /// Stores a body; moves `lastUpdated` if it changed or if `always`.
    pub fn store(&mut self, id: u64, body: &Value, now: i64, always: bool) {
        if let Some(patient) = self.live.get_mut(&id)
            && (patient.set_body(body) || always)
        {
            self.by_last_updated.remove(&(patient.last_updated, id));
            patient.last_updated = now;
            self.by_last_updated.insert((now, id));
        }
    }

    /// Stores a body without moving `lastUpdated`.
    pub fn store_quietly(&mut self, id: u64, body: &Value) {
        if let Some(patient) = self.live.get_mut(&id) {
            patient.set_body(body);
        }
    }

    /// Moves `lastUpdated` of one patient without changing it, as a background job does.
    pub fn touch(&mut self, id: u64, now: i64) {
        if let Some(patient) = self.live.get_mut(&id) {
            self.by_last_updated.remove(&(patient.last_updated, id));
            patient.last_updated = now;
            self.by_last_updated.insert((now, id));
        }
    }

    /// Takes a patient out; says whether it was there.
    pub fn remove(&mut self, id: u64, survivor: Option<u64>) -> bool {
        let Some(patient) = self.live.remove(&id) else {
            return false;
        };
        self.by_last_updated.remove(&(patient.last_updated, id));
        self.removed.insert(id, patient);
        if let Some(survivor) = survivor {
            self.survivors.insert(id, survivor);
        }
        true
    }

    /// How many are live.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Live patients by id.
    pub fn by_id(&self) -> impl DoubleEndedIterator<Item = &Patient> {
        self.live.values()
    }

    /// Removed patients by id.
    pub fn removed(&self) -> impl Iterator<Item = &Patient> {
        self.removed.values()
    }

    /// The `nth` live patient by id.
    pub fn nth(&self, nth: usize) -> Option<u64> {
        self.live.keys().nth(nth).copied()
    }

    /// The ids whose shown `lastUpdated` lies between the bounds, with it, oldest first.
    pub fn updated_between(&self, first: i64, last: i64, precision: Precision) -> impl Iterator<Item = (i64, u64)> {
        // A shown time stands for all of its second: widen the range, then compare what is shown.
        let unit = match precision {
            Precision::Second => 1_000_000,
            Precision::Milli => 1_000,
        };
        let start = (first.saturating_sub(unit), 0);
        let end = (last.saturating_add(unit), u64::MAX);
        let range = (start <= end).then(|| self.by_last_updated.range(start..=end));
        range
            .into_iter()
            .flatten()
            .map(move |(at, id)| (truncate(*at, precision), *id))
            .filter(move |(at, _)| (first..=last).contains(at))
    }

    /// What the API shows for `id`.
    pub fn shown(&self, id: u64, base: &str, switches: &HalaxySwitches) -> Option<Value> {
        self.live.get(&id).map(|patient| patient.shown(base, switches))
    }
}
