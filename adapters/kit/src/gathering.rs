//! Bringing the ledger's records from an account: rounds over what changed, and sweeps for what is gone.
//!
//! Whether an invoice's stamp moves when its lines or payments do is not known (halaxy-api.md section 5), so
//! each round reads the invoices of changed lines and payments directly, after them.

use crate::contract::{Adapter, AdapterError, Read};
use bridge_core::ledger::{FactKind, Gathered, ReadFacts};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// A record as a round or a sweep has found it; what a caller keeps beside the [`Gathered`] facts.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Its latest body.
    Body {
        /// Kind.
        kind: &'static str,
        /// Id.
        id: String,
        /// As received.
        body: Json,
    },
    /// It is gone, as a direct read has confirmed.
    Gone {
        /// Kind.
        kind: &'static str,
        /// Id.
        id: String,
    },
}

/// Where the feed of each kind stands, by kind: opaque, to be kept together with what was seen.
pub type Cursors = BTreeMap<String, String>;

/// What came of a round or a sweep.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Records seen, repetitions included.
    pub records: usize,
    /// Records found to be gone.
    pub gone: usize,
    /// Kinds that failed (a missing scope stops one kind only); the others went on.
    pub failed: Vec<(&'static str, AdapterError)>,
}

/// Everything that takes part.
pub struct Intake<'a> {
    /// The account.
    pub adapter: &'a dyn Adapter,
    /// Takes bodies apart.
    pub reader: &'a dyn ReadFacts,
    /// What is known; kept up to date.
    pub gathered: &'a mut Gathered,
    /// Called with each record before the cursor moves past it.
    pub keep: &'a mut (dyn FnMut(Seen) + Send),
}

impl Intake<'_> {
    /// One round over what changed since the cursors, which move on; without cursors, over everything. Bodies that
    /// cannot be read are among [`Gathered::unreadable`] afterwards.
    pub async fn round(&mut self, cursors: &mut Cursors) -> Outcome {
        self.round_of(|_| true, cursors).await
    }

    /// The same over the feeds of some kinds only, e.g. those that move with a single invoice.
    pub async fn round_of(&mut self, takes_part: impl Fn(FactKind) -> bool, cursors: &mut Cursors) -> Outcome {
        let mut outcome = Outcome::default();
        let mut concerned = BTreeSet::new();
        let mut shown = BTreeSet::new();
        let kinds = self.reader.kinds().iter().filter(|(_, of)| takes_part(*of));
        for &(kind, of) in kinds {
            loop {
                let page = match self.adapter.changes(kind, cursors.get(kind).map(String::as_str)).await {
                    Ok(page) => page,
                    Err(error) => {
                        outcome.failed.push((kind, error));
                        break;
                    }
                };
                for remote in page.records {
                    outcome.records += 1;
                    if of == FactKind::Invoice {
                        shown.insert(remote.id.clone());
                    }
                    // A line that left an invoice concerns the one it left as well.
                    concerned.extend(self.invoice_of(of, &remote.id));
                    concerned.extend(
                        self.take(kind, remote.id.clone(), remote.body)
                            .filter(|_| of != FactKind::Invoice),
                    );
                    concerned.extend(self.invoice_of(of, &remote.id));
                }
                cursors.insert(kind.to_owned(), page.cursor);
                if !page.more {
                    break;
                }
            }
        }
        let unseen: Vec<String> = concerned.difference(&shown).cloned().collect();
        if let Err(error) = self.read("Invoice", &unseen, &mut outcome).await {
            outcome.failed.push(("Invoice", error));
        }
        outcome
    }

    /// Lists everything there is, takes what it shows, and reads directly what is known and was not listed: what is
    /// missing then is gone.
    pub async fn sweep(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        for &(kind, of) in self.reader.kinds() {
            let known: BTreeSet<String> = self.gathered.ids(self.reader, of).into_iter().collect();
            match self.list(kind, &mut outcome).await {
                Ok(listed) => {
                    let absent: Vec<String> = known.difference(&listed).cloned().collect();
                    if let Err(error) = self.read(kind, &absent, &mut outcome).await {
                        outcome.failed.push((kind, error));
                    }
                }
                Err(error) => outcome.failed.push((kind, error)),
            }
        }
        outcome
    }

    /// Reads records directly: after a webhook, or to be sure before something is posted.
    ///
    /// # Errors
    /// [`AdapterError`] of the first call that fails; what was read before it has been taken.
    pub async fn look(&mut self, kind: &str, ids: &[String]) -> Result<Outcome, AdapterError> {
        let mut outcome = Outcome::default();
        if let Some((kind, _)) = self.reader.kinds().iter().find(|(name, _)| *name == kind) {
            self.read(kind, ids, &mut outcome).await?;
        }
        Ok(outcome)
    }

    async fn list(&mut self, kind: &'static str, outcome: &mut Outcome) -> Result<BTreeSet<String>, AdapterError> {
        let mut listed = BTreeSet::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.adapter.listing(kind, cursor.as_deref()).await?;
            for remote in page.records {
                outcome.records += 1;
                listed.insert(remote.id.clone());
                self.take(kind, remote.id, remote.body);
            }
            if !page.more {
                return Ok(listed);
            }
            cursor = Some(page.cursor);
        }
    }

    async fn read(&mut self, kind: &'static str, ids: &[String], outcome: &mut Outcome) -> Result<(), AdapterError> {
        let batch = self.adapter.traits(kind).read_batch.max(1);
        for ids in ids.chunks(batch) {
            for (id, read) in ids.iter().zip(self.adapter.read(kind, ids).await?) {
                match read {
                    Read::Found(remote) if remote.id == *id => {
                        outcome.records += 1;
                        self.take(kind, remote.id, remote.body);
                    }
                    // Another record answers in its place: this id stands for nothing any more.
                    Read::Found(_) | Read::Missing => {
                        outcome.gone += 1;
                        self.gathered.gone(self.reader, kind, id);
                        (self.keep)(Seen::Gone { kind, id: id.clone() });
                    }
                    Read::Failed(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// What cannot be read is kept among the gathered facts, with its remedy; gives the invoice it concerns.
    fn take(&mut self, kind: &'static str, id: String, body: Json) -> Option<String> {
        let taken = self.gathered.take(self.reader, kind, &body);
        (self.keep)(Seen::Body { kind, id, body });
        taken.err().and_then(|unreadable| unreadable.invoice)
    }

    fn invoice_of(&self, of: FactKind, id: &str) -> Option<String> {
        let facts = self.gathered.facts();
        match of {
            FactKind::Line => facts.lines.get(id)?.invoice.clone(),
            FactKind::Payment => facts.payments.get(id)?.invoice.clone(),
            _ => None,
        }
    }
}
