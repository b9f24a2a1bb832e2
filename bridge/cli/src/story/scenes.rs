//! What happens after the backfill: edits on both sides, a conflict, a crash.

use super::hands::{Hands, wait_until};
use crate::config::Config;
use crate::drive;
use crate::exit::Failure;
use crate::output::{Output, count};
use crate::review;
use crate::wiring;
use adapter_sandbox::{Phase, Sandbox, Verdict};
use bridge_core::{LinkState, Value};
use bridge_engine::{Engine, EngineError, Resolution};
use bridge_store::{ConflictRow, Filter, Page};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Edits made at once before the crash.
const CRASH_EDITS: usize = 25;
/// First of the mobile numbers that are typed in the scenes: a range set aside for fiction.
const NUMBERS: u32 = 491_571_000;

/// One person with a record on each side.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Entity.
    pub entity: String,
    /// Id in Halaxy.
    pub halaxy: String,
    /// Id in the CRM.
    pub crm: String,
}

/// An engine that runs by itself, on a thread of its own.
pub struct Running {
    /// The engine.
    pub engine: Arc<Engine>,
    stop: CancellationToken,
    kill: CancellationToken,
    thread: JoinHandle<Result<(), EngineError>>,
}

impl Running {
    /// Lets an engine run until the parent token is cancelled, or until it is killed. The tracker knows of it.
    pub fn start(engine: Engine, parent: &CancellationToken, tracker: &TaskTracker) -> Running {
        let engine = Arc::new(engine);
        let (stop, kill) = (parent.child_token(), CancellationToken::new());
        let (driven, stopped, killed) = (Arc::clone(&engine), stop.clone(), kill.clone());
        let runtime = Handle::current();
        let thread = tracker.spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = drive::serve(&driven, &stopped, |_| {}) => ended,
                    // The run is dropped wherever it stands, as a killed process would leave it.
                    () = killed.cancelled() => Ok(()),
                }
            })
        });
        Running {
            engine,
            stop,
            kill,
            thread,
        }
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// What the engine ended with.
    pub async fn ended(self) -> Result<(), Failure> {
        match self.thread.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(Failure::Failed(error.to_string())),
        }
    }

    /// Kills it where it stands; what it held is free afterwards.
    async fn kill(self) -> Result<(), Failure> {
        self.kill.cancel();
        self.stop.cancel();
        self.ended().await
    }
}

/// People who have a mobile number and a record on each side, and about whom nothing is open.
///
/// # Errors
/// The store's.
pub async fn pairs(engine: &Engine, wanted: usize) -> Result<Vec<Pair>, Failure> {
    let (mut pairs, mut page) = (vec![], Page::first(200));
    loop {
        let part = engine.store().linked(&page).await?;
        let ids: Vec<String> = part.rows.into_iter().map(|row| row.entity).collect();
        for entity in engine.store().entities(&ids).await? {
            let live = |system: &str| entity.links.get(system).filter(|l| l.state == LinkState::Live);
            let (Some(halaxy), Some(crm)) = (live("halaxy"), live("crm")) else {
                continue;
            };
            let both = |unit: &str| {
                let seen = |link: &bridge_core::Link| link.units.get(unit).and_then(|x| x.seen()).cloned();
                seen(halaxy).is_some_and(|v| !v.is_empty() && Some(v) == seen(crm))
            };
            if entity.conflicts.is_empty() && entity.cards.is_empty() && both("mobile") && both("email") {
                pairs.push(Pair {
                    entity: entity.id.clone(),
                    halaxy: halaxy.remote_id.clone(),
                    crm: crm.remote_id.clone(),
                });
            }
        }
        match part.next {
            Some(next) if pairs.len() < wanted => page.after = Some(next),
            _ => break,
        }
    }
    pairs.truncate(wanted);
    Ok(pairs)
}

fn number(n: usize) -> Value {
    Value::text(format!("+61{}", NUMBERS as usize + n))
}

fn arrived(took: Option<Duration>) -> String {
    took.map_or("has not arrived yet".into(), |t| {
        format!("arrived after {:.1} s", t.as_secs_f64())
    })
}

/// Edits on both sides, each arriving on the other; then two fields of one person at once.
///
/// # Errors
/// [`Failure`] if a stand-in does not take an edit.
pub async fn live_edits(pairs: &[Pair], halaxy: &Hands, crm: &Hands, out: &Output) -> Result<(), Failure> {
    out.heading("\nLive edits");
    let [one, two, three, ..] = pairs else {
        out.line("  Too few linked people for this scene.");
        return Ok(());
    };
    let new = number(1);
    halaxy.types(&one.halaxy, "mobile", &new)?;
    let took = crm.waits_for(&one.crm, "mobile", &new).await;
    out.line(format!(
        "  A receptionist changes a mobile in Halaxy: {} in the CRM.",
        arrived(took)
    ));
    let new = number(2);
    crm.types(&two.crm, "mobile", &new)?;
    let took = halaxy.waits_for(&two.halaxy, "mobile", &new).await;
    out.line(format!(
        "  Marketing changes a mobile in the CRM: {} in Halaxy.",
        arrived(took)
    ));
    let (mobile, email) = (number(3), Value::text("new.address@example.org"));
    halaxy.types(&three.halaxy, "mobile", &mobile)?;
    crm.types(&three.crm, "email", &email)?;
    let took = wait_until(|| {
        let both = |hands: &Hands, id: &str| {
            let seen = hands.sees(id);
            seen.get("mobile") == Some(&mobile) && seen.get("email") == Some(&email)
        };
        both(halaxy, &three.halaxy) && both(crm, &three.crm)
    })
    .await;
    out.line(format!(
        "  One person, two fields, one on each side at once: both {} on both sides.",
        arrived(took).replace("has", "have")
    ));
    Ok(())
}

