//! Changes and listings, page by page.

use crate::adapter::{RestAdapter, Worker};
use crate::connector::{Changes, List};
use crate::cursor::{Cursor, Position};
use crate::place::Place;
use crate::record::{remote, removed};
use adapter_kit::{AdapterError, CallError, Page, Remote, Verdict};
use bridge_core::Time;
use serde_json::{Value as Json, json};

/// What is asked of a listing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    /// The page; `None` for the first.
    at: Option<&'a Position>,
    /// Records per page; the listing's own number if `None`.
    size: Option<usize>,
    /// Changes since this moment of the product's clock, microseconds.
    since: Option<i64>,
    /// What the product gave to go on from.
    resume: Option<&'a Json>,
    /// Where it gives that.
    resume_at: Option<&'a Place>,
    /// The listing shows removed records, whose ids stand here.
    removed_at: Option<&'a Place>,
}

impl<'a> Ask<'a> {
    /// A page of a plain listing.
    pub fn page(at: Option<&'a Position>) -> Ask<'a> {
        Ask { at, ..Ask::default() }
    }
}

/// One page as it came.
pub(crate) struct Fetched {
    pub records: Vec<Remote>,
    /// `None` after the last page.
    pub next: Option<Position>,
    pub started: Time,
    resume: Option<Json>,
}

impl RestAdapter {
    /// Without a cursor, everything; then what changed since the start of the last finished pass,
    /// less the overlap, since an index may show a change late; or since the token that the product
    /// gave. Kinds without a feed of changes list everything every time.
    pub(crate) async fn changes_page(&self, worker: &Worker, cursor: Option<&str>) -> Result<Page, AdapterError> {
        let cursor = Cursor::parse(cursor);
        let Some(changes) = &worker.kind.changes else {
            return self.whole_list(worker, cursor).await;
        };
        let resumed = cursor.at.is_none() && cursor.resume.is_some();
        match self.feed_page(worker, changes, cursor).await {
            // The product has forgotten its token: everything is listed once more.
            Err(error) if resumed && matches!(error.verdict, Some(Verdict::Missing)) => self
                .feed_page(worker, changes, Cursor::default())
                .await
                .map_err(|error| error.error),
            page => page.map_err(|error| error.error),
        }
    }

    async fn feed_page(&self, worker: &Worker, changes: &Changes, mut cursor: Cursor) -> Result<Page, CallError> {
        let feed = cursor.resume.is_some() || (cursor.since.is_some() && changes.asks_since);
        let overlap = i64::try_from(changes.overlap.as_micros()).unwrap_or(i64::MAX);
        let since = cursor
            .since
            .filter(|_| feed)
            .map(|since| since.saturating_sub(overlap).max(0));
        let removals = worker.kind.removed.as_ref().filter(|_| feed);
        let now_removals = removals.filter(|_| cursor.removals);
        let list = match (now_removals, feed) {
            (Some(removals), _) => &removals.list,
            (None, true) => &changes.list,
            (None, false) => &worker.kind.list,
        };
        let address = cursor
            .resume
            .as_ref()
            .and_then(Json::as_str)
            .filter(|resume| resume.contains("://"));
        let start = address
            .filter(|_| now_removals.is_none())
            .map(|address| Position::Link(address.to_string()));
        let ask = Ask {
            at: cursor.at.as_ref().or(start.as_ref()),
            since,
            resume: cursor.resume.as_ref().filter(|_| feed),
            resume_at: changes.resume.as_ref(),
            removed_at: now_removals.map(|removals| &removals.id),
            size: None,
        };
        let fetched = self.fetch(worker, list, ask).await?;
        if cursor.pass.is_none() {
            // The least the product's clock can have shown: a later moment could skip a change.
            let client = &self.account.client;
            cursor.pass = Some(client.server_at_least(fetched.started).unwrap_or(fetched.started));
        }
        cursor.resume = fetched.resume.or(cursor.resume);
        cursor.at = fetched.next;
        let mut more = cursor.at.is_some();
        if !more && removals.is_some() && !cursor.removals {
            cursor.removals = true;
            more = true;
        } else if !more {
            cursor.removals = false;
            cursor.since = cursor.pass.take();
        }
        Ok(Page {
            records: fetched.records,
            cursor: cursor.to_text(),
            more,
            // That a record was removed is taken up by a direct read.
            may_lag: list.may_lag || now_removals.is_some(),
            started: fetched.started,
        })
    }

    /// A complete listing.
    pub(crate) async fn listing_page(&self, worker: &Worker, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.whole_list(worker, Cursor::parse(cursor)).await
    }

    async fn whole_list(&self, worker: &Worker, mut cursor: Cursor) -> Result<Page, AdapterError> {
        let list = &worker.kind.list;
        let ask = Ask::page(cursor.at.as_ref());
        let fetched = self.fetch(worker, list, ask).await.map_err(|error| error.error)?;
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
        let ask = Ask {
            size: Some(1),
            ..Ask::default()
        };
        self.fetch(worker, &worker.kind.list, ask)
            .await
            .map(|_| ())
            .map_err(|error| error.error)
    }

    /// One page of a listing.
    pub(crate) async fn fetch(&self, worker: &Worker, list: &List, ask: Ask<'_>) -> Result<Fetched, CallError> {
        let feed = ask.since.is_some() || ask.resume.is_some();
        let what = format!("{} {}", if feed { "changes of" } else { "list" }, worker.kind.name);
        let mut variables = worker.variables.clone();
        if let Some(since) = ask.since {
            variables.insert("since".into(), json!(since));
        }
        if let Some(resume) = ask.resume {
            variables.insert("resume".into(), resume.clone());
        }
        Position::variables(
            ask.at,
            &list.paging,
            ask.size.unwrap_or(list.paging.size),
            &mut variables,
        );
        let response = match ask.at {
            Some(Position::Link(link)) => self.account.follow(link, &list.request, &variables, &what).await,
            _ => self.account.read(&list.request, &variables, &what).await,
        }?;
        let nonsense = |code: &str| self.account.nonsense(&what, code);
        let answer = response.http.json().map_err(|_| nonsense("no JSON"))?;
        let unchanged = matches!(response.http.status.as_u16(), 204 | 304);
        if !unchanged && !list.records_may_miss && list.records.one(&answer).is_none() {
            return Err(nonsense("no records where the connector says"));
        }
        let rows: Vec<&Json> = list.records.list(&answer);
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let record = match ask.removed_at {
                Some(id) => id.text(row).map(|id| removed(id, row)),
                None => remote(&worker.kind, row, None),
            };
            records.push(record.ok_or_else(|| nonsense("a record without id"))?);
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        records.retain(|record| !worker.kind.is_apart(&record.body));
        let link = response.http.header("link");
        let next = Position::next(ask.at, list, &answer, link, &rows, &ids);
        Ok(Fetched {
            records,
            next: next.map_err(|error| nonsense(&error.to_string()))?,
            started: response.started,
            resume: ask.resume_at.and_then(|place| place.one(&answer)).cloned(),
        })
    }
}
