//! `matches`: pairs of records that may be the same person.

use crate::args::{ByArg, ConfigArg};
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{commands, times, wiring};
use bridge_core::{Value, Values};
use bridge_engine::Verdict;
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
  halaxy-bridge matches list --twice               people who probably stand twice in one system
  halaxy-bridge matches list --faint               resemblances too faint to be worth a look

While a pair waits, neither record is linked, and nobody is created for it.")]
    List {
        /// At most so many; 0 for all.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Instead, pairs within one system that are probably one person: best merged there.
        #[arg(long, conflicts_with = "faint")]
        twice: bool,
        /// Instead, resemblances that only keep anybody from being created twice.
        #[arg(long)]
        faint: bool,
        /// Leave personal values out.
        #[arg(long)]
        no_values: bool,
    },
    /// Show one pair in full: both records side by side, why they may be one person, and what was
    /// decided.
    #[command(after_help = "Example:\n  halaxy-bridge matches show 4h1d8w2k")]
    Show {
        /// Id from the list.
        id: String,
        /// Leave personal values out.
        #[arg(long)]
        no_values: bool,
    },
    /// The two records are the same person: link them.
    #[command(
        visible_alias = "same",
        after_help = "Example:\n  halaxy-bridge matches accept 4h1d8w2k"
    )]
    Accept(Decision),
    /// They are two people: never ask again.
    #[command(
        visible_alias = "different",
        after_help = "Example:\n  halaxy-bridge matches reject 4h1d8w2k"
    )]
    Reject(Decision),
    /// They are two people of one household, such as twins or a couple: never ask again.
    #[command(after_help = "Example:\n  halaxy-bridge matches household 4h1d8w2k")]
    Household(Decision),
    /// They are the same person twice in one system: to be merged there.
    #[command(after_help = "\
Example:
  halaxy-bridge matches duplicate 4h1d8w2k

Until the two are merged there, nobody is created for the record that is not linked.")]
    Duplicate(Decision),
    /// All faint resemblances are different people: create whoever waits because of them.
    #[command(after_help = "\
Example:
  halaxy-bridge matches release

Answer the list first: whoever is linked there needs no record any more. About one in a hundred of the
rest has a counterpart that nothing but a like name points to, and gets a second record.")]
    Release {
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
    /// Take a decision back: the pair is asked about again.
    #[command(after_help = "\
Example:
  halaxy-bridge matches undo 4h1d8w2k

Records that were linked by it are cut apart first; values that travelled meanwhile are not taken
back.")]
    Undo(Decision),
}

