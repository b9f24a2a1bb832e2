//! The backfill as a project: what is planned, in groups that a person approves one by one; pausing; when it will be done.
//! Planning reads everybody, so it is done beside the requests, and pages ask how far it is.

use super::{Desk, DeskError};
use bridge_core::Time;
use bridge_engine::kept_back::{self, Group, is_kept_back};
use bridge_engine::pause::{self, Pause};
use bridge_engine::vitals::samples::APPLIED;
use bridge_engine::vitals::{Forecast, Load, Vitals, forecast};
use bridge_engine::{Approval, EngineError, Preview};
use bridge_store::Span;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes of a group that are shown.
const SHOWN: usize = 5;
/// The pace is of the last hour.
const HOUR: Time = 3_600_000_000;

/// Writes that are approved together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedGroup {
    /// Its name in forms.
    pub name: String,
    /// Receiving system.
    pub system: String,
    /// Records are created; else changed.
    pub create: bool,
    /// How many.
    pub writes: u64,
    /// What they cost, guards included.
    pub calls: u64,
    /// Those that may be held for a value that may stand once.
    pub may_be_held: u64,
    /// How often each unit is written, the most frequent first.
    pub units: Vec<(String, u64)>,
    /// How often each reason is given.
    pub reasons: Vec<(String, u64)>,
    /// Some of the people.
    pub people: Vec<String>,
}

/// A plan, as somebody approves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// When it was made.
    pub at: Time,
    /// Names exactly this plan.
    pub digest: String,
    /// Groups.
    pub groups: Vec<PlannedGroup>,
    /// Records that would be linked.
    pub links: usize,
    /// Pairs that somebody will be asked about.
    pub candidates: usize,
    /// Units that somebody will be asked about.
    pub conflicts: usize,
    /// People afterwards.
    pub entities: usize,
}

/// How far planning is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Stage {
    /// Nobody asked.
    #[default]
    Nothing,
    /// It is worked out.
    Working {
        /// Since when.
        since: Time,
    },
    /// It can be approved.
    Ready(Box<Plan>),
    /// It cannot be had; why.
    Failed {
        /// In words.
        why: String,
    },
    /// It was approved.
    Approved {
        /// The run that began.
        run: String,
    },
}

/// What planning has come to, for all who ask in this process.
#[derive(Clone, Default)]
pub(crate) struct Planning(Arc<Mutex<Stage>>);

impl Planning {
    fn stage(&self) -> Stage {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// Takes the turn, if nobody has it.
    fn begin(&self, now: Time) -> bool {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Working { .. }) {
            return false;
        }
        *stage = Stage::Working { since: now };
        true
    }
}

/// One system as the backfill sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Lane {
    /// System.
    pub system: String,
    /// Who paused it, when and why.
    pub paused: Option<Pause>,
    /// Records to be created, and whether that waits for an approval.
    pub creates: u64,
    /// Creations wait for an approval.
    pub creates_kept: bool,
    /// Records to be changed.
    pub updates: u64,
    /// Changes wait for an approval.
    pub updates_kept: bool,
    /// Writes a minute in the last hour.
    pub pace: Option<f64>,
    /// Calls used today and what the day allows.
    pub budget: Option<(u64, u64)>,
    /// When what is left will be done.
    pub forecast: Option<Forecast>,
}

impl Desk {
    /// How far planning is.
    pub fn plan(&self) -> Stage {
        match self.plans.stage() {
            // Who is meant may be of any location.
            Stage::Ready(mut plan) if self.within().is_some() => {
                plan.groups.iter_mut().for_each(|group| group.people.clear());
                Stage::Ready(plan)
            }
            stage => stage,
        }
    }

    /// Has a plan worked out, unless one is under way. Ask [`Desk::plan`] for it.
    ///
    /// # Errors
    /// [`DeskError::Asked`] until every system was read to its end once.
    pub async fn make_plan(&self) -> Result<(), DeskError> {
        self.work_out(None).await
    }

    /// Approves the plan of that digest but for groups that wait, if it is still what would be done.
    ///
    /// # Errors
    /// As [`Desk::make_plan`].
    pub async fn approve_plan(&self, digest: &str, kept: BTreeSet<Group>, by: &str) -> Result<(), DeskError> {
        self.work_out(Some((digest.into(), kept, by.into()))).await
    }

    async fn work_out(&self, wanted: Option<(String, BTreeSet<Group>, String)>) -> Result<(), DeskError> {
        if let Some(system) = self.engine.not_read_yet().await? {
            let words = format!("{system} was not read to its end yet: what would be done is known once it was");
            return Err(DeskError::Asked(words));
        }
        if !self.plans.begin(self.now()) {
            return Ok(());
        }
        let desk = self.clone();
        let handle = tokio::runtime::Handle::current();
        // It computes for long stretches: requests must not wait for that.
        tokio::task::spawn_blocking(move || {
            let stage = handle.block_on(desk.planned(wanted));
            desk.plans
                .set(stage.unwrap_or_else(|error| Stage::Failed { why: error.to_string() }));
        });
        Ok(())
    }

    async fn planned(&self, wanted: Option<(String, BTreeSet<Group>, String)>) -> Result<Stage, EngineError> {
        let preview = self.engine.preview().await?;
        let Some((digest, kept, by)) = wanted else {
            return Ok(Stage::Ready(Box::new(self.grouped(&preview))));
        };
        if preview.digest != digest {
            return Ok(Stage::Failed {
                why: "the plan is another one by now: look at it again before you approve it".into(),
            });
        }
        let run = self.engine.approve_plan(&kept, &by).await?;
        Ok(Stage::Approved { run })
    }

