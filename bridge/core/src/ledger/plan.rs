//! What to post: the difference between what the books should hold and what was posted, as documents. Nothing that is
//! locked, paid or filed is altered; a correction is a document of its own.
//!
//! Invoices are compared by position (debtor, day, account, tax, tracking), so that what was posted is corrected by
//! exactly what differs, whatever happened in Halaxy in between. Pure: the same input gives the same documents under the
//! same keys.

mod credits;
mod invoices;
mod money;
mod summaries;

use super::chart::Books;
use super::document::{Contact, Document, DocumentKind, DocumentLine};
use super::entry::{Entry, EntryState, Purpose, RestsOn, digest};
use super::facts::Facts;
use super::hold::{Held, Source, Why};
use super::money::Cents;
use super::position::Position;
use super::rules::{Approve, Rules};
use super::target::Target;
use jiff::ToSpan;
use jiff::civil::Date;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What a plan is made from.
pub struct Given<'a> {
    /// What the books should hold.
    pub target: &'a Target,
    /// Everything ever posted. Planned entries are planned anew.
    pub entries: Vec<&'a Entry>,
    /// Rules.
    pub rules: &'a Rules,
    /// The books.
    pub books: &'a Books,
    /// The practice's date.
    pub today: Date,
    /// The last day that is over and settled ([`Rules::settled`]): later days are not summarised yet. None summarises
    /// every day at once.
    pub settled: Option<Date>,
    /// What a person said yes to: key and [`digest`] of the document (`void KEY` with the posted document's digest).
    pub approved: &'a BTreeSet<(String, String)>,
    /// What a person has coded anew by the rules of now; all else stands as it was coded.
    pub recode: &'a BTreeSet<Source>,
}

/// What to do, in order: voids first, then documents in the order given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Keys of documents to void, allocations and payments before what they act on.
    pub void: Vec<String>,
    /// Documents to post, each after those it names.
    pub post: Vec<Entry>,
    /// What waits, and why.
    pub held: Vec<Held>,
    /// What waits for nothing but the next summaries: its day is not over, or was summarised since the last one was.
    pub later: BTreeSet<Source>,
}

impl Plan {
    /// Plans.
    pub fn of(given: &Given<'_>) -> Plan {
        let mut desk = Desk::new(given);
        desk.invoices();
        desk.misplaced();
        desk.allocations();
        desk.money();
        // What money given back has opened again may meet credits that were left.
        desk.allocations();
        desk.advances();
        desk.summaries();
        desk.finish()
    }

    /// What would be posted for these facts if nothing were in the way, from the first invoice on.
    pub fn afresh(facts: &Facts, rules: &Rules, books: &Books, today: Date) -> Plan {
        Plan::of(&Given {
            target: &Target::of(facts, rules, books),
            entries: Vec::new(),
            rules,
            books,
            today,
            settled: None,
            approved: &BTreeSet::new(),
            recode: &BTreeSet::new(),
        })
    }

    /// The debtors it names, by key.
    pub fn contacts(&self) -> BTreeMap<String, Contact> {
        self.post
            .iter()
            .filter_map(|e| Some((e.document.contact.clone()?, e.contact.clone()?)))
            .collect()
    }
}

/// A share of a summary still to be put into a journal.
struct Share {
    source: Source,
    position: Position,
    serves: Date,
}

struct Desk<'a> {
    given: &'a Given<'a>,
    /// Posted, sent and newly planned entries.
    entries: Vec<Cow<'a, Entry>>,
    of_source: BTreeMap<Source, Vec<usize>>,
    by_key: BTreeMap<String, usize>,
    /// Keys that were ever used.
    keys: BTreeSet<String>,
    refused: BTreeMap<String, &'a Entry>,
    /// What is open on invoices and left of credits, by key.
    open: BTreeMap<String, Cents>,
    /// Position of each source in summaries.
    summed: BTreeMap<&'a Source, Position>,
    rests_on: RestsOn<'a>,
    /// Documents that act on a document, by its key.
    acting: BTreeMap<String, Vec<usize>>,
    /// Credits of a debtor, by the contact's key.
    credits_of: BTreeMap<String, Vec<usize>>,
    /// The name of each debtor, by the contact's key.
    names: BTreeMap<String, String>,
    /// Payments for an invoice of Halaxy, by its id.
    paid: BTreeMap<&'a str, Vec<&'a str>>,
    shares: BTreeMap<(Date, String), Vec<Share>>,
    /// Documents whose outcome is not known, by source.
    unsettled: BTreeMap<Source, String>,
    /// Invoices whose money waits too.
    blocked: BTreeSet<String>,
    plan: Plan,
    first_new: usize,
}

