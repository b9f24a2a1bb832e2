//! What only a database on a server can show: it is away, it is full of others, its sessions end.

use crate::support::*;
use bridge_core::Lane;
use bridge_store::{AuditEntry, Key, Store, StoreError};
use std::process::Command;

/// Ends the session that has locked rows of this place's `meta`: whoever writes.
const END_WRITER: &str = "SELECT CASE WHEN pg_terminate_backend(pid, 10000) THEN 'ended'::bytea END FROM pg_locks \
     WHERE relation = 'meta'::regclass AND mode = 'RowShareLock'";
/// Ends the session that has the right to drive.
const END_DRIVER: &str = "SELECT CASE WHEN pg_terminate_backend(pid, 10000) THEN 'ended'::bytea END FROM pg_locks \
     WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint \
     = hashtextextended('drive/' || current_schema() || '/clinic', 0)";

async fn refused(url: &str) -> StoreError {
    Store::open(url, &Key::generate(), "clinic", NOW).await.err().unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_and_one_that_refuses_are_named_without_the_password() {
    let away = refused("postgres://bridge:hunter2@127.0.0.1:1/bridge").await;
    assert!(matches!(away, StoreError::Unreachable { .. }), "{away}");
    let server = Place::server();
    let place = server.split('?').next().unwrap().rsplit_once('/').unwrap().0;
    let unknown = refused(&format!("{place}/no_such_database?password=hunter2")).await;
    assert!(matches!(unknown, StoreError::Address { .. }), "{unknown}");
    assert!(unknown.to_string().contains("no_such_database"), "{unknown}");
    let garbled = refused("postgres://bridge:hunter2@localhost:port/bridge").await;
    assert!(matches!(garbled, StoreError::Address { .. }), "{garbled}");
    let nowhere = refused(&format!("{}{}", Place::new().url(), "_gone")).await;
    assert!(matches!(nowhere, StoreError::Address { .. }), "{nowhere}");
    let joint = if server.contains('?') { '&' } else { '?' };
    let plain = refused(&format!(
        "{server}{joint}sslmode=verify-full&sslrootcert=/nowhere/root.pem&password=hunter2"
    ))
    .await;
    assert!(
        matches!(plain, StoreError::Unreachable { .. }),
        "an address that asks for TLS is never served without: {plain}"
    );
    for error in [away, unknown, garbled, nowhere, plain] {
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_writer_waits_for_the_other_and_gives_up_in_time() {
    let place = Place::new();
    let store = place.open().await;
    let hasty = format!("{}&options[lock_timeout]=20ms", place.url());
    let hasty = Store::open(&hasty, &place.key, "clinic", NOW).await.unwrap();
    let neighbour = place.open_for("neighbour").await;
    let tx = store.begin().await.unwrap();
    assert!(matches!(hasty.begin().await, Err(StoreError::Busy)));
    save_new(&neighbour, &[person("e1", 1)]).await;
    tx.rollback().await.unwrap();
    save_new(&hasty, &[person("e1", 1)]).await;
}

/// As a cut network or a proxy without its server does: in the middle of the first question.
#[tokio::test]
async fn a_server_that_hangs_up_is_away_and_refuses_nothing() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hangs_up = async {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            near.read_exact(&mut [0; 8]).await.unwrap();
        }
    };
    let url = format!("postgres://bridge@127.0.0.1:{port}/bridge");
    let away = tokio::select! {
        away = refused(&url) => away,
        () = hangs_up => unreachable!(),
    };
    assert!(matches!(away, StoreError::Unreachable { .. }), "{away}");
}

#[tokio::test]
async fn a_session_that_ends_leaves_nothing_and_the_store_goes_on() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let mut tx = store.begin().await.unwrap();
    tx.save_entities(&[(None, person("e2", 2))], Lane::Live, NOW)
        .await
        .unwrap();
    tx.append_audit(&[AuditEntry::default()]).await.unwrap();
    assert_eq!(place.sql(END_WRITER).await, [b"ended"]);
    let lost = tx.commit().await.unwrap_err();
    assert!(matches!(lost, StoreError::Unreachable { .. }), "{lost}");
    assert!(store.entities(&ids(&["e2"])).await.unwrap().is_empty());
    save_new(&store, &[person("e2", 2)]).await;
    assert_eq!(load(&store, "e1").await, person("e1", 1));
}

#[tokio::test]
async fn a_worker_that_is_paused_within_a_transaction_stops_nobody_for_ever() {
    let place = Place::new();
    let paused = format!("{}&options[idle_in_transaction_session_timeout]=50ms", place.url());
    let paused = Store::open(&paused, &place.key, "clinic", NOW).await.unwrap();
    let other = place.open().await;
    let mut tx = paused.begin().await.unwrap();
    tx.put_meta("note", "half done").await.unwrap();
    // It does nothing any more, and the other one gets its turn.
    save_new(&other, &[person("e1", 1)]).await;
    assert!(matches!(tx.commit().await, Err(StoreError::Unreachable { .. })));
    assert_eq!(other.meta("note").await.unwrap(), None);
}

