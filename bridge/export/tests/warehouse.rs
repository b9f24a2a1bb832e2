//! The warehouse over a real server: whatever happened, and wherever it was killed, it is what an export shows.
#![allow(clippy::unwrap_used)]

mod common;

use bridge_export::Grant;
use bridge_export::warehouse::{Plan, Warehouse, WarehouseError, same_database};
use bridge_store::Store;
use common::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the server that tests may fill, e.g. `postgres://bridge@127.0.0.1:5432/postgres`.
const SERVER: &str = "HALAXY_BRIDGE_TEST_POSTGRES";

fn server() -> String {
    std::env::var(SERVER).unwrap_or_else(|_| panic!("{SERVER} is not set: tests/run starts a server and sets it"))
}

/// A schema of its own, dropped by [`Place::end`].
struct Place {
    schema: String,
    session: PgConnection,
}

impl Place {
    async fn new() -> Place {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("warehouse_{}_{number}", std::process::id());
        let mut session = PgConnection::connect(&server()).await.unwrap();
        session
            .execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
            .await
            .unwrap();
        session
            .execute(AssertSqlSafe(format!("SET search_path = {schema}")))
            .await
            .unwrap();
        Place { schema, session }
    }

    fn plan(&self, entities: &[&str], grant: &str) -> Plan {
        Plan {
            schema: self.schema.clone(),
            entities: entities.iter().map(|name| entity(name)).collect(),
            grant: grant.parse().unwrap(),
            practice: "clinic".into(),
            units: units(),
            systems: vec!["crm".into(), "halaxy".into()],
            home: "halaxy".into(),
        }
    }

    async fn connect(&self, entities: &[&str], grant: &str) -> Result<Warehouse, WarehouseError> {
        Warehouse::connect(&server(), self.plan(entities, grant)).await
    }

    async fn step(&self, store: &Store, entities: &[&str], grant: &str) -> u64 {
        let mut warehouse = self.connect(entities, grant).await.unwrap();
        let steps = warehouse.step(store).await.unwrap();
        warehouse.close().await.unwrap();
        steps.iter().map(|(_, step)| step.put + step.removed).sum()
    }

    async fn run(&mut self, sql: String) {
        self.session.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    /// Rows that are there, as texts by key, in the spelling of exports.
    async fn held(&mut self, name: &str, grant: &Grant) -> BTreeMap<Vec<String>, Vec<String>> {
        let (entity, _) = entity(name).under(grant);
        let columns: Vec<String> = entity
            .columns
            .iter()
            .map(|column| spelt(&column.name, column.shape.word()))
            .collect();
        let table = name.replace('-', "_");
        let sql = format!("SELECT {} FROM {table} WHERE removed_at IS NULL", columns.join(", "));
        let rows = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&mut self.session)
            .await
            .unwrap();
        let cells =
            |row: sqlx::postgres::PgRow| (0..columns.len()).map(|n| row.get::<String, _>(n)).collect::<Vec<_>>();
        let keyed = rows
            .into_iter()
            .map(cells)
            .map(|cells| (cells[..entity.keys].to_vec(), cells));
        keyed.collect()
    }

    async fn is_export(&mut self, store: &Store, name: &str, grant: &str) {
        let grant: Grant = grant.parse().unwrap();
        let expected: BTreeMap<Vec<String>, Vec<String>> = full(store, name, &grant)
            .await
            .into_iter()
            .map(|(key, cells)| (key, cells.iter().map(|cell| cell.to_text().into_owned()).collect()))
            .collect();
        assert_eq!(self.held(name, &grant).await, expected, "{name}");
    }

    async fn end(mut self) {
        let sql = format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.schema);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.session)
            .await
            .unwrap();
    }
}

/// A column as text as exports spell it.
fn spelt(name: &str, kind: &str) -> String {
    let text = match kind {
        "moment" => format!("to_char(\"{name}\" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
        "decimal" => format!("CASE WHEN scale(\"{name}\") < 2 THEN round(\"{name}\", 2) ELSE \"{name}\" END::text"),
        _ => format!("\"{name}\"::text"),
    };
    format!("coalesce({text}, '')")
}

/// A small generator, so that histories need no crate: Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn change(&mut self) -> Change {
        let (number, value) = (self.below(6) as u8, self.below(200) as u8);
        match self.below(12) {
            0..=2 => Change::Person(number, value),
            3 => Change::Conflict(number, value),
            4 => Change::Closed(number),
            5 => Change::Gone(number),
            6..=8 => Change::Record(value % 2 == 0, number, value),
            9 => Change::Missing(value % 2 == 0, number),
            10 => Change::Posted(number, value),
            _ => Change::Dropped(number),
        }
    }
}

const ALL: &str = "identity,contact,financial,appointment";

#[tokio::test]
async fn it_is_what_an_export_shows_after_any_history() {
    for seed in 1..=4 {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&file(&folder)).await;
        let mut place = Place::new().await;
        let mut dice = Dice(seed);
        for _ in 0..40 {
            change(&store, dice.change()).await;
            match dice.below(6) {
                0 => _ = place.step(&store, &FOLLOWED, ALL).await,
                // Killed at some await: the session ends, and the server takes back what was not committed.
                1 => {
                    let mut warehouse = place.connect(&FOLLOWED, ALL).await.unwrap();
                    let polls = dice.below(60);
                    let step = warehouse.step(&store);
                    tokio::pin!(step);
                    for _ in 0..polls {
                        let wait = std::time::Duration::from_micros(300);
                        if tokio::time::timeout(wait, &mut step).await.is_ok() {
                            break;
                        }
                    }
                }
                _ => {}
            }
        }
        place.step(&store, &FOLLOWED, ALL).await;
        for name in FOLLOWED {
            place.is_export(&store, name, ALL).await;
        }
        assert_eq!(
            place.step(&store, &FOLLOWED, ALL).await,
            0,
            "nothing changed, and something is written"
        );
        place.end().await;
    }
}

