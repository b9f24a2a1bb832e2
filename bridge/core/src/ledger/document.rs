//! What is posted, in words that every accounting product has, and what the books show of it afterwards.

use super::money::{Cents, Currency};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A debtor in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Our own key, kept in the books' free key field (`HX-P-900001`); never changes. At most 50 characters.
    pub key: String,
    /// The name to show: unique among contacts of the books, archived ones included. At most 255 characters.
    pub name: String,
}

/// Kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A sales invoice. Raises what a debtor owes.
    Invoice,
    /// A credit note. Lowers it once allocated; until then it is the debtor's credit.
    CreditNote,
    /// Money received for an invoice, into an account.
    Payment,
    /// Money received before there is an invoice, into an account.
    Prepayment,
    /// Money received beyond what an invoice asks, into an account.
    Overpayment,
    /// A credit (credit note, prepayment or overpayment) used for an invoice.
    Allocation,
    /// Money given back out of a credit (credit note, prepayment or overpayment), from an account.
    Refund,
    /// A journal: lines that sum to nothing, tax included. No debtor.
    Journal,
}

impl DocumentKind {
    /// Its name in connector files, and in words about it.
    pub fn name(self) -> &'static str {
        match self {
            DocumentKind::Invoice => "invoice",
            DocumentKind::CreditNote => "credit_note",
            DocumentKind::Payment => "payment",
            DocumentKind::Prepayment => "prepayment",
            DocumentKind::Overpayment => "overpayment",
            DocumentKind::Allocation => "allocation",
            DocumentKind::Refund => "refund",
            DocumentKind::Journal => "journal",
        }
    }
}

/// One document to be posted. Complete: nothing of it is looked up at posting but the remote ids of what it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Kind.
    pub kind: DocumentKind,
    /// Our own key: unique among all documents of the practice, stable over repeats. It becomes the number (invoices,
    /// credit notes), the reference (payments, refunds, receipts) or the narration (journals), and is what the
    /// document is looked up by. At most 64 ASCII characters.
    pub key: String,
    /// Further text a bookkeeper sees beside the key (e.g. the service date of what posts later). Names no person.
    pub note: String,
    /// Accounting date.
    pub date: Date,
    /// When an invoice is due.
    pub due: Option<Date>,
    /// Currency of all amounts.
    pub currency: Currency,
    /// Key of the debtor's [`Contact`]; none for journals, payments, allocations and refunds.
    pub contact: Option<String>,
    /// Key of the document it acts on: the invoice of a payment, the credit of an allocation or refund.
    pub of: Option<String>,
    /// Key of the invoice that an allocation goes to.
    pub to: Option<String>,
    /// The bank or clearing account of a payment, prepayment, overpayment or refund, by code.
    pub account: Option<String>,
    /// Lines of invoices, credit notes, prepayments (one line), overpayments (one line) and journals. All amounts of
    /// invoices, credit notes, prepayments and overpayments are positive unless a line takes off; journal lines are
    /// positive for a debit, negative for a credit.
    #[serde(deserialize_with = "super::tight::list")]
    pub lines: Vec<DocumentLine>,
    /// Net and tax together; the amount of a payment, allocation or refund. Zero for journals.
    pub total: Cents,
    /// Tax in it.
    pub tax: Cents,
}

impl Document {
    /// A journal: its lines sum up to nothing, and it has neither debtor nor total.
    pub(crate) fn journal(
        key: String,
        note: String,
        date: Date,
        currency: Currency,
        lines: Vec<DocumentLine>,
    ) -> Document {
        Document {
            kind: DocumentKind::Journal,
            key,
            note,
            date,
            due: None,
            currency,
            contact: None,
            of: None,
            to: None,
            account: None,
            lines,
            total: Cents::ZERO,
            tax: Cents::ZERO,
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// What it is for, in words that name no service and no patient unless the configuration allows.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// Without tax, per unit; at most four decimal places. `quantity x unit`, rounded to cents, is `net`.
    pub unit: Decimal,
    /// Without tax.
    pub net: Cents,
    /// Tax, stated, not left to the books.
    pub tax: Cents,
    /// Account, by code.
    pub account: String,
    /// Tax rate, by code.
    pub tax_code: String,
    /// Option by tracking category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracking: BTreeMap<String, String>,
    /// Which rule coded it.
    pub rule: String,
}

/// How a document stands in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not posted yet: a draft, or waiting for approval.
    Draft,
    /// Posted; something is open on it.
    Open,
    /// Posted, nothing is open on it.
    Settled,
    /// Voided or deleted.
    Void,
}

/// What the books show of one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Kind.
    pub kind: DocumentKind,
    /// Id in the books.
    pub remote_id: String,
    /// Number or reference as shown there, as far as it can be one of ours.
    pub key: Option<String>,
    /// How it stands.
    pub status: Status,
    /// Accounting date.
    pub date: Date,
    /// Currency, where shown.
    pub currency: Option<Currency>,
    /// The contact's id in the books.
    pub contact: Option<String>,
    /// Id in the books of the document it acts on (the invoice of a payment, the credit of a refund).
    pub of: Option<String>,
    /// Id in the books of the invoice an allocation goes to.
    pub to: Option<String>,
    /// The account of a payment, prepayment, overpayment or refund, by code, where shown.
    pub account: Option<String>,
    /// Net and tax together; the amount of a payment.
    pub total: Cents,
    /// Tax, where shown.
    pub tax: Option<Cents>,
    /// Still open on it: what an invoice asks, what is left of a credit; where shown.
    pub open: Option<Cents>,
    /// Lines, where shown; none in lists that leave them out.
    #[serde(default, deserialize_with = "super::tight::maybe")]
    pub lines: Option<Vec<ShownLine>>,
    /// The vendor's change mark, compared for equality only.
    pub mark: Option<String>,
}

/// One line as the books show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShownLine {
    /// Account, by code.
    pub account: String,
    /// Tax rate, by code, where it has one.
    pub tax_code: Option<String>,
    /// Without tax.
    pub net: Cents,
    /// Tax.
    pub tax: Cents,
    /// Option by tracking category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracking: BTreeMap<String, String>,
}
