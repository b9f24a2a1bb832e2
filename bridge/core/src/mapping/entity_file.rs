//! The entity file: the units of an entity with their types and policies.

use crate::condition::Condition;
use crate::config_problem::{Keys, Problem, Source, suggestion};
use crate::schema::{Accept, AcceptRule, Class, Clear, OptOut, Unit, UnitType, Wins};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

pub(super) const TYPES: &[(&str, UnitType)] = &[
    ("text", UnitType::Text),
    ("name", UnitType::Name),
    ("date", UnitType::Date),
    ("month", UnitType::Month),
    ("phone", UnitType::Phone),
    ("email", UnitType::Email),
    ("address", UnitType::Address),
    ("boolean", UnitType::Boolean),
    ("code", UnitType::Code),
    ("reference", UnitType::Reference),
];

pub(super) const CLASSES: &[(&str, Class)] = &[
    ("identity", Class::Identity),
    ("contact", Class::Contact),
    ("financial", Class::Financial),
    ("appointment", Class::Appointment),
    ("clinical", Class::Clinical),
];

const CLEARS: &[(&str, Clear)] = &[("yes", Clear::Yes), ("no", Clear::No), ("review", Clear::Review)];

const ACCEPTS: &[(&str, Accept)] = &[("yes", Accept::Yes), ("no", Accept::No), ("review", Accept::Review)];

/// The units of one entity type, as `mappings/entities/*.toml` states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityFile {
    /// Entity type, e.g. `person`.
    pub name: String,
    /// Display name of the file.
    pub file: String,
    /// The units, in the order of the file.
    pub units: Vec<UnitSpec>,
}

/// One unit with what only the mapping needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSpec {
    /// Name, type, class and policies.
    pub unit: Unit,
    /// Whether edits made in other systems than the home system are taken.
    pub accept: AcceptRule,
    /// The unit's canonical codes, where its type is `code`; others stay legal.
    pub codes: Vec<String>,
    /// Line of the unit in the file, from 1.
    pub line: usize,
    /// Lines of `wins` and `first_link`, which may name a system.
    role_lines: [usize; 2],
}

impl EntityFile {
    /// Reads an entity file; `file` is its display name. Fails with everything that is wrong in it.
    pub fn parse(file: &str, text: &str) -> Result<EntityFile, Vec<Problem>> {
        let source = Source { file, text };
        let root = source.parse()?;
        let mut keys = Keys::new(&source, &root, 0..0);
        let name = keys.text("entity").map(|(name, _)| name.to_string());
        let mut problems = Vec::new();
        let mut units: Vec<UnitSpec> = Vec::new();
        match keys.optional("unit").map(|v| (v.get_ref().as_array(), v.span())) {
            Some((Some(list), _)) => {
                for item in list.iter() {
                    let (unit, found) = parse_unit(&source, item);
                    problems.extend(found);
                    let Some(unit) = unit else { continue };
                    if let Some(first) = units.iter().find(|u| u.unit.name == unit.unit.name) {
                        problems.push(source.problem(
                            item.span(),
                            format!(
                                "unit `{}` is declared twice, first on line {}",
                                unit.unit.name, first.line
                            ),
                            "Rename or remove one of the two.",
                        ));
                    }
                    units.push(unit);
                }
            }
            Some((None, span)) => keys.note(span, "`unit` must be a list", "Write each unit under [[unit]]."),
            None => keys.note(0..0, "the file declares no unit", "Add units under [[unit]]."),
        }
        problems.extend(keys.finish());
        problems.extend(uncovered(file, &units));
        match name {
            Some(name) if problems.is_empty() => Ok(EntityFile {
                name,
                file: file.to_string(),
                units,
            }),
            _ => {
                problems.sort();
                Err(problems)
            }
        }
    }

    /// The unit of that name.
    pub fn unit(&self, name: &str) -> Option<&UnitSpec> {
        self.units.iter().find(|u| u.unit.name == name)
    }

    /// Policies that name a system which does not take part.
    pub fn check_roles(&self, systems: &[&str]) -> Vec<Problem> {
        let known: Vec<&str> = ["review", "newest"]
            .into_iter()
            .chain(systems.iter().copied())
            .collect();
        let mut problems = Vec::new();
        for spec in &self.units {
            let roles = [("wins", &spec.unit.wins), ("first_link", &spec.unit.first_link)];
            for ((key, wins), line) in roles.into_iter().zip(spec.role_lines) {
                if let Wins::System(system) = wins
                    && !systems.contains(&system.as_str())
                {
                    problems.push(Problem {
                        file: self.file.clone(),
                        line,
                        message: format!(
                            "`{key}` of unit `{}` names `{system}`, which is no system of this sync",
                            spec.unit.name
                        ),
                        remedy: suggestion(system, &known),
                    });
                }
            }
        }
        problems
    }
}

