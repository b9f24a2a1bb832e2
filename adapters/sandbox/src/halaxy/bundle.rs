//! The searchset Bundle (halaxy-api.md section 4) and the OperationOutcome (section 8).

use serde_json::{Value, json};

use super::search::{Page, Search};
use crate::answer::{Answer, Call, Context};
use crate::clock::practice_instant;

/// Halaxy's media type.
pub(crate) const FHIR: &str = "application/fhir+json; charset=utf-8";

/// An answer in Halaxy's media type.
pub(crate) fn fhir(status: u16, body: Value) -> Answer {
    Answer {
        content_type: FHIR,
        ..Answer::json(status, body)
    }
}

/// An OperationOutcome.
pub(crate) fn outcome(status: u16, code: &str, text: &str, at: &str) -> Answer {
    fhir(status, outcome_body("error", code, text, at))
}

/// The body of an OperationOutcome.
pub(crate) fn outcome_body(severity: &str, code: &str, text: &str, at: &str) -> Value {
    let mut issue = json!({"severity": severity, "code": code, "details": {"text": text}});
    if !at.is_empty() {
        issue["diagnostics"] = at.into();
    }
    json!({"resourceType": "OperationOutcome", "issue": [issue]})
}

/// The Bundle of a page.
pub(crate) fn searchset(
    call: &Call,
    cx: &mut Context<'_>,
    search: &Search,
    page: &Page,
    resources: Vec<Value>,
) -> Value {
    let now = practice_instant(cx.now, false);
    let last_page = page.total.div_ceil(search.count).max(1);
    let mut links = vec![link(call, "self", search.page), link(call, "first", 1)];
    if search.page > 1 {
        links.push(link(call, "previous", (search.page - 1).min(last_page)));
    }
    if search.page < last_page {
        links.push(link(call, "next", search.page + 1));
    }
    links.push(link(call, "last", last_page));
    let mut bundle = json!({
        "resourceType": "Bundle",
        "id": cx.uuid(),
        "type": "searchset",
        "timestamp": now,
        "total": page.total,
        "meta": {"lastUpdated": now},
        "link": links,
    });
    if !search.with_total
        && let Some(members) = bundle.as_object_mut()
    {
        members.shift_remove("total");
    }
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|resource| {
            let id = resource["id"].as_str().unwrap_or_default();
            let kind = resource["resourceType"].as_str().unwrap_or_default();
            json!({"fullUrl": format!("{}/{kind}/{id}", call.base), "resource": resource, "search": {"mode": "match"}})
        })
        .collect();
    // An empty page has no entry at all.
    if !entries.is_empty() {
        bundle["entry"] = entries.into();
    }
    bundle
}

fn link(call: &Call, relation: &str, page: usize) -> Value {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in &call.query {
        if key != "page" {
            query.append_pair(key, value);
        }
    }
    query.append_pair("page", &page.to_string());
    let kind = call.path.first().map_or("", String::as_str);
    json!({"relation": relation, "url": format!("{}/{kind}?{}", call.base, query.finish())})
}
