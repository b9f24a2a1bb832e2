//! Crashes in process.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Drops what is under way after so many polls: a crash at whatever it waits for then. Nothing if it came to that.
pub async fn killed_after<T>(mut polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match polls.checked_sub(1) {
        None => Poll::Ready(None),
        Some(left) => {
            polls = left;
            work.as_mut().poll(context).map(Some)
        }
    })
    .await
}
