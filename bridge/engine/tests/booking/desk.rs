//! A practice with free times at the stand-in of Halaxy, on one clock, and desks that may be killed.

use adapter_halaxy::{HalaxyAdapter, HalaxyCalendar, HalaxyOptions};
use adapter_kit::{
    Calendar, Clock, HttpRequest, HttpResponse, InProcess, ManualClock, Transport, TransportError, TransportErrorKind,
};
use adapter_sandbox::{ConnectionCut, CsvPerson, Manners, Sandbox, SandboxOptions};
use bridge_core::Time;
use bridge_core::booking::request::Wording;
use bridge_core::booking::{Defaults, Request, Who};
use bridge_core::codec::Country;
use bridge_engine::booking::{BookingDesk, DeskSettings};
use bridge_store::{Key, Store};
use futures::future::BoxFuture;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

const BASE: &str = "http://127.0.0.1:1";
/// 2026-03-02T10:15:00 in Melbourne.
const START: Time = 1_772_406_900_000_000;
/// The longest a booking can live after we gave up on it.
pub const LIFE: Duration = Duration::from_secs(60);

/// One clock for all sides.
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

/// A practice.
pub struct Practice {
    pub sandbox: Arc<Sandbox>,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub patients: Vec<String>,
    pub roles: Vec<String>,
    _folder: TempDir,
}

impl Practice {
    /// With so many patients and practitioner roles, and free hours from 9 to so many later on 2026-03-04.
    pub async fn open(patients: usize, roles: usize, hours: i64) -> Practice {
        let clock = Arc::new(ManualClock::new(START));
        let people = (0..patients).map(|n| CsvPerson {
            id: format!("P{n}"),
            given_name: format!("Given{n}"),
            surname: "Samplewood".into(),
            date_of_birth: "1988-04-17".into(),
            email: format!("p{n}@example.org"),
            ..CsvPerson::default()
        });
        let sandbox = Sandbox::new(SandboxOptions {
            seed: 7,
            manners: Manners::Polite,
            patients: people.collect(),
            clock: Arc::new(Shared(clock.clone())),
            ..SandboxOptions::default()
        });
        let make = |kind: &str, body: Json| sandbox.person_create("halaxy", kind, &body).unwrap();
        let mut all = Vec::new();
        for _ in 0..roles {
            let role = make(
                "PractitionerRole",
                json!({"resourceType": "PractitionerRole", "active": true}),
            );
            for hour in 0..hours {
                let actor = json!([{"reference": format!("PractitionerRole/{role}"), "type": "PractitionerRole"}]);
                make(
                    "Slot",
                    json!({"resourceType": "Slot", "status": "free", "actor": actor,
                        "start": format!("2026-03-04T{:02}:00:00+11:00", 9 + hour),
                        "end": format!("2026-03-04T{:02}:00:00+11:00", 10 + hour)}),
                );
            }
            all.push(role);
        }
        let patients = sandbox.records("halaxy", "Patient").unwrap();
        let patients = patients.iter().map(|one| one["id"].as_str().unwrap().to_string());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "sampleton", clock.now())
            .await
            .unwrap();
        Practice {
            patients: patients.collect(),
            roles: all,
            sandbox,
            clock,
            store,
            _folder: folder,
        }
    }

    /// The calendar of the stand-in.
    pub fn calendar(&self) -> Arc<dyn Calendar> {
        let halaxy = self.sandbox.endpoints(BASE).halaxy;
        let mut options = HalaxyOptions::new(
            &halaxy.base_url,
            halaxy.client_id,
            halaxy.client_secret.into(),
            "SampletonBridge (it@sampleton.example)",
        );
        options.calls_per_minute = 100_000;
        options.concurrent = 64;
        let transport = in_process(&self.sandbox);
        let adapter = HalaxyAdapter::new("halaxy", options, transport, self.clock.clone()).unwrap();
        Arc::new(HalaxyCalendar::new(
            adapter.client().clone(),
            &halaxy.base_url,
            LIFE,
            None,
        ))
    }

    /// A desk, as a process opens it on what was kept.
    pub fn desk(&self) -> BookingDesk {
        let settings = DeskSettings {
            system: "halaxy".into(),
            kind: "Patient".into(),
            zone: zone(),
            country: Country::AU,
            defaults: Defaults::default(),
        };
        BookingDesk::new(self.store.clone(), self.calendar(), self.clock.clone(), settings)
    }

    /// An hour from that hour of the day on, for that patient.
    pub fn asks(&self, patient: usize, role: usize, hour: i64) -> Request {
        request(Who::Patient(self.patients[patient].clone()), &self.roles[role], hour)
    }

    /// Appointments as the stand-in keeps them.
    pub fn appointments(&self) -> Vec<Json> {
        self.sandbox.records("halaxy", "Appointment").unwrap()
    }
}

/// An hour from that hour of 2026-03-04 on.
pub fn request(who: Who, role: &str, hour: i64) -> Request {
    let words = Wording {
        start: Some(format!("2026-03-04T{hour:02}:00")),
        minutes: Some("60".into()),
        role: Some(role.into()),
        ..Wording::default()
    };
    Request::read(who, &words, &Defaults::default(), &zone()).unwrap()
}

pub fn zone() -> TimeZone {
    TimeZone::get("Australia/Melbourne").unwrap()
}

/// Drops what is under way after so many polls: a crash at whatever it waits for then.
pub async fn killed_after<T>(mut polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| match polls.checked_sub(1) {
        None => Poll::Ready(None),
        Some(left) => {
            polls = left;
            work.as_mut().poll(context).map(Some)
        }
    })
    .await
}

/// Calls the stand-in's router without a network.
fn in_process(sandbox: &Arc<Sandbox>) -> Arc<dyn Transport> {
    let router = sandbox.router();
    Arc::new(InProcess::new(move |request: HttpRequest| {
        let router = router.clone();
        async move {
            let mut sent = axum::http::Request::builder()
                .method(request.method)
                .uri(request.url.as_str());
            if let Some(headers) = sent.headers_mut() {
                *headers = request.headers;
            }
            let sent = sent.body(axum::body::Body::from(request.body));
            let sent = sent.map_err(|_| TransportError::never_left(TransportErrorKind::NotAllowed))?;
            let answer = router.oneshot(sent).await.unwrap_or_else(|never| match never {});
            let broken = TransportError::may_have_landed(TransportErrorKind::Broken);
            if answer.extensions().get::<ConnectionCut>().is_some() {
                return Err(broken);
            }
            let (parts, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| broken)?;
            Ok(HttpResponse {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        }
    }))
}
