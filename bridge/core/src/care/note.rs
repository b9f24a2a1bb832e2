//! A clinical note on its way out: HTML, never kept, never shown again.

use crate::hex::hex;
use crate::ledger::sheet::html_escape;
use sha2::{Digest, Sha256};
use std::fmt;

/// Characters at most: more than any note, and little enough for a request.
const MOST: usize = 1_000_000;

/// What a note may not bring along, in small letters: it is shown in the practice's own pages.
const ACTIVE: [&str; 7] = [
    "<script",
    "<iframe",
    "<object",
    "<embed",
    "<form",
    "javascript:",
    "<link",
];

/// The text of a note. Its `Debug` and everything else but [`Note::html`] show its digest only.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    html: String,
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({})", self.digest())
    }
}

/// Why a text is no note. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Nothing in it.
    #[error("the note is empty: give its text as HTML, or as plain text with --text")]
    Empty,
    /// Bytes that are no text.
    #[error("the note is no UTF-8 text: save it as UTF-8")]
    Encoding,
    /// Too long.
    #[error("the note is above a million characters: attach it as a file instead")]
    Length,
    /// Base64, which Halaxy would show as it stands.
    #[error("the note is base64, which Halaxy shows as it stands: give the HTML itself")]
    Base64,
    /// No markup.
    #[error("the note holds no HTML: add --text if it is plain text")]
    NoHtml,
    /// Something that runs or loads.
    #[error("the note holds markup that runs or loads something (a script, a frame, a form): take it out")]
    Active,
}

impl Note {
    /// A note from what stands in a file; `plain` text is made into HTML, paragraph by paragraph.
    ///
    /// # Errors
    /// [`BadNote`]: what is wrong and what to do.
    pub fn of(bytes: &[u8], plain: bool) -> Result<Note, BadNote> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadNote::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        if text.is_empty() {
            return Err(BadNote::Empty);
        }
        if text.len() > MOST {
            return Err(BadNote::Length);
        }
        if looks_like_base64(text) {
            return Err(BadNote::Base64);
        }
        let html = if plain { paragraphs(text) } else { text.to_owned() };
        if !tagged(&html) {
            return Err(BadNote::NoHtml);
        }
        let small = html.to_lowercase();
        if ACTIVE.iter().any(|mark| small.contains(mark)) || handles(&small) {
            return Err(BadNote::Active);
        }
        Ok(Note { html })
    }

    /// The note itself.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// How many characters it has.
    pub fn length(&self) -> usize {
        self.html.chars().count()
    }

    /// What it is told apart by: the first half of its SHA-256.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.html.as_bytes())[..16])
    }
}

fn looks_like_base64(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\n' | b'\r');
    let signs = text.bytes().filter(|b| !b.is_ascii_whitespace()).count();
    signs >= 24 && signs.is_multiple_of(4) && text.bytes().all(sign)
}

/// Whether something in it opens a tag.
fn tagged(html: &str) -> bool {
    html.match_indices('<').any(|(at, _)| {
        let next = html[at + 1..].trim_start_matches('/').chars().next();
        next.is_some_and(|c| c.is_ascii_alphabetic()) && html[at..].contains('>')
    })
}

/// Whether a tag has an attribute such as `onclick`. `html` is in small letters.
fn handles(html: &str) -> bool {
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    tags.flat_map(|tag| tag.split(|c: char| c.is_whitespace() || c == '/' || c == '"' || c == '\''))
        .any(|word| {
            let name = word.split('=').next().unwrap_or_default();
            word.contains('=')
                && name.len() > 3
                && name.starts_with("on")
                && name.bytes().all(|b| b.is_ascii_lowercase())
        })
}

fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let each = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    each.map(|part| format!("<p>{}</p>", html_escape(part).replace('\n', "<br>")))
        .collect()
}
