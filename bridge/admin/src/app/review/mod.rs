//! The review: what waits for a person, one thing at a time or many of one pattern, and what was decided. Values only for
//! roles that may see them; every value that is shown leaves a line in the history, and every decision comes with the mark
//! of what was shown.
//!
//! | module | what |
//! |---|---|
//! | [`list`] | the inbox with its filters |
//! | [`item`] | one item beside the queue it stands in |
//! | [`card`] | what is shown of an item: values, choices and what each would write |
//! | [`sides`] | values, or two records, beside each other |
//! | [`act`] | deciding, trying a value, assigning, snoozing, commenting |
//! | [`group`] | many of one pattern |
//! | [`rules`] | a rule on trial |
//! | [`past`] | what was decided, and taking it back |
//! | [`live`] | counts as they change |

pub(super) mod act;
mod card;
mod filter;
pub(super) mod group;
pub(super) mod item;
mod line;
pub(super) mod list;
pub(super) mod live;
pub(super) mod past;
pub(super) mod rules;
mod sides;

use super::call::Call;
use super::render::{Answer, to};
use super::words::Clockwork;
use super::{App, Refused};
use crate::access::Viewed;
use crate::desk::{Desk, Who};
use std::collections::{BTreeMap, BTreeSet};

/// The unit with a person's name.
const NAME: &str = "official_name";

/// Where each role begins.
pub(super) async fn first(_: &App, call: &Call) -> Answer {
    Ok(to(if call.sees_values() { "/inbox" } else { "/vitals" }))
}

/// What every page of the review needs.
struct View<'a> {
    app: &'a App,
    call: &'a Call,
    desk: &'a Desk,
    clock: Clockwork,
    /// Values may be shown.
    values: bool,
    /// Whoever looks may decide.
    decides: bool,
}

impl<'a> View<'a> {
    fn new(app: &'a App, call: &'a Call) -> Result<View<'a>, Refused> {
        Ok(View {
            desk: call.desk()?,
            clock: Clockwork::new(call.now, &app.settings.time_zone),
            values: call.sees_values(),
            decides: call.role().is_some_and(decides),
            app,
            call,
        })
    }

    /// Systems in the order in which people want to see them.
    fn systems(&self) -> &'a [String] {
        &self.app.settings.systems
    }

    /// Notes who was shown and which units of them; if that fails, nothing may be shown.
    async fn noted(&self, what: &str, shown: Shown) -> Result<(), Refused> {
        if !self.values {
            return Ok(());
        }
        let viewed = shown.0.into_iter().map(|(entity, units)| Viewed {
            entity: Some(entity),
            record: None,
            units: units.into_iter().collect(),
        });
        let user = &self.call.known()?.user;
        Ok(self.call.shelf.access.viewed(user, what, viewed.collect()).await?)
    }
}

fn decides(role: crate::access::role::Role) -> bool {
    use crate::access::role::Role;
    matches!(role, Role::Admin | Role::Reviewer)
}

/// Who is shown, with which units.
#[derive(Default)]
struct Shown(BTreeMap<String, BTreeSet<String>>);

impl Shown {
    /// More of somebody who is shown.
    fn add_all(&mut self, entity: &str, names: Vec<&'static str>) {
        if let Some(units) = self.0.get_mut(entity) {
            units.extend(names.into_iter().map(str::to_string));
        }
    }

    fn add(&mut self, who: &Who, unit: Option<&str>) {
        let units = self.0.entry(who.entity.clone()).or_default();
        units.insert(NAME.into());
        units.extend(unit.map(str::to_string));
    }
}
