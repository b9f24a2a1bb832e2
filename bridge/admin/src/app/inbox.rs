//! The inbox: everything that waits for a person, to be read. Values only for roles that may see them, and every value
//! that is shown leaves a line in the history.

use super::call::Call;
use super::render::{Answer, page, to};
use super::words::{Clockwork, Moment, question, system, unit, value};
use super::{App, Refused};
use crate::access::Viewed;
use crate::holds;
use bridge_core::{Entity, Link, LinkState, Value};
use bridge_store::{Candidate, CandidateState, ConflictRow, Filter, Page, Paged, RecordKey};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use url::form_urlencoded;

/// Rows on a page.
const ROWS: usize = 50;
/// The lists, with their titles.
const KINDS: [(&str, &str); 4] = [
    ("conflicts", "Values that differ"),
    ("matches", "Possible matches"),
    ("questions", "Questions about records"),
    ("holds", "Held back"),
];
/// The unit with a person's name.
const NAME: &str = "official_name";
/// What tells people apart, in this order.
const TELLING: [&str; 5] = [NAME, "birth_date", "mobile", "phone", "email"];
/// The last agreed value among those of a conflict.
const AGREED: &str = "agreed";

#[derive(Serialize)]
struct Inbox {
    kinds: Vec<Kind>,
    units: Vec<Kind>,
    values: bool,
    systems: Vec<String>,
    list: List,
    next: Option<String>,
    first: bool,
}

#[derive(Serialize)]
struct Kind {
    title: String,
    link: String,
    count: Option<u64>,
    here: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", content = "rows", rename_all = "snake_case")]
enum List {
    Conflicts(Vec<ConflictLine>),
    Matches(Vec<MatchLine>),
    Questions(Vec<QuestionLine>),
    Holds(Vec<HoldLine>),
}

/// Whose it is: the name where it may be shown, and the number of a record.
#[derive(Serialize)]
struct Whose {
    name: Option<String>,
    record: String,
    entity: String,
}

#[derive(Serialize)]
struct ConflictLine {
    id: String,
    whose: Whose,
    unit: String,
    why: String,
    since: Moment,
    cells: Vec<Cell>,
    agreed: Cell,
}

/// What one side holds.
#[derive(Serialize, Default)]
struct Cell {
    /// It holds something at all, or is known to be blank.
    known: bool,
    blank: bool,
    text: Option<String>,
}

#[derive(Serialize)]
struct MatchLine {
    id: String,
    percent: i64,
    reasons: Vec<String>,
    since: Moment,
    sides: Vec<Side>,
}

#[derive(Serialize)]
struct Side {
    record: String,
    /// Present only where values may be shown.
    name: Option<String>,
    details: Vec<String>,
}

#[derive(Serialize)]
struct QuestionLine {
    id: String,
    whose: Whose,
    system: String,
    text: &'static str,
    units: Vec<String>,
    since: Moment,
}

#[derive(Serialize)]
struct HoldLine {
    whose: Whose,
    system: String,
    units: Vec<String>,
    reason: String,
}

/// Where each role begins.
pub(super) async fn first(_: &App, call: &Call) -> Answer {
    Ok(to(if call.sees_values() { "/inbox" } else { "/vitals" }))
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let asked = |name: &str| call.query.get(name).filter(|text| !text.is_empty()).cloned();
    let only = asked("unit");
    let wanted = Page {
        after: asked("after"),
        limit: ROWS,
    };
    let desk = Desk {
        app,
        call,
        clock: Clockwork::new(call.now, &app.settings.time_zone),
        values: call.sees_values(),
    };
    let counts = desk.counts().await?;
    // Unless a list is asked for, the first with something in it.
    let first = KINDS.iter().zip(counts).find(|(_, count)| *count > 0);
    let first = first.map_or(KINDS[0].0, |((key, _), _)| key);
    let show = asked("show").unwrap_or_else(|| first.into());
    let (list, next) = match show.as_str() {
        "conflicts" => desk.conflicts(only.clone(), &wanted).await?,
        "matches" => desk.matches(&wanted).await?,
        "questions" => desk.questions(&wanted).await?,
        "holds" => desk.holds(&wanted).await?,
        _ => return Err(Refused::Missing),
    };
    let units = match show.as_str() {
        "conflicts" => desk.units(only.as_deref()).await?,
        _ => vec![],
    };
    let content = Inbox {
        kinds: KINDS
            .iter()
            .zip(counts)
            .map(|((key, title), count)| Kind {
                title: (*title).into(),
                link: link(key, None, None),
                count: Some(count),
                here: *key == show,
            })
            .collect(),
        units,
        values: desk.values,
        systems: app.settings.systems.iter().map(|name| system(name)).collect(),
        list,
        next: next.map(|after| link(&show, only.as_deref(), Some(&after))),
        first: wanted.after.is_none(),
    };
    page(app, call, "inbox.html", content)
}

/// The address of a list, or of a part of it.
fn link(show: &str, unit: Option<&str>, after: Option<&str>) -> String {
    let pairs = [("show", Some(show)), ("unit", unit), ("after", after)];
    let pairs = pairs.into_iter().filter_map(|(name, text)| Some((name, text?)));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    format!("/inbox?{query}")
}

/// What every list needs.
struct Desk<'a> {
    app: &'a App,
    call: &'a Call,
    clock: Clockwork,
    values: bool,
}

