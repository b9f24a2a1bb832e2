//! Signing in by the identity provider: out to it and back.

use super::call::{Call, hold, hold_attempt};
use super::door::{next, trouble};
use super::render::{Answer, page, shown, to, to_with};
use super::{App, Refused};
use crate::access::AccessError;
use crate::access::sign_on::{Back, Provider};
use axum::http::header;
use serde::Serialize;

/// Where the provider sends people back to.
const BACK: &str = "/sign-in/back";

fn provider(app: &App) -> Result<(&Provider, String), Refused> {
    let provider = app.provider.get().ok_or(Refused::Missing)?;
    Ok((provider, format!("{}{BACK}", app.settings.url)))
}

/// Out to the provider. A link and no form: pages let forms go to this address only, redirects included.
pub(super) async fn out(app: &App, call: &Call) -> Answer {
    let (provider, back) = provider(app)?;
    if call.user().is_some() {
        return Ok(to("/"));
    }
    let next = next(call.query.get("next"));
    match call.shelf.access.set_out(provider, &back, next, &call.from).await {
        Ok(setting) => Ok(to_with(
            &setting.address,
            hold_attempt(Some(&setting.held), app.settings.secure),
        )),
        Err(error) => told(app, call, error),
    }
}

#[derive(Serialize)]
struct Welcome {
    next: String,
}

/// Back from the provider. The browser goes on by itself, from a page of ours: what another site leads to has no cookies of a
/// session yet.
pub(super) async fn back(app: &App, call: &Call) -> Answer {
    let (provider, back) = provider(app)?;
    let told_of = |name: &str| call.query.get(name).cloned();
    let with = Back {
        held: call.attempt.clone().unwrap_or_default(),
        state: told_of("state").unwrap_or_default(),
        code: told_of("code").unwrap_or_default(),
        error: told_of("error"),
        issuer: told_of("iss"),
    };
    match call.shelf.access.come_back(provider, &back, &with, &call.from).await {
        Ok((session, on)) => {
            let content = Welcome {
                next: next(Some(&on)).into(),
            };
            let mut response = page(app, call, "signed-on.html", content)?;
            let cookies = [
                hold(Some(&session), app.settings.secure),
                hold_attempt(None, app.settings.secure),
            ];
            for cookie in cookies.into_iter().flatten() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => told(app, call, error),
    }
}

#[derive(Serialize)]
struct Trouble {
    trouble: String,
}

fn told(app: &App, call: &Call, error: AccessError) -> Answer {
    let (status, trouble) = trouble(app, error)?;
    shown(app, Some(call), status, "not-signed-on.html", Trouble { trouble })
}
