//! The adapter of a fake product. Before and after every effect people may act, the call may go
//! wrong, or the engine may be killed.

use crate::product::{Landing, Late, Product, Record, shown_version};
use crate::world::World;
use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, Clock, Failure, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read,
    Remote, Traits, Usage,
};
use async_trait::async_trait;
use bridge_core::Time;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One account of the world.
pub struct Account {
    /// System.
    pub name: &'static str,
    /// The world.
    pub world: Arc<World>,
}

fn remote(product: &Product, id: &str, body: &Json, version: i64, modified: Time, alive: bool) -> Remote {
    let mut body = body.clone();
    body["id"] = Json::String(id.into());
    Remote {
        id: id.into(),
        body,
        version: shown_version(&product.manners, version),
        mark: Some((modified / 1_000_000).to_string()),
        alive,
        merged_from: vec![],
        history: BTreeMap::new(),
        authors: BTreeMap::new(),
    }
}

fn current(product: &Product, id: &str, r: &Record) -> Remote {
    remote(product, id, &r.body, r.version, r.modified, r.alive)
}

impl Account {
    fn error(&self, failure: Failure, not_processed: bool) -> AdapterError {
        AdapterError {
            system: self.name.into(),
            what: "call".into(),
            code: "fault".into(),
            failure,
            not_processed,
        }
    }

