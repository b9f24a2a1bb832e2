//! Payments: which way money went, on which account, and whose it is.

use super::{Coder, Moved, Way, contact};
use crate::ledger::facts::{Invoice, InvoiceKind, Party, Payment, PaymentKind};
use crate::ledger::hold::Why;
use crate::ledger::money::Cents;
use crate::ledger::rules::{Mode, PayerType};

impl<'a> Coder<'a> {
    pub(super) fn payment(&mut self, payment: &'a Payment) -> Result<Option<Moved>, Why> {
        let way = match &payment.kind {
            PaymentKind::Payment | PaymentKind::Deposit => Way::In,
            PaymentKind::Refund => Way::Out,
            PaymentKind::NotMoney => {
                self.target.left_out += 1;
                return Ok(None);
            }
            PaymentKind::Other(word) => {
                return Err(Why::Word {
                    of: "payment type".into(),
                    word: word.chars().take(40).collect(),
                });
            }
        };
        if payment.date < self.rules.start_from {
            self.target.older += 1;
            return Ok(None);
        }
        if payment.currency != self.books.currency {
            return Err(Why::Currency {
                stated: payment.currency,
                books: self.books.currency,
            });
        }
        let undone = payment.void || payment.removed;
        let mut invoice = None;
        if let Some(id) = &payment.invoice {
            if self.held_invoices.contains(id) {
                return Err(Why::InvoiceHeld { invoice: id.clone() });
            }
            match self.facts.invoices.get(id) {
                None => return Err(Why::NoInvoice { invoice: id.clone() }),
                // Money for a quote, a draft or a voided invoice is the payer's credit.
                Some(_) => {
                    invoice = self
                        .target
                        .charged
                        .get(id)
                        .filter(|c| !c.lines.is_empty())
                        .map(|c| (id, c))
                }
            }
        }
        let (mode, contact, location) = match &invoice {
            Some((_, charged)) => (charged.mode, Some(charged.contact.clone()), charged.location.clone()),
            None => {
                let of_invoice = payment.invoice.as_ref().and_then(|id| self.facts.invoices.get(id));
                let party = payment
                    .payer
                    .clone()
                    .or_else(|| of_invoice.and_then(|i| i.payer.clone()));
                let name = of_invoice.map_or("", |i| i.payer_name.as_str());
                let payer = match &party {
                    Some(Party::Organisation(id)) => {
                        let like = Invoice {
                            payer: Some(Party::Organisation(id.clone())),
                            ..blank_invoice(payment)
                        };
                        self.rules.payer_type(&like, &[], self.facts)
                    }
                    _ => PayerType::Patient,
                };
                let contact = party.as_ref().map(|p| contact(self.rules, p, name, self.facts));
                (self.rules.mode(payer), contact, String::new())
            }
        };
        if contact.is_none() && mode == Mode::Invoice && !undone {
            return Err(Why::NoPayer);
        }
        let account = self.rules.clearing(&payment.method).ok_or_else(|| Why::Method {
            method: payment.method.chars().take(60).collect(),
        })?;
        let rule = format!("method {}", payment.method);
        self.usable(account, &rule)?;
        let takes = self.books.account(account).is_some_and(|a| a.bank || a.takes_payments);
        if mode == Mode::Invoice && !takes {
            return Err(Why::NoPaymentsInto {
                account: account.into(),
                method: payment.method.clone(),
            });
        }
        Ok(Some(Moved {
            way,
            mode,
            method: payment.method.clone(),
            account: account.into(),
            date: payment.date,
            amount: if undone { Cents::ZERO } else { payment.amount },
            invoice: invoice.map(|(id, _)| id.clone()),
            contact,
            location,
        }))
    }
}

fn blank_invoice(payment: &Payment) -> Invoice {
    Invoice {
        id: String::new(),
        kind: InvoiceKind::Invoice,
        status: String::new(),
        payer: None,
        payer_name: String::new(),
        date: payment.date,
        roles: Vec::new(),
        currency: payment.currency,
        net: Cents::ZERO,
        tax: Cents::ZERO,
        gross: Cents::ZERO,
        paid: Cents::ZERO,
        balance: Cents::ZERO,
        removed: false,
    }
}
