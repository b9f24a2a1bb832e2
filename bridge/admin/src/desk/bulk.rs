//! One decision for a group of one pattern: the same unit in question, for the same reason, between the same systems. What
//! says who somebody is (red) is never decided in bulk. Each member is decided as if alone, bound to what it was when the
//! group was shown, and the whole group can be taken back.

use super::act::{Decision, Outcome};
use super::inbox::{Row, unit_of};
use super::{Desk, DeskError, Risk};
use bridge_core::Entity;
use bridge_core::hex;
use bridge_core::review::token;
use bridge_store::{Item, ItemFilter, Page};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The largest group that is decided at once.
pub const MOST: usize = 500;
const SAMPLE: usize = 10;

/// Items that are alike.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Unit.
    pub unit: String,
    /// Why they are in question.
    pub why: String,
    /// Systems whose values are in question.
    pub systems: Vec<String>,
    /// How many would be decided, at most [`MOST`].
    pub count: usize,
    /// There are more than that.
    pub more: bool,
    /// Ten of them.
    pub sample: Vec<Row>,
    /// Names exactly these items as they are: the decision comes with it.
    pub token: String,
}

/// What a bulk decision came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bulk {
    /// By which all of it can be taken back.
    pub group: String,
    /// Items that were decided.
    pub decided: usize,
    /// Items that were not, and why.
    pub refused: Vec<Outcome>,
}

struct Members {
    unit: String,
    why: String,
    systems: Vec<String>,
    items: Vec<(Item, String)>,
    more: bool,
}

impl Members {
    fn token(&self) -> String {
        let mut hash = Sha256::new();
        for (item, token) in &self.items {
            hash.update(&item.id);
            hash.update(token);
        }
        hex(&hash.finalize()[..16])
    }
}

fn pattern(entity: &Entity, unit: &str) -> Option<(String, Vec<String>)> {
    let open = entity.conflicts.get(unit)?;
    Some((open.why.clone(), open.values.keys().cloned().collect()))
}

impl Desk {
    /// The group that an item belongs to.
    ///
    /// # Errors
    /// [`DeskError::Asked`] if the item is of a sort or risk that is never decided in bulk.
    pub async fn group(&self, id: &str) -> Result<Group, DeskError> {
        let members = self.members(id).await?;
        let sample = members
            .items
            .iter()
            .take(SAMPLE)
            .map(|(item, _)| item.clone())
            .collect();
        Ok(Group {
            token: members.token(),
            count: members.items.len(),
            sample: self.rows(sample).await?,
            unit: members.unit,
            why: members.why,
            systems: members.systems,
            more: members.more,
        })
    }

    /// Decides the whole group that was shown: `take`, `both` or `apart`. A member that changed since is refused and
    /// listed.
    ///
    /// # Errors
    /// [`bridge_core::review::DecisionError::Changed`] if the group is not the one that was shown.
    pub async fn decide_group(&self, id: &str, decision: &Decision, by: &str) -> Result<Bulk, DeskError> {
        if !matches!(decision.act.as_str(), "take" | "both" | "apart") {
            return Err(DeskError::Asked(
                "a group is decided by `take`, `both` or `apart`".into(),
            ));
        }
        let members = self.members(id).await?;
        if members.token() != decision.token {
            return Err(bridge_core::review::DecisionError::Changed.into());
        }
        let name = format!("{} {} {}", self.clock.now(), by, decision.token);
        let digest = Sha256::digest(name.as_bytes());
        let group = hex(&digest[..8]);
        let mut bulk = Bulk {
            group: group.clone(),
            decided: 0,
            refused: vec![],
        };
        for (item, token) in members.items {
            let one = Decision {
                token,
                ..decision.clone()
            };
            match self.decide_in(&item.id, &one, by, Some(group.clone())).await {
                Ok(_) => bulk.decided += 1,
                Err(error) => bulk.refused.push(Outcome {
                    id: item.id,
                    entity: item.entity,
                    refused: Some(error.to_string()),
                }),
            }
        }
        Ok(bulk)
    }

    async fn members(&self, id: &str) -> Result<Members, DeskError> {
        let (item, _) = self.waiting(id).await?;
        let unit = unit_of(&item.topic).filter(|_| item.topic.starts_with("conflict/"));
        let Some(unit) = unit.filter(|_| self.risk(&item.topic) != Risk::Red) else {
            let why = "who somebody is, pairs, cards and holds are decided one by one";
            return Err(DeskError::Asked(why.into()));
        };
        let first = self.entity(item.entity.as_deref().unwrap_or_default()).await?;
        let Some((why, systems)) = pattern(&first, unit) else {
            return Err(bridge_core::review::DecisionError::Closed.into());
        };
        let filter = ItemFilter {
            topics: Some(vec![item.topic.clone()]),
            asleep: Some((false, self.clock.now())),
            within: self.within().cloned(),
            ..ItemFilter::default()
        };
        let (mut items, mut page, mut more) = (vec![], Page::first(MOST), false);
        'pages: loop {
            let found = self.store().items(&filter, &page).await?;
            let ids: Vec<String> = found.rows.iter().filter_map(|i| i.entity.clone()).collect();
            let entities = self.store().entities(&ids).await?;
            for item in found.rows {
                let Some(entity) = entities.iter().find(|e| Some(&e.id) == item.entity.as_ref()) else {
                    continue;
                };
                if pattern(entity, unit).as_ref() != Some(&(why.clone(), systems.clone())) {
                    continue;
                }
                if items.len() == MOST {
                    more = true;
                    break 'pages;
                }
                let shown = token(entity, Some(unit), "");
                items.push((item, shown));
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        Ok(Members {
            unit: unit.into(),
            why,
            systems,
            items,
            more,
        })
    }
}
