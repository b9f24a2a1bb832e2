//! "Record this in Halaxy": what the books received on our invoices and Halaxy, which cannot be written, does not
//! show yet. A task closes by itself when Halaxy shows the payment.

use super::document::{DocumentKind, Shown, Status};
use super::facts::{Facts, PaymentKind};
use super::money::Cents;
use super::sheet::Sheet;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A payment in Halaxy may be dated so many days before the one in the books (weekends, bank dates).
const DAYS_BEFORE: i64 = 3;

/// One payment that a person is to record in Halaxy, or has recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Made of the payment's id in the books, so the same at every look.
    pub id: String,
    /// The invoice, by its id in Halaxy.
    pub invoice: String,
    /// How much was received.
    pub amount: Cents,
    /// When, by the books.
    pub date: Date,
    /// Into which account, by code, where the books show it.
    pub account: Option<String>,
    /// The payment's id in the books.
    pub payment: String,
    /// The payment in Halaxy that closed it: the same money, so it is linked to the books' payment, not posted again.
    pub recorded: Option<String>,
}

impl Task {
    /// Whether it still waits for a person.
    pub fn open(&self) -> bool {
        self.recorded.is_none()
    }
}

/// What the bridge posted itself, as far as tasks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Halaxy's invoice id by the invoice's id in the books.
    pub invoices: BTreeMap<String, String>,
    /// Keys of all payments posted.
    pub keys: BTreeSet<String>,
    /// The books' ids of payments made by hand that are linked to a payment in Halaxy since.
    pub linked: BTreeSet<String>,
    /// Halaxy's ids of the payments behind them: such a payment is in the books already, and closes no task.
    pub payments: BTreeSet<String>,
}

/// All tasks, open and closed, by date and id. A task closes with a payment that Halaxy shows on its invoice, of its
/// amount, not more than three days before its date; one payment closes one task, and as many close as can. A payment
/// that is voided in the books has no task.
pub fn tasks(shown: &[Shown], posted: &Posted, facts: &Facts) -> Vec<Task> {
    let mut tasks: Vec<Task> = shown
        .iter()
        .filter(|s| s.kind == DocumentKind::Payment && !matches!(s.status, Status::Void | Status::Draft))
        .filter(|s| s.total.is_positive() && !posted.linked.contains(&s.remote_id))
        .filter(|s| !s.key.as_ref().is_some_and(|k| posted.keys.contains(k)))
        .filter_map(|s| {
            let invoice = posted.invoices.get(s.of.as_ref()?)?;
            Some(Task {
                id: format!("record-{}", s.remote_id),
                invoice: invoice.clone(),
                amount: s.total,
                date: s.date,
                account: s.account.clone(),
                payment: s.remote_id.clone(),
                recorded: None,
            })
        })
        .collect();
    tasks.sort_by(|a, b| (a.date, &a.id).cmp(&(b.date, &b.id)));
    tasks.dedup_by(|a, b| a.id == b.id);

    let mut seen: BTreeMap<(&str, Cents), Vec<(Date, &str)>> = BTreeMap::new();
    for p in facts.payments.values() {
        let money = matches!(p.kind, PaymentKind::Payment | PaymentKind::Deposit) && !p.void && !p.removed;
        if let (true, Some(invoice)) = (money && !posted.payments.contains(&p.id), &p.invoice) {
            seen.entry((invoice, p.amount)).or_default().push((p.date, &p.id));
        }
    }
    for payments in seen.values_mut() {
        payments.sort_unstable();
        payments.reverse();
    }
    // Tasks and payments go by date: a payment too early for a task is too early for all later ones.
    for task in &mut tasks {
        let Some(payments) = seen.get_mut(&(task.invoice.as_str(), task.amount)) else {
            continue;
        };
        let from = task.date.saturating_sub(DAYS_BEFORE.days());
        while let Some((date, id)) = payments.pop() {
            if date >= from {
                task.recorded = Some(id.to_owned());
                break;
            }
        }
    }
    tasks
}

/// The open ones, as a table.
pub fn sheet(tasks: &[Task]) -> Sheet {
    let mut sheet = Sheet::new(&["task", "invoice", "date", "#amount", "account"]);
    for t in tasks.iter().filter(|t| t.open()) {
        sheet.push([
            t.id.clone(),
            t.invoice.clone(),
            t.date.to_string(),
            t.amount.to_string(),
            t.account.clone().unwrap_or_default(),
        ]);
    }
    sheet
}
