//! What Halaxy shows of referrers and their referrals, and what a CRM should hold by that.

use super::super::body::{link, text};
use super::super::referrer::{joined, official, telecom};
use super::field::{Field, Fields, Sort};
use crate::codec::{Country, e164};
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of records that all of it is read from.
pub const KINDS: [&str; 4] = ["Organization", "Practitioner", "PractitionerRole", "Referral"];

/// What the practice decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whose records there are.
    pub sorts: BTreeSet<Sort>,
    /// Also professional contacts who never referred.
    pub all: bool,
    /// Whether it is told how many they referred, and when last.
    pub counts: bool,
    /// The practice's country, for phone numbers.
    pub country: Country,
}

/// One record as the CRM should hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Our key.
    pub key: String,
    /// Of whom.
    pub sort: Sort,
    /// Halaxy's id: `EP-...` or `SP-...`.
    pub id: String,
    /// What it holds. [`Field::PracticeRecord`] is not here: the CRM's ids are known to the plan alone.
    pub fields: Fields,
    /// All provider numbers of a person.
    pub numbers: BTreeSet<String>,
    /// The practice a person works at, by its key.
    pub practice: Option<String>,
    /// Whether a record may be made: they refer, and are active. Records there are are kept up all the same.
    pub make: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Person {
    title: String,
    given: String,
    family: String,
    email: String,
    phone: String,
    active: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Role {
    person: Option<String>,
    place: Option<String>,
    number: String,
    email: String,
    phone: String,
    active: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    name: String,
    email: String,
    phone: String,
    street: String,
    city: String,
    state: String,
    postcode: String,
    active: bool,
}

/// The facts, as far as they are needed. Of a referral nothing is kept but who made it and its first day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    people: BTreeMap<String, Person>,
    roles: BTreeMap<String, Role>,
    places: BTreeMap<String, Place>,
    made: BTreeMap<String, (String, Option<Date>)>,
}

/// How many, and when last.
#[derive(Clone, Copy, Default)]
struct Count {
    all: u64,
    month: u64,
    year: u64,
    last: Option<Date>,
}

impl Count {
    fn add(&mut self, from: Option<Date>, today: Date) {
        self.all += 1;
        let Some(from) = from else { return };
        self.year += u64::from(from.year() == today.year());
        self.month += u64::from((from.year(), from.month()) == (today.year(), today.month()));
        self.last = self.last.max(Some(from));
    }
}

/// Our key of a referrer's record.
fn key(id: &str) -> String {
    format!("halaxy-referrer-{id}")
}

impl Known {
    /// Takes in a record of one of [`KINDS`]; whether anything that matters is another than before.
    pub fn take(&mut self, kind: &str, id: &str, body: &Json, gone: bool) -> bool {
        let all = std::slice::from_ref(&body);
        match kind {
            "Practitioner" if id.starts_with("EP-") => {
                let name = official(&body["name"]);
                let person = Person {
                    title: joined(&name["prefix"]),
                    given: joined(&name["given"]),
                    family: text(&name["family"]).unwrap_or_default(),
                    email: telecom(all, &["email"]),
                    phone: telecom(all, &["phone", "sms"]),
                    active: !gone && body["active"] != Json::Bool(false),
                };
                let before = self.people.insert(id.to_owned(), person.clone());
                before.as_ref() != Some(&person)
            }
            "PractitionerRole" if id.starts_with("EP-") => {
                let role = Role {
                    person: link(&body["practitioner"]).map(|(_, id)| id),
                    place: link(&body["organization"]).map(|(_, id)| id),
                    number: number(body),
                    email: telecom(all, &["email"]),
                    phone: telecom(all, &["phone", "sms"]),
                    active: !gone && body["active"] != Json::Bool(false),
                };
                let before = self.roles.insert(id.to_owned(), role.clone());
                before.as_ref() != Some(&role)
            }
            "Organization" if id.starts_with("SP-") => {
                let address = &body["address"][0];
                let member = |name: &str| text(&address[name]).unwrap_or_default();
                let place = Place {
                    name: text(&body["name"]).unwrap_or_default(),
                    email: telecom(all, &["email"]),
                    phone: telecom(all, &["phone", "sms"]),
                    street: joined(&address["line"]),
                    city: member("city"),
                    state: member("state"),
                    postcode: member("postalCode"),
                    active: !gone && body["active"] != Json::Bool(false),
                };
                let before = self.places.insert(id.to_owned(), place.clone());
                before.as_ref() != Some(&place)
            }
            "Referral" => {
                let by = link(&body["requester"]).map(|(_, id)| id).filter(|_| !gone);
                let before = match by.filter(|id| id.starts_with("EP-")) {
                    Some(by) => {
                        let now = (by, first_day(body));
                        let before = self.made.insert(id.to_owned(), now.clone());
                        return before != Some(now);
                    }
                    None => self.made.remove(id),
                };
                before.is_some()
            }
            _ => false,
        }
    }

