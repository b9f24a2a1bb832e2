//! `events`: the public stream, as far as it is kept, and those it is sent to.

use crate::args::ConfigArg;
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{times, wiring};
use bridge_store::{Store, Subscriber};
use bridge_stream::{Cursor, document};
use clap::{Args, Subcommand};
use serde_json::json;

/// What `events` takes.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: EventsCommand,
}

/// The commands about the stream.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Events that were kept, in the order they were seen.
    #[command(after_help = "\
Examples:
  halaxy-bridge events list
  halaxy-bridge events list --since 5f0c2a9e-1043 --json | jq -c '.events[]'

With --json the document holds `events`, `next` (the cursor to go on from), `more` (whether there are
events after these), and `gap` (true if events after --since were forgotten already: read the products
instead). Events are kept as [events] says; without that section there are none.")]
    List {
        /// Only what came after this cursor.
        #[arg(long, value_name = "CURSOR")]
        since: Option<Cursor>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 200)]
        limit: usize,
    },
    /// Who the stream is sent to, and how far each of them is.
    Subscribers,
    /// Try a subscriber that fails again at once, instead of after its pause.
    Resume {
        /// Its name, as `events subscribers` shows it.
        name: String,
    },
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] if the configuration or the store fails, or a cursor or name is of no use.
pub async fn run(args: &EventsArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let store = wiring::store(&config).await?;
    match &args.command {
        EventsCommand::List { since, limit } => list(&store, since.as_ref(), *limit, out).await,
        EventsCommand::Subscribers => {
            let names = config.events.map(|events| events.subscribers()).unwrap_or_default();
            subscribers(&store, &names, out).await
        }
        EventsCommand::Resume { name } => resume(&store, name, out).await,
    }
}

async fn list(store: &Store, since: Option<&Cursor>, limit: usize, out: &Output) -> Result<Exit, Failure> {
    let stream = store.stream().await?;
    if let Some(since) = since
        && stream.as_ref() != Some(&since.stream)
    {
        return Err(Failure::Usage(
            "this cursor is of another stream: the store was made anew since. Read the products, and go on without --since"
                .into(),
        ));
    }
    let after = since.map_or(0, |cursor| cursor.seq);
    let events = store.events(after, limit).await?;
    let gap = since.is_some() && events.first().is_some_and(|first| first.seq > after + 1);
    let last = events.last().map_or(after, |event| event.seq);
    let stream = stream.unwrap_or_default();
    let next = (!stream.is_empty()).then(|| {
        let cursor = Cursor {
            stream: stream.clone(),
            seq: last,
        };
        cursor.to_string()
    });
    let practice = store.practice();
    let documents: Vec<_> = events
        .iter()
        .map(|event| document::document(practice, &stream, event))
        .collect();
    let more = last < store.last_event().await?;
    out.document(&json!({ "events": documents, "next": next, "more": more, "gap": gap }));
    let rows = events.iter().map(|event| {
        vec![
            event.seq.to_string(),
            times::iso(event.at),
            event.system.clone(),
            event.kind.clone(),
            event.remote_id.clone(),
            document::op(event.happened).into(),
            event.units.join(", "),
            if event.ours { "bridge".into() } else { String::new() },
        ]
    });
    out.table(
        &["no.", "seen", "system", "kind", "record", "what", "units", "by"],
        rows.collect(),
        "No event is kept after that. Changes are told if bridge.toml has a section [events].",
    );
    if gap {
        out.remark("Events after that cursor were forgotten already: read the products once.");
    }
    if let Some(next) = next.filter(|_| !events.is_empty()) {
        out.line(format!("go on with --since {next}"));
    }
    Ok(Exit::Done)
}

async fn subscribers(store: &Store, names: &[String], out: &Output) -> Result<Exit, Failure> {
    let last = store.last_event().await?;
    let known = store.subscribers().await?;
    let (mut documents, mut rows) = (vec![], vec![]);
    for name in names {
        let known = known.iter().find(|subscriber| subscriber.name == *name);
        let state = match known {
            None => "new",
            Some(subscriber) if subscriber.parked => "parked",
            Some(subscriber) if subscriber.failures > 0 => "failing",
            Some(_) => "well",
        };
        let waiting = known.map_or(0, |subscriber| (last - subscriber.position).max(0));
        let failing = known.filter(|subscriber| subscriber.failures > 0);
        let since = failing.map(|subscriber| times::iso(subscriber.since));
        let trouble = failing.map(|subscriber| subscriber.trouble.clone());
        documents.push(json!({
            "name": name, "state": state, "waiting": waiting, "failing_since": since, "trouble": trouble,
            "next_attempt": failing.map(|subscriber| times::iso(subscriber.retry_at)),
        }));
        rows.push(vec![
            name.clone(),
            state.into(),
            waiting.to_string(),
            since.unwrap_or_default(),
            trouble.unwrap_or_default(),
        ]);
    }
    out.document(&documents);
    out.table(
        &["subscriber", "state", "waiting", "failing since", "trouble"],
        rows,
        "Nobody is sent events: give [events] an exchange, or an [[events.webhook]].",
    );
    let well = documents.iter().all(|d| d["state"] == "well" || d["state"] == "new");
    Ok(if well { Exit::Done } else { Exit::Waiting })
}

async fn resume(store: &Store, name: &str, out: &Output) -> Result<Exit, Failure> {
    let Some(known) = store.subscriber(name).await? else {
        return Err(Failure::Usage(format!(
            "there is no subscriber `{name}`; `halaxy-bridge events subscribers` names them"
        )));
    };
    let mut tx = store.begin().await?;
    tx.put_subscriber(&Subscriber { retry_at: 0, ..known }).await?;
    tx.commit().await?;
    out.document(&json!({ "resumed": name }));
    out.line(format!(
        "{name} is tried again within a second, if `halaxy-bridge run` runs."
    ));
    Ok(Exit::Done)
}
