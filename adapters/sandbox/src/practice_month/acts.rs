//! What people do in the fourteen days after the month.

mod hand;

use super::fees::{ORGANISATIONS, PayerType, method_of};
use super::first::{date_of, deposit, desk, line, row, taxed};
use super::model::{LineState, Model, Payer, PaymentModel, Row};
use super::{Act, Doing, MonthOptions, bodies, moment};
use jiff::ToSpan;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How often each act is drawn among a hundred and fifty or so.
const ACTS: [(&str, u32); 27] = [
    ("pay the rest", 30),
    ("pay a part", 10),
    ("overpay", 3),
    ("failed payment", 2),
    ("void line", 7),
    ("cancel invoice", 4),
    ("write off line", 7),
    ("write off invoice", 4),
    ("restore written-off line", 3),
    ("refund", 8),
    ("refund what was overpaid", 5),
    ("take deposit", 4),
    ("assign deposit", 6),
    ("assign another's deposit", 2),
    ("refund deposit", 3),
    ("switch payer", 7),
    ("switch payer after payment", 3),
    ("re-date invoice", 7),
    ("edit line before payment", 7),
    ("edit line after payment", 5),
    ("add line", 4),
    ("change fee", 3),
    ("void payment", 4),
    ("delete payment", 3),
    ("delete invoice", 2),
    ("change method", 3),
    ("edit words", 3),
];

/// Draws acts, one for every eight invoices and at least one of each kind where there is an occasion, and does them
/// to the practice's memory.
pub(super) fn invent(options: &MonthOptions, model: &mut Model, rng: &mut StdRng) -> Vec<Act> {
    let allowed: Vec<(&'static str, u32)> = ACTS
        .into_iter()
        .filter(|(name, _)| !options.leave_out.contains(name))
        .collect();
    let mut wanted: Vec<&'static str> = allowed.iter().map(|(name, _)| *name).collect();
    while !allowed.is_empty() && wanted.len() < options.invoices / 8 {
        let all: u32 = allowed.iter().map(|(_, often)| often).sum();
        let mut drawn = rng.random_range(0..all);
        for (name, often) in &allowed {
            if drawn < *often {
                wanted.push(name);
                break;
            }
            drawn -= often;
        }
    }
    let first = options.month.last_of_month();
    let count = wanted.len() as i64;
    let mut acts = vec![];
    for (nth, name) in wanted.into_iter().enumerate() {
        // Fourteen days of ten hours, evenly.
        let minute = nth as i64 * 14 * 600 / count.max(1);
        let day = first.saturating_add((1 + minute / 600).days());
        let mut desk = Desk {
            model,
            rng,
            at: moment(day, 8 * 60 + minute % 600),
            doings: vec![],
            invoice: None,
        };
        if desk.act(name).is_some() {
            let (at, doings) = (desk.at, std::mem::take(&mut desk.doings));
            acts.push(Act {
                at,
                day,
                name,
                invoice: desk.invoice.map(|place| desk.model.invoices[place].id.to_string()),
                doings,
            });
        }
    }
    acts
}

/// Somebody at the screen.
struct Desk<'a> {
    model: &'a mut Model,
    rng: &'a mut StdRng,
    at: i64,
    doings: Vec<Doing>,
    /// The invoice it is about.
    invoice: Option<usize>,
}

