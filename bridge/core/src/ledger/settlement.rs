//! Settlement statements: what HICAPS, Tyro, Medicare, and card companies say they paid, tied to what Halaxy says was
//! received. A statement is read by a layout ([`SettlementRule`]) into [`Settlement`]s; [`Imported`] keeps each row
//! once; [`tie()`] finds what belongs together; [`book()`] proposes what to book of it.

mod book;
mod layout;
mod pairs;
mod read;
mod table;
mod tie;

pub use book::{BankLine, BookHold, Booking, book};
pub use layout::{Column, SettlementRule};
pub use read::{Import, RowProblem, read};
pub use table::{DayLine, days_sheet, tieout_page};
pub use tie::{By, Difference, PaymentLeft, RowLeft, Tie, TieOut, tie};

use super::money::Cents;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a row of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// Money received from a payer.
    Payment,
    /// Money given back to one; gross below zero.
    Refund,
    /// A fee of its own, of no payment; gross is nothing.
    Fee,
    /// The transfer to the practice's bank; in [`Settlement::stated`], not among the rows.
    Payout,
    /// Something that moved no money.
    Ignored,
}

/// One row: `net = gross + surcharge - fee - fee_tax`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The same for the same row of another file.
    pub key: String,
    /// The statement's reference for it (a claim, a transaction, an invoice number); empty if it has none.
    pub reference: String,
    /// When it happened.
    pub date: Date,
    /// Before fees and surcharges; below zero for a refund.
    pub gross: Cents,
    /// The provider's fee, without tax.
    pub fee: Cents,
    /// Tax on the fee.
    pub fee_tax: Cents,
    /// What the payer paid on top for paying by card, with its tax: Halaxy's payment does not hold it, `gross` neither.
    #[serde(default, skip_serializing_if = "nothing")]
    pub surcharge: Cents,
    /// What reaches the bank of it.
    pub net: Cents,
    /// What it is.
    pub kind: RowKind,
    /// The statement shows what reached the bank only: fees may have been taken off that it does not show.
    #[serde(default)]
    pub net_only: bool,
}

fn nothing(amount: &Cents) -> bool {
    amount.is_zero()
}

/// One payment of a provider to the practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Name of the layout.
    pub provider: String,
    /// The provider's reference (a pay run, a payout), or the layout's name and the day.
    pub reference: String,
    /// When it was paid.
    pub paid_on: Date,
    /// The amount paid, where the statement says so itself.
    pub stated: Option<Cents>,
    /// What it is made of.
    pub rows: Vec<Row>,
}

impl Settlement {
    /// What its rows say reached the bank.
    pub fn net(&self) -> Cents {
        self.rows.iter().map(|r| r.net).sum()
    }

    /// What reached the bank: as stated, else by its rows.
    pub fn paid(&self) -> Cents {
        self.stated.unwrap_or_else(|| self.net())
    }
}

/// All statements imported so far; each file and each row counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Name by the SHA-256 of the file; files read without a problem only.
    pub files: BTreeMap<String, String>,
    /// By provider and reference.
    pub settlements: Vec<Settlement>,
}

/// What an import added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The very file was imported before; nothing was looked at.
    pub known_file: bool,
    /// New rows.
    pub rows: usize,
    /// Rows that were there from another file.
    pub known: usize,
    /// Of those, rows whose fee or kind differs there; the first word stands.
    pub differing: usize,
}

impl Imported {
    /// Adds what a file says.
    pub fn add(&mut self, import: &Import) -> Added {
        let mut added = Added::default();
        if self.files.contains_key(&import.digest) {
            added.known_file = true;
            return added;
        }
        // A file with rows that could not be read may come again as it is, read by a mended layout.
        if import.problems.is_empty() {
            self.files.insert(import.digest.clone(), import.file.clone());
        }
        let mut known: BTreeMap<String, Row> = BTreeMap::new();
        for row in self.settlements.iter().flat_map(|s| &s.rows) {
            known.insert(row.key.clone(), row.clone());
        }
        for new in &import.settlements {
            let at = self
                .settlements
                .iter()
                .position(|s| s.provider == new.provider && s.reference == new.reference);
            let mut rows = Vec::new();
            for row in &new.rows {
                match known.get(&row.key) {
                    Some(old) => {
                        added.known += 1;
                        added.differing += usize::from(old != row);
                    }
                    None => rows.push(row.clone()),
                }
            }
            added.rows += rows.len();
            match at {
                Some(at) => {
                    let old = &mut self.settlements[at];
                    old.rows.extend(rows);
                    old.stated = old.stated.or(new.stated);
                }
                None if rows.is_empty() && new.stated.is_none() => {}
                None => self.settlements.push(Settlement { rows, ..new.clone() }),
            }
        }
        self.settlements
            .sort_by(|a, b| (&a.provider, a.paid_on, &a.reference).cmp(&(&b.provider, b.paid_on, &b.reference)));
        added
    }

    /// Keys of all rows.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.settlements
            .iter()
            .flat_map(|s| &s.rows)
            .map(|r| r.key.as_str())
            .collect()
    }
}
