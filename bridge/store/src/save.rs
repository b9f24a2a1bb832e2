//! Saving aggregates: each against the revision it was loaded with, and of each only the rows that
//! changed.

use crate::{
    body::{Scope, spread},
    codes,
    db::{Among, Args, Columns, Insert, execute},
    error::Result,
    located::{self, Moved},
    records::{conflict_id, short_id},
    tx::{OBSERVED, Tx, bind_link},
    waiting::{self, Filed, ITEM, KNOWN_ITEM, NO_ITEM, bind_item, card_item, conflict_item},
};
use bridge_core::{Card, Conflict, Entity, Lane, Link, Time, Write};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A row whose stored revision is not the one before is left alone and not counted. Revisions
/// start at 1, so a new entity never replaces a stored one.
const ENTITY: Insert = Insert {
    head: "INSERT INTO entity (practice, id, kind, revision, dirty, dirty_since, lane, candidate, body)",
    columns: 9,
    tail: "ON CONFLICT (practice, id) DO UPDATE SET kind = excluded.kind, revision = excluded.revision, \
           dirty_since = CASE WHEN entity.dirty = 1 AND excluded.dirty = 1 THEN entity.dirty_since ELSE excluded.dirty_since END, \
           lane = CASE WHEN entity.dirty = 1 AND excluded.dirty = 1 AND entity.lane < excluded.lane THEN entity.lane ELSE excluded.lane END, \
           dirty = excluded.dirty, candidate = excluded.candidate, body = excluded.body \
           WHERE entity.revision = excluded.revision - 1",
};
const LINK: Insert = Insert {
    head: "INSERT INTO link (practice, system, kind, remote_id, entity, generation, state, known_at, look, asked, held, body)",
    columns: 12,
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO UPDATE SET entity = excluded.entity, generation = excluded.generation, \
           state = excluded.state, known_at = excluded.known_at, look = excluded.look, asked = excluded.asked, held = excluded.held, \
           body = excluded.body",
};
const OWNERS: Among = Among {
    head: "SELECT remote_id, entity FROM link WHERE practice = ? AND system = ? AND kind = ? AND entity IS NOT NULL AND remote_id",
    tail: "",
};
const WRITE: Insert = Insert {
    head: "INSERT INTO write (practice, entity, system, kind, op, state, lane, since, not_before, at, tries, body)",
    columns: 12,
    tail: "ON CONFLICT (practice, entity, system) DO UPDATE SET kind = excluded.kind, op = excluded.op, state = excluded.state, \
           lane = excluded.lane, since = CASE WHEN write.state = 'planned' AND excluded.state = 'planned' THEN write.since \
           ELSE excluded.since END, not_before = excluded.not_before, at = excluded.at, tries = excluded.tries, body = excluded.body",
};
const NO_WRITE: Among = Among {
    head: "DELETE FROM write WHERE practice = ? AND system = ? AND entity",
    tail: "",
};
const CONFLICT: Insert = Insert {
    head: "INSERT INTO conflict (practice, entity, unit, id, since, body)",
    columns: 6,
    tail: "ON CONFLICT (practice, entity, unit) DO UPDATE SET since = excluded.since, body = excluded.body",
};
const NO_CONFLICT: Among = Among {
    head: "DELETE FROM conflict WHERE practice = ? AND unit = ? AND entity",
    tail: "",
};
const CARD: Insert = Insert {
    head: "INSERT INTO card (practice, entity, kind, system, id, units, since)",
    columns: 7,
    tail: "ON CONFLICT (practice, entity, kind, system) DO UPDATE SET units = excluded.units, since = excluded.since",
};
const NO_CARD: Among = Among {
    head: "DELETE FROM card WHERE practice = ? AND kind = ? AND system = ? AND entity",
    tail: "",
};

