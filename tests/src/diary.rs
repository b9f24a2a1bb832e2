//! A practice with a full calendar: the real engine, mirror and diary over the adapters, at stand-ins that are called in
//! process, on one clock that moves only when told or waited for; and what the CRM should show, reckoned from the stand-ins'
//! own records by other means than the bridge's.

mod setup;
mod shown;

use adapter_kit::{Clock, ManualClock};
use adapter_sandbox::{CrmKind, CsvPerson, Manners, Sandbox, SandboxOptions};
use bridge_engine::Engine;
use bridge_engine::diary::{Diary, DiaryStep};
use bridge_store::{Filter, Page, Store};
use futures::future::BoxFuture;
use halaxy_bridge::config::{self, Config};
use halaxy_bridge::{besides, diary, wiring};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use setup::{engine, write};
use shown::instant;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const BASE: &str = "http://127.0.0.1:1";
const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
/// What must never leave: in every service name, comment, link and family name.
pub const TAINT: &str = "Quillfeather";

struct Shared(Arc<ManualClock>);

impl adapter_sandbox::Clock for Shared {
    fn now_micros(&self) -> i64 {
        self.0.now()
    }

    fn wait(&self, micros: u64) -> BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move { clock.sleep(Duration::from_micros(micros)).await })
    }
}

/// Bodies of requests about activities, as they left.
type Sent = Arc<Mutex<Vec<String>>>;

/// The practice.
pub struct Calendar {
    /// The stand-ins.
    pub sandbox: Arc<Sandbox>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// The engine.
    pub engine: Engine,
    /// The configuration.
    pub config: Config,
    /// Which CRM.
    pub crm: CrmKind,
    sent: Sent,
    store: Store,
    dice: StdRng,
    /// Ids of the appointments that are there.
    ids: Vec<String>,
    _folder: TempDir,
}

/// One activity as the CRM shows it, or as it should: beginning and end (seconds), outcome, status, mode, contact.
pub type Line = (i64, i64, String, String, String, String);

fn person(n: usize) -> CsvPerson {
    CsvPerson {
        id: format!("P{n:04}"),
        given_name: format!("Sample{n}"),
        surname: format!("{TAINT}{n}"),
        date_of_birth: format!("19{:02}-{:02}-{:02}", 40 + n % 55, 1 + n % 12, 1 + n % 28),
        sex: "F".into(),
        phone: format!("+614{:08}", 91_570_000 + n * 7),
        email: format!("p{n}@sampleton.example"),
        ..CsvPerson::default()
    }
}

/// Minutes that Melbourne is ahead of UTC, by the rule of its daylight saving: from the first Sunday of October, 2:00
/// standard time, to the first Sunday of April, 3:00 summer time.
fn ahead(seconds: i64) -> i64 {
    let turns = |month: i8| {
        let year = jiff::Timestamp::from_second(seconds)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .year();
        let first = jiff::civil::date(year, month, 1);
        let sunday = first + jiff::ToSpan::days(i64::from(7 - first.weekday().to_sunday_zero_offset()) % 7);
        // 16:00 UTC of the day before, in both directions.
        sunday
            .at(0, 0, 0, 0)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_second()
            - 8 * 3_600
    };
    if seconds < turns(4) || seconds >= turns(10) {
        11 * 60
    } else {
        10 * 60
    }
}

/// A local time of the practice as Halaxy shows it.
pub fn local(seconds: i64) -> String {
    let minutes = ahead(seconds);
    let shown = jiff::Timestamp::from_second(seconds + minutes * 60).unwrap();
    format!("{}+{:02}:00", shown.strftime("%Y-%m-%dT%H:%M:%S"), minutes / 60)
}

fn part(patient: &str, status: &str) -> Json {
    json!({"actor": {"reference": format!("Patient/{patient}"), "type": "Patient"},
        "modifierExtension": [{"url": STATUS, "valueCoding": {"code": status, "display": status}}]})
}

fn status_of(part: &Json) -> &str {
    part["modifierExtension"][0]["valueCoding"]["code"]
        .as_str()
        .unwrap_or_default()
}

const STATUSES: [&str; 9] = [
    "booked",
    "confirmed",
    "arrived",
    "attended",
    "cancelled",
    "cancelled (no charge)",
    "did not attend",
    "rejected",
    "check response",
];
const MODES: [(&str, &str); 4] = [
    ("clinic", "clinic"),
    ("telehealth", "video"),
    ("phone", "phone"),
    ("organization", "other"),
];

