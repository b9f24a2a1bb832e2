//! What `xero.toml` sends and understands, against small answers of our own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Accounting, BooksRefusalKind, Posted};
use bridge_core::ledger::{Cents, DocumentKind, Status};
use common::books::{Desk, day, desk, document, id_of, line, money, posting};
use common::stub::{Asked, Reply, ok, reply};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

/// Organisation, chart, rates, tracking; the rest by `answer`.
fn xero(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Desk {
    desk("xero", move |asked| {
        assert_eq!(asked.header("xero-tenant-id"), "tenant-1");
        assert_eq!(asked.header("authorization"), "Bearer t");
        match asked.path.as_str() {
            "/api/Organisation" => ok(json!({"Organisations": [{
                "Name": "Demo", "CountryCode": "AU", "BaseCurrency": "AUD",
                "PeriodLockDate": "/Date(1759190400000+0000)/", "EndOfYearLockDate": "/Date(1751241600000+0000)/",
            }]})),
            "/api/Accounts" => ok(json!({"Accounts": [
                {"AccountID": "a-090", "Code": "090", "Name": "Bank", "Type": "BANK", "Status": "ACTIVE"},
                {"AccountID": "a-till", "Name": "Till", "Type": "BANK", "Status": "ACTIVE"},
                {"AccountID": "a-200", "Code": "200", "Name": "Fees", "Type": "REVENUE", "Status": "ACTIVE"},
                {"AccountID": "a-201", "Code": "201", "Name": "Old", "Type": "REVENUE", "Status": "ARCHIVED"},
                {"AccountID": "a-610", "Code": "610", "Name": "Debtors", "Type": "CURRENT", "Status": "ACTIVE", "SystemAccount": "DEBTORS"},
                {"AccountID": "a-800", "Code": "800", "Name": "Clearing", "Type": "CURRLIAB", "Status": "ACTIVE", "EnablePaymentsToAccount": true},
            ]})),
            "/api/TaxRates" => ok(json!({"TaxRates": [
                {"TaxType": "OUTPUT", "Name": "GST on Income", "EffectiveRate": 10.0, "Status": "ACTIVE"},
                {"TaxType": "EXEMPTOUTPUT", "Name": "GST Free Income", "EffectiveRate": 0.0, "Status": "ACTIVE"},
            ]})),
            "/api/TrackingCategories" => ok(json!({"TrackingCategories": [
                {"TrackingCategoryID": "k", "Name": "Location", "Options": [
                    {"TrackingOptionID": "o1", "Name": "North", "Status": "ACTIVE"},
                    {"TrackingOptionID": "o2", "Name": "Closed", "Status": "ARCHIVED"},
                ]},
            ]})),
            _ => answer(asked),
        }
    })
}

#[tokio::test]
async fn the_organisation_and_what_it_allows() {
    let books = xero(|_| panic!()).books.books().await.unwrap();
    assert_eq!((books.country.as_str(), books.currency.code()), ("AU", "AUD"));
    assert_eq!(books.locked_to, Some(day("2025-09-30")), "the later of both");
    assert!(books.locked(day("2025-09-30")) && !books.locked(day("2025-10-01")));
    assert!(
        books.account("a-till").unwrap().bank,
        "named by its id, for want of a code"
    );
    assert!(!books.account("201").unwrap().active);
    assert_eq!(books.account("610").unwrap().system.as_deref(), Some("DEBTORS"));
    assert!(books.account("800").unwrap().takes_payments && !books.account("200").unwrap().takes_payments);
    assert_eq!(books.tax_rate("OUTPUT").unwrap().percent, Decimal::TEN);
    assert_eq!(books.tracking[0].options, ["North"]);
}

fn shown_invoice(key: &str, id: &str) -> Json {
    json!({
        "Type": "ACCREC", "InvoiceID": id, "InvoiceNumber": key, "Status": "AUTHORISED", "LineAmountTypes": "Exclusive",
        "Date": "/Date(1791158400000+0000)/", "CurrencyCode": "AUD", "Contact": {"ContactID": "c-1"},
        "Total": 197.34, "TotalTax": 9.09, "AmountDue": 0.10, "UpdatedDateUTC": "/Date(1791158400001+0000)/",
        "StatusAttributeString": "OK",
        "LineItems": [
            {"AccountCode": "200", "TaxType": "OUTPUT", "LineAmount": 90.91, "TaxAmount": 9.09,
             "Tracking": [{"Name": "Location", "Option": "North"}]},
            {"AccountCode": "200", "TaxType": "EXEMPTOUTPUT", "LineAmount": 97.34, "TaxAmount": 0.0},
            {"Description": "thank you"},
        ],
    })
}

#[tokio::test]
async fn invoices_go_out_in_one_call_and_each_is_answered_by_itself() {
    let desk = xero(|asked| {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("PUT", "/api/Invoices"));
        assert_eq!(asked.param("summarizeErrors"), Some("false"));
        assert_eq!(asked.param("unitdp"), Some("4"));
        // Not in the order asked.
        ok(json!({"Invoices": [
            {"InvoiceNumber": "HX-2", "InvoiceID": "00000000-0000-0000-0000-000000000000", "StatusAttributeString": "ERROR",
             "ValidationErrors": [{"Message": "Invoice # must be unique."}]},
            shown_invoice("HX-1", "i-1"),
        ]}))
    });
    let mut tracked = line("200", "OUTPUT", 9091, 909);
    tracked.tracking = [("Location".to_string(), "North".to_string())].into();
    tracked.quantity = "2".parse().unwrap();
    tracked.unit = "45.4545".parse().unwrap();
    let mut first = posting(document(
        DocumentKind::Invoice,
        "HX-1",
        vec![tracked, line("200", "EXEMPTOUTPUT", 9734, 0)],
    ));
    first.document.note = "service 2026-09-28".into();
    let second = posting(document(
        DocumentKind::Invoice,
        "HX-2",
        vec![line("200", "OUTPUT", 100, 10)],
    ));
    let answers = desk.books.post(&[first.clone(), second]).await;
    assert_eq!(id_of(&answers[0]), "i-1");
    let Posted::Applied { shown: Some(shown), .. } = &answers[0] else {
        panic!()
    };
    assert_eq!(
        (shown.total, shown.tax, shown.open),
        (Cents(19734), Some(Cents(909)), Some(Cents(10)))
    );
    assert_eq!((shown.status, shown.date), (Status::Open, day("2026-10-05")));
    let lines = shown.lines.as_ref().unwrap();
    assert_eq!((lines.len(), lines[0].net, lines[0].tax), (2, Cents(9091), Cents(909)));
    assert_eq!(lines[0].tracking["Location"], "North");
    let Posted::Refused(refusal) = &answers[1] else {
        panic!()
    };
    assert_eq!(
        (refusal.kind, refusal.code.as_str()),
        (BooksRefusalKind::NumberTaken, "number_taken")
    );

    let sent = desk.last().json();
    assert_eq!(
        sent["Invoices"][0],
        json!({
            "Type": "ACCREC", "Status": "AUTHORISED", "InvoiceNumber": "HX-1", "Reference": "service 2026-09-28",
            "Contact": {"ContactID": "c-1"}, "Date": "2026-10-05", "DueDate": "2026-10-05", "CurrencyCode": "AUD",
            "LineAmountTypes": "Exclusive",
            "LineItems": [
                {"Description": "Consultation", "Quantity": 2, "UnitAmount": 45.4545, "LineAmount": 90.91, "TaxAmount": 9.09,
                 "AccountCode": "200", "TaxType": "OUTPUT", "Tracking": [{"Name": "Location", "Option": "North"}]},
                {"Description": "Consultation", "Quantity": 1, "UnitAmount": 97.34, "LineAmount": 97.34, "TaxAmount": 0,
                 "AccountCode": "200", "TaxType": "EXEMPTOUTPUT"},
            ],
        })
    );
    let key = desk.last().header("idempotency-key").to_string();
    desk.books.post(std::slice::from_ref(&first)).await;
    assert_eq!(desk.last().header("idempotency-key"), "try-HX-1");
    assert!(
        key.len() <= 128 && key != "try-HX-1",
        "another company of documents is another attempt"
    );
}

