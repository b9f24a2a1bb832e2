//! What is to be done: dirty entities, due writes, looks, records without an entity. Dirty flags
//! and states are the truth; a queue only wakes.

use crate::{
    codes,
    db::{Among, Args, Columns, fetch, fetch_one},
    error::{Result, StoreError},
    load::sealed_link,
    open::Store,
    records::{Due, KeptBack, RecordKey},
    tx::Tx,
};
use bridge_core::{Lane, Link, Op, Time, WriteState};

const DIRTY: &str =
    "SELECT id, dirty_since FROM entity WHERE practice = $1 AND dirty = 1 ORDER BY lane, dirty_since, id LIMIT $2";
const UNIDENTIFIED: &str = "SELECT system, kind, remote_id, entity, body FROM link \
     WHERE practice = $1 AND entity IS NULL AND state = 'live' AND (system, kind, remote_id) > ($2, $3, $4) \
     ORDER BY system, kind, remote_id LIMIT $5";
/// Of one operation, up to a lane: what waits for a person is not walked through.
const DUE: &str = "SELECT w.entity, w.lane, w.op, w.since FROM write w JOIN entity e ON e.practice = w.practice AND e.id = w.entity \
     WHERE w.practice = $1 AND w.system = $2 AND w.op = $3 AND w.lane <= $4 AND w.state = 'planned' AND w.not_before <= $5 \
     AND e.dirty = 0 ORDER BY w.lane, w.since, w.entity LIMIT $6";
const DUE_COUNT: &str = "SELECT count(*) FROM write w JOIN entity e ON e.practice = w.practice AND e.id = w.entity \
     WHERE w.practice = $1 AND w.system = $2 AND w.op = $3 AND w.lane = $4 AND w.state = 'planned' AND w.not_before <= $5 \
     AND e.dirty = 0";
const UNSETTLED: &str = "SELECT entity FROM write \
     WHERE practice = $1 AND system = $2 AND state IN ('sent', 'unknown') ORDER BY at, entity";
const LOOKS: &str = "SELECT l.remote_id FROM link l WHERE l.practice = $1 AND l.system = $2 AND l.kind = $3 AND l.look = 1 \
     AND NOT EXISTS (SELECT 1 FROM write w WHERE w.practice = l.practice AND w.entity = l.entity AND w.system = l.system \
     AND w.state IN ('sent', 'unknown')) ORDER BY l.asked, l.remote_id LIMIT $4";
const LIVE: &str = "SELECT remote_id FROM link \
     WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id > $4 AND state = 'live' ORDER BY remote_id LIMIT $5";
const MATCH_AGAIN: Among = Among {
    head: "INSERT INTO match_again (practice, system, kind, remote_id) SELECT l.practice, l.system, l.kind, l.remote_id FROM link l \
           WHERE (SELECT count(*) FROM link o WHERE o.practice = l.practice AND o.entity = l.entity AND o.state = 'live') < ? \
           AND l.entity IS NOT NULL AND l.practice = ? AND l.system = ? AND l.kind = ? AND l.remote_id",
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO NOTHING",
};
const MATCHED: Among = Among {
    head: "DELETE FROM match_again WHERE practice = ? AND system = ? AND kind = ? AND remote_id",
    tail: "",
};
const TO_MATCH: &str =
    "SELECT system, kind, remote_id FROM match_again WHERE practice = $1 ORDER BY system, kind, remote_id";
const SENT: &str = "SELECT DISTINCT entity FROM write \
     WHERE practice = $1 AND state IN ('sent', 'unknown') AND state = 'sent' LIMIT 512";

