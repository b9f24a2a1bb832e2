//! The review as browsers meet it: who sees what, that a decision applies to what was shown and nothing else, and what comes
//! of it.

use crate::support::{Browser, House, Page, SECRET, email};
use bridge_admin::access::role::Role;
use bridge_core::{Lane, Value};
use std::collections::BTreeMap;

const PAIR: &str = "/inbox?kind=match";

/// Addresses of items on a page of the inbox.
fn items(page: &Page) -> Vec<String> {
    let rows = page.text.split(" data-open=\"").skip(1);
    rows.map(|row| row.split('"').next().unwrap().replace("&amp;", "&"))
        .collect()
}

fn bare(item: &str) -> &str {
    item.split('?').next().unwrap()
}

/// Opens the first item of a list.
async fn first(browser: &mut Browser, list: &str) -> (String, Page) {
    let item = items(&browser.get(list).await).remove(0);
    let card = browser.get(&item).await;
    assert_eq!(card.status, 200, "{item}");
    (item, card)
}

/// Decides what a card shows.
async fn decide(browser: &mut Browser, item: &str, card: &Page, choice: &str, value: &str) -> Page {
    let [token, seen, back, next] = ["token", "seen", "back", "next"].map(|name| card.field(name));
    let fields = [
        ("choice", choice),
        ("value", value),
        ("token", &token),
        ("seen", &seen),
        ("back", &back),
        ("next", &next),
    ];
    browser.post(&format!("{}/decide", bare(item)), &fields).await
}

fn take(browsers: &mut BTreeMap<Role, Browser>, role: Role) -> Browser {
    browsers.remove(&role).unwrap()
}

#[tokio::test]
async fn who_sees_values_finds_them_and_the_history_says_so() {
    let (house, mut browsers) = House::full().await;
    let noted = async || house.store.latest_audit(None, true, 1_000).await.unwrap();
    let before = noted().await.len();
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let page = reviewer.get("/inbox").await;
    assert!(page.text.contains("Mirrim Samplewood") && page.text.contains("+61491570156"));
    let lines = noted().await;
    assert_eq!(lines.len() - before, 50, "one for each person on the page");
    let (_, line) = &lines[0];
    assert_eq!(
        (line.event.as_str(), line.reason.as_str()),
        ("viewed", "the inbox was shown, to Reviewer")
    );
    assert!(line.entity.is_some() && line.units.contains(&"official_name".to_string()));
    for kind in ["conflict", "match", "card", "hold"] {
        let count = noted().await.len();
        let (item, card) = first(&mut reviewer, &format!("/inbox?kind={kind}")).await;
        assert!(card.text.contains("Mirrim Samplewood"), "{kind}");
        assert!(noted().await.len() > count + 1, "{kind}");
        let count = noted().await.len();
        // Whoever may see no values is not let in, and nothing is noted.
        for role in [Role::Operator, Role::Bookkeeper] {
            let mut browser = browsers[&role].clone();
            assert_eq!(browser.get(&item).await.status, 403);
            let page = browser.get(&format!("/inbox?kind={kind}")).await;
            assert!(
                page.status == 200 && items(&page).is_empty() && page.text.contains("Halaxy p00"),
                "{kind}"
            );
            for secret in SECRET {
                assert!(!page.text.contains(secret), "{kind} shows {secret}");
            }
        }
        let auditor = browsers[&Role::Auditor].clone().get(&item).await;
        assert!(auditor.status == 200 && !auditor.text.contains("id=\"decide\""));
        assert!(noted().await.len() > count, "{kind}");
    }
}

