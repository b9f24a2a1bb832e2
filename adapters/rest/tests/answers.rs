//! What answers mean: throttles, errors in every dress, and what a failed write has done.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Adapter, Answer, Failure, Outgoing, Read, RefusalKind};
use bridge_core::Version;
use common::stub::{Asked, Reply, Stub, connector, empty, ok, reply, stub};
use common::{KIND, applied};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CREATE: &str = "[kinds.contacts.create]\ncall = \"POST contacts\"\nbody = { \"...\" = \"{{ body }}\", ref = \"{{ reference }}\" }\nid = \"id\"\n";
const UPDATE: &str = "[kinds.contacts.update]\ncall = \"PATCH contacts/{{ id }}\"\nbody = \"{{ changes }}\"\n";

fn product(head: &str, kind: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Stub {
    stub(&connector(head, kind), answer)
}

/// Answers the first so many calls one way, and the others well.
fn first(
    count: usize,
    bad: impl Fn() -> Reply + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    let calls = AtomicUsize::new(0);
    move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) < count {
            bad()
        } else {
            ok(json!({"items": []}))
        }
    }
}

fn change(before: Json, after: Json, version: Option<Version>) -> Outgoing {
    Outgoing::Update {
        key: "k1".into(),
        id: "7".into(),
        before,
        after,
        version,
    }
}

async fn update(stub: &Stub) -> Answer {
    stub.adapter
        .write(KIND, vec![change(json!({"a": 1}), json!({"a": 2}), None)])
        .await
        .remove(0)
}

async fn create(stub: &Stub) -> Answer {
    let create = Outgoing::Create {
        key: "k1".into(),
        reference: "r1".into(),
        body: json!({"a": 1}),
    };
    stub.adapter.write(KIND, vec![create]).await.remove(0)
}

#[tokio::test]
async fn throttles_by_status_header_and_body_are_waited_out() {
    let by_status = product("", "", first(1, || reply(429, json!({})).with("retry-after", "7")));
    let by_header_rule = "[[errors]]\nheaders = { X-Rate-Limit-Problem = [\"minute\", \"concurrent\"] }\nmeans = \"throttled\"\nwait_header = \"X-Reset\"\n";
    let by_header = product(
        by_header_rule,
        "",
        first(1, || {
            reply(403, json!({}))
                .with("x-rate-limit-problem", "Minute")
                .with("x-reset", "7")
        }),
    );
    let by_body_rule = "[[errors]]\nstatus = 403\nwhere = { \"errors.code\" = \"REQUEST_LIMIT_EXCEEDED\" }\nmeans = \"throttled\"\nwait_at = \"wait\"\n";
    let by_body = product(
        by_body_rule,
        "",
        first(1, || {
            reply(403, json!({"errors": [{"code": "REQUEST_LIMIT_EXCEEDED"}], "wait": 7}))
        }),
    );
    for stub in [by_status, by_header, by_body] {
        let start = stub.clock.now_for_test();
        stub.adapter.changes(KIND, None).await.unwrap();
        let waited = stub.clock.now_for_test() - start;
        assert!((7_000_000..9_000_000).contains(&waited), "{waited}");
        assert_eq!((stub.adapter.usage().calls, stub.adapter.usage().throttled), (2, 1));
    }
}

#[tokio::test]
async fn a_used_up_day_is_told_apart() {
    let rules =
        "[[errors]]\nstatus = 429\nheaders = { X-Rate-Limit-Problem = \"day\" }\nmeans = \"day\"\nwait = \"6h\"\n";
    let stub = product(rules, UPDATE, |_| {
        reply(429, json!({})).with("x-rate-limit-problem", "day")
    });
    let error = stub.adapter.changes(KIND, None).await.unwrap_err();
    assert_eq!(error.failure, Failure::DayBudget(Some(Duration::from_secs(21_600))));
    let Answer::Later(error) = update(&stub).await else {
        panic!()
    };
    assert!(error.not_processed);
}

