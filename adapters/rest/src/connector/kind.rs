//! What a connector file says of one kind of records.

use super::Condition;
use crate::place::Place;
use crate::template::{Shape, Template};
use bridge_core::Author;
use http::Method;
use std::collections::BTreeSet;
use std::time::Duration;

/// One kind of records.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Name, e.g. `contacts`.
    pub name: String,
    /// How a record looks.
    pub record: RecordShape,
    /// How its members are asked for and sent.
    pub members: Members,
    /// Paths whose value may stand on one record only.
    pub unique: Vec<String>,
    /// How long lists may take to show a write.
    pub lag: Duration,
    /// The longest a call can live after we gave up on it.
    pub call_life: Duration,
    /// How many single-record calls run at once.
    pub at_once: usize,
    /// Complete listing.
    pub list: List,
    /// Changes since a moment; `None` means that every poll is a complete listing.
    pub changes: Option<Changes>,
    /// Removals since a moment, listed after the changes of each pass.
    pub removed: Option<Removed>,
    /// Direct reads.
    pub read: Lookup,
    /// Looking up by our reference.
    pub find: Option<Lookup>,
    /// Creating.
    pub create: Option<Writing>,
    /// Changing.
    pub update: Option<Writing>,
    /// Who edited what.
    pub authors: Option<Authors>,
    /// What must exist in the account.
    pub prepare: Option<Prepare>,
    /// Harmless probes besides a listing of one record.
    pub probes: Vec<ProbeCall>,
}

impl Kind {
    /// Whether a record is none of this kind, though the product lists it among them.
    pub(crate) fn is_apart(&self, body: &serde_json::Value) -> bool {
        self.record.apart.as_ref().is_some_and(|apart| apart.holds(body))
    }
}

/// How a record looks.
#[derive(Clone, Debug)]
pub struct RecordShape {
    /// Its id: the first place that holds something.
    pub id: Vec<Place>,
    /// Its version.
    pub version: Option<VersionShape>,
    /// Its change mark.
    pub mark: Option<Place>,
    /// How a dead record looks.
    pub dead: Option<Condition>,
    /// Ids merged into it.
    pub merged_from: Option<Place>,
    /// Separator, where the merged ids are one text.
    pub merged_split: Option<String>,
    /// Our reference.
    pub reference: Option<Place>,
    /// How a record looks that is none of this kind, though it is listed among them.
    pub apart: Option<Condition>,
}

/// Where a version stands and of what sort it is.
#[derive(Clone, Debug)]
pub struct VersionShape {
    /// In the record; `None` if only in a header.
    pub place: Option<Place>,
    /// Response header of single reads and writes.
    pub header: Option<String>,
    /// A number that grows by one per change; else a token.
    pub counting: bool,
}

/// How members are asked for and sent.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// The member that holds the mapped values (`properties`); `None`: the record itself.
    pub under: Option<String>,
    /// Asked for besides those that the mapping names.
    pub always: Vec<String>,
    /// Values travel as texts.
    pub strings: bool,
    /// How a cleared value travels.
    pub clear: Clearing,
}

/// How a cleared value travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clearing {
    /// As `null`.
    #[default]
    Null,
    /// As an empty text.
    EmptyText,
}

/// One HTTP call with holes.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path below the base URL.
    pub path: Template,
    /// Query parameters; a list repeats the parameter, nothing leaves it out.
    pub query: Vec<(String, Shape)>,
    /// Headers.
    pub headers: Vec<(String, Template)>,
    /// Body.
    pub body: Option<Shape>,
    /// The body is a form instead of JSON.
    pub form: bool,
    /// Limit group.
    pub limit: Option<String>,
}

impl Request {
    /// A request of which nothing is known yet.
    pub(crate) fn unset() -> Request {
        Request {
            method: Method::GET,
            path: Template::fixed(""),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            form: false,
            limit: None,
        }
    }

    /// Names of all variables in it.
    pub(crate) fn variables(&self) -> BTreeSet<String> {
        self.templates().into_iter().flat_map(Template::variables).collect()
    }

    /// Every template in it.
    fn templates(&self) -> Vec<&Template> {
        let mut templates = vec![&self.path];
        templates.extend(self.query.iter().flat_map(|(_, shape)| shape.templates()));
        templates.extend(self.headers.iter().map(|(_, template)| template));
        templates.extend(self.body.iter().flat_map(Shape::templates));
        templates
    }
}

/// A listing.
#[derive(Clone, Debug)]
pub struct List {
    /// The call for one page.
    pub request: Request,
    /// Where the records stand.
    pub records: Place,
    /// An answer without them is an empty page; else it is an answer that makes no sense.
    pub records_may_miss: bool,
    /// How pages follow each other.
    pub paging: Paging,
    /// Rows may lag behind the records.
    pub may_lag: bool,
}

/// How pages follow each other.
#[derive(Clone, Debug)]
pub struct Paging {
    /// Style.
    pub style: PagingStyle,
    /// Records asked for per page.
    pub size: usize,
    /// Where the number of all records stands.
    pub total: Option<Place>,
    /// Where it says that more follows.
    pub more: Option<Place>,
    /// A page that is not full is the last one (saves a call where nothing else tells).
    pub short_page_ends: bool,
}

