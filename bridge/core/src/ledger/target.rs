//! What the books should hold, by what Halaxy shows now: every invoice coded line by line, every movement of money
//! with its account. Says nothing of what was posted already.

mod amounts;
mod invoices;
mod payments;

pub(super) use amounts::plain_line;
pub use amounts::{amounts, share, tax_at};

use super::chart::Books;
use super::document::{Contact, DocumentLine};
use super::facts::{Charge, Facts, Invoice, Line, Party, Payment};
use super::hold::{Held, Source, Why};
use super::money::Cents;
use super::rules::{Mode, Naming, PayerType, Rules};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// Whether an invoice asks for money: it was issued, and neither voided nor written off. A word that is not known counts as
/// issued, so that what is owed does not vanish behind it.
pub(crate) fn is_due(invoice: &Invoice) -> bool {
    !matches!(
        standing(invoice),
        Ok(Standing::WrittenOff | Standing::Void | Standing::NotYet)
    )
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
    /// Fees by item number, the first of each.
    fees: HashMap<&'a str, &'a Charge>,
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
        let mut fees: HashMap<&str, &Charge> = HashMap::new();
        for charge in facts.charges.values() {
            if let Some(code) = &charge.code {
                fees.entry(code).or_insert(charge);
            }
        }
        Coder {
            facts,
            rules,
            books,
            lines,
            payments,
            fees,
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
