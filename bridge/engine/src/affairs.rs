//! What stands with a patient beside their details, read from what the bridge keeps: a few rows by the index of whom they are
//! about. No account is asked. Where something is not followed, or not read whole yet, that is said instead of "nothing".

use crate::error::EngineError;
use crate::ledger::INVOICES;
use crate::mirror::incomplete;
use crate::vitals::LedgerVitals;
use adapter_kit::mirror::MirrorRules;
use bridge_core::Time;
use bridge_core::affairs::{Balance, Meeting, visits};
use bridge_core::diary::{Around, Outcome, Visit};
use bridge_core::ledger::{Fact, ReadFacts};
use bridge_store::{Mirrored, RecordKey, Store, mirrored_part};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const APPOINTMENT: &str = "Appointment";
const INVOICE: &str = "Invoice";
/// The kinds that hold the names of who holds an appointment, and where: roles first, then what they refer to.
const ROLE: &str = "PractitionerRole";
const NAMES: [&str; 2] = ["Practitioner", "Organization"];
/// Rows about one person that are looked through. Nobody has as many; a record that stands for blocks of a calendar may.
const MOST: usize = 2_000;

/// Where invoices are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invoices {
    /// With the ledger's facts.
    Ledger,
    /// In the mirror.
    Mirror,
}

/// What is followed, and how it is read.
pub struct AffairsSettings {
    /// The system with patients, appointments and invoices, by name.
    pub system: String,
    /// The kind of its records of patients.
    pub kind: String,
    /// What its bodies say of whom.
    pub rules: Arc<dyn MirrorRules>,
    /// How its invoices are read.
    pub reader: Arc<dyn ReadFacts>,
    /// The practice's time zone.
    pub zone: TimeZone,
    /// What statuses mean to this practice, where that is not the usual.
    pub statuses: BTreeMap<String, Outcome>,
    /// Appointments are mirrored.
    pub appointments: bool,
    /// Where invoices are kept, if they are.
    pub invoices: Option<Invoices>,
}

/// Whether something can be said at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is known.
    Known,
    /// It is not followed here.
    NotFollowed,
    /// It is still being read for the first time.
    Reading,
    /// There are too many records about this one to look through.
    TooMany,
    /// The person has no record where it would stand.
    NoRecord,
}

/// Something that may be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part<T> {
    /// Whether it is.
    pub standing: Standing,
    /// As of when, microseconds.
    pub as_of: Option<Time>,
    /// Records about the person that cannot be read, and are left out of it.
    pub unread: usize,
    /// What is known; there if it is.
    pub known: Option<T>,
}

impl<T> Part<T> {
    /// Nothing can be said, for that reason.
    pub fn not(standing: Standing) -> Part<T> {
        Part {
            standing,
            as_of: None,
            unread: 0,
            known: None,
        }
    }
}

/// The last appointment and the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// The last one that took place.
    pub last: Option<Meeting>,
    /// The next that is to take place.
    pub next: Option<Meeting>,
}

/// What stands with one patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affairs {
    /// Appointments.
    pub appointments: Part<Calendar>,
    /// What they owe.
    pub balance: Part<Balance>,
}

impl Affairs {
    /// Nothing can be said, for that reason.
    pub fn not(standing: Standing) -> Affairs {
        Affairs {
            appointments: Part::not(standing),
            balance: Part::not(standing),
        }
    }
}

/// Reads what stands with patients.
#[derive(Clone)]
pub struct AffairsReader {
    store: Store,
    told: Arc<AffairsSettings>,
}

impl AffairsReader {
    /// Over a store.
    pub fn new(store: Store, told: AffairsSettings) -> AffairsReader {
        AffairsReader {
            store,
            told: Arc::new(told),
        }
    }

    /// The system that patients are records of.
    pub fn system(&self) -> &str {
        &self.told.system
    }

