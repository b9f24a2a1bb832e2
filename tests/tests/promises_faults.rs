//! Promises about what goes wrong outside: cursors, crashes, poison, outages and lists that leave records out.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CallInfo, CrmKind, CsvPerson, FaultKind, FaultRule, Manners, Phase, Verdict};
use bridge_core::LinkState;
use bridge_tests::{Practice, Purpose, fault, now, person, purpose, writing};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

/// So many people of one side, nobody like anybody else.
fn crowd(prefix: &str, count: usize) -> Vec<CsvPerson> {
    let one = |i: usize| {
        let (day, month, year) = (1 + i % 28, 1 + (i / 28) % 12, 1930 + (i / 336) % 70);
        let letters: String = [i / 676, i / 26, i]
            .iter()
            .map(|n| (b'a' + (n % 26) as u8) as char)
            .collect();
        CsvPerson {
            date_of_birth: format!("{year}-{month:02}-{day:02}"),
            ..person(
                &format!("{prefix}{i}"),
                &format!("Given{letters}"),
                &format!("{letters}sample"),
                "",
                "",
                &format!("{prefix}{i}@example.org"),
            )
        }
    };
    (0..count).map(one).collect()
}

fn is(info: &CallInfo, wanted: Purpose) -> bool {
    purpose(&info.method, &info.path, &info.query) == wanted
}

