//! Alerts: what somebody should be told of, and when.

use super::{Budget, DAY, Remedy, Sight, SubscriberVitals, SystemVitals, seconds};
use crate::approval::Brake;
use crate::deliver::micros;
use bridge_core::Time;
use bridge_store::Oldest;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// When somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// A system must be looked at within so long. `None`: five times its poll interval, ten minutes at least.
    pub stale_after: Option<Duration>,
    /// The same for single systems, by name.
    pub stale_after_of: BTreeMap<String, Duration>,
    /// When credentials end, microseconds, where the configuration says so, by system.
    pub credentials_end: BTreeMap<String, Time>,
    /// Work that nobody holds may wait so long.
    pub parked_after: Duration,
    /// The share of a day's calls whose use is worth telling, 0 to 1.
    pub budget_share: f64,
    /// How long before credentials end.
    pub credentials_before: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stale_after: None,
            stale_after_of: BTreeMap::new(),
            credentials_end: BTreeMap::new(),
            parked_after: Duration::from_secs(3_600),
            budget_share: 0.9,
            credentials_before: Duration::from_secs(14 * 86_400),
        }
    }
}

impl Limits {
    /// The longest time between two successful looks at a system that is polled so often.
    pub fn allowed(&self, system: &str, poll_every: Duration) -> Duration {
        let stated = self.stale_after_of.get(system).copied().or(self.stale_after);
        stated.unwrap_or_else(|| (poll_every * 5).max(Duration::from_secs(600)))
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertCode {
    /// A system was not looked at within its time.
    CouldNotLook,
    /// A system refuses our credentials.
    Credentials,
    /// Credentials end soon.
    CredentialsExpire,
    /// A day's calls are used up, or will be.
    Budget,
    /// Work waits for longer than it should, or was given up.
    Parked,
    /// A system's writes are held as a whole.
    Brake,
    /// The queue cannot be reached.
    Queue,
    /// Mappings or rules changed since a person approved: nothing is written.
    Approval,
    /// Somebody whom events are sent to does not take them.
    Events,
    /// The books were not proved, or differ.
    Ledger,
    /// A part beside the engine (the mirror, the diary ...) does not get on, or has something to say.
    Part,
}

impl AlertCode {
    /// Its name in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::CouldNotLook => "could_not_look",
            Self::Credentials => "credentials",
            Self::CredentialsExpire => "credentials_expire",
            Self::Budget => "budget",
            Self::Parked => "parked",
            Self::Brake => "brake",
            Self::Queue => "queue",
            Self::Approval => "approval",
            Self::Events => "events",
            Self::Ledger => "ledger",
            Self::Part => "part",
        }
    }
}

/// Something that somebody should be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What it is about.
    pub code: AlertCode,
    /// The system, if it is about one.
    pub system: Option<String>,
    /// What is the matter; no values.
    pub message: String,
    /// What to do.
    pub remedy: Remedy,
}

pub(super) fn of_system(name: &str, vitals: &SystemVitals, limits: &Limits, now: Time, alerts: &mut Vec<Alert>) {
    let mut tell = |code, message: String, remedy| {
        alerts.push(Alert {
            code,
            system: Some(name.into()),
            message,
            remedy,
        });
    };
    if vitals.sight == Sight::CouldNotLook {
        let since = vitals
            .looked_seconds
            .map_or("never read".into(), |s| format!("not looked at for {s} s"));
        let why = vitals
            .trouble
            .as_ref()
            .map(|t| format!(": {}", t.what))
            .unwrap_or_default();
        let message = format!("{since}, allowed are {} s{why}", vitals.allowed_seconds);
        tell(AlertCode::CouldNotLook, message, Remedy::LookAtAccount);
    }
    if let Some(trouble) = vitals.trouble.as_ref().filter(|t| t.credentials) {
        tell(AlertCode::Credentials, trouble.what.clone(), Remedy::ConnectAnew);
    }
    if let Some(until) = vitals.credentials_until
        && until - now < micros(limits.credentials_before)
    {
        let days = (until - now).max(0) / DAY;
        let message = format!("the credentials end in {days} days");
        tell(AlertCode::CredentialsExpire, message, Remedy::ConnectBefore);
    }
    if let Some(budget) = vitals.budget {
        let share = (budget.limit as f64 * limits.budget_share) as u64;
        if budget.used >= share || budget.forecast > budget.limit {
            let Budget { used, limit, forecast } = budget;
            let message = format!("{used} of {limit} calls of the day are used, {forecast} expected");
            tell(AlertCode::Budget, message, Remedy::FewerCalls);
        }
    }
}

pub(super) fn of_brake(brake: &Brake) -> Alert {
    Alert {
        code: AlertCode::Brake,
        system: Some(brake.system.clone()),
        message: format!("{} writes to {} linked records are held", brake.writes, brake.linked),
        remedy: Remedy::ApprovePlan,
    }
}

pub(super) fn of_subscriber(name: &str, vitals: &SubscriberVitals, limits: &Limits) -> Option<Alert> {
    let long = vitals.failing_seconds > limits.parked_after.as_secs();
    (vitals.parked || long).then(|| Alert {
        code: AlertCode::Events,
        system: None,
        message: format!(
            "{name} has taken no event for {} s, {} wait: {}",
            vitals.failing_seconds,
            vitals.waiting,
            vitals.trouble.as_deref().unwrap_or_default()
        ),
        remedy: Remedy::MendSubscriber(name.into()),
    })
}

pub(super) fn of_approval() -> Alert {
    Alert {
        code: AlertCode::Approval,
        system: None,
        message: "mappings or rules changed since the last approval: nothing is written".into(),
        remedy: Remedy::ApprovePlan,
    }
}

pub(super) fn of_work(oldest: &Oldest, limits: &Limits, now: Time) -> Option<Alert> {
    let sorts = [
        ("a reconcile", oldest.dirty),
        ("a direct read", oldest.looks),
        ("an unsettled write", oldest.unsettled),
    ];
    let late = |at: Time| now - at > micros(limits.parked_after);
    let named: Vec<String> = sorts
        .iter()
        .filter_map(|(what, at)| {
            at.filter(|at| late(*at))
                .map(|at| format!("{what} waits for {} s", seconds(now - at)))
        })
        .collect();
    (!named.is_empty()).then(|| Alert {
        code: AlertCode::Parked,
        system: None,
        message: named.join("; "),
        remedy: Remedy::TryAgain,
    })
}
