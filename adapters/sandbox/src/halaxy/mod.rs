//! The stand-in of Halaxy: token call, gatekeeping, and every resource that Halaxy documents.

mod bundle;
pub(crate) mod documents;
mod gate;
mod patient;
mod persons;
mod search;
mod store;
pub(crate) mod switches;

use std::collections::HashMap;

use axum::http::Method;
use rand::RngExt;
use serde_json::{Value, json};

use self::bundle::{fhir, outcome, outcome_body, searchset};
use self::documents::Documents;
use self::documents::kinds::kind as document_kind;
use self::patient::Patient;
use self::search::{BadSearch, Search};
use self::store::Patients;
use self::switches::{GoneAnswer, HalaxySwitches};
use crate::answer::{Answer, Call, Context};
use crate::clock::SECOND;
use crate::limits::SlidingWindow;
use crate::options::Manners;
use crate::people::CsvPerson;

pub(crate) use self::patient::digits as national_digits;

/// Resources that Halaxy documents, and the methods each takes (halaxy-api.md section 7.0).
const RESOURCES: [(&str, &[&str]); 17] = [
    ("Patient", &["GET", "POST", "PATCH", "PUT"]),
    ("Practitioner", &["GET", "POST"]),
    ("PractitionerRole", &["GET", "POST"]),
    ("Organization", &["GET", "POST"]),
    ("Appointment", &["GET", "PATCH"]),
    ("Schedule", &["GET", "POST"]),
    ("Slot", &["GET"]),
    ("HealthcareService", &["GET"]),
    ("ChargeItemDefinition", &["GET"]),
    ("Coverage", &["GET", "POST", "PATCH"]),
    ("Invoice", &["GET"]),
    ("InvoiceLine", &["GET"]),
    ("PaymentTransaction", &["GET"]),
    ("Referral", &["GET", "POST", "PATCH"]),
    ("ReferralDefinition", &["GET"]),
    ("DocumentReference", &["POST"]),
    ("SearchParameter", &["GET"]),
];

/// The stand-in's state.
pub(crate) struct Halaxy {
    pub client_id: String,
    pub client_secret: String,
    pub switches: HalaxySwitches,
    patients: Patients,
    documents: Documents,
    /// Token to the time it was given out.
    tokens: HashMap<String, i64>,
    window: SlidingWindow,
}

impl Halaxy {
    /// An empty practice.
    pub fn new(cx: &mut Context<'_>) -> Self {
        Self {
            client_id: format!("halaxy-{:08x}", cx.rng.random::<u32>()),
            client_secret: format!("{:032x}", cx.rng.random::<u128>()),
            switches: HalaxySwitches::for_manners(cx.manners),
            patients: Patients::default(),
            documents: Documents::default(),
            tokens: HashMap::new(),
            window: SlidingWindow::default(),
        }
    }

    /// Takes over other manners; switches set by hand before are lost.
    pub fn set_manners(&mut self, manners: Manners) {
        self.switches = HalaxySwitches::for_manners(manners);
    }

    /// Loads a person as one that has been there for a while.
    pub fn load(&mut self, person: &CsvPerson, created: i64, last_updated: i64) -> String {
        let body = patient::from_csv(person);
        self.patients.add(&body, created, last_updated).to_string()
    }

