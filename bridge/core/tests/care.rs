//! Referrals, claim details, files and notes: how they stand, what is made once, what is sent.
#![allow(clippy::unwrap_used)]

use bridge_core::care::attach::MOST_BYTES;
use bridge_core::care::once::{coverage_mark, equal_coverage, equal_referral, referral_mark};
use bridge_core::care::referrer::{referrers, sheet};
use bridge_core::care::{
    Attachment, BadAttachment, BadNote, Coverage, Definition, Limits, Note, Overview, Referral, Standing, State,
};
use bridge_core::codec::Country;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const TODAY: Date = date(2026, 6, 15);

fn body(id: &str) -> Json {
    json!({"resourceType": "Referral", "id": id, "active": true, "priority": false,
        "subject": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"},
        "performer": {"reference": "https://au-api.halaxy.com/main/Practitioner/PR-500001"},
        "requester": {"reference": "PractitionerRole/EP-720001"},
        "referralDefinition": {"reference": "ReferralDefinition/880001"},
        "period": {"start": "2026-01-10", "end": "2027-01-10"},
        "limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 2}})
}

fn read(body: &Json) -> Referral {
    Referral::read(body).unwrap()
}

fn with(change: Json) -> Json {
    let mut body = body("870001");
    body.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    body
}

#[test]
fn every_state_with_what_is_left() {
    // What Halaxy shows, the state, sessions left, days left.
    let table: [(Json, State, Option<i64>, Option<i64>); 13] = [
        (json!({}), State::Active, Some(8), Some(210)),
        (
            json!({"limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 8}}),
            State::Expiring,
            Some(2),
            Some(210),
        ),
        (
            json!({"limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 10}}),
            State::UsedUp,
            Some(0),
            Some(210),
        ),
        // Used may exceed the limit.
        (
            json!({"limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 12}}),
            State::UsedUp,
            Some(-2),
            Some(210),
        ),
        (
            json!({"period": {"start": "2026-01-10", "end": "2026-07-14"}}),
            State::Expiring,
            Some(8),
            Some(30),
        ),
        (
            json!({"period": {"start": "2026-01-10", "end": "2026-07-15"}}),
            State::Active,
            Some(8),
            Some(31),
        ),
        // The last day counts.
        (
            json!({"period": {"start": "2026-01-10", "end": "2026-06-15"}}),
            State::Expiring,
            Some(8),
            Some(1),
        ),
        // `active` does not turn false at the end.
        (
            json!({"period": {"start": "2026-01-10", "end": "2026-06-14"}, "active": true}),
            State::Expired,
            Some(8),
            Some(0),
        ),
        (json!({"period": {"start": "2026-08-01"}}), State::NotYet, Some(8), None),
        (json!({"active": false}), State::Inactive, Some(8), Some(210)),
        // Some hold only a comment.
        (
            json!({"period": null, "limitQuantity": null, "comment": "see letter"}),
            State::Active,
            None,
            None,
        ),
        (
            json!({"limitQuantity": null, "limitMoney": {"amount": {"value": 500.5, "currency": "AUD"}, "amountUsed": 500.5}}),
            State::UsedUp,
            None,
            Some(210),
        ),
        // Numbers as texts, a moment for a day.
        (
            json!({"limitQuantity": {"quantity": "10", "quantityUsed": "1.0"}, "period": {"end": "2027-01-10T23:59:59+11:00"}}),
            State::Active,
            Some(9),
            Some(210),
        ),
    ];
    for (change, state, sessions, days) in table {
        let referral = read(&with(change.clone()));
        let standing = Standing::of(&referral, TODAY, &Limits::default());
        assert_eq!(
            (standing.state, standing.sessions_left, standing.days_left),
            (state, sessions, days),
            "{change}"
        );
    }
}

#[test]
fn what_cannot_be_understood_is_named_without_its_value() {
    for (change, member) in [
        (json!({"subject": null}), "subject"),
        (json!({"period": {"end": "sometime secret"}}), "/period/end"),
        (
            json!({"limitQuantity": {"quantity": {"value": "secret"}}}),
            "/limitQuantity/quantity",
        ),
        (
            json!({"limitMoney": {"amount": {"value": 10.001}}}),
            "/limitMoney/amount",
        ),
        (json!({"resourceType": "Patient"}), "resourceType"),
    ] {
        let wrong = Referral::read(&with(change)).unwrap_err();
        assert_eq!(wrong.member, member);
        assert!(!wrong.to_string().contains("secret"), "{wrong}");
    }
}

#[test]
fn a_kind_gives_limits_that_the_referral_leaves_open() {
    let kind = json!({"resourceType": "ReferralDefinition", "id": "880001", "name": "Ten-session plan",
        "limitQuantity": {"quantity": {"value": 6}}});
    let kinds = [Definition::read(&kind).unwrap()];
    let open = with(json!({"limitQuantity": {"quantityUsed": 5}}));
    assert_eq!(read(&open).with(&kinds).sessions, Some(6));
    assert_eq!(read(&body("870001")).with(&kinds).sessions, Some(10));
    // The documentation speaks of the kind's name.
    let named = with(json!({"limitQuantity": null, "referralDefinition": {"display": "Ten-session plan"}}));
    assert_eq!(read(&named).with(&kinds).sessions, Some(6));
}

#[test]
fn the_preferred_one_is_used_and_one_that_lasts_needs_no_alert() {
    let end = |id: &str, end: &str, preferred: bool, performer: &str| {
        let mut body = body(id);
        body["period"]["end"] = end.into();
        body["priority"] = preferred.into();
        body["performer"] = json!({"reference": format!("Practitioner/{performer}")});
        read(&body)
    };
    let soon = end("1", "2026-06-20", false, "PR-1");
    let preferred = end("2", "2027-06-20", true, "PR-2");
    let other = end("3", "2026-06-25", false, "PR-3");
    let over = end("4", "2026-06-01", true, "PR-4");
    let long_over = end("5", "2026-01-01", false, "PR-5");
    let all = [soon.clone(), preferred, other, over, long_over];
    let view = Overview::of(&all, TODAY, Limits::default());
    assert_eq!(view.in_use("900001").unwrap().0.id, "2");
    assert_eq!(view.units("900001").until.unwrap().to_string(), "2027-06");
    let alerts: Vec<String> = view.alerts().into_iter().map(|a| a.referral).collect();
    // What ended before the limit of days is nobody's business any more.
    assert_eq!(alerts, ["1", "3", "4"]);
    assert_eq!(view.counts()[&State::Expired], 2);

    let renewed = [soon, end("6", "2027-06-20", false, "PR-1")];
    let view = Overview::of(&renewed, TODAY, Limits::default());
    assert!(view.alerts().is_empty());
    // Without a preferred one the first to end is used first.
    assert_eq!(view.in_use("900001").unwrap().0.id, "1");
    assert_eq!(view.units("900002").sessions_left, None);
}

#[test]
fn what_is_equal_is_found_however_it_is_spelt() {
    let there = [read(&body("870001"))];
    let mut same = body("asked");
    same["requester"] = json!({"reference": "https://au-api.halaxy.com/main/PractitionerRole/EP-720001"});
    same["period"]["end"] = "2027-01-10T00:00:00+11:00".into();
    let same = read(&same);
    assert_eq!(equal_referral(&same, &there).unwrap().id, "870001");
    assert_eq!(referral_mark(&same), referral_mark(&there[0]));
    for change in [
        json!({"subject": {"reference": "Patient/900002"}}),
        json!({"requester": null}),
        json!({"referralDefinition": {"reference": "ReferralDefinition/880002"}}),
        json!({"period": {"start": "2026-01-11", "end": "2027-01-10"}}),
    ] {
        let other = read(&with(change));
        assert!(equal_referral(&other, &there).is_none());
        assert_ne!(referral_mark(&other), referral_mark(&there[0]));
    }
    // What was switched off is made anew.
    let off = [read(&with(json!({"active": false})))];
    assert!(equal_referral(&same, &off).is_none());
}

fn coverage(change: Json) -> Coverage {
    let mut body = json!({"resourceType": "Coverage", "id": "850001", "status": "active", "subscriberID": "2123 45670 1",
        "beneficiary": {"reference": "Patient/900001"}, "subscriber": {"reference": "Patient/900001"},
        "payor": [{"reference": "https://au-api.halaxy.com/main/Organization/FD-150001"}],
        "period": {"start": "2025-07-01", "end": "2026-06-30"}});
    body.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    Coverage::read(&body).unwrap()
}

#[test]
fn claim_details_are_made_once_and_a_missing_card_is_no_other_card() {
    let there = [coverage(json!({}))];
    assert!(!format!("{there:?}").contains("2123"));
    for (change, equal) in [
        (json!({"subscriberID": "2123-45670-1"}), true),
        (json!({"subscriberID": null, "subscriberId": "2123456701"}), true),
        (json!({"subscriberID": null}), true),
        (json!({"subscriberID": "9123456701"}), false),
        (json!({"payor": {"reference": "FD-150001"}}), true),
        (json!({"payor": [{"reference": "Patient/900001"}]}), false),
        (json!({"period": {"start": "2026-07-01"}}), false),
        (json!({"period": null}), true),
        (json!({"beneficiary": {"reference": "Patient/900002"}}), false),
    ] {
        let asked = coverage(change.clone());
        assert_eq!(equal_coverage(&asked, &there).is_some(), equal, "{change}");
    }
    let cancelled = [coverage(json!({"status": "cancelled"}))];
    assert!(equal_coverage(&coverage(json!({})), &cancelled).is_none());
    assert_eq!(
        coverage_mark(&there[0]),
        coverage_mark(&coverage(json!({"subscriberID": "2123456701"})))
    );
}

#[test]
fn files_are_what_their_name_says_and_not_too_large() {
    let pdf = |length: usize| {
        let mut bytes = b"%PDF-1.4\n".to_vec();
        bytes.resize(length, b' ');
        bytes
    };
    let good = Attachment::of("Letter of 3 May.PDF", pdf(100)).unwrap();
    assert_eq!(
        (good.title.as_str(), good.media),
        ("Letter of 3 May", "application/pdf")
    );
    assert!(!format!("{good:?}").contains("Letter"));
    assert!(Attachment::of("scan.jpeg", vec![0xff, 0xd8, 0xff, 0xe0]).is_ok());
    assert!(Attachment::of("a.pdf", pdf(MOST_BYTES)).is_ok());
    assert_eq!(
        Attachment::of("a.pdf", pdf(MOST_BYTES + 1)).unwrap_err(),
        BadAttachment::Size
    );
    assert_eq!(Attachment::of("a.pdf", Vec::new()).unwrap_err(), BadAttachment::Empty);
    assert_eq!(Attachment::of("a.png", pdf(9)).unwrap_err(), BadAttachment::Contents);
    for name in ["a.exe", "a.pdf.html", "pdf", "a.svg"] {
        assert_eq!(Attachment::of(name, pdf(9)).unwrap_err(), BadAttachment::Type, "{name}");
    }
}

#[test]
fn notes_are_html_and_shown_by_digest_only() {
    let note = Note::of("<p>SECRET</p>".as_bytes(), false).unwrap();
    assert_eq!(note.html(), "<p>SECRET</p>");
    assert!(!format!("{note:?}").contains("SECRET"));
    let plain = Note::of("Seen by <phone> & well.\r\nAgain.\r\n\r\nNext week.".as_bytes(), true).unwrap();
    assert_eq!(
        plain.html(),
        "<p>Seen by &lt;phone&gt; &amp; well.<br>Again.</p><p>Next week.</p>"
    );
    for (text, wrong) in [
        ("  \n", BadNote::Empty),
        ("PHA+U2VjcmV0IG5vdGUgb2YgdGhlIHBhdGllbnQ8L3A+", BadNote::Base64),
        ("Just words, a < b and c > d.", BadNote::NoHtml),
        ("<p>x</p><SCRIPT src=\"x\"></SCRIPT>", BadNote::Active),
        ("<p onclick=\"x()\">x</p>", BadNote::Active),
        ("<a href='javascript:x'>x</a>", BadNote::Active),
    ] {
        assert_eq!(Note::of(text.as_bytes(), false).unwrap_err(), wrong, "{text}");
    }
    assert_eq!(Note::of(&[0xff, 0xfe, 0x00], false).unwrap_err(), BadNote::Encoding);
    // An "=" in the text is no attribute.
    assert!(Note::of(b"<p>position on=going, dose=5</p>", false).is_ok());
}

#[test]
fn referrers_are_rows_that_an_import_knows_again() {
    let roles = [
        json!({"resourceType": "PractitionerRole", "id": "EP-720001", "practitioner": {"reference": "x/Practitioner/EP-500002"},
            "organization": {"reference": "x/Organization/SP-160002"}, "telecom": [{"system": "phone", "value": "03 9999 0000"}]}),
        json!({"resourceType": "PractitionerRole", "id": "PR-700001", "practitioner": {"reference": "Practitioner/PR-500001"}}),
    ];
    let people = [json!({"resourceType": "Practitioner", "id": "EP-500002", "name": [
        {"use": "usual", "given": ["Al"]}, {"use": "official", "prefix": ["Dr"], "given": ["Alex", "B"], "family": "=Tester"}],
        "telecom": [{"system": "email", "value": "alex@example.org"}]})];
    let places = [
        json!({"resourceType": "Organization", "id": "SP-160002", "name": "Sampleton Medical",
        "address": [{"line": ["2 Test Street"], "city": "Sampleton", "state": "VIC", "postalCode": "3000"}]}),
    ];
    let made = [read(&body("1")), read(&body("2"))];
    let rows = referrers(&roles, &people, &places, &made, Country::AU);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.reference, "halaxy:PractitionerRole/EP-720001");
    assert_eq!(
        (row.given.as_str(), row.phone.as_str(), row.referrals),
        ("Alex B", "+61399990000", 2)
    );
    assert_eq!(
        (row.practice.as_str(), row.newest.as_str()),
        ("Sampleton Medical", "2026-01-10")
    );
    let csv = sheet(&rows, Country::AU).csv();
    // No cell is a formula, and none of the patients appears.
    assert!(
        csv.contains("'=Tester") && csv.contains("03") && !csv.contains('+') && !csv.contains("900001"),
        "{csv}"
    );
}

proptest! {
    /// Time and use only ever wear a referral down.
    #[test]
    fn a_referral_never_comes_back(used in 0u32..15, more in 0u32..5, start in -400i32..400, days in 0i32..40) {
        use jiff::ToSpan;
        let mut first = read(&body("1"));
        first.used = used;
        let day = TODAY.saturating_add(start.days());
        let then = day.saturating_add(days.days());
        let mut later = first.clone();
        later.used = used + more;
        let limits = Limits::default();
        let (a, b) = (Standing::of(&first, day, &limits), Standing::of(&later, then, &limits));
        let worn = |s: State| matches!(s, State::UsedUp | State::Expired);
        prop_assert!(!worn(a.state) || worn(b.state));
        prop_assert!(b.sessions_left <= a.sessions_left && b.days_left <= a.days_left);
    }
}
