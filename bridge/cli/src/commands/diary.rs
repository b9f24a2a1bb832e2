//! `diary`: appointments in the CRM.

use crate::args::ConfigArg;
use crate::commands;
use crate::config::Config;
use crate::diary;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::times;
use bridge_core::diary::{Act, Entry, EntryState, Held, Planned, Why};
use bridge_engine::diary::DiaryOutlook;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// What `diary` takes.
#[derive(Debug, Args)]
pub struct DiaryArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: DiaryCommand,
}

/// The commands about appointments in the CRM.
#[derive(Debug, Subcommand)]
pub enum DiaryCommand {
    /// Show what would be told to the CRM, by what is known now. Sends nothing.
    #[command(after_help = "\
Examples:
  halaxy-bridge diary preview
  halaxy-bridge diary preview --texts       with the text of every activity

Appointments come from the mirror: after a first `sync` they are all known.")]
    Preview {
        /// Print what each activity would tell.
        #[arg(long)]
        texts: bool,
    },
    /// One appointment: what its activities tell, and how far each got.
    #[command(after_help = "Example:\n  halaxy-bridge diary show 400001")]
    Show {
        /// Halaxy's id of the appointment.
        #[arg(value_name = "APPOINTMENT")]
        appointment: String,
    },
    /// Activities that wait, and why.
    #[command(after_help = "Example:\n  halaxy-bridge diary holds")]
    Holds,
}

/// Does what the command says.
///
/// # Errors
/// [`Failure`] if the configuration has no diary, or the store fails.
pub async fn run(args: &DiaryArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let outlook = diary::look(&config).await?.outlook(times::now()).await?;
    Ok(match &args.command {
        DiaryCommand::Preview { texts } => preview(&config, &outlook, *texts, out),
        DiaryCommand::Show { appointment } => return show(&config, &outlook, appointment, out),
        DiaryCommand::Holds => holds(&outlook, out),
    })
}

fn word(act: &Act) -> &'static str {
    match act {
        Act::Create => "create",
        Act::Change(_) => "change",
        Act::Restore(_) => "put right",
        Act::Attach(_) => "attach",
        Act::Detach(_) => "detach",
    }
}

fn text(config: &Config, act: &Planned) -> String {
    let zone = config.diary.as_ref().map(|diary| diary.rules.zone.clone());
    act.wanted.activity.text(&zone.unwrap_or(jiff::tz::TimeZone::UTC))
}

fn preview(config: &Config, outlook: &DiaryOutlook, texts: bool, out: &Output) -> Exit {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for act in &outlook.acts {
        *counts.entry(word(&act.act)).or_default() += 1;
    }
    let row = |act: &Planned| {
        json!({
            "appointment": act.wanted.appointment, "patient": act.wanted.patient, "contact": act.contact,
            "does": word(&act.act), "outcome": act.wanted.activity.outcome.word(),
            "text": texts.then(|| text(config, act)),
        })
    };
    let rows: Vec<Json> = outlook.acts.iter().map(row).collect();
    out.document(&json!({ "counts": counts, "held": outlook.held.len(), "activities": rows }));
    if outlook.acts.is_empty() {
        out.line("Nothing is to be told.");
    }
    for (does, n) in &counts {
        out.line(format!("{does}: {}", count(*n, "activity")));
    }
    if texts {
        for act in &outlook.acts {
            let wanted = &act.wanted;
            out.heading(&format!(
                "{} {} for contact {}: {}",
                word(&act.act),
                wanted.key,
                act.contact,
                wanted.activity.title
            ));
            out.line(text(config, act));
        }
    }
    if !outlook.held.is_empty() {
        out.line(format!(
            "{} waiting; see `{}`.",
            outlook.held.len(),
            config.command("diary holds")
        ));
    }
    Exit::Done
}

fn state(entry: &Entry) -> &'static str {
    match (entry.state, &entry.outgoing) {
        (EntryState::Creating, _) => "sent, not answered yet",
        (EntryState::Unmade, _) => "refused",
        (EntryState::Deleted, _) => "deleted in the CRM; it is not made again",
        (EntryState::Posted, Some(_)) => "changing, not answered yet",
        (EntryState::Posted, None) => "stands there",
    }
}

