//! What people answer the bridge: decisions, cards, cuts and joins.

use crate::ghost::{Edits, Typed};
use crate::remote::{SystemName, UnitName};
use crate::world::{Place, Screen, World};
use bridge_core::merge::AGREED;
use bridge_core::review::{self, Choice};
use bridge_core::{CardKind, Grave, Hold, Link, Op, Shared, WriteState};

impl World {
    fn named_ghost(&self, entity: &str, unit: UnitName, name: &str) -> Option<Typed> {
        if name == AGREED {
            return self.ghosts.agreed.get(&(entity.to_string(), unit)).cloned();
        }
        let system = self.system_name(name)?;
        let link = self.entities.get(entity)?.links.get(name)?;
        self.seen_ghost(system, &link.remote_id, unit)
    }

    /// Ghosts of everything a person is asked to choose from.
    pub fn contenders(&self, entity: &str, unit: UnitName) -> Edits {
        let Some(conflict) = self.entities.get(entity).and_then(|e| e.conflicts.get(unit)) else {
            return Edits::default();
        };
        conflict
            .values
            .keys()
            .filter_map(|name| self.named_ghost(entity, unit, name))
            .fold(Edits::default(), |all, t| all.union(t.edits))
    }

    /// A person opens a conflict.
    pub fn open(&mut self, entity: &str, unit: UnitName) {
        let Some(conflict) = self.entities.get(entity).and_then(|e| e.conflicts.get(unit)) else {
            return;
        };
        let shown = conflict.values.clone();
        let edits = shown
            .keys()
            .map(|n| {
                (
                    n.clone(),
                    self.named_ghost(entity, unit, n).map(|t| t.edits).unwrap_or_default(),
                )
            })
            .collect();
        self.screen = Some(Screen {
            entity: entity.into(),
            unit,
            shown,
            edits,
        });
    }

