//! Loops around the engine's step: reading until every record is known, stepping until nothing is
//! left to do, and the service that never ends by itself.

use crate::times;
use bridge_core::Time;
use bridge_engine::{Brake, Engine, EngineError, HeldUp, Step};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longest pause while something is waited for, so that a signal and the end of a wait are seen soon.
const PAUSE: Duration = Duration::from_millis(200);
/// How soon the service takes up what other processes decided in the store.
const GLANCE: Duration = Duration::from_secs(1);
/// Longest the service waits for what is due.
const IDLE: Duration = Duration::from_secs(60);
/// How long hints are gathered at the least, so that one read serves many.
const GATHER: Duration = Duration::from_millis(250);
/// Probes in a row that must fail before a pass gives a system up.
const PROBES: u32 = 4;

/// What a pass came to.
#[derive(Debug, Default)]
pub struct Pass {
    /// Everything the steps did.
    pub sum: Step,
    /// Nothing was left to do, and a last poll of every system showed nothing new.
    pub converged: bool,
    /// Brakes that hold writes for a person.
    pub brakes: Vec<Brake>,
    /// What waits for a person, where nothing else is left to do.
    pub held: Vec<HeldUp>,
    /// Why the pass was given up: systems that cannot be used, each with what to do.
    pub gave_up: Vec<String>,
}

/// Steps until everything has settled, what is left waits for a person, a system cannot be used, or
/// `stop` is cancelled. `tell` is called after each step with the sum so far.
///
/// # Errors
/// See [`Engine::step`].
pub async fn until_settled(
    engine: &Engine,
    stop: &CancellationToken,
    mut tell: impl FnMut(&Step),
) -> Result<Pass, EngineError> {
    let mut pass = Pass::default();
    let mut doctor = Doctor::default();
    engine.poll_now();
    let mut all_polled = true;
    while !stop.is_cancelled() {
        let mut step = engine.step(times::now()).await?;
        pass.sum.add(&step);
        tell(&pass.sum);
        // A feed of many pages takes several steps; that alone is nothing new.
        let more = std::mem::take(&mut step.more);
        let news = step.active();
        all_polled &= !news;
        if news || more {
            continue;
        }
        if engine.settled().await? {
            if all_polled {
                pass.converged = true;
                break;
            }
            engine.poll_now();
            all_polled = true;
            continue;
        }
        pass.brakes = engine.brakes().await?;
        if let Some(held) = only_held_is_left(engine).await? {
            pass.held = held;
            break;
        }
        pass.gave_up = doctor.look(engine).await;
        if !pass.gave_up.is_empty() {
            break;
        }
        pause(step.wake, stop).await;
    }
    engine.note_calls().await?;
    Ok(pass)
}

/// Reads until every system's records are known. Links and writes nothing.
///
/// # Errors
/// See [`Engine::observe`].
pub async fn until_read(
    engine: &Engine,
    stop: &CancellationToken,
    mut tell: impl FnMut(&Step),
) -> Result<Pass, EngineError> {
    let mut pass = Pass::default();
    let mut doctor = Doctor::default();
    let systems = engine.settings().systems.len();
    engine.poll_now();
    let mut polls = 0;
    while !stop.is_cancelled() {
        let step = engine.observe(times::now()).await?;
        polls += step.polls;
        pass.sum.add(&step);
        tell(&pass.sum);
        let looking = engine.store().looking().await?;
        if polls >= systems && !step.more && !looking && !engine.troubled() {
            pass.converged = true;
            break;
        }
        if !step.active() {
            pass.gave_up = doctor.look(engine).await;
            if !pass.gave_up.is_empty() {
                break;
            }
            pause(step.wake, stop).await;
        }
    }
    engine.note_calls().await?;
    Ok(pass)
}

