//! Promise 15: totals are equal to the cent, or the invoice is refused with the difference shown.

use crate::books::chart;
use crate::history::World;
use bridge_core::ledger::facts::{Price, PriceKind};
use bridge_core::ledger::fit::fit;
use bridge_core::ledger::money::{decimal_json, json_decimal};
use bridge_core::ledger::target::{share, tax_at};
use bridge_core::ledger::{Cents, Target, Why};
use proptest::prelude::*;
use rust_decimal::Decimal;

#[derive(Clone, Debug)]
struct Sold {
    price: i64,
    /// Quantity in hundredths.
    quantity: i64,
    discount: i64,
    surcharge: i64,
    gst: bool,
}

/// How the practice's software came to the tax it shows.
#[derive(Clone, Copy, Debug)]
enum Taxed {
    /// Rounded line by line.
    PerLine,
    /// Reckoned on the sum and rounded once.
    PerDocument,
    /// Taken out of prices that include it, each unit's rounded.
    Inclusive,
    /// Wrong by so many cents.
    Off(i64),
}

fn sold() -> impl Strategy<Value = Vec<Sold>> {
    let one = (1..50_000i64, 1..900i64, 0..3_000i64, 0..3_000i64, any::<bool>());
    let one = one.prop_map(|(price, quantity, discount, surcharge, gst)| Sold {
        price,
        quantity,
        discount: discount.min(price),
        surcharge,
        gst,
    });
    prop::collection::vec(one, 1..8)
}