fn parse_unit(source: &Source<'_>, item: &Spanned<DeValue<'_>>) -> (Option<UnitSpec>, Vec<Problem>) {
    let Some(table) = item.get_ref().as_table() else {
        return (
            None,
            vec![source.problem(item.span(), "a unit must be a table", "Write each unit under [[unit]].")],
        );
    };
    let mut keys = Keys::new(source, table, item.span());
    let name = keys
        .text("name")
        .and_then(|(name, span)| unit_name(&mut keys, name, span));
    let kind = keys
        .text("type")
        .and_then(|(word, span)| keys.word("type", word, span, TYPES));
    let class = keys
        .text("class")
        .and_then(|(word, span)| keys.word("class", word, span, CLASSES));
    let set = keys.optional_flag("set").unwrap_or(false);
    let line_of = |span: &Range<usize>| source.line(span.start);
    let header = line_of(&item.span());
    let (wins, wins_line) = match keys.optional_text("wins") {
        None => (Wins::Review, header),
        Some((word, span)) => (role(word), line_of(&span)),
    };
    let (first_link, first_line) = match keys.optional_text("first_link") {
        None => (Wins::Review, header),
        Some((word, span)) => {
            let line = line_of(&span);
            if word == "opt_out" {
                keys.note(
                    span.clone(),
                    "`first_link` cannot be opt_out: that is how consent is always decided",
                    "Write wins = \"opt_out\" alone.",
                );
            }
            if word == "newest" {
                keys.note(
                    span,
                    "`first_link` cannot be newest: two records that were never linked have no common past",
                    "Name a system or write \"review\".",
                );
            }
            (role(word), line)
        }
    };
    let clear = match keys.optional_text("clear") {
        None => Clear::Review,
        Some((word, span)) => keys.word("clear", word, span, CLEARS).unwrap_or(Clear::Review),
    };
    let accept = match keys.optional("accept") {
        None => AcceptRule::always(Accept::Yes),
        Some(value) => {
            let (rule, found) = parse_accept(source, value);
            for problem in found {
                keys.take(problem);
            }
            rule.unwrap_or(AcceptRule::always(Accept::No))
        }
    };
    let wins = match wins {
        Wins::OptOut(_) => Wins::OptOut(parse_opt_out(&mut keys, kind, set, item.span())),
        wins => {
            for key in ["covered_by", "suppress_when"] {
                if let Some(value) = keys.optional(key) {
                    let message = format!("`{key}` belongs to units of consent");
                    keys.note(value.span(), message, "Remove it, or write wins = \"opt_out\".");
                }
            }
            wins
        }
    };
    let codes = parse_codes(&mut keys, kind);
    if set && matches!(kind, Some(UnitType::Name | UnitType::Address | UnitType::Boolean)) {
        keys.note(
            item.span(),
            "names, addresses and flags cannot be sets",
            "Remove `set` or choose another type.",
        );
    }
    let problems = keys.finish();
    let spec = match (name, kind, class) {
        (Some(name), Some(kind), Some(class)) => Some(UnitSpec {
            unit: Unit {
                name,
                kind,
                class,
                set,
                wins,
                first_link,
                clear,
            },
            accept,
            codes,
            line: header,
            role_lines: [wins_line, first_line],
        }),
        _ => None,
    };
    (spec, problems)
}

fn unit_name(keys: &mut Keys<'_, '_, '_>, name: &str, span: Range<usize>) -> Option<String> {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain || name.is_empty() || name == "kind" {
        keys.note(
            span,
            format!("`{name}` is no unit name"),
            "Use lower-case letters, digits and underscores; `kind` is taken.",
        );
        return None;
    }
    Some(name.to_string())
}

fn role(word: &str) -> Wins {
    match word {
        "review" => Wins::Review,
        "newest" => Wins::Newest,
        "opt_out" => Wins::OptOut(OptOut::default()),
        system => Wins::System(system.to_string()),
    }
}

