//! `privacy`: who was told what, everything held of one person, and forgetting.

mod forget;
mod notice;
mod register;
mod subject;

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, times, wiring};
use adapter_halaxy::HalaxyMirror;
use bridge_core::Time;
use bridge_engine::erase::{Erasure, MirrorOf};
use bridge_engine::retention;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// What `privacy` takes.
#[derive(Debug, Args)]
pub struct PrivacyArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: PrivacyAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum PrivacyAction {
    /// List who was told what, when and for which purpose: names of units, no values.
    #[command(after_help = "\
Examples:
  halaxy-bridge privacy register --person halaxy:PA-1042
  halaxy-bridge privacy register --from 2026-11-01 --to 2026-11-30 --json

For a correction, --unit lists the systems that have to know of it.")]
    Register(register::RegisterArgs),
    /// What a breach of one system touched: whose records, which units, when.
    #[command(after_help = "\
Examples:
  halaxy-bridge privacy breach --system crm --from 2026-11-01
  halaxy-bridge privacy breach --system crm --from 2026-11-01 --to 2026-11-20 --json > breach.json

`halaxy-bridge pause crm` stops everything that is sent there. The list tells what the bridge sent in that time; what
stood there before it is listed with --all.")]
    Breach(register::BreachArgs),
    /// Write the page \"what we send where\" from this configuration, for the practice's privacy policy.
    #[command(after_help = "Example:\n  halaxy-bridge privacy notice > what-we-send.md")]
    Notice,
    /// Write everything that is held of a person into a folder: a page to read, and JSON.
    #[command(after_help = "\
Example:
  halaxy-bridge privacy subject halaxy:PA-1042 --out for-the-patient

Links, agreed and seen values, overruled values, conflicts, history, disclosures, consent, and mirrored records that name
the person. The folder holds personal values: hand it over, then delete it.")]
    Subject {
        /// Id of the entity, or SYSTEM:ID of one of its records.
        person: String,
        /// The folder; it is made, and must not have files of these names.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Forget a person: every value goes, and the records are never taken in again.
    #[command(after_help = "\
Examples:
  halaxy-bridge privacy erase halaxy:PA-1042 --dry-run
  halaxy-bridge privacy erase halaxy:PA-1042 --yes

Ends with what others still hold, and what a person must do there. Nothing is deleted in Halaxy, the CRM or the books.
The database file is rewritten, so that no byte of it is left; on a server that is the server's affair.")]
    Erase {
        /// Id of the entity, or SYSTEM:ID of one of its records.
        person: String,
        /// Do it.
        #[arg(long)]
        yes: bool,
        /// Only say what it would come to.
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
    /// Take every byte of what was removed out of the database file; `erase` does it by itself.
    #[command(after_help = "Example:\n  halaxy-bridge privacy purge")]
    Purge,
    /// What is kept for how long, and how old the oldest of it is.
    #[command(after_help = "Example:\n  halaxy-bridge privacy retention")]
    Retention,
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown person or system, or if the store fails.
pub async fn run(args: &PrivacyArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.action {
        PrivacyAction::Register(args) => register::register(&config, args, out).await,
        PrivacyAction::Breach(args) => register::breach(&config, args, out).await,
        PrivacyAction::Notice => notice::run(&config, out),
        PrivacyAction::Subject { person, out: folder } => subject::run(&config, person, folder, out).await,
        PrivacyAction::Erase {
            person,
            yes,
            dry_run,
            by,
        } => erase(&config, person, (*yes, *dry_run), &by.name(), out).await,
        PrivacyAction::Purge => {
            wiring::store(&config).await?.purge().await?;
            out.document(&json!({ "file_rewritten": true }));
            out.line("Nothing that was removed is left in the file.");
            Ok(Exit::Done)
        }
        PrivacyAction::Retention => kept(&config, out).await,
    }
}

/// The moments between two days on the practice's clock, both within; all there is where none is named.
pub(super) fn days(config: &Config, from: Option<&str>, to: Option<&str>) -> Result<(Time, Time), Failure> {
    let day = |text: &str, next: bool| {
        let day = text.parse::<Date>().ok();
        let day = if next { day.and_then(|d| d.tomorrow().ok()) } else { day };
        day.and_then(|day| day.in_tz(&config.time_zone).ok())
            .map(|moment| moment.timestamp().as_microsecond())
            .ok_or_else(|| Failure::Usage(format!("`{text}` is no date; write it like 2026-11-23")))
    };
    let from = from.map_or(Ok(0), |text| day(text, false))?;
    let to = to.map_or(Ok(i64::MAX), |text| day(text, true))?;
    if from >= to {
        return Err(Failure::Usage("--from is after --to".into()));
    }
    Ok((from, to))
}

/// Where mirrored records about people come from.
fn mirrors(config: &Config) -> Vec<MirrorOf<'static>> {
    vec![MirrorOf {
        system: config.home.clone(),
        rules: &HalaxyMirror,
    }]
}

async fn erase(
    config: &Config,
    person: &str,
    (yes, dry): (bool, bool),
    by: &str,
    out: &Output,
) -> Result<Exit, Failure> {
    if !yes && !dry {
        return Err(Failure::Usage(
            "nothing was done: this cannot be taken back. Look with --dry-run, then say --yes".into(),
        ));
    }
    let engine = wiring::desk(config).await?;
    let id = commands::entity_of(engine.store(), config, person).await?;
    let erasure = engine.erase(&id, &mirrors(config), by, dry).await?;
    let purged = if dry { Ok(()) } else { engine.store().purge().await };
    let warehouse = forget::in_warehouse(config, engine.store(), &erasure, dry).await;
    let mut steps = steps(config, &erasure);
    steps.extend(forget::steps(config, &erasure, warehouse.as_ref()));
    let exports = forget::files(&erasure)
        .map(|file| json!({ "at": times::iso(file.at), "what": file.what, "units": file.units }));
    out.document(&json!({
        "warehouse": warehouse, "exports": exports.collect::<Vec<_>>(),
        "dry_run": dry, "entity": id, "removed": erasure.removed, "books_kept": erasure.books_kept,
        "residue": erasure.residue, "to_do": steps, "file_rewritten": !dry && purged.is_ok(),
    }));
    let removed: Vec<String> = erasure
        .removed
        .iter()
        .filter(|(_, rows)| **rows > 0)
        .map(|(table, rows)| format!("{table} {rows}"))
        .collect();
    out.line(format!(
        "{} of entity {id}: {}.",
        if dry { "Would be removed" } else { "Removed" },
        removed.join(", ")
    ));
    out.heading("What others still hold, and what to do there");
    for step in &steps {
        out.line(format!("  - {step}"));
    }
    if let Err(error) = purged {
        out.remark(format!(
            "The rows are gone, but the file could not be rewritten yet ({error}): run `{}` when the service rests.",
            config.command("privacy purge")
        ));
        return Ok(Exit::Waiting);
    }
    Ok(Exit::Done)
}

/// What is left to people, in words.
fn steps(config: &Config, erasure: &Erasure) -> Vec<String> {
    let mut steps = vec![];
    for left in &erasure.residue {
        let told: Vec<&str> = left.told.iter().map(String::as_str).collect();
        let told = if told.is_empty() {
            "the bridge wrote nothing into it".to_string()
        } else {
            format!("the bridge wrote {} into it", told.join(", "))
        };
        let there = if left.there {
            ""
        } else {
            " (removed there, as far as known)"
        };
        let action = if left.system == config.home {
            "the clinical record: keep it as long as health records law asks for, then archive it in Halaxy"
        } else {
            "delete the record there for good (in HubSpot: the contact's Actions > Delete > permanent, GDPR)"
        };
        steps.push(format!(
            "{}: {}{there}; {told}. To do: {action}.",
            left.system, left.record
        ));
    }
    for (name, system) in &config.books {
        steps.push(format!(
            "{name} ({}): documents of the books stay, as tax law asks for (five years); they name the person by handle unless \
             names were switched on. {} of the bridge's own rows about them are kept without names. To do: if a contact \
             shows the name, rename it to the handle.",
            system.connector.title,
            erasure.books_kept
        ));
    }
    steps.push(
        "backups and copies of the store made before now: they hold the person's values, sealed. To do: let them run out, and \
         erase again after restoring one."
            .into(),
    );
    steps.push("subject folders, and files exported before the history begins: delete them.".into());
    if config.events.is_some() {
        steps.push(
            "receivers of the event stream know ids of the records, no values: tell them if they keep copies.".into(),
        );
    }
    steps
}

async fn kept(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let (ages, now) = (store.ages().await?, times::now());
    let keep = &config.retention;
    let day = |d: Duration| format!("{} days", d.as_secs() / 86_400);
    let events = config.events.as_ref().map(|_| "as [events] keep says".to_string());
    let rows = [
        (
            "history",
            "who was told what, who decided what",
            day(keep.history),
            ages.audit,
        ),
        ("sent_values", "values in the history", day(keep.sent_values), None),
        (
            "keep_overruled",
            "overruled values",
            day(config.keep_losers),
            ages.overruled,
        ),
        (
            "mirror_gone",
            "mirrored records that are gone",
            day(keep.mirror_gone),
            ages.mirror_gone,
        ),
        ("runs", "what ended runs did", day(keep.runs), ages.runs),
        ("faint", "resemblances too faint to ask about", day(keep.faint), None),
        ("(fixed)", "hints of webhooks", "3 days".into(), ages.hints),
        (
            "(fixed)",
            "traces of changes on their way",
            "until they arrived".into(),
            ages.traces,
        ),
        (
            "[events] keep",
            "the public stream",
            events.unwrap_or_else(|| "not told".into()),
            ages.events,
        ),
        (
            "(always)",
            "people, links, open questions",
            "until they are gone everywhere or erased".into(),
            None,
        ),
        ("(always)", "erased records, as keyed hashes", "for ever".into(), None),
    ];
    let last = retention::last(&store).await?;
    out.document(&json!({
        "last": last.map(times::iso),
        "kept": rows.iter().map(|(key, what, long, oldest)| json!({
            "key": key, "what": what, "kept": long, "oldest": oldest.map(times::iso),
        })).collect::<Vec<_>>(),
    }));
    let shown = rows.iter().map(|(key, what, long, oldest)| {
        let oldest = oldest.map_or(String::new(), |at| times::ago(at, now));
        vec![(*what).to_string(), long.clone(), oldest, (*key).to_string()]
    });
    out.table(&["what", "kept for", "oldest", "key"], shown.collect(), "");
    out.line(match last {
        Some(at) => format!("Last forgotten what is older: {}.", times::ago(at, now)),
        None => "Nothing was forgotten yet: the service does it once a day.".into(),
    });
    Ok(Exit::Done)
}
