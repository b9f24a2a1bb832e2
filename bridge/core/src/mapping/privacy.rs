//! What a system may not be sent.

use super::{EntityFile, Mapping, entity_file::CLASSES};
use crate::config_problem::Problem;
use crate::schema::Class;
use std::collections::BTreeSet;

/// Entries that would send a system units of a class its `may_receive` lacks. Money, appointments
/// and health information must be permitted by name; identity and contact units that are not
/// permitted are merely not written (see [`Mapping::receives`]). The home system owns everything,
/// and entries that are only read send nothing.
pub fn check_privacy(
    entity: &EntityFile,
    mapping: &Mapping,
    may_receive: &BTreeSet<Class>,
    is_home: bool,
) -> Vec<Problem> {
    if is_home {
        return Vec::new();
    }
    mapping
        .entries()
        .iter()
        .filter(|entry| entry.direction.writes())
        .filter_map(|entry| {
            let class = entity.unit(&entry.unit)?.unit.class;
            let quiet = matches!(class, Class::Identity | Class::Contact);
            if quiet || may_receive.contains(&class) {
                return None;
            }
            let word = CLASSES.iter().find(|(_, c)| *c == class).map_or("", |(word, _)| *word);
            Some(Problem {
                file: mapping.file.clone(),
                line: entry.line,
                message: format!("unit `{}` is of class {word}, which this system may not receive", entry.unit),
                remedy: format!(
                    "Remove the entry, write direction = \"read\", or add \"{word}\" to the system's may_receive if it is really meant to go there."
                ),
            })
        })
        .collect()
}
