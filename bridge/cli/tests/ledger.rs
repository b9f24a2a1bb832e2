//! The ledger with the built program, over HTTP: a month is posted and proved, people change things on both sides, bad
//! input is held, and the program is killed in the middle.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Control, Ran, Service, client, practice, run_in, sandbox};
use reqwest::Method;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

/// Stand-ins with a month, and a practice whose books are connected.
struct Desk {
    folder: tempfile::TempDir,
    month: String,
    control: Control,
    url: String,
    _stand_ins: Service,
}

impl Desk {
    async fn open(invoices: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let (stand_ins, ends) = sandbox(&["--month", invoices, "--manners", "polite", "--seed", "5"]);
        let config = practice(folder.path(), &ends, "hubspot");
        let books = &ends["books"];
        let text = std::fs::read_to_string(&config).unwrap();
        let more = format!(
            "[systems.books]\nconnector = \"xero\"\nclient_id = {}\nclient_secret = \"file:books.secret\"\nbase_url = {}\n\
             token_url = {}\nauthorize_url = {}\ntenants_url = {}\n\n[ledger]\nevery = \"1s\"\n\n",
            books["client_id"], books["base_url"], books["token_url"], books["authorize_url"], books["connections_url"]
        );
        let sync = "\n[sync.person]\n";
        std::fs::write(&config, text.replace(sync, &format!("\n{more}{sync}"))).unwrap();
        // The stand-in has no limits worth mentioning: nothing is waited for.
        let connector = folder.path().join("connectors/xero.toml");
        let text = std::fs::read_to_string(&connector).unwrap();
        std::fs::write(&connector, text.replace("calls = 60,", "calls = 6000,")).unwrap();
        std::fs::write(
            folder.path().join("books.secret"),
            books["client_secret"].as_str().unwrap(),
        )
        .unwrap();
        let desk = Desk {
            month: ends["month"].as_str().unwrap().to_owned(),
            control: Control::of(&ends),
            url: ends["control_url"].as_str().unwrap().to_owned(),
            folder,
            _stand_ins: stand_ins,
        };
        let month = desk.month.clone();
        desk.rules(|rules| rules.replace("2026-10-01", &format!("{month}-01")));
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ledger(&self, words: &[&str]) -> Ran {
        run_in(self.path(), &[&["ledger"], words].concat())
    }

    fn json(&self, words: &[&str]) -> (i32, Json) {
        let ran = self.ledger(&[words, &["--json"]].concat());
        assert!(!ran.stdout.is_empty(), "{ran:?}");
        (ran.code, ran.json())
    }

    fn rules(&self, change: impl Fn(String) -> String) {
        let file = self.path().join("ledger.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, change(text)).unwrap();
    }

    /// Signs in: the stand-in's page says yes at once.
    async fn connect(&self) {
        use std::io::{BufRead, BufReader, Read};
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port().to_string()
        };
        let mut child = common::program()
            .args(["connect", "books", "--port", &port, "-c"])
            .arg(self.path().join("bridge.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.trim().starts_with("http://") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no address");
        }
        client().get(line.trim()).send().await.unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
    }

    fn days(&self) -> [String; 2] {
        // Refunds and the like happen after the month; its end is as good as any later day.
        [format!("{}-01", self.month), "2099-12-31".into()]
    }

    fn prove(&self) -> (i32, Json) {
        let [from, to] = self.days();
        self.json(&["prove", "--from", &from, "--to", &to, "--full"])
    }

    async fn act(&self, method: Method, path: &str, body: Json) -> Json {
        let sent = client().request(method, format!("{}/{path}", self.url)).json(&body);
        let answer = sent.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// An invoice of ours in the books that nobody paid anything of.
    async fn unpaid(&self) -> Json {
        let all = self.control.get("records/books/invoices").await;
        let unpaid = |i: &&Json| i["AmountPaid"].as_f64() == Some(0.0) && i["AmountDue"].as_f64() > Some(0.0);
        all.as_array().unwrap().iter().find(unpaid).unwrap().clone()
    }

    /// Calls that brought documents to the books.
    async fn writes(&self) -> usize {
        let calls = self.control.get("calls").await;
        let write = |c: &&Json| c["method"] != "GET" && c["path"].as_str().unwrap().contains("/api.xro/");
        calls.as_array().unwrap().iter().filter(write).count()
    }

    /// Somebody makes an invoice to an insurer in Halaxy, of one line; gives its id.
    async fn invoice(&self, item: &str) -> String {
        let payer = json!({ "reference": "Organization/FD-150021", "type": "Organization" });
        let invoice = json!({ "resourceType": "Invoice", "recipient": payer, "date": format!("{}-20", self.month),
            "status": "active", "type": "invoice", "title": "Example WorkCover" });
        let made = self.act(Method::POST, "records/halaxy/Invoice", invoice).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let line = json!({ "resourceType": "InvoiceLine", "quantity": 1,
            "invoice": { "reference": format!("Invoice/{id}"), "type": "Invoice" },
            "subject": { "reference": "Patient/900001", "type": "Patient" }, "code": item,
            "unitPriceComponent": [{ "type": "base", "amount": { "value": 50.0, "currency": "AUD" } }] });
        self.act(Method::POST, "records/halaxy/InvoiceLine", line).await;
        id
    }

    /// The numbers of everything posted, by kind: no two alike.
    async fn posted(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (kind, name) in [
            ("invoices", "InvoiceNumber"),
            ("credit_notes", "CreditNoteNumber"),
            ("payments", "Reference"),
            ("prepayments", "Reference"),
            ("overpayments", "Reference"),
            ("manual_journals", "Narration"),
        ] {
            for record in self
                .control
                .get(&format!("records/books/{kind}"))
                .await
                .as_array()
                .unwrap()
            {
                let number = format!("{kind} {}", record[name].as_str().unwrap_or_default());
                assert!(all.insert(number.clone()), "{number} is there twice");
            }
        }
        all
    }
}

/// Rules by which nothing waits for a yes.
fn without_approvals(rules: String) -> String {
    rules.replace("approve = [\"write_off\", \"refund\"]", "approve = []")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_previewed_posted_and_proved_and_what_people_change_is_corrected() {
    let desk = Desk::open("40").await;
    // Nobody signed in: every command says how to.
    let ran = desk.ledger(&["preview"]);
    assert!(ran.code != 0 && ran.stderr.contains("connect books"), "{ran:?}");
    desk.connect().await;
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
    desk.connect().await;
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
async fn killed_while_it_posts_it_posts_nothing_twice_and_nothing_not_at_all() {
    let desk = Desk::open("250").await;
    desk.rules(without_approvals);
    desk.connect().await;
    let (_, preview) = desk.json(&["preview"]);
    // Allocations have no numbers of their own.
    let wanted = preview["documents"].as_u64().unwrap() - preview["by_kind"]["Allocation"][0].as_u64().unwrap_or(0);
    for _ in 0..3 {
        let before = desk.writes().await;
        let mut command = common::program();
        command
            .args(["ledger", "post", "--yes", "-c"])
            .arg(desk.path().join("bridge.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut posting = Service(command.spawn().unwrap());
        // As soon as another call with documents has arrived.
        while desk.writes().await == before && posting.0.try_wait().unwrap().is_none() {}
        posting.0.kill().unwrap();
        posting.0.wait().unwrap();
    }
    // What was on its way may need its time to be given up.
    let (code, post) = desk.json(&["post"]);
    assert_eq!((code, &post["unknown"]), (0, &json!(0)), "{post}");
    assert_eq!(desk.posted().await.len() as u64, wanted);
    let (code, proof) = desk.prove();
    assert_eq!(code, 0, "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_held_with_a_remedy_and_everything_else_goes_on() {
    let desk = Desk::open("40").await;
    desk.rules(|rules| {
        let all = "[[rule]]                         # for everything: health services are mostly GST-free\n";
        let known = "category = [\"Psychology\", \"Allied health\", \"Consultations\", \"Bulk billing\", \"Veterans\", \
            \"NDIS supports\", \"NDIS travel\"]\n";
        let massage = "category = [\"Massage\"]\n";
        rules
            .replace(all, &format!("[[rule]]\n{known}"))
            .replace(massage, &format!("{massage}account = \"200\"\n"))
            + "[[rule]]\nitem = [\"NOTAX\"]\naccount = \"200\"\n[[rule]]\nitem = [\"OLD\"]\naccount = \"299\"\n\
               tax = \"EXEMPTOUTPUT\"\n"
    });
    desk.connect().await;
    let mut bad = vec![];
    for item in ["NEW", "NOTAX", "OLD"] {
        bad.push(format!("invoice {}", desk.invoice(item).await));
    }
    let abroad = json!({ "resourceType": "PaymentTransaction", "type": [{ "text": "Payment" }],
        "method": [{ "text": "EFTPOS" }], "subject": { "reference": "Patient/900001", "type": "Patient" },
        "priceComponent": [{ "type": "base", "amount": { "value": 20.0, "currency": "NZD" } }] });
    let abroad = desk
        .act(Method::POST, "records/halaxy/PaymentTransaction", abroad)
        .await;
    bad.push(format!("payment {}", abroad["id"].as_str().unwrap()));
    let lock = format!("{}-10", desk.month);
    desk.act(
        Method::PATCH,
        "records/books/organisation/-",
        json!({ "PeriodLockDate": lock }),
    )
    .await;

    let check = run_in(desk.path(), &["check"]);
    assert!(
        check.stderr.contains("ledger.toml:") && check.stderr.contains("account 299 is archived"),
        "{check:?}"
    );
    let (code, post) = desk.json(&["post", "--yes"]);
    assert_eq!(code, 3, "{post}");
    let held = post["held"].as_array().unwrap();
    assert_eq!(held.len(), 4, "{post}");
    for (subject, (why, remedy)) in bad.iter().zip([
        ("no rule says which account item NEW belongs to", "Add a [[rule]]"),
        ("no rule names a tax rate", "GST-free and BAS-excluded are different"),
        (
            "account 299 is archived in the books",
            "restore the account in the books",
        ),
        ("it is in NZD, the books are in AUD", "Post it by hand"),
    ]) {
        let held = held.iter().find(|h| h["subject"] == **subject).unwrap();
        assert!(held["why"].as_str().unwrap().contains(why), "{held}");
        assert!(held["remedy"].as_str().unwrap().contains(remedy), "{held}");
    }
    // Nothing is dated in the locked period; all of the month is there all the same.
    let (code, proof) = desk.prove();
    assert!(code == 3 && proof["proof"]["differences"] == json!([]), "{proof}");
    for kind in ["invoices", "payments", "manual_journals"] {
        for record in desk
            .control
            .get(&format!("records/books/{kind}"))
            .await
            .as_array()
            .unwrap()
        {
            let day = record["DateString"].as_str().or(record["Date"].as_str()).unwrap();
            let day: String = match day.strip_prefix("/Date(") {
                Some(rest) => {
                    let millis: i64 = rest.split('+').next().unwrap().parse().unwrap();
                    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
                }
                None => day.to_owned(),
            };
            assert!(day[..10] > *lock, "{record}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_posts_by_itself_once_a_person_approved() {
    let desk = Desk::open("20").await;
    desk.connect().await;
    let _service = common::service(desk.path());
    common::arrives(&desk.control, "calls", |calls| calls.to_string().contains("/Accounts")).await;
    assert!(desk.posted().await.is_empty());
    let (code, told) = desk.json(&["post", "--yes"]);
    assert_eq!((code, &told["service"]), (0, &json!(true)), "{told}");
    common::arrives(&desk.control, "records/books/invoices", |all| {
        !all.as_array().unwrap().is_empty()
    })
    .await;
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
    desk.connect().await;
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
