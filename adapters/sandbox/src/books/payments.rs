//! Payments of invoices, refunds of credits, and credits set off against invoices.

use serde_json::{Value, json};

use super::dates;
use super::documents::Detail;
use super::ledger::{Act, Allocation, Kind, Ledger, Payment, Status};
use super::members::{day, flag, member, text};
use super::money::{Cents, cents_of, number};
use super::problem::Problem;

const KINDS: [Kind; 4] = [Kind::Invoice, Kind::CreditNote, Kind::Prepayment, Kind::Overpayment];

impl Ledger {
    /// The document that a payment names: `{"Invoice": {"InvoiceID": ..}}`, by number, or `InvoiceNumber` beside it.
    fn paid_document(&self, sent: &Value) -> Result<usize, Problem> {
        for kind in KINDS {
            let name = kind.name();
            let (id, number) = (format!("{name}ID"), format!("{name}Number"));
            let asked = match member(sent, name) {
                Some(part) => text(part, &id).or_else(|| text(part, &number)),
                None => text(sent, &number),
            };
            if let Some(asked) = asked {
                return self
                    .document(kind, &asked)
                    .ok_or_else(|| Problem::of(format!("{name} could not be found")));
            }
        }
        Err(Problem::of("A document to be paid must be specified"))
    }

