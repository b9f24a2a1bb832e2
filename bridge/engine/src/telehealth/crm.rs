//! A CRM's activities as a place for calls.

use super::tell::{CallActivities, CallActivity};
use adapter_kit::{Adapter, AdapterError, Answer, ChangedActivity, Failure, NewActivity, Refusal, RefusalKind};
use async_trait::async_trait;
use bridge_core::diary::{Activity, Members, Mode, Outcome};
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

/// Calls as activities of a CRM: title, begin and end, whether somebody answered, and that it was by phone.
pub struct CrmCalls {
    crm: Arc<dyn Adapter>,
    zone: TimeZone,
    title: String,
}

impl CrmCalls {
    /// Over an account; none if its connector describes no activities.
    pub fn new(crm: Arc<dyn Adapter>, zone: TimeZone, title: &str) -> Option<CrmCalls> {
        crm.activities()?;
        Some(CrmCalls {
            crm,
            zone,
            title: title.to_owned(),
        })
    }

    /// What is told. One that was nobody's is not deleted: it is cancelled, and says so.
    fn members(&self, call: &CallActivity) -> Members {
        let (outcome, status) = match call.connected {
            _ if call.withdrawn => (Outcome::Cancelled, "withdrawn"),
            Some(true) => (Outcome::Completed, "connected"),
            Some(false) => (Outcome::NoShow, "not connected"),
            None => (Outcome::Completed, ""),
        };
        let activity = Activity {
            title: self.title.clone(),
            start: call.start,
            end: call.start.saturating_add(call.seconds.into()),
            outcome,
            status: status.into(),
            mode: Some(Mode::Phone),
            place: None,
            more: vec![("Direction".into(), "outbound".into())],
        };
        activity.members(&self.zone)
    }

    fn of(&self, call: &CallActivity) -> NewActivity {
        NewActivity {
            key: call.key.clone(),
            contact: call.contact.clone(),
            members: self.members(call),
        }
    }

    /// The account.
    pub fn account(&self) -> &dyn Adapter {
        &*self.crm
    }
}

#[async_trait]
impl CallActivities for CrmCalls {
    fn batch(&self) -> usize {
        self.crm.activities().map_or(1, |a| a.activity_manners().batch)
    }

    fn call_life(&self) -> Duration {
        let life = self.crm.activities().map(|a| a.activity_manners().call_life);
        life.unwrap_or(Duration::from_secs(180))
    }

    async fn create(&self, new: &[CallActivity]) -> Vec<Answer> {
        let all: Vec<NewActivity> = new.iter().map(|call| self.of(call)).collect();
        match self.crm.activities() {
            Some(activities) => activities.create(&all).await,
            None => all.iter().map(|_| Answer::Refused(none())).collect(),
        }
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Option<String>>, AdapterError> {
        let Some(activities) = self.crm.activities() else {
            return Err(AdapterError {
                system: "crm".into(),
                what: "activities".into(),
                code: none().code,
                failure: Failure::Refused,
                not_processed: true,
            });
        };
        let found = activities.find(keys).await?;
        // One that somebody deleted was made all the same.
        let one = |shown: Vec<adapter_kit::ShownActivity>| {
            let alive = shown.iter().find(|one| one.alive).or(shown.first());
            alive.map(|one| one.id.clone())
        };
        Ok(found.into_iter().map(one).collect())
    }

    async fn attach(&self, id: &str, contact: &str) -> Answer {
        match self.crm.activities() {
            Some(activities) => activities.attach(id, contact).await,
            None => Answer::Refused(none()),
        }
    }

    async fn detach(&self, id: &str, contact: &str) -> Answer {
        match self.crm.activities() {
            Some(activities) => activities.detach(id, contact).await,
            None => Answer::Refused(none()),
        }
    }

    async fn rewrite(&self, id: &str, attempt: &str, call: &CallActivity) -> Answer {
        let changed = ChangedActivity {
            id: id.into(),
            attempt: attempt.into(),
            members: self.members(call),
        };
        let answers = match self.crm.activities() {
            Some(activities) => activities.change(&[changed]).await,
            None => vec![],
        };
        answers.into_iter().next().unwrap_or_else(|| Answer::Refused(none()))
    }
}

fn none() -> Refusal {
    Refusal {
        kind: RefusalKind::Forbidden,
        code: "no_activities".into(),
        path: None,
    }
}
