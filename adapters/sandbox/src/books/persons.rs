//! What people do in the books at its screens: past locks and payments, but never so that totals and ledger disagree.

use serde_json::{Map, Value, json};

use super::documents::Detail;
use super::ledger::{Act, Ledger, Status};
use super::lists::kind_of;
use super::members::{flag, member, text};
use super::money::cents_of;
use super::problem::Problem;
use super::settings::patched_day;
use super::{Books, act};
use crate::control::ControlError;

/// The kinds of the control API and the plurals of the product.
const KINDS: &[(&str, &str)] = &[
    ("contacts", "Contacts"),
    ("invoices", "Invoices"),
    ("credit_notes", "CreditNotes"),
    ("payments", "Payments"),
    ("bank_transactions", "BankTransactions"),
    ("overpayments", "Overpayments"),
    ("prepayments", "Prepayments"),
    ("allocations", "Allocations"),
    ("manual_journals", "ManualJournals"),
    ("accounts", "Accounts"),
    ("tax_rates", "TaxRates"),
    ("tracking", "TrackingCategories"),
    ("organisation", "Organisation"),
];

/// The product's plural of a kind, if there is such a kind.
pub(crate) fn plural_of(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, _)| *name == kind).map(|(_, plural)| *plural)
}

fn refused(problem: Problem) -> ControlError {
    match problem {
        Problem::Missing => ControlError::NotFound,
        other => ControlError::Refused(other.messages().join("; ")),
    }
}

fn not_so(text: &str) -> ControlError {
    ControlError::Refused(text.to_owned())
}

impl Books {
    /// Every record of a kind as a single read shows it; voided, deleted ones only if asked.
    pub fn records(&self, kind: &str, with_removed: bool) -> Vec<Value> {
        plural_of(kind).map_or_else(Vec::new, |plural| self.ledger.all(plural, with_removed))
    }

    /// One record, gone or not.
    pub fn record(&self, kind: &str, id: &str) -> Option<Value> {
        match plural_of(kind)? {
            "Organisation" => Some(self.ledger.chart.organisation()),
            "Allocations" => {
                let place = self.ledger.allocations.place(id)?;
                Some(self.ledger.shown_allocation(&self.ledger.allocations[place], true))
            }
            // People know accounts by their code and categories by their name.
            "Accounts" => {
                let accounts = &self.ledger.chart.accounts;
                let place = accounts.place(id).or_else(|| self.ledger.chart.account(id))?;
                Some(accounts[place].shown())
            }
            "TrackingCategories" => {
                let mut all = self.ledger.chart.tracking.iter();
                let found = all.find(|category| category.id.eq_ignore_ascii_case(id) || category.name == id)?;
                Some(found.shown(true))
            }
            plural => self.ledger.single(plural, id, 4),
        }
    }

    /// Somebody makes a record; gives its id.
    pub fn person_create(&mut self, kind: &str, body: &Value, now: i64) -> Result<String, ControlError> {
        let plural = plural_of(kind).ok_or(ControlError::NotFound)?;
        let ledger = &mut self.ledger;
        let act = &mut act(&mut self.rng, now, 4, false, true);
        let made = match plural {
            "Contacts" => ledger
                .put_contact(body, None, false, act)
                .map(|place| ledger.contacts[place].id.clone()),
            "Invoices" | "CreditNotes" => kind_of(plural)
                .ok_or(Problem::Missing)
                .and_then(|kind| ledger.put_document(kind, body, None, false, act))
                .map(|place| ledger.documents[place].id.clone()),
            "Payments" => ledger
                .make_payment(body, act)
                .map(|place| ledger.payments[place].id.clone()),
            "BankTransactions" => ledger
                .put_bank(body, None, false, act)
                .map(|place| ledger.bank[place].id.clone()),
            "ManualJournals" => ledger
                .put_journal(body, None, false, act)
                .map(|place| ledger.journals[place].id.clone()),
            "Accounts" => ledger.person_account(body, act),
            "TaxRates" => ledger.person_tax_rate(body),
            _ => return Err(not_so("records of this kind are made by others, or by the product")),
        };
        made.map_err(refused)
    }

