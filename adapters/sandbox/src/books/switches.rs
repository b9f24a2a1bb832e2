//! What differs between manners or plans, or is not known of the accounting system (vendor-apis.md section 7), as
//! switches.

use serde::{Deserialize, Serialize};

use crate::options::Manners;

/// The switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BooksSwitches {
    /// How many milliseconds the product's clock is ahead of ours; behind if negative.
    pub clock_ahead_ms: i64,
    /// Calls in a minute, whose start differs from organisation to organisation.
    pub requests_per_minute: u64,
    /// Calls in a day: 5,000, or 1,000 on the lowest tier.
    pub requests_per_day: u64,
    /// Calls under way at once.
    pub concurrent: usize,
    /// The most elements in one call.
    pub elements_per_call: usize,
    /// The largest body in bytes.
    pub body_bytes: usize,
    /// How long an access token is good, in seconds.
    pub token_life_seconds: i64,
    /// For how many seconds a refresh token that was just used may be used again; 0 is never.
    pub refresh_grace_seconds: i64,
    /// How long an `Idempotency-Key` is remembered, in seconds.
    pub idempotency_seconds: i64,
    /// Whether, of a call refused for some of its elements, the others are kept all the same.
    pub keeps_the_good_of_a_refused_call: bool,
    /// Whether `If-Modified-Since` leaves out what changed in the very second it names.
    pub since_leaves_out_its_second: bool,
    /// Whether the sign-in also reaches a second organisation, whose books are not here.
    pub second_organisation: bool,
    /// Whether the organisation is connected; if not, its books answer 403.
    pub connected: bool,
    /// Whether somebody says no on the consent page.
    pub consent_refused: bool,
    /// Whether the person who consented may post into locked periods, as advisers may.
    pub passes_lock_dates: bool,
    /// Scopes (`accounting.payments`, ..) that tokens lack whatever was asked for.
    pub missing_scopes: Vec<String>,
}

impl BooksSwitches {
    /// The switches as some manners set them.
    pub fn for_manners(manners: Manners) -> Self {
        let nasty = manners == Manners::Nasty;
        let polite = manners == Manners::Polite;
        Self {
            clock_ahead_ms: if nasty { -1_700 } else { 0 },
            requests_per_minute: if polite { 1_000_000 } else { 60 },
            requests_per_day: if polite { 100_000_000 } else { 5_000 },
            concurrent: if polite { 1_000 } else { 5 },
            elements_per_call: if polite { 1_000 } else { 50 },
            body_bytes: 3_500_000,
            token_life_seconds: 1_800,
            refresh_grace_seconds: if nasty { 0 } else { 1_800 },
            idempotency_seconds: if nasty { 60 } else { 360 },
            keeps_the_good_of_a_refused_call: nasty,
            since_leaves_out_its_second: nasty,
            second_organisation: nasty,
            connected: true,
            consent_refused: false,
            passes_lock_dates: false,
            missing_scopes: Vec::new(),
        }
    }
}

impl Default for BooksSwitches {
    fn default() -> Self {
        Self::for_manners(Manners::Real)
    }
}
