//! The mirror at work: follows the home system's records beside people (appointments, referrals ...), keeps the latest
//! body of each, and tells the public stream what became of it. It decides nothing and writes to no account; whoever
//! needs appointments or referrals reads them from the store, by the numbers of their changes.
//!
//! A page and the cursor it leads to are stored in one transaction with the events they call for. A record that a
//! listing does not show is gone only when a direct read says so.

mod concerns;
mod hints;

pub use hints::followed_records;

use crate::deliver::micros;
use crate::erase::without;
use crate::error::EngineError;
use crate::step::Engine;
use adapter_kit::mirror::MirrorRules;
use adapter_kit::{Adapter, AdapterError, Priority, Read, Remote, with_priority};
use bridge_core::Time;
use bridge_core::change::{Happened, members_between};
use bridge_store::{Event, Mirrored, Store, Tx};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Pages of one kind that one step takes, so that a first reading of many keeps nobody waiting.
const PAGES_PER_STEP: usize = 20;
/// Ids compared at a time.
const BATCH: usize = 500;

/// What is mirrored.
pub struct Mirroring {
    /// Name of the system.
    pub system: String,
    /// Its account.
    pub adapter: Arc<dyn Adapter>,
    /// What of its records may be kept.
    pub rules: Arc<dyn MirrorRules>,
    /// Kinds to follow; others of the rules are left alone.
    pub kinds: BTreeSet<String>,
    /// How often complete listings are compared; never if none.
    pub sweep_every: Option<Duration>,
}

/// What a step of the mirror did.
#[derive(Clone, Debug, Default)]
pub struct MirrorStep {
    /// Records read.
    pub records: usize,
    /// Of those, the ones that were new or held something else.
    pub changed: usize,
    /// Records found to be gone.
    pub gone: usize,
    /// There is more to read right away.
    pub more: bool,
    /// What could not be read now: the kind, and the call with its code.
    pub trouble: Vec<(String, String)>,
}

/// Where the feed of a kind stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    cursor: Option<String>,
    /// A first complete pass has ended: every record is known.
    complete: bool,
}

fn digest(rules: &dyn MirrorRules) -> String {
    format!("mirror/{}", rules.version())
}

fn place(cursor: Option<bridge_store::Cursor>) -> Position {
    let position = cursor.and_then(|cursor| serde_json::from_str(&cursor.position).ok());
    position.unwrap_or_default()
}

/// Of these kinds, those of which not every record has been read once: whoever counts on all of them must wait.
///
/// # Errors
/// [`EngineError::Store`].
pub async fn incomplete(
    store: &Store,
    system: &str,
    rules: &dyn MirrorRules,
    kinds: impl IntoIterator<Item = &str>,
) -> Result<Vec<String>, EngineError> {
    let mut missing = vec![];
    for kind in kinds {
        if !place(store.cursor(system, kind, &digest(rules)).await?).complete {
            missing.push(kind.to_owned());
        }
    }
    Ok(missing)
}

/// When changes of a kind were last asked for with success; nothing before the first time.
pub(crate) async fn looked(
    store: &Store,
    system: &str,
    rules: &dyn MirrorRules,
    kind: &str,
) -> Result<Option<Time>, EngineError> {
    let cursor = store.cursor(system, kind, &digest(rules)).await?;
    Ok(cursor.map(|cursor| cursor.updated))
}

/// The mirror of one system, beside the engine that drives its account.
pub struct Mirror<'e> {
    engine: &'e Engine,
    told: Mirroring,
    /// Reads of one record must not overlap: what was asked for first may be answered last.
    reading: Mutex<()>,
    /// After trouble, when hints are followed again.
    again: std::sync::Mutex<Time>,
}

impl<'e> Mirror<'e> {
    /// The mirror beside an engine.
    pub fn new(engine: &'e Engine, told: Mirroring) -> Mirror<'e> {
        Mirror {
            engine,
            told,
            reading: Mutex::default(),
            again: std::sync::Mutex::default(),
        }
    }

    /// Name of the mirrored system.
    pub fn system(&self) -> &str {
        &self.told.system
    }

    fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let kinds = self.told.rules.kinds().iter().copied();
        kinds.filter(|kind| self.told.kinds.contains(*kind))
    }

