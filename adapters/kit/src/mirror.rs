//! What of a product's records may be mirrored, and whom they concern.

use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A product's rules for the mirror: pure, and the only place that knows what its bodies hold.
pub trait MirrorRules: Send + Sync {
    /// Kinds that can be mirrored, what others refer to first.
    fn kinds(&self) -> &'static [&'static str];

    /// The kind of its records of people.
    fn person_kind(&self) -> &'static str;

    /// A body without what must not be kept.
    fn keep(&self, kind: &str, body: Json) -> Json;

    /// Ids of the people (records of [`MirrorRules::person_kind`]) that a body names.
    fn people(&self, kind: &str, body: &Json) -> BTreeSet<String>;

    /// Kinds of which a person's own records are looked up, so that it is kept in an index whom they are about.
    fn by_person(&self) -> &'static [&'static str];

    /// Grows when [`MirrorRules::keep`] keeps more: everything is read again then.
    fn version(&self) -> u32;
}
