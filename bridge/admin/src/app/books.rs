//! The books as screens: where they stand, what is due, what drifted, proofs, the close of a month, statements, settlements.
//!
//! Pages show what the process that posts has left in the office ([`bridge_engine::ledger::office`]), and reckon nothing. What
//! they are asked for waits there for that process; no page calls an account.

mod ask;
mod closing;
mod reports;
mod rows;
mod table;

pub(super) use ask::{act, settlement, work};
pub(super) use closing::sign;
pub(super) use reports::{close, closing, drift, file, practitioners, preview, proof, settlements, statement, tasks};
pub(super) use rows::{document, show as rows};

use super::call::Call;
use super::remedy::{self, Remedy};
use super::render::{Answer, page};
use super::words::{Clockwork, Moment};
use super::{App, Refused, told};
use crate::access::role::Role;
use bridge_core::ledger::month::Month;
use bridge_engine::EngineError;
use bridge_engine::ledger::office::{Act, Ask, Head, Item, Mood, Office, Outcome, Report, Standing};
use bridge_engine::ledger::reports::HoldGroup;
use bridge_engine::vitals::LedgerVitals;
use closing::{Closing, Far};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use table::{Table, grouped};

/// Wishes shown on the overview.
const ASKS: usize = 8;

/// The pages, in the order of their tabs.
const TABS: [(&str, &str); 9] = [
    ("/books", "Overview"),
    ("/books/close", "Close"),
    ("/books/preview", "To be posted"),
    ("/books/drift", "Drift"),
    ("/books/proof", "Proof"),
    ("/books/statements", "Practitioners"),
    ("/books/settlements", "Settlements"),
    ("/books/tasks", "In Halaxy"),
    ("/books/document", "Documents"),
];

/// Roles that ask and decide; auditors only read.
pub(super) const KEEPERS: [Role; 2] = [Role::Admin, Role::Bookkeeper];

#[derive(Serialize)]
struct Around {
    path: &'static str,
    tabs: Vec<Tab>,
    /// Whether whoever looks may ask and decide.
    may: bool,
    /// The path of this very page, for forms to come back to.
    back: String,
    asks: Vec<AskLine>,
    /// Something waits for the process that posts.
    waiting: bool,
}

#[derive(Serialize)]
struct Tab {
    path: &'static str,
    title: &'static str,
    here: bool,
}

#[derive(Serialize)]
struct AskLine {
    what: String,
    by: String,
    at: Moment,
    mood: &'static str,
    state: String,
}

#[derive(Serialize)]
struct Overview {
    around: Around,
    standing: Option<Stands>,
    vitals: Option<LedgerVitals>,
    looked: Option<Moment>,
    proof: Option<LastProof>,
    holds: Vec<HoldLine>,
    /// How far the closes of months are.
    closes: Vec<Far>,
    /// What to do where there are no books.
    none: Remedy,
    decide: Vec<Group>,
    reports: Vec<Line>,
    month: String,
}

/// The last proof, whoever asked for it.
#[derive(Serialize)]
struct LastProof {
    mood: &'static str,
    words: String,
    at: Moment,
    link: Option<String>,
}

#[derive(Serialize)]
struct HoldLine {
    why: String,
    remedy: Remedy,
    who: Vec<String>,
}

#[derive(Serialize)]
struct Stands {
    at: Moment,
    books: String,
    name: String,
    start_from: String,
    locked_to: Option<String>,
    approved: bool,
    posted: u64,
    due: u64,
    held: u64,
}

/// A report in a list.
#[derive(Serialize)]
struct Line {
    title: String,
    link: String,
    at: Moment,
    mood: &'static str,
    verdict: String,
}

/// What can be decided of one kind.
#[derive(Serialize)]
struct Group {
    act: &'static str,
    button: &'static str,
    items: Vec<Question>,
    /// Stands for all of them together.
    all: Option<String>,
}

#[derive(Serialize)]
struct Question {
    key: String,
    token: String,
    words: String,
    amount: String,
    month: String,
}

#[derive(Serialize)]
struct Shown {
    around: Around,
    heading: String,
    /// What the page is for, in a line.
    lead: &'static str,
    /// `look`, `prove`, `month`, `statements`, `tieout`.
    form: &'static str,
    month: String,
    days: (String, String),
    layouts: Vec<String>,
    report: Option<Body>,
    /// Other reports of the kind.
    others: Vec<Line>,
}

