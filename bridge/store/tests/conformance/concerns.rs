//! What is kept about whom: found by person, replaced with what it leads to, and gone with whoever is erased.

use crate::support::*;
use bridge_store::{Key, RecordKey, Store, mirrored_part};

const MARK: &str = "p-quillfeather-77";

fn patient(id: &str) -> RecordKey {
    RecordKey::new("halaxy", "Patient", id)
}

async fn set(store: &Store, part: &str, rows: &[(&str, &[&str])]) {
    let row = |(id, people): &(&str, &[&str])| (id.to_string(), people.iter().map(|id| patient(id)).collect());
    let mut tx = store.begin().await.unwrap();
    tx.set_concerns(part, &rows.iter().map(row).collect::<Vec<_>>())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn about(store: &Store, part: &str, person: &str) -> Vec<String> {
    store.concerning(part, &patient(person), 10).await.unwrap()
}

#[tokio::test]
async fn rows_are_found_by_person_and_replaced() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    let visits = mirrored_part("halaxy", "Appointment");
    set(&store, &visits, &[("1", &[MARK]), ("2", &[MARK, "9"]), ("3", &[])]).await;
    set(&store, "fact/Invoice", &[("1", &["9"])]).await;
    set(&neighbour, &visits, &[("4", &[MARK])]).await;
    assert_eq!(about(&store, &visits, MARK).await, ["1", "2"]);
    assert_eq!(about(&store, &visits, "9").await, ["2"]);
    assert_eq!(about(&store, "fact/Invoice", "9").await, ["1"]);
    let other = RecordKey::new("crm", "Patient", MARK);
    assert_eq!(
        store.concerning(&visits, &other, 10).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(store.concerning(&visits, &patient(MARK), 1).await.unwrap(), ["1"]);
    set(&store, &visits, &[("1", &["9"]), ("2", &[MARK, "9"])]).await;
    assert_eq!(about(&store, &visits, MARK).await, ["2"]);
    assert_eq!(about(&store, &visits, "9").await, ["1", "2"]);
    set(&store, &visits, &[("2", &[])]).await;
    assert_eq!(about(&store, &visits, "9").await, ["1"]);
    assert_eq!(about(&neighbour, &visits, MARK).await, ["4"]);
    assert!(!contains(&place.bytes().await, MARK), "nobody is named in the file");
}

#[tokio::test]
async fn whoever_was_erased_is_found_no_more_and_not_taken_in_again() {
    let place = Place::new();
    let store = place.open().await;
    set(&store, "fact/Invoice", &[("1", &["8"]), ("2", &["8", "9"])]).await;
    let mut tx = store.begin().await.unwrap();
    let gone = tx.erase("e8", &[patient("8")], NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(gone["concern"], 2);
    assert_eq!(about(&store, "fact/Invoice", "8").await, Vec::<String>::new());
    set(&store, "fact/Invoice", &[("1", &["8"]), ("3", &["8", "9"])]).await;
    assert_eq!(about(&store, "fact/Invoice", "8").await, Vec::<String>::new());
    assert_eq!(about(&store, "fact/Invoice", "9").await, ["2", "3"]);
}

#[tokio::test]
async fn what_is_still_to_be_taken_in_is_known_and_a_new_key_starts_over() {
    let place = Place::new();
    let store = place.open().await;
    set(&store, "fact/Invoice", &[("1", &["8"])]).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.concerns_open("fact/Invoice").await.unwrap().as_deref(), Some(""));
    tx.concerns_taken("fact/Invoice", Some("done")).await.unwrap();
    assert_eq!(tx.concerns_open("fact/Invoice").await.unwrap().as_deref(), Some("done"));
    tx.commit().await.unwrap();
    assert!(!store.concerns_complete("fact/Invoice").await.unwrap());
    let mut tx = store.begin().await.unwrap();
    tx.concerns_taken("fact/Invoice", None).await.unwrap();
    assert_eq!(tx.concerns_open("fact/Invoice").await.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(store.concerns_complete("fact/Invoice").await.unwrap());

    let store = store.rotate(&Key::generate(), |_| vec![], |_| vec![]).await.unwrap();
    assert!(!store.concerns_complete("fact/Invoice").await.unwrap());
    assert_eq!(about(&store, "fact/Invoice", "8").await, Vec::<String>::new());
}
