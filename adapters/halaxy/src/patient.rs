//! A thin typed view of a Patient (halaxy-api.md section 7.1). The body stays as received, so that
//! members nobody knows yet survive the next write.

use crate::bundle::id_of;
use serde_json::Value as Json;

/// Extension that carries the status of a patient.
pub const PATIENT_STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/patient-status";

/// A Patient as received, with its parts by name.
#[derive(Clone, Copy, Debug)]
pub struct PatientView<'a>(pub &'a Json);

impl<'a> PatientView<'a> {
    /// The id.
    pub fn id(self) -> Option<String> {
        id_of(self.0)
    }

    /// The name of this use: `official` (legal) or `usual` (preferred). The order says nothing.
    pub fn name(self, usage: &str) -> Option<&'a Json> {
        self.0["name"].as_array()?.iter().find(|name| name["use"] == usage)
    }

    /// The first contact point of this system: `sms` (mobile), `phone` (landline), `fax`, `email`.
    pub fn telecom(self, system: &str) -> Option<&'a str> {
        self.0["telecom"]
            .as_array()?
            .iter()
            .find(|point| point["system"] == system)?["value"]
            .as_str()
    }

    /// Birth date, `YYYY-MM-DD`.
    pub fn birth_date(self) -> Option<&'a str> {
        self.0["birthDate"].as_str()
    }

    /// `male`, `female`, `other` or a custom text.
    pub fn gender(self) -> Option<&'a str> {
        self.0["gender"].as_str()
    }

    /// The status: current, contact, claimant, archived, blocked, deceased, or a custom one.
    pub fn status(self) -> Option<&'a str> {
        let extensions = self.0["extension"].as_array()?;
        extensions.iter().find(|extension| extension["url"] == PATIENT_STATUS)?["valueString"].as_str()
    }

    /// Whether the patient is current, a claimant or a contact; `None` if not told.
    pub fn active(self) -> Option<bool> {
        self.0["active"].as_bool()
    }

    /// `meta.lastUpdated` as spelt.
    pub fn last_updated(self) -> Option<&'a str> {
        self.0["meta"]["lastUpdated"].as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_found_by_what_they_are_not_by_where_they_stand() {
        let body = json!({"resourceType": "Patient", "id": "900001", "active": true,
            "extension": [{"url": "https://example.org/other", "valueString": "x"}, {"url": PATIENT_STATUS, "valueString": "current"}],
            "name": [{"use": "usual", "given": ["Mimi"]}, {"use": "official", "family": "Samplewood"}],
            "telecom": [{"system": "email", "value": "mimi@example.org"}, {"system": "sms", "value": "+61491570006"}]});
        let patient = PatientView(&body);
        assert_eq!(patient.name("official").expect("a name")["family"], "Samplewood");
        assert_eq!(patient.telecom("sms"), Some("+61491570006"));
        assert_eq!(patient.telecom("fax"), None);
        assert_eq!(patient.status(), Some("current"));
        assert_eq!(patient.id().as_deref(), Some("900001"));
    }
}
