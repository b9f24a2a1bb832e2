//! One item with everything that helps to decide: what each system holds and where it differs, who and when, the unit's
//! history, who else has the same e-mail or phone, and for each choice the exact writes it will cause.

use super::affairs::PersonAffairs;
use super::inbox::{Row, unit_of};
use super::timeline::Entry;
use super::{Desk, DeskError, Piece, Who, pieces, plain, who};
use bridge_core::effects::Effects;
use bridge_core::merge::AGREED;
use bridge_core::review::{Act, Choice, token};
use bridge_core::{Entity, Time, Value};
use bridge_engine::{EngineError, lookup};
use bridge_store::Item;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of an entity's history that are looked through for an item.
const LINES: usize = 500;

/// An item to be decided.
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    /// The row of the inbox.
    pub row: Row,
    /// Names what is shown here: a decision comes with it, and is refused if anything of it changed.
    pub token: String,
    /// Where the values differ, for each two that do; for a pair, each unit of the two records that differs.
    pub differences: Vec<Difference>,
    /// What can be chosen, with what it causes.
    pub choices: Vec<Offer>,
    /// The unit's history, or the entity's for questions about whole records, oldest first, as far as it is among the
    /// latest lines about the entity.
    pub history: Vec<Entry>,
    /// Values of the unit that lost and are kept.
    pub lost: Vec<Lost>,
    /// Other people with the same e-mail or phone.
    pub others: Vec<Other>,
    /// Units that are kept out of the sync for this person.
    pub apart: Vec<String>,
    /// What stands with each person it is about: appointments and what is owed.
    pub affairs: Vec<PersonAffairs>,
}

/// Two values and where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Unit.
    pub unit: String,
    /// Where the first stands: a system, or `agreed`.
    pub left: String,
    /// Where the second stands.
    pub right: String,
    /// The first in pieces.
    pub left_pieces: Vec<Piece>,
    /// The second in pieces.
    pub right_pieces: Vec<Piece>,
}

/// One thing that can be chosen.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    /// What is sent as `do`: `take`, `both`, `apart`, `dismiss`, `replay`, `same`, `different`, `household`, `duplicate`.
    #[serde(rename = "do")]
    pub act: &'static str,
    /// The system, for `take`.
    pub system: Option<String>,
    /// What it causes; none where that is known only afterwards.
    pub effects: Option<Effects>,
}

/// A value that lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lost {
    /// Where it stood.
    pub system: String,
    /// The value.
    pub value: Value,
    /// When it lost.
    pub at: Time,
    /// By what.
    pub why: String,
}

/// Somebody else with the same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Who; not told of people at locations that whoever asks may not see: they are told as one.
    #[serde(flatten)]
    pub who: Option<Who>,
    /// What is the same.
    pub same: String,
}

