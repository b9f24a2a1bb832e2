//! What of Halaxy's records is mirrored (halaxy-api.md sections 7 and 10).
//!
//! Notes cannot be read and are not mirrored; slots are many, short-lived and follow from schedules and appointments.
//! A link into a video consultation is a bearer secret (competitors.md section 6) and is kept nowhere; attachments and
//! healthcare identifiers (IHI) neither.

use crate::links;
use adapter_kit::mirror::MirrorRules;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Kinds that can be mirrored, what others refer to first.
const KINDS: [&str; 13] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "HealthcareService",
    "ChargeItemDefinition",
    "ReferralDefinition",
    "Schedule",
    "Coverage",
    "Referral",
    "Appointment",
    "Invoice",
    "InvoiceLine",
    "PaymentTransaction",
];

/// Members that are not kept, wherever they stand.
const NEVER: [&str; 4] = ["attachments", "attachment", "photo", "virtualService"];

/// Halaxy's rules for the mirror.
#[derive(Clone, Copy, Debug, Default)]
pub struct HalaxyMirror;

impl MirrorRules for HalaxyMirror {
    fn kinds(&self) -> &'static [&'static str] {
        &KINDS
    }

    fn person_kind(&self) -> &'static str {
        "Patient"
    }

    fn keep(&self, _kind: &str, mut body: Json) -> Json {
        bridge_core::deny::redact(&mut body);
        redact(&mut body);
        links::leave_out(&mut body);
        body
    }

    fn people(&self, _kind: &str, body: &Json) -> BTreeSet<String> {
        let mut people = BTreeSet::new();
        patients(body, &mut people);
        people
    }

    fn by_person(&self) -> &'static [&'static str] {
        &["Appointment", "Invoice"]
    }

    fn version(&self) -> u32 {
        1
    }
}

fn redact(value: &mut Json) {
    match value {
        Json::Object(members) => {
            members.retain(|name, _| !NEVER.contains(&name.as_str()));
            members.values_mut().for_each(redact);
        }
        Json::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

fn patients(value: &Json, into: &mut BTreeSet<String>) {
    match value {
        Json::Object(members) => {
            let reference = members.get("reference").and_then(Json::as_str).unwrap_or_default();
            let mut parts = reference.rsplit('/');
            if let (Some(id), Some("Patient")) = (parts.next(), parts.next()) {
                into.insert(id.to_string());
            }
            members.values().for_each(|value| patients(value, into));
        }
        Json::Array(items) => items.iter().for_each(|item| patients(item, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_attachments_and_identifiers_are_not_kept_and_references_are() {
        let kept = HalaxyMirror.keep(
            "Appointment",
            json!({
                "id": "1",
                "description": "Join (https://video.example/j/secret?p=1), bring the letter",
                "comment": "www.video.example/secret",
                "virtualService": [{"addressUrl": "https://video.example/j/secret"}],
                "extension": [
                    {"url": "https://x.example/StructureDefinition/link", "valueUrl": "https://video.example/j/secret"},
                    {"url": "http://ns.electronichealth.net.au/id/hi/ihi/1.0", "valueString": "8003600000000000"},
                ],
                "attachments": [{"data": "AAAA"}],
                "participant": [{"actor": {"reference": "https://au-api.halaxy.com/main/Patient/900001"}}],
            }),
        );
        assert_eq!(
            kept,
            json!({
                "id": "1",
                "description": "Join ([link left out]), bring the letter",
                "comment": "[link left out]",
                "extension": [{"url": "https://x.example/StructureDefinition/link", "valueUrl": "[link left out]"}],
                "participant": [{"actor": {"reference": "https://au-api.halaxy.com/main/Patient/900001"}}],
            })
        );
        assert_eq!(
            HalaxyMirror.people("Appointment", &kept),
            BTreeSet::from(["900001".to_string()])
        );
    }
}
