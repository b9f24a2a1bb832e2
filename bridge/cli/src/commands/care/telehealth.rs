//! `telehealth`: imported reports of calls and credits, whom calls were with, and what a month costs.

use crate::args::{ByArg, ConfigArg};
use crate::commands::{self, ledger::journals};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count, thousands};
use crate::{ledger, times, watch, wiring};
use bridge_core::ledger::month::Month;
use bridge_core::ledger::sheet::Sheet;
use bridge_core::telehealth::cost::{self, Price};
use bridge_core::telehealth::{Call, Party, Report, RowProblem, Usage, Who, read};
use bridge_engine::telehealth::{Imported, KeptCall, Telehealth, Untold};
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// What `telehealth` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge telehealth import phone-march.csv
  halaxy-bridge telehealth import credits-march.csv --report credits
  halaxy-bridge telehealth holds
  halaxy-bridge telehealth assign 3f2a9c0d11e84b77 patient/900001
  halaxy-bridge telehealth untold
  halaxy-bridge telehealth costs 2026-03
  halaxy-bridge telehealth costs 2026-03 --post

Halaxy's API shows neither calls nor credits: its reports do (Reports > Communication > Phone, and the credit
usage report), saved as CSV. A row counts once, whatever file it comes in. Columns are found by their usual
names; others are named in the file that `layout` of [telehealth] names.")]
pub struct TelehealthArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: TelehealthCommand,
}

/// The parts of `telehealth`.
#[derive(Debug, Subcommand)]
pub enum TelehealthCommand {
    /// Take a report in. Exit code 3 if a row cannot be read, or a call waits for a person.
    Import {
        /// The report, as CSV.
        file: PathBuf,
        /// Which report it is.
        #[arg(long, value_enum, default_value_t)]
        report: ReportArg,
    },
    /// Calls of a month, and whom they were with.
    Calls {
        /// The month, e.g. 2026-03; all unless given.
        month: Option<String>,
        /// Write them to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Calls to numbers that several people have. Exit code 3 if there are any.
    Holds {
        /// Also those to numbers that nobody has.
        #[arg(long)]
        nobody: bool,
    },
    /// Calls with somebody that the CRM of `calls_to` does not show, and why. Exit code 3 if there are any.
    Untold,
    /// Say whom a call was with. What the CRM was told of it goes to their record.
    Assign {
        /// The call, as `holds` names it.
        call: String,
        /// patient/900001, professional/EP-500002, or nobody.
        whom: String,
        /// Who says so.
        #[command(flatten)]
        by: ByArg,
    },
    /// What a month costs by practitioner and location, and its journals.
    Costs {
        /// The month, e.g. 2026-03.
        month: String,
        /// Post the journals that are not posted yet.
        #[arg(long)]
        post: bool,
        /// Write the costs to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
}

/// Which report a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportArg {
    /// Reports > Communication > Phone.
    #[default]
    Phone,
    /// The credit usage report.
    Credits,
}

/// Does what is asked of telehealth.
///
/// # Errors
/// [`Failure`]: bad input with what to do about it.
pub async fn run(args: &TelehealthArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    crate::commands::halaxy::account(&config)?;
    let kept = Telehealth::new(wiring::store(&config).await?, &config.home, config.country);
    match &args.command {
        TelehealthCommand::Import { file, report } => import(&config, &kept, file, *report, out).await,
        TelehealthCommand::Calls { month, csv } => calls(&kept, month.as_deref(), csv.as_deref(), out).await,
        TelehealthCommand::Holds { nobody } => holds(&config, &kept, *nobody, out).await,
        TelehealthCommand::Untold => untold(&config, &kept, out).await,
        TelehealthCommand::Assign { call, whom, by } => assign(&kept, call, whom, &by.name(), out).await,
        TelehealthCommand::Costs { month, post, csv } => {
            costs(&config, &kept, of_month(month)?, *post, csv.as_deref(), out).await
        }
    }
}

fn of_month(text: &str) -> Result<Month, Failure> {
    let wrong = |_| Failure::Usage(format!("`{text}` is no month: write it like 2026-03"));
    text.parse().map_err(wrong)
}

async fn import(
    config: &Config,
    kept: &Telehealth,
    file: &Path,
    report: ReportArg,
    out: &Output,
) -> Result<Exit, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
    let layouts = &config.care.telehealth.layouts;
    let (imported, problems) = match report {
        ReportArg::Phone => {
            let found = read::<Call>(layouts.of(Report::Phone), config.country, &bytes);
            unusable(file, found.rows.len(), &found.problems)?;
            (kept.import_calls(found.rows).await?, found.problems)
        }
        ReportArg::Credits => {
            let found = read::<Usage>(layouts.of(Report::Credits), config.country, &bytes);
            unusable(file, found.rows.len(), &found.problems)?;
            (kept.import_usage(found.rows).await?, found.problems)
        }
    };
    let Imported { rows, held, nobody } = imported;
    out.document(&json!({ "imported": imported, "problems": problems }));
    out.line(format!(
        "{} new, {} known before{}",
        thousands(rows.new as u64),
        thousands(rows.known as u64),
        if rows.changed > 0 {
            format!(", of which {} say more now", rows.changed)
        } else {
            String::new()
        }
    ));
    for problem in &problems {
        out.remark(format!("{shown}: {problem}"));
    }
    if nobody > 0 {
        out.line(format!("{} to numbers that nobody has", count(nobody as u64, "call")));
    }
    if held > 0 {
        let command = config.command("telehealth holds");
        out.line(format!(
            "{} to numbers that several people have: {command}",
            count(held as u64, "call")
        ));
    }
    Ok(if held > 0 || !problems.is_empty() {
        Exit::Waiting
    } else {
        Exit::Done
    })
}

