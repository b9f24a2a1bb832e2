//! What stands beside the story of a person: what each record holds, why they belong together, what is known of visits and
//! referrals, and who else shares an address.

use super::detail::{Lost, Other};
use super::{Desk, DeskError, plain};
use bridge_core::review::token;
use bridge_core::{Class, Entity, LinkState, Time, Value};
use bridge_engine::EngineError;
use bridge_engine::care::ReferralUnits;
use bridge_engine::joined::Joins;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One unit as every record of a person holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitRow {
    /// Unit.
    pub unit: String,
    /// What is agreed.
    pub agreed: Option<Value>,
    /// What each system was last seen to hold, in the order asked for; none where there is no record, or it was not read.
    pub held: Vec<Option<Value>>,
    /// Kept out of the sync for this person.
    pub apart: bool,
    /// In conflict.
    pub asked: bool,
    /// Names what is shown of it: keeping it apart comes with this.
    pub token: String,
}

/// One record, and why it is this person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordRow {
    /// System.
    pub system: String,
    /// Id there.
    pub id: String,
    /// It exists there.
    pub live: bool,
    /// The last fact about it.
    pub known_at: Time,
    /// Why it is this person's, in words.
    pub evidence: String,
    /// Units that were written to it.
    pub written: Vec<String>,
}

/// What stands beside a story.
#[derive(Clone, Debug, Serialize)]
pub struct Around {
    /// Units with anything in them, in the order of the configuration.
    pub units: Vec<UnitRow>,
    /// Records.
    pub records: Vec<RecordRow>,
    /// Sessions left of the referral, and the month it ends: where known.
    pub facts: BTreeMap<&'static str, String>,
    /// Values that lost and are kept.
    pub lost: Vec<(String, Lost)>,
    /// Others with the same e-mail or phone.
    pub others: Vec<Other>,
}

impl Desk {
    /// What stands beside a person's story; `systems` in the order of the columns.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown person.
    pub async fn around(&self, id: &str, systems: &[String]) -> Result<Around, DeskError> {
        let entity = self.entity(id).await?;
        let names = self.engine.settings().schema.units.iter().map(|unit| unit.name.clone());
        let row = |unit: String| UnitRow {
            agreed: entity.agreed.get(&unit).map(|agreed| agreed.value.clone()),
            held: systems
                .iter()
                .map(|system| entity.links.get(system)?.units.get(&unit)?.seen().cloned())
                .collect(),
            apart: entity.apart.contains(&unit),
            asked: entity.conflicts.contains_key(&unit),
            token: token(&entity, Some(&unit), ""),
            unit,
        };
        let known = |row: &UnitRow| row.agreed.is_some() || row.apart || row.held.iter().any(Option::is_some);
        let lost = self.store().losers(id).await?.into_iter();
        Ok(Around {
            units: names.map(row).filter(known).collect(),
            records: self.records(&entity).await?,
            facts: self.facts(&entity).await?,
            lost: lost
                .map(|l| {
                    let lost = Lost {
                        system: l.system,
                        value: l.value,
                        at: l.at,
                        why: plain::reason(&l.why),
                    };
                    (l.unit, lost)
                })
                .collect(),
            others: self.others(&entity).await?,
        })
    }

    async fn records(&self, entity: &Entity) -> Result<Vec<RecordRow>, DeskError> {
        let audit = self.store().evidence_of(&entity.id).await?;
        let taken = self.store().taken_of(&entity.id).await?;
        let said = audit.last();
        let row = |link: &bridge_core::Link| {
            let own = audit
                .iter()
                .rev()
                .find(|e| e.event == "linked" && e.remote_id.as_deref() == Some(&link.remote_id));
            let written = taken.iter().filter(|(system, _)| *system == link.system);
            let written: Vec<String> = written.map(|(_, unit)| unit.clone()).collect();
            RecordRow {
                system: link.system.clone(),
                id: link.remote_id.clone(),
                live: link.state == LinkState::Live,
                known_at: link.known_at,
                evidence: match (link.created_here, own.or(said)) {
                    (true, _) => "created by the bridge".into(),
                    (_, Some(e)) if e.event == "same person" => format!("a person said so {}", e.reason),
                    (_, Some(e)) => plain::reason(&e.reason),
                    (_, None) if entity.links.len() == 1 => "the only record of this person".into(),
                    (_, None) => "the record that this person was first seen by".into(),
                },
                written,
            }
        };
        Ok(entity.links.values().map(|link| row(link)).collect())
    }

    /// What is known of referrals: a unit where there is one, else what the care part keeps.
    async fn facts(&self, entity: &Entity) -> Result<BTreeMap<&'static str, String>, DeskError> {
        let mut facts = BTreeMap::new();
        let settings = self.engine.settings();
        let home = entity
            .links
            .get(&settings.home)
            .map(|link| vec![link.remote_id.clone()]);
        let mut referral = Json::Null;
        if let Some(ids) = &home {
            let found = ReferralUnits::new(self.store().clone()).of(ids).await?;
            let first = found.and_then(|all: BTreeMap<String, Json>| all.into_values().next());
            referral = first.unwrap_or_default();
        }
        for (name, unit, kept) in [
            ("sessions_left", "referral_sessions_left", &referral["sessions_left"]),
            ("referral_until", "referral_until", &referral["until"]),
        ] {
            let unit = super::value_of(entity, unit).map(Value::to_line);
            let text = unit.or_else(|| kept.as_str().map(str::to_string));
            facts.extend(text.filter(|text| !text.is_empty()).map(|text| (name, text)));
        }
        Ok(facts)
    }

    /// Whether a unit is health information: shown on a person's page only as far as it is synced.
    pub fn is_clinical(&self, unit: &str) -> bool {
        self.file
            .unit(unit)
            .is_some_and(|spec| spec.unit.class == Class::Clinical)
    }

    /// Cuts a record from a person: it becomes a person of its own, whose id is returned, and the two are not linked again by
    /// themselves.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if there is no such record (any more); [`DeskError::Asked`] for somebody's only one.
    pub async fn unlink(&self, id: &str, system: &str, record: &str, by: &str) -> Result<String, DeskError> {
        let entity = self.entity(id).await?;
        let link = entity.links.get(system).filter(|link| link.remote_id == record);
        if link.is_none() {
            return Err(EngineError::NotFound(format!("a record of this person in {system}")).into());
        }
        if entity.links.len() < 2 {
            return Err(DeskError::Asked("this is the person's only record".into()));
        }
        Ok(self.engine.unlink(id, system, by).await?)
    }

    /// Takes one write back, as the history tells of it.
    ///
    /// # Errors
    /// As [`bridge_engine::Engine::take_back_write`].
    pub async fn undo_write(&self, id: &str, system: &str, at: Time, by: &str) -> Result<Vec<String>, DeskError> {
        self.sees(id).await?;
        Ok(self.engine.take_back_write(id, system, at, by).await?)
    }
}
