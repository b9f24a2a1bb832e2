//! Bookings for programs: find free times, ask for one, see what became of it. Who may call is decided in front of this
//! router. Moments go both ways with an offset; one without is on the practice's clock.
//!
//! | route | answer |
//! |---|---|
//! | `GET /bookings/free?day=&minutes=&practitioner_role=` | 200 `{time_zone, free: [{start, end, practitioner_role}]}`; also `from=` and `to=` |
//! | `POST /bookings` | 201 booked, 200 booked before under this key, 202 not known yet or waiting for a person, 409 taken, 422 refused |
//! | `GET /bookings?open=true` | 200 `{requests: [..]}` |
//! | `GET /bookings/{key}` | 200 a request |
//! | `POST /bookings/{key}/decision` | 200 `{patient}`, `{booked}` or `{withdraw: true}` was decided |
//!
//! A request is [`Shown`]; an error is `{error: {code, message}}` with 400 for input that cannot be used, 404, and 503
//! while Halaxy or the store cannot be asked.

use adapter_kit::FreeAsk;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use bridge_core::booking::request::Wording;
use bridge_core::booking::when::{day, moment, spelt};
use bridge_core::booking::{Named, Request, Who};
use bridge_engine::EngineError;
use bridge_engine::booking::{BookingDesk, Decision, Shown, Standing};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a caller waits for an outcome.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who calls, for the history. Whoever lets callers in says it as an extension of the request.
#[derive(Clone, Debug)]
pub struct Caller(pub String);

/// What `POST /bookings` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    request_key: String,
    patient: Option<String>,
    person: Option<Person>,
    start: String,
    minutes: Option<u32>,
    practitioner_role: Option<String>,
    service: Option<String>,
    fee: Option<String>,
    location: Option<String>,
    comment: Option<String>,
    #[serde(default)]
    unoffered: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    given: String,
    family: String,
    birth_date: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Free {
    day: Option<String>,
    from: Option<String>,
    to: Option<String>,
    minutes: Option<u32>,
    practitioner_role: Option<String>,
    #[serde(default)]
    first: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    open: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    patient: Option<String>,
    booked: Option<String>,
    #[serde(default)]
    withdraw: bool,
}

/// Why there is no answer.
enum Problem {
    Input(String),
    Engine(EngineError),
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Problem::Engine(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Problem::Input(message) => (StatusCode::BAD_REQUEST, "bad_request", message),
            Problem::Engine(error) => match &error {
                EngineError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", error.to_string()),
                EngineError::NotPossible(_) => (StatusCode::BAD_REQUEST, "not_possible", error.to_string()),
                EngineError::Changed => (StatusCode::CONFLICT, "changed", error.to_string()),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "not_now", error.to_string()),
            },
        };
        (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
    }
}

type Desk = State<Arc<BookingDesk>>;

/// The routes over a desk.
pub fn router(desk: Arc<BookingDesk>) -> Router {
    Router::new()
        .route("/bookings/free", get(free))
        .route("/bookings", get(list).post(ask))
        .route("/bookings/{key}", get(show))
        .route("/bookings/{key}/decision", post(decide))
        .with_state(desk)
}

fn bad(part: &str, why: impl std::fmt::Display) -> Problem {
    Problem::Input(format!("{part} {why}"))
}

async fn free(State(desk): Desk, query: Result<Query<Free>, QueryRejection>) -> Result<Response, Problem> {
    let Query(asked) = query.map_err(|why| Problem::Input(why.body_text()))?;
    let settings = desk.settings();
    let (zone, defaults) = (&settings.zone, &settings.defaults);
    let (from, to) = match (&asked.day, &asked.from, &asked.to) {
        (Some(text), None, None) => day(text, zone).map_err(|why| bad("day", why))?,
        (None, Some(from), Some(to)) => (
            moment(from, zone).map_err(|why| bad("from", why))?,
            moment(to, zone).map_err(|why| bad("to", why))?,
        ),
        _ => return Err(bad("day", "is missing, or give from and to")),
    };
    let role = asked.practitioner_role.or_else(|| defaults.role.clone());
    let minutes = asked.minutes.or(defaults.minutes);
    let ask = FreeAsk {
        from,
        to,
        minutes: minutes.ok_or_else(|| bad("minutes", "is missing"))?,
        role: role.map(|name| defaults.names.get(&name).cloned().unwrap_or(name)),
        practitioner: None,
        first: asked.first,
    };
    let free = desk.find(&ask).await?;
    let rows: Vec<_> = free
        .iter()
        .map(|time| {
            json!({ "start": spelt(time.start, zone), "end": spelt(time.end, zone), "practitioner_role": time.role })
        })
        .collect();
    Ok(Json(json!({ "time_zone": zone.iana_name(), "free": rows })).into_response())
}

