//! The sandbox: the stand-ins together, their people, and what a test may set.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value;

use crate::activities::are_activities;
use crate::answer::{Answer, Call, Context};
use crate::booking_requests::KIND;
use crate::books::Books;
use crate::calls::{CallInfo, CallLog, CallRecord, Hook, Verdict};
use crate::clock::{Clock, SECOND};
use crate::companies::are_companies;
use crate::control::ControlError;
use crate::faults::{FaultRule, Strike, strike};
use crate::halaxy::Halaxy;
use crate::halaxy::documents::kinds::kind as document_kind;
use crate::hubspot::Hubspot;
use crate::options::{CrmKind, Endpoints, HalaxyEndpoint, Manners, SandboxOptions, TokenEndpoint};
use crate::plain::Plain;
use crate::webhooks::Outbox;

/// References of records read in process, where no client said how it addressed the sandbox.
const NO_HOST: &str = "http://sandbox.invalid";

/// Which record a person from a CSV file became, as `GET control/ids` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdRow {
    /// The id in the file.
    pub csv_id: String,
    /// `left` for Halaxy's people, `right` for the CRM's.
    pub side: &'static str,
    /// `halaxy` or `crm`.
    pub system: &'static str,
    /// `Patient` or `contacts`.
    pub kind: &'static str,
    /// The record's id in the product.
    pub id: String,
}

/// The CRM that is served.
pub(crate) enum Crm {
    Hubspot(Box<Hubspot>),
    Plain(Box<Plain>),
}

/// What the lock guards.
pub(crate) struct State {
    pub rng: StdRng,
    pub manners: Manners,
    pub halaxy: Halaxy,
    pub crm: Crm,
    pub books: Books,
    calls: CallLog,
    faults: Vec<FaultRule>,
    ids: Vec<IdRow>,
    pub outbox: Outbox,
    /// Calls whose connection is cut and whose effect is still to come, by the time it comes.
    late: BTreeMap<(i64, u64), (String, Call)>,
}

/// A call that has arrived and is not answered yet.
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The stand-ins, shared between the HTTP server and whoever controls them.
pub struct Sandbox {
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
    clock: Arc<dyn Clock>,
}

/// What a product is called in the control API, with the kind of record it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Halaxy,
    Crm,
    Books,
}

impl System {
    /// The name in logs and in the control API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Halaxy => "halaxy",
            Self::Crm => "crm",
            Self::Books => "books",
        }
    }

    /// The system that holds a kind of record.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for another system or kind.
    pub fn of(system: &str, kind: &str) -> Result<Self, ControlError> {
        match (system, kind) {
            ("halaxy", "Patient") => Ok(Self::Halaxy),
            ("halaxy", kind) if document_kind(kind).is_some() => Ok(Self::Halaxy),
            ("crm", "contacts") => Ok(Self::Crm),
            (system, kind) if are_activities(system, kind) => Ok(Self::Crm),
            ("books", kind) if crate::books::plural_of(kind).is_some() => Ok(Self::Books),
            ("crm", KIND) => Ok(Self::Crm),
            (system, kind) if are_companies(system, kind) => Ok(Self::Crm),
            _ => Err(ControlError::NotFound),
        }
    }
}

impl State {
    /// How far a product's clock is ahead, in microseconds.
    pub fn ahead(&self, system: System) -> i64 {
        let millis = match (system, &self.crm) {
            (System::Halaxy, _) => self.halaxy.switches.clock_ahead_ms,
            (System::Crm, Crm::Hubspot(hubspot)) => hubspot.switches.clock_ahead_ms,
            (System::Crm, Crm::Plain(plain)) => plain.switches.clock_ahead_ms,
            (System::Books, _) => self.books.switches.clock_ahead_ms,
        };
        millis * 1_000
    }

    fn answer(&mut self, product: &str, call: &Call, now: i64) -> Answer {
        let system = match product {
            "halaxy" => System::Halaxy,
            "books" => System::Books,
            _ => System::Crm,
        };
        let now = now + self.ahead(system);
        if system == System::Books {
            let before = (call.method != axum::http::Method::GET).then(|| self.marks()).flatten();
            let answer = self.books.handle(call, now);
            self.tell_of_books(before, now);
            return answer;
        }
        let mut cx = Context {
            now,
            rng: &mut self.rng,
            manners: self.manners,
        };
        let answer = match (product, &mut self.crm) {
            ("halaxy", _) => self.halaxy.handle(call, &mut cx),
            ("hubspot", Crm::Hubspot(hubspot)) => hubspot.handle(call, &mut cx),
            ("plain", Crm::Plain(plain)) => plain.handle(call, &mut cx),
            _ => Answer::empty(404),
        };
        self.tell_of_call(system, call, &answer, now);
        answer
    }

