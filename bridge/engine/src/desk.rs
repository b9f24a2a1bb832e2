//! The desk: what a person decides is bound to what was shown, kept with the state it was made on, and told in the history,
//! all in one transaction.

use crate::error::EngineError;
use crate::matches::Verdict;
use crate::step::Engine;
use bridge_core::capture::ask;
use bridge_core::effects::{Effects, effects};
use bridge_core::plan::Context;
use bridge_core::review::{Act, Choice, DecisionError, token};
use bridge_core::undo::UnitState;
use bridge_core::{CardKind, Entity, Lane, LinkState, Time};
use bridge_store::{AuditEntry, Candidate, DecisionRow, Tx};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tokio::sync::Notify;

/// Who asks for something, and what was on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who, for the history.
    pub by: String,
    /// What was shown: from [`bridge_core::review::token`] or [`Engine::pair_token`]. Anything else refuses.
    pub token: String,
    /// What it is decided together with.
    pub group: Option<String>,
}

/// A decision that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its id, by which it can be taken back.
    pub id: String,
}

/// How many records of an older release are taken into the indexes at a time.
const OLD: usize = 2_000;

impl Engine {
    /// Rings the bell of whoever drives when something was decided.
    pub fn ringing(mut self, bell: Arc<Notify>) -> Self {
        self.bell = bell;
        self
    }

    /// Does something with an entity as it was shown.
    ///
    /// # Errors
    /// [`EngineError::Decision`] if it is not what was shown, or the act does not fit; nothing is changed then.
    pub async fn decide(&self, entity: &str, item: &str, act: &Act, asked: &Asked) -> Result<Decided, EngineError> {
        let shown = |entity: &Entity| {
            let now = token(entity, act.unit(), "");
            (now == asked.token).then_some(()).ok_or(DecisionError::Changed)
        };
        self.act(entity, item, act, &asked.by, asked.group.clone(), shown).await
    }

    /// What an act would cause, by the planner that will plan it.
    ///
    /// # Errors
    /// [`DecisionError`] if it does not fit; else the store's.
    pub async fn effects_of(&self, entity: &Entity, act: &Act) -> Result<Effects, EngineError> {
        let now = self.clock.now();
        let mut after = entity.clone();
        act.apply(&self.settings.schema, &mut after, now)?;
        let context = Context {
            now,
            lane: Lane::Requested,
            mirrors_complete: self.mirrors_complete().await?,
        };
        Ok(effects(&self.settings.schema, entity, &after, context))
    }

    /// Names what a person sees of a pair.
    ///
    /// # Errors
    /// The store's, or [`EngineError::NotFound`] if a record of it belongs to no entity.
    pub async fn pair_token(&self, pair: &Candidate) -> Result<String, EngineError> {
        let mut owners = vec![];
        for key in [&pair.a, &pair.b] {
            let found = self.store.entity_of(&key.system, &key.kind, &key.remote_id).await?;
            owners.push(found.ok_or_else(|| EngineError::NotFound("entity of that record".into()))?);
        }
        Ok(token_of_pair(pair, &self.store.entities(&owners).await?))
    }

    /// Stores a person's verdict on a pair as it was shown.
    ///
    /// # Errors
    /// As [`Engine::decide_match`], and [`EngineError::Decision`] if it is not what was shown.
    pub async fn decide_pair(&self, id: &str, verdict: Verdict, asked: &Asked) -> Result<Decided, EngineError> {
        self.judge_pair(id, verdict, &asked.by, Some(asked)).await
    }

    /// Does something with an entity if `shown` finds it as it was shown.
    pub(crate) async fn act(
        &self,
        id: &str,
        item: &str,
        act: &Act,
        by: &str,
        group: Option<String>,
        shown: impl FnOnce(&Entity) -> Result<(), DecisionError>,
    ) -> Result<Decided, EngineError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        shown(&before)?;
        let mut after = before.clone();
        let losers = act.apply(&self.settings.schema, &mut after, now)?;
        let row = DecisionRow {
            id: self.ids.event(now),
            at: now,
            who: by.into(),
            sort: sort(act).into(),
            entity: Some(id.into()),
            unit: act.unit().map(str::to_string),
            item: item.into(),
            group,
            undone: None,
            details: details(act, &before, &after),
            before: act.unit().map(|unit| UnitState::of(&before, unit)),
        };
        if !tx
            .save_entities(&[(Some(before), after)], Lane::Requested, now)
            .await?
            .is_empty()
        {
            return Err(EngineError::Changed);
        }
        let rows = losers.into_iter().map(|lost| self.settings.kept(id, lost, now));
        tx.append_losers(&rows.collect::<Vec<_>>()).await?;
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            system: match act {
                Act::Dismiss(_, system) => Some(system.clone()),
                _ => None,
            },
            event: event(act).into(),
            units: act.unit().map(str::to_string).into_iter().collect(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.put_decisions(std::slice::from_ref(&row)).await?;
        tx.commit().await?;
        self.bell.notify_one();
        if let Act::Dismiss(CardKind::Merged, system) = act {
            self.follow_merge(id, system, by).await?;
            self.free_survivors(system).await?;
        }
        Ok(Decided { id: row.id })
    }

