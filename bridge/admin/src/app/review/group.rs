//! Many of one pattern, decided at once: a sample is shown, and the decision is bound to exactly what the group was.

use super::View;
use super::act::{decision, overtaken};
use super::filter::Filter;
use super::item::{named, path};
use super::line::Line;
use crate::app::call::Call;
use crate::app::render::{Answer, shown, to};
use crate::app::words::{capital, count, system, unit};
use crate::app::{App, Refused};
use crate::desk::bulk::{Group, MOST};
use axum::http::StatusCode;
use bridge_core::merge::AGREED;
use serde::Serialize;

#[derive(Serialize)]
struct Page {
    unit: String,
    why: String,
    count: String,
    more: bool,
    most: usize,
    systems: Vec<String>,
    rows: Vec<Line>,
    token: String,
    choices: Vec<(String, String)>,
    item: String,
    back: String,
    card: String,
    trouble: Option<&'static str>,
    decides: bool,
}

pub(in crate::app) async fn show(app: &App, call: &Call) -> Answer {
    drawn(app, call, &Filter::read(&call.query), StatusCode::OK, None).await
}

async fn drawn(app: &App, call: &Call, filter: &Filter, status: StatusCode, trouble: Option<&'static str>) -> Answer {
    let view = View::new(app, call)?;
    let group: Group = view.desk.group(call.part()).await?;
    view.noted("a sample of a group was shown", named(&group.sample))
        .await?;
    let name = unit(&group.unit);
    let mut choices: Vec<(String, String)> = view
        .systems()
        .iter()
        .map(|name| (format!("take:{name}"), format!("Keep {}’s for all", system(name))))
        .collect();
    // What was agreed can be kept where it is in question; both only of a set.
    if group.systems.iter().any(|name| name == AGREED) {
        choices.push((format!("take:{AGREED}"), "Keep as agreed for all".into()));
    }
    let schema = &view.desk.engine().settings().schema;
    if schema.unit(&group.unit).is_some_and(|unit| unit.set) {
        choices.push(("both".into(), "Keep both for all".into()));
    }
    choices.push((
        "apart".into(),
        format!("Never sync {} for all of them", name.to_lowercase()),
    ));
    let content = Page {
        why: capital(&group.why),
        count: count(group.count as u64, "question"),
        more: group.more,
        most: MOST,
        systems: view.systems().iter().map(|name| system(name)).collect(),
        rows: group.sample.into_iter().map(|row| view.line(row, None)).collect(),
        token: group.token,
        item: path(call.part()),
        back: filter.text(),
        card: filter.link(&format!("/inbox/{}", path(call.part())), &[]),
        decides: view.decides,
        unit: name,
        choices,
        trouble,
    };
    shown(app, Some(call), status, "group.html", content)
}

pub(in crate::app) async fn decide(app: &App, call: &Call) -> Answer {
    let (desk, id, by) = (call.desk()?.clone(), call.part().to_string(), call.by()?.to_string());
    let decision = decision(call);
    // Goes on when the browser hangs up: half a group is nobody's wish.
    let work = tokio::spawn(async move { desk.decide_group(&id, &decision, &by).await });
    let ended = work
        .await
        .map_err(|_| Refused::Broken("a group ended without an answer".into()))?;
    match ended {
        Ok(bulk) => Ok(to(&format!(
            "/decisions?group={}&refused={}",
            bulk.group,
            bulk.refused.len()
        ))),
        Err(error) if overtaken(&error) => {
            let text = "Nothing was decided: the group is not what you were shown. This is what it is now.";
            drawn(
                app,
                call,
                &Filter::parse(call.typed("back")),
                StatusCode::CONFLICT,
                Some(text),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}
