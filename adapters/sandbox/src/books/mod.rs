//! The stand-in of a Xero-shaped accounting system: sign-in, the accounting API in its strictness, and the general
//! ledger behind it, which the control API shows (vendor-apis.md section 7; `[I]` marks what is inferred).

mod bank;
mod chart;
mod contacts;
mod dates;
mod documents;
mod filter;
mod identity;
mod ledger;
mod lines;
mod lists;
mod members;
mod money;
mod payments;
mod persons;
mod postings;
mod problem;
mod quota;
mod settings;
pub(crate) mod switches;
mod table;
mod webhooks;
mod writes;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use jiff::civil::Date;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

pub(crate) use self::persons::plural_of;
pub(crate) use self::webhooks::Marks;

use self::chart::Chart;
use self::identity::Identity;
use self::ledger::{Act, Ledger};
use self::lists::{Ask, envelope, unit_dp};
use self::problem::Problem;
use self::quota::Quota;
use self::switches::BooksSwitches;
use crate::answer::{Answer, Call};
use crate::clock::SECOND;
use crate::options::{BooksEndpoint, Manners};

/// The longest an `Idempotency-Key` may be.
const KEY_CAP: usize = 128;

/// An answer kept for its key.
struct Kept {
    at: i64,
    request: u64,
    answer: Answer,
}

/// The stand-in's state.
pub(crate) struct Books {
    pub switches: BooksSwitches,
    /// Calls that have arrived and are not answered yet.
    pub under_way: Arc<AtomicUsize>,
    identity: Identity,
    ledger: Ledger,
    quota: Quota,
    kept: HashMap<String, Kept>,
    /// Events told by webhooks so far.
    sequence: u64,
    /// Its own, so that other products draw the same whether there are books or not.
    rng: StdRng,
}

/// Makes an [`Act`] without borrowing the whole state.
fn act(rng: &mut StdRng, now: i64, unit_dp: u32, by_app: bool, passes_locks: bool) -> Act<'_> {
    Act {
        now,
        today: dates::today(now),
        unit_dp,
        by_app,
        passes_locks,
        rng,
    }
}

