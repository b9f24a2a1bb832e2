//! `referral`: what patients are referred for how long, made once, and watched until it runs out.

use super::{Desk, Sent, WriteArgs, files, introduced, key_of, used_before};
use crate::args::ConfigArg;
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::marks::{self, Earlier};
use crate::output::{Output, count};
use crate::{times, wiring};
use bridge_core::care::once::{equal_referral, referral_mark, same_referral};
use bridge_core::care::referrer::{referrers, sheet};
use bridge_core::care::standing::Alert;
use bridge_core::care::{Definition, Overview, Referral, Standing, State};
use bridge_core::ledger::sheet::Sheet;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// What `referral` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge referral list --patient 900001
  halaxy-bridge referral alerts
  halaxy-bridge referral create --patient 900001 --performer PR-500001 --requester EP-720001 \\
      --definition 880001 --from 2026-03-01 --to 2027-03-01 --attach letter.pdf --request-key order-17
  halaxy-bridge referral attach 870001 letter.pdf
  halaxy-bridge referral referrers --csv referrers.csv
  halaxy-bridge referral referrers --crm

Halaxy shows a referral as active after its end, and makes the same one twice if it is asked twice. Here it
is reckoned how each stands today, and one that is equal (same patient, referrer, kind and period) is never
made again: it is named, and can be given the files instead.")]
pub struct ReferralArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: ReferralCommand,
}

/// The parts of `referral`.
#[derive(Debug, Subcommand)]
pub enum ReferralCommand {
    /// Referrals with what is left of them, the one to use first in front.
    List(ListArgs),
    /// One referral with what is left of it.
    Show {
        /// Its id.
        id: String,
    },
    /// Make a referral, unless an equal one is there.
    Create(Box<CreateArgs>),
    /// Add files to a referral; the same file is added once.
    Attach(AttachArgs),
    /// Referrals that run out soon, or just did. Exit code 3 if there are any.
    Alerts {
        /// Write them to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Who refers to the practice, as rows that a CRM imports.
    Referrers {
        /// Write them to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
        /// Instead, what the CRM of [referrers] was told of them, what is next, and what waits (exit code 3).
        #[arg(long, conflicts_with = "csv")]
        crm: bool,
    },
}

/// What `referral list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only this patient's.
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Only those that stand so: active, expiring, not_yet, used_up, expired or inactive.
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<State>,
    /// Write them to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// What `referral create` takes.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Whose.
    #[arg(long, value_name = "ID")]
    pub patient: String,
    /// Who treats, PR-.
    #[arg(long, value_name = "ID")]
    pub performer: Option<String>,
    /// Who referred: the role of a professional contact, EP-.
    #[arg(long, value_name = "ID")]
    pub requester: Option<String>,
    /// The kind of referral.
    #[arg(long, value_name = "ID")]
    pub definition: Option<String>,
    /// Claim details that it goes with.
    #[arg(long, value_name = "ID")]
    pub coverage: Option<String>,
    /// First day.
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Sessions allowed.
    #[arg(long, value_name = "N")]
    pub sessions: Option<String>,
    /// The one to use first.
    #[arg(long)]
    pub preferred: bool,
    /// Files to go with it: pdf, jpeg, png, doc, docx, xls or xlsx, 20 MB each at most.
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// If an equal one is there, add the files to it.
    #[arg(long, requires = "attach")]
    pub enrich: bool,
    /// Make it although this one is equal.
    #[arg(long, value_name = "ID")]
    pub despite: Option<String>,
    /// How it is asked for.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What `referral attach` takes.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The referral's id.
    pub id: String,
    /// Files: pdf, jpeg, png, doc, docx, xls or xlsx, 20 MB each at most.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How it is asked for.
    #[command(flatten)]
    pub write: WriteArgs,
}

fn state(text: &str) -> Result<State, String> {
    let found = State::ALL.into_iter().find(|(_, word)| *word == text);
    found.map(|(state, _)| state).ok_or_else(|| {
        let words: Vec<&str> = State::ALL.iter().map(|(_, word)| *word).collect();
        format!("use one of {}", words.join(", "))
    })
}

