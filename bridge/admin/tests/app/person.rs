//! Finding people, and a person's page: what it shows, does, notes and refuses.

use crate::support::{Browser, House, NOW, SECRET};
use bridge_admin::access::role::Role;
use bridge_core::{Lane, Value};
use bridge_store::{AuditEntry, RecordKey, Sample};
use std::collections::BTreeMap;

const PERSON: &str = "/person/0198-person-58";

/// The house with what searches go by, a write to somebody's contact, and samples.
pub async fn lived_in() -> (House, BTreeMap<Role, Browser>) {
    let (house, browsers) = House::full().await;
    let people: Vec<String> = (56..60).map(|n| format!("0198-person-{n}")).collect();
    let people = house.store.entities(&people).await.unwrap();
    let links = || people.iter().flat_map(|person| person.links.values());
    let keys: Vec<_> = links()
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::keys(link)))
        .collect();
    let names: Vec<_> = links()
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::names(link)))
        .collect();
    let values = |text: &str| BTreeMap::from([("mobile".to_string(), Value::text(text))]);
    let line = |at: i64, event: &str, person: usize| AuditEntry {
        at: NOW - at,
        entity: Some(format!("0198-person-{person}")),
        system: Some("crm".into()),
        remote_id: Some(format!("c{person:04}")),
        event: event.into(),
        units: vec!["mobile".into()],
        reason: if event == "linked" {
            "same name and birth date".into()
        } else {
            String::new()
        },
        body: (event == "sent")
            .then(|| serde_json::json!({ "sent": values("+61491570006"), "before": values("+61491570156") })),
        ..AuditEntry::default()
    };
    let mut tx = house.store.begin().await.unwrap();
    tx.set_keys(&keys).await.unwrap();
    tx.set_name_parts(&names).await.unwrap();
    let mut lines = vec![line(89_000_000, "linked", 58)];
    for person in [58, 59] {
        lines.extend([line(80_000_000, "sent", person), line(79_000_000, "applied", person)]);
    }
    tx.append_audit(&lines).await.unwrap();
    for minute in 0..30 {
        let sample = |name: &str, value, adds| Sample {
            name: name.into(),
            value,
            adds,
        };
        let all = [
            sample("lag", minute, false),
            sample("calls/crm", minute * 20, false),
            sample("applied/crm", 5, true),
        ];
        tx.put_samples(&all, NOW - minute * 60_000_000).await.unwrap();
    }
    tx.commit().await.unwrap();
    (house, browsers)
}

async fn views(house: &House) -> usize {
    let lines = house.store.latest_audit(None, true, 10_000).await.unwrap();
    lines.iter().filter(|(_, line)| line.event == "viewed").count()
}

