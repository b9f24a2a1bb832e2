//! Delivery in the order the rule demands: guard, mark, call, land, answer. Every step may be the
//! last before a crash.

use crate::ghost::Typed;
use crate::promise::Promise;
use crate::remote::{Answers, Guarding, Record, TypedValues, Versions};
use crate::world::{Call, Place, Reading, Stage, World};
use bridge_core::capture;
use bridge_core::settle::{self, Manners, Sending, Settlement};
use bridge_core::{Author, CardKind, Hold, Op, Time, Value, Version, WriteState};

impl World {
    /// A planned write that may go out now.
    fn due(&self, place: &Place) -> bool {
        !self.calls.contains_key(place)
            && self
                .entities
                .get(&place.0)
                .and_then(|e| e.writes.get(place.1))
                .is_some_and(|w| w.state == WriteState::Planned && w.not_before <= self.now)
    }

    /// Whether this write is guarded by a direct read: where writes are not conditional, or no
    /// version is known to make them so.
    fn guarded_by_read(&self, place: &Place) -> bool {
        let entity = &self.entities[&place.0];
        let update = entity.writes[place.1].op == Op::Update;
        let version = entity.links.get(place.1).is_some_and(|l| l.version.is_some());
        update && (self.systems[place.1].manners.guard == Guarding::Read || !version)
    }

    /// The guard's direct read. It is stored when the write is marked.
    pub fn guard(&mut self, place: &Place) {
        if !self.due(place) || !self.guarded_by_read(place) {
            return;
        }
        let Some(id) = self.entities[&place.0].links.get(place.1).map(|l| l.remote_id.clone()) else {
            return;
        };
        if let Some(reading) = self.read(place.1, &id) {
            self.counts.guards += 1;
            self.guards.insert(place.clone(), reading);
        }
    }

    /// The last check; if it holds, the write is marked sent and the call goes out.
    pub fn send(&mut self, place: &Place) {
        if !self.due(place) {
            return;
        }
        let (id, system) = (place.0.clone(), place.1);
        let mut reading = None;
        if self.guarded_by_read(place) {
            if !self.guards.contains_key(place) {
                self.guard(place);
            }
            reading = self.guards.remove(place);
            if self.entities[&id].links.contains_key(system) && reading.is_none() {
                return;
            }
        }
        let seen = reading
            .as_ref()
            .map(|r| self.systems[system].show(system, &r.id, &r.snap, r.how, r.started));
        let now = self.tick();
        let entity = self.entities.get_mut(&id).expect("due");
        let merges: Vec<String> = match (&seen, entity.links.get(system)) {
            (Some(s), Some(l)) if l.known_at > 0 => capture::new_merges(l, s).cloned().collect(),
            _ => vec![],
        };
        let sending = settle::mark_sent(entity, system, seen.as_ref(), now);
        entity.revision += 1;
        let stored = entity.links.get(system).is_some_and(|l| l.known_at == now);
        if let Some(reading) = reading.as_ref().filter(|_| stored) {
            self.witnessed(reading);
            self.hold_merged(&id, system, &merges);
        }
        if sending == Sending::Go {
            self.call(place, reading.as_ref(), now);
        }
    }

    fn call(&mut self, place: &Place, reading: Option<&Reading>, now: Time) {
        let (id, system) = (place.0.clone(), place.1);
        let entity = &self.entities[&id];
        let write = entity.writes[system].clone();
        let stale = write
            .values
            .iter()
            .any(|(u, v)| entity.agreed.get(u).is_none_or(|a| a.value != *v));
        if stale {
            self.fault(Promise::FreshValues, format!("{id}: an old value was sent to {system}"));
        }
        let entity = &self.entities[&id];
        let ghosts = self.ghosts.writes.get(place).cloned().unwrap_or_default();
        let values: TypedValues = write
            .values
            .iter()
            .filter_map(|(u, v)| {
                let unit = self.unit(u)?;
                let typed = ghosts.get(unit).cloned().unwrap_or(Typed {
                    value: v.clone(),
                    edits: Default::default(),
                    who: 0,
                    author: Author::Automation,
                });
                Some((
                    unit,
                    Typed {
                        value: v.clone(),
                        ..typed
                    },
                ))
            })
            .collect();
        let call = Call {
            id: entity.links.get(system).map(|l| l.remote_id.clone()),
            entity: id,
            system,
            op: write.op,
            values,
            guarded: write.guarded,
            guard_version: write.guard_version,
            guard_at: reading.map_or(now, |r| r.started),
            stage: Stage::Out,
            stray: false,
            over: Default::default(),
        };
        self.calls.insert(place.clone(), call);
    }

