//! Forgetting a person: every row with a value of theirs goes, and keyed hashes of their records stay, so that no
//! later read takes them in again. The key of those hashes is a secret of the store and survives a rotation.

use crate::{
    body::Scope,
    db::{Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Conn,
    records::RecordKey,
    trace::trace_subject,
    tx::Tx,
};
use bridge_core::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// Name of the secret that hashes of erased records are keyed with.
const KEY: &str = "erasure";
const ANY: &str = "SELECT 1 FROM erased WHERE practice = $1 LIMIT 1";
const ONE: &str = "SELECT 1 FROM erased WHERE practice = $1 AND hash = $2";
const SECRET: &str = "SELECT body FROM secret WHERE practice = $1 AND name = $2";
const FORBID: Insert = Insert {
    head: "INSERT INTO erased (practice, hash, at)",
    columns: 3,
    tail: "ON CONFLICT (practice, hash) DO NOTHING",
};
/// What goes with an entity, and what is left of it: the history keeps its lines, without values.
const OF_ENTITY: [(&str, &str); 11] = [
    (
        "inbox",
        "DELETE FROM inbox WHERE practice = $1 AND entity = $2 AND entity <> ''",
    ),
    (
        "decision",
        "DELETE FROM decision WHERE practice = $1 AND entity = $2 AND entity <> ''",
    ),
    ("located", "DELETE FROM located WHERE practice = $1 AND entity = $2"),
    ("write", "DELETE FROM write WHERE practice = $1 AND entity = $2"),
    ("conflict", "DELETE FROM conflict WHERE practice = $1 AND entity = $2"),
    ("card", "DELETE FROM card WHERE practice = $1 AND entity = $2"),
    ("loser", "DELETE FROM loser WHERE practice = $1 AND entity = $2"),
    ("trace", "DELETE FROM trace WHERE practice = $1 AND subject = $2"),
    (
        "audit",
        "UPDATE audit SET body = NULL WHERE practice = $1 AND entity = $2 AND entity <> '' AND body IS NOT NULL",
    ),
    ("link", "DELETE FROM link WHERE practice = $1 AND entity = $2"),
    ("entity", "DELETE FROM entity WHERE practice = $1 AND id = $2"),
];
/// What goes with a record.
const OF_RECORD: [(&str, &str); 10] = [
    (
        "inbox",
        "DELETE FROM inbox WHERE practice = $1 AND id IN (SELECT id FROM candidate WHERE practice = $1 \
         AND (a_system = $2 AND a_kind = $3 AND a_id = $4 OR b_system = $2 AND b_kind = $3 AND b_id = $4))",
    ),
    (
        "link",
        "DELETE FROM link WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "visited",
        "DELETE FROM visited WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "lookup",
        "DELETE FROM lookup WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "name_part",
        "DELETE FROM name_part WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "match_again",
        "DELETE FROM match_again WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "hint",
        "DELETE FROM hint WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
    (
        "candidate",
        "DELETE FROM candidate WHERE practice = $1 AND a_system = $2 AND a_kind = $3 AND a_id = $4",
    ),
    (
        "candidate",
        "DELETE FROM candidate WHERE practice = $1 AND b_system = $2 AND b_kind = $3 AND b_id = $4",
    ),
    (
        "mirror",
        "DELETE FROM mirror WHERE practice = $1 AND system = $2 AND kind = $3 AND remote_id = $4",
    ),
];
const AUDIT_OF_RECORD: &str = "UPDATE audit SET body = NULL WHERE practice = $1 AND system = $2 AND remote_id = $3 \
     AND entity = '' AND body IS NOT NULL";
const LEDGER: &str = "SELECT part, id, body FROM ledger WHERE practice = $1 AND (part, id) > ($2, $3) \
     ORDER BY part, id LIMIT 1024";

impl Tx {
    /// Removes an entity and its records, with everything that stands of them, and forbids the records to be taken in
    /// again. How many rows of each table went; of `audit`, how many lost their values and stay.
    pub async fn erase(
        &mut self,
        entity: &str,
        records: &[RecordKey],
        now: Time,
    ) -> Result<BTreeMap<&'static str, u64>> {
        let mut gone: BTreeMap<&'static str, u64> = BTreeMap::new();
        // Prefixes are found by what the record has, which goes with it below.
        let nameless: Vec<(RecordKey, Vec<String>)> = records.iter().map(|r| (r.clone(), vec![])).collect();
        self.set_name_parts(&nameless).await?;
        let (conn, scope) = self.parts();
        for (table, sql) in OF_ENTITY {
            let mut args = Args::default();
            args.shared(&scope.practice).text(entity);
            *gone.entry(table).or_default() += execute(conn, sql, args).await?;
        }
        for record in records {
            for (table, sql) in OF_RECORD {
                let mut args = Args::default();
                args.shared(&scope.practice)
                    .text(&record.system)
                    .text(&record.kind)
                    .text(&record.remote_id);
                *gone.entry(table).or_default() += execute(conn, sql, args).await?;
            }
            let mut args = Args::default();
            args.shared(&scope.practice)
                .text(&record.system)
                .text(&record.remote_id);
            *gone.entry("audit").or_default() += execute(conn, AUDIT_OF_RECORD, args).await?;
        }
        for record in records {
            *gone.entry("concern").or_default() += self.forget_concerns(record).await?;
        }
        self.drop_traces(&records.iter().map(trace_subject).collect::<Vec<_>>())
            .await?;
        let mut never: Vec<RecordKey> = records.to_vec();
        never.push(RecordKey::new("", "entity", entity));
        self.forbid(&never, now).await?;
        Ok(gone)
    }

    async fn forbid(&mut self, records: &[RecordKey], now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let key = match scope.erasure_key(conn).await? {
            Some(key) => key,
            None => {
                let mut bytes = [0u8; 32];
                rand::fill(&mut bytes[..]);
                let key = bridge_core::hex(&bytes);
                self.put_secret(KEY, &key).await?;
                key
            }
        };
        let (conn, scope) = self.parts();
        let rows = records.iter().map(|record| hash(&key, record)).collect();
        FORBID
            .run(conn, rows, |args, hash: Vec<u8>| {
                args.shared(&scope.practice).blob(hash).int(now);
            })
            .await?;
        Ok(())
    }

    /// Those of a system's records that were erased and must not be taken in.
    pub async fn erased(&mut self, system: &str, kind: &str, ids: &[String]) -> Result<BTreeSet<String>> {
        let (conn, scope) = self.parts();
        scope.erased(conn, system, kind, ids).await
    }
}

impl Store {
    /// As [`Tx::erased`].
    pub async fn erased(&self, system: &str, kind: &str, ids: &[String]) -> Result<BTreeSet<String>> {
        self.scope.erased(&mut self.read().await?, system, kind, ids).await
    }

    /// Every sealed row that the parts beside people keep, handed out one by one: part, id, body (JSON text).
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if a body does not open.
    pub async fn every_part(&self, mut each: impl FnMut(String, String, String)) -> Result<()> {
        let (mut part, mut id) = (String::new(), String::new());
        loop {
            let mut args = Args::default();
            args.shared(&self.scope.practice).text(&part).text(&id);
            let rows = fetch(&mut self.read().await?, LEDGER, args).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                (part, id) = (row.text(0)?, row.text(1)?);
                let body = self.scope.open("ledger", &[&part, &id], row.blob(2)?)?;
                each(part.clone(), id.clone(), body);
            }
        }
    }

    /// Leaves no byte of what was removed in the database: a file is rewritten, and its log emptied; a server frees
    /// the space, and overwrites it in its own time. Waits for whoever writes.
    ///
    /// # Errors
    /// [`crate::StoreError::Busy`] if another process is at work for too long; try again then.
    pub async fn purge(&self) -> Result<()> {
        self.take_in_hints().await?;
        self.rewrite().await
    }
}

