//! Which events a webhook is for, written like the binding of a queue to a topic exchange
//! (<https://www.rabbitmq.com/tutorials/tutorial-five-python>): words with dots between them, `*` for one word and
//! `#` for any number of them.

use std::str::FromStr;

/// A pattern of routing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

/// The text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern: write words with dots between them, * for one word and # for any number of words")]
pub struct PatternError(String);

impl Default for Pattern {
    /// All events.
    fn default() -> Self {
        Self(vec!["#".into()])
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let words: Vec<String> = text.split('.').map(str::to_string).collect();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let fine = |word: &String| word == "*" || word == "#" || !word.is_empty() && word.chars().all(plain);
        if words.iter().all(fine) {
            Ok(Self(words))
        } else {
            Err(PatternError(text.into()))
        }
    }
}

impl Pattern {
    /// Whether a routing key is meant.
    pub fn matches(&self, key: &str) -> bool {
        let words: Vec<&str> = key.split('.').collect();
        // What of the key may be used up by the pattern so far.
        let mut reached = vec![false; words.len() + 1];
        reached[0] = true;
        for part in &self.0 {
            let mut next = vec![false; words.len() + 1];
            for place in 0..=words.len() {
                if part == "#" {
                    next[place] = reached[place] || place > 0 && next[place - 1];
                } else if place > 0 {
                    next[place] = reached[place - 1] && (part == "*" || part == words[place - 1]);
                }
            }
            reached = next;
        }
        reached[words.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, key: &str) -> bool {
        pattern.parse::<Pattern>().is_ok_and(|pattern| pattern.matches(key))
    }

    #[test]
    fn patterns_mean_what_they_mean_in_a_broker() {
        let key = "sampleton-clinic.crm.contacts.updated";
        for yes in [
            "#",
            "*.crm.*.updated",
            "*.*.*.*",
            "sampleton-clinic.#",
            "#.updated",
            "#.crm.#",
            key,
            "#.*.*.*.*",
        ] {
            assert!(matches(yes, key), "{yes}");
        }
        for no in [
            "*",
            "*.crm.*",
            "*.halaxy.#",
            "#.created",
            "*.*.*.*.*",
            "crm.#",
            "#.*.*.*.*.*",
        ] {
            assert!(!matches(no, key), "{no}");
        }
        for bad in ["", "a..b", "Crm.#", "a b", "**", "crm.", "ä"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        assert!(Pattern::default().matches(key));
    }

    /// The definition, word by word.
    fn plain(pattern: &[&str], words: &[&str]) -> bool {
        match (pattern.split_first(), words.split_first()) {
            (None, None) => true,
            (Some((&"#", rest)), _) => plain(rest, words) || (!words.is_empty() && plain(pattern, &words[1..])),
            (Some((part, rest)), Some((word, words))) => (*part == "*" || part == word) && plain(rest, words),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_the_definition(
            pattern in prop::collection::vec("[ab*#]", 1..6),
            key in prop::collection::vec("[ab]", 1..6),
        ) {
            let parts: Vec<&str> = pattern.iter().map(String::as_str).collect();
            let words: Vec<&str> = key.iter().map(String::as_str).collect();
            prop_assert_eq!(matches(&pattern.join("."), &key.join(".")), plain(&parts, &words));
        }
    }
}
