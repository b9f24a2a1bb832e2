//! The shipped mappings on the records of their products.

#![allow(clippy::unwrap_used)]

use bridge_core::codec::Country;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_core::value::{Value, Values};
use serde_json::{Value as Json, json};

const PERSON: &str = include_str!("../../../mappings/entities/person.toml");
const HALAXY: &str = include_str!("../../../mappings/halaxy.toml");
const HUBSPOT: &str = include_str!("../../../mappings/hubspot.toml");
const EXAMPLE: &str = include_str!("../../../mappings/example-crm.toml");

fn person() -> EntityFile {
    EntityFile::parse("entities/person.toml", PERSON).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn mapping(file: &str, text: &str) -> Mapping {
    Mapping::parse(file, text, &person(), Country::AU).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn patient() -> Json {
    json!({
        "resourceType": "Patient", "id": "900001", "meta": {"lastUpdated": "2026-03-02T10:15:00+10:00"}, "active": true,
        "extension": [{"url": "https://terminology.halaxy.com/StructureDefinition/patient-status", "valueString": "current"}],
        "name": [{"use": "usual", "given": ["Mimi"]}, {"use": "official", "prefix": ["Ms"], "given": ["Miriam", "Rose"], "family": "Samplewood"}],
        "telecom": [{"system": "fax", "value": "+61390001111"}, {"system": "sms", "use": "mobile", "value": "+61 491 570 006"},
                    {"system": "email", "use": "home", "value": "Mimi@Example.org"}],
        "gender": "female", "birthDate": "1988-04-17", "deceasedBoolean": false,
        "address": [{"use": "work", "line": ["9 Office Road"]},
                    {"use": "home", "type": "physical", "line": ["Unit 2", "1 Test Street"], "city": "Sampleton", "state": "Victoria", "postalCode": "3000", "country": "Australia"}],
        "generalPractitioner": [{"reference": "https://au-api.halaxy.com/main/Practitioner/PR-500001", "type": "Practitioner"}],
        "managingOrganization": {"reference": "https://au-api.halaxy.com/main/Organization/PG-100001", "type": "Organization"}
    })
}

fn patient_values() -> Values {
    Values::from(
        [
            (
                "official_name",
                Value::group([("given", "Miriam Rose"), ("family", "Samplewood")]),
            ),
            ("preferred_name", Value::text("Mimi")),
            ("birth_date", Value::text("1988-04-17")),
            ("sex", Value::text("female")),
            ("mobile", Value::text("+61491570006")),
            ("phone", Value::Empty),
            ("email", Value::text("mimi@example.org")),
            (
                "home_address",
                Value::group([
                    ("line", "Unit 2, 1 Test Street"),
                    ("city", "Sampleton"),
                    ("state", "VIC"),
                    ("postcode", "3000"),
                    ("country", "Australia"),
                ]),
            ),
            ("deceased", Value::Flag(false)),
            ("status", Value::text("current")),
            ("practice_location", Value::text("PG-100001")),
            ("halaxy_number", Value::text("900001")),
        ]
        .map(|(unit, value)| (unit.to_string(), value)),
    )
}

fn one(unit: &str, value: Value) -> Values {
    Values::from([(unit.to_string(), value)])
}

#[test]
fn a_halaxy_patient_is_read() {
    let reading = mapping("halaxy.toml", HALAXY).read(&patient());
    assert_eq!(reading.values, patient_values());
    assert!(reading.unreadable.is_empty());
}

#[test]
fn writing_what_is_read_changes_no_byte() {
    let halaxy = mapping("halaxy.toml", HALAXY);
    let mut values = halaxy.read(&patient()).values;
    values.retain(|unit, _| halaxy.can_write(unit));
    let after = halaxy.write(&patient(), &values).unwrap();
    assert_eq!(
        serde_json::to_string(&after).unwrap(),
        serde_json::to_string(&patient()).unwrap()
    );
}

#[test]
fn one_change_keeps_all_else_and_creates_what_is_missing() {
    let halaxy = mapping("halaxy.toml", HALAXY);
    let after = halaxy
        .write(&patient(), &one("phone", Value::text("+61390002222")))
        .unwrap();
    let mut expected = patient();
    let telecom = expected["telecom"].as_array_mut().unwrap();
    telecom.push(json!({"system": "phone", "use": "home", "value": "+61390002222"}));
    assert_eq!(after, expected);

    let after = halaxy.write(&patient(), &one("mobile", Value::Empty)).unwrap();
    let mut expected = patient();
    expected["telecom"].as_array_mut().unwrap().remove(1);
    assert_eq!(after, expected);
}

#[test]
fn a_new_record_is_written_from_nothing() {
    let halaxy = mapping("halaxy.toml", HALAXY);
    let mut values = patient_values();
    values.retain(|unit, _| halaxy.can_write(unit));
    let body = halaxy.write(&json!({}), &values).unwrap();
    assert_eq!(
        body["name"][0],
        json!({"use": "official", "given": ["Miriam", "Rose"], "family": "Samplewood"})
    );
    assert_eq!(
        body["address"],
        json!([{"use": "home", "type": "physical", "line": ["Unit 2", "1 Test Street"], "city": "Sampleton", "state": "VIC",
                "postalCode": "3000", "country": "Australia"}])
    );

    let hubspot = mapping("hubspot.toml", HUBSPOT);
    let body = hubspot.write(&json!({}), &patient_values()).unwrap();
    let properties = body["properties"].as_object().unwrap();
    assert!(
        properties.values().all(Json::is_string),
        "HubSpot takes texts only: {properties:?}"
    );
    assert_eq!(properties["halaxy_deceased"], "false");
    let mut read = hubspot.read(&body).values;
    read.retain(|unit, value| patient_values().contains_key(unit) || *value != Value::Empty);
    assert_eq!(read, patient_values());

    let example = mapping("example-crm.toml", EXAMPLE);
    let mut values = patient_values();
    values.retain(|unit, _| example.can_write(unit));
    let body = example.write(&json!({}), &values).unwrap();
    assert_eq!((&body["sex"], &body["external_ref"]), (&json!("F"), &json!("900001")));
    assert_eq!(example.read(&body).values, values);
}

#[test]
fn hubspot_is_asked_for_its_mapped_properties() {
    let hubspot = mapping("hubspot.toml", HUBSPOT);
    let asked = hubspot.members_under("properties");
    assert!(
        ["firstname", "zip", "halaxy_patient_id"]
            .iter()
            .all(|name| asked.contains(*name)),
        "{asked:?}"
    );
    assert_eq!(hubspot.paths()["properties.lastname"], "official_name");
    assert_eq!(hubspot.members().into_iter().collect::<Vec<_>>(), ["properties"]);
}

#[test]
fn an_impossible_date_is_absent_and_left_alone() {
    let example = mapping("example-crm.toml", EXAMPLE);
    let record = json!({"id": "7", "birth_date": "1988-02-31", "email": {"odd": true}});
    let reading = example.read(&record);
    assert_eq!(reading.unreadable, ["birth_date", "email"]);
    assert!(!reading.values.contains_key("birth_date"));
    let written = example
        .write_reporting(&record, &one("birth_date", Value::text("1988-04-17")))
        .unwrap();
    assert_eq!(
        (written.body, written.untouched),
        (record, vec!["birth_date".to_string()])
    );
}
