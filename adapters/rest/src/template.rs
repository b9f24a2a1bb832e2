//! Values of a request with holes in them. A text may hold `{{ expressions }}` (minijinja, fuel
//! limited); a text that is one expression and nothing else keeps the type of what it stands
//! for, and is left out together with its key where it stands for nothing. In a table the key
//! `"..."` spreads the members of its value into the table.

use minijinja::value::Value as Filled;
use minijinja::{Environment, ErrorKind, Expression};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The variables of one filling.
pub(crate) type Variables = Map<String, Json>;

/// A text with holes.
#[derive(Clone)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Text(String),
    /// `a.b.c`: looked up directly, so that values pass unchanged.
    Variable(Vec<String>),
    Expression(Arc<Expression<'static, 'static>>),
}

/// A JSON value with holes.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A fixed value.
    Fixed(Json),
    /// A text with holes.
    Text(Template),
    /// A list.
    List(Vec<Shape>),
    /// A table; `"..."` spreads.
    Table(Vec<(String, Shape)>),
}

/// A template that could not be read or filled. Carries no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(50_000));
    environment.add_filter("iso", |time: i64| moment(time, "%Y-%m-%dT%H:%M:%S%.3fZ"));
    environment.add_filter("iso_seconds", |time: i64| moment(time, "%Y-%m-%dT%H:%M:%SZ"));
    environment.add_filter("http_date", |time: i64| moment(time, "%a, %d %b %Y %H:%M:%S GMT"));
    environment.add_filter("millis", |time: i64| time.div_euclid(1_000));
    environment.add_filter("seconds", |time: i64| time.div_euclid(1_000_000));
    environment
});

/// Something of the right sort for every variable, to try expressions with.
static SAMPLE: LazyLock<Json> = LazyLock::new(|| {
    let page = json!({"size": 1, "offset": 0, "number": 1, "cursor": "c", "last": "0"});
    json!({
        "account": {}, "members": ["m"], "history": ["m"], "page": page, "since": 0, "resume": "t", "id": "1",
        "reference": "r", "items": [{}], "key": "k", "body": {}, "before": {}, "after": {}, "changes": {},
        "version": "1", "thing": {}, "name": "n",
        "keys": ["k"], "note": "n", "text": "t", "date": "2026-01-01", "due": "2026-01-01", "currency": "AUD",
        "contact": "c", "of": {"kind": "credit_note", "id": "o"}, "to": "i", "attempt": "a", "total": 1, "tax": 0,
        "net": 1, "minus": {"total": -1, "tax": 0, "net": -1}, "bank": {"code": "090", "id": "b", "name": "n"},
        "lines": [{}], "record": {}, "tracking": {"category": "c", "option": "o", "id": "i"},
        "line": {"description": "d", "account": {"code": "200", "id": "a"}, "tax_code": {"code": "T", "id": "t"}},
    })
});

fn moment(time: i64, format: &str) -> Result<String, minijinja::Error> {
    let stamp = jiff::Timestamp::from_microsecond(time)
        .map_err(|_| minijinja::Error::new(ErrorKind::InvalidOperation, "no such moment"))?;
    Ok(stamp.strftime(format).to_string())
}

