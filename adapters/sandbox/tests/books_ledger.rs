//! The general ledger behind the accounting stand-in: every document posts by double entry, and reports agree.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use common::books::{Office, invoice};
use serde_json::{Value, json};

#[tokio::test]
async fn documents_and_payments_post_to_the_accounts_they_name() {
    let office = Office::open(Manners::Real).await;
    let taxed = office.invoice("A. Samplewood", 100.05, "201").await;
    assert_eq!(
        (taxed["SubTotal"].as_f64(), taxed["TotalTax"].as_f64()),
        (Some(100.05), Some(10.01))
    );
    assert_eq!(office.balance("610").await, 11_006);
    assert_eq!(office.balance("201").await, -10_005);
    assert_eq!(office.balance("820").await, -1_001);
    office.pay(&taxed, 60.0, "651").await;
    assert_eq!(
        (office.balance("651").await, office.balance("610").await),
        (6_000, 5_006)
    );
    // A credit note takes income and tax back; its refund leaves by the account it came by.
    let note = office
        .make(
            "CreditNotes",
            json!({
                "Type": "ACCRECCREDIT", "Contact": {"Name": "A. Samplewood"}, "Date": "2026-03-02", "Status": "AUTHORISED",
                "LineAmountTypes": "Inclusive",
                "LineItems": [{"Description": "Back", "Quantity": 1, "UnitAmount": 22, "AccountCode": "201"}],
            }),
        )
        .await;
    assert_eq!(
        (note["SubTotal"].as_f64(), note["TotalTax"].as_f64()),
        (Some(20.0), Some(2.0))
    );
    assert_eq!(office.balance("610").await, 2_806);
    assert_eq!(office.balance("820").await, -801);
    office
        .make(
            "Payments",
            json!({"CreditNote": {"CreditNoteID": note["CreditNoteID"]}, "Account": {"Code": "651"}, "Amount": 22}),
        )
        .await;
    assert_eq!(
        (office.balance("651").await, office.balance("610").await),
        (3_800, 5_006)
    );
    let debtors = office.report("debtors?at=2026-03-20").await;
    assert_eq!(debtors["total"], 5_006);
    assert_eq!(debtors["contacts"][0]["aged"]["1_30"], 5_006);
}

#[tokio::test]
async fn a_prepayment_waits_on_its_own_account_until_it_is_allocated() {
    let office = Office::open(Manners::Real).await;
    let made = office
        .make(
            "BankTransactions",
            json!({
                "Type": "RECEIVE-PREPAYMENT", "Contact": {"Name": "B. Testova"}, "BankAccount": {"Code": "090"},
                "Date": "2026-03-01", "LineAmountTypes": "Inclusive",
                "LineItems": [
                    {"Description": "Deposit", "Quantity": 1, "UnitAmount": 33.35, "AccountCode": "201", "TaxType": "OUTPUT"},
                    {"Description": "Deposit", "Quantity": 1, "UnitAmount": 66.65, "AccountCode": "850"},
                ],
            }),
        )
        .await;
    assert_eq!(office.balance("090").await, 10_000);
    assert_eq!(office.balance("850").await, -6_665);
    assert_eq!(
        (office.balance("201").await, office.balance("820").await),
        (-3_032, -303)
    );
    assert_eq!(office.balance("610").await, 0);
    let debtors = office.report("debtors").await;
    assert_eq!(
        (&debtors["contacts"][0]["owed"], &debtors["contacts"][0]["prepaid"]),
        (&json!(0), &json!(10_000))
    );
    let path = format!("Prepayments/{}/Allocations", made["PrepaymentID"].as_str().unwrap());
    let first = office.invoice("B. Testova", 70.0, "200").await;
    let set_off =
        json!({"Allocations": [{"Invoice": {"InvoiceID": first["InvoiceID"]}, "Amount": 70, "Date": "2026-03-02"}]});
    let done = office.call("PUT", &path, set_off).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(office.balance("610").await, 0);
    // The rest goes back to the payer.
    office
        .make(
            "Payments",
            json!({"Prepayment": {"PrepaymentID": made["PrepaymentID"]}, "Account": {"Code": "090"}, "Amount": 30}),
        )
        .await;
    for (code, cents) in [
        ("090", 7_000),
        ("850", 0),
        ("201", 0),
        ("820", 0),
        ("200", -7_000),
        ("610", 0),
    ] {
        assert_eq!(office.balance(code).await, cents, "{code}");
    }
    // Taken back, the allocation leaves the invoice due and the deposit held again.
    let id = done.body["Allocations"][0]["AllocationID"].as_str().unwrap();
    let undone = office.call("DELETE", &format!("{path}/{id}"), Value::Null).await;
    assert_eq!((undone.status, &undone.body["IsDeleted"]), (200, &json!(true)));
    assert_eq!(office.balance("610").await, 7_000);
    let held = office.balance("850").await + office.balance("201").await + office.balance("820").await;
    assert_eq!(held, -7_000);
}