/// What one entity's save comes to, sealed.
struct Change<'a> {
    /// Where it is in the list of saves.
    place: usize,
    /// Its revision is the stored one plus one, as far as known.
    fresh: bool,
    after: &'a Entity,
    revision: i64,
    body: Vec<u8>,
    /// Records that leave the entity.
    leaving: Vec<(Link, Vec<u8>)>,
    /// Records that were the entity's before, and those that join it.
    links: Vec<(&'a Link, Vec<u8>)>,
    joining: Vec<(&'a Link, Vec<u8>)>,
    writes: Vec<(&'a Write, Vec<u8>)>,
    conflicts: Vec<(&'a str, &'a Conflict, Vec<u8>)>,
    cards: Vec<&'a Card>,
    /// Systems, units, and cards by kind and system, that are no more.
    no_writes: Vec<&'a str>,
    no_conflicts: Vec<&'a str>,
    no_cards: Vec<(&'static str, &'a str)>,
    filed: Filed,
    moved: Option<Moved>,
}

impl Tx {
    /// Saves entities as they are after a decision, each against what it was before (none for a
    /// new one, with a new id). Of each, only the links, writes, conflicts and cards that changed
    /// are written; writes, conflicts and cards that are no more are deleted. A record that is no
    /// longer the entity's link of its system stays as a row of its own, with the next generation
    /// and no entity. Records that join an entity must have been loaded in this same transaction.
    ///
    /// The stored revision becomes the one before plus one, whatever `after` says. An entity that
    /// waits for reconcile after, and did not before, waits in `lane` since `now`; so does a write
    /// that is newly planned. Returns the ids of the entities that were not saved, because
    /// somebody else saved them in between or because a record they take belongs to another one:
    /// load them again and decide again.
    pub async fn save_entities(
        &mut self,
        pairs: &[(Option<Entity>, Entity)],
        lane: Lane,
        now: Time,
    ) -> Result<Vec<String>> {
        let known: Vec<String> = pairs
            .iter()
            .filter(|(b, _)| b.is_some())
            .map(|(_, a)| a.id.clone())
            .collect();
        // Somebody who was erased while a decision was made is not saved again.
        let erased = self.erased("", "entity", &known).await?;
        let mut taken = self.taken(pairs).await?;
        taken.extend(
            pairs
                .iter()
                .map(|(_, a)| a.id.as_str())
                .filter(|id| erased.contains(*id)),
        );
        let (conn, scope) = self.parts();
        let free = pairs
            .iter()
            .enumerate()
            .filter(|(_, (_, after))| !taken.contains(after.id.as_str()))
            .collect();
        let mut changes = spread(free, |(place, (before, after))| {
            scope.change(place, before.as_ref(), after, now)
        });
        let rows = changes
            .iter_mut()
            .map(|change| (change.after, change.revision, std::mem::take(&mut change.body)))
            .collect::<Vec<_>>();
        let bind = |args: &mut Args, (after, revision, body): (&Entity, i64, Vec<u8>)| {
            args.shared(&scope.practice)
                .text(&after.id)
                .text(&after.kind)
                .int(revision)
                .int(after.dirty.into())
                .int(now)
                .int(codes::lane(lane))
                .int(after.candidate.into())
                .blob(body);
        };
        // Most often all are fresh, and their number says so. Only if it does not are they saved
        // again one by one, to learn which.
        execute(conn, "SAVEPOINT entities", Args::default()).await?;
        let count = rows.len() as u64;
        if ENTITY.run(conn, rows, bind).await? != count {
            execute(conn, "ROLLBACK TO entities", Args::default()).await?;
            for change in &mut changes {
                let row = (
                    change.after,
                    change.revision,
                    scope.seal("entity", &[&change.after.id], change.after),
                );
                change.fresh = ENTITY.run(conn, vec![row], bind).await? == 1;
            }
        }
        execute(conn, "RELEASE entities", Args::default()).await?;
        changes.retain(|change| change.fresh);
        let saved: HashSet<usize> = changes.iter().map(|change| change.place).collect();
        self.write_changes(changes, now).await?;
        let unsaved = pairs.iter().enumerate().filter(|(place, _)| !saved.contains(place));
        Ok(unsaved.map(|(_, (_, after))| after.id.clone()).collect())
    }

    async fn write_changes(&mut self, changes: Vec<Change<'_>>, now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let practice = &scope.practice;
        let (mut leaving, mut links, mut joining) = (vec![], vec![], vec![]);
        let (mut writes, mut conflicts, mut cards) = (vec![], vec![], vec![]);
        let mut no_writes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut no_conflicts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut no_cards: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        let (mut new, mut known, mut no_items) = (vec![], vec![], vec![]);
        let mut moved = vec![];
        for change in changes {
            let id = change.after.id.as_str();
            moved.extend(change.moved);
            known.extend(change.filed.known);
            no_items.extend(change.filed.gone);
            let conflicts_of = change.conflicts.iter();
            new.extend(
                conflicts_of.map(|(unit, conflict, _)| conflict_item(conflict_id(id, unit), id, unit, conflict)),
            );
            new.extend(change.cards.iter().map(|card| {
                let kind = codes::card(card.kind);
                card_item(card_id(id, kind, &card.system), id, kind, card)
            }));
            leaving.extend(change.leaving);
            links.extend(change.links);
            joining.extend(change.joining.into_iter().map(|(link, body)| (id, link, body)));
            writes.extend(change.writes.into_iter().map(|(write, body)| (id, write, body)));
            conflicts.extend(
                change
                    .conflicts
                    .into_iter()
                    .map(|(unit, conflict, body)| (id, unit, conflict, body)),
            );
            cards.extend(change.cards.into_iter().map(|card| (id, card)));
            change
                .no_writes
                .into_iter()
                .for_each(|system| no_writes.entry(system).or_default().push(id));
            change
                .no_conflicts
                .into_iter()
                .for_each(|unit| no_conflicts.entry(unit).or_default().push(id));
            change
                .no_cards
                .into_iter()
                .for_each(|card| no_cards.entry(card).or_default().push(id));
        }

        let head = |args: &mut Args| {
            args.shared(practice);
        };
        NO_ITEM
            .run(conn, &no_items, head, |args, id| {
                args.text(id);
            })
            .await?;
        ITEM.run(conn, new, |args, item| bind_item(args, practice, &item))
            .await?;
        KNOWN_ITEM
            .run(conn, known, |args, item| bind_item(args, practice, &item))
            .await?;
        // First out, then in: an entity has one record per system at any moment.
        LINK.run(conn, leaving, |args, (link, body)| {
            bind_link(args, scope, &link, None, body)
        })
        .await?;
        LINK.run(conn, joining, |args, (id, link, body)| {
            bind_link(args, scope, link, Some(id), body)
        })
        .await?;
        OBSERVED
            .run(conn, links, |args, (link, body)| {
                bind_link(args, scope, link, None, body)
            })
            .await?;
        for (system, ids) in no_writes {
            let head = |args: &mut Args| {
                args.shared(practice).text(system);
            };
            NO_WRITE.run(conn, &ids, head, bind_id).await?;
        }
        WRITE
            .run(conn, writes, |args, (id, write, body)| {
                args.shared(practice)
                    .text(id)
                    .text(&write.system)
                    .text(&write.kind)
                    .text(codes::op(write.op))
                    .text(codes::write_state(write.state))
                    .int(codes::lane(write.lane))
                    .int(now)
                    .int(write.not_before)
                    .int(write.at)
                    .int(write.tries.into())
                    .blob(body);
            })
            .await?;
        for (unit, ids) in no_conflicts {
            let head = |args: &mut Args| {
                args.shared(practice).text(unit);
            };
            NO_CONFLICT.run(conn, &ids, head, bind_id).await?;
        }
        CONFLICT
            .run(conn, conflicts, |args, (id, unit, conflict, body)| {
                args.shared(practice)
                    .text(id)
                    .text(unit)
                    .text(&conflict_id(id, unit))
                    .int(conflict.since)
                    .blob(body);
            })
            .await?;
        for ((kind, system), ids) in no_cards {
            let head = |args: &mut Args| {
                args.shared(practice).text(kind).text(system);
            };
            NO_CARD.run(conn, &ids, head, bind_id).await?;
        }
        CARD.run(conn, cards, |args, (id, card)| {
            let kind = codes::card(card.kind);
            let units = serde_json::Value::from(card.units.iter().cloned().collect::<Vec<_>>()).to_string();
            args.shared(practice)
                .text(id)
                .text(kind)
                .text(&card.system)
                .text(&card_id(id, kind, &card.system))
                .text(&units)
                .int(card.since);
        })
        .await?;
        scope.relocate(conn, moved).await
    }

    /// Entities that take a record which belongs to another entity, and is not given up by it here.
    async fn taken<'a>(&mut self, pairs: &'a [(Option<Entity>, Entity)]) -> Result<HashSet<&'a str>> {
        let mut taken = HashSet::new();
        let mut joining: BTreeMap<(&str, &str), HashMap<&str, &'a str>> = BTreeMap::new();
        let mut given_up: HashSet<(&str, &str, &str, &str)> = HashSet::new();
        for (before, after) in pairs {
            for link in after.links.values() {
                let was = before.as_ref().and_then(|b| b.links.get(&link.system));
                if !was.is_some_and(|was| same_record(was, link)) {
                    let records = joining.entry((&link.system, &link.kind)).or_default();
                    if records
                        .insert(&link.remote_id, &after.id)
                        .is_some_and(|first| first != after.id)
                    {
                        taken.insert(after.id.as_str());
                    }
                }
            }
            for link in before.iter().flat_map(|before| leaving(before, after)) {
                given_up.insert((&link.system, &link.kind, &link.remote_id, &after.id));
            }
        }
        let (conn, scope) = self.parts();
        for ((system, kind), records) in joining {
            let ids: Vec<&str> = records.keys().copied().collect();
            let head = |args: &mut Args| {
                args.shared(&scope.practice).text(system).text(kind);
            };
            for row in OWNERS.fetch(conn, &ids, head, bind_id).await? {
                let (remote_id, owner) = (row.text(0)?, row.text(1)?);
                if let Some(taker) = records.get(remote_id.as_str())
                    && *taker != owner
                    && !given_up.contains(&(system, kind, &remote_id, &owner))
                {
                    taken.insert(*taker);
                }
            }
        }
        Ok(taken)
    }
}

