//! The practice's own books: the final truth that everything posted is compared with. Amounts are in cents.

use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

use super::fees::{PayerType, ROLES, Treatment};
use super::model::{LineState, Model, Row};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnLine {
    /// Id of the `InvoiceLine`.
    pub id: String,
    /// Item number.
    pub code: &'static str,
    /// Fee category.
    pub category: &'static str,
    /// Tax treatment.
    pub treatment: Treatment,
    /// Id of the `PractitionerRole` who performed it.
    pub role: &'static str,
    /// Id of the clinic.
    pub location: &'static str,
    /// The fees are the practitioner's own.
    pub agent: bool,
    /// Without tax.
    pub net: i64,
    /// Tax.
    pub tax: i64,
    /// Charged, and given up.
    pub written_off: bool,
}

/// One invoice that stands: neither a quote nor removed. A cancelled one has no lines and no amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnInvoice {
    /// Who owes it, e.g. `Patient/900001` or `Organization/FD-150001`.
    pub payer: String,
    /// How it is paid.
    pub payer_type: PayerType,
    /// Date of issue.
    pub date: Date,
    /// Lines that are charged; voided ones are left out.
    pub lines: Vec<OwnLine>,
    /// Without tax.
    pub net: i64,
    /// Tax.
    pub tax: i64,
    /// Received, less what was given back.
    pub received: i64,
    /// Net and tax of lines that were given up.
    pub written_off: i64,
    /// Still owed; less than nothing if more was paid than asked.
    pub open: i64,
}

impl OwnInvoice {
    /// With tax.
    pub fn gross(&self) -> i64 {
        self.net + self.tax
    }
}

/// Money that moved. Failed and undone rows are left out, and so are discounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnPayment {
    /// It was given back.
    pub refund: bool,
    /// It came in advance.
    pub deposit: bool,
    /// How it was paid.
    pub method: &'static str,
    /// The practice's date.
    pub date: Date,
    /// Amount, never negative.
    pub cents: i64,
    /// Its invoice; none while it is the payer's credit.
    pub invoice: Option<String>,
    /// Whose money it is, as in [`OwnInvoice::payer`].
    pub payer: String,
}

/// Money of one method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Receipts {
    /// Received, refunds not taken off.
    pub received: i64,
    /// Given back.
    pub refunded: i64,
}

/// The books at the end, all acts done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OwnBooks {
    /// Invoices by id.
    pub invoices: BTreeMap<String, OwnInvoice>,
    /// Money by id of the row.
    pub payments: BTreeMap<String, OwnPayment>,
}

impl OwnBooks {
    fn lines(&self) -> impl Iterator<Item = &OwnLine> {
        self.invoices.values().flat_map(|invoice| &invoice.lines)
    }

    /// Income without tax by fee category; written-off lines are income still.
    pub fn income(&self) -> BTreeMap<&'static str, i64> {
        sums(self.lines().map(|line| (line.category, line.net)))
    }

    /// Net and tax by treatment.
    pub fn tax(&self) -> BTreeMap<Treatment, (i64, i64)> {
        let mut all = BTreeMap::new();
        for line in self.lines() {
            let (net, tax) = all.entry(line.treatment).or_insert((0, 0));
            *net += line.net;
            *tax += line.tax;
        }
        all
    }

    /// Net and tax given up, by fee category.
    pub fn written_off(&self) -> BTreeMap<&'static str, (i64, i64)> {
        let mut all = BTreeMap::new();
        for line in self.lines().filter(|line| line.written_off) {
            let (net, tax) = all.entry(line.category).or_insert((0, 0));
            *net += line.net;
            *tax += line.tax;
        }
        all
    }

    /// Received and given back by method.
    pub fn receipts(&self) -> BTreeMap<&'static str, Receipts> {
        let mut all: BTreeMap<&'static str, Receipts> = BTreeMap::new();
        for payment in self.payments.values() {
            let of = all.entry(payment.method).or_default();
            if payment.refund {
                of.refunded += payment.cents;
            } else {
                of.received += payment.cents;
            }
        }
        all
    }

    /// What each payer owes on invoices that are not paid; payers who owe nothing are left out.
    pub fn debtors(&self) -> BTreeMap<&str, i64> {
        let owed = self.invoices.values().filter(|invoice| invoice.open > 0);
        sums(owed.map(|invoice| (invoice.payer.as_str(), invoice.open)))
    }

    /// What each payer has in hand: paid beyond what invoices ask, and money without an invoice less what of it was
    /// given back; payers without any are left out.
    pub fn credits(&self) -> BTreeMap<&str, i64> {
        let over = self.invoices.values().filter(|invoice| invoice.open < 0);
        let over = over.map(|invoice| (invoice.payer.as_str(), -invoice.open));
        let free = self.payments.values().filter(|payment| payment.invoice.is_none());
        let free = free.map(|payment| {
            (
                payment.payer.as_str(),
                if payment.refund { -payment.cents } else { payment.cents },
            )
        });
        let mut all = sums(over.chain(free));
        all.retain(|_, cents| *cents != 0);
        all
    }
}

fn sums<K: Ord>(of: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
    let mut all = BTreeMap::new();
    for (key, cents) in of {
        *all.entry(key).or_insert(0) += cents;
    }
    all
}

/// Closes the books over everything the practice remembers.
pub(super) fn close(model: &Model) -> OwnBooks {
    let mut books = OwnBooks::default();
    for (place, of) in model
        .invoices
        .iter()
        .enumerate()
        .filter(|(_, of)| !of.removed && !of.quote)
    {
        let role = ROLES[of.role];
        let lines = of.lines.iter().filter(|line| line.charged()).map(|line| OwnLine {
            id: line.id.to_string(),
            code: line.fee().code,
            category: line.fee().category,
            treatment: line.fee().treatment,
            role: role.id,
            location: role.location,
            agent: role.agent,
            net: line.net(),
            tax: line.tax(),
            written_off: line.state == LineState::WrittenOff,
        });
        let own = OwnInvoice {
            payer: of.payer.reference(),
            payer_type: of.payer_type,
            date: of.date,
            lines: lines.collect(),
            net: of.net(),
            tax: of.tax(),
            received: model.received(place),
            written_off: of.given_up(),
            open: model.open(place),
        };
        books.invoices.insert(of.id.to_string(), own);
    }
    for row in model.payments.iter().filter(|row| row.received() != 0) {
        // Whoever owes the invoice now is whom its money counts for.
        let payer = row.invoice.map_or(row.payer, |place| model.invoices[place].payer);
        let own = OwnPayment {
            refund: row.row == Row::Refund,
            deposit: row.row == Row::Deposit,
            method: row.method,
            date: row.date,
            cents: row.cents,
            invoice: row.invoice.map(|place| model.invoices[place].id.to_string()),
            payer: payer.reference(),
        };
        books.payments.insert(row.id.to_string(), own);
    }
    books
}
