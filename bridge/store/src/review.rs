//! Lists for people: conflicts, cards, links.

use crate::{
    codes,
    db::{Among, Args, Columns, fetch, fetch_one},
    error::Result,
    load::card,
    open::Store,
    pool::Row,
    records::{CardRow, ConflictRow, Filter, LinkedRow, Page, Paged, RecordKey},
};
use bridge_core::Time;
use std::collections::BTreeMap;

const CONFLICTS: &str = "SELECT entity, unit, body, id FROM conflict WHERE practice = $1 AND (since > $2 OR since = $2 AND id > $3) \
     AND ($4 IS NULL OR entity = $4) AND ($5 IS NULL OR unit = $5) ORDER BY since, id LIMIT $6";
const CONFLICT: &str = "SELECT entity, unit, body, id FROM conflict WHERE practice = $1 AND id = $2";
const CARDS: &str = "SELECT id, entity, kind, system, units, since FROM card WHERE practice = $1 \
     AND (since > $2 OR since = $2 AND id > $3) AND ($4 IS NULL OR entity = $4) ORDER BY since, id LIMIT $5";
const ENTITIES: &str = "SELECT id FROM entity WHERE practice = $1 AND id > $2 ORDER BY id LIMIT $3";
const RECORDS: Among = Among {
    head: "SELECT entity, system, kind, remote_id, state FROM link WHERE practice = ? AND entity",
    tail: "ORDER BY entity, system",
};

impl Store {
    /// Open conflicts, oldest first.
    pub async fn conflicts(&self, filter: &Filter, page: &Page) -> Result<Paged<ConflictRow>> {
        let mut args = Args::default();
        let (since, id) = page.start();
        args.shared(&self.scope.practice)
            .int(since)
            .text(&id)
            .text_or_null(filter.entity.as_deref());
        args.text_or_null(filter.unit.as_deref()).int(page.limit as i64);
        let rows = fetch(&mut self.read().await?, CONFLICTS, args).await?;
        let rows = rows
            .iter()
            .map(|row| self.conflict_row(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(Paged::of(rows, page, |row| (row.conflict.since, &row.id)))
    }

    /// The conflict of that id, while it is open.
    pub async fn conflict(&self, id: &str) -> Result<Option<ConflictRow>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(id);
        fetch_one(&mut self.read().await?, CONFLICT, args)
            .await?
            .map(|row| self.conflict_row(&row))
            .transpose()
    }

    pub(crate) fn conflict_row(&self, row: &Row) -> Result<ConflictRow> {
        let (entity, unit, conflict) = self.scope.conflict(row)?;
        Ok(ConflictRow {
            id: row.text(3)?,
            entity,
            unit,
            conflict,
        })
    }

    /// Open cards, oldest first.
    pub async fn cards(&self, filter: &Filter, page: &Page) -> Result<Paged<CardRow>> {
        let mut args = Args::default();
        let (since, id) = page.start();
        args.shared(&self.scope.practice)
            .int(since)
            .text(&id)
            .text_or_null(filter.entity.as_deref())
            .int(page.limit as i64);
        let rows = fetch(&mut self.read().await?, CARDS, args).await?;
        let rows = rows
            .iter()
            .map(|row| {
                let (entity, card) = card(row, 1)?;
                Ok(CardRow {
                    id: row.text(0)?,
                    entity,
                    card,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Paged::of(rows, page, |row| (row.card.since, &row.id)))
    }

    /// Entities and their records, by entity.
    pub async fn linked(&self, page: &Page) -> Result<Paged<LinkedRow>> {
        let mut conn = self.read().await?;
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(page.after.as_deref().unwrap_or_default())
            .int(page.limit as i64);
        let ids = fetch(&mut conn, ENTITIES, args)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect::<Result<Vec<_>>>()?;
        let mut records: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice);
        };
        let rows = RECORDS
            .fetch(&mut conn, &ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        for row in rows {
            let record = RecordKey::new(row.text(1)?, row.text(2)?, row.text(3)?);
            records
                .entry(row.text(0)?)
                .or_default()
                .push((record, codes::link_state_of(&row.text(4)?)));
        }
        let next = (ids.len() == page.limit).then(|| ids.last().cloned()).flatten();
        let rows = ids
            .into_iter()
            .map(|entity| LinkedRow {
                records: records.remove(&entity).unwrap_or_default(),
                entity,
            })
            .collect();
        Ok(Paged { rows, next })
    }
}

impl Page {
    /// Time and id after which the page starts. A text that no page gave starts at the beginning.
    pub(crate) fn start(&self) -> (Time, String) {
        let parsed = self.after.as_deref().and_then(|after| after.split_once(' '));
        parsed
            .and_then(|(at, id)| Some((at.parse().ok()?, id.to_string())))
            .unwrap_or((Time::MIN, String::new()))
    }
}

impl<T> Paged<T> {
    pub(crate) fn of(rows: Vec<T>, page: &Page, place: impl Fn(&T) -> (Time, &String)) -> Self {
        let last = rows.last().filter(|_| rows.len() == page.limit).map(place);
        let next = last.map(|(at, id)| format!("{at} {id}"));
        Self { rows, next }
    }
}
