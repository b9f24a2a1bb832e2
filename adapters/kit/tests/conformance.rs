//! The conformance suite passes a sound adapter and catches unsound ones: each bug planted here must
//! fail the check that is there for it.

use adapter_kit::conformance::{self, Fault, Person, Verdict};
use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, Clock, Failure, Found, Guard, ManualClock, Outgoing, Page, PrepareStep,
    Probe, Read, Remote, Traits, Usage, Versions,
};
use async_trait::async_trait;
use bridge_core::Version;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PAGE: usize = 50;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bug {
    None,
    PagesByOffset,
    SkipsEqualStamps,
    CursorRunsAhead,
    InventsChanges,
    ListingForgets,
    ReadsInAnyOrder,
    MissingIsAnError,
    WritesOldMembers,
    IgnoresVersions,
    CreatesTwice,
    RepeatsLostWrites,
    ClaimsLostWrites,
    TakesUnavailableForRefused,
    RepeatsThrottledWrites,
    GivesUpReads,
    ForgetsToCount,
}

#[derive(Clone)]
struct Row {
    stamp: i64,
    version: i64,
    body: Json,
}

/// A product with a change feed by time stamp and conditional writes.
struct Product {
    clock: Arc<ManualClock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<u32, Row>,
    next: u32,
    faults: Vec<(Fault, bool)>,
    calls: u64,
}

impl Product {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("a state")
    }

    fn put(&self, id: Option<u32>, change: impl FnOnce(&mut Json)) -> String {
        let now = self.clock.now() / 1_000_000;
        let mut state = self.state();
        let id = id.unwrap_or_else(|| {
            state.next += 1;
            state.next
        });
        let row = state.rows.entry(id).or_insert(Row {
            stamp: now,
            version: 0,
            body: json!({"id": id.to_string()}),
        });
        change(&mut row.body);
        row.stamp = now;
        row.version += 1;
        id.to_string()
    }

    /// Receives a call; the fault that strikes it, if one does.
    fn receive(&self, write: bool) -> Option<Fault> {
        let mut state = self.state();
        state.calls += 1;
        let struck = state.faults.iter().position(|(_, writes)| *writes == write)?;
        Some(state.faults.remove(struck).0)
    }
}

struct Teller(Arc<Product>);

fn number(id: &str) -> u32 {
    id.parse().unwrap_or(0)
}

#[async_trait]
impl Person for Teller {
    async fn create(&self, n: u32) -> String {
        self.0.put(None, |body| body["sample"] = json!(n))
    }

    async fn edit(&self, id: &str, n: u32) {
        self.0.put(Some(number(id)), |body| body["edit"] = json!(n));
    }

    async fn remove(&self, id: &str) -> bool {
        self.0.state().rows.remove(&number(id)).is_some()
    }

    async fn ids(&self) -> BTreeSet<String> {
        self.0.state().rows.keys().map(u32::to_string).collect()
    }

    fn body(&self, n: u32) -> Json {
        json!({"sample": n})
    }

    fn changed(&self, body: &Json, n: u32) -> Json {
        let mut body = body.clone();
        body["change"] = json!(n);
        body
    }

    fn shows_change(&self, body: &Json, n: u32) -> bool {
        body["change"] == n
    }

    fn shows_edit(&self, body: &Json, n: u32) -> bool {
        body["edit"] == n
    }

    fn unknown_id(&self) -> String {
        "999999".into()
    }

    async fn fault(&self, fault: Fault, writes: bool, count: u32) -> bool {
        self.0.state().faults = (0..count).map(|_| (fault, writes)).collect();
        true
    }

    async fn calls(&self) -> Option<u64> {
        Some(self.0.state().calls)
    }
}

struct Subject {
    product: Arc<Product>,
    bug: Bug,
    usage: Mutex<Usage>,
}

impl Subject {
    fn error(&self, code: &str, failure: Failure, not_processed: bool) -> AdapterError {
        AdapterError {
            system: "memory".into(),
            what: "call".into(),
            code: code.into(),
            failure,
            not_processed,
        }
    }

    /// One call; what the product said, if it is a failure.
    fn call(&self, write: bool) -> Option<Fault> {
        let mut usage = self.usage.lock().expect("usage");
        if self.bug != Bug::ForgetsToCount || !write {
            usage.calls += 1;
        }
        if write {
            usage.writes += 1
        } else {
            usage.reads += 1
        };
        let fault = self.product.receive(write);
        if fault == Some(Fault::Status(429)) {
            usage.throttled += 1;
        }
        fault
    }

    fn read_call(&self) -> Result<(), AdapterError> {
        for _ in 0..if self.bug == Bug::GivesUpReads { 1 } else { 4 } {
            if self.call(false).is_none() {
                return Ok(());
            }
        }
        Err(self.error("503", Failure::Unavailable, false))
    }

