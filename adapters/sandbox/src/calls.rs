//! The log of API calls, and the hook through which a simulation acts around each of them.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;

use crate::clock::utc_millis;

/// How many calls are kept.
const KEPT: usize = 200_000;

/// One API call received, as `GET control/calls` shows it. Bodies are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Counts from 1.
    pub n: u64,
    /// When it came, by the product's clock, UTC.
    pub at: String,
    /// `halaxy`, `crm` or `books`.
    pub system: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent, empty if there is none.
    pub query: String,
    /// What was answered; `None` if the connection was cut, or the answer is not out yet.
    pub status: Option<u16>,
    /// The fault or quirk that was at work.
    pub fault: Option<String>,
}

/// Where a call stands when the hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has arrived and has had no effect yet.
    Arrived,
    /// It has had its effect and the answer is not out yet.
    Applied,
}

/// What the hook is told of a call.
#[derive(Debug, Clone)]
pub struct CallInfo {
    /// The call's number in the log.
    pub n: u64,
    /// When it came, in microseconds since 1970.
    pub at_micros: i64,
    /// `halaxy`, `crm` or `books`.
    pub system: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The request's body.
    pub body: Bytes,
    /// Before or after the effect.
    pub phase: Phase,
    /// The status about to be answered, in [`Phase::Applied`].
    pub status: Option<u16>,
}

/// What the hook wants to happen with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Go,
    /// Cut the connection: before the effect or after it, by the phase.
    Cut,
    /// In [`Phase::Arrived`]: cut the connection now and let the call have its effect after so many microseconds.
    CutThenLand(u64),
    /// Answer this status instead; in [`Phase::Arrived`] the call then has no effect.
    Status(u16),
    /// Go on after so many microseconds.
    Delay(u64),
}

/// A hook; runs while no lock is held, so it may act on the sandbox.
pub(crate) type Hook = std::sync::Arc<dyn Fn(&CallInfo) -> Verdict + Send + Sync>;

/// The calls received.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    kept: VecDeque<CallRecord>,
    last: u64,
}

impl CallLog {
    /// Notes an arrival and gives it its number.
    pub fn arrived(&mut self, at: i64, system: &'static str, method: &str, path: &str, query: &str) -> u64 {
        self.last += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(CallRecord {
            n: self.last,
            at: utc_millis(at),
            system,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            status: None,
            fault: None,
        });
        self.last
    }

    /// Notes how a call ended.
    pub fn ended(&mut self, n: u64, status: Option<u16>, fault: Option<String>) {
        let first = self.kept.front().map_or(n + 1, |call| call.n);
        if let Some(call) = n.checked_sub(first).and_then(|index| self.kept.get_mut(index as usize)) {
            call.status = status;
            call.fault = fault;
        }
    }

    /// The calls after number `n`.
    pub fn after(&self, n: u64) -> Vec<CallRecord> {
        let first = self.kept.front().map_or(1, |call| call.n);
        let skip = (n + 1).saturating_sub(first) as usize;
        self.kept.iter().skip(skip).cloned().collect()
    }
}
