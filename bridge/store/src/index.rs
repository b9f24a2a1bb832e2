//! What records are found by: look-up keys.

use crate::{
    body::spread,
    db::{Among, Args, Columns, Insert},
    error::Result,
    records::{LookupKey, RecordKey},
    tx::Tx,
};
use std::collections::{BTreeMap, HashMap};

const STORED: Among = Among {
    head: "SELECT remote_id, key_kind, hash FROM lookup WHERE practice = ? AND system = ? AND kind = ? AND remote_id",
    tail: "",
};
const FORGET: Among = Among {
    head: "DELETE FROM lookup WHERE practice = ? AND system = ? AND kind = ? AND remote_id = ? AND key_kind = ? AND hash",
    tail: "",
};
const KEYS: Insert = Insert {
    head: "INSERT INTO lookup (practice, key_kind, hash, system, kind, remote_id)",
    columns: 6,
    tail: "ON CONFLICT DO NOTHING",
};
impl Tx {
    /// Replaces the look-up keys of records. Keys that stay cost a read and no write.
    pub async fn set_keys(&mut self, records: &[(RecordKey, Vec<LookupKey>)]) -> Result<()> {
        let mut by_kind: BTreeMap<(&str, &str), BTreeMap<&str, &[LookupKey]>> = BTreeMap::new();
        for (record, keys) in records {
            by_kind
                .entry((&record.system, &record.kind))
                .or_default()
                .insert(&record.remote_id, keys);
        }
        let (conn, scope) = self.parts();
        for ((system, kind), records) in by_kind {
            let hashed = spread(records.iter().collect(), |(id, keys)| {
                let mut hashes: Vec<_> = keys
                    .iter()
                    .map(|key| (key.kind, scope.keys.hash(key.kind, &key.text)))
                    .collect();
                hashes.sort_unstable();
                hashes.dedup();
                (*id, hashes)
            });
            let mut wanted: HashMap<&str, Vec<(&'static str, [u8; 16])>> = hashed.into_iter().collect();
            let ids: Vec<&str> = records.keys().copied().collect();
            let stored = STORED
                .fetch(
                    conn,
                    &ids,
                    |args| {
                        args.shared(&scope.practice).text(system).text(kind);
                    },
                    |args, id| {
                        args.text(id);
                    },
                )
                .await?;
            for row in stored {
                let (id, key_kind, hash) = (row.text(0)?, row.text(1)?, row.blob(2)?);
                let Some(wanted) = wanted.get_mut(id.as_str()) else {
                    continue;
                };
                let kept = wanted
                    .iter()
                    .position(|(kind, wanted)| *kind == key_kind && wanted.as_slice() == hash);
                if let Some(kept) = kept {
                    wanted.swap_remove(kept);
                } else {
                    let head = |args: &mut Args| {
                        args.shared(&scope.practice)
                            .text(system)
                            .text(kind)
                            .text(&id)
                            .text(&key_kind);
                    };
                    FORGET
                        .run(conn, &[hash], head, |args, hash| {
                            args.blob(hash.clone());
                        })
                        .await?;
                }
            }
            let new = wanted
                .into_iter()
                .flat_map(|(id, keys)| keys.into_iter().map(move |(kind, hash)| (id, kind, hash)))
                .collect();
            KEYS.run(conn, new, |args, (id, key_kind, hash)| {
                args.shared(&scope.practice)
                    .text(key_kind)
                    .blob(hash.to_vec())
                    .text(system)
                    .text(kind)
                    .text(id);
            })
            .await?;
        }
        Ok(())
    }
}
