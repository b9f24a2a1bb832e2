//! From a configuration to a running engine: accounts, store, queue, schema.

use crate::config::{Config, HALAXY, QueueConfig, SystemConfig};
use crate::kept_token::KeptToken;
use crate::outlets;
use adapter_halaxy::{HalaxyAdapter, HalaxyClient, HalaxyOptions, Region};
use adapter_kit::{Adapter, Clock, Network, NetworkOptions, SystemClock, Transport};
use adapter_rest::connector::AuthStyle;
use adapter_rest::{RestAdapter, RestOptions};
use bridge_admin::actions::Actions;
use bridge_admin::desk::Desk;
use bridge_core::{Accept, AcceptRule, Party, Schema};
use bridge_engine::care::ReferralUnits;
use bridge_engine::diary::VisitMonths;
use bridge_engine::joined::{Joined, Joins};
use bridge_engine::{Engine, RandomIds, Settings, System};
use bridge_queue::{Embedded, Options, Queue, QueueError, RabbitMq};
use bridge_store::{Driving, Key, Store};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The unit by which other systems refer to the home system's record.
pub const REFERENCE: &str = "halaxy_number";
/// How many times two values may alternate before the unit is held.
const SWINGS: usize = 4;

/// Why a valid configuration does not start.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// A secret cannot be had.
    #[error("[systems.{system}] {key}: {why}")]
    Secret {
        /// System.
        system: String,
        /// Key in its section.
        key: String,
        /// What is missing.
        why: String,
    },
    /// The store's key cannot be had or used.
    #[error("[store] key: {0}")]
    Key(String),
    /// The store's address cannot be had.
    #[error("[store] url: {0}")]
    Url(String),
    /// The identity provider's secret cannot be had.
    #[error("[serve.oidc] client_secret: {0}")]
    Oidc(String),
    /// An account cannot be set up.
    #[error("[systems.{system}] {why}")]
    Account {
        /// System.
        system: String,
        /// Why.
        why: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] bridge_store::StoreError),
    /// Another process drives this store.
    #[error("another halaxy-bridge works on this store; stop it first (decisions can be made beside it)")]
    Driven,
    /// The lock file cannot be used.
    #[error("cannot lock {path}: {why}")]
    Lock {
        /// Path of the lock file.
        path: String,
        /// What the operating system said.
        why: String,
    },
    /// A subscriber of the public stream cannot be set up.
    #[error("[[events.webhook]] {webhook}: {why}")]
    Event {
        /// Its name.
        webhook: String,
        /// Why.
        why: String,
    },
    /// A token of the API cannot be had or used.
    #[error("[[api.token]] {token}: {why}")]
    Token {
        /// Its name.
        token: String,
        /// Why.
        why: String,
    },
    /// The queue's password cannot be had.
    #[error("[queue] password: {0}")]
    QueuePassword(String),
    /// The queue cannot be used.
    #[error("[queue] {0}")]
    Queue(#[from] QueueError),
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] bridge_engine::EngineError),
    /// The network cannot be used at all.
    #[error(transparent)]
    Network(#[from] adapter_kit::NetworkError),
}

impl WiringError {
    /// Whether it may pass without anybody doing anything: a server that is away, another worker that drives.
    pub fn passes(&self) -> bool {
        use bridge_engine::EngineError::{Queue as Broker, Store};
        use bridge_store::StoreError::{Fenced, Unreachable};
        match self {
            Self::Driven => true,
            Self::Store(error) | Self::Engine(Store(error)) => matches!(error, Unreachable { .. } | Fenced { .. }),
            Self::Queue(error) | Self::Engine(Broker(error)) => error.is_transient(),
            _ => false,
        }
    }
}

/// Opens the configured store.
///
/// # Errors
/// [`WiringError`] if the key is missing or wrong, or the store cannot be used.
pub async fn store(config: &Config) -> Result<Store, WiringError> {
    let url = config.store_url.load().map_err(WiringError::Url)?;
    let key = key(config)?;
    Ok(Store::open(url.expose_secret(), &key, &config.practice, SystemClock::new().now()).await?)
}

