//! Stand-ins of Halaxy, of a HubSpot-shaped CRM, of a plain CRM and of an accounting system, over real HTTP and with state.
//!
//! They serve the demo, the tests and the simulation. Each behaves as its product is documented to, including the limits,
//! lags and oddities that a bridge must survive; how much of that is shown is a matter of [`Manners`]. People act on the
//! records through the control API (or the methods of [`Sandbox`]), never through a product's own API, so that every
//! change has an author and a time as it has in the real product.
//!
//! One listener serves everything:
//!
//! | path | what |
//! |---|---|
//! | `/halaxy/main/` | Halaxy: `oauth/token`, `metadata`, `Patient` in full; invoices, payments and what they refer to, read-only |
//! | `/hubspot` | the HubSpot-shaped CRM: `crm/v3/...` and `crm/objects/2026-09/...` with the same handlers |
//! | `/plain` | the plain CRM: `contacts` |
//! | `/books` | the Xero-shaped accounting system: `connect/token`, `connections`, `api.xro/2.0/...` |
//! | `/control` | people, calls, faults, manners, ids, switches, webhooks, and reports over the books |
//!
//! All times come from a [`Clock`] and all randomness from a seed, so the same calls in the same order give the same
//! answers. [`Sandbox::router`] can be called in process; a cut connection then shows as [`ConnectionCut`] on the response.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod activities;
mod answer;
mod billing;
mod booking_requests;
mod books;
mod calls;
mod clock;
mod companies;
mod control;
mod courier;
mod faults;
mod halaxy;
mod http;
mod hubspot;
mod invented;
mod limits;
mod options;
mod patch;
mod people;
mod persons;
mod plain;
pub mod practice_month;
mod sandbox;
mod webhooks;

pub use books::switches::BooksSwitches;
pub use calls::{CallInfo, CallRecord, Phase, Verdict};
pub use clock::{Clock, ManualClock, SystemClock};
pub use control::{Author, ControlError};
pub use faults::{FaultKind, FaultRule};
pub use halaxy::switches::{ExpiredAnswer, GoneAnswer, HalaxySwitches, Precision};
pub use http::ConnectionCut;
pub use hubspot::switches::HubspotSwitches;
pub use invented::invented_people;
pub use options::{BooksEndpoint, CrmKind, Endpoints, HalaxyEndpoint, Manners, SandboxOptions, TokenEndpoint};
pub use people::{CsvError, CsvPerson, load_csv};
pub use plain::PlainSwitches;
pub use sandbox::{IdRow, Sandbox};
pub use webhooks::{Delivery, Sent, Subscription};