/// A decision on one pair.
#[derive(Debug, Args)]
pub struct Decision {
    /// Id from the list.
    id: String,
    /// Who decides.
    #[command(flatten)]
    by: ByArg,
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown id, or if the decision does not fit the two records.
pub async fn run(args: &MatchesArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let (decision, verdict) = match &args.action {
        MatchesAction::List {
            limit,
            twice,
            faint,
            no_values,
        } => {
            let store = wiring::store(&config).await?;
            let limit = if *limit == 0 { usize::MAX } else { *limit };
            let state = match (twice, faint) {
                (true, _) => CandidateState::Twice,
                (_, true) => CandidateState::Faint,
                _ => CandidateState::Open,
            };
            return list(&store, limit, state, !no_values, out).await;
        }
        MatchesAction::Show { id, no_values } => {
            return show(&wiring::store(&config).await?, id, !no_values, out).await;
        }
        MatchesAction::Accept(decision) => (decision, Some(Verdict::Same)),
        MatchesAction::Reject(decision) => (decision, Some(Verdict::Different)),
        MatchesAction::Household(decision) => (decision, Some(Verdict::Household)),
        MatchesAction::Duplicate(decision) => (decision, Some(Verdict::Duplicate)),
        MatchesAction::Undo(decision) => (decision, None),
        MatchesAction::Release { by } => {
            let released = wiring::desk(&config).await?.release_faint(&by.name()).await?;
            out.document(&json!({ "released": released }));
            out.line(format!(
                "{} released: records are made at the next sync.",
                count(released as u64, "faint resemblance")
            ));
            return Ok(Exit::Done);
        }
    };
    let Decision { id, by } = decision;
    let engine = wiring::desk(&config).await?;
    match verdict {
        Some(verdict) => engine.decide_match(id, verdict, &by.name()).await?,
        None => engine.undo_match(id, &by.name()).await?,
    }
    let pair = engine.store().candidate(id).await?;
    out.document(&json!({ "id": id, "state": pair.map(|p| p.state.code()) }));
    out.line(match verdict {
        Some(Verdict::Same) => "Linked: from now on they are kept in step.",
        Some(Verdict::Different) => "Noted: two people, never asked again.",
        Some(Verdict::Household) => "Noted: two people of one household, never asked again.",
        Some(Verdict::Duplicate) => "Noted: merge the two there; the bridge follows.",
        None => "Taken back: the pair is open again.",
    });
    Ok(Exit::Done)
}

async fn show(store: &Store, id: &str, values: bool, out: &Output) -> Result<Exit, Failure> {
    let pair = store.candidate(id).await?;
    let pair = pair.ok_or_else(|| Failure::Usage(format!("there is no match {id}; `matches list` has them all")))?;
    let seen = if values {
        seen(store, std::slice::from_ref(&pair)).await?
    } else {
        HashMap::new()
    };
    out.document(&candidate_json(&pair, &seen, values));
    let of = |record: &RecordKey, unit: &str| {
        let value = seen.get(record).and_then(|v| v.get(unit));
        value.map(Value::to_line).unwrap_or_default()
    };
    let title = |record: &RecordKey| format!("{}:{}", record.system, record.remote_id);
    let rows = SHOWN
        .iter()
        .filter(|_| values)
        .map(|unit| vec![unit.replace('_', " "), of(&pair.a, unit), of(&pair.b, unit)]);
    out.table(&["", &title(&pair.a), &title(&pair.b)], rows.collect(), "");
    for reason in &pair.reasons {
        out.line(format!("- {reason}"));
    }
    let undecided = [CandidateState::Open, CandidateState::Twice, CandidateState::Faint].contains(&pair.state);
    match pair.decided.as_ref().filter(|_| !undecided) {
        Some(decided) => out.line(format!(
            "Decided: {}, by {} on {}. Take it back with: halaxy-bridge matches undo {id}",
            pair.state.code(),
            decided.by,
            times::iso(decided.at)
        )),
        None => out.line(format!(
            "Open since {}. Answer with: halaxy-bridge matches accept | reject | household | duplicate {id}",
            times::iso(pair.since)
        )),
    }
    Ok(Exit::Done)
}

/// Open candidates, the surest first.
///
/// # Errors
/// The store's.
pub async fn open(store: &Store) -> Result<Vec<Candidate>, Failure> {
    surest_first(store, CandidateState::Open).await
}

async fn surest_first(store: &Store, state: CandidateState) -> Result<Vec<Candidate>, Failure> {
    let mut all = Page::all(async |page| store.candidates(state, &page).await).await?;
    all.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

async fn list(store: &Store, limit: usize, state: CandidateState, values: bool, out: &Output) -> Result<Exit, Failure> {
    let mut candidates = surest_first(store, state).await?;
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
        "No possible matches.",
    );
    if total > candidates.len() {
        out.line(format!("... of {} (--limit 0 lists all).", count(total as u64, "pair")));
    }
    let counts = store.counts().await?;
    if state == CandidateState::Open && counts.twice > 0 {
        out.line(format!(
            "{} probably the same person twice in one system: matches list --twice",
            count(counts.twice, "pair")
        ));
    }
    if state == CandidateState::Open && counts.faint > 0 {
        out.line(format!(
            "{} beside these keep anybody from being created twice: matches list --faint, matches release",
            count(counts.faint, "faint resemblance")
        ));
    }
    if total > 0 {
        out.line(match state {
            CandidateState::Twice => {
                "Merge them there, or answer with: halaxy-bridge matches duplicate | reject | household ID"
            }
            _ => "Answer with: halaxy-bridge matches accept | reject | household | duplicate ID",
        });
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
    json!({ "id": c.id, "records": [record(&c.a), record(&c.b)], "score": c.score as f64 / 1_000.0, "reasons": c.reasons,
        "state": c.state.code(), "since": times::iso(c.since),
        "decided": c.decided.as_ref().map(|d| json!({ "by": d.by, "at": times::iso(d.at) })) })
}
