//! The dry run: what a sync would do, computed by the same identity pass and the same planner as
//! the sync itself, on copies that are thrown away.

use crate::approval::Approval;
use crate::error::EngineError;
use crate::identify::{Found, Union};
use crate::lookup;
use crate::step::Engine;
use bridge_core::review::join;
use bridge_core::{Entity, Link, Op, Value, WriteState};
use bridge_store::LookupKey;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const BATCH: usize = 500;

/// One write a sync would send.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PreviewWrite {
    /// Receiving system.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// `create` or `update`.
    pub op: String,
    /// The entity's id, or `new:SYSTEM/ID` for one that does not exist yet.
    pub entity: String,
    /// Units that would be written.
    pub units: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// Units among them that the product may refuse, since it takes a value once and another record
    /// has it or gets it in this plan: they would be held and the rest sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_be_held: Vec<String>,
}

/// What a dry run gathers.
#[derive(Default)]
struct Listing {
    writes: Vec<PreviewWrite>,
    would: Would,
    /// Places in `writes` that put a value where it may stand once: by system, unit and value.
    once: HashMap<(String, String, Value), Vec<usize>>,
}

/// A pair of records that a sync would ask about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviewCandidate {
    /// System and remote id of both.
    pub records: [(String, String); 2],
    /// How likely they are one person, 0 to 1.
    pub score: f64,
    /// Why; names of what agrees or differs.
    pub reasons: Vec<String>,
}

/// Counts of what a sync would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Would {
    /// Entities afterwards.
    pub entities: usize,
    /// Links it would make between records of different systems.
    pub links: usize,
    /// Records it would create, by system.
    pub created: BTreeMap<String, usize>,
    /// Records it would update, by system.
    pub updated: BTreeMap<String, usize>,
    /// Pairs that would wait for a person.
    pub candidates: usize,
    /// People who would be found to be twice in one system.
    pub twice: usize,
    /// Units that would wait for a person.
    pub conflicts: usize,
    /// Writes that would wait.
    pub holds: usize,
    /// API calls the writes would cost, guards included.
    pub calls: BTreeMap<String, usize>,
}

/// A dry run.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Counts.
    pub would: Would,
    /// Every write, sorted.
    pub writes: Vec<PreviewWrite>,
    /// Pairs it would newly ask about.
    pub candidates: Vec<PreviewCandidate>,
    /// Names this exact plan: `sync --approve` takes it.
    pub digest: String,
}

