//! Where people belong: at which locations the appointments of their records are, and what is agreed of them. One index
//! from entities to locations, kept in the transaction of what it follows from: a save of entities, or of visits.
//!
//! What a stolen file tells without the key: at which clinics, by their ids, which numbers of patients have appointments, and
//! how many; as little about who they are as the table of links.

use crate::{
    body::Scope,
    db::{Among, Args, Columns, Insert, execute, fetch},
    error::Result,
    open::Store,
    pool::Conn,
    tx::Tx,
    waiting::DONE,
};
use bridge_core::location::{Belongs, UNIT};
use bridge_core::{Entity, Time};
use std::collections::BTreeSet;
use std::sync::Arc;

const VISITED: Insert = Insert {
    head: "INSERT INTO visited (practice, system, kind, remote_id, appointment, role, location)",
    columns: 7,
    tail: "ON CONFLICT (practice, system, kind, remote_id, appointment, role) DO UPDATE SET location = excluded.location",
};
const WHO_VISITED: Among = Among {
    head: "SELECT DISTINCT remote_id FROM visited WHERE practice = ? AND system = ? AND appointment",
    tail: "",
};
const NOT_VISITED: Among = Among {
    head: "DELETE FROM visited WHERE practice = ? AND system = ? AND appointment",
    tail: "",
};
const OF_ROLE: &str =
    "SELECT DISTINCT remote_id FROM visited WHERE practice = $1 AND system = $2 AND role = $3 AND location <> $4";
const MOVE_ROLE: &str = "UPDATE visited SET location = $4 WHERE practice = $1 AND system = $2 AND role = $3";
/// What visits say of the entities of records, anew.
const NOWHERE_BY_RECORD: Among = Among {
    head: "DELETE FROM located WHERE practice = ? AND sort = 'visit' AND entity IN (SELECT entity FROM link \
           WHERE practice = ? AND system = ? AND kind = ? AND entity IS NOT NULL AND remote_id",
    tail: ")",
};
const BY_RECORD: Among = Among {
    head: "INSERT INTO located (practice, entity, location, sort) SELECT DISTINCT l.practice, l.entity, v.location, 'visit' \
           FROM link o JOIN link l ON l.practice = o.practice AND l.entity = o.entity \
           JOIN visited v ON v.practice = l.practice AND v.system = l.system AND v.kind = l.kind AND v.remote_id = l.remote_id \
           WHERE o.practice = ? AND o.system = ? AND o.kind = ? AND o.entity IS NOT NULL AND o.remote_id",
    tail: "ON CONFLICT (practice, entity, location, sort) DO NOTHING",
};
/// The same by entity.
const NOWHERE: Among = Among {
    head: "DELETE FROM located WHERE practice = ? AND sort = 'visit' AND entity",
    tail: "",
};
const BY_ENTITY: Among = Among {
    head: "INSERT INTO located (practice, entity, location, sort) SELECT DISTINCT l.practice, l.entity, v.location, 'visit' \
           FROM link l JOIN visited v ON v.practice = l.practice AND v.system = l.system AND v.kind = l.kind \
           AND v.remote_id = l.remote_id WHERE l.practice = ? AND l.entity",
    tail: "ON CONFLICT (practice, entity, location, sort) DO NOTHING",
};
const NO_UNIT: Among = Among {
    head: "DELETE FROM located WHERE practice = ? AND sort <> 'visit' AND entity",
    tail: "",
};
const UNITS: Insert = Insert {
    head: "INSERT INTO located (practice, entity, location, sort)",
    columns: 4,
    tail: "ON CONFLICT (practice, entity, location, sort) DO NOTHING",
};
const ANY_VISIT: &str = "SELECT 1 FROM visited WHERE practice = $1 LIMIT 1";
const ENTITIES: &str = "SELECT id FROM entity WHERE practice = $1 AND id > $2 ORDER BY id LIMIT $3";
const OF_ENTITY: &str =
    "SELECT location, sort FROM located WHERE practice = $1 AND entity = $2 ORDER BY location, sort";
/// The note that says how far entities of an older release are in the index; `done` in the end.
pub(crate) const INDEXED: &str = "located_indexed";
/// The note of when every visit there was last known to be in the index.
const WHOLE: &str = "located_whole";

