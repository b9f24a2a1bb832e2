//! What every adapter shares: the [`Adapter`] contract between the engine and a product, the HTTP
//! client (auth, retry, rate limits, budgets, origin pinning, caps) and the conformance suite
//! that runs through any adapter against any base URL.
#![deny(missing_docs)]

pub mod contract;

pub use contract::{
    Adapter, AdapterError, Answer, AnswerStyle, Failure, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read,
    Refusal, RefusalKind, Remote, Traits, Usage, Versions,
};
