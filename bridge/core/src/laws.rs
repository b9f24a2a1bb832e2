//! The laws a mapping must keep, tried on generated records and values:
//!
//! 1. *put-get*: what is written is what is read back;
//! 2. *get-put*: writing what was read changes no byte;
//! 3. *put-put*: writing twice is writing once;
//! 4. *apart*: writing one unit leaves every other unit's reading as it was.
//!
//! A mapping that breaks one would make the bridge see its own writes as edits of people, or edit
//! what nobody touched, so it is refused before it meets a real record.

mod dice;
mod samples;

use crate::config_problem::Problem;
use crate::mapping::{Entry, Mapping, State};
use crate::value::Value;
use dice::Dice;
use samples::{sample_body, sample_value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Tries the laws on `samples` generated records (a few hundred find what there is to find). The
/// same mapping and number give the same findings: at most one per unit and law, each with the
/// line of the unit's entry.
pub fn check_laws(mapping: &Mapping, samples: usize) -> Vec<Problem> {
    let mut broken = BTreeMap::new();
    for round in 0..samples {
        let mut dice = Dice::new(round as u64);
        let body = sample_body(mapping, &mut dice);
        for entry in mapping.entries().iter().filter(|e| e.direction.writes()) {
            let value = sample_value(entry, &mut dice);
            for breach in try_laws(mapping, entry, &body, &value) {
                broken
                    .entry((entry.line, entry.unit.clone(), breach.law))
                    .or_insert(breach.what);
            }
        }
    }
    broken
        .into_iter()
        .map(|((line, unit, law), what)| Problem {
            file: mapping.file.clone(),
            line,
            message: format!("unit `{unit}` breaks the law {}: {what}", law.name()),
            remedy: law.remedy().to_string(),
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Law {
    PutGet,
    GetPut,
    PutPut,
    Apart,
}

impl Law {
    fn name(self) -> &'static str {
        match self {
            Law::PutGet => "put-get (what is written is read back)",
            Law::GetPut => "get-put (writing what was read changes nothing)",
            Law::PutPut => "put-put (writing twice is writing once)",
            Law::Apart => "apart (writing one unit leaves the others alone)",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Law::PutGet => {
                "Give every code a spelling of its own, check `write_as` and the path, or write direction = \"read\"."
            }
            Law::GetPut | Law::PutPut => "Check the path's conditions and `write_as`.",
            Law::Apart => "Give each unit a place of its own, or conditions that no element can fulfil together.",
        }
    }
}

struct Breach {
    law: Law,
    what: String,
}

fn try_laws(mapping: &Mapping, entry: &Entry, body: &Json, value: &Value) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut breach = |law, what: String| breaches.push(Breach { law, what });

    if let State::Value(current) = entry.state(body) {
        let mut after = body.clone();
        if entry.put(&mut after, &current).is_ok() && !same_bytes(&after, body) {
            breach(
                Law::GetPut,
                format!("a record that reads {} is changed", show(&current)),
            );
        }
    }

    let mut after = body.clone();
    match entry.put(&mut after, value) {
        Ok(true) => {}
        // Left alone, or beyond the spelling the mapping chose: nothing is written, no law is broken.
        Ok(false) | Err(_) => return breaches,
    }
    let read = match entry.state(&after) {
        State::Value(read) => Some(read),
        State::Missing => Some(Value::Empty),
        State::Unreadable => None,
    };
    let nothing = |v: &Value| v.is_empty() || *v == Value::Set(Default::default());
    match &read {
        // What is never read back may be told in part, e.g. a family name alone.
        _ if !entry.direction.reads() => {}
        Some(read) if read == value || (nothing(read) && nothing(value)) => {}
        Some(read) => breach(Law::PutGet, format!("{} is read back as {}", show(value), show(read))),
        None => breach(Law::PutGet, format!("{} cannot be read back", show(value))),
    }

    let mut again = after.clone();
    if entry.put(&mut again, value).is_ok() && !same_bytes(&again, &after) {
        breach(Law::PutPut, format!("{} changes the record a second time", show(value)));
    }

    for other in mapping.entries().iter().filter(|o| o.unit != entry.unit) {
        let (was, is) = (other.state(body), other.state(&after));
        if was != is {
            let what = format!("`{}` went from {} to {}", other.unit, describe(&was), describe(&is));
            breach(Law::Apart, what);
        }
    }
    breaches
}

/// Equal with the order of members, which equality of JSON leaves open.
fn same_bytes(a: &Json, b: &Json) -> bool {
    let (a, b) = (a.to_string(), b.to_string());
    a == b
}

/// Generated values only: nothing here comes from a real record.
fn show(value: &Value) -> String {
    match value {
        Value::Empty => "nothing".to_string(),
        other => format!("`{}`", other.to_line()),
    }
}

fn describe(state: &State) -> String {
    match state {
        State::Value(value) => show(value),
        State::Missing => "absent".to_string(),
        State::Unreadable => "unreadable".to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
