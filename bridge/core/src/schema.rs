//! What a synchronised entity is made of: its units with their policies, and the systems that
//! take part. A [`Schema`] is built when the configuration is loaded and never changes after.

use crate::condition::Condition;
use crate::entity::Author;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a unit's value is spelt canonically, and which raw spellings are read as it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitType {
    /// Text; runs of white space are one space.
    Text,
    /// A person's name: parts `given` (all given names, space separated) and `family`.
    Name,
    /// ISO 8601 calendar date, `YYYY-MM-DD`.
    Date,
    /// ISO 8601 month, `YYYY-MM`.
    Month,
    /// E.164 phone number; the practice's country is the default region.
    Phone,
    /// E-mail address, lower case.
    Email,
    /// Postal address: parts `line`, `city`, `state`, `postcode`, `country`.
    Address,
    /// True or false.
    Boolean,
    /// One of an open set of codes; unknown codes are kept as they are.
    Code,
    /// The id of another record: the last path segment of a reference.
    Reference,
}

/// Privacy class of a unit. A system receives only the classes its `may_receive` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Who somebody is: name, birth date, sex, numbers.
    Identity,
    /// How to reach somebody.
    Contact,
    /// Money.
    Financial,
    /// When somebody comes.
    Appointment,
    /// Health information.
    Clinical,
}

/// Who wins where two systems changed a unit differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wins {
    /// Nobody: a person decides.
    Review,
    /// The edit that the bridge's own clock proves to be the later one; a person where nothing is proved.
    Newest,
    /// The named system, where it is a contender.
    System(String),
    /// Consent to marketing: whoever says out ([`crate::consent`]).
    OptOut(OptOut),
}

/// What makes a unit of consent out, beside what is said of the unit itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptOut {
    /// Units of consent that cover this one: it is out where one of them is.
    pub covered_by: Vec<String>,
    /// The state of a person who is not to be reached, e.g. `status in ['blocked', 'deceased']`.
    pub suppress_when: Option<Condition>,
}

/// May an emptied value travel?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clear {
    /// Yes, like any other value.
    Yes,
    /// No: the value is put back.
    No,
    /// Only when a person says so.
    Review,
}

/// Whether an edit made in a system is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Taken.
    Yes,
    /// Only a person can let it win.
    Review,
    /// Never: the agreed value is put back, the attempt is noted.
    No,
}

/// [`Accept`] by who made the edit, where the product tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptRule {
    /// An edit typed by a person of the practice.
    pub person: Accept,
    /// An edit by a form, an import, an automation or another integration.
    pub automation: Accept,
    /// The product does not tell.
    pub unknown: Accept,
}

impl AcceptRule {
    /// The same answer whoever made the edit.
    pub const fn always(accept: Accept) -> Self {
        Self {
            person: accept,
            automation: accept,
            unknown: accept,
        }
    }

    /// The answer for an edit of that author.
    pub const fn of(&self, author: Author) -> Accept {
        match author {
            Author::Person => self.person,
            Author::Automation => self.automation,
            Author::Unknown => self.unknown,
        }
    }
}

/// One unit of an entity with its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Name, unique in the entity.
    pub name: String,
    /// Canonical spelling.
    pub kind: UnitType,
    /// Privacy class.
    pub class: Class,
    /// Merged element by element.
    pub set: bool,
    /// Who wins a true conflict.
    pub wins: Wins,
    /// Who wins where two newly linked records differ (never [`Wins::Newest`]).
    pub first_link: Wins,
    /// May an emptied value travel?
    pub clear: Clear,
}

/// One system that takes part in the sync of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The system's name in the configuration.
    pub system: String,
    /// Remote kind that holds the entity there, e.g. `Patient`, `contacts`.
    pub kind: String,
    /// Units that may be written there: mapped, writable there, and of a permitted class.
    pub receives: BTreeSet<String>,
    /// Whether an edit made there is taken, per unit. Units without an entry are not read.
    pub accepts: BTreeMap<String, AcceptRule>,
    /// A missing record may be created there, if this condition holds. `None`: never.
    pub create: Option<Condition>,
    /// The unit whose value records there keep as our reference (e.g. a unique property with the
    /// patient's number), so that a create whose answer was lost can be looked up.
    pub reference: Option<String>,
    /// How long a list or search may take to show a write, microseconds.
    pub lag: i64,
    /// Units whose value may stand on one record only (e.g. `email` in HubSpot).
    pub unique: BTreeSet<String>,
}

/// Units and parties of one entity type; everything the planner needs beside the entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Entity type, e.g. `person`.
    pub entity: String,
    /// Units in the order of the entity file.
    pub units: Vec<Unit>,
    /// Parties, sorted by system name.
    pub parties: Vec<Party>,
    /// How many times two values may alternate on a link before the unit is held.
    pub swings: usize,
}

impl Schema {
    /// The unit of that name.
    pub fn unit(&self, name: &str) -> Option<&Unit> {
        self.units.iter().find(|u| u.name == name)
    }

    /// The party of that system.
    pub fn party(&self, system: &str) -> Option<&Party> {
        self.parties.iter().find(|p| p.system == system)
    }
}
