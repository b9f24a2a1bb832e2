//! What `quickbooks.toml`, `myob.toml` and `example-books.toml` send and understand, against answers of our own;
//! and what is wrong with a connector's books.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Accounting, BooksRefusalKind, Failure, Posted};
use adapter_rest::Connector;
use bridge_core::ledger::{Cents, Contact, DocumentKind, Status};
use common::books::{Desk, desk, document, id_of, line, money, posting};
use common::stub::{Asked, Reply, empty, ok, reply};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

/// A company with two accounts, one item, one rate and one class; the rest by `answer`.
fn quickbooks(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Desk {
    desk("quickbooks", move |asked| {
        assert_eq!(asked.param("minorversion"), Some("75"));
        let rows = |entity: &str, rows: Json| ok(json!({"QueryResponse": {entity: rows, "startPosition": 1}}));
        let query = asked.param("query").unwrap_or_default();
        let entity = query
            .strip_prefix("select * from ")
            .and_then(|rest| rest.split(' ').next());
        match (asked.path.as_str(), entity) {
            ("/api/companyinfo/4620", _) => ok(json!({"CompanyInfo": {"CompanyName": "Demo", "Country": "AUS"}})),
            ("/api/preferences", _) => ok(json!({"Preferences": {
                "CurrencyPrefs": {"HomeCurrency": {"value": "AUD"}}, "AccountingInfoPrefs": {"BookCloseDate": "2026-06-30"}}})),
            (_, Some("Account")) => rows(
                "Account",
                json!([
                    {"Id": "5", "AcctNum": "090", "Name": "Bank", "AccountType": "Bank", "Active": true},
                    {"Id": "6", "Name": "Clearing", "AccountType": "Other Current Asset", "Active": true},
                ]),
            ),
            (_, Some("Item")) => rows(
                "Item",
                json!([
                {"Id": "5", "Name": "Consultation", "FullyQualifiedName": "Fees:Consultation", "Type": "Service", "Active": true}]),
            ),
            (_, Some("TaxCode")) => rows(
                "TaxCode",
                json!([{"Id": "10", "Name": "GST", "Active": true,
                "SalesTaxRateList": {"TaxRateDetail": [{"TaxRateRef": {"value": "20"}}]}}]),
            ),
            (_, Some("TaxRate")) => rows("TaxRate", json!([{"Id": "20", "RateValue": 10}])),
            (_, Some("Class")) => rows(
                "Class",
                json!([{"Id": "c1", "FullyQualifiedName": "North", "Active": true}]),
            ),
            _ => answer(asked),
        }
    })
}

fn fault(code: &str, message: &str) -> Json {
    json!({"Fault": {"Error": [{"Message": message, "Detail": message, "code": code}], "type": "ValidationFault"}})
}

#[tokio::test]
async fn quickbooks_names_items_rates_and_classes_by_id() {
    let desk = quickbooks(|asked| {
        assert_eq!(asked.path, "/api/invoice");
        let mut shown = asked.json();
        shown["Id"] = json!("77");
        shown["SyncToken"] = json!("0");
        shown["TotalAmt"] = json!(110.0);
        shown["Balance"] = json!(110.0);
        ok(json!({"Invoice": shown}))
    });
    let books = desk.books.books().await.unwrap();
    assert_eq!((books.country.as_str(), books.currency.code()), ("AU", "AUD"));
    assert_eq!(books.locked_to, Some(common::books::day("2026-06-30")));
    assert_eq!(
        books.tax_rate("GST").unwrap().percent,
        Decimal::TEN,
        "a code is the sum of its rates"
    );
    let codes: Vec<&str> = books.accounts.iter().map(|account| account.code.as_str()).collect();
    assert_eq!(codes, ["090", "6", "Consultation"]);

    let mut tracked = line("Consultation", "GST", 10_000, 1_000);
    tracked.tracking = [("Class".to_string(), "North".to_string())].into();
    let answers = desk
        .books
        .post(&[posting(document(DocumentKind::Invoice, "HX-1", vec![tracked]))])
        .await;
    assert_eq!(desk.last().param("requestid"), Some("try-HX-1"));
    assert_eq!(
        desk.last().json(),
        json!({
            "DocNumber": "HX-1", "TxnDate": "2026-10-05", "CustomerRef": {"value": "c-1"},
            "GlobalTaxCalculation": "TaxExcluded", "TxnTaxDetail": {"TotalTax": 10},
            "Line": [{"DetailType": "SalesItemLineDetail", "Amount": 100, "Description": "Consultation",
                "SalesItemLineDetail": {"ItemRef": {"value": "5"}, "Qty": 1, "UnitPrice": 100, "TaxCodeRef": {"value": "10"},
                    "ClassRef": {"value": "c1"}}}],
        })
    );
    let Posted::Applied {
        remote_id,
        shown: Some(shown),
    } = &answers[0]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (remote_id.as_str(), shown.total, shown.tax),
        ("77", Cents(11_000), Some(Cents(1_000)))
    );
    let line = &shown.lines.as_ref().unwrap()[0];
    assert_eq!(
        (line.account.as_str(), line.tax_code.as_deref()),
        ("Consultation", Some("GST")),
        "not account 5"
    );
    assert_eq!(line.tracking["Class"], "North");
    assert!(!desk.books.keeps(DocumentKind::Prepayment) && !desk.books.keeps(DocumentKind::Refund));
}

