//! Finding an occasion, and what is typed then.

use super::super::model::{LineState, Model, PaymentModel, Row};
use super::super::{Doing, bodies};
use super::Desk;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

/// So many records are looked at for an occasion.
const TRIES: usize = 400;

impl Desk<'_> {
    /// An invoice that fits.
    pub(super) fn invoice(&mut self, fits: impl Fn(&Model, usize) -> bool) -> Option<usize> {
        for _ in 0..TRIES {
            let place = self.rng.random_range(0..self.model.invoices.len());
            if self.model.invoices[place].usable() && fits(self.model, place) {
                self.invoice = Some(place);
                return Some(place);
            }
        }
        None
    }

    /// A line that fits.
    pub(super) fn line(&mut self, fits: impl Fn(&Model, usize, usize) -> bool) -> Option<(usize, usize)> {
        for _ in 0..TRIES {
            let place = self.rng.random_range(0..self.model.invoices.len());
            let nth = self.rng.random_range(0..self.model.invoices[place].lines.len());
            if self.model.invoices[place].usable() && fits(self.model, place, nth) {
                self.invoice = Some(place);
                return Some((place, nth));
            }
        }
        None
    }

    /// Money for an invoice that can still be changed.
    pub(super) fn payment(&mut self, fits: impl Fn(&PaymentModel) -> bool) -> Option<usize> {
        for _ in 0..TRIES {
            let place = self.rng.random_range(0..self.model.payments.len());
            let row = &self.model.payments[place];
            let invoice = row.invoice.filter(|invoice| self.model.invoices[*invoice].usable());
            // What was given back came out of it.
            let refunded = invoice.is_some_and(|invoice| {
                let rows = self.model.invoices[invoice].payments.iter();
                rows.into_iter()
                    .any(|other| self.model.payments[*other].row == Row::Refund)
            });
            if invoice.is_some() && !refunded && row.received() != 0 && fits(row) {
                self.invoice = invoice;
                return Some(place);
            }
        }
        None
    }

    /// Money without an invoice, not given back yet.
    pub(super) fn deposit(&mut self, fits: impl Fn(&PaymentModel) -> bool) -> Option<usize> {
        let free = |row: &PaymentModel| row.invoice.is_none() && row.received() > 0;
        let back: Vec<_> = self
            .model
            .payments
            .iter()
            .filter(|row| row.row == Row::Refund && row.invoice.is_none())
            .collect();
        let given = |row: &PaymentModel| {
            back.iter()
                .any(|other| other.payer == row.payer && other.cents == row.cents)
        };
        let all = self.model.payments.iter().enumerate();
        let places: Vec<usize> = all
            .filter(|(_, row)| free(row) && !given(row) && fits(row))
            .map(|(place, _)| place)
            .collect();
        places.choose(self.rng).copied()
    }

    pub(super) fn receive(&mut self, row: PaymentModel) {
        let place = self.model.note(row);
        self.show(place);
    }

    pub(super) fn show(&mut self, payment: usize) {
        let body = bodies::payment(self.model, &self.model.payments[payment]);
        self.create("PaymentTransaction", body);
    }

    pub(super) fn create(&mut self, kind: &'static str, body: Value) {
        self.doings.push(Doing::Create { kind, body });
    }

    pub(super) fn edit_invoice(&mut self, place: usize, patch: Value) {
        self.edit("Invoice", self.model.invoices[place].id, patch);
    }

    pub(super) fn edit_of_line(&mut self, place: usize, nth: usize, patch: Value) {
        self.edit("InvoiceLine", self.model.invoices[place].lines[nth].id, patch);
    }

    pub(super) fn edit_payment(&mut self, place: usize, patch: Value) {
        self.edit("PaymentTransaction", self.model.payments[place].id, patch);
    }

    pub(super) fn edit(&mut self, kind: &'static str, id: u64, patch: Value) {
        self.doings.push(Doing::Edit {
            kind,
            id: id.to_string(),
            patch,
        });
    }

    pub(super) fn line_becomes(&mut self, place: usize, nth: usize, state: LineState) {
        self.model.invoices[place].lines[nth].state = state;
        self.edit_of_line(place, nth, json!({"status": bodies::status(state)}));
    }
}
