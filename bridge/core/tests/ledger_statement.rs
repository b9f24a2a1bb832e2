//! Statements of practitioners: whose every cent is, what the fee is, and what is held.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::money::Cents;
use bridge_core::ledger::statement::{Apart, HeldMovement, JournalHold, Statement, Statements, journal, statements};
use bridge_core::ledger::{Facts, LineStatus, PaymentKind, Rules};
use ledger_practice::{TWO, aud, bill, date, month, of, pay, rules, state, with_agents as practice};

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
