//! What every adapter promises the engine, as checks that run through any [`Adapter`] against any
//! base URL: a stand-in, a vendor's sandbox, a trial account. A [`Person`] plays the people who
//! work in the product meanwhile.
//!
//! ```no_run
//! # async fn example(adapter: &dyn adapter_kit::Adapter, person: &dyn adapter_kit::conformance::Person) {
//! let clock = adapter_kit::SystemClock::new();
//! let report = adapter_kit::conformance::run(adapter, "Patient", person, &clock).await;
//! assert!(report.failures().is_empty(), "{report}");
//! # }
//! ```

pub mod books;
mod faults;
mod feed;
mod records;

use crate::clock::Clock;
use crate::contract::{Adapter, Page, Remote, Traits};
use async_trait::async_trait;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A fault that a [`Person`] may be able to arrange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next call is answered with this status and has no effect.
    Status(u16),
    /// The connection of the next call is cut before its effect.
    DropBefore,
    /// The connection of the next call is cut after its effect.
    DropAfter,
}

/// Somebody who works in the product, by other means than the adapter.
///
/// Samples are numbered: sample `n` is a record, and an edit, that can be told from those of other numbers.
#[async_trait]
pub trait Person: Send + Sync {
    /// Makes a record of sample `n`; gives its id.
    async fn create(&self, n: u32) -> String;

    /// Changes a record to show edit `n`.
    async fn edit(&self, id: &str, n: u32);

    /// Removes a record; false if nobody can in this product.
    async fn remove(&self, id: &str) -> bool;

    /// The ids of all live records.
    async fn ids(&self) -> BTreeSet<String>;

    /// The body an adapter sends to create sample `n`.
    fn body(&self, n: u32) -> Json;

    /// A body as read, changed to show edit `n` in a member that [`Person::edit`] leaves alone.
    fn changed(&self, body: &Json, n: u32) -> Json;

    /// Whether a body shows what [`Person::changed`] put there.
    fn shows_change(&self, body: &Json, n: u32) -> bool;

    /// Whether a body shows what [`Person::edit`] put there.
    fn shows_edit(&self, body: &Json, n: u32) -> bool;

    /// An id that no record has or had.
    fn unknown_id(&self) -> String;

    /// Arranges a fault for the next calls with an effect (`writes`) or without; false if it cannot.
    async fn fault(&self, fault: Fault, writes: bool, count: u32) -> bool;

    /// Calls the product has received from the adapter; `None` if nobody counts.
    async fn calls(&self) -> Option<u64>;
}

/// How one check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As promised.
    Passed,
    /// Could not be tried here, and why.
    Skipped(String),
    /// Not as promised, and how.
    Failed(String),
}

/// How all checks went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name and outcome of each check, in order.
    pub checks: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// The checks that failed.
    pub fn failures(&self) -> Vec<(&'static str, &str)> {
        self.checks
            .iter()
            .filter_map(|(name, verdict)| match verdict {
                Verdict::Failed(how) => Some((*name, how.as_str())),
                Verdict::Passed | Verdict::Skipped(_) => None,
            })
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in &self.checks {
            match verdict {
                Verdict::Passed => writeln!(f, "passed   {name}")?,
                Verdict::Skipped(why) => writeln!(f, "skipped  {name}: {why}")?,
                Verdict::Failed(how) => writeln!(f, "FAILED   {name}: {how}")?,
            }
        }
        Ok(())
    }
}

/// What a check found; `Err` holds what was not as promised.
type Found = Result<Verdict, String>;

/// What the checks work with.
struct Bench<'a> {
    adapter: &'a dyn Adapter,
    kind: &'a str,
    person: &'a dyn Person,
    clock: &'a dyn Clock,
    traits: Traits,
}

impl<'a> Bench<'a> {
    fn new(adapter: &'a dyn Adapter, kind: &'a str, person: &'a dyn Person, clock: &'a dyn Clock) -> Bench<'a> {
        Bench {
            adapter,
            kind,
            person,
            clock,
            traits: adapter.traits(kind),
        }
    }
}

/// No pass over a test's records takes more pages; a pass that does never ends.
const MOST_PAGES: usize = 2_000;

macro_rules! checks {
    ($bench:ident, $report:ident, $($name:literal => $check:expr;)*) => {
        $($report.checks.push(($name, $check(&$bench).await.unwrap_or_else(Verdict::Failed)));)*
    };
}

