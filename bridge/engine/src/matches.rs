//! What people decide about pairs of records that may be the same person: facts with a name and a
//! date, which can be taken back.

use crate::desk::{Asked, Decided, check_pair};
use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::{Entity, Lane, review};
use bridge_store::{AuditEntry, Candidate, CandidateState, DecisionRow, Page, RecordKey, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// What a person says about a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same person: the second record moves into the first one's entity.
    Same,
    /// Two people: never asked again.
    Different,
    /// Two people of one household: never asked again.
    Household,
    /// The same person twice in one system: a person merges them there; meanwhile nothing is made
    /// for the record that stands alone.
    Duplicate,
}

impl Verdict {
    fn state(self) -> CandidateState {
        match self {
            Verdict::Same => CandidateState::Same,
            Verdict::Different => CandidateState::Different,
            Verdict::Household => CandidateState::Household,
            Verdict::Duplicate => CandidateState::Duplicate,
        }
    }

    fn event(self) -> &'static str {
        match self {
            Verdict::Same => "same person",
            Verdict::Different => "different people",
            Verdict::Household => "one household",
            Verdict::Duplicate => "same person twice",
        }
    }
}

fn undecided(state: CandidateState) -> bool {
    matches!(
        state,
        CandidateState::Open | CandidateState::Twice | CandidateState::Faint
    )
}

impl Engine {
    /// Stores a person's verdict on an open pair.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown pair, [`EngineError::NotPossible`] if the verdict does
    /// not fit the two records as they stand, with the remedy.
    pub async fn decide_match(&self, id: &str, verdict: Verdict, by: &str) -> Result<(), EngineError> {
        self.judge_pair(id, verdict, by, None).await?;
        Ok(())
    }