#[tokio::test]
async fn an_overpayment_is_a_debt_to_the_payer() {
    let office = Office::open(Manners::Real).await;
    let made = office
        .make(
            "BankTransactions",
            json!({
                "Type": "RECEIVE-OVERPAYMENT", "Contact": {"Name": "C. Probe"}, "BankAccount": {"Code": "090"},
                "Date": "2026-03-01", "LineItems": [{"Description": "Too much", "LineAmount": 25}],
            }),
        )
        .await;
    assert_eq!(
        (office.balance("090").await, office.balance("610").await),
        (2_500, -2_500)
    );
    let due = office.invoice("C. Probe", 20.0, "200").await;
    let path = format!("Overpayments/{}/Allocations", made["OverpaymentID"].as_str().unwrap());
    let set_off =
        json!({"Allocations": [{"Invoice": {"InvoiceID": due["InvoiceID"]}, "Amount": 20, "Date": "2026-03-02"}]});
    assert_eq!(office.call("PUT", &path, set_off).await.status, 200);
    assert_eq!(office.balance("610").await, -500);
    let debtors = office.report("debtors?at=2026-03-02").await;
    assert_eq!(
        (&debtors["contacts"][0]["owed"], &debtors["contacts"][0]["credit"]),
        (&json!(-500), &json!(-500))
    );
}

#[tokio::test]
async fn reports_are_cut_by_day_and_by_tracking() {
    let office = Office::open(Manners::Real).await;
    let mut tracked = invoice("D. Mustermann", 80.0, "200");
    tracked["LineItems"][0]["Tracking"] = json!([{"Name": "Practitioner", "Option": "Dr Alder"}]);
    let mut later = tracked.clone();
    later["Date"] = json!("2026-04-01");
    later["LineItems"][0]["Tracking"] = json!([{"Name": "Location", "Option": "Online"}]);
    office.make("Invoices", tracked).await;
    office.make("Invoices", later).await;
    let march = office.report("trial-balance?at=2026-03-31").await;
    assert_eq!(march["total_debit"], 8_000);
    let april = office
        .report("trial-balance?from=2026-04-01&at=2026-04-30&tracking=true")
        .await;
    let income = &april["accounts"][0];
    assert_eq!((&income["code"], &income["credit"]), (&json!("200"), &json!(8_000)));
    assert_eq!(income["tracking"], json!({"Location": "Online"}));
    let postings = office.report("postings?at=2026-03-31").await;
    assert_eq!(postings.as_array().unwrap().len(), 2);
    assert_eq!(postings[0]["source"], "Invoice");
    let wrong = office
        .desk
        .control("GET", "books/trial-balance?at=today", Value::Null)
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(
        office.desk.control("GET", "books/poetry", Value::Null).await.status,
        404
    );
}

#[tokio::test]
async fn drafts_and_voided_documents_post_nothing() {
    let office = Office::open(Manners::Real).await;
    let mut draft = invoice("E. Draft", 50.0, "200");
    draft["Status"] = json!("DRAFT");
    office.make("Invoices", draft).await;
    let voided = office.invoice("E. Draft", 60.0, "200").await;
    let path = format!("Invoices/{}", voided["InvoiceID"].as_str().unwrap());
    let done = office.call("POST", &path, json!({"Status": "VOIDED"})).await;
    assert_eq!(done.body["Invoices"][0]["Status"], "VOIDED", "{}", done.text);
    assert_eq!(office.report("trial-balance").await["accounts"], json!([]));
    assert_eq!(office.report("debtors").await["contacts"], json!([]));
}

