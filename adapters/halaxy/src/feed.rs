//! The change feed: runs [`Pass`]es over the client, page by page, and keeps the cursor.

use crate::bundle::{ResourcePage, id_of};
use crate::client::HalaxyClient;
use crate::pass::{Manner, Pass, Shown, Step, id_sum};
use crate::query::Query;
use crate::stamp::{self, SECOND, second};
use adapter_kit::AdapterError;
use bridge_core::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Where the feed of one kind stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Where the next pass begins, on the product's clock; everything if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
    /// The pass under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pass: Option<Pass>,
}

/// What the feed learnt of one kind since the adapter was made.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    manner: Manner,
    /// How far the clock that stamps rows was seen to be behind the one that dates answers.
    behind: Time,
}

impl Learnt {
    /// Trust, as far as the documentation goes.
    fn of(kind: &str) -> Self {
        Learnt {
            manner: Manner {
                sorts: sorts(kind).changed,
                ..Manner::TRUSTED
            },
            behind: 0,
        }
    }
}

/// What a kind is documented to be sorted by (halaxy-api.md section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sorts {
    /// By `_lastUpdated`.
    changed: bool,
    /// By `created`.
    created: bool,
}

fn sorts(kind: &str) -> Sorts {
    let (changed, created) = match kind {
        "Invoice" => (false, true),
        // Their order is nowhere documented, so none is asked for: passes then rely on totals and bounds alone.
        // Appointments are sorted by their date alone, which moves.
        "Appointment"
        | "HealthcareService"
        | "InvoiceLine"
        | "PaymentTransaction"
        | "ChargeItemDefinition"
        | "Coverage"
        | "Organization"
        | "Practitioner"
        | "PractitionerRole"
        | "ReferralDefinition"
        | "Schedule" => (false, false),
        _ => (true, true),
    };
    Sorts { changed, created }
}

/// A search for all records of a kind, in an order that edits do not touch where one is to be had.
pub(crate) fn everything(kind: &str) -> Query {
    let query = Query::all();
    if sorts(kind).created {
        query.sort("created")
    } else {
        query
    }
}

/// The change feed of one account.
pub(crate) struct Feed {
    client: HalaxyClient,
    overlap: Time,
    learnt: Mutex<HashMap<String, Learnt>>,
}

/// One page of the feed.
pub(crate) struct FeedPage {
    pub rows: Vec<Json>,
    pub cursor: String,
    pub more: bool,
    pub started: Time,
}

/// A stamp this far behind is no matter of clocks.
const FARTHEST_BEHIND: Time = 600 * SECOND;

impl Feed {
    pub fn new(client: HalaxyClient, overlap: Duration) -> Feed {
        let overlap = Time::try_from(overlap.as_micros()).unwrap_or(0);
        Feed {
            client,
            overlap,
            learnt: Mutex::default(),
        }
    }

    /// The next page. A cursor that cannot be read starts over, which costs calls and loses nothing.
    pub async fn next(&self, kind: &str, cursor: Option<&str>) -> Result<FeedPage, AdapterError> {
        let mut cursor: Cursor = cursor
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let mut pass = cursor.pass.take().unwrap_or_else(|| Pass::since(cursor.since));
        let mut learnt = self.learnt(kind);
        self.wait_for_bound(&pass, learnt.behind).await;
        let ask = pass.ask(learnt.manner);
        let sorts = sorts(kind);
        let mut query = Query::all().total(true);
        if ask.by_change {
            query = query.sort("_lastUpdated");
        } else if sorts.created {
            query = query.sort("created");
        }
        if let Some(from) = ask.from {
            query = query.changed_from(from);
        }
        if let Some(until) = ask.until {
            query = query.changed_before(until);
        }
        let page = self.client.search(kind, query, ask.page).await?;
        let shown = self.shown(&page, learnt.behind);
        let trusted = learnt.manner;
        let bound = pass.from;
        let step = pass.take(&shown, &mut learnt.manner);
        if learnt.manner.order_seen != trusted.order_seen {
            self.learn(kind, |known| known.manner.order_seen = true);
        }
        if (Manner {
            order_seen: trusted.order_seen,
            ..learnt.manner
        }) != trusted
        {
            let manner = learnt.manner;
            tracing::warn!(system = %self.client.http().system(), kind, filters = manner.filters, ranges = manner.ranges,
                sorts = manner.sorts, "a search parameter is ignored; falling back to page numbers");
            self.learn(kind, |known| known.manner = manner);
        }
        // A row is left out only if it is provably older than what was asked for.
        let older = |stamp: &Option<Time>| stamp.zip(bound).is_some_and(|(stamp, bound)| second(stamp) < bound);
        let rows = page
            .rows
            .into_iter()
            .zip(&shown.stamps)
            .filter(|(_, stamp)| !older(stamp))
            .map(|(row, _)| row);
        let rows = rows.collect();
        let more = step != Step::Done;
        if more {
            cursor.pass = Some(pass);
        } else {
            cursor.since = pass
                .began
                .or(pass.top)
                .map(|time| second(time - self.overlap))
                .or(cursor.since);
        }
        let cursor = serde_json::to_string(&cursor).unwrap_or_default();
        Ok(FeedPage {
            rows,
            cursor,
            more,
            started: page.started,
        })
    }

