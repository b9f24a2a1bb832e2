//! What the ledger keeps: sealed bodies by part and id. The ledger reasons over all of them at once, so there is
//! nothing to search for.

use crate::{
    db::{Among, Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    tx::Tx,
};
use std::collections::BTreeMap;

const PUT: Insert = Insert {
    head: "INSERT INTO ledger (practice, part, id, body)",
    columns: 4,
    tail: "ON CONFLICT (practice, part, id) DO UPDATE SET body = excluded.body",
};
const DROP: Among = Among {
    head: "DELETE FROM ledger WHERE practice = ? AND part = ? AND id",
    tail: "",
};
/// Rows that are sealed copies in memory at once.
const PAGE: usize = 2048;
const PAGE_OF: &str =
    "SELECT id, body FROM ledger WHERE practice = $1 AND part = $2 AND id > $3 ORDER BY id LIMIT 2048";

const SOME: Among = Among {
    head: "SELECT id, body FROM ledger WHERE practice = ? AND part = ? AND id",
    tail: "",
};
const CLAIM: &str =
    "INSERT INTO ledger (practice, part, id, body) VALUES ($1, $2, $3, $4) ON CONFLICT (practice, part, id) DO NOTHING";
const ONE: &str = "SELECT body FROM ledger WHERE practice = $1 AND part = $2 AND id = $3";

impl Tx {
    /// Keeps a body only if there is none under its id; whether it was kept. Of many who try at once one succeeds.
    pub async fn claim_ledger(&mut self, part: &str, id: &str, body: &str) -> Result<bool> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice)
            .text(part)
            .text(id)
            .blob(scope.seal("ledger", &[part, id], &body.to_string()));
        Ok(execute(conn, CLAIM, args).await? == 1)
    }

    /// As [`Store::ledger_row`], within this transaction: nobody else changes it until it ends.
    pub async fn ledger_row(&mut self, part: &str, id: &str) -> Result<Option<String>> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(part).text(id);
        let row = fetch_one(conn, ONE, args).await?;
        row.map(|row| scope.open("ledger", &[part, id], row.blob(0)?))
            .transpose()
    }

    /// Keeps bodies (JSON text) by id, each in the place of the one before.
    pub async fn put_ledger(&mut self, part: &str, rows: &[(String, String)]) -> Result<()> {
        let (conn, scope) = self.parts();
        PUT.run(conn, rows.iter().collect(), |args, (id, body): &(String, String)| {
            args.shared(&scope.practice)
                .text(part)
                .text(id)
                .blob(scope.seal("ledger", &[part, id], body));
        })
        .await?;
        Ok(())
    }

    /// Forgets bodies.
    pub async fn drop_ledger(&mut self, part: &str, ids: &[String]) -> Result<()> {
        let (conn, scope) = self.parts();
        DROP.run(
            conn,
            ids,
            |args| {
                args.shared(&scope.practice).text(part);
            },
            |args, id| {
                args.text(id);
            },
        )
        .await?;
        Ok(())
    }
}

impl Store {
    /// One body of a part, if there is one.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if it does not open.
    pub async fn ledger_row(&self, part: &str, id: &str) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(part).text(id);
        let row = fetch_one(&mut self.read().await?, ONE, args).await?;
        row.map(|row| self.scope.open("ledger", &[part, id], row.blob(0)?))
            .transpose()
    }

    /// Those of these bodies of a part that there are, by id.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if one does not open.
    pub async fn ledger_rows(&self, part: &str, ids: &[String]) -> Result<BTreeMap<String, String>> {
        let mut conn = self.read().await?;
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice).text(part);
        };
        let rows = SOME
            .fetch(&mut conn, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        rows.iter()
            .map(|row| {
                let id = row.text(0)?;
                let body = self.scope.open("ledger", &[part, &id], row.blob(1)?)?;
                Ok((id, body))
            })
            .collect()
    }

    /// Everything of a part in order of its ids, handed out one by one.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if a body does not open.
    pub async fn ledger(&self, part: &str, mut each: impl FnMut(String, String)) -> Result<()> {
        let mut after = String::new();
        loop {
            let mut args = Args::default();
            args.shared(&self.scope.practice).text(part).text(&after);
            let rows = fetch(&mut self.read().await?, PAGE_OF, args).await?;
            let full = rows.len() == PAGE;
            for row in &rows {
                let id: String = row.text(0)?;
                let body = self.scope.open("ledger", &[part, &id], row.blob(1)?)?;
                after.clone_from(&id);
                each(id, body);
            }
            if !full {
                return Ok(());
            }
        }
    }
}