/// The service: steps whenever something is due, at once when a webhook came, and soon after another
/// process has decided something. A step that has begun is finished. Ends when `stop` is cancelled. A broker that is away
/// delays what it divides and nothing else: changes are still captured, and the store keeps the rest.
///
/// # Errors
/// See [`Engine::step`].
pub async fn serve(engine: &Engine, stop: &CancellationToken, mut tell: impl FnMut(&Step)) -> Result<(), EngineError> {
    let bell = engine.bell();
    let mut rung: Option<Instant> = None;
    while !stop.is_cancelled() {
        let step = match engine.step(times::now()).await {
            Err(EngineError::Queue(error)) if error.is_transient() => {
                tracing::warn!(%error, "what is left to do waits for the queue");
                pause(None, stop).await;
                continue;
            }
            step => step?,
        };
        tell(&step);
        if step.more {
            continue;
        }
        let until = Instant::now() + until(step.wake, IDLE);
        // What the step left undone waits for its time; only what is new ends the wait early.
        let left = !engine.store().quiet().await?;
        while !stop.is_cancelled() && Instant::now() < until {
            let pause = (until - Instant::now()).min(GLANCE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
                () = engine.dismissed() => break,
                () = bell.notified() => {
                    let wait = rung.map_or(Duration::ZERO, |at| GATHER.saturating_sub(at.elapsed()));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop.cancelled() => {}
                    }
                    rung = Some(Instant::now());
                    break;
                }
            }
            if !left && !engine.store().quiet().await? {
                break;
            }
            if left && !engine.store().dirty(1).await?.is_empty() {
                break;
            }
        }
    }
    engine.note_calls().await
}

/// Helps the worker that drives: reconciles what it announces in the queue they share. `tell` is called
/// with the number of entities of each round. Ends when `stop` is cancelled.
///
/// # Errors
/// See [`Engine::assist`].
pub async fn assist(engine: &Engine, stop: &CancellationToken, mut tell: impl FnMut(usize)) -> Result<(), EngineError> {
    while !stop.is_cancelled() {
        match engine.assist().await {
            Err(EngineError::Queue(error)) if error.is_transient() => {
                tracing::warn!(%error, "waiting for the queue");
                pause(None, stop).await;
            }
            done => match done? {
                0 => tokio::select! {
                    () = engine.announced() => {}
                    () = tokio::time::sleep(GLANCE) => {}
                    () = stop.cancelled() => {}
                },
                done => tell(done),
            },
        }
    }
    Ok(())
}

async fn only_held_is_left(engine: &Engine) -> Result<Option<Vec<HeldUp>>, EngineError> {
    let counts = engine.store().work().await?;
    if counts.dirty + counts.unsettled + counts.looks + counts.unidentified > 0 || engine.troubled() {
        return Ok(None);
    }
    Ok(engine.held_up().await?.filter(|held| !held.is_empty()))
}

fn until(wake: Option<Time>, longest: Duration) -> Duration {
    let until = wake.map_or(longest, |at| {
        Duration::from_micros(u64::try_from(at - times::now()).unwrap_or(0))
    });
    until.clamp(Duration::from_millis(5), longest)
}

async fn pause(wake: Option<Time>, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(until(wake, PAUSE)) => {}
        () = stop.cancelled() => {}
    }
}

/// Tells a system that has a bad minute from one that needs a person, by harmless probes.
#[derive(Default)]
struct Doctor {
    /// Failed probes in a row and when to probe again, by system.
    failed: BTreeMap<String, (u32, Time)>,
}

impl Doctor {
    /// Systems that keep failing their probes, with what to do about each.
    async fn look(&mut self, engine: &Engine) -> Vec<String> {
        let mut hopeless = vec![];
        let ill = engine.health();
        self.failed
            .retain(|name, _| ill.get(name).is_some_and(|h| h.trouble.is_some()));
        for system in &engine.settings().systems {
            if ill.get(&system.name).is_none_or(|h| h.trouble.is_none()) {
                continue;
            }
            let now = times::now();
            let (failed, next) = self.failed.get(&system.name).copied().unwrap_or_default();
            if now < next {
                continue;
            }
            let probes = system.adapter.probe(&[system.kind().to_string()]).await;
            let problem = probes.into_iter().find_map(|p| {
                p.problem
                    .map(|(what, remedy)| format!("{}: {what}. {remedy}", system.name))
            });
            let failed = if problem.is_some() { failed + 1 } else { 0 };
            let wait = 1_000_000 << failed.min(5);
            self.failed.insert(system.name.clone(), (failed, now + wait));
            hopeless.extend(problem.filter(|_| failed >= PROBES));
        }
        hopeless
    }
}