/// What belongs to a unit of consent.
fn parse_opt_out(keys: &mut Keys<'_, '_, '_>, kind: Option<UnitType>, set: bool, unit: Range<usize>) -> OptOut {
    if kind != Some(UnitType::Code) || set {
        keys.note(
            unit,
            "consent is one code: `in`, `out`, or blank where nothing is known",
            "Write type = \"code\" and codes = [\"in\", \"out\"], without `set`.",
        );
    }
    let covered_by = match keys.optional("covered_by") {
        None => vec![],
        Some(value) => {
            let list = value.get_ref().as_array();
            let names: Option<Vec<String>> =
                list.and_then(|list| list.iter().map(|n| n.get_ref().as_str().map(str::to_string)).collect());
            names.unwrap_or_else(|| {
                let remedy = "Write covered_by = [\"marketing\"].";
                keys.note(value.span(), "`covered_by` must be a list of units", remedy);
                vec![]
            })
        }
    };
    let suppress_when = keys.optional_text("suppress_when").and_then(|(text, span)| {
        let parsed = Condition::parse(text);
        if let Err(error) = &parsed {
            keys.note(
                span,
                format!("the condition is not understood: {error}"),
                "Write it like suppress_when = \"status in ['blocked', 'deceased']\".",
            );
        }
        parsed.ok()
    });
    OptOut {
        covered_by,
        suppress_when,
    }
}

/// Units that say they are covered by what is no unit of consent.
fn uncovered(file: &str, units: &[UnitSpec]) -> Vec<Problem> {
    let consent: Vec<&str> = units
        .iter()
        .filter(|spec| matches!(spec.unit.wins, Wins::OptOut(_)))
        .map(|spec| spec.unit.name.as_str())
        .collect();
    let mut problems = vec![];
    for spec in units {
        let Wins::OptOut(policy) = &spec.unit.wins else {
            continue;
        };
        for above in policy
            .covered_by
            .iter()
            .filter(|name| !consent.contains(&name.as_str()))
        {
            problems.push(Problem {
                file: file.to_string(),
                line: spec.line,
                message: format!(
                    "unit `{}` is covered by `{above}`, which is no unit of consent",
                    spec.unit.name
                ),
                remedy: suggestion(above, &consent),
            });
        }
    }
    problems
}

fn parse_codes(keys: &mut Keys<'_, '_, '_>, kind: Option<UnitType>) -> Vec<String> {
    let Some(value) = keys.optional("codes") else {
        return Vec::new();
    };
    if kind != Some(UnitType::Code) {
        keys.note(
            value.span(),
            "only units of type code have codes",
            "Remove `codes`, or write type = \"code\".",
        );
        return Vec::new();
    }
    let list: Option<Vec<String>> = value.get_ref().as_array().and_then(|list| {
        list.iter()
            .map(|code| code.get_ref().as_str().map(str::to_string))
            .collect()
    });
    let Some(codes) = list else {
        keys.note(
            value.span(),
            "`codes` must be a list of texts",
            "Write codes = [\"one\", \"two\"].",
        );
        return Vec::new();
    };
    let distinct: BTreeSet<String> = codes.iter().map(|c| c.to_ascii_lowercase()).collect();
    if distinct.len() < codes.len() {
        keys.note(value.span(), "two codes differ at most in case", "Remove one of them.");
    }
    codes
}

/// `accept`: one word, or a word per author.
pub(super) fn parse_accept(source: &Source<'_>, value: &Spanned<DeValue<'_>>) -> (Option<AcceptRule>, Vec<Problem>) {
    if let Some(word) = value.get_ref().as_str() {
        let empty = Default::default();
        let mut keys = Keys::new(source, &empty, value.span());
        let rule = keys.word("accept", word, value.span(), ACCEPTS).map(AcceptRule::always);
        return (rule, keys.finish());
    }
    let Some(table) = value.get_ref().as_table() else {
        let remedy = "Write accept = \"yes\", or { person = \"yes\", automation = \"review\", unknown = \"review\" }.";
        return (
            None,
            vec![source.problem(value.span(), "`accept` must be a word or a table", remedy)],
        );
    };
    let mut keys = Keys::new(source, table, value.span());
    let mut word = |key: &'static str| {
        keys.text(key)
            .and_then(|(word, span)| keys.word("accept", word, span, ACCEPTS))
    };
    let rule = match (word("person"), word("automation"), word("unknown")) {
        (Some(person), Some(automation), Some(unknown)) => Some(AcceptRule {
            person,
            automation,
            unknown,
        }),
        _ => None,
    };
    (rule, keys.finish())
}
