//! One contact: paths, properties, its mailbox, history, and merges.

use crate::support::{DATED, V3, create, desk, ids, make_key};
use adapter_sandbox::Author;
use serde_json::{Value, json};

#[tokio::test]
async fn both_path_families_show_the_same_contact() {
    let desk = desk(0).await;
    let id = create(
        &desk,
        json!({"email": "Mimi@Example.org", "firstname": "Mimi", "phone": "0491 570 006"}),
    )
    .await;
    let old = desk
        .hubspot(
            "GET",
            &format!("{V3}/{id}?properties=email,phone&properties=lastname"),
            Value::Null,
        )
        .await;
    let new = desk
        .hubspot(
            "GET",
            &format!("{DATED}/{id}?properties=email,phone&properties=lastname&archived=False"),
            Value::Null,
        )
        .await;
    assert_eq!(old.body, new.body);
    assert!(old.header("content-type").starts_with("application/json"));
    let properties = &old.body["properties"];
    assert_eq!(properties["email"], "mimi@example.org", "stored in lower case");
    assert_eq!(properties["phone"], "0491 570 006");
    assert_eq!(properties["lastname"], Value::Null, "asked for and never set");
    assert!(properties.get("firstname").is_none());
    assert_eq!(properties["hs_object_id"], id.as_str());
    assert_eq!(properties["lastmodifieddate"], "2026-03-02T00:34:56.123Z");
    assert_eq!(
        (&old.body["createdAt"], &old.body["archived"]),
        (&json!("2026-03-02T00:34:56.123Z"), &json!(false))
    );
}

#[tokio::test]
async fn properties_must_exist_before_they_are_used() {
    let desk = desk(0).await;
    let refused = desk
        .hubspot("POST", V3, json!({"properties": {"halaxy_patient_id": "900001"}}))
        .await;
    assert_eq!(
        (refused.status, &refused.body["category"]),
        (400, &json!("VALIDATION_ERROR"))
    );
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap()
            .contains("PROPERTY_DOESNT_EXIST")
    );
    assert_eq!(
        desk.hubspot("GET", "crm/v3/properties/contacts/halaxy_patient_id", Value::Null)
            .await
            .status,
        404
    );
    make_key(&desk).await;
    create(&desk, json!({"halaxy_patient_id": "900001"})).await;
    let all = desk.hubspot("GET", "crm/v3/properties/contacts", Value::Null).await;
    assert!(
        all.rows()
            .iter()
            .any(|property| property["name"] == "halaxy_patient_id")
    );
    let again = desk
        .hubspot(
            "POST",
            "crm/v3/properties/contacts",
            json!({"name": "halaxy_patient_id", "label": "x",
        "type": "string", "fieldType": "text", "groupName": "contactinformation"}),
        )
        .await;
    assert_eq!(again.status, 409);
    let odd = desk
        .hubspot(
            "POST",
            "crm/v3/properties/contacts",
            json!({"name": "odd", "label": "x", "type": "string",
        "fieldType": "number", "groupName": "contactinformation"}),
        )
        .await;
    assert_eq!(odd.status, 400);
    let nowhere = json!({"name": "other", "label": "x", "type": "string", "fieldType": "text", "groupName": "bridge"});
    assert_eq!(
        desk.hubspot("POST", "crm/v3/properties/contacts", nowhere.clone())
            .await
            .status,
        400
    );
    let group = json!({"name": "bridge", "label": "Bridge"});
    assert_eq!(
        desk.hubspot("POST", "crm/v3/properties/contacts/groups", group)
            .await
            .status,
        201
    );
    assert_eq!(
        desk.hubspot("POST", "crm/v3/properties/contacts", nowhere).await.status,
        201
    );
    for (name, value) in [
        ("hs_object_id", "7"),
        ("email", "not a mailbox"),
        ("lifecyclestage", "martian"),
    ] {
        let answer = desk.hubspot("POST", V3, json!({"properties": {name: value}})).await;
        assert_eq!(answer.status, 400, "{name}");
    }
}

