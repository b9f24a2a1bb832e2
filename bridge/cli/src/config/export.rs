//! `[export]`: which privacy classes may leave the bridge as exports; `[warehouse]`: a database of the user's that is kept
//! as an export would show it.

use super::privacy::Destination;
use super::reader::{Reader, Table};
use super::secret::SecretRef;
use bridge_core::config_problem::{Keys, suggestion};
use bridge_export::Grant;
use bridge_export::entities::NAMES;
use std::time::Duration;

/// How often the warehouse is brought up to date unless said otherwise.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// What `[export]` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportConfig {
    /// Classes that may be exported; none unless said.
    pub classes: Grant,
    /// Who gets the files, where and what for.
    pub destination: Option<Destination>,
}

/// What `[warehouse]` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseConfig {
    /// Where the address is, which holds a password.
    pub url: SecretRef,
    /// The schema.
    pub schema: String,
    /// Names of the entities.
    pub entities: Vec<String>,
    /// How often it is brought up to date.
    pub every: Duration,
    /// Who keeps it, where and what for.
    pub destination: Option<Destination>,
    /// Line of the section.
    pub line: usize,
}

impl<'s> Reader<'s> {
    pub(super) fn export(&mut self, table: Option<Table<'_, 's>>) -> ExportConfig {
        let Some((table, span)) = table else {
            return ExportConfig::default();
        };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let classes = keys.optional("classes");
        let destination = keys.optional("destination");
        self.problems.extend(keys.finish());
        let destination = self.destination_of("export", destination);
        let Some(value) = classes else {
            return ExportConfig {
                destination,
                ..ExportConfig::default()
            };
        };
        let words = value.get_ref().as_array().map(|list| {
            let words = list.iter().map(|item| item.get_ref().as_str().unwrap_or_default());
            words.collect::<Vec<_>>()
        });
        match Grant::of(words.unwrap_or_else(|| vec![""])) {
            Ok(classes) => ExportConfig { classes, destination },
            Err(error) => {
                let remedy = "Write classes = [\"identity\", \"contact\"]: what may leave the bridge as files.";
                self.note(value.span(), error.to_string(), remedy);
                ExportConfig::default()
            }
        }
    }

    pub(super) fn warehouse(&mut self, table: Option<Table<'_, 's>>) -> Option<WarehouseConfig> {
        let (table, span) = table?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let url = keys.text("url");
        let schema = keys.text("schema");
        let entities = keys.optional("entities");
        let every = keys.optional_text("every");
        let destination = keys.optional("destination");
        self.problems.extend(keys.finish());
        let destination = self.destination_of("warehouse", destination);
        let line = source.line(span.start);
        let every = self
            .duration("every", every)
            .unwrap_or(EVERY)
            .max(Duration::from_secs(1));
        let mut names = vec![];
        match entities.map(|value| (value.get_ref().as_array(), value.span())) {
            Some((Some(list), _)) => {
                for item in list.iter() {
                    let name = item.get_ref().as_str().unwrap_or_default();
                    if NAMES.contains(&name) {
                        names.push(name.to_string());
                    } else {
                        let near = suggestion(name, &NAMES);
                        self.note(
                            item.span(),
                            format!("`{name}` cannot be exported"),
                            format!("{near} `halaxy-bridge export --list` names all: {}.", NAMES.join(", ")),
                        );
                    }
                }
            }
            other => {
                let span = other.map_or(span, |(_, span)| span);
                let remedy = "Write entities = [\"people\", \"appointments\", \"invoices\"].";
                self.note(span, "[warehouse] does not list its `entities`", remedy);
            }
        }
        names.sort();
        names.dedup();
        let (schema, at) = schema?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let fits =
            schema.len() <= 60 && schema.chars().all(plain) && schema.starts_with(|c: char| c.is_ascii_lowercase());
        if !fits || schema.starts_with("pg_") || schema == "information_schema" {
            self.note(
                at,
                format!("`{schema}` cannot be the warehouse's schema"),
                "Write schema = \"practice\": small letters, digits and _; a schema of its own.",
            );
            return None;
        }
        let (text, at) = url?;
        Some(WarehouseConfig {
            url: self.secret("url", text, at)?,
            schema: schema.into(),
            entities: names,
            every,
            destination,
            line,
        })
    }
}
