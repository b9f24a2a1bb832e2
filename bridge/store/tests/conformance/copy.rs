//! A practice moves from a file to a server, whole or not at all.

use crate::support::*;
use bridge_core::Lane;
use bridge_store::{
    AuditEntry, Candidate, CandidateState, Key, LookupKey, Loser, RecordKey, Store, StoreError, TableSum,
};

/// A file with something in every table, and a neighbour's rows beside it.
async fn filled(folder: &std::path::Path, key: &Key) -> Store {
    let url = format!("sqlite:{}", folder.join("bridge.db").display());
    let store = Store::open(&url, key, "clinic", NOW).await.unwrap();
    save_new(&store, &[everything("e1")]).await;
    let many: Vec<_> = (100..1400).map(|n| person(&format!("p{n}"), n)).collect();
    save_new(&store, &many).await;
    let record = RecordKey::new("crm", "contacts", "c000007");
    let mut tx = store.begin().await.unwrap();
    tx.set_keys(&[(record.clone(), vec![LookupKey::new("email", "a@samplewood.example")])])
        .await
        .unwrap();
    tx.set_name_parts(&[(record.clone(), vec!["Miriam Samplewood".into()])])
        .await
        .unwrap();
    let audit = AuditEntry {
        entity: Some("e1".into()),
        body: Some(serde_json::json!({ "to": "x" })),
        ..AuditEntry::default()
    };
    tx.append_audit(&[audit, AuditEntry::default()]).await.unwrap();
    let loser = Loser {
        entity: "e1".into(),
        unit: "name".into(),
        system: "crm".into(),
        at: NOW,
        until: NOW + 5,
        why: "person".into(),
        value: bridge_core::Value::text("Mim"),
    };
    tx.append_losers(&[loser]).await.unwrap();
    let hint = bridge_store::Hint::new("crm", "contacts", "c000007", bridge_core::capture::News::Changed, "e1");
    tx.put_hints(&[hint], NOW).await.unwrap();
    tx.put_secret("token/crm", "a token").await.unwrap();
    tx.put_ledger("entry", &[("HX-1".into(), "{}".into())]).await.unwrap();
    let appointment = bridge_store::Mirrored {
        kind: "Appointment".into(),
        id: "7".into(),
        seq: 0,
        seen: NOW,
        gone: true,
        body: serde_json::json!({ "comment": "kept" }),
    };
    tx.put_mirrored("halaxy", &[appointment]).await.unwrap();
    let visit = bridge_store::Visited {
        appointment: "7".into(),
        people: ["p000007".to_string()].into(),
        roles: vec![("PR-700001".into(), "CL-200001".into())],
    };
    tx.put_visited("halaxy", "Patient", &[visit]).await.unwrap();
    let about = [("7".into(), vec![RecordKey::new("halaxy", "Patient", "p000007")])];
    tx.set_concerns("mirror/halaxy/Appointment", &about).await.unwrap();
    tx.match_again("crm", "contacts", &["c000100".into()], 3).await.unwrap();
    tx.put_meta("note", "Ünïcode ≠ bytes").await.unwrap();
    tx.set_cursor("crm", "contacts", "d1", "page 7", NOW).await.unwrap();
    tx.start_run("r1", "sync", NOW).await.unwrap();
    tx.add_calls("crm", "2026-11-22", 7).await.unwrap();
    let lag = bridge_store::Sample {
        name: "lag".into(),
        value: 7,
        adds: false,
    };
    tx.put_samples(&[lag], NOW).await.unwrap();
    tx.keep_traces(&[("e1".into(), "00-aa-bb-01".into())], NOW)
        .await
        .unwrap();
    tx.take_lease("drive/crm", "one", 100, 200).await.unwrap();
    tx.append_events(&[crate::events::event("v1", NOW)]).await.unwrap();
    let subscriber = bridge_store::Subscriber {
        name: "sheet".into(),
        ..Default::default()
    };
    tx.put_subscriber(&subscriber).await.unwrap();
    let other = RecordKey::new("halaxy", "Patient", "p000007");
    let pair = Candidate::new(record, other, 900, vec!["email".into()], NOW);
    tx.add_candidates(std::slice::from_ref(&pair)).await.unwrap();
    tx.decide_candidates(&[pair.id], CandidateState::Different, "Kim", NOW)
        .await
        .unwrap();
    let comment = bridge_store::DecisionRow {
        id: "d1".into(),
        at: NOW,
        who: "Kim".into(),
        sort: "comment".into(),
        entity: Some("e1".into()),
        unit: None,
        item: String::new(),
        group: None,
        undone: None,
        details: serde_json::json!({ "text": "kept" }),
        before: None,
    };
    tx.put_decisions(&[comment]).await.unwrap();
    let gone = RecordKey::new("crm", "contacts", "c-gone");
    tx.erase("nobody", &[gone], NOW).await.unwrap();
    tx.commit().await.unwrap();
    store.catch_up(&bridge_store::Followed::People).await.unwrap();
    let neighbour = Store::open(&url, key, "neighbour", NOW).await.unwrap();
    save_new(&neighbour, &[everything("e1"), person("e9", 9)]).await;
    neighbour.close().await;
    store
}

