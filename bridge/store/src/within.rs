//! What somebody sees who may see the people of some locations only. Every list has a statement of its own for them, so that
//! those who see everybody pay nothing for it.
//!
//! - An entity is seen if it belongs to one of the locations; or, where that is allowed, if it belongs to none (a practice
//!   group is no location for that).
//! - A pair of records is seen if at least one of the two is, and the other is seen as well or is of nobody whom the home
//!   system knows and of no location.
//! - Anything else that waits (what is to be recorded about an invoice) is of every location, and not seen.

use crate::{
    db::{Among, Args, Columns, fetch},
    error::Result,
    open::Store,
    pool::{Conn, Row},
    records::{Page, Paged},
    waiting::{Cell, Item, ItemFilter, item, joined, split},
};
use bridge_core::Time;
use std::collections::BTreeSet;

/// Whose records somebody may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Within {
    /// People of these locations.
    pub locations: BTreeSet<String>,
    /// People who belong to no location too.
    pub unplaced: bool,
    /// The system whose records of people are patients.
    pub home: String,
}

impl Within {
    /// The list, as statements look into it. Never finds a blank location.
    pub(crate) fn list(&self) -> String {
        let known = self.locations.iter().filter(|id| !id.is_empty() && !id.contains(','));
        known.fold(String::from(","), |list, id| list + id + ",")
    }

    pub(crate) fn bind(&self, args: &mut Args) {
        args.text(&self.list()).int(self.unplaced.into());
    }
}

/// The entity of that expression is seen.
macro_rules! seen {
    ($entity:literal, $find:literal, $practice:literal, $list:literal, $unplaced:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM located p WHERE p.practice = ",
            $practice,
            " AND p.entity = ",
            $entity,
            " AND ",
            $find,
            "(",
            $list,
            ", ',' || p.location || ',') > 0) OR ",
            $unplaced,
            " = 1 AND NOT EXISTS (SELECT 1 FROM located p WHERE p.practice = ",
            $practice,
            " AND p.entity = ",
            $entity,
            " AND p.sort <> 'group'))"
        )
    };
}

/// The entity of that expression is of nobody's patients and of no location.
macro_rules! stranger {
    ($entity:literal, $practice:literal, $home:literal) => {
        concat!(
            "(NOT EXISTS (SELECT 1 FROM link h WHERE h.practice = ",
            $practice,
            " AND h.entity = ",
            $entity,
            " AND h.system = ",
            $home,
            ") AND NOT EXISTS (SELECT 1 FROM located p WHERE p.practice = ",
            $practice,
            " AND p.entity = ",
            $entity,
            "))"
        )
    };
}

/// The pair of that id is seen.
macro_rules! pair {
    ($id:literal, $find:literal, $practice:literal, $list:literal, $unplaced:literal, $home:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM candidate c \
             JOIN link a ON a.practice = c.practice AND a.system = c.a_system AND a.kind = c.a_kind AND a.remote_id = c.a_id \
             JOIN link b ON b.practice = c.practice AND b.system = c.b_system AND b.kind = c.b_kind AND b.remote_id = c.b_id \
             WHERE c.practice = ",
            $practice,
            " AND c.id = ",
            $id,
            " AND a.entity IS NOT NULL AND b.entity IS NOT NULL AND (",
            seen!("a.entity", $find, $practice, $list, $unplaced),
            " AND (",
            seen!("b.entity", $find, $practice, $list, $unplaced),
            " OR ",
            stranger!("b.entity", $practice, $home),
            ") OR ",
            seen!("b.entity", $find, $practice, $list, $unplaced),
            " AND ",
            stranger!("a.entity", $practice, $home),
            "))"
        )
    };
}

/// The item `i` is seen.
macro_rules! item {
    ($find:literal, $practice:literal, $list:literal, $unplaced:literal, $home:literal) => {
        concat!(
            "CASE WHEN i.entity <> '' THEN ",
            seen!("i.entity", $find, $practice, $list, $unplaced),
            " WHEN substr(i.topic, 1, 6) = 'match/' THEN ",
            pair!("i.id", $find, $practice, $list, $unplaced, $home),
            " ELSE 1 = 0 END"
        )
    };
}

/// The decision `d` is seen.
macro_rules! decision {
    ($find:literal, $practice:literal, $list:literal, $unplaced:literal, $home:literal) => {
        concat!(
            "CASE WHEN d.sort = 'match' THEN ",
            pair!("d.item", $find, $practice, $list, $unplaced, $home),
            " WHEN d.entity <> '' THEN ",
            seen!("d.entity", $find, $practice, $list, $unplaced),
            " ELSE 1 = 0 END"
        )
    };
}