#[tokio::test]
async fn what_cannot_be_right_is_not_sent() {
    let desk = xero(|_| panic!());
    let kind = |posted: &Posted| match posted {
        Posted::Refused(refusal) => (refusal.kind, refusal.code.clone()),
        other => panic!("{other:?}"),
    };
    let journal = |tax| {
        posting(document(
            DocumentKind::Journal,
            "HX-J",
            vec![
                line("200", "OUTPUT", -105, tax),
                line("090", "EXEMPTOUTPUT", 105 - tax, 0),
            ],
        ))
    };
    let answers = desk.books.post(&[journal(-10)]).await;
    assert_eq!(kind(&answers[0]).0, BooksRefusalKind::Tax, "Xero would compute 0.11");
    let unknown = posting(document(
        DocumentKind::Invoice,
        "HX-1",
        vec![line("999", "OUTPUT", 100, 10)],
    ));
    assert_eq!(kind(&desk.books.post(&[unknown]).await[0]).0, BooksRefusalKind::Account);
    let spoilt = posting(document(
        DocumentKind::Invoice,
        "x\" OR 1==1",
        vec![line("200", "OUTPUT", 100, 10)],
    ));
    assert_eq!(kind(&desk.books.post(&[spoilt]).await[0]).0, BooksRefusalKind::Invalid);
    assert!(
        desk.books
            .find(DocumentKind::Payment, &["x\" OR 1==1".into()])
            .await
            .is_err()
    );
    assert!(
        desk.books
            .find(DocumentKind::Allocation, &["HX-A".into()])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn receipts_answer_the_id_that_allocations_need() {
    let desk = xero(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", "/api/BankTransactions") => ok(json!({"BankTransactions": [{
            "BankTransactionID": "b-1", "PrepaymentID": "p-1", "Type": "RECEIVE-PREPAYMENT", "Status": "AUTHORISED",
            "Date": "/Date(1791158400000+0000)/", "Total": 50.0, "TotalTax": 0.0, "BankAccount": {"AccountID": "a-till"},
            "LineItems": [{"Description": "HX-P Prepaid"}], "StatusAttributeString": "OK",
        }]})),
        ("PUT", "/api/Prepayments/p-1/Allocations") => ok(json!({"Allocations": [
            {"AllocationID": "al-1", "Amount": 20.0, "Date": "/Date(1791158400000+0000)/", "Invoice": {"InvoiceID": "i-1"}},
        ]})),
        ("PUT", "/api/Payments") => reply(
            400,
            json!({"ErrorNumber": 10, "Message": "A validation exception occurred",
            "Elements": [{"ValidationErrors": [{"Message": "Payment amount exceeds the amount outstanding on this document"}]}]}),
        ),
        ("DELETE", "/api/Prepayments/p-1/Allocations/al-1") => ok(json!({"AllocationID": "al-1", "IsDeleted": true})),
        other => panic!("{other:?}"),
    });
    let mut receipt = posting(document(
        DocumentKind::Prepayment,
        "HX-P",
        vec![line("200", "EXEMPTOUTPUT", 5000, 0)],
    ));
    receipt.document.account = Some("a-till".into());
    let answers = desk.books.post(&[receipt]).await;
    let Posted::Applied {
        remote_id,
        shown: Some(shown),
    } = &answers[0]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (remote_id.as_str(), shown.key.as_deref()),
        ("p-1", Some("HX-P")),
        "the line tells the key"
    );
    assert_eq!(shown.account.as_deref(), Some("a-till"));
    assert_eq!(
        desk.last().json()["BankTransactions"][0]["BankAccount"],
        json!({"AccountID": "a-till"})
    );

    let mut allocation = posting(money(DocumentKind::Allocation, "HX-A", 2000));
    allocation.of = Some((DocumentKind::Prepayment, "p-1".into()));
    allocation.to = Some("i-1".into());
    let answers = desk.books.post(&[allocation]).await;
    assert_eq!(id_of(&answers[0]), "prepayment/p-1/al-1");
    assert_eq!(
        desk.last().json(),
        json!({"Allocations": [{"Invoice": {"InvoiceID": "i-1"}, "Amount": 20, "Date": "2026-10-05"}]})
    );
    let void = desk
        .books
        .void(DocumentKind::Allocation, "prepayment/p-1/al-1", "v")
        .await;
    assert_eq!(id_of(&void), "prepayment/p-1/al-1");

    let mut refund = posting(money(DocumentKind::Refund, "HX-R", 4000));
    refund.of = Some((DocumentKind::Prepayment, "p-1".into()));
    let answers = desk.books.post(&[refund]).await;
    let Posted::Refused(refusal) = &answers[0] else {
        panic!()
    };
    assert_eq!(refusal.kind, BooksRefusalKind::TooMuch);
    assert_eq!(
        desk.last().json()["Payments"][0],
        json!({"Prepayment": {"PrepaymentID": "p-1"}, "Account": {"AccountID": "a-090"}, "Date": "2026-10-05",
               "Amount": 40, "Reference": "HX-R"})
    );
    let void = desk.books.void(DocumentKind::Prepayment, "p-1", "v").await;
    assert!(matches!(void, Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::Forbidden));
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_is_taken_apart() {
    let desk = xero(|asked| {
        let sent = asked.json();
        let all: Vec<&str> = sent["Invoices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["InvoiceNumber"].as_str().unwrap())
            .collect();
        if all.contains(&"HX-bad") {
            return reply(
                400,
                json!({"ErrorNumber": 10, "Elements": [{"ValidationErrors": [
                {"Message": "The document date cannot be before the period lock date, currently set at 30 Sep 2025"}]}]}),
            );
        }
        ok(json!({"Invoices": all.iter().map(|key| shown_invoice(key, &format!("id-{key}"))).collect::<Vec<_>>()}))
    });
    let all: Vec<_> = ["HX-1", "HX-2", "HX-bad", "HX-4"]
        .map(|key| {
            posting(document(
                DocumentKind::Invoice,
                key,
                vec![line("200", "OUTPUT", 100, 10)],
            ))
        })
        .into();
    let answers = desk.books.post(&all).await;
    assert_eq!(
        [0, 1, 3].map(|at| id_of(&answers[at]).to_string()),
        ["id-HX-1", "id-HX-2", "id-HX-4"]
    );
    assert!(matches!(&answers[2], Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::Locked));
}

#[tokio::test]
async fn lists_go_through_all_pages_and_then_ask_what_changed() {
    let desk = xero(|asked| {
        let page = asked.number("page");
        let rows: Vec<Json> = match (asked.header("if-modified-since"), page) {
            ("", 1) => (0..500)
                .map(|n| shown_invoice(&format!("HX-{n}"), &format!("i-{n}")))
                .collect(),
            ("", 2) => vec![shown_invoice("HX-500", "i-500")],
            (_, 1) => vec![shown_invoice("HX-7", "i-7")],
            other => panic!("{other:?}"),
        };
        let count = if asked.header("if-modified-since").is_empty() {
            501
        } else {
            1
        };
        ok(json!({"Invoices": rows, "pagination": {"page": page, "pageSize": 500, "itemCount": count}}))
    });
    let first = desk.books.list(DocumentKind::Invoice, None).await.unwrap();
    assert!(first.more && first.documents.len() == 500);
    let second = desk
        .books
        .list(DocumentKind::Invoice, Some(&first.cursor))
        .await
        .unwrap();
    assert!(!second.more && second.documents.len() == 1);
    let changed = desk
        .books
        .list(DocumentKind::Invoice, Some(&second.cursor))
        .await
        .unwrap();
    assert_eq!((changed.more, changed.documents.len()), (false, 1));
    let since = desk.last().header("if-modified-since").to_string();
    assert!(since.ends_with('Z') && since.len() == 20, "{since}");
}

#[tokio::test]
async fn allocations_are_listed_below_every_credit() {
    let desk = xero(|asked| match asked.path.as_str() {
        "/api/CreditNotes" => ok(json!({"CreditNotes": [{"CreditNoteID": "n-1", "Allocations": [
            {"AllocationID": "al-1", "Amount": 5.5, "Date": "2026-10-05", "Invoice": {"InvoiceID": "i-1"}}]}, {"CreditNoteID": "n-2"}]})),
        "/api/Prepayments" => ok(json!({"Prepayments": []})),
        "/api/Overpayments" => ok(json!({"Overpayments": [{"OverpaymentID": "o-1", "Allocations": [
            {"AllocationID": "al-2", "Amount": 1, "Date": "2026-10-05", "Invoice": {"InvoiceID": "i-2"}}]}]})),
        other => panic!("{other}"),
    });
    let (mut cursor, mut all) = (None, Vec::new());
    loop {
        let page = desk
            .books
            .list(DocumentKind::Allocation, cursor.as_deref())
            .await
            .unwrap();
        all.extend(page.documents);
        if !page.more {
            break;
        }
        cursor = Some(page.cursor);
    }
    let told: Vec<_> = all
        .iter()
        .map(|a| {
            (
                a.remote_id.as_str(),
                a.of.as_deref().unwrap(),
                a.to.as_deref().unwrap(),
                a.total.0,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("credit_note/n-1/al-1", "n-1", "i-1", 550),
            ("overpayment/o-1/al-2", "o-1", "i-2", 100)
        ]
    );
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_limit_is_for_later() {
    let desk = xero(
        |asked| match asked.json()["Payments"][0]["Reference"].as_str().unwrap() {
            "HX-lost" => reply(503, json!({})),
            "HX-day" => reply(429, json!({}))
                .with("x-rate-limit-problem", "day")
                .with("retry-after", "3600"),
            _ => ok(json!({"Payments": []})),
        },
    );
    let mut answers = Vec::new();
    for key in ["HX-lost", "HX-none", "HX-day"] {
        let mut payment = posting(money(DocumentKind::Payment, key, 100));
        payment.of = Some((DocumentKind::Invoice, "i-1".into()));
        answers.extend(desk.books.post(&[payment]).await);
    }
    assert!(matches!(answers[0], Posted::Unknown(_)));
    assert!(
        matches!(answers[1], Posted::Unknown(_)),
        "an answer that passes a document over proves nothing"
    );
    assert!(matches!(&answers[2], Posted::Later(error) if matches!(error.failure, adapter_kit::Failure::DayBudget(_))));
}
