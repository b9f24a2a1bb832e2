//! The world around the engine: products, people, time, and the point where it may be killed.

use crate::clock::Moments;
use crate::product::{MEMBERS, Manners, Product, letters};
use adapter_kit::{Clock, Versions};
use bridge_core::Time;
use bridge_simulation::dice::Dice;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Systems, sorted by name.
pub const SYSTEMS: [&str; 3] = ["books", "crm", "halaxy"];

/// Everything outside the engine.
pub struct World {
    /// Products by system.
    products: Mutex<BTreeMap<&'static str, Product>>,
    /// Time.
    pub clock: Arc<Moments>,
    /// The engine is to be dropped where it stands.
    pub kill: Notify,
    /// Whether products may kill the engine at a call.
    kills: bool,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let d = &mut dice;
        let second: Time = 1_000_000;
        let manners = |d: &mut Dice, home: bool| {
            let conditional = !home && d.percent(50);
            let versions = match d.below(3) {
                0 if !conditional => Versions::None,
                1 => Versions::Opaque,
                _ => Versions::Counting,
            };
            Manners {
                conditional,
                answers: d.percent(60),
                versions: if home { Versions::None } else { versions },
                lag: if !home && d.percent(50) { 3 * second } else { 0 },
                keeps_reference: d.percent(75),
                forgets_removed: d.percent(40),
                call_life: if d.percent(50) { 4 * second } else { 0 },
                page: 1 + d.below(4),
                batch: 1 + d.below(3),
            }
        };
        let mut products = BTreeMap::new();
        for name in SYSTEMS {
            let manners = manners(d, name == "halaxy");
            products.insert(name, Product::new(name, manners, d.roll()));
        }
        let world = Self {
            products: Mutex::new(products),
            clock: Arc::new(Moments::new(1_700_000_000_000_000)),
            kill: Notify::new(),
            kills: d.percent(70),
        };
        for person in 1..=3 {
            world.newcomer("halaxy", person);
            if d.percent(60) {
                world.newcomer("crm", person);
            }
        }
        // What was there before the bridge came is in every list.
        world.lock().values_mut().for_each(|p| p.catch_up(Time::MAX));
        world
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Product>> {
        self.products.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at or changes one product.
    pub fn with<T>(&self, name: &str, f: impl FnOnce(&mut Product, Time) -> T) -> T {
        let now = self.clock.now();
        let mut products = self.lock();
        f(products.get_mut(name).expect("a system of this world"), now)
    }

    /// All products as they stand.
    pub fn products(&self) -> BTreeMap<&'static str, Product> {
        self.lock().clone()
    }

    /// Somebody new is typed in.
    pub fn newcomer(&self, system: &str, person: usize) {
        self.with(system, |p, now| {
            let id = format!("{system}-{person}");
            if p.records.contains_key(&id) {
                return;
            }
            let number = if system == "crm" && person <= 3 {
                format!("halaxy-{person}")
            } else {
                String::new()
            };
            let body = json!({
                "given": format!("Given{}", letters(person)),
                "family": format!("Family{}", letters(person)),
                "birth_date": format!("19{:02}-0{}-1{}", 10 + person * 7 % 80, 1 + person % 9, person % 9),
                "number": number,
                "nick": format!("nick{person}"),
                "note": format!("{system}-note{person}"),
                "tags": "",
                "mail": "",
            });
            p.person_makes(person, &id, body, now);
        });
    }

    /// Between two effects of a call: people may act. True if the engine is to be killed here.
    pub fn moment(&self, system: &str) -> bool {
        let (people, kill) = self.with(system, |p, _| {
            let nasty = p.nasty;
            (nasty && p.dice.percent(12), nasty && p.dice.percent(2))
        });
        if people {
            self.person_acts(system);
        }
        let kill = kill && self.kills;
        if kill {
            self.with(system, |p, now| p.tell(now, "the engine is killed"));
        }
        kill
    }

    /// Somebody does something in that system.
    pub fn person_acts(&self, system: &str) {
        self.with(system, |p, now| {
            let ids: Vec<String> = p
                .records
                .iter()
                .filter(|(_, r)| r.alive)
                .map(|(id, _)| id.clone())
                .collect();
            let Some(id) = p.dice.pick(&ids).cloned() else { return };
            if p.dice.percent(15) && p.words.iter().all(|word| word.id != id) {
                let value = if p.dice.percent(70) { "out" } else { "in" };
                return p.person_says(&id, value, now);
            }
            let member = *p.dice.pick(&MEMBERS).unwrap_or(&"nick");
            let n = p.edits.len();
            let value = match member {
                "tags" => {
                    let all: Vec<&str> = ["x", "y", "z"].into_iter().filter(|_| p.dice.percent(40)).collect();
                    Json::String(all.join(";"))
                }
                _ if p.dice.percent(6) => Json::String(String::new()),
                _ => Json::String(format!("{}{n}{member}", &p.name[..1])),
            };
            if p.dice.percent(3) {
                p.person_removes(&id, now);
            } else if p.records[&id].body[member] != value {
                p.person_types(&id, member, value, now);
            }
        });
    }

    /// Faults and people stop.
    pub fn calm(&self) {
        self.lock().values_mut().for_each(|p| p.nasty = false);
    }

    /// Writes that reached the products, and direct reads of them.
    pub fn traffic(&self) -> (u64, u64) {
        let products = self.lock();
        (
            products.values().map(|p| p.writes).sum(),
            products.values().map(|p| p.reads).sum(),
        )
    }
}
