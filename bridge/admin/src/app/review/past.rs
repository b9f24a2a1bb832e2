//! What was decided, newest first, and taking it back: one decision, or all that were made together.

use super::filter::Filter;
use super::item::path;
use super::line::side;
use super::{Shown, View};
use crate::app::call::Call;
use crate::app::render::{Answer, page, to};
use crate::app::words::{Moment, count, unit, value};
use crate::app::{App, Refused, sentence};
use crate::desk::act::{Past, past};
use crate::desk::{DeskError, who};
use bridge_core::Value;
use bridge_core::merge::AGREED;
use bridge_store::DecisionRow;
use serde::Serialize;
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Rows on a page.
const ROWS: usize = 50;
/// Decisions among which one about an item is looked for.
const LATEST: usize = 200;

/// A decision as it is told.
#[derive(Serialize)]
pub(super) struct Settled {
    pub id: String,
    /// Whose it was, in numbers and, where it may be shown, with the name.
    pub name: Option<String>,
    pub entity: Option<String>,
    pub by: String,
    pub at: Moment,
    pub what: String,
    /// The value that was decided.
    pub value: Option<String>,
    pub comment: bool,
    pub can_undo: bool,
    pub undone: Option<Moment>,
    pub group: Option<String>,
    /// A rule that would have decided so.
    pub rule: Option<String>,
    /// Where to go when it was taken back.
    pub item: String,
}

#[derive(Serialize)]
struct Decisions {
    rows: Vec<Settled>,
    next: Option<String>,
    first: bool,
    group: Option<Group>,
    said: Option<String>,
    decides: bool,
}

/// What was decided together.
#[derive(Serialize)]
struct Group {
    id: String,
    count: usize,
    can_undo: bool,
}

fn told(past: &Past) -> String {
    let name = past.unit.as_deref().map(unit).unwrap_or_default();
    match past.sort.as_str() {
        "value" => {
            let choice = &past.details["choice"];
            match (choice["take"].as_str(), choice.as_str()) {
                (Some(AGREED), _) => format!("{name}: kept as agreed"),
                (Some(system), _) => format!("{name}: kept {}’s", side(system)),
                (None, Some("both")) => format!("{name}: kept both"),
                _ => format!("{name}: typed a value"),
            }
        }
        "apart" => format!("{name}: kept out of the sync"),
        "together" => format!("{name}: taken into the sync again"),
        "match" => match past.details["verdict"].as_str() {
            Some(verdict) => format!("Possible match: {verdict}"),
            None => "Possible match".into(),
        },
        "card" => "A question was closed".into(),
        "replay" => "Tried again what was held back".into(),
        "comment" => past.details["text"].as_str().unwrap_or("Said something").into(),
        other => crate::app::words::capital(other),
    }
}

impl View<'_> {
    fn settled(&self, row: DecisionRow, name: Option<String>) -> Settled {
        let item = row.item.clone();
        let past = past(row, self.call.now);
        let decided: Option<Value> = serde_json::from_value(past.details["decided"].clone()).ok();
        // Only where two systems changed something is it who wins that was decided.
        let both = past.details["shown"].as_object().is_some_and(|shown| shown.len() > 1);
        let took = past.details["choice"]["take"]
            .as_str()
            .filter(|take| both && *take != AGREED);
        let rule = past.unit.as_deref().zip(took).map(|(unit, take)| {
            let pairs = [("unit", unit), ("key", "wins"), ("value", take)];
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            format!("/rules?{query}")
        });
        Settled {
            what: told(&past),
            at: self.clock.moment(past.at),
            value: decided
                .filter(|_| self.values && past.sort == "value")
                .map(|v| match v.is_empty() {
                    true => "blank".into(),
                    false => value(&v),
                }),
            comment: past.sort == "comment",
            can_undo: past.can_undo && self.decides,
            undone: self.clock.maybe(past.undone),
            group: past.group,
            by: past.who,
            entity: past.entity,
            id: past.id,
            name,
            rule,
            item,
        }
    }

    /// Decisions with the names of whom they were about; each is noted.
    pub(super) async fn all_settled(&self, rows: Vec<DecisionRow>) -> Result<Vec<Settled>, Refused> {
        let mut ids: Vec<String> = rows.iter().filter_map(|row| row.entity.clone()).collect();
        ids.sort();
        ids.dedup();
        let people: BTreeMap<String, _> = self
            .desk
            .store()
            .entities(&ids)
            .await?
            .iter()
            .map(|entity| (entity.id.clone(), who(entity)))
            .collect();
        let mut shown = Shown::default();
        for row in &rows {
            if let Some(who) = row.entity.as_ref().and_then(|id| people.get(id)) {
                shown.add(who, row.unit.as_deref());
            }
        }
        self.noted("decisions were shown", shown).await?;
        let name = |row: &DecisionRow| {
            let person = self.person(people.get(row.entity.as_ref()?)?);
            Some(person.name.unwrap_or(person.record))
        };
        Ok(rows
            .into_iter()
            .map(|row| {
                let name = name(&row);
                self.settled(row, name)
            })
            .collect())
    }
}