impl Scope {
    async fn erasure_key(&self, conn: &mut Conn) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.practice).text(KEY);
        let row = fetch_one(conn, SECRET, args).await?;
        row.map(|row| self.open("secret", &[KEY], row.blob(0)?)).transpose()
    }

    async fn erased(&self, conn: &mut Conn, system: &str, kind: &str, ids: &[String]) -> Result<BTreeSet<String>> {
        let mut args = Args::default();
        args.shared(&self.practice);
        // Nearly always nobody was ever erased, or nothing new is asked about.
        if ids.is_empty() || fetch_one(conn, ANY, args).await?.is_none() {
            return Ok(BTreeSet::new());
        }
        let Some(key) = self.erasure_key(conn).await? else {
            return Ok(BTreeSet::new());
        };
        let mut found = BTreeSet::new();
        for id in ids {
            let mut args = Args::default();
            args.shared(&self.practice)
                .blob(hash(&key, &RecordKey::new(system, kind, id.as_str())));
            if fetch_one(conn, ONE, args).await?.is_some() {
                found.insert(id.clone());
            }
        }
        Ok(found)
    }
}

fn hash(key: &str, record: &RecordKey) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        unreachable!("a key of any length will do");
    };
    for part in [&record.system, &record.kind, &record.remote_id] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes()[..16].to_vec()
}
