//! `book`: appointments, each request once.

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{booking, commands, wiring};
use adapter_kit::FreeAsk;
use bridge_core::booking::request::Wording;
use bridge_core::booking::when::{day, moment, read, spelt};
use bridge_core::booking::{Booking, Named, Request, Who};
use bridge_engine::booking::{BookingDesk, Decision, Rehearsal, Standing};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a booking does besides.
const EFFECTS: &str = "Halaxy may remind the patient by message, makes an empty clinical note, and raises an invoice \
                       if a fee is named.";

/// What `book` takes.
#[derive(Debug, Args)]
pub struct BookArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: BookCommand,
}

/// The commands about bookings.
#[derive(Debug, Subcommand)]
pub enum BookCommand {
    /// Times that the practice offers.
    #[command(after_help = "\
Examples:
  halaxy-bridge book find --day 2026-03-04 --minutes 60 --with PR-700001
  halaxy-bridge book find --from 2026-03-04T09:00 --to 2026-03-06T17:00 --minutes 30 --first

Times are read and shown on the practice's clock. A time that a clock change leaves out or repeats is refused
with both readings; write those with their offset, e.g. 2026-04-05T02:30+10:00.")]
    Find(FindArgs),
    /// Book an appointment. The same request key never books twice.
    #[command(after_help = "\
Examples:
  halaxy-bridge book request --patient 900001 --start 2026-03-04T09:00 --minutes 60 --with PR-700001 --dry-run
  halaxy-bridge book request --patient 900001 --start 2026-03-04T09:00 --minutes 60 --with PR-700001 --request-key order-17
  halaxy-bridge book request --given Miriam --family Samplewood --email m@example.org --start 2026-03-04T09:00 \\
      --minutes 60 --with PR-700001

What a booking does besides: Halaxy may remind the patient by message, makes an empty clinical note, and raises an
invoice if a fee is named. --dry-run shows the request for that patient and sends nothing.

Exit codes: 0 booked, 1 taken or refused, 3 not known yet or waiting for a person; the same command with the
same request key goes on with it and books nothing twice.")]
    Request(Box<RequestArgs>),
    /// What became of a request.
    #[command(after_help = "Example:\n  halaxy-bridge book show order-17")]
    Show {
        /// The request key.
        key: String,
    },
    /// Requests that something is left to be done for.
    #[command(after_help = "Examples:\n  halaxy-bridge book list\n  halaxy-bridge book list --all")]
    List {
        /// Those that have ended, too.
        #[arg(long)]
        all: bool,
    },
    /// Go on with what is open: looks what became of bookings that were not answered, takes in what the CRM asks, and
    /// writes answers back.
    #[command(after_help = "\
Examples:
  halaxy-bridge book settle
  halaxy-bridge book settle order-17

`run` does the same by itself where there is a section [booking].")]
    Settle {
        /// Only this request.
        key: Option<String>,
        /// Wait so many seconds for what is still under way.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u64,
    },
    /// Decide about a request that waits for a person.
    #[command(after_help = "\
Examples:
  halaxy-bridge book decide order-17 --patient 900001
  halaxy-bridge book decide order-17 --booked 400001
  halaxy-bridge book decide order-17 --withdraw")]
    Decide {
        /// The request key.
        key: String,
        /// What is decided.
        #[command(flatten)]
        decision: DecisionArgs,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
}

/// Which free times.
#[derive(Debug, Args)]
pub struct FindArgs {
    /// A day of the practice.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    day: Option<String>,
    /// Free from then.
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// Free until then.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// How long; what [booking] says unless given.
    #[arg(long)]
    minutes: Option<u32>,
    /// Practitioner role (PR-..), or a name of [booking.names]; anybody unless given.
    #[arg(long, value_name = "ROLE")]
    with: Option<String>,
    /// Only the first.
    #[arg(long)]
    first: bool,
}

/// What to book.
#[derive(Args)]
pub struct RequestArgs {
    /// The patient, by Halaxy's number.
    #[arg(long, value_name = "ID", conflicts_with_all = ["given", "family"], required_unless_present = "family")]
    patient: Option<String>,
    /// Given name of somebody to be recognised among the patients.
    #[arg(long, value_name = "NAME", requires = "family")]
    given: Option<String>,
    /// Family name.
    #[arg(long, value_name = "NAME", requires = "given")]
    family: Option<String>,
    /// Birth date, YYYY-MM-DD.
    #[arg(long, value_name = "DATE", requires = "family")]
    born: Option<String>,
    /// E-mail address.
    #[arg(long, value_name = "ADDRESS", requires = "family")]
    email: Option<String>,
    /// Phone number.
    #[arg(long, value_name = "NUMBER", requires = "family")]
    phone: Option<String>,
    /// When it begins, on the practice's clock or with an offset.
    #[arg(long, value_name = "TIME")]
    start: String,
    /// How long; what [booking] says unless given.
    #[arg(long)]
    minutes: Option<u32>,
    /// Practitioner role (PR-..), or a name of [booking.names].
    #[arg(long, value_name = "ROLE")]
    with: Option<String>,
    /// Appointment type.
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    /// Fee; Halaxy raises an invoice for it.
    #[arg(long, value_name = "ID")]
    fee: Option<String>,
    /// clinic, telehealth, online, phone or organization; many accounts take clinic only.
    #[arg(long, value_name = "WHERE")]
    location: Option<String>,
    /// The comment in the calendar.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Book even if the practice's rules for online booking do not offer the time. What is taken stays taken.
    #[arg(long)]
    unoffered: bool,
    /// What this request is known by; made and printed unless given. Never booked twice.
    #[arg(long, value_name = "KEY")]
    request_key: Option<String>,
    /// Look who it is for and whether the time is free, show the request, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Wait so many seconds at most for the outcome.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    wait: u64,
    /// Who asks.
    #[command(flatten)]
    by: ByArg,
}

/// Inputs are somebody's data.
impl std::fmt::Debug for RequestArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestArgs").finish_non_exhaustive()
    }
}