#[tokio::test]
async fn promise_7_equal_time_stamps_and_small_windows_hide_nothing() {
    const COUNT: usize = 600;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, vec![], crowd("C", COUNT)).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("crm", &json!({ "search_window": 250 }))
        .unwrap();
    // A bulk edit: many contacts share each millisecond, more than one search may show.
    for i in 0..COUNT {
        practice.edit(
            "crm",
            &practice.id(&format!("C{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    let entities = practice.entities().await;
    let of = |i: usize| format!("+6135550{i:04}");
    let seen: std::collections::HashSet<String> = entities
        .iter()
        .filter_map(|e| Some(e.agreed.get("phone")?.value.as_text()?.to_string()))
        .collect();
    let missing: Vec<usize> = (0..COUNT).filter(|i| !seen.contains(&of(*i))).collect();
    assert!(missing.is_empty(), "not seen: {missing:?}");
}

#[tokio::test]
async fn promise_7_patients_changed_in_one_second_are_all_seen() {
    const COUNT: usize = 230;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", COUNT), vec![]).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("halaxy", &json!({ "scattered_ties": true }))
        .unwrap();
    for i in 0..COUNT {
        practice.edit(
            "halaxy",
            &practice.id(&format!("P{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    let shown = practice.records("crm");
    let missing = (0..COUNT).filter(|i| {
        !shown
            .iter()
            .any(|c| practice.read("crm", c, "phone") == format!("+6135550{i:04}"))
    });
    assert_eq!(missing.count(), 0, "every change arrived");
}

#[tokio::test]
async fn promise_7_edits_while_pages_are_read_are_seen() {
    for crm in BOTH {
        const COUNT: usize = 320;
        let practice = Practice::start(crm, Manners::Polite, vec![], crowd("C", COUNT)).await;
        if crm == CrmKind::Plain {
            practice
                .sandbox
                .set_switches("crm", &json!({ "list_newest_first": true }))
                .unwrap();
        }
        let ids: Vec<String> = (0..COUNT).map(|i| practice.id(&format!("C{i}"))).collect();
        let (sandbox, pages, targets) = (Arc::downgrade(&practice.sandbox), AtomicUsize::new(0), ids.clone());
        // At each of the first pages some contacts are edited, which moves them to other pages.
        practice.sandbox.on_call(Box::new(move |info| {
            if info.system == "crm" && info.phase == Phase::Applied && is(info, Purpose::Poll) {
                let page = pages.fetch_add(1, Ordering::SeqCst);
                if let (Some(sandbox), true) = (sandbox.upgrade(), page < 3) {
                    for place in [10, 110, 210, 310] {
                        let patch = json!({ "phone": format!("+61355501{page}{:02}", place / 10) });
                        sandbox
                            .person_edit("crm", "contacts", &targets[place + page], &patch)
                            .unwrap();
                    }
                }
            }
            Verdict::Go
        }));
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.entities().await.len(), COUNT, "{crm:?}: everybody was seen");
        for page in 0..3 {
            for place in [10, 110, 210, 310] {
                let entity = practice.entity("crm", &ids[place + page]).await;
                let seen = entity
                    .agreed
                    .get("phone")
                    .and_then(|a| a.value.as_text().map(str::to_string));
                assert_eq!(
                    seen,
                    Some(format!("+61355501{page}{:02}", place / 10)),
                    "{crm:?}: contact {}",
                    place + page
                );
            }
        }
    }
}

#[tokio::test]
async fn promise_7_another_mapping_reads_afresh_and_keeps_what_was_agreed() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let shipped = include_str!("../../mappings/example-crm.toml");
    let without: String = shipped
        .lines()
        .filter(|l| !l.starts_with("phone "))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_ne!(shipped, without);
    practice.configure("mappings/example-crm.toml", &without).await;
    practice.sync().await;
    practice.edit("crm", &contact, "phone", "+61355501234");
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "phone"),
        "",
        "not mapped, so not read"
    );
    assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
    practice.configure("mappings/example-crm.toml", shipped).await;
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "phone"),
        "+61355501234",
        "the edit made meanwhile arrives"
    );
    assert_eq!(
        practice.counts().await.conflicts,
        0,
        "nobody is asked about what was agreed before"
    );
    assert_eq!(practice.records("crm").len(), 2);
}

/// Runs until the crash: the step is dropped when a call of that purpose stands in that phase.
async fn crash(practice: &mut Practice, system: &'static str, phase: Phase, wanted: Purpose) {
    let strike = Arc::new(Notify::new());
    let struck = Arc::clone(&strike);
    practice.sandbox.on_call(Box::new(move |info| {
        if info.system == system && info.phase == phase && is(info, wanted) {
            struck.notify_one();
            return Verdict::Delay(200_000);
        }
        Verdict::Go
    }));
    practice.engine.approve().await.unwrap();
    let run = async {
        loop {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    tokio::select! {
        () = run => {}
        () = strike.notified() => {}
    }
    practice.sandbox.clear_hook();
    practice.reopen().await;
}

async fn killed_while_creating(crm: CrmKind, phase: Phase, wanted: Purpose) {
    let patients = vec![person(
        "P2",
        "Bruno",
        "Testacre",
        "1970-12-01",
        "+61491570156",
        "bruno@example.org",
    )];
    let mut practice = Practice::start(crm, Manners::Polite, patients, vec![]).await;
    practice.without_lag().await;
    crash(&mut practice, "crm", phase, wanted).await;
    practice.sync().await;
    let at = format!("{crm:?} {wanted:?} {phase:?}");
    assert_eq!(practice.records("crm").len(), 1, "{at}: made once");
    let contact = practice.counterpart("halaxy", &practice.id("P2")).await;
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570156", "{at}");
}

#[tokio::test]
async fn promise_8_killed_at_any_call_it_carries_on_by_itself() {
    tokio::join!(
        killed_while_creating(CrmKind::Hubspot, Phase::Arrived, Purpose::Poll),
        killed_while_creating(CrmKind::Hubspot, Phase::Arrived, Purpose::Write),
        killed_while_creating(CrmKind::Hubspot, Phase::Applied, Purpose::Poll),
        killed_while_creating(CrmKind::Hubspot, Phase::Applied, Purpose::Write),
        killed_while_creating(CrmKind::Plain, Phase::Arrived, Purpose::Poll),
        killed_while_creating(CrmKind::Plain, Phase::Arrived, Purpose::Write),
        killed_while_creating(CrmKind::Plain, Phase::Applied, Purpose::Poll),
        killed_while_creating(CrmKind::Plain, Phase::Applied, Purpose::Write),
    );
}

async fn killed_while_updating(crm: CrmKind, system: &'static str, phase: Phase, wanted: Purpose) {
    let mut practice = Practice::settled(crm).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let (from, id) = if system == "crm" {
        ("halaxy", &patient)
    } else {
        ("crm", &contact)
    };
    practice.edit(from, id, "mobile", "+61491570158");
    crash(&mut practice, system, phase, wanted).await;
    practice.sync().await;
    let at = format!("{crm:?} {system} {wanted:?} {phase:?}");
    assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158", "{at}");
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{at}");
    assert_eq!(practice.counts().await.conflicts, 0, "{at}");
}

#[tokio::test]
async fn promise_8_killed_within_an_update_loses_no_edit() {
    tokio::join!(
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Applied, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Applied, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Applied, Purpose::Write),
    );
}

#[tokio::test]
async fn promise_10_a_record_that_cannot_be_written_waits_alone() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let patients = [practice.id("P1"), practice.id("P2")];
        let contacts = [practice.id("C1"), practice.counterpart("halaxy", &patients[1]).await];
        let mut poison = fault(
            "halaxy",
            FaultKind::Status,
            "PATCH",
            &format!("/Patient/{}", patients[0]),
        );
        poison.status = Some(422);
        practice.sandbox.set_faults(vec![FaultRule { count: None, ..poison }]);
        practice.edit("crm", &contacts[0], "mobile", "+61491570158");
        practice.edit("crm", &contacts[1], "mobile", "+61491570159");
        let after = practice.last_call();
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patients[1], "mobile"),
            "+61491570159",
            "{crm:?}: the other goes on"
        );
        assert_eq!(
            practice.shows("halaxy", &patients[0], "mobile"),
            "+61491570006",
            "{crm:?}"
        );
        assert!(practice.counts().await.held > 0, "{crm:?}: it waits with a reason");
        let tries = practice
            .calls(after, "halaxy", Purpose::Write)
            .iter()
            .filter(|c| c.path.ends_with(&patients[0]))
            .count();
        assert!(tries <= 2, "{crm:?}: it does not spin: {tries}");

        practice.sandbox.set_faults(vec![]);
        let entity = practice.entity("halaxy", &patients[0]).await.id;
        practice.engine.replay(&entity, "reception").await.unwrap();
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patients[0], "mobile"),
            "+61491570158",
            "{crm:?}: replayed alone"
        );
        assert_eq!(practice.counts().await.held, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_10_a_field_that_is_refused_waits_and_the_rest_of_the_record_goes_ahead() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    // Halaxy takes a mailbox that HubSpot refuses.
    practice.edit("halaxy", &patient, "email", "miriam@clinic");
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    assert_eq!(practice.shows("crm", &contact, "email"), "miriam@example.org");
    assert!(practice.counts().await.held > 0, "the mailbox waits with a reason");
    practice.edit("halaxy", &patient, "email", "mim@example.com");
    practice.sync().await;
    assert_eq!(
        practice.shows("crm", &contact, "email"),
        "mim@example.com",
        "another value is tried afresh"
    );
    assert_eq!(practice.counts().await.held, 0);
}

