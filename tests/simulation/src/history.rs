//! Random histories: a world, some hundred steps of people, bridge and faults, quiet, a sweep,
//! the verdict; then people answer everything and it is judged once more.

use crate::chance::{any_value, next};
use crate::dice::Dice;
use crate::plot::{REFERENCE, party, unit};
use crate::promise::{Broken, Promise};
use crate::remote::{Answers, Guarding, Manners, System, UnitName, Versions};
use crate::step::Step;
use crate::world::World;
use bridge_core::{Accept, AcceptRule, Clear, Entity, Link, Schema, Value, Wins, capture, review};
use std::collections::BTreeMap;

/// What a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// No faults, no lag.
    Calm,
    /// Everything a little.
    Mixed,
    /// `newest` decides.
    Newest,
    /// People merge records.
    Merge,
    /// Automations rewrite.
    Auto,
    /// People remove records, and answer the cards.
    Remove,
    /// No conditional writes: edits between guard and landing.
    Window,
    /// Small pages, lagging and stale rows, lost pages.
    Pages,
    /// Calls land after they were given up, and after the look.
    Late,
    /// Opaque versions without conditional writes.
    Opaque,
    /// Edits that need a person's consent.
    Consent,
    /// Guards read for many writes at once, throttled and lost together.
    Batch,
    /// Values refused or ignored.
    Refuse,
    /// Records cut, joined again and buried while writes are out.
    Relink,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 14] = [
        Profile::Calm,
        Profile::Mixed,
        Profile::Newest,
        Profile::Merge,
        Profile::Auto,
        Profile::Remove,
        Profile::Window,
        Profile::Pages,
        Profile::Late,
        Profile::Opaque,
        Profile::Consent,
        Profile::Batch,
        Profile::Refuse,
        Profile::Relink,
    ];

    /// Its name.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Profile> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// What a history came to.
pub struct Outcome {
    /// Broken promises.
    pub bad: Vec<Broken>,
    /// The steps, for replay.
    pub steps: Vec<Step>,
    /// The world at the end.
    pub world: World,
}

const STEPS: usize = 130;

/// Plays the history of a seed.
pub fn play(profile: Profile, seed: u64) -> Outcome {
    let (mut world, mut dice) = build(profile, seed);
    let mut steps = vec![];
    for _ in 0..STEPS {
        let mut todo = next(&world, profile, &mut dice);
        todo.push(Step::Wait(*dice.pick(&[0, 0, 1, 3]).unwrap_or(&0)));
        for step in todo {
            world.step(&step);
            steps.push(step);
        }
    }
    finish(&mut world, profile);
    Outcome {
        bad: world.ghosts.bad.clone(),
        steps,
        world,
    }
}

/// Plays given steps in the world of a seed; `talk`: and tells it all on the way.
pub fn replay(profile: Profile, seed: u64, steps: &[Step], talk: bool) -> Outcome {
    let (mut world, _) = build(profile, seed);
    world.talks = talk;
    for step in steps {
        if talk {
            println!("  {step}");
        }
        world.step(step);
    }
    finish(&mut world, profile);
    Outcome {
        bad: world.ghosts.bad.clone(),
        steps: steps.to_vec(),
        world,
    }
}

/// Leaves out what is not needed to break the same promise.
pub fn shrink(profile: Profile, seed: u64, steps: &[Step], promise: Promise) -> Vec<Step> {
    let breaks = |s: &[Step]| {
        let run = || replay(profile, seed, s, false).bad.iter().any(|b| b.promise == promise);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or(false)
    };
    let mut kept = steps.to_vec();
    let mut size = kept.len() / 2;
    while size > 0 {
        let mut at = 0;
        let before = kept.len();
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..kept.len().min(at + size));
            if breaks(&fewer) {
                kept = fewer;
            } else {
                at += size;
            }
        }
        if size > 1 || kept.len() == before {
            size /= 2;
        }
    }
    kept
}

fn finish(world: &mut World, profile: Profile) {
    world.crash(profile == Profile::Late);
    let mut quiet = world.rest(120);
    world.verdict();
    quiet = quiet && world.sweep(40);
    world.verdict();
    if quiet && profile != Profile::Auto {
        if !world.answer_everything(16) {
            world.fault(Promise::ReviewEnds, "questions stay open though they were answered");
        }
        quiet = world.sweep(40);
        world.verdict();
    }
    if !quiet {
        world.fault(Promise::Quiet, "the bridge does not come to rest");
    }
}

