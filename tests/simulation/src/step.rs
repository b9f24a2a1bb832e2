//! One thing that happens in a history, concrete enough to be replayed with others left out: a
//! step that no longer fits does nothing.

use crate::remote::{SystemName, UnitName};
use crate::watch::watch_row;
use crate::world::{InFlight, Place, World};
use bridge_core::review::Choice;
use bridge_core::{Author, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Somebody types a value.
    Edit(SystemName, String, UnitName, Value, Author),
    /// Somebody makes a record.
    New(SystemName, String, u16, BTreeMap<UnitName, Value>),
    /// Somebody removes a record.
    Remove(SystemName, String),
    /// Somebody merges the first record into the second, taking these units.
    Merge(SystemName, String, String, Vec<UnitName>),
    /// The product's automation runs.
    Automation(SystemName, String, UnitName),
    /// A direct read starts.
    Read(SystemName, String),
    /// One row of a list, fresh or stale.
    Row(SystemName, String, bool),
    /// The list catches up with a record.
    Index(SystemName, String),
    /// The next page of changes starts.
    Poll(SystemName),
    /// Something read is stored; `true`: it will come once more.
    Store(usize, bool),
    /// Something read is lost.
    LoseRead(usize),
    /// Reconcile.
    Reconcile(String),
    /// The guard's read.
    Guard(Place),
    /// Mark and call.
    Send(Place),
    /// It lands.
    Land(Place),
    /// It is answered.
    Answer(Place),
    /// The answer is lost; `true`: the call lives on.
    Lose(Place, bool),
    /// Too many calls.
    Throttle(Place),
    /// A call given up lands.
    Late(usize),
    /// An unknown write is looked at.
    LookUnknown(Place),
    /// A person opens a conflict.
    Open(String, UnitName),
    /// The person chooses.
    Decide(Choice),
    /// A card is dismissed.
    Dismiss(String, usize),
    /// Holds are released.
    Release(Place),
    /// A record is somebody else.
    Cut(Place),
    /// A record that was cut is the entity after all: from, into.
    Rejoin(String, String, SystemName),
    /// Never create there.
    Bury(Place),
    /// Killed; `true`: calls under way live on.
    Crash(bool),
    /// Time passes.
    Wait(i64),
}

