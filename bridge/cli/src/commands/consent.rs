//! `consent`: who may be reached by marketing, and how soon everybody was told of an opt-out.

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{commands, times, wiring};
use bridge_core::consent;
use bridge_engine::consent::{OptedOut, Standing, log_of, standings};
use bridge_store::Told;
use clap::{Args, Subcommand};
use serde_json::json;

/// The shipped unit that covers all channels.
const WHOLE: &str = "marketing";

/// What `consent` takes.
#[derive(Debug, Args)]
pub struct ConsentArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ConsentAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done with consent.
#[derive(Debug, Subcommand)]
pub enum ConsentAction {
    /// Show how a person's consent stands, by channel and by system.
    #[command(after_help = "Example:\n  halaxy-bridge consent show halaxy:PA-1042")]
    Show {
        /// Id of the entity, or SYSTEM:ID of one of its records.
        person: String,
    },
    /// List opt-outs: where they were said, when they were seen, and when each system took them.
    #[command(after_help = "\
Examples:
  halaxy-bridge consent log --from 2026-11-01
  halaxy-bridge consent log halaxy:PA-1042 --json")]
    Log {
        /// Of this person only: id of the entity, or SYSTEM:ID.
        person: Option<String>,
        /// First day.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// Last day.
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
    },
    /// The person does not want to be reached: by marketing as a whole unless a channel is named.
    #[command(after_help = "\
Examples:
  halaxy-bridge consent out halaxy:PA-1042 --source 'phone call'
  halaxy-bridge consent out crm:501 --channel marketing_sms

It goes out before everything else, and only `consent in` takes it back.")]
    Out(Word),
    /// The person said yes, to the channels named.
    #[command(after_help = "\
Example:
  halaxy-bridge consent in halaxy:PA-1042 --channel marketing --channel marketing_email --source 'form of 3 March'

Name each channel: a yes to one is no yes to another. Refused while something else keeps the channel out (a unit that
covers it, or the person's status). Keep the proof of the yes; --source says where it is.")]
    In(Word),
}

/// A person's word.
#[derive(Debug, Args)]
pub struct Word {
    /// Id of the entity, or SYSTEM:ID of one of its records.
    pub person: String,
    /// Unit of consent, e.g. marketing_email; as often as needed.
    #[arg(long, value_name = "UNIT")]
    pub channel: Vec<String>,
    /// Where the person said so; for the history, without personal values.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub source: String,
    /// Who notes it.
    #[command(flatten)]
    pub by: ByArg,
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown person or channel, or if the store fails.
pub async fn run(args: &ConsentArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.action {
        ConsentAction::Show { person } => show(&config, person, out).await,
        ConsentAction::Log { person, from, to } => log(&config, person.as_deref(), (from, to), out).await,
        ConsentAction::Out(word) => say(&config, word, false, out).await,
        ConsentAction::In(word) => say(&config, word, true, out).await,
    }
}

async fn say(config: &Config, word: &Word, reachable: bool, out: &Output) -> Result<Exit, Failure> {
    let engine = wiring::desk(config).await?;
    let id = commands::entity_of(engine.store(), config, &word.person).await?;
    let schema = &engine.settings().schema;
    let known: Vec<&str> = consent::units(schema).map(|u| u.name.as_str()).collect();
    let units = match word.channel.as_slice() {
        [] if !reachable => known
            .iter()
            .filter(|unit| **unit == WHOLE)
            .map(ToString::to_string)
            .collect(),
        units => units.to_vec(),
    };
    if units.is_empty() {
        let text = format!("name the channels with --channel: {}", known.join(", "));
        return Err(Failure::Usage(text));
    }
    engine
        .say_consent(&id, &units, reachable, &word.by.name(), &word.source)
        .await?;
    out.document(
        &json!({ "entity": id, "units": units, "consent": if reachable { consent::IN } else { consent::OUT } }),
    );
    out.line(format!(
        "Noted: {} {}. The service tells every system next.",
        units.join(", "),
        if reachable { consent::IN } else { consent::OUT }
    ));
    Ok(Exit::Done)
}

async fn show(config: &Config, person: &str, out: &Output) -> Result<Exit, Failure> {
    let engine = wiring::desk(config).await?;
    let id = commands::entity_of(engine.store(), config, person).await?;
    let found = engine.store().entities(std::slice::from_ref(&id)).await?.pop();
    let entity = found.ok_or_else(|| Failure::Usage(format!("there is no entity {id}")))?;
    let all = standings(&engine.settings().schema, &entity);
    out.document(&json!({ "entity": id, "consent": all }));
    let row = |s: &Standing| {
        let records = s.records.iter();
        let says: Vec<String> = records
            .map(|(system, says)| format!("{system}: {}", says.as_deref().unwrap_or("-")))
            .collect();
        vec![
            s.unit.clone(),
            s.agreed.clone().unwrap_or_else(|| "not known".into()),
            s.from.clone().unwrap_or_default(),
            says.join("  "),
            s.waiting.join(", "),
            s.suppressed.clone().unwrap_or_default(),
        ]
    };
    out.table(
        &["channel", "consent", "said by", "records", "to be told", "kept out by"],
        all.iter().map(row).collect(),
        "The mappings name no unit of consent.",
    );
    Ok(Exit::Done)
}

async fn log(
    config: &Config,
    person: Option<&str>,
    (from, to): (&Option<String>, &Option<String>),
    out: &Output,
) -> Result<Exit, Failure> {
    let engine = wiring::desk(config).await?;
    let entity = match person {
        Some(person) => Some(commands::entity_of(engine.store(), config, person).await?),
        None => None,
    };
    let (from, to) = super::privacy::days(config, from.as_deref(), to.as_deref())?;
    // Whoever was told later than the last day was told all the same.
    let wanted = Told {
        entity,
        from,
        to: i64::MAX,
        ..Told::default()
    };
    let mut all = log_of(engine.store(), &engine.settings().schema, &wanted).await?;
    all.retain(|line| line.at < to);
    let lines: Vec<_> = all
        .iter()
        .map(|l| {
            let told: serde_json::Map<String, serde_json::Value> = l
                .told
                .iter()
                .map(|(s, at)| (s.clone(), times::iso(*at).into()))
                .collect();
            json!({
                "entity": l.entity, "unit": l.unit, "seen": times::iso(l.at), "said": l.said, "told": told,
                "uncertain": l.uncertain.keys().collect::<Vec<_>>(),
                "seconds": l.latency().map(|t| t as f64 / 1e6),
            })
        })
        .collect();
    out.document(&lines);
    let row = |l: &OptedOut| {
        let told: Vec<String> = l
            .told
            .iter()
            .map(|(system, at)| format!("{system} after {}", seconds(at - l.at)))
            .chain(l.uncertain.keys().map(|system| format!("{system}: not known yet")))
            .collect();
        vec![
            times::local(l.at, &config.time_zone),
            l.unit.clone(),
            l.said.clone(),
            told.join(", "),
            l.entity.clone(),
        ]
    };
    out.table(
        &["seen", "channel", "said", "told", "person"],
        all.iter().map(row).collect(),
        "Nobody opted out in that time.",
    );
    if let Some(longest) = all.iter().filter_map(OptedOut::latency).max() {
        out.line(format!(
            "{}; the slowest took {} until the last system was told.",
            count(all.len() as u64, "opt-out"),
            seconds(longest)
        ));
    }
    Ok(Exit::Done)
}

fn seconds(time: i64) -> String {
    match time {
        0..120_000_000 => format!("{:.1} s", time as f64 / 1e6),
        _ => format!("{} min", time / 60_000_000),
    }
}
