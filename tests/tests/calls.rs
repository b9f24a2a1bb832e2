//! Calls told to a CRM: each once, whatever is lost on the way and wherever the program is killed.
#![allow(clippy::unwrap_used)]

use adapter_kit::{AdapterError, Answer, Failure};
use adapter_sandbox::CrmKind;
use async_trait::async_trait;
use bridge_core::codec::Country;
use bridge_core::telehealth::Call;
use bridge_core::telehealth::cost::{Price, costs};
use bridge_engine::telehealth::{CallActivities, CallActivity, Telehealth, ToldState};
use bridge_tests::Practice;
use halaxy_bridge::besides::Besides;
use halaxy_bridge::config;
use jiff::civil::date;
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LIFE: Duration = Duration::from_secs(60);
const SECOND: i64 = 1_000_000;

/// A CRM that loses what it is sent, before or after it took effect, or refuses it for now.
struct Crm {
    there: Mutex<Vec<CallActivity>>,
    dice: Mutex<StdRng>,
}

impl Crm {
    fn error(proven: bool) -> AdapterError {
        AdapterError {
            system: "crm".into(),
            what: "POST calls".into(),
            code: "timeout".into(),
            failure: Failure::Unavailable,
            not_processed: proven,
        }
    }
}

#[async_trait]
impl CallActivities for Crm {
    fn batch(&self) -> usize {
        5
    }

    fn call_life(&self) -> Duration {
        LIFE
    }

    async fn create(&self, new: &[CallActivity]) -> Vec<Answer> {
        tokio::task::yield_now().await;
        let mut answers = Vec::new();
        for one in new {
            let fate = self.dice.lock().unwrap().random_range(0..6);
            if fate != 1 && fate != 2 {
                self.there.lock().unwrap().push(one.clone());
            }
            answers.push(match fate {
                0 | 1 => Answer::Unknown(Crm::error(false)),
                2 => Answer::Later(Crm::error(true)),
                _ => Answer::Applied {
                    id: format!("A-{}", one.key),
                    record: None,
                },
            });
        }
        tokio::task::yield_now().await;
        answers
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Option<String>>, AdapterError> {
        tokio::task::yield_now().await;
        if self.dice.lock().unwrap().random_range(0..5) == 0 {
            return Err(Crm::error(true));
        }
        let there = self.there.lock().unwrap();
        let of = |key: &String| {
            there
                .iter()
                .find(|one| one.key == *key)
                .map(|one| format!("A-{}", one.key))
        };
        Ok(keys.iter().map(of).collect())
    }
}

/// Drops what is under way after so many polls: a crash at whatever it waits for then.
async fn killed_after<T>(mut polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match polls.checked_sub(1) {
        None => Poll::Ready(None),
        Some(left) => {
            polls = left;
            work.as_mut().poll(context).map(Some)
        }
    })
    .await
}

fn call(n: u32, number: &str) -> Call {
    Call {
        key: format!("{n:024}"),
        at: date(2026, 3, 2)
            .at(9, 0, 0, 0)
            .saturating_add(jiff::Span::new().minutes(n)),
        seconds: Some(300),
        number: Some(number.into()),
        practitioner: "Alex Tester".into(),
        location: String::new(),
        status: "Connected".into(),
        connected: Some(!n.is_multiple_of(4)),
        credits: Some(5),
    }
}

#[tokio::test]
async fn each_call_is_told_once_whatever_is_lost() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let zone = TimeZone::get("Australia/Melbourne").unwrap();
    for seed in 0..12 {
        let mut dice = StdRng::seed_from_u64(seed);
        let store = practice.engine.store().clone();
        let calls = Telehealth::new(store.clone(), "halaxy", Country::AU);
        // Calls of this seed to Miriam, and to a number that nobody has.
        let numbers = ["+61491570006", "+61491570999"];
        let mine: Vec<Call> = (0..30)
            .map(|n| call(1_000 * seed as u32 + n, numbers[usize::from(n % 5 == 4)]))
            .collect();
        calls.import_calls(mine.clone()).await.unwrap();
        let before: Vec<String> = calls.told().await.unwrap().into_keys().collect();
        let crm = Crm {
            there: Mutex::default(),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
        };
        let mut now = 1_000 * SECOND;
        let mut crashes = 0;
        loop {
            now += 20 * SECOND;
            let polls = dice.random_range(1..60);
            let polls = if crashes > 30 { u32::MAX } else { polls };
            match killed_after(polls, calls.tell("crm", &crm, &zone, now)).await {
                None => crashes += 1,
                Some(step) => {
                    let step = step.unwrap();
                    if !step.more && step.unknown == 0 && step.trouble.is_empty() {
                        break;
                    }
                }
            }
        }
        let mut there: Vec<String> = crm.there.lock().unwrap().iter().map(|one| one.key.clone()).collect();
        let made = there.len();
        there.sort();
        there.dedup();
        assert_eq!((there.len(), made), (24, 24), "seed {seed}, {crashes} crashes");
        let told = calls.told().await.unwrap();
        let ours = told.iter().filter(|(id, _)| !before.contains(id));
        assert!(
            ours.clone()
                .all(|(_, told)| told.state == ToldState::Posted && told.remote_id.is_some())
        );
        assert_eq!(ours.count(), 24);
        let first = crm.there.lock().unwrap()[0].clone();
        assert_eq!(
            first.contact,
            practice.entity("halaxy", &practice.id("P1")).await.links["crm"].remote_id
        );
        let again = calls.tell("crm", &crm, &zone, now + 3_600 * SECOND).await.unwrap();
        assert_eq!(again.created, 0);
    }
}