#[tokio::test]
async fn promise_10_a_record_that_cannot_be_read_waits_alone() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let patients = [practice.id("P1"), practice.id("P2")];
    let contacts = [practice.id("C1"), practice.counterpart("halaxy", &patients[1]).await];
    let mut poison = fault("crm", FaultKind::Status, "GET", &format!("/contacts/{}", contacts[0]));
    poison.status = Some(500);
    practice.sandbox.set_faults(vec![FaultRule { count: None, ..poison }]);
    practice.edit("halaxy", &patients[0], "mobile", "+61491570158");
    practice.edit("halaxy", &patients[1], "mobile", "+61491570159");
    practice.rounds(3).await;
    assert_eq!(
        practice.shows("crm", &contacts[1], "mobile"),
        "+61491570159",
        "the other goes on"
    );
    practice.sandbox.set_faults(vec![]);
}

#[tokio::test]
async fn promise_10_an_account_that_is_down_delays_only_itself() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let down = |system: &str| FaultRule {
        count: None,
        method: None,
        ..fault(system, FaultKind::Status, "GET", "/halaxy/")
    };
    practice.sandbox.set_faults(vec![down("halaxy")]);
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.rounds(2).await;
    let entity = practice.entity("crm", &contact).await;
    assert_eq!(
        entity.agreed["mobile"].value.as_text(),
        Some("+61491570158"),
        "the CRM goes on being heard"
    );
    practice.sandbox.set_faults(vec![]);
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "mobile"),
        "+61491570158",
        "and what waited arrives"
    );
}

async fn unseen(system: &str, crm: CrmKind) {
    let practice = Practice::settled(crm).await;
    let seen = practice.engine.health()[system].last_seen.expect("it was seen");
    let other = if system == "crm" { "halaxy" } else { "crm" };
    let mut down = fault(system, FaultKind::Status, "GET", "");
    (down.status, down.method, down.count) = (Some(503), None, None);
    practice.sandbox.set_faults(vec![down]);
    practice.rounds(1).await;
    let health = practice.engine.health();
    assert!(
        health[system].trouble.is_some() && health[system].failures > 0,
        "{crm:?} {system}: {health:?}"
    );
    assert_eq!(
        health[system].last_seen,
        Some(seen),
        "{crm:?} {system}: an attempt is not a look"
    );
    assert!(
        health[other].trouble.is_none() && health[other].last_seen > Some(seen),
        "{crm:?} {other}: {health:?}"
    );
    assert!(
        !practice.engine.settled().await.unwrap(),
        "{crm:?} {system}: unable to look is not nothing to do"
    );
    practice.sandbox.set_faults(vec![]);
    practice.sync().await;
    assert!(
        practice.engine.health()[system].trouble.is_none(),
        "{crm:?} {system}: and it is over when it is over"
    );
}

