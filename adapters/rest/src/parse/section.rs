//! Reads a table of a connector file key by key. Every finding knows its line; keys that nobody
//! asked for are refused with the nearest known one.

use bridge_core::config_problem::{Keys, Problem, Source};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type Span = Range<usize>;
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// One table while it is read.
pub(super) struct Section<'s, 'a, 't> {
    pub(super) keys: Keys<'s, 'a, 't>,
    pub(super) source: &'s Source<'a>,
    table: &'t DeTable<'a>,
    span: Span,
    pub(super) findings: Vec<Problem>,
    /// Variables that templates in this table may name.
    pub(super) scope: Vec<&'static str>,
}

impl<'s, 'a, 't> Section<'s, 'a, 't> {
    pub fn new(source: &'s Source<'a>, table: &'t DeTable<'a>, span: Span) -> Self {
        Section {
            keys: Keys::new(source, table, span.clone()),
            source,
            table,
            span,
            findings: Vec::new(),
            scope: Vec::new(),
        }
    }

    /// Templates in this table, and in tables below it, may name these variables.
    pub fn scope(&mut self, names: &[&'static str]) {
        self.scope = names.to_vec();
    }

    pub fn span(&self) -> Span {
        self.span.clone()
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub fn note(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        let finding = self.source.problem(span, message, remedy);
        self.findings.push(finding);
    }

    /// All findings, unknown keys among them.
    pub fn finish(self) -> Vec<Problem> {
        let mut findings = self.keys.finish();
        findings.extend(self.findings);
        findings
    }

    /// The value of a key as it stands.
    pub fn raw(&mut self, key: &'static str) -> Option<&'t Node<'a>> {
        self.keys.optional(key)
    }

    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.keys.optional_text(key).map(|(text, _)| text.to_string())
    }

    pub fn text_at(&mut self, key: &'static str) -> Option<(String, Span)> {
        self.keys
            .optional_text(key)
            .map(|(text, span)| (text.to_string(), span))
    }

    pub fn needed_text(&mut self, key: &'static str) -> String {
        self.keys
            .text(key)
            .map(|(text, _)| text.to_string())
            .unwrap_or_default()
    }

    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.keys.optional_flag(key)
    }

    pub fn number(&mut self, key: &'static str) -> Option<u64> {
        let node = self.keys.optional(key)?;
        let number = node
            .get_ref()
            .as_integer()
            .and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        if number.is_none_or(|number| number == 0) {
            self.note(
                node.span(),
                format!("`{key}` must be a whole number above 0"),
                format!("Write {key} = 100."),
            );
            return None;
        }
        number
    }

