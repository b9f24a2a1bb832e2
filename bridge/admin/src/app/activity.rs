//! The history of everything, newest first, with filters and as a file; or only who signed in, and what was shown to whom.
//!
//! Lines are filtered as they are read, a stretch at a time: a filter that fits nothing must not read the whole history for
//! one page, so the page says how far it looked, and goes on from there.

use super::call::{Call, Fields};
use super::render::{Answer, page};
use super::words::{Clockwork, Moment, capital, named, system, unit};
use super::{App, Refused};
use crate::desk::{Desk, DeskError, because};
use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;
use bridge_core::Time;
use bridge_core::ledger::sheet::csv_safe;
use bridge_store::{AuditEntry, LineFilter, Store};
use futures::stream;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use url::form_urlencoded;

/// Lines on a page.
const LINES: usize = 100;
/// Lines that are read at a time.
const READ: usize = 1_000;
/// Lines that are looked through for one page.
const LOOKED: usize = 20_000;
/// Events that can be asked for by name.
const EVENTS: [&str; 20] = [
    "access",
    "viewed",
    "decided",
    "taken back",
    "conflict",
    "linked",
    "unlinked",
    "sent",
    "applied",
    "refused",
    "hold",
    "removed",
    "approved",
    "paused",
    "resumed",
    "alert seen",
    "sync asked",
    "kept apart",
    "action",
    "erased",
];

/// What is asked for.
#[derive(Clone, Debug, Default)]
struct Wanted {
    access: bool,
    event: String,
    system: String,
    entity: String,
    who: String,
    from: Option<Time>,
    until: Option<Time>,
}

impl Wanted {
    fn read(query: &Fields, clock: &Clockwork) -> Wanted {
        let text = |name: &str| query.get(name).map(|text| text.trim().to_string()).unwrap_or_default();
        Wanted {
            access: text("of") != "all",
            event: text("event"),
            system: text("system"),
            entity: text("entity"),
            who: text("who").to_lowercase(),
            from: clock.day(&text("from")),
            // To the end of that day; days with a change of clocks are an hour off at their end.
            until: clock.day(&text("until")).map(|day| day + 86_400_000_000),
        }
    }

    /// As the store is asked.
    fn filter(&self) -> LineFilter {
        LineFilter {
            access: self.access,
            event: self.event.clone(),
            system: self.system.clone(),
            entity: self.entity.clone(),
            words: if self.who.is_ascii() {
                self.who.clone()
            } else {
                String::new()
            },
        }
    }

    fn fits(&self, line: &AuditEntry) -> bool {
        let is = |wanted: &str, found: Option<&str>| wanted.is_empty() || found == Some(wanted);
        is(&self.event, Some(&line.event))
            && is(&self.system, line.system.as_deref())
            && is(&self.entity, line.entity.as_deref())
            && (self.who.is_empty() || line.reason.to_lowercase().contains(&self.who))
            && self.until.is_none_or(|until| line.at < until)
    }

    /// Whether lines of that age can fit no more, going back.
    fn over(&self, at: Time) -> bool {
        self.from.is_some_and(|from| at < from)
    }
}

#[derive(Serialize)]
struct Activity {
    /// `access` or `all`.
    of: &'static str,
    lines: Vec<Line>,
    next: Option<String>,
    export: String,
    first: bool,
    /// How far was looked, if the page is not full for that.
    looked: Option<Moment>,
    /// Key and words.
    events: Vec<(&'static str, String)>,
    systems: Vec<(String, String)>,
    typed: Typed,
    filtered: bool,
}

#[derive(Serialize)]
struct Typed {
    event: String,
    system: String,
    entity: String,
    who: String,
    from: String,
    until: String,
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
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let wanted = Wanted::read(&call.query, &clock);
    let of = if wanted.access { "access" } else { "all" };
    let before: Option<i64> = call.query.get("before").and_then(|text| text.parse().ok());
    let (store, desk) = (&call.shelf.store, masking(call)?);
    let mut place = match (before, wanted.until) {
        (None, Some(until)) => Some(store.audit_place(until).await?.saturating_add(1)),
        (before, _) => before,
    };
    let (mut lines, mut looked, mut more) = (vec![], None, true);
    // Words that every database knows in small letters are looked for there; others, and who is seen, here, some lines at a time.
    let (stretch, limit) = if wanted.who.is_ascii() && desk.is_none() {
        (LOOKED, LINES)
    } else {
        (READ, READ)
    };
    'reading: for _ in 0..LOOKED / stretch {
        let found = store.lines(place, &wanted.filter(), stretch, limit).await?;
        more = found.more;
        for (seq, line) in seen(desk.as_ref(), found.rows).await? {
            if wanted.over(line.at) {
                more = false;
                break 'reading;
            }
            place = Some(seq);
            looked = Some(line.at);
            if wanted.fits(&line) {
                lines.push(shown(line, &clock, &app.settings.systems));
                if lines.len() == LINES {
                    more = true;
                    break 'reading;
                }
            }
        }
        if let Some((seq, at)) = found.looked {
            (place, looked) = (Some(seq), Some(at));
            more &= !wanted.over(at);
        }
        if !more {
            break;
        }
    }
    let typed = |name: &str| call.query.get(name).cloned().unwrap_or_default();
    let full = lines.len() == LINES;
    let next = place.filter(|_| more);
    let content = Activity {
        of,
        lines,
        looked: clock.maybe(looked.filter(|_| more && !full)),
        next: next.map(|place| format!("/activity?{}", again(&call.query, of, Some(place)))),
        export: format!("/activity/export?{}", again(&call.query, of, None)),
        first: before.is_none(),
        events: EVENTS.iter().map(|key| (*key, event(key))).collect(),
        systems: app
            .settings
            .systems
            .iter()
            .map(|name| (name.clone(), system(name)))
            .collect(),
        filtered: ["event", "system", "entity", "who", "from", "until"]
            .iter()
            .any(|name| !typed(name).is_empty()),
        typed: Typed {
            event: typed("event"),
            system: typed("system"),
            entity: typed("entity"),
            who: typed("who"),
            from: typed("from"),
            until: typed("until"),
        },
    };
    page(app, call, "activity.html", content)
}

