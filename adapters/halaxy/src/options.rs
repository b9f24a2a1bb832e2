//! What a Halaxy account needs to be called, and switches for what only a live account can tell
//! (halaxy-api.md section 12).

use adapter_kit::{DayBudget, OptionsError as ClientOptionsError};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// Where an account's data lives (halaxy-api.md section 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Region {
    /// Australia, and every country that is not in the EU or the UK.
    #[default]
    Au,
    /// The EU and the UK.
    Eu,
}

impl Region {
    /// The base URL of the region.
    pub fn base_url(self) -> &'static str {
        match self {
            Region::Au => "https://au-api.halaxy.com/main/",
            Region::Eu => "https://eu-api.halaxy.com/main/",
        }
    }

    /// Reads `au` or `eu`.
    ///
    /// # Errors
    /// [`OptionsError::Region`] for anything else.
    pub fn parse(text: &str) -> Result<Region, OptionsError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "au" => Ok(Region::Au),
            "eu" => Ok(Region::Eu),
            _ => Err(OptionsError::Region(text.to_string())),
        }
    }
}

/// One Halaxy account: a practice group's API key.
#[derive(Clone)]
pub struct HalaxyOptions {
    /// Base URL; [`Region::base_url`] unless a stand-in is called.
    pub base_url: String,
    /// Client id of the API key.
    pub client_id: String,
    /// Client secret of the API key.
    pub client_secret: SecretString,
    /// `AppName (contact@example.org)`; Halaxy answers 403 without one.
    pub user_agent: String,
    /// Calls a minute the account may make, unless headers tell otherwise.
    pub calls_per_minute: u32,
    /// The share of those calls that is ours, 0 to 1, where other tools use the same key.
    pub share: Option<f64>,
    /// Another process may just have spent the limits ([`adapter_kit::Limits::spent`]).
    pub spent: bool,
    /// A limit on the calls of a day, if the operator sets one.
    pub day: Option<Arc<dyn DayBudget>>,
    /// The longest a token is used: it really lives 15 minutes, whatever `expires_in` says.
    pub token_life: Duration,
    /// How long a row may be committed after the time it is stamped with: each poll looks back so far.
    pub overlap: Duration,
    /// How long lists may lag behind the records. With zero, rows are facts and several records are
    /// read by one list call; otherwise rows are hints and every direct read is a call of its own.
    pub list_lag: Duration,
    /// The longest a call can live on their side after we gave up on it.
    pub call_life: Duration,
    /// Calls under way at once.
    pub concurrent: usize,
    /// Whether archived and blocked patients count as gone.
    pub archived_is_gone: bool,
}

impl HalaxyOptions {
    /// Options with the documented limits and the safest reading of what is not documented.
    pub fn new(
        base_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: SecretString,
        user_agent: impl Into<String>,
    ) -> HalaxyOptions {
        HalaxyOptions {
            base_url: base_url.into(),
            client_id: client_id.into(),
            client_secret,
            user_agent: user_agent.into(),
            calls_per_minute: 500,
            share: None,
            spent: false,
            day: None,
            token_life: Duration::from_secs(14 * 60),
            overlap: Duration::from_secs(5),
            list_lag: Duration::ZERO,
            call_life: Duration::from_secs(60),
            concurrent: 8,
            archived_is_gone: false,
        }
    }
}

/// Why options cannot be used. Names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// No such region.
    #[error("region `{0}` is not known; write \"au\", or \"eu\" for the EU and the UK")]
    Region(String),
    /// Something is empty.
    #[error("{0} is empty; {1}")]
    Empty(&'static str, &'static str),
    /// The base URL or the credentials cannot be used.
    #[error(transparent)]
    Client(#[from] ClientOptionsError),
}
