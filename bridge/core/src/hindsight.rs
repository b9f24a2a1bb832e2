//! What a product's history tells about a write afterwards: whether somebody typed a value between
//! our guard and our write, which the write then replaced unseen (merge-rule.md section 6).

use crate::value::Value;

/// The value that our write replaced although its guard had not seen it. `history` is newest first
/// and ends where the product's memory does; `before` is what the guard saw, blank if nothing.
///
/// Needs no clocks: directly below what we wrote must stand what the guard saw.
pub fn overwritten<'v>(before: Option<&Value>, sent: &Value, history: &'v [Value]) -> Option<&'v Value> {
    let ours = history.iter().position(|value| value == sent)?;
    // A product may note the same value twice.
    let below = history[ours..].iter().find(|value| *value != sent)?;
    let seen = match before {
        Some(before) => below == before,
        None => below.is_empty(),
    };
    (!seen).then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(texts: &[&str]) -> Vec<Value> {
        texts.iter().map(|t| Value::text(*t)).collect()
    }

    #[test]
    fn what_stood_between_guard_and_write_is_found() {
        let [guarded, typed, sent] = ["a", "b", "c"].map(Value::text);
        let found = |history: &[&str]| overwritten(Some(&guarded), &sent, &values(history)).cloned();
        assert_eq!(found(&["c", "b", "a"]), Some(typed));
        assert_eq!(found(&["c", "a"]), None, "nobody typed");
        assert_eq!(found(&["d", "c", "a"]), None, "a later edit is no victim");
        assert_eq!(found(&["c", "c", "a"]), None, "noted twice");
        assert_eq!(found(&["b", "a"]), None, "our write is not there");
        assert_eq!(found(&["c"]), None, "the history does not reach back");
        assert_eq!(
            overwritten(None, &sent, &values(&["c", "b"])),
            Some(&Value::text("b")),
            "the guard saw a blank"
        );
        assert_eq!(overwritten(None, &sent, &[sent.clone(), Value::Empty]), None);
    }

    proptest! {
        /// A history in which every write of ours stands on what its guard saw accuses nobody.
        #[test]
        fn serial_edits_accuse_nobody(letters in proptest::collection::vec(0u8..4, 2..12)) {
            let mut steps: Vec<Value> = letters.iter().map(|l| Value::text(format!("v{l}"))).collect();
            steps.dedup();
            prop_assume!(steps.len() > 1);
            let (sent, before) = (steps[steps.len() - 1].clone(), steps[steps.len() - 2].clone());
            steps.reverse();
            prop_assert_eq!(overwritten(Some(&before), &sent, &steps), None);
        }
    }
}
