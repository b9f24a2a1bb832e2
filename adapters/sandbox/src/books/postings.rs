//! The general ledger by double entry: what every document, payment and journal posts, and the reports over it.
//!
//! | what | debit | credit |
//! |---|---|---|
//! | invoice | debtors: total | line accounts: net · GST: tax |
//! | credit note | line accounts: net · GST: tax | debtors: total |
//! | payment of an invoice | its account | debtors |
//! | refund of a credit note or overpayment | debtors | its account |
//! | money received, spent | bank; line accounts and GST | line accounts and GST; bank |
//! | overpayment received | bank | debtors |
//! | prepayment received | bank | line accounts: net · GST: tax |
//! | prepayment allocated or refunded | line accounts and GST, in proportion to the cent | debtors; or the refund's account |
//! | allocation of a credit note or overpayment | - | - (both sides are debtors) |
//! | manual journal | as written, tax to GST | as written |
//!
//! That a prepayment stays off the debtors' account until it is allocated is inferred: the product asks for an account
//! of its own for it. Drafts, voided and deleted documents post nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::ledger::{Amounts, Document, Kind, Ledger, Line};
use super::money::{Cents, first_of};

/// One side of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting<'a> {
    pub date: Date,
    pub account: usize,
    /// Debits are positive.
    pub amount: Cents,
    pub tracking: &'a [(usize, usize)],
    pub contact: Option<usize>,
    /// What posted it, with its id.
    pub source: (&'static str, &'a str),
}

/// An account's code and the tracking of a row of the trial balance.
type Group<'a> = (&'a str, Vec<(usize, usize)>);

/// The ages of what is due, with the most days each is late.
const AGES: [(&str, i32); 5] = [
    ("current", 0),
    ("1_30", 30),
    ("31_60", 60),
    ("61_90", 90),
    ("older", i32::MAX),
];

/// What one contact owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Owed {
    owed: Cents,
    aged: [Cents; 5],
    credit: Cents,
    prepaid: Cents,
}

/// Who takes postings.
type Take<'a, 'f> = &'f mut dyn FnMut(Posting<'a>);

