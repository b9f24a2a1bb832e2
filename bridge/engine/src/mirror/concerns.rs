//! Whom mirrored records are about, kept up with their bodies, so that a person's few are found without opening all.

use super::Mirror;
use crate::error::EngineError;
use bridge_store::{Mirrored, RecordKey, Tx, mirrored_part};

/// Records of an older release that are taken in at a time.
const BITE: usize = 1_000;

impl Mirror<'_> {
    /// Keeps records of a kind, and whom they are about; what is gone is about nobody.
    pub(super) async fn put(&self, tx: &mut Tx, kind: &str, news: &[Mirrored]) -> Result<(), EngineError> {
        tx.put_mirrored(&self.told.system, news).await?;
        self.index(tx, kind, news).await
    }

    async fn index(&self, tx: &mut Tx, kind: &str, rows: &[Mirrored]) -> Result<(), EngineError> {
        let (rules, system) = (&self.told.rules, &self.told.system);
        if !rules.by_person().contains(&kind) {
            return Ok(());
        }
        let key = |id: String| RecordKey::new(system.as_str(), rules.person_kind(), id);
        let about = |row: &Mirrored| match row.gone {
            true => vec![],
            false => rules.people(kind, &row.body).into_iter().map(key).collect(),
        };
        let rows: Vec<(String, Vec<RecordKey>)> = rows.iter().map(|row| (row.id.clone(), about(row))).collect();
        Ok(tx.set_concerns(&mirrored_part(system, kind), &rows).await?)
    }

    /// Takes in some of what an older release kept of a kind. Whether there is more.
    pub(super) async fn take_in(&self, kind: &str) -> Result<bool, EngineError> {
        let (store, system) = (&self.engine.store, &self.told.system);
        let part = mirrored_part(system, kind);
        if !self.told.rules.by_person().contains(&kind) || store.concerns_complete(&part).await? {
            return Ok(false);
        }
        let mut tx = store.begin().await?;
        let Some(after) = tx.concerns_open(&part).await? else {
            return Ok(false);
        };
        let ids = tx.mirrored_ids(system, kind, &after, BITE).await?;
        let rows = tx.mirrored_among(system, kind, &ids).await?;
        self.index(&mut tx, kind, &rows).await?;
        let more = ids.len() == BITE;
        tx.concerns_taken(&part, ids.last().filter(|_| more).map(String::as_str))
            .await?;
        self.engine.commit(tx).await?;
        Ok(more)
    }
}
