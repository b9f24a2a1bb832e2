//! Taking a whole run back. A run may have written to everybody, so it is looked through a stretch of the history at a
//! time, and each stretch is taken back in a transaction of its own that also keeps how far it is: whoever is killed
//! in between, this goes on after the last stretch that was stored, by whichever process comes first.

use crate::error::EngineError;
use crate::step::{Engine, Step};
use bridge_core::undo::undo_write;
use bridge_core::{Entity, Lane, Time, Values};
use bridge_store::{AuditEntry, Run, Tx};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Writes looked at in one transaction.
const STRETCH: usize = 500;
/// Records of each sort that are listed; all are counted, and told of in the history.
const LISTED: usize = 200;
/// Part of the store with how far the taking back of each run is.
const PART: &str = "undo/run";
/// Part of the store with the records that are listed of each. Apart, since rows that name somebody who is erased go.
const LISTS: &str = "undo/listed";
/// The row that says which run is being taken back.
const CURRENT: &str = "current";

/// One record that is being put back, or is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PutBack {
    /// Entity.
    pub entity: String,
    /// Where.
    pub system: String,
    /// Units that get back what stood there.
    pub units: Vec<String>,
    /// Why nothing is put back, if so.
    pub refused: Option<String>,
}

/// What taking a run back comes to, or came to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUndo {
    /// How many records get back what stood there.
    pub back: u64,
    /// How many are left as they are.
    pub stay: u64,
    /// The first of those that get back what stood there.
    pub put_back: Vec<PutBack>,
    /// The first of those that are left, and why.
    pub refused: Vec<PutBack>,
}

impl RunUndo {
    fn add(&mut self, row: PutBack) {
        let (count, list) = match row.refused {
            None => (&mut self.back, &mut self.put_back),
            Some(_) => (&mut self.stay, &mut self.refused),
        };
        *count += 1;
        if list.len() < LISTED {
            list.push(row);
        }
    }
}

/// A run that is being taken back, or that is only looked at for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakingBack {
    /// The run.
    pub run: String,
    /// Who takes it back.
    pub by: String,
    /// Since when.
    pub begun: Time,
    /// When it was done.
    pub ended: Option<Time>,
    /// What it came to so far.
    #[serde(flatten)]
    pub undo: RunUndo,
    /// From when to when it ran.
    within: (Time, Time),
    /// Place of the history before its first line, the last that was looked at, and the last there was at the beginning.
    first: i64,
    place: i64,
    last: i64,
}

impl TakingBack {
    /// Lines of the history that were looked through, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        let of = |place: i64| (place - self.first).max(0).unsigned_abs();
        (of(self.place), of(self.last))
    }
}

/// What a run wrote to one record, taken together.
#[derive(Default)]
struct Written {
    /// Place of the first line that says so.
    first: i64,
    sent: Values,
    before: Values,
    created: bool,
}

/// Some of what a run wrote, and how far that reaches.
struct Stretch {
    written: BTreeMap<(String, String), Written>,
    place: i64,
    over: bool,
}

impl Engine {
    /// A run that can be taken back, from its beginning.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown run, [`EngineError::NotPossible`] while it has not ended.
    pub async fn to_take_back(&self, run: &str, by: &str) -> Result<TakingBack, EngineError> {
        let found: Option<Run> = self.run(run).await?;
        let found = found.ok_or_else(|| EngineError::NotFound(format!("run {run}")))?;
        let Some(ended) = found.ended else {
            return Err(EngineError::NotPossible("it has not ended: stop it first".into()));
        };
        let first = self.store.audit_place(found.started).await?;
        Ok(TakingBack {
            run: run.into(),
            by: by.into(),
            begun: self.clock.now(),
            ended: None,
            undo: RunUndo::default(),
            first,
            place: first,
            last: self.store.last_audit().await?,
            within: (found.started, ended),
        })
    }

