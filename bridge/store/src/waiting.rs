//! The inbox: one list of everything that waits for a person. Rows follow conflicts, cards, pairs and holds in the
//! transaction that changes those; other parts file rows of their own. No values in it.

use crate::{
    db::{Among, Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Row,
    records::short_id,
    tx::Tx,
    within::Within,
};
use bridge_core::waiting::{Held, cosmetic, held};
use bridge_core::{Card, Conflict, Entity, Hold, Time};
use std::collections::BTreeSet;

/// A row that changed is awake again; whose it is, and since when it waits, stays.
pub(crate) const ITEM: Insert = Insert {
    head: "INSERT INTO inbox (practice, id, topic, systems, entity, since, assigned, snoozed)",
    columns: 8,
    tail: "ON CONFLICT (practice, id) DO UPDATE SET topic = excluded.topic, systems = excluded.systems, snoozed = 0",
};
/// As [`ITEM`], for rows that are filed again at every save: nothing wakes.
pub(crate) const KNOWN_ITEM: Insert = Insert {
    head: ITEM.head,
    columns: 8,
    tail: "ON CONFLICT (practice, id) DO UPDATE SET topic = excluded.topic, systems = excluded.systems",
};
pub(crate) const NO_ITEM: Among = Among {
    head: "DELETE FROM inbox WHERE practice = ? AND id",
    tail: "",
};
/// Pairs by id: those that wait come in, all others go.
const PAIRS: Among = Among {
    head: "INSERT INTO inbox (practice, id, topic, systems, entity, since, assigned, snoozed) \
           SELECT practice, id, CASE WHEN state = 'twice' THEN 'match/twice' ELSE 'match/pair' END, \
           CASE WHEN a_system = b_system THEN ',' || a_system || ',' ELSE ',' || a_system || ',' || b_system || ',' END, \
           '', since, '', 0 FROM candidate WHERE practice = ? AND state IN ('open', 'twice') AND id",
    tail: "ON CONFLICT (practice, id) DO NOTHING",
};
const NO_PAIRS: Among = Among {
    head: "DELETE FROM inbox WHERE practice = ? AND EXISTS (SELECT 1 FROM candidate c WHERE c.practice = inbox.practice \
           AND c.id = inbox.id AND c.state NOT IN ('open', 'twice')) AND id",
    tail: "",
};
const OF_ENTITY: &str = "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox \
     WHERE practice = $1 AND entity = $2 AND entity <> '' ORDER BY id";
const ONE: &str =
    "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox WHERE practice = $1 AND id = $2";
const HELD: &str = "SELECT entity FROM link WHERE practice = $1 AND held = 1 AND entity IS NOT NULL AND entity > $2 \
     UNION SELECT entity FROM write WHERE practice = $1 AND state IN ('doubtful', 'refused') AND entity > $2 ORDER BY 1 LIMIT $3";
const HOLDS_FILED: &str = "holds_filed";
pub(crate) const DONE: &str = "done";

/// One thing that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Short: a conflict's, a card's, a pair's own id, or the hold's.
    pub id: String,
    /// Sort and subject: `conflict/UNIT`, `conflict/UNIT/cosmetic` (only case, spaces and punctuation differ),
    /// `card/KIND`, `match/pair`, `match/twice`, `hold/UNIT`, `hold/record`, or what another part filed.
    pub topic: String,
    /// Systems concerned.
    pub systems: Vec<String>,
    /// The entity, where one is meant.
    pub entity: Option<String>,
    /// Since when.
    pub since: Time,
    /// Whose it is.
    pub assigned: Option<String>,
    /// Not shown before this moment; 0 for awake.
    pub snoozed: Time,
}

/// Which items are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// Of these topics; every one if none.
    pub topics: Option<Vec<String>>,
    /// Of this system.
    pub system: Option<String>,
    /// Of this entity.
    pub entity: Option<String>,
    /// Of this person; the empty name for nobody's.
    pub assigned: Option<String>,
    /// Only those that sleep after this moment, or only those that do not.
    pub asleep: Option<(bool, Time)>,
    /// Waiting since this moment or longer.
    pub until: Option<Time>,
    /// Only what somebody sees who may see so much.
    pub within: Option<Within>,
}

