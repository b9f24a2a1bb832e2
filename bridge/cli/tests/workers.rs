//! Three real workers over one PostgreSQL and one RabbitMQ, with people editing at both sides and faulty accounts, while
//! workers are killed and servers are restarted, emptied and cut off (promises 3 and 8).
//!
//! With the 30 s partitions of a bad day, by itself:
//! `HALAXY_BRIDGE_TEST_PARTITION=30 cargo nextest run -p halaxy-bridge --test workers`
#![allow(clippy::unwrap_used)]

#[path = "../../queue/tests/broker/mod.rs"]
mod broker;
mod common;
mod fleet;

use adapter_sandbox::{CrmKind, FaultKind, FaultRule, Manners, Sandbox, SandboxOptions, SystemClock, invented_people};
use common::{digits, run_in, telecom};
use fleet::Fleet;
use fleet::postgres::Postgres;
use fleet::way::State;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const PEOPLE: usize = 60;
/// Between two edits.
const EDIT: Duration = Duration::from_millis(150);
/// How long what was typed may take to arrive once nothing disturbs any more.
const QUIET: Duration = Duration::from_secs(30);
/// How long a call may live. So long a new driver waits before it looks what became of the calls of the last one, which
/// may still have some in hand when it loses the right.
const LIFE: Duration = Duration::from_secs(3);
/// What the accounts allow in real manners: calls, and in how many microseconds.
const LIMITS: [(&str, usize, i64); 2] = [("halaxy", 500, 60_000_000), ("crm", 100, 1_000_000)];

/// How long a partition lasts.
fn partition() -> Duration {
    let asked = std::env::var("HALAXY_BRIDGE_TEST_PARTITION").ok();
    Duration::from_secs(asked.and_then(|seconds| seconds.parse().ok()).unwrap_or(5))
}

fn faults() -> Vec<FaultRule> {
    let fault = |fault, rate| FaultRule {
        system: None,
        fault,
        status: Some(503),
        delay_ms: Some(20),
        rate: Some(rate),
        count: None,
        method: None,
        path_contains: None,
    };
    vec![
        fault(FaultKind::DropBefore, 0.01),
        fault(FaultKind::DropAfter, 0.02),
        fault(FaultKind::Status, 0.01),
        fault(FaultKind::Delay, 0.05),
    ]
}

/// What people typed last, by patient.
#[derive(Default)]
struct Typed {
    mobiles: BTreeMap<String, String>,
    emails: BTreeMap<String, String>,
}

/// The contact of each patient.
fn linked(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let contacts = sandbox.records("crm", "contacts").unwrap();
    let pair = |c: &Json| Some((c["external_ref"].as_str()?.to_string(), c["id"].as_str()?.to_string()));
    contacts
        .iter()
        .filter_map(pair)
        .filter(|(number, _)| !number.is_empty())
        .collect()
}

/// Receptionists change mobiles of some patients, again and again, marketing changes mailboxes of others, and of the rest
/// both do at the same moment, once, until `enough`. Nobody edits what the bridge is about to write: Halaxy has no
/// conditional writes, so what is typed between the bridge's last look and its write is not safe from it.
async fn people_edit(sandbox: Arc<Sandbox>, linked: BTreeMap<String, String>, enough: CancellationToken) -> Typed {
    let mut rng = StdRng::seed_from_u64(8);
    let mut typed = Typed::default();
    let all: Vec<(String, String)> = linked.into_iter().collect();
    let mut n = 0;
    while !enough.is_cancelled() {
        n += 1;
        let who = rng.random_range(0..all.len());
        let (patient, contact) = &all[who];
        let (calls, writes) = match who % 3 {
            0 => (true, false),
            1 => (false, true),
            _ if typed.mobiles.contains_key(patient) => (false, false),
            _ => (true, true),
        };
        if calls {
            let mobile = format!("+61491{:06}", 570_000 + n);
            let now = sandbox.record("halaxy", "Patient", patient).unwrap();
            let edit = telecom(&now, &mobile);
            sandbox.person_edit("halaxy", "Patient", patient, &edit).unwrap();
            typed.mobiles.insert(patient.clone(), mobile);
        }
        if writes {
            let email = format!("typed-{n}@example.com");
            let edit = json!({"email": email});
            sandbox.person_edit("crm", "contacts", contact, &edit).unwrap();
            typed.emails.insert(patient.clone(), email);
        }
        tokio::time::sleep(EDIT).await;
    }
    typed
}

