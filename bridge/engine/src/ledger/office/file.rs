//! Reports as they are kept: tables to show, and files to take away.

use super::{Act, Item};
use crate::ledger::Outlook;
use crate::ledger::reports::{Drift, Step, documents, hold_groups, lines};
use bridge_core::Time;
use bridge_core::hex;
use bridge_core::ledger::prove::Proof;
use bridge_core::ledger::prove::sheets::{READ, differences};
use bridge_core::ledger::sheet::{Sheet, html_escape, page};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// Rows of a table on a page; those of the first are within the report.
pub(super) const ROWS: usize = 250;

/// What a report comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// All is well.
    Good,
    /// Something is open.
    Busy,
    /// Something is wrong.
    Bad,
}

/// Which report, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `preview`, `drift`, `tieout`, `tasks`, `proof-FROM-TO`, `close-MONTH`, `statements-MONTH`, `statement-MONTH-NAME`.
    pub id: String,
    /// What it is.
    pub title: String,
    /// When it was made.
    pub at: Time,
    /// How it looks.
    pub mood: Mood,
    /// What it comes to, in a sentence.
    pub verdict: String,
    /// SHA-256 of its CSV, as hex digits; of a proof, that of the proof.
    pub digest: String,
}

/// A table with its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// What it shows.
    pub title: String,
    /// What a reader should know of it; empty if nothing.
    pub note: String,
    /// Its first rows.
    pub sheet: Sheet,
    /// How many rows follow, on further pages and in the files.
    pub more: usize,
}