impl World {
    /// Does a step, if it still fits.
    pub fn step(&mut self, step: &Step) {
        let known = |w: &Self, s: SystemName, id: &String| w.systems[s].records.contains_key(id);
        match step {
            Step::Edit(s, id, unit, value, author) => self.edit(s, id, unit, value.clone(), *author),
            Step::New(s, id, who, values) => self.new_person(s, id, *who, values),
            Step::Remove(s, id) => self.remove(s, id),
            Step::Merge(s, loser, winner, units) => self.merge(s, loser, winner, units),
            Step::Automation(s, id, unit) => self.automation(s, id, unit),
            Step::Read(s, id) => {
                if let Some(reading) = self.read(s, id) {
                    self.reads.push(InFlight::One(reading));
                }
            }
            Step::Row(s, id, stale) => {
                if let Some(row) = watch_row(self, s, id, *stale) {
                    self.reads.push(InFlight::One(row));
                }
            }
            Step::Index(s, id) => {
                if known(self, s, id) && self.systems[s].behind(id) {
                    self.system(s).index(id);
                }
            }
            Step::Poll(s) => self.poll(s),
            Step::Store(nth, again) => self.store(*nth, *again),
            Step::LoseRead(nth) => {
                if *nth < self.reads.len() {
                    self.reads.remove(*nth);
                    self.counts.faults += 1;
                }
            }
            Step::Reconcile(id) => {
                if self.entities.get(id).is_some_and(|e| e.dirty) {
                    self.reconcile(id);
                }
            }
            Step::Guard(place) => self.guard(place),
            Step::Send(place) => self.send(place),
            Step::Land(place) => self.land(place),
            Step::Answer(place) => self.answer(place),
            Step::Lose(place, on) => self.lose(place, *on),
            Step::Throttle(place) => self.throttle(place),
            Step::Late(nth) => self.land_late(*nth),
            Step::LookUnknown(place) => self.look_unknown(place),
            Step::Open(id, unit) => self.open(id, unit),
            Step::Decide(choice) => self.decide(choice),
            Step::Dismiss(id, nth) => self.dismiss(id, *nth),
            Step::Release(place) => self.release(&place.0, place.1),
            Step::Cut(place) => self.cut(&place.0, place.1),
            Step::Rejoin(from, into, s) => self.rejoin(from, into, s),
            Step::Bury(place) => self.bury(&place.0, place.1),
            Step::Crash(on) => self.crash(*on),
            Step::Wait(time) => self.wait(*time),
        }
        let now = self.now;
        self.late.retain(|(dies, _)| *dies >= now);
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |p: &Place| format!("{} in {}", p.0, p.1);
        match self {
            Step::Edit(_, id, unit, value, Author::Automation) => {
                write!(f, "an automation sets {id}.{unit} := {}", line(value))
            }
            Step::Edit(_, id, unit, value, _) => write!(f, "{id}.{unit} := {}", line(value)),
            Step::New(_, id, who, values) => {
                let values: Vec<String> = values.iter().map(|(u, v)| format!("{u}={}", line(v))).collect();
                write!(f, "a person makes {id} (person {who}): {}", values.join(" "))
            }
            Step::Remove(_, id) => write!(f, "a person removes {id}"),
            Step::Merge(_, loser, winner, units) => {
                write!(f, "a person merges {loser} into {winner}, taking {units:?}")
            }
            Step::Automation(_, id, unit) => write!(f, "the automation of {id} looks at {unit}"),
            Step::Read(_, id) => write!(f, "a read of {id} starts"),
            Step::Row(_, id, stale) => write!(f, "a {} row of {id} is listed", if *stale { "stale" } else { "fresh" }),
            Step::Index(_, id) => write!(f, "the list catches up with {id}"),
            Step::Poll(s) => write!(f, "a page of {s} starts"),
            Step::Store(nth, again) => write!(
                f,
                "read {nth} is stored{}",
                if *again { ", and will come again" } else { "" }
            ),
            Step::LoseRead(nth) => write!(f, "read {nth} is lost"),
            Step::Reconcile(id) => write!(f, "reconcile {id}"),
            Step::Guard(p) => write!(f, "guard {}", place(p)),
            Step::Send(p) => write!(f, "send {}", place(p)),
            Step::Land(p) => write!(f, "lands: {}", place(p)),
            Step::Answer(p) => write!(f, "answered: {}", place(p)),
            Step::Lose(p, on) => write!(
                f,
                "answer lost: {}{}",
                place(p),
                if *on { ", the call lives on" } else { "" }
            ),
            Step::Throttle(p) => write!(f, "throttled: {}", place(p)),
            Step::Late(nth) => write!(f, "lands after all: given-up call {nth}"),
            Step::LookUnknown(p) => write!(f, "look at the unknown write: {}", place(p)),
            Step::Open(id, unit) => write!(f, "a person opens {id}.{unit}"),
            Step::Decide(choice) => write!(f, "the person decides: {choice:?}"),
            Step::Dismiss(id, nth) => write!(f, "card {nth} of {id} is dismissed"),
            Step::Release(p) => write!(f, "release {}", place(p)),
            Step::Cut(p) => write!(f, "cut {}", place(p)),
            Step::Rejoin(from, into, s) => write!(f, "the {s} record of {from} is joined to {into}"),
            Step::Bury(p) => write!(f, "never create {}", place(p)),
            Step::Crash(_) => write!(f, "killed and restarted"),
            Step::Wait(time) => write!(f, "+{time}"),
        }
    }
}

fn line(value: &Value) -> String {
    match value {
        Value::Empty => "blank".into(),
        Value::Set(_) => format!("{{{}}}", value.to_line()),
        other => other.to_line(),
    }
}
