//! Tables between a product's codes and canonical codes.

use serde_json::Value as Json;
use std::borrow::Cow;

/// How the codes of one unit are spelt in one product. Codes that the table does not name are
/// kept as they are, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// (canonical, product's spellings; the first one is written).
    table: Vec<(String, Vec<Json>)>,
    /// Canonical codes of the unit, read in any case even if the table is silent about them.
    known: Vec<String>,
}

impl Codes {
    /// A table of canonical codes with the product's spellings, texts or numbers, of which the
    /// first is written; `known` are the unit's own codes.
    pub fn new(table: Vec<(String, Vec<Json>)>, known: Vec<String>) -> Codes {
        Codes { table, known }
    }

    /// A product's spelling that stands for two canonical codes, if there is one.
    pub fn ambiguous(&self) -> Option<(String, &str, &str)> {
        let all: Vec<(&str, String)> = self
            .table
            .iter()
            .flat_map(|(code, list)| list.iter().map(|raw| (code.as_str(), spelling(raw))))
            .collect();
        all.iter().enumerate().find_map(|(i, (code, raw))| {
            let (other, _) = all[..i]
                .iter()
                .find(|(other, earlier)| other != code && same(earlier, raw))?;
            Some((raw.clone(), *other, *code))
        })
    }

    /// The canonical codes the table or the unit names.
    pub fn canonical(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self.known.iter().map(String::as_str).collect();
        codes.extend(
            self.table
                .iter()
                .map(|(code, _)| code.as_str())
                .filter(|c| !self.known.iter().any(|k| k == c)),
        );
        codes
    }

    /// The product's spellings, for generated samples.
    pub fn spellings(&self) -> Vec<Json> {
        self.table.iter().flat_map(|(_, list)| list.iter().cloned()).collect()
    }

    pub(super) fn read<'a>(&self, raw: Cow<'a, str>) -> Cow<'a, str> {
        let by_table = self
            .table
            .iter()
            .find(|(_, list)| list.iter().any(|r| same(&spelling(r), &raw)));
        let code = by_table
            .map(|(code, _)| code)
            .or_else(|| self.known.iter().find(|k| same(k, &raw)));
        match code {
            Some(code) if *code != *raw => Cow::Owned(code.clone()),
            _ => raw,
        }
    }

    pub(super) fn write(&self, code: &str) -> Json {
        let spelt = self
            .table
            .iter()
            .find(|(c, _)| c == code)
            .and_then(|(_, list)| list.first());
        spelt.cloned().unwrap_or_else(|| Json::from(code))
    }
}

fn spelling(raw: &Json) -> String {
    match raw {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
