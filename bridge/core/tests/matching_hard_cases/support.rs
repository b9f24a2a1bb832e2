//! What must happen to the people of a case.

use crate::town::Outcome::Apart;
use crate::town::{Outcome, Town};
use bridge_core::matching::index::At;

/// Patients on the left and contacts on the right, as `given|surname|born|sex|phone|email|street|postcode|card`.
/// Every pair comes to what is expected, from either side; a pair that is not named stays apart.
#[track_caller]
pub fn must(left: &[&str], right: &[&str], expected: &[(u32, u32, Outcome)]) {
    let town = Town::new(left, right);
    for (l, patient) in (0..).zip(left) {
        for (r, contact) in (0..).zip(right) {
            let named = expected.iter().find(|(a, b, _)| (*a, *b) == (l, r));
            let expected = named.map_or(Apart, |(_, _, outcome)| *outcome);
            let (here, there) = (At { side: 0, record: l }, At { side: 1, record: r });
            for (is, why) in [town.between(here, there), town.between(there, here)] {
                assert_eq!(is, expected, "{patient} and {contact}: {why}");
            }
        }
    }
}

/// Two contacts of one CRM, which may be one person entered twice.
#[track_caller]
pub fn twice(one: &str, other: &str, expected: Outcome) {
    let town = Town::new(&[], &[one, other]);
    let at = |record| At { side: 1, record };
    let (is, why) = town.between(at(0), at(1));
    assert_eq!(is, expected, "{one} and {other}: {why}");
}