    /// The records that there should be, practices first. `today` is the practice's day.
    pub fn wanted(&self, rules: &Rules, today: Date) -> Vec<Wanted> {
        let (mut of_person, mut of_place) = (BTreeMap::<&str, Count>::new(), BTreeMap::<&str, Count>::new());
        let mut newest: BTreeMap<&str, Option<Date>> = BTreeMap::new();
        for (by, from) in self.made.values() {
            let Some(role) = self.roles.get(by) else { continue };
            if let Some(person) = &role.person {
                of_person.entry(person).or_default().add(*from, today);
            }
            if let Some(place) = &role.place {
                of_place.entry(place).or_default().add(*from, today);
            }
            let last = newest.entry(by).or_default();
            *last = (*last).max(*from);
        }
        let mut all = Vec::new();
        if rules.sorts.contains(&Sort::Practice) {
            let practice = |(id, place): (&String, &Place)| {
                let count = of_place.get(id.as_str()).copied().unwrap_or_default();
                practice(id, place, count, rules)
            };
            all.extend(self.places.iter().map(practice));
        }
        if rules.sorts.contains(&Sort::Person) {
            let mut roles_of: BTreeMap<&str, Vec<(&String, &Role)>> = BTreeMap::new();
            for (id, role) in &self.roles {
                if let Some(person) = &role.person {
                    roles_of.entry(person).or_default().push((id, role));
                }
            }
            for (id, person) in &self.people {
                let mut roles = roles_of.remove(id.as_str()).unwrap_or_default();
                // Where they refer from now: an active role, the one of the newest referral.
                roles.sort_by_key(|(id, role)| {
                    let last = newest.get(id.as_str()).copied().flatten();
                    (!role.active, std::cmp::Reverse(last), *id)
                });
                let count = of_person.get(id.as_str()).copied().unwrap_or_default();
                all.push(self.person(id, person, &roles, count, rules));
            }
        }
        all
    }

    fn person(&self, id: &str, person: &Person, roles: &[(&String, &Role)], count: Count, rules: &Rules) -> Wanted {
        let main = roles.first().map(|(_, role)| *role);
        let nowhere = Role::default();
        let role = main.unwrap_or(&nowhere);
        let place = role.place.as_ref().and_then(|id| self.places.get(id));
        let nothing = Place::default();
        let at = place.unwrap_or(&nothing);
        let active = person.active && (roles.is_empty() || roles.iter().any(|(_, role)| role.active));
        let whole = [&person.title, &person.given, &person.family];
        let words: Vec<&str> = whole
            .into_iter()
            .map(String::as_str)
            .filter(|word| !word.is_empty())
            .collect();
        let mut fields = Fields::from([
            (Field::Role, "referrer".into()),
            (Field::Title, person.title.clone()),
            (Field::Given, person.given.clone()),
            (Field::Family, person.family.clone()),
            (Field::Name, words.join(" ")),
            (Field::Email, first([&role.email, &person.email, &at.email])),
            (
                Field::Phone,
                dialled(first([&role.phone, &person.phone, &at.phone]), rules.country),
            ),
            (Field::ProviderNumber, role.number.clone()),
            (Field::Practice, at.name.clone()),
            (Field::Active, yes_or_no(active)),
        ]);
        address(&mut fields, at);
        count.told(&mut fields, rules);
        let practices = rules.sorts.contains(&Sort::Practice);
        fields.insert(Field::Key, key(id));
        Wanted {
            key: key(id),
            sort: Sort::Person,
            id: id.to_owned(),
            fields,
            numbers: roles
                .iter()
                .map(|(_, role)| role.number.clone())
                .filter(|n| !n.is_empty())
                .collect(),
            practice: role.place.as_deref().filter(|_| practices).map(key),
            make: active && (rules.all || count.all > 0),
        }
    }
}

impl Count {
    fn told(self, fields: &mut Fields, rules: &Rules) {
        if !rules.counts {
            return;
        }
        fields.insert(Field::MonthReferrals, self.month.to_string());
        fields.insert(Field::YearReferrals, self.year.to_string());
        let last = self.last.map(|day| day.strftime("%Y-%m").to_string());
        fields.insert(Field::LastReferral, last.unwrap_or_default());
    }
}

fn practice(id: &str, place: &Place, count: Count, rules: &Rules) -> Wanted {
    let mut fields = Fields::from([
        (Field::Key, key(id)),
        (Field::Role, "referring practice".into()),
        (Field::Name, place.name.clone()),
        (Field::Email, place.email.clone()),
        (Field::Phone, dialled(place.phone.clone(), rules.country)),
        (Field::Active, yes_or_no(place.active)),
    ]);
    address(&mut fields, place);
    count.told(&mut fields, rules);
    Wanted {
        key: key(id),
        sort: Sort::Practice,
        id: id.to_owned(),
        fields,
        numbers: BTreeSet::new(),
        practice: None,
        make: place.active && (rules.all || count.all > 0),
    }
}

fn address(fields: &mut Fields, place: &Place) {
    fields.insert(Field::Street, place.street.clone());
    fields.insert(Field::City, place.city.clone());
    fields.insert(Field::State, place.state.clone());
    fields.insert(Field::Postcode, place.postcode.clone());
}

fn yes_or_no(yes: bool) -> String {
    (if yes { "yes" } else { "no" }).into()
}

fn first(texts: [&String; 3]) -> String {
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .cloned()
        .unwrap_or_default()
}

fn dialled(number: String, country: Country) -> String {
    e164(&number, country).unwrap_or(number)
}

/// The provider number of a role (halaxy-api.md 7.4); the extension's address is inferred there, so its end decides.
fn number(role: &Json) -> String {
    let all = role["extension"].as_array().into_iter().flatten();
    let ours = |one: &&Json| one["url"].as_str().is_some_and(|url| url.ends_with("provider-number"));
    let value = all.filter(ours).find_map(|one| text(&one["valueString"]));
    value.unwrap_or_default().to_uppercase().replace(' ', "")
}

/// The day a referral counts for: its first, or the day it was entered.
fn first_day(body: &Json) -> Option<Date> {
    let day = |value: &Json| text(value)?.get(..10)?.parse().ok();
    day(&body["period"]["start"]).or_else(|| day(&body["created"]))
}
