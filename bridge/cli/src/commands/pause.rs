//! `pause` and `resume`: the switch that stops everything that is sent to one system.

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, times, wiring};
use bridge_engine::pause::{self, Pause};
use clap::Args;
use serde_json::json;

/// What `pause` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge pause crm --why 'the vendor tells of a breach'
  halaxy-bridge resume crm

Every process stops sending at its next step; what is under way is finished. The system is still read, so nothing is
missed; what is planned for it waits. Opt-outs wait too: tell the system by hand. The history keeps who did it and why.")]
pub struct PauseArgs {
    /// The system.
    pub system: String,
    /// Why; for the history, without personal values.
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    pub why: String,
    /// Who decides.
    #[command(flatten)]
    pub by: ByArg,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What `resume` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  halaxy-bridge resume crm")]
pub struct ResumeArgs {
    /// The system.
    pub system: String,
    /// Who decides.
    #[command(flatten)]
    pub by: ByArg,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Pauses.
///
/// # Errors
/// [`Failure`] for an unknown system, or if the store fails.
pub async fn run(args: &PauseArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    known(&config, &args.system)?;
    let store = wiring::store(&config).await?;
    let now = times::now();
    let note = Pause {
        at: now,
        by: args.by.name(),
        why: args.why.clone(),
    };
    pause::pause(&store, &args.system, Some(&note), &note.by, now).await?;
    out.document(&json!({ "system": args.system, "paused": note }));
    out.line(format!(
        "Nothing is sent to {0} from now on. `{1}` lets it go on.",
        args.system,
        config.command(&format!("resume {}", args.system))
    ));
    Ok(Exit::Done)
}

/// Resumes.
///
/// # Errors
/// As [`run`].
pub async fn resume(args: &ResumeArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    known(&config, &args.system)?;
    let store = wiring::store(&config).await?;
    let was = pause::paused(&store, &args.system).await?;
    if was.is_some() {
        pause::pause(&store, &args.system, None, &args.by.name(), times::now()).await?;
    }
    out.document(&json!({ "system": args.system, "was": was }));
    out.line(match was {
        Some(_) => format!("{} is sent to again; what waited goes out now.", args.system),
        None => format!("{} was not paused.", args.system),
    });
    Ok(Exit::Done)
}

/// Whether there is such a system.
pub(super) fn known(config: &Config, system: &str) -> Result<(), Failure> {
    if config.systems.contains_key(system) || config.books.contains_key(system) {
        return Ok(());
    }
    let names: Vec<&str> = config
        .systems
        .keys()
        .chain(config.books.keys())
        .map(String::as_str)
        .collect();
    Err(Failure::Usage(format!(
        "there is no system `{system}`; name one of {}",
        names.join(", ")
    )))
}