#[tokio::test]
async fn people_are_found_and_who_was_found_is_noted_but_not_what_was_typed() {
    let (house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    for (text, by, found) in [
        ("samplew mir", "name", 4),
        ("person58@samplewood.example", "e-mail address", 1),
        ("0491 570 006", "phone number", 4),
        ("crm:c0058", "id of a record", 0),
    ] {
        let before = views(&house).await;
        let page = reviewer.post("/search", &[("text", text)]).await;
        assert_eq!(page.status, 200, "{text}");
        assert_eq!(page.text.matches("<tr tabindex").count(), found, "{text}");
        assert!(found == 0 || page.text.contains(by), "{text}");
        assert_eq!(views(&house).await - before, found, "{text}");
    }
    let lines = house.store.latest_audit(None, false, 10_000).await.unwrap();
    assert!(
        lines
            .iter()
            .all(|(_, line)| !line.reason.contains("samplew") && !line.reason.contains("0491"))
    );
    assert!(
        reviewer
            .post("/search", &[("text", "nobody here")])
            .await
            .text
            .contains("Nobody was found")
    );
    let mut refused = None;
    for _ in 0..40 {
        let page = reviewer.post("/search", &[("text", "sa")]).await;
        if page.status == 429 {
            refused = Some(page.text);
            break;
        }
    }
    assert!(refused.unwrap().contains("searched very often"));
}

#[tokio::test]
async fn a_person_is_shown_whole_to_those_who_may_and_without_values_to_others() {
    let (house, mut browsers) = lived_in().await;
    let before = views(&house).await;
    let page = browsers.get_mut(&Role::Auditor).unwrap().get(PERSON).await;
    for told in [
        "Mirrim Samplewood",
        "+61491570006",
        "Same name and birth date",
        "CRM c0058",
        "took it",
    ] {
        assert!(page.text.contains(told), "{told}");
    }
    assert!(
        !page.text.contains("Put back") && !page.text.contains("Sync now"),
        "an auditor changes nothing"
    );
    assert!(views(&house).await > before);
    let before = views(&house).await;
    for role in [Role::Operator, Role::Bookkeeper] {
        let page = browsers.get_mut(&role).unwrap().get(PERSON).await;
        assert!(page.status == 200 && page.text.contains("CRM c0058"));
        for secret in SECRET {
            assert!(!page.text.contains(secret), "{role:?} {secret}");
        }
    }
    assert_eq!(views(&house).await, before);
    assert_eq!(
        browsers
            .get_mut(&Role::Admin)
            .unwrap()
            .get("/person/nobody")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn comments_never_sync_and_sync_now_are_done_and_taken_back() {
    let (house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let said = [("text", "Asked Mirrim on the phone")];
    assert_eq!(reviewer.post(&format!("{PERSON}/comment"), &said).await.status, 303);
    assert!(reviewer.get(PERSON).await.text.contains("Asked Mirrim on the phone"));
    let hidden = browsers.get_mut(&Role::Operator).unwrap().get(PERSON).await.text;
    assert!(hidden.contains("Somebody left a comment") && !hidden.contains("on the phone"));

    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let token = |text: &str| {
        let form = text.split("value=\"mobile\"").nth(1).unwrap();
        form.split("name=\"token\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_string()
    };
    let shown = token(&reviewer.get(PERSON).await.text);
    let asked = [("unit", "mobile"), ("token", &shown), ("apart", "yes")];
    assert_eq!(reviewer.post(&format!("{PERSON}/apart"), &asked).await.status, 303);
    let again = reviewer.post(&format!("{PERSON}/apart"), &asked).await;
    assert!(again.status.is_client_error(), "what was shown is not so any more");
    let page = reviewer.get(PERSON).await.text;
    assert!(page.contains("sync again") && page.contains("kept apart"));
    let decision = page
        .split("name=\"decision\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_string();
    let elsewhere = reviewer
        .post("/person/0198-person-1/undo", &[("decision", &decision)])
        .await;
    assert_eq!(elsewhere.status, 404, "only what stands on this page");
    assert_eq!(
        reviewer
            .post(&format!("{PERSON}/undo"), &[("decision", &decision)])
            .await
            .status,
        303
    );
    assert!(!reviewer.get(PERSON).await.text.contains("sync again"));

    let steps = reviewer.post(&format!("{PERSON}/sync"), &[]).await;
    assert!(steps.to().contains("/steps?since="), "{}", steps.to());
    let before = views(&house).await;
    let page = reviewer.get(steps.to()).await;
    assert!(page.text.contains("Looked at afresh") && page.text.contains("Look again"));
    assert_eq!(views(&house).await, before, "steps show no values");
}

#[tokio::test]
async fn a_record_is_cut_off_only_as_it_is_shown() {
    let (house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let cut = |record| [("system", "crm"), ("record", record)];
    assert_eq!(
        reviewer.post(&format!("{PERSON}/unlink"), &cut("c0001")).await.status,
        404
    );
    assert_eq!(
        reviewer.post(&format!("{PERSON}/unlink"), &cut("c0058")).await.status,
        303
    );
    let owner = house.store.entity_of("crm", "contacts", "c0058").await.unwrap();
    assert_ne!(owner.as_deref(), Some("0198-person-58"));
    assert!(reviewer.get(PERSON).await.text.contains("only record"));
    assert_eq!(
        reviewer
            .post(
                &format!("{PERSON}/unlink"),
                &[("system", "halaxy"), ("record", "p0058")]
            )
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_write_and_a_run_are_taken_back_but_for_what_was_edited_since() {
    let (house, mut browsers) = lived_in().await;
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    // Somebody typed another number for one of the two since.
    let before = house
        .store
        .entities(&["0198-person-59".into()])
        .await
        .unwrap()
        .remove(0);
    let mut after = before.clone();
    let link = after.links.get_mut("crm").unwrap();
    link.units
        .get_mut("mobile")
        .unwrap()
        .set_seen(Value::text("+61491570110"));
    let mut tx = house.store.begin().await.unwrap();
    tx.save_entities(&[(Some(before), after)], Lane::Live, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let runs = admin.get("/runs").await.text;
    assert!(runs.contains("/runs/run-1") && runs.contains("1,203 records made"));
    let look = admin.get("/runs/run-1?undo=look").await.text;
    assert!(
        look.contains("<b>1</b> records would get back") && look.contains("Edited since"),
        "{look}"
    );
    assert!(
        house
            .store
            .audit("0198-person-58")
            .await
            .unwrap()
            .iter()
            .all(|e| e.event != "taken back")
    );
    let stale = admin.post("/runs/run-1/undo", &[("back", "2"), ("stay", "0")]).await;
    assert!(stale.text.contains("Nothing was taken back"));
    let done = admin.post("/runs/run-1/undo", &[("back", "1"), ("stay", "1")]).await;
    assert!(done.text.contains("are left as they are") && done.text.contains("Taken back"));
    assert!(
        house
            .store
            .audit("0198-person-58")
            .await
            .unwrap()
            .iter()
            .any(|e| e.event == "taken back")
    );
    assert_eq!(
        browsers
            .get_mut(&Role::Operator)
            .unwrap()
            .get("/runs/run-1?undo=look")
            .await
            .status,
        200
    );
    let page = browsers
        .get_mut(&Role::Operator)
        .unwrap()
        .post("/runs/run-1/undo", &[])
        .await;
    assert_eq!(page.status, 403);

    let (_house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    assert!(reviewer.get(PERSON).await.text.contains("Put back"));
    let at = (NOW - 80_000_000).to_string();
    let back = reviewer
        .post(&format!("{PERSON}/write"), &[("system", "crm"), ("at", &at)])
        .await;
    assert_eq!(back.to(), format!("{PERSON}?done=written"));
    assert!(reviewer.get(PERSON).await.text.contains("being put back"));
    let twice = reviewer
        .post(&format!("{PERSON}/write"), &[("system", "crm"), ("at", &at)])
        .await;
    assert!(twice.status.is_client_error());
}
