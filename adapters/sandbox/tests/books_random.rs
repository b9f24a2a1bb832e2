//! Random bookkeeping on the accounting stand-in: an independent recomputation agrees, and the books always balance.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use adapter_sandbox::Manners;
use common::books::{Office, invoice};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// The test's own books: what each account should hold, in cents, by integer arithmetic alone.
#[derive(Default)]
struct Own {
    accounts: BTreeMap<String, i64>,
}

impl Own {
    fn post(&mut self, code: &str, cents: i64) {
        *self.accounts.entry(code.to_owned()).or_default() += cents;
    }
}

/// Ten percent, halves up; amounts are not negative here.
fn tenth(cents: i64) -> i64 {
    (cents + 5) / 10
}

fn money(cents: i64) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap()
}

/// Random bookkeeping, kept twice: by the stand-in from what it was sent, and here from what was meant.
#[tokio::test]
async fn random_bookkeeping_agrees_with_an_independent_recomputation() {
    for seed in 0..4 {
        let office = Office::open(Manners::Polite).await;
        let mut dice = StdRng::seed_from_u64(seed);
        let mut own = Own::default();
        // Invoice id, contact, total, open.
        let mut open: Vec<(String, usize, i64, i64)> = Vec::new();
        let mut payments: Vec<(String, usize, i64, &str)> = Vec::new();
        for step in 0..150 {
            match dice.random_range(0..10) {
                0..=3 => {
                    let contact = dice.random_range(0..6);
                    let mut lines = Vec::new();
                    let mut total = 0;
                    for _ in 0..dice.random_range(1..4) {
                        let (code, taxed) = [("200", false), ("201", true), ("202", true)][dice.random_range(0..3)];
                        let (quantity, unit) = (dice.random_range(1..4), dice.random_range(1..30_000));
                        let net = quantity * unit;
                        let tax = if taxed { tenth(net) } else { 0 };
                        own.post(code, -net);
                        own.post("820", -tax);
                        total += net + tax;
                        lines.push(json!({
                            "Description": "Service", "Quantity": quantity, "UnitAmount": money(unit), "AccountCode": code,
                        }));
                    }
                    own.post("610", total);
                    let mut sent = invoice(&format!("Payer {contact}"), 0.0, "200");
                    sent["LineItems"] = json!(lines);
                    let made = office.make("Invoices", sent).await;
                    open.push((made["InvoiceID"].as_str().unwrap().to_owned(), contact, total, total));
                }
                4..=5 if !open.is_empty() => {
                    let index = dice.random_range(0..open.len());
                    let left = open[index].3;
                    let amount = if dice.random_bool(0.5) {
                        left
                    } else {
                        dice.random_range(1..=left)
                    };
                    let account = ["651", "652", "090"][dice.random_range(0..3)];
                    let made = office.pay(&json!({"InvoiceID": open[index].0}), 0.01, account).await;
                    // Paid a cent to begin with, then the rest, so that deletions are seen as well.
                    own.post(account, amount);
                    own.post("610", -amount);
                    if amount > 1 {
                        let rest = json!({
                            "Invoice": {"InvoiceID": open[index].0}, "Account": {"Code": account}, "Date": "2026-03-02",
                            "Amount": money(amount - 1),
                        });
                        office.make("Payments", rest).await;
                    }
                    payments.push((made["PaymentID"].as_str().unwrap().to_owned(), index, 1, account));
                    open[index].3 -= amount;
                    if open[index].3 == 0 {
                        payments.retain(|payment| payment.1 != index);
                        for payment in &mut payments {
                            payment.1 -= usize::from(payment.1 > index);
                        }
                        open.remove(index);
                    }
                }
                6 if !payments.is_empty() => {
                    let (id, index, amount, account) = payments.swap_remove(dice.random_range(0..payments.len()));
                    let done = office
                        .call("POST", &format!("Payments/{id}"), json!({"Status": "DELETED"}))
                        .await;
                    assert_eq!(done.status, 200, "{}", done.text);
                    own.post(account, -amount);
                    own.post("610", amount);
                    open[index].3 += amount;
                }
                7..=8 if !open.is_empty() => {
                    let index = dice.random_range(0..open.len());
                    let (id, contact, _, left) = open[index].clone();
                    let amount = dice.random_range(1..=left);
                    let kind = dice.random_range(0..3);
                    let who = json!({"Name": format!("Payer {contact}")});
                    let (made, plural, name) = match kind {
                        0 => {
                            let note = json!({
                                "Type": "ACCRECCREDIT", "Contact": who, "Date": "2026-03-01", "Status": "AUTHORISED",
                                "LineAmountTypes": "NoTax",
                                "LineItems": [{"Description": "Written off", "UnitAmount": money(amount), "AccountCode": "406"}],
                            });
                            own.post("406", amount);
                            (office.make("CreditNotes", note).await, "CreditNotes", "CreditNoteID")
                        }
                        1 => {
                            let received = json!({
                                "Type": "RECEIVE-OVERPAYMENT", "Contact": who, "BankAccount": {"Code": "090"},
                                "LineItems": [{"Description": "Over", "LineAmount": money(amount)}],
                            });
                            own.post("090", amount);
                            (
                                office.make("BankTransactions", received).await,
                                "Overpayments",
                                "OverpaymentID",
                            )
                        }
                        _ => {
                            let received = json!({
                                "Type": "RECEIVE-PREPAYMENT", "Contact": who, "BankAccount": {"Code": "090"},
                                "LineAmountTypes": "Inclusive",
                                "LineItems": [{"Description": "Pre", "UnitAmount": money(amount), "AccountCode": "201"}],
                            });
                            own.post("090", amount);
                            (
                                office.make("BankTransactions", received).await,
                                "Prepayments",
                                "PrepaymentID",
                            )
                        }
                    };
                    own.post("610", -amount);
                    let path = format!("{plural}/{}/Allocations", made[name].as_str().unwrap());
                    let set_off = json!({"Allocations": [{
                        "Invoice": {"InvoiceID": id}, "Amount": money(amount), "Date": "2026-03-02",
                    }]});
                    let done = office.call("PUT", &path, set_off).await;
                    assert_eq!(done.status, 200, "{}", done.text);
                    open[index].3 -= amount;
                    if open[index].3 == 0 {
                        payments.retain(|payment| payment.1 != index);
                        for payment in &mut payments {
                            payment.1 -= usize::from(payment.1 > index);
                        }
                        open.remove(index);
                    }
                }
                _ => {
                    let amount = dice.random_range(1..5_000);
                    let tax = tenth(amount);
                    let sent = json!({
                        "Narration": "Fees", "Date": "2026-03-01", "Status": "POSTED", "LineAmountTypes": "Exclusive",
                        "JournalLines": [
                            {"LineAmount": money(amount), "AccountCode": "405", "TaxType": "INPUT"},
                            {"LineAmount": -(amount + tax) as f64 / 100.0, "AccountCode": "651", "TaxType": "BASEXCLUDED"},
                        ],
                    });
                    office.make("ManualJournals", sent).await;
                    own.post("405", amount);
                    own.post("820", tax);
                    own.post("651", -(amount + tax));
                }
            }
            if step % 30 == 29 {
                let report = office.report("trial-balance").await;
                assert_eq!(report["balanced"], true, "seed {seed} step {step}");
                own.accounts.retain(|_, cents| *cents != 0);
                let shown: BTreeMap<String, i64> = report["accounts"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| {
                        let cents = row["debit"].as_i64().unwrap() - row["credit"].as_i64().unwrap();
                        (row["code"].as_str().unwrap().to_owned(), cents)
                    })
                    .collect();
                assert_eq!(shown, own.accounts, "seed {seed} step {step}");
                let debtors = office.report("debtors").await;
                let owed = own.accounts.get("610").copied().unwrap_or(0);
                assert_eq!(debtors["total"], owed, "seed {seed} step {step}");
                let due: i64 = open.iter().map(|row| row.3).sum();
                assert_eq!(owed, due, "seed {seed} step {step}");
                for row in debtors["contacts"].as_array().unwrap() {
                    let aged: i64 = row["aged"]
                        .as_object()
                        .unwrap()
                        .values()
                        .map(|cents| cents.as_i64().unwrap())
                        .sum();
                    assert_eq!(row["owed"], aged + row["credit"].as_i64().unwrap());
                }
            }
        }
    }
}

