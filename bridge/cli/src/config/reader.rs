//! What every section is read with: findings with their line, lengths of time, secrets, files.

use super::Files;
use super::secret::SecretRef;
use bridge_core::config_problem::{Problem, Source, suggestion};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads one `bridge.toml` and gathers what is wrong.
pub(super) struct Reader<'s> {
    pub source: Source<'s>,
    pub files: Files<'s>,
    pub path: &'s Path,
    pub problems: Vec<Problem>,
    pub entity_text: String,
    /// The service listens, and says where it is reached from outside.
    pub reachable: bool,
    /// Systems that keep books and hold no people.
    pub accounting: BTreeSet<String>,
}

/// A section and where it stands.
pub(super) type Table<'t, 'a> = (&'t DeTable<'a>, Range<usize>);

impl<'s> Reader<'s> {
    pub fn note(&mut self, span: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = self.source.problem(span, message, remedy);
        self.problems.push(problem);
    }

    pub fn table<'t, 'a>(
        &mut self,
        value: Option<&'t Spanned<DeValue<'a>>>,
        name: &str,
        example: &str,
    ) -> Option<Table<'t, 'a>> {
        match value.map(|v| (v.get_ref().as_table(), v.span())) {
            Some((Some(table), span)) => Some((table, span)),
            Some((None, span)) => {
                self.note(span, format!("`{name}` must be a section"), format!("Write {example}."));
                None
            }
            None => {
                self.note(
                    0..0,
                    format!("the section [{name}] is missing"),
                    format!("Add {example}."),
                );
                None
            }
        }
    }

    pub fn beside(&self, file: &str) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !Path::new(file).is_absolute() => folder.join(file),
            _ => PathBuf::from(file),
        }
    }

    pub fn secret(&mut self, key: &str, text: &str, span: Range<usize>) -> Option<SecretRef> {
        match SecretRef::parse(text) {
            Some(SecretRef::File(path)) => Some(SecretRef::File(self.beside(&path.to_string_lossy()))),
            Some(reference) => Some(reference),
            None => {
                self.note(
                    span,
                    format!("`{key}` must name where the secret is, never hold it"),
                    format!(
                        "Write {key} = \"env:NAME\" or {key} = \"file:PATH\"; if a real secret stood here, change it."
                    ),
                );
                None
            }
        }
    }

    pub fn duration(&mut self, key: &str, value: Option<(&str, Range<usize>)>) -> Option<Duration> {
        let (text, span) = value?;
        let parsed = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .and_then(|at| Some((text[..at].parse::<f64>().ok()?, &text[at..])))
            .and_then(|(number, unit)| {
                let seconds = match unit.trim() {
                    "ms" => 0.001,
                    "s" => 1.0,
                    "m" | "min" => 60.0,
                    "h" => 3_600.0,
                    "d" => 86_400.0,
                    _ => return None,
                };
                Duration::try_from_secs_f64(number * seconds).ok()
            });
        if parsed.is_none() {
            self.note(
                span,
                format!("`{text}` is no length of time"),
                format!("Write {key} = \"60s\" (ms, s, m, h or d)."),
            );
        }
        parsed
    }

    pub fn file(&mut self, relative: &str, span: Range<usize>) -> Option<(String, String)> {
        let found = (self.files)(relative);
        if found.is_none() {
            self.note(
                span,
                format!("there is no file {relative}"),
                "Put it beside bridge.toml; `halaxy-bridge init` writes the shipped ones as a start.",
            );
        }
        found
    }

    pub fn names(&mut self, key: &str, value: &Spanned<DeValue<'s>>, systems: &BTreeSet<String>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(list) = value.get_ref().as_array() else {
            self.note(
                value.span(),
                format!("`{key}` must be a list of systems"),
                format!("Write {key} = [\"crm\"]."),
            );
            return names;
        };
        for item in list.iter() {
            let name = item.get_ref().as_str().unwrap_or_default();
            if systems.contains(name) {
                names.insert(name.to_string());
            } else if self.accounting.contains(name) {
                self.note(
                    item.span(),
                    format!("`{name}` is an accounting system: it holds no people"),
                    "Leave it out here; its own section connects it.",
                );
            } else {
                let known: Vec<&str> = systems.iter().map(String::as_str).collect();
                let near = suggestion(name, &known);
                self.note(
                    item.span(),
                    format!("there is no system `{name}`"),
                    format!(
                        "{near} Add a section [systems.{name}], or name one of {}.",
                        known.join(", ")
                    ),
                );
            }
        }
        names
    }
}
