//! What people decided, said and took back: rows that only grow, with the state a decision was made on, sealed, so that
//! it can be taken back and rules can be tried on it.

use crate::{
    body::Scope,
    codec::Coded,
    db::{Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Row,
    records::{Page, Paged},
    tx::Tx,
    within::{self, Within},
};
use bridge_core::Time;
use bridge_core::undo::UnitState;
use serde_json::Value as Json;

const PUT: Insert = Insert {
    head: "INSERT INTO decision (practice, id, at, who, sort, entity, unit, item, grp, undone, body)",
    columns: 11,
    tail: "",
};
const ONE: &str =
    "SELECT id, at, who, sort, entity, unit, item, grp, undone, body FROM decision WHERE practice = $1 AND id = $2";
const NEWEST: &str = "SELECT id, at, who, sort, entity, unit, item, grp, undone, body FROM decision WHERE practice = $1 \
     AND (at, id) < ($2, $3) AND ($4 IS NULL OR sort = $4) AND ($5 IS NULL OR unit = $5) ORDER BY at DESC, id DESC LIMIT $6";
const OF_ENTITY: &str = "SELECT id, at, who, sort, entity, unit, item, grp, undone, body FROM decision WHERE practice = $1 \
     AND entity = $2 AND entity <> '' ORDER BY at DESC, id DESC LIMIT $3";
const OF_GROUP: &str = "SELECT id, at, who, sort, entity, unit, item, grp, undone, body FROM decision WHERE practice = $1 \
     AND grp = $2 AND grp <> '' ORDER BY at, id";
const UNDONE: &str = "UPDATE decision SET undone = $3 WHERE practice = $1 AND id = $2 AND undone = 0";

/// One decision, comment or other act of a person at the desk.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Given by whoever makes it.
    pub id: String,
    /// When.
    pub at: Time,
    /// Who, as the person was named to us.
    pub who: String,
    /// What it was: `value`, `apart`, `together`, `match`, `card`, `replay`, `comment` ...
    pub sort: String,
    /// The entity, where one is meant.
    pub entity: Option<String>,
    /// The unit, where one is meant.
    pub unit: Option<String>,
    /// The item of the inbox that was decided.
    pub item: String,
    /// What it was decided together with.
    pub group: Option<String>,
    /// When it was taken back.
    pub undone: Option<Time>,
    /// Choice, words, values: sealed.
    pub details: Json,
    /// The unit as it was before: sealed.
    pub before: Option<UnitState>,
}

impl Coded for (Json, Option<UnitState>) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((Coded::take(from)?, Coded::take(from)?))
    }
}

impl Tx {
    /// Notes decisions.
    pub async fn put_decisions(&mut self, rows: &[DecisionRow]) -> Result<()> {
        let (conn, scope) = self.parts();
        PUT.run(conn, rows.iter().collect(), |args, row: &DecisionRow| {
            let body = (row.details.clone(), row.before.clone());
            args.shared(&scope.practice)
                .text(&row.id)
                .int(row.at)
                .text(&row.who)
                .text(&row.sort)
                .text(row.entity.as_deref().unwrap_or_default())
                .text(row.unit.as_deref().unwrap_or_default())
                .text(&row.item)
                .text(row.group.as_deref().unwrap_or_default())
                .int(row.undone.unwrap_or(0))
                .blob(scope.seal("decision", &[&row.id], &body));
        })
        .await?;
        Ok(())
    }

    /// Marks a decision as taken back. Returns whether it stood until now: of two who take it back at once one succeeds.
    pub async fn mark_undone(&mut self, id: &str, now: Time) -> Result<bool> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(id).int(now);
        Ok(execute(conn, UNDONE, args).await? == 1)
    }
}

impl Store {
    /// One decision.
    pub async fn decision(&self, id: &str) -> Result<Option<DecisionRow>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(id);
        let row = fetch_one(&mut self.read().await?, ONE, args).await?;
        row.as_ref().map(|row| self.scope.decision(row)).transpose()
    }

    /// Decisions of one sort, about one unit, or all, newest first.
    pub async fn decisions(&self, sort: Option<&str>, unit: Option<&str>, page: &Page) -> Result<Paged<DecisionRow>> {
        self.newest(sort, unit, page, None).await
    }

    /// As [`Store::decisions`], of those that somebody sees who may see so much.
    pub async fn decisions_seen(
        &self,
        sort: Option<&str>,
        unit: Option<&str>,
        page: &Page,
        within: &Within,
    ) -> Result<Paged<DecisionRow>> {
        self.newest(sort, unit, page, Some(within)).await
    }

    async fn newest(
        &self,
        sort: Option<&str>,
        unit: Option<&str>,
        page: &Page,
        within: Option<&Within>,
    ) -> Result<Paged<DecisionRow>> {
        let (at, id) = match &page.after {
            Some(_) => page.start(),
            None => (Time::MAX, String::new()),
        };
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(at)
            .text(&id)
            .text_or_null(sort)
            .text_or_null(unit)
            .int(page.limit as i64);
        let mut conn = self.read().await?;
        let sql = match within {
            None => NEWEST,
            Some(within) => {
                within.bind(&mut args);
                args.text(&within.home);
                conn.either(within::DECISIONS[0], within::DECISIONS[1])
            }
        };
        let rows = fetch(&mut conn, sql, args).await?;
        let rows = rows
            .iter()
            .map(|row| self.scope.decision(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(Paged::of(rows, page, |row| (row.at, &row.id)))
    }

    /// Everything people decided and said about an entity, oldest first.
    pub async fn decisions_of(&self, entity: &str) -> Result<Vec<DecisionRow>> {
        self.latest_decisions_of(entity, usize::MAX >> 1).await
    }

    /// The latest that people decided and said about an entity, oldest first.
    pub async fn latest_decisions_of(&self, entity: &str, limit: usize) -> Result<Vec<DecisionRow>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity).int(limit as i64);
        let mut rows = self.decision_rows(OF_ENTITY, args).await?;
        rows.reverse();
        Ok(rows)
    }

    /// Everything that was decided together, oldest first.
    pub async fn decision_group(&self, group: &str) -> Result<Vec<DecisionRow>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(group);
        self.decision_rows(OF_GROUP, args).await
    }

    async fn decision_rows(&self, sql: &'static str, args: Args) -> Result<Vec<DecisionRow>> {
        let rows = fetch(&mut self.read().await?, sql, args).await?;
        rows.iter().map(|row| self.scope.decision(row)).collect()
    }
}

impl Scope {
    fn decision(&self, row: &Row) -> Result<DecisionRow> {
        let some = |column| row.text(column).map(|text| (!text.is_empty()).then_some(text));
        let id = row.text(0)?;
        let (details, before): (Json, Option<UnitState>) = self.open("decision", &[&id], row.blob(9)?)?;
        Ok(DecisionRow {
            at: row.int(1)?,
            who: row.text(2)?,
            sort: row.text(3)?,
            entity: some(4)?,
            unit: some(5)?,
            item: row.text(6)?,
            group: some(7)?,
            undone: Some(row.int(8)?).filter(|at| *at != 0),
            details,
            before,
            id,
        })
    }
}
