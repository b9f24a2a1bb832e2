//! What a connector file says, parsed and checked. The file's language is described, key by key,
//! in `connectors/example-crm.toml`.

mod activities;
mod books;
mod kind;
mod referrers;
mod webhook;

pub use activities::{ActivitiesSpec, MemberPlace, TimeStyle};
pub use books::{
    AccountsSpec, BooksSpec, ContactsSpec, DocumentSpec, FindSpec, LineTracking, LinesSpec, OrganisationSpec,
    PartsSpec, Post, RefusalRule, Refusals, ShownSpec, SourceSpec, TaxRatesSpec, TrackingSpec, VoidSpec,
};
pub use referrers::ReferrersSpec;
pub use webhook::{EventRule, WebhookSpec};

pub use kind::{
    Authors, Changes, Clearing, ItemErrors, Kind, List, Lookup, Members, Need, Paging, PagingStyle, Prepare, ProbeCall,
    RecordShape, Removed, Request, Shown, VersionShape, Writing,
};

use crate::place::Place;
use crate::template::Template;
use bridge_core::booking::Form;
use bridge_core::care::refer::Sort;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// One product, as its connector file describes it.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Short name, e.g. `hubspot`.
    pub name: String,
    /// Name for people, e.g. `HubSpot`.
    pub title: String,
    /// Address all paths stand below; settings may fill holes in it (`{{ account.region }}`).
    pub base_url: Option<Template>,
    /// The longest one call may take.
    pub timeout: Option<Duration>,
    /// What the system's section of `bridge.toml` must say besides the secrets, with an explanation.
    pub settings: BTreeMap<String, String>,
    /// Headers of every call.
    pub headers: Vec<(String, Template)>,
    /// Credentials.
    pub auth: AuthStyle,
    /// Rate limits.
    pub limits: LimitsSpec,
    /// What answers mean.
    pub answers: Answers,
    /// Kinds of records by name.
    pub kinds: BTreeMap<String, Kind>,
    /// The books, if it is an accounting product.
    pub books: Option<BooksSpec>,
    /// Activities of contacts, where it shows appointments as such.
    pub activities: Option<ActivitiesSpec>,
    /// Referrers, where it holds such.
    pub referrers: BTreeMap<Sort, ReferrersSpec>,
    /// Webhooks, where the product sends some.
    pub webhook: Option<WebhookSpec>,
    /// Where bookings are asked for in its records.
    pub requests: Option<Form>,
}

impl Connector {
    /// Keys of the system's section in `bridge.toml` that must name a secret.
    pub fn secrets(&self) -> Vec<&str> {
        match &self.auth {
            AuthStyle::None => vec![],
            AuthStyle::Bearer { token } | AuthStyle::Header { token, .. } | AuthStyle::Query { token, .. } => {
                vec![token]
            }
            AuthStyle::Basic { user, password } => vec![user, password],
            AuthStyle::OAuth(oauth) if oauth.authorize.is_some() => vec![],
            AuthStyle::OAuth(oauth) => {
                let mut names = vec![oauth.client_id.as_str(), oauth.client_secret.as_str()];
                names.extend(oauth.refresh_token.as_deref());
                names
            }
        }
    }
}

impl Connector {
    /// How a person signs in, where the product wants that.
    pub fn authorize(&self) -> Option<(&OAuthSpec, &Authorize)> {
        match &self.auth {
            AuthStyle::OAuth(oauth) => oauth.authorize.as_deref().map(|authorize| (oauth, authorize)),
            _ => None,
        }
    }

    /// Keys of the system's section in `bridge.toml` that may name a secret.
    pub fn optional_secrets(&self) -> Vec<&str> {
        self.authorize()
            .map(|(oauth, _)| oauth.client_secret.as_str())
            .into_iter()
            .collect()
    }

    /// The setting that names the organisation; `connect` finds it, and the configuration may say it.
    pub fn tenant_setting(&self) -> Option<&str> {
        Some(self.authorize()?.1.tenants.as_ref()?.setting.as_str())
    }

    /// An accounting product: it has books and no records of people.
    pub fn keeps_books(&self) -> bool {
        self.books.is_some() && self.kinds.is_empty()
    }
}

/// How calls are authenticated. Names are keys of the system's section in `bridge.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthStyle {
    /// Not at all.
    None,
    /// `Authorization: Bearer ..` with a static token.
    Bearer {
        /// Key of the token.
        token: String,
    },
    /// A key in a header.
    Header {
        /// Key of the secret.
        token: String,
        /// Header name.
        header: String,
        /// What stands before the secret, e.g. `Token `.
        prefix: String,
    },
    /// A key in the query.
    Query {
        /// Key of the secret.
        token: String,
        /// Parameter name.
        parameter: String,
    },
    /// HTTP basic.
    Basic {
        /// Key of the user name.
        user: String,
        /// Key of the password.
        password: String,
    },
    /// OAuth2.
    OAuth(OAuthSpec),
}

