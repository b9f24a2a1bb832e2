//! The diary in a process: opened from a configuration, with its turn beside the engine.

use crate::config::{Config, DiaryConfig};
use crate::exit::Failure;
use crate::times;
use crate::wiring;
use adapter_kit::Adapter;
use bridge_core::Time;
use bridge_engine::diary::{Diary, DiarySettings, DiaryStep};
use bridge_engine::mirror::Mirror;
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Approval, Engine, EngineError};
use bridge_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// What `[diary]` says, or why there is no diary.
///
/// # Errors
/// [`Failure::Usage`] if there is no such section.
pub fn settings_of(config: &Config) -> Result<&DiaryConfig, Failure> {
    config.diary.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no section [diary]: it says which CRM shows appointments. \
             See the commented bridge.toml that `halaxy-bridge init` writes.",
            config.path.display()
        ))
    })
}

fn told(config: &Config, diary: &DiaryConfig) -> DiarySettings {
    let home = config.systems.get(&config.home);
    DiarySettings {
        source: config.home.clone(),
        patients: home.map(|home| home.mapping.kind.clone()).unwrap_or_default(),
        crm: diary.system.clone(),
        rules: diary.rules.clone(),
        edits: diary.edits,
        again: diary.again,
        look_every: diary.look_every,
        months: diary.months,
    }
}

fn over(config: &Config, diary: &DiaryConfig, store: Store, crm: &Arc<dyn Adapter>) -> Result<Diary, EngineError> {
    Diary::new(store, Arc::clone(crm), told(config, diary))
}

/// The diary beside the engine that drives, if the configuration asks for one.
pub fn beside(config: &Config, engine: &Engine) -> Option<Diary> {
    let diary = config.diary.as_ref()?;
    let crm = engine.settings().system(&diary.system)?;
    over(config, diary, engine.store().clone(), &crm.adapter).ok()
}

/// The diary for looking only, which may stand beside the service.
///
/// # Errors
/// [`Failure`] naming what is missing.
pub async fn look(config: &Config) -> Result<Diary, Failure> {
    let settings = settings_of(config)?;
    let store = wiring::store(config).await?;
    let adapters = wiring::adapters(config, &store)?;
    let Some(crm) = adapters.get(&settings.system) else {
        return Err(Failure::Usage(format!("[sync.person] leaves {} out", settings.system)));
    };
    Ok(over(config, settings, store, crm)?)
}

/// One turn: visits that nobody said anything of are read again, then the CRM is brought up to date. Nothing is sent before
/// a person approved the first plan. Whether there is more to do right away.
///
/// # Errors
/// [`EngineError`] if the store fails.
pub async fn turn(diary: &Diary, mirror: &Mirror<'_>, engine: &Engine, every: Duration) -> Result<bool, EngineError> {
    if engine.approval().await? != Approval::Given {
        return Ok(false);
    }
    let now = times::now();
    let again = diary.due_again(now).await?;
    let mut trouble = Vec::new();
    if !again.is_empty() {
        let looked = mirror.look("Appointment", &again).await?;
        trouble.extend(looked.trouble.into_iter().map(|(_, trouble)| trouble));
    }
    if mirror.complete("Appointment").await? {
        diary.all_known();
    }
    let step = diary.step(now).await?;
    let more = step.trouble.is_empty() && step.created + step.changed + step.moved > 0;
    note(engine.store(), step, trouble, every, now).await?;
    Ok(more)
}

async fn note(
    store: &Store,
    step: DiaryStep,
    mut trouble: Vec<String>,
    every: Duration,
    now: Time,
) -> Result<(), EngineError> {
    if step.active() {
        tracing::info!(
            visits = step.visits,
            created = step.created,
            changed = step.changed,
            moved = step.moved,
            deleted = step.deleted,
            refused = step.refused,
            held = step.held,
            months = step.months,
            "diary"
        );
    }
    trouble.extend(step.trouble);
    let figures = [
        ("held", step.held),
        ("unknown", step.unknown),
        ("refused", step.refused),
    ];
    let part = PartVitals {
        at: now,
        every_seconds: every.as_secs(),
        trouble,
        waiting: step.waiting as u64,
        figures: figures
            .into_iter()
            .map(|(name, n)| (name.to_string(), n as u64))
            .collect(),
        ..PartVitals::default()
    };
    part.keep(store, parts::DIARY).await
}
