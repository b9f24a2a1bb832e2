//! The invented month: the practice's own books and the stand-in of Halaxy agree, to the cent, on every invoice.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::practice_month::{Doing, MonthOptions, OwnBooks, PayerType, PracticeMonth, Treatment};
use adapter_sandbox::{Manners, ManualClock, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn month(seed: u64, invoices: usize) -> PracticeMonth {
    PracticeMonth::generate(&MonthOptions {
        seed,
        invoices,
        ..MonthOptions::default()
    })
}

fn sandbox(month: &PracticeMonth) -> Arc<Sandbox> {
    let sandbox = Sandbox::new(SandboxOptions {
        manners: Manners::Real,
        patients: month.patients.clone(),
        clock: Arc::new(ManualClock::at(month.end)),
        ..SandboxOptions::default()
    });
    month.load(&sandbox).unwrap();
    sandbox
}

/// A number as cents, by its digits.
fn cents(money: &Value) -> i64 {
    let text = money["value"].as_number().unwrap().to_string();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(part.len() <= 2, "{text}");
    sign * (whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap())
}

/// Every invoice of the stand-in against the books.
fn compare(sandbox: &Sandbox, books: &OwnBooks) {
    let shown = sandbox.records("halaxy", "Invoice").unwrap();
    let invoices: Vec<&Value> = shown.iter().filter(|invoice| invoice["type"] == "invoice").collect();
    let ids: BTreeSet<&str> = invoices.iter().map(|invoice| invoice["id"].as_str().unwrap()).collect();
    assert_eq!(ids, books.invoices.keys().map(String::as_str).collect());
    for invoice in invoices {
        let own = &books.invoices[invoice["id"].as_str().unwrap()];
        let totals =
            ["totalNet", "totalTax", "totalGross", "totalPaid", "totalBalance"].map(|name| cents(&invoice[name]));
        assert_eq!(
            totals,
            [own.net, own.tax, own.gross(), own.received, own.open],
            "{invoice}"
        );
        let recipient = invoice["recipient"]["reference"].as_str().unwrap();
        assert!(recipient.ends_with(&own.payer), "{recipient} {}", own.payer);
        assert_eq!(invoice["date"], own.date.to_string());
    }
    let rows = sandbox.records("halaxy", "PaymentTransaction").unwrap();
    let rows: BTreeMap<&str, &Value> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
    for (id, own) in &books.payments {
        let row = rows[id.as_str()];
        assert_eq!(cents(&row["priceComponent"][0]["amount"]), own.cents);
        assert_eq!(row["method"][0]["text"], own.method);
        let invoice = row["invoice"]["reference"]
            .as_str()
            .and_then(|text| text.rsplit('/').next());
        assert_eq!(invoice, own.invoice.as_deref());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_month() {
    let bytes = |seed| {
        let month = month(seed, 300);
        json!([month.resources, month.acts, month.first_books, month.books]).to_string()
    };
    let first = bytes(5);
    assert!(first == bytes(5));
    assert!(first != bytes(6));
}

#[test]
fn the_books_equal_the_stand_ins_totals_before_and_after_every_act() {
    for seed in 0..8 {
        let month = month(seed, 250);
        let sandbox = sandbox(&month);
        compare(&sandbox, &month.first_books);
        for act in &month.acts {
            act.perform(&sandbox)
                .unwrap_or_else(|error| panic!("{}: {error}", act.name));
        }
        compare(&sandbox, &month.books);
    }
}

#[test]
fn books_balance_within_themselves() {
    let month = month(9, 2_000);
    for books in [&month.first_books, &month.books] {
        let sum = |all: Vec<i64>| all.iter().sum::<i64>();
        let billed: i64 = books.invoices.values().map(|invoice| invoice.gross()).sum();
        let by_tax: i64 = books.tax().values().map(|(net, tax)| net + tax).sum();
        assert_eq!(billed, by_tax);
        assert_eq!(
            sum(books.income().into_values().collect()),
            books.tax().values().map(|(net, _)| net).sum::<i64>()
        );
        let given_up: i64 = books.written_off().values().map(|(net, tax)| net + tax).sum();
        let receipts: i64 = books.receipts().values().map(|of| of.received - of.refunded).sum();
        // Debits equal credits: what is owed and was received and given up is what was billed and is held for payers.
        let owed = sum(books.debtors().into_values().collect());
        let held = sum(books.credits().into_values().collect());
        assert_eq!(owed + receipts + given_up, billed + held);
        assert_eq!(books.tax()[&Treatment::GstFree].1, 0);
        assert_eq!(books.tax()[&Treatment::BasExcluded].1, 0);
        assert!(books.tax()[&Treatment::Gst].1 > 0);
    }
}

#[test]
fn a_month_holds_everything_that_happens_to_a_practice() {
    let month = month(4, 2_000);
    let payers: BTreeSet<PayerType> = month
        .first_books
        .invoices
        .values()
        .map(|invoice| invoice.payer_type)
        .collect();
    assert_eq!(payers.len(), 8);
    let names: BTreeSet<&str> = month.acts.iter().map(|act| act.name).collect();
    assert_eq!(names.len(), 27, "{names:?}");
    assert!(month.acts.is_sorted_by_key(|act| act.at));
    assert!(month.acts.iter().all(|act| act.at >= month.end));
    assert_eq!(
        month.acts_by_day().iter().map(|(_, acts)| acts.len()).sum::<usize>(),
        month.acts.len()
    );
    let of = |kind: &'static str| {
        month
            .resources
            .iter()
            .filter(move |resource| resource["resourceType"] == kind)
    };
    let words = |kind: &'static str, path: &str| -> BTreeSet<String> {
        of(kind)
            .filter_map(|body| body.pointer(path)?.as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(
        words("InvoiceLine", "/status"),
        ["locked", "voided", "write-off"].map(String::from).into()
    );
    assert_eq!(
        words("Invoice", "/status"),
        ["active", "cancelled", "write-off"].map(String::from).into()
    );
    assert_eq!(words("Invoice", "/type"), ["invoice", "quote"].map(String::from).into());
    let types = words("PaymentTransaction", "/type/0/text");
    assert_eq!(
        types,
        ["Deposit", "Failed", "Payment", "Refund"].map(String::from).into()
    );
    assert!(words("PaymentTransaction", "/method/0/text").contains("HICAPS"));
    let quantities: BTreeSet<String> = of("InvoiceLine").map(|line| line["quantity"].to_string()).collect();
    assert!(
        quantities.contains("0.5") && quantities.contains("2.25"),
        "{quantities:?}"
    );
    let agents: BTreeSet<&str> = month
        .books
        .invoices
        .values()
        .flat_map(|invoice| &invoice.lines)
        .filter(|line| line.agent)
        .map(|line| line.role)
        .collect();
    assert_eq!(agents.len(), 4);
    assert!(
        month.books.invoices.values().any(|invoice| invoice.open < 0),
        "somebody has paid too much"
    );
    assert!(!month.books.credits().is_empty());
    assert!(
        month
            .acts
            .iter()
            .flat_map(|act| &act.doings)
            .any(|doing| matches!(doing, Doing::Remove { kind: "Invoice", .. }))
    );
}

#[test]
fn what_is_left_out_does_not_happen() {
    let options = MonthOptions {
        leave_out: vec!["switch payer after payment", "delete invoice"],
        invoices: 1_000,
        ..MonthOptions::default()
    };
    let month = PracticeMonth::generate(&options);
    assert!(!month.acts.is_empty());
    assert!(month.acts.iter().all(|act| !options.leave_out.contains(&act.name)));
}

#[test]
fn a_busy_month_is_loaded_in_seconds() {
    let began = std::time::Instant::now();
    let month = PracticeMonth::generate(&MonthOptions::busy(1));
    let invented = began.elapsed();
    let sandbox = sandbox(&month);
    let took = began.elapsed() - invented;
    println!(
        "{} resources of {} invoices invented in {invented:?} and loaded in {took:?}, {} acts",
        month.resources.len(),
        month.first_books.invoices.len(),
        month.acts.len()
    );
    // Seconds on an idle machine; tests may share theirs.
    assert!(took.as_secs() < 60, "{took:?}");
    for act in &month.acts {
        act.perform(&sandbox)
            .unwrap_or_else(|error| panic!("{}: {error}", act.name));
    }
    compare(&sandbox, &month.books);
}
