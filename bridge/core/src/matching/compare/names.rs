//! Given and family names: slips, short forms, parts, and names in each other's place.

use super::Frequencies;
use super::levels::{GivenLevel, MiddleLevel, SurnameLevel};
use crate::matching::given_names::{self, Relation};
use crate::matching::person::{Given, Person, Word};

/// Slips between two words, counting a swap of neighbours as one; anything past `most` is `most + 1`.
pub(super) fn slips(a: &[u8], b: &[u8], most: usize) -> usize {
    let (mut a, mut b) = (a, b);
    while let ([x, ra @ ..], [y, rb @ ..]) = (a, b)
        && x == y
    {
        (a, b) = (ra, rb);
    }
    while let ([ra @ .., x], [rb @ .., y]) = (a, b)
        && x == y
    {
        (a, b) = (ra, rb);
    }
    if a.len().abs_diff(b.len()) > most || a.len().max(b.len()) > 24 {
        return most + 1;
    }
    if a.is_empty() || b.is_empty() {
        return a.len().max(b.len());
    }
    // nothing is alike at either end any more
    if most == 1 {
        let one = matches!((a, b), ([_], [_])) || matches!((a, b), ([p, q], [x, y]) if p == y && q == x);
        return if one { 1 } else { 2 };
    }
    // each letter that only one of the two has costs a slip
    let letters = |word: &[u8]| word.iter().fold(0u32, |set, c| set | 1 << (c & 31));
    let (p, q) = (letters(a), letters(b));
    if (p & !q).count_ones().max((q & !p).count_ones()) as usize > most {
        return most + 1;
    }
    table(a, b).min(most + 1)
}

/// Slips between two words of at most 24 letters.
fn table(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [[0u8; 26]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j as u8;
    }
    for i in 1..=a.len() {
        let (now, above, two) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u8;
        for j in 1..=b.len() {
            let swap = u8::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[above][j] + 1)
                .min(rows[now][j - 1] + 1)
                .min(rows[above][j - 1] + swap);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[two][j - 2] + 1);
            }
            rows[now][j] = best;
        }
    }
    usize::from(rows[a.len() % 3][b.len()])
}

/// Whether one of two names is so rare beside the other that it must be a slip.
fn one_is_a_slip(a: u32, b: u32) -> bool {
    let (rare, common) = (a.min(b), a.max(b));
    rare <= 1 || u64::from(rare) * 25 <= u64::from(common)
}

fn given_words(a: &Given, b: &Given, f: &impl Frequencies) -> GivenLevel {
    let (x, y) = (&a.word, &b.word);
    if x.is_empty() || y.is_empty() {
        return GivenLevel::Missing;
    }
    if x.hash == y.hash {
        return if x.is_initial() {
            GivenLevel::Initial
        } else {
            GivenLevel::Same
        };
    }
    if x.is_initial() || y.is_initial() {
        return if x.bytes()[0] == y.bytes()[0] {
            GivenLevel::Initial
        } else {
            GivenLevel::Different
        };
    }
    match given_names::relation(a.known, b.known) {
        Some(Relation::Form) => {
            let many = given_names::stands_for(a.known).max(given_names::stands_for(b.known)) > 1;
            let wide = many || given_names::is_full(a.known) && given_names::is_full(b.known);
            return if wide { GivenLevel::WideForm } else { GivenLevel::Form };
        }
        Some(Relation::Sisters) => return GivenLevel::Sisters,
        Some(Relation::Loose) => return GivenLevel::Loose,
        None => {}
    }
    let (p, q) = (x.bytes(), y.bytes());
    let distance = slips(p, q, 2);
    let long = p.len().max(q.len());
    if distance == 1 && p.len().min(q.len()) >= 3 {
        // few mistype a first letter, and Lara and Zara are two names however rare they are
        let two_names = p[0] != q[0] || a.known != 0 && b.known != 0;
        return if !two_names && one_is_a_slip(f.given(x.hash), f.given(y.hash)) {
            GivenLevel::Misspelt
        } else {
            GivenLevel::Alike
        };
    }
    let short = p.len().min(q.len());
    if short >= 3 && p[..short] == q[..short] {
        return GivenLevel::Begins;
    }
    let slip_of = |x: &Given, y: &Given| {
        x.known == 0 && y.known != 0 && x.word.bytes().len() >= 3 && f.given(x.word.hash) <= 2 && {
            given_names::any_form(y.known, |form| {
                form.len() >= 4 && form[0] == x.word.bytes()[0] && slips(form, x.word.bytes(), 1) <= 1
            })
        }
    };
    if slip_of(a, b) || slip_of(b, a) {
        return GivenLevel::FormMisspelt;
    }
    if distance == 2 && long >= 5 && p[0] == q[0] && (a.known == 0 || b.known == 0) {
        return if one_is_a_slip(f.given(x.hash), f.given(y.hash)) {
            GivenLevel::FarMisspelt
        } else {
            GivenLevel::Different
        };
    }
    GivenLevel::Different
}

