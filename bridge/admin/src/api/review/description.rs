//! The routes of the review for the description of the API.

use serde_json::{Map, Value as Json, json};

/// Method, path, summary.
const ROUTES: [(&str, &str, &str); 22] = [
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
        "Begin to take back what a run wrote, or only look with `dry_run`; asked again before it ends, it says how far it is",
    ),
    (
        "get",
        "/api/review/runs/{id}/undo",
        "How far the taking back of a run is, and what it came to",
    ),
];

/// Parameters behind the `?`, by method and path: name, whether it is needed, its schema.
fn asked(method: &str, path: &str) -> Vec<(&'static str, bool, Json)> {
    let text = || json!({ "type": "string" });
    let whole = |least: i64, most: i64| json!({ "type": "integer", "minimum": least, "maximum": most });
    let page = || vec![("after", false, text()), ("limit", false, whole(1, 200))];
    match (method, path) {
        ("get", "/api/review/people") => vec![("text", true, text())],
        ("get", "/api/review/people/{id}/steps") => {
            vec![("since", true, json!({ "type": "integer", "format": "int64" }))]
        }
        ("get", "/api/review/items/{id}/rule") => vec![("take", true, text())],
        ("get", "/api/review/inbox") => {
            let of = |words: &[&str]| json!({ "type": "string", "enum": words });
            let mut all = vec![
                ("kind", false, of(&["conflict", "card", "match", "hold", "task"])),
                ("risk", false, of(&["red", "amber", "grey"])),
                ("snoozed", false, json!({ "type": "boolean" })),
                ("days", false, whole(0, i64::from(u32::MAX))),
            ];
            all.extend(["system", "unit", "assigned"].map(|name| (name, false, text())));
            all.extend(page());
            all
        }
        ("get", "/api/review/decisions") => {
            let mut all = vec![("sort", false, text()), ("unit", false, text())];
            all.extend(page());
            all
        }
        _ => vec![],
    }
}

/// What is sent, by path; nothing where the route takes none.
fn sent(path: &str) -> Option<Json> {
    let text = || json!({ "type": "string" });
    let (properties, required): (Json, &[&str]) = match path {
        "/api/review/people/{id}/comment" => (json!({ "text": text() }), &["text"]),
        "/api/review/people/{id}/units/{unit}" => (
            json!({ "apart": { "type": "boolean" }, "token": text() }),
            &["apart", "token"],
        ),
        "/api/review/items/{id}/decide" | "/api/review/items/{id}/group" => {
            let acts = [
                "take",
                "value",
                "both",
                "apart",
                "dismiss",
                "replay",
                "same",
                "different",
                "household",
                "duplicate",
            ];
            let maybe = || json!({ "type": ["string", "null"] });
            let properties = json!({
                "do": { "type": "string", "enum": acts }, "system": maybe(), "value": maybe(), "token": text(),
            });
            (properties, &["do", "token"])
        }
        "/api/review/items/{id}/note" => {
            let maybe = |kind: &str| json!({ "type": [kind, "null"] });
            let snooze = json!({ "type": ["integer", "null"], "format": "int64" });
            (
                json!({ "assign": maybe("string"), "snooze": snooze, "text": maybe("string") }),
                &[],
            )
        }
        "/api/review/rules" => {
            let keys = json!({ "type": "string", "enum": ["wins", "first_link", "clear", "accept"] });
            (
                json!({ "unit": text(), "key": keys, "value": text() }),
                &["unit", "key", "value"],
            )
        }
        "/api/review/runs/{id}/undo" => (json!({ "dry_run": { "type": "boolean" } }), &[]),
        _ => return None,
    };
    Some(json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }))
}

/// The paths of the desk for the description of the API.
pub(in crate::api) fn paths() -> Map<String, Json> {
    let mut paths: Map<String, Json> = Map::new();
    for (method, path, summary) in ROUTES {
        let open = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let open = open.map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
        });
        let asked = asked(method, path).into_iter();
        let asked = asked.map(
            |(name, required, schema)| json!({ "name": name, "in": "query", "required": required, "schema": schema }),
        );
        let mut schema = json!({ "type": "object" });
        if let Some(affairs) = super::affairs::answered(path).filter(|_| method == "get") {
            schema["required"] = json!(["affairs"]);
            schema["properties"] = json!({ "affairs": affairs });
        }
        let done = json!({ "description": "Done", "content": { "application/json": { "schema": schema } } });
        let refused = |description: &str| {
            let schema = json!({ "$ref": "#/components/schemas/Refused" });
            json!({ "description": description, "content": { "application/json": { "schema": schema } } })
        };
        let mut operation = json!({
            "operationId": format!("{method} {path}").replace(['/', '{', '}', ' '], "_"),
            "summary": summary,
            "parameters": open.chain(asked).collect::<Vec<_>>(),
            "responses": {
                "200": done, "400": refused("Not understood"), "401": refused("No token of this bridge"),
                "403": refused("The token may not"), "404": refused("There is no such thing"),
                "409": refused("Not what was shown, or edited since"), "422": refused("It does not fit what is there"),
                "429": refused("Too often"), "503": refused("The bridge is starting"),
            },
        });
        if let Some(schema) = sent(path).filter(|_| method == "post") {
            let needed = schema["required"].as_array().is_some_and(|of| !of.is_empty());
            operation["requestBody"] =
                json!({ "required": needed, "content": { "application/json": { "schema": schema } } });
        }
        if let Some(of) = paths.entry(path).or_insert_with(|| json!({})).as_object_mut() {
            of.insert(method.into(), operation);
        }
    }
    paths
}
