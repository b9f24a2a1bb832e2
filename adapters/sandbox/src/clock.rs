//! Time: where the stand-ins get it from, and how the products spell it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// One second in the unit of this crate.
pub(crate) const SECOND: i64 = 1_000_000;

/// The only source of time of the stand-ins.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_micros(&self) -> i64;

    /// Waits as a slow answer does. A simulated clock overrides this: the default sleeps in real time.
    fn wait(&self, micros: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_micros(micros)))
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        Timestamp::now().as_microsecond()
    }
}

/// A clock that moves only when told, for tests and simulations. Waiting moves it.
#[derive(Debug)]
pub struct ManualClock(std::sync::Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `micros` since 1970.
    pub fn at(micros: i64) -> Self {
        Self(std::sync::Arc::new(AtomicI64::new(micros)))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn wait(&self, micros: u64) -> BoxFuture<'static, ()> {
        let time = self.0.clone();
        Box::pin(async move {
            time.fetch_add(micros as i64, Ordering::SeqCst);
        })
    }
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `Mon, 02 Mar 2026 00:15:00 GMT`, for the `Date` header.
pub(crate) fn http_date(micros: i64) -> String {
    timestamp(micros)
        .to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// `2026-03-02T00:15:00.000Z`, HubSpot's spelling.
pub(crate) fn utc_millis(micros: i64) -> String {
    format!("{:.3}", timestamp(micros))
}

/// Halaxy's practice lies in eastern Australia. A POSIX rule, so that no time zone files are needed.
pub(crate) fn practice_zone() -> TimeZone {
    static ZONE: LazyLock<TimeZone> =
        LazyLock::new(|| TimeZone::posix("AEST-10AEDT,M10.1.0,M4.1.0/3").unwrap_or(TimeZone::UTC));
    ZONE.clone()
}

/// `2026-03-02T10:15:00+11:00`, Halaxy's spelling; with milliseconds if `millis`.
pub(crate) fn practice_instant(micros: i64, millis: bool) -> String {
    let format = if millis {
        "%Y-%m-%dT%H:%M:%S%.3f%:z"
    } else {
        "%Y-%m-%dT%H:%M:%S%:z"
    };
    timestamp(micros).to_zoned(practice_zone()).strftime(format).to_string()
}

/// The stretch of time (first and last microsecond) that a search value names: a day, a second or an instant.
pub(crate) fn span_of(text: &str) -> Option<(i64, i64)> {
    let zone = practice_zone();
    if let Ok(date) = text.parse::<civil::Date>()
        && !text.contains('T')
    {
        let start = date.to_zoned(zone.clone()).ok()?;
        let end = date.tomorrow().ok()?.to_zoned(zone).ok()?;
        return Some((start.timestamp().as_microsecond(), end.timestamp().as_microsecond() - 1));
    }
    let at = match text.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => text.parse::<civil::DateTime>().ok()?.to_zoned(zone).ok()?.timestamp(),
    };
    let at = at.as_microsecond();
    // A value without a fraction names its whole second.
    if text.contains('.') {
        Some((at, at))
    } else {
        Some((at, at + SECOND - 1))
    }
}

/// Whether `text` is a calendar date in ISO form.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_772_411_696_123_456; // 2026-03-02T00:34:56.123456Z

    #[test]
    fn every_product_has_its_own_spelling() {
        assert_eq!(http_date(NOON), "Mon, 02 Mar 2026 00:34:56 GMT");
        assert_eq!(utc_millis(NOON), "2026-03-02T00:34:56.123Z");
        assert_eq!(practice_instant(NOON, false), "2026-03-02T11:34:56+11:00");
        let winter = NOON + 120 * 86_400 * SECOND;
        assert_eq!(practice_instant(winter, true), "2026-06-30T10:34:56.123+10:00");
    }

    #[test]
    fn a_search_value_names_a_day_a_second_or_an_instant() {
        let (first, last) = span_of("2026-03-02").unwrap();
        assert_eq!(last - first + 1, 86_400 * SECOND);
        assert_eq!(practice_instant(first, false), "2026-03-02T00:00:00+11:00");
        let (first, last) = span_of("2026-03-02T11:34:56+11:00").unwrap();
        assert_eq!(
            (first, last),
            (NOON / SECOND * SECOND, NOON / SECOND * SECOND + SECOND - 1)
        );
        assert_eq!(span_of("2026-03-02T00:34:56.123456Z"), Some((NOON, NOON)));
        assert_eq!(span_of("yesterday"), None);
    }
}
