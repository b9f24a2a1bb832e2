//! A new key: every body sealed again, every look-up hashed again, in one transaction. Killed at
//! any moment, the store is whole under the old key or whole under the new one.

use crate::{
    body::{Scope, spread},
    db::{Args, Columns, Insert, execute, fetch},
    error::Result,
    key::{Key, Keys},
    load::sealed_link,
    open::Store,
    pool::{Conn, Row},
    records::{LookupKey, RecordKey},
    tx::Tx,
};
use bridge_core::Link;
use std::sync::Arc;

/// A table with sealed bodies.
struct Sealed {
    table: &'static str,
    /// Key columns and the body of the rows after a key, in order of the key.
    page: &'static str,
    /// Puts bodies back: practice, key columns, body.
    update: Insert,
    /// Key columns; a single one may be a number.
    keys: usize,
    numbered: bool,
}

const TABLES: [Sealed; 10] = [
    Sealed {
        table: "entity",
        page: "SELECT id, body FROM entity WHERE practice = $1 AND id > $2 ORDER BY id LIMIT 512",
        update: Insert {
            head: "UPDATE entity SET body = v.column3 FROM (",
            columns: 3,
            tail: ") AS v WHERE entity.practice = v.column1 AND entity.id = v.column2",
        },
        keys: 1,
        numbered: false,
    },
    Sealed {
        table: "link",
        page: "SELECT system, kind, remote_id, body FROM link WHERE practice = $1 \
               AND (system, kind, remote_id) > ($2, $3, $4) ORDER BY system, kind, remote_id LIMIT 512",
        update: Insert {
            head: "UPDATE link SET body = v.column5 FROM (",
            columns: 5,
            tail: ") AS v WHERE link.practice = v.column1 AND link.system = v.column2 AND link.kind = v.column3 \
                   AND link.remote_id = v.column4",
        },
        keys: 3,
        numbered: false,
    },
    Sealed {
        table: "write",
        page: "SELECT entity, system, body FROM write WHERE practice = $1 \
               AND (entity, system) > ($2, $3) ORDER BY entity, system LIMIT 512",
        update: Insert {
            head: "UPDATE write SET body = v.column4 FROM (",
            columns: 4,
            tail: ") AS v WHERE write.practice = v.column1 AND write.entity = v.column2 AND write.system = v.column3",
        },
        keys: 2,
        numbered: false,
    },
    Sealed {
        table: "conflict",
        page: "SELECT entity, unit, body FROM conflict WHERE practice = $1 \
               AND (entity, unit) > ($2, $3) ORDER BY entity, unit LIMIT 512",
        update: Insert {
            head: "UPDATE conflict SET body = v.column4 FROM (",
            columns: 4,
            tail: ") AS v WHERE conflict.practice = v.column1 AND conflict.entity = v.column2 AND conflict.unit = v.column3",
        },
        keys: 2,
        numbered: false,
    },
    Sealed {
        table: "audit",
        page: "SELECT seq, body FROM audit WHERE practice = $1 AND seq > $2 AND body IS NOT NULL ORDER BY seq LIMIT 512",
        update: Insert {
            head: "UPDATE audit SET body = v.column3 FROM (",
            columns: 3,
            tail: ") AS v WHERE audit.practice = v.column1 AND audit.seq = v.column2",
        },
        keys: 1,
        numbered: true,
    },
    Sealed {
        table: "loser",
        page: "SELECT seq, value FROM loser WHERE practice = $1 AND seq > $2 ORDER BY seq LIMIT 512",
        update: Insert {
            head: "UPDATE loser SET value = v.column3 FROM (",
            columns: 3,
            tail: ") AS v WHERE loser.practice = v.column1 AND loser.seq = v.column2",
        },
        keys: 1,
        numbered: true,
    },
    Sealed {
        table: "secret",
        page: "SELECT name, body FROM secret WHERE practice = $1 AND name > $2 ORDER BY name LIMIT 512",
        update: Insert {
            head: "UPDATE secret SET body = v.column3 FROM (",
            columns: 3,
            tail: ") AS v WHERE secret.practice = v.column1 AND secret.name = v.column2",
        },
        keys: 1,
        numbered: false,
    },
    Sealed {
        table: "ledger",
        page: "SELECT part, id, body FROM ledger WHERE practice = $1 AND (part, id) > ($2, $3) ORDER BY part, id LIMIT 512",
        update: Insert {
            head: "UPDATE ledger SET body = v.column4 FROM (",
            columns: 4,
            tail: ") AS v WHERE ledger.practice = v.column1 AND ledger.part = v.column2 AND ledger.id = v.column3",
        },
        keys: 2,
        numbered: false,
    },
    Sealed {
        table: "mirror",
        page: "SELECT system, kind, remote_id, body FROM mirror WHERE practice = $1 AND (system, kind, remote_id) > ($2, $3, $4) \
               ORDER BY system, kind, remote_id LIMIT 512",
        update: Insert {
            head: "UPDATE mirror SET body = v.column5 FROM (",
            columns: 5,
            tail: ") AS v WHERE mirror.practice = v.column1 AND mirror.system = v.column2 AND mirror.kind = v.column3 \
                   AND mirror.remote_id = v.column4",
        },
        keys: 3,
        numbered: false,
    },
    Sealed {
        table: "decision",
        page: "SELECT id, body FROM decision WHERE practice = $1 AND id > $2 ORDER BY id LIMIT 512",
        update: Insert {
            head: "UPDATE decision SET body = v.column3 FROM (",
            columns: 3,
            tail: ") AS v WHERE decision.practice = v.column1 AND decision.id = v.column2",
        },
        keys: 1,
        numbered: false,
    },
];
const LINKS: &str = "SELECT system, kind, remote_id, entity, body FROM link WHERE practice = $1 \
     AND (system, kind, remote_id) > ($2, $3, $4) ORDER BY system, kind, remote_id LIMIT 512";

