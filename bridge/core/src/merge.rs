//! The merge rule for one unit: collect every changed link, decide once. Nothing here knows of
//! writes, time or systems' APIs; the result says what is agreed, which bases move, who lost, and
//! whether a person must decide.

use crate::entity::{Agreed, Doubt, Entity, Link, LinkUnit, Origin};
use crate::schema::{Accept, Clear, Party, Schema, Unit, Wins};
use crate::shared::Shared;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The contender that stands for the agreed value.
pub const AGREED: &str = "agreed";

/// What one unit's links and agreed value come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The agreed value afterwards.
    pub agreed: Option<Shared<Agreed>>,
    /// New base per system (what was seen there), and whether its doubt ends.
    pub moves: BTreeMap<String, Move>,
    /// What a person must choose from, and why.
    pub conflict: Option<(BTreeMap<String, Value>, &'static str)>,
    /// Values that were overruled: by system, with the rule's name.
    pub losers: Vec<(String, Value, &'static str)>,
    /// The rule that decided, for the audit; `None` if nothing changed.
    pub reason: Option<String>,
}

/// How a link's base follows a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// New base.
    pub base: Value,
    /// Doubt ends.
    pub settles_doubt: bool,
    /// What is put back here is changed again each time: it is not written any more.
    pub alternates: bool,
}

/// One live, readable link of the unit.
struct View<'a> {
    party: &'a Party,
    unit: &'a LinkUnit,
    seen: &'a Value,
}

impl View<'_> {
    fn accept(&self, unit: &str) -> Accept {
        let rule = self.party.accepts.get(unit);
        rule.map_or(Accept::No, |rule| rule.of(self.unit.author))
    }

    /// The last bases went to and fro between two values.
    fn alternates(&self, swings: usize) -> bool {
        let last = self.unit.trail.iter().rev().take(2 * swings);
        let distinct: BTreeSet<&Value> = last.clone().collect();
        self.unit.base.is_some() && last.len() >= 2 * swings && distinct.len() <= 2
    }
}

/// Live, not held, not busy links of the entity: those that take part in merging.
pub(crate) fn taking_part<'a>(schema: &'a Schema, entity: &'a Entity) -> impl Iterator<Item = (&'a Party, &'a Link)> {
    schema.parties.iter().filter_map(|party| {
        let link = entity.links.get(&party.system)?;
        let live = link.state == crate::LinkState::Live && link.held.is_none();
        (live && !entity.busy(&party.system)).then_some((party, &**link))
    })
}

/// Merges one unit.
pub fn merge(schema: &Schema, entity: &Entity, unit: &Unit) -> Merged {
    if let Wins::OptOut(_) = unit.wins {
        return crate::consent::merge(schema, entity, unit);
    }
    let views: Vec<View> = taking_part(schema, entity)
        .filter_map(|(party, link)| {
            let x = link.units.get(&unit.name)?;
            Some(View {
                party,
                unit: x,
                seen: x.seen()?,
            })
        })
        .collect();
    let agreed = entity.agreed.get(&unit.name);
    let alone = alone(schema, entity);
    let mut out = if unit.set {
        merge_set(unit, agreed, &views, alone, schema.swings)
    } else {
        merge_one(schema, unit, agreed, &views, alone)
    };
    // What a system that is not asked held at first contact gives way to what came to be agreed.
    let now = out.agreed.clone().filter(|a| !a.value.is_empty());
    for view in views
        .iter()
        .filter(|v| v.unit.base.is_none() && v.accept(&unit.name) == Accept::No)
    {
        match &now {
            Some(agreed) if agreed.value == *view.seen => out.follow(&view.party.system, view.seen, true),
            Some(_) => out.overrule(&view.party.system, view.seen, NOT_TAKEN),
            None => {}
        }
    }
    out
}

const ALTERNATES: &str = "two values keep replacing each other";
const NOT_TAKEN: &str = "edits made here are not taken";

/// What an entity with one record only means for edits that need a person's consent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// There are other records: consent is asked for.
    No,
    /// Nobody else has or may get the value: there is nothing to consent to yet.
    NobodyToTell,
    /// The configuration allows a record to be made from this one, and so from its values.
    MayCreate,
}