/// How many items are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Topic.
    pub topic: String,
    /// Systems concerned.
    pub systems: Vec<String>,
    /// Whose they are.
    pub assigned: Option<String>,
    /// Until when they sleep; 0 for awake.
    pub snoozed: Time,
    /// How many.
    pub count: u64,
}

/// What an entity's save does to the inbox.
pub(crate) struct Filed {
    pub known: Vec<Item>,
    pub gone: Vec<String>,
}

pub(crate) fn conflict_item(id: String, entity: &str, unit: &str, conflict: &Conflict) -> Item {
    let tail = if cosmetic(&conflict.values) { "/cosmetic" } else { "" };
    let systems = conflict.values.keys().filter(|s| *s != bridge_core::merge::AGREED);
    Item {
        id,
        topic: format!("conflict/{unit}{tail}"),
        systems: systems.cloned().collect(),
        entity: Some(entity.into()),
        since: conflict.since,
        assigned: None,
        snoozed: 0,
    }
}

pub(crate) fn card_item(id: String, entity: &str, kind: &str, card: &Card) -> Item {
    Item {
        id,
        topic: format!("card/{kind}"),
        systems: vec![card.system.clone()],
        entity: Some(entity.into()),
        since: card.since,
        assigned: None,
        snoozed: 0,
    }
}

/// The id of a hold in the inbox: of one unit, or of a whole record or write if `unit` is none.
pub fn hold_id(entity: &str, system: &str, unit: Option<&str>) -> String {
    short_id(&["hold", entity, system, unit.unwrap_or_default()])
}

/// The items of what is held of an entity. What a card asks about is no item of its own.
pub fn hold_items(entity: &Entity, now: Time) -> Vec<Item> {
    let asked = |h: &Held| matches!(h.why, Hold::Merged | Hold::LooksWrong) && h.units.is_empty();
    let held = held(entity).into_iter().filter(|h| !asked(h));
    held.map(|h| {
        let unit = match h.units.as_slice() {
            [unit] => Some(unit.as_str()),
            _ => None,
        };
        Item {
            id: hold_id(&entity.id, &h.system, unit),
            topic: format!("hold/{}", unit.unwrap_or("record")),
            systems: vec![h.system.clone()],
            entity: Some(entity.id.clone()),
            since: now,
            assigned: None,
            snoozed: 0,
        }
    })
    .collect()
}

pub(crate) fn filed(before: Option<&Entity>, after: &Entity, now: Time) -> Filed {
    let known = hold_items(after, now);
    let was = before.map(|b| hold_items(b, now)).unwrap_or_default();
    let stays: BTreeSet<&str> = known.iter().map(|i| i.id.as_str()).collect();
    let gone = was.iter().filter(|i| !stays.contains(i.id.as_str()));
    Filed {
        gone: gone.map(|i| i.id.clone()).collect(),
        known,
    }
}

pub(crate) fn bind_item(args: &mut Args, practice: &std::sync::Arc<str>, item: &Item) {
    args.shared(practice)
        .text(&item.id)
        .text(&item.topic)
        .text(&joined(&item.systems))
        .text(item.entity.as_deref().unwrap_or_default())
        .int(item.since)
        .text(item.assigned.as_deref().unwrap_or_default())
        .int(item.snoozed);
}

pub(crate) fn joined(systems: &[String]) -> String {
    if systems.is_empty() {
        String::new()
    } else {
        format!(",{},", systems.join(","))
    }
}

impl Tx {
    /// Brings the rows of pairs up to what the pairs now are.
    pub(crate) async fn file_pairs(&mut self, ids: &[String]) -> Result<()> {
        let (conn, scope) = self.parts();
        for sql in [&NO_PAIRS, &PAIRS] {
            let head = |args: &mut Args| {
                args.shared(&scope.practice);
            };
            sql.run(conn, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        }
        Ok(())
    }

    /// Puts these items in the place of all that have `topic` ("task/payment"). Those that stay keep whose they are.
    pub async fn file_items(&mut self, topic: &str, items: &[Item]) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(topic);
        let sql = "SELECT id FROM inbox WHERE practice = $1 AND topic = $2";
        let stay: BTreeSet<&str> = items.iter().map(|i| i.id.as_str()).collect();
        let mut gone = vec![];
        for row in fetch(conn, sql, args).await? {
            let id = row.text(0)?;
            gone.extend((!stay.contains(id.as_str())).then_some(id));
        }
        let head = |args: &mut Args| {
            args.shared(&scope.practice);
        };
        NO_ITEM
            .run(conn, &gone, head, |args, id| {
                args.text(id);
            })
            .await?;
        let mine = items.iter().filter(|i| i.topic == topic).collect();
        KNOWN_ITEM
            .run(conn, mine, |args, item| bind_item(args, &scope.practice, item))
            .await?;
        Ok(())
    }

