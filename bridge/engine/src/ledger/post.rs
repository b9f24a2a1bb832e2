//! Posting: contacts first, then what names nothing, then what acts on it; marked before each call, settled after it.

use super::keep::{Keep, Kept, State, unique};
use super::{Ledger, LedgerStep};
use crate::deliver::micros;
use crate::error::EngineError;
use adapter_kit::{BooksRefusal, BooksRefusalKind, Posted, Posting};
use bridge_core::Time;
use bridge_core::ledger::entry::digest;
use bridge_core::ledger::{Contact, DocumentKind, Entry, EntryState, Plan, Status};
use std::collections::{BTreeMap, BTreeSet};

/// Contacts made by one call.
pub(super) const CONTACTS: usize = 50;

fn acts(kind: DocumentKind) -> bool {
    matches!(
        kind,
        DocumentKind::Payment | DocumentKind::Allocation | DocumentKind::Refund
    )
}

fn word(kind: BooksRefusalKind) -> &'static str {
    match kind {
        BooksRefusalKind::Locked => "its date lies in a locked period",
        BooksRefusalKind::NameTaken => "the name stands on another contact",
        BooksRefusalKind::NumberTaken => "the number stands on another document",
        BooksRefusalKind::Account => "an account cannot be used",
        BooksRefusalKind::Tax => "a tax rate does not fit",
        BooksRefusalKind::TooMuch => "it is more than is open",
        BooksRefusalKind::Settled => "what it acts on is paid or void",
        BooksRefusalKind::Forbidden => "the account may not do this",
        BooksRefusalKind::Invalid => "the books do not take it",
    }
}

impl Ledger {
    /// Does what a plan says. True if all of it is done or waits for a person.
    pub(super) async fn carry_out(
        &self,
        state: &mut State,
        plan: Plan,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        let mut done = true;
        for key in &plan.void {
            done &= self.void(state, key, now, step).await?;
        }
        if !done {
            return Ok(false);
        }
        let wanted = plan.contacts();
        if !self.contacts(state, wanted, now, step).await? {
            return Ok(false);
        }
        let (second, first): (Vec<Entry>, Vec<Entry>) = plan.post.into_iter().partition(|e| acts(e.document.kind));
        for wave in [first, second] {
            let mut by_kind: BTreeMap<DocumentKind, Vec<Entry>> = BTreeMap::new();
            for entry in wave {
                by_kind.entry(entry.document.kind).or_default().push(entry);
            }
            for (kind, entries) in by_kind {
                for batch in entries.chunks(self.accounting.batch(kind).max(1)) {
                    done &= self.post(state, batch, now, step).await?;
                }
            }
        }
        Ok(done)
    }

    /// Makes the debtors that the books do not have yet.
    async fn contacts(
        &self,
        state: &mut State,
        wanted: BTreeMap<String, Contact>,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        let missing = |state: &State| -> Vec<Contact> {
            wanted
                .iter()
                .filter(|(key, _)| !state.contacts.contains_key(*key))
                .map(|(_, c)| c.clone())
                .collect()
        };
        if missing(state).is_empty() {
            return Ok(true);
        }
        // Before the first one is made, and after anything uncertain, all contacts are listed: names are unique there,
        // archived ones included, and one of ours may have arrived unseen.
        if state.names.is_none() && !self.list_contacts(state, step).await? {
            return Ok(false);
        }
        let mut done = true;
        for batch in missing(state).chunks(CONTACTS) {
            let Some(names) = &state.names else { return Ok(false) };
            let mut taken = names.clone();
            let batch: Vec<Contact> = batch
                .iter()
                .map(|c| {
                    let c = unique(c, &taken);
                    taken.insert(c.name.to_lowercase());
                    c
                })
                .collect();
            let attempt = batch.first().map(|c| c.key.clone()).unwrap_or_default();
            let answers = self.accounting.add_contacts(&batch, &attempt).await;
            let mut keep = Keep::new(&self.store).await?;
            let mut listed = true;
            for (contact, answer) in batch.iter().zip(answers) {
                match answer {
                    Posted::Applied { remote_id, .. } => {
                        keep.contact(state, &contact.key, &remote_id, &contact.name).await?;
                        keep.told(&[self.told_contact(&contact.key, &remote_id)], now).await?;
                        step.contacts += 1;
                        continue;
                    }
                    Posted::Refused(refusal) => {
                        step.trouble.push(format!(
                            "contact {}: {} ({})",
                            contact.key,
                            word(refusal.kind),
                            refusal.code
                        ));
                    }
                    Posted::Later(error) | Posted::Unknown(error) => step.trouble.push(error.to_string()),
                }
                done = false;
                listed = false;
            }
            keep.commit().await?;
            if !listed {
                state.names = None;
            }
        }
        Ok(done)
    }

