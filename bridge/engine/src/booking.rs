//! The booking desk at work: requests come in, the calendar is looked at, and one booking goes out for each.
//!
//! Nothing is held in the calendar while somebody makes up their mind: free times are found, and booked with refusal of
//! double bookings. A request has its turn at its time before the calendar is looked at, so that two requests for one
//! time are one after the other; it is marked sent in the store before the call. What was not answered is looked at
//! before anything is repeated. Any process may move a request on, and one that was killed leaves nothing that another
//! cannot go on with.

mod advance;
mod keep;
mod requests;
mod shown;
mod telling;

pub use requests::Requests;
pub use shown::{Rehearsal, Shown};

use crate::deliver::micros;
use crate::error::EngineError;
use adapter_kit::{AdapterError, Calendar, Clock, FreeAsk};
use bridge_core::Time;
use bridge_core::booking::{Defaults, FreeTime, Reason, Record, Request, State, Told, Why};
use bridge_core::codec::Country;
use bridge_store::{AuditEntry, Store};
use jiff::tz::TimeZone;
use keep::Stepped;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use telling::told_home;
use tokio::sync::Notify;

/// Moves of a request within one turn of work.
const MOVES: usize = 24;
/// How soon a request asks again whether its system may be sent anything.
const PAUSED: Duration = Duration::from_secs(10);
/// Between two looks at a request that waits for something.
const GLANCE: Duration = Duration::from_millis(200);
/// A request that another process does not move on for so long may be moved on here.
const LEFT_ALONE: Time = 5_000_000;
/// How far Halaxy's clock may be behind ours.
const CLOCKS_APART: Time = 600_000_000;
/// The longest key.
const KEY: usize = 120;

/// What the desk is told.
#[derive(Clone, Debug)]
pub struct DeskSettings {
    /// The system with the calendar, by name.
    pub system: String,
    /// Kind of its patients, for the history.
    pub kind: String,
    /// The practice's time zone.
    pub zone: TimeZone,
    /// The practice's country, for phone numbers without a code.
    pub country: Country,
    /// What is asked for unless a request says otherwise.
    pub defaults: Defaults,
}

/// A request and what is to be told of it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The request.
    pub record: Record,
    /// What became of it.
    pub told: Told,
    /// What could not be done just now: the call, and its code.
    pub trouble: Option<String>,
    /// It was asked for before; this is what became of it.
    pub earlier: bool,
}

/// What a person decides about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is for this patient.
    Patient(String),
    /// This appointment is the one.
    Booked(String),
    /// It is given up.
    Withdraw,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskStep {
    /// Requests taken in from another system.
    pub asked: usize,
    /// Requests that ended.
    pub ended: usize,
    /// Answers written back.
    pub told: usize,
    /// Requests that are under way.
    pub open: usize,
    /// Requests that wait for a person.
    pub waiting: usize,
    /// What could not be done now: the call, and its code.
    pub trouble: Vec<String>,
}

/// How a move of one request ended.
enum Turnout {
    /// It moved; there may be more to do at once.
    Moved,
    /// Nothing before then.
    Until(Time),
    /// Another request is first.
    Behind(String),
    /// Somebody else is at it.
    Busy,
    /// An account could not be asked.
    Trouble(AdapterError),
    /// Nothing (more) to do by itself.
    Rests,
}

/// The booking desk of one practice.
pub struct BookingDesk {
    store: Store,
    calendar: Arc<dyn Calendar>,
    clock: Arc<dyn Clock>,
    settings: DeskSettings,
    requests: Option<Requests>,
    /// Keys that this process is at.
    busy: Mutex<BTreeSet<String>>,
    /// A time has been given back.
    freed: Notify,
}

/// Takes a key off the list of those that this process is at.
struct Busy<'d>(&'d BookingDesk, String);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.1);
    }
}

impl BookingDesk {
    /// A desk over a store and a calendar.
    pub fn new(
        store: Store,
        calendar: Arc<dyn Calendar>,
        clock: Arc<dyn Clock>,
        settings: DeskSettings,
    ) -> BookingDesk {
        BookingDesk {
            store,
            calendar,
            clock,
            settings,
            requests: None,
            busy: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// The desk that also takes requests from another system.
    pub fn taking(mut self, requests: Requests) -> BookingDesk {
        self.requests = Some(requests);
        self
    }

    /// The settings.
    pub fn settings(&self) -> &DeskSettings {
        &self.settings
    }

    /// Times that the practice offers, in order.
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] if the calendar cannot be asked now.
    pub async fn find(&self, ask: &FreeAsk) -> Result<Vec<FreeTime>, EngineError> {
        self.calendar.free(ask).await.map_err(cannot)
    }

    /// Books, or says what became of the request with that key: a key stands for one request, for ever. Waits so long
    /// for an outcome at most; what is still open then is gone on with by [`BookingDesk::step`].
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] for a key that cannot be used, or stands for another request.
    pub async fn request(
        &self,
        key: &str,
        request: Request,
        by: &str,
        patience: Duration,
    ) -> Result<Standing, EngineError> {
        let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        if key.is_empty() || key.len() > KEY || !key.bytes().all(sound) {
            return Err(EngineError::NotPossible(
                "a request key has 1 to 120 letters, digits and - _ . : only; use e.g. the number of the order".into(),
            ));
        }
        let record = Record::new(key, request, by, self.clock.now());
        let line = self.line(&record, "asked").await?;
        let earlier = keep::ask(&self.store, &record, line).await?;
        if earlier.as_ref().is_some_and(|earlier| earlier.digest != record.digest) {
            return Err(EngineError::NotPossible(
                "this request key was used for another request; take a new key".into(),
            ));
        }
        let mut standing = self.pursue(key, patience).await?;
        standing.earlier = earlier.is_some();
        Ok(standing)
    }

