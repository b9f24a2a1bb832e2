//! One worker of the service: it drives a practice, or helps whoever does and takes over.

use crate::besides::Besides;
use crate::booking;
use crate::config::Config;
use crate::drive;
use crate::exit::Failure;
use crate::exports;
use crate::ledger;
use crate::outlets::Publishing;
use crate::output::Output;
use crate::serving::Serving;
use crate::wiring::{self, WiringError};
use bridge_admin::health::Watch;
use bridge_engine::ledger::office::Office;
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::{Approval, Engine, EngineError, Step};
use bridge_store::StoreError;
use clap::ValueEnum;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest pause between two attempts to reach a store that is away.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Between two attempts to open books that cannot be had.
const BOOKS_AGAIN: Duration = Duration::from_secs(60);
/// Between two attempts to drive a practice that another worker drives.
const STAND_BY: Duration = Duration::from_secs(1);

/// What a process of the service does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Drives, or helps whoever drives and takes over when that one ends.
    #[default]
    All,
    /// Drives, or waits until it may; helps nobody.
    Drive,
    /// Only helps: decides what is to be written, and calls no account.
    Reconcile,
    /// Only listens: webhooks, health, metrics.
    Admin,
}

impl Role {
    fn drives(self) -> bool {
        matches!(self, Role::All | Role::Drive)
    }

    fn assists(self) -> bool {
        matches!(self, Role::All | Role::Reconcile)
    }
}

/// A process of the service at work.
pub enum Worker {
    /// The one that reads and writes the accounts.
    Drives(Engine),
    /// Beside the one that drives.
    Assists(Engine),
}

/// What comes after a turn of work.
pub enum Next {
    /// More work.
    Work(Worker),
    /// It was asked to stop; the engine, unless the store was away.
    Stopped(Option<Engine>),
}

/// What a worker works with.
pub struct Service<'a> {
    /// The practice.
    pub config: &'a Config,
    /// What this process does.
    pub role: Role,
    /// Asks it to end.
    pub stop: &'a CancellationToken,
    /// Where the look at how it is doing is kept, if anybody asks.
    pub watch: Option<&'a Watch>,
    /// The listener, if there is one.
    pub serving: Option<&'a Serving>,
    /// For remarks.
    pub out: &'a Output,
}

/// The first worker of a process. What is wrong with the configuration, the accounts or the store is said at once.
///
/// # Errors
/// [`WiringError`] naming what cannot be had; also if another process drives a store that only one may open.
pub async fn first(config: &Config, role: Role, out: &Output) -> Result<Worker, WiringError> {
    if !role.drives() {
        out.remark("This worker drives nothing.");
        return Ok(Worker::Assists(wiring::helper(config).await?));
    }
    match wiring::engine(config).await {
        Err(WiringError::Driven) if wiring::on_server(config)? => {
            out.remark("Another worker drives this practice; this one takes over when that one ends.");
            Ok(Worker::Assists(wiring::helper(config).await?))
        }
        engine => Ok(Worker::Drives(greet(engine?, config, out).await?)),
    }
}

async fn greet(engine: Engine, config: &Config, out: &Output) -> Result<Engine, EngineError> {
    let names: Vec<&str> = config.systems.keys().map(String::as_str).collect();
    out.remark(format!("Keeping {} in step. Stop with Ctrl-C.", names.join(" and ")));
    if engine.approval().await? != Approval::Given {
        let by_command = format!(
            "stop it, look at `{}`, and run `{}`",
            config.command("plan"),
            config.command("sync --approve DIGEST")
        );
        let way = if config.serve.as_ref().is_some_and(|serve| serve.admin) {
            format!(
                "look at the plan under Runs in the admin app (`{}`); or {by_command}",
                config.command("admin setup")
            )
        } else {
            by_command
        };
        out.remark(format!("Nothing is approved yet, so it only reads. To approve, {way}."));
    }
    Ok(engine)
}

/// Whether the store is away, or another worker took over: what passes by itself.
fn passing(error: &EngineError) -> bool {
    match error {
        EngineError::Dismissed => true,
        EngineError::Store(error) => passing_store(error),
        _ => false,
    }
}

fn passing_store(error: &StoreError) -> bool {
    matches!(error, StoreError::Unreachable { .. } | StoreError::Fenced { .. })
}

