//! What is sent to change a record, and what an answer to a write means to the engine.

use crate::verdicts::outcome_path;
use adapter_kit::{Answer, CallError, Failure, Outcome, Refusal, RefusalKind, Verdict};
use serde_json::{Map, Value as Json};

/// Members that are Halaxy's own.
const OWN: [&str; 3] = ["id", "resourceType", "meta"];

/// The merge-patch from one body to another: only the top-level members that differ, each whole,
/// since merge-patch replaces lists whole (halaxy-api.md section 7.1).
pub(crate) fn merge_patch(before: &Json, after: &Json) -> Json {
    let none = Map::new();
    let before = before.as_object().unwrap_or(&none);
    let after = after.as_object().unwrap_or(&none);
    let mut patch = Map::new();
    for (name, value) in after {
        if !OWN.contains(&name.as_str()) && before.get(name) != Some(value) {
            patch.insert(name.clone(), value.clone());
        }
    }
    for name in before.keys() {
        if !OWN.contains(&name.as_str()) && !after.contains_key(name) {
            patch.insert(name.clone(), Json::Null);
        }
    }
    Json::Object(patch)
}

/// The body of a new record: without members that only Halaxy gives.
pub(crate) fn creatable(kind: &str, body: Json) -> Json {
    let mut members = match body {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    members.retain(|name, value| name != "id" && name != "meta" && !value.is_null());
    members.shift_insert(0, "resourceType".into(), kind.into());
    Json::Object(members)
}

/// The answer to a write that failed.
pub(crate) fn answer(kind: &str, failed: CallError) -> Answer {
    match (&failed.verdict, failed.outcome) {
        (Some(Verdict::Missing), _) => Answer::Gone,
        (Some(Verdict::Moved), _) => Answer::Moved,
        (_, Outcome::Unknown) => Answer::Unknown(failed.error),
        // A resource we may not write stays refused until a person acts; that is no passing trouble.
        (_, Outcome::Refused | Outcome::NotProcessed) if matches!(failed.error.failure, Failure::Scope(_)) => {
            Answer::Refused(refusal(kind, RefusalKind::Forbidden, &failed))
        }
        (_, Outcome::NotProcessed) => Answer::Later(failed.error),
        (_, Outcome::Refused) => Answer::Refused(refusal(kind, RefusalKind::Invalid, &failed)),
    }
}

/// The answer to a write of a kind that is only read.
pub(crate) fn read_only() -> Answer {
    Answer::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        code: "read_only".into(),
        path: None,
    })
}

fn refusal(kind: &str, of: RefusalKind, failed: &CallError) -> Refusal {
    let path = failed
        .response
        .as_ref()
        .and_then(|response| response.json().ok())
        .and_then(|body| outcome_path(&body, kind));
    Refusal {
        kind: of,
        code: failed.error.code.clone(),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_holds_what_differs_and_lists_whole() {
        let before = json!({"resourceType": "Patient", "id": "1", "meta": {"lastUpdated": "x"}, "gender": "male",
            "telecom": [{"system": "sms", "value": "1"}, {"system": "email", "value": "a"}], "birthDate": "2001-02-03"});
        let after = json!({"resourceType": "Patient", "id": "1", "meta": {"lastUpdated": "y"}, "gender": "male",
            "telecom": [{"system": "sms", "value": "2"}, {"system": "email", "value": "a"}], "deceasedBoolean": false});
        assert_eq!(
            merge_patch(&before, &after),
            json!({
            "telecom": [{"system": "sms", "value": "2"}, {"system": "email", "value": "a"}],
            "deceasedBoolean": false, "birthDate": null})
        );
        assert_eq!(merge_patch(&before, &before), json!({}));
    }

    #[test]
    fn a_new_record_carries_no_id() {
        let body = creatable(
            "Patient",
            json!({"id": "1", "meta": {}, "gender": null, "birthDate": "2001-02-03"}),
        );
        assert_eq!(body, json!({"resourceType": "Patient", "birthDate": "2001-02-03"}));
    }
}
