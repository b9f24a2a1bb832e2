//! Invoices and credit notes: made, changed, approved, voided, and shown.

use serde_json::{Value, json};

use super::chart::CURRENCY;
use super::dates;
use super::ledger::{Act, Amounts, Document, Kind, Ledger, Line, Status, Totals};
use super::lines::{self, Needs};
use super::members::{currency, day, flag, member, short, text};
use super::money::number;
use super::problem::Problem;

/// How much of a document is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    pub lines: bool,
    pub unit_dp: u32,
}

impl Ledger {
    /// Takes one invoice or credit note: made new, or found and changed if `may_update` or the path named it.
    pub fn put_document(
        &mut self,
        kind: Kind,
        sent: &Value,
        named: Option<usize>,
        may_update: bool,
        act: &mut Act<'_>,
    ) -> Result<usize, Problem> {
        let number = text(sent, &format!("{}Number", kind.name()));
        let id = text(sent, &format!("{}ID", kind.name()));
        let found = match (named, &id, &number) {
            (Some(place), ..) => Some(place),
            (None, Some(id), _) if may_update => Some(self.document(kind, id).ok_or(Problem::Missing)?),
            (None, None, Some(number)) if may_update => self.document(kind, number),
            _ => None,
        };
        match found {
            Some(place) => self.change_document(place, sent, act),
            None => self.make_document(kind, sent, number, act),
        }
    }

