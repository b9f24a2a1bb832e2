//! Two months of a practice, day by day as the service lives them: every nightly proof holds, and the books end equal to the
//! practice's own. `cargo bench -p bridge-tests --bench month -- year` does the same for a year, in each manner of posting.

use bridge_tests::ledger::{Modes, Year, year};

#[tokio::test]
async fn two_months_day_by_day() {
    let of = Year {
        seed: 5,
        months: 2,
        invoices: 25,
        modes: Modes::Hybrid,
        reread: 5,
        looks: vec![9, 13, 18, 23],
    };
    let days = year(&of).await;
    assert!(days.len() > 61, "two months, and the fortnight after them");
    // A day's calls on a plan of 1,000.
    assert!(days.iter().all(|day| day.calls + day.proof < 1_000));
}
