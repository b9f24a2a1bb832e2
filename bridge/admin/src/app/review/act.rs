//! What people do with one item. Each decision comes with the mark of what was shown: if anything of that changed, nothing
//! is stored, and the answer is the fresh card with what changed.

use super::card::Trying;
use super::filter::Filter;
use super::item::{Note, Saying, drawn, following, path};
use crate::access::role::Role;
use crate::app::call::Call;
use crate::app::render::{Answer, to};
use crate::app::words::Clockwork;
use crate::app::{App, Refused, sentence};
use crate::desk::DeskError;
use crate::desk::act::Decision;
use axum::http::StatusCode;
use bridge_core::review::DecisionError;
use bridge_engine::EngineError;

/// Days that an item may sleep.
const SLEEPS: [(&str, i64); 4] = [("tomorrow", 1), ("three days", 3), ("a week", 7), ("a month", 30)];

/// A decision as a form brings it: `choice` is the word, with the system behind a colon for `take`.
pub(super) fn decision(call: &Call) -> Decision {
    let (act, system) = match call.typed("choice").split_once(':') {
        Some((act, system)) => (act, Some(system.to_string())),
        None => (call.typed("choice"), None),
    };
    Decision {
        value: (act == "value").then(|| call.typed("value").to_string()),
        act: act.into(),
        token: call.typed("token").into(),
        system,
    }
}

/// Whether somebody, or something, was faster.
pub(super) fn overtaken(error: &DeskError) -> bool {
    matches!(
        error,
        DeskError::Engine(
            EngineError::NotFound(_)
                | EngineError::Changed
                | EngineError::Decision(DecisionError::Changed | DecisionError::Closed | DecisionError::UnderWay)
        )
    )
}

pub(in crate::app) async fn decide(app: &App, call: &Call) -> Answer {
    let filter = Filter::parse(call.typed("back"));
    let id = call.part();
    let error = match call.desk()?.decide(id, &decision(call), call.by()?).await {
        Ok(done) => return Ok(to(&following(call, &filter, id, &done.id).await?)),
        Err(error) => error,
    };
    let (status, text) = match &error {
        error if overtaken(error) => (
            StatusCode::CONFLICT,
            "Nothing was decided: this is not what you were shown. What stands here now is fresh; what changed is marked."
                .into(),
        ),
        DeskError::Asked(words) => (StatusCode::UNPROCESSABLE_ENTITY, sentence(words)),
        DeskError::Engine(EngineError::Decision(words)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, sentence(&words.to_string()))
        }
        _ => return Err(error.into()),
    };
    let saying = Saying {
        status,
        note: Some(Note { trouble: true, text }),
        seen: call.typed("seen").into(),
        trying: Trying {
            text: call.typed("value").into(),
            ..Trying::default()
        },
    };
    drawn(app, call, &filter, saying).await
}

/// What a typed value would write; nothing is stored.
pub(in crate::app) async fn attempt(app: &App, call: &Call) -> Answer {
    let text = call.typed("value");
    let (mut trying, mut status) = (
        Trying {
            text: text.into(),
            ..Trying::default()
        },
        StatusCode::OK,
    );
    match call.desk()?.effects_of_value(call.part(), text).await {
        Ok(effects) => trying.effects = Some(effects),
        Err(DeskError::Asked(words)) => {
            trying.trouble = Some(sentence(&words));
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        Err(error) if overtaken(&error) => status = StatusCode::CONFLICT,
        Err(error) => return Err(error.into()),
    }
    let saying = Saying {
        status,
        note: None,
        seen: call.typed("seen").into(),
        trying,
    };
    drawn(app, call, &Filter::parse(call.typed("back")), saying).await
}

/// Whose it is, until when it sleeps, and what is said about it.
pub(in crate::app) async fn note(app: &App, call: &Call) -> Answer {
    let (desk, id, by) = (call.desk()?, call.part(), call.by()?);
    let filter = Filter::parse(call.typed("back"));
    let stays = filter.link(&format!("/inbox/{}", path(id)), &[("said", "yes")]);
    match call.typed("do") {
        "assign" => {
            let whom = call.typed("whom");
            let users = call.shelf.access.users().await?;
            let known = users
                .iter()
                .any(|user| user.name == whom && user.active() && matches!(user.role, Role::Admin | Role::Reviewer));
            if !known && !whom.is_empty() {
                return Err(Refused::Told(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "Nobody of that name decides here.".into(),
                ));
            }
            desk.assign(id, Some(whom).filter(|whom| !whom.is_empty())).await?;
            Ok(to(&stays))
        }
        "snooze" => {
            let days = SLEEPS.iter().find(|(word, _)| *word == call.typed("until"));
            let clock = Clockwork::new(call.now, &app.settings.time_zone);
            let until = days.map_or(0, |(_, days)| clock.morning(*days));
            desk.snooze(id, until).await?;
            if until == 0 {
                return Ok(to(&stays));
            }
            Ok(to(&following(call, &filter, id, "").await?))
        }
        "comment" => {
            let (_, row) = desk.waiting(id).await?;
            let about = row.who.first().map(|who| who.entity.clone()).unwrap_or_default();
            desk.comment(&about, id, call.typed("text"), by).await?;
            Ok(to(&stays))
        }
        _ => Err(Refused::Told(
            StatusCode::BAD_REQUEST,
            "There is no such thing to do.".into(),
        )),
    }
}