/// A key column's value.
#[derive(Clone)]
enum Part {
    Text(String),
    Number(i64),
}

impl Part {
    fn of(row: &Row, column: usize, numbered: bool) -> Result<Self> {
        if numbered {
            row.int(column).map(Part::Number)
        } else {
            row.text(column).map(Part::Text)
        }
    }

    fn bind(&self, args: &mut Args) {
        match self {
            Part::Text(text) => args.text(text),
            Part::Number(number) => args.int(*number),
        };
    }

    fn show(&self) -> String {
        match self {
            Part::Text(text) => text.clone(),
            Part::Number(number) => number.to_string(),
        }
    }
}

impl Store {
    /// Seals everything of this practice with a new key and indexes its records again: `keys_of`
    /// and `names_of` say what a record is found and searched by, as [`Tx::set_keys`] and
    /// [`Tx::set_name_parts`] were told when it was observed. Takes the write lock until it is
    /// done; whoever else has the store open with the old key is refused from then on.
    ///
    /// Returns the store under the new key. If it fails or is killed, the old key still opens
    /// everything. Bodies sealed with the old key leave the file too, since it is rewritten; PostgreSQL
    /// overwrites them sooner or later.
    pub async fn rotate(
        self,
        new_key: &Key,
        keys_of: impl Fn(&Link) -> Vec<LookupKey> + Send + Sync,
        names_of: impl Fn(&Link) -> Vec<String> + Send + Sync,
    ) -> Result<Store> {
        let Tx { mut inner, scope: old } = self.begin().await?;
        let new = Scope {
            practice: old.practice.clone(),
            keys: Arc::new(Keys::new(new_key, &old.practice)),
        };
        for sealed in &TABLES {
            reseal(&mut inner, sealed, &old, &new).await?;
        }
        new.put_meta(&mut inner, "key_check", &new.keys.check).await?;
        new.put_meta(&mut inner, "key_id", &new.keys.id).await?;
        let mut tx = Tx {
            inner,
            scope: new.clone(),
        };
        tx.index_again(keys_of, names_of).await?;
        tx.commit().await?;
        let store = Store { scope: new, ..self };
        store.rewrite().await?;
        Ok(store)
    }
}

async fn reseal(conn: &mut Conn, sealed: &Sealed, old: &Scope, new: &Scope) -> Result<()> {
    let first = if sealed.numbered {
        Part::Number(i64::MIN)
    } else {
        Part::Text(String::new())
    };
    let mut last = vec![first; sealed.keys];
    loop {
        let mut args = Args::default();
        args.shared(&new.practice);
        last.iter().for_each(|part| part.bind(&mut args));
        let rows = fetch(conn, sealed.page, args).await?;
        let rows = spread(rows, |row| {
            let key = (0..sealed.keys)
                .map(|column| Part::of(&row, column, sealed.numbered))
                .collect::<Result<Vec<_>>>()?;
            let names: Vec<String> = key.iter().map(Part::show).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let body = old.seal_with(new, sealed.table, &names, row.blob(sealed.keys)?)?;
            Ok((key, body))
        });
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
        let Some((key, _)) = rows.last() else { return Ok(()) };
        last.clone_from(key);
        sealed
            .update
            .run(conn, rows, |args, (key, body)| {
                args.shared(&new.practice);
                key.iter().for_each(|part| part.bind(args));
                args.blob(body);
            })
            .await?;
    }
}

impl Tx {
    async fn index_again(
        &mut self,
        keys_of: impl Fn(&Link) -> Vec<LookupKey> + Send + Sync,
        names_of: impl Fn(&Link) -> Vec<String> + Send + Sync,
    ) -> Result<()> {
        let (conn, scope) = self.parts();
        for sql in [
            "DELETE FROM lookup WHERE practice = $1",
            "DELETE FROM name_part WHERE practice = $1",
            "DELETE FROM name_prefix WHERE practice = $1",
        ] {
            let mut args = Args::default();
            args.shared(&scope.practice);
            execute(conn, sql, args).await?;
        }
        self.reset_concerns().await?;
        let mut last = RecordKey::new("", "", "");
        loop {
            let (conn, scope) = self.parts();
            let mut args = Args::default();
            args.shared(&scope.practice)
                .text(&last.system)
                .text(&last.kind)
                .text(&last.remote_id);
            let rows = fetch(conn, LINKS, args).await?;
            let links = spread(rows, |row| {
                let link = scope.open_link(sealed_link(&row)?)?;
                Ok((RecordKey::from(&link), keys_of(&link), names_of(&link)))
            });
            let links = links.into_iter().collect::<Result<Vec<_>>>()?;
            let Some((record, ..)) = links.last() else {
                return Ok(());
            };
            last = record.clone();
            let (keys, names): (Vec<_>, Vec<_>) = links
                .into_iter()
                .map(|(record, keys, names)| ((record.clone(), keys), (record, names)))
                .unzip();
            self.set_keys(&keys).await?;
            self.set_name_parts(
                &names
                    .into_iter()
                    .filter(|(_, names)| !names.is_empty())
                    .collect::<Vec<_>>(),
            )
            .await?;
        }
    }
}
