//! What people do with meetings at the screen, and what tests see of them.

use super::super::Hubspot;
use super::WITH_CONTACT;
use crate::answer::Context;
use crate::control::ControlError;
use serde_json::{Value, json};

impl Hubspot {
    /// Every meeting with its contacts; archived ones only if asked.
    pub fn meeting_records(&self, with_removed: bool) -> Vec<Value> {
        let all = self.meetings.all.values();
        all.filter(|meeting| with_removed || meeting.archived.is_none())
            .map(|meeting| {
                let mut shown = self.shown_of(meeting, None);
                shown["associations"] = self.meeting_contacts(meeting.id);
                shown
            })
            .collect()
    }

    /// A person makes a meeting: `properties`, and `contacts` with ids.
    pub fn person_meets(&mut self, body: &Value, cx: &mut Context<'_>) -> Result<String, ControlError> {
        let contacts = body["contacts"].as_array().into_iter().flatten();
        let with: Vec<Value> = contacts
            .map(|contact| {
                json!({"to": {"id": contact}, "types": [
                    {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": WITH_CONTACT}]})
            })
            .collect();
        let sent = json!({"properties": body["properties"], "associations": with});
        Ok(self.meeting_create(&sent, cx)?.to_string())
    }

    /// A person changes a meeting's properties.
    pub fn person_edits_meeting(&mut self, id: &str, patch: &Value, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let own = self.meeting_named(id, None, false)?;
        let properties = patch.get("properties").unwrap_or(patch);
        Ok(self.meeting_update(own, properties, cx)?)
    }

    /// A person deletes a meeting, which archives it.
    pub fn person_deletes_meeting(&mut self, id: &str, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let own = self.meeting_named(id, None, false)?;
        self.meeting_archive(own, cx);
        Ok(())
    }
}
