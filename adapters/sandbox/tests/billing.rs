//! Billing at the stand-in of Halaxy: people act through control, the API shows it read-only (halaxy-api.md 5, 7.5-7.7).
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::{ControlError, CrmKind, Manners, Subscription};
use common::Desk;
use serde_json::{Value, json};

async fn desk() -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, 2, 0).await
}

fn aud(value: f64) -> Value {
    json!({"value": value, "currency": "AUD"})
}

fn prices(parts: &[(&str, f64)]) -> Value {
    parts
        .iter()
        .map(|(kind, amount)| json!({"type": kind, "amount": aud(*amount)}))
        .collect()
}

fn reference(to: &str) -> Value {
    json!({"reference": to, "type": to.split('/').next().unwrap()})
}

fn invoice(recipient: &str) -> Value {
    json!({"resourceType": "Invoice", "recipient": reference(recipient), "date": "2026-03-02", "status": "active",
        "type": "invoice", "title": "Somebody"})
}

fn line(invoice: &str, quantity: f64, parts: &[(&str, f64)]) -> Value {
    json!({"resourceType": "InvoiceLine", "invoice": reference(&format!("Invoice/{invoice}")), "quantity": quantity,
        "subject": reference("Patient/900001"), "unitPriceComponent": prices(parts)})
}

fn payment(invoice: Option<&str>, kind: &str, method: &str, amount: f64) -> Value {
    let mut body = json!({"resourceType": "PaymentTransaction", "type": [{"text": kind}], "method": [{"text": method}],
        "priceComponent": prices(&[("base", amount)]), "subject": reference("Patient/900001")});
    if let Some(invoice) = invoice {
        body["invoice"] = reference(&format!("Invoice/{invoice}"));
    }
    body
}

impl Desk {
    async fn made(&self, kind: &str, body: Value) -> String {
        let answer = self.control("POST", &format!("records/halaxy/{kind}"), body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    async fn patched(&self, kind: &str, id: &str, patch: Value) {
        let answer = self
            .control("PATCH", &format!("records/halaxy/{kind}/{id}"), patch)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Net, tax, paid and balance, as the API shows them.
    async fn totals(&self, invoice: &str) -> [f64; 4] {
        let answer = self.halaxy("GET", &format!("Invoice/{invoice}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["totalGross"]["currency"], "AUD");
        ["totalNet", "totalTax", "totalPaid", "totalBalance"].map(|name| answer.body[name]["value"].as_f64().unwrap())
    }

    async fn found(&self, search: &str) -> Vec<String> {
        let answer = self.halaxy("GET", search, Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.ids()
    }
}

#[tokio::test]
async fn totals_follow_what_people_do() {
    let desk = desk().await;
    let id = desk.made("Invoice", invoice("Patient/900001")).await;
    assert_eq!(desk.totals(&id).await, [0.0, 0.0, 0.0, 0.0]);
    let parts = [
        ("base", 95.45),
        ("surcharge", 2.0),
        ("discount", -1.25),
        ("deduction", 0.2),
        ("tax", 9.6),
        ("informational", 50.0),
    ];
    let first = desk.made("InvoiceLine", line(&id, 2.25, &parts)).await;
    // 2.25 x 96.00 and 2.25 x 9.60.
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, 0.0, 237.6]);
    let second = desk.made("InvoiceLine", line(&id, 0.5, &[("base", 0.99)])).await;
    assert_eq!(
        desk.totals(&id).await,
        [216.5, 21.6, 0.0, 238.1],
        "half a cent rounds away from zero"
    );
    desk.patched("InvoiceLine", &second, json!({"status": "voided"})).await;
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, 0.0, 237.6]);

    let paid = desk
        .made("PaymentTransaction", payment(Some(&id), "Payment", "EFTPOS", 237.6))
        .await;
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, 237.6, 0.0]);
    for nothing in [
        payment(Some(&id), "Failed", "Braintree", 10.0),
        payment(Some(&id), "Payment", "Discount", 5.0),
        payment(None, "Deposit", "Cash", 20.0),
    ] {
        desk.made("PaymentTransaction", nothing).await;
    }
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, 237.6, 0.0]);
    desk.made("PaymentTransaction", payment(Some(&id), "Refund", "EFTPOS", 37.6))
        .await;
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, 200.0, 37.6]);
    desk.patched("PaymentTransaction", &paid, json!({"status": [{"text": "Voided"}]}))
        .await;
    assert_eq!(desk.totals(&id).await, [216.0, 21.6, -37.6, 275.2]);
    desk.patched("PaymentTransaction", &paid, json!({"status": null, "invoice": null}))
        .await;
    assert_eq!(desk.totals(&id).await[2], -37.6, "it is the payer's credit now");
    desk.patched(
        "PaymentTransaction",
        &paid,
        json!({"invoice": reference(&format!("Invoice/{id}"))}),
    )
    .await;
    assert_eq!(desk.totals(&id).await[2], 200.0);

    desk.patched("InvoiceLine", &first, json!({"status": "write-off"}))
        .await;
    assert_eq!(
        desk.totals(&id).await,
        [216.0, 21.6, 200.0, -200.0],
        "charged still, and no longer owed"
    );
    desk.patched("InvoiceLine", &first, json!({"status": null, "quantity": 1}))
        .await;
    assert_eq!(desk.totals(&id).await, [96.0, 9.6, 200.0, -94.4]);
    let other = desk.made("Invoice", invoice("Organization/FD-150001")).await;
    desk.patched(
        "InvoiceLine",
        &first,
        json!({"invoice": reference(&format!("Invoice/{other}"))}),
    )
    .await;
    assert_eq!((desk.totals(&id).await[0], desk.totals(&other).await[0]), (0.0, 96.0));
    desk.patched("Invoice", &other, json!({"status": "cancelled"})).await;
    assert_eq!(desk.totals(&other).await, [0.0, 0.0, 0.0, 0.0]);
    let shown = desk
        .control("GET", &format!("records/halaxy/InvoiceLine/{first}"), Value::Null)
        .await;
    assert_eq!(shown.body["status"], "voided");
}

