//! Totals of invoices, kept from their lines and payments.
//!
//! A line's net is quantity x (base + surcharge - deduction - discount), its tax quantity x tax, each rounded to cents,
//! halves away from zero. Voided and unassigned lines count for nothing; written-off lines stay charged and are no longer
//! owed. Payments and deposits that name the invoice lower its balance, refunds raise it; failed and voided rows and
//! discounts are no money. \[inferred: Halaxy documents the members, not how they are computed\]

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

use super::kinds::{INVOICE, LINE, PAYMENT};
use super::store::Documents;

/// What an invoice adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    net: Decimal,
    tax: Decimal,
    given_up: Decimal,
    paid: Decimal,
}

impl Totals {
    /// Counts a line in.
    pub fn add_line(&mut self, line: &Value) {
        let status = line["status"].as_str().unwrap_or("active");
        if matches!(status, "voided" | "unassigned") {
            return;
        }
        let (net, tax) = line_amounts(line);
        self.net += net;
        self.tax += tax;
        if status == "write-off" {
            self.given_up += net + tax;
        }
    }

    /// Counts a row of payments in.
    pub fn add_row(&mut self, row: &Value) {
        if !is_money(row) {
            return;
        }
        let amount = components(row, "priceComponent")
            .map(|(_, amount)| amount)
            .sum::<Decimal>()
            .abs();
        let refund = row.as_object().is_some_and(is_refund);
        self.paid += if refund { -amount } else { amount };
    }

    /// Writes the five totals into an invoice.
    pub fn write(self, invoice: &mut Value, currency: &Value) {
        for (member, total) in self.shown(currency) {
            invoice[member] = total;
        }
    }

    /// The five totals, as invoices show them.
    pub fn shown(self, currency: &Value) -> [(&'static str, Value); 5] {
        let gross = self.net + self.tax;
        [
            ("totalNet", self.net),
            ("totalTax", self.tax),
            ("totalGross", gross),
            ("totalPaid", self.paid),
            ("totalBalance", gross - self.given_up - self.paid),
        ]
        .map(|(member, amount)| (member, json!({"value": number(amount), "currency": currency})))
    }
}

impl Documents {
    /// Writes an invoice's totals anew; says whether they changed.
    pub fn settle(&mut self, invoice: &str, now: i64, moves: bool) -> bool {
        let Some(mut body) = self.body(INVOICE, invoice) else {
            return false;
        };
        let before = body.clone();
        let totals = self.totals(invoice);
        let currency = self.currency_of(invoice, &body);
        totals.write(&mut body, &currency);
        if body == before {
            return false;
        }
        self.store(INVOICE, invoice, &body, now, moves);
        true
    }

    fn totals(&self, invoice: &str) -> Totals {
        let mut totals = Totals::default();
        for (_, line) in self.of_invoice(invoice, LINE) {
            totals.add_line(&line);
        }
        for (_, row) in self.of_invoice(invoice, PAYMENT) {
            totals.add_row(&row);
        }
        totals
    }

    fn currency_of(&self, invoice: &str, body: &Value) -> Value {
        let said = body["totalGross"]["currency"].clone();
        if said.is_string() {
            return said;
        }
        let lines = self.of_invoice(invoice, LINE);
        let of_line = lines
            .iter()
            .map(|(_, line)| line["unitPriceComponent"][0]["amount"]["currency"].clone())
            .find(Value::is_string);
        of_line.unwrap_or_else(|| "AUD".into())
    }
}

/// Net and tax of a line, in whole cents.
fn line_amounts(line: &Value) -> (Decimal, Decimal) {
    let quantity = decimal(&line["quantity"]);
    let (mut net, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for (kind, amount) in components(line, "unitPriceComponent") {
        match kind {
            "tax" => tax += amount,
            "deduction" | "discount" => net -= amount.abs(),
            "informational" => {}
            _ => net += amount,
        }
    }
    (cents(quantity * net), cents(quantity * tax))
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn components<'a>(body: &'a Value, member: &str) -> impl Iterator<Item = (&'a str, Decimal)> + use<'a> {
    let parts = body[member].as_array().into_iter().flatten();
    parts.map(|part| {
        (
            part["type"].as_str().unwrap_or("base"),
            decimal(&part["amount"]["value"]),
        )
    })
}

/// A JSON number as a decimal; nothing if it is none.
pub(super) fn decimal(value: &Value) -> Decimal {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Decimal::ZERO,
    };
    text.parse()
        .or_else(|_| Decimal::from_scientific(&text))
        .unwrap_or_default()
}

/// A decimal as a JSON number.
fn number(amount: Decimal) -> Value {
    serde_json::from_str(&amount.normalize().to_string()).unwrap_or(Value::Null)
}

fn says(row: &Map<String, Value>, member: &str, word: &str) -> bool {
    let items = row.get(member).and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item["text"].as_str())
        .any(|text| text.eq_ignore_ascii_case(word))
}

/// Whether a row of payments gives money back.
pub(super) fn is_refund(row: &Map<String, Value>) -> bool {
    says(row, "type", "Refund")
}

fn is_money(row: &Value) -> bool {
    let Some(row) = row.as_object() else {
        return false;
    };
    let undone = ["Voided", "Cancelled", "Deleted"];
    !says(row, "type", "Failed")
        && !says(row, "method", "Discount")
        && !undone.into_iter().any(|word| says(row, "status", word))
}
