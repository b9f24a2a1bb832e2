//! What stands with a patient beside their details: the next appointment, the last one, and what is still owed. It tells a
//! question that is urgent from one that is not, and two people with one name apart. Times, places and amounts only: nothing
//! of what is treated. Pure: bodies, rules and times come in.

use crate::Time;
use crate::diary::{Around, Outcome, Visit, last_and_next, outcome};
use crate::ledger::{Cents, Currency, Invoice, facts::InvoiceKind, facts::Party, target};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// An appointment as a receptionist speaks of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// Begins; seconds since 1970 UTC.
    pub start: i64,
    /// Ends; seconds since 1970 UTC.
    pub end: i64,
    /// The name of the place, where it is known.
    pub place: Option<String>,
    /// The practitioner's name, where it is known.
    pub practitioner: Option<String>,
}

impl Meeting {
    /// A visit, with the names that it refers to.
    pub fn of(visit: &Visit, around: &Around) -> Meeting {
        Meeting {
            start: visit.start,
            end: visit.end,
            place: around.place(visit).map(str::to_owned),
            practitioner: around.practitioner(visit).map(str::to_owned),
        }
    }
}

/// A patient's last visit that took place, and the next one that is to, of all of theirs. Cancelled ones and those they did
/// not come to are neither; one that is over and of which nobody said anything took place, as Halaxy has it.
pub fn visits<'v>(
    all: &'v [Visit],
    patient: &str,
    statuses: &BTreeMap<String, Outcome>,
    now: Time,
) -> (Option<&'v Visit>, Option<&'v Visit>) {
    let own = all.iter().filter_map(|visit| {
        let part = visit.patients.iter().find(|part| part.patient == patient)?;
        Some((visit.start, visit.end, outcome(&part.status, statuses), visit))
    });
    let (last, next) = last_and_next(own, now);
    (last.map(|(_, visit)| visit), next.map(|(_, visit)| visit))
}

/// An invoice that is not paid whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenInvoice {
    /// Its number.
    pub number: String,
    /// Date of issue.
    pub date: Date,
    /// Still owed, in cents.
    pub cents: Cents,
    /// Of which currency.
    pub currency: Currency,
}

/// What a patient owes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The sums, by currency; none if nothing is owed.
    pub owed: Vec<Owed>,
    /// Open invoices, the oldest first.
    pub invoices: Vec<OpenInvoice>,
}

/// A sum in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owed {
    /// Currency.
    pub currency: Currency,
    /// Cents.
    pub cents: Cents,
}

impl Balance {
    /// Of invoices, those that the patient is to pay and has not: by the balance that Halaxy counts, since an invoice's
    /// status stays `active` when it is paid (halaxy-api.md 7.7). Those of funders, quotes, drafts, and what was voided or
    /// written off are not owed by the patient.
    pub fn of(invoices: impl IntoIterator<Item = Invoice>, patient: &str) -> Balance {
        let mut open: Vec<OpenInvoice> = invoices
            .into_iter()
            .filter(|invoice| matches!(&invoice.payer, Some(Party::Patient(id)) if id == patient))
            .filter(|invoice| invoice.kind == InvoiceKind::Invoice && invoice.balance.is_positive())
            .filter(target::is_due)
            .map(|invoice| OpenInvoice {
                number: invoice.id,
                date: invoice.date,
                cents: invoice.balance,
                currency: invoice.currency,
            })
            .collect();
        open.sort_by(|a, b| (a.date, &a.number).cmp(&(b.date, &b.number)));
        let mut owed: Vec<Owed> = vec![];
        for invoice in &open {
            match owed.iter_mut().find(|sum| sum.currency == invoice.currency) {
                Some(sum) => sum.cents += invoice.cents,
                None => owed.push(Owed {
                    currency: invoice.currency,
                    cents: invoice.cents,
                }),
            }
        }
        Balance { owed, invoices: open }
    }
}
