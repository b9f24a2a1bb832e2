//! Positions: what a set of documents comes to, by everything that tells amounts apart. Corrections are differences
//! of positions.

use super::document::DocumentLine;
use super::entry::Effect;
use super::money::Cents;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What tells amounts apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Account.
    pub account: String,
    /// Tax rate.
    pub tax_code: String,
    /// Tracking.
    pub tracking: BTreeMap<String, String>,
}

/// Net and tax by place, in the order of places. A document has one or two: a list takes a tenth of what a tree does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(Vec<(Place, (Cents, Cents))>);

impl Position {
    /// Adds an amount.
    pub fn add(&mut self, place: Place, net: Cents, tax: Cents) {
        match self.0.binary_search_by(|(p, _)| p.cmp(&place)) {
            Ok(at) => {
                let sums = &mut self.0[at].1;
                *sums = (sums.0 + net, sums.1 + tax);
            }
            Err(at) => {
                // Most have one place only, and many are kept at once.
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (place, (net, tax)));
            }
        }
    }

    /// Adds a document's lines, times 1 or -1.
    pub fn lines(&mut self, lines: &[DocumentLine], sign: i64) {
        for l in lines {
            let place = Place {
                account: l.account.clone(),
                tax_code: l.tax_code.clone(),
                tracking: l.tracking.clone(),
            };
            self.add(place, Cents(l.net.0 * sign), Cents(l.tax.0 * sign));
        }
    }

    /// Adds shares of a summary, times 1 or -1.
    pub fn effects(&mut self, effects: &[Effect], sign: i64) {
        for e in effects {
            let place = Place {
                account: e.account.clone(),
                tax_code: e.tax_code.clone(),
                tracking: e.tracking.clone(),
            };
            self.add(place, Cents(e.net.0 * sign), Cents(e.tax.0 * sign));
        }
    }

    /// Adds another position, times 1 or -1.
    pub fn plus(&mut self, other: &Position, sign: i64) {
        for (place, (net, tax)) in &other.0 {
            self.add(place.clone(), Cents(net.0 * sign), Cents(tax.0 * sign));
        }
    }

    /// Whether nothing is left.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|(_, (n, t))| n.is_zero() && t.is_zero())
    }

    /// All net and all tax.
    pub fn totals(&self) -> (Cents, Cents) {
        let sum = |(n, t): (Cents, Cents), (_, net, tax): (&Place, Cents, Cents)| (n + net, t + tax);
        self.parts().fold((Cents::ZERO, Cents::ZERO), sum)
    }

    /// What is left, nothings left out.
    pub fn parts(&self) -> impl Iterator<Item = (&Place, Cents, Cents)> {
        self.0
            .iter()
            .filter(|(_, (n, t))| !n.is_zero() || !t.is_zero())
            .map(|(p, (n, t))| (p, *n, *t))
    }

    /// As shares of a summary.
    pub fn to_effects(&self) -> Vec<Effect> {
        self.parts()
            .map(|(p, net, tax)| Effect {
                account: p.account.clone(),
                tax_code: p.tax_code.clone(),
                tracking: p.tracking.clone(),
                net,
                tax,
            })
            .collect()
    }

    /// The parts above nothing, and those below it with their signs turned, as lines of one unit each.
    pub fn split(&self, text: &str, rule: &str) -> (Vec<DocumentLine>, Vec<DocumentLine>) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (place, net, tax) in self.parts() {
            let sum = net + tax;
            let falls = sum.is_negative() || (sum.is_zero() && net.is_negative());
            let sign = if falls { -1 } else { 1 };
            let net = Cents(net.0 * sign);
            let line = DocumentLine {
                description: text.into(),
                quantity: Decimal::ONE,
                unit: net.decimal().normalize(),
                net,
                tax: Cents(tax.0 * sign),
                account: place.account.clone(),
                tax_code: place.tax_code.clone(),
                tracking: place.tracking.clone(),
                rule: rule.into(),
            };
            if falls { down.push(line) } else { up.push(line) }
        }
        (up, down)
    }
}
