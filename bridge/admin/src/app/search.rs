//! The search box: who a text may mean. It is sent as a form and not behind a `?`, so that no name, address or number gets
//! into the browser's history, a proxy's log or ours; what was typed is kept nowhere, who was found is noted.

use super::call::Call;
use super::person::records;
use super::render::{Answer, page, shown};
use super::words::count;
use super::{App, Refused};
use crate::access::Viewed;
use crate::desk::DeskError;
use crate::desk::find::{Found, MOST};
use axum::http::StatusCode;
use serde::Serialize;

/// The longest text.
const LONGEST: usize = 200;

#[derive(Default, Serialize)]
struct Search {
    typed: String,
    asked: bool,
    found: Vec<Row>,
    told: Option<String>,
    more: bool,
}

#[derive(Serialize)]
struct Row {
    entity: String,
    name: String,
    born: String,
    number: String,
    records: Vec<String>,
    by: &'static str,
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    page(app, call, "search.html", Search::default())
}

pub(super) async fn find(app: &App, call: &Call) -> Answer {
    let typed: String = call.typed("text").trim().chars().take(LONGEST).collect();
    let user = &call.known()?.user;
    let mut content = Search {
        asked: !typed.is_empty(),
        ..Search::default()
    };
    let mut status = StatusCode::OK;
    match call.desk()?.find(&typed, &user.id).await {
        Ok(found) => {
            let viewed = found.iter().map(|of| Viewed {
                entity: Some(of.who.entity.clone()),
                record: None,
                units: ["official_name", "birth_date", "halaxy_number"]
                    .map(String::from)
                    .into(),
            });
            let access = &call.shelf.access;
            access.viewed(user, "found by a search", viewed.collect()).await?;
            content.more = found.len() >= MOST;
            content.found = found.into_iter().map(row).collect();
        }
        Err(DeskError::TooOften(seconds)) => {
            status = StatusCode::TOO_MANY_REQUESTS;
            content.told = Some(format!(
                "You have searched very often. Wait {} and try again; this keeps names from being tried one by one.",
                count(seconds, "second")
            ));
        }
        Err(error) => return Err(Refused::from(error)),
    }
    content.typed = typed;
    shown(app, Some(call), status, "search.html", content)
}

fn row(found: Found) -> Row {
    Row {
        by: match found.by.as_str() {
            "email" => "e-mail address",
            "phone" => "phone number",
            "number" => "number in Halaxy",
            "record" => "id of a record",
            "invoice" => "an invoice of theirs",
            _ => "name",
        },
        records: records(&found.who.records),
        name: found.who.name.unwrap_or_default(),
        born: found.who.born.unwrap_or_default(),
        number: found.who.number.unwrap_or_default(),
        entity: found.who.entity,
    }
}
