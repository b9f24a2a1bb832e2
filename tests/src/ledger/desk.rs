//! The practice, its stand-ins, and a ledger that can be opened again on what it kept.

use super::own::Truth;
use super::rules::{Modes, furnish, rules};
use adapter_halaxy::{HalaxyAdapter, HalaxyOptions, MoneyReader};
use adapter_kit::{
    Clock, HttpRequest, HttpResponse, InProcess, ManualClock, TokenStore, TokenStoreError, Transport, TransportError,
    TransportErrorKind,
};
use adapter_rest::{Connector, RestBooks, RestOptions};
use adapter_sandbox::practice_month::{MonthOptions, PracticeMonth};
use adapter_sandbox::{ConnectionCut, Manners, Sandbox, SandboxOptions};
use bridge_core::ledger::{Currency, Rules};
use bridge_engine::ledger::{Ledger, LedgerSettings, LedgerStep};
use bridge_store::{Key, Store};
use futures::future::BoxFuture;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

const BASE: &str = "http://127.0.0.1:1";
/// Of a whole second, since products stamp in seconds.
const HOUR: Duration = Duration::from_secs(3_600);

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

/// The refresh token, which must survive the program.
struct Tokens(Mutex<SecretString>);

#[async_trait::async_trait]
impl TokenStore for Tokens {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        Ok(Some(self.0.lock().unwrap().expose_secret().into()))
    }

    async fn store(&self, token: &SecretString) -> Result<(), TokenStoreError> {
        *self.0.lock().unwrap() = token.expose_secret().into();
        Ok(())
    }
}

/// A practice with a month behind it, and its books.
pub struct Desk {
    /// What happened, and the practice's own books.
    pub month: PracticeMonth,
    /// The stand-ins.
    pub sandbox: Arc<Sandbox>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// How invoices are posted.
    pub modes: Modes,
    store: Store,
    tokens: Arc<Tokens>,
    requests: Option<Arc<Mutex<std::fs::File>>>,
    _folder: TempDir,
}

impl Desk {
    /// A practice at the end of its month, nothing posted yet. Where `LEDGER_REQUESTS` names a file, every request to the
    /// books is written there, one JSON object a line.
    pub async fn open(month: &MonthOptions, modes: Modes, manners: Manners) -> Desk {
        let month = PracticeMonth::generate(month);
        let (resources, start) = (month.resources.clone(), month.end);
        Desk::open_at(month, &resources, start, modes, manners).await
    }