    /// People act; the engine may be killed here.
    async fn moment(&self) {
        let killed = self.world.moment(self.name);
        if killed {
            self.world.kill.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Fails that often, in percent.
    fn fails(&self, percent: u64) -> bool {
        self.world.with(self.name, |p, _| {
            let fails = p.nasty && p.dice.percent(percent);
            p.faults += u64::from(fails);
            fails
        })
    }

    fn rows(&self, ids: &[String]) -> Vec<Remote> {
        self.world.with(self.name, |p, _| {
            let rows = ids.iter().filter_map(|id| {
                let (body, version, modified, alive) = p.records.get(id)?.indexed.clone()?;
                Some(remote(p, id, &body, version, modified, alive))
            });
            rows.collect()
        })
    }

    async fn one(&self, write: Outgoing) -> Answer {
        self.moment().await;
        let roll = self
            .world
            .with(self.name, |p, _| if p.nasty { p.dice.below(100) } else { 99 });
        match roll {
            0..5 => return Answer::Later(self.error(Failure::Throttled(Some(Duration::from_secs(2))), true)),
            5..11 => {
                // lost before the effect; the call may live on
                self.world.with(self.name, |p, now| {
                    p.faults += 1;
                    p.tell(now, "a write is lost on its way");
                    let life = p.manners.call_life;
                    if life > 0 && p.dice.percent(50) {
                        let at = now + p.dice.below(life as usize) as Time;
                        let late = match write {
                            Outgoing::Create { reference, body, .. } => Late::Create(reference, body),
                            Outgoing::Update {
                                id,
                                before,
                                after,
                                version,
                                ..
                            } => Late::Update(id, before, after, version),
                        };
                        p.late.push((at, late));
                    }
                });
                return Answer::Unknown(self.error(Failure::Unavailable, false));
            }
            _ => {}
        }
        let landing = self.world.with(self.name, |p, now| match &write {
            Outgoing::Create { reference, body, .. } => p.create(reference, body, now),
            Outgoing::Update {
                id,
                before,
                after,
                version,
                ..
            } => p.update(id, before, after, version.as_ref(), now),
        });
        let written = self.world.with(self.name, |p, _| match &landing {
            Landing::Done(id) => p.records.get(id).map(|r| current(p, id, r)),
            _ => None,
        });
        self.moment().await;
        if (11..18).contains(&roll) {
            self.world.with(self.name, |p, now| {
                p.faults += 1;
                p.tell(now, "an answer is lost");
            });
            return Answer::Unknown(self.error(Failure::Unavailable, false));
        }
        let answers = self.world.with(self.name, |p, _| p.manners.answers);
        match landing {
            Landing::Done(id) => Answer::Applied {
                id,
                record: written.filter(|_| answers).map(Box::new),
            },
            Landing::Moved => Answer::Moved,
            Landing::Gone => Answer::Gone,
        }
    }
}

#[async_trait]
impl Adapter for Account {
    fn traits(&self, _kind: &str) -> Traits {
        self.world.with(self.name, |p, _| {
            let m = &p.manners;
            let micros = |t: Time| Duration::from_micros(u64::try_from(t).unwrap_or(0));
            Traits {
                guard: if m.conditional { Guard::Conditional } else { Guard::Read },
                answer: if m.answers {
                    AnswerStyle::Written
                } else {
                    AnswerStyle::None
                },
                versions: m.versions,
                lag: micros(m.lag),
                call_life: micros(m.call_life),
                read_batch: m.batch,
                update_batch: m.batch,
                create_batch: m.batch,
                guard_batch: m.batch,
                keeps_history: false,
                keeps_reference: m.keeps_reference,
                create_is_idempotent: false,
                unique: vec![],
            }
        })
    }

    async fn changes(&self, _kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.moment().await;
        if self.fails(4) {
            return Err(self.error(Failure::Unavailable, true));
        }
        let started = self.world.clock.now();
        let from: usize = cursor.and_then(|c| c.parse().ok()).unwrap_or(0);
        let (ids, to, more, may_lag) = self.world.with(self.name, |p, now| {
            p.catch_up(now);
            let to = p.log.len().min(from + p.manners.page);
            (
                p.log[from.min(to)..to].to_vec(),
                to,
                to < p.log.len(),
                p.manners.lag > 0,
            )
        });
        let records = self.rows(&ids);
        self.moment().await;
        Ok(Page {
            records,
            cursor: to.to_string(),
            more,
            may_lag,
            started,
        })
    }

    async fn listing(&self, _kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        let started = self.world.clock.now();
        let after = cursor.unwrap_or_default().to_string();
        let (ids, more, may_lag) = self.world.with(self.name, |p, now| {
            p.catch_up(now);
            let alive = |id: &&String| p.records[*id].indexed.as_ref().is_some_and(|i| i.3);
            let rest: Vec<String> = p
                .records
                .keys()
                .filter(|id| **id > after)
                .filter(alive)
                .cloned()
                .collect();
            let more = rest.len() > p.manners.page;
            (
                rest.into_iter().take(p.manners.page).collect::<Vec<_>>(),
                more,
                p.manners.lag > 0,
            )
        });
        let records = self.rows(&ids);
        let cursor = ids.last().cloned().unwrap_or_default();
        Ok(Page {
            records,
            cursor,
            more,
            may_lag,
            started,
        })
    }

    async fn read(&self, _kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        self.moment().await;
        if self.fails(4) {
            return Err(self.error(Failure::Unavailable, true));
        }
        let reads = self.world.with(self.name, |p, now| {
            p.reads += ids.len() as u64;
            let mut reads = vec![];
            for id in ids {
                if let Some(r) = p.records.get_mut(id) {
                    r.read_at = now;
                }
                let found = p.records.get(id).filter(|r| r.alive || !p.manners.forgets_removed);
                reads.push(found.map_or(Read::Missing, |r| Read::Found(Box::new(current(p, id, r)))));
            }
            reads
        });
        self.moment().await;
        Ok(reads)
    }

    async fn write(&self, _kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        let mut answers = vec![];
        for write in writes {
            answers.push(self.one(write).await);
        }
        answers
    }

    async fn find(&self, _kind: &str, references: &[String]) -> Result<Vec<Found>, AdapterError> {
        self.moment().await;
        Ok(self.world.with(self.name, |p, now| {
            p.catch_up(now);
            let found = |reference: &String| {
                let records = p
                    .records
                    .iter()
                    .filter(|(_, r)| r.reference.as_ref() == Some(reference) && (r.indexed.is_some() || !r.alive))
                    .map(|(id, r)| current(p, id, r))
                    .collect();
                Found {
                    reference: reference.clone(),
                    records,
                }
            };
            references.iter().map(found).collect()
        }))
    }

    async fn probe(&self, _kinds: &[String]) -> Vec<Probe> {
        vec![]
    }

    async fn prepare(&self, _kind: &str, _apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        Ok(vec![])
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}
