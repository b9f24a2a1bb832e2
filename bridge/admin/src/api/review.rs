//! `/api/review`: the desk over HTTP, for programs with a token. A token without `actions` may read, and decide if it may
//! write; one with `actions` must name `review`. Whoever is shown values of people leaves a line in the history.

mod affairs;
mod asked;
mod description;

pub(super) use description::paths;

use super::{Api, Refused, answer};
use crate::desk::act::Decision;
use crate::desk::affairs::PersonAffairs;
use crate::desk::inbox::Query as Wanted;
use crate::desk::rules::Rule;
use crate::desk::timeline::Story;
use crate::desk::{Desk, DeskError};
use asked::{Asked, Named, body};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bridge_core::review::DecisionError;
use bridge_engine::EngineError;
use bridge_store::{AuditEntry, Page, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// What a token names in `actions` to be let in.
pub const ACTION: &str = "review";

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/review/people", get(find))
        .route("/api/review/people/{id}", get(story))
        .route("/api/review/people/{id}/sync", post(sync))
        .route("/api/review/people/{id}/steps", get(steps))
        .route("/api/review/people/{id}/comment", post(comment))
        .route("/api/review/people/{id}/units/{unit}", get(unit).post(apart))
        .route("/api/review/inbox", get(inbox))
        .route("/api/review/totals", get(totals))
        .route("/api/review/items/{id}", get(detail))
        .route("/api/review/items/{id}/decide", post(decide))
        .route("/api/review/items/{id}/note", post(note))
        .route("/api/review/items/{id}/group", get(group).post(decide_group))
        .route("/api/review/items/{id}/rule", get(rule))
        .route("/api/review/rules", post(try_rule))
        .route("/api/review/decisions", get(decisions))
        .route("/api/review/decisions/{id}/undo", post(undo))
        .route("/api/review/groups/{id}/undo", post(undo_group))
        .route("/api/review/runs", get(runs))
        .route("/api/review/runs/{id}/undo", get(undo_stage).post(undo_run))
}

/// Who asks, and the desk that answers.
struct Caller {
    desk: Desk,
    by: String,
}

impl Api {
    /// From now on what waits is decided at this desk.
    pub fn open_desk(&self, desk: Desk) {
        *self.desk.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(desk);
    }

    async fn caller(&self, headers: &HeaderMap, writes: bool) -> Result<Caller, Refused> {
        let token = self.known(headers)?;
        if !token.may(ACTION, writes) {
            let remedy =
                "Let it in [[api.token]]: writes = true to decide, and `review` among its actions if it names any.";
            return Err(Refused::new(StatusCode::FORBIDDEN, "the token may not do this", remedy));
        }
        let desk = self
            .desk
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        Ok(Caller {
            desk: desk.ok_or_else(Refused::away)?.bound(token.bound.as_ref()).await?,
            by: token.name.clone(),
        })
    }
}

impl Caller {
    /// A line in the history: somebody was shown what is known of somebody, or of many.
    async fn seen(&self, entity: Option<&str>, what: &str) -> Result<(), Refused> {
        self.seen_with(entity, what, vec![]).await
    }

    /// The same, with names of what was shown.
    async fn seen_with(&self, entity: Option<&str>, what: &str, names: Vec<&str>) -> Result<(), Refused> {
        let line = AuditEntry {
            at: self.desk.now(),
            entity: entity.map(str::to_string),
            event: "viewed".into(),
            units: names.into_iter().map(str::to_string).collect(),
            reason: format!("{what}, to {}", self.by),
            ..AuditEntry::default()
        };
        let mut tx = self.desk.store().begin().await.map_err(DeskError::from)?;
        tx.append_audit(&[line]).await.map_err(DeskError::from)?;
        tx.commit().await.map_err(DeskError::from)?;
        Ok(())
    }
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Self {
        let text = error.to_string();
        let of = |status, remedy: &str| Refused::new(status, &text, remedy);
        match error {
            DeskError::Asked(_) => of(StatusCode::BAD_REQUEST, "See /api/openapi.json."),
            DeskError::Everywhere => of(StatusCode::FORBIDDEN, "Ask with a token that names no locations."),
            DeskError::TooOften(wait) => Refused {
                wait: Some(wait),
                ..of(StatusCode::TOO_MANY_REQUESTS, "Search less often.")
            },
            DeskError::Engine(error) => match error {
                EngineError::NotFound(_) => of(StatusCode::NOT_FOUND, "Read the list again."),
                EngineError::Changed
                | EngineError::Decision(
                    DecisionError::Changed | DecisionError::Closed | DecisionError::Edited(_) | DecisionError::UnderWay,
                ) => of(StatusCode::CONFLICT, "Read it again and decide on what is there now."),
                EngineError::Decision(_) | EngineError::NotPossible(_) => {
                    of(StatusCode::UNPROCESSABLE_ENTITY, "Choose something else.")
                }
                EngineError::Store(StoreError::Unreachable { .. } | StoreError::Busy) => Refused::away(),
                _ => of(StatusCode::INTERNAL_SERVER_ERROR, "See the bridge's log."),
            },
        }
    }
}