/// The configured key of the store.
///
/// # Errors
/// [`WiringError::Key`].
pub fn key(config: &Config) -> Result<Key, WiringError> {
    let text = config.store_key.load().map_err(WiringError::Key)?;
    Key::parse(text.expose_secret()).map_err(|e| WiringError::Key(e.to_string()))
}

/// Sets every account up, without calling any. Refresh tokens that rotate live in the store.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub fn adapters(config: &Config, store: &Store) -> Result<BTreeMap<String, Arc<dyn Adapter>>, WiringError> {
    Ok(adapters_after(config, store, false)?.0)
}

/// Accounts by name, and the client below the home system's, if that is Halaxy.
type Accounts = (BTreeMap<String, Arc<dyn Adapter>>, Option<HalaxyClient>);

/// As [`adapters`]. `spent`: another process may just have used up the accounts' limits.
fn adapters_after(config: &Config, store: &Store, spent: bool) -> Result<Accounts, WiringError> {
    let mut client = None;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut adapters: BTreeMap<String, Arc<dyn Adapter>> = BTreeMap::new();
    for system in config.systems.values() {
        let mut options = NetworkOptions {
            allow_private: system.allow_private,
            ..NetworkOptions::default()
        };
        if let Some(timeout) = system.file.as_ref().and_then(|connector| connector.timeout) {
            options.timeout = timeout;
        }
        let transport: Arc<dyn Transport> = Arc::new(Network::new(options)?);
        let clock = Arc::clone(&clock);
        let mut account: Arc<dyn Adapter> = if system.file.is_none() {
            let halaxy = halaxy(system, transport, clock, spent)?;
            client = Some(halaxy.client().clone())
                .filter(|_| system.name == config.home)
                .or(client);
            Arc::new(halaxy)
        } else {
            adapter(system, store, transport, clock, spent)?
        };
        if system.name == config.home {
            account = joined(config, account, store, &system.mapping.kind);
        }
        adapters.insert(system.name.clone(), account);
    }
    Ok((adapters, client))
}

/// The home account with what the bridge works out about its people, as if the product showed it.
fn joined(config: &Config, account: Arc<dyn Adapter>, store: &Store, kind: &str) -> Arc<dyn Adapter> {
    let mut joins: Vec<Arc<dyn Joins>> = Vec::new();
    if config.diary.as_ref().is_some_and(|diary| diary.months) {
        joins.push(Arc::new(VisitMonths::new(store.clone())));
    }
    if config.care.units {
        joins.push(Arc::new(ReferralUnits::new(store.clone())));
    }
    if joins.is_empty() {
        return account;
    }
    Arc::new(Joined::new(account, kind, joins))
}

/// The secrets of an account, by key.
///
/// # Errors
/// [`WiringError::Secret`] for the first that cannot be had.
pub fn secrets(system: &SystemConfig) -> Result<BTreeMap<String, SecretString>, WiringError> {
    let load = |(key, reference): (&String, &crate::config::SecretRef)| match reference.load() {
        Ok(secret) => Ok((key.clone(), secret)),
        Err(why) => Err(WiringError::Secret {
            system: system.name.clone(),
            key: key.clone(),
            why,
        }),
    };
    system.secrets.iter().map(load).collect()
}

/// Sets one account up over a transport of the caller's choice. `spent`: its limits may just have been used up.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub fn adapter(
    system: &SystemConfig,
    store: &Store,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    spent: bool,
) -> Result<Arc<dyn Adapter>, WiringError> {
    let trouble = |why: String| WiringError::Account {
        system: system.name.clone(),
        why,
    };
    let secrets = secrets(system)?;
    let Some(connector) = &system.file else {
        return Ok(Arc::new(halaxy(system, transport, clock, spent)?));
    };
    let first_token = match &connector.auth {
        AuthStyle::OAuth(oauth) => oauth.refresh_token.as_ref().and_then(|name| secrets.get(name)),
        _ => None,
    };
    let tokens = Arc::new(KeptToken::new(store, &system.name, first_token));
    let mut members = BTreeMap::from([(
        system.mapping.kind.clone(),
        system.mapping.paths().into_keys().collect(),
    )]);
    if let Some(form) = &connector.requests {
        members.insert(form.kind.clone(), form.paths());
    }
    let options = RestOptions {
        base_url: system.base_url.clone(),
        secrets,
        settings: system.settings.clone(),
        members,
        user_agent: system.user_agent.clone(),
        share: system.share,
        spent,
        lag: system.lag,
        call_life: system.call_life,
        ..RestOptions::default()
    };
    let adapter = RestAdapter::new(&system.name, connector.clone(), options, transport, clock, Some(tokens))
        .map_err(|e| trouble(e.to_string()))?;
    Ok(Arc::new(adapter))
}

