//! How a request goes on: asked, marked, sent, and then booked, taken or refused. What was sent and not answered is
//! unknown until a look tells.

use super::request::Request;
use super::sight::Sight;
use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How often a booking goes out before a person must look into it.
const TRIES: u32 = 5;

/// Why a person must act before anything is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody among the patients is surely meant.
    Nobody,
    /// Several patients may be meant.
    Several,
    /// The contact is linked with no patient.
    NotLinked,
    /// New appointments of the patient lie at other times: ours may have been moved.
    Moved,
    /// It went out time and again without an answer and is not there.
    NoAnswer,
}

/// Why nothing was booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The practice does not offer the time.
    NotOffered,
    /// The time had passed before it could be booked.
    Past,
    /// Halaxy says that the time is taken while nothing is seen there.
    Conflict,
    /// The account does not take this location at booking (`too-costly`).
    Location,
    /// There is no such patient, role, type or fee.
    Unknown,
    /// The key may not book.
    Forbidden,
    /// Halaxy does not accept it.
    Invalid,
    /// The request cannot be read: the part at fault and what to do.
    Unreadable {
        /// The part.
        part: String,
        /// What is wrong.
        what: String,
    },
}

/// How far a request got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Nothing was done yet.
    Asked,
    /// A person must act.
    Waiting {
        /// Why.
        why: Why,
    },
    /// It has its turn at the time; nothing was sent yet.
    Marked,
    /// On its way, or cut off.
    Sent {
        /// When the call began.
        at: Time,
        /// Appointments of that role that were there before.
        before: BTreeSet<String>,
    },
    /// Sent, and nobody knows.
    Unknown {
        /// When the call began.
        at: Time,
        /// Appointments of that role that were there before.
        before: BTreeSet<String>,
    },
    /// Done.
    Booked {
        /// The appointment.
        id: String,
        /// The patient had it before.
        already: bool,
        /// It was cancelled before anybody could be told.
        cancelled: bool,
    },
    /// Another one has the time. Nothing was booked.
    Taken,
    /// Nothing was booked, and repeating does not help.
    Refused {
        /// Why.
        reason: Reason,
        /// What Halaxy answered, as a code.
        code: Option<String>,
    },
    /// A person gave it up. Nothing was booked.
    Withdrawn,
}

/// A request that stands in another system, where the answer is written back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The system.
    pub system: String,
    /// Kind of the record.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What tells this request of the record from its earlier ones.
    pub stamp: String,
    /// The answer that was written there last.
    pub told: Option<String>,
}

/// One request, as it is kept under its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The key; letters, digits and `-_.:` only.
    pub key: String,
    /// What was asked for; nothing if it could not be read.
    pub request: Option<Request>,
    /// [`Request::digest`].
    pub digest: String,
    /// When it was asked.
    pub asked: Time,
    /// By whom.
    pub by: String,
    /// The patient, once known.
    pub patient: Option<String>,
    /// How far it got.
    pub state: State,
    /// When it got there.
    pub at: Time,
    /// How often it went out.
    pub tries: u32,
    /// Grows with every change: who saw another one must look again.
    pub revision: u64,
    /// Where it stands, if in another system.
    pub origin: Option<Origin>,
}

/// What Halaxy answered to a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Made: the id of the appointment.
    Made(String),
    /// The time is taken (409). A repeated delivery of our own call is answered so, too.
    Conflict,
    /// Refused for this reason, with the code.
    Refused(Reason, String),
    /// Provably not processed, with the code: may be sent again.
    NotProcessed(String),
    /// Nobody knows, with the code.
    Unknown(String),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Find out which patient it is.
    Identify,
    /// Take the turn at its time.
    Mark,
    /// Look whether the time is offered and free, and send.
    Send,
    /// Look at the calendar. Whether that nothing is there proves that nothing will be.
    Look(bool),
    /// Nothing before then: the call may still be under way.
    Wait(Time),
    /// A person must act.
    Person,
    /// It has ended.
    Nothing,
}

impl Record {
    /// A new request.
    pub fn new(key: &str, request: Request, by: &str, now: Time) -> Record {
        Record {
            key: key.to_string(),
            digest: request.digest(),
            patient: match &request.who {
                super::Who::Patient(id) => Some(id.clone()),
                _ => None,
            },
            request: Some(request),
            asked: now,
            by: by.to_string(),
            state: State::Asked,
            at: now,
            tries: 0,
            revision: 0,
            origin: None,
        }
    }

    /// A request that cannot be read, so that whoever made it can be told.
    pub fn unreadable(key: &str, part: &str, what: &str, by: &str, now: Time) -> Record {
        let reason = Reason::Unreadable {
            part: part.to_string(),
            what: what.to_string(),
        };
        Record {
            key: key.to_string(),
            request: None,
            digest: String::new(),
            asked: now,
            by: by.to_string(),
            patient: None,
            state: State::Refused { reason, code: None },
            at: now,
            tries: 0,
            revision: 0,
            origin: None,
        }
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        matches!(
            self.state,
            State::Booked { .. } | State::Taken | State::Refused { .. } | State::Withdrawn
        )
    }

