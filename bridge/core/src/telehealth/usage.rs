//! Rows of the credit usage report: what credits were used for, and what was bought.

use super::calls::Ledgered;
use crate::ledger::Cents;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What credits went for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageKind {
    /// Consultations by video.
    Video,
    /// Consultations by phone.
    Phone,
    /// The practice's own number.
    Number,
    /// Anything else that takes credits (messages, say).
    Other,
    /// Credits that were bought.
    TopUp,
}

impl UsageKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            UsageKind::Video => "video",
            UsageKind::Phone => "phone",
            UsageKind::Number => "number",
            UsageKind::Other => "other",
            UsageKind::TopUp => "top-up",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The same for the same row of another file.
    pub key: String,
    /// The day.
    pub day: Date,
    /// What for.
    pub kind: UsageKind,
    /// Who, as the report spells it; may be empty.
    pub practitioner: String,
    /// Where, likewise.
    pub location: String,
    /// Credits used, or bought.
    pub credits: u32,
    /// What bought ones cost, tax included.
    pub amount: Option<Cents>,
}

impl Ledgered for Usage {
    fn key(&self) -> &str {
        &self.key
    }

    fn join(&mut self, other: Usage) {
        if (other.credits, other.amount) > (self.credits, self.amount) {
            *self = other;
        }
    }
}
