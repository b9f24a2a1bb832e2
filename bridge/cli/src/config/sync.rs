//! `[sync.person]`: which systems, what is created where, how often.

use super::reader::{Reader, Table};
use bridge_core::condition::Condition;
use bridge_core::config_problem::Keys;
use std::collections::BTreeSet;
use std::time::Duration;

/// What `[sync.person]` says.
pub(super) struct Sync {
    pub systems: BTreeSet<String>,
    pub create_in: BTreeSet<String>,
    pub create_when: Condition,
    pub poll_every: Duration,
    pub sweep_every: Option<Duration>,
    pub keep_losers: Duration,
}

impl<'s> Reader<'s> {
    pub(super) fn sync(&mut self, (table, span): Table<'_, 's>, systems: &BTreeSet<String>) -> Option<Sync> {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let person = keys.optional("person");
        self.problems.extend(keys.finish());
        let (table, span) = self.table(person, "sync.person", "[sync.person] with systems = [..]")?;
        let mut keys = Keys::new(&source, table, span.clone());
        let (names, create_in) = (keys.optional("systems"), keys.optional("create_in"));
        let create_when = keys.optional_text("create_when");
        let poll = keys.optional_text("poll_every");
        let sweep = keys.optional_text("sweep_every");
        let keep = keys.optional_text("keep_overruled");
        self.problems.extend(keys.finish());
        let names = match names {
            Some(value) => self.names("systems", value, systems),
            None => systems.clone(),
        };
        if names.len() < 2 {
            self.note(
                span,
                "a sync needs at least two systems",
                "Name them like systems = [\"halaxy\", \"crm\"].",
            );
        }
        let create_in = create_in
            .map(|value| self.names("create_in", value, systems))
            .unwrap_or_default();
        let create_when = match create_when {
            None => Condition::always(),
            Some((text, span)) => match Condition::parse(text) {
                Ok(condition) => condition,
                Err(error) => {
                    let remedy = "Write it like create_when = \"status in ['current', 'contact']\".";
                    self.note(span, format!("the condition is not understood: {error}"), remedy);
                    Condition::always()
                }
            },
        };
        let sweep_every = match sweep {
            Some(("never", _)) => None,
            other => Some(
                self.duration("sweep_every", other)
                    .unwrap_or(Duration::from_secs(86_400)),
            ),
        };
        Some(Sync {
            systems: names,
            create_in,
            create_when,
            poll_every: self.duration("poll_every", poll).unwrap_or(Duration::from_secs(60)),
            sweep_every,
            keep_losers: self
                .duration("keep_overruled", keep)
                .unwrap_or(Duration::from_secs(400 * 86_400)),
        })
    }
}
