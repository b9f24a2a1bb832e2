//! What to post: the difference between what the books should hold and what was posted, as documents. Nothing that is
//! locked, paid or filed is altered; a correction is a document of its own.
//!
//! Invoices are compared by position (debtor, day, account, tax, tracking), so that what was posted is corrected by
//! exactly what differs, whatever happened in Halaxy in between. Pure: the same input gives the same documents under the
//! same keys.

use super::chart::Books;
use super::document::{Contact, Document, DocumentKind, DocumentLine};
use super::entry::{Entry, EntryState, Purpose, digest};
use super::facts::Facts;
use super::fit::fit;
use super::hold::{Held, Source, Why};
use super::money::Cents;
use super::position::Position;
use super::rules::{Approve, Mode, Rules};
use super::target::{Charged, Moved, Target, Way, plain_line};
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// What a plan is made from.
pub struct Given<'a> {
    /// What the books should hold.
    pub target: &'a Target,
    /// Everything ever posted. Planned entries are planned anew.
    pub entries: &'a [Entry],
    /// Rules.
    pub rules: &'a Rules,
    /// The books.
    pub books: &'a Books,
    /// The practice's date.
    pub today: Date,
    /// What a person said yes to: key and [`digest`] of the document (`void KEY` with the posted document's digest).
    pub approved: &'a BTreeSet<(String, String)>,
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
}

impl Plan {
    /// Plans.
    pub fn of(given: &Given<'_>) -> Plan {
        let mut desk = Desk::new(given);
        desk.invoices();
        desk.misplaced();
        desk.allocations();
        desk.money();
        desk.summaries();
        desk.finish()
    }

