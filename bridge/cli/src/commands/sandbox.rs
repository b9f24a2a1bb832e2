//! `sandbox`: the stand-ins alone.

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::signals;
use crate::story::stage::{CrmArg, MannersArg, People, Stage};
use adapter_sandbox::practice_month::{MonthOptions, PracticeMonth};
use adapter_sandbox::{ControlError, Endpoints};
use bridge_core::ledger::month::Month;
use clap::Args;
use jiff::ToSpan;
use serde::Serialize;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What `sandbox` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge sandbox
  halaxy-bridge sandbox --listen 127.0.0.1:8700 --crm plain --manners nasty --json
  halaxy-bridge sandbox --patients left.csv --contacts right.csv
  halaxy-bridge sandbox --month 200            last month's invoices and payments, to try `ledger` with

It prints where the stand-ins are and how to sign in. People act on the records through the control
API: GET, POST, PATCH and DELETE on records/halaxy/Patient and records/crm/contacts; see also calls,
faults, manners and ids. CSV columns: id, given_name, surname, date_of_birth, sex, phone, email,
street, suburb, state, postcode.")]
pub struct SandboxArgs {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Required for other addresses than loopback: the control API then asks for it as bearer token.
    #[arg(long, value_name = "TOKEN", env = "SANDBOX_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Invent so many invoices of last month with their payments, and the people they are for.
    #[arg(long, value_name = "INVOICES", conflicts_with_all = ["patients", "contacts"])]
    pub month: Option<usize>,
    /// The people.
    #[command(flatten)]
    pub people: PeopleArgs,
}

/// Who is there, and how the stand-ins behave.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    /// Halaxy's patients; invented ones unless given.
    #[arg(long, value_name = "FILE.csv")]
    pub patients: Option<PathBuf>,
    /// The CRM's contacts.
    #[arg(long, value_name = "FILE.csv")]
    pub contacts: Option<PathBuf>,
    /// Which CRM stands beside Halaxy.
    #[arg(long, value_enum, default_value_t)]
    pub crm: CrmArg,
    /// Decides everything random: the same seed gives the same play.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How the stand-ins behave: politely, as the real products do, or as badly as they can.
    #[arg(long, value_enum, default_value_t)]
    pub manners: MannersArg,
}

impl PeopleArgs {
    /// Reads or invents the people.
    ///
    /// # Errors
    /// [`Failure::Usage`] with file, line and remedy.
    pub fn people(&self) -> Result<People, Failure> {
        People::load(self.patients.as_deref(), self.contacts.as_deref(), self.seed)
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    endpoints: &'a Endpoints,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
}

/// The month before this one, by this machine's clock.
pub fn last_month(invoices: usize, seed: u64) -> PracticeMonth {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    PracticeMonth::generate(&MonthOptions {
        seed,
        invoices,
        month: today.saturating_sub(1.month()),
        leave_out: vec![],
        nth: 0,
    })
}

/// The month's records, and the accounts that the ledger.toml of `init` names beside those of the chart.
///
/// # Errors
/// [`ControlError`] if the stand-ins do not take one.
pub fn furnish(stage: &Stage, month: &PracticeMonth) -> Result<(), ControlError> {
    month.load(&stage.sandbox)?;
    for (code, name, kind) in [
        ("630", "Patient Debtors", "CURRENT"),
        ("658", "Transfer Clearing", "CURRENT"),
        ("855", "Bonds Held", "CURRLIAB"),
    ] {
        let account = json!({ "Code": code, "Name": name, "Type": kind, "TaxType": "BASEXCLUDED",
            "EnablePaymentsToAccount": kind == "CURRENT" });
        stage.sandbox.person_create("books", "accounts", &account)?;
    }
    Ok(())
}

/// Serves until stopped.
///
/// # Errors
/// [`Failure`] for an address it will not or cannot serve, or unreadable people.
pub async fn run(args: SandboxArgs, out: &Output) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() && args.token.as_ref().is_none_or(|t| t.len() < 16) {
        return Err(Failure::Usage(format!(
            "{} can be reached from other machines; give a --token of at least 16 characters, or listen on 127.0.0.1",
            args.listen.ip()
        )));
    }
    let month = args.month.map(|invoices| last_month(invoices, args.people.seed));
    let people = match &month {
        Some(month) => People {
            patients: month.patients.clone(),
            contacts: vec![],
        },
        None => args.people.people()?,
    };
    let stop = signals::stop();
    let stage = Stage::open(
        people,
        args.people.crm,
        args.people.manners,
        args.people.seed,
        args.listen,
        args.token,
        &stop,
    )
    .await?;
    if let Some(month) = &month {
        furnish(&stage, month).map_err(|error| Failure::Failed(format!("cannot invent the month: {error}")))?;
    }
    out.document(&Told {
        endpoints: &stage.endpoints,
        month: month.as_ref().map(|month| Month::of(month.days.0).to_string()),
    });
    out.line(format!("Halaxy   {}", stage.endpoints.halaxy.base_url));
    out.line(format!(
        "         client_id {}  client_secret {}",
        stage.endpoints.halaxy.client_id, stage.endpoints.halaxy.client_secret
    ));
    out.line(format!("CRM      {}", stage.endpoints.crm.base_url));
    out.line(format!("         token {}", stage.endpoints.crm.token));
    let books = &stage.endpoints.books;
    out.line(format!("books    {}", books.base_url));
    out.line(format!(
        "         client_id {}  client_secret {}  tenant_id {}",
        books.client_id, books.client_secret, books.tenant_id
    ));
    out.line(format!(
        "         authorize_url {}  token_url {}  tenants_url {}",
        books.authorize_url, books.token_url, books.connections_url
    ));
    out.line(format!("control  {}", stage.endpoints.control_url));
    out.line("Stop with Ctrl-C.");
    stage.served().await?;
    Ok(Exit::Done)
}
