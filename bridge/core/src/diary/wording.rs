//! How an activity is written, and how links are taken out of whatever is written.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What stands where a link stood.
const REMOVED: &str = "(link removed)";

/// A text without anything that looks like a link: one to a video consultation lets its holder in.
pub fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        if is_link(word) {
            out.push_str(REMOVED);
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '|') {
            flush(&mut word, &mut out);
            out.push(c);
        } else {
            word.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

fn is_link(word: &str) -> bool {
    let lower = word.to_lowercase();
    if ["://", "www.", "%3a%2f%2f", "mailto:", "tel:"]
        .iter()
        .any(|mark| lower.contains(mark))
    {
        return true;
    }
    // A host, alone or with something behind it.
    lower
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
        .any(is_host)
}

/// Whether a label that may end a host follows one that may begin it.
fn is_host(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let ends = |label: &str| (2..=24).contains(&label.chars().count()) && label.chars().all(char::is_alphabetic);
    (1..labels.len()).any(|at| ends(labels[at]) && labels[..at].iter().any(|label| label.chars().count() > 1))
}

/// `Wed 4 Mar 2026, 09:00 to 10:00 AEDT`, on the practice's clock.
pub(super) fn when(start: i64, end: i64, zone: &TimeZone) -> String {
    let at = |seconds: i64| {
        let stamp = Timestamp::from_second(seconds).unwrap_or_default();
        stamp.to_zoned(zone.clone())
    };
    let (start, end) = (at(start), at(end));
    let until = if start.date() == end.date() {
        end.strftime("%H:%M %Z").to_string()
    } else {
        end.strftime("%a %-d %b %Y, %H:%M %Z").to_string()
    };
    // Where the clock changes within the visit the first time needs its own name.
    let from = if start.offset() == end.offset() {
        "%a %-d %b %Y, %H:%M"
    } else {
        "%a %-d %b %Y, %H:%M %Z"
    };
    format!("{} to {until}", start.strftime(from))
}
