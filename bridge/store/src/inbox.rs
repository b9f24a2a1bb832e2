//! Pages of the inbox. An unfiltered page is a stretch of the index by age. A filter is first tried on such a stretch, which
//! most of them fill a page from; the rest of the page comes from the items that are alike and fit, found by their counters, so
//! that what fits nothing, or little and late, costs no walk through everything that waits.

use crate::{
    db::{Args, Columns, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Conn,
    records::{Page, Paged},
    waiting::{Cell, Item, ItemFilter, item, split},
};
use bridge_core::Time;
use std::collections::BTreeSet;

const BY_AGE: &str = "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox WHERE practice = $1 \
     AND (since, id) > ($2, $3) AND since <= $4 ORDER BY since, id LIMIT $5";
const ALIKE: &str = "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox WHERE practice = $1 \
     AND topic = $2 AND systems = $3 AND assigned = $4 AND (since, id) > ($5, $6) AND since <= $7 AND snoozed <= $8 \
     ORDER BY since, id LIMIT $9";
/// Few sleep, so they are walked through.
const ASLEEP: &str = "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox WHERE practice = $1 \
     AND snoozed > 0 AND (since, id) > ($2, $3) AND since <= $4 ORDER BY since, id LIMIT $5";
const OF_ENTITY: &str = "SELECT id, topic, systems, entity, since, assigned, snoozed FROM inbox WHERE practice = $1 \
     AND entity = $2 AND entity <> '' ORDER BY since, id";
const CELLS: &str = "SELECT topic, systems, assigned, snoozed, n FROM inbox_count WHERE practice = $1 \
     ORDER BY topic, systems, assigned, snoozed";
const OLDER: &str = "SELECT count(*) FROM inbox WHERE practice = $1 AND since <= $2";
/// Items looked through before those that are alike are asked for.
const STRETCH: usize = 400;

/// Where a page, or the next stretch of it, begins.
type Place = (Time, String);

impl ItemFilter {
    fn fits_cell(&self, topic: &str, systems: &[String], assigned: Option<&str>) -> bool {
        self.topics
            .as_ref()
            .is_none_or(|topics| topics.iter().any(|t| t == topic))
            && self.system.as_ref().is_none_or(|system| systems.contains(system))
            && self
                .assigned
                .as_ref()
                .is_none_or(|whose| assigned.unwrap_or_default() == whose)
    }

    fn fits_sleep(&self, snoozed: Time) -> bool {
        self.asleep.is_none_or(|(asleep, now)| asleep == (snoozed > now))
    }

    fn fits(&self, item: &Item) -> bool {
        self.fits_cell(&item.topic, &item.systems, item.assigned.as_deref())
            && self.fits_sleep(item.snoozed)
            && self.until.is_none_or(|until| item.since <= until)
    }

    /// Whether it leaves nothing out but for what sleeps.
    fn is_open(&self) -> bool {
        self.topics.is_none() && self.system.is_none() && self.assigned.is_none()
    }

    fn until(&self) -> Time {
        self.until.unwrap_or(Time::MAX)
    }
}

impl Store {
    /// Items that wait, longest first.
    pub async fn items(&self, filter: &ItemFilter, page: &Page) -> Result<Paged<Item>> {
        if let Some(within) = &filter.within {
            return self.items_seen(filter, within, page).await;
        }
        let mut conn = self.read().await?;
        let (since, id) = page.start();
        let place = (since, id);
        let mut rows = match (&filter.entity, filter.asleep) {
            (Some(entity), _) => {
                let mut rows = self.of_entity(&mut conn, entity).await?;
                rows.retain(|item| filter.fits(item) && (item.since, &item.id) > (place.0, &place.1));
                rows
            }
            (None, Some((true, _))) => {
                self.walked(&mut conn, ASLEEP, filter, place, page.limit, usize::MAX)
                    .await?
                    .0
            }
            (None, _) => {
                // Without a filter only those that sleep are passed over.
                let stretches = if filter.is_open() { usize::MAX } else { 1 };
                let (mut rows, on) = self
                    .walked(&mut conn, BY_AGE, filter, place, page.limit, stretches)
                    .await?;
                if let Some(place) = on.filter(|_| rows.len() < page.limit) {
                    let rest = page.limit - rows.len();
                    rows.extend(self.alike(&mut conn, filter, &place, rest).await?);
                }
                rows
            }
        };
        rows.truncate(page.limit);
        Ok(Paged::of(rows, page, |item| (item.since, &item.id)))
    }

    /// Items that fit, walking through so many stretches at most, and where it goes on if there may be more.
    async fn walked(
        &self,
        conn: &mut Conn,
        sql: &'static str,
        filter: &ItemFilter,
        mut place: Place,
        limit: usize,
        stretches: usize,
    ) -> Result<(Vec<Item>, Option<Place>)> {
        let mut found = vec![];
        // What is open fits as it comes, most often.
        let mut size = if filter.is_open() { limit.max(1) } else { STRETCH };
        for _ in 0..stretches {
            let mut args = Args::default();
            args.shared(&self.scope.practice)
                .int(place.0)
                .text(&place.1)
                .int(filter.until())
                .int(size as i64);
            let rows = fetch(conn, sql, args).await?;
            let over = rows.len() < size;
            for row in &rows {
                let item = item(row)?;
                place = (item.since, item.id.clone());
                if found.len() < limit && filter.fits(&item) {
                    found.push(item);
                }
            }
            if over {
                return Ok((found, None));
            }
            if found.len() >= limit {
                break;
            }
            size = size.max(STRETCH);
        }
        Ok((found, Some(place)))
    }

    /// The first that are awake and fit after a place, from each sort of items that are alike.
    async fn alike(&self, conn: &mut Conn, filter: &ItemFilter, place: &Place, limit: usize) -> Result<Vec<Item>> {
        let awake = filter.asleep.map_or(Time::MAX, |(_, now)| now);
        let cells = self.cells(conn).await?;
        let fit = cells.iter().filter(|cell| {
            cell.snoozed <= awake && filter.fits_cell(&cell.topic, &cell.systems, cell.assigned.as_deref())
        });
        let sorts: BTreeSet<_> = fit
            .map(|cell| (&cell.topic, &cell.systems, cell.assigned.as_deref().unwrap_or_default()))
            .collect();
        let mut found = vec![];
        for (topic, systems, assigned) in sorts {
            let mut args = Args::default();
            args.shared(&self.scope.practice)
                .text(topic)
                .text(&crate::waiting::joined(systems))
                .text(assigned)
                .int(place.0)
                .text(&place.1)
                .int(filter.until())
                .int(awake)
                .int(limit as i64);
            for row in fetch(conn, ALIKE, args).await? {
                found.push(item(&row)?);
            }
        }
        found.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        found.truncate(limit);
        Ok(found)
    }

    async fn of_entity(&self, conn: &mut Conn, entity: &str) -> Result<Vec<Item>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        fetch(conn, OF_ENTITY, args).await?.iter().map(item).collect()
    }

    /// How many items there are of each sort: everything that filters count by. Read from counters that follow the inbox.
    pub async fn item_cells(&self) -> Result<Vec<Cell>> {
        self.cells(&mut self.read().await?).await
    }

    async fn cells(&self, conn: &mut Conn) -> Result<Vec<Cell>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch(conn, CELLS, args).await?;
        rows.iter()
            .map(|row| {
                Ok(Cell {
                    topic: row.text(0)?,
                    systems: split(&row.text(1)?),
                    assigned: Some(row.text(2)?).filter(|who| !who.is_empty()),
                    snoozed: row.int(3)?,
                    count: row.int(4)?.unsigned_abs(),
                })
            })
            .collect()
    }

    /// How many items wait since that moment or longer.
    pub async fn items_older(&self, since: Time) -> Result<u64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).int(since);
        let row = fetch_one(&mut self.read().await?, OLDER, args).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }
}