/// Holds the reports of a day together: debits are credits, and debtors by account are debtors by document.
async fn reports_agree(office: &Office, query: &str) {
    let report = office.report(&format!("trial-balance?{query}")).await;
    assert_eq!(report["balanced"], true, "{query}: {report}");
    let rows = report["accounts"].as_array().unwrap();
    let debtors = rows.iter().find(|row| row["code"] == "610");
    let balance = debtors.map_or(0, |row| {
        row["debit"].as_i64().unwrap() - row["credit"].as_i64().unwrap()
    });
    let owed = office.report(&format!("debtors?{query}")).await;
    assert_eq!(owed["total"], balance, "{query}: {owed}");
    let cents = |value: &Value| value.as_i64().unwrap();
    let by_document =
        |row: &Value| row["aged"].as_object().unwrap().values().map(cents).sum::<i64>() + cents(&row["credit"]);
    let rows = owed["contacts"].as_array().unwrap();
    assert_eq!(rows.iter().map(by_document).sum::<i64>(), balance, "{query}: {owed}");
}

/// Apps and people at once, at random, over two months: nothing they do unbalances the books.
#[tokio::test]
async fn apps_and_people_at_random_leave_the_books_balanced() {
    for seed in 0..6 {
        let office = Office::open(Manners::Polite).await;
        let mut dice = StdRng::seed_from_u64(1_000 + seed);
        let day = |dice: &mut StdRng| format!("2026-0{}-{:02}", dice.random_range(2..4), dice.random_range(1..29));
        for step in 0..160 {
            office.desk.advance(1_000);
            let mut documents: Vec<(&str, String, Value)> = Vec::new();
            for kind in [
                "invoices",
                "credit_notes",
                "prepayments",
                "overpayments",
                "payments",
                "allocations",
            ] {
                for record in office.desk.sandbox.records("books", kind).unwrap() {
                    let name = match kind {
                        "invoices" => "InvoiceID",
                        "credit_notes" => "CreditNoteID",
                        "prepayments" => "PrepaymentID",
                        "overpayments" => "OverpaymentID",
                        "payments" => "PaymentID",
                        _ => "AllocationID",
                    };
                    documents.push((kind, record[name].as_str().unwrap().to_owned(), record));
                }
            }
            let any = |dice: &mut StdRng, kinds: &[&str]| {
                let fitting: Vec<_> = documents.iter().filter(|(kind, ..)| kinds.contains(kind)).collect();
                (!fitting.is_empty()).then(|| fitting[dice.random_range(0..fitting.len())].clone())
            };
            let amount = money(dice.random_range(1..20_000));
            let who = json!({"Name": format!("Payer {}", dice.random_range(0..2))});
            let code = ["200", "201", "850", "406"][dice.random_range(0..4)];
            let amounts = ["Exclusive", "Inclusive", "NoTax"][dice.random_range(0..3)];
            let line = json!({
                "Description": "X", "Quantity": dice.random_range(1..4), "UnitAmount": amount, "AccountCode": code,
                "TaxType": if dice.random_bool(0.5) { "OUTPUT" } else { "EXEMPTOUTPUT" },
            });
            let lines: Vec<Value> = (0..dice.random_range(1..4)).map(|_| line.clone()).collect();
            let document = json!({
                "Contact": who, "Date": day(&mut dice), "DueDate": day(&mut dice), "Status": "AUTHORISED",
                "LineAmountTypes": amounts, "LineItems": lines, "BankAccount": {"Code": "090"},
            });
            let typed = |kind: &str| {
                let mut typed = document.clone();
                typed["Type"] = json!(kind);
                typed
            };
            let (method, path, body) = match dice.random_range(0..12) {
                0..=2 => ("PUT", "Invoices".to_owned(), typed("ACCREC")),
                3 => ("PUT", "CreditNotes".to_owned(), typed("ACCRECCREDIT")),
                4 => ("PUT", "BankTransactions".to_owned(), typed("RECEIVE-PREPAYMENT")),
                5 => {
                    let mut over = typed("RECEIVE-OVERPAYMENT");
                    over["LineItems"] = json!([{"Description": "X", "UnitAmount": amount}]);
                    ("PUT", "BankTransactions".to_owned(), over)
                }
                6..=7 => {
                    let Some((kind, id, _)) = any(&mut dice, &["invoices", "invoices", "credit_notes", "prepayments"])
                    else {
                        continue;
                    };
                    let name = match kind {
                        "invoices" => "Invoice",
                        "credit_notes" => "CreditNote",
                        _ => "Prepayment",
                    };
                    let paid = json!({
                        name: {format!("{name}ID"): id}, "Account": {"Code": "651"}, "Amount": amount, "Date": day(&mut dice),
                    });
                    ("PUT", "Payments".to_owned(), paid)
                }
                8..=9 => {
                    let (Some((kind, credit, _)), Some((_, invoice, _))) = (
                        any(&mut dice, &["credit_notes", "prepayments", "overpayments"]),
                        any(&mut dice, &["invoices"]),
                    ) else {
                        continue;
                    };
                    let plural = match kind {
                        "credit_notes" => "CreditNotes",
                        "prepayments" => "Prepayments",
                        _ => "Overpayments",
                    };
                    let amount = money(dice.random_range(1..3_000));
                    let set_off = json!({"Invoice": {"InvoiceID": invoice}, "Amount": amount, "Date": day(&mut dice)});
                    ("PUT", format!("{plural}/{credit}/Allocations"), set_off)
                }
                _ => {
                    let every = [
                        "invoices",
                        "credit_notes",
                        "prepayments",
                        "overpayments",
                        "payments",
                        "allocations",
                    ];
                    let Some((kind, id, record)) = any(&mut dice, &every) else {
                        continue;
                    };
                    let first = &record["LineItems"][0]["LineItemID"];
                    let money_row = kind == "payments" || kind == "allocations";
                    let patch = match dice.random_range(0..5) {
                        0 => json!({"Date": day(&mut dice)}),
                        1 if money_row => json!({"Amount": amount}),
                        2 if money_row => json!({"Status": "DELETED"}),
                        1 => json!({"LineItems": [{"LineItemID": first, "UnitAmount": amount}]}),
                        2 => json!({"Status": "VOIDED"}),
                        3 if !money_row => json!({"Contact": who}),
                        3 => json!({"Account": {"Code": "652"}}),
                        _ => json!({"LineAmountTypes": amounts}),
                    };
                    let path = format!("records/books/{kind}/{id}");
                    let answer = office.desk.control("PATCH", &path, patch).await;
                    assert!(answer.status == 200 || answer.status == 422, "{}", answer.text);
                    continue;
                }
            };
            let answer = office.call(method, &path, body).await;
            // Much of this breaks a rule; that is refused, and changes nothing.
            assert!(
                answer.status == 200 || answer.status == 400,
                "seed {seed} step {step}: {}",
                answer.text
            );
            if step % 10 == 9 {
                reports_agree(&office, "").await;
                reports_agree(&office, &format!("at={}", day(&mut dice))).await;
            }
        }
        let count = |kind: &str| office.desk.sandbox.records("books", kind).unwrap().len();
        assert!(
            count("payments") > 5 && count("allocations") > 2 && count("prepayments") > 2,
            "seed {seed} did little"
        );
        for invoice in office.desk.sandbox.records("books", "invoices").unwrap() {
            let figure = |name: &str| (invoice[name].as_f64().unwrap() * 100.0).round() as i64;
            assert_eq!(
                figure("AmountDue"),
                figure("Total") - figure("AmountPaid") - figure("AmountCredited")
            );
            assert_eq!(figure("Total"), figure("SubTotal") + figure("TotalTax"));
        }
    }
}

