//! People at the two screens: they change records in the products themselves, never through the
//! bridge and never through a product's API.

use crate::exit::Failure;
use adapter_sandbox::Sandbox;
use bridge_core::mapping::Mapping;
use bridge_core::{Value, Values};
use bridge_engine::Engine;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a scene waits for something to arrive.
const PATIENCE: Duration = Duration::from_secs(90);

/// Somebody at a product's screen.
#[derive(Clone)]
pub struct Hands {
    sandbox: Arc<Sandbox>,
    system: String,
    mapping: Arc<Mapping>,
}

impl Hands {
    /// Somebody at this system's screen; `None` if the engine does not know it.
    pub fn at(system: &str, engine: &Engine, sandbox: &Arc<Sandbox>) -> Option<Hands> {
        let mapping = Arc::clone(&engine.settings().system(system)?.mapping);
        Some(Hands {
            sandbox: Arc::clone(sandbox),
            system: system.into(),
            mapping,
        })
    }

    /// The system's name.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// What the screen shows of a record.
    pub fn sees(&self, id: &str) -> Values {
        match self.sandbox.record(&self.system, &self.mapping.kind, id) {
            Ok(body) => self.mapping.read(&body).values,
            Err(_) => Values::new(),
        }
    }

    /// How many records there are.
    pub fn count(&self) -> usize {
        self.sandbox
            .records(&self.system, &self.mapping.kind)
            .map_or(0, |all| all.len())
    }

    /// Types a new value of one unit.
    ///
    /// # Errors
    /// [`Failure::Failed`] if the product's screen would not take it.
    pub fn types(&self, id: &str, unit: &str, value: &Value) -> Result<(), Failure> {
        let trouble = |text: String| Failure::Failed(format!("{} does not take the edit: {text}", self.system));
        let before = self
            .sandbox
            .record(&self.system, &self.mapping.kind, id)
            .map_err(|e| trouble(e.to_string()))?;
        let values = Values::from([(unit.to_string(), value.clone())]);
        let after = self
            .mapping
            .write(&before, &values)
            .map_err(|e| trouble(e.to_string()))?;
        let patch = difference(&before, &after);
        self.sandbox
            .person_edit(&self.system, &self.mapping.kind, id, &patch)
            .map_err(|e| trouble(e.to_string()))
    }

    /// Waits until the screen shows the value; how long it took, or `None` if it did not come.
    pub async fn waits_for(&self, id: &str, unit: &str, value: &Value) -> Option<Duration> {
        wait_until(|| self.sees(id).get(unit) == Some(value)).await
    }
}

/// Waits until something holds; how long it took, or `None` if it never did.
pub async fn wait_until(mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if holds() {
            return Some(started.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

/// The merge-patch (RFC 7396) that makes `after` of `before`.
fn difference(before: &Json, after: &Json) -> Json {
    let (Json::Object(old), Json::Object(new)) = (before, after) else {
        return after.clone();
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(was) if was == value => {}
            Some(was) => drop(patch.insert(key.clone(), difference(was, value))),
            None => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Json::Null);
    }
    Json::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn a_patch_names_only_what_differs() {
        let before = json!({"a": 1, "b": {"c": 2, "d": [1, 2]}, "e": 5});
        let after = json!({"a": 1, "b": {"c": 3, "d": [1, 2]}, "f": 6});
        assert_eq!(difference(&before, &after), json!({"b": {"c": 3}, "f": 6, "e": null}));
    }
}