    /// What would be posted for these facts if nothing were in the way, from the first invoice on.
    pub fn afresh(facts: &Facts, rules: &Rules, books: &Books, today: Date) -> Plan {
        Plan::of(&Given {
            target: &Target::of(facts, rules, books),
            entries: &[],
            rules,
            books,
            today,
            approved: &BTreeSet::new(),
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
    entries: Vec<Entry>,
    of_source: BTreeMap<Source, Vec<usize>>,
    by_key: BTreeMap<String, usize>,
    /// Keys that were ever used.
    keys: BTreeSet<String>,
    refused: BTreeMap<String, &'a Entry>,
    /// What is open on invoices and left of credits, by key.
    open: BTreeMap<String, Cents>,
    /// Position of each source in summaries.
    summed: BTreeMap<&'a Source, Position>,
    /// Documents that act on a document, by its key.
    acting: BTreeMap<String, Vec<usize>>,
    shares: BTreeMap<(Date, String), Vec<Share>>,
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
            acting: BTreeMap::new(),
            shares: BTreeMap::new(),
            blocked: BTreeSet::new(),
            plan: Plan::default(),
            first_new: 0,
        };
        for entry in given.entries {
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
            for (source, share) in entry.sources.iter().zip(&entry.shares) {
                desk.summed.entry(source).or_default().effects(share, 1);
            }
            desk.put(entry.clone());
        }
        desk.first_new = desk.entries.len();
        desk
    }

    fn put(&mut self, entry: Entry) -> usize {
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

    /// A document of the source whose outcome is not known yet.
    fn unsettled(&self, source: &Source) -> Option<String> {
        self.of_source
            .get(source)?
            .iter()
            .map(|i| &self.entries[*i])
            .find(|e| matches!(e.state, EntryState::Sent | EntryState::Voiding))
            .map(|e| e.key().to_owned())
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
        self.hold(source, Why::Approval { what, key: key.into() });
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
        self.put(entry);
        true
    }

    /// Voids a posted document together with the allocations of it.
    fn void(&mut self, source: &Source, at: usize) -> bool {
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
            self.entries[at].state = EntryState::Void;
        } else {
            self.entries[at].state = EntryState::Voiding;
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
            serves,
            contact: Some(contact.clone()),
            state: EntryState::Planned,
            remote_id: None,
            refused: None,
        }
    }

    // ------------------------------------------------------------------------------------------------ invoices

    fn invoices(&mut self) {
        let target = self.given.target;
        for (id, charged) in &target.charged {
            let source = Source::Invoice(id.clone());
            if let Some(key) = self.unsettled(&source) {
                self.hold(&source, Why::Unknown { key });
                self.blocked.insert(id.clone());
                continue;
            }
            let posted = !self.of(&source, &[Purpose::Charge]).is_empty();
            match charged.mode {
                Mode::Summary if posted => {
                    self.hold(&source, Why::ModeChanged);
                    self.blocked.insert(id.clone());
                }
                Mode::Summary => self.summarise_invoice(id, charged),
                Mode::Invoice => {
                    self.unsum(&source, charged.date, &charged.location);
                    self.invoice(id, &source, charged);
                    self.written_off(id, &source, charged);
                }
            }
        }
    }

    fn invoice(&mut self, id: &str, source: &Source, charged: &Charged) {
        let charges = self.of(source, &[Purpose::Charge, Purpose::Reversal]);
        let mut posted: BTreeMap<(String, Date), Position> = BTreeMap::new();
        for i in &charges {
            let e = &self.entries[*i];
            let contact = e.document.contact.clone().unwrap_or_default();
            let sign = if e.purpose == Purpose::Charge { 1 } else { -1 };
            posted
                .entry((contact, e.serves))
                .or_default()
                .lines(&e.document.lines, sign);
        }
        posted.retain(|_, p| !p.is_zero());
        let here = (charged.contact.key.clone(), charged.date);
        let mut differs = Position::default();
        differs.lines(&charged.lines, 1);
        let billed = !differs.is_zero();
        if let Some(now) = posted.get(&here) {
            differs.plus(now, -1);
        }
        let elsewhere = posted.keys().any(|k| *k != here);
        if differs.is_zero() && !elsewhere {
            return;
        }
        if posted.is_empty() {
            if billed {
                self.charge(id, source, charged, None);
            }
            return;
        }
        if let [only] = charges[..]
            && self.untouched(source, only)
        {
            if self.void(source, only) && billed {
                self.charge(id, source, charged, None);
            }
            return;
        }
        let others: Vec<((String, Date), Position)> = posted.into_iter().filter(|(k, _)| *k != here).collect();
        for ((contact, serves), position) in others {
            let contact = self.known_contact(source, &contact);
            self.correct(id, source, &contact, serves, &position, -1);
        }
        if elsewhere && self.given_nothing(&charges, &here) && billed {
            self.charge(id, source, charged, Some(Approve::Correction));
        } else {
            self.correct(id, source, &charged.contact, charged.date, &differs, 1);
        }
    }

    /// Whether nothing was posted for this debtor and day.
    fn given_nothing(&self, charges: &[usize], here: &(String, Date)) -> bool {
        !charges.iter().any(|i| {
            let e = &self.entries[*i];
            e.document.contact.as_ref() == Some(&here.0) && e.serves == here.1
        })
    }

    fn known_contact(&self, source: &Source, key: &str) -> Contact {
        self.of_source
            .get(source)
            .into_iter()
            .flatten()
            .filter_map(|i| self.entries[*i].contact.clone())
            .find(|c| c.key == key)
            .unwrap_or_else(|| Contact {
                key: key.into(),
                name: key.into(),
            })
    }

    /// Posted in an open period, and nothing acts on it.
    fn untouched(&self, source: &Source, at: usize) -> bool {
        let e = &self.entries[at];
        let others = self.of(source, &[Purpose::WriteOff, Purpose::Restored, Purpose::Reopened]);
        e.purpose == Purpose::Charge
            && others.is_empty()
            && !self.locked(e.document.date)
            && self.open.get(e.key()) == Some(&e.document.total)
    }

    fn charge(&mut self, id: &str, source: &Source, charged: &Charged, approve: Option<Approve>) {
        let key = self.key(format!("{}{id}", self.given.rules.prefix), "");
        let date = self.first_open(charged.date);
        let mut document = self.document(DocumentKind::Invoice, key, date, charged.lines.clone());
        document.due = Some(charged.due.max(date));
        let entry = self.entry(document, Purpose::Charge, source, charged.date, &charged.contact);
        if !self.post(source, entry, approve) {
            self.blocked.insert(id.into());
        }
    }

    /// Posts a difference: what was added as an invoice, what was taken off as a credit note.
    fn correct(&mut self, id: &str, source: &Source, contact: &Contact, serves: Date, by: &Position, sign: i64) {
        let mut position = Position::default();
        position.plus(by, sign);
        let (up, down) = position.split("Correction", "correction");
        for (lines, purpose) in [(down, Purpose::Reversal), (up, Purpose::Charge)] {
            if lines.is_empty() {
                continue;
            }
            let Some(lines) = self.fitting(lines) else {
                self.hold(source, Why::Amount);
                continue;
            };
            let base = format!("{}{id}", self.given.rules.prefix);
            let date = self.first_open(serves);
            let (kind, key) = match purpose {
                Purpose::Reversal => (DocumentKind::CreditNote, self.key(base, "C")),
                _ => (DocumentKind::Invoice, self.key(base, "")),
            };
            let mut document = self.document(kind, key, date, lines);
            if kind == DocumentKind::Invoice {
                document.due = Some(date);
            }
            let entry = self.entry(document, purpose, source, serves, contact);
            self.post(source, entry, Some(Approve::Correction));
        }
    }

    /// Lines whose stated tax the books will take: within a cent of the rate's.
    fn fitting(&self, lines: Vec<DocumentLine>) -> Option<Vec<DocumentLine>> {
        let mut out = Vec::with_capacity(lines.len());
        for line in lines {
            let percent = self.percent(&line.tax_code);
            for (net, tax) in fit(line.net, line.tax, percent, 1)? {
                out.push(DocumentLine {
                    unit: net.decimal().normalize(),
                    net,
                    tax,
                    ..line.clone()
                });
            }
        }
        Some(out)
    }

    fn percent(&self, tax_code: &str) -> Decimal {
        self.given.books.tax_rate(tax_code).map_or(Decimal::ZERO, |t| t.percent)
    }

    fn written_off(&mut self, id: &str, source: &Source, charged: &Charged) {
        let mut posted: BTreeMap<String, Position> = BTreeMap::new();
        for i in self.of(source, &[Purpose::WriteOff, Purpose::Restored]) {
            let e = &self.entries[i];
            let sign = if e.purpose == Purpose::WriteOff { 1 } else { -1 };
            posted
                .entry(e.document.contact.clone().unwrap_or_default())
                .or_default()
                .lines(&e.document.lines, sign);
        }
        let mut wanted = Position::default();
        wanted.lines(&charged.written_off, 1);
        let here = posted.remove(&charged.contact.key).unwrap_or_default();
        wanted.plus(&here, -1);
        let mut steps = vec![(charged.contact.clone(), wanted)];
        for (contact, position) in posted {
            let mut back = Position::default();
            back.plus(&position, -1);
            steps.push((self.known_contact(source, &contact), back));
        }
        for (contact, position) in steps {
            let (up, down) = position.split("Written off", "accounts.bad_debts");
            for (lines, purpose, mark) in [(up, Purpose::WriteOff, "W"), (down, Purpose::Restored, "B")] {
                if lines.is_empty() {
                    continue;
                }
                let Some(lines) = self.fitting(lines) else {
                    self.hold(source, Why::Amount);
                    continue;
                };
                let kind = match purpose {
                    Purpose::WriteOff => DocumentKind::CreditNote,
                    _ => DocumentKind::Invoice,
                };
                let key = self.key(format!("{}{id}", self.given.rules.prefix), mark);
                let date = self.first_open(self.given.today.max(charged.date));
                let mut document = self.document(kind, key, date, lines);
                if kind == DocumentKind::Invoice {
                    document.due = Some(date);
                }
                let entry = self.entry(document, purpose, source, date, &contact);
                self.post(source, entry, Some(Approve::WriteOff));
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ credits

    /// Invoices of a source with something open on them, oldest first, of one debtor.
    fn open_invoices(&self, id: &str, contact: &str) -> Vec<String> {
        let source = Source::Invoice(id.into());
        let mut all: Vec<&Entry> = self
            .of(&source, &[Purpose::Charge, Purpose::Restored, Purpose::Reopened])
            .into_iter()
            .map(|i| &self.entries[i])
            .filter(|e| e.document.contact.as_deref() == Some(contact) && self.left(e.key()).is_positive())
            .collect();
        all.sort_by(|a, b| (a.document.date, a.key()).cmp(&(b.document.date, b.key())));
        all.into_iter().map(|e| e.key().to_owned()).collect()
    }

    fn left(&self, key: &str) -> Cents {
        self.open.get(key).copied().unwrap_or_default()
    }

    fn at(&self, key: &str) -> Option<&Entry> {
        self.by_key.get(key).map(|i| &self.entries[*i])
    }

    /// Uses a credit for the open invoices of an invoice in Halaxy.
    fn assign(&mut self, source: &Source, credit: &str, id: &str) {
        let Some((contact, date)) = self
            .at(credit)
            .and_then(|e| Some((e.contact.clone()?, e.document.date)))
        else {
            return;
        };
        for invoice in self.open_invoices(id, &contact.key) {
            let amount = self.left(credit).min(self.left(&invoice));
            if !amount.is_positive() {
                return;
            }
            let to_date = self.at(&invoice).map_or(date, |e| e.document.date);
            let day = self.first_open(date.max(to_date));
            let key = self.key(
                format!(
                    "{credit}>{}",
                    invoice.trim_start_matches(self.given.rules.prefix.as_str())
                ),
                "A",
            );
            let mut document = self.document(DocumentKind::Allocation, key, day, Vec::new());
            document.of = Some(credit.into());
            document.to = Some(invoice);
            document.total = amount;
            let entry = self.entry(document, Purpose::Assign, source, day, &contact);
            if !self.post(source, entry, None) {
                return;
            }
        }
    }

    fn allocations(&mut self) {
        let ids: Vec<String> = self
            .of_source
            .iter()
            .filter_map(|(s, all)| match s {
                Source::Invoice(id) if all.iter().any(|i| self.entries[*i].is_credit()) => Some(id.clone()),
                _ => None,
            })
            .filter(|id| !self.blocked.contains(id))
            .collect();
        for id in ids {
            let source = Source::Invoice(id.clone());
            for i in self.of(&source, &[Purpose::Reversal, Purpose::WriteOff]) {
                let key = self.entries[i].key().to_owned();
                self.assign(&source, &key, &id);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ money

    fn waits(&mut self, source: &Source, moved: &Moved) -> bool {
        if let Some(id) = moved.invoice.as_ref().filter(|id| self.blocked.contains(*id)) {
            let invoice = id.clone();
            self.hold(source, Why::InvoiceHeld { invoice });
            return true;
        }
        if let Some(key) = self.unsettled(source) {
            // Told once, by the first of the two passes over money.
            if !self.plan.held.iter().rev().take(64).any(|h| h.source == *source) {
                self.hold(source, Why::Unknown { key });
            }
            return true;
        }
        false
    }

    /// The debtor and Halaxy invoice that a document belongs to.
    fn owner(&self, key: &str) -> (Option<String>, Option<String>) {
        let Some(e) = self.at(key) else { return (None, None) };
        let invoice = e.sources.iter().find_map(|s| match s {
            Source::Invoice(id) => Some(id.clone()),
            Source::Payment(_) => None,
        });
        (e.document.contact.clone(), invoice)
    }

    /// Undoes what stands in the wrong place: another account, amount, day, debtor or invoice than Halaxy shows now.
    fn misplaced(&mut self) {
        let target = self.given.target;
        for (id, moved) in &target.moved {
            let source = Source::Payment(id.clone());
            let posted = self.of(
                &source,
                &[Purpose::Receipt, Purpose::Deposit, Purpose::Over, Purpose::Refund],
            );
            if posted.is_empty() {
                continue;
            }
            if moved.mode == Mode::Summary && moved.amount.is_positive() {
                self.hold(&source, Why::ModeChanged);
                continue;
            }
            if self.waits(&source, moved) {
                continue;
            }
            if self.unsettled(&source).is_none() {
                match moved.way {
                    Way::In => self.misplaced_receipts(&source, moved, posted),
                    Way::Out => self.misplaced_refunds(&source, moved, posted),
                }
            }
        }
    }

    fn misplaced_receipts(&mut self, source: &Source, moved: &Moved, posted: Vec<usize>) {
        let contact = moved.contact.as_ref().map(|c| c.key.clone());
        // What was given out again under this payment (a transfer to another debtor, or an undoing in a locked period).
        let mut undone: BTreeMap<(Option<String>, Option<String>), Cents> = BTreeMap::new();
        for i in self.of(source, &[Purpose::Refund, Purpose::Reopened]) {
            let e = &self.entries[i];
            let (who, account) = match e.purpose {
                Purpose::Refund => (
                    e.document.of.as_ref().and_then(|k| self.owner(k).0),
                    e.document.account.clone(),
                ),
                _ => (
                    e.document.contact.clone(),
                    e.document.lines.first().map(|l| l.account.clone()),
                ),
            };
            *undone.entry((who, account)).or_default() += e.document.total;
        }
        let mut kept = Cents::ZERO;
        for i in posted {
            if self.entries[i].purpose == Purpose::Refund {
                continue;
            }
            let e = &self.entries[i];
            let (date, amount, account) = (e.document.date, e.document.total, e.document.account.clone());
            let serves = e.serves;
            let (who, invoice) = match &e.document.of {
                Some(on) => self.owner(on),
                None => (e.document.contact.clone(), moved.invoice.clone()),
            };
            let spot = (who.clone(), account.clone());
            let gone = undone.get(&spot).copied().unwrap_or_default().min(amount);
            if gone.is_positive() {
                *undone.entry(spot).or_default() -= gone;
            }
            let stands = amount - gone;
            let in_place = account.as_deref() == Some(moved.account.as_str())
                && serves == moved.date
                && (contact.is_none() || who == contact)
                && invoice == moved.invoice
                && kept + stands <= moved.amount;
            if in_place || stands.is_zero() {
                kept += stands;
                continue;
            }
            if !self.locked(date) && gone.is_zero() {
                self.void(source, i);
                continue;
            }
            // Locked: what was received stays received, and goes out again on an open day.
            let excess = if who == contact && invoice == moved.invoice && account.as_deref() == Some(&moved.account) {
                (kept + stands - moved.amount).max(Cents::ZERO)
            } else if invoice != moved.invoice && who == contact {
                self.hold(source, Why::LockedPayment { date });
                kept += stands;
                continue;
            } else {
                stands
            };
            if excess.is_zero() {
                // Only the day differs, and it is closed.
                kept += stands;
                continue;
            }
            kept += if who == contact { stands - excess } else { Cents::ZERO };
            let payer = match &who {
                Some(key) => Contact {
                    key: key.clone(),
                    name: self.name_of(key),
                },
                None => continue,
            };
            let of_invoice = invoice.clone().or_else(|| moved.invoice.clone());
            self.give_back(
                source,
                of_invoice.as_deref(),
                &payer,
                account.as_deref().unwrap_or_default(),
                excess,
                date,
                None,
            );
        }
        // Allocations of deposits to an invoice that Halaxy no longer names.
        for i in self.of(source, &[Purpose::Assign]) {
            let e = &self.entries[i];
            let to = e.document.to.as_ref().and_then(|k| self.owner(k).1);
            if to != moved.invoice {
                if self.locked(e.document.date) {
                    let date = e.document.date;
                    self.hold(source, Why::LockedPayment { date });
                } else {
                    self.void(source, i);
                }
            }
        }
    }

    fn name_of(&self, key: &str) -> String {
        self.entries
            .iter()
            .filter_map(|e| e.contact.as_ref())
            .find(|c| c.key == key)
            .map_or_else(|| key.to_owned(), |c| c.name.clone())
    }

    fn misplaced_refunds(&mut self, source: &Source, moved: &Moved, mut posted: Vec<usize>) {
        posted.extend(self.of(source, &[Purpose::Reopened]));
        let total: Cents = posted.iter().map(|i| self.entries[*i].document.total).sum();
        let right = |e: &Entry| match e.purpose {
            Purpose::Refund => e.document.account.as_deref() == Some(moved.account.as_str()),
            _ => e.document.lines.first().is_some_and(|l| l.account == moved.account),
        };
        if total <= moved.amount && posted.iter().all(|i| right(&self.entries[*i])) {
            return;
        }
        for i in posted {
            let date = self.entries[i].document.date;
            if self.locked(date) {
                self.hold(source, Why::LockedPayment { date });
                return;
            }
            self.void(source, i);
        }
    }

    /// Gives money back: out of what credit there is, else the debt is owed again.
    fn give_back(
        &mut self,
        source: &Source,
        invoice: Option<&str>,
        contact: &Contact,
        account: &str,
        amount: Cents,
        serves: Date,
        approve: Option<Approve>,
    ) {
        let Source::Payment(id) = source else { return };
        let prefix = self.given.rules.prefix.clone();
        let date = self.first_open(serves);
        let mut rest = amount;
        for credit in self.credits(invoice, &contact.key) {
            let part = rest.min(self.left(&credit));
            if !part.is_positive() {
                continue;
            }
            let day = date.max(self.at(&credit).map_or(date, |e| e.document.date));
            let key = self.key(format!("{prefix}F{id}"), "");
            let mut document = self.document(DocumentKind::Refund, key, day, Vec::new());
            document.of = Some(credit);
            document.account = Some(account.into());
            document.total = part;
            let entry = self.entry(document, Purpose::Refund, source, serves, contact);
            if !self.post(source, entry, approve) {
                return;
            }
            rest -= part;
        }
        if !rest.is_positive() {
            return;
        }
        if self.given.books.account(account).is_some_and(|a| a.bank) {
            self.hold(
                source,
                Why::BankRefund {
                    account: account.into(),
                },
            );
            return;
        }
        let key = self.key(format!("{prefix}F{id}"), "I");
        let line = plain_line(
            "Money given back",
            rest,
            account,
            &self.given.rules.accounts.no_tax,
            "method",
        );
        let mut document = self.document(DocumentKind::Invoice, key, date, vec![line]);
        document.due = Some(date);
        let mut entry = self.entry(document, Purpose::Reopened, source, serves, contact);
        if let Some(invoice) = invoice {
            entry.sources.push(Source::Invoice(invoice.into()));
        }
        self.post(source, entry, approve);
    }

    /// Credits that money for an invoice (or a debtor's advance) can be given back from.
    fn credits(&self, invoice: Option<&str>, contact: &str) -> Vec<String> {
        let mut found: Vec<(Date, String)> = Vec::new();
        let mut look = |i: &usize| {
            let e = &self.entries[*i];
            if e.counts()
                && e.is_credit()
                && e.purpose != Purpose::WriteOff
                && e.document.contact.as_deref() == Some(contact)
                && self.left(e.key()).is_positive()
            {
                found.push((e.document.date, e.key().to_owned()));
            }
        };
        match invoice {
            Some(id) => {
                if let Some(all) = self.of_source.get(&Source::Invoice(id.into())) {
                    all.iter().for_each(&mut look);
                }
                for (payment, moved) in &self.given.target.moved {
                    if moved.invoice.as_deref() == Some(id)
                        && let Some(all) = self.of_source.get(&Source::Payment(payment.clone()))
                    {
                        all.iter().for_each(&mut look);
                    }
                }
            }
            None => (0..self.entries.len()).for_each(|i| look(&i)),
        }
        found.sort();
        found.dedup();
        found.into_iter().map(|(_, k)| k).collect()
    }

    fn money(&mut self) {
        let target = self.given.target;
        let mut order: Vec<(&String, &Moved)> = target.moved.iter().collect();
        // Money in before money out, so that what is given back finds its credit.
        order.sort_by_key(|(id, m)| (m.way == Way::Out, m.date, *id));
        for (id, moved) in order {
            let source = Source::Payment(id.clone());
            let posted = self.of(
                &source,
                &[
                    Purpose::Receipt,
                    Purpose::Deposit,
                    Purpose::Over,
                    Purpose::Refund,
                    Purpose::Reopened,
                ],
            );
            if moved.mode == Mode::Summary {
                if posted.is_empty() && !self.waits(&source, moved) {
                    self.summarise_money(&source, moved);
                }
                continue;
            }
            if self.waits(&source, moved) {
                continue;
            }
            self.unsum(&source, moved.date, &moved.location);
            match moved.way {
                Way::In => self.receive(&source, id, moved, &posted),
                Way::Out => {
                    let given: Cents = posted.iter().map(|i| self.entries[*i].document.total).sum();
                    let rest = moved.amount - given;
                    if let (true, Some(contact)) = (rest.is_positive(), &moved.contact) {
                        let (contact, account, date) = (contact.clone(), moved.account.clone(), moved.date);
                        self.give_back(
                            &source,
                            moved.invoice.as_deref(),
                            &contact,
                            &account,
                            rest,
                            date,
                            Some(Approve::Refund),
                        );
                    }
                }
            }
        }
    }

    fn receive(&mut self, source: &Source, id: &str, moved: &Moved, posted: &[usize]) {
        let mut there = Cents::ZERO;
        for i in posted {
            let e = &self.entries[*i];
            if !e.counts() {
                continue;
            }
            match e.purpose {
                Purpose::Refund | Purpose::Reopened => there -= e.document.total,
                _ => there += e.document.total,
            }
        }
        let prefix = self.given.rules.prefix.clone();
        let date = self.first_open(moved.date);
        let mut rest = moved.amount - there;
        let Some(contact) = moved.contact.clone() else { return };
        if let Some(invoice) = &moved.invoice {
            // What was received in advance, or too much, is used first.
            let credits: Vec<String> = posted
                .iter()
                .map(|i| &self.entries[*i])
                .filter(|e| e.counts() && e.is_credit() && self.left(e.key()).is_positive())
                .map(|e| e.key().to_owned())
                .collect();
            for credit in credits {
                self.assign(source, &credit, invoice);
            }
            if !rest.is_positive() {
                return;
            }
            for on in self.open_invoices(invoice, &contact.key) {
                let part = rest.min(self.left(&on));
                if !part.is_positive() {
                    continue;
                }
                let day = date.max(self.at(&on).map_or(date, |e| {
                    if e.document.date > date && self.locked(moved.date) {
                        e.document.date
                    } else {
                        date
                    }
                }));
                let key = self.key(format!("{prefix}P{id}"), "");
                let mut document = self.document(DocumentKind::Payment, key, day, Vec::new());
                document.of = Some(on);
                document.account = Some(moved.account.clone());
                document.total = part;
                let entry = self.entry(document, Purpose::Receipt, source, moved.date, &contact);
                if !self.post(source, entry, None) {
                    return;
                }
                rest -= part;
            }
        }
        if !rest.is_positive() {
            return;
        }
        let (kind, purpose, mark, approve) = match moved.invoice {
            Some(_) => (
                DocumentKind::Overpayment,
                Purpose::Over,
                "O",
                Some(Approve::Overpayment),
            ),
            None => (DocumentKind::Prepayment, Purpose::Deposit, "D", None),
        };
        let Some(deposits) = self.given.rules.accounts.deposits.clone() else {
            self.hold(
                source,
                Why::NeedsAccount {
                    name: "deposits".into(),
                },
            );
            return;
        };
        let text = if kind == DocumentKind::Overpayment {
            "Overpayment"
        } else {
            "Deposit"
        };
        let line = plain_line(
            text,
            rest,
            &deposits,
            &self.given.rules.accounts.no_tax,
            "accounts.deposits",
        );
        let key = self.key(format!("{prefix}{mark}{id}"), "");
        let mut document = self.document(kind, key, date, vec![line]);
        document.account = Some(moved.account.clone());
        let entry = self.entry(document, purpose, source, moved.date, &contact);
        self.post(source, entry, approve);
    }

    // ------------------------------------------------------------------------------------------------ summaries

    fn debtors(&self) -> (&'a str, &'a str) {
        let a = &self.given.rules.accounts;
        (
            a.patient_debtors.as_deref().unwrap_or_default(),
            a.deposits.as_deref().unwrap_or_default(),
        )
    }

    fn balance(&self, position: &mut Position, account: &str, amount: Cents) {
        let line = plain_line("", amount, account, &self.given.rules.accounts.no_tax, "");
        position.lines(&[line], 1);
    }

    /// Takes a source out of the summaries it is in.
    fn unsum(&mut self, source: &Source, date: Date, location: &str) {
        let Some(now) = self.summed.get(source).filter(|p| !p.is_zero()) else {
            return;
        };
        let mut back = Position::default();
        back.plus(now, -1);
        self.summed.remove(source);
        self.share(source, back, date, location);
    }

    fn share(&mut self, source: &Source, position: Position, serves: Date, location: &str) {
        let day = self.first_open(serves);
        self.shares.entry((day, location.to_owned())).or_default().push(Share {
            source: source.clone(),
            position,
            serves,
        });
    }

    fn summarise_invoice(&mut self, id: &str, charged: &Charged) {
        let source = Source::Invoice(id.into());
        let (debtors, _) = self.debtors();
        let mut billed = Position::default();
        billed.lines(&charged.lines, -1);
        self.balance(&mut billed, debtors, charged.gross());
        let mut whole = billed.clone();
        if !charged.written_off.is_empty() {
            whole.lines(&charged.written_off, 1);
            let given_up: Cents = charged.written_off.iter().map(|l| l.net + l.tax).sum();
            self.balance(&mut whole, debtors, -given_up);
        }
        self.summarise(&source, billed, whole, charged.date, &charged.location);
    }

    fn summarise_money(&mut self, source: &Source, moved: &Moved) {
        let (debtors, deposits) = self.debtors();
        let signed = match moved.way {
            Way::In => moved.amount,
            Way::Out => -moved.amount,
        };
        if self.given.books.account(&moved.account).is_some_and(|a| a.bank) {
            let account = moved.account.clone();
            self.hold(source, Why::BankInSummary { account });
            return;
        }
        let mut whole = Position::default();
        self.balance(&mut whole, &moved.account, signed);
        let other = if moved.invoice.is_some() { debtors } else { deposits };
        self.balance(&mut whole, other, -signed);
        self.summarise(source, whole.clone(), whole, moved.date, &moved.location);
    }

    /// Brings a source's position in summaries to what it should be: what was billed or moved on its own day; what was
    /// assigned or given up later on the day it is seen.
    fn summarise(&mut self, source: &Source, first: Position, whole: Position, date: Date, location: &str) {
        let now = self.summed.get(source).cloned().unwrap_or_default();
        let mut rest = whole;
        rest.plus(&now, -1);
        if rest.is_zero() {
            return;
        }
        let fresh = now.is_zero();
        if fresh && !first.is_zero() {
            rest.plus(&first, -1);
            self.share(source, first, date, location);
            if rest.is_zero() {
                return;
            }
        } else if !self.may_correct(source, &rest) {
            return;
        }
        let (debtors, deposits) = self.debtors();
        let bad_debts = self.given.rules.accounts.bad_debts.as_deref();
        let later = rest
            .parts()
            .all(|(p, ..)| p.account == debtors || p.account == deposits || Some(p.account.as_str()) == bad_debts);
        let day = if later { self.given.today.max(date) } else { date };
        self.share(source, rest, day, location);
    }

    fn may_correct(&mut self, source: &Source, by: &Position) -> bool {
        let key = match source {
            Source::Invoice(id) => format!("{}{id}", self.given.rules.prefix),
            Source::Payment(id) => format!("{}P{id}", self.given.rules.prefix),
        };
        let (up, down) = by.split("Correction", "correction");
        let lines = up.into_iter().chain(down).collect();
        let document = self.document(DocumentKind::Journal, key.clone(), self.given.today, lines);
        // The day does not matter to the approval.
        let undated = Document {
            date: Date::constant(2000, 1, 1),
            ..document
        };
        self.may(source, Some(Approve::Correction), &key, &digest(&undated))
    }

    fn summaries(&mut self) {
        let shares = std::mem::take(&mut self.shares);
        for ((day, location), shares) in shares {
            let mut sum = Position::default();
            for share in &shares {
                sum.plus(&share.position, 1);
            }
            let serves = shares.iter().map(|s| s.serves).min().unwrap_or(day);
            let mut lines = Vec::new();
            let mut fits = true;
            for (place, net, tax) in sum.parts() {
                let Some(pieces) = fit(net, tax, self.percent(&place.tax_code), 0) else {
                    fits = false;
                    break;
                };
                for (net, tax) in pieces {
                    lines.push(DocumentLine {
                        tracking: place.tracking.clone(),
                        tax,
                        ..plain_line("Daily summary", net, &place.account, &place.tax_code, "summary")
                    });
                }
            }
            if !fits {
                for share in &shares {
                    self.hold(&share.source, Why::Amount);
                }
                continue;
            }
            let base = match location.as_str() {
                "" => format!("{}DAY-{day}", self.given.rules.prefix),
                at => format!(
                    "{}DAY-{day}-{}",
                    self.given.rules.prefix,
                    at.replace(|c: char| !c.is_ascii_alphanumeric(), "")
                ),
            };
            let key = self.key(base, "");
            let mut document = self.document(DocumentKind::Journal, key, day, lines);
            document.note = format!("{} records", shares.len());
            (document.total, document.tax) = (Cents::ZERO, Cents::ZERO);
            let first = shares.first().map(|s| s.source.clone());
            let entry = Entry {
                document,
                purpose: Purpose::Summary,
                sources: shares.iter().map(|s| s.source.clone()).collect(),
                shares: shares.iter().map(|s| s.position.to_effects()).collect(),
                serves,
                contact: None,
                state: EntryState::Planned,
                remote_id: None,
                refused: None,
            };
            if let Some(first) = first {
                self.post(&first, entry, None);
            }
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
            .collect();
        self.plan
    }
}
