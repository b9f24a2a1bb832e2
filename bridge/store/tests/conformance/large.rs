//! What keeps a large practice quick gives what a plain walk through everything gives: pages of the inbox by any filter,
//! its counters, what is due beside what is kept back, sizes, and the history by filters.

use crate::support::*;
use bridge_core::{Entity, Lane, LinkState, Op, WriteState};
use bridge_store::{AuditEntry, Cell, Due, Item, ItemFilter, KeptBack, LineFilter, Page, Store};
use std::collections::BTreeMap;

const TOPICS: [&str; 5] = ["task/a", "task/b", "task/c", "task/d", "task/e"];

/// Items in a fixed mixture: one topic comes late, one is rare, some sleep, some are somebody's.
fn items() -> Vec<Item> {
    let item = |n: usize| {
        let topic = match n {
            0..700 => ["task/a", "task/b"][n % 2],
            700..710 => "task/d",
            _ => ["task/a", "task/c"][n % 2],
        };
        let systems = [&["crm"][..], &["crm", "halaxy"], &["halaxy"], &[]][n % 4];
        Item {
            id: format!("i{:05}", (n * 7_919) % 100_000),
            topic: topic.into(),
            systems: systems.iter().map(|s| (*s).into()).collect(),
            entity: Some(format!("e{}", n % 50)),
            since: NOW + (n / 3) as i64,
            assigned: [None, Some("rose"), None, Some("sam"), None, None, None][n % 7].map(Into::into),
            snoozed: if n.is_multiple_of(11) { NOW + (n % 5) as i64 } else { 0 },
        }
    };
    (0..1_400).map(item).collect()
}

fn fits(filter: &ItemFilter, item: &Item) -> bool {
    filter.topics.as_ref().is_none_or(|topics| topics.contains(&item.topic))
        && filter
            .system
            .as_ref()
            .is_none_or(|system| item.systems.contains(system))
        && filter
            .entity
            .as_ref()
            .is_none_or(|entity| item.entity.as_ref() == Some(entity))
        && filter
            .assigned
            .as_ref()
            .is_none_or(|whose| item.assigned.as_deref().unwrap_or_default() == whose)
        && filter.asleep.is_none_or(|(asleep, now)| asleep == (item.snoozed > now))
        && filter.until.is_none_or(|until| item.since <= until)
}

async fn paged(store: &Store, filter: &ItemFilter, limit: usize) -> Vec<Item> {
    Page::all(async |page| {
        let page = Page { limit, ..page };
        store.items(filter, &page).await
    })
    .await
    .unwrap()
}

async fn assert_counted(store: &Store, items: &[Item]) {
    let mut counted: BTreeMap<_, u64> = BTreeMap::new();
    for item in items {
        let key = (&item.topic, &item.systems, &item.assigned, item.snoozed);
        *counted.entry(key).or_default() += 1;
    }
    let mut cells = store.item_cells().await.unwrap();
    let mut wanted: Vec<Cell> = counted
        .into_iter()
        .map(|((topic, systems, assigned, snoozed), count)| Cell {
            topic: topic.clone(),
            systems: systems.clone(),
            assigned: assigned.clone(),
            snoozed,
            count,
        })
        .collect();
    let key = |cell: &Cell| {
        (
            cell.topic.clone(),
            cell.systems.clone(),
            cell.assigned.clone(),
            cell.snoozed,
        )
    };
    cells.sort_by_key(key);
    wanted.sort_by_key(key);
    assert_eq!(cells, wanted);
}

