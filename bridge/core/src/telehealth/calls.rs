//! Calls, and keeping each of them once.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One call that somebody of the practice made. Holds no recording, no text and no link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The same for the same call of another file.
    pub key: String,
    /// When it began, on the practice's clock.
    pub at: DateTime,
    /// Seconds; none if the report does not tell.
    pub seconds: Option<u32>,
    /// The number called, in E.164; none if there is none, or it is no number.
    pub number: Option<String>,
    /// Who called, as the report spells it.
    pub practitioner: String,
    /// The practice location, as the report spells it; may be empty.
    pub location: String,
    /// What became of it, in the report's word.
    pub status: String,
    /// Whether somebody answered; none if the word is not known.
    pub connected: Option<bool>,
    /// Credits that the report shows.
    pub credits: Option<u32>,
}

/// Without number and names.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("key", &self.key)
            .field("at", &self.at)
            .field("credits", &self.credits)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// The day it counts for.
    pub fn day(&self) -> Date {
        self.at.date()
    }

    /// What it took: as reported, else as estimated, and whether it is.
    pub fn cost(&self) -> (u32, bool) {
        match self.credits {
            Some(credits) => (credits, false),
            None if self.connected == Some(false) => (0, true),
            None => (super::estimate::phone(self.seconds.unwrap_or(0), 1), true),
        }
    }
}

/// Rows of reports that are kept by their key. Two reports of one row are joined so that neither the order of the files
/// nor how often they come makes a difference.
pub trait Ledgered: Sized {
    /// The key.
    fn key(&self) -> &str;
    /// Takes in what another report says of the same row; which says more wins.
    fn join(&mut self, other: Self);
}

impl Ledgered for Call {
    fn key(&self) -> &str {
        &self.key
    }

    fn join(&mut self, other: Call) {
        let told = |c: &Call| (c.seconds, c.credits, c.connected, c.status.clone(), c.location.clone());
        if told(&other) > told(self) {
            *self = other;
        }
    }
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// Rows that were not there.
    pub new: usize,
    /// Rows that were there.
    pub known: usize,
    /// Of those, rows of which more is known now.
    pub changed: usize,
}

impl Merge {
    /// Takes rows into those there are; the keys that are new or say more now are handed out.
    pub fn of<R: Ledgered + Clone + PartialEq>(
        there: &mut BTreeMap<String, R>,
        rows: impl IntoIterator<Item = R>,
        mut touched: impl FnMut(&str),
    ) -> Merge {
        let mut merge = Merge::default();
        for row in rows {
            match there.entry(row.key().to_owned()) {
                Entry::Vacant(place) => {
                    merge.new += 1;
                    touched(row.key());
                    place.insert(row);
                }
                Entry::Occupied(mut place) => {
                    merge.known += 1;
                    let before = place.get().clone();
                    place.get_mut().join(row);
                    if *place.get() != before {
                        merge.changed += 1;
                        touched(place.key());
                    }
                }
            }
        }
        merge
    }
}
