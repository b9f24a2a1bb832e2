//! What changed since somebody last took it, for exports. Nothing is noted while the bridge works: when a consumer asks,
//! marks of what there is are compared with the marks kept for it, and what differs gets the next number. So those who
//! never ask pay nothing, everything that can be listed can be followed, and a removal is told however late.

use crate::{
    db::{Among, Args, Columns, Insert, fetch, fetch_one, rows},
    error::Result,
    open::Store,
    pool::{Conn, Row},
    records::ConflictRow,
};
use sqlx::SqlSafeStr;

/// Rows that are given numbers in one transaction, so that whoever else writes waits a moment only.
const BATCH: usize = 2_000;
/// The note that holds the newest number.
const LAST: &str = "feed_last";
/// The part under which each batch of numbers is kept, by its last one, with a name of its own.
const BATCHES: &str = "";

const PUT: Insert = Insert {
    head: "INSERT INTO feed (practice, part, id, seq, mark, gone)",
    columns: 6,
    tail: "ON CONFLICT (practice, part, id) DO UPDATE SET seq = excluded.seq, mark = excluded.mark, gone = excluded.gone",
};
const AFTER: &str =
    "SELECT id, seq, gone FROM feed WHERE practice = $1 AND part = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT $5";
const BATCH_OF: &str = "SELECT mark FROM feed WHERE practice = $1 AND part = $2 AND seq >= $3 ORDER BY seq LIMIT 1";
const CONFLICTS: Among = Among {
    head: "SELECT entity, unit, body, id FROM conflict WHERE practice = ? AND id",
    tail: "",
};
const ENTRIES: Among = Among {
    head: "SELECT id, body FROM ledger WHERE practice = ? AND part = ? AND id",
    tail: "",
};

/// What can be followed. Each has ids that are unique in it, and marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Entities, by id. A new mark with each decision about one.
    People,
    /// Records that were ever seen, by `SYSTEM/KIND/ID`. A new mark when one changes hands or state.
    Links,
    /// Open conflicts, by their short id.
    Conflicts,
    /// What a part of the ledger keeps, by id ([`crate::Tx::put_ledger`]).
    Ledger(&'static str),
    /// Records of a kind that are mirrored, by remote id ([`crate::Mirrored`]).
    Mirrored {
        /// System.
        system: String,
        /// Remote kind.
        kind: String,
    },
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its id.
    pub id: String,
    /// The number of its latest change.
    pub seq: i64,
    /// It is not there any more.
    pub gone: bool,
}

