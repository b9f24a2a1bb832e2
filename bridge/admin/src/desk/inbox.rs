//! The inbox: one list over conflicts, cards, pairs, holds, tasks for Halaxy and brakes, longest waiting first, with the
//! counts of every filter.

use super::timeline::held_units;
use super::{Desk, DeskError, Risk, Who, plain, who};
use crate::app::{system_title, unit_title};
use bridge_core::merge::AGREED;
use bridge_core::plan::hold_reason;
use bridge_core::waiting::held;
use bridge_core::{Author, Entity, LinkUnit, Origin, Time, Value};
use bridge_engine::Brake;
use bridge_engine::ledger::TASK;
use bridge_store::{Candidate, Item, ItemFilter, Page, RecordKey, hold_id};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which items are wanted. What is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// `conflict`, `card`, `match`, `hold` or `task`.
    pub kind: Option<String>,
    /// System concerned.
    pub system: Option<String>,
    /// Unit concerned.
    pub unit: Option<String>,
    /// `red`, `amber` or `grey`.
    pub risk: Option<String>,
    /// Whose they are; blank for nobody's.
    pub assigned: Option<String>,
    /// `true` for those that sleep; else those that are awake.
    pub snoozed: bool,
    /// Waiting so many days or longer.
    pub days: Option<u32>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Rows of a page, 50 if left out, at most 200.
    pub limit: Option<usize>,
}

/// A page of the inbox.
#[derive(Clone, Debug, Serialize)]
pub struct Inbox {
    /// Rows, longest waiting first.
    pub rows: Vec<Row>,
    /// Where the next page starts.
    pub next: Option<String>,
    /// Systems whose writes wait as a whole; on every page, since nothing else moves meanwhile.
    pub brakes: Vec<Brake>,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Id of the item.
    pub id: String,
    /// `conflict`, `card`, `match`, `hold` or `task`.
    pub kind: String,
    /// Sort and subject, as the store files it.
    pub topic: String,
    /// What a wrong choice costs.
    pub risk: Risk,
    /// Whom it is about: one person, or the two of a pair.
    pub who: Vec<Who>,
    /// What differs or waits, in words.
    pub what: String,
    /// The unit, where one is meant.
    pub unit: Option<String>,
    /// What each system holds, where a unit is meant.
    pub sides: Vec<Side>,
    /// The value last agreed.
    pub agreed: Option<Value>,
    /// What is likely right, and why.
    pub suggestion: Option<Suggestion>,
    /// Since when it waits.
    pub since: Time,
    /// Whose it is.
    pub assigned: Option<String>,
    /// Until when it sleeps.
    pub snoozed_until: Option<Time>,
}

/// What one system holds of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// System.
    pub system: String,
    /// The value, in canonical spelling.
    pub value: Value,
    /// The product's own spelling of the agreed value, where it differs.
    pub spelt: Option<Value>,
    /// The edit was made after this moment ..
    pub after: Time,
    /// .. and before this one.
    pub before: Time,
    /// Who made it, as far as the product tells.
    pub author: Author,
    /// It takes part in the question; others hold the agreed value.
    pub asks: bool,
}

/// What is likely right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The system to take, or `agreed`.
    pub take: String,
    /// Why.
    pub why: String,
}

/// How many items each filter has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Awake.
    pub open: u64,
    /// Asleep.
    pub snoozed: u64,
    /// Waiting three days or longer, asleep or not.
    pub old: u64,
    /// Awake, by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Awake, by unit.
    pub units: BTreeMap<String, u64>,
    /// Awake, by system.
    pub systems: BTreeMap<String, u64>,
    /// Awake, by risk.
    pub risks: BTreeMap<Risk, u64>,
    /// Awake, by whose they are; nobody's under the blank name.
    pub assigned: BTreeMap<String, u64>,
}

const DAY: Time = 24 * 3_600 * 1_000_000;

fn kind_of(topic: &str) -> &str {
    topic.split('/').next().unwrap_or(topic)
}

