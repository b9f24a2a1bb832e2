//! The office's side in the process that posts: takes wishes one by one, and leaves reports.

use super::file::{self, Draft, Files, Mood, Report};
use super::{Act, Ask, Item, Office, Outcome, Standing, Wish, act, import, months};
use crate::error::EngineError;
use crate::ledger::reports::{Closing, hold_groups};
use crate::ledger::{Ledger, Outlook};
use bridge_core::Time;
use bridge_core::ledger::Proof;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::statement::statements;
use bridge_core::ledger::tasks::{sheet, tasks};
use bridge_store::StoreError;
use serde_json::json;

/// Signed months that are looked at again each night.
const SIGNED_MONTHS: usize = 3;

/// Keeps the office of a ledger.
pub struct Keeper<'a> {
    office: Office,
    ledger: &'a Ledger,
    practice: String,
    seen: Option<String>,
}

impl<'a> Keeper<'a> {
    /// The keeper of that practice's office.
    pub fn new(office: Office, ledger: &'a Ledger, practice: &str) -> Keeper<'a> {
        Keeper {
            office,
            ledger,
            practice: practice.into(),
            seen: None,
        }
    }

    /// Takes what was asked for since the last time. Whether anything is to be posted now because of it.
    ///
    /// # Errors
    /// [`EngineError`] if the store fails; trouble with an account is the outcome of the wish.
    pub async fn attend(&mut self, now: Time) -> Result<bool, EngineError> {
        let mark = self.office.mark().await?;
        if mark == self.seen {
            return Ok(false);
        }
        let mut moved = false;
        let asks = self.office.asks().await?;
        // Ids grow with time: the oldest goes first.
        for ask in asks.into_iter().rev().filter(|a| a.outcome == Outcome::Waiting) {
            let outcome = match self.grant(&ask, now).await {
                Ok(words) => {
                    moved |= matches!(ask.wish, Wish::Act(_));
                    Outcome::Done(words)
                }
                Err(error @ (EngineError::NotPossible(_) | EngineError::NotFound(_) | EngineError::Changed)) => {
                    Outcome::Refused(error.to_string())
                }
                Err(EngineError::Store(error @ (StoreError::Busy | StoreError::Damaged { .. }))) => {
                    Outcome::Refused(error.to_string())
                }
                Err(error) => return Err(error),
            };
            self.office.end(ask, outcome, now).await?;
        }
        self.seen = mark;
        Ok(moved)
    }

    /// Leaves how the books stand, as the ledger knows it now; calls no account.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn leave(&self, now: Time) -> Result<(), EngineError> {
        // Before the chart was read nothing can be said of what is due.
        match self.ledger.books().await {
            Some(_) => self.stand(&self.ledger.standing(now).await, now).await,
            None => Ok(()),
        }
    }