    /// Goes on with a request until it ends, waits for a person, or patience does.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if there is none of that key.
    pub async fn pursue(&self, key: &str, patience: Duration) -> Result<Standing, EngineError> {
        let until = self.clock.now() + micros(patience);
        let mut trouble = None;
        loop {
            let wake = match self.advance(key).await? {
                Turnout::Moved => continue,
                Turnout::Rests => return self.standing(key, None).await,
                Turnout::Until(then) => then,
                Turnout::Busy => self.clock.now() + micros(GLANCE),
                Turnout::Behind(first) => match self.help(&first).await? {
                    true => continue,
                    false => self.clock.now() + micros(GLANCE),
                },
                Turnout::Trouble(error) => {
                    trouble = Some(error.to_string());
                    self.clock.now() + micros(GLANCE * 5)
                }
            };
            let now = self.clock.now();
            if now >= until {
                return self.standing(key, trouble).await;
            }
            // Somebody else may move it on meanwhile.
            let wake = wake.min(until).min(now + micros(GLANCE * 5)).max(now + 1);
            tokio::select! {
                () = self.freed.notified() => {}
                () = self.clock.sleep(Duration::from_micros(u64::try_from(wake - now).unwrap_or(1))) => {}
            }
        }
    }

    /// Moves a request on that keeps another from its time, unless somebody is at it; whether it moved.
    async fn help(&self, key: &str) -> Result<bool, EngineError> {
        match keep::load(&self.store, key).await? {
            Some(first) if first.at + LEFT_ALONE < self.clock.now() => {
                Ok(matches!(self.advance(key).await?, Turnout::Moved))
            }
            _ => Ok(false),
        }
    }