    fn digest(&self) -> String {
        digest(self.told.rules.as_ref())
    }

    /// Whether every record of a kind has been read once.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn complete(&self, kind: &str) -> Result<bool, EngineError> {
        Ok(self.position(kind).await?.complete)
    }

    async fn position(&self, kind: &str) -> Result<Position, EngineError> {
        let cursor = self
            .engine
            .store
            .cursor(&self.told.system, kind, &self.digest())
            .await?;
        Ok(place(cursor))
    }

    /// Reads what changed, and sweeps the kinds whose sweep is due. A kind that cannot be read holds no other up.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn step(&self) -> Result<MirrorStep, EngineError> {
        let _reading = self.reading.lock().await;
        let mut step = MirrorStep::default();
        for kind in self.kinds() {
            step.more |= self.take_in(kind).await?;
            if let Err(error) = self.follow(kind, &mut step).await? {
                step.trouble.push((kind.into(), error.to_string()));
            } else if self.sweep_due(kind).await?
                && let Err(error) = with_priority(Priority::Bulk, self.sweep_kind(kind, &mut step)).await?
            {
                step.trouble.push((kind.into(), error.to_string()));
            }
        }
        Ok(step)
    }

    /// Reads records directly: after a webhook, or where no feed can be relied on.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn look(&self, kind: &str, ids: &[String]) -> Result<MirrorStep, EngineError> {
        let _reading = self.reading.lock().await;
        let mut step = MirrorStep::default();
        if let Some(kind) = self.kinds().find(|known| *known == kind)
            && let Err(error) = self.read(kind, ids, &mut step).await?
        {
            step.trouble.push((kind.into(), error.to_string()));
        }
        Ok(step)
    }

    /// Compares complete listings of every kind with what is known, now.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn sweep(&self) -> Result<MirrorStep, EngineError> {
        let _reading = self.reading.lock().await;
        let mut step = MirrorStep::default();
        for kind in self.kinds() {
            if let Err(error) = self.sweep_kind(kind, &mut step).await? {
                step.trouble.push((kind.into(), error.to_string()));
            }
        }
        Ok(step)
    }

    async fn follow(&self, kind: &'static str, step: &mut MirrorStep) -> Result<Result<(), AdapterError>, EngineError> {
        let mut position = self.position(kind).await?;
        for _ in 0..PAGES_PER_STEP {
            let page = match self.told.adapter.changes(kind, position.cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            position.cursor = Some(page.cursor);
            let first = !position.complete;
            position.complete |= !page.more;
            let doubted = if page.may_lag {
                self.differing(kind, &page.records).await?
            } else {
                vec![]
            };
            // What a lagging list shows is read directly before the cursor passes it.
            if let Err(error) = self.read(kind, &doubted, step).await? {
                return Ok(Err(error));
            }
            let tells = self.tells(kind).await?;
            let mut tx = self.engine.store.begin().await?;
            if page.may_lag {
                step.records += page.records.len() - doubted.len();
            } else {
                self.take(&mut tx, kind, page.records, page.started, tells, step)
                    .await?;
            }
            let text = serde_json::to_string(&position).unwrap_or_default();
            let now = self.engine.clock.now();
            tx.set_cursor(&self.told.system, kind, &self.digest(), &text, now)
                .await?;
            if first && position.complete {
                tx.put_meta(&self.begun(kind), &now.to_string()).await?;
                tx.put_meta(&self.swept(kind), &now.to_string()).await?;
            }
            self.engine.commit(tx).await?;
            if !page.more {
                return Ok(Ok(()));
            }
        }
        step.more = true;
        Ok(Ok(()))
    }

    /// Reads records directly and takes what is shown, or that they are gone.
    async fn read(
        &self,
        kind: &'static str,
        ids: &[String],
        step: &mut MirrorStep,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let batch = self.told.adapter.traits(kind).read_batch.max(1);
        for ids in ids.chunks(batch) {
            let started = self.engine.clock.now();
            let reads = match self.told.adapter.read(kind, ids).await {
                Ok(reads) => reads,
                Err(error) => return Ok(Err(error)),
            };
            let (mut found, mut missing, mut failed) = (vec![], vec![], None);
            for (id, read) in ids.iter().zip(reads) {
                match read {
                    Read::Found(remote) if remote.id == *id => found.push(*remote),
                    // Another record answers in its place: this id stands for nothing any more.
                    Read::Found(_) | Read::Missing => missing.push(id.clone()),
                    Read::Failed(error) => failed = Some(error),
                }
            }
            let tells = self.tells(kind).await?;
            let mut tx = self.engine.store.begin().await?;
            self.take(&mut tx, kind, found, started, tells, step).await?;
            self.lose(&mut tx, kind, &missing, started, tells, step).await?;
            self.engine.commit(tx).await?;
            if let Some(error) = failed {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Ids of the records whose row shows something else than what is known.
    async fn differing(&self, kind: &str, rows: &[Remote]) -> Result<Vec<String>, EngineError> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let known = self.engine.store.mirrored_among(&self.told.system, kind, &ids).await?;
        let known: BTreeMap<&str, &Mirrored> = known.iter().map(|known| (known.id.as_str(), known)).collect();
        let differs = |row: &&Remote| match known.get(row.id.as_str()) {
            Some(known) if !known.gone => {
                let body = self.told.rules.keep(kind, row.body.clone());
                !members_between(&known.body, &body).is_empty()
            }
            _ => true,
        };
        let ids: BTreeSet<String> = rows.iter().filter(differs).map(|row| row.id.clone()).collect();
        Ok(ids.into_iter().collect())
    }

    async fn take(
        &self,
        tx: &mut Tx,
        kind: &str,
        rows: Vec<Remote>,
        started: Time,
        tells: bool,
        step: &mut MirrorStep,
    ) -> Result<(), EngineError> {
        step.records += rows.len();
        // A row may stand on a page twice; the later one is as good.
        let rows: BTreeMap<String, _> = rows.into_iter().map(|row| (row.id, row.body)).collect();
        let ids: Vec<String> = rows.keys().cloned().collect();
        let known = tx.mirrored_among(&self.told.system, kind, &ids).await?;
        let known: BTreeMap<String, Mirrored> = known.into_iter().map(|known| (known.id.clone(), known)).collect();
        let (mut news, mut events) = (vec![], vec![]);
        for (id, body) in rows {
            let Some(body) = self.kept(tx, kind, body).await? else {
                continue;
            };
            let (happened, units) = match known.get(&id) {
                // Something newer is known already.
                Some(known) if known.seen > started => continue,
                Some(known) if !known.gone => {
                    let units = members_between(&known.body, &body);
                    if units.is_empty() {
                        continue;
                    }
                    (Happened::Updated, units)
                }
                _ => (Happened::Created, members_between(&serde_json::Value::Null, &body)),
            };
            if tells {
                events.push(self.event(tx, kind, &id, &body, happened, units).await?);
            }
            news.push(Mirrored {
                kind: kind.into(),
                id,
                seq: 0,
                seen: started,
                gone: false,
                body,
            });
        }
        step.changed += news.len();
        self.put(tx, kind, &news).await?;
        Ok(tx.append_events(&events).await?)
    }

    /// What may be kept of a body; nothing of one that is only about people who were erased.
    async fn kept(
        &self,
        tx: &mut Tx,
        kind: &str,
        body: serde_json::Value,
    ) -> Result<Option<serde_json::Value>, EngineError> {
        let rules = &self.told.rules;
        let mut body = rules.keep(kind, body);
        let people = rules.people(kind, &body);
        let ids: Vec<String> = people.iter().cloned().collect();
        let erased = tx.erased(&self.told.system, rules.person_kind(), &ids).await?;
        if !erased.is_empty() {
            if erased.len() == people.len() {
                return Ok(None);
            }
            without(&mut body, rules.person_kind(), &erased);
        }
        Ok(Some(body))
    }

    async fn lose(
        &self,
        tx: &mut Tx,
        kind: &str,
        ids: &[String],
        started: Time,
        tells: bool,
        step: &mut MirrorStep,
    ) -> Result<(), EngineError> {
        let known = tx.mirrored_among(&self.told.system, kind, ids).await?;
        let (mut news, mut events) = (vec![], vec![]);
        for known in known.into_iter().filter(|known| !known.gone && known.seen <= started) {
            if tells {
                let event = self.event(tx, kind, &known.id, &known.body, Happened::Removed, vec![]);
                events.push(event.await?);
            }
            news.push(Mirrored {
                seen: started,
                gone: true,
                ..known
            });
        }
        step.gone += news.len();
        self.put(tx, kind, &news).await?;
        Ok(tx.append_events(&events).await?)
    }

    /// Who a record is about is told only if it is about one person.
    async fn event(
        &self,
        tx: &mut Tx,
        kind: &str,
        id: &str,
        body: &serde_json::Value,
        happened: Happened,
        units: Vec<String>,
    ) -> Result<Event, EngineError> {
        let people = self.told.rules.people(kind, body);
        let entity = match people.first().filter(|_| people.len() == 1) {
            Some(person) => {
                let of = self.told.rules.person_kind();
                tx.entity_of(&self.told.system, of, person).await?
            }
            None => None,
        };
        let now = self.engine.clock.now();
        Ok(Event {
            seq: 0,
            id: self.engine.ids.event(now),
            at: now,
            system: self.told.system.clone(),
            kind: kind.into(),
            remote_id: id.into(),
            happened,
            units,
            entity,
            ours: false,
            trace: None,
        })
    }

    fn begun(&self, kind: &str) -> String {
        format!("stream/{}/{kind}", self.told.system)
    }

    fn swept(&self, kind: &str) -> String {
        format!("swept/{}/{kind}", self.told.system)
    }

    /// Whether changes of a kind's records are told.
    async fn tells(&self, kind: &str) -> Result<bool, EngineError> {
        let Some(stream) = self.engine.stream() else {
            return Ok(false);
        };
        Ok(stream.include_first_read || self.engine.store.meta(&self.begun(kind)).await?.is_some())
    }

    async fn sweep_due(&self, kind: &str) -> Result<bool, EngineError> {
        let Some(every) = self.told.sweep_every else {
            return Ok(false);
        };
        let last = self.engine.store.meta(&self.swept(kind)).await?;
        let last = last.and_then(|time| time.parse::<Time>().ok());
        Ok(last.is_some_and(|last| self.engine.clock.now() >= last + micros(every)))
    }

    async fn sweep_kind(
        &self,
        kind: &'static str,
        step: &mut MirrorStep,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let (mut cursor, mut listed) = (None::<String>, BTreeSet::new());
        loop {
            let page = match self.told.adapter.listing(kind, cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)), // a listing that broke off proves nothing
            };
            listed.extend(page.records.iter().map(|row| row.id.clone()));
            let (more, next) = (page.more, page.cursor);
            let doubted = if page.may_lag {
                self.differing(kind, &page.records).await?
            } else {
                let tells = self.tells(kind).await?;
                let mut tx = self.engine.store.begin().await?;
                self.take(&mut tx, kind, page.records, page.started, tells, step)
                    .await?;
                self.engine.commit(tx).await?;
                vec![]
            };
            if let Err(error) = self.read(kind, &doubted, step).await? {
                return Ok(Err(error));
            }
            if !more {
                break;
            }
            cursor = Some(next);
        }
        let mut after = String::new();
        loop {
            let store = &self.engine.store;
            let ids = store.mirrored_ids(&self.told.system, kind, &after, BATCH).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            let absent: Vec<String> = ids.into_iter().filter(|id| !listed.contains(id)).collect();
            if let Err(error) = self.read(kind, &absent, step).await? {
                return Ok(Err(error));
            }
        }
        let mut tx = self.engine.store.begin().await?;
        tx.put_meta(&self.swept(kind), &self.engine.clock.now().to_string())
            .await?;
        tx.commit().await?;
        Ok(Ok(()))
    }
}