#[tokio::test]
async fn one_contact_per_mailbox_and_the_other_id_stands_in_the_text_only() {
    let desk = desk(0).await;
    make_key(&desk).await;
    let id = create(&desk, json!({"email": "a@example.org", "halaxy_patient_id": "1"})).await;
    let clash = desk
        .hubspot("POST", V3, json!({"properties": {"email": "A@EXAMPLE.ORG"}}))
        .await;
    assert_eq!((clash.status, &clash.body["category"]), (409, &json!("CONFLICT")));
    assert_eq!(
        clash.body["message"],
        format!("Contact already exists. Existing ID: {id}")
    );
    let others = clash
        .body
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "message");
    assert!(others.into_iter().all(|(_, value)| !value.to_string().contains(&id)));
    assert_eq!(
        desk.hubspot("POST", V3, json!({"properties": {"halaxy_patient_id": "1"}}))
            .await
            .status,
        409
    );
    let other = create(&desk, json!({"email": "b@example.org"})).await;
    assert_eq!(
        desk.hubspot(
            "PATCH",
            &format!("{V3}/{other}"),
            json!({"properties": {"email": "a@example.org"}})
        )
        .await
        .status,
        409
    );
    assert_eq!(
        desk.hubspot("PATCH", &format!("{V3}/{id}"), json!({"properties": {"email": ""}}))
            .await
            .status,
        200
    );
    assert_eq!(
        desk.hubspot(
            "PATCH",
            &format!("{V3}/{other}"),
            json!({"properties": {"email": "a@example.org"}})
        )
        .await
        .status,
        200
    );
    let cleared = desk
        .hubspot("GET", &format!("{V3}/{id}?properties=email"), Value::Null)
        .await;
    assert_eq!(cleared.body["properties"]["email"], "", "cleared by the empty text");
}

#[tokio::test]
async fn history_tells_who_wrote_what_when() {
    let desk = desk(0).await;
    let id = create(&desk, json!({"firstname": "A"})).await;
    for (name, author) in [
        ("B", Author::Person),
        ("C", Author::Form),
        ("D", Author::Import),
        ("E", Author::Automation),
    ] {
        desk.advance(10);
        desk.sandbox
            .person_edit_as("crm", "contacts", &id, &json!({"firstname": name}), author)
            .unwrap();
    }
    let unchanged = desk.hubspot("GET", &format!("{V3}/{id}"), Value::Null).await.body["updatedAt"].clone();
    desk.advance(10);
    assert_eq!(
        desk.hubspot(
            "PATCH",
            &format!("{V3}/{id}"),
            json!({"properties": {"firstname": "E"}})
        )
        .await
        .status,
        200
    );
    let read = desk
        .hubspot(
            "GET",
            &format!("{V3}/{id}?propertiesWithHistory=firstname"),
            Value::Null,
        )
        .await;
    assert_eq!(read.body["updatedAt"], unchanged, "the same value is no change");
    let versions: Vec<(&str, &str)> = read.body["propertiesWithHistory"]["firstname"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            (
                version["value"].as_str().unwrap(),
                version["sourceType"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        versions,
        [
            ("E", "AUTOMATION_PLATFORM"),
            ("D", "IMPORT"),
            ("C", "FORM"),
            ("B", "CRM_UI"),
            ("A", "INTEGRATION")
        ]
    );
    assert_eq!(
        read.body["propertiesWithHistory"]["firstname"][0]["timestamp"],
        "2026-03-02T00:34:56.163Z"
    );
}

#[tokio::test]
async fn a_merge_leads_old_ids_to_the_survivor() {
    for new_id in [false, true] {
        let desk = desk(0).await;
        desk.sandbox
            .set_switches("crm", &json!({"merge_gives_new_id": new_id}))
            .unwrap();
        let a = create(&desk, json!({"email": "a@example.org", "firstname": "A"})).await;
        let b = create(
            &desk,
            json!({"email": "b@example.org", "firstname": "B", "city": "Mockville"}),
        )
        .await;
        let merged = desk
            .hubspot(
                "POST",
                &format!("{V3}/merge"),
                json!({"primaryObjectId": a, "objectIdToMerge": b}),
            )
            .await;
        assert_eq!(merged.status, 200);
        let survivor = merged.body["id"].as_str().unwrap();
        assert_eq!(survivor != a, new_id);
        for old in [&a, &b] {
            let read = desk
                .hubspot(
                    "GET",
                    &format!("{V3}/{old}?properties=firstname,city,hs_merged_object_ids"),
                    Value::Null,
                )
                .await;
            assert_eq!(
                (
                    &read.body["id"],
                    &read.body["properties"]["firstname"],
                    &read.body["properties"]["city"]
                ),
                (&json!(survivor), &json!("A"), &json!("Mockville"))
            );
            let ids: Vec<&str> = read.body["properties"]["hs_merged_object_ids"]
                .as_str()
                .unwrap()
                .split(';')
                .collect();
            assert_eq!(
                ids,
                if new_id {
                    vec![a.as_str(), b.as_str()]
                } else {
                    vec![b.as_str()]
                }
            );
        }
        let both = desk
            .hubspot(
                "POST",
                &format!("{V3}/batch/read"),
                json!({"inputs": [{"id": a}, {"id": b}], "properties": []}),
            )
            .await;
        assert_eq!(ids(both.rows()), [survivor]);
        assert_eq!(desk.hubspot("GET", V3, Value::Null).await.rows().len(), 1);
        let taken = desk
            .hubspot("POST", V3, json!({"properties": {"email": "b@example.org"}}))
            .await;
        assert_eq!(taken.status, 409, "the loser's mailbox is the survivor's");
    }
}
