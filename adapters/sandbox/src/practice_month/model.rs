//! The practice's own memory of what it billed and was paid, in whole numbers: unit prices in hundredths of a cent,
//! quantities in hundredths, amounts in cents. Nothing here is read back from a resource.

use jiff::civil::Date;
use std::collections::BTreeMap;

use super::fees::{FEES, Fee, PayerType};

/// A debtor: a patient by place, or an organisation by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Payer {
    Patient(usize),
    Organisation(&'static str),
}

impl Payer {
    /// As a relative reference.
    pub fn reference(self) -> String {
        match self {
            Payer::Patient(place) => format!("Patient/{}", patient_id(place)),
            Payer::Organisation(id) => format!("Organization/{id}"),
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Payer::Patient(_) => "Patient",
            Payer::Organisation(_) => "Organization",
        }
    }
}

/// The id that the stand-in gives the patient at that place of a list.
pub(super) fn patient_id(place: usize) -> usize {
    900_001 + place
}

/// How a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineState {
    Active,
    Locked,
    Voided,
    WrittenOff,
}

/// What a unit of a line costs, in hundredths of a cent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Price {
    pub base: i64,
    pub surcharge: i64,
    pub deduction: i64,
    pub discount: i64,
    pub tax: i64,
    pub informational: i64,
}

impl Price {
    pub fn net(self) -> i64 {
        self.base + self.surcharge - self.deduction - self.discount
    }
}

#[derive(Debug, Clone)]
pub(super) struct LineModel {
    pub id: u64,
    pub fee: usize,
    /// In hundredths.
    pub quantity: i64,
    pub price: Price,
    pub state: LineState,
    pub entered: Date,
    pub note: &'static str,
}

impl LineModel {
    pub fn fee(&self) -> &'static Fee {
        &FEES[self.fee]
    }

    pub fn charged(&self) -> bool {
        self.state != LineState::Voided
    }

    /// Without tax, in cents.
    pub fn net(&self) -> i64 {
        to_cents(self.quantity * self.price.net())
    }

    pub fn tax(&self) -> i64 {
        to_cents(self.quantity * self.price.tax)
    }

    pub fn gross(&self) -> i64 {
        self.net() + self.tax()
    }
}

/// Hundredths of hundredths of cents, rounded to cents, halves away from zero.
fn to_cents(fine: i64) -> i64 {
    let half = if fine < 0 { -5_000 } else { 5_000 };
    (fine + half) / 10_000
}

#[derive(Debug, Clone)]
pub(super) struct InvoiceModel {
    pub id: u64,
    pub quote: bool,
    pub status: &'static str,
    pub payer: Payer,
    pub payer_type: PayerType,
    pub patient: usize,
    /// Place in [`super::fees::ROLES`].
    pub role: usize,
    pub date: Date,
    /// Microseconds since 1970.
    pub created: i64,
    pub lines: Vec<LineModel>,
    pub cover: Option<usize>,
    /// Places of its payments.
    pub payments: Vec<usize>,
    pub removed: bool,
}

impl InvoiceModel {
    pub fn net(&self) -> i64 {
        self.lines
            .iter()
            .filter(|line| line.charged())
            .map(LineModel::net)
            .sum()
    }

    pub fn tax(&self) -> i64 {
        self.lines
            .iter()
            .filter(|line| line.charged())
            .map(LineModel::tax)
            .sum()
    }

    pub fn gross(&self) -> i64 {
        self.net() + self.tax()
    }

    /// What was charged and is no longer owed.
    pub fn given_up(&self) -> i64 {
        let lines = self.lines.iter().filter(|line| line.state == LineState::WrittenOff);
        lines.map(LineModel::gross).sum()
    }