/// Whatever people do to the books at the screen, debits stay equal to credits and debtors to what is due.
#[tokio::test]
async fn whatever_people_do_the_books_balance() {
    let office = Office::open(Manners::Real).await;
    let edit = |kind: &'static str, id: &Value, patch: Value| {
        let path = format!("records/books/{kind}/{}", id.as_str().unwrap());
        let desk = &office.desk;
        async move {
            let answer = desk.control("PATCH", &path, patch).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.body
        }
    };
    let sold = office.invoice("F. Person", 100.0, "201").await;
    let paid = office.pay(&sold, 110.0, "651").await;
    office.lock(json!("2026-03-31")).await;
    // A line of a paid, locked invoice moves to another account; the tax stays.
    let line = &sold["LineItems"][0]["LineItemID"];
    let shown = edit(
        "invoices",
        &sold["InvoiceID"],
        json!({"LineItems": [{"LineItemID": line, "AccountCode": "202"}]}),
    )
    .await;
    assert_eq!(
        (&shown["Status"], shown["TotalTax"].as_f64()),
        (&json!("PAID"), Some(10.0))
    );
    assert_eq!((office.balance("201").await, office.balance("202").await), (0, -10_000));
    // Its amount changes: the payment is now too little.
    let shown = edit(
        "invoices",
        &sold["InvoiceID"],
        json!({"LineItems": [{"LineItemID": line, "UnitAmount": 120}]}),
    )
    .await;
    assert_eq!(
        (&shown["Status"], shown["AmountDue"].as_f64()),
        (&json!("AUTHORISED"), Some(22.0))
    );
    assert_eq!(office.balance("610").await, 2_200);
    // The payment changes its amount, account and day.
    edit(
        "payments",
        &paid["PaymentID"],
        json!({"Amount": 100, "Account": {"Code": "652"}, "Date": "2026-02-02"}),
    )
    .await;
    assert_eq!((office.balance("651").await, office.balance("652").await), (0, 10_000));
    assert_eq!(office.report("debtors").await["total"], 3_200);
    let february = office.report("trial-balance?at=2026-02-28").await;
    assert_eq!(
        (&february["balanced"], &february["total_debit"]),
        (&json!(true), &json!(10_000))
    );
    // The invoice changes its day and its contact, and an account is archived and renamed.
    edit(
        "invoices",
        &sold["InvoiceID"],
        json!({"Date": "2026-03-09", "Contact": {"Name": "G. Other"}}),
    )
    .await;
    let accounts = office.get("Accounts?where=Code%3D%3D%22202%22").await;
    edit(
        "accounts",
        &accounts.body["Accounts"][0]["AccountID"],
        json!({"Status": "ARCHIVED", "Code": "X202"}),
    )
    .await;
    assert_eq!(office.balance("X202").await, -12_000);
    let debtors = office.report("debtors?at=2026-03-31").await;
    assert_eq!(
        (&debtors["contacts"][0]["name"], &debtors["contacts"][0]["owed"]),
        (&json!("G. Other"), &json!(3_200))
    );
    // A deposit is edited, half allocated, then voided: its allocation goes with it.
    office.lock(Value::Null).await;
    let deposit = office
        .make(
            "BankTransactions",
            json!({
                "Type": "RECEIVE-PREPAYMENT", "Contact": {"Name": "G. Other"}, "BankAccount": {"Code": "090"},
                "LineAmountTypes": "NoTax", "LineItems": [{"Description": "Deposit", "UnitAmount": 50, "AccountCode": "850"}],
            }),
        )
        .await;
    let path = format!("Prepayments/{}/Allocations", deposit["PrepaymentID"].as_str().unwrap());
    let set_off =
        json!({"Allocations": [{"Invoice": {"InvoiceID": sold["InvoiceID"]}, "Amount": 20, "Date": "2026-03-09"}]});
    assert_eq!(office.call("PUT", &path, set_off).await.status, 200);
    let shown = office
        .desk
        .control("GET", "records/books/prepayments", Value::Null)
        .await;
    let line = &shown.body[0]["LineItems"][0]["LineItemID"];
    edit(
        "prepayments",
        &deposit["PrepaymentID"],
        json!({"LineItems": [{"LineItemID": line, "UnitAmount": 40}]}),
    )
    .await;
    assert_eq!(
        (office.balance("090").await, office.balance("850").await),
        (4_000, -2_000)
    );
    assert_eq!(office.balance("610").await, 1_200);
    let path = format!(
        "records/books/prepayments/{}",
        deposit["PrepaymentID"].as_str().unwrap()
    );
    assert_eq!(office.desk.control("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!((office.balance("090").await, office.balance("850").await), (0, 0));
    assert_eq!(
        (office.balance("610").await, &office.report("debtors").await["total"]),
        (3_200, &json!(3_200))
    );
    // Voiding a part-paid invoice deletes its payment.
    let path = format!("records/books/invoices/{}", sold["InvoiceID"].as_str().unwrap());
    assert_eq!(office.desk.control("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(office.report("trial-balance").await["accounts"], json!([]));
    let shown = office
        .get(&format!("Payments/{}", paid["PaymentID"].as_str().unwrap()))
        .await;
    assert_eq!(shown.body["Payments"][0]["Status"], "DELETED");
}
