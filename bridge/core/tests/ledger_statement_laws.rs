//! Laws of practitioners' statements over random months: every cent is somewhere once, and fees keep within their rules.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::money::Cents;
use bridge_core::ledger::statement::{HeldMovement, journal, statements};
use bridge_core::ledger::{Facts, LineStatus, PaymentKind, Rules};
use ledger_practice::{TWO, aud, bill, date, month, of, pay, rules, state, with_agents as practice};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens to an invoice: lines (role, amount), day of it, payments (day, amount, refund), how it ends.
type Story = (Vec<(usize, i64)>, i64, Vec<(i64, i64, bool)>, u8);

fn story() -> impl Strategy<Value = Story> {
    (
        prop::collection::vec((0usize..5, -3_000i64..40_000), 0..5),
        0i64..92,
        prop::collection::vec((0i64..92, 1i64..30_000, prop::bool::weighted(0.3)), 0..4),
        0u8..6,
    )
}

fn build(stories: &[Story]) -> Facts {
    let day = |n: i64| date("2026-10-01").saturating_add(jiff::ToSpan::days(n - 5));
    let roles = [Some("PR-1"), Some("PR-2"), Some("PR-3"), Some("PR-9"), None];
    let mut facts = practice();
    for (i, (lines, on, payments, end)) in stories.iter().enumerate() {
        let id = format!("{}", 600_000 + i);
        let names: Vec<String> = (0..lines.len()).map(|n| format!("L{i}-{n}")).collect();
        let lines: Vec<_> = lines
            .iter()
            .zip(&names)
            .map(|((r, amount), name)| (name.as_str(), roles[*r], if *r == 1 { "PROD" } else { "X" }, *amount))
            .collect();
        bill(&mut facts, &id, day(*on), &lines);
        for (n, (at, amount, back)) in payments.iter().enumerate() {
            let kind = if *back {
                PaymentKind::Refund
            } else {
                PaymentKind::Payment
            };
            let of = (*end != 5).then_some(id.as_str());
            pay(&mut facts, &format!("P{i}-{n}"), day(*at), kind, of, "Cash", *amount);
        }
        if let (1..=3, Some(name)) = (*end, names.first()) {
            let ends = [LineStatus::Voided, LineStatus::WriteOff, LineStatus::Locked];
            facts.lines.get_mut(name).unwrap().status = ends[usize::from(*end) - 1].clone();
        }
        if *end == 4 {
            facts.invoices.get_mut(&id).unwrap().status = "cancelled".into();
        }
    }
    facts
}

fn fee_rule() -> impl Strategy<Value = String> {
    (
        0i64..100,
        0i64..2_000,
        prop::option::of(0i64..800),
        prop::option::of(800i64..3_000),
        any::<bool>(),
        0i64..12,
    )
        .prop_map(|(percent, fixed, least, most, billed, gst)| {
            let mut text = format!("percent = {percent}.5, fixed = {fixed}, gst_percent = {gst}");
            if let Some(least) = least {
                text += &format!(", at_least = {least}");
            }
            if let Some(most) = most {
                text += &format!(", at_most = {most}");
            }
            text + if billed {
                ", basis = \"billed\""
            } else {
                ", without = [\"PROD\"]"
            }
        })
}

fn ruled(fees: &[(String, &str)]) -> Rules {
    let list: Vec<String> = fees
        .iter()
        .map(|(terms, from)| format!("{{ from = \"{from}\", {terms} }}"))
        .collect();
    let start = TWO.find("fee = [").unwrap();
    let end = TWO[start..].find('\n').unwrap() + start;
    rules(&format!("{}fee = [{}]{}", &TWO[..start], list.join(", "), &TWO[end..]))
}