/// The unit that a topic names.
pub(crate) fn unit_of(topic: &str) -> Option<&str> {
    let mut parts = topic.split('/');
    match (parts.next()?, parts.next()?) {
        ("hold", "record") => None,
        ("conflict" | "hold", unit) => Some(unit),
        _ => None,
    }
}

impl Desk {
    /// A page of what waits.
    ///
    /// # Errors
    /// [`DeskError::Asked`] for a filter that does not exist; else the store's.
    pub async fn inbox(&self, query: &Query) -> Result<Inbox, DeskError> {
        let now = self.clock.now();
        let limit = query.limit.unwrap_or(50).clamp(1, 200);
        let page = Page {
            after: query.after.clone(),
            limit,
        };
        let brakes = self.engine.brakes().await?;
        let filter = ItemFilter {
            topics: self.topics(query).await?,
            system: query.system.clone(),
            entity: None,
            assigned: query.assigned.clone(),
            asleep: Some((query.snoozed, now)),
            until: query
                .days
                .map(|days| now.saturating_sub(Time::from(days).saturating_mul(DAY))),
            within: self.within().cloned(),
        };
        if filter.topics.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Inbox {
                rows: vec![],
                next: None,
                brakes,
            });
        }
        let found = self.store().items(&filter, &page).await?;
        Ok(Inbox {
            rows: self.rows(found.rows).await?,
            next: found.next,
            brakes,
        })
    }

    /// How many items each filter has.
    ///
    /// # Errors
    /// The store's.
    pub async fn totals(&self) -> Result<Totals, DeskError> {
        let now = self.clock.now();
        let (cells, old) = self.counted(now - 3 * DAY).await?;
        let mut totals = Totals {
            old,
            ..Totals::default()
        };
        for cell in cells {
            if cell.snoozed > now {
                totals.snoozed += cell.count;
                continue;
            }
            totals.open += cell.count;
            *totals.kinds.entry(kind_of(&cell.topic).into()).or_default() += cell.count;
            *totals.risks.entry(self.risk(&cell.topic)).or_default() += cell.count;
            *totals.assigned.entry(cell.assigned.unwrap_or_default()).or_default() += cell.count;
            if let Some(unit) = unit_of(&cell.topic) {
                *totals.units.entry(unit.into()).or_default() += cell.count;
            }
            for system in cell.systems {
                *totals.systems.entry(system).or_default() += cell.count;
            }
        }
        Ok(totals)
    }

    /// The topics that a query means, of those there are; none for every one.
    async fn topics(&self, query: &Query) -> Result<Option<Vec<String>>, DeskError> {
        if query.kind.is_none() && query.unit.is_none() && query.risk.is_none() {
            return Ok(None);
        }
        let risk = match query.risk.as_deref() {
            None => None,
            Some("red") => Some(Risk::Red),
            Some("amber") => Some(Risk::Amber),
            Some("grey") => Some(Risk::Grey),
            Some(_) => return Err(DeskError::Asked("risk is red, amber or grey".into())),
        };
        let fits = |topic: &String| {
            query.kind.as_ref().is_none_or(|kind| kind == kind_of(topic))
                && query
                    .unit
                    .as_ref()
                    .is_none_or(|unit| Some(unit.as_str()) == unit_of(topic))
                && risk.is_none_or(|risk| risk == self.risk(topic))
        };
        let cells = self.store().item_cells().await?;
        let mut topics: Vec<String> = cells.into_iter().map(|cell| cell.topic).filter(fits).collect();
        topics.sort();
        topics.dedup();
        Ok(Some(topics))
    }

    /// Items as rows, in their order. Items that nothing stands behind any more are left out and taken away.
    pub(crate) async fn rows(&self, items: Vec<Item>) -> Result<Vec<Row>, DeskError> {
        let pairs = items.iter().filter(|item| item.topic.starts_with("match/"));
        let pairs: Vec<String> = pairs.map(|item| item.id.clone()).collect();
        let pairs = self.store().candidates_by_id(&pairs).await?;
        let records: Vec<RecordKey> = pairs
            .values()
            .flat_map(|pair| [pair.a.clone(), pair.b.clone()])
            .collect();
        let owners = self.store().owners(&records).await?;
        let owner = |record: &RecordKey| owners.get(record).map(|owner| &owner.entity);
        let mut wanted: Vec<String> = items.iter().filter_map(|item| item.entity.clone()).collect();
        wanted.extend(owners.values().map(|owner| owner.entity.clone()));
        wanted.sort();
        wanted.dedup();
        let loaded = self.store().entities(&wanted).await?;
        let entities: BTreeMap<&str, &Entity> = loaded.iter().map(|e| (e.id.as_str(), e)).collect();
        let (mut rows, mut gone) = (vec![], vec![]);
        for item in items {
            let entity = item.entity.as_deref().and_then(|id| entities.get(id).copied());
            let row = match (pairs.get(&item.id), entity) {
                (Some(pair), _) => {
                    let owners = [owner(&pair.a), owner(&pair.b)].into_iter().flatten();
                    let people = owners.filter_map(|id| entities.get(id.as_str()));
                    Some(self.pair_row(&item, pair, people.map(|e| who(e)).collect()))
                }
                (None, Some(entity)) => self.row(&item, entity),
                (None, None) => item.topic.starts_with("task/").then(|| self.plain_row(&item, vec![])),
            };
            match row {
                Some(row) if item.topic == TASK => rows.push(self.with_task(row, &item).await?),
                Some(row) => rows.push(row),
                None => gone.push(item.id),
            }
        }
        if !gone.is_empty() {
            let mut tx = self.store().begin().await?;
            tx.drop_items(&gone).await?;
            tx.commit().await?;
        }
        Ok(rows)
    }

    pub(crate) async fn owners_of(&self, pair: &Candidate) -> Result<[Option<String>; 2], DeskError> {
        let of = async |key: &RecordKey| self.store().entity_of(&key.system, &key.kind, &key.remote_id).await;
        Ok([of(&pair.a).await?, of(&pair.b).await?])
    }

    fn plain_row(&self, item: &Item, who: Vec<Who>) -> Row {
        let what = match item.topic.as_str() {
            "task/payment" => "a payment in the books is to be recorded in Halaxy",
            "card/removed_but_changed" => "removed there, changed elsewhere",
            "card/may_have_overwritten" => "an edit may have been overwritten",
            "card/merged" => "another record was merged into this one",
            "card/looks_wrong" => "the linked records no longer look like one person",
            _ => "waits for a person",
        };
        Row {
            id: item.id.clone(),
            kind: kind_of(&item.topic).into(),
            topic: item.topic.clone(),
            risk: self.risk(&item.topic),
            who,
            what: what.into(),
            unit: unit_of(&item.topic).map(str::to_string),
            sides: vec![],
            agreed: None,
            suggestion: None,
            since: item.since,
            assigned: item.assigned.clone(),
            snoozed_until: Some(item.snoozed).filter(|until| *until > self.clock.now()),
        }
    }

    fn pair_row(&self, item: &Item, pair: &Candidate, who: Vec<Who>) -> Row {
        let certainty = pair.score / 10;
        let sort = if item.topic == "match/twice" {
            format!("probably twice in {}", system_title(&pair.a.system))
        } else {
            "may be one person".into()
        };
        Row {
            what: format!("{sort} ({certainty}%): {}", pair.reasons.join(", ")),
            ..self.plain_row(item, who)
        }
    }

    fn row(&self, item: &Item, entity: &Entity) -> Option<Row> {
        let row = self.plain_row(item, vec![who(entity)]);
        let unit = unit_of(&item.topic);
        match (row.kind.as_str(), unit) {
            ("conflict", Some(unit)) => {
                let conflict = entity.conflicts.get(unit)?;
                let sides = sides(entity, unit);
                Some(Row {
                    what: format!("{}: {}", unit_title(unit), plain::reason(&conflict.why)),
                    agreed: entity.agreed.get(unit).map(|a| a.value.clone()),
                    suggestion: suggestion(entity, unit, &sides),
                    sides,
                    ..row
                })
            }
            ("hold", _) => {
                let one = |units: &[String]| match units {
                    [unit] => Some(unit.clone()),
                    _ => None,
                };
                let held = held(entity).into_iter();
                let mut held = held.filter(|h| hold_id(&entity.id, &h.system, one(&h.units).as_deref()) == item.id);
                let held = held.next()?;
                Some(Row {
                    what: format!(
                        "{} held back from {}: {}{}",
                        held_units(&held.units),
                        system_title(&held.system),
                        hold_reason(&held.why),
                        held.note
                    ),
                    sides: unit.map(|unit| sides(entity, unit)).unwrap_or_default(),
                    agreed: unit.and_then(|unit| entity.agreed.get(unit)).map(|a| a.value.clone()),
                    ..row
                })
            }
            ("card", _) => {
                let kind = item.topic.split_once('/').map(|(_, kind)| kind)?;
                let card = entity
                    .cards
                    .iter()
                    .find(|c| item.systems.contains(&c.system) && card_name(c.kind) == kind)?;
                let units = match plain::units(&card.units) {
                    units if units.is_empty() => units,
                    units => format!(" ({units})"),
                };
                Some(Row {
                    what: format!("{}: {}{units}", system_title(&card.system), row.what),
                    ..row
                })
            }
            _ => Some(row),
        }
    }
}

