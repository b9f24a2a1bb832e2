//! Members of a resource, read as tolerantly as is safe.

use crate::ledger::Cents;
use crate::ledger::money::json_decimal;
use jiff::civil::{Date, DateTime};
use serde_json::Value as Json;

/// A record that cannot be used. Names the member, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}/{id}: `{member}` is not {wanted}")]
pub struct Unreadable {
    /// The resource type.
    pub kind: &'static str,
    /// The record's id, `?` if that is what is missing.
    pub id: String,
    /// The member.
    pub member: &'static str,
    /// What it should be.
    pub wanted: &'static str,
}

/// One body under reading.
pub(super) struct Body<'a> {
    kind: &'static str,
    pub id: String,
    body: &'a Json,
}

impl<'a> Body<'a> {
    pub fn of(kind: &'static str, body: &'a Json) -> Result<Body<'a>, Unreadable> {
        let fail = |id: &str, member, wanted| Unreadable {
            kind,
            id: id.into(),
            member,
            wanted,
        };
        let id = text(&body["id"]).ok_or_else(|| fail("?", "id", "an id"))?;
        if body["resourceType"] != kind {
            return Err(fail(&id, "resourceType", "of the kind asked for"));
        }
        Ok(Body { kind, id, body })
    }

    pub fn fail(&self, member: &'static str, wanted: &'static str) -> Unreadable {
        Unreadable {
            kind: self.kind,
            id: self.id.clone(),
            member,
            wanted,
        }
    }

    pub fn at(&self, pointer: &str) -> &'a Json {
        self.body.pointer(pointer).unwrap_or(&Json::Null)
    }

    /// The id that a member refers to.
    pub fn link(&self, member: &str) -> Option<String> {
        Some(link(&self.body[member])?.1)
    }

    /// A day; of a moment the day as it is written.
    pub fn day(&self, pointer: &'static str) -> Result<Option<Date>, Unreadable> {
        let Some(text) = text(self.at(pointer)) else {
            return Ok(None);
        };
        let wall = text.get(..10).and_then(|day| day.parse::<Date>().ok());
        let day = wall.or_else(|| text.parse::<DateTime>().ok().map(DateTime::date));
        day.map(Some).ok_or_else(|| self.fail(pointer, "a day"))
    }

    /// A count, which may stand as `{value}`.
    pub fn count(&self, pointer: &'static str) -> Result<Option<u32>, Unreadable> {
        let Some(number) = bare(self.at(pointer)) else {
            return Ok(None);
        };
        let number = json_decimal(number).map_err(|_| self.fail(pointer, "a number"))?;
        let count = number.round().try_into();
        count.map(Some).map_err(|_| self.fail(pointer, "a count"))
    }

    /// An amount, which may stand as `{value, currency}`.
    pub fn cents(&self, pointer: &'static str) -> Result<Option<Cents>, Unreadable> {
        let Some(number) = bare(self.at(pointer)) else {
            return Ok(None);
        };
        let amount = json_decimal(number).ok().and_then(|amount| Cents::exact(amount).ok());
        amount.map(Some).ok_or_else(|| self.fail(pointer, "an amount in cents"))
    }
}

fn bare(value: &Json) -> Option<&Json> {
    let value = match value {
        Json::Object(members) => members.get("value")?,
        other => other,
    };
    (!value.is_null()).then_some(value)
}

/// A text that says something; numbers count for what they show.
pub(super) fn text(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Type and id of a reference, absolute or relative; the type may be missing.
pub(super) fn link(value: &Json) -> Option<(Option<String>, String)> {
    let text = value.as_str().or_else(|| value["reference"].as_str())?.trim();
    let mut parts = text.rsplit('/');
    let id = parts.next().filter(|id| !id.is_empty())?;
    let before = parts.next().filter(|kind| !kind.is_empty());
    let said = value["type"].as_str().filter(|kind| !kind.is_empty());
    Some((said.or(before).map(str::to_owned), id.to_owned()))
}
