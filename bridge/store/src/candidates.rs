//! Pairs of records that may be the same entity.

use crate::{
    db::{Among, Args, Columns, Insert, fetch, fetch_one},
    error::{Result, StoreError},
    open::Store,
    pool::Row,
    records::{Candidate, CandidateState, Decided, Owner, Page, Paged, RecordKey},
    tx::Tx,
};
use bridge_core::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A decided pair stays decided: the same pair found again changes nothing.
const ADD: Insert = Insert {
    head: "INSERT INTO candidate (practice, id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since)",
    columns: 12,
    tail: "ON CONFLICT (practice, id) DO UPDATE SET score = excluded.score, reasons = excluded.reasons, state = excluded.state \
           WHERE candidate.state IN ('open', 'twice', 'faint')",
};
const CLOSE: Among = Among {
    head: "UPDATE candidate SET state = ?, decided_at = ?, decided_by = ? WHERE practice = ? AND id",
    tail: "",
};
const OF_A: Among = Among {
    head: "SELECT id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since, decided_at, decided_by FROM candidate \
           WHERE practice = ? AND a_system = ? AND a_kind = ? AND a_id",
    tail: "",
};
const OF_B: Among = Among {
    head: "SELECT id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since, decided_at, decided_by FROM candidate \
           WHERE practice = ? AND b_system = ? AND b_kind = ? AND b_id",
    tail: "",
};
const IN_STATE: &str = "SELECT id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since, decided_at, decided_by FROM candidate \
     WHERE practice = $1 AND state = $2 AND (since > $3 OR since = $3 AND id > $4) ORDER BY since, id LIMIT $5";
const OWNERS: Among = Among {
    head: "SELECT remote_id, entity FROM link WHERE practice = ? AND system = ? AND kind = ? AND entity IS NOT NULL AND remote_id",
    tail: "",
};
const SYSTEMS: Among = Among {
    head: "SELECT entity, system FROM link WHERE practice = ? AND state = 'live' AND entity",
    tail: "",
};
const ONE: &str = "SELECT id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since, decided_at, decided_by FROM candidate \
     WHERE practice = $1 AND id = $2";

const SOME: Among = Among {
    head: "SELECT id, a_system, a_kind, a_id, b_system, b_kind, b_id, score, reasons, state, since, decided_at, decided_by FROM candidate \
           WHERE practice = ? AND id",
    tail: "",
};

impl Tx {
    /// Files candidates. A pair that is open gets the new score and reasons; one that was decided
    /// stays as decided.
    pub async fn add_candidates(&mut self, candidates: &[Candidate]) -> Result<()> {
        let (conn, scope) = self.parts();
        ADD.run(conn, candidates.iter().collect(), |args, c| {
            args.shared(&scope.practice);
            for text in [
                &c.id,
                &c.a.system,
                &c.a.kind,
                &c.a.remote_id,
                &c.b.system,
                &c.b.kind,
                &c.b.remote_id,
            ] {
                args.text(text);
            }
            let reasons = serde_json::Value::from(c.reasons.clone()).to_string();
            args.int(c.score).text(&reasons).text(c.state.code()).int(c.since);
        })
        .await?;
        let ids: Vec<String> = candidates.iter().map(|c| c.id.clone()).collect();
        self.file_pairs(&ids).await
    }

    /// Decides candidates by id, or opens them again; who did, and when, is kept either way.
    pub async fn decide_candidates(
        &mut self,
        ids: &[String],
        state: CandidateState,
        by: &str,
        now: Time,
    ) -> Result<()> {
        let (conn, scope) = self.parts();
        CLOSE
            .run(
                conn,
                ids,
                |args| {
                    args.text(state.code()).int(now).text(by).shared(&scope.practice);
                },
                |args, id| {
                    args.text(id);
                },
            )
            .await?;
        self.file_pairs(ids).await
    }

    /// Every candidate, open or decided, that any of these records is part of, by id.
    pub async fn candidates_of(&mut self, records: &[RecordKey]) -> Result<Vec<Candidate>> {
        let mut by_kind: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for record in records {
            by_kind
                .entry((&record.system, &record.kind))
                .or_default()
                .insert(&record.remote_id);
        }
        let (conn, scope) = self.parts();
        let mut found = BTreeMap::new();
        for ((system, kind), ids) in by_kind {
            let ids: Vec<&str> = ids.into_iter().collect();
            for side in [&OF_A, &OF_B] {
                let head = |args: &mut Args| {
                    args.shared(&scope.practice).text(system).text(kind);
                };
                let rows = side
                    .fetch(conn, &ids, head, |args, id| {
                        args.text(id);
                    })
                    .await?;
                for row in rows {
                    let candidate = candidate(&row)?;
                    found.insert(candidate.id.clone(), candidate);
                }
            }
        }
        Ok(found.into_values().collect())
    }
}