fn alone(schema: &Schema, entity: &Entity) -> Alone {
    let mut systems = entity.links.keys();
    match (systems.next(), systems.next()) {
        (Some(only), None) => {
            let creates = schema.parties.iter().any(|p| p.system != *only && p.create.is_some());
            if creates { Alone::MayCreate } else { Alone::NobodyToTell }
        }
        _ => Alone::No,
    }
}

struct Contender<'a> {
    value: &'a Value,
    link: Option<&'a LinkUnit>,
    /// Only a person can let it win.
    review: bool,
}

fn merge_one(schema: &Schema, unit: &Unit, agreed: Option<&Shared<Agreed>>, views: &[View], alone: Alone) -> Merged {
    let mut out = Merged {
        agreed: agreed.cloned(),
        ..Merged::default()
    };
    let was = agreed.map(|a| &a.value);
    let (mut ahead, mut beside): (Vec<&View>, Vec<&View>) = (vec![], vec![]);
    let mut swinging = false;
    for view in views {
        let (x, seen, system) = (view.unit, view.seen, &view.party.system);
        let known = x.base.is_some();
        if known && x.doubt.is_none() && (x.base.as_ref() == Some(seen) || x.shown() == Some(seen)) {
            if x.base.as_ref() == Some(seen) && x.shown.is_some() {
                out.follow(system, seen, false);
            }
            continue;
        }
        if was == Some(seen) {
            out.follow(system, seen, true);
            continue;
        }
        if view.accept(&unit.name) == Accept::No {
            if known {
                out.put_back(view, NOT_TAKEN, schema.swings);
            }
            continue;
        }
        if seen.is_empty() && known && unit.clear == Clear::No {
            out.put_back(view, "a blank does not travel", schema.swings);
            continue;
        }
        if seen.is_empty() && !known && was.is_some() {
            out.overrule(system, seen, "a value beats empty");
            continue;
        }
        if !known && alone == Alone::NobodyToTell && view.accept(&unit.name) == Accept::Review {
            continue;
        }
        swinging |= view.alternates(schema.swings);
        let on_top = known && x.base.as_ref() == was && x.doubt.is_none();
        let fresh = !known && was.is_none_or(Value::is_empty);
        if on_top || fresh {
            ahead.push(view)
        } else {
            beside.push(view)
        }
    }
    if ahead.is_empty() && beside.is_empty() {
        return out;
    }
    let in_doubt = beside.iter().any(|v| v.unit.doubt.is_some());
    let mut contenders: BTreeMap<&str, Contender> = ahead
        .iter()
        .chain(&beside)
        .map(|v| {
            let clears = v.seen.is_empty() && v.unit.base.is_some() && unit.clear == Clear::Review;
            let made_from = alone == Alone::MayCreate && v.unit.base.is_none();
            // A lost answer and a change elsewhere in the record put it in doubt: nobody changed this value.
            let unchanged = v.unit.doubt.is_some() && v.unit.base.as_ref() == Some(v.seen);
            let review = clears || v.accept(&unit.name) == Accept::Review && !made_from || unchanged;
            (
                v.party.system.as_str(),
                Contender {
                    value: v.seen,
                    link: Some(v.unit),
                    review,
                },
            )
        })
        .collect();
    if ahead.is_empty()
        && let Some(value) = was
    {
        contenders.insert(
            AGREED,
            Contender {
                value,
                link: None,
                review: false,
            },
        );
    }
    let all_new = contenders.values().all(|c| c.link.is_none_or(|x| x.base.is_none()));
    if all_new && contenders.values().any(|c| !c.value.is_empty()) {
        for view in ahead.iter().chain(&beside).filter(|v| v.seen.is_empty()) {
            contenders.remove(view.party.system.as_str());
            out.overrule(&view.party.system, view.seen, "a value beats empty");
        }
    }
    let first = contenders.values().any(|c| c.link.is_some_and(|x| x.base.is_none()));
    let (winner, rule) = choose(unit, &contenders, agreed, first, swinging, in_doubt);
    let Some(winner) = winner else {
        let mut shown: BTreeMap<String, Value> = contenders
            .iter()
            .map(|(s, c)| (s.to_string(), c.value.clone()))
            .collect();
        if let Some(value) = was {
            shown.insert(AGREED.into(), value.clone());
        }
        out.conflict = Some((shown, rule));
        return out;
    };
    let won = &contenders[winner];
    for (system, contender) in &contenders {
        if *system == AGREED {
            if contender.value != won.value {
                out.losers.push((AGREED.into(), contender.value.clone(), rule));
            }
            continue;
        }
        if contender.value != won.value {
            out.losers.push((system.to_string(), contender.value.clone(), rule));
        }
        out.follow(system, contender.value, true);
    }
    out.reason = Some(match (rule, winner) {
        ("only change", system) => format!("changed in {system}"),
        (rule, winner) => format!("{rule}: {winner}"),
    });
    if let Some(x) = won.link {
        let origin = Origin::System(winner.to_string());
        out.agreed = Some(Shared::from(Agreed {
            value: won.value.clone(),
            origin,
            lo: x.lo,
            hi: x.hi,
        }));
    }
    out
}

