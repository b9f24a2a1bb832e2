//! Reading aggregates, links and look-ups: the same on the write connection and on a read one.

use crate::{
    body::{Scope, SealedLink, spread},
    codes,
    db::{Among, Args, Columns, fetch_one},
    error::{Result, StoreError},
    pool::{Conn, Row},
    records::{Found, LinkRow, LookupKey, RecordKey},
};
use bridge_core::{Card, Conflict, Entity, Write};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const ENTITIES: Among = Among {
    head: "SELECT id, kind, revision, dirty, candidate, body FROM entity WHERE practice = ? AND id",
    tail: "",
};
const LINKS_OF: Among = Among {
    head: "SELECT system, kind, remote_id, entity, body FROM link WHERE practice = ? AND entity",
    tail: "",
};
const WRITES_OF: Among = Among {
    head: "SELECT entity, system, body FROM write WHERE practice = ? AND entity",
    tail: "",
};
const CONFLICTS_OF: Among = Among {
    head: "SELECT entity, unit, body FROM conflict WHERE practice = ? AND entity",
    tail: "",
};
const CARDS_OF: Among = Among {
    head: "SELECT entity, kind, system, units, since FROM card WHERE practice = ? AND entity",
    tail: "ORDER BY entity, since, id",
};
const LINKS: Among = Among {
    head: "SELECT l.system, l.kind, l.remote_id, l.entity, l.body, EXISTS (SELECT 1 FROM write w WHERE w.practice = l.practice \
           AND w.entity = l.entity AND w.system = l.system AND w.state IN ('sent', 'unknown')) \
           FROM link l WHERE l.practice = ? AND l.system = ? AND l.kind = ? AND l.remote_id",
    tail: "",
};
const FOUND: Among = Among {
    head: "SELECT k.hash, k.system, k.kind, k.remote_id, l.entity, l.state FROM lookup k LEFT JOIN link l \
           ON l.practice = k.practice AND l.system = k.system AND l.kind = k.kind AND l.remote_id = k.remote_id \
           WHERE k.practice = ? AND k.key_kind = ? AND k.hash",
    tail: "",
};
const ENTITY_OF: &str = "SELECT entity FROM link WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4";

