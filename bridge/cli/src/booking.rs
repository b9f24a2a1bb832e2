//! The booking desk in a process: opened from a configuration, and kept going beside the engine.

use crate::config::{Config, HALAXY, SystemConfig};
use crate::exit::Failure;
use crate::times;
use crate::wiring::{self, WiringError};
use adapter_halaxy::HalaxyCalendar;
use adapter_kit::{Adapter, Clock, Network, NetworkOptions, SystemClock};
use bridge_engine::booking::{BookingDesk, DeskSettings, Requests};
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Engine, EngineError};
use bridge_store::Store;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest a booking can live after we gave up on it, unless the configuration says otherwise.
const CALL_LIFE: Duration = Duration::from_secs(60);

/// The Halaxy account of a configuration.
///
/// # Errors
/// [`Failure::Usage`] if the home system is another product.
pub fn account(config: &Config) -> Result<&SystemConfig, Failure> {
    let home = config.systems.get(&config.home);
    home.filter(|system| system.connector == HALAXY)
        .ok_or_else(|| Failure::Usage("the home system is not Halaxy; name one with connector = \"halaxy\"".into()))
}

/// Halaxy's calendar.
///
/// # Errors
/// [`WiringError`] naming what the account lacks.
pub fn calendar(config: &Config, system: &SystemConfig) -> Result<HalaxyCalendar, WiringError> {
    let options = NetworkOptions {
        allow_private: system.allow_private,
        ..NetworkOptions::default()
    };
    let network = Arc::new(Network::new(options)?);
    let adapter = wiring::halaxy(system, network, Arc::new(SystemClock::new()), false)?;
    // A call may wait for the limits as long as it may live.
    let life = system.call_life.unwrap_or(CALL_LIFE) * 2 + system.lag.unwrap_or_default();
    let base = wiring::halaxy_base(system)?;
    let refuse_double = config.booking.refuse_double.clone();
    Ok(HalaxyCalendar::new(
        adapter.client().clone(),
        &base,
        life,
        refuse_double,
    ))
}

/// The desk over a store. It takes requests from another system if `accounts` holds that one.
///
/// # Errors
/// [`Failure`] naming what is missing.
pub fn desk(
    config: &Config,
    store: Store,
    accounts: &BTreeMap<String, Arc<dyn Adapter>>,
) -> Result<BookingDesk, Failure> {
    let system = account(config)?;
    let calendar = calendar(config, system)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let settings = DeskSettings {
        system: system.name.clone(),
        kind: system.mapping.kind.clone(),
        zone: TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC),
        country: config.country,
        defaults: config.booking.defaults.clone(),
    };
    let desk = BookingDesk::new(store, Arc::new(calendar), clock, settings);
    let from = config.booking.from.as_ref().and_then(|name| config.systems.get(name));
    let Some((from, adapter)) = from.and_then(|from| Some((from, accounts.get(&from.name)?))) else {
        return Ok(desk);
    };
    let Some(form) = from.file.as_ref().and_then(|file| file.requests.clone()) else {
        return Ok(desk);
    };
    Ok(desk.taking(Requests {
        system: from.name.clone(),
        adapter: Arc::clone(adapter),
        form,
        contacts: from.mapping.kind.clone(),
    }))
}

/// Goes on with requests beside the engine that drives, until it is stopped. Does nothing without a section `[booking]`.
///
/// # Errors
/// [`EngineError`] if the store fails; trouble with an account is noted and tried again.
pub async fn serve(config: &Config, engine: &Engine, stop: &CancellationToken) -> Result<(), EngineError> {
    if !config.booking.said {
        return std::future::pending().await;
    }
    let systems = &engine.settings().systems;
    let accounts = systems
        .iter()
        .map(|system| (system.name.clone(), Arc::clone(&system.adapter)));
    let desk = match desk(config, engine.store().clone(), &accounts.collect()) {
        Ok(desk) => desk,
        Err(failure) => {
            tracing::warn!(%failure, "nothing is booked");
            return std::future::pending().await;
        }
    };
    loop {
        round(&desk, config, engine.store()).await?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(config.booking.every) => {}
        }
    }
}

/// One round, noted for `status`.
async fn round(desk: &BookingDesk, config: &Config, store: &Store) -> Result<(), EngineError> {
    let step = desk.step().await?;
    if step.asked + step.ended + step.told > 0 {
        tracing::info!(asked = step.asked, ended = step.ended, told = step.told, "bookings");
    }
    for trouble in &step.trouble {
        tracing::warn!(trouble, "bookings");
    }
    let part = PartVitals {
        at: times::now(),
        every_seconds: config.booking.every.as_secs(),
        trouble: step.trouble,
        figures: [("open requests".to_string(), step.open as u64)].into(),
        waiting: step.waiting as u64,
        ..PartVitals::default()
    };
    part.keep(store, parts::BOOKING).await
}
