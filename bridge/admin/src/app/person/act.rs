//! What is done from a person's page, and how a look that somebody asked for goes on.

use super::named;
use crate::app::call::Call;
use crate::app::render::{Answer, page, to};
use crate::app::words::{Clockwork, Moment};
use crate::app::{App, Refused, sentence};
use axum::http::StatusCode;
use bridge_core::Time;
use serde::Serialize;

#[derive(Serialize)]
struct StepsPage {
    id: String,
    done: bool,
    since: Time,
    asked: Moment,
    steps: Vec<Step>,
    now: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    at: Moment,
    text: String,
}

/// How a look asked for goes on. Without values, so that looking again every two seconds fills no history.
pub(in crate::app) async fn steps(app: &App, call: &Call) -> Answer {
    let id = call.part();
    let since = call.query.get("since").and_then(|text| text.parse().ok());
    let since: Time = since.unwrap_or(call.now - 600_000_000);
    let steps = call.desk()?.steps(id, since).await?;
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let told = steps
        .steps
        .iter()
        .filter(|entry| !matches!(entry.event.as_str(), "viewed" | "comment"));
    let content = StepsPage {
        id: id.into(),
        since,
        asked: clock.moment(since),
        done: steps.done,
        steps: told
            .map(|entry| Step {
                at: clock.moment(entry.at),
                text: sentence(&named(&entry.text, &app.settings.systems)),
            })
            .collect(),
        now: steps
            .now
            .iter()
            .map(|line| sentence(&named(line, &app.settings.systems)))
            .collect(),
    };
    page(app, call, "steps.html", content)
}

pub(in crate::app) async fn sync(_app: &App, call: &Call) -> Answer {
    let since = call.desk()?.sync_now(call.part(), call.by()?).await?;
    Ok(to(&format!("/person/{}/steps?since={since}", path(call))))
}

pub(in crate::app) async fn comment(_app: &App, call: &Call) -> Answer {
    let desk = call.desk()?;
    desk.comment(call.part(), "", call.typed("text"), call.by()?).await?;
    back(call, "said")
}

pub(in crate::app) async fn apart(_app: &App, call: &Call) -> Answer {
    let apart = call.typed("apart") == "yes";
    let (unit, token) = (call.typed("unit"), call.typed("token"));
    let desk = call.desk()?;
    desk.keep_apart(call.part(), unit, apart, token, call.by()?).await?;
    back(call, if apart { "apart" } else { "together" })
}

pub(in crate::app) async fn unlink(_app: &App, call: &Call) -> Answer {
    let (system, record) = (call.typed("system"), call.typed("record"));
    call.desk()?.unlink(call.part(), system, record, call.by()?).await?;
    back(call, "unlinked")
}

pub(in crate::app) async fn undo(_app: &App, call: &Call) -> Answer {
    let (desk, id) = (call.desk()?, call.typed("decision"));
    desk.sees(call.part()).await?;
    // Only what stands on this page.
    let decision = desk.decision(id).await?;
    if decision.is_none_or(|decision| decision.entity.as_deref() != Some(call.part())) {
        return Err(Refused::Missing);
    }
    desk.undo(id, call.by()?).await?;
    back(call, "undone")
}

pub(in crate::app) async fn undo_write(_app: &App, call: &Call) -> Answer {
    let words = || {
        Refused::Told(
            StatusCode::BAD_REQUEST,
            "Load the page again, and try once more.".into(),
        )
    };
    let at: Time = call.typed("at").parse().map_err(|_| words())?;
    let desk = call.desk()?;
    desk.undo_write(call.part(), call.typed("system"), at, call.by()?)
        .await?;
    back(call, "written")
}

/// The person's id as a part of a path.
fn path(call: &Call) -> String {
    percent_encoding::utf8_percent_encode(call.part(), percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
}

fn back(call: &Call, done: &str) -> Answer {
    Ok(to(&format!("/person/{}?done={done}", path(call))))
}