/// An appointment, by whom and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    /// Its id.
    pub appointment: String,
    /// Records of people that it names; none of one that is gone.
    pub people: BTreeSet<String>,
    /// Roles that hold it, each with its location; blank where that is not known.
    pub roles: Vec<(String, String)>,
}

/// Where somebody belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The location, by its id; blank for a visit at one that is not known.
    pub location: String,
    /// By a visit; else by what is agreed of the person.
    pub by_visit: bool,
    /// It is a whole practice group.
    pub group: bool,
}

/// What a save changes about where an entity belongs.
pub(crate) struct Moved {
    entity: String,
    /// Other records are its own now.
    records: bool,
    new: bool,
    /// The organization that is agreed now, if that changed.
    unit: Option<Option<String>>,
}

fn agreed(entity: &Entity) -> Option<&str> {
    let text = entity.agreed.get(UNIT).and_then(|agreed| agreed.value.as_text());
    text.filter(|text| !text.trim().is_empty())
}

/// What a save changes, if anything. `records`: records left or joined.
pub(crate) fn moved(before: Option<&Entity>, after: &Entity, records: bool) -> Option<Moved> {
    let (was, is) = (before.and_then(agreed), agreed(after));
    let unit = (was != is).then(|| is.map(str::to_string));
    (records || unit.is_some()).then(|| Moved {
        entity: after.id.clone(),
        records,
        new: before.is_none(),
        unit,
    })
}

fn unit_row(entity: &str, organization: &str) -> (String, String, &'static str) {
    let sort = match Belongs::of(organization) {
        Belongs::Group => "group",
        Belongs::Location => "unit",
    };
    (entity.to_string(), organization.to_string(), sort)
}