    /// Looks through the next stretch of what taking a run back would do; changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_further(&self, looking: &mut TakingBack) -> Result<(), EngineError> {
        let stretch = self.stretch(looking).await?;
        let ids = entities(&stretch);
        let loaded = self.store.entities(&ids).await?;
        let mut pairs = pairs(loaded);
        for ((entity, system), written) in &stretch.written {
            looking.undo.add(self.put_back(&mut pairs, entity, system, written));
        }
        self.reached(looking, &stretch);
        Ok(())
    }

    /// Begins to take a run back. A record that holds something else by now is left as it is, and so is one that was
    /// created, since nothing is removed; what is put back is held there until its agreed value is another one, or a person
    /// releases it. It is done by [`Engine::take_back_further`], in this process or another.
    ///
    /// # Errors
    /// As [`Engine::to_take_back`], and [`EngineError::NotPossible`] while another run is being taken back.
    pub async fn begin_taking_back(&self, run: &str, by: &str) -> Result<TakingBack, EngineError> {
        let beginning = self.to_take_back(run, by).await?;
        let mut tx = self.store.begin().await?;
        if let Some(current) = current(&mut tx).await? {
            return match current.run == run {
                true => Ok(current),
                false => Err(EngineError::NotPossible(
                    "another run is being taken back: wait until that is done".into(),
                )),
            };
        }
        tx.put_ledger(PART, &[(CURRENT.into(), run.into())]).await?;
        put(&mut tx, &beginning).await?;
        tx.append_audit(&[AuditEntry {
            at: beginning.begun,
            run: Some(run.into()),
            event: "taken back".into(),
            reason: format!("by {by}: a whole run"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        self.bell.notify_one();
        Ok(beginning)
    }

    /// How far the taking back of a run is, or what it came to; none if nobody took it back.
    ///
    /// # Errors
    /// The store's.
    pub async fn taken_back(&self, run: &str) -> Result<Option<TakingBack>, EngineError> {
        let row = self.store.ledger_row(PART, run).await?;
        let Some(taking) = row.filter(|_| run != CURRENT) else {
            return Ok(None);
        };
        let lists = self.store.ledger_row(LISTS, run).await?;
        Ok(read(&taking, lists.as_deref()))
    }

    /// Takes the next stretch of a run back, if one is being taken back: everything of it in one transaction. Returns how far
    /// it is now.
    ///
    /// # Errors
    /// The store's.
    pub async fn take_back_further(&self) -> Result<Option<TakingBack>, EngineError> {
        let Some(run) = self.store.ledger_row(PART, CURRENT).await? else {
            return Ok(None);
        };
        let Some(mut taking) = self.taken_back(&run).await? else {
            return Ok(None);
        };
        let stretch = self.stretch(&taking).await?;
        let mut tx = self.store.begin().await?;
        match current(&mut tx).await? {
            Some(now) if now.run == taking.run && now.place == taking.place => {}
            // Another process was quicker.
            now => return Ok(now),
        }
        self.take_stretch_back(&mut tx, &mut taking, &stretch).await?;
        self.reached(&mut taking, &stretch);
        put(&mut tx, &taking).await?;
        if taking.ended.is_some() {
            tx.drop_ledger(PART, &[CURRENT.into()]).await?;
        }
        tx.commit().await?;
        self.bell.notify_one();
        Ok(Some(taking))
    }

    /// Goes on with what another process left, one stretch for each step.
    pub(crate) async fn go_on_taking_back(&self, step: &mut Step) -> Result<(), EngineError> {
        let taking = self.take_back_further().await?;
        step.more |= taking.is_some_and(|taking| taking.ended.is_none());
        Ok(())
    }

    async fn take_stretch_back(
        &self,
        tx: &mut Tx,
        taking: &mut TakingBack,
        stretch: &Stretch,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let mut pairs = pairs(tx.entities(&entities(stretch)).await?);
        let (mut rows, mut audit) = (vec![], vec![]);
        for ((entity, system), written) in &stretch.written {
            rows.push(self.put_back(&mut pairs, entity, system, written));
        }
        let changed: Vec<_> = pairs.into_values().filter(|(before, after)| before != after).collect();
        let changed: Vec<_> = changed
            .into_iter()
            .map(|(before, after)| (Some(before), after))
            .collect();
        let stale = tx.save_entities(&changed, Lane::Requested, now).await?;
        for mut row in rows {
            if row.refused.is_none() && stale.contains(&row.entity) {
                row.refused = Some(EngineError::Changed.to_string());
            }
            audit.push(AuditEntry {
                at: now,
                entity: Some(row.entity.clone()),
                system: Some(row.system.clone()),
                event: if row.refused.is_none() {
                    "taken back"
                } else {
                    "not undone"
                }
                .into(),
                units: row.units.clone(),
                reason: match &row.refused {
                    None => format!("by {}, with a whole run", taking.by),
                    Some(why) => why.clone(),
                },
                ..AuditEntry::default()
            });
            taking.undo.add(row);
        }
        Ok(tx.append_audit(&audit).await?)
    }

    /// What becomes of one record, done to its entity as it is at hand.
    fn put_back(
        &self,
        pairs: &mut BTreeMap<String, (Entity, Entity)>,
        entity: &str,
        system: &str,
        written: &Written,
    ) -> PutBack {
        let mut row = PutBack {
            entity: entity.into(),
            system: system.into(),
            units: written.sent.keys().cloned().collect(),
            refused: None,
        };
        let Some((_, after)) = pairs.get_mut(entity) else {
            row.refused = Some("it belongs to another person by now".into());
            return row;
        };
        if written.created {
            row.refused = Some("the record was created; archive it there, nothing is removed from here".into());
            return row;
        }
        match undo_write(&self.settings.schema, after, system, &written.sent, &written.before) {
            Ok(units) => row.units = units,
            Err(error) => row.refused = Some(error.to_string()),
        }
        row
    }

    /// What the next lines of a run's history wrote. A record belongs to the stretch of the first line about it, with
    /// everything that the run wrote to it.
    async fn stretch(&self, of: &TakingBack) -> Result<Stretch, EngineError> {
        let lines = self
            .store
            .applied_lines((of.place, of.last), of.within, STRETCH)
            .await?;
        let over = lines.len() < STRETCH;
        let place = lines.last().map_or(of.last, |(place, _)| *place);
        let ids: BTreeSet<String> = lines.into_iter().map(|(_, entity)| entity).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let mut written: BTreeMap<(String, String), Written> = BTreeMap::new();
        let mut out: BTreeMap<(String, String), (Values, Values, bool)> = BTreeMap::new();
        let mut firsts: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (seq, line) in self.store.written_to(&ids, (of.first, of.last), of.within).await? {
            let (Some(entity), Some(system)) = (line.entity, line.system) else {
                continue;
            };
            let key = (entity, system);
            if line.event == "sent" {
                let values = |member: &str| -> Values {
                    let body = line.body.as_ref().and_then(|body| body.get(member)).cloned();
                    body.and_then(|body| serde_json::from_value(body).ok())
                        .unwrap_or_default()
                };
                out.insert(key, (values("sent"), values("before"), line.remote_id.is_none()));
                continue;
            }
            let first = *firsts.entry(key.clone()).or_insert(seq);
            let Some((sent, before, created)) = out.remove(&key) else {
                continue;
            };
            let record = written.entry(key).or_default();
            record.first = first;
            record.created |= created;
            for (unit, value) in before {
                record.before.entry(unit).or_insert(value);
            }
            record.sent.extend(sent);
        }
        written.retain(|_, of_record| of_record.first > of.place && of_record.first <= place);
        Ok(Stretch { written, place, over })
    }

    fn reached(&self, taking: &mut TakingBack, stretch: &Stretch) {
        taking.place = stretch.place;
        if stretch.over {
            taking.place = taking.last;
            taking.ended = Some(self.clock.now());
        }
    }
}

fn entities(stretch: &Stretch) -> Vec<String> {
    let ids: BTreeSet<&String> = stretch.written.keys().map(|(entity, _)| entity).collect();
    ids.into_iter().cloned().collect()
}

fn pairs(loaded: Vec<Entity>) -> BTreeMap<String, (Entity, Entity)> {
    loaded.into_iter().map(|e| (e.id.clone(), (e.clone(), e))).collect()
}

fn read(row: &str, lists: Option<&str>) -> Option<TakingBack> {
    let mut taking: TakingBack = serde_json::from_str(row).ok()?;
    let lists = lists.and_then(|lists| serde_json::from_str(lists).ok());
    (taking.undo.put_back, taking.undo.refused) = lists.unwrap_or_default();
    Some(taking)
}

/// What is being taken back, as the transaction sees it.
async fn current(tx: &mut Tx) -> Result<Option<TakingBack>, EngineError> {
    let Some(run) = tx.ledger_row(PART, CURRENT).await? else {
        return Ok(None);
    };
    let lists = tx.ledger_row(LISTS, &run).await?;
    let taking = tx.ledger_row(PART, &run).await?;
    Ok(taking.and_then(|row| read(&row, lists.as_deref())))
}

async fn put(tx: &mut Tx, taking: &TakingBack) -> Result<(), EngineError> {
    let mut short = taking.clone();
    let lists = (
        std::mem::take(&mut short.undo.put_back),
        std::mem::take(&mut short.undo.refused),
    );
    let text = |of: serde_json::Result<String>| of.unwrap_or_default();
    let row = (taking.run.clone(), text(serde_json::to_string(&short)));
    tx.put_ledger(PART, &[row]).await?;
    let row = (taking.run.clone(), text(serde_json::to_string(&lists)));
    Ok(tx.put_ledger(LISTS, &[row]).await?)
}