#[tokio::test]
async fn a_decision_says_what_it_writes_and_leads_to_the_next() {
    let (house, mut browsers) = House::full().await;
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let (item, card) = first(&mut reviewer, "/inbox?kind=conflict&unit=mobile").await;
    for told in [
        "Keep Halaxy’s",
        "Keep CRM’s",
        "Last agreed",
        "<mark>",
        "Never sync this for this person",
        "<b>Halaxy</b> Mobile <s>+61491570006</s> → <b>+61491570156</b>",
    ] {
        assert!(card.text.contains(told), "{told}");
    }
    let settled = decide(&mut reviewer, &item, &card, "take:crm", "").await;
    assert!(
        settled.to().starts_with("/inbox/") && !settled.to().starts_with(bare(&item)),
        "{}",
        settled.to()
    );
    assert!(settled.to().contains("kind=conflict&unit=mobile&done="));
    let next = reviewer.get(settled.to()).await;
    assert!(next.text.contains("Mobile: kept CRM’s") && next.text.contains(">Undo <kbd>u</kbd>"));
    let entity = house
        .store
        .entities(&["0198-person-53".into()])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(entity.agreed["mobile"].value, Value::text("+61491570156"));
    assert!(entity.conflicts.is_empty());

    // Taken back where it was decided, it is asked again.
    let undo = next.text.split("action=\"/decisions/").nth(1).unwrap();
    let undo = format!("/decisions/{}", undo.split('"').next().unwrap());
    let back = next.field("back");
    let undone = reviewer.post(&undo, &[("back", &back), ("here", "yes")]).await;
    assert_eq!(bare(undone.to()), bare(&item));
    assert_eq!(reviewer.get(undone.to()).await.status, 200);
    let list = reviewer.get("/decisions").await;
    assert!(list.text.contains("taken back") && list.text.contains("Mirrim Samplewood"));
    assert_eq!(reviewer.post(&undo, &[]).await.status, 422);
}

#[tokio::test]
async fn a_third_value_shows_what_it_writes_before_it_is_sent() {
    let (house, mut browsers) = House::full().await;
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let (item, _) = first(&mut reviewer, "/inbox?kind=conflict&unit=mobile").await;
    let attempt = format!("{}/try", bare(&item));
    let (pair, _) = first(&mut reviewer, PAIR).await;
    let nonsense = reviewer.post(&format!("{}/try", bare(&pair)), &[("value", "x")]).await;
    assert_eq!(nonsense.status, 422);
    let tried = reviewer.post(&attempt, &[("value", "0491 570 157")]).await;
    assert_eq!(tried.status, 200);
    for told in [
        "<b>CRM</b> Mobile",
        "<b>Halaxy</b> Mobile",
        "→ <b>+61491570157</b>",
        "Keep “0491 570 157”",
    ] {
        assert!(tried.text.contains(told), "{told}");
    }
    let settled = decide(&mut reviewer, &item, &tried, "value", "0491 570 157").await;
    assert_eq!(settled.status, 303);
    let entity = house
        .store
        .entities(&["0198-person-53".into()])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(entity.agreed["mobile"].value, Value::text("+61491570157"));
}

#[tokio::test]
async fn two_reviewers_never_overwrite_each_other() {
    let (house, mut browsers) = House::full().await;
    let (mut one, mut other) = (take(&mut browsers, Role::Reviewer), take(&mut browsers, Role::Admin));
    for list in ["/inbox?kind=conflict", PAIR] {
        let (item, card) = first(&mut one, list).await;
        let same = other.get(&item).await;
        let choice = if list == PAIR { "different" } else { "take:halaxy" };
        assert_eq!(decide(&mut one, &item, &card, choice, "").await.status, 303);
        let late = decide(&mut other, &item, &same, choice, "").await;
        assert_eq!(late.status, 409, "{list}");
        assert!(
            late.text.contains("This is settled") && late.text.contains("Reviewer"),
            "{list}"
        );
    }
    // What changed since it was shown is marked, and nothing is decided.
    let (item, card) = first(&mut one, "/inbox?kind=conflict&unit=mobile").await;
    let before = house
        .store
        .entities(&["0198-person-53".into()])
        .await
        .unwrap()
        .remove(0);
    let mut after = before.clone();
    let changed = Value::text("+61491570158");
    after
        .links
        .get_mut("crm")
        .unwrap()
        .units
        .get_mut("mobile")
        .unwrap()
        .set_seen(changed.clone());
    after
        .conflicts
        .get_mut("mobile")
        .unwrap()
        .values
        .insert("crm".into(), changed);
    let mut tx = house.store.begin().await.unwrap();
    let saved = [(Some(before), after)];
    let lost = tx.save_entities(&saved, Lane::Live, crate::support::NOW).await;
    assert!(lost.unwrap().is_empty());
    tx.commit().await.unwrap();
    let late = decide(&mut one, &item, &card, "take:crm", "").await;
    assert_eq!(late.status, 409);
    assert_eq!(late.text.matches("changed since you looked").count(), 1);
    assert!(late.text.contains("role=\"alert\"") && late.text.contains("+61491570158"));
    let entity = house
        .store
        .entities(&["0198-person-53".into()])
        .await
        .unwrap()
        .remove(0);
    assert!(entity.conflicts.contains_key("mobile"));
}

