//! `check`: everything that can be found wrong before anything is read or written.

use crate::args::ConfigArg;
use crate::config::{self, Config};
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::wiring::{self, Lock, WiringError};
use crate::{books, exports, outlets, rules_check, serving};
use adapter_kit::{Accounting, Clock, SystemClock, TokenStore};
use bridge_core::config_problem::Problem;
use bridge_export::warehouse;
use bridge_store::Store;
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;

/// What `check` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge check                         bridge.toml here, and every account by harmless calls
  halaxy-bridge check -c practice --offline   files only: no secret, no network

Mappings are tried on generated records: what is written must be read back the same, and reading
then writing back must change nothing. Units may go only where their class is permitted.")]
pub struct CheckArgs {
    /// Only the files: needs no secret and no network.
    #[arg(long)]
    pub offline: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Checks and prints what was found.
///
/// # Errors
/// None of its own: findings are printed, and the exit code tells of them.
pub async fn run(args: &CheckArgs, out: &Output) -> Result<Exit, Failure> {
    let config = match config::load(&args.config.path()) {
        Ok(config) => config,
        Err(problems) => return Ok(ended(out, problems, &[], Exit::Bad)),
    };
    let notes = notes(&config);
    if args.offline {
        return Ok(ended(out, vec![], &notes, Exit::Done));
    }
    let bar = out.spinner("asking the accounts");
    let (problems, exit) = online(&config).await;
    bar.finish_and_clear();
    Ok(ended(out, problems, &notes, exit))
}

/// Secrets, store and accounts. What is missing here is bad configuration; what an account answers is a failure.
async fn online(config: &Config) -> (Vec<Problem>, Exit) {
    // Every missing secret at once, before anything is opened.
    let missing = config.systems.values().filter_map(|s| wiring::secrets(s).err());
    let mut problems: Vec<Problem> = missing
        .map(|error| at(config, &error, "Set it, then run `check` again."))
        .collect();
    if let Err(error) = serving::doors(config) {
        problems.push(at(config, &error, "Set it, then run `check` again."));
    }
    if let Err(error) = serving::api(config) {
        problems.push(at(config, &error, "Set it, then run `check` again."));
    }
    if let Err(error) = outlets::check(config) {
        problems.push(at(config, &error, "Set it, then run `check` again."));
    }
    problems.extend(config.books.values().filter_map(|system| {
        let error = books::options(system).err()?;
        Some(at(config, &error, "Set it, then run `check` again."))
    }));
    let (store, lock) = match open(config).await {
        Ok(opened) => opened,
        Err(error) => {
            let remedy = "Make one with `halaxy-bridge key new`, or point [store] at the right file and key.";
            problems.push(at(config, &error, remedy));
            return (problems, Exit::Bad);
        }
    };
    let adapters = match wiring::adapters(config, &store) {
        Ok(adapters) => adapters,
        Err(error) => {
            if problems.is_empty() {
                problems.push(at(config, &error, "Set it, then run `check` again."));
            }
            return (problems, Exit::Bad);
        }
    };
    if let Err(error) = wiring::queue(config).await {
        let remedy = "Start the broker or correct [queue]; user and virtual host are made with rabbitmqctl.";
        problems.push(at(config, &error, remedy));
    }
    for system in config.systems.values() {
        let Some(adapter) = adapters.get(&system.name) else {
            continue;
        };
        for probe in adapter.probe(&config.kinds_of(system)).await {
            if let Some((what, remedy)) = probe.problem {
                problems.push(Problem {
                    file: config.path.display().to_string(),
                    line: system.line,
                    message: format!("{}: {}: {what}", system.name, probe.what),
                    remedy,
                });
            }
        }
    }
    problems.extend(accounts_of_books(config, &store, lock.is_some()).await);
    problems.extend(of_warehouse(config).await);
    let exit = if problems.is_empty() { Exit::Done } else { Exit::Failed };
    (problems, exit)
}

/// The store: with the right to renew sign-ins where there are some and nobody else has it.
async fn open(config: &Config) -> Result<(Store, Option<Lock>), WiringError> {
    if config.books.is_empty() {
        return Ok((wiring::store(config).await?, None));
    }
    books::store(config).await
}

/// Accounting systems: whether somebody signed in, and what their accounts answer.
async fn accounts_of_books(config: &Config, store: &Store, drives: bool) -> Vec<Problem> {
    let mut problems = vec![];
    for system in config.books.values() {
        let of = |message: String, remedy: String| Problem {
            file: config.path.display().to_string(),
            line: system.line,
            message: format!("{}: {message}", system.name),
            remedy,
        };
        let connect = format!("Run `{}`.", config.command(&format!("connect {}", system.name)));
        let kept = books::kept_token(system, store, drives);
        if system.connector.authorize().is_some() && !matches!(kept.is_there().await, Ok(true)) {
            problems.push(of("the account is not connected".into(), connect));
            continue;
        }
        // The running service tries it all the time; beside it, only while its access token is good.
        let clock = SystemClock::new();
        let idle = kept.access().await.is_none_or(|(_, until)| until <= clock.now());
        if system.connector.authorize().is_some() && !drives && idle {
            continue;
        }
        let made = match books::transport(system) {
            Ok(transport) => books::one(system, store, drives, transport, Arc::new(clock)).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(books) => {
                let before = problems.len();
                for probe in books.probe().await {
                    if let Some((what, remedy)) = probe.problem {
                        problems.push(of(format!("{}: {what}", probe.what), remedy));
                    }
                }
                if let Some(ledger) = config.ledger.as_ref().filter(|ledger| ledger.books == system.name)
                    && problems.len() == before
                {
                    match books.books().await {
                        Ok(chart) => problems.extend(rules_check::problems(ledger, &chart)),
                        Err(error) => problems.push(of(error.to_string(), "Run `check` again.".into())),
                    }
                }
            }
            Err(WiringError::Account { why, .. }) => problems.push(of(why, connect)),
            Err(error) => problems.push(of(error.to_string(), "Set it, then run `check` again.".into())),
        }
    }
    problems
}

/// The warehouse: reachable, new enough, with a schema that is ours and rights in it. Nothing is made there.
async fn of_warehouse(config: &Config) -> Vec<Problem> {
    let Some(settings) = &config.warehouse else {
        return vec![];
    };
    let of = |message: String, remedy: String| Problem {
        file: config.path.display().to_string(),
        line: settings.line,
        message: format!("[warehouse]: {message}"),
        remedy,
    };
    let url = match exports::address(config, settings) {
        Ok(url) => url,
        Err(failure) => return vec![of(failure.to_string(), "Set it, then run `check` again.".into())],
    };
    let found = warehouse::probe(url.expose_secret(), exports::plan(config, settings)).await;
    found.into_iter().map(|found| of(found.what, found.remedy)).collect()
}

fn at(config: &Config, error: &WiringError, remedy: &str) -> Problem {
    let line = match error {
        WiringError::Secret { system, .. } | WiringError::Account { system, .. } => {
            let books = || config.books.get(system).map(|system| system.line);
            config.systems.get(system).map(|system| system.line).or_else(books)
        }
        WiringError::Queue(_) | WiringError::QueuePassword(_) => config.queue.line(),
        WiringError::Event { .. } => config.events.as_ref().map(|events| events.line),
        _ => None,
    };
    Problem {
        file: config.path.display().to_string(),
        line: line.unwrap_or(0),
        message: error.to_string(),
        remedy: remedy.to_string(),
    }
}

/// What is worth knowing and not wrong.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = vec![];
    for system in config.systems.values() {
        let Some(connector) = &system.file else { continue };
        let tells = connector
            .kinds
            .get(&system.mapping.kind)
            .is_some_and(|kind| kind.authors.is_some());
        if !tells {
            notes.push(format!(
                "{}: {} does not tell who made an edit, so edits there follow `accept.unknown` of each unit",
                system.name, connector.title
            ));
        }
    }
    if config.create_in.is_empty() {
        notes.push("create_in names no system: nobody who is missing somewhere is created there".into());
    }
    notes.extend(destinations(config));
    notes.extend(config.ledger.iter().flat_map(rules_check::notes));
    notes
}

