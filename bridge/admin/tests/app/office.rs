//! The desk that the app of the tests decides at, and what its answers hold.

use crate::common;
use adapter_kit::Clock;
use axum::body::to_bytes;
use axum::http::header;
use axum::response::Response;
use bridge_admin::desk::Desk;
use bridge_store::Store;
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