    /// The person chooses.
    pub fn decide(&mut self, choice: &Choice) {
        let Some(screen) = self.screen.take() else {
            return;
        };
        let (id, unit) = (screen.entity.clone(), screen.unit);
        let now = self.tick();
        let set = self.schema.unit(unit).is_some_and(|u| u.set);
        let stored = self.transact(&id, |schema, e| {
            review::decide(schema, e, unit, &screen.shown, choice, now).is_ok()
        });
        if stored != Some(true) {
            self.counts.stale_decisions += 1;
            return;
        }
        self.counts.decisions += 1;
        let ghosts: Vec<(String, Typed)> = screen
            .shown
            .keys()
            .filter_map(|n| Some((n.clone(), self.named_ghost(&id, unit, n)?)))
            .collect();
        // Only what stood on the screen was considered.
        for (name, edits) in &screen.edits {
            let same = ghosts.iter().find(|(n, _)| n == name);
            if same.is_some_and(|(_, t)| t.value == screen.shown[name]) {
                self.ghosts.recorded.add(same.map(|(_, t)| t.edits).unwrap_or(*edits));
            }
        }
        let value = self.entities[&id].agreed[unit].value.clone();
        let all = ghosts.iter().fold(Edits::default(), |a, (_, t)| a.union(t.edits));
        let picked = match choice {
            Choice::From(name) => ghosts.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone()),
            Choice::Value(_) | Choice::Both => None,
        };
        let mut ghost = picked
            .or_else(|| ghosts.first().map(|(_, t)| t.clone()))
            .expect("a decided conflict has contenders");
        if let Choice::Value(_) = choice {
            let edit = Edits::of(self.new_edit());
            ghost.edits = edit;
            // Where it is what a record is known to hold, the next edit there looks typed on top of it.
            let links = self.entities[&id].links.values();
            let held = |l: &Shared<Link>| l.units.get(unit).is_some_and(|x| x.base.as_ref() == Some(&value));
            if links.clone().any(held) {
                self.ghosts.excused.add(edit);
            }
        }
        if set {
            ghost.edits.add(all);
        }
        ghost.value = value;
        self.ghosts.agreed.insert((id.clone(), unit), ghost);
        for (name, _) in ghosts {
            let Some(system) = self.system_name(&name) else {
                continue;
            };
            let rid = self.entities[&id].links[&name].remote_id.clone();
            let value = screen.shown[&name].clone();
            if let Some(record) = self.system(system).records.get_mut(&rid) {
                record.known.insert(unit, value);
            }
        }
    }

    /// The person has seen a card. On a merge this consents to the survivor's values.
    pub fn dismiss(&mut self, entity: &str, nth: usize) {
        let Some(e) = self.entities.get(entity) else {
            return;
        };
        let Some(card) = e.cards.get(nth).cloned() else {
            return;
        };
        let held: Vec<Place> = e
            .links
            .values()
            .filter(|l| l.held == Some(Hold::Merged))
            .filter_map(|l| Some((l.remote_id.clone(), self.system_name(&l.system)?)))
            .collect();
        self.tick();
        self.transact(entity, |_, e| review::dismiss(e, card.kind, &card.system).is_ok());
        if card.kind == CardKind::Merged {
            for (id, system) in held {
                let who = self.systems[system].records[&id].who;
                self.belongs(system, &id, who);
            }
        }
    }

    /// From now on the record and all its values are this person's.
    fn belongs(&mut self, system: SystemName, id: &str, who: u16) {
        if let Some(record) = self.system(system).records.get_mut(id) {
            record.who = who;
            let snaps = [Some(&mut record.now), Some(&mut record.before), record.indexed.as_mut()];
            for snap in snaps.into_iter().flatten() {
                snap.values.values_mut().for_each(|t| t.who = who);
            }
        }
        if let Some(seen) = self.ghosts.seen.get_mut(&(system, id.to_string())) {
            seen.values_mut().for_each(|t| t.who = who);
        }
        for item in &mut self.reads {
            let rows = match item {
                crate::world::InFlight::One(r) => std::slice::from_mut(r),
                crate::world::InFlight::Page { rows, .. } => rows.as_mut_slice(),
            };
            for row in rows.iter_mut().filter(|r| r.system == system && r.id == id) {
                row.snap.values.values_mut().for_each(|t| t.who = who);
            }
        }
    }

    /// A person says: this record is somebody else.
    pub fn cut(&mut self, entity: &str, system: SystemName) {
        let Some(link) = self.entities.get(entity).and_then(|e| e.links.get(system)).cloned() else {
            return;
        };
        let now = self.tick();
        self.cuts += 1;
        let new = format!("E-cut{}-{}", self.cuts, link.remote_id);
        for unit in self.units.clone() {
            let shown = self.contenders(entity, unit);
            self.ghosts.recorded.add(shown);
        }
        let Some(Some(other)) = self.transact(entity, |_, e| review::cut(e, system, &new, now)) else {
            return;
        };
        self.entities.insert(new.clone(), other);
        let who = 1000 + self.cuts as u16;
        self.belongs(system, &link.remote_id, who);
        if let Some(record) = self.system(system).records.get_mut(&link.remote_id) {
            record.reference = None;
            record.cut_at = now;
        }
        for unit in self.units.clone() {
            if let Some(typed) = self.seen_ghost(system, &link.remote_id, unit) {
                self.ghosts.agreed.insert((new.clone(), unit), typed);
            }
        }
    }

    /// A person says: a record that was cut is this entity after all.
    pub fn rejoin(&mut self, from: &str, into: &str, system: SystemName) {
        let free = self.entities.get(into).is_some_and(|e| !e.links.contains_key(system));
        let alone = self
            .entities
            .get(from)
            .is_some_and(|e| e.links.len() == 1 && e.links.contains_key(system) && e.writes.is_empty());
        let who = self.who(into);
        if !free || !alone || from == into {
            return;
        }
        let Some(who) = who else { return };
        let now = self.tick();
        for unit in self.units.clone() {
            let shown = self.contenders(from, unit);
            self.ghosts.recorded.add(shown);
        }
        let Some(link) = self.entities.remove(from).and_then(|mut e| e.links.remove(system)) else {
            return;
        };
        self.belongs(system, &link.remote_id.clone(), who);
        if self.entities[into]
            .writes
            .get(system)
            .is_some_and(|w| w.op == Op::Create)
        {
            self.doubled.insert((system, who)); // one may be on its way already
        }
        self.screen = self.screen.take().filter(|s| s.entity != from);
        self.transact(into, |_, e| review::join(e, link.into_inner(), now));
    }

    /// The person an entity stands for.
    pub fn who(&self, entity: &str) -> Option<u16> {
        let e = self.entities.get(entity)?;
        e.links
            .values()
            .find_map(|l| Some(self.systems.get(l.system.as_str())?.records.get(&l.remote_id)?.who))
    }

    /// A person says: never create this one there.
    pub fn bury(&mut self, entity: &str, system: SystemName) {
        if self.entities.get(entity).is_some_and(|e| !e.links.contains_key(system)) {
            self.tick();
            self.transact(entity, |_, e| {
                e.graves.insert(Grave {
                    system: system.into(),
                    remote_id: None,
                });
                e.dirty = true;
            });
        }
    }

    /// A person releases what is held of a link.
    pub fn release(&mut self, entity: &str, system: SystemName) {
        let doubtful = self
            .entities
            .get(entity)
            .and_then(|e| e.writes.get(system))
            .is_some_and(|w| w.state == WriteState::Doubtful);
        if doubtful {
            return self.answer_doubtful(entity, system);
        }
        self.tick();
        self.transact(entity, |_, e| review::release(e, system));
    }

    /// A person has looked in the product for a create that may exist.
    pub fn answer_doubtful(&mut self, entity: &str, system: SystemName) {
        let doubtful = self
            .entities
            .get(entity)
            .and_then(|e| e.writes.get(system))
            .is_some_and(|w| w.state == WriteState::Doubtful && w.op == Op::Create);
        if !doubtful {
            return;
        }
        let now = self.tick();
        let ours: Vec<(String, bool)> = self.systems[system]
            .records
            .iter()
            .filter(|(_, r)| r.reference.as_deref() == Some(entity))
            .map(|(id, r)| (id.clone(), r.now.alive))
            .collect();
        let linked = self.entities[entity].links.contains_key(system);
        if let Some((id, _)) = ours.iter().find(|(_, alive)| *alive && !linked) {
            // It is there: the person links it. What it holds is read afresh.
            let mut link = Link::new(system, "person", id);
            bridge_core::capture::ask(&mut link, now);
            self.transact(entity, |_, e| review::join(e, link, now));
            self.parked.remove(&(system, id.clone()));
        } else if ours.is_empty() {
            self.transact(entity, |_, e| review::release(e, system));
        } else {
            self.transact(entity, |_, e| {
                review::release(e, system);
                e.graves.insert(Grave {
                    system: system.into(),
                    remote_id: Some(ours[0].0.clone()),
                });
            });
        }
        self.unpark(system);
    }
}
