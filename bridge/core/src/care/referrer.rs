//! Who refers: professional contacts (`EP-`) at their practices (`SP-`), as rows that a CRM imports (halaxy-api.md 7.2).

use super::body::{link, text};
use super::referral::Referral;
use crate::codec::{Country, e164, national};
use crate::ledger::sheet::Sheet;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A referrer as a CRM's company or contact. Holds nothing of the patients but how many there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Referrer {
    /// Our own reference, `halaxy:PractitionerRole/EP-720001`: what an import is matched by, so that it stays one record.
    pub reference: String,
    /// Title, e.g. Dr.
    pub title: String,
    /// Given names.
    pub given: String,
    /// Family name.
    pub family: String,
    /// E-mail address at work.
    pub email: String,
    /// Phone number at work, in E.164 where it is one.
    pub phone: String,
    /// The practice they work at: our own reference.
    pub practice_reference: String,
    /// Its name.
    pub practice: String,
    /// Street and suburb of it.
    pub street: String,
    /// Suburb.
    pub city: String,
    /// State.
    pub state: String,
    /// Postcode.
    pub postcode: String,
    /// Still works there, as Halaxy says.
    pub active: bool,
    /// Referrals they made.
    pub referrals: u64,
    /// First day of the newest of them.
    pub newest: String,
}

/// Rows of all professional contacts, from bodies of PractitionerRole, Practitioner and Organization. The practice's own
/// people (`PR-`) are none. Those who referred most come first.
pub fn referrers(
    roles: &[Json],
    practitioners: &[Json],
    organisations: &[Json],
    referrals: &[Referral],
    country: Country,
) -> Vec<Referrer> {
    let by_id = |all: &'_ [Json]| -> BTreeMap<String, Json> {
        let one = |body: &Json| Some((text(&body["id"])?, body.clone()));
        all.iter().filter_map(one).collect()
    };
    let (people, places) = (by_id(practitioners), by_id(organisations));
    let mut made: BTreeMap<&str, (u64, Option<jiff::civil::Date>)> = BTreeMap::new();
    for referral in referrals {
        if let Some(who) = &referral.requester {
            let entry = made.entry(who).or_default();
            entry.0 += 1;
            entry.1 = entry.1.max(referral.from);
        }
    }
    let mut rows: Vec<Referrer> = roles
        .iter()
        .filter_map(|role| {
            let id = text(&role["id"]).filter(|id| id.starts_with("EP-"))?;
            let person = link(&role["practitioner"]).and_then(|(_, id)| people.get(&id));
            let place = link(&role["organization"]).and_then(|(_, id)| Some((id.clone(), places.get(&id)?)));
            let (count, newest) = made.get(id.as_str()).copied().unwrap_or_default();
            let mut row = Referrer {
                reference: format!("halaxy:PractitionerRole/{id}"),
                active: role["active"] != Json::Bool(false),
                referrals: count,
                newest: newest.map(|day| day.to_string()).unwrap_or_default(),
                ..Referrer::default()
            };
            let bodies: Vec<&Json> = [Some(role), person, place.as_ref().map(|(_, body)| *body)]
                .into_iter()
                .flatten()
                .collect();
            row.email = telecom(&bodies, &["email"]);
            let phone = telecom(&bodies, &["phone", "sms"]);
            row.phone = e164(&phone, country).unwrap_or(phone);
            if let Some(person) = person {
                let name = official(&person["name"]);
                row.title = joined(&name["prefix"]);
                row.given = joined(&name["given"]);
                row.family = text(&name["family"]).unwrap_or_default();
            }
            if let Some((id, place)) = place {
                let address = &place["address"][0];
                row.practice_reference = format!("halaxy:Organization/{id}");
                row.practice = text(&place["name"]).unwrap_or_default();
                row.street = joined(&address["line"]);
                row.city = text(&address["city"]).unwrap_or_default();
                row.state = text(&address["state"]).unwrap_or_default();
                row.postcode = text(&address["postalCode"]).unwrap_or_default();
            }
            Some(row)
        })
        .collect();
    rows.sort_by(|a, b| (b.referrals, &a.reference).cmp(&(a.referrals, &b.reference)));
    rows
}

/// The rows as a table, phone numbers as they are dialled at home: a spreadsheet takes a leading plus for a formula.
pub fn sheet(rows: &[Referrer], country: Country) -> Sheet {
    let mut sheet = Sheet::new(&[
        "Reference",
        "Title",
        "Given",
        "Family",
        "Email",
        "Phone",
        "Practice reference",
        "Practice",
        "Street",
        "City",
        "State",
        "Postcode",
        "Active",
        "#Referrals",
        "Newest",
    ]);
    for r in rows {
        let active = if r.active { "yes" } else { "no" };
        let phone = national(&r.phone, country).unwrap_or_else(|| r.phone.clone());
        let texts = [
            &r.reference,
            &r.title,
            &r.given,
            &r.family,
            &r.email,
            &phone,
            &r.practice_reference,
            &r.practice,
            &r.street,
            &r.city,
            &r.state,
            &r.postcode,
        ];
        let rest = [active.to_owned(), r.referrals.to_string(), r.newest.clone()];
        sheet.push(texts.into_iter().cloned().chain(rest));
    }
    sheet
}

pub(super) fn official(names: &Json) -> &Json {
    let all = names.as_array().map_or(&[][..], Vec::as_slice);
    let official = all.iter().find(|name| name["use"] == "official");
    official.or_else(|| all.first()).unwrap_or(&Json::Null)
}

pub(super) fn joined(words: &Json) -> String {
    let all = words.as_array().into_iter().flatten().filter_map(text);
    all.collect::<Vec<_>>().join(" ")
}

/// The first number or address of these kinds, in the order of the bodies.
pub(super) fn telecom(bodies: &[&Json], systems: &[&str]) -> String {
    let all = bodies
        .iter()
        .flat_map(|body| body["telecom"].as_array().into_iter().flatten());
    let of = |one: &&Json| systems.iter().any(|system| one["system"] == *system);
    all.filter(of).find_map(|one| text(&one["value"])).unwrap_or_default()
}
