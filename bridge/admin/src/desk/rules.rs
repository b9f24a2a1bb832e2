//! "Make a rule of this": a policy for a unit, tried by the merge rule itself on everything that is open and on everything
//! people decided, before anybody adopts it. It is adopted in the entity file and no other way: a rule that lived beside
//! the file would make two places that decide, and an approval covers the file's. What to write is said exactly.

use super::{Desk, DeskError};
use bridge_core::merge::merge;
use bridge_core::undo::UnitState;
use bridge_core::{Accept, AcceptRule, Clear, Entity, Link, Schema, Value, Wins};
use bridge_engine::EngineError;
use bridge_store::{DecisionRow, ItemFilter, Page};
use serde::{Deserialize, Serialize};

/// A policy to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unit.
    pub unit: String,
    /// `wins`, `first_link`, `clear` or `accept`: the key of the entity file.
    pub key: String,
    /// What it would be: a system or `newest` for `wins`, a system for `first_link`, `yes` or `no` for the others.
    pub value: String,
}

/// What a rule would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The rule.
    pub rule: Rule,
    /// Open questions about the unit.
    pub open: usize,
    /// Those that it would have decided.
    pub would_decide: usize,
    /// By the value taken: a system, `agreed`, or `merged` where it is no one's alone.
    pub by: std::collections::BTreeMap<String, usize>,
    /// Decisions of people about the unit that it was tried on.
    pub decided: usize,
    /// Those where it takes the same value.
    pub agrees: usize,
    /// Those where it takes another.
    pub differs: usize,
    /// Ids of decisions where it takes another value, at most ten.
    pub examples: Vec<String>,
    /// Of decided ones, those that it leaves to a person as well.
    pub leaves: usize,
    /// Exactly what to write, and what to run then.
    pub adopt: String,
}

/// Decisions it is tried on, newest first.
const HISTORY: usize = 2_000;

impl Desk {
    /// The rule that an item's decision would be an instance of: what to write so that `take` always wins there.
    ///
    /// # Errors
    /// [`DeskError::Asked`] where no rule could decide that.
    pub async fn rule_of(&self, id: &str, take: &str) -> Result<Rule, DeskError> {
        let (item, row) = self.waiting(id).await?;
        let unit = row.unit.filter(|_| row.kind == "conflict");
        let unit = unit.ok_or_else(|| DeskError::Asked("only values in conflict make rules".into()))?;
        let entity = self.entity(item.entity.as_deref().unwrap_or_default()).await?;
        let open = entity
            .conflicts
            .get(&unit)
            .ok_or(bridge_core::review::DecisionError::Closed)?;
        let first = open.values.keys().any(|s| {
            entity
                .links
                .get(s)
                .and_then(|l| l.units.get(&unit))
                .is_some_and(|x| x.base.is_none())
        });
        let rule = |key: &str, value: &str| Rule {
            unit: unit.clone(),
            key: key.into(),
            value: value.into(),
        };
        let blank = open.values.get(take).is_some_and(Value::is_empty);
        Ok(match open.why.as_str() {
            "emptied: a person decides" => rule("clear", if blank { "yes" } else { "no" }),
            "an edit from here needs a person's consent" if take == bridge_core::merge::AGREED => rule("accept", "no"),
            "an edit from here needs a person's consent" => rule("accept", "yes"),
            _ if take == bridge_core::merge::AGREED => {
                return Err(DeskError::Asked(
                    "no policy keeps the agreed value against every edit: take a system".into(),
                ));
            }
            _ if first => rule("first_link", take),
            _ => rule("wins", take),
        })
    }

