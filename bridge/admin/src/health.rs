//! Health for those who watch: `/health` says that the process lives, `/ready` that it can take work,
//! `/status.json` how the practice is doing. The last tells "nothing to do" from "could not look".
//!
//! Answers come from a look at the store taken every few seconds, so that watchers cost nothing. No
//! answer holds a personal value; names of systems and counts are for the practice's own network.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use bridge_engine::Engine;
use bridge_engine::vitals::samples;
use bridge_engine::vitals::{Limits, State as Doing, Vitals};
use serde_json::json;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(10);
/// A minute, in microseconds: samples are kept as often.
const MINUTE: i64 = 60_000_000;
/// A look that is older says nothing of now.
const TRUSTED: Duration = Duration::from_secs(60);

/// The last look at how a practice is doing. Clones share it.
#[derive(Clone)]
pub struct Watch {
    limits: Arc<Limits>,
    last: Arc<RwLock<Last>>,
}

struct Last {
    vitals: Option<Arc<Vitals>>,
    taken: Instant,
    /// Why the latest attempt gave nothing.
    trouble: Option<String>,
}

impl Watch {
    /// Nobody has looked yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Arc::new(limits),
            last: Arc::new(RwLock::new(Last {
                vitals: None,
                taken: Instant::now(),
                trouble: Some("starting".into()),
            })),
        }
    }

    /// Looks every few seconds, for as long as it is polled.
    pub async fn keep(&self, engine: &Engine) -> Infallible {
        let (mut minute, mut place) = (0, None);
        loop {
            self.look(engine).await;
            // One process keeps them: the one that drives.
            if engine.drives()
                && let Ok(vitals) = self.vitals()
                && vitals.at / MINUTE != minute
            {
                minute = vitals.at / MINUTE;
                match samples::keep(engine.store(), &vitals, place).await {
                    Ok(reached) => place = Some(reached),
                    Err(error) => tracing::warn!(%error, "a sample was not kept"),
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Looks now.
    pub async fn look(&self, engine: &Engine) {
        match engine.vitals(&self.limits).await {
            Ok(vitals) => self.found(vitals),
            Err(error) => self.lost(error.to_string()),
        }
    }

    /// Somebody looked just now, and found this.
    pub fn found(&self, vitals: Vitals) {
        self.set(|last| {
            last.vitals = Some(Arc::new(vitals));
            last.taken = Instant::now();
            last.trouble = None;
        });
    }

    /// Nobody can look, for this reason; codes and names only.
    pub fn lost(&self, why: String) {
        self.set(|last| last.trouble = Some(why));
    }

    /// The last look, if it still says something of now.
    ///
    /// # Errors
    /// Why there is none.
    pub fn vitals(&self) -> Result<Arc<Vitals>, String> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        match (&last.trouble, &last.vitals) {
            (Some(why), _) => Err(why.clone()),
            (None, Some(vitals)) if last.taken.elapsed() <= TRUSTED => Ok(Arc::clone(vitals)),
            _ => Err("nobody has looked for a minute".into()),
        }
    }

    fn set(&self, change: impl FnOnce(&mut Last)) {
        change(&mut self.last.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// `/health`, `/ready` and `/status.json`.
pub fn router(watch: Watch) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({ "alive": true })) }))
        .route("/ready", get(ready))
        .route("/status.json", get(status))
        .with_state(watch)
}

/// 200 if the store can be read, and with it work be taken; 503 if not. That a vendor is away makes
/// nobody unready: hints that arrive meanwhile must not be turned away.
async fn ready(State(watch): State<Watch>) -> Response {
    match watch.vitals() {
        Ok(vitals) => Json(json!({ "ready": true, "state": vitals.state })).into_response(),
        Err(why) => {
            let answer = json!({ "ready": false, "state": Doing::CouldNotLook, "why": why });
            (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
        }
    }
}

/// Everything; 503 if somebody could not look, so that a watcher that reads the code only is told as well.
async fn status(State(watch): State<Watch>) -> Response {
    match watch.vitals() {
        Ok(vitals) if vitals.state == Doing::CouldNotLook => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(&*vitals)).into_response()
        }
        Ok(vitals) => Json(&*vitals).into_response(),
        Err(why) => {
            let answer = json!({ "state": Doing::CouldNotLook, "why": why });
            (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
        }
    }
}
