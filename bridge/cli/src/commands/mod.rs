//! One file per command.

pub mod admin;
pub mod book;
pub mod care;
pub mod check;
pub mod completions;
pub mod conflicts;
pub mod connect;
pub mod consent;
pub mod demo;
pub mod diary;
pub mod events;
pub mod explain;
pub mod export;
pub mod halaxy;
pub mod init;
pub mod key;
pub mod ledger;
pub mod links;
pub mod match_files;
pub mod matches;
pub mod pause;
pub mod plan;
pub mod practices;
pub mod prepare;
pub mod privacy;
pub mod replay;
pub mod run;
pub mod sandbox;
pub mod status;
pub mod store;
pub mod sync;
pub mod warehouse;
pub mod webhooks;

use crate::args::{Command, ConfigArg};
use crate::config::{self, Config};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::telemetry::Telemetry;
use bridge_store::Store;
use ledger::write;

/// Does what the command line says.
///
/// # Errors
/// [`Failure`] if the command could not do its work.
pub async fn run(command: Command, out: &Output, telemetry: &Telemetry) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, out).await,
        Command::Sandbox(args) => sandbox::run(args, out).await,
        Command::Init(args) => init::run(&args, out),
        Command::Check(args) => check::run(&args, out).await,
        Command::Connect(args) => connect::run(&args, out).await,
        Command::Prepare(args) => prepare::run(&args, out).await,
        Command::Plan(args) => plan::run(&args, out).await,
        Command::Sync(args) => sync::run(&args, out).await,
        Command::Run(args) => run::run(&args, out, telemetry).await,
        Command::Status(args) => status::run(&args, out).await,
        Command::Webhooks(args) => webhooks::run(&args, out),
        Command::Conflicts(args) => conflicts::run(&args, out).await,
        Command::Matches(args) => matches::run(&args, out).await,
        Command::Match(args) => match_files::run(&args, out),
        Command::Links(args) => links::run(&args, out).await,
        Command::Events(args) => events::run(&args, out).await,
        Command::Book(args) => book::run(&args, out).await,
        Command::Export(args) => export::run(&args, out).await,
        Command::Warehouse(args) => warehouse::run(&args, out).await,
        Command::Halaxy(args) => halaxy::run(&args, out).await,
        Command::Referral(args) => care::referral::run(&args, out).await,
        Command::Coverage(args) => care::coverage::run(&args, out).await,
        Command::Note(args) => care::note::run(&args, out).await,
        Command::Telehealth(args) => care::telehealth::run(&args, out).await,
        Command::Ledger(args) => ledger::run(&args, out).await,
        Command::Diary(args) => diary::run(&args, out).await,
        Command::Consent(args) => consent::run(&args, out).await,
        Command::Privacy(args) => privacy::run(&args, out).await,
        Command::Pause(args) => pause::run(&args, out).await,
        Command::Resume(args) => pause::resume(&args, out).await,
        Command::Admin(args) => admin::run(&args, out).await,
        Command::Explain(args) => explain::run(&args, out).await,
        Command::Replay(args) => replay::run(&args, out).await,
        Command::Key(args) => key::run(&args, out).await,
        Command::Store(args) => store::run(&args, out).await,
        Command::Completions(args) => Ok(completions::run(&args)),
    }
}

/// The configuration that `-c` names.
pub(crate) fn load(arg: &ConfigArg) -> Result<Config, Failure> {
    Ok(config::load(&arg.path())?)
}

/// The entity that a text names: its own id, or `SYSTEM:ID` of one of its records.
pub(crate) async fn entity_of(store: &Store, config: &Config, text: &str) -> Result<String, Failure> {
    if let Some((system, id)) = text.split_once(':') {
        let Some(known) = config.systems.get(system) else {
            let names: Vec<&str> = config.systems.keys().map(String::as_str).collect();
            return Err(Failure::Usage(format!(
                "there is no system `{system}`; name one of {}",
                names.join(", ")
            )));
        };
        let found = store.entity_of(system, &known.mapping.kind, id).await?;
        return found
            .ok_or_else(|| Failure::Usage(format!("no record {text} is known, or nobody is decided for it yet")));
    }
    if store.entities(&[text.to_string()]).await?.is_empty() {
        let text =
            format!("there is no entity {text}; give its id (`halaxy-bridge links list`) or SYSTEM:ID of a record");
        return Err(Failure::Usage(text));
    }
    Ok(text.to_string())
}
