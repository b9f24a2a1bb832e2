//! Both shipped connectors keep what every adapter promises, in process and over real HTTP.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::conformance::{self, Fault, Person, Report};
use adapter_kit::{Adapter, ManualClock, Network, NetworkOptions, SystemClock};
use adapter_rest::{Connector, RestAdapter, RestOptions};
use adapter_sandbox::{CrmKind, Manners, Phase, Sandbox, SandboxOptions, Verdict};
use common::{Desk, KIND};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Works at the CRM's screens.
struct Marketer {
    sandbox: Arc<Sandbox>,
    /// The member that holds the values.
    under: Option<&'static str>,
    first_name: &'static str,
    born: &'static str,
}

fn hubspot(sandbox: &Arc<Sandbox>) -> Marketer {
    let sandbox = sandbox.clone();
    Marketer {
        sandbox,
        under: Some("properties"),
        first_name: "firstname",
        born: "date_of_birth",
    }
}

fn plain(sandbox: &Arc<Sandbox>) -> Marketer {
    Marketer {
        sandbox: sandbox.clone(),
        under: None,
        first_name: "first_name",
        born: "birth_date",
    }
}

impl Marketer {
    fn values<'j>(&self, body: &'j Json) -> &'j Json {
        self.under.map_or(body, |under| &body[under])
    }
}

#[async_trait::async_trait]
impl Person for Marketer {
    async fn create(&self, n: u32) -> String {
        self.sandbox
            .person_create("crm", KIND, self.values(&self.body(n)))
            .unwrap()
    }

    async fn edit(&self, id: &str, n: u32) {
        let patch = json!({ self.first_name: format!("Edited{n}") });
        self.sandbox.person_edit("crm", KIND, id, &patch).unwrap();
    }

    async fn remove(&self, id: &str) -> bool {
        self.sandbox.person_delete("crm", KIND, id).is_ok()
    }

    async fn ids(&self) -> BTreeSet<String> {
        let records = self.sandbox.records("crm", KIND).unwrap();
        records.iter().map(|record| common::text(&record["id"])).collect()
    }

    fn body(&self, n: u32) -> Json {
        let values = json!({ self.first_name: format!("Given{n}") });
        self.under.map_or(values.clone(), |under| json!({ under: values }))
    }

    fn changed(&self, body: &Json, n: u32) -> Json {
        let mut body = body.clone();
        let values = match self.under {
            Some(under) => &mut body[under],
            None => &mut body,
        };
        values[self.born] = json!(format!("{}-04-17", 1900 + n % 100));
        body
    }

    fn shows_change(&self, body: &Json, n: u32) -> bool {
        self.values(body)[self.born] == format!("{}-04-17", 1900 + n % 100)
    }

    fn shows_edit(&self, body: &Json, n: u32) -> bool {
        self.values(body)[self.first_name] == format!("Edited{n}")
    }

    fn unknown_id(&self) -> String {
        "999999999".into()
    }

    async fn fault(&self, fault: Fault, writes: bool, count: u32) -> bool {
        let left = AtomicU32::new(count);
        self.sandbox.on_call(Box::new(move |call| {
            let phase = if fault == Fault::DropAfter {
                Phase::Applied
            } else {
                Phase::Arrived
            };
            let reads = call.method == "GET" || call.path.ends_with("/search") || call.path.ends_with("/batch/read");
            let meant = call.system == "crm" && reads != writes && call.phase == phase;
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
        Some(self.sandbox.calls_after(0).len() as u64)
    }
}

fn fine(report: Report) {
    assert!(report.failures().is_empty(), "{report}");
}

#[tokio::test]
async fn hubspot_in_real_manners() {
    let desk = Desk::prepared(Manners::Real, 30).await;
    fine(conformance::run(&desk.adapter, KIND, &hubspot(&desk.sandbox), &*desk.clock).await);
}

#[tokio::test]
async fn hubspot_with_every_quirk_but_chance_faults() {
    let desk = Desk::prepared(Manners::Real, 30).await;
    let quirks = json!({"clock_ahead_ms": -90_000, "index_lag_min_ms": 5_000, "index_lag_max_ms": 20_000,
        "merge_gives_new_id": true, "respell_phones": true, "noop_write_moves_modified": true, "shuffle_batches": true});
    desk.sandbox.set_switches("crm", &quirks).unwrap();
    fine(conformance::run(&desk.adapter, KIND, &hubspot(&desk.sandbox), &*desk.clock).await);
}

#[tokio::test]
async fn plain_in_real_manners_and_with_the_newest_first() {
    for newest_first in [false, true] {
        let desk = Desk::plain(Manners::Real, 30);
        desk.sandbox
            .set_switches("crm", &json!({"list_newest_first": newest_first}))
            .unwrap();
        fine(conformance::run(&desk.adapter, KIND, &plain(&desk.sandbox), &*desk.clock).await);
    }
}

/// The same over sockets, so that the network transport and the router agree on every call.
async fn over_http(crm: CrmKind, connector: &str, person: fn(&Arc<Sandbox>) -> Marketer) {
    let sandbox = Sandbox::new(SandboxOptions {
        manners: Manners::Polite,
        crm,
        ..SandboxOptions::default()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    let endpoint = sandbox.endpoints(&base).crm;
    let options = RestOptions {
        base_url: Some(endpoint.base_url),
        secrets: [("token".to_string(), endpoint.token.into())].into(),
        members: [(KIND.to_string(), common::HUBSPOT_MEMBERS.map(str::to_string).to_vec())].into(),
        lag: Some(Duration::ZERO),
        ..RestOptions::default()
    };
    // The polite stand-in has no limits and no lag, so nothing has to be waited for.
    let text = adapter_rest::shipped::connector(connector)
        .unwrap()
        .replace("calls = 4,", "calls = 4000,")
        .replace("wait   = \"10s\"", "wait = \"50ms\"");
    let connector = Connector::parse(connector, &text).unwrap();
    let network = Arc::new(Network::new(NetworkOptions::default()).unwrap());
    let clock = Arc::new(SystemClock::new());
    let adapter = RestAdapter::new("crm", connector, options, network, clock, None).unwrap();
    adapter.prepare(KIND, true).await.unwrap();
    fine(conformance::run(&adapter, KIND, &person(&sandbox), &ManualClock::new(common::START)).await);
    server.abort();
}

#[tokio::test]
async fn hubspot_over_real_http() {
    over_http(CrmKind::Hubspot, "hubspot", hubspot).await;
}

#[tokio::test]
async fn plain_over_real_http() {
    over_http(CrmKind::Plain, "example-crm", plain).await;
}
