//! Lists of documents and contacts, and look-ups by our keys.

use super::outgoing::is_key;
use super::shown::{Parent, first, shown};
use super::{RestBooks, chart::Chart};
use crate::connector::{DocumentSpec, List, SourceSpec};
use crate::cursor::Position;
use crate::place::Place;
use adapter_kit::{AdapterError, Failure, ShownContact, ShownPage};
use bridge_core::Time;
use bridge_core::ledger::{DocumentKind, Shown};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Where a list of documents stands. One that cannot be read any more starts afresh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    /// Changes since this moment of the product's clock, microseconds; `None` while everything is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// When the pass under way began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pass: Option<i64>,
    /// Which of several lists.
    #[serde(default)]
    source: usize,
    /// The page in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Position>,
}

/// What calls name the days by of which documents are wanted.
pub(super) const DATED: &str = "dated";

/// One page as it came.
pub(super) struct Fetched {
    pub rows: Vec<Json>,
    pub next: Option<Position>,
    pub started: Time,
}

/// No list of documents has more pages.
const MOST_PAGES: usize = 10_000;

impl RestBooks {
    /// One page of a list. `ids` say where a row's id stands, for lists that move while they are read.
    pub(super) async fn fetch(
        &self,
        list: &List,
        at: Option<&Position>,
        (since, days): (Option<i64>, Option<(Date, Date)>),
        ids: &[Place],
        what: &str,
    ) -> Result<Fetched, AdapterError> {
        let mut variables = self.account.variables.clone();
        if let Some(since) = since {
            let spelt = moments(since).ok_or_else(|| self.nonsense(what, "no such moment"))?;
            variables.insert("since".into(), spelt);
        }
        if let Some((from, until)) = days {
            variables.insert(DATED.into(), json!({ "from": day(from), "until": day(until) }));
        }
        Position::variables(at, &list.paging, list.paging.size, &mut variables);
        let response = match at {
            Some(Position::Link(link)) => self.account.follow(link, &list.request, &variables, what).await,
            _ => self.account.read(&list.request, &variables, what).await,
        };
        let response = response.map_err(|error| error.error)?;
        if matches!(response.http.status.as_u16(), 204 | 304) {
            return Ok(Fetched {
                rows: Vec::new(),
                next: None,
                started: response.started,
            });
        }
        let answer = response.http.json().map_err(|_| self.nonsense(what, "no JSON"))?;
        if !list.records_may_miss && list.records.one(&answer).is_none() {
            return Err(self.nonsense(what, "no records where the connector says"));
        }
        let rows = list.records.list(&answer);
        let ids: Vec<String> = rows.iter().filter_map(|row| first(ids, row)).collect();
        let next = Position::next(at, list, &answer, response.http.header("link"), &rows, &ids)
            .map_err(|error| self.nonsense(what, &error.to_string()))?;
        Ok(Fetched {
            rows: rows.into_iter().cloned().collect(),
            next,
            started: response.started,
        })
    }

    /// Lists one record, to see whether the account may.
    pub(super) async fn glance(&self, list: &List, what: &str) -> Result<(), AdapterError> {
        let mut variables = self.account.variables.clone();
        Position::variables(None, &list.paging, 1, &mut variables);
        let answer = self.account.read(&list.request, &variables, what).await;
        answer.map(|_| ()).map_err(|error| error.error)
    }

    /// One page of the documents that changed, or of all; `days` has those of all that are dated then.
    pub(super) async fn list_page(
        &self,
        kind: DocumentKind,
        days: Option<(Date, Date)>,
        cursor: Option<&str>,
    ) -> Result<ShownPage, AdapterError> {
        let spec = self.document(kind)?;
        let what = format!("list {}", kind.name());
        let mut cursor: Cursor = cursor
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        if days.is_some() {
            cursor.since = None;
        }
        let sources = match (cursor.since, spec.changes.is_empty()) {
            (Some(_), false) => &spec.changes,
            _ => &spec.lists,
        };
        let source = match sources.get(cursor.source) {
            Some(source) => source,
            None => sources
                .first()
                .ok_or_else(|| self.nonsense(&what, "the connector lists none"))?,
        };
        let overlap = i64::try_from(spec.overlap.as_micros()).unwrap_or(i64::MAX);
        let since = cursor.since.map(|since| since.saturating_sub(overlap).max(0));
        let chart = self.chart().await?;
        let ids = if source.parent.is_empty() {
            &spec.record.id
        } else {
            &source.parent
        };
        let fetched = self
            .fetch(&source.list, cursor.at.as_ref(), (since, days), ids, &what)
            .await?;
        if cursor.pass.is_none() {
            // The least the product's clock can have shown: a later moment could skip a change.
            let client = &self.account.client;
            cursor.pass = Some(client.server_at_least(fetched.started).unwrap_or(fetched.started));
        }
        let documents = self.documents(kind, spec, source, &chart, &fetched.rows, &what)?;
        if source.overfull.is_some_and(|most| fetched.rows.len() >= most) {
            return Ok(ShownPage {
                documents,
                cursor: serde_json::to_string(&Cursor::default()).unwrap_or_default(),
                more: true,
            });
        }
        cursor.at = fetched.next;
        if cursor.at.is_none() {
            cursor.source += 1;
        }
        let more = cursor.source < sources.len();
        if !more {
            cursor.source = 0;
            cursor.since = cursor.pass.take();
        }
        Ok(ShownPage {
            documents,
            cursor: serde_json::to_string(&cursor).unwrap_or_default(),
            more,
        })
    }

