//! Units that no product shows: worked out by the bridge, and joined to a record's body whenever it is read, as if the
//! product showed them. So they pass through mapping, merge and privacy classes like any other unit.

use adapter_kit::{
    Activities, Adapter, AdapterError, Answer, Found, Outgoing, Page, PrepareStep, Probe, Read, Referrers, Remote,
    Traits, Usage,
};
use async_trait::async_trait;
use bridge_store::StoreError;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A member that is worked out.
#[async_trait]
pub trait Joins: Send + Sync {
    /// Its name; begins with `_`, which no product's does.
    fn member(&self) -> &'static str;

    /// What it holds for each of these records; nothing at all while it is not known for everybody: what is absent is
    /// never written.
    ///
    /// # Errors
    /// The store's.
    async fn of(&self, ids: &[String]) -> Result<Option<BTreeMap<String, Json>>, StoreError>;
}

/// An account whose records of a kind are shown with members more.
pub struct Joined {
    inner: Arc<dyn Adapter>,
    kind: String,
    joins: Vec<Arc<dyn Joins>>,
}

impl Joined {
    /// Over an account; `kind` is the kind of records.
    pub fn new(inner: Arc<dyn Adapter>, kind: &str, joins: Vec<Arc<dyn Joins>>) -> Joined {
        Joined {
            inner,
            kind: kind.to_owned(),
            joins,
        }
    }

    async fn join<'r>(&self, kind: &str, records: impl Iterator<Item = &'r mut Remote>) {
        if kind != self.kind {
            return;
        }
        let mut records: Vec<&mut Remote> = records.collect();
        if records.is_empty() {
            return;
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        for joins in &self.joins {
            let all = match joins.of(&ids).await {
                Ok(Some(all)) => all,
                Ok(None) => continue,
                // Without it the bodies stay as they are.
                Err(error) => {
                    tracing::warn!(%error, member = joins.member(), "cannot be joined now");
                    continue;
                }
            };
            for record in &mut records {
                if let (Json::Object(body), Some(value)) = (&mut record.body, all.get(&record.id)) {
                    body.insert(joins.member().into(), value.clone());
                }
            }
        }
    }

    fn without(&self, write: Outgoing) -> Outgoing {
        let bare = |mut body: Json| {
            if let Json::Object(members) = &mut body {
                self.joins.iter().for_each(|joins| drop(members.remove(joins.member())));
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
}

#[async_trait]
impl Adapter for Joined {
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
        let bare = writes.into_iter().map(|write| self.without(write)).collect();
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

    fn referrers(&self) -> Option<&dyn Referrers> {
        self.inner.referrers()
    }
}