impl Scope {
    /// The entities of these ids with all that belongs to them, in the order asked for; unknown
    /// ids are left out, repeated ones come once.
    pub async fn entities(&self, conn: &mut Conn, ids: &[String]) -> Result<Vec<Entity>> {
        let practice = |args: &mut Args| {
            args.shared(&self.practice);
        };
        let id = |args: &mut Args, id: &String| {
            args.text(id);
        };
        let entities = ENTITIES.fetch(conn, ids, practice, id).await?;
        let links = LINKS_OF.fetch(conn, ids, practice, id).await?;
        let writes = WRITES_OF.fetch(conn, ids, practice, id).await?;
        let conflicts = CONFLICTS_OF.fetch(conn, ids, practice, id).await?;
        let cards = CARDS_OF.fetch(conn, ids, practice, id).await?;

        let mut found = HashMap::with_capacity(entities.len());
        for entity in spread(entities, |row| self.entity(&row)) {
            let entity = entity?;
            found.insert(entity.id.clone(), entity);
        }
        for link in spread(links, |row| self.open_link(sealed_link(&row)?)) {
            let link = link?;
            if let Some(entity) = link.entity.as_ref().and_then(|id| found.get_mut(id)) {
                entity.links.insert(link.system.clone(), link.into());
            }
        }
        for write in spread(writes, |row| self.write(&row)) {
            let (id, write) = write?;
            if let Some(entity) = found.get_mut(&id) {
                entity.writes.insert(write.system.clone(), write);
            }
        }
        for conflict in spread(conflicts, |row| self.conflict(&row)) {
            let (id, unit, conflict) = conflict?;
            if let Some(entity) = found.get_mut(&id) {
                entity.conflicts.insert(unit, conflict);
            }
        }
        for row in cards {
            let (id, card) = card(&row, 0)?;
            if let Some(entity) = found.get_mut(&id) {
                entity.cards.push(card);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    fn entity(&self, row: &Row) -> Result<Entity> {
        let id = row.text(0)?;
        let body: Entity = self.open("entity", &[&id], row.blob(5)?)?;
        Ok(Entity {
            kind: row.text(1)?,
            revision: row.int(2)?,
            dirty: row.int(3)? != 0,
            candidate: row.int(4)? != 0,
            id,
            ..body
        })
    }

    /// A write from columns entity, system, body.
    pub fn write(&self, row: &Row) -> Result<(String, Write)> {
        let (entity, system) = (row.text(0)?, row.text(1)?);
        let write = self.open("write", &[&entity, &system], row.blob(2)?)?;
        Ok((entity, write))
    }

    /// A conflict from columns entity, unit, body.
    pub fn conflict(&self, row: &Row) -> Result<(String, String, Conflict)> {
        let (entity, unit) = (row.text(0)?, row.text(1)?);
        let conflict = self.open("conflict", &[&entity, &unit], row.blob(2)?)?;
        Ok((entity, unit, conflict))
    }

    /// The links of these records of one kind; records never seen are left out.
    pub async fn links(&self, conn: &mut Conn, system: &str, kind: &str, ids: &[String]) -> Result<Vec<LinkRow>> {
        let rows = LINKS
            .fetch(
                conn,
                ids,
                |args| {
                    args.shared(&self.practice).text(system).text(kind);
                },
                |args, id| {
                    args.text(id);
                },
            )
            .await?;
        spread(rows, |row| {
            Ok(LinkRow {
                busy: row.int(5)? != 0,
                link: self.open_link(sealed_link(&row)?)?,
            })
        })
        .into_iter()
        .collect()
    }

    /// Every record that any of the keys leads to, sorted by key and record.
    pub async fn find_keys(&self, conn: &mut Conn, keys: &[LookupKey]) -> Result<Vec<Found>> {
        let mut wanted: BTreeMap<&'static str, HashMap<[u8; 16], Vec<usize>>> = BTreeMap::new();
        for (place, key) in keys.iter().enumerate() {
            let hash = self.keys.hash(key.kind, &key.text);
            wanted.entry(key.kind).or_default().entry(hash).or_default().push(place);
        }
        let mut found = BTreeSet::new();
        for (kind, places) in wanted {
            let hashes: Vec<[u8; 16]> = places.keys().copied().collect();
            let rows = FOUND
                .fetch(
                    conn,
                    &hashes,
                    |args| {
                        args.shared(&self.practice).text(kind);
                    },
                    |args, hash| {
                        args.blob(hash.to_vec());
                    },
                )
                .await?;
            for row in rows {
                let record = RecordKey::new(row.text(1)?, row.text(2)?, row.text(3)?);
                let (entity, live) = (row.text_or_null(4)?, row.text_or_null(5)?.as_deref() == Some("live"));
                for key in places.get(row.blob(0)?.as_slice()).into_iter().flatten() {
                    found.insert(Found {
                        key: *key,
                        record: record.clone(),
                        entity: entity.clone(),
                        live,
                    });
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The entity of a record.
    pub async fn entity_of(
        &self,
        conn: &mut Conn,
        system: &str,
        kind: &str,
        remote_id: &str,
    ) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.practice).text(system).text(kind).text(remote_id);
        fetch_one(conn, ENTITY_OF, args)
            .await?
            .map_or(Ok(None), |row| row.text_or_null(0))
    }
}

/// A link from columns system, kind, remote_id, entity, body.
pub(crate) fn sealed_link(row: &Row) -> Result<SealedLink> {
    Ok(SealedLink {
        system: row.text(0)?,
        kind: row.text(1)?,
        remote_id: row.text(2)?,
        entity: row.text_or_null(3)?,
        body: row.blob(4)?,
    })
}

/// A card from columns entity, kind, system, units, since, of which `first` is the first.
pub(crate) fn card(row: &Row, first: usize) -> Result<(String, Card)> {
    let (entity, kind, system) = (row.text(first)?, row.text(first + 1)?, row.text(first + 2)?);
    let damaged = || StoreError::Damaged {
        table: "card",
        row: format!("{entity}/{kind}/{system}"),
        detail: "its content is not understood",
    };
    let card = Card {
        kind: codes::card_of(&kind).ok_or_else(damaged)?,
        units: serde_json::from_str(&row.text(first + 3)?).map_err(|_| damaged())?,
        since: row.int(first + 4)?,
        system: system.clone(),
    };
    Ok((entity, card))
}