#[tokio::test]
async fn quickbooks_reads_what_a_write_must_name() {
    let desk = quickbooks(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/api/invoice/77") => {
            ok(json!({"Invoice": {"Id": "77", "SyncToken": "3", "CustomerRef": {"value": "c-9"}}}))
        }
        ("GET", "/api/creditmemo/80") => ok(json!({"CreditMemo": {"Id": "80", "CustomerRef": {"value": "c-9"}}})),
        ("POST", "/api/payment") => {
            let mut shown = asked.json();
            shown["Id"] = json!("90");
            ok(json!({"Payment": shown}))
        }
        ("POST", "/api/invoice") => ok(
            json!({"Invoice": {"Id": "77", "SyncToken": "4", "TxnDate": "2026-10-05",
            "PrivateNote": "Voided", "TotalAmt": 0, "Balance": 0}}),
        ),
        other => panic!("{other:?}"),
    });
    let mut payment = posting(money(DocumentKind::Payment, "HX-P", 4_000));
    payment.of = Some((DocumentKind::Invoice, "77".into()));
    let answers = desk.books.post(&[payment]).await;
    assert_eq!(id_of(&answers[0]), "90");
    let sent = desk.last().json();
    assert_eq!(
        (&sent["CustomerRef"], &sent["DepositToAccountRef"]),
        (&json!({"value": "c-9"}), &json!({"value": "5"}))
    );
    assert_eq!(
        sent["Line"],
        json!([{"Amount": 40, "LinkedTxn": [{"TxnId": "77", "TxnType": "Invoice"}]}])
    );
    let Posted::Applied { shown: Some(shown), .. } = &answers[0] else {
        panic!()
    };
    assert_eq!(
        (shown.of.as_deref(), shown.account.as_deref(), shown.status),
        (Some("77"), Some("090"), Status::Settled)
    );

    let mut allocation = posting(money(DocumentKind::Allocation, "HX-A", 1_000));
    (allocation.of, allocation.to) = (Some((DocumentKind::CreditNote, "80".into())), Some("77".into()));
    let answers = desk.books.post(&[allocation]).await;
    let Posted::Applied {
        remote_id,
        shown: Some(shown),
    } = &answers[0]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (remote_id.as_str(), shown.of.as_deref(), shown.to.as_deref()),
        ("90", Some("80"), Some("77"))
    );
    assert_eq!(shown.total, Cents(1_000));

    let void = desk.books.void(DocumentKind::Invoice, "77", "v-1").await;
    assert_eq!(desk.last().param("operation"), Some("void"));
    assert_eq!(desk.last().json(), json!({"Id": "77", "SyncToken": "3"}));
    assert!(matches!(void, Posted::Applied { shown: Some(shown), .. } if shown.status == Status::Void));
}

