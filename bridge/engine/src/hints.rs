//! Hints: what webhooks told of. A hint is never a fact: it makes its record due for a direct read, or
//! brings the next poll forward where that takes fewer calls. A hint that is lost costs time only.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::settings::System;
use crate::step::{Engine, Step};
use bridge_core::capture::{News, ask};
use bridge_core::{Link, LinkState, Time};
use bridge_store::{AuditEntry, Hint};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

/// Hints that one step follows.
const HINTS_PER_STEP: usize = 2_000;
/// Rows that a page of a feed is taken to have, where calls are estimated.
const PAGE: usize = 100;
/// How long events are known again. Products repeat theirs for a day, and what could not be followed in
/// this time has long been found by polls.
const KEEP: Duration = Duration::from_secs(3 * 86_400);
/// How often what is older is forgotten.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Rung when there are new hints in the store; whoever drives the engine waits for it.
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Hints about a system's records that wait to be followed.
    pub(crate) async fn hints(&self, system: &System) -> Result<Vec<Hint>, EngineError> {
        let hints = self.store.hints(&system.name, HINTS_PER_STEP).await?;
        if hints.len() == HINTS_PER_STEP {
            self.bell.notify_one();
        }
        Ok(hints)
    }

    /// Whether a poll shows what hints are about in fewer calls than direct reads take: where records are
    /// read one by one, and the feed shows changes at once. `pages` is what the last poll took.
    pub(crate) fn poll_is_cheaper(system: &System, hints: &[Hint], pages: Option<usize>) -> bool {
        let traits = system.traits();
        let Some(pages) = pages.filter(|_| traits.lag.is_zero()) else {
            return false;
        };
        let records = hints.iter().map(|h| &h.remote_id).collect::<BTreeSet<_>>().len();
        records.div_ceil(traits.read_batch.max(1)) > pages.max(1) + records / PAGE
    }

    /// The hints to follow now by direct reads: while more records are hinted at than one read takes, whole reads only. The
    /// others are rung for again, and are the oldest then.
    pub(crate) fn whole_reads(&self, system: &System, hints: Vec<Hint>) -> Vec<Hint> {
        let batch = system.traits().read_batch.max(1);
        let mut records = BTreeSet::new();
        let all = hints.iter().map(|h| &h.remote_id).collect::<BTreeSet<_>>().len();
        let most = if all > batch { all - all % batch } else { all };
        let fits = |hint: &Hint| {
            let known = records.contains(&hint.remote_id);
            if !known && records.len() < most {
                records.insert(hint.remote_id.clone());
                return true;
            }
            known
        };
        if most < all {
            self.bell.notify_one();
        }
        let mut hints = hints;
        hints.retain(fits);
        hints
    }

    /// Lets the records that hints are about be read directly, but for those that a poll begun after the
    /// hints arrived has `shown`. While that poll has further pages the others wait for it.
    pub(crate) async fn follow_hints(
        &self,
        system: &System,
        hints: &[Hint],
        shown: &BTreeSet<String>,
        more_to_show: bool,
        step: &mut Step,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let (polled, unread): (Vec<&Hint>, Vec<&Hint>) = hints
            .iter()
            .partition(|h| h.news != News::Erased && shown.contains(&h.remote_id));
        let mut news: BTreeMap<&str, Vec<News>> = BTreeMap::new();
        for hint in unread.iter().filter(|h| h.kind == system.kind() && !more_to_show) {
            news.entry(&hint.remote_id).or_default().push(hint.news);
        }
        let ids: Vec<String> = news.keys().map(ToString::to_string).collect();
        let mut tx = self.store.begin().await?;
        let mut links: Vec<Link> = vec![];
        for row in tx.links(&system.name, system.kind(), &ids).await? {
            links.push(row.link);
        }
        let known: BTreeSet<String> = links.iter().map(|l| l.remote_id.clone()).collect();
        // Nothing is to be learnt of a record that was never seen and is gone.
        let may_live = |told: &[News]| told.iter().any(|n| matches!(n, News::Changed | News::Merged));
        let erased = tx.erased(&system.name, system.kind(), &ids).await?;
        let stranger = |id: &str| !known.contains(id) && !erased.contains(id);
        let strangers = news.iter().filter(|(id, told)| stranger(id) && may_live(told));
        links.extend(strangers.map(|(id, _)| Link::new(&system.name, system.kind(), id)));
        // What was merged away is read again by its survivor's id.
        links.retain(|link| link.state != LinkState::Merged);
        let mut audit = vec![];
        for link in &mut links {
            ask(link, now);
            if news
                .get(link.remote_id.as_str())
                .is_some_and(|told| told.contains(&News::Erased))
            {
                audit.push(erasure(link, now));
            }
        }
        tx.touch_links(&links).await?;
        tx.append_audit(&audit).await?;
        let mut followed: Vec<Hint> = polled.into_iter().cloned().collect();
        if !more_to_show {
            followed.extend(unread.into_iter().cloned());
        }
        tx.take_hints(&followed, now).await?;
        tx.commit().await?;
        step.hints += followed.len();
        step.looks_asked += links.len();
        Ok(())
    }

    /// Forgets events that nobody repeats any more, now and then.
    pub(crate) async fn expire_hints(&self, now: Time) -> Result<(), EngineError> {
        if now < self.next_expiry.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.next_expiry.store(now + micros(EXPIRE_EVERY), Ordering::Relaxed);
        let mut tx = self.store.begin().await?;
        tx.expire_hints(now - micros(KEEP)).await?;
        tx.commit().await?;
        self.expire_events(now).await
    }
}

fn erasure(link: &Link, now: Time) -> AuditEntry {
    tracing::warn!(system = %link.system, id = %link.remote_id, "the system says this record was erased on the person's demand");
    AuditEntry {
        at: now,
        entity: link.entity.clone(),
        system: Some(link.system.clone()),
        remote_id: Some(link.remote_id.clone()),
        event: "erasure_told".into(),
        reason: "the system says that the record was removed for good on the person's demand".into(),
        ..AuditEntry::default()
    }
}
