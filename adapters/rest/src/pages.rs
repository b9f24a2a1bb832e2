//! Changes and listings, page by page.

use crate::adapter::{RestAdapter, Worker};
use crate::connector::List;
use crate::cursor::{Cursor, Position};
use crate::record::remote;
use adapter_kit::{AdapterError, Page, Remote};
use bridge_core::Time;
use serde_json::{Value as Json, json};

/// One page as it came.
pub(crate) struct Fetched {
    pub records: Vec<Remote>,
    /// `None` after the last page.
    pub next: Option<Position>,
    pub started: Time,
}

impl RestAdapter {
    /// Without a cursor, everything; then what changed since the start of the last finished pass,
    /// less the overlap, since an index may show a change late. Kinds without a feed of changes
    /// list everything every time.
    pub(crate) async fn changes_page(&self, worker: &Worker, cursor: Option<&str>) -> Result<Page, AdapterError> {
        let mut cursor = Cursor::parse(cursor);
        let Some(changes) = &worker.kind.changes else {
            return self.whole_list(worker, cursor).await;
        };
        let overlap = i64::try_from(changes.overlap.as_micros()).unwrap_or(i64::MAX);
        let since = cursor.since.map(|since| since.saturating_sub(overlap).max(0));
        let list = if since.is_some() {
            &changes.list
        } else {
            &worker.kind.list
        };
        let fetched = self
            .fetch(worker, list, cursor.at.as_ref(), since, list.paging.size)
            .await?;
        let client = &self.account.client;
        if cursor.at.is_none() || cursor.pass.is_none() {
            // The least the product's clock can have shown: a later moment could skip a change.
            cursor.pass = Some(client.server_at_least(fetched.started).unwrap_or(fetched.started));
        }
        let more = fetched.next.is_some();
        cursor.at = fetched.next;
        if !more {
            cursor.since = cursor.pass.take();
        }
        Ok(Page {
            records: fetched.records,
            cursor: cursor.to_text(),
            more,
            may_lag: list.may_lag,
            started: fetched.started,
        })
    }

    /// A complete listing.
    pub(crate) async fn listing_page(&self, worker: &Worker, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.whole_list(worker, Cursor::parse(cursor)).await
    }

    async fn whole_list(&self, worker: &Worker, mut cursor: Cursor) -> Result<Page, AdapterError> {
        let list = &worker.kind.list;
        let fetched = self
            .fetch(worker, list, cursor.at.as_ref(), None, list.paging.size)
            .await?;
        let more = fetched.next.is_some();
        cursor.at = fetched.next;
        Ok(Page {
            records: fetched.records,
            cursor: cursor.to_text(),
            more,
            may_lag: list.may_lag,
            started: fetched.started,
        })
    }

    /// Lists one record, to see whether the account may.
    pub(crate) async fn glance(&self, worker: &Worker) -> Result<(), AdapterError> {
        self.fetch(worker, &worker.kind.list, None, None, 1).await.map(|_| ())
    }

    /// One page of a listing.
    pub(crate) async fn fetch(
        &self,
        worker: &Worker,
        list: &List,
        at: Option<&Position>,
        since: Option<i64>,
        size: usize,
    ) -> Result<Fetched, AdapterError> {
        let what = format!(
            "{} {}",
            if since.is_some() { "changes of" } else { "list" },
            worker.kind.name
        );
        let mut variables = worker.variables.clone();
        if let Some(since) = since {
            variables.insert("since".into(), json!(since));
        }
        Position::variables(at, &list.paging, size, &mut variables);
        let response = match at {
            Some(Position::Link(link)) => self.account.follow(link, &list.request, &variables, &what).await,
            _ => self.account.read(&list.request, &variables, &what).await,
        }
        .map_err(|error| error.error)?;
        let nonsense = |code: &str| self.account.client.nonsense(&what, code);
        let answer = response.http.json().map_err(|_| nonsense("no JSON"))?;
        let unchanged = matches!(response.http.status.as_u16(), 204 | 304);
        if !unchanged && !list.records_may_miss && list.records.one(&answer).is_none() {
            return Err(nonsense("no records where the connector says"));
        }
        let rows: Vec<&Json> = list.records.list(&answer);
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            records.push(remote(&worker.kind, row, None).ok_or_else(|| nonsense("a record without id"))?);
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        let link = response.http.header("link");
        let next =
            Position::next(at, list, &answer, link, &rows, &ids).map_err(|error| nonsense(&error.to_string()))?;
        Ok(Fetched {
            records,
            next,
            started: response.started,
        })
    }
}
