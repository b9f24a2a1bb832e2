//! The adapter that a connector file makes.

use crate::account::{Account, RestOptions, SetupError};
use crate::connector::{ActivitiesSpec, Connector, Kind, ReferrersSpec, Shown};
use crate::meaning::Rules;
use crate::record::members_of;
use crate::template::Variables;
use adapter_kit::{
    Activities, Adapter, AdapterError, Answer, AnswerStyle, Clock, Failure, Found, Guard, Outgoing, Page, PrepareStep,
    Probe, Read, Referrers, TokenStore, Traits, Transport, Usage, Versions,
};
use async_trait::async_trait;
use bridge_core::care::refer::Sort;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One account of a product that a connector file describes.
pub struct RestAdapter {
    pub(crate) account: Account,
    pub(crate) activities: Option<ActivitiesSpec>,
    pub(crate) referrers: BTreeMap<Sort, ReferrersSpec>,
    workers: BTreeMap<String, Worker>,
    /// Calls that the limits leave for a fresh guard.
    guard_calls: usize,
}

/// A kind with what the mapping needs of it.
pub(crate) struct Worker {
    pub kind: Kind,
    pub rules: Rules,
    /// Variables of every call of this kind.
    pub variables: Variables,
    /// Members that the mapping reads or writes.
    pub mapped: Vec<String>,
}

/// A guard is fresh for this long.
const GUARD_FRESH: Duration = Duration::from_secs(5);
/// Calls made one after the other in that time, by a product that answers in a quarter of a second.
const CALLS_IN_A_ROW: usize = 20;

impl RestAdapter {
    /// An adapter for one account. `tokens` keeps the refresh token of products that change it
    /// with every use; others need none.
    ///
    /// # Errors
    /// [`SetupError`] if the configuration lacks what the connector needs.
    pub fn new(
        system: &str,
        connector: Connector,
        options: RestOptions,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Option<Arc<dyn TokenStore>>,
    ) -> Result<RestAdapter, SetupError> {
        let rules = Rules::new(connector.answers.clone(), None);
        let account = Account::new(system, &connector, &options, rules, transport, clock, tokens)?;
        let mut workers = BTreeMap::new();
        for (name, mut kind) in connector.kinds {
            kind.lag = options.lag.unwrap_or(kind.lag);
            kind.call_life = options.call_life.unwrap_or(kind.call_life);
            let mut paths = options.members.get(&name).cloned().unwrap_or_default();
            if let Some(spec) = connector.activities.as_ref().filter(|spec| spec.kind == name) {
                paths.extend(spec.members.values().flatten().map(|place| place.steps.join(".")));
            }
            for spec in connector.referrers.values().filter(|spec| spec.kind == name) {
                paths.extend(spec.members.values().map(|place| place.steps.join(".")));
            }
            let mapped = members_of(
                &crate::connector::Members {
                    always: Vec::new(),
                    ..kind.members.clone()
                },
                paths.iter().map(String::as_str),
            );
            let asked = members_of(&kind.members, paths.iter().map(String::as_str));
            let history: Vec<String> = match &kind.authors {
                Some(authors) => authors
                    .members
                    .iter()
                    .filter(|member| mapped.contains(member))
                    .cloned()
                    .collect(),
                None => Vec::new(),
            };
            let mut variables = account.variables.clone();
            variables.insert("members".into(), json!(asked));
            variables.insert("history".into(), json!(history));
            let rules = Rules::new(connector.answers.clone(), kind.members.under.clone());
            workers.insert(
                name,
                Worker {
                    kind,
                    rules,
                    variables,
                    mapped,
                },
            );
        }
        let share = options.share.unwrap_or(1.0);
        let per_guard = connector
            .limits
            .windows
            .iter()
            .filter(|window| window.group.is_none())
            .map(|window| {
                let windows = GUARD_FRESH.as_secs_f64() / window.per.as_secs_f64().max(0.001);
                (f64::from(window.calls) * share * windows) as usize
            });
        let guard_calls = per_guard.min().unwrap_or(usize::MAX);
        Ok(RestAdapter {
            account,
            activities: connector.activities,
            referrers: connector.referrers,
            workers,
            guard_calls,
        })
    }

