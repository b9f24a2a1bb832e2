//! What was posted against what the books show now, document by document.

use super::find::Found;
use super::{Between, Change, Difference, Prover};
use crate::ledger::document::{DocumentKind, DocumentLine, Shown, ShownLine, Status};
use crate::ledger::entry::{Entry, EntryState, Purpose};
use crate::ledger::hold::Source;
use crate::ledger::money::Cents;
use crate::ledger::rules::Mode;
use std::collections::{BTreeMap, BTreeSet};

impl Prover<'_> {
    /// Each posted document against what the books show of it, and what the books have besides.
    pub(super) fn books(&mut self) {
        let e = self.e;
        let shown = Found::by(e.shown.iter().map(|s| ((s.kind, s.remote_id.as_str()), *s)));
        let remote = Found::by(
            e.entries
                .iter()
                .filter_map(|x| Some((x.key(), x.remote_id.as_deref()?))),
        );
        let posted = e
            .entries
            .iter()
            .filter_map(|x| Some((x.remote_id.as_deref()?, x.document.kind)));
        let ours = Found::by(posted);
        for &entry in &e.entries {
            let Some(id) = entry.remote_id.as_deref() else { continue };
            if !self.within(entry.serves) {
                continue;
            }
            self.documents += 1;
            let shown = shown.get(&(entry.document.kind, id));
            self.in_books(entry, shown);
            let changes = match entry.state {
                EntryState::Posted => self.document(entry, shown, &remote),
                EntryState::Void => match shown {
                    Some(s) if s.status != Status::Void => vec![change("status", "void", "not void")],
                    _ => vec![],
                },
                _ => vec![],
            };
            if !changes.is_empty() {
                let there = shown
                    .filter(|s| s.status != Status::Void)
                    .map_or(Cents::ZERO, |s| s.total);
                self.differences.push(Difference {
                    between: Between::PostedAndBooks,
                    date: entry.serves,
                    subject: entry.key().to_owned(),
                    changes,
                    by: there - entry.document.total,
                });
            }
        }
        for s in &e.shown {
            let is_ours = ours.all(&s.remote_id.as_str()).any(|kind| kind == s.kind);
            if s.status == Status::Void || is_ours || !self.within(s.date) {
                continue;
            }
            let on_ours = [&s.of, &s.to]
                .into_iter()
                .flatten()
                .any(|id| ours.get(&id.as_str()).is_some());
            let like_ours = s.key.as_ref().is_some_and(|k| k.starts_with(&e.rules.prefix));
            if on_ours || like_ours {
                self.differences.push(Difference {
                    between: Between::BooksOnly,
                    date: s.date,
                    subject: s.key.clone().unwrap_or_else(|| s.remote_id.clone()),
                    changes: vec![change("document", "none", &format!("{:?} {}", s.kind, s.remote_id))],
                    by: s.total,
                });
            }
        }
    }

    fn in_books(&mut self, entry: &Entry, shown: Option<&Shown>) {
        let Some(shown) = shown.filter(|s| s.status != Status::Void) else {
            return;
        };
        let sign = match entry.purpose {
            Purpose::Receipt | Purpose::Deposit | Purpose::Over => 1,
            Purpose::Refund | Purpose::Reopened => -1,
            Purpose::Summary => return self.summary_in_books(entry, shown),
            _ => return,
        };
        if let Some(Source::Payment(id)) = entry.sources.first() {
            let account = shown
                .account
                .clone()
                .or_else(|| entry.money_account().map(str::to_owned))
                .unwrap_or_default();
            self.day(entry.serves, &id.clone(), &account).books += Cents(sign * shown.total.0);
        }
    }

    fn summary_in_books(&mut self, entry: &Entry, _shown: &Shown) {
        // A journal that equals what was posted holds each payment's share.
        for (source, share) in entry.sources.iter().zip(&entry.shares) {
            let Source::Payment(id) = source else { continue };
            let Some(moved) = self.e.target.moved.get(id).filter(|m| m.mode == Mode::Summary) else {
                continue;
            };
            let (date, account) = (moved.date, moved.account.clone());
            let sum: Cents = share.iter().filter(|s| s.account == account).map(|s| s.net).sum();
            if self.within(date) {
                self.day(date, id, &account).books += sum;
            }
        }
    }

    fn document(&self, entry: &Entry, shown: Option<&Shown>, remote: &Found<&str, &str>) -> Vec<Change> {
        let d = &entry.document;
        let Some(s) = shown else {
            return vec![change("document", "posted", "not in the books")];
        };
        if s.status == Status::Void {
            return vec![change("status", "posted", "void")];
        }
        let mut changes = Vec::new();
        if s.status == Status::Draft {
            changes.push(change("status", "posted", "draft"));
        }
        if s.date != d.date {
            changes.push(change("date", &d.date.to_string(), &s.date.to_string()));
        }
        if d.kind != DocumentKind::Journal && s.total != d.total {
            changes.push(change("amount", &text(d.total), &text(s.total)));
        }
        if let Some(tax) = s.tax
            && matches!(d.kind, DocumentKind::Invoice | DocumentKind::CreditNote)
            && tax != d.tax
        {
            changes.push(change("tax", &text(d.tax), &text(tax)));
        }
        if let (Some(a), Some(b)) = (&d.account, &s.account)
            && a != b
        {
            changes.push(change("account", a, b));
        }
        if let (Some(key), Some(id)) = (&d.contact, &s.contact)
            && self.e.contacts.get(key.as_str()).is_some_and(|ours| ours != id)
        {
            changes.push(change("contact", key, "another contact"));
        }
        for (what, ours, theirs) in [("acts on", &d.of, &s.of), ("goes to", &d.to, &s.to)] {
            if let (Some(key), Some(id)) = (ours, theirs)
                && remote.get(&key.as_str()).is_some_and(|known| known != id)
            {
                changes.push(change(what, key, "another document"));
            }
        }
        if let Some(lines) = &s.lines
            && matches!(
                d.kind,
                DocumentKind::Invoice | DocumentKind::CreditNote | DocumentKind::Journal
            )
        {
            changes.extend(lines_differ(&d.lines, lines));
        }
        changes
    }
}

fn text(cents: Cents) -> String {
    cents.to_string()
}

fn change(what: &str, first: &str, second: &str) -> Change {
    Change {
        what: what.into(),
        first: first.into(),
        second: second.into(),
    }
}

fn lines_differ(ours: &[DocumentLine], theirs: &[ShownLine]) -> Vec<Change> {
    let mut left: BTreeMap<ShownLine, i64> = BTreeMap::new();
    let taxed: BTreeSet<bool> = theirs.iter().map(|l| l.tax_code.is_some()).collect();
    for l in ours {
        let line = ShownLine {
            account: l.account.clone(),
            tax_code: taxed.contains(&true).then(|| l.tax_code.clone()),
            net: l.net,
            tax: l.tax,
            tracking: l.tracking.clone(),
        };
        *left.entry(line).or_default() += 1;
    }
    for l in theirs {
        *left.entry(l.clone()).or_default() -= 1;
    }
    let word = |l: &ShownLine| {
        format!(
            "account {} {} {} tax {} {}",
            l.account,
            l.tax_code.as_deref().unwrap_or_default(),
            l.net,
            l.tax,
            l.tracking.values().cloned().collect::<Vec<_>>().join(" ")
        )
    };
    left.into_iter()
        .filter(|(_, n)| *n != 0)
        .map(|(line, n)| {
            if n > 0 {
                change("line", word(&line).trim(), "none")
            } else {
                change("line", "none", word(&line).trim())
            }
        })
        .collect()
}
