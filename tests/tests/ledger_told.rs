//! From the books' webhooks to a person and back: what somebody records in the books is told, signed, mirrored and filed in
//! the inbox; when Halaxy shows it and tells so, it is linked, filed no more, and not posted.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::HalaxyWebhook;
use adapter_kit::Clock;
use adapter_rest::{Connector, RestWebhook};
use adapter_sandbox::practice_month::MonthOptions;
use adapter_sandbox::{Manners, Subscription};
use axum::Router;
use axum::body::Body;
use bridge_admin::inbox::Inbox;
use bridge_admin::webhooks::{Door, Doors};
use bridge_core::ledger::{Cents, DocumentKind, Entry, Purpose, Source};
use bridge_engine::ledger::{Ledger, TASK, followed_books, followed_invoices, open_task};
use bridge_store::{Item, ItemFilter, Page};
use bridge_tests::ledger::{Desk, Modes};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const TOKEN: &str = "0123456789abcdef";

/// The bridge's doors for both, and what they keep.
fn doors(desk: &Desk) -> (Router, Inbox) {
    let clock: Arc<dyn Clock> = desk.clock.clone();
    let inbox = Inbox::new(Arc::clone(&clock), &tokio::runtime::Handle::current());
    inbox.open(desk.store().clone(), Arc::default());
    let xero = Connector::parse("xero", adapter_rest::shipped::connector("xero").unwrap()).unwrap();
    let door = |system: &str, kind: Option<&str>, beside: BTreeSet<String>, webhook| Door {
        system: system.into(),
        kind: kind.map(str::to_owned),
        beside,
        token: TOKEN.into(),
        webhook,
    };
    let all = vec![
        door(
            "halaxy",
            Some("Patient"),
            followed_invoices(),
            Box::new(HalaxyWebhook::new("shared".into())),
        ),
        door(
            "books",
            None,
            followed_books(),
            Box::new(RestWebhook::new(xero.webhook.unwrap(), "webhook key".into()).unwrap()),
        ),
    ];
    let doors = Doors::new(all, "https://bridge.example/", inbox.clone(), clock);
    (doors.routes(), inbox)
}

/// Brings what the stand-ins tell to the doors until they tell nothing more.
async fn deliver(desk: &Desk, doors: &Router) -> Vec<u16> {
    let mut answers = vec![];
    loop {
        let due = desk.sandbox.webhooks_due();
        if due.is_empty() {
            desk.store().take_in_hints().await.unwrap();
            return answers;
        }
        for delivery in due {
            let mut request = axum::http::Request::post(&delivery.url);
            for (name, value) in &delivery.headers {
                request = request.header(*name, value);
            }
            let request = request.body(Body::from(delivery.body.clone())).unwrap();
            let status = doors.clone().oneshot(request).await.unwrap().status().as_u16();
            answers.push(status);
            desk.sandbox.webhook_answered(delivery, Some(status));
        }
    }
}

async fn tasks(desk: &Desk) -> Vec<Item> {
    let all = desk
        .store()
        .items(&ItemFilter::default(), &Page::first(50))
        .await
        .unwrap();
    all.rows.into_iter().filter(|item| item.topic == TASK).collect()
}

/// An invoice that nobody paid, by its entry and its id in Halaxy.
async fn unpaid(ledger: &Ledger) -> (Entry, String) {
    let entries = ledger.entries().await;
    let acted = |e: &Entry| {
        entries
            .iter()
            .any(|o| o.document.of.as_deref() == Some(e.key()) || o.document.to.as_deref() == Some(e.key()))
    };
    let found = entries.iter().find(|e| {
        e.document.kind == DocumentKind::Invoice
            && e.purpose == Purpose::Charge
            && e.document.total.is_positive()
            && !acted(e)
    });
    let entry = found.unwrap().clone();
    match &entry.sources[0] {
        Source::Invoice(id) => (entry.clone(), id.clone()),
        Source::Payment(_) => panic!("an invoice comes from one"),
    }
}

struct Place {
    desk: Desk,
    ledger: Ledger,
    doors: Router,
    invoice: Entry,
    id: String,
}

