//! How people are bound to locations, and what that takes from them.

use crate::scope::{bound, desk, divided, person, to};
use crate::support::{House, NOW, email};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use bridge_admin::access::role::Role;
use bridge_admin::api::Api;
use bridge_admin::api::tokens::Token;
use bridge_engine::located::Whereabouts;
use bridge_store::{Mirrored, conflict_id};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

const HERE: &str = "CL-200001";
const THERE: &str = "CL-200002";
const SECRET: &str = "a token of one location 0123456789";

async fn clinics(house: &House) {
    let row = |kind: &str, id: &str, body: Json| Mirrored {
        kind: kind.into(),
        id: id.into(),
        seq: 0,
        seen: NOW,
        gone: false,
        body,
    };
    let organization = |id: &str| json!({ "reference": format!("Organization/{id}") });
    let rows = [
        row(
            "PractitionerRole",
            "PR-1",
            json!({ "organization": organization(HERE) }),
        ),
        row(
            "Organization",
            HERE,
            json!({ "name": "Sampleton Clinic", "partOf": organization("PG-100001") }),
        ),
        row("Organization", "PG-100001", json!({ "name": "Sampleton Group" })),
        row("Organization", "OG-160001", json!({ "name": "An insurer" })),
    ];
    let mut tx = house.store.begin().await.unwrap();
    tx.put_mirrored("halaxy", &rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn id_of(house: &House, email: &str) -> String {
    let users = house.access.users().await.unwrap();
    users.into_iter().find(|user| user.email == email).unwrap().id
}

#[tokio::test]
async fn administrators_bind_people_and_the_history_says_so() {
    let (house, mut browsers) = divided().await;
    clinics(&house).await;
    let mut admin = browsers.remove(&Role::Admin).unwrap();
    let mut reviewer = browsers.remove(&Role::Reviewer).unwrap();
    let page = admin.get("/people").await;
    for told in [
        "Sampleton Clinic (CL-200001)",
        "Sampleton Group (PG-100001)",
        "name=\"at:CL-200001\"",
    ] {
        assert!(page.text.contains(told), "{told}");
    }
    assert!(!page.text.contains("An insurer"));
    let id = id_of(&house, &email(Role::Reviewer)).await;
    let path = format!("/people/{id}/bound");
    let none = admin.post(&path, &[("sees", "some")]).await;
    assert!(none.status == 422 && none.text.contains("at least one location"));
    assert_eq!(
        admin
            .post(&path, &[("sees", "some"), ("at:CL-200001", "yes"), ("unplaced", "yes")])
            .await
            .status,
        303
    );
    let page = admin.get("/people").await;
    assert!(
        page.text
            .contains("Sampleton Clinic (CL-200001), people without a location")
    );
    assert_eq!(
        reviewer.get("/inbox").await.to(),
        "/sign-in?next=%2Finbox",
        "the sessions are over"
    );
    let lines = house.store.latest_audit(None, true, 50).await.unwrap();
    let said = |words: &str| lines.iter().any(|(_, line)| line.reason.contains(words));
    assert!(said(
        "Reviewer sees CL-200001, people without a location and nobody else now, by Administrator"
    ));
    let user = house
        .access
        .users()
        .await
        .unwrap()
        .into_iter()
        .find(|user| user.id == id)
        .unwrap();
    assert_eq!(user.bound(), Some(&to(&[HERE], true)));
    assert_eq!(admin.post(&path, &[("sees", "all")]).await.status, 303);

    let own = id_of(&house, &email(Role::Admin)).await;
    let refused = admin
        .post(
            &format!("/people/{own}/bound"),
            &[("sees", "some"), ("at:CL-200001", "yes")],
        )
        .await;
    assert!(refused.status == 422 && refused.text.contains("administrator is bound to no location"));
    let fields = [
        ("name", "Rose Brook"),
        ("email", "rose@practice.example"),
        ("role", "reviewer"),
        ("sees", "some"),
        ("others", "CL-9, CL-200001"),
    ];
    let link = admin.post("/people/invite", &fields).await;
    assert_eq!(link.status, 200);
    let page = admin.get("/people").await.text;
    assert!(page.contains("CL-9") && page.contains("Rose Brook"));
}

#[tokio::test]
async fn what_cannot_be_divided_is_not_shown_and_the_history_is_of_ones_own_people() {
    let (house, _) = divided().await;
    let mut lee = bound(&house, Role::Auditor, to(&[HERE], false)).await;
    let mut books = bound(&house, Role::Bookkeeper, to(&[HERE], false)).await;
    for path in ["/books", "/books/close", "/books/tasks", "/books/file/preview/csv"] {
        for browser in [&mut lee, &mut books] {
            let page = browser.get(path).await;
            assert!(
                page.status == 403 && page.text.contains("books are of the whole practice"),
                "{path}"
            );
        }
    }
    assert!(!lee.get("/vitals").await.text.contains("href=\"/books\""));
    assert_eq!(books.get(&format!("/person/{}", person(30))).await.status, 404);
    assert_eq!(books.get(&format!("/person/{}", person(3))).await.status, 200);
    let all = lee.get("/activity?of=all").await.text;
    assert!(all.contains(&person(58)) && !all.contains(&person(56)));
    assert!(all.contains("came in by a link"), "what is about nobody is shown");
    let other = format!("/activity?of=all&entity={}", person(56));
    assert!(!lee.get(&other).await.text.contains("c0056"));
    let file = lee.get("/activity/export?of=all").await.text;
    assert!(file.contains(&person(58)) && !file.contains(&person(56)) && !file.contains("c0056"));
}

#[tokio::test]
async fn a_token_of_some_locations_decides_there_and_makes_nothing_else() {
    let (house, _) = divided().await;
    let desk = desk(&house);
    let token = Token {
        name: "kiosk".into(),
        secret: SECRET.into(),
        writes: true,
        actions: Default::default(),
        bound: Some(to(&[HERE], false)),
    };
    let api = Api::new(vec![token], "https://halaxy.example/".into());
    api.open_desk(desk.clone());
    let router = bridge_admin::router([api.routes()]);
    let ask = async |method: &str, path: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {SECRET}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Json>(&body).unwrap_or_default())
    };
    let (_, inbox) = ask("GET", "/api/review/inbox", "").await;
    assert_eq!(inbox["rows"].as_array().map_or(0, Vec::len), 11, "{inbox}");
    assert_eq!(ask("GET", "/api/review/totals", "").await.1["open"], 11);
    let [own, foreign] = [3, 23].map(|number| conflict_id(&person(number), "mobile"));
    let unknown = "f".repeat(own.len());
    let take =
        json!({ "do": "take", "system": "crm", "token": desk.detail(&foreign).await.unwrap().token }).to_string();
    let (nobody, stranger) = ("x".repeat(person(23).len()), person(23));
    let pairs: Vec<(&str, String, String, &str)> = vec![
        (
            "GET",
            format!("/api/review/items/{foreign}"),
            format!("/api/review/items/{unknown}"),
            "",
        ),
        (
            "POST",
            format!("/api/review/items/{foreign}/decide"),
            format!("/api/review/items/{unknown}/decide"),
            &take,
        ),
        (
            "POST",
            format!("/api/review/items/{foreign}/note"),
            format!("/api/review/items/{unknown}/note"),
            r#"{"assign":"Kim"}"#,
        ),
        (
            "GET",
            format!("/api/review/items/{foreign}/group"),
            format!("/api/review/items/{unknown}/group"),
            "",
        ),
        (
            "GET",
            format!("/api/review/people/{stranger}"),
            format!("/api/review/people/{nobody}"),
            "",
        ),
        (
            "POST",
            format!("/api/review/people/{stranger}/sync"),
            format!("/api/review/people/{nobody}/sync"),
            "",
        ),
    ];
    for (method, hidden, missing, body) in pairs {
        let (was, is) = (ask(method, &missing, body).await, ask(method, &hidden, body).await);
        assert_eq!(is.0, 404, "{method} {hidden} {}", is.1);
        let bare = |text: String| {
            text.replace(&foreign, "")
                .replace(&unknown, "")
                .replace(&stranger, "")
                .replace(&nobody, "")
        };
        assert_eq!(bare(was.1.to_string()), bare(is.1.to_string()), "{hidden}");
    }
    assert_eq!(ask("GET", &format!("/api/review/items/{own}"), "").await.0, 200);
    assert_eq!(
        ask("POST", "/api/review/runs/run-1/undo", r#"{"dry_run":true}"#)
            .await
            .0,
        403
    );
    assert_eq!(ask("POST", "/api/halaxy/find-appointments", "{}").await.0, 403);
    assert_eq!(ask("GET", "/api/bookings/free", "").await.0, 403);
    let (_, listed) = ask("GET", "/api/halaxy", "").await;
    assert_eq!(listed["actions"], json!([]), "{listed}");
}

#[tokio::test]
async fn finding_somebody_shows_those_of_ones_own_and_hides_who_shares_an_address() {
    let (house, _) = divided().await;
    let mut kim = bound(&house, Role::Reviewer, to(&[HERE], false)).await;
    for (text, found) in [
        ("samplew", 11),
        ("samplew mir", 11),
        ("person3@samplewood.example", 1),
        ("person23@samplewood.example", 0),
        ("p0023", 0),
    ] {
        let page = kim.post("/search", &[("text", text)]).await;
        assert_eq!(page.text.matches("<tr tabindex").count(), found, "{text}");
    }
    let page = kim.get(&format!("/person/{}", person(3))).await;
    assert!(page.text.contains("Somebody at another location"));
    assert!(!page.text.contains(&person(23)) && !page.text.contains("c0023"));
    let card = kim.get(&format!("/inbox/{}", conflict_id(&person(3), "mobile"))).await;
    assert!(card.text.contains("Somebody at another location") && !card.text.contains(&person(23)));
    // Who is hidden is in no history as shown.
    let lines = house.store.latest_audit(None, true, 1_000).await.unwrap();
    let shown = lines
        .iter()
        .filter(|(_, line)| line.event == "viewed")
        .filter_map(|(_, line)| line.entity.as_deref());
    assert!(shown.collect::<Vec<_>>().iter().all(|id| *id != person(23)));
}

#[tokio::test]
async fn an_appointment_at_another_location_makes_somebody_visible_there() {
    let (house, _) = divided().await;
    let desk = desk(&house);
    let mut kim = bound(&house, Role::Reviewer, to(&[HERE], false)).await;
    let mut other = bound(&house, Role::Auditor, to(&[THERE], true)).await;
    let row = |kind: &str, id: &str, body: serde_json::Value| Mirrored {
        kind: kind.into(),
        id: id.into(),
        seq: 0,
        seen: NOW,
        gone: false,
        body,
    };
    let role = |location: &str| {
        row(
            "PractitionerRole",
            "PR-1",
            json!({"organization": {"reference": format!("Organization/{location}")}}),
        )
    };
    let booked = |id: &str, patient: &str| {
        let actor = |of: String| json!({"actor": {"reference": of}});
        row(
            "Appointment",
            id,
            json!({"participant": [actor("PractitionerRole/PR-1".into()), actor(format!("Patient/{patient}"))]}),
        )
    };
    let clinic = row(
        "Organization",
        HERE,
        json!({"name": "Sampleton Clinic", "partOf": {"reference": "Organization/PG-100001"}}),
    );
    let follow = async |rows: Vec<Mirrored>| {
        let mut tx = house.store.begin().await.unwrap();
        tx.put_mirrored("halaxy", &rows).await.unwrap();
        tx.commit().await.unwrap();
        let whereabouts = Whereabouts::new(desk.engine(), "halaxy", "Patient");
        while whereabouts.step(true).await.unwrap() {}
    };
    let moved = format!("/person/{}", person(30));
    let nowhere = format!("/person/{}", person(59));
    assert_eq!(
        (
            kim.get(&moved).await.status.as_u16(),
            other.get(&moved).await.status.as_u16()
        ),
        (404, 200)
    );
    assert_eq!(
        (
            kim.get(&nowhere).await.status.as_u16(),
            other.get(&nowhere).await.status.as_u16()
        ),
        (404, 200)
    );
    follow(vec![clinic, role(HERE), booked("a1", "p0030"), booked("a2", "p0059")]).await;
    assert_eq!(
        (
            kim.get(&moved).await.status.as_u16(),
            other.get(&moved).await.status.as_u16()
        ),
        (200, 200)
    );
    assert_eq!(
        (
            kim.get(&nowhere).await.status.as_u16(),
            other.get(&nowhere).await.status.as_u16()
        ),
        (200, 404)
    );
    // The practitioner moves: so do all appointments.
    follow(vec![role(THERE)]).await;
    assert_eq!(
        (
            kim.get(&moved).await.status.as_u16(),
            kim.get(&nowhere).await.status.as_u16()
        ),
        (404, 404)
    );
    assert_eq!(other.get(&nowhere).await.status.as_u16(), 200);
    let gone = Mirrored {
        gone: true,
        ..booked("a2", "p0059")
    };
    follow(vec![gone]).await;
    assert_eq!(other.get(&nowhere).await.status.as_u16(), 200, "of no location again");
    // Nobody has looked at the calendar for long: who is of no location is not known.
    for _ in 0..11 {
        house.later(40 * 60);
        other.get("/vitals").await;
    }
    assert_eq!(other.get(&nowhere).await.status.as_u16(), 404);
    assert_eq!(other.get(&moved).await.status.as_u16(), 200);
}
