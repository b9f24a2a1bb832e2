//! Planned writes that go out only once a person has let them: of a paused system, behind a brake, or in a group that nobody
//! has approved. A pass does not wait for people.

use crate::error::EngineError;
use crate::kept_back::{Group, is_kept_back};
use crate::pause;
use crate::step::Engine;

/// What a person lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// A pause of the system.
    Pause,
    /// A brake.
    Brake,
    /// A group that was not approved.
    Group,
}

/// Writes of one group that wait for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// Which.
    pub group: Group,
    /// How many.
    pub writes: u64,
    /// For what.
    pub by: HeldBy,
}

impl Engine {
    /// Everything that is planned, if all of it waits for a person; nothing if some of it goes out by itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn held_up(&self) -> Result<Option<Vec<HeldUp>>, EngineError> {
        let brakes = self.brakes().await?;
        let mut all = vec![];
        for ((system, create), writes) in self.store.planned().await? {
            let group = Group { system, create };
            let by = if pause::paused(&self.store, &group.system).await?.is_some() {
                HeldBy::Pause
            } else if brakes.iter().any(|brake| brake.system == group.system) {
                HeldBy::Brake
            } else if is_kept_back(&self.store, &group).await? {
                HeldBy::Group
            } else {
                return Ok(None);
            };
            all.push(HeldUp { group, writes, by });
        }
        Ok(Some(all))
    }
}