    /// Answers an API call.
    pub fn handle(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        // The gateway refuses everything without a name, before it looks at anything else.
        if call.header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
            return Answer::json(403, json!({"message": "Forbidden"}));
        }
        let segments = call.segments();
        if segments == ["oauth", "token"] {
            return self.token(call, cx);
        }
        if segments == ["metadata"] && call.method == Method::GET {
            return fhir(200, capability());
        }
        if let Some(refusal) = self.signed_in(call, cx) {
            return refusal;
        }
        let spent = self.window.take(cx.now, self.switches.requests_per_minute, 60 * SECOND);
        let answer = if spent.allowed {
            self.route(&segments, call, cx)
        } else {
            let seconds = (spent.free_in + SECOND - 1) / SECOND;
            outcome(429, "throttled", "too many requests", "").with("retry-after", seconds.max(1))
        };
        answer
            .with("x-ratelimit-limit", self.switches.requests_per_minute)
            .with("x-ratelimit-remaining", spent.remaining)
    }

    fn route(&mut self, segments: &[&str], call: &Call, cx: &mut Context<'_>) -> Answer {
        let Some((kind, rest)) = segments.split_first() else {
            return outcome(404, "not-found", "no such resource", "");
        };
        let Some((_, methods)) = RESOURCES.iter().find(|(name, _)| name == kind) else {
            return outcome(404, "not-found", "no such resource", "");
        };
        let read = call.method == Method::GET;
        let scope = format!("{kind}.{}", if read { "read" } else { "write" });
        if self.switches.missing_scopes.contains(&scope) {
            return outcome(403, "forbidden", "the key may not do this", &scope);
        }
        let on_one = rest.first().is_some_and(|id| !id.starts_with('$'));
        let operation = matches!(
            (*kind, rest, &call.method),
            ("Patient", ["$export-ids"], &Method::GET)
                | ("Appointment", ["$find"], &Method::GET)
                | ("Appointment", ["$book"], &Method::POST)
                | ("Schedule", [_, "$generate"], &Method::POST)
        );
        let offered = operation
            || methods.contains(&call.method.as_str())
                && match call.method {
                    Method::POST => !on_one,
                    Method::PATCH | Method::PUT => on_one,
                    _ => true,
                };
        if !offered {
            return Answer::empty(405);
        }
        if read && self.drawn(self.switches.outcome_percent, cx) {
            let mut answer = outcome(200, "exception", "the request could not be completed", "");
            answer.note = Some("outcome in a 200");
            return answer;
        }
        if let Some(kind) = document_kind(kind) {
            return match rest {
                ["$find"] if operation => self.find(call, cx),
                ["$book"] if operation => self.book(call, cx),
                [id, "$generate"] if operation => self.generate(id, call, cx),
                [] if !read => self.create_document(kind, call, cx),
                [id] if !read => self.patch_document(kind, id, call, cx),
                [] => self.list_documents(kind, call, cx),
                [id] => self.read_document(kind, id, call),
                _ => outcome(404, "not-found", "no such operation", ""),
            };
        }
        match (*kind, rest, &call.method) {
            ("Patient", [], &Method::GET) => self.list(call, cx),
            ("Patient", [], _) => self.create(call, cx),
            ("Patient", ["$export-ids"], &Method::GET) => self.export_ids(call),
            ("Patient", [id], &Method::GET) => self.read(id, call),
            ("Patient", [id], _) => self.write(id, call, cx),
            ("SearchParameter", [], _) => self.search_parameters(call, cx),
            (_, [_], _) => outcome(404, "not-found", "no such record", ""),
            _ => outcome(404, "not-found", "no such operation", ""),
        }
    }

    fn drawn(&self, percent: u32, cx: &mut Context<'_>) -> bool {
        cx.chance(f64::from(percent) / 100.0)
    }

    fn list(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let search = match Search::parse(call, &self.switches) {
            Ok(search) => search,
            Err(BadSearch { status, parameter }) => {
                return outcome(status, "invalid", "the parameter cannot be read", &parameter);
            }
        };
        let mut note = None;
        if search.page > 1 && self.patients.len() > 1 && self.drawn(self.switches.touch_percent, cx) {
            let nth = cx.rng.random_range(0..self.patients.len());
            if let Some(id) = self.patients.nth(nth) {
                self.patients.touch(id, cx.now);
                note = Some("rows moved between pages");
            }
        }
        let page = search.run(&self.patients, &self.switches);
        let resources = page
            .ids
            .iter()
            .filter_map(|id| self.patients.shown(*id, &call.base, &self.switches))
            .collect();
        let mut bundle = searchset(call, cx, &search, &page, resources);
        if search.rows && self.drawn(self.switches.warning_percent, cx) {
            let mut warning = outcome_body("warning", "too-costly", "the search was costly", "");
            warning["id"] = "warning".into();
            let entry = json!({"resource": warning, "search": {"mode": "outcome"}});
            match bundle.get_mut("entry").and_then(Value::as_array_mut) {
                Some(entries) => entries.insert(0, entry),
                None => bundle["entry"] = json!([entry]),
            }
        }
        let mut answer = fhir(200, bundle);
        answer.note = note;
        answer
    }

    fn export_ids(&self, call: &Call) -> Answer {
        let parameters: Vec<Value> = self
            .patients
            .by_id()
            .map(|patient| {
                let reference = format!("{}/Patient/{}", call.base, patient.id);
                json!({"name": "patient", "valueReference": {"reference": reference, "type": "Patient"}})
            })
            .collect();
        let mut body = json!({"resourceType": "Parameters"});
        if !parameters.is_empty() {
            body["parameter"] = parameters.into();
        }
        fhir(200, body)
    }

    fn read(&self, id: &str, call: &Call) -> Answer {
        let Some(number) = id.parse::<u64>().ok() else {
            return outcome(404, "not-found", "no such patient", "");
        };
        if let Some(shown) = self.patients.shown(number, &call.base, &self.switches) {
            return self.tagged(fhir(200, shown));
        }
        let survivor = self.patients.survivor(number);
        let how = if survivor.is_some() {
            self.switches.merged
        } else {
            self.switches.removed
        };
        match (how, survivor) {
            (GoneAnswer::Survivor, Some(survivor)) => match self.patients.shown(survivor, &call.base, &self.switches) {
                Some(shown) => self.tagged(fhir(200, shown)),
                None => outcome(404, "not-found", "no such patient", ""),
            },
            (GoneAnswer::Gone, _) if self.patients.is_removed(number) => {
                outcome(410, "deleted", "the patient was removed", "")
            }
            _ => outcome(404, "not-found", "no such patient", ""),
        }
    }

    fn create(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let Some(sent) = call.json() else {
            return outcome(400, "structure", "the body is not JSON", "");
        };
        match patient::replaced(&sent, None, &self.switches) {
            Err(refused) => outcome(refused.status, refused.code, refused.text, refused.at),
            Ok(body) => {
                let id = self.patients.add(&body, cx.now, cx.now);
                let answer = self.answered(id, self.switches.create_status, call);
                if self.switches.create_location {
                    answer.with("location", format!("{}/Patient/{id}", call.base))
                } else {
                    answer
                }
            }
        }
    }

    fn write(&mut self, id: &str, call: &Call, cx: &mut Context<'_>) -> Answer {
        let patching = call.method == Method::PATCH;
        let kind = call.header("content-type").unwrap_or("");
        if patching && self.switches.patch_needs_merge_patch && !kind.starts_with("application/merge-patch+json") {
            return outcome(
                415,
                "not-supported",
                "send application/merge-patch+json",
                "Content-Type",
            );
        }
        let number = id.parse::<u64>().unwrap_or(0);
        let Some(kept) = self.patients.get(number).map(Patient::body) else {
            return outcome(404, "not-found", "no such patient", "");
        };
        let Some(sent) = call.json() else {
            return outcome(400, "structure", "the body is not JSON", "");
        };
        let body = if patching {
            patient::patched(&sent, &kept, &self.switches)
        } else {
            patient::replaced(&sent, Some(&kept), &self.switches)
        };
        match body {
            Err(refused) => outcome(refused.status, refused.code, refused.text, refused.at),
            Ok(body) => {
                let always = self.switches.noop_write_moves_last_updated;
                self.patients.store(number, &body, cx.now, always);
                self.answered(number, 200, call)
            }
        }
    }

    fn answered(&self, id: u64, status: u16, call: &Call) -> Answer {
        match self.patients.shown(id, &call.base, &self.switches) {
            Some(shown) => self.tagged(fhir(status, shown)),
            None => outcome(404, "not-found", "no such patient", ""),
        }
    }

    fn tagged(&self, answer: Answer) -> Answer {
        if !self.switches.etag {
            return answer;
        }
        let stamp = answer
            .body
            .as_ref()
            .and_then(|body| body.pointer("/meta/lastUpdated"))
            .and_then(Value::as_str)
            .map(|at| format!("W/\"{at}\""));
        match stamp {
            Some(stamp) => answer.with("etag", stamp),
            None => answer,
        }
    }
}

fn capability() -> Value {
    let resources: Vec<Value> = RESOURCES
        .iter()
        .map(|(name, methods)| {
            let mut codes = Vec::new();
            if methods.contains(&"GET") {
                codes.extend(["read", "search-type"]);
            }
            for (method, code) in [("POST", "create"), ("PATCH", "patch"), ("PUT", "update")] {
                if methods.contains(&method) {
                    codes.push(code);
                }
            }
            let interactions: Vec<Value> = codes.iter().map(|code| json!({"code": code})).collect();
            json!({"type": name, "interaction": interactions})
        })
        .collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.3.0",
        "format": ["application/fhir+json"],
        "implementation": {"description": "stand-in"},
        "rest": [{"mode": "server", "resource": resources}]
    })
}