    /// Tries a rule on what is open and on what people decided. Nothing is stored.
    ///
    /// # Errors
    /// [`DeskError::Asked`] for a rule that the entity file would refuse.
    pub async fn try_rule(&self, rule: &Rule) -> Result<Trial, DeskError> {
        let schema = self.with_rule(rule)?;
        let unit = schema
            .unit(&rule.unit)
            .cloned()
            .ok_or_else(|| EngineError::NotFound(format!("unit {}", rule.unit)))?;
        let mut trial = Trial {
            rule: rule.clone(),
            open: 0,
            would_decide: 0,
            by: Default::default(),
            decided: 0,
            agrees: 0,
            differs: 0,
            examples: vec![],
            leaves: 0,
            adopt: self.adopt(rule),
        };
        let topics = vec![
            format!("conflict/{}", rule.unit),
            format!("conflict/{}/cosmetic", rule.unit),
        ];
        let filter = ItemFilter {
            topics: Some(topics),
            within: self.within().cloned(),
            ..ItemFilter::default()
        };
        let mut page = Page::first(500);
        loop {
            let found = self.store().items(&filter, &page).await?;
            let ids: Vec<String> = found.rows.iter().filter_map(|i| i.entity.clone()).collect();
            for entity in self.store().entities(&ids).await? {
                let Some(open) = entity.conflicts.get(&rule.unit) else {
                    continue;
                };
                trial.open += 1;
                let merged = merge(&schema, &entity, &unit);
                if merged.conflict.is_none() {
                    trial.would_decide += 1;
                    let value = merged.agreed.map(|a| a.value.clone());
                    let taken = open.values.iter().find(|(_, v)| Some(*v) == value.as_ref());
                    let taken = taken.map_or("merged", |(name, _)| name);
                    *trial.by.entry(taken.into()).or_default() += 1;
                }
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        let past = self
            .decision_rows(Some("value"), Some(&rule.unit), &Page::first(HISTORY))
            .await?;
        for row in past.rows.iter().filter(|row| row.undone.is_none()) {
            let Some(before) = &row.before else { continue };
            trial.decided += 1;
            let merged = merge(&schema, &as_it_was(&schema, row, before), &unit);
            let decided: Option<Value> = serde_json::from_value(row.details["decided"].clone()).ok();
            match merged.conflict {
                Some(_) => trial.leaves += 1,
                None if merged.agreed.map(|a| a.value.clone()) == decided => trial.agrees += 1,
                None => {
                    trial.differs += 1;
                    if trial.examples.len() < 10 {
                        trial.examples.push(row.id.clone());
                    }
                }
            }
        }
        Ok(trial)
    }

    /// The schema as it would be.
    fn with_rule(&self, rule: &Rule) -> Result<Schema, DeskError> {
        let mut schema = (*self.engine.settings().schema).clone();
        let systems: Vec<String> = schema.parties.iter().map(|p| p.system.clone()).collect();
        let home = &self.engine.settings().home;
        let Some(unit) = schema.units.iter_mut().find(|u| u.name == rule.unit) else {
            return Err(DeskError::Asked("there is no such unit".into()));
        };
        if bridge_core::consent::policy(unit).is_some() {
            return Err(DeskError::Asked("consent follows a rule of its own".into()));
        }
        let system = |value: &String| systems.contains(value).then(|| Wins::System(value.clone()));
        let bad = || {
            DeskError::Asked(
                "wins and first_link name a system (wins also `newest`); clear and accept are yes or no".into(),
            )
        };
        match (rule.key.as_str(), rule.value.as_str()) {
            ("wins", "newest") => unit.wins = Wins::Newest,
            ("wins", _) => unit.wins = system(&rule.value).ok_or_else(bad)?,
            ("first_link", _) => unit.first_link = system(&rule.value).ok_or_else(bad)?,
            ("clear", "yes") => unit.clear = Clear::Yes,
            ("clear", "no") => unit.clear = Clear::No,
            ("accept", "yes" | "no") => {
                let accept = AcceptRule::always(if rule.value == "yes" { Accept::Yes } else { Accept::No });
                for party in schema.parties.iter_mut().filter(|p| p.system != *home) {
                    if let Some(rule) = party.accepts.get_mut(&rule.unit) {
                        *rule = accept;
                    }
                }
            }
            _ => return Err(bad()),
        }
        Ok(schema)
    }

    fn adopt(&self, rule: &Rule) -> String {
        let place = self
            .file
            .unit(&rule.unit)
            .map_or(String::new(), |spec| format!(", line {}", spec.line));
        format!(
            "In {file}{place}, under the [[unit]] with name = \"{unit}\", write {key} = \"{value}\" in place of its {key}. Then run \
             `halaxy-bridge plan` to see what it changes, and `halaxy-bridge sync --approve DIGEST` to let it.",
            file = self.file.file,
            unit = rule.unit,
            key = rule.key,
            value = rule.value,
        )
    }
}

/// The entity as far as one unit of it was known when it was decided.
fn as_it_was(schema: &Schema, row: &DecisionRow, before: &UnitState) -> Entity {
    let mut entity = Entity {
        id: row.entity.clone().unwrap_or_default(),
        ..Entity::default()
    };
    let unit = row.unit.clone().unwrap_or_default();
    for (system, x) in &before.links {
        let kind = schema.party(system).map_or("", |p| p.kind.as_str());
        let mut link = Link::new(system, kind, "");
        link.units.insert(unit.clone(), x.clone());
        entity.links.insert(system.clone(), link.into());
    }
    entity.agreed.extend(before.agreed.clone().map(|agreed| (unit, agreed)));
    entity
}