#[derive(Serialize)]
struct Body {
    head: Line,
    id: String,
    digest: String,
    /// Of a close.
    closing: Option<Closing>,
    tables: Vec<Table>,
    decide: Vec<Group>,
    notes: Vec<String>,
}

fn office(call: &Call) -> Office {
    Office::new(call.shelf.store.clone())
}

fn read(error: EngineError) -> Refused {
    crate::desk::DeskError::from(error).into()
}

fn mood(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "good",
        Mood::Busy => "busy",
        Mood::Bad => "bad",
    }
}

/// Where a report is shown.
fn place(id: &str) -> String {
    let after = |front: &str| id.strip_prefix(front).map(str::to_owned);
    if let Some(days) = after("proof-") {
        format!("/books/proof/{days}")
    } else if let Some(month) = after("close-") {
        format!("/books/close/{month}")
    } else if let Some(month) = after("statements-") {
        format!("/books/statements?month={month}")
    } else if let Some(rest) = after("statement-") {
        match rest.get(..7).zip(rest.get(8..)) {
            Some((month, who)) => format!("/books/statements/{who}/{month}"),
            None => "/books/statements".into(),
        }
    } else if id == "tieout" {
        "/books/settlements".into()
    } else {
        format!("/books/{id}")
    }
}

fn line(clock: &Clockwork, head: &Head) -> Line {
    Line {
        title: head.title.clone(),
        link: place(&head.id),
        at: clock.moment(head.at),
        mood: mood(head.mood),
        verdict: head.verdict.clone(),
    }
}

fn groups(items: Vec<Item>) -> Vec<Group> {
    let of = |act: Act| {
        let items: Vec<Item> = items.iter().filter(|i| i.act == act).cloned().collect();
        let question = |item: &Item| Question {
            key: item.key.clone(),
            token: item.token.clone(),
            words: item.words.clone(),
            amount: grouped(&item.amount),
            month: item.month.map(|m| m.to_string()).unwrap_or_default(),
        };
        Group {
            act: act.key(),
            button: act.title(),
            all: ask::all(&items),
            items: items.iter().map(question).collect(),
        }
    };
    let all = Act::ALL.into_iter().map(of);
    all.filter(|group| !group.items.is_empty()).collect()
}

async fn around(app: &App, call: &Call, path: &'static str) -> Result<Around, Refused> {
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let asks = office(call).asks().await.map_err(read)?;
    let waiting = asks.iter().any(|ask| ask.outcome == Outcome::Waiting);
    let asked = call.query.get("asked");
    let shown = asks
        .iter()
        .filter(|ask| path == "/books" || ask.outcome == Outcome::Waiting || asked == Some(&ask.id));
    let tab = |(to, title): (&'static str, &'static str)| Tab {
        path: to,
        title,
        here: to == path,
    };
    Ok(Around {
        path,
        tabs: TABS.into_iter().map(tab).collect(),
        may: call.role().is_some_and(|role| KEEPERS.contains(&role)),
        back: call.path.clone(),
        asks: shown.take(ASKS).map(|ask| ask_line(&clock, ask)).collect(),
        waiting,
    })
}

fn ask_line(clock: &Clockwork, ask: &Ask) -> AskLine {
    let (mood, state) = match &ask.outcome {
        Outcome::Waiting => (
            "busy",
            "waits for the service, which takes it within seconds".to_owned(),
        ),
        Outcome::Done(words) => ("good", words.clone()),
        Outcome::Refused(why) => ("bad", format!("not done: {why}")),
    };
    AskLine {
        what: super::words::capital(&ask.wish.words()),
        by: ask.by.clone(),
        at: clock.moment(ask.ended.unwrap_or(ask.at)),
        mood,
        state,
    }
}