fn told(value: Result<impl Serialize, Refused>) -> Response {
    let document = value.and_then(|value| {
        serde_json::to_value(value).map_err(|_| {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer cannot be written",
                "See the bridge's log.",
            )
        })
    });
    match document {
        Ok(document) => answer(StatusCode::OK, &document),
        Err(refused) => refused.into_response(),
    }
}

type Shared = State<Arc<Api>>;

#[derive(Deserialize)]
struct Text {
    text: String,
}

async fn find(State(api): Shared, headers: HeaderMap, Asked(asked): Asked<Text>) -> Response {
    let find = async {
        let caller = api.caller(&headers, false).await?;
        let found = caller.desk.find(&asked.text, &caller.by).await?;
        caller
            .seen(None, &format!("{} people found by search", found.len()))
            .await?;
        Ok(json!({ "people": found }))
    };
    told(find.await)
}

/// A person's story, with what stands beside it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    story: Story,
    affairs: PersonAffairs,
}

async fn story(State(api): Shared, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let story = async {
        let caller = api.caller(&headers, false).await?;
        let story = caller.desk.story(&id).await?;
        let affairs = caller.desk.affairs_of(&id).await?;
        caller.seen_with(Some(&id), "the timeline", affairs.shown()).await?;
        Ok(Whole { story, affairs })
    };
    told(story.await)
}

async fn sync(State(api): Shared, Named(id): Named<String>, headers: HeaderMap) -> Response {
    let sync = async {
        let caller = api.caller(&headers, true).await?;
        let since = caller.desk.sync_now(&id, &caller.by).await?;
        Ok(json!({ "since": since }))
    };
    told(sync.await)
}

#[derive(Deserialize)]
struct Since {
    since: i64,
}

async fn steps(
    State(api): Shared,
    headers: HeaderMap,
    Named(id): Named<String>,
    Asked(asked): Asked<Since>,
) -> Response {
    let steps = async { Ok(api.caller(&headers, false).await?.desk.steps(&id, asked.since).await?) };
    told(steps.await)
}

async fn comment(State(api): Shared, Named(id): Named<String>, request: Request) -> Response {
    let comment = async {
        let caller = api.caller(request.headers(), true).await?;
        let said: Text = body(request).await?;
        let done = caller.desk.comment(&id, "", &said.text, &caller.by).await?;
        Ok(json!({ "decision": done.id }))
    };
    told(comment.await)
}

