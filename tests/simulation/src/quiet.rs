//! Edits and faults stop; the bridge does only what it itself knows to be due. Then the verdict.

use crate::ghost::Edits;
use crate::promise::Promise;
use crate::remote::SystemName;
use crate::world::{Place, Stage, World};
use bridge_core::review::Choice;
use bridge_core::{Accept, LinkState, Value, WriteState};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Lets everything due happen. False if it never comes to rest.
    pub fn rest(&mut self, rounds: usize) -> bool {
        while !self.late.is_empty() {
            self.land_late(0);
        }
        for _ in 0..rounds {
            if !self.round() {
                return true;
            }
        }
        false
    }

    /// One round of the loop; false if nothing was due.
    fn round(&mut self) -> bool {
        let mut worked = false;
        while !self.reads.is_empty() {
            self.store(0, false);
            worked = true;
        }
        for place in self.calls.keys().cloned().collect::<Vec<_>>() {
            self.land(&place);
            self.answer(&place);
            worked = true;
        }
        for place in self.writes_in(WriteState::Unknown) {
            let at = self.entities[&place.0].writes[place.1].at;
            let lag = self.systems[place.1].manners.lag;
            self.now = self.now.max(at + lag + 1);
            self.look_unknown(&place);
            worked = true;
        }
        let names: Vec<SystemName> = self.systems.keys().copied().collect();
        for system in names {
            let behind: Vec<String> = {
                let sys = &self.systems[system];
                sys.records.keys().filter(|id| sys.behind(id)).cloned().collect()
            };
            for id in behind {
                self.system(system).index(&id);
            }
            while self.cursors[system] < self.systems[system].changes.len() {
                self.poll(system);
                while !self.reads.is_empty() {
                    self.store(0, false);
                }
                worked = true;
            }
        }
        for (system, id) in self.looks_due() {
            if let Some(reading) = self.read(system, &id) {
                self.store_reading(&reading);
            }
            worked = true;
        }
        let dirty: Vec<String> = self
            .entities
            .values()
            .filter(|e| e.dirty)
            .map(|e| e.id.clone())
            .collect();
        for id in dirty {
            self.reconcile(&id);
            worked = true;
        }
        for place in self.writes_in(WriteState::Planned) {
            if let Some(write) = self.entities[&place.0].writes.get(place.1) {
                self.now = self.now.max(write.not_before);
            }
            self.send(&place);
            self.land(&place);
            self.answer(&place);
            self.automate(&place);
            worked = true;
        }
        worked
    }

    /// The product's automation reacts to what we wrote.
    fn automate(&mut self, place: &Place) {
        let id = self.entities[&place.0].links.get(place.1).map(|l| l.remote_id.clone());
        if let Some(id) = id {
            for unit in self.units.clone() {
                self.automation(place.1, &id, unit);
            }
        }
    }

    /// A full sweep after quiet must cause no writes.
    pub fn sweep(&mut self, rounds: usize) -> bool {
        let writes = self.counts.writes;
        let all: Vec<(SystemName, String)> = self
            .systems
            .iter()
            .flat_map(|(s, sys)| sys.records.keys().map(|id| (*s, id.clone())))
            .collect();
        for (system, id) in all {
            if self.owner(system, &id).is_some()
                && let Some(reading) = self.read(system, &id)
            {
                self.store_reading(&reading);
            }
        }
        let quiet = self.rest(rounds);
        if self.counts.writes != writes {
            self.fault(Promise::EchoSilence, "writes after quiet");
        }
        quiet
    }

    /// People answer everything that is open, until nothing is.
    pub fn answer_everything(&mut self, rounds: usize) -> bool {
        for turn in 0..rounds {
            let mut open = false;
            let ids: Vec<String> = self.entities.keys().cloned().collect();
            for id in ids {
                for unit in self.units.clone() {
                    if self.entities[&id].conflicts.contains_key(unit) {
                        open = true;
                        self.open(&id, unit);
                        let names: Vec<String> = self.screen.iter().flat_map(|s| s.shown.keys().cloned()).collect();
                        let pick = names[turn % names.len()].clone();
                        self.decide(&Choice::From(pick));
                    }
                }
                while !self.entities[&id].cards.is_empty() {
                    open = true;
                    self.dismiss(&id, 0);
                }
                for (place, _) in self.doubtful().into_iter().filter(|(p, _)| p.0 == id) {
                    open = true;
                    self.answer_doubtful(&place.0, place.1);
                }
            }
            if !self.rest(60) {
                return false;
            }
            if !open {
                return true;
            }
        }
        false
    }

    fn doubtful(&self) -> Vec<(Place, ())> {
        self.writes_in(WriteState::Doubtful)
            .into_iter()
            .map(|p| (p, ()))
            .collect()
    }

    /// Checks every promise against what the people did.
    pub fn verdict(&mut self) {
        let mut covered = self.ghosts.recorded;
        covered.add(self.ghosts.excused);
        covered.add(self.ghosts.overwritten);
        for typed in self.ghosts.agreed.values() {
            covered.add(typed.edits);
        }
        let ids: Vec<String> = self.entities.keys().cloned().collect();
        let mut faults = vec![];
        for id in &ids {
            for unit in &self.units {
                covered.add(self.contenders(id, unit));
            }
            let names: Vec<SystemName> = self.systems.keys().copied().collect();
            for system in names {
                covered.add(self.compare(id, system, &mut faults));
            }
        }
        for (promise, what) in faults {
            self.fault(promise, what);
        }
        self.check_records(&mut covered);
        let typed = 1..self.ghosts.when.len();
        let lost: Vec<usize> = typed
            .filter(|e| Edits::of(*e).minus(covered) == Edits::of(*e))
            .collect();
        if !lost.is_empty() {
            self.fault(Promise::NoLostEdit, format!("edits {lost:?}"));
        }
    }

    /// Compares one linked record with what is agreed; returns the edits that are accounted for.
    fn compare(&self, id: &str, system: SystemName, faults: &mut Vec<(Promise, String)>) -> Edits {
        let mut covered = Edits::default();
        let entity = &self.entities[id];
        let Some(link) = entity.links.get(system) else {
            return covered;
        };
        let sys = &self.systems[system];
        let record = &sys.records[&link.remote_id];
        let held = entity.links.values().any(|l| l.held.is_some());
        for unit in &self.units {
            let stands = &record.now.values[unit];
            if link.state != LinkState::Live || !record.now.alive || held {
                covered.add(stands.edits);
                continue;
            }
            let agreed = entity.agreed.get(*unit).map(|a| &a.value);
            let x = link.units.get(*unit);
            let same = agreed.is_some_and(|a| *a == stands.value || sys.manners.stored(a) == stands.value);
            let blank_set = |v: &Value| v.is_empty() || *v == Value::set(Vec::<String>::new());
            let conflict = entity.conflicts.get(*unit);
            let in_review = conflict.is_some_and(|c| c.values.get(system) == Some(&stands.value));
            // In review elsewhere, and the bridge knows exactly what stands here.
            let known = conflict.is_some() && x.and_then(|x| x.seen()) == Some(&stands.value);
            let waits = x.is_some_and(|x| x.held.as_ref().is_some_and(|h| Some(&h.value) == agreed));
            let nothing_agreed = agreed.is_none_or(blank_set) && x.is_none_or(|x| x.base.is_none());
            let party = self.schema.party(system);
            let receives = party.is_some_and(|p| p.receives.contains(*unit));
            let author = x.map(|x| x.author).unwrap_or_default();
            let not_taken = self.rule(system, author, unit) == Accept::No;
            let alone = entity.links.len() == 1; // nobody else has or gets the value yet
            let blank = agreed.is_none() && (alone || blank_set(&stands.value));
            if same || in_review || known || waits || blank || (not_taken && (nothing_agreed || agreed.is_none())) {
                covered.add(stands.edits);
            } else if conflict.is_none() && receives {
                faults.push((
                    Promise::Convergence,
                    format!("{id} {unit}: {system} has {:?}, agreed is {agreed:?}", stands.value),
                ));
            }
        }
        covered
    }

    fn check_records(&mut self, covered: &mut Edits) {
        let mut alive: BTreeMap<(SystemName, u16), Vec<(String, bool)>> = BTreeMap::new();
        let mut entities: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
        let mut faults = vec![];
        for (system, sys) in &self.systems {
            for (id, record) in &sys.records {
                let owners: Vec<&String> = self
                    .entities
                    .values()
                    .filter(|e| e.links.get(*system).is_some_and(|l| l.remote_id == *id))
                    .map(|e| &e.id)
                    .collect();
                if owners.len() > 1 {
                    faults.push((Promise::NoDuplicateCreate, format!("{id} belongs to {owners:?}")));
                }
                if !record.now.alive || owners.is_empty() {
                    record.now.values.values().for_each(|t| covered.add(t.edits));
                }
                if !record.now.alive {
                    continue;
                }
                alive
                    .entry((*system, record.who))
                    .or_default()
                    .push((id.clone(), record.made_by_bridge));
                match owners.first() {
                    Some(owner) => {
                        entities.entry(record.who).or_default().insert(owner.to_string());
                    }
                    None => {
                        let buried = self
                            .entities
                            .values()
                            .any(|e| e.graves.iter().any(|g| g.remote_id.as_deref() == Some(id.as_str())));
                        if !buried && !self.parked.contains(&(*system, id.clone())) {
                            faults.push((Promise::Convergence, format!("nobody has seen {id}")));
                        }
                    }
                }
                let removed_before = sys
                    .records
                    .values()
                    .any(|d| d.killed && d.who == record.who && d.now.modified < record.made);
                let known = self.doubled.iter().any(|(_, w)| *w == record.who);
                if record.made_by_bridge && removed_before && !known {
                    faults.push((Promise::NoResurrection, format!("{id} was created after a removal")));
                }
            }
        }
        for ((system, who), records) in alive {
            let known = self.doubled.iter().any(|(_, w)| *w == who);
            if !known && records.len() > 1 && records.iter().any(|(_, bridge)| *bridge) {
                faults.push((
                    Promise::NoDuplicateCreate,
                    format!("person {who} in {system}: {records:?}"),
                ));
            }
        }
        for (who, owners) in entities {
            let known = self.doubled.iter().any(|(_, w)| *w == who);
            if owners.len() > 1 && !known {
                faults.push((Promise::NoDuplicateCreate, format!("person {who} is {owners:?}")));
            }
        }
        for (promise, what) in faults {
            self.fault(promise, what);
        }
    }

    /// Whether a call is on its way that has not reached the product.
    pub fn is_out(&self, place: &Place) -> bool {
        self.calls.get(place).is_some_and(|c| c.stage == Stage::Out)
    }
}
