//! `coverage`: claim details, made once and changed by a few members.

use super::{Desk, Sent, WriteArgs, key_of, referral, used_before};
use crate::args::ConfigArg;
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::marks::{self, Earlier};
use crate::output::{Output, count};
use crate::wiring;
use bridge_core::care::Coverage;
use bridge_core::care::once::{coverage_mark, equal_coverage, same_coverage};
use bridge_core::ledger::sheet::Sheet;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// What `coverage` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge coverage list --patient 900001
  halaxy-bridge coverage create --beneficiary 900001 --payor Organization/FD-150001 --request-key order-18
  halaxy-bridge coverage update 850001 --status cancelled

Nobody checks eligibility. The beneficiary gets the benefit (the claimant, or the patient); the subscriber is
who is treated: the reverse of what FHIR usually means. Numbers of cards are sent, and shown nowhere.")]
pub struct CoverageArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: CoverageCommand,
}

/// The parts of `coverage`.
#[derive(Debug, Subcommand)]
pub enum CoverageCommand {
    /// Claim details.
    List {
        /// Only those of which this patient is the beneficiary.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
    },
    /// Make claim details, unless equal ones are there.
    Create(Box<CreateArgs>),
    /// Change claim details.
    Update(UpdateArgs),
}

/// What `coverage create` takes.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Who gets the benefit.
    #[arg(long, value_name = "ID")]
    pub beneficiary: String,
    /// Who is treated; the beneficiary unless given.
    #[arg(long, value_name = "ID")]
    pub subscriber: Option<String>,
    /// Who pays: Organization/FD-.. or Patient/..
    #[arg(long, value_name = "REFERENCE")]
    pub payor: String,
    /// Number of the card or the member.
    #[arg(long, value_name = "NUMBER")]
    pub number: Option<String>,
    /// The person's number on the card.
    #[arg(long, value_name = "NUMBER")]
    pub reference_number: Option<String>,
    /// Valid from.
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Valid until.
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Make them although these are equal.
    #[arg(long, value_name = "ID")]
    pub despite: Option<String>,
    /// How it is asked for.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What `coverage update` takes.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// The id of the claim details.
    pub id: String,
    /// active or cancelled.
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Number of the card or the member.
    #[arg(long, value_name = "NUMBER")]
    pub number: Option<String>,
    /// Valid until.
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// How it is asked for.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Does what is asked of claim details.
///
/// # Errors
/// [`Failure`]: bad input with what to do about it, or what Halaxy answered.
pub async fn run(args: &CoverageArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let desk = Desk::open(&config)?;
    match &args.command {
        CoverageCommand::List { patient } => list(&desk, patient.as_deref(), out).await,
        CoverageCommand::Create(args) => create(&desk, args, out).await,
        CoverageCommand::Update(args) => {
            let inputs = [
                ("id", Some(args.id.as_str())),
                ("status", args.status.as_deref()),
                ("number", args.number.as_deref()),
                ("to", args.to.as_deref()),
            ];
            let request = desk.request("update-coverage", &inputs, None)?;
            match args.write.dry_run {
                true => Ok(desk.shown(&request, out)),
                false => desk.send(&request, args.write.request_key.clone(), out).await,
            }
        }
    }
}

async fn coverages(desk: &Desk<'_>, patient: Option<&str>, out: &Output) -> Result<Vec<Coverage>, Failure> {
    let bodies = desk.look("list-coverages", &[("patient", patient)]).await?;
    let mut all = Vec::new();
    for body in &bodies {
        match Coverage::read(body) {
            Ok(coverage) => all.push(coverage),
            Err(wrong) => out.remark(format!("{wrong}: it is left out here; correct it in Halaxy")),
        }
    }
    Ok(all)
}

