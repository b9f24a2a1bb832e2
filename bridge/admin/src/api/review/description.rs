//! The routes of the review for the description of the API.

use serde_json::{Map, Value as Json, json};

/// Method, path, summary.
const ROUTES: [(&str, &str, &str); 21] = [
    (
        "get",
        "/api/review/people",
        "People that `text` may mean: names, e-mail, phone, number, record, invoice",
    ),
    ("get", "/api/review/people/{id}", "Everything about one person"),
    (
        "post",
        "/api/review/people/{id}/sync",
        "Read every record of the person afresh",
    ),
    ("get", "/api/review/people/{id}/steps", "What happened since `since`"),
    (
        "post",
        "/api/review/people/{id}/comment",
        "Say something about the person",
    ),
    ("get", "/api/review/people/{id}/units/{unit}", "The token of one unit"),
    (
        "post",
        "/api/review/people/{id}/units/{unit}",
        "Keep a unit apart, or take it in again",
    ),
    ("get", "/api/review/inbox", "What waits, longest first, by filters"),
    ("get", "/api/review/totals", "How many items each filter has"),
    ("get", "/api/review/items/{id}", "One item with what each choice causes"),
    ("post", "/api/review/items/{id}/decide", "Decide it, as it was shown"),
    (
        "post",
        "/api/review/items/{id}/note",
        "Assign it, let it sleep, or say something",
    ),
    ("get", "/api/review/items/{id}/group", "The items of its pattern"),
    (
        "post",
        "/api/review/items/{id}/group",
        "Decide all of them, as they were shown",
    ),
    (
        "get",
        "/api/review/items/{id}/rule",
        "The rule that taking `take` would be, tried",
    ),
    ("post", "/api/review/rules", "Try a rule"),
    ("get", "/api/review/decisions", "Decisions, newest first"),
    ("post", "/api/review/decisions/{id}/undo", "Take one back"),
    (
        "post",
        "/api/review/groups/{id}/undo",
        "Take back all that was decided together",
    ),
    ("get", "/api/review/runs", "The last runs"),
    (
        "post",
        "/api/review/runs/{id}/undo",
        "Take back what a run wrote, or only look with `dry_run`",
    ),
];

/// The paths of the desk for the description of the API.
pub(in crate::api) fn paths() -> Map<String, Json> {
    let mut paths: Map<String, Json> = Map::new();
    for (method, path, summary) in ROUTES {
        let parameters: Vec<Json> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let text = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": {} } } });
        let mut operation = json!({
            "operationId": format!("{method} {path}").replace(['/', '{', '}', ' '], "_"),
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": text("Done"), "400": text("Not understood"), "401": text("No token of this bridge"),
                "403": text("The token may not"), "404": text("There is no such thing"),
                "409": text("Not what was shown, or edited since"), "422": text("It does not fit what is there"),
                "429": text("Too often"), "503": text("The bridge is starting"),
            },
        });
        if method == "post" {
            operation["requestBody"] = json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
        }
        if let Some(of) = paths.entry(path).or_insert_with(|| json!({})).as_object_mut() {
            of.insert(method.into(), operation);
        }
    }
    paths
}