#[tokio::test]
async fn a_practice_has_one_driver_and_the_last_one_is_fenced() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let (first, right) = one.drive("one").await.unwrap().unwrap();
    assert!(two.drive("two").await.unwrap().is_none());
    let neighbour = place.open_for("neighbour").await;
    let (_, theirs) = neighbour.drive("two").await.unwrap().unwrap();
    save_new(&first, &[person("e1", 1)]).await;
    save_new(&two, &[person("e2", 2)]).await;

    // Its session ends without its knowing; another one takes over, and it writes nothing any more.
    assert_eq!(place.sql(END_DRIVER).await, [b"ended"]);
    let (second, next) = two.drive("two").await.unwrap().unwrap();
    assert!(matches!(first.begin().await, Err(StoreError::Fenced { .. })));
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), right.lost().cancelled_owned());
    told.await.expect("it is told without beginning anything");
    assert!(!next.lost().is_cancelled() && !theirs.lost().is_cancelled());
    save_new(&second, &[person("e3", 3)]).await;
    drop(right);
    assert!(one.drive("one").await.unwrap().is_none());
}

#[tokio::test]
async fn many_workers_never_lose_a_change_or_a_number() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let store = place.open().await;
        tasks.spawn(async move {
            for number in 0..25 {
                let mut tx = store.begin().await.unwrap();
                let before = tx.entities(&ids(&["e1"])).await.unwrap().pop().unwrap();
                let mut after = before.clone();
                after.agreed.get_mut("mobile").unwrap().lo += 1;
                let stale = tx
                    .save_entities(&[(Some(before), after)], Lane::Live, NOW)
                    .await
                    .unwrap();
                assert!(stale.is_empty());
                let entry = AuditEntry {
                    entity: Some("e1".into()),
                    reason: format!("{worker}/{number}"),
                    ..AuditEntry::default()
                };
                tx.append_audit(&[entry]).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    let start = person("e1", 1).agreed["mobile"].lo;
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let entity = load(&store, "e1").await;
    assert_eq!((entity.agreed["mobile"].lo, entity.revision), (start + 100, 101));
    assert_eq!(store.audit("e1").await.unwrap().len(), 100);
}

#[tokio::test]
async fn two_that_open_a_new_practice_at_once_agree_on_its_key() {
    let place = Place::new();
    place.open_for("first").await;
    let url = place.url();
    let open = async |key: Key| {
        Store::open(&url, &key, "clinic", NOW)
            .await
            .map(|store| store.key_id().to_string())
    };
    let (one, two) = (Key::generate(), Key::generate());
    let (first, second) = tokio::join!(open(one.clone()), open(two.clone()));
    let (winner, loser) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    let winner = winner.unwrap();
    match loser {
        Err(StoreError::WrongKey { stored, .. }) => assert_eq!(stored, winner),
        other => panic!("{other:?}"),
    }
    assert!([one.id(), two.id()].contains(&winner));
}

#[tokio::test]
async fn a_changed_body_is_noticed_and_named() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    place
        .sql("UPDATE entity SET body = set_byte(body, 100, get_byte(body, 100) # 1) WHERE id = 'e1'")
        .await;
    only_e1_is_damaged(&store).await;
}

#[tokio::test]
async fn one_record_twice_in_one_batch_is_as_if_one_came_after_the_other() {
    let place = Place::new();
    let store = place.open().await;
    let seen = |value: &str| link("crm", "contacts", "c1", None, &values([("email", value)]));
    let mut tx = store.begin().await.unwrap();
    tx.save_links(&[seen("a"), seen("b"), seen("c")], Lane::Live, NOW)
        .await
        .unwrap();
    let mut again = person("e1", 1);
    again.agreed.clear();
    let stale = tx
        .save_entities(&[(None, person("e1", 1)), (None, again)], Lane::Live, NOW)
        .await
        .unwrap();
    assert_eq!(stale, ids(&["e1"]));
    tx.commit().await.unwrap();
    let row = store
        .links("crm", "contacts", &ids(&["c1"]))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(row.link, seen("c"));
}

#[tokio::test]
async fn a_dump_restored_into_a_new_schema_is_the_whole_store() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[everything("e1")]).await;
    let many: Vec<_> = (100..400).map(|n| person(&format!("p{n}"), n)).collect();
    save_new(&store, &many).await;
    let before = store.sums().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.dump");
    let run = |program: &str, options: &[&str]| {
        let done = Command::new(program).args(options).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let (server, file) = (Place::server(), file.display().to_string());
    let schema = format!("--schema={}", place.schema());
    run(
        "pg_dump",
        &["--format=custom", &schema, "--file", &file, "--dbname", &server],
    );
    change(&store, "p100", NOW, Lane::Live, |entity| entity.agreed.clear()).await;
    store.close().await;
    place.clear();
    run("pg_restore", &["--exit-on-error", "--dbname", &server, &file]);

    let store = place.open().await;
    store.verify().await.unwrap();
    assert_eq!(store.sums().await.unwrap(), before);
    assert_eq!(load(&store, "e1").await, everything("e1"));
    change(&store, "p100", NOW, Lane::Live, |entity| entity.agreed.clear()).await;
}