impl Engine {
    /// Plans without storing. Every system's records must have been read once.
    ///
    /// # Errors
    /// The store's, or a defect of ours.
    pub async fn preview(&self) -> Result<Preview, EngineError> {
        let mirrors_complete = self.mirrors_complete().await?;
        let mut listing = Listing::default();
        let mut candidates = vec![];
        let counts = self.store.counts().await?;
        listing.would.entities = usize::try_from(counts.entities).unwrap_or(usize::MAX);
        listing.would.candidates = usize::try_from(counts.candidates).unwrap_or(usize::MAX);
        listing.would.twice = usize::try_from(counts.twice).unwrap_or(usize::MAX);
        let pass = self.identity_pass().await?;
        let touched: BTreeSet<String> = pass.iter().flat_map(|p| p.touches()).collect();
        let every = self.approval().await? == Approval::Outdated;
        // Planned writes of entities that nothing changes, then entities that are dirty, then new ones.
        for system in &self.settings.systems {
            let due = self
                .store
                .writes_due(&system.name, i64::MAX / 2, usize::MAX >> 1)
                .await?;
            for chunk in due.chunks(BATCH) {
                let ids: Vec<String> = chunk.iter().map(|d| d.entity.clone()).collect();
                let rest = |e: &&Entity| !every && !e.dirty && !touched.contains(&e.id);
                for entity in self.store.entities(&ids).await?.iter().filter(rest) {
                    self.list(entity, Some(&system.name), &entity.id, &mut listing);
                }
            }
        }
        let mut extra: HashMap<String, Vec<(Link, bool)>> = HashMap::new();
        let mut fresh: Vec<(Entity, Vec<Link>)> = vec![];
        let (mut waiting, mut gone) = (BTreeSet::new(), BTreeSet::new());
        if let Some(pass) = pass {
            let (mut pairs, mut twice) = (BTreeSet::new(), BTreeSet::new());
            for (one, r) in &pass.candidates {
                let pair = (one.min(&r.other).clone(), one.max(&r.other).clone());
                if one.0 == r.other.0 {
                    twice.insert(pair);
                } else if r.ask && pairs.insert(pair) {
                    candidates.push(PreviewCandidate {
                        records: [one.clone(), r.other.clone()],
                        score: f64::from(r.probability),
                        reasons: r.reasons.clone(),
                    });
                }
            }
            listing.would.candidates += pairs.len();
            listing.would.twice += twice.len();
            for Union { keep, give, .. } in &pass.unions {
                listing.would.links += 1;
                let given = self.store.entities(std::slice::from_ref(give)).await?;
                let links = given.iter().flat_map(|e| e.links.values());
                let links = links.map(|link| (Link::clone(link), false));
                extra.entry(keep.clone()).or_default().extend(links);
                gone.insert(give.clone());
            }
            for (name, found) in &pass.found {
                let link = self.link(&name.0, &name.1).await?;
                let Some(link) = link else { continue };
                match found {
                    Found::Joins(id, _) => {
                        listing.would.links += 1;
                        extra.entry(id.clone()).or_default().push((link, false));
                    }
                    Found::Pair(other, _) => {
                        listing.would.links += 1;
                        let other = self.link(&other.0, &other.1).await?;
                        fresh.push((
                            self.placeholder(&link, false),
                            other.into_iter().chain([link]).collect(),
                        ));
                    }
                    Found::Alone(candidate) => fresh.push((self.placeholder(&link, *candidate), vec![link])),
                }
            }
            for id in &pass.waiting {
                extra.entry(id.clone()).or_default();
            }
            waiting.clone_from(&pass.waiting);
        }
        listing.would.entities += fresh.len();
        let mut dirty = self.store.dirty(usize::MAX >> 1).await?;
        dirty.extend(extra.keys().cloned());
        if every {
            dirty.extend(self.all_entities().await?);
        }
        dirty.sort();
        dirty.dedup();
        dirty.retain(|id| !gone.contains(id));
        let now = self.clock.now();
        for chunk in dirty.chunks(BATCH) {
            let mut entities = self.store.entities(chunk).await?;
            for entity in &mut entities {
                entity.candidate |= waiting.contains(&entity.id) && entity.links.len() < self.settings.systems.len();
                for (link, _) in extra.remove(&entity.id).unwrap_or_default() {
                    join(entity, link, now);
                }
            }
            for (_, plan) in self.plan_batch(entities, now, mirrors_complete).await? {
                self.list(&plan.entity, None, &plan.entity.id, &mut listing);
            }
        }
        while !fresh.is_empty() {
            let rest = fresh.split_off(fresh.len().min(BATCH));
            let batch = std::mem::replace(&mut fresh, rest);
            let entities = batch
                .into_iter()
                .map(|(mut entity, links)| {
                    for link in links {
                        join(&mut entity, link, now);
                    }
                    entity
                })
                .collect();
            for (_, plan) in self.plan_batch(entities, now, mirrors_complete).await? {
                let name = plan.entity.id.clone();
                self.list(&plan.entity, None, &name, &mut listing);
            }
        }
        self.foresee_holds(&mut listing).await?;
        let Listing {
            mut writes, mut would, ..
        } = listing;
        writes.sort();
        self.count_calls(&mut would);
        let mut hash = Sha256::new();
        hash.update(self.settings.digest.as_bytes());
        hash.update(serde_json::to_vec(&(&would, &writes)).unwrap_or_default());
        let digest = bridge_core::hex(&hash.finalize()[..8]);
        Ok(Preview {
            would,
            writes,
            candidates,
            digest,
        })
    }

