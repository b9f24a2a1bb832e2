//! Invoices: each line coded by the rules, the sum squared with what Halaxy states, what is given up, and what was owed before
//! the cut-over.

use super::amounts::{amounts, plain_line, share, tax_at, unit_price};
use super::{Charged, Coder, Standing, contact, standing};
use crate::hex::hex;
use crate::ledger::document::DocumentLine;
use crate::ledger::facts::{Invoice, InvoiceKind, Line, LineStatus, PaymentKind};
use crate::ledger::hold::Why;
use crate::ledger::money::Cents;
use crate::ledger::rules::{Coded, Mode, PayerType, Uncoded};
use jiff::ToSpan;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

impl<'a> Coder<'a> {
    pub(super) fn invoice(&mut self, invoice: &'a Invoice) -> Result<Option<Charged>, Why> {
        if invoice.kind == InvoiceKind::Quote {
            self.target.left_out += 1;
            return Ok(None);
        }
        let standing = standing(invoice)?;
        if matches!(standing, Standing::NotYet) {
            self.target.left_out += 1;
            return Ok(None);
        }
        let all: Vec<&Line> = self.lines.get(invoice.id.as_str()).cloned().unwrap_or_default();
        let payer = self.rules.payer_type(invoice, &all, self.facts);
        let contact = contact(
            self.rules,
            invoice.payer.as_ref().ok_or(Why::NoPayer)?,
            &invoice.payer_name,
            self.facts,
        );
        let location = all
            .first()
            .and_then(|l| self.facts.roles.get(l.role.as_ref()?)?.location.clone())
            .unwrap_or_default();
        let mut charged = Charged {
            payer,
            mode: self.rules.mode(payer),
            contact,
            date: invoice.date,
            due: invoice.date.saturating_add(i64::from(self.rules.due_days).days()),
            lines: Vec::new(),
            written_off: Vec::new(),
            location,
            basis: basis(invoice, &all),
            opening: false,
        };
        if matches!(standing, Standing::Void) {
            if invoice.date < self.rules.start_from {
                self.target.older += 1;
                return Ok(None);
            }
            return Ok(Some(charged));
        }
        if invoice.currency != self.books.currency {
            return Err(Why::Currency {
                stated: invoice.currency,
                books: self.books.currency,
            });
        }
        if invoice.date < self.rules.start_from {
            return self.older(invoice, charged);
        }
        let mut given_up = Vec::new();
        for line in all {
            let given = match &line.status {
                LineStatus::Active | LineStatus::Locked => matches!(standing, Standing::WrittenOff),
                LineStatus::WriteOff => true,
                LineStatus::Voided | LineStatus::Unassigned => continue,
                LineStatus::Other(word) => {
                    return Err(Why::Word {
                        of: "line status".into(),
                        word: word.chars().take(40).collect(),
                    });
                }
            };
            let (coded, held) = self.line(line, payer)?;
            if given {
                given_up.push((coded.clone(), held));
            }
            charged.lines.push(coded);
        }
        self.square(invoice, &mut charged.lines)?;
        if charged.gross().is_negative() {
            return Err(Why::Negative { total: charged.gross() });
        }
        charged.written_off = self.written_off(invoice, charged.gross(), given_up)?;
        Ok(Some(charged))
    }

    /// An invoice from before the cut-over: what was owed of it on that day, once money comes for it.
    fn older(&mut self, invoice: &'a Invoice, mut charged: Charged) -> Result<Option<Charged>, Why> {
        let mut before = Cents::ZERO;
        let mut since = false;
        for payment in self.payments.get(invoice.id.as_str()).into_iter().flatten() {
            let sign = match (&payment.kind, payment.void || payment.removed) {
                (PaymentKind::Payment | PaymentKind::Deposit, false) => payment.amount,
                (PaymentKind::Refund, false) => -payment.amount,
                _ => continue,
            };
            if payment.date < self.rules.start_from {
                before += sign;
            } else {
                since = true;
            }
        }
        let owed = invoice.gross - before;
        if !since || !owed.is_positive() {
            self.target.older += 1;
            return Ok(None);
        }
        let Some(account) = &self.rules.accounts.opening else {
            return Err(Why::Older {
                invoice: invoice.id.clone(),
            });
        };
        self.usable(account, "accounts.opening")?;
        let tax = self.no_tax()?;
        charged.date = self.rules.start_from;
        charged.mode = Mode::Invoice;
        charged.opening = true;
        charged.lines = vec![plain_line("Opening balance", owed, account, &tax, "accounts.opening")];
        Ok(Some(charged))
    }

