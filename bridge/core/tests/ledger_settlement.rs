//! Statements tied to what Halaxy received, the tie-out, and what is booked of it.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::settlement::{
    BookHold, By, DayLine, Imported, RowKind, TieOut, book, days_sheet, read, tie, tieout_page,
};
use bridge_core::ledger::{Account, Books, Cents, Facts, PaymentKind, Rules};
use jiff::civil::Date;
use ledger_practice::{aud, date, pay, rules};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SET: &str = r#"
[[method]]
method = ["HICAPS"]
account = "611"
[[method]]
method = ["Tyro", "EFTPOS"]
account = "612"
[[method]]
method = ["Medicare"]
account = "613"
[[settlement]]
name = "tyro"
bank = "090"
fee_account = "404"
fee_tax = "INPUT"
"#;

fn imported(rules: &Rules, layout: &str, text: &str) -> Imported {
    let mut all = Imported::default();
    let import = read(&rules.settlement_layout(layout).unwrap(), "s.csv", text.as_bytes());
    assert_eq!(import.problems, []);
    all.add(&import);
    all
}

fn day(n: i64) -> Date {
    date("2026-10-01").saturating_add(jiff::ToSpan::days(n))
}

/// Payments: day of October, method, amount.
fn facts(payments: &[(i64, &str, i64)]) -> Facts {
    let mut facts = Facts::default();
    for (i, (on, method, amount)) in payments.iter().enumerate() {
        let kind = if *amount < 0 {
            PaymentKind::Refund
        } else {
            PaymentKind::Payment
        };
        let invoice = format!("{}", 600_001 + i);
        pay(
            &mut facts,
            &format!("p{}", i + 1),
            day(on - 1),
            kind,
            Some(&invoice),
            method,
            amount.abs(),
        );
    }
    facts
}

fn tied(out: &TieOut) -> Vec<(By, Vec<&str>, i64, i64)> {
    let payments = |p: &'_ [String]| -> Vec<usize> { p.iter().map(|p| p[1..].parse().unwrap()).collect() };
    let mut all: Vec<_> = out
        .ties
        .iter()
        .map(|t| {
            (
                payments(&t.payments),
                (
                    t.by,
                    t.payments.iter().map(String::as_str).collect(),
                    t.gross.0,
                    (t.fee + t.fee_tax).0,
                ),
            )
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, t)| t).collect()
}

fn october(out: &TieOut, facts: &Facts, rules: &Rules, imported: &Imported) -> Vec<DayLine> {
    out.days(facts, rules, imported, (day(0), day(30)), day(9))
}

#[test]
fn a_day_of_hicaps_row_by_row_and_one_keyed_wrong() {
    let rules = rules(SET);
    let facts = facts(&[
        (5, "HICAPS", 4_320),
        (5, "hicaps", 5_000),
        (5, "HICAPS", 6_100),
        (6, "Cash", 900),
    ]);
    let text = "Settlement Date,Claim ID,Claim Date,Benefit\n06/10/2026,C1,05/10/2026,43.20\n\
                06/10/2026,C2,05/10/2026,50.00\n06/10/2026,C3,05/10/2026,60.10\n";
    let all = imported(&rules, "hicaps", text);
    let out = tie(&facts, &rules, &all);
    assert_eq!(
        tied(&out),
        [(By::Amount, vec!["p1"], 4_320, 0), (By::Amount, vec!["p2"], 5_000, 0)]
    );
    let d = &out.differences[0];
    assert_eq!(
        (d.payment.payment.as_str(), d.amount(), d.named),
        ("p3", Cents(-90), false)
    );
    let days = october(&out, &facts, &rules, &all);
    assert_eq!(
        days_sheet(&days, false).text(),
        "date        method  Halaxy received        settled   fee  difference  age\n\
         2026-10-05  HICAPS           154.20         153.30  0.00        0.90    5\n\
         2026-10-06  Cash               9.00  no statements  0.00        0.00\n\
         (all)                        163.20         153.30  0.00        0.90\n"
    );
    let open = out.open_sheet((day(0), day(30)));
    assert_eq!(
        open.csv(),
        "what,provider,date,settlement,row reference,payment,invoice,statement,Halaxy,difference\n\
         perhaps another amount,hicaps,2026-10-05,hicaps-2026-10-06,C3,p3,600003,60.10,61.00,0.90\n"
    );
    let page = tieout_page("Tie-out <October>", &days, &open);
    assert!(page.contains("Tie-out &lt;October&gt;") && page.contains("153.30") && !page.contains("<October>"));
}

