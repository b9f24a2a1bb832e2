//! What is served here, to whom, and under which rules.

use super::App;
use super::call::Call;
use super::render::{Answer, page};
use super::routes::{Need, ROUTES};
use super::words::count;
use crate::access::role::Role;
use crate::access::{HOUR, MINUTE, session};
use axum::http::Method;
use serde::Serialize;

#[derive(Serialize)]
struct About<'a> {
    version: &'static str,
    practice: &'a str,
    time_zone: &'a str,
    url: &'a str,
    systems: Vec<String>,
    beside: &'a [super::Served],
    roles: Vec<RoleRow>,
    pages: Vec<&'static str>,
    idle: String,
    longest: String,
}

#[derive(Serialize)]
struct RoleRow {
    title: &'static str,
    purpose: &'static str,
    values: bool,
    /// For each page whether the role may see it.
    may: Vec<bool>,
}

const PAGES: [(&str, &str); 6] = [
    ("/inbox", "Inbox"),
    ("/vitals", "Health"),
    ("/books", "Books"),
    ("/mappings", "Mappings"),
    ("/activity", "Activity"),
    ("/people", "People and access"),
];

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let settings = &app.settings;
    let may = |path: &str, role: Role| {
        let mut of = ROUTES
            .iter()
            .filter(|route| route.path == path && route.method == Method::GET);
        of.any(|route| route.need != Need::Half && route.need.lets(role))
    };
    let minutes = |time: i64| count((time / MINUTE).unsigned_abs(), "minute");
    let content = About {
        version: env!("CARGO_PKG_VERSION"),
        practice: &settings.practice,
        time_zone: &settings.time_zone,
        url: &settings.url,
        systems: settings.systems.iter().map(|name| super::words::system(name)).collect(),
        beside: &settings.beside,
        roles: Role::ALL
            .into_iter()
            .map(|role| RoleRow {
                title: role.title(),
                purpose: role.purpose(),
                values: role.sees_values(),
                may: PAGES.iter().map(|(path, _)| may(path, role)).collect(),
            })
            .collect(),
        pages: PAGES.iter().map(|(_, title)| *title).collect(),
        idle: minutes(session::IDLE),
        longest: count((session::LONGEST / HOUR).unsigned_abs(), "hour"),
    };
    page(app, call, "about.html", content)
}
