//! What payers pay on top for paying by card, beside the fee that the terminal's provider takes: to the cent.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::settlement::{BookHold, Booking, Imported, book, read, tie};
use bridge_core::ledger::{Cents, Facts, PaymentKind, Rules};
use ledger_practice::{aud, date, pay, rules};
use proptest::prelude::*;

fn practice(more: &str) -> Rules {
    rules(&format!(
        "[[method]]\nmethod = [\"EFTPOS\"]\naccount = \"612\"\n[[settlement]]\nname = \"tyro\"\nmethod = [\"EFTPOS\"]\n\
         fee_account = \"404\"\nfee_tax = \"INPUT\"\nfee_tax_percent = 10\n{more}"
    ))
}

const INCOME: &str = "surcharge_account = \"260\"\nsurcharge_tax = \"OUTPUT\"\nsurcharge_tax_percent = 10\n";

/// Refunds are below zero.
fn facts(amounts: &[i64]) -> Facts {
    let mut facts = Facts::default();
    for (n, amount) in amounts.iter().enumerate() {
        let kind = match amount.is_negative() {
            true => PaymentKind::Refund,
            false => PaymentKind::Payment,
        };
        let (id, invoice) = (format!("p{n}"), format!("{}", 600_001 + n));
        pay(
            &mut facts,
            &id,
            date("2026-10-05"),
            kind,
            Some(&invoice),
            "EFTPOS",
            amount.abs(),
        );
    }
    facts
}

fn booked(rules: &Rules, facts: &Facts, text: &str) -> (Booking, Imported) {
    let import = read(&rules.settlement_layout("tyro").unwrap(), "s.csv", text.as_bytes());
    assert_eq!(import.problems, []);
    let mut all = Imported::default();
    all.add(&import);
    let out = tie(facts, rules, &all);
    assert!(
        out.rows.is_empty() && out.payments.is_empty() && out.differences.is_empty(),
        "{out:#?}"
    );
    (book(&all, &out, facts, rules, None, aud()), all)
}

fn lines(booking: &Booking) -> Vec<(&str, i64, i64)> {
    let all = booking.journals.iter().flat_map(|j| &j.lines);
    all.map(|l| (l.account.as_str(), l.net.0, l.tax.0)).collect()
}

#[test]
fn the_amount_may_hold_the_surcharge_or_not_and_the_net_tells() {
    let facts = facts(&[10_000]);
    // 100.00 and 1.50 on top; the provider keeps 1.10.
    let within = "Settlement ID,Transaction Date,Invoice Reference,Total Amount,Surcharge,Fee,Net Amount\n\
                  S1,05/10/2026,600001,101.50,1.50,1.10,100.40\n";
    let beside = within.replace("101.50,1.50", "100.00,1.50");
    for text in [within, beside.as_str()] {
        let (booking, all) = booked(&practice(INCOME), &facts, text);
        let row = &all.settlements[0].rows[0];
        assert_eq!(
            (row.gross, row.surcharge, row.net),
            (Cents(10_000), Cents(150), Cents(10_040))
        );
        // Clearing had 100.00; 0.40 more reach the bank.
        assert_eq!(lines(&booking), [("404", 100, 10), ("260", -136, -14), ("612", 40, 0)]);
        assert_eq!(booking.bank[0].amount, Cents(10_040));
        assert_eq!(booking.bank[0].clears["612"], Cents(10_040));
    }
    // Without a net the amount holds it, unless the rules say otherwise.
    let silent = "Settlement ID,Transaction Date,Invoice Reference,Total Amount,Surcharge,Fee\nS1,05/10/2026,600001,100.00,1.50,1.10\n";
    let said = practice(&format!("{INCOME}gross_includes_surcharge = false\n"));
    assert_eq!(
        lines(&booked(&said, &facts, silent).0),
        [("404", 100, 10), ("260", -136, -14), ("612", 40, 0)]
    );
}

#[test]
fn a_surcharge_without_an_account_is_held_with_a_remedy() {
    let text = "Settlement ID,Transaction Date,Invoice Reference,Total Amount,Surcharge,Fee,Net Amount\n\
                S1,05/10/2026,600001,101.50,1.50,1.10,100.40\n";
    let (booking, _) = booked(&practice(""), &facts(&[10_000]), text);
    assert_eq!(booking.journals, []);
    assert_eq!(booking.holds[0].1, BookHold::NoSurchargeAccount("tyro".into()));
    assert!(booking.holds[0].1.to_string().contains("surcharge_account"));
}

proptest! {
    /// Whatever was paid on top and taken off: journals balance, clearing comes to what reaches the bank, and the income is
    /// what payers paid on top, its tax within it.
    #[test]
    fn every_cent_of_surcharges_and_fees_is_booked_once(
        rows in prop::collection::vec((100..50_000_i64, 0..400_i64, 0..300_i64, prop::bool::weighted(0.1)), 1..30),
        within in any::<bool>(), with_net in any::<bool>(),
    ) {
        let signed: Vec<(i64, i64, i64)> = rows.iter()
            .map(|(amount, on_top, fee, refund)| match refund {
                true => (-amount, -on_top, *fee),
                false => (*amount, *on_top, *fee),
            })
            .collect();
        let mut text = String::from("Settlement ID,Transaction Date,Invoice Reference,Gross Amount,Surcharge,Fee");
        text += if with_net { ",Net Amount\n" } else { "\n" };
        let money = |cents: i64| Cents(cents).to_string();
        for (n, (amount, on_top, fee)) in signed.iter().enumerate() {
            let gross = if within { amount + on_top } else { *amount };
            text += &format!("S1,05/10/2026,{},{},{},{}", 600_001 + n, money(gross), money(*on_top), money(*fee));
            text += &if with_net { format!(",{}\n", money(amount + on_top - fee)) } else { "\n".to_owned() };
        }
        let rules = practice(&format!("{INCOME}gross_includes_surcharge = {within}\n"));
        let facts = facts(&signed.iter().map(|row| row.0).collect::<Vec<_>>());
        let (booking, _) = booked(&rules, &facts, &text);
        prop_assert!(booking.holds.is_empty());
        let sum = |of: fn(&(i64, i64, i64)) -> i64| signed.iter().map(of).sum::<i64>();
        let bank: Cents = booking.bank.iter().map(|line| line.amount).sum();
        prop_assert_eq!(bank.0, sum(|r| r.0 + r.1 - r.2));
        let (mut clearing, mut income, mut all) = (sum(|r| r.0), 0, 0);
        for (account, net, tax) in lines(&booking) {
            all += net + tax;
            match account {
                "612" => clearing += net + tax,
                "260" => income -= net + tax,
                _ => {}
            }
        }
        prop_assert_eq!(all, 0);
        prop_assert_eq!(clearing, bank.0);
        prop_assert_eq!(income, sum(|r| r.1));
    }
}
