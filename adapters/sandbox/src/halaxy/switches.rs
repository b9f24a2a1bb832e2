//! What nobody outside Halaxy knows for sure (halaxy-api.md sections 9 and 12), as switches.

use serde::{Deserialize, Serialize};

use crate::options::Manners;

/// How exactly `meta.lastUpdated` and `created` are shown and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Whole seconds.
    Second,
    /// Milliseconds.
    Milli,
}

/// What a call with an expired token is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiredAnswer {
    /// 401 with an OperationOutcome whose code is `expired`.
    #[serde(rename = "outcome401")]
    Outcome401,
    /// 401 with `{error, error_description, message}`.
    #[serde(rename = "error401")]
    Error401,
    /// 200 with an OperationOutcome whose code is `expired`.
    #[serde(rename = "outcome200")]
    Outcome200,
}

/// What a read of a removed or merged patient is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoneAnswer {
    /// 404 with `not-found`.
    NotFound,
    /// 410 with `deleted`.
    Gone,
    /// A merged patient answers with the survivor's record and id; a removed one is not found.
    Survivor,
}

/// The switches. Each starts as the research's default, changed only where nasty manners say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HalaxySwitches {
    /// How many milliseconds the product's clock is ahead of ours; behind if negative.
    pub clock_ahead_ms: i64,
    /// How long a token really works, in seconds, whatever `expires_in` says.
    pub token_life_seconds: u32,
    /// Requests a minute per client.
    pub requests_per_minute: usize,
    /// The largest page; more is clamped.
    pub count_cap: usize,
    /// The page size when none is asked for.
    pub count_default: usize,
    /// Precision of `meta.lastUpdated`.
    pub precision: Precision,
    /// The status of a creation: 201 or 200.
    pub create_status: u16,
    /// Whether a creation sends `Location`.
    pub create_location: bool,
    /// Whether answers carry a weak `ETag`, which is ignored when it comes back.
    pub etag: bool,
    /// Whether a null in a merge-patch clears the member; otherwise it is passed over.
    pub null_clears: bool,
    /// Whether a write that changes nothing moves `_lastUpdated`.
    pub noop_write_moves_last_updated: bool,
    /// Whether a status change made in the product moves `_lastUpdated`.
    pub status_moves_last_updated: bool,
    /// Whether the preferred name is stored before the official one.
    pub preferred_name_first: bool,
    /// Whether PATCH is refused (415) unless it is sent as `application/merge-patch+json`.
    pub patch_needs_merge_patch: bool,
    /// Answers to an expired token; one of them is drawn each time.
    pub expired: Vec<ExpiredAnswer>,
    /// Answer to a read of a removed patient.
    pub removed: GoneAnswer,
    /// Answer to a read of a patient that was merged into another.
    pub merged: GoneAnswer,
    /// Patient filters that are taken without error and do nothing, besides those nobody knows.
    pub ignored_filters: Vec<String>,
    /// `{Resource}.read` and `{Resource}.write` that the key's scopes lack.
    pub missing_scopes: Vec<String>,
    /// Of a hundred list answers, how many carry a warning entry.
    pub warning_percent: u32,
    /// Of a hundred reads and lists, how many are an OperationOutcome in a 200.
    pub outcome_percent: u32,
    /// Of a hundred later pages, before how many a background job touches a patient, which moves rows between pages.
    pub touch_percent: u32,
    /// Whether phone numbers are stored without blanks.
    pub respell_phones: bool,
    /// Whether rows with equal sort values come in an order that is not that of their ids.
    pub scattered_ties: bool,
    /// Whether a change of a line or payment moves the `_lastUpdated` of its invoice.
    pub children_move_invoice: bool,
    /// Whether a change of an appointment that is not of its times moves its `lastUpdated`; unknown of Halaxy, which turns
    /// booked into attended by itself.
    pub status_moves_appointment: bool,
    /// Whether every other invoice shows its recipient as a list.
    pub recipient_as_list: bool,
    /// Whether every other line calls its prices `priceComponent`.
    pub short_price_name: bool,
    /// Whether every other refund shows a negative amount.
    pub refunds_negative: bool,
}

impl HalaxySwitches {
    /// The switches as some manners set them.
    pub fn for_manners(manners: Manners) -> Self {
        let nasty = manners == Manners::Nasty;
        let polite = manners == Manners::Polite;
        Self {
            clock_ahead_ms: if nasty { -2_300 } else { 0 },
            token_life_seconds: if polite { 3_600 } else { 900 },
            requests_per_minute: if polite { 1_000_000 } else { 500 },
            count_cap: 100,
            count_default: 30,
            precision: Precision::Second,
            create_status: 201,
            create_location: false,
            etag: !polite,
            null_clears: true,
            noop_write_moves_last_updated: !polite,
            status_moves_last_updated: true,
            preferred_name_first: !polite,
            patch_needs_merge_patch: true,
            expired: if nasty {
                vec![
                    ExpiredAnswer::Outcome401,
                    ExpiredAnswer::Error401,
                    ExpiredAnswer::Outcome200,
                ]
            } else {
                vec![ExpiredAnswer::Outcome401]
            },
            removed: GoneAnswer::NotFound,
            merged: if nasty {
                GoneAnswer::Survivor
            } else {
                GoneAnswer::NotFound
            },
            ignored_filters: if nasty {
                vec!["phone".into(), "general-practitioner".into()]
            } else {
                Vec::new()
            },
            missing_scopes: Vec::new(),
            warning_percent: if nasty { 20 } else { 0 },
            outcome_percent: u32::from(nasty),
            touch_percent: if nasty { 10 } else { 0 },
            respell_phones: nasty,
            scattered_ties: nasty,
            children_move_invoice: !nasty,
            status_moves_appointment: true,
            recipient_as_list: nasty,
            short_price_name: nasty,
            refunds_negative: nasty,
        }
    }
}

impl Default for HalaxySwitches {
    fn default() -> Self {
        Self::for_manners(Manners::Real)
    }
}
