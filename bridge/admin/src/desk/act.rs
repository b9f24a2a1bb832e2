//! Decisions: each bound to what was shown, and refused if anything of that changed.

use super::inbox::unit_of;
use super::{Desk, DeskError};
use bridge_core::Time;
use bridge_core::review::{Act, Choice, DecisionError, token};
use bridge_engine::{Asked, Decided, EngineError, Verdict};
use bridge_store::{DecisionRow, Page};
use serde::{Deserialize, Serialize};

/// A decision as a person makes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `take`, `value`, `both`, `apart`, `dismiss`, `replay`, `same`, `different`, `household` or `duplicate`.
    #[serde(rename = "do")]
    pub act: String,
    /// For `take`: a system, or `agreed`.
    pub system: Option<String>,
    /// For `value`: the value as people write it.
    pub value: Option<String>,
    /// What was shown ([`super::detail::Detail::token`]).
    pub token: String,
}

/// What became of one of several decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The item or the decision.
    pub id: String,
    /// The entity.
    pub entity: Option<String>,
    /// Why not, if so.
    pub refused: Option<String>,
}

/// A decision as it was stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Past {
    /// Id.
    pub id: String,
    /// When.
    pub at: Time,
    /// Who.
    pub who: String,
    /// What it was.
    pub sort: String,
    /// Entity.
    pub entity: Option<String>,
    /// Unit.
    pub unit: Option<String>,
    /// What it was decided together with.
    pub group: Option<String>,
    /// When it was taken back.
    pub undone: Option<Time>,
    /// It can be taken back now, as far as its age and sort go.
    pub can_undo: bool,
    /// Choice and words.
    pub details: serde_json::Value,
}

impl Desk {
    /// Decides an item.
    ///
    /// # Errors
    /// [`bridge_core::review::DecisionError::Changed`] if it is not what was shown; [`DeskError::Asked`] for what is no
    /// choice there; [`EngineError::NotFound`] if it does not wait any more.
    pub async fn decide(&self, id: &str, decision: &Decision, by: &str) -> Result<Decided, DeskError> {
        self.decide_in(id, decision, by, None).await
    }

    pub(crate) async fn decide_in(
        &self,
        id: &str,
        decision: &Decision,
        by: &str,
        group: Option<String>,
    ) -> Result<Decided, DeskError> {
        let gone = || EngineError::NotFound(format!("open item {id}: it was decided, or closed by itself"));
        let item = self.item(id).await?.ok_or_else(gone)?;
        let asked = Asked {
            by: by.into(),
            token: decision.token.clone(),
            group,
        };
        if item.topic.starts_with("match/") {
            let verdict = match decision.act.as_str() {
                "same" => Verdict::Same,
                "different" => Verdict::Different,
                "household" => Verdict::Household,
                "duplicate" => Verdict::Duplicate,
                other => return Err(DeskError::Asked(format!("`{other}` is no choice here"))),
            };
            return Ok(self.engine.decide_pair(id, verdict, &asked).await?);
        }
        let entity = self.entity(item.entity.as_deref().unwrap_or_default()).await?;
        let asks = unit_of(&item.topic).filter(|_| item.topic.starts_with("conflict/"));
        // Said first: what is no choice any more was one when it was shown.
        if token(&entity, asks, "") != decision.token {
            return Err(DecisionError::Changed.into());
        }
        let act = match (decision.act.as_str(), unit_of(&item.topic), &decision.value) {
            ("value", Some(unit), Some(text)) => Act::Value {
                unit: unit.into(),
                choice: Choice::Value(self.typed(unit, text)?),
            },
            ("value", ..) => return Err(DeskError::Asked("send the value as `value`".into())),
            (word, ..) => self.act_of(&item, &entity, word, decision.system.as_deref())?,
        };
        Ok(self.engine.decide(&entity.id, id, &act, &asked).await?)
    }

    /// Keeps a unit of a person out of the sync, or takes that back, whether or not it is in question. `shown` is from
    /// [`Desk::unit_token`].
    ///
    /// # Errors
    /// As [`Desk::decide`].
    pub async fn keep_apart(
        &self,
        entity: &str,
        unit: &str,
        apart: bool,
        shown: &str,
        by: &str,
    ) -> Result<Decided, DeskError> {
        let act = if apart {
            Act::Apart(unit.into())
        } else {
            Act::Together(unit.into())
        };
        let asked = Asked {
            by: by.into(),
            token: shown.into(),
            group: None,
        };
        self.sees(entity).await?;
        Ok(self.engine.decide(entity, "", &act, &asked).await?)
    }

    /// Names what is shown of one unit of a person.
    ///
    /// # Errors
    /// The store's, or [`EngineError::NotFound`].
    pub async fn unit_token(&self, entity: &str, unit: &str) -> Result<String, DeskError> {
        Ok(token(&self.entity(entity).await?, Some(unit), ""))
    }