    /// The call reaches the product.
    pub fn land(&mut self, place: &Place) {
        if let Some(mut call) = self.calls.remove(place) {
            if call.stage == Stage::Out {
                self.reach(&mut call);
            }
            self.calls.insert(place.clone(), call);
        }
    }

    /// A call that was given up reaches the product after all.
    pub fn land_late(&mut self, nth: usize) {
        if nth < self.late.len() {
            let (_, mut call) = self.late.remove(nth);
            self.counts.late_landings += 1;
            let place = (call.entity.clone(), call.system);
            call.stray = !self.entities[&place.0].busy(place.1);
            self.reach(&mut call);
            if self.entities[&place.0].busy(place.1) {
                self.ghosts.over_lost.entry(place).or_default().add(call.over);
            }
        }
    }

    fn reach(&mut self, call: &mut Call) {
        let now = self.tick();
        if let Some((unit, refused)) = self.systems[call.system].manners.refuses
            && call.values.get(unit).is_some_and(|t| t.value == Value::text(refused))
        {
            call.stage = Stage::Refused(unit);
            return;
        }
        match call.op {
            Op::Create => self.reach_create(call, now),
            Op::Update => self.reach_update(call, now),
        }
    }

    fn reach_create(&mut self, call: &mut Call, now: Time) {
        self.counts.writes += 1;
        self.counts.creates += 1;
        let who = call.values.values().next().map_or(0, |t| t.who);
        if call.values.values().any(|t| t.who != who) {
            self.fault(Promise::OwnValues, format!("{} made from two people", call.entity));
        }
        let mut values = TypedValues::new();
        let units = self.units.clone();
        let set = |u: &str| self.schema.unit(u).is_some_and(|x| x.set);
        for unit in units {
            let blank = if set(unit) {
                Value::set(Vec::<String>::new())
            } else {
                Value::Empty
            };
            let typed = call.values.get(unit).cloned().unwrap_or(Typed {
                value: blank.clone(),
                edits: Default::default(),
                who,
                author: Author::Automation,
            });
            let m = &self.systems[call.system].manners;
            let value = if m.ignores.contains(unit) {
                blank
            } else {
                m.stored(&typed.value)
            };
            values.insert(
                unit,
                Typed {
                    value,
                    author: Author::Automation,
                    ..typed
                },
            );
        }
        let sys = self.system(call.system);
        sys.ids += 1;
        let id = format!("{}-{}-{}", call.system, call.entity.trim_start_matches("E-"), sys.ids);
        let mut record = Record::new(who, values.clone(), now);
        record.reference = Some(call.entity.clone());
        record.made_by_bridge = true;
        record.now.landed = 1;
        for (unit, typed) in &call.values {
            record.known.insert(unit, typed.value.clone());
        }
        sys.records.insert(id.clone(), record);
        if sys.manners.lag == 0 {
            sys.index(&id);
        }
        call.stage = Stage::Landed { id, values, version: 1 };
    }

    fn reach_update(&mut self, call: &mut Call, now: Time) {
        let id = call.id.clone().unwrap_or_default();
        let Some(record) = self.systems[call.system].records.get(&id).filter(|r| r.now.alive) else {
            call.stage = Stage::Gone;
            return;
        };
        let m = &self.systems[call.system].manners;
        let current = match m.versions {
            Versions::None => None,
            Versions::Counting => Some(Version::Counting(record.now.version)),
            Versions::Opaque => Some(Version::Opaque(format!("t{}", record.now.version))),
        };
        if m.guard == Guarding::Conditional && current != call.guard_version {
            call.stage = Stage::Moved;
            return;
        }
        let mut record = record.clone();
        let mut written = TypedValues::new();
        for (unit, sent) in &call.values {
            let stands = record.now.values[unit].clone();
            let anchor = record.anchor[unit].clone();
            let unseen = stands.edits.minus(anchor.edits).minus(sent.edits);
            if call.guarded.get(*unit) != Some(&stands.value) {
                for edit in unseen.numbers().filter(|e| self.ghosts.when[*e] >= call.guard_at) {
                    call.over = call.over.with(edit);
                }
            }
            if call.stray || call.guard_at <= record.cut_at {
                // Nobody waits for it any more: to the bridge it is an edit of that system.
                self.ghosts.overwritten.add(stands.edits.minus(sent.edits));
            }
            if stands.value == anchor.value {
                self.ghosts.excused.add(unseen);
            }
            if sent.who != record.who && call.guard_at > record.cut_at {
                self.fault(Promise::OwnValues, format!("{id} {unit}"));
            }
            let m = &self.systems[call.system].manners;
            let (value, edits) = if m.ignores.contains(unit) {
                (stands.value.clone(), stands.edits)
            } else {
                (m.stored(&sent.value), sent.edits)
            };
            let kept = if m.ignores.contains(unit) {
                stands.value.clone()
            } else {
                sent.value.clone()
            };
            record.known.insert(unit, kept);
            let author = Author::Automation;
            written.insert(
                unit,
                Typed {
                    value,
                    edits,
                    who: record.who,
                    author,
                },
            );
        }
        if !call.over.none() {
            self.counts.overwrites += 1;
            self.ghosts.overwritten.add(call.over);
        }
        record.change(now, |r| {
            r.values.extend(written.clone());
            r.landed += 1;
        });
        record.anchor.extend(written);
        self.counts.writes += 1;
        call.stage = Stage::Landed {
            id: id.clone(),
            values: record.now.values.clone(),
            version: record.now.version,
        };
        let sys = self.system(call.system);
        sys.records.insert(id.clone(), record);
        if sys.manners.lag == 0 {
            sys.index(&id);
        }
    }

