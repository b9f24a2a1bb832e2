//! Short forms and spellings of given names, from general knowledge (`given_names.txt`).

use super::person::hash_text;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a name is within the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Full,
    Short,
    Loose,
}

/// How two different given names relate by general knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// A full name and its short form, or two spellings of one name.
    Form,
    /// Two short forms of one name.
    Sisters,
    /// Loose equivalents in two languages.
    Loose,
}

struct Table {
    places: HashMap<u64, u16>,
    lines: Vec<Vec<(u16, Role)>>,
    names: Vec<Vec<String>>,
    roots: Vec<Vec<u16>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        places: HashMap::new(),
        lines: vec![vec![]],
        names: vec![],
        roots: vec![vec![]],
    };
    let text = include_str!("given_names.txt");
    let lines = text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    for (line, content) in lines.enumerate() {
        let (full, rest) = content.split_once('=').unwrap_or((content, ""));
        let mut close = vec![];
        let (short, loose) = rest.split_once('~').unwrap_or((rest, ""));
        for (names, role) in [(full, Role::Full), (short, Role::Short), (loose, Role::Loose)] {
            for name in names.split_whitespace() {
                let folded: String = deunicode::deunicode(name)
                    .to_lowercase()
                    .chars()
                    .filter(char::is_ascii_alphabetic)
                    .collect();
                let fresh = table.lines.len() as u16;
                let place = *table.places.entry(hash_text(&folded)).or_insert(fresh);
                if place == fresh {
                    table.lines.push(vec![]);
                    table.roots.push(vec![]);
                }
                table.lines[usize::from(place)].push((line as u16, role));
                if role != Role::Loose {
                    close.push(folded);
                    table.roots[usize::from(place)].push(line as u16);
                }
            }
        }
        table.names.push(close);
    }
    table
});

/// Where the folded name stands in the table; 0 if it does not.
pub fn place(name: &str) -> u16 {
    TABLE.places.get(&hash_text(name)).copied().unwrap_or(0)
}

/// The lines a name stands on as itself or as a short form: names with a line in common may be one.
pub fn roots(place: u16) -> &'static [u16] {
    &TABLE.roots[usize::from(place)]
}

/// How many names a name may stand for, if it is a short form of several.
pub fn stands_for(place: u16) -> usize {
    TABLE.lines[usize::from(place)]
        .iter()
        .filter(|(_, role)| *role != Role::Loose)
        .count()
}

/// Whether `is` holds for another form of a name.
pub fn any_form(place: u16, is: impl Fn(&[u8]) -> bool) -> bool {
    let lines = TABLE.roots[usize::from(place)].iter();
    lines
        .flat_map(|l| &TABLE.names[usize::from(*l)])
        .any(|name| is(name.as_bytes()))
}

/// Whether `is` holds for a name that is no form of this one.
pub fn any_other(place: u16, is: impl Fn(&[u8]) -> bool) -> bool {
    let mine = roots(place);
    let others = (0u16..).zip(&TABLE.names).filter(|(line, _)| !mine.contains(line));
    others.flat_map(|(_, names)| names).any(|name| is(name.as_bytes()))
}

/// Whether a name is also one that people are given, and not only called by.
pub fn is_full(place: u16) -> bool {
    TABLE.lines[usize::from(place)]
        .iter()
        .any(|(_, role)| *role == Role::Full)
}

/// How two names relate.
pub fn relation(a: u16, b: u16) -> Option<Relation> {
    if a == 0 || b == 0 {
        return None;
    }
    let (a, b) = (&TABLE.lines[usize::from(a)], &TABLE.lines[usize::from(b)]);
    let mut best: Option<Relation> = None;
    for (line, one) in a {
        for (_, other) in b.iter().filter(|(l, _)| l == line) {
            let found = match (one, other) {
                (Role::Full, Role::Full | Role::Short) | (Role::Short, Role::Full) => Relation::Form,
                (Role::Short, Role::Short) => Relation::Sisters,
                (Role::Loose, Role::Loose) => continue,
                _ => Relation::Loose,
            };
            best = Some(best.map_or(found, |b| b.min(found)));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_spellings_and_loose_equivalents() {
        let of = |a: &str, b: &str| relation(place(a), place(b));
        assert_eq!(of("jon", "jonathan"), Some(Relation::Form));
        assert_eq!(of("catherine", "katherine"), Some(Relation::Form));
        assert_eq!(of("liz", "beth"), Some(Relation::Sisters));
        assert_eq!(of("giuseppe", "joe"), Some(Relation::Form));
        assert_eq!(of("minh", "michael"), Some(Relation::Loose));
        assert_eq!(of("jayden", "hayden"), None);
        assert_eq!(of("charlie", "charlotte"), Some(Relation::Form));
        assert_eq!(of("charles", "charlotte"), None);
        assert!(stands_for(place("charlie")) >= 2);
    }
}
