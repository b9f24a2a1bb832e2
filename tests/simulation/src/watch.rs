//! Capture: reads and pages start, and are stored later, in any order, once or twice or never.

use crate::promise::Promise;
use crate::remote::{SystemName, TypedValues};
use crate::world::{InFlight, Reading, World};
use bridge_core::capture::{self, How, Verdict};
use bridge_core::{CardKind, Entity, Hold, Link, LinkState, Op, Time, WriteState, review};
use std::collections::BTreeSet;

impl World {
    /// A direct read starts: it shows the record as it stands now.
    pub fn read(&mut self, system: SystemName, id: &str) -> Option<Reading> {
        let started = self.tick();
        self.counts.reads += 1;
        let snap = self.systems[system].records.get(id)?.now.clone();
        Some(Reading {
            system,
            id: id.into(),
            how: How::Direct,
            started,
            snap,
        })
    }

    /// How rows of this system's lists count.
    pub fn row_kind(&self, system: SystemName) -> How {
        if self.systems[system].manners.lag > 0 {
            How::LaggingRow
        } else {
            How::Row
        }
    }

    /// The next page of changes starts.
    pub fn poll(&mut self, system: SystemName) {
        let started = self.tick();
        self.counts.pages += 1;
        let how = self.row_kind(system);
        let from = self.cursors[system];
        let sys = &self.systems[system];
        let to = sys.changes.len().min(from + sys.manners.page);
        let ids: BTreeSet<&String> = sys.changes[from..to].iter().collect();
        let rows = ids
            .into_iter()
            .filter_map(|id| {
                let snap = sys.records[id].indexed.clone()?;
                Some(Reading {
                    system,
                    id: id.clone(),
                    how,
                    started,
                    snap,
                })
            })
            .collect();
        self.reads.push(InFlight::Page { system, from, to, rows });
    }

    /// Stores something read: one transaction, the cursor included.
    pub fn store(&mut self, nth: usize, again: bool) {
        if nth >= self.reads.len() {
            return;
        }
        let item = if again {
            self.reads[nth].clone()
        } else {
            self.reads.remove(nth)
        };
        match item {
            InFlight::One(reading) => self.store_reading(&reading),
            InFlight::Page { system, from, to, rows } => {
                for row in &rows {
                    self.store_reading(row);
                }
                if self.cursors[system] == from {
                    self.cursors.insert(system, to);
                }
            }
        }
    }

    /// Judges and stores one observation.
    pub fn store_reading(&mut self, reading: &Reading) {
        let (system, id) = (reading.system, reading.id.as_str());
        let seen = self.systems[system].show(system, id, &reading.snap, reading.how, reading.started);
        let Some(owner) = self.owner(system, id) else {
            return self.stranger(reading);
        };
        let now = self.tick();
        let result = self.transact(&owner, |_, entity| {
            let busy = entity.busy(system);
            let link = entity.links.get_mut(system)?;
            let merges: Vec<String> = capture::new_merges(link, &seen).cloned().collect();
            let known = link.known_at > 0;
            let (verdict, changed) = capture::observe(link, busy, &seen, now);
            entity.dirty |= changed;
            Some((verdict, if known { merges } else { vec![] }))
        });
        if let Some(Some((Verdict::Accept, merges))) = result {
            self.witnessed(reading);
            self.hold_merged(&owner, system, &merges);
        }
    }

    /// A record that no entity has. The identity check finds nobody: in these worlds only the
    /// bridge itself makes a second record of a person.
    fn stranger(&mut self, reading: &Reading) {
        let (system, id) = (reading.system, reading.id.as_str());
        if !reading.snap.alive {
            return;
        }
        let settling = |state: WriteState| matches!(state, WriteState::Sent | WriteState::Unknown);
        let waits = self.entities.values().any(|e| {
            e.writes
                .get(system)
                .is_some_and(|w| w.op == Op::Create && settling(w.state))
        });
        let maker = self.systems[system].records[id].reference.clone();
        let candidate = maker
            .as_ref()
            .and_then(|e| self.entities.get(e))
            .is_some_and(|e| e.writes.get(system).is_some_and(|w| w.state == WriteState::Doubtful));
        if waits || candidate {
            self.parked.insert((system, id.into()));
            return;
        }
        if self.entities.values().any(|e| {
            e.graves
                .iter()
                .any(|g| g.system == system && g.remote_id.as_deref() == Some(id))
        }) {
            return; // a tombstone names it
        }
        let now = self.tick();
        let seen = self.systems[system].show(system, id, &reading.snap, reading.how, reading.started);
        let mut link = Link::new(system, "person", id);
        capture::observe(&mut link, false, &seen, now);
        let mut entity = Entity {
            id: format!("E-{id}"),
            kind: "person".into(),
            ..Entity::default()
        };
        if self.entities.contains_key(&entity.id) {
            entity.id = format!("E-{id}-{now}");
        }
        if self.units.iter().any(|u| !seen.values.contains_key(*u)) {
            capture::ask(&mut link, now); // the row left something out
        }
        let losers = seen.merged_from.clone();
        if !losers.is_empty() {
            link.held = Some(Hold::Merged); // first seen as the survivor of a merge
        }
        review::join(&mut entity, link, now);
        let id = entity.id.clone();
        self.entities.insert(id.clone(), entity);
        self.witnessed(reading);
        self.hold_merged(&id, system, &losers);
    }

