//! Dates as the accounting system spells them: `/Date(ms+0000)/` out, that and ISO in.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::rfc2822};
use serde_json::Value;

use crate::clock::{SECOND, practice_zone};

/// A calendar day: midnight UTC, whatever the organisation's zone.
pub(super) fn day(date: Date) -> Value {
    let micros = date
        .to_zoned(TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_microsecond());
    instant(micros)
}

/// An instant.
pub(super) fn instant(micros: i64) -> Value {
    Value::String(format!("/Date({}+0000)/", micros.div_euclid(1_000)))
}

/// The day as the members that end in `String` show it.
pub(super) fn day_text(date: Date) -> Value {
    Value::String(format!("{date}T00:00:00"))
}

/// Today in the organisation's zone.
pub(super) fn today(now: i64) -> Date {
    Timestamp::from_microsecond(now)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(practice_zone())
        .date()
}

/// Reads a calendar day in either spelling; the time of day does not count.
pub(super) fn read_day(value: &Value) -> Option<Date> {
    let text = value.as_str()?.trim();
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let end = inner
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '+' | '-'))
            .map_or(inner.len(), |(place, _)| place);
        let millis: i64 = inner[..end].parse().ok()?;
        let at = Timestamp::from_millisecond(millis).ok()?;
        return Some(at.to_zoned(TimeZone::UTC).date());
    }
    read_iso(text)
}

/// Reads `2026-03-04`, with or without a time and a zone.
pub(super) fn read_iso(text: &str) -> Option<Date> {
    let date = text.get(..10)?.parse::<Date>().ok()?;
    let rest = &text[10..];
    (rest.is_empty() || text.parse::<DateTime>().is_ok() || text.parse::<Timestamp>().is_ok()).then_some(date)
}

/// Reads `If-Modified-Since`: ISO with a zone, ISO without one (UTC) or an HTTP date; microseconds of the whole second.
pub(super) fn read_since(text: &str) -> Option<i64> {
    let text = text.trim();
    let at = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
        .or_else(|| Some(rfc2822::parse(&text.replace("GMT", "+0000")).ok()?.timestamp()))?;
    Some(at.as_microsecond().div_euclid(SECOND) * SECOND)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn days_go_out_in_one_spelling_and_come_in_in_all() {
        assert_eq!(day(date(2026, 3, 4)), json!("/Date(1772582400000+0000)/"));
        for text in [
            "/Date(1772582400000)/",
            "/Date(1772582400000+0000)/",
            "2026-03-04",
            "2026-03-04T00:00:00",
            "2026-03-04T00:00:00.000Z",
        ] {
            assert_eq!(read_day(&json!(text)), Some(date(2026, 3, 4)), "{text}");
        }
        assert_eq!(read_day(&json!("/Date(-86400000+0000)/")), Some(date(1969, 12, 31)));
        for text in ["04/03/2026", "2026-02-30", "2026-03-04Tnoon", "/Date()/", ""] {
            assert_eq!(read_day(&json!(text)), None, "{text}");
        }
    }

    #[test]
    fn the_header_is_read_in_all_four_spellings() {
        let at = 1_772_323_200 * SECOND;
        for text in [
            "2026-03-01T00:00:00",
            "2026-03-01T00:00:00.000Z",
            "2026-03-01T00:00:00+00:00",
            "Sun, 01 Mar 2026 00:00:00 GMT",
        ] {
            assert_eq!(read_since(text), Some(at), "{text}");
        }
        assert_eq!(read_since("yesterday"), None);
    }
}
