//! Which locations somebody is bound to, as the page shows and asks for it.

use super::back;
use crate::access::AccessError;
use crate::access::bound::Bound;
use crate::app::App;
use crate::app::call::Call;
use crate::app::render::Answer;
use bridge_engine::located::{Place, places};
use serde::Serialize;

/// What the names of check boxes begin with.
const BOX: &str = "at:";
/// The name of the one for people of no location.
const UNPLACED: &str = "unplaced";
/// What is chosen where it is asked whether somebody sees everybody.
const SOME: &str = "some";

/// A location that can be chosen.
#[derive(Clone, Serialize)]
pub(super) struct Choice {
    name: String,
    title: String,
    ticked: bool,
}

/// What somebody sees, and what can be chosen instead.
#[derive(Serialize)]
pub(super) struct Reach {
    /// In words; none for everybody.
    words: Option<String>,
    choices: Vec<Choice>,
    unplaced: bool,
}

/// The locations that the mirror shows.
pub(super) async fn known(call: &Call) -> Result<Vec<Place>, crate::app::Refused> {
    match &call.shelf.desk {
        None => Ok(vec![]),
        Some(desk) => {
            let home = &desk.engine().settings().home;
            let found = places(&call.shelf.store, home).await;
            Ok(found.map_err(crate::desk::DeskError::from)?)
        }
    }
}

fn title(places: &[Place], id: &str) -> String {
    let name = places
        .iter()
        .find(|place| place.id == id)
        .and_then(|place| place.name.as_ref());
    name.map_or_else(|| id.into(), |name| format!("{name} ({id})"))
}

impl Reach {
    /// Of somebody who is bound so, or to nothing in particular.
    pub(super) fn of(bound: Option<&Bound>, places: &[Place]) -> Reach {
        let mut ids: Vec<&String> = places.iter().map(|place| &place.id).collect();
        let own = bound.into_iter().flat_map(|bound| &bound.locations);
        ids.extend(own.filter(|id| places.iter().all(|place| place.id != **id)));
        let choices = ids.into_iter().map(|id| Choice {
            name: format!("{BOX}{id}"),
            title: title(places, id),
            ticked: bound.is_some_and(|bound| bound.locations.contains(id)),
        });
        Reach {
            words: bound.map(|bound| words(bound, places)),
            choices: choices.collect(),
            unplaced: bound.is_some_and(|bound| bound.unplaced),
        }
    }
}

pub(super) fn words(bound: &Bound, places: &[Place]) -> String {
    let mut all: Vec<String> = bound.locations.iter().map(|id| title(places, id)).collect();
    if bound.unplaced {
        all.push("people without a location".into());
    }
    if all.is_empty() {
        "nobody yet".into()
    } else {
        all.join(", ")
    }
}

/// What a form asks for: none for everybody.
///
/// # Errors
/// [`AccessError::Typed`] for no location, or what is none.
pub(super) fn asked(call: &Call) -> Result<Option<Bound>, AccessError> {
    if call.typed("sees") != SOME {
        return Ok(None);
    }
    let ticked = call.form.keys().filter_map(|name| name.strip_prefix(BOX));
    let typed = call.typed("others").split([',', ' ']);
    let bound = Bound::to(ticked.chain(typed), !call.typed(UNPLACED).is_empty())?;
    if bound.locations.is_empty() && !bound.unplaced {
        return Err(AccessError::Typed("choose at least one location, or everybody"));
    }
    Ok(Some(bound))
}

/// Binds somebody to locations, or lets them see everybody; their sessions end.
pub(in crate::app) async fn bind(app: &App, call: &Call) -> Answer {
    let done = match asked(call) {
        Ok(bound) => call.shelf.access.bind(call.part(), bound, call.by()?).await,
        Err(error) => Err(error),
    };
    back(app, call, done.map(drop)).await
}
