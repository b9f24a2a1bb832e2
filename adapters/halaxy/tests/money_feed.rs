//! What the ledger reads, against the stand-in: every kind keeps what every adapter promises, and a month of a busy
//! practice arrives whole, whatever people do meanwhile.

mod support;

use adapter_halaxy::{HalaxyAdapter, MONEY_KINDS, MoneyReader};
use adapter_kit::gathering::{Cursors, Intake, Seen};
use adapter_kit::{Adapter, Answer, Clock, ManualClock, Outgoing, RefusalKind, conformance};
use adapter_sandbox::practice_month::{MonthOptions, OwnBooks, PracticeMonth};
use adapter_sandbox::{Manners, Sandbox, SandboxOptions};
use bridge_core::ledger::{Cents, Currency, Gathered, InvoiceKind, LineStatus, Party, PaymentKind, ReadFacts};
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::biller::{Biller, body};
use support::{Practice, SharedClock, in_process, options};

fn reader() -> MoneyReader {
    let zone = TimeZone::get("Australia/Melbourne").expect("a zone");
    MoneyReader::new(zone, Currency::new("AUD").expect("a currency"))
}

#[tokio::test]
async fn every_kind_keeps_the_promises_of_reading() {
    for (kind, _) in MONEY_KINDS {
        for switches in [
            json!({}),
            json!({"count_cap": 40, "scattered_ties": true, "touch_percent": 40, "warning_percent": 30,
                "children_move_invoice": false, "recipient_as_list": true, "removed": "gone", "clock_ahead_ms": 90_000}),
        ] {
            let practice = Practice::new(Manners::Real, 1);
            practice.switch(switches.clone());
            let person = Biller {
                sandbox: practice.sandbox.clone(),
                kind,
            };
            let report = conformance::run_reads(&practice.adapter(), kind, &person, &*practice.clock).await;
            assert!(report.failures().is_empty(), "{kind} {switches}\n{report}");
        }
    }
}

