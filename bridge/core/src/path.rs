//! Where a value lives in a remote record. One path both reads and writes.
//!
//! | path | meaning |
//! |---|---|
//! | `a.b` | member `b` of member `a`; `'odd name'.b` quotes a member |
//! | `telecom[system=sms].value` | in the first element of the list whose `system` is `sms` |
//! | `telecom[system=phone,use!=work].value` | several conditions; `!=` also holds where the member is missing |
//! | `name[use=official?].family` | `use` is `official`, or failing that an element without `use` |
//! | `telecom[system=sms,use:=mobile].value` | `:=` is no condition: it is set on an element the bridge creates |
//! | `extension[url='https://..'].valueString` | values may be quoted |
//! | `emails[0].value` | by position |
//! | `given[]` | a list of texts, as a whole |
//!
//! Unquoted `true`, `false` and whole numbers are set as JSON booleans and numbers; every
//! comparison is by text.

mod near_miss;
mod overlap;
mod parse;
mod walk;

pub use parse::PathError;

use serde_json::Value as Json;
use std::fmt;

/// A parsed path. Equal texts are equal paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
    whole_list: bool,
}

/// One member, and which element of it where it is a list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    member: String,
    pick: Option<Pick>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    Index(usize),
    Where(Vec<Test>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Test {
    key: String,
    op: Op,
    value: String,
    quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Is,
    IsOrMissing,
    IsNot,
    Set,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaf<'a> {
    /// One JSON value, never null.
    One(&'a Json),
    /// A whole list (the path ends in `[]`).
    List(&'a [Json]),
}

/// The record is not built the way the path expects: there is a list, text or number where an
/// object should be, or the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record is not built as the path expects")]
pub struct WrongShape;

impl Path {
    /// Whether the path names a whole list of texts (ends in `[]`).
    pub fn is_list(&self) -> bool {
        self.whole_list
    }

    /// The top-level member.
    pub fn top(&self) -> &str {
        &self.steps[0].member
    }

    /// The member directly under the top-level one, e.g. `firstname` of `properties.firstname`.
    pub fn under_top(&self) -> Option<&str> {
        match (&self.steps[0].pick, self.steps.get(1)) {
            (None, Some(step)) => Some(&step.member),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