#[tokio::test]
async fn every_kind_of_item_can_be_settled() {
    let (_house, mut browsers) = House::full().await;
    let mut admin = take(&mut browsers, Role::Admin);
    for (list, choice) in [
        ("/inbox?kind=conflict&unit=mobile", "take:halaxy"),
        ("/inbox?kind=conflict&unit=email", "apart"),
        (PAIR, "household"),
        ("/inbox?kind=card", "dismiss"),
        ("/inbox?kind=hold", "replay"),
    ] {
        let (item, card) = first(&mut admin, list).await;
        assert_eq!(
            decide(&mut admin, &item, &card, "nonsense", "").await.status,
            422,
            "{list}"
        );
        let settled = decide(&mut admin, &item, &card, choice, "").await;
        assert_eq!(settled.status, 303, "{list}");
        assert_eq!(admin.get(settled.to()).await.status, 200, "{list}");
        // What was held is tried by whoever drives, and there is nobody here.
        if choice != "replay" {
            assert_eq!(admin.get(&item).await.status, 404, "{list}");
        }
    }
    assert!(admin.get(PAIR).await.text.contains("Nothing fits these filters"));
}

#[tokio::test]
async fn items_are_given_to_somebody_put_off_and_talked_about() {
    let (house, mut browsers) = House::full().await;
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let (item, card) = first(&mut reviewer, "/inbox?kind=conflict").await;
    let note = format!("{}/note", bare(&item));
    assert_eq!(
        reviewer
            .post(&note, &[("do", "assign"), ("whom", "Nobody Known")])
            .await
            .status,
        422
    );
    let page = reviewer.post(&note, &[("do", "assign"), ("whom", "Reviewer")]).await;
    assert!(reviewer.get(page.to()).await.text.contains("Assigned to Reviewer"));
    assert_eq!(items(&reviewer.get("/inbox?assigned=me").await).len(), 1);
    let page = reviewer
        .post(&note, &[("do", "comment"), ("text", "asked her <b>twice</b>")])
        .await;
    assert!(reviewer.get(page.to()).await.text.contains("asked her &lt;b&gt;twice"));
    let next = card.field("next");
    let fields = [
        ("do", "snooze"),
        ("until", "tomorrow"),
        ("back", "kind=conflict"),
        ("next", &next),
    ];
    let page = reviewer.post(&note, &fields).await;
    assert_eq!(page.to(), format!("/inbox/{next}?kind=conflict"));
    let asleep = reviewer.get("/inbox?snoozed=yes").await;
    assert_eq!(items(&asleep).len(), 1);
    assert!(asleep.text.contains("sleeps till") && asleep.text.contains("07:00"));
    assert_eq!(
        reviewer
            .post(&note, &[("do", "snooze"), ("until", "wake")])
            .await
            .status,
        303
    );
    assert_eq!(items(&reviewer.get("/inbox?snoozed=yes").await).len(), 0);
    assert_eq!(reviewer.post(&note, &[("do", "burn")]).await.status, 400);
    let mut auditor = take(&mut browsers, Role::Auditor);
    assert_eq!(
        auditor
            .post(&note, &[("do", "assign"), ("whom", "Reviewer")])
            .await
            .status,
        403
    );
    drop(house);
}

