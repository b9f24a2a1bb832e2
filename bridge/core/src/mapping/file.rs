//! The mapping file: from TOML to [`Mapping`], with everything that is wrong in it.

use super::code_table::code_table;
use super::entity_file::{EntityFile, UnitSpec, parse_accept};
use super::entry::{Direction, Entry, Places};
use super::shared_places::shared_places;
use super::{Mapping, parts_of};
use crate::codec::{Codec, Codes, Country};
use crate::config_problem::{Keys, Problem, Source, nearest, suggestion};
use crate::deny::{self, Denied};
use crate::path::Path;
use crate::schema::UnitType;
use serde_json::Value as Json;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const DIRECTIONS: &[(&str, Direction)] = &[
    ("both", Direction::Both),
    ("read", Direction::Read),
    ("write", Direction::Write),
];

impl Mapping {
    /// Reads the entity's table of a mapping file; `file` is its display name and `country` the
    /// practice's. Fails with everything that is wrong in it.
    pub fn parse(file: &str, text: &str, entity: &EntityFile, country: Country) -> Result<Mapping, Vec<Problem>> {
        let source = Source { file, text };
        let root = source.parse()?;
        let name = entity.name.as_str();
        let Some((key, value)) = root.iter().find(|(key, _)| key.get_ref() == name) else {
            let near = root.keys().find(|key| nearest(key.get_ref(), &[name]).is_some());
            let span = near.map_or(0..0, |key| key.span());
            let remedy = match near {
                Some(key) => format!("Did you mean [{name}] instead of [{}]?", key.get_ref()),
                None => format!("Add the table [{name}]."),
            };
            return Err(vec![source.problem(
                span,
                format!("the file has no table [{name}]"),
                remedy,
            )]);
        };
        let Some(table) = value.get_ref().as_table() else {
            return Err(vec![source.problem(
                key.span(),
                format!("`{name}` must be a table"),
                format!("Write [{name}]."),
            )]);
        };
        let mut parser = Parser {
            source,
            entity,
            country,
            problems: Vec::new(),
        };
        let kind = parser.kind(table, key.span());
        let mut entries: Vec<Entry> = Vec::new();
        for spec in &entity.units {
            if let Some((key, value)) = table.iter().find(|(key, _)| *key.get_ref() == spec.unit.name.as_str()) {
                entries.extend(parser.entry(spec, key.span(), value));
            }
        }
        entries.retain(|entry| parser.allowed(entry));
        parser.unknown_units(table);
        parser.problems.extend(shared_places(file, &entries));
        let mut problems = parser.problems;
        match kind {
            Some(kind) if problems.is_empty() => Ok(Mapping {
                kind,
                entity: name.to_string(),
                file: file.to_string(),
                country,
                entries,
            }),
            _ => {
                problems.sort();
                Err(problems)
            }
        }
    }
}