#[tokio::test]
async fn errors_inside_a_200() {
    let head = "[answers]\ngood = { status = { not = \"error\" } }\ncode = \"error.code\"\n\
        [[errors]]\nstatus = 200\nwhere = { \"error.code\" = \"limit\" }\nmeans = \"throttled\"\nwait = \"5s\"\n\
        [[errors]]\nwhere = { \"error.code\" = \"exists\" }\nmeans = \"taken\"\nmember = \"error.field\"\n\
        [[errors]]\nwhere = { \"error.code\" = \"unknown_id\" }\nmeans = \"gone\"\n";
    let rpc = "[kinds.contacts.list]\ncall = \"POST rpc\"\nbody = { method = \"contact.list\", params = { limit = \"{{ page.size }}\" } }\nrecords = \"result\"\npaging = { style = \"single\" }\n\
        [kinds.contacts.read]\ncall = \"POST rpc\"\nbody = { method = \"contact.get\", params = { id = \"{{ id }}\" } }\nrecords = \"result\"\n\
        [kinds.contacts.create]\ncall = \"POST rpc\"\nbody = { method = \"contact.add\", params = \"{{ body }}\" }\nid = \"result.id\"\n\
        [kinds.contacts.update]\ncall = \"POST rpc\"\nbody = { method = \"contact.set\", params = { id = \"{{ id }}\", \"...\" = \"{{ changes }}\" } }\n";
    let calls = AtomicUsize::new(0);
    let stub = product(head, rpc, move |asked| {
        let body = asked.json();
        let failed = |code: &str| {
            ok(
                json!({"status": "error", "error": {"code": code, "field": "email", "message": "mimi@example.org is taken"}}),
            )
        };
        match body["method"].as_str().unwrap() {
            "contact.list" if calls.fetch_add(1, Ordering::SeqCst) == 0 => failed("limit"),
            "contact.list" => ok(json!({"status": "ok", "result": [{"id": 7}]})),
            "contact.get" if body["params"]["id"] == "7" => ok(json!({"status": "ok", "result": {"id": 7, "a": 1}})),
            "contact.get" => failed("unknown_id"),
            "contact.add" => failed("exists"),
            "contact.set" if body["params"] == json!({"id": "7", "a": 2}) => ok(json!({"status": "ok"})),
            _ => failed("strange"),
        }
    });
    assert_eq!(stub.adapter.changes(KIND, None).await.unwrap().records[0].id, "7");
    assert_eq!(stub.adapter.usage().throttled, 1);
    let read = stub.adapter.read(KIND, &["7".into(), "8".into()]).await.unwrap();
    assert!(matches!(&read[0], Read::Found(record) if record.body["a"] == 1));
    assert!(matches!(read[1], Read::Missing));
    let Answer::Refused(refusal) = create(&stub).await else {
        panic!()
    };
    assert_eq!(
        (refusal.kind, refusal.code.as_str(), refusal.path.as_deref()),
        (RefusalKind::Taken, "exists", Some("email"))
    );
    assert!(matches!(update(&stub).await, Answer::Applied { .. }));
    let odd = stub
        .adapter
        .write(KIND, vec![change(json!({}), json!({"b": 1}), None)])
        .await
        .remove(0);
    let Answer::Refused(refusal) = odd else {
        panic!("{odd:?}")
    };
    assert_eq!(
        (refusal.kind, refusal.code.as_str()),
        (RefusalKind::Invalid, "strange"),
        "not good, and no rule for it"
    );
}

