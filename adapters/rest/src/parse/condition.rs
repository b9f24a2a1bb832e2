//! What must stand where for something to hold: conditions on bodies and on headers.

use super::section::{Section, Span};
use crate::connector::{Condition, Test};
use toml::de::{DeTable, DeValue};

impl<'a, 't> Section<'_, 'a, 't> {
    /// A table of places and what must stand there.
    pub fn condition(&mut self, key: &'static str) -> Condition {
        let Some(table) = self.table_of(key) else {
            return Condition::default();
        };
        let mut tests = Vec::new();
        for (name, node) in table.iter() {
            let place = self.parsed_place(name.get_ref(), name.span());
            let test = match node.get_ref() {
                DeValue::Table(inner) => self.inner_test(inner, node.span()),
                _ => Some(Test::Is(self.scalars(node))),
            };
            tests.extend(place.zip(test));
        }
        Condition { tests }
    }

    fn inner_test(&mut self, table: &'t DeTable<'a>, span: Span) -> Option<Test> {
        let mut inner = Section::new(self.source, table, span.clone());
        let not = inner.has("not").then(|| Test::Not(inner.texts("not")));
        let contains = inner.text("contains").map(|text| Test::Contains(text.to_lowercase()));
        let present = inner.flag("present").map(Test::Present);
        self.findings.extend(inner.finish());
        let test = not.or(contains).or(present);
        if test.is_none() {
            self.note(
                span,
                "this test says nothing",
                "Use { not = .. }, { contains = \"..\" } or { present = true }.",
            );
        }
        test
    }

    /// Header names and the values they must have; `true` means that the header is there.
    pub fn header_tests(&mut self, key: &'static str) -> Vec<(String, Vec<String>)> {
        let Some(table) = self.table_of(key) else {
            return Vec::new();
        };
        let mut tests = Vec::new();
        for (name, node) in table.iter() {
            let values = if node.get_ref().as_bool() == Some(true) {
                Vec::new()
            } else {
                self.scalars(node)
            };
            tests.push((name.get_ref().to_lowercase(), values));
        }
        tests
    }
}