async fn place(seed: u64) -> Place {
    let month = MonthOptions {
        seed,
        invoices: 60,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, Modes::Invoice, Manners::Polite).await;
    let (doors, _) = doors(&desk);
    for (system, secret) in [("halaxy", "shared"), ("books", "webhook key")] {
        let url = format!("https://bridge.example/webhooks/{system}/{TOKEN}");
        let subscription = json!({"system": system, "url": url, "secret": secret});
        let subscription = serde_json::from_value::<Subscription>(subscription).unwrap();
        desk.sandbox.send_webhooks(subscription).unwrap();
    }
    let tried = deliver(&desk, &doors).await;
    assert!(tried.contains(&200) && tried.contains(&401), "{tried:?}");
    assert_eq!(desk.sandbox.webhooks_sent().validated, 1);
    let ledger = desk.ledger().await;
    desk.settle(&ledger).await;
    // What the bridge posted itself is told as well, and leads nowhere.
    assert!(!deliver(&desk, &doors).await.is_empty());
    ledger.follow(desk.clock.now()).await.unwrap();
    desk.clock.advance(Duration::from_secs(3_600));
    let (invoice, id) = unpaid(&ledger).await;
    Place {
        desk,
        ledger,
        doors,
        invoice,
        id,
    }
}

fn dollars(cents: Cents) -> f64 {
    cents.0 as f64 / 100.0
}

impl Place {
    /// Somebody records money for the invoice in the books; the payment's id there.
    fn pay(&self) -> String {
        let paid = json!({"Invoice": {"InvoiceID": self.invoice.remote_id}, "Account": {"Code": "090"},
            "Amount": dollars(self.invoice.document.total), "Date": "2026-10-31", "Reference": "by hand"});
        self.desk.sandbox.person_create("books", "payments", &paid).unwrap()
    }

    async fn follow(&self) -> bridge_engine::ledger::LedgerStep {
        assert!(
            self.ledger.told(self.desk.clock.now()).await.unwrap(),
            "nothing was told"
        );
        let step = self.ledger.follow(self.desk.clock.now()).await.unwrap();
        assert_eq!(step.trouble, Vec::<String>::new());
        step
    }
}

#[tokio::test]
async fn a_payment_recorded_in_the_books_is_a_task_until_halaxy_shows_it() {
    let place = place(61).await;
    let (desk, ledger) = (&place.desk, &place.ledger);
    let payment = place.pay();
    assert_eq!(deliver(desk, &place.doors).await, [200]);
    assert_eq!(
        place.follow().await.mirrored,
        2,
        "the payment, and the invoice it is on"
    );
    let [item] = &tasks(desk).await[..] else {
        panic!("{:?}", tasks(desk).await)
    };
    let task = open_task(desk.store(), &item.id).await.unwrap().unwrap();
    let wanted = (place.id.clone(), payment, place.invoice.document.total);
    assert_eq!((task.invoice, task.payment, task.amount), wanted);
    assert_eq!(item.systems, ["halaxy", "books"]);

    // Somebody takes it up; further looks leave it theirs, also after a start.
    let mut tx = desk.store().begin().await.unwrap();
    assert!(tx.assign_item(&item.id, Some("Pat Tester")).await.unwrap());
    tx.commit().await.unwrap();
    let again = desk.ledger().await;
    again.preview(desk.clock.now()).await.unwrap();
    assert_eq!(tasks(desk).await[0].assigned.as_deref(), Some("Pat Tester"));

    let amount = json!({"value": dollars(place.invoice.document.total), "currency": "AUD"});
    let recorded = json!({"resourceType": "PaymentTransaction", "type": [{"text": "Payment"}],
        "method": [{"text": "Direct deposit"}], "priceComponent": [{"type": "base", "amount": amount}],
        "subject": {"reference": "Patient/900001", "type": "Patient"},
        "invoice": {"reference": format!("Invoice/{}", place.id), "type": "Invoice"}});
    desk.sandbox
        .person_create("halaxy", "PaymentTransaction", &recorded)
        .unwrap();
    desk.clock.advance(Duration::from_secs(10));
    assert!(!deliver(desk, &place.doors).await.is_empty());
    assert_eq!(place.follow().await.posted, 0, "it is in the books already");
    assert_eq!(tasks(desk).await, []);
    assert_eq!(open_task(desk.store(), &item.id).await.unwrap(), None);
    let linked = ledger.entries().await;
    assert!(
        linked
            .iter()
            .any(|e| e.purpose == Purpose::Receipt && e.document.of.as_deref() == Some(place.invoice.key()))
    );
}

#[tokio::test]
async fn a_payment_that_is_taken_back_in_the_books_is_no_task_any_more() {
    let place = place(62).await;
    let payment = place.pay();
    deliver(&place.desk, &place.doors).await;
    place.follow().await;
    assert_eq!(tasks(&place.desk).await.len(), 1);
    place.desk.sandbox.person_delete("books", "payments", &payment).unwrap();
    // The books are looked at every ten minutes at most, whatever is told.
    place.desk.clock.advance(Duration::from_secs(600));
    deliver(&place.desk, &place.doors).await;
    place.follow().await;
    assert_eq!(tasks(&place.desk).await, []);
}
