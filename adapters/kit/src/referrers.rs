//! The contract between the bridge and a CRM that holds referrers as records of their own.

use crate::contract::{AdapterError, Answer};
use async_trait::async_trait;
use bridge_core::care::refer::{Field, Fields, Sort};
use std::collections::BTreeSet;
use std::time::Duration;

/// A CRM's manners with records of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerManners {
    /// Records that one call of [`Referrers::create`], [`Referrers::change`] or [`Referrers::find`] takes.
    pub batch: usize,
    /// The longest a call can live after we gave up on it.
    pub call_life: Duration,
    /// Fields that it has a place for.
    pub fields: BTreeSet<Field>,
    /// The records are contacts of the CRM, with ids of the same space as those of patients: activities can stand with
    /// them, and one may be a patient's.
    pub contacts: bool,
    /// Records can be looked up by provider number.
    pub by_number: bool,
    /// Whether a person's record is put to that of their practice by a call of its own.
    pub relates: bool,
    /// Whether it can be taken from there by another one.
    pub leaves: bool,
}

/// A record to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReferrer {
    /// Our key, kept in the record: it can be looked up by it.
    pub key: String,
    /// What it holds.
    pub fields: Fields,
}

/// A record to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedReferrer {
    /// The CRM's id.
    pub id: String,
    /// Key of this attempt, stable over repeats.
    pub attempt: String,
    /// What it holds from now on; fields that are not here stay.
    pub fields: Fields,
}

/// A record as the CRM shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownReferrer {
    /// The CRM's id.
    pub id: String,
    /// False for one that was deleted and can still be read.
    pub alive: bool,
    /// The fields that the CRM has a place for; blank ones too.
    pub fields: Fields,
}

/// A connected CRM that holds referrers.
#[async_trait]
pub trait Referrers: Send + Sync {
    /// Its manners; none if it holds no records of this sort.
    fn referrer_manners(&self, sort: Sort) -> Option<ReferrerManners>;

    /// Makes records; one answer each, in order. At most a batch.
    async fn create(&self, sort: Sort, new: &[NewReferrer]) -> Vec<Answer>;

    /// Changes records; one answer each, in order. At most a batch.
    async fn change(&self, sort: Sort, changed: &[ChangedReferrer]) -> Vec<Answer>;

    /// Looks records up by our keys, in order, deleted ones included. At most a batch.
    ///
    /// # Errors
    /// The first that cannot be looked up.
    async fn find(&self, sort: Sort, keys: &[String]) -> Result<Vec<Vec<ShownReferrer>>, AdapterError>;

    /// Live records with a provider number; none where the CRM cannot be asked.
    ///
    /// # Errors
    /// If it cannot be looked up now.
    async fn numbered(&self, sort: Sort, number: &str) -> Result<Vec<ShownReferrer>, AdapterError>;

    /// Puts a person's record to that of a practice, by the CRM's ids; it may stand there already.
    async fn relate(&self, person: &str, practice: &str) -> Answer;

    /// Takes a person's record from that of a practice, by the CRM's ids; it may be away already. [`Answer::Gone`] where the
    /// CRM has no such call, or one of the records is gone.
    async fn leave(&self, person: &str, practice: &str) -> Answer;
}