impl Tx {
    /// Asks who these records of one system are once more: those of entities that have live records
    /// in fewer than so many systems.
    pub async fn match_again(&mut self, system: &str, kind: &str, remote_ids: &[String], systems: usize) -> Result<()> {
        let (conn, scope) = self.parts();
        let head = |args: &mut Args| {
            let systems = i64::try_from(systems).unwrap_or(i64::MAX);
            args.int(systems).shared(&scope.practice).text(system).text(kind);
        };
        MATCH_AGAIN
            .run(conn, remote_ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        Ok(())
    }

    /// Who these records of one system are was decided again.
    pub async fn matched(&mut self, system: &str, kind: &str, remote_ids: &[String]) -> Result<()> {
        let (conn, scope) = self.parts();
        let head = |args: &mut Args| {
            args.shared(&scope.practice).text(system).text(kind);
        };
        MATCHED
            .run(conn, remote_ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        Ok(())
    }
}

impl Store {
    /// Records of which it was asked once more who they are.
    pub async fn to_match(&self) -> Result<Vec<RecordKey>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch(&mut self.read().await?, TO_MATCH, args).await?;
        let key = |row: &crate::pool::Row| Ok(RecordKey::new(row.text(0)?, row.text(1)?, row.text(2)?));
        rows.iter().map(key).collect()
    }

    /// Entities that wait for reconcile, by lane and then by age.
    pub async fn dirty(&self, limit: usize) -> Result<Vec<String>> {
        let waiting = self.dirty_since(limit).await?;
        Ok(waiting.into_iter().map(|(id, _)| id).collect())
    }

    /// As [`Store::dirty`], each with the moment since when it waits.
    pub async fn dirty_since(&self, limit: usize) -> Result<Vec<(String, Time)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).int(limit as i64);
        fetch(&mut self.read().await?, DIRTY, args)
            .await?
            .iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?)))
            .collect()
    }

    /// Live records that belong to no entity yet, by name: those after `after`, from the start if none.
    pub async fn unidentified(&self, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Link>> {
        let start = RecordKey::new("", "", "");
        let after = after.unwrap_or(&start);
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(&after.system)
            .text(&after.kind)
            .text(&after.remote_id)
            .int(limit as i64);
        let rows = fetch(&mut self.read().await?, UNIDENTIFIED, args).await?;
        crate::body::spread(rows, |row| self.scope.open_link(sealed_link(&row)?))
            .into_iter()
            .collect()
    }

    /// Writes to a system that may be sent now, by lane and then by age. Those of dirty entities
    /// wait for their reconcile and are not among them.
    pub async fn writes_due(&self, system: &str, now: Time, limit: usize) -> Result<Vec<Due>> {
        self.writes_due_but(system, now, KeptBack::default(), limit).await
    }

    /// As [`Store::writes_due`], without those that wait for a person: they are not walked through either.
    pub async fn writes_due_but(&self, system: &str, now: Time, kept: KeptBack, limit: usize) -> Result<Vec<Due>> {
        let mut conn = self.read().await?;
        let mut rows = vec![];
        for (op, kept) in [(Op::Create, kept.creates), (Op::Update, kept.updates)] {
            // What a person asked for, and opt-outs, never wait.
            let last = if kept { Lane::Requested } else { Lane::Backfill };
            let mut args = Args::default();
            args.shared(&self.scope.practice)
                .text(system)
                .text(codes::op(op))
                .int(codes::lane(last))
                .int(now)
                .int(limit as i64);
            rows.extend(fetch(&mut conn, DUE, args).await?);
        }
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            let lane = row.int(1)?;
            let one = Due {
                entity: row.text(0)?,
                lane: codes::lane_of(lane),
                create: row.text(2)? == codes::op(Op::Create),
            };
            due.push((lane, row.int(3)?, one));
        }
        due.sort_by(|a, b| (a.0, a.1, &a.2.entity).cmp(&(b.0, b.1, &b.2.entity)));
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, _, due)| due).collect())
    }

    /// How many writes of one sort and lane could be sent to a system now.
    pub async fn due_count(&self, system: &str, op: Op, lane: Lane, now: Time) -> Result<u64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(system)
            .text(codes::op(op))
            .int(codes::lane(lane))
            .int(now);
        let row = fetch_one(&mut self.read().await?, DUE_COUNT, args).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }

    /// Entities with a write to that system that is sent or has an unknown outcome, oldest first.
    pub async fn unsettled(&self, system: &str) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(system);
        fetch(&mut self.read().await?, UNSETTLED, args)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    /// Records of a kind that are due for a direct read, longest due first. Those with a write on
    /// its way are not among them: no read of theirs counts before it is settled.
    pub async fn looks(&self, system: &str, kind: &str, limit: usize) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(system)
            .text(kind)
            .int(limit as i64);
        fetch(&mut self.read().await?, LOOKS, args)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    /// Ids of a kind's live records after `after` (`""` from the start), in order of their bytes:
    /// what a sweep compares with the system's own list.
    pub async fn remote_ids(&self, system: &str, kind: &str, after: &str, limit: usize) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(system)
            .text(kind)
            .text(after)
            .int(limit as i64);
        fetch(&mut self.read().await?, LIVE, args)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    /// On start, before anything is sent: nobody knows what became of the writes that were on
    /// their way when the bridge stopped. Returns how many there were.
    ///
    /// Only for the one process that drives this practice's systems.
    pub async fn mark_sent_as_unknown(&self, now: Time) -> Result<u64> {
        let mut count = 0;
        loop {
            let mut tx = self.begin().await?;
            let (conn, scope) = tx.parts();
            let mut args = Args::default();
            args.shared(&scope.practice);
            let ids = fetch(conn, SENT, args)
                .await?
                .iter()
                .map(|row| row.text(0))
                .collect::<Result<Vec<_>>>()?;
            if ids.is_empty() {
                return Ok(count);
            }
            let mut pairs = Vec::with_capacity(ids.len());
            let before_batch = count;
            for before in tx.entities(&ids).await? {
                let mut after = before.clone();
                for write in after
                    .writes
                    .values_mut()
                    .filter(|write| write.state == WriteState::Sent)
                {
                    write.state = WriteState::Unknown;
                    write.at = now;
                    count += 1;
                }
                pairs.push((Some(before), after));
            }
            if count == before_batch {
                return Err(StoreError::Damaged {
                    table: "write",
                    row: ids.join(","),
                    detail: "its column and its body differ",
                });
            }
            tx.save_entities(&pairs, Lane::Live, now).await?;
            tx.commit().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    /// Rows of another operation, or of a later lane, are not walked through: the index begins with what is asked for.
    #[tokio::test]
    async fn what_is_kept_back_is_not_read() {
        let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", 0)
            .await
            .unwrap();
        let mut args = Args::default();
        args.text("clinic").text("crm").text("create").int(0).int(0).int(1);
        let sql: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {DUE}").into_boxed_str());
        let plan = fetch(&mut store.read().await.unwrap(), sql, args).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        let wanted = "INDEX write_due (practice=? AND system=? AND op=? AND lane<?)";
        assert!(
            plan[0].contains(wanted) && !plan.join(" ").contains("TEMP B-TREE"),
            "{plan:?}"
        );
    }
}
