//! Every endpoint that Halaxy documents, as a table: what each takes, what is checked, what it does (halaxy-api.md
//! section 7.0). Commands, requests, their help and `ENDPOINTS.md` are all made from it.

mod check;
mod document;
mod request;
mod shapes;
mod table;

pub use check::Check;
pub use document::document;
pub use request::{BadInput, Inputs, Request};
pub use table::ENDPOINTS;

use serde_json::Value as Json;

/// The groups that endpoints are listed in, in the order of the list.
pub const GROUPS: [&str; 10] = [
    "Patients",
    "Practitioners, roles and organisations",
    "Appointments",
    "Schedules and slots",
    "Appointment types and fees",
    "Claim details",
    "Invoices and payments",
    "Referrals",
    "Clinical notes",
    "About the API",
];

/// What an endpoint does with its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Lists or searches: a Bundle.
    List,
    /// Reads one record.
    Get,
    /// Makes a record.
    Create,
    /// Changes members of a record by merge-patch.
    Update,
    /// Replaces a record whole.
    Replace,
    /// Something of its own, named by `$`.
    Special,
}

/// Where the value of an input goes.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// The `{id}` of the path.
    Path,
    /// A query parameter.
    Query(&'static str),
    /// A query parameter that narrows to what belongs to a record. Halaxy passes over some of these without a word, so
    /// every row is looked at: the reference in this member must be the one asked for.
    Scope(&'static str, &'static str),
    /// A member of the body, by JSON pointer; lists on the way get one element.
    Member(&'static str),
    /// A part of the body that takes more than one member. The text is the base URL.
    Make(fn(&mut Json, Json, &str)),
    /// Nowhere: a word that has to be said.
    Word,
}

/// One input of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Name, as on the command line without its dashes.
    pub name: &'static str,
    /// It must be given.
    pub required: bool,
    /// What is accepted.
    pub check: Check,
    /// Where it goes.
    pub place: Place,
    /// What it is for, in one line.
    pub about: &'static str,
}

/// What is wrong with a body: the input to blame, what is wrong, what to do.
pub type Wrong = (&'static str, &'static str, &'static str);

/// Looks at the members of a body together; may fill in what follows from others.
pub type Together = fn(&mut Json) -> Result<(), Wrong>;

/// What the body of a write must look like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Members that must be there (JSON pointers, or names of `Parameters`), and what to do about a missing one.
    pub needs: &'static [(&'static str, &'static str)],
    /// Members that Halaxy passes over while it answers that all is well; they are refused here.
    pub passed_over: &'static [&'static str],
    /// The only members that may be sent; any if empty.
    pub only: &'static [&'static str],
    /// What the members have to do with each other: the input to blame, what is wrong, what to do.
    pub together: Option<Together>,
}

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// The action's name, e.g. `book-appointment`.
    pub action: &'static str,
    /// One of [`GROUPS`].
    pub group: &'static str,
    /// The resource type.
    pub resource: &'static str,
    /// What it does.
    pub operation: Operation,
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the base URL; `{id}` stands for an input.
    pub path: &'static str,
    /// Inputs of its own; searches take [`Endpoint::inputs`].
    pub own: &'static [Input],
    /// What the body must look like, for writes.
    pub rules: Rules,
    /// What it does, in one line.
    pub about: &'static str,
    /// What to know about Halaxy here; may be empty.
    pub note: &'static str,
    /// Inputs of an example, with ids as in the documentation.
    pub example: &'static [(&'static str, &'static str)],
    /// The body of the example as JSON, where inputs alone do not make one.
    pub example_body: &'static str,
}

impl Endpoint {
    /// Whether it changes anything in Halaxy.
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// Whether its answer is pages of records.
    pub fn lists(&self) -> bool {
        self.operation == Operation::List || self.action == "find-appointments"
    }

    /// All its inputs: its own, and for searches those that all searches take.
    pub fn inputs(&self) -> impl Iterator<Item = &'static Input> {
        let common = match self.operation {
            Operation::List => table::SEARCH,
            _ if self.lists() => table::PAGES,
            _ => &[],
        };
        self.own.iter().chain(common)
    }

    /// The input of that name.
    pub fn input(&self, name: &str) -> Option<&'static Input> {
        self.inputs().find(|input| input.name == name)
    }
}

/// The endpoint of an action.
pub fn endpoint(action: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.action == action)
}
