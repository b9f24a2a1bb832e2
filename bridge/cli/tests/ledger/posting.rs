//! Posting by the program: killed in the middle, by the service, and with bad input.

use crate::common;
use crate::desk::{Desk, without_approvals};
use common::{Service, connect, run_in};
use reqwest::Method;
use serde_json::json;
use std::process::Stdio;

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_posts_it_posts_nothing_twice_and_nothing_not_at_all() {
    let desk = Desk::open("250").await;
    desk.rules(without_approvals);
    connect(desk.path()).await;
    let (_, preview) = desk.json(&["preview"]);
    // Allocations have no numbers of their own.
    let wanted = preview["documents"].as_u64().unwrap() - preview["by_kind"]["Allocation"][0].as_u64().unwrap_or(0);
    for _ in 0..3 {
        let before = desk.writes().await;
        let mut command = common::program();
        command
            .args(["ledger", "post", "--yes", "-c"])
            .arg(desk.path().join("bridge.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut posting = Service(command.spawn().unwrap());
        // As soon as another call with documents has arrived.
        while desk.writes().await == before && posting.0.try_wait().unwrap().is_none() {}
        posting.0.kill().unwrap();
        posting.0.wait().unwrap();
    }
    // What was on its way may need its time to be given up.
    let (code, post) = desk.json(&["post"]);
    assert_eq!((code, &post["unknown"]), (0, &json!(0)), "{post}");
    assert_eq!(desk.posted().await.len() as u64, wanted);
    let (code, proof) = desk.prove();
    assert_eq!(code, 0, "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_held_with_a_remedy_and_everything_else_goes_on() {
    let desk = Desk::open("40").await;
    desk.rules(|rules| {
        let all = "[[rule]]                         # for everything: health services are mostly GST-free\n";
        let known = "category = [\"Psychology\", \"Allied health\", \"Consultations\", \"Bulk billing\", \"Veterans\", \
            \"NDIS supports\", \"NDIS travel\"]\n";
        let massage = "category = [\"Massage\"]\n";
        rules
            .replace(all, &format!("[[rule]]\n{known}"))
            .replace(massage, &format!("{massage}account = \"200\"\n"))
            + "[[rule]]\nitem = [\"NOTAX\"]\naccount = \"200\"\n[[rule]]\nitem = [\"OLD\"]\naccount = \"299\"\n\
               tax = \"EXEMPTOUTPUT\"\n"
    });
    connect(desk.path()).await;
    let mut bad = vec![];
    for item in ["NEW", "NOTAX", "OLD"] {
        bad.push(format!("invoice {}", desk.invoice(item).await));
    }
    let abroad = json!({ "resourceType": "PaymentTransaction", "type": [{ "text": "Payment" }],
        "method": [{ "text": "EFTPOS" }], "subject": { "reference": "Patient/900001", "type": "Patient" },
        "priceComponent": [{ "type": "base", "amount": { "value": 20.0, "currency": "NZD" } }] });
    let abroad = desk
        .act(Method::POST, "records/halaxy/PaymentTransaction", abroad)
        .await;
    bad.push(format!("payment {}", abroad["id"].as_str().unwrap()));
    let lock = format!("{}-10", desk.month);
    desk.act(
        Method::PATCH,
        "records/books/organisation/-",
        json!({ "PeriodLockDate": lock }),
    )
    .await;

    let check = run_in(desk.path(), &["check"]);
    assert!(
        check.stderr.contains("ledger.toml:") && check.stderr.contains("account 299 is archived"),
        "{check:?}"
    );
    let (code, post) = desk.json(&["post", "--yes"]);
    assert_eq!(code, 3, "{post}");
    let held = post["held"].as_array().unwrap();
    assert_eq!(held.len(), 4, "{post}");
    for (subject, (why, remedy)) in bad.iter().zip([
        ("no rule says which account item NEW belongs to", "Add a [[rule]]"),
        ("no rule names a tax rate", "GST-free and BAS-excluded are different"),
        (
            "account 299 is archived in the books",
            "restore the account in the books",
        ),
        ("it is in NZD, the books are in AUD", "Post it by hand"),
    ]) {
        let held = held.iter().find(|h| h["subject"] == **subject).unwrap();
        assert!(held["why"].as_str().unwrap().contains(why), "{held}");
        assert!(held["remedy"].as_str().unwrap().contains(remedy), "{held}");
    }
    // Nothing is dated in the locked period; all of the month is there all the same.
    let (code, proof) = desk.prove();
    assert!(code == 3 && proof["proof"]["differences"] == json!([]), "{proof}");
    for kind in ["invoices", "payments", "manual_journals"] {
        for record in desk
            .control
            .get(&format!("records/books/{kind}"))
            .await
            .as_array()
            .unwrap()
        {
            let day = record["DateString"].as_str().or(record["Date"].as_str()).unwrap();
            let day: String = match day.strip_prefix("/Date(") {
                Some(rest) => {
                    let millis: i64 = rest.split('+').next().unwrap().parse().unwrap();
                    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
                }
                None => day.to_owned(),
            };
            assert!(day[..10] > *lock, "{record}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_posts_by_itself_once_a_person_approved() {
    let desk = Desk::open("20").await;
    connect(desk.path()).await;
    let _service = common::service(desk.path());
    common::arrives(&desk.control, "calls", |calls| calls.to_string().contains("/Accounts")).await;
    assert!(desk.posted().await.is_empty());
    let (code, told) = desk.json(&["post", "--yes"]);
    assert_eq!((code, &told["service"]), (0, &json!(true)), "{told}");
    common::arrives(&desk.control, "records/books/invoices", |all| {
        !all.as_array().unwrap().is_empty()
    })
    .await;
}
