//! Differences that people make after everything was posted, in the books and in Halaxy.

use super::desk::Desk;
use super::life::prove;
use adapter_kit::Clock;
use bridge_core::ledger::{DocumentKind, Entry, EntryState, Proof, Purpose, Source};
use bridge_engine::ledger::Ledger;
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashSet};

/// What was planted, and on whom.
pub struct Planter<'a> {
    desk: &'a Desk,
    entries: Vec<Entry>,
    /// Keys of documents that others act on.
    acted_on: HashSet<String>,
    /// Documents and sources that a difference was planted on, or that one touches.
    used: BTreeSet<String>,
    /// What the proof has to name, and nothing else.
    pub planted: BTreeSet<String>,
}

impl<'a> Planter<'a> {
    /// Among what was posted.
    pub fn new(desk: &'a Desk, entries: Vec<Entry>) -> Self {
        let on = entries.iter().flat_map(|e| [&e.document.of, &e.document.to]);
        Planter {
            desk,
            acted_on: on.flatten().cloned().collect(),
            entries,
            used: BTreeSet::new(),
            planted: BTreeSet::new(),
        }
    }

    /// A posted document of that kind and purpose that nobody touched yet, and that nothing acts on.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn document(&mut self, kind: DocumentKind, purpose: Purpose) -> (String, String) {
        let fits = |e: &&Entry| {
            e.document.kind == kind
                && e.purpose == purpose
                && e.state == EntryState::Posted
                && !self.used.contains(e.key())
                && !e.sources.iter().any(|s| self.used.contains(&s.to_string()))
                && !self.acted_on.contains(e.key())
        };
        let found = self.entries.iter().find(fits);
        let entry = found
            .unwrap_or_else(|| panic!("no {kind:?} of {purpose:?} is left"))
            .clone();
        self.used.extend(entry.sources.iter().map(Source::to_string));
        self.used
            .extend([&entry.document.of, &entry.document.to].into_iter().flatten().cloned());
        self.used.insert(entry.key().to_owned());
        (entry.key().to_owned(), entry.remote_id.clone().unwrap())
    }

    fn invoice(&mut self) -> (String, String) {
        self.document(DocumentKind::Invoice, Purpose::Charge)
    }

    fn receipt(&mut self) -> (String, String) {
        self.document(DocumentKind::Payment, Purpose::Receipt)
    }

    /// It was planted.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn note(&mut self, subject: String) {
        assert!(self.planted.insert(subject.clone()), "{subject} was planted twice");
    }

    /// Somebody edits an invoice in the books, found by what it takes off the first line that fits.
    fn edit_line(&mut self, change: impl Fn(&Json) -> Option<Json>) {
        loop {
            let (key, id) = self.invoice();
            let shown = self.desk.sandbox.record("books", "invoices", &id).unwrap();
            let lines = shown["LineItems"].as_array().unwrap();
            let mut kept: Vec<Json> = lines.iter().map(|l| json!({"LineItemID": l["LineItemID"]})).collect();
            let Some((at, patch)) = lines.iter().enumerate().find_map(|(at, l)| Some((at, change(l)?))) else {
                continue;
            };
            for (name, value) in patch.as_object().unwrap() {
                kept[at][name] = value.clone();
            }
            self.edit("invoices", &id, json!({"LineItems": kept}));
            return self.note(key);
        }
    }

    /// Somebody edits a record in the books.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn edit(&self, kind: &str, id: &str, patch: Json) {
        let done = self.desk.sandbox.person_edit("books", kind, id, &patch);
        done.unwrap_or_else(|e| panic!("{kind} {patch}: {e}"));
    }

    /// Somebody removes a record in the books.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn remove(&self, kind: &str, id: &str) {
        self.desk.sandbox.person_delete("books", kind, id).unwrap();
    }

    /// Fourteen of them in the books; `stranger` is a contact that is not ours.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn round_in_books(&mut self, n: usize, stranger: &str) {
        self.edit_line(|l| Some(json!({"UnitAmount": l["UnitAmount"].as_f64()? + 1.0})));
        self.edit_line(|_| Some(json!({"AccountCode": "260"})));
        self.edit_line(|l| (l["TaxType"] == "EXEMPTOUTPUT").then(|| json!({"TaxType": "INPUTTAXED"})));
        self.edit_line(|l| l["Tracking"].get(0).map(|_| json!({"Tracking": []})));
        let (key, id) = self.invoice();
        self.remove("invoices", &id);
        self.note(key);
        let (key, id) = self.invoice();
        self.edit("invoices", &id, json!({"Date": "2026-11-20"}));
        self.note(key);
        let (key, id) = self.invoice();
        self.edit("invoices", &id, json!({"Contact": {"ContactID": stranger}}));
        self.note(key);

        let (key, id) = self.receipt();
        self.remove("payments", &id);
        self.note(key);
        let (key, id) = self.receipt();
        self.edit("payments", &id, json!({"Date": "2026-11-20"}));
        self.note(key);
        let (key, id) = self.receipt();
        self.edit("payments", &id, json!({"Amount": 0.05}));
        self.note(key);
        let (key, id) = self.receipt();
        self.edit("payments", &id, json!({"Account": {"Code": "970"}}));
        self.note(key);
        let (key, id) = self.document(DocumentKind::Allocation, Purpose::Assign);
        self.remove("allocations", id.rsplit('/').next().unwrap());
        self.note(key);

        let (_, id) = self.invoice();
        let mark = format!("by-hand-{n}");
        let extra = json!({"Invoice": {"InvoiceID": id}, "Account": {"Code": "651"}, "Date": "2026-11-03", "Amount": 0.05,
            "Reference": mark});
        self.desk.sandbox.person_create("books", "payments", &extra).unwrap();
        self.note(mark);
        let number = format!("HX-99900{n}");
        let foreign = json!({"Type": "ACCREC", "Status": "AUTHORISED", "InvoiceNumber": number, "Date": "2026-11-03",
            "DueDate": "2026-11-03", "Contact": {"ContactID": stranger}, "LineAmountTypes": "Exclusive",
            "LineItems": [{"Description": "By hand", "Quantity": 1, "UnitAmount": 10, "AccountCode": "260"}]});
        self.desk.sandbox.person_create("books", "invoices", &foreign).unwrap();
        self.note(number);
    }

    fn halaxy(&self, kind: &str, id: &str, patch: Json) {
        let done = self.desk.sandbox.person_edit("halaxy", kind, id, &patch);
        done.unwrap_or_else(|e| panic!("{kind} {patch}: {e}"));
    }

    /// An invoice of which nothing is given up, by its id in Halaxy, and its lines.
    fn billed(&mut self) -> (String, Vec<String>) {
        loop {
            let (key, _) = self.invoice();
            let id = key.trim_start_matches("HX-").split('-').next().unwrap().to_owned();
            let own = &self.desk.month.books.invoices[&id];
            if own.written_off == 0 && own.gross() > 0 {
                return (id, own.lines.iter().map(|l| l.id.clone()).collect());
            }
        }
    }

    /// A payment, by its id in Halaxy, that stands for itself.
    fn paid(&mut self) -> String {
        loop {
            let (key, _) = self.receipt();
            let id = key.trim_start_matches("HX-P").split('-').next().unwrap().to_owned();
            let entry = self.entries.iter().find(|e| e.key() == key).unwrap();
            let invoice = entry.document.of.clone().unwrap();
            let of_invoice = invoice.trim_start_matches("HX-").split('-').next().unwrap();
            if self.desk.month.books.invoices[of_invoice].written_off == 0 {
                return id;
            }
        }
    }

    fn row(&self, invoice: &str, of: &str, method: &str, cents: i64) -> String {
        let body = json!({"resourceType": "PaymentTransaction", "method": [{"text": method}], "type": [{"text": of}],
            "invoice": {"reference": format!("Invoice/{invoice}"), "type": "Invoice"},
            "priceComponent": [{"type": "base", "amount": {"value": cents as f64 / 100.0, "currency": "AUD"}}]});
        self.desk
            .sandbox
            .person_create("halaxy", "PaymentTransaction", &body)
            .unwrap()
    }

    /// Six of them in Halaxy.
    ///
    /// # Panics
    /// If the stand-in does not take it, or nothing is left to plant it on.
    pub fn round_in_halaxy(&mut self) {
        let (id, lines) = self.billed();
        let price = json!([{"type": "base", "amount": {"value": 1234.5, "currency": "AUD"}}]);
        self.halaxy(
            "InvoiceLine",
            &lines[0],
            json!({"unitPriceComponent": price, "code": "80110"}),
        );
        self.note(format!("invoice {id}"));
        let (id, _) = self.billed();
        self.halaxy("Invoice", &id, json!({"status": "cancelled"}));
        self.note(format!("invoice {id}"));
        let (id, _) = self.billed();
        let row = self.row(&id, "Payment", "Cash", 100);
        self.note(format!("payment {row}"));
        let (id, _) = self.billed();
        let row = self.row(&id, "Refund", "EFTPOS", 100);
        self.note(format!("payment {row}"));
        let id = self.paid();
        self.desk
            .sandbox
            .person_delete("halaxy", "PaymentTransaction", &id)
            .unwrap();
        self.note(format!("payment {id}"));
        let id = self.paid();
        let former = self.desk.month.books.payments[&id].method;
        let method = if former == "Cash" { "EFTPOS" } else { "Cash" };
        self.halaxy("PaymentTransaction", &id, json!({"method": [{"text": method}]}));
        self.note(format!("payment {id}"));
    }
}