#[tokio::test]
async fn a_removed_invoice_takes_its_lines_along_and_frees_its_payments() {
    let desk = desk().await;
    let id = desk.made("Invoice", invoice("Patient/900001")).await;
    let charged = desk.made("InvoiceLine", line(&id, 1.0, &[("base", 50.0)])).await;
    let paid = desk
        .made("PaymentTransaction", payment(Some(&id), "Payment", "Cash", 50.0))
        .await;
    let gone = desk
        .control("DELETE", &format!("records/halaxy/Invoice/{id}"), Value::Null)
        .await;
    assert_eq!(gone.status, 204);
    for (path, status) in [
        (format!("Invoice/{id}"), 404),
        (format!("InvoiceLine/{charged}"), 404),
        (format!("PaymentTransaction/{paid}"), 200),
    ] {
        assert_eq!(desk.halaxy("GET", &path, Value::Null).await.status, status, "{path}");
    }
    assert!(desk.found("Invoice").await.is_empty() && desk.found("InvoiceLine").await.is_empty());
    let shown = desk
        .halaxy("GET", &format!("PaymentTransaction/{paid}"), Value::Null)
        .await;
    assert!(shown.body["invoice"].is_null());
    let all = desk
        .control("GET", "records/halaxy/Invoice?include_deleted=true", Value::Null)
        .await;
    assert_eq!(
        (all.body[0]["id"].as_str(), &all.body[0]["removed"]),
        (Some(id.as_str()), &json!(true))
    );
    desk.sandbox
        .set_switches("halaxy", &json!({"removed": "gone"}))
        .unwrap();
    assert_eq!(
        desk.halaxy("GET", &format!("Invoice/{id}"), Value::Null).await.status,
        410
    );
}