    /// Nothing happens between a late call's time and the next look at the state, so it may land only then.
    fn land(&mut self, now: i64) {
        while let Some(late) = self.late.first_entry().filter(|late| late.key().0 <= now) {
            let ((due, _), (product, call)) = late.remove_entry();
            self.answer(&product, &call, due);
        }
    }
}

impl Sandbox {
    /// Makes the stand-ins and loads their people.
    pub fn new(options: SandboxOptions) -> Arc<Self> {
        let now = options.clock.now_micros();
        let mut rng = StdRng::seed_from_u64(options.seed);
        let mut cx = Context {
            now,
            rng: &mut rng,
            manners: options.manners,
        };
        let mut halaxy = Halaxy::new(&mut cx);
        let mut crm = match options.crm {
            CrmKind::Hubspot => Crm::Hubspot(Box::new(Hubspot::new(&mut cx))),
            CrmKind::Plain => Crm::Plain(Box::new(Plain::new(&mut cx))),
        };
        let mut ids = Vec::with_capacity(options.patients.len() + options.contacts.len());
        for person in &options.patients {
            let (created, updated) = past(&mut rng, now);
            let id = halaxy.load(person, created, updated);
            ids.push(IdRow {
                csv_id: person.id.clone(),
                side: "left",
                system: "halaxy",
                kind: "Patient",
                id,
            });
        }
        // In nasty manners one import gave all contacts the same time, which no window by time can cut.
        let import = past(&mut rng, now);
        for person in &options.contacts {
            let (created, updated) = if options.manners == Manners::Nasty {
                import
            } else {
                past(&mut rng, now)
            };
            let id = match &mut crm {
                Crm::Hubspot(hubspot) => hubspot.load(person, created, updated),
                Crm::Plain(plain) => plain.load(person, updated),
            };
            ids.push(IdRow {
                csv_id: person.id.clone(),
                side: "right",
                system: "crm",
                kind: "contacts",
                id,
            });
        }
        let state = State {
            rng,
            manners: options.manners,
            halaxy,
            crm,
            books: Books::new(options.seed, now, options.manners),
            calls: CallLog::default(),
            faults: Vec::new(),
            ids,
            outbox: Outbox::default(),
            late: BTreeMap::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            hook: Mutex::new(None),
            clock: options.clock,
        })
    }

    /// The state as of now, late calls landed; a panic in a hook or test elsewhere does not make it unusable.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.land(self.clock.now_micros());
        state
    }

    /// The clock all times come from.
    /// Does something in the CRM, as of its time and with its manners.
    pub(crate) fn at_crm<T>(
        &self,
        act: impl FnOnce(&mut Crm, &mut Context<'_>) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        let state = &mut *self.state();
        let now = self.clock().now_micros() + state.ahead(System::Crm);
        let mut cx = Context {
            now,
            rng: &mut state.rng,
            manners: state.manners,
        };
        act(&mut state.crm, &mut cx)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Where the stand-ins are and how to sign in, when the sandbox is served at `base` (scheme and host).
    pub fn endpoints(&self, base: &str) -> Endpoints {
        let base = base.trim_end_matches('/');
        let state = self.state();
        let crm = match &state.crm {
            Crm::Hubspot(hubspot) => TokenEndpoint {
                base_url: format!("{base}/hubspot"),
                token: hubspot.token.clone(),
            },
            Crm::Plain(plain) => TokenEndpoint {
                base_url: format!("{base}/plain"),
                token: plain.key.clone(),
            },
        };
        Endpoints {
            halaxy: HalaxyEndpoint {
                base_url: format!("{base}/halaxy/main/"),
                client_id: state.halaxy.client_id.clone(),
                client_secret: state.halaxy.client_secret.clone(),
            },
            crm,
            books: state.books.endpoint(&format!("{base}/books")),
            control_url: format!("{base}/control"),
        }
    }

    /// Sets the hook that is asked when a call arrives and when it has had its effect. It may act on the sandbox:
    /// what it does lies between arrival and effect, or between effect and answer.
    pub fn on_call(&self, hook: Box<dyn Fn(&CallInfo) -> Verdict + Send + Sync>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(hook));
    }

    /// Takes the hook away.
    pub fn clear_hook(&self) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks the hook.
    pub(crate) fn ask(&self, info: &CallInfo) -> Verdict {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hook.map_or(Verdict::Go, |hook| hook(info))
    }

    /// Notes a call and decides what strikes it.
    pub(crate) fn arrived(&self, system: System, method: &str, path: &str, query: &str) -> (u64, i64, Strike) {
        let now = self.clock.now_micros();
        let state = &mut *self.state();
        let n = state.calls.arrived(now, system.name(), method, path, query);
        let strike = strike(
            &mut state.faults,
            state.manners,
            &mut state.rng,
            system.name(),
            method,
            path,
        );
        (n, now, strike)
    }

    /// Notes how a call ended.
    pub(crate) fn ended(&self, n: u64, status: Option<u16>, fault: Option<String>) {
        self.state().calls.ended(n, status, fault);
    }

    /// Lets a product answer a call. `product` is the first segment of the path.
    pub(crate) fn apply(&self, product: &str, call: &Call) -> Answer {
        self.state().answer(product, call, self.clock.now_micros())
    }

    /// Lets a call take effect after so many microseconds, though nobody waits for its answer.
    pub(crate) fn apply_late(&self, n: u64, product: &str, call: &Call, micros: u64) {
        let due = self.clock.now_micros() + micros as i64;
        self.state().late.insert((due, n), (product.to_owned(), call.clone()));
    }

    /// The time by a product's own clock.
    pub(crate) fn now_of(&self, system: System) -> i64 {
        self.clock.now_micros() + self.state().ahead(system)
    }

    /// Which product path serves the CRM.
    pub(crate) fn crm_product(&self) -> &'static str {
        match self.state().crm {
            Crm::Hubspot(_) => "hubspot",
            Crm::Plain(_) => "plain",
        }
    }

    /// Every live record of a system (`halaxy`, `crm`, `books`) and kind (`Patient`, `contacts`, `invoices`, ..) as the
    /// product shows it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for another system or kind.
    pub fn records(&self, system: &str, kind: &str) -> Result<Vec<Value>, ControlError> {
        self.records_at(system, kind, NO_HOST, false)
    }

    /// Like [`Self::records`], with references as a client at `base` sees them, and removed records if asked.
    pub(crate) fn records_at(
        &self,
        system: &str,
        kind: &str,
        base: &str,
        with_removed: bool,
    ) -> Result<Vec<Value>, ControlError> {
        let state = self.state();
        if are_activities(system, kind) {
            let all = state.crm.activity_records(kind, with_removed);
            return all.ok_or(ControlError::NotFound);
        }
        Ok(match (System::of(system, kind)?, &state.crm) {
            (System::Halaxy, _) => state.halaxy.records(kind, &halaxy_base(base), with_removed),
            (System::Crm, crm) if kind == KIND => crm.booking_requests()?,
            (System::Crm, crm) if are_companies(system, kind) => crm.company_records(with_removed),
            (System::Crm, Crm::Hubspot(hubspot)) => hubspot.records(with_removed),
            (System::Crm, Crm::Plain(plain)) => plain.records(with_removed),
            (System::Books, _) => state.books.records(kind, with_removed),
        })
    }

    /// One live record as the product shows it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn record(&self, system: &str, kind: &str, id: &str) -> Result<Value, ControlError> {
        self.record_at(system, kind, id, NO_HOST)
    }

    pub(crate) fn record_at(&self, system: &str, kind: &str, id: &str, base: &str) -> Result<Value, ControlError> {
        let state = self.state();
        if are_activities(system, kind) {
            let all = state.crm.activity_records(kind, false).unwrap_or_default();
            let found = all.into_iter().find(|one| one["id"] == id);
            return found.ok_or(ControlError::NotFound);
        }
        match (System::of(system, kind)?, &state.crm) {
            (System::Halaxy, _) => state.halaxy.record(kind, id, &halaxy_base(base)),
            (System::Crm, crm) if kind == KIND => crm.booking_requests()?.into_iter().find(|one| one["id"] == id),
            (System::Crm, crm) if are_companies(system, kind) => {
                crm.company_records(false).into_iter().find(|one| one["id"] == id)
            }
            (System::Crm, Crm::Hubspot(hubspot)) => hubspot.record(id),
            (System::Crm, Crm::Plain(plain)) => plain.record(id),
            (System::Books, _) => state.books.record(kind, id),
        }
        .ok_or(ControlError::NotFound)
    }

    /// A report over the general ledger of the books: `trial-balance`, `debtors` or `postings`. The query says for which
    /// days (`from`, `at`, both within) and whether `by tracking`; amounts are whole cents.
    pub(crate) fn report(&self, name: &str, call: &Call) -> Option<Result<Value, String>> {
        let state = self.state();
        let now = self.clock.now_micros() + state.ahead(System::Books);
        state.books.report(name, call, now)
    }

    /// Counts a call on the books as under way until what is given back is dropped.
    pub(crate) fn hold(&self, system: System) -> Option<UnderWay> {
        (system == System::Books).then(|| {
            let count = Arc::clone(&self.state().books.under_way);
            count.fetch_add(1, Ordering::SeqCst);
            UnderWay(count)
        })
    }

    /// The API calls after number `n`, oldest first.
    pub fn calls_after(&self, n: u64) -> Vec<CallRecord> {
        self.state().calls.after(n)
    }

    /// Replaces the ordered faults.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.state().faults = rules;
    }

    /// The ordered faults that are not used up.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.state().faults.clone()
    }

    /// Changes the manners and, with them, every switch.
    pub fn set_manners(&self, manners: Manners) {
        let state = &mut *self.state();
        state.manners = manners;
        state.halaxy.set_manners(manners);
        state.books.set_manners(manners);
        match &mut state.crm {
            Crm::Hubspot(hubspot) => hubspot.set_manners(manners),
            Crm::Plain(plain) => plain.set_manners(manners),
        }
    }

    /// The manners in force.
    pub fn manners(&self) -> Manners {
        self.state().manners
    }

    /// Which records the people from the CSV files became.
    pub fn ids(&self) -> Vec<IdRow> {
        self.state().ids.clone()
    }

    /// The switches of a system: [`HalaxySwitches`](crate::HalaxySwitches), [`HubspotSwitches`](crate::HubspotSwitches),
    /// [`PlainSwitches`](crate::PlainSwitches) or [`BooksSwitches`](crate::BooksSwitches) as JSON.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for another system.
    pub fn switches(&self, system: &str) -> Result<Value, ControlError> {
        let state = self.state();
        match (system, &state.crm) {
            ("halaxy", _) => serde_json::to_value(&state.halaxy.switches),
            ("crm", Crm::Hubspot(hubspot)) => serde_json::to_value(&hubspot.switches),
            ("crm", Crm::Plain(plain)) => serde_json::to_value(&plain.switches),
            ("books", _) => serde_json::to_value(&state.books.switches),
            _ => return Err(ControlError::NotFound),
        }
        .map_err(|error| ControlError::Refused(error.to_string()))
    }

    /// Changes switches of a system by a merge-patch, until the manners change; gives them as they then are.
    ///
    /// # Errors
    /// [`ControlError::Refused`] for a switch that does not exist or a value it cannot take.
    pub fn set_switches(&self, system: &str, patch: &Value) -> Result<Value, ControlError> {
        let mut wanted = self.switches(system)?;
        crate::patch::merge(&mut wanted, patch);
        let refused = |error: serde_json::Error| ControlError::Refused(error.to_string());
        let state = &mut *self.state();
        let shown = wanted.clone();
        match (system, &mut state.crm) {
            ("halaxy", _) => state.halaxy.switches = serde_json::from_value(wanted).map_err(refused)?,
            ("crm", Crm::Hubspot(hubspot)) => hubspot.switches = serde_json::from_value(wanted).map_err(refused)?,
            ("crm", Crm::Plain(plain)) => plain.switches = serde_json::from_value(wanted).map_err(refused)?,
            ("books", _) => state.books.switches = serde_json::from_value(wanted).map_err(refused)?,
            _ => return Err(ControlError::NotFound),
        }
        Ok(shown)
    }
}

/// Halaxy's own base, which absolute references start with.
pub(crate) fn halaxy_base(base: &str) -> String {
    format!("{base}/halaxy/main")
}

/// A time of creation and one of the last change, between an hour and two years ago.
fn past(rng: &mut StdRng, now: i64) -> (i64, i64) {
    const HOUR: i64 = 3_600 * SECOND;
    let updated = now - rng.random_range(HOUR..365 * 24 * HOUR);
    let created = updated - rng.random_range(0..365 * 24 * HOUR);
    (created, updated)
}
