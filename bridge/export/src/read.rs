//! Rows page by page: everything there is, or what changed after a cursor.
//!
//! A full reading goes by id, so that what changes meanwhile shows once, as it was or as it is. Its cursor is taken
//! before it begins: whatever changed since comes with the next reading of changes.

use crate::about::whom;
use crate::cell::Cell;
use crate::cursor::Cursor;
use crate::entities::{Entity, Practice, Records, View, view};
use crate::grant::Grant;
use bridge_store::{About, Changed, Followed, Store, StoreError, Telling};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Records read at a time.
const PAGE: usize = 1_000;

/// Why rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is of another entity.
    #[error("this cursor is of `{0}`; give one that an export of this entity has shown, or `start`")]
    OfAnother(String),
    /// The cursor is of another store, or of a later state of this one.
    #[error(
        "this cursor is of another store, or of a state of this one that was lost (a backup was restored, or it was made anew): \
         export everything with --since start, in the place of what there is"
    )]
    Elsewhere,
    /// Events after the cursor were forgotten already.
    #[error(
        "events after this cursor were forgotten already: export the records instead, and go on from the newest event"
    )]
    Forgotten,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// There, with a cell for each column.
    Put(Vec<Cell>),
    /// Not there any more; cells of its keys only.
    Removed(Vec<Cell>),
}

/// How far a reading is, and where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everything, after this id.
    All(String),
    /// Changes after `seq`, up to the number `until`.
    Changes {
        /// The last one taken.
        seq: i64,
        /// The last one of this reading.
        until: i64,
    },
    /// At the end.
    End,
}

/// Reads one entity under a grant.
pub struct Reader<'a> {
    entity: Entity,
    view: View<'a>,
    unreadable: BTreeMap<String, u64>,
    home: String,
    /// Everybody whom rows were about so far.
    about: BTreeSet<About>,
    /// Of those, whom nobody asked about yet.
    fresh: BTreeSet<About>,
}

impl<'a> Reader<'a> {
    /// Of a store; `entity` is of the catalogue for this practice. Columns that the grant does not allow are left out,
    /// and counted by class in what comes with it.
    pub fn new(
        store: &'a Store,
        practice: &Practice<'_>,
        entity: Entity,
        grant: &Grant,
    ) -> (Reader<'a>, BTreeMap<&'static str, usize>) {
        let (entity, left_out) = entity.under(grant);
        let reader = Reader {
            view: View::new(store, practice.units, grant),
            entity,
            unreadable: BTreeMap::new(),
            home: practice.home.clone(),
            about: BTreeSet::new(),
            fresh: BTreeSet::new(),
        };
        (reader, left_out)
    }

    /// The entity, with the columns that rows have.
    pub fn entity(&self) -> &Entity {
        &self.entity
    }

    /// How many values, by column, were not what the column holds and are empty in the rows.
    pub fn unreadable(&self) -> &BTreeMap<String, u64> {
        &self.unreadable
    }

    /// What is to stand in the history before the rows of the last pages go to `system`: one line for each person whom they
    /// are about and no earlier page was. It names classes, which say what was told without the length of all columns.
    pub fn telling(&mut self, system: &str) -> Option<Telling> {
        let about = std::mem::take(&mut self.fresh);
        let name = &self.entity.name;
        let classes: BTreeSet<&str> = self
            .entity
            .columns
            .iter()
            .map(|c| crate::grant::word(c.class))
            .collect();
        let units = classes.into_iter().map(|class| match class {
            "-" => format!("{name}.ids"),
            class => format!("{name}.{class}"),
        });
        (!about.is_empty()).then(|| Telling {
            system: system.to_owned(),
            remote_id: None,
            units: units.collect(),
            purpose: format!("{system}: {name}"),
            certain: true,
            about,
        })
    }

    /// Where a reading of everything begins, without a cursor after it.
    pub fn all(&self) -> Place {
        match self.entity.records {
            Records::Followed(_) => Place::All(String::new()),
            Records::Events => Place::Changes {
                seq: 0,
                until: i64::MAX,
            },
        }
    }

    /// Where a reading of what changed after a cursor begins, and the cursor to go on from when all its rows are kept.
    /// From the start, everything counts as changed, and what is gone is told too: whoever begins again may have taken it.
    ///
    /// # Errors
    /// [`ReadError`] if the cursor is not of this entity and store.
    pub async fn since(&self, cursor: &Cursor) -> Result<(Place, Cursor), ReadError> {
        if cursor.entity != self.entity.name {
            return Err(ReadError::OfAnother(cursor.entity.clone()));
        }
        let store = self.view.store();
        let last = match &self.entity.records {
            Records::Followed(what) => store.catch_up(what).await?,
            Records::Events => store.last_event().await?,
        };
        let next = self.at(last).await?;
        if cursor.seq > last || self.at(cursor.seq).await? != *cursor {
            return Err(ReadError::Elsewhere);
        }
        if self.entity.records == Records::Events && cursor.seq > 0 {
            let next = store.events(cursor.seq, 1).await?;
            if next.first().is_some_and(|event| event.seq > cursor.seq + 1) {
                return Err(ReadError::Forgotten);
            }
        }
        let place = Place::Changes {
            seq: cursor.seq,
            until: last,
        };
        Ok((place, next))
    }