async fn put_units(conn: &mut Conn, practice: &Arc<str>, rows: Vec<(String, String, &'static str)>) -> Result<()> {
    UNITS
        .run(conn, rows, |args, (entity, location, sort)| {
            args.shared(practice).text(&entity).text(&location).text(sort);
        })
        .await?;
    Ok(())
}

impl Scope {
    /// Brings the index up to what a save changed; after its links were written.
    pub(crate) async fn relocate(&self, conn: &mut Conn, moved: Vec<Moved>) -> Result<()> {
        let practice = &self.practice;
        let head = |args: &mut Args| {
            args.shared(practice);
        };
        let id = |args: &mut Args, id: &String| {
            args.text(id);
        };
        let of = |which: fn(&&Moved) -> bool| -> Vec<String> {
            moved.iter().filter(which).map(|m| m.entity.clone()).collect()
        };
        let joined = of(|m| m.records);
        if !joined.is_empty() {
            let mut args = Args::default();
            args.shared(practice);
            if !fetch(conn, ANY_VISIT, args).await?.is_empty() {
                NOWHERE.run(conn, &of(|m| m.records && !m.new), head, id).await?;
                BY_ENTITY.run(conn, &joined, head, id).await?;
            }
        }
        NO_UNIT.run(conn, &of(|m| m.unit.is_some() && !m.new), head, id).await?;
        let units = moved
            .iter()
            .filter_map(|m| Some(unit_row(&m.entity, m.unit.as_ref()?.as_ref()?)));
        put_units(conn, practice, units.collect()).await
    }

    async fn relocate_records(&self, conn: &mut Conn, system: &str, kind: &str, ids: &[String]) -> Result<()> {
        let practice = &self.practice;
        let id = |args: &mut Args, id: &String| {
            args.text(id);
        };
        let head = |args: &mut Args| {
            args.shared(practice).shared(practice).text(system).text(kind);
        };
        NOWHERE_BY_RECORD.run(conn, ids, head, id).await?;
        let head = |args: &mut Args| {
            args.shared(practice).text(system).text(kind);
        };
        BY_RECORD.run(conn, ids, head, id).await?;
        Ok(())
    }
}

impl Tx {
    /// Puts these appointments of people's records in the place of what was known of them. People who were erased stay out.
    pub async fn put_visited(&mut self, system: &str, kind: &str, visits: &[Visited]) -> Result<()> {
        let named: BTreeSet<String> = visits.iter().flat_map(|visit| visit.people.clone()).collect();
        let named: Vec<String> = named.into_iter().collect();
        let erased = self.erased(system, kind, &named).await?;
        let (conn, scope) = self.parts();
        let practice = &scope.practice;
        let appointments: Vec<&str> = visits.iter().map(|visit| visit.appointment.as_str()).collect();
        let head = |args: &mut Args| {
            args.shared(practice).text(system);
        };
        let id = |args: &mut Args, id: &&str| {
            args.text(id);
        };
        let mut touched: BTreeSet<String> = named.into_iter().filter(|id| !erased.contains(id)).collect();
        let before = WHO_VISITED.fetch(conn, &appointments, head, id).await?;
        for row in before {
            touched.insert(row.text(0)?);
        }
        NOT_VISITED.run(conn, &appointments, head, id).await?;
        let unknown = [(String::new(), String::new())];
        let mut rows = vec![];
        for visit in visits {
            let roles = if visit.roles.is_empty() {
                &unknown[..]
            } else {
                &visit.roles
            };
            for person in visit.people.iter().filter(|id| !erased.contains(*id)) {
                rows.extend(roles.iter().map(|role| (person, &visit.appointment, role)));
            }
        }
        VISITED
            .run(conn, rows, |args, (person, appointment, (role, location))| {
                args.shared(practice)
                    .text(system)
                    .text(kind)
                    .text(person)
                    .text(appointment)
                    .text(role)
                    .text(location);
            })
            .await?;
        let touched: Vec<String> = touched.into_iter().collect();
        scope.relocate_records(conn, system, kind, &touched).await
    }

    /// A role's location is this one now, for all that it holds and held.
    pub async fn move_role(&mut self, system: &str, kind: &str, role: &str, location: &str) -> Result<()> {
        let (conn, scope) = self.parts();
        let args = || {
            let mut args = Args::default();
            args.shared(&scope.practice).text(system).text(role).text(location);
            args
        };
        let rows = fetch(conn, OF_ROLE, args()).await?;
        let touched = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<String>>>()?;
        if touched.is_empty() {
            return Ok(());
        }
        execute(conn, MOVE_ROLE, args()).await?;
        scope.relocate_records(conn, system, kind, &touched).await
    }

    /// Notes that every visit there is was in the index at that moment.
    pub async fn visits_known(&mut self, now: Time) -> Result<()> {
        self.put_meta(WHOLE, &now.to_string()).await
    }

    /// Puts what is agreed of up to `limit` entities that an older release stored into the index. Returns whether all are
    /// in it.
    pub async fn index_located(&mut self, limit: usize) -> Result<bool> {
        let (conn, scope) = self.parts();
        let place = scope.meta(conn, INDEXED).await?.unwrap_or_default();
        if place == DONE {
            return Ok(true);
        }
        let mut args = Args::default();
        args.shared(&scope.practice).text(&place).int(limit as i64);
        let rows = fetch(conn, ENTITIES, args).await?;
        let ids = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<String>>>()?;
        let entities = scope.entities(conn, &ids).await?;
        let rows = entities.iter().filter_map(|e| Some(unit_row(&e.id, agreed(e)?)));
        put_units(conn, &scope.practice, rows.collect()).await?;
        let place = ids.last().filter(|_| ids.len() == limit).map_or(DONE, String::as_str);
        scope.put_meta(conn, INDEXED, place).await?;
        Ok(place == DONE)
    }
}

impl Store {
    /// When every visit there was last known to be in the index; never, until all that an older release stored is in it.
    pub async fn located_whole(&self) -> Result<Option<Time>> {
        if self.meta(INDEXED).await?.as_deref() != Some(DONE) {
            return Ok(None);
        }
        let at = self.meta(WHOLE).await?;
        Ok(at.and_then(|at| at.parse().ok()))
    }

    /// Where somebody belongs.
    pub async fn located(&self, entity: &str) -> Result<Vec<Located>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let rows = fetch(&mut self.read().await?, OF_ENTITY, args).await?;
        rows.iter()
            .map(|row| {
                let sort = row.text(1)?;
                Ok(Located {
                    location: row.text(0)?,
                    by_visit: sort == "visit",
                    group: sort == "group",
                })
            })
            .collect()
    }
}
