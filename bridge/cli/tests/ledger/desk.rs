//! A practice whose books are connected, with the built program, and the people around it.

use crate::common::{Control, Ran, Service, client, practice, run_in, sandbox};
use reqwest::Method;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Stand-ins with a month, and a practice whose books are connected.
pub struct Desk {
    folder: tempfile::TempDir,
    pub month: String,
    pub control: Control,
    url: String,
    _stand_ins: Service,
}

impl Desk {
    pub async fn open(invoices: &str) -> Desk {
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

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn ledger(&self, words: &[&str]) -> Ran {
        run_in(self.path(), &[&["ledger"], words].concat())
    }

    pub fn json(&self, words: &[&str]) -> (i32, Json) {
        let ran = self.ledger(&[words, &["--json"]].concat());
        assert!(!ran.stdout.is_empty(), "{ran:?}");
        (ran.code, ran.json())
    }

    pub fn rules(&self, change: impl Fn(String) -> String) {
        let file = self.path().join("ledger.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, change(text)).unwrap();
    }

    pub fn days(&self) -> [String; 2] {
        // Refunds and the like happen after the month; its end is as good as any later day.
        [format!("{}-01", self.month), "2099-12-31".into()]
    }

    pub fn prove(&self) -> (i32, Json) {
        let [from, to] = self.days();
        self.json(&["prove", "--from", &from, "--to", &to, "--full"])
    }

    pub async fn act(&self, method: Method, path: &str, body: Json) -> Json {
        let sent = client().request(method, format!("{}/{path}", self.url)).json(&body);
        let answer = sent.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// An invoice of ours in the books that nobody paid anything of.
    pub async fn unpaid(&self) -> Json {
        let all = self.control.get("records/books/invoices").await;
        let unpaid = |i: &&Json| i["AmountPaid"].as_f64() == Some(0.0) && i["AmountDue"].as_f64() > Some(0.0);
        all.as_array().unwrap().iter().find(unpaid).unwrap().clone()
    }

    /// Calls that brought documents to the books.
    pub async fn writes(&self) -> usize {
        let calls = self.control.get("calls").await;
        let write = |c: &&Json| c["method"] != "GET" && c["path"].as_str().unwrap().contains("/api.xro/");
        calls.as_array().unwrap().iter().filter(write).count()
    }

    /// Somebody makes an invoice to an insurer in Halaxy, of one line; gives its id.
    pub async fn invoice(&self, item: &str) -> String {
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
    pub async fn posted(&self) -> BTreeSet<String> {
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
pub fn without_approvals(rules: String) -> String {
    rules.replace("approve = [\"write_off\", \"refund\"]", "approve = []")
}
