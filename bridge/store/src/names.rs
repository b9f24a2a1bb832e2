//! People are searched by the starts of the parts of their names: an index from the keyed hash of every prefix of two to
//! eight letters to the records that have it. Nothing is opened to search.
//!
//! What a stolen file tells without the key: which records share a prefix, so which names are common, and that two
//! records may bear one name; not which name. Whoever can ask the running bridge can try names, as with the names
//! themselves, which is why the desk limits how often anybody may search.

use crate::{
    body::spread,
    db::{Among, Args, Columns, Insert, fetch, fetch_one},
    error::Result,
    key::Keys,
    open::Store,
    records::{Found, RecordKey},
    tx::Tx,
    within::{self, Within},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What every record has, so that a change costs only the prefixes that differ.
const NAMES: Insert = Insert {
    head: "INSERT INTO name_part (practice, system, kind, remote_id, hashes)",
    columns: 5,
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO UPDATE SET hashes = excluded.hashes",
};
const NAMED: Among = Among {
    head: "SELECT remote_id, hashes FROM name_part WHERE practice = ? AND system = ? AND kind = ? AND remote_id",
    tail: "",
};
const PREFIXES: Insert = Insert {
    head: "INSERT INTO name_prefix (practice, hash, system, kind, remote_id)",
    columns: 5,
    tail: "ON CONFLICT (practice, hash, system, kind, remote_id) DO NOTHING",
};
const FORGET: Among = Among {
    head: "DELETE FROM name_prefix WHERE practice = ? AND system = ? AND kind = ? AND remote_id = ? AND hash",
    tail: "",
};
const SEARCH: &str = "SELECT n.system, n.kind, n.remote_id, l.entity, l.state FROM name_prefix n LEFT JOIN link l \
     ON l.practice = n.practice AND l.system = n.system AND l.kind = n.kind AND l.remote_id = n.remote_id \
     WHERE n.practice = $1 AND n.hash = $2 \
     AND EXISTS (SELECT 1 FROM name_prefix o WHERE o.practice = n.practice AND o.hash = $3 AND o.system = n.system \
     AND o.kind = n.kind AND o.remote_id = n.remote_id) \
     AND EXISTS (SELECT 1 FROM name_prefix o WHERE o.practice = n.practice AND o.hash = $4 AND o.system = n.system \
     AND o.kind = n.kind AND o.remote_id = n.remote_id) LIMIT $5";
/// Most people type one word: nothing else needs to be looked up.
const SEARCH_ONE: &str = "SELECT n.system, n.kind, n.remote_id, l.entity, l.state FROM name_prefix n LEFT JOIN link l \
     ON l.practice = n.practice AND l.system = n.system AND l.kind = n.kind AND l.remote_id = n.remote_id \
     WHERE n.practice = $1 AND n.hash = $2 LIMIT $3";
/// How many records a prefix leads to, as far as it matters.
const BEARERS: &str =
    "SELECT count(*) FROM (SELECT 1 FROM name_prefix WHERE practice = $1 AND hash = $2 LIMIT 20000) AS bearers";
const UNINDEXED: &str = "SELECT system, kind, remote_id, hashes FROM name_part WHERE practice = $1 \
     AND (system, kind, remote_id) > ($2, $3, $4) ORDER BY system, kind, remote_id LIMIT $5";

/// Bytes kept of the hash of one prefix of a name part.
const NAME_HASH: usize = 8;
/// Prefixes longer than this are not told apart.
const LONGEST_PREFIX: usize = 8;
/// The note that says how far records of an older release are in the index; `done` in the end.
pub(crate) const INDEXED: &str = "names_indexed";
const DONE: &str = "done";

type Hash = [u8; NAME_HASH];
/// A record and the prefixes of its names.
type Named<'r> = (&'r RecordKey, BTreeSet<Hash>);

impl Tx {
    /// Replaces the names that records are searched by. Names are folded and cut into parts here. Names that stay cost a
    /// read and no write.
    pub async fn set_name_parts(&mut self, records: &[(RecordKey, Vec<String>)]) -> Result<()> {
        let mut by_kind: BTreeMap<(&str, &str), Vec<Named>> = BTreeMap::new();
        let (conn, scope) = self.parts();
        let hashed = spread(records.iter().collect(), |(record, names)| {
            (record, name_hashes(&scope.keys, names))
        });
        for (record, hashes) in hashed {
            by_kind
                .entry((&record.system, &record.kind))
                .or_default()
                .push((record, hashes));
        }
        for ((system, kind), records) in by_kind {
            let ids: Vec<&str> = records.iter().map(|(record, _)| record.remote_id.as_str()).collect();
            let head = |args: &mut Args| {
                args.shared(&scope.practice).text(system).text(kind);
            };
            let rows = NAMED
                .fetch(conn, &ids, head, |args, id| {
                    args.text(id);
                })
                .await?;
            let mut stored = HashMap::with_capacity(rows.len());
            for row in rows {
                stored.insert(row.text(0)?, set_of(&row.blob(1)?));
            }
            let (mut new, mut changed) = (vec![], vec![]);
            for (record, hashes) in &records {
                let before = stored.get(&record.remote_id);
                if before == Some(hashes) {
                    continue;
                }
                let nothing = BTreeSet::new();
                let had = before.unwrap_or(&nothing);
                new.extend(hashes.difference(had).map(|hash| (*hash, *record)));
                let gone: Vec<Hash> = had.difference(hashes).copied().collect();
                if !gone.is_empty() {
                    let head = |args: &mut Args| {
                        args.shared(&scope.practice)
                            .text(system)
                            .text(kind)
                            .text(&record.remote_id);
                    };
                    FORGET
                        .run(conn, &gone, head, |args, hash| {
                            args.blob(hash.to_vec());
                        })
                        .await?;
                }
                changed.push((*record, hashes.iter().flatten().copied().collect::<Vec<u8>>()));
            }
            NAMES
                .run(conn, changed, |args, (record, hashes)| {
                    args.shared(&scope.practice)
                        .text(&record.system)
                        .text(&record.kind)
                        .text(&record.remote_id)
                        .blob(hashes);
                })
                .await?;
            put_prefixes(conn, &scope.practice, new).await?;
        }
        Ok(())
    }

