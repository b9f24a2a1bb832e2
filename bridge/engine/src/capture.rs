//! Capture: polls, looks and hints become observations. A page and the position it leads to are
//! stored in one transaction, so a cursor never passes a row that left no trace.

use crate::error::EngineError;
use crate::follow::Contexts;
use crate::lookup;
use crate::measure;
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::{AdapterError, Failure, Page, Read, Remote};
use bridge_core::capture::{How, Observation, Verdict, ask, observe};
use bridge_core::matching::units;
use bridge_core::{Hold, Lane, Link, LinkState, Op, Time, Values};
use bridge_store::{RecordKey, Tx};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tracing::{Instrument, Span, field, info_span};

/// Pages taken in one step, so that a long backfill does not keep other work waiting.
const PAGES_PER_STEP: usize = 20;
/// Records whose direct read is due that one step reads, in batches.
const LOOKS_PER_STEP: usize = 1_000;

/// Entities loaded or marked at a time.
const ENTITIES: usize = 1_000;

/// Where a feed stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The adapter's own cursor.
    cursor: Option<String>,
    /// A first complete pass has ended: every record is known.
    pub complete: bool,
}

/// What storing one batch of observations did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored {
    /// Facts that call for a reconcile.
    pub changed: usize,
    /// Records seen for the first time.
    pub new: usize,
    /// Direct reads asked for.
    pub looks: usize,
}

impl Engine {
    pub(crate) async fn position(&self, system: &System) -> Result<Position, EngineError> {
        let digest = self.settings.cursor_digest(system);
        let stored = self.store.cursor(&system.name, system.kind(), &digest).await?;
        Ok(stored
            .and_then(|c| serde_json::from_str(&c.position).ok())
            .unwrap_or_default())
    }

