//! What is kept about whom: an index from the keyed hash of a person's record to the mirrored bodies and ledger rows that
//! name it. A row of it is written in the transaction that stores what it leads to; what an older release stored is taken in
//! by bites, and until that is done nobody may conclude that there is nothing about somebody.
//!
//! What a stolen file tells without the key: how many rows are about one and the same person; not about whom.

use crate::{
    body::Scope,
    db::{Among, Args, Columns, Insert, execute, fetch},
    error::Result,
    open::Store,
    records::RecordKey,
    tx::Tx,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const STORED: Among = Among {
    head: "SELECT id, hash FROM concern WHERE practice = ? AND part = ? AND id",
    tail: "",
};
const FORGET: Among = Among {
    head: "DELETE FROM concern WHERE practice = ? AND part = ? AND id = ? AND hash",
    tail: "",
};
const PUT: Insert = Insert {
    head: "INSERT INTO concern (practice, hash, part, id)",
    columns: 4,
    tail: "ON CONFLICT (practice, hash, part, id) DO NOTHING",
};
const ABOUT: &str = "SELECT id FROM concern WHERE practice = $1 AND hash = $2 AND part = $3 ORDER BY id LIMIT $4";
const FORGET_PERSON: &str = "DELETE FROM concern WHERE practice = $1 AND hash = $2";
const FORGET_ALL: &str = "DELETE FROM concern WHERE practice = $1";
/// Notes begin so; `0` is what comes after `/`.
const FORGET_NOTES: &str = "DELETE FROM meta WHERE practice = $1 AND name > 'concerns/' AND name < 'concerns0'";
const DONE: &str = "done";
/// Before an id, so that no id is taken for the end.
const AFTER: &str = "after ";

type Hash = [u8; 16];

fn note(part: &str) -> String {
    format!("concerns/{part}")
}

/// The part of the index that leads to mirrored records of a kind.
pub fn mirrored_part(system: &str, kind: &str) -> String {
    format!("mirror/{system}/{kind}")
}

impl Tx {
    /// Says whom rows of a part are about, in place of what was said of them before; nobody for a row that is gone. Records
    /// that were erased are left out. What stays costs a read and no write.
    pub async fn set_concerns(&mut self, part: &str, rows: &[(String, Vec<RecordKey>)]) -> Result<()> {
        let forbidden = self.forbidden(rows).await?;
        let (conn, scope) = self.parts();
        let ids: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
        let head = |args: &mut Args| {
            args.shared(&scope.practice).text(part);
        };
        let found = STORED
            .fetch(conn, &ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        let mut stored: HashMap<String, BTreeSet<Vec<u8>>> = HashMap::with_capacity(found.len());
        for row in found {
            stored.entry(row.text(0)?).or_default().insert(row.blob(1)?);
        }
        let mut new = vec![];
        for (id, people) in rows {
            let allowed = people.iter().filter(|person| !forbidden.contains(person));
            let wanted: BTreeSet<Vec<u8>> = allowed.map(|person| hash(scope, person).to_vec()).collect();
            let had = stored.remove(id.as_str()).unwrap_or_default();
            let gone: Vec<Vec<u8>> = had.difference(&wanted).cloned().collect();
            if !gone.is_empty() {
                let head = |args: &mut Args| {
                    args.shared(&scope.practice).text(part).text(id);
                };
                FORGET
                    .run(conn, &gone, head, |args, hash| {
                        args.blob(hash.clone());
                    })
                    .await?;
            }
            new.extend(wanted.difference(&had).map(|hash| (hash.clone(), id.as_str())));
        }
        // In order of the index, so that neighbours are written together.
        new.sort_unstable();
        PUT.run(conn, new, |args, (hash, id)| {
            args.shared(&scope.practice).blob(hash).text(part).text(id);
        })
        .await?;
        Ok(())
    }

    /// After which id the rows of a part that an older release stored are still to be taken in; none when all are.
    pub async fn concerns_open(&mut self, part: &str) -> Result<Option<String>> {
        let (conn, scope) = self.parts();
        let place = scope.meta(conn, &note(part)).await?.unwrap_or_default();
        Ok((place != DONE).then(|| place.strip_prefix(AFTER).unwrap_or_default().to_string()))
    }

    /// Rows of a part are taken in up to this id; all of them, if none is given.
    pub async fn concerns_taken(&mut self, part: &str, upto: Option<&str>) -> Result<()> {
        let place = upto.map_or(DONE.to_string(), |id| format!("{AFTER}{id}"));
        self.put_meta(&note(part), &place).await
    }

    /// Nothing is about that record any more; how many rows said so.
    pub(crate) async fn forget_concerns(&mut self, person: &RecordKey) -> Result<u64> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).blob(hash(scope, person).to_vec());
        execute(conn, FORGET_PERSON, args).await
    }

    /// Empties the index, to be filled again by bites: hashes under an old key lead nowhere.
    pub(crate) async fn reset_concerns(&mut self) -> Result<()> {
        let (conn, scope) = self.parts();
        for sql in [FORGET_ALL, FORGET_NOTES] {
            let mut args = Args::default();
            args.shared(&scope.practice);
            execute(conn, sql, args).await?;
        }
        Ok(())
    }

    async fn forbidden(&mut self, rows: &[(String, Vec<RecordKey>)]) -> Result<BTreeSet<RecordKey>> {
        let mut by_kind: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for person in rows.iter().flat_map(|(_, people)| people) {
            let ids = by_kind.entry((&person.system, &person.kind)).or_default();
            ids.insert(person.remote_id.clone());
        }
        let mut forbidden = BTreeSet::new();
        for ((system, kind), ids) in by_kind {
            let ids: Vec<String> = ids.into_iter().collect();
            let erased = self.erased(system, kind, &ids).await?;
            forbidden.extend(erased.into_iter().map(|id| RecordKey::new(system, kind, id)));
        }
        Ok(forbidden)
    }
}

impl Store {
    /// Ids of at most `limit` rows of a part that are about a record, in order.
    pub async fn concerning(&self, part: &str, person: &RecordKey, limit: usize) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .blob(hash(&self.scope, person).to_vec())
            .text(part)
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = fetch(&mut self.read().await?, ABOUT, args).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Whether every row of a part is in the index, so that nothing found means that there is nothing.
    pub async fn concerns_complete(&self, part: &str) -> Result<bool> {
        Ok(self.meta(&note(part)).await?.as_deref() == Some(DONE))
    }
}

fn hash(scope: &Scope, person: &RecordKey) -> Hash {
    // Lengths, so that no two records are spelt alike.
    let (system, kind) = (&person.system, &person.kind);
    let text = format!("{} {} {system}{kind}{}", system.len(), kind.len(), person.remote_id);
    scope.keys.hash("concern", &text)
}
