//! Whom a call was with, by the number.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Somebody with a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A patient, by id.
    Patient(String),
    /// A professional contact, by the id of the practitioner (`EP-`) or the practice (`SP-`).
    Professional(String),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Patient(id) => write!(f, "patient/{id}"),
            Party::Professional(id) => write!(f, "professional/{id}"),
        }
    }
}

impl FromStr for Party {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Party, Self::Err> {
        let wrong = "write it like patient/900001 or professional/EP-500002";
        let (kind, id) = text.split_once('/').ok_or(wrong)?;
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(wrong);
        }
        match kind {
            "patient" => Ok(Party::Patient(id.into())),
            "professional" => Ok(Party::Professional(id.into())),
            _ => Err(wrong),
        }
    }
}

/// Whom a call was with, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Who {
    /// The only one who has the number.
    Only {
        /// Who.
        party: Party,
    },
    /// Somebody decided: this one, or nobody the practice keeps.
    Decided {
        /// Who.
        party: Option<Party>,
        /// Who said so.
        by: String,
    },
    /// Several have the number: somebody must say.
    Several {
        /// Who they are.
        among: Vec<Party>,
    },
    /// Nobody has the number, or there is none.
    Nobody,
}

impl Who {
    /// The one it was with.
    pub fn party(&self) -> Option<&Party> {
        match self {
            Who::Only { party } => Some(party),
            Who::Decided { party, .. } => party.as_ref(),
            Who::Several { .. } | Who::Nobody => None,
        }
    }

    /// Whether somebody must say.
    pub fn waits(&self) -> bool {
        matches!(self, Who::Several { .. })
    }
}

/// Matches a number's owners with what was known before. What a person decided stays; and so does a match that was told to
/// others already, unless its party does not have the number any more and another one alone does.
pub fn matched(before: Option<&Who>, mut owners: Vec<Party>) -> Who {
    owners.sort();
    owners.dedup();
    match before {
        Some(decided @ Who::Decided { .. }) => return decided.clone(),
        Some(Who::Only { party }) if owners.is_empty() || owners.contains(party) => {
            return Who::Only { party: party.clone() };
        }
        _ => {}
    }
    match owners.len() {
        0 => Who::Nobody,
        1 => Who::Only {
            party: owners.remove(0),
        },
        _ => Who::Several { among: owners },
    }
}
