//! What was told of one referrer, and how far it got.

use super::field::{Fields, Sort};
use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far a record got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Marked before the call that makes it; nobody has seen yet that it was made.
    Creating,
    /// It stands in the CRM.
    Posted,
    /// It was not made: the CRM refused, or it must be somebody's decision.
    Unmade,
    /// Somebody deleted it in the CRM: it is not made again.
    Deleted,
}

/// Why something was not done. It is tried again when something else is to be told, or after a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was to be told.
    pub fields: Fields,
    /// The product's code, or one of ours.
    pub code: String,
}

/// One record, as far as we know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Our key.
    pub key: String,
    /// Of whom.
    pub sort: Sort,
    /// Halaxy's id.
    pub id: String,
    /// How far it got.
    pub state: EntryState,
    /// Id in the CRM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// What it holds, as we last wrote it; a field of which that is not known is not here.
    pub base: Fields,
    /// What is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Fields>,
    /// Records of practices that it was put to by calls of their own, and was not taken from since: ids of the CRM.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stands: BTreeSet<String>,
    /// The one of them that it is being taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<String>,
    /// When the last call was marked.
    #[serde(default)]
    pub at: Time,
    /// What was refused last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

impl Entry {
    /// One about to be made.
    pub fn creating(key: &str, sort: Sort, id: &str, fields: Fields, at: Time) -> Entry {
        Entry {
            key: key.to_owned(),
            sort,
            id: id.to_owned(),
            state: EntryState::Creating,
            remote_id: None,
            base: fields,
            outgoing: None,
            stands: BTreeSet::new(),
            leaving: None,
            at,
            refused: None,
        }
    }

    /// Whether an answer is still to be found out.
    pub fn is_open(&self) -> bool {
        self.state == EntryState::Creating || self.outgoing.is_some() || self.leaving.is_some()
    }

    /// Its last change may or may not have landed, and cannot land any more.
    pub fn doubted(mut self) -> Entry {
        for field in self.outgoing.take().into_iter().flat_map(Fields::into_keys) {
            self.base.remove(&field);
        }
        // It is taken from that practice again: what is away already is done.
        self.leaving = None;
        self
    }
}
