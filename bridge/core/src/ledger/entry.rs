//! The journal of what was posted: one entry for each document, kept for good, with what it comes from.

use super::document::{Contact, Document, DocumentKind};
use super::hold::Source;
use super::money::Cents;
use crate::hex::hex;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An invoice as it was billed, or what was added to it later.
    Charge,
    /// Takes back what was charged.
    Reversal,
    /// Gives up what is owed.
    WriteOff,
    /// Takes a write-off back.
    Restored,
    /// Money received for an invoice.
    Receipt,
    /// Money received in advance.
    Deposit,
    /// Money beyond what an invoice asks.
    Over,
    /// A credit used for an invoice.
    Assign,
    /// Money given back.
    Refund,
    /// What is owed again since money was given back, or a payment undone in a locked period.
    Reopened,
    /// A day's summary.
    Summary,
    /// A practitioner's service fee, or a settlement's fees: made by their own commands.
    Other,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// To be sent.
    Planned,
    /// Marked before the call; whether it arrived is looked up before anything is repeated.
    Sent,
    /// In the books.
    Posted,
    /// To be voided in the books.
    Voiding,
    /// Voided in the books.
    Void,
    /// The books refused it.
    Refused,
}

/// One source's share of a summary: signed amounts, debits positive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Effect {
    /// Account, by code.
    pub account: String,
    /// Tax rate, by code.
    pub tax_code: String,
    /// Option by tracking category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracking: BTreeMap<String, String>,
    /// Without tax.
    pub net: Cents,
    /// Tax.
    pub tax: Cents,
}

/// One document of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The document as it was or will be sent.
    pub document: Document,
    /// What it is for.
    pub purpose: Purpose,
    /// What it comes from; several for a summary.
    #[serde(deserialize_with = "super::tight::list")]
    pub sources: Vec<Source>,
    /// Each source's share of a summary, in the order of `sources`; none for other documents.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "super::tight::list"
    )]
    pub shares: Vec<Vec<Effect>>,
    /// What it was made from in Halaxy, by digest ([`super::target::Charged::basis`]; of payments the method), in the order of
    /// `sources`. While that stays as it was, other rules than those of its day change nothing about it.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "super::tight::list"
    )]
    pub bases: Vec<String>,
    /// Counts the plans that posted something of its sources: the entries of the latest one say what it rests on.
    #[serde(default)]
    pub round: u32,
    /// Of a summary: the last day that was settled when it was made. A day has one summary for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Date>,
    /// The day it belongs to in Halaxy, which a lock date may keep it from being posted on.
    pub serves: Date,
    /// Its debtor, with the name at planning.
    pub contact: Option<Contact>,
    /// Where it stands.
    pub state: EntryState,
    /// Id in the books, once known.
    pub remote_id: Option<String>,
    /// Why it was refused: the kind and the vendor's code.
    pub refused: Option<(String, String)>,
}

impl Entry {
    /// Whether it counts in the books: posted, or on its way.
    pub fn counts(&self) -> bool {
        matches!(self.state, EntryState::Planned | EntryState::Sent | EntryState::Posted)
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.document.key
    }

    /// The account that money came into or went out of, by code, for what moves money of a debtor. Where products take
    /// payments but no prepayments into an account, or give nothing back from it, it is the account of a line.
    pub fn money_account(&self) -> Option<&str> {
        let by_line = matches!(self.purpose, Purpose::Deposit | Purpose::Over | Purpose::Reopened);
        self.document.account.as_deref().or_else(|| {
            let line = self.document.lines.first().filter(|_| by_line)?;
            Some(line.account.as_str())
        })
    }

    /// Whether the books can void it. Prepayments and overpayments stay, and are paid back instead (vendor-apis.md 7).
    pub fn voidable(&self) -> bool {
        !matches!(self.document.kind, DocumentKind::Prepayment | DocumentKind::Overpayment)
    }

    /// Whether it lowers what a debtor owes once allocated.
    pub fn is_credit(&self) -> bool {
        matches!(
            self.document.kind,
            DocumentKind::CreditNote | DocumentKind::Prepayment | DocumentKind::Overpayment
        )
    }
}

/// A digest of a document: what an approval or a refusal is bound to. 16 hex digits.
pub fn digest(document: &Document) -> String {
    let bytes = serde_json::to_vec(document).unwrap_or_default();
    hex(&Sha256::digest(&bytes)[..8])
}

/// What each source rested on when it was last posted, by round.
#[derive(Clone, Debug)]
pub(super) struct RestsOn<'a> {
    latest: HashMap<&'a Source, (u32, &'a str)>,
    but: &'a BTreeSet<Source>,
}

impl<'a> RestsOn<'a> {
    /// Nothing noted yet. Of some sources nobody may rely on what they rested on.
    pub fn but(but: &'a BTreeSet<Source>) -> Self {
        RestsOn {
            latest: HashMap::new(),
            but,
        }
    }

    /// Takes an entry that counts into account.
    pub fn note(&mut self, entry: &'a Entry) {
        for (source, basis) in entry.sources.iter().zip(&entry.bases) {
            let latest = self.latest.entry(source).or_default();
            if entry.round >= latest.0 {
                *latest = (entry.round, basis);
            }
        }
    }

    /// What Halaxy says is what it said when this was last posted: the rules of that day stand.
    pub fn is(&self, source: &Source, basis: &str) -> bool {
        !self.but.contains(source) && self.latest.get(source).is_some_and(|(_, b)| *b == basis)
    }

    /// The round that comes next.
    pub fn round(&self, source: &Source) -> u32 {
        self.latest.get(source).map_or(1, |(round, _)| round + 1)
    }
}
