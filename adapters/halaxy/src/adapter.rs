//! Halaxy as the engine sees it.

use crate::bundle::id_of;
use crate::client::{HalaxyClient, Written};
use crate::feed::{Feed, FeedPage};
use crate::money::is_money;
use crate::options::{HalaxyOptions, OptionsError};
use crate::patient::PatientView;
use crate::query::{PAGE_SIZE, Query};
use crate::writes::{answer, creatable, merge_patch, read_only};
use crate::{probe, stamp};
use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, CallError, Clock, Failure, Found, Guard, Outgoing, Page, PrepareStep,
    Probe, Read, Remote, Traits, Transport, Usage, Versions,
};
use async_trait::async_trait;
use bridge_core::Time;
use futures::StreamExt;
use futures::stream;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One connected Halaxy account. Kinds are Halaxy's resource types, e.g. `Patient`.
pub struct HalaxyAdapter {
    client: HalaxyClient,
    feed: Feed,
    options: HalaxyOptions,
    /// `_id` was found to be ignored: records are read singly.
    singly: AtomicBool,
}

/// Updates of one batch are to be sent within this time, so that no guard gets older than five seconds.
const BATCH_TIME: Duration = Duration::from_secs(4);
/// How long a guard stays fresh.
const GUARD_LIFE: Duration = Duration::from_secs(5);

