//! At which of a practice's locations somebody is seen. Halaxy has no records of locations: clinics are organizations, a
//! practitioner role is one practitioner at one of them, and an appointment names roles and patients (halaxy-api.md
//! sections 7.2 and 7.3).

use crate::diary::linked;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The unit that names the organization which manages a person.
pub const UNIT: &str = "practice_location";

/// What the ids of practice groups begin with (halaxy-api.md section 7.1).
const GROUP: &str = "PG-";

/// What an organization is to somebody's whereabouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// A whole practice group, of which every patient has one: it tells of no clinic.
    Group,
    /// One location.
    Location,
}

impl Belongs {
    /// By the organization's id.
    pub fn of(organization: &str) -> Belongs {
        if organization.starts_with(GROUP) {
            Belongs::Group
        } else {
            Belongs::Location
        }
    }
}

/// Whom an appointment names, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// Patients.
    pub patients: BTreeSet<String>,
    /// Practitioner roles.
    pub roles: BTreeSet<String>,
}

impl Stay {
    /// Reads an appointment's body; what is not understood is passed over.
    pub fn read(body: &Json) -> Stay {
        let mut stay = Stay::default();
        for part in body["participant"].as_array().into_iter().flatten() {
            match linked(&part["actor"]) {
                Some(("Patient", id)) => _ = stay.patients.insert(id.to_owned()),
                Some(("PractitionerRole", id)) => _ = stay.roles.insert(id.to_owned()),
                _ => {}
            }
        }
        stay
    }
}

/// The organization that a body's member refers to: a role's `organization`, an organization's `partOf`.
pub fn organization<'b>(body: &'b Json, member: &str) -> Option<&'b str> {
    match linked(&body[member])? {
        ("Organization", id) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_appointment_names_patients_and_roles_and_a_role_its_clinic() {
        let body = json!({"participant": [
            {"actor": {"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-700001"}},
            {"actor": {"reference": "Patient/900001"}},
            {"actor": {"reference": "Patient/900001"}},
            {"actor": {"display": "nobody"}},
        ]});
        let stay = Stay::read(&body);
        assert_eq!(stay.patients, BTreeSet::from(["900001".to_string()]));
        assert_eq!(stay.roles, BTreeSet::from(["PR-700001".to_string()]));
        assert_eq!(Stay::read(&json!({"participant": "x"})), Stay::default());
        let role = json!({"organization": {"reference": "Organization/CL-200001"}, "practitioner": {"reference": "Practitioner/PR-1"}});
        assert_eq!(organization(&role, "organization"), Some("CL-200001"));
        assert_eq!(organization(&role, "practitioner"), None);
        assert_eq!(Belongs::of("PG-100001"), Belongs::Group);
        assert_eq!(Belongs::of("CL-200001"), Belongs::Location);
    }
}