    /// Somebody changes a record: a merge-patch over what is shown. Lines replace all lines; each starts from the line
    /// whose `LineItemID` it names.
    pub fn person_edit(&mut self, kind: &str, id: &str, patch: &Value, now: i64) -> Result<(), ControlError> {
        let plural = plural_of(kind).ok_or(ControlError::NotFound)?;
        if !patch.is_object() {
            return Err(not_so("a JSON object is expected"));
        }
        let ledger = &mut self.ledger;
        let act = &mut act(&mut self.rng, now, 4, false, true);
        let done = match plural {
            "Organisation" => ledger.person_locks(patch),
            "Accounts" => ledger.person_edit_account(id, patch, now),
            "TaxRates" => ledger.person_edit_tax_rate(id, patch),
            "TrackingCategories" => ledger.person_edit_tracking(id, patch, act),
            "Allocations" => ledger.person_edit_allocation(id, patch, now),
            "Payments" => ledger.person_edit_payment(id, patch, now),
            "Contacts" => ledger
                .contact(id)
                .ok_or(Problem::Missing)
                .and_then(|place| ledger.put_contact(patch, Some(place), true, act).map(|_| ())),
            "BankTransactions" => ledger.person_edit_bank(id, patch, act),
            "ManualJournals" => ledger
                .journals
                .place(id)
                .ok_or(Problem::Missing)
                .and_then(|place| ledger.put_journal(patch, Some(place), true, act).map(|_| ())),
            _ => kind_of(plural)
                .and_then(|kind| ledger.document(kind, id))
                .ok_or(Problem::Missing)
                .and_then(|place| ledger.person_edit_document(place, patch, act)),
        };
        done.map_err(refused)
    }

    /// Somebody removes a record, as far as the product knows that: documents are voided with all that settled them,
    /// payments deleted, contacts and accounts archived.
    pub fn person_delete(&mut self, kind: &str, id: &str, now: i64) -> Result<(), ControlError> {
        let patch = match plural_of(kind).ok_or(ControlError::NotFound)? {
            "Organisation" | "TaxRates" => json!({"Status": "DELETED"}),
            "Contacts" => json!({"ContactStatus": "ARCHIVED"}),
            "Accounts" | "TrackingCategories" => json!({"Status": "ARCHIVED"}),
            "Payments" | "BankTransactions" | "Allocations" => json!({"Status": "DELETED"}),
            "ManualJournals" => {
                let place = self.ledger.journals.place(id).ok_or(ControlError::NotFound)?;
                let posted = self.ledger.journals[place].status == "POSTED";
                json!({"Status": if posted { "VOIDED" } else { "DELETED" }})
            }
            plural => {
                let found = kind_of(plural).and_then(|kind| self.ledger.document(kind, id));
                let place = found.ok_or(ControlError::NotFound)?;
                let posted = self.ledger.documents[place].status.is_posted();
                json!({"Status": if posted { "VOIDED" } else { "DELETED" }})
            }
        };
        self.person_edit(kind, id, &patch, now)
    }

    /// Somebody brings an archived contact, account or category back; nothing else comes back.
    pub fn person_restore(&mut self, kind: &str, id: &str, now: i64) -> Result<(), ControlError> {
        let patch = match kind {
            "contacts" => json!({"ContactStatus": "ACTIVE"}),
            "accounts" | "tracking" => json!({"Status": "ACTIVE"}),
            _ => return Err(not_so("what is voided or deleted stays so")),
        };
        self.person_edit(kind, id, &patch, now)
    }

