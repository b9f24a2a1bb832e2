//! Signing in and out, and the links that let somebody in once.

use super::call::{Call, hold};
use super::render::{Answer, page, shown, to, to_with};
use super::routes::{Route, is_page};
use super::words::Clockwork;
use super::{App, Refused, sentence};
use crate::access::invitation::Purpose;
use crate::access::{AccessError, Joining};
use axum::http::{Method, StatusCode};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;
use url::form_urlencoded;

/// In the address of the page for signing in: somebody who came by the provider has just signed out.
const LEFT: &str = "left";

#[derive(Serialize, Default)]
struct SignIn {
    /// Nobody is here yet: the first link is made on the command line.
    unfounded: bool,
    trouble: Option<String>,
    email: String,
    next: String,
    /// The identity provider that people may sign in by.
    provider: Option<String>,
    /// Where somebody who has just signed out can do so at the provider, too.
    leave: Option<String>,
}

/// Where somebody who is not signed in is sent: to sign in, and back to the page if it is one.
pub(super) fn way_back(route: &Route, call: &Call) -> String {
    if route.method != Method::GET || !is_page(&call.path) || call.path == "/" {
        return "/sign-in".into();
    }
    let next: String = form_urlencoded::byte_serialize(call.path.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

fn provider(app: &App) -> Option<String> {
    app.provider.get().map(|provider| provider.settings.label.clone())
}

/// A page of ours, or the first one.
pub(super) fn next(asked: Option<&String>) -> &str {
    asked.map(String::as_str).filter(|path| is_page(path)).unwrap_or("/")
}

pub(super) async fn sign_in(app: &App, call: &Call) -> Answer {
    if call.user().is_some() {
        return Ok(to("/"));
    }
    let leave = match app.provider.get().filter(|_| call.query.contains_key(LEFT)) {
        Some(provider) => provider.leaving().await,
        None => None,
    };
    let content = SignIn {
        leave,
        unfounded: call.shelf.access.unfounded().await?,
        next: next(call.query.get("next")).into(),
        provider: provider(app),
        ..SignIn::default()
    };
    page(app, call, "sign-in.html", content)
}

pub(super) async fn first_step(app: &App, call: &Call) -> Answer {
    let (email, password) = (call.typed("email"), call.secret("password"));
    let next = next(call.form.get("next"));
    match call.shelf.access.sign_in(email, &password, &call.from).await {
        Ok(half) => {
            let to: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let cookie = hold(Some(&half), app.settings.secure);
            Ok(to_with(&format!("/sign-in/code?next={to}"), cookie))
        }
        Err(error) => {
            let (status, trouble) = trouble(app, error)?;
            let content = SignIn {
                trouble: Some(trouble),
                email: email.into(),
                next: next.into(),
                provider: provider(app),
                ..SignIn::default()
            };
            shown(app, Some(call), status, "sign-in.html", content)
        }
    }
}

#[derive(Serialize)]
struct Code {
    trouble: Option<String>,
    next: String,
}

pub(super) async fn code(app: &App, call: &Call) -> Answer {
    let content = Code {
        trouble: None,
        next: next(call.query.get("next")).into(),
    };
    page(app, call, "code.html", content)
}

pub(super) async fn second_step(app: &App, call: &Call) -> Answer {
    let half = call.half().ok_or(Refused::Role)?;
    let next = next(call.form.get("next"));
    match call.shelf.access.second(half, call.typed("code"), &call.from).await {
        Ok(session) => Ok(to_with(next, hold(Some(&session), app.settings.secure))),
        Err(AccessError::Nobody) => Ok(to("/sign-in")),
        Err(error) => {
            let (status, trouble) = trouble(app, error)?;
            let content = Code {
                trouble: Some(trouble),
                next: next.into(),
            };
            shown(app, Some(call), status, "code.html", content)
        }
    }
}

pub(super) async fn sign_out(app: &App, call: &Call) -> Answer {
    let mut on = "/sign-in".to_string();
    if let Some(signed) = &call.signed {
        call.shelf.access.sign_out(signed).await?;
        if signed.user.linked.is_some() {
            on = format!("/sign-in?{LEFT}=1");
        }
    }
    Ok(to_with(&on, hold(None, app.settings.secure)))
}

#[derive(Serialize)]
struct Invitation {
    /// Somebody invited, the first administrator, or somebody who comes back.
    purpose: &'static str,
    name: String,
    email: String,
    role: &'static str,
    duty: &'static str,
    until: super::words::Moment,
    spelled: String,
    address: String,
    code: Squares,
    trouble: Option<String>,
}

/// A QR code as a path of an SVG.
#[derive(Serialize)]
struct Squares {
    size: i32,
    path: String,
}

pub(super) async fn invitation(app: &App, call: &Call) -> Answer {
    asked(app, call, None, StatusCode::OK).await
}

async fn asked(app: &App, call: &Call, trouble: Option<String>, status: StatusCode) -> Answer {
    let (invitation, user) = call.shelf.access.invitation(call.part()).await?;
    let (purpose, name, email, role) = match (&invitation.purpose, &user) {
        (Purpose::Join { name, email, role }, _) => ("join", name.clone(), email.clone(), *role),
        (_, Some(user)) => ("renew", user.name.clone(), user.email.clone(), user.role),
        (_, None) => (
            "found",
            call.typed("name").into(),
            call.typed("email").into(),
            crate::access::role::Role::Admin,
        ),
    };
    // What was typed may be no address at all, and more than a QR code holds.
    let account = crate::access::address(&email).unwrap_or_else(|_| "administrator".into());
    let address = invitation.second.address(&app.settings.practice, &account);
    let content = Invitation {
        purpose,
        role: role.title(),
        duty: role.purpose(),
        until: Clockwork::new(call.now, &app.settings.time_zone).moment(invitation.until),
        spelled: invitation.second.spelled(),
        code: squares(&address).ok_or_else(|| Refused::Broken("a QR code cannot hold its address".into()))?,
        address,
        name,
        email,
        trouble,
    };
    shown(app, Some(call), status, "invitation.html", content)
}

fn squares(text: &str) -> Option<Squares> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    // Readers want four empty modules around it.
    let (edge, size) = (4, code.size());
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{} {}h1v1h-1z", x + edge, y + edge));
        }
    }
    Some(Squares {
        size: size + 2 * edge,
        path,
    })
}

