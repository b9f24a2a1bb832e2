//! What a connector file says of an accounting product: `[books]`.

use super::{Condition, List, Request};
use crate::place::Place;
use crate::template::Shape;
use adapter_kit::BooksRefusalKind;
use bridge_core::ledger::DocumentKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// An accounting product.
#[derive(Clone, Debug)]
pub struct BooksSpec {
    /// The calls that tell of the organisation; later ones add what earlier ones left open.
    pub organisation: Vec<OrganisationSpec>,
    /// The chart of accounts: one list, or several that follow each other.
    pub accounts: Vec<AccountsSpec>,
    /// Tax rates.
    pub tax_rates: TaxRatesSpec,
    /// Tracking categories, classes or jobs.
    pub tracking: Option<TrackingSpec>,
    /// Debtors.
    pub contacts: ContactsSpec,
    /// Why the product refuses.
    pub refusals: Refusals,
    /// The longest a call can live after we gave up on it.
    pub call_life: Duration,
    /// Kinds of documents that the product has.
    pub documents: BTreeMap<DocumentKind, DocumentSpec>,
}

/// One call that tells of the organisation.
#[derive(Clone, Debug)]
pub struct OrganisationSpec {
    /// The call.
    pub request: Request,
    /// Where the organisation stands in the answer.
    pub record: Place,
    /// Its name.
    pub name: Option<Place>,
    /// Its country.
    pub country: Option<Place>,
    /// What the product calls countries, and their ISO codes.
    pub countries: BTreeMap<String, String>,
    /// Its currency.
    pub currency: Option<Place>,
    /// Currency by ISO country, where the product does not say it.
    pub currencies: BTreeMap<String, String>,
    /// Lock dates; the latest counts.
    pub locked_to: Vec<Place>,
}

/// The chart of accounts.
#[derive(Clone, Debug)]
pub struct AccountsSpec {
    /// Lists all accounts.
    pub list: List,
    /// Tells ids of this list from the same ids of another.
    pub group: String,
    /// What postings name an account by.
    pub code: Vec<Place>,
    /// The product's id.
    pub id: Place,
    /// Its name.
    pub name: Place,
    /// Tells an account that the books keep themselves.
    pub system: Option<Place>,
    /// What the product calls accounts that it keeps itself, if `system` also holds other words.
    pub system_words: Vec<String>,
    /// May be posted to.
    pub active: Condition,
    /// A bank account.
    pub bank: Condition,
    /// Payments may be recorded in it, besides bank accounts.
    pub takes_payments: Option<Condition>,
}

/// Tax rates.
#[derive(Clone, Debug)]
pub struct TaxRatesSpec {
    /// Lists them.
    pub list: List,
    /// What lines name a rate by.
    pub code: Vec<Place>,
    /// The product's id.
    pub id: Place,
    /// Its name.
    pub name: Place,
    /// Per cent, or what [`TaxRatesSpec::parts`] are named by.
    pub percent: Place,
    /// May be used.
    pub active: Condition,
    /// Where rates are made of parts listed elsewhere.
    pub parts: Option<PartsSpec>,
}

/// Parts that tax rates are summed from.
#[derive(Clone, Debug)]
pub struct PartsSpec {
    /// Lists them.
    pub list: List,
    /// What rates name a part by.
    pub id: Place,
    /// Per cent.
    pub percent: Place,
}

/// Tracking categories.
#[derive(Clone, Debug)]
pub struct TrackingSpec {
    /// Lists categories, or the options of the only one.
    pub list: List,
    /// The name of the only category, if the list holds its options.
    pub only: Option<String>,
    /// A category's name.
    pub name: Option<Place>,
    /// Where its options stand; the row itself if it is one.
    pub options: Place,
    /// An option's name.
    pub option: Place,
    /// An option's id.
    pub id: Place,
    /// An option that may be used.
    pub active: Condition,
    /// One element of `line.tracking` in requests.
    pub item: Option<Shape>,
}

/// Debtors.
#[derive(Clone, Debug)]
pub struct ContactsSpec {
    /// Lists all of them.
    pub list: List,
    /// Id.
    pub id: Vec<Place>,
    /// Our key.
    pub key: Vec<Place>,
    /// Name.
    pub name: Vec<Place>,
    /// May be used.
    pub active: Condition,
    /// Making some.
    pub create: Post,
}

/// One kind of documents.
#[derive(Clone, Debug)]
pub struct DocumentSpec {
    /// How one looks.
    pub record: ShownSpec,
    /// Posting.
    pub post: Post,
    /// Voiding, where the product can.
    pub void: Option<VoidSpec>,
    /// Look-up by our keys; without it the list is gone through.
    pub find: Option<FindSpec>,
    /// Lists everything; several lists follow each other. Those that say `since` also tell what changed.
    pub lists: Vec<SourceSpec>,
    /// Lists what changed, where that is another call.
    pub changes: Vec<SourceSpec>,
    /// How far a window of changes reaches back before the start of the last pass.
    pub overlap: Duration,
}

/// Posting documents or making contacts.
#[derive(Clone, Debug)]
pub struct Post {
    /// The call.
    pub request: Request,
    /// Documents per call.
    pub batch: usize,
    /// Reads a record first (`record` in the call), for products that want more than the ledger says.
    pub read: Option<(Request, Place)>,
    /// One element of `items`.
    pub item: Option<Shape>,
    /// One element of `lines`.
    pub line: Option<Shape>,
    /// Where the posted documents stand in the answer.
    pub records: Place,
    /// What a refused element of a good answer shows.
    pub refused: Option<Condition>,
    /// The product computes tax itself: what we state is compared with its rates before anything is sent.
    pub computes_tax: bool,
}

