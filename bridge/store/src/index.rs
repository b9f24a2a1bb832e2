//! What records are found by: look-up keys, and name parts for people who search.

use crate::{
    body::spread,
    db::{Among, Args, Columns, Insert, fetch},
    error::Result,
    key::Keys,
    open::Store,
    records::{Found, LookupKey, RecordKey},
    tx::Tx,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
const NAMES: Insert = Insert {
    head: "INSERT INTO name_part (practice, system, kind, remote_id, hashes)",
    columns: 5,
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO UPDATE SET hashes = excluded.hashes",
};
const SEARCH: &str = "SELECT n.system, n.kind, n.remote_id, n.hashes, l.entity, l.state FROM name_part n LEFT JOIN link l \
     ON l.practice = n.practice AND l.system = n.system AND l.kind = n.kind AND l.remote_id = n.remote_id \
     WHERE n.practice = $1 AND instr(n.hashes, $2) > 0 AND instr(n.hashes, $3) > 0 AND instr(n.hashes, $4) > 0 LIMIT $5";

/// The same in PostgreSQL's words.
const SEARCH_POSTGRES: &str = "SELECT n.system, n.kind, n.remote_id, n.hashes, l.entity, l.state FROM name_part n LEFT JOIN link l \
     ON l.practice = n.practice AND l.system = n.system AND l.kind = n.kind AND l.remote_id = n.remote_id \
     WHERE n.practice = $1 AND position($2 IN n.hashes) > 0 AND position($3 IN n.hashes) > 0 AND position($4 IN n.hashes) > 0 LIMIT $5";

/// Bytes kept of the hash of one prefix of a name part.
const NAME_HASH: usize = 8;
/// Prefixes longer than this are not told apart.
const LONGEST_PREFIX: usize = 8;

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

    /// Replaces the names that records are searched by. Names are folded and cut into parts here.
    pub async fn set_name_parts(&mut self, records: &[(RecordKey, Vec<String>)]) -> Result<()> {
        let (conn, scope) = self.parts();
        let rows = spread(records.iter().collect(), |(record, names)| {
            (record, name_hashes(&scope.keys, names))
        });
        NAMES
            .run(conn, rows, |args, (record, hashes)| {
                args.shared(&scope.practice)
                    .text(&record.system)
                    .text(&record.kind)
                    .text(&record.remote_id)
                    .blob(hashes);
            })
            .await?;
        Ok(())
    }
}

impl Store {
    /// Records whose names have a part that starts with each of up to three words of `text` (the
    /// first eight letters of each count), at most `limit`. Case and accents do not matter.
    pub async fn search_name(&self, text: &str, limit: usize) -> Result<Vec<Found>> {
        let mut words: Vec<[u8; NAME_HASH]> = parts(text)
            .iter()
            .take(3)
            .map(|part| prefix_hash(&self.scope.keys, &part[..part.len().min(LONGEST_PREFIX)]))
            .collect();
        let Some(last) = words.last().copied() else {
            return Ok(Vec::new());
        };
        words.resize(3, last);
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        for word in &words {
            args.blob(word.to_vec());
        }
        args.int(limit as i64);
        let mut found = Vec::new();
        let mut conn = self.read().await?;
        let sql = conn.either(SEARCH, SEARCH_POSTGRES);
        for row in fetch(&mut conn, sql, args).await? {
            // The database finds eight bytes anywhere; they count where a hash starts.
            let hashes = row.blob(3)?;
            if words
                .iter()
                .all(|word| hashes.chunks_exact(NAME_HASH).any(|hash| hash == word))
            {
                found.push(Found {
                    key: 0,
                    record: RecordKey::new(row.text(0)?, row.text(1)?, row.text(2)?),
                    entity: row.text_or_null(4)?,
                    live: row.text_or_null(5)?.as_deref() == Some("live"),
                });
            }
        }
        Ok(found)
    }
}

fn name_hashes(keys: &Keys, names: &[String]) -> Vec<u8> {
    let mut hashes = BTreeSet::new();
    for part in names.iter().flat_map(|name| parts(name)) {
        let longest = part.len().min(LONGEST_PREFIX);
        for length in longest.min(2)..=longest {
            hashes.insert(prefix_hash(keys, &part[..length]));
        }
    }
    hashes.into_iter().flatten().collect()
}

fn prefix_hash(keys: &Keys, prefix: &[char]) -> [u8; NAME_HASH] {
    let full = keys.hash("name", &prefix.iter().collect::<String>());
    let mut out = [0; NAME_HASH];
    out.copy_from_slice(&full[..NAME_HASH]);
    out
}

/// Words without accents and case: "Anne-Marie O'Neil" is anne, marie, oneil.
fn parts(name: &str) -> Vec<Vec<char>> {
    deunicode::deunicode(name)
        .replace(['\'', '`'], "")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(|part| part.to_lowercase().chars().collect())
        .collect()
}