#[test]
fn references_go_first_and_say_where_the_amount_differs() {
    let rules = rules(SET);
    // Two of one amount on one day: the reference says which; the third row names an invoice of another amount.
    let facts = facts(&[(5, "Tyro", 8_000), (5, "Tyro", 8_000), (5, "Tyro", 7_000)]);
    let text = "Date,Merchant Reference,Amount\n06/10/2026,INV 600002,80.00\n06/10/2026,600003,75.00\n";
    let out = tie(&facts, &rules, &imported(&rules, "tyro", text));
    assert_eq!(tied(&out), [(By::Reference, vec!["p2"], 8_000, 0)]);
    assert_eq!(
        (out.differences[0].amount(), out.differences[0].named),
        (Cents(500), true)
    );
    assert_eq!(
        out.payments.iter().map(|p| p.payment.as_str()).collect::<Vec<_>>(),
        ["p1"]
    );
}

#[test]
fn one_line_for_a_day_for_a_weekend_and_for_a_choice() {
    let rules = rules(SET);
    let facts = facts(&[
        (5, "Tyro", 10_000),
        (5, "Tyro", 5_050),
        (5, "EFTPOS", -2_000),
        (9, "Tyro", 1_100),
        (10, "Tyro", 2_200),
        (11, "Tyro", 4_400),
        (20, "Tyro", 3_000),
        (20, "Tyro", 7_000),
        (20, "Tyro", 900),
    ]);
    let text = "Date,Amount,Fee\n06/10/2026,130.50,1.31\n12/10/2026,77.00,\n21/10/2026,100.00,\n";
    let all = imported(&rules, "tyro", text);
    let out = tie(&facts, &rules, &all);
    assert_eq!(
        tied(&out),
        [
            (By::Batch, vec!["p1", "p2", "p3"], 13_050, 131),
            (By::Batch, vec!["p4", "p5", "p6"], 7_700, 0),
            (By::Choice, vec!["p7", "p8"], 10_000, 0),
        ]
    );
    let days = october(&out, &facts, &rules, &all);
    assert_eq!(days.iter().map(|d| d.fee).sum::<Cents>(), Cents(131));
    assert_eq!(days.iter().map(|d| d.difference).sum::<Cents>(), Cents(900));
}

#[test]
fn what_could_be_two_ways_is_left_to_a_person() {
    let rules = rules(SET);
    // 100.00 is 40 + 60 or 30 + 70.
    let facts = facts(&[
        (5, "Tyro", 4_000),
        (5, "Tyro", 6_000),
        (5, "Tyro", 3_000),
        (5, "Tyro", 7_000),
        (5, "Tyro", 1),
    ]);
    let out = tie(
        &facts,
        &rules,
        &imported(&rules, "tyro", "Date,Amount\n06/10/2026,100.00\n"),
    );
    assert_eq!((out.ties.len(), out.rows.len(), out.payments.len()), (0, 1, 5));
}

#[test]
fn several_services_of_one_claim_are_one_payment() {
    let rules = rules(SET);
    let facts = facts(&[(2, "Medicare", 10_000)]);
    let text =
        "Payment Run Number,Payment Date,Claim Id,Benefit Paid\n4711,07/10/2026,A1@,85.00\n4711,07/10/2026,A1@,15.00\n";
    let all = imported(&rules, "medicare", text);
    let out = tie(&facts, &rules, &all);
    assert_eq!(tied(&out), [(By::Rows, vec!["p1"], 10_000, 0)]);
    let booking = book(&all, &out, &facts, &rules, None, aud());
    assert_eq!((booking.journals.len(), booking.holds.len()), (0, 0));
    let line = &booking.bank[0];
    assert_eq!(
        (line.amount, line.clears.get("613")),
        (Cents(10_000), Some(&Cents(10_000)))
    );
    assert!(line.words().contains("medicare 4711") && line.words().contains("posts no bank line"));
}