    fn grouped(&self, preview: &Preview) -> Plan {
        let mut groups: BTreeMap<(String, bool), PlannedGroup> = BTreeMap::new();
        let mut counts: BTreeMap<(String, bool), [BTreeMap<String, u64>; 2]> = BTreeMap::new();
        for write in &preview.writes {
            let create = write.op == "create";
            let key = (write.system.clone(), create);
            let counted = counts.entry(key.clone()).or_default();
            for unit in &write.units {
                *counted[0].entry(unit.clone()).or_default() += 1;
            }
            *counted[1].entry(write.reason.clone()).or_default() += 1;
            let group = groups.entry(key).or_insert_with(|| PlannedGroup {
                name: Group {
                    system: write.system.clone(),
                    create,
                }
                .name(),
                system: write.system.clone(),
                create,
                writes: 0,
                calls: 0,
                may_be_held: 0,
                units: vec![],
                reasons: vec![],
                people: vec![],
            });
            group.writes += 1;
            group.may_be_held += u64::from(!write.may_be_held.is_empty());
            if group.people.len() < SHOWN {
                group.people.push(write.entity.clone());
            }
        }
        for (key, [units, reasons]) in counts {
            if let Some(group) = groups.get_mut(&key) {
                let (creates, updates) = if key.1 { (group.writes, 0) } else { (0, group.writes) };
                group.calls = self.engine.calls_for(&key.0, creates, updates);
                group.units = most(units);
                group.reasons = most(reasons);
            }
        }
        Plan {
            at: self.now(),
            digest: preview.digest.clone(),
            groups: groups.into_values().collect(),
            links: preview.would.links,
            candidates: preview.would.candidates,
            conflicts: preview.would.conflicts,
            entities: preview.would.entities,
        }
    }

    /// Whether anything may be written at all.
    ///
    /// # Errors
    /// The store's.
    pub async fn approval(&self) -> Result<Approval, DeskError> {
        Ok(self.engine.approval().await?)
    }

    /// What is left for each system, and when it will be done. Budgets come from the last look.
    ///
    /// # Errors
    /// The store's.
    pub async fn lanes(&self, vitals: Option<&Vitals>) -> Result<Vec<Lane>, DeskError> {
        let now = self.now();
        let planned = self.store().planned().await?;
        let samples = self.store().samples(Span::Minute, now - HOUR).await?;
        let mut lanes = vec![];
        let names: BTreeSet<String> = match vitals {
            Some(vitals) => vitals.systems.keys().cloned().collect(),
            None => self.engine.settings().systems.iter().map(|s| s.name.clone()).collect(),
        };
        for system in names {
            let of = |create| planned.get(&(system.clone(), create)).copied().unwrap_or(0);
            let kept = |create| Group {
                system: system.clone(),
                create,
            };
            let (creates, updates) = (of(true), of(false));
            let creates_kept = is_kept_back(self.store(), &kept(true)).await?;
            let updates_kept = is_kept_back(self.store(), &kept(false)).await?;
            let due = (
                if creates_kept { 0 } else { creates },
                if updates_kept { 0 } else { updates },
            );
            let taken = samples.get(&format!("{APPLIED}{system}"));
            let minutes: Vec<i64> = taken
                .into_iter()
                .flatten()
                .map(|(_, n)| *n)
                .filter(|n| *n > 0)
                .collect();
            let pace = (!minutes.is_empty()).then(|| minutes.iter().sum::<i64>() as f64 / minutes.len() as f64);
            let budget = vitals.and_then(|vitals| vitals.systems.get(&system)?.budget);
            let paused = pause::paused(self.store(), &system).await?;
            let load = Load {
                writes: due.0 + due.1,
                calls: self.engine.calls_for(&system, due.0, due.1),
                pace,
                budget,
            };
            lanes.push(Lane {
                forecast: forecast(&load, now).filter(|_| paused.is_none()),
                budget: budget.map(|of| (of.used, of.limit)),
                system,
                paused,
                creates,
                creates_kept,
                updates,
                updates_kept,
                pace,
            });
        }
        Ok(lanes)
    }

    /// Approves a group that was kept back.
    ///
    /// # Errors
    /// [`DeskError::Asked`] for what is no group; as [`kept_back::let_go`].
    pub async fn approve_group(&self, name: &str, by: &str) -> Result<(), DeskError> {
        let group = Group::parse(name).ok_or_else(|| DeskError::Asked("there is no such group".into()))?;
        kept_back::let_go(self.store(), &group, by, self.now()).await?;
        self.engine.bell().notify_one();
        Ok(())
    }

    /// Stops or lets go what is sent to a system.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown system.
    pub async fn pause(&self, system: &str, why: Option<&str>, by: &str) -> Result<(), DeskError> {
        let settings = self.engine.settings();
        if settings.schema.party(system).is_none() {
            return Err(EngineError::NotFound(format!("system {system}")).into());
        }
        let now = self.now();
        let note = why.map(|why| Pause {
            at: now,
            by: by.into(),
            why: match why.trim() {
                "" => "no reason given".into(),
                why => why.chars().take(200).collect(),
            },
        });
        pause::pause(self.store(), system, note.as_ref(), by, now).await?;
        self.engine.bell().notify_one();
        Ok(())
    }
}

/// The most frequent first, at most eight.
fn most(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(8);
    all
}
