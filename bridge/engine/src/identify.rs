//! Identity: which new records are people the bridge already knows. Decided only when every
//! system's records are known, so that "nobody" means nobody.

use crate::error::EngineError;
use crate::step::{Engine, Step};
use bridge_core::matching::person::Born;
use bridge_core::matching::{Identity, Known, Matcher, Name};
use bridge_core::review::join;
use bridge_core::{Entity, Lane, Link, Time, Values};
use bridge_store::{AuditEntry, Candidate, CandidateState, Page, RecordKey};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Records loaded or entities saved at a time.
const BATCH: usize = 500;
/// Units that matching looks at; nothing else is kept in memory.
const IDENTITY: &[&str] = &[
    "official_name",
    "birth_date",
    "mobile",
    "phone",
    "email",
    "home_address",
    "sex",
];

/// What became of a record without an entity.
pub(crate) enum Found {
    /// It joins this entity.
    Joins(String, String),
    /// It and another record without an entity are one new entity.
    Pair(usize, String),
    /// A new entity of its own; `true`: it waits for a person first.
    Alone(bool),
}

/// The identity pass: every live record, and what each unidentified one is.
pub(crate) struct Pass {
    pub matcher: Matcher,
    pub found: BTreeMap<usize, Found>,
    /// Candidate pairs by position, with score and reasons.
    pub candidates: Vec<(usize, usize, f64, Vec<String>)>,
    /// Entities of records that somebody new resembles: nothing is created for them meanwhile.
    pub waiting: BTreeSet<String>,
}

impl Pass {
    /// Entities that the pass changes.
    pub(crate) fn touches(&self) -> impl Iterator<Item = String> {
        let joined = self.found.values().filter_map(|f| match f {
            Found::Joins(id, _) => Some(id.clone()),
            _ => None,
        });
        joined.chain(self.waiting.iter().cloned())
    }
}

impl Engine {
    /// Everything matching looks at, of every live record.
    async fn known(&self) -> Result<Vec<(Known, bool)>, EngineError> {
        let mut known = vec![];
        for system in &self.settings.systems {
            let mut after = String::new();
            loop {
                let ids = self
                    .store
                    .remote_ids(&system.name, system.kind(), &after, BATCH)
                    .await?;
                let Some(last) = ids.last() else { break };
                after.clone_from(last);
                for row in self.store.links(&system.name, system.kind(), &ids).await? {
                    let link = row.link;
                    let ready = link.known_at > 0 && link.held.is_none();
                    let values: Values = IDENTITY
                        .iter()
                        .copied()
                        .chain([self.settings.reference.as_str()])
                        .filter_map(|u| Some((u.to_string(), link.units.get(u)?.seen()?.clone())))
                        .collect();
                    known.push((
                        Known {
                            system: link.system,
                            remote_id: link.remote_id,
                            entity: link.entity,
                            created_here: link.created_here,
                            values,
                        },
                        ready,
                    ));
                }
            }
        }
        Ok(known)
    }

    async fn told_apart(&self) -> Result<Vec<(Name, Name)>, EngineError> {
        let mut pairs = vec![];
        for state in [CandidateState::Different, CandidateState::Household] {
            let told = Page::all(async |page| self.store.candidates(state, &page).await).await?;
            let name = |r: &RecordKey| (r.system.clone(), r.remote_id.clone());
            pairs.extend(told.iter().map(|c| (name(&c.a), name(&c.b))));
        }
        Ok(pairs)
    }

    /// Whether the identity of some record is to be decided. A merge's survivor with a new id is nobody
    /// until a person has said what the merge means.
    pub(crate) async fn strangers(&self) -> Result<bool, EngineError> {
        let some = self.store.unidentified(BATCH).await?;
        Ok(some.len() == BATCH || some.iter().any(|link| link.held.is_none()))
    }

