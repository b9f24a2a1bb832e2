//! What stands in connector files as text and means more: places in a body, and templates, alone or in shapes.

use super::section::{Node, Section, Span};
use crate::place::Place;
use crate::template::{Shape, Template};
use bridge_core::config_problem::suggestion;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl<'a> Section<'_, 'a, '_> {
    pub fn place(&mut self, key: &'static str) -> Option<Place> {
        let (text, span) = self.text_at(key)?;
        self.parsed_place(&text, span)
    }

    pub fn needed_place(&mut self, key: &'static str) -> Place {
        let text = self.keys.text(key).map(|(text, span)| (text.to_string(), span));
        text.and_then(|(text, span)| self.parsed_place(&text, span))
            .unwrap_or_else(whole)
    }

    /// One place or several to try in turn.
    pub fn needed_places(&mut self, key: &'static str) -> Vec<Place> {
        if !self.has(key) {
            self.needed_text(key);
            return Vec::new();
        }
        let span = self.raw(key).map(Spanned::span).unwrap_or_default();
        let texts = self.texts(key);
        texts
            .iter()
            .filter_map(|text| self.parsed_place(text, span.clone()))
            .collect()
    }

    pub fn parsed_place(&mut self, text: &str, span: Span) -> Option<Place> {
        Place::parse(text)
            .map_err(|error| {
                self.note(
                    span,
                    error.to_string(),
                    "Write the members from the outside in, e.g. \"paging.next.after\", or \".\".",
                );
            })
            .ok()
    }

    pub fn template(&mut self, key: &'static str) -> Option<Template> {
        let (text, span) = self.text_at(key)?;
        self.parsed_template(&text, span)
    }

    pub fn parsed_template(&mut self, text: &str, span: Span) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => {
                for name in template.variables() {
                    let known = self.scope.iter().any(|known| {
                        name == *known || name.strip_prefix(known).is_some_and(|below| below.starts_with('.'))
                            // `page` itself inside an expression whose members are not spelt out.
                            || known.strip_prefix(name.as_str()).is_some_and(|below| below.starts_with('.'))
                    });
                    if !known {
                        let remedy = suggestion(&name, &self.scope);
                        self.note(span.clone(), format!("`{name}` is nothing that can stand here"), remedy);
                    }
                }
                Some(template)
            }
            Err(error) => {
                self.note(span, error.to_string(), "Write {{ name }} or {{ name | filter }}.");
                None
            }
        }
    }

    /// A JSON value with holes.
    pub fn shape(&mut self, key: &'static str) -> Option<Shape> {
        let node = self.keys.optional(key)?;
        self.parsed_shape(node)
    }

    fn parsed_shape(&mut self, node: &Node<'a>) -> Option<Shape> {
        Some(match node.get_ref() {
            DeValue::String(text) => {
                let template = self.parsed_template(text, node.span())?;
                if template.is_fixed() {
                    Shape::Fixed(Json::String(text.to_string()))
                } else {
                    Shape::Text(template)
                }
            }
            DeValue::Boolean(flag) => Shape::Fixed(Json::Bool(*flag)),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                Shape::Fixed(number.map_or(Json::Null, Json::from))
            }
            DeValue::Float(number) => Shape::Fixed(number.as_str().parse::<f64>().map_or(Json::Null, Json::from)),
            DeValue::Datetime(moment) => Shape::Fixed(Json::String(moment.to_string())),
            DeValue::Array(elements) => Shape::List(elements.iter().filter_map(|e| self.parsed_shape(e)).collect()),
            DeValue::Table(members) => Shape::Table(self.shapes_of(members)),
        })
    }

    fn shapes_of(&mut self, table: &DeTable<'a>) -> Vec<(String, Shape)> {
        table
            .iter()
            .filter_map(|(name, node)| Some((name.get_ref().to_string(), self.parsed_shape(node)?)))
            .collect()
    }

    /// A table of values with holes.
    pub fn shapes(&mut self, key: &'static str) -> Vec<(String, Shape)> {
        self.table_of(key)
            .map(|table| self.shapes_of(table))
            .unwrap_or_default()
    }

    /// A table of texts with holes.
    pub fn templates(&mut self, key: &'static str) -> Vec<(String, Template)> {
        let Some(table) = self.table_of(key) else {
            return Vec::new();
        };
        let mut templates = Vec::new();
        for (name, node) in table.iter() {
            match node.get_ref().as_str() {
                Some(text) => {
                    let template = self.parsed_template(text, node.span());
                    templates.extend(template.map(|template| (name.get_ref().to_string(), template)));
                }
                None => self.note(
                    node.span(),
                    format!("`{}` must be text", name.get_ref()),
                    "Put it in quotes.",
                ),
            }
        }
        templates
    }

    /// A table whose keys are places and whose values are texts with holes.
    pub fn names(&mut self, key: &'static str) -> Vec<(Place, Template)> {
        let Some(table) = self.table_of(key) else {
            return Vec::new();
        };
        let spans: BTreeMap<String, Span> = table.iter().map(|(k, _)| (k.get_ref().to_string(), k.span())).collect();
        let templates = self.templates(key);
        templates
            .into_iter()
            .filter_map(|(text, template)| {
                let span = spans.get(&text).cloned().unwrap_or_default();
                Some((self.parsed_place(&text, span)?, template))
            })
            .collect()
    }
}

pub(super) fn whole() -> Place {
    Place::whole()
}

/// An empty JSON object, for shapes that default to nothing.
pub(super) fn empty_object() -> Shape {
    Shape::Fixed(Json::Object(Map::new()))
}