    /// Somebody merges two contacts.
    pub fn person_merge(&mut self, kind: &str, winner: &str, loser: &str, now: i64) -> Result<String, ControlError> {
        if kind != "contacts" {
            return Err(not_so("only contacts can be merged"));
        }
        let find = |id: &str| self.ledger.contact(id).ok_or(ControlError::NotFound);
        let (winner, loser) = (find(winner)?, find(loser)?);
        if winner == loser {
            return Err(not_so("a record cannot be merged with itself"));
        }
        self.ledger.merge_contacts(winner, loser, now);
        Ok(self.ledger.contacts[winner].id.clone())
    }
}

/// A line as sent: the old line it names, changed. What follows from prices is computed anew.
fn merged_line(old: &[Value], patch: &Value) -> Value {
    let mut line = old
        .iter()
        .find(|line| line["LineItemID"] == patch["LineItemID"] && !patch["LineItemID"].is_null())
        .cloned()
        .unwrap_or_else(|| json!({}));
    if let Some(members) = line.as_object_mut() {
        let priced = ["Quantity", "UnitAmount", "DiscountRate", "DiscountAmount"]
            .iter()
            .any(|name| patch.get(name).is_some());
        if patch.get("LineAmount").is_some() && !priced {
            for name in ["Quantity", "UnitAmount", "DiscountRate", "DiscountAmount"] {
                members.shift_remove(name);
            }
        }
        members.shift_remove("LineAmount");
        members.shift_remove("TaxAmount");
        if patch.get("AccountCode").is_some() {
            members.shift_remove("AccountID");
        }
    }
    crate::patch::merge(&mut line, patch);
    line
}

fn check(problems: Vec<String>) -> Result<(), Problem> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problem::Invalid(problems))
    }
}

impl Ledger {
    fn person_edit_allocation(&mut self, id: &str, patch: &Value, now: i64) -> Result<(), Problem> {
        let place = self.allocations.place(id).ok_or(Problem::Missing)?;
        let date = patched_day(patch, "Date")?.flatten();
        let amount = match member(patch, "Amount") {
            None => None,
            Some(value) => Some(cents_of(value).ok_or_else(|| Problem::of("Amount is not an amount"))?),
        };
        let row = &mut self.allocations[place];
        row.date = date.unwrap_or(row.date);
        row.amount = amount.unwrap_or(row.amount);
        row.live &= text(patch, "Status").as_deref() != Some("DELETED");
        let documents = [row.credit, row.invoice];
        for document in documents {
            self.touch(document, now);
        }
        Ok(())
    }

    fn person_edit_payment(&mut self, id: &str, patch: &Value, now: i64) -> Result<(), Problem> {
        let place = self.payments.place(id).ok_or(Problem::Missing)?;
        let mut new = self.payments[place].clone();
        if let Some(date) = patched_day(patch, "Date")?.flatten() {
            new.date = date;
        }
        if let Some(value) = member(patch, "Amount") {
            let amount = cents_of(value).filter(|amount| *amount > 0);
            new.amount = amount.ok_or_else(|| Problem::of("Amount is not an amount above zero"))?;
        }
        if member(patch, "Account").is_some() {
            let mut problems = Vec::new();
            let account = self.paying_account(patch, &mut problems);
            check(problems)?;
            new.account = account.unwrap_or(new.account);
        }
        if let Some(reference) = member(patch, "Reference").and_then(Value::as_str) {
            reference.clone_into(&mut new.reference);
        }
        new.reconciled = flag(patch, "IsReconciled").unwrap_or(new.reconciled);
        match text(patch, "Status").as_deref() {
            None => {}
            Some("AUTHORISED") => new.live = true,
            Some("DELETED") => new.live = false,
            Some(_) => return Err(Problem::of("Status is AUTHORISED or DELETED")),
        }
        new.updated = now;
        let document = new.document;
        self.payments[place] = new;
        self.touch(document, now);
        Ok(())
    }

    fn person_edit_bank(&mut self, id: &str, patch: &Value, act: &mut Act<'_>) -> Result<(), Problem> {
        let place = self.bank.place(id).ok_or(Problem::Missing)?;
        if let Some(document) = self.bank[place].document {
            return self.person_edit_document(document, patch, act);
        }
        let mut sent = patch.clone();
        let detail = Detail {
            lines: true,
            unit_dp: 4,
        };
        let shown = self.shown_bank(place, detail);
        merge_lines(&shown, &mut sent);
        self.put_bank(&sent, Some(place), true, act).map(|_| ())
    }