impl Section {
    /// How many pages its rows have.
    pub fn pages(&self) -> usize {
        1 + self.more.div_ceil(ROWS)
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which.
    pub head: Head,
    /// The steps of a close; none of other reports.
    pub steps: Vec<Step>,
    /// The tables.
    pub sections: Vec<Section>,
    /// What can be decided about it.
    pub items: Vec<Item>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Report {
    /// Under which names the further pages of its tables are kept.
    pub(super) fn further(&self) -> Vec<String> {
        let of = |(n, section): (usize, &Section)| {
            let pages = 2..=section.pages();
            pages.map(|page| further(&self.head.id, n, page)).collect::<Vec<_>>()
        };
        self.sections.iter().enumerate().flat_map(of).collect()
    }
}

/// The name of a page of a table.
pub(super) fn further(report: &str, section: usize, page: usize) -> String {
    format!("{report}/{section}/{page}")
}

/// The files of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Every figure.
    pub csv: String,
    /// The same for programs.
    pub json: String,
    /// A page to print.
    pub page: String,
    /// Further pages of its tables, by name; kept beside it.
    #[serde(skip)]
    pub(super) further: Vec<(String, Sheet)>,
}

/// A report on its way into the store.
pub(super) struct Draft {
    pub id: String,
    pub title: String,
    pub practice: String,
    pub at: Time,
    pub mood: Mood,
    pub verdict: String,
    pub steps: Vec<Step>,
    pub tables: Vec<(String, String, Sheet)>,
    pub items: Vec<Item>,
    pub notes: Vec<String>,
}

impl Draft {
    pub fn new(practice: &str, id: &str, title: &str, at: Time) -> Draft {
        Draft {
            id: id.into(),
            title: title.into(),
            practice: practice.into(),
            at,
            mood: Mood::Good,
            verdict: String::new(),
            steps: Vec::new(),
            tables: Vec::new(),
            items: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn verdict(mut self, mood: Mood, words: impl Into<String>) -> Draft {
        (self.mood, self.verdict) = (mood, words.into());
        self
    }

    /// Adds a table; one without rows is left out.
    pub fn table(mut self, title: &str, note: &str, sheet: Sheet) -> Draft {
        if !sheet.is_empty() {
            self.tables.push((title.into(), note.into(), sheet));
        }
        self
    }

    /// With its tables as CSV, that JSON, and its tables as a page to print.
    pub fn report(self, json: &Json) -> (Report, Files) {
        let csv: Vec<String> = self.tables.iter().map(|(_, _, sheet)| sheet.csv()).collect();
        let csv = csv.join("\n");
        let mut body = format!("<p><strong>{}</strong></p>\n", html_escape(&self.verdict));
        for (title, note, sheet) in &self.tables {
            body += &format!(
                "<h2>{}</h2>\n<p>{}</p>\n{}",
                html_escape(title),
                html_escape(note),
                sheet.html()
            );
        }
        let title = format!("{}: {}", self.practice, self.title);
        let files = Files {
            page: page(&title, &body, &csv),
            json: pretty(json),
            csv,
            ..Files::default()
        };
        self.with(files)
    }

    /// With files made elsewhere.
    pub fn with(self, mut files: Files) -> (Report, Files) {
        for (n, (_, _, sheet)) in self.tables.iter().enumerate() {
            let pages = sheet.pages(ROWS).enumerate().skip(1);
            let pages = pages.map(|(at, page)| (further(&self.id, n, at + 1), page));
            files.further.extend(pages);
        }
        let digest = Sha256::digest(files.csv.as_bytes());
        let sections = self.tables.into_iter().map(|(title, note, sheet)| Section {
            title,
            note,
            more: sheet.len().saturating_sub(ROWS),
            sheet: sheet.first(ROWS),
        });
        let report = Report {
            head: Head {
                id: self.id,
                title: self.title,
                at: self.at,
                mood: self.mood,
                verdict: self.verdict,
                digest: hex(&digest),
            },
            steps: self.steps,
            sections: sections.collect(),
            items: self.items,
            notes: self.notes,
        };
        (report, files)
    }
}

/// Where pages do what a command does.
pub(super) fn in_app(command: &str) -> String {
    let does = [
        ("ledger approve ", Act::Approve),
        ("ledger retry ", Act::Retry),
        ("ledger adopt", Act::Adopt),
    ];
    let act = does.into_iter().find(|(words, _)| command.starts_with(words));
    act.map_or_else(
        || command.to_owned(),
        |(_, act)| format!("“{}”, under Books", act.title()),
    )
}

pub(super) fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

/// What would be posted.
pub(super) fn preview(
    practice: &str,
    outlook: &Outlook,
    items: Vec<Item>,
    approved: bool,
    at: Time,
) -> (Report, Files) {
    let (n, calls) = (outlook.plan.post.len(), outlook.calls.values().sum::<usize>());
    let held = outlook.plan.held.len();
    let mood = match (n, held, outlook.foreign.is_empty()) {
        (_, _, false) => Mood::Bad,
        (0, 0, _) => Mood::Good,
        _ => Mood::Busy,
    };
    let verdict = match (n, approved) {
        (0, _) => "Nothing is to be posted.".into(),
        (_, true) => format!("{n} documents are to be posted, with {calls} calls."),
        (_, false) => format!("{n} documents would be posted, with {calls} calls, once these rules are approved."),
    };
    let mut kinds = Sheet::new(&["document", "#count", "#amount"]);
    for (kind, (n, amount)) in outlook.by_kind() {
        kinds.push([kind, n.to_string(), amount]);
    }
    let mut voids = Sheet::new(&["key"]);
    for key in &outlook.plan.void {
        voids.push([key.clone()]);
    }
    let mut draft = Draft::new(practice, "preview", "What would be posted", at)
        .verdict(mood, verdict)
        .table("Documents by kind", "", kinds)
        .table(
            "Debits and credits",
            "By account, tax rate and tracking; both sides sum to the same.",
            outlook.accounts_sheet(),
        )
        .table("Calls on the books", "", outlook.calls_sheet())
        .table("To be voided", "", voids)
        .table(
            "Already in the books, not posted by the bridge",
            "These are never posted twice.",
            outlook.foreign_sheet(),
        )
        .table("Documents", "", documents(&outlook.plan.post));
    if outlook.target.older > 0 {
        draft.notes.push(format!(
            "{} records from before the cut-over are left alone.",
            outlook.target.older
        ));
    }
    draft.items = items;
    let json = json!({ "approved": approved, "documents": n, "by_kind": outlook.by_kind(), "calls": outlook.calls,
        "voids": outlook.plan.void, "held": hold_groups(&outlook.plan.held, in_app),
        "older": outlook.target.older });
    let title = format!("{practice}: what would be posted");
    let csv = lines(&outlook.plan.post).csv();
    let body = outlook.accounts_sheet().html() + &documents(&outlook.plan.post).html();
    let files = Files {
        page: page(&title, &body, &csv),
        json: pretty(&json),
        csv,
        ..Files::default()
    };
    draft.with(files)
}

/// What changed after it was posted.
pub(super) fn drift(practice: &str, drift: &Drift, items: Vec<Item>, at: Time) -> (Report, Files) {
    let (changed, proposed) = (differences(&drift.differences), drift.proposed());
    let (mood, verdict) = match (drift.differences.len(), proposed.len(), drift.undone.len()) {
        (0, 0, 0) => (Mood::Good, "Nothing changed after it was posted.".into()),
        (n, p, u) => (
            Mood::Bad,
            format!("{n} changed after posting; {p} correcting documents proposed, {u} voided in the books."),
        ),
    };
    let note = "The next pass posts these, on the first open day, unless one waits for a yes.";
    let mut draft = Draft::new(practice, "drift", "What changed after it was posted", at)
        .verdict(mood, verdict)
        .table("Changed", "The first side is named first.", changed)
        .table("Correcting documents", note, proposed);
    draft.items = items;
    draft.report(&drift.json())
}

/// A proof of some days.
pub(super) fn proof(practice: &str, proof: &Proof, read: &Sheet, at: Time) -> (Report, Files) {
    let mood = match (proof.holds(), proof.differences.is_empty()) {
        (true, _) => Mood::Good,
        (false, true) => Mood::Busy,
        _ => Mood::Bad,
    };
    let held = match proof.held.len() {
        0 => String::new(),
        n => format!(" {n} records wait."),
    };
    let (from, to) = (proof.from, proof.to);
    let title = format!("Proof of {from} to {to}");
    let mut draft = Draft::new(practice, &format!("proof-{from}-{to}"), &title, at)
        .verdict(mood, proof.verdict() + &held)
        .table(
            "Differences",
            "The first side is named first.",
            differences(&proof.differences),
        )
        .table("Waiting", "", proof.held_sheet(in_app));
    if let Some(words) = proof.later_words() {
        draft = draft.table("In the next summaries", &words, differences(&proof.later));
    }
    for (title, sheet) in proof.tables() {
        draft = draft.table(title, "", sheet);
    }
    draft = draft.table(READ, "", read.clone());
    draft.notes.push(format!(
        "{} records of Halaxy and {} documents of the books were compared.",
        proof.sources, proof.documents
    ));
    draft.notes.push(format!("Digest of the proof: {}", proof.digest()));
    let json = json!({ "holds": proof.holds(), "digest": proof.digest(), "proof": proof });
    let files = Files {
        csv: proof.figures(read),
        json: pretty(&json),
        page: proof.printed(&format!("{practice}: {title}"), read, in_app),
        ..Files::default()
    };
    draft.with(files)
}
