//! What every report that others make is read with: its rows, names without case and punctuation, and keys by which a row
//! counts once, whatever file it comes in.

use crate::hex::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Rows with the line each begins on; cells are trimmed.
pub(crate) fn records(text: &str, separator: u8) -> Vec<(u64, Vec<String>)> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    // The text is UTF-8 and rows may be of any length: nothing is left to fail.
    let row = |r: csv::StringRecord| {
        let line = r.position().map_or(0, csv::Position::line);
        (line, r.iter().map(|c| c.trim().to_owned()).collect())
    };
    reader.records().flatten().map(row).collect()
}

/// A name without case and punctuation.
pub(crate) fn bare(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The key of a row that is the same as others by `same`: of that, and of how many alike came before in the file.
pub(crate) fn key(same: String, seen: &mut BTreeMap<String, u32>) -> String {
    let nth = seen.entry(same.clone()).or_default();
    let digest = hex(&Sha256::digest(format!("{same}\u{0}{nth}").as_bytes()));
    *nth += 1;
    digest.chars().take(24).collect()
}
