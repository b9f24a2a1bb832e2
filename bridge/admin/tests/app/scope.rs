//! People of the app who are bound to locations: what is out of sight is not there, whichever way it is asked for.

use crate::support::{Browser, House, NOW, Page};
use bridge_admin::access::bound::Bound;
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::ROUTES;
use bridge_admin::desk::Desk;
use bridge_admin::desk::act::Decision;
use bridge_admin::desk::inbox::Query;
use bridge_core::Value;
use bridge_store::{AuditEntry, RecordKey, Visited, conflict_id};
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::BTreeMap;

const HERE: &str = "CL-200001";
const THERE: &str = "CL-200002";

pub fn person(number: usize) -> String {
    format!("0198-person-{number}")
}

fn mobile(number: usize) -> String {
    conflict_id(&person(number), "mobile")
}

pub fn to(locations: &[&str], unplaced: bool) -> Bound {
    Bound::to(locations.iter().copied(), unplaced).unwrap()
}

pub fn desk(house: &House) -> Desk {
    crate::office::desk(&house.store, std::sync::Arc::clone(&house.clock) as _)
}

/// Nine are seen here and there is somebody at the other end of a pair; the rest is seen there, but for one.
pub async fn divided() -> (House, BTreeMap<Role, Browser>) {
    let (house, browsers) = House::full().await;
    let visit = |appointment: &str, numbers: Vec<usize>, location: &str| Visited {
        appointment: appointment.into(),
        people: numbers.into_iter().map(|n| format!("p{n:04}")).collect(),
        roles: vec![(format!("r-{location}"), location.into())],
    };
    let here = (0..9).chain([57, 58]).collect();
    let there = (9..57).collect();
    let visits = [visit("1", here, HERE), visit("2", there, THERE)];
    let everybody: Vec<String> = (0..60).map(person).collect();
    let people = house.store.entities(&everybody).await.unwrap();
    let links = || people.iter().flat_map(|person| person.links.values());
    let keys: Vec<_> = links()
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::keys(link)))
        .collect();
    let names: Vec<_> = links()
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::names(link)))
        .collect();
    let values = |text: &str| BTreeMap::from([("mobile".to_string(), Value::text(text))]);
    let line = |at: i64, event: &str, number: usize| AuditEntry {
        at: NOW - at,
        entity: Some(person(number)),
        system: Some("crm".into()),
        remote_id: Some(format!("c{number:04}")),
        event: event.into(),
        units: vec!["mobile".into()],
        body: (event == "sent").then(|| json!({ "sent": values("+61491570006"), "before": values("+61491570156") })),
        ..AuditEntry::default()
    };
    let mut tx = house.store.begin().await.unwrap();
    tx.put_visited("halaxy", "Patient", &visits).await.unwrap();
    tx.set_keys(&keys).await.unwrap();
    tx.set_name_parts(&names).await.unwrap();
    for number in [58, 56] {
        let lines = [line(80, "sent", number), line(79, "applied", number)];
        tx.append_audit(&lines).await.unwrap();
    }
    while !tx.index_located(1_000).await.unwrap() {}
    tx.visits_known(NOW).await.unwrap();
    tx.commit().await.unwrap();
    (house, browsers)
}

/// Somebody who is bound, in a browser that is signed in.
pub async fn bound(house: &House, role: Role, bound: Bound) -> Browser {
    let email = format!("bound-{}@practice.example", role.key());
    let invited = house
        .access
        .invite_to(("Kim Reed", &email), role, Some(bound), "a test");
    let link = invited.await.unwrap();
    let joining = house.joining(link.expose_secret()).await;
    let accepted = house.access.accept(link.expose_secret(), &joining).await.unwrap();
    let mut browser = house.browser();
    let session = accepted.session.expose_secret().to_string();
    browser.cookies.insert("__Host-bridge".into(), session);
    browser
}