/// The desk that says which lines are seen, for whoever is bound to some locations.
fn masking(call: &Call) -> Result<Option<Desk>, Refused> {
    call.bound().then(|| call.desk().cloned()).transpose()
}

async fn seen(desk: Option<&Desk>, rows: Vec<(i64, AuditEntry)>) -> Result<Vec<(i64, AuditEntry)>, DeskError> {
    match desk {
        Some(desk) => desk.lines(rows).await,
        None => Ok(rows),
    }
}

fn shown(line: AuditEntry, clock: &Clockwork, systems: &[String]) -> Line {
    Line {
        at: clock.moment(line.at),
        event: event(&line.event),
        record: match (&line.system, &line.remote_id) {
            (Some(name), Some(id)) => Some(format!("{} {id}", system(name))),
            (Some(name), None) => Some(system(name)),
            _ => None,
        },
        units: line.units.iter().map(|name| unit(name)).collect(),
        reason: named(&because(&line), systems),
        entity: line.entity,
    }
}

/// What happened, in a word or two.
fn event(key: &str) -> String {
    let words = match key {
        "viewed" => "Values shown",
        "adopted" => "Taken",
        "conflict" => "Values differ",
        "conflict closed" => "Differ no more",
        "hold" => "Held back",
        "create" => "To be created",
        "write" => "To be written",
        "applied" => "Written",
        "moved" | "gone" | "later" => "Not taken",
        "unknown" => "No answer",
        "settled" => "Known now",
        "skip" => "Left alone",
        "new" => "First seen",
        "may be told" => "May have been told",
        "sync asked" => "Looked at afresh",
        "alert seen" => "Alert looked after",
        "action" => "Done by hand",
        other => return capital(other),
    };
    words.into()
}

/// The same filters, from another place.
fn again(query: &Fields, of: &str, place: Option<i64>) -> String {
    let mut fields = form_urlencoded::Serializer::new(String::new());
    fields.append_pair("of", of);
    for (name, text) in query {
        if name != "before" && name != "of" && !text.is_empty() {
            fields.append_pair(name, text);
        }
    }
    if let Some(place) = place {
        fields.append_pair("before", &place.to_string());
    }
    fields.finish()
}

/// Where a file that is sent line by line has got to.
struct Reading {
    store: Store,
    desk: Option<Desk>,
    wanted: Wanted,
    place: Option<i64>,
    rows: VecDeque<(i64, AuditEntry)>,
    over: bool,
    head: bool,
}

impl Reading {
    /// The next lines; none at the end.
    async fn next(&mut self) -> Result<Option<String>, DeskError> {
        let mut text = String::new();
        if std::mem::take(&mut self.head) {
            text.push_str("at,event,entity,system,record,units,reason,concerns,details\r\n");
        }
        while text.is_empty() && !self.over {
            let found = self
                .store
                .lines(self.place, &self.wanted.filter(), LOOKED, READ)
                .await?;
            self.over = !found.more || found.looked.is_some_and(|(_, at)| self.wanted.over(at));
            self.rows.extend(seen(self.desk.as_ref(), found.rows).await?);
            while let Some((_, line)) = self.rows.pop_front() {
                if self.wanted.over(line.at) {
                    self.over = true;
                    break;
                }
                if self.wanted.fits(&line) {
                    text.push_str(&csv(&line));
                }
            }
            self.place = found.looked.map_or(self.place, |(place, _)| Some(place));
        }
        Ok((!text.is_empty()).then_some(text))
    }
}

fn csv(line: &AuditEntry) -> String {
    let at = Clockwork::new(line.at, "UTC").moment(line.at).iso;
    let units = line.units.join(" ");
    // For programs by their keys, for people by their titles.
    let titles: Vec<String> = line.units.iter().map(|name| unit(name)).collect();
    let (titles, details) = (titles.join(", "), because(line));
    let cells = [
        at.as_str(),
        &line.event,
        line.entity.as_deref().unwrap_or_default(),
        line.system.as_deref().unwrap_or_default(),
        line.remote_id.as_deref().unwrap_or_default(),
        &units,
        &line.reason,
        &titles,
        &details,
    ];
    let cells = cells.map(|cell| format!("\"{}\"", csv_safe(cell).replace('"', "\"\"")));
    cells.join(",") + "\r\n"
}

/// The lines that fit, newest first, as a file that no spreadsheet runs anything of. It is read while it is sent.
pub(super) async fn export(app: &App, call: &Call) -> Answer {
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let wanted = Wanted::read(&call.query, &clock);
    let store = call.shelf.store.clone();
    let place = match wanted.until {
        Some(until) => Some(store.audit_place(until).await?.saturating_add(1)),
        None => None,
    };
    let words = "the history was exported".to_string();
    call.shelf.access.noted(&call.known()?.user, words).await?;
    let reading = Reading {
        store,
        desk: masking(call)?,
        wanted,
        place,
        rows: VecDeque::new(),
        over: false,
        head: true,
    };
    let parts = stream::unfold(reading, |mut reading| async move {
        match reading.next().await {
            Ok(text) => Some((Ok::<_, Infallible>(text?), reading)),
            Err(error) => {
                tracing::error!(%error, "the history could not be sent to its end");
                None
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}
