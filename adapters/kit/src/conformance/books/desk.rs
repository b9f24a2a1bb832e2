//! What the checks write with.

use super::super::{Found, Verdict};
use super::{Bookkeeper, Scene};
use crate::books::{Accounting, BooksRefusalKind, Posted, Posting, ShownContact};
use bridge_core::ledger::{Cents, Contact, Document, DocumentKind, DocumentLine, Shown, Status};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No list of a test's documents has more pages.
const MOST_PAGES: usize = 2_000;
/// So often a posting is sent before it counts as lost, in products that fail now and then.
const ROUNDS: usize = 12;
const BETWEEN: Duration = Duration::from_secs(61);

/// Books, and keys that nobody used before.
pub(super) struct Desk<'a> {
    pub books: &'a dyn Accounting,
    pub scene: &'a Scene,
    pub keeper: &'a dyn Bookkeeper,
    next: AtomicU32,
}

/// What a posting acts on.
#[derive(Clone, Copy, Default)]
pub(super) struct On<'i> {
    pub contact: Option<&'i str>,
    pub of: Option<(DocumentKind, &'i str)>,
    pub to: Option<&'i str>,
}

impl<'a> Desk<'a> {
    pub fn new(books: &'a dyn Accounting, scene: &'a Scene, keeper: &'a dyn Bookkeeper) -> Desk<'a> {
        Desk {
            books,
            scene,
            keeper,
            next: AtomicU32::new(1),
        }
    }

    pub fn key(&self, word: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{word}-{number}", self.scene.prefix)
    }

    /// One line of that many cents of net and tax.
    pub fn line(&self, account: &str, tax_code: &str, net: i64, tax: i64) -> DocumentLine {
        DocumentLine {
            description: "Conformance".into(),
            quantity: Decimal::ONE,
            unit: Decimal::new(net, 2),
            net: Cents(net),
            tax: Cents(tax),
            account: account.into(),
            tax_code: tax_code.into(),
            tracking: BTreeMap::new(),
            rule: "conformance".into(),
        }
    }

    pub fn document(&self, kind: DocumentKind, lines: Vec<DocumentLine>) -> Document {
        let word = match kind {
            DocumentKind::Invoice => "I",
            DocumentKind::CreditNote => "N",
            DocumentKind::Payment => "P",
            DocumentKind::Prepayment => "D",
            DocumentKind::Overpayment => "O",
            DocumentKind::Allocation => "A",
            DocumentKind::Refund => "R",
            DocumentKind::Journal => "J",
        };
        let tax: Cents = lines.iter().map(|line| line.tax).sum();
        let net: Cents = lines.iter().map(|line| line.net).sum();
        Document {
            kind,
            key: self.key(word),
            note: String::new(),
            date: self.scene.today,
            due: (kind == DocumentKind::Invoice).then_some(self.scene.today),
            currency: self.scene.currency,
            contact: None,
            of: None,
            to: None,
            account: None,
            lines,
            total: net + tax,
            tax,
        }
    }

    /// An invoice of 100.00 and tax on half of it.
    pub fn invoice(&self) -> Document {
        let scene = self.scene;
        let lines = vec![
            self.line(&scene.income, &scene.taxed, 5_000, 500),
            self.line(&scene.income, &scene.free, 5_000, 0),
        ];
        self.document(DocumentKind::Invoice, lines)
    }

    /// Money of so many cents, through the bank account unless it is an allocation.
    pub fn money(&self, kind: DocumentKind, cents: i64) -> Document {
        let document = self.document(kind, Vec::new());
        Document {
            account: (kind != DocumentKind::Allocation).then(|| self.scene.bank.clone()),
            total: Cents(cents),
            ..document
        }
    }

    pub fn posting(&self, document: Document, on: On<'_>) -> Posting {
        Posting {
            attempt: format!("try-{}", document.key),
            contact: on.contact.map(str::to_string),
            of: on.of.map(|(kind, id)| (kind, id.to_string())),
            to: on.to.map(str::to_string),
            document,
        }
    }

    pub async fn send(&self, posting: &Posting) -> Result<Posted, String> {
        let answers = self.send_all(std::slice::from_ref(posting)).await?;
        answers.into_iter().next().ok_or_else(|| "no answer".into())
    }

    /// Sends as the ledger does: what was proved not processed is sent again later, and what may have landed
    /// is looked up first.
    pub async fn send_all(&self, postings: &[Posting]) -> Result<Vec<Posted>, String> {
        let mut answers: Vec<Option<Posted>> = postings.iter().map(|_| None).collect();
        let mut pending: Vec<usize> = (0..postings.len()).collect();
        let mut unsure = BTreeSet::new();
        for _ in 0..ROUNDS {
            let batch: Vec<Posting> = pending.iter().map(|at| postings[*at].clone()).collect();
            let told = self.books.post(&batch).await;
            if told.len() != batch.len() {
                return Err(format!("{} postings, and {} answers", batch.len(), told.len()));
            }
            let mut left = Vec::new();
            for (at, answer) in pending.into_iter().zip(told) {
                let settled = match &answer {
                    // An attempt before may have landed, and that is why.
                    Posted::Refused(_) if unsure.contains(&at) => {
                        Some(self.landed(&postings[at]).await.unwrap_or_else(|| answer.clone()))
                    }
                    Posted::Applied { .. } | Posted::Refused(_) => Some(answer.clone()),
                    Posted::Later(_) => None,
                    Posted::Unknown(_) => {
                        unsure.insert(at);
                        self.landed(&postings[at]).await
                    }
                };
                if settled.is_none() {
                    left.push(at);
                }
                answers[at] = Some(settled.unwrap_or(answer));
            }
            if left.is_empty() {
                break;
            }
            pending = left;
            self.keeper.wait(BETWEEN).await;
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Whether a posting is there: by its key, or for an allocation by what it allocates to what.
    async fn landed(&self, posting: &Posting) -> Option<Posted> {
        let document = &posting.document;
        let found = if document.kind == DocumentKind::Allocation {
            let (all, _) = self.listed(document.kind, None).await.ok()?;
            let of = posting.of.as_ref().map(|(_, id)| id);
            all.into_iter().find(|shown| {
                let same = shown.of.as_ref() == of && shown.to == posting.to && shown.total == document.total;
                same && shown.status != Status::Void
            })
        } else {
            let found = self
                .books
                .find(document.kind, std::slice::from_ref(&document.key))
                .await;
            found.ok()?.into_iter().next()
        };
        found.map(|shown| Posted::Applied {
            remote_id: shown.remote_id.clone(),
            shown: Some(Box::new(shown)),
        })
    }

    /// Makes contacts as the ledger does.
    pub async fn make_contacts(&self, contacts: &[Contact]) -> Result<Vec<Posted>, String> {
        let attempt = self.key("T");
        let mut answers = Vec::new();
        for contact in contacts {
            let (mut answer, mut unsure) = (None, false);
            for _ in 0..ROUNDS {
                let told = self.books.add_contacts(std::slice::from_ref(contact), &attempt).await;
                let told = told.into_iter().next().ok_or("a contact without an answer")?;
                unsure |= matches!(told, Posted::Unknown(_));
                let known = match told {
                    Posted::Unknown(_) | Posted::Refused(_) if unsure => self.contact_of(&contact.key).await,
                    _ => None,
                };
                let again = known.is_none() && matches!(told, Posted::Later(_) | Posted::Unknown(_));
                answer = Some(known.unwrap_or(told));
                if !again {
                    break;
                }
                self.keeper.wait(BETWEEN).await;
            }
            answers.extend(answer);
        }
        Ok(answers)
    }

    async fn contact_of(&self, key: &str) -> Option<Posted> {
        let all = self.contacts().await.ok()?;
        let known = all.into_iter().find(|contact| contact.key.as_deref() == Some(key))?;
        Some(Posted::Applied {
            remote_id: known.remote_id,
            shown: None,
        })
    }

    /// All contacts.
    pub async fn contacts(&self) -> Result<Vec<ShownContact>, String> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.books.contacts(cursor.as_deref()).await;
            let (contacts, next) = page.map_err(|error| format!("contacts: {error}"))?;
            all.extend(contacts);
            cursor = next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Err("the list of contacts does not end".into())
    }

    /// Voids as the ledger does.
    pub async fn void(&self, kind: DocumentKind, remote_id: &str) -> Posted {
        let attempt = self.key("V");
        let mut unsure = false;
        for _ in 0..ROUNDS {
            match self.books.void(kind, remote_id, &attempt).await {
                Posted::Later(_) => {}
                Posted::Unknown(_) => unsure = true,
                Posted::Refused(refusal) if unsure => {
                    return match self.is_void(kind, remote_id).await {
                        true => Posted::Applied {
                            remote_id: remote_id.to_string(),
                            shown: None,
                        },
                        false => Posted::Refused(refusal),
                    };
                }
                answer => return answer,
            }
            self.keeper.wait(BETWEEN).await;
        }
        self.books.void(kind, remote_id, &attempt).await
    }

    /// Whether a document shows as void; an allocation that was taken back may show no more.
    async fn is_void(&self, kind: DocumentKind, remote_id: &str) -> bool {
        let Ok((all, _)) = self.listed(kind, None).await else {
            return false;
        };
        match all.into_iter().find(|shown| shown.remote_id == remote_id) {
            Some(shown) => shown.status == Status::Void,
            None => kind == DocumentKind::Allocation,
        }
    }

    /// Posts a document that must be taken; gives its id.
    pub async fn post(&self, document: Document, on: On<'_>) -> Result<String, String> {
        let what = format!("{:?}", document.kind);
        applied(&what, self.send(&self.posting(document, on)).await?).map(|(id, _)| id)
    }

    /// A new contact's id.
    pub async fn contact(&self) -> Result<String, String> {
        let key = self.key("C");
        let name = format!("Conformance {key}");
        let contact = Contact { key: key.clone(), name };
        let answers = self.make_contacts(&[contact]).await?;
        let answer = answers.into_iter().next().ok_or("a contact without an answer")?;
        applied("contact", answer).map(|(id, _)| id)
    }

    /// Everything of a kind, or what changed since a cursor; and the cursor to go on from.
    pub async fn listed(&self, kind: DocumentKind, cursor: Option<String>) -> Result<(Vec<Shown>, String), String> {
        let (mut cursor, mut all) = (cursor, Vec::new());
        for _ in 0..MOST_PAGES {
            let page = self.books.list(kind, cursor.as_deref()).await;
            let page = page.map_err(|error| format!("list {kind:?}: {error}"))?;
            all.extend(page.documents);
            if !page.more {
                return Ok((all, page.cursor));
            }
            cursor = Some(page.cursor);
        }
        Err(format!("the list of {kind:?} does not end"))
    }

    /// The one document of that key.
    pub async fn found(&self, kind: DocumentKind, key: &str) -> Result<Shown, String> {
        let found = self.books.find(kind, &[key.to_string()]).await;
        let mut found = found.map_err(|error| format!("find {kind:?}: {error}"))?.into_iter();
        match (found.next(), found.next()) {
            (Some(shown), None) if shown.key.as_deref() == Some(key) => Ok(shown),
            (Some(_), None) => Err(format!("another {kind:?} was found")),
            (None, _) => Err(format!("the {kind:?} was not found")),
            (Some(_), Some(_)) => Err(format!("several {kind:?} were found")),
        }
    }

    /// What is open on an invoice.
    pub async fn open(&self, key: &str) -> Result<Option<Cents>, String> {
        Ok(self.found(DocumentKind::Invoice, key).await?.open)
    }
}

/// An answer that must say "done".
pub(super) fn applied(what: &str, answer: Posted) -> Result<(String, Option<Box<Shown>>), String> {
    match answer {
        Posted::Applied { remote_id, shown } if !remote_id.is_empty() => Ok((remote_id, shown)),
        Posted::Applied { .. } => Err(format!("{what}: done, and no id")),
        other => Err(format!("{what}: {other:?}")),
    }
}

/// An answer that must be a refusal of that kind.
pub(super) fn refused(what: &str, answer: &Posted, kinds: &[BooksRefusalKind]) -> Result<(), String> {
    match answer {
        Posted::Refused(refusal) if kinds.contains(&refusal.kind) => Ok(()),
        other => Err(format!("{what}: {other:?}")),
    }
}

/// A check that cannot be tried here.
pub(super) fn skipped(why: &str) -> Found {
    Ok(Verdict::Skipped(why.into()))
}

/// A check that must hold.
pub(super) fn must(holds: bool, how: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(how()) }
}
