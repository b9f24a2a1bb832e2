//! What the books should hold, by what Halaxy shows now: every invoice coded line by line, every movement of money
//! with its account. Says nothing of what was posted already.

use super::chart::Books;
use super::document::{Contact, DocumentLine};
use super::facts::{Facts, Invoice, InvoiceKind, Line, LineStatus, Party, Payment, PaymentKind, PriceKind};
use super::hex::hex;
use super::hold::{Held, Source, Why};
use super::money::Cents;
use super::rules::{Coded, Mode, Naming, PayerType, Rules, Uncoded};
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What one invoice should be in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct Charged {
    /// Who owes it.
    pub payer: PayerType,
    /// How it is posted.
    pub mode: Mode,
    /// Debtor.
    pub contact: Contact,
    /// Its date.
    pub date: Date,
    /// When it is due.
    pub due: Date,
    /// Its lines, coded; none if it was voided.
    pub lines: Vec<DocumentLine>,
    /// Lines that give up what is owed, with positive amounts, coded as bad debts; none usually.
    pub written_off: Vec<DocumentLine>,
    /// Location of its first line, for daily summaries.
    pub location: String,
    /// Digest of what Halaxy says of its lines, whatever the rules make of them. 16 hex digits.
    pub basis: String,
    /// What was owed of an invoice from before the cut-over: posted as an opening balance.
    pub opening: bool,
}

impl Charged {
    /// With tax.
    pub fn gross(&self) -> Cents {
        self.lines.iter().map(|l| l.net + l.tax).sum()
    }
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Received.
    In,
    /// Given back.
    Out,
}

/// What one row of payments should be in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Received or given back.
    pub way: Way,
    /// How it is posted.
    pub mode: Mode,
    /// The method, as Halaxy writes it.
    pub method: String,
    /// Clearing account.
    pub account: String,
    /// Its date.
    pub date: Date,
    /// How much; nothing if it was undone.
    pub amount: Cents,
    /// The invoice it is for.
    pub invoice: Option<String>,
    /// Whose credit it is while it is for none.
    pub contact: Option<Contact>,
    /// Location, for daily summaries.
    pub location: String,
}

impl Moved {
    /// What it adds to its account: less than nothing if it was given back.
    pub fn signed(&self) -> Cents {
        match self.way {
            Way::In => self.amount,
            Way::Out => -self.amount,
        }
    }

    /// What its account rests on.
    pub fn basis(&self) -> String {
        method_basis(&self.method)
    }
}

/// What the account of a payment rests on: its method, whatever its case.
pub fn method_basis(method: &str) -> String {
    method.to_lowercase()
}

/// What the books should hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// By invoice id.
    pub charged: BTreeMap<String, Charged>,
    /// By payment id.
    pub moved: BTreeMap<String, Moved>,
    /// What cannot be said, and why.
    pub held: Vec<Held>,
    /// Invoices and payments from before the cut-over that are not posted.
    pub older: u64,
    /// Quotes, drafts, rows that are no money.
    pub left_out: u64,
}

/// The state of an invoice by its status word (halaxy-api.md 7.7: an open set).
pub(super) enum Standing {
    Charged,
    WrittenOff,
    Void,
    NotYet,
}

pub(super) fn standing(invoice: &Invoice) -> Result<Standing, Why> {
    if invoice.removed {
        return Ok(Standing::Void);
    }
    match invoice.status.to_ascii_lowercase().as_str() {
        "active" | "issued" | "balanced" | "paid" | "locked" | "" => Ok(Standing::Charged),
        "write-off" | "writeoff" | "written-off" => Ok(Standing::WrittenOff),
        "cancelled" | "canceled" | "voided" | "void" | "entered-in-error" => Ok(Standing::Void),
        "draft" => Ok(Standing::NotYet),
        other => Err(Why::Word {
            of: "invoice status".into(),
            word: other.chars().take(40).collect(),
        }),
    }
}

impl Target {
    /// Codes everything.
    pub fn of(facts: &Facts, rules: &Rules, books: &Books) -> Target {
        Coder::new(facts, rules, books).run()
    }

