//! Searches (halaxy-api.md sections 4 and 5).

use crate::stamp;
use bridge_core::Time;

/// The most rows a page can have.
pub const PAGE_SIZE: usize = 100;

/// How a text filter compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// Begins with, whatever the case.
    #[default]
    StartsWith,
    /// Contains.
    Contains,
    /// Is, to the letter.
    Exact,
}

impl Compare {
    fn modifier(self) -> &'static str {
        match self {
            Compare::StartsWith => "",
            Compare::Contains => ":contains",
            Compare::Exact => ":exact",
        }
    }
}

/// A search over one resource type. Filters are ANDed. Halaxy passes over some filters without a
/// word: check each row of an answer against what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    parts: Vec<(String, String)>,
}

impl Query {
    /// Everything.
    pub fn all() -> Query {
        Query::default()
    }

    fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Query {
        self.parts.push((name.into(), value.into()));
        self
    }

    /// These records. A comma in an id would make two of it, so such ids must be read singly.
    pub fn ids<'a>(self, ids: impl IntoIterator<Item = &'a str>) -> Query {
        let list = ids.into_iter().collect::<Vec<_>>().join(",");
        self.with("_id", list)
    }

    /// Changed at or after this second.
    pub fn changed_from(self, time: Time) -> Query {
        self.with("_lastUpdated", format!("ge{}", stamp::spell(time)))
    }

    /// Changed before this second.
    pub fn changed_before(self, time: Time) -> Query {
        self.with("_lastUpdated", format!("lt{}", stamp::spell(time)))
    }

    /// Any part of the name.
    pub fn name(self, compare: Compare, text: &str) -> Query {
        self.with(format!("name{}", compare.modifier()), text)
    }

    /// Given name.
    pub fn given(self, compare: Compare, text: &str) -> Query {
        self.with(format!("given{}", compare.modifier()), text)
    }

    /// Family name.
    pub fn family(self, compare: Compare, text: &str) -> Query {
        self.with(format!("family{}", compare.modifier()), text)
    }

    /// E-mail address.
    pub fn email(self, text: &str) -> Query {
        self.with("email", text)
    }

    /// Phone number, local or E.164.
    pub fn phone(self, text: &str) -> Query {
        self.with("phone", text)
    }

    /// Birth date, `YYYY-MM-DD`.
    pub fn birth_date(self, date: &str) -> Query {
        self.with("birthdate", date)
    }

    /// Status, e.g. `current`.
    pub fn status(self, status: &str) -> Query {
        self.with("status", status)
    }

    /// Active or not.
    pub fn active(self, active: bool) -> Query {
        self.with("active", active.to_string())
    }

    /// Sorted by this field; `-` in front reverses.
    pub fn sort(self, field: &str) -> Query {
        self.with("_sort", field)
    }

    /// Whether the answer tells how many rows there are in all.
    pub fn total(self, wanted: bool) -> Query {
        self.with("_total", if wanted { "accurate" } else { "none" })
    }

    /// Any other parameter.
    pub fn parameter(self, name: &str, value: &str) -> Query {
        self.with(name, value)
    }

    pub(crate) fn into_parts(self) -> Vec<(String, String)> {
        self.parts
    }
}
