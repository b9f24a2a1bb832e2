//! Which locations of the practice somebody is bound to.

use super::AccessError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The longest id of a location.
const LONGEST: usize = 64;
/// The most locations of one person.
const MOST: usize = 100;

/// Whose records somebody may see, who may not see everybody's. Bound to nothing, that is nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// People of these locations, by id: a clinic, or a whole practice group.
    pub locations: BTreeSet<String>,
    /// People who belong to no location as well.
    #[serde(default)]
    pub unplaced: bool,
}

impl Bound {
    /// To these locations.
    ///
    /// # Errors
    /// [`AccessError::Typed`] for what can be no id of a location.
    pub fn to<'t>(ids: impl IntoIterator<Item = &'t str>, unplaced: bool) -> Result<Bound, AccessError> {
        let ids = ids.into_iter().map(str::trim).filter(|id| !id.is_empty());
        let locations: BTreeSet<String> = ids.map(str::to_string).collect();
        let sound =
            |id: &String| id.len() <= LONGEST && id.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != ',');
        if locations.len() <= MOST && locations.iter().all(sound) {
            Ok(Bound { locations, unplaced })
        } else {
            Err(AccessError::Typed(
                "name locations by their ids in Halaxy, such as CL-200001",
            ))
        }
    }

    /// As the history tells it.
    pub fn words(&self) -> String {
        let mut all: Vec<&str> = self.locations.iter().map(String::as_str).collect();
        if self.unplaced {
            all.push("people without a location");
        }
        match all.as_slice() {
            [] => "no location".into(),
            all => all.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_and_lists_in_one_id_are_not() {
        let bound = Bound::to([" CL-2 ", "CL-1", "CL-1", ""], false).unwrap();
        assert_eq!(bound.words(), "CL-1, CL-2");
        assert_eq!(Bound::to([], true).unwrap().words(), "people without a location");
        assert_eq!(Bound::default().words(), "no location");
        let long = "x".repeat(LONGEST + 1);
        for wrong in ["CL-1,CL-2", "CL 1", "CL\n1", long.as_str()] {
            assert!(Bound::to([wrong], false).is_err(), "{wrong:?}");
        }
    }
}
