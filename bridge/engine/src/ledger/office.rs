//! The office of the books: what bookkeepers are shown, and what they ask for, both kept in the store. Whoever shows pages reads
//! and asks here and calls no account; the process that posts takes each wish in its turn ([`keeper`]), bound to what was
//! shown when it was made, and leaves the outcome and fresh reports.

mod act;
mod file;
mod import;
pub mod keeper;
mod months;
mod sign;

pub use act::{Act, Item};
pub use file::{Files, Head, Mood, Report, Section};
pub use sign::{SignOff, Signatures, Signed, What, month_token};

use super::reports::HoldGroup;
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::Entry;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::sheet::Sheet;
use bridge_store::{AuditEntry, Store, Tx};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Note that changes with every wish.
const ASKED: &str = "office_asked";
const ASK: &str = "office/ask";
const REPORT: &str = "office/report";
const FILES: &str = "office/files";
/// Further pages of the tables of reports.
const FURTHER: &str = "office/further";
const STANDING: &str = "office/standing";
const ALL: &str = "all";
/// Wishes that were dealt with and are still shown.
const SHOWN_ASKS: usize = 40;
/// Reports kept; the oldest go.
const KEPT_REPORTS: usize = 60;

/// Something that a person asks of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Read both accounts, and say what is to be posted, what waits and what drifted.
    Look,
    /// Compare everything from one day to another, with the books read from the beginning.
    Prove {
        /// First day, by Halaxy's date.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// Walk through the close of a month: its proof, statements and settlements too.
    Month(Month),
    /// Say what was received day by day, against the statements that were imported.
    TieOut,
    /// Import a provider's statement and tie it to payments.
    Import {
        /// How it is read, by name.
        layout: String,
        /// What the file is called.
        file: String,
        /// What stands in it; forgotten once it was imported.
        text: String,
    },
    /// Do something that was offered, if it is still what was shown.
    Act(Item),
}

impl Wish {
    /// What is asked for, in words without amounts or names.
    pub fn words(&self) -> String {
        match self {
            Wish::Look => "look at Halaxy and the books".into(),
            Wish::Prove { from, to } => format!("prove {from} to {to}"),
            Wish::Month(month) => format!("walk through {month}"),
            Wish::TieOut => "tie out what was received".into(),
            Wish::Import { layout, .. } => format!("import a statement of {layout}"),
            Wish::Act(item) => item.asked(),
        }
    }
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nobody has dealt with it yet.
    Waiting,
    /// It was done; what came of it, in words.
    Done(String),
    /// It was not done, and why.
    Refused(String),
}

/// A wish with who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Its id; later ones have greater ids.
    pub id: String,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// What.
    pub wish: Wish,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was.
    pub ended: Option<Time>,
}

/// How the books stood when they were last looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When.
    pub at: Time,
    /// The account with the books, by the configuration's name.
    pub books: String,
    /// What the books call themselves.
    pub name: String,
    /// The first day that counts.
    pub start_from: Option<Date>,
    /// The practice's date then.
    pub today: Option<Date>,
    /// The last day on which nothing may be posted any more.
    pub locked_to: Option<Date>,
    /// Posting by the present rules was approved.
    pub approved: bool,
    /// Documents posted so far.
    pub posted: u64,
    /// Documents that are due.
    pub due: u64,
    /// What waits, by reason.
    pub holds: Vec<HoldGroup>,
    /// What a person can decide.
    pub items: Vec<Item>,
    /// Names of the layouts by which statements are read.
    pub layouts: Vec<String>,
}

/// The office of one practice.
#[derive(Clone)]
pub struct Office {
    store: Store,
}

impl Office {
    /// The office over what is kept in that store.
    pub fn new(store: Store) -> Office {
        Office { store }
    }

