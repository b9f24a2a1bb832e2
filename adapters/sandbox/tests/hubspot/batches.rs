//! Batches: what fails is told without a place.

use crate::support::{DATED, V3, create, desk, ids, make_key};
use serde_json::{Value, json};

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
