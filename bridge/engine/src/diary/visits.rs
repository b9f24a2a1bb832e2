//! Months of the last and next visit as units of a person. Halaxy's patient has no such members: they are worked out from
//! the appointments, kept by patient, and joined to the patient's body whenever it is read, as if Halaxy showed them. So
//! they pass through mapping, merge and privacy classes like any other unit; when they change, the patient is read again.

use super::keep::{Keep, State, VISITS};
use super::{Diary, DiaryStep};
use crate::error::EngineError;
use crate::joined::Joins;
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::capture::News;
use bridge_core::diary::{Months, months, outcome};
use bridge_store::{Hint, Store, StoreError};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

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

/// Months of visits as a member of patients.
pub struct VisitMonths {
    store: Store,
}

impl VisitMonths {
    /// As the diary keeps them.
    pub fn new(store: Store) -> VisitMonths {
        VisitMonths { store }
    }
}

#[async_trait]
impl Joins for VisitMonths {
    fn member(&self) -> &'static str {
        VISITS_MEMBER
    }

    async fn of(&self, ids: &[String]) -> Result<Option<BTreeMap<String, Json>>, StoreError> {
        if self.store.meta(DONE).await?.is_none() {
            return Ok(None);
        }
        let rows = self.store.ledger_rows(VISITS, ids).await?;
        let of = |id: &String| {
            let kept = rows.get(id).and_then(|text| serde_json::from_str(text).ok());
            let months: Months = kept.unwrap_or_default();
            let text = |month: Option<String>| month.unwrap_or_default();
            let value = json!({"last": text(months.last), "next": text(months.next)});
            (id.clone(), value)
        };
        Ok(Some(ids.iter().map(of).collect()))
    }
}
