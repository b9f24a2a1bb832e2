//! Statements of practitioners: whose every cent is, what the fee is, and what is held.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::money::Cents;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::statement::{Apart, HeldMovement, JournalHold, Statement, Statements, journal, statements};
use bridge_core::ledger::{Facts, LineStatus, PaymentKind, Rules};
use ledger_practice::{aud, bill, date, pay, role, rules};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TWO: &str = r#"
[[practitioner]]
practitioner = ["PR-1", "PR-2"]
name = "Dr A"
standing = "agent"
held_account = "801"
fee_account = "205"
fee_tax = "OUTPUT"
fee = [{ from = "2026-10-01", percent = 40, gst_percent = 10, without = ["PROD"] }]

[[practitioner]]
practitioner = ["U-3"]
name = "Dr B"
standing = "principal"
"#;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn of<'a>(all: &'a Statements, name: &str) -> &'a Statement {
    all.practitioners.iter().find(|s| s.practitioner == name).unwrap()
}

fn state(facts: &Facts, rules: &Rules, at: &str) -> Statements {
    statements(facts, rules, month(at), aud(), &[]).unwrap()
}

/// Dr A by PR-1 and PR-2, Dr B by the practitioner of PR-3, Dr Z by no rule.
fn practice() -> Facts {
    let mut facts = Facts::default();
    role(&mut facts, "PR-1", Some("U-1"), "Anna A");
    role(&mut facts, "PR-3", Some("U-3"), "Ben B");
    role(&mut facts, "PR-9", Some("U-9"), "Zoe <Z>");
    facts
}

/// An invoice of 300.00, two thirds of it Dr A's and one Dr B's; 100.00 paid in October, and 50.00 given back in
/// November.
fn shared_invoice() -> Facts {
    let mut facts = practice();
    let lines = [
        ("L1", Some("PR-1"), "10960", 20_000),
        ("L2", Some("PR-3"), "500", 10_000),
    ];
    bill(&mut facts, "600001", date("2026-10-05"), &lines);
    pay(
        &mut facts,
        "P1",
        date("2026-10-06"),
        PaymentKind::Payment,
        Some("600001"),
        "EFTPOS",
        10_000,
    );
    pay(
        &mut facts,
        "P2",
        date("2026-11-02"),
        PaymentKind::Refund,
        Some("600001"),
        "EFTPOS",
        5_000,
    );
    facts
}

#[test]
fn an_agents_month_from_bill_to_what_is_held() {
    let facts = shared_invoice();
    let rules = rules(TWO);
    let october = state(&facts, &rules, "2026-10");
    let a = of(&october, "Dr A");
    assert_eq!((a.sums.billed, a.sums.received), (Cents(20_000), Cents(6_667)));
    assert_eq!(
        (a.fee, a.gst, a.payable),
        (Cents(2_667), Cents(267), Some(Cents(3_733)))
    );
    assert_eq!(
        (a.held.unwrap().opening, a.held.unwrap().closing),
        (Cents(0), Cents(3_733))
    );
    assert_eq!(a.owed, Cents(13_333));
    let b = of(&october, "Dr B");
    assert_eq!((b.sums.received, b.payable, b.held), (Cents(3_333), None, None));

    let paid = [HeldMovement {
        practitioner: "Dr A".into(),
        date: date("2026-11-10"),
        amount: Cents(-3_733),
        reference: "EFT".into(),
    }];
    let november = statements(&facts, &rules, month("2026-11"), aud(), &paid).unwrap();
    let a = of(&november, "Dr A");
    assert_eq!(
        (a.sums.refunded, a.fee, a.gst),
        (Cents(3_333), Cents(-1_333), Cents(-133))
    );
    let held = a.held.unwrap();
    assert_eq!(
        (held.opening, held.paid_out, held.closing),
        (Cents(3_733), Cents(3_733), Cents(-1_867))
    );
}

#[test]
fn the_fee_is_booked_out_of_what_is_held() {
    let october = state(&shared_invoice(), &rules(TWO), "2026-10");
    let a = of(&october, "Dr A");
    let document = journal(a, &rules(TWO)).unwrap().unwrap();
    assert_eq!(document.key, "HX-S2026-10-DrA");
    assert_eq!(document.date, date("2026-10-31"));
    let lines: Vec<_> = document
        .lines
        .iter()
        .map(|l| (l.account.as_str(), l.net.0, l.tax.0, l.tax_code.as_str()))
        .collect();
    assert_eq!(
        lines,
        [("801", 2_934, 0, "BASEXCLUDED"), ("205", -2_667, -267, "OUTPUT")]
    );
    assert_eq!(journal(of(&october, "Dr B"), &rules(TWO)), Ok(None));

    let without = rules(&TWO.replace("fee_tax = \"OUTPUT\"", ""));
    assert_eq!(journal(a, &without), Err(JournalHold::NoFeeTax("Dr A".into())));
    let mixed = rules(
        &TWO.replace(
            "without = [\"PROD\"] }]",
            "without = [\"PROD\"] }, { from = \"2026-10-06\", percent = 30 }]",
        )
        .replace("percent = 40,", "percent = 40, fixed = 5,"),
    );
    let october = state(&shared_invoice(), &mixed, "2026-10");
    let held = journal(of(&october, "Dr A"), &mixed).unwrap_err();
    assert!(held.to_string().contains("first of a month"), "{held}");
}

