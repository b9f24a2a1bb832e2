//! What a product sends by itself.

use super::Condition;
use crate::place::Place;
use adapter_kit::webhook::{News, Signature};
use std::ops::Range;

/// Webhooks of a product.
#[derive(Clone, Debug)]
pub struct WebhookSpec {
    /// How it proves that a request is its own.
    pub signature: Signature,
    /// Where the events stand in a body.
    pub events: Place,
    /// What together tells a repetition of an event from another event; nothing if all events differ.
    pub event: Vec<Place>,
    /// Which events mean what; the first rule that matches counts, and what none matches is left alone.
    pub rules: Vec<EventRule>,
}

/// What one sort of event means.
#[derive(Clone, Debug)]
pub struct EventRule {
    /// What the event says.
    pub when: Condition,
    /// The kind it is about.
    pub kind: String,
    /// What happened.
    pub means: News,
    /// Where the ids of the records concerned stand; some may be missing.
    pub ids: Vec<Place>,
    /// Where the rule stands in the file.
    pub(crate) span: Range<usize>,
}
