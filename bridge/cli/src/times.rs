//! Times as people read them.

use bridge_core::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The machine's time in microseconds since 1970.
pub fn now() -> Time {
    Timestamp::now().as_microsecond()
}

/// `2026-11-22T04:05:06Z`, for programs.
pub fn iso(at: Time) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `22 Nov 2026 15:05:06` on the practice's clock, for people.
pub fn local(at: Time, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_microsecond(at)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone);
    at.strftime("%-d %b %Y %H:%M:%S").to_string()
}

/// `3 min ago`.
pub fn ago(at: Time, now: Time) -> String {
    let seconds = ((now - at) / 1_000_000).max(0);
    match seconds {
        0..=1 => "just now".into(),
        2..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_on_the_practice_clock() {
        let at = 1_772_411_696_000_000; // 2026-03-02T00:34:56Z
        assert_eq!(iso(at), "2026-03-02T00:34:56Z");
        assert_eq!(local(at, "Australia/Melbourne"), "2 Mar 2026 11:34:56");
        assert_eq!(ago(at, at + 300_000_000), "5 min ago");
        assert_eq!(ago(at, at - 5_000_000), "just now");
    }
}