impl Calendar {
    /// A practice with so many patients, linked to contacts but for every tenth, and no appointments.
    pub async fn open(
        crm: CrmKind,
        manners: Manners,
        patients: usize,
        begins: &str,
        section: &str,
        seed: u64,
    ) -> Calendar {
        let clock = Arc::new(ManualClock::new(
            begins.parse::<jiff::Timestamp>().unwrap().as_microsecond(),
        ));
        let sandbox = Sandbox::new(SandboxOptions {
            seed,
            manners,
            crm,
            patients: (0..patients).map(person).collect(),
            clock: Arc::new(Shared(clock.clone())),
            ..SandboxOptions::default()
        });
        let folder = tempfile::tempdir().unwrap();
        let sent = Sent::default();
        write(&folder, &sandbox, crm, section);
        let config = config::load(&folder.path().join("bridge.toml")).unwrap_or_else(|p| panic!("{p:#?}"));
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let key = wiring::key(&config).unwrap();
        let store = Store::open(&url, &key, &config.practice, clock.now()).await.unwrap();
        let engine = engine(&config, &store, &sandbox, &clock, &sent).await;
        let calendar = Calendar {
            sandbox,
            clock,
            engine,
            config,
            crm,
            sent,
            store,
            dice: StdRng::seed_from_u64(seed),
            ids: Vec::new(),
            _folder: folder,
        };
        calendar.furnish();
        let ids = calendar.patients();
        for id in ids.iter().step_by(10) {
            calendar.become_status(id, "archived");
        }
        for system in &calendar.engine.settings().systems {
            for kind in calendar.config.kinds_of(&calendar.config.systems[&system.name]) {
                system.adapter.prepare(&kind, true).await.unwrap();
            }
        }
        calendar.engine.approve().await.unwrap();
        calendar.people().await;
        calendar
    }

    /// A status of a patient; contacts are made of current ones only.
    pub fn become_status(&self, patient: &str, status: &str) {
        let url = "https://terminology.halaxy.com/StructureDefinition/patient-status";
        let patch = json!({"extension": [{"url": url, "valueString": status}]});
        self.sandbox.person_edit("halaxy", "Patient", patient, &patch).unwrap();
    }

    fn furnish(&self) {
        let link = |kind: &str, id: &str| json!({"reference": format!("{kind}/{id}"), "type": kind});
        let mut all = vec![
            json!({"resourceType": "Organization", "id": "CL-1", "name": "Sampleton Clinic"}),
            json!({"resourceType": "Practitioner", "id": "PR-1", "name": [{"given": ["Ada"], "family": "Reed"}]}),
        ];
        for n in 0..4 {
            all.push(
                json!({"resourceType": "PractitionerRole", "id": format!("PR-70{n}"), "active": true,
                "practitioner": link("Practitioner", "PR-1"), "organization": link("Organization", "CL-1")}),
            );
            all.push(
                json!({"resourceType": "HealthcareService", "id": format!("S{n}"), "active": true,
                "name": format!("{TAINT} therapy {n}")}),
            );
        }
        self.sandbox.load_halaxy(&all).unwrap();
    }

    /// Ids of all patients.
    pub fn patients(&self) -> Vec<String> {
        let rows = self.sandbox.ids().into_iter().filter(|row| row.system == "halaxy");
        rows.map(|row| row.id).collect()
    }

    /// Steps the engine until people have settled.
    pub async fn people(&self) {
        self.engine.poll_now();
        let mut quiet = 0;
        for _ in 0..4_000 {
            let step = self.engine.step(self.clock.now()).await.unwrap();
            let busy = step.active() || step.more;
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet > 3 && self.engine.settled().await.unwrap() {
                return;
            }
            if !busy {
                self.clock.advance(Duration::from_secs(20));
                self.engine.poll_now();
            }
        }
        panic!("people never settle");
    }

    /// A person closes every open question about merged or removed records. How many there were.
    pub async fn close_cards(&self) -> usize {
        let mut closed = 0;
        while let Some(card) = self
            .store
            .cards(&Filter::default(), &Page::first(1))
            .await
            .unwrap()
            .rows
            .pop()
        {
            self.engine.dismiss(&card, "a test").await.unwrap();
            closed += 1;
        }
        self.people().await;
        closed
    }

    /// A diary as the program opens it, on what was kept.
    pub fn diary(&self) -> Diary {
        diary::beside(&self.config, &self.engine).unwrap()
    }

    /// Lets the mirror read what changed; `whole`: and compare complete lists.
    pub async fn mirror(&self, whole: bool) {
        let mirror = besides::mirror(&self.config, &self.engine).unwrap();
        loop {
            let step = mirror.step().await.unwrap();
            assert_eq!(step.trouble, []);
            if !step.more {
                break;
            }
        }
        if whole {
            assert_eq!(mirror.sweep().await.unwrap().trouble, []);
        }
    }

    /// Reads appointments again that the diary asks for.
    pub async fn look_again(&self, diary: &Diary) -> usize {
        let ids = diary.due_again(self.clock.now()).await.unwrap();
        let mirror = besides::mirror(&self.config, &self.engine).unwrap();
        mirror.look("Appointment", &ids).await.unwrap();
        ids.len()
    }

    /// Steps the diary until nothing moves.
    pub async fn settle(&self, diary: &Diary) -> DiaryStep {
        let mut sum = DiaryStep::default();
        for _ in 0..60 {
            let step = diary.step(self.clock.now()).await.unwrap();
            sum.created += step.created;
            sum.changed += step.changed;
            sum.moved += step.moved;
            sum.restored += step.restored;
            sum.deleted += step.deleted;
            sum.refused += step.refused;
            sum.held = step.held;
            if step.created + step.changed + step.moved + step.unknown == 0 && step.trouble.is_empty() {
                return sum;
            }
            self.clock.advance(Duration::from_secs(30));
        }
        panic!("the diary never comes to rest: {sum:?}");
    }

