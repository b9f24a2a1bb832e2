//! Runs, alerts, charts and the history: what each shows, does, notes and refuses.

use crate::person::lived_in;
use crate::support::{Browser, NOW};
use bridge_admin::access::role::Role;
use bridge_store::AuditEntry;

#[tokio::test]
async fn a_plan_is_worked_out_approved_paused_and_its_run_stopped() {
    let (house, mut browsers) = lived_in().await;
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    assert!(admin.get("/runs").await.text.contains("Nothing is approved yet"));
    assert_eq!(admin.post("/runs/plan", &[]).await.to(), "/runs");
    let text = settled(admin).await;
    let digest = text
        .split("name=\"digest\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_string();
    admin.post("/runs/approve", &[("digest", "another")]).await;
    assert!(settled(admin).await.contains("The plan is another one by now"));
    admin.post("/runs/plan", &[]).await;
    settled(admin).await;
    admin.post("/runs/approve", &[("digest", &digest)]).await;
    let text = settled(admin).await;
    assert!(
        text.contains("Approved.") && !text.contains("Nothing is approved yet"),
        "{text}"
    );
    let run = house.store.runs(1).await.unwrap().remove(0);
    assert_eq!((run.kind.as_str(), run.ended), ("backfill", None));

    let operator = browsers.get_mut(&Role::Operator).unwrap();
    let why = [("system", "crm"), ("why", "the vendor asked us to")];
    assert_eq!(operator.post("/runs/pause", &why).await.status, 303);
    assert!(operator.get("/runs").await.text.contains("the vendor asked us to"));
    assert_eq!(operator.post("/runs/resume", &[("system", "crm")]).await.status, 303);
    assert_eq!(operator.post("/runs/pause", &[("system", "moon")]).await.status, 404);
    assert_eq!(
        operator.post("/runs/group", &[("group", "crm/create")]).await.status,
        403
    );
    assert!(
        operator
            .get(&format!("/runs/{}", run.id))
            .await
            .text
            .contains("under way")
    );
    assert_eq!(operator.post(&format!("/runs/{}/stop", run.id), &[]).await.status, 303);
    assert!(
        operator
            .get(&format!("/runs/{}", run.id))
            .await
            .text
            .contains("stopped by Operator")
    );
}

/// The page of runs once nothing is worked out any more.
async fn settled(browser: &mut Browser) -> String {
    loop {
        let text = browser.get("/runs").await.text;
        if !text.contains("Being worked out") {
            return text;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn alerts_are_taken_on_for_a_while_and_charts_come_from_what_was_kept() {
    let (house, mut browsers) = lived_in().await;
    let operator = browsers.get_mut(&Role::Operator).unwrap();
    let page = operator.get("/vitals").await.text;
    assert!(page.contains("CRM: calls of the day") && page.contains("class=\"line\" d=\"M"));
    assert!(page.contains("801 of 5,000 calls today; about 2,300 by midnight UTC"));
    assert!(operator.get("/vitals?charts=month").await.text.contains("30 days"));
    let taken = [("alert", "could_not_look/crm"), ("hours", "1")];
    assert_eq!(operator.post("/vitals/seen", &taken).await.status, 303);
    assert!(
        operator
            .get("/vitals")
            .await
            .text
            .contains("<b>Operator</b> looks after it until")
    );
    let lines = house.store.latest_audit(None, false, 5).await.unwrap();
    let (_, line) = lines.iter().find(|(_, line)| line.event == "alert seen").unwrap();
    assert_eq!(line.reason, "by Operator: could_not_look looked after for an hour");
    for _ in 0..4 {
        house.later(20 * 60);
        operator.get("/own").await;
    }
    let over = operator.get("/vitals").await.text;
    assert!(
        over.contains("Never read") && !over.contains("looks after it until"),
        "then it counts as new"
    );
    operator.post("/vitals/seen", &[("alert", "no such alert")]).await;
    let auditor = browsers.get_mut(&Role::Auditor).unwrap();
    assert!(!auditor.get("/vitals").await.text.contains("I look after it"));
}

#[tokio::test]
async fn the_history_is_filtered_and_leaves_as_a_file_that_runs_nothing() {
    let (house, mut browsers) = lived_in().await;
    let mut tx = house.store.begin().await.unwrap();
    let many: Vec<AuditEntry> = (0..2_500)
        .map(|n| AuditEntry {
            at: NOW - 50_000_000 + n,
            event: "skip".into(),
            system: Some(if n % 500 == 0 { "halaxy" } else { "crm" }.into()),
            reason: "=2+5, as \"typed\"".into(),
            ..AuditEntry::default()
        })
        .collect();
    tx.append_audit(&many).await.unwrap();
    tx.commit().await.unwrap();
    let auditor = browsers.get_mut(&Role::Auditor).unwrap();
    let rows = |text: &str| text.matches("<tr tabindex").count();
    let all = auditor.get("/activity?of=all&system=halaxy").await;
    assert_eq!((rows(&all.text), all.next()), (5, None));
    assert_eq!(
        rows(&auditor.get("/activity?of=all&entity=0198-person-59").await.text),
        2
    );
    assert_eq!(
        rows(&auditor.get("/activity?of=all&event=applied&system=crm").await.text),
        2
    );
    assert_eq!(rows(&auditor.get("/activity?of=all&until=2001-01-01").await.text), 0);
    assert_eq!(rows(&auditor.get("/activity?of=all&from=2099-01-01").await.text), 0);
    let who = auditor.get("/activity?of=access&who=a+test").await.text;
    assert_eq!(rows(&who), Role::ALL.len());
    let hundred = auditor.get("/activity?of=all&event=skip").await;
    assert_eq!(rows(&hundred.text), 100);
    assert!(hundred.next().unwrap().contains("event=skip"), "filters go on");

    let file = auditor.get("/activity/export?of=all&event=skip").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines.len(), 2_501);
    assert!(lines[1].ends_with("\"'=2+5, as \"\"typed\"\"\""), "{}", lines[1]);
    let noted = house.store.latest_audit(None, true, 1).await.unwrap();
    assert_eq!(noted[0].1.reason, "the history was exported, by Auditor");
}
