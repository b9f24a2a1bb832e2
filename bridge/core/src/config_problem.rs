//! What is wrong with a configuration file, said so that its author can mend it: the file, the
//! line, what is wrong and what to do. [`Source`] and [`Keys`] read TOML so that every finding
//! knows its line; all findings of a file are collected, not only the first.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One finding in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Display name of the file, as the user knows it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}. {}", self.file, self.line, self.message, self.remedy)
    }
}

/// A configuration file's text under its display name.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Display name.
    pub file: &'a str,
    /// Contents.
    pub text: &'a str,
}

impl<'a> Source<'a> {
    /// The document's root table, or what keeps it from being TOML.
    pub fn parse(self) -> Result<DeTable<'a>, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Ok(table.into_inner());
        }
        Err(errors
            .iter()
            .map(|e| {
                self.problem(
                    e.span().unwrap_or(0..0),
                    e.message(),
                    "Mend the TOML syntax on this line.",
                )
            })
            .collect())
    }

    /// Line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    }

    /// A finding at that place.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem {
            file: self.file.to_string(),
            line: self.line(span.start),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// A table that is read key by key; [`Keys::finish`] refuses the keys nobody asked for.
pub struct Keys<'s, 'a, 't> {
    source: &'s Source<'a>,
    table: &'t DeTable<'a>,
    span: Range<usize>,
    asked: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'s, 'a, 't> Keys<'s, 'a, 't> {
    /// Reads `table`, whose header or opening brace stands at `span`.
    pub fn new(source: &'s Source<'a>, table: &'t DeTable<'a>, span: Range<usize>) -> Self {
        Self {
            source,
            table,
            span,
            asked: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The value of `key`, if it is there.
    pub fn optional(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// The text of `key`, if it is there; anything but text is a finding.
    pub fn optional_text(&mut self, key: &'static str) -> Option<(&'t str, Range<usize>)> {
        let value = self.optional(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text, value.span())),
            None => {
                self.note(
                    value.span(),
                    format!("`{key}` must be text"),
                    format!("Write {key} = \"..\"."),
                );
                None
            }
        }
    }

    /// The text of `key`; a finding if it is not there.
    pub fn text(&mut self, key: &'static str) -> Option<(&'t str, Range<usize>)> {
        if !self.table.contains_key(key) {
            self.asked.push(key);
            self.note(
                self.span.clone(),
                format!("`{key}` is missing"),
                format!("Add {key} = \"..\"."),
            );
            return None;
        }
        self.optional_text(key)
    }

    /// The truth of `key`, if it is there; anything but true or false is a finding.
    pub fn optional_flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.optional(key)?;
        match value.get_ref().as_bool() {
            Some(flag) => Some(flag),
            None => {
                self.note(
                    value.span(),
                    format!("`{key}` must be true or false"),
                    format!("Write {key} = true."),
                );
                None
            }
        }
    }

    /// Looks `text` up in a table of permitted words; anything else is a finding that names the nearest.
    pub fn word<T: Copy>(&mut self, key: &str, text: &str, span: Range<usize>, words: &[(&str, T)]) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.note(span, format!("`{text}` is no {key}"), suggestion(text, &names));
        None
    }

    /// Adds a finding at that place.
    pub fn note(&mut self, span: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = self.source.problem(span, message, remedy);
        self.problems.push(problem);
    }

    /// Adds a finding made elsewhere.
    pub fn take(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The findings so far, of a table that is not read to its end: nothing is said of keys that nobody asked for.
    pub fn give_up(self) -> Vec<Problem> {
        self.problems
    }

    /// All findings, the keys that nobody asked for among them.
    pub fn finish(mut self) -> Vec<Problem> {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let problem = self.source.problem(
                    key.span(),
                    format!("`{name}` is not known here"),
                    suggestion(name, &self.asked),
                );
                self.problems.push(problem);
            }
        }
        self.problems
    }
}

/// A remedy that names the known word nearest to `word`, or lists them all.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(best) => format!("Did you mean `{best}`?"),
        None => format!("Use one of: {}.", known.join(", ")),
    }
}

/// The known word nearest to `word`, if it is near enough to be what was meant.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = word.to_lowercase();
    known
        .iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(d, candidate)| *d <= 1 + candidate.chars().count().min(word.chars().count()) / 4)
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, remove, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_listed() {
        assert_eq!(nearest("mobil", &["email", "mobile"]), Some("mobile"));
        assert_eq!(nearest("brith_date", &["birth_date", "sex"]), Some("birth_date"));
        assert_eq!(nearest("shoe_size", &["birth_date", "sex"]), None);
        assert_eq!(suggestion("shoe_size", &["sex", "email"]), "Use one of: sex, email.");
    }

    #[test]
    fn toml_errors_carry_their_line() {
        let source = Source {
            file: "x.toml",
            text: "a = 1\nb = = 2\n",
        };
        let problems = source.parse().unwrap_err();
        assert_eq!((problems[0].file.as_str(), problems[0].line), ("x.toml", 2));
    }
}
