//! What the driver announced in the queue and nobody is known to have answered for: other workers
//! answer the broker, and the driver sees it in the store.

use bridge_core::Time;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// So long after it was announced an entity that still waits is announced again: whoever took it may be gone.
const AGAIN: Time = 3_000_000;

/// Entities that were announced, each with the moment since when it waits and the one of the announcement.
#[derive(Default)]
pub(crate) struct Handed(Mutex<HashMap<String, (Time, Time)>>);

impl Handed {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, (Time, Time)>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those of the waiting that are to be announced now; they count as handed out from now on.
    pub fn announce(&self, waiting: Vec<(String, Time)>, now: Time) -> Vec<String> {
        self.with(|handed| {
            let fresh = |(id, since): &(String, Time)| {
                handed
                    .get(id)
                    .is_none_or(|(then, at)| then != since || now - at >= AGAIN)
            };
            let fresh: Vec<(String, Time)> = waiting.into_iter().filter(fresh).collect();
            handed.extend(fresh.iter().map(|(id, since)| (id.clone(), (*since, now))));
            fresh.into_iter().map(|(id, _)| id).collect()
        })
    }

    /// These were answered for by this process.
    pub fn answered<'a>(&self, ids: impl Iterator<Item = &'a String>) {
        self.with(|handed| ids.for_each(|id| _ = handed.remove(id)));
    }

    /// Forgets what does not wait any more, or waits for another reason since.
    pub fn keep(&self, waiting: &[(String, Time)]) {
        self.with(|handed| {
            let waiting: HashMap<&str, Time> = waiting.iter().map(|(id, since)| (id.as_str(), *since)).collect();
            handed.retain(|id, (since, _)| waiting.get(id.as_str()) == Some(since));
        });
    }

    /// Whether nobody has anything in hand, as far as is known.
    pub fn is_empty(&self) -> bool {
        self.with(|handed| handed.is_empty())
    }
}
