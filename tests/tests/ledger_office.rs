//! The office of the books, end to end: what a bookkeeper asks for on a page is done by the process that posts, bound to what
//! was shown, and every page shows what came of it. And the mappings' page over real connectors.
#![allow(clippy::unwrap_used)]

use adapter_kit::{Clock, SystemClock};
use adapter_sandbox::practice_month::MonthOptions;
use adapter_sandbox::{CrmKind, Manners};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bridge_admin::access::Joining;
use bridge_admin::access::chance;
use bridge_admin::access::password::Passwords;
use bridge_admin::access::role::Role;
use bridge_admin::app::{App, AppSettings};
use bridge_admin::desk::Desk as ReviewDesk;
use bridge_admin::health::Watch;
use bridge_admin::router;
use bridge_core::ledger::prove::SalesRow;
use bridge_core::ledger::{DocumentKind, EntryState};
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::ledger::office::{Act, Mood, Office, Outcome, Wish};
use bridge_engine::vitals::{LedgerVitals, Limits};
use bridge_store::Store;
use bridge_tests::Practice;
use bridge_tests::ledger::{Desk, Modes};
use halaxy_bridge::{config, wiring};
use secrecy::ExposeSecret;
use std::sync::Arc;
use tower::ServiceExt;

/// Somebody signed in to an app over a store.
struct Browser {
    router: Router,
    cookie: String,
}

impl Browser {
    async fn of(store: &Store, clock: Arc<dyn Clock>, role: Role, desk: Option<ReviewDesk>) -> Browser {
        let settings = AppSettings {
            practice: "Sampleton Clinic".into(),
            time_zone: "Australia/Melbourne".into(),
            systems: vec!["halaxy".into(), "crm".into()],
            url: "http://bridge.example".into(),
            secure: false,
            behind_proxy: false,
            beside: vec![],
        };
        let (watch, chance) = (Watch::new(Limits::default()), Arc::new(chance::System));
        let app = App::new(settings, watch, clock.clone(), chance, Passwords::costing(64, 1));
        app.open(store.clone(), desk);
        let access = app.access(store.clone());
        let link = access
            .invite(("Dana Fox", "dana@sampleton.example"), role, "a test")
            .await
            .unwrap();
        let (invitation, _) = access.invitation(link.expose_secret()).await.unwrap();
        let joining = Joining {
            name: "Dana Fox".into(),
            email: "dana@sampleton.example".into(),
            password: "kettle orbit plum sail".into(),
            again: "kettle orbit plum sail".into(),
            code: invitation.second.code_at(clock.now()),
        };
        let accepted = access.accept(link.expose_secret(), &joining).await;
        let session = accepted.unwrap().session.expose_secret().to_string();
        Browser {
            router: router([app.routes()]),
            cookie: format!("bridge={session}"),
        }
    }

    async fn sent(&self, request: Request<Body>) -> (StatusCode, String, String) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let to = answer
            .headers()
            .get(header::LOCATION)
            .map_or("", |to| to.to_str().unwrap());
        let (status, to) = (answer.status(), to.to_owned());
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, to, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(path)
            .header("cookie", &self.cookie)
            .body(Body::empty())
            .unwrap();
        let (status, _, text) = self.sent(request).await;
        assert_eq!(status, 200, "{path}: {text}");
        text.replace("&#x2f;", "/")
    }

    /// Sends a form as the page would; where it leads.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String, String) {
        let page = self.get("/own").await;
        let token = page.split("name=\"form\" value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap();
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("form", token).extend_pairs(fields);
        let request = Request::post(path)
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.finish()))
            .unwrap();
        self.sent(request).await
    }
}

