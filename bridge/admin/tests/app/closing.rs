//! Signing a month's close: bound to what was shown, open again when it changes, and told in the history.

use crate::office::{close, keep};
use crate::support::{Browser, House, Page};
use bridge_admin::access::role::Role;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::{Office, Report, What, month_token};
use std::collections::BTreeMap;

const PAGE: &str = "/books/close/2026-10";

fn month() -> Month {
    "2026-10".parse().unwrap()
}

fn take(browsers: &mut BTreeMap<Role, Browser>, role: Role) -> Browser {
    browsers.remove(&role).unwrap()
}

async fn sign(browser: &mut Browser, report: &Report, step: u8, note: &str) -> Page {
    let token = report.steps[usize::from(step) - 1].token(month());
    act(browser, "sign", &step.to_string(), &token, note).await
}

async fn act(browser: &mut Browser, does: &str, what: &str, token: &str, note: &str) -> Page {
    let fields = [
        ("month", "2026-10"),
        ("do", does),
        ("what", what),
        ("token", token),
        ("note", note),
    ];
    browser.post("/books/sign", &fields).await
}

#[tokio::test]
async fn a_month_is_signed_step_by_step_and_opens_again_when_its_figures_change() {
    let (house, mut browsers) = House::full().await;
    let office = Office::new(house.store.clone());
    let mut keeper = take(&mut browsers, Role::Bookkeeper);
    let mut admin = take(&mut browsers, Role::Admin);
    let mut auditor = take(&mut browsers, Role::Auditor);
    let first = close("2026-10", 2);
    let nothing = act(&mut keeper, "sign", "1", &first.steps[0].token(month()), "").await;
    assert_eq!(nothing.status, 404, "nobody walked through the month");
    keep(&house.store, std::slice::from_ref(&first)).await;

    // What is done is signed at once; what is in the way needs a word.
    let page = keeper.get(PAGE).await;
    assert!(page.text.contains("Sign the 9 that are done") && page.text.contains("Signed: 0 of 10 steps"));
    let ready = page.text.split("name=\"token\" value=\"").nth(1).unwrap();
    let ready = ready.split('"').next().unwrap();
    assert_eq!(act(&mut keeper, "ready", "", ready, "").await.to(), PAGE);
    assert_eq!(
        act(&mut keeper, "ready", "", ready, "").await.status,
        409,
        "signed already"
    );
    assert_eq!(sign(&mut keeper, &first, 4, " ").await.status, 422, "without a note");
    let whole = month_token(month(), &first.steps);
    assert_eq!(
        act(&mut keeper, "sign", "month", &whole, "").await.status,
        422,
        "a step is open"
    );
    assert_eq!(sign(&mut keeper, &first, 4, "two of <b>November").await.to(), PAGE);
    assert_eq!(
        sign(&mut admin, &first, 4, "mine").await.status,
        422,
        "signed by somebody else"
    );
    assert_eq!(act(&mut admin, "sign", "month", &whole, "well done").await.to(), PAGE);

    // Auditors see it, and sign nothing.
    let seen = auditor.get(PAGE).await.text;
    for told in [
        "Signed: 10 of 10 steps",
        "two of &lt;b&gt;November",
        "Signed by <b>Administrator</b>",
    ] {
        assert!(seen.contains(told), "{told}: {seen}");
    }
    assert!(!seen.contains("/books/sign"));
    assert_eq!(sign(&mut auditor, &first, 4, "x").await.status, 403);
    assert!(keeper.get("/books").await.text.contains("signed by Administrator"));

    // Figures change: what was signed is open again, and says what is no longer so.
    let second = close("2026-10", 3);
    keep(&house.store, std::slice::from_ref(&second)).await;
    let page = keeper.get(PAGE).await.text;
    assert!(
        page.contains("differences: 2 then, 3 now") && page.contains("Signed: 9 of 10 steps"),
        "{page}"
    );
    assert!(page.contains("step 4 is not signed as it stands"));
    assert!(
        keeper
            .get("/books")
            .await
            .text
            .contains("signed by Administrator, and changed since")
    );
    assert_eq!(
        sign(&mut keeper, &first, 4, "again").await.status,
        409,
        "that was another list"
    );
    assert_eq!(sign(&mut admin, &second, 4, "three of them").await.to(), PAGE);
    let page = keeper.get(PAGE).await.text;
    assert!(page.contains("step 4 was signed with other figures since"), "{page}");
    let whole = month_token(month(), &second.steps);
    assert_eq!(
        act(&mut keeper, "sign", "month", &whole, "").await.to(),
        PAGE,
        "one that does not stand gives way"
    );

    // Taking back: what is shown, once.
    let signed = office
        .signatures(month())
        .await
        .unwrap()
        .of_step(&second.steps[3])
        .unwrap();
    let token = signed.sign_off.token_of_it();
    assert_eq!(act(&mut auditor, "withdraw", "4", &token, "").await.status, 403);
    assert_eq!(act(&mut keeper, "withdraw", "3", &token, "").await.status, 409);
    assert_eq!(act(&mut keeper, "withdraw", "4", &token, "").await.to(), PAGE);
    assert_eq!(act(&mut keeper, "withdraw", "4", &token, "").await.status, 409);
    let of_month = office
        .signatures(month())
        .await
        .unwrap()
        .of_month(&second.steps)
        .unwrap();
    assert_eq!(of_month.changes, ["step 4 is not signed as it stands"]);

    let told = house.store.latest_audit(None, false, 100).await.unwrap();
    let words: Vec<&str> = told
        .iter()
        .filter(|(_, l)| l.event == "books")
        .map(|(_, l)| l.reason.as_str())
        .collect();
    assert_eq!(words.len(), 14, "{words:?}");
    assert_eq!(
        [words[0], words[1], words[2]],
        [
            "withdrawn by Bookkeeper: closing 2026-10, step 4, signed by Administrator",
            "signed by Bookkeeper: closing 2026-10, the month",
            "signed by Administrator: closing 2026-10, step 4",
        ]
    );
    assert!(
        words.iter().all(|line| !line.contains("November")),
        "notes stay where they are sealed"
    );
    assert!(!String::from_utf8_lossy(&house.on_disk()).contains("November"));
}