impl HalaxyAdapter {
    /// An adapter for one account, over this transport and clock.
    ///
    /// # Errors
    /// [`OptionsError`] if an option cannot be used.
    pub fn new(
        system: &str,
        options: HalaxyOptions,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<HalaxyAdapter, OptionsError> {
        let client = HalaxyClient::new(system, &options, transport, clock)?;
        let feed = Feed::new(client.clone(), options.overlap + options.list_lag);
        Ok(HalaxyAdapter {
            client,
            feed,
            options,
            singly: AtomicBool::new(false),
        })
    }

    /// The typed client below, for calls the contract does not know.
    pub fn client(&self) -> &HalaxyClient {
        &self.client
    }

    /// How many calls fit into a time, at least one.
    fn calls_in(&self, time: Duration) -> usize {
        let per_second = self.client.http().calls_per_second().unwrap_or(25.0);
        // Truncation is meant.
        ((per_second * time.as_secs_f64()) as usize).clamp(1, PAGE_SIZE)
    }

    fn remote(&self, body: Json) -> Option<Remote> {
        let patient = PatientView(&body);
        let shelved = body["resourceType"] == "Patient" && matches!(patient.status(), Some("archived" | "blocked"));
        Some(Remote {
            id: id_of(&body)?,
            version: None,
            mark: patient.last_updated().map(str::to_string),
            alive: !(shelved && self.options.archived_is_gone),
            merged_from: Vec::new(),
            history: BTreeMap::new(),
            authors: BTreeMap::new(),
            body,
        })
    }

    fn page(&self, found: FeedPage) -> Page {
        Page {
            records: found.rows.into_iter().filter_map(|row| self.remote(row)).collect(),
            cursor: found.cursor,
            more: found.more,
            may_lag: !self.options.list_lag.is_zero(),
            started: found.started,
        }
    }

    /// Reads several records by one list call; those it does not show are missing from the map.
    async fn read_listed(&self, kind: &str, ids: &[String]) -> Result<HashMap<String, Json>, AdapterError> {
        let asked: HashSet<&str> = ids.iter().map(String::as_str).filter(|id| listable(id)).collect();
        if asked.len() < 2 || self.singly.load(Ordering::Relaxed) || !self.options.list_lag.is_zero() {
            return Ok(HashMap::new());
        }
        let mut sorted: Vec<&str> = asked.iter().copied().collect();
        sorted.sort_unstable();
        let page = self
            .client
            .search(kind, Query::all().ids(sorted).total(false), 1)
            .await?;
        let mut found = HashMap::new();
        for row in page.rows {
            match id_of(&row) {
                Some(id) if asked.contains(id.as_str()) => {
                    found.insert(id, row);
                }
                // Rows nobody asked for: the filter is ignored, so the list is of no use.
                _ => {
                    tracing::warn!(system = %self.client.http().system(), kind, "_id is ignored; reading records singly");
                    self.singly.store(true, Ordering::Relaxed);
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn read_one(&self, kind: &str, id: &str) -> Read {
        match self.client.read(kind, id).await {
            Ok(Some(body)) => self.found(kind, body),
            Ok(None) => Read::Missing,
            Err(error) => Read::Failed(error),
        }
    }

    async fn read_unless(&self, read: Option<Read>, kind: &str, id: &str) -> Read {
        match read {
            Some(read) => read,
            None => self.read_one(kind, id).await,
        }
    }

    fn found(&self, kind: &str, body: Json) -> Read {
        match self.remote(body) {
            Some(remote) => Read::Found(Box::new(remote)),
            None => Read::Failed(self.client.http().nonsense(format!("GET {kind}/{{id}}"), "no id")),
        }
    }

    async fn write_in_turn(&self, kind: &str, queue: Vec<(usize, Outgoing)>) -> Vec<(usize, Answer)> {
        let mut answers = Vec::with_capacity(queue.len());
        for (place, write) in queue {
            answers.push((place, self.write_one(kind, write).await));
        }
        answers
    }

    async fn write_one(&self, kind: &str, write: Outgoing) -> Answer {
        match write {
            Outgoing::Create { body, .. } => self.answered(kind, self.client.create(kind, creatable(kind, body)).await),
            Outgoing::Update { id, before, after, .. } => {
                let patch = merge_patch(&before, &after);
                if patch.as_object().is_none_or(serde_json::Map::is_empty) {
                    let record = self.remote(before).map(Box::new);
                    return Answer::Applied { id, record };
                }
                let began = self.client.http().clock().now();
                let written = self.client.patch(kind, &id, patch).await;
                if let Ok(Written {
                    record: Some(record), ..
                }) = &written
                {
                    self.learn_stamp(kind, began, &before, record);
                }
                self.answered(kind, written)
            }
        }
    }

    /// A write that moved the stamp tells where the clock stands that stamps records.
    fn learn_stamp(&self, kind: &str, began: Time, before: &Json, record: &Json) {
        let (old, new) = (stamp::last_updated(before), stamp::last_updated(record));
        if let Some(new) = new.filter(|_| old != new) {
            self.feed.stamped(kind, began, new);
        }
    }

    fn answered(&self, kind: &str, written: Result<Written, CallError>) -> Answer {
        match written {
            Ok(Written { id, record }) => Answer::Applied {
                id,
                record: record.and_then(|body| self.remote(body)).map(Box::new),
            },
            Err(failed) => answer(kind, failed),
        }
    }
}

/// Whether an id can stand in a comma list.
fn listable(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[async_trait]
impl Adapter for HalaxyAdapter {
    fn traits(&self, _kind: &str) -> Traits {
        let batch = self.calls_in(BATCH_TIME);
        Traits {
            guard: Guard::Read,
            answer: AnswerStyle::Written,
            versions: Versions::None,
            lag: self.options.list_lag,
            call_life: self.options.call_life,
            read_batch: PAGE_SIZE,
            update_batch: batch,
            create_batch: batch.min(10),
            guard_batch: self.calls_in(GUARD_LIFE),
            keeps_history: false,
            keeps_reference: false,
            create_is_idempotent: false,
            unique: Vec::new(),
        }
    }

    async fn changes(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.feed.next(kind, cursor).await.map(|found| self.page(found))
    }

    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.feed.listing(kind, cursor).await.map(|found| self.page(found))
    }

    async fn read(&self, kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        let mut listed = self.read_listed(kind, ids).await?;
        // A list may leave out what a direct read still shows (merged records): ask for those singly.
        let reads: Vec<Option<Read>> = ids
            .iter()
            .map(|id| listed.remove(id).map(|body| self.found(kind, body)))
            .collect();
        let reads: Vec<_> = ids
            .iter()
            .zip(reads)
            .map(|(id, read)| self.read_unless(read, kind, id))
            .collect();
        Ok(stream::iter(reads)
            .buffered(self.options.concurrent.max(1))
            .collect()
            .await)
    }

    async fn write(&self, kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        if is_money(kind) {
            // What the ledger reads is the practice's own record of its money: never written, whatever Halaxy offers.
            return writes.iter().map(|_| read_only()).collect();
        }
        // Writes of one record go one after the other; records go side by side.
        let mut queues: Vec<Vec<(usize, Outgoing)>> = Vec::new();
        let mut of_record: HashMap<String, usize> = HashMap::new();
        for (place, write) in writes.into_iter().enumerate() {
            let queue = match &write {
                Outgoing::Update { id, .. } => *of_record.entry(id.clone()).or_insert(queues.len()),
                Outgoing::Create { .. } => queues.len(),
            };
            if queue == queues.len() {
                queues.push(Vec::new());
            }
            queues[queue].push((place, write));
        }
        let sent: Vec<_> = queues
            .into_iter()
            .map(|queue| self.write_in_turn(kind, queue))
            .collect();
        let sent = stream::iter(sent).buffer_unordered(self.options.concurrent.max(1));
        let answers: Vec<Vec<(usize, Answer)>> = sent.collect().await;
        let mut answers: Vec<(usize, Answer)> = answers.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    async fn find(&self, kind: &str, _references: &[String]) -> Result<Vec<Found>, AdapterError> {
        // Halaxy drops identifiers (halaxy-api.md section 7.1), so no record carries a reference of ours.
        Err(AdapterError {
            system: self.client.http().system().to_string(),
            what: format!("find {kind}"),
            code: "no references are kept".into(),
            failure: Failure::Refused,
            not_processed: true,
        })
    }

    async fn probe(&self, kinds: &[String]) -> Vec<Probe> {
        probe::run(&self.client, &self.feed, &self.options, kinds).await
    }

    async fn prepare(&self, _kind: &str, _apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        Ok(Vec::new())
    }

    fn usage(&self) -> Usage {
        self.client.http().usage()
    }
}