macro_rules! page {
    ($find:literal, $text:literal) => {
        concat!(
            "SELECT i.id, i.topic, i.systems, i.entity, i.since, i.assigned, i.snoozed FROM inbox i WHERE i.practice = $1 \
             AND (i.since, i.id) > ($2, $3) AND ($4",
            $text,
            " IS NULL OR ",
            $find,
            "($4, ',' || i.topic || ',') > 0) AND ($5",
            $text,
            " IS NULL OR ",
            $find,
            "(i.systems, $5) > 0) AND ($6",
            $text,
            " IS NULL OR i.assigned = $6) AND i.snoozed >= $7 AND i.snoozed <= $8 AND i.since <= $9 AND ($10",
            $text,
            " IS NULL OR i.entity = $10) AND ",
            item!($find, "$1", "$12", "$13", "$14"),
            " ORDER BY i.since, i.id LIMIT $11"
        )
    };
}

/// Counts of items `i`, by what filters go by, and how many of them wait since $5 or longer. `$same` keeps SQLite from the
/// index that is in this order and lacks the entity.
macro_rules! cells {
    (($($where:tt)*), $same:literal) => {
        concat!(
            "SELECT i.topic, i.systems, i.assigned, i.snoozed, count(*), sum(CASE WHEN i.since <= $5 THEN 1 ELSE 0 END) \
             FROM inbox i WHERE i.practice = $1 AND ",
            $($where)*,
            " GROUP BY ",
            $same,
            "i.topic, ",
            $same,
            "i.systems, ",
            $same,
            "i.assigned, ",
            $same,
            "i.snoozed"
        )
    };
}

macro_rules! cells_of_people {
    ($find:literal, $same:literal, $text:literal) => {
        cells!(
            (
                "i.entity <> '' AND $4",
                $text,
                " IS NOT NULL AND ",
                seen!("i.entity", $find, "$1", "$2", "$3")
            ),
            $same
        )
    };
}

macro_rules! cells_of_pairs {
    ($find:literal) => {
        cells!(
            (
                "i.topic IN ('match/pair', 'match/twice') AND ",
                pair!("i.id", $find, "$1", "$2", "$3", "$4")
            ),
            ""
        )
    };
}

macro_rules! newest {
    ($find:literal, $text:literal) => {
        concat!(
            "SELECT d.id, d.at, d.who, d.sort, d.entity, d.unit, d.item, d.grp, d.undone, d.body FROM decision d \
             WHERE d.practice = $1 AND (d.at, d.id) < ($2, $3) AND ($4",
            $text,
            " IS NULL OR d.sort = $4) AND ($5",
            $text,
            " IS NULL OR d.unit = $5) AND ",
            decision!($find, "$1", "$7", "$8", "$9"),
            " ORDER BY d.at DESC, d.id DESC LIMIT $6"
        )
    };
}

macro_rules! named {
    ($find:literal, $words:literal, $limit:literal, $list:literal, $unplaced:literal) => {
        concat!(
            "SELECT n.system, n.kind, n.remote_id, l.entity, l.state FROM name_prefix n JOIN link l \
             ON l.practice = n.practice AND l.system = n.system AND l.kind = n.kind AND l.remote_id = n.remote_id \
             WHERE n.practice = $1 AND n.hash = $2 AND l.entity IS NOT NULL ",
            $words,
            " AND ",
            seen!("l.entity", $find, "$1", $list, $unplaced),
            " LIMIT ",
            $limit
        )
    };
}

/// The second and third word.
macro_rules! words {
    ($find:literal) => {
        named!(
            $find,
            "AND EXISTS (SELECT 1 FROM name_prefix o WHERE o.practice = n.practice AND o.hash = $3 AND o.system = n.system \
             AND o.kind = n.kind AND o.remote_id = n.remote_id) \
             AND EXISTS (SELECT 1 FROM name_prefix o WHERE o.practice = n.practice AND o.hash = $4 AND o.system = n.system \
             AND o.kind = n.kind AND o.remote_id = n.remote_id)",
            "$5",
            "$6",
            "$7"
        )
    };
}

const PAGE: [&str; 2] = [page!("instr", ""), page!("strpos", "::text")];
pub(crate) const DECISIONS: [&str; 2] = [newest!("instr", ""), newest!("strpos", "::text")];
pub(crate) const NAMED: [&str; 2] = [words!("instr"), words!("strpos")];
pub(crate) const NAMED_ONE: [&str; 2] = [
    named!("instr", "", "$3", "$4", "$5"),
    named!("strpos", "", "$3", "$4", "$5"),
];
const CELLS_OF_PEOPLE: [&str; 2] = [
    cells_of_people!("instr", "+", ""),
    cells_of_people!("strpos", "", "::text"),
];
const CELLS_OF_PAIRS: [&str; 2] = [cells_of_pairs!("instr"), cells_of_pairs!("strpos")];
/// Which of those asked for are seen, in the words of both databases.
macro_rules! among {
    ($select:literal, { $($lite:tt)* }, { $($post:tt)* }, $id:literal) => {
        [
            Among {
                head: concat!(
                    "WITH asked AS (SELECT ? AS list, ? AS unplaced, ? AS home) ",
                    $select,
                    $($lite)*,
                    $id
                ),
                tail: "",
            },
            Among {
                head: concat!(
                    "WITH asked AS (SELECT ?::text AS list, ?::bigint AS unplaced, ?::text AS home) ",
                    $select,
                    $($post)*,
                    $id
                ),
                tail: "",
            },
        ]
    };
}