    /// The next page of everything there is, by creation, so that edits move no rows.
    pub async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<FeedPage, AdapterError> {
        let mut pass: Pass = cursor
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let mut manner = Manner::DEAF;
        let ask = pass.ask(manner);
        let page = self.client.search(kind, everything(kind).total(true), ask.page).await?;
        let more = pass.take(&self.shown(&page, 0), &mut manner) != Step::Done;
        let cursor = serde_json::to_string(&pass).unwrap_or_default();
        Ok(FeedPage {
            rows: page.rows,
            cursor,
            more,
            started: page.started,
        })
    }

    /// A bound of a walk must lie in the past of the clock that stamps rows.
    async fn wait_for_bound(&self, pass: &Pass, behind: Time) {
        let Some(until) = pass
            .walk
            .as_ref()
            .filter(|walk| walk.page == 1)
            .and_then(|walk| walk.until)
        else {
            return;
        };
        let clock = self.client.http().clock();
        let wait = match self.client.server_at_least(clock.now()) {
            Some(server) => until - (server - behind),
            None => SECOND + SECOND / 10,
        };
        if wait > 0 {
            clock
                .sleep(Duration::from_micros(wait.min(2 * SECOND + behind).unsigned_abs()))
                .await;
        }
    }

    fn shown(&self, page: &ResourcePage, behind: Time) -> Shown {
        let ids: Vec<String> = page.rows.iter().filter_map(id_of).collect();
        Shown {
            stamps: page.rows.iter().map(stamp::last_updated).collect(),
            ids: id_sum(ids.iter().map(String::as_str)),
            total: page.total,
            size: page.size,
            more: page.more,
            server: self.client.server_at_least(page.started).map(|server| server - behind),
        }
    }

    /// A write that began at `began` changed a record, and the answer showed this stamp: an older
    /// one tells that the clock that stamps is behind the one that dates answers.
    pub fn stamped(&self, kind: &str, began: Time, stamp: Time) {
        let Some(server) = self.client.server_at_least(began) else {
            return;
        };
        // The stamp is cut to whole seconds.
        let behind = server - (stamp + SECOND);
        if (1..=FARTHEST_BEHIND).contains(&behind) {
            self.learn(kind, |known| known.behind = known.behind.max(behind));
        }
    }

    /// The search parameters of a kind that were found to be ignored, by name.
    pub fn ignored(&self, kind: &str) -> Vec<&'static str> {
        let manner = self.learnt(kind).manner;
        let all = [
            (manner.filters, "_lastUpdated"),
            (manner.ranges, "_lastUpdated twice"),
            (manner.sorts || !sorts(kind).changed, "_sort=_lastUpdated"),
        ];
        all.into_iter()
            .filter(|(honoured, _)| !honoured)
            .map(|(_, name)| name)
            .collect()
    }

    fn learnt(&self, kind: &str) -> Learnt {
        self.learnt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind)
            .copied()
            .unwrap_or_else(|| Learnt::of(kind))
    }

    fn learn(&self, kind: &str, change: impl FnOnce(&mut Learnt)) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        change(learnt.entry(kind.to_string()).or_insert_with(|| Learnt::of(kind)));
    }
}
