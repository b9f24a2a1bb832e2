//! What settles documents in the accounting stand-in, what locks them, and what people may do all the same.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use common::books::{Office, invoice, lined, refused, with};
use serde_json::{Value, json};

#[tokio::test]
async fn paid_and_part_paid_documents_are_locked() {
    let office = Office::open(Manners::Real).await;
    let sold = office.invoice("Payer", 10.0, "200").await;
    let payment = office.pay(&sold, 4.0, "651").await;
    let path = format!("Invoices/{}", sold["InvoiceID"].as_str().unwrap());
    for changes in [
        json!({"Reference": "other"}),
        json!({"Date": "2026-03-05"}),
        json!({"Contact": {"Name": "Other"}}),
        json!({"LineItems": [{"Description": "X", "UnitAmount": 5, "AccountCode": "200"}]}),
        json!({"LineAmountTypes": "Inclusive"}),
        json!({"InvoiceNumber": "HX-OTHER"}),
    ] {
        let told = office.refused("POST", &path, changes).await;
        assert!(told.contains("not of valid status"), "{told}");
    }
    let told = office.refused("POST", &path, json!({"Status": "VOIDED"})).await;
    assert!(told.contains("payments or credit notes allocated"), "{told}");
    let due = office
        .call("POST", &path, json!({"DueDate": "2026-05-01", "SentToContact": true}))
        .await;
    assert_eq!(due.status, 200, "{}", due.text);
    // Payments: not too much, not for nothing, not from anywhere, not for drafts, and unchangeable.
    let base = json!({"Invoice": {"InvoiceID": sold["InvoiceID"]}, "Account": {"Code": "651"}, "Amount": 1});
    for (changes, part) in [
        (json!({"Amount": 6.01}), "exceeds the amount outstanding"),
        (json!({"Amount": 0}), "more than zero"),
        (json!({"Amount": 0.005}), "two decimals"),
        (json!({"Account": {"Code": "200"}}), "enabled for payments"),
        (json!({"Account": {"Code": "659"}}), "archived"),
        (json!({"Account": {"Code": "000"}}), "Account could not be found"),
        (json!({"Account": null}), "Account must be specified"),
        (json!({"Invoice": {"InvoiceID": "none"}}), "Invoice could not be found"),
        (json!({"Invoice": null}), "must be specified"),
    ] {
        let told = refused(&office, "Payments", with(base.clone(), changes.clone())).await;
        assert!(told.contains(part), "{changes}: {told}");
    }
    let draft = office
        .make(
            "Invoices",
            with(invoice("Payer", 5.0, "200"), json!({"Status": "DRAFT"})),
        )
        .await;
    let told = refused(
        &office,
        "Payments",
        with(base, json!({"Invoice": {"InvoiceID": draft["InvoiceID"]}})),
    )
    .await;
    assert!(told.contains("Authorised documents"), "{told}");
    let paid = format!("Payments/{}", payment["PaymentID"].as_str().unwrap());
    assert_eq!(office.call("POST", &paid, json!({"Amount": 5})).await.status, 400);
    let gone = office
        .call("POST", &paid, json!({"Payments": [{"Status": "DELETED"}]}))
        .await;
    assert_eq!(gone.body["Payments"][0]["Status"], "DELETED", "{}", gone.text);
    assert_eq!(
        office.call("POST", &paid, json!({"Status": "DELETED"})).await.status,
        400
    );
    assert_eq!(
        office.call("POST", &path, json!({"Status": "VOIDED"})).await.status,
        200
    );
}