impl Desk<'_> {
    /// Does it; `None` if there is no occasion.
    fn act(&mut self, name: &str) -> Option<()> {
        match name {
            "pay the rest" => self.pay(|open, _| open),
            "pay a part" => self.pay(|open, rng| rng.random_range(1..=open)),
            "overpay" => self.pay(|open, rng| open + rng.random_range(1..5_000)),
            "failed payment" => {
                let place = self.invoice(|model, place| model.open(place) > 0)?;
                self.receive(row(self.model, place, Row::Failed, "Braintree", self.at, 1_000));
                Some(())
            }
            "void line" => {
                let (place, nth) = self.line(|model, place, nth| {
                    let lines = &model.invoices[place].lines;
                    // What was paid must not exceed what is left.
                    lines[nth].state == LineState::Active && lines[nth].gross() <= model.open(place) && lines.len() > 1
                })?;
                self.line_becomes(place, nth, LineState::Voided);
                Some(())
            }
            "cancel invoice" => self.end("cancelled", LineState::Voided),
            "write off invoice" => self.end("write-off", LineState::WrittenOff),
            "write off line" => {
                let (place, nth) = self.line(|model, place, nth| {
                    let line = &model.invoices[place].lines[nth];
                    let owed = line.gross() > 0 && line.gross() <= model.open(place);
                    matches!(line.state, LineState::Active | LineState::Locked) && owed
                })?;
                self.line_becomes(place, nth, LineState::WrittenOff);
                Some(())
            }
            "restore written-off line" => {
                let written = |model: &Model, place: usize, nth: usize| {
                    model.invoices[place].lines[nth].state == LineState::WrittenOff
                };
                let (place, nth) = self.line(written)?;
                self.line_becomes(place, nth, LineState::Active);
                Some(())
            }
            "refund" => {
                let place = self.invoice(|model, place| model.received(place) > 100 && model.open(place) >= 0)?;
                let received = self.model.received(place);
                let cents = if self.rng.random_range(0..3) == 0 {
                    received
                } else {
                    received / 3
                };
                self.give_back(place, cents)
            }
            "refund what was overpaid" => {
                let place = self.invoice(|model, place| model.open(place) < 0 && model.received(place) > 0)?;
                let cents = (-self.model.open(place)).min(self.model.received(place));
                self.give_back(place, cents)
            }
            "take deposit" => {
                let made = deposit(self.model, self.rng, date_of(self.at));
                self.model.payments[made].at = self.at;
                self.show(made);
                Some(())
            }
            "assign deposit" => self.assign_deposit(true),
            "assign another's deposit" => self.assign_deposit(false),
            "refund deposit" => {
                let free = self.deposit(|row| row.cents > 0)?;
                let row = &self.model.payments[free];
                // The whole of it, so that what is left of one is never in doubt.
                let refund = PaymentModel {
                    row: Row::Refund,
                    at: self.at,
                    date: date_of(self.at),
                    ..row.clone()
                };
                self.receive(refund);
                Some(())
            }
            "switch payer" => self.switch(|model, place| model.invoices[place].payments.is_empty()),
            "switch payer after payment" => self.switch(|model, place| model.received(place) > 0),
            "re-date invoice" => self.re_date(),
            "edit line before payment" => self.edit_line(|model, place| model.invoices[place].payments.is_empty()),
            "edit line after payment" => self.edit_line(|model, place| model.received(place) > 0),
            "add line" => {
                let place = self.invoice(|_, _| true)?;
                let (payer, date) = (self.model.invoices[place].payer_type, self.model.invoices[place].date);
                let line = line(self.model, self.rng, payer, date);
                self.model.invoices[place].lines.push(line);
                let of = &self.model.invoices[place];
                let body = bodies::line(self.model, of, &of.lines[of.lines.len() - 1]);
                self.create("InvoiceLine", body);
                Some(())
            }
            "change fee" => self.change_fee(),
            "void payment" => {
                let place = self.payment(|row| row.row != Row::Refund)?;
                self.model.payments[place].void = true;
                self.edit_payment(place, json!({"status": [{"text": "Voided"}]}));
                Some(())
            }
            "delete payment" => {
                let place = self.payment(|row| row.row == Row::Payment)?;
                self.model.payments[place].removed = true;
                let id = self.model.payments[place].id.to_string();
                self.doings.push(Doing::Remove {
                    kind: "PaymentTransaction",
                    id,
                });
                Some(())
            }
            "delete invoice" => {
                let place = self.invoice(|model, place| model.invoices[place].payments.is_empty())?;
                self.model.invoices[place].removed = true;
                let id = self.model.invoices[place].id.to_string();
                self.doings.push(Doing::Remove { kind: "Invoice", id });
                Some(())
            }
            "change method" => {
                let place = self.payment(|row| row.row != Row::Refund)?;
                let former = self.model.payments[place].method;
                let method = if former == "Cash" { "EFTPOS" } else { "Cash" };
                self.model.payments[place].method = method;
                self.edit_payment(place, json!({"method": [{"text": method}]}));
                Some(())
            }
            "edit words" => {
                let (place, nth) = self.line(|_, _, _| true)?;
                self.model.invoices[place].lines[nth].note = ", as discussed";
                let words = bodies::description(&self.model.invoices[place].lines[nth]);
                self.edit_of_line(place, nth, json!({"description": words}));
                Some(())
            }
            _ => None,
        }
    }

    fn pay(&mut self, cents: impl Fn(i64, &mut StdRng) -> i64) -> Option<()> {
        let place = self.invoice(|model, place| model.open(place) > 0)?;
        let cents = cents(self.model.open(place), self.rng);
        let method = method_of(self.model.invoices[place].payer_type).unwrap_or_else(|| desk(self.rng));
        self.receive(row(self.model, place, Row::Payment, method, self.at, cents));
        Some(())
    }

    /// Gives money back out of an invoice, by the way it came.
    fn give_back(&mut self, place: usize, cents: i64) -> Option<()> {
        let rows = self.model.invoices[place]
            .payments
            .iter()
            .map(|row| &self.model.payments[*row]);
        let method = rows
            .filter(|row| row.received() > 0)
            .map(|row| row.method)
            .next_back()?;
        self.receive(row(self.model, place, Row::Refund, method, self.at, cents));
        Some(())
    }

    /// Ends an invoice that nothing was paid for.
    fn end(&mut self, status: &'static str, lines: LineState) -> Option<()> {
        let place = self.invoice(|model, place| model.invoices[place].payments.is_empty() && model.open(place) > 0)?;
        let of = &mut self.model.invoices[place];
        of.status = status;
        for line in of.lines.iter_mut().filter(|line| line.state != LineState::Voided) {
            line.state = lines;
        }
        self.edit_invoice(place, json!({"status": status}));
        Some(())
    }

    /// Uses a deposit for an invoice of whoever paid it, or of somebody else of the same sort.
    fn assign_deposit(&mut self, own: bool) -> Option<()> {
        let in_hand = self
            .model
            .payments
            .iter()
            .filter(|row| row.invoice.is_none() && row.received() > 0);
        let in_hand: BTreeSet<Payer> = in_hand.map(|row| row.payer).collect();
        let mut owed: BTreeMap<Payer, usize> = BTreeMap::new();
        for (place, of) in self.model.invoices.iter().enumerate() {
            if of.usable() && in_hand.contains(&of.payer) && self.model.open(place) > 0 {
                owed.entry(of.payer).or_insert(place);
            }
        }
        let (free, place) = if own {
            let free = self.deposit(|row| owed.contains_key(&row.payer))?;
            (free, owed[&self.model.payments[free].payer])
        } else {
            let free = self.deposit(|row| matches!(row.payer, Payer::Patient(_)))?;
            let payer = self.model.payments[free].payer;
            let place = self.invoice(|model, place| {
                let of = model.invoices[place].payer;
                model.open(place) > 0 && of != payer && matches!(of, Payer::Patient(_))
            })?;
            (free, place)
        };
        self.invoice = Some(place);
        self.model.assign(free, Some(place));
        let invoice = format!("Invoice/{}", self.model.invoices[place].id);
        self.edit_payment(free, json!({"invoice": {"reference": invoice, "type": "Invoice"}}));
        Some(())
    }

    fn switch(&mut self, fits: impl Fn(&Model, usize) -> bool) -> Option<()> {
        let place = self.invoice(|model, place| fits(model, place) && model.invoices[place].gross() > 0)?;
        let of = &mut self.model.invoices[place];
        // From whoever pays to the patient, and from the patient to an insurer.
        let (payer, payer_type) = match of.payer {
            // The manager still pays where the participant owes.
            Payer::Organisation(_) if of.payer_type == PayerType::NdisPlan => {
                (Payer::Patient(of.patient), PayerType::NdisPlan)
            }
            Payer::Organisation(_) => (Payer::Patient(of.patient), PayerType::Patient),
            Payer::Patient(_) => {
                let insurers = ORGANISATIONS.iter().filter(|(_, _, of)| *of == PayerType::Insurer);
                let insurers: Vec<&'static str> = insurers.map(|(id, ..)| *id).collect();
                (Payer::Organisation(insurers.choose(self.rng)?), PayerType::Insurer)
            }
        };
        of.payer = payer;
        of.payer_type = payer_type;
        let kind = if matches!(payer, Payer::Patient(_)) {
            "patient"
        } else {
            "organization"
        };
        let title = self.model.payer_name(payer);
        self.edit_invoice(
            place,
            json!({"recipient": bodies::recipient(payer), "payorType": kind, "title": title}),
        );
        Some(())
    }

    fn re_date(&mut self) -> Option<()> {
        let place = self.invoice(|model, place| model.invoices[place].gross() > 0)?;
        let days = self.rng.random_range(1..10);
        // Into the days after the month, or to another day of it.
        let date = if self.rng.random_range(0..2) == 0 {
            date_of(self.at)
        } else {
            let former = self.model.invoices[place].date;
            if former.day() > 15 {
                former.saturating_sub(days.days())
            } else {
                former.saturating_add(days.days())
            }
        };
        self.model.invoices[place].date = date;
        self.edit_invoice(place, json!({"date": date.to_string()}));
        for nth in 0..self.model.invoices[place].lines.len() {
            self.model.invoices[place].lines[nth].entered = date;
            self.edit_of_line(place, nth, json!({"enteredDate": date.to_string()}));
        }
        Some(())
    }

    fn edit_line(&mut self, fits: impl Fn(&Model, usize) -> bool) -> Option<()> {
        let (place, nth) = self.line(|model, place, nth| {
            fits(model, place) && model.invoices[place].lines[nth].state == LineState::Active
        })?;
        let line = &mut self.model.invoices[place].lines[nth];
        let patch = if self.rng.random_range(0..2) == 0 {
            let others = [50, 100, 125, 200]
                .into_iter()
                .filter(|quantity| *quantity != line.quantity);
            line.quantity = *others.collect::<Vec<i64>>().choose(self.rng)?;
            json!({"quantity": bodies::quantity(line)})
        } else {
            line.price.base += self.rng.random_range(-20..60) * 25 * 10;
            line.price.base = line.price.base.max(0);
            line.price.discount = 0;
            line.price.deduction = 0;
            taxed(&mut line.price, line.fee);
            json!({"unitPriceComponent": bodies::prices(line)})
        };
        self.edit_of_line(place, nth, patch);
        Some(())
    }

    /// The wrong item was billed.
    fn change_fee(&mut self) -> Option<()> {
        let (place, nth) = self.line(|model, place, nth| {
            let line = &model.invoices[place].lines[nth];
            line.state == LineState::Active && line.gross() <= model.open(place)
        })?;
        let payer = self.model.invoices[place].payer_type;
        let date = self.model.invoices[place].lines[nth].entered;
        let other = line(self.model, self.rng, payer, date);
        let line = &mut self.model.invoices[place].lines[nth];
        (line.fee, line.quantity, line.price) = (other.fee, other.quantity, other.price);
        let patch = json!({"code": line.fee().code, "description": bodies::description(line),
            "quantity": bodies::quantity(line), "unitPriceComponent": bodies::prices(line)});
        self.edit_of_line(place, nth, patch);
        Some(())
    }
}