/// The address of a Halaxy account.
///
/// # Errors
/// [`WiringError::Account`] if its region is unknown.
pub fn halaxy_base(system: &SystemConfig) -> Result<String, WiringError> {
    let region = system.region.as_deref().map_or(Ok(Region::Au), Region::parse);
    let region = region.map_err(|error| WiringError::Account {
        system: system.name.clone(),
        why: error.to_string(),
    })?;
    Ok(system.base_url.clone().unwrap_or_else(|| region.base_url().into()))
}

/// Sets a Halaxy account up over a transport of the caller's choice. `spent`: its limits may just have been used up.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub fn halaxy(
    system: &SystemConfig,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    spent: bool,
) -> Result<HalaxyAdapter, WiringError> {
    debug_assert_eq!(system.connector, HALAXY);
    let mut secrets = secrets(system)?;
    let mut take = |name: &str| secrets.remove(name).unwrap_or_else(|| String::new().into());
    let id = take("client_id").expose_secret().to_string();
    let user_agent = system.user_agent.clone().unwrap_or_default();
    let mut options = HalaxyOptions::new(halaxy_base(system)?, id, take("client_secret"), user_agent);
    options.share = system.share;
    options.spent = spent;
    options.list_lag = system.lag.unwrap_or(options.list_lag);
    options.call_life = system.call_life.unwrap_or(options.call_life);
    HalaxyAdapter::new(&system.name, options, transport, clock).map_err(|error| WiringError::Account {
        system: system.name.clone(),
        why: error.to_string(),
    })
}

/// A client of a Halaxy account with limits of its own, for processes that do not drive it.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub fn halaxy_client(system: &SystemConfig) -> Result<HalaxyClient, WiringError> {
    let options = NetworkOptions {
        allow_private: system.allow_private,
        ..NetworkOptions::default()
    };
    let network = Arc::new(Network::new(options)?);
    let adapter = halaxy(system, network, Arc::new(SystemClock::new()), false)?;
    Ok(adapter.client().clone())
}

/// What carries out actions of a Halaxy account.
pub fn actions(system: &SystemConfig, client: HalaxyClient, store: Store) -> Actions {
    Actions {
        system: system.name.clone(),
        client,
        store,
        clinical_notes: system.clinical_notes,
        clock: Arc::new(SystemClock::new()),
    }
}

/// Units, policies and parties, as the planner sees them.
pub fn schema(config: &Config, adapters: &BTreeMap<String, Arc<dyn Adapter>>) -> Schema {
    let parties = config
        .systems
        .values()
        .filter_map(|system| {
            let traits = adapters.get(&system.name)?.traits(&system.mapping.kind);
            let is_home = system.name == config.home;
            let units_at = system.mapping.paths();
            let mut accepts = system.mapping.accepts(&config.entity, is_home);
            if is_home {
                accepts
                    .values_mut()
                    .for_each(|rule| *rule = AcceptRule::always(Accept::Yes));
            }
            Some(Party {
                system: system.name.clone(),
                kind: system.mapping.kind.clone(),
                receives: system.mapping.receives(&config.entity, &system.may_receive, is_home),
                accepts,
                create: config
                    .create_in
                    .contains(&system.name)
                    .then(|| config.create_when.clone()),
                reference: traits.keeps_reference.then(|| REFERENCE.to_string()),
                lag: i64::try_from(traits.lag.as_micros()).unwrap_or(i64::MAX / 4),
                unique: traits
                    .unique
                    .iter()
                    .filter_map(|p| units_at.get(p).cloned())
                    .collect::<BTreeSet<_>>(),
            })
        })
        .collect();
    Schema {
        entity: config.entity.name.clone(),
        units: config.entity.units.iter().map(|spec| spec.unit.clone()).collect(),
        parties,
        swings: SWINGS,
    }
}