#[tokio::test]
async fn every_filter_gives_what_a_walk_through_all_gives_and_counters_follow() {
    let place = Place::new();
    let store = place.open().await;
    let mut all = items();
    let mut tx = store.begin().await.unwrap();
    for topic in TOPICS {
        tx.file_items(topic, &all).await.unwrap();
    }
    tx.commit().await.unwrap();
    all.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
    assert_counted(&store, &all).await;
    let some = |topics: &[&str]| Some(topics.iter().map(|topic| (*topic).into()).collect());
    let mut filters = vec![ItemFilter::default()];
    for topics in [
        None,
        some(&["task/c"]),
        some(&["task/d", "task/e"]),
        some(&["task/b", "task/c"]),
    ] {
        for system in [None, Some("halaxy"), Some("books")] {
            for assigned in [None, Some(""), Some("sam"), Some("nobody")] {
                for asleep in [None, Some((false, NOW + 2)), Some((true, NOW + 2))] {
                    for until in [None, Some(NOW + 240)] {
                        filters.push(ItemFilter {
                            topics: topics.clone(),
                            system: system.map(Into::into),
                            entity: None,
                            assigned: assigned.map(Into::into),
                            asleep,
                            until,
                            within: None,
                        });
                    }
                }
            }
        }
    }
    filters.push(ItemFilter {
        entity: Some("e7".into()),
        asleep: Some((false, NOW)),
        ..ItemFilter::default()
    });
    for filter in &filters {
        let wanted: Vec<&Item> = all.iter().filter(|item| fits(filter, item)).collect();
        for limit in [37, 500] {
            let found = paged(&store, filter, limit).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter:?} by {limit}");
        }
    }

    // Whatever is done to items, the counters follow.
    let ids: Vec<String> = all.iter().take(300).map(|item| item.id.clone()).collect();
    let mut tx = store.begin().await.unwrap();
    for id in &ids[..20] {
        tx.assign_item(id, Some("kim")).await.unwrap();
        tx.snooze_item(id, NOW + 50).await.unwrap();
    }
    tx.drop_items(&ids[100..]).await.unwrap();
    tx.file_items("task/c", &[]).await.unwrap();
    tx.commit().await.unwrap();
    all.retain(|item| item.topic != "task/c" && !ids[100..].contains(&item.id));
    for item in all.iter_mut().filter(|item| ids[..20].contains(&item.id)) {
        (item.assigned, item.snoozed) = (Some("kim".into()), NOW + 50);
    }
    assert_counted(&store, &all).await;
    let tx = store.begin().await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(paged(&store, &ItemFilter::default(), 99).await.len(), all.len());
}

/// Entities with one planned write each: created or changed, asked for or not.
async fn planned(store: &Store) {
    let entity = |n: usize| {
        let mut entity = person(&format!("e{n:03}"), n);
        let lane = [Lane::Backfill, Lane::Live, Lane::Backfill, Lane::Requested][n % 4];
        let mut one = write("crm", WriteState::Planned, lane);
        one.op = if n.is_multiple_of(3) { Op::Create } else { Op::Update };
        entity.writes.insert("crm".into(), one);
        entity
    };
    save_new(store, &(0..120).map(entity).collect::<Vec<Entity>>()).await;
}

#[tokio::test]
async fn what_is_kept_back_is_not_among_what_is_due() {
    let place = Place::new();
    let store = place.open().await;
    planned(&store).await;
    let all = store.writes_due("crm", NOW + 9_999, 1_000).await.unwrap();
    assert_eq!(all.len(), 120);
    assert!(all.is_sorted_by_key(|due| (due.lane, due.entity.clone())));
    for (creates, updates) in [(false, false), (true, false), (false, true), (true, true)] {
        let kept = KeptBack { creates, updates };
        let wanted: Vec<&Due> = all.iter().filter(|due| !kept.holds(due.lane, due.create)).collect();
        for limit in [7, 1_000] {
            let due = store.writes_due_but("crm", NOW + 9_999, kept, limit).await.unwrap();
            let wanted: Vec<&Due> = wanted.iter().take(limit).copied().collect();
            assert_eq!(due.iter().collect::<Vec<_>>(), wanted, "{kept:?}");
        }
    }
    for (op, lane) in [(Op::Create, Lane::Live), (Op::Update, Lane::Backfill)] {
        let wanted = all
            .iter()
            .filter(|due| due.lane == lane && due.create == (op == Op::Create));
        let counted = store.due_count("crm", op, lane, NOW + 9_999).await.unwrap();
        assert_eq!(counted, wanted.count() as u64);
    }
    assert!(store.busy().await.unwrap());
}

#[tokio::test]
async fn sizes_count_who_is_there_and_whose() {
    let place = Place::new();
    let store = place.open().await;
    let mut people: Vec<Entity> = (0..9).map(|n| person(&format!("e{n}"), n)).collect();
    people[3].links.get_mut("crm").unwrap().state = LinkState::Gone;
    save_new(&store, &people).await;
    let stranger = link("crm", "contacts", "c999", None, &values([("email", "a@b.example")]));
    let mut tx = store.begin().await.unwrap();
    tx.touch_links(&[stranger]).await.unwrap();
    tx.commit().await.unwrap();
    let counts = store.counts().await.unwrap();
    let of = |crm, halaxy| BTreeMap::from([("crm".to_string(), crm), ("halaxy".to_string(), halaxy)]);
    assert_eq!((counts.entities, counts.unidentified), (9, 1));
    assert_eq!((counts.records.clone(), counts.links.clone()), (of(9, 9), of(8, 9)));
    let sizes = store.sizes().await.unwrap();
    assert_eq!(
        (sizes.entities, sizes.records, sizes.links),
        (9, counts.records, counts.links)
    );
    assert_eq!(store.work().await.unwrap().unidentified, 1);
    assert!(!store.busy().await.unwrap() && !store.looking().await.unwrap());
}