impl Ledger {
    /// Everything that is posted, in no order of time.
    pub fn postings<'a>(&'a self, take: Take<'a, '_>) {
        for (place, document) in self.documents.iter().enumerate() {
            if document.status.is_posted() {
                self.post_document(place, document, take);
            }
        }
        for row in self.bank.iter().filter(|row| row.live && row.document.is_none()) {
            let source = ("BankTransaction", row.id.as_str());
            let sign = if row.kind == "SPEND" { -1 } else { 1 };
            let head = Posting {
                date: row.date,
                account: row.bank,
                amount: sign * row.totals.whole,
                tracking: &[],
                contact: row.contact,
                source,
            };
            take(head);
            self.post_lines(&row.lines, row.amounts, -sign, head, take);
        }
        for row in self.journals.iter().filter(|row| row.status == "POSTED") {
            let head = Posting {
                date: row.date,
                account: self.chart.gst,
                amount: 0,
                tracking: &[],
                contact: None,
                source: ("ManualJournal", row.id.as_str()),
            };
            self.post_lines(&row.lines, row.amounts, 1, head, take);
        }
    }

    fn post_document<'a>(&'a self, place: usize, document: &'a Document, take: Take<'a, '_>) {
        let head = Posting {
            date: document.date,
            account: self.chart.debtors,
            amount: document.totals.whole,
            tracking: &[],
            contact: Some(document.contact),
            source: (document.kind.name(), document.id.as_str()),
        };
        let money = document.bank.unwrap_or(self.chart.debtors);
        match document.kind {
            Kind::Invoice => {
                take(head);
                self.post_lines(&document.lines, document.amounts, -1, head, take);
            }
            Kind::CreditNote => {
                take(Posting {
                    amount: -head.amount,
                    ..head
                });
                self.post_lines(&document.lines, document.amounts, 1, head, take);
            }
            Kind::Prepayment => {
                take(Posting { account: money, ..head });
                self.post_lines(&document.lines, document.amounts, -1, head, take);
            }
            Kind::Overpayment => {
                take(Posting { account: money, ..head });
                take(Posting {
                    amount: -head.amount,
                    ..head
                });
            }
        }
        if document.kind == Kind::Prepayment {
            self.release(place, document, take);
            return;
        }
        // Money for an invoice comes in, money of a credit goes out.
        let sign = if document.kind == Kind::Invoice { 1 } else { -1 };
        for payment in self.payments_of(place) {
            let side = Posting {
                date: payment.date,
                account: payment.account,
                amount: sign * payment.amount,
                source: ("Payment", payment.id.as_str()),
                ..head
            };
            take(side);
            take(Posting {
                account: self.chart.debtors,
                amount: -side.amount,
                ..side
            });
        }
    }

    /// What was allocated or refunded of a prepayment leaves the accounts it was coded to, oldest first.
    fn release<'a>(&'a self, place: usize, document: &'a Document, take: Take<'a, '_>) {
        let allocated = self.allocations_of(place).map(|row| {
            let source = ("Allocation", row.id.as_str());
            let debtor = self.documents[row.invoice].contact;
            (row.date, self.chart.debtors, row.amount, source, debtor)
        });
        let refunded = self.payments_of(place).map(|row| {
            let source = ("Payment", row.id.as_str());
            (row.date, row.account, row.amount, source, document.contact)
        });
        let mut steps: Vec<_> = allocated.chain(refunded).collect();
        steps.sort_by_key(|step| step.0);
        // Net of each line, and the tax of all.
        let mut parts: Vec<Cents> = document.lines.iter().map(|line| line.net(document.amounts)).collect();
        parts.push(document.totals.tax);
        let mut before = vec![0; parts.len()];
        let mut taken = 0;
        for (date, account, amount, source, contact) in steps {
            let head = Posting {
                date,
                account,
                amount: -amount,
                tracking: &[],
                contact: Some(contact),
                source,
            };
            take(head);
            taken += amount;
            let upto = first_of(&parts, taken);
            // A prepayment somebody edited to nothing still balances.
            let spilt = amount
                - upto
                    .iter()
                    .zip(&before)
                    .map(|(upto, before)| upto - before)
                    .sum::<Cents>();
            for (index, line) in document.lines.iter().enumerate() {
                take(Posting {
                    account: line.account.unwrap_or(self.chart.debtors),
                    amount: upto[index] - before[index],
                    tracking: &line.tracking,
                    ..head
                });
            }
            let tax = document.lines.len();
            take(Posting {
                account: self.chart.gst,
                amount: upto[tax] - before[tax],
                ..head
            });
            if spilt != 0 {
                take(Posting {
                    account: self.chart.debtors,
                    amount: spilt,
                    ..head
                });
            }
            before = upto;
        }
    }

    fn post_lines<'a>(
        &'a self,
        lines: &'a [Line],
        amounts: Amounts,
        sign: Cents,
        head: Posting<'a>,
        take: Take<'a, '_>,
    ) {
        for line in lines {
            take(Posting {
                // Only drafts have lines without an account, and they post nothing.
                account: line.account.unwrap_or(self.chart.debtors),
                amount: sign * line.net(amounts),
                tracking: &line.tracking,
                ..head
            });
            if line.tax != 0 {
                take(Posting {
                    account: self.chart.gst,
                    amount: sign * line.tax,
                    ..head
                });
            }
        }
    }

    /// The trial balance of the days from `from` to `to`, both within; amounts in cents.
    pub fn trial_balance(&self, from: Option<Date>, to: Option<Date>, by_tracking: bool) -> Value {
        let mut sums: BTreeMap<Group<'_>, (usize, Cents)> = BTreeMap::new();
        self.postings(&mut |posting| {
            if within(posting.date, from, to) {
                let mut tracking = if by_tracking {
                    posting.tracking.to_vec()
                } else {
                    Vec::new()
                };
                tracking.sort_unstable();
                let code = self.chart.accounts[posting.account].code.as_str();
                sums.entry((code, tracking)).or_insert((posting.account, 0)).1 += posting.amount;
            }
        });
        let (mut debits, mut credits) = (0, 0);
        let mut rows = Vec::new();
        for ((_, tracking), (account, sum)) in sums {
            if sum == 0 {
                continue;
            }
            let account = &self.chart.accounts[account];
            debits += sum.max(0);
            credits += (-sum).max(0);
            let mut row = json!({
                "code": account.code,
                "name": account.name,
                "class": account.class.name(),
                "debit": sum.max(0),
                "credit": (-sum).max(0),
            });
            if by_tracking {
                row["tracking"] = self.tracking_names(&tracking);
            }
            rows.push(row);
        }
        json!({
            "at": to.map(|date| date.to_string()),
            "balanced": debits == credits,
            "total_debit": debits,
            "total_credit": credits,
            "accounts": rows,
        })
    }

    fn tracking_names(&self, tracking: &[(usize, usize)]) -> Value {
        let mut names = json!({});
        for (category, option) in tracking {
            let category = &self.chart.tracking[*category];
            names[&category.name] = json!(category.options[*option].name);
        }
        names
    }

    /// What each contact owes at the end of a day (or of all days, aged as of today), by the debtors' account and by the
    /// age of what is due: `owed` = the sum of `aged` + `credit`, which is not above zero. `prepaid` is what was received
    /// in advance and not used yet; it is no part of `owed`. Amounts in cents.
    pub fn debtors(&self, at: Option<Date>, today: Date) -> Value {
        let seen = |date: Date| within(date, None, at);
        let mut all: BTreeMap<usize, Owed> = BTreeMap::new();
        self.postings(&mut |posting| {
            if posting.account == self.chart.debtors
                && seen(posting.date)
                && let Some(contact) = posting.contact
            {
                all.entry(contact).or_default().owed += posting.amount;
            }
        });
        for (place, document) in self.documents.iter().enumerate() {
            if !document.status.is_posted() {
                continue;
            }
            let own = if seen(document.date) { document.totals.whole } else { 0 };
            let paid = self.payments_of(place).filter(|row| seen(row.date));
            let credited = self.allocations_of(place).filter(|row| seen(row.date));
            let settled: Cents = paid.map(|row| row.amount).chain(credited.map(|row| row.amount)).sum();
            let open = own - settled;
            if open == 0 {
                continue;
            }
            let row = all.entry(document.contact).or_default();
            match document.kind {
                Kind::Invoice => {
                    let due = document.due.unwrap_or(document.date);
                    let late = at.unwrap_or(today).since(due).map_or(0, |span| span.get_days());
                    let bucket = AGES
                        .iter()
                        .position(|(_, most)| late <= *most)
                        .unwrap_or(AGES.len() - 1);
                    row.aged[bucket] += open;
                }
                Kind::CreditNote | Kind::Overpayment => row.credit -= open,
                Kind::Prepayment => row.prepaid += open,
            }
        }
        let total: Cents = all.values().map(|row| row.owed).sum();
        let rows: Vec<Value> = all
            .into_iter()
            .filter(|(_, row)| *row != Owed::default())
            .map(|(contact, row)| {
                let contact = &self.contacts[contact];
                let aged: serde_json::Map<String, Value> = AGES
                    .iter()
                    .zip(row.aged)
                    .map(|((name, _), cents)| ((*name).to_owned(), json!(cents)))
                    .collect();
                json!({
                    "contact_id": contact.id,
                    "contact_number": contact.number,
                    "name": contact.name,
                    "owed": row.owed,
                    "aged": aged,
                    "credit": row.credit,
                    "prepaid": row.prepaid,
                })
            })
            .collect();
        json!({"at": at.map(|date| date.to_string()), "total": total, "contacts": rows})
    }

    /// Every posting of the days from `from` to `to`, for whoever wants to add up by himself; amounts in cents.
    pub fn journal(&self, from: Option<Date>, to: Option<Date>) -> Value {
        let mut rows = Vec::new();
        self.postings(&mut |posting| {
            if within(posting.date, from, to) && posting.amount != 0 {
                rows.push(json!({
                    "date": posting.date.to_string(),
                    "account": self.chart.accounts[posting.account].code,
                    "amount": posting.amount,
                    "tracking": self.tracking_names(posting.tracking),
                    "contact_id": posting.contact.map(|contact| self.contacts[contact].id.as_str()),
                    "source": posting.source.0,
                    "id": posting.source.1,
                }));
            }
        });
        Value::Array(rows)
    }
}

fn within(date: Date, from: Option<Date>, to: Option<Date>) -> bool {
    from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to)
}