    /// The same at a moment at which Halaxy has these records of the month and no others.
    pub async fn open_at(month: PracticeMonth, resources: &[Json], start: i64, modes: Modes, manners: Manners) -> Desk {
        let clock = Arc::new(ManualClock::new(start));
        let sandbox = Sandbox::new(SandboxOptions {
            seed: 7,
            manners,
            patients: month.patients.clone(),
            clock: Arc::new(Shared(clock.clone())),
            ..SandboxOptions::default()
        });
        sandbox.load_halaxy(resources).unwrap();
        furnish(&sandbox);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "sampleton", clock.now())
            .await
            .unwrap();
        let refresh = sandbox.endpoints(BASE).books.refresh_token;
        let requests = std::env::var_os("LEDGER_REQUESTS").map(|path| {
            let file = std::fs::File::options().create(true).append(true).open(path).unwrap();
            Arc::new(Mutex::new(file))
        });
        Desk {
            month,
            sandbox,
            clock,
            modes,
            store,
            tokens: Arc::new(Tokens(Mutex::new(refresh.into()))),
            requests,
            _folder: folder,
        }
    }

    /// The ledger as the program opens it, on what was kept; posting by its rules is approved.
    pub async fn ledger(&self) -> Ledger {
        self.ledger_by(rules(self.modes), "rules").await
    }

    /// The same with other rules, whose digest that is.
    pub async fn ledger_by(&self, rules: Rules, digest: &str) -> Ledger {
        let transport = in_process(&self.sandbox, self.requests.clone());
        let ends = self.sandbox.endpoints(BASE);
        let halaxy = HalaxyOptions::new(
            ends.halaxy.base_url,
            ends.halaxy.client_id,
            ends.halaxy.client_secret.into(),
            "SampletonBridge (it@sampleton.example)",
        );
        let adapter = HalaxyAdapter::new("halaxy", halaxy, transport.clone(), self.clock.clone()).unwrap();
        let zone = TimeZone::get("Australia/Melbourne").unwrap();
        let reader = MoneyReader::new(zone.clone(), Currency::AUD);
        let text = adapter_rest::shipped::connector("xero").unwrap();
        let connector = Connector::parse("xero", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let books = ends.books;
        let options = RestOptions {
            base_url: Some(books.base_url),
            token_url: Some(books.token_url),
            secrets: [("client_secret".to_owned(), books.client_secret.into())].into(),
            settings: [("client_id", books.client_id), ("tenant_id", books.tenant_id)]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            ..RestOptions::default()
        };
        let tokens = Some(self.tokens.clone() as Arc<dyn TokenStore>);
        let books = RestBooks::new("books", connector, options, transport, self.clock.clone(), tokens).unwrap();
        let settings = LedgerSettings {
            source: "halaxy".into(),
            books: "books".into(),
            rules,
            zone,
            call_life: books.call_life(),
            pace: Duration::from_secs(10),
            digest: digest.into(),
        };
        let ledger = Ledger::open(
            self.store.clone(),
            Arc::new(adapter),
            Arc::new(reader),
            Arc::new(books),
            settings,
        );
        let ledger = ledger.await.unwrap();
        if !ledger.is_approved().await {
            ledger.approve_rules().await.unwrap();
        }
        ledger
    }

    /// What is kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Sweeps and steps until nothing moves, and says what waits. An hour lies between two looks; where days are summarised,
    /// the first one is in the night after which the day is.
    pub async fn settle(&self, ledger: &Ledger) -> LedgerStep {
        if self.modes.summarises() {
            self.to(ledger.today(self.clock.now()).tomorrow().unwrap(), 2);
        }
        ledger.sweep(self.clock.now()).await.unwrap();
        let mut sum = LedgerStep::default();
        for _ in 0..40 {
            let step = ledger.step(self.clock.now()).await.unwrap();
            sum.posted += step.posted;
            sum.voided += step.voided;
            sum.contacts += step.contacts;
            sum.refused += step.refused;
            sum.trouble.extend(step.trouble.clone());
            self.clock.advance(HOUR);
            if step.posted + step.voided + step.contacts + step.refused + step.unknown == 0 && step.trouble.is_empty() {
                return sum;
            }
        }
        panic!("the ledger never comes to rest: {sum:?}");
    }

    /// Moves the clock to the evening of a day, unless it is later already.
    pub fn evening(&self, day: Date) {
        self.to(day, 19);
    }

    /// Moves the clock to an hour of a day, unless it is later already.
    pub fn to(&self, day: Date, hour: i8) {
        let zone = TimeZone::get("Australia/Melbourne").unwrap();
        let until = day
            .at(hour, 0, 0, 0)
            .to_zoned(zone)
            .unwrap()
            .timestamp()
            .as_microsecond();
        let now = self.clock.now();
        if let Ok(left) = u64::try_from(until - now) {
            self.clock.advance(Duration::from_micros(left));
        }
    }

    /// Nothing may be posted on this day or before any more.
    pub fn lock(&self, day: Date) {
        let patch = json!({"PeriodLockDate": day.to_string()});
        self.sandbox.person_edit("books", "organisation", "-", &patch).unwrap();
    }

    /// A report of the books' own general ledger.
    pub async fn report(&self, name: &str) -> Json {
        let request = axum::http::Request::get(format!("{BASE}/control/books/{name}"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = self.sandbox.router().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// What the books come to, by their own general ledger.
    pub async fn shown(&self) -> Truth {
        let balance = self.report("trial-balance").await;
        assert_eq!(balance["balanced"], true);
        let cents = |row: &Json, name: &str| row[name].as_i64().unwrap();
        let rows = balance["accounts"].as_array().unwrap().iter();
        let accounts = rows.map(|row| {
            (
                row["code"].as_str().unwrap().to_owned(),
                cents(row, "debit") - cents(row, "credit"),
            )
        });
        let mut accounts: BTreeMap<String, i64> = accounts.collect();
        let debtors = self.report("debtors").await;
        let rows = debtors["contacts"].as_array().unwrap().iter();
        let mut owed: BTreeMap<String, i64> = BTreeMap::new();
        for row in rows {
            let key = row["contact_number"].as_str().unwrap_or("a contact without our key");
            let owed = owed.entry(key.to_owned()).or_default();
            *owed += cents(row, "owed");
            // What was paid in advance stays on the account of its line until it is used; it is the debtor's all the same.
            if self.modes == Modes::Banks {
                *owed -= cents(row, "prepaid");
                *accounts.entry("610".into()).or_default() -= cents(row, "prepaid");
                *accounts.entry("850".into()).or_default() += cents(row, "prepaid");
            }
        }
        owed.retain(|_, cents| *cents != 0);
        accounts.retain(|_, cents| *cents != 0);
        Truth {
            accounts,
            debtors: owed,
        }
    }
}

/// Calls on the accounting API so far.
pub fn call_count(sandbox: &Sandbox) -> usize {
    let calls = sandbox.calls_after(0);
    calls.iter().filter(|call| call.path.contains("/api.xro/")).count()
}

fn note(file: &Mutex<std::fs::File>, request: &HttpRequest) {
    let headers: BTreeMap<&str, &str> = ["accept", "content-type", "idempotency-key", "if-modified-since"]
        .into_iter()
        .filter_map(|name| Some((name, request.headers.get(name)?.to_str().ok()?)))
        .collect();
    let body: Option<Json> = serde_json::from_slice(&request.body).ok();
    let (path, query) = (request.url.path(), request.url.query());
    let path = path.split("/api.xro/2.0/").nth(1).unwrap_or_default();
    let row =
        json!({"method": request.method.as_str(), "path": path, "query": query, "headers": headers, "body": body});
    // In one write: several practices may append to one file.
    file.lock().unwrap().write_all(format!("{row}\n").as_bytes()).unwrap();
}

/// Calls the stand-ins' router without a network.
fn in_process(sandbox: &Arc<Sandbox>, requests: Option<Arc<Mutex<std::fs::File>>>) -> Arc<dyn Transport> {
    let router = sandbox.router();
    Arc::new(InProcess::new(move |request: HttpRequest| {
        let (router, requests) = (router.clone(), requests.clone());
        async move {
            if let Some(file) = requests.filter(|_| request.url.path().contains("/api.xro/")) {
                note(&file, &request);
            }
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
