//! Consent at work: a person's word, and the log of opt-outs that proves how soon everybody was told.

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::consent::{self, OPTED_OUT};
use bridge_core::{Entity, Lane, LinkState, Origin, Schema, Time};
use bridge_store::{AuditEntry, Store, Told};
use serde::Serialize;
use std::collections::BTreeMap;

/// How consent stands in one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Unit, e.g. `marketing_email`.
    pub unit: String,
    /// `in`, `out`, another code that allows nothing, or none where nothing is known.
    pub agreed: Option<String>,
    /// Where that was said: a system, `a person`, or the rule that suppresses.
    pub from: Option<String>,
    /// What each record was last seen to say; none where it says nothing.
    pub records: BTreeMap<String, Option<String>>,
    /// Records that are still to be told.
    pub waiting: Vec<String>,
    /// What keeps it out whatever is said of it.
    pub suppressed: Option<String>,
}

/// How an entity's consent stands, by unit.
pub fn standings(schema: &Schema, entity: &Entity) -> Vec<Standing> {
    let of = |unit: &bridge_core::Unit| {
        let agreed = entity.agreed.get(&unit.name);
        let live = entity.links.values().filter(|l| l.state == LinkState::Live);
        let mut records = BTreeMap::new();
        let mut waiting = vec![];
        for link in live {
            let Some(x) = link.units.get(&unit.name) else { continue };
            let says = x.seen().and_then(|v| v.as_text()).map(str::to_string);
            let receives = schema
                .party(&link.system)
                .is_some_and(|p| p.receives.contains(&unit.name));
            if receives && agreed.is_some_and(|a| consent::is_out(&a.value) && x.base.as_ref() != Some(&a.value)) {
                waiting.push(link.system.clone());
            }
            records.insert(link.system.clone(), says);
        }
        Standing {
            unit: unit.name.clone(),
            agreed: agreed.and_then(|a| a.value.as_text()).map(str::to_string),
            from: agreed.map(|a| match &a.origin {
                Origin::System(system) => system.clone(),
                Origin::Person => "a person".into(),
            }),
            records,
            waiting,
            suppressed: consent::suppressed(schema, entity, &unit.name),
        }
    };
    consent::units(schema).map(of).collect()
}

/// One opt-out, and who was told of it when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptedOut {
    /// Entity.
    pub entity: String,
    /// Unit.
    pub unit: String,
    /// When it was taken in, microseconds.
    pub at: Time,
    /// Where it was said, in words.
    pub said: String,
    /// When each system took it, by system.
    pub told: BTreeMap<String, Time>,
    /// Systems whose answer to it was lost, and that were not seen to have it since, with the time of the call.
    pub uncertain: BTreeMap<String, Time>,
}

impl OptedOut {
    /// How long it took until the last of those told had it, microseconds; none if nobody had to be told.
    pub fn latency(&self) -> Option<Time> {
        self.told.values().max().map(|last| last - self.at)
    }
}

/// The opt-outs that lines of the history tell of, oldest first. Only names of units of consent count.
pub fn log(schema: &Schema, lines: &[AuditEntry]) -> Vec<OptedOut> {
    let mut all: Vec<OptedOut> = vec![];
    let mut open: BTreeMap<(String, String), usize> = BTreeMap::new();
    let counts = |unit: &&String| schema.unit(unit).is_some_and(|u| consent::policy(u).is_some());
    for line in lines {
        let Some(entity) = &line.entity else { continue };
        for unit in line.units.iter().filter(counts) {
            let key = (entity.clone(), unit.clone());
            let last = open.get(&key).and_then(|place| all.get_mut(*place));
            match line.event.as_str() {
                "adopted" | "consent" if line.reason.starts_with(OPTED_OUT) => {
                    open.insert(key, all.len());
                    all.push(OptedOut {
                        entity: entity.clone(),
                        unit: unit.clone(),
                        at: line.at,
                        said: line.reason.clone(),
                        told: BTreeMap::new(),
                        uncertain: BTreeMap::new(),
                    });
                }
                // Whatever is said next is no opt-out: what is told from here on is something else.
                "adopted" | "consent" => drop(open.remove(&key)),
                "applied" => {
                    if let (Some(out), Some(system)) = (last, &line.system) {
                        out.uncertain.remove(system);
                        out.told.entry(system.clone()).or_insert(line.at);
                    }
                }
                "unknown" => {
                    if let (Some(out), Some(system)) = (last, &line.system) {
                        out.uncertain.insert(system.clone(), line.at);
                    }
                }
                _ => {}
            }
        }
    }
    all
}

/// The log of a time, of one entity or of all.
///
/// # Errors
/// The store's.
pub async fn log_of(store: &Store, schema: &Schema, wanted: &Told) -> Result<Vec<OptedOut>, EngineError> {
    Ok(log(schema, &store.all_told(wanted).await?))
}

impl Engine {
    /// Stores a person's word on units of consent: it wins over what systems said so far.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown entity, [`EngineError::NotPossible`] for a unit that is none of consent or
    /// that something else keeps out, [`EngineError::Changed`] if somebody else changed the entity at the same moment.
    pub async fn say_consent(
        &self,
        id: &str,
        units: &[String],
        reachable: bool,
        by: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        let (mut after, mut losers) = (before.clone(), vec![]);
        for unit in units {
            let lost = consent::word(&self.settings.schema, &mut after, unit, reachable, now)
                .map_err(|error| EngineError::NotPossible(error.to_string()))?;
            losers.extend(lost.map(|lost| self.settings.kept(id, lost, now)));
        }
        let stale = tx.save_entities(&[(Some(before), after)], Lane::Requested, now).await?;
        if !stale.is_empty() {
            return Err(EngineError::Changed);
        }
        let said = if reachable { "opted in" } else { OPTED_OUT };
        tx.append_losers(&losers).await?;
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            event: "consent".into(),
            units: units.to_vec(),
            reason: format!(
                "{said}: by {by}{}{source}",
                if source.is_empty() { "" } else { ", source: " }
            ),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