    /// Asks for something. Its id.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn ask(&self, wish: Wish, by: &str, now: Time) -> Result<String, EngineError> {
        let ask = Ask {
            id: uuid::Uuid::now_v7().to_string(),
            at: now,
            by: by.into(),
            wish,
            outcome: Outcome::Waiting,
            ended: None,
        };
        let mut tx = self.store.begin().await?;
        put(&mut tx, ASK, &ask.id, &ask).await?;
        tx.put_meta(ASKED, &ask.id).await?;
        tx.append_audit(&[line(now, format!("asked by {by}: {}", ask.wish.words()))])
            .await?;
        tx.commit().await?;
        Ok(ask.id)
    }

    /// What was asked for, the latest first.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn asks(&self) -> Result<Vec<Ask>, EngineError> {
        let mut asks: Vec<Ask> = Vec::new();
        let each = |_, body: String| asks.extend(serde_json::from_str::<Ask>(&body).ok());
        self.store.ledger(ASK, each).await?;
        asks.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(asks)
    }

    /// How the books stood when they were last looked at; nothing if they never were.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn standing(&self) -> Result<Option<Standing>, EngineError> {
        self.row(STANDING, ALL).await
    }

    /// The report of that id, as it was last made.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn report(&self, id: &str) -> Result<Option<Report>, EngineError> {
        self.row(REPORT, id).await
    }

    /// The files of a report.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn files(&self, id: &str) -> Result<Option<Files>, EngineError> {
        self.row(FILES, id).await
    }

    /// A page of a table of a report, from 1, by the table's place in it; nothing if there is none.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn rows(&self, report: &Report, section: usize, page: usize) -> Result<Option<Sheet>, EngineError> {
        match (report.sections.get(section), page) {
            (Some(section), 1) => Ok(Some(section.sheet.clone())),
            (Some(_), _) => self.row(FURTHER, &file::further(&report.head.id, section, page)).await,
            (None, _) => Ok(None),
        }
    }

    /// A document that was posted, or is on its way, by its key.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn document(&self, key: &str) -> Result<Option<Entry>, EngineError> {
        super::keep::entry(&self.store, key).await
    }

    /// Every report, the latest first.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn reports(&self) -> Result<Vec<Head>, EngineError> {
        Ok(self.all().await?.into_iter().map(|report| report.head).collect())
    }

    async fn all(&self) -> Result<Vec<Report>, EngineError> {
        let mut all: Vec<Report> = Vec::new();
        let each = |_, body: String| all.extend(serde_json::from_str::<Report>(&body).ok());
        self.store.ledger(REPORT, each).await?;
        all.sort_by(|a, b| (b.head.at, &a.head.id).cmp(&(a.head.at, &b.head.id)));
        Ok(all)
    }

    /// Keeps reports with their files, each in the place of the one before.
    async fn keep(&self, reports: Vec<(Report, Files)>) -> Result<(), EngineError> {
        let new: BTreeSet<&str> = reports.iter().map(|(report, _)| report.head.id.as_str()).collect();
        let is_new = |report: &Report| new.contains(report.head.id.as_str());
        let (replaced, old): (Vec<Report>, Vec<Report>) = self.all().await?.into_iter().partition(is_new);
        let stay = KEPT_REPORTS.saturating_sub(reports.len());
        let gone = &old[stay.min(old.len())..];
        let further: Vec<String> = replaced.iter().chain(gone).flat_map(Report::further).collect();
        let gone: Vec<String> = gone.iter().map(|report| report.head.id.clone()).collect();
        let mut tx = self.store.begin().await?;
        tx.drop_ledger(REPORT, &gone).await?;
        tx.drop_ledger(FILES, &gone).await?;
        tx.drop_ledger(FURTHER, &further).await?;
        for (report, files) in &reports {
            put(&mut tx, REPORT, &report.head.id, report).await?;
            put(&mut tx, FILES, &report.head.id, files).await?;
            for (name, sheet) in &files.further {
                put(&mut tx, FURTHER, name, sheet).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn stand(&self, standing: &Standing) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        put(&mut tx, STANDING, ALL, standing).await?;
        Ok(tx.commit().await?)
    }

    /// Notes what became of a wish, with its line in the history; those long over go.
    async fn end(&self, mut ask: Ask, outcome: Outcome, now: Time) -> Result<(), EngineError> {
        let words = ask.wish.words();
        let told = match &outcome {
            Outcome::Refused(why) => format!("not done for {}: {words}: {why}", ask.by),
            _ => format!("done for {}: {words}", ask.by),
        };
        (ask.outcome, ask.ended) = (outcome, Some(now));
        if let Wish::Import { text, .. } = &mut ask.wish {
            text.clear();
        }
        let asks = self.asks().await?;
        let over = asks.iter().filter(|a| a.outcome != Outcome::Waiting);
        let gone: Vec<String> = over.skip(SHOWN_ASKS).map(|a| a.id.clone()).collect();
        let mut tx = self.store.begin().await?;
        put(&mut tx, ASK, &ask.id, &ask).await?;
        tx.drop_ledger(ASK, &gone).await?;
        tx.append_audit(&[line(now, told)]).await?;
        Ok(tx.commit().await?)
    }

    /// The mark that changes with every wish.
    async fn mark(&self) -> Result<Option<String>, EngineError> {
        Ok(self.store.meta(ASKED).await?)
    }

    async fn row<T: DeserializeOwned>(&self, part: &str, id: &str) -> Result<Option<T>, EngineError> {
        let body = self.store.ledger_row(part, id).await?;
        // What an older version kept and this one cannot read is made anew at the next look.
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }
}

async fn put(tx: &mut Tx, part: &str, id: &str, row: &impl Serialize) -> Result<(), EngineError> {
    let body = serde_json::to_string(row).unwrap_or_default();
    Ok(tx.put_ledger(part, &[(id.to_owned(), body)]).await?)
}

fn line(at: Time, reason: String) -> AuditEntry {
    AuditEntry {
        at,
        event: "books".into(),
        reason,
        ..AuditEntry::default()
    }
}

#[cfg(test)]
mod tests {
    use super::file::{Draft, ROWS};
    use super::*;
    use bridge_store::Key;

    fn report(rows: usize) -> (Report, Files) {
        let mut sheet = Sheet::new(&["method", "#n"]);
        for n in 0..rows {
            sheet.push([if n % 2 == 0 { "Cash" } else { "EFTPOS" }.into(), n.to_string()]);
        }
        let draft = Draft::new("A clinic", "tieout", "A report", 1);
        draft.table("Rows", "", sheet).report(&serde_json::json!({}))
    }

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn long_tables_are_kept_page_by_page_and_go_with_their_report() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "clinic", 0).await.unwrap();
        let office = Office::new(store.clone());
        let rows = 2 * ROWS + 1;
        office.keep(vec![report(rows)]).await.unwrap();
        let kept = office.report("tieout").await.unwrap().unwrap();
        assert_eq!((kept.sections[0].pages(), kept.sections[0].more), (3, ROWS + 1));
        let mut all = Vec::new();
        for page in 1..=3 {
            let sheet = office.rows(&kept, 0, page).await.unwrap().unwrap();
            all.extend(sheet.rows().iter().map(|row| row[1].clone()));
        }
        let wanted: Vec<String> = (0..rows).map(|n| n.to_string()).collect();
        assert_eq!(all, wanted, "every row once, in order");
        for (section, page) in [(0, 4), (1, 1), (0, 0)] {
            assert_eq!(office.rows(&kept, section, page).await.unwrap(), None);
        }
        let first = office.rows(&kept, 0, 1).await.unwrap().unwrap();
        assert_eq!(first.with("eftpos").len(), ROWS / 2);

        office.keep(vec![report(3)]).await.unwrap();
        let mut left = 0;
        store.ledger(FURTHER, |_, _| left += 1).await.unwrap();
        assert_eq!(left, 0, "pages of the report before are gone");
    }
}
