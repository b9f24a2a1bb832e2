//! A desk with patients, and one of them.

use crate::common::Desk;
use adapter_sandbox::{CrmKind, Manners};
use serde_json::{Value, json};

pub async fn desk(patients: usize) -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, patients, 0).await
}

pub fn mimi() -> Value {
    json!({
        "resourceType": "Patient",
        "active": false,
        "identifier": [{"value": "X"}],
        "generalPractitioner": [{"reference": "Practitioner/PR-9"}],
        "name": [
            {"use": "official", "given": ["Miriam"], "family": "Samplewood"},
            {"use": "usual", "given": ["Mimi"]}
        ],
        "telecom": [{"system": "sms", "use": "mobile", "value": "+61 491 570 006"}],
        "birthDate": "1988-04-17"
    })
}