#[tokio::test]
async fn quickbooks_faults_and_full_answers() {
    let desk = quickbooks(|asked| match asked.path.as_str() {
        "/api/customer" => ok(fault("6240", "Duplicate Name Exists Error")),
        "/api/invoice" if asked.method == "POST" => reply(400, fault("6140", "Duplicate Document Number Error")),
        "/api/cdc" => {
            let row = json!({"Id": "1", "DocNumber": "HX-1", "TxnDate": "2026-10-05", "TotalAmt": 1, "Balance": 1});
            ok(json!({"CDCResponse": [{"QueryResponse": [{"Invoice": vec![row; 1_000]}]}]}))
        }
        _ => ok(json!({"QueryResponse": {}})),
    });
    let contact = Contact {
        key: "HX-P-1".into(),
        name: "Someone".into(),
    };
    let answers = desk.books.add_contacts(&[contact], "a").await;
    assert!(
        matches!(&answers[0], Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::NameTaken),
        "{answers:?}"
    );
    let invoice = posting(document(
        DocumentKind::Invoice,
        "HX-1",
        vec![line("Consultation", "GST", 100, 10)],
    ));
    let answers = desk.books.post(&[invoice]).await;
    assert!(matches!(&answers[0], Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::NumberTaken));
    assert!(
        desk.books
            .find(DocumentKind::Invoice, &["HX-1".into()])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(desk.last().param("query").unwrap().contains("DocNumber in ('HX-1')"));
    let all = desk.books.list(DocumentKind::Invoice, None).await.unwrap();
    assert!(!all.more);
    let changed = desk.books.list(DocumentKind::Invoice, Some(&all.cursor)).await.unwrap();
    assert!(changed.more, "a thousand may not be all");
    let again = desk
        .books
        .list(DocumentKind::Invoice, Some(&changed.cursor))
        .await
        .unwrap();
    assert!(
        desk.last().param("query").unwrap().starts_with("select * from Invoice"),
        "everything once more"
    );
    assert!(!again.more);
}

fn myob(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Desk {
    desk("myob", move |asked| {
        assert_eq!(
            (asked.header("x-myobapi-key"), asked.header("x-myobapi-version")),
            ("client", "v2")
        );
        let page = |rows: Json| ok(json!({"Count": rows.as_array().unwrap().len(), "Items": rows}));
        match asked.path.as_str() {
            "/api/" => ok(json!({"CompanyFile": {"Name": "Demo", "Country": "AU"}})),
            "/api/Company/Preferences" => {
                ok(json!({"SystemPreferences": {"LockPeriodPriorTo": "2026-06-30T00:00:00"}}))
            }
            "/api/GeneralLedger/Account" => page(json!([
                {"UID": "u-bank", "DisplayID": "1-1110", "Name": "Bank", "Type": "Bank", "IsActive": true, "IsHeader": false},
                {"UID": "u-fees", "DisplayID": "4-1000", "Name": "Fees", "Type": "Income", "IsActive": true, "IsHeader": false},
            ])),
            "/api/GeneralLedger/TaxCode" => page(
                json!([{"UID": "u-gst", "Code": "GST", "Rate": 10.0, "Description": "GST"},
                {"UID": "u-fre", "Code": "FRE", "Rate": 0.0, "Description": "Free"}]),
            ),
            "/api/GeneralLedger/Job" => page(json!([])),
            _ => answer(asked),
        }
    })
}

#[tokio::test]
async fn myob_turns_credit_notes_round_and_states_sides() {
    let desk = myob(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/api/Sale/Invoice/Service") => {
            assert_eq!(asked.param("returnBody"), Some("true"));
            let sent = asked.json();
            let net = sent["Lines"][0]["Total"].as_i64().unwrap();
            ok(
                json!({"UID": "u-1", "Number": sent["Number"], "Date": "2026-10-05T00:00:00", "Lines": sent["Lines"],
                "TotalAmount": net * 11 / 10, "TotalTax": net / 10, "BalanceDueAmount": net * 11 / 10,
                "Status": if net < 0 { "Credit" } else { "Open" }, "RowVersion": "7"}),
            )
        }
        ("POST", "/api/GeneralLedger/GeneralJournal") => {
            let mut shown = asked.json();
            shown["UID"] = json!("u-2");
            ok(shown)
        }
        ("DELETE", "/api/Sale/Invoice/Service/u-1") => empty(200),
        other => panic!("{other:?}"),
    });
    let note = document(
        DocumentKind::CreditNote,
        "HX-N",
        vec![line("4-1000", "GST", 10_000, 1_000)],
    );
    let answers = desk.books.post(&[posting(note)]).await;
    let Posted::Applied { shown: Some(shown), .. } = &answers[0] else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (shown.total, shown.tax, shown.open),
        (Cents(11_000), Some(Cents(1_000)), Some(Cents(11_000)))
    );
    assert_eq!(shown.lines.as_ref().unwrap()[0].net, Cents(10_000));
    let sent = desk.last().json();
    assert_eq!(sent["Lines"][0]["Total"], json!(-100));
    assert_eq!(
        (&sent["Lines"][0]["Account"], &sent["IsTaxInclusive"]),
        (&json!({"UID": "u-fees"}), &json!(false))
    );

    let lines = vec![line("4-1000", "GST", -1_000, -100), line("1-1110", "FRE", 1_100, 0)];
    let answers = desk
        .books
        .post(&[posting(document(DocumentKind::Journal, "HX-J", lines))])
        .await;
    let sent = desk.last().json();
    let sides: Vec<_> = sent["Lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (&l["Amount"], &l["IsCredit"]))
        .collect();
    assert_eq!(sides, [(&json!(10), &json!(true)), (&json!(11), &json!(false))]);
    let Posted::Applied { shown: Some(shown), .. } = &answers[0] else {
        panic!("{answers:?}")
    };
    assert_eq!(shown.lines.as_ref().unwrap()[0].net, Cents(-1_000));
    assert_eq!(shown.key.as_deref(), Some("HX-J"));
    assert_eq!(id_of(&desk.books.void(DocumentKind::Invoice, "u-1", "v").await), "u-1");
}

