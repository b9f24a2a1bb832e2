//! Conditions over agreed values, such as `status in ['current', 'contact']`: minijinja
//! expressions with bounded work. A unit without a value is undefined, which is false.

use crate::entity::Agreed;
use crate::shared::Shared;
use crate::value::Value;
use minijinja::{Environment, Expression};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Work one evaluation may cost, in minijinja's fuel units.
const FUEL: u64 = 20_000;

/// A compiled condition.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    always: bool,
}

impl Condition {
    /// The condition that always holds.
    pub fn always() -> Self {
        Self {
            source: "true".into(),
            always: true,
        }
    }

    /// Checks a condition's syntax.
    ///
    /// # Errors
    /// The parser's message, for the person who wrote the configuration.
    pub fn parse(source: &str) -> Result<Self, String> {
        compile(&environment(), source).map(|_| ())?;
        Ok(Self {
            source: source.into(),
            always: source.trim() == "true",
        })
    }

    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds for these agreed values. A condition that fails to evaluate does not hold.
    pub fn holds(&self, agreed: &BTreeMap<String, Shared<Agreed>>) -> bool {
        if self.always {
            return true;
        }
        let context: BTreeMap<&str, minijinja::Value> = agreed
            .iter()
            .map(|(unit, a)| (unit.as_str(), to_template(&a.value)))
            .collect();
        thread_local! {
            static ENVIRONMENT: Environment<'static> = environment();
        }
        ENVIRONMENT.with(|environment| {
            compile(environment, &self.source)
                .ok()
                .and_then(|e| e.eval(minijinja::value::Serde(context)).ok())
                .is_some_and(|v| v.is_true())
        })
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment
}

fn compile<'e>(environment: &'e Environment<'static>, source: &'e str) -> Result<Expression<'e, 'e>, String> {
    environment.compile_expression(source).map_err(|e| e.to_string())
}

fn to_template(value: &Value) -> minijinja::Value {
    match value {
        Value::Empty => minijinja::Value::from(""),
        Value::Flag(flag) => minijinja::Value::from(*flag),
        Value::Text(text) => minijinja::Value::from(text.as_str()),
        Value::Group(parts) => minijinja::Value::from(minijinja::value::Serde(parts.clone())),
        Value::Set(elements) => minijinja::Value::from(elements.iter().cloned().collect::<Vec<_>>()),
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Origin;

    #[test]
    fn reads_agreed_values_and_treats_the_unknown_as_false() {
        let condition = Condition::parse("status in ['current', 'contact']").unwrap();
        let agreed = |text: &str| {
            let value = Value::text(text);
            BTreeMap::from([(
                "status".to_string(),
                Agreed {
                    value,
                    origin: Origin::Person,
                    lo: 0,
                    hi: 0,
                }
                .into(),
            )])
        };
        assert!(condition.holds(&agreed("current")));
        assert!(!condition.holds(&agreed("archived")));
        assert!(!condition.holds(&BTreeMap::new()));
        assert!(Condition::parse("status in [").is_err());
    }
}