impl Scope {
    fn change<'a>(&self, place: usize, before: Option<&'a Entity>, after: &'a Entity, now: Time) -> Change<'a> {
        let mut filed = waiting::filed(before, after, now);
        let Entity {
            id,
            conflicts,
            cards,
            links,
            writes,
            ..
        } = after;
        let before_links = before.map(|b| &b.links);
        let leaving: Vec<_> = before
            .into_iter()
            .flat_map(|before| leaving(before, after))
            .map(|link| Link {
                entity: None,
                generation: link.generation + 1,
                ..link.clone()
            })
            .map(|link| {
                let body = self.seal_link(&link);
                (link, body)
            })
            .collect();
        let (links, joining): (Vec<_>, Vec<_>) = links
            .values()
            .filter(|link| before_links.and_then(|b| b.get(&link.system)) != Some(*link))
            .map(|link| (&**link, self.seal_link(link)))
            .partition(|(link, _)| {
                let was = before_links.and_then(|b| b.get(&link.system));
                was.is_some_and(|was| same_record(was, link))
            });
        let no_conflicts = gone(before.map(|b| &b.conflicts), conflicts);
        let no_cards: Vec<_> = before
            .iter()
            .flat_map(|b| &b.cards)
            .filter(|was| !cards.iter().any(|is| is.kind == was.kind && is.system == was.system))
            .map(|card| (codes::card(card.kind), card.system.as_str()))
            .collect();
        filed.gone.extend(no_conflicts.iter().map(|unit| conflict_id(id, unit)));
        filed
            .gone
            .extend(no_cards.iter().map(|(kind, system)| card_id(id, kind, system)));
        let records = before.is_none() || !leaving.is_empty() || !joining.is_empty();
        Change {
            moved: located::moved(before, after, records),
            place,
            fresh: true,
            after,
            revision: before.map_or(1, |b| b.revision + 1),
            body: self.seal("entity", &[id], after),
            leaving,
            links,
            joining,
            writes: writes
                .iter()
                .filter(|(system, write)| before.and_then(|b| b.writes.get(*system)) != Some(*write))
                .map(|(system, write)| (write, self.seal("write", &[id, system], write)))
                .collect(),
            conflicts: conflicts
                .iter()
                .filter(|(unit, conflict)| before.and_then(|b| b.conflicts.get(*unit)) != Some(*conflict))
                .map(|(unit, conflict)| (unit.as_str(), conflict, self.seal("conflict", &[id, unit], conflict)))
                .collect(),
            cards: cards
                .iter()
                .filter(|card| before.is_none_or(|b| !b.cards.contains(card)))
                .collect(),
            no_writes: gone(before.map(|b| &b.writes), writes),
            no_conflicts,
            no_cards,
            filed,
        }
    }
}

fn card_id(entity: &str, kind: &str, system: &str) -> String {
    short_id(&["card", entity, kind, system])
}

/// Records of an entity that are no longer its record of their system.
fn leaving<'a>(before: &'a Entity, after: &Entity) -> impl Iterator<Item = &'a Link> {
    let stays = |link: &Link| after.links.get(&link.system).is_some_and(|now| same_record(now, link));
    before
        .links
        .values()
        .map(|link| &**link)
        .filter(move |link| !stays(link))
}

fn same_record(one: &Link, other: &Link) -> bool {
    one.remote_id == other.remote_id && one.kind == other.kind && one.system == other.system
}

fn gone<'a, T>(before: Option<&'a BTreeMap<String, T>>, after: &BTreeMap<String, T>) -> Vec<&'a str> {
    before
        .into_iter()
        .flat_map(BTreeMap::keys)
        .filter(|name| !after.contains_key(*name))
        .map(String::as_str)
        .collect()
}

fn bind_id(args: &mut Args, id: &&str) {
    args.text(id);
}
