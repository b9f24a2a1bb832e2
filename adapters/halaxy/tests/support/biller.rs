//! Somebody who bills at Halaxy's screens: records of every kind that the ledger reads.

use adapter_kit::conformance::{Fault, Person};
use adapter_sandbox::{Phase, Sandbox, Verdict};
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Biller {
    pub sandbox: Arc<Sandbox>,
    pub kind: &'static str,
}

/// A body of a kind that Halaxy's screens take.
pub fn body(kind: &str, n: u32) -> Json {
    let amount = json!([{"type": "base", "amount": {"value": n, "currency": "AUD"}}]);
    match kind {
        "Invoice" => json!({"recipient": {"reference": "Patient/900001", "type": "Patient"}, "date": "2026-03-02",
            "type": "invoice", "status": "active"}),
        "InvoiceLine" => json!({"quantity": 1, "unitPriceComponent": amount}),
        "PaymentTransaction" => {
            json!({"method": [{"text": "Cash"}], "type": [{"text": "Payment"}], "priceComponent": amount})
        }
        "ChargeItemDefinition" => json!({"title": format!("Fee {n}"), "status": "active"}),
        "Organization" => json!({"name": format!("Organisation {n}"), "active": true}),
        "Practitioner" => json!({"name": [{"use": "official", "family": format!("Tester{n}")}]}),
        "PractitionerRole" => json!({"practitioner": {"reference": "Practitioner/PR-500001"}}),
        _ => json!({"status": "active", "payor": [{"reference": "Organization/FD-150001", "type": "Organization"}]}),
    }
}

#[async_trait]
impl Person for Biller {
    async fn create(&self, n: u32) -> String {
        let made = self.sandbox.person_create("halaxy", self.kind, &body(self.kind, n));
        made.expect("a record the screen takes")
    }

    async fn edit(&self, id: &str, n: u32) {
        let patch = json!({"comment": format!("edit {n}")});
        let done = self.sandbox.person_edit("halaxy", self.kind, id, &patch);
        done.expect("an edit the screen takes");
    }

    async fn remove(&self, id: &str) -> bool {
        self.sandbox.person_delete("halaxy", self.kind, id).is_ok()
    }

    async fn ids(&self) -> BTreeSet<String> {
        let records = self
            .sandbox
            .records("halaxy", self.kind)
            .expect("a kind of the stand-in");
        records
            .iter()
            .map(|record| record["id"].as_str().expect("an id").to_string())
            .collect()
    }

    fn body(&self, n: u32) -> Json {
        body(self.kind, n)
    }

    fn changed(&self, body: &Json, n: u32) -> Json {
        let mut body = body.clone();
        body["title"] = json!(format!("changed {n}"));
        body
    }

    fn shows_change(&self, body: &Json, n: u32) -> bool {
        body["title"] == format!("changed {n}")
    }

    fn shows_edit(&self, body: &Json, n: u32) -> bool {
        body["comment"] == format!("edit {n}")
    }

    fn unknown_id(&self) -> String {
        "1".into()
    }

    async fn fault(&self, fault: Fault, writes: bool, count: u32) -> bool {
        let left = AtomicU32::new(count);
        let kind = format!("/{}", self.kind);
        self.sandbox.on_call(Box::new(move |call| {
            let at = if fault == Fault::DropAfter {
                Phase::Applied
            } else {
                Phase::Arrived
            };
            let meant = call.path.contains(&kind) && (call.method != "GET") == writes && call.phase == at;
            let strike = |left: u32| left.checked_sub(1);
            if !meant || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strike).is_err() {
                return Verdict::Go;
            }
            match fault {
                Fault::Status(status) => Verdict::Status(status),
                Fault::DropBefore | Fault::DropAfter => Verdict::Cut,
            }
        }));
        true
    }

    async fn calls(&self) -> Option<u64> {
        let calls = self.sandbox.calls_after(0);
        Some(calls.iter().filter(|call| call.system == "halaxy").count() as u64)
    }
}
