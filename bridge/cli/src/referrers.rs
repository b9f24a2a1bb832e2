//! Referrers in the CRM, in a process: opened from a configuration, with their turn beside the engine.

use crate::config::{Config, ReferrersConfig};
use crate::exit::Failure;
use crate::times;
use crate::wiring;
use adapter_kit::Adapter;
use bridge_engine::referrers::{ReferrerDesk, ReferrersSettings, ReferrersStep};
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Approval, Engine, EngineError};
use bridge_store::Store;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

fn over(
    config: &Config,
    told: &ReferrersConfig,
    store: Store,
    crm: &Arc<dyn Adapter>,
) -> Result<ReferrerDesk, EngineError> {
    let kind = |name: &str| {
        let system = config.systems.get(name);
        system.map(|system| system.mapping.kind.clone()).unwrap_or_default()
    };
    let settings = ReferrersSettings {
        source: config.home.clone(),
        patients: kind(&config.home),
        crm: told.system.clone(),
        contacts: kind(&told.system),
        rules: told.rules.clone(),
        zone: TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC),
    };
    ReferrerDesk::new(store, Arc::clone(crm), settings)
}

/// Referrers beside the engine that drives, if the configuration asks for them.
pub fn beside(config: &Config, engine: &Engine) -> Option<ReferrerDesk> {
    let told = config.referrers.as_ref()?;
    let crm = engine.settings().system(&told.system)?;
    over(config, told, engine.store().clone(), &crm.adapter).ok()
}

/// Referrers for looking only, which may stand beside the service.
///
/// # Errors
/// [`Failure`] naming what is missing.
pub async fn look(config: &Config) -> Result<ReferrerDesk, Failure> {
    let told = config.referrers.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no section [referrers]: it says which CRM holds those who refer. \
             See the commented bridge.toml that `halaxy-bridge init` writes.",
            config.path.display()
        ))
    })?;
    let store = wiring::store(config).await?;
    let adapters = wiring::adapters(config, &store)?;
    let Some(crm) = adapters.get(&told.system) else {
        return Err(Failure::Usage(format!("[sync.person] leaves {} out", told.system)));
    };
    Ok(over(config, told, store, crm)?)
}

/// One turn. Nothing is sent before a person approved the first plan. Whether there is more to do right away.
///
/// # Errors
/// [`EngineError`] if the store fails.
pub async fn turn(desk: &ReferrerDesk, engine: &Engine, every: Duration) -> Result<bool, EngineError> {
    if engine.approval().await? != Approval::Given {
        return Ok(false);
    }
    let step = desk.step(times::now()).await?;
    if step.active() {
        tracing::info!(
            created = step.created,
            adopted = step.adopted,
            changed = step.changed,
            deleted = step.deleted,
            refused = step.refused,
            held = step.held,
            "referrers"
        );
    }
    let more = step.trouble.is_empty() && step.created + step.adopted > 0;
    note(engine.store(), step, every).await?;
    Ok(more)
}

async fn note(store: &Store, step: ReferrersStep, every: Duration) -> Result<(), EngineError> {
    let mut notices = Vec::new();
    if step.held > 0 {
        let n = step.held;
        notices.push(format!(
            "{n} are not in the CRM as they should be: see `halaxy-bridge referral referrers --crm`"
        ));
    }
    let figures = [("held", step.held), ("unknown", step.unknown)];
    let part = PartVitals {
        at: times::now(),
        every_seconds: every.as_secs(),
        trouble: step.trouble,
        waiting: step.held as u64,
        figures: figures.map(|(name, n)| (name.to_string(), n as u64)).into(),
        notices,
        ..PartVitals::default()
    };
    part.keep(store, parts::REFERRERS).await
}
