//! Pages: strict templates (what is not defined is an error), what is embedded, and the headers of both.

use super::call::Call;
use super::routes::of_every_location;
use super::words::Clockwork;
use super::{App, Refused};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bridge_core::hex;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a page comes to.
pub(super) type Answer = Result<Response, Refused>;

/// What is embedded beside the templates, with its kind. Pages name it by the version of all of it.
const ASSETS: &[(&str, &str, &str)] = &[
    (
        "/assets/style.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/style.css"),
    ),
    (
        "/assets/person.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/person.css"),
    ),
    (
        "/assets/app.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/app.js"),
    ),
    (
        "/assets/review.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/review.css"),
    ),
    (
        "/assets/review.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/review.js"),
    ),
    (
        "/assets/icon.svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
    (
        "/assets/ledger.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/ledger.css"),
    ),
    (
        "/assets/ledger.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/ledger.js"),
    ),
];

macro_rules! templates {
    ($($name:literal),*) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),*];
    };
}
templates!(
    "layout.html",
    "remedy.html",
    "door.html",
    "sign-in.html",
    "code.html",
    "invitation.html",
    "welcome.html",
    "review.html",
    "keys.html",
    "inbox.html",
    "item.html",
    "group.html",
    "rule.html",
    "decisions.html",
    "vitals.html",
    "books-parts.html",
    "books.html",
    "books-report.html",
    "books-rows.html",
    "books-document.html",
    "mappings.html",
    "mappings-rules.html",
    "activity.html",
    "search.html",
    "person.html",
    "steps.html",
    "runs.html",
    "run.html",
    "people.html",
    "signed-on.html",
    "not-signed-on.html",
    "link.html",
    "own.html",
    "about.html",
    "message.html"
);

/// Headers of pages, beside those of every answer: nothing is loaded from elsewhere, nothing inline runs, no page
/// stands in another's frame. The origin of our own forms is told to us and nobody else.
const HEADERS: [(HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
];

/// The templates.
pub(super) struct Pages {
    templates: Environment<'static>,
    /// Changes with what is embedded, so that browsers keep it for as long as it is the same.
    version: String,
}

/// What every page shows around its own.
#[derive(Serialize)]
struct Frame<'a> {
    practice: &'a str,
    version: &'a str,
    theme: &'a str,
    path: &'a str,
    user: Option<Person<'a>>,
    form: &'a str,
    places: Vec<Place>,
    /// Whether people can be searched.
    finds: bool,
    now: String,
}

#[derive(Serialize)]
struct Person<'a> {
    name: &'a str,
    role: &'static str,
}

/// A page that the bar at the top leads to.
#[derive(Serialize)]
struct Place {
    path: &'static str,
    title: &'static str,
    here: bool,
    /// It stands in the menu, so that the bar stays one row.
    more: bool,
    count: Option<u64>,
}

/// The last ones stand in a menu.
const PLACES: [(&str, &str, bool); 8] = [
    ("/inbox", "Inbox", false),
    ("/books", "Books", false),
    ("/runs", "Runs", false),
    ("/vitals", "Health", false),
    ("/mappings", "Mappings", true),
    ("/activity", "Activity", true),
    ("/people", "People and access", true),
    ("/about", "About", true),
];

impl Pages {
    pub fn new() -> Pages {
        let mut hash = Sha256::new();
        for (_, _, part) in ASSETS {
            hash.update(part);
        }
        let version = hex(&hash.finalize()[..6]);
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_filter("thousands", |n: u64| super::words::thousands(n));
        for (name, text) in TEMPLATES {
            if let Err(error) = templates.add_template(name, text) {
                // A test adds every one of them.
                tracing::error!(template = name, %error, "a template cannot be read");
            }
        }
        Pages { templates, version }
    }
}

/// Whether every template can be read; for tests.
///
/// # Errors
/// Names of those that cannot.
pub fn check_templates() -> Result<usize, Vec<&'static str>> {
    let pages = Pages::new();
    let lost = TEMPLATES
        .iter()
        .filter(|(name, _)| pages.templates.get_template(name).is_err());
    let lost: Vec<&str> = lost.map(|(name, _)| *name).collect();
    if lost.is_empty() {
        Ok(TEMPLATES.len())
    } else {
        Err(lost)
    }
}

