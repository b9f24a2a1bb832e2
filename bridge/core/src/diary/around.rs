//! Names of what appointments refer to: places, practitioners, appointment types.

use super::visit::{Visit, linked};
use super::{Mode, wording::without_links};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Kinds of records that the diary reads, appointments first.
pub const KINDS: [&str; 5] = [
    "Appointment",
    "HealthcareService",
    "PractitionerRole",
    "Practitioner",
    "Organization",
];

/// Everything around appointments, by id.
#[derive(Clone, Debug, Default)]
pub struct Around {
    services: BTreeMap<String, String>,
    organizations: BTreeMap<String, String>,
    practitioners: BTreeMap<String, String>,
    /// Role to practitioner and organisation.
    roles: BTreeMap<String, (Option<String>, Option<String>)>,
}

impl Around {
    /// Takes a record in; says whether anything is known now that was not before. A record that is gone keeps its name,
    /// since appointments of the past go on referring to it.
    pub fn take(&mut self, kind: &str, id: &str, body: &Json) -> bool {
        let names = match kind {
            "HealthcareService" => &mut self.services,
            "Organization" => &mut self.organizations,
            "Practitioner" => &mut self.practitioners,
            "PractitionerRole" => {
                let of = |member: &str| linked(&body[member]).map(|(_, id)| id.to_owned());
                let both = (of("practitioner"), of("organization"));
                return self.roles.insert(id.to_owned(), both.clone()) != Some(both);
            }
            _ => return false,
        };
        let name = match kind {
            "Practitioner" => person(body),
            _ => body["name"].as_str().map(str::to_owned),
        };
        match name
            .map(|name| without_links(name.trim()))
            .filter(|name| !name.is_empty())
        {
            Some(name) => names.insert(id.to_owned(), name.clone()) != Some(name),
            None => false,
        }
    }

    /// The practitioner and the organisation, by id, that a visit refers to through the role that holds it.
    pub fn refers(&self, visit: &Visit) -> (Option<&str>, Option<&str>) {
        let role = visit.role.as_ref().and_then(|role| self.roles.get(role));
        role.map_or((None, None), |(who, place)| (who.as_deref(), place.as_deref()))
    }

    /// The name of an appointment type.
    pub fn service(&self, visit: &Visit) -> Option<&str> {
        self.services.get(visit.service.as_ref()?).map(String::as_str)
    }

    /// The name of the place where the practitioner of a visit works.
    pub fn place(&self, visit: &Visit) -> Option<&str> {
        let (_, organization) = self.roles.get(visit.role.as_ref()?)?;
        self.organizations.get(organization.as_ref()?).map(String::as_str)
    }

    /// The name of a visit's practitioner.
    pub fn practitioner(&self, visit: &Visit) -> Option<&str> {
        let (practitioner, _) = self.roles.get(visit.role.as_ref()?)?;
        self.practitioners.get(practitioner.as_ref()?).map(String::as_str)
    }

    /// How a visit takes place: by its own word, or by what the name of its type tells.
    pub fn mode(&self, visit: &Visit) -> Option<Mode> {
        visit
            .mode
            .or_else(|| self.service(visit).and_then(Mode::of_service_name))
    }
}

fn person(body: &Json) -> Option<String> {
    let all = body["name"].as_array()?;
    let official = all.iter().find(|name| name["use"] == "official");
    let name = official.or_else(|| all.first())?;
    if let Some(text) = name["text"].as_str() {
        return Some(text.to_owned());
    }
    let given = name["given"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let words: Vec<&str> = given.chain(name["family"].as_str()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
