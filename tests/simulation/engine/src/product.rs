//! The products: records that people type into, lists that lag, calls that go wrong at any point.

use bridge_core::{Time, Version};
use bridge_simulation::dice::Dice;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// A product's manners.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Writes are conditional on the version.
    pub conditional: bool,
    /// Answers show the record as written.
    pub answers: bool,
    /// Versions: none, counting or opaque.
    pub versions: adapter_kit::Versions,
    /// How long lists lag at most, microseconds.
    pub lag: Time,
    /// Records keep our reference.
    pub keeps_reference: bool,
    /// Removed records cannot be read any more.
    pub forgets_removed: bool,
    /// How long a call may live after it was given up, microseconds.
    pub call_life: Time,
    /// Rows on a page.
    pub page: usize,
    /// Records one call reads or writes.
    pub batch: usize,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The person it stands for.
    pub person: usize,
    /// Body.
    pub body: Json,
    /// True version.
    pub version: i64,
    /// When it changed last.
    pub modified: Time,
    /// Exists.
    pub alive: bool,
    /// What lists show: body, version, alive.
    pub indexed: Option<(Json, i64, Time, bool)>,
    /// Our reference.
    pub reference: Option<String>,
    /// When it was made.
    pub made: Time,
    /// The bridge made it.
    pub by_bridge: bool,
    /// When it was last read directly.
    pub read_at: Time,
}

/// An edit a person made: every value is typed once only.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What was typed; empty for a blank.
    pub value: String,
    /// What stood there.
    pub over: String,
    /// When.
    pub at: Time,
    /// Where.
    pub place: String,
}

/// What a person said of mail: once for each record, so that nothing goes there and back unseen.
#[derive(Clone, Debug)]
pub struct Word {
    /// The record.
    pub id: String,
    /// `in` or `out`.
    pub value: &'static str,
    /// When.
    pub at: Time,
}

/// One product.
#[derive(Clone, Debug)]
pub struct Product {
    /// Name of the system.
    pub name: &'static str,
    /// Manners.
    pub manners: Manners,
    /// Records.
    pub records: BTreeMap<String, Record>,
    /// Ids in the order the list of changes shows them.
    pub log: Vec<String>,
    /// Changes the list does not show yet.
    pub pending: Vec<(Time, String)>,
    /// Calls that live on after they were given up: when they land.
    pub late: Vec<(Time, Late)>,
    /// Its own dice, so that what it does depends on the calls it gets and on nothing else.
    pub dice: Dice,
    /// Whether faults and people act.
    pub nasty: bool,
    /// Ids given out.
    pub ids: usize,
    /// Calls that wrote.
    pub writes: u64,
    /// Calls that read records directly.
    pub reads: u64,
    /// What happened here, for the trace.
    pub trace: Vec<String>,
    /// Whom a person removed: person, record, time.
    pub removed: Vec<(usize, String, Time)>,
    /// Edits made here.
    pub edits: Vec<Edit>,
    /// What people said of mail.
    pub words: Vec<Word>,
    /// Records whose opt-out was wiped out by a write that was on its way when it was said.
    pub drowned: BTreeSet<String>,
    /// Values wiped out between guard and landing.
    pub overwritten: BTreeSet<String>,
    /// Values wiped out though they stood there before the guard looked.
    pub trampled: Vec<String>,
    /// Faults so far.
    pub faults: u64,
    /// The engine is to be killed at this point.
    pub killed: bool,
}

/// A call that lands after it was given up.
#[derive(Clone, Debug)]
pub enum Late {
    /// Make a record.
    Create(String, Json),
    /// Change members of a record.
    Update(String, Json, Json, Option<Version>),
}

/// What became of a write at the product.
#[derive(Clone, Debug, PartialEq)]
pub enum Landing {
    /// Done: this record.
    Done(String),
    /// The version was another.
    Moved,
    /// No such record.
    Gone,
}

/// Members people type into, and the sets among them.
pub const MEMBERS: [&str; 3] = ["nick", "note", "tags"];

