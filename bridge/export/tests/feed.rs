//! The law of the feed: whoever applies changes by key, again and again, holds what a full export shows.
#![allow(clippy::unwrap_used)]

mod common;

use bridge_export::{Cell, Cursor, Grant, Place, ReadError, Reader};
use common::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn changes() -> impl Strategy<Value = Change> {
    let number = 0..6u8;
    let value = 0..200u8;
    prop_oneof![
        4 => (number.clone(), value.clone()).prop_map(|(n, v)| Change::Person(n, v)),
        2 => (number.clone(), value.clone()).prop_map(|(n, v)| Change::Conflict(n, v)),
        1 => number.clone().prop_map(Change::Closed),
        1 => number.clone().prop_map(Change::Gone),
        4 => (any::<bool>(), number.clone(), value.clone()).prop_map(|(p, n, v)| Change::Record(p, n, v)),
        2 => (any::<bool>(), number.clone()).prop_map(|(p, n)| Change::Missing(p, n)),
        1 => Just(Change::Forgotten),
        2 => (number.clone(), value).prop_map(|(n, v)| Change::Posted(n, v)),
        1 => number.prop_map(Change::Dropped),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Change(Change),
    /// A consumer takes what changed, and perhaps is killed before it can keep the cursor.
    Take {
        consumer: usize,
        entity: usize,
        killed: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let take =
        (0..2usize, 0..FOLLOWED.len(), prop::bool::weighted(0.3)).prop_map(|(consumer, entity, killed)| Step::Take {
            consumer,
            entity,
            killed,
        });
    prop::collection::vec(prop_oneof![3 => changes().prop_map(Step::Change), 2 => take], 1..50)
}

async fn history(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    let mut consumers: BTreeMap<(usize, &str), (Cursor, Held)> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Change(next) => change(&store, next).await,
            Step::Take {
                consumer,
                entity,
                killed,
            } => {
                let name = FOLLOWED[entity];
                let start = || (Cursor::start(name), Held::new());
                let (cursor, held) = consumers.entry((consumer, name)).or_insert_with(start);
                let before = cursor.clone();
                take(&store, name, cursor, held, usize::MAX).await;
                if killed {
                    *cursor = before;
                }
            }
        }
    }
    for ((_, name), (mut cursor, mut held)) in consumers {
        take(&store, name, &mut cursor, &mut held, usize::MAX).await;
        assert_eq!(held, full(&store, name, &Grant::all()).await, "{name}");
        let again = take(&store, name, &mut cursor, &mut held, usize::MAX).await;
        assert_eq!(again, 0, "{name}: nothing changed, and something is told");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_applied_by_key_come_to_a_full_export(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(history(steps));
    }
}

/// Many pages, and changes while they are read.
#[tokio::test]
async fn what_changes_during_a_reading_comes_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    let mut rows: Vec<_> = (0..2_500).map(|n| mirrored(true, 0, (n % 200) as u8, false)).collect();
    rows.iter_mut()
        .enumerate()
        .for_each(|(n, row)| row.id = format!("{n:05}"));
    let mut tx = store.begin().await.unwrap();
    tx.put_mirrored("halaxy", &rows).await.unwrap();
    tx.commit().await.unwrap();

    let units = units();
    let (mut reader, _) = Reader::new(&store, &practice(&units), entity("payments"), &Grant::all());
    let (mut place, next) = reader.since(&Cursor::start("payments")).await.unwrap();
    let (mut held, mut pages) = (Held::new(), 0);
    while place != Place::End {
        let (page, then) = reader.page(&place).await.unwrap();
        apply(&mut held, 1, &page);
        (place, pages) = (then, pages + 1);
        if pages == 1 {
            // One that was read, one that was not, a new one, and one less.
            for (id, gone) in [("00001", false), ("02000", false), ("01500", true), ("99999", false)] {
                let mut row = mirrored(true, 0, 199, gone);
                row.id = id.into();
                let mut tx = store.begin().await.unwrap();
                tx.put_mirrored("halaxy", &[row]).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }
    assert_eq!(pages, 3);
    let mut cursor = next;
    let taken = take(&store, "payments", &mut cursor, &mut held, usize::MAX).await;
    assert_eq!(taken, 4);
    assert_eq!(held.len(), 2_500);
    assert_eq!(held, full(&store, "payments", &Grant::all()).await);
}

#[tokio::test]
async fn a_cursor_of_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    change(&store, Change::Person(1, 1)).await;
    let units = units();
    let (reader, _) = Reader::new(&store, &practice(&units), entity("people"), &Grant::all());
    let (_, next) = reader.since(&Cursor::start("people")).await.unwrap();
    assert!(reader.since(&next).await.is_ok());
    let other = |change: fn(&mut Cursor)| {
        let mut cursor = next.clone();
        change(&mut cursor);
        cursor
    };
    let links = other(|cursor| cursor.entity = "links".into());
    assert!(matches!(reader.since(&links).await, Err(ReadError::OfAnother(_))));
    let elsewhere = other(|cursor| cursor.feed = "00000000".into());
    assert!(matches!(reader.since(&elsewhere).await, Err(ReadError::Elsewhere)));
    let later = other(|cursor| cursor.seq += 1);
    assert!(matches!(reader.since(&later).await, Err(ReadError::Elsewhere)));
}

/// After a backup is restored, numbers that were given after it are given again, to other changes.
#[tokio::test]
async fn a_cursor_of_before_a_restore_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = bridge_store::Key::generate();
    let open = async || {
        bridge_store::Store::open(&file(&folder), &key, "clinic", NOW)
            .await
            .unwrap()
    };
    let (database, backup) = (folder.path().join("bridge.db"), folder.path().join("backup.db"));
    let mut held = Held::new();
    let mut cursor = Cursor::start("people");
    let store = open().await;
    change(&store, Change::Person(1, 1)).await;
    take(&store, "people", &mut cursor, &mut held, usize::MAX).await;
    let at_backup = cursor.clone();
    store.close().await;
    std::fs::copy(&database, &backup).unwrap();
    let store = open().await;
    change(&store, Change::Person(2, 2)).await;
    take(&store, "people", &mut cursor, &mut held, usize::MAX).await;
    store.close().await;
    std::fs::copy(&backup, &database).unwrap();
    let store = open().await;
    for number in 3..6 {
        change(&store, Change::Person(number, 1)).await;
    }
    let units = units();
    let (reader, _) = Reader::new(&store, &practice(&units), entity("people"), &Grant::all());
    assert!(matches!(reader.since(&cursor).await, Err(ReadError::Elsewhere)));
    assert!(
        reader.since(&at_backup).await.is_ok(),
        "what was taken before the backup still is"
    );
}

#[tokio::test]
async fn what_is_shown_is_what_was_granted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    for next in [
        Change::Person(1, 7),
        Change::Conflict(1, 9),
        Change::Record(false, 1, 3),
        Change::Posted(1, 50),
    ] {
        change(&store, next).await;
    }
    let text = async |name: &str, grant: &str| {
        let held = full(&store, name, &grant.parse().unwrap()).await;
        let rows: Vec<Cell> = held.into_values().flatten().collect();
        format!("{rows:?}")
    };
    for (entity, class, value) in [
        ("people", "identity", "Miriam 7"),
        ("people", "contact", "+61491570007"),
        ("conflicts", "contact", "+619"),
        ("appointments", "appointment", "status 3"),
        ("ledger-entries", "financial", "-0.50"),
    ] {
        assert!(
            text(entity, class).await.contains(value),
            "{entity}: {value} under {class}"
        );
        for other in ["", "identity", "contact", "financial", "appointment"] {
            if other != class {
                assert!(
                    !text(entity, other).await.contains(value),
                    "{entity}: {value} under `{other}`"
                );
            }
        }
    }
    let all = "identity,contact,financial,appointment";
    assert!(
        !text("appointments", all).await.contains("SECRET"),
        "free text is in no table"
    );
}