/// The month that can be closed: the one before this one.
fn month(app: &App, call: &Call) -> Month {
    let zone = TimeZone::get(&app.settings.time_zone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::from_microsecond(call.now).unwrap_or_default();
    let first = now.to_zoned(zone).date().first_of_month();
    Month::of(first.yesterday().unwrap_or(first))
}

pub(super) async fn overview(app: &App, call: &Call) -> Answer {
    let office = office(call);
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let standing = office.standing().await.map_err(read)?;
    let vitals = LedgerVitals::read(&call.shelf.store).await.map_err(read)?;
    let heads = office.reports().await.map_err(read)?;
    let Standing { holds, items, .. } = standing.clone().unwrap_or_default();
    let stands = standing.map(|s| Stands {
        at: clock.moment(s.at),
        held: s.holds.iter().map(|h| h.who.len() as u64).sum(),
        books: super::words::system(&s.books),
        name: s.name,
        start_from: s.start_from.map(|d| d.to_string()).unwrap_or_default(),
        locked_to: s.locked_to.map(|d| d.to_string()),
        approved: s.approved,
        posted: s.posted,
        due: s.due,
    });
    let proof = vitals.as_ref().and_then(|v| v.proof.as_ref()).map(|proof| {
        let id = format!("proof-{}-{}", proof.from, proof.to);
        LastProof {
            mood: if proof.agrees() { "good" } else { "bad" },
            words: super::vitals::proof_words(proof, &clock),
            at: clock.moment(proof.at),
            link: heads.iter().any(|head| head.id == id).then(|| place(&id)),
        }
    });
    let content = Overview {
        around: around(app, call, "/books").await?,
        standing: stands,
        looked: vitals.as_ref().map(|v| clock.moment(v.at)),
        vitals,
        proof,
        holds: holds.iter().map(hold_line).collect(),
        closes: closing::far(call, month(app, call)).await?,
        none: remedy::of_no_books(),
        decide: groups(items),
        reports: heads
            .iter()
            .filter(|head| !head.id.starts_with("statement-"))
            .take(12)
            .map(|head| line(&clock, head))
            .collect(),
        month: month(app, call).to_string(),
    };
    page(app, call, "books.html", content)
}

fn hold_line(hold: &HoldGroup) -> HoldLine {
    HoldLine {
        why: hold.why.clone(),
        remedy: remedy::of_hold(hold),
        who: hold.who.clone(),
    }
}

/// A page over one report.
struct Screen {
    path: &'static str,
    heading: String,
    lead: &'static str,
    form: &'static str,
    /// The report, if one is meant.
    id: Option<String>,
    /// What other reports of the kind begin with.
    others: Option<&'static str>,
    month: Month,
}

async fn screen(app: &App, call: &Call, screen: Screen) -> Answer {
    let office = office(call);
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let standing = office.standing().await.map_err(read)?.unwrap_or_default();
    let heads = match screen.others {
        Some(_) => office.reports().await.map_err(read)?,
        None => Vec::new(),
    };
    let report = match &screen.id {
        Some(id) => office.report(id).await.map_err(read)?,
        None => None,
    };
    if let Some(report) = &report {
        let thing = format!("the books’ report {}", report.head.id);
        told::shown(app, call, &thing, &report.head.digest).await?;
    }
    let others = heads.iter().filter(|head| {
        screen.others.is_some_and(|front| head.id.starts_with(front)) && Some(&head.id) != screen.id.as_ref()
    });
    let asked: Vec<&str> = screen
        .id
        .as_deref()
        .and_then(|id| id.strip_prefix("proof-"))
        .map_or(vec![], |days| {
            let (from, to) = days.split_at_checked(10).unwrap_or_default();
            vec![from, to.trim_start_matches('-')]
        });
    let days = match asked[..] {
        [from, to] => (from.to_owned(), to.to_owned()),
        _ => (screen.month.first().to_string(), screen.month.last().to_string()),
    };
    let content = Shown {
        around: around(app, call, screen.path).await?,
        heading: report.as_ref().map_or(screen.heading, |r| r.head.title.clone()),
        lead: screen.lead,
        form: screen.form,
        month: screen.month.to_string(),
        days,
        layouts: standing.layouts,
        others: others.take(12).map(|head| line(&clock, head)).collect(),
        report: match report {
            Some(report) => Some(body(call, &clock, report, screen.month).await?),
            None => None,
        },
    };
    page(app, call, "books-report.html", content)
}

async fn body(call: &Call, clock: &Clockwork, report: Report, month: Month) -> Result<Body, Refused> {
    let closing = match report.steps.is_empty() {
        true => None,
        false => Some(closing::closing(call, clock, month, &report.steps).await?),
    };
    // A close has its steps, drawn as a list.
    let sections = report.sections.into_iter().enumerate().filter(|_| closing.is_none());
    Ok(Body {
        head: line(clock, &report.head),
        tables: sections
            .map(|(n, section)| Table::of(section, format!("/books/rows/{}/{n}", report.head.id)))
            .collect(),
        id: report.head.id,
        digest: report.head.digest,
        closing,
        decide: groups(report.items),
        notes: report.notes,
    })
}