#[tokio::test]
async fn myob_throttles_with_403() {
    let desk = myob(|asked| {
        let name = if asked.path.ends_with("CustomerPayment") {
            "RateLimitError"
        } else {
            "AccessDenied"
        };
        reply(
            403,
            json!({"Errors": [{"Name": name, "Message": "no", "ErrorCode": 1}]}),
        )
    });
    assert!(desk.books.list(DocumentKind::Payment, None).await.is_err());
    let error = desk.books.list(DocumentKind::Invoice, None).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Scope(_)), "{error:?}");
    let answers = desk
        .books
        .post(&[posting(document(
            DocumentKind::Invoice,
            "HX-1",
            vec![line("4-1000", "GST", 100, 10)],
        ))])
        .await;
    assert!(matches!(&answers[0], Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::Forbidden));
}

#[tokio::test]
async fn the_example_posts_pays_and_finds() {
    let desk = desk("example-books", |asked| {
        let invoice = json!({"id": "i-1", "number": "HX-1", "status": "open", "date": "2026-10-05", "currency": "AUD",
            "customer": {"id": "c-1"}, "total": 110, "tax": 10, "due": 110, "updated_at": "x",
            "lines": [{"account_id": "a2", "tax_id": "t1", "amount": 100, "tax": 10, "department": {"id": "d1"}}]});
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/api/company") => {
                ok(json!({"company": {"name": "X", "country": "NZ", "currency": "AUD", "closed_to": ""}}))
            }
            ("GET", "/api/accounts") => ok(json!({"accounts": [
                {"id": "a1", "code": "090", "name": "Bank", "type": "bank", "archived": false},
                {"id": "a2", "code": "200", "name": "Fees", "type": "income", "archived": false}]})),
            ("GET", "/api/taxes") => {
                ok(json!({"taxes": [{"id": "t1", "code": "GST", "name": "GST", "percent": "10", "archived": false}]}))
            }
            ("GET", "/api/departments") => {
                ok(json!({"departments": [{"id": "d1", "name": "North", "archived": false}]}))
            }
            ("POST", "/api/invoices") => ok(json!({"invoice": invoice})),
            ("GET", "/api/invoices") => ok(json!({"invoices": [invoice], "total": 1})),
            ("POST", "/api/payments") => reply(422, json!({"error": {"code": "exceeds_balance"}})),
            ("GET", "/api/payments") => ok(json!({"payments": [
                {"id": "p-1", "reference": "HX-P", "date": "2026-10-05", "invoice_id": "i-1", "account_id": "a1", "amount": "1.50"}], "total": 1})),
            other => panic!("{other:?}"),
        }
    });
    let mut tracked = line("200", "GST", 10_000, 1_000);
    tracked.tracking = [("Department".to_string(), "North".to_string())].into();
    let answers = desk
        .books
        .post(&[posting(document(DocumentKind::Invoice, "HX-1", vec![tracked]))])
        .await;
    assert_eq!(id_of(&answers[0]), "i-1");
    assert_eq!(desk.last().json()["lines"][0]["department_id"], json!("d1"));
    let found = desk
        .books
        .find(DocumentKind::Invoice, &["HX-1".into(), "HX-2".into()])
        .await
        .unwrap();
    assert_eq!(
        (
            found.len(),
            found[0].lines.as_ref().unwrap()[0].tracking["Department"].as_str()
        ),
        (1, "North")
    );
    assert_eq!(desk.last().param("numbers"), Some("HX-1,HX-2"));
    let mut payment = posting(money(DocumentKind::Payment, "HX-P", 1));
    payment.of = Some((DocumentKind::Invoice, "i-1".into()));
    let answers = desk.books.post(&[payment]).await;
    assert!(matches!(&answers[0], Posted::Refused(refusal) if refusal.kind == BooksRefusalKind::TooMuch));
    let found = desk.books.find(DocumentKind::Payment, &["HX-P".into()]).await.unwrap();
    assert_eq!(
        (found[0].total, found[0].account.as_deref()),
        (Cents(150), Some("090")),
        "the list was gone through"
    );
}

