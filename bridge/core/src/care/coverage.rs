//! Claim details (halaxy-api.md 7.6). Beneficiary and subscriber mean the reverse of what FHIR usually means.

use super::body::{Body, Unreadable, link, text};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One set of claim details.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Its id.
    pub id: String,
    /// Who gets the benefit: the claimant, or the patient. A patient's id.
    pub beneficiary: String,
    /// Who is treated: a patient's id.
    pub subscriber: String,
    /// Who pays, as `Type/id`, in order.
    pub payors: Vec<String>,
    /// Number of the card or the member: compared, never shown.
    pub number: Option<String>,
    /// The person's number on the card.
    pub dependent: Option<String>,
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
    /// Not cancelled.
    pub active: bool,
}

/// Without the numbers of cards.
impl std::fmt::Debug for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coverage")
            .field("id", &self.id)
            .field("payors", &self.payors)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

impl Coverage {
    /// Reads one. Both spellings of the member's number are known (`subscriberID`, `subscriberId`).
    ///
    /// # Errors
    /// [`Unreadable`] naming the member.
    pub fn read(body: &Json) -> Result<Coverage, Unreadable> {
        let body = Body::of("Coverage", body)?;
        let who = |member| body.link(member).ok_or_else(|| body.fail(member, "a patient"));
        let payors = match body.at("/payor") {
            Json::Array(all) => all.iter().collect(),
            Json::Null => Vec::new(),
            one => vec![one],
        };
        let named = |payor: &Json| {
            let (kind, id) = link(payor)?;
            // Only organisations have ids with a prefix (halaxy-api.md 7.0), should the type be missing.
            let guess = if id.contains('-') { "Organization" } else { "Patient" };
            Some(format!("{}/{id}", kind.as_deref().unwrap_or(guess)))
        };
        let mut payors: Vec<String> = payors.into_iter().filter_map(named).collect();
        payors.sort();
        Ok(Coverage {
            beneficiary: who("beneficiary")?,
            subscriber: who("subscriber")?,
            payors,
            number: text(body.at("/subscriberID")).or_else(|| text(body.at("/subscriberId"))),
            dependent: text(body.at("/dependent")),
            from: body.day("/period/start")?,
            to: body.day("/period/end")?,
            active: *body.at("/status") != "cancelled",
            id: body.id,
        })
    }
}
