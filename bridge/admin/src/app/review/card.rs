//! What is shown of one item: who it is about, what each system holds and where that differs, what can be chosen and what
//! each choice writes.

use super::line::{Line, Person, side};
use super::{Shown, View};
use crate::app::affairs::{Fact, as_of, facts};
use crate::app::words::{Moment, named, question, same_way, system, unit, value};
use crate::app::{Refused, sentence};
use crate::desk::affairs::PersonAffairs;
use crate::desk::detail::{Detail, Offer};
use crate::desk::{Piece, Risk};
use bridge_core::effects::{Effect, Effects};
use bridge_core::merge::AGREED;
use bridge_core::{CardKind, Op};
use serde::Serialize;

/// Lines of the history that are shown at first.
const HISTORY: usize = 6;

/// An item to be decided.
#[derive(Serialize)]
pub(super) struct Card {
    pub line: Line,
    pub token: String,
    /// What is shown, in digests: the form brings it back, so that a fresh card can say what changed.
    pub seen: String,
    /// Values side by side, where one unit is asked about.
    pub columns: Vec<Column>,
    /// Units of two records side by side, for a pair.
    pub compared: Vec<Compared>,
    /// What a question about a record says.
    pub words: Option<&'static str>,
    /// What can be chosen besides taking what stands in a column.
    pub choices: Vec<Choosing>,
    /// A third value may be typed; how it is written.
    pub typed: Option<Typed>,
    pub history: Vec<Told>,
    pub older: Vec<Told>,
    pub lost: Vec<Lost>,
    pub others: Vec<Other>,
    pub apart: Vec<String>,
    /// Appointments and balance, where it is about one person.
    pub affairs: Vec<Fact>,
    /// The same of both people of a pair, beside each other.
    pub affairs_of_both: Vec<[Fact; 2]>,
    /// As of when that is.
    pub as_of: Option<String>,
    /// Others of the same pattern may be decided with it.
    pub alike: bool,
    /// Sides that a rule could take.
    pub rules: Vec<Ruling>,
}

/// One side of what is asked.
#[derive(Serialize)]
pub(super) struct Column {
    pub title: String,
    pub asks: bool,
    pub blank: bool,
    pub known: bool,
    pub pieces: Vec<Piece>,
    /// As the product spells it, where that is not the same.
    pub raw: Option<String>,
    /// As people here write it, where it is kept in another form.
    pub plain: Option<String>,
    /// Not before that ..
    pub after: Option<Moment>,
    /// .. and seen then.
    pub seen: Option<Moment>,
    pub author: Option<&'static str>,
    pub advice: Option<String>,
    /// It is not what was on the screen.
    pub changed: bool,
    pub choice: Option<Choosing>,
}

/// A choice with what it causes.
#[derive(Serialize)]
pub(super) struct Choosing {
    /// As the form sends it: `take:crm`, `both`.
    pub choice: String,
    pub title: String,
    /// Keys that make it, parted by spaces.
    pub keys: &'static str,
    pub words: &'static str,
    pub effects: Option<Writes>,
}

/// What a choice writes.
#[derive(Serialize)]
pub(super) struct Writes {
    pub writes: Vec<Writing>,
    pub dropped: Vec<Writing>,
    pub open: Vec<String>,
}

/// One write.
#[derive(Serialize)]
pub(super) struct Writing {
    pub system: String,
    pub unit: String,
    pub creates: bool,
    pub from: Option<String>,
    pub to: String,
}

/// One unit of two records.
#[derive(Serialize)]
pub(super) struct Compared {
    pub unit: String,
    pub same: bool,
    pub left: Vec<Piece>,
    pub right: Vec<Piece>,
}

/// How a third value is written.
#[derive(Serialize)]
pub(super) struct Typed {
    pub hint: &'static str,
    /// What stands there at first.
    pub text: String,
    pub trouble: Option<String>,
    /// What the typed value would write.
    pub tried: Option<Writes>,
}

/// A line of the history.
#[derive(Serialize)]
pub(super) struct Told {
    pub at: Moment,
    pub text: String,
}

/// A value that lost.
#[derive(Serialize)]
pub(super) struct Lost {
    pub system: String,
    pub text: String,
    pub at: Moment,
    pub why: String,
}