#[tokio::test]
async fn promise_18_a_system_that_cannot_be_seen_is_named_and_dated() {
    tokio::join!(
        unseen("halaxy", CrmKind::Plain),
        unseen("crm", CrmKind::Plain),
        unseen("crm", CrmKind::Hubspot),
    );
}

#[tokio::test]
async fn promise_19_a_missing_scope_removes_nobody() {
    for (system, crm, scope) in [
        ("halaxy", CrmKind::Plain, "Patient.read"),
        ("crm", CrmKind::Hubspot, "crm.objects.contacts.read"),
    ] {
        let practice = Practice::settled(crm).await;
        practice
            .sandbox
            .set_switches(system, &json!({ "missing_scopes": [scope] }))
            .unwrap();
        practice.engine.sweep_now();
        practice.rounds(2).await;
        assert!(
            practice.engine.health()[system].trouble.is_some(),
            "{system}: trouble is shown"
        );
        for entity in practice.entities().await {
            for link in entity.links.values() {
                assert_eq!(link.state, LinkState::Live, "{system}: nobody is taken for removed");
            }
        }
        assert_eq!(practice.records("crm").len(), 2, "{system}");
        assert_eq!(practice.records("halaxy").len(), 2, "{system}");
    }
}

#[tokio::test]
async fn promise_19_a_listing_that_is_empty_removes_nobody() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let ids = [practice.id("P1"), practice.id("P2")];
    for id in &ids {
        practice.sandbox.person_delete("halaxy", "Patient", id).unwrap();
    }
    practice.sweep().await;
    for id in &ids {
        assert_eq!(
            practice.entity("halaxy", id).await.links["halaxy"].state,
            LinkState::Live,
            "an empty answer proves nothing"
        );
    }
}