    /// Whether it keeps others from its time.
    pub fn has_turn(&self) -> bool {
        matches!(self.state, State::Marked | State::Sent { .. } | State::Unknown { .. })
            || matches!(
                self.state,
                State::Waiting {
                    why: Why::Moved | Why::NoAnswer
                }
            )
    }

    /// What there is to be told in the system it stands in; nothing while it is under way.
    pub fn answer(&self) -> Option<String> {
        match &self.state {
            State::Booked { id, cancelled, .. } => {
                Some(format!("booked {id}{}", if *cancelled { " cancelled" } else { "" }))
            }
            State::Taken => Some("taken".into()),
            State::Refused { .. } => Some("refused".into()),
            State::Waiting { .. } => Some("waiting".into()),
            State::Withdrawn => Some("withdrawn".into()),
            State::Asked | State::Marked | State::Sent { .. } | State::Unknown { .. } => None,
        }
    }

    /// Whether its answer still has to be written into the system it stands in.
    pub fn untold(&self) -> bool {
        let told = |origin: &Origin| self.answer().is_none_or(|answer| origin.told.as_ref() == Some(&answer));
        !self.origin.as_ref().is_none_or(told)
    }

    /// Whether nothing is left to be done.
    pub fn done(&self) -> bool {
        self.ended() && !self.untold()
    }

    /// What comes next. `life` is the longest that a call can live after we gave up on it, the time that lists may lag
    /// behind included.
    pub fn next(&self, now: Time, life: Time) -> Next {
        match &self.state {
            State::Asked if self.patient.is_none() => Next::Identify,
            // A contact may be linked any time.
            State::Waiting { why: Why::NotLinked } => Next::Identify,
            State::Waiting { .. } => Next::Person,
            State::Asked => Next::Mark,
            State::Marked => Next::Send,
            State::Sent { at, .. } if now < at + life => Next::Wait(at + life),
            State::Unknown { at, .. } => Next::Look(now >= at + life),
            State::Sent { .. } => Next::Look(true),
            _ => Next::Nothing,
        }
    }

    /// Moves on to a state. The revision grows.
    pub fn to(&mut self, state: State, now: Time) {
        self.state = state;
        self.at = now;
        self.revision += 1;
    }

    /// Takes an answer in. A conflict says nothing by itself: look.
    pub fn answered(&mut self, answer: &Answered, now: Time) {
        let State::Sent { at, before } = &self.state else {
            return;
        };
        let (at, before) = (*at, before.clone());
        let state = match answer {
            Answered::Made(id) => booked(id, false, false),
            Answered::Refused(reason, code) => State::Refused {
                reason: reason.clone(),
                code: Some(code.clone()),
            },
            Answered::NotProcessed(_) => {
                self.tries = self.tries.saturating_sub(1);
                State::Asked
            }
            Answered::Conflict | Answered::Unknown(_) => State::Unknown { at, before },
        };
        self.to(state, now);
    }

    /// Takes in a look at the calendar before anything was sent; whether it may be sent. `offered` is whether the
    /// practice offers the time.
    pub fn looked_before(&mut self, sight: &Sight, offered: bool, now: Time) -> bool {
        let unoffered = self.request.as_ref().is_some_and(|request| request.unoffered);
        let state = match sight {
            Sight::Already(id) => booked(id, true, false),
            Sight::Free if offered || unoffered => return true,
            Sight::Free => State::Refused {
                reason: Reason::NotOffered,
                code: None,
            },
            _ => State::Taken,
        };
        self.to(state, now);
        false
    }

    /// Takes in a look after it was sent. `proves` is whether what is not there will not come any more; `conflict`
    /// whether Halaxy said that the time is taken.
    pub fn looked_after(&mut self, sight: Sight, proves: bool, conflict: bool, now: Time) {
        let state = match sight {
            Sight::Ours { id, cancelled } => booked(&id, false, cancelled),
            Sight::Already(id) => booked(&id, true, false),
            // As long as ours may still land, whoever has the time now may give it up before it does.
            Sight::Taken if proves || conflict => State::Taken,
            Sight::Elsewhere(_) if proves || conflict => State::Waiting { why: Why::Moved },
            Sight::Free if conflict => State::Refused {
                reason: Reason::Conflict,
                code: Some("409".into()),
            },
            Sight::Free if proves && self.tries >= TRIES => State::Waiting { why: Why::NoAnswer },
            Sight::Free if proves => State::Asked,
            Sight::Free | Sight::Taken | Sight::Elsewhere(_) => return,
        };
        self.to(state, now);
    }
}

fn booked(id: &str, already: bool, cancelled: bool) -> State {
    State::Booked {
        id: id.to_string(),
        already,
        cancelled,
    }
}