impl Template {
    /// Parses a text with holes.
    ///
    /// # Errors
    /// If a hole is not closed or its expression is malformed.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_string()));
            }
            let (expression, after) = after
                .split_once("}}")
                .ok_or_else(|| TemplateError(format!("`{text}`: `{{{{` is not closed")))?;
            parts.push(Part::parse(expression.trim())?);
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_string()));
        }
        Ok(Template {
            text: text.to_string(),
            parts,
        })
    }

    /// A text without holes.
    pub(crate) fn fixed(text: &str) -> Template {
        Template {
            text: text.to_string(),
            parts: vec![Part::Text(text.to_string())],
        }
    }

    /// Names of the variables in it, e.g. `page.size`.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for part in &self.parts {
            match part {
                Part::Text(_) => {}
                Part::Variable(steps) => {
                    names.insert(steps.join("."));
                }
                Part::Expression(expression) => names.extend(expression.undeclared_variables(true)),
            }
        }
        names
    }

    /// The text as it was written, holes and all.
    pub(crate) fn source(&self) -> &str {
        &self.text
    }

    /// Whether it has no holes.
    pub fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The value: nothing if the whole text is one hole for something that is not there.
    pub(crate) fn value(&self, variables: &Variables) -> Result<Option<Json>, TemplateError> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Ok(Some(Json::String(text.clone()))),
            [one] => one.value(variables),
            _ => Ok(Some(Json::String(self.joined(variables, &Ok)?))),
        }
    }

    /// As text: nothing as for [`Template::value`], and for null.
    pub(crate) fn text(&self, variables: &Variables) -> Result<Option<String>, TemplateError> {
        match self.value(variables)? {
            None | Some(Json::Null) => Ok(None),
            Some(value) => Ok(Some(written(&value))),
        }
    }

    /// As a URL path: what fills the holes is percent-encoded, so that an id cannot change the address.
    pub(crate) fn path(&self, variables: &Variables) -> Result<String, TemplateError> {
        self.joined(variables, &|text| encoded(&text))
    }

    fn joined(
        &self,
        variables: &Variables,
        finish: &dyn Fn(String) -> Result<String, TemplateError>,
    ) -> Result<String, TemplateError> {
        let mut joined = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                hole => joined.push_str(&finish(
                    hole.value(variables)?.as_ref().map(written).unwrap_or_default(),
                )?),
            }
        }
        Ok(joined)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Part, TemplateError> {
        let plain = |step: &str| {
            step.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let steps: Vec<&str> = text.split('.').collect();
        if steps.iter().all(|step| plain(step)) && !["true", "false", "none", "not"].contains(&text) {
            return Ok(Part::Variable(steps.into_iter().map(str::to_string).collect()));
        }
        let malformed = |why: &str| TemplateError(format!("`{text}`: {why}"));
        let expression = ENVIRONMENT
            .compile_expression_owned(text.to_string())
            .map_err(|error| malformed(error.detail().unwrap_or("not an expression")))?;
        // Unknown filters are found only when they are used.
        let tried = expression.eval(Filled::from(minijinja::value::Serde(&*SAMPLE)));
        if let Err(error) = tried
            && matches!(
                error.kind(),
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
            )
        {
            return Err(malformed(error.detail().unwrap_or("unknown filter")));
        }
        Ok(Part::Expression(Arc::new(expression)))
    }

    fn value(&self, variables: &Variables) -> Result<Option<Json>, TemplateError> {
        match self {
            Part::Text(text) => Ok(Some(Json::String(text.clone()))),
            Part::Variable(steps) => {
                let mut found = variables.get(&steps[0]);
                for step in &steps[1..] {
                    found = found.and_then(|value| value.get(step));
                }
                Ok(found.cloned())
            }
            Part::Expression(expression) => {
                let filled = expression
                    .eval(Filled::from(minijinja::value::Serde(variables)))
                    .map_err(|error| {
                        // The detail may quote a value; the kind does not.
                        TemplateError(format!("an expression failed: {:?}", error.kind()))
                    })?;
                if filled.is_undefined() {
                    return Ok(None);
                }
                serde_json::to_value(&filled)
                    .map(Some)
                    .map_err(|_| TemplateError("an expression is no JSON".into()))
            }
        }
    }
}

impl Shape {
    /// The value with its holes filled; nothing where a lone hole stands for nothing.
    pub(crate) fn fill(&self, variables: &Variables) -> Result<Option<Json>, TemplateError> {
        match self {
            Shape::Fixed(value) => Ok(Some(value.clone())),
            Shape::Text(template) => template.value(variables),
            Shape::List(elements) => {
                let mut list = Vec::with_capacity(elements.len());
                for element in elements {
                    list.extend(element.fill(variables)?);
                }
                Ok(Some(Json::Array(list)))
            }
            Shape::Table(members) => {
                let mut table = Map::new();
                for (name, member) in members {
                    match (name.as_str(), member.fill(variables)?) {
                        (_, None) => {}
                        ("...", Some(Json::Object(spread))) => table.extend(spread),
                        ("...", Some(_)) => {
                            return Err(TemplateError("`...` spreads something that is no table".into()));
                        }
                        (_, Some(value)) => {
                            table.insert(name.clone(), value);
                        }
                    }
                }
                Ok(Some(Json::Object(table)))
            }
        }
    }