#[tokio::test]
async fn credits_are_set_off_within_what_remains_and_what_is_due() {
    let office = Office::open(Manners::Real).await;
    let note = json!({
        "Type": "ACCRECCREDIT", "Contact": {"Name": "Payer"}, "Date": "2026-03-01", "Status": "AUTHORISED",
        "CreditNoteNumber": "HX-C1", "LineItems": [{"Description": "Back", "UnitAmount": 30, "AccountCode": "200"}],
    });
    let made = office.make("CreditNotes", note.clone()).await;
    assert!(
        refused(&office, "CreditNotes", note.clone())
            .await
            .contains("must be unique")
    );
    let discounted = with(
        note,
        json!({
            "CreditNoteNumber": "HX-C2",
            "LineItems": [{"Description": "Back", "UnitAmount": 30, "AccountCode": "200", "DiscountRate": 5}],
        }),
    );
    assert!(refused(&office, "CreditNotes", discounted).await.contains("Discounts"));
    let path = format!("CreditNotes/{}/Allocations", made["CreditNoteID"].as_str().unwrap());
    let set_off = |invoice: &Value, amount: f64| json!({"Allocations": [{"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": "2026-03-02"}]});
    let due = office.invoice("Payer", 20.0, "200").await;
    let other = office.invoice("Other", 20.0, "200").await;
    for (sent, part) in [
        (set_off(&due, 20.01), "exceeds the amount outstanding"),
        (set_off(&due, 30.01), "exceeds the remaining credit"),
        (set_off(&other, 5.0), "same contact"),
        (set_off(&json!({"InvoiceID": "none"}), 5.0), "could not be found"),
        (set_off(&due, 0.0), "more than zero"),
    ] {
        let told = office.refused("PUT", &path, sent).await;
        assert!(told.contains(part), "{told}");
    }
    let done = office.call("PUT", &path, set_off(&due, 20.0)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let shown = office
        .get(&format!("Invoices/{}", due["InvoiceID"].as_str().unwrap()))
        .await;
    assert_eq!(shown.body["Invoices"][0]["Status"], "PAID");
    let note_path = format!("CreditNotes/{}", made["CreditNoteID"].as_str().unwrap());
    let told = office.refused("POST", &note_path, json!({"Status": "VOIDED"})).await;
    assert!(told.contains("payments or credit notes allocated"), "{told}");
    let allocation = done.body["Allocations"][0]["AllocationID"].as_str().unwrap();
    let wrong = format!(
        "Overpayments/{}/Allocations/{allocation}",
        made["CreditNoteID"].as_str().unwrap()
    );
    assert_eq!(office.call("DELETE", &wrong, Value::Null).await.status, 404);
    assert_eq!(
        office
            .call("DELETE", &format!("{path}/{allocation}"), Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(
        office
            .call("DELETE", &format!("{path}/{allocation}"), Value::Null)
            .await
            .status,
        404
    );
    assert_eq!(
        office
            .call("POST", &note_path, json!({"Status": "VOIDED"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn locked_periods_refuse_everything_that_posts_and_name_the_date() {
    let office = Office::open(Manners::Real).await;
    let sold = office.invoice("Payer", 10.0, "200").await;
    let open = office.invoice("Payer", 10.0, "200").await;
    let payment = office.pay(&sold, 4.0, "651").await;
    let note = office
        .make(
            "CreditNotes",
            json!({
                "Type": "ACCRECCREDIT", "Contact": {"Name": "Payer"}, "Date": "2026-03-01", "Status": "AUTHORISED",
                "LineItems": [{"Description": "Back", "UnitAmount": 3, "AccountCode": "200"}],
            }),
        )
        .await;
    office.lock(json!("2026-03-02")).await;
    let shown = office.get("Organisation").await;
    assert_eq!(
        shown.body["Organisations"][0]["PeriodLockDate"],
        "/Date(1772409600000+0000)/"
    );
    let id = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let of = |name: &str, record: &Value| json!({name: {format!("{name}ID"): record[format!("{name}ID")]}});
    let pay = |date: &str| {
        with(
            of("Invoice", &open),
            json!({"Account": {"Code": "651"}, "Amount": 1, "Date": date}),
        )
    };
    let lines = json!([{"LineAmount": 1, "AccountCode": "405"}, {"LineAmount": -1, "AccountCode": "651"}]);
    let received = json!({
        "Type": "RECEIVE", "BankAccount": {"Code": "090"}, "Date": "2026-03-01",
        "LineItems": [{"Description": "X", "UnitAmount": 1, "AccountCode": "260"}],
    });
    let calls = [
        ("PUT", "Invoices".to_owned(), invoice("Payer", 1.0, "200")),
        (
            "POST",
            format!("Invoices/{}", id(&open, "InvoiceID")),
            json!({"Status": "VOIDED"}),
        ),
        (
            "POST",
            format!("Invoices/{}", id(&open, "InvoiceID")),
            json!({"Date": "2026-03-09"}),
        ),
        ("PUT", "Payments".to_owned(), pay("2026-03-02")),
        (
            "POST",
            format!("Payments/{}", id(&payment, "PaymentID")),
            json!({"Status": "DELETED"}),
        ),
        (
            "PUT",
            format!("CreditNotes/{}/Allocations", id(&note, "CreditNoteID")),
            with(of("Invoice", &open), json!({"Amount": 1, "Date": "2026-03-02"})),
        ),
        ("PUT", "BankTransactions".to_owned(), received),
        (
            "PUT",
            "ManualJournals".to_owned(),
            json!({"Narration": "X", "Date": "2026-03-01", "Status": "POSTED", "JournalLines": lines}),
        ),
    ];
    for (method, path, body) in &calls {
        let told = office.refused(method, path, body.clone()).await;
        assert_eq!(
            told, "The document date cannot be before the period lock date, currently set at 02-Mar-2026",
            "{method} {path}"
        );
    }
    // The day after is open; drafts are no matter of the ledger; advisers pass.
    office.make("Payments", pay("2026-03-03")).await;
    office
        .make(
            "Invoices",
            with(invoice("Payer", 1.0, "200"), json!({"Status": "DRAFT"})),
        )
        .await;
    office.set(json!({"passes_lock_dates": true})).await;
    for (method, path, body) in &calls[3..] {
        assert_eq!(
            office.call(method, path, body.clone()).await.status,
            200,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn money_ahead_and_journals_have_rules_of_their_own() {
    let office = Office::open(Manners::Real).await;
    let over = json!({
        "Type": "RECEIVE-OVERPAYMENT", "Contact": {"Name": "Payer"}, "BankAccount": {"Code": "090"}, "Date": "2026-03-01",
        "Reference": "HX:over", "LineItems": [{"Description": "Over", "UnitAmount": 5}],
    });
    let line = |changes: Value| json!({"LineItems": [with(json!({"Description": "Over", "UnitAmount": 5}), changes)]});
    for (changes, part) in [
        (line(json!({"AccountCode": "200"})), "debtors' account"),
        (line(json!({"TaxType": "OUTPUT"})), "holds no tax"),
        (
            json!({"LineItems": [{"LineAmount": 1}, {"LineAmount": 2}]}),
            "exactly one line",
        ),
        (json!({"BankAccount": {"Code": "651"}}), "must be a bank account"),
        (json!({"Contact": null}), "Contact must be specified"),
        (json!({"Type": "SPEND-TRANSFER"}), "Type is one of"),
        (line(json!({"UnitAmount": 0})), "more than zero"),
    ] {
        let told = refused(&office, "BankTransactions", with(over.clone(), changes.clone())).await;
        assert!(told.contains(part), "{changes}: {told}");
    }
    let made = office.make("BankTransactions", over).await;
    // The vendor keeps references of plain receipts only.
    assert_eq!(made["Reference"], "");
    let path = format!("BankTransactions/{}", made["BankTransactionID"].as_str().unwrap());
    assert!(
        office
            .refused("POST", &path, json!({"Status": "DELETED"}))
            .await
            .contains("refund or allocate")
    );
    assert_eq!(office.call("PUT", "Overpayments", json!({})).await.status, 405);
    let plain = office
        .make(
            "BankTransactions",
            json!({
                "Type": "SPEND", "BankAccount": {"Code": "090"}, "Date": "2026-03-01", "Reference": "Fees",
                "LineItems": [{"Description": "Fees", "UnitAmount": 10, "AccountCode": "405"}],
            }),
        )
        .await;
    assert_eq!(
        (&plain["Reference"], office.balance("405").await),
        (&json!("Fees"), 1_000)
    );
    let path = format!("BankTransactions/{}", plain["BankTransactionID"].as_str().unwrap());
    assert_eq!(
        office.call("POST", &path, json!({"Status": "DELETED"})).await.status,
        200
    );
    assert_eq!(office.balance("405").await, 0);

    let journal =
        |lines: Value| json!({"Narration": "Fees", "Date": "2026-03-01", "Status": "POSTED", "JournalLines": lines});
    for (lines, part) in [
        (
            json!([{"LineAmount": 1, "AccountCode": "405"}, {"LineAmount": -2, "AccountCode": "651"}]),
            "differ by -1.00",
        ),
        (
            json!([{"LineAmount": 1, "AccountCode": "610"}, {"LineAmount": -1, "AccountCode": "651"}]),
            "'610'",
        ),
        (
            json!([{"LineAmount": 1, "AccountCode": "090"}, {"LineAmount": -1, "AccountCode": "651"}]),
            "'090'",
        ),
        (json!([{"LineAmount": 0, "AccountCode": "405"}]), "at least two lines"),
        (
            json!([{"LineAmount": 1.005, "AccountCode": "405"}, {"LineAmount": -1.005, "AccountCode": "651"}]),
            "two decimals",
        ),
    ] {
        let told = refused(&office, "ManualJournals", journal(lines.clone())).await;
        assert!(told.contains(part), "{lines}: {told}");
    }
    let lines = json!([{"LineAmount": 9.5, "AccountCode": "405"}, {"LineAmount": -9.5, "AccountCode": "651"}]);
    let made = office.make("ManualJournals", journal(lines)).await;
    assert_eq!(office.balance("405").await, 950);
    let path = format!("ManualJournals/{}", made["ManualJournalID"].as_str().unwrap());
    assert_eq!(
        office.call("POST", &path, json!({"Status": "VOIDED"})).await.status,
        200
    );
    assert_eq!(office.balance("405").await, 0);
    assert_eq!(
        office.call("POST", &path, json!({"Status": "POSTED"})).await.status,
        400
    );
}

#[tokio::test]
async fn people_merge_archive_and_restore() {
    let office = Office::open(Manners::Real).await;
    let sold = office.invoice("Winner", 10.0, "200").await;
    let lost = office.invoice("Loser", 5.0, "200").await;
    let (winner, loser) = (&sold["Contact"]["ContactID"], &lost["Contact"]["ContactID"]);
    let merged = office
        .desk
        .control(
            "POST",
            "merge/books/contacts",
            json!({"winner": winner, "loser": loser}),
        )
        .await;
    assert_eq!((merged.status, &merged.body["id"]), (200, winner));
    let shown = office.get(&format!("Contacts/{}", loser.as_str().unwrap())).await;
    assert_eq!(shown.body["Contacts"][0]["MergedToContactID"], *winner);
    let debtors = office.report("debtors").await;
    assert_eq!(
        (
            debtors["contacts"].as_array().unwrap().len(),
            &debtors["contacts"][0]["owed"]
        ),
        (1, &json!(1_500))
    );
    let path = format!("records/books/contacts/{}", winner.as_str().unwrap());
    assert_eq!(office.desk.control("DELETE", &path, Value::Null).await.status, 204);
    assert!(
        refused(&office, "Invoices", invoice("Winner", 1.0, "200"))
            .await
            .contains("archived")
    );
    assert_eq!(
        office
            .desk
            .control("POST", &format!("{path}/restore"), Value::Null)
            .await
            .status,
        200
    );
    office.invoice("Winner", 1.0, "200").await;
    // An account of one's own, a tax rate of one's own, an option of one's own.
    let account = json!({"Code": "658", "Name": "Tyro Clearing", "Type": "CURRENT", "EnablePaymentsToAccount": true});
    assert_eq!(
        office
            .desk
            .control("POST", "records/books/accounts", account)
            .await
            .status,
        201
    );
    office.pay(&sold, 1.0, "658").await;
    let rate = office
        .desk
        .control(
            "POST",
            "records/books/tax_rates",
            json!({"Name": "Half", "EffectiveRate": 5}),
        )
        .await;
    assert_eq!((rate.status, &rate.body["TaxType"]), (201, &json!("TAX001")));
    let options = json!({"Options": [{"Name": "Dr New"}, {"Name": "Dr Alder", "Status": "ARCHIVED"}]});
    assert_eq!(
        office
            .desk
            .control("PATCH", "records/books/tracking/Practitioner", options)
            .await
            .status,
        200
    );
    let tracked = |option: &str| {
        lined(json!({
            "Description": "Service", "UnitAmount": 10, "AccountCode": "200", "TaxType": "TAX001",
            "Tracking": [{"Name": "Practitioner", "Option": option}],
        }))
    };
    assert!(
        refused(&office, "Invoices", tracked("Dr Alder"))
            .await
            .contains("Dr Alder")
    );
    assert_eq!(
        office.make("Invoices", tracked("Dr New")).await["TotalTax"].as_f64(),
        Some(0.5)
    );
    for (kind, status) in [
        ("accounts", 200),
        ("tax_rates", 200),
        ("tracking", 200),
        ("organisation", 200),
        ("poems", 404),
    ] {
        let listed = office
            .desk
            .control("GET", &format!("records/books/{kind}"), Value::Null)
            .await;
        assert_eq!(listed.status, status, "{kind}");
    }
}
