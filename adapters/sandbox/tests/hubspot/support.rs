//! A desk with contacts, and contacts made over the API.

use crate::common::Desk;
use adapter_sandbox::{CrmKind, Manners};
use serde_json::{Value, json};

pub const V3: &str = "crm/v3/objects/contacts";

pub const DATED: &str = "crm/objects/2026-09/contacts";

pub async fn desk(contacts: usize) -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, 0, contacts).await
}

pub async fn create(desk: &Desk, properties: Value) -> String {
    let answer = desk
        .hubspot("POST", V3, json!({"associations": [], "properties": properties}))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

pub async fn make_key(desk: &Desk) {
    let definition = json!({"name": "halaxy_patient_id", "label": "Halaxy patient", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    let answer = desk
        .hubspot("POST", "crm/properties/2026-09/contacts", definition)
        .await;
    assert_eq!((answer.status, &answer.body["hasUniqueValue"]), (201, &json!(true)));
}

pub fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}