    /// A number below `n`.
    pub fn draw(&mut self, n: usize) -> usize {
        self.dice.random_range(0..n)
    }

    fn body(&mut self, start: i64) -> Json {
        let patients = self.patients();
        let several = if self.draw(8) == 0 { 2 + self.draw(4) } else { 1 };
        let mut named = BTreeSet::new();
        let mut parts = vec![json!({"type": [{"coding": [{"code": "ATND", "display": "attender"}]}],
            "actor": {"reference": format!("PractitionerRole/PR-70{}", self.draw(4)), "type": "PractitionerRole"}})];
        // Now and then a block, which is nobody's.
        let several = if self.draw(30) == 0 { 0 } else { several };
        while named.len() < several {
            let patient = patients[self.draw(patients.len())].clone();
            if named.insert(patient.clone()) {
                let status = if self.draw(4) == 0 {
                    STATUSES[self.draw(9)]
                } else {
                    "booked"
                };
                parts.push(part(&patient, status));
            }
        }
        let mode = self.draw(4);
        let minutes = [30, 45, 60][self.draw(3)];
        json!({"start": local(start), "end": local(start + minutes * 60), "minutesDuration": minutes,
            "description": format!("with {TAINT}, https://video.example/join/{TAINT}"), "participant": parts,
            "supportingInformation": [
                {"reference": format!("HealthcareService/S{}", self.draw(4)), "type": "HealthcareService"},
                {"display": MODES[mode].0}]})
    }

    /// Books so many appointments, on days from the first on (seconds since 1970), at the practice's hours.
    pub fn book(&mut self, n: usize, first: i64, days: i64) {
        for _ in 0..n {
            let day = first + self.dice.random_range(0..days) * 86_400;
            let start = day + self.dice.random_range(0..40) * 900;
            let body = self.body(start);
            let id = self.sandbox.person_create("halaxy", "Appointment", &body).unwrap();
            self.ids.push(id);
        }
    }

    /// Something happens to so many appointments: statuses, moves, cancellations of each kind, patients who join or leave.
    pub fn live(&mut self, n: usize, moves: &[i64]) {
        for _ in 0..n {
            let at = self.draw(self.ids.len());
            let id = self.ids[at].clone();
            let one = self.sandbox.record("halaxy", "Appointment", &id).unwrap();
            let mut parts: Vec<Json> = one["participant"].as_array().unwrap().clone();
            let patch = match self.draw(12) {
                0..5 if parts.len() > 1 => {
                    let at = 1 + self.draw(parts.len() - 1);
                    let patient = parts[at]["actor"]["reference"]
                        .as_str()
                        .unwrap()
                        .rsplit('/')
                        .next()
                        .unwrap()
                        .to_owned();
                    parts[at] = part(&patient, STATUSES[self.draw(9)]);
                    json!({"participant": parts})
                }
                5..8 => {
                    let start = instant(&one["start"]);
                    let by = moves[self.draw(moves.len())] * 86_400;
                    let length = instant(&one["end"]) - start;
                    // The same hour on the practice's clock.
                    let moved = start + by + (ahead(start) - ahead(start + by)) * 60;
                    json!({"start": local(moved), "end": local(moved + length)})
                }
                8 => {
                    self.sandbox.person_delete("halaxy", "Appointment", &id).unwrap();
                    self.ids.swap_remove(at);
                    continue;
                }
                9 if parts.len() > 2 => {
                    parts.remove(1);
                    json!({"participant": parts})
                }
                10 if parts.len() > 1 => {
                    let all = self.patients();
                    let who = all[self.draw(all.len())].clone();
                    let link = format!("Patient/{who}");
                    if parts
                        .iter()
                        .all(|p| !p["actor"]["reference"].as_str().unwrap().ends_with(&link))
                    {
                        parts.push(part(&who, "booked"));
                    }
                    json!({"participant": parts})
                }
                _ => json!({"description": format!("{TAINT} {}", self.draw(1_000))}),
            };
            self.sandbox.person_edit("halaxy", "Appointment", &id, &patch).unwrap();
        }
    }

    /// Nothing that left about activities named a patient, a service, a comment or a link.
    ///
    /// # Panics
    /// With the body that does.
    pub fn untold(&self) {
        let sent = self.sent.lock().unwrap();
        assert!(!sent.is_empty());
        for body in sent.iter() {
            for mark in [TAINT, "://", "video.example", "Sample1", "therapy", "Reed"] {
                assert!(!body.contains(mark), "{mark} left: {body}");
            }
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A crash: everything in memory is lost.
    pub async fn reopen(&mut self) {
        self.engine = engine(&self.config, &self.store, &self.sandbox, &self.clock, &self.sent).await;
    }
}