#[tokio::test]
async fn what_a_failed_write_has_done() {
    type Is = fn(&Answer) -> bool;
    let cases: [(fn() -> Reply, Is); 9] = [
        (
            || reply(429, json!({})),
            |a| matches!(a, Answer::Later(e) if e.not_processed),
        ),
        (
            || reply(401, json!({})),
            |a| matches!(a, Answer::Later(e) if e.failure == Failure::Auth),
        ),
        (
            || reply(403, json!({})),
            |a| matches!(a, Answer::Refused(r) if r.kind == RefusalKind::Forbidden),
        ),
        (|| reply(404, json!({})), |a| matches!(a, Answer::Gone)),
        (|| reply(412, json!({})), |a| matches!(a, Answer::Moved)),
        (
            || reply(422, json!({})),
            |a| matches!(a, Answer::Refused(r) if r.kind == RefusalKind::Invalid && r.code == "422"),
        ),
        (|| empty(500), |a| matches!(a, Answer::Unknown(e) if !e.not_processed)),
        (|| empty(504), |a| matches!(a, Answer::Unknown(_))),
        (
            || empty(204),
            |a| matches!(a, Answer::Applied { id, record: None } if id == "7"),
        ),
    ];
    for (at, (answer, is)) in cases.into_iter().enumerate() {
        let stub = product("", UPDATE, move |_| answer());
        let told = update(&stub).await;
        assert!(is(&told), "case {at}: {told:?}");
        assert_eq!(stub.asked().len(), 1, "a write is sent once");
    }
}

#[tokio::test]
async fn a_create_whose_answer_says_nothing_is_unknown() {
    for answer in [|| ok(json!({})), || ok(json!({"id": null})), || empty(201)] {
        let stub = product("", CREATE, move |_| answer());
        assert!(matches!(create(&stub).await, Answer::Unknown(_)));
    }
    let garbled = product("", CREATE, |_| Reply::text(200, "<html>"));
    assert!(matches!(create(&garbled).await, Answer::Unknown(_)));
    let absent = product("", CREATE, |_| reply(404, json!({})));
    assert!(
        matches!(create(&absent).await, Answer::Refused(_)),
        "a 404 to a create is about no record"
    );
}

#[tokio::test]
async fn codes_that_could_be_a_persons_data_are_not_passed_on() {
    let stub = product("[answers]\ncode = \"error\"\n", UPDATE, |_| {
        reply(400, json!({"error": "mimi@example.org is wrong"}))
    });
    let Answer::Refused(refusal) = update(&stub).await else {
        panic!()
    };
    assert_eq!(refusal.code, "400");
    assert!(!format!("{:?}", stub.adapter.changes(KIND, None).await.unwrap_err()).contains("mimi"));
}

#[tokio::test]
async fn conditional_writes_by_header_and_by_member() {
    let by_header = "record = { id = \"id\", version = { header = \"ETag\" } }\n[kinds.contacts.update]\ncall = \"PATCH contacts/{{ id }}\"\n\
        headers = { If-Match = \"{{ version }}\" }\nbody = \"{{ changes }}\"\nguard = \"version\"\n";
    let stub = product("", by_header, |asked| {
        match (asked.method.as_str(), asked.header("if-match")) {
            ("GET", _) => ok(json!({"id": "7", "a": 1})).with("etag", "\"v5\""),
            ("PATCH", "\"v5\"") => empty(204),
            _ => reply(412, json!({})),
        }
    });
    let traits = stub.adapter.traits(KIND);
    assert_eq!(
        (traits.guard, traits.versions),
        (adapter_kit::Guard::Conditional, adapter_kit::Versions::Opaque)
    );
    let Read::Found(record) = stub.adapter.read(KIND, &["7".into()]).await.unwrap().remove(0) else {
        panic!()
    };
    assert_eq!(record.version, Some(Version::Opaque("\"v5\"".into())));
    let write = |version| {
        stub.adapter
            .write(KIND, vec![change(json!({"a": 1}), json!({"a": 2}), version)])
    };
    assert!(matches!(write(record.version.clone()).await[0], Answer::Applied { .. }));
    assert!(matches!(
        write(Some(Version::Opaque("\"v4\"".into()))).await[0],
        Answer::Moved
    ));

    let head = "[[errors]]\nstatus = 400\nwhere = { \"Fault.code\" = 5010 }\nmeans = \"moved\"\n";
    let by_member = "record = { id = \"Id\", version = { at = \"SyncToken\", style = \"counting\" } }\n[kinds.contacts.update]\ncall = \"POST customer\"\n\
        body = { \"...\" = \"{{ changes }}\", Id = \"{{ id }}\", SyncToken = \"{{ version }}\", sparse = true }\nguard = \"version\"\nrecords = \"Customer\"\nanswer = \"written\"\n";
    let stub = product(head, by_member, |asked| {
        let body = asked.json();
        assert_eq!(
            (&body["Id"], &body["sparse"], body.get("b")),
            (&json!("7"), &json!(true), None)
        );
        match body["SyncToken"] == json!(3) {
            true => ok(json!({"Customer": {"Id": "7", "SyncToken": "4", "a": 2, "b": 1}})),
            false => reply(400, json!({"Fault": {"code": 5010}})),
        }
    });
    let write = |version| {
        stub.adapter.write(
            KIND,
            vec![change(json!({"a": 1, "b": 1}), json!({"a": 2, "b": 1}), version)],
        )
    };
    let (_, record) = applied(write(Some(Version::Counting(3))).await.remove(0));
    assert_eq!(record.unwrap().version, Some(Version::Counting(4)));
    assert!(matches!(write(Some(Version::Counting(2))).await[0], Answer::Moved));
}