#[tokio::test]
async fn a_bookkeeper_closes_a_month_and_puts_right_what_somebody_deleted() {
    let month = MonthOptions {
        seed: 61,
        invoices: 80,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, Modes::Invoice, Manners::Polite).await;
    let ledger = desk.ledger().await;
    desk.settle(&ledger).await;
    let of = bridge_core::ledger::month::Month::of(desk.month.days.0).to_string();
    let office = Office::new(desk.store().clone());
    let mut keeper = Keeper::new(office.clone(), &ledger, "Sampleton Clinic");
    let dana = Browser::of(desk.store(), desk.clock.clone(), Role::Bookkeeper, None).await;
    assert!(!keeper.attend(desk.clock.now()).await.unwrap());

    // The month is walked through, and every page has something to show.
    for wish in [&[("wish", "month"), ("month", of.as_str())][..], &[("wish", "look")]] {
        assert_eq!(dana.post("/books/ask", wish).await.0, 303);
    }
    assert!(!keeper.attend(desk.clock.now()).await.unwrap(), "nothing was decided");
    let asks = office.asks().await.unwrap();
    assert!(
        asks.iter().all(|ask| matches!(ask.outcome, Outcome::Done(_))),
        "{asks:?}"
    );
    let closing = dana.get(&format!("/books/close/{of}")).await;
    assert_eq!(closing.matches("<span class=\"state\">").count(), 10);
    let close = office.report(&format!("close-{of}")).await.unwrap().unwrap();
    let ready = ledger.close(of.parse().unwrap(), desk.clock.now()).await.unwrap();
    assert_eq!(close.steps, ready.steps, "the page ticks what the command ticks");
    let (from, to) = (ready.proof.from, ready.proof.to);
    let vitals = LedgerVitals::read(desk.store()).await.unwrap().unwrap();
    let last = vitals.proof.unwrap();
    assert_eq!((last.from, last.digest), (from.to_string(), Some(ready.proof.digest())));

    // A step is signed as it stands.
    let token = close.steps[3].token(of.parse().unwrap());
    let fields = [
        ("do", "sign"),
        ("month", of.as_str()),
        ("what", "4"),
        ("token", token.as_str()),
        ("note", "looked through"),
    ];
    assert_eq!(dana.post("/books/sign", &fields).await.0, 303);
    assert!(dana.get(&format!("/books/close/{of}")).await.contains("looked through"));
    let files = office.files(&format!("proof-{from}-{to}")).await.unwrap().unwrap();
    let sold = |r: &SalesRow| (r.halaxy_net, r.halaxy_tax) == (r.posted_net, r.posted_tax);
    assert!(ready.proof.sales.iter().all(sold), "{:?}", ready.proof.sales);
    // Both were read from the beginning, one after the other.
    let compared = |csv: &str| csv.rsplit_once("\ndocuments,dated from").unwrap().0.to_owned();
    let figures = ready.proof.figures(&ledger.readings_sheet().await);
    assert_eq!(compared(&files.csv), compared(&figures));
    assert!(files.json.contains(&ready.proof.digest()));
    let proof = dana.get("/books/proof").await;
    assert!(proof.contains("Halaxy equals what was posted") && proof.contains("Money, by day"));
    assert_eq!(dana.get(&format!("/books/file/proof-{from}-{to}/csv")).await, files.csv);
    for path in [
        "/books",
        "/books/preview",
        "/books/drift",
        "/books/tasks",
        "/books/statements",
        "/books/settlements",
    ] {
        let page = dana.get(path).await;
        assert!(!page.contains("Not made yet") && page.ends_with("</html>"), "{path}");
    }
    let statements = dana.get(&format!("/books/statements?month={of}")).await;
    let one = statements
        .split(&format!("/{of}\">"))
        .next()
        .unwrap()
        .rsplit('"')
        .next()
        .unwrap();
    assert!(dana.get(&format!("{one}/{of}")).await.contains("Every row behind it"));

    // Somebody deletes a payment in the books.
    let entries = ledger.entries().await;
    let gone = entries
        .iter()
        .find(|e| e.document.kind == DocumentKind::Payment && e.state == EntryState::Posted)
        .unwrap();
    let id = gone.remote_id.clone().unwrap();
    desk.sandbox.person_delete("books", "payments", &id).unwrap();
    office.ask(Wish::Look, "Dana Fox", desk.clock.now()).await.unwrap();
    keeper.attend(desk.clock.now()).await.unwrap();
    let drift = office.report("drift").await.unwrap().unwrap();
    assert_eq!((drift.head.mood, drift.items.len()), (Mood::Bad, 1), "{drift:?}");
    let item = drift.items[0].clone();
    assert_eq!((item.act, &item.key), (Act::Repost, &gone.document.key));
    assert!(dana.get("/books/drift").await.contains(&item.key));
    let document = dana.get(&format!("/books/document?key={}", item.key)).await;
    assert!(
        document.contains(&id) && document.contains("Halaxy’s date"),
        "{document}"
    );
    let rows = dana
        .get(&format!("/books/rows/drift/0?find={}", item.key.to_lowercase()))
        .await;
    assert!(rows.contains(&item.key) && !rows.contains("Further"), "{rows}");

    // What was signed is open again, and says so without anybody asking: the night looks again.
    keeper.look_again(desk.clock.now()).await.unwrap();
    let page = dana.get(&format!("/books/close/{of}")).await;
    assert!(page.contains("differences: 0 then, 1 now"), "{page}");
    let told = desk.store().latest_audit(None, false, 50).await.unwrap();
    let opened = format!("open again, since figures changed: closing {of}, step 4, signed by Dana Fox");
    assert!(told.iter().any(|(_, line)| line.reason == opened), "{told:?}");

    // It is posted again, once: the same question is not answered twice.
    let fields = [
        ("act", "repost"),
        ("key", item.key.as_str()),
        ("token", item.token.as_str()),
        ("back", "/books/drift"),
    ];
    let (status, led, _) = dana.post("/books/act", &fields).await;
    assert!(
        status == 303 && led.starts_with("/books/drift?asked="),
        "{status} {led}"
    );
    assert_eq!(
        dana.post("/books/act", &fields).await.0,
        303,
        "asked by somebody else at the same moment"
    );
    assert!(keeper.attend(desk.clock.now()).await.unwrap());
    let asks = office.asks().await.unwrap();
    assert!(
        matches!(&asks[0].outcome, Outcome::Refused(why) if why.contains("no longer what was shown")),
        "{asks:?}"
    );
    assert!(matches!(asks[1].outcome, Outcome::Done(_)));
    assert_eq!(dana.post("/books/act", &fields).await.0, 409, "the page is out of date");
    let told = desk.store().latest_audit(None, false, 50).await.unwrap();
    let done = format!("done for Dana Fox: post {} again", item.key);
    assert!(told.iter().any(|(_, line)| line.reason == done));

    // A provider's statement that cannot be read is told so, and its text is forgotten.
    let text = "nothing that any layout knows\n1\n";
    let layout = office.standing().await.unwrap().unwrap().layouts[0].clone();
    let fields = [
        ("layout", layout.as_str()),
        ("file", "x.csv"),
        ("text", text),
        ("back", "/books/settlements"),
    ];
    assert_eq!(dana.post("/books/settlements", &fields).await.0, 303);
    keeper.attend(desk.clock.now()).await.unwrap();
    let asks = office.asks().await.unwrap();
    assert!(
        matches!(&asks[0].outcome, Outcome::Refused(why) if why.contains("cannot be read")),
        "{asks:?}"
    );
    assert!(
        matches!(&asks[0].wish, Wish::Import { text, .. } if text.is_empty()),
        "its text is forgotten"
    );

    // What was deleted is in the books again.
    assert!(desk.settle(&ledger).await.posted > 0);
    assert!(
        ledger
            .prove(from, to, true, desk.clock.now())
            .await
            .unwrap()
            .differences
            .is_empty()
    );
}

