//! Months of the last and next visit as units of a person. Halaxy's patient has no such members: they are worked out from
//! the appointments, kept by patient, and joined to the patient's body whenever it is read, as if Halaxy showed them. So
//! they pass through mapping, merge and privacy classes like any other unit; when they change, the patient is read again.

use super::keep::{Keep, State, VISITS};
use super::{Diary, DiaryStep};
use crate::error::EngineError;
use adapter_kit::{
    Activities, Adapter, AdapterError, Answer, Found, Outgoing, Page, PrepareStep, Probe, Read, Remote, Traits, Usage,
};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::capture::News;
use bridge_core::diary::{Months, months, outcome};
use bridge_store::{Hint, Store};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The member that is joined to a patient's body: `last` and `next`, as `2026-03`, blank if there is none.
pub const VISITS_MEMBER: &str = "_visits";
/// Everybody's months are worked out anew after this many microseconds, since visits pass by themselves.
const EVERYBODY: i64 = 15 * 60 * 1_000_000;
/// Note that months have been worked out for everybody once: who has none then has no visits.
const DONE: &str = "diary_visits";

impl Diary {
    /// Works months out, keeps those that changed, and asks for a read of their patients.
    pub(super) async fn months(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        if now >= state.months_at.saturating_add(EVERYBODY) || state.months_at == Time::MIN {
            state.restless.extend(state.visits_of.keys().cloned());
            state.restless.extend(state.months.keys().cloned());
            state.months_at = now;
        }
        let mut changed = Vec::new();
        for patient in std::mem::take(&mut state.restless) {
            let rules = &self.settings.rules;
            let visits = state.visits_of.get(&patient).into_iter().flatten();
            let known = visits.filter_map(|id| state.visits.get(id).filter(|known| !known.gone));
            let all = known.filter_map(|known| {
                let part = known.visit.patients.iter().find(|part| part.patient == patient)?;
                Some((
                    known.visit.start,
                    known.visit.end,
                    outcome(&part.status, &rules.statuses),
                ))
            });
            let found = months(all, now, &rules.zone);
            if state.months.get(&patient) != Some(&found) {
                changed.push((patient, found));
            }
        }
        let first = self.store.meta(DONE).await?.is_none();
        if changed.is_empty() && !first {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        keep.months(&changed).await?;
        let (source, kind) = (&self.settings.source, &self.settings.patients);
        let hints: Vec<Hint> = changed
            .iter()
            .map(|(id, months)| Hint::new(source, kind, id, News::Changed, &format!("visits {months:?} {now}")))
            .collect();
        keep.tx().put_hints(&hints, now).await?;
        if first {
            keep.tx().put_meta(DONE, &now.to_string()).await?;
        }
        keep.commit().await?;
        step.months += changed.len();
        state.months.extend(changed);
        Ok(())
    }
}

/// An account whose patients are shown with the months of their visits.
pub struct WithVisits {
    inner: Arc<dyn Adapter>,
    store: Store,
    kind: String,
}

impl WithVisits {
    /// Over an account; `kind` is its kind of patients.
    pub fn new(inner: Arc<dyn Adapter>, store: Store, kind: &str) -> WithVisits {
        WithVisits {
            inner,
            store,
            kind: kind.to_owned(),
        }
    }

    /// Joins months to bodies. If they cannot be had the bodies stay without: what is absent is never written.
    async fn join<'r>(&self, kind: &str, records: impl Iterator<Item = &'r mut Remote>) {
        if kind != self.kind {
            return;
        }
        let records: Vec<&mut Remote> = records.collect();
        if records.is_empty() || !matches!(self.store.meta(DONE).await, Ok(Some(_))) {
            return;
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        let rows = match self.store.ledger_rows(VISITS, &ids).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "months of visits cannot be read");
                return;
            }
        };
        for record in records {
            let kept = rows.get(&record.id).and_then(|text| serde_json::from_str(text).ok());
            let months: Months = kept.unwrap_or_default();
            if let Json::Object(body) = &mut record.body {
                let text = |month: Option<String>| month.unwrap_or_default();
                body.insert(
                    VISITS_MEMBER.into(),
                    json!({"last": text(months.last), "next": text(months.next)}),
                );
            }
        }
    }
}

#[async_trait]
impl Adapter for WithVisits {
    fn traits(&self, kind: &str) -> Traits {
        self.inner.traits(kind)
    }

    async fn changes(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        let mut page = self.inner.changes(kind, cursor).await?;
        self.join(kind, page.records.iter_mut()).await;
        Ok(page)
    }

    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        let mut page = self.inner.listing(kind, cursor).await?;
        self.join(kind, page.records.iter_mut()).await;
        Ok(page)
    }

    async fn read(&self, kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        let mut read = self.inner.read(kind, ids).await?;
        let found = read.iter_mut().filter_map(|read| match read {
            Read::Found(record) => Some(&mut **record),
            _ => None,
        });
        self.join(kind, found).await;
        Ok(read)
    }

    async fn write(&self, kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        let bare = writes.into_iter().map(without).collect();
        let mut answers = self.inner.write(kind, bare).await;
        let shown = answers.iter_mut().filter_map(|answer| match answer {
            Answer::Applied { record, .. } => record.as_deref_mut(),
            _ => None,
        });
        self.join(kind, shown).await;
        answers
    }

    async fn find(&self, kind: &str, references: &[String]) -> Result<Vec<Found>, AdapterError> {
        let mut found = self.inner.find(kind, references).await?;
        self.join(kind, found.iter_mut().flat_map(|found| found.records.iter_mut()))
            .await;
        Ok(found)
    }

    async fn probe(&self, kinds: &[String]) -> Vec<Probe> {
        self.inner.probe(kinds).await
    }

    async fn prepare(&self, kind: &str, apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        self.inner.prepare(kind, apply).await
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }

    fn activities(&self) -> Option<&dyn Activities> {
        self.inner.activities()
    }
}

/// What goes out never carries the months.
fn without(write: Outgoing) -> Outgoing {
    let bare = |mut body: Json| {
        if let Json::Object(members) = &mut body {
            members.remove(VISITS_MEMBER);
        }
        body
    };
    match write {
        Outgoing::Create { key, reference, body } => Outgoing::Create {
            key,
            reference,
            body: bare(body),
        },
        Outgoing::Update {
            key,
            id,
            before,
            after,
            version,
        } => Outgoing::Update {
            key,
            id,
            before: bare(before),
            after: bare(after),
            version,
        },
    }
}
