//! A month's card payments as the terminal's provider settles them: payers paid on top, the provider took its fee. What stays
//! on the clearing account is to the cent what reached the bank, in the books' own general ledger.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::ledger::Currency;
use bridge_core::ledger::Rules;
use bridge_core::ledger::settlement::{SettlementRule, book, read, tie};
use bridge_tests::ledger::{Desk, Modes, prove, rules};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

fn with_terminal(modes: Modes) -> Rules {
    let mut rules = rules(modes);
    rules.settlement.push(SettlementRule {
        name: "tyro".into(),
        method: vec!["EFTPOS".into()],
        fee_account: Some("404".into()),
        fee_tax: Some("INPUT".into()),
        fee_tax_percent: Some(Decimal::TEN),
        surcharge_account: Some("260".into()),
        surcharge_tax: Some("OUTPUT".into()),
        surcharge_tax_percent: Some(Decimal::TEN),
        ..SettlementRule::default()
    });
    rules
}

fn money(cents: i64) -> String {
    format!(
        "{}{}.{:02}",
        if cents < 0 { "-" } else { "" },
        cents.abs() / 100,
        cents.abs() % 100
    )
}

#[tokio::test]
async fn clearing_holds_what_reached_the_bank() {
    for (seed, modes) in [(51, Modes::Invoice), (52, Modes::Hybrid)] {
        let month = MonthOptions {
            seed,
            invoices: 120,
            ..MonthOptions::default()
        };
        let desk = Desk::open(&month, modes, Manners::Polite).await;
        let rules = with_terminal(modes);
        let ledger = desk.ledger_by(rules.clone(), "with a terminal").await;
        desk.settle(&ledger).await;

        // By the practice's own books, a payout for each day: 1.5 % on top, and a fee of 1.1 % and ten cents.
        let mut days: BTreeMap<String, (String, i64)> = BTreeMap::new();
        let (mut on_top, mut fees) = (0, 0);
        let cards = desk
            .month
            .first_books
            .payments
            .iter()
            .filter(|(_, p)| p.method == "EFTPOS");
        for (id, paid) in cards {
            let amount = if paid.refund { -paid.cents } else { paid.cents };
            let (more, fee) = (amount * 15 / 1_000, paid.cents * 11 / 1_000 + 10);
            let day = days.entry(paid.date.to_string()).or_default();
            day.0 += &format!(
                "T-{0},{0},{1},{id},{2},{3},{4},{5}\n",
                paid.date,
                paid.date,
                money(amount + more),
                money(more),
                money(fee),
                money(amount + more - fee)
            );
            day.1 += amount + more - fee;
            on_top += more;
            fees += fee;
        }
        assert!(days.len() > 3 && on_top > 0);
        let header =
            "Settlement ID,Settlement Date,Transaction Date,Transaction ID,Total Amount,Surcharge,Fee,Net Amount\n";
        let text = days.values().fold(header.to_owned(), |text, (rows, _)| text + rows);
        let import = read(
            &rules.settlement_layout("tyro").unwrap(),
            "october.csv",
            text.as_bytes(),
        );
        assert_eq!(import.problems, []);
        ledger.import(&import).await.unwrap();
        let (imported, facts) = (ledger.settlements().await.unwrap(), ledger.facts().await);
        let out = tie(&facts, &rules, &imported);
        assert!(out.rows.is_empty() && out.differences.is_empty(), "{out:#?}");
        let before = desk.shown().await;
        let books = ledger.books().await;
        let booking = book(&imported, &out, &facts, &rules, books.as_ref(), Currency::AUD);
        assert_eq!(booking.holds, []);
        let step = ledger.post_journals(booking.journals, desk.clock.now()).await.unwrap();
        assert_eq!((step.posted, step.refused, step.trouble.len()), (days.len(), 0, 0));

        let after = desk.shown().await;
        let moved = |account: &str| {
            let at = |of: &BTreeMap<String, i64>| of.get(account).copied().unwrap_or(0);
            at(&after.accounts) - at(&before.accounts)
        };
        let clearing = after.accounts.get("651").copied().unwrap_or(0);
        let banked: i64 = days.values().map(|(_, net)| net).sum();
        assert_eq!(clearing, banked, "{modes:?}");
        assert_eq!(moved("651"), on_top - fees);
        assert_eq!(
            moved("404") + moved("260") + moved("820"),
            fees - on_top,
            "what is not net is tax"
        );
        assert!(prove(&desk, &ledger).await.holds());
    }
}
