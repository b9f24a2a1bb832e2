//! What people do around the books: previews and approvals, changes on both sides, tasks, statements and settlements.

use crate::common::{connect, run_in};
use crate::desk::{Desk, without_approvals};
use reqwest::Method;
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_previewed_posted_and_proved_and_what_people_change_is_corrected() {
    let desk = Desk::open("40").await;
    // Nobody signed in: every command says how to.
    let ran = desk.ledger(&["preview"]);
    assert!(ran.code != 0 && ran.stderr.contains("connect books"), "{ran:?}");
    connect(desk.path()).await;
    let check = run_in(desk.path(), &["check"]);
    assert!(!check.stderr.contains("ledger.toml"), "{check:?}");

    let (_, preview) = desk.json(&["preview"]);
    assert_eq!(preview["approved"], false);
    assert!(preview["documents"].as_u64().unwrap() > 10, "{preview}");
    let sum = |side: &str| -> f64 {
        let rows = preview["accounts"].as_array().unwrap().iter();
        rows.map(|row| row[side].as_str().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    assert!((sum("debit") - sum("credit")).abs() < 0.001, "{preview}");
    assert!(desk.posted().await.is_empty(), "a preview posts nothing");
    // Not approved: nothing goes out.
    desk.ledger(&["post"]);
    assert!(desk.posted().await.is_empty());

    let (code, post) = desk.json(&["post", "--yes"]);
    assert_eq!(
        (code, &post["held"], &post["trouble"]),
        (0, &json!([]), &json!([])),
        "{post}"
    );
    let before = desk.posted().await;
    assert!(!before.is_empty());
    let (code, proof) = desk.prove();
    assert_eq!((code, &proof["holds"]), (0, &json!(true)), "{proof}");
    let status = run_in(desk.path(), &["status"]);
    assert!(status.stdout.contains("Books: "), "{status:?}");
    assert!(
        status.stdout.contains(": no difference."),
        "a proof by hand counts: {status:?}"
    );

    // The close is signed; nobody signs twice, and the month only once every step is.
    let month = desk.month.clone();
    let (_, close) = desk.json(&["close", &month, "--sign", "4", "--note", "looked at", "--by", "Dana"]);
    let signed = &close["steps"][3]["signed"];
    assert_eq!(
        (&signed["by"], &signed["stands"]),
        (&json!("Dana"), &json!(true)),
        "{close}"
    );
    assert_eq!(
        (&close["signed"], &close["steps"][0]["signed"]),
        (&json!(null), &json!(null))
    );
    for (step, why) in [
        ("4", "Dana has signed it already"),
        ("month", "not signed as they stand"),
        ("11", "no step"),
    ] {
        let ran = desk.ledger(&["close", &month, "--sign", step]);
        assert!(!matches!(ran.code, 0 | 3) && ran.stderr.contains(why), "{ran:?}");
    }

    // Somebody changes an invoice in Halaxy, somebody else deletes a payment in the books.
    let number = desk.unpaid().await["InvoiceNumber"]
        .as_str()
        .unwrap()
        .replace("HX-", "");
    let lines = desk.control.get("records/halaxy/InvoiceLine").await;
    let of = |l: &&Json| {
        l["invoice"]["reference"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/{number}"))
    };
    let line = lines.as_array().unwrap().iter().find(of).unwrap();
    let more = json!({ "quantity": line["quantity"].as_f64().unwrap() + 1.0 });
    let path = format!("records/halaxy/InvoiceLine/{}", line["id"].as_str().unwrap());
    desk.act(Method::PATCH, &path, more).await;
    let payments = desk.control.get("records/books/payments").await;
    let ours = |p: &&Json| p["Reference"].as_str().is_some_and(|r| r.starts_with("HX-P"));
    let payment = payments.as_array().unwrap().iter().find(ours).unwrap();
    let key = payment["Reference"].as_str().unwrap();
    let path = format!("records/books/payments/{}", payment["PaymentID"].as_str().unwrap());
    desk.act(Method::DELETE, &path, json!({})).await;

    let (code, drift) = desk.json(&["drift"]);
    assert_eq!(code, 3, "{drift}");
    let differs = |subject: &str| {
        drift["differences"]
            .as_array()
            .unwrap()
            .iter()
            .any(|d| d["subject"] == subject)
    };
    assert!(differs(&format!("invoice {number}")) && differs(key), "{drift}");
    assert_eq!(drift["proposed"].as_array().unwrap().len(), 1, "{drift}");
    assert_eq!(drift["proposed"][0]["key"], format!("HX-{number}-R2"));
    assert_eq!(drift["voided_in_books"], json!([key]));
    assert_eq!(desk.prove().0, 3);
    let (_, close) = desk.json(&["close", &month]);
    let signed = &close["steps"][3]["signed"];
    let changes = signed["changes"].as_array().unwrap().iter();
    let mut changes = changes.map(|change| change.as_str().unwrap());
    assert_eq!(signed["stands"], false, "{close}");
    assert!(
        changes.any(|change| change.starts_with("differences: 0 then, ")),
        "{close}"
    );

    assert_eq!(desk.ledger(&["repost", "HX-P1"]).code, 2, "nobody voided that");
    assert_eq!(desk.ledger(&["repost", key]).code, 0);
    let (code, post) = desk.json(&["post"]);
    assert_eq!((code, &post["posted"]), (0, &json!(2)), "{post}");
    let (code, proof) = desk.prove();
    assert_eq!(code, 0, "{proof}");
    assert_eq!(desk.json(&["drift"]).0, 0);
    let after = desk.posted().await;
    let new: Vec<&String> = after.difference(&before).collect();
    let invoice = after.contains(&format!("invoices HX-{number}-R2"));
    assert!(
        invoice && after.contains(&format!("payments {key}-R2")) && new.len() == 2,
        "{new:?}"
    );
    assert!(!after.contains(&format!("payments {key}")), "it stays deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_recorded_in_the_books_is_a_task_until_halaxy_shows_it_and_is_not_posted_again() {
    let desk = Desk::open("30").await;
    connect(desk.path()).await;
    assert_eq!(desk.ledger(&["post", "--yes"]).code, 0);
    let invoice = desk.unpaid().await;
    let number = invoice["InvoiceNumber"].as_str().unwrap().replace("HX-", "");
    // By hand, into the bank account instead of a clearing account.
    let paid = json!({ "Invoice": { "InvoiceID": invoice["InvoiceID"] }, "Account": { "Code": "090" },
        "Amount": invoice["AmountDue"], "Date": format!("{}-28", desk.month), "Reference": "by hand" });
    desk.act(Method::POST, "records/books/payments", paid).await;
    let (code, told) = desk.json(&["tasks"]);
    assert_eq!((code, &told["tasks"][0]["invoice"]), (3, &json!(number)), "{told}");

    let amount = json!({ "value": invoice["AmountDue"], "currency": "AUD" });
    let recorded = json!({ "resourceType": "PaymentTransaction", "type": [{ "text": "Payment" }],
        "method": [{ "text": "Direct deposit" }], "priceComponent": [{ "type": "base", "amount": amount }],
        "subject": { "reference": "Patient/900001", "type": "Patient" },
        "invoice": { "reference": format!("Invoice/{number}"), "type": "Invoice" } });
    let before = desk.posted().await;
    desk.act(Method::POST, "records/halaxy/PaymentTransaction", recorded)
        .await;
    let (code, post) = desk.json(&["post"]);
    assert_eq!(
        (code, &post["posted"], &post["held"]),
        (0, &json!(0), &json!([])),
        "{post}"
    );
    assert_eq!(desk.json(&["tasks"]), (0, json!({ "tasks": [] })));
    assert_eq!(desk.posted().await, before);
    let (code, proof) = desk.prove();
    assert_eq!(code, 0, "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_settlements_are_booked_once_and_tie_out() {
    let desk = Desk::open("60").await;
    let month = desk.month.clone();
    desk.rules(|rules| {
        without_approvals(rules)
            + &format!(
                "[[practitioner]]\npractitioner = [\"PR-500003\"]\nname = \"Dr Kim Mocker\"\nstanding = \"agent\"\n\
                 held_account = \"851\"\nfee_account = \"204\"\nfee_tax = \"OUTPUT\"\n[[practitioner.fee]]\n\
                 from = \"{month}-01\"\npercent = 40\ngst_percent = 10\n[[settlement]]\nname = \"hicaps\"\n\
                 fee_account = \"405\"\nfee_tax = \"INPUT\"\nfee_tax_percent = 10\n"
            )
    });
    connect(desk.path()).await;
    assert_eq!(desk.ledger(&["post", "--yes"]).code, 0);

    let statement = ["statement", &month, "--practitioner", "dr kim mocker"];
    let (code, told) = desk.json(&statement);
    assert_eq!((code, &told["journals"][0]["state"]), (3, &Json::Null), "{told}");
    let (code, told) = desk.json(&[&statement[..], &["--post"]].concat());
    assert_eq!((code, &told["journals"][0]["state"]), (0, &json!("posted")), "{told}");
    let journals = desk.posted().await;
    let (code, _) = desk.json(&[&statement[..], &["--post"]].concat());
    assert_eq!((code, desk.posted().await), (0, journals), "a fee is booked once");

    // What was paid out is told in a file; slips are named by line.
    let paid = desk.path().join("paid.csv");
    let paid = paid.to_str().unwrap();
    std::fs::write(
        paid,
        format!("practitioner,date,amount\nDr Kim Mocker,{month}-30,-100.00\nNobody,{month}-30,5\nDr Kim Mocker,x,5\n"),
    )
    .unwrap();
    let ran = desk.ledger(&[&statement[..], &["--movements", paid]].concat());
    assert!(
        ran.code == 2 && ran.stderr.contains("line 3") && ran.stderr.contains("line 4"),
        "{ran:?}"
    );
    std::fs::write(
        paid,
        format!("practitioner,date,amount\nDr Kim Mocker,{month}-30,-100.00\n"),
    )
    .unwrap();
    let (_, told) = desk.json(&[&statement[..], &["--movements", paid]].concat());
    assert_eq!(
        told["statements"]["practitioners"][0]["held"]["paid_out"],
        json!(10_000),
        "{told}"
    );
    let folder = desk.path().join("statements");
    let ran = desk.ledger(&["statement", &month, "--out", folder.to_str().unwrap()]);
    assert!(folder.join(format!("{month}-DrKimMocker.html")).exists(), "{ran:?}");

    // HICAPS pays what Halaxy shows of it, less a fee on each.
    let payments = desk.control.get("records/halaxy/PaymentTransaction").await;
    let mut rows = String::from("Settlement ID,Settlement Date,Claim ID,Transaction Date,Benefit Paid,Fee\n");
    let mut wanted = 0;
    for p in payments.as_array().unwrap() {
        let words = p.to_string().to_lowercase();
        if !words.contains("hicaps") || words.contains("void") || words.contains("refund") {
            continue;
        }
        let day = p["created"].as_str().unwrap_or_default();
        let zoned: jiff::Timestamp = day.parse().unwrap();
        let day = zoned.in_tz("Australia/Melbourne").unwrap().date();
        let amount = p["priceComponent"][0]["amount"]["value"].as_f64().unwrap();
        rows += &format!("S1,{day},{},{day},{amount:.2},0.55\n", p["id"].as_str().unwrap());
        wanted += 1;
    }
    assert!(wanted > 0);
    let file = desk.path().join("hicaps.csv");
    std::fs::write(&file, rows).unwrap();
    let file = file.to_str().unwrap();
    let (code, told) = desk.json(&["settle", file, "--layout", "hicaps"]);
    assert_eq!(
        (code, told["tied"]["ties"].as_array().unwrap().len()),
        (3, wanted),
        "{told}"
    );
    let (code, told) = desk.json(&["settle", file, "--layout", "hicaps", "--post"]);
    assert_eq!((code, &told["added"]["known_file"]), (0, &json!(true)), "{told}");
    let (code, told) = desk.json(&["tieout", "--method", "hicaps"]);
    assert_eq!((code, &told["ties_out"]), (0, &json!(true)), "{told}");
    let ran = desk.ledger(&["settle", file, "--layout", "nowhere"]);
    assert!(
        ran.code == 2 && ran.stderr.contains("hicaps, tyro, medicare, card"),
        "{ran:?}"
    );
    let (code, proof) = desk.prove();
    assert_eq!(code, 0, "{}", proof["proof"]["differences"]);
}
