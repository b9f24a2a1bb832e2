//! What stands side by side: the values of one unit, or the units of two records, with where they differ.

use super::View;
use super::card::{Column, Compared};
use super::line::side;
use crate::app::words::{unit, value};
use crate::desk::detail::Detail;
use crate::desk::inbox::Side;
use crate::desk::{Piece, pieces};
use bridge_core::hex;
use bridge_core::merge::AGREED;
use bridge_core::{Author, Entity, Value};
use sha2::{Digest, Sha256};

/// What names a side on the screen, and what stands there.
fn mark(name: &str, text: &str) -> String {
    let digest = Sha256::digest(format!("{name}\n{text}"));
    format!("{name}:{}", hex(&digest[..5]))
}

impl View<'_> {
    /// The sides of what is asked, the first system left, what was agreed beside it; and their marks.
    pub(super) fn columns(&self, detail: &Detail, seen: &str) -> (Vec<(String, Column)>, String) {
        let row = &detail.row;
        let mut names: Vec<&str> = self.systems().iter().map(String::as_str).collect();
        let stray = row.sides.iter().map(|side| side.system.as_str());
        names.extend(stray.filter(|name| !self.systems().iter().any(|s| s == name)));
        if row.sides.is_empty() {
            names.clear();
        } else {
            names.insert(1.min(names.len()), AGREED);
        }
        let unit_of = row.unit.as_deref();
        let side_of = |name: &str| row.sides.iter().find(|side| side.system == name);
        let held = |name: &str| match name {
            AGREED => row.agreed.as_ref(),
            name => side_of(name).map(|side| &side.value),
        };
        // Differences are shown between the first two that are asked about, or against what was agreed.
        let asking: Vec<&str> = names
            .iter()
            .copied()
            .filter(|n| side_of(n).is_some_and(|s| s.asks))
            .collect();
        let before: Vec<&str> = seen.split(',').filter(|mark| !mark.is_empty()).collect();
        let (mut columns, mut marks) = (vec![], vec![]);
        for name in names {
            let text = held(name).map(value).unwrap_or_default();
            let other = match asking.as_slice() {
                [one, other, ..] if *one == name => held(other),
                [one, ..] if *one != name => held(one),
                _ => held(AGREED),
            };
            let plain = || {
                vec![Piece {
                    text: text.clone(),
                    same: true,
                }]
            };
            let pieces = match other.map(value).filter(|other| !other.is_empty() && !text.is_empty()) {
                Some(other) if name != AGREED || asking.len() == 1 => pieces(&text, &other).0,
                _ if text.is_empty() => vec![],
                _ => plain(),
            };
            let mark = mark(name, &text);
            let found = side_of(name);
            let known = held(name).is_some();
            if known {
                marks.push(mark.clone());
            }
            columns.push((
                name.to_string(),
                Column {
                    title: side(name),
                    asks: found.is_some_and(|side| side.asks),
                    blank: held(name).is_some_and(Value::is_empty),
                    changed: known && !before.is_empty() && !before.contains(&mark.as_str()),
                    known,
                    pieces,
                    raw: found.and_then(raw),
                    plain: unit_of.and_then(|unit| self.desk.as_written(unit, held(name)?)),
                    after: found.and_then(|side| self.clock.maybe(Some(side.after).filter(|at| *at > 0))),
                    seen: found.and_then(|side| self.clock.maybe(Some(side.before).filter(|at| *at > 0))),
                    author: found.map(author),
                    advice: advice(row.suggestion.as_ref().map(|s| (&s.take, &s.why)), name),
                    choice: None,
                },
            ));
        }
        (columns, marks.join(","))
    }

    /// Every unit that either of two people has, with where they differ.
    pub(super) fn compared(&self, people: &[Entity], order: &[String]) -> Vec<Compared> {
        let of = |place: usize| order.get(place).and_then(|id| people.iter().find(|e| e.id == *id));
        let (Some(one), Some(other)) = (of(0), of(1)) else {
            return vec![];
        };
        let mut out = vec![];
        for spec in &self.desk.engine().settings().schema.units {
            let text = |e: &Entity| crate::desk::value_of(e, &spec.name).map(value).unwrap_or_default();
            let (left, right) = (text(one), text(other));
            if left.is_empty() && right.is_empty() {
                continue;
            }
            let both = !left.is_empty() && !right.is_empty();
            let whole = |text: String| vec![Piece { text, same: true }];
            let (left_pieces, right_pieces) = if both {
                pieces(&left, &right)
            } else {
                (whole(left.clone()), whole(right.clone()))
            };
            out.push(Compared {
                unit: unit(&spec.name),
                same: left == right,
                left: left_pieces,
                right: right_pieces,
            });
        }
        out
    }
}

fn advice(suggestion: Option<(&String, &String)>, name: &str) -> Option<String> {
    let (take, why) = suggestion?;
    (take == name).then(|| why.clone())
}

fn raw(side: &Side) -> Option<String> {
    let spelt = side.spelt.as_ref().map(value)?;
    (spelt != value(&side.value)).then_some(spelt)
}

fn author(side: &Side) -> &'static str {
    match side.author {
        Author::Person => "a person",
        Author::Automation => "an automation",
        Author::Unknown => "it does not say",
    }
}
