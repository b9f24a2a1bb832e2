//! What was posted of one patient's part in an appointment, and how far it got.

use super::activity::Activity;
use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far an activity got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Marked before the call that makes it; nobody has seen yet that it was made.
    Creating,
    /// It stands in the CRM.
    Posted,
    /// The CRM refused to make it.
    Unmade,
    /// Somebody deleted it in the CRM: it is not made again.
    Deleted,
}

/// A change that was marked before its call and is not settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing {
    /// Members were sent.
    Change(Activity),
    /// It was put to this contact.
    Attach(String),
    /// It was taken from this contact.
    Detach(String),
}

/// What the CRM refused. It is not sent again until something else is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was to be told.
    pub activity: Activity,
    /// The contact it was for.
    pub contact: String,
    /// The product's code.
    pub code: String,
}

/// One activity, as far as we know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Our key.
    pub key: String,
    /// Appointment id.
    pub appointment: String,
    /// Patient id.
    pub patient: String,
    /// How far it got.
    pub state: EntryState,
    /// Id in the CRM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Contacts it may stand with, and whether that is known.
    #[serde(default)]
    pub contacts: BTreeMap<String, bool>,
    /// What it tells, as we last wrote it.
    pub base: Activity,
    /// Whether it tells that: false after a change whose answer nobody saw.
    pub sure: bool,
    /// What is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Outgoing>,
    /// When the last call was marked.
    #[serde(default)]
    pub at: Time,
    /// How often it was put right in a row because it was changed in the CRM.
    #[serde(default)]
    pub restored: u8,
    /// What the CRM refused last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

impl Entry {
    /// One about to be made.
    pub fn creating(key: &str, appointment: &str, patient: &str, activity: Activity, contact: &str, at: Time) -> Entry {
        Entry {
            key: key.to_owned(),
            appointment: appointment.to_owned(),
            patient: patient.to_owned(),
            state: EntryState::Creating,
            remote_id: None,
            contacts: BTreeMap::from([(contact.to_owned(), true)]),
            base: activity,
            sure: true,
            outgoing: None,
            at,
            restored: 0,
            refused: None,
        }
    }

    /// Whether an answer is still to be found out.
    pub fn is_open(&self) -> bool {
        self.state == EntryState::Creating || self.outgoing.is_some()
    }

    /// It may be sent anew only when a call that was given up on cannot land any more: what it tells is then not
    /// known, and neither is whom it stands with.
    pub fn doubted(mut self) -> Entry {
        match self.outgoing.take() {
            Some(Outgoing::Change(sent)) => (self.base, self.sure) = (sent, false),
            Some(Outgoing::Attach(contact) | Outgoing::Detach(contact)) => {
                self.contacts.insert(contact, false);
            }
            None => {}
        }
        self
    }
}