#[test]
fn fees_are_booked_out_of_clearing_and_the_bank_line_is_left_to_the_feed() {
    let rules = rules(SET);
    let facts = facts(&[(5, "Tyro", 10_000)]);
    let text = "Settlement Date,Date,Amount,Merchant Fee,Fee GST\n06/10/2026,05/10/2026,100.00,1.10,0.10\n\
                06/10/2026,05/10/2026,20.00,0.22,0.02\n";
    let all = imported(&rules, "tyro", text);
    let out = tie(&facts, &rules, &all);
    let booking = book(&all, &out, &facts, &rules, None, aud());
    let journal = &booking.journals[0];
    assert_eq!(
        (journal.key.as_str(), journal.date),
        ("HX-F-tyro-2026-10-06", date("2026-10-06"))
    );
    let lines: Vec<_> = journal
        .lines
        .iter()
        .map(|l| (l.account.as_str(), l.net.0, l.tax.0, l.tax_code.as_str()))
        .collect();
    assert_eq!(lines, [("404", 120, 12, "INPUT"), ("612", -132, 0, "BASEXCLUDED")]);
    assert_eq!(booking.bank[0].amount, Cents(11_868));
    assert_eq!(
        booking.bank[0].words(),
        "tyro tyro-2026-10-06: in the bank feed of 090, match the line of 118.68 on or after 2026-10-06 as a transfer: \
         118.68 from 612. The bridge posts no bank line."
    );

    let bank = Books {
        name: "Practice".into(),
        country: "AU".into(),
        currency: aud(),
        locked_to: None,
        accounts: vec![Account {
            code: "612".into(),
            name: "Tyro clearing".into(),
            system: None,
            active: true,
            bank: true,
            takes_payments: true,
        }],
        tax_rates: Vec::new(),
        tracking: Vec::new(),
    };
    let held = book(&all, &out, &facts, &rules, Some(&bank), aud());
    assert_eq!(
        held.holds[0].1,
        BookHold::BankAccount("612".into(), Cents(132), date("2026-10-06"))
    );
    assert!(held.journals.is_empty() && held.bank.len() == 1);

    let bare = ledger_practice::rules(&SET.replace("fee_tax = \"INPUT\"", ""));
    assert_eq!(
        book(&all, &out, &facts, &bare, None, aud()).holds[0].1,
        BookHold::NoFeeTax("tyro".into())
    );
    let none = ledger_practice::rules("");
    assert_eq!(
        book(&all, &out, &facts, &none, None, aud()).holds[0].1,
        BookHold::NoClearing("Tyro".into())
    );
}

#[test]
fn fees_that_no_statement_shows_are_grossed_up() {
    let more = "fee_at_most_percent = 2\nfee_tax_percent = 10\n[settlement.columns]\ngross = []\nfee = []\nnet = [\"Amount\"]\n";
    let rules = rules(&format!("{SET}{more}"));
    let facts = facts(&[(5, "Tyro", 10_000), (5, "Tyro", 20_000), (8, "Tyro", 10_000)]);
    // 296.70 is a day's 300.00 less 1.1 per cent; 95.00 is too little for 100.00.
    let all = imported(&rules, "tyro", "Date,Amount\n06/10/2026,296.70\n09/10/2026,95.00\n");
    let out = tie(&facts, &rules, &all);
    assert_eq!(tied(&out), [(By::Batch, vec!["p1", "p2"], 30_000, 330)]);
    assert!(out.ties[0].grossed_up);
    assert_eq!((out.ties[0].fee, out.ties[0].fee_tax), (Cents(300), Cents(30)));
    let booking = book(&all, &out, &facts, &rules, None, aud());
    assert_eq!(booking.journals[0].lines[1].net, Cents(-330));
    assert_eq!(booking.bank[0].amount, Cents(29_670));
}