    fn make_document(
        &mut self,
        kind: Kind,
        sent: &Value,
        number: Option<String>,
        act: &mut Act<'_>,
    ) -> Result<usize, Problem> {
        let wanted = kind.type_name();
        if text(sent, "Type").as_deref() != Some(wanted) {
            return Err(Problem::of(format!("Type must be {wanted}")));
        }
        let status = match text(sent, "Status").as_deref().map(Status::of) {
            None => Status::Draft,
            Some(Some(status @ (Status::Draft | Status::Submitted | Status::Authorised))) => status,
            Some(_) => return Err(Problem::of("A new document is DRAFT, SUBMITTED or AUTHORISED")),
        };
        let mut document = Document {
            kind,
            id: act.id(),
            number: String::new(),
            reference: String::new(),
            contact: 0,
            date: act.today,
            due: None,
            expected: None,
            status,
            amounts: Amounts::Exclusive,
            lines: Vec::new(),
            totals: Totals::default(),
            url: None,
            sent: false,
            bank: None,
            payments: Vec::new(),
            allocations: Vec::new(),
            updated: act.now,
            by_app: act.by_app,
        };
        let mut problems = Vec::new();
        self.read_document(&mut document, sent, act, &mut problems);
        if let Some(number) = &number
            && self.numbers.contains_key(&(kind, number.to_lowercase()))
        {
            // The product's wording; voided and deleted documents keep their numbers.
            problems.push(format!(
                "{} # must be unique.",
                if kind == Kind::Invoice {
                    "Invoice"
                } else {
                    "Credit note"
                }
            ));
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        if status != Status::Draft {
            self.check_lock(document.date, act)?;
        }
        document.contact = self.contact_of(sent, act)?;
        document.number = match number {
            Some(number) => number,
            None => self.next_number(kind),
        };
        let place = self.add_document(document);
        self.touch(place, act.now);
        Ok(place)
    }

    /// Reads what may be sent of a document, but its contact, number, status and type.
    pub fn read_document(&self, document: &mut Document, sent: &Value, act: &mut Act<'_>, problems: &mut Vec<String>) {
        let complete = document.status != Status::Draft;
        let is_invoice = document.kind == Kind::Invoice;
        currency(sent, problems);
        if let Some(date) = day(sent, "Date", problems) {
            document.date = date;
        }
        if let Some(date) = day(sent, "DueDate", problems) {
            document.due = Some(date);
        }
        if let Some(date) = day(sent, "ExpectedPaymentDate", problems) {
            document.expected = Some(date);
        }
        if let Some(reference) = member(sent, "Reference").and_then(Value::as_str) {
            reference.clone_into(&mut document.reference);
            if reference.chars().count() > 255 {
                problems.push("Reference may hold at most 255 characters".to_owned());
            }
        }
        short(sent, &format!("{}Number", document.kind.name()), 255, problems);
        if let Some(url) = text(sent, "Url") {
            if url.parse::<url::Url>().is_err() {
                problems.push("Url is not a valid absolute address".to_owned());
            }
            document.url = Some(url);
        }
        if let Some(sent) = flag(sent, "SentToContact") {
            document.sent = sent;
        }
        let mut amounts = document.amounts;
        if let Some(asked) = text(sent, "LineAmountTypes") {
            match Amounts::of(&asked) {
                Some(known) => amounts = known,
                None => problems.push("LineAmountTypes is Exclusive, Inclusive or NoTax".to_owned()),
            }
        }
        let needs = Needs {
            complete,
            discounts: is_invoice,
            amounts,
        };
        match member(sent, "LineItems").and_then(Value::as_array) {
            Some(sent) => {
                document.lines = lines::read(&self.chart, sent, &document.lines, needs, act, problems);
            }
            None if amounts != document.amounts => self.retax(&mut document.lines, amounts),
            None => {}
        }
        document.amounts = amounts;
        document.totals = Totals::of(&document.lines, amounts);
        if complete {
            if is_invoice && document.due.is_none() && act.by_app {
                problems.push("DueDate is required for approved invoices".to_owned());
            }
            if document.lines.is_empty() {
                // The product's wording.
                problems.push("One or more line items must be specified".to_owned());
            }
            if document.lines.iter().any(|line| line.account.is_none()) && problems.is_empty() {
                problems.push("Account code must be specified".to_owned());
            }
        }
        if document.totals.whole < 0 {
            problems.push("The document total must not be less than zero".to_owned());
        }
    }

    /// Lines whose amounts now hold tax, or hold it no more.
    fn retax(&self, lines: &mut [Line], amounts: Amounts) {
        for line in lines {
            line.tax = lines::tax(
                &self.chart,
                line.tax_type.as_deref(),
                line.amount,
                None,
                amounts,
                &mut Vec::new(),
            );
        }
    }

    fn change_document(&mut self, place: usize, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        let old = self.documents[place].clone();
        let settled = self.is_settled_in_part(place);
        let wanted = match text(sent, "Status") {
            None => old.status,
            Some(name) => {
                Status::of(&name).ok_or_else(|| Problem::of(format!("'{name}' is not a status of this document")))?
            }
        };
        let name = if old.kind == Kind::Invoice {
            "Invoice"
        } else {
            "Credit note"
        };
        if matches!(old.status, Status::Voided | Status::Deleted) {
            return Err(Problem::of(format!("{name} not of valid status for modification")));
        }
        let drafted = matches!(old.status, Status::Draft | Status::Submitted);
        match wanted {
            Status::Voided | Status::Deleted => {
                if (wanted == Status::Deleted) != drafted {
                    return Err(Problem::of(format!("{name} not of valid status for modification")));
                }
                if settled {
                    // The product's wording.
                    return Err(Problem::of(format!(
                        "The status {} cannot be applied to the {} because it has payments or credit notes allocated to it.",
                        wanted.name(),
                        name.to_lowercase()
                    )));
                }
                if !drafted {
                    self.check_lock(old.date, act)?;
                }
                self.documents[place].status = wanted;
                self.documents[place].updated = act.now;
                return Ok(place);
            }
            Status::Draft | Status::Submitted if !drafted => {
                return Err(Problem::of(format!("{name} not of valid status for modification")));
            }
            Status::Paid if old.status != Status::Paid => {
                return Err(Problem::of("A document becomes PAID by payments only"));
            }
            _ => {}
        }
        let mut new = Document {
            status: wanted,
            ..old.clone()
        };
        let mut problems = Vec::new();
        self.read_document(&mut new, sent, act, &mut problems);
        let number = text(sent, &format!("{}Number", old.kind.name())).unwrap_or_else(|| old.number.clone());
        let holder = self.numbers.get(&(old.kind, number.to_lowercase()));
        if holder.is_some_and(|holder| *holder != place) {
            problems.push(format!("{name} # must be unique."));
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        if member(sent, "Contact").is_some() {
            new.contact = self.contact_of(sent, act)?;
        }
        let moved = new.contact != old.contact
            || new.date != old.date
            || new.reference != old.reference
            || new.amounts != old.amounts
            || new.url != old.url
            || number != old.number
            || !same_lines(&new.lines, &old.lines);
        if moved && settled && act.by_app {
            // The product's wording.
            return Err(Problem::Invalid(vec![
                format!("{name} not of valid status for modification"),
                "This document cannot be edited as it has a payment or credit note allocated to it.".to_owned(),
            ]));
        }
        if moved && !drafted {
            self.check_lock(old.date, act)?;
        }
        if wanted != Status::Draft && (moved || drafted) {
            self.check_lock(new.date, act)?;
        }
        // The due date and the sent flag of a document that is paid in part do not move its time
        // (vendor-apis.md section 7, "Change detection").
        let silent = settled && !moved;
        self.replace_document(place, new, number);
        let now = if silent { old.updated } else { act.now };
        self.touch(place, now);
        Ok(place)
    }

    /// Puts a changed document in the place of the old one and keeps the look-ups right.
    pub fn replace_document(&mut self, place: usize, mut new: Document, number: String) {
        let old = &self.documents[place];
        let (kind, was, from) = (old.kind, old.number.to_lowercase(), old.contact);
        if from != new.contact {
            if let Some(places) = self.of_contact.get_mut(&from) {
                places.retain(|known| *known != place);
            }
            self.of_contact.entry(new.contact).or_default().push(place);
        }
        if was != number.to_lowercase() {
            self.numbers.remove(&(kind, was));
            self.numbers.insert((kind, number.to_lowercase()), place);
        }
        new.number = number;
        self.documents[place] = new;
    }

    /// A document as the product shows it.
    pub fn shown_document(&self, place: usize, detail: Detail) -> Value {
        let document = &self.documents[place];
        let name = document.kind.name();
        let open = self.open(place);
        let mut shown = json!({
            "Type": document.kind.type_name(),
        });
        shown[format!("{name}ID")] = json!(document.id);
        if document.kind != Kind::Invoice {
            shown["ID"] = json!(document.id);
        }
        if matches!(document.kind, Kind::Invoice | Kind::CreditNote) {
            shown[format!("{name}Number")] = json!(document.number);
        }
        shown["Reference"] = json!(document.reference);
        shown["Contact"] = self.contact_in_short(document.contact);
        shown["DateString"] = dates::day_text(document.date);
        shown["Date"] = dates::day(document.date);
        if let Some(due) = document.due {
            shown["DueDateString"] = dates::day_text(due);
            shown["DueDate"] = dates::day(due);
        }
        if let Some(expected) = document.expected {
            shown["ExpectedPaymentDateString"] = dates::day_text(expected);
            shown["ExpectedPaymentDate"] = dates::day(expected);
        }
        shown["Status"] = json!(document.status.name());
        shown["LineAmountTypes"] = json!(document.amounts.name());
        shown["LineItems"] = if detail.lines {
            let lines = document.lines.iter();
            lines
                .map(|line| lines::shown(&self.chart, line, detail.unit_dp))
                .collect()
        } else {
            json!([])
        };
        shown["SubTotal"] = number(document.totals.net);
        shown["TotalTax"] = number(document.totals.tax);
        shown["Total"] = number(document.totals.whole);
        shown["CurrencyCode"] = json!(CURRENCY);
        shown["CurrencyRate"] = number(100);
        shown["UpdatedDateUTC"] = dates::instant(document.updated);
        shown["HasAttachments"] = json!(false);
        if let Some(url) = &document.url {
            shown["Url"] = json!(url);
        }
        shown["Payments"] = self
            .payments_of(place)
            .map(|payment| {
                let mut part = json!({
                    "PaymentID": payment.id,
                    "Date": dates::day(payment.date),
                    "Amount": number(payment.amount),
                    "CurrencyRate": number(100),
                    "HasAccount": false,
                    "HasValidationErrors": false,
                });
                if !payment.reference.is_empty() {
                    part["Reference"] = json!(payment.reference);
                }
                part
            })
            .collect();
        if document.kind == Kind::Invoice {
            self.show_settlement(place, open, &mut shown);
        } else {
            shown["RemainingCredit"] = number(if document.status.is_posted() { open } else { 0 });
            shown["Allocations"] = self
                .allocations_of(place)
                .map(|allocation| self.shown_allocation(allocation, false))
                .collect();
            if document.kind == Kind::CreditNote {
                shown["HasErrors"] = json!(false);
                shown["SentToContact"] = json!(document.sent);
            }
        }
        if document.status == Status::Paid
            && let Some(last) = self.settled_on(place)
        {
            shown["FullyPaidOnDate"] = dates::day(last);
        }
        shown
    }

    fn show_settlement(&self, place: usize, open: i64, shown: &mut Value) {
        let document = &self.documents[place];
        shown["SentToContact"] = json!(document.sent);
        shown["IsDiscounted"] = json!(
            document
                .lines
                .iter()
                .any(|line| line.discount_rate.is_some() || line.discount.is_some())
        );
        shown["HasErrors"] = json!(false);
        shown["AmountDue"] = number(if matches!(document.status, Status::Voided | Status::Deleted) {
            0
        } else {
            open
        });
        shown["AmountPaid"] = number(self.paid(place));
        shown["AmountCredited"] = number(self.credited(place));
        for kind in [Kind::CreditNote, Kind::Prepayment, Kind::Overpayment] {
            shown[kind.plural()] = self
                .allocations_of(place)
                .filter(|allocation| self.documents[allocation.credit].kind == kind)
                .map(|allocation| {
                    let credit = &self.documents[allocation.credit];
                    let mut part = json!({
                        format!("{}ID", kind.name()): credit.id,
                        "ID": credit.id,
                        "AppliedAmount": number(allocation.amount),
                        "Date": dates::day(allocation.date),
                        "DateString": dates::day_text(allocation.date),
                        "Total": number(credit.totals.whole),
                        "LineItems": [],
                    });
                    if kind == Kind::CreditNote {
                        part["CreditNoteNumber"] = json!(credit.number);
                    }
                    part
                })
                .collect();
        }
    }

    /// The day of the last payment or allocation.
    fn settled_on(&self, place: usize) -> Option<jiff::civil::Date> {
        let paid = self.payments_of(place).map(|payment| payment.date);
        let credited = self.allocations_of(place).map(|allocation| allocation.date);
        paid.chain(credited).max()
    }
}

/// Whether lines say the same, whatever their ids.
fn same_lines(one: &[Line], other: &[Line]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            Line {
                id: other.id.clone(),
                ..one.clone()
            } == *other
        })
}