    fn line(&self, line: &Line, payer: PayerType) -> Result<(DocumentLine, bool), Why> {
        let fee = line.charge.as_ref().and_then(|id| self.facts.charges.get(id));
        let fee = fee.or_else(|| self.fees.get(line.code.as_deref()?).copied());
        let coded = self.rules.code(line, payer, fee, self.facts).map_err(|e| match e {
            Uncoded::NoRule => Why::NoRule {
                item: line.code.clone(),
            },
            Uncoded::NoTax(rule) => Why::NoTax { rule },
            Uncoded::NoHeldAccount(name) => Why::NeedsAccount {
                name: format!("held_account of {name}"),
            },
        })?;
        self.usable(&coded.account, &coded.rule)?;
        let (mut net, mut tax) = amounts(line)?;
        if coded.held {
            net += tax;
            tax = Cents::ZERO;
        }
        let expected = self.tax_of(&coded, net)?;
        if (expected - tax).abs() > Cents(1) {
            return Err(Why::TaxDiffers {
                item: line.code.clone(),
                tax: coded.tax,
                stated: tax,
                expected,
            });
        }
        let unit = unit_price(line).ok_or(Why::Amount)?;
        let product = line.quantity.checked_mul(unit).and_then(|p| Cents::rounded(p).ok());
        let exact = unit.scale() <= 4 && !coded.held && product == Some(net);
        let (quantity, unit) = if exact {
            (line.quantity.normalize(), unit)
        } else {
            (Decimal::ONE, net.decimal().normalize())
        };
        let description = match (self.rules.describe, &line.code) {
            (true, _) if !line.description.is_empty() => line.description.clone(),
            (_, Some(code)) => format!("Item {code}"),
            _ => "Service".into(),
        };
        Ok((
            DocumentLine {
                description,
                quantity,
                unit,
                net,
                tax,
                account: coded.account,
                tax_code: coded.tax,
                tracking: coded.tracking,
                rule: coded.rule,
            },
            coded.held,
        ))
    }

    fn tax_of(&self, coded: &Coded, net: Cents) -> Result<Cents, Why> {
        let rate = self
            .books
            .tax_rate(&coded.tax)
            .filter(|t| t.active)
            .ok_or_else(|| Why::UnknownTax {
                tax: coded.tax.clone(),
                rule: coded.rule.clone(),
            })?;
        tax_at(net, rate.percent).ok_or(Why::Amount)
    }

    /// Makes the lines sum to the invoice's totals, or says by how much they do not.
    fn square(&self, invoice: &Invoice, lines: &mut Vec<DocumentLine>) -> Result<(), Why> {
        let tax: Cents = lines.iter().map(|l| l.tax).sum();
        let net: Cents = lines.iter().map(|l| l.net).sum();
        let held = lines.iter().any(|l| l.rule.starts_with("agent "));
        let differs = || Why::TotalsDiffer {
            stated: invoice.gross,
            computed: net + tax,
            stated_tax: invoice.tax,
            computed_tax: tax,
        };
        let allowed = Cents(self.rules.rounding_cents);
        let off = invoice.gross - (net + tax);
        let tax_off = invoice.tax - tax;
        if off.abs() > allowed || invoice.net + invoice.tax != invoice.gross {
            return Err(differs());
        }
        // What an agent's lines carry of tax is the agent's, and is posted with the fees held.
        if !held && !tax_off.is_zero() {
            if tax_off.abs() > allowed {
                return Err(differs());
            }
            let largest = lines
                .iter_mut()
                .filter(|l| !l.tax.is_zero())
                .max_by_key(|l| l.tax.abs());
            let Some(line) = largest else { return Err(differs()) };
            line.tax += tax_off;
        }
        let off = invoice.gross - lines.iter().map(|l| l.net + l.tax).sum();
        if off.is_zero() {
            return Ok(());
        }
        let account = self.rules.accounts.rounding.as_ref().ok_or_else(|| Why::NeedsAccount {
            name: "rounding".into(),
        })?;
        let tax = self.no_tax()?;
        lines.push(plain_line("Rounding", off, account, &tax, "accounts.rounding"));
        Ok(())
    }