#[tokio::test]
async fn with_every_filter_ignored_nothing_is_missed() {
    for kind in ["Invoice", "InvoiceLine"] {
        let practice = Practice::new(Manners::Real, 1);
        practice.switch(json!({"count_cap": 40, "ignored_filters": ["_id", "_lastUpdated", "_sort"]}));
        let person = Biller {
            sandbox: practice.sandbox.clone(),
            kind,
        };
        // With nothing there, no probe could tell.
        conformance::Person::create(&person, 0).await;
        let report = conformance::run_reads(&practice.adapter(), kind, &person, &*practice.clock).await;
        let failures: Vec<&str> = report.failures().iter().map(|(name, _)| *name).collect();
        assert_eq!(failures, ["probes find no problem"], "{kind}\n{report}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_ever_written() {
    let practice = Practice::new(Manners::Real, 1);
    let adapter = practice.adapter();
    for (kind, _) in MONEY_KINDS {
        let create = Outgoing::Create {
            key: "k".into(),
            reference: "r".into(),
            body: body(kind, 1),
        };
        let answers = adapter.write(kind, vec![create]).await;
        let refused = |answer: &Answer| matches!(answer, Answer::Refused(why) if why.kind == RefusalKind::Forbidden);
        assert!(answers.len() == 1 && answers.iter().all(refused), "{kind}: {answers:?}");
    }
    assert_eq!(practice.calls(), 0);
}

struct Office {
    sandbox: Arc<Sandbox>,
    clock: Arc<ManualClock>,
    adapter: HalaxyAdapter,
    gathered: Gathered,
    cursors: Cursors,
    kept: BTreeMap<(String, String), bool>,
}

impl Office {
    fn of(month: &PracticeMonth, manners: Manners) -> Office {
        let clock = Arc::new(ManualClock::new(month.end));
        let sandbox = Sandbox::new(SandboxOptions {
            seed: 3,
            manners,
            patients: month.patients.clone(),
            clock: Arc::new(SharedClock(clock.clone())),
            ..SandboxOptions::default()
        });
        month.load(&sandbox).expect("a month the stand-in takes");
        let options = options(&sandbox, "http://127.0.0.1:1");
        let adapter =
            HalaxyAdapter::new("halaxy", options, in_process(&sandbox), clock.clone()).expect("sound options");
        Office {
            sandbox,
            clock,
            adapter,
            gathered: Gathered::default(),
            cursors: Cursors::new(),
            kept: BTreeMap::new(),
        }
    }

    async fn look(&mut self, sweep: bool) {
        let reader = reader();
        // What fails after all retries (manners may be nasty) is asked again, as the engine does.
        for _ in 0..10 {
            let kept = &mut self.kept;
            let mut keep = |seen: Seen| {
                match seen {
                    Seen::Body { kind, id, .. } => kept.insert((kind.to_owned(), id), true),
                    Seen::Gone { kind, id } => kept.insert((kind.to_owned(), id), false),
                };
            };
            let mut intake = Intake {
                adapter: &self.adapter,
                reader: &reader,
                gathered: &mut self.gathered,
                keep: &mut keep,
            };
            let outcome = if sweep {
                intake.sweep().await
            } else {
                intake.round(&mut self.cursors).await
            };
            if outcome.failed.is_empty() {
                return;
            }
        }
        panic!("the account does not answer");
    }

    fn compare(&self, books: &OwnBooks) {
        compare(&self.gathered, books);
    }
}

/// The facts are the practice's own books.
fn compare(gathered: &Gathered, books: &OwnBooks) {
    assert_eq!(
        gathered.unreadable().collect::<Vec<_>>(),
        Vec::<&bridge_core::ledger::Unreadable>::new()
    );
    let facts = gathered.facts();
    let live = facts
        .invoices
        .values()
        .filter(|x| !x.removed && x.kind == InvoiceKind::Invoice);
    let ids: BTreeSet<&String> = live.clone().map(|invoice| &invoice.id).collect();
    assert_eq!(ids, books.invoices.keys().collect());
    for invoice in live {
        let own = &books.invoices[&invoice.id];
        let shown = [invoice.net, invoice.tax, invoice.gross, invoice.paid, invoice.balance];
        let wanted = [own.net, own.tax, own.gross(), own.received, own.open].map(Cents);
        assert_eq!(shown, wanted, "{}", invoice.id);
        assert_eq!(invoice.date, own.date, "{}", invoice.id);
        let payer = match invoice.payer.as_ref().expect("a payer") {
            Party::Patient(id) => format!("Patient/{id}"),
            Party::Organisation(id) => format!("Organization/{id}"),
        };
        assert_eq!(payer, own.payer);
    }
    let charged =
        |status: &LineStatus| matches!(status, LineStatus::Active | LineStatus::Locked | LineStatus::WriteOff);
    let mut lines: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in facts.lines.values().filter(|line| charged(&line.status)) {
        let invoice = line.invoice.as_deref().expect("an invoice");
        if books.invoices.contains_key(invoice) {
            lines.entry(invoice).or_default().insert(&line.id);
        }
    }
    for (id, own) in &books.invoices {
        let wanted: BTreeSet<&str> = own.lines.iter().map(|line| line.id.as_str()).collect();
        assert_eq!(lines.remove(id.as_str()).unwrap_or_default(), wanted, "{id}");
    }
    let money = |kind: &PaymentKind| *kind != PaymentKind::NotMoney;
    let rows: BTreeMap<&String, _> = facts
        .payments
        .iter()
        .filter(|(_, row)| !row.void && !row.removed && money(&row.kind))
        .collect();
    assert_eq!(
        rows.keys().copied().collect::<BTreeSet<_>>(),
        books.payments.keys().collect()
    );
    for (id, row) in rows {
        let own = &books.payments[id];
        assert_eq!(
            (row.amount, row.date, row.method.as_str()),
            (Cents(own.cents), own.date, own.method),
            "{id}"
        );
        assert_eq!(row.kind == PaymentKind::Refund, own.refund, "{id}");
        assert_eq!(row.invoice, own.invoice, "{id}");
        if own.invoice.is_none() {
            let payer = match row.payer.as_ref().expect("a payer") {
                Party::Patient(id) => format!("Patient/{id}"),
                Party::Organisation(id) => format!("Organization/{id}"),
            };
            assert_eq!(payer, own.payer, "{id}");
        }
    }
}

#[test]
fn a_busy_month_is_read_to_the_cent() {
    let month = PracticeMonth::generate(&MonthOptions::busy(2));
    let reader = reader();
    let began = std::time::Instant::now();
    let mut gathered = Gathered::default();
    for body in &month.resources {
        let kind = body["resourceType"].as_str().expect("a type");
        gathered.take(&reader, kind, body).expect("readable");
    }
    println!("{} bodies read in {:?}", month.resources.len(), began.elapsed());
    compare(&gathered, &month.first_books);
}

#[tokio::test]
async fn a_month_and_what_happens_after_it_arrive_to_the_cent() {
    for manners in [Manners::Polite, Manners::Real, Manners::Nasty] {
        let month = PracticeMonth::generate(&MonthOptions {
            seed: 11,
            invoices: 300,
            ..MonthOptions::default()
        });
        let mut office = Office::of(&month, manners);
        office.look(false).await;
        office.compare(&month.first_books);
        for (_, acts) in month.acts_by_day() {
            for act in acts {
                office.clock.advance(Duration::from_micros(
                    (act.at - office.clock.now()).max(0).unsigned_abs(),
                ));
                act.perform(&office.sandbox).expect("an act the screens take");
            }
            office.look(false).await;
        }
        // No feed shows what was removed: the sweep finds it.
        office.look(true).await;
        office.compare(&month.books);
        let facts = office.gathered.facts();
        assert!(facts.invoices.values().any(|invoice| invoice.removed));
        assert!(
            facts
                .roles
                .values()
                .all(|role| !role.name.is_empty() && role.location.is_some())
        );
        assert_eq!(facts.charges.len(), 15);
        assert!(
            facts
                .charges
                .values()
                .all(|charge| charge.category.is_some() && charge.code.is_some())
        );
        assert!(office.kept.values().any(|there| !there));
        let known: BTreeSet<(String, String)> = office
            .kept
            .iter()
            .filter(|(_, there)| **there)
            .map(|(key, _)| key.clone())
            .collect();
        for (kind, of) in MONEY_KINDS {
            let kept = known.iter().filter(|(name, _)| name == kind).count();
            assert_eq!(kept, office.gathered.ids(&reader(), of).len(), "{kind}");
        }
    }
}

#[tokio::test]
async fn an_invoice_is_read_again_when_its_lines_or_payments_change_though_its_stamp_stands_still() {
    let month = PracticeMonth::generate(&MonthOptions {
        invoices: 30,
        ..MonthOptions::default()
    });
    let mut office = Office::of(&month, Manners::Real);
    office
        .sandbox
        .set_switches("halaxy", &json!({"children_move_invoice": false}))
        .expect("known switches");
    office.look(false).await;
    office.clock.advance(Duration::from_secs(60));
    let (id, own) = month
        .first_books
        .invoices
        .iter()
        .find(|(_, own)| own.lines.len() == 1 && own.open > 0)
        .expect("one");
    let line = &own.lines[0].id;
    office
        .sandbox
        .person_edit("halaxy", "InvoiceLine", line, &json!({"invoice": null}))
        .expect("an edit");
    office.look(false).await;
    assert_eq!(
        office.gathered.facts().invoices[id].gross,
        Cents::ZERO,
        "the invoice that the line left"
    );
}

#[tokio::test]
async fn a_backfill_costs_a_call_a_page_and_a_quiet_round_a_call_a_kind() {
    let month = PracticeMonth::generate(&MonthOptions {
        invoices: 3_000,
        ..MonthOptions::default()
    });
    let mut office = Office::of(&month, Manners::Real);
    office.clock.advance(Duration::from_secs(60));
    let calls = |office: &Office| office.sandbox.calls_after(0).len();
    office.look(false).await;
    office.compare(&month.first_books);
    let pages: usize = MONEY_KINDS
        .iter()
        .map(|(kind, _)| {
            let all = month
                .resources
                .iter()
                .filter(|resource| resource["resourceType"] == *kind)
                .count();
            all.div_ceil(100).max(1)
        })
        .sum();
    // A token; and what people work on meanwhile is bounded by asking for the past once more.
    assert!(
        calls(&office) <= 1 + pages + MONEY_KINDS.len(),
        "{} calls for {pages} pages",
        calls(&office)
    );
    for _ in 0..2 {
        office.clock.advance(Duration::from_secs(60));
        let before = calls(&office);
        office.look(false).await;
        assert_eq!(calls(&office) - before, MONEY_KINDS.len());
    }
}

#[tokio::test]
async fn a_missing_scope_stops_one_kind_only() {
    let month = PracticeMonth::generate(&MonthOptions {
        invoices: 30,
        ..MonthOptions::default()
    });
    let mut office = Office::of(&month, Manners::Real);
    office
        .sandbox
        .set_switches("halaxy", &json!({"missing_scopes": ["Coverage.read"]}))
        .expect("known switches");
    let reader = reader();
    let mut keep = |_: Seen| {};
    let mut intake = Intake {
        adapter: &office.adapter,
        reader: &reader,
        gathered: &mut office.gathered,
        keep: &mut keep,
    };
    let outcome = intake.round(&mut office.cursors).await;
    assert_eq!(
        outcome.failed.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        ["Coverage"]
    );
    assert!(office.gathered.facts().covers.is_empty());
    office.compare(&month.first_books);
    assert_eq!(reader.kinds().len(), MONEY_KINDS.len());
}