    async fn list_contacts(&self, state: &mut State, step: &mut LedgerStep) -> Result<bool, EngineError> {
        let mut names = BTreeSet::new();
        let mut ours = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let (page, next) = match self.accounting.contacts(cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    step.trouble.push(error.to_string());
                    return Ok(false);
                }
            };
            for contact in page {
                names.insert(contact.name.to_lowercase());
                if let Some(key) = contact.key.filter(|k| k.starts_with(&self.settings.rules.prefix)) {
                    ours.push((key, contact.remote_id, contact.name));
                }
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        state.names = Some(names);
        let mut keep = Keep::new(&self.store).await?;
        for (key, remote_id, name) in ours {
            if !state.contacts.contains_key(&key) {
                keep.contact(state, &key, &remote_id, &name).await?;
            }
        }
        keep.commit().await?;
        Ok(true)
    }

    async fn save(&self, state: &mut State, entries: Vec<Entry>, now: Time) -> Result<(), EngineError> {
        let mut keep = Keep::new(&self.store).await?;
        keep.entries(state, entries, now).await?;
        keep.commit().await
    }

    fn posting(&self, state: &State, entry: &Entry) -> Option<Posting> {
        let d = &entry.document;
        let there = |key: &String| -> Option<(DocumentKind, String)> {
            let kept = state.entries.get(key)?;
            (kept.entry.state == EntryState::Posted)
                .then(|| Some((kept.entry.document.kind, kept.entry.remote_id.clone()?)))?
        };
        Some(Posting {
            document: d.clone(),
            attempt: format!("{}-{}", d.key, digest(d)),
            contact: match &d.contact {
                Some(key) => Some(state.contacts.get(key)?.remote_id.clone()),
                None => None,
            },
            of: match &d.of {
                Some(key) => Some(there(key)?),
                None => None,
            },
            to: match &d.to {
                Some(key) => Some(there(key)?.1),
                None => None,
            },
        })
    }

    pub(super) async fn post(
        &self,
        state: &mut State,
        batch: &[Entry],
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        // What it names may have been refused a moment ago; the next plan says so.
        let ready: Vec<(Entry, Posting)> = batch
            .iter()
            .filter_map(|e| Some((e.clone(), self.posting(state, e)?)))
            .collect();
        let mut done = ready.len() == batch.len();
        if ready.is_empty() {
            return Ok(done);
        }
        let marked = ready
            .iter()
            .map(|(e, _)| Entry {
                state: EntryState::Sent,
                ..e.clone()
            })
            .collect();
        self.save(state, marked, now).await?;
        let postings: Vec<Posting> = ready.iter().map(|(_, p)| p.clone()).collect();
        let answers = self.accounting.post(&postings).await;
        let mut settled = Vec::new();
        let mut unsent = Vec::new();
        for ((mut entry, _), answer) in ready.into_iter().zip(answers) {
            match answer {
                Posted::Applied { remote_id, .. } => {
                    entry.state = EntryState::Posted;
                    entry.remote_id = Some(remote_id);
                    step.posted += 1;
                }
                // Ours may stand there under this number, posted by a call whose answer was lost: it is looked up.
                Posted::Refused(BooksRefusal {
                    kind: BooksRefusalKind::NumberTaken,
                    ..
                }) => {
                    done = false;
                    continue;
                }
                Posted::Refused(refusal) => {
                    if matches!(
                        refusal.kind,
                        BooksRefusalKind::Locked | BooksRefusalKind::Account | BooksRefusalKind::Tax
                    ) {
                        // The chart or a lock date changed since it was read.
                        state.books_read = Time::MIN;
                    }
                    entry.state = EntryState::Refused;
                    entry.refused = Some((word(refusal.kind).into(), refusal.code));
                    step.refused += 1;
                    done = false;
                }
                Posted::Later(error) => {
                    step.trouble.push(error.to_string());
                    unsent.push(entry.document.key);
                    done = false;
                    continue;
                }
                Posted::Unknown(error) => {
                    step.trouble.push(error.to_string());
                    step.unknown += 1;
                    done = false;
                    continue;
                }
            }
            settled.push(entry);
        }
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(&unsent).await?;
        keep.told(&self.told_by(state, &settled), now).await?;
        keep.entries(state, settled, now).await?;
        keep.commit().await?;
        for key in unsent {
            state.entries.remove(&key);
        }
        Ok(done)
    }