/// Voiding.
#[derive(Clone, Debug)]
pub struct VoidSpec {
    /// The call.
    pub request: Request,
    /// Reads the document first (`record` in the call), for products that want its version.
    pub read: Option<(Request, Place)>,
    /// Where the voided document stands in the answer.
    pub records: Option<Place>,
}

/// Look-up by our keys.
#[derive(Clone, Debug)]
pub struct FindSpec {
    /// The call; `keys`.
    pub request: Request,
    /// Keys per call.
    pub batch: usize,
    /// Where the documents stand.
    pub records: Place,
    /// An answer without them found nothing.
    pub records_may_miss: bool,
}

/// One list of documents.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// The list.
    pub list: List,
    /// Where the documents stand in a row, if the row is something else that holds them.
    pub rows: Option<Place>,
    /// The row's own id, for documents below it.
    pub parent: Vec<Place>,
    /// What kind of document the row is.
    pub of: Option<DocumentKind>,
    /// Rows that count.
    pub only: Condition,
    /// So many rows mean that there were more: everything is listed once more.
    pub overfull: Option<usize>,
}

/// How a document looks.
#[derive(Clone, Debug)]
pub struct ShownSpec {
    /// Records that are of this kind at all.
    pub only: Condition,
    /// Its id: the first place that holds something. Likewise below.
    pub id: Vec<Place>,
    /// Our key.
    pub key: Vec<Place>,
    /// What ends the key, if other text follows in the same place.
    pub key_ends: Option<String>,
    /// Void or deleted.
    pub void: Option<Condition>,
    /// Not posted yet.
    pub draft: Option<Condition>,
    /// Nothing is open on it; without it, that follows from `open`.
    pub settled: Option<Condition>,
    /// Accounting date.
    pub date: Vec<Place>,
    /// Currency.
    pub currency: Vec<Place>,
    /// Contact.
    pub contact: Vec<Place>,
    /// The document it acts on.
    pub of: Vec<Place>,
    /// The invoice an allocation goes to.
    pub to: Vec<Place>,
    /// Account of the money, by code or id.
    pub account: Vec<Place>,
    /// Total.
    pub total: Vec<Place>,
    /// Tax.
    pub tax: Vec<Place>,
    /// Open.
    pub open: Vec<Place>,
    /// Amounts are shown with the other sign.
    pub negative: bool,
    /// Change mark.
    pub mark: Vec<Place>,
    /// Lines.
    pub lines: Option<LinesSpec>,
}

/// How lines look.
#[derive(Clone, Debug)]
pub struct LinesSpec {
    /// Where they stand.
    pub at: Place,
    /// Rows that are lines.
    pub only: Condition,
    /// The list that ids of their accounts come from.
    pub group: String,
    /// Account, by code or id.
    pub account: Vec<Place>,
    /// Tax rate, by code or id.
    pub tax_code: Vec<Place>,
    /// Amount.
    pub net: Vec<Place>,
    /// Tax.
    pub tax: Vec<Place>,
    /// What a document shows whose line amounts hold the tax.
    pub inclusive: Option<Condition>,
    /// What a line shows that takes off (a credit of a journal).
    pub credit: Option<Condition>,
    /// Tracking.
    pub tracking: Option<LineTracking>,
}

/// Tracking of a line.
#[derive(Clone, Debug)]
pub struct LineTracking {
    /// Where the list stands.
    pub at: Place,
    /// Name of the category.
    pub category: Option<Place>,
    /// Name or id of the option.
    pub option: Place,
}

/// Why the product refuses.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    /// Where messages stand. They are looked at and never kept.
    pub messages: Vec<Place>,
    /// The first rule that matches counts.
    pub rules: Vec<RefusalRule>,
}

/// One sort of refusal.
#[derive(Clone, Debug)]
pub struct RefusalRule {
    /// What it means.
    pub means: BooksRefusalKind,
    /// What it is called in reports.
    pub says: String,
    /// Statuses; none: any.
    pub status: Vec<(u16, u16)>,
    /// What a message contains, one of these, in lower case; none: whatever it says.
    pub contains: Vec<String>,
    /// What the body says.
    pub body: Condition,
}

impl DocumentSpec {
    /// Whether such documents stand below others, so that their ids need the others'.
    pub(crate) fn lives_below(&self) -> bool {
        self.lists.iter().any(|source| source.rows.is_some())
    }
}

impl BooksSpec {
    /// All calls, for checks.
    pub(crate) fn requests(&self) -> Vec<&Request> {
        let mut all: Vec<&Request> = self.organisation.iter().map(|o| &o.request).collect();
        let lists = [&self.tax_rates.list, &self.contacts.list];
        all.extend(self.accounts.iter().map(|accounts| &accounts.list.request));
        all.extend(lists.map(|list| &list.request));
        all.extend(self.tracking.iter().map(|tracking| &tracking.list.request));
        all.extend(self.tax_rates.parts.iter().map(|parts| &parts.list.request));
        all.push(&self.contacts.create.request);
        for document in self.documents.values() {
            all.push(&document.post.request);
            all.extend(document.void.iter().map(|void| &void.request));
            all.extend(document.find.iter().map(|find| &find.request));
            all.extend(document.lists.iter().chain(&document.changes).map(|s| &s.list.request));
        }
        all
    }
}
