//! Identity: which new records are people the bridge already knows. Decided only when every
//! system's records are known, so that "nobody" means nobody.

use crate::directory::{Directory, Entry, Gathering, Name, Resemblance};
use crate::error::EngineError;
use crate::reconcile::joined;
use crate::step::{Engine, Step};
use bridge_core::matching::person::Born;
use bridge_core::matching::weights::Weights;
use bridge_core::review::join;
use bridge_core::{Entity, Lane, Link, Time};
use bridge_store::{AuditEntry, Candidate, CandidateState, Owner, Page, RecordKey};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio::task::spawn_blocking;

/// Records loaded or entities saved at a time.
const BATCH: usize = 500;
/// Where the weights are kept that the practice's own records taught.
const LEARNT: &str = "matching/weights";

/// What became of a record without an entity.
pub(crate) enum Found {
    /// It joins this entity.
    Joins(String, String),
    /// It and another record without an entity are one new entity.
    Pair(Name, String),
    /// A new entity of its own; `true`: it waits for a person first.
    Alone(bool),
}

/// Two entities that turn out to be one person.
pub(crate) struct Union {
    /// A record of each, by which they were recognised.
    pub records: [Name; 2],
    /// The older entity, which stays.
    pub keep: String,
    /// The other one, whose records move.
    pub give: String,
    pub evidence: String,
}

/// The identity pass: what every unidentified record is.
#[derive(Default)]
pub(crate) struct Pass {
    pub found: BTreeMap<Name, Found>,
    /// Candidate pairs.
    pub candidates: Vec<(Name, Resemblance)>,
    /// Entities of records that somebody new resembles: nothing is created for them meanwhile.
    pub waiting: BTreeSet<String>,
    /// Entities that turn out to be one person.
    pub unions: Vec<Union>,
    /// Records whose identity was asked about once more.
    pub again: Vec<RecordKey>,
    owners: HashMap<Name, Owner>,
}

impl Pass {
    /// Entities that the pass changes.
    pub(crate) fn touches(&self) -> impl Iterator<Item = String> {
        let joined = self.found.values().filter_map(|f| match f {
            Found::Joins(id, _) => Some(id.clone()),
            _ => None,
        });
        let united = self.unions.iter().flat_map(|u| [u.keep.clone(), u.give.clone()]);
        joined.chain(self.waiting.iter().cloned()).chain(united)
    }

    /// Whose a record is that has an entity already, among those that the pass met.
    pub(crate) fn owner(&self, name: &Name) -> Option<&Owner> {
        self.owners.get(name)
    }
}

impl Engine {
    pub(crate) fn key(&self, name: &Name) -> RecordKey {
        let kind = self.settings.system(&name.0).map_or("", |s| s.kind());
        RecordKey::new(&name.0, kind, &name.1)
    }

    /// Everybody, as of now.
    async fn directory(&self) -> Result<Directory, EngineError> {
        let kept = self.directory.lock().await.take().filter(|d| !d.worn());
        let stale = {
            let mut stale = self.stale.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            stale.replace(BTreeSet::new()).unwrap_or_default()
        };
        let Some(mut directory) = kept else {
            return self.build_directory().await;
        };
        let mut by_kind: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for key in stale {
            by_kind.entry((key.system, key.kind)).or_default().push(key.remote_id);
        }
        for ((system, kind), ids) in by_kind {
            for ids in ids.chunks(BATCH) {
                for row in self.store.links(&system, &kind, ids).await? {
                    let entry = Entry::of(&row.link, &self.settings.reference);
                    directory.put(&(system.clone(), row.link.remote_id), entry);
                }
            }
        }
        Ok(directory)
    }

    async fn build_directory(&self) -> Result<Directory, EngineError> {
        let mut systems: Vec<&crate::System> = self.settings.systems.iter().collect();
        systems.sort_by_key(|s| s.name != self.settings.home);
        let mut gathering = Gathering::new(systems.iter().map(|s| s.name.clone()).collect());
        for system in &systems {
            let mut after = String::new();
            loop {
                let ids = self
                    .store
                    .remote_ids(&system.name, system.kind(), &after, BATCH)
                    .await?;
                let Some(last) = ids.last() else { break };
                after.clone_from(last);
                for row in self.store.links(&system.name, system.kind(), &ids).await? {
                    if let Some(entry) = Entry::of(&row.link, &self.settings.reference) {
                        gathering.add(&system.name, &row.link.remote_id, entry);
                    }
                }
            }
        }
        // Learnt once: the same pair is judged alike tomorrow.
        let learnt: Option<Weights> = self
            .store
            .meta(LEARNT)
            .await?
            .and_then(|text| serde_json::from_str(&text).ok());
        let first = learnt.is_none();
        let directory = joined(spawn_blocking(move || gathering.directory(learnt))).await?;
        if first {
            let mut tx = self.store.begin().await?;
            let text = serde_json::to_string(directory.weights()).unwrap_or_default();
            tx.put_meta(LEARNT, &text).await?;
            tx.commit().await?;
        }
        Ok(directory)
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
        let some = self.store.unidentified(None, BATCH).await?;
        Ok(some.len() == BATCH || some.iter().any(|link| link.held.is_none()))
    }

