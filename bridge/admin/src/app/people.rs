//! People and access: who may use the app, and as what.

mod bound;

pub(super) use bound::bind;

use super::call::Call;
use super::door::trouble;
use super::render::{Answer, page, shown, to};
use super::words::{Clockwork, Moment};
use super::{App, Refused};
use crate::access::AccessError;
use crate::access::invitation::Purpose;
use crate::access::role::Role;
use axum::http::StatusCode;
use bound::Reach;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

#[derive(Serialize)]
struct People {
    /// For somebody new.
    reach: Reach,
    /// No location is known to choose from.
    nowhere: bool,
    people: Vec<Row>,
    gone: Vec<Row>,
    invited: Vec<Open>,
    roles: Vec<RoleWords>,
    trouble: Option<String>,
    typed: Typed,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    email: String,
    role: &'static str,
    role_title: &'static str,
    since: Moment,
    signed_in: Option<Moment>,
    ended: Option<Moment>,
    recovery: usize,
    own: bool,
    reach: Reach,
    /// The role can be bound.
    binds: bool,
}

#[derive(Serialize)]
struct Open {
    what: String,
    role: &'static str,
    sees: Option<String>,
    by: String,
    until: Moment,
}

#[derive(Serialize)]
struct RoleWords {
    key: &'static str,
    title: &'static str,
    purpose: &'static str,
}

#[derive(Serialize)]
struct Typed {
    name: String,
    email: String,
    role: String,
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    listed(app, call, StatusCode::OK, None).await
}

async fn listed(app: &App, call: &Call, status: StatusCode, trouble: Option<String>) -> Answer {
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let me = &call.known()?.user.id;
    let (users, open) = (call.shelf.access.users().await?, call.shelf.access.invitations().await?);
    let places = bound::known(call).await?;
    let invited = open
        .iter()
        .map(|invitation| Open {
            what: match &invitation.purpose {
                Purpose::Found => "The first administrator".into(),
                Purpose::Join { name, email, .. } => format!("{name} ({email})"),
                Purpose::Renew { user } => {
                    let user = users.iter().find(|known| known.id == *user);
                    format!("{}, to sign in anew", user.map_or("somebody", |user| &user.name))
                }
            },
            role: match &invitation.purpose {
                Purpose::Join { role, .. } => role.title(),
                Purpose::Found => Role::Admin.title(),
                Purpose::Renew { .. } => "as before",
            },
            sees: match &invitation.purpose {
                Purpose::Join { bound, .. } => bound.as_ref().map(|of| bound::words(of, &places)),
                _ => None,
            },
            by: invitation.by.clone(),
            until: clock.moment(invitation.until),
        })
        .collect();
    let rows = users.into_iter().map(|user| Row {
        own: user.id == *me,
        role: user.role.key(),
        role_title: user.role.title(),
        since: clock.moment(user.since),
        signed_in: clock.maybe(user.signed_in),
        ended: clock.maybe(user.ended),
        recovery: user.recovery.len(),
        reach: Reach::of(user.bound(), &places),
        binds: user.role != Role::Admin,
        id: user.id,
        name: user.name,
        email: user.email,
    });
    let (people, gone) = rows.partition(|row| row.ended.is_none());
    let asked = bound::asked(call).ok().flatten();
    let content = People {
        reach: Reach::of(asked.as_ref(), &places),
        nowhere: places.is_empty(),
        people,
        gone,
        invited,
        roles: Role::ALL
            .into_iter()
            .map(|role| RoleWords {
                key: role.key(),
                title: role.title(),
                purpose: role.purpose(),
            })
            .collect(),
        trouble,
        typed: Typed {
            name: call.typed("name").into(),
            email: call.typed("email").into(),
            role: call.typed("role").into(),
        },
    };
    shown(app, Some(call), status, "people.html", content)
}

/// Shows what a refused change says beside the list; what is not about that as a page of its own.
async fn told(app: &App, call: &Call, error: AccessError) -> Answer {
    let (status, trouble) = trouble(app, error)?;
    listed(app, call, status, Some(trouble)).await
}

fn role_typed(call: &Call) -> Result<Role, Refused> {
    let words = || Refused::Told(StatusCode::UNPROCESSABLE_ENTITY, "Choose a role.".into());
    Role::parse(call.typed("role")).ok_or_else(words)
}

#[derive(Serialize)]
struct Link {
    address: String,
    whom: String,
    hours: i64,
}

fn link(app: &App, call: &Call, whom: String, hours: i64, token: &SecretString) -> Answer {
    let address = format!("{}/invitation/{}", app.settings.url, token.expose_secret());
    page(app, call, "link.html", Link { address, whom, hours })
}

pub(super) async fn invite(app: &App, call: &Call) -> Answer {
    let typed = (call.typed("name"), call.typed("email"));
    let bound = match bound::asked(call) {
        Ok(bound) => bound,
        Err(error) => return told(app, call, error).await,
    };
    let access = &call.shelf.access;
    match access.invite_to(typed, role_typed(call)?, bound, call.by()?).await {
        Ok(token) => link(app, call, typed.0.trim().into(), 72, &token),
        Err(error) => told(app, call, error).await,
    }
}

pub(super) async fn renew(app: &App, call: &Call) -> Answer {
    let users = call.shelf.access.users().await?;
    let user = users
        .iter()
        .find(|user| user.id == call.part())
        .ok_or(Refused::Missing)?;
    match call.shelf.access.renew(call.part(), call.by()?).await {
        Ok(token) => link(app, call, user.name.clone(), 24, &token),
        Err(error) => told(app, call, error).await,
    }
}

pub(super) async fn role(app: &App, call: &Call) -> Answer {
    let role = role_typed(call)?;
    let done = call.shelf.access.set_role(call.part(), role, call.by()?).await;
    back(app, call, done.map(drop)).await
}

pub(super) async fn out(app: &App, call: &Call) -> Answer {
    let done = call.shelf.access.out_everywhere(call.part(), call.by()?).await;
    back(app, call, done.map(drop)).await
}

pub(super) async fn end(app: &App, call: &Call) -> Answer {
    let done = call.shelf.access.end(call.part(), call.by()?).await;
    back(app, call, done.map(drop)).await
}

async fn back(app: &App, call: &Call, done: Result<(), AccessError>) -> Answer {
    match done {
        Ok(()) => Ok(to("/people")),
        Err(AccessError::Nobody) => Err(Refused::Missing),
        Err(error) => told(app, call, error).await,
    }
}
