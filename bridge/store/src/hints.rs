//! What webhooks told of: kept until the records are due for a direct read, and a while longer so that
//! repetitions are known.

use crate::{
    body::Scope,
    codes,
    db::{Among, Args, Columns, Insert, execute, fetch},
    error::Result,
    open::Store,
    tx::Tx,
};
use bridge_core::Time;
use bridge_core::capture::News;
use sha2::{Digest, Sha256};

pub(crate) const PUT: Insert = Insert {
    head: "INSERT INTO hint (practice, id, system, kind, remote_id, news, received, taken)",
    columns: 8,
    tail: "ON CONFLICT (practice, id) DO NOTHING",
};
const TAKE: Among = Among {
    head: "UPDATE hint SET taken = ? WHERE practice = ? AND id",
    tail: "",
};
const WAITING: &str = "SELECT id, kind, remote_id, news FROM hint \
     WHERE practice = $1 AND system = $2 AND taken = 0 ORDER BY received, id LIMIT $3";

/// A hint that a record may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Tells this event about this record from any other.
    pub id: String,
    /// System name.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Remote id.
    pub remote_id: String,
    /// What is said to have happened.
    pub news: News,
    /// Whether somebody beside the engine that keeps people in step follows it: found by [`Store::hints_of`] only, and
    /// the engine neither waits for it nor counts it.
    pub beside: bool,
}

impl Hint {
    /// A hint; two of the same event about the same record are one. `event` is whatever the product
    /// tells its events apart by.
    pub fn new(system: &str, kind: &str, remote_id: &str, news: News, event: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [system, kind, remote_id, codes::news(news), event] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            id: bridge_core::hex(&hash.finalize()[..16]),
            system: system.into(),
            kind: kind.into(),
            remote_id: remote_id.into(),
            news,
            beside: false,
        }
    }

    /// The same hint, for whoever follows this kind beside the engine.
    #[must_use]
    pub fn beside(self) -> Self {
        Self { beside: true, ..self }
    }

    /// Whom it waits for, as the tables have it.
    pub(crate) fn reader(&self) -> String {
        if self.beside {
            reader_of(&self.system, &self.kind)
        } else {
            self.system.clone()
        }
    }

    /// A hint out of the tables.
    pub(crate) fn stored(id: String, reader: String, kind: String, remote_id: String, news: &str) -> Self {
        let beside = reader.strip_suffix(kind.as_str()).and_then(|r| r.strip_suffix(BESIDE));
        Self {
            id,
            beside: beside.is_some(),
            system: beside.map_or_else(|| reader.clone(), str::to_owned),
            kind,
            remote_id,
            news: codes::news_of(news),
        }
    }
}

/// Between system and kind where a hint is for somebody beside the engine. Names of systems are parts of addresses, and have
/// none.
const BESIDE: &str = "/";

fn reader_of(system: &str, kind: &str) -> String {
    format!("{system}{BESIDE}{kind}")
}

/// The columns of [`PUT`].
pub(crate) fn bind_hint(args: &mut Args, scope: &Scope, hint: &Hint, received: Time) {
    args.shared(&scope.practice)
        .text(&hint.id)
        .text(&hint.reader())
        .text(&hint.kind)
        .text(&hint.remote_id)
        .text(codes::news(hint.news))
        .int(received)
        .int(0);
}

impl Tx {
    /// Keeps hints; those of events known already are left out. The number of new ones.
    pub async fn put_hints(&mut self, hints: &[Hint], now: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        PUT.run(conn, hints.iter().collect(), |args, hint: &Hint| {
            bind_hint(args, scope, hint, now)
        })
        .await
    }

    /// Notes that hints have been followed: in the transaction that asks for the reads.
    pub async fn take_hints(&mut self, hints: &[Hint], now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let head = |args: &mut Args| {
            args.int(now.max(1)).shared(&scope.practice);
        };
        TAKE.run(conn, hints, head, |args, hint| {
            args.text(&hint.id);
        })
        .await?;
        Ok(())
    }

    /// Forgets hints that were received before a moment, followed or not; the number forgotten.
    pub async fn expire_hints(&mut self, before: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).int(before);
        let sql = "DELETE FROM hint WHERE practice = $1 AND received < $2";
        execute(conn, sql, args).await
    }
}

impl Store {
    /// Hints about a system's records that the engine has not followed, oldest first.
    pub async fn hints(&self, system: &str, limit: usize) -> Result<Vec<Hint>> {
        self.waiting_for(system, limit).await
    }

    /// Hints about a system's records of a kind that somebody beside the engine follows, and has not followed yet,
    /// oldest first. They come in with the engine's steps; [`Tx::take_hints`] says that they were followed.
    ///
    /// # Errors
    /// The database's.
    pub async fn hints_of(&self, system: &str, kind: &str, limit: usize) -> Result<Vec<Hint>> {
        self.waiting_for(&reader_of(system, kind), limit).await
    }

    async fn waiting_for(&self, reader: &str, limit: usize) -> Result<Vec<Hint>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(reader).int(limit as i64);
        let rows = fetch(&mut self.read().await?, WAITING, args).await?;
        rows.iter()
            .map(|row| {
                let news: String = row.text(3)?;
                Ok(Hint::stored(
                    row.text(0)?,
                    reader.into(),
                    row.text(1)?,
                    row.text(2)?,
                    &news,
                ))
            })
            .collect()
    }
}