    /// A request and what is to be told of it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn show(&self, key: &str) -> Result<Standing, EngineError> {
        self.standing(key, None).await
    }

    /// All requests, or those that something is left to be done for; the latest first.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn list(&self, open: bool) -> Result<Vec<Standing>, EngineError> {
        let mut records = match open {
            false => keep::all(&self.store).await?,
            true => {
                let mut some = Vec::new();
                for key in keep::open(&self.store).await? {
                    some.extend(keep::load(&self.store, &key).await?);
                }
                some
            }
        };
        records.sort_by_key(|record| std::cmp::Reverse((record.asked, record.key.clone())));
        Ok(records.into_iter().map(|record| self.of(record, None)).collect())
    }

    /// Takes in what other systems ask, goes on with everything that is open, and writes answers back.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with an account is told in the step.
    pub async fn step(&self) -> Result<DeskStep, EngineError> {
        let mut step = DeskStep::default();
        if let Some(requests) = &self.requests {
            step.asked = self.take_in(requests, &mut step.trouble).await?;
        }
        let mut open = Vec::new();
        for key in keep::open(&self.store).await? {
            match keep::load(&self.store, &key).await? {
                Some(record) => open.push(record),
                None => keep::close(&self.store, &key).await?,
            }
        }
        // Whoever asked first has the first choice.
        open.sort_by_key(|record| (record.asked, record.key.clone()));
        for before in open {
            let key = before.key.clone();
            for _ in 0..MOVES {
                match self.advance(&key).await? {
                    Turnout::Moved => {}
                    Turnout::Trouble(error) => {
                        step.trouble.push(error.to_string());
                        break;
                    }
                    _ => break,
                }
            }
            let Some(record) = keep::load(&self.store, &key).await? else {
                continue;
            };
            step.ended += usize::from(record.ended() && !before.ended());
            step.waiting += usize::from(matches!(record.state, State::Waiting { .. }));
            step.open += usize::from(record.answer().is_none());
            if record.untold()
                && let Some(requests) = &self.requests
            {
                step.told += usize::from(self.tell(requests, &record, &mut step.trouble).await?);
            }
        }
        Ok(step)
    }

    /// Takes a person's decision about a request that waits.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or [`EngineError::NotPossible`] if it does not wait for that.
    pub async fn decide(&self, key: &str, decision: &Decision, by: &str) -> Result<Standing, EngineError> {
        let before = keep::load(&self.store, key).await?.ok_or_else(|| unknown(key))?;
        let mut after = before.clone();
        let now = self.clock.now();
        let not_possible = |what: &str| Err(EngineError::NotPossible(what.into()));
        let unsure = matches!(
            before.state,
            State::Waiting {
                why: Why::Moved | Why::NoAnswer
            }
        );
        match (decision, &before.state) {
            (Decision::Patient(id), State::Waiting { .. }) if !unsure => {
                if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
                    return not_possible("a patient's id of Halaxy's is a number");
                }
                after.patient = Some(id.clone());
                after.to(State::Asked, now);
            }
            (Decision::Booked(id), _) if unsure => {
                if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
                    return not_possible("an appointment's id of Halaxy's is a number");
                }
                let (already, cancelled) = (false, false);
                let id = id.clone();
                after.to(State::Booked { id, already, cancelled }, now);
            }
            (Decision::Withdraw, State::Waiting { .. } | State::Asked) => after.to(State::Withdrawn, now),
            (Decision::Patient(_), _) => return not_possible("this request does not wait for a patient to be named"),
            (Decision::Booked(_), _) => {
                return not_possible("this request does not wait for an appointment to be named");
            }
            (Decision::Withdraw, _) => {
                return not_possible("this request has ended or is on its way; it can no longer be given up");
            }
        }
        let line = self.line(&after, &format!("decided by {by}")).await?;
        match keep::step(&self.store, &before, &after, Some(line), None).await? {
            Stepped::Done => self.standing(key, None).await,
            Stepped::Moved | Stepped::Behind(_) => Err(EngineError::Changed),
        }
    }

    async fn standing(&self, key: &str, trouble: Option<String>) -> Result<Standing, EngineError> {
        let record = keep::load(&self.store, key).await?.ok_or_else(|| unknown(key))?;
        Ok(self.of(record, trouble))
    }

    fn of(&self, record: Record, trouble: Option<String>) -> Standing {
        Standing {
            told: record.told(&self.settings.zone),
            record,
            trouble,
            earlier: true,
        }
    }

    /// Keeps a change with its line of the history, where there is one.
    async fn keep(&self, before: &Record, after: &Record) -> Result<Turnout, EngineError> {
        let line = match &after.state {
            State::Asked | State::Marked | State::Sent { .. } => None,
            State::Unknown { .. } => Some(self.line(after, "outcome unknown").await?),
            State::Waiting { .. } => Some(self.line(after, "waits for a person").await?),
            State::Booked { .. } => Some(self.line(after, "booked").await?),
            State::Taken => Some(self.line(after, "the time is taken").await?),
            State::Refused { code, .. } => {
                let code = code.as_deref().unwrap_or("before it was sent");
                Some(self.line(after, &format!("refused ({code})")).await?)
            }
            State::Withdrawn => Some(self.line(after, "given up").await?),
        };
        let told = told_home(&self.settings, before, after).map(|told| (told, self.clock.now()));
        let stepped = keep::step(&self.store, before, after, line, told).await?;
        if before.has_turn() && !after.has_turn() {
            self.freed.notify_waiters();
        }
        Ok(match stepped {
            Stepped::Done | Stepped::Moved => Turnout::Moved,
            Stepped::Behind(first) => Turnout::Behind(first),
        })
    }

    /// A line of the history: ids and codes only.
    async fn line(&self, record: &Record, became: &str) -> Result<AuditEntry, EngineError> {
        let entity = match &record.patient {
            Some(id) => {
                self.store
                    .entity_of(&self.settings.system, &self.settings.kind, id)
                    .await?
            }
            None => None,
        };
        let id = match &record.state {
            State::Booked { id, .. } => Some(id.clone()),
            _ => None,
        };
        Ok(AuditEntry {
            at: self.clock.now(),
            run: None,
            entity,
            system: Some(self.settings.system.clone()),
            remote_id: id,
            event: "booking".into(),
            units: Vec::new(),
            reason: format!(
                "booking {became}, asked for by {}, request key {}",
                record.by, record.key
            ),
            body: None,
        })
    }
}

fn past(record: &Record, now: Time) -> bool {
    record.request.as_ref().is_some_and(|request| request.start <= now)
}

fn gone() -> State {
    State::Refused {
        reason: Reason::Past,
        code: None,
    }
}

fn unknown(key: &str) -> EngineError {
    EngineError::NotFound(format!("booking with the request key {key}"))
}

fn cannot(error: AdapterError) -> EngineError {
    EngineError::NotPossible(format!("the calendar cannot be read now: {error}"))
}
