//! What only a database in a file can show: its bytes, its owner, its damage.

use crate::support::*;
use bridge_core::Lane;
use bridge_store::{Store, StoreError};

#[tokio::test]
async fn a_store_in_memory_keeps_what_it_is_given() {
    let store = bridge_store::Store::open("sqlite::memory:", &bridge_store::Key::generate(), "clinic", NOW)
        .await
        .unwrap();
    save_new(&store, &[everything("e1")]).await;
    assert_eq!(load(&store, "e1").await, everything("e1"));
    let other = bridge_store::Store::open("sqlite::memory:", &bridge_store::Key::generate(), "clinic", NOW)
        .await
        .unwrap();
    assert!(
        other.entities(&ids(&["e1"])).await.unwrap().is_empty(),
        "each is a database of its own"
    );
}

#[tokio::test]
async fn a_process_that_stops_loses_only_what_it_did_not_commit() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[everything("e1")]).await;
    // The files as they are at this moment, with a transaction open: what a killed process leaves.
    let mut tx = store.begin().await.unwrap();
    tx.save_entities(&[(None, person("e2", 2))], Lane::Live, NOW)
        .await
        .unwrap();
    let left = tempfile::tempdir().unwrap();
    for name in ["bridge.db", "bridge.db-wal"] {
        std::fs::copy(place.path().with_file_name(name), left.path().join(name)).unwrap();
    }
    drop(tx);
    let url = format!("sqlite:{}", left.path().join("bridge.db").display());
    let store = Store::open(&url, &place.key, "clinic", NOW).await.unwrap();
    assert_eq!(load(&store, "e1").await, everything("e1"));
    assert!(store.entities(&ids(&["e2"])).await.unwrap().is_empty());
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_a_new_store_and_one_without_a_folder_an_error() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.counts().await.unwrap(), bridge_store::Counts::default());
    assert_eq!(store.practice(), "clinic");
    let nowhere = format!(
        "sqlite:{}",
        place.path().with_file_name("nowhere").join("bridge.db").display()
    );
    let refused = Store::open(&nowhere, &place.key, "clinic", NOW).await.err().unwrap();
    assert!(matches!(refused, StoreError::File { .. }), "{refused}");
    for url in [
        "mysql://bridge:hunter2@db.example/bridge",
        "bridge.db",
        "sqlite:bridge.db?mode=none",
    ] {
        let refused = Store::open(url, &place.key, "clinic", NOW).await.err().unwrap();
        assert!(matches!(refused, StoreError::Address { .. }), "{refused}");
        assert!(!refused.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_says_what_to_do() {
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (0..300).map(|n| person(&format!("e{n}"), n)).collect();
    save_new(&store, &people).await;
    store.close().await;
    let whole = std::fs::read(place.path()).unwrap();

    // Not a database at all.
    std::fs::write(
        place.path(),
        b"this is not a database, but somebody's letter ".repeat(100),
    )
    .unwrap();
    let refused = Store::open(&place.url(), &place.key, "clinic", NOW)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(refused.to_string().contains("link again from the systems"), "{refused}");

    // The second half is missing.
    std::fs::write(place.path(), &whole[..whole.len() / 2]).unwrap();
    let refused = match Store::open(&place.url(), &place.key, "clinic", NOW).await {
        Err(refused) => refused,
        Ok(store) => store.verify().await.unwrap_err(),
    };
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");

    // Pages in the middle are overwritten: found by looking, if not by reading.
    let mut bent = whole.clone();
    let middle = whole.len() / 2 / 8192 * 8192;
    bent[middle..middle + 3 * 8192].fill(0xa5);
    std::fs::write(place.path(), &bent).unwrap();
    let refused = match Store::open(&place.url(), &place.key, "clinic", NOW).await {
        Err(refused) => refused,
        Ok(store) => store.verify().await.unwrap_err(),
    };
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");

    std::fs::write(place.path(), &whole).unwrap();
    let store = place.open().await;
    store.verify().await.unwrap();
    assert_eq!(load(&store, "e7").await, people[7]);
}

#[tokio::test]
async fn a_changed_body_is_noticed_and_named() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    store.close().await;
    // One bit of the sealed text of a row, in the middle of the row.
    let mut bytes = std::fs::read(place.path()).unwrap();
    let name = b"clinice1person";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at + name.len() + 100] ^= 1;
    std::fs::write(place.path(), bytes).unwrap();
    let store = place.open().await;
    only_e1_is_damaged(&store).await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::write(place.path(), b"").unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = place.open().await;
    save_new(&store, &[everything("e1")]).await;
    let folder = place.path().parent().unwrap().to_path_buf();
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.file_name()
        );
        files += 1;
    }
    assert!(files >= 2, "the file and its log");
}

#[tokio::test]
async fn a_backup_made_beside_the_service_is_the_whole_store() {
    use sqlx::Connection;
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (0..300).map(|n| person(&format!("e{n}"), n)).collect();
    save_new(&store, &people).await;
    let before = store.sums().await.unwrap();
    let backup = place.path().with_file_name("backup.db");
    let mut conn = sqlx::SqliteConnection::connect(&place.url()).await.unwrap();
    sqlx::query("VACUUM INTO $1")
        .bind(backup.display().to_string())
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    change(&store, "e1", NOW, Lane::Live, |entity| entity.agreed.clear()).await;
    store.close().await;

    // Restored: the file stands where the lost one stood, without the lost one's side files.
    for name in ["bridge.db", "bridge.db-wal", "bridge.db-shm"] {
        let _ = std::fs::remove_file(place.path().with_file_name(name));
    }
    std::fs::rename(&backup, place.path()).unwrap();
    let store = place.open().await;
    store.verify().await.unwrap();
    assert_eq!(store.sums().await.unwrap(), before);
    assert_eq!(load(&store, "e1").await, people[1]);
}