    /// Records whose identity is to be decided.
    async fn ready(&self) -> Result<BTreeSet<Name>, EngineError> {
        let (mut ready, mut after) = (BTreeSet::new(), None);
        loop {
            let links = self.store.unidentified(after.as_ref(), BATCH).await?;
            let Some(last) = links.last() else { return Ok(ready) };
            after = Some(RecordKey::from(last));
            let known = links.into_iter().filter(|l| l.known_at > 0 && l.held.is_none());
            ready.extend(known.map(|l| (l.system, l.remote_id)));
        }
    }

    /// Decides, without storing anything, what every unidentified record is.
    pub(crate) async fn identity_pass(&self) -> Result<Option<Pass>, EngineError> {
        let again = self.store.to_match().await?;
        if !self.everybody_read().await? || (again.is_empty() && !self.strangers().await?) {
            return Ok(None);
        }
        let ready = self.ready().await?;
        let loners = self.loners(&again).await?;
        let apart = self.told_apart().await?;
        let directory = self.directory().await?;
        let today = today(self.clock.now());
        let names: Vec<Name> = ready.iter().chain(&loners).cloned().collect();
        let work = move || {
            let resembling = resembling(&directory, &names, today, &apart);
            (directory, apart, resembling)
        };
        let (directory, apart, resembling) = joined(spawn_blocking(work)).await?;
        let others = resembling.iter().flat_map(|s| s.others.iter().chain(&s.twice));
        let met: BTreeSet<&Name> = others.map(|r| &r.other).chain(&loners).collect();
        let owners = self.owners_of(met).await?;
        let mut pass = decide(&ready, resembling, owners);
        pass.again = again;
        let alone = self.alone(&pass);
        let work = move || {
            let around = alone.iter().flat_map(|name| directory.around(name)).collect();
            (directory, alone, around)
        };
        let (directory, alone, around): (_, _, BTreeSet<Name>) = joined(spawn_blocking(work)).await?;
        let taken = self.taken(&pass, &around).await?;
        let work = move || {
            let faint = faintly(&directory, &alone, &taken, &apart);
            (directory, faint)
        };
        let (directory, faint) = joined(spawn_blocking(work)).await?;
        // Beside the driver nobody keeps it up.
        *self.directory.lock().await = self.drives().then_some(directory);
        for (name, list) in faint.into_iter().filter(|(_, list)| !list.is_empty()) {
            pass.candidates.extend(list.into_iter().map(|r| (name.clone(), r)));
            pass.found.insert(name, Found::Alone(true));
        }
        Ok(Some(pass))
    }

    async fn owners_of(&self, names: BTreeSet<&Name>) -> Result<HashMap<Name, Owner>, EngineError> {
        let keys: Vec<RecordKey> = names.into_iter().map(|name| self.key(name)).collect();
        let owners = self.store.owners(&keys).await?;
        Ok(owners.into_iter().map(|(k, o)| ((k.system, k.remote_id), o)).collect())
    }

    /// New people for whom records may be made elsewhere.
    fn alone(&self, pass: &Pass) -> Vec<Name> {
        if self.settings.schema.parties.iter().all(|p| p.create.is_none()) {
            return vec![];
        }
        let alone = pass.found.iter().filter(|(_, f)| matches!(f, Found::Alone(false)));
        alone.map(|(name, _)| name.clone()).collect()
    }

