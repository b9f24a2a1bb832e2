//! What would be posted: the target, the plan, and what a person needs to judge it.

use super::keep::{self, State};
use super::reports::journal_rows;
use super::{Ledger, Outlook, post};
use bridge_core::Time;
use bridge_core::ledger::adopt::{Foreign, foreign};
use bridge_core::ledger::{Books, Cents, Document, Entry, Given, Plan, Source, Target, Why};
use std::collections::{BTreeMap, BTreeSet};

impl Ledger {
    pub(super) fn target(&self, state: &State, books: &Books) -> Target {
        let mut withheld: BTreeMap<Source, Why> = BTreeMap::new();
        for bad in state.gathered.unreadable() {
            if let Some(invoice) = &bad.invoice {
                let why = Why::Unreadable {
                    record: format!("{} {}", bad.kind, bad.id),
                    fault: format!("{} {}", bad.member, bad.fault),
                };
                withheld.insert(Source::Invoice(invoice.clone()), why);
            }
        }
        Target::without(&withheld, state.gathered.facts(), &self.settings.rules, books)
    }

    /// What would be posted by what was read last; calls no account.
    pub async fn standing(&self, now: Time) -> Outlook {
        self.outlook(&*self.state.lock().await, now)
    }

    pub(super) fn outlook(&self, state: &State, now: Time) -> Outlook {
        self.outlook_with(state, &state.recode, now)
    }

    /// The same with these sources coded anew by the rules of now.
    pub(super) fn outlook_with(&self, state: &State, recode: &BTreeSet<Source>, now: Time) -> Outlook {
        let Some(books) = state.books.clone() else {
            return Outlook {
                target: Target::default(),
                plan: Plan::default(),
                foreign: Vec::new(),
                books: keep::no_books(),
                calls: BTreeMap::new(),
            };
        };
        let entries: Vec<&Entry> = state.entries.values().map(|k| &k.entry).collect();
        let mut target = self.target(state, &books);
        let found = foreign(&target, &entries, state.shown.values(), &self.settings.rules);
        let foreign: Vec<(Foreign, Vec<Entry>)> = found
            .iter()
            .filter_map(|f| Some((f.clone(), f.entries(target.charged.get(&f.invoice)?, &target.moved))))
            .collect();
        target.set_aside(&found);
        let plan = Plan::of(&Given {
            target: &target,
            entries,
            rules: &self.settings.rules,
            books: &books,
            today: self.today(now),
            settled: Some(self.settled(now)),
            approved: &state.approvals,
            recode,
        });
        let calls = self.calls(state, &plan);
        Outlook {
            target,
            plan,
            foreign,
            books,
            calls,
        }
    }

    fn calls(&self, state: &State, plan: &Plan) -> BTreeMap<String, usize> {
        let mut documents: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for entry in &plan.post {
            let kind = entry.document.kind;
            let row = documents
                .entry(format!("{kind:?}"))
                .or_insert((0, self.accounting.batch(kind).max(1)));
            row.0 += 1;
        }
        let mut calls: BTreeMap<String, usize> = documents
            .into_iter()
            .map(|(kind, (n, batch))| (kind, n.div_ceil(batch)))
            .collect();
        let new = plan
            .contacts()
            .keys()
            .filter(|k| !state.contacts.contains_key(*k))
            .count();
        if new > 0 {
            calls.insert("Contact".into(), new.div_ceil(post::CONTACTS));
        }
        if !plan.void.is_empty() {
            calls.insert("Void".into(), plan.void.len());
        }
        calls
    }
}

/// Debits and credits of documents by account and tax rate: what a preview shows.
pub fn journal_view<'a>(documents: impl Iterator<Item = &'a Document>) -> BTreeMap<(String, String), (Cents, Cents)> {
    let mut rows: BTreeMap<(String, String), (Cents, Cents)> = BTreeMap::new();
    for ((account, tax, _), (debit, credit)) in journal_rows(documents) {
        let row = rows.entry((account, tax)).or_default();
        row.0 += debit;
        row.1 += credit;
    }
    rows
}
