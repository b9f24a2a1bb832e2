//! Laws of matching, over invented records in which much is shared by chance.

use bridge_core::matching::batch::decide_all;
use bridge_core::matching::compare::{CardLevel, GivenLevel, SexLevel};
use bridge_core::matching::decide::{Decider, Decision, Settings, Verdict};
use bridge_core::matching::guards::{guard, ties};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::learn::learn;
use bridge_core::matching::person::{Born, Person, Raw};
use bridge_core::matching::weights::Weights;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const TODAY: Born = Born {
    year: 2026,
    month: 7,
    day: 1,
};

const GIVEN: &[&str] = &[
    "Jack",
    "Jake",
    "John",
    "J",
    "Jayden",
    "Hayden",
    "Katherine",
    "Kate",
    "Cathy",
    "Sam",
    "Samuel",
    "Samantha",
    "",
    "Mary Ann",
    "The Nguyen Family",
    "Mario",
    "Msario",
];
const FAMILY: &[&str] = &["Smith", "Smyth", "Nguyen", "O'Brien", "Brien", "Tran", ""];
const BORN: &[&str] = &[
    "1980-03-04",
    "1980-04-03",
    "1981-03-04",
    "2018-05-06",
    "1955-12-12",
    "1900-01-01",
    "",
    "",
];
const PHONE: &[&str] = &["0412 345 678", "0498765432", "+61 2 9123 4567", "0400000000", "", ""];
const EMAIL: &[&str] = &[
    "kate.smith@gmail.com",
    "katesmith@gmail.com",
    "nguyens@bigpond.com",
    "none@none.com",
    "",
    "",
];
const STREET: &[&str] = &["1/23 High Street", "23 High St", "7 Park Road", ""];

type Spec = (usize, usize, usize, usize, usize, usize, usize, usize);