/// A file of which nothing can be read is refused with the reason.
fn unusable(file: &Path, rows: usize, problems: &[RowProblem]) -> Result<(), Failure> {
    if rows > 0 || problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(|p| format!("{}: {p}", file.display())).collect();
    Err(Failure::Usage(lines.join("\n")))
}

/// What a call took, with a mark if that is reckoned.
fn credits(call: &Call) -> String {
    match call.cost() {
        (credits, true) => format!("{credits} (estimated)"),
        (credits, false) => credits.to_string(),
    }
}

fn whom(who: &Who) -> String {
    match who {
        Who::Only { party } | Who::Decided { party: Some(party), .. } => party.to_string(),
        Who::Decided { party: None, .. } => "nobody (decided)".into(),
        Who::Several { among } => {
            let names: Vec<String> = among.iter().map(ToString::to_string).collect();
            format!("? {}", names.join(" or "))
        }
        Who::Nobody => String::new(),
    }
}

fn json_of((id, kept): (&String, &KeptCall)) -> Json {
    let (credits, estimated) = kept.call.cost();
    json!({ "call": id, "at": kept.call.at, "seconds": kept.call.seconds, "practitioner": kept.call.practitioner,
        "location": kept.call.location, "status": kept.call.status, "connected": kept.call.connected,
        "credits": credits, "estimated": estimated, "who": kept.who })
}

fn table<'k>(rows: impl Iterator<Item = (&'k String, &'k KeptCall)>) -> Sheet {
    let mut sheet = Sheet::new(&["Call", "When", "#Seconds", "Practitioner", "Status", "#Credits", "With"]);
    for (id, kept) in rows {
        let call = &kept.call;
        sheet.push([
            id.clone(),
            call.at.strftime("%Y-%m-%d %H:%M").to_string(),
            call.seconds.map(|s| s.to_string()).unwrap_or_default(),
            call.practitioner.clone(),
            call.status.clone(),
            credits(call),
            whom(&kept.who),
        ]);
    }
    sheet
}