/// Statements about one thing to follow; `$1` is the practice, `$2` the part, `$3` and `$4` what else names it. Every
/// body is sealed under a nonce of its own, which is therefore a mark: bytes 2 to 25 ([`crate::Key`]).
struct Statements {
    /// Ids and marks of what differs from what was noted.
    differs: [&'static str; 2],
    /// Ids of what was noted and is not there.
    gone: [&'static str; 2],
}

const PEOPLE: Statements = Statements {
    differs: [
        "SELECT s.id, hex(substr(s.body, 2, 24)) FROM entity s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 AND f.id = s.id \
         WHERE s.practice = $1 AND (f.id IS NULL OR f.gone = 1 OR f.mark <> hex(substr(s.body, 2, 24)))",
        "SELECT s.id, encode(substr(s.body, 2, 24), 'hex') FROM entity s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 \
         AND f.id = s.id WHERE s.practice = $1 AND (f.id IS NULL OR f.gone = 1 OR f.mark <> encode(substr(s.body, 2, 24), 'hex'))",
    ],
    gone: [PEOPLE_GONE, PEOPLE_GONE],
};
const LINKS: Statements = Statements {
    differs: [LINKS_DIFFER, LINKS_DIFFER],
    gone: [
        "SELECT f.id FROM (SELECT id, a, a + instr(substr(id, a + 1), '/') AS b FROM (SELECT id, instr(id, '/') AS a FROM feed \
         WHERE practice = $1 AND part = $2 AND gone = 0)) f LEFT JOIN link s ON s.practice = $1 AND s.system = substr(f.id, 1, f.a - 1) \
         AND s.kind = substr(f.id, f.a + 1, f.b - f.a - 1) AND s.remote_id = substr(f.id, f.b + 1) WHERE s.remote_id IS NULL",
        "SELECT f.id FROM (SELECT id, a, a + strpos(substr(id, a + 1), '/') AS b FROM (SELECT id, strpos(id, '/') AS a FROM feed \
         WHERE practice = $1 AND part = $2 AND gone = 0) x) f LEFT JOIN link s ON s.practice = $1 AND s.system = substr(f.id, 1, f.a - 1) \
         AND s.kind = substr(f.id, f.a + 1, f.b - f.a - 1) AND s.remote_id = substr(f.id, f.b + 1) WHERE s.remote_id IS NULL",
    ],
};
const LINKS_DIFFER: &str = "SELECT s.id, s.mark FROM (SELECT system || '/' || kind || '/' || remote_id AS id, \
     generation || '/' || state || '/' || held || '/' || coalesce(entity, '') AS mark FROM link WHERE practice = $1) s \
     LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 AND f.id = s.id WHERE f.id IS NULL OR f.gone = 1 OR f.mark <> s.mark";
const CONFLICTS_OPEN: Statements = Statements {
    differs: [
        "SELECT s.id, hex(substr(s.body, 2, 24)) FROM conflict s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 AND f.id = s.id \
         WHERE s.practice = $1 AND (f.id IS NULL OR f.gone = 1 OR f.mark <> hex(substr(s.body, 2, 24)))",
        "SELECT s.id, encode(substr(s.body, 2, 24), 'hex') FROM conflict s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 \
         AND f.id = s.id WHERE s.practice = $1 AND (f.id IS NULL OR f.gone = 1 OR f.mark <> encode(substr(s.body, 2, 24), 'hex'))",
    ],
    gone: [CONFLICTS_GONE, CONFLICTS_GONE],
};
const LEDGER: Statements = Statements {
    differs: [
        "SELECT s.id, hex(substr(s.body, 2, 24)) FROM ledger s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 AND f.id = s.id \
         WHERE s.practice = $1 AND s.part = $3 AND (f.id IS NULL OR f.gone = 1 OR f.mark <> hex(substr(s.body, 2, 24)))",
        "SELECT s.id, encode(substr(s.body, 2, 24), 'hex') FROM ledger s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 \
         AND f.id = s.id WHERE s.practice = $1 AND s.part = $3 \
         AND (f.id IS NULL OR f.gone = 1 OR f.mark <> encode(substr(s.body, 2, 24), 'hex'))",
    ],
    gone: [LEDGER_GONE, LEDGER_GONE],
};
const MIRRORED: Statements = Statements {
    differs: [MIRRORED_DIFFERS, MIRRORED_DIFFERS],
    gone: [MIRRORED_GONE, MIRRORED_GONE],
};
const PEOPLE_GONE: &str = "SELECT f.id FROM feed f LEFT JOIN entity s ON s.practice = $1 AND s.id = f.id \
     WHERE f.practice = $1 AND f.part = $2 AND f.gone = 0 AND s.id IS NULL";
const CONFLICTS_GONE: &str = "SELECT f.id FROM feed f LEFT JOIN conflict s ON s.practice = $1 AND s.id = f.id \
     WHERE f.practice = $1 AND f.part = $2 AND f.gone = 0 AND s.id IS NULL";
const LEDGER_GONE: &str = "SELECT f.id FROM feed f LEFT JOIN ledger s ON s.practice = $1 AND s.part = $3 AND s.id = f.id \
     WHERE f.practice = $1 AND f.part = $2 AND f.gone = 0 AND s.id IS NULL";
const MIRRORED_GONE: &str = "SELECT f.id FROM feed f LEFT JOIN mirror s ON s.practice = $1 AND s.system = $3 AND s.kind = $4 \
     AND s.remote_id = f.id AND s.gone = 0 WHERE f.practice = $1 AND f.part = $2 AND f.gone = 0 AND s.remote_id IS NULL";
const MIRRORED_DIFFERS: &str = "SELECT s.remote_id, CAST(s.seq AS TEXT) FROM mirror s LEFT JOIN feed f ON f.practice = $1 AND f.part = $2 \
     AND f.id = s.remote_id WHERE s.practice = $1 AND s.system = $3 AND s.kind = $4 AND s.gone = 0 \
     AND (f.id IS NULL OR f.gone = 1 OR f.mark <> CAST(s.seq AS TEXT))";

/// The number after the newest one.
fn next_after(last: Option<String>) -> i64 {
    last.and_then(|last| last.parse().ok()).unwrap_or(0i64) + 1
}

impl Followed {
    /// What its rows are kept under.
    fn part(&self) -> String {
        match self {
            Followed::People => "people".into(),
            Followed::Links => "links".into(),
            Followed::Conflicts => "conflicts".into(),
            Followed::Ledger(part) => format!("ledger/{part}"),
            Followed::Mirrored { system, kind } => format!("mirror/{system}/{kind}"),
        }
    }

    fn statements(&self) -> &'static Statements {
        match self {
            Followed::People => &PEOPLE,
            Followed::Links => &LINKS,
            Followed::Conflicts => &CONFLICTS_OPEN,
            Followed::Ledger(_) => &LEDGER,
            Followed::Mirrored { .. } => &MIRRORED,
        }
    }

    fn args(&self, store: &Store) -> Args {
        let mut args = Args::default();
        args.shared(&store.scope.practice).text(&self.part());
        match self {
            Followed::Ledger(part) => _ = args.text(part),
            Followed::Mirrored { system, kind } => _ = args.text(system).text(kind),
            Followed::People | Followed::Links | Followed::Conflicts => {}
        }
        args
    }
}

impl Store {
    /// Gives numbers to whatever changed since this was last called; the newest number. Reads a mark of everything
    /// there is, and writes only what differs. May run beside the driver and beside itself. Reads while it writes, so not
    /// for a store in memory, which has one connection.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn catch_up(&self, what: &Followed) -> Result<i64> {
        let statements = what.statements();
        let mut conn = self.read().await?;
        for (gone, [lite, post]) in [(false, statements.differs), (true, statements.gone)] {
            let sql = conn.either(lite, post);
            self.number(&mut conn, what, sql, gone).await?;
        }
        drop(conn);
        self.last_change().await
    }