/// Whether a misspelt given name is one slip from another name too: "Jak" is Jack's or Jake's. Of two
/// names that nobody knows either may be the slip. Symmetric.
pub(in crate::matching) fn slip_of_another(a: &Given, b: &Given) -> bool {
    let of_another = |slip: &Given, name: &Given| {
        let letters = slip.word.bytes();
        slip.known == 0
            && given_names::any_other(name.known, |other| {
                other.len() >= 3 && other[0] == letters[0] && slips(other, letters, 1) <= 1
            })
    };
    of_another(a, b) || of_another(b, a)
}

pub(super) fn given(a: &Person, b: &Person, f: &impl Frequencies) -> GivenLevel {
    let first = given_words(&a.given, &b.given, f);
    if first != GivenLevel::Different {
        return first;
    }
    let second = |x: &Given, y: &Given| !y.word.is_initial() && x.word.hash == y.word.hash && y.word.hash != 0;
    if second(&a.given, &b.middle) || second(&b.given, &a.middle) {
        return GivenLevel::Second;
    }
    first
}

fn family<const N: usize, const M: usize>(a: &Word<N>, b: &Word<M>) -> Option<SurnameLevel> {
    if a.is_empty() || b.is_empty() {
        return Some(SurnameLevel::Missing);
    }
    if a.hash == b.hash {
        return Some(SurnameLevel::Same);
    }
    let long = a.bytes().len().max(b.bytes().len());
    let most = if long >= 7 { 2 } else { 1 };
    (long >= 4 && slips(a.bytes(), b.bytes(), most) <= most).then_some(SurnameLevel::Misspelt)
}

pub(super) fn surname(a: &Person, b: &Person) -> SurnameLevel {
    if let Some(level) = family(&a.surname, &b.surname) {
        return level;
    }
    let part = |x: &Person, y: &Person| {
        x.surname_parts
            .iter()
            .any(|p| *p != 0 && (*p == y.surname.hash || y.surname_parts.contains(p)))
    };
    if part(a, b) || part(b, a) {
        return SurnameLevel::Part;
    }
    if a.sex == b'M' || b.sex == b'M' {
        SurnameLevel::Different
    } else {
        SurnameLevel::Changed
    }
}

pub(super) fn middle(a: &Person, b: &Person) -> MiddleLevel {
    let (x, y) = (&a.middle.word, &b.middle.word);
    if x.is_empty() || y.is_empty() {
        return MiddleLevel::Missing;
    }
    let initial = (x.is_initial() || y.is_initial()) && x.bytes()[0] == y.bytes()[0];
    if x.hash == y.hash || initial || slips(x.bytes(), y.bytes(), 1) <= 1 {
        MiddleLevel::Same
    } else {
        MiddleLevel::Different
    }
}

/// The levels if given and family name stand in each other's place in one of the two. Seen from
/// the name that agrees letter for letter.
pub(super) fn crossed(a: &Person, b: &Person, f: &impl Frequencies) -> Option<(GivenLevel, SurnameLevel)> {
    let whole = |w: u32, v: u32| w == v && w != 0;
    let as_given = |w: &Word<22>| {
        let text = std::str::from_utf8(w.bytes()).unwrap_or_default();
        Given {
            word: Word::new(text),
            known: given_names::place(text),
        }
    };
    let changed = || {
        if a.sex == b'M' || b.sex == b'M' {
            SurnameLevel::Different
        } else {
            SurnameLevel::Changed
        }
    };
    // b has them crossed, or a has: the same test either way round
    if whole(a.given.word.hash, b.surname.hash) && !a.given.word.is_initial() {
        if a.surname.is_empty() || b.given.word.is_empty() {
            return None;
        }
        // which of the two words is the given name, general knowledge or frequency must say
        let given_is_a = f.given(a.given.word.hash) >= f.surname(a.given.word.hash);
        let rest = family(&b.given.word, &a.surname);
        return Some(if given_is_a {
            (GivenLevel::Same, rest.unwrap_or_else(changed))
        } else {
            (given_words(&as_given(&a.surname), &b.given, f), SurnameLevel::Same)
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn short_cuts_count_the_slips_that_the_whole_table_counts(
            a in prop::collection::vec(b'a'..=b'e', 0..9), b in prop::collection::vec(b'a'..=b'e', 0..9), most in 1usize..3,
        ) {
            prop_assert_eq!(slips(&a, &b, most), table(&a, &b).min(most + 1));
        }

        #[test]
        fn words_a_few_edits_apart(
            a in prop::collection::vec(b'a'..=b'h', 1..20), edits in prop::collection::vec((0usize..20, b'a'..=b'h', 0u8..4), 0..4),
            most in 1usize..3,
        ) {
            let mut b = a.clone();
            for (at, letter, what) in edits {
                let at = at % b.len().max(1);
                match what {
                    0 if at < b.len() => drop(b.remove(at)),
                    1 => b.insert(at.min(b.len()), letter),
                    2 if at + 1 < b.len() => b.swap(at, at + 1),
                    _ if at < b.len() => b[at] = letter,
                    _ => {}
                }
            }
            prop_assert_eq!(slips(&a, &b, most), table(&a, &b).min(most + 1));
        }
    }
}