    pub(crate) fn worker(&self, kind: &str) -> Result<&Worker, AdapterError> {
        self.workers.get(kind).ok_or_else(|| AdapterError {
            system: self.account.client.system().to_string(),
            what: format!("kind {kind}"),
            code: "the connector has no such kind".into(),
            failure: Failure::Refused,
            not_processed: true,
        })
    }

    fn traits_of(&self, kind: &Kind) -> Traits {
        // Single calls run side by side, so that one batch of the engine is several calls.
        let batch = |size: usize| if size > 1 { size } else { kind.at_once };
        let read_batch = batch(kind.read.batch);
        let update = kind.update.as_ref();
        let update_batch = batch(update.map_or(1, |update| update.batch));
        let conditional = update.is_some_and(|update| update.conditional);
        let calls = self.guard_calls.min(CALLS_IN_A_ROW * kind.at_once).max(2) as f64;
        let single = |size: usize| 1.0 / size.max(1) as f64;
        let per_write = single(kind.read.batch) + single(update.map_or(1, |update| update.batch));
        Traits {
            guard: if conditional { Guard::Conditional } else { Guard::Read },
            answer: match update.map(|update| update.answer) {
                Some(Shown::Written | Shown::WrittenPart) => AnswerStyle::Written,
                Some(Shown::Later) => AnswerStyle::Later,
                Some(Shown::None) | None => AnswerStyle::None,
            },
            versions: match &kind.record.version {
                None => Versions::None,
                Some(version) if version.counting => Versions::Counting,
                Some(_) => Versions::Opaque,
            },
            lag: kind.lag,
            call_life: kind.call_life,
            read_batch,
            update_batch,
            create_batch: batch(kind.create.as_ref().map_or(1, |create| create.batch)),
            guard_batch: ((calls / per_write) as usize).max(1),
            keeps_history: kind.authors.as_ref().is_some_and(|a| a.value.is_some()),
            keeps_reference: kind.find.is_some(),
            create_is_idempotent: kind.create.as_ref().is_some_and(|create| create.idempotent),
            unique: kind.unique.clone(),
        }
    }
}

#[async_trait]
impl Adapter for RestAdapter {
    /// An unknown kind has the plainest manners; its calls fail with a clear error.
    fn traits(&self, kind: &str) -> Traits {
        match self.workers.get(kind) {
            Some(worker) => self.traits_of(&worker.kind),
            None => Traits {
                guard: Guard::Read,
                answer: AnswerStyle::None,
                versions: Versions::None,
                lag: Duration::ZERO,
                call_life: Duration::from_secs(60),
                read_batch: 1,
                update_batch: 1,
                create_batch: 1,
                guard_batch: 1,
                keeps_history: false,
                keeps_reference: false,
                create_is_idempotent: false,
                unique: Vec::new(),
            },
        }
    }

    async fn changes(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.changes_page(self.worker(kind)?, cursor).await
    }

    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.listing_page(self.worker(kind)?, cursor).await
    }

    async fn read(&self, kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        self.read_ids(self.worker(kind)?, ids).await
    }

    async fn write(&self, kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        match self.worker(kind) {
            Ok(worker) => self.send_writes(worker, writes).await,
            Err(error) => writes.iter().map(|_| Answer::Later(error.clone())).collect(),
        }
    }

    async fn find(&self, kind: &str, references: &[String]) -> Result<Vec<Found>, AdapterError> {
        self.find_references(self.worker(kind)?, references).await
    }

    async fn probe(&self, kinds: &[String]) -> Vec<Probe> {
        self.probe_kinds(kinds).await
    }

    async fn prepare(&self, kind: &str, apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        self.prepare_kind(self.worker(kind)?, apply).await
    }

    fn usage(&self) -> Usage {
        self.account.client.usage()
    }

    fn activities(&self) -> Option<&dyn Activities> {
        self.activities.is_some().then_some(self)
    }

    fn referrers(&self) -> Option<&dyn Referrers> {
        (!self.referrers.is_empty()).then_some(self)
    }
}
