//! An app over a store with invented people, and a browser that keeps cookies.

use adapter_kit::ManualClock;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use bridge_admin::access::chance::Chance;
use bridge_admin::access::invitation::Purpose;
use bridge_admin::access::password::Passwords;
use bridge_admin::access::role::Role;
use bridge_admin::access::{Access, Joining};
use bridge_admin::app::{App, AppSettings, Served};
use bridge_admin::health::Watch;
use bridge_admin::{Peer, router};
use bridge_core::{Agreed, Card, CardKind, Conflict, Entity, Hold, Lane, Link, Origin, Value};
use bridge_engine::Approval;
use bridge_engine::vitals::{
    Alert, AlertCode, Budget, LedgerVitals, Limits, PartVitals, ProofVitals, Remedy, Sight, State, SubscriberVitals,
    SystemVitals, Trouble, Vitals, Waiting, Work,
};
use bridge_store::{Candidate, Key, RecordKey, Store};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower::ServiceExt;

pub const NOW: i64 = 1_795_000_000_000_000;
pub const PASSWORD: &str = "kettle orbit plum sail";
pub const HOST: &str = "bridge.practice.example";

/// What nobody without the right to see values may ever be shown.
pub const SECRET: [&str; 7] = [
    "Samplewood",
    "Mirrim",
    "samplewood.example",
    "491570006",
    "491570156",
    "1980-12-31",
    "<script>",
];

/// Numbers instead of chance: every run is the same, and no two are alike.
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

pub struct House {
    pub app: Arc<App>,
    pub router: Router,
    pub store: Store,
    pub access: Access,
    pub clock: Arc<ManualClock>,
    pub watch: Watch,
    folder: tempfile::TempDir,
}

impl House {
    /// With nobody who may use it yet.
    pub async fn empty() -> House {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "clinic", 0).await.unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let watch = Watch::new(Limits::default());
        let settings = AppSettings {
            practice: "Sampleton Clinic & Co".into(),
            time_zone: "Australia/Melbourne".into(),
            systems: vec!["halaxy".into(), "crm".into()],
            url: format!("https://{HOST}"),
            secure: true,
            behind_proxy: true,
            beside: vec![Served {
                path: "/webhooks/".into(),
                what: "where products tell of changes".into(),
                who: "products".into(),
            }],
        };
        let app = App::new(
            settings,
            watch.clone(),
            Arc::clone(&clock) as Arc<_>,
            Arc::new(Counted(AtomicU64::new(1))),
            Passwords::costing(64, 1),
        );
        let desk = crate::office::desk(&store, Arc::clone(&clock) as Arc<_>);
        app.open(store.clone(), Some(desk));
        House {
            router: router([app.routes()]),
            access: app.access(store.clone()),
            app,
            store,
            clock,
            watch,
            folder,
        }
    }

    /// With invented people in the store, vitals, and one user of each role.
    pub async fn full() -> (House, BTreeMap<Role, Browser>) {
        let house = House::empty().await;
        fill(&house.store).await;
        house.watch.found(vitals());
        let mut browsers = BTreeMap::new();
        for role in Role::ALL {
            browsers.insert(role, house.user(role).await);
        }
        (house, browsers)
    }

    pub fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
            from: "203.0.113.7".into(),
        }
    }

    /// A new person of that role, in a browser that is signed in.
    pub async fn user(&self, role: Role) -> Browser {
        let email = email(role);
        let link = self
            .access
            .invite((role.title(), &email), role, "a test")
            .await
            .unwrap();
        let accepted = self
            .access
            .accept(link.expose_secret(), &self.joining(link.expose_secret()).await)
            .await;
        let mut browser = self.browser();
        let session = accepted.unwrap().session.expose_secret().to_string();
        browser.cookies.insert("__Host-bridge".into(), session);
        browser
    }

    /// What somebody types who comes in by a link.
    pub async fn joining(&self, token: &str) -> Joining {
        let (invitation, _) = self.access.invitation(token).await.unwrap();
        Joining {
            name: "Dana Fox".into(),
            email: "Dana@Practice.example ".into(),
            password: PASSWORD.into(),
            again: PASSWORD.into(),
            code: invitation.second.code_at(adapter_kit::Clock::now(&*self.clock)),
        }
    }

    /// The code that somebody's phone shows.
    pub async fn code(&self, email: &str) -> String {
        let users = self.access.users().await.unwrap();
        let user = users.iter().find(|user| user.email == email).unwrap();
        user.second.code_at(adapter_kit::Clock::now(&*self.clock))
    }

    pub fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Everything that lies on the disk.
    pub fn on_disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

