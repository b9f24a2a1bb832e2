//! One item beside the queue it stands in.

use super::card::{Card, Trying};
use super::filter::Filter;
use super::past::{Settled, settled, settled_item};
use super::{Shown, View};
use crate::access::role::Role;
use crate::app::call::Call;
use crate::app::render::{Answer, shown};
use crate::app::words::unit;
use crate::app::{App, Refused};
use crate::desk::DeskError;
use crate::desk::inbox::Row;
use axum::http::StatusCode;
use bridge_engine::EngineError;
use serde::Serialize;

/// Items of the queue that are shown beside one.
const QUEUE: usize = 20;

#[derive(Serialize)]
struct Page {
    card: Option<Card>,
    /// What became of it, where it does not wait any more.
    gone: Option<Settled>,
    note: Option<Note>,
    done: Option<Settled>,
    queue: Vec<Waiting>,
    more: bool,
    /// The list it was opened from.
    list: String,
    /// What the forms bring back.
    back: String,
    /// Brought back as well: the item after this one.
    follows: String,
    next: Option<String>,
    previous: Option<String>,
    reviewers: Vec<String>,
    me: String,
    decides: bool,
    systems: Vec<String>,
}

/// What is said above a card.
#[derive(Serialize)]
pub(super) struct Note {
    pub trouble: bool,
    pub text: String,
}

/// One item of the queue: no names, so that it needs no line in the history.
#[derive(Serialize)]
struct Waiting {
    id: String,
    link: String,
    who: String,
    what: String,
    risk: &'static str,
    here: bool,
}

/// What is said beside the card, and what was typed into it.
#[derive(Default)]
pub(super) struct Saying {
    pub status: StatusCode,
    pub note: Option<Note>,
    pub seen: String,
    pub trying: Trying,
}

pub(in crate::app) async fn show(app: &App, call: &Call) -> Answer {
    let filter = Filter::read(&call.query);
    let said = call.query.contains_key("said").then(|| Note {
        trouble: false,
        text: "Noted.".into(),
    });
    let saying = Saying {
        note: said,
        ..Saying::default()
    };
    drawn(app, call, &filter, saying).await
}

/// The page of the item that the path names.
pub(super) async fn drawn(app: &App, call: &Call, filter: &Filter, saying: Saying) -> Answer {
    let view = View::new(app, call)?;
    let id = call.part();
    let me = call.by()?;
    let (card, gone) = match view.desk.detail(id).await {
        Ok(detail) => (Some(view.card(detail, &saying.seen, saying.trying).await?), None),
        Err(DeskError::Engine(EngineError::NotFound(_))) => {
            // Nothing of that name waits, and nobody decided it: the address is wrong, or what it asked went away.
            let gone = settled_item(&view, id).await?;
            (None, Some(gone.ok_or(Refused::Missing)?))
        }
        Err(error) => return Err(error.into()),
    };
    let found = view.desk.inbox(&filter.query(me, QUEUE)).await?;
    let link = |row: &Row| filter.link(&format!("/inbox/{}", row.id), &[]);
    let at = found.rows.iter().position(|row| row.id == id);
    let next = match at {
        Some(at) => found.rows.get(at + 1),
        None => found.rows.first(),
    };
    let following = match (next, &found.next) {
        (Some(row), _) => Some(link(row)),
        // Past the end of what is shown: the queue goes on there.
        (None, Some(after)) => {
            let on = filter.with("after", Some(after));
            let rows = view.desk.inbox(&on.query(me, 1)).await?.rows;
            rows.first().map(|row| on.link(&format!("/inbox/{}", row.id), &[]))
        }
        (None, None) => None,
    };
    let previous = at.and_then(|at| at.checked_sub(1)).and_then(|at| found.rows.get(at));
    let users = call.shelf.access.users().await?;
    let reviewers = users
        .iter()
        .filter(|user| user.active() && matches!(user.role, Role::Admin | Role::Reviewer));
    let status = match (&card, saying.status) {
        (None, StatusCode::OK) => StatusCode::NOT_FOUND,
        (_, status) => status,
    };
    let content = Page {
        gone,
        note: saying.note,
        done: settled(&view, filter).await?,
        follows: next.map(|row| row.id.clone()).unwrap_or_default(),
        next: following,
        previous: previous.map(link),
        queue: found
            .rows
            .iter()
            .map(|row| waiting(&view, row, link(row), row.id == id))
            .collect(),
        more: found.next.is_some(),
        list: filter.with("after", None).link("/inbox", &[]),
        back: filter.text(),
        reviewers: reviewers.map(|user| user.name.clone()).collect(),
        me: me.into(),
        decides: view.decides,
        systems: view
            .systems()
            .iter()
            .map(|name| crate::app::words::system(name))
            .collect(),
        card,
    };
    shown(app, Some(call), status, "item.html", content)
}

fn waiting(view: &View<'_>, row: &Row, link: String, here: bool) -> Waiting {
    let records = row.who.iter().map(|who| view.person(who).record);
    let what = match (row.kind.as_str(), &row.unit) {
        ("match", _) => "Possible match".into(),
        ("card", _) => "Question".into(),
        ("task", _) => "To record".into(),
        (kind, name) => {
            let held = if kind == "hold" { " held back" } else { "" };
            format!("{}{held}", name.as_deref().map_or("Record".into(), unit))
        }
    };
    Waiting {
        id: row.id.clone(),
        who: records.collect::<Vec<_>>().join(" · "),
        risk: super::line::risk_of(row.risk).0,
        what,
        link,
        here,
    }
}

/// Where a decision leads: to the item that came after, or to the first that waits, or to the list.
pub(super) async fn following(call: &Call, filter: &Filter, decided: &str, done: &str) -> Result<String, Refused> {
    let desk = call.desk()?;
    let more = [("done", done)];
    let more = if done.is_empty() { &more[..0] } else { &more[..] };
    let told = call.typed("next");
    if told != decided && !told.is_empty() && desk.item(told).await?.is_some() {
        return Ok(filter.link(&format!("/inbox/{}", path(told)), more));
    }
    for filter in [filter, &filter.with("after", None)] {
        let rows = desk.inbox(&filter.query(call.by()?, 2)).await?.rows;
        if let Some(row) = rows.iter().find(|row| row.id != decided) {
            return Ok(filter.link(&format!("/inbox/{}", row.id), more));
        }
    }
    Ok(filter.with("after", None).link("/inbox", more))
}

/// As a piece of a path.
pub(in crate::app) fn path(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The people of an item, without what differs; for pages that only name them.
pub(super) fn named(rows: &[Row]) -> Shown {
    let mut shown = Shown::default();
    for row in rows {
        for who in &row.who {
            shown.add(who, row.unit.as_deref());
        }
    }
    shown
}
