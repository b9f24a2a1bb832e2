//! The lens laws for every shipped mapping: on generated records of the product's shape, and on
//! arbitrary JSON that uses the product's own member names.

#![allow(clippy::unwrap_used)]

use bridge_core::laws::check_laws;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_core::value::{Value, Values};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

const PERSON: &str = include_str!("../../../mappings/entities/person.toml");
const SHIPPED: [(&str, &str); 3] = [
    ("halaxy.toml", include_str!("../../../mappings/halaxy.toml")),
    ("hubspot.toml", include_str!("../../../mappings/hubspot.toml")),
    ("example-crm.toml", include_str!("../../../mappings/example-crm.toml")),
];

fn shipped(index: usize, country: &str) -> Mapping {
    let person = EntityFile::parse("entities/person.toml", PERSON).unwrap();
    let (file, text) = SHIPPED[index];
    Mapping::parse(file, text, &person, country.parse().unwrap()).unwrap()
}

#[test]
fn every_shipped_mapping_keeps_the_laws_in_every_country() {
    for (index, (file, _)) in SHIPPED.iter().enumerate() {
        for country in ["AU", "NZ", "GB", "IE", "US", "CA", "FR"] {
            assert_eq!(check_laws(&shipped(index, country), 100), [], "{file} in {country}");
        }
    }
}

/// Texts that people and programs put into contact records, and arbitrary ones.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "", " ", "Miriam  Rose", "0491 570 006", "+61491570006", "(03) 9000 2222", "Mimi@Example.org", "1988-04-17",
            "1988-02-31", "2000-02-29T23:00:00Z", "F", "Male", "VIC", "victoria", "AU", "New Zealand", "true", "No",
            "Unit 2,1 Test Street\nRear", "https://x.example/main/Organization/PG-1/",
        ]).prop_map(str::to_string),
        1 => any::<String>(),
        1 => "[0-9+() ext-]{0,18}",
        1 => "[A-Za-z.@ ,/]{0,12}",
    ]
}

/// JSON whose members are named like those the mapping file mentions.
fn record(index: usize) -> impl Strategy<Value = Json> {
    let words: Vec<String> = SHIPPED[index]
        .1
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_')))
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect();
    let word = select(words);
    let leaf = prop_oneof![
        4 => text().prop_map(Json::from),
        2 => word.clone().prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<i32>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    let any_json = leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    });
    let list = prop::collection::vec(any_json.clone(), 0..4);
    (any_json.clone(), list, text(), text()).prop_map(|(any, list, value, other)| {
        let mut body = match any {
            Json::Object(body) => body,
            other => Map::from_iter([("properties".to_string(), other)]),
        };
        let mut telecom = list;
        telecom.push(json!({"system": "sms", "value": value, "rank": 1}));
        telecom.push(json!({"system": "email", "value": other}));
        body.entry("telecom").or_insert(Json::from(telecom));
        Json::Object(body)
    })
}

fn writable(mapping: &Mapping, values: Values) -> Values {
    values.into_iter().filter(|(unit, _)| mapping.can_write(unit)).collect()
}

fn keeps_the_laws(mapping: &Mapping, record: &Json, other: &Json) -> Result<(), TestCaseError> {
    let reading = mapping.read(record);
    // Months of visits are absent unless somebody joined them to the record; all else says something.
    let silent = |unit: &&str| !reading.values.contains_key(*unit) && reading.unreadable.iter().all(|bad| bad != unit);
    for unit in mapping.units().filter(silent) {
        prop_assert!(["last_visit", "next_visit"].contains(&unit), "{} is absent", unit);
    }

    let own = writable(mapping, reading.values.clone());
    let same = mapping.write(record, &own).unwrap();
    prop_assert_eq!(same.to_string(), record.to_string(), "get-put");

    for (unit, value) in writable(mapping, mapping.read(other).values) {
        prop_assert_eq!(&mapping.normalise(&unit, &value), &value, "{} is not canonical", unit);
        let put = Values::from([(unit.clone(), value.clone())]);
        let written = mapping.write_reporting(record, &put).unwrap();
        let after = mapping.read(&written.body);
        if written.untouched.is_empty() {
            prop_assert_eq!(after.values.get(&unit), Some(&value), "put-get of {}", unit);
        } else {
            prop_assert_eq!(&written.body, record);
            prop_assert!(reading.unreadable.contains(&unit));
        }
        let twice = mapping.write(&written.body, &put).unwrap();
        prop_assert_eq!(twice.to_string(), written.body.to_string(), "put-put of {}", unit);
        for (name, was) in reading.values.iter().filter(|(name, _)| **name != unit) {
            prop_assert_eq!(after.values.get(name), Some(was), "{} changed with {}", name, unit);
        }
        // An update and its undoing: only the unit's own place may be spelt differently.
        if let Some(old) = reading.values.get(&unit) {
            let back = mapping
                .write(&written.body, &Values::from([(unit.clone(), old.clone())]))
                .unwrap();
            prop_assert_eq!(mapping.read(&back), reading.clone(), "undoing {}", unit);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn halaxy_keeps_the_laws_on_any_json(a in record(0), b in record(0)) {
        keeps_the_laws(&shipped(0, "AU"), &a, &b)?;
    }

    #[test]
    fn hubspot_keeps_the_laws_on_any_json(a in record(1), b in record(1)) {
        keeps_the_laws(&shipped(1, "AU"), &a, &b)?;
    }

    #[test]
    fn the_example_keeps_the_laws_on_any_json(a in record(2), b in record(2)) {
        keeps_the_laws(&shipped(2, "GB"), &a, &b)?;
    }

    #[test]
    fn canonical_text_stays_canonical(raw in text(), country in select(vec!["AU", "NZ", "GB", "IE", "US"])) {
        let mapping = shipped(1, country);
        let members = mapping.members_under("properties");
        let body = json!({"properties": members.iter().map(|m| (m.clone(), Json::from(raw.clone()))).collect::<Map<_, _>>()});
        for (unit, value) in mapping.read(&body).values {
            prop_assert_eq!(mapping.normalise(&unit, &value), value, "{}", unit);
        }
    }
}

#[test]
fn a_cleared_first_number_does_not_bring_up_the_second() {
    let halaxy = shipped(0, "AU");
    let record =
        json!({"telecom": [{"system": "sms", "value": "0491570006"}, {"system": "sms", "value": "0491570156"}]});
    let after = halaxy
        .write(&record, &Values::from([("mobile".to_string(), Value::Empty)]))
        .unwrap();
    assert_eq!(halaxy.read(&after).values["mobile"], Value::Empty);
    assert_eq!(after["telecom"][1]["value"], "0491570156");
}

#[test]
fn country_decides_what_a_short_number_is() {
    let record = json!({"properties": {"mobilephone": "021 555 123"}});
    let read = |country: &str| shipped(1, country).read(&record).values["mobile"].clone();
    assert_eq!(read("NZ"), Value::text("+6421555123"));
    assert_eq!(read("AU"), Value::text("021 555 123"));
}