#[tokio::test]
async fn form_bodies_and_idempotency_keys() {
    let form = "[kinds.contacts.create]\ncall = \"POST contacts\"\nencoding = \"form\"\nheaders = { Idempotency-Key = \"{{ key }}\" }\n\
        body = { contact = \"{{ body }}\", tags = [\"a\", \"b\"], data = \"{{ body | tojson }}\", none = \"{{ body.missing }}\" }\nid = \"id\"\nidempotent = true\n";
    let stub = product("", form, |_| ok(json!({"id": 9})));
    assert!(stub.adapter.traits(KIND).create_is_idempotent);
    assert_eq!(applied(create(&stub).await).0, "9");
    let asked = stub.last();
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(asked.header("idempotency-key"), "k1");
    let want = [
        ("contact[a]", "1"),
        ("tags", "a"),
        ("tags", "b"),
        ("data", "{\"a\": 1}"),
    ];
    assert_eq!(
        asked.form(),
        want.map(|(name, value)| (name.to_string(), value.to_string()))
    );
}

#[tokio::test]
async fn a_look_up_that_ignores_the_filter_proves_nothing() {
    let find = "record = { id = \"id\", reference = \"ref\" }\n[kinds.contacts.find]\ncall = \"GET contacts\"\nquery = { ref = \"{{ reference }}\" }\nrecords = \"items\"\n";
    let stub = product("", find, |_| {
        ok(json!({"items": [{"id": "1", "ref": "x"}, {"id": "2", "ref": "r1"}]}))
    });
    assert!(stub.adapter.find(KIND, &["r1".into()]).await.is_err());
    let honest = product("", find, |asked| match asked.param("ref") {
        Some("r1") => ok(json!({"items": [{"id": "2", "ref": "r1"}]})),
        _ => ok(json!({"items": []})),
    });
    let found = honest.adapter.find(KIND, &["r1".into(), "r2".into()]).await.unwrap();
    assert_eq!(found.iter().map(|f| f.records.len()).collect::<Vec<_>>(), [1, 0]);
    let silent = product("", find, |_| ok(json!({"message": "ok"})));
    assert!(
        silent.adapter.find(KIND, &["r1".into()]).await.is_err(),
        "no list at all is not an empty one"
    );
}

#[tokio::test]
async fn one_unreadable_record_does_not_hide_the_others() {
    let stub = product("", "at_once = 3\n", |asked| match asked.path.rsplit('/').next() {
        Some("bad") => reply(400, json!({})),
        Some("none") => empty(404),
        Some(id) => ok(json!({"id": id})),
        None => empty(500),
    });
    assert_eq!(stub.adapter.traits(KIND).read_batch, 3);
    let read = stub
        .adapter
        .read(KIND, &["1".into(), "bad".into(), "none".into()])
        .await
        .unwrap();
    assert!(
        matches!(
            (&read[0], &read[1], &read[2]),
            (Read::Found(_), Read::Failed(_), Read::Missing)
        ),
        "{read:?}"
    );
    assert!(
        stub.adapter.read(KIND, &["bad".into()]).await.is_err(),
        "if nothing can be read, it is not one record's fault"
    );
    let escaped = stub.adapter.read(KIND, &["a/b".into()]).await.unwrap();
    assert_eq!(stub.last().path, "/api/contacts/a%2Fb");
    assert_eq!(escaped.len(), 1);
}