/// Whatever is sent, it is answered, and the books balance.
#[tokio::test]
async fn nonsense_is_refused_and_never_breaks_the_books() {
    let office = Office::open(Manners::Polite).await;
    let sold = office.invoice("Payer", 10.0, "201").await;
    let mut dice = StdRng::seed_from_u64(7);
    let wild = [
        json!(99_999_999),
        json!(-99_999_999),
        json!(1e300),
        json!(1e-9),
        json!("12,5"),
        json!(""),
        json!("x".repeat(600)),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!("/Date(9223372036854775807)/"),
        json!("9999-12-31"),
        json!("\u{1F600}\u{1F600}\u{1F600}\u{1F600}"),
        json!("AUTHORISED"),
    ];
    let plain = json!({
        "Type": "ACCREC", "Contact": {"Name": "Payer"}, "Date": "2026-03-01", "DueDate": "2026-03-15", "Status": "AUTHORISED",
        "LineItems": [{"Description": "X", "Quantity": 1, "UnitAmount": 1, "AccountCode": "201", "TaxAmount": 0.1}],
        "Invoice": {"InvoiceID": sold["InvoiceID"]}, "Account": {"Code": "651"}, "BankAccount": {"Code": "090"}, "Amount": 1,
        "Narration": "X", "JournalLines": [{"LineAmount": 1, "AccountCode": "405"}, {"LineAmount": -1, "AccountCode": "651"}],
        "Name": "Payer", "Reference": "R",
    });
    let line_members = [
        "Description",
        "Quantity",
        "UnitAmount",
        "LineAmount",
        "TaxAmount",
        "DiscountRate",
        "DiscountAmount",
        "Tracking",
    ];
    for round in 0..1_500 {
        let mut sent = plain.clone();
        for _ in 0..dice.random_range(1..4) {
            let value = wild[dice.random_range(0..wild.len())].clone();
            if dice.random_bool(0.5) {
                let member = line_members[dice.random_range(0..line_members.len())];
                sent["LineItems"][0][member] = value.clone();
                sent["JournalLines"][0][member] = value;
            } else {
                let members: Vec<String> = plain.as_object().unwrap().keys().cloned().collect();
                sent[&members[dice.random_range(0..members.len())]] = value;
            }
            if !sent["LineItems"][0].is_object() || !sent["JournalLines"][0].is_object() {
                break;
            }
        }
        let plurals = [
            "Invoices",
            "CreditNotes",
            "Payments",
            "BankTransactions",
            "ManualJournals",
            "Contacts",
        ];
        let plural = plurals[dice.random_range(0..plurals.len())];
        sent["Type"] = match plural {
            "CreditNotes" => json!("ACCRECCREDIT"),
            "BankTransactions" => {
                json!(["SPEND", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"][dice.random_range(0..3)])
            }
            _ => sent["Type"].clone(),
        };
        if plural == "ManualJournals" {
            sent["Status"] = json!("POSTED");
        }
        let method = ["PUT", "POST"][dice.random_range(0..2)];
        let answer = office.call(method, plural, json!({plural: [sent]})).await;
        assert!(
            answer.status == 200 || answer.status == 400,
            "{round} {}: {}",
            answer.status,
            answer.text
        );
    }
    reports_agree(&office, "").await;
    reports_agree(&office, "at=2026-03-31").await;
    assert!(office.desk.sandbox.records("books", "invoices").unwrap().len() > 10);
}