/// What the engine is told.
pub fn settings(config: &Config, adapters: &BTreeMap<String, Arc<dyn Adapter>>) -> Settings {
    let schema = schema(config, adapters);
    let mut hash = Sha256::new();
    hash.update(format!("{schema:?}"));
    let systems = config
        .systems
        .values()
        .filter_map(|system| {
            hash.update(system.mapping.digest());
            Some(System {
                name: system.name.clone(),
                adapter: Arc::clone(adapters.get(&system.name)?),
                mapping: Arc::new(system.mapping.clone()),
                poll_every: system.poll_every.unwrap_or(config.poll_every),
                reference: REFERENCE.into(),
                paths: system.mapping.paths(),
            })
        })
        .collect();
    let digest = bridge_core::hex(&hash.finalize());
    Settings {
        schema: Arc::new(schema),
        systems,
        home: config.home.clone(),
        reference: REFERENCE.into(),
        sweep_every: config.sweep_every,
        keep_losers: config.keep_losers.max(Duration::from_secs(1)),
        brakes: config.brakes,
        digest,
    }
}

/// Opens the store, sets the accounts up and starts the engine that drives them. One process at a
/// time drives a store; the lock ends with the process, however it ends.
///
/// # Errors
/// [`WiringError`].
pub async fn engine(config: &Config) -> Result<Engine, WiringError> {
    let (store, lock) = drive(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let spent = bridge_engine::drove_lately(&store, clock.now()).await?;
    let (adapters, client) = adapters_after(config, &store, spent)?;
    let settings = settings(config, &adapters);
    let queue = queue(config).await?;
    let engine = Engine::start(settings, store, queue, clock, Arc::new(RandomIds)).await?;
    let lost = lock.lost();
    let engine = told(config, engine).keeping(config.retention).until(lost).holding(lock);
    // Whatever else this process asks of the account shares its limits.
    Ok(match client {
        Some(client) => engine.holding(client),
        None => engine,
    })
}

fn told(config: &Config, engine: Engine) -> Engine {
    match outlets::stream(config) {
        Some(stream) => engine.telling(stream),
        None => engine,
    }
}

/// The configured queue. A broker is connected to, and its queues are declared and verified.
///
/// # Errors
/// [`WiringError::Queue`] or [`WiringError::QueuePassword`].
pub async fn queue(config: &Config) -> Result<Arc<dyn Queue>, WiringError> {
    let QueueConfig::RabbitMq { ca, .. } = &config.queue else {
        return Ok(Arc::new(Embedded::default()));
    };
    let url = broker_url(&config.queue)?;
    let mut options = Options::new(namespace(&config.practice), config.systems.keys().cloned());
    options.ca.clone_from(ca);
    Ok(Arc::new(RabbitMq::connect(url.as_str(), options).await?))
}

/// The address of the broker, with who signs in.
///
/// # Errors
/// [`WiringError::Queue`] or [`WiringError::QueuePassword`].
pub fn broker_url(queue: &QueueConfig) -> Result<url::Url, WiringError> {
    let unusable = || QueueError::Settings("the URL is none".into());
    let QueueConfig::RabbitMq {
        url, user, password, ..
    } = queue
    else {
        return Err(unusable().into());
    };
    let mut url = url::Url::parse(url).map_err(|_| unusable())?;
    if let Some(user) = user {
        url.set_username(user).map_err(|()| unusable())?;
    }
    if let Some(password) = password {
        let password = password.load().map_err(WiringError::QueuePassword)?;
        url.set_password(Some(password.expose_secret()))
            .map_err(|()| unusable())?;
    }
    Ok(url)
}

/// What a practice's queues begin with: readable, and different for different names.
fn namespace(practice: &str) -> String {
    let plain = practice.to_lowercase();
    let words = plain
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(40).collect();
    let digest = Sha256::digest(practice.as_bytes());
    let short = bridge_core::hex(&digest[..4]);
    format!("halaxy-bridge-{slug}-{short}")
}

/// An engine for decisions and for reading, which may stand beside the one that drives.
///
/// # Errors
/// [`WiringError`].
pub async fn desk(config: &Config) -> Result<Engine, WiringError> {
    beside(config, Arc::new(Embedded::default())).await
}

/// An engine that shares the queue of the one that drives.
///
/// # Errors
/// [`WiringError`].
pub async fn helper(config: &Config) -> Result<Engine, WiringError> {
    beside(config, queue(config).await?).await
}

/// The desk beside an engine, over its store.
///
/// # Errors
/// [`WiringError`].
pub fn review_desk(config: &Config, driver: &Engine) -> Result<Desk, WiringError> {
    let store = driver.store().clone();
    let adapters = adapters(config, &store)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (queue, ids) = (Arc::new(Embedded::default()), Arc::new(RandomIds));
    let engine = Engine::attend(settings(config, &adapters), store, queue, Arc::clone(&clock), ids);
    let engine = engine.ringing(driver.bell());
    let affairs = crate::affairs::reader(config, driver.store().clone());
    let desk = Desk::new(engine, config.entity.clone(), config.country, clock);
    Ok(match affairs {
        Some(affairs) => desk.knowing(affairs),
        None => desk,
    })
}

async fn beside(config: &Config, queue: Arc<dyn Queue>) -> Result<Engine, WiringError> {
    let store = store(config).await?;
    let adapters = adapters(config, &store)?;
    let settings = settings(config, &adapters);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let engine = Engine::attend(settings, store, queue, clock, Arc::new(RandomIds));
    Ok(told(config, engine))
}

/// Whether the store is on a server, which several workers share.
///
/// # Errors
/// [`WiringError::Url`].
pub fn on_server(config: &Config) -> Result<bool, WiringError> {
    let url = config.store_url.load().map_err(WiringError::Url)?;
    Ok(!url.expose_secret().starts_with("sqlite:"))
}

/// Keeps a second driver from a practice as long as it lives.
pub struct Lock {
    _file: Option<File>,
    driving: Driving,
}

impl Lock {
    /// Cancelled when another process may drive.
    pub fn lost(&self) -> CancellationToken {
        self.driving.lost()
    }
}

/// Opens the configured store for the one process that drives it.
///
/// # Errors
/// [`WiringError::Driven`] if another process does.
pub async fn drive(config: &Config) -> Result<(Store, Lock), WiringError> {
    let url = config.store_url.load().map_err(WiringError::Url)?;
    drive_at(url.expose_secret(), &key(config)?, &config.practice).await
}

/// As [`drive`], for a store that is named otherwise.
///
/// # Errors
/// [`WiringError::Driven`] if another process drives it.
pub async fn drive_at(url: &str, key: &Key, practice: &str) -> Result<(Store, Lock), WiringError> {
    let _file = lock_file(url)?;
    let store = Store::open(url, key, practice, SystemClock::new().now()).await?;
    let holder = format!("process {}", std::process::id());
    let (store, driving) = store.drive(&holder).await?.ok_or(WiringError::Driven)?;
    Ok((store, Lock { _file, driving }))
}

/// Locks the store's file against a second driver, until the lock is dropped. A server has a lock of its own.
fn lock_file(url: &str) -> Result<Option<File>, WiringError> {
    let Some(path) = url.strip_prefix("sqlite:").filter(|p| *p != ":memory:") else {
        return Ok(None);
    };
    let path = format!("{path}.lock");
    let trouble = |why: std::io::Error| WiringError::Lock {
        path: path.clone(),
        why: why.to_string(),
    };
    let file = File::options().create(true).append(true).open(&path).map_err(trouble)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(WiringError::Driven),
        Err(TryLockError::Error(why)) => Err(trouble(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::namespace;

    #[test]
    fn practices_with_names_alike_do_not_share_queues() {
        let names = [
            "Sampleton Clinic",
            "sampleton clinic",
            "Sampleton-Clinic",
            "Klinik für Füße",
            "医院",
            "",
        ];
        let all: std::collections::BTreeSet<String> = names.map(namespace).into();
        assert_eq!(all.len(), names.len());
        assert!(namespace(names[0]).starts_with("halaxy-bridge-sampleton-clinic-"));
        let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && name.len() < 80;
        assert!(all.iter().all(plain));
    }
}