    /// Ghosts of an accepted observation.
    pub fn witnessed(&mut self, reading: &Reading) {
        let key = (reading.system, reading.id.clone());
        let known = self.ghosts.known_version.get(&key).copied().unwrap_or(0);
        if reading.snap.version < known {
            self.fault(
                Promise::Order,
                format!("{} v{} replaced v{known}", reading.id, reading.snap.version),
            );
        }
        self.ghosts.known_version.insert(key.clone(), reading.snap.version);
        let sys = self.systems.get_mut(reading.system).expect("known");
        let hidden = !reading.snap.alive && sys.manners.forgets_removed;
        let left_out = sys.manners.leaves_out.filter(|_| reading.how != How::Direct);
        let record = sys.records.get_mut(&reading.id).expect("read");
        let mut values: TypedValues = if hidden {
            TypedValues::new()
        } else {
            reading.snap.values.clone()
        };
        values.retain(|unit, _| left_out != Some(*unit));
        if record.now.landed == reading.snap.landed {
            for (unit, typed) in &values {
                if typed.value == record.anchor[unit].value || typed.value == record.known[unit] {
                    self.ghosts.excused.add(typed.edits);
                }
            }
            record.anchor.extend(values.clone());
        }
        let seen = self.ghosts.seen.entry(key).or_default();
        for (unit, mut typed) in values {
            if let Some(known) = seen.get(unit).filter(|k| k.value == typed.value) {
                typed.author = known.author; // the same value again is no edit, whoever typed it
            }
            seen.insert(unit, typed);
        }
    }

    /// A merge mark holds the survivor and, if it has one, the loser's entity.
    pub fn hold_merged(&mut self, owner: &str, system: SystemName, losers: &[String]) {
        if losers.is_empty() {
            return;
        }
        let now = self.now;
        self.transact(owner, |_, e| {
            e.file_card(CardKind::Merged, system, BTreeSet::new(), now)
        });
        for loser in losers {
            if let Some(other) = self.owner(system, loser).filter(|e| e != owner) {
                self.transact(&other, |_, e| {
                    if let Some(link) = e.links.get_mut(system) {
                        link.held = Some(Hold::Merged);
                        link.state = LinkState::Merged;
                    }
                    e.file_card(CardKind::Merged, system, BTreeSet::new(), now);
                    e.dirty = true;
                });
            }
        }
    }

    /// Records that waited for a create are looked at again.
    pub fn unpark(&mut self, system: SystemName) {
        let waiting: Vec<(SystemName, String)> = self.parked.iter().filter(|(s, _)| *s == system).cloned().collect();
        for key in waiting {
            self.parked.remove(&key);
            let sys = self.system(key.0);
            if sys.records[&key.1].indexed.is_some() {
                sys.changes.push(key.1);
            }
        }
    }

    /// Links that are due for a direct read.
    pub fn looks_due(&self) -> Vec<(SystemName, String)> {
        let names: Vec<SystemName> = self.systems.keys().copied().collect();
        self.entities
            .values()
            .flat_map(|e| e.links.values())
            .filter(|l| l.look)
            .filter_map(|l| {
                let system = names.iter().copied().find(|s| *s == l.system)?;
                Some((system, l.remote_id.clone()))
            })
            .collect()
    }

    /// Time passes.
    pub fn wait(&mut self, time: Time) {
        self.now += time;
    }
}

/// One row of a list, fresh or as the record stood before its last change.
pub fn watch_row(world: &mut World, system: SystemName, id: &str, stale: bool) -> Option<Reading> {
    let started = world.tick();
    let how = world.row_kind(system);
    let record = world.systems[system].records.get(id)?;
    let snap = if stale {
        record.before.clone()
    } else {
        record.now.clone()
    };
    Some(Reading {
        system,
        id: id.into(),
        how,
        started,
        snap,
    })
}