/// Paging styles. In requests: `page.size`, `page.offset`, `page.number`, `page.cursor`, `page.last`.
#[derive(Clone, Debug)]
pub enum PagingStyle {
    /// One page holds everything.
    Single,
    /// `page.offset` counts records; pages overlap by one record, so that a removal during the
    /// listing is noticed and nothing is skipped.
    Offset,
    /// `page.number` counts pages.
    Number {
        /// Number of the first page.
        first: u64,
    },
    /// The answer holds what to send as `page.cursor`, or a whole link.
    Cursor {
        /// Where it stands.
        next: Place,
    },
    /// The answer holds the address of the next page: in the `Link` header, or at a place.
    Link {
        /// Place, else the header.
        next: Option<Place>,
    },
    /// Records come in the order of a key; `page.last` is the key of the last one.
    Keyset {
        /// Where the key stands in a record.
        key: Place,
        /// What stands for "before the first".
        first: String,
    },
}

/// A listing of what changed since `since`.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The listing.
    pub list: List,
    /// How far each window reaches back before the start of the last pass.
    pub overlap: Duration,
    /// Where the last page says from where to go on next time (`resume`): a token, or an address
    /// that is then called.
    pub resume: Option<Place>,
    /// The call says since when.
    pub asks_since: bool,
}

/// A listing of what was removed since `since`.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The listing.
    pub list: List,
    /// Where the id of a removed record stands.
    pub id: Place,
}

/// A look-up of records by id or reference, one or many per call.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The call. `id` or `reference` for one, `items` for many.
    pub request: Request,
    /// The call for the dead.
    pub dead: Option<Request>,
    /// A listing of all the dead, where they cannot be looked up.
    pub dead_list: Option<List>,
    /// Records per call; 1: single.
    pub batch: usize,
    /// One element of `items`.
    pub item: Option<Shape>,
    /// Where the records stand.
    pub records: Place,
    /// Where errors stand, and by what they name their items.
    pub errors: Option<ItemErrors>,
    /// An item that the answer does not mention at all does not exist.
    pub silent_is_missing: bool,
}

/// Errors of single items in an answer that is otherwise good.
#[derive(Clone, Debug)]
pub struct ItemErrors {
    /// Where they stand.
    pub at: Place,
    /// Place in the error, and the text that names the item.
    pub names: Vec<(Place, Template)>,
}

/// A create or an update.
#[derive(Clone, Debug)]
pub struct Writing {
    /// The call.
    pub request: Request,
    /// Records per call.
    pub batch: usize,
    /// One element of `items`.
    pub item: Option<Shape>,
    /// Where the written records stand; `None`: the answer shows none.
    pub records: Option<Place>,
    /// Where the id of a created record stands, if the answer shows no record.
    pub id: Option<Place>,
    /// Place in a result, and the text that names the item.
    pub names: Vec<(Place, Template)>,
    /// Errors of single items.
    pub errors: Option<ItemErrors>,
    /// What the shown record is.
    pub answer: Shown,
    /// Refuses if the record moved.
    pub conditional: bool,
    /// Sending it twice makes one record.
    pub idempotent: bool,
}

/// What an answer shows of the record written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    #[default]
    None,
    /// The record as this write left it.
    Written,
    /// Some members of the record as this write left it.
    WrittenPart,
    /// A record that may be older or newer than the write.
    Later,
}

/// Per-member history.
#[derive(Clone, Debug)]
pub struct Authors {
    /// Members it is asked for.
    pub members: BTreeSet<String>,
    /// The member of a record that holds it, by member.
    pub under: String,
    /// Where an entry says what made it.
    pub source: Place,
    /// Where an entry says when.
    pub time: Place,
    /// Where an entry says what the member held from then on; without it there is no looking back.
    pub value: Option<Place>,
    /// Sources that are people.
    pub person: Vec<String>,
    /// Sources that tell nothing.
    pub unknown: Vec<String>,
}

impl Authors {
    /// Who a source is. What is no person is an automation.
    pub fn author(&self, source: Option<&str>) -> Author {
        let Some(source) = source else { return Author::Unknown };
        if self.person.iter().any(|known| known == source) {
            Author::Person
        } else if self.unknown.iter().any(|known| known == source) {
            Author::Unknown
        } else {
            Author::Automation
        }
    }
}

/// What an account must have.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// Lists what is there.
    pub request: Request,
    /// Where the things stand.
    pub records: Place,
    /// Where a thing's name stands.
    pub name: Place,
    /// Makes one; `thing` is its body.
    pub create: Request,
    /// Things that are always, or if mapped, needed.
    pub needs: Vec<Need>,
    /// Body of a mapped member that is not there and not among `needs` (`name` is its name).
    pub other: Option<Shape>,
}

/// One thing an account must have.
#[derive(Clone, Debug)]
pub struct Need {
    /// Name.
    pub name: String,
    /// For people.
    pub what: String,
    /// Needed even if the mapping does not name it.
    pub always: bool,
    /// What must hold for one that is there.
    pub check: Condition,
    /// Its body.
    pub body: Shape,
}

/// One harmless call.
#[derive(Clone, Debug)]
pub struct ProbeCall {
    /// For people.
    pub what: String,
    /// The call.
    pub request: Request,
    /// What to do if it fails.
    pub remedy: String,
}
