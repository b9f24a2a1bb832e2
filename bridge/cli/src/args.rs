//! The command line.

use crate::commands::{
    book,
    care::{coverage, note, referral, telehealth},
    check, completions, conflicts, connect, consent, demo, diary, events, explain, export, halaxy, init, key, ledger,
    links, match_files, matches, pause, plan, prepare, privacy, replay, run, sandbox, status, store, sync, warehouse,
    webhooks,
};
use crate::telemetry::LogFormat;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps Halaxy patients and CRM contacts in step, both ways.
#[derive(Debug, Parser)]
#[command(
    name = "halaxy-bridge",
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = "\
Exit codes: 0 done; 1 failed; 2 bad usage or configuration; 3 done, but something waits for a person.

First steps:
  halaxy-bridge demo            see it at work, with invented people and no account
  halaxy-bridge init practice   start a configuration of your own"
)]
pub struct Cli {
    /// Print one JSON document on stdout instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// How log lines on stderr look; RUST_LOG says which there are.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the bridge at work between stand-ins, with invented people or yours from CSV files.
    Demo(demo::DemoArgs),
    /// Serve the stand-ins of Halaxy and a CRM alone, for trying and testing.
    Sandbox(sandbox::SandboxArgs),
    /// Write a commented bridge.toml, the mappings and the connectors, ready to edit.
    Init(init::InitArgs),
    /// Check configuration, mappings, privacy rules, credentials and permissions.
    Check(check::CheckArgs),
    /// Sign in to an accounting system, and choose the organisation.
    Connect(connect::ConnectArgs),
    /// Show what a product must have before it is synchronised, and create what is missing.
    Prepare(prepare::PrepareArgs),
    /// Show what a sync would do. Sends nothing.
    Plan(plan::PlanArgs),
    /// Synchronise once, until nothing is left to do.
    Sync(sync::SyncArgs),
    /// Run as a service: everything stays in step until it is stopped.
    Run(run::RunArgs),
    /// Show what there is, what waits, and what the last runs did.
    Status(status::StatusArgs),
    /// The addresses to enter as webhooks in the products.
    Webhooks(webhooks::WebhooksArgs),
    /// Values that two systems changed differently, and questions about whole records.
    Conflicts(conflicts::ConflictsArgs),
    /// Pairs of records that may be the same person.
    Matches(matches::MatchesArgs),
    /// Match two exported files: who is the same person, who may be. Sends nothing.
    Match(match_files::MatchArgs),
    /// Which records are the same person.
    Links(links::LinksArgs),
    /// The public stream: what has changed in the products, and who is told.
    Events(events::EventsArgs),
    /// Appointments: find free times, book each request once, and see what became of it.
    Book(book::BookArgs),
    /// People, appointments, invoices and the rest as CSV, NDJSON or Parquet: all of it, or what changed.
    Export(export::ExportArgs),
    /// A PostgreSQL schema of yours that is kept as an export would show it.
    Warehouse(warehouse::WarehouseArgs),
    /// Every endpoint of Halaxy as a command: look up, book, refer, write notes.
    Halaxy(halaxy::HalaxyArgs),
    /// Referrals: what is left of them, who refers, make one, add files.
    Referral(referral::ReferralArgs),
    /// Claim details: look up, make, change.
    Coverage(coverage::CoverageArgs),
    /// Clinical notes into Halaxy, each once.
    Note(note::NoteArgs),
    /// Calls and credits from imported reports: whom with, and what they cost.
    Telehealth(telehealth::TelehealthArgs),
    /// Invoices and payments in the books: what is posted, what differs, what waits.
    Ledger(ledger::LedgerArgs),
    /// Appointments in the CRM: what is told of them, and what waits.
    Diary(diary::DiaryArgs),
    /// Who may be reached by marketing, who said no, and how soon everybody was told.
    Consent(consent::ConsentArgs),
    /// Who was told what; everything held of one person, or forgotten; how long things are kept.
    Privacy(privacy::PrivacyArgs),
    /// Stop everything that is sent to a system.
    Pause(pause::PauseArgs),
    /// Let what is sent to a system go on.
    Resume(pause::ResumeArgs),
    /// Tell what happened to a person's records, and why.
    Explain(explain::ExplainArgs),
    /// Try what is held of an entity once more.
    Replay(replay::ReplayArgs),
    /// Make the key that personal values are sealed with.
    Key(key::KeyArgs),
    /// Check the store, or move it to another database.
    Store(store::StoreArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigArg {
    /// The configuration file, or its folder.
    #[arg(
        short = 'c',
        long = "config",
        value_name = "FILE",
        default_value = "bridge.toml",
        global = true
    )]
    pub config: PathBuf,
}

impl ConfigArg {
    /// The file.
    pub fn path(&self) -> PathBuf {
        if self.config.is_dir() {
            self.config.join("bridge.toml")
        } else {
            self.config.clone()
        }
    }
}

impl ConfigArg {
    /// The configurations of a folder with one for each practice, in order; none if one is meant.
    pub fn practices(&self) -> Option<Vec<PathBuf>> {
        if !self.config.is_dir() || self.path().exists() {
            return None;
        }
        let entries = std::fs::read_dir(&self.config).ok()?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "toml"));
        files.sort();
        (!files.is_empty()).then_some(files)
    }
}

/// Who decides.
#[derive(Clone, Debug, Args)]
pub struct ByArg {
    /// Who decides, for the history; your login name unless given.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

impl ByArg {
    /// The name that the history shows.
    pub fn name(&self) -> String {
        let login = || {
            ["USER", "LOGNAME", "USERNAME"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        };
        self.by
            .clone()
            .or_else(login)
            .unwrap_or_else(|| "somebody at the command line".into())
    }
}
