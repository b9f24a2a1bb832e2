//! The history of everything, newest first; or only who signed in, and what was shown to whom.

use super::App;
use super::call::Call;
use super::render::{Answer, page};
use super::words::{Clockwork, Moment, capital, system, unit};
use serde::Serialize;

/// Lines on a page.
const LINES: usize = 100;

#[derive(Serialize)]
struct Activity {
    /// `access` or `all`.
    of: &'static str,
    lines: Vec<Line>,
    next: Option<String>,
    first: bool,
}

#[derive(Serialize)]
struct Line {
    at: Moment,
    event: String,
    entity: Option<String>,
    record: Option<String>,
    units: Vec<String>,
    reason: String,
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let all = call.query.get("of").is_some_and(|of| of == "all");
    let of = if all { "all" } else { "access" };
    let before: Option<i64> = call.query.get("before").and_then(|text| text.parse().ok());
    let rows = call.shelf.store.latest_audit(before, !all, LINES).await?;
    let last = rows.last().filter(|_| rows.len() == LINES).map(|(place, _)| *place);
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let lines = rows.into_iter().map(|(_, line)| Line {
        at: clock.moment(line.at),
        event: match line.event.as_str() {
            "viewed" => "Values shown".into(),
            "access" => "Access".into(),
            other => capital(other),
        },
        record: match (&line.system, &line.remote_id) {
            (Some(name), Some(id)) => Some(format!("{} {id}", system(name))),
            (Some(name), None) => Some(system(name)),
            _ => None,
        },
        entity: line.entity,
        units: line.units.iter().map(|name| unit(name)).collect(),
        reason: line.reason,
    });
    let content = Activity {
        of,
        lines: lines.collect(),
        next: last.map(|place| format!("/activity?of={of}&before={place}")),
        first: before.is_none(),
    };
    page(app, call, "activity.html", content)
}
