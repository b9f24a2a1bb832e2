//! A rule on trial: what it would have decided of what is open, and whether people decided the same. It is adopted in the
//! entity file, and nowhere else; the page says what to write.

use super::View;
use super::line::side;
use super::past::Settled;
use crate::app::App;
use crate::app::call::Call;
use crate::app::remedy::{self, Remedy};
use crate::app::render::{Answer, page, to};
use crate::app::words::{system, unit};
use crate::desk::rules::{Rule, Trial};
use serde::Serialize;
use url::form_urlencoded;

#[derive(Serialize)]
struct Page {
    rule: Rule,
    words: String,
    trial: Trial,
    remedy: Remedy,
    by: Vec<(String, usize)>,
    units: Vec<(String, String)>,
    values: Vec<(String, String)>,
    examples: Vec<Settled>,
}

/// From a decision that somebody is about to make: on to the rule that it would be an instance of.
pub(in crate::app) async fn of_item(_: &App, call: &Call) -> Answer {
    let take = call.query.get("take").map(String::as_str).unwrap_or_default();
    let rule = call.desk()?.rule_of(call.part(), take).await?;
    let pairs = [("unit", &rule.unit), ("key", &rule.key), ("value", &rule.value)];
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Ok(to(&format!("/rules?{query}")))
}

pub(in crate::app) async fn show(app: &App, call: &Call) -> Answer {
    let view = View::new(app, call)?;
    let asked = |name: &str| call.query.get(name).cloned().unwrap_or_default();
    let rule = Rule {
        unit: asked("unit"),
        key: asked("key"),
        value: asked("value"),
    };
    let trial = view.desk.try_rule(&rule).await?;
    let mut examples = vec![];
    for id in &trial.examples {
        examples.extend(view.desk.decision(id).await?);
    }
    let schema = &view.desk.engine().settings().schema;
    let systems = view.systems().iter().map(|name| (name.clone(), system(name)));
    let others = [("newest", "the newest edit"), ("yes", "yes"), ("no", "no")];
    let content = Page {
        words: words(&rule),
        by: trial.by.iter().map(|(name, n)| (taken(name), *n)).collect(),
        units: schema
            .units
            .iter()
            .map(|spec| (spec.name.clone(), unit(&spec.name)))
            .collect(),
        values: systems
            .chain(others.map(|(key, title)| (key.to_string(), title.to_string())))
            .collect(),
        examples: view.all_settled(examples).await?,
        rule,
        remedy: remedy::of_rule(&trial.adopt).seen_by(call),
        trial,
    };
    page(app, call, "rule.html", content)
}

fn taken(name: &str) -> String {
    match name {
        "merged" => "Merged of several".into(),
        name => side(name),
    }
}

fn words(rule: &Rule) -> String {
    let name = unit(&rule.unit);
    match (rule.key.as_str(), rule.value.as_str()) {
        ("wins", "newest") => format!("{name}: the newest edit wins"),
        ("wins", of) => format!("{name}: {} wins when two systems changed it", system(of)),
        ("first_link", of) => format!(
            "{name}: {} wins when two records are linked for the first time",
            system(of)
        ),
        ("clear", "yes") => format!("{name}: an emptied value travels"),
        ("clear", _) => format!("{name}: an emptied value is put back"),
        ("accept", "yes") => format!("{name}: edits made outside Halaxy are taken"),
        (_, _) => format!("{name}: edits made outside Halaxy are put back"),
    }
}
