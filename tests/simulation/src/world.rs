//! The whole simulated world: systems people type into, the bridge's stored state (entities in a
//! map, one step is one transaction), what is under way and dies with a crash, and the ghosts.

use crate::ghost::{Edits, Typed};
use crate::promise::{Broken, Promise};
use crate::remote::{Snapshot, System, SystemName, TypedValues, UnitName};
use bridge_core::capture::How;
use bridge_core::{Entity, Op, Schema, Time, Value, Values, Version};
use std::collections::{BTreeMap, BTreeSet};

/// A link's place: entity and system.
pub type Place = (String, SystemName);

/// One direct read, or one row shown by itself.
#[derive(Clone, Debug)]
pub struct Reading {
    /// System.
    pub system: SystemName,
    /// Record.
    pub id: String,
    /// How it was read.
    pub how: How,
    /// When the request began.
    pub started: Time,
    /// What it showed.
    pub snap: Snapshot,
}

/// Something read and not stored yet.
#[derive(Clone, Debug)]
pub enum InFlight {
    /// One record.
    One(Reading),
    /// One page of changes: rows, and the cursor before and after.
    Page {
        /// System.
        system: SystemName,
        /// Cursor it was asked with.
        from: usize,
        /// Cursor to be stored with it.
        to: usize,
        /// Rows.
        rows: Vec<Reading>,
    },
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// On its way.
    Out,
    /// It landed; what the answer can show.
    Landed {
        /// Record.
        id: String,
        /// The record as the write left it.
        values: TypedValues,
        /// True version after it.
        version: i64,
    },
    /// Refused: the record moved.
    Moved,
    /// Refused: no such record.
    Gone,
    /// Refused: this unit's value is not taken.
    Refused(UnitName),
}

/// One call that writes.
#[derive(Clone, Debug)]
pub struct Call {
    /// Entity it is made for.
    pub entity: String,
    /// Receiving system.
    pub system: SystemName,
    /// Create or update.
    pub op: Op,
    /// Record to change.
    pub id: Option<String>,
    /// Values with ghosts.
    pub values: TypedValues,
    /// What the guard saw of them.
    pub guarded: Values,
    /// Version the guard saw.
    pub guard_version: Option<Version>,
    /// When the guard's read began, or the write was marked sent.
    pub guard_at: Time,
    /// Where it stands.
    pub stage: Stage,
    /// Ghost: it lands after its outcome was looked at.
    pub stray: bool,
    /// Ghost: edits it wiped out between guard and landing.
    pub over: Edits,
}

/// What a person has on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Entity.
    pub entity: String,
    /// Unit.
    pub unit: UnitName,
    /// Values shown.
    pub shown: BTreeMap<String, Value>,
    /// Ghost: the edits behind them.
    pub edits: BTreeMap<String, Edits>,
}

/// Everything the checker knows beside the state.
#[derive(Clone, Debug, Default)]
pub struct Ghosts {
    /// Per record: ghosts of what the bridge has in `seen`.
    pub seen: BTreeMap<(SystemName, String), TypedValues>,
    /// Per record: the newest true version the bridge knows of.
    pub known_version: BTreeMap<(SystemName, String), i64>,
    /// Ghosts of the agreed values.
    pub agreed: BTreeMap<(String, UnitName), Typed>,
    /// Ghosts of the writes' values.
    pub writes: BTreeMap<Place, TypedValues>,
    /// Edits overruled by name, or typed again elsewhere.
    pub recorded: Edits,
    /// Edits that went there and back between two looks.
    pub excused: Edits,
    /// Edits wiped out between guard and landing.
    pub overwritten: Edits,
    /// Edits wiped out by a write whose answer was lost, by the write's place.
    pub over_lost: BTreeMap<Place, Edits>,
    /// When each edit was typed; the first entry stands for "no edit".
    pub when: Vec<Time>,
    /// Broken promises.
    pub bad: Vec<Broken>,
}

/// Counts of what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes that reached a system.
    pub writes: u64,
    /// Creates among them.
    pub creates: u64,
    /// Direct reads.
    pub reads: u64,
    /// Guard reads among them.
    pub guards: u64,
    /// Pages polled.
    pub pages: u64,
    /// Conflicts opened.
    pub conflicts: u64,
    /// Decisions stored.
    pub decisions: u64,
    /// Decisions refused because the screen was old.
    pub stale_decisions: u64,
    /// Removal cards.
    pub removal_cards: u64,
    /// Overwrite cards.
    pub overwrite_cards: u64,
    /// Writes that wiped out an edit between guard and landing.
    pub overwrites: u64,
    /// Those that were shown.
    pub overwrites_shown: u64,
    /// Calls that landed after they were given up.
    pub late_landings: u64,
    /// Creates that a person had to look into.
    pub doubtful: u64,
    /// Faults: lost reads, answers and calls, throttles, crashes.
    pub faults: u64,
}