    /// Decides, without storing anything, what every unidentified record is.
    pub(crate) async fn identity_pass(&self) -> Result<Option<Pass>, EngineError> {
        if !self.caught_up().await? || !self.strangers().await? {
            return Ok(None);
        }
        let known = self.known().await?;
        let different = self.told_apart().await?;
        let ready: Vec<bool> = known.iter().map(|(_, ready)| *ready).collect();
        let records: Vec<Known> = known.into_iter().map(|(known, _)| known).collect();
        let (home, reference) = (self.settings.home.clone(), self.settings.reference.clone());
        let today = day(self.clock.now());
        tokio::task::spawn_blocking(move || decide(records, &ready, &home, &reference, &different, today))
            .await
            .map(Some)
            .map_err(|e| EngineError::Worker(e.to_string()))
    }

    /// Gives every unidentified record its entity.
    pub(crate) async fn identify(&self, step: &mut Step) -> Result<(), EngineError> {
        let Some(pass) = self.identity_pass().await? else {
            return Ok(());
        };
        // First, so that no crash leaves somebody waiting for a question nobody was asked.
        self.keep_candidates(&pass).await?;
        let records = pass.matcher.records();
        let all: Vec<(usize, &Found)> = pass.found.iter().map(|(i, f)| (*i, f)).collect();
        for chunk in all.chunks(BATCH) {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            let mut links = self.links_of(&mut tx, records, chunk).await?;
            let joined: Vec<String> = chunk
                .iter()
                .filter_map(|(_, f)| {
                    if let Found::Joins(id, _) = f {
                        Some(id.clone())
                    } else {
                        None
                    }
                })
                .collect();
            let mut entities: HashMap<String, Entity> = tx
                .entities(&joined)
                .await?
                .into_iter()
                .map(|e| (e.id.clone(), e))
                .collect();
            let (mut pairs, mut audit) = (vec![], vec![]);
            for (i, found) in chunk {
                let Some(link) = links.remove(i) else { continue };
                let (before, mut entity, evidence) = match found {
                    Found::Joins(id, evidence) => {
                        let Some(entity) = entities.remove(id) else { continue };
                        (Some(entity.clone()), entity, evidence.clone())
                    }
                    Found::Pair(_, evidence) => (None, self.new_entity(now), evidence.clone()),
                    Found::Alone(candidate) => {
                        let entity = Entity {
                            candidate: *candidate,
                            ..self.new_entity(now)
                        };
                        (None, entity, "nobody the other systems know".into())
                    }
                };
                let at = (link.system.clone(), link.remote_id.clone());
                if let Found::Pair(j, _) = found {
                    let Some(other) = links.remove(j) else { continue };
                    join(&mut entity, other, now);
                }
                join(&mut entity, link, now);
                step.linked += usize::from(entity.links.len() > 1);
                step.entities += usize::from(before.is_none());
                audit.push(AuditEntry {
                    at: now,
                    entity: Some(entity.id.clone()),
                    system: Some(at.0),
                    remote_id: Some(at.1),
                    event: if entity.links.len() > 1 { "linked" } else { "new" }.into(),
                    reason: evidence,
                    ..AuditEntry::default()
                });
                pairs.push((before, entity));
            }
            tx.save_entities(&pairs, Lane::Backfill, now).await?;
            tx.append_audit(&audit).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn links_of(
        &self,
        tx: &mut bridge_store::Tx,
        records: &[Known],
        chunk: &[(usize, &Found)],
    ) -> Result<HashMap<usize, Link>, EngineError> {
        let mut by_system: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
        for (i, found) in chunk {
            let mut want = |i: usize| {
                by_system
                    .entry(&records[i].system)
                    .or_default()
                    .push((i, records[i].remote_id.clone()));
            };
            want(*i);
            if let Found::Pair(j, _) = found {
                want(*j);
            }
        }
        let mut links = HashMap::new();
        for (name, wanted) in by_system {
            let Some(system) = self.settings.system(name) else {
                continue;
            };
            let ids: Vec<String> = wanted.iter().map(|(_, id)| id.clone()).collect();
            let places: HashMap<&str, usize> = wanted.iter().map(|(i, id)| (id.as_str(), *i)).collect();
            for row in tx.links(name, system.kind(), &ids).await? {
                if row.link.entity.is_none()
                    && let Some(i) = places.get(row.link.remote_id.as_str())
                {
                    links.insert(*i, row.link);
                }
            }
        }
        Ok(links)
    }

    pub(crate) fn new_entity(&self, now: i64) -> Entity {
        Entity {
            id: self.ids.entity(now),
            kind: self.settings.schema.entity.clone(),
            dirty: true,
            ..Entity::default()
        }
    }

    async fn keep_candidates(&self, pass: &Pass) -> Result<(), EngineError> {
        let records = pass.matcher.records();
        let now = self.clock.now();
        let key = |i: usize| {
            let kind = self.settings.system(&records[i].system).map_or("", |s| s.kind());
            RecordKey::new(&records[i].system, kind, &records[i].remote_id)
        };
        let rows: Vec<Candidate> = pass
            .candidates
            .iter()
            .map(|(i, j, score, reasons)| {
                Candidate::new(key(*i), key(*j), (score * 1000.0).round() as i64, reasons.clone(), now)
            })
            .collect();
        let waiting: Vec<String> = pass.waiting.iter().cloned().collect();
        let mut tx = self.store.begin().await?;
        tx.add_candidates(&rows).await?;
        let before = tx.entities(&waiting).await?;
        let pairs: Vec<_> = before
            .into_iter()
            .filter(|e| !e.candidate && e.links.len() < self.settings.systems.len())
            .map(|e| {
                (
                    Some(e.clone()),
                    Entity {
                        candidate: true,
                        dirty: true,
                        ..e
                    },
                )
            })
            .collect();
        tx.save_entities(&pairs, Lane::Live, now).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The day of a moment, in UTC: tells children from adults.
fn day(now: Time) -> Born {
    let date = jiff::Timestamp::from_microsecond(now)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    Born {
        year: date.year().unsigned_abs(),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
    }
}

fn decide(
    records: Vec<Known>,
    ready: &[bool],
    home: &str,
    reference: &str,
    different: &[(Name, Name)],
    today: Born,
) -> Pass {
    let matcher = Matcher::new(records, home, reference, different, today);
    let records = matcher.records();
    let (mut found, mut candidates) = (BTreeMap::new(), vec![]);
    let mut waiting = BTreeSet::new();
    let mut paired: HashSet<usize> = HashSet::new();
    let mut systems_of: HashMap<&str, HashSet<&str>> = HashMap::new();
    for record in records {
        if let Some(entity) = &record.entity {
            systems_of.entry(entity).or_default().insert(&record.system);
        }
    }
    let mut joined: HashSet<(String, String)> = HashSet::new();
    // whether the pass pairs `other` with somebody of the system that `i` is in
    let with_another = |found: &BTreeMap<usize, Found>, i: usize, other: usize| {
        found.iter().any(|(a, f)| match f {
            Found::Pair(b, _) if *b == other => records[*a].system == records[i].system,
            Found::Pair(b, _) if *a == other => records[*b].system == records[i].system,
            _ => false,
        })
    };
    for (i, record) in records.iter().enumerate() {
        if record.entity.is_some() || !ready[i] || paired.contains(&i) {
            continue;
        }
        match matcher.identify(i) {
            Identity::Same { other, evidence } => match &records[other].entity {
                Some(entity)
                    if !systems_of
                        .get(entity.as_str())
                        .is_some_and(|s| s.contains(record.system.as_str()))
                        && joined.insert((entity.clone(), record.system.clone())) =>
                {
                    found.insert(i, Found::Joins(entity.clone(), evidence));
                }
                None if ready[other] && !paired.contains(&other) => {
                    paired.extend([i, other]);
                    found.insert(i, Found::Pair(other, evidence));
                }
                // of a third system: it joins the entity that this pass makes, in the next one
                None if paired.contains(&other) && !with_another(&found, i, other) => {}
                _ => {
                    candidates.push((
                        i,
                        other,
                        1.0,
                        vec![format!("{evidence}; but that one is linked already")],
                    ));
                    found.insert(i, Found::Alone(true));
                }
            },
            Identity::Maybe(list) => {
                for candidate in list {
                    waiting.extend(records[candidate.other].entity.clone());
                    candidates.push((i, candidate.other, candidate.score, candidate.reasons));
                }
                found.insert(i, Found::Alone(true));
            }
            Identity::Nobody => {
                found.insert(i, Found::Alone(false));
            }
        }
    }
    Pass {
        matcher,
        found,
        candidates,
        waiting,
    }
}
