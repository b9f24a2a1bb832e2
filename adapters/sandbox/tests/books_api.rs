//! How the accounting stand-in is called: lists, batches, repeated calls, limits, faults.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use common::books::{Office, invoice, message};
use serde_json::{Value, json};

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn ids(answer: &common::Answer, plural: &str, id: &str) -> Vec<String> {
    let rows = answer.body[plural]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.text));
    rows.iter().map(|row| row[id].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_paged() {
    let office = Office::open(Manners::Polite).await;
    let mut made = Vec::new();
    for n in 0..5 {
        office.desk.advance(1_000);
        let mut sent = invoice(&format!("Payer {}", n % 2), 10.0 + f64::from(n), "200");
        sent["Reference"] = json!(format!("R-{n}"));
        sent["InvoiceNumber"] = json!(format!("HX-{n}"));
        let shown = office.make("Invoices", sent).await;
        made.push(shown["InvoiceID"].as_str().unwrap().to_owned());
    }
    let list = |path: String| {
        let office = &office;
        async move {
            let answer = office.get(&path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer
        }
    };
    // Without a page: everything and no lines; with one: lines and the count.
    let all = list("Invoices".into()).await;
    assert_eq!(ids(&all, "Invoices", "InvoiceID"), made);
    assert_eq!(
        (&all.body["Invoices"][0]["LineItems"], &all.body["pagination"]),
        (&json!([]), &Value::Null)
    );
    let page = list("Invoices?page=2&pageSize=2".into()).await;
    assert_eq!(ids(&page, "Invoices", "InvoiceID"), made[2..4]);
    assert_eq!(
        page.body["pagination"],
        json!({"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5})
    );
    assert_eq!(page.body["Invoices"][0]["LineItems"].as_array().unwrap().len(), 1);
    let short = list("Invoices?page=1&summaryOnly=true".into()).await;
    assert_eq!(short.body["Invoices"][0]["LineItems"], json!([]));
    for (query, wanted) in [
        ("order=InvoiceNumber%20DESC&page=1&pageSize=1".to_owned(), vec![4]),
        ("InvoiceNumbers=HX-1,HX-3".into(), vec![1, 3]),
        (format!("IDs={}", made[2]), vec![2]),
        ("Statuses=DRAFT,VOIDED".into(), vec![]),
        ("searchTerm=r-4".into(), vec![4]),
        (format!("where={}", encoded(r#"Reference=="R-3""#)), vec![3]),
        (
            format!("where={}", encoded(r#"AmountDue>=13 AND Contact.Name=="Payer 0""#)),
            vec![4],
        ),
        (format!("where={}", encoded("Date>=DateTime(2026,03,02)")), vec![]),
        ("createdByMyApp=True".into(), vec![0, 1, 2, 3, 4]),
    ] {
        let found = list(format!("Invoices?{query}")).await;
        let wanted: Vec<&String> = wanted.iter().map(|n: &usize| &made[*n]).collect();
        assert_eq!(
            ids(&found, "Invoices", "InvoiceID").iter().collect::<Vec<_>>(),
            wanted,
            "{query}"
        );
    }
    let broken = office.get(&format!("Invoices?where={}", encoded("Reference=="))).await;
    assert_eq!(
        (broken.status, &broken.body["Type"]),
        (400, &json!("QueryParseException"))
    );
    assert_eq!(office.get("Invoices?page=0").await.status, 400);
    // By number as well as by id.
    let single = office.get("Invoices/HX-2").await;
    assert_eq!(single.body["Invoices"][0]["InvoiceID"], json!(made[2]));
    let missing = office.get("Invoices/HX-9").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn changes_are_asked_for_in_every_spelling_of_time() {
    let office = Office::open(Manners::Polite).await;
    let first = office.invoice("Payer", 1.0, "200").await;
    office.desk.advance(10_000);
    let second = office.invoice("Payer", 2.0, "200").await;
    // START is 2026-03-02T00:34:56Z.
    for since in [
        "2026-03-02T00:34:57",
        "2026-03-02T00:34:57Z",
        "2026-03-02T00:34:57.000Z",
        "2026-03-02T00:34:57+00:00",
        "Mon, 02 Mar 2026 00:34:57 GMT",
    ] {
        let found = office
            .with("GET", "Invoices?page=1", &[("if-modified-since", since)], Value::Null)
            .await;
        assert_eq!(
            ids(&found, "Invoices", "InvoiceID"),
            [second["InvoiceID"].as_str().unwrap()],
            "{since}"
        );
    }
    // Accurate to the second; whether that second counts is a switch.
    let same = [("if-modified-since", "2026-03-02T00:35:06Z")];
    let found = office.with("GET", "Invoices", &same, Value::Null).await;
    assert_eq!(ids(&found, "Invoices", "InvoiceID").len(), 1);
    office.set(json!({"since_leaves_out_its_second": true})).await;
    let found = office.with("GET", "Invoices", &same, Value::Null).await;
    assert_eq!(ids(&found, "Invoices", "InvoiceID").len(), 0);
    office.set(json!({"since_leaves_out_its_second": false})).await;
    // A payment moves its invoice; the due date of a part-paid one changes in silence.
    let later = [("if-modified-since", "2026-03-02T00:35:10Z")];
    office.desk.advance(10_000);
    office.pay(&first, 0.5, "651").await;
    let found = office.with("GET", "Invoices", &later, Value::Null).await;
    assert_eq!(
        ids(&found, "Invoices", "InvoiceID"),
        [first["InvoiceID"].as_str().unwrap()]
    );
    office.desk.advance(10_000);
    let latest = [("if-modified-since", "2026-03-02T00:35:20Z")];
    let path = format!("Invoices/{}", first["InvoiceID"].as_str().unwrap());
    let changed = office.call("POST", &path, json!({"DueDate": "2026-04-30"})).await;
    assert_eq!(
        changed.body["Invoices"][0]["DueDateString"], "2026-04-30T00:00:00",
        "{}",
        changed.text
    );
    let found = office.with("GET", "Invoices", &latest, Value::Null).await;
    assert_eq!(ids(&found, "Invoices", "InvoiceID").len(), 0);
    // Contacts do not move when they become customers.
    let found = office.with("GET", "Contacts", &later, Value::Null).await;
    assert_eq!(ids(&found, "Contacts", "ContactID").len(), 0);
}

#[tokio::test]
async fn a_call_answers_for_all_its_elements_or_for_each() {
    let office = Office::open(Manners::Real).await;
    let both = json!({"Invoices": [invoice("Payer", 1.0, "200"), invoice("Payer", 1.0, "999")]});
    let each = office.call("PUT", "Invoices?summarizeErrors=False", both.clone()).await;
    assert_eq!(each.status, 200);
    let rows = each.body["Invoices"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["StatusAttributeString"], &rows[1]["StatusAttributeString"]),
        (&json!("OK"), &json!("ERROR"))
    );
    assert_eq!(rows[1]["Date"], "/Date(1772323200000+0000)/");
    assert!(
        rows[1]["ValidationErrors"][0]["Message"]
            .as_str()
            .unwrap()
            .contains("'999'")
    );
    let whole = office.call("PUT", "Invoices", both.clone()).await;
    assert_eq!((whole.status, &whole.body["ErrorNumber"]), (400, &json!(10)));
    assert_eq!(whole.body["Elements"].as_array().unwrap().len(), 1);
    let count = |office: &Office| office.desk.sandbox.records("books", "invoices").unwrap().len();
    assert_eq!(count(&office), 1);
    office.set(json!({"keeps_the_good_of_a_refused_call": true})).await;
    assert_eq!(office.call("PUT", "Invoices", both).await.status, 400);
    assert_eq!(count(&office), 2);
    // Too many, too large, not JSON, not wrapped, not accepted.
    let many: Vec<Value> = (0..51).map(|_| invoice("Payer", 1.0, "200")).collect();
    assert_eq!(
        office.call("PUT", "Invoices", json!({"Invoices": many})).await.status,
        400
    );
    let mut large = invoice("Payer", 1.0, "200");
    large["Reference"] = json!("x".repeat(3_600_000));
    assert_eq!(
        office
            .call("PUT", "Invoices", json!({"Invoices": [large]}))
            .await
            .status,
        413
    );
    for body in [
        json!([1]),
        json!({"Invoices": "none"}),
        json!({"Invoices": []}),
        json!({"Invoices": [7]}),
    ] {
        let answer = office.call("PUT", "Invoices", body).await;
        assert_eq!(
            (answer.status, &answer.body["Type"]),
            (400, &json!("PostDataInvalidException"))
        );
    }
    assert_eq!(
        office
            .with("GET", "Invoices", &[("accept", "*/*")], Value::Null)
            .await
            .status,
        406
    );
    let plain = [("content-type", "text/plain")];
    assert_eq!(office.with("PUT", "Invoices", &plain, json!({})).await.status, 415);
    assert_eq!(office.call("PUT", "Organisation", json!({})).await.status, 405);
    assert_eq!(office.get("Quotes").await.status, 404);
    // A body with a GET, as the vendor's Node client sends, is read and passed over.
    assert_eq!(office.call("GET", "Organisation", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_key_makes_a_repeated_call_one_call_for_some_minutes() {
    let office = Office::open(Manners::Real).await;
    let sold = office.invoice("Payer", 10.0, "200").await;
    let pay = json!({"Payments": [{
        "Invoice": {"InvoiceID": sold["InvoiceID"]}, "Account": {"Code": "651"}, "Date": "2026-03-02", "Amount": 1,
    }]});
    let key = [("idempotency-key", "k-1")];
    let first = office.with("PUT", "Payments", &key, pay.clone()).await;
    let second = office.with("PUT", "Payments", &key, pay.clone()).await;
    assert_eq!(
        first.body["Payments"][0]["PaymentID"],
        second.body["Payments"][0]["PaymentID"]
    );
    assert_eq!(office.balance("651").await, 100);
    let other = office.with("PUT", "Payments", &key, json!({"Payments": []})).await;
    assert_eq!(other.status, 400);
    assert!(
        message(&other).contains("used with a different request"),
        "{}",
        other.text
    );
    office.desk.advance(361_000);
    let late = office.with("PUT", "Payments", &key, pay.clone()).await;
    assert_ne!(
        first.body["Payments"][0]["PaymentID"],
        late.body["Payments"][0]["PaymentID"]
    );
    let long = "k".repeat(129);
    assert_eq!(
        office
            .with("PUT", "Payments", &[("idempotency-key", &long)], pay)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn limits_are_told_on_every_answer_and_name_their_bucket() {
    let office = Office::open(Manners::Real).await;
    office
        .set(json!({"requests_per_minute": 3, "requests_per_day": 5}))
        .await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let answer = office.get("Organisation").await;
        told.push((answer.status, answer.header("x-minlimit-remaining").to_owned()));
        assert!(!answer.header("x-appminlimit-remaining").is_empty());
    }
    // The minute may have turned in between: the windows are not ours. With a clock that stands it has not.
    assert_eq!(
        told,
        [(200, "2".to_owned()), (200, "1".to_owned()), (200, "0".to_owned())]
    );
    let refused = office.get("Organisation").await;
    assert_eq!(
        (refused.status, refused.header("x-rate-limit-problem")),
        (429, "minute")
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-daylimit-remaining"), "2");
    office.desk.advance(wait * 1_000);
    assert_eq!(office.get("Organisation").await.status, 200);
    assert_eq!(office.get("Organisation").await.status, 200);
    let refused = office.get("Organisation").await;
    assert_eq!((refused.status, refused.header("x-rate-limit-problem")), (429, "day"));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    office.desk.advance(wait * 1_000);
    let mut office = office;
    office.sign_in().await;
    assert_eq!(office.get("Organisation").await.status, 200);
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_without_a_wait() {
    let office = Office::open(Manners::Real).await;
    office.set(json!({"concurrent": 1})).await;
    let inner = office.desk.sandbox.clone();
    let token = office.token.clone();
    // Another call arrives while one is under way.
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let noted = seen.clone();
    let gate = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    office.desk.sandbox.on_call(Box::new(move |info| {
        if info.phase == adapter_sandbox::Phase::Arrived && !gate.swap(true, std::sync::atomic::Ordering::SeqCst) {
            let (inner, token) = (inner.clone(), token.clone());
            let answer = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    use tower::ServiceExt;
                    let request = axum::http::Request::get("/books/api.xro/2.0/Organisation")
                        .header("authorization", format!("Bearer {token}"))
                        .header("accept", "application/json")
                        .body(axum::body::Body::empty())
                        .unwrap();
                    inner.router().oneshot(request).await.unwrap()
                })
            });
            *noted.lock().unwrap() = Some(answer.join().unwrap());
        }
        adapter_sandbox::Verdict::Go
    }));
    assert_eq!(office.get("Organisation").await.status, 200);
    let refused = seen.lock().unwrap().take().unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-rate-limit-problem"], "concurrent");
    assert!(!refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn faults_strike_the_books_as_they_do_the_others() {
    let office = Office::open(Manners::Real).await;
    let sold = office.invoice("Payer", 10.0, "200").await;
    let pay = json!({
        "Invoice": {"InvoiceID": sold["InvoiceID"]}, "Account": {"Code": "651"}, "Date": "2026-03-02", "Amount": 1,
    });
    let order = json!({"system": "books", "fault": "drop_after", "count": 1, "path_contains": "Payments"});
    assert_eq!(office.desk.control("POST", "faults", order).await.status, 201);
    let cut = office.call("PUT", "Payments", json!({"Payments": [pay.clone()]})).await;
    assert!(cut.cut.unwrap().applied);
    assert_eq!(office.balance("651").await, 100);
    let order = json!({"system": "books", "fault": "status", "status": 429, "count": 1});
    office.desk.control("POST", "faults", order).await;
    let refused = office.call("PUT", "Payments", json!({"Payments": [pay.clone()]})).await;
    assert_eq!(
        (refused.status, refused.header("x-rate-limit-problem")),
        (429, "minute")
    );
    assert_eq!(refused.header("retry-after"), "1");
    // Something on the way repeats a PUT: only a key keeps it from being done twice.
    let order = json!({"system": "books", "fault": "duplicate", "count": 2});
    office.desk.control("POST", "faults", order).await;
    let key = [("idempotency-key", "once")];
    office
        .with("PUT", "Payments", &key, json!({"Payments": [pay.clone()]}))
        .await;
    assert_eq!(office.balance("651").await, 200);
    office.call("PUT", "Payments", json!({"Payments": [pay]})).await;
    assert_eq!(office.balance("651").await, 400);
    let calls = office.desk.control("GET", "calls", Value::Null).await;
    let ours = calls
        .body
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["system"] == "books");
    assert!(ours.clone().any(|call| call["fault"] == "drop_after"));
    assert!(ours.count() > 5);
    // Other products draw the same whether anything happens here or not.
    let other = Office::open(Manners::Nasty).await;
    assert_eq!(
        other.desk.sandbox.switches("books").unwrap()["refresh_grace_seconds"],
        0
    );
}
