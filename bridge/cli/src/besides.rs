//! What works beside the engine that drives: the mirror of Halaxy's other records, and the parts that live from it. Each
//! part has its turn in each round; one that fails holds no other up.

use crate::config::Config;
use crate::diary;
use crate::referrers;
use crate::times;
use crate::watch::Watch;
use adapter_halaxy::HalaxyMirror;
use bridge_engine::diary::Diary;
use bridge_engine::mirror::{Mirror, MirrorStep, Mirroring};
use bridge_engine::referrers::ReferrerDesk;
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Engine, EngineError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two pages of a first reading of many.
const BREATH: Duration = Duration::from_millis(50);

/// The parts beside one engine.
pub struct Besides<'e> {
    engine: &'e Engine,
    every: Duration,
    mirror: Mirror<'e>,
    diary: Option<Diary>,
    referrers: Option<ReferrerDesk>,
    care: Option<Watch<'e>>,
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

impl<'e> Besides<'e> {
    /// The parts that the configuration asks for; none if it asks for none.
    pub fn new(config: &Config, engine: &'e Engine) -> Option<Besides<'e>> {
        let mirror = mirror(config, engine)?;
        Some(Besides {
            engine,
            every: config.mirror.every,
            mirror,
            diary: diary::beside(config, engine),
            referrers: referrers::beside(config, engine),
            care: Watch::new(config, engine),
        })
    }

    /// One turn of every part. Whether there is more to do right away.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails; trouble with an account is noted and tried again.
    pub async fn round(&self) -> Result<bool, EngineError> {
        let step = self.mirror.step().await?;
        let mut more = step.more;
        self.note_mirror(step).await?;
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
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
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
        let store = self.engine.store();
        let part = PartVitals {
            at: times::now(),
            every_seconds: self.every.as_secs(),
            trouble: step.trouble.into_iter().map(|(_, trouble)| trouble).collect(),
            figures: store.mirrored_counts(self.mirror.system()).await?.into_iter().collect(),
            ..PartVitals::default()
        };
        part.keep(store, parts::MIRROR).await
    }
}
