//! What time a product believes it is, from the `Date` headers of its answers.

use crate::clock::micros;
use bridge_core::Time;
use std::time::Duration;

/// Narrows down how far a product's clock is ahead of ours. A `Date` header is cut to whole
/// seconds and was written at some moment of the call, so each answer gives an interval; many
/// answers give a narrow one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerTime {
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    least: Time,
    most: Time,
    at: Time,
}

/// Two clocks part by no more than this share of the time that passes.
const DRIFT: Time = 10_000;

impl ServerTime {
    /// An answer with this `Date` came to a request that was under way from `began` to `ended`.
    pub fn learn(&mut self, date: Time, began: Time, ended: Time) {
        let seen = Known {
            least: date - ended,
            most: date + 1_000_000 - began,
            at: ended,
        };
        let known = match self.known {
            None => seen,
            Some(known) => {
                let drift = (ended - known.at).abs() / DRIFT;
                let least = seen.least.max(known.least - drift);
                let most = seen.most.min(known.most + drift);
                // One of the clocks was set: what was known is worth nothing.
                if least > most {
                    seen
                } else {
                    Known { least, most, at: ended }
                }
            }
        };
        self.known = Some(known);
    }

    /// The least the product's clock can have shown at a moment of ours.
    pub fn at_least(&self, at: Time) -> Option<Time> {
        self.known.map(|known| at + known.least)
    }

    /// The likeliest time on the product's clock at a moment of ours.
    pub fn at(&self, at: Time) -> Option<Time> {
        self.known.map(|known| at + (known.least + known.most) / 2)
    }
}

/// Reads a `Date` header.
pub(crate) fn parse_date(text: &str) -> Option<Time> {
    let at = httpdate::parse_http_date(text).ok()?;
    Some(micros(
        at.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_answers_narrow_the_offset_and_a_set_clock_starts_afresh() {
        let mut server = ServerTime::default();
        assert_eq!(server.at(0), None);
        // The product is 3.4 s ahead; its Date is cut to seconds; calls take 20 ms.
        for step in 0..50 {
            let began = 1_000_000_000 + step * 370_000;
            let date = (began + 10_000 + 3_400_000) / 1_000_000 * 1_000_000;
            server.learn(date, began, began + 20_000);
        }
        let now = 1_020_000_000;
        let least = server.at_least(now).expect("sound");
        assert!(least <= now + 3_400_000 && least > now + 3_300_000, "{least}");
        assert!((server.at(now).expect("sound") - now - 3_400_000).abs() < 60_000);
        server.learn(5_000_000_000, now, now + 20_000);
        assert!(server.at_least(now).expect("sound") >= 4_999_000_000);
    }
}