/// Plants a hundred differences after everything was posted; the proof must name each of them once, and nothing else.
///
/// # Panics
/// If it does not, with what it missed and what it named beside.
pub async fn plant_and_prove(desk: &Desk, ledger: &Ledger) -> Proof {
    let stranger = json!({"Name": "Somebody Else", "ContactNumber": "OTHER-1"});
    let stranger = desk.sandbox.person_create("books", "contacts", &stranger).unwrap();
    let mut planter = Planter::new(desk, ledger.entries().await);
    for n in 0..5 {
        planter.round_in_books(n, &stranger);
        planter.round_in_halaxy();
    }
    let planted = planter.planted;
    assert_eq!(planted.len(), 100);
    ledger.sweep(desk.clock.now()).await.unwrap();
    let proof = prove(desk, ledger).await;
    let found: BTreeSet<String> = proof.differences.iter().map(|d| d.subject.clone()).collect();
    let missed: Vec<_> = planted.difference(&found).collect();
    let beside = proof.differences.iter().filter(|d| !planted.contains(&d.subject));
    let more: Vec<_> = beside.collect();
    assert!(
        missed.is_empty() && more.is_empty(),
        "missed {missed:#?}, more {more:#?}"
    );
    assert_eq!(proof.differences.len(), 100, "each is told once");
    proof
}