#[test]
fn a_payout_that_says_more_than_its_rows_is_explained() {
    let rules = rules(
        "[[method]]\nmethod = [\"Card\"]\naccount = \"614\"\n[[settlement]]\nname = \"card\"\nmethod = [\"Card\"]\n",
    );
    let text = "Payout ID,Date,Amount,Type\npo_1,2026-10-05,100.00,charge\npo_1,2026-10-07,-150.00,payout\n";
    let all = imported(&rules, "card", text);
    let facts = facts(&[(5, "Card", 10_000)]);
    let booking = book(&all, &tie(&facts, &rules, &all), &facts, &rules, None, aud());
    assert_eq!(
        (booking.bank[0].amount, booking.bank[0].unexplained),
        (Cents(15_000), Cents(5_000))
    );
    assert!(booking.bank[0].words().contains("missing file"));
}

/// Payments of a month, and the statement made of them: lag in days, whether the row has a reference, and what went
/// wrong with it (nothing, lost, paid twice, another amount).
#[derive(Clone, Debug)]
struct Paid {
    on: i64,
    amount: i64,
    lag: i64,
    reference: bool,
    fate: u8,
}

fn paid() -> impl Strategy<Value = Paid> {
    (
        1i64..28,
        prop_oneof![8 => 500i64..40_000, 2 => Just(8_965i64)],
        0i64..4,
        any::<bool>(),
        0u8..12,
        any::<bool>(),
    )
        .prop_map(|(on, amount, lag, reference, fate, refund)| Paid {
            on,
            amount: if refund && fate > 8 { -amount } else { amount },
            lag,
            reference,
            fate,
        })
}

fn statement(all: &[Paid], wrong: bool) -> String {
    let mut text = String::from("Settlement Date,Date,Merchant Reference,Amount,Merchant Fee,Fee GST,Type\n");
    for (i, p) in all.iter().enumerate() {
        let on = day(p.on - 1 + p.lag).strftime("%d/%m/%Y");
        let reference = if p.reference {
            format!("{}", 600_001 + i)
        } else {
            String::new()
        };
        let amount = p.amount + if wrong && p.fate == 2 { 7 } else { 0 };
        let fee = amount.abs() / 80;
        let row = format!(
            "{on},{on},{reference},{},{},{},x\n",
            Cents(amount),
            Cents(fee),
            Cents(fee / 11)
        );
        match p.fate {
            0 if wrong => {}
            1 if wrong => text += &format!("{row}{row}"),
            _ => text += &row,
        }
        if i % 9 == 8 {
            text += &format!("{on},{on},,0.00,5.50,0.50,terminal rental\n");
        }
    }
    text
}

fn practice(all: &[Paid]) -> Facts {
    let payments: Vec<(i64, &str, i64)> = all
        .iter()
        .enumerate()
        .map(|(i, p)| (p.on, if i % 3 == 0 { "EFTPOS" } else { "Tyro" }, p.amount))
        .collect();
    facts(&payments)
}