/// Somebody with the same e-mail or phone; not told of people at other locations.
#[derive(Serialize)]
pub(super) struct Other {
    pub person: Option<Person>,
    pub same: &'static str,
}

/// A side that could always win.
#[derive(Serialize)]
pub(super) struct Ruling {
    pub take: String,
    pub title: String,
}

/// What was typed, and what is known of it.
#[derive(Default)]
pub(super) struct Trying {
    pub text: String,
    pub trouble: Option<String>,
    pub effects: Option<Effects>,
}

impl View<'_> {
    /// The card of an item, with what was typed. `seen` is what was on the screen before. Who is shown is noted.
    pub(super) async fn card(&self, mut detail: Detail, seen: &str, trying: Trying) -> Result<Card, Refused> {
        self.home_first(&mut detail.row);
        let mut shown = Shown::default();
        for who in &detail.row.who {
            shown.add(who, detail.row.unit.as_deref());
        }
        for other in &detail.others {
            if let Some(who) = &other.who {
                shown.add(who, Some(&other.same));
            }
        }
        for of in &detail.affairs {
            shown.add_all(&of.entity, of.shown());
        }
        self.noted("what waits was shown", shown).await?;
        let names: Vec<String> = detail.row.who.iter().map(|who| who.entity.clone()).collect();
        let compared = match detail.row.kind.as_str() {
            "match" => self.compared(&self.desk.store().entities(&names).await?, &names),
            _ => vec![],
        };
        let (mut affairs, as_of) = self.affairs(&detail);
        let affairs_of_both = match affairs.as_slice() {
            [one, other] => one
                .iter()
                .cloned()
                .zip(other.iter().cloned())
                .map(|(a, b)| [a, b])
                .collect(),
            _ => vec![],
        };
        let affairs = if affairs.len() == 1 { affairs.remove(0) } else { vec![] };
        let (mut columns, marks) = self.columns(&detail, seen);
        let mut choices = vec![];
        for offer in &detail.choices {
            let effects = offer.effects.as_ref().map(writes);
            let column = columns
                .iter_mut()
                .find(|(name, _)| offer.act == "take" && offer.system.as_ref() == Some(name));
            match column {
                Some((name, column)) => column.choice = Some(taking(name, self.systems(), effects)),
                None => choices.extend(choosing(offer, effects)),
            }
        }
        let asks = detail.row.kind == "conflict";
        let typed = detail
            .row
            .unit
            .as_deref()
            .filter(|_| asks && self.decides)
            .map(|name| Typed {
                hint: self.hint(name),
                text: trying.text,
                trouble: trying.trouble,
                tried: trying.effects.as_ref().map(writes),
            });
        let rules = columns
            .iter()
            .filter(|(name, column)| asks && column.known && name != AGREED);
        let rules = rules.map(|(name, column)| Ruling {
            take: name.clone(),
            title: column.title.clone(),
        });
        let mut history: Vec<Told> = detail
            .history
            .iter()
            .rev()
            // Who was shown it is for the history of the person.
            .filter(|entry| entry.event != "viewed")
            .map(|entry| Told {
                at: self.clock.moment(entry.at),
                text: sentence(&named(&entry.text, self.systems())),
            })
            .collect();
        let older = history.split_off(history.len().min(HISTORY));
        let lost = detail.lost.iter().rev().map(|lost| Lost {
            system: side(&lost.system),
            text: value(&lost.value),
            at: self.clock.moment(lost.at),
            why: lost.why.clone(),
        });
        let others = detail.others.iter().map(|other| Other {
            person: other.who.as_ref().map(|who| self.person(who)),
            same: same_way(&other.same),
        });
        Ok(Card {
            token: detail.token.clone(),
            seen: marks,
            compared,
            words: words_of(&detail.row.topic),
            choices,
            typed,
            rules: rules.collect(),
            history,
            older,
            lost: lost.collect(),
            others: others.collect(),
            apart: detail.apart.iter().map(|name| unit(name)).collect(),
            affairs,
            affairs_of_both,
            as_of,
            alike: asks && detail.row.risk != Risk::Red,
            columns: columns.into_iter().map(|(_, column)| column).collect(),
            line: self.line(detail.row, None),
        })
    }

    /// What stands with the people of an item, in their order; as of when.
    fn affairs(&self, detail: &Detail) -> (Vec<Vec<Fact>>, Option<String>) {
        let who = detail.row.who.iter();
        let found = who.filter_map(|who| detail.affairs.iter().find(|of| of.entity == who.entity));
        let found: Vec<&PersonAffairs> = found.collect();
        let as_of = found.iter().find_map(|of| as_of(of, &self.clock));
        (found.into_iter().map(|of| facts(of, &self.clock)).collect(), as_of)
    }

    /// How a value of a unit is typed.
    fn hint(&self, name: &str) -> &'static str {
        use bridge_core::UnitType;
        let kind = self.desk.kind_of_unit(name);
        match kind {
            Some(UnitType::Date) => "like 1980-12-31",
            Some(UnitType::Month) => "like 2026-11",
            Some(UnitType::Phone) => "like 0491 570 006",
            Some(UnitType::Name) => "like given=Miriam; family=Samplewood",
            Some(UnitType::Address) => "like line=1 Sample St; city=Sampleton; state=VIC; postcode=3000",
            Some(UnitType::Boolean) => "yes or no",
            _ => "blank to leave it empty",
        }
    }
}

