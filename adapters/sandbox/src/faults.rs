//! Faults on order and, in nasty manners, by chance.

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::options::Manners;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A status is answered and the call has no effect.
    Status,
    /// The call waits before its effect.
    Delay,
    /// The connection is cut before the effect.
    DropBefore,
    /// The connection is cut after the effect.
    DropAfter,
    /// The connection is cut at once, and the call has its effect `delay_ms` later, when nobody expects it any more.
    DropLate,
    /// The request takes effect twice, as when something on the way repeats it; a plain creation is never repeated,
    /// since nothing may repeat such a request by itself (RFC 9110 section 9.2.2).
    Duplicate,
}

/// An ordered fault, as `POST control/faults` takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// `halaxy`, `crm` or `books`; every system if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What goes wrong.
    pub fault: FaultKind,
    /// The status of a [`FaultKind::Status`]; 503 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The wait of a [`FaultKind::Delay`] or [`FaultKind::DropLate`] in milliseconds; 1,000 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// The share of calls it strikes, 0 to 1; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// After so many strikes it is used up; never if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Only calls with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls whose path contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
}

impl FaultRule {
    fn concerns(&self, system: &str, method: &str, path: &str) -> bool {
        self.system.as_deref().is_none_or(|name| name == system)
            && self
                .method
                .as_deref()
                .is_none_or(|name| name.eq_ignore_ascii_case(method))
            && self.path_contains.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// What strikes one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Strike {
    /// Wait so many microseconds before the effect.
    pub delay: u64,
    /// Answer this and do nothing.
    pub refuse: Option<u16>,
    /// Do it, then answer this.
    pub fail_after: Option<u16>,
    pub drop_before: bool,
    pub drop_after: bool,
    /// Cut at once and land so many microseconds later.
    pub drop_late: Option<u64>,
    pub duplicate: bool,
}

impl Strike {
    /// The name the call log shows.
    pub fn name(&self) -> Option<String> {
        let mut names = Vec::new();
        if self.drop_before {
            names.push("drop_before".to_owned());
        }
        if self.drop_after {
            names.push("drop_after".to_owned());
        }
        if self.drop_late.is_some() {
            names.push("drop_late".to_owned());
        }
        if let Some(status) = self.refuse {
            names.push(format!("status {status}"));
        }
        if let Some(status) = self.fail_after {
            names.push(format!("status {status} after the effect"));
        }
        if self.duplicate {
            names.push("duplicate".to_owned());
        }
        if self.delay > 0 {
            names.push("delay".to_owned());
        }
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// Decides what strikes a call: the ordered faults first, then chance.
pub(crate) fn strike(
    rules: &mut Vec<FaultRule>,
    manners: Manners,
    rng: &mut StdRng,
    system: &str,
    method: &str,
    path: &str,
) -> Strike {
    let mut strike = Strike::default();
    for rule in rules.iter_mut() {
        if !rule.concerns(system, method, path) || rule.count == Some(0) {
            continue;
        }
        let rate = rule.rate.unwrap_or(1.0).clamp(0.0, 1.0);
        if rate < 1.0 && !rng.random_bool(rate) {
            continue;
        }
        if let Some(count) = &mut rule.count {
            *count -= 1;
        }
        match rule.fault {
            FaultKind::Delay => strike.delay += rule.delay_ms.unwrap_or(1_000) * 1_000,
            FaultKind::Status => strike.refuse = Some(rule.status.unwrap_or(503)),
            FaultKind::DropBefore => strike.drop_before = true,
            FaultKind::DropAfter => strike.drop_after = true,
            FaultKind::DropLate => {
                strike.drop_late = Some(rule.delay_ms.unwrap_or(1_000) * 1_000);
            }
            FaultKind::Duplicate => strike.duplicate = true,
        }
    }
    rules.retain(|rule| rule.count != Some(0));
    if manners == Manners::Nasty && strike == Strike::default() {
        by_chance(&mut strike, rng);
    }
    strike
}

/// One call in forty fails; a few more are slow or come twice.
fn by_chance(strike: &mut Strike, rng: &mut StdRng) {
    match rng.random_range(0..1_000) {
        0..4 => strike.refuse = Some(429),
        4..8 => strike.refuse = Some(503),
        8..11 => strike.refuse = Some(500),
        11..15 => strike.fail_after = Some(502),
        15..20 => strike.drop_before = true,
        20..25 => strike.drop_after = true,
        25..28 => strike.duplicate = true,
        28..30 => strike.drop_late = Some(rng.random_range(200_000..3_000_000)),
        30..40 => strike.delay = rng.random_range(50_000..800_000),
        _ => {}
    }
}
