//! What people (and a product's own automation) do in the systems.

use crate::ghost::{Edits, Typed};
use crate::remote::{Record, SystemName, TypedValues, UnitName};
use crate::world::World;
use bridge_core::{Author, Value};
use std::collections::BTreeMap;

impl World {
    fn changed(&mut self, system: SystemName, id: &str) {
        let sys = self.system(system);
        if sys.manners.lag == 0 {
            sys.index(id);
        }
    }

    /// Types a value over what stands there.
    pub fn edit(&mut self, system: SystemName, id: &str, unit: UnitName, value: Value, author: Author) {
        let alive = self.systems[system].records.get(id).is_some_and(|r| r.now.alive);
        if !alive || self.systems[system].records[id].now.values[unit].value == value {
            return;
        }
        let edit = self.new_edit();
        let now = self.now;
        let record = self.system(system).records.get_mut(id).expect("checked");
        let who = record.who;
        record.change(now, |r| {
            let edits = r.values[unit].edits.with(edit);
            r.values.insert(
                unit,
                Typed {
                    value,
                    edits,
                    who,
                    author,
                },
            );
        });
        self.changed(system, id);
    }

    /// Makes a record by hand.
    pub fn new_person(&mut self, system: SystemName, id: &str, who: u16, values: &BTreeMap<UnitName, Value>) {
        let mut typed = TypedValues::new();
        for (unit, value) in values {
            let edits = Edits::of(self.new_edit());
            let author = Author::Person;
            typed.insert(
                unit,
                Typed {
                    value: value.clone(),
                    edits,
                    who,
                    author,
                },
            );
        }
        let record = Record::new(who, typed, self.now);
        self.system(system).records.insert(id.into(), record);
        self.changed(system, id);
    }

    /// Removes (or archives) a record by hand.
    pub fn remove(&mut self, system: SystemName, id: &str) {
        let now = self.tick();
        if let Some(record) = self.system(system).records.get_mut(id).filter(|r| r.now.alive) {
            record.change(now, |r| r.alive = false);
            record.killed = true;
            self.changed(system, id);
        }
    }

    /// Merges one record into another by hand: the winner takes some of the loser's values.
    pub fn merge(&mut self, system: SystemName, loser: &str, winner: &str, units: &[UnitName]) {
        let records = &self.systems[system].records;
        let alive = |id: &str| records.get(id).is_some_and(|r| r.now.alive);
        if loser == winner || !alive(loser) || !alive(winner) {
            return;
        }
        let taken = records[loser].now.values.clone();
        let now = self.tick();
        let sys = self.system(system);
        let record = sys.records.get_mut(winner).expect("checked");
        record.change(now, |r| {
            for unit in units {
                let edits = taken[unit].edits.union(r.values[unit].edits);
                r.values.insert(
                    unit,
                    Typed {
                        edits,
                        ..taken[unit].clone()
                    },
                );
            }
            r.merged_from.push(loser.into());
        });
        let record = sys.records.get_mut(loser).expect("checked");
        record.change(now, |r| r.alive = false);
        record.killed = true;
        self.changed(system, winner);
        self.changed(system, loser);
    }

    /// The product's own automation rewrites a value: an edit of that system.
    pub fn automation(&mut self, system: SystemName, id: &str, unit: UnitName) {
        let sys = &self.systems[system];
        let Some(record) = sys.records.get(id).filter(|r| r.now.alive) else {
            return;
        };
        let Some(text) = record.now.values[unit].value.as_text() else {
            return;
        };
        if let Some(other) = sys.manners.automation.get(text).copied() {
            self.edit(system, id, unit, Value::text(other), Author::Automation);
        }
    }
}
