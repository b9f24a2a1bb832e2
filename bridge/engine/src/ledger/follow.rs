//! What webhooks tell the ledger: an invoice changed in Halaxy is read at once, with its lines and payments; documents that
//! somebody changed in the books are mirrored. Nothing in a webhook is believed; what is lost is found by the next look.

use super::keep::State;
use super::{Ledger, LedgerStep};
use crate::deliver::micros;
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::{DocumentKind, FactKind};
use bridge_store::Hint;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Hints followed at once.
const MOST: usize = 500;
/// Between two looks at the books: a plan of 1,000 calls a day (vendor-apis.md 7) must last.
const BOOKS_AGAIN: Duration = Duration::from_secs(600);
/// After a look that failed.
const TROUBLE_AGAIN: Duration = Duration::from_secs(60);
/// What we posted so lately is what the books tell of.
const OWN: Duration = Duration::from_secs(600);
/// What the ledger follows where invoices are written, by the name that webhooks give it.
const INVOICE: &str = "Invoice";
/// What it follows in the books: a connector's names for what its webhooks tell of, and what may have changed then. An
/// invoice stands for its payments, which have no events in some products.
const OF_BOOKS: [(&str, &[DocumentKind]); 3] = [
    ("invoice", &[DocumentKind::Invoice, DocumentKind::Payment]),
    (
        "credit_note",
        &[DocumentKind::CreditNote, DocumentKind::Allocation, DocumentKind::Refund],
    ),
    ("payment", &[DocumentKind::Payment]),
];

/// Kinds that the ledger follows by hints where invoices are written, as [`Store::hints_of`](bridge_store::Store::hints_of)
/// has them.
pub fn followed_invoices() -> BTreeSet<String> {
    BTreeSet::from([INVOICE.to_owned()])
}

/// Kinds that the ledger follows by hints in the books.
pub fn followed_books() -> BTreeSet<String> {
    OF_BOOKS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

impl Ledger {
    /// Whether webhooks told of something that may be followed now.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn told(&self, now: Time) -> Result<bool, EngineError> {
        let (invoices, books) = self.state.lock().await.followed;
        if now >= invoices && !self.of_invoices(1).await?.is_empty() {
            return Ok(true);
        }
        Ok(now >= books && !self.of_books(1).await?.is_empty())
    }

    /// Follows what webhooks told of, then settles and posts as [`Ledger::step`] does.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with an account is told in the step.
    pub async fn follow(&self, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        self.look_up(&mut state).await?;
        self.follow_books(&mut state, now, &mut step).await?;
        if self.follow_invoices(&mut state, now, &mut step).await? {
            self.decide(&mut state, now, &mut step).await?;
        }
        Ok(step)
    }

    async fn of_invoices(&self, most: usize) -> Result<Vec<Hint>, EngineError> {
        Ok(self.store.hints_of(&self.settings.source, INVOICE, most).await?)
    }

    async fn of_books(&self, most: usize) -> Result<Vec<Hint>, EngineError> {
        let mut all = Vec::new();
        for (kind, _) in OF_BOOKS {
            all.extend(self.store.hints_of(&self.settings.books, kind, most).await?);
        }
        Ok(all)
    }

    async fn take(&self, hints: &[Hint], now: Time) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        tx.take_hints(hints, now).await?;
        Ok(tx.commit().await?)
    }

    /// Reads the invoices told of, and what is known to be on them; what is new on them the feeds show. False if nothing is
    /// to be decided.
    async fn follow_invoices(&self, state: &mut State, now: Time, step: &mut LedgerStep) -> Result<bool, EngineError> {
        let hints = self.of_invoices(MOST).await?;
        if hints.is_empty() || now < state.followed.0 {
            return Ok(state.changed);
        }
        let ids: BTreeSet<String> = hints.iter().map(|h| h.remote_id.clone()).collect();
        let on = |invoice: &Option<String>| invoice.as_ref().is_some_and(|id| ids.contains(id));
        let facts = state.gathered.facts();
        let lines = facts
            .lines
            .values()
            .filter(|l| on(&l.invoice))
            .map(|l| l.id.clone())
            .collect();
        let payments = facts
            .payments
            .values()
            .filter(|p| on(&p.invoice))
            .map(|p| p.id.clone())
            .collect();
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (kind, of) in self.reader.kinds() {
            let ids: &Vec<String> = match of {
                FactKind::Invoice => &ids.iter().cloned().collect(),
                FactKind::Line => &lines,
                FactKind::Payment => &payments,
                _ => continue,
            };
            asked.insert((*kind).to_owned(), ids.clone());
        }
        let moves = |of: FactKind| matches!(of, FactKind::Line | FactKind::Payment);
        let complete = self.gather_of(state, moves, asked, now, step).await?;
        state.followed.0 = now + micros(if complete { self.settings.pace } else { TROUBLE_AGAIN });
        if complete {
            self.take(&hints, now).await?;
        }
        Ok(complete)
    }

    /// Mirrors what changed in the books by another hand than ours.
    async fn follow_books(&self, state: &mut State, now: Time, step: &mut LedgerStep) -> Result<(), EngineError> {
        let hints = self.of_books(MOST).await?;
        let own = own(state, now);
        let (ours, others): (Vec<Hint>, Vec<Hint>) = hints.into_iter().partition(|h| own.contains(&h.remote_id));
        if !ours.is_empty() {
            self.take(&ours, now).await?;
        }
        if others.is_empty() || now < state.followed.1 {
            return Ok(());
        }
        let told: BTreeSet<&str> = others.iter().map(|h| h.kind.as_str()).collect();
        let kinds: BTreeSet<DocumentKind> = OF_BOOKS
            .iter()
            .filter(|(name, _)| told.contains(name))
            .flat_map(|(_, kinds)| kinds.iter().copied())
            .collect();
        for kind in kinds.into_iter().filter(|kind| self.accounting.keeps(*kind)) {
            match self.mirror_kind(state, kind, now, false).await {
                Ok(shown) => step.mirrored += shown,
                Err(EngineError::NotPossible(why)) => {
                    step.trouble.push(why);
                    state.followed.1 = now + micros(TROUBLE_AGAIN);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        state.followed.1 = now + micros(BOOKS_AGAIN);
        self.link(state, now).await?;
        self.take(&others, now).await
    }
}

/// Ids in the books of what we posted or voided lately, and of what that acts on.
fn own(state: &State, now: Time) -> BTreeSet<String> {
    let lately = state
        .entries
        .values()
        .filter(|k| k.at > now.saturating_sub(micros(OWN)));
    let keys = lately.flat_map(|k| {
        let d = &k.entry.document;
        [Some(&d.key), d.of.as_ref(), d.to.as_ref()]
    });
    let remote = |key: &String| state.entries.get(key)?.entry.remote_id.clone();
    keys.flatten().filter_map(remote).collect()
}
