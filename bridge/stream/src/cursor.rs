//! A place in a practice's stream, as text that consumers keep and give back.

use std::fmt;
use std::str::FromStr;

/// After which event a consumer wants to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The stream: a store that was made anew has another one.
    pub stream: String,
    /// Number of the last event that was taken.
    pub seq: i64,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor; give one that an event or `events list` has shown")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (stream, seq) = text.trim().rsplit_once('-').ok_or(CursorError)?;
        let seq: i64 = seq.parse().map_err(|_| CursorError)?;
        if stream.is_empty() || !stream.bytes().all(|b| b.is_ascii_hexdigit()) || seq < 0 {
            return Err(CursorError);
        }
        Ok(Self {
            stream: stream.into(),
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
        fn a_cursor_comes_back_from_its_text(stream in "[0-9a-f]{1,16}", seq in 0..i64::MAX) {
            let cursor = Cursor { stream, seq };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn other_text_is_refused(text in "[^0-9a-f]{0,3}[0-9a-z -]{0,12}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert!(cursor.seq >= 0 && cursor.stream.bytes().all(|b| b.is_ascii_hexdigit()));
            }
        }
    }
}