fn taxed() -> impl Strategy<Value = Taxed> {
    prop_oneof![
        Just(Taxed::PerLine),
        Just(Taxed::PerDocument),
        Just(Taxed::Inclusive),
        (-9..9i64).prop_map(Taxed::Off)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn totals_are_equal_or_refused_with_the_difference(sold in sold(), taxed in taxed(), allowed in 0..=5i64) {
        let mut world = World::new("{}");
        world.rules.rounding_cents = allowed;
        let plain: Vec<(bool, u16, u8)> = sold.iter().map(|s| (s.gst, 100, 4)).collect();
        let id = world.bill(0, 0, &plain);
        for (line, s) in world.facts.lines.values_mut().zip(&sold) {
            line.quantity = Decimal::new(s.quantity, 2);
            let unit = Decimal::new(s.price + s.surcharge - s.discount, 2);
            line.prices = vec![
                Price { kind: PriceKind::Base, amount: Decimal::new(s.price, 2) },
                Price { kind: PriceKind::Surcharge, amount: Decimal::new(s.surcharge, 2) },
                Price { kind: PriceKind::Discount, amount: Decimal::new(s.discount, 2) },
            ];
            if s.gst {
                let tax = match taxed {
                    Taxed::Inclusive => (unit / Decimal::TEN).round_dp(2),
                    _ => unit / Decimal::TEN,
                };
                line.prices.push(Price { kind: PriceKind::Tax, amount: tax });
            }
        }
        world.total();
        let invoice = world.facts.invoices.get_mut(&id).unwrap();
        match taxed {
            Taxed::PerDocument => {
                let gst: Cents = world.facts.lines.values().filter(|l| l.code.as_deref() == Some("B"))
                    .map(|l| bridge_core::ledger::target::amounts(l).unwrap().0).sum();
                invoice.tax = tax_at(gst, Decimal::TEN).unwrap();
                invoice.gross = invoice.net + invoice.tax;
            }
            Taxed::Off(cents) => {
                invoice.net += Cents(cents);
                invoice.gross += Cents(cents);
            }
            _ => {}
        }
        let invoice = invoice.clone();
        let target = Target::of(&world.facts, &world.rules, &chart());
        match target.charged.get(&id) {
            Some(charged) => {
                prop_assert_eq!(charged.gross(), invoice.gross);
                prop_assert_eq!(charged.lines.iter().map(|l| l.tax).sum::<Cents>(), invoice.tax);
                let hidden: Cents = charged.lines.iter().filter(|l| l.description == "Rounding").map(|l| l.net).sum();
                prop_assert!(hidden.abs().0 <= allowed);
                for line in &charged.lines {
                    let percent = if line.tax_code == "GST" { Decimal::TEN } else { Decimal::ZERO };
                    // A rate is missed by what rounding explains, never by more.
                    prop_assert!((tax_at(line.net, percent).unwrap() - line.tax).abs().0 <= 1 + allowed);
                    prop_assert_eq!(Cents::rounded(line.quantity * line.unit).unwrap(), line.net);
                    prop_assert!(line.unit.scale() <= 4);
                }
            }
            None => {
                let [held] = &target.held[..] else { panic!("{:?}", target.held) };
                match &held.why {
                    Why::TotalsDiffer { stated, computed, stated_tax, computed_tax } => {
                        prop_assert!(stated != computed || stated_tax != computed_tax);
                        let off = (*stated - *computed).abs().max((*stated_tax - *computed_tax).abs());
                        prop_assert!(off.0 > allowed, "{off} is allowed");
                    }
                    Why::TaxDiffers { stated, expected, .. } => prop_assert!((*stated - *expected).abs().0 > 1),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn pieces_of_a_sum_have_the_tax_of_their_rate(lines in prop::collection::vec((1..99_999i64, 0..3i64), 1..400), percent in prop::sample::select(vec![5i64, 10, 15, 20])) {
        let percent = Decimal::from(percent);
        let net: Cents = lines.iter().map(|(n, _)| Cents(*n)).sum();
        let tax: Cents = lines.iter().map(|(n, _)| tax_at(Cents(*n), percent).unwrap()).sum();
        for sign in [1, -1] {
            let pieces = fit(Cents(net.0 * sign), Cents(tax.0 * sign), percent, 0).expect("rounded line by line");
            prop_assert_eq!(pieces.iter().map(|(n, _)| n.0).sum::<i64>(), net.0 * sign);
            prop_assert_eq!(pieces.iter().map(|(_, t)| t.0).sum::<i64>(), tax.0 * sign);
            for (n, t) in pieces {
                prop_assert_eq!(tax_at(n, percent).unwrap(), t);
            }
        }
    }

    #[test]
    fn parts_sum_to_the_whole(amount in -999_999..999_999i64, weights in prop::collection::vec(0..99_999i64, 1..12)) {
        let parts = share(Cents(amount), &weights);
        let sum: Cents = parts.iter().copied().sum();
        prop_assert!(sum == Cents(amount) || weights.iter().all(|w| *w == 0));
    }

    #[test]
    fn json_numbers_carry_amounts_exactly(mantissa in -999_999_999_999_999i64..999_999_999_999_999, scale in 0..6u32) {
        let amount = Decimal::new(mantissa, scale);
        let number = decimal_json(amount).unwrap();
        let text = serde_json::to_string(&number).unwrap();
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(json_decimal(&back).unwrap(), amount);
    }
}

#[test]
fn more_digits_than_json_carries_are_refused() {
    let value: serde_json::Value = serde_json::from_str("1234567890123456.78").unwrap();
    assert!(json_decimal(&value).is_err());
    assert!(json_decimal(&serde_json::json!("180.00")).is_ok());
    assert!(json_decimal(&serde_json::json!(null)).is_err());
    assert!(Cents::exact(Decimal::new(18_001, 3)).is_err());
}

#[test]
fn what_is_beyond_all_numbers_is_held_and_all_else_goes_on() {
    use crate::history::World;
    use bridge_core::ledger::{Source, Why};
    let absurd = [Decimal::MAX, Decimal::MIN, Decimal::new(i64::MAX, 0)];
    for amount in absurd {
        let mut world = World::new("{}");
        let bad = world.bill(0, 0, &[(true, 18_000, 4), (false, 100, 4)]);
        let good = world.bill(1, 0, &[(true, 18_000, 4)]);
        let lines = world
            .facts
            .lines
            .values_mut()
            .filter(|l| l.invoice.as_ref() == Some(&bad));
        for line in lines {
            line.quantity = amount;
            for price in &mut line.prices {
                price.amount = amount;
            }
            let again = line.prices.clone();
            line.prices.extend(again);
        }
        let plan = world.look();
        assert!(
            plan.held
                .iter()
                .any(|h| h.source == Source::Invoice(bad.clone()) && h.why == Why::Amount),
            "{plan:?}"
        );
        assert!(plan.post.iter().any(|e| e.key() == format!("HX-{good}")));
    }
}

#[test]
fn pieces_never_pass_the_tax_of_another_rate_off() {
    use bridge_core::ledger::fit::fit;
    let percent = |n: i64| Decimal::from(n);
    // A tenth is no fifteenth, and nothing is no tenth, beyond what rounding explains of a small sum.
    for net in [18_000, 250_000, 9_000_000] {
        let tax = |percent: i64| Cents(net * percent / 100);
        assert_eq!(
            fit(Cents(net), tax(10), percent(10), 0),
            Some(vec![(Cents(net), tax(10))])
        );
        for other in [0, 5, 12, 15, 20] {
            assert_eq!(fit(Cents(net), tax(10), percent(other), 0), None, "{net} at {other}");
            assert_eq!(fit(Cents(-net), -tax(10), percent(other), 1), None, "{net} at {other}");
        }
    }
}
