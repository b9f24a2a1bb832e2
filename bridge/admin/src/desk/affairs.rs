//! What stands with people beside their details: appointments and what is owed, by what is kept of them; where the
//! appointments themselves are not followed, the months that the records hold.

use super::{Desk, DeskError, value_of};
use bridge_core::{Entity, LinkState, Value};
use bridge_engine::affairs::{Affairs, AffairsReader, Standing};
use bridge_engine::diary::VisitMonths;
use bridge_engine::joined::Joins;
use serde::Serialize;
use std::collections::BTreeMap;

/// As what appointments are named in the history, where they were shown.
pub const APPOINTMENTS: &str = "appointments";
/// As what the balance is named there.
pub const BALANCE: &str = "open_balance";

/// What stands with one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonAffairs {
    /// The person.
    pub entity: String,
    /// Appointments and balance.
    #[serde(flatten)]
    pub affairs: Affairs,
    /// Month of the last appointment, as `2026-03`, where the appointment itself is not known.
    pub last_month: Option<String>,
    /// Month of the next one.
    pub next_month: Option<String>,
}

impl PersonAffairs {
    /// What of it is personal, by the names that the history has for it.
    pub fn shown(&self) -> Vec<&'static str> {
        let months = self.last_month.is_some() || self.next_month.is_some();
        let all = [
            (APPOINTMENTS, months || self.affairs.appointments.known.is_some()),
            (BALANCE, self.affairs.balance.known.is_some()),
        ];
        all.into_iter()
            .filter_map(|(name, there)| there.then_some(name))
            .collect()
    }
}

impl Desk {
    /// What is followed of people's appointments and invoices is shown beside them from now on.
    pub fn knowing(mut self, affairs: AffairsReader) -> Desk {
        self.affairs = Some(affairs);
        self
    }

    /// What stands with a person.
    ///
    /// # Errors
    /// [`bridge_engine::EngineError::NotFound`] for an unknown one.
    pub async fn affairs_of(&self, entity: &str) -> Result<PersonAffairs, DeskError> {
        self.affairs(&self.entity(entity).await?).await
    }

    pub(crate) async fn affairs(&self, entity: &Entity) -> Result<PersonAffairs, DeskError> {
        let patient = |system: &str| {
            let link = entity.links.get(system)?;
            (link.state == LinkState::Live).then(|| link.remote_id.clone())
        };
        let home = patient(&self.engine.settings().home);
        let affairs = match (&self.affairs, &home) {
            (_, None) => Affairs::not(Standing::NoRecord),
            (None, Some(_)) => Affairs::not(Standing::NotFollowed),
            (Some(reader), Some(_)) => match patient(reader.system()) {
                Some(id) => reader.of(&id, self.now()).await?,
                None => Affairs::not(Standing::NoRecord),
            },
        };
        let months = match affairs.appointments.known {
            Some(_) => [None, None],
            None => self.months(entity, home).await?,
        };
        let [last_month, next_month] = months;
        Ok(PersonAffairs {
            entity: entity.id.clone(),
            affairs,
            last_month,
            next_month,
        })
    }

    /// Months of the last and of the next visit: a unit where there is one, else what the diary keeps.
    async fn months(&self, entity: &Entity, patient: Option<String>) -> Result<[Option<String>; 2], DeskError> {
        let kept = match patient {
            Some(id) => VisitMonths::new(self.store().clone()).of(&[id]).await?,
            None => None,
        };
        let kept = kept
            .and_then(|all: BTreeMap<_, _>| all.into_values().next())
            .unwrap_or_default();
        let month = |unit: &str, member: &str| {
            let unit = value_of(entity, unit).map(Value::to_line);
            let text = unit.or_else(|| kept[member].as_str().map(str::to_string));
            text.filter(|text| !text.is_empty())
        };
        Ok([month("last_visit", "last"), month("next_visit", "next")])
    }
}
