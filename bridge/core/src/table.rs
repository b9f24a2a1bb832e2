//! The decision table: what becomes of one unit in every situation of two linked records, worked
//! out by the merge rule itself. It is committed as `decision-table.md`, so that a change of
//! behaviour is a readable difference, and shown to users.

use crate::entity::{Agreed, Author, Entity, Link, LinkState, LinkUnit, Origin};
use crate::merge::{self, AGREED};
use crate::schema::{Accept, AcceptRule, Class, Clear, OptOut, Party, Schema, Unit, UnitType, Wins};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What one system shows of the unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Unread,
    Same,
    Edited,
    OtherEdit,
    Blank,
    New,
    OtherNew,
    NewBlank,
}

impl Shows {
    fn words(self) -> &'static str {
        match self {
            Shows::Unread => "not read",
            Shows::Same => "unchanged",
            Shows::Edited => "changed to X",
            Shows::OtherEdit => "changed to Y",
            Shows::Blank => "emptied",
            Shows::New => "new record: X",
            Shows::OtherNew => "new record: Y",
            Shows::NewBlank => "new record: blank",
        }
    }

    fn unit(self) -> Option<LinkUnit> {
        let mut x = LinkUnit {
            author: Author::Person,
            ..LinkUnit::default()
        };
        let known = |mut x: LinkUnit, seen: Value| {
            x.set_base(Value::text("agreed"), None);
            x.set_seen(seen);
            x
        };
        Some(match self {
            Shows::Unread => return None,
            Shows::Same => known(x, Value::text("agreed")),
            Shows::Edited => known(x, Value::text("X")),
            Shows::OtherEdit => known(x, Value::text("Y")),
            Shows::Blank => known(x, Value::Empty),
            Shows::New | Shows::OtherNew | Shows::NewBlank => {
                x.set_seen(match self {
                    Shows::New => Value::text("X"),
                    Shows::OtherNew => Value::text("Y"),
                    _ => Value::Empty,
                });
                x
            }
        })
    }

    fn is_new(self) -> bool {
        matches!(self, Shows::New | Shows::OtherNew | Shows::NewBlank)
    }
}

/// A policy column.
struct Policy {
    title: &'static str,
    wins: Wins,
    clear: Clear,
    accept: Accept,
}

fn policies() -> [Policy; 5] {
    let halaxy = || Wins::System("halaxy".into());
    [
        Policy {
            title: "`wins = review`",
            wins: Wins::Review,
            clear: Clear::Review,
            accept: Accept::Yes,
        },
        Policy {
            title: "`wins = halaxy`",
            wins: halaxy(),
            clear: Clear::Yes,
            accept: Accept::Yes,
        },
        Policy {
            title: "`clear = no`",
            wins: Wins::Review,
            clear: Clear::No,
            accept: Accept::Yes,
        },
        Policy {
            title: "CRM edits `accept = review`",
            wins: halaxy(),
            clear: Clear::Review,
            accept: Accept::Review,
        },
        Policy {
            title: "CRM edits `accept = no`",
            wins: halaxy(),
            clear: Clear::Review,
            accept: Accept::No,
        },
    ]
}

/// The table in Markdown.
pub fn render() -> String {
    let mut out = String::from(
        "# What becomes of one unit\n\n\
         Generated from the merge rule (`bridge/core/src/table.rs`); a test keeps it true. Halaxy and the CRM hold one\n\
         person each; `first_link = halaxy`. \"Agreed\" is the value both had before. Everything that loses is kept and can\n\
         be restored; everything in review waits for a person, and nothing moves meanwhile.\n\n",
    );
    let _ = write!(out, "| Halaxy | CRM |");
    for policy in policies() {
        let _ = write!(out, " {} |", policy.title);
    }
    let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(policies().len()));
    let known = [Shows::Unread, Shows::Same, Shows::Edited, Shows::Blank];
    let other = [
        Shows::Unread,
        Shows::Same,
        Shows::Edited,
        Shows::OtherEdit,
        Shows::Blank,
    ];
    let new = [Shows::New, Shows::NewBlank];
    let new_other = [Shows::New, Shows::OtherNew, Shows::NewBlank];
    let rows = known
        .iter()
        .flat_map(|h| other.iter().map(move |c| (*h, *c)))
        .chain(new.iter().flat_map(|h| new_other.iter().map(move |c| (*h, *c))));
    for (halaxy, crm) in rows {
        let _ = write!(out, "| {} | {} |", halaxy.words(), crm.words());
        for policy in policies() {
            let _ = write!(out, " {} |", outcome(halaxy, crm, &policy));
        }
        out.push('\n');
    }
    out.push_str(&consent());
    out
}

/// Rows of consent: what was agreed, what each system says now, and what comes of it.
fn consent() -> String {
    let mut out = String::from(
        "\n## Consent (`wins = opt_out`)\n\n\
         \"Not taken\" is an opt-in that `accept` leaves to a person. Blank and unknown codes allow nothing.\n\n\
         | agreed | Halaxy | CRM | outcome |\n|---|---|---|---|\n",
    );
    let says = [None, Some("in"), Some("out")];
    let word = |value: Option<&str>| value.unwrap_or("nothing known").to_string();
    for was in says {
        for halaxy in says {
            for (crm, accept) in [
                (None, Accept::Yes),
                (Some("in"), Accept::Yes),
                (Some("in"), Accept::Review),
                (Some("out"), Accept::No),
            ] {
                let told = if accept == Accept::Review { ", not taken" } else { "" };
                let row = format!("{} | {} | {}{told}", word(was), word(halaxy), word(crm));
                let _ = writeln!(out, "| {row} | {} |", consent_outcome(was, halaxy, (crm, accept)));
            }
        }
    }
    out
}