    /// Whether something can still be billed on it, paid for it or taken off it.
    pub fn usable(&self) -> bool {
        !self.removed && !self.quote && self.status == "active"
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Payment,
    Deposit,
    Refund,
    /// A failed attempt.
    Failed,
    /// The trace of a discount that the line's price holds already.
    Discount,
}

#[derive(Debug, Clone)]
pub(super) struct PaymentModel {
    pub id: u64,
    pub row: Row,
    pub method: &'static str,
    /// Microseconds since 1970.
    pub at: i64,
    pub date: Date,
    pub cents: i64,
    /// Place of its invoice.
    pub invoice: Option<usize>,
    pub payer: Payer,
    pub patient: usize,
    pub void: bool,
    pub removed: bool,
}

impl PaymentModel {
    /// What it adds to what was received; less than nothing for a refund.
    pub fn received(&self) -> i64 {
        match self.row {
            _ if self.void || self.removed => 0,
            Row::Payment | Row::Deposit => self.cents,
            Row::Refund => -self.cents,
            Row::Failed | Row::Discount => 0,
        }
    }
}

/// Claim details of a patient with a funder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CoverModel {
    pub id: u64,
    pub patient: usize,
    pub funder: &'static str,
    /// `coverage-payer` of Halaxy.
    pub payer: u8,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub invoices: Vec<InvoiceModel>,
    pub payments: Vec<PaymentModel>,
    pub covers: Vec<CoverModel>,
    /// Of patients.
    pub names: Vec<String>,
    /// Places of covers by patient, funder and payer.
    cover_of: BTreeMap<(usize, &'static str, bool), usize>,
    /// What all ids begin after.
    pub first: u64,
    /// Lines made so far.
    lines: u64,
}

impl Model {
    /// An empty practice with these patients, its ids after `first`.
    pub fn of(names: Vec<String>, first: u64) -> Model {
        Model {
            names,
            first,
            ..Model::default()
        }
    }

    /// The id of the next line.
    pub fn line_id(&mut self) -> u64 {
        self.lines += 1;
        self.first + 6_100_000 + self.lines
    }

    /// The patient's claim details with a funder; whoever pays by them the first time pays by them ever after.
    pub fn cover(&mut self, wanted: CoverModel) -> usize {
        let key = (wanted.patient, wanted.funder, wanted.payer == 29);
        let next = self.covers.len();
        let place = *self.cover_of.entry(key).or_insert(next);
        if place == next {
            let id = self.first + 850_001 + next as u64;
            self.covers.push(CoverModel { id, ..wanted });
        }
        place
    }

    /// Notes a row of payments; gives its place.
    pub fn note(&mut self, mut row: PaymentModel) -> usize {
        let place = self.payments.len();
        row.id = self.first + 8_200_001 + place as u64;
        if let Some(invoice) = row.invoice {
            self.invoices[invoice].payments.push(place);
        }
        self.payments.push(row);
        place
    }

    /// Moves a row to an invoice or away from one.
    pub fn assign(&mut self, row: usize, invoice: Option<usize>) {
        if let Some(former) = self.payments[row].invoice {
            self.invoices[former].payments.retain(|other| *other != row);
        }
        if let Some(invoice) = invoice {
            self.invoices[invoice].payments.push(row);
        }
        self.payments[row].invoice = invoice;
    }

    /// Received for an invoice, less what was given back.
    pub fn received(&self, invoice: usize) -> i64 {
        let rows = self.invoices[invoice].payments.iter();
        rows.map(|row| self.payments[*row].received()).sum()
    }

    /// Still owed on an invoice; less than nothing if more was paid than asked.
    pub fn open(&self, invoice: usize) -> i64 {
        let of = &self.invoices[invoice];
        of.gross() - of.given_up() - self.received(invoice)
    }

    pub fn payer_name(&self, payer: Payer) -> String {
        match payer {
            Payer::Patient(place) => self.names[place].clone(),
            Payer::Organisation(id) => {
                let found = super::fees::ORGANISATIONS.iter().find(|(known, ..)| *known == id);
                found.map_or(id, |(_, name, _)| name).to_owned()
            }
        }
    }
}