    /// Leaves a proof that was made.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn proved(&self, proof: &Proof, now: Time) -> Result<(), EngineError> {
        let read = self.ledger.readings_sheet().await;
        self.office
            .keep(vec![file::proof(&self.practice, proof, &read, now)])
            .await
    }

    /// Leaves the reports of a month that was walked through, and compares what was signed with them.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn closed(&self, month: Month, closing: &Closing, now: Time) -> Result<(), EngineError> {
        let reports = months::reports(&self.practice, self.ledger, month, closing, now).await;
        self.office.keep(reports).await?;
        self.office.compare(month, &closing.steps, now).await
    }

    /// Walks once more through the latest months of which something is signed: what changed since is shown, whether or not
    /// somebody looks. Trouble with an account leaves them as they were.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn look_again(&self, now: Time) -> Result<(), EngineError> {
        for month in self.office.signed_months().await?.into_iter().take(SIGNED_MONTHS) {
            match self.ledger.close_again(month, now).await {
                Ok(closing) => self.closed(month, &closing, now).await?,
                Err(error @ EngineError::Store(_)) => return Err(error),
                Err(error) => tracing::warn!(%month, %error, "a signed month could not be looked at again"),
            }
        }
        Ok(())
    }

    async fn grant(&self, ask: &Ask, now: Time) -> Result<String, EngineError> {
        match &ask.wish {
            Wish::Look => {
                self.look(now).await?;
                Ok("both accounts were read".into())
            }
            Wish::Prove { from, to } => {
                let proof = self.ledger.prove(*from, *to, true, now).await?;
                self.proved(&proof, now).await?;
                Ok(proof.verdict())
            }
            Wish::Month(month) => {
                let closing = self.ledger.close(*month, now).await?;
                self.closed(*month, &closing, now).await?;
                self.tie_out(now).await?;
                self.look(now).await?;
                Ok("the steps were reckoned".into())
            }
            Wish::TieOut => {
                self.ledger.preview(now).await?;
                self.tie_out(now).await?;
                Ok("received and settled were compared".into())
            }
            Wish::Import { layout, file, text } => {
                let words = import::import(self.ledger, layout, file, text).await?;
                self.ledger.preview(now).await?;
                self.tie_out(now).await?;
                Ok(words)
            }
            Wish::Act(item) => self.act(item, &ask.by, now).await,
        }
    }

    /// Reads both accounts, and leaves the reports about what is due.
    async fn look(&self, now: Time) -> Result<(), EngineError> {
        let drift = self.ledger.drift(now).await?;
        let outlook = self.ledger.standing(now).await;
        let items = act::items(self.ledger, &outlook).await;
        let of = |act: Act| items.iter().filter(move |i| i.act == act).cloned().collect();
        self.office
            .keep(vec![
                file::drift(&self.practice, &drift, of(Act::Repost), now),
                self.tasks(now).await,
            ])
            .await?;
        self.stand(&outlook, now).await
    }

    async fn tie_out(&self, now: Time) -> Result<(), EngineError> {
        let report = import::report(&self.practice, self.ledger, now).await?;
        self.office.keep(vec![report]).await
    }

    async fn act(&self, asked: &Item, by: &str, now: Time) -> Result<String, EngineError> {
        let outlook = self.ledger.preview(now).await?;
        let changed = || {
            EngineError::NotPossible(
                "it is no longer what was shown, or somebody has done it already: look again".into(),
            )
        };
        let journals = match (asked.act, asked.month) {
            (Act::Fee, Some(month)) => self.fees(&outlook, month).await?,
            (Act::Settle, _) => import::journals(self.ledger).await?,
            _ => {
                let items = act::items(self.ledger, &outlook).await;
                let item = items.iter().find(|item| item.same(asked)).ok_or_else(changed)?;
                let words = act::carry_out(self.ledger, item, by, now).await?;
                self.leave(now).await?;
                return Ok(words);
            }
        };
        let journal = journals
            .into_iter()
            .find(|(item, _)| item.same(asked))
            .ok_or_else(changed)?;
        let step = self.ledger.post_journals(vec![journal.1], now).await?;
        if let Some(trouble) = step.trouble.first() {
            return Err(EngineError::NotPossible(trouble.clone()));
        }
        match step.posted {
            0 => Err(EngineError::NotPossible(
                "the books refused it; is its day locked?".into(),
            )),
            _ => Ok("posted".into()),
        }
    }

    async fn fees(
        &self,
        outlook: &Outlook,
        month: Month,
    ) -> Result<Vec<(Item, bridge_core::ledger::Document)>, EngineError> {
        let (facts, moved) = (self.ledger.facts().await, self.ledger.movements().await?);
        let rules = &self.ledger.settings().rules;
        let stated = statements(&facts, rules, month, outlook.books.currency, &moved)
            .map_err(|error| EngineError::NotPossible(error.to_string()))?;
        Ok(months::journals(self.ledger, &stated).await)
    }

    async fn tasks(&self, now: Time) -> (Report, Files) {
        let all = tasks(
            &self.ledger.shown().await,
            &self.ledger.posted().await,
            &self.ledger.facts().await,
        );
        let open = all.iter().filter(|t| t.open()).count();
        let (mood, verdict) = match open {
            0 => (
                Mood::Good,
                "Nothing in the books waits to be recorded in Halaxy.".to_owned(),
            ),
            n => (Mood::Busy, format!("{n} payments to record in Halaxy.")),
        };
        let note = "Record each on its invoice in Halaxy, with the same amount. It goes from here by itself once Halaxy \
                    shows it, and is not posted a second time.";
        let open: Vec<_> = all.iter().filter(|t| t.open()).collect();
        Draft::new(&self.practice, "tasks", "To record in Halaxy", now)
            .verdict(mood, verdict)
            .table("Payments", note, sheet(&all))
            .report(&json!({ "tasks": open }))
    }

    /// Leaves what an outlook says.
    async fn stand(&self, outlook: &Outlook, now: Time) -> Result<(), EngineError> {
        let settings = self.ledger.settings();
        let items = act::items(self.ledger, outlook).await;
        let approved = self.ledger.is_approved().await;
        let posted = self.ledger.entries().await.iter().filter(|e| e.counts()).count();
        let first = |item: &&Item| matches!(item.act, Act::Rules | Act::Adopt);
        let decide: Vec<Item> = items.iter().filter(first).cloned().collect();
        let preview = file::preview(&self.practice, outlook, decide, approved, now);
        self.office.keep(vec![preview]).await?;
        self.office
            .stand(&Standing {
                at: now,
                books: settings.books.clone(),
                name: outlook.books.name.clone(),
                start_from: Some(settings.rules.start_from),
                today: Some(self.ledger.today(now)),
                locked_to: outlook.books.locked_to,
                approved,
                posted: posted as u64,
                due: outlook.plan.post.len() as u64,
                holds: hold_groups(&outlook.plan.held, file::in_app),
                items,
                layouts: settings
                    .rules
                    .settlement_layouts()
                    .into_iter()
                    .map(|l| l.name)
                    .collect(),
            })
            .await
    }
}
