//! Identity once more: a record that belongs to somebody without a counterpart, and whose name, date,
//! number or address was changed since, may now be recognised.

use crate::directory::{Name, Resemblance};
use crate::error::EngineError;
use crate::identify::{Pass, Union};
use crate::step::{Engine, Step};
use bridge_store::{AuditEntry, Candidate, CandidateState, RecordKey};
use std::collections::{BTreeMap, BTreeSet};

/// What became of two entities that are one person.
enum United {
    /// They are one now.
    Done,
    /// Both have, or had, a record in one system: a person must see.
    Both,
    /// A person took this very link back once: the question stays theirs.
    Reopened,
    /// Something of theirs is on its way; later.
    Later,
}

impl Engine {
    /// Those of some records whose entities still lack a counterpart.
    pub(crate) async fn loners(&self, keys: &[RecordKey]) -> Result<BTreeSet<Name>, EngineError> {
        let owners = self.store.owners(keys).await?;
        let lone = owners
            .into_iter()
            .filter(|(_, owner)| owner.systems.len() < self.settings.systems.len());
        Ok(lone.map(|(key, _)| (key.system, key.remote_id)).collect())
    }

    /// Makes one entity of those that turned out to be one person, and notes who was decided again.
    pub(crate) async fn finish_again(&self, pass: &Pass, step: &mut Step) -> Result<(), EngineError> {
        let mut later: BTreeSet<&Name> = BTreeSet::new();
        for union in &pass.unions {
            match self.unite_again(union).await? {
                United::Done => step.linked += 1,
                United::Reopened => {}
                United::Later => later.extend(&union.records),
                United::Both => {
                    let reasons = vec![
                        union.evidence.clone(),
                        "but one of them has, or had, another record there".into(),
                    ];
                    let [one, other] = union.records.clone();
                    let seen = Resemblance {
                        other,
                        link: false,
                        ask: true,
                        probability: 1.0,
                        reasons,
                    };
                    let waiting = BTreeSet::from([union.keep.clone(), union.give.clone()]);
                    self.keep_candidates(&[(one, seen)], &waiting).await?;
                }
            }
        }
        let mut decided: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for key in &pass.again {
            if !later.contains(&(key.system.clone(), key.remote_id.clone())) {
                let ids = decided.entry((&key.system, &key.kind)).or_default();
                ids.push(key.remote_id.clone());
            }
        }
        let mut tx = self.store.begin().await?;
        for ((system, kind), ids) in decided {
            tx.matched(system, kind, &ids).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn unite_again(&self, union: &Union) -> Result<United, EngineError> {
        let Union {
            records: [one, other],
            keep,
            give,
            evidence,
        } = union;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let both = tx.entities(&[keep.clone(), give.clone()]).await?;
        let [a, b] = &both[..] else { return Ok(United::Later) };
        if a.links.keys().any(|system| b.links.contains_key(system)) {
            return Ok(United::Both);
        }
        let busy = |e: &bridge_core::Entity| e.writes.keys().any(|system| e.busy(system));
        if busy(a) || busy(b) || a.links.is_empty() || b.links.is_empty() {
            return Ok(United::Later);
        }
        let asked = tx.candidates_of(&[self.key(one)]).await?;
        let pair = Candidate::new(self.key(one), self.key(other), 0, vec![], now).id;
        let asked = asked.into_iter().find(|candidate| candidate.id == pair);
        if asked.as_ref().is_some_and(|candidate| candidate.decided.is_some()) {
            return Ok(United::Reopened);
        }
        self.unite(&mut tx, keep, give).await?;
        if asked.is_some() {
            tx.decide_candidates(&[pair], CandidateState::Same, "the bridge", now)
                .await?;
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(keep.clone()),
            system: Some(one.0.clone()),
            remote_id: Some(one.1.clone()),
            event: "linked".into(),
            reason: format!("recognised after a change: {evidence}"),
            ..AuditEntry::default()
        }])
        .await?;
        self.judge_waiting(&mut tx, BTreeSet::from([keep.clone()])).await?;
        tx.commit().await?;
        Ok(United::Done)
    }
}
