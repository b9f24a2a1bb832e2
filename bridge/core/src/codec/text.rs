//! White space, Unicode form, e-mail addresses, address lines, references.

use email_address::{EmailAddress, Options};
use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// NFC, trimmed, runs of white space as one space. With `keep_lines`, line ends become commas.
pub(super) fn squeeze(raw: Cow<'_, str>, keep_lines: bool) -> Cow<'_, str> {
    if is_squeezed(&raw) {
        return raw;
    }
    let text: Cow<'_, str> = if is_nfc(&raw) {
        raw
    } else {
        Cow::Owned(raw.nfc().collect())
    };
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        let line_end = keep_lines && matches!(c, '\n' | '\r');
        if c.is_whitespace() && !line_end {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(if line_end { ',' } else { c });
    }
    Cow::Owned(out)
}

/// Plain ASCII without outer, double or odd white space: the usual case, which costs no copy.
fn is_squeezed(text: &str) -> bool {
    let mut last = b' ';
    for &byte in text.as_bytes() {
        if byte >= 0x80
            || (byte == b' ' && last == b' ')
            || (byte != b' ' && byte.is_ascii_whitespace())
            || byte == 0x0b
        {
            return false;
        }
        last = byte;
    }
    text.is_empty() || last != b' '
}

/// Address lines: cut at commas, trimmed, blank ones dropped, joined by `, `.
pub(super) fn lines(raw: Cow<'_, str>) -> Cow<'_, str> {
    if !raw.contains(',') {
        return raw;
    }
    let lines: Vec<&str> = raw.split(',').map(str::trim).filter(|line| !line.is_empty()).collect();
    let joined = lines.join(", ");
    if joined == *raw { raw } else { Cow::Owned(joined) }
}

/// Lower case if it is an address; anything else word for word, so that nothing typed is lost.
pub(super) fn email(raw: Cow<'_, str>) -> Cow<'_, str> {
    if !raw.bytes().any(|b| b.is_ascii_uppercase() || b >= 0x80) {
        return raw;
    }
    let lower: String = raw.to_lowercase().nfc().collect();
    let valid = EmailAddress::parse_with_options(&lower, Options::default().without_display_text()).is_ok();
    if valid { Cow::Owned(lower) } else { raw }
}

/// The last path segment of a reference (`https://../Organization/PG-1` and `PG-1` are the same).
pub(super) fn last_segment(raw: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = raw.trim_end_matches(|c: char| c == '/' || c.is_whitespace());
    let segment = trimmed.rsplit('/').next().unwrap_or_default().trim();
    if segment.len() == raw.len() {
        raw
    } else {
        Cow::Owned(segment.to_string())
    }
}
