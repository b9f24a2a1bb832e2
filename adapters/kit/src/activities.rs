//! The contract between the diary and a CRM that shows appointments as activities of its contacts.

use crate::contract::{AdapterError, Answer};
use async_trait::async_trait;
use bridge_core::diary::Members;
use std::time::Duration;

/// A CRM's manners with activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityManners {
    /// Activities that one call of [`Activities::create`], [`Activities::change`], [`Activities::read`] or
    /// [`Activities::find`] takes.
    pub batch: usize,
    /// The longest a call can live after we gave up on it.
    pub call_life: Duration,
}

/// An activity to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewActivity {
    /// Our key, kept in the activity: it can be looked up by it.
    pub key: String,
    /// The contact it is for, by the CRM's id.
    pub contact: String,
    /// What it tells; members that the CRM has no place for are passed over.
    pub members: Members,
}

/// An activity to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedActivity {
    /// The CRM's id.
    pub id: String,
    /// Key of this attempt, stable over repeats.
    pub attempt: String,
    /// What it tells from now on; members that are not here stay.
    pub members: Members,
}

/// An activity as the CRM shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownActivity {
    /// The CRM's id.
    pub id: String,
    /// False for one that was deleted and can still be read.
    pub alive: bool,
    /// What it tells: the members that the CRM has a place for. Texts that are no value of a member are shown as they are.
    pub members: Members,
}

/// The outcome of a direct read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadActivity {
    /// There it is.
    Found(ShownActivity),
    /// There is none.
    Missing,
    /// This one could not be read; others could.
    Failed(AdapterError),
}

/// A connected CRM that keeps activities.
#[async_trait]
pub trait Activities: Send + Sync {
    /// Its manners.
    fn activity_manners(&self) -> ActivityManners;

    /// Makes activities; one answer each, in order. At most a batch.
    async fn create(&self, new: &[NewActivity]) -> Vec<Answer>;

    /// Changes activities; one answer each, in order. At most a batch.
    async fn change(&self, changed: &[ChangedActivity]) -> Vec<Answer>;

    /// Puts an activity to a contact. It may stand with it already.
    async fn attach(&self, id: &str, contact: &str) -> Answer;

    /// Takes an activity from a contact, with which it may not stand any more. Where an activity has one contact only,
    /// [`Activities::attach`] does all, and this does nothing.
    async fn detach(&self, id: &str, contact: &str) -> Answer;

    /// Direct reads by the CRM's ids, in order; never by search. At most a batch.
    async fn read(&self, ids: &[String]) -> Result<Vec<ReadActivity>, AdapterError>;

    /// Looks activities up by our keys, in order, deleted ones included. At most a batch.
    async fn find(&self, keys: &[String]) -> Result<Vec<Vec<ShownActivity>>, AdapterError>;
}
