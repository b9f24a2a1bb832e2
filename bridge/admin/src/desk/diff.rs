//! Where two values differ, character by character.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// A stretch of a value beside another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// The characters.
    pub text: String,
    /// The other value has them too.
    pub same: bool,
}

/// Both values in pieces. Put together again, the pieces of each are that value.
pub fn pieces(one: &str, other: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (mut left, mut right) = (vec![], vec![]);
    let add = |side: &mut Vec<Piece>, text: &str, same: bool| match side.last_mut() {
        Some(last) if last.same == same => last.text.push_str(text),
        _ => side.push(Piece {
            text: text.into(),
            same,
        }),
    };
    for change in TextDiff::from_chars(one, other).iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                add(&mut left, change.value(), true);
                add(&mut right, change.value(), true);
            }
            ChangeTag::Delete => add(&mut left, change.value(), false),
            ChangeTag::Insert => add(&mut right, change.value(), false),
        }
    }
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_values() {
        for (one, other) in [
            ("0491 570 006", "0491 570 156"),
            ("", "x"),
            ("Zoë", "Zoe"),
            ("same", "same"),
            ("", ""),
        ] {
            let (left, right) = pieces(one, other);
            let whole = |side: &[Piece]| side.iter().map(|p| p.text.as_str()).collect::<String>();
            assert_eq!((whole(&left).as_str(), whole(&right).as_str()), (one, other));
            let same = |side: &[Piece]| -> String { side.iter().filter(|p| p.same).map(|p| p.text.as_str()).collect() };
            assert_eq!(same(&left), same(&right));
        }
        assert_eq!(pieces("ab", "ac").0[1].text, "b");
    }
}