pub(crate) fn card_name(kind: bridge_core::CardKind) -> &'static str {
    match kind {
        bridge_core::CardKind::RemovedButChanged => "removed_but_changed",
        bridge_core::CardKind::MayHaveOverwritten => "may_have_overwritten",
        bridge_core::CardKind::Merged => "merged",
        bridge_core::CardKind::LooksWrong => "looks_wrong",
    }
}

/// What every live record holds of a unit.
pub(crate) fn sides(entity: &Entity, unit: &str) -> Vec<Side> {
    let asks = |system: &str| {
        entity
            .conflicts
            .get(unit)
            .is_some_and(|c| c.values.contains_key(system))
    };
    let side = |system: &String, x: &LinkUnit| {
        Some(Side {
            system: system.clone(),
            value: x.seen()?.clone(),
            // What is kept is the spelling of the agreed value: of another one it would tell nothing.
            spelt: x.shown.clone().filter(|_| x.seen() == x.base.as_ref()),
            after: x.lo,
            before: x.hi,
            author: x.author,
            asks: asks(system),
        })
    };
    let live = entity
        .links
        .values()
        .filter(|l| l.state == bridge_core::LinkState::Live);
    live.filter_map(|l| side(&l.system, l.units.get(unit)?)).collect()
}

/// Only what is known: a value typed by a person over one that came by itself, an edit proved to be the later one by the
/// bridge's own clock, or a value over a blank.
fn suggestion(entity: &Entity, unit: &str, sides: &[Side]) -> Option<Suggestion> {
    let asking: Vec<&Side> = sides.iter().filter(|side| side.asks).collect();
    let take = |side: &Side, why: &str| {
        Some(Suggestion {
            take: side.system.clone(),
            why: why.into(),
        })
    };
    if let [one, other] = asking.as_slice() {
        let (one, other) = (*one, *other);
        match (one.value.is_empty(), other.value.is_empty()) {
            (false, true) => return take(one, "the other side is blank"),
            (true, false) => return take(other, "the other side is blank"),
            _ => {}
        }
        match (one.author, other.author) {
            (Author::Person, Author::Automation) => return take(one, "typed by a person; the other came by itself"),
            (Author::Automation, Author::Person) => return take(other, "typed by a person; the other came by itself"),
            _ => {}
        }
        if one.after > other.before && other.before > 0 {
            return take(one, "proved to be the later edit");
        }
        if other.after > one.before && one.before > 0 {
            return take(other, "proved to be the later edit");
        }
        return None;
    }
    let [one] = asking.as_slice() else { return None };
    let agreed = entity.agreed.get(unit)?;
    if one.value.is_empty() && matches!(agreed.origin, Origin::Person) {
        return Some(Suggestion {
            take: AGREED.into(),
            why: "a person decided the agreed value; the other side is blank".into(),
        });
    }
    (one.author == Author::Person)
        .then(|| take(one, "typed by a person"))
        .flatten()
}
