//! The public stream: one event for each change of a record that the engine has seen, written in the transaction
//! that stores what was seen. Whoever sends it reads it from the store (`bridge-stream`).
//!
//! A system's part of the stream begins when all of its records have been read once, unless the first read is
//! asked for: nobody wants a thousand events because the bridge was installed.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::follow::Contexts;
use crate::settings::System;
use crate::step::Engine;
use bridge_core::change::{Change, Happened, between};
use bridge_core::{Entity, Link, Op, Time};
use bridge_store::{Event, RecordKey, Tx, trace_subject};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What the stream tells, for how long, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The first read of all records is told too.
    pub include_first_read: bool,
    /// How long events are kept.
    pub keep: Duration,
    /// Names of those it is sent to.
    pub subscribers: Vec<String>,
}

/// The stream as the engine writes it.
pub(crate) struct Telling {
    pub stream: Stream,
    /// Systems whose part has begun, as far as this process knows.
    begun: Mutex<BTreeSet<String>>,
    /// Counts transactions with events in them.
    bell: watch::Sender<u64>,
}

fn begun_name(system: &System) -> String {
    format!("stream/{}/{}", system.name, system.kind())
}

/// What was known of records before they were observed; nothing is kept for a stream that does not tell.
pub(crate) struct Before(Option<BTreeMap<String, Option<Link>>>);

impl Before {
    /// Keeps what is known of a record that an observation may change.
    pub fn keep(&mut self, remote_id: &str, link: Option<&Link>) {
        if let Some(links) = &mut self.0 {
            links.insert(remote_id.into(), link.cloned());
        }
    }
}

impl Engine {
    /// Tells the public stream of what this engine sees.
    pub fn telling(mut self, stream: Stream) -> Self {
        self.telling = Some(Telling {
            stream,
            begun: Mutex::default(),
            bell: watch::channel(0).0,
        });
        self
    }

    /// The stream it tells, if any.
    pub fn stream(&self) -> Option<&Stream> {
        self.telling.as_ref().map(|telling| &telling.stream)
    }

    /// Changes whenever there are new events; none if it tells no stream.
    pub fn told(&self) -> Option<watch::Receiver<u64>> {
        self.telling.as_ref().map(|telling| telling.bell.subscribe())
    }

    /// Whether changes of a system's records are told.
    async fn tells(&self, system: &System) -> Result<bool, EngineError> {
        let Some(telling) = &self.telling else { return Ok(false) };
        let knows = |begun: &mut BTreeSet<String>| begun.contains(&system.name);
        if telling.stream.include_first_read || telling.begun(knows) {
            return Ok(true);
        }
        let begun = self.store.meta(&begun_name(system)).await?.is_some();
        if begun {
            telling.begun(|begun| begun.insert(system.name.clone()));
        }
        Ok(begun)
    }

    /// Begins a system's part of the stream if all of its records have been read.
    pub(crate) async fn begin_telling(&self, system: &System) -> Result<(), EngineError> {
        let Some(telling) = &self.telling else { return Ok(()) };
        if self.tells(system).await? || !self.position(system).await?.complete || self.unread_in(system).await? {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        tx.put_meta(&begun_name(system), &self.clock.now().to_string()).await?;
        tx.commit().await?;
        telling.begun(|begun| begun.insert(system.name.clone()));
        Ok(())
    }

    /// Room for what is known of records before they are observed.
    pub(crate) async fn before(&self, system: &System) -> Result<Before, EngineError> {
        Ok(Before(self.tells(system).await?.then(BTreeMap::new)))
    }

    /// Tells what an observation has changed, in its transaction. `contexts` are those of changes that are traced.
    pub(crate) async fn tell_links(
        &self,
        tx: &mut Tx,
        before: &Before,
        after: impl Iterator<Item = &Link>,
        contexts: &Contexts,
    ) -> Result<(), EngineError> {
        let Before(Some(before)) = before else { return Ok(()) };
        let changes = after.filter_map(|link| {
            let subject = match &link.entity {
                Some(entity) => entity.clone(),
                None => trace_subject(&RecordKey::from(link)),
            };
            let change = between(before.get(&link.remote_id)?.as_ref(), link)?;
            Some(self.event(link, change, false, contexts.get(&subject).cloned()))
        });
        let events: Vec<Event> = changes.collect();
        Ok(tx.append_events(&events).await?)
    }

    /// Tells what has become of a system's records as their entities were saved. After a write was `sent`, what it
    /// was to change is our own change.
    pub(crate) async fn tell_entities(
        &self,
        tx: &mut Tx,
        system: &System,
        saved: impl Iterator<Item = &(Option<Entity>, Entity)>,
        sent: bool,
        context: impl Fn(&str) -> Option<String>,
    ) -> Result<(), EngineError> {
        if !self.tells(system).await? {
            return Ok(());
        }
        let changes = saved.filter_map(|(before, after)| {
            let link = after.links.get(&system.name)?;
            let known = before.as_ref().and_then(|entity| entity.links.get(&system.name));
            let known = known.filter(|known| known.remote_id == link.remote_id);
            let change = between(known.map(|link| &**link), link)?;
            let write = before.as_ref().and_then(|entity| entity.writes.get(&system.name));
            let ours = write.filter(|_| sent).is_some_and(|write| match change.happened {
                Happened::Created => write.op == Op::Create,
                Happened::Updated => change.units.iter().all(|unit| write.values.contains_key(unit)),
                Happened::Removed => false,
            });
            Some(self.event(link, change, ours, context(&after.id)))
        });
        let events: Vec<Event> = changes.collect();
        Ok(tx.append_events(&events).await?)
    }

    fn event(&self, link: &Link, change: Change, ours: bool, trace: Option<String>) -> Event {
        let now = self.clock.now();
        Event {
            seq: 0,
            id: self.ids.event(now),
            at: now,
            system: link.system.clone(),
            kind: link.kind.clone(),
            remote_id: link.remote_id.clone(),
            happened: change.happened,
            units: change.units,
            entity: link.entity.clone(),
            ours,
            trace,
        }
    }

    /// Ends a transaction that may hold events, and says so to whoever waits for them.
    pub(crate) async fn commit(&self, tx: Tx) -> Result<(), EngineError> {
        tx.commit().await?;
        if let Some(telling) = &self.telling {
            telling.bell.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    /// Forgets events whose time is over.
    pub(crate) async fn expire_events(&self, now: Time) -> Result<(), EngineError> {
        let Some(telling) = &self.telling else { return Ok(()) };
        let before = now - micros(telling.stream.keep);
        loop {
            let mut tx = self.store.begin().await?;
            let gone = tx.expire_events(before).await?;
            tx.commit().await?;
            if gone == 0 {
                return Ok(());
            }
        }
    }
}

impl Telling {
    fn begun<T>(&self, act: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
        act(&mut self.begun.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