/// A page.
pub(super) fn page(app: &App, call: &Call, template: &str, content: impl Serialize) -> Answer {
    shown(app, Some(call), StatusCode::OK, template, content)
}

/// A page with another status than 200.
pub(super) fn shown(
    app: &App,
    call: Option<&Call>,
    status: StatusCode,
    template: &str,
    content: impl Serialize,
) -> Answer {
    let user = call.and_then(Call::user);
    let waiting = app.watch.vitals().ok().map(|vitals| {
        let of = &vitals.waiting;
        of.conflicts + of.cards + of.candidates + of.holds
    });
    let path = call.map_or("", |call| &call.path);
    let lets = |path: &str| user.is_some_and(|signed| super::routes::lets(path, signed.user.role));
    let bound = call.is_some_and(Call::bound);
    let places = PLACES
        .into_iter()
        .filter(|(path, ..)| lets(path) && !(bound && of_every_location(path)));
    let frame = Frame {
        practice: &app.settings.practice,
        version: &app.pages.version,
        theme: call.map_or("auto", |call| call.theme),
        path,
        user: user.map(|signed| Person {
            name: &signed.user.name,
            role: signed.user.role.title(),
        }),
        form: call
            .and_then(|call| call.signed.as_ref())
            .map_or("", |signed| &signed.session.form),
        finds: lets("/search"),
        places: places
            .map(|(place, title, more)| Place {
                path: place,
                title,
                more,
                here: path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')),
                // It counts everybody's.
                count: waiting.filter(|n| place == "/inbox" && *n > 0 && !bound),
            })
            .collect(),
        now: Clockwork::new(app.clock.now(), &app.settings.time_zone).local(app.clock.now()),
    };
    let context = minijinja::context! {
        frame => Value::from(Serde(&frame)),
        page => Value::from(Serde(&content)),
    };
    let rendered = app
        .pages
        .templates
        .get_template(template)
        .and_then(|template| template.render(context));
    match rendered {
        Ok(html) => {
            let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            Ok(response)
        }
        // The error of a template may quote what it was given.
        Err(error) => Err(Refused::Broken(format!(
            "the template {template}, line {:?}",
            error.line()
        ))),
    }
}

#[derive(Serialize)]
struct Message {
    title: &'static str,
    text: String,
}

/// Says why there is no page.
pub(super) fn refused(app: &App, call: Option<&Call>, refused: Refused) -> Response {
    let (status, title, text) = match refused {
        Refused::Missing => (
            StatusCode::NOT_FOUND,
            "There is no such page",
            "It may have been moved, or settled by somebody else meanwhile.".into(),
        ),
        Refused::Role => (
            StatusCode::FORBIDDEN,
            "This page is not for your role",
            "An administrator can change what you may see, under People and access.".into(),
        ),
        Refused::Form => (
            StatusCode::FORBIDDEN,
            "This form is out of date",
            "Nothing was changed. Go back, load the page again, and send it once more.".into(),
        ),
        Refused::Away => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The store cannot be reached",
            "Nothing is lost. The service tries again by itself; come back in a minute.".into(),
        ),
        Refused::Broken(why) => {
            tracing::error!(%why, "a page could not be shown");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "The service's log says what. Nothing was changed.".into(),
            )
        }
        Refused::Told(status, text) => (status, "That was not done", text),
    };
    let message = Message { title, text };
    match shown(app, call, status, "message.html", &message) {
        Ok(response) => response,
        Err(_) => (status, title).into_response(),
    }
}

/// On to another page.
pub(super) fn to(path: &str) -> Response {
    let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)], Body::empty()).into_response()
}

/// On to another page, with a cookie.
pub(super) fn to_with(path: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = to(path);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What pages are made up with: the same for everybody, with or without a store.
pub(super) fn assets() -> Router {
    ASSETS.iter().fold(Router::new(), |router, &(path, kind, text)| {
        router.route(path, get(move || async move { asset(kind, text) }))
    })
}

/// Pages name what is embedded by its version, so that it never changes under one name.
fn asset(kind: &'static str, text: &'static str) -> Response {
    let keep = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], text).into_response()
}