/// What is decided.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct DecisionArgs {
    /// It is for this patient.
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// This appointment is the one.
    #[arg(long, value_name = "ID")]
    booked: Option<String>,
    /// It is given up.
    #[arg(long)]
    withdraw: bool,
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the account fails.
pub async fn run(args: &BookArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let store = wiring::store(&config).await?;
    let accounts = match args.command {
        BookCommand::Settle { .. } if config.booking.from.is_some() => wiring::adapters(&config, &store)?,
        _ => BTreeMap::new(),
    };
    let desk = booking::desk(&config, store, &accounts)?;
    match &args.command {
        BookCommand::Find(args) => find(&desk, args, out).await,
        BookCommand::Request(args) => request(&config, &desk, args, out).await,
        BookCommand::Show { key } => Ok(told(&desk, &desk.show(key).await?, out)),
        BookCommand::List { all } => list(&desk, *all, out).await,
        BookCommand::Settle { key, wait } => {
            let patience = Duration::from_secs(*wait);
            if let Some(key) = key {
                return Ok(told(&desk, &desk.pursue(key, patience).await?, out));
            }
            let step = desk.step().await?;
            for trouble in &step.trouble {
                out.remark(trouble);
            }
            if !patience.is_zero() {
                for open in desk.list(true).await? {
                    desk.pursue(&open.record.key, patience).await?;
                }
            }
            list(&desk, false, out).await
        }
        BookCommand::Decide { key, decision, by } => {
            let decision = match decision {
                DecisionArgs { patient: Some(id), .. } => Decision::Patient(id.clone()),
                DecisionArgs { booked: Some(id), .. } => Decision::Booked(id.clone()),
                _ => Decision::Withdraw,
            };
            desk.decide(key, &decision, &by.name()).await?;
            Ok(told(&desk, &desk.pursue(key, Duration::from_secs(20)).await?, out))
        }
    }
}

fn usage(part: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("--{part} {why}"))
}

async fn find(desk: &BookingDesk, args: &FindArgs, out: &Output) -> Result<Exit, Failure> {
    let settings = desk.settings();
    let (zone, defaults) = (&settings.zone, &settings.defaults);
    let at = |part: &str, text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        moment(text, zone).map_err(|why| usage(part, why))
    };
    let (from, to) = match &args.day {
        Some(text) => day(text, zone).map_err(|why| usage("day", why))?,
        None => (at("from", &args.from)?, at("to", &args.to)?),
    };
    if from >= to {
        return Err(usage("to", "is not after --from"));
    }
    let minutes = args.minutes.or(defaults.minutes);
    let role = args.with.as_ref().or(defaults.role.as_ref());
    let ask = FreeAsk {
        from,
        to,
        minutes: minutes.ok_or_else(|| usage("minutes", "is missing; say how long it takes"))?,
        role: role.map(|name| defaults.names.get(name).unwrap_or(name).clone()),
        practitioner: None,
        first: args.first,
    };
    let free = desk.find(&ask).await?;
    let rows = free.iter().map(|time| {
        json!({ "start": spelt(time.start, zone), "end": spelt(time.end, zone), "practitioner_role": time.role })
    });
    out.document(&json!({ "time_zone": zone.iana_name(), "free": rows.collect::<Vec<_>>() }));
    let rows = free
        .iter()
        .map(|time| vec![read(time.start, zone), read(time.end, zone), time.role.clone()]);
    out.table(&["from", "to", "with"], rows.collect(), "Nothing is offered then.");
    Ok(Exit::Done)
}

