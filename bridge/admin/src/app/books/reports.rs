//! A page for each report, and the reports as files.

use super::{Screen, ask, month, office, read, screen};
use crate::app::call::Call;
use crate::app::render::{Answer, to};
use crate::app::{App, Refused, told};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use std::collections::BTreeSet;

pub(in crate::app) async fn preview(app: &App, call: &Call) -> Answer {
    let of = Screen {
        path: "/books/preview",
        heading: "What would be posted".into(),
        lead: "Every document that is due, before it is sent.",
        form: "look",
        id: Some("preview".into()),
        others: None,
        month: month(app, call),
    };
    screen(app, call, of).await
}

pub(in crate::app) async fn drift(app: &App, call: &Call) -> Answer {
    let of = Screen {
        path: "/books/drift",
        heading: "What changed after it was posted".into(),
        lead: "Edits in Halaxy or in the books since, each with the documents that put it right.",
        form: "look",
        id: Some("drift".into()),
        others: None,
        month: month(app, call),
    };
    screen(app, call, of).await
}

pub(in crate::app) async fn tasks(app: &App, call: &Call) -> Answer {
    let of = Screen {
        path: "/books/tasks",
        heading: "To record in Halaxy".into(),
        lead: "Money that the books have and Halaxy does not show; Halaxy cannot be written from outside.",
        form: "look",
        id: Some("tasks".into()),
        others: None,
        month: month(app, call),
    };
    screen(app, call, of).await
}

const PROOF: &str =
    "Halaxy, what was posted, and what the books say now, compared to the cent. Differences come first.";

/// The latest proof, or the one of these days.
pub(in crate::app) async fn proof(app: &App, call: &Call) -> Answer {
    let id = match call.part() {
        "" => {
            let heads = office(call).reports().await.map_err(read)?;
            heads
                .into_iter()
                .map(|head| head.id)
                .find(|id| id.starts_with("proof-"))
        }
        days => Some(format!("proof-{days}")),
    };
    let of = Screen {
        path: "/books/proof",
        heading: "Proof".into(),
        lead: PROOF,
        form: "prove",
        id,
        others: Some("proof-"),
        month: month(app, call),
    };
    screen(app, call, of).await
}

/// To the month that is chosen, or most likely wanted.
pub(in crate::app) async fn close(app: &App, call: &Call) -> Answer {
    let month = match call.query.get("month") {
        Some(text) => ask::month(text)?,
        None => month(app, call),
    };
    Ok(to(&format!("/books/close/{month}")))
}

pub(in crate::app) async fn closing(app: &App, call: &Call) -> Answer {
    let month = ask::month(call.part())?;
    let of = Screen {
        path: "/books/close",
        heading: format!("Closing {month}"),
        lead: "Ten steps, each reckoned from what both sides show. Whoever signs one, signs its figures: when they change, it is open again.",
        form: "month",
        id: Some(format!("close-{month}")),
        others: Some("close-"),
        month,
    };
    screen(app, call, of).await
}

/// All practitioners of a month.
pub(in crate::app) async fn practitioners(app: &App, call: &Call) -> Answer {
    let month = match call.query.get("month") {
        Some(text) => ask::month(text)?,
        None => month(app, call),
    };
    let front: BTreeSet<String> = office(call)
        .reports()
        .await
        .map_err(read)?
        .into_iter()
        .map(|head| head.id)
        .collect();
    let id = format!("statements-{month}");
    // Where nothing was asked for, the latest month there is.
    let latest = front.iter().rev().find(|id| id.starts_with("statements-")).cloned();
    let named = call.query.contains_key("month") || front.contains(&id);
    let of = Screen {
        path: "/books/statements",
        heading: format!("Practitioners, {month}"),
        lead: "Billed, received, service fee, payable and held, for each practitioner.",
        form: "statements",
        id: if named { Some(id) } else { latest },
        others: Some("statement"),
        month,
    };
    screen(app, call, of).await
}

/// One practitioner's month.
pub(in crate::app) async fn statement(app: &App, call: &Call) -> Answer {
    let [who, month] = &call.parts[..] else {
        return Err(Refused::Missing);
    };
    let month = ask::month(month)?;
    let id = format!("statement-{month}-{who}");
    if office(call).report(&id).await.map_err(read)?.is_none() {
        return Err(Refused::Told(
            StatusCode::NOT_FOUND,
            format!("There is no statement of that name for {month}: walk through the month under Close first."),
        ));
    }
    let of = Screen {
        path: "/books/statements",
        heading: String::new(),
        lead: "One practitioner’s month, with every row behind it.",
        form: "statements",
        id: Some(id),
        others: Some("statement"),
        month,
    };
    screen(app, call, of).await
}

pub(in crate::app) async fn settlements(app: &App, call: &Call) -> Answer {
    let of = Screen {
        path: "/books/settlements",
        heading: "What was received, against statements".into(),
        lead: "What providers say they paid, tied to what Halaxy says was received; fees are proposed as journals.",
        form: "tieout",
        id: Some("tieout".into()),
        others: None,
        month: month(app, call),
    };
    screen(app, call, of).await
}

/// A report to take away: `csv`, `json`, or `html` to print.
pub(in crate::app) async fn file(_: &App, call: &Call) -> Answer {
    let [id, form] = &call.parts[..] else {
        return Err(Refused::Missing);
    };
    let safe = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let files = office(call).files(id).await.map_err(read)?;
    let files = files.filter(|_| safe).ok_or(Refused::Missing)?;
    let (kind, text) = match form.as_str() {
        "csv" => ("text/csv; charset=utf-8", files.csv),
        "json" => ("application/json", files.json),
        "html" => ("text/html; charset=utf-8", files.page),
        _ => return Err(Refused::Missing),
    };
    told::taken(call, &format!("the books’ report {id}"), &form.to_uppercase()).await?;
    let name = format!("attachment; filename=\"{id}.{form}\"");
    let name = HeaderValue::from_str(&name).map_err(|_| Refused::Missing)?;
    let mut response = ([(header::CONTENT_TYPE, kind)], text).into_response();
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
