//! A group is decided as one by one would be; a rule is tried on history.

use crate::support::{Place, essence, judged, person, place, refused_as_changed, take};
use bridge_admin::desk::DeskError;
use bridge_admin::desk::rules::Rule;
use bridge_core::{Entity, Value};

async fn futures_of(place: &Place, count: usize) -> Vec<Entity> {
    let ids: Vec<String> = (0..count).map(|n| format!("person{n:04}")).collect();
    place.desk.store().entities(&ids).await.unwrap()
}

#[tokio::test]
async fn a_group_is_decided_as_one_by_one_and_taken_back_whole() {
    let (bulk, single) = (place().await, place().await);
    let mut people: Vec<Entity> = (0..12)
        .map(|n| {
            person(
                &bulk.schema,
                n,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )
        })
        .collect();
    people.push(person(
        &bulk.schema,
        20,
        "email",
        "a@b.example",
        "c@b.example",
        "d@b.example",
    ));
    people.push(person(&bulk.schema, 21, "official_name", "Mim", "Miriam", "Mirjam"));
    for place in [&bulk, &single] {
        place.put(&people).await;
    }
    let id = bulk.item("person0003").await;
    let group = bulk.desk.group(&id).await.unwrap();
    assert_eq!(
        (group.count, group.sample.len(), group.unit.as_str()),
        (12, 10, "mobile")
    );
    // One of them changes after it was shown: the whole group is shown again.
    bulk.change("person0005", |e| {
        e.links
            .get_mut("crm")
            .unwrap()
            .units
            .get_mut("mobile")
            .unwrap()
            .set_seen(Value::text("+61491570007"));
    })
    .await;
    assert!(refused_as_changed(
        bulk.desk.decide_group(&id, &take("halaxy", &group.token), "rose").await
    ));
    bulk.change("person0005", |e| {
        e.links
            .get_mut("crm")
            .unwrap()
            .units
            .get_mut("mobile")
            .unwrap()
            .set_seen(Value::text("+61491570001"));
    })
    .await;
    let before: Vec<Entity> = futures_of(&bulk, 12).await;
    let group = bulk.desk.group(&id).await.unwrap();
    let done = bulk
        .desk
        .decide_group(&id, &take("halaxy", &group.token), "rose")
        .await
        .unwrap();
    assert_eq!((done.decided, done.refused.len()), (12, 0));
    for n in 0..12 {
        let name = format!("person{n:04}");
        let id = single.item(&name).await;
        let token = single.token(&id).await;
        single.desk.decide(&id, &take("halaxy", &token), "rose").await.unwrap();
    }
    let (many, one) = (futures_of(&bulk, 12).await, futures_of(&single, 12).await);
    for (many, one) in many.iter().zip(&one) {
        let (many, one) = (judged(&bulk.schema, many), judged(&single.schema, one));
        assert_eq!(
            many.writes.values().map(|w| &w.values).collect::<Vec<_>>(),
            one.writes.values().map(|w| &w.values).collect::<Vec<_>>()
        );
        assert_eq!(many.agreed["mobile"].value, one.agreed["mobile"].value);
    }
    let undone = bulk.desk.undo_group(&done.group, "rose").await.unwrap();
    assert!(undone.len() == 12 && undone.iter().all(|o| o.refused.is_none()));
    for (before, after) in before.iter().zip(futures_of(&bulk, 12).await) {
        assert_eq!(essence(before), essence(&after));
    }
    let red = bulk.item("person0021").await;
    assert!(
        matches!(bulk.desk.group(&red).await, Err(DeskError::Asked(_))),
        "never in bulk"
    );
}

#[tokio::test]
async fn a_rule_is_tried_on_what_is_open_and_on_what_people_decided() {
    let place = place().await;
    let people: Vec<Entity> = (0..9)
        .map(|n| {
            person(
                &place.schema,
                n,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )
        })
        .collect();
    place.put(&people).await;
    for (n, side) in [(0, "halaxy"), (1, "halaxy"), (2, "crm")] {
        let id = place.item(&format!("person{n:04}")).await;
        let token = place.token(&id).await;
        place.desk.decide(&id, &take(side, &token), "rose").await.unwrap();
    }
    let id = place.item("person0005").await;
    let rule = place.desk.rule_of(&id, "halaxy").await.unwrap();
    assert_eq!((rule.key.as_str(), rule.value.as_str()), ("wins", "halaxy"));
    let trial = place.desk.try_rule(&rule).await.unwrap();
    assert_eq!((trial.open, trial.would_decide), (6, 6));
    assert_eq!((trial.decided, trial.agrees, trial.differs, trial.leaves), (3, 2, 1, 0));
    assert_eq!(trial.examples.len(), 1);
    assert!(trial.adopt.contains("wins = \"halaxy\"") && trial.adopt.contains("person.toml"));
    assert_eq!(
        place.entity("person0005").await.conflicts.len(),
        1,
        "nothing was decided"
    );
    let nonsense = Rule {
        value: "nobody".into(),
        ..rule
    };
    assert!(matches!(place.desk.try_rule(&nonsense).await, Err(DeskError::Asked(_))));
}
