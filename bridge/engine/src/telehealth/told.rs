//! What a CRM was told of one call, with whom its activity stands, and what is next about it.

use bridge_core::Time;
use bridge_core::telehealth::{Party, Who};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far one got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldState {
    /// Marked before the call; nobody has seen yet that it was made.
    Sent,
    /// It stands in the CRM.
    Posted,
    /// The CRM refused it, with its code.
    Refused,
    /// Somebody deleted it in the CRM: it is not made again.
    Deleted,
}

/// One call that changes with whom an activity stands, or what it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// It is taken from this contact.
    Detach(String),
    /// It is put to this contact.
    Attach(String),
    /// It is told to be withdrawn, since it was nobody's; or not any more.
    Withdrawn(bool),
}

/// One call that the CRM was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How far it got.
    pub state: ToldState,
    /// When it was sent last.
    pub at: Time,
    /// The contact it was made for.
    pub contact: String,
    /// Id in the CRM.
    pub remote_id: Option<String>,
    /// What the CRM answered, as a code.
    pub code: Option<String>,
    /// Whom it was told for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// Contacts it may stand with besides what follows from `contact`, and whether that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<BTreeMap<String, bool>>,
    /// Whether it tells that it is withdrawn; none if that is not known.
    #[serde(default = "told_as_it_was")]
    pub withdrawn: Option<bool>,
    /// What is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Move>,
    /// What the CRM refused of it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Move>,
}

fn told_as_it_was() -> Option<bool> {
    Some(false)
}

/// Where an activity should stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing new is known.
    Keep,
    /// With this contact.
    To(String),
    /// With nobody: the call was not with whom it was told for.
    Away,
}

impl Told {
    /// One about to be made.
    pub(super) fn sent(party: &Party, contact: &str, at: Time) -> Told {
        Told {
            state: ToldState::Sent,
            at,
            contact: contact.to_owned(),
            remote_id: None,
            code: None,
            party: Some(party.clone()),
            stands: None,
            withdrawn: Some(false),
            outgoing: None,
            blocked: None,
        }
    }

    /// Whether an answer is still to be found out.
    pub(super) fn is_open(&self) -> bool {
        self.state == ToldState::Sent || self.outgoing.is_some()
    }

    pub(super) fn stands(&self) -> BTreeMap<String, bool> {
        let first = || BTreeMap::from([(self.contact.clone(), true)]);
        self.stands.clone().unwrap_or_else(first)
    }

    /// Where it should stand, from whom the call was with and the contact that stands for them now.
    pub(super) fn target(&self, who: &Who, contact: Option<&String>) -> Target {
        match (who, who.party(), contact) {
            (Who::Several { .. } | Who::Nobody, ..) => Target::Keep,
            (_, Some(_), Some(contact)) => Target::To(contact.clone()),
            (_, Some(party), None) if self.party.as_ref().is_none_or(|told| told == party) => Target::Keep,
            _ => Target::Away,
        }
    }

    /// The next call about it, if one is needed. It is taken away before it is put, since an old contact may have been
    /// merged into the new one.
    pub(super) fn next(&self, target: &Target) -> Option<Move> {
        if self.state != ToldState::Posted || self.is_open() {
            return None;
        }
        let stands = self.stands();
        let other = |keep: Option<&String>| {
            let found = stands.keys().find(|contact| Some(*contact) != keep);
            found.cloned().map(Move::Detach)
        };
        let told = |withdrawn: bool| (self.withdrawn != Some(withdrawn)).then_some(Move::Withdrawn(withdrawn));
        let next = match target {
            Target::Keep => None,
            Target::To(contact) => {
                let put = (stands.get(contact) != Some(&true)).then(|| Move::Attach(contact.clone()));
                other(Some(contact)).or(put).or_else(|| told(false))
            }
            Target::Away => told(true).or_else(|| other(None)),
        };
        next.filter(|next| self.blocked.as_ref() != Some(next))
    }

    /// Marks a call before it is made.
    pub(super) fn marked(mut self, next: &Move, now: Time) -> Told {
        let mut stands = self.stands();
        match next {
            // Where contacts were merged, taking it from the one may take it from the other.
            Move::Detach(_) => stands.values_mut().for_each(|sure| *sure = false),
            Move::Attach(contact) => drop(stands.insert(contact.clone(), false)),
            Move::Withdrawn(_) => self.withdrawn = None,
        }
        self.stands = Some(stands);
        self.outgoing = Some(next.clone());
        self.at = now;
        self
    }

    /// A call that was marked is done.
    pub(super) fn done(&mut self) {
        let mut stands = self.stands();
        match self.outgoing.take() {
            Some(Move::Detach(contact)) => drop(stands.remove(&contact)),
            Some(Move::Attach(contact)) => drop(stands.insert(contact, true)),
            Some(Move::Withdrawn(withdrawn)) => self.withdrawn = Some(withdrawn),
            None => {}
        }
        self.stands = Some(stands);
        (self.blocked, self.code) = (None, None);
    }
}
