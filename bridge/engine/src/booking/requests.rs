//! Requests that stand in records of another system. Each is taken in once, by the record's id and its stamp, from a
//! direct read; what became of it is written back into the record.

use super::telling::told_origin;
use super::{BookingDesk, keep};
use crate::error::EngineError;
use crate::pause;
use adapter_kit::{Adapter, Answer as Written, Outgoing, Read};
use bridge_core::booking::request::{Defaults, Wording};
use bridge_core::booking::{Answer, Form, Origin, Record, Request, State, Who};
use bridge_store::Telling;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Name of the feed's cursor.
const FEED: &str = "booking";
/// Pages read in one step.
const PAGES: usize = 50;

/// Where requests are taken from.
#[derive(Clone)]
pub struct Requests {
    /// The system, by name.
    pub system: String,
    /// Its account.
    pub adapter: Arc<dyn Adapter>,
    /// Where requests stand in its records.
    pub form: Form,
    /// Kind of its contacts, by which they are linked with patients.
    pub contacts: String,
}

/// One request of one record: its id may be any text, and keys are kept unsealed.
fn key(requests: &Requests, id: &str, stamp: &str) -> String {
    let digest = Sha256::digest(format!("{}\n{id}\n{stamp}", requests.form.kind));
    let digest = bridge_core::hex(&digest[..10]);
    format!("{}:{digest}", requests.system)
}

