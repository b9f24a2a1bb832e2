//! The pairs that a demo over CSV files linked or left to a person, by the files' own ids.

use crate::commands::matches;
use crate::exit::Failure;
use adapter_sandbox::IdRow;
use bridge_core::LinkState;
use bridge_store::{Page, RecordKey, Store};
use std::collections::HashMap;
use std::path::Path;

/// Writes `left_id,right_id,score,decision`: `link` for linked pairs, `review` for open candidates.
/// Records that the bridge made itself stand in no file and are left out.
///
/// # Errors
/// [`Failure`] if the store cannot be read or the file not be written.
pub async fn write(store: &Store, ids: &[IdRow], path: &Path) -> Result<usize, Failure> {
    let csv: HashMap<(&str, &str), &IdRow> = ids.iter().map(|row| ((row.system, row.id.as_str()), row)).collect();
    let of = |record: &RecordKey| csv.get(&(record.system.as_str(), record.remote_id.as_str())).copied();
    let pair = |a: &RecordKey, b: &RecordKey| match (of(a)?, of(b)?) {
        (l, r) if l.side == "left" && r.side == "right" => Some((l.csv_id.clone(), r.csv_id.clone())),
        (r, l) if l.side == "left" && r.side == "right" => Some((l.csv_id.clone(), r.csv_id.clone())),
        _ => None,
    };
    let mut rows = vec![];
    for linked in Page::all(async |page| store.linked(&page).await).await? {
        let live: Vec<&RecordKey> = linked
            .records
            .iter()
            .filter(|(_, s)| *s == LinkState::Live)
            .map(|(r, _)| r)
            .collect();
        for (place, a) in live.iter().enumerate() {
            rows.extend(
                live[place + 1..]
                    .iter()
                    .filter_map(|b| pair(a, b))
                    .map(|(l, r)| (l, r, 1_000, "link")),
            );
        }
    }
    let waiting = matches::open(store).await?;
    rows.extend(
        waiting
            .iter()
            .filter_map(|c| pair(&c.a, &c.b).map(|(l, r)| (l, r, c.score, "review"))),
    );
    rows.sort();
    let trouble = |error: csv::Error| Failure::Failed(format!("cannot write {}: {error}", path.display()));
    let mut file = csv::Writer::from_path(path).map_err(trouble)?;
    file.write_record(["left_id", "right_id", "score", "decision"])
        .map_err(trouble)?;
    for (left, right, score, decision) in &rows {
        let score = format!("{:.3}", *score as f64 / 1_000.0);
        file.write_record([left.as_str(), right.as_str(), &score, decision])
            .map_err(trouble)?;
    }
    file.flush()?;
    Ok(rows.len())
}