    /// Says whose an item is; nobody's if none. Returns whether it is still there.
    pub async fn assign_item(&mut self, id: &str, who: Option<&str>) -> Result<bool> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(id).text(who.unwrap_or_default());
        let sql = "UPDATE inbox SET assigned = $3 WHERE practice = $1 AND id = $2";
        Ok(execute(conn, sql, args).await? == 1)
    }

    /// Lets an item sleep until a moment (0 wakes it). Returns whether it is still there.
    pub async fn snooze_item(&mut self, id: &str, until: Time) -> Result<bool> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(id).int(until);
        let sql = "UPDATE inbox SET snoozed = $3 WHERE practice = $1 AND id = $2";
        Ok(execute(conn, sql, args).await? == 1)
    }

    /// Takes items away that nothing stands behind any more.
    pub async fn drop_items(&mut self, ids: &[String]) -> Result<()> {
        let (conn, scope) = self.parts();
        let head = |args: &mut Args| {
            args.shared(&scope.practice);
        };
        NO_ITEM
            .run(conn, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        Ok(())
    }

    /// Files the holds of up to `limit` entities that an older release stored. Returns whether all are filed.
    pub async fn file_holds(&mut self, limit: usize, now: Time) -> Result<bool> {
        let (conn, scope) = self.parts();
        let place = scope.meta(conn, HOLDS_FILED).await?.unwrap_or_default();
        if place == DONE {
            return Ok(true);
        }
        let mut args = Args::default();
        args.shared(&scope.practice).text(&place).int(limit as i64);
        let rows = fetch(conn, HELD, args).await?;
        let ids = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<String>>>()?;
        let items: Vec<Item> = scope
            .entities(conn, &ids)
            .await?
            .iter()
            .flat_map(|entity| hold_items(entity, now))
            .collect();
        KNOWN_ITEM
            .run(conn, items, |args, item| bind_item(args, &scope.practice, &item))
            .await?;
        let last = ids.last().filter(|_| ids.len() == limit);
        let place = last.map_or(DONE, String::as_str);
        scope.put_meta(conn, HOLDS_FILED, place).await?;
        Ok(place == DONE)
    }
}

impl Store {
    /// The item of that id, while it waits.
    pub async fn item(&self, id: &str) -> Result<Option<Item>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(id);
        let row = fetch_one(&mut self.read().await?, ONE, args).await?;
        row.as_ref().map(item).transpose()
    }

    /// Everything that waits of one entity.
    pub async fn items_of(&self, entity: &str) -> Result<Vec<Item>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        fetch(&mut self.read().await?, OF_ENTITY, args)
            .await?
            .iter()
            .map(item)
            .collect()
    }

    /// Whether something that an older release stored is still to be taken in ([`Tx::index_names`], [`Tx::file_holds`],
    /// [`Tx::index_located`]).
    pub async fn is_behind(&self) -> Result<bool> {
        let done = |place: Option<String>| place.as_deref() == Some(DONE);
        Ok(!done(self.meta(HOLDS_FILED).await?)
            || !done(self.meta(crate::names::INDEXED).await?)
            || !done(self.meta(crate::located::INDEXED).await?))
    }
}

pub(crate) fn split(systems: &str) -> Vec<String> {
    systems
        .split(',')
        .filter(|s| !s.is_empty())
        .map(str::to_string)
        .collect()
}

pub(crate) fn item(row: &Row) -> Result<Item> {
    let some = |column| row.text(column).map(|text| (!text.is_empty()).then_some(text));
    Ok(Item {
        id: row.text(0)?,
        topic: row.text(1)?,
        systems: split(&row.text(2)?),
        entity: some(3)?,
        since: row.int(4)?,
        assigned: some(5)?,
        snoozed: row.int(6)?,
    })
}