    fn remote(&self, id: u32, row: &Row) -> Remote {
        let mut body = row.body.clone();
        if self.bug == Bug::InventsChanges {
            body["read_at"] = json!(self.product.clock.now());
        }
        Remote {
            id: id.to_string(),
            body,
            version: Some(Version::Counting(row.version)),
            mark: Some(row.stamp.to_string()),
            alive: true,
            merged_from: Vec::new(),
            history: BTreeMap::new(),
            authors: BTreeMap::new(),
        }
    }

    /// Rows by (stamp, id) after a position, or by offset if that bug is planted.
    fn page(&self, cursor: Option<&str>) -> Page {
        let started = self.product.clock.now();
        let at: (i64, u32) = cursor
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or((i64::MIN, 0));
        let state = self.product.state();
        let mut rows: Vec<(i64, u32, Row)> = state
            .rows
            .iter()
            .map(|(id, row)| (row.stamp, *id, row.clone()))
            .collect();
        rows.sort_by_key(|(stamp, id, _)| (*stamp, *id));
        let offset = self.bug == Bug::PagesByOffset && at.0 < 0;
        let due: Vec<_> = if offset {
            rows.iter().skip(at.1 as usize).collect()
        } else if self.bug == Bug::SkipsEqualStamps {
            rows.iter().filter(|(stamp, _, _)| *stamp > at.0).collect()
        } else {
            rows.iter().filter(|(stamp, id, _)| (*stamp, *id) > at).collect()
        };
        let more = due.len() > PAGE;
        let shown = &due[..due.len().min(PAGE)];
        let cursor = match shown.last() {
            Some(_) if offset && more => (i64::MIN, at.1 + PAGE as u32),
            Some((stamp, id, _)) if more => (*stamp, *id),
            _ if self.bug == Bug::CursorRunsAhead => (started / 1_000_000 + 1, 0),
            Some((stamp, _, _)) => (*stamp - 1, u32::MAX),
            None => (at.0, at.1),
        };
        Page {
            records: shown.iter().map(|(_, id, row)| self.remote(*id, row)).collect(),
            cursor: serde_json::to_string(&cursor).expect("a cursor"),
            more,
            may_lag: false,
            started,
        }
    }

    fn send(&self, write: &Outgoing) -> Answer {
        let fault = self.call(true);
        if fault == Some(Fault::DropBefore) || matches!(fault, Some(Fault::Status(_))) {
            return self.failed(fault, write);
        }
        let answer = self.apply(write);
        if fault == Some(Fault::DropAfter) {
            return self.failed(fault, write);
        }
        answer
    }

    fn apply(&self, write: &Outgoing) -> Answer {
        let id = match write {
            Outgoing::Create { body, .. } => {
                if self.bug == Bug::CreatesTwice {
                    self.product.put(None, |kept| kept["sample"] = body["sample"].clone());
                }
                self.product.put(None, |kept| kept["sample"] = body["sample"].clone())
            }
            Outgoing::Update { id, after, version, .. } => {
                let found = self
                    .product
                    .state()
                    .rows
                    .get(&number(id))
                    .map(|row| Version::Counting(row.version));
                match found {
                    None => return Answer::Gone,
                    Some(now) if version.as_ref() != Some(&now) && self.bug != Bug::IgnoresVersions => {
                        return Answer::Moved;
                    }
                    Some(_) => {}
                }
                let whole = after.clone();
                self.product.put(Some(number(id)), |kept| {
                    if self.bug == Bug::WritesOldMembers {
                        *kept = json!({"id": kept["id"], "change": whole["change"]});
                    } else {
                        *kept = whole;
                    }
                })
            }
        };
        let record = self
            .product
            .state()
            .rows
            .get(&number(&id))
            .map(|row| Box::new(self.remote(number(&id), row)));
        Answer::Applied { id, record }
    }

    fn failed(&self, fault: Option<Fault>, write: &Outgoing) -> Answer {
        match (fault, self.bug) {
            (Some(Fault::DropAfter | Fault::DropBefore), Bug::RepeatsLostWrites) => self.send(write),
            (Some(Fault::DropAfter | Fault::DropBefore), Bug::ClaimsLostWrites) => Answer::Applied {
                id: "1".into(),
                record: None,
            },
            (Some(Fault::Status(503)), Bug::TakesUnavailableForRefused) => {
                Answer::Later(self.error("503", Failure::Unavailable, true))
            }
            (Some(Fault::Status(429)), Bug::RepeatsThrottledWrites) => self.send(write),
            (Some(Fault::Status(429)), _) => Answer::Later(self.error("429", Failure::Throttled(None), true)),
            _ => Answer::Unknown(self.error("cut", Failure::Unavailable, false)),
        }
    }
}