impl Typed {
    /// What is not in the other system yet.
    fn missing(&self, sandbox: &Sandbox, linked: &BTreeMap<String, String>) -> Vec<String> {
        let contact = |patient: &String| sandbox.record("crm", "contacts", &linked[patient]).unwrap();
        let mobiles = self.mobiles.iter().filter(|(patient, mobile)| {
            !digits(contact(patient)["mobile"].as_str().unwrap_or_default()).ends_with(&digits(mobile)[2..])
        });
        let emails = self.emails.iter().filter(|(patient, email)| {
            let patient = sandbox.record("halaxy", "Patient", patient).unwrap();
            !patient.to_string().contains(email.as_str())
        });
        mobiles
            .chain(emails)
            .map(|(patient, value)| format!("{value} of {patient}"))
            .collect()
    }

    /// Every edit stands where it was made.
    fn stands(&self, sandbox: &Sandbox, linked: &BTreeMap<String, String>) {
        for (patient, mobile) in &self.mobiles {
            let shown = sandbox.record("halaxy", "Patient", patient).unwrap();
            assert!(
                shown.to_string().contains(mobile.as_str()),
                "{mobile} of {patient}: {shown}"
            );
        }
        for (patient, email) in &self.emails {
            let shown = sandbox.record("crm", "contacts", &linked[patient]).unwrap();
            assert_eq!(shown["email"], *email, "of {patient}");
        }
    }
}

/// Everything that happens to workers and servers, one after the other, each told with how long an edit then took.
struct Chaos<'a> {
    fleet: &'a mut Fleet,
    database: &'a Postgres,
    broker: &'a mut broker::Private,
    sandbox: &'a Sandbox,
    /// Whom nobody else edits: patient and contact.
    witness: (String, String),
    edits: usize,
}