fn build(profile: Profile, seed: u64) -> (World, Dice) {
    let mut dice = Dice::new(seed ^ (profile as u64) << 48);
    let d = &mut dice;
    let nasty = profile != Profile::Calm;
    let by_read = matches!(
        profile,
        Profile::Window | Profile::Opaque | Profile::Late | Profile::Batch
    );
    let guard = if by_read { Guarding::Read } else { Guarding::Conditional };
    let versions = |d: &mut Dice| {
        if d.percent(50) {
            Versions::Counting
        } else {
            Versions::Opaque
        }
    };
    let life = if matches!(profile, Profile::Late | Profile::Mixed) {
        6
    } else {
        0
    };
    let halaxy = Manners {
        versions: match profile {
            Profile::Window | Profile::Late | Profile::Batch => Versions::None,
            _ => Versions::Opaque,
        },
        guard,
        skew: *d.pick(&[0, 0, -9]).unwrap_or(&0),
        keeps_reference: false,
        forgets_removed: d.percent(30),
        call_life: life,
        outlives: profile == Profile::Late,
        ..Manners::default()
    };
    let crm = Manners {
        versions: match profile {
            Profile::Opaque => Versions::Opaque,
            Profile::Window if d.percent(50) => Versions::None,
            _ => versions(d),
        },
        guard,
        answers: if d.percent(50) || profile == Profile::Refuse {
            Answers::Written
        } else {
            Answers::Nothing
        },
        lag: if nasty { *d.pick(&[3, 3, 12]).unwrap_or(&3) } else { 0 },
        skew: *d.pick(&[0, 9]).unwrap_or(&0),
        respells: if nasty && d.percent(50) {
            BTreeMap::from([("b", "B")])
        } else {
            BTreeMap::new()
        },
        automation: if profile == Profile::Auto {
            BTreeMap::from([("c", "C")])
        } else {
            BTreeMap::new()
        },
        ignores: if profile == Profile::Refuse && d.percent(50) {
            ["n"].into()
        } else {
            Default::default()
        },
        refuses: (profile == Profile::Refuse && d.percent(50)).then_some(("m", "d")),
        tells_authors: profile == Profile::Consent,
        call_life: life,
        outlives: profile == Profile::Late,
        page: if profile == Profile::Pages { 1 + d.below(2) } else { 3 },
        keeps_reference: d.percent(80),
        leaves_out: (profile == Profile::Pages && d.percent(50)).then_some("n"),
        ..Manners::default()
    };
    let books = Manners {
        versions: if profile == Profile::Opaque {
            Versions::Opaque
        } else {
            Versions::Counting
        },
        guard,
        gives: false,
        page: 2,
        ..Manners::default()
    };
    let named = |d: &mut Dice, all: &[&str]| match *d.pick(all).unwrap_or(&"review") {
        "review" => Wins::Review,
        "newest" => Wins::Newest,
        system => Wins::System(system.into()),
    };
    let clear = [Clear::Yes, Clear::No, Clear::Review];
    let wins = if profile == Profile::Newest {
        Wins::Newest
    } else {
        named(d, &["review", "halaxy", "crm", "newest"])
    };
    let first = named(d, &["review", "halaxy"]);
    let clears = *d.pick(&clear).unwrap_or(&Clear::Yes);
    let units = vec![
        unit("m", false, wins, first, clears),
        unit("n", false, Wins::Review, Wins::Review, Clear::Yes),
        unit("tags", true, Wins::Review, Wins::Review, Clear::Review),
        unit(
            REFERENCE,
            false,
            Wins::System("halaxy".into()),
            Wins::System("halaxy".into()),
            Clear::No,
        ),
    ];
    let create = profile != Profile::Merge;
    let mut parties = vec![
        party("books", &books, &units, create),
        party("crm", &crm, &units, create),
        party("halaxy", &halaxy, &units, profile == Profile::Batch && d.percent(50)),
    ];
    if profile == Profile::Consent {
        let rule = AcceptRule {
            person: Accept::Yes,
            automation: if d.percent(80) { Accept::Review } else { Accept::No },
            unknown: Accept::Yes,
        };
        parties[1].accepts.insert("m".into(), rule);
        if d.percent(50) {
            parties[1].accepts.insert("tags".into(), rule);
        }
        if d.percent(30) {
            parties[1]
                .accepts
                .insert("n".into(), AcceptRule::always(Accept::Review));
        }
    }
    let systems = BTreeMap::from([
        ("books", System::new(books)),
        ("crm", System::new(crm)),
        ("halaxy", System::new(halaxy)),
    ]);
    let schema = Schema {
        entity: "person".into(),
        units: units.clone(),
        parties,
        swings: 4,
    };
    let mut world = World::new(schema, systems, vec!["m", "n", "tags", REFERENCE]);
    for who in 1..=2u16 {
        let values = |d: &mut Dice| -> BTreeMap<UnitName, Value> {
            let mut all: BTreeMap<UnitName, Value> = BTreeMap::new();
            for (name, unit) in [("m", &units[0]), ("n", &units[1]), ("tags", &units[2])] {
                all.insert(name, any_value(unit, d));
            }
            all.insert(REFERENCE, Value::text(format!("P{who}")));
            all
        };
        let same = values(d);
        let mut entity = Entity {
            id: format!("E-{who}"),
            kind: "person".into(),
            ..Entity::default()
        };
        for system in ["halaxy", "crm"] {
            let id = format!("{system}{who}");
            let own = if d.percent(70) { same.clone() } else { values(d) };
            world.new_person(system, &id, who, &own);
            let now = world.tick();
            let mut link = Link::new(system, "person", &id);
            capture::ask(&mut link, now);
            review::join(&mut entity, link, now);
        }
        world.entities.insert(entity.id.clone(), entity);
    }
    (world, dice)
}
