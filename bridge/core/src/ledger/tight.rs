//! Lists that take no more memory than they need: a ledger of years is held in memory, and most lists in it have one
//! element, where reading them leaves room for four.

use serde::{Deserialize, Deserializer};

/// Reads a list.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(from)?;
    list.shrink_to_fit();
    Ok(list)
}

/// Reads a list that may be missing.
pub(super) fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    let mut list: Option<Vec<T>> = Option::deserialize(from)?;
    if let Some(list) = &mut list {
        list.shrink_to_fit();
    }
    Ok(list)
}
