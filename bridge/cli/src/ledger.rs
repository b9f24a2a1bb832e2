//! The ledger at work in a process: opened from a configuration, and kept going beside the engine.

use crate::config::{Config, HALAXY, LedgerConfig};
use crate::exit::Failure;
use crate::wiring::{self, Lock, WiringError};
use crate::{books, times};
use adapter_halaxy::MoneyReader;
use adapter_kit::{Adapter, Clock, SystemClock};
use bridge_core::Time;
use bridge_core::ledger::Currency;
use bridge_engine::EngineError;
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::ledger::{Ledger, LedgerSettings, LedgerStep};
use bridge_engine::vitals::ProofVitals;
use bridge_store::{Store, StoreError};
use jiff::ToSpan;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest a posting can live after we gave up on it, unless the connector says otherwise.
const CALL_LIFE: Duration = Duration::from_secs(180);
/// How soon what a person decided beside the service is taken up.
const GLANCE: Duration = Duration::from_secs(2);
/// Calls a day of a small plan (Xero's, vendor-apis.md 7).
const SMALL_PLAN: u64 = 1_000;
/// Days that the nightly proof covers.
const PROVED_DAYS: i64 = 62;

/// What `[ledger]` says, or why there is no ledger.
///
/// # Errors
/// [`Failure::Usage`] if there is no such section.
pub fn settings_of(config: &Config) -> Result<&LedgerConfig, Failure> {
    config.ledger.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no section [ledger]: it says which books invoices and payments go to. \
             See the commented bridge.toml that `halaxy-bridge init` writes.",
            config.path.display()
        ))
    })
}

/// Opens the ledger: as the driver if nobody else is (then with a lock), else beside it, for looking and deciding.
///
/// # Errors
/// [`Failure`] naming what is missing.
pub async fn look(config: &Config) -> Result<(Ledger, Option<Lock>), Failure> {
    let settings = settings_of(config)?;
    let (store, lock) = books::store(config).await?;
    let adapters = wiring::adapters(config, &store)?;
    let home = adapters.get(&config.home).cloned().ok_or_else(|| no_halaxy(config))?;
    let drives = lock.is_some();
    match over(config, settings, store, home, drives).await {
        // Only of the books can the sign-in be missing here.
        Err(WiringError::Account { system, why }) if config.books.contains_key(&system) => {
            let connect = config.command(&format!("connect {system}"));
            Err(Failure::Usage(format!(
                "[systems.{system}] {why}. To sign in: {connect}"
            )))
        }
        ledger => Ok((ledger?, lock)),
    }
}

fn no_halaxy(config: &Config) -> WiringError {
    WiringError::Account {
        system: config.home.clone(),
        why: "the ledger reads Halaxy's invoices, and this is another product".into(),
    }
}

/// The ledger over an account that is set up already, so that both share its limits.
///
/// # Errors
/// [`WiringError`] naming what is missing.
pub async fn over(
    config: &Config,
    settings: &LedgerConfig,
    store: Store,
    home: Arc<dyn Adapter>,
    drives: bool,
) -> Result<Ledger, WiringError> {
    let system = config.systems.get(&config.home).filter(|s| s.connector == HALAXY);
    let (Some(_), Some(account)) = (system, config.books.get(&settings.books)) else {
        return Err(no_halaxy(config));
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let accounting = books::one(account, &store, drives, books::transport(account)?, clock).await?;
    let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
    let currency = currency_of(config.country.code());
    let reader = MoneyReader::new(zone.clone(), currency);
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&settings.rules).unwrap_or_default());
    hash.update(format!("{} {}", config.home, settings.books));
    let digest = bridge_core::hex(&hash.finalize()[..8]);
    let call_life = accounting.call_life().max(CALL_LIFE);
    let told = LedgerSettings {
        source: config.home.clone(),
        books: settings.books.clone(),
        rules: settings.rules.clone(),
        zone,
        call_life,
        // Looks that webhooks lead to must not use a small plan up.
        pace: match account.calls_per_day {
            Some(few) if few <= SMALL_PLAN => settings.every,
            _ => settings.every / 3,
        },
        digest,
    };
    let ledger = Ledger::open(store, home, Arc::new(reader), Arc::new(accounting), told).await?;
    Ok(ledger)
}