    /// Codes everything but what is withheld: sources that cannot be relied on now, with why. Money for a withheld
    /// invoice waits with it.
    pub fn without(withheld: &BTreeMap<Source, Why>, facts: &Facts, rules: &Rules, books: &Books) -> Target {
        let mut coder = Coder::new(facts, rules, books);
        coder.withheld = withheld.clone();
        for source in withheld.keys() {
            if let Source::Invoice(id) = source
                && !facts.invoices.contains_key(id)
            {
                coder.hold(source.clone());
            }
        }
        coder.run()
    }
}

struct Coder<'a> {
    facts: &'a Facts,
    rules: &'a Rules,
    books: &'a Books,
    lines: BTreeMap<&'a str, Vec<&'a Line>>,
    payments: BTreeMap<&'a str, Vec<&'a Payment>>,
    target: Target,
    held_invoices: BTreeSet<String>,
    withheld: BTreeMap<Source, Why>,
}

impl<'a> Coder<'a> {
    fn new(facts: &'a Facts, rules: &'a Rules, books: &'a Books) -> Self {
        let mut lines: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
        for line in facts.lines.values() {
            if let Some(invoice) = &line.invoice {
                lines.entry(invoice).or_default().push(line);
            }
        }
        let mut payments: BTreeMap<&str, Vec<&Payment>> = BTreeMap::new();
        for payment in facts.payments.values() {
            if let Some(invoice) = &payment.invoice {
                payments.entry(invoice).or_default().push(payment);
            }
        }
        Coder {
            facts,
            rules,
            books,
            lines,
            payments,
            target: Target::default(),
            held_invoices: BTreeSet::new(),
            withheld: BTreeMap::new(),
        }
    }

    fn hold(&mut self, source: Source) {
        if let Source::Invoice(id) = &source {
            self.held_invoices.insert(id.clone());
        }
        if let Some(why) = self.withheld.get(&source).cloned() {
            self.target.held.push(Held { source, why });
        }
    }

    fn kept_back(&mut self, source: &Source) -> bool {
        let kept = self.withheld.contains_key(source);
        if kept {
            self.hold(source.clone());
        }
        kept
    }

    fn run(mut self) -> Target {
        // In one go, in order: trees that are filled one by one stay half empty.
        let mut charged_all: Vec<(String, Charged)> = Vec::with_capacity(self.facts.invoices.len());
        for invoice in self.facts.invoices.values() {
            if self.kept_back(&Source::Invoice(invoice.id.clone())) {
                continue;
            }
            match self.invoice(invoice) {
                Ok(Some(mut charged)) => {
                    charged.lines.shrink_to_fit();
                    charged_all.push((invoice.id.clone(), charged));
                }
                Ok(None) => {}
                Err(why) => {
                    self.held_invoices.insert(invoice.id.clone());
                    self.target.held.push(Held {
                        source: Source::Invoice(invoice.id.clone()),
                        why,
                    });
                }
            }
        }
        self.target.charged = charged_all.into_iter().collect();
        let mut moved_all: Vec<(String, Moved)> = Vec::with_capacity(self.facts.payments.len());
        for payment in self.facts.payments.values() {
            if self.kept_back(&Source::Payment(payment.id.clone())) {
                continue;
            }
            match self.payment(payment) {
                Ok(Some(moved)) => moved_all.push((payment.id.clone(), moved)),
                Ok(None) => {}
                Err(why) => self.target.held.push(Held {
                    source: Source::Payment(payment.id.clone()),
                    why,
                }),
            }
        }
        self.target.moved = moved_all.into_iter().collect();
        self.target
    }