#[tokio::test]
async fn promise_19_a_failed_page_or_a_row_that_slips_between_pages_removes_nobody() {
    for crm in BOTH {
        const COUNT: usize = 220;
        let practice = Practice::start(crm, Manners::Polite, vec![], crowd("C", COUNT)).await;
        practice.sync().await;
        let broken = AtomicUsize::new(0);
        practice.sandbox.on_call(Box::new(move |info| {
            let later_page = info.query.contains("after=") || info.query.contains("offset=1");
            let hit = info.system == "crm" && info.phase == Phase::Arrived && is(info, Purpose::Poll) && later_page;
            if hit && broken.fetch_add(1, Ordering::SeqCst) < 1 {
                Verdict::Status(404)
            } else {
                Verdict::Go
            }
        }));
        practice.engine.sweep_now();
        practice.rounds(1).await;
        practice.sync().await;
        practice.sweep().await;
        let gone = practice
            .entities()
            .await
            .iter()
            .filter(|e| e.links["crm"].state != LinkState::Live)
            .count();
        assert_eq!(gone, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_19_a_record_that_one_list_leaves_out_is_read_before_it_is_called_removed() {
    const COUNT: usize = 220;
    let practice = Practice::start(CrmKind::Plain, Manners::Polite, vec![], crowd("C", COUNT)).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("crm", &json!({ "list_newest_first": true }))
        .unwrap();
    let (sandbox, targets) = (
        Arc::downgrade(&practice.sandbox),
        (0..COUNT).map(|i| practice.id(&format!("C{i}"))).collect::<Vec<_>>(),
    );
    // While pages are read, contacts of later pages move to the front, behind the reader's back.
    let turn = AtomicUsize::new(0);
    practice.sandbox.on_call(Box::new(move |info| {
        if info.system == "crm"
            && info.phase == Phase::Applied
            && is(info, Purpose::Poll)
            && info.query.contains("offset=0")
        {
            let sandbox = sandbox.upgrade().unwrap();
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            if turn < 2 {
                for target in targets.iter().rev().take(30) {
                    sandbox
                        .person_edit("crm", "contacts", target, &json!({ "notes": format!("{turn}") }))
                        .unwrap();
                }
            }
        }
        Verdict::Go
    }));
    practice.sweep().await;
    let gone = practice
        .entities()
        .await
        .iter()
        .filter(|e| e.links["crm"].state != LinkState::Live)
        .count();
    assert_eq!(gone, 0);
}

#[tokio::test]
async fn promise_9_a_batch_of_changes_shares_its_calls() {
    const COUNT: usize = 90;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", COUNT), vec![]).await;
    let after = practice.last_call();
    practice.sync().await;
    assert_eq!(
        practice.calls(after, "crm", Purpose::Write).len(),
        1,
        "one upsert makes them all"
    );
    let after = practice.last_call();
    for i in 0..COUNT {
        practice.edit(
            "halaxy",
            &practice.id(&format!("P{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    assert_eq!(
        practice.calls(after, "crm", Purpose::Read).len(),
        1,
        "one guard for all"
    );
    assert_eq!(
        practice.calls(after, "crm", Purpose::Write).len(),
        1,
        "one write for all"
    );
}

async fn calls_of_a_fault(crm: CrmKind, kind: FaultKind) {
    let practice = Practice::settled(crm).await;
    let update = writing("crm", crm)[1];
    practice
        .sandbox
        .set_faults(vec![fault("crm", kind, update.0, update.1)]);
    let after = practice.last_call();
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.sync().await;
    let calls = practice.calls(after, "crm", Purpose::Read).len() + practice.calls(after, "crm", Purpose::Write).len();
    assert!(calls <= 2 + 3, "{crm:?} {kind:?}: {calls} calls");
    assert_eq!(
        practice.shows("crm", &practice.id("C1"), "mobile"),
        "+61491570158",
        "{crm:?} {kind:?}"
    );
}

#[tokio::test]
async fn promise_9_a_fault_costs_at_most_three_more_calls() {
    tokio::join!(
        calls_of_a_fault(CrmKind::Hubspot, FaultKind::Status),
        calls_of_a_fault(CrmKind::Hubspot, FaultKind::DropAfter),
        calls_of_a_fault(CrmKind::Plain, FaultKind::Status),
        calls_of_a_fault(CrmKind::Plain, FaultKind::DropAfter),
    );
}

#[tokio::test]
async fn a_brake_lets_go_when_what_tripped_it_is_taken_back() {
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", 12), vec![]).await;
    let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice
        .configure("bridge.toml", &format!("{config}\n[brakes]\nshare = 0.5\nfloor = 5\n"))
        .await;
    practice.sync().await;
    let phone = |i: usize, digits: &str| practice.edit("halaxy", &practice.id(&format!("P{i}")), "phone", digits);
    let on = async || {
        for _ in 0..3 {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    (0..9).for_each(|i| phone(i, &format!("+6135550000{i}")));
    on().await;
    assert_eq!(practice.engine.brakes().await.unwrap().len(), 1);
    assert_eq!(practice.holding("crm", "5550000"), 0, "all of them wait");
    (0..9).for_each(|i| phone(i, ""));
    phone(11, "+61355511111");
    on().await;
    assert!(
        practice.engine.brakes().await.unwrap().is_empty(),
        "nothing is left of it"
    );
    assert_eq!(practice.holding("crm", "+61355511111"), 1, "work goes on");
}

/// After the backfill that a person approved, an import of strangers is not passed on unasked.
#[tokio::test]
async fn a_brake_holds_a_flood_of_creations_until_a_person_releases_it() {
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", 12), vec![]).await;
    let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice
        .configure("bridge.toml", &format!("{config}\n[brakes]\nshare = 0.5\nfloor = 5\n"))
        .await;
    practice.sync().await;
    assert_eq!(
        practice.records("crm").len(),
        12,
        "what was approved is no flood, however much it is"
    );
    let new = |from: usize, count: usize| {
        for i in from..from + count {
            let body = json!({ "resourceType": "Patient",
                "name": [{ "use": "official", "family": format!("Flood{i}"), "given": [format!("Given{i}")] }],
                "birthDate": format!("19{}-03-0{}", 50 + i, 1 + i % 9) });
            practice.sandbox.person_create("halaxy", "Patient", &body).unwrap();
        }
    };
    let on = async |count: usize| {
        for _ in 0..count {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    new(0, 3);
    on(3).await;
    assert_eq!(practice.records("crm").len(), 15, "a few new patients are a day's work");
    new(10, 9);
    on(3).await;
    assert_eq!(practice.records("crm").len(), 15, "many at once wait");
    let brakes = practice.engine.brakes().await.unwrap();
    assert_eq!((brakes.len(), brakes[0].writes, brakes[0].linked), (1, 9, 15));
    practice.sync().await;
    assert_eq!(practice.records("crm").len(), 24, "and go when a person says so");
}