    /// Lets the next reconcile judge every entity: policies or what is known of the systems changed.
    pub(crate) async fn judge_all_again(&self) -> Result<(), EngineError> {
        for chunk in self.all_entities().await?.chunks(ENTITIES) {
            let mut tx = self.store.begin().await?;
            tx.mark_dirty(chunk, Lane::Backfill, self.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Ids of all entities.
    pub(crate) async fn all_entities(&self) -> Result<Vec<String>, EngineError> {
        let rows = bridge_store::Page::all(async |page| self.store.linked(&page).await).await?;
        Ok(rows.into_iter().map(|row| row.entity).collect())
    }

    /// Whether a record is known of that was never read, and can be. One that cannot be read time and
    /// again holds nobody up; a single failed call proves nothing.
    pub(crate) async fn unread_strangers(&self) -> Result<bool, EngineError> {
        for system in &self.settings.systems {
            if self.unread_in(system).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same of one system.
    pub(crate) async fn unread_in(&self, system: &System) -> Result<bool, EngineError> {
        let due = self.store.looks(&system.name, system.kind(), usize::MAX >> 1).await?;
        for ids in due.chunks(ENTITIES) {
            let rows = self.store.links(&system.name, system.kind(), ids).await?;
            let unread = |link: &Link| link.entity.is_none() && link.known_at == 0;
            if rows
                .iter()
                .any(|row| unread(&row.link) && !self.given_up(system, &row.link.remote_id))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether every system's records are completely known.
    pub(crate) async fn mirrors_complete(&self) -> Result<bool, EngineError> {
        Ok(self.not_read_yet().await?.is_none())
    }

    /// A system whose records were not all read yet, by name. No plan can be made until there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn not_read_yet(&self) -> Result<Option<&str>, EngineError> {
        for system in &self.settings.systems {
            if !self.position(system).await?.complete {
                return Ok(Some(&system.name));
            }
        }
        Ok(None)
    }

    /// Takes what the system's feed shows, page by page, until it has no more. Says how many pages it took
    /// and whether there are more. Of the `hinted` ids, those that rows of a feed without lag are about are
    /// added to `shown`.
    pub(crate) async fn poll(
        &self,
        system: &System,
        hinted: &BTreeSet<&str>,
        shown: &mut BTreeSet<String>,
        step: &mut Step,
    ) -> Result<Result<(usize, bool), AdapterError>, EngineError> {
        let digest = self.settings.cursor_digest(system);
        let mut position = self.position(system).await?;
        for pages in 1..=PAGES_PER_STEP {
            // The first pass of a feed is a backfill: no single change of it is followed.
            let follow = position.complete;
            let one = async {
                let page = match system.adapter.changes(system.kind(), position.cursor.as_deref()).await {
                    Ok(page) => page,
                    Err(error) => return Ok(Err(error)),
                };
                let more = page.more;
                position.cursor = Some(page.cursor.clone());
                let completed = !more && !position.complete;
                position.complete |= !more;
                let told = page
                    .records
                    .iter()
                    .filter(|r| !page.may_lag && hinted.contains(r.id.as_str()));
                let told: Vec<String> = told.map(|r| r.id.clone()).collect();
                let text = serde_json::to_string(&position).unwrap_or_default();
                let stored = self.take_page(system, page, follow, Some((&digest, &text))).await?;
                Ok::<_, EngineError>(Ok((more, completed, stored, told)))
            };
            let (more, completed, stored, told) = match one.instrument(reading(system, "page")).await? {
                Ok(done) => done,
                Err(error) => return Ok(Err(error)),
            };
            step.observed += stored.changed + stored.new;
            step.looks_asked += stored.looks;
            shown.extend(told);
            if completed {
                // what waited for complete knowledge is judged again
                self.judge_all_again().await?;
            }
            if !more {
                return Ok(Ok((pages, false)));
            }
        }
        Ok(Ok((PAGES_PER_STEP, true)))
    }

    /// Stores one page, and the position it leads to. Its changes are followed one by one if `follow`.
    pub(crate) async fn take_page(
        &self,
        system: &System,
        page: Page,
        follow: bool,
        cursor: Option<(&str, &str)>,
    ) -> Result<Stored, EngineError> {
        let how = if page.may_lag { How::LaggingRow } else { How::Row };
        let kind = if cursor.is_some() { "page" } else { "listing" };
        let records = page.records.len();
        let observations = page
            .records
            .iter()
            .map(|r| system.observe(r, how, page.started))
            .collect();
        let mut tx = self.store.begin().await?;
        let stored = self.take(&mut tx, system, observations, follow).await?;
        if let Some((digest, position)) = cursor {
            tx.set_cursor(&system.name, system.kind(), digest, position, self.clock.now())
                .await?;
        }
        self.commit(tx).await?;
        told(system, kind, records, stored);
        Ok(stored)
    }

    /// Judges observations of one system and stores what counts. A system's observations are
    /// taken one batch after the other, in the order their requests began: a read that shows
    /// nothing new therefore needs no trace of its own.
    pub(crate) async fn take(
        &self,
        tx: &mut Tx,
        system: &System,
        observations: Vec<Observation>,
        follow: bool,
    ) -> Result<Stored, EngineError> {
        let mut done = Stored::default();
        let mut latest: BTreeMap<String, Observation> = BTreeMap::new();
        for mut seen in observations {
            if let Some(earlier) = latest.remove(&seen.remote_id) {
                // a merge mark seen once is seen
                let more = earlier
                    .merged_from
                    .into_iter()
                    .filter(|id| !seen.merged_from.contains(id));
                let more: Vec<String> = more.collect();
                seen.merged_from.extend(more);
            }
            latest.insert(seen.remote_id.clone(), seen);
        }
        let mut ids: Vec<String> = latest.keys().cloned().collect();
        // Nobody who was erased comes back.
        let erased = tx.erased(&system.name, system.kind(), &ids).await?;
        ids.retain(|id| !erased.contains(id));
        latest.retain(|id, _| !erased.contains(id));
        let mut rows: BTreeMap<String, (Link, bool)> = tx
            .links(&system.name, system.kind(), &ids)
            .await?
            .into_iter()
            .map(|row| (row.link.remote_id.clone(), (row.link, row.busy)))
            .collect();
        // A parked record is still a stranger when another row shows it again.
        let unknown = |link: &Link| link.entity.is_none() && link.known_at == 0;
        let strangers = latest
            .values()
            .any(|o| rows.get(&o.remote_id).is_none_or(|(link, _)| unknown(link)));
        let creating = strangers && self.creating(system).await?;
        let (mut changed, mut touched, mut losers) = (vec![], vec![], BTreeSet::new());
        let mut renamed: BTreeMap<String, Values> = BTreeMap::new();
        let mut altered = vec![];
        let mut earlier = self.before(system).await?;
        for (id, seen) in latest {
            let now = self.clock.now();
            let known = rows.remove(&id);
            earlier.keep(&id, known.as_ref().map(|(link, _)| link));
            let merged = seen.merged_from.clone();
            let before = known
                .as_ref()
                .map(|(link, _)| link.merged_from.clone())
                .unwrap_or_default();
            losers.extend(merged.into_iter().filter(|m| !before.contains(m) && *m != id));
            // It may be a record we are just making, or a stale row: it is read directly first.
            let waits = creating || seen.how == How::LaggingRow;
            match known {
                Some((mut link, _)) if waits && unknown(&link) => {
                    ask(&mut link, now);
                    touched.push(link);
                }
                Some((mut link, busy)) => {
                    if link.entity.is_some() && units::changes_key(&link, &seen.values) {
                        renamed.insert(id, link.seen());
                    }
                    let was = (link.look, link.asked, link.state);
                    let alters = link.entity.is_some() && units::changes_person(&link, &seen.values);
                    let (verdict, dirty) = observe(&mut link, busy, &seen, now);
                    if dirty {
                        done.changed += 1;
                        altered.extend(alters.then(|| link.remote_id.clone()));
                        changed.push(link);
                    } else if was != (link.look, link.asked, link.state) || verdict == Verdict::Look {
                        done.looks += usize::from(verdict == Verdict::Look && !was.0);
                        touched.push(link);
                    }
                }
                None if !seen.alive => {}
                None => {
                    let mut link = Link::new(&system.name, system.kind(), &id);
                    if waits {
                        ask(&mut link, now);
                        done.looks += 1;
                    } else {
                        observe(&mut link, false, &seen, now);
                        done.new += 1;
                    }
                    touched.push(link);
                }
            }
        }
        self.hold_merged(tx, system, &losers, &mut changed, &mut touched)
            .await?;
        self.hold_contradictions(tx, &mut changed, &renamed).await?;
        let systems = self.settings.systems.len();
        tx.match_again(&system.name, system.kind(), &altered, systems).await?;
        // Whoever belongs to somebody and holds what it held is found already.
        let unindexed = touched.iter().filter(|l| l.entity.is_none());
        self.index(tx, changed.iter().chain(unindexed)).await?;
        tx.save_links(&changed, Lane::Live, self.clock.now()).await?;
        tx.touch_links(&touched).await?;
        let mut contexts = Contexts::new();
        if follow {
            // A record that nobody knew has been read, or is due for a direct read and followed from there.
            let new = touched
                .iter()
                .filter(|l| l.entity.is_none() && l.known_at > 0 && !l.look);
            let news: Vec<&Link> = changed.iter().chain(new).collect();
            contexts = self.follow(tx, system, &news).await?;
        }
        self.tell_links(tx, &earlier, changed.iter().chain(&touched), &contexts)
            .await?;
        Ok(done)
    }

    /// Makes records findable by what they hold now.
    pub(crate) async fn index(&self, tx: &mut Tx, links: impl Iterator<Item = &Link>) -> Result<(), EngineError> {
        let (mut keys, mut names) = (vec![], vec![]);
        for link in links.filter(|l| l.known_at > 0) {
            keys.push((RecordKey::from(link), lookup::keys(link)));
            names.push((RecordKey::from(link), lookup::names(link)));
        }
        tx.set_keys(&keys).await?;
        tx.set_name_parts(&names).await?;
        let mut stale = self.stale.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(stale) = stale.as_mut() {
            stale.extend(keys.into_iter().map(|(key, _)| key));
        }
        Ok(())
    }

    /// Links whose records no longer look like one person, since a name or birth date was changed,
    /// are held until a person says what that means. `renamed` holds what those records showed before.
    async fn hold_contradictions(
        &self,
        tx: &mut Tx,
        changed: &mut [Link],
        renamed: &BTreeMap<String, Values>,
    ) -> Result<(), EngineError> {
        let asked = |l: &&Link| l.held.is_none() && renamed.contains_key(&l.remote_id);
        let ids: BTreeSet<String> = changed.iter().filter(asked).filter_map(|l| l.entity.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.into_iter().collect();
        let entities: BTreeMap<String, bridge_core::Entity> = tx
            .entities(&ids)
            .await?
            .into_iter()
            .map(|e| (e.id.clone(), e))
            .collect();
        for link in changed.iter_mut().filter(|l| l.held.is_none()) {
            let entity = link.entity.as_ref().and_then(|id| entities.get(id));
            let (Some(entity), Some(before)) = (entity, renamed.get(&link.remote_id)) else {
                continue;
            };
            let now = link.seen();
            let live = entity.links.values().filter(|l| l.state == LinkState::Live);
            for other in live.filter(|l| l.system != link.system) {
                let theirs = other.seen();
                // What contradicted before the change was linked all the same, by a person.
                if units::contradict(&now, &theirs) && !units::contradict(before, &theirs) {
                    link.held = Some(Hold::LooksWrong);
                }
            }
        }
        Ok(())
    }

    /// Records that were merged into others are held together with their survivors until a person
    /// says what the merge means.
    async fn hold_merged(
        &self,
        tx: &mut Tx,
        system: &System,
        losers: &BTreeSet<String>,
        changed: &mut Vec<Link>,
        touched: &mut [Link],
    ) -> Result<(), EngineError> {
        if losers.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = losers.iter().cloned().collect();
        for row in tx.links(&system.name, system.kind(), &ids).await? {
            let mut link = row.link;
            let known = changed.iter_mut().chain(touched.iter_mut());
            for survivor in known.filter(|l| l.merged_from.contains(&link.remote_id)) {
                survivor.held = Some(Hold::Merged);
            }
            if let Some(position) = changed.iter().position(|l| l.remote_id == link.remote_id) {
                changed[position].held = Some(Hold::Merged);
            } else if let Some(position) = touched.iter().position(|l| l.remote_id == link.remote_id) {
                touched[position].held = Some(Hold::Merged);
            } else if link.held.is_none() {
                link.held = Some(Hold::Merged);
                ask(&mut link, self.clock.now());
                changed.push(link);
            }
        }
        Ok(())
    }

    /// Whether a create in that system is on its way or its outcome unknown.
    async fn creating(&self, system: &System) -> Result<bool, EngineError> {
        let ids = self.store.unsettled(&system.name).await?;
        let entities = self.store.entities(&ids).await?;
        Ok(entities.iter().any(|e| {
            let busy = e.busy(&system.name);
            busy && e.writes.get(&system.name).is_some_and(|w| w.op == Op::Create)
        }))
    }

    /// Reads the records that are due for a direct read.
    pub(crate) async fn look(&self, system: &System, step: &mut Step) -> Result<Result<(), AdapterError>, EngineError> {
        let due = self.store.looks(&system.name, system.kind(), LOOKS_PER_STEP).await?;
        if due.is_empty() {
            return Ok(Ok(()));
        }
        let creating = self.creating(system).await?;
        let follow = self.mirrors_complete().await?;
        let free: Vec<String> = self
            .store
            .links(&system.name, system.kind(), &due)
            .await?
            .into_iter()
            .filter(|row| !row.busy && !(creating && row.link.entity.is_none()))
            .map(|row| row.link.remote_id)
            .filter(|id| !self.parked(system, id))
            .collect();
        for ids in free.chunks(system.traits().read_batch.max(1)) {
            let one = self.look_at(system, ids, follow, step);
            if let Err(error) = one.instrument(reading(system, "look")).await? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Reads one batch directly.
    async fn look_at(
        &self,
        system: &System,
        ids: &[String],
        follow: bool,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let started = self.clock.now();
        let reads = match system.adapter.read(system.kind(), ids).await {
            Ok(reads) => reads,
            // one record that cannot be read is its own affair
            Err(error) if ids.len() == 1 && lone(&error) => {
                self.park(system, &ids[0], Some(&error));
                return Ok(Ok(()));
            }
            Err(error) => return Ok(Err(error)),
        };
        step.looks += ids.len();
        for (id, read) in ids.iter().zip(&reads) {
            if let Read::Failed(error) = read {
                self.park(system, id, Some(error));
            }
        }
        let observations = direct(system, ids, &reads, started);
        let mut tx = self.store.begin().await?;
        let stored = self.take(&mut tx, system, observations, follow).await?;
        self.commit(tx).await?;
        told(system, "look", ids.len(), stored);
        step.observed += stored.changed + stored.new;
        let read: Vec<String> = ids
            .iter()
            .zip(&reads)
            .filter(|(_, read)| !matches!(read, Read::Failed(_)))
            .map(|(id, _)| id.clone())
            .collect();
        self.park_stale(system, &read, started).await?;
        Ok(Ok(()))
    }

    /// Lets records that were read go on, but for those whose read counted for nothing although
    /// nothing is newer than it: the product shows an older version than it did before. They are
    /// read again ever more rarely.
    async fn park_stale(&self, system: &System, ids: &[String], started: Time) -> Result<(), EngineError> {
        for row in self.store.links(&system.name, system.kind(), ids).await? {
            let link = row.link;
            let newest = link.asked.max(link.known_at);
            let stale = (link.look && !row.busy && newest < started).then(|| AdapterError {
                system: system.name.clone(),
                what: "read".into(),
                code: "an older version than before".into(),
                failure: Failure::Protocol,
                not_processed: false,
            });
            self.park(system, &link.remote_id, stale.as_ref());
        }
        Ok(())
    }

    /// A hint that a record may have changed (a webhook, a person): it is read directly soon.
    /// Unknown records are left to the poll.
    ///
    /// # Errors
    /// The store's.
    pub async fn hint(&self, system: &str, remote_ids: &[String]) -> Result<usize, EngineError> {
        let Some(system) = self.settings.system(system) else {
            return Ok(0);
        };
        let mut tx = self.store.begin().await?;
        let mut links: Vec<Link> = tx
            .links(&system.name, system.kind(), remote_ids)
            .await?
            .into_iter()
            .map(|row| row.link)
            .filter(|link| link.state == LinkState::Live)
            .collect();
        for link in &mut links {
            ask(link, self.clock.now());
        }
        tx.touch_links(&links).await?;
        tx.commit().await?;
        Ok(links.len())
    }
}

/// The span of one read of a system, whatever it shows.
pub(crate) fn reading(system: &System, how: &'static str) -> Span {
    info_span!(
        parent: None,
        "capture",
        system = system.name,
        kind = system.kind(),
        how,
        record = field::Empty,
        records = field::Empty,
        changed = field::Empty,
    )
}

/// Notes what a read showed, in its span and in the counters.
fn told(system: &System, how: &'static str, records: usize, stored: Stored) {
    let changed = stored.changed + stored.new;
    Span::current().record("records", records).record("changed", changed);
    measure::captured(&system.name, how, records, changed);
}

/// Whether a failed call may be the fault of the record it was for, rather than of the account.
pub(crate) fn lone(error: &AdapterError) -> bool {
    !matches!(
        error.failure,
        Failure::Throttled(_) | Failure::DayBudget(_) | Failure::Auth | Failure::Scope(_)
    )
}

/// Direct reads as observations. A record that answers under another id was merged into it.
pub(crate) fn direct(system: &System, ids: &[String], reads: &[Read], started: i64) -> Vec<Observation> {
    let mut observations = vec![];
    for (id, read) in ids.iter().zip(reads) {
        match read {
            Read::Found(record) if record.id == *id => observations.push(system.observe(record, How::Direct, started)),
            Read::Found(record) => {
                let mut survivor: Remote = (**record).clone();
                survivor.merged_from.push(id.clone());
                observations.push(system.observe(&survivor, How::Direct, started));
                observations.push(system.missing(id, started));
            }
            Read::Missing => observations.push(system.missing(id, started)),
            Read::Failed(_) => {}
        }
    }
    observations
}
