//! The HubSpot-shaped stand-in behaves as vendor-apis.md section 1 and sdk-clients.md section 1 describe HubSpot.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use adapter_sandbox::{Author, CrmKind, Manners};
use common::Desk;
use serde_json::{Value, json};

const V3: &str = "crm/v3/objects/contacts";
const DATED: &str = "crm/objects/2026-09/contacts";

async fn desk(contacts: usize) -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, 0, contacts).await
}

async fn create(desk: &Desk, properties: Value) -> String {
    let answer = desk
        .hubspot("POST", V3, json!({"associations": [], "properties": properties}))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn make_key(desk: &Desk) {
    let definition = json!({"name": "halaxy_patient_id", "label": "Halaxy patient", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    let answer = desk
        .hubspot("POST", "crm/properties/2026-09/contacts", definition)
        .await;
    assert_eq!((answer.status, &answer.body["hasUniqueValue"]), (201, &json!(true)));
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

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
async fn the_list_pages_by_id_to_the_last_one() {
    let desk = desk(25).await;
    let mut seen = Vec::new();
    let mut path = format!("{V3}?limit=10&properties=email&archived=false");
    loop {
        let page = desk.hubspot("GET", &path, Value::Null).await;
        seen.extend(ids(page.rows()).into_iter().map(str::to_owned));
        match page.body.pointer("/paging/next/after") {
            Some(after) => path = format!("{V3}?limit=10&after={}", after.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 25);
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}?limit=101"), Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(
        desk.hubspot(
            "GET",
            &format!("{V3}?limit=100&propertiesWithHistory=email"),
            Value::Null
        )
        .await
        .status,
        400
    );
}

#[tokio::test]
async fn archived_contacts_are_read_apart_and_free_their_mailbox() {
    let desk = desk(0).await;
    let id = create(&desk, json!({"email": "a@example.org"})).await;
    let gone = desk.hubspot("DELETE", &format!("{V3}/{id}"), Value::Null).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{id}"), Value::Null).await.status,
        404
    );
    let archived = desk
        .hubspot("GET", &format!("{V3}/{id}?archived=true"), Value::Null)
        .await;
    assert_eq!(
        (&archived.body["archived"], archived.body["archivedAt"].is_string()),
        (&json!(true), true)
    );
    assert_eq!(
        ids(desk
            .hubspot("GET", &format!("{V3}?archived=true"), Value::Null)
            .await
            .rows()),
        [id.as_str()]
    );
    assert!(desk.hubspot("GET", V3, Value::Null).await.rows().is_empty());
    let other = create(&desk, json!({"email": "a@example.org"})).await;
    desk.sandbox.person_restore("crm", "contacts", &id).unwrap();
    let back = desk
        .hubspot("GET", &format!("{V3}/{id}?properties=email"), Value::Null)
        .await;
    assert_eq!(back.body["properties"]["email"], "", "the mailbox is another's now");
    let erased = desk
        .hubspot("POST", &format!("{V3}/gdpr-delete"), json!({"objectId": other}))
        .await;
    assert_eq!(erased.status, 204);
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{other}?archived=true"), Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn upsert_goes_by_the_unique_property_and_errors_have_no_place() {
    let desk = desk(0).await;
    make_key(&desk).await;
    let known = create(&desk, json!({"halaxy_patient_id": "1", "email": "one@example.org"})).await;
    let input = |id: &str, trace: &str, properties: Value| json!({"idProperty": "halaxy_patient_id", "id": id, "objectWriteTraceId": trace, "properties": properties});
    let inputs = json!([
        input("9", "t-bad", json!({"nonsense": "x"})),
        input("1", "t-old", json!({"firstname": "Uno"})),
        input("8", "t-taken", json!({"email": "ONE@example.org"})),
        input("2", "t-new", json!({"firstname": "Due", "email": "two@example.org"})),
    ]);
    let answer = desk
        .hubspot("POST", &format!("{DATED}/batch/upsert"), json!({"inputs": inputs}))
        .await;
    assert_eq!(
        (answer.status, &answer.body["numErrors"], &answer.body["status"]),
        (207, &json!(2), &json!("COMPLETE"))
    );
    let rows = answer.rows();
    assert_eq!(rows.len(), 2);
    let by_trace = |trace: &str| rows.iter().find(|row| row["objectWriteTraceId"] == trace).unwrap();
    assert_eq!(
        (&by_trace("t-old")["new"], &by_trace("t-old")["id"]),
        (&json!(false), &json!(known))
    );
    assert_eq!(by_trace("t-new")["new"], true);
    assert_eq!(by_trace("t-new")["properties"]["halaxy_patient_id"], "2");
    let errors = answer.body["errors"].as_array().unwrap();
    let of = |trace: &str| {
        errors
            .iter()
            .find(|error| error["context"]["objectWriteTraceId"][0] == trace)
            .unwrap()
    };
    assert_eq!(of("t-bad")["category"], "VALIDATION_ERROR");
    assert_eq!(of("t-taken")["category"], "CONFLICT");

    let twice = json!([input("5", "a", json!({})), input("5", "b", json!({}))]);
    assert_eq!(
        desk.hubspot("POST", &format!("{V3}/batch/upsert"), json!({"inputs": twice}))
            .await
            .status,
        400
    );
    let many: Vec<Value> = (0..101).map(|n| input(&n.to_string(), "t", json!({}))).collect();
    assert_eq!(
        desk.hubspot("POST", &format!("{V3}/batch/upsert"), json!({"inputs": many}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn batches_read_create_update_and_archive() {
    let desk = desk(0).await;
    make_key(&desk).await;
    let inputs = json!([{"properties": {"email": "a@example.org", "halaxy_patient_id": "1"}}, {"properties": {"email": "b@example.org"}}]);
    let made = desk
        .hubspot("POST", &format!("{V3}/batch/create"), json!({"inputs": inputs}))
        .await;
    assert_eq!((made.status, made.rows().len()), (201, 2));
    let (a, b) = (ids(made.rows())[0].to_owned(), ids(made.rows())[1].to_owned());
    let updates = json!([{"id": a, "properties": {"city": "Sampleton"}}, {"id": "77", "properties": {"city": "x"}}]);
    let updated = desk
        .hubspot("POST", &format!("{V3}/batch/update"), json!({"inputs": updates}))
        .await;
    assert_eq!((updated.status, ids(updated.rows())), (207, vec![a.as_str()]));
    assert_eq!(updated.body["errors"][0]["context"]["ids"], json!(["77"]));
    let read = desk
        .hubspot(
            "POST",
            &format!("{V3}/batch/read"),
            json!({"idProperty": "halaxy_patient_id", "properties": ["city"],
        "propertiesWithHistory": ["city"], "inputs": [{"id": "1"}, {"id": "no"}]}),
        )
        .await;
    assert_eq!(
        (
            read.status,
            &read.body["numErrors"],
            &read.body["errors"][0]["context"]["ids"]
        ),
        (207, &json!(1), &json!(["no"]))
    );
    let version = &read.rows()[0]["propertiesWithHistory"]["city"][0];
    assert_eq!(
        (&version["value"], &version["sourceType"]),
        (&json!("Sampleton"), &json!("INTEGRATION"))
    );
    let gone = desk
        .hubspot(
            "POST",
            &format!("{V3}/batch/archive"),
            json!({"inputs": [{"id": a}, {"id": b}]}),
        )
        .await;
    assert_eq!(gone.status, 204);
    assert!(desk.hubspot("GET", V3, Value::Null).await.rows().is_empty());
    let both = json!({"inputs": [{"id": a}, {"id": b}], "properties": ["email"]});
    let archived = desk
        .hubspot("POST", &format!("{V3}/batch/read?archived=true"), both.clone())
        .await;
    assert_eq!(ids(archived.rows()), [a.as_str(), b.as_str()]);
    assert_eq!(archived.rows()[0]["archived"], true);
    let live = desk.hubspot("POST", &format!("{V3}/batch/read"), both).await;
    assert_eq!((live.status, live.rows().len()), (207, 0));
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

fn search(filters: Value, sort: &str, limit: u32, after: &str) -> Value {
    json!({"limit": limit, "after": after, "sorts": [sort], "properties": ["email"], "filterGroups": [{"filters": filters}]})
}

#[tokio::test]
async fn search_lags_behind_and_shows_old_rows_meanwhile() {
    let desk = desk(3).await;
    let id = create(&desk, json!({"email": "new@example.org"})).await;
    let all = search(
        json!([{"propertyName": "email", "operator": "HAS_PROPERTY"}]),
        "hs_object_id",
        100,
        "0",
    );
    let path = format!("{DATED}/search");
    assert_eq!(
        desk.hubspot("POST", &path, all.clone()).await.body["total"],
        3,
        "not indexed yet"
    );
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{id}"), Value::Null).await.status,
        200,
        "but there"
    );
    desk.advance(2_000);
    assert_eq!(desk.hubspot("POST", &path, all.clone()).await.body["total"], 4);
    desk.sandbox
        .person_edit("crm", "contacts", &id, &json!({"email": "newer@example.org"}))
        .unwrap();
    let stale = desk.hubspot("POST", &path, all.clone()).await;
    assert_eq!(stale.rows()[3]["properties"]["email"], "new@example.org");
    desk.advance(2_000);
    assert_eq!(
        desk.hubspot("POST", &path, all).await.rows()[3]["properties"]["email"],
        "newer@example.org"
    );
}

#[tokio::test]
async fn search_compares_sorts_and_pages() {
    let desk = desk(30).await;
    let path = format!("{V3}/search");
    let first = desk
        .hubspot("POST", &path, search(json!([]), "hs_object_id", 20, "0"))
        .await;
    assert_eq!(
        (
            &first.body["total"],
            first.rows().len(),
            &first.body["paging"]["next"]["after"]
        ),
        (&json!(30), 20, &json!("20"))
    );
    let last = first.rows()[19]["id"].as_str().unwrap().to_owned();
    let above = desk
        .hubspot(
            "POST",
            &path,
            search(
                json!([{"propertyName": "hs_object_id", "operator": "GT", "value": last}]),
                "hs_object_id",
                20,
                "0",
            ),
        )
        .await;
    assert_eq!((&above.body["total"], above.body.get("paging")), (&json!(10), None));
    desk.advance(1_000);
    let id = above.rows()[4]["id"].as_str().unwrap().to_owned();
    desk.sandbox
        .person_edit("crm", "contacts", &id, &json!({"city": "Mockville"}))
        .unwrap();
    desk.advance(2_500);
    let millis = common::START / 1_000;
    for (operator, value) in [
        ("GTE", (millis + 1_000).to_string()),
        ("GT", millis.to_string()),
        ("GT", "2026-03-02T00:34:56.123Z".to_owned()),
    ] {
        let since = search(
            json!([{"propertyName": "lastmodifieddate", "operator": operator, "value": value}]),
            "lastmodifieddate",
            10,
            "",
        );
        assert_eq!(
            ids(desk.hubspot("POST", &path, since).await.rows()),
            [id.as_str()],
            "{operator}"
        );
    }
    desk.advance(1_000);
    let exact = search(
        json!([{"propertyName": "city", "operator": "EQ", "value": "mockville"}, {"propertyName": "email", "operator": "IN", "values": ["person26@example.org", "person25@example.org"]}]),
        "-lastmodifieddate",
        10,
        "0",
    );
    assert_eq!(desk.hubspot("POST", &path, exact).await.body["total"], 1);
    for bad in [
        json!({"limit": 201}),
        json!({"limit": 200, "after": "9900"}),
        json!({"sorts": ["email", "city"]}),
    ] {
        desk.advance(1_000);
        assert_eq!(desk.hubspot("POST", &path, bad.clone()).await.status, 400, "{bad}");
    }
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

#[tokio::test]
async fn limits_are_told_in_headers_and_searches_have_their_own() {
    let desk = desk(1).await;
    for left in (0..190).rev() {
        let answer = desk.hubspot("GET", V3, Value::Null).await;
        assert_eq!(
            (answer.status, answer.header("x-hubspot-ratelimit-remaining")),
            (200, left.to_string().as_str())
        );
    }
    let over = desk.hubspot("GET", V3, Value::Null).await;
    assert_eq!(
        (over.status, &over.body["policyName"], &over.body["errorType"]),
        (429, &json!("TEN_SECONDLY_ROLLING"), &json!("RATE_LIMIT"))
    );
    assert_eq!(
        (
            over.header("x-hubspot-ratelimit-max"),
            over.header("x-hubspot-ratelimit-interval-milliseconds")
        ),
        ("190", "10000")
    );
    assert_eq!(
        (
            over.header("x-hubspot-ratelimit-daily"),
            over.header("x-hubspot-ratelimit-daily-remaining")
        ),
        ("650000", "649810")
    );
    let path = format!("{V3}/search");
    for _ in 0..4 {
        let found = desk.hubspot("POST", &path, json!({})).await;
        assert_eq!((found.status, found.header("x-hubspot-ratelimit-remaining")), (200, ""));
    }
    let over = desk.hubspot("POST", &path, json!({})).await;
    assert_eq!((over.status, &over.body["policyName"]), (429, &json!("SECONDLY")));
    desk.advance(1_000);
    assert_eq!(desk.hubspot("POST", &path, json!({})).await.status, 200);
    desk.advance(9_000);
    assert_eq!(desk.hubspot("GET", V3, Value::Null).await.status, 200);
}

#[tokio::test]
async fn only_its_tokens_open_the_door() {
    let desk = desk(1).await;
    let path = format!("/hubspot/{V3}");
    assert_eq!(
        desk.raw("GET", &path, &[("authorization", "Bearer nope".into())], String::new())
            .await
            .status,
        401
    );
    let form = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let refused = desk
        .raw(
            "POST",
            "/hubspot/oauth/v1/token",
            &form,
            "grant_type=refresh_token".into(),
        )
        .await;
    assert_eq!(refused.status, 400);
    let body = "grant_type=refresh_token&client_id=app&client_secret=s&refresh_token=r-1".to_owned();
    let given = desk.raw("POST", "/hubspot/oauth/v1/token", &form, body).await;
    assert_eq!(
        (&given.body["expires_in"], &given.body["refresh_token"]),
        (&json!(1_800), &json!("r-1"))
    );
    let bearer = [(
        "authorization",
        format!("Bearer {}", given.body["access_token"].as_str().unwrap()),
    )];
    assert_eq!(desk.raw("GET", &path, &bearer, String::new()).await.status, 200);
    desk.advance(1_800_000);
    assert_eq!(desk.raw("GET", &path, &bearer, String::new()).await.status, 401);
}

#[tokio::test]
async fn nasty_manners_respell_and_give_all_imported_contacts_one_time() {
    let desk = Desk::open(Manners::Nasty, CrmKind::Hubspot, 0, 50).await;
    let records = desk.sandbox.records("crm", "contacts").unwrap();
    let times: BTreeSet<&str> = records
        .iter()
        .map(|record| record["updatedAt"].as_str().unwrap())
        .collect();
    assert_eq!(times.len(), 1);
    let id = desk
        .sandbox
        .person_create("crm", "contacts", &json!({"mobilephone": "0491 570 006"}))
        .unwrap();
    let record = desk.sandbox.record("crm", "contacts", &id).unwrap();
    assert_eq!(record["properties"]["mobilephone"], "+61 491 570 006");
}