struct Parser<'a> {
    source: Source<'a>,
    entity: &'a EntityFile,
    country: Country,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn note(&mut self, span: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(self.source.problem(span, message, remedy));
    }

    fn kind(&mut self, table: &DeTable<'a>, header: Range<usize>) -> Option<String> {
        match table.get("kind") {
            Some(value) => match value.get_ref().as_str() {
                Some(kind) if !kind.is_empty() => return Some(kind.to_string()),
                _ => self.note(
                    value.span(),
                    "`kind` must be text",
                    "Write kind = \"..\", the product's name for such records.",
                ),
            },
            None => self.note(
                header,
                "`kind` is missing",
                "Add kind = \"..\", the product's name for such records.",
            ),
        }
        None
    }

    /// Whether what an entry names may be mapped at all.
    fn allowed(&mut self, entry: &Entry) -> bool {
        let paths = entry.paths().into_iter().map(ToString::to_string);
        let denied = |name: String| deny::by_name(&name);
        let found: Vec<Denied> = paths.chain([entry.unit.clone()]).filter_map(denied).collect();
        let never = found.contains(&Denied::Never);
        let purpose = entry.purpose.as_ref().is_some_and(|purpose| !purpose.is_empty());
        if found.is_empty() || (!never && purpose) {
            return true;
        }
        let (message, remedy) = if never {
            (
                "is a healthcare identifier or belongs to My Health Record, which may be mapped nowhere",
                "Remove the entry.",
            )
        } else {
            (
                "is a Medicare or DVA number, which may be mapped only for a purpose",
                "Remove the entry, or say what for: { path = \"..\", purpose = \"claims of ...\" }.",
            )
        };
        self.problems.push(Problem {
            file: self.source.file.to_string(),
            line: entry.line,
            message: format!("unit `{}` {message}", entry.unit),
            remedy: remedy.into(),
        });
        false
    }

    fn unknown_units(&mut self, table: &DeTable<'a>) {
        let mut known: Vec<&str> = self.entity.units.iter().map(|u| u.unit.name.as_str()).collect();
        known.push("kind");
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let message = format!("`{}` is no unit of {}", key.get_ref(), self.entity.name);
            let remedy = format!(
                "{} Units are declared in {}.",
                suggestion(key.get_ref(), &known),
                self.entity.file
            );
            self.note(key.span(), message, remedy);
        }
    }

    fn entry(&mut self, spec: &UnitSpec, key: Range<usize>, value: &Spanned<DeValue<'a>>) -> Option<Entry> {
        let entry = |places, direction| Entry {
            unit: spec.unit.name.clone(),
            line: self.source.line(key.start),
            kind: spec.unit.kind,
            direction,
            places,
            country: self.country,
            missing_is_absent: false,
            accept: None,
            purpose: None,
        };
        match value.get_ref() {
            DeValue::String(path) => {
                let mut entry = entry(Places::Parts(Vec::new()), Direction::Both);
                let codec = self.codec(spec, None, Vec::new());
                entry.places = self.one_place(spec, path, value.span(), codec, None)?;
                Some(entry)
            }
            DeValue::Table(table) => {
                let entry = entry(Places::Parts(Vec::new()), Direction::Both);
                self.entry_table(spec, entry, table, value.span())
            }
            _ => {
                self.note(
                    value.span(),
                    format!("unit `{}` must be a path or a table", spec.unit.name),
                    "Write a path in quotes.",
                );
                None
            }
        }
    }

    fn entry_table(
        &mut self,
        spec: &UnitSpec,
        mut entry: Entry,
        table: &DeTable<'a>,
        span: Range<usize>,
    ) -> Option<Entry> {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        if let Some((word, span)) = keys.optional_text("direction") {
            entry.direction = keys
                .word("direction", word, span, DIRECTIONS)
                .unwrap_or(Direction::Read);
        }
        if let Some((word, span)) = keys.optional_text("missing") {
            let words = [("empty", false), ("absent", true)];
            entry.missing_is_absent = keys.word("value of missing", word, span, &words).unwrap_or(false);
        }
        if let Some(value) = keys.optional("accept") {
            let (rule, found) = parse_accept(&source, value);
            entry.accept = rule;
            found.into_iter().for_each(|problem| keys.take(problem));
        }
        entry.purpose = keys.optional_text("purpose").map(|(text, _)| text.trim().to_string());
        let codes = keys
            .optional("codes")
            .map(|value| code_table(&mut keys, spec, value))
            .unwrap_or_default();
        let write_as = keys.optional_text("write_as");
        let separator = keys
            .optional_text("separator")
            .map(|(text, span)| (text.to_string(), span));
        let path = keys.optional_text("path");
        let parts = keys.optional("parts");
        let found = keys.finish();
        let misspelt = !found.is_empty();
        self.problems.extend(found);

        let codec = self.codec(spec, write_as, codes);
        let is_grouped = !parts_of(spec.unit.kind).is_empty();
        entry.places = match (path, parts) {
            (path, Some(parts)) if is_grouped => {
                if let Some((_, span)) = separator {
                    let message = format!("unit `{}` is no set", spec.unit.name);
                    self.note(span, message, "Remove `separator`.");
                }
                self.parts(spec, path.map(|(p, _)| p), parts, entry.direction)?
            }
            (_, Some(parts)) => {
                self.note(
                    parts.span(),
                    format!("unit `{}` has no parts", spec.unit.name),
                    "Write path = \"..\" instead.",
                );
                return None;
            }
            (Some((path, span)), None) => self.one_place(spec, path, span, codec, separator)?,
            (None, None) if misspelt => return None,
            (None, None) => {
                let key = if is_grouped { "parts" } else { "path" };
                self.note(
                    span,
                    format!("`{key}` is missing"),
                    "Say where the unit lives in the product's record.",
                );
                return None;
            }
        };
        Some(entry)
    }

    fn codec(
        &mut self,
        spec: &UnitSpec,
        write_as: Option<(&str, Range<usize>)>,
        codes: Vec<(String, Vec<Json>)>,
    ) -> Codec {
        let kind = spec.unit.kind;
        if kind == UnitType::Code {
            if let Some((_, span)) = write_as {
                let remedy = "Say in `codes` how each code is spelt.";
                self.note(span, "codes have no `write_as`", remedy);
            }
            return Codec::Code(Codes::new(codes, spec.codes.clone()));
        }
        let Some((word, span)) = write_as else {
            return Codec::plain(kind, self.country);
        };
        Codec::spelt(kind, self.country, word).unwrap_or_else(|| {
            let known = Codec::spellings(kind);
            let remedy = match kind {
                UnitType::Reference => {
                    "Write what stands before the id, ending in `/`, e.g. \"Organization/\".".to_string()
                }
                _ if known.is_empty() => "Remove `write_as`; this type has one spelling only.".to_string(),
                _ => suggestion(word, known),
            };
            self.note(
                span,
                format!("unit `{}` cannot be written as `{word}`", spec.unit.name),
                remedy,
            );
            Codec::plain(kind, self.country)
        })
    }

    fn path(&mut self, text: &str, span: Range<usize>) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.note(
                    span,
                    error.to_string(),
                    "A path looks like telecom[system=sms].value; see the comments in the shipped mappings.",
                );
                None
            }
        }
    }

    fn one_place(
        &mut self,
        spec: &UnitSpec,
        path: &str,
        span: Range<usize>,
        codec: Codec,
        separator: Option<(String, Range<usize>)>,
    ) -> Option<Places> {
        let parts = parts_of(spec.unit.kind);
        if !parts.is_empty() {
            let example: Vec<String> = parts.iter().map(|part| format!("{part} = \"..\"")).collect();
            let message = format!(
                "unit `{}` consists of parts and cannot live in one place",
                spec.unit.name
            );
            self.note(
                span,
                message,
                format!("Write {{ parts = {{ {} }} }}.", example.join(", ")),
            );
            return None;
        }
        let path = self.path(path, span.clone())?;
        if !spec.unit.set {
            if let Some((_, span)) = separator {
                self.note(
                    span,
                    format!("unit `{}` is no set", spec.unit.name),
                    "Remove `separator`, or write set = true in the entity file.",
                );
                return None;
            }
            if path.is_list() && spec.unit.kind != UnitType::Text {
                self.note(
                    span,
                    format!("unit `{}` is one value, not a list", spec.unit.name),
                    "Name one element, e.g. [0], instead of [].",
                );
                return None;
            }
            return Some(Places::One(path, codec));
        }
        if path.is_list() == separator.is_some() {
            self.note(
                span,
                format!("unit `{}` is a set", spec.unit.name),
                "End the path in [] for a list of texts, or give the separator of a single text.",
            );
            return None;
        }
        match separator {
            Some((text, span)) if text.trim().is_empty() => {
                self.note(
                    span,
                    "the separator is blank",
                    "Write the character that stands between the elements, e.g. \";\".",
                );
                None
            }
            separator => Some(Places::Set(path, codec, separator.map(|(text, _)| text))),
        }
    }

    fn parts(
        &mut self,
        spec: &UnitSpec,
        base: Option<&str>,
        parts: &Spanned<DeValue<'a>>,
        direction: Direction,
    ) -> Option<Places> {
        let known = parts_of(spec.unit.kind);
        let Some(table) = parts.get_ref().as_table() else {
            self.note(
                parts.span(),
                "`parts` must be a table",
                format!("Name the parts {}.", known.join(", ")),
            );
            return None;
        };
        let source = self.source;
        let mut keys = Keys::new(&source, table, parts.span());
        let found: Vec<_> = known
            .iter()
            .filter_map(|part| Some((*part, keys.optional_text(part)?)))
            .collect();
        let missing: Vec<&str> = known
            .iter()
            .filter(|part| !table.contains_key(**part))
            .copied()
            .collect();
        // An edit of the other parts would come back without these and wipe them elsewhere.
        if direction == Direction::Both && !missing.is_empty() {
            let message = format!(
                "unit `{}` travels both ways but lacks the part {}",
                spec.unit.name,
                missing.join(", ")
            );
            keys.note(
                parts.span(),
                message,
                "Map every part, or write direction = \"write\" or \"read\".",
            );
        }
        self.problems.extend(keys.finish());
        let mut places = Vec::new();
        for (part, (text, span)) in found {
            let full = base.map_or(text.to_string(), |base| format!("{base}.{text}"));
            let codec = match part {
                "line" => Codec::Lines,
                _ => Codec::Text { number: false },
            };
            places.push((part, self.path(&full, span)?, codec));
        }
        Some(Places::Parts(places))
    }
}