    /// Takes a new payment.
    pub fn make_payment(&mut self, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        let document = self.paid_document(sent)?;
        let mut problems = Vec::new();
        let date = day(sent, "Date", &mut problems).unwrap_or(act.today);
        let account = self.paying_account(sent, &mut problems);
        let amount = amount_of(sent, &mut problems);
        if !matches!(self.documents[document].status, Status::Authorised | Status::Paid) {
            // The product's wording, here and below.
            problems.push("Payments can only be made against Authorised documents".to_owned());
        } else if amount > self.open(document) && act.by_app {
            problems.push("Payment amount exceeds the amount outstanding on this document".to_owned());
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        self.check_lock(date, act)?;
        let place = self.payments.push(Payment {
            id: act.id(),
            document,
            account: account.unwrap_or_default(),
            date,
            amount,
            reference: text(sent, "Reference").unwrap_or_default(),
            reconciled: flag(sent, "IsReconciled").unwrap_or(false),
            live: true,
            updated: act.now,
        });
        self.documents[document].payments.push(place);
        self.touch(document, act.now);
        Ok(place)
    }

    /// The account that `Account` or `Code` names, if payments may go there.
    pub fn paying_account(&self, sent: &Value, problems: &mut Vec<String>) -> Option<usize> {
        let part = member(sent, "Account")
            .or_else(|| member(sent, "BankAccount"))
            .unwrap_or(sent);
        let found = match (text(part, "AccountID"), text(part, "Code")) {
            (Some(id), _) => self.chart.accounts.place(&id),
            (None, Some(code)) => self.chart.account(&code),
            (None, None) => {
                problems.push("Account must be specified".to_owned());
                return None;
            }
        };
        match found {
            None => problems.push("Account could not be found".to_owned()),
            Some(place) if !self.chart.accounts[place].takes_payments() => problems.push(format!(
                "Account '{}' is archived, or is neither a bank account nor enabled for payments",
                self.chart.accounts[place].code
            )),
            Some(_) => {}
        }
        found
    }

    /// A payment cannot be changed; it can be deleted, by status.
    pub fn change_payment(&mut self, place: usize, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        if text(sent, "Status").as_deref() != Some("DELETED") {
            return Err(Problem::of(
                "A payment cannot be changed; its Status may be set to DELETED",
            ));
        }
        let payment = &self.payments[place];
        if !payment.live {
            return Err(Problem::of("Payment has already been deleted"));
        }
        self.check_lock(payment.date, act)?;
        self.delete_payment(place, act.now);
        Ok(place)
    }

    pub fn delete_payment(&mut self, place: usize, now: i64) {
        let payment = &mut self.payments[place];
        payment.live = false;
        payment.updated = now;
        let document = payment.document;
        self.touch(document, now);
    }

    /// A payment as the product shows it; the document in short, or with its lines when a payment was just made.
    pub fn shown_payment(&self, place: usize, whole: bool) -> Value {
        let payment = &self.payments[place];
        let document = &self.documents[payment.document];
        let account = &self.chart.accounts[payment.account];
        let kind = document.kind;
        let mut shown = json!({
            "PaymentID": payment.id,
            "Date": dates::day(payment.date),
            "BankAmount": number(payment.amount),
            "Amount": number(payment.amount),
            "CurrencyRate": number(100),
            "PaymentType": kind.payment_type(),
            "Status": if payment.live { "AUTHORISED" } else { "DELETED" },
            "UpdatedDateUTC": dates::instant(payment.updated),
            "HasAccount": true,
            "IsReconciled": payment.reconciled,
            "Account": {"AccountID": account.id, "Code": account.code, "Name": account.name},
            "HasValidationErrors": false,
        });
        if !payment.reference.is_empty() {
            shown["Reference"] = json!(payment.reference);
        }
        shown[kind.name()] = if whole {
            let detail = Detail {
                lines: true,
                unit_dp: 2,
            };
            self.shown_document(payment.document, detail)
        } else {
            let mut part = json!({
                format!("{}ID", kind.name()): document.id,
                "Contact": self.contact_in_short(document.contact),
                "CurrencyCode": super::chart::CURRENCY,
                "LineItems": [],
            });
            match kind {
                Kind::Invoice => {
                    part["InvoiceNumber"] = json!(document.number);
                    part["Type"] = json!("ACCREC");
                }
                Kind::CreditNote => {
                    part["CreditNoteNumber"] = json!(document.number);
                    part["ID"] = json!(document.id);
                }
                Kind::Prepayment | Kind::Overpayment => part["ID"] = json!(document.id),
            }
            part
        };
        shown
    }

    /// Sets a credit off against an invoice of the same contact.
    pub fn make_allocation(&mut self, credit: usize, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        let asked =
            member(sent, "Invoice").and_then(|part| text(part, "InvoiceID").or_else(|| text(part, "InvoiceNumber")));
        let Some(invoice) = asked.and_then(|name| self.document(Kind::Invoice, &name)) else {
            return Err(Problem::of("Invoice could not be found"));
        };
        let mut problems = Vec::new();
        let date = day(sent, "Date", &mut problems).unwrap_or(act.today);
        let amount = amount_of(sent, &mut problems);
        if self.documents[credit].status != Status::Authorised {
            problems.push("Credit can only be allocated from authorised documents with credit remaining".to_owned());
        } else if amount > self.open(credit) {
            problems.push("The amount to allocate exceeds the remaining credit".to_owned());
        }
        if self.documents[invoice].status != Status::Authorised {
            problems.push("Credit can only be allocated to authorised invoices with an amount due".to_owned());
        } else if amount > self.open(invoice) {
            problems.push("The amount to allocate exceeds the amount outstanding on the invoice".to_owned());
        }
        if self.documents[credit].contact != self.documents[invoice].contact {
            // Inferred: the product's screens offer invoices of the same contact only.
            problems.push("The invoice and the credit must have the same contact".to_owned());
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        self.check_lock(date, act)?;
        let place = self.allocations.push(Allocation {
            id: act.id(),
            credit,
            invoice,
            date,
            amount,
            live: true,
        });
        for document in [credit, invoice] {
            self.documents[document].allocations.push(place);
            self.touch(document, act.now);
        }
        Ok(place)
    }

    /// Takes an allocation back.
    pub fn undo_allocation(&mut self, place: usize, act: &mut Act<'_>) -> Result<(), Problem> {
        let allocation = &self.allocations[place];
        if !allocation.live {
            return Err(Problem::Missing);
        }
        self.check_lock(allocation.date, act)?;
        let documents = [allocation.credit, allocation.invoice];
        self.allocations[place].live = false;
        for document in documents {
            self.touch(document, act.now);
        }
        Ok(())
    }

    /// An allocation as the product shows it, with the credit beside it if asked.
    pub fn shown_allocation(&self, allocation: &Allocation, with_credit: bool) -> Value {
        let (credit, invoice) = (&self.documents[allocation.credit], &self.documents[allocation.invoice]);
        let mut shown = json!({
            "AllocationID": allocation.id,
            "Amount": number(allocation.amount),
            "Date": dates::day(allocation.date),
            "Invoice": {"InvoiceID": invoice.id, "InvoiceNumber": invoice.number, "LineItems": []},
            "IsDeleted": !allocation.live,
        });
        if with_credit {
            let name = credit.kind.name();
            shown[name] = json!({format!("{name}ID"): credit.id, "ID": credit.id, "LineItems": []});
        }
        shown
    }
}

/// The amount of a payment or allocation.
fn amount_of(sent: &Value, problems: &mut Vec<String>) -> Cents {
    match member(sent, "Amount").and_then(cents_of) {
        Some(amount) if amount > 0 => amount,
        _ => {
            problems.push("Amount must be more than zero, with at most two decimals".to_owned());
            0
        }
    }
}
