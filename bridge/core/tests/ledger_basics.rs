//! Months, division to the cent, and tables that neither spreadsheets nor browsers run.

#![allow(clippy::unwrap_used)]

use bridge_core::ledger::Cents;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::share::share;
use bridge_core::ledger::sheet::{Sheet, csv_safe, html_escape, page};
use proptest::prelude::*;

fn parts(amount: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let weights: Vec<Cents> = weights.iter().map(|w| Cents(*w)).collect();
    share(Cents(amount), &weights).map(|p| p.into_iter().map(|c| c.0).collect())
}

#[test]
fn a_payment_is_divided_to_the_cent() {
    assert_eq!(parts(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
    assert_eq!(parts(-100, &[1, 1, 1]), Some(vec![-34, -33, -33]));
    assert_eq!(parts(10_000, &[18_000, 9_000]), Some(vec![6_667, 3_333]));
    assert_eq!(parts(500, &[1_000, -200, 0]), Some(vec![500, 0, 0]));
    assert_eq!(parts(500, &[0, -200]), None);
    assert_eq!(parts(500, &[]), None);
}

proptest! {
    #[test]
    fn parts_sum_and_stray_less_than_a_cent(
        amount in -1_000_000_000_000i64..=1_000_000_000_000,
        weights in prop::collection::vec(-1_000i64..=1_000_000_000_000, 1..12),
    ) {
        let whole: i128 = weights.iter().map(|w| i128::from((*w).max(0))).sum();
        match parts(amount, &weights) {
            None => prop_assert_eq!(whole, 0),
            Some(parts) => {
                prop_assert_eq!(parts.iter().sum::<i64>(), amount);
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(amount) * i128::from((*weight).max(0));
                    prop_assert!((i128::from(*part) * whole - exact).abs() < whole, "{part} of {weight}");
                }
                let back = parts_of_refund(amount, &weights);
                prop_assert!(parts.iter().zip(back).all(|(a, b)| a + b == 0));
            }
        }
    }

    #[test]
    fn no_cell_starts_a_formula(cell in "[-=+@ \t\r\n'a-z0-9.＝]{0,12}") {
        let safe = csv_safe(&cell);
        let number = cell.parse::<f64>().is_ok();
        let start = safe.trim_start().chars().next();
        prop_assert!(number || !matches!(start, Some('=' | '+' | '-' | '@' | '＝')), "{safe:?}");
        prop_assert!(safe.ends_with(cell.as_str()));
    }
}

fn parts_of_refund(amount: i64, weights: &[i64]) -> Vec<i64> {
    parts(-amount, weights).unwrap()
}

#[test]
fn months_are_written_and_counted() {
    let month: Month = "2028-02".parse().unwrap();
    assert_eq!(month.to_string(), "2028-02");
    assert_eq!((month.days(), month.last().to_string()), (29, "2028-02-29".into()));
    assert_eq!("2026-12".parse::<Month>().unwrap().next().to_string(), "2027-01");
    assert!(month.has("2028-02-29".parse().unwrap()) && !month.has("2028-03-01".parse().unwrap()));
    for wrong in [
        "2026-13",
        "2026-1",
        "26-01",
        "2026",
        "+026-01",
        "1999-12",
        "2026-00",
        "2026-10-01",
    ] {
        assert!(wrong.parse::<Month>().is_err(), "{wrong}");
    }
}

#[test]
fn the_same_table_as_text_csv_and_page() {
    let mut sheet = Sheet::new(&["who", "#amount"]);
    sheet.push(["Dr <A> & \"Co\"".into(), "-12.50".into()]);
    sheet.push(["=HYPERLINK(\"x\")".into(), "7.00".into()]);
    assert_eq!(
        sheet.text(),
        "who              amount\nDr <A> & \"Co\"    -12.50\n=HYPERLINK(\"x\")    7.00\n"
    );
    assert_eq!(
        sheet.csv(),
        "who,amount\n\"Dr <A> & \"\"Co\"\"\",-12.50\n\"'=HYPERLINK(\"\"x\"\")\",7.00\n"
    );
    let html = page("<script>", &sheet.html(), &sheet.csv());
    assert!(html.contains("Dr &lt;A&gt; &amp; &quot;Co&quot;") && !html.contains("<script"));
    assert_eq!(html_escape("'\"<>&"), "&#39;&quot;&lt;&gt;&amp;");
}
