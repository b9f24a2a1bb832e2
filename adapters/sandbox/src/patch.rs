//! JSON merge-patch (RFC 7396).

use serde_json::{Map, Value};

/// Applies `patch` to `target`: members of objects are merged, null removes, everything else (arrays too) is replaced whole.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.shift_remove(name);
            } else {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::json;

    #[test]
    fn arrays_are_replaced_and_null_removes() {
        let mut target = json!({"a": [1, 2], "b": {"c": 1, "d": 2}, "e": "x"});
        merge(&mut target, &json!({"a": [3], "b": {"c": null, "f": 5}, "e": null}));
        assert_eq!(target, json!({"a": [3], "b": {"d": 2, "f": 5}}));
    }
}