#[tokio::test]
async fn many_ids_in_one_address() {
    let read = "[kinds.contacts.read]\ncall = \"GET contacts\"\nbatch = 3\nitem = \"{{ id }}\"\nquery = { IDs = \"{{ items | join(',') }}\" }\nrecords = \"items\"\nsilent_is_missing = true\n";
    let stub = product("", read, |asked| {
        let there = asked.param("IDs").unwrap().split(',').filter(|id| *id != "8");
        ok(json!({"items": there.rev().map(|id| json!({"id": id})).collect::<Vec<_>>()}))
    });
    let read = stub
        .adapter
        .read(KIND, &["7".into(), "8".into(), "9".into()])
        .await
        .unwrap();
    assert_eq!(stub.asked().len(), 1);
    assert!(
        matches!((&read[0], &read[1], &read[2]), (Read::Found(a), Read::Missing, Read::Found(b)) if a.id == "7" && b.id == "9")
    );
}

const BATCH_READ: &str = "[kinds.contacts.read]\ncall = \"POST read\"\nbatch = 4\nitem = \"{{ id }}\"\nbody = { ids = \"{{ items }}\" }\nrecords = \"items\"\nitem_errors = { at = \"errors\", names = { id = \"{{ id }}\" } }\n";

#[tokio::test]
async fn a_batch_proves_only_what_it_says() {
    // 8 was merged into 80, which does not tell; 9 is passed over always.
    let stub = product(
        "[[errors]]\nwhere = { why = \"none\" }\nmeans = \"gone\"\n",
        BATCH_READ,
        |asked| {
            let body = asked.json();
            let (mut items, mut errors) = (Vec::new(), Vec::new());
            for id in body["ids"].as_array().unwrap() {
                match id.as_str().unwrap() {
                    "8" => items.push(json!({"id": "80"})),
                    "9" => {}
                    "6" => errors.push(json!({"id": "6", "why": "none"})),
                    "5" => errors.push(json!({"id": "5", "why": "odd"})),
                    id => items.push(json!({"id": id})),
                }
            }
            ok(json!({"items": items, "errors": errors}))
        },
    );
    let read = stub
        .adapter
        .read(KIND, &["7".into(), "8".into(), "9".into(), "6".into()])
        .await
        .unwrap();
    assert!(matches!(&read[0], Read::Found(record) if record.id == "7"));
    assert!(
        matches!(&read[1], Read::Found(record) if record.id == "80"),
        "asked alone, there is no doubt"
    );
    assert!(
        matches!(&read[2], Read::Failed(_)),
        "neither shown nor said to be missing"
    );
    assert!(matches!(&read[3], Read::Missing));
    let read = stub.adapter.read(KIND, &["5".into(), "7".into()]).await.unwrap();
    assert!(matches!((&read[0], &read[1]), (Read::Failed(_), Read::Found(_))));
}

#[tokio::test]
async fn a_wrong_address_is_no_proof_that_records_are_gone() {
    let stub = product("", BATCH_READ, |_| empty(404));
    let read = stub.adapter.read(KIND, &["7".into(), "8".into()]).await.unwrap();
    assert!(read.iter().all(|read| matches!(read, Read::Failed(_))), "{read:?}");
}

#[tokio::test]
async fn a_rule_for_errors_does_not_hide_one_for_good_statuses() {
    let rules = "[[errors]]\nwhere = { state = \"busy\" }\nmeans = \"invalid\"\n[[errors]]\nstatus = 200\nwhere = { state = \"busy\" }\nmeans = \"not_now\"\nwait = \"1s\"\n";
    let stub = product(rules, UPDATE, |_| ok(json!({"state": "busy"})));
    assert!(matches!(update(&stub).await, Answer::Later(error) if error.not_processed));
}
