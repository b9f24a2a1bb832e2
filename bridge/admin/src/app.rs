//! The pages for people: server-rendered, working without scripts, each behind a role.
//!
//! | module | what |
//! |---|---|
//! | [`routes`] | every route with who may take it: the router is made of this table |
//! | `call` | a request as pages see it: who asks, what was typed, and whether it came from a page of ours |
//! | `render` | strict templates, what is embedded, and the headers of pages |
//! | `door`, `sign_on` | signing in and out, links that let somebody in, and the identity provider |
//! | `people`, `own` | who may use the app, and one's own access |
//! | `affairs` | appointments and balances in words |
//! | `review` | the inbox, one item of it, many of one pattern, rules on trial, decisions |
//! | `books`, `mappings` | the books, and what is passed on by which rules |
//! | `vitals`, `activity`, `about` | what there is to see |
//! | `remedy` | what pages say is to be done about each problem |
//! | `told` | which reports of the books were shown to whom, for the history |
//! | `search`, `person` | finding somebody, and everything about one person |
//! | `runs`, `chart` | the backfill as a project, and charts drawn on the server |
//!
//! No page waits for an account of the practice; all of them read the store only.

mod about;
mod activity;
mod affairs;
mod books;
mod call;
mod chart;
mod door;
mod mappings;
mod own;
mod people;
mod person;
mod remedy;
mod render;
mod review;
pub mod routes;
mod runs;
mod search;
mod sign_on;
mod told;
mod vitals;
mod words;

pub use render::check_templates;
pub(crate) use words::{system as system_title, unit as unit_title, value as value_line};

use crate::access::chance::Chance;
use crate::access::password::Passwords;
use crate::access::sign_on::{Provider, SignOnError};
use crate::access::throttle::Throttle;
use crate::access::{Access, AccessError};
use crate::desk::{Desk, DeskError};
use crate::health::Watch;
use adapter_kit::Clock;
use axum::Router;
use axum::http::StatusCode;
use bridge_engine::EngineError;
use bridge_store::{Store, StoreError};
use render::Pages;
use review::live::Live;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// What the app is told of the practice and of how it is reached.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Name of the practice.
    pub practice: String,
    /// The clock it lives by, e.g. `Australia/Melbourne`; UTC if that is not known.
    pub time_zone: String,
    /// Systems of [sync.person] in the order in which people want to see them, the home system first.
    pub systems: Vec<String>,
    /// How browsers reach it, without a slash at the end; products call its `/webhooks`.
    pub url: String,
    /// Cookies are for TLS only. False only where the app can be reached on this machine alone.
    pub secure: bool,
    /// A proxy stands in front and says where requests come from, in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Whether webhooks, the API and metrics are served beside it, for the page that says so.
    pub beside: Vec<Served>,
}

/// Something else that is served at the same address.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Served {
    /// The path, or how paths begin.
    pub path: String,
    /// What it is, in words.
    pub what: String,
    /// Who may call it.
    pub who: String,
}

/// The admin app of one practice.
pub struct App {
    settings: AppSettings,
    watch: Watch,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    passwords: Passwords,
    throttle: Arc<Throttle>,
    pages: Pages,
    /// For those who follow counts.
    live: Arc<Live>,
    /// Which reports of the books were shown to whom.
    told: told::Told,
    /// Who else knows the people, if anybody does.
    provider: OnceLock<Provider>,
    /// The store, while there is one.
    shelf: RwLock<Option<Shelf>>,
}

/// What pages read.
#[derive(Clone)]
struct Shelf {
    store: Store,
    access: Access,
    /// Where people decide; not there in a process that knows no connectors.
    desk: Option<Desk>,
}

impl App {
    /// An app that has no store yet.
    pub fn new(
        settings: AppSettings,
        watch: Watch,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        passwords: Passwords,
    ) -> Arc<App> {
        Arc::new(App {
            settings,
            watch,
            clock,
            chance,
            passwords,
            throttle: Arc::default(),
            pages: Pages::new(),
            live: Arc::default(),
            told: told::Told::default(),
            provider: OnceLock::new(),
            shelf: RwLock::default(),
        })
    }

    /// People may sign in by this provider too; the first one that is named counts.
    pub fn sign_on(&self, provider: Provider) {
        let _ = self.provider.set(provider);
    }

    /// From now on pages show this store, and what waits is decided at this desk.
    pub fn open(&self, store: Store, desk: Option<Desk>) {
        let access = self.access(store.clone());
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Some(Shelf { store, access, desk });
    }

    /// People are told to come again.
    pub fn close(&self) {
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Who may use the app, as kept in that store.
    pub fn access(&self, store: Store) -> Access {
        Access::new(
            store,
            Arc::clone(&self.clock),
            Arc::clone(&self.chance),
            self.passwords.clone(),
            Arc::clone(&self.throttle),
        )
    }

    /// The routes, to be put behind the listener.
    pub fn routes(self: &Arc<Self>) -> Router {
        routes::router(self)
    }

    fn shelf(&self) -> Option<Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why a page is not shown.
#[derive(Debug)]
enum Refused {
    /// There is nothing of that name.
    Missing,
    /// It is not for this role.
    Role,
    /// The form does not come from a page of ours, or from one that is out of date.
    Form,
    /// The store cannot be reached now.
    Away,
    /// Something is wrong with us.
    Broken(String),
    /// What was asked for is refused, in words for whoever asked.
    Told(StatusCode, String),
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let status = match &error {
            AccessError::Store(error) => return Refused::from_store(error),
            AccessError::Damaged(_) => return Refused::Broken(error.to_string()),
            AccessError::SignOn(SignOnError::Away(_)) => StatusCode::SERVICE_UNAVAILABLE,
            AccessError::SignOn(_) => StatusCode::FORBIDDEN,
            AccessError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            AccessError::Nobody | AccessError::Link => StatusCode::NOT_FOUND,
            AccessError::Taken | AccessError::LastAdmin | AccessError::SetUp => StatusCode::CONFLICT,
            AccessError::Wrong | AccessError::Password(_) | AccessError::Typed(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Refused::Told(status, sentence(&error.to_string()))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::from_store(&error)
    }
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Self {
        let status = match &error {
            DeskError::Asked(_) => StatusCode::BAD_REQUEST,
            DeskError::Everywhere => StatusCode::FORBIDDEN,
            DeskError::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            DeskError::Engine(error) => match error {
                EngineError::NotFound(_) => return Refused::Missing,
                EngineError::Store(error) => return Refused::from_store(error),
                EngineError::Changed | EngineError::Decision(_) => StatusCode::CONFLICT,
                EngineError::NotPossible(_) => StatusCode::UNPROCESSABLE_ENTITY,
                error => return Refused::Broken(error.to_string()),
            },
        };
        Refused::Told(status, sentence(&error.to_string()))
    }
}

impl Refused {
    fn from_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unreachable { .. } | StoreError::Fenced { .. } | StoreError::Busy => Refused::Away,
            error => Refused::Broken(error.to_string()),
        }
    }
}

/// With a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
