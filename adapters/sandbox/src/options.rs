//! What a sandbox is made of, and what it tells a client about itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock};
use crate::people::CsvPerson;

/// How the stand-ins behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Manners {
    /// No faults, no lag, limits so high that they are never met.
    Polite,
    /// As documented: limits, index lag, the vendor's own spelling.
    #[default]
    Real,
    /// Every known quirk, and one call in forty fails in some way.
    Nasty,
}

/// Which CRM stands beside Halaxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum CrmKind {
    /// The HubSpot-shaped one.
    #[default]
    Hubspot,
    /// The plain one: no unique email, offset paging, terse answers.
    Plain,
}

/// What [`Sandbox::new`](crate::Sandbox::new) needs.
#[derive(Clone)]
pub struct SandboxOptions {
    /// Decides every random thing: secrets, identifiers, lags, faults.
    pub seed: u64,
    /// How the stand-ins behave at first; may be changed later.
    pub manners: Manners,
    /// Which CRM is served.
    pub crm: CrmKind,
    /// The people Halaxy holds at first.
    pub patients: Vec<CsvPerson>,
    /// The people the CRM holds at first.
    pub contacts: Vec<CsvPerson>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            manners: Manners::default(),
            crm: CrmKind::default(),
            patients: Vec::new(),
            contacts: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Where the stand-ins are and how to sign in; the line that `sandbox --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Halaxy.
    pub halaxy: HalaxyEndpoint,
    /// The CRM.
    pub crm: TokenEndpoint,
    /// The accounting system.
    pub books: BooksEndpoint,
    /// The control API.
    pub control_url: String,
}

/// Halaxy's address and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalaxyEndpoint {
    /// Ends in a slash, as Halaxy's own does.
    pub base_url: String,
    /// Name of the API key.
    pub client_id: String,
    /// Secret of the API key.
    pub client_secret: String,
}

/// The address and static token of a product (a bearer token or an API key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEndpoint {
    /// Without a slash at the end.
    pub base_url: String,
    /// The token.
    pub token: String,
}

/// Where the accounting system is and how to sign in: by client credentials, by the refresh token of a consent given
/// before (good once), or by a consent of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksEndpoint {
    /// The accounting API, without a slash at the end.
    pub base_url: String,
    /// The consent page; it says yes at once.
    pub authorize_url: String,
    /// Where codes and refresh tokens become access tokens.
    pub token_url: String,
    /// The organisations that a sign-in reaches.
    pub connections_url: String,
    /// The app.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// The first refresh token.
    pub refresh_token: String,
    /// The organisation whose books these are.
    pub tenant_id: String,
}
