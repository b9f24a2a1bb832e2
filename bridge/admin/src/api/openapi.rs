//! The API described for programs (OpenAPI 3.1), made from the table of endpoints.

use adapter_halaxy::endpoints::{Check, ENDPOINTS, Endpoint, Input};
use serde_json::{Map, Value as Json, json};

/// The description.
pub fn document() -> Json {
    let mut paths = Map::new();
    paths.insert("/api/halaxy".into(), list());
    paths.insert("/api/openapi.json".into(), described());
    paths.extend(super::review::paths());
    for row in ENDPOINTS.iter() {
        paths.insert(format!("/api/halaxy/{}", row.action), json!({ "post": operation(row) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "halaxy-bridge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Halaxy's endpoints as actions. Writes are sent once for each Idempotency-Key.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Refused": {
                    "type": "object",
                    "required": ["error", "remedy"],
                    "properties": {
                        "error": { "type": "string", "description": "What is wrong; never a value that was sent" },
                        "input": { "type": "string" },
                        "code": { "type": "string", "description": "Halaxy's status or code" },
                        "remedy": { "type": "string" },
                    },
                },
                "Preview": {
                    "type": "object",
                    "required": ["dry_run", "action", "method", "url"],
                    "properties": {
                        "dry_run": { "const": true }, "action": { "type": "string" }, "method": { "type": "string" },
                        "url": { "type": "string" }, "query": { "type": "array" }, "body": {},
                    },
                },
                "Found": {
                    "type": "object",
                    "required": ["action"],
                    "properties": {
                        "action": { "type": "string" }, "id": { "type": ["string", "null"] }, "record": {},
                        "rows": { "type": "array" }, "included": { "type": "array" }, "more": { "type": "boolean" },
                        "left_out": { "type": "object" },
                    },
                },
                "Done": {
                    "type": "object",
                    "required": ["action", "request_key", "outcome", "repeated"],
                    "properties": {
                        "action": { "type": "string" }, "request_key": { "type": "string" },
                        "outcome": { "enum": ["done", "refused", "under_way", "unknown"] },
                        "repeated": { "type": "boolean", "description": "Nothing was sent now" },
                        "code": { "type": ["string", "null"] }, "resource": { "type": "string" },
                        "id": { "type": ["string", "null"] }, "at": { "type": "string", "format": "date-time" },
                        "record": {}, "advice": { "type": ["string", "null"] },
                    },
                },
            },
        },
    })
}

fn of(schema: &str) -> Json {
    json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn refusals(responses: &mut Map<String, Json>, statuses: &[(&str, &str)]) {
    for (status, description) in statuses {
        let response = json!({ "description": description, "content": of("Refused") });
        responses.insert((*status).into(), response);
    }
}

fn list() -> Json {
    let mut responses = Map::new();
    let table = json!({ "type": "object", "required": ["actions"], "properties": { "actions": { "type": "array" } } });
    responses.insert(
        "200".into(),
        json!({ "description": "The actions that the token may make", "content": { "application/json": { "schema": table } } }),
    );
    refusals(&mut responses, &[("401", "No token")]);
    json!({ "get": { "operationId": "actions", "summary": "The actions", "responses": responses } })
}

fn described() -> Json {
    let mut responses = Map::new();
    let any = json!({ "application/json": { "schema": { "type": "object" } } });
    responses.insert("200".into(), json!({ "description": "This document", "content": any }));
    refusals(&mut responses, &[("401", "No token")]);
    json!({ "get": { "operationId": "openapi", "summary": "This document", "responses": responses } })
}

fn operation(row: &'static Endpoint) -> Json {
    let mut responses = Map::new();
    let done = if row.writes() { "Done" } else { "Found" };
    let either = json!({ "anyOf": [
        { "$ref": format!("#/components/schemas/{done}") }, { "$ref": "#/components/schemas/Preview" },
    ] });
    responses.insert(
        "200".into(),
        json!({ "description": "Done, or shown if dry_run was asked for", "content": { "application/json": { "schema": either } } }),
    );
    let mut statuses = vec![
        ("400", "Input that cannot be used"),
        ("401", "No token"),
        ("403", "The token or the practice does not allow it"),
        ("404", "Halaxy has no such record"),
        ("413", "The body is too large"),
        ("500", "The bridge failed"),
        ("503", "Nothing was done; try again later"),
    ];
    if row.writes() {
        statuses.push(("409", "The key was used for another request"));
        for (status, description) in [
            ("202", "It is under way; ask again with the same key"),
            ("422", "Halaxy refused it; nothing was done"),
            ("504", "Nobody knows whether it was done; look in Halaxy"),
        ] {
            responses.insert(
                status.into(),
                json!({ "description": description, "content": of("Done") }),
            );
        }
    } else {
        statuses.push(("422", "Halaxy refused it"));
        statuses.push(("504", "Halaxy takes too long"));
    }
    refusals(&mut responses, &statuses);
    let mut operation = json!({
        "operationId": row.action,
        "tags": [row.group],
        "summary": row.about,
        "description": format!("{} {}. {}", row.method, row.path, row.note).trim().to_string(),
        "requestBody": { "required": row.inputs().any(|input| input.required), "content": { "application/json": {
            "schema": sent(row),
        } } },
        "responses": responses,
    });
    if row.writes() {
        operation["parameters"] = json!([{
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "What the write is known by; needed unless dry_run is asked for",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,80}$" },
        }]);
    }
    operation
}

/// What is sent for an action.
fn sent(row: &'static Endpoint) -> Json {
    let inputs: Map<String, Json> = row.inputs().map(|i| (i.name.to_string(), input(i))).collect();
    let required: Vec<&str> = row.inputs().filter(|i| i.required).map(|i| i.name).collect();
    let mut properties = json!({
        "inputs": { "type": "object", "additionalProperties": false, "properties": inputs, "required": required },
        "dry_run": { "type": "boolean", "description": "Show the request, and send nothing" },
    });
    if row.writes() {
        properties["body"] =
            json!({ "type": "object", "description": "A body to start from; inputs are laid over it" });
    }
    if row.lists() {
        properties["all"] = json!({ "type": "boolean", "description": "Every page" });
    }
    let needed: &[&str] = if required.is_empty() { &[] } else { &["inputs"] };
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": needed })
}

fn input(input: &Input) -> Json {
    let schema = match input.check {
        Check::Flag => json!({ "type": "boolean" }),
        Check::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Check::OneOf(words) => json!({ "type": "string", "enum": words }),
        Check::Word(word) => json!({ "type": "string", "const": word }),
        Check::Date => json!({ "type": "string", "format": "date" }),
        Check::Instant => json!({ "type": "string", "format": "date-time" }),
        Check::Email => json!({ "type": "string", "format": "email" }),
        _ => json!({ "type": "string", "minLength": 1 }),
    };
    let mut schema = match input.check {
        // The two bounds of a range.
        Check::When => json!({ "anyOf": [schema, { "type": "array", "items": schema, "minItems": 1, "maxItems": 2 }] }),
        _ => schema,
    };
    schema["description"] = format!("{}: {}", input.about, input.check.remedy()).into();
    schema
}
