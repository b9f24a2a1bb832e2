//! People, calls, faults and the hook.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};

use adapter_sandbox::{ConnectionCut, CrmKind, FaultKind, Manners, Phase, Sandbox, SandboxOptions, Verdict};
use common::Desk;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn desk() -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, 3, 3).await
}

#[tokio::test]
async fn people_make_change_merge_and_delete_in_both_systems() {
    let desk = desk().await;
    let made = desk
        .control(
            "POST",
            "records/crm/contacts?author=form",
            json!({"properties": {"firstname": "Mimi"}}),
        )
        .await;
    assert_eq!(
        (made.status, &made.body["properties"]["firstname"]),
        (201, &json!("Mimi"))
    );
    let id = made.body["id"].as_str().unwrap();
    let changed = desk
        .control(
            "PATCH",
            &format!("records/crm/contacts/{id}"),
            json!({"firstname": "Miriam", "lastname": "S"}),
        )
        .await;
    assert_eq!(changed.body["properties"]["firstname"], "Miriam");
    let cleared = desk
        .control(
            "PATCH",
            &format!("records/crm/contacts/{id}"),
            json!({"properties": {"lastname": null}}),
        )
        .await;
    assert!(cleared.body["properties"].get("lastname").is_none());
    let taken = desk
        .control(
            "PATCH",
            &format!("records/crm/contacts/{id}"),
            json!({"email": "person1@example.org"}),
        )
        .await;
    assert_eq!(taken.status, 409);
    assert_eq!(
        desk.control("GET", "records/crm/contacts", Value::Null)
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        desk.control("DELETE", &format!("records/crm/contacts/{id}"), Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        desk.control("GET", "records/crm/contacts", Value::Null)
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        desk.control("GET", "records/crm/contacts?include_deleted=true", Value::Null)
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        desk.control("POST", &format!("records/crm/contacts/{id}/restore"), Value::Null)
            .await
            .status,
        200
    );

    let made = desk
        .control(
            "POST",
            "records/halaxy/Patient",
            json!({"name": [{"use": "official", "family": "S"}], "birthDate": "1988-04-17"}),
        )
        .await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(true)));
    assert_eq!(
        desk.control("POST", "records/halaxy/Patient", json!({"birthDate": "1988-04-17"}))
            .await
            .status,
        422
    );
    let merged = desk
        .control(
            "POST",
            "merge/halaxy/Patient",
            json!({"winner": "900001", "loser": "900002"}),
        )
        .await;
    assert_eq!(merged.body["id"], "900001");
    let patients = desk.control("GET", "records/halaxy/Patient", Value::Null).await;
    assert_eq!(patients.body.as_array().unwrap().len(), 3);
    assert_eq!(
        patients.body[0]["managingOrganization"]["reference"],
        "http://stand-in.example/halaxy/main/Organization/PG-100001"
    );
    assert_eq!(
        desk.control("GET", "records/books/poems", Value::Null).await.status,
        404
    );
    assert_eq!(
        desk.control("POST", "records/crm/contacts?author=nobody", json!({}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn calls_are_listed_without_bodies_and_people_are_not_among_them() {
    let desk = desk().await;
    desk.control("PATCH", "records/halaxy/Patient/900001", json!({"gender": "other"}))
        .await;
    desk.halaxy("PATCH", "Patient/900001", json!({"gender": "female"}))
        .await;
    desk.hubspot("GET", "crm/v3/objects/contacts?limit=1", Value::Null)
        .await;
    let calls = desk.control("GET", "calls?after=1", Value::Null).await;
    let calls = calls.body.as_array().unwrap();
    assert_eq!(calls.len(), 2, "the token call was the first");
    assert_eq!(
        calls[0],
        json!({"n": 2, "at": "2026-03-02T00:34:56.123Z", "system": "halaxy", "method": "PATCH",
        "path": "/halaxy/main/Patient/900001", "query": "", "status": 200, "fault": null})
    );
    assert_eq!(
        (&calls[1]["n"], &calls[1]["system"], &calls[1]["query"]),
        (&json!(3), &json!("crm"), &json!("limit=1"))
    );
}

#[tokio::test]
async fn ids_relate_the_files_to_the_records() {
    let desk = desk().await;
    let ids = desk.control("GET", "ids", Value::Null).await;
    assert_eq!(
        ids.body[0],
        json!({"csv_id": "X1", "side": "left", "system": "halaxy", "kind": "Patient", "id": "900001"})
    );
    let right: Vec<&Value> = ids
        .body
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["side"] == "right")
        .collect();
    assert_eq!(right.len(), 3);
    for row in right {
        let record = desk
            .sandbox
            .record("crm", "contacts", row["id"].as_str().unwrap())
            .unwrap();
        let number: usize = row["csv_id"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(record["properties"]["firstname"], format!("Given{number:03}"));
    }
}

#[tokio::test]
async fn faults_strike_before_or_after_the_effect_and_are_used_up() {
    let desk = desk().await;
    let city = |desk: &Desk| desk.sandbox.record("crm", "contacts", "51001").unwrap()["properties"]["city"].clone();
    let path = "crm/v3/objects/contacts/51001";
    let patch = |city: &str| json!({"properties": {"city": city}});
    let order = |fault: Value| desk.control("POST", "faults", fault);

    order(json!({"system": "crm", "fault": "status", "status": 502, "count": 1})).await;
    assert_eq!(
        desk.halaxy("GET", "Patient", Value::Null).await.status,
        200,
        "another system"
    );
    assert_eq!(desk.hubspot("PATCH", path, patch("A")).await.status, 502);
    assert_eq!(city(&desk), "Sampleton");
    order(json!({"system": "crm", "fault": "drop_before", "count": 1})).await;
    assert_eq!(
        desk.hubspot("PATCH", path, patch("B")).await.cut,
        Some(ConnectionCut { applied: false })
    );
    assert_eq!(city(&desk), "Sampleton");
    order(json!({"fault": "drop_after", "method": "PATCH", "count": 1})).await;
    assert_eq!(
        desk.hubspot("PATCH", path, patch("C")).await.cut,
        Some(ConnectionCut { applied: true })
    );
    assert_eq!(city(&desk), "C");
    order(json!({"fault": "delay", "delay_ms": 700, "count": 1})).await;
    let before = desk.now();
    assert_eq!(desk.hubspot("PATCH", path, patch("D")).await.status, 200);
    assert_eq!(desk.now() - before, 700_000);
    order(json!({"fault": "duplicate", "count": 2})).await;
    desk.sandbox
        .set_switches("crm", &json!({"requests_per_ten_seconds": 1_000}))
        .unwrap();
    assert_eq!(
        desk.hubspot("PATCH", path, patch("E"))
            .await
            .header("x-hubspot-ratelimit-remaining"),
        "997"
    );
    assert_eq!(
        desk.hubspot("GET", path, Value::Null)
            .await
            .header("x-hubspot-ratelimit-remaining"),
        "995",
        "it came twice"
    );

    let statuses: Vec<Value> = desk
        .control("GET", "calls", Value::Null)
        .await
        .body
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["system"] == "crm")
        .map(|call| json!([call["status"], call["fault"]]))
        .collect();
    assert_eq!(
        statuses,
        [
            json!([502, "status 502"]),
            json!([null, "drop_before"]),
            json!([null, "drop_after"]),
            json!([200, "delay"]),
            json!([200, "duplicate"]),
            json!([200, "duplicate"])
        ]
    );
    assert!(desk.sandbox.faults().is_empty(), "used up");
    order(json!({"fault": "status"})).await;
    assert_eq!(desk.hubspot("GET", path, Value::Null).await.status, 503);
    assert_eq!(desk.control("DELETE", "faults", Value::Null).await.status, 204);
    assert_eq!(desk.hubspot("GET", path, Value::Null).await.status, 200);
    assert_eq!(order(json!({"fault": "earthquake"})).await.status, 400);
    assert_eq!(order(json!({"fault": "delay", "rate": 7})).await.status, 400);
}

#[tokio::test]
async fn a_late_call_lands_when_nobody_expects_it() {
    let desk = desk().await;
    let city = |desk: &Desk| desk.sandbox.record("crm", "contacts", "51001").unwrap()["properties"]["city"].clone();
    let path = "crm/v3/objects/contacts/51001";
    desk.control(
        "POST",
        "faults",
        json!({"fault": "drop_late", "delay_ms": 3_000, "count": 1}),
    )
    .await;
    let answer = desk
        .hubspot("PATCH", path, json!({"properties": {"city": "Late"}}))
        .await;
    assert_eq!(answer.cut, Some(ConnectionCut { applied: false }));
    desk.advance(1_000);
    desk.sandbox
        .person_edit("crm", "contacts", "51001", &json!({"city": "Meanwhile"}))
        .unwrap();
    desk.advance(1_999);
    assert_eq!(city(&desk), "Meanwhile");
    desk.advance(10);
    assert_eq!(city(&desk), "Late");
    let record = desk.sandbox.record("crm", "contacts", "51001").unwrap();
    assert_eq!(
        record["updatedAt"], "2026-03-02T00:34:59.123Z",
        "at its own time, not when somebody looked"
    );
}

#[tokio::test]
async fn a_repeated_request_makes_no_second_record() {
    let desk = desk().await;
    desk.control("POST", "faults", json!({"fault": "duplicate"})).await;
    desk.halaxy("POST", "Patient", json!({"name": [{"family": "S"}]})).await;
    desk.hubspot(
        "POST",
        "crm/v3/objects/contacts",
        json!({"properties": {"firstname": "S"}}),
    )
    .await;
    assert_eq!(desk.sandbox.records("halaxy", "Patient").unwrap().len(), 4);
    assert_eq!(desk.sandbox.records("crm", "contacts").unwrap().len(), 4);
}

#[tokio::test]
async fn the_hook_acts_between_arrival_effect_and_answer() {
    let desk = desk().await;
    let sandbox = desk.sandbox.clone();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    desk.sandbox.on_call(Box::new(move |call| {
        noted
            .lock()
            .unwrap()
            .push((call.phase, call.method.clone(), call.status));
        if call.method != "PATCH" {
            return Verdict::Go;
        }
        // Somebody types just before the write lands, and again before its answer is out.
        let city = if call.phase == Phase::Arrived {
            "Before"
        } else {
            "After"
        };
        sandbox
            .person_edit("crm", "contacts", "51001", &json!({"city": city}))
            .unwrap();
        if call.phase == Phase::Applied {
            Verdict::Cut
        } else {
            Verdict::Go
        }
    }));
    let path = "crm/v3/objects/contacts/51001";
    let answer = desk
        .hubspot("PATCH", path, json!({"properties": {"city": "Written"}}))
        .await;
    assert_eq!(answer.cut, Some(ConnectionCut { applied: true }));
    let read = desk
        .hubspot("GET", &format!("{path}?propertiesWithHistory=city"), Value::Null)
        .await;
    let history = read.body["propertiesWithHistory"]["city"].as_array().unwrap();
    let values: Vec<&str> = history
        .iter()
        .map(|version| version["value"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["After", "Written", "Before", "Sampleton"]);
    assert_eq!(
        seen.lock().unwrap()[..2],
        [
            (Phase::Arrived, "PATCH".to_owned(), None),
            (Phase::Applied, "PATCH".to_owned(), Some(200))
        ]
    );
    desk.sandbox.clear_hook();
    assert_eq!(
        desk.hubspot("PATCH", path, json!({"properties": {"city": "x"}}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn manners_change_what_the_products_do() {
    let desk = desk().await;
    assert_eq!(
        desk.control("POST", "manners", json!({"mode": "polite"})).await.status,
        200
    );
    for _ in 0..600 {
        assert_eq!(desk.halaxy("GET", "Patient/900001", Value::Null).await.status, 200);
    }
    desk.control("POST", "manners", json!({"mode": "nasty"})).await;
    let mut struck = 0;
    for _ in 0..2_000 {
        let answer = desk.hubspot("GET", "crm/v3/objects/contacts/51001", Value::Null).await;
        struck += usize::from(answer.status != 200);
        desk.advance(100);
    }
    assert!((20..90).contains(&struck), "{struck} of 2,000");
    let faults = desk
        .sandbox
        .calls_after(0)
        .into_iter()
        .filter_map(|call| call.fault)
        .collect::<std::collections::BTreeSet<_>>();
    for kind in [
        "drop_before",
        "drop_after",
        "status 429",
        "status 503",
        "status 502 after the effect",
        "delay",
        "duplicate",
        "drop_late",
    ] {
        assert!(faults.contains(kind), "{kind} missing in {faults:?}");
    }
    assert_eq!(
        desk.control("POST", "manners", json!({"mode": "rude"})).await.status,
        400
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_run() {
    let run = || async {
        let mut desk = Desk::open(Manners::Nasty, CrmKind::Hubspot, 40, 40).await;
        desk.control("POST", "manners", json!({"mode": "nasty"})).await;
        let mut trace = String::new();
        desk.token = "none".into();
        for n in 0..300 {
            let answer = desk
                .hubspot("POST", "crm/v3/objects/contacts/search", json!({"limit": 5}))
                .await;
            trace.push_str(&format!("{} {}\n", answer.status, answer.text));
            let patch = json!({"properties": {"city": format!("City{n}")}});
            trace.push_str(&desk.hubspot("PATCH", "crm/v3/objects/contacts/51003", patch).await.text);
            desk.advance(300);
        }
        trace + &desk.at.halaxy.client_secret
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn over_http_a_cut_connection_gives_nothing_at_all() {
    let sandbox = Sandbox::new(SandboxOptions {
        patients: common::people(1),
        ..SandboxOptions::default()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(sandbox.clone().serve(listener, async {
        let _ = stopped.await;
    }));
    let ask = |sandbox: Arc<Sandbox>| async move {
        let token = sandbox.endpoints("").crm.token;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /hubspot/crm/v3/objects/contacts HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        // A reset is as good as an end.
        let _ = stream.read_to_string(&mut text).await;
        text
    };
    let whole = ask(sandbox.clone()).await;
    assert!(
        whole.starts_with("HTTP/1.1 200 OK") && whole.contains("\r\ndate: "),
        "{whole}"
    );
    for fault in [FaultKind::DropBefore, FaultKind::DropAfter] {
        let rule = serde_json::from_value(json!({"fault": fault, "count": 1})).unwrap();
        sandbox.set_faults(vec![rule]);
        assert_eq!(ask(sandbox.clone()).await, "", "{fault:?}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_endpoints_are_the_line_that_the_command_prints() {
    let desk = desk().await;
    let shown = serde_json::to_value(&desk.at).unwrap();
    assert_eq!(shown["halaxy"]["base_url"], "http://stand-in.example/halaxy/main/");
    assert_eq!(shown["crm"]["base_url"], "http://stand-in.example/hubspot");
    assert_eq!(shown["control_url"], "http://stand-in.example/control");
    assert_eq!(shown["books"]["base_url"], "http://stand-in.example/books/api.xro/2.0");
    for member in [
        "token_url",
        "authorize_url",
        "connections_url",
        "client_id",
        "client_secret",
        "refresh_token",
        "tenant_id",
    ] {
        assert!(shown["books"][member].is_string(), "{member}");
    }
    assert!(shown["crm"]["token"].is_string() && shown["halaxy"]["client_id"].is_string());
}