#[async_trait]
impl Adapter for Subject {
    fn traits(&self, _kind: &str) -> Traits {
        Traits {
            guard: Guard::Conditional,
            answer: AnswerStyle::Written,
            versions: Versions::Counting,
            lag: Duration::ZERO,
            call_life: Duration::from_secs(1),
            read_batch: 10,
            update_batch: 1,
            create_batch: 1,
            guard_batch: 1,
            keeps_history: false,
            keeps_reference: false,
            create_is_idempotent: false,
            unique: Vec::new(),
        }
    }

    async fn changes(&self, _kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.read_call()?;
        Ok(self.page(cursor))
    }

    async fn listing(&self, _kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.read_call()?;
        let mut page = self.page(cursor);
        if self.bug == Bug::ListingForgets && !page.more {
            page.records.pop();
        }
        Ok(page)
    }

    async fn read(&self, _kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        self.read_call()?;
        let state = self.product.state();
        let mut reads: Vec<Read> = ids
            .iter()
            .map(|id| match state.rows.get(&number(id)) {
                Some(row) => Read::Found(Box::new(self.remote(number(id), row))),
                None if self.bug == Bug::MissingIsAnError => Read::Failed(self.error("404", Failure::Refused, true)),
                None => Read::Missing,
            })
            .collect();
        if self.bug == Bug::ReadsInAnyOrder {
            reads.reverse();
        }
        Ok(reads)
    }

    async fn write(&self, _kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        writes.iter().map(|write| self.send(write)).collect()
    }

    async fn find(&self, _kind: &str, _references: &[String]) -> Result<Vec<Found>, AdapterError> {
        Ok(Vec::new())
    }

    async fn probe(&self, _kinds: &[String]) -> Vec<Probe> {
        Vec::new()
    }

    async fn prepare(&self, _kind: &str, _apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        Ok(Vec::new())
    }

    fn usage(&self) -> Usage {
        *self.usage.lock().expect("usage")
    }
}

async fn failures(bug: Bug) -> (Vec<&'static str>, String) {
    let clock = Arc::new(ManualClock::new(1_772_406_900_300_000));
    let product = Arc::new(Product {
        clock: clock.clone(),
        state: Mutex::default(),
    });
    let person = Teller(product.clone());
    for n in 0..120 {
        person.create(n).await;
        clock.advance(Duration::from_millis(700));
    }
    let subject = Subject {
        product,
        bug,
        usage: Mutex::default(),
    };
    let report = conformance::run(&subject, "thing", &person, &*clock).await;
    let skipped = report
        .checks
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_)))
        .count();
    assert_eq!(skipped, 1, "{report}");
    (
        report.failures().iter().map(|(name, _)| *name).collect(),
        report.to_string(),
    )
}

#[tokio::test]
async fn a_sound_adapter_passes() {
    let (failures, report) = failures(Bug::None).await;
    assert!(failures.is_empty(), "{report}");
}

#[tokio::test]
async fn every_planted_bug_is_caught_by_its_check() {
    for (bug, check) in [
        (Bug::PagesByOffset, "rows that move between pages hide nothing"),
        (Bug::SkipsEqualStamps, "records changed at one moment all show"),
        (Bug::CursorRunsAhead, "an old cursor shows the change again"),
        (Bug::InventsChanges, "a quiet poll shows nothing new"),
        (Bug::ListingForgets, "a listing shows every record"),
        (
            Bug::ReadsInAnyOrder,
            "reads come in the order asked, the missing among them",
        ),
        (
            Bug::MissingIsAnError,
            "reads come in the order asked, the missing among them",
        ),
        (
            Bug::WritesOldMembers,
            "an update answers as the traits say and can be read back",
        ),
        (Bug::IgnoresVersions, "a stale version is refused"),
        (Bug::CreatesTwice, "a create makes one record"),
        (
            Bug::RepeatsLostWrites,
            "a write cut off after its effect is unknown and not repeated",
        ),
        (
            Bug::ClaimsLostWrites,
            "a write cut off before its effect is not claimed",
        ),
        (
            Bug::TakesUnavailableForRefused,
            "a write answered 503 is unknown and not repeated",
        ),
        (Bug::RepeatsThrottledWrites, "a throttled write is proved not processed"),
        (Bug::GivesUpReads, "reads get over passing failures"),
        (Bug::ForgetsToCount, "every call is counted"),
    ] {
        let (failures, report) = failures(bug).await;
        assert!(
            failures.contains(&check),
            "{bug:?} was not caught by `{check}`:\n{report}"
        );
    }
}
