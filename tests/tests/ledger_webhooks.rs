//! What webhooks tell the ledger of: an invoice changed in Halaxy is posted without waiting for the next look, what people
//! change in the books is mirrored, and what we posted ourselves makes no calls.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::capture::News;
use bridge_core::ledger::{DocumentKind, Entry, EntryState, Purpose, Source};
use bridge_store::Hint;
use bridge_tests::ledger::{Desk, Modes, call_count};
use serde_json::json;
use std::time::Duration;

async fn tell(desk: &Desk, system: &str, kind: &str, id: &str, event: &str) {
    let hint = Hint::new(system, kind, id, News::Changed, event).beside();
    let mut tx = desk.store().begin().await.unwrap();
    tx.put_hints(&[hint], desk.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn posted(seed: u64) -> (Desk, bridge_engine::ledger::Ledger) {
    let month = MonthOptions {
        seed,
        invoices: 60,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, Modes::Invoice, Manners::Polite).await;
    let ledger = desk.ledger().await;
    desk.settle(&ledger).await;
    (desk, ledger)
}

/// An invoice that nothing acts on, by its entry and its id in Halaxy.
async fn unpaid(ledger: &bridge_engine::ledger::Ledger) -> (Entry, String) {
    let entries = ledger.entries().await;
    let alone = |e: &&Entry| {
        let acted = |o: &Entry| [&o.document.of, &o.document.to].contains(&&Some(e.key().to_owned()));
        e.document.kind == DocumentKind::Invoice && e.purpose == Purpose::Charge && !entries.iter().any(acted)
    };
    let entry = entries.iter().find(alone).unwrap().clone();
    let Source::Invoice(id) = &entry.sources[0] else {
        panic!()
    };
    let id = id.clone();
    (entry, id)
}

#[tokio::test]
async fn an_invoice_that_halaxy_tells_of_is_read_and_posted_at_once() {
    let (desk, ledger) = posted(31).await;
    let (entry, id) = unpaid(&ledger).await;
    assert!(!ledger.told(desk.clock.now()).await.unwrap());
    let cancelled = json!({"status": "cancelled"});
    desk.sandbox.person_edit("halaxy", "Invoice", &id, &cancelled).unwrap();
    tell(&desk, "halaxy", "Invoice", &id, "e1").await;
    assert!(ledger.told(desk.clock.now()).await.unwrap());

    let before = desk.sandbox.calls_after(0).len();
    let step = ledger.follow(desk.clock.now()).await.unwrap();
    assert_eq!(step.trouble, Vec::<String>::new());
    let state = |entries: Vec<Entry>| entries.iter().find(|e| e.key() == entry.key()).unwrap().state;
    assert_eq!(state(ledger.entries().await), EntryState::Void);
    let lists = desk.sandbox.calls_after(0).split_off(before);
    let reads = lists.iter().filter(|c| c.path.contains("ChargeItemDefinition")).count();
    assert_eq!(reads, 0, "what does not move with an invoice is not read");
    assert!(!ledger.told(desk.clock.now()).await.unwrap());

    // A burst is one look.
    tell(&desk, "halaxy", "Invoice", &id, "e2").await;
    assert!(!ledger.told(desk.clock.now()).await.unwrap());
    desk.clock.advance(Duration::from_secs(10));
    assert!(ledger.told(desk.clock.now()).await.unwrap());
}

#[tokio::test]
async fn what_somebody_changes_in_the_books_is_mirrored_and_what_we_posted_costs_no_call() {
    let (desk, ledger) = posted(32).await;
    let (entry, _) = unpaid(&ledger).await;
    let remote = entry.remote_id.clone().unwrap();
    ledger
        .prove(
            bridge_tests::ledger::FROM,
            bridge_tests::ledger::TO,
            true,
            desk.clock.now(),
        )
        .await
        .unwrap();
    // The postings were hours ago: this is somebody else's doing.
    desk.clock.advance(Duration::from_secs(3_600));
    desk.sandbox.person_delete("books", "invoices", &remote).unwrap();
    tell(&desk, "books", "invoice", &remote, "e1").await;
    let step = ledger.follow(desk.clock.now()).await.unwrap();
    assert_eq!((step.mirrored, step.trouble), (1, vec![]));
    assert_eq!(ledger.undone().await, [entry.key()]);

    // What is posted anew is told of by the books as well.
    ledger.repost(&[], desk.clock.now()).await.unwrap();
    ledger.step(desk.clock.now()).await.unwrap();
    let again = ledger.entries().await;
    let again = again.iter().find(|e| e.key() == format!("{}-R2", entry.key())).unwrap();
    tell(&desk, "books", "invoice", again.remote_id.as_ref().unwrap(), "e2").await;
    desk.clock.advance(Duration::from_secs(60));
    let before = call_count(&desk.sandbox);
    ledger.follow(desk.clock.now()).await.unwrap();
    assert_eq!(call_count(&desk.sandbox), before);
    desk.clock.advance(Duration::from_secs(600));
    assert!(!ledger.told(desk.clock.now()).await.unwrap(), "it was taken");
}