async fn request(config: &Config, desk: &BookingDesk, args: &RequestArgs, out: &Output) -> Result<Exit, Failure> {
    let settings = desk.settings();
    let who = match (&args.patient, &args.given, &args.family) {
        (Some(id), _, _) => Who::Patient(id.clone()),
        (None, given, family) => {
            let named = Named {
                given: given.clone().unwrap_or_default(),
                family: family.clone().unwrap_or_default(),
                birth_date: args.born.clone(),
                email: args.email.clone(),
                phone: args.phone.clone(),
            };
            if !named.is_enough() {
                return Err(usage(
                    "email",
                    "or --phone or --born is missing: a name alone is nobody",
                ));
            }
            Who::Named(named)
        }
    };
    let words = Wording {
        start: Some(args.start.clone()),
        minutes: args.minutes.map(|minutes| minutes.to_string()),
        role: args.with.clone(),
        service: args.service.clone(),
        fee: args.fee.clone(),
        location: args.location.clone(),
        comment: args.comment.clone(),
    };
    let read = Request::read(who, &words, &settings.defaults, &settings.zone);
    let mut request = read.map_err(|problem| match problem.part {
        "role" => usage("with", problem.what),
        "who" => usage("patient", problem.what),
        part => usage(part, problem.what),
    })?;
    request.unoffered = args.unoffered;
    if args.dry_run {
        return rehearse(config, desk, request, out).await;
    }
    let key = match &args.request_key {
        Some(key) => key.clone(),
        None => {
            let key = uuid::Uuid::now_v7().to_string();
            out.remark(format!("request key: {key}"));
            key
        }
    };
    let standing = desk
        .request(&key, request, &args.by.name(), Duration::from_secs(args.wait))
        .await?;
    Ok(told(desk, &standing, out))
}

/// Shows what would be sent.
async fn rehearse(config: &Config, desk: &BookingDesk, request: Request, out: &Output) -> Result<Exit, Failure> {
    let Rehearsal { patient, offered, free } = desk.rehearse(&request).await?;
    let waits = patient.is_err();
    let effects = match request.fee {
        Some(_) => "Halaxy raises an invoice, may remind the patient by message, and makes an empty clinical note.",
        None => EFFECTS,
    };
    let unoffered = request.unoffered;
    let calendar = booking::calendar(config, booking::account(config)?)?;
    let body = match &patient {
        Ok(patient) => {
            let booking = Booking {
                patient: patient.clone(),
                request,
            };
            let made = calendar
                .request(&booking)
                .map_err(|bad| Failure::Usage(bad.to_string()))?;
            made.body
        }
        Err(_) => None,
    };
    out.document(&json!({
        "dry_run": true, "method": "POST", "path": "Appointment/$book", "body": body, "patient": patient.as_ref().ok(),
        "offered": offered, "free": free, "effects": effects,
    }));
    match &patient {
        Ok(_) => out.line(format!(
            "POST Appointment/$book\n{}",
            serde_json::to_string_pretty(&body).unwrap_or_default()
        )),
        Err(_) => out.line("It would wait for a person: it is not sure which patient is meant."),
    }
    let words = match (free, offered) {
        (false, _) => "The time is taken: nothing would be booked.",
        (true, true) => "The time is offered and free.",
        (true, false) if unoffered => "The time is free, though the practice does not offer it.",
        (true, false) => "The practice does not offer the time: nothing would be booked.",
    };
    out.line(words);
    out.line(effects);
    out.line("Nothing was sent.");
    Ok(if waits { Exit::Waiting } else { Exit::Done })
}

/// Prints what became of a request, and what the command ends with.
fn told(desk: &BookingDesk, standing: &Standing, out: &Output) -> Exit {
    let shown = standing.shown(&desk.settings().zone);
    out.line(format!("{}: {}", shown.request_key, shown.text));
    if let Some(id) = &shown.appointment {
        out.line(format!("Appointment/{id}"));
    }
    if let Some(remedy) = shown.remedy {
        out.line(remedy);
    }
    if let Some(trouble) = &shown.trouble {
        out.remark(trouble);
    }
    let exit = match shown.outcome {
        "booked" | "withdrawn" => Exit::Done,
        "taken" | "refused" => Exit::Failed,
        _ => Exit::Waiting,
    };
    out.document(&shown);
    exit
}

async fn list(desk: &BookingDesk, all: bool, out: &Output) -> Result<Exit, Failure> {
    let found = desk.list(!all).await?;
    let zone: &TimeZone = &desk.settings().zone;
    let shown: Vec<_> = found.iter().map(|one| one.shown(zone)).collect();
    let rows = found.iter().map(|one| {
        let start = one.record.request.as_ref().map(|request| read(request.start, zone));
        let with = one.record.request.as_ref().map(|request| request.role.clone());
        vec![
            one.record.key.clone(),
            start.unwrap_or_default(),
            with.unwrap_or_default(),
            one.told.outcome.to_string(),
            one.told.text.clone(),
        ]
    });
    let none = if all {
        "Nothing was asked for yet."
    } else {
        "Nothing is open."
    };
    out.table(
        &["request key", "start", "with", "outcome", "what became of it"],
        rows.collect(),
        none,
    );
    let waiting = found.iter().filter(|one| !one.record.ended()).count();
    if waiting > 0 {
        out.remark(format!("{} not decided yet", count(waiting as u64, "request")));
    }
    out.document(&json!({ "requests": shown }));
    Ok(if waiting > 0 && !all { Exit::Waiting } else { Exit::Done })
}
