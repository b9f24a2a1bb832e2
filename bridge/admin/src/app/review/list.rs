//! The inbox: one list of everything that waits, longest waiting first, beside its filters.

use super::filter::Filter;
use super::line::{Line, risk_of};
use super::past::{Settled, settled};
use super::{Shown, View};
use crate::app::App;
use crate::app::call::Call;
use crate::app::render::{Answer, page};
use crate::app::words::{count, system, unit};
use crate::desk::Risk;
use crate::desk::inbox::Totals;
use bridge_engine::Brake;
use serde::Serialize;

/// Rows on a page.
const ROWS: usize = 50;
/// Kinds of items, with their titles.
const KINDS: [(&str, &str); 5] = [
    ("conflict", "Values that differ"),
    ("match", "Possible matches"),
    ("card", "Questions about records"),
    ("hold", "Held back"),
    ("task", "To record in Halaxy"),
];

#[derive(Serialize)]
struct Inbox {
    picks: Vec<Picks>,
    values: bool,
    systems: Vec<String>,
    rows: Vec<Line>,
    next: Option<String>,
    first: bool,
    filtered: bool,
    brakes: Vec<String>,
    done: Option<Settled>,
}

/// Filters of one sort.
#[derive(Serialize)]
struct Picks {
    title: &'static str,
    rows: Vec<Pick>,
}

#[derive(Serialize)]
struct Pick {
    title: String,
    link: String,
    /// Names the count, for those that change while the page is open.
    key: String,
    count: Option<u64>,
    here: bool,
    /// A dot of this risk.
    dot: &'static str,
}

pub(in crate::app) async fn show(app: &App, call: &Call) -> Answer {
    let view = View::new(app, call)?;
    let filter = Filter::read(&call.query);
    let found = view.desk.inbox(&filter.query(call.by()?, ROWS)).await?;
    let mut shown = Shown::default();
    for row in &found.rows {
        for who in &row.who {
            shown.add(who, row.unit.as_deref());
        }
    }
    view.noted("the inbox was shown", shown).await?;
    let bare = filter.with("after", None);
    let rows = found.rows.into_iter().map(|row| {
        let link = view.values.then(|| bare.link(&format!("/inbox/{}", row.id), &[]));
        view.line(row, link)
    });
    let content = Inbox {
        rows: rows.collect(),
        picks: picks(&filter, &view.desk.totals().await?, view.values),
        values: view.values,
        systems: view.systems().iter().map(|name| system(name)).collect(),
        next: found.next.map(|after| bare.link("/inbox", &[("after", &after)])),
        first: filter.of("after").is_none(),
        filtered: bare != Filter::default(),
        brakes: found.brakes.iter().map(braked).collect(),
        done: settled(&view, &bare).await?,
    };
    page(app, call, "inbox.html", content)
}

fn braked(brake: &Brake) -> String {
    format!(
        "{} to {} wait as a whole: they would change much of its {}. Health says more.",
        count(brake.writes, "write"),
        system(&brake.system),
        count(brake.linked, "linked record")
    )
}

/// Every filter there is something behind, and those that are on.
fn picks(filter: &Filter, totals: &Totals, values: bool) -> Vec<Picks> {
    let pick = |key: &'static str, text: &str, title: String, n: Option<u64>, dot: &'static str| {
        let here = filter.of(key) == Some(text);
        Pick {
            link: filter.with(key, Some(text).filter(|_| !here)).link("/inbox", &[]),
            key: format!("{key}/{text}"),
            count: n,
            title,
            here,
            dot,
        }
    };
    let all = Pick {
        title: "Everything".into(),
        link: "/inbox".into(),
        key: "open".into(),
        count: Some(totals.open),
        here: filter.with("after", None) == Filter::default(),
        dot: "",
    };
    let mut whose = vec![all];
    if values {
        whose.push(pick("assigned", "me", "Assigned to me".into(), None, ""));
        whose.push(pick(
            "assigned",
            "nobody",
            "Nobody’s".into(),
            totals.assigned.get("").copied().or(Some(0)),
            "",
        ));
    }
    whose.push(pick("days", "3", "Three days or older".into(), Some(totals.old), ""));
    whose.push(pick("snoozed", "yes", "Snoozed".into(), Some(totals.snoozed), ""));
    if values {
        whose.push(Pick {
            title: "Decided".into(),
            link: "/decisions".into(),
            key: String::new(),
            count: None,
            here: false,
            dot: "",
        });
    }
    let on = |key: &str, text: &str, n: u64| n > 0 || filter.of(key) == Some(text);
    let of = |key: &'static str, all: &std::collections::BTreeMap<String, u64>, title: fn(&str) -> String| {
        let there = all.iter().filter(|(text, n)| on(key, text, **n));
        there
            .map(|(text, n)| pick(key, text, title(text), Some(*n), ""))
            .collect::<Vec<Pick>>()
    };
    let kinds = KINDS.iter().filter_map(|(kind, title)| {
        let n = totals.kinds.get(*kind).copied().unwrap_or(0);
        (on("kind", kind, n) || *kind != "task").then(|| pick("kind", kind, (*title).into(), Some(n), ""))
    });
    let risks = [Risk::Red, Risk::Amber, Risk::Grey].into_iter().filter_map(|risk| {
        let (key, words) = risk_of(risk);
        let n = totals.risks.get(&risk).copied().unwrap_or(0);
        on("risk", key, n).then(|| pick("risk", key, words.into(), Some(n), key))
    });
    let all = [
        ("", whose),
        ("What waits", kinds.collect()),
        ("What a wrong choice costs", risks.collect()),
        ("Field", of("unit", &totals.units, unit)),
        ("System", of("system", &totals.systems, system)),
    ];
    let all = all.into_iter().filter(|(_, rows)| !rows.is_empty());
    all.map(|(title, rows)| Picks { title, rows }).collect()
}