/// The winner, or `None` for review, with the rule's name.
fn choose<'a>(
    unit: &Unit,
    contenders: &BTreeMap<&'a str, Contender>,
    agreed: Option<&Shared<Agreed>>,
    first: bool,
    swinging: bool,
    in_doubt: bool,
) -> (Option<&'a str>, &'static str) {
    if swinging {
        return (None, ALTERNATES);
    }
    let values: BTreeSet<&Value> = contenders.values().map(|c| c.value).collect();
    let may_win = |name: &&'a str| !contenders[name].review;
    if values.len() == 1 && !in_doubt {
        let taken = contenders.keys().copied().find(may_win);
        return match taken {
            Some(name) => (Some(name), "only change"),
            None => (
                None,
                if values.iter().all(|v| v.is_empty()) {
                    "emptied: a person decides"
                } else {
                    "an edit from here needs a person's consent"
                },
            ),
        };
    }
    let wins = if first { &unit.first_link } else { &unit.wins };
    match wins {
        Wins::System(name) => {
            let named = contenders.keys().copied().find(|s| s == name);
            match named {
                Some(system) if may_win(&system) => (Some(system), if first { "first link" } else { "policy" }),
                Some(_) if in_doubt => (None, "a write may have been changed back"),
                Some(_) => (None, "an edit from here needs a person's consent"),
                None if contenders.contains_key(AGREED)
                    && agreed.is_some_and(|a| a.origin == Origin::System(name.clone())) =>
                {
                    (Some(AGREED), if first { "first link" } else { "policy" })
                }
                None => (None, "changed differently in two places"),
            }
        }
        Wins::Newest => (newest(contenders, agreed).filter(may_win), "newest"),
        // Consent is decided by a rule of its own.
        Wins::Review | Wins::OptOut(_) => (
            None,
            if in_doubt {
                "a write may have been changed back"
            } else {
                "changed differently in two places"
            },
        ),
    }
    .explain(in_doubt)
}

/// Review keeps a reason a person can act on.
trait Explain<'a> {
    fn explain(self, in_doubt: bool) -> (Option<&'a str>, &'static str);
}

impl<'a> Explain<'a> for (Option<&'a str>, &'static str) {
    fn explain(self, in_doubt: bool) -> (Option<&'a str>, &'static str) {
        match self {
            (None, "newest") if in_doubt => (None, "a write may have been changed back"),
            (None, "newest") => (None, "changed in two places, and the order is not proved"),
            other => other,
        }
    }
}

/// The contender that the bridge's own clock proves to be later than all others.
fn newest<'a>(contenders: &BTreeMap<&'a str, Contender>, agreed: Option<&Shared<Agreed>>) -> Option<&'a str> {
    if contenders
        .values()
        .any(|c| c.link.is_some_and(|x| x.base.is_none() || x.doubt.is_some()))
    {
        return None;
    }
    if contenders.contains_key(AGREED) && agreed.is_some_and(|a| a.origin == Origin::Person) {
        return None; // no clock outruns a person's decision
    }
    let span = |name: &str| match contenders[name].link {
        Some(x) => (x.lo, x.hi),
        None => agreed.map_or((0, 0), |a| (a.lo, a.hi)),
    };
    contenders.keys().copied().find(|s| {
        contenders
            .keys()
            .all(|t| t == s || contenders[t].value == contenders[s].value || span(s).0 > span(t).1)
    })
}