/// The decision that led to this page, if one did.
pub(super) async fn settled(view: &View<'_>, _: &Filter) -> Result<Option<Settled>, Refused> {
    let Some(id) = view.call.query.get("done").filter(|_| view.values) else {
        return Ok(None);
    };
    let row = view.desk.decision(id).await?;
    Ok(row.map(|row| Settled {
        // It is told without values: those were shown with the card.
        value: None,
        ..view.settled(row, None)
    }))
}

/// The last decision about an item.
pub(super) async fn settled_item(view: &View<'_>, item: &str) -> Result<Option<Settled>, Refused> {
    let latest = bridge_store::Page::first(LATEST);
    let rows = view.desk.decision_rows(None, None, &latest).await?.rows;
    let row = rows.into_iter().find(|row| row.item == item && row.sort != "comment");
    Ok(row.map(|row| Settled {
        value: None,
        ..view.settled(row, None)
    }))
}

pub(in crate::app) async fn show(app: &App, call: &Call) -> Answer {
    let view = View::new(app, call)?;
    let asked = |name: &str| call.query.get(name).filter(|text| !text.is_empty()).cloned();
    let (rows, next, group) = match asked("group") {
        Some(id) => {
            let mut rows = view.desk.decision_group(&id).await?;
            let all = rows.len();
            let group = Group {
                can_undo: view.decides && rows.iter().any(|row| past(row.clone(), call.now).can_undo),
                count: all,
                id,
            };
            rows.truncate(ROWS);
            (rows, None, Some(group))
        }
        None => {
            let wanted = bridge_store::Page {
                after: asked("after"),
                limit: ROWS,
            };
            let found = view.desk.decision_rows(None, None, &wanted).await?;
            (found.rows, found.next, None)
        }
    };
    let said = asked("undone").map(|_| {
        "Taken back. Where it was written already, the old values are being put back, and the question opens again then."
            .to_string()
    });
    let refused = asked("refused").and_then(|n| n.parse::<u64>().ok()).filter(|n| *n > 0);
    let refused = refused.map(|n| {
        format!(
            "{} had changed meanwhile, and was left as it is.",
            count(n, "of them, which")
        )
    });
    let content = Decisions {
        rows: view.all_settled(rows).await?,
        next: next.map(|after| {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("after", &after)
                .finish();
            format!("/decisions?{query}")
        }),
        first: asked("after").is_none(),
        said: said.or(refused),
        decides: view.decides,
        group,
    };
    page(app, call, "decisions.html", content)
}

pub(in crate::app) async fn undo(_: &App, call: &Call) -> Answer {
    let (desk, id) = (call.desk()?, call.part());
    desk.undo(id, call.by()?).await.map_err(not_undone)?;
    // Back to where it was decided, if it waits again.
    let row = desk.decision(id).await?;
    let item = row.map(|row| row.item).unwrap_or_default();
    let filter = Filter::parse(call.typed("back"));
    if !call.typed("here").is_empty() && desk.item(&item).await?.is_some() {
        return Ok(to(&filter.link(&format!("/inbox/{}", path(&item)), &[])));
    }
    Ok(to("/decisions?undone=yes"))
}

pub(in crate::app) async fn undo_group(_: &App, call: &Call) -> Answer {
    let outcomes = call
        .desk()?
        .undo_group(call.part(), call.by()?)
        .await
        .map_err(not_undone)?;
    let left = outcomes.iter().filter(|outcome| outcome.refused.is_some()).count();
    let pairs = [("group", call.part()), ("refused", &left.to_string())];
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Ok(to(&format!("/decisions?{query}")))
}

/// Why something stays as it was decided, in words.
fn not_undone(error: DeskError) -> Refused {
    match error {
        DeskError::Engine(bridge_engine::EngineError::Decision(why)) => {
            Refused::Told(axum::http::StatusCode::CONFLICT, sentence(&why.to_string()))
        }
        error => error.into(),
    }
}
