//! What an entity and its records look like at one moment, in a few lines, for traces.

use crate::world::World;
use bridge_core::{LinkState, Value};
use std::fmt::Write;

impl World {
    /// Every entity with its links, writes and questions.
    pub fn tell(&self) -> String {
        let mut out = String::new();
        for e in self.entities.values() {
            let dirty = if e.dirty { " dirty" } else { "" };
            let _ = writeln!(out, "{} r{}{dirty} graves {:?}", e.id, e.revision, e.graves);
            for (unit, a) in &e.agreed {
                let _ = writeln!(
                    out,
                    "  agreed {unit} = {} from {:?} ({}, {})",
                    short(Some(&a.value)),
                    a.origin,
                    a.lo,
                    a.hi
                );
            }
            for (system, l) in &e.links {
                let gone = if l.state == LinkState::Live {
                    String::new()
                } else {
                    format!(" {:?}", l.state)
                };
                let held = l.held.as_ref().map(|h| format!(" held {h:?}")).unwrap_or_default();
                let look = if l.look {
                    format!(" look since {}", l.asked)
                } else {
                    String::new()
                };
                let _ = writeln!(
                    out,
                    "  {system} {} g{} known {} {:?}{gone}{held}{look}",
                    l.remote_id, l.generation, l.known_at, l.version
                );
                let record = self
                    .systems
                    .get(system.as_str())
                    .and_then(|s| s.records.get(&l.remote_id));
                for (unit, x) in &l.units {
                    let stands = record.and_then(|r| r.now.values.get(unit.as_str())).map(|t| &t.value);
                    let _ = write!(
                        out,
                        "    {unit}: base {} seen {} stands {}",
                        short(x.base.as_ref()),
                        short(x.seen()),
                        short(stands)
                    );
                    if let Some(shown) = &x.shown {
                        let _ = write!(out, " shown {}", short(Some(shown)));
                    }
                    let _ = writeln!(
                        out,
                        " ({}, {}){}{}",
                        x.lo,
                        x.hi,
                        x.doubt.as_ref().map(|d| format!(" doubt {d:?}")).unwrap_or_default(),
                        x.held
                            .as_ref()
                            .map(|h| format!(" held {:?}", h.why))
                            .unwrap_or_default()
                    );
                }
            }
            for (system, w) in &e.writes {
                let values: Vec<String> = w
                    .values
                    .iter()
                    .map(|(u, v)| format!("{u}={}", short(Some(v))))
                    .collect();
                let _ = writeln!(
                    out,
                    "  write {system} {:?} {:?} g{} {}",
                    w.op,
                    w.state,
                    w.generation,
                    values.join(" ")
                );
            }
            for (unit, c) in &e.conflicts {
                let values: Vec<String> = c
                    .values
                    .iter()
                    .map(|(s, v)| format!("{s}={}", short(Some(v))))
                    .collect();
                let _ = writeln!(out, "  review {unit}: {} ({})", values.join(" "), c.why);
            }
            for card in &e.cards {
                let _ = writeln!(out, "  card {:?} in {} {:?}", card.kind, card.system, card.units);
            }
        }
        out
    }
}

fn short(value: Option<&Value>) -> String {
    match value {
        None => "absent".into(),
        Some(Value::Empty) => "blank".into(),
        Some(Value::Set(s)) => format!("{{{}}}", s.iter().cloned().collect::<Vec<_>>().join(",")),
        Some(v) => v.to_line(),
    }
}
