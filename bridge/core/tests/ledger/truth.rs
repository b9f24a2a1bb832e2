//! What the books must come to after a history, reckoned from what Halaxy shows and nothing else.

use crate::books::Paper;
use crate::history::{World, key};
use bridge_core::ledger::facts::*;
use bridge_core::ledger::{Cents, Why};
use std::collections::BTreeMap;

impl World {
    /// What the books must come to, reckoned from what Halaxy shows and nothing else.
    fn truth(&self, debtors_by_contact: bool) -> (BTreeMap<String, Cents>, BTreeMap<String, Cents>) {
        let mut accounts: BTreeMap<String, Cents> = BTreeMap::new();
        let mut debtors: BTreeMap<String, Cents> = BTreeMap::new();
        let mut add = |account: &str, amount: Cents| *accounts.entry(account.into()).or_default() += amount;
        for i in self.facts.invoices.values() {
            if i.status == "cancelled" {
                continue;
            }
            let received: Cents = self
                .facts
                .payments
                .values()
                .filter(|p| p.invoice.as_ref() == Some(&i.id) && !p.void)
                .map(|p| {
                    if p.kind == PaymentKind::Refund {
                        -p.amount
                    } else {
                        p.amount
                    }
                })
                .sum();
            let mut gross = Cents::ZERO;
            let mut by_tax = BTreeMap::new();
            for l in self.facts.lines.values().filter(|l| l.invoice.as_ref() == Some(&i.id)) {
                if l.status == LineStatus::Voided {
                    continue;
                }
                let (net, tax) = bridge_core::ledger::target::amounts(l).unwrap();
                add(if l.code.as_deref() == Some("B") { "210" } else { "200" }, -net);
                add("GST", -tax);
                gross += net + tax;
                let sums: &mut (Cents, Cents) = by_tax.entry(l.code.clone()).or_default();
                sums.0 += net;
                sums.1 += tax;
            }
            let key = key(i.payer.as_ref().unwrap());
            *debtors.entry(key.clone()).or_default() += gross;
            if i.status == "write-off" {
                let given_up = (gross - received).max(Cents::ZERO).min(gross);
                *debtors.entry(key).or_default() -= given_up;
                // Bad debts and the GST on them together; how a part divides is the planner's business.
                add("bad debts with tax", given_up);
            }
        }
        let billed = |i: &Invoice| {
            let mut lines = self.facts.lines.values().filter(|l| l.invoice.as_ref() == Some(&i.id));
            lines.any(|l| l.status != LineStatus::Voided)
        };
        for p in self.facts.payments.values().filter(|p| !p.void) {
            let amount = if p.kind == PaymentKind::Refund {
                -p.amount
            } else {
                p.amount
            };
            add(if p.method == "Cash" { "650" } else { "651" }, amount);
            let invoice = p.invoice.as_ref().map(|id| &self.facts.invoices[id]);
            let payer = match invoice {
                Some(i) if i.status != "cancelled" && billed(i) => i.payer.clone(),
                // Of an invoice that was taken back it is the credit of whoever paid.
                other => p.payer.clone().or(other.and_then(|i| i.payer.clone())),
            };
            *debtors.entry(key(&payer.unwrap())).or_default() -= amount;
        }
        if !debtors_by_contact {
            let all: Cents = debtors.values().copied().sum();
            debtors = BTreeMap::from([("all".into(), all)]);
        }
        accounts.retain(|_, a| !a.is_zero());
        debtors.retain(|_, a| !a.is_zero());
        (accounts, debtors)
    }

    pub fn check(&mut self, by_contact: bool) {
        // A credit that was used under a lock is used otherwise in the books by hand: the only thing that may wait.
        let plan = self.look();
        if plan.held.iter().any(|h| matches!(h.why, Why::LockedPayment { .. })) {
            return;
        }
        assert!(plan.held.is_empty(), "{:?}", plan.held);
        let (_, again) = self.plan();
        assert!(again.void.is_empty() && again.post.is_empty(), "not quiet: {again:#?}");

        let paper = Paper::of(&self.entries);
        let mut accounts = paper.accounts;
        let mut debtors = paper.debtors;
        if !by_contact {
            let control = ["612", "825"].iter().filter_map(|a| accounts.remove(*a)).sum::<Cents>();
            let all = debtors.values().copied().sum::<Cents>() + control;
            debtors = BTreeMap::from([("all".into(), all)]);
        }
        let (want_accounts, want_debtors) = self.truth(by_contact);
        // Bad debts and their share of GST are compared together.
        let written: Cents = self
            .entries
            .iter()
            .filter(|e| e.counts())
            .map(|e| match e.purpose {
                bridge_core::ledger::Purpose::WriteOff => e.document.total,
                bridge_core::ledger::Purpose::Restored => -e.document.total,
                _ => Cents::ZERO,
            })
            .sum();
        if by_contact {
            let bad = accounts.remove("411").unwrap_or_default();
            *accounts.entry("GST".into()).or_default() -= written - bad;
            *accounts.entry("bad debts with tax".into()).or_default() += written;
        } else {
            let bad = accounts.remove("411").unwrap_or_default();
            let want = want_accounts.get("bad debts with tax").copied().unwrap_or_default();
            *accounts.entry("GST".into()).or_default() -= want - bad;
            *accounts.entry("bad debts with tax".into()).or_default() += want;
        }
        accounts.retain(|_, a| !a.is_zero());
        debtors.retain(|_, a| !a.is_zero());
        assert_eq!(debtors, want_debtors);
        assert_eq!(accounts, want_accounts);
    }
}
