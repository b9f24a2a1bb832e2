//! Halaxy's time stamps. They say "changed since", to the second; they order nothing.

use bridge_core::Time;
use jiff::Timestamp;
use serde_json::Value as Json;

pub(crate) const SECOND: Time = 1_000_000;

/// Reads an instant with an offset (halaxy-api.md section 2).
pub(crate) fn parse(text: &str) -> Option<Time> {
    Some(text.trim().parse::<Timestamp>().ok()?.as_microsecond())
}

/// `meta.lastUpdated` of a resource.
pub(crate) fn last_updated(resource: &Json) -> Option<Time> {
    parse(resource["meta"]["lastUpdated"].as_str()?)
}

/// The start of the second a time lies in.
pub(crate) fn second(time: Time) -> Time {
    time.div_euclid(SECOND) * SECOND
}

/// A whole second as search parameters take it, in UTC so that no sign needs encoding.
pub(crate) fn spell(time: Time) -> String {
    Timestamp::from_microsecond(second(time))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_in_any_offset_and_spelt_in_utc() {
        let time = parse("2026-03-02T10:15:00.250+10:00").expect("an instant");
        assert_eq!(spell(time), "2026-03-02T00:15:00Z");
        assert_eq!(Some(second(time)), parse("2026-03-02T00:15:00Z"));
        assert_eq!(parse("2026-03-02T10:15:00"), None);
    }
}