    /// Those of some records that have their counterpart: nobody else's any more.
    async fn taken(&self, pass: &Pass, names: &BTreeSet<Name>) -> Result<HashSet<Name>, EngineError> {
        let owners = self.owners_of(names.iter().collect()).await?;
        let linked = owners.into_iter().filter(|(_, owner)| owner.systems.len() > 1);
        let mut taken: HashSet<Name> = linked.map(|(name, _)| name).collect();
        for (name, found) in &pass.found {
            match found {
                Found::Joins(..) => _ = taken.insert(name.clone()),
                Found::Pair(other, _) => taken.extend([name.clone(), other.clone()]),
                Found::Alone(_) => {}
            }
        }
        Ok(taken)
    }

    /// Gives every unidentified record its entity.
    pub(crate) async fn identify(&self, step: &mut Step) -> Result<(), EngineError> {
        let Some(pass) = self.identity_pass().await? else {
            return Ok(());
        };
        // First, so that no crash leaves somebody waiting for a question nobody was asked.
        self.keep_candidates(&pass.candidates, &pass.waiting).await?;
        let all: Vec<(&Name, &Found)> = pass.found.iter().collect();
        for chunk in all.chunks(BATCH) {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            let mut links = self.links_of(&mut tx, chunk).await?;
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
            let (mut pairs, mut audit, mut known) = (vec![], vec![], vec![]);
            for (name, found) in chunk {
                let Some(link) = links.remove(*name) else { continue };
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
                known.push((RecordKey::from(&link), entity.id.clone()));
                if let Found::Pair(j, _) = found {
                    let Some(other) = links.remove(j) else { continue };
                    known.push((RecordKey::from(&other), entity.id.clone()));
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
            self.follow_records(&mut tx, known).await?;
            tx.append_audit(&audit).await?;
            tx.commit().await?;
        }
        self.finish_again(&pass, step).await
    }

    async fn links_of(
        &self,
        tx: &mut bridge_store::Tx,
        chunk: &[(&Name, &Found)],
    ) -> Result<HashMap<Name, Link>, EngineError> {
        let mut by_system: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, found) in chunk {
            by_system.entry(&name.0).or_default().push(name.1.clone());
            if let Found::Pair(other, _) = found {
                by_system.entry(&other.0).or_default().push(other.1.clone());
            }
        }
        let mut links = HashMap::new();
        for (name, ids) in by_system {
            let Some(system) = self.settings.system(name) else {
                continue;
            };
            for row in tx.links(name, system.kind(), &ids).await? {
                if row.link.entity.is_none() {
                    links.insert((name.to_string(), row.link.remote_id.clone()), row.link);
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

    pub(crate) async fn keep_candidates(
        &self,
        candidates: &[(Name, Resemblance)],
        waiting: &BTreeSet<String>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let rows: Vec<Candidate> = candidates
            .iter()
            .map(|(one, r)| {
                let score = (r.probability * 1000.0).round() as i64;
                let row = Candidate::new(self.key(one), self.key(&r.other), score, r.reasons.clone(), now);
                let state = match r.ask {
                    _ if one.0 == r.other.0 => CandidateState::Twice,
                    true => CandidateState::Open,
                    false => CandidateState::Faint,
                };
                Candidate { state, ..row }
            })
            .collect();
        let waiting: Vec<String> = waiting.iter().cloned().collect();
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

/// The day of a moment, in UTC.
fn today(now: Time) -> Born {
    let moment = jiff::Timestamp::from_microsecond(now).unwrap_or_default();
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().into()
}

/// Whom one record resembles.
struct Resembling {
    name: Name,
    /// In other systems, the surest first.
    others: Vec<Resemblance>,
    /// Probably the same person in its own system.
    twice: Vec<Resemblance>,
}

/// Who each record resembles, on all cores.
fn resembling(directory: &Directory, names: &[Name], today: Born, apart: &[(Name, Name)]) -> Vec<Resembling> {
    let apart = directory.pairs(apart);
    let one = |name: &Name| Resembling {
        name: name.clone(),
        others: directory.resembling(name, today, &apart),
        twice: directory.twice(name, today, &apart),
    };
    on_all_cores(names, one)
}

/// Who each of those who are alone resembles faintly among those who have nobody.
fn faintly(
    directory: &Directory,
    alone: &[Name],
    taken: &HashSet<Name>,
    apart: &[(Name, Name)],
) -> Vec<(Name, Vec<Resemblance>)> {
    let apart = directory.pairs(apart);
    let free = |name: &Name| !taken.contains(name);
    let one = |name: &Name| (name.clone(), directory.faintly(name, &apart, &free));
    on_all_cores(alone, one)
}

fn on_all_cores<T: Send>(names: &[Name], one: impl Fn(&Name) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(8);
    if names.len() < 64 {
        return names.iter().map(one).collect();
    }
    let one = &one;
    std::thread::scope(|scope| {
        let tasks: Vec<_> = names
            .chunks(names.len().div_ceil(threads))
            .map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>()))
            .collect();
        tasks
            .into_iter()
            .flat_map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn decide(ready: &BTreeSet<Name>, resembling: Vec<Resembling>, owners: HashMap<Name, Owner>) -> Pass {
    let mut pass = Pass {
        owners,
        ..Pass::default()
    };
    let mut paired: HashMap<Name, String> = HashMap::new();
    let mut joined: HashSet<(String, String)> = HashSet::new();
    let mut united: HashSet<String> = HashSet::new();
    let mut twice = vec![];
    for Resembling {
        name,
        others,
        twice: copies,
    } in resembling
    {
        twice.extend(copies.into_iter().map(|r| (name.clone(), r)));
        if paired.contains_key(&name) {
            continue;
        }
        let own = pass.owners.get(&name).cloned();
        let mut found = None;
        let mut settled = false;
        for mut r in others {
            let owner = pass.owners.get(&r.other);
            // Beside a link, what else it resembles is no question any more.
            if found.is_some() || settled {
                break;
            }
            if r.link {
                let evidence = r.reasons.join("; ");
                match (&own, owner) {
                    (None, Some(owner))
                        if !owner.systems.contains(&name.0)
                            && joined.insert((owner.entity.clone(), name.0.clone())) =>
                    {
                        found = Some(Found::Joins(owner.entity.clone(), evidence));
                        continue;
                    }
                    // Of a third system: it joins the entity that this pass makes, in the next one.
                    (None, None) if paired.get(&r.other).is_some_and(|system| *system != name.0) => {
                        settled = true;
                        continue;
                    }
                    (None, None) if ready.contains(&r.other) && !paired.contains_key(&r.other) => {
                        paired.insert(name.clone(), r.other.0.clone());
                        paired.insert(r.other.clone(), name.0.clone());
                        found = Some(Found::Pair(r.other, evidence));
                        continue;
                    }
                    // The other one is new and joins this one's entity.
                    (Some(_), None) => {
                        settled = true;
                        continue;
                    }
                    (Some(own), Some(owner)) if own.entity == owner.entity => {
                        settled = true;
                        continue;
                    }
                    (Some(own), Some(owner)) if own.systems.is_disjoint(&owner.systems) => {
                        // The other way round, or with one of three: in the next pass.
                        if !united.contains(&own.entity) && !united.contains(&owner.entity) {
                            united.extend([own.entity.clone(), owner.entity.clone()]);
                            pass.unions.push(Union {
                                keep: own.entity.clone().min(owner.entity.clone()),
                                give: own.entity.clone().max(owner.entity.clone()),
                                records: [name.clone(), r.other],
                                evidence,
                            });
                        }
                        settled = true;
                        continue;
                    }
                    _ => r.reasons.push("but that one is linked already".into()),
                }
            }
            pass.waiting.extend(owner.map(|o| o.entity.clone()));
            pass.waiting.extend(own.iter().map(|o| o.entity.clone()));
            pass.candidates.push((name.clone(), r));
        }
        if !settled && own.is_none() {
            let waits = pass.candidates.last().is_some_and(|(one, _)| *one == name);
            pass.found.insert(name, found.unwrap_or(Found::Alone(waits)));
        }
    }
    for (name, r) in twice {
        wait_for_one(&mut pass, &paired, &name, &r.other);
        pass.candidates.push((name, r));
    }
    pass
}

/// Of somebody who is in a system twice only one record gets a counterpart.
fn wait_for_one(pass: &mut Pass, paired: &HashMap<Name, String>, name: &Name, other: &Name) {
    let (one, other) = (name.min(other), name.max(other));
    let complete = |name: &Name| {
        paired.contains_key(name)
            || matches!(pass.found.get(name), Some(Found::Joins(..)))
            || pass.owner(name).is_some_and(|owner| owner.systems.len() > 1)
    };
    let waits = match (complete(one), complete(other)) {
        (true, true) => return,
        (false, true) => one,
        _ => other,
    };
    if let Some(Found::Alone(waits)) = pass.found.get_mut(waits) {
        *waits = true;
    }
    let owner = pass.owner(waits).map(|owner| owner.entity.clone());
    pass.waiting.extend(owner);
}