    /// Says whose an item is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if it does not wait any more.
    pub async fn assign(&self, id: &str, to: Option<&str>) -> Result<(), DeskError> {
        self.still(id).await?;
        let mut tx = self.store().begin().await?;
        let there = tx.assign_item(id, to).await?;
        tx.commit().await?;
        there
            .then_some(())
            .ok_or_else(|| EngineError::NotFound(format!("open item {id}")).into())
    }

    /// Lets an item sleep until a moment (0 wakes it). It wakes by itself when what it asks about changes.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if it does not wait any more.
    pub async fn snooze(&self, id: &str, until: Time) -> Result<(), DeskError> {
        self.still(id).await?;
        let mut tx = self.store().begin().await?;
        let there = tx.snooze_item(id, until).await?;
        tx.commit().await?;
        there
            .then_some(())
            .ok_or_else(|| EngineError::NotFound(format!("open item {id}")).into())
    }

    async fn still(&self, id: &str) -> Result<(), DeskError> {
        let there = self.item(id).await?.is_some();
        there
            .then_some(())
            .ok_or_else(|| EngineError::NotFound(format!("open item {id}")).into())
    }

    /// Says something about an item or a person.
    ///
    /// # Errors
    /// [`DeskError::Asked`] for a blank or endless text; [`EngineError::NotFound`] if there is nobody to say it about.
    pub async fn comment(&self, entity: &str, item: &str, text: &str, by: &str) -> Result<Decided, DeskError> {
        let text = text.trim();
        if text.is_empty() || text.len() > 4_000 {
            return Err(DeskError::Asked("a comment has 1 to 4000 characters".into()));
        }
        // One of the two of a pair may be seen by the pair alone.
        let named = match item {
            "" => false,
            item => self.waiting(item).await?.1.who.iter().any(|who| who.entity == entity),
        };
        if !named {
            self.sees(entity).await?;
        }
        Ok(self.engine.comment(entity, item, text, by).await?)
    }

    /// Decisions, newest first: of one sort, about one unit, or all.
    ///
    /// # Errors
    /// The store's.
    pub async fn decisions(
        &self,
        sort: Option<&str>,
        unit: Option<&str>,
        page: &Page,
    ) -> Result<(Vec<Past>, Option<String>), DeskError> {
        let found = self.decision_rows(sort, unit, page).await?;
        let now = self.clock.now();
        Ok((found.rows.into_iter().map(|row| past(row, now)).collect(), found.next))
    }

    /// Takes a decision back.
    ///
    /// # Errors
    /// As [`bridge_engine::Engine::take_back`].
    pub async fn undo(&self, decision: &str, by: &str) -> Result<(), DeskError> {
        self.decision(decision)
            .await?
            .ok_or_else(|| EngineError::NotFound(format!("decision {decision}")))?;
        Ok(self.engine.take_back(decision, by).await?)
    }

    /// Takes back everything that was decided together; what cannot be is listed with its reason.
    ///
    /// # Errors
    /// As [`bridge_engine::Engine::take_back_group`].
    pub async fn undo_group(&self, group: &str, by: &str) -> Result<Vec<Outcome>, DeskError> {
        let done = match self.within() {
            None => self.engine.take_back_group(group, by).await?,
            Some(_) => self.undo_seen(group, by).await?,
        };
        let outcome = |(row, result): (DecisionRow, Result<(), EngineError>)| Outcome {
            id: row.id,
            entity: row.entity,
            refused: result.err().map(|error| error.to_string()),
        };
        Ok(done.into_iter().map(outcome).collect())
    }

    /// Of what was decided together, only what is seen is taken back.
    async fn undo_seen(&self, group: &str, by: &str) -> Result<Vec<(DecisionRow, Result<(), EngineError>)>, DeskError> {
        let rows = self.decision_group(group).await?;
        if rows.is_empty() {
            return Err(EngineError::NotFound(format!("group {group}")).into());
        }
        let mut done = vec![];
        for row in rows.into_iter().filter(|row| row.undone.is_none()) {
            let result = self.engine.take_back(&row.id, by).await;
            if let Err(EngineError::Store(error)) = result {
                return Err(error.into());
            }
            done.push((row, result));
        }
        Ok(done)
    }
}

pub(crate) fn past(row: DecisionRow, now: Time) -> Past {
    let kept = Time::try_from(bridge_engine::KEPT.as_micros()).unwrap_or(Time::MAX);
    let reversible = matches!(row.sort.as_str(), "value" | "apart" | "together" | "card" | "match");
    Past {
        can_undo: reversible && row.undone.is_none() && now - row.at <= kept,
        id: row.id,
        at: row.at,
        who: row.who,
        sort: row.sort,
        entity: row.entity,
        unit: row.unit,
        group: row.group,
        undone: row.undone,
        details: row.details,
    }
}
