//! `replay`: what is held of one entity is tried once more.

use crate::args::{ByArg, ConfigArg};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, wiring};
use clap::Args;
use serde_json::json;

/// What `replay` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge replay crm:1042
  halaxy-bridge replay 019a8c3e-7d51-7c31-b1f4-2f60a3b8f3aa

What was refused is sent again with the next sync, or at once by the running service.
Correct the cause first: `halaxy-bridge explain` tells it.")]
pub struct ReplayArgs {
    /// Id of the entity, or SYSTEM:ID of one of its records.
    pub entity: String,
    /// Who decides.
    #[command(flatten)]
    pub by: ByArg,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Releases what is held.
///
/// # Errors
/// [`Failure`] for an unknown entity, or if the store fails.
pub async fn run(args: &ReplayArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let engine = wiring::desk(&config).await?;
    let entity = commands::entity_of(engine.store(), &config, &args.entity).await?;
    engine.replay(&entity, &args.by.name()).await?;
    out.document(&json!({ "entity": entity, "replayed": true }));
    out.line(format!("What was held of {entity} is tried again with the next sync."));
    Ok(Exit::Done)
}
