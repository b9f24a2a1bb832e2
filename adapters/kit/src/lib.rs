//! What every adapter shares: the [`Adapter`] contract between the engine and a product, the HTTP
//! client (auth, retry, rate limits, budgets, origin pinning, caps) and the conformance suite
//! that runs through any adapter against any base URL.
#![deny(missing_docs)]

pub mod activities;
mod auth;
pub mod books;
mod budget;
pub mod calendar;
mod call;
mod client;
mod clock;
pub mod code_flow;
pub mod conformance;
pub mod contract;
pub mod gathering;
mod gauge;
mod limits;
pub mod mirror;
mod network;
mod origin;
pub mod referrers;
mod server_time;
mod sign_in;
mod token;
mod transport;
mod turnstile;
mod verdict;
pub mod webhook;
mod wire;

pub use activities::{Activities, ActivityManners, ChangedActivity, NewActivity, ReadActivity, ShownActivity};
pub use auth::{Auth, AuthOptionsError, ClientCredentials, RefreshGrant, TokenStore, TokenStoreError};
pub use books::{Accounting, BooksRefusal, BooksRefusalKind, Posted, Posting, ShownContact, ShownPage};
pub use budget::{DayBudget, DayUse, MemoryDayBudget};
pub use calendar::{Calendar, FreeAsk};
pub use call::{Body, Call, CallError, Effect, Outcome, Priority, Response, with_priority};
pub use client::{Client, ClientOptions, OptionsError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use contract::{
    Adapter, AdapterError, Answer, AnswerStyle, Failure, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read,
    Refusal, RefusalKind, Remote, Traits, Usage, Versions,
};
pub use limits::{Limits, Rate};
pub use network::{Network, NetworkError, NetworkOptions};
pub use origin::{Origin, OriginError, segment};
pub use referrers::{ChangedReferrer, NewReferrer, ReferrerManners, Referrers, ShownReferrer};
pub use sign_in::{Begun, Granted, SignIn, SignInError};
pub use token::TokenStyle;
pub use transport::{HttpRequest, HttpResponse, InProcess, Transport, TransportError, TransportErrorKind};
pub use verdict::{StatusVerdicts, Verdict, Verdicts, retry_after};