/// The currency of a country where Halaxy is sold; amounts that name another one are held.
pub(crate) fn currency_of(country: &str) -> Currency {
    let code = match country {
        "NZ" => "NZD",
        "GB" => "GBP",
        "IE" | "DE" | "FR" | "NL" | "ES" | "IT" => "EUR",
        "US" => "USD",
        "CA" => "CAD",
        "SG" => "SGD",
        "HK" => "HKD",
        "ZA" => "ZAR",
        _ => "AUD",
    };
    Currency::new(code).unwrap_or(Currency::AUD)
}

/// Keeps the books in step beside the engine that drives, until it is stopped: looks every so often, and when webhooks tell
/// of something, and proves everything each night. Trouble with an account is logged and tried again.
///
/// # Errors
/// [`EngineError`] if the store fails.
pub async fn serve(
    ledger: &Ledger,
    settings: &LedgerConfig,
    mut keeper: Keeper<'_>,
    stop: &CancellationToken,
) -> Result<(), EngineError> {
    let mut prove_next = next_proof(ledger, settings, times::now());
    loop {
        let step = ledger.step(times::now()).await?;
        tell(ledger, &step).await?;
        if step.judged || step.posted + step.voided > 0 {
            keeper.leave(times::now()).await?;
        }
        if times::now() >= prove_next {
            prove(ledger, settings, &keeper).await?;
            prove_next = next_proof(ledger, settings, times::now());
        }
        let until = tokio::time::Instant::now() + settings.every;
        while tokio::time::Instant::now() < until && !ledger.asked().await? {
            // What somebody decided in the app is posted at once.
            if keeper.attend(times::now()).await? {
                break;
            }
            if ledger.told(times::now()).await? {
                tell(ledger, &ledger.follow(times::now()).await?).await?;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(GLANCE.min(settings.every)) => {}
            }
        }
    }
}

async fn tell(ledger: &Ledger, step: &LedgerStep) -> Result<(), EngineError> {
    ledger.note(Some(step), None, times::now()).await?;
    if step.active() || !step.trouble.is_empty() || step.refused > 0 {
        tracing::info!(
            records = step.records,
            mirrored = step.mirrored,
            posted = step.posted,
            voided = step.voided,
            refused = step.refused,
            held = step.held,
            unapproved = step.unapproved,
            trouble = step.trouble.len(),
            "ledger"
        );
    }
    Ok(())
}

async fn prove(ledger: &Ledger, settings: &LedgerConfig, keeper: &Keeper<'_>) -> Result<(), EngineError> {
    let now = times::now();
    // A nightly sweep: what no feed shows is found here, and posted before it is proved.
    ledger.sweep(now).await?;
    tell(ledger, &ledger.step(now).await?).await?;
    let to = ledger.today(now);
    let from = to.saturating_sub(PROVED_DAYS.days());
    match ledger.prove_nightly(from, to, settings.reread, now).await {
        Ok(proof) => {
            keeper.proved(&proof, now).await?;
            keeper.look_again(now).await?;
            if proof.holds() {
                tracing::info!(documents = proof.documents, digest = proof.digest(), "ledger proved");
            } else {
                tracing::warn!(
                    differences = proof.differences.len(),
                    held = proof.held.len(),
                    digest = proof.digest(),
                    "ledger differs: see `halaxy-bridge ledger prove`"
                );
            }
        }
        Err(error @ EngineError::Store(StoreError::Unreachable { .. } | StoreError::Fenced { .. })) => {
            return Err(error);
        }
        Err(error) => {
            tracing::warn!(%error, "ledger could not be proved");
            let tried = ProofVitals {
                failed: Some(error.to_string()),
                ..ProofVitals::tried((from, to), true, now)
            };
            ledger.note(None, Some(tried), now).await?;
        }
    }
    Ok(())
}

/// The next time of the nightly proof.
fn next_proof(ledger: &Ledger, settings: &LedgerConfig, now: Time) -> Time {
    let zone = ledger.settings().zone.clone();
    let at = |day: jiff::civil::Date| {
        let zoned = day.to_datetime(settings.prove_at).to_zoned(zone.clone());
        zoned.map_or(now + 86_400_000_000, |z| z.timestamp().as_microsecond())
    };
    let today = ledger.today(now);
    match at(today) {
        soon if soon > now => soon,
        _ => at(today.saturating_add(1.day())),
    }
}