/// Paths and the scopes any of which opens them.
fn place_of(segment: &str) -> Option<(&'static str, &'static [&'static str])> {
    const SETTINGS: &[&str] = &["accounting.settings"];
    const CREDITS: &[&str] = &[
        "accounting.invoices",
        "accounting.payments",
        "accounting.banktransactions",
    ];
    Some(match segment.to_ascii_lowercase().as_str() {
        "organisation" | "organisations" => ("Organisation", SETTINGS),
        "accounts" => ("Accounts", SETTINGS),
        "taxrates" => ("TaxRates", SETTINGS),
        "trackingcategories" => ("TrackingCategories", SETTINGS),
        "contacts" => ("Contacts", &["accounting.contacts"]),
        "invoices" => ("Invoices", &["accounting.invoices"]),
        "creditnotes" => ("CreditNotes", &["accounting.invoices"]),
        "payments" => ("Payments", &["accounting.payments"]),
        "banktransactions" => ("BankTransactions", &["accounting.banktransactions"]),
        // Which of the granular scopes covers them is not told in the sources.
        "prepayments" => ("Prepayments", CREDITS),
        "overpayments" => ("Overpayments", CREDITS),
        "manualjournals" => ("ManualJournals", &["accounting.manualjournals"]),
        _ => return None,
    })
}

impl Books {
    /// An organisation with a chart of accounts and nothing else.
    pub fn new(seed: u64, now: i64, manners: Manners) -> Self {
        // Far from the seed the other products draw from.
        let mut rng = StdRng::seed_from_u64(seed ^ 0x626f_6f6b_735f_3236);
        let mut act = act(&mut rng, now, 2, false, true);
        let identity = Identity::new(&mut act);
        let chart = Chart::new(now, || act.id());
        let quota = Quota::new(rng.random::<f64>(), rng.random::<f64>());
        Self {
            switches: BooksSwitches::for_manners(manners),
            under_way: Arc::default(),
            identity,
            ledger: Ledger::new(chart),
            quota,
            kept: HashMap::new(),
            sequence: 0,
            rng,
        }
    }

    /// Takes over other manners; switches set by hand before are lost.
    pub fn set_manners(&mut self, manners: Manners) {
        self.switches = BooksSwitches::for_manners(manners);
    }

    /// Where everything is when the product is served at `base`.
    pub fn endpoint(&self, base: &str) -> BooksEndpoint {
        BooksEndpoint {
            base_url: format!("{base}/api.xro/2.0"),
            authorize_url: format!("{base}/identity/connect/authorize"),
            token_url: format!("{base}/connect/token"),
            connections_url: format!("{base}/connections"),
            client_id: self.identity.client_id.clone(),
            client_secret: self.identity.client_secret.clone(),
            refresh_token: self.identity.first_refresh.clone(),
            tenant_id: self.ledger.chart.organisation.clone(),
        }
    }

    /// Answers a call.
    pub fn handle(&mut self, call: &Call, now: i64) -> Answer {
        let segments = call.segments();
        let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let Self {
            identity,
            switches,
            ledger,
            rng,
            ..
        } = self;
        let mut act = act(rng, now, 2, true, false);
        match lower.as_slice() {
            [".well-known", "openid-configuration"] => identity.discovery(&call.base),
            ["authorize"] | ["identity", "connect", "authorize"] if call.method == Method::GET => {
                identity.authorize(call, switches, &mut act)
            }
            ["connect", "token"] | ["identity", "connect", "token"] => identity.token(call, switches, &mut act),
            ["connect", "revocation"] => identity.revoke(call),
            ["connections", rest @ ..] => identity.connections(rest, call, &ledger.chart.organisation, switches, now),
            ["api.xro", "2.0", first, ..] => match place_of(first) {
                Some((plural, families)) => self.api(plural, families, &segments[3..], call, now),
                None => Problem::Missing.answer(Vec::new()),
            },
            _ => Answer::empty(404),
        }
    }

    /// The accounting API: the gate, the limits, then the call.
    fn api(&mut self, plural: &'static str, families: &[&str], rest: &[&str], call: &Call, now: i64) -> Answer {
        let tenant = &self.ledger.chart.organisation;
        if let Err(refusal) = self.identity.admit(call, tenant, families, &self.switches, now) {
            return *refusal;
        }
        let under_way = self.under_way.load(Ordering::SeqCst);
        let mut answer = match self.quota.take(now, under_way, &self.switches) {
            Err(refusal) => *refusal,
            Ok(()) => self.once(plural, rest, call, now),
        };
        answer.headers.extend(self.quota.headers(&self.switches));
        answer
    }

    /// Carries a call out, unless its key says that it was.
    fn once(&mut self, plural: &'static str, rest: &[&str], call: &Call, now: i64) -> Answer {
        // Without this the product answers in XML, which no bridge reads and this stand-in does not write.
        if !call
            .header("accept")
            .is_some_and(|kinds| kinds.contains("application/json"))
        {
            return problem::gate(406, "Not Acceptable", "Send Accept: application/json");
        }
        let writes = matches!(call.method, Method::PUT | Method::POST);
        if writes
            && !call
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/json"))
        {
            return problem::gate(415, "Unsupported Media Type", "Send Content-Type: application/json");
        }
        if writes && call.body.len() > self.switches.body_bytes {
            return Answer::empty(413);
        }
        let Some(key) = call.header("idempotency-key").filter(|_| writes) else {
            return self.carry_out(plural, rest, call, now);
        };
        let refused = |text: String| Problem::Unread(10, "ValidationException", text).answer(Vec::new());
        if key.is_empty() || key.len() > KEY_CAP {
            return refused(format!("Idempotency Key may hold at most {KEY_CAP} characters"));
        }
        let mut hasher = DefaultHasher::new();
        (call.method.as_str(), &call.path, &call.query, &call.body).hash(&mut hasher);
        let request = hasher.finish();
        let oldest = now - self.switches.idempotency_seconds * SECOND;
        self.kept.retain(|_, kept| kept.at > oldest);
        if let Some(kept) = self.kept.get(key) {
            if kept.request != request {
                // The product's wording.
                return refused(format!("Idempotency Key: {key} is used with a different request."));
            }
            return kept.answer.clone();
        }
        let key = key.to_owned();
        let answer = self.carry_out(plural, rest, call, now);
        let kept = Kept {
            at: now,
            request,
            answer: answer.clone(),
        };
        self.kept.insert(key, kept);
        answer
    }

    fn carry_out(&mut self, plural: &'static str, rest: &[&str], call: &Call, now: i64) -> Answer {
        if call.method == Method::GET {
            let read = self.read(plural, rest, call, now);
            return read.unwrap_or_else(|problem| problem.answer(Vec::new()));
        }
        let done = self.write(plural, rest, call, now);
        done.unwrap_or_else(|problem| match &problem {
            // Also what concerns no element comes with one, as clients look there for the message.
            Problem::Invalid(_) => {
                let errors = problem.errors();
                problem.answer(vec![json!({"ValidationErrors": errors})])
            }
            _ => problem.answer(Vec::new()),
        })
    }

    fn read(&mut self, plural: &str, rest: &[&str], call: &Call, now: i64) -> Result<Answer, Problem> {
        let mut body = envelope(act(&mut self.rng, now, 2, true, false).id(), now);
        let member = if plural == "Organisation" {
            "Organisations"
        } else {
            plural
        };
        match rest {
            [] => {
                let ask = Ask::read(call, &self.switches)?;
                let (rows, pagination) = self.ledger.list(plural, call, &ask)?;
                if let Some(pagination) = pagination {
                    body["pagination"] = pagination;
                }
                body[member] = Value::Array(rows);
            }
            [name] => {
                let row = self
                    .ledger
                    .single(plural, name, unit_dp(call))
                    .ok_or(Problem::Missing)?;
                body[member] = json!([row]);
            }
            _ => return Err(Problem::Missing),
        }
        Ok(Answer::json(200, body))
    }

    /// The reports under `control/books/..`: `trial-balance`, `debtors`, `postings`; `None` for another path.
    pub fn report(&self, name: &str, call: &Call, now: i64) -> Option<Result<Value, String>> {
        let day = |name: &str| match call.param(name) {
            None => Ok(None),
            Some(text) => match text.parse::<Date>() {
                Ok(date) => Ok(Some(date)),
                Err(_) => Err(format!("{name} is a day: YYYY-MM-DD")),
            },
        };
        let made = |make: &dyn Fn(Option<Date>, Option<Date>) -> Value| Ok(make(day("from")?, day("at")?));
        Some(match name {
            "trial-balance" => {
                let by_tracking = call.flag("tracking");
                made(&|from, to| self.ledger.trial_balance(from, to, by_tracking))
            }
            "postings" => made(&|from, to| self.ledger.journal(from, to)),
            "debtors" => made(&|_, at| self.ledger.debtors(at, dates::today(now))),
            _ => return None,
        })
    }
}