    async fn number(&self, conn: &mut Conn, what: &Followed, sql: &'static str, gone: bool) -> Result<()> {
        let part = what.part();
        let mut found = rows(conn, sql.into_sql_str(), what.args(self))?;
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(row) = found.next().await?
            {
                let mark = if gone { String::new() } else { row.text(1)? };
                batch.push((row.text(0)?, mark));
            }
            if batch.is_empty() {
                return Ok(());
            }
            let mut tx = self.begin().await?;
            let (conn, scope) = tx.parts();
            let first = next_after(scope.meta(conn, LAST).await?);
            let last = first + i64::try_from(batch.len()).unwrap_or(0) - 1;
            scope.put_meta(conn, LAST, &last.to_string()).await?;
            // In a store that was made anew, or restored from a backup, the same numbers are given under other names.
            let mut name = [0; 4];
            rand::fill(&mut name);
            let numbered = batch.into_iter().zip(first..);
            let mut rows: Vec<_> = numbered
                .map(|((id, mark), seq)| (part.as_str(), id, mark, seq, gone))
                .collect();
            rows.push((BATCHES, format!("{last:020}"), bridge_core::hex(&name), last, false));
            PUT.run(
                conn,
                rows,
                |args, (part, id, mark, seq, gone): (&str, String, String, i64, bool)| {
                    args.shared(&scope.practice)
                        .text(part)
                        .text(&id)
                        .int(seq)
                        .text(&mark)
                        .int(gone.into());
                },
            )
            .await?;
            tx.commit().await?;
        }
    }

    /// The newest number that was given; 0 before the first.
    pub async fn last_change(&self) -> Result<i64> {
        Ok(next_after(self.meta(LAST).await?) - 1)
    }

    /// The name of the batch in which a number was given; none if it never was. Whoever keeps a number keeps the name
    /// with it: under another name it means nothing any more.
    pub async fn batch_of(&self, seq: i64) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(BATCHES).int(seq);
        let row = fetch_one(&mut self.read().await?, BATCH_OF, args).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// What got a number after `after` and up to `until`, in order; something that changed twice shows once.
    pub async fn changed_after(&self, what: &Followed, after: i64, until: i64, limit: usize) -> Result<Vec<Changed>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(&what.part())
            .int(after)
            .int(until)
            .int(limit as i64);
        let changed = |row: &Row| {
            Ok(Changed {
                id: row.text(0)?,
                seq: row.int(1)?,
                gone: row.int(2)? != 0,
            })
        };
        let rows = fetch(&mut self.read().await?, AFTER, args).await?;
        rows.iter().map(changed).collect()
    }

    /// Ids of what there is now after one of them (`""` from the start), in order of their bytes.
    pub async fn followed_ids(&self, what: &Followed, after: &str, limit: usize) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let sql = match what {
            Followed::People => "SELECT id FROM entity WHERE practice = $1 AND id > $2 ORDER BY id LIMIT $3",
            Followed::Conflicts => "SELECT id FROM conflict WHERE practice = $1 AND id > $2 ORDER BY id LIMIT $3",
            Followed::Ledger(_) => {
                "SELECT id FROM ledger WHERE practice = $1 AND id > $2 AND part = $4 ORDER BY id LIMIT $3"
            }
            Followed::Mirrored { system, kind } => return self.mirrored_ids(system, kind, after, limit).await,
            Followed::Links => {
                let mut parts = after.splitn(3, '/');
                let mut next = || parts.next().unwrap_or_default().to_string();
                args.text(&next()).text(&next()).text(&next()).int(limit as i64);
                let sql = "SELECT system || '/' || kind || '/' || remote_id FROM link WHERE practice = $1 \
                     AND (system, kind, remote_id) > ($2, $3, $4) ORDER BY system, kind, remote_id LIMIT $5";
                let rows = fetch(&mut self.read().await?, sql, args).await?;
                return rows.iter().map(|row| row.text(0)).collect();
            }
        };
        args.text(after).int(limit as i64);
        if let Followed::Ledger(part) = what {
            args.text(part);
        }
        let rows = fetch(&mut self.read().await?, sql, args).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// The conflicts of these ids that are open, in no order.
    pub async fn conflicts_among(&self, ids: &[String]) -> Result<Vec<ConflictRow>> {
        let head = |args: &mut Args| _ = args.shared(&self.scope.practice);
        let mut conn = self.read().await?;
        let rows = CONFLICTS
            .fetch(&mut conn, ids, head, |args, id| _ = args.text(id))
            .await?;
        rows.iter().map(|row| self.conflict_row(row)).collect()
    }

    /// Those of a part's bodies that have these ids, in no order.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if one does not open.
    pub async fn ledger_among(&self, part: &str, ids: &[String]) -> Result<Vec<(String, String)>> {
        let head = |args: &mut Args| _ = args.shared(&self.scope.practice).text(part);
        let mut conn = self.read().await?;
        let rows = ENTRIES
            .fetch(&mut conn, ids, head, |args, id| _ = args.text(id))
            .await?;
        let open = |row: &Row| {
            let id = row.text(0)?;
            let body = self.scope.open("ledger", &[part, &id], row.blob(1)?)?;
            Ok((id, body))
        };
        rows.iter().map(open).collect()
    }
}