async fn calls(kept: &Telehealth, month: Option<&str>, csv: Option<&Path>, out: &Output) -> Result<Exit, Failure> {
    let month = month.map(of_month).transpose()?;
    let all = kept.calls().await?;
    let mut rows: Vec<_> = all
        .iter()
        .filter(|(_, kept)| month.is_none_or(|month| month.has(kept.call.day())))
        .collect();
    rows.sort_by_key(|(id, kept)| (kept.call.at, *id));
    let sheet = table(rows.iter().copied());
    if let Some(path) = csv {
        commands::write(path, &sheet.csv())?;
    }
    out.document(&json!({ "calls": rows.iter().copied().map(json_of).collect::<Vec<_>>() }));
    out.line(sheet.text().trim_end());
    out.line(count(rows.len() as u64, "call"));
    Ok(Exit::Done)
}

async fn holds(config: &Config, kept: &Telehealth, nobody: bool, out: &Output) -> Result<Exit, Failure> {
    kept.match_again().await?;
    let all = kept.calls().await?;
    let mut rows: Vec<_> = all
        .iter()
        .filter(|(_, kept)| kept.who.waits() || nobody && kept.who == Who::Nobody)
        .collect();
    rows.sort_by_key(|(id, kept)| (kept.call.at, *id));
    out.document(&json!({ "holds": rows.iter().copied().map(json_of).collect::<Vec<_>>() }));
    if rows.is_empty() {
        out.line("No call waits for a person.");
        return Ok(Exit::Done);
    }
    out.line(table(rows.iter().copied()).text().trim_end());
    let command = config.command("telehealth assign CALL patient/ID");
    out.line(format!("Say whom each was with: {command}, or nobody"));
    Ok(if rows.iter().any(|(_, kept)| kept.who.waits()) {
        Exit::Waiting
    } else {
        Exit::Done
    })
}

async fn untold(config: &Config, kept: &Telehealth, out: &Output) -> Result<Exit, Failure> {
    let Some((crm, _)) = &config.care.telehealth.calls_to else {
        return Err(Failure::Usage(
            "no CRM is told of calls: write calls_to = \"crm\" in [telehealth] of bridge.toml".into(),
        ));
    };
    let store = wiring::store(config).await?;
    let adapters = wiring::adapters(config, &store)?;
    let Some(account) = adapters.get(crm) else {
        return Err(Failure::Usage(format!("[sync.person] leaves {crm} out")));
    };
    let contacts = watch::contacts(&store, crm, &**account).await?;
    let (untold, calls) = (kept.untold(&contacts).await?, kept.calls().await?);
    let rows: Vec<(&String, &KeptCall, &Untold)> = untold
        .iter()
        .filter_map(|(id, why)| Some((id, calls.get(id)?, why)))
        .collect();
    let json = |(id, kept, why): &(&String, &KeptCall, &Untold)| json!({ "call": id, "at": kept.call.at, "who": kept.who, "why": why, "remedy": remedy(why) });
    out.document(&json!({ "untold": rows.iter().map(json).collect::<Vec<_>>() }));
    if rows.is_empty() {
        out.line(format!("Every call with somebody is shown in {crm}."));
        return Ok(Exit::Done);
    }
    let mut sheet = Sheet::new(&["Call", "When", "With", "Why", "What to do"]);
    for (id, kept, why) in &rows {
        let at = kept.call.at.strftime("%Y-%m-%d %H:%M").to_string();
        sheet.push([(*id).clone(), at, whom(&kept.who), reason(why), remedy(why).into()]);
    }
    out.line(sheet.text().trim_end());
    Ok(Exit::Waiting)
}

fn reason(why: &Untold) -> String {
    match why {
        Untold::NoContact => "the patient has no contact there".into(),
        Untold::NoReferrers => "referrers are not held there".into(),
        Untold::NoRecord => "they have no record there".into(),
        Untold::NoActivities => "their record there shows no activities".into(),
        Untold::Refused { code } => format!("refused ({code})"),
        Untold::Deleted => "somebody deleted it there".into(),
        Untold::Unknown => "sent, not answered yet".into(),
    }
}

