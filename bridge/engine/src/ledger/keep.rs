//! What the ledger keeps in the store, and how it comes back after a start.

use super::concerns::about;
use super::reread::Read;
use super::{LedgerSettings, filed};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::tasks::Task;
use bridge_core::ledger::{
    Books, Contact, Currency, Document, DocumentKind, Entry, Fact, FactKind, Gathered, ReadFacts, Shown, Source,
};
use bridge_store::{Item, Store, Telling, Tx};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

mod shown;

pub(super) use shown::news;

/// Note with the digest of the rules that posting was approved for.
pub(super) const APPROVED: &str = "ledger_approved";
/// Note that changes with every decision made beside the process that posts.
pub(super) const HAND: &str = "ledger_hand";
const ENTRY: &str = "entry";
const CONTACT: &str = "contact";
const APPROVAL: &str = "approval";
const UNREADABLE: &str = "unreadable";
/// Journals that a person asked the process that posts for.
pub(super) const JOURNAL: &str = "journal";
/// What a person has coded anew, and is not done.
pub(super) const RECODE: &str = "recode";
/// Digest of the feeds' cursors: they depend on no mapping.
const FEED: &str = "ledger";
const KINDS: [DocumentKind; 8] = [
    DocumentKind::Invoice,
    DocumentKind::CreditNote,
    DocumentKind::Payment,
    DocumentKind::Prepayment,
    DocumentKind::Overpayment,
    DocumentKind::Allocation,
    DocumentKind::Refund,
    DocumentKind::Journal,
];

/// An entry with when it was last sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub entry: Entry,
    pub at: Time,
}

/// A contact in the books.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Known {
    pub remote_id: String,
    pub name: String,
}

#[derive(Serialize, Deserialize)]
struct Yes {
    key: String,
    digest: String,
    by: String,
    at: Time,
}

#[derive(Serialize, Deserialize)]
struct Anew {
    source: Source,
    /// The rules that it was asked for by, as approvals have them: by others nothing is coded anew.
    digest: String,
    by: String,
    at: Time,
}

#[derive(Serialize, Deserialize)]
struct Unread {
    kind: String,
    id: String,
}

/// Everything in memory.
pub(super) struct State {
    pub gathered: Gathered,
    pub cursors: BTreeMap<String, String>,
    /// Records that could not be read before the last start, by kind.
    pub reread: BTreeMap<String, Vec<String>>,
    pub entries: BTreeMap<String, Kept>,
    /// By our key.
    pub contacts: BTreeMap<String, Known>,
    /// Names in the books in lower case, of all contacts; none until they were listed.
    pub names: Option<BTreeSet<String>>,
    pub approvals: BTreeSet<(String, String)>,
    /// Journals that a person asked for and that are not posted yet, by key.
    pub journals: BTreeMap<String, Document>,
    /// What a person has coded anew by the rules of now.
    pub recode: BTreeSet<Source>,
    /// When each kind of documents was read from the beginning.
    pub read: BTreeMap<DocumentKind, Read>,
    /// Open tasks as they were filed, by the id of their item.
    pub tasks: BTreeMap<String, Task>,
    pub approved_rules: Option<String>,
    pub shown: BTreeMap<(DocumentKind, String), Shown>,
    pub shown_cursors: BTreeMap<DocumentKind, String>,
    pub books: Option<Books>,
    pub books_read: Time,
    /// When hints about invoices were last followed, and those about the books.
    pub followed: (Time, Time),
    /// The last decision seen of those made beside the process that posts.
    pub hand: Option<String>,
    /// The last day that was settled when the last plan was carried out.
    pub planned_for: Option<Date>,
    /// Something changed that no plan has judged yet.
    pub changed: bool,
}

/// A document's entry as it is kept, by its key.
pub(super) async fn entry(store: &Store, key: &str) -> Result<Option<Entry>, EngineError> {
    let Some(body) = store.ledger_row(ENTRY, key).await? else {
        return Ok(None);
    };
    let kept: Kept = serde_json::from_str(&body).map_err(|_| EngineError::unread_row(ENTRY, key))?;
    Ok(Some(kept.entry))
}

