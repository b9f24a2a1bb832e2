//! Reconcile as one transaction, with the ghosts that follow its decision and the checks on it.

use crate::ghost::{Edits, Typed};
use crate::promise::Promise;
use crate::remote::{SystemName, TypedValues, UnitName};
use crate::world::World;
use bridge_core::merge::AGREED;
use bridge_core::plan::{self, Context, Reconciled};
use bridge_core::{Accept, Author, CardKind, Clear, Entity, Lane, Link, LinkState, Origin, Unit, Value, WriteState};

/// A link that takes part in merging, with what it shows of one unit.
struct Part<'a> {
    system: SystemName,
    link: &'a Link,
    seen: &'a Value,
    base: Option<&'a Value>,
    typed: Typed,
}

impl World {
    /// Ghost of what the bridge has seen of a unit of a record.
    pub fn seen_ghost(&self, system: SystemName, id: &str, unit: UnitName) -> Option<Typed> {
        self.ghosts.seen.get(&(system, id.to_string()))?.get(unit).cloned()
    }

    /// Reconciles one entity and stores the plan.
    pub fn reconcile(&mut self, id: &str) {
        let Some(before) = self.entities.get(id).cloned() else {
            return;
        };
        let context = Context {
            now: self.tick(),
            lane: Lane::Live,
            mirrors_complete: true,
        };
        let done = plan::reconcile(&self.schema, &before, context);
        if done != plan::reconcile(&self.schema, &before, context) {
            self.fault(Promise::Purity, "the same entity gave two plans");
        }
        let again = plan::reconcile(&self.schema, &done.entity, context);
        let settled = |e: &Entity| (e.agreed.clone(), e.writes.clone(), e.conflicts.clone(), e.cards.clone());
        if settled(&again.entity) != settled(&done.entity) || !again.losers.is_empty() {
            self.fault(
                Promise::Purity,
                format!("{id}: the plan did not stand when nothing had happened"),
            );
        }
        if self.talks {
            println!(
                "    before reconcile of {id} at {}:
{}",
                self.now,
                self.tell()
            );
        }
        let units = self.schema.units.clone();
        for unit in &units {
            self.follow(id, unit, &before, &done);
        }
        for (name, link) in &done.entity.links {
            let Some(system) = self.system_name(name) else {
                continue;
            };
            let was = before.links.get(name);
            for (unit, x) in &link.units {
                let moved = was.and_then(|l| l.units.get(unit)).is_none_or(|y| y.base != x.base);
                if let (true, Some(base), Some(unit)) = (moved, &x.base, self.unit(unit))
                    && let Some(record) = self.system(system).records.get_mut(&link.remote_id)
                {
                    record.known.insert(unit, base.clone());
                }
            }
        }
        for unit in done.entity.conflicts.keys() {
            self.counts.conflicts += u64::from(!before.conflicts.contains_key(unit));
        }
        self.check_removals(&before, &done.entity);
        for (name, write) in &done.entity.writes {
            let Some(system) = self.system_name(name) else {
                continue;
            };
            if write.state != WriteState::Planned {
                continue;
            }
            let values: TypedValues = write
                .values
                .iter()
                .filter_map(|(u, v)| {
                    let unit = self.unit(u)?;
                    let typed = self.ghosts.agreed.get(&(id.to_string(), unit))?;
                    Some((
                        unit,
                        Typed {
                            value: v.clone(),
                            ..typed.clone()
                        },
                    ))
                })
                .collect();
            self.ghosts.writes.insert((id.into(), system), values);
        }
        let mut entity = done.entity;
        entity.revision += 1;
        self.entities.insert(id.into(), entity);
    }