#[tokio::test]
async fn a_record_is_tried_in_a_mapping_both_ways_and_nothing_of_it_is_kept() {
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, vec![], vec![]).await;
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let desk = wiring::review_desk(&config, &practice.engine).unwrap();
    let store = practice.engine.store();
    let dana = Browser::of(store, Arc::new(SystemClock::new()), Role::Operator, Some(desk)).await;
    let page = dana.get("/mappings").await;
    assert!(
        page.contains("Mobile") && page.contains("HubSpot") || page.contains("CRM"),
        "{page}"
    );
    assert!(
        dana.get("/mappings/rules")
            .await
            .contains("changed differently in two places")
    );
    for system in ["halaxy", "crm"] {
        let page = dana.get(&format!("/mappings?sample={system}")).await;
        assert!(
            page.contains("Robin Sampleton") && page.contains("Written back, the record stays as it is"),
            "{system}"
        );
    }
    let record = r#"{"id": "1", "properties": {"firstname": "Mirrim", "lastname": "Samplewood",
        "mobilephone": "0491 570 006", "birthday": 7, "favourite_colour": "teal"}, "extra": true}"#;
    let lines = store.latest_audit(None, false, 500).await.unwrap().len();
    let (status, _, page) = dana
        .post("/mappings/try", &[("system", "crm"), ("record", record)])
        .await;
    assert_eq!(status, 200);
    for told in [
        "Mirrim Samplewood",
        "+61491570006",
        "properties.favourite_colour",
        "extra",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert_eq!(store.latest_audit(None, false, 500).await.unwrap().len(), lines);
}
