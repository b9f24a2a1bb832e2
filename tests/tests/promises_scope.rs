//! Promise about what is nobody's business: only mapped, permitted units are stored or sent.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, FaultKind, Manners, Phase, Verdict};
use bridge_tests::{Practice, fault, person};
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tracing_subscriber::util::SubscriberInitExt;

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];
/// A text that stands in a record and must not be met anywhere else.
const MARK: &str = "MARKED-chronic-condition";

/// Every body that left for a system.
fn outbound(practice: &Practice) -> Arc<Mutex<Vec<(&'static str, String)>>> {
    let sent = Arc::new(Mutex::new(vec![]));
    let log = Arc::clone(&sent);
    practice.sandbox.on_call(Box::new(move |info| {
        if info.phase == Phase::Arrived {
            let text = format!("{} {} {}", info.path, info.query, String::from_utf8_lossy(&info.body));
            log.lock().unwrap().push((info.system, text));
        }
        Verdict::Go
    }));
    sent
}

/// Names of files under a folder that hold this text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = vec![];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file()
            && std::fs::read(&path)
                .unwrap()
                .windows(text.len())
                .any(|w| w == text.as_bytes())
        {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn promise_12_what_no_mapping_names_is_neither_sent_nor_stored() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let sent = outbound(&practice);
        let marked = json!({
            "contact": [{ "relationship": [{ "text": MARK }], "name": { "text": MARK } }],
            "telecom": [
                { "system": "sms", "value": "+61491570158" },
                { "system": "email", "value": "miriam@example.org" },
                { "system": "other", "value": MARK },
            ],
        });
        practice
            .sandbox
            .person_edit("halaxy", "Patient", &patient, &marked)
            .unwrap();
        practice.sync().await;
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        practice.sweep().await;
        assert_eq!(
            practice.shows("crm", &contact, "mobile"),
            "+61491570158",
            "{crm:?}: what is mapped travels"
        );
        let kept = practice
            .sandbox
            .record("halaxy", "Patient", &patient)
            .unwrap()
            .to_string();
        assert_eq!(
            kept.matches(MARK).count(),
            3,
            "{crm:?}: and what is not mapped stays in Halaxy, through our write too"
        );
        let leaked = sent
            .lock()
            .unwrap()
            .iter()
            .filter(|(system, text)| *system == "crm" && text.contains(MARK))
            .count();
        assert_eq!(leaked, 0, "{crm:?}: in no call to the CRM");
        assert!(
            practice.records("crm").iter().all(|c| !c.to_string().contains(MARK)),
            "{crm:?}"
        );
        assert_eq!(
            files_with(practice.folder.path(), MARK),
            Vec::<String>::new(),
            "{crm:?}: in no file of ours"
        );
    }
}

#[tokio::test]
async fn promise_12_personal_values_stand_sealed_in_the_store() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        practice.edit("crm", &practice.id("C1"), "family", "Gray");
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.sync().await;
        for text in [
            "Samplewood",
            "samplewood",
            "miriam@example.org",
            "491570006",
            "491570158",
            "1988-04-17",
            "Gray",
        ] {
            assert_eq!(
                files_with(practice.folder.path(), text),
                Vec::<String>::new(),
                "{crm:?}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn promise_12_a_class_that_a_system_may_not_receive_is_not_sent_to_it() {
    let patients = vec![person(
        "P1",
        "Miriam",
        "Samplewood",
        "1988-04-17",
        "+61491570006",
        "miriam@example.org",
    )];
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, patients, vec![]).await;
    let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    let narrow = config.replace(
        r#"may_receive = ["identity", "contact"]"#,
        r#"may_receive = ["identity"]"#,
    );
    assert_ne!(config, narrow);
    practice.configure("bridge.toml", &narrow).await;
    let sent = outbound(&practice);
    practice.sync().await;
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(practice.records("crm").len(), 1, "the person is made there");
    let sent = sent.lock().unwrap();
    let told = |text: &str| {
        sent.iter()
            .filter(|(system, body)| *system == "crm" && body.contains(text))
            .count()
    };
    assert!(told("Samplewood") > 0, "identity was permitted");
    assert_eq!(
        told("miriam@example.org") + told("491570006") + told("491570158"),
        0,
        "contact was not"
    );
}

#[tokio::test]
async fn promise_12_a_mapping_that_sends_a_clinical_unit_to_the_crm_does_not_start() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let entity = include_str!("../../mappings/entities/person.toml");
    let unit = "\n[[unit]]\nname = \"condition\"\ntype = \"text\"\nclass = \"clinical\"\nwins = \"halaxy\"\n\
        first_link = \"halaxy\"\nclear = \"review\"\naccept = \"no\"\n";
    practice.write("mappings/entities/person.toml", &format!("{entity}{unit}"));
    let mapping = include_str!("../../mappings/hubspot.toml");
    let mapping = mapping.replace(
        "email          =",
        "condition = \"properties.condition\"\nemail          =",
    );
    practice.write("mappings/hubspot.toml", &mapping);
    let problems = practice.problems();
    assert!(
        problems.contains("condition") && problems.contains("may not receive"),
        "{problems}"
    );
    assert!(problems.contains("hubspot.toml"), "it names the file: {problems}");
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn promise_12_no_log_line_and_no_reason_shows_a_personal_value() {
    let lines = Lines::default();
    let writer = lines.clone();
    let _guard = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    // Refusals quote what was sent: a mailbox that stands elsewhere, and one that is none.
    practice.edit("halaxy", &patient, "email", "bruno@example.org");
    practice.edit("crm", &contact, "family", "Gray");
    practice.sync().await;
    practice.edit("halaxy", &patient, "email", "miriam@clinic");
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.sandbox.set_faults(vec![
        fault("halaxy", FaultKind::Status, "PATCH", "/Patient/"),
        fault("crm", FaultKind::DropAfter, "POST", "/batch/update"),
    ]);
    practice.rounds(2).await;
    let trouble: String = practice
        .engine
        .health()
        .values()
        .filter_map(|h| h.trouble.clone())
        .collect();
    practice.sync().await;
    practice.sweep().await;
    let mut reasons = String::new();
    for entity in practice.entities().await {
        for entry in practice.engine.store().audit(&entity.id).await.unwrap() {
            reasons += &format!("{} {}\n", entry.event, entry.reason);
        }
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.lines().count() > 10, "there is a log: {log}");
    assert!(reasons.contains("refused"), "{reasons}");
    for value in [
        "Samplewood",
        "Gray",
        "Miriam",
        "Bruno",
        "example.org",
        "miriam@",
        "bruno@",
        "491570",
        "1988-04",
        "1970-12",
    ] {
        assert!(
            !log.contains(value),
            "{value} in the log: {}",
            log.lines().find(|l| l.contains(value)).unwrap()
        );
        assert!(!reasons.contains(value), "{value} in a reason: {reasons}");
        assert!(!trouble.contains(value), "{value} in the health: {trouble}");
    }
}