/// Does what is asked of referrals.
///
/// # Errors
/// [`Failure`]: bad input with what to do about it, or what Halaxy answered.
pub async fn run(args: &ReferralArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    if let ReferralCommand::Referrers { crm: true, .. } = &args.command {
        return introduced::show(&config, out).await;
    }
    let desk = Desk::open(&config)?;
    match &args.command {
        ReferralCommand::List(args) => list(&desk, args, out).await,
        ReferralCommand::Show { id } => show(&desk, id, out).await,
        ReferralCommand::Create(args) => create(&desk, args, out).await,
        ReferralCommand::Attach(args) => attach(&desk, args, out).await,
        ReferralCommand::Alerts { csv } => alerts(&desk, csv.as_deref(), out).await,
        ReferralCommand::Referrers { csv, .. } => list_referrers(&desk, csv.as_deref(), out).await,
    }
}

/// Referrals as Halaxy shows them, with the limits of their kinds; those that cannot be read are told.
async fn referrals(desk: &Desk<'_>, patient: Option<&str>, out: &Output) -> Result<(Vec<Referral>, u64), Failure> {
    let bodies = desk.look("list-referrals", &[("patient", patient)]).await?;
    let kinds = desk.look("list-referral-definitions", &[]).await?;
    let kinds: Vec<Definition> = kinds.iter().filter_map(|body| Definition::read(body).ok()).collect();
    let (mut all, mut unread) = (Vec::new(), 0);
    for body in &bodies {
        match Referral::read(body) {
            Ok(referral) => all.push(referral.with(&kinds)),
            Err(wrong) => {
                unread += 1;
                out.remark(format!("{wrong}: it is left out here; correct it in Halaxy"));
            }
        }
    }
    Ok((all, unread))
}

async fn list(desk: &Desk<'_>, args: &ListArgs, out: &Output) -> Result<Exit, Failure> {
    let (all, unread) = referrals(desk, args.patient.as_deref(), out).await?;
    let view = Overview::of(&all, desk.today(), desk.config.care.referrals);
    let chosen: Vec<&(&Referral, Standing)> = view
        .all()
        .iter()
        .filter(|(_, standing)| args.state.is_none_or(|state| state == standing.state))
        .collect();
    let mut table = Sheet::new(&[
        "Referral",
        "Patient",
        "Preferred",
        "State",
        "#Used",
        "#Allowed",
        "#Left",
        "#Money left",
        "Last day",
        "#Days left",
        "Performer",
        "Requester",
    ]);
    for (r, s) in &chosen {
        table.push([
            r.id.clone(),
            r.patient.clone(),
            if r.preferred { "yes".into() } else { String::new() },
            s.state.to_string(),
            r.used.to_string(),
            shown(&r.sessions),
            shown(&s.sessions_left),
            shown(&s.money_left),
            shown(&r.to),
            shown(&s.days_left),
            r.performer.clone().unwrap_or_default(),
            r.requester.clone().unwrap_or_default(),
        ]);
    }
    if let Some(path) = &args.csv {
        commands::write(path, &table.csv())?;
    }
    let rows: Vec<Json> = chosen
        .iter()
        .map(|(r, s)| json!({ "referral": r, "standing": s }))
        .collect();
    out.document(&json!({ "referrals": rows, "counts": view.counts(), "unread": unread }));
    out.line(table.text().trim_end());
    out.line(count(chosen.len() as u64, "referral"));
    Ok(Exit::Done)
}

fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

async fn show(desk: &Desk<'_>, id: &str, out: &Output) -> Result<Exit, Failure> {
    let body = desk.look("get-referral", &[("id", Some(id))]).await?;
    let referral = body.first().map(Referral::read).transpose();
    let referral = referral.map_err(|wrong| Failure::Failed(wrong.to_string()))?;
    let Some(mut referral) = referral else {
        return Err(Failure::Failed("Halaxy shows no such referral".into()));
    };
    if let Some(kind) = referral.definition.clone().filter(|_| referral.sessions.is_none()) {
        let kinds = desk.look("list-referral-definitions", &[]).await?;
        let kinds: Vec<Definition> = kinds.iter().filter_map(|body| Definition::read(body).ok()).collect();
        out.remark(format!("limits are those of its kind {kind}"));
        referral = referral.with(&kinds);
    }
    let standing = Standing::of(&referral, desk.today(), &desk.config.care.referrals);
    out.document(&json!({ "referral": referral, "standing": standing }));
    let mut lines = vec![format!(
        "Referral {} of patient {}: {}",
        referral.id, referral.patient, standing.state
    )];
    if let Some(left) = standing.sessions_left {
        lines.push(format!(
            "  {} of {} sessions used, {left} left",
            referral.used,
            shown(&referral.sessions)
        ));
    }
    if let Some(left) = standing.money_left {
        lines.push(format!("  {} used, {left} left", referral.money_used));
    }
    if let (Some(end), Some(days)) = (referral.to, standing.days_left) {
        lines.push(match days {
            ..=0 => format!("  ended on {end}; Halaxy still shows it as active"),
            _ => format!("  last day {end}: {}", count(days.unsigned_abs(), "day") + " left"),
        });
    }
    lines.iter().for_each(|line| out.line(line));
    Ok(Exit::Done)
}