impl Product {
    /// An empty product.
    pub fn new(name: &'static str, manners: Manners, seed: u64) -> Self {
        Self {
            name,
            manners,
            records: BTreeMap::new(),
            log: vec![],
            pending: vec![],
            late: vec![],
            dice: Dice::new(seed),
            nasty: true,
            ids: 0,
            writes: 0,
            reads: 0,
            trace: vec![],
            removed: vec![],
            edits: vec![],
            words: vec![],
            drowned: BTreeSet::new(),
            overwritten: BTreeSet::new(),
            trampled: vec![],
            faults: 0,
            killed: false,
        }
    }

    /// Notes what happened.
    pub fn tell(&mut self, at: Time, what: impl std::fmt::Display) {
        self.trace.push(format!("{at} {}: {what}", self.name));
    }

    fn changed(&mut self, id: &str, now: Time) {
        let lag = self.manners.lag;
        let after = if lag > 0 {
            self.dice.below(lag as usize + 1) as Time
        } else {
            0
        };
        self.pending.push((now + after, id.into()));
    }

    /// Lists and late calls catch up with the clock.
    pub fn catch_up(&mut self, now: Time) {
        let (due, later): (Vec<_>, Vec<_>) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = later;
        for (_, call) in due {
            match call {
                Late::Create(reference, body) => {
                    self.create(&reference, &body, now);
                }
                Late::Update(id, before, after, version) => {
                    self.update(&id, &before, &after, version.as_ref(), now);
                }
            }
            self.tell(now, "a call that was given up lands after all");
        }
        self.pending.sort();
        let (due, later): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|(at, _)| *at <= now);
        self.pending = later;
        for (_, id) in due {
            if let Some(r) = self.records.get_mut(&id) {
                r.indexed = Some((r.body.clone(), r.version, r.modified, r.alive));
                self.log.push(id);
            }
        }
    }

    /// A person makes a record.
    pub fn person_makes(&mut self, person: usize, id: &str, body: Json, now: Time) {
        for member in ["nick", "note"] {
            let value = body[member].as_str().unwrap_or_default().to_string();
            let place = format!("{id}.{member}");
            self.edits.push(Edit {
                value,
                over: String::new(),
                at: now,
                place,
            });
        }
        self.tell(now, format!("a person makes {id}: {body}"));
        self.put(person, id, body, None, now);
    }

    fn put(&mut self, person: usize, id: &str, body: Json, reference: Option<String>, now: Time) {
        let record = Record {
            person,
            body,
            version: 1,
            modified: now,
            alive: true,
            indexed: None,
            by_bridge: reference.is_some(),
            reference,
            made: now,
            read_at: 0,
        };
        self.records.insert(id.into(), record);
        self.changed(id, now);
    }

    /// A person types into a member.
    pub fn person_types(&mut self, id: &str, member: &str, value: Json, now: Time) {
        let Some(record) = self.records.get_mut(id).filter(|r| r.alive) else {
            return;
        };
        if member != "tags" {
            let edit = Edit {
                value: value.as_str().unwrap_or_default().into(),
                over: record.body[member].as_str().unwrap_or_default().into(),
                at: now,
                place: format!("{id}.{member}"),
            };
            self.edits.push(edit);
        }
        record.body[member] = value.clone();
        record.version += 1;
        record.modified = now;
        self.tell(now, format!("{id}.{member} := {value}"));
        self.changed(id, now);
    }

    /// A person says whether mail may be sent.
    pub fn person_says(&mut self, id: &str, value: &'static str, now: Time) {
        let Some(record) = self.records.get_mut(id).filter(|r| r.alive && r.body["mail"] != value) else {
            return;
        };
        record.body["mail"] = value.into();
        record.version += 1;
        record.modified = now;
        self.words.push(Word {
            id: id.into(),
            value,
            at: now,
        });
        self.tell(now, format!("{id}.mail := {value}"));
        self.changed(id, now);
    }

    /// A person removes a record.
    pub fn person_removes(&mut self, id: &str, now: Time) {
        let Some(record) = self.records.get_mut(id).filter(|r| r.alive) else {
            return;
        };
        record.alive = false;
        record.version += 1;
        record.modified = now;
        self.removed.push((record.person, id.into(), now));
        self.tell(now, format!("a person removes {id}"));
        self.changed(id, now);
    }

    /// A call makes a record.
    pub fn create(&mut self, reference: &str, body: &Json, now: Time) -> Landing {
        self.ids += 1;
        self.writes += 1;
        let id = format!("{}-made-{}", self.name, self.ids);
        let mut full = json!({"given": "", "family": "", "birth_date": "", "number": "", "nick": "", "note": "", "tags": "", "mail": ""});
        if let (Some(full), Some(given)) = (full.as_object_mut(), body.as_object()) {
            full.extend(given.clone());
        }
        let person = full["family"]
            .as_str()
            .and_then(|f| f.strip_prefix("Family"))
            .map_or(0, person_of);
        self.tell(now, format!("{id} is made: {full}"));
        self.put(person, &id, full, Some(reference.into()), now);
        Landing::Done(id)
    }

    /// A call changes the members that differ between two bodies.
    pub fn update(&mut self, id: &str, before: &Json, after: &Json, version: Option<&Version>, now: Time) -> Landing {
        let Some(record) = self.records.get_mut(id).filter(|r| r.alive) else {
            return Landing::Gone;
        };
        let current = shown_version(&self.manners, record.version);
        if self.manners.conditional && current.as_ref() != version {
            self.tell(now, format!("{id}: a write made from an old version is refused"));
            return Landing::Moved;
        }
        let empty = Map::new();
        let (before, after) = (
            before.as_object().unwrap_or(&empty),
            after.as_object().unwrap_or(&empty),
        );
        let changed = after
            .iter()
            .filter(|(k, v)| before.get(*k) != Some(*v))
            .map(|(k, v)| (k.clone(), v.clone()));
        let removed = before
            .keys()
            .filter(|k| !after.contains_key(*k))
            .map(|k| (k.clone(), Json::String(String::new())));
        let written: Vec<(String, Json)> = changed.chain(removed).collect();
        let mut notes = vec![];
        for (member, value) in &written {
            let stands = record.body[member].clone();
            if member == "mail" && stands == "out" && before.get(member) != Some(&stands) && *value != "out" {
                self.drowned.insert(id.into());
            } else if before.get(member) != Some(&stands)
                && stands != *value
                && !["tags", "mail"].contains(&member.as_str())
            {
                let text = stands.as_str().unwrap_or_default().to_string();
                let typed = self
                    .edits
                    .iter()
                    .rev()
                    .find(|e| e.value == text && e.place == format!("{id}.{member}"));
                let after_guard = typed.is_some_and(|e| e.at >= record.read_at);
                if after_guard {
                    self.overwritten.insert(text);
                } else {
                    self.trampled.push(format!("{id}.{member}: {text}"));
                }
            }
            record.body[member] = value.clone();
            notes.push(format!("{member}={value}"));
        }
        record.version += 1;
        record.modified = now;
        self.writes += 1;
        self.tell(now, format!("{id} is written: {}", notes.join(" ")));
        self.changed(id, now);
        Landing::Done(id.into())
    }
}

/// The number in a made-up family name: letters for digits.
pub fn person_of(letters: &str) -> usize {
    letters.bytes().fold(0, |n, b| {
        n * 26 + usize::from(b.to_ascii_lowercase().saturating_sub(b'a'))
    })
}

/// The letters of a number.
pub fn letters(mut n: usize) -> String {
    let mut out = vec![];
    for _ in 0..5 {
        out.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    out.into_iter().rev().collect()
}

/// A version as the product shows it.
pub fn shown_version(manners: &Manners, version: i64) -> Option<Version> {
    match manners.versions {
        adapter_kit::Versions::None => None,
        adapter_kit::Versions::Counting => Some(Version::Counting(version)),
        adapter_kit::Versions::Opaque => Some(Version::Opaque(format!("t{version}"))),
    }
}
