//! What works beside the engine that drives: the mirror of Halaxy's other records, and the parts that live from it. Each
//! part has its turn in each round; one that fails holds no other up.

use crate::config::Config;
use crate::diary;
use crate::referrers;
use crate::times;
use crate::watch::Watch;
use adapter_halaxy::HalaxyMirror;
use bridge_engine::diary::Diary;
use bridge_engine::located::{self, Whereabouts};
use bridge_engine::mirror::{Mirror, MirrorStep, Mirroring};
use bridge_engine::referrers::ReferrerDesk;
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Engine, EngineError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two pages of a first reading of many.
const BREATH: Duration = Duration::from_millis(50);
/// How often is looked whether webhooks told of something.
const GLANCE: Duration = Duration::from_secs(1);

/// The parts beside one engine.
pub struct Besides<'e> {
    engine: &'e Engine,
    every: Duration,
    mirror: Mirror<'e>,
    located: Option<Whereabouts<'e>>,
    diary: Option<Diary>,
    referrers: Option<ReferrerDesk>,
    care: Option<Watch<'e>>,
    /// Records by kind, counted anew only when a round changed some: counting reads them all.
    counts: Mutex<Option<BTreeMap<String, u64>>>,
}

/// The mirror of the home system, if anything is to be mirrored.
pub fn mirror<'e>(config: &Config, engine: &'e Engine) -> Option<Mirror<'e>> {
    let home = engine.settings().system(&config.home)?;
    (!config.mirror.kinds.is_empty()).then(|| {
        Mirror::new(
            engine,
            Mirroring {
                system: config.home.clone(),
                adapter: Arc::clone(&home.adapter),
                rules: Arc::new(HalaxyMirror),
                kinds: config.mirror.kinds.clone(),
                sweep_every: config.mirror.sweep_every,
            },
        )
    })
}

/// Where people belong, if what tells of it is mirrored.
fn whereabouts<'e>(config: &Config, engine: &'e Engine) -> Option<Whereabouts<'e>> {
    let home = config.systems.get(&config.home)?;
    let told = located::KINDS.iter().all(|kind| config.mirror.kinds.contains(*kind));
    told.then(|| Whereabouts::new(engine, &config.home, &home.mapping.kind))
}

impl<'e> Besides<'e> {
    /// The parts that the configuration asks for; none if it asks for none.
    pub fn new(config: &Config, engine: &'e Engine) -> Option<Besides<'e>> {
        let mirror = mirror(config, engine)?;
        Some(Besides {
            engine,
            every: config.mirror.every,
            mirror,
            located: whereabouts(config, engine),
            diary: diary::beside(config, engine),
            referrers: referrers::beside(config, engine),
            care: Watch::new(config, engine),
            counts: Mutex::default(),
        })
    }

    /// One turn of every part. Whether there is more to do right away.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails; trouble with an account is noted and tried again.
    pub async fn round(&self) -> Result<bool, EngineError> {
        let step = self.mirror.step().await?;
        let more = step.more;
        self.note_mirror(step).await?;
        Ok(self.rest().await? || more)
    }

    /// Reads what webhooks told of, and lets every part act on it.
    async fn follow(&self) -> Result<(), EngineError> {
        let step = self.mirror.follow_told(times::now()).await?;
        tracing::info!(
            records = step.records,
            changed = step.changed,
            gone = step.gone,
            "webhooks followed"
        );
        for (kind, trouble) in &step.trouble {
            tracing::warn!(kind, trouble, "not read now");
        }
        if step.changed + step.gone > 0 {
            self.forget_counts();
            self.rest().await?;
        }
        Ok(())
    }

    /// One turn of the parts that live from the mirror.
    async fn rest(&self) -> Result<bool, EngineError> {
        let mut more = false;
        if let Some(located) = &self.located {
            let (roles, visits) = (
                self.mirror.complete("PractitionerRole"),
                self.mirror.complete("Appointment"),
            );
            more |= located.step(roles.await? && visits.await?).await?;
        }
        if let Some(diary) = &self.diary {
            more |= diary::turn(diary, &self.mirror, self.engine, self.every).await?;
        }
        if let Some(desk) = &self.referrers {
            more |= referrers::turn(desk, self.engine, self.every).await?;
        }
        if let Some(care) = &self.care {
            more |= care.round().await?;
        }
        Ok(more)
    }

    /// Rounds until it is stopped.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails.
    pub async fn serve(&self, stop: &CancellationToken) -> Result<(), EngineError> {
        loop {
            let more = self.round().await?;
            let pause = if more { BREATH } else { self.every };
            let until = Instant::now() + pause;
            while Instant::now() < until {
                if self.mirror.told(times::now()).await? {
                    self.follow().await?;
                }
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep_until(until.min(Instant::now() + GLANCE)) => {}
                }
            }
        }
    }

    /// Rounds until there is nothing more to do, for a command that ends by itself.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails.
    pub async fn settle(&self, stop: &CancellationToken) -> Result<(), EngineError> {
        while !stop.is_cancelled() && self.round().await? {}
        Ok(())
    }

    fn forget_counts(&self) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn counts(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        let known = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let counted = self.engine.store().mirrored_counts(self.mirror.system()).await?;
        let counted: BTreeMap<String, u64> = counted.into_iter().collect();
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted.clone());
        Ok(counted)
    }

    async fn note_mirror(&self, step: MirrorStep) -> Result<(), EngineError> {
        if step.changed + step.gone > 0 {
            tracing::info!(
                records = step.records,
                changed = step.changed,
                gone = step.gone,
                "mirror"
            );
        }
        for (kind, trouble) in &step.trouble {
            tracing::warn!(kind, trouble, "not mirrored now");
        }
        if step.changed + step.gone > 0 {
            self.forget_counts();
        }
        let store = self.engine.store();
        let part = PartVitals {
            at: times::now(),
            every_seconds: self.every.as_secs(),
            trouble: step.trouble.into_iter().map(|(_, trouble)| trouble).collect(),
            figures: self.counts().await?,
            ..PartVitals::default()
        };
        part.keep(store, parts::MIRROR).await
    }
}
