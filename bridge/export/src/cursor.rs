//! A place in the changes of one entity, as text that consumers keep and give back.

use std::fmt;
use std::str::FromStr;

/// After which change a consumer wants to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The entity, by name.
    pub entity: String,
    /// The name under which the number was given: in a store that was made anew, or restored from a backup, it has another
    /// one. Empty before the first change of all.
    pub feed: String,
    /// The number of the last change that was taken.
    pub seq: i64,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor; give `start`, or one that an export has shown")]
pub struct CursorError;

impl Cursor {
    /// Before everything.
    pub fn start(entity: &str) -> Cursor {
        Cursor {
            entity: entity.into(),
            feed: String::new(),
            seq: 0,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}-{}", self.entity, self.feed, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (entity, place) = text.trim().rsplit_once(':').ok_or(CursorError)?;
        let (feed, seq) = place.split_once('-').ok_or(CursorError)?;
        let plain = !entity.is_empty() && entity.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let seq: i64 = seq.parse().map_err(|_| CursorError)?;
        if !plain || seq < 0 || !feed.bytes().all(|b| b.is_ascii_hexdigit()) || feed.is_empty() != (seq == 0) {
            return Err(CursorError);
        }
        Ok(Cursor {
            entity: entity.into(),
            feed: feed.into(),
            seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_from_its_text(entity in "[a-z-]{1,12}", feed in "[0-9a-f]{8}", seq in 1..i64::MAX) {
            let cursor = Cursor { entity, feed, seq };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn other_text_is_refused(text in "[a-z:0-9 -]{0,16}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
    }

    #[test]
    fn the_start_has_a_text_too() {
        let start = Cursor::start("invoice-lines");
        assert_eq!(start.to_string().parse(), Ok(start));
    }
}