async fn list(desk: &Desk<'_>, patient: Option<&str>, out: &Output) -> Result<Exit, Failure> {
    let all = coverages(desk, patient, out).await?;
    let mut table = Sheet::new(&[
        "Coverage",
        "Beneficiary",
        "Subscriber",
        "Payor",
        "Card",
        "From",
        "To",
        "Status",
    ]);
    let text = |value: Option<String>| value.unwrap_or_default();
    for c in &all {
        table.push([
            c.id.clone(),
            c.beneficiary.clone(),
            c.subscriber.clone(),
            c.payors.join(", "),
            if c.number.is_some() { "yes".into() } else { "no".into() },
            text(c.from.map(|d| d.to_string())),
            text(c.to.map(|d| d.to_string())),
            if c.active { "active".into() } else { "cancelled".into() },
        ]);
    }
    let row = |c: &Coverage| {
        json!({ "id": c.id, "beneficiary": c.beneficiary, "subscriber": c.subscriber, "payors": c.payors,
            "card": c.number.is_some(), "from": c.from, "to": c.to, "active": c.active })
    };
    out.document(&json!({ "coverages": all.iter().map(row).collect::<Vec<Json>>() }));
    out.line(table.text().trim_end());
    out.line(count(all.len() as u64, "coverage"));
    Ok(Exit::Done)
}

async fn create(desk: &Desk<'_>, args: &CreateArgs, out: &Output) -> Result<Exit, Failure> {
    let subscriber = args.subscriber.as_ref().unwrap_or(&args.beneficiary);
    let inputs = [
        ("beneficiary", Some(args.beneficiary.as_str())),
        ("subscriber", Some(subscriber.as_str())),
        ("payor", Some(args.payor.as_str())),
        ("number", args.number.as_deref()),
        ("reference-number", args.reference_number.as_deref()),
        ("from", args.from.as_deref()),
        ("to", args.to.as_deref()),
        ("status", Some("active")),
    ];
    let request = desk.request("create-coverage", &inputs, None)?;
    if args.write.dry_run {
        return Ok(desk.shown(&request, out));
    }
    if used_before(desk.config, args.write.request_key.as_deref()).await? {
        return desk.send(&request, args.write.request_key.clone(), out).await;
    }
    let mut asked = request.body.clone().unwrap_or_default();
    asked["id"] = "asked".into();
    let asked = Coverage::read(&asked).map_err(|wrong| Failure::Usage(wrong.to_string()))?;
    let there = coverages(desk, Some(&asked.beneficiary), out).await?;
    if let Some(equal) = equal_coverage(&asked, &there).filter(|c| args.despite.as_ref() != Some(&c.id)) {
        return Ok(instead(desk, &asked, equal, out));
    }
    let (key, mark) = (key_of(&args.write, out), coverage_mark(&asked));
    let store = wiring::store(desk.config).await?;
    if args.despite.is_some() {
        marks::give_back(&store, &mark).await?;
    }
    match desk.send_once(&request, key.clone(), &mark, out).await? {
        Sent::Now(exit) => Ok(exit),
        Sent::Earlier(Earlier::Made { id: Some(id), .. }) => {
            let now = desk.look("get-coverage", &[("id", Some(&id))]).await?;
            let still = now.first().and_then(|body| Coverage::read(body).ok());
            if let Some(still) = still.filter(|c| c.active && same_coverage(c, &asked)) {
                return Ok(instead(desk, &asked, &still, out));
            }
            marks::give_back(&store, &mark).await?;
            match desk.send_once(&request, key, &mark, out).await? {
                Sent::Now(exit) => Ok(exit),
                Sent::Earlier(earlier) => Ok(referral::told(&earlier, "claim details", out)),
            }
        }
        Sent::Earlier(earlier) => Ok(referral::told(&earlier, "claim details", out)),
    }
}

/// Equal ones are there: they are named, and what they lack.
fn instead(desk: &Desk<'_>, asked: &Coverage, equal: &Coverage, out: &Output) -> Exit {
    let id = &equal.id;
    out.document(&json!({ "outcome": "equal", "id": id }));
    out.line(format!(
        "Nothing was made: claim details {id} name the same people, payer, card and time."
    ));
    if asked.number.is_some() && equal.number.is_none() {
        let command = desk.config.command(&format!("coverage update {id} --number NUMBER"));
        out.line(format!("They lack the number of the card: {command}"));
    }
    out.line(format!("To make others all the same: --despite {id}"));
    Exit::Waiting
}
