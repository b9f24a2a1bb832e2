//! `ledger close`: the ten steps of closing a month, each with what stands in its way, and who signed it.

use crate::args::ByArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use crate::times;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::ledger::office::{Office, SignOff, Signed, What, month_token};
use bridge_engine::ledger::reports::Light;
use clap::Args;
use serde_json::{Value as Json, json};

/// What `ledger close` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge ledger close 2026-10
  halaxy-bridge ledger close 2026-10 --sign 1 --sign 2 --by Dana
  halaxy-bridge ledger close 2026-10 --sign 4 --note \"two edits of November\"
  halaxy-bridge ledger close 2026-10 --sign month

Whoever signs a step signs the figures it was reckoned from just now, as on the page of the admin app. When they change it is
open again, and says what changed. The month is signed once every step is.")]
pub struct CloseArgs {
    /// The month, e.g. 2026-10.
    pub month: String,
    /// Sign this step, by its number, or `month`; may be given several times.
    #[arg(long, value_name = "STEP")]
    pub sign: Vec<String>,
    /// Take the signature of this step, or of the `month`, back; may be given several times.
    #[arg(long, value_name = "STEP")]
    pub withdraw: Vec<String>,
    /// What to say with the signature; needed where something stands in the way of a step.
    #[arg(long, value_name = "TEXT", requires = "sign")]
    pub note: Option<String>,
    /// Who signs.
    #[command(flatten)]
    pub by: ByArg,
}

fn named(words: &[String]) -> Result<Vec<What>, Failure> {
    let one = |word: &String| {
        What::parse(word)
            .ok_or_else(|| Failure::Usage(format!("`{word}` is no step: name one from 1 to 10, or `month`")))
    };
    words.iter().map(one).collect()
}

pub async fn run(config: &Config, args: &CloseArgs, out: &Output) -> Result<Exit, Failure> {
    let month: Month = args
        .month
        .parse()
        .map_err(|_| Failure::Usage(format!("`{}` is no month: write it like 2026-10", args.month)))?;
    let (sign, withdraw) = (named(&args.sign)?, named(&args.withdraw)?);
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    let closing = ledger.close(month, now).await?;
    let office = Office::new(ledger.store().clone());
    // The app shows, and has people sign, the same figures.
    Keeper::new(office.clone(), &ledger, &config.practice)
        .closed(month, &closing, now)
        .await?;
    let by = args.by.name();
    for what in withdraw {
        let signatures = office.signatures(month).await?;
        let token = signatures.get(what).map(SignOff::token_of_it).unwrap_or_default();
        office.withdraw(month, what, &token, &by, now).await?;
    }
    let note = args.note.as_deref().unwrap_or_default();
    for what in sign {
        let token = match what {
            What::Step(number) => {
                let step = closing.steps.iter().find(|step| step.step == number);
                step.map(|step| step.token(month)).unwrap_or_default()
            }
            What::Month => month_token(month, &closing.steps),
        };
        office.sign(month, what, &token, (&by, note), now).await?;
    }
    let signatures = office.signatures(month).await?;
    let (steps, digest) = (&closing.steps, closing.proof.digest());
    let ready = steps.iter().all(|s| s.light != Light::Red);
    let signed: Vec<Option<Signed>> = steps.iter().map(|step| signatures.of_step(step)).collect();
    let of_month = signatures.of_month(steps);
    let told: Vec<Json> = steps
        .iter()
        .zip(&signed)
        .map(|(step, signed)| {
            let mut told = json!(step);
            told["signed"] = json!(signed);
            told
        })
        .collect();
    out.document(
        &json!({ "month": month.to_string(), "ready": ready, "steps": told, "digest": digest,
        "signed": of_month }),
    );
    out.heading(&format!("{}: closing {month}", config.practice));
    let rows = steps
        .iter()
        .zip(&signed)
        .map(|(l, signed)| {
            let mark = match l.light {
                Light::Green => "ok",
                Light::Amber => "open",
                Light::Red => "NO",
            };
            let signed = signed.as_ref().map(|s| words(config, s)).unwrap_or_default();
            vec![
                l.step.to_string(),
                mark.into(),
                l.what.clone(),
                l.detail.clone(),
                signed,
            ]
        })
        .collect();
    out.table(&["", "", "Step", "", "Signed"], rows, "");
    if let Some(signed) = &of_month {
        out.line(format!("The month: {}", words(config, signed)));
    }
    out.line(format!("Digest of the proof: {digest}"));
    let green = steps.iter().all(|l| l.light == Light::Green);
    Ok(if green { Exit::Done } else { Exit::Waiting })
}

fn words(config: &Config, signed: &Signed) -> String {
    let of = &signed.sign_off;
    let mut words = format!("{}, {}", of.by, times::local(of.at, &config.time_zone));
    if !of.note.is_empty() {
        words += &format!(": {}", of.note);
    }
    if !signed.stands() {
        words += &format!("; changed since: {}", signed.changes.join("; "));
    }
    words
}
