//! Reads and writes against the stand-in.

mod support;

use adapter_halaxy::{Compare, HalaxyAdapter, HalaxyOptions, OptionsError, Query, Region};
use adapter_kit::{Adapter, Answer, Failure, ManualClock, Outgoing, Read, RefusalKind};
use adapter_sandbox::{Manners, Phase, Verdict};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use support::{Practice, in_process};

fn update(id: &str, before: &Json, after: Json) -> Outgoing {
    Outgoing::Update {
        key: "k".into(),
        id: id.into(),
        before: before.clone(),
        after,
        version: None,
    }
}

fn with(body: &Json, member: &str, value: Json) -> Json {
    let mut body = body.clone();
    body[member] = value;
    body
}

async fn body(adapter: &HalaxyAdapter, id: &str) -> Json {
    adapter
        .client()
        .read("Patient", id)
        .await
        .expect("a read")
        .expect("a patient")
}

/// Notes the bodies of all writes.
fn watch(practice: &Practice) -> Arc<Mutex<Vec<(String, Json)>>> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = sent.clone();
    practice.sandbox.on_call(Box::new(move |call| {
        if call.phase == Phase::Arrived && call.path.contains("/Patient") && call.method != "GET" {
            let body = serde_json::from_slice(&call.body).expect("JSON");
            log.lock()
                .expect("a log")
                .push((format!("{} {}", call.method, call.path), body));
        }
        Verdict::Go
    }));
    sent
}