async fn create(desk: &Desk<'_>, args: &CreateArgs, out: &Output) -> Result<Exit, Failure> {
    let attached = files::read(&args.attach)?;
    let body = (!attached.is_empty()).then(|| json!({ "attachments": files::sent(&attached) }));
    let preferred = args.preferred.then_some("true");
    let inputs = [
        ("patient", Some(args.patient.as_str())),
        ("performer", args.performer.as_deref()),
        ("requester", args.requester.as_deref()),
        ("definition", args.definition.as_deref()),
        ("coverage", args.coverage.as_deref()),
        ("from", args.from.as_deref()),
        ("to", args.to.as_deref()),
        ("sessions", args.sessions.as_deref()),
        ("preferred", preferred),
    ];
    let request = desk.request("create-referral", &inputs, body)?;
    if args.write.dry_run {
        return Ok(desk.shown(&request, out));
    }
    if used_before(desk.config, args.write.request_key.as_deref()).await? {
        return desk.send(&request, args.write.request_key.clone(), out).await;
    }
    let mut asked = request.body.clone().unwrap_or_default();
    asked["id"] = "asked".into();
    let asked = Referral::read(&asked).map_err(|wrong| Failure::Usage(wrong.to_string()))?;
    let (there, _) = referrals(desk, Some(&asked.patient), out).await?;
    if let Some(equal) = equal_referral(&asked, &there).filter(|r| args.despite.as_ref() != Some(&r.id)) {
        return instead(desk, args, &equal.id, out).await;
    }
    let (key, mark) = (key_of(&args.write, out), referral_mark(&asked));
    let store = wiring::store(desk.config).await?;
    if args.despite.is_some() {
        marks::give_back(&store, &mark).await?;
    }
    match desk.send_once(&request, key.clone(), &mark, out).await? {
        Sent::Now(exit) => Ok(exit),
        Sent::Earlier(Earlier::Made { id: Some(id), .. }) => {
            // A list that lags is no proof that it is gone: it is read by itself.
            let now = desk.look("get-referral", &[("id", Some(&id))]).await?;
            let still = now.first().and_then(|body| Referral::read(body).ok());
            if still.is_some_and(|r| r.active && same_referral(&r, &asked)) {
                return instead(desk, args, &id, out).await;
            }
            marks::give_back(&store, &mark).await?;
            match desk.send_once(&request, key, &mark, out).await? {
                Sent::Now(exit) => Ok(exit),
                Sent::Earlier(earlier) => Ok(told(&earlier, "referral", out)),
            }
        }
        Sent::Earlier(earlier) => Ok(told(&earlier, "referral", out)),
    }
}

/// An equal one is there: it is enriched if that was asked for, else named.
async fn instead(desk: &Desk<'_>, args: &CreateArgs, id: &str, out: &Output) -> Result<Exit, Failure> {
    if args.enrich {
        out.remark(format!("referral {id} is equal: the files are added to it"));
        let add = AttachArgs {
            id: id.into(),
            files: args.attach.clone(),
            write: args.write.clone(),
        };
        return attach(desk, &add, out).await;
    }
    out.document(&json!({ "outcome": "equal", "id": id }));
    out.line(format!(
        "Nothing was made: referral {id} has the same patient, referrer, kind and period."
    ));
    out.line(format!(
        "To add files to it: {}",
        desk.config.command(&format!("referral attach {id} FILE"))
    ));
    out.line(format!("To make another one all the same: --despite {id}"));
    Ok(Exit::Waiting)
}

