//! The desk that the app of the tests decides at, and what its answers hold.

use crate::common;
use adapter_kit::Clock;
use axum::body::to_bytes;
use axum::http::header;
use axum::response::Response;
use bridge_admin::desk::Desk;
use bridge_core::ledger::sheet::Sheet;
use bridge_engine::ledger::office::{Head, Mood, Report, Section};
use bridge_engine::ledger::reports::{Light, Step};
use bridge_store::Store;
use serde_json::json;
use std::sync::Arc;

const UNITS: [&str; 5] = ["official_name", "birth_date", "mobile", "email", "halaxy_number"];

/// A desk over a store, with Halaxy and a CRM that take everything.
pub fn desk(store: &Store, clock: Arc<dyn Clock>) -> Desk {
    common::desk(store.clone(), &common::schema(&UNITS), clock)
}

/// What an answer holds; of a stream that goes on, the first that is told.
pub async fn body(response: Response) -> Vec<u8> {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == "text/event-stream") {
        let mut events = response.into_body().into_data_stream();
        return futures::StreamExt::next(&mut events).await.unwrap().unwrap().to_vec();
    }
    to_bytes(response.into_body(), 4 << 20).await.unwrap().to_vec()
}

/// A report of that id about somebody of that name.
pub fn report(id: &str, name: &str) -> Report {
    let mut sheet = Sheet::new(&["who", "#amount"]);
    sheet.push([name.into(), "120.00".into()]);
    Report {
        head: Head {
            id: id.into(),
            title: id.into(),
            at: crate::support::NOW,
            mood: Mood::Good,
            verdict: "Nothing differs.".into(),
            digest: "0".repeat(64),
        },
        steps: vec![],
        sections: vec![Section {
            title: "Rows".into(),
            note: String::new(),
            sheet,
            more: 0,
        }],
        items: vec![],
        notes: vec![],
    }
}

/// The close of a month whose fourth step found so many differences.
pub fn close(month: &str, differences: usize) -> Report {
    let step = |step: u8| Step {
        step,
        what: format!("thing {step}"),
        light: if step == 4 && differences > 0 {
            Light::Red
        } else {
            Light::Green
        },
        detail: "as found".into(),
        figures: [(
            "differences".to_owned(),
            if step == 4 { differences } else { 0 }.to_string(),
        )]
        .into(),
    };
    Report {
        steps: (1..=10).map(step).collect(),
        ..report(&format!("close-{month}"), "nobody")
    }
}

/// Keeps reports as the process that posts does.
pub async fn keep(store: &Store, reports: &[Report]) {
    let mut tx = store.begin().await.unwrap();
    for report in reports {
        let files = json!({ "csv": report.sections[0].sheet.csv(), "json": "{}", "page": "<!doctype html>" });
        for (part, body) in [
            ("office/report", serde_json::to_string(report).unwrap()),
            ("office/files", files.to_string()),
        ] {
            tx.put_ledger(part, &[(report.head.id.clone(), body)]).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}