/// The same field edited on both sides: it waits, a person decides, the decision arrives.
///
/// # Errors
/// [`Failure`] if a stand-in does not take an edit or the store fails.
pub async fn conflict(engine: &Engine, pair: &Pair, halaxy: &Hands, crm: &Hands, out: &Output) -> Result<(), Failure> {
    out.heading("\nA true conflict");
    let (ours, theirs) = (number(11), number(12));
    halaxy.types(&pair.halaxy, "mobile", &ours)?;
    crm.types(&pair.crm, "mobile", &theirs)?;
    out.line("  The same mobile is changed on both sides, to different numbers.");
    let Some(row) = open_conflict(engine, &pair.entity).await? else {
        out.line("  One edit was seen before the other was made, so the later one stands; no conflict this time.");
        return Ok(());
    };
    out.line(format!(
        "  Nothing is overwritten: it waits for review as conflict {}.",
        row.id
    ));
    for (name, value) in review::values_of(engine.store(), &row).await? {
        out.line(format!("    {name:<8} {}", value.to_line()));
    }
    out.line(format!(
        "  A person decides:  halaxy-bridge conflicts resolve {} --take halaxy",
        row.id
    ));
    let shown = row.conflict.values.clone();
    let choice = review::choice_of(engine.store(), &row, "halaxy").await?;
    engine
        .resolve(
            &row,
            &Resolution {
                choice,
                shown,
                by: "the demo".into(),
            },
        )
        .await?;
    let took = crm.waits_for(&pair.crm, "mobile", &ours).await;
    out.line(format!(
        "  The decision {} in the CRM; the other number is kept with the history.",
        arrived(took)
    ));
    Ok(())
}

async fn open_conflict(engine: &Engine, entity: &str) -> Result<Option<ConflictRow>, Failure> {
    let filter = Filter {
        entity: Some(entity.into()),
        unit: Some("mobile".into()),
    };
    for _ in 0..900 {
        if let Some(row) = engine.store().conflicts(&filter, &Page::first(1)).await?.rows.pop() {
            return Ok(Some(row));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        if engine.store().quiet().await? && agreed_on_both(engine, entity).await? {
            return Ok(None);
        }
    }
    Ok(None)
}

async fn agreed_on_both(engine: &Engine, entity: &str) -> Result<bool, Failure> {
    let Some(entity) = engine.store().entities(&[entity.to_string()]).await?.pop() else {
        return Ok(false);
    };
    let (first, last) = (number(11), number(12));
    let agreed = entity.agreed.get("mobile").map(|a| &a.value);
    let same = |l: &bridge_core::Shared<bridge_core::Link>| l.units.get("mobile").and_then(|x| x.seen()) == agreed;
    Ok((agreed == Some(&first) || agreed == Some(&last)) && entity.links.values().all(same))
}

/// The engine is killed between a call's effect and its answer; a new one carries on from the store.
///
/// # Errors
/// [`Failure`] if a stand-in does not take an edit, or the store cannot be opened again.
pub async fn crash(
    running: Running,
    config: &Config,
    pairs: &[Pair],
    sandbox: &Arc<Sandbox>,
    (halaxy, crm): (&Hands, &Hands),
    (stop, tracker): (&CancellationToken, &TaskTracker),
    out: &Output,
) -> Result<Running, Failure> {
    out.heading("\nA crash");
    let records = crm.count();
    let pairs = &pairs[..pairs.len().min(CRASH_EDITS)];
    let hit = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&hit);
    sandbox.on_call(Box::new(move |call| {
        let write = call.system == "crm" && call.phase == Phase::Applied && is_write(&call.method, &call.path);
        if write && !seen.swap(true, Ordering::SeqCst) {
            return Verdict::Cut;
        }
        Verdict::Go
    }));
    for (n, pair) in pairs.iter().enumerate() {
        halaxy.types(&pair.halaxy, "mobile", &number(100 + n))?;
    }
    let struck = wait_until(|| hit.load(Ordering::SeqCst)).await;
    running.kill().await?;
    sandbox.clear_hook();
    let there = |pairs: &[Pair]| {
        pairs
            .iter()
            .enumerate()
            .filter(|(n, p)| crm.sees(&p.crm).get("mobile") == Some(&number(100 + n)))
            .count()
    };
    if struck.is_some() {
        out.line(format!(
            "  {} are changed in Halaxy. The bridge dies after a write has landed and before its answer: {} of {} are in the CRM.",
            count(pairs.len() as u64, "mobile"),
            there(pairs),
            pairs.len()
        ));
    }
    let engine = wiring::engine(config).await?;
    let started = std::time::Instant::now();
    let pass = drive::until_settled(&engine, stop, |_| {}).await?;
    let landed = there(pairs);
    let same = crm.count() == records;
    out.line(format!(
        "  Started again, it looks before it repeats anything: {landed} of {} are there after {:.1} s, {}.",
        pairs.len(),
        started.elapsed().as_secs_f64(),
        if same {
            "and nobody is there twice"
        } else {
            "but the number of records has changed"
        },
    ));
    if stop.is_cancelled() || (pass.converged && landed == pairs.len() && same) {
        return Ok(Running::start(engine, stop, tracker));
    }
    Err(Failure::Failed("after the crash not everything arrived".into()))
}

fn is_write(method: &str, path: &str) -> bool {
    let reading = path.ends_with("/search") || path.ends_with("/read") || path.contains("oauth");
    matches!(method, "PATCH" | "PUT") || (method == "POST" && !reading)
}