    /// Puts the names of up to `limit` records that an older release stored into the index. Returns whether all are in it.
    pub async fn index_names(&mut self, limit: usize) -> Result<bool> {
        let (conn, scope) = self.parts();
        let place = scope.meta(conn, INDEXED).await?.unwrap_or_default();
        if place == DONE {
            return Ok(true);
        }
        let mut after = place.splitn(3, '\n').map(str::to_string);
        let mut next = || after.next().unwrap_or_default();
        let mut args = Args::default();
        args.shared(&scope.practice)
            .text(&next())
            .text(&next())
            .text(&next())
            .int(limit as i64);
        let mut records = vec![];
        for row in fetch(conn, UNINDEXED, args).await? {
            let record = RecordKey::new(row.text(0)?, row.text(1)?, row.text(2)?);
            records.push((record, set_of(&row.blob(3)?)));
        }
        let new = records
            .iter()
            .flat_map(|(record, hashes)| hashes.iter().map(move |hash| (*hash, record)));
        put_prefixes(conn, &scope.practice, new.collect()).await?;
        let place = match records.last().filter(|_| records.len() == limit) {
            Some((last, _)) => format!("{}\n{}\n{}", last.system, last.kind, last.remote_id),
            None => DONE.into(),
        };
        scope.put_meta(conn, INDEXED, &place).await?;
        Ok(place == DONE)
    }
}

impl Store {
    /// Records whose names have a part that starts with each of up to three words of `text` (the
    /// first eight letters of each count), at most `limit`. Case and accents do not matter.
    pub async fn search_name(&self, text: &str, limit: usize) -> Result<Vec<Found>> {
        self.named(text, limit, None).await
    }

    /// As [`Store::search_name`], of those that somebody sees who may see so much.
    pub async fn search_name_within(&self, text: &str, limit: usize, within: &Within) -> Result<Vec<Found>> {
        self.named(text, limit, Some(within)).await
    }

    async fn named(&self, text: &str, limit: usize, within: Option<&Within>) -> Result<Vec<Found>> {
        let mut words = parts(text);
        words.truncate(3);
        let words: BTreeSet<Hash> = words
            .iter()
            .map(|part| prefix_hash(&self.scope.keys, &part[..part.len().min(LONGEST_PREFIX)]))
            .collect();
        let mut words: Vec<Hash> = words.into_iter().collect();
        let mut conn = self.read().await?;
        if words.len() > 1 {
            // From the records that the rarest leads to: what two common ones share is found soon, or not there.
            let mut rare = Vec::with_capacity(words.len());
            for word in words {
                let mut args = Args::default();
                args.shared(&self.scope.practice).blob(word.to_vec());
                let row = fetch_one(&mut conn, BEARERS, args).await?;
                rare.push((row.map_or(Ok(0), |row| row.int(0))?, word));
            }
            rare.sort_unstable();
            if rare[0].0 == 0 {
                return Ok(Vec::new());
            }
            words = rare.into_iter().map(|(_, word)| word).collect();
        }
        let Some(last) = words.last().copied() else {
            return Ok(Vec::new());
        };
        let one = words.len() == 1;
        words.resize(if one { 1 } else { 3 }, last);
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        for word in &words {
            args.blob(word.to_vec());
        }
        args.int(limit as i64);
        let sql = match within {
            None if one => SEARCH_ONE,
            None => SEARCH,
            Some(within) => {
                within.bind(&mut args);
                let [lite, post] = if one { within::NAMED_ONE } else { within::NAMED };
                conn.either(lite, post)
            }
        };
        let rows = fetch(&mut conn, sql, args).await?;
        rows.iter()
            .map(|row| {
                Ok(Found {
                    key: 0,
                    record: RecordKey::new(row.text(0)?, row.text(1)?, row.text(2)?),
                    entity: row.text_or_null(3)?,
                    live: row.text_or_null(4)?.as_deref() == Some("live"),
                })
            })
            .collect()
    }
}

/// In order of the index, so that neighbours are written together.
async fn put_prefixes(
    conn: &mut crate::pool::Conn,
    practice: &std::sync::Arc<str>,
    mut rows: Vec<(Hash, &RecordKey)>,
) -> Result<()> {
    rows.sort_unstable();
    PREFIXES
        .run(conn, rows, |args, (hash, record)| {
            args.shared(practice)
                .blob(hash.to_vec())
                .text(&record.system)
                .text(&record.kind)
                .text(&record.remote_id);
        })
        .await?;
    Ok(())
}

fn set_of(hashes: &[u8]) -> BTreeSet<Hash> {
    hashes
        .chunks_exact(NAME_HASH)
        .filter_map(|h| h.try_into().ok())
        .collect()
}

fn name_hashes(keys: &Keys, names: &[String]) -> BTreeSet<Hash> {
    let mut hashes = BTreeSet::new();
    for part in names.iter().flat_map(|name| parts(name)) {
        let longest = part.len().min(LONGEST_PREFIX);
        for length in longest.min(2)..=longest {
            hashes.insert(prefix_hash(keys, &part[..length]));
        }
    }
    hashes
}

fn prefix_hash(keys: &Keys, prefix: &[char]) -> Hash {
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