    fn parts<'a>(&self, unit: &Unit, entity: &'a Entity) -> Vec<Part<'a>> {
        self.schema
            .parties
            .iter()
            .filter_map(|party| {
                let system = self.system_name(&party.system)?;
                let link = entity.links.get(system)?;
                if link.state != LinkState::Live || link.held.is_some() || entity.busy(system) {
                    return None;
                }
                let x = link.units.get(&unit.name)?;
                let seen = x.seen()?;
                let typed = self
                    .seen_ghost(system, &link.remote_id, self.unit(&unit.name)?)
                    .unwrap_or(Typed {
                        value: seen.clone(),
                        edits: Edits::default(),
                        who: 0,
                        author: Author::Unknown,
                    });
                Some(Part {
                    system,
                    link,
                    seen,
                    base: x.base.as_ref(),
                    typed,
                })
            })
            .collect()
    }

    /// Ghosts follow one unit's decision.
    fn follow(&mut self, id: &str, unit: &Unit, before: &Entity, done: &Reconciled) {
        let Some(name) = self.unit(&unit.name) else {
            return;
        };
        let parts = self.parts(unit, before);
        let key = (id.to_string(), name);
        let old = before.agreed.get(&unit.name);
        let new = done.entity.agreed.get(&unit.name);
        let was = self.ghosts.agreed.get(&key).cloned();
        let was_edits = was.as_ref().map(|t| t.edits).unwrap_or_default();
        let losers: Vec<_> = done.losers.iter().filter(|l| l.unit == unit.name).collect();
        let lost = |system: &str| losers.iter().any(|l| l.system == system);
        let changed = |p: &Part| p.base != Some(p.seen) || p.link.units[&unit.name].doubt.is_some();
        let mut ghost = was.clone();
        if let Some(agreed) = new.filter(|n| old != Some(*n)) {
            let winner = match &agreed.origin {
                Origin::System(s) => parts.iter().find(|p| p.system == s.as_str()),
                Origin::Person => None,
            };
            if let Some(w) = winner {
                let alone = before.links.len() == 1 && w.base.is_none();
                if !alone {
                    self.check_consent(id, unit, w, old.map(|a| &a.value));
                }
                let blank = old.is_none_or(|a| a.value.is_empty());
                let ahead = |p: &Part| match p.base {
                    Some(_) => p.base == old.map(|a| &a.value),
                    None => blank,
                };
                let on_top = parts.iter().any(|p| p.seen == w.seen && ahead(p));
                let mut edits = w.typed.edits;
                if on_top || Some(w.seen) == old.map(|a| &a.value) || unit.set {
                    edits.add(was_edits);
                }
                ghost = Some(Typed {
                    value: agreed.value.clone(),
                    edits,
                    ..w.typed.clone()
                });
            }
        }
        if unit.set
            && let Some(g) = &mut ghost
        {
            for p in parts.iter().filter(|p| changed(p) && !lost(p.system)) {
                g.edits.add(p.typed.edits);
            }
        }
        let edits = ghost.as_ref().map(|g| g.edits).unwrap_or_default();
        for loser in &losers {
            let lost = match parts.iter().find(|p| p.system == loser.system) {
                Some(p) => p.typed.clone(),
                None if loser.system == AGREED => match &was {
                    Some(w) => w.clone(),
                    None => continue,
                },
                None => continue,
            };
            if loser.value != lost.value {
                self.fault(
                    Promise::NoLostEdit,
                    format!("{id} {name}: another value was kept as the loser"),
                );
                continue;
            }
            self.ghosts.recorded.add(lost.edits.minus(edits));
            if loser.rule == "newest"
                && let Some(winner) = &ghost
                && self.typed_after(&lost, winner)
            {
                self.fault(Promise::Newest, format!("{id} {name}: the older edit won"));
            }
        }
        for p in parts.iter().filter(|p| changed(p)) {
            if [old, new].iter().flatten().any(|a| a.value == *p.seen) {
                self.ghosts.recorded.add(p.typed.edits.minus(edits));
            }
        }
        for p in &parts {
            let cell = cell(p, unit, old.map(|a| &a.value), &self.accept(p, unit), done);
            if let Some(cell) = cell {
                *self.cells.entry(cell).or_default() += 1;
            }
        }
        if let Some(ghost) = ghost {
            self.ghosts.agreed.insert(key, ghost);
        }
    }

    /// Whether the loser was typed after the winner, as the ghosts know.
    fn typed_after(&self, loser: &Typed, winner: &Typed) -> bool {
        let last = |edits: Edits| edits.numbers().map(|e| self.ghosts.when[e]).max().unwrap_or(0);
        let winners = last(winner.edits.minus(loser.edits));
        winners > 0 && last(loser.edits.minus(winner.edits)) > winners
    }

    fn accept(&self, p: &Part, unit: &Unit) -> Accept {
        self.accepts(p.system, &p.typed, &unit.name)
    }

    /// What the true author of a value may do there.
    fn accepts(&self, system: SystemName, typed: &Typed, unit: &str) -> Accept {
        let told = self.systems[system].manners.tells_authors;
        self.rule(system, if told { typed.author } else { Author::Unknown }, unit)
    }

    /// What an author's edit may do there.
    pub fn rule(&self, system: SystemName, author: Author, unit: &str) -> Accept {
        let rule = self.schema.party(system).and_then(|x| x.accepts.get(unit));
        match (rule, author) {
            (None, _) => Accept::No,
            (Some(r), Author::Person) => r.person,
            (Some(r), Author::Automation) => r.automation,
            (Some(r), Author::Unknown) => r.unknown,
        }
    }

    fn check_consent(&mut self, id: &str, unit: &Unit, winner: &Part, old: Option<&Value>) {
        if Some(winner.seen) == old || self.accept(winner, unit) == Accept::Yes {
            let cleared = winner.seen.is_empty() && winner.base.is_some() && old != Some(winner.seen);
            if cleared && unit.clear != Clear::Yes && !unit.set {
                self.fault(Promise::Consent, format!("{id} {}: cleared without consent", unit.name));
            }
            return;
        }
        self.fault(
            Promise::Consent,
            format!("{id} {}: taken from {} without consent", unit.name, winner.system),
        );
    }

    fn check_removals(&mut self, before: &Entity, after: &Entity) {
        for (name, link) in &after.links {
            let judged = link.removal_judged && before.links.get(name).is_some_and(|l| !l.removal_judged);
            if link.state != LinkState::Gone || !judged || link.generation == 0 {
                continue;
            }
            let Some(system) = self.system_name(name) else {
                continue;
            };
            let card = after
                .cards
                .iter()
                .any(|c| c.kind == CardKind::RemovedButChanged && c.system == *name);
            self.counts.removal_cards += u64::from(card);
            let Some(record) = self.systems[system].records.get(&link.remote_id) else {
                continue;
            };
            let forgets = self.systems[system].manners.forgets_removed;
            let unseen = self.units.iter().any(|unit| {
                let Some(agreed) = self.ghosts.agreed.get(&(after.id.clone(), *unit)) else {
                    return false;
                };
                let typed = &record.now.values[unit];
                // What landed unseen in a record that can no longer be read is known to nobody.
                let seen = link.units.get(*unit).and_then(|x| x.seen());
                if forgets && seen == Some(&agreed.value) {
                    return false;
                }
                agreed.value != typed.value
                    && agreed.value != record.known[unit]
                    && !agreed.edits.minus(typed.edits).none()
            });
            if unseen && record.killed && !card {
                self.fault(Promise::RemovalCard, format!("{} in {name}", after.id));
            }
        }
    }
}