async fn ask(browser: &mut Browser, method: &str, path: &str, fields: &[(&str, String)]) -> Page {
    if method == "GET" {
        return browser.get(path).await;
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
    browser.post(path, &fields).await
}

async fn decided(desk: &Desk, number: usize, group: Option<&str>) -> String {
    let item = mobile(number);
    let decision = Decision {
        act: "take".into(),
        system: Some("crm".into()),
        value: None,
        token: desk.detail(&item).await.unwrap().token,
    };
    match group {
        None => desk.decide(&item, &decision, "a test").await.unwrap().id,
        Some(_) => {
            let token = desk.group(&item).await.unwrap().token;
            let decision = Decision { token, ..decision };
            desk.decide_group(&item, &decision, "a test").await.unwrap().group
        }
    }
}

/// Every route that names something, with what is sent: of somebody here, of somebody there, and of nobody.
#[tokio::test]
async fn every_route_answers_for_what_is_out_of_sight_as_for_what_is_not_there() {
    let (house, _) = divided().await;
    let desk = desk(&house);
    let mut kim = bound(&house, Role::Reviewer, to(&[HERE], false)).await;
    let token = async |number: usize| desk.detail(&mobile(number)).await.unwrap().token;
    let item = |path: &str, number: usize| path.replace("{id}", &mobile(number));
    let of = |path: &str, number: usize| path.replace("{id}", &person(number));
    let (first, second) = (decided(&desk, 1, None).await, decided(&desk, 21, None).await);
    let (third, fourth) = (decided(&desk, 2, None).await, decided(&desk, 22, None).await);
    // A group of each side alone.
    let bounds = [to(&[HERE], false), to(&[THERE], false)];
    let (here, there) = (
        desk.bound(Some(&bounds[0])).await.unwrap(),
        desk.bound(Some(&bounds[1])).await.unwrap(),
    );
    let (mut tried, mut group_here) = (0, String::new());
    let row = |path: &'static str, method: &'static str, asked: [(String, Vec<(&'static str, String)>); 2]| {
        (path, method, asked)
    };
    let none = Vec::new;
    let choice = |word: &str, token: String| vec![("choice", word.to_string()), ("token", token)];
    let mut table = vec![];
    for path in ["/inbox/{id}", "/inbox/{id}/group"] {
        table.push(row(path, "GET", [(item(path, 3), none()), (item(path, 23), none())]));
    }
    let path = "/inbox/{id}/rule";
    table.push(row(path, "GET", [3, 23].map(|n| (item(path, n) + "?take=crm", none()))));
    let path = "/inbox/{id}/try";
    table.push(row(
        path,
        "POST",
        [3, 23].map(|n| (item(path, n), vec![("value", "0491 570 110".to_string())])),
    ));
    let path = "/inbox/{id}/note";
    for (act, more) in [
        ("assign", ("whom", "")),
        ("snooze", ("until", "")),
        ("comment", ("text", "Called")),
    ] {
        let fields = vec![("do", act.to_string()), (more.0, more.1.to_string())];
        table.push(row(path, "POST", [3, 23].map(|n| (item(path, n), fields.clone()))));
    }
    for path in ["/person/{id}", "/person/{id}/steps"] {
        table.push(row(path, "GET", [(of(path, 3), none()), (of(path, 23), none())]));
    }
    let path = "/person/{id}/comment";
    table.push(row(
        path,
        "POST",
        [3, 23].map(|n| (of(path, n), vec![("text", "Called".to_string())])),
    ));
    let path = "/person/{id}/sync";
    table.push(row(path, "POST", [3, 23].map(|n| (of(path, n), none()))));
    let path = "/person/{id}/apart";
    let mut apart = vec![];
    for number in [58, 56] {
        let fields = vec![
            ("unit", "email".to_string()),
            ("apart", "yes".into()),
            ("token", desk.unit_token(&person(number), "email").await.unwrap()),
        ];
        apart.push((of(path, number), fields));
    }
    table.push(row(path, "POST", apart.try_into().unwrap()));
    let path = "/person/{id}/write";
    let sent = vec![("system", "crm".to_string()), ("at", (NOW - 80).to_string())];
    table.push(row(path, "POST", [58, 56].map(|n| (of(path, n), sent.clone()))));
    let path = "/person/{id}/undo";
    let asked = [(1, first.clone()), (21, second.clone())].map(|(n, id)| (of(path, n), vec![("decision", id)]));
    table.push(row(path, "POST", asked));
    let path = "/person/{id}/unlink";
    let asked = [8, 28].map(|n| {
        (
            of(path, n),
            vec![("system", "crm".to_string()), ("record", format!("c{n:04}"))],
        )
    });
    table.push(row(path, "POST", asked));
    let path = "/decisions/{id}/undo";
    table.push(row(
        path,
        "POST",
        [third, fourth].map(|id| (path.replace("{id}", &id), none())),
    ));
    let path = "/inbox/{id}/decide";
    let asked = [
        (item(path, 3), choice("take:crm", token(3).await)),
        (item(path, 23), choice("take:crm", token(23).await)),
    ];
    table.push(row(path, "POST", asked));
    let path = "/inbox/{id}/group";
    let asked = [
        (
            item(path, 5),
            choice("take:crm", here.group(&mobile(5)).await.unwrap().token),
        ),
        (
            item(path, 25),
            choice("take:crm", there.group(&mobile(25)).await.unwrap().token),
        ),
    ];
    table.push(row(path, "POST", asked));

    for (path, method, [(own, fields), (foreign, others)]) in table {
        let unknown = match path.starts_with("/decisions") {
            true => "/decisions/0198-nothing/undo".to_string(),
            false => {
                let id = foreign.split('/').nth(2).unwrap();
                foreign.replacen(id, &"f".repeat(id.len()), 1)
            }
        };
        let (hidden, missing) = (
            ask(&mut kim, method, &foreign, &others).await,
            ask(&mut kim, method, &unknown, &others).await,
        );
        assert_eq!(
            (hidden.status.as_u16(), missing.status.as_u16()),
            (404, 404),
            "{method} {foreign}"
        );
        let bare = |page: &Page, path: &str| page.text.replace(path.split('?').next().unwrap(), "HERE");
        assert_eq!(
            bare(&hidden, &foreign),
            bare(&missing, &unknown),
            "{method} {path}: the same bytes"
        );
        let fields = match (method, path) {
            // What is in a group changed with what was decided above.
            ("POST", "/inbox/{id}/group") => choice("take:crm", here.group(&mobile(5)).await.unwrap().token),
            _ => fields,
        };
        let seen = ask(&mut kim, method, &own, &fields).await;
        let fine = seen.status.is_success() || seen.status.is_redirection() || seen.status == 409;
        assert!(fine, "{method} {own}: {}", seen.status);
        if let Some((_, after)) = seen.to().split_once("/decisions?group=") {
            group_here = after.split('&').next().unwrap().to_string();
        }
        tried += 1;
    }
    assert_eq!(tried, 18);
    // A group of the other side is no group.
    let group = decided(&there, 25, Some("")).await;
    assert_eq!(kim.post(&format!("/decided/{group}/undo"), &[]).await.status, 404);
    assert_eq!(kim.post("/decided/0123456789abcdef/undo", &[]).await.status, 404);
    assert_eq!(kim.post(&format!("/decided/{group_here}/undo"), &[]).await.status, 303);
    assert!(
        !kim.get(&format!("/decisions?group={group}"))
            .await
            .text
            .contains("Samplewood")
    );
    assert!(
        kim.get(&format!("/decisions?group={group_here}"))
            .await
            .text
            .contains("Samplewood")
    );
    // Nothing that names somebody was forgotten here.
    let named: Vec<&str> = ROUTES
        .iter()
        .map(|route| route.path)
        .filter(|path| path.contains("{id}") && !path.starts_with("/people") && !path.starts_with("/runs"))
        .collect();
    assert_eq!(named.len(), 17, "{named:?}");
}

/// The items that a desk lists for a query, page by page.
async fn listed(desk: &Desk, query: Query) -> Vec<String> {
    let (mut rows, mut query) = (
        vec![],
        Query {
            limit: Some(3),
            ..query
        },
    );
    loop {
        let page = desk.inbox(&query).await.unwrap();
        rows.extend(page.rows.into_iter().map(|row| row.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn counts_are_those_of_the_lists_and_of_nobody_elses() {
    let (house, mut browsers) = divided().await;
    let whole = desk(&house);
    let mut counted = 0;
    for (at, unplaced) in [(vec![HERE], false), (vec![THERE], false), (vec![], true)] {
        let desk = whole.bound(Some(&to(&at, unplaced))).await.unwrap();
        let totals = desk.totals().await.unwrap();
        assert_eq!(
            totals.open as usize,
            listed(&desk, Query::default()).await.len(),
            "{at:?}"
        );
        counted += totals.open;
        for (kind, count) in totals.kinds {
            let kind = Some(kind);
            assert_eq!(
                count as usize,
                listed(
                    &desk,
                    Query {
                        kind,
                        ..Query::default()
                    }
                )
                .await
                .len()
            );
        }
        for (unit, count) in totals.units {
            let unit = Some(unit);
            assert_eq!(
                count as usize,
                listed(
                    &desk,
                    Query {
                        unit,
                        ..Query::default()
                    }
                )
                .await
                .len()
            );
        }
        for (system, count) in totals.systems {
            let system = Some(system);
            assert_eq!(
                count as usize,
                listed(
                    &desk,
                    Query {
                        system,
                        ..Query::default()
                    }
                )
                .await
                .len()
            );
        }
    }
    assert_eq!(
        counted,
        whole.totals().await.unwrap().open,
        "each item is somewhere once"
    );

    let mut kim = bound(&house, Role::Reviewer, to(&[HERE], false)).await;
    let page = kim.get("/inbox").await;
    assert!(
        page.text.contains("data-count=\"open\">11<"),
        "nine conflicts, a hold and a pair"
    );
    let told = kim.get("/live").await.text;
    assert!(told.contains("\"open\":11"), "{told}");
    let mut other = browsers.remove(&Role::Operator).unwrap();
    let told = other.get("/live").await.text;
    assert!(!told.contains("\"open\":11"), "another's counts are not shared: {told}");
    for path in ["/runs", "/vitals", "/rules?unit=mobile&key=wins&value=crm"] {
        let page = kim.get(path).await;
        assert!(page.status == 200, "{path}");
        assert!(!page.text.contains("data-live=\"inbox\""), "{path} counts everybody's");
    }
}

#[tokio::test]
async fn many_at_once_and_rules_on_trial_never_reach_another_location() {
    let (house, _) = divided().await;
    let whole = desk(&house);
    let kim = whole.bound(Some(&to(&[HERE], false))).await.unwrap();
    let group = kim.group(&mobile(1)).await.unwrap();
    assert_eq!(group.count, 8, "all but the one about the e-mail address");
    assert!(whole.group(&mobile(1)).await.unwrap().count > 8);
    let rule = kim.rule_of(&mobile(1), "crm").await.unwrap();
    assert_eq!(kim.try_rule(&rule).await.unwrap().open, 8);
    let decision = Decision {
        act: "take".into(),
        system: Some("crm".into()),
        value: None,
        token: whole.group(&mobile(1)).await.unwrap().token,
    };
    assert!(
        kim.decide_group(&mobile(1), &decision, "Kim").await.is_err(),
        "that was another's group"
    );
    let decision = Decision {
        token: group.token,
        ..decision
    };
    let before = whole.totals().await.unwrap().open;
    let done = kim.decide_group(&mobile(1), &decision, "Kim").await.unwrap();
    assert_eq!((done.decided, done.refused.len()), (8, 0));
    assert_eq!(whole.totals().await.unwrap().open, before - 8);
    let (rows, _) = whole
        .decisions(None, None, &bridge_store::Page::first(99))
        .await
        .unwrap();
    let here: Vec<String> = (0..9).map(person).collect();
    assert!(rows.iter().all(|row| here.contains(row.entity.as_ref().unwrap())));
    // Of a group that is of several places only what is seen is taken back.
    let group = decided(&whole, 10, Some("")).await;
    let all = whole.bound(Some(&to(&[THERE], false))).await.unwrap();
    assert!(kim.undo_group(&group, "Kim").await.is_err());
    assert!(!all.undo_group(&group, "Kim").await.unwrap().is_empty());
}
