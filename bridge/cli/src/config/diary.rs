//! `[diary]`: which CRM shows appointments as activities of its contacts, and what they tell.

use super::SystemConfig;
use super::reader::{Reader, Table};
use bridge_core::Class;
use bridge_core::config_problem::{Keys, suggestion};
use bridge_core::diary::{Edits, Outcome, Rules, Tell};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// Units that are worked out from appointments.
pub const UNITS: [&str; 2] = ["last_visit", "next_visit"];
const TELL: [(&str, Tell); 3] = [
    ("service", Tell::Service),
    ("practitioner", Tell::Practitioner),
    ("comment", Tell::Comment),
];

/// What `[diary]` asks for.
#[derive(Clone, Debug)]
pub struct DiaryConfig {
    /// The CRM, by name.
    pub system: String,
    /// What the practice decided.
    pub rules: Rules,
    /// Why more than the least is told, if it is.
    pub purpose: Option<String>,
    /// What becomes of edits made in the CRM.
    pub edits: Edits,
    /// How far back visits are read again while nobody said how they went.
    pub again: Duration,
    /// How often that is done.
    pub look_every: Duration,
    /// Whether a CRM is told the months of the last and next visit.
    pub months: bool,
}

impl<'s> Reader<'s> {
    pub(super) fn diary(
        &mut self,
        table: Option<Table<'_, 's>>,
        systems: &BTreeMap<String, SystemConfig>,
        home: &str,
        zone: Option<&str>,
    ) -> Option<DiaryConfig> {
        let (table, span) = table?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let system = keys.optional_text("system");
        let title = keys.optional_text("title").map_or("Appointment", |(text, _)| text);
        let place = keys.optional_flag("place").unwrap_or(true);
        let tell = keys.optional("tell");
        let purpose = keys.optional_text("purpose").map(|(text, _)| text.trim().to_string());
        let statuses = keys.optional("statuses");
        let (back, forward) = (keys.optional_text("back"), keys.optional_text("forward"));
        let (again, look) = (keys.optional_text("again"), keys.optional_text("look_every"));
        let edits = keys.optional_text("edits");
        let words = [("leave", Edits::Leave), ("restore", Edits::Restore)];
        let edits = edits.and_then(|(text, span)| keys.word("edits", text, span, &words));
        self.problems.extend(keys.finish());
        let keeps = |system: &&SystemConfig| system.file.as_ref().is_some_and(|file| file.activities.is_some());
        let fit: Vec<&str> = systems.values().filter(keeps).map(|s| s.name.as_str()).collect();
        let system = match (system, fit.as_slice()) {
            (Some((name, _)), _) if fit.contains(&name) => name.to_string(),
            (None, [only]) => (*only).to_string(),
            (named, _) => {
                let (name, at) = named.unwrap_or(("", span));
                self.note(
                    at,
                    format!("[diary] needs a system that keeps activities; `{name}` is none"),
                    format!(
                        "{} Write system = \"crm\"; its connector must have a section [activities].",
                        suggestion(name, &fit)
                    ),
                );
                return None;
            }
        };
        let receives = systems
            .get(&system)
            .map(|s| s.may_receive.contains(&Class::Appointment));
        if receives == Some(false) {
            self.note(
                span.clone(),
                format!("{system} may not receive what is about appointments"),
                format!(
                    "Add \"appointment\" to may_receive in [systems.{system}] if appointments are meant to go there."
                ),
            );
        }
        let mut told = BTreeSet::new();
        if let Some(value) = tell {
            let known: Vec<&str> = TELL.iter().map(|(word, _)| *word).collect();
            for item in value.get_ref().as_array().into_iter().flat_map(|list| list.iter()) {
                let word = item.get_ref().as_str().unwrap_or_default();
                match TELL.iter().find(|(name, _)| *name == word) {
                    Some((_, tell)) => drop(told.insert(*tell)),
                    None => self.note(
                        item.span(),
                        format!("`{word}` is nothing that can be told"),
                        format!("{} Choose among {}.", suggestion(word, &known), known.join(", ")),
                    ),
                }
            }
            if value.get_ref().as_array().is_none() {
                self.note(
                    value.span(),
                    "`tell` must be a list",
                    "Write tell = [\"practitioner\"].",
                );
            }
            if !told.is_empty() && purpose.as_deref().unwrap_or_default().is_empty() {
                self.note(
                    value.span(),
                    "what is told of a visit besides the least needs a purpose",
                    "Write purpose = \"...\": why the CRM has to know it; it is part of what the practice can be asked for.",
                );
            }
        }
        let mut own = BTreeMap::new();
        if let Some(value) = statuses {
            let table = value.get_ref().as_table();
            for (status, outcome) in table.into_iter().flat_map(|table| table.iter()) {
                match outcome.get_ref().as_str().and_then(Outcome::named) {
                    Some(outcome) => drop(own.insert(status.get_ref().trim().to_lowercase(), outcome)),
                    None => self.note(
                        outcome.span(),
                        format!("`{}` needs an outcome", status.get_ref()),
                        "Write scheduled, completed, cancelled or no_show.",
                    ),
                }
            }
            if table.is_none() {
                let remedy = "Write statuses = { \"late cancellation\" = \"cancelled\" }.";
                self.note(value.span(), "`statuses` must be a table", remedy);
            }
        }
        let maps = |system: &SystemConfig| {
            let paths = system.mapping.paths();
            system.name != home && paths.values().any(|unit| UNITS.contains(&unit.as_str()))
        };
        Some(DiaryConfig {
            rules: Rules {
                title: title.trim().to_string(),
                tell: told,
                place,
                statuses: own,
                back: self.duration("back", back).unwrap_or(30 * DAY),
                forward: self.duration("forward", forward).unwrap_or(180 * DAY),
                zone: zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC),
            },
            purpose,
            edits: edits.unwrap_or_default(),
            again: self.duration("again", again).unwrap_or(2 * DAY),
            look_every: self
                .duration("look_every", look)
                .unwrap_or(Duration::from_secs(15 * 60)),
            months: systems.values().any(maps),
            system,
        })
    }
}
