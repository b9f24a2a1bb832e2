//! Random histories: a world, some hundred steps of people, bridge and faults, quiet, a sweep,
//! the verdict; then people answer everything and it is judged once more.

use crate::dice::Dice;
use crate::plot::{REFERENCE, party, unit};
use crate::promise::{Broken, Promise};
use crate::remote::{Answers, Guarding, Manners, System, SystemName, UnitName, Versions};
use crate::step::Step;
use crate::world::{Place, Stage, World};
use bridge_core::review::Choice;
use bridge_core::{Accept, AcceptRule, Author, Clear, Entity, Link, Schema, Value, Wins, WriteState, capture, review};
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
const VALUES: [&str; 5] = ["a", "b", "c", "d", ""];

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

fn any_value(world_unit: &bridge_core::Unit, dice: &mut Dice) -> Value {
    if world_unit.set {
        let all = ["x", "y", "z"];
        Value::set(all.into_iter().filter(|_| dice.percent(35)))
    } else {
        Value::text(*dice.pick(&VALUES).unwrap_or(&"a"))
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

/// What happens next.
fn next(world: &World, profile: Profile, dice: &mut Dice) -> Vec<Step> {
    let x = dice.below(1000);
    let records: Vec<(SystemName, String)> = world
        .systems
        .iter()
        .flat_map(|(s, sys)| sys.records.iter().map(move |(id, r)| (*s, id, r)))
        .filter(|(_, _, r)| r.now.alive)
        .map(|(s, id, _)| (s, id.clone()))
        .collect();
    let one = |step: Option<Step>| step.into_iter().collect::<Vec<_>>();
    let (removes, relinks) = (profile == Profile::Remove, profile == Profile::Relink);
    match x {
        0..140 => one(edit(world, profile, &records, dice)),
        140..155 => one(newcomer(world, dice)),
        155..159 => one(dice.pick(&records).map(|(s, id)| Step::Remove(s, id.clone()))),
        159..175 if removes => one(dice.pick(&records).map(|(s, id)| Step::Remove(s, id.clone()))),
        159..175 if profile == Profile::Merge => one(merge(&records, dice)),
        159..185 if relinks => one(relink(world, dice)),
        175..179 if profile != Profile::Calm => one(relink(world, dice)),
        179..195 => {
            let unit = if dice.percent(50) { "m" } else { "n" };
            one(dice.pick(&records).map(|(s, id)| Step::Automation(s, id.clone(), unit)))
        }
        195..420 => one(watch(world, profile, dice)),
        420..600 if !world.reads.is_empty() => {
            let nth = dice.below(world.reads.len());
            let lost = profile == Profile::Pages && dice.percent(20);
            vec![if lost {
                Step::LoseRead(nth)
            } else {
                Step::Store(nth, dice.percent(15))
            }]
        }
        600..720 => {
            let dirty: Vec<&String> = world.entities.values().filter(|e| e.dirty).map(|e| &e.id).collect();
            one(dice.pick(&dirty).map(|id| Step::Reconcile(id.to_string())))
        }
        720..900 => deliver(world, profile, dice),
        900..950 => one(question(world, dice)),
        950..980 => one(answer(world, dice)),
        980..985 => one(card(world, dice)),
        985..990 => {
            let held: Vec<Place> = world
                .entities
                .values()
                .flat_map(|e| e.links.keys().map(move |s| (e.id.clone(), s)))
                .filter_map(|(e, s)| Some((e, world.system_name(s)?)))
                .collect();
            let doubtful = world.writes_in(WriteState::Doubtful);
            let place = dice.pick(&doubtful).or(dice.pick(&held)).cloned();
            one(place.map(Step::Release))
        }
        990..1000 if profile != Profile::Calm => vec![Step::Crash(dice.percent(50))],
        _ => vec![],
    }
}

fn edit(world: &World, profile: Profile, records: &[(SystemName, String)], dice: &mut Dice) -> Option<Step> {
    let (system, id) = dice.pick(records)?.clone();
    let names = ["m", "n", "tags"];
    let name = *dice.pick(&names)?;
    let mut value = any_value(world.schema.unit(name)?, dice);
    if profile == Profile::Newest && name == "tags" {
        value = Value::set(["x"]);
    }
    let author = if profile == Profile::Consent && dice.percent(40) {
        Author::Automation
    } else {
        Author::Person
    };
    Some(Step::Edit(system, id, name, value, author))
}

fn newcomer(world: &World, dice: &mut Dice) -> Option<Step> {
    let taken = |who: u16| {
        let known = |s: &&str| world.systems[*s].records.contains_key(&format!("{s}{who}"));
        ["halaxy", "crm"].iter().any(known)
    };
    let who = (3..=5u16).find(|w| !taken(*w))?;
    let system = *dice.pick(&["halaxy", "crm"])?;
    let mut values = BTreeMap::from([(REFERENCE, Value::text(format!("P{who}")))]);
    for name in ["m", "n", "tags"] {
        values.insert(name, any_value(world.schema.unit(name)?, dice));
    }
    Some(Step::New(system, format!("{system}{who}"), who, values))
}

fn merge(records: &[(SystemName, String)], dice: &mut Dice) -> Option<Step> {
    let crm: Vec<&(SystemName, String)> = records.iter().filter(|(s, _)| *s == "crm").collect();
    let (loser, winner) = (dice.pick(&crm)?.1.clone(), dice.pick(&crm)?.1.clone());
    let units = ["m", "n", "tags"].into_iter().filter(|_| dice.percent(60)).collect();
    (loser != winner).then_some(Step::Merge("crm", loser, winner, units))
}

fn relink(world: &World, dice: &mut Dice) -> Option<Step> {
    let links: Vec<Place> = world
        .entities
        .values()
        .filter(|e| e.links.contains_key("crm"))
        .map(|e| (e.id.clone(), "crm"))
        .collect();
    let alone: Vec<Place> = links
        .iter()
        .filter(|(e, _)| e.starts_with("E-cut") && world.entities[e].links.len() == 1)
        .cloned()
        .collect();
    let without: Vec<String> = world
        .entities
        .values()
        .filter(|e| !e.links.contains_key("crm") && !e.links.is_empty())
        .map(|e| e.id.clone())
        .collect();
    match dice.below(10) {
        0..5 => dice.pick(&links).cloned().map(Step::Cut),
        5..9 => {
            let from = dice.pick(&alone)?.0.clone();
            let into = dice.pick(&without)?.clone();
            Some(Step::Rejoin(from, into, "crm"))
        }
        _ => {
            let system = *dice.pick(&["crm", "books"])?;
            let ids: Vec<String> = world.entities.keys().cloned().collect();
            Some(Step::Bury((dice.pick(&ids)?.clone(), system)))
        }
    }
}

fn watch(world: &World, profile: Profile, dice: &mut Dice) -> Option<Step> {
    let pages = profile == Profile::Pages;
    let due = world.looks_due();
    if dice.percent(25) {
        return dice.pick(&due).map(|(s, id)| Step::Read(s, id.clone()));
    }
    let systems: Vec<SystemName> = world.systems.keys().copied().collect();
    let system = *dice.pick(&systems)?;
    if dice.percent(if pages { 50 } else { 35 }) {
        return Some(Step::Poll(system));
    }
    let all: Vec<&String> = world.systems[system].records.keys().collect();
    let id = dice.pick(&all)?.to_string();
    let lagging = world.systems[system].manners.lag > 0;
    Some(match dice.below(10) {
        0..5 if lagging => Step::Index(system, id),
        5..7 if lagging => Step::Row(system, id, dice.percent(50)),
        _ => Step::Read(system, id),
    })
}

fn deliver(world: &World, profile: Profile, dice: &mut Dice) -> Vec<Step> {
    let mut places = world.writes_in(WriteState::Planned);
    places.extend(world.writes_in(WriteState::Sent));
    places.extend(world.writes_in(WriteState::Unknown));
    let late = if profile == Profile::Late { 20 } else { 10 };
    if !world.late.is_empty() && dice.percent(late) {
        return vec![Step::Late(dice.below(world.late.len()))];
    }
    if profile == Profile::Batch && dice.percent(50) {
        return batch(world, &places, dice);
    }
    let Some(place) = dice.pick(&places).cloned() else {
        return vec![];
    };
    vec![one_step(world, place, dice)]
}

fn one_step(world: &World, place: Place, dice: &mut Dice) -> Step {
    let Some(call) = world.calls.get(&place) else {
        let unknown = world.entities[&place.0].writes[place.1].state == WriteState::Unknown;
        return match unknown {
            true => Step::LookUnknown(place),
            false if dice.percent(25) => Step::Guard(place),
            false => Step::Send(place),
        };
    };
    if call.stage == Stage::Out {
        return match dice.below(100) {
            0..8 => Step::Lose(place, false),
            8..14 => Step::Lose(place, true),
            14..20 => Step::Throttle(place),
            _ => Step::Land(place),
        };
    }
    if dice.percent(15) {
        Step::Lose(place, false)
    } else {
        Step::Answer(place)
    }
}

/// Writes of one system go the same way together: guarded, sent, landed in part, answered or lost.
fn batch(world: &World, places: &[Place], dice: &mut Dice) -> Vec<Step> {
    let Some(system) = dice.pick(places).map(|p| p.1) else {
        return vec![];
    };
    let of: Vec<&Place> = places.iter().filter(|p| p.1 == system).collect();
    let out: Vec<&Place> = of.iter().copied().filter(|p| world.is_out(p)).collect();
    let called: Vec<&Place> = of.iter().copied().filter(|p| world.calls.contains_key(*p)).collect();
    if called.is_empty() {
        let guards = of.iter().map(|p| Step::Guard((*p).clone()));
        let sends = of.iter().map(|p| Step::Send((*p).clone()));
        return if dice.percent(50) {
            guards.collect()
        } else {
            guards.chain(sends).collect()
        };
    }
    match dice.below(10) {
        0..2 => called
            .iter()
            .map(|p| Step::Lose((*p).clone(), dice.percent(50)))
            .collect(),
        2..3 => out.iter().map(|p| Step::Throttle((*p).clone())).collect(),
        3..6 => out
            .iter()
            .take(1 + out.len() / 2)
            .map(|p| Step::Land((*p).clone()))
            .collect(),
        6..8 => out.iter().map(|p| Step::Land((*p).clone())).collect(),
        _ => called.iter().map(|p| Step::Answer((*p).clone())).collect(),
    }
}

fn question(world: &World, dice: &mut Dice) -> Option<Step> {
    if world.screen.is_some() {
        return None;
    }
    let open: Vec<(String, UnitName)> = world
        .entities
        .values()
        .flat_map(|e| e.conflicts.keys().map(move |u| (e.id.clone(), u)))
        .filter_map(|(e, u)| Some((e, world.unit(u)?)))
        .collect();
    dice.pick(&open).map(|(e, u)| Step::Open(e.clone(), u))
}

fn answer(world: &World, dice: &mut Dice) -> Option<Step> {
    let screen = world.screen.as_ref()?;
    if dice.percent(15) {
        let unit = world.schema.unit(screen.unit)?;
        return Some(Step::Decide(Choice::Value(any_value(unit, dice))));
    }
    let names: Vec<&String> = screen.shown.keys().collect();
    dice.pick(&names).map(|n| Step::Decide(Choice::From(n.to_string())))
}

fn card(world: &World, dice: &mut Dice) -> Option<Step> {
    let with: Vec<&Entity> = world.entities.values().filter(|e| !e.cards.is_empty()).collect();
    let entity = dice.pick(&with)?;
    Some(Step::Dismiss(entity.id.clone(), dice.below(entity.cards.len())))
}
