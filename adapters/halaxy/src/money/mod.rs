//! Halaxy's invoices, payments and what they refer to, as the ledger's facts (halaxy-api.md 7.2, 7.5-7.7).
//!
//! [`MoneyReader`] takes bodies apart; [`rounds`] brings them from an account. Nothing of this is ever written.

mod around;
mod invoice;
mod payment;
mod record;
pub mod rounds;

use bridge_core::ledger::{Currency, Fact, FactKind, Fault, ReadFacts, Unreadable};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

/// The kinds the ledger reads, what others refer to first.
pub const MONEY_KINDS: [(&str, FactKind); 8] = [
    ("Organization", FactKind::Organisation),
    ("Practitioner", FactKind::Practitioner),
    ("PractitionerRole", FactKind::Role),
    ("ChargeItemDefinition", FactKind::Charge),
    ("Coverage", FactKind::Cover),
    ("InvoiceLine", FactKind::Line),
    ("PaymentTransaction", FactKind::Payment),
    ("Invoice", FactKind::Invoice),
];

/// Whether a kind is one of [`MONEY_KINDS`].
pub(crate) fn is_money(kind: &str) -> bool {
    MONEY_KINDS.iter().any(|(name, _)| *name == kind)
}

/// Reads Halaxy's resources as facts.
#[derive(Clone, Debug)]
pub struct MoneyReader {
    zone: TimeZone,
    currency: Currency,
}

impl MoneyReader {
    /// `zone` is the practice's time zone, which Halaxy shows nowhere (halaxy-api.md 7.2): instants become dates in
    /// it. `currency` is taken for amounts that name none.
    pub fn new(zone: TimeZone, currency: Currency) -> MoneyReader {
        MoneyReader { zone, currency }
    }
}

impl ReadFacts for MoneyReader {
    fn kinds(&self) -> &'static [(&'static str, FactKind)] {
        &MONEY_KINDS
    }

    fn read(&self, kind: &str, body: &Json) -> Result<Fact, Unreadable> {
        match self.fact_kind(kind) {
            Some(FactKind::Invoice) => invoice::invoice(body, &self.zone, self.currency).map(Fact::Invoice),
            Some(FactKind::Line) => invoice::line(body, &self.zone, self.currency).map(Fact::Line),
            Some(FactKind::Payment) => payment::payment(body, &self.zone, self.currency).map(Fact::Payment),
            Some(FactKind::Charge) => around::charge(body).map(Fact::Charge),
            Some(FactKind::Cover) => around::cover(body).map(Fact::Cover),
            Some(FactKind::Organisation) => around::organisation(body).map(Fact::Organisation),
            Some(FactKind::Role) => around::role(body).map(Fact::Role),
            Some(FactKind::Practitioner) => around::practitioner(body),
            None => Err(Unreadable {
                kind: kind.to_owned(),
                id: crate::bundle::id_of(body).unwrap_or_else(|| "?".into()),
                member: "resourceType".into(),
                fault: Fault::Kind,
                invoice: None,
            }),
        }
    }
}