#[tokio::test]
async fn it_goes_on_from_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    let mut place = Place::new().await;
    for number in 0..4 {
        change(&store, Change::Person(number, 1)).await;
    }
    assert_eq!(place.step(&store, &["people"], ALL).await, 4);

    // A backup of the warehouse is restored: what changed since comes again.
    place.run("CREATE TABLE kept AS TABLE people".into()).await;
    place.run("CREATE TABLE kept_state AS TABLE bridge_state".into()).await;
    change(&store, Change::Person(1, 2)).await;
    assert_eq!(place.step(&store, &["people"], ALL).await, 1);
    place.run("DELETE FROM people".into()).await;
    place.run("INSERT INTO people TABLE kept".into()).await;
    place.run("DELETE FROM bridge_state".into()).await;
    place.run("INSERT INTO bridge_state TABLE kept_state".into()).await;
    change(&store, Change::Person(2, 3)).await;
    assert_eq!(place.step(&store, &["people"], ALL).await, 2);
    place.is_export(&store, "people", ALL).await;

    // A class is not granted any more: its columns are emptied; granted again, they are filled.
    place.step(&store, &["people"], "identity").await;
    let sql = "SELECT count(*) FROM people WHERE mobile IS NOT NULL";
    assert_eq!(
        sqlx::query(sql)
            .fetch_one(&mut place.session)
            .await
            .unwrap()
            .get::<i64, _>(0),
        0
    );
    place.is_export(&store, "people", "identity").await;
    place.step(&store, &["people"], ALL).await;
    place.is_export(&store, "people", ALL).await;

    // The store was made anew: nobody of before is there, and nobody's name stays.
    let anew = tempfile::tempdir().unwrap();
    let store = common::store(&file(&anew)).await;
    change(&store, Change::Person(9, 1)).await;
    place.step(&store, &["people"], ALL).await;
    place.is_export(&store, "people", ALL).await;
    let sql = "SELECT count(*), count(official_name_given) FROM people WHERE removed_at IS NOT NULL";
    let row = sqlx::query(sql).fetch_one(&mut place.session).await.unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (4, 0));
    place.end().await;
}

#[tokio::test]
async fn it_keeps_out_of_what_is_not_its_own() {
    let mut place = Place::new().await;
    let refused = async |place: &Place| place.connect(&["people"], "").await.map(drop).unwrap_err().to_string();
    place.run("CREATE TABLE people (id text)".into()).await;
    assert!(
        refused(&place)
            .await
            .contains("table people was not made by the bridge")
    );
    place.run("DROP TABLE people".into()).await;
    for own in ["entity", "link", "meta"] {
        place.run(format!("CREATE TABLE {own} (id text)")).await;
    }
    assert!(refused(&place).await.contains("bridge's own tables"));
    for own in ["entity", "link", "meta"] {
        place.run(format!("DROP TABLE {own}")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    place.step(&store, &["people"], "").await;
    let neighbour = Plan {
        practice: "neighbour".into(),
        ..place.plan(&["people"], "")
    };
    let error = Warehouse::connect(&server(), neighbour).await.map(drop).unwrap_err();
    assert!(matches!(error, WarehouseError::OfAnother(_)));
    let nowhere = Plan {
        schema: "no_such_schema".into(),
        ..place.plan(&["people"], "")
    };
    let error = Warehouse::connect(&server(), nowhere).await.map(drop).unwrap_err();
    assert!(matches!(error, WarehouseError::NoSchema(_)));
    let away = Warehouse::connect("postgres://nobody@127.0.0.1:1/none", place.plan(&[], "")).await;
    assert!(away.map(drop).unwrap_err().passes());
    place.end().await;

    assert!(same_database(
        "postgres://a:x@db/one",
        "postgres://b@db:5432/one?options[search_path]=s"
    ));
    assert!(!same_database("postgres://a@db/one", "postgres://a@db/two"));
    assert!(!same_database("postgres://a@db/one", "sqlite:bridge.db"));
}

/// What `warehouse setup --sql` prints is enough, and no more than that.
#[tokio::test]
async fn the_printed_role_can_keep_the_schema_and_nothing_else() {
    let mut place = Place::new().await;
    let role = format!("role_{}", place.schema);
    let sql = bridge_export::warehouse::setup(&place.plan(&["people"], ""), &role);
    let plain: Vec<&str> = sql.lines().filter(|line| !line.starts_with('\\')).collect();
    sqlx::raw_sql(AssertSqlSafe(plain.join("\n")))
        .execute(&mut place.session)
        .await
        .unwrap();
    let url = server().replace("//bridge@", &format!("//{role}@"));
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    change(&store, Change::Person(1, 1)).await;
    let mut warehouse = Warehouse::connect(&url, place.plan(&["people"], ALL)).await.unwrap();
    assert_eq!(warehouse.step(&store).await.unwrap()[0].1.put, 1);
    let progress = warehouse.progress().await.unwrap();
    assert!(progress[0].cursor.as_ref().unwrap().starts_with("people:"));
    warehouse.close().await.unwrap();
    let mut session = PgConnection::connect(&url).await.unwrap();
    for denied in [
        "CREATE SCHEMA elsewhere",
        "CREATE DATABASE elsewhere",
        "CREATE ROLE elsewhere",
    ] {
        assert!(session.execute(denied).await.is_err(), "{denied}");
    }
    session.close().await.unwrap();
    place.run(format!("DROP OWNED BY \"{role}\"")).await;
    place.run(format!("DROP ROLE \"{role}\"")).await;
    place.end().await;
}