const SECTION: &str = "[telehealth]\nprice = \"0.22\"\ncalls_to = \"crm\"\n[events]\n";

/// A practice whose CRM may be told of calls.
async fn telling() -> Practice {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.write("bridge.toml", &(text.clone() + SECTION));
    assert!(
        practice
            .problems()
            .contains("may not receive what is about appointments"),
        "{}",
        practice.problems()
    );
    let text = text.replace(
        "may_receive = [\"identity\", \"contact\"]",
        "may_receive = [\"identity\", \"contact\", \"appointment\"]",
    );
    practice.configure("bridge.toml", &(text + SECTION)).await;
    practice.engine.approve().await.unwrap();
    practice
}

async fn rounds(practice: &Practice) {
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let besides = Besides::new(&config, &practice.engine).unwrap();
    besides.settle(&CancellationToken::new()).await.unwrap();
}

#[tokio::test]
async fn the_service_shows_calls_at_contacts_and_estimates_what_no_report_shows() {
    let practice = telling().await;
    let calls = Telehealth::new(practice.engine.store().clone(), "halaxy", Country::AU);
    let mine = (0..20).map(|n| call(n, "+61491570006")).collect();
    calls.import_calls(mine).await.unwrap();
    rounds(&practice).await;
    rounds(&practice).await;
    let shown = practice.sandbox.records("crm", "appointments").unwrap();
    assert_eq!(shown.len(), 20);
    let contact = practice.entity("halaxy", &practice.id("P1")).await.links["crm"]
        .remote_id
        .clone();
    let text = serde_json::to_string(&shown).unwrap();
    assert_eq!(text.matches("Phone call").count(), 20);
    assert!(
        text.contains(&contact) && !text.contains("0491570006") && !text.contains("Tester"),
        "{text}"
    );

    // Two patients by video for fifty minutes, one of whom did not come; a visit at the practice costs nothing.
    let part = |csv: &str, status: &str| {
        json!({"actor": {"reference": format!("Patient/{}", practice.id(csv))}, "modifierExtension": [
            {"url": "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status",
             "valueCoding": {"code": status}}]})
    };
    for (location, status) in [
        ("telehealth", "did not attend"),
        ("telehealth", "attended"),
        ("clinic", "attended"),
    ] {
        let body = json!({"start": "2026-03-03T09:00:00+11:00", "end": "2026-03-03T09:50:00+11:00",
            "participant": [part("P1", "attended"), part("P2", status)],
            "supportingInformation": [{"valueCode": location}]});
        practice.sandbox.person_create("halaxy", "Appointment", &body).unwrap();
    }
    rounds(&practice).await;
    let zone = TimeZone::get("Australia/Melbourne").unwrap();
    let now = jiff::Timestamp::now().as_microsecond();
    let sessions = calls.sessions(&zone, &BTreeMap::new(), now).await.unwrap();
    let mut found: Vec<(u32, u32, bool)> = sessions.iter().map(|s| (s.seconds, s.patients, s.video)).collect();
    found.sort_unstable();
    assert_eq!(found, [(3000, 1, true), (3000, 2, true)]);
    let price = Price {
        credit: "0.22".parse().unwrap(),
        gst_percent: "10".parse().unwrap(),
    };
    let costs = costs("2026-03".parse().unwrap(), price, [], [], sessions);
    assert_eq!(
        (costs.credits(), costs.lines.iter().all(|line| line.estimated)),
        (24, true)
    );
}