    pub fn count(&mut self, key: &'static str) -> Option<usize> {
        self.number(key)
            .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// The number of the first page: 0 or 1.
    pub fn first_page(&mut self) -> u64 {
        let Some(node) = self.keys.optional("first") else {
            return 1;
        };
        match node.get_ref().as_integer().map(|number| number.as_str()) {
            Some("0") => 0,
            Some("1") => 1,
            _ => {
                self.note(node.span(), "`first` must be 0 or 1", "Write first = 1.");
                1
            }
        }
    }

    /// A time such as `"500ms"`, `"10s"`, `"5m"`, `"1h"`, `"1d"`.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let (text, span) = self.text_at(key)?;
        let parsed = parse_duration(&text);
        if parsed.is_none() {
            self.note(
                span,
                format!("`{text}` is no length of time"),
                format!("Write {key} = \"10s\" (units: ms, s, m, h, d)."),
            );
        }
        parsed
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, span) = self.text_at(key)?;
        self.keys.word(key, &text, span, words)
    }

    /// A list of texts; one text alone is a list of one.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(node) = self.keys.optional(key) else {
            return Vec::new();
        };
        self.scalars(node)
    }

    /// A table of plain texts.
    pub fn dictionary(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(table) = self.table_of(key) else {
            return BTreeMap::new();
        };
        let mut texts = BTreeMap::new();
        for (name, node) in table.iter() {
            match node.get_ref().as_str() {
                Some(text) => {
                    texts.insert(name.get_ref().to_string(), text.to_string());
                }
                None => self.note(
                    node.span(),
                    format!("`{}` must be text", name.get_ref()),
                    "Put it in quotes.",
                ),
            }
        }
        texts
    }

    pub(super) fn scalars(&mut self, node: &Node<'a>) -> Vec<String> {
        let elements: Vec<&Node<'a>> = match node.get_ref() {
            DeValue::Array(elements) => elements.iter().collect(),
            _ => vec![node],
        };
        let mut texts = Vec::new();
        for element in elements {
            match element.get_ref() {
                DeValue::String(text) => texts.push(text.to_string()),
                DeValue::Integer(number) => texts.push(number.to_string()),
                DeValue::Boolean(flag) => texts.push(flag.to_string()),
                _ => self.note(
                    element.span(),
                    "text expected here",
                    "Write \"..\" or [\"..\", \"..\"].",
                ),
            }
        }
        texts
    }

    pub(super) fn table_of(&mut self, key: &'static str) -> Option<&'t DeTable<'a>> {
        let node = self.keys.optional(key)?;
        let table = node.get_ref().as_table();
        if table.is_none() {
            self.note(
                node.span(),
                format!("`{key}` must be a table"),
                format!("Write {key} = {{ .. }}."),
            );
        }
        table
    }

    /// Reads the table of a key.
    pub fn section<R>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'s, 'a, 't>) -> R) -> Option<R> {
        let span = self.keys.optional(key).map(Spanned::span)?;
        let table = self.table_of(key)?;
        Some(self.below(table, span, read))
    }

    /// Reads every table of a list of tables; one table alone is a list of one.
    pub fn tables<R>(&mut self, key: &'static str, read: impl FnMut(&mut Section<'s, 'a, 't>) -> R) -> Vec<R> {
        let lone = self
            .table
            .get(key)
            .is_some_and(|node| node.get_ref().as_table().is_some());
        if lone {
            self.section(key, read).into_iter().collect()
        } else {
            self.sections(key, read)
        }
    }

    /// Reads every table of a list of tables.
    pub fn sections<R>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'s, 'a, 't>) -> R) -> Vec<R> {
        let Some(node) = self.keys.optional(key) else {
            return Vec::new();
        };
        let Some(elements) = node.get_ref().as_array() else {
            self.note(
                node.span(),
                format!("`{key}` must be a list of tables"),
                format!("Write [[{key}]] or {key} = [{{ .. }}]."),
            );
            return Vec::new();
        };
        let mut out = Vec::new();
        for element in elements.iter() {
            match element.get_ref().as_table() {
                Some(table) => out.push(self.below(table, element.span(), &mut read)),
                None => self.note(element.span(), format!("`{key}` must hold tables"), "Write { .. }."),
            }
        }
        out
    }

    /// Reads every table of a table, by name.
    pub fn named<R>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'s, 'a, 't>, &str) -> R,
    ) -> Vec<(String, R)> {
        let Some(table) = self.table_of(key) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (name, node) in table.iter() {
            match node.get_ref().as_table() {
                Some(inner) => {
                    let read = self.below(inner, node.span(), |section| read(section, name.get_ref()));
                    out.push((name.get_ref().to_string(), read));
                }
                None => self.note(
                    node.span(),
                    format!("`{}` must be a table", name.get_ref()),
                    "Write { .. }.",
                ),
            }
        }
        out
    }

    fn below<R>(&mut self, table: &'t DeTable<'a>, span: Span, read: impl FnOnce(&mut Section<'s, 'a, 't>) -> R) -> R {
        let mut section = Section::new(self.source, table, span);
        section.scope = self.scope.clone();
        let out = read(&mut section);
        self.findings.extend(section.finish());
        out
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(milliseconds)?))
}
