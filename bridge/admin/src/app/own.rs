//! One's own access: password, sessions, and how pages look.

use super::App;
use super::call::{Call, hold, hold_theme};
use super::door::trouble;
use super::render::{Answer, page, shown, to_with};
use super::routes::is_page;
use super::words::{Clockwork, Moment};
use axum::http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct Own {
    name: String,
    email: String,
    role: &'static str,
    duty: &'static str,
    signed_in: Option<Moment>,
    recovery: usize,
    trouble: Option<String>,
    done: bool,
}

fn content(app: &App, call: &Call, trouble: Option<String>) -> Result<Own, super::Refused> {
    let user = &call.known()?.user;
    Ok(Own {
        name: user.name.clone(),
        email: user.email.clone(),
        role: user.role.title(),
        duty: user.role.purpose(),
        signed_in: Clockwork::new(call.now, &app.settings.time_zone).maybe(user.signed_in),
        recovery: user.recovery.len(),
        trouble,
        done: call.query.contains_key("changed"),
    })
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    page(app, call, "own.html", content(app, call, None)?)
}

pub(super) async fn password(app: &App, call: &Call) -> Answer {
    let wanted = (&call.secret("password"), &call.secret("again"));
    let access = &call.shelf.access;
    match access
        .new_password(call.known()?, &call.secret("present"), wanted, &call.from)
        .await
    {
        Ok(session) => Ok(to_with("/own?changed=1", hold(Some(&session), app.settings.secure))),
        Err(error) => {
            let (status, trouble): (StatusCode, String) = trouble(app, error)?;
            shown(app, Some(call), status, "own.html", content(app, call, Some(trouble))?)
        }
    }
}

pub(super) async fn out(app: &App, call: &Call) -> Answer {
    let user = &call.known()?.user;
    call.shelf.access.out_everywhere(&user.id, &user.name).await?;
    Ok(to_with("/sign-in", hold(None, app.settings.secure)))
}

/// Light, dark, or as the system says; for this browser.
pub(super) async fn theme(app: &App, call: &Call) -> Answer {
    let back = call.typed("back");
    let back = if is_page(back) || back == "/sign-in" { back } else { "/" };
    Ok(to_with(back, hold_theme(call.typed("theme"), app.settings.secure)))
}
