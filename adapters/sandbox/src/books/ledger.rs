//! The books themselves: documents, what settles them, and the settings they refer to. Rows refer to each other by
//! place; no row is ever removed.

use std::collections::HashMap;

use jiff::civil::Date;
use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use super::chart::Chart;
use super::contacts::Contact;
use super::money::Cents;
use super::problem::Problem;
use super::table::{Row, Table};

/// The documents that share totals, lines and settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Invoice,
    CreditNote,
    Prepayment,
    Overpayment,
}

impl Kind {
    /// `Invoice`, as members and paths spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoice => "Invoice",
            Self::CreditNote => "CreditNote",
            Self::Prepayment => "Prepayment",
            Self::Overpayment => "Overpayment",
        }
    }

    pub fn plural(self) -> String {
        format!("{}s", self.name())
    }

    /// What `Type` says of it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Invoice => "ACCREC",
            Self::CreditNote => "ACCRECCREDIT",
            Self::Prepayment => "RECEIVE-PREPAYMENT",
            Self::Overpayment => "RECEIVE-OVERPAYMENT",
        }
    }

    /// What `PaymentType` says of money for or from it.
    pub fn payment_type(self) -> &'static str {
        match self {
            Self::Invoice => "ACCRECPAYMENT",
            Self::CreditNote => "ARCREDITPAYMENT",
            Self::Prepayment => "ARPREPAYMENTPAYMENT",
            Self::Overpayment => "AROVERPAYMENTPAYMENT",
        }
    }
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Draft,
    Submitted,
    Authorised,
    Paid,
    Voided,
    Deleted,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Submitted => "SUBMITTED",
            Self::Authorised => "AUTHORISED",
            Self::Paid => "PAID",
            Self::Voided => "VOIDED",
            Self::Deleted => "DELETED",
        }
    }

    pub fn of(text: &str) -> Option<Self> {
        [
            Self::Draft,
            Self::Submitted,
            Self::Authorised,
            Self::Paid,
            Self::Voided,
            Self::Deleted,
        ]
        .into_iter()
        .find(|status| status.name() == text)
    }

    /// Whether a document in it stands in the ledger.
    pub fn is_posted(self) -> bool {
        matches!(self, Self::Authorised | Self::Paid)
    }
}

/// Whether the amounts of lines hold tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amounts {
    Exclusive,
    Inclusive,
    NoTax,
}

impl Amounts {
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "Exclusive",
            Self::Inclusive => "Inclusive",
            Self::NoTax => "NoTax",
        }
    }

    pub fn of(text: &str) -> Option<Self> {
        [Self::Exclusive, Self::Inclusive, Self::NoTax]
            .into_iter()
            .find(|amounts| amounts.name().eq_ignore_ascii_case(text))
    }
}

/// One line of a document. Drafts may lack what approval needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub id: String,
    pub description: Option<String>,
    pub quantity: Decimal,
    pub unit: Decimal,
    pub discount_rate: Option<Decimal>,
    pub discount: Option<Cents>,
    pub account: Option<usize>,
    pub tax_type: Option<String>,
    pub tax: Cents,
    /// With or without the tax, as the document's [`Amounts`] say.
    pub amount: Cents,
    /// Category and option.
    pub tracking: Vec<(usize, usize)>,
}

impl Line {
    /// The amount without the tax.
    pub fn net(&self, amounts: Amounts) -> Cents {
        match amounts {
            Amounts::Inclusive => self.amount - self.tax,
            Amounts::Exclusive | Amounts::NoTax => self.amount,
        }
    }
}

/// The sums of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub net: Cents,
    pub tax: Cents,
    pub whole: Cents,
}

impl Totals {
    pub fn of(lines: &[Line], amounts: Amounts) -> Self {
        let net = lines.iter().map(|line| line.net(amounts)).sum();
        let tax = lines.iter().map(|line| line.tax).sum();
        Self {
            net,
            tax,
            whole: net + tax,
        }
    }
}