    /// Says something about an entity; it is kept sealed and shown in its timeline.
    ///
    /// # Errors
    /// The store's, or [`EngineError::NotFound`].
    pub async fn comment(&self, entity: &str, item: &str, text: &str, by: &str) -> Result<Decided, EngineError> {
        let now = self.clock.now();
        if self.store.entities(&[entity.to_string()]).await?.is_empty() {
            return Err(EngineError::NotFound(format!("entity {entity}")));
        }
        let mut tx = self.store.begin().await?;
        let row = DecisionRow {
            id: self.ids.event(now),
            at: now,
            who: by.into(),
            sort: "comment".into(),
            entity: Some(entity.into()),
            unit: None,
            item: item.into(),
            group: None,
            undone: None,
            details: json!({ "text": text }),
            before: None,
        };
        tx.put_decisions(std::slice::from_ref(&row)).await?;
        tx.commit().await?;
        Ok(Decided { id: row.id })
    }

    /// Every record of an entity is read afresh with the next step, before anything else.
    ///
    /// # Errors
    /// The store's, or [`EngineError::NotFound`].
    pub async fn look_now(&self, entity: &str, by: &str) -> Result<Time, EngineError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(&[entity.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {entity}")));
        };
        let mut after = before.clone();
        for link in after.links.values_mut().filter(|l| l.state == LinkState::Live) {
            ask(link, now);
        }
        after.dirty = true;
        if !tx
            .save_entities(&[(Some(before), after)], Lane::Requested, now)
            .await?
            .is_empty()
        {
            return Err(EngineError::Changed);
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(entity.into()),
            event: "sync asked".into(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        self.bell.notify_one();
        Ok(now)
    }

    /// Takes some of what an older release stored into the indexes of the desk.
    pub(crate) async fn take_in_old(&self, now: Time) -> Result<(), EngineError> {
        if self.store.is_behind().await? {
            let mut tx = self.store.begin().await?;
            tx.index_names(OLD).await?;
            tx.file_holds(OLD / 10, now).await?;
            tx.index_located(OLD).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

pub(crate) fn token_of_pair(pair: &Candidate, owners: &[Entity]) -> String {
    let asked = format!("{} {:?}", pair.id, pair.state);
    owners.iter().fold(String::new(), |so_far, owner| {
        token(owner, None, &format!("{asked} {so_far}"))
    })
}

/// Checks the token of a pair within the transaction that decides it.
pub(crate) async fn check_pair(
    tx: &mut Tx,
    pair: &Candidate,
    owners: &[String; 2],
    asked: &Asked,
) -> Result<(), EngineError> {
    let now = token_of_pair(pair, &tx.entities(owners).await?);
    if now == asked.token {
        Ok(())
    } else {
        Err(DecisionError::Changed.into())
    }
}

fn sort(act: &Act) -> &'static str {
    match act {
        Act::Value { .. } => "value",
        Act::Apart(_) => "apart",
        Act::Together(_) => "together",
        Act::Dismiss(..) => "card",
        Act::Replay => "replay",
    }
}

fn event(act: &Act) -> &'static str {
    match act {
        Act::Value { .. } => "decided",
        Act::Apart(_) => "kept apart",
        Act::Together(_) => "brought together",
        Act::Dismiss(..) => "card closed",
        Act::Replay => "replayed",
    }
}

/// What taking back and rules need to know of it.
fn details(act: &Act, before: &Entity, after: &Entity) -> Json {
    match act {
        Act::Value { unit, choice } => json!({
            "choice": match choice {
                Choice::From(name) => json!({ "take": name }),
                Choice::Value(value) => json!({ "value": value }),
                Choice::Both => json!("both"),
            },
            "shown": before.conflicts.get(unit).map(|c| &c.values),
            "why": before.conflicts.get(unit).map(|c| &c.why),
            "decided": after.agreed.get(unit).map(|a| &a.value),
        }),
        Act::Dismiss(kind, system) => json!({
            "card": before.cards.iter().find(|c| c.kind == *kind && c.system == *system),
            "remote_id": before.links.get(system).map(|l| &l.remote_id),
            "held": before.links.get(system).and_then(|l| l.held.as_ref()),
        }),
        _ => Json::Null,
    }
}
