//! `[mirror]`: which of Halaxy's records beside people are followed.

use super::reader::{Reader, Table};
use adapter_halaxy::HalaxyMirror;
use adapter_kit::mirror::MirrorRules;
use bridge_core::config_problem::{Keys, suggestion};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often records are looked at unless said otherwise.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// How often complete listings are compared unless said otherwise.
const SWEEP_EVERY: Duration = Duration::from_secs(86_400);

/// What is mirrored, and how often it is looked at. Nothing, if no kinds are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorConfig {
    /// Resource types, e.g. `Appointment`.
    pub kinds: BTreeSet<String>,
    /// How often changes are asked for.
    pub every: Duration,
    /// How often complete listings are compared; `None`: never.
    pub sweep_every: Option<Duration>,
}

impl Default for MirrorConfig {
    fn default() -> Self {
        Self {
            kinds: BTreeSet::new(),
            every: EVERY,
            sweep_every: Some(SWEEP_EVERY),
        }
    }
}

impl MirrorConfig {
    /// Adds kinds that another section cannot do without.
    pub fn need(&mut self, kinds: &[&str]) {
        self.kinds.extend(kinds.iter().map(ToString::to_string));
    }
}

impl<'s> Reader<'s> {
    pub(super) fn mirror(&mut self, table: Option<Table<'_, 's>>) -> MirrorConfig {
        let mut mirror = MirrorConfig::default();
        let Some((table, span)) = table else { return mirror };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let kinds = keys.optional("kinds");
        let every = keys.optional_text("every");
        let sweep = keys.optional_text("sweep_every");
        self.problems.extend(keys.finish());
        let known = HalaxyMirror.kinds();
        match kinds.map(|value| (value.get_ref().as_array(), value.span())) {
            // A section without a list means all there is.
            None => mirror.need(known),
            Some((None, span)) => self.note(
                span,
                "`kinds` must be a list",
                "Write kinds = [\"Appointment\", \"Referral\"].",
            ),
            Some((Some(list), _)) => {
                for item in list.iter() {
                    let name = item.get_ref().as_str().unwrap_or_default();
                    if known.contains(&name) {
                        mirror.need(&[name]);
                    } else {
                        let hint = suggestion(name, known);
                        self.note(
                            item.span(),
                            format!("`{name}` cannot be mirrored{hint}"),
                            format!("Choose among {}.", known.join(", ")),
                        );
                    }
                }
            }
        }
        let shortest = Duration::from_secs(1);
        mirror.every = self.duration("every", every).unwrap_or(EVERY).max(shortest);
        mirror.sweep_every = match sweep {
            Some(("never", _)) => None,
            other => Some(self.duration("sweep_every", other).unwrap_or(SWEEP_EVERY).max(shortest)),
        };
        mirror
    }
}