    /// What is given up of what is still owed: the lines' own tax rates and tracking, on the account of bad debts.
    /// Fees held for an agent are given up by the agent.
    fn written_off(
        &self,
        invoice: &Invoice,
        gross: Cents,
        lines: Vec<(DocumentLine, bool)>,
    ) -> Result<Vec<DocumentLine>, Why> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let received: Cents = self
            .payments
            .get(invoice.id.as_str())
            .into_iter()
            .flatten()
            .filter(|p| !p.void && !p.removed)
            .map(|p| match p.kind {
                PaymentKind::Payment | PaymentKind::Deposit => p.amount,
                PaymentKind::Refund => -p.amount,
                _ => Cents::ZERO,
            })
            .sum();
        // Paid beyond what was given up: whether less was given up, or the payer has a credit, is for Halaxy to say.
        let credit = (-invoice.balance).max(Cents::ZERO);
        let owed = (gross - received + credit).max(Cents::ZERO);
        let whole: Cents = lines.iter().map(|(l, _)| l.net + l.tax).sum();
        let give_up = owed.min(whole);
        if !give_up.is_positive() {
            return Ok(Vec::new());
        }
        let parts = share(
            give_up,
            &lines.iter().map(|(l, _)| (l.net + l.tax).0).collect::<Vec<_>>(),
        );
        let mut out = Vec::new();
        for ((line, held), part) in lines.into_iter().zip(parts) {
            if part.is_zero() {
                continue;
            }
            let gross = line.net + line.tax;
            let (net, tax) = if part == gross {
                (line.net, line.tax)
            } else {
                let percent = self.books.tax_rate(&line.tax_code).map_or(Decimal::ZERO, |t| t.percent);
                let whole = Decimal::ONE_HUNDRED.checked_add(percent).ok_or(Why::Amount)?;
                let net = (part.decimal() * Decimal::ONE_HUNDRED)
                    .checked_div(whole)
                    .ok_or(Why::Amount)?;
                let net = Cents::rounded(net).map_err(|_| Why::Amount)?;
                (net, part - net)
            };
            let account = if held {
                line.account.clone()
            } else {
                self.rules.accounts.bad_debts.clone().ok_or_else(|| Why::NeedsAccount {
                    name: "bad_debts".into(),
                })?
            };
            self.usable(&account, "accounts.bad_debts")?;
            out.push(DocumentLine {
                description: "Written off".into(),
                quantity: Decimal::ONE,
                unit: net.decimal().normalize(),
                net,
                tax,
                account,
                tax_code: line.tax_code,
                tracking: line.tracking,
                rule: "accounts.bad_debts".into(),
            });
        }
        Ok(out)
    }
}

/// What the lines of an invoice rest on.
fn basis(invoice: &Invoice, lines: &[&Line]) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&(invoice.net, invoice.tax, invoice.gross)).unwrap_or_default());
    for l in lines {
        let charged = !matches!(l.status, LineStatus::Voided | LineStatus::Unassigned);
        let of = (&l.id, charged, &l.code, &l.charge, &l.role, &l.quantity, &l.prices);
        hash.update(serde_json::to_vec(&of).unwrap_or_default());
    }
    hex(&hash.finalize()[..8])
}