    /// The cursor of a number that was given.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    pub async fn at(&self, seq: i64) -> Result<Cursor, ReadError> {
        let store = self.view.store();
        let feed = match &self.entity.records {
            _ if seq == 0 => None,
            Records::Followed(_) => store.batch_of(seq).await?,
            Records::Events => store.stream().await?,
        };
        Ok(Cursor {
            entity: self.entity.name.clone(),
            feed: feed.unwrap_or_default(),
            seq,
        })
    }

    /// The next rows, and where to go on.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    pub async fn page(&mut self, place: &Place) -> Result<(Vec<Row>, Place), ReadError> {
        let what = match &self.entity.records {
            Records::Followed(what) => what.clone(),
            Records::Events => return self.events(place).await,
        };
        match place {
            Place::End => Ok((vec![], Place::End)),
            Place::All(after) => self.all_page(&what, after).await,
            Place::Changes { seq, until } => self.changed_page(&what, *seq, *until).await,
        }
    }

    async fn all_page(&mut self, what: &Followed, after: &str) -> Result<(Vec<Row>, Place), ReadError> {
        let ids = self.view.store().followed_ids(what, after, PAGE).await?;
        let Some(last) = ids.last().cloned() else {
            return Ok((vec![], Place::End));
        };
        let bodies = self.view.bodies(what, &ids).await?;
        self.see(what, bodies.values());
        // What is gone since its id was read is no row of a full reading.
        let rows = ids.iter().filter_map(|id| Some(self.cells(Some(id), bodies.get(id)?)));
        let rows = rows.collect();
        let end = ids.len() < PAGE;
        Ok((rows, if end { Place::End } else { Place::All(last) }))
    }

    async fn changed_page(&mut self, what: &Followed, seq: i64, until: i64) -> Result<(Vec<Row>, Place), ReadError> {
        let changed = self.view.store().changed_after(what, seq, until, PAGE).await?;
        let there: Vec<String> = changed.iter().filter(|c| !c.gone).map(|c| c.id.clone()).collect();
        let bodies = self.view.bodies(what, &there).await?;
        self.see(what, bodies.values());
        let row = |Changed { id, .. }: &Changed| match bodies.get(id) {
            Some(body) => self.cells(Some(id), body),
            None => Row::Removed(self.entity.keys_of(id).into_iter().map(Cell::text).collect()),
        };
        let rows = changed.iter().map(row).collect();
        let place = match changed.last() {
            Some(last) if changed.len() == PAGE => Place::Changes { seq: last.seq, until },
            _ => Place::End,
        };
        Ok((rows, place))
    }

    fn see<'b>(&mut self, what: &Followed, bodies: impl Iterator<Item = &'b Json>) {
        for about in bodies.flat_map(|body| whom(what, body, &self.home)) {
            if self.about.insert(about.clone()) {
                self.fresh.insert(about);
            }
        }
    }

    async fn events(&mut self, place: &Place) -> Result<(Vec<Row>, Place), ReadError> {
        let Place::Changes { seq, until } = place else {
            return Ok((vec![], Place::End));
        };
        let mut events = self.view.store().events(*seq, PAGE).await?;
        let full = events.len() == PAGE;
        events.retain(|event| event.seq <= *until);
        let next = match events.last() {
            Some(last) if full && last.seq < *until => Place::Changes {
                seq: last.seq,
                until: *until,
            },
            _ => Place::End,
        };
        let rows = events
            .into_iter()
            .map(|event| self.cells(None, &view::event(event)))
            .collect();
        Ok((rows, next))
    }

    /// The row of a body. What tells it from others is what the store knows it by.
    fn cells(&mut self, id: Option<&str>, body: &Json) -> Row {
        let Reader { entity, unreadable, .. } = self;
        let cell = |column: &crate::Column| {
            column.read(body).unwrap_or_else(|_| {
                *unreadable.entry(column.name.clone()).or_default() += 1;
                Cell::Empty
            })
        };
        let mut cells: Vec<Cell> = entity.columns.iter().map(cell).map(Cell::without_denied).collect();
        let keys = id.map(|id| entity.keys_of(id)).unwrap_or_default();
        cells
            .iter_mut()
            .zip(keys)
            .for_each(|(cell, key)| *cell = Cell::text(key));
        Row::Put(cells)
    }
}
