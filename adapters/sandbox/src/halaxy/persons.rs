//! What people do in Halaxy, and what the control API shows of it.

use serde_json::{Value, json};

use super::Halaxy;
use super::documents::kinds::kind as document_kind;
use super::patient::{self, Patient};
use crate::answer::Context;
use crate::control::ControlError;

impl Halaxy {
    /// Every record of a kind as the product shows it; removed ones only if asked, marked `"removed": true`.
    pub fn records(&self, kind: &str, base: &str, with_removed: bool) -> Vec<Value> {
        if let Some(kind) = document_kind(kind) {
            return self.document_records(kind, base, with_removed);
        }
        let live = self.patients.by_id().map(|patient| patient.shown(base, &self.switches));
        let removed = self.patients.removed().filter(|_| with_removed).map(|patient| {
            let mut shown = patient.shown(base, &self.switches);
            shown["removed"] = true.into();
            shown
        });
        live.chain(removed).collect()
    }

    /// One live record as the product shows it.
    pub fn record(&self, kind: &str, id: &str, base: &str) -> Option<Value> {
        if let Some(kind) = document_kind(kind) {
            return self.document_record(kind, id, base);
        }
        self.patients.shown(id.parse().ok()?, base, &self.switches)
    }

    /// A person types in a new patient.
    pub fn person_create(&mut self, body: &Value, cx: &mut Context<'_>) -> Result<String, ControlError> {
        let blank = json!({
            "active": true,
            "extension": [{"url": "https://terminology.halaxy.com/StructureDefinition/patient-status", "valueString": "current"}],
            "generalPractitioner": [{"reference": "Practitioner/PR-500001", "type": "Practitioner"}],
            "managingOrganization": {"reference": "Organization/PG-100001", "type": "Organization"}
        });
        let body = patient::edited(body, &blank, &self.switches).map_err(refusal)?;
        Ok(self.patients.add(&body, cx.now, cx.now).to_string())
    }

    /// A person changes a patient. Halaxy shows no author.
    pub fn person_edit(&mut self, id: &str, patch: &Value, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let number = id.parse().unwrap_or(0);
        let kept = self
            .patients
            .get(number)
            .map(Patient::body)
            .ok_or(ControlError::NotFound)?;
        let body = patient::edited(patch, &kept, &self.switches).map_err(refusal)?;
        let only_status = patch
            .as_object()
            .is_some_and(|members| members.keys().all(|name| name == "active" || name == "extension"));
        if only_status && !self.switches.status_moves_last_updated {
            self.patients.store_quietly(number, &body);
        } else {
            self.patients.store(number, &body, cx.now, false);
        }
        Ok(())
    }

    /// A person removes a patient.
    pub fn person_delete(&mut self, id: &str) -> Result<(), ControlError> {
        if self.patients.remove(id.parse().unwrap_or(0), None) {
            Ok(())
        } else {
            Err(ControlError::NotFound)
        }
    }

    /// A person merges two patients; blanks of the winner are filled from the loser.
    pub fn person_merge(&mut self, winner: &str, loser: &str, cx: &mut Context<'_>) -> Result<String, ControlError> {
        let (into, from) = (winner.parse().unwrap_or(0), loser.parse().unwrap_or(0));
        if into == from {
            return Err(ControlError::Refused("a record cannot be merged with itself".into()));
        }
        let mut body = self
            .patients
            .get(into)
            .map(Patient::body)
            .ok_or(ControlError::NotFound)?;
        let other = self
            .patients
            .get(from)
            .map(Patient::body)
            .ok_or(ControlError::NotFound)?;
        if let (Some(members), Value::Object(other)) = (body.as_object_mut(), other) {
            for (name, value) in other {
                members.entry(name).or_insert(value);
            }
        }
        self.patients.remove(from, Some(into));
        self.patients.store(into, &body, cx.now, true);
        Ok(winner.to_owned())
    }
}

fn refusal(refused: patient::Refused) -> ControlError {
    ControlError::Refused(format!("{}: {}", refused.at, refused.text))
}
