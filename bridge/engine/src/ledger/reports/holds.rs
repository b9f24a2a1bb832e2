//! What waits, those of one reason together.

use bridge_core::ledger::{Held, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Records that wait for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldGroup {
    /// Its name ([`Why::kind`]).
    #[serde(default)]
    pub kind: String,
    /// Why, in a bookkeeper's words.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// Which: `invoice 600001`, `payment 620001`.
    pub who: Vec<String>,
}

/// What waits, the most frequent reason first; `command` writes the commands that remedies name. What waits for its invoice is
/// told with the invoice.
pub fn hold_groups(held: &[Held], command: impl Fn(&str) -> String) -> Vec<HoldGroup> {
    let mut groups: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for h in held.iter().filter(|h| !matches!(h.why, Why::InvoiceHeld { .. })) {
        let reason = (h.why.text(), h.why.remedy_by(&command), h.why.kind());
        groups.entry(reason).or_default().push(h.source.to_string());
    }
    let mut groups: Vec<HoldGroup> = groups
        .into_iter()
        .map(|((why, remedy, kind), who)| HoldGroup { kind, why, remedy, who })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.who.len()));
    groups
}