/// Systems that receive personal data, and of which nothing, or nothing lately, is on record.
fn destinations(config: &Config) -> Vec<String> {
    let old = |day: jiff::civil::Date| {
        let today = jiff::Zoned::now().date();
        day.checked_add(jiff::Span::new().years(1))
            .is_ok_and(|next| next < today)
    };
    let people = config.systems.keys().filter(|name| **name != config.home);
    let mut notes = vec![];
    for name in people.chain(config.books.keys()) {
        match config.destinations.get(name) {
            None => notes.push(format!(
                "{name}: add [systems.{name}.destination] with name, country and purpose: who receives personal data must be on \
                 record. From version 1.0 `check` refuses without it"
            )),
            Some(to) if to.reviewed.is_none_or(old) => notes.push(format!(
                "{name}: the terms of {} were not reviewed for a year: look at them, and say reviewed = \"{}\"",
                to.name,
                jiff::Zoned::now().date()
            )),
            Some(_) => {}
        }
    }
    notes
}

fn ended(out: &Output, problems: Vec<Problem>, notes: &[String], exit: Exit) -> Exit {
    out.document(&json!({ "ok": problems.is_empty(), "problems": problems, "notes": notes }));
    if !out.json() {
        for note in notes {
            out.line(format!("note: {note}"));
        }
        out.problems(&problems);
    }
    out.line(match problems.len() {
        0 => "The configuration is good.".to_string(),
        n => format!("{} found.", count(n as u64, "problem")),
    });
    exit
}