fn merge_set(unit: &Unit, agreed: Option<&Shared<Agreed>>, views: &[View], alone: Alone, swings: usize) -> Merged {
    let mut out = Merged {
        agreed: agreed.cloned(),
        ..Merged::default()
    };
    let mut value: Option<BTreeSet<String>> = agreed.map(|a| a.value.elements());
    let (mut origin, mut lo, mut hi) = match agreed {
        Some(a) => (Some(a.origin.clone()), a.lo, a.hi),
        None => (None, 0, 0),
    };
    let mut unsure = BTreeMap::new();
    let mut why = "a write may have been changed back";
    // Those that need consent come last: what others agree on anyway needs none.
    let asks = |v: &&View| v.accept(&unit.name) == Accept::Review;
    let views: Vec<&View> = {
        let (last, first): (Vec<&View>, Vec<&View>) = views.iter().partition(asks);
        first.into_iter().chain(last).collect()
    };
    for view in &views {
        let (x, system) = (view.unit, &view.party.system);
        let known = x.base.is_some();
        let base = x.base.as_ref().map(Value::elements).unwrap_or_default();
        let seen = view.seen.elements();
        if known && seen == base && x.doubt.is_none() {
            if x.base.as_ref() != Some(view.seen) {
                out.follow(system, view.seen, false); // blank and the empty set are one set
            }
            continue;
        }
        if view.accept(&unit.name) == Accept::No {
            if known {
                out.put_back(view, NOT_TAKEN, swings);
            }
            continue;
        }
        let consent = asks(view) && !(alone == Alone::MayCreate && !known);
        if consent && !known && alone == Alone::NobodyToTell {
            continue;
        }
        let doubtful = match &x.doubt {
            Some(Doubt::Elements(elements)) => elements.clone(),
            _ => BTreeSet::new(),
        };
        let before = value.clone();
        let merged = match &value {
            None => seen.clone(),
            Some(now) => {
                let added = seen.difference(&base).filter(|e| !doubtful.contains(*e));
                let removed: BTreeSet<&String> = base.difference(&seen).filter(|e| !doubtful.contains(*e)).collect();
                now.iter()
                    .chain(added)
                    .filter(|e| !removed.contains(e))
                    .cloned()
                    .collect()
            }
        };
        if consent && before.as_ref() != Some(&merged) {
            why = "an edit from here needs a person's consent";
            unsure.insert(system.clone(), view.seen.clone());
            continue;
        }
        if before.as_ref() != Some(&merged) && view.alternates(swings) {
            why = ALTERNATES;
            unsure.insert(system.clone(), view.seen.clone());
            continue;
        }
        if before.as_ref() != Some(&merged) {
            (origin, lo, hi) = (Some(Origin::System(system.clone())), x.lo, x.hi);
            out.reason = Some(format!("merged element by element: {system}"));
        }
        value = Some(merged);
        out.follow(system, view.seen, true);
    }
    let nothing_agreed = value.is_none();
    let value = value.unwrap_or_default();
    for view in &views {
        if let (Some(Doubt::Elements(doubtful)), Some(step)) = (&view.unit.doubt, out.moves.get_mut(&view.party.system))
            && view.accept(&unit.name) != Accept::No
        {
            let seen = view.seen.elements();
            if value.symmetric_difference(&seen).any(|e| doubtful.contains(e)) {
                step.settles_doubt = false;
                unsure.insert(view.party.system.clone(), view.seen.clone());
            }
        }
    }
    let value = Value::Set(value);
    if !unsure.is_empty() {
        if !nothing_agreed {
            unsure.insert(AGREED.into(), value.clone());
        }
        out.conflict = Some((unsure, why));
    }
    out.agreed = origin.map(|origin| Agreed { value, origin, lo, hi }.into());
    out
}

impl Merged {
    /// The value loses by a named rule and its base follows, so that the agreed value is put back.
    fn overrule(&mut self, system: &str, seen: &Value, rule: &'static str) {
        self.losers.push((system.into(), seen.clone(), rule));
        self.follow(system, seen, true);
    }

    /// Overrules a change of a known value; one that returns each time it is put back is left alone.
    fn put_back(&mut self, view: &View, rule: &'static str, swings: usize) {
        self.overrule(&view.party.system, view.seen, rule);
        if let Some(step) = self.moves.get_mut(&view.party.system) {
            step.alternates = view.alternates(swings);
        }
    }

    /// The base becomes what was seen.
    pub(crate) fn follow(&mut self, system: &str, seen: &Value, settles_doubt: bool) {
        let base = seen.clone();
        let alternates = false;
        let step = Move {
            base,
            settles_doubt,
            alternates,
        };
        self.moves.insert(system.into(), step);
    }
}