/// An invoice, a credit note, a prepayment or an overpayment.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub kind: Kind,
    pub id: String,
    pub number: String,
    pub reference: String,
    pub contact: usize,
    pub date: Date,
    pub due: Option<Date>,
    pub expected: Option<Date>,
    pub status: Status,
    pub amounts: Amounts,
    pub lines: Vec<Line>,
    pub totals: Totals,
    pub url: Option<String>,
    pub sent: bool,
    /// The account that the money of a prepayment or overpayment came to.
    pub bank: Option<usize>,
    pub payments: Vec<usize>,
    pub allocations: Vec<usize>,
    pub updated: i64,
    pub by_app: bool,
}

/// Money for or from a document.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub id: String,
    pub document: usize,
    pub account: usize,
    pub date: Date,
    pub amount: Cents,
    pub reference: String,
    pub reconciled: bool,
    pub live: bool,
    pub updated: i64,
}

/// A credit set off against an invoice.
#[derive(Debug, Clone)]
pub(super) struct Allocation {
    pub id: String,
    pub credit: usize,
    pub invoice: usize,
    pub date: Date,
    pub amount: Cents,
    pub live: bool,
}

/// Money in or out of a bank account without an invoice.
#[derive(Debug, Clone)]
pub(super) struct BankTransaction {
    pub id: String,
    pub kind: String,
    pub contact: Option<usize>,
    pub bank: usize,
    pub date: Date,
    pub reference: String,
    pub amounts: Amounts,
    pub lines: Vec<Line>,
    pub totals: Totals,
    pub live: bool,
    pub reconciled: bool,
    pub url: Option<String>,
    /// The prepayment or overpayment that it made; that one then stands in the ledger instead of this.
    pub document: Option<usize>,
    pub updated: i64,
}

/// A journal somebody wrote by hand; positive amounts are debits.
#[derive(Debug, Clone)]
pub(super) struct ManualJournal {
    pub id: String,
    pub narration: String,
    pub date: Date,
    pub amounts: Amounts,
    pub lines: Vec<Line>,
    /// `DRAFT`, `POSTED`, `DELETED` or `VOIDED`.
    pub status: &'static str,
    pub url: Option<String>,
    pub updated: i64,
}

macro_rules! rows {
    ($($kind:ty),+) => {$(
        impl Row for $kind {
            fn id(&self) -> &str {
                &self.id
            }
            fn updated(&self) -> i64 {
                self.updated
            }
        }
    )+};
}
rows!(Document, Payment, BankTransaction, ManualJournal, Contact);

impl Row for Allocation {
    fn id(&self) -> &str {
        &self.id
    }
    /// An allocation has no time of its own.
    fn updated(&self) -> i64 {
        0
    }
}

/// Who acts, when, and how exactly.
pub(super) struct Act<'a> {
    pub now: i64,
    pub today: Date,
    /// Decimal places kept of unit prices: 2, or 4 by `unitdp=4`.
    pub unit_dp: u32,
    /// An app is held to all rules; a person at the screen is trusted (and acts past locks and payments).
    pub by_app: bool,
    pub passes_locks: bool,
    pub rng: &'a mut StdRng,
}

impl Act<'_> {
    /// A new UUID from the seed.
    pub fn id(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.random())
            .into_uuid()
            .to_string()
    }
}

/// Everything that one organisation's books hold.
#[derive(Clone)]
pub(super) struct Ledger {
    pub chart: Chart,
    pub contacts: Table<Contact>,
    pub documents: Table<Document>,
    pub payments: Table<Payment>,
    pub allocations: Table<Allocation>,
    pub bank: Table<BankTransaction>,
    pub journals: Table<ManualJournal>,
    /// Contacts by their name in lower case, archived ones included.
    pub names: HashMap<String, usize>,
    /// Contacts by `ContactNumber`.
    pub contact_numbers: HashMap<String, usize>,
    /// Documents by their number in lower case, voided ones included.
    pub numbers: HashMap<(Kind, String), usize>,
    /// The documents of each contact.
    pub of_contact: HashMap<usize, Vec<usize>>,
    pub counters: HashMap<Kind, u64>,
}