fn remedy(why: &Untold) -> &'static str {
    match why {
        Untold::NoContact => "it follows when they are linked: halaxy-bridge matches",
        Untold::NoReferrers => "add [referrers] to bridge.toml if they are meant to be there",
        Untold::NoRecord => "see halaxy-bridge referral referrers --crm",
        Untold::NoActivities => "assign it to a person who works there, if it was with one",
        Untold::Refused { .. } => "look at the record in the CRM; assign it anew",
        Untold::Deleted => "nothing: it is not made again",
        Untold::Unknown => "nothing: it is looked up",
    }
}

async fn assign(kept: &Telehealth, call: &str, text: &str, by: &str, out: &Output) -> Result<Exit, Failure> {
    let party: Option<Party> = match text {
        "nobody" => None,
        text => Some(
            text.parse()
                .map_err(|wrong| Failure::Usage(format!("whom: {wrong}, or nobody")))?,
        ),
    };
    let kept = kept.assign(call, party, by).await?;
    out.document(&json!({ "call": call, "who": kept.who }));
    out.line(format!("Call {call}: {}", whom(&kept.who)));
    Ok(Exit::Done)
}

async fn costs(
    config: &Config,
    kept: &Telehealth,
    month: Month,
    post: bool,
    csv: Option<&Path>,
    out: &Output,
) -> Result<Exit, Failure> {
    let telehealth = &config.care.telehealth;
    let price: Price = telehealth.price.ok_or_else(|| {
        Failure::Usage(
            "[telehealth] of bridge.toml has no `price`: write price = \"0.20\", dollars a credit with GST".into(),
        )
    })?;
    let calls = kept.calls().await?.into_values().map(|kept| kept.call);
    let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
    let statuses = config
        .diary
        .as_ref()
        .map(|diary| diary.rules.statuses.clone())
        .unwrap_or_default();
    let sessions = kept.sessions(&zone, &statuses, times::now()).await?;
    let found = cost::costs(month, price, calls, kept.usage().await?, sessions);
    if let Some(path) = csv {
        commands::write(path, &found.sheet().csv())?;
    }
    out.heading(&format!("Telehealth {month}"));
    out.line(found.sheet().text().trim_end());
    out.line(format!(
        "{} credits, {} without GST",
        thousands(found.credits().into()),
        found.amount()
    ));
    if found.expected > 0 {
        out.line(format!(
            "{} credits expected of the calendar's consultations by video and phone (an estimate)",
            thousands(found.expected.into())
        ));
    }
    for bought in &found.top_ups {
        let amount = bought.amount.map_or("an amount unknown".into(), |a| a.to_string());
        out.line(format!(
            "{}: {} credits bought for {amount}",
            bought.day,
            thousands(bought.credits.into())
        ));
    }
    let (Some(accounts), true) = (&telehealth.accounts, config.ledger.is_some()) else {
        out.document(&json!({ "costs": found, "credits": found.credits(), "amount": found.amount() }));
        if post {
            return Err(Failure::Usage(
                "nothing can be posted: [telehealth] needs `costs` and `prepaid`, and [ledger] the books".into(),
            ));
        }
        return Ok(Exit::Done);
    };
    let rules = &ledger::settings_of(config)?.rules;
    let (ledger, lock) = ledger::look(config).await?;
    let books = ledger.preview(times::now()).await?.books;
    let names = kept.names().await?;
    let (proposed, holds) = cost::journals(&found, price, accounts, &names, rules, &books);
    let booked = journals::book(&ledger, lock.is_some(), proposed, post).await?;
    let holds: Vec<String> = holds.iter().map(ToString::to_string).collect();
    out.document(
        &json!({ "costs": found, "credits": found.credits(), "amount": found.amount(), "holds": holds,
        "journals": booked.json() }),
    );
    for hold in &holds {
        out.line(format!("Not booked: {hold}."));
    }
    booked.tell(
        "telehealth",
        &config.command(&format!("telehealth costs {month} --post")),
        out,
    );
    Ok(booked.exit(!holds.is_empty()))
}