fn findings(from: &str, to: &str) -> Vec<String> {
    let good = adapter_rest::shipped::connector("example-books").unwrap();
    assert!(good.contains(from), "{from}");
    let Err(problems) = Connector::parse("my.toml", &good.replacen(from, to, 1)) else {
        panic!("{to} is taken");
    };
    problems
        .iter()
        .map(|p| format!("{}: {} | {}", p.line, p.message, p.remedy))
        .collect()
}

#[test]
fn mistakes_in_books_are_named_with_line_and_remedy() {
    let one = |from: &str, to: &str| {
        let found = findings(from, to);
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0]
            .split_once(": ")
            .map(|(line, rest)| (line.parse::<usize>().unwrap() > 1, rest.to_string()))
            .unwrap()
    };
    for (from, to, says) in [
        (
            "\n[books.accounts]",
            "\n[books.acounts]",
            "`accounts` is missing in [books]",
        ),
        (
            "= \"{{ line.net }}\"",
            "= \"{{ lin.net }}\"",
            "`lin.net` is nothing that can stand here",
        ),
        ("means = \"locked\"", "means = \"lockd\"", "`lockd`"),
        (
            "query   = { numbers = \"{{ keys | join(',') }}\", status = \"any\" }",
            "",
            "the call never says what is looked up",
        ),
        (
            "void     = { status = \"void\" }",
            "voyd     = { status = \"void\" }",
            "`voyd` is not known here",
        ),
        ("only    = \"Department\"", "", "tracking needs either `name` or `only`"),
        ("date     = \"date\"", "", "`date`"),
    ] {
        let found = findings(from, to);
        assert!(found.iter().any(|finding| finding.contains(says)), "{says}: {found:#?}");
        assert!(found.iter().all(|finding| finding.contains(" | ")), "{found:#?}");
    }
    let (placed, text) = one("bank           = { type = \"bank\" }", "");
    assert!(placed && text.contains("`bank` is missing"), "{text}");
    let both = "headers = { \"Idempotency-Key\" = \"{{ attempt }}\" }\nbatch = 9\nrecords = \"invoice\"";
    let (_, text) = one(
        "headers = { \"Idempotency-Key\" = \"{{ attempt }}\" }\nrecords = \"invoice\"",
        both,
    );
    assert!(text.contains("a batch needs `item`"), "{text}");
}
