//! `note`: clinical notes into Halaxy, each once, and nothing of them kept here but a digest.

use super::{Desk, files};
use crate::args::{ByArg, ConfigArg};
use crate::commands;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{times, wiring};
use bridge_admin::actions::{ActionError, CALL_LIFE, digest, outcome};
use bridge_admin::receipts::{self, Progress, Receipt};
use bridge_core::care::Note;
use bridge_store::AuditEntry;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The action that notes are written by.
const ACTION: &str = "create-note";

/// What `note` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge note create --patient 900001 --author PR-700001 --title Intake --file intake.html --request-key intake-17
  halaxy-bridge note create --patient 900001 --author PR-700001 --title Call --text --file - --request-key call-9 < call.txt
  halaxy-bridge note list
  halaxy-bridge note settle intake-17 --not-written

Notes can never be read back, listed or removed through Halaxy's API, so each is sent once for its key. If
nobody knows whether it arrived it is not sent again: look in Halaxy, then say so with `note settle`. Off
unless [notes] in bridge.toml grants it with a purpose. Drafts unless --final.")]
pub struct NoteArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: NoteCommand,
}

/// The parts of `note`.
#[derive(Debug, Subcommand)]
pub enum NoteCommand {
    /// Write a note.
    Create(CreateArgs),
    /// What became of notes, by their keys; no texts.
    List,
    /// Say what became of a note of which nobody knows.
    Settle(SettleArgs),
}

/// What `note create` takes.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// About whom.
    #[arg(long, value_name = "ID")]
    pub patient: String,
    /// Who wrote it: a role of the practice, PR-.
    #[arg(long, value_name = "ID")]
    pub author: Option<String>,
    /// Title.
    #[arg(long, value_name = "TITLE")]
    pub title: String,
    /// When, with its offset: 2026-03-04T10:10:00+11:00.
    #[arg(long, value_name = "MOMENT")]
    pub date: Option<String>,
    /// The text as HTML; - for standard input.
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// It is plain text, to be made into HTML.
    #[arg(long)]
    pub text: bool,
    /// Published, not a draft.
    #[arg(long = "final")]
    pub published: bool,
    /// Files to go with it: pdf, jpeg, png, doc, docx, xls or xlsx, 20 MB each at most.
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// What this note is known by, e.g. the number of the form it comes from. Never sent twice.
    #[arg(long, value_name = "KEY")]
    pub request_key: String,
    /// Send it although the same text was sent under this key.
    #[arg(long, value_name = "KEY")]
    pub despite: Option<String>,
    /// Show the request without its text, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What `note settle` takes.
#[derive(Debug, Args)]
#[group(id = "word", required = true, multiple = false, args = ["written", "not_written"])]
pub struct SettleArgs {
    /// The note's request key.
    pub key: String,
    /// It is in Halaxy.
    #[arg(long)]
    pub written: bool,
    /// It is not in Halaxy: its key may be used again.
    #[arg(long)]
    pub not_written: bool,
    /// Who says so.
    #[command(flatten)]
    pub by: ByArg,
}

/// Does what is asked of notes.
///
/// # Errors
/// [`Failure`]: bad input with what to do about it, or what Halaxy answered.
pub async fn run(args: &NoteArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.command {
        NoteCommand::Create(args) => create(&config, args, out).await,
        NoteCommand::List => list(&config, out).await,
        NoteCommand::Settle(args) => settle(&config, args, out).await,
    }
}

