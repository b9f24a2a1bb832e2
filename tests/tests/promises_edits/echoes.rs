//! Promises 5, 6 and 9: no echoes, one after the other, and at what cost.

use crate::support::BOTH;
use adapter_sandbox::CrmKind;
use bridge_tests::{Practice, Purpose};

#[tokio::test]
async fn promise_5_our_own_writes_cause_no_writes_and_no_reads() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("crm", &practice.id("C1"), "email", "mim@example.com");
        let step = practice.sync().await;
        assert_eq!(step.sent, 2, "{crm:?}: one write each way: {step:?}");
        let after = practice.last_call();
        for _ in 0..3 {
            let step = practice.sync().await;
            assert_eq!((step.sent, step.looks), (0, 0), "{crm:?}: {step:?}");
        }
        for system in ["halaxy", "crm"] {
            assert!(
                practice.calls(after, system, Purpose::Write).is_empty(),
                "{crm:?} {system}"
            );
            assert!(
                practice.calls(after, system, Purpose::Read).is_empty(),
                "{crm:?} {system}"
            );
        }
    }
}

#[tokio::test]
async fn promise_5_there_and_back_within_a_second_is_not_swallowed() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        for value in ["+61491570158", "+61491570006", "+61491570158", "+61491570006"] {
            practice.edit("crm", &contact, "mobile", value);
            practice.sync().await;
            assert_eq!(
                practice.shows("halaxy", &patient, "mobile"),
                value,
                "{crm:?}: from the CRM"
            );
        }
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        practice.edit("halaxy", &patient, "email", "miriam@example.org");
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &contact, "email"),
            "miriam@example.org",
            "{crm:?}: back by the other side"
        );
    }
}

#[tokio::test]
async fn promise_6_effects_on_one_record_are_serial() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let target = patient.clone();
        // A newer value is typed while the older one is on its way.
        practice.before_next_write("crm", move |sandbox| {
            let telecom = serde_json::json!({ "telecom": [{ "system": "sms", "value": "+61491570110" },
                { "system": "email", "value": "miriam@example.org" }] });
            sandbox.person_edit("halaxy", "Patient", &target, &telecom).unwrap();
        });
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        for side in [("halaxy", &patient), ("crm", &contact)] {
            assert_eq!(
                practice.shows(side.0, side.1, "mobile"),
                "+61491570110",
                "{crm:?} {}",
                side.0
            );
        }
        assert_eq!(practice.counts().await.conflicts, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_6_a_lagging_search_never_replaces_what_is_known() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let lag = serde_json::json!({ "index_lag_min_ms": 700, "index_lag_max_ms": 700 });
    practice.sandbox.set_switches("crm", &lag).unwrap();
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    for _ in 0..4 {
        practice.sync().await; // the index still shows the number before our write
        assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    }
}

#[tokio::test]
async fn promise_9_a_change_costs_one_guard_and_one_write() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let after = practice.last_call();
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("halaxy", &practice.id("P1"), "email", "mim@example.com");
        practice.sync().await;
        assert_eq!(
            practice.calls(after, "crm", Purpose::Read).len(),
            1,
            "{crm:?}: one guard"
        );
        assert_eq!(
            practice.calls(after, "crm", Purpose::Write).len(),
            1,
            "{crm:?}: one write"
        );
        assert!(
            practice.calls(after, "halaxy", Purpose::Read).is_empty(),
            "{crm:?}: nothing is asked of Halaxy"
        );

        let after = practice.last_call();
        practice.edit("crm", &practice.id("C1"), "mobile", "+61491570159");
        practice.sync().await;
        assert_eq!(
            practice.calls(after, "halaxy", Purpose::Read).len(),
            1,
            "{crm:?}: one guard"
        );
        assert_eq!(
            practice.calls(after, "halaxy", Purpose::Write).len(),
            1,
            "{crm:?}: one write"
        );
        // A row of HubSpot's lagging index is a hint: one direct read shows the value and its author.
        let reads = usize::from(crm == CrmKind::Hubspot);
        assert_eq!(practice.calls(after, "crm", Purpose::Read).len(), reads, "{crm:?}");
        assert!(
            practice.calls(after, "crm", Purpose::Write).is_empty(),
            "{crm:?}: nothing comes back"
        );
    }
}