impl<'a> Desk<'a> {
    fn new(given: &'a Given<'a>) -> Self {
        let mut desk = Desk {
            given,
            entries: Vec::with_capacity(given.entries.len()),
            of_source: BTreeMap::new(),
            by_key: BTreeMap::new(),
            keys: BTreeSet::new(),
            refused: BTreeMap::new(),
            open: BTreeMap::new(),
            summed: BTreeMap::new(),
            rests_on: RestsOn::but(given.recode),
            acting: BTreeMap::new(),
            credits_of: BTreeMap::new(),
            names: BTreeMap::new(),
            paid: BTreeMap::new(),
            shares: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            blocked: BTreeSet::new(),
            plan: Plan::default(),
            first_new: 0,
        };
        for (id, moved) in &given.target.moved {
            if let Some(invoice) = &moved.invoice {
                desk.paid.entry(invoice).or_default().push(id);
            }
        }
        for &entry in &given.entries {
            match entry.state {
                EntryState::Planned => continue,
                EntryState::Refused => {
                    desk.refused.insert(entry.key().to_owned(), entry);
                    continue;
                }
                EntryState::Void => {
                    desk.keys.insert(entry.key().to_owned());
                    continue;
                }
                EntryState::Sent | EntryState::Posted | EntryState::Voiding => {}
            }
            if entry.state != EntryState::Posted {
                for source in &entry.sources {
                    desk.unsettled.insert(source.clone(), entry.key().to_owned());
                }
            }
            desk.rests_on.note(entry);
            for (source, share) in entry.sources.iter().zip(&entry.shares) {
                desk.summed.entry(source).or_default().effects(share, 1);
            }
            desk.put(Cow::Borrowed(entry));
        }
        desk.first_new = desk.entries.len();
        desk
    }

    fn put(&mut self, entry: Cow<'a, Entry>) -> usize {
        let at = self.entries.len();
        let key = entry.key().to_owned();
        let d = &entry.document;
        match d.kind {
            DocumentKind::Invoice | DocumentKind::CreditNote | DocumentKind::Prepayment | DocumentKind::Overpayment => {
                *self.open.entry(key.clone()).or_default() += d.total;
            }
            _ => {}
        }
        for on in [&d.of, &d.to].into_iter().flatten() {
            *self.open.entry(on.clone()).or_default() -= d.total;
            self.acting.entry(on.clone()).or_default().push(at);
        }
        if entry.shares.is_empty() {
            for source in &entry.sources {
                self.of_source.entry(source.clone()).or_default().push(at);
            }
        }
        if let Some(contact) = &entry.contact
            && !self.names.contains_key(&contact.key)
        {
            self.names.insert(contact.key.clone(), contact.name.clone());
        }
        if let Some(contact) = entry.document.contact.as_ref().filter(|_| entry.is_credit()) {
            self.credits_of.entry(contact.clone()).or_default().push(at);
        }
        self.keys.insert(key.clone());
        self.by_key.insert(key, at);
        self.entries.push(entry);
        at
    }

    fn hold(&mut self, source: &Source, why: Why) {
        self.plan.held.push(Held {
            source: source.clone(),
            why,
        });
    }

    /// Entries of a source that count, by what they are for.
    fn of(&self, source: &Source, purposes: &[Purpose]) -> Vec<usize> {
        self.of_source
            .get(source)
            .into_iter()
            .flatten()
            .copied()
            .filter(|i| self.entries[*i].counts() && purposes.contains(&self.entries[*i].purpose))
            .collect()
    }

    /// A document of the source whose outcome was not known when planning began.
    fn unsettled(&self, source: &Source) -> Option<String> {
        self.unsettled.get(source).cloned()
    }

    /// What a source rests on now.
    fn basis(&self, source: &Source) -> String {
        match source {
            Source::Invoice(id) => self.given.target.charged.get(id).map(|c| c.basis.clone()),
            Source::Payment(id) => self.given.target.moved.get(id).map(|m| m.basis()),
        }
        .unwrap_or_default()
    }

    fn first_open(&self, date: Date) -> Date {
        match self.given.books.locked_to {
            Some(to) if date <= to => to.saturating_add(1.day()),
            _ => date,
        }
    }

    fn locked(&self, date: Date) -> bool {
        self.given.books.locked(date)
    }

    fn key(&self, base: String, mark: &str) -> String {
        if !self.keys.contains(&base) && mark.is_empty() {
            return base;
        }
        (if mark.is_empty() { 2 } else { 1 }..)
            .map(|n| match (mark, n) {
                ("", n) => format!("{base}-R{n}"),
                (mark, 1) => format!("{base}-{mark}"),
                (mark, n) => format!("{base}-{mark}{n}"),
            })
            .find(|k| !self.keys.contains(k))
            .unwrap_or(base)
    }

