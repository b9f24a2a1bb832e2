//! What of an entity waits and why: refused units, doubtful creates, records that were merged.

use crate::entity::{Entity, Hold, Op};
use crate::value::Value;
use std::collections::BTreeMap;

/// One thing that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// System that does not get the values.
    pub system: String,
    /// Units that wait; none for a whole record.
    pub units: Vec<String>,
    /// Why.
    pub why: Hold,
    /// What happens meanwhile.
    pub note: &'static str,
}

/// Everything of an entity that is held.
pub fn held(entity: &Entity) -> Vec<Held> {
    let mut rows = vec![];
    let mut add = |system: &str, units: Vec<String>, why: &Hold, note| {
        rows.push(Held {
            system: system.into(),
            units,
            why: why.clone(),
            note,
        });
    };
    for (system, link) in &entity.links {
        if let Some(why) = &link.held {
            add(system, vec![], why, "");
        }
        for (unit, x) in &link.units {
            // A hold is over once another value is agreed.
            let agreed = entity.agreed.get(unit).map(|a| &a.value);
            if let Some(held) = x.held.as_ref().filter(|h| agreed == Some(&h.value)) {
                add(system, vec![unit.clone()], &held.why, "");
            }
        }
    }
    for (system, units) in &entity.refused {
        for (unit, held) in units {
            if entity.agreed.get(unit).is_some_and(|a| a.value == held.value) && !entity.links.contains_key(system) {
                let note = "; the record is created without it";
                add(system, vec![unit.clone()], &held.why, note);
            }
        }
    }
    for (system, write) in &entity.writes {
        if let Some(why) = &write.held {
            let note = if write.op == Op::Create {
                "; nothing is created meanwhile"
            } else {
                ""
            };
            add(system, write.values.keys().cloned().collect(), why, note);
        }
    }
    rows
}

/// Whether what systems hold differs only in case, white space and punctuation; against the agreed value, where only one
/// system asks.
pub fn cosmetic(values: &BTreeMap<String, Value>) -> bool {
    let fold = |value: &Value| -> String {
        let letters = value
            .to_line()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>();
        letters.to_lowercase()
    };
    let sides = || values.iter().filter(|(name, _)| *name != crate::merge::AGREED);
    let alone = sides().count() < 2;
    let shown: Vec<&Value> = values
        .iter()
        .filter(|(name, _)| alone || *name != crate::merge::AGREED)
        .map(|(_, value)| value)
        .collect();
    let mut folded = shown.iter().map(|value| fold(value));
    let first = folded.next();
    shown.len() > 1 && shown.iter().all(|v| !v.is_empty()) && folded.all(|f| Some(&f) == first.as_ref())
}