fn consent_outcome(was: Option<&str>, halaxy: Option<&str>, crm: (Option<&str>, Accept)) -> String {
    let value = |word: Option<&str>| word.map_or(Value::Empty, Value::text);
    let unit = Unit {
        kind: UnitType::Code,
        ..plain_unit(Wins::OptOut(OptOut::default()), Clear::Review)
    };
    let schema = Schema {
        entity: "person".into(),
        units: vec![unit.clone()],
        parties: vec![party("crm", crm.1), party("halaxy", Accept::Yes)],
        swings: 4,
    };
    let mut entity = Entity::default();
    for (system, seen) in [("crm", crm.0), ("halaxy", halaxy)] {
        let mut x = LinkUnit {
            author: Author::Person,
            lo: 2,
            hi: 3,
            ..LinkUnit::default()
        };
        x.set_base(value(was), None);
        x.set_seen(value(seen));
        let mut link = Link {
            state: LinkState::Live,
            ..Link::new(system, system, "1")
        };
        link.units.insert("unit".into(), x.into());
        entity.links.insert(system.into(), link.into());
    }
    if let Some(was) = was {
        let agreed = Agreed {
            value: Value::text(was),
            origin: Origin::System("halaxy".into()),
            lo: 0,
            hi: 1,
        };
        entity.agreed.insert("unit".into(), agreed.into());
    }
    let merged = merge::merge(&schema, &entity, &unit);
    if let Some((_, why)) = merged.conflict {
        return format!("review: {why}");
    }
    let now = merged.agreed.as_ref().and_then(|a| a.value.as_text());
    match (now, was) {
        (now, was) if now == was && merged.losers.is_empty() => "nothing to do".into(),
        (None, None) => "nothing known".into(),
        (None, _) => "nothing known any more, everywhere".into(),
        (Some(now), was) if Some(now) == was => format!("stays {now}, put back where it differs"),
        (Some(now), _) => format!("{now} everywhere"),
    }
}

fn plain_unit(wins: Wins, clear: Clear) -> Unit {
    Unit {
        name: "unit".into(),
        kind: UnitType::Text,
        class: Class::Contact,
        set: false,
        wins,
        first_link: Wins::System("halaxy".into()),
        clear,
    }
}

fn party(system: &str, accept: Accept) -> Party {
    Party {
        system: system.into(),
        kind: system.into(),
        receives: BTreeSet::from(["unit".to_string()]),
        accepts: BTreeMap::from([("unit".to_string(), AcceptRule::always(accept))]),
        create: None,
        reference: None,
        lag: 0,
        unique: BTreeSet::new(),
    }
}

fn outcome(halaxy: Shows, crm: Shows, policy: &Policy) -> String {
    let unit = plain_unit(policy.wins.clone(), policy.clear);
    let schema = Schema {
        entity: "person".into(),
        units: vec![unit.clone()],
        parties: vec![party("crm", policy.accept), party("halaxy", Accept::Yes)],
        swings: 4,
    };
    let mut entity = Entity::default();
    for (system, shows) in [("crm", crm), ("halaxy", halaxy)] {
        let mut link = Link {
            state: LinkState::Live,
            ..Link::new(system, system, "1")
        };
        link.units.extend(shows.unit().map(|x| ("unit".to_string(), x.into())));
        entity.links.insert(system.into(), link.into());
    }
    let value = Value::text("agreed");
    let origin = Origin::System("halaxy".into());
    if !halaxy.is_new() {
        entity.agreed.insert(
            "unit".into(),
            Agreed {
                value: value.clone(),
                origin,
                lo: 0,
                hi: 0,
            }
            .into(),
        );
    }
    let merged = merge::merge(&schema, &entity, &unit);
    if let Some((_, why)) = merged.conflict {
        return format!("review: {why}");
    }
    let word = |v: &Value| match v {
        Value::Empty => "blank".to_string(),
        v if *v == value => "agreed".into(),
        v => v.to_line(),
    };
    let agreed = merged.agreed.as_ref().map(|a| a.value.clone());
    let mut text = match &agreed {
        None => return "nothing".into(),
        Some(v) if *v == value && merged.losers.is_empty() => return "nothing to do".into(),
        Some(v) if *v == value => "put back".into(),
        Some(v) => format!("{} everywhere", word(v)),
    };
    let lost: Vec<String> = merged
        .losers
        .iter()
        .filter(|(_, v, _)| !v.is_empty() || Some(v) != agreed.as_ref())
        .map(|(system, v, rule)| {
            let whose = if system == AGREED {
                "the agreed value".to_string()
            } else {
                format!("{} from {system}", word(v))
            };
            format!("{whose} kept aside ({rule})")
        })
        .collect();
    if !lost.is_empty() {
        text = format!("{text}; {}", lost.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_table_is_what_the_rule_decides() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/decision-table.md");
        let now = super::render();
        if std::env::var_os("UPDATE_DECISION_TABLE").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            committed, now,
            "run the test with UPDATE_DECISION_TABLE=1 and read the difference"
        );
    }
}
