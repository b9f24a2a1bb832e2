//! What Halaxy's answers mean: status, and the OperationOutcome that may stand in any of them,
//! a 200 included (halaxy-api.md section 8).

use adapter_kit::{HttpResponse, StatusVerdicts, Verdict, Verdicts, retry_after};
use bridge_core::Time;
use serde_json::Value as Json;

/// Halaxy's manners.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HalaxyVerdicts;

impl Verdicts for HalaxyVerdicts {
    fn of(&self, response: &HttpResponse, now: Time) -> Verdict {
        let by_status = StatusVerdicts.of(response, now);
        let status = response.status.as_u16();
        // Only these answers are judged by their body. An outcome starts with its own type, so the
        // bodies of good answers are not parsed twice.
        if !matches!(status, 200..=299 | 400 | 401 | 422) || !names_outcome(&response.body) {
            return by_status;
        }
        let Ok(body) = response.json() else {
            return by_status;
        };
        let Some(code) = outcome_code(&body) else {
            return by_status;
        };
        match (status, code) {
            (_, "expired" | "login") => Verdict::Expired,
            (401, _) => by_status,
            (_, "forbidden" | "security" | "suppressed") => Verdict::Scope,
            (_, "not-found" | "deleted") => Verdict::Missing,
            (_, "throttled") => Verdict::Throttled(retry_after(response, now)),
            (400.., code) => Verdict::Refused(format!("{status} {code}")),
            (_, code) if is_refusal(code) => Verdict::Refused(format!("{status} {code}")),
            _ => Verdict::Transient,
        }
    }
}

/// Whether a body may be an OperationOutcome itself (not merely hold one as an entry).
fn names_outcome(body: &[u8]) -> bool {
    const NAME: &[u8] = b"OperationOutcome";
    let head = &body[..body.len().min(4_096)];
    head.windows(NAME.len()).any(|window| window == NAME)
}

/// The code of the first error of an OperationOutcome, or of its first issue if none is an error.
pub(crate) fn outcome_code(body: &Json) -> Option<&str> {
    if body["resourceType"] != "OperationOutcome" {
        return None;
    }
    let issues = body["issue"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_error = |issue: &&Json| matches!(issue["severity"].as_str(), Some("error" | "fatal") | None);
    let issue = issues.iter().find(is_error).or(issues.first());
    let code = issue.and_then(|issue| issue["code"].as_str()).unwrap_or("exception");
    // Codes are short words; anything else may be somebody's data.
    let sound = code.len() <= 32 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Some(if sound { code } else { "exception" })
}

/// FHIR issue codes that say the request itself is at fault: nothing was done, repeating is vain.
fn is_refusal(code: &str) -> bool {
    matches!(
        code,
        "invalid"
            | "structure"
            | "required"
            | "value"
            | "invariant"
            | "not-supported"
            | "duplicate"
            | "multiple-matches"
            | "too-long"
            | "code-invalid"
            | "extension"
            | "too-costly"
            | "business-rule"
            | "conflict"
            | "processing"
    )
}

/// The member an OperationOutcome blames, without the resource's name; only if it is a plain path.
pub(crate) fn outcome_path(body: &Json, kind: &str) -> Option<String> {
    let issue = &body["issue"][0];
    let said = issue["expression"][0]
        .as_str()
        .or_else(|| issue["diagnostics"].as_str())?;
    let path = said.strip_prefix(kind)?.strip_prefix('.')?;
    let plain = path.len() <= 60
        && !path.is_empty()
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'[' | b']'));
    plain.then(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: Json) -> HttpResponse {
        HttpResponse {
            status: http::StatusCode::from_u16(status).expect("a status"),
            headers: http::HeaderMap::new(),
            body: body.to_string().into(),
        }
    }

    fn outcome(code: &str) -> Json {
        json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]})
    }

    #[test]
    fn an_outcome_is_judged_by_its_code_whatever_the_status() {
        let of = |status, body| HalaxyVerdicts.of(&answer(status, body), 0);
        assert_eq!(of(200, outcome("expired")), Verdict::Expired);
        assert_eq!(of(401, outcome("expired")), Verdict::Expired);
        assert_eq!(of(400, outcome("expired")), Verdict::Expired);
        assert_eq!(of(200, outcome("exception")), Verdict::Transient);
        assert_eq!(of(200, outcome("invalid")), Verdict::Refused("200 invalid".into()));
        assert_eq!(of(422, outcome("invalid")), Verdict::Refused("422 invalid".into()));
        assert_eq!(of(200, outcome("forbidden")), Verdict::Scope);
        assert_eq!(of(503, outcome("invalid")), Verdict::Transient);
        assert_eq!(of(404, outcome("not-found")), Verdict::Missing);
        assert_eq!(of(405, Json::Null), Verdict::Refused("405".into()));
        assert_eq!(of(403, json!({"message": "Forbidden"})), Verdict::Scope);
    }

    #[test]
    fn a_warning_entry_does_not_spoil_a_page() {
        let page = json!({"resourceType": "Bundle", "entry": [{"resource": outcome("too-costly")}]});
        assert_eq!(HalaxyVerdicts.of(&answer(200, page), 0), Verdict::Fine);
    }

    #[test]
    fn only_plain_paths_are_kept() {
        let blame = |said: &str| json!({"resourceType": "OperationOutcome", "issue": [{"diagnostics": said}]});
        assert_eq!(
            outcome_path(&blame("Patient.telecom"), "Patient").as_deref(),
            Some("telecom")
        );
        assert_eq!(outcome_path(&blame("Patient.name is Samplewood"), "Patient"), None);
        assert_eq!(outcome_path(&blame("Samplewood"), "Patient"), None);
    }
}
