//! Records that cannot be read while others can.

use super::Engine;
use crate::deliver::{micros, wait};
use crate::settings::System;
use adapter_kit::AdapterError;
use bridge_core::Time;

/// A record that cannot be read, while others can: it waits by itself, ever longer.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    failures: u32,
    until: Time,
}

impl Engine {
    /// Whether a record could not be read so often that nobody waits for it any more.
    pub(crate) fn given_up(&self, system: &System, remote_id: &str) -> bool {
        const OFTEN: u32 = 5;
        let parked = self.parked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parked
            .get(&(system.name.clone(), remote_id.into()))
            .is_some_and(|p| p.failures >= OFTEN)
    }

    /// Whether a record waits because it could not be read.
    pub(crate) fn parked(&self, system: &System, remote_id: &str) -> bool {
        let parked = self.parked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parked
            .get(&(system.name.clone(), remote_id.into()))
            .is_some_and(|p| self.clock.now() < p.until)
    }

    /// Parks a record that could not be read, or lets it go on.
    pub(crate) fn park(&self, system: &System, remote_id: &str, error: Option<&AdapterError>) {
        let mut parked = self.parked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (system.name.clone(), remote_id.to_string());
        match error {
            None => {
                parked.remove(&key);
            }
            Some(error) => {
                let now = self.clock.now();
                let entry = parked.entry(key).or_insert(Parked {
                    failures: 0,
                    until: now,
                });
                entry.failures = entry.failures.saturating_add(1);
                entry.until = now + micros(wait(error, entry.failures + 3));
                tracing::warn!(system = %system.name, id = remote_id, code = %error.code, "this record cannot be read; the others go on");
            }
        }
    }

    /// Lets something of a system wait until a moment.
    pub(crate) fn park_until(&self, system: &System, name: &str, until: Time) {
        let mut parked = self.parked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parked.insert((system.name.clone(), name.into()), Parked { failures: 0, until });
    }

    /// Records that wait because they could not be read, by system.
    pub fn unreadable(&self) -> Vec<(String, String)> {
        let parked = self.parked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parked
            .iter()
            .filter(|(_, p)| p.failures > 0)
            .map(|(name, _)| name.clone())
            .collect()
    }
}
