//! What people do with the CRM's meetings or appointments.

use serde_json::Value;

use crate::control::ControlError;
use crate::sandbox::{Crm, Sandbox};

/// The kinds: the HubSpot-shaped CRM has meetings, the plain one appointments.
const KINDS: [&str; 2] = ["meetings", "appointments"];

/// Whether a system and kind name the CRM's activities.
pub(crate) fn are_activities(system: &str, kind: &str) -> bool {
    system == "crm" && KINDS.contains(&kind)
}

impl Crm {
    /// Its activities as it shows them, with their contacts; none if it has no such kind.
    pub(crate) fn activity_records(&self, kind: &str, with_removed: bool) -> Option<Vec<Value>> {
        match (self, kind) {
            (Crm::Hubspot(hubspot), "meetings") => Some(hubspot.meeting_records(with_removed)),
            (Crm::Plain(plain), "appointments") => Some(plain.appointment_records(with_removed)),
            _ => None,
        }
    }
}

impl Sandbox {
    pub(crate) fn create_activity(&self, kind: &str, body: &Value) -> Result<String, ControlError> {
        self.at_crm(|crm, cx| match (crm, kind) {
            (Crm::Hubspot(hubspot), "meetings") => hubspot.person_meets(body, cx),
            (Crm::Plain(plain), "appointments") => plain.person_books(body, cx.now),
            _ => Err(ControlError::NotFound),
        })
    }

    pub(crate) fn edit_activity(&self, kind: &str, id: &str, patch: &Value) -> Result<(), ControlError> {
        self.at_crm(|crm, cx| match (crm, kind) {
            (Crm::Hubspot(hubspot), "meetings") => hubspot.person_edits_meeting(id, patch, cx),
            (Crm::Plain(plain), "appointments") => plain.person_rebooks(id, patch, cx.now),
            _ => Err(ControlError::NotFound),
        })
    }

    pub(crate) fn delete_activity(&self, kind: &str, id: &str) -> Result<(), ControlError> {
        self.at_crm(|crm, cx| match (crm, kind) {
            (Crm::Hubspot(hubspot), "meetings") => hubspot.person_deletes_meeting(id, cx),
            (Crm::Plain(plain), "appointments") => plain.person_strikes(id, cx.now),
            _ => Err(ControlError::NotFound),
        })
    }
}