#[derive(Serialize)]
struct Welcome {
    codes: Vec<String>,
}

pub(super) async fn accept(app: &App, call: &Call) -> Answer {
    let joining = Joining {
        name: call.typed("name").into(),
        email: call.typed("email").into(),
        password: call.secret("password"),
        again: call.secret("again"),
        code: call.typed("code").into(),
    };
    match call.shelf.access.accept(call.part(), &joining).await {
        Ok(accepted) => {
            let content = Welcome {
                codes: accepted.recovery,
            };
            // Nobody is signed in as far as this request knows: the bar appears with the next page.
            let mut response = shown(app, None, StatusCode::OK, "welcome.html", content)?;
            if let Some(cookie) = hold(Some(&accepted.session), app.settings.secure) {
                response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error @ AccessError::Link) => Err(error.into()),
        Err(AccessError::Wrong) => {
            let text = "That is not the code the app shows now. Wait for the next one, and type all six digits.";
            asked(app, call, Some(text.into()), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => {
            let (status, trouble) = trouble(app, error)?;
            asked(app, call, Some(trouble), status).await
        }
    }
}

/// What a form says of what was typed. What is not about that is no answer of the form.
pub(super) fn trouble(app: &App, error: AccessError) -> Result<(StatusCode, String), Refused> {
    let until = match &error {
        AccessError::TooMany { until } => Some(*until),
        _ => None,
    };
    match Refused::from(error) {
        Refused::Told(status, text) => Ok((
            status,
            match until {
                None => text,
                Some(until) => {
                    let clock = Clockwork::new(app.clock.now(), &app.settings.time_zone);
                    let wait = clock.moment(until).ago;
                    sentence(&format!("There were too many attempts. Try again {wait}"))
                }
            },
        )),
        other => Err(other),
    }
}