proptest! {
    /// Every cent of every payment and refund is in the month's statements once, by an independent sum; months join up.
    #[test]
    fn every_cent_is_somewhere_once(stories in prop::collection::vec(story(), 0..12), one in fee_rule(), two in fee_rule()) {
        let facts = build(&stories);
        let rules = ruled(&[(one, "2026-10-01"), (two, "2026-11-17")]);
        let moves: Vec<HeldMovement> = ["2026-10-03", "2026-11-11", "2026-11-30"].iter().enumerate().map(|(i, on)| HeldMovement {
            practitioner: "Dr A".into(),
            date: date(on),
            amount: Cents(1_000 - 900 * i64::try_from(i).unwrap()),
            reference: String::new(),
        }).collect();
        let mut closing = Cents::ZERO;
        for at in ["2026-10", "2026-11", "2026-12"] {
            let all = statements(&facts, &rules, month(at), aud(), &moves).unwrap();
            let in_month = |d| month(at).has(d) && d >= rules.start_from;
            let paid = |kind: PaymentKind| -> Cents {
                facts.payments.values().filter(|p| p.kind == kind && in_month(p.date)).map(|p| p.amount).sum()
            };
            let billed: Cents = facts.invoices.values()
                .filter(|i| i.status == "active" && in_month(i.date)).map(|i| i.gross).sum();

            let mut by_payment: BTreeMap<&str, Cents> = BTreeMap::new();
            let (mut received, mut refunded, mut sum_billed) = (Cents::ZERO, Cents::ZERO, Cents::ZERO);
            for s in &all.practitioners {
                received += s.sums.received;
                refunded += s.sums.refunded;
                sum_billed += s.sums.billed;
                prop_assert_eq!(s.fee, s.fees.iter().map(|f| f.fee).sum());
                prop_assert_eq!(s.gst, s.fees.iter().map(|f| f.gst).sum());
                let rows = |word: &str| -> Cents {
                    s.details.iter().filter(|d| d.what.word() == word).map(|d| d.amount).sum()
                };
                prop_assert_eq!(rows("received"), s.sums.received);
                prop_assert_eq!(rows("refunded"), s.sums.refunded);
                prop_assert_eq!(rows("billed"), s.sums.billed);
                prop_assert_eq!(rows("written off"), s.sums.written_off);
            }
            let details = all.practitioners.iter().flat_map(|s| &s.details);
            for d in details.chain(all.apart.iter().map(|a| &a.detail)) {
                if let Some(p) = &d.payment {
                    *by_payment.entry(p).or_default() += d.amount;
                }
            }
            for a in &all.apart {
                match a.detail.what.word() {
                    "received" => received += a.detail.amount,
                    "refunded" => refunded += a.detail.amount,
                    "billed" => sum_billed += a.detail.amount,
                    _ => {}
                }
            }
            prop_assert_eq!(received, paid(PaymentKind::Payment));
            prop_assert_eq!(refunded, paid(PaymentKind::Refund));
            prop_assert_eq!(sum_billed, billed);
            prop_assert_eq!((all.sums.received, all.sums.refunded, all.sums.billed), (received, refunded, billed));
            for (id, amount) in by_payment {
                prop_assert_eq!(amount, facts.payments[id].amount);
            }

            let a = of(&all, "Dr A");
            let held = a.held.unwrap();
            prop_assert_eq!(held.opening, closing);
            let payable = a.sums.received - a.sums.refunded - a.fee - a.gst;
            prop_assert_eq!(a.payable, Some(payable));
            prop_assert_eq!(held.closing, held.opening + payable + held.brought_forward - held.paid_out);
            closing = held.closing;
            if let Ok(Some(document)) = journal(a, &rules) {
                prop_assert_eq!(document.lines.iter().map(|l| l.net + l.tax).sum::<Cents>(), Cents::ZERO);
                prop_assert!(document.key.len() <= 64);
            }
        }
    }

    /// Saying a rule again on another day changes nothing; a fee stays within its bounds pro rata.
    #[test]
    fn fees_keep_their_laws(stories in prop::collection::vec(story(), 0..8), one in fee_rule(), again in 2i8..30) {
        let facts = build(&stories);
        let from = format!("2026-11-{again:02}");
        let once = ruled(&[(one.clone(), "2026-10-01")]);
        let twice = ruled(&[(one.clone(), "2026-10-01"), (one, from.as_str())]);
        for at in ["2026-11", "2026-12"] {
            let (x, y) = (state(&facts, &once, at), state(&facts, &twice, at));
            let (x, y) = (of(&x, "Dr A"), of(&y, "Dr A"));
            prop_assert_eq!((x.fee, x.gst, x.payable, x.held), (y.fee, y.gst, y.payable, y.held));
            prop_assert_eq!(x.fees.len(), 1);
            let part = &x.fees[0];
            prop_assert!(part.rule.at_least.is_none_or(|least| part.fee.decimal() >= least));
            prop_assert!(part.rule.at_most.is_none_or(|most| part.fee.decimal() <= most));
            let exact = part.basis.decimal() * part.rule.percent / rust_decimal::Decimal::ONE_HUNDRED + part.rule.fixed;
            if part.bound.is_none() {
                prop_assert!((part.fee.decimal() - exact).abs() <= rust_decimal::Decimal::new(5, 3));
            }
        }
    }
}