/// The word for a choice, the system it names, and the act.
type Choosable = (&'static str, Option<String>, Act);

impl Desk {
    /// The item with everything that helps to decide it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if it does not wait any more.
    pub async fn detail(&self, id: &str) -> Result<Detail, DeskError> {
        let (item, row) = self.waiting(id).await?;
        if row.kind == "match" {
            return self.pair_detail(&item, row).await;
        }
        let Some(entity) = &item.entity else {
            return Ok(Detail {
                row,
                token: String::new(),
                differences: vec![],
                choices: vec![],
                history: vec![],
                lost: vec![],
                others: vec![],
                apart: vec![],
                affairs: vec![],
            });
        };
        let entity = self.entity(entity).await?;
        let unit = unit_of(&item.topic).filter(|_| row.kind == "conflict");
        let mut choices = vec![];
        for (name, system, act) in self.acts(&item, &entity)? {
            let effects = match self.engine.effects_of(&entity, &act).await {
                Ok(effects) => Some(effects),
                Err(EngineError::Decision(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            choices.push(Offer {
                act: name,
                system,
                effects,
            });
        }
        let history = self.history(&entity.id, LINES).await?;
        let about =
            |entry: &Entry| unit.is_none_or(|unit| entry.units.is_empty() || entry.units.iter().any(|u| u == unit));
        let lost = self.store().losers(&entity.id).await?.into_iter();
        Ok(Detail {
            token: token(&entity, unit, ""),
            differences: unit.map(|unit| differences(&entity, unit)).unwrap_or_default(),
            choices,
            history: history.into_iter().filter(about).collect(),
            lost: lost
                .filter(|l| unit.is_none_or(|unit| unit == l.unit))
                .map(|l| Lost {
                    system: l.system,
                    value: l.value,
                    at: l.at,
                    why: plain::reason(&l.why),
                })
                .collect(),
            others: self.others(&entity).await?,
            apart: entity.apart.iter().cloned().collect(),
            affairs: vec![self.affairs(&entity).await?],
            row,
        })
    }

    /// What a choice of somebody's own would cause: a third value, as typed.
    ///
    /// # Errors
    /// [`DeskError::Asked`] for a text that is no value of the unit; else as [`Desk::detail`].
    pub async fn effects_of_value(&self, id: &str, text: &str) -> Result<Effects, DeskError> {
        let (item, _) = self.waiting(id).await?;
        let unit = unit_of(&item.topic).unwrap_or_default().to_string();
        let choice = Choice::Value(self.typed(&unit, text)?);
        let entity = self.entity(item.entity.as_deref().unwrap_or_default()).await?;
        Ok(self.engine.effects_of(&entity, &Act::Value { unit, choice }).await?)
    }

    /// The item, if something still stands behind it, and its row.
    pub(crate) async fn waiting(&self, id: &str) -> Result<(Item, Row), DeskError> {
        let gone = || EngineError::NotFound(format!("open item {id}: it was decided, or closed by itself"));
        let item = self.item(id).await?.ok_or_else(gone)?;
        let row = self.rows(vec![item.clone()]).await?.pop().ok_or_else(gone)?;
        Ok((item, row))
    }

    /// A value as typed, in canonical spelling.
    pub(crate) fn typed(&self, unit: &str, text: &str) -> Result<Value, DeskError> {
        bridge_core::typed::value(&self.file, self.country, unit, text).map_err(DeskError::Asked)
    }

    /// What can be done about an item: the word for it, the system it names, and the act.
    fn acts(&self, item: &Item, entity: &Entity) -> Result<Vec<Choosable>, DeskError> {
        let sort = item.topic.split('/').next().unwrap_or_default();
        let mut acts = vec![];
        match (sort, unit_of(&item.topic)) {
            ("conflict", Some(unit)) => {
                let value = |choice| Act::Value {
                    unit: unit.into(),
                    choice,
                };
                let mut names: Vec<String> = super::inbox::sides(entity, unit)
                    .into_iter()
                    .map(|s| s.system)
                    .collect();
                names.push(AGREED.into());
                for name in names {
                    acts.push(("take", Some(name.clone()), value(Choice::From(name))));
                }
                acts.push(("both", None, value(Choice::Both)));
                acts.push(("apart", None, Act::Apart(unit.into())));
            }
            ("card", _) => {
                let kind = item.topic.split_once('/').map_or("", |(_, kind)| kind);
                let card = entity
                    .cards
                    .iter()
                    .find(|c| item.systems.contains(&c.system) && super::inbox::card_name(c.kind) == kind);
                acts.extend(card.map(|c| {
                    (
                        "dismiss",
                        Some(c.system.clone()),
                        Act::Dismiss(c.kind, c.system.clone()),
                    )
                }));
            }
            ("hold", _) => acts.push(("replay", None, Act::Replay)),
            _ => {}
        }
        Ok(acts)
    }

    /// The act that a word means for an item.
    pub(crate) fn act_of(
        &self,
        item: &Item,
        entity: &Entity,
        word: &str,
        system: Option<&str>,
    ) -> Result<Act, DeskError> {
        let acts = self.acts(item, entity)?;
        let fits = |named: &Option<String>| word != "take" || named.as_deref() == system;
        let found = acts.into_iter().find(|(name, named, _)| *name == word && fits(named));
        let none = || DeskError::Asked(format!("`{word}` is no choice here"));
        found.map(|(_, _, act)| act).ok_or_else(none)
    }

    async fn pair_detail(&self, item: &Item, row: Row) -> Result<Detail, DeskError> {
        let pair = self.store().candidate(&item.id).await?;
        let pair = pair.ok_or_else(|| EngineError::NotFound(format!("pair {}", item.id)))?;
        let owners = self.owners_of(&pair).await?;
        let ids: Vec<String> = owners.iter().flatten().cloned().collect();
        let people = self.store().entities(&ids).await?;
        let (mut differences, mut history, mut affairs) = (vec![], vec![], vec![]);
        let mut others: Vec<Other> = vec![];
        for person in &people {
            affairs.push(self.affairs(person).await?);
            for other in self.others(person).await? {
                let id = |of: &Other| of.who.as_ref().map(|who| who.entity.clone());
                // Of people at other locations nothing is told but that there is one.
                let known = match id(&other) {
                    Some(found) => ids.contains(&found) || others.iter().any(|one| id(one).as_ref() == Some(&found)),
                    None => others.contains(&other),
                };
                if !known {
                    others.push(other);
                }
            }
        }
        if let [one, other] = people.as_slice() {
            let names = [&pair.a, &pair.b].map(|key| format!("{}:{}", key.system, key.remote_id));
            for unit in self.engine.settings().schema.units.iter().map(|u| &u.name) {
                let value = |e: &Entity| super::value_of(e, unit).map(Value::to_line).unwrap_or_default();
                let (left, right) = (value(one), value(other));
                if left != right {
                    differences.push(difference(unit, (&names[0], &left), (&names[1], &right)));
                }
            }
            for person in &people {
                history.extend(self.history(&person.id, LINES).await?);
            }
            history.sort_by_key(|entry| entry.at);
        }
        let twice = pair.a.system == pair.b.system;
        let words: &[&'static str] = if twice {
            &["duplicate", "different", "household"]
        } else {
            &["same", "different", "household"]
        };
        Ok(Detail {
            token: self.engine.pair_token(&pair).await?,
            differences,
            choices: words
                .iter()
                .map(|word| Offer {
                    act: word,
                    system: None,
                    effects: None,
                })
                .collect(),
            history,
            lost: vec![],
            others,
            apart: vec![],
            affairs,
            row,
        })
    }

    /// Other people whose records hold the same e-mail or phone.
    pub(crate) async fn others(&self, entity: &Entity) -> Result<Vec<Other>, DeskError> {
        let mut keys: Vec<_> = entity
            .links
            .values()
            .flat_map(|link| lookup::keys(link))
            .filter(|key| matches!(key.kind, "email" | "phone"))
            .collect();
        keys.sort();
        keys.dedup();
        let mut same: BTreeMap<String, String> = BTreeMap::new();
        for hit in self.store().find_keys(&keys).await? {
            if let Some(other) = hit.entity.filter(|other| *other != entity.id) {
                same.entry(other).or_insert_with(|| keys[hit.key].kind.into());
            }
        }
        let all: Vec<String> = same.keys().cloned().collect();
        let seen = self.seen_of(&all).await?;
        let ids: Vec<String> = seen.iter().take(super::find::MOST).cloned().collect();
        let people = self.store().entities(&ids).await?;
        let hidden: BTreeSet<&String> = same
            .iter()
            .filter(|(id, _)| !seen.contains(*id))
            .map(|(_, sort)| sort)
            .collect();
        let shown = people.iter().map(|other| Other {
            who: Some(who(other)),
            same: same.get(&other.id).cloned().unwrap_or_default(),
        });
        let hidden = hidden.into_iter().map(|sort| Other {
            who: None,
            same: sort.clone(),
        });
        Ok(shown.chain(hidden).collect())
    }
}

fn difference(unit: &str, left: (&str, &str), right: (&str, &str)) -> Difference {
    let (left_pieces, right_pieces) = pieces(left.1, right.1);
    Difference {
        unit: unit.into(),
        left: left.0.into(),
        right: right.0.into(),
        left_pieces,
        right_pieces,
    }
}

/// Every two of what systems hold and what is agreed that differ.
fn differences(entity: &Entity, unit: &str) -> Vec<Difference> {
    let mut values: Vec<(String, String)> = super::inbox::sides(entity, unit)
        .into_iter()
        .map(|side| (side.system, side.value.to_line()))
        .collect();
    values.extend(entity.agreed.get(unit).map(|a| (AGREED.to_string(), a.value.to_line())));
    let mut out = vec![];
    for (place, (left, one)) in values.iter().enumerate() {
        for (right, other) in values.iter().skip(place + 1).filter(|(_, other)| other != one) {
            out.push(difference(unit, (left, one), (right, other)));
        }
    }
    out
}