    /// Stores a verdict, if the pair is still what was shown.
    pub(crate) async fn judge_pair(
        &self,
        id: &str,
        verdict: Verdict,
        by: &str,
        asked: Option<&Asked>,
    ) -> Result<Decided, EngineError> {
        let pair = self.store.candidate(id).await?;
        let pair = pair.filter(|c| undecided(c.state));
        let pair = pair.ok_or_else(|| EngineError::NotFound(format!("open match {id}")))?;
        let one_side = pair.a.system == pair.b.system;
        match verdict {
            Verdict::Same if one_side => {
                return Err(EngineError::NotPossible(format!(
                    "both records are in {}, and a person has one record per system: say `duplicate` and merge them there",
                    pair.a.system
                )));
            }
            Verdict::Duplicate if !one_side => {
                return Err(EngineError::NotPossible(
                    "the records are in two systems: if they are one person, accept the match".into(),
                ));
            }
            _ => {}
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let [one, other] = self.owners(&mut tx, &pair).await?;
        if let Some(asked) = asked {
            check_pair(&mut tx, &pair, &[one.clone(), other.clone()], asked).await?;
        }
        // They may have become one person meanwhile; who doubts that cuts the link.
        let already = one == other;
        let verdict = if already { Verdict::Same } else { verdict };
        let ids = std::slice::from_ref(&pair.id);
        tx.decide_candidates(ids, verdict.state(), by, now).await?;
        if verdict == Verdict::Same && !already {
            self.unite(&mut tx, &one, &other).await?;
        }
        let entry = AuditEntry {
            at: now,
            event: verdict.event().into(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        };
        let of = |entity: &String| AuditEntry {
            entity: Some(entity.clone()),
            ..entry.clone()
        };
        let owners: BTreeSet<String> = [one, other].into();
        tx.append_audit(&owners.iter().map(of).collect::<Vec<_>>()).await?;
        let row = DecisionRow {
            id: self.ids.event(now),
            at: now,
            who: by.into(),
            sort: "match".into(),
            entity: owners.first().cloned(),
            unit: None,
            item: pair.id.clone(),
            group: asked.and_then(|asked| asked.group.clone()),
            undone: None,
            details: serde_json::json!({ "pair": pair.id, "verdict": verdict.event(), "reasons": pair.reasons }),
            before: None,
        };
        tx.put_decisions(std::slice::from_ref(&row)).await?;
        self.judge_waiting(&mut tx, owners).await?;
        tx.commit().await?;
        self.bell.notify_one();
        Ok(Decided { id: row.id })
    }

    /// Says of all faint resemblances at once that they are different people, so that records may be
    /// made for them. Returns how many pairs that were.
    ///
    /// # Errors
    /// The store's.
    pub async fn release_faint(&self, by: &str) -> Result<usize, EngineError> {
        let faint = Page::all(async |page| self.store.candidates(CandidateState::Faint, &page).await).await?;
        for chunk in faint.chunks(200) {
            let now = self.clock.now();
            let mut tx = self.store.begin().await?;
            let ids: Vec<String> = chunk.iter().map(|pair| pair.id.clone()).collect();
            tx.decide_candidates(&ids, CandidateState::Different, by, now).await?;
            let mut owners = BTreeSet::new();
            for pair in chunk {
                owners.extend(self.owners(&mut tx, pair).await?);
            }
            let entry = |entity: &String| AuditEntry {
                at: now,
                entity: Some(entity.clone()),
                event: Verdict::Different.event().into(),
                reason: format!("by {by}, with all faint resemblances"),
                ..AuditEntry::default()
            };
            tx.append_audit(&owners.iter().map(entry).collect::<Vec<_>>()).await?;
            self.judge_waiting(&mut tx, owners).await?;
            tx.commit().await?;
        }
        Ok(faint.len())
    }

    /// Takes a verdict back: the pair is asked about again. Records that were linked by it are cut
    /// apart first; values that travelled meanwhile are not taken back.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a pair nobody decided.
    pub async fn undo_match(&self, id: &str, by: &str) -> Result<(), EngineError> {
        self.undo_pair(id, by, None).await
    }

    /// As [`Engine::undo_match`], with the decision that it takes back.
    pub(crate) async fn undo_pair(&self, id: &str, by: &str, decision: Option<&str>) -> Result<(), EngineError> {
        let pair = self.store.candidate(id).await?;
        let pair = pair.filter(|c| !undecided(c.state));
        let pair = pair.ok_or_else(|| EngineError::NotFound(format!("decided match {id}")))?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let [one, other] = self.owners(&mut tx, &pair).await?;
        let mut owners: BTreeSet<String> = [one.clone(), other].into();
        if let Some(decision) = decision
            && !tx.mark_undone(decision, now).await?
        {
            return Err(EngineError::NotPossible("this was taken back already".into()));
        }
        if owners.len() == 1 {
            let (new_id, _) = self.cut_off(&mut tx, &one, &pair.b.system, false).await?;
            owners.insert(new_id);
        }
        let ids = std::slice::from_ref(&pair.id);
        let state = if pair.a.system == pair.b.system {
            CandidateState::Twice
        } else {
            CandidateState::Open
        };
        tx.decide_candidates(ids, state, by, now).await?;
        let entries = owners.iter().map(|entity| AuditEntry {
            at: now,
            entity: Some(entity.clone()),
            event: "match reopened".into(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        });
        tx.append_audit(&entries.collect::<Vec<_>>()).await?;
        self.judge_waiting(&mut tx, owners).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Cuts a record from its entity: it becomes an entity of its own. Unless it is `for_good`,
    /// records may still be made for the two once it is known who they are. Returns the new
    /// entity's id, and the entity that stays and the new one.
    pub(crate) async fn cut_off(
        &self,
        tx: &mut Tx,
        id: &str,
        system: &str,
        for_good: bool,
    ) -> Result<(String, (Entity, Entity)), EngineError> {
        let now = self.clock.now();
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        let mut after = before.clone();
        let new_id = self.ids.entity(now);
        let Some(mut other) = review::cut(&mut after, system, &new_id, now) else {
            return Err(EngineError::NotFound(format!("record of {id} in {system}")));
        };
        if !for_good {
            after.graves.clone_from(&before.graves);
            other.graves.clear();
        }
        // First the record leaves its entity, then it joins the new one.
        let left = [(Some(before), after.clone())];
        if !tx.save_entities(&left, Lane::Requested, now).await?.is_empty() {
            return Err(EngineError::Changed);
        }
        if let Some(link) = other.links.get(system) {
            let id = std::slice::from_ref(&link.remote_id);
            tx.links(system, &link.kind, id).await?;
        }
        tx.save_entities(&[(None, other.clone())], Lane::Requested, now).await?;
        Ok((new_id, (after, other)))
    }

    async fn owners(&self, tx: &mut Tx, pair: &Candidate) -> Result<[String; 2], EngineError> {
        let mut owners = [String::new(), String::new()];
        for (owner, key) in owners.iter_mut().zip([&pair.a, &pair.b]) {
            let found = tx.entity_of(&key.system, &key.kind, &key.remote_id).await?;
            *owner = found.ok_or_else(|| EngineError::NotFound("entity of that record".into()))?;
        }
        Ok(owners)
    }

    /// Moves every record of the second entity into the first.
    pub(crate) async fn unite(&self, tx: &mut Tx, keep: &str, give: &str) -> Result<(), EngineError> {
        let now = self.clock.now();
        let mut entities: BTreeMap<String, Entity> = tx
            .entities(&[keep.to_string(), give.to_string()])
            .await?
            .into_iter()
            .map(|e| (e.id.clone(), e))
            .collect();
        let (Some(keep), Some(give)) = (entities.remove(keep), entities.remove(give)) else {
            return Err(EngineError::Changed);
        };
        let both: Vec<&str> = keep
            .links
            .keys()
            .filter(|s| give.links.contains_key(*s))
            .map(String::as_str)
            .collect();
        if !both.is_empty() {
            return Err(EngineError::NotPossible(format!(
                "both people have a record in {}: merge those there, or cut the wrong one off with `links unlink`, then accept again",
                both.join(" and ")
            )));
        }
        // A creation in doubt is answered by this; only what is on its way must come back first.
        if give.writes.keys().any(|system| give.busy(system)) {
            return Err(EngineError::Changed);
        }
        let (mut kept, mut given) = (keep.clone(), give.clone());
        kept.apart.extend(std::mem::take(&mut given.apart));
        given.undoing.clear();
        given.links.clear();
        given.writes.clear();
        given.conflicts.clear();
        given.cards.clear();
        given.dirty = false;
        tx.save_entities(&[(Some(give.clone()), given)], Lane::Requested, now)
            .await?;
        for link in give.links.values() {
            let id = std::slice::from_ref(&link.remote_id);
            if let Some(row) = tx.links(&link.system, &link.kind, id).await?.pop() {
                review::join(&mut kept, row.link, now);
            }
        }
        bridge_core::consent::carry(&self.settings.schema, &mut kept, &give);
        kept.candidate = false;
        tx.save_entities(&[(Some(keep), kept)], Lane::Requested, now).await?;
        Ok(())
    }

    /// Lets entities wait, or go on, as their pairs now stand: nothing is made for somebody who may
    /// be there already, nor for the second record of somebody who is in a system twice.
    pub(crate) async fn judge_waiting(&self, tx: &mut Tx, ids: BTreeSet<String>) -> Result<(), EngineError> {
        let ids: Vec<String> = ids.into_iter().collect();
        let entities = tx.entities(&ids).await?;
        let records: Vec<RecordKey> = entities
            .iter()
            .flat_map(|e| e.links.values().map(RecordKey::from))
            .collect();
        let mut waits: BTreeSet<RecordKey> = BTreeSet::new();
        for pair in tx.candidates_of(&records).await? {
            match pair.state {
                CandidateState::Open | CandidateState::Faint => waits.extend([pair.a, pair.b]),
                CandidateState::Duplicate | CandidateState::Twice => {
                    let [one, other] = self.owners(tx, &pair).await?;
                    let both = tx.entities(&[one.clone(), other]).await?;
                    let links = |id: &str| both.iter().find(|e| e.id == id).map_or(0, |e| e.links.len());
                    let other_links = both.iter().find(|e| e.id != one).map_or(0, |e| e.links.len());
                    waits.insert(if links(&one) < other_links { pair.a } else { pair.b });
                }
                CandidateState::Same | CandidateState::Different | CandidateState::Household => {}
            }
        }
        let pairs: Vec<_> = entities
            .into_iter()
            .filter_map(|entity| {
                let everywhere = entity.links.len() >= self.settings.systems.len();
                let waiting = !everywhere && entity.links.values().any(|l| waits.contains(&RecordKey::from(l)));
                (entity.candidate != waiting).then(|| {
                    let after = Entity {
                        candidate: waiting,
                        dirty: true,
                        ..entity.clone()
                    };
                    (Some(entity), after)
                })
            })
            .collect();
        tx.save_entities(&pairs, Lane::Requested, self.clock.now()).await?;
        Ok(())
    }
}
