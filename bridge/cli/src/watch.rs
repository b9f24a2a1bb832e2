//! The care part of the service: referrals that run out, and calls whose person turns up later.

use crate::config::Config;
use crate::times;
use adapter_kit::Adapter;
use bridge_core::care::State;
use bridge_engine::care::{Care, CareStep};
use bridge_engine::referrers;
use bridge_engine::telehealth::{Contacts, CrmCalls, Telehealth};
use bridge_engine::vitals::{PartVitals, parts};
use bridge_engine::{Approval, Engine, EngineError};
use bridge_store::Store;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often calls that are nobody's are matched again.
const MATCH_EVERY: Duration = Duration::from_secs(3_600);

/// What is watched beside one engine.
pub struct Watch<'e> {
    engine: &'e Engine,
    every: Duration,
    care: Option<Care<'e>>,
    telehealth: Option<Telehealth>,
    calls: Option<(String, CrmCalls)>,
    zone: TimeZone,
    matched: Mutex<Option<Instant>>,
}

impl<'e> Watch<'e> {
    /// What the configuration asks for; none if it asks for nothing.
    pub fn new(config: &Config, engine: &'e Engine) -> Option<Watch<'e>> {
        let asked = &config.care;
        if !asked.watch && !asked.telehealth.configured {
            return None;
        }
        let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
        let store = || engine.store().clone();
        let calls = asked.telehealth.calls_to.as_ref().and_then(|(name, title)| {
            let crm = Arc::clone(&engine.settings().system(name)?.adapter);
            Some((name.clone(), CrmCalls::new(crm, zone.clone(), title)?))
        });
        Some(Watch {
            engine,
            every: config.mirror.every,
            care: asked
                .watch
                .then(|| Care::new(engine, &config.home, zone.clone(), asked.referrals).with_units(asked.units)),
            telehealth: asked
                .telehealth
                .configured
                .then(|| Telehealth::new(store(), &config.home, config.country)),
            calls,
            zone,
            matched: Mutex::default(),
        })
    }

    /// One turn. Whether there is more to do right away.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails.
    pub async fn round(&self) -> Result<bool, EngineError> {
        let mut part = PartVitals {
            at: times::now(),
            every_seconds: self.every.as_secs(),
            ..PartVitals::default()
        };
        let mut more = false;
        if let Some(care) = &self.care {
            let step = care.step().await?;
            more = step.more;
            if step.changed > 0 {
                tracing::info!(changed = step.changed, "referrals stand otherwise");
            }
            told(&step, &mut part);
        }
        if let Some(telehealth) = &self.telehealth {
            if self.due() {
                let found = telehealth.match_again().await?;
                if found > 0 {
                    tracing::info!(found, "calls matched");
                }
            }
            more |= self.tell(telehealth, &mut part).await?;
            let (calls, waiting) = telehealth.waiting().await?;
            part.figures.insert("calls".into(), calls);
            part.waiting += waiting;
            if waiting > 0 {
                part.notices.push(format!(
                    "{waiting} calls to numbers that several people have: see `halaxy-bridge telehealth holds`"
                ));
            }
        }
        part.keep(self.engine.store(), parts::CARE).await?;
        Ok(more)
    }

    /// Tells the CRM of calls, once a person approved the first plan.
    async fn tell(&self, telehealth: &Telehealth, part: &mut PartVitals) -> Result<bool, EngineError> {
        let Some((crm, calls)) = &self.calls else {
            return Ok(false);
        };
        if self.engine.approval().await? != Approval::Given {
            return Ok(false);
        }
        let contacts = contacts(self.engine.store(), crm, calls.account()).await?;
        let step = telehealth.tell(&contacts, calls, &self.zone, times::now()).await?;
        if step.created + step.moved + step.refused > 0 {
            tracing::info!(
                created = step.created,
                moved = step.moved,
                refused = step.refused,
                "calls told"
            );
        }
        part.figures.insert("calls_unknown".into(), step.unknown as u64);
        part.figures.insert("calls_without_contact".into(), step.waiting as u64);
        part.trouble.extend(step.trouble);
        Ok(step.more)
    }

    fn due(&self) -> bool {
        let mut matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        let due = matched.is_none_or(|at| at.elapsed() >= MATCH_EVERY);
        if due {
            *matched = Some(Instant::now());
        }
        due
    }
}

/// Whom calls can be told for in a CRM.
///
/// # Errors
/// [`EngineError`] if the store fails.
pub async fn contacts(store: &Store, crm: &str, account: &dyn Adapter) -> Result<Contacts, EngineError> {
    let known = referrers::contacts(store, account).await?;
    Ok(Contacts {
        crm: crm.to_string(),
        referrers: account.referrers().is_some().then_some(known),
    })
}

/// What referrals come to, in counts: ids are for `referral alerts`.
fn told(step: &CareStep, part: &mut PartVitals) {
    let figures = step.counts.iter().map(|(state, n)| (format!("referrals_{state}"), *n));
    part.figures.extend(figures);
    part.waiting += step.alerts.len() as u64;
    let mut by_state: BTreeMap<State, u64> = BTreeMap::new();
    for alert in &step.alerts {
        *by_state.entry(alert.standing.state).or_default() += 1;
    }
    let words: Vec<String> = by_state
        .iter()
        .map(|(state, n)| match state {
            State::Expiring => format!("{n} run out soon"),
            State::UsedUp => format!("{n} are used up"),
            _ => format!("{n} have ended"),
        })
        .collect();
    if !words.is_empty() {
        let words = words.join(", ");
        part.notices
            .push(format!("referrals: {words}: see `halaxy-bridge referral alerts`"));
    }
    if !step.unread.is_empty() {
        part.notices.push(format!(
            "{} referrals cannot be read ({}): correct them in Halaxy",
            step.unread.len(),
            step.unread[0]
        ));
    }
}