async fn ask(
    State(desk): Desk,
    caller: Option<Extension<Caller>>,
    body: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    // What cannot be read is told by its place: the body is somebody's data.
    let Json(asked) = body.map_err(|why| Problem::Input(format!("the body cannot be read ({})", why.status())))?;
    let who = match (asked.patient, asked.person) {
        (Some(id), None) => Who::Patient(id),
        (None, Some(person)) => {
            let named = Named {
                given: person.given,
                family: person.family,
                birth_date: person.birth_date,
                email: person.email,
                phone: person.phone,
            };
            match named.is_enough() {
                true => Who::Named(named),
                false => return Err(bad("person", "needs both names, and birth_date, email or phone")),
            }
        }
        _ => return Err(bad("patient", "is missing, or give person; not both")),
    };
    let words = Wording {
        start: Some(asked.start),
        minutes: asked.minutes.map(|minutes| minutes.to_string()),
        role: asked.practitioner_role,
        service: asked.service,
        fee: asked.fee,
        location: asked.location,
        comment: asked.comment,
    };
    let settings = desk.settings();
    let read = Request::read(who, &words, &settings.defaults, &settings.zone);
    let mut request = read.map_err(|problem| Problem::Input(problem.to_string()))?;
    request.unoffered = asked.unoffered;
    let by = caller.map_or_else(|| "a program".to_string(), |Extension(Caller(name))| name);
    let standing = desk.request(&asked.request_key, request, &by, PATIENCE).await?;
    let status = match (standing.told.outcome, standing.earlier) {
        ("booked", false) => StatusCode::CREATED,
        ("booked" | "withdrawn", _) => StatusCode::OK,
        ("taken", _) => StatusCode::CONFLICT,
        ("refused", _) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(shown(&desk, &standing))).into_response())
}

async fn list(State(desk): Desk, query: Result<Query<Listed>, QueryRejection>) -> Result<Response, Problem> {
    let Query(Listed { open }) = query.map_err(|why| Problem::Input(why.body_text()))?;
    let all: Vec<Shown> = desk.list(open).await?.iter().map(|one| shown(&desk, one)).collect();
    Ok(Json(json!({ "requests": all })).into_response())
}

async fn show(State(desk): Desk, Path(key): Path<String>) -> Result<Json<Shown>, Problem> {
    let standing = desk.show(&key).await?;
    Ok(Json(shown(&desk, &standing)))
}

async fn decide(
    State(desk): Desk,
    Path(key): Path<String>,
    caller: Option<Extension<Caller>>,
    body: Result<Json<Decided>, JsonRejection>,
) -> Result<Json<Shown>, Problem> {
    let Json(decided) = body.map_err(|why| Problem::Input(format!("the body cannot be read ({})", why.status())))?;
    let decision = match decided {
        Decided {
            patient: Some(id),
            booked: None,
            withdraw: false,
        } => Decision::Patient(id),
        Decided {
            patient: None,
            booked: Some(id),
            withdraw: false,
        } => Decision::Booked(id),
        Decided {
            patient: None,
            booked: None,
            withdraw: true,
        } => Decision::Withdraw,
        _ => return Err(Problem::Input("give one of patient, booked or withdraw".into())),
    };
    let by = caller.map_or_else(|| "a program".to_string(), |Extension(Caller(name))| name);
    desk.decide(&key, &decision, &by).await?;
    let standing = desk.pursue(&key, PATIENCE).await?;
    Ok(Json(shown(&desk, &standing)))
}

fn shown(desk: &BookingDesk, standing: &Standing) -> Shown {
    standing.shown(&desk.settings().zone)
}