/// OAuth2 with client credentials, or with a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthSpec {
    /// Where tokens come from: absolute, or a path below the base URL.
    pub token_url: String,
    /// Key of the client id.
    pub client_id: String,
    /// Key of the client secret.
    pub client_secret: String,
    /// Key of the first refresh token; `None` means client credentials.
    pub refresh_token: Option<String>,
    /// A person signs in once, by an authorization code.
    pub authorize: Option<Box<Authorize>>,
    /// Scopes to ask for.
    pub scope: Option<String>,
    /// The token request is JSON instead of a form.
    pub json: bool,
    /// The client's id and secret travel as HTTP basic instead of in the body.
    pub basic: bool,
    /// Further members of the token request.
    pub extra: BTreeMap<String, String>,
    /// The longest a token is used, whatever the product says of it.
    pub life_cap: Option<Duration>,
}

/// How a person signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorize {
    /// The page where a person consents; absolute.
    pub url: String,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Further parameters of its address.
    pub extra: BTreeMap<String, String>,
    /// Where it sends the person back to, where that must be registered with the product; a port of this
    /// machine that is free if `None`.
    pub redirect: Option<String>,
    /// Which organisation it is, where one sign-in may open several.
    pub tenants: Option<Tenants>,
}

/// How the organisations of a sign-in are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenants {
    /// The setting that names one, e.g. `tenant_id`.
    pub setting: String,
    /// Where they are told.
    pub told: TenantsTold,
}

/// Where the organisations of a sign-in are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantsTold {
    /// By a call; absolute.
    Call {
        /// Address.
        url: String,
        /// Where they stand in the answer.
        records: Place,
        /// Id.
        id: Place,
        /// Name.
        name: Place,
    },
    /// By a parameter of the address that the sign-in ends at.
    Redirect(String),
}

/// So many calls in so much time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Calls. A header may tell another number.
    pub calls: u32,
    /// In this time.
    pub per: Duration,
    /// Counts only the calls of this group (`limit = "search"` on a call).
    pub group: Option<String>,
    /// Header that tells the number of calls.
    pub limit_header: Option<String>,
    /// Header that tells how many are left.
    pub remaining_header: Option<String>,
}

/// Rate limits and the headers that tell them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsSpec {
    /// All of these hold at once.
    pub windows: Vec<Window>,
    /// Calls per day.
    pub day: Option<u64>,
    /// Header that tells the calls left today.
    pub day_remaining_header: Option<String>,
    /// Calls under way at once.
    pub concurrent: Option<usize>,
}

/// What answers mean.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// A 2xx answer is good only if these hold (products that put errors into a 200).
    pub good: Option<Condition>,
    /// Where the product's code stands; the first that is there counts.
    pub code: Vec<Place>,
    /// Rules, the first that matches counts.
    pub rules: Vec<ErrorRule>,
}

/// What one sort of error means.
#[derive(Clone, Debug)]
pub struct ErrorRule {
    /// Statuses as ranges; none means any answer that is not good.
    pub status: Vec<(u16, u16)>,
    /// What the body says.
    pub body: Condition,
    /// What headers say: name, accepted values (none: the header is there).
    pub headers: Vec<(String, Vec<String>)>,
    /// The meaning.
    pub means: Means,
    /// How long to wait, where the answer does not say.
    pub wait: Option<Duration>,
    /// Where the body says how many seconds to wait.
    pub wait_at: Option<Place>,
    /// Header that says how many seconds to wait, or when (`Retry-After` is always read).
    pub wait_header: Option<String>,
    /// What the error is called in reports instead of the product's code, e.g. with a remedy in it.
    pub says: Option<String>,
    /// The path at fault is always this one.
    pub path: Option<String>,
    /// Where the name of the member at fault stands.
    pub member: Option<Place>,
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Too many calls.
    Throttled,
    /// The day's calls are used up.
    Day,
    /// The token is not valid any more.
    Expired,
    /// The credentials are wrong for good.
    Auth,
    /// The account may not use this.
    Scope,
    /// The value stands on another record.
    Taken,
    /// The value or record is not valid.
    Invalid,
    /// Not allowed.
    Forbidden,
    /// The record moved since the guard.
    Moved,
    /// No such record.
    Gone,
    /// Not now; a write may have landed.
    Unavailable,
    /// Not now; provably nothing was processed.
    NotNow,
}

impl Condition {
    /// Whether all tests hold.
    pub fn holds(&self, json: &Json) -> bool {
        self.tests.iter().all(|(place, test)| match test {
            Test::Is(values) => place.texts(json).iter().any(|text| values.contains(text)),
            Test::Not(values) => !place.texts(json).iter().any(|text| values.contains(text)),
            Test::Contains(part) => place.texts(json).iter().any(|text| text.to_lowercase().contains(part)),
            Test::Present(present) => place.one(json).is_some() == *present,
        })
    }
}

/// Tests on a JSON body; all must hold.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Place and test.
    pub tests: Vec<(Place, Test)>,
}

/// A test on what stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of these texts.
    Is(Vec<String>),
    /// None of these texts (also where nothing stands).
    Not(Vec<String>),
    /// Contains this text, in any case.
    Contains(String),
    /// Something stands there, or nothing.
    Present(bool),
}