async fn unit(State(api): Shared, headers: HeaderMap, Named((id, unit)): Named<(String, String)>) -> Response {
    let token = async {
        let caller = api.caller(&headers, false).await?;
        Ok(json!({ "token": caller.desk.unit_token(&id, &unit).await? }))
    };
    told(token.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apart {
    apart: bool,
    token: String,
}

async fn apart(State(api): Shared, Named((id, unit)): Named<(String, String)>, request: Request) -> Response {
    let apart = async {
        let caller = api.caller(request.headers(), true).await?;
        let asked: Apart = body(request).await?;
        let done = caller
            .desk
            .keep_apart(&id, &unit, asked.apart, &asked.token, &caller.by)
            .await?;
        Ok(json!({ "decision": done.id }))
    };
    told(apart.await)
}

async fn inbox(State(api): Shared, headers: HeaderMap, Asked(wanted): Asked<Wanted>) -> Response {
    let inbox = async {
        let caller = api.caller(&headers, false).await?;
        let inbox = caller.desk.inbox(&wanted).await?;
        caller
            .seen(None, &format!("{} rows of the inbox", inbox.rows.len()))
            .await?;
        Ok(inbox)
    };
    told(inbox.await)
}

async fn totals(State(api): Shared, headers: HeaderMap) -> Response {
    let totals = async { Ok(api.caller(&headers, false).await?.desk.totals().await?) };
    told(totals.await)
}

async fn detail(State(api): Shared, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let detail = async {
        let caller = api.caller(&headers, false).await?;
        let detail = caller.desk.detail(&id).await?;
        for who in &detail.row.who {
            let affairs = detail.affairs.iter().find(|of| of.entity == who.entity);
            let names = affairs.map(PersonAffairs::shown).unwrap_or_default();
            caller.seen_with(Some(&who.entity), "what waits", names).await?;
        }
        Ok(detail)
    };
    told(detail.await)
}

async fn decide(State(api): Shared, Named(id): Named<String>, request: Request) -> Response {
    let decide = async {
        let caller = api.caller(request.headers(), true).await?;
        let decision: Decision = body(request).await?;
        let done = caller.desk.decide(&id, &decision, &caller.by).await?;
        Ok(json!({ "decision": done.id }))
    };
    told(decide.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    /// Whose it is from now on; blank for nobody's.
    assign: Option<String>,
    /// Until when it sleeps, microseconds since 1970 UTC; 0 wakes it.
    snooze: Option<i64>,
    /// What is said about it.
    text: Option<String>,
}

async fn note(State(api): Shared, Named(id): Named<String>, request: Request) -> Response {
    let note = async {
        let caller = api.caller(request.headers(), true).await?;
        let noted: Noted = body(request).await?;
        if let Some(to) = &noted.assign {
            caller
                .desk
                .assign(&id, Some(to.as_str()).filter(|to| !to.is_empty()))
                .await?;
        }
        if let Some(until) = noted.snooze {
            caller.desk.snooze(&id, until).await?;
        }
        if let Some(text) = &noted.text {
            let item = caller.desk.item(&id).await?;
            let entity = item.and_then(|item| item.entity).unwrap_or_default();
            caller.desk.comment(&entity, &id, text, &caller.by).await?;
        }
        Ok(json!({ "id": id }))
    };
    told(note.await)
}

async fn group(State(api): Shared, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let group = async {
        let caller = api.caller(&headers, false).await?;
        let group = caller.desk.group(&id).await?;
        caller
            .seen(None, &format!("{} rows as a sample", group.sample.len()))
            .await?;
        Ok(group)
    };
    told(group.await)
}

async fn decide_group(State(api): Shared, Named(id): Named<String>, request: Request) -> Response {
    let decide = async {
        let caller = api.caller(request.headers(), true).await?;
        let decision: Decision = body(request).await?;
        // Goes on when the caller hangs up: half a group is nobody's wish.
        let work = tokio::spawn(async move { caller.desk.decide_group(&id, &decision, &caller.by).await });
        let ended = work.await.map_err(|_| {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "it ended without an answer",
                "See the decisions.",
            )
        })?;
        Ok(ended?)
    };
    told(decide.await)
}

#[derive(Deserialize)]
struct Take {
    take: String,
}

async fn rule(State(api): Shared, headers: HeaderMap, Named(id): Named<String>, Asked(asked): Asked<Take>) -> Response {
    let rule = async {
        let caller = api.caller(&headers, false).await?;
        let rule = caller.desk.rule_of(&id, &asked.take).await?;
        Ok(caller.desk.try_rule(&rule).await?)
    };
    told(rule.await)
}

async fn try_rule(State(api): Shared, request: Request) -> Response {
    let tried = async {
        let caller = api.caller(request.headers(), false).await?;
        let rule: Rule = body(request).await?;
        Ok(caller.desk.try_rule(&rule).await?)
    };
    told(tried.await)
}

#[derive(Deserialize)]
struct Past {
    sort: Option<String>,
    unit: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

async fn decisions(State(api): Shared, headers: HeaderMap, Asked(asked): Asked<Past>) -> Response {
    let decisions = async {
        let caller = api.caller(&headers, false).await?;
        let page = Page {
            after: asked.after,
            limit: asked.limit.unwrap_or(50).clamp(1, 200),
        };
        let found = caller
            .desk
            .decisions(asked.sort.as_deref(), asked.unit.as_deref(), &page)
            .await?;
        caller.seen(None, &format!("{} decisions", found.0.len())).await?;
        Ok(json!({ "decisions": found.0, "next": found.1 }))
    };
    told(decisions.await)
}

async fn undo(State(api): Shared, Named(id): Named<String>, headers: HeaderMap) -> Response {
    let undo = async {
        let caller = api.caller(&headers, true).await?;
        caller.desk.undo(&id, &caller.by).await?;
        Ok(json!({ "decision": id, "undone": true }))
    };
    told(undo.await)
}

async fn undo_group(State(api): Shared, Named(id): Named<String>, headers: HeaderMap) -> Response {
    let undo = async {
        let caller = api.caller(&headers, true).await?;
        Ok(json!({ "decisions": caller.desk.undo_group(&id, &caller.by).await? }))
    };
    told(undo.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dry {
    #[serde(default)]
    dry_run: bool,
}

async fn runs(State(api): Shared, headers: HeaderMap) -> Response {
    let runs = async {
        let runs = api.caller(&headers, false).await?.desk.runs(100).await?;
        let rows = runs.iter().map(|run| {
            json!({ "id": run.id, "kind": run.kind, "started": run.started, "ended": run.ended, "counts": run.counts })
        });
        Ok(json!({ "runs": rows.collect::<Vec<_>>() }))
    };
    told(runs.await)
}

async fn undo_run(State(api): Shared, Named(id): Named<String>, request: Request) -> Response {
    let undo = async {
        let caller = api.caller(request.headers(), true).await?;
        let asked: Dry = body(request).await?;
        Ok(match asked.dry_run {
            true => caller.desk.look_at_undo(&id, &caller.by).await?,
            false => caller.desk.take_run_back(&id, &caller.by, None).await?,
        })
    };
    told(undo.await)
}

async fn undo_stage(State(api): Shared, Named(id): Named<String>, headers: HeaderMap) -> Response {
    let stage = async {
        let stage = api.caller(&headers, false).await?.desk.undo_of(&id).await?;
        let none = || EngineError::NotFound(format!("taking back of run {id}"));
        Ok(stage.ok_or_else(|| DeskError::from(none()))?)
    };
    told(stage.await)
}
