//! Taking a whole run back from a page: what it would do is looked through first, then it is done. Either may take long
//! after a large run, so both go on beside the request, and pages ask how far they are.

use super::{Desk, DeskError};
use bridge_core::Time;
use bridge_engine::{EngineError, RunUndo, TakingBack};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whoever asks waits so long for the end; runs of thousands of records are done by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// A look that took longer than that counts for so long; others are had anew.
const COUNTS: Time = 600_000_000;

/// How far a look is.
#[derive(Clone, Debug)]
struct Look {
    at: TakingBack,
    begun: Instant,
    took: Option<Duration>,
    failed: Option<String>,
}

/// The looks of this process, by run.
#[derive(Clone, Default)]
pub(crate) struct Looks(Arc<Mutex<BTreeMap<String, Look>>>);

impl Looks {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Look>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, run: &str) -> Option<Look> {
        self.with(|all| all.get(run).cloned())
    }
}

/// How far the taking back of a run is, or a look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoStage {
    /// It is done; else only looked at.
    pub takes: bool,
    /// It is over.
    pub ended: bool,
    /// Lines of the history that were looked through ..
    pub done: u64,
    /// .. of so many.
    pub all: u64,
    /// Who takes it back, or looks.
    pub by: String,
    /// Since when.
    pub begun: Time,
    /// What it comes to so far, with the first records of each sort.
    #[serde(flatten)]
    pub undo: RunUndo,
}

impl UndoStage {
    fn of(what: TakingBack, takes: bool) -> UndoStage {
        let (done, all) = what.progress();
        UndoStage {
            takes,
            ended: what.ended.is_some(),
            done,
            all,
            by: what.by,
            begun: what.begun,
            undo: what.undo,
        }
    }
}

impl Desk {
    /// What taking a run back would do, or how far the look at it is. Records that somebody edited since would be left, and
    /// are listed.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown run, [`EngineError::NotPossible`] while it has not ended,
    /// [`DeskError::Everywhere`] for whoever is bound to some locations.
    pub async fn look_at_undo(&self, run: &str, by: &str) -> Result<UndoStage, DeskError> {
        self.everywhere()?;
        let now = self.now();
        if let Some(look) = self.looks.of(run) {
            let lasts = look.took.is_some_and(|took| took > PATIENCE);
            let counts = lasts && look.at.ended.is_some_and(|ended| now - ended < COUNTS);
            if look.failed.is_none() && (look.took.is_none() || counts) {
                return Ok(UndoStage::of(look.at, false));
            }
        }
        let at = self.engine.to_take_back(run, by).await?;
        let look = Look {
            at,
            begun: Instant::now(),
            took: None,
            failed: None,
        };
        self.looks.with(|all| {
            all.retain(|_, of| of.took.is_none() || now - of.at.begun < COUNTS);
            all.insert(run.into(), look)
        });
        let (desk, name) = (self.clone(), run.to_string());
        let looking = tokio::spawn(async move { desk.look_through(&name).await });
        // Goes on by itself if it takes longer.
        let _ = tokio::time::timeout(PATIENCE, looking).await;
        let gone = || DeskError::Engine(EngineError::NotFound(format!("look at run {run}")));
        let look = self.looks.of(run).ok_or_else(gone)?;
        match look.failed {
            Some(why) => Err(EngineError::NotPossible(why).into()),
            None => Ok(UndoStage::of(look.at, false)),
        }
    }

    async fn look_through(&self, run: &str) {
        while let Some(mut look) = self.looks.of(run).filter(|look| look.took.is_none()) {
            let further = self.engine.look_further(&mut look.at).await;
            if let Err(error) = further {
                look.failed = Some(error.to_string());
            }
            if look.at.ended.is_some() || look.failed.is_some() {
                look.took = Some(look.begun.elapsed());
            }
            self.looks.with(|all| all.insert(run.into(), look));
        }
    }

    /// Begins to take a run back, or says how far that is. `shown` is how many records were said to be put back and left: if
    /// it is not what a look finds now, nothing is done, and what it finds is returned ([`UndoStage::takes`] is false).
    ///
    /// # Errors
    /// As [`Desk::look_at_undo`]; [`EngineError::NotPossible`] while another run is being taken back.
    pub async fn take_run_back(&self, run: &str, by: &str, shown: Option<(u64, u64)>) -> Result<UndoStage, DeskError> {
        self.everywhere()?;
        let going = self.undo_of(run).await?.is_some_and(|stage| !stage.ended);
        if let Some(shown) = shown.filter(|_| !going) {
            let look = self.look_at_undo(run, by).await?;
            if !look.ended || (look.undo.back, look.undo.stay) != shown {
                return Ok(look);
            }
        }
        let begun = self.engine.begin_taking_back(run, by).await?;
        self.looks.with(|all| all.remove(run));
        let engine = Arc::clone(&self.engine);
        let work = tokio::spawn(async move {
            // Whoever drives goes on if this process cannot.
            loop {
                match engine.take_back_further().await {
                    Ok(Some(taking)) if taking.ended.is_none() => {}
                    Ok(_) => return,
                    Err(error) => {
                        tracing::warn!(%error, "taking a run back goes on with the next step");
                        return;
                    }
                }
            }
        });
        let _ = tokio::time::timeout(PATIENCE, work).await;
        let stage = self.undo_of(run).await?;
        Ok(stage.unwrap_or_else(|| UndoStage::of(begun, true)))
    }

    /// How far the taking back of a run is, or what it came to; none if nobody took it back.
    ///
    /// # Errors
    /// The store's.
    pub async fn undo_of(&self, run: &str) -> Result<Option<UndoStage>, DeskError> {
        let taken = self.engine.taken_back(run).await?;
        let mut stage = taken.map(|taken| UndoStage::of(taken, true));
        if let Some(stage) = stage.as_mut().filter(|_| self.within().is_some()) {
            // Whose records they are may be of any location.
            stage.undo.put_back.clear();
            stage.undo.refused.clear();
        }
        Ok(stage)
    }
}