    async fn void(&self, state: &mut State, key: &str, now: Time, step: &mut LedgerStep) -> Result<bool, EngineError> {
        let Some(kept) = state.entries.get(key).cloned() else {
            return Ok(true);
        };
        let (kind, Some(remote_id)) = (kept.entry.document.kind, kept.entry.remote_id.clone()) else {
            return Ok(true);
        };
        let mut entry = kept.entry;
        entry.state = EntryState::Voiding;
        self.save(state, vec![entry.clone()], now).await?;
        let attempt = format!("void-{}-{}", entry.document.key, digest(&entry.document));
        match self.accounting.void(kind, &remote_id, &attempt).await {
            Posted::Applied { .. } => {
                entry.state = EntryState::Void;
                step.voided += 1;
            }
            Posted::Refused(refusal) => {
                step.trouble
                    .push(format!("void {key}: {} ({})", word(refusal.kind), refusal.code));
                step.refused += 1;
                // Another hand may have voided it: the books' own word settles it.
                return Ok(false);
            }
            Posted::Later(error) => {
                step.trouble.push(error.to_string());
                entry.state = EntryState::Posted;
                self.save(state, vec![entry], now).await?;
                return Ok(false);
            }
            Posted::Unknown(error) => {
                step.trouble.push(error.to_string());
                step.unknown += 1;
                return Ok(false);
            }
        }
        self.save(state, vec![entry], now).await?;
        Ok(true)
    }

    /// Finds out what became of documents that were sent, or being voided, when nobody saw the answer.
    pub(super) async fn settle(&self, state: &mut State, now: Time, step: &mut LedgerStep) -> Result<(), EngineError> {
        let open: Vec<Kept> = state
            .entries
            .values()
            .filter(|k| matches!(k.entry.state, EntryState::Sent | EntryState::Voiding))
            .cloned()
            .collect();
        let mut by_kind: BTreeMap<DocumentKind, Vec<Kept>> = BTreeMap::new();
        for kept in open {
            by_kind.entry(kept.entry.document.kind).or_default().push(kept);
        }
        for (kind, all) in by_kind {
            self.settle_kind(state, kind, all, now, step).await?;
        }
        Ok(())
    }

    async fn settle_kind(
        &self,
        state: &mut State,
        kind: DocumentKind,
        all: Vec<Kept>,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<(), EngineError> {
        let keyless = kind == DocumentKind::Allocation;
        let shown: Vec<_> = if keyless {
            if let Err(error) = self.mirror_kind(state, kind, now, true).await {
                step.trouble.push(error.to_string());
                return Ok(());
            }
            state.shown.values().filter(|s| s.kind == kind).cloned().collect()
        } else {
            let keys: Vec<String> = all.iter().map(|k| k.entry.document.key.clone()).collect();
            let mut found = Vec::new();
            for keys in keys.chunks(self.accounting.batch(kind).max(1)) {
                match self.accounting.find(kind, keys).await {
                    Ok(shown) => found.extend(shown),
                    Err(error) => {
                        step.trouble.push(error.to_string());
                        return Ok(());
                    }
                }
            }
            found
        };
        let life = micros(self.settings.call_life);
        let known: BTreeSet<String> = state
            .entries
            .values()
            .filter(|k| k.entry.document.kind == kind)
            .filter_map(|k| k.entry.remote_id.clone())
            .collect();
        let mut claimed: BTreeSet<String> = BTreeSet::new();
        let mut settled = Vec::new();
        let mut never = Vec::new();
        for kept in all {
            let mut entry = kept.entry;
            let is_it = |s: &&bridge_core::ledger::Shown| match (&entry.remote_id, keyless) {
                (Some(id), _) => s.remote_id == *id,
                (None, false) => s.key.as_deref() == Some(entry.document.key.as_str()),
                (None, true) => {
                    let id =
                        |key: &Option<String>| key.as_ref().and_then(|k| state.entries.get(k)?.entry.remote_id.clone());
                    s.status != Status::Void
                        && s.of == id(&entry.document.of)
                        && s.to == id(&entry.document.to)
                        && s.total == entry.document.total
                        && !known.contains(&s.remote_id)
                        && !claimed.contains(&s.remote_id)
                }
            };
            let there = shown.iter().find(is_it).map(|s| (s.remote_id.clone(), s.status));
            let late = now >= kept.at.saturating_add(life);
            match (entry.state, there) {
                (EntryState::Sent, Some((id, status))) => {
                    claimed.insert(id.clone());
                    entry.remote_id = Some(id);
                    entry.state = if status == Status::Void {
                        EntryState::Void
                    } else {
                        EntryState::Posted
                    };
                    step.posted += 1;
                    settled.push(entry);
                }
                (EntryState::Sent, None) if late => never.push(entry.document.key),
                (EntryState::Voiding, Some((_, Status::Void))) => {
                    entry.state = EntryState::Void;
                    step.voided += 1;
                    settled.push(entry);
                }
                // Allocations that are gone are listed no more.
                (EntryState::Voiding, None) if keyless => {
                    entry.state = EntryState::Void;
                    step.voided += 1;
                    settled.push(entry);
                }
                (EntryState::Voiding, Some(_)) if late => {
                    entry.state = EntryState::Posted;
                    settled.push(entry);
                }
                _ => step.unknown += 1,
            }
        }
        if settled.is_empty() && never.is_empty() {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(&never).await?;
        keep.told(&self.told_by(state, &settled), now).await?;
        keep.entries(state, settled, now).await?;
        keep.commit().await?;
        for key in never {
            state.entries.remove(&key);
        }
        state.changed = true;
        Ok(())
    }
}
