//! When the answer does not come: throttled, lost, killed; and how an unknown outcome is looked at.

use crate::promise::Promise;
use crate::remote::Record;
use crate::world::{Call, Place, Stage, World};
use bridge_core::capture;
use bridge_core::settle::{self, Looked, Settlement};
use bridge_core::{CardKind, Op, Version, WriteState};

impl World {
    /// "Too many": proved not processed, to be sent again.
    pub fn throttle(&mut self, place: &Place) {
        if self.calls.get(place).is_some_and(|c| c.stage == Stage::Out) {
            self.calls.remove(place);
            self.counts.faults += 1;
            let at = self.now + 3;
            self.settle(place, Settlement::Later(at));
        }
    }

    /// The answer never comes. The call may live on for a while.
    pub fn lose(&mut self, place: &Place, lives_on: bool) {
        if let Some(call) = self.calls.remove(place) {
            self.counts.faults += 1;
            self.ghosts.over_lost.entry(place.clone()).or_default().add(call.over);
            self.give_up(call, lives_on);
            self.settle(place, Settlement::Unknown);
        }
    }

    fn give_up(&mut self, call: Call, lives_on: bool) {
        let m = &self.systems[call.system].manners;
        let mut life = m.call_life;
        if m.outlives && call.op == Op::Update {
            life += 60;
        }
        if lives_on && call.stage == Stage::Out && life > 0 {
            self.late.push((self.now + life, call));
        }
    }

    /// Killed: what was under way is forgotten, every write marked sent is unknown.
    pub fn crash(&mut self, calls_live_on: bool) {
        self.counts.faults += 1;
        self.reads.clear();
        self.guards.clear();
        self.screen = None;
        for (place, call) in std::mem::take(&mut self.calls) {
            self.ghosts.over_lost.entry(place).or_default().add(call.over);
            self.give_up(call, calls_live_on);
        }
        let sent: Vec<Place> = self.writes_in(WriteState::Sent);
        for place in sent {
            self.settle(&place, Settlement::Unknown);
        }
    }

    /// Writes in a state.
    pub fn writes_in(&self, state: WriteState) -> Vec<Place> {
        self.entities
            .values()
            .flat_map(|e| e.writes.values().map(move |w| (e, w)))
            .filter(|(_, w)| w.state == state)
            .filter_map(|(e, w)| Some((e.id.clone(), self.system_name(&w.system)?)))
            .collect()
    }

    /// An unknown write is looked at, once its call cannot be alive any more.
    pub fn look_unknown(&mut self, place: &Place) {
        let Some(entity) = self.entities.get(&place.0) else {
            return;
        };
        let Some(write) = entity.writes.get(place.1) else {
            return;
        };
        if write.state != WriteState::Unknown || self.now <= write.at {
            return;
        }
        match write.op {
            Op::Create => self.look_create(place),
            Op::Update => self.look_update(place),
        }
    }

    fn look_update(&mut self, place: &Place) {
        let entity = &self.entities[&place.0];
        let generation = entity.writes[place.1].generation;
        let guarded = entity.writes[place.1].guard_version.clone();
        let link = entity.links.get(place.1).filter(|l| l.generation == generation);
        let Some(id) = link.map(|l| l.remote_id.clone()) else {
            self.settle(place, Settlement::Gone); // cut meanwhile: there is no record of ours to look at
            return;
        };
        let Some(reading) = self.read(place.1, &id) else {
            return;
        };
        let seen = self.systems[place.1].show(place.1, &id, &reading.snap, reading.how, reading.started);
        let link = &self.entities[&place.0].links[place.1];
        let merges: Vec<String> = capture::new_merges(link, &seen).cloned().collect();
        let sent = self.ghosts.writes.get(place).cloned().unwrap_or_default();
        if reading.snap.alive {
            for (unit, sent) in &sent {
                let got = &reading.snap.values[unit];
                if got.value == sent.value {
                    self.ghosts.recorded.add(got.edits.minus(sent.edits));
                }
            }
        }
        let now = self.tick();
        self.transact(&place.0, |_, e| settle::settle_unknown_update(e, place.1, &seen, now));
        self.witnessed(&reading);
        self.hold_merged(&place.0, place.1, &merges);
        let over = self.ghosts.over_lost.remove(place).unwrap_or_default();
        let counts = |v: &Option<Version>| matches!(v, Some(Version::Counting(_)));
        if !over.none() && counts(&seen.version) && counts(&guarded) {
            let shown = self.entities[&place.0]
                .cards
                .iter()
                .any(|c| c.kind == CardKind::MayHaveOverwritten && c.system == place.1);
            if shown {
                self.counts.overwrites_shown += 1;
            } else {
                self.fault(Promise::OverwriteCard, format!("{} in {}, looked at", place.0, place.1));
            }
        }
    }

    /// Looks by our reference, the dead included.
    fn look_create(&mut self, place: &Place) {
        let now = self.tick();
        let sys = &self.systems[place.1];
        let ours = |r: &&Record| r.reference.as_deref() == Some(place.0.as_str());
        let listed = |r: &Record| r.made + sys.manners.lag <= now;
        let find = |alive: bool| {
            sys.records
                .iter()
                .find(|(_, r)| ours(r) && r.now.alive == alive && listed(r) && sys.manners.keeps_reference)
                .map(|(id, _)| id.clone())
        };
        let looked = match (find(true), find(false)) {
            (Some(id), _) => Looked::Alive(id),
            (None, Some(id)) => Looked::Dead(id),
            (None, None) => Looked::Nothing,
        };
        let found = match &looked {
            Looked::Alive(id) | Looked::Dead(id) => Some(id.clone()),
            Looked::Nothing => None,
        };
        self.counts.reads += 1;
        self.transact(&place.0, |schema, e| {
            settle::settle_unknown_create(schema, e, place.1, looked, now)
        });
        if let Some(id) = found {
            let values = self.ghosts.writes.get(place).cloned().unwrap_or_default();
            self.ghosts.seen.entry((place.1, id)).or_default().extend(values);
        }
        let state = self.entities[&place.0].writes.get(place.1).map(|w| w.state);
        if state == Some(WriteState::Doubtful) {
            self.counts.doubtful += 1;
        }
        if state != Some(WriteState::Unknown) {
            self.ghosts.over_lost.remove(place);
            self.unpark(place.1);
        }
    }
}