async fn load<T: DeserializeOwned>(
    store: &Store,
    part: &str,
    name: &'static str,
    mut each: impl FnMut(String, T),
) -> Result<(), EngineError> {
    let mut bad = None;
    store
        .ledger(part, |id, body| match serde_json::from_str(&body) {
            Ok(value) => each(id, value),
            Err(_) => bad = Some(EngineError::unread_row(name, &id)),
        })
        .await?;
    bad.map_or(Ok(()), Err)
}

fn part_of(kind: &str) -> String {
    format!("fact/{kind}")
}

fn read_part(kind: DocumentKind) -> String {
    format!("read/{kind:?}")
}

pub(super) fn shown_part(kind: DocumentKind) -> String {
    format!("shown/{kind:?}")
}

/// When the feed of a kind of facts last moved; nothing before it was read whole for the first time.
pub(crate) async fn looked(store: &Store, source: &str, kind: &str) -> Result<Option<Time>, EngineError> {
    let cursor = store.cursor(source, kind, FEED).await?;
    Ok(cursor.map(|cursor| cursor.updated))
}

impl State {
    /// Everything that was kept.
    pub async fn load(store: &Store, settings: &LedgerSettings, reader: &dyn ReadFacts) -> Result<State, EngineError> {
        let mut state = State {
            gathered: Gathered::default(),
            cursors: BTreeMap::new(),
            reread: BTreeMap::new(),
            entries: BTreeMap::new(),
            contacts: BTreeMap::new(),
            names: None,
            approvals: BTreeSet::new(),
            journals: BTreeMap::new(),
            recode: BTreeSet::new(),
            read: BTreeMap::new(),
            tasks: BTreeMap::new(),
            approved_rules: store.meta(APPROVED).await?,
            shown: BTreeMap::new(),
            shown_cursors: BTreeMap::new(),
            books: None,
            books_read: 0,
            followed: (Time::MIN, Time::MIN),
            hand: store.meta(HAND).await?,
            planned_for: None,
            changed: true,
        };
        for (kind, _) in reader.kinds() {
            if let Some(cursor) = store.cursor(&settings.source, kind, FEED).await? {
                state.cursors.insert((*kind).to_owned(), cursor.position);
            }
            let mut facts = Vec::new();
            load(store, &part_of(kind), "fact", |_, fact: Fact| facts.push(fact)).await?;
            state.gathered.put_all(facts);
        }
        load(store, UNREADABLE, UNREADABLE, |_, u: Unread| {
            state.reread.entry(u.kind).or_default().push(u.id);
        })
        .await?;
        // Collected first: trees that are filled one by one stay half empty.
        let mut entries = Vec::new();
        load(store, ENTRY, ENTRY, |id, kept: Kept| entries.push((id, kept))).await?;
        state.entries = entries.into_iter().collect();
        load(store, CONTACT, CONTACT, |id, known: Known| {
            drop(state.contacts.insert(id, known))
        })
        .await?;
        load(store, APPROVAL, APPROVAL, |_, yes: Yes| {
            state.approvals.insert((yes.key, yes.digest));
        })
        .await?;
        load(store, JOURNAL, JOURNAL, |key, journal: Document| {
            drop(state.journals.insert(key, journal))
        })
        .await?;
        load(store, RECODE, RECODE, |_, anew: Anew| {
            if anew.digest == settings.digest {
                state.recode.insert(anew.source);
            }
        })
        .await?;
        load(store, filed::PART, filed::PART, |id, task: Task| {
            drop(state.tasks.insert(id, task))
        })
        .await?;
        let mut shown = Vec::new();
        for kind in KINDS {
            load(store, &shown_part(kind), "shown", |id, s: Shown| {
                shown.push(((kind, id), s))
            })
            .await?;
            let mut read = None;
            load(store, &read_part(kind), "read", |_, of: Read| read = Some(of)).await?;
            state.read.extend(read.map(|read| (kind, read)));
            if let Some(cursor) = store.cursor(&settings.books, &shown_part(kind), FEED).await? {
                state.shown_cursors.insert(kind, cursor.position);
            }
        }
        state.shown = shown.into_iter().collect();
        Ok(state)
    }
}

