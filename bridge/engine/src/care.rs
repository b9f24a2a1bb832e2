//! Referrals under watch: what the mirror shows of them is reckoned each day, and whoever follows the public stream is
//! told when one comes to stand otherwise (it runs out, is used up, ends), which Halaxy itself tells nobody.

mod units;

pub use units::{REFERRAL_MEMBER, ReferralUnits};

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::Time;
use bridge_core::care::standing::Alert;
use bridge_core::care::{Definition, Limits, Overview, Referral, State};
use bridge_core::change::Happened;
use bridge_store::{Event, Store};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind under which the stream tells that a referral came to stand otherwise.
pub const KIND: &str = "ReferralState";
const REFERRAL: &str = "care/referral";
const DEFINITION: &str = "care/definition";
const POSITION: &str = "care/position";
const UNITS: &str = "care/units";
const ALL: &str = "all";
/// Changes taken from the mirror at a time.
const PAGE: usize = 500;

/// How far the watch is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// The last change of the mirror that was taken in.
    seq: i64,
    /// The day that was reckoned last, and by which limits.
    day: Option<Date>,
    limits: Limits,
    /// Records that could not be read, by id.
    unread: BTreeMap<String, String>,
}

/// A referral and how it stood when somebody was told last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Watched {
    referral: Referral,
    state: Option<State>,
}

/// What a step found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CareStep {
    /// Referrals by state.
    pub counts: BTreeMap<State, u64>,
    /// What somebody should see to.
    pub alerts: Vec<Alert>,
    /// How many came to stand otherwise in this step.
    pub changed: usize,
    /// Records that could not be read: their id and the member.
    pub unread: Vec<String>,
    /// There is more to take in right away.
    pub more: bool,
}

/// The watch of one practice's referrals, beside the engine that drives.
pub struct Care<'e> {
    engine: &'e Engine,
    system: String,
    zone: TimeZone,
    limits: Limits,
    units: bool,
}

impl<'e> Care<'e> {
    /// The watch over a mirrored system, by the practice's clock.
    pub fn new(engine: &'e Engine, system: &str, zone: TimeZone, limits: Limits) -> Care<'e> {
        Care {
            engine,
            system: system.into(),
            zone,
            limits,
            units: false,
        }
    }

    /// Patients get units of their referrals ([`ReferralUnits`]).
    pub fn with_units(mut self, units: bool) -> Care<'e> {
        self.units = units;
        self
    }