    /// The answer arrives and is stored.
    pub fn answer(&mut self, place: &Place) {
        if self.calls.get(place).is_none_or(|c| c.stage == Stage::Out) {
            return;
        }
        let Some(call) = self.calls.remove(place) else {
            return;
        };
        let manners = self.systems[place.1].manners.clone();
        let written = manners.answers == Answers::Written;
        let answer = match &call.stage {
            Stage::Landed { id, values, version } => Settlement::Applied {
                remote_id: id.clone(),
                shown: written.then(|| values.iter().map(|(u, t)| (u.to_string(), t.value.clone())).collect()),
                version: match manners.versions {
                    _ if !written => None,
                    Versions::None => None,
                    Versions::Counting => Some(Version::Counting(*version)),
                    Versions::Opaque => Some(Version::Opaque(format!("t{version}"))),
                },
            },
            Stage::Moved => Settlement::Moved,
            Stage::Gone => Settlement::Gone,
            Stage::Refused(unit) => Settlement::Refused {
                hold: Hold::Refused("422".into()),
                unit: Some(unit.to_string()),
            },
            Stage::Out => return,
        };
        let applied = self.settle(place, answer);
        if let Stage::Landed { id, values, version } = &call.stage {
            let linked = self.entities[&place.0]
                .links
                .get(place.1)
                .is_some_and(|l| l.remote_id == *id);
            if applied && linked {
                self.settled(place, &call, id, values, *version, written);
            }
            if call.op == Op::Create {
                self.unpark(place.1);
            }
        }
        if applied && !call.over.none() {
            self.check_overwrite(place, &call, written);
        }
    }

    pub(crate) fn settle(&mut self, place: &Place, answer: Settlement) -> bool {
        let now = self.tick();
        let life = self.systems[place.1].manners.call_life;
        let now = if answer == Settlement::Unknown { now + life } else { now };
        let conditional = self.systems[place.1].manners.guard == Guarding::Conditional;
        self.transact(&place.0, |_, e| {
            settle::settle(e, place.1, Manners { conditional }, answer, now)
        })
        .unwrap_or(false)
    }

    /// Ghosts of an applied write.
    fn settled(&mut self, place: &Place, call: &Call, id: &str, shown: &TypedValues, version: i64, written: bool) {
        let key = (place.1, id.to_string());
        if written {
            self.ghosts.known_version.insert(key.clone(), version);
        }
        let link = &self.entities[&place.0].links[place.1];
        let mut seen = TypedValues::new();
        for (unit, x) in &link.units {
            let Some(unit) = self.units.iter().copied().find(|u| u == unit) else {
                continue;
            };
            let not_taken = x.held.as_ref().is_some_and(|h| h.why == Hold::NotTaken);
            match call.values.get(unit) {
                Some(sent) if !written => {
                    seen.insert(unit, sent.clone());
                }
                Some(_) => {
                    seen.insert(unit, shown[unit].clone());
                }
                None if call.op == Op::Create => {
                    seen.insert(unit, shown[unit].clone());
                }
                None => {}
            }
            if not_taken {
                seen.insert(unit, shown[unit].clone());
            }
        }
        self.ghosts.seen.entry(key).or_default().extend(seen);
    }

    fn check_overwrite(&mut self, place: &Place, call: &Call, written: bool) {
        if self.systems[place.1].manners.versions != Versions::Counting || !written || call.op == Op::Create {
            return;
        }
        let shown = self.entities[&place.0]
            .cards
            .iter()
            .any(|c| c.kind == CardKind::MayHaveOverwritten && c.system == place.1);
        if shown {
            self.counts.overwrites_shown += 1;
        } else {
            self.fault(Promise::OverwriteCard, format!("{} in {}", place.0, place.1));
        }
    }
}
