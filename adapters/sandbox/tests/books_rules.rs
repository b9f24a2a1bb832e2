//! The bookkeeping rules that the accounting stand-in holds an app to.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use common::books::{Office, invoice, message};
use serde_json::{Value, json};

async fn refused(office: &Office, plural: &str, record: Value) -> String {
    office.refused("PUT", plural, json!({plural: [record]})).await
}

fn with(mut record: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn lined(line: Value) -> Value {
    with(invoice("Payer", 0.0, "200"), json!({"LineItems": [line]}))
}

#[tokio::test]
async fn contacts_are_unique_by_name_and_number_archived_ones_included() {
    let office = Office::open(Manners::Real).await;
    let made = office
        .make("Contacts", json!({"Name": "Alex Sample", "ContactNumber": "HX-1"}))
        .await;
    let id = made["ContactID"].as_str().unwrap().to_owned();
    for (record, part) in [
        (json!({"Name": " alex SAMPLE "}), "must be unique"),
        (json!({"Name": "Other", "ContactNumber": "HX-1"}), "must be unique"),
        (json!({"ContactNumber": "HX-2"}), "name must be specified"),
        (json!({"Name": "x".repeat(256)}), "at most 255"),
        (json!({"Name": "Other", "ContactNumber": "x".repeat(51)}), "at most 50"),
        (
            json!({"Name": "Other", "EmailAddress": "nobody"}),
            "Email address must be valid.",
        ),
    ] {
        let told = refused(&office, "Contacts", record).await;
        assert!(told.contains(part), "{told}");
    }
    // POST finds by number, and by name where no number is given.
    let found = office
        .call(
            "POST",
            "Contacts",
            json!({"ContactNumber": "HX-1", "FirstName": "Alex"}),
        )
        .await;
    assert_eq!(found.body["Contacts"][0]["ContactID"], json!(id), "{}", found.text);
    let found = office
        .call("POST", "Contacts", json!({"Name": "Alex Sample", "LastName": "Sample"}))
        .await;
    assert_eq!(
        (
            &found.body["Contacts"][0]["ContactID"],
            &found.body["Contacts"][0]["FirstName"]
        ),
        (&json!(id), &json!("Alex"))
    );
    let clash = office
        .call(
            "POST",
            "Contacts",
            json!({"ContactNumber": "HX-9", "Name": "Alex Sample"}),
        )
        .await;
    assert!(message(&clash).contains("must be unique"), "{}", clash.text);
    // Archived it keeps its name, and takes no documents.
    office
        .call("POST", &format!("Contacts/{id}"), json!({"ContactStatus": "ARCHIVED"}))
        .await;
    assert!(
        refused(&office, "Contacts", json!({"Name": "Alex Sample"}))
            .await
            .contains("must be unique")
    );
    let told = refused(&office, "Invoices", invoice("Alex Sample", 1.0, "200")).await;
    assert!(told.contains("archived"), "{told}");
    assert_eq!(office.get("Contacts").await.body["Contacts"], json!([]));
    let all = office.get("Contacts?includeArchived=true").await;
    assert_eq!(all.body["Contacts"][0]["ContactStatus"], "ARCHIVED");
    assert_eq!(
        office.get("Contacts/HX-1").await.body["Contacts"][0]["ContactID"],
        json!(id)
    );
    // An invoice for a name nobody has makes the contact.
    let sold = office.invoice("New Name", 1.0, "200").await;
    assert_eq!(
        office.get("Contacts").await.body["Contacts"][0]["ContactID"],
        sold["Contact"]["ContactID"]
    );
}

#[tokio::test]
async fn lines_name_what_exists_and_add_up() {
    let office = Office::open(Manners::Real).await;
    let base = json!({"Description": "Service", "Quantity": 1, "UnitAmount": 10, "AccountCode": "200"});
    for (changes, part) in [
        (json!({"AccountCode": "999"}), "Account code '999' is not a valid code"),
        (json!({"AccountCode": "299"}), "has been archived"),
        (json!({"AccountCode": "090"}), "not a valid code"),
        (json!({"AccountCode": "610"}), "not a valid code"),
        (json!({"AccountCode": "820"}), "not a valid code"),
        (json!({"AccountCode": null}), "must be specified"),
        (json!({"Description": ""}), "Description"),
        (json!({"UnitAmount": null}), "UnitAmount"),
        (json!({"UnitAmount": "ten"}), "not a valid number"),
        (json!({"TaxType": "GST"}), "does not exist"),
        (json!({"TaxType": "INPUT"}), "cannot be used with account code"),
        (json!({"LineAmount": 9.99}), "does not match the expected line total"),
        (
            json!({"TaxType": "OUTPUT", "TaxAmount": 1.02}),
            "does not match the expected tax",
        ),
        (json!({"TaxAmount": 0.01}), "does not match the expected tax"),
        (
            json!({"Tracking": [{"Name": "Region", "Option": "North"}]}),
            "TrackingCategory 'Region'",
        ),
        (
            json!({"Tracking": [{"Name": "Location", "Option": "Moon"}]}),
            "TrackingOption 'Moon'",
        ),
    ] {
        let told = refused(&office, "Invoices", lined(with(base.clone(), changes.clone()))).await;
        assert!(told.contains(part), "{changes}: {told}");
    }
    for (changes, part) in [
        (json!({"LineItems": []}), "line items must be specified"),
        (json!({"DueDate": null}), "DueDate"),
        (json!({"Date": "01/03/2026"}), "not a valid date"),
        (json!({"Type": "ACCPAY"}), "Type"),
        (json!({"Status": "PAID"}), "DRAFT, SUBMITTED or AUTHORISED"),
        (json!({"CurrencyCode": "USD"}), "not subscribed to currency 'USD'"),
        (json!({"LineAmountTypes": "Gross"}), "LineAmountTypes"),
        (json!({"Contact": {}}), "could not be found"),
        (json!({"Contact": null}), "Contact must be specified"),
        (
            json!({"LineItems": [with(base.clone(), json!({"UnitAmount": -1}))]}),
            "less than zero",
        ),
    ] {
        let told = refused(&office, "Invoices", with(invoice("Payer", 1.0, "200"), changes.clone())).await;
        assert!(told.contains(part), "{changes}: {told}");
    }
    assert_eq!(office.report("trial-balance").await["accounts"], json!([]));
}

/// The figures of one line in the answer: amount, tax, and the document's net, tax and total.
async fn figures(office: &Office, query: &str, amounts: &str, line: Value) -> [String; 5] {
    let record = with(lined(line), json!({"LineAmountTypes": amounts}));
    let answer = office
        .call("PUT", &format!("Invoices{query}"), json!({"Invoices": [record]}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let shown = &answer.body["Invoices"][0];
    let line = &shown["LineItems"][0];
    [
        &line["LineAmount"],
        &line["TaxAmount"],
        &shown["SubTotal"],
        &shown["TotalTax"],
        &shown["Total"],
    ]
    .map(Value::to_string)
}

#[tokio::test]
async fn tax_is_rounded_by_line_and_unit_prices_by_what_was_asked() {
    let office = Office::open(Manners::Polite).await;
    let line = |quantity: f64, unit: f64, code: &str| json!({"Description": "Service", "Quantity": quantity, "UnitAmount": unit, "AccountCode": code});
    let cases = [
        (
            "",
            "Exclusive",
            line(1.0, 0.05, "201"),
            ["0.05", "0.01", "0.05", "0.01", "0.06"],
        ),
        (
            "",
            "Exclusive",
            line(3.0, 33.3333, "201"),
            ["99.99", "10.0", "99.99", "10.0", "109.99"],
        ),
        (
            "?unitdp=4",
            "Exclusive",
            line(3.0, 33.3333, "201"),
            ["100.0", "10.0", "100.0", "10.0", "110.0"],
        ),
        (
            "",
            "Inclusive",
            line(1.0, 100.0, "201"),
            ["100.0", "9.09", "90.91", "9.09", "100.0"],
        ),
        (
            "",
            "NoTax",
            line(1.0, 100.0, "201"),
            ["100.0", "0.0", "100.0", "0.0", "100.0"],
        ),
        (
            "",
            "Exclusive",
            line(1.0, 100.0, "200"),
            ["100.0", "0.0", "100.0", "0.0", "100.0"],
        ),
        // A stated tax a cent away is kept.
        (
            "",
            "Exclusive",
            with(line(1.0, 10.05, "201"), json!({"TaxAmount": 1.0})),
            ["10.05", "1.0", "10.05", "1.0", "11.05"],
        ),
        (
            "",
            "Exclusive",
            with(line(1.0, 100.0, "200"), json!({"DiscountRate": 12.5})),
            ["87.5", "0.0", "87.5", "0.0", "87.5"],
        ),
    ];
    for (query, amounts, sent, wanted) in cases {
        assert_eq!(
            figures(&office, query, amounts, sent.clone()).await,
            wanted,
            "{query} {amounts} {sent}"
        );
    }
}

#[tokio::test]
async fn numbers_stay_taken_and_states_go_one_way() {
    let office = Office::open(Manners::Real).await;
    let draft = with(
        invoice("Payer", 10.0, "200"),
        json!({"Status": "DRAFT", "InvoiceNumber": "HX-1"}),
    );
    let made = office.make("Invoices", draft.clone()).await;
    assert!(
        refused(&office, "Invoices", draft.clone())
            .await
            .contains("must be unique")
    );
    let path = format!("Invoices/{}", made["InvoiceID"].as_str().unwrap());
    let set = |status: &'static str| office.call("POST", &path, json!({"Status": status}));
    assert_eq!(set("VOIDED").await.status, 400);
    assert_eq!(set("PAID").await.status, 400);
    assert_eq!(set("NONSENSE").await.status, 400);
    // Found by number, approved, changed while nothing is paid.
    let approved = office
        .call(
            "POST",
            "Invoices",
            json!({"InvoiceNumber": "hx-1", "Status": "AUTHORISED"}),
        )
        .await;
    assert_eq!(
        approved.body["Invoices"][0]["InvoiceID"], made["InvoiceID"],
        "{}",
        approved.text
    );
    let line = json!({"Description": "Two", "Quantity": 2, "UnitAmount": 10, "AccountCode": "200"});
    let changed = office
        .call("POST", &path, json!({"LineItems": [line], "Reference": "R"}))
        .await;
    assert_eq!(
        changed.body["Invoices"][0]["Total"].as_f64(),
        Some(20.0),
        "{}",
        changed.text
    );
    assert_eq!(office.balance("200").await, -2_000);
    assert_eq!(set("DRAFT").await.status, 400);
    assert_eq!(set("DELETED").await.status, 400);
    assert_eq!(set("VOIDED").await.body["Invoices"][0]["Status"], "VOIDED");
    for status in ["AUTHORISED", "DRAFT", "VOIDED"] {
        assert!(message(&set(status).await).contains("not of valid status"));
    }
    assert!(refused(&office, "Invoices", draft).await.contains("must be unique"));
    // Numbers are given where none is sent, and pass over those that are taken.
    office
        .make(
            "Invoices",
            with(invoice("Payer", 1.0, "200"), json!({"InvoiceNumber": "INV-0001"})),
        )
        .await;
    assert_eq!(office.invoice("Payer", 1.0, "200").await["InvoiceNumber"], "INV-0002");
    // Nothing to pay is paid.
    assert_eq!(office.invoice("Payer", 0.0, "200").await["Status"], "PAID");
    assert_eq!(
        office
            .call("POST", "Invoices/none", json!({"Status": "VOIDED"}))
            .await
            .status,
        404
    );
}

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
