//! What is made once: Halaxy looks for no duplicates, so what is equal is found before anything is made.

use super::coverage::Coverage;
use super::referral::Referral;
use crate::hex::hex;
use sha2::{Digest, Sha256};

/// What makes two referrals the same: patient, referrer, kind and period.
pub fn same_referral(one: &Referral, other: &Referral) -> bool {
    mark(one) == mark(other)
}

/// The same of one, for whoever keeps notes of what was asked for: a digest.
pub fn referral_mark(of: &Referral) -> String {
    digest(&format!("referral {:?}", mark(of)))
}

type Mark<'a> = (
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    Option<jiff::civil::Date>,
    Option<jiff::civil::Date>,
);

fn mark(of: &Referral) -> Mark<'_> {
    (
        &of.patient,
        of.requester.as_deref(),
        of.definition.as_deref(),
        of.from,
        of.to,
    )
}

/// The referral that an asked-for one would double, if any; the preferred one of several.
pub fn equal_referral<'a>(asked: &Referral, there: &'a [Referral]) -> Option<&'a Referral> {
    let mut equal: Vec<&Referral> = there.iter().filter(|r| r.active && same_referral(asked, r)).collect();
    equal.sort_by_key(|r| (!r.preferred, r.id.clone()));
    equal.first().copied()
}

/// Whether two claim details say the same: the same people and payers, no contradicting card, and a common time. A card
/// that only one of them names is no contradiction: it is what the other one lacks.
pub fn same_coverage(one: &Coverage, other: &Coverage) -> bool {
    let agree = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => bare(a) == bare(b),
        _ => true,
    };
    let after = |end: Option<jiff::civil::Date>, start: Option<jiff::civil::Date>| match (end, start) {
        (Some(end), Some(start)) => end < start,
        _ => false,
    };
    one.beneficiary == other.beneficiary
        && one.subscriber == other.subscriber
        && one.payors == other.payors
        && agree(&one.number, &other.number)
        && agree(&one.dependent, &other.dependent)
        && !after(one.to, other.from)
        && !after(other.to, one.from)
}

/// A digest of who is covered by whom, for notes of what was asked for. Holds no card.
pub fn coverage_mark(of: &Coverage) -> String {
    let number = of.number.as_deref().map(bare);
    digest(&format!(
        "coverage {:?}",
        (
            &of.beneficiary,
            &of.subscriber,
            &of.payors,
            number,
            &of.dependent,
            of.from
        )
    ))
}

/// The claim details that asked-for ones would double, if any.
pub fn equal_coverage<'a>(asked: &Coverage, there: &'a [Coverage]) -> Option<&'a Coverage> {
    let mut equal: Vec<&Coverage> = there.iter().filter(|c| c.active && same_coverage(asked, c)).collect();
    equal.sort_by(|a, b| a.id.cmp(&b.id));
    equal.first().copied()
}

/// A card's number as it is printed in many ways.
fn bare(number: &str) -> String {
    let kept = number.chars().filter(char::is_ascii_alphanumeric);
    kept.collect::<String>().to_ascii_uppercase()
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..16])
}