fn person((given, family, born, phone, email, street, sex, card): &Spec) -> Person {
    let pick = |from: &[&'static str], n: usize| from[n % from.len()];
    Person::new(&Raw {
        given_name: pick(GIVEN, *given),
        surname: pick(FAMILY, *family),
        date_of_birth: pick(BORN, *born),
        phones: [pick(PHONE, *phone), "", ""],
        emails: [pick(EMAIL, *email), ""],
        street: pick(STREET, *street),
        suburb: if street % 2 == 0 { "Richmond" } else { "" },
        postcode: if street % 3 == 0 { "3121" } else { "" },
        sex: pick(&["F", "M", "", ""], *sex),
        card: pick(&["2428778132/1", "2428778132/2", "2428778132", "", "", ""], *card),
    })
}

fn specs(most: usize) -> impl Strategy<Value = Vec<Spec>> {
    let n = || 0usize..40;
    prop::collection::vec((n(), n(), n(), n(), n(), n(), n(), n()), 1..most)
}

fn side(specs: &[Spec], salt: u64) -> Vec<(Person, u64)> {
    (0u64..)
        .zip(specs)
        .map(|(i, s)| (person(s), (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt))
        .collect()
}

/// Verdicts by the records' stable numbers.
fn verdicts(index: &Index, weights: &Weights, from: u8, to: u8, threads: usize) -> BTreeMap<(u64, u64), (String, f32)> {
    let decider = Decider::new(index, weights, settings(from == to));
    let flip = from > to;
    decide_all(&decider, from, to, threads)
        .into_iter()
        .map(|(at, v)| {
            let (a, b) = (index.tie(at), index.tie(v.other));
            let pair = if from == to {
                (a.min(b), a.max(b))
            } else if flip {
                (b, a)
            } else {
                (a, b)
            };
            (pair, (format!("{:?} {:?}", v.decision, v.obstacle), v.probability))
        })
        .collect()
}

fn settings(within: bool) -> Settings {
    Settings {
        within,
        ..Settings::new(TODAY)
    }
}

fn links(decider: &Decider<'_>) -> Vec<(At, Verdict)> {
    let mut all = decide_all(decider, 0, 1, 1);
    all.retain(|(_, v)| v.decision == Decision::Link);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn neither_the_order_of_rows_nor_threads_nor_the_side_asked_change_an_answer(
        left in specs(40), right in specs(40), turn in 0usize..40,
    ) {
        let weights = Weights::shipped();
        let (l, r) = (side(&left, 0), side(&right, 77));
        let index = Index::new(vec![l.clone(), r.clone()]);
        let expected = verdicts(&index, &weights, 0, 1, 1);
        prop_assert_eq!(&verdicts(&index, &weights, 0, 1, 3), &expected);
        prop_assert_eq!(&verdicts(&index, &weights, 1, 0, 1), &expected);
        let (mut l, mut r) = (l, r);
        let n = l.len();
        l.rotate_left(turn % n);
        r.reverse();
        let turned = Index::new(vec![l, r]);
        prop_assert_eq!(&verdicts(&turned, &weights, 0, 1, 1), &expected);
        prop_assert_eq!(learn(&turned, &weights, 0, 1), learn(&index, &weights, 0, 1));
    }

    #[test]
    fn an_index_kept_up_record_by_record_answers_as_one_filled_at_once(
        left in specs(40), right in specs(40), gone in prop::collection::vec(0usize..40, 0..20), again in specs(10),
    ) {
        let weights = Weights::shipped();
        let (l, r) = (side(&left, 0), side(&right, 77));
        let late = side(&again, 1234);
        // filled with the left half, then changed
        let half = l.len() / 2;
        let mut kept = Index::new(vec![l[..half].to_vec(), r.clone()]);
        let mut places: BTreeMap<u64, At> = (0u32..).zip(&l[..half]).map(|(i, (_, tie))| (*tie, At { side: 0, record: i })).collect();
        for (p, tie) in l[half..].iter().chain(&late) {
            places.insert(*tie, kept.insert(0, *p, *tie));
        }
        let mut now: BTreeMap<u64, Person> = l.iter().chain(&late).map(|(p, tie)| (*tie, *p)).collect();
        for g in gone {
            if let Some((_, tie)) = l.get(g) {
                kept.remove(places[tie]);
                now.remove(tie);
            }
        }
        let fresh = Index::new(vec![now.into_iter().map(|(tie, p)| (p, tie)).collect(), r]);
        prop_assert_eq!(verdicts(&kept, &weights, 0, 1, 1), verdicts(&fresh, &weights, 0, 1, 1));
        prop_assert_eq!(verdicts(&kept, &weights, 1, 0, 1), verdicts(&fresh, &weights, 1, 0, 1));
        prop_assert_eq!(verdicts(&kept, &weights, 0, 0, 1), verdicts(&fresh, &weights, 0, 0, 1));
    }

    #[test]
    fn links_are_one_to_one_and_no_guard_stands_against_them(left in specs(40), right in specs(40), taught in any::<bool>()) {
        let index = Index::new(vec![side(&left, 0), side(&right, 77)]);
        let shipped = Weights::shipped();
        let weights = if taught { learn(&index, &shipped, 0, 1) } else { shipped };
        let decider = Decider::new(&index, &weights, settings(false));
        let (mut lefts, mut rights) = (BTreeSet::new(), BTreeSet::new());
        for (at, v) in links(&decider) {
            let (a, b) = (index.person(at), index.person(v.other));
            prop_assert!(lefts.insert(at) && rights.insert(v.other), "linked twice");
            prop_assert_eq!(guard(a, b, &v.comparison, decider.around(at, v.other)), None);
            prop_assert!(v.comparison.sex != SexLevel::Different);
            prop_assert!(v.comparison.card != CardLevel::Other);
            if weights.households() {
                prop_assert!(!matches!(v.comparison.given, GivenLevel::Different | GivenLevel::Missing));
                if a.born.year == 0 || b.born.year == 0 {
                    prop_assert!(!matches!(v.comparison.given, GivenLevel::Initial));
                    prop_assert!(ties(&v.comparison) > 0 || v.comparison.email_others + v.comparison.phone_others > 0);
                    let young = |p: &Person| p.born.year > 2011;
                    prop_assert!(!young(a) && !young(b), "a child without a birth date");
                }
            }
        }
    }
}
