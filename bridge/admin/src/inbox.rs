//! Where webhooks leave their hints: one task writes those of many requests in one transaction, and each
//! request is answered when its own are kept.

use adapter_kit::Clock;
use bridge_store::{Hint, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Requests that may wait to be written; more are turned away, and their senders come again.
const WAITING: usize = 2_048;
/// Requests written in one transaction.
const BATCH: usize = 512;
/// The longest that writing may take. A product that waits longer repeats the event anyway.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why hints were not kept. The sender is told to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// Too many requests wait already.
    #[error("too many requests wait")]
    Full,
    /// The store is away, or did not take them in time.
    #[error("the store does not take it now")]
    Away,
}

/// Where requests leave their hints. Clones share one writer, which ends with the last of them.
#[derive(Clone)]
pub struct Inbox {
    queue: mpsc::Sender<Parcel>,
    shelf: Arc<watch::Sender<Option<Shelf>>>,
}

/// The hints of one request, and whom to tell when they are kept.
struct Parcel {
    hints: Vec<Hint>,
    kept: oneshot::Sender<Result<(), NotKept>>,
}

/// Where hints are kept, and who is told of new ones.
#[derive(Clone)]
struct Shelf {
    store: Store,
    bell: Arc<Notify>,
}

impl Inbox {
    /// An inbox that turns everything away until it is opened. Its writer runs where `runtime` says.
    pub fn new(clock: Arc<dyn Clock>, runtime: &Handle) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let (shelf, seen) = watch::channel(None);
        runtime.spawn(write(waiting, seen, clock));
        Self {
            queue,
            shelf: Arc::new(shelf),
        }
    }

    /// From now on hints are kept in this store, and `bell` is rung for new ones.
    pub fn open(&self, store: Store, bell: Arc<Notify>) {
        self.shelf.send_replace(Some(Shelf { store, bell }));
    }

    /// Turns everything away until it is opened again.
    pub fn close(&self) {
        self.shelf.send_replace(None);
    }

    /// Returns when the hints are kept.
    ///
    /// # Errors
    /// [`NotKept`]; they may be given again, since events known already are left out.
    pub async fn put(&self, hints: Vec<Hint>) -> Result<(), NotKept> {
        let (kept, answer) = oneshot::channel();
        self.queue.try_send(Parcel { hints, kept }).map_err(|_| NotKept::Full)?;
        answer.await.unwrap_or(Err(NotKept::Away))
    }
}

async fn write(mut waiting: mpsc::Receiver<Parcel>, shelf: watch::Receiver<Option<Shelf>>, clock: Arc<dyn Clock>) {
    let mut parcels = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut parcels, BATCH).await > 0 {
        let shelf = shelf.borrow().clone();
        let mut hints = vec![];
        for parcel in &mut parcels {
            hints.append(&mut parcel.hints);
        }
        let kept = match shelf {
            None => Err(NotKept::Away),
            Some(shelf) => match tokio::time::timeout(PATIENCE, shelf.store.land_hints(&hints, clock.now())).await {
                Ok(Ok(new)) => {
                    if new > 0 {
                        shelf.bell.notify_one();
                    }
                    Ok(())
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, hints = hints.len(), "webhooks could not be kept; their senders come again");
                    Err(NotKept::Away)
                }
                Err(_) => {
                    tracing::warn!(
                        hints = hints.len(),
                        "webhooks were not kept in time; their senders come again"
                    );
                    Err(NotKept::Away)
                }
            },
        };
        for parcel in parcels.drain(..) {
            // Somebody who went away comes again; the event is known then.
            let _ = parcel.kept.send(kept);
        }
    }
}