impl Service<'_> {
    /// Works until something changes: asked to stop, the store away, the right to drive won or lost.
    ///
    /// # Errors
    /// [`Failure`] for what does not pass by itself.
    pub async fn turn(&self, worker: Worker, sum: &mut Step) -> Result<Next, Failure> {
        let (Worker::Drives(engine) | Worker::Assists(engine)) = &worker;
        if let Some(serving) = self.serving {
            serving.open(engine);
        }
        let ended = match &worker {
            Worker::Drives(engine) => self.drive(engine, sum).await.map(|()| None),
            Worker::Assists(engine) => self.assist(engine, sum).await,
        };
        let error = match ended {
            Ok(Some(driver)) => {
                let driver = greet(driver, self.config, self.out).await?;
                return Ok(Next::Work(Worker::Drives(driver)));
            }
            Ok(None) => {
                let (Worker::Drives(last) | Worker::Assists(last)) = worker;
                return Ok(Next::Stopped(Some(last)));
            }
            Err(Ended::Engine(error)) if passing(&error) => error,
            Err(Ended::Engine(error)) => return Err(error.into()),
            Err(Ended::Wiring(WiringError::Store(error))) if passing_store(&error) => error.into(),
            Err(Ended::Wiring(error)) => return Err(error.into()),
        };
        if let Some(watch) = self.watch {
            watch.lost(error.to_string());
        }
        tracing::warn!(%error, "waiting for the store");
        if let Some(serving) = self.serving {
            serving.close();
        }
        // What this engine knew of calls on their way is void; a new one looks what became of them.
        drop(worker);
        self.again().await
    }

    async fn drive(&self, engine: &Engine, sum: &mut Step) -> Result<(), Ended> {
        let tell = |step: &Step| {
            sum.add(step);
            if step.sent + step.linked + step.entities > 0 {
                tracing::info!(
                    observed = step.observed,
                    linked = step.linked,
                    sent = step.sent,
                    refused = step.failures,
                    "step"
                );
            }
        };
        let mut publishing = Publishing::start(self.config, engine).await?;
        let _warehouse = exports::keep(self.config, engine.store(), self.stop);
        let failed = async {
            match &mut publishing {
                Some(publishing) => publishing.failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = drive::serve(engine, self.stop, tell) => ended?,
            ended = self.keep_books(engine) => ended?,
            ended = self.keep_besides(engine) => ended?,
            ended = booking::serve(self.config, engine, self.stop) => ended?,
            () = self.keep_watch(engine) => {}
            error = failed => return Err(EngineError::from(error).into()),
        }
        if let Some(publishing) = publishing {
            publishing.ended().await;
        }
        Ok(())
    }

    /// Helps until it is asked to stop, or may drive itself: then with the engine that does.
    async fn assist(&self, engine: &Engine, sum: &mut Step) -> Result<Option<Engine>, Ended> {
        let enough = self.stop.child_token();
        let helping = async {
            if self.role.assists() {
                return drive::assist(engine, &enough, |done| sum.reconciled += done).await;
            }
            enough.cancelled().await;
            Ok(())
        };
        tokio::pin!(helping);
        tokio::select! {
            ended = &mut helping => {
                ended?;
                Ok(None)
            }
            driver = self.take_over(), if self.role.drives() => {
                // What it has in hand is finished first.
                enough.cancel();
                helping.await?;
                Ok(Some(driver?))
            }
            () = self.keep_watch(engine) => Ok(None),
        }
    }

    /// Keeps the books in step, if there are any. Books that cannot be had now hold nobody else up.
    async fn keep_books(&self, engine: &Engine) -> Result<(), EngineError> {
        let Some(settings) = &self.config.ledger else {
            return std::future::pending().await;
        };
        let Some(home) = engine.settings().system(&self.config.home) else {
            return std::future::pending().await;
        };
        loop {
            let store = engine.store().clone();
            let office = Office::new(store.clone());
            match ledger::over(self.config, settings, store, Arc::clone(&home.adapter), true).await {
                Ok(ledger) => {
                    let keeper = Keeper::new(office, &ledger, &self.config.practice);
                    ledger::serve(&ledger, settings, keeper, self.stop).await?;
                    return std::future::pending().await;
                }
                Err(WiringError::Engine(error)) => return Err(error),
                Err(error) => tracing::warn!(%error, "the books cannot be kept"),
            }
            tokio::time::sleep(BOOKS_AGAIN).await;
        }
    }

    /// Keeps the mirror and the parts that live from it.
    async fn keep_besides(&self, engine: &Engine) -> Result<(), EngineError> {
        if let Some(besides) = Besides::new(self.config, engine) {
            besides.serve(self.stop).await?;
        }
        std::future::pending().await
    }

    async fn keep_watch(&self, engine: &Engine) {
        match self.watch {
            Some(watch) => match watch.keep(engine).await {},
            None => std::future::pending().await,
        }
    }

    /// The engine that drives, as soon as nobody else does.
    async fn take_over(&self) -> Result<Engine, Ended> {
        loop {
            tokio::time::sleep(STAND_BY).await;
            match wiring::engine(self.config).await {
                Err(error) if error.passes() => {}
                engine => return Ok(engine?),
            }
        }
    }

    /// Starts anew once the store can be reached.
    async fn again(&self) -> Result<Next, Failure> {
        let mut wait = Duration::from_millis(250);
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return Ok(Next::Stopped(None)),
            }
            match first(self.config, self.role, self.out).await {
                Err(error) if error.passes() => wait = (wait * 2).min(LONGEST_WAIT),
                worker => return Ok(Next::Work(worker?)),
            }
        }
    }
}

/// Why a turn ended with an error.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Wiring(#[from] WiringError),
}