/// Which line of the decision table this was, and what came of the unit.
fn cell(p: &Part, unit: &Unit, agreed: Option<&Value>, accept: &Accept, done: &Reconciled) -> Option<String> {
    let x = &p.link.units[&unit.name];
    let line = if p.base == Some(p.seen) && x.doubt.is_none() {
        return None;
    } else if x.doubt.is_none() && p.base.is_some() && x.shown() == Some(p.seen) {
        "respelling"
    } else if agreed == Some(p.seen) {
        "equals agreed"
    } else if *accept == Accept::No {
        "receive-only"
    } else if p.seen.is_empty() && p.base.is_some() && unit.clear == Clear::No {
        "blank that does not travel"
    } else if p.seen.is_empty() && p.base.is_none() {
        "blank at first contact"
    } else if p.base.is_none() && agreed.is_none_or(Value::is_empty) {
        "value at first contact, nothing agreed"
    } else if p.base.is_none() {
        "value at first contact"
    } else if x.doubt.is_some() {
        "in doubt"
    } else if p.base == agreed {
        "ahead"
    } else {
        "beside"
    };
    let kind = if unit.set { "set" } else { "one" };
    let consent = if *accept == Accept::Review {
        ", needs consent"
    } else {
        ""
    };
    let outcome = if let Some(c) = done.entity.conflicts.get(&unit.name) {
        format!("review ({})", c.why)
    } else if let Some(l) = done.losers.iter().find(|l| l.unit == unit.name && l.system == p.system) {
        format!("overruled ({})", l.rule)
    } else if done.entity.agreed.get(&unit.name).is_some_and(|a| a.value == *p.seen) {
        "agreed".into()
    } else {
        "stays".into()
    };
    Some(format!("{kind}: {line}{consent} -> {outcome}"))
}
