//! Units that share a place: writing one would change the other, which no lens may do.

use super::entry::Entry;
use crate::config_problem::Problem;
use crate::path::Path;

/// A finding for every two units, or two parts of one unit, whose places overlap where at least
/// one of them is written.
pub(super) fn shared_places(file: &str, entries: &[Entry]) -> Vec<Problem> {
    let problem = |line, message, remedy: &str| Problem {
        file: file.to_string(),
        line,
        message,
        remedy: remedy.to_string(),
    };
    let mut problems = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let own = entry.paths();
        if entry.direction.writes() {
            for (i, path) in own.iter().enumerate() {
                if let Some((path, twin)) = overlap(&own[..i], &[path]) {
                    let message = format!("two parts of unit `{}` share a place: {path} and {twin}", entry.unit);
                    problems.push(problem(entry.line, message, "Give every part a place of its own."));
                }
            }
        }
        for other in &entries[..index] {
            if !entry.direction.writes() && !other.direction.writes() {
                continue;
            }
            let (late, early) = if entry.line > other.line {
                (entry, other)
            } else {
                (other, entry)
            };
            if let Some((path, twin)) = overlap(&late.paths(), &early.paths()) {
                let message = format!(
                    "units `{}` and `{}` (line {}) share a place: {path} and {twin}; writing one would change the other",
                    late.unit, early.unit, early.line
                );
                let remedy = "Give each unit a place of its own, or conditions that no element can fulfil together.";
                problems.push(problem(late.line, message, remedy));
            }
        }
    }
    problems
}

fn overlap<'p>(paths: &[&'p Path], others: &[&'p Path]) -> Option<(&'p Path, &'p Path)> {
    paths.iter().find_map(|path| {
        others
            .iter()
            .find(|other| path.overlaps(other))
            .map(|other| (*path, *other))
    })
}
