//! Accounting systems: from a configured one to its books, and the sign-in they live on.
//!
//! A sign-in's refresh token works once, so one process renews it: the one that drives the practice's store.
//! Others read the access token that it keeps beside.

use crate::config::{BooksConfig, Config};
use crate::kept_token::KeptToken;
use crate::wiring::{self, Lock, WiringError};
use adapter_kit::{Accounting, Clock, DayBudget, MemoryDayBudget, Network, NetworkOptions, SystemClock, Transport};
use adapter_rest::connect::Tenant;
use adapter_rest::{RestBooks, RestOptions};
use bridge_store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The share of a day's calls that is kept for what a person waits for.
const RESERVED_SHARE: u64 = 20;

/// The books of every accounting system, by the system's name. `drives` is whether this process drives the
/// store: only then may it renew sign-ins.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks; an account that is not connected among it.
pub async fn all(
    config: &Config,
    store: &Store,
    drives: bool,
) -> Result<BTreeMap<String, Arc<dyn Accounting>>, WiringError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut all: BTreeMap<String, Arc<dyn Accounting>> = BTreeMap::new();
    for system in config.books.values() {
        let books = one(system, store, drives, transport(system)?, Arc::clone(&clock)).await?;
        all.insert(system.name.clone(), Arc::new(books));
    }
    Ok(all)
}

/// The books of one system over a transport of the caller's choice.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub async fn one(
    system: &BooksConfig,
    store: &Store,
    drives: bool,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
) -> Result<RestBooks, WiringError> {
    let mut options = options(system)?;
    let kept = kept_token(system, store, drives);
    if let Some(setting) = system.connector.tenant_setting()
        && !options.settings.contains_key(setting)
        && let Some(tenant) = kept_tenant(system, store).await?
    {
        options.settings.insert(setting.to_string(), tenant.id);
    }
    let day = system.calls_per_day;
    options.day = day.map(|calls| Arc::new(MemoryDayBudget::new(calls, calls / RESERVED_SHARE)) as Arc<dyn DayBudget>);
    let connector = system.connector.clone();
    RestBooks::new(&system.name, connector, options, transport, clock, Some(Arc::new(kept))).map_err(|error| {
        WiringError::Account {
            system: system.name.clone(),
            why: error.to_string(),
        }
    })
}

/// Opens the store for books: as the driver if nobody else is, so that sign-ins can be renewed; else beside it.
///
/// # Errors
/// [`WiringError`].
pub async fn store(config: &Config) -> Result<(Store, Option<Lock>), WiringError> {
    match wiring::drive(config).await {
        Ok((store, lock)) => Ok((store, Some(lock))),
        Err(WiringError::Driven) => Ok((wiring::store(config).await?, None)),
        Err(error) => Err(error),
    }
}

/// The network as this system may use it.
///
/// # Errors
/// [`WiringError::Network`].
pub fn transport(system: &BooksConfig) -> Result<Arc<dyn Transport>, WiringError> {
    let mut options = NetworkOptions {
        allow_private: system.allow_private,
        ..NetworkOptions::default()
    };
    options.timeout = system.connector.timeout.unwrap_or(options.timeout);
    Ok(Arc::new(Network::new(options)?))
}

/// What the configuration says of the account.
///
/// # Errors
/// [`WiringError::Secret`] for the first secret that cannot be had.
pub fn options(system: &BooksConfig) -> Result<RestOptions, WiringError> {
    let mut secrets = BTreeMap::new();
    for (key, reference) in &system.secrets {
        let secret = reference.load().map_err(|why| WiringError::Secret {
            system: system.name.clone(),
            key: key.clone(),
            why,
        })?;
        secrets.insert(key.clone(), secret);
    }
    Ok(RestOptions {
        base_url: system.base_url.clone(),
        token_url: system.token_url.clone(),
        authorize_url: system.authorize_url.clone(),
        tenants_url: system.tenants_url.clone(),
        secrets,
        settings: system.settings.clone(),
        user_agent: system.user_agent.clone(),
        share: system.share,
        call_life: system.call_life,
        ..RestOptions::default()
    })
}

/// Where the sign-in lives. It counts for the application that signed in, and for no other.
pub fn kept_token(system: &BooksConfig, store: &Store, drives: bool) -> KeptToken {
    let client_id = system
        .connector
        .authorize()
        .and_then(|(oauth, _)| system.settings.get(&oauth.client_id));
    let client_id = client_id.map(|id| id.as_str().into());
    let kept = KeptToken::new(store, &system.name, client_id.as_ref());
    if drives { kept } else { kept.beside() }
}

/// The organisation that somebody chose.
///
/// # Errors
/// [`WiringError::Store`].
pub async fn kept_tenant(system: &BooksConfig, store: &Store) -> Result<Option<Tenant>, WiringError> {
    let kept = store.secret(&tenant_name(system)).await?;
    let parts = kept.as_deref().and_then(|kept| kept.split_once('\n'));
    Ok(parts.map(|(id, name)| Tenant {
        id: id.to_string(),
        name: name.to_string(),
    }))
}

/// Keeps the organisation that somebody chose.
///
/// # Errors
/// [`WiringError::Store`].
pub async fn keep_tenant(system: &BooksConfig, store: &Store, tenant: &Tenant) -> Result<(), WiringError> {
    let mut tx = store.begin().await?;
    tx.put_secret(&tenant_name(system), &format!("{}\n{}", tenant.id, tenant.name))
        .await?;
    tx.commit().await?;
    Ok(())
}

fn tenant_name(system: &BooksConfig) -> String {
    format!("tenant/{}", system.name)
}
