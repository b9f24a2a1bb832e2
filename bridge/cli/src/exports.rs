//! What can be exported of a configuration, and the warehouse that is kept beside the service.

use crate::config::{Config, WarehouseConfig};
use crate::exit::Failure;
use crate::times;
use adapter_halaxy::HalaxyMirror;
use bridge_engine::mirror;
use bridge_engine::vitals::{PartVitals, parts};
use bridge_export::entities::{Entity, Practice, catalogue};
use bridge_export::warehouse::{Plan, Warehouse, WarehouseError, same_database};
use bridge_export::{DraftError, ReadError};
use bridge_store::Store;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What the register calls files that were exported.
pub const TOLD: &str = "export";
/// The longest pause after a warehouse could not be reached.
const AGAIN: Duration = Duration::from_secs(60);

/// What the catalogue is made for.
pub fn practice(config: &Config) -> Practice<'_> {
    Practice {
        units: &config.entity,
        systems: config.systems.keys().cloned().collect(),
        home: config.home.clone(),
    }
}

/// Everything that can be exported of this configuration.
pub fn all(config: &Config) -> Vec<Entity> {
    catalogue(&practice(config))
}

/// Which mirrored kinds of these entities are not there whole yet: the mirror has still to read some of their records.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn incomplete<'e>(
    config: &Config,
    store: &Store,
    entities: impl IntoIterator<Item = &'e Entity>,
) -> Result<Vec<String>, Failure> {
    let kinds = entities.into_iter().filter_map(|entity| entity.mirrored);
    Ok(mirror::incomplete(store, &config.home, &HalaxyMirror, kinds).await?)
}

/// What is said of kinds that are not there whole.
pub fn warning(config: &Config, kinds: &[String]) -> String {
    format!(
        "Rows are missing: the mirror has not read every {} yet. `{}` shows how far it is; do this again then.",
        kinds.join(", "),
        config.command("status")
    )
}

/// What `[warehouse]` says, or why there is none.
///
/// # Errors
/// [`Failure::Usage`] if there is no such section.
pub fn warehouse_of(config: &Config) -> Result<&WarehouseConfig, Failure> {
    config.warehouse.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no section [warehouse]: it says which database of yours is kept up to date. \
             See the commented bridge.toml that `halaxy-bridge init` writes.",
            config.path.display()
        ))
    })
}

/// What the warehouse is to be.
pub fn plan(config: &Config, settings: &WarehouseConfig) -> Plan {
    let mut entities = all(config);
    entities.retain(|entity| settings.entities.contains(&entity.name));
    Plan {
        schema: settings.schema.clone(),
        entities,
        grant: config.export.classes.clone(),
        practice: config.practice.clone(),
        units: config.entity.clone(),
        systems: config.systems.keys().cloned().collect(),
        home: config.home.clone(),
    }
}

/// The warehouse's address, unless it is the bridge's own database.
///
/// # Errors
/// [`Failure::Usage`] saying what is missing or wrong; never the address.
pub fn address(config: &Config, settings: &WarehouseConfig) -> Result<SecretString, Failure> {
    let usage = |why: String| Failure::Usage(format!("[warehouse] url: {why}"));
    let url = settings.url.load().map_err(usage)?;
    let own = config.store_url.load().map_err(Failure::Usage)?;
    if same_database(url.expose_secret(), own.expose_secret()) {
        return Err(usage(
            "this is the bridge's own database; give the warehouse another one".into(),
        ));
    }
    Ok(url)
}

impl From<WarehouseError> for Failure {
    fn from(error: WarehouseError) -> Self {
        match error {
            WarehouseError::Read(error) => error.into(),
            WarehouseError::Unreachable | WarehouseError::Refused(_) => Failure::Failed(error.to_string()),
            _ => Failure::Usage(error.to_string()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            other => Failure::Usage(other.to_string()),
        }
    }
}

impl From<DraftError> for Failure {
    fn from(error: DraftError) -> Self {
        Failure::Failed(error.to_string())
    }
}

/// Brings the warehouse up to date once: rows written and marked as removed, by table.
///
/// # Errors
/// [`WarehouseError`].
pub async fn once(url: &str, plan: Plan, store: &Store) -> Result<BTreeMap<String, u64>, WarehouseError> {
    let mut warehouse = Warehouse::connect(url, plan).await?;
    let steps = warehouse.step(store).await?;
    // A session that the server ended meanwhile is as good as one we end.
    let _ = warehouse.close().await;
    Ok(steps
        .into_iter()
        .map(|(entity, step)| (entity, step.put + step.removed))
        .collect())
}

/// Keeps the warehouse beside the engine that drives, on a task of its own: a warehouse that is away, or slow, holds
/// nobody up. Ends when dropped.
pub fn keep(config: &Config, store: &Store, stop: &CancellationToken) -> Option<AbortOnDropHandle<()>> {
    let settings = config.warehouse.clone()?;
    let (config, store, stop) = (config.clone(), store.clone(), stop.clone());
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let done = match address(&config, &settings) {
                Ok(url) => once(url.expose_secret(), plan(&config, &settings), &store)
                    .await
                    .map_err(|error| error.to_string()),
                Err(failure) => Err(failure.to_string()),
            };
            let mut part = PartVitals {
                at: times::now(),
                every_seconds: settings.every.as_secs(),
                ..PartVitals::default()
            };
            let pause = match done {
                Ok(rows) => {
                    part.figures = rows;
                    settings.every
                }
                Err(trouble) => {
                    tracing::warn!(trouble, "the warehouse is not brought up to date now");
                    part.trouble.push(trouble);
                    settings.every.min(AGAIN)
                }
            };
            if let Err(error) = part.keep(&store, parts::WAREHOUSE).await {
                tracing::warn!(%error, "the state of the warehouse is not noted");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    })))
}
