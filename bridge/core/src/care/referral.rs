//! Referrals and their kinds (halaxy-api.md 7.8).

use super::body::{Body, Unreadable, text};
use crate::ledger::Cents;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One referral. What a practitioner wrote about the person is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// Its id.
    pub id: String,
    /// The patient's id.
    pub patient: String,
    /// Claim details it goes with.
    pub coverage: Option<String>,
    /// Who treats: a Practitioner's id (`PR-`).
    pub performer: Option<String>,
    /// Who referred: a PractitionerRole's id (`EP-`).
    pub requester: Option<String>,
    /// The kind of referral: the id of a [`Definition`]. Some records hold its name instead.
    pub definition: Option<String>,
    /// First day.
    pub from: Option<Date>,
    /// Last day, which still counts \[inferred\].
    pub to: Option<Date>,
    /// Sessions allowed, where it says so itself.
    pub sessions: Option<u32>,
    /// Sessions used; may exceed what is allowed.
    pub used: u32,
    /// Money allowed.
    pub money: Option<Cents>,
    /// Money used.
    pub money_used: Cents,
    /// The one to use first.
    pub preferred: bool,
    /// As Halaxy says; it does not turn false when the referral ends.
    pub active: bool,
}

impl Referral {
    /// Reads one.
    ///
    /// # Errors
    /// [`Unreadable`] naming the member, for what would make the reckoning wrong.
    pub fn read(body: &Json) -> Result<Referral, Unreadable> {
        let body = Body::of("Referral", body)?;
        let patient = body.link("subject").ok_or_else(|| body.fail("subject", "a patient"))?;
        let definition = body.link("referralDefinition");
        Ok(Referral {
            patient,
            coverage: body.link("coverage"),
            performer: body.link("performer"),
            requester: body.link("requester"),
            definition: definition.or_else(|| text(body.at("/referralDefinition/display"))),
            from: body.day("/period/start")?,
            to: body.day("/period/end")?,
            sessions: body.count("/limitQuantity/quantity")?,
            used: body.count("/limitQuantity/quantityUsed")?.unwrap_or(0),
            money: body.cents("/limitMoney/amount")?,
            money_used: body.cents("/limitMoney/amountUsed")?.unwrap_or_default(),
            preferred: *body.at("/priority") == Json::Bool(true),
            active: *body.at("/active") != Json::Bool(false),
            id: body.id,
        })
    }

    /// With the limits of its kind where it has none of its own.
    pub fn with(mut self, kinds: &[Definition]) -> Referral {
        let of = |d: &&Definition| self.definition.as_ref().is_some_and(|k| d.id == *k || d.name == *k);
        if let Some(kind) = kinds.iter().find(of) {
            self.sessions = self.sessions.or(kind.sessions);
            self.money = self.money.or(kind.money);
        }
        self
    }
}

/// A kind of referral.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id.
    pub id: String,
    /// Its name. Names such as that of a care plan tell about the person: they go nowhere but to the practice's own screen.
    pub name: String,
    /// Sessions allowed.
    pub sessions: Option<u32>,
    /// Money allowed.
    pub money: Option<Cents>,
}

impl Definition {
    /// Reads one. Where a kind keeps its limits is not documented; they are looked for where referrals keep theirs
    /// \[inferred\].
    ///
    /// # Errors
    /// [`Unreadable`] without an id.
    pub fn read(body: &Json) -> Result<Definition, Unreadable> {
        let body = Body::of("ReferralDefinition", body)?;
        let name = text(body.at("/name")).or_else(|| text(body.at("/title")));
        Ok(Definition {
            name: name.unwrap_or_default(),
            sessions: body.count("/limitQuantity/quantity").unwrap_or(None),
            money: body.cents("/limitMoney/amount").unwrap_or(None),
            id: body.id,
        })
    }
}
