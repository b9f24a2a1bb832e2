//! What happens next in a random history: people, reads, the bridge's own steps, faults.

use crate::dice::Dice;
use crate::history::Profile;
use crate::plot::REFERENCE;
use crate::remote::{SystemName, UnitName};
use crate::step::Step;
use crate::world::{Place, Stage, World};
use bridge_core::review::Choice;
use bridge_core::{Author, Entity, Value, WriteState};
use std::collections::BTreeMap;

const VALUES: [&str; 5] = ["a", "b", "c", "d", ""];

/// Any value of a unit.
pub(crate) fn any_value(world_unit: &bridge_core::Unit, dice: &mut Dice) -> Value {
    if world_unit.set {
        let all = ["x", "y", "z"];
        Value::set(all.into_iter().filter(|_| dice.percent(35)))
    } else {
        Value::text(*dice.pick(&VALUES).unwrap_or(&"a"))
    }
}

/// What happens next.
pub(crate) fn next(world: &World, profile: Profile, dice: &mut Dice) -> Vec<Step> {
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