impl BookingDesk {
    /// Takes in what is new; how many requests.
    pub(super) async fn take_in(&self, requests: &Requests, trouble: &mut Vec<String>) -> Result<usize, EngineError> {
        let kind = &requests.form.kind;
        let cursor = self.store.cursor(&requests.system, kind, FEED).await?;
        let mut cursor = cursor.map(|cursor| cursor.position);
        let mut taken = 0;
        for _ in 0..PAGES {
            let page = match requests.adapter.changes(kind, cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    trouble.push(error.to_string());
                    return Ok(taken);
                }
            };
            let asks = page
                .records
                .iter()
                .filter(|row| row.alive && requests.form.open(&row.body).is_some());
            let ids: BTreeSet<String> = asks.map(|row| row.id.clone()).collect();
            let ids: Vec<String> = ids.into_iter().collect();
            for some in ids.chunks(requests.adapter.traits(kind).read_batch.max(1)) {
                let reads = match requests.adapter.read(kind, some).await {
                    Ok(reads) => reads,
                    Err(error) => {
                        trouble.push(error.to_string());
                        return Ok(taken);
                    }
                };
                for read in reads {
                    match read {
                        Read::Found(record) if record.alive => {
                            taken += usize::from(self.ask_for(requests, &record.id, &record.body).await?);
                        }
                        Read::Found(_) | Read::Missing => {}
                        Read::Failed(error) => {
                            trouble.push(error.to_string());
                            return Ok(taken);
                        }
                    }
                }
            }
            let mut tx = self.store.begin().await?;
            tx.set_cursor(&requests.system, kind, FEED, &page.cursor, self.clock.now())
                .await?;
            tx.commit().await?;
            cursor = Some(page.cursor);
            if !page.more {
                break;
            }
        }
        Ok(taken)
    }

    /// Keeps the request of a record; whether it is new.
    async fn ask_for(&self, requests: &Requests, id: &str, body: &Json) -> Result<bool, EngineError> {
        let Some(stamp) = requests.form.open(body) else {
            return Ok(false);
        };
        let key = key(requests, id, &stamp);
        let contact = match requests.form.contact {
            None => Some(id.to_string()),
            Some(_) => requests.form.contact(body),
        };
        let words: Wording = requests.form.wording(body);
        let (by, now) = (format!("a record of {}", requests.system), self.clock.now());
        let defaults: &Defaults = &self.settings.defaults;
        let who = contact.map(|id| Who::Contact {
            system: requests.system.clone(),
            kind: requests.contacts.clone(),
            id,
        });
        let mut record = match who.map(|who| Request::read(who, &words, defaults, &self.settings.zone)) {
            Some(Ok(request)) => Record::new(&key, request, &by, now),
            Some(Err(problem)) => Record::unreadable(&key, problem.part, &problem.what, &by, now),
            None => Record::unreadable(&key, "contact", "is missing; say whose request it is", &by, now),
        };
        record.origin = Some(Origin {
            system: requests.system.clone(),
            kind: requests.form.kind.clone(),
            id: id.to_string(),
            stamp,
            told: None,
        });
        let line = self.line(&record, "asked").await?;
        Ok(keep::ask(&self.store, &record, line).await?.is_none())
    }

    /// Writes what became of a request into its record; whether it is there now.
    pub(super) async fn tell(
        &self,
        requests: &Requests,
        record: &Record,
        trouble: &mut Vec<String>,
    ) -> Result<bool, EngineError> {
        let (Some(origin), Some(mark)) = (&record.origin, record.answer()) else {
            return Ok(false);
        };
        if origin.system != requests.system || pause::closed(&self.store, &requests.system).await?.is_some() {
            return Ok(false);
        }
        let read = requests
            .adapter
            .read(&origin.kind, std::slice::from_ref(&origin.id))
            .await;
        let remote = match read.map(|mut reads| reads.pop()) {
            Ok(Some(Read::Found(remote))) if remote.alive => remote,
            // Whoever removed the record does not ask any more.
            Ok(Some(Read::Found(_) | Read::Missing)) => return self.told(record, &mark, None).await,
            Ok(Some(Read::Failed(error))) | Err(error) => {
                trouble.push(error.to_string());
                return Ok(false);
            }
            Ok(None) => return Ok(false),
        };
        if !requests.form.asks(&remote.body, &origin.stamp) {
            return self.told(record, &mark, None).await;
        }
        let told = record.told(&self.settings.zone);
        let message = match told.remedy {
            Some(remedy) if told.outcome == "refused" => format!("{} {remedy}", told.text),
            _ => told.text,
        };
        let answer = Answer {
            stamp: origin.stamp.clone(),
            outcome: told.outcome.into(),
            message,
            appointment: match &record.state {
                State::Booked { id, .. } => Some(id.clone()),
                _ => None,
            },
        };
        let Ok(after) = requests.form.answer(&remote.body, &answer, record.ended()) else {
            trouble.push(format!(
                "{}: {} is built otherwise than [requests] says",
                origin.system, origin.kind
            ));
            return Ok(false);
        };
        if after == remote.body {
            return self.told(record, &mark, None).await;
        }
        let write = Outgoing::Update {
            key: format!("{}-{}", record.key.replace(':', "-"), record.revision),
            id: origin.id.clone(),
            before: remote.body,
            after,
            version: remote.version,
        };
        match requests.adapter.write(&origin.kind, vec![write]).await.pop() {
            Some(Written::Applied { .. }) => {
                let told = told_origin(&self.settings, record);
                self.told(record, &mark, told).await
            }
            Some(Written::Gone) => self.told(record, &mark, None).await,
            Some(Written::Refused(refusal)) => {
                trouble.push(format!(
                    "{}: the answer to a booking is refused ({})",
                    origin.system, refusal.code
                ));
                Ok(false)
            }
            // The same values may be written again.
            Some(Written::Later(error) | Written::Unknown(error)) => {
                trouble.push(error.to_string());
                Ok(false)
            }
            Some(Written::Moved) | None => Ok(false),
        }
    }

    async fn told(&self, record: &Record, mark: &str, told: Option<Telling>) -> Result<bool, EngineError> {
        let mut after = record.clone();
        if let Some(origin) = &mut after.origin {
            origin.told = Some(mark.to_string());
        }
        after.revision += 1;
        Ok(matches!(
            keep::step(
                &self.store,
                record,
                &after,
                None,
                told.map(|told| (told, self.clock.now()))
            )
            .await?,
            keep::Stepped::Done
        ))
    }
}