fn rows(sums: &[TableSum], table: &str) -> u64 {
    sums.iter().find(|sum| sum.table == table).unwrap().rows
}

#[tokio::test]
async fn a_copied_practice_is_the_same_in_every_table() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let source = filled(folder.path(), &place.key).await;
    let target = place.open().await;
    let copied = source.copy_to(&target).await.unwrap();
    assert!(
        copied.iter().all(|sum| sum.rows > 0),
        "this looks at every table: {copied:?}"
    );
    assert_eq!((rows(&copied, "entity"), rows(&copied, "link")), (1301, 2602));
    assert_eq!(copied, source.sums().await.unwrap());
    assert_eq!(copied, target.sums().await.unwrap());

    assert_eq!(load(&target, "e1").await, everything("e1"));
    assert_eq!(target.counts().await.unwrap(), source.counts().await.unwrap());
    assert_eq!(target.audit("e1").await.unwrap(), source.audit("e1").await.unwrap());
    assert_eq!(target.secret("token/crm").await.unwrap().as_deref(), Some("a token"));
    assert_eq!(
        target
            .find_keys(&[LookupKey::new("email", "a@samplewood.example")])
            .await
            .unwrap(),
        source
            .find_keys(&[LookupKey::new("email", "a@samplewood.example")])
            .await
            .unwrap()
    );
    assert_eq!(target.search_name("samp", 5).await.unwrap().len(), 1);
    let page = source.remote_ids("crm", "contacts", "", 2000).await.unwrap();
    assert_eq!(target.remote_ids("crm", "contacts", "", 2000).await.unwrap(), page);
    // It goes on where the other was: the next line of the audit is the next number.
    change(&target, "p100", NOW, Lane::Live, |entity| entity.agreed.clear()).await;
    let mut tx = target.begin().await.unwrap();
    tx.append_audit(&[AuditEntry::default()]).await.unwrap();
    tx.commit().await.unwrap();
    assert_ne!(copied, target.sums().await.unwrap(), "a sum sees a change");

    // The neighbour stayed at home.
    let neighbour = place.open_for("neighbour").await;
    assert!(neighbour.entities(&ids(&["e1"])).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_practice_comes_back_into_a_file() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let source = filled(folder.path(), &place.key).await;
    let server = place.open().await;
    let there = source.copy_to(&server).await.unwrap();
    let url = format!("sqlite:{}", folder.path().join("back.db").display());
    let back = Store::open(&url, &place.key, "clinic", NOW + 1).await.unwrap();
    assert_eq!(server.copy_to(&back).await.unwrap(), there);
    back.verify().await.unwrap();
    assert_eq!(load(&back, "e1").await, everything("e1"));
}

#[tokio::test]
async fn nothing_is_copied_over_rows_or_under_another_key() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let source = filled(folder.path(), &place.key).await;
    let target = place.open().await;
    for (number, table) in [(1, "meta"), (2, "entity")] {
        let mut tx = target.begin().await.unwrap();
        tx.put_meta("note", "mine").await.unwrap();
        tx.commit().await.unwrap();
        if number == 2 {
            place.sql("DELETE FROM meta WHERE name = 'note'").await;
            save_new(&target, &[person("mine", 1)]).await;
        }
        let before = target.sums().await.unwrap();
        match source.copy_to(&target).await {
            Err(StoreError::NotEmpty { table: named }) => assert_eq!(named, table),
            other => panic!("{other:?}"),
        }
        assert_eq!(target.sums().await.unwrap(), before);
    }
    let elsewhere = Place::new();
    let other = elsewhere.open().await;
    assert!(matches!(source.copy_to(&other).await, Err(StoreError::WrongKey { .. })));
    assert_eq!(other.counts().await.unwrap(), bridge_store::Counts::default());
}