/// Changes of what is kept, in one transaction.
pub(super) struct Keep {
    tx: Tx,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Keep {
    pub async fn new(store: &Store) -> Result<Keep, EngineError> {
        Ok(Keep {
            tx: store.begin().await?,
        })
    }

    /// Tells the process that posts that a person decided something.
    pub async fn by_hand(&mut self, state: &mut State) -> Result<(), EngineError> {
        let mark = uuid::Uuid::now_v7().to_string();
        self.tx.put_meta(HAND, &mark).await?;
        state.hand = Some(mark);
        Ok(())
    }

    pub async fn note(&mut self, name: &str, value: &str) -> Result<(), EngineError> {
        Ok(self.tx.put_meta(name, value).await?)
    }

    pub async fn commit(self) -> Result<(), EngineError> {
        Ok(self.tx.commit().await?)
    }

    /// Keeps the facts of records that were seen. Whether anything is another than before cannot be told cheaply, so
    /// every sight counts.
    pub async fn facts(
        &mut self,
        state: &State,
        source: &str,
        reader: &dyn ReadFacts,
        seen: &BTreeSet<(&'static str, String)>,
    ) -> Result<bool, EngineError> {
        let bad: BTreeSet<(String, String)> = state
            .gathered
            .unreadable()
            .map(|u| (u.kind.clone(), u.id.clone()))
            .collect();
        let mut moved = false;
        for &(kind, of) in reader.kinds() {
            let ids: Vec<&String> = seen.iter().filter(|(k, _)| *k == kind).map(|(_, id)| id).collect();
            if ids.is_empty() {
                continue;
            }
            moved = true;
            let (mut put, mut drop, mut marks, mut healed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut concerns = Vec::new();
            for id in ids {
                let place = (kind.to_owned(), id.clone());
                match state.gathered.fact(of, id) {
                    Some(fact) => {
                        put.push((id.clone(), json(&fact)));
                        concerns.push((id.clone(), about(source, &fact)));
                    }
                    None => {
                        drop.push(id.clone());
                        concerns.push((id.clone(), vec![]));
                    }
                }
                let mark = format!("{kind}/{id}");
                if bad.contains(&place) {
                    let unread = Unread {
                        kind: place.0,
                        id: place.1,
                    };
                    marks.push((mark, json(&unread)));
                } else {
                    healed.push(mark);
                }
            }
            let part = part_of(kind);
            self.tx.put_ledger(&part, &put).await?;
            self.tx.drop_ledger(&part, &drop).await?;
            if of == FactKind::Invoice {
                self.tx.set_concerns(&part, &concerns).await?;
            }
            self.tx.put_ledger(UNREADABLE, &marks).await?;
            if of != FactKind::Practitioner {
                self.tx.drop_ledger(UNREADABLE, &healed).await?;
            }
        }
        Ok(moved)
    }

    pub async fn cursors(
        &mut self,
        settings: &LedgerSettings,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
        now: Time,
    ) -> Result<(), EngineError> {
        for (kind, position) in after.iter().filter(|(k, p)| before.get(*k) != Some(p)) {
            self.tx.set_cursor(&settings.source, kind, FEED, position, now).await?;
        }
        Ok(())
    }

    pub async fn told(&mut self, told: &[Telling], now: Time) -> Result<(), EngineError> {
        Ok(self.tx.append_told(told, now).await?)
    }

    /// Keeps entries, each in the place of the one before.
    pub async fn entries(&mut self, state: &mut State, entries: Vec<Entry>, now: Time) -> Result<(), EngineError> {
        let kept: Vec<Kept> = entries.into_iter().map(|entry| Kept { entry, at: now }).collect();
        let rows: Vec<(String, String)> = kept.iter().map(|k| (k.entry.document.key.clone(), json(k))).collect();
        self.tx.put_ledger(ENTRY, &rows).await?;
        for ((key, _), kept) in rows.into_iter().zip(kept) {
            state.entries.insert(key, kept);
        }
        Ok(())
    }

    pub async fn forget(&mut self, keys: &[String]) -> Result<(), EngineError> {
        Ok(self.tx.drop_ledger(ENTRY, keys).await?)
    }

    pub async fn contact(
        &mut self,
        state: &mut State,
        key: &str,
        remote_id: &str,
        name: &str,
    ) -> Result<(), EngineError> {
        let known = Known {
            remote_id: remote_id.into(),
            name: name.into(),
        };
        self.tx.put_ledger(CONTACT, &[(key.to_owned(), json(&known))]).await?;
        if let Some(names) = &mut state.names {
            names.insert(name.to_lowercase());
        }
        state.contacts.insert(key.into(), known);
        Ok(())
    }

    /// Notes what a person has coded anew by the rules with this digest.
    pub async fn recode(&mut self, all: &[Source], digest: &str, by: &str, at: Time) -> Result<(), EngineError> {
        let row = |source: &Source| {
            let anew = Anew {
                source: source.clone(),
                digest: digest.into(),
                by: by.into(),
                at,
            };
            (source.to_string(), json(&anew))
        };
        let rows: Vec<(String, String)> = all.iter().map(row).collect();
        Ok(self.tx.put_ledger(RECODE, &rows).await?)
    }

    /// Files open tasks with the bodies behind them, in the place of those filed before.
    pub async fn tasks<'a>(
        &mut self,
        topic: &str,
        items: &[Item],
        tasks: impl Iterator<Item = &'a Task>,
    ) -> Result<(), EngineError> {
        let rows: Vec<(String, String)> = tasks.map(|task| (task.id.clone(), json(task))).collect();
        self.tx.put_ledger(filed::PART, &rows).await?;
        Ok(self.tx.file_items(topic, items).await?)
    }

    pub async fn journals(&mut self, all: &[Document]) -> Result<(), EngineError> {
        let rows: Vec<(String, String)> = all.iter().map(|d| (d.key.clone(), json(d))).collect();
        Ok(self.tx.put_ledger(JOURNAL, &rows).await?)
    }

    pub async fn drop_rows(&mut self, part: &str, ids: &[String]) -> Result<(), EngineError> {
        Ok(self.tx.drop_ledger(part, ids).await?)
    }

    pub async fn approval(&mut self, key: &str, digest: &str, by: &str, at: Time) -> Result<(), EngineError> {
        let yes = Yes {
            key: key.into(),
            digest: digest.into(),
            by: by.into(),
            at,
        };
        Ok(self
            .tx
            .put_ledger(APPROVAL, &[(format!("{key} {digest}"), json(&yes))])
            .await?)
    }
}

/// The kinds of documents there are.
pub(super) fn kinds() -> [DocumentKind; 8] {
    KINDS
}

/// A name for a contact that no other contact of the books has.
pub(super) fn unique(contact: &Contact, names: &BTreeSet<String>) -> Contact {
    let mut name: String = contact.name.chars().take(200).collect();
    if names.contains(&name.to_lowercase()) {
        name = format!("{name} ({})", contact.key);
    }
    Contact {
        key: contact.key.clone(),
        name,
    }
}

/// Books of which nothing is known.
pub(super) fn no_books() -> Books {
    Books {
        name: String::new(),
        country: String::new(),
        currency: Currency::AUD,
        locked_to: None,
        accounts: Vec::new(),
        tax_rates: Vec::new(),
        tracking: Vec::new(),
    }
}
