//! Promise 18: what somebody should be told is an alert, in every process that asks, and with a remedy.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::CrmKind;
use bridge_engine::vitals::{AlertCode, Sight, State, Vitals};
use bridge_tests::{Practice, now};
use halaxy_bridge::{config, wiring};

/// The practice's answer, as a process that drives nothing gives it.
async fn vitals(practice: &Practice) -> Vitals {
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let desk = wiring::desk(&config).await.unwrap();
    let beside = desk.vitals(&config.alerts).await.unwrap();
    let driver = practice.engine.vitals(&config.alerts).await.unwrap();
    let codes = |v: &Vitals| v.alerts.iter().map(|a| (a.code, a.system.clone())).collect::<Vec<_>>();
    assert_eq!(codes(&beside), codes(&driver), "every process gives the same answer");
    for alert in &beside.alerts {
        assert!(
            !alert.message.is_empty() && !alert.remedy.to_string().is_empty(),
            "{alert:?}"
        );
    }
    beside
}

fn told(vitals: &Vitals, code: AlertCode, system: Option<&str>) -> bool {
    vitals
        .alerts
        .iter()
        .any(|a| a.code == code && a.system.as_deref() == system)
}

fn with(practice: &Practice, changes: &[(&str, &str)]) -> String {
    let mut config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    for (from, to) in changes {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    config
}

#[tokio::test]
async fn promise_18_at_rest_there_is_nothing_to_do_and_nobody_is_told() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let vitals = vitals(&practice).await;
    assert_eq!(
        (vitals.state, vitals.alerts.as_slice()),
        (State::NothingToDo, [].as_slice())
    );
    assert!(
        vitals
            .systems
            .values()
            .all(|s| s.sight == Sight::Current && s.calls_today > 0),
        "{vitals:?}"
    );
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.engine.poll_now();
    practice.engine.observe(now()).await.unwrap();
    assert_eq!(self::vitals(&practice).await.state, State::Working);
}

#[tokio::test]
async fn promise_18_refused_credentials_are_told_until_they_are_mended() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let right = std::fs::read_to_string(practice.folder.path().join("token")).unwrap();
    practice.write("token", "revoked");
    practice.reopen().await;
    practice.engine.observe(now()).await.unwrap();
    let vitals = vitals(&practice).await;
    assert!(told(&vitals, AlertCode::Credentials, Some("crm")), "{vitals:?}");
    assert!(!told(&vitals, AlertCode::Credentials, Some("halaxy")));
    practice.write("token", &right);
    practice.reopen().await;
    practice.engine.observe(now()).await.unwrap();
    assert_eq!(self::vitals(&practice).await.alerts, []);
}

#[tokio::test]
async fn promise_18_what_was_not_looked_at_in_time_is_not_seen() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let strict = with(
        &practice,
        &[("[sync.person]", "[alerts]\nstale_after = \"1ms\"\n[sync.person]")],
    );
    practice.configure("bridge.toml", &strict).await;
    let unseen = vitals(&practice).await;
    assert_eq!(
        unseen.state,
        State::CouldNotLook,
        "nothing is left to do, and that means nothing"
    );
    assert!(told(&unseen, AlertCode::CouldNotLook, Some("halaxy")), "{unseen:?}");
    let one = with(
        &practice,
        &[
            ("stale_after = \"1ms\"", "stale_after = \"1h\""),
            (
                "connector = \"example-crm\"",
                "connector = \"example-crm\"\nstale_after = \"1ms\"",
            ),
        ],
    );
    practice.configure("bridge.toml", &one).await;
    let one = vitals(&practice).await;
    let sights: Vec<Sight> = one.systems.values().map(|s| s.sight).collect();
    assert_eq!(sights, [Sight::CouldNotLook, Sight::Current], "crm, halaxy");
}

#[tokio::test]
async fn promise_18_ends_of_credentials_and_of_a_days_calls_are_told_before() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let soon = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .tomorrow()
        .unwrap();
    let shipped = include_str!("../../adapters/rest/connectors/example-crm.toml");
    let narrow = shipped.replace("[limits]\n", "[limits]\nday = 1000\n");
    assert_ne!(shipped, narrow);
    practice.write("connectors/example-crm.toml", &narrow);
    let end = format!("connector = \"example-crm\"\ncredentials_end = \"{soon}\"");
    let config = with(
        &practice,
        &[
            ("connector = \"example-crm\"", &end),
            ("[sync.person]", "[alerts]\nbudget_share = 0.001\n[sync.person]"),
        ],
    );
    practice.configure("bridge.toml", &config).await;
    practice.engine.observe(now()).await.unwrap();
    let told_of = vitals(&practice).await;
    assert!(told(&told_of, AlertCode::CredentialsExpire, Some("crm")), "{told_of:?}");
    assert!(told(&told_of, AlertCode::Budget, Some("crm")), "{told_of:?}");
    let budget = told_of.systems["crm"].budget.unwrap();
    assert!(
        budget.limit == 1000 && budget.used > 0 && budget.forecast >= budget.used,
        "{budget:?}"
    );
    assert!(
        !told(&told_of, AlertCode::Budget, Some("halaxy")),
        "its day has no limit"
    );
}

#[tokio::test]
async fn promise_18_brakes_changed_rules_and_stuck_work_are_told() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let config = with(
        &practice,
        &[(
            "[sync.person]",
            "[brakes]\nshare = 0.01\nfloor = 0\n[alerts]\nparked_after = \"0s\"\n[sync.person]",
        )],
    );
    practice.configure("bridge.toml", &config).await;
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.engine.poll_now();
    practice.engine.step(now()).await.unwrap();
    let braked = vitals(&practice).await;
    assert!(told(&braked, AlertCode::Brake, Some("crm")), "{braked:?}");
    // Seen and not judged: without patience, that is stuck.
    practice.edit("halaxy", &practice.id("P2"), "mobile", "+61491570154");
    practice.engine.poll_now();
    practice.engine.observe(now()).await.unwrap();
    assert!(told(&vitals(&practice).await, AlertCode::Parked, None));
    let wider = with(
        &practice,
        &[("create_in = [\"crm\"]", "create_in = [\"crm\", \"halaxy\"]")],
    );
    practice.configure("bridge.toml", &wider).await;
    assert!(told(&vitals(&practice).await, AlertCode::Approval, None));
}