#[test]
fn keys_of_journals_differ_where_names_fall_together() {
    let twins = "[[practitioner]]\npractitioner = [\"PR-1\"]\nname = \"Dr A\"\nstanding = \"principal\"\n\
                 [[practitioner]]\npractitioner = [\"PR-5\"]\nname = \"DrÁ\"\nstanding = \"principal\"\n\
                 [[practitioner]]\npractitioner = [\"PR-6\"]\nname = \"..\"\nstanding = \"principal\"\n";
    let all = state(&practice(), &rules(twins), "2026-10");
    let keys: Vec<&str> = all.practitioners.iter().map(|s| s.key.as_str()).collect();
    assert_eq!(keys, ["HX-S2026-10-DrA", "HX-S2026-10-DrA-PR5", "HX-S2026-10--PR6"]);
}

/// One receipt of 1,000.00 on the 10th and one of 1,000.00 on the 20th of November (30 days), by Dr A.
fn two_receipts(fee: &str) -> Statement {
    let mut facts = practice();
    bill(
        &mut facts,
        "1",
        date("2026-10-05"),
        &[("L1", Some("PR-1"), "10960", 200_000)],
    );
    pay(
        &mut facts,
        "P1",
        date("2026-11-10"),
        PaymentKind::Payment,
        Some("1"),
        "Cash",
        100_000,
    );
    pay(
        &mut facts,
        "P2",
        date("2026-11-20"),
        PaymentKind::Payment,
        Some("1"),
        "Cash",
        100_000,
    );
    bill(
        &mut facts,
        "2",
        date("2026-11-12"),
        &[("L2", Some("PR-1"), "PROD", 50_000)],
    );
    let start = TWO.find("fee = [").unwrap();
    let end = TWO[start..].find('\n').unwrap() + start;
    let text = format!("{}fee = [{fee}]{}", &TWO[..start], &TWO[end..]);
    let all = state(&facts, &rules(&text), "2026-11");
    of(&all, "Dr A").clone()
}