    fn may(&mut self, source: &Source, what: Option<Approve>, key: &str, digest: &str) -> bool {
        let Some(what) = what.filter(|w| self.given.rules.approve.contains(w)) else {
            return true;
        };
        if self.given.approved.contains(&(key.to_owned(), digest.to_owned())) {
            return true;
        }
        let (key, digest) = (key.to_owned(), digest.to_owned());
        self.hold(source, Why::Approval { what, key, digest });
        false
    }

    /// Plans a document, unless the books refused this very one or a person has to say yes first.
    fn post(&mut self, source: &Source, entry: Entry, approve: Option<Approve>) -> bool {
        let digest = digest(&entry.document);
        if let Some(before) = self.refused.get(entry.key())
            && super::entry::digest(&before.document) == digest
        {
            let (kind, code) = before.refused.clone().unwrap_or_default();
            let key = entry.key().to_owned();
            self.hold(source, Why::Refused { key, kind, code });
            return false;
        }
        if !self.may(source, approve, &entry.document.key.clone(), &digest) {
            return false;
        }
        self.put(Cow::Owned(entry));
        true
    }

    /// The day in a locked period that keeps a document from being voided: its own, or that of what acts on it.
    fn locked_by(&self, at: usize) -> Option<Date> {
        let e = &self.entries[at];
        if !e.counts() {
            return None;
        }
        if self.locked(e.document.date) {
            return Some(e.document.date);
        }
        let acting = self.acting.get(e.key())?;
        acting.iter().find_map(|i| self.locked_by(*i))
    }

    /// Voids a posted document together with what acts on it.
    fn void(&mut self, source: &Source, at: usize) -> bool {
        if let Some(date) = self.locked_by(at) {
            self.hold(source, Why::LockedPayment { date });
            return false;
        }
        let key = self.entries[at].key().to_owned();
        let digest = digest(&self.entries[at].document);
        if !self.may(source, Some(Approve::Void), &format!("void {key}"), &digest) {
            return false;
        }
        let acting: Vec<usize> = self.acting.get(&key).cloned().unwrap_or_default();
        for other in acting {
            if self.entries[other].counts() && !self.void(source, other) {
                return false;
            }
        }
        if at >= self.first_new {
            // Planned in this very plan: it is simply left out.
            self.entries[at].to_mut().state = EntryState::Void;
        } else {
            self.entries[at].to_mut().state = EntryState::Voiding;
            self.plan.void.push(key.clone());
        }
        let (total, on) = {
            let d = &self.entries[at].document;
            (d.total, [d.of.clone(), d.to.clone()])
        };
        for on in on.into_iter().flatten() {
            *self.open.entry(on).or_default() += total;
        }
        self.open.insert(key, Cents::ZERO);
        true
    }

    fn document(&self, kind: DocumentKind, key: String, date: Date, lines: Vec<DocumentLine>) -> Document {
        let tax = lines.iter().map(|l| l.tax).sum();
        Document {
            kind,
            key,
            note: String::new(),
            date,
            due: None,
            currency: self.given.books.currency,
            contact: None,
            of: None,
            to: None,
            account: None,
            total: lines.iter().map(|l| l.net + l.tax).sum(),
            tax,
            lines,
        }
    }

    fn entry(&self, document: Document, purpose: Purpose, source: &Source, serves: Date, contact: &Contact) -> Entry {
        let mut document = document;
        if document.date != serves
            && matches!(
                purpose,
                Purpose::Charge | Purpose::Reversal | Purpose::Receipt | Purpose::Deposit
            )
        {
            document.note = format!("of {serves}");
        }
        if matches!(
            document.kind,
            DocumentKind::Invoice | DocumentKind::CreditNote | DocumentKind::Prepayment | DocumentKind::Overpayment
        ) {
            document.contact = Some(contact.key.clone());
        }
        Entry {
            document,
            purpose,
            sources: vec![source.clone()],
            shares: Vec::new(),
            bases: vec![self.basis(source)],
            round: self.rests_on.round(source),
            settled: None,
            serves,
            contact: Some(contact.clone()),
            state: EntryState::Planned,
            remote_id: None,
            refused: None,
        }
    }

    fn finish(mut self) -> Plan {
        self.plan.held.extend(self.given.target.held.iter().cloned());
        self.plan.held.sort();
        self.plan.held.dedup();
        self.plan.post = self
            .entries
            .drain(self.first_new..)
            .filter(|e| e.state == EntryState::Planned)
            .map(Cow::into_owned)
            .collect();
        self.plan
    }
}