fn show(config: &Config, outlook: &DiaryOutlook, appointment: &str, out: &Output) -> Result<Exit, Failure> {
    let entries: Vec<&Entry> = outlook
        .entries
        .iter()
        .filter(|e| e.appointment == appointment)
        .collect();
    let acts: Vec<&Planned> = outlook
        .acts
        .iter()
        .filter(|a| a.wanted.appointment == appointment)
        .collect();
    let held: Vec<&Held> = outlook.held.iter().filter(|h| h.appointment == appointment).collect();
    if entries.is_empty() && acts.is_empty() && held.is_empty() {
        return Err(Failure::Usage(format!(
            "nothing is told of appointment {appointment}, and nothing is to be: it is not known, a calendar block, \
             or outside the days that [diary] covers"
        )));
    }
    let zone = config
        .diary
        .as_ref()
        .map(|diary| diary.rules.zone.clone())
        .unwrap_or(jiff::tz::TimeZone::UTC);
    out.document(&json!({
        "posted": entries,
        "next": acts.iter().map(|a| json!({"key": a.wanted.key, "does": word(&a.act)})).collect::<Vec<_>>(),
        "held": held.iter().map(|h| json!({"patient": h.patient, "why": why(h).0})).collect::<Vec<_>>(),
    }));
    for entry in entries {
        let id = entry.remote_id.as_ref().map_or(String::new(), |id| format!(" as {id}"));
        let contacts: Vec<&str> = entry.contacts.keys().map(String::as_str).collect();
        out.heading(&format!(
            "{}{id}, contact {}: {}",
            entry.key,
            contacts.join(", "),
            state(entry)
        ));
        out.line(entry.base.text(&zone));
    }
    for act in acts {
        out.heading(&format!(
            "next: {} {} for contact {}",
            word(&act.act),
            act.wanted.key,
            act.contact
        ));
        out.line(text(config, act));
    }
    for held in held {
        let (why, remedy) = why(held);
        out.line(format!("patient {}: {why}. {remedy}", held.patient));
    }
    Ok(Exit::Done)
}

/// Why something waits, and what to do about it.
fn why(held: &Held) -> (String, &'static str) {
    match &held.why {
        Why::NoContact => (
            "the patient has no contact in the CRM yet".into(),
            "It follows by itself once they are linked: see `halaxy-bridge matches`.",
        ),
        Why::LinkCut(contacts) => (
            format!(
                "it stands with {}, which is not the patient's contact any more",
                contacts.join(", ")
            ),
            "Nothing more is told there. Delete it in the CRM, or link the patient again.",
        ),
        Why::Refused(code) => (
            format!("the CRM refused it ({code})"),
            "It is tried again when something else is to be told of it.",
        ),
        Why::Rewritten => (
            "something in the CRM changes it again and again".into(),
            "Look for a workflow there, or write edits = \"leave\" in [diary].",
        ),
        Why::Unreadable(member) => (
            format!("`{member}` of the appointment cannot be read"),
            "Look at it in Halaxy.",
        ),
    }
}

fn holds(outlook: &DiaryOutlook, out: &Output) -> Exit {
    let rows: Vec<Json> = outlook
        .held
        .iter()
        .map(|held| {
            let (why, remedy) = why(held);
            json!({"appointment": held.appointment, "patient": held.patient, "why": why, "remedy": remedy})
        })
        .collect();
    out.document(&json!({ "held": rows }));
    let mut by_why: BTreeMap<(String, &str), Vec<&Held>> = BTreeMap::new();
    for held in &outlook.held {
        by_why.entry(why(held)).or_default().push(held);
    }
    if by_why.is_empty() {
        out.line("Nothing waits.");
        return Exit::Done;
    }
    for ((why, remedy), all) in by_why {
        out.heading(&format!("{}: {why}", all.len()));
        out.line(remedy);
        for held in all.iter().take(20) {
            out.line(format!("  appointment {}, patient {}", held.appointment, held.patient));
        }
        if all.len() > 20 {
            out.line(format!("  and {} more; --json lists them all", all.len() - 20));
        }
    }
    Exit::Waiting
}