    /// Undoes all that settles a document.
    fn unsettle(&mut self, place: usize, now: i64) {
        let document = &self.documents[place];
        for payment in document.payments.clone() {
            if self.payments[payment].live {
                self.delete_payment(payment, now);
            }
        }
        for allocation in self.documents[place].allocations.clone() {
            let row = &mut self.allocations[allocation];
            if row.live {
                row.live = false;
                let documents = [row.credit, row.invoice];
                for document in documents {
                    self.touch(document, now);
                }
            }
        }
    }

    fn person_edit_document(&mut self, place: usize, patch: &Value, act: &mut Act<'_>) -> Result<(), Problem> {
        let old = self.documents[place].clone();
        let mut new = old.clone();
        let wanted = match text(patch, "Status") {
            None => old.status,
            Some(name) => Status::of(&name).ok_or_else(|| Problem::of("Status is not one of a document"))?,
        };
        let detail = Detail {
            lines: true,
            unit_dp: 4,
        };
        let shown = self.shown_document(place, detail);
        let mut sent = patch.clone();
        merge_lines(&shown, &mut sent);
        new.status = wanted;
        let mut problems = Vec::new();
        // The debtors' line of an overpayment can only change its amount.
        if let Some(debtors) = old
            .lines
            .iter()
            .position(|line| line.account == Some(self.chart.debtors))
        {
            if let Some(sent) = sent["LineItems"].as_array_mut() {
                for line in sent.iter_mut().filter_map(Value::as_object_mut) {
                    line.shift_remove("AccountCode");
                    line.shift_remove("AccountID");
                }
            }
            new.status = Status::Draft;
            self.read_document(&mut new, &sent, act, &mut problems);
            new.status = wanted;
            let account = old.lines[debtors].account;
            new.lines.iter_mut().for_each(|line| line.account = account);
        } else {
            self.read_document(&mut new, &sent, act, &mut problems);
        }
        check(problems)?;
        if member(patch, "Contact").is_some() {
            new.contact = self.contact_of(patch, act)?;
        }
        let number = text(patch, &format!("{}Number", old.kind.name())).unwrap_or_else(|| old.number.clone());
        let holder = self.numbers.get(&(old.kind, number.to_lowercase()));
        if holder.is_some_and(|holder| *holder != place) && !number.is_empty() {
            return Err(Problem::of("The number must be unique"));
        }
        if !wanted.is_posted() {
            self.unsettle(place, act.now);
        }
        self.replace_document(place, new, number);
        self.touch(place, act.now);
        self.mirror_to_bank(place, act.now);
        Ok(())
    }

    /// The bank transaction that made a prepayment or overpayment says what that one says.
    fn mirror_to_bank(&mut self, place: usize, now: i64) {
        let document = self.documents[place].clone();
        if document.bank.is_none() {
            return;
        }
        for row in self.bank.iter_mut().filter(|row| row.document == Some(place)) {
            row.contact = Some(document.contact);
            row.date = document.date;
            row.reference.clone_from(&document.reference);
            row.amounts = document.amounts;
            row.lines.clone_from(&document.lines);
            row.totals = document.totals;
            row.live = document.status.is_posted();
            row.updated = now;
        }
    }
}

/// Lets every line of a patch start from the shown line it names.
fn merge_lines(shown: &Value, patch: &mut Value) {
    let old: Vec<Value> = shown["LineItems"].as_array().cloned().unwrap_or_default();
    if let Some(Value::Array(lines)) = patch
        .as_object_mut()
        .and_then(|members: &mut Map<String, Value>| members.get_mut("LineItems"))
    {
        for line in lines {
            *line = merged_line(&old, line);
        }
    }
}