#[tokio::test]
async fn an_update_sends_only_the_members_that_differ() {
    let practice = Practice::new(Manners::Real, 1);
    let adapter = practice.adapter();
    let id = practice.ids().into_iter().next().expect("a patient");
    let before = body(&adapter, &id).await;
    let sent = watch(&practice);
    let telecom = json!([{"system": "sms", "use": "mobile", "value": "+61491570006"}]);
    let answers = adapter
        .write(
            "Patient",
            vec![update(&id, &before, with(&before, "telecom", telecom.clone()))],
        )
        .await;
    let [
        Answer::Applied {
            id: answered,
            record: Some(record),
        },
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!((answered, &record.body["telecom"]), (&id, &telecom));
    assert_eq!(record.body["name"], before["name"]);
    let log = sent.lock().expect("a log").clone();
    assert_eq!(
        log,
        [(format!("PATCH /halaxy/main/Patient/{id}"), json!({"telecom": telecom}))]
    );

    // Nothing differs: nothing is sent.
    let answers = adapter
        .write("Patient", vec![update(&id, &before, before.clone())])
        .await;
    assert!(matches!(answers.as_slice(), [Answer::Applied { .. }]));
    assert_eq!(sent.lock().expect("a log").len(), 1);
}

#[tokio::test]
async fn a_write_that_halaxy_ignores_is_seen_in_the_answer() {
    let practice = Practice::new(Manners::Real, 1);
    let adapter = practice.adapter();
    let id = practice.ids().into_iter().next().expect("a patient");
    let before = body(&adapter, &id).await;
    let answers = adapter
        .write(
            "Patient",
            vec![update(&id, &before, with(&before, "active", json!(false)))],
        )
        .await;
    let [
        Answer::Applied {
            record: Some(record), ..
        },
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!(record.body["active"], true);
}

#[tokio::test]
async fn refusals_name_code_and_member_and_no_value() {
    let practice = Practice::new(Manners::Real, 1);
    let adapter = practice.adapter();
    let id = practice.ids().into_iter().next().expect("a patient");
    let before = body(&adapter, &id).await;
    let wrong = with(&before, "birthDate", json!("the day of the Samplewood fair"));
    let answers = adapter.write("Patient", vec![update(&id, &before, wrong)]).await;
    let [Answer::Refused(refusal)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert_eq!(refusal.path.as_deref(), Some("birthDate"));
    assert!(!format!("{answers:?}").contains("Samplewood"));

    practice.switch(json!({"missing_scopes": ["Patient.write"]}));
    let answers = adapter
        .write(
            "Patient",
            vec![update(&id, &before, with(&before, "gender", json!("other")))],
        )
        .await;
    let [Answer::Refused(refusal)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(refusal.kind, RefusalKind::Forbidden);
}

#[tokio::test]
async fn removed_records_are_gone_and_merged_ones_answer_under_the_survivors_id() {
    let practice = Practice::new(Manners::Real, 3);
    let adapter = practice.adapter();
    let ids: Vec<String> = practice.ids().into_iter().collect();
    let before = body(&adapter, &ids[0]).await;
    practice
        .sandbox
        .person_delete("halaxy", "Patient", &ids[0])
        .expect("removed");
    for gone in ["not_found", "gone"] {
        practice.switch(json!({"removed": gone}));
        let reads = adapter.read("Patient", &ids).await.expect("reads");
        assert!(
            matches!(reads.as_slice(), [Read::Missing, Read::Found(_), Read::Found(_)]),
            "{reads:?}"
        );
    }
    let answers = adapter
        .write(
            "Patient",
            vec![update(&ids[0], &before, with(&before, "gender", json!("other")))],
        )
        .await;
    assert!(matches!(answers.as_slice(), [Answer::Gone]), "{answers:?}");

    practice.switch(json!({"merged": "survivor"}));
    practice
        .sandbox
        .person_merge("halaxy", "Patient", &ids[1], &ids[2])
        .expect("merged");
    let reads = adapter.read("Patient", &ids[1..]).await.expect("reads");
    let [Read::Found(survivor), Read::Found(merged)] = reads.as_slice() else {
        panic!("{reads:?}")
    };
    assert_eq!((&survivor.id, &merged.id), (&ids[1], &ids[1]));
}

#[tokio::test]
async fn a_hundred_records_are_read_by_one_call() {
    let practice = Practice::new(Manners::Real, 100);
    let adapter = practice.adapter();
    let mut ids: Vec<String> = practice.ids().into_iter().collect();
    ids.reverse();
    adapter.client().http().check_credentials().await.expect("a token");
    let before = practice.calls();
    let reads = adapter.read("Patient", &ids).await.expect("reads");
    assert_eq!(practice.calls() - before, 1);
    let read: Vec<String> = reads
        .iter()
        .map(|read| match read {
            Read::Found(remote) => remote.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, ids);
    let strange: Vec<String> = ["", "..", "1,2", "a b/c?d", "$export-ids"]
        .into_iter()
        .map(String::from)
        .collect();
    let reads = adapter.read("Patient", &strange).await.expect("reads");
    assert!(!reads.iter().any(|read| matches!(read, Read::Found(_))), "{reads:?}");
}

#[tokio::test]
async fn writes_of_a_batch_are_answered_in_order_and_those_of_one_record_follow_each_other() {
    let practice = Practice::new(Manners::Real, 30);
    let adapter = practice.adapter();
    let ids: Vec<String> = practice.ids().into_iter().collect();
    let mut writes = Vec::new();
    for id in &ids {
        let before = body(&adapter, id).await;
        let after = with(&before, "gender", json!("other"));
        writes.push(update(id, &before, after));
    }
    let first = body(&adapter, &ids[0]).await;
    writes.push(update(&ids[0], &first, with(&first, "gender", json!("a custom one"))));
    writes.push(update("1", &first, with(&first, "gender", json!("other"))));
    let sent = watch(&practice);
    let answers = adapter.write("Patient", writes).await;
    assert_eq!(answers.len(), 32);
    for (id, answer) in ids.iter().zip(&answers) {
        assert!(
            matches!(answer, Answer::Applied { id: answered, .. } if answered == id),
            "{answer:?}"
        );
    }
    assert!(matches!(answers[31], Answer::Gone));
    let path = format!("PATCH /halaxy/main/Patient/{}", ids[0]);
    let of_first: Vec<Json> = sent
        .lock()
        .expect("a log")
        .iter()
        .filter(|(to, _)| *to == path)
        .map(|(_, body)| body.clone())
        .collect();
    assert_eq!(
        of_first,
        [json!({"gender": "other"}), json!({"gender": "a custom one"})]
    );
    assert_eq!(body(&adapter, &ids[0]).await["gender"], "a custom one");
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_unknown_and_made_once() {
    let practice = Practice::new(Manners::Real, 0);
    let adapter = practice.adapter();
    for status in [None, Some(502)] {
        let before = practice.ids().len();
        practice.sandbox.on_call(Box::new(move |call| {
            let meant = call.phase == Phase::Applied && call.method == "POST" && call.path.ends_with("/Patient");
            match (meant, status) {
                (false, _) => Verdict::Go,
                (true, None) => Verdict::Cut,
                (true, Some(status)) => Verdict::Status(status),
            }
        }));
        let body =
            json!({"resourceType": "Patient", "id": "ours", "name": [{"use": "official", "family": "Samplewood"}]});
        let create = Outgoing::Create {
            key: "k".into(),
            reference: "r".into(),
            body,
        };
        let answers = adapter.write("Patient", vec![create]).await;
        let [Answer::Unknown(error)] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert!(!error.not_processed);
        assert_eq!(practice.ids().len() - before, 1);
    }
}

#[tokio::test]
async fn the_typed_client_searches_exports_and_describes() {
    let practice = Practice::new(Manners::Real, 250);
    let adapter = practice.adapter();
    let client = adapter.client();
    let mut exported = client.export_ids().await.expect("ids");
    exported.sort();
    assert_eq!(exported, practice.ids().into_iter().collect::<Vec<_>>());
    let found = client
        .search_all("Patient", Query::all().family(Compare::Exact, "Samplewood17"))
        .await
        .expect("rows");
    assert_eq!(found.len(), 1);
    let born = Query::all().birth_date("1988-04-17").sort("created").total(true);
    assert_eq!(
        client.search("Patient", born.clone(), 1).await.expect("a page").total,
        Some(250)
    );
    assert_eq!(client.search_all("Patient", born).await.expect("rows").len(), 250);
    let made = client.create(
        "Patient",
        json!({"resourceType": "Patient", "name": [{"use": "official", "family": "Fictiva"}]}),
    );
    let made = made.await.expect("a patient");
    let replaced =
        json!({"resourceType": "Patient", "name": [{"use": "official", "family": "Fictiva"}], "gender": "other"});
    let replaced = client.replace("Patient", &made.id, replaced).await.expect("a patient");
    assert_eq!(replaced.record.expect("the record")["gender"], "other");
    let metadata = client.metadata().await.expect("a statement");
    assert_eq!(metadata["resourceType"], "CapabilityStatement");
}

#[tokio::test]
async fn wrong_options_are_said_in_words() {
    let practice = Practice::new(Manners::Real, 1);
    let make = |options: HalaxyOptions| {
        HalaxyAdapter::new(
            "halaxy",
            options,
            in_process(&practice.sandbox),
            Arc::new(ManualClock::new(support::START)),
        )
    };
    let mut nameless = practice.options();
    nameless.user_agent = " ".into();
    assert!(matches!(make(nameless), Err(OptionsError::Empty("user_agent", _))));
    let mut open = practice.options();
    open.base_url = "http://halaxy.example.com/main/".into();
    assert!(make(open).err().expect("plain http").to_string().contains("https"));
    assert_eq!(
        Region::parse("AU").expect("a region").base_url(),
        "https://au-api.halaxy.com/main/"
    );
    assert!(Region::parse("moon").is_err());

    let mut wrong = practice.options();
    wrong.client_secret = "wrong".into();
    let adapter = practice.adapter_with(wrong);
    let probes = adapter.probe(&["Patient".into()]).await;
    let problem = probes
        .iter()
        .find(|probe| probe.what == "token")
        .and_then(|probe| probe.problem.clone());
    assert!(problem.expect("a problem").1.contains("client_secret"));
    let error = adapter.changes("Patient", None).await.expect_err("no token");
    assert_eq!(error.failure, Failure::Auth);
    assert!(!format!("{error:?}").contains("wrong"));
}