#[tokio::test]
async fn a_group_is_decided_as_it_was_shown_and_taken_back_together() {
    let (_house, mut browsers) = House::full().await;
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let (item, card) = first(&mut reviewer, "/inbox?kind=conflict&unit=email").await;
    let group = format!("{}/group", bare(&item));
    let page = reviewer.get(&group).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("11 questions of one pattern") && !page.text.contains("Keep both for all"));
    assert_eq!(page.text.matches("<tr tabindex").count(), 10);
    let token = page.field("token");
    // One of them is decided meanwhile: the group is another.
    assert_eq!(decide(&mut reviewer, &item, &card, "take:halaxy", "").await.status, 303);
    let (item, _) = first(&mut reviewer, "/inbox?kind=conflict&unit=email").await;
    let group = format!("{}/group", bare(&item));
    let fields = |token: &str| [("choice", "take:halaxy".to_string()), ("token", token.to_string())];
    let post = async |browser: &mut Browser, token: &str| {
        let fields = fields(token);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
        browser.post(&group, &fields).await
    };
    let late = post(&mut reviewer, &token).await;
    assert_eq!(late.status, 409);
    let done = post(&mut reviewer, &late.field("token")).await;
    assert!(
        done.to().starts_with("/decisions?group=") && done.to().ends_with("refused=0"),
        "{}",
        done.to()
    );
    let together = reviewer.get(done.to()).await;
    assert!(together.text.contains("10 in all"));
    assert!(
        reviewer
            .get("/inbox?kind=conflict&unit=email")
            .await
            .text
            .contains("Nothing fits")
    );
    let undo = together.text.split("action=\"/decided/").nth(1).unwrap();
    let undo = format!("/decided/{}", undo.split('"').next().unwrap());
    let undone = reviewer.post(&undo, &[]).await;
    assert!(undone.to().ends_with("refused=0"), "{}", undone.to());
    assert_eq!(items(&reviewer.get("/inbox?kind=conflict&unit=email").await).len(), 10);
    // Who somebody is, is never decided in bulk.
    let (pair, _) = first(&mut reviewer, PAIR).await;
    assert_eq!(reviewer.get(&format!("{}/group", bare(&pair))).await.status, 400);
}

#[tokio::test]
async fn a_rule_is_tried_on_what_is_open_and_what_was_decided() {
    let (_house, mut browsers) = House::full().await;
    let mut reviewer = take(&mut browsers, Role::Reviewer);
    let (item, card) = first(&mut reviewer, "/inbox?kind=conflict&unit=mobile").await;
    decide(&mut reviewer, &item, &card, "take:crm", "").await;
    let (item, _) = first(&mut reviewer, "/inbox?kind=conflict&unit=mobile").await;
    let rule = reviewer.get(&format!("{}/rule?take=halaxy", bare(&item))).await;
    assert_eq!(rule.to(), "/rules?unit=mobile&key=wins&value=halaxy");
    let trial = reviewer.get(rule.to()).await;
    for told in [
        "43 of 43",
        "0 of 1",
        "another value: 1",
        "Mobile: kept CRM’s",
        "wins = &quot;halaxy&quot;",
    ] {
        assert!(trial.text.contains(told), "{told}");
    }
    assert_eq!(
        reviewer.get("/rules?unit=mobile&key=wins&value=nobody").await.status,
        400
    );
}

#[tokio::test]
async fn counts_are_told_as_they_are_and_keep_nobody_signed_in() {
    let (house, mut browsers) = House::full().await;
    let mut operator = take(&mut browsers, Role::Operator);
    let told = operator.get("/live").await;
    assert_eq!(told.headers["content-type"], "text/event-stream");
    assert!(
        told.text.contains("\"kind/conflict\":55") && told.text.ends_with("\n\n"),
        "{}",
        told.text
    );
    for _ in 0..3 {
        house.later(20 * 60);
        operator.get("/live").await;
    }
    assert_eq!(operator.get("/live").await.status, 303);
    assert!(
        house
            .access
            .users()
            .await
            .unwrap()
            .iter()
            .any(|user| user.email == email(Role::Operator))
    );
}