/// Runs all checks. They make, change and remove records of their own through `person` and
/// `adapter`; records that were there before stay as they are.
pub async fn run(adapter: &dyn Adapter, kind: &str, person: &dyn Person, clock: &dyn Clock) -> Report {
    let bench = Bench::new(adapter, kind, person, clock);
    let mut report = Report::default();
    checks! { bench, report,
        "probes find no problem" => records::probes;
        "a full pass shows every record" => feed::full_pass;
        "a quiet poll shows nothing new" => feed::quiet_poll;
        "a change shows in the feed" => feed::change_shows;
        "an old cursor shows the change again" => feed::old_cursor;
        "records changed at one moment all show" => feed::one_moment;
        "rows that move between pages hide nothing" => feed::moving_rows;
        "a listing shows every record" => feed::listing;
        "reads come in the order asked, the missing among them" => records::reads;
        "an update answers as the traits say and can be read back" => records::update;
        "a stale version is refused" => records::stale_version;
        "an update of what is not there writes nothing" => records::update_missing;
        "a create makes one record" => records::create;
        "a create can be found by its reference" => records::reference;
        "reads get over passing failures" => faults::reads_retry;
        "a write cut off after its effect is unknown and not repeated" => faults::cut_after;
        "a write cut off before its effect is not claimed" => faults::cut_before;
        "a write answered 503 is unknown and not repeated" => faults::unavailable;
        "a throttled write is proved not processed" => faults::throttled;
        "every call is counted" => faults::counted;
    }
    report
}

/// Runs the checks that write nothing through the adapter, for kinds that are only read. [`Person::body`] and what
/// goes with it are not called.
pub async fn run_reads(adapter: &dyn Adapter, kind: &str, person: &dyn Person, clock: &dyn Clock) -> Report {
    let bench = Bench::new(adapter, kind, person, clock);
    let mut report = Report::default();
    checks! { bench, report,
        "probes find no problem" => records::probes;
        "a full pass shows every record" => feed::full_pass;
        "a quiet poll shows nothing new" => feed::quiet_poll;
        "a change shows in the feed" => feed::change_shows;
        "an old cursor shows the change again" => feed::old_cursor;
        "records changed at one moment all show" => feed::one_moment;
        "rows that move between pages hide nothing" => feed::moving_rows;
        "a listing shows every record" => feed::listing;
        "reads come in the order asked, the missing among them" => records::reads;
        "reads get over passing failures" => faults::reads_retry;
    }
    report
}

impl Bench<'_> {
    /// Follows the feed from a cursor to its end; rows by id, the latest last.
    async fn pass(&self, cursor: Option<String>) -> Result<(BTreeMap<String, Vec<Remote>>, String), String> {
        let mut rows = BTreeMap::new();
        let mut cursor = cursor;
        for _ in 0..MOST_PAGES {
            let page = self.changes(cursor.as_deref()).await?;
            let (next, more) = (page.cursor.clone(), page.more);
            collect(&mut rows, page);
            if !more {
                return Ok((rows, next));
            }
            cursor = Some(next);
        }
        Err(format!("the pass did not end after {MOST_PAGES} pages"))
    }

    async fn changes(&self, cursor: Option<&str>) -> Result<Page, String> {
        let page = self.adapter.changes(self.kind, cursor).await;
        page.map_err(|error| format!("changes failed: {error}"))
    }

    /// Reads one record directly.
    async fn read(&self, id: &str) -> Result<crate::contract::Read, String> {
        let mut reads = self
            .adapter
            .read(self.kind, &[id.to_string()])
            .await
            .map_err(|error| format!("read failed: {error}"))?;
        match (reads.pop(), reads.is_empty()) {
            (Some(read), true) => Ok(read),
            _ => Err("read of one id did not answer exactly one".into()),
        }
    }

    /// The body of a live record.
    async fn body(&self, id: &str) -> Result<Box<Remote>, String> {
        match self.read(id).await? {
            crate::contract::Read::Found(remote) => Ok(remote),
            other => Err(format!("a live record could not be read: {}", named(&other))),
        }
    }

    /// Waits until lists show what was written, and a little longer.
    async fn settle(&self) {
        self.clock.sleep(self.traits.lag + Duration::from_millis(1_100)).await;
    }
}

fn collect(rows: &mut BTreeMap<String, Vec<Remote>>, page: Page) {
    for remote in page.records {
        rows.entry(remote.id.clone()).or_default().push(remote);
    }
}

/// What a read was, without its values.
fn named(read: &crate::contract::Read) -> String {
    match read {
        crate::contract::Read::Found(remote) if remote.alive => "found".into(),
        crate::contract::Read::Found(_) => "found dead".into(),
        crate::contract::Read::Missing => "missing".into(),
        crate::contract::Read::Failed(error) => format!("failed: {error}"),
    }
}

/// What is missing from one set of the other, shortened.
fn missing<'a>(wanted: impl IntoIterator<Item = &'a String>, seen: &BTreeSet<String>) -> Vec<&'a str> {
    wanted
        .into_iter()
        .filter(|id| !seen.contains(*id))
        .map(String::as_str)
        .take(5)
        .collect()
}

/// Passes if the condition holds.
fn holds(condition: bool, otherwise: impl FnOnce() -> String) -> Found {
    if condition {
        Ok(Verdict::Passed)
    } else {
        Err(otherwise())
    }
}