    fn documents(
        &self,
        kind: DocumentKind,
        spec: &DocumentSpec,
        source: &SourceSpec,
        chart: &Chart,
        rows: &[Json],
        what: &str,
    ) -> Result<Vec<Shown>, AdapterError> {
        let mut documents = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| source.only.holds(row)) {
            let Some(below) = &source.rows else {
                let document =
                    shown(kind, &spec.record, chart, row, None).map_err(|error| self.nonsense(what, error))?;
                documents.extend(document);
                continue;
            };
            let id = first(&source.parent, row).ok_or_else(|| self.nonsense(what, "a row without id"))?;
            let parent = Parent { kind: source.of, id };
            for record in below.list(row) {
                let document = shown(kind, &spec.record, chart, record, Some(&parent));
                documents.extend(document.map_err(|error| self.nonsense(what, error))?);
            }
        }
        Ok(documents)
    }

    /// Looks keys up: by the product's own search, else by going through the list.
    pub(super) async fn find_keys(&self, kind: DocumentKind, keys: &[String]) -> Result<Vec<Shown>, AdapterError> {
        let spec = self.document(kind)?;
        let what = format!("find {}", kind.name());
        if kind == DocumentKind::Allocation {
            return Err(self.unfindable(&what, "allocations carry no key: list them"));
        }
        if !keys.iter().all(|key| is_key(key)) {
            return Err(self.unfindable(&what, "a key is none"));
        }
        let mut found = Vec::new();
        let wanted: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        let mut take = |documents: Vec<Shown>| {
            found.extend(
                documents
                    .into_iter()
                    .filter(|d| d.key.as_deref().is_some_and(|key| wanted.contains(key))),
            );
        };
        let Some(find) = &spec.find else {
            let mut cursor: Option<String> = None;
            for _ in 0..MOST_PAGES {
                let page = self.list_page(kind, None, cursor.as_deref()).await?;
                take(page.documents);
                if !page.more {
                    return Ok(found);
                }
                cursor = Some(page.cursor);
            }
            return Err(self.nonsense(&what, "the list never ends"));
        };
        let chart = self.chart().await?;
        for chunk in keys.chunks(find.batch.max(1)) {
            let mut variables = self.account.variables.clone();
            variables.insert("keys".into(), json!(chunk));
            let response = self.account.read(&find.request, &variables, &what).await;
            let response = response.map_err(|error| error.error)?;
            let answer = response.http.json().map_err(|_| self.nonsense(&what, "no JSON"))?;
            if !find.records_may_miss && find.records.one(&answer).is_none() {
                return Err(self.nonsense(&what, "no records where the connector says"));
            }
            let mut documents = Vec::new();
            for row in find.records.list(&answer) {
                let document = shown(kind, &spec.record, &chart, row, None);
                documents.extend(document.map_err(|error| self.nonsense(&what, error))?);
            }
            take(documents);
        }
        Ok(found)
    }

    fn unfindable(&self, what: &str, code: &str) -> AdapterError {
        AdapterError {
            failure: Failure::Refused,
            ..self.nonsense(what, code)
        }
    }

    pub(super) async fn contact_page(
        &self,
        cursor: Option<&str>,
    ) -> Result<(Vec<ShownContact>, Option<String>), AdapterError> {
        let spec = &self.spec.contacts;
        let what = "list contacts";
        let at: Option<Position> = cursor.and_then(|text| serde_json::from_str(text).ok());
        let page = self
            .fetch(&spec.list, at.as_ref(), (None, None), &spec.id, what)
            .await?;
        let mut contacts = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            contacts.push(ShownContact {
                remote_id: first(&spec.id, row).ok_or_else(|| self.nonsense(what, "a contact without id"))?,
                key: first(&spec.key, row),
                name: first(&spec.name, row).unwrap_or_default(),
                active: spec.active.holds(row),
            });
        }
        let next = page.next.map(|next| serde_json::to_string(&next).unwrap_or_default());
        Ok((contacts, next))
    }
}

/// A day in the spellings that calls use.
fn day(date: Date) -> Json {
    json!({
        "iso": date.to_string(),
        "commas": format!("{},{},{}", date.year(), date.month(), date.day()),
    })
}

/// A moment in the spellings that calls use.
fn moments(micros: i64) -> Option<Json> {
    let moment = Timestamp::from_microsecond(micros).ok()?;
    let spelt = |format: &str| moment.strftime(format).to_string();
    Some(json!({
        "iso": spelt("%Y-%m-%dT%H:%M:%S%.3fZ"),
        "iso_seconds": spelt("%Y-%m-%dT%H:%M:%SZ"),
        "local": spelt("%Y-%m-%dT%H:%M:%S"),
        "http_date": spelt("%a, %d %b %Y %H:%M:%S GMT"),
        "millis": micros.div_euclid(1_000),
        "seconds": micros.div_euclid(1_000_000),
    }))
}
