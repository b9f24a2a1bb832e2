//! Webhooks, as far as they can be said without a server: what arrived, whether the product sent it, and
//! what it means. A webhook is a hint that a record may have changed; no value in it is ever used.

mod overlap;
mod signature;

pub use overlap::Overlap;
pub use signature::{Algorithm, Encoding, Part, Signature, Stamp, StampUnit};

pub use bridge_core::capture::News;

use bridge_core::Time;
use http::HeaderMap;

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// The public address as the product called it, query included: behind a proxy this is not what the
    /// listener sees.
    pub uri: &'a str,
    /// The last part of the address, where a product sends each event to an address of its own.
    pub event: Option<&'a str>,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// The body, byte by byte.
    pub body: &'a [u8],
    /// When it arrived, on the bridge's clock.
    pub received: Time,
}

/// One event that a request tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What tells a repetition of this event from another event, where the product gives something.
    pub event: Option<String>,
    /// Remote kind.
    pub kind: String,
    /// The records concerned; more than one for merges.
    pub remote_ids: Vec<String>,
    /// What is said to have happened.
    pub news: News,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What would prove where it comes from is missing.
    #[error("it carries no signature")]
    Unsigned,
    /// The proof is wrong.
    #[error("its signature is wrong")]
    Forged,
    /// The proof is right and too old, or from the future: perhaps a repetition by somebody who listened.
    #[error("its time is too far from now")]
    Stale,
    /// It comes from the product and is not understood.
    #[error("{0}")]
    Content(&'static str),
}

impl Refused {
    /// The HTTP status that tells the sender.
    pub fn status(self) -> u16 {
        match self {
            Refused::Unsigned | Refused::Forged | Refused::Stale => 401,
            Refused::Content(_) => 400,
        }
    }
}

/// A product's webhooks for one account.
pub trait Webhook: Send + Sync {
    /// The last parts of the addresses, where the product needs one for each event; else nothing.
    fn events(&self) -> Vec<&str>;

    /// Proves where a request comes from, then reads it. Events that concern nothing the bridge could
    /// know are left out.
    ///
    /// # Errors
    /// [`Refused`]; the first of: unsigned, forged, stale, not understood.
    fn read(&self, arrival: &Arrival<'_>) -> Result<Vec<Notice>, Refused>;
}
