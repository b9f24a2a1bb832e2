//! The bookkeeping rules that the accounting stand-in holds an app to.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use common::books::{Office, invoice, lined, message, refused, with};
use serde_json::{Value, json};

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
