//! What a connector file says of referrers: `[referrers.people]` and `[referrers.practices]`.

use super::{MemberPlace, Request};
use crate::place::Place;
use bridge_core::care::refer::Field;
use std::collections::BTreeMap;

/// How referrers of one sort are held as records. Looking up, making and changing them is what the file says of their
/// kind.
#[derive(Clone, Debug)]
pub struct ReferrersSpec {
    /// The kind of records that they are.
    pub kind: String,
    /// They are contacts like those of patients: ids are of one space, and activities can stand with them.
    pub contacts: bool,
    /// Where each field stands.
    pub members: BTreeMap<Field, MemberPlace>,
    /// Looks records up by provider number (`{{ number }}`), and where they stand in the answer.
    pub by_number: Option<(Request, Place)>,
    /// Puts a person (`{{ id }}`) to a practice (`{{ practice }}`), where that is a call of its own.
    pub relate: Option<Request>,
    /// Takes a person from a practice again.
    pub leave: Option<Request>,
}
