//! A cell of a CSV file that spreadsheets take as text or as a number, never as a formula.

use std::borrow::Cow;

/// The cell, safe to open: whatever starts (after blanks) with a character that starts a formula gets an apostrophe in
/// front, plain numbers excepted.
pub fn csv_safe(cell: &str) -> Cow<'_, str> {
    let risky = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    let starts = cell.starts_with(risky) || cell.trim_start().starts_with(risky);
    if starts && !is_number(cell) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// A minus, digits, and at most one point between digits.
fn is_number(cell: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let size = cell.strip_prefix('-').unwrap_or(cell);
    match size.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(size),
    }
}
