//! `[ledger]`: which books the practice's invoices and payments go to, and by which rules.

use super::BooksConfig;
use super::reader::{Reader, Table};
use bridge_core::config_problem::Keys;
use bridge_core::ledger::Rules;
use jiff::civil::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often invoices and payments are looked at unless said otherwise.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// Calls of a night that may go into reading the books anew, where nothing is said of a plan: a fifth of Xero's smallest.
const PLAN: usize = 200;
/// The file with the posting rules unless said otherwise.
pub const RULES: &str = "ledger.toml";

/// What `[ledger]` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerConfig {
    /// The accounting system, by name.
    pub books: String,
    /// Posting rules.
    pub rules: Rules,
    /// Where they stand, as shown to people.
    pub file: String,
    /// How often invoices and payments are looked at.
    pub every: Duration,
    /// When everything is proved each night, on the practice's clock.
    pub prove_at: Time,
    /// Calls of a night that may go into reading the books from their beginning.
    pub reread: usize,
}

/// A fifth of the day's calls, so that looks and corrections keep the rest.
fn share(calls_per_day: u64) -> usize {
    usize::try_from(calls_per_day / 5).unwrap_or(PLAN).max(10)
}

impl<'s> Reader<'s> {
    pub(super) fn ledger(
        &mut self,
        table: Option<Table<'_, 's>>,
        books: &BTreeMap<String, BooksConfig>,
    ) -> Option<LedgerConfig> {
        let (table, span) = table?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let system = keys.optional_text("books");
        let file = keys.optional_text("rules");
        let every = keys.optional_text("every");
        let prove_at = keys.optional_text("prove_at");
        self.problems.extend(keys.finish());
        let name = match (system, books.len()) {
            (Some((name, _)), _) if books.contains_key(name) => name.to_owned(),
            (Some((name, at)), _) => {
                self.note(
                    at,
                    format!("`{name}` is no accounting system of this file"),
                    "Name a section [systems.NAME] whose connector keeps books, e.g. connector = \"xero\".",
                );
                return None;
            }
            (None, 1) => books.keys().next()?.clone(),
            (None, _) => {
                self.note(
                    span,
                    "[ledger] does not say which accounting system it is for",
                    "Add books = \"NAME\", and [systems.NAME] with connector = \"xero\".",
                );
                return None;
            }
        };
        let (relative, at) = file.unwrap_or((RULES, span));
        let Some((shown, text)) = (self.files)(relative) else {
            self.note(
                at,
                format!("the posting rules `{relative}` cannot be read"),
                "Write one with `halaxy-bridge init`, and name it with rules = \"ledger.toml\".",
            );
            return None;
        };
        let rules = match Rules::parse(&shown, &text) {
            Ok(rules) => rules,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        let every = self.duration("every", every).unwrap_or(EVERY);
        let prove_at = match prove_at {
            None => Time::constant(2, 30, 0, 0),
            Some((text, at)) => match text.parse() {
                Ok(time) => time,
                Err(_) => {
                    self.note(at, format!("`{text}` is no time of day"), "Write prove_at = \"02:30\".");
                    return None;
                }
            },
        };
        Some(LedgerConfig {
            rules,
            file: shown,
            every: every.max(Duration::from_secs(1)),
            reread: books.get(&name).and_then(|b| b.calls_per_day).map_or(PLAN, share),
            books: name,
            prove_at,
        })
    }
}
