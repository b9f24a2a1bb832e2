//! One history: the engine steps while people and faults act, then quiet, a sweep, the verdict;
//! then people answer what is open, and it is judged once more.

use crate::account::Account;
use crate::verdict;
use crate::world::{SYSTEMS, World};
use adapter_kit::{Adapter, Clock};
use bridge_core::codec::Country;
use bridge_core::condition::Condition;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_core::review::Choice;
use bridge_core::{Accept, AcceptRule, Class, Party, Schema, Time};
use bridge_engine::{Brakes, Engine, EngineError, Ids, Resolution, Settings, System, Verdict};
use bridge_queue::Embedded;
use bridge_simulation::dice::Dice;
use bridge_simulation::promise::{Broken, Promise};
use bridge_store::{CandidateState, Filter, Key, Page, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PERSON: &str = include_str!("person.toml");
const HALAXY: &str = include_str!("halaxy.toml");
const OTHERS: &str = include_str!("others.toml");

/// What a history came to.
pub struct Outcome {
    /// Broken promises.
    pub bad: Vec<Broken>,
    /// What happened, in order.
    pub trace: Vec<String>,
    /// How often the engine was killed.
    pub kills: u64,
    /// Writes, direct reads and faults.
    pub counts: (u64, u64, u64),
}

/// Ids in the order they are asked for.
#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn entity(&self, _now: Time) -> String {
        numbered(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

impl Counted {
    fn given(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The id given out as the n-th.
pub fn numbered(n: u64) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

struct Bench {
    world: Arc<World>,
    store: Store,
    ids: Arc<Counted>,
    engine: Engine,
    kills: u64,
}

fn settings(world: &Arc<World>, wins: [&str; 2]) -> Settings {
    let text = PERSON.replace("NICK_WINS", wins[0]).replace("NOTE_WINS", wins[1]);
    let entity = EntityFile::parse("person.toml", &text).expect("the entity file of the simulation");
    let (mut parties, mut systems) = (vec![], vec![]);
    for name in SYSTEMS {
        let home = name == "halaxy";
        let file = if home { HALAXY } else { OTHERS };
        let mapping = Mapping::parse("m.toml", file, &entity, Country::AU).expect("a mapping of the simulation");
        let account = Account {
            name,
            world: Arc::clone(world),
        };
        let traits = account.traits(&mapping.kind);
        let all = BTreeSet::from([Class::Identity, Class::Contact]);
        let mut accepts = mapping.accepts(&entity, home);
        let accept = if name == "books" { Accept::No } else { Accept::Yes };
        for (unit, rule) in &mut accepts {
            let own = unit == "halaxy_number" && !home;
            *rule = AcceptRule::always(if own { Accept::No } else { accept });
        }
        parties.push(Party {
            system: name.into(),
            kind: mapping.kind.clone(),
            receives: mapping.receives(&entity, &all, home),
            accepts,
            create: (!home).then(Condition::always),
            reference: traits.keeps_reference.then(|| "halaxy_number".to_string()),
            lag: Time::try_from(traits.lag.as_micros()).unwrap_or(0),
            unique: BTreeSet::new(),
        });
        systems.push(System {
            name: name.into(),
            adapter: Arc::new(account),
            paths: mapping.paths(),
            mapping: Arc::new(mapping),
            poll_every: Duration::from_secs(1),
            reference: "halaxy_number".into(),
        });
    }
    let schema = Schema {
        entity: entity.name.clone(),
        units: entity.units.iter().map(|u| u.unit.clone()).collect(),
        parties,
        swings: 4,
    };
    Settings {
        schema: Arc::new(schema),
        systems,
        home: "halaxy".into(),
        reference: "halaxy_number".into(),
        sweep_every: None,
        keep_losers: Duration::from_secs(1_000_000),
        brakes: Brakes::default(),
        digest: "simulation".into(),
    }
}

impl Bench {
    async fn start(world: Arc<World>, store: Store, ids: Arc<Counted>, wins: [&str; 2]) -> Result<Engine, EngineError> {
        let clock: Arc<dyn Clock> = world.clock.clone();
        Engine::start(settings(&world, wins), store, Arc::new(Embedded::default()), clock, ids).await
    }

    /// One step; the engine is killed and started afresh where a call says so.
    async fn step(&mut self, wins: [&str; 2]) -> Result<bool, EngineError> {
        self.engine.poll_now();
        let now = self.world.clock.now();
        let done = tokio::select! {
            biased;
            step = self.engine.step(now) => Some(step?),
            () = self.world.kill.notified() => None,
        };
        match done {
            Some(step) => Ok(step.active()),
            None => {
                self.kills += 1;
                let (world, store, ids) = (self.world.clone(), self.store.clone(), self.ids.clone());
                self.engine = Self::start(world, store, ids, wins).await?;
                Ok(true)
            }
        }
    }

    /// Steps until nothing is due. False if that never comes.
    async fn rest(&mut self, wins: [&str; 2]) -> Result<bool, EngineError> {
        let mut quiet = 0;
        for _ in 0..150 {
            let active = self.step(wins).await?;
            self.world.clock.advance(700_000);
            quiet = if !active && self.engine.settled().await? {
                quiet + 1
            } else {
                0
            };
            let all_shown = self
                .world
                .products()
                .values()
                .all(|p| p.pending.is_empty() && p.late.is_empty());
            // A record whose reads failed waits by itself; nothing has come to rest before it is read.
            let waiting = self.store.counts().await?.looks > 0;
            if waiting && quiet > 0 {
                self.world.clock.advance(10_000_000);
            }
            if quiet >= 2 && !waiting && all_shown {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// People answer open questions: one in `one_in`.
    async fn answer(&mut self, dice: &mut Dice, one_in: usize) -> Result<usize, EngineError> {
        let page = Page::first(200);
        let mut open = 0;
        for row in self.store.conflicts(&Filter::default(), &page).await?.rows {
            open += 1;
            if dice.below(one_in) > 0 {
                continue;
            }
            let names: Vec<String> = row.conflict.values.keys().cloned().collect();
            let pick = dice.pick(&names).cloned().unwrap_or_default();
            let shown = row.conflict.values.clone();
            let by = "somebody".to_string();
            let resolution = Resolution {
                choice: Choice::From(pick),
                shown,
                by,
            };
            match self.engine.resolve(&row, &resolution).await {
                Ok(()) | Err(EngineError::Decision(_)) => {}
                Err(e) => return Err(e),
            }
        }
        for row in self.store.cards(&Filter::default(), &page).await?.rows {
            open += 1;
            if dice.below(one_in) == 0 {
                self.engine.dismiss(&row, "somebody").await?;
            }
        }
        // Who looks alike here is the same: the bridge alone makes second records of a person.
        for row in self.store.candidates(CandidateState::Open, &page).await?.rows {
            open += 1;
            if dice.below(one_in) == 0 {
                match self.engine.decide_match(&row.id, Verdict::Same, "somebody").await {
                    Ok(()) | Err(EngineError::Changed | EngineError::NotPossible(_) | EngineError::NotFound(_)) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(open)
    }
}

/// Plays the history of a seed.
///
/// # Errors
/// What the engine or its store could not do: always a finding.
pub async fn play(seed: u64) -> Result<Outcome, EngineError> {
    let mut dice = Dice::new(seed.wrapping_mul(31) + 7);
    let wins = [
        *dice.pick(&["review", "halaxy", "crm"]).unwrap_or(&"review"),
        *dice.pick(&["review", "newest"]).unwrap_or(&"review"),
    ];
    let world = Arc::new(World::new(seed));
    let folder = tempfile::tempdir().expect("a directory for the store");
    let url = format!("sqlite:{}", folder.path().join("s.db").display());
    let store = Store::open(&url, &Key::generate(), "simulation", world.clock.now()).await?;
    let ids = Arc::new(Counted::default());
    let engine = Bench::start(Arc::clone(&world), store.clone(), Arc::clone(&ids), wins).await?;
    engine.approve().await?;
    let mut bench = Bench {
        world,
        store,
        ids,
        engine,
        kills: 0,
    };
    let mut newcomers = 4..8usize;
    for _ in 0..30 {
        match dice.below(10) {
            0..5 => bench.world.person_acts(SYSTEMS[1 + dice.below(2)]),
            5 => {
                if let Some(person) = newcomers.next() {
                    bench.world.newcomer(SYSTEMS[1 + dice.below(2)], person);
                }
            }
            6 => {
                bench.answer(&mut dice, 3).await?;
            }
            _ => {}
        }
        bench.step(wins).await?;
        bench
            .world
            .clock
            .advance(*dice.pick(&[1_000, 300_000, 2_000_000]).unwrap_or(&0));
    }
    bench.world.calm();
    let mut bad = vec![];
    let mut quiet = bench.rest(wins).await?;
    verdict::judge(&bench.world, &bench.store, bench.ids.given(), &mut bad).await?;
    if quiet {
        let before = bench.world.traffic();
        bench.engine.sweep_now();
        quiet = bench.rest(wins).await?;
        if bench.world.traffic().0 != before.0 {
            bad.push(Broken {
                promise: Promise::EchoSilence,
                what: "writes after quiet".into(),
            });
        }
        let swept = bench.world.traffic();
        quiet = quiet && bench.rest(wins).await?;
        if bench.world.traffic() != swept {
            bad.push(Broken {
                promise: Promise::BoundedCalls,
                what: "nothing changed, and records were read".into(),
            });
        }
        verdict::judge(&bench.world, &bench.store, bench.ids.given(), &mut bad).await?;
    }
    let mut open = 1;
    for _ in 0..12 {
        if !quiet || open == 0 {
            break;
        }
        open = bench.answer(&mut dice, 1).await?;
        quiet = bench.rest(wins).await?;
    }
    if quiet && open > 0 {
        let page = Page::first(20);
        let conflicts = bench.store.conflicts(&Filter::default(), &page).await?.rows;
        let cards = bench.store.cards(&Filter::default(), &page).await?.rows;
        let candidates = bench.store.candidates(CandidateState::Open, &page).await?.rows;
        let what = format!("{conflicts:?} {cards:?} {candidates:?}");
        bad.push(Broken {
            promise: Promise::ReviewEnds,
            what,
        });
    }
    if !quiet {
        let counts = bench.store.counts().await?;
        bad.push(Broken {
            promise: Promise::Quiet,
            what: format!("{counts:?}"),
        });
    }
    verdict::judge(&bench.world, &bench.store, bench.ids.given(), &mut bad).await?;
    let products = bench.world.products();
    let mut trace: Vec<String> = products.values().flat_map(|p| p.trace.clone()).collect();
    for e in verdict::entities(&products, &bench.store).await?.into_keys() {
        for a in bench.store.audit(&e).await? {
            let (system, id) = (a.system.unwrap_or_default(), a.remote_id.unwrap_or_default());
            let short = &e[e.len() - 3..];
            trace.push(format!(
                "{}   {short} {} {system} {id} {:?} {}",
                a.at, a.event, a.units, a.reason
            ));
        }
    }
    trace.sort();
    let (writes, reads) = bench.world.traffic();
    let faults = products.values().map(|p| p.faults).sum();
    let mut seen = vec![];
    for broken in bad {
        if !seen.contains(&broken) {
            seen.push(broken);
        }
    }
    let outcome = Outcome {
        bad: seen,
        trace,
        kills: bench.kills,
        counts: (writes, reads, faults),
    };
    bench.store.close().await;
    Ok(outcome)
}
