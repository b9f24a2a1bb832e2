//! `match`: the matcher alone, on two exports. Reads two files, writes pairs; touches no system.

use crate::exit::{Exit, Failure};
use crate::matchfiles::read::{Records, read};
use crate::matchfiles::summary::Summary;
use crate::output::{Output, count};
use bridge_core::matching::batch::decide_all;
use bridge_core::matching::decide::{Decider, Decision, Obstacle, Settings, Verdict};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::learn::learn;
use bridge_core::matching::reasons::{Names, reasons};
use bridge_core::matching::weights::Weights;
use clap::Args;
use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bad rows that are named one by one.
const NAMED: usize = 20;

/// What `match` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge match patients.csv contacts.csv --out pairs.csv --explain
  halaxy-bridge match patients.csv contacts.csv --out pairs.csv --report before-we-go-live.html
  halaxy-bridge match patients.csv patients.csv --dedup --out twice.csv

Columns: id, given_name, surname, date_of_birth, sex, phone, email, street, suburb, state, postcode,
medicare, or what Halaxy's and HubSpot's exports call them. Other columns are ignored. PAIRS.csv has
left_id, right_id, score (the probability that they are one person) and decision: `link`, or `review`
for a person to look at. Nothing is sent anywhere.")]
pub struct MatchArgs {
    /// The practice's records.
    #[arg(value_name = "LEFT.csv")]
    pub left: PathBuf,
    /// The other system's records.
    #[arg(value_name = "RIGHT.csv")]
    pub right: PathBuf,
    /// Where the pairs go.
    #[arg(long, value_name = "PAIRS.csv")]
    pub out: PathBuf,
    /// One list against itself: LEFT and RIGHT are the same file.
    #[arg(long)]
    pub dedup: bool,
    /// A column of reasons in plain words.
    #[arg(long)]
    pub explain: bool,
    /// A page to read before going live: how many link, how many need a person, and why.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Use the shipped weights as they are instead of learning from the files.
    #[arg(long)]
    pub shipped_weights: bool,
    /// The day for telling children from adults; today unless given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub today: Option<jiff::civil::Date>,
    /// Threads; as many as there are processors unless given.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Matches the files.
///
/// # Errors
/// [`Failure::Usage`] for files that cannot be read, [`Failure::Failed`] for ones that cannot be written.
pub fn run(args: &MatchArgs, out: &Output) -> Result<Exit, Failure> {
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
        .max(1);
    let bar = out.spinner("reading");
    let mut files = vec![read(&args.left, threads)?];
    if !args.dedup {
        files.push(read(&args.right, threads)?);
    }
    bar.set_message("indexing");
    let sides = files.iter_mut().map(|f| std::mem::take(&mut f.people)).collect();
    let index = Index::new(sides);
    let other = u8::from(!args.dedup);
    let mut weights = Weights::shipped();
    if !args.shipped_weights {
        bar.set_message("learning");
        weights = learn(&index, &weights, 0, other);
    }
    let today = args.today.unwrap_or_else(|| jiff::Zoned::now().date());
    let settings = Settings {
        within: args.dedup,
        ..Settings::new(today.into())
    };
    bar.set_message("matching");
    let decider = Decider::new(&index, &weights, settings);
    let pairs = decide_all(&decider, 0, other, threads);
    let mut summary = Summary {
        left: files[0].len(),
        right: files[usize::from(other)].len(),
        skipped: files.iter().map(|f| f.bad.len()).sum(),
        weights: weights.version.clone(),
        households: weights.households(),
        ..Summary::default()
    };
    pairs.iter().for_each(|(_, v)| summary.count(v));
    write(&args.out, &pairs, &files, &index, args.explain)
        .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", args.out.display())))?;
    if let Some(path) = &args.report {
        bar.set_message("looking for people entered twice");
        summary.duplicates = twice(&index, &weights, settings, threads);
        let page = summary.page(&name(&args.left), &name(&args.right));
        std::fs::write(path, page).map_err(|e| Failure::Failed(format!("cannot write {}: {e}", path.display())))?;
    }
    bar.finish_and_clear();
    tell(args, out, &files, &summary, &pairs);
    Ok(Exit::Done)
}

fn name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// Pairs of each file that are probably one person.
fn twice(index: &Index, weights: &Weights, settings: Settings, threads: usize) -> [usize; 2] {
    let settings = Settings {
        within: true,
        ..settings
    };
    let decider = Decider::new(index, weights, settings);
    let mut counts = [0; 2];
    for side in 0..index.sides().min(2) {
        counts[usize::from(side)] = decide_all(&decider, side, side, threads)
            .iter()
            .filter(|(_, v)| v.decision == Decision::Link)
            .count();
    }
    counts
}

fn write(
    path: &Path,
    pairs: &[(At, Verdict)],
    files: &[Records],
    index: &Index,
    explain: bool,
) -> Result<(), std::io::Error> {
    let mut file = csv::Writer::from_writer(BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?));
    let mut header = vec!["left_id", "right_id", "score", "decision"];
    if explain {
        header.push("reasons");
    }
    file.write_record(&header)?;
    for (at, verdict) in pairs {
        let decision = match verdict.decision {
            Decision::Link => "link",
            Decision::Review => "review",
        };
        let score = format!("{:.6}", verdict.probability);
        let ids = [
            files[usize::from(at.side)].id(at.record),
            files[usize::from(verdict.other.side)].id(verdict.other.record),
        ];
        if explain {
            let why = reasons(index.person(*at), index.person(verdict.other), verdict, Names::Shown).join("; ");
            file.write_record([ids[0], ids[1], &score, decision, &why])?;
        } else {
            file.write_record([ids[0], ids[1], &score, decision])?;
        }
    }
    file.flush()?;
    file.into_inner().map_err(|e| e.into_error())?.flush()
}

fn tell(args: &MatchArgs, out: &Output, files: &[Records], summary: &Summary, pairs: &[(At, Verdict)]) {
    for (file, path) in files.iter().zip([&args.left, &args.right]) {
        if !file.unknown.is_empty() {
            out.remark(format!(
                "note: {}: columns not used: {}",
                name(path),
                file.unknown.join(", ")
            ));
        }
        for (line, why) in file.bad.iter().take(NAMED) {
            out.remark(format!("note: {}:{line}: left out: {why}", name(path)));
        }
        if file.bad.len() > NAMED {
            out.remark(format!(
                "note: {}: {} more rows left out",
                name(path),
                file.bad.len() - NAMED
            ));
        }
    }
    out.document(&json!(summary));
    out.line(format!(
        "{} linked, {} for a person to look at, of {} and {}.",
        count(summary.links as u64, "pair"),
        count(summary.reviews as u64, "pair"),
        count(summary.left as u64, "record"),
        count(summary.right as u64, "record"),
    ));
    let twice = pairs
        .iter()
        .filter(|(_, v)| v.obstacle == Some(Obstacle::Twice))
        .count();
    if twice > 0 {
        out.line(format!(
            "{} of those wait because somebody seems to stand in one file twice.",
            count(twice as u64, "pair")
        ));
    }
    if let Some(path) = &args.report {
        out.line(format!("The page to read: {}", path.display()));
    }
}