    /// Takes in what the mirror shows anew, and reckons every referral when something changed or a day began.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn step(&self) -> Result<CareStep, EngineError> {
        let store = &self.engine.store;
        let mut position = position(store).await?;
        let mut watched: BTreeMap<String, Watched> = kept(store, REFERRAL).await?;
        let mut kinds: BTreeMap<String, Definition> = kept(store, DEFINITION).await?;
        let changes = store.mirrored_after(&self.system, "", position.seq, PAGE).await?;
        let more = changes.len() == PAGE;
        let (mut news, mut gone, mut new_kinds) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            position.seq = position.seq.max(change.seq);
            match change.kind.as_str() {
                "ReferralDefinition" if !change.gone => {
                    if let Ok(kind) = Definition::read(&change.body) {
                        new_kinds.push((kind.id.clone(), text(&kind)));
                        kinds.insert(kind.id.clone(), kind);
                    }
                }
                "Referral" => {
                    position.unread.remove(&change.id);
                    let read = if change.gone {
                        None
                    } else {
                        Some(Referral::read(&change.body))
                    };
                    match read {
                        Some(Ok(referral)) => {
                            let state = watched.get(&change.id).and_then(|known| known.state);
                            watched.insert(change.id.clone(), Watched { referral, state });
                            news.push(change.id);
                        }
                        // One that cannot be read is no longer known to stand as it did.
                        Some(Err(wrong)) => {
                            position.unread.insert(change.id.clone(), wrong.to_string());
                            gone.extend(watched.remove(&change.id).map(|_| change.id));
                        }
                        None => gone.extend(watched.remove(&change.id).map(|_| change.id)),
                    }
                }
                _ => {}
            }
        }
        let now = self.engine.clock.now();
        let today = self.today(now);
        let due = position.day != Some(today) || position.limits != self.limits;
        let due = due || (self.units && !units::done(store).await?);
        let reckoned = !news.is_empty() || !gone.is_empty() || !new_kinds.is_empty() || due;
        (position.day, position.limits) = (Some(today), self.limits);
        let kinds: Vec<Definition> = kinds.into_values().collect();
        let full: Vec<Referral> = watched.values().map(|w| w.referral.clone().with(&kinds)).collect();
        let view = Overview::of(&full, today, self.limits);
        let mut step = CareStep {
            counts: view.counts(),
            alerts: view.alerts(),
            changed: 0,
            unread: position.unread.values().cloned().collect(),
            more,
        };
        // A first reading in several steps is told of at its end: until then nothing stood otherwise.
        if !reckoned && !more {
            if position != self::position(store).await? {
                let mut tx = store.begin().await?;
                tx.put_ledger(POSITION, &[(ALL.into(), text(&position))]).await?;
                tx.commit().await?;
            }
            return Ok(step);
        }
        // Until every referral was read once nobody can be said to have none.
        let whole = !more && store.meta(&format!("stream/{}/Referral", self.system)).await?.is_some();
        let units = match self.units && whole {
            true => Some(units::changed(store, &view).await?),
            false => None,
        };
        let mut tx = store.begin().await?;
        let mut events = Vec::new();
        let mut rows: Vec<(String, String)> = Vec::new();
        for (referral, standing) in view.all() {
            let Some(known) = watched.get_mut(&referral.id) else {
                continue;
            };
            let before = known.state.replace(standing.state);
            let moved = before.is_some_and(|before| before != standing.state);
            if moved {
                step.changed += 1;
                let entity = tx.entity_of(&self.system, "Patient", &referral.patient).await?;
                events.push(self.event(&referral.id, entity, now));
            }
            if before != known.state || news.contains(&referral.id) {
                rows.push((referral.id.clone(), text(known)));
            }
        }
        tx.put_ledger(REFERRAL, &rows).await?;
        tx.put_ledger(DEFINITION, &new_kinds).await?;
        tx.drop_ledger(REFERRAL, &gone).await?;
        tx.put_ledger(POSITION, &[(ALL.into(), text(&position))]).await?;
        if let Some(units) = &units {
            units::keep(&mut tx, &self.system, units, now).await?;
        }
        if self.engine.stream().is_some() {
            tx.append_events(&events).await?;
        }
        self.engine.commit(tx).await?;
        Ok(step)
    }

    fn today(&self, now: Time) -> Date {
        let at = Timestamp::from_microsecond(now).unwrap_or_default();
        at.to_zoned(self.zone.clone()).date()
    }

    fn event(&self, referral: &str, entity: Option<String>, now: Time) -> Event {
        Event {
            seq: 0,
            id: self.engine.ids.event(now),
            at: now,
            system: self.system.clone(),
            kind: KIND.into(),
            remote_id: referral.into(),
            happened: Happened::Updated,
            units: vec!["state".into()],
            entity,
            ours: false,
            trace: None,
        }
    }
}

async fn position(store: &Store) -> Result<Position, EngineError> {
    let kept = store.ledger_row(POSITION, ALL).await?;
    Ok(kept
        .and_then(|body| serde_json::from_str(&body).ok())
        .unwrap_or_default())
}

async fn kept<T: for<'d> Deserialize<'d>>(store: &Store, part: &str) -> Result<BTreeMap<String, T>, EngineError> {
    let mut all = BTreeMap::new();
    store
        .ledger(part, |id, body| {
            all.extend(serde_json::from_str(&body).ok().map(|one| (id, one)));
        })
        .await?;
    Ok(all)
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