pub fn email(role: Role) -> String {
    format!("{}@practice.example", role.key())
}

/// An answer.
pub struct Page {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Page {
    pub fn to(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    /// Where the list goes on.
    pub fn next(&self) -> Option<String> {
        let link = self.text.split("class=\"pager\"><a class=\"button\" href=\"").nth(1)?;
        Some(link.split('"').next()?.replace("&amp;", "&"))
    }

    /// What a field of a form holds at first.
    pub fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let main = self.text.split("<main").nth(1).unwrap();
        let at = main.find(&mark).map(|at| at + mark.len()).unwrap();
        main[at..].split('"').next().unwrap().replace("&amp;", "&")
    }

    /// The token that the page's forms carry.
    pub fn form(&self) -> String {
        let mark = "name=\"form\" value=\"";
        let at = self.text.find(mark).map(|at| at + mark.len()).unwrap();
        self.text[at..].split('"').next().unwrap().to_string()
    }
}

#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub from: String,
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path);
        self.send(request, String::new()).await
    }

    /// As a form of our own pages sends it, token included.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let form = self.get("/own").await;
        let token = if form.status == 200 { form.form() } else { String::new() };
        let mut fields = fields.to_vec();
        fields.push(("form", &token));
        self.post_raw(path, &fields, "same-origin").await
    }

    pub async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)], site: &str) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, body).await
    }

    pub async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header(header::HOST, HOST)
            .header(header::COOKIE, cookies.join("; "))
            .header("x-forwarded-for", &self.from)
            .extension(Peer(([127, 0, 0, 1], 9).into()))
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match rest.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.into(), value.into()),
            };
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = crate::office::body(response).await;
        Page {
            status,
            headers,
            // A harmless one of what is escaped, so that addresses read as such.
            text: String::from_utf8(body).unwrap().replace("&#x2f;", "/"),
        }
    }
}

fn link(system: &str, kind: &str, id: &str, entity: Option<&str>, values: &[(&str, Value)]) -> Link {
    let mut link = Link {
        entity: entity.map(str::to_string),
        generation: 1,
        known_at: NOW,
        ..Link::new(system, kind, id)
    };
    for (unit, value) in values {
        link.units.entry((*unit).into()).or_default().set_seen(value.clone());
    }
    link
}

fn person(number: usize) -> Entity {
    let id = format!("0198-person-{number}");
    let name = Value::group([("given", "Mirrim"), ("family", "Samplewood")]);
    let values = [
        ("official_name", name.clone()),
        ("birth_date", Value::text("1980-12-31")),
        ("mobile", Value::text("+61491570006")),
        ("email", Value::text(format!("person{number}@samplewood.example"))),
    ];
    let mut entity = Entity {
        id: id.clone(),
        kind: "person".into(),
        revision: 1,
        ..Entity::default()
    };
    let agreed = Agreed {
        value: name,
        origin: Origin::System("halaxy".into()),
        lo: NOW - 5,
        hi: NOW,
    };
    entity.agreed.insert("official_name".into(), agreed.into());
    for (system, kind, letter) in [("halaxy", "Patient", 'p'), ("crm", "contacts", 'c')] {
        let link = link(system, kind, &format!("{letter}{number:04}"), Some(&id), &values);
        entity.links.insert(system.into(), link.into());
    }
    entity
}

