//! What is left of referrals, and what somebody should see to before it runs out.

use super::referral::Referral;
use crate::ledger::Cents;
use crate::ledger::month::Month;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How a referral stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be used.
    Active,
    /// It can be used, but not for long.
    Expiring,
    /// It begins on a later day.
    NotYet,
    /// Nothing is left of its sessions or its money.
    UsedUp,
    /// Its last day is over.
    Expired,
    /// Somebody switched it off in Halaxy.
    Inactive,
}

impl State {
    /// Every state with its word.
    pub const ALL: [(State, &'static str); 6] = [
        (State::Active, "active"),
        (State::Expiring, "expiring"),
        (State::NotYet, "not_yet"),
        (State::UsedUp, "used_up"),
        (State::Expired, "expired"),
        (State::Inactive, "inactive"),
    ];

    /// Whether a session can be held under it.
    pub fn usable(self) -> bool {
        matches!(self, State::Active | State::Expiring)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = State::ALL.iter().find(|(state, _)| state == self);
        f.pad(word.map_or("", |(_, word)| word))
    }
}

/// From when on a referral is expiring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// So many days before its last.
    pub days: u16,
    /// With so many sessions left.
    pub sessions: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { days: 30, sessions: 2 }
    }
}

/// What is left of a referral on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How it stands.
    pub state: State,
    /// Sessions left; below zero if more were used than allowed. None without a limit.
    pub sessions_left: Option<i64>,
    /// Money left; none without a limit.
    pub money_left: Option<Cents>,
    /// Days until its last, that one included: 1 on the last day. None without an end.
    pub days_left: Option<i64>,
}

impl Standing {
    /// Of a referral on a day of the practice. What ended is expired even if it is used up, too; Halaxy's `active` counts
    /// only when it says no, since it stays true after the end.
    pub fn of(referral: &Referral, today: Date, limits: &Limits) -> Standing {
        let sessions_left = referral.sessions.map(|n| i64::from(n) - i64::from(referral.used));
        let money_left = referral.money.map(|m| m - referral.money_used);
        let days_left = referral
            .to
            .and_then(|end| today.until(end).ok())
            .map(|span| i64::from(span.get_days()) + 1);
        let state = if !referral.active {
            State::Inactive
        } else if days_left.is_some_and(|days| days <= 0) {
            State::Expired
        } else if sessions_left.is_some_and(|n| n <= 0) || money_left.is_some_and(|m| !m.is_positive()) {
            State::UsedUp
        } else if referral.from.is_some_and(|first| first > today) {
            State::NotYet
        } else if days_left.is_some_and(|days| days <= i64::from(limits.days))
            || sessions_left.is_some_and(|n| n <= i64::from(limits.sessions))
        {
            State::Expiring
        } else {
            State::Active
        };
        Standing {
            state,
            sessions_left,
            money_left,
            days_left,
        }
    }
}

/// A referral that somebody should see to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The referral's id.
    pub referral: String,
    /// The patient's id.
    pub patient: String,
    /// Who treats, by id.
    pub performer: Option<String>,
    /// What is left of it.
    #[serde(flatten)]
    pub standing: Standing,
    /// Its last day.
    pub expires: Option<Date>,
}

/// Referrals of a practice on a day.
#[derive(Clone, Debug)]
pub struct Overview<'a> {
    all: Vec<(&'a Referral, Standing)>,
    limits: Limits,
}

impl<'a> Overview<'a> {
    /// Reckons all of them.
    pub fn of(referrals: impl IntoIterator<Item = &'a Referral>, today: Date, limits: Limits) -> Overview<'a> {
        let all = referrals.into_iter().map(|r| (r, Standing::of(r, today, &limits)));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(a, sa), (b, sb)| order(a, sa).cmp(&order(b, sb)));
        Overview { all, limits }
    }

    /// Every referral with what is left of it: patient by patient, the one to use first in front.
    pub fn all(&self) -> &[(&'a Referral, Standing)] {
        &self.all
    }

    /// How many there are in each state.
    pub fn counts(&self) -> BTreeMap<State, u64> {
        let mut counts = BTreeMap::new();
        for (_, standing) in &self.all {
            *counts.entry(standing.state).or_insert(0) += 1;
        }
        counts
    }

    /// The one to use for a patient: of those that can be used the preferred one, else the one that ends first.
    pub fn in_use(&self, patient: &str) -> Option<&(&'a Referral, Standing)> {
        let mut of = self.all.iter().filter(|(r, _)| r.patient == patient);
        of.find(|(_, standing)| standing.state.usable())
    }

    /// What somebody should see to: referrals that run out, and those that ran out not longer ago than the limit of days,
    /// unless the same practitioner has another one for the patient that still lasts.
    pub fn alerts(&self) -> Vec<Alert> {
        let lasts = |of: &Referral| {
            let other = |(r, s): &(&Referral, Standing)| {
                let same = r.patient == of.patient && r.performer == of.performer && r.id != of.id;
                same && matches!(s.state, State::Active | State::NotYet)
            };
            self.all.iter().any(other)
        };
        let old = |s: &Standing| s.days_left.is_some_and(|days| days <= -i64::from(self.limits.days));
        let due = |(r, s): &&(&Referral, Standing)| {
            matches!(s.state, State::Expiring | State::UsedUp | State::Expired) && !old(s) && !lasts(r)
        };
        let alert = |(r, s): &(&Referral, Standing)| Alert {
            referral: r.id.clone(),
            patient: r.patient.clone(),
            performer: r.performer.clone(),
            standing: s.clone(),
            expires: r.to,
        };
        self.all.iter().filter(due).map(alert).collect()
    }

    /// What others may be told of a patient: sessions left, and the month in which the referral ends. Empty where there is
    /// no referral to use, or no limit.
    pub fn units(&self, patient: &str) -> Units {
        let Some((referral, standing)) = self.in_use(patient) else {
            return Units::default();
        };
        Units {
            sessions_left: standing.sessions_left,
            until: referral.to.map(Month::of),
        }
    }
}

/// A patient's referral as units of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Sessions left.
    pub sessions_left: Option<i64>,
    /// The month of the last day.
    pub until: Option<Month>,
}

fn order<'r>(referral: &'r Referral, standing: &Standing) -> (&'r str, bool, bool, Option<Date>, &'r str) {
    let end = referral.to.or_else(|| Date::MAX.checked_sub(1.day()).ok());
    (
        &referral.patient,
        !standing.state.usable(),
        !referral.preferred,
        end,
        &referral.id,
    )
}