    async fn link(&self, system: &str, remote_id: &str) -> Result<Option<Link>, EngineError> {
        let Some(system) = self.settings.system(system) else {
            return Ok(None);
        };
        let rows = self
            .store
            .links(&system.name, system.kind(), &[remote_id.to_string()])
            .await?;
        Ok(rows.into_iter().next().map(|row| row.link))
    }

    fn placeholder(&self, link: &Link, candidate: bool) -> Entity {
        Entity {
            id: format!("new:{}/{}", link.system, link.remote_id),
            kind: self.settings.schema.entity.clone(),
            dirty: true,
            candidate,
            ..Entity::default()
        }
    }

    /// Marks units whose value stands on another record of the system already, or on two of this plan.
    async fn foresee_holds(&self, listing: &mut Listing) -> Result<(), EngineError> {
        let claims: Vec<_> = std::mem::take(&mut listing.once).into_iter().collect();
        for chunk in claims.chunks(BATCH) {
            // A unit that records are not found by gets a key that finds none.
            let key =
                |unit: &str, value: &Value| lookup::of_unit(unit, value).unwrap_or_else(|| LookupKey::new("none", ""));
            let keys: Vec<LookupKey> = chunk.iter().map(|((_, unit, value), _)| key(unit, value)).collect();
            let found = self.store.find_keys(&keys).await?;
            let holders: HashSet<(usize, &str)> = found
                .iter()
                .filter(|f| f.live)
                .map(|f| (f.key, f.record.system.as_str()))
                .collect();
            for (number, (claim, places)) in chunk.iter().enumerate() {
                let taken = holders.contains(&(number, claim.0.as_str()));
                if taken || places.len() > 1 {
                    for place in places {
                        listing.writes[*place].may_be_held.push(claim.1.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn list(&self, entity: &Entity, only: Option<&str>, name: &str, listing: &mut Listing) {
        let Listing { writes, would, once } = listing;
        would.conflicts += entity.conflicts.len();
        for (system, write) in entity.writes.iter().filter(|(s, _)| only.is_none_or(|o| o == *s)) {
            if write.state != WriteState::Planned {
                would.holds += usize::from(write.held.is_some());
                continue;
            }
            let (op, count) = match write.op {
                Op::Create => ("create", &mut would.created),
                Op::Update => ("update", &mut would.updated),
            };
            *count.entry(system.clone()).or_default() += 1;
            let mut reasons: Vec<&str> = write.reasons.values().map(String::as_str).collect();
            reasons.sort_unstable();
            reasons.dedup();
            let unique = self.settings.schema.party(system).map(|p| &p.unique);
            for (unit, value) in &write.values {
                if unique.is_some_and(|u| u.contains(unit)) && !value.is_empty() {
                    let place = (system.clone(), unit.clone(), value.clone());
                    once.entry(place).or_default().push(writes.len());
                }
            }
            writes.push(PreviewWrite {
                system: system.clone(),
                kind: write.kind.clone(),
                op: op.into(),
                entity: name.into(),
                units: write.values.keys().cloned().collect(),
                reason: reasons.join(", "),
                may_be_held: vec![],
            });
        }
    }

    fn count_calls(&self, would: &mut Would) {
        for system in &self.settings.systems {
            let traits = system.traits();
            let of = |counts: &BTreeMap<String, usize>| counts.get(&system.name).copied().unwrap_or(0);
            let (creates, updates) = (of(&would.created), of(&would.updated));
            let guards = match traits.guard {
                adapter_kit::Guard::Read => updates.div_ceil(traits.read_batch.min(traits.guard_batch).max(1)),
                adapter_kit::Guard::Conditional => 0,
            };
            let calls =
                creates.div_ceil(traits.create_batch.max(1)) + updates.div_ceil(traits.update_batch.max(1)) + guards;
            would.calls.insert(system.name.clone(), calls);
        }
    }
}