async fn create(config: &Config, args: &CreateArgs, out: &Output) -> Result<Exit, Failure> {
    if config.care.notes.is_none() {
        return Err(ActionError::Notes.into());
    }
    let desk = Desk::open(config)?;
    let note = read(&args.file, args.text)?;
    let attached = files::read(&args.attach)?;
    let mut body = json!({ "content": [{ "attachment": { "contentType": "text/html", "data": note.html() } }] });
    if !attached.is_empty() {
        body["attachments"] = files::sent(&attached);
    }
    let inputs = [
        ("patient", Some(args.patient.as_str())),
        ("author", args.author.as_deref()),
        ("status", Some(if args.published { "final" } else { "preliminary" })),
        ("title", Some(args.title.as_str())),
        ("date", args.date.as_deref()),
    ];
    let request = desk.request(ACTION, &inputs, Some(body))?;
    if args.dry_run {
        return Ok(desk.shown(&request, out));
    }
    let store = wiring::store(config).await?;
    let digest = digest(&request);
    let same = |(key, receipt): &&(String, Receipt)| {
        let other = *key != args.request_key && args.despite.as_ref() != Some(key);
        other && receipt.request == digest && receipt.progress != Progress::Refused
    };
    let known = receipts::of_action(&store, ACTION).await?;
    if let Some((key, receipt)) = known.iter().find(same) {
        let unknown = receipt.progress != Progress::Done;
        out.document(&json!({ "outcome": if unknown { "unknown" } else { "equal" }, "request_key": key }));
        out.line(match unknown {
            true => {
                format!("Nothing was sent: the same note was sent under {key}, and nobody knows whether it arrived.")
            }
            false => format!(
                "Nothing was sent: the same note was written under {key}. To send it all the same: --despite {key}"
            ),
        });
        if unknown {
            out.line(format!(
                "Look in Halaxy, then: {}",
                config.command(&format!("note settle {key} --written"))
            ));
        }
        return Ok(Exit::Waiting);
    }
    let exit = desk.send(&request, Some(args.request_key.clone()), out).await?;
    if exit == Exit::Waiting {
        let key = &args.request_key;
        out.remark(format!(
            "when you have looked: {} (or --not-written)",
            config.command(&format!("note settle {key} --written"))
        ));
    }
    Ok(exit)
}

fn read(path: &Path, plain: bool) -> Result<Note, Failure> {
    let mut bytes = Vec::new();
    let what = match path.to_str() {
        Some("-") => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        _ => std::fs::read(path).map(|read| bytes = read),
    };
    what.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    Note::of(&bytes, plain).map_err(|bad| Failure::Usage(format!("--file {}: {bad}", path.display())))
}

async fn list(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let all = receipts::of_action(&store, ACTION).await?;
    let open = |receipt: &Receipt| matches!(receipt.progress, Progress::Sent | Progress::Unknown);
    let row = |(key, r): &(String, Receipt)| json!({ "request_key": key, "at": times::iso(r.at), "by": r.by, "outcome": word(r), "id": r.id, "digest": r.request });
    out.document(&json!({ "notes": all.iter().map(row).collect::<Vec<Json>>() }));
    let rows = all.iter().map(|(key, r)| {
        vec![
            times::local(r.at, &config.time_zone),
            key.clone(),
            word(r).into(),
            r.by.clone(),
            r.id.clone().unwrap_or_default(),
        ]
    });
    out.table(
        &["When", "Key", "Outcome", "By", "Id"],
        rows.collect(),
        "No note was written yet.",
    );
    let waiting = all.iter().filter(|(_, receipt)| open(receipt)).count() as u64;
    if waiting == 0 {
        return Ok(Exit::Done);
    }
    out.line(format!(
        "{} of which nobody knows: look in Halaxy, then `note settle`",
        count(waiting, "note")
    ));
    Ok(Exit::Waiting)
}

fn word(receipt: &Receipt) -> &'static str {
    match outcome(receipt, times::now()) {
        "done" => "written",
        "under_way" => "under way",
        other => other,
    }
}

async fn settle(config: &Config, args: &SettleArgs, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let known = receipts::one(&store, &args.key).await?;
    let Some(mut receipt) = known.filter(|receipt| receipt.action == ACTION) else {
        return Err(Failure::Usage(format!(
            "no note was sent under {}; see `note list`",
            args.key
        )));
    };
    if !matches!(receipt.progress, Progress::Sent | Progress::Unknown) {
        return Err(Failure::Usage(format!(
            "the note of {} is {} already",
            args.key,
            word(&receipt)
        )));
    }
    if receipt.progress == Progress::Sent && times::now() - receipt.at < CALL_LIFE {
        return Err(Failure::Usage(format!(
            "the note of {} may be under way still: look again in two minutes",
            args.key
        )));
    }
    let by = args.by.name();
    let became = if args.written { "written" } else { "not written" };
    let line = AuditEntry {
        at: times::now(),
        run: None,
        entity: None,
        system: Some(config.home.clone()),
        remote_id: None,
        event: "action".into(),
        units: Vec::new(),
        reason: format!("{ACTION} settled as {became} by {by}, request key {}", args.key),
        body: None,
    };
    if args.written {
        receipt.progress = Progress::Done;
        receipts::settle(&store, &args.key, &receipt, line).await?;
    } else {
        receipts::take_back(&store, &args.key, line).await?;
    }
    out.document(&json!({ "request_key": args.key, "outcome": became }));
    out.line(format!("The note of {} is {became}.", args.key));
    Ok(Exit::Done)
}