/// The world.
#[derive(Clone, Debug)]
pub struct World {
    /// Units, policies, parties.
    pub schema: Schema,
    /// Systems by name.
    pub systems: BTreeMap<SystemName, System>,
    /// Units by name, in the schema's order.
    pub units: Vec<UnitName>,
    /// Virtual time.
    pub now: Time,
    /// Stored: entities.
    pub entities: BTreeMap<String, Entity>,
    /// Stored: cursor per system.
    pub cursors: BTreeMap<SystemName, usize>,
    /// Stored: records that wait for a create to be settled.
    pub parked: BTreeSet<(SystemName, String)>,
    /// Under way: reads and pages.
    pub reads: Vec<InFlight>,
    /// Under way: guard reads made for a write.
    pub guards: BTreeMap<Place, Reading>,
    /// Under way: calls.
    pub calls: BTreeMap<Place, Call>,
    /// Calls given up that may still land, with the moment they die.
    pub late: Vec<(Time, Call)>,
    /// On somebody's screen.
    pub screen: Option<Screen>,
    /// Ghosts.
    pub ghosts: Ghosts,
    /// Counts.
    pub counts: Counts,
    /// Kinds of situation the merge rule was asked about (`unit situation` -> times).
    pub cells: BTreeMap<String, u64>,
    /// People of whom a person linked one record while another was being made.
    pub doubled: BTreeSet<(SystemName, u16)>,
    /// Entities ever cut.
    pub cuts: usize,
    /// Tells what each reconcile starts from.
    pub talks: bool,
}

impl World {
    /// A world without records.
    pub fn new(schema: Schema, systems: BTreeMap<SystemName, System>, units: Vec<UnitName>) -> Self {
        Self {
            cursors: systems.keys().map(|s| (*s, 0)).collect(),
            schema,
            systems,
            units,
            now: 1,
            entities: BTreeMap::new(),
            parked: BTreeSet::new(),
            reads: vec![],
            guards: BTreeMap::new(),
            calls: BTreeMap::new(),
            late: vec![],
            screen: None,
            ghosts: Ghosts {
                when: vec![0],
                ..Ghosts::default()
            },
            counts: Counts::default(),
            cells: BTreeMap::new(),
            doubled: BTreeSet::new(),
            cuts: 0,
            talks: false,
        }
    }

    /// One moment later.
    pub fn tick(&mut self) -> Time {
        self.now += 1;
        self.now
    }

    /// A broken promise.
    pub fn fault(&mut self, promise: Promise, what: impl Into<String>) {
        let broken = Broken {
            promise,
            what: what.into(),
        };
        if !self.ghosts.bad.contains(&broken) {
            self.ghosts.bad.push(broken);
        }
    }

    /// A new edit typed now.
    pub fn new_edit(&mut self) -> usize {
        let now = self.tick();
        self.ghosts.when.push(now);
        self.ghosts.when.len() - 1
    }

    /// The entity that has this record, live or gone.
    pub fn owner(&self, system: SystemName, id: &str) -> Option<String> {
        self.entities
            .values()
            .find(|e| e.links.get(system).is_some_and(|l| l.remote_id == id))
            .map(|e| e.id.clone())
    }

    /// A transaction on one entity: its revision grows with what is stored.
    pub fn transact<T>(&mut self, id: &str, change: impl FnOnce(&Schema, &mut Entity) -> T) -> Option<T> {
        let entity = self.entities.get_mut(id)?;
        let result = change(&self.schema, entity);
        entity.revision += 1;
        Some(result)
    }

    /// The system of that name.
    pub fn system(&mut self, name: SystemName) -> &mut System {
        self.systems.get_mut(name).expect("a system of this world")
    }

    /// The unit's name as this world spells it.
    pub fn unit(&self, name: &str) -> Option<UnitName> {
        self.units.iter().copied().find(|u| *u == name)
    }

    /// The system's name as this world spells it.
    pub fn system_name(&self, name: &str) -> Option<SystemName> {
        self.systems.keys().copied().find(|s| *s == name)
    }
}