fn taking(name: &str, systems: &[String], effects: Option<Writes>) -> Choosing {
    let place = systems.iter().position(|system| system == name);
    let (keys, title) = match (name, place) {
        (AGREED, _) => ("0", "Keep as agreed".into()),
        (name, Some(0)) => ("1 h", format!("Keep {}’s", system(name))),
        (name, Some(1)) => ("2 c", format!("Keep {}’s", system(name))),
        (name, _) => ("", format!("Keep {}’s", system(name))),
    };
    Choosing {
        choice: format!("take:{name}"),
        title,
        keys,
        words: "",
        effects,
    }
}

/// The exact writes in words.
pub(super) fn writes(effects: &Effects) -> Writes {
    let writing = |effect: &Effect| Writing {
        system: system(&effect.system),
        unit: unit(&effect.unit),
        creates: effect.op == Op::Create,
        from: effect.from.as_ref().map(value),
        to: value(&effect.to),
    };
    Writes {
        writes: effects.writes.iter().map(writing).collect(),
        dropped: effects.dropped.iter().map(writing).collect(),
        open: effects.open.iter().map(|name| unit(name)).collect(),
    }
}

fn words_of(topic: &str) -> Option<&'static str> {
    let kind = match topic.strip_prefix("card/")? {
        "removed_but_changed" => CardKind::RemovedButChanged,
        "may_have_overwritten" => CardKind::MayHaveOverwritten,
        "looks_wrong" => CardKind::LooksWrong,
        "merged" => CardKind::Merged,
        _ => return None,
    };
    Some(question(kind))
}

/// A choice that is no side's value.
fn choosing(offer: &Offer, effects: Option<Writes>) -> Option<Choosing> {
    let (title, keys, words) = match offer.act {
        "both" => ("Keep both", "b", "Every value of every side is kept."),
        "apart" => (
            "Never sync this for this person",
            "n",
            "Each system keeps what it has, now and later; it can be taken in again.",
        ),
        "dismiss" => (
            "I have seen to it",
            "1",
            "The question is closed, and what it held back goes on.",
        ),
        "replay" => ("Try again", "1 r", "What was held back for this person is tried again."),
        "same" => (
            "Same person",
            "1 m",
            "The two records become one person. Values that differ are merged by the rules, or asked about.",
        ),
        "duplicate" => (
            "Same person, twice",
            "1 m",
            "Nothing is made for the second record until the two are merged in the product itself.",
        ),
        "different" => (
            "Different people",
            "2 d",
            "They are never asked about again, nor linked by themselves.",
        ),
        "household" => (
            "Same household",
            "3 h",
            "Different people who share an address, phone or e-mail. They are never linked.",
        ),
        _ => return None,
    };
    Some(Choosing {
        choice: offer.act.into(),
        title: title.into(),
        keys,
        words,
        effects,
    })
}