#[tokio::test]
async fn no_screen_takes_nonsense_and_the_api_takes_no_writes() {
    let desk = desk().await;
    let refused = |answer: &common::Answer| assert_eq!(answer.status, 422, "{}", answer.text);
    let mut totals = invoice("Patient/900001");
    totals["totalBalance"] = aud(1.0);
    refused(&desk.control("POST", "records/halaxy/Invoice", totals).await);
    refused(
        &desk
            .control("POST", "records/halaxy/Invoice", invoice("Practitioner/PR-1"))
            .await,
    );
    refused(
        &desk
            .control("POST", "records/halaxy/InvoiceLine", json!({"quantity": "one"}))
            .await,
    );
    refused(
        &desk
            .control("POST", "records/halaxy/PaymentTransaction", json!({"type": []}))
            .await,
    );
    let unknown = desk.control("PATCH", "records/halaxy/Invoice/1", json!({})).await;
    assert_eq!(unknown.status, 404);
    let merge = desk
        .control("POST", "merge/halaxy/Invoice", json!({"winner": "1", "loser": "2"}))
        .await;
    assert_eq!(merge.status, 422);
    assert_eq!(
        desk.control("GET", "records/halaxy/ChargeItem", Value::Null)
            .await
            .status,
        404
    );

    let posted = desk.halaxy("POST", "Invoice", invoice("Patient/900001")).await;
    assert_eq!(
        (posted.status, posted.text.as_str()),
        (405, ""),
        "with an empty body, as seen"
    );
    assert_eq!(
        desk.halaxy("POST", "Coverage", json!({})).await.status,
        422,
        "not offered by the stand-in"
    );

    let id = desk.made("Invoice", invoice("Patient/900001")).await;
    let again = json!({"resourceType": "Organization", "id": "FD-1", "name": "X"});
    assert_eq!(desk.made("Organization", again.clone()).await, "FD-1");
    assert_eq!(
        desk.control("POST", "records/halaxy/Organization", again).await.status,
        409
    );
    let mut wrong = invoice("Patient/900001");
    wrong["id"] = "600900".into();
    for member in ["totalNet", "totalTax", "totalGross", "totalPaid", "totalBalance"] {
        wrong[member] = aud(5.0);
    }
    assert!(matches!(
        desk.sandbox.load_halaxy(&[wrong]),
        Err(ControlError::Refused(_))
    ));
    let late = json!({"resourceType": "InvoiceLine", "id": "1", "quantity": 1, "unitPriceComponent": prices(&[("base", 7.0)]),
        "invoice": reference(&format!("https://au-api.halaxy.com/main/Invoice/{id}"))});
    desk.sandbox.load_halaxy(&[late]).unwrap();
    assert_eq!(desk.totals(&id).await, [7.0, 0.0, 0.0, 7.0]);
}