impl Chaos<'_> {
    /// An edit in Halaxy arrives in the CRM, whatever has just happened.
    async fn works(&mut self, after: &str) {
        self.edits += 1;
        let mobile = format!("+61491571{:03}", self.edits);
        let shown = self.sandbox.record("halaxy", "Patient", &self.witness.0).unwrap();
        let edit = telecom(&shown, &mobile);
        self.sandbox
            .person_edit("halaxy", "Patient", &self.witness.0, &edit)
            .unwrap();
        let begun = Instant::now();
        loop {
            let contact = self.sandbox.record("crm", "contacts", &self.witness.1).unwrap();
            if digits(contact["mobile"].as_str().unwrap_or_default()).ends_with(&digits(&mobile)[2..]) {
                break;
            }
            assert!(
                begun.elapsed() < QUIET,
                "nothing arrives after {after}: {}",
                self.fleet.logs()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{after}: an edit arrived after {:.1} s", begun.elapsed().as_secs_f64());
        assert!(
            self.fleet.all_run(),
            "after {after} a worker ended by itself: {}",
            self.fleet.logs()
        );
    }

    async fn driver(&self) -> usize {
        self.fleet.driver(self.database).await
    }

    async fn workers_are_killed(&mut self) {
        let driver = self.driver().await;
        self.fleet.kill(driver);
        let next = self.driver().await;
        assert_ne!(next, driver, "another takes over");
        self.fleet.run(driver).await;
        self.works("kill -9 of the driver").await;
        let helper = (self.driver().await + 1) % 3;
        self.fleet.kill(helper);
        self.fleet.run(helper).await;
        self.works("kill -9 of a helper").await;
    }

    async fn ways_are_cut(&mut self) {
        let (driver, lasts) = (self.driver().await, partition());
        let [one, other] = [(driver + 1) % 3, (driver + 2) % 3];
        let places = &self.fleet.places;
        places[driver].store.set(State::Silent);
        places[one].queue.set(State::Cut);
        places[other].store.set(State::Cut);
        tokio::time::sleep(lasts).await;
        self.fleet.mend();
        self.works("a silent database for the driver; helpers cut off from broker and database")
            .await;

        let driver = self.driver().await;
        self.fleet.places[driver].store.set(State::Cut);
        let next = self.driver_after(driver).await;
        let places = &self.fleet.places;
        places[next].queue.set(State::Silent);
        places[(next + 1) % 3].queue.set(State::Silent);
        tokio::time::sleep(lasts).await;
        self.fleet.mend();
        self.works("the driver cut off from the database, the next from the broker")
            .await;

        let driver = self.driver().await;
        self.fleet.places[driver].accounts.set(State::Cut);
        self.fleet.places[(driver + 1) % 3].store.set(State::Silent);
        tokio::time::sleep(lasts).await;
        self.fleet.mend();
        self.works("the driver cut off from the accounts").await;
    }

    /// Who drives after this one.
    async fn driver_after(&self, last: usize) -> usize {
        let begun = Instant::now();
        while begun.elapsed() < QUIET {
            let now = self.driver().await;
            if now != last {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody takes over: {}", self.fleet.logs());
    }

    async fn servers_fail(&mut self) {
        let wipe = "[rabbit_amqqueue:delete(Q, false, false, <<\"test\">>) || Q <- rabbit_amqqueue:list()].";
        tokio::task::block_in_place(|| self.broker.control(&["eval", wipe]));
        self.works("all queues deleted").await;
        tokio::task::block_in_place(|| {
            self.database.kill();
            self.database.resume();
        });
        self.works("restart of PostgreSQL").await;
        tokio::task::block_in_place(|| self.broker.kill());
        let driver = self.driver().await;
        self.fleet.kill(driver);
        tokio::task::block_in_place(|| self.broker.resume());
        self.fleet.run(driver).await;
        self.works("restart of RabbitMQ, and kill -9 of the driver without it")
            .await;
    }
}

/// Each epoch has one driver, and whatever changed an account left the worker that drove at that moment.
fn one_driver_at_a_time(fleet: &Fleet, database: &Postgres) {
    let epochs = fleet.epochs(database);
    assert!(epochs.windows(2).all(|two| two[0].number < two[1].number), "{epochs:?}");
    let (mut writes, mut latest) = (0, 0);
    for (place, requests) in fleet.requests().into_iter().enumerate() {
        for request in requests {
            let at = epochs.partition_point(|epoch| epoch.since <= request.at);
            let drives = |at: usize| at.checked_sub(1).and_then(|at| fleet.place_of(epochs[at].driver)) == Some(place);
            let late = if drives(at) {
                0
            } else {
                assert!(
                    drives(at.saturating_sub(1)),
                    "worker {place} did not drive at {request:?}: {epochs:?}"
                );
                request.at - epochs[at - 1].since
            };
            let write = !request.line.starts_with("GET ") && !request.line.contains("token");
            writes += usize::from(write);
            latest = latest.max(late);
            assert!(
                u128::try_from(late).unwrap() <= LIFE.as_micros(),
                "{late} us after worker {place} lost the right: {request:?} {epochs:?}"
            );
        }
    }
    println!(
        "{} epochs, {writes} writes, the latest {latest} us after its epoch",
        epochs.len()
    );
    assert!(epochs.len() > 3 && writes > 50);
}

/// The sum of all workers stayed below what each account allows.
fn no_limit_was_exceeded(sandbox: &Sandbox) {
    let calls = sandbox.calls_after(0);
    for (system, limit, window) in LIMITS {
        let calls = calls.iter().filter(|call| call.system == system);
        assert!(
            calls.clone().all(|call| call.status != Some(429)),
            "{system} was called too often"
        );
        let times: Vec<i64> = calls
            .map(|call| call.at.parse::<jiff::Timestamp>().unwrap().as_microsecond())
            .collect();
        let within = |(first, at): (usize, &i64)| times[first..].partition_point(|t| *t < at + window);
        let most = times.iter().enumerate().map(within).max().unwrap_or(0);
        println!(
            "{system}: at most {most} of {limit} calls within {} s, {} in all",
            window / 1_000_000,
            times.len()
        );
        assert!(most <= limit, "{system}: {most} calls in a window of {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_and_3_workers_and_servers_may_fail_and_nothing_is_lost_or_doubled() {
    let (patients, contacts) = invented_people(21, PEOPLE);
    let sandbox = Sandbox::new(SandboxOptions {
        seed: 21,
        manners: Manners::Real,
        crm: CrmKind::Plain,
        patients,
        contacts,
        clock: Arc::new(SystemClock),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let accounts = listener.local_addr().unwrap().port();
    let served = Arc::clone(&sandbox);
    let server = tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    let [port] = broker::free_ports();
    let (database, mut broker) = tokio::task::block_in_place(|| (Postgres::start(port), broker::Private::start("")));
    let mut fleet = Fleet::start(&sandbox, accounts, &database, broker.port, LIFE).await;
    fleet.driver(&database).await;

    let patients = sandbox.records("halaxy", "Patient").unwrap().len();
    let mut pairs = linked(&sandbox);
    let witness = pairs.pop_first().unwrap();
    sandbox.set_faults(faults());
    let enough = CancellationToken::new();
    let people = tokio::spawn(people_edit(Arc::clone(&sandbox), pairs.clone(), enough.clone()));
    let mut chaos = Chaos {
        fleet: &mut fleet,
        database: &database,
        broker: &mut broker,
        sandbox: &sandbox,
        witness,
        edits: 0,
    };
    chaos.workers_are_killed().await;
    chaos.ways_are_cut().await;
    chaos.servers_fail().await;
    enough.cancel();
    let typed = people.await.unwrap();
    sandbox.set_faults(vec![]);

    let (begun, desk) = (Instant::now(), fleet.desk.path().to_path_buf());
    let mut missing = typed.missing(&sandbox, &pairs);
    while !missing.is_empty() && begun.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(100)).await;
        missing = typed.missing(&sandbox, &pairs);
    }
    println!(
        "{} edits; all there after {:.1} s",
        typed.mobiles.len() + typed.emails.len(),
        begun.elapsed().as_secs_f64()
    );
    let told = |args: &[&str]| tokio::task::block_in_place(|| run_in(&desk, args));
    let open = told(&["conflicts", "list", "--json"]).stdout;
    missing.retain(|lost| !open.contains(lost.split(' ').next().unwrap_or_default()));
    let told_of = |lost: &String| {
        let patient = lost.split_whitespace().last().unwrap_or_default();
        told(&["explain", &format!("halaxy:{patient}")]).stdout
    };
    let stories: Vec<String> = missing.iter().map(told_of).collect();
    assert!(missing.is_empty(), "lost: {missing:?} {}", stories.join("\n"));
    typed.stands(&sandbox, &pairs);
    tokio::task::block_in_place(|| fleet.stop());

    assert_eq!(
        sandbox.records("halaxy", "Patient").unwrap().len(),
        patients,
        "nothing is created in Halaxy"
    );
    let contacts = sandbox.records("crm", "contacts").unwrap();
    let numbers: Vec<&str> = contacts
        .iter()
        .filter_map(|c| c["external_ref"].as_str())
        .filter(|n| !n.is_empty())
        .collect();
    let distinct: BTreeSet<&&str> = numbers.iter().collect();
    assert_eq!(numbers.len(), distinct.len(), "no person stands twice in the CRM");
    one_driver_at_a_time(&fleet, &database);
    no_limit_was_exceeded(&sandbox);
    let report = told(&["sync", "--json"]).json();
    assert_eq!(
        (&report["converged"], &report["failures"]),
        (&json!(true), &json!(0)),
        "{report}"
    );
    let again = told(&["sync", "--json"]).json();
    let writes = ["halaxy", "crm"].map(|system| &again["systems"][system]["writes"]);
    assert_eq!(writes, [&json!(0), &json!(0)], "{again}");
    server.abort();
}