const ENTITIES: [Among; 2] = among!(
    "SELECT e.id FROM entity e, asked q WHERE e.practice = ? AND ",
    { seen!("e.id", "instr", "e.practice", "q.list", "q.unplaced") },
    { seen!("e.id", "strpos", "e.practice", "q.list", "q.unplaced") },
    " AND e.id"
);
const ITEMS: [Among; 2] = among!(
    "SELECT i.id FROM inbox i, asked q WHERE i.practice = ? AND ",
    { item!("instr", "i.practice", "q.list", "q.unplaced", "q.home") },
    { item!("strpos", "i.practice", "q.list", "q.unplaced", "q.home") },
    " AND i.id"
);
const DECIDED: [Among; 2] = among!(
    "SELECT d.id FROM decision d, asked q WHERE d.practice = ? AND ",
    { decision!("instr", "d.practice", "q.list", "q.unplaced", "q.home") },
    { decision!("strpos", "d.practice", "q.list", "q.unplaced", "q.home") },
    " AND d.id"
);

fn either<'s, T>(conn: &Conn, [lite, post]: &'s [T; 2]) -> &'s T {
    match conn {
        Conn::Lite(_) => lite,
        Conn::Post(_) => post,
    }
}

impl Store {
    /// Those of these entities that are seen.
    pub async fn entities_within(&self, ids: &[String], within: &Within) -> Result<BTreeSet<String>> {
        self.among_within(&ENTITIES, ids, within).await
    }

    /// Those of these items that wait and are seen.
    pub async fn items_within(&self, ids: &[String], within: &Within) -> Result<BTreeSet<String>> {
        self.among_within(&ITEMS, ids, within).await
    }

    /// Those of these decisions that are seen.
    pub async fn decisions_within(&self, ids: &[String], within: &Within) -> Result<BTreeSet<String>> {
        self.among_within(&DECIDED, ids, within).await
    }

    /// How many of the items that are seen there are of each sort, as [`Store::item_cells`], and how many wait since a moment
    /// or longer. Looks at every item, so it takes longer than for those who see everybody.
    pub async fn item_cells_within(&self, since: Time, within: &Within) -> Result<(Vec<Cell>, u64)> {
        let (mut cells, mut older) = (vec![], 0);
        let mut conn = self.read().await?;
        for sql in [&CELLS_OF_PEOPLE, &CELLS_OF_PAIRS] {
            let mut args = Args::default();
            args.shared(&self.scope.practice);
            within.bind(&mut args);
            args.text(&within.home).int(since);
            let sql = either(&conn, sql);
            for row in fetch(&mut conn, sql, args).await? {
                older += row.int(5)?.unsigned_abs();
                cells.push(cell(&row)?);
            }
        }
        Ok((cells, older))
    }

    /// As [`Store::items`], of those that are seen.
    pub(crate) async fn items_seen(&self, filter: &ItemFilter, within: &Within, page: &Page) -> Result<Paged<Item>> {
        let (since, id) = page.start();
        let topics = filter.topics.as_ref().map(|topics| joined(topics));
        let system = filter.system.as_ref().map(|system| format!(",{system},"));
        let (least, most) = match filter.asleep {
            None => (Time::MIN, Time::MAX),
            Some((true, now)) => (now.saturating_add(1), Time::MAX),
            Some((false, now)) => (Time::MIN, now),
        };
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(since)
            .text(&id)
            .text_or_null(topics.as_deref())
            .text_or_null(system.as_deref())
            .text_or_null(filter.assigned.as_deref())
            .int(least)
            .int(most)
            .int(filter.until.unwrap_or(Time::MAX))
            .text_or_null(filter.entity.as_deref())
            .int(page.limit as i64);
        within.bind(&mut args);
        args.text(&within.home);
        let mut conn = self.read().await?;
        let sql = either(&conn, &PAGE);
        let rows = fetch(&mut conn, sql, args).await?;
        let rows = rows.iter().map(item).collect::<Result<Vec<_>>>()?;
        Ok(Paged::of(rows, page, |item| (item.since, &item.id)))
    }

    async fn among_within(&self, sql: &[Among; 2], ids: &[String], within: &Within) -> Result<BTreeSet<String>> {
        let mut conn = self.read().await?;
        let head = |args: &mut Args| {
            within.bind(args);
            args.text(&within.home).shared(&self.scope.practice);
        };
        let sql = either(&conn, sql);
        let rows = sql.fetch(&mut conn, ids, head, |args, id| _ = args.text(id)).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }
}

fn cell(row: &Row) -> Result<Cell> {
    Ok(Cell {
        topic: row.text(0)?,
        systems: split(&row.text(1)?),
        assigned: Some(row.text(2)?).filter(|who| !who.is_empty()),
        snoozed: row.int(3)?,
        count: row.int(4)?.unsigned_abs(),
    })
}