/// Conflicts, one with an attack in its value; a card, a hold, a possible match, a run.
pub async fn fill(store: &Store) {
    let mut people: Vec<Entity> = (0..60).map(person).collect();
    for (number, person) in people.iter_mut().enumerate().take(55) {
        let typed = match number {
            0 => "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>",
            _ => "+61491570156",
        };
        let conflict = Conflict {
            values: BTreeMap::from([
                ("halaxy".into(), Value::text("+61491570006")),
                ("crm".into(), Value::text(typed)),
            ]),
            since: NOW - number as i64 * 60_000_000,
            why: "both changed".into(),
        };
        let unit = if number % 5 == 4 { "email" } else { "mobile" };
        // Each side was edited from what was agreed before.
        for (system, value) in &conflict.values {
            let link = person.links.get_mut(system).unwrap();
            let held = link.units.get_mut(unit).unwrap();
            held.set_base(Value::text("+61491570110"), None);
            held.set_seen(value.clone());
        }
        person.conflicts.insert(unit.into(), conflict);
    }
    people[56].cards = vec![Card {
        kind: CardKind::LooksWrong,
        system: "crm".into(),
        units: BTreeSet::from(["official_name".to_string()]),
        since: NOW - 5_000_000,
    }];
    people[57].links.get_mut("crm").unwrap().held = Some(Hold::Refused("E-17".into()));
    let pairs: Vec<_> = people.into_iter().map(|person| (None, person)).collect();
    let mut tx = store.begin().await.unwrap();
    assert!(tx.save_entities(&pairs, Lane::Live, NOW).await.unwrap().is_empty());
    let stranger = link(
        "crm",
        "contacts",
        "c9999",
        Some("0198-stranger"),
        &[(
            "official_name",
            Value::group([("given", "Mirrim"), ("family", "Samplewood")]),
        )],
    );
    let mut alone = Entity {
        id: "0198-stranger".into(),
        kind: "person".into(),
        revision: 1,
        candidate: true,
        ..Entity::default()
    };
    alone.links.insert("crm".into(), stranger.into());
    assert!(
        tx.save_entities(&[(None, alone)], Lane::Live, NOW)
            .await
            .unwrap()
            .is_empty()
    );
    let candidate = Candidate::new(
        RecordKey::new("halaxy", "Patient", "p0058"),
        RecordKey::new("crm", "contacts", "c9999"),
        871,
        vec!["same name".into(), "birth date is missing".into()],
        NOW - 9_000_000,
    );
    tx.add_candidates(&[candidate]).await.unwrap();
    tx.start_run("run-1", "backfill", NOW - 90_000_000).await.unwrap();
    let counts = serde_json::json!({ "created": { "crm": 1_203 }, "updated": { "crm": 17 } });
    tx.end_run("run-1", NOW - 60_000_000, &counts).await.unwrap();
    tx.commit().await.unwrap();
}

/// Vitals in which everything there is occurs.
pub fn vitals() -> Vitals {
    let system = |sight, looked: Option<i64>, trouble| SystemVitals {
        kind: "Patient".into(),
        sight,
        looked,
        looked_seconds: looked.map(|at| ((NOW - at) / 1_000_000).unsigned_abs()),
        allowed_seconds: 600,
        trouble,
        records: 12_345,
        linked: 12_001,
        calls_today: 801,
        budget: Some(Budget {
            limit: 5_000,
            used: 801,
            forecast: 2_300,
        }),
        credentials_until: Some(NOW + 86_400_000_000 * 20),
    };
    let trouble = Trouble {
        since: NOW - 900_000_000,
        what: "search contacts: 503".into(),
        credentials: false,
    };
    Vitals {
        practice: "clinic".into(),
        at: NOW - 3_000_000,
        state: State::CouldNotLook,
        approval: Approval::Given,
        systems: BTreeMap::from([
            ("halaxy".into(), system(Sight::Current, Some(NOW - 20_000_000), None)),
            ("crm".into(), system(Sight::CouldNotLook, None, Some(trouble))),
        ]),
        work: Work {
            planned: 3,
            ..Work::default()
        },
        oldest_work_seconds: 75,
        waiting: Waiting {
            conflicts: 55,
            cards: 1,
            candidates: 1,
            faint: 2,
            holds: 1,
            brakes: 1,
        },
        subscribers: BTreeMap::from([(
            "sheet".into(),
            SubscriberVitals {
                waiting: 12,
                failing_seconds: 300,
                parked: false,
                trouble: Some("500".into()),
            },
        )]),
        ledger: Some(LedgerVitals {
            at: NOW - 60_000_000,
            approved: false,
            posted: 412,
            held: 3,
            unapproved: 9,
            trouble: vec!["the books refuse an account".into()],
            proof: Some(ProofVitals {
                at: NOW - 3_600_000_000,
                from: "2026-11-01".into(),
                to: "2026-11-22".into(),
                differences: Some(2),
                digest: None,
                failed: None,
                nightly: true,
            }),
            amiss: None,
        }),
        parts: BTreeMap::from([(
            "mirror".into(),
            PartVitals {
                at: NOW - 30_000_000,
                every_seconds: 300,
                figures: BTreeMap::from([("appointments".into(), 1_204)]),
                waiting: 1,
                trouble: vec!["appointments: 500".into()],
                notices: vec!["a kind is not served".into()],
                ..PartVitals::default()
            },
        )]),
        queue: None,
        alerts: vec![Alert {
            code: AlertCode::CouldNotLook,
            system: Some("crm".into()),
            message: "never read".into(),
            remedy: Remedy::LookAtAccount,
        }],
    }
}

/// A link as its purpose tells.
pub async fn purpose(house: &House, token: &str) -> Option<Purpose> {
    house.access.invitation(token).await.ok().map(|(of, _)| of.purpose)
}