    fn invoice(&mut self, invoice: &'a Invoice) -> Result<Option<Charged>, Why> {
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
        let coded = self.rules.code(line, payer, self.facts).map_err(|e| match e {
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
        let unit = unit_price(line);
        let exact = unit.scale() <= 4 && !coded.held && Cents::rounded(line.quantity * unit).ok() == Some(net);
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
                let net = Cents::rounded(part.decimal() * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + percent))
                    .map_err(|_| Why::Amount)?;
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

    fn payment(&mut self, payment: &'a Payment) -> Result<Option<Moved>, Why> {
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

    fn usable(&self, account: &str, rule: &str) -> Result<(), Why> {
        let (code, rule) = (account.to_owned(), rule.to_owned());
        match self.books.account(account) {
            None => Err(Why::UnknownAccount { account: code, rule }),
            Some(a) if !a.active => Err(Why::ArchivedAccount { account: code, rule }),
            Some(a) if a.system.as_deref().is_some_and(closed) => Err(Why::SystemAccount { account: code, rule }),
            Some(_) => Ok(()),
        }
    }

    fn no_tax(&self) -> Result<String, Why> {
        let code = &self.rules.accounts.no_tax;
        match self.books.tax_rate(code) {
            Some(rate) if rate.active && rate.percent.is_zero() => Ok(code.clone()),
            _ => Err(Why::UnknownTax {
                tax: code.clone(),
                rule: "accounts.no_tax".into(),
            }),
        }
    }
}

/// System accounts that documents may not name; rounding and others may be posted to.
fn closed(system: &str) -> bool {
    matches!(system.to_ascii_uppercase().as_str(), "DEBTORS" | "CREDITORS" | "GST")
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

/// The debtor of a party. Names that stand twice are told apart at posting.
pub fn contact(rules: &Rules, party: &Party, name: &str, facts: &Facts) -> Contact {
    let prefix = &rules.prefix;
    match party {
        Party::Patient(id) => Contact {
            key: format!("{prefix}P-{id}"),
            name: match (rules.names, name.trim()) {
                (Naming::Real, name) if !name.is_empty() => name.to_owned(),
                _ => format!("Halaxy {id}"),
            },
        },
        Party::Organisation(id) => Contact {
            key: format!("{prefix}O-{id}"),
            name: facts
                .organisations
                .get(id)
                .map(|o| o.name.trim())
                .filter(|n| !n.is_empty())
                .map_or_else(|| format!("Halaxy {id}"), str::to_owned),
        },
    }
}

/// What a unit of a line costs without tax.
fn unit_price(line: &Line) -> Decimal {
    line.prices
        .iter()
        .map(|p| match p.kind {
            PriceKind::Base | PriceKind::Surcharge => p.amount,
            PriceKind::Deduction | PriceKind::Discount => -p.amount.abs(),
            PriceKind::Tax | PriceKind::Informational => Decimal::ZERO,
        })
        .sum::<Decimal>()
        .normalize()
}

/// A line's net and tax: quantity times the unit's, each rounded to cents.
///
/// # Errors
/// [`Why::Amount`] if they do not fit.
pub fn amounts(line: &Line) -> Result<(Cents, Cents), Why> {
    let of = |unit: Decimal| {
        line.quantity
            .checked_mul(unit)
            .and_then(|d| Cents::rounded(d).ok())
            .ok_or(Why::Amount)
    };
    let tax: Decimal = line
        .prices
        .iter()
        .filter(|p| p.kind == PriceKind::Tax)
        .map(|p| p.amount)
        .sum();
    Ok((of(unit_price(line))?, of(tax)?))
}

/// Tax on a net amount at so many per cent, rounded per line as the books do (vendor-apis.md 7).
pub fn tax_at(net: Cents, percent: Decimal) -> Option<Cents> {
    Cents::rounded(net.decimal() * percent / Decimal::ONE_HUNDRED).ok()
}

/// Divides an amount by weights so that the parts sum to it exactly: largest remainders first.
pub fn share(amount: Cents, weights: &[i64]) -> Vec<Cents> {
    let whole: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    if whole == 0 {
        return vec![Cents::ZERO; weights.len()];
    }
    let exact: Vec<(i128, i128)> = weights
        .iter()
        .map(|w| {
            let product = i128::from(amount.0) * i128::from(*w);
            (product.div_euclid(whole), product.rem_euclid(whole))
        })
        .collect();
    let mut left = i128::from(amount.0) - exact.iter().map(|(q, _)| q).sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(exact[*i].1), *i));
    let mut parts: Vec<i128> = exact.iter().map(|(q, _)| *q).collect();
    for i in order {
        if left == 0 {
            break;
        }
        parts[i] += 1;
        left -= 1;
    }
    parts
        .into_iter()
        .map(|p| Cents(i64::try_from(p).unwrap_or(0)))
        .collect()
}

/// A line of one unit.
pub(super) fn plain_line(text: &str, net: Cents, account: &str, tax: &str, rule: &str) -> DocumentLine {
    DocumentLine {
        description: text.into(),
        quantity: Decimal::ONE,
        unit: net.decimal().normalize(),
        net,
        tax: Cents::ZERO,
        account: account.into(),
        tax_code: tax.into(),
        tracking: BTreeMap::new(),
        rule: rule.into(),
    }
}
