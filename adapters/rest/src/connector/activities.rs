//! What a connector file says of a CRM's activities: `[activities]`.

use super::Request;
use crate::place::Place;
use bridge_core::diary::Member;
use std::collections::BTreeMap;

/// How appointments are shown as activities of contacts. Reading, making and changing them is what the file says of
/// their kind.
#[derive(Clone, Debug)]
pub struct ActivitiesSpec {
    /// The kind of records that activities are.
    pub kind: String,
    /// Where each member stands; a value is written to all its places and read from the first.
    pub members: BTreeMap<Member, Vec<MemberPlace>>,
    /// The product's words for our words, by member.
    pub words: BTreeMap<Member, BTreeMap<String, String>>,
    /// How times are spelt.
    pub times: TimeStyle,
    /// The text is HTML: its lines are divided by `<br>`.
    pub html: bool,
    /// Where the contact's id stands in a new activity.
    pub contact: MemberPlace,
    /// Puts an activity to a contact, where that is a call of its own; else the contact's member is written.
    pub attach: Option<Request>,
    /// Takes an activity from a contact, where several may have it.
    pub detach: Option<Request>,
}

/// Where a member stands in a body: read by place, written by its steps.
#[derive(Clone, Debug)]
pub struct MemberPlace {
    /// For reading.
    pub place: Place,
    /// For writing: members from the outside in.
    pub steps: Vec<String>,
}

/// How times are spelt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// `2026-03-04T09:00:00Z`.
    #[default]
    Iso,
    /// Milliseconds since 1970.
    Millis,
    /// Seconds since 1970.
    Seconds,
}