#[tokio::test]
async fn searches_know_what_is_documented_and_pass_over_the_rest() {
    let desk = desk().await;
    let mut ids = vec![];
    for n in 0..3 {
        let of = if n == 2 {
            "Organization/FD-150001"
        } else {
            "Patient/900001"
        };
        let id = desk.made("Invoice", invoice(of)).await;
        desk.made("InvoiceLine", line(&id, 1.0, &[("base", 10.0 * f64::from(n))]))
            .await;
        ids.push(id);
        desk.advance(60_000);
    }
    assert_eq!(desk.found("Invoice").await, ids);
    assert_eq!(
        desk.found("Invoice?_sort=-created").await,
        [&ids[2][..], &ids[1], &ids[0]]
    );
    assert_eq!(
        desk.found("Invoice?_sort=-date").await,
        ids,
        "an order nobody documents is passed over"
    );
    assert_eq!(
        desk.found("Invoice?recipient=Organization/FD-150001").await,
        [&ids[2][..]]
    );
    assert_eq!(
        desk.halaxy("GET", "Invoice?recipient=900001", Value::Null).await.status,
        422
    );
    assert_eq!(
        desk.halaxy("GET", "Invoice?_include=Invoice:item", Value::Null)
            .await
            .status,
        422
    );
    assert_eq!(desk.found("Invoice?total-balance=gt0").await, [&ids[1][..], &ids[2]]);
    assert_eq!(desk.found("Invoice?total-balance=le10").await, [&ids[0][..], &ids[1]]);
    assert_eq!(
        desk.found("Invoice?patient=Patient/1").await,
        ids,
        "no such parameter: everything comes"
    );
    assert_eq!(desk.found("Invoice?status=cancelled").await, Vec::<String>::new());
    assert_eq!(
        desk.found(&format!("Invoice?_id={},{}", ids[2], ids[0])).await,
        [&ids[0][..], &ids[2]]
    );
    assert_eq!(
        desk.found(&format!("InvoiceLine?invoice=Invoice/{}", ids[1]))
            .await
            .len(),
        1
    );
    assert_eq!(
        desk.found("InvoiceLine?amount=ge10&subject=Patient/900001").await.len(),
        2
    );
    assert_eq!(
        desk.found("InvoiceLine?subject=Patient/900002").await,
        Vec::<String>::new()
    );
    let first = desk.halaxy("GET", &format!("Invoice/{}", ids[0]), Value::Null).await;
    let stamp = first.body["meta"]["lastUpdated"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(
        desk.found(&format!("Invoice?_lastUpdated=gt{stamp}")).await,
        [&ids[1][..], &ids[2]]
    );
    assert_eq!(desk.found(&format!("Invoice?created=le{stamp}")).await, [&ids[0][..]]);
    let page = desk.halaxy("GET", "Invoice?_count=2&page=2", Value::Null).await;
    assert_eq!((page.ids(), &page.body["total"]), (vec![ids[2].clone()], &json!(3)));
    assert!(
        desk.halaxy("GET", "Coverage", Value::Null)
            .await
            .body
            .get("entry")
            .is_none()
    );
    let recipient = first.body["recipient"]["reference"].as_str().unwrap();
    assert_eq!(recipient, "http://stand-in.example/halaxy/main/Patient/900001");
    assert!(first.body["lineItem"].is_null() && first.body.get("lineItem").is_some());
    desk.sandbox
        .set_switches("halaxy", &json!({"missing_scopes": ["Invoice.read"]}))
        .unwrap();
    assert_eq!(desk.halaxy("GET", "Invoice", Value::Null).await.status, 403);
    assert_eq!(desk.halaxy("GET", "InvoiceLine", Value::Null).await.status, 200);
}

#[tokio::test]
async fn odd_spellings_come_where_they_are_switched_on() {
    let desk = desk().await;
    let odd = json!({"recipient_as_list": true, "short_price_name": true, "refunds_negative": true});
    desk.sandbox.set_switches("halaxy", &odd).unwrap();
    let mut seen = vec![];
    for _ in 0..2 {
        let id = desk.made("Invoice", invoice("Patient/900001")).await;
        let line = desk.made("InvoiceLine", line(&id, 1.0, &[("base", 10.0)])).await;
        let refund = desk
            .made("PaymentTransaction", payment(Some(&id), "Refund", "Cash", 4.0))
            .await;
        let shown = |kind: &str, id: &str| format!("{kind}/{id}");
        let invoice = desk.halaxy("GET", &shown("Invoice", &id), Value::Null).await.body;
        let line = desk.halaxy("GET", &shown("InvoiceLine", &line), Value::Null).await.body;
        let refund = desk
            .halaxy("GET", &shown("PaymentTransaction", &refund), Value::Null)
            .await
            .body;
        assert_eq!(invoice["totalBalance"]["value"], 14, "however it is spelt");
        seen.push((
            invoice["recipient"].is_array(),
            line.get("priceComponent").is_some(),
            refund["priceComponent"][0]["amount"]["value"] == -4.0,
        ));
    }
    assert_eq!(seen, [(false, false, false), (true, true, true)]);
}

#[tokio::test]
async fn an_invoice_moves_with_its_lines_only_where_that_is_so() {
    let desk = desk().await;
    let id = desk.made("Invoice", invoice("Patient/900001")).await;
    let stamp = async || {
        let answer = desk.halaxy("GET", &format!("Invoice/{id}"), Value::Null).await;
        answer.body["meta"]["lastUpdated"].as_str().unwrap().to_owned()
    };
    let before = stamp().await;
    desk.advance(5_000);
    desk.made("InvoiceLine", line(&id, 1.0, &[("base", 1.0)])).await;
    let moved = stamp().await;
    assert_ne!(before, moved);
    desk.sandbox
        .set_switches("halaxy", &json!({"children_move_invoice": false}))
        .unwrap();
    desk.advance(5_000);
    desk.made("InvoiceLine", line(&id, 1.0, &[("base", 1.0)])).await;
    assert_eq!(stamp().await, moved);
    assert_eq!(desk.totals(&id).await[0], 2.0);
}

#[tokio::test]
async fn webhooks_tell_of_invoices_and_of_what_is_on_them() {
    let desk = desk().await;
    let subscription = Subscription {
        system: "halaxy".into(),
        url: "https://bridge.example/hooks".into(),
        secret: "s3cret".into(),
        api_writes: false,
    };
    desk.sandbox.send_webhooks(subscription).unwrap();
    let id = desk.made("Invoice", invoice("Patient/900001")).await;
    let line = desk.made("InvoiceLine", line(&id, 1.0, &[("base", 1.0)])).await;
    desk.made("PaymentTransaction", payment(Some(&id), "Payment", "Cash", 1.0))
        .await;
    desk.made("PaymentTransaction", payment(None, "Deposit", "Cash", 1.0))
        .await;
    desk.patched("InvoiceLine", &line, json!({"quantity": 2})).await;
    desk.control("DELETE", &format!("records/halaxy/Invoice/{id}"), Value::Null)
        .await;
    let sent = desk.sandbox.webhooks_due();
    let events: Vec<&str> = sent.iter().map(|hook| hook.url.rsplit('/').next().unwrap()).collect();
    assert_eq!(
        events,
        [
            "invoice-create",
            "invoice-update",
            "invoice-update",
            "invoice-update",
            "invoice-delete"
        ]
    );
    for hook in &sent {
        let body: Value = serde_json::from_str(&hook.body).unwrap();
        let focus = &body["entry"][0]["resource"]["notificationEvent"][0]["focus"];
        assert_eq!(focus["type"], "Invoice");
        assert!(
            focus["reference"]
                .as_str()
                .unwrap()
                .ends_with(&format!("/Invoice/{id}"))
        );
    }
}