/// What became of an earlier request for the same.
pub(super) fn told(earlier: &Earlier, what: &str, out: &Output) -> Exit {
    let (outcome, key, text) = match earlier {
        Earlier::Made { key, .. } => (
            "equal",
            Some(key),
            format!("the same {what} was made under request key {key}"),
        ),
        Earlier::Unknown { key } => (
            "unknown",
            Some(key),
            format!(
                "the same {what} was asked for under request key {key}, and nobody knows whether it was made: look in Halaxy"
            ),
        ),
        Earlier::Busy => (
            "busy",
            None,
            format!("the same {what} is being asked for right now; look again in a minute"),
        ),
    };
    out.document(&json!({ "outcome": outcome, "request_key": key }));
    out.line(format!("Nothing was sent: {text}."));
    Exit::Waiting
}

async fn attach(desk: &Desk<'_>, args: &AttachArgs, out: &Output) -> Result<Exit, Failure> {
    let all = files::read(&args.files)?;
    let id = [("id", Some(args.id.as_str()))];
    let request = |files: &[bridge_core::care::Attachment]| {
        desk.request(
            "add-referral-files",
            &id,
            Some(json!({ "attachments": files::sent(files) })),
        )
    };
    let whole = request(&all)?;
    if args.write.dry_run {
        return Ok(desk.shown(&whole, out));
    }
    if used_before(desk.config, args.write.request_key.as_deref()).await? {
        return desk.send(&whole, args.write.request_key.clone(), out).await;
    }
    let key = key_of(&args.write, out);
    let store = wiring::store(desk.config).await?;
    let record = format!("Referral/{}", whole.id.as_deref().unwrap_or_default());
    let (mut new, mut taken) = (Vec::new(), Vec::new());
    for file in all {
        let mark = files::mark(&record, &file);
        match marks::claim(&store, &mark, &key, times::now()).await? {
            marks::Mark::Ours if taken.contains(&mark) => {}
            marks::Mark::Ours => {
                taken.push(mark);
                new.push(file);
            }
            marks::Mark::Earlier(Earlier::Made { .. }) => out.remark("a file that is attached already is left out"),
            marks::Mark::Earlier(earlier) => {
                for mark in &taken {
                    marks::give_back(&store, mark).await?;
                }
                return Ok(told(&earlier, "file", out));
            }
        }
    }
    if new.is_empty() {
        out.document(&json!({ "outcome": "attached_before", "id": args.id }));
        out.line("Nothing was sent: every file is attached already.");
        return Ok(Exit::Done);
    }
    let sent = desk.send(&request(&new)?, Some(key.clone()), out).await;
    for mark in &taken {
        marks::settle(&store, mark, &key).await?;
    }
    sent
}

async fn alerts(desk: &Desk<'_>, csv: Option<&std::path::Path>, out: &Output) -> Result<Exit, Failure> {
    let (all, unread) = referrals(desk, None, out).await?;
    let found = Overview::of(&all, desk.today(), desk.config.care.referrals).alerts();
    let table = alert_sheet(&found);
    if let Some(path) = csv {
        commands::write(path, &table.csv())?;
    }
    out.document(&json!({ "alerts": found, "unread": unread }));
    if found.is_empty() {
        out.line("No referral runs out soon.");
        return Ok(Exit::Done);
    }
    out.line(table.text().trim_end());
    Ok(Exit::Waiting)
}

fn alert_sheet(alerts: &[Alert]) -> Sheet {
    let mut table = Sheet::new(&[
        "Referral",
        "Patient",
        "State",
        "#Sessions left",
        "#Money left",
        "Last day",
        "#Days left",
    ]);
    for a in alerts {
        table.push([
            a.referral.clone(),
            a.patient.clone(),
            a.standing.state.to_string(),
            shown(&a.standing.sessions_left),
            shown(&a.standing.money_left),
            shown(&a.expires),
            shown(&a.standing.days_left),
        ]);
    }
    table
}

async fn list_referrers(desk: &Desk<'_>, csv: Option<&std::path::Path>, out: &Output) -> Result<Exit, Failure> {
    let roles = desk.look("list-practitioner-roles", &[]).await?;
    let people = desk.look("list-practitioners", &[]).await?;
    let places = desk.look("list-organizations", &[]).await?;
    let (made, _) = referrals(desk, None, out).await?;
    let rows = referrers(&roles, &people, &places, &made, desk.config.country);
    let table = sheet(&rows, desk.config.country);
    match csv {
        Some(path) => {
            commands::write(path, &table.csv())?;
            out.line(format!(
                "wrote {}: {}",
                path.display(),
                count(rows.len() as u64, "referrer")
            ));
        }
        None => out.line(table.text().trim_end()),
    }
    out.document(&json!({ "referrers": rows }));
    Ok(Exit::Done)
}
