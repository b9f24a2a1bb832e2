//! `store`: what it keeps, checked and moved.

use crate::args::ConfigArg;
use crate::config::{SecretRef, StoreUrl};
use crate::exit::{Exit, Failure};
use crate::output::{Output, thousands};
use crate::{commands, times, wiring};
use bridge_store::{Store, TableSum};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::path::Path;

/// What `store` takes.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: StoreAction,
}

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Read everything and say how much there is.
    #[command(after_help = "\
Examples:
  halaxy-bridge store check
  halaxy-bridge store check --json | jq '.tables[] | select(.table == \"link\")'

May run beside the service; after a restore, run it before the service. The digests are the same
for the same rows, whichever database they are in.")]
    Check {
        /// Which configuration.
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Copy the practice into another database where nothing of it is yet.
    #[command(after_help = "\
Examples:
  halaxy-bridge store copy sqlite:bridge.db postgres://bridge@db.example/bridge
  halaxy-bridge store copy sqlite:bridge.db env:BRIDGE_STORE      an address with a password

Stop the service first. Practice and key are those of the configuration; its own [store] url is not
looked at. Everything is copied in one transaction and compared, table by table, before it is kept.")]
    Copy {
        /// From where: sqlite:PATH, postgres://.., env:NAME or file:PATH.
        #[arg(value_name = "FROM")]
        from: String,
        /// To where, likewise.
        #[arg(value_name = "TO")]
        to: String,
        /// Which configuration.
        #[command(flatten)]
        config: ConfigArg,
    },
}

/// Checks or copies.
///
/// # Errors
/// If a store cannot be opened, is damaged, is in use, or has rows where they would go.
pub async fn run(args: &StoreArgs, out: &Output) -> Result<Exit, Failure> {
    match &args.action {
        StoreAction::Check { config } => check(config, out).await,
        StoreAction::Copy { from, to, config } => copy(from, to, config, out).await,
    }
}

async fn check(config: &ConfigArg, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(config)?;
    let store = wiring::store(&config).await?;
    store.verify().await?;
    let sums = store.sums().await?;
    out.document(&json!({ "ok": true, "practice": config.practice, "key": store.key_id(), "tables": tables(&sums) }));
    show(&sums, out);
    out.line(format!(
        "Everything can be read; it is sealed with key {}.",
        store.key_id()
    ));
    Ok(Exit::Done)
}

async fn copy(from: &str, to: &str, config: &ConfigArg, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(config)?;
    let (from, to) = (address(from)?, address(to)?);
    let (from, to) = (from.expose_secret(), to.expose_secret());
    if from == to {
        return Err(Failure::Usage("name two stores".into()));
    }
    if let Some(file) = from.strip_prefix("sqlite:")
        && !Path::new(file).exists()
    {
        return Err(Failure::Usage(format!("there is no file {file}")));
    }
    let key = wiring::key(&config)?;
    let (source, _lock) = wiring::drive_at(from, &key, &config.practice).await?;
    if source.counts().await? == bridge_store::Counts::default() {
        let text = format!("nothing of the practice {:?} is there to be copied", config.practice);
        return Err(Failure::Usage(text));
    }
    let target = Store::open(to, &key, &config.practice, times::now()).await?;
    let sums = source.copy_to(&target).await?;
    out.document(&json!({ "copied": true, "practice": config.practice, "tables": tables(&sums) }));
    show(&sums, out);
    out.line(format!(
        "Copied and compared: counts and digests of {} tables agree. Name the copy in bridge.toml ([store] url) before the \
         service starts again, and put the old store away: of the two, only one may be worked on.",
        sums.len()
    ));
    target.close().await;
    source.close().await;
    Ok(Exit::Done)
}

fn address(text: &str) -> Result<secrecy::SecretString, Failure> {
    match SecretRef::parse(text) {
        Some(reference) => reference.load().map_err(Failure::Usage),
        None => StoreUrl::Plain(text.into()).load().map_err(Failure::Usage),
    }
}

fn tables(sums: &[TableSum]) -> Vec<Value> {
    let table = |sum: &TableSum| json!({ "table": sum.table, "rows": sum.rows, "digest": sum.digest });
    sums.iter().map(table).collect()
}

fn show(sums: &[TableSum], out: &Output) {
    for sum in sums.iter().filter(|sum| sum.rows > 0) {
        out.line(format!(
            "{:<10} {:>12}  {}",
            sum.table,
            thousands(sum.rows),
            &sum.digest[..16]
        ));
    }
}
