//! What an answer means. Products differ; [`StatusVerdicts`] is what HTTP says by itself.

use crate::transport::HttpResponse;
use bridge_core::Time;
use std::time::Duration;

/// What an answer means for the call that got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A good answer.
    Fine,
    /// The token is not valid (any more): nothing was processed; a new token may help.
    Expired,
    /// Too many calls: nothing was processed.
    Throttled(Option<Duration>),
    /// The day's calls are used up: nothing was processed.
    DayBudget(Option<Duration>),
    /// The credentials are wrong for good.
    Auth,
    /// This resource is not ours to use.
    Scope,
    /// No such record.
    Missing,
    /// The record moved since the guard.
    Moved,
    /// Failed for now. Reads are repeated; of a write nobody knows.
    Transient,
    /// Failed for now, and provably not processed.
    NotNow(Option<Duration>),
    /// The request is refused; repeating does not help.
    Refused(String),
    /// An answer that makes no sense.
    Protocol,
}

/// Tells what answers mean for one product.
pub trait Verdicts: Send + Sync {
    /// The meaning of one answer; `now` is the bridge's clock, for absolute retry times.
    fn of(&self, response: &HttpResponse, now: Time) -> Verdict;
}

/// What the status and `Retry-After` say, and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusVerdicts;

impl Verdicts for StatusVerdicts {
    fn of(&self, response: &HttpResponse, now: Time) -> Verdict {
        match response.status.as_u16() {
            200..=299 => Verdict::Fine,
            401 => Verdict::Expired,
            403 => Verdict::Scope,
            404 | 410 => Verdict::Missing,
            412 => Verdict::Moved,
            429 => Verdict::Throttled(retry_after(response, now)),
            501 => Verdict::Refused("501".into()),
            408 | 500..=599 => Verdict::Transient,
            status @ 400..=499 => Verdict::Refused(status.to_string()),
            _ => Verdict::Protocol,
        }
    }
}

/// The wait that `Retry-After` asks for, as seconds or as a date; capped at a day.
pub fn retry_after(response: &HttpResponse, now: Time) -> Option<Duration> {
    let text = response.header("retry-after")?;
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Duration::from_secs_f64(seconds.min(86_400.0)),
        Ok(_) => return None,
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
            at.saturating_sub(Duration::from_micros(u64::try_from(now).ok()?))
        }
    };
    Some(wait.min(Duration::from_secs(86_400)))
}
