//! What differs between manners or is not known of the HubSpot-shaped CRM (vendor-apis.md section 1), as switches.

use serde::{Deserialize, Serialize};

use crate::options::Manners;

/// The switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubspotSwitches {
    /// How many milliseconds the product's clock is ahead of ours; behind if negative.
    pub clock_ahead_ms: i64,
    /// Calls in ten seconds, search not counted.
    pub requests_per_ten_seconds: usize,
    /// Calls a day.
    pub requests_per_day: u64,
    /// Searches a second.
    pub searches_per_second: usize,
    /// The shortest time in milliseconds until a write shows in search.
    pub index_lag_min_ms: u64,
    /// The longest.
    pub index_lag_max_ms: u64,
    /// The most hits one query can page through.
    pub search_window: usize,
    /// Whether the survivor of a merge gets a new id.
    pub merge_gives_new_id: bool,
    /// Whether mailboxes are stored in lower case.
    pub lower_case_email: bool,
    /// Whether phone numbers are stored in an international spelling.
    pub respell_phones: bool,
    /// Whether a write of equal values moves `lastmodifieddate`.
    pub noop_write_moves_modified: bool,
    /// Whether results of a batch come in another order than its inputs.
    pub shuffle_batches: bool,
    /// Properties that the account's own rules require of a new contact.
    pub required_on_create: Vec<String>,
    /// `crm.objects.contacts.read` and the like that the token lacks.
    pub missing_scopes: Vec<String>,
}

impl HubspotSwitches {
    /// The switches as some manners set them.
    pub fn for_manners(manners: Manners) -> Self {
        let nasty = manners == Manners::Nasty;
        let polite = manners == Manners::Polite;
        let (index_lag_min_ms, index_lag_max_ms) = match manners {
            Manners::Polite => (0, 0),
            Manners::Real => (300, 2_000),
            Manners::Nasty => (500, 6_000),
        };
        Self {
            clock_ahead_ms: if nasty { 900 } else { 0 },
            requests_per_ten_seconds: if polite { 1_000_000 } else { 190 },
            requests_per_day: if polite { 1_000_000_000 } else { 650_000 },
            searches_per_second: if polite { 100_000 } else { 4 },
            index_lag_min_ms,
            index_lag_max_ms,
            search_window: 10_000,
            merge_gives_new_id: nasty,
            lower_case_email: !polite,
            respell_phones: nasty,
            noop_write_moves_modified: nasty,
            shuffle_batches: nasty,
            required_on_create: Vec::new(),
            missing_scopes: Vec::new(),
        }
    }
}

impl Default for HubspotSwitches {
    fn default() -> Self {
        Self::for_manners(Manners::Real)
    }
}
