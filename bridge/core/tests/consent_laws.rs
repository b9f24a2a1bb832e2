//! Laws of consent over random histories: three systems, people and automations that type, reads and writes in any order,
//! records that wait for a person, and another unit in conflict beside.

#![allow(clippy::unwrap_used)]

use bridge_core::capture::{How, Observation, observe};
use bridge_core::condition::Condition;
use bridge_core::consent::{self, IN, OUT};
use bridge_core::plan::{Context, reconcile};
use bridge_core::settle::{Manners, Sending, Settlement, mark_sent, settle};
use bridge_core::{
    Accept, AcceptRule, Agreed, Author, Class, Clear, Entity, Hold, Lane, Link, LinkState, OptOut, Origin, Party,
    Schema, Unit, UnitType, Value, Values, Wins,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SYSTEMS: [&str; 3] = ["a", "h", "k"];

fn unit(name: &str, kind: UnitType, wins: Wins) -> Unit {
    Unit {
        name: name.into(),
        kind,
        class: Class::Contact,
        set: false,
        wins,
        first_link: Wins::Review,
        clear: Clear::Review,
    }
}

fn schema() -> Schema {
    let suppressed = Condition::parse("status in ['blocked']").unwrap();
    let whole = OptOut {
        covered_by: vec![],
        suppress_when: Some(suppressed),
    };
    let channel = OptOut {
        covered_by: vec!["whole".into()],
        suppress_when: None,
    };
    let accept = AcceptRule {
        person: Accept::Yes,
        automation: Accept::Review,
        unknown: Accept::No,
    };
    let names = ["mail", "status", "whole", "name"];
    let party = |system: &&str| Party {
        system: (*system).into(),
        kind: "person".into(),
        receives: names.iter().map(|n| (*n).to_string()).collect(),
        accepts: names
            .iter()
            .map(|n| {
                let rule = if ["mail", "whole"].contains(n) {
                    accept
                } else {
                    AcceptRule::always(Accept::Yes)
                };
                ((*n).to_string(), rule)
            })
            .collect(),
        create: None,
        reference: None,
        lag: 0,
        unique: BTreeSet::new(),
    };
    Schema {
        entity: "person".into(),
        units: vec![
            unit("mail", UnitType::Code, Wins::OptOut(channel)),
            unit("status", UnitType::Code, Wins::System("h".into())),
            unit("whole", UnitType::Code, Wins::OptOut(whole)),
            unit("name", UnitType::Text, Wins::Review),
        ],
        parties: SYSTEMS.iter().map(party).collect(),
        swings: 4,
    }
}

/// What happens in a history.
#[derive(Clone, Debug)]
enum Act {
    /// Somebody types a value of a unit into a system.
    Types(usize, &'static str, Option<&'static str>, Author),
    Reads(usize),
    Reconciles,
    /// A planned write goes out and is answered; the answer is a refusal to come again later if not `true`.
    Sends(usize, bool),
    /// The record waits for a person, or does not any more.
    Holds(usize, bool),
}

struct Bench {
    schema: Schema,
    entity: Entity,
    /// What each record holds, and who typed it last.
    records: BTreeMap<&'static str, (Values, BTreeMap<String, Author>)>,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        let mut entity = Entity {
            id: "e".into(),
            kind: "person".into(),
            dirty: true,
            ..Entity::default()
        };
        let blank: Values = ["mail", "status", "whole", "name"]
            .map(|n| (n.to_string(), Value::Empty))
            .into();
        let mut records = BTreeMap::new();
        for system in SYSTEMS {
            let mut link = Link::new(system, "person", "1");
            link.entity = Some("e".into());
            link.generation = 1;
            entity.links.insert(system.into(), link.into());
            records.insert(system, (blank.clone(), BTreeMap::new()));
        }
        let mut bench = Self {
            schema: schema(),
            entity,
            records,
            now: 100,
        };
        (0..SYSTEMS.len()).for_each(|s| bench.reads(s));
        bench.reconciles();
        bench
    }

    fn tick(&mut self) -> i64 {
        self.now += 10;
        self.now
    }

    fn types(&mut self, system: usize, unit: &str, value: Option<&str>, author: Author) {
        let value = value.map_or(Value::Empty, Value::text);
        let (values, authors) = self.records.get_mut(SYSTEMS[system]).unwrap();
        values.insert(unit.into(), value);
        authors.insert(unit.into(), author);
    }

    fn observation(&mut self, system: usize) -> Observation {
        let (values, authors) = self.records[SYSTEMS[system]].clone();
        Observation {
            system: SYSTEMS[system].into(),
            kind: "person".into(),
            remote_id: "1".into(),
            how: How::Direct,
            started: self.tick(),
            alive: true,
            version: None,
            mark: None,
            values,
            authors,
            merged_from: vec![],
        }
    }

    fn reads(&mut self, system: usize) {
        let (seen, now) = (self.observation(system), self.tick());
        let busy = self.entity.busy(SYSTEMS[system]);
        let link = self.entity.links.get_mut(SYSTEMS[system]).unwrap();
        let (_, dirty) = observe(link, busy, &seen, now);
        self.entity.dirty |= dirty;
    }

    fn reconciles(&mut self) {
        let context = Context {
            now: self.tick(),
            lane: Lane::Live,
            mirrors_complete: true,
        };
        self.entity = reconcile(&self.schema, &self.entity, context).entity;
    }

    fn sends(&mut self, system: usize, taken: bool) {
        let (name, guard) = (SYSTEMS[system], self.observation(system));
        let now = self.tick();
        if !self.entity.writes.contains_key(name) || mark_sent(&mut self.entity, name, Some(&guard), now) != Sending::Go
        {
            return;
        }
        let sent = self.entity.writes[name].values.clone();
        let answer = if taken {
            let (values, authors) = self.records.get_mut(name).unwrap();
            authors.retain(|unit, _| !sent.contains_key(unit));
            values.extend(sent);
            Settlement::Applied {
                remote_id: "1".into(),
                shown: None,
                version: None,
            }
        } else {
            Settlement::Later(now)
        };
        let now = self.tick();
        settle(&mut self.entity, name, Manners { conditional: false }, answer, now);
    }

    fn acts(&mut self, act: &Act) {
        match *act {
            Act::Types(system, unit, value, author) => self.types(system, unit, value, author),
            Act::Reads(system) => self.reads(system),
            Act::Reconciles => self.reconciles(),
            Act::Sends(system, taken) => self.sends(system, taken),
            Act::Holds(system, held) => {
                let link = self.entity.links.get_mut(SYSTEMS[system]).unwrap();
                link.held = held.then_some(Hold::LooksWrong);
                self.entity.dirty = true;
            }
        }
    }

    /// One cycle: everything is read, judged and told.
    fn cycle(&mut self) {
        for _ in 0..3 {
            (0..SYSTEMS.len()).for_each(|s| self.reads(s));
            for system in 0..SYSTEMS.len() {
                self.reconciles();
                self.sends(system, true);
            }
        }
        self.reconciles();
    }

    fn agreed(&self, unit: &str) -> Option<&str> {
        self.entity.agreed.get(unit)?.value.as_text()
    }

    fn holds(&self, system: &str, unit: &str) -> Option<&str> {
        self.records[system].0[unit].as_text()
    }

    fn seen(&self, system: &str, unit: &str) -> Option<&Value> {
        self.entity.links[system].units.get(unit)?.seen()
    }
}

