//! What a person can decide about the books, each bound to what was shown of it.

use crate::ledger::{Ledger, Outlook};
use bridge_core::Time;
use bridge_core::hex;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::{Document, EntryState, Why};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Let posting by the present rules begin, or go on.
    Rules,
    /// Say yes to a document that waits for it.
    Approve,
    /// Try a document again that the books refused.
    Retry,
    /// Post again what somebody voided or deleted in the books.
    Repost,
    /// Link all documents that the books already have.
    Adopt,
    /// Post the journal of a practitioner's service fee.
    Fee,
    /// Post the journal of a settlement's fees.
    Settle,
}

impl Act {
    /// Every act.
    pub const ALL: [Act; 7] = [
        Act::Rules,
        Act::Approve,
        Act::Retry,
        Act::Repost,
        Act::Adopt,
        Act::Fee,
        Act::Settle,
    ];

    /// Its name in forms.
    pub fn key(self) -> &'static str {
        match self {
            Act::Rules => "rules",
            Act::Approve => "approve",
            Act::Retry => "retry",
            Act::Repost => "repost",
            Act::Adopt => "adopt",
            Act::Fee => "fee",
            Act::Settle => "settle",
        }
    }

    /// What its button says.
    pub fn title(self) -> &'static str {
        match self {
            Act::Rules => "Approve these rules",
            Act::Approve => "Approve",
            Act::Retry => "Try again",
            Act::Repost => "Post again",
            Act::Adopt => "Link them",
            Act::Fee | Act::Settle => "Post the journal",
        }
    }

    /// The act of that name.
    pub fn parse(key: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.key() == key)
    }
}

/// Something that can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What would be done.
    pub act: Act,
    /// About what: a document's key; `all` where it is about everything there is of the kind.
    pub key: String,
    /// Digest of what is shown of it: another one, and it is another question.
    pub token: String,
    /// What is shown, in words.
    pub words: String,
    /// The amount it is about; empty if none.
    pub amount: String,
    /// Of which month, for service fees.
    pub month: Option<Month>,
}

impl Item {
    pub(super) fn new(act: Act, key: &str, words: String, amount: String, rests_on: &impl Serialize) -> Item {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&(act, key, rests_on)).unwrap_or_default());
        Item {
            act,
            key: key.into(),
            token: hex(&hash.finalize()[..16]),
            words,
            amount,
            month: None,
        }
    }

    /// That of a journal that is proposed.
    pub(super) fn of_journal(act: Act, journal: &Document, month: Option<Month>) -> Item {
        let debits = journal.lines.iter().map(|l| l.net + l.tax).filter(|c| c.is_positive());
        let amount: bridge_core::ledger::Cents = debits.sum();
        let words = format!("journal of {}", journal.date);
        Item {
            month,
            ..Item::new(act, &journal.key, words, amount.to_string(), journal)
        }
    }

    /// Whether both are the same question.
    pub fn same(&self, other: &Item) -> bool {
        (self.act, &self.key, &self.token) == (other.act, &other.key, &other.token)
    }

    /// What is asked for, in words without amounts.
    pub(super) fn asked(&self) -> String {
        match self.act {
            Act::Rules => "approve posting by the present rules".into(),
            Act::Adopt => "link the documents that the books already have".into(),
            Act::Approve => format!("approve {}", self.key),
            Act::Retry => format!("try {} again", self.key),
            Act::Repost => format!("post {} again", self.key),
            Act::Fee | Act::Settle => format!("post the journal {}", self.key),
        }
    }
}

/// What can be decided about posting, as things stand.
pub(super) async fn items(ledger: &Ledger, outlook: &Outlook) -> Vec<Item> {
    let mut items = Vec::new();
    if !ledger.is_approved().await && !outlook.plan.post.is_empty() {
        let words = format!(
            "{} documents wait until posting by these rules is approved",
            outlook.plan.post.len()
        );
        items.push(Item::new(
            Act::Rules,
            "all",
            words,
            String::new(),
            &ledger.settings().digest,
        ));
    }
    for held in &outlook.plan.held {
        if let Why::Approval { key, .. } = &held.why {
            let words = format!("{}: {}", held.source, held.why.text());
            items.push(Item::new(Act::Approve, key, words, String::new(), &held.why));
        }
    }
    for entry in ledger.entries().await.iter().filter(|e| e.state == EntryState::Refused) {
        let document = &entry.document;
        let words = format!("the books refused this {:?} of {}", document.kind, document.date);
        let rests_on = (document, &entry.refused);
        items.push(Item::new(
            Act::Retry,
            &document.key,
            words,
            document.total.to_string(),
            &rests_on,
        ));
    }
    let undone = ledger.undone().await;
    for entry in ledger
        .entries()
        .await
        .iter()
        .filter(|e| undone.contains(&e.document.key))
    {
        let document = &entry.document;
        let words = format!("{:?} of {}, voided in the books", document.kind, document.date);
        let rests_on = (&document.key, &entry.remote_id);
        items.push(Item::new(
            Act::Repost,
            &document.key,
            words,
            document.total.to_string(),
            &rests_on,
        ));
    }
    let there: Vec<(&str, i64)> = outlook
        .foreign
        .iter()
        .filter(|(found, _)| found.adoptable())
        .map(|(found, _)| (found.number.as_str(), found.shown.total.0))
        .collect();
    if !there.is_empty() {
        let words = format!("{} documents of invoices are in the books already", there.len());
        items.push(Item::new(Act::Adopt, "all", words, String::new(), &there));
    }
    items.sort_by(|a, b| (a.act, &a.key).cmp(&(b.act, &b.key)));
    items.dedup_by(|a, b| a.same(b));
    items
}

/// Does what was asked, which is still what was shown; what came of it, in words.
pub(super) async fn carry_out(
    ledger: &Ledger,
    item: &Item,
    by: &str,
    now: Time,
) -> Result<String, crate::error::EngineError> {
    let one = [item.key.clone()];
    match item.act {
        Act::Rules => ledger.approve_rules().await?,
        Act::Approve => drop(ledger.approve(&one, by, now).await?),
        Act::Retry => drop(ledger.retry(&one).await?),
        Act::Repost => drop(ledger.repost(&one, now).await?),
        Act::Adopt => {
            let numbers = ledger.adopt(now).await?;
            return Ok(format!("{} documents linked", numbers.len()));
        }
        // Journals are posted by whoever has the document.
        Act::Fee | Act::Settle => {}
    }
    Ok("done; it is posted with the next pass".into())
}
