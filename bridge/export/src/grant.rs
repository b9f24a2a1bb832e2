//! Which privacy classes an export may hold.

use bridge_core::Class;
use std::collections::BTreeSet;
use std::str::FromStr;

/// The classes that can be granted. Health information is not among them, whoever asks.
const WORDS: [(&str, Class); 4] = [
    ("identity", Class::Identity),
    ("contact", Class::Contact),
    ("financial", Class::Financial),
    ("appointment", Class::Appointment),
];

/// Classes that may be, or are to be, in an export. Columns without a class always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant(BTreeSet<Class>);

/// A word that names no class which can be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Health information.
    #[error("class `clinical` is never exported: clinical systems hold it, and nothing else is to")]
    Clinical,
    /// No class at all.
    #[error("there is no class `{0}`: name some of identity, contact, financial, appointment")]
    Unknown(String),
}

impl Grant {
    /// Of words such as `identity`.
    ///
    /// # Errors
    /// [`GrantError`] for the first that cannot be granted.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Grant, GrantError> {
        let class = |word: &str| match WORDS.iter().find(|(name, _)| *name == word) {
            Some((_, class)) => Ok(*class),
            None if word == "clinical" => Err(GrantError::Clinical),
            None => Err(GrantError::Unknown(word.into())),
        };
        words.into_iter().map(class).collect::<Result<_, _>>().map(Grant)
    }

    /// Everything that can be granted.
    pub fn all() -> Grant {
        Grant(WORDS.iter().map(|(_, class)| *class).collect())
    }

    /// Whether a column of that class may be there.
    pub fn allows(&self, class: Option<Class>) -> bool {
        class.is_none_or(|class| self.0.contains(&class))
    }

    /// The words of what is asked for here and not granted there.
    pub fn beyond(&self, granted: &Grant) -> Vec<&'static str> {
        let missing = |class: &&Class| !granted.0.contains(class);
        self.0.iter().filter(missing).map(|class| word(Some(*class))).collect()
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    /// Words with commas between them; none is no class.
    fn from_str(text: &str) -> Result<Grant, GrantError> {
        Grant::of(text.split(',').map(str::trim).filter(|word| !word.is_empty()))
    }
}

/// A class as the configuration spells it; `-` for none.
pub fn word(class: Option<Class>) -> &'static str {
    match class {
        None => "-",
        Some(Class::Clinical) => "clinical",
        Some(class) => WORDS
            .iter()
            .find(|(_, known)| *known == class)
            .map_or("-", |(word, _)| *word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_information_cannot_be_granted() {
        assert_eq!("clinical".parse::<Grant>(), Err(GrantError::Clinical));
        assert_eq!("name".parse::<Grant>(), Err(GrantError::Unknown("name".into())));
        assert!(!Grant::all().allows(Some(Class::Clinical)));
        let asked = "identity, contact".parse::<Grant>().unwrap_or_default();
        assert!(asked.allows(None) && asked.allows(Some(Class::Contact)) && !asked.allows(Some(Class::Financial)));
        assert_eq!(asked.beyond(&"contact".parse().unwrap_or_default()), ["identity"]);
    }
}