proptest! {
    /// A statement that shows everything leaves nothing over, whatever the days between.
    #[test]
    fn a_complete_statement_ties_wholly(all in prop::collection::vec(paid(), 0..60)) {
        let rules = rules(SET);
        let facts = practice(&all);
        let imported = imported(&rules, "tyro", &statement(&all, false));
        let out = tie(&facts, &rules, &imported);
        prop_assert!(out.differences.is_empty() && out.rows.is_empty() && out.payments.is_empty(), "{out:#?}");
        for d in october(&out, &facts, &rules, &imported) {
            prop_assert_eq!(d.difference, Cents::ZERO);
        }
    }

    /// Where amounts differ from each other, exactly the payments that were lost are left, and exactly the rows that
    /// were paid twice.
    #[test]
    fn what_was_planted_is_found_and_nothing_else(
        days in prop::collection::vec((1i64..28, 0i64..4, 0u8..10), 1..40),
        twice in any::<bool>(),
    ) {
        let rules = rules(SET);
        let all: Vec<Paid> = days.iter().zip(1i64..)
            .map(|((on, lag, fate), i)| Paid { on: *on, lag: *lag, amount: 1 << i, reference: false, fate: 5 + fate })
            .collect();
        let facts = practice(&all);
        let planted = |p: &Paid| p.fate < 7;
        let mut text = statement(&all, false);
        let rows: Vec<String> = text.lines().skip(1).filter(|l| l.ends_with(",x")).map(str::to_owned).collect();
        for (row, _) in rows.iter().zip(&all).filter(|(_, p)| planted(p)) {
            let line = format!("{row}\n");
            text = text.replacen(&line, &if twice { line.repeat(2) } else { String::new() }, 1);
        }
        let out = tie(&facts, &rules, &imported(&rules, "tyro", &text));
        let amounts: BTreeSet<i64> = all.iter().filter(|p| planted(p)).map(|p| p.amount).collect();
        let left: BTreeSet<i64> = out.payments.iter().map(|p| p.amount.0).collect();
        let extra: BTreeSet<i64> = out.rows.iter().map(|r| r.gross.0).collect();
        let none = BTreeSet::new();
        prop_assert_eq!((&left, &extra), if twice { (&none, &amounts) } else { (&amounts, &none) });
        prop_assert!(out.differences.is_empty());
        prop_assert_eq!(out.ties.len(), all.len() - left.len());
    }

    /// Whatever went wrong: every row and payment is in one place, every cent in the table, and what is booked and
    /// banked is what the statement says.
    #[test]
    fn every_cent_is_in_one_place(all in prop::collection::vec(paid(), 0..60)) {
        let rules = rules(SET);
        let facts = practice(&all);
        let imported = imported(&rules, "tyro", &statement(&all, true));
        let out = tie(&facts, &rules, &imported);

        let mut payments: Vec<&str> = out.ties.iter().flat_map(|t| &t.payments).map(String::as_str).collect();
        payments.extend(out.differences.iter().map(|d| d.payment.payment.as_str()));
        payments.extend(out.payments.iter().map(|p| p.payment.as_str()));
        prop_assert_eq!(payments.len(), facts.payments.len());
        prop_assert_eq!(payments.iter().collect::<BTreeSet<_>>().len(), facts.payments.len());
        let mut rows: Vec<&str> = out.ties.iter().flat_map(|t| &t.rows).map(String::as_str).collect();
        rows.extend(out.differences.iter().map(|d| d.row.row.as_str()));
        rows.extend(out.rows.iter().map(|r| r.row.as_str()));
        let stated: Vec<_> = imported.settlements.iter().flat_map(|s| &s.rows).collect();
        let real = stated.iter().filter(|r| r.kind != RowKind::Fee).count();
        prop_assert_eq!(rows.len(), real);
        prop_assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), real);

        let gross: Cents = stated.iter().map(|r| r.gross).sum();
        let fees: Cents = stated.iter().map(|r| r.fee + r.fee_tax).sum();
        let received: Cents = facts.payments.values()
            .map(|p| if p.kind == PaymentKind::Refund { -p.amount } else { p.amount }).sum();
        let days = out.days(&facts, &rules, &imported, (day(0), day(60)), day(60));
        prop_assert_eq!(days.iter().map(|d| d.received).sum::<Cents>(), received);
        prop_assert_eq!(days.iter().filter_map(|d| d.settled).sum::<Cents>(), gross);
        prop_assert_eq!(days.iter().map(|d| d.fee).sum::<Cents>(), fees);
        prop_assert_eq!(days.iter().map(|d| d.difference).sum::<Cents>(), received - gross);
        for t in &out.ties {
            let sum: Cents = t.payments.iter().map(|p| &facts.payments[p])
                .map(|p| if p.kind == PaymentKind::Refund { -p.amount } else { p.amount }).sum();
            prop_assert_eq!(t.gross, sum);
        }

        let booking = book(&imported, &out, &facts, &rules, None, aud());
        prop_assert!(booking.holds.is_empty());
        let mut keys = BTreeSet::new();
        let mut booked = Cents::ZERO;
        for j in &booking.journals {
            prop_assert_eq!(j.lines.iter().map(|l| l.net + l.tax).sum::<Cents>(), Cents::ZERO);
            prop_assert!(j.key.len() <= 64 && j.key.is_ascii() && keys.insert(&j.key));
            booked += j.lines[0].net + j.lines[0].tax;
        }
        prop_assert_eq!(booked, fees);
        prop_assert_eq!(booking.bank.iter().map(|b| b.amount).sum::<Cents>(), gross - fees);
    }
}
