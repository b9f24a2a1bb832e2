//! The contract between the ledger and an accounting product.

use crate::contract::{AdapterError, Probe, Usage};
use async_trait::async_trait;
use bridge_core::ledger::{Books, Contact, Document, DocumentKind, Shown};
use jiff::civil::Date;

/// A document on its way out, with the ids in the books of what it names.
#[derive(Clone, Debug)]
pub struct Posting {
    /// What to post.
    pub document: Document,
    /// Key of this attempt for products that know idempotency keys, stable over repeats.
    pub attempt: String,
    /// Id in the books of `document.contact`.
    pub contact: Option<String>,
    /// Id in the books of `document.of`, and its kind.
    pub of: Option<(DocumentKind, String)>,
    /// Id in the books of `document.to`.
    pub to: Option<String>,
}

/// The answer to one posting, voiding or contact.
#[derive(Clone, Debug)]
pub enum Posted {
    /// Done.
    Applied {
        /// Id in the books.
        remote_id: String,
        /// The document, where the answer shows it.
        shown: Option<Box<Shown>>,
    },
    /// The books will not take it: a person must act. Nothing was written.
    Refused(BooksRefusal),
    /// Proved not processed: may be sent again later.
    Later(AdapterError),
    /// It may or may not have landed: look it up by its key before anything is repeated.
    Unknown(AdapterError),
}

/// Why the books will not take something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BooksRefusal {
    /// What kind of refusal.
    pub kind: BooksRefusalKind,
    /// The vendor's code; never its message, which may quote a person.
    pub code: String,
}

/// Kinds of refusal, by what a bookkeeper does about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BooksRefusalKind {
    /// The date lies in a locked period.
    Locked,
    /// The contact's name stands on another contact.
    NameTaken,
    /// The number stands on another document: it may be ours, or posted by somebody else.
    NumberTaken,
    /// An account is archived, unknown, or does not take this.
    Account,
    /// A tax rate is unknown or does not fit.
    Tax,
    /// More than is open on the document.
    TooMuch,
    /// The document is paid, allocated or voided, and cannot be changed.
    Settled,
    /// We may not do this.
    Forbidden,
    /// Anything else.
    Invalid,
}

/// One page of what the books show.
#[derive(Clone, Debug)]
pub struct ShownPage {
    /// Documents; one may repeat.
    pub documents: Vec<Shown>,
    /// Where the next page goes on.
    pub cursor: String,
    /// The next page can be had at once.
    pub more: bool,
}

/// A contact as the books show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownContact {
    /// Id in the books.
    pub remote_id: String,
    /// Our key, where it has one of ours.
    pub key: Option<String>,
    /// Its name.
    pub name: String,
    /// May be used for new documents.
    pub active: bool,
}

/// One connected accounting product.
#[async_trait]
pub trait Accounting: Send + Sync {
    /// The organisation: currency, lock dates, accounts, tax rates, tracking.
    async fn books(&self) -> Result<Books, AdapterError>;

    /// All contacts, archived ones too, page by page.
    async fn contacts(&self, cursor: Option<&str>) -> Result<(Vec<ShownContact>, Option<String>), AdapterError>;

    /// Makes contacts; one answer for each, in order. At most [`Accounting::batch`] at once.
    async fn add_contacts(&self, contacts: &[Contact], attempt: &str) -> Vec<Posted>;

    /// Posts documents of one kind; one answer for each, in order. At most [`Accounting::batch`] at once.
    async fn post(&self, postings: &[Posting]) -> Vec<Posted>;

    /// Voids (deletes, where that is the product's word) one document.
    async fn void(&self, kind: DocumentKind, remote_id: &str, attempt: &str) -> Posted;

    /// Looks documents of one kind up by our keys, void ones too; those not there are left out.
    /// At most [`Accounting::batch`] at once.
    async fn find(&self, kind: DocumentKind, keys: &[String]) -> Result<Vec<Shown>, AdapterError>;

    /// Documents of one kind, void ones too: all of them without a cursor, and with the cursor of the last
    /// page whatever changed since, as far as the product tells (a full list is due from time to time).
    async fn list(&self, kind: DocumentKind, cursor: Option<&str>) -> Result<ShownPage, AdapterError>;

    /// Documents of one kind dated on these days (the last not included), void ones too, page by page: where
    /// [`Accounting::lists_by_date`] says that the product can be asked so, else everything.
    async fn list_dated(
        &self,
        kind: DocumentKind,
        _days: (Date, Date),
        cursor: Option<&str>,
    ) -> Result<ShownPage, AdapterError> {
        self.list(kind, cursor).await
    }

    /// Whether documents of that kind can be listed by their dates.
    fn lists_by_date(&self, _kind: DocumentKind) -> bool {
        false
    }

    /// Documents of one kind that one call can carry (1 where there are no batches).
    fn batch(&self, kind: DocumentKind) -> usize;

    /// Whether the product has such documents.
    fn keeps(&self, kind: DocumentKind) -> bool;

    /// Harmless probes of credentials and scopes.
    async fn probe(&self) -> Vec<Probe>;

    /// Calls so far.
    fn usage(&self) -> Usage;
}
