//! `matches`: pairs of records that may be the same person.

use crate::args::{ByArg, ConfigArg};
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{commands, times, wiring};
use bridge_core::{Value, Values};
use bridge_store::{Candidate, CandidateState, Page, RecordKey, Store};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

/// What tells people apart.
const SHOWN: [&str; 5] = ["official_name", "birth_date", "mobile", "email", "home_address"];
const BATCH: usize = 500;

/// What `matches` takes.
#[derive(Debug, Args)]
pub struct MatchesArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: MatchesAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done with matches.
#[derive(Debug, Subcommand)]
pub enum MatchesAction {
    /// List pairs that wait for an answer, the surest first.
    #[command(after_help = "\
Examples:
  halaxy-bridge matches list
  halaxy-bridge matches list --limit 0 --json      all of them

While a pair waits, neither record is linked, and nobody is created for it.")]
    List {
        /// At most so many; 0 for all.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Leave personal values out.
        #[arg(long)]
        no_values: bool,
    },
    /// The two records are the same person: link them.
    #[command(after_help = "Example:\n  halaxy-bridge matches same 4h1d8w2k")]
    Same {
        /// Id from the list.
        id: String,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
    /// They are two people: never ask again.
    #[command(after_help = "Example:\n  halaxy-bridge matches different 4h1d8w2k")]
    Different {
        /// Id from the list.
        id: String,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown id, or if one of the two is linked to somebody else by now.
pub async fn run(args: &MatchesArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let (id, by, same) = match &args.action {
        MatchesAction::List { limit, no_values } => {
            let store = wiring::store(&config).await?;
            let limit = if *limit == 0 { usize::MAX } else { *limit };
            return list(&store, limit, !no_values, out).await;
        }
        MatchesAction::Same { id, by } => (id, by, true),
        MatchesAction::Different { id, by } => (id, by, false),
    };
    let engine = wiring::desk(&config).await?;
    engine.answer_candidate(id, same, &by.name()).await?;
    out.document(&json!({ "id": id, "same": same }));
    out.line(if same {
        "Linked: from now on they are kept in step."
    } else {
        "Noted: two people, never asked again."
    });
    Ok(Exit::Done)
}

/// Open candidates, the surest first.
///
/// # Errors
/// The store's.
pub async fn open(store: &Store) -> Result<Vec<Candidate>, Failure> {
    let mut all = Page::all(async |page| store.candidates(CandidateState::Open, &page).await).await?;
    all.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

async fn list(store: &Store, limit: usize, values: bool, out: &Output) -> Result<Exit, Failure> {
    let mut candidates = open(store).await?;
    let total = candidates.len();
    candidates.truncate(limit);
    let seen = if values {
        seen(store, &candidates).await?
    } else {
        HashMap::new()
    };
    let shown: Vec<Json> = candidates.iter().map(|c| candidate_json(c, &seen, values)).collect();
    out.document(&shown);
    let rows = candidates.iter().map(|c| {
        let side = |record: &RecordKey| {
            let known = seen.get(record).map(|v| {
                SHOWN
                    .iter()
                    .filter_map(|u| v.get(*u))
                    .filter(|v| !v.is_empty())
                    .map(Value::to_line)
            });
            let lines: Vec<String> = [format!("{}:{}", record.system, record.remote_id)]
                .into_iter()
                .chain(known.into_iter().flatten())
                .collect();
            lines.join("\n")
        };
        vec![
            c.id.clone(),
            format!("{:.2}", c.score as f64 / 1_000.0),
            side(&c.a),
            side(&c.b),
            c.reasons.join("\n"),
        ]
    });
    out.table(
        &["id", "score", "one", "other", "why"],
        rows.collect(),
        "No possible duplicates.",
    );
    if total > candidates.len() {
        out.line(format!("... of {} (--limit 0 lists all).", count(total as u64, "pair")));
    }
    if total > 0 {
        out.line("Answer with: halaxy-bridge matches same ID, or halaxy-bridge matches different ID");
    }
    Ok(Exit::Done)
}

async fn seen(store: &Store, candidates: &[Candidate]) -> Result<HashMap<RecordKey, Values>, Failure> {
    let mut by_kind: HashMap<(String, String), Vec<String>> = HashMap::new();
    for record in candidates.iter().flat_map(|c| [&c.a, &c.b]) {
        by_kind
            .entry((record.system.clone(), record.kind.clone()))
            .or_default()
            .push(record.remote_id.clone());
    }
    let mut seen = HashMap::new();
    for ((system, kind), mut ids) in by_kind {
        ids.sort();
        ids.dedup();
        for chunk in ids.chunks(BATCH) {
            for row in store.links(&system, &kind, chunk).await? {
                seen.insert(RecordKey::from(&row.link), row.link.seen());
            }
        }
    }
    Ok(seen)
}

fn candidate_json(c: &Candidate, seen: &HashMap<RecordKey, Values>, values: bool) -> Json {
    let record = |r: &RecordKey| {
        let mut document = json!({ "system": r.system, "kind": r.kind, "id": r.remote_id });
        if values {
            let known = seen.get(r).map(|v| {
                SHOWN
                    .iter()
                    .filter_map(|u| Some((*u, v.get(*u)?)))
                    .collect::<HashMap<_, _>>()
            });
            document["values"] = json!(known);
        }
        document
    };
    json!({ "id": c.id, "records": [record(&c.a), record(&c.b)], "score": c.score as f64 / 1_000.0, "reasons": c.reasons, "since": times::iso(c.since) })
}