type Listed = Result<(List, Option<String>), Refused>;

impl Desk<'_> {
    /// How much each list has. A look that is some seconds old is good enough, and costs nothing.
    async fn counts(&self) -> Result<[u64; 4], Refused> {
        if let Ok(vitals) = self.app.watch.vitals() {
            let of = &vitals.waiting;
            return Ok([of.conflicts, of.candidates, of.cards, of.holds]);
        }
        let of = self.call.shelf.store.counts().await?;
        Ok([of.conflicts, of.candidates, of.cards, of.held])
    }

    async fn units(&self, only: Option<&str>) -> Result<Vec<Kind>, Refused> {
        let counts = self.call.shelf.store.conflict_units().await?;
        let mut units = vec![Kind {
            title: "All".into(),
            link: link("conflicts", None, None),
            count: None,
            here: only.is_none(),
        }];
        units.extend(counts.into_iter().map(|(name, count)| Kind {
            title: unit(&name),
            link: link("conflicts", Some(&name), None),
            count: Some(count),
            here: only == Some(&name),
        }));
        Ok(units)
    }

    async fn conflicts(&self, unit_only: Option<String>, wanted: &Page) -> Listed {
        let filter = Filter {
            entity: None,
            unit: unit_only,
        };
        let Paged { rows, next } = self.call.shelf.store.conflicts(&filter, wanted).await?;
        let people = self.people(rows.iter().map(|row| &row.entity)).await?;
        let shown = rows.iter().map(|row| (row.entity.as_str(), row.unit.as_str()));
        self.note(shown, "a conflict was shown").await?;
        let lines = rows.into_iter().map(|row| self.conflict(row, &people)).collect();
        Ok((List::Conflicts(lines), next))
    }

    fn conflict(&self, row: ConflictRow, people: &BTreeMap<String, Entity>) -> ConflictLine {
        let person = people.get(&row.entity);
        let seen = |system: &String| {
            let link = person.and_then(|person| person.links.get(system));
            let link = link.filter(|link| link.state == LinkState::Live);
            link.and_then(|link| link.units.get(&row.unit))
                .and_then(|unit| unit.seen())
        };
        let systems = self.app.settings.systems.iter();
        let cells = systems.map(|name| self.cell(row.conflict.values.get(name).or_else(|| seen(name))));
        let before = row.conflict.values.get(AGREED);
        let agreed = before.or_else(|| {
            let agreed = person.and_then(|person| person.agreed.get(&row.unit));
            agreed.map(|agreed| &agreed.value)
        });
        ConflictLine {
            cells: cells.collect(),
            agreed: self.cell(agreed),
            whose: self.whose(&row.entity, person),
            unit: unit(&row.unit),
            why: row.conflict.why,
            since: self.clock.moment(row.conflict.since),
            id: row.id,
        }
    }

    fn cell(&self, held: Option<&Value>) -> Cell {
        Cell {
            known: held.is_some(),
            blank: self.values && held.is_some_and(Value::is_empty),
            text: held.filter(|_| self.values).map(value),
        }
    }

    async fn matches(&self, wanted: &Page) -> Listed {
        let store = &self.call.shelf.store;
        let Paged { rows, next } = store.candidates(CandidateState::Open, wanted).await?;
        let records: BTreeSet<RecordKey> = rows.iter().flat_map(|row| [row.a.clone(), row.b.clone()]).collect();
        let mut links = BTreeMap::new();
        if self.values {
            let mut by_kind: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
            for record in records {
                let ids = by_kind.entry((record.system, record.kind)).or_default();
                ids.push(record.remote_id);
            }
            for ((system, kind), ids) in by_kind {
                for row in store.links(&system, &kind, &ids).await? {
                    links.insert(RecordKey::from(&row.link), row.link);
                }
            }
            let viewed: Vec<Viewed> = links
                .iter()
                .map(|(record, link)| Viewed {
                    entity: link.entity.clone(),
                    record: Some((record.system.clone(), record.remote_id.clone())),
                    units: TELLING.iter().map(|unit| (*unit).to_string()).collect(),
                })
                .collect();
            self.noted("a possible match was shown", viewed).await?;
        }
        let lines = rows.into_iter().map(|row| self.candidate(row, &links)).collect();
        Ok((List::Matches(lines), next))
    }

    fn candidate(&self, row: Candidate, links: &BTreeMap<RecordKey, Link>) -> MatchLine {
        let side = |record: &RecordKey| {
            let link = links.get(record);
            let seen = |unit: &str| link?.units.get(unit)?.seen().map(value);
            Side {
                record: format!("{} {}", system(&record.system), record.remote_id),
                name: seen(NAME),
                details: TELLING
                    .iter()
                    .skip(1)
                    .filter_map(|unit| seen(unit))
                    .filter(|text| !text.is_empty())
                    .collect(),
            }
        };
        MatchLine {
            sides: vec![side(&row.a), side(&row.b)],
            percent: row.score.clamp(0, 1_000) / 10,
            since: self.clock.moment(row.since),
            reasons: row.reasons,
            id: row.id,
        }
    }

    async fn questions(&self, wanted: &Page) -> Listed {
        let Paged { rows, next } = self.call.shelf.store.cards(&Filter::default(), wanted).await?;
        let people = self.people(rows.iter().map(|row| &row.entity)).await?;
        self.note(
            rows.iter().map(|row| (row.entity.as_str(), NAME)),
            "a question about a record was shown",
        )
        .await?;
        let lines = rows.into_iter().map(|row| QuestionLine {
            whose: self.whose(&row.entity, people.get(&row.entity)),
            system: system(&row.card.system),
            text: question(row.card.kind),
            units: row.card.units.iter().map(|name| unit(name)).collect(),
            since: self.clock.moment(row.card.since),
            id: row.id,
        });
        Ok((List::Questions(lines.collect()), next))
    }

    async fn holds(&self, wanted: &Page) -> Listed {
        let Paged { rows, next } = self.call.shelf.store.held_entities(wanted).await?;
        let people = self.people(rows.iter()).await?;
        self.note(rows.iter().map(|id| (id.as_str(), NAME)), "what is held back was shown")
            .await?;
        let mut lines = vec![];
        for id in &rows {
            let mut held = vec![];
            if let Some(person) = people.get(id) {
                holds::of(person, &mut held);
            }
            lines.extend(held.into_iter().map(|row| HoldLine {
                whose: self.whose(id, people.get(id)),
                system: system(&row.system),
                units: row.units.iter().map(|name| unit(name)).collect(),
                reason: super::sentence(&row.reason),
            }));
        }
        Ok((List::Holds(lines), next))
    }

    async fn people(&self, ids: impl Iterator<Item = &String>) -> Result<BTreeMap<String, Entity>, Refused> {
        let ids: Vec<String> = ids.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let found = self.call.shelf.store.entities(&ids).await?;
        Ok(found.into_iter().map(|person| (person.id.clone(), person)).collect())
    }

    fn whose(&self, entity: &str, person: Option<&Entity>) -> Whose {
        let home = self.app.settings.systems.first();
        let link = person.and_then(|person| {
            let at_home = home.and_then(|home| person.links.get(home));
            at_home.or_else(|| person.links.values().next())
        });
        let record = link.map(|link| format!("{} {}", system(&link.system), link.remote_id));
        let name = person.and_then(|person| {
            let agreed = person.agreed.get(NAME).map(|agreed| &agreed.value);
            let seen = || person.links.values().find_map(|link| link.units.get(NAME)?.seen());
            agreed.or_else(seen)
        });
        Whose {
            name: name.filter(|_| self.values).map(value).filter(|text| !text.is_empty()),
            record: record.unwrap_or_else(|| "no record".into()),
            entity: entity.into(),
        }
    }

    /// Notes that units of entities were shown, with the name of each.
    async fn note<'r>(&self, shown: impl Iterator<Item = (&'r str, &'r str)>, what: &str) -> Result<(), Refused> {
        let mut units: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (entity, unit) in shown {
            units.entry(entity).or_default().extend([NAME, unit]);
        }
        let viewed = units.into_iter().map(|(entity, units)| Viewed {
            entity: Some(entity.to_string()),
            record: None,
            units: units.into_iter().map(str::to_string).collect(),
        });
        self.noted(what, viewed.collect()).await
    }

    async fn noted(&self, what: &str, viewed: Vec<Viewed>) -> Result<(), Refused> {
        if !self.values {
            return Ok(());
        }
        Ok(self
            .call
            .shelf
            .access
            .viewed(&self.call.known()?.user, what, viewed)
            .await?)
    }
}