    /// What stands with a patient, by the id of the record.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn of(&self, patient: &str, now: Time) -> Result<Affairs, EngineError> {
        Ok(Affairs {
            appointments: self.appointments(patient, now).await?,
            balance: self.balance(patient).await?,
        })
    }

    async fn appointments(&self, patient: &str, now: Time) -> Result<Part<Calendar>, EngineError> {
        if !self.told.appointments {
            return Ok(Part::not(Standing::NotFollowed));
        }
        let found = match self.mirrored(APPOINTMENT, patient).await? {
            Ok(found) => found,
            Err(standing) => return Ok(Part::not(standing)),
        };
        let read = |row: &Mirrored| Visit::read(&row.id, &row.body, &self.told.zone).ok();
        let all: Vec<Visit> = found.rows.iter().filter_map(read).collect();
        let (last, next) = visits(&all, patient, &self.told.statuses, now);
        let around = self.around([last, next].into_iter().flatten()).await?;
        Ok(Part {
            standing: Standing::Known,
            as_of: found.as_of,
            unread: found.rows.len() - all.len(),
            known: Some(Calendar {
                last: last.map(|visit| Meeting::of(visit, &around)),
                next: next.map(|visit| Meeting::of(visit, &around)),
            }),
        })
    }

    async fn balance(&self, patient: &str) -> Result<Part<Balance>, EngineError> {
        let found = match self.told.invoices {
            None => Err(Standing::NotFollowed),
            Some(Invoices::Mirror) => self.mirrored(INVOICE, patient).await?.map(|found| {
                let rows = found.rows.iter();
                let facts = rows.filter_map(|row| self.told.reader.read(INVOICE, &row.body).ok());
                let facts: Vec<Fact> = facts.collect();
                (found.rows.len() - facts.len(), facts, found.as_of)
            }),
            // What the ledger cannot read is no fact, and waits among what it holds back.
            Some(Invoices::Ledger) => self.of_ledger(patient).await?.map(|(facts, as_of)| (0, facts, as_of)),
        };
        let (unread, facts, as_of) = match found {
            Ok(found) => found,
            Err(standing) => return Ok(Part::not(standing)),
        };
        let invoices = facts.into_iter().filter_map(|fact| match fact {
            Fact::Invoice(invoice) => Some(invoice),
            _ => None,
        });
        Ok(Part {
            standing: Standing::Known,
            as_of,
            unread,
            known: Some(Balance::of(invoices, patient)),
        })
    }

    /// The mirrored records of a kind that are about a patient, or why they cannot be told.
    async fn mirrored(&self, kind: &str, patient: &str) -> Result<Result<Found, Standing>, EngineError> {
        let (store, system) = (&self.store, &self.told.system);
        let part = mirrored_part(system, kind);
        let missing = incomplete(store, system, self.told.rules.as_ref(), [kind]).await?;
        if !missing.is_empty() || !store.concerns_complete(&part).await? {
            return Ok(Err(Standing::Reading));
        }
        let ids = store.concerning(&part, &self.key(patient), MOST + 1).await?;
        if ids.len() > MOST {
            return Ok(Err(Standing::TooMany));
        }
        let mut rows = store.mirrored_among(system, kind, &ids).await?;
        rows.retain(|row| !row.gone);
        let as_of = crate::mirror::looked(store, system, self.told.rules.as_ref(), kind).await?;
        Ok(Ok(Found { rows, as_of }))
    }

    /// The ledger's invoices that a patient is to pay, or why they cannot be told.
    async fn of_ledger(&self, patient: &str) -> Result<Result<Dated, Standing>, EngineError> {
        let looked = crate::ledger::looked(&self.store, &self.told.system, INVOICE).await?;
        let (Some(looked), true) = (looked, self.store.concerns_complete(INVOICES).await?) else {
            return Ok(Err(Standing::Reading));
        };
        let ids = self.store.concerning(INVOICES, &self.key(patient), MOST + 1).await?;
        if ids.len() > MOST {
            return Ok(Err(Standing::TooMany));
        }
        let rows = self.store.ledger_rows(INVOICES, &ids).await?;
        let facts = rows
            .values()
            .filter_map(|body| serde_json::from_str(body).ok())
            .collect();
        // A look that showed nothing new moves no cursor, but is noted.
        let vitals = LedgerVitals::read(&self.store).await?;
        let noted = vitals
            .filter(|vitals| vitals.trouble.is_empty())
            .map(|vitals| vitals.at);
        Ok(Ok((facts, noted.max(Some(looked)))))
    }

    /// Names that visits refer to, as far as they are mirrored.
    async fn around(&self, visits: impl Iterator<Item = &Visit> + Clone) -> Result<Around, EngineError> {
        let mut around = Around::default();
        let roles: Vec<String> = visits.clone().filter_map(|visit| visit.role.clone()).collect();
        for row in self.store.mirrored_among(&self.told.system, ROLE, &roles).await? {
            around.take(&row.kind, &row.id, &row.body);
        }
        let mut named = [vec![], vec![]];
        for visit in visits {
            let (who, place) = around.refers(visit);
            for (ids, id) in named.iter_mut().zip([who, place]) {
                ids.extend(id.map(str::to_owned));
            }
        }
        for (kind, ids) in NAMES.into_iter().zip(named) {
            for row in self.store.mirrored_among(&self.told.system, kind, &ids).await? {
                around.take(&row.kind, &row.id, &row.body);
            }
        }
        Ok(around)
    }

    fn key(&self, patient: &str) -> RecordKey {
        RecordKey::new(self.told.system.as_str(), self.told.kind.as_str(), patient)
    }
}

/// Facts, and as of when.
type Dated = (Vec<Fact>, Option<Time>);

/// Rows about somebody, and as of when.
struct Found {
    rows: Vec<Mirrored>,
    as_of: Option<Time>,
}
