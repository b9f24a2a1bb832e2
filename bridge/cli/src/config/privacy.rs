//! `[systems.NAME.destination]`: to whom personal data goes, where and why. `[retention]`: how long what is old is kept.

use super::reader::{Reader, Table};
use bridge_core::config_problem::Keys;
use bridge_engine::retention::Retention;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Who receives what is sent to a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// The company that receives it.
    pub name: String,
    /// Two letters of the country where it is kept, as the company says.
    pub country: String,
    /// What for, in words for patients.
    pub purpose: String,
    /// Where the contract or its terms are filed.
    pub contract: Option<String>,
    /// When somebody last looked at all this.
    pub reviewed: Option<Date>,
    /// Line of the section.
    #[serde(skip)]
    pub line: usize,
}

impl<'s> Reader<'s> {
    /// The destinations of all systems that state one.
    pub(super) fn destinations(&mut self, systems: &DeTable<'s>) -> BTreeMap<String, Destination> {
        let mut all = BTreeMap::new();
        for (name, value) in systems.iter() {
            let section = value.get_ref().as_table().and_then(|table| table.get("destination"));
            let Some(section) = section else { continue };
            let name = name.get_ref().to_string();
            let example = format!("[systems.{name}.destination] with name, country and purpose");
            if let Some(table) = self.table(Some(section), "destination", &example)
                && let Some(destination) = self.destination(table)
            {
                all.insert(name, destination);
            }
        }
        all
    }

    /// Of a section that is no system: `[export.destination]`, `[warehouse.destination]`.
    pub(super) fn destination_of(&mut self, name: &str, section: Option<&Spanned<DeValue<'s>>>) -> Option<Destination> {
        let example = format!("[{name}.destination] with name, country and purpose");
        let table = self.table(Some(section?), "destination", &example)?;
        self.destination(table)
    }

    fn destination(&mut self, (table, span): Table<'_, 's>) -> Option<Destination> {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let name = keys.text("name").map(|(text, _)| text.to_string());
        let country = keys.text("country");
        let purpose = keys.text("purpose").map(|(text, _)| text.to_string());
        let contract = keys.optional_text("contract").map(|(text, _)| text.to_string());
        let reviewed = keys.optional_text("reviewed");
        self.problems.extend(keys.finish());
        let country = country.and_then(|(text, span)| {
            let code = text.to_ascii_uppercase();
            if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
                return Some(code);
            }
            self.note(
                span,
                format!("`{text}` is no country code"),
                "Write the two letters of the country where it is kept, e.g. country = \"US\".",
            );
            None
        });
        let reviewed = reviewed.and_then(|(text, span)| {
            let date = text.parse::<Date>().ok();
            if date.is_none() {
                self.note(
                    span,
                    format!("`{text}` is no date"),
                    "Write it like reviewed = \"2026-11-23\".",
                );
            }
            date
        });
        Some(Destination {
            name: name?,
            country: country?,
            purpose: purpose?,
            contract,
            reviewed,
            line: source.line(span.start),
        })
    }

    pub(super) fn retention(&mut self, table: Option<Table<'_, 's>>) -> Retention {
        let mut keep = Retention::default();
        let Some((table, span)) = table else { return keep };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let given: Vec<_> = ["history", "sent_values", "mirror_gone", "runs", "faint"]
            .into_iter()
            .map(|key| (key, keys.optional_text(key)))
            .collect();
        self.problems.extend(keys.finish());
        for (key, text) in given {
            let spot = text.as_ref().map(|(_, span)| span.clone());
            let Some(kept) = self.duration(key, text) else { continue };
            // Shorter than a day, the daily task could not keep the promise, and lost answers could not be looked into.
            if kept < Duration::from_secs(86_400) {
                let remedy = format!("Write {key} = \"90d\"; a day at least.");
                self.note(spot.unwrap_or(0..0), format!("`{key}` is shorter than a day"), remedy);
            }
            match key {
                "history" => keep.history = kept,
                "sent_values" => keep.sent_values = kept,
                "mirror_gone" => keep.mirror_gone = kept,
                "runs" => keep.runs = kept,
                _ => keep.faint = kept,
            }
        }
        keep
    }
}