#[tokio::test]
async fn lines_of_the_history_are_found_by_filters_a_stretch_at_a_time() {
    let place = Place::new();
    let store = place.open().await;
    let line = |n: i64| AuditEntry {
        at: NOW + n,
        entity: Some(format!("e{}", n % 3)),
        system: Some(["crm", "halaxy"][(n % 2) as usize].into()),
        event: ["sent", "applied", "viewed", "linked", "access"][(n % 5) as usize].into(),
        units: vec![["mobile", "email"][(n % 4 / 2) as usize].into()],
        reason: format!("By Rose {n}"),
        ..AuditEntry::default()
    };
    let all: Vec<AuditEntry> = (0..300).map(line).collect();
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(&all).await.unwrap();
    tx.commit().await.unwrap();
    let fits = |filter: &LineFilter, line: &AuditEntry| {
        let is = |wanted: &str, found: Option<&str>| wanted.is_empty() || found == Some(wanted);
        (!filter.access || matches!(line.event.as_str(), "access" | "viewed"))
            && is(&filter.event, Some(&line.event))
            && is(&filter.system, line.system.as_deref())
            && is(&filter.entity, line.entity.as_deref())
            && line.reason.to_lowercase().contains(&filter.words)
    };
    for access in [false, true] {
        for (event, system, entity, words) in [
            ("", "", "", ""),
            ("viewed", "", "", ""),
            ("linked", "crm", "", ""),
            ("", "", "e1", ""),
            ("applied", "", "e2", ""),
            ("", "halaxy", "", "rose 2"),
            ("never", "", "", ""),
        ] {
            let filter = LineFilter {
                access,
                event: event.into(),
                system: system.into(),
                entity: entity.into(),
                words: words.into(),
            };
            let wanted: Vec<&AuditEntry> = all.iter().rev().filter(|line| fits(&filter, line)).collect();
            for (stretch, limit) in [(40, 40), (70, 5), (1_000, 1_000)] {
                let (mut found, mut before, mut rounds) = (vec![], None, 0);
                loop {
                    let part = store.lines(before, &filter, stretch, limit).await.unwrap();
                    assert!(part.rows.len() <= limit);
                    found.extend(part.rows.into_iter().map(|(_, line)| line));
                    rounds += 1;
                    if !part.more {
                        break;
                    }
                    before = part.looked.map(|(place, _)| place);
                }
                assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
                // What is shown of one entity is picked out of its lines afterwards.
                let picked = access && !entity.is_empty();
                let most = 300 / stretch + wanted.len() / limit + 2;
                assert!(picked || rounds <= most, "each stretch counts once");
            }
        }
    }
    let of = store.latest_of("e1", 4).await.unwrap();
    let wanted: Vec<&AuditEntry> = all.iter().filter(|line| line.entity.as_deref() == Some("e1")).collect();
    assert_eq!(of.iter().collect::<Vec<_>>(), wanted[96..]);
    assert_eq!(store.lines_of("e1").await.unwrap(), 100);
    assert!(
        store
            .evidence_of("e0")
            .await
            .unwrap()
            .iter()
            .all(|line| line.event == "linked")
    );
    let taken = store.taken_of("e1").await.unwrap();
    assert!(taken.contains(&("crm".into(), "mobile".into())), "{taken:?}");
    let (place, last) = (
        store.audit_place(NOW + 100).await.unwrap(),
        store.last_audit().await.unwrap(),
    );
    let applied = store.applied_lines((place, last), (0, i64::MAX), 1_000).await.unwrap();
    assert_eq!(applied.len(), 40);
    let written = store
        .written_to(&["e0".into(), "e2".into()], (place, last), (0, i64::MAX))
        .await
        .unwrap();
    let wanted = all[100..]
        .iter()
        .filter(|line| line.entity.as_deref() != Some("e1") && matches!(line.event.as_str(), "sent" | "applied"));
    assert_eq!(written.len(), wanted.count());
    assert!(written.is_sorted_by_key(|(place, line)| (line.entity.clone(), *place)));
}