    /// Every template in it.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Shape::Fixed(_) => Vec::new(),
            Shape::Text(template) => vec![template],
            Shape::List(elements) => elements.iter().flat_map(Shape::templates).collect(),
            Shape::Table(members) => members.iter().flat_map(|(_, member)| member.templates()).collect(),
        }
    }
}

/// A value as it stands in a query, header or path.
pub(crate) fn written(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// Blank and dotted texts are refused: they would name a folder, and so another resource.
fn encoded(text: &str) -> Result<String, TemplateError> {
    if text.is_empty() || text.bytes().all(|byte| byte == b'.') {
        return Err(TemplateError("a path has a blank or dotted part".into()));
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        json!({"id": "a/b ..", "page": {"size": 100, "cursor": null}, "since": 1_772_409_600_123_456_i64,
            "members": ["x", "y"], "body": {"a": 1, "b": null}})
        .as_object()
        .unwrap()
        .clone()
    }

    fn value(text: &str) -> Option<Json> {
        Template::parse(text).unwrap().value(&variables()).unwrap()
    }

    #[test]
    fn a_lone_hole_keeps_its_type_and_may_be_nothing() {
        assert_eq!(value("{{ page.size }}"), Some(json!(100)));
        assert_eq!(value("n={{ page.size }}"), Some(json!("n=100")));
        assert_eq!(value("{{ page.after }}"), None);
        assert_eq!(value("{{ members | join(',') }}"), Some(json!("x,y")));
        assert_eq!(value("{{ page.after | default('0') }}"), Some(json!("0")));
        assert_eq!(value("plain"), Some(json!("plain")));
    }

    #[test]
    fn times_are_spelt_in_the_usual_ways() {
        assert_eq!(value("{{ since | iso }}"), Some(json!("2026-03-02T00:00:00.123Z")));
        assert_eq!(value("{{ since | iso_seconds }}"), Some(json!("2026-03-02T00:00:00Z")));
        assert_eq!(
            value("{{ since | http_date }}"),
            Some(json!("Mon, 02 Mar 2026 00:00:00 GMT"))
        );
        assert_eq!(value("{{ since | millis }}"), Some(json!(1_772_409_600_123_i64)));
        assert_eq!(value("{{ since | millis | string }}"), Some(json!("1772409600123")));
    }

    #[test]
    fn ids_cannot_change_the_address() {
        let path = Template::parse("/contacts/{{ id }}").unwrap();
        assert_eq!(path.path(&variables()).unwrap(), "/contacts/a%2Fb%20..");
        let mut up = variables();
        up.insert("id".into(), json!(".."));
        assert!(path.path(&up).is_err());
        up.insert("id".into(), json!(""));
        assert!(path.path(&up).is_err());
    }

    #[test]
    fn tables_spread_and_leave_out() {
        let shape = Shape::Table(vec![
            ("...".into(), Shape::Text(Template::parse("{{ body }}").unwrap())),
            ("ref".into(), Shape::Text(Template::parse("{{ reference }}").unwrap())),
            ("fixed".into(), Shape::Fixed(json!(true))),
        ]);
        assert_eq!(
            shape.fill(&variables()).unwrap(),
            Some(json!({"a": 1, "b": null, "fixed": true}))
        );
    }

    #[test]
    fn variables_are_known_and_malformed_holes_refused() {
        let template = Template::parse("{{ page.size }} {{ members | join(',') }}").unwrap();
        assert_eq!(
            template.variables().into_iter().collect::<Vec<_>>(),
            ["members", "page.size"]
        );
        assert!(Template::parse("{{ id").is_err());
        assert!(Template::parse("{{ id | }}").is_err());
    }
}
