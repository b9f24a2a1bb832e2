//! The table as a page to read.

use super::{ENDPOINTS, Endpoint, GROUPS};

/// `ENDPOINTS.md`: every endpoint with its command and its route of the HTTP API, whether the stand-in serves it, and the test that calls it.
pub fn document() -> String {
    let mut text = format!(
        "# Halaxy's endpoints\n\n\
         Generated from `adapters/halaxy/src/endpoints/table.rs`; `tests/endpoints.rs` keeps it true, and sends the example\n\
         of every row to the stand-in, which serves all of them. {} endpoints of {} resource types: the matrix of the\n\
         research (halaxy-api.md section 7.0) adds up to this number; the inventory that it quotes counts 48.\n",
        ENDPOINTS.len(),
        resources().len(),
    );
    for group in GROUPS {
        text.push_str(&format!(
            "\n## {group}\n\n| Request | `halaxy-bridge halaxy ..` | API | Stand-in | Test | What to know |\n|---|---|---|---|---|---|\n"
        ));
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.group == group) {
            text.push_str(&row(endpoint));
        }
    }
    text
}

fn row(endpoint: &Endpoint) -> String {
    let Endpoint {
        method,
        path,
        action,
        about,
        note,
        ..
    } = endpoint;
    let told = format!("{about} {note}");
    format!(
        "| `{method} {path}` | `{action}` | `POST /api/halaxy/{action}` | yes | `every_endpoint_answers` | {} |\n",
        told.trim()
    )
}

fn resources() -> std::collections::BTreeSet<&'static str> {
    ENDPOINTS.iter().map(|endpoint| endpoint.resource).collect()
}