impl Ledger {
    pub fn new(chart: Chart) -> Self {
        Self {
            chart,
            contacts: Table::default(),
            documents: Table::default(),
            payments: Table::default(),
            allocations: Table::default(),
            bank: Table::default(),
            journals: Table::default(),
            names: HashMap::new(),
            contact_numbers: HashMap::new(),
            numbers: HashMap::new(),
            of_contact: HashMap::new(),
            counters: HashMap::new(),
        }
    }

    /// The live payments of a document.
    pub fn payments_of(&self, place: usize) -> impl Iterator<Item = &Payment> {
        let ids = self.documents[place].payments.iter();
        ids.map(|id| &self.payments[*id]).filter(|payment| payment.live)
    }

    /// The live allocations of an invoice or a credit.
    pub fn allocations_of(&self, place: usize) -> impl Iterator<Item = &Allocation> {
        let ids = self.documents[place].allocations.iter();
        ids.map(|id| &self.allocations[*id])
            .filter(|allocation| allocation.live)
    }

    /// What was paid, or refunded.
    pub fn paid(&self, place: usize) -> Cents {
        self.payments_of(place).map(|payment| payment.amount).sum()
    }

    /// What was credited, or set off.
    pub fn credited(&self, place: usize) -> Cents {
        self.allocations_of(place).map(|allocation| allocation.amount).sum()
    }

    /// The amount due of an invoice, or the credit that remains.
    pub fn open(&self, place: usize) -> Cents {
        self.documents[place].totals.whole - self.paid(place) - self.credited(place)
    }

    /// Whether money or credit is tied to a document.
    pub fn is_settled_in_part(&self, place: usize) -> bool {
        self.payments_of(place).next().is_some() || self.allocations_of(place).next().is_some()
    }

    /// Sets a posted document's status by what is open, and its time.
    pub fn touch(&mut self, place: usize, now: i64) {
        let open = self.open(place);
        let document = &mut self.documents[place];
        if document.status.is_posted() {
            document.status = if open <= 0 { Status::Paid } else { Status::Authorised };
        }
        document.updated = now;
    }

    /// Adds a document to the books and to all look-ups.
    pub fn add_document(&mut self, document: Document) -> usize {
        let (kind, number, contact) = (document.kind, document.number.to_lowercase(), document.contact);
        let place = self.documents.push(document);
        if !number.is_empty() {
            self.numbers.insert((kind, number), place);
        }
        self.of_contact.entry(contact).or_default().push(place);
        place
    }

    /// The next number that is not taken, as the product gives it.
    pub fn next_number(&mut self, kind: Kind) -> String {
        let prefix = match kind {
            Kind::CreditNote => "CN",
            _ => "INV",
        };
        loop {
            let counter = self.counters.entry(kind).or_insert(0);
            *counter += 1;
            let number = format!("{prefix}-{counter:04}");
            if !self.numbers.contains_key(&(kind, number.to_lowercase())) {
                return number;
            }
        }
    }

    /// Finds a document by its id or its number.
    pub fn document(&self, kind: Kind, name: &str) -> Option<usize> {
        self.documents
            .place(name)
            .filter(|place| self.documents[*place].kind == kind)
            .or_else(|| self.numbers.get(&(kind, name.to_lowercase())).copied())
    }

    /// Refuses a day under a lock. The wording is the product's, quoted in waynerobinson/xeroizer issue 92.
    pub fn check_lock(&self, date: Date, act: &Act<'_>) -> Result<(), Problem> {
        if !act.by_app || act.passes_locks {
            return Ok(());
        }
        match self.chart.lock_on(date) {
            None => Ok(()),
            Some((name, lock)) => Err(Problem::of(format!(
                "The document date cannot be before the {name} lock date, currently set at {}",
                lock.strftime("%d-%b-%Y")
            ))),
        }
    }
}