#[tokio::test]
async fn of_two_who_sign_at_once_one_is_told() {
    let (house, _) = House::full().await;
    let report = close("2026-10", 0);
    keep(&house.store, std::slice::from_ref(&report)).await;
    let office = Office::new(house.store.clone());
    let token = report.steps[0].token(month());
    let sign = |by: &'static str| office.sign(month(), What::Step(1), &token, (by, ""), 1);
    let (one, two) = tokio::join!(sign("Dana"), sign("Kim"));
    assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn what_makes_no_sense_signs_nothing() {
    let (house, mut browsers) = House::full().await;
    let report = close("2026-10", 0);
    keep(&house.store, std::slice::from_ref(&report)).await;
    let mut keeper = take(&mut browsers, Role::Bookkeeper);
    for (does, what, token, status) in [
        ("sign", "11", "", 400),
        ("sign", "", "", 400),
        ("burn", "4", "", 400),
        ("ready", "4", "", 400),
        ("ready", "", "0123", 409),
        ("sign", "4", "0123", 409),
        ("withdraw", "4", "0123", 409),
    ] {
        assert_eq!(
            act(&mut keeper, does, what, token, "").await.status,
            status,
            "{does} {what}"
        );
    }
    let fields = [("month", "October"), ("do", "sign"), ("what", "1")];
    assert_eq!(keeper.post("/books/sign", &fields).await.status, 400);
    assert!(
        Office::new(house.store.clone())
            .signatures(month())
            .await
            .unwrap()
            .is_empty()
    );
}