fn author() -> impl Strategy<Value = Author> {
    prop_oneof![Just(Author::Person), Just(Author::Automation), Just(Author::Unknown)]
}

fn act() -> impl Strategy<Value = Act> {
    let said = prop_oneof![Just(None), Just(Some(IN)), Just(Some(OUT)), Just(Some("later"))];
    let types = (0..3usize, prop_oneof![Just("mail"), Just("whole")], said, author());
    let name = (0..3usize, prop_oneof![Just("x"), Just("y")], author());
    prop_oneof![
        4 => types.prop_map(|(s, u, v, a)| Act::Types(s, u, v, a)),
        1 => name.prop_map(|(s, v, a)| Act::Types(s, "name", Some(v), a)),
        4 => (0..3usize).prop_map(Act::Reads),
        3 => Just(Act::Reconciles),
        3 => (0..3usize, any::<bool>()).prop_map(|(s, taken)| Act::Sends(s, taken)),
        1 => (0..3usize, any::<bool>()).prop_map(|(s, held)| Act::Holds(s, held)),
    ]
}

/// Whether a system newly says that of a unit: it was seen, and is not what was agreed with it before.
fn newly<'a>(entity: &'a Entity, unit: &'a str, value: &'a str) -> impl Iterator<Item = &'a Link> {
    entity.links.values().map(|l| &**l).filter(move |l| {
        let x = l.units.get(unit);
        x.is_some_and(|x| x.seen().and_then(Value::as_text) == Some(value) && x.base.as_ref() != x.seen())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn out_wins_stays_and_nothing_is_allowed_by_default(acts in prop::collection::vec(act(), 1..60)) {
        let mut bench = Bench::new();
        for act in &acts {
            let before = bench.entity.clone();
            bench.acts(act);
            if !matches!(act, Act::Reconciles) {
                continue;
            }
            for unit in ["mail", "whole"] {
                let was = before.agreed.get(unit).and_then(|a| a.value.as_text());
                let quiet = |l: &&Link| !before.busy(&l.system);
                // Whoever says out wins at once, also where the record waits for a person.
                if newly(&before, unit, OUT).any(|l| quiet(&l)) {
                    prop_assert_eq!(bench.agreed(unit), Some(OUT));
                }
                // From out to in only by an edit on top of it that is taken.
                if was == Some(OUT) && bench.agreed(unit) != Some(OUT) {
                    let allowed = newly(&before, unit, IN).any(|l| {
                        let x = &l.units[unit];
                        x.base.as_ref().is_some_and(consent::is_out) && x.author == Author::Person && l.held.is_none()
                    });
                    prop_assert!(allowed && bench.agreed(unit) == Some(IN));
                }
                // Nobody becomes reachable unless somebody whose word is taken just said so.
                if was != Some(IN) && bench.agreed(unit) == Some(IN) {
                    prop_assert!(newly(&before, unit, IN).any(|l| l.units[unit].author == Author::Person));
                }
                // No question is open while the answer is out.
                if bench.agreed(unit) == Some(OUT) {
                    prop_assert!(!bench.entity.conflicts.contains_key(unit));
                }
            }
            if bench.agreed("whole") == Some(OUT) {
                prop_assert_eq!(bench.agreed("mail"), Some(OUT));
            }
            // An opt-out is told alone, and of all that are due.
            for (system, write) in &bench.entity.writes {
                if write.values.values().any(consent::is_out) {
                    prop_assert!(write.opts_out(), "{} {:?}", system, write.values);
                    prop_assert_eq!(write.lane, Lane::Requested);
                }
            }
        }
        // Left alone, an opt-out is everywhere within one cycle, whatever waits for a person.
        bench.cycle();
        for unit in ["mail", "whole"] {
            if bench.agreed(unit) == Some(OUT) {
                for system in SYSTEMS {
                    prop_assert_eq!(bench.holds(system, unit), Some(OUT), "{} {}", system, unit);
                }
            }
            // A record that waits for a person takes an opt-out, and no opt-in after it.
            let waits = |s: &&str| bench.entity.links[*s].held.is_some();
            let told = SYSTEMS.iter().filter(|s| !waits(s));
            let anywhere = told.into_iter().any(|s| bench.seen(s, unit).is_some_and(consent::is_out));
            if SYSTEMS.iter().all(waits) {
                continue;
            }
            prop_assert_eq!(anywhere, bench.agreed(unit) == Some(OUT));
        }
    }

    #[test]
    fn names_and_order_of_the_systems_do_not_matter(
        said in prop::collection::vec((prop_oneof![Just(None), Just(Some(IN)), Just(Some(OUT))], author()), 3),
        turn in 0..3usize,
        agreed in prop_oneof![Just(None), Just(Some(IN)), Just(Some(OUT))],
    ) {
        let decided = |turn: usize| {
            let mut bench = Bench::new();
            if let Some(value) = agreed {
                for system in 0..3 {
                    bench.types(system, "mail", Some(value), Author::Person);
                }
                bench.cycle();
            }
            for (place, (value, author)) in said.iter().enumerate() {
                bench.types((place + turn) % 3, "mail", *value, *author);
            }
            (0..3).for_each(|s| bench.reads(s));
            bench.reconciles();
            bench.agreed("mail").map(str::to_string)
        };
        // Who an opt-out came from may be heard once more; with an opt-out that stands, only the value is compared.
        prop_assert_eq!(decided(0), decided(turn));
    }
}

#[test]
fn a_state_in_which_nobody_is_to_be_reached_stops_every_channel() {
    let mut bench = Bench::new();
    bench.types(2, "mail", Some(IN), Author::Person);
    bench.cycle();
    assert_eq!(bench.agreed("mail"), Some(IN));
    assert!(SYSTEMS.iter().all(|s| bench.holds(s, "mail") == Some(IN)));
    bench.types(1, "status", Some("blocked"), Author::Person);
    bench.cycle();
    for unit in ["mail", "whole"] {
        assert!(SYSTEMS.iter().all(|s| bench.holds(s, unit) == Some(OUT)), "{unit}");
    }
    // It stays when the state ends, and a person can end it then, by each channel.
    assert!(consent::word(&bench.schema, &mut bench.entity, "mail", true, 1).is_err());
    bench.types(1, "status", Some("current"), Author::Person);
    bench.cycle();
    assert_eq!(bench.agreed("mail"), Some(OUT));
    let (schema, now) = (bench.schema.clone(), bench.tick());
    assert!(
        consent::word(&schema, &mut bench.entity, "mail", true, now).is_err(),
        "the whole is out"
    );
    consent::word(&schema, &mut bench.entity, "whole", true, now).unwrap();
    consent::word(&schema, &mut bench.entity, "mail", true, now).unwrap();
    bench.cycle();
    assert!(SYSTEMS.iter().all(|s| bench.holds(s, "mail") == Some(IN)));
}

#[test]
fn a_persons_out_is_undone_by_a_person_alone() {
    let mut bench = Bench::new();
    let (schema, now) = (bench.schema.clone(), bench.tick());
    consent::word(&schema, &mut bench.entity, "mail", false, now).unwrap();
    bench.cycle();
    bench.types(2, "mail", Some(IN), Author::Person);
    bench.cycle();
    assert!(SYSTEMS.iter().all(|s| bench.holds(s, "mail") == Some(OUT)));
    let now = bench.tick();
    consent::word(&schema, &mut bench.entity, "mail", true, now).unwrap();
    bench.cycle();
    assert!(SYSTEMS.iter().all(|s| bench.holds(s, "mail") == Some(IN)));
}

#[test]
fn a_conflict_beside_and_a_refused_unit_do_not_hold_an_opt_out_up() {
    let mut bench = Bench::new();
    for system in 0..3 {
        bench.types(system, "name", Some("x"), Author::Person);
    }
    bench.cycle();
    bench.types(0, "name", Some("y"), Author::Person);
    bench.types(1, "name", Some("z"), Author::Person);
    bench.types(1, "mail", Some(OUT), Author::Automation);
    bench.cycle();
    assert!(bench.entity.conflicts.contains_key("name"));
    assert!(SYSTEMS.iter().all(|s| bench.holds(s, "mail") == Some(OUT)));

    // The rest of the record is planned, and gives way to the opt-out.
    let mut bench = Bench::new();
    bench.types(0, "name", Some("x"), Author::Person);
    bench.reads(0);
    bench.reconciles();
    assert!(bench.entity.writes["k"].values.contains_key("name"));
    bench.types(1, "mail", Some(OUT), Author::Unknown);
    bench.reads(1);
    bench.reconciles();
    assert!(bench.entity.writes["k"].opts_out());
    bench.cycle();
    assert_eq!(
        (bench.holds("k", "name"), bench.holds("k", "mail")),
        (Some("x"), Some(OUT))
    );
}

#[test]
fn an_opt_out_of_a_record_that_is_gone_is_remembered() {
    let mut bench = Bench::new();
    bench.types(2, "mail", Some(OUT), Author::Person);
    bench.reads(2);
    bench.reconciles();
    bench.entity.links.get_mut("k").unwrap().state = LinkState::Gone;
    bench.entity.dirty = true;
    bench.cycle();
    assert_eq!(bench.holds("a", "mail"), Some(OUT));
    let agreed: &Agreed = &bench.entity.agreed["mail"];
    assert_eq!(agreed.origin, Origin::System("k".into()));
}
