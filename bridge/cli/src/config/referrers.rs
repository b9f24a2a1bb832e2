//! `[referrers]`: which CRM holds those who refer, and what it is told of them.

use super::SystemConfig;
use super::reader::{Reader, Table};
use bridge_core::care::refer::{KINDS, Rules, Sort};
use bridge_core::codec::Country;
use bridge_core::config_problem::{Keys, suggestion};
use std::collections::BTreeMap;

/// What `[referrers]` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferrersConfig {
    /// The CRM, by name.
    pub system: String,
    /// What the practice decided.
    pub rules: Rules,
}

impl ReferrersConfig {
    /// Kinds of records that it lives from.
    pub fn kinds() -> &'static [&'static str] {
        &KINDS
    }
}

impl<'s> Reader<'s> {
    pub(super) fn referrers_in(
        &mut self,
        table: Option<Table<'_, 's>>,
        systems: &BTreeMap<String, SystemConfig>,
        country: Country,
    ) -> Option<ReferrersConfig> {
        let (table, span) = table?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let system = keys.optional_text("system");
        let asked = [(Sort::Person, "people"), (Sort::Practice, "practices")]
            .map(|(sort, name)| (sort, name, keys.optional_flag(name)));
        let all = keys.optional_flag("all").unwrap_or(false);
        let counts = keys.optional_flag("counts").unwrap_or(true);
        self.problems.extend(keys.finish());
        let holds = |system: &&SystemConfig| system.file.as_ref().is_some_and(|file| !file.referrers.is_empty());
        let fit: Vec<&str> = systems.values().filter(holds).map(|s| s.name.as_str()).collect();
        let name = match (system, fit.as_slice()) {
            (Some((name, _)), _) if fit.contains(&name) => name.to_string(),
            (None, [only]) => (*only).to_string(),
            (named, _) => {
                let (name, at) = named.unwrap_or(("", span));
                self.note(
                    at,
                    format!("[referrers] needs a system that holds referrers; `{name}` is none"),
                    format!(
                        "{} Write system = \"crm\"; its connector must have a section [referrers].",
                        suggestion(name, &fit)
                    ),
                );
                return None;
            }
        };
        let file = systems.get(&name).and_then(|system| system.file.as_ref());
        let has = |sort| file.is_some_and(|file| file.referrers.contains_key(&sort));
        for (sort, word, said) in &asked {
            if *said == Some(true) && !has(*sort) {
                self.note(
                    span.clone(),
                    format!("the connector of {name} holds no {word} that refer"),
                    format!("Describe [referrers.{word}] in the connector file, or write {word} = false."),
                );
            }
        }
        let sorts = asked
            .into_iter()
            .filter(|(sort, _, said)| said.unwrap_or(true) && has(*sort));
        Some(ReferrersConfig {
            system: name.clone(),
            rules: Rules {
                sorts: sorts.map(|(sort, ..)| sort).collect(),
                all,
                counts,
                country,
            },
        })
    }
}
