//! What the practice's software says happened: invoices, their lines, payments, and what they refer to.
//! Read from Halaxy's resources (halaxy-api.md 7.2, 7.5-7.7); nothing here is decided by the bridge.
//!
//! Ids are Halaxy's own, without the address (`600001`, `FD-150001`, `PR-700001`). Dates are the practice's.

use super::money::{Cents, Currency};
use crate::entity::Time;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything read so far, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Invoices.
    pub invoices: BTreeMap<String, Invoice>,
    /// Lines of all invoices; joined by [`Line::invoice`], since invoices list none themselves.
    pub lines: BTreeMap<String, Line>,
    /// Payments, deposits, refunds, and rows that are no money.
    pub payments: BTreeMap<String, Payment>,
    /// Fees, by id.
    pub charges: BTreeMap<String, Charge>,
    /// Claim details, by id.
    pub covers: BTreeMap<String, Cover>,
    /// Funders and other organisations, by id.
    pub organisations: BTreeMap<String, Organisation>,
    /// Practitioners at locations, by id.
    pub roles: BTreeMap<String, Role>,
}

/// A patient or an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A patient, by id.
    Patient(String),
    /// An organisation (a funder `FD-`, a clinic `CL-`, or another), by id.
    Organisation(String),
}

/// Invoice or quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// Owed.
    Invoice,
    /// An offer; never posted.
    Quote,
}

/// One invoice. Paid means `balance <= 0`; the status stays `active` (halaxy-api.md 7.7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// Id, which is the invoice number.
    pub id: String,
    /// Invoice or quote.
    pub kind: InvoiceKind,
    /// As written; an open set (active, issued, balanced, write-off, cancelled, draft, paid).
    pub status: String,
    /// Who owes it.
    pub payer: Option<Party>,
    /// The payer's name as the invoice shows it. Personal.
    pub payer_name: String,
    /// Date of issue.
    pub date: Date,
    /// Practitioner roles named on it.
    pub roles: Vec<String>,
    /// Currency of all amounts.
    pub currency: Currency,
    /// Without tax.
    pub net: Cents,
    /// Tax.
    pub tax: Cents,
    /// With tax.
    pub gross: Cents,
    /// Paid so far, as Halaxy counts it.
    pub paid: Cents,
    /// Still owed, as Halaxy counts it.
    pub balance: Cents,
    /// Removed in Halaxy (confirmed by a direct read).
    pub removed: bool,
}

/// How a line stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineStatus {
    /// Charged.
    Active,
    /// Charged, and closed for edits in Halaxy.
    Locked,
    /// Taken back.
    Voided,
    /// Not (or no longer) on an invoice.
    Unassigned,
    /// Owed and given up.
    WriteOff,
    /// Another word, kept as written: its invoice is held.
    Other(String),
}

/// What part of a unit's price it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// The fee.
    Base,
    /// Added to it.
    Surcharge,
    /// Taken off it.
    Deduction,
    /// Taken off it.
    Discount,
    /// Tax on it.
    Tax,
    /// Counts for nothing.
    Informational,
}

/// One part of a unit's price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Which part.
    pub kind: PriceKind,
    /// Per unit, in the invoice's currency; may be finer than a cent. Deductions and discounts take off whether
    /// they are written with a minus or without.
    pub amount: Decimal,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Id.
    pub id: String,
    /// Its invoice; none while unassigned.
    pub invoice: Option<String>,
    /// How it stands.
    pub status: LineStatus,
    /// Item number.
    pub code: Option<String>,
    /// The fee it was made from, where Halaxy says.
    pub charge: Option<String>,
    /// As written. May name a service; never sent unless the configuration says so.
    pub description: String,
    /// The patient it is about.
    pub patient: Option<String>,
    /// The appointment it is for.
    pub appointment: Option<String>,
    /// Service date.
    pub entered: Option<Date>,
    /// Who performed it: a practitioner role.
    pub role: Option<String>,
    /// How many units.
    pub quantity: Decimal,
    /// What a unit costs.
    #[serde(deserialize_with = "super::tight::list")]
    pub prices: Vec<Price>,
    /// The funder named on it.
    pub funder: Option<String>,
    /// The claim details named on it.
    pub cover: Option<String>,
}

/// What a row of payments is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Money received for an invoice, or not yet assigned to one.
    Payment,
    /// Money received in advance.
    Deposit,
    /// Money given back.
    Refund,
    /// Not money: a discount or a failed attempt ("Discount", "Failed").
    NotMoney,
    /// Another word, kept as written: the row is held.
    Other(String),
}

/// One row of payments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// Id.
    pub id: String,
    /// What it is.
    pub kind: PaymentKind,
    /// How it was paid, as written ("Cash", "EFTPOS", "HICAPS", ...).
    pub method: String,
    /// When it was recorded, microseconds since 1970 UTC.
    pub created: Time,
    /// The practice's date of that moment.
    pub date: Date,
    /// How much; a refund is positive here, whichever sign Halaxy shows.
    pub amount: Cents,
    /// Currency.
    pub currency: Currency,
    /// The invoice it is for; none while it is unassigned.
    pub invoice: Option<String>,
    /// Who paid, where Halaxy says.
    pub payer: Option<Party>,
    /// Whether Halaxy marks it as undone ("voided", "cancelled", "deleted" among its states).
    pub void: bool,
    /// Removed in Halaxy (confirmed by a direct read).
    pub removed: bool,
}

/// A fee (`ChargeItemDefinition`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Id.
    pub id: String,
    /// Item number.
    pub code: Option<String>,
    /// Title, as written.
    pub title: String,
    /// Fee category, as written.
    pub category: Option<String>,
    /// Funder's name, as text.
    pub funder: Option<String>,
    /// Still in use.
    pub active: bool,
}

/// Who pays by a coverage (`coverage-payer` 29 to 32, halaxy-api.md 7.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverPayer {
    /// The patient pays, and may claim.
    Patient,
    /// An organisation pays.
    Organisation,
}

/// Claim details (`Coverage`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Id.
    pub id: String,
    /// Who pays.
    pub payer: Option<CoverPayer>,
    /// Funders and other payors.
    pub payors: Vec<Party>,
    /// Still good.
    pub active: bool,
}

/// A funder, clinic or other organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Id, with its prefix (`FD-` funder, `CL-` clinic).
    pub id: String,
    /// Name.
    pub name: String,
}

/// A practitioner at a location (`PractitionerRole`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Id (`PR-700001`).
    pub id: String,
    /// The practitioner's id.
    pub practitioner: Option<String>,
    /// The practitioner's name, where Halaxy shows it.
    pub name: String,
    /// The location: a clinic's id (`CL-`).
    pub location: Option<String>,
}