impl Store {
    /// Candidates in that state, oldest first.
    pub async fn candidates(&self, state: CandidateState, page: &Page) -> Result<Paged<Candidate>> {
        let mut args = Args::default();
        let (since, id) = page.start();
        args.shared(&self.scope.practice)
            .text(state.code())
            .int(since)
            .text(&id)
            .int(page.limit as i64);
        let rows = fetch(&mut self.read().await?, IN_STATE, args).await?;
        let rows = rows.iter().map(candidate).collect::<Result<Vec<_>>>()?;
        Ok(Paged::of(rows, page, |candidate| (candidate.since, &candidate.id)))
    }

    /// The entities of these records, each with the systems in which it has a live one.
    /// Records without an entity are left out.
    pub async fn owners(&self, records: &[RecordKey]) -> Result<BTreeMap<RecordKey, Owner>> {
        let mut by_kind: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for record in records {
            let ids = by_kind.entry((&record.system, &record.kind)).or_default();
            ids.push(&record.remote_id);
        }
        let mut conn = self.read().await?;
        let mut owners = BTreeMap::new();
        for ((system, kind), ids) in by_kind {
            let head = |args: &mut Args| {
                args.shared(&self.scope.practice).text(system).text(kind);
            };
            let rows = OWNERS
                .fetch(&mut conn, &ids, head, |args, id| {
                    args.text(id);
                })
                .await?;
            for row in rows {
                let record = RecordKey::new(system, kind, row.text(0)?);
                let entity = row.text(1)?;
                owners.insert(
                    record,
                    Owner {
                        entity,
                        systems: BTreeSet::new(),
                    },
                );
            }
        }
        let entities: BTreeSet<String> = owners.values().map(|o| o.entity.clone()).collect();
        let entities: Vec<String> = entities.into_iter().collect();
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice);
        };
        let rows = SYSTEMS
            .fetch(&mut conn, &entities, head, |args, id| {
                args.text(id);
            })
            .await?;
        let mut systems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            systems.entry(row.text(0)?).or_default().insert(row.text(1)?);
        }
        for owner in owners.values_mut() {
            owner.systems = systems.get(&owner.entity).cloned().unwrap_or_default();
        }
        Ok(owners)
    }

    /// Those of these candidates that there are, open or decided, by id.
    pub async fn candidates_by_id(&self, ids: &[String]) -> Result<BTreeMap<String, Candidate>> {
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice);
        };
        let rows = SOME
            .fetch(&mut self.read().await?, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        let candidates = rows.iter().map(candidate);
        candidates.map(|found| found.map(|c| (c.id.clone(), c))).collect()
    }

    /// One candidate, open or decided.
    pub async fn candidate(&self, id: &str) -> Result<Option<Candidate>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(id);
        fetch_one(&mut self.read().await?, ONE, args)
            .await?
            .as_ref()
            .map(candidate)
            .transpose()
    }
}

fn candidate(row: &Row) -> Result<Candidate> {
    let id = row.text(0)?;
    let damaged = || StoreError::Damaged {
        table: "candidate",
        row: id.clone(),
        detail: "its content is not understood",
    };
    Ok(Candidate {
        a: RecordKey::new(row.text(1)?, row.text(2)?, row.text(3)?),
        b: RecordKey::new(row.text(4)?, row.text(5)?, row.text(6)?),
        score: row.int(7)?,
        reasons: serde_json::from_str(&row.text(8)?).map_err(|_| damaged())?,
        state: match row.text(9)?.as_str() {
            "open" => CandidateState::Open,
            "twice" => CandidateState::Twice,
            "faint" => CandidateState::Faint,
            "same" => CandidateState::Same,
            "different" => CandidateState::Different,
            "household" => CandidateState::Household,
            "duplicate" => CandidateState::Duplicate,
            _ => return Err(damaged()),
        },
        since: row.int(10)?,
        decided: match (row.int_or_null(11)?, row.text_or_null(12)?) {
            (Some(at), Some(by)) => Some(Decided { at, by }),
            _ => None,
        },
        id,
    })
}