#[test]
fn fees_by_rule() {
    let fees = [
        ("", 0, 0),
        (
            r#"{ from = "2026-10-01", percent = 40, gst_percent = 10 }"#,
            80_000,
            8_000,
        ),
        // A change in mid-month: each receipt by the rule of its day.
        (
            r#"{ from = "2026-10-01", percent = 40 }, { from = "2026-11-16", percent = 30 }"#,
            70_000,
            0,
        ),
        // A rule that starts in mid-month, and nothing before it.
        (r#"{ from = "2026-11-16", percent = 30 }"#, 30_000, 0),
        // Rent, by days where it changes: 15 of 30 days each.
        (
            r#"{ from = "2026-10-01", fixed = "500.00", gst_percent = 10 }"#,
            50_000,
            5_000,
        ),
        (
            r#"{ from = "2026-10-01", fixed = 500 }, { from = "2026-11-16", fixed = 800 }"#,
            65_000,
            0,
        ),
        // Least and most, by days too.
        (r#"{ from = "2026-10-01", percent = 10, at_least = 300 }"#, 30_000, 0),
        (r#"{ from = "2026-10-01", percent = 40, at_most = 300 }"#, 30_000, 0),
        (
            r#"{ from = "2026-10-01", percent = 10, at_least = 300 }, { from = "2026-11-16", percent = 40 }"#,
            55_000,
            0,
        ),
        // On what was billed in the month, and without products.
        (r#"{ from = "2026-10-01", percent = 10, basis = "billed" }"#, 5_000, 0),
        (
            r#"{ from = "2026-10-01", percent = 10, basis = "billed", without = ["PROD"] }"#,
            0,
            0,
        ),
    ];
    for (rule, fee, gst) in fees {
        let s = two_receipts(rule);
        assert_eq!((s.fee, s.gst), (Cents(fee), Cents(gst)), "{rule}: {:#?}", s.fee_lines());
        assert_eq!(s.payable, Some(Cents(200_000 - fee - gst)), "{rule}");
    }
    assert_eq!(
        two_receipts(r#"{ from = "2026-10-01", percent = 10, at_least = 300, gst_percent = 10 }"#).fee_lines(),
        [
            "Fee 300.00 + GST 30.00 (10 %): 10 % of 2000.00 received less refunds, raised to the least of 300 a month, on \
          2026-11-01 to 2026-11-30 (30 of 30 days)"
        ]
    );
}

#[test]
fn what_nobody_performed_stands_apart() {
    let mut facts = practice();
    bill(
        &mut facts,
        "1",
        date("2026-10-05"),
        &[("L1", None, "X", 5_000), ("L2", Some("PR-9"), "X", 5_000)],
    );
    facts.invoices.get_mut("1").unwrap().gross = Cents(10_001);
    pay(
        &mut facts,
        "P1",
        date("2026-10-06"),
        PaymentKind::Payment,
        Some("1"),
        "Cash",
        10_001,
    );
    pay(
        &mut facts,
        "P2",
        date("2026-10-06"),
        PaymentKind::Deposit,
        None,
        "Cash",
        700,
    );
    pay(
        &mut facts,
        "P3",
        date("2026-10-07"),
        PaymentKind::Payment,
        Some("9"),
        "Cash",
        300,
    );
    pay(
        &mut facts,
        "P4",
        date("2026-10-07"),
        PaymentKind::NotMoney,
        Some("1"),
        "Discount",
        900,
    );
    let all = state(&facts, &rules(TWO), "2026-10");
    let z = of(&all, "Zoe <Z>");
    assert_eq!(
        (z.sums.billed, z.sums.received, z.payable),
        (Cents(5_000), Cents(5_000), None)
    );
    let apart: Vec<_> = all
        .apart
        .iter()
        .map(|a| (a.why, a.detail.what.word(), a.detail.amount.0))
        .collect();
    assert_eq!(
        apart,
        [
            (Apart::NoPractitioner, "billed", 5_000),
            (Apart::NoPractitioner, "received", 5_001),
            (Apart::NoLine, "received", 300),
            (Apart::NoInvoice, "received", 700),
            (Apart::Rounding, "billed", 1),
        ]
    );
}

#[test]
fn a_refund_takes_from_whom_the_payment_gave_to_though_the_lines_were_voided() {
    let mut facts = shared_invoice();
    facts.payments.get_mut("P2").unwrap().amount = Cents(10_000);
    for line in facts.lines.values_mut() {
        line.status = LineStatus::Voided;
    }
    let rules = rules(TWO);
    for (name, share) in [("Dr A", 6_667), ("Dr B", 3_333)] {
        assert_eq!(of(&state(&facts, &rules, "2026-10"), name).sums.received, Cents(share));
        assert_eq!(of(&state(&facts, &rules, "2026-11"), name).sums.refunded, Cents(share));
    }
    assert_eq!(of(&state(&facts, &rules, "2026-10"), "Dr A").sums.billed, Cents::ZERO);
}

#[test]
fn debts_given_up_are_what_was_left_of_them() {
    let mut facts = shared_invoice();
    facts.lines.get_mut("L1").unwrap().status = LineStatus::WriteOff;
    let rules = rules(TWO);
    // 300.00 charged, 50.00 kept after the refund; no more than the line itself is given up.
    assert_eq!(
        of(&state(&facts, &rules, "2026-10"), "Dr A").sums.written_off,
        Cents(20_000)
    );
    pay(
        &mut facts,
        "P3",
        date("2026-11-03"),
        PaymentKind::Payment,
        Some("600001"),
        "Cash",
        15_000,
    );
    let a = of(&state(&facts, &rules, "2026-10"), "Dr A").clone();
    assert_eq!((a.sums.written_off, a.fee), (Cents(10_000), Cents(2_667)));
}

#[test]
fn slips_in_fee_rules_are_refused_with_a_remedy() {
    let wrong = [
        ("percent = 40", "percent = 140", "between 0 and 100"),
        ("percent = 40", "at_least = 5, at_most = 4", "above its `at_most`"),
        ("percent = 40", "fixed = -1", "10,000,000"),
        ("\"Dr B\"", "\"Dr A\"", "two practitioners are named"),
    ];
    for (from, to, says) in wrong {
        let text = format!(
            "start_from = \"2026-10-01\"\n[accounts]\nno_tax = \"X\"\n{}",
            TWO.replace(from, to)
        );
        let problems = Rules::parse("ledger.toml", &text).unwrap_err();
        assert!(
            problems[0].message.contains(says) && !problems[0].remedy.is_empty(),
            "{problems:?}"
        );
    }
}

#[test]
fn as_text_csv_json_and_page() {
    let mut facts = shared_invoice();
    bill(
        &mut facts,
        "2",
        date("2026-10-09"),
        &[("L9", Some("PR-9"), "=1+1", 100)],
    );
    facts.roles.get_mut("PR-9").unwrap().name = "=cmd()|<script>alert(1)</script>".into();
    let all = state(&facts, &rules(TWO), "2026-10");
    let text = all.text();
    assert!(
        text.contains("Dr A: Fee 26.67 + GST 2.67 (10 %): 40 % of 66.67 received less refunds"),
        "{text}"
    );
    let csv = all.csv();
    assert!(
        csv.contains("2026-10,AUD,Dr A,agent,received,2026-10-06,600001,L1,P1,10960,yes,66.67,\n"),
        "{csv}"
    );
    assert!(csv.contains("2026-10,AUD,Dr A,agent,payable,,,,,,,37.33,\n"), "{csv}");
    for cell in csv.lines().flat_map(|l| l.split(',')) {
        assert!(!cell.starts_with('=') && !cell.starts_with("\"="), "{cell}");
    }
    for html in [all.html(), of(&all, "Dr A").html()] {
        assert!(!html.contains("<script") && !html.contains("Miriam"), "{html}");
        assert!(html.contains("37.33") && html.contains("SHA-256"));
    }
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Statements>(&json).unwrap(), all);
}

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
