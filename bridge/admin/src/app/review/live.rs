//! Counts as they change, as server-sent events. A stream ends with the session, with the service, and after some minutes;
//! browsers begin another by themselves. It keeps nobody signed in, and tells nothing but numbers.

use crate::access::Signed;
use crate::app::call::Call;
use crate::app::render::Answer;
use crate::app::{App, Refused, Shelf};
use crate::desk::{Desk, Risk};
use crate::listener::Ending;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bridge_store::Within;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Streams at once; whoever comes later looks again by itself.
const STREAMS: usize = 64;
/// All streams share one look for so long: it counts everything that waits.
const SHARED: Duration = Duration::from_secs(1);
/// Between two looks.
const EVERY: Duration = Duration::from_secs(3);
/// Looks of one stream.
const LOOKS: u32 = 200;

/// What all streams share.
pub(in crate::app) struct Live {
    places: Arc<Semaphore>,
    /// What was last counted, by whose people were.
    last: Mutex<BTreeMap<Option<Within>, (Instant, String)>>,
}

impl Default for Live {
    fn default() -> Self {
        Live {
            places: Arc::new(Semaphore::new(STREAMS)),
            last: Mutex::default(),
        }
    }
}

impl Live {
    /// The counts, as somebody was just told them or as they are now. Whoever asks meanwhile waits for the same look.
    async fn counts(&self, desk: &Desk) -> Option<String> {
        let mut last = self.last.lock().await;
        let whose = desk.within().cloned();
        if let Some((_, counts)) = last.get(&whose).filter(|(at, _)| at.elapsed() < SHARED) {
            return Some(counts.clone());
        }
        let counts = look(desk).await?;
        last.retain(|_, (at, _)| at.elapsed() < SHARED);
        last.insert(whose, (Instant::now(), counts.clone()));
        Some(counts)
    }
}

/// What a stream needs to go on.
struct Stream {
    live: Arc<Live>,
    shelf: Shelf,
    signed: Signed,
    ending: Ending,
    told: String,
    looks: u32,
    _place: OwnedSemaphorePermit,
}

pub(in crate::app) async fn counts(app: &App, call: &Call) -> Answer {
    let place = Arc::clone(&app.live.places)
        .try_acquire_owned()
        .map_err(|_| Refused::Told(StatusCode::SERVICE_UNAVAILABLE, "Too many look at once.".into()))?;
    let stream = Stream {
        live: Arc::clone(&app.live),
        shelf: call.shelf.clone(),
        signed: call.known()?.clone(),
        ending: call.ending.clone(),
        told: String::new(),
        looks: 0,
        _place: place,
    };
    let events = futures::stream::unfold(Some(stream), |stream| async move {
        let mut stream = stream?;
        if stream.looks > 0 {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stream.ending.0.cancelled() => return None,
            }
        }
        stream.looks += 1;
        if stream.looks > LOOKS || !stream.shelf.access.stands(&stream.signed).await.ok()? {
            return None;
        }
        let counts = stream.live.counts(stream.shelf.desk.as_ref()?).await?;
        let news = counts != stream.told;
        let event = if news {
            format!("data: {counts}\n\n")
        } else {
            ":\n\n".into()
        };
        stream.told = counts;
        Some((Ok::<Bytes, Infallible>(event.into()), Some(stream)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// Every count by the key that pages name it by.
async fn look(desk: &Desk) -> Option<String> {
    let totals = desk.totals().await.ok()?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::from([
        ("open".into(), totals.open),
        ("snoozed/yes".into(), totals.snoozed),
        ("days/3".into(), totals.old),
        ("assigned/nobody".into(), totals.assigned.get("").copied().unwrap_or(0)),
    ]);
    for (key, all) in [
        ("kind", totals.kinds),
        ("unit", totals.units),
        ("system", totals.systems),
    ] {
        counts.extend(all.into_iter().map(|(name, n)| (format!("{key}/{name}"), n)));
    }
    for (risk, name) in [(Risk::Red, "red"), (Risk::Amber, "amber"), (Risk::Grey, "grey")] {
        counts.insert(format!("risk/{name}"), totals.risks.get(&risk).copied().unwrap_or(0));
    }
    Some(json!(counts).to_string())
}
