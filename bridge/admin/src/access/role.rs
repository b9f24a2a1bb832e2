//! What people are here for.

use serde::{Deserialize, Serialize};

/// What somebody may do. Which pages follow from it stands in one table, [`crate::app::routes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, and who else may use the app.
    Admin,
    /// Settles what waits for a person.
    Reviewer,
    /// Looks after the books.
    Bookkeeper,
    /// Reads everything and changes nothing.
    Auditor,
    /// Keeps the service running, and sees no personal values.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [
        Role::Admin,
        Role::Reviewer,
        Role::Bookkeeper,
        Role::Auditor,
        Role::Operator,
    ];

    /// Its name in forms, commands and the store.
    pub fn key(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Reviewer => "reviewer",
            Role::Bookkeeper => "bookkeeper",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Role::Admin => "Administrator",
            Role::Reviewer => "Reviewer",
            Role::Bookkeeper => "Bookkeeper",
            Role::Auditor => "Auditor",
            Role::Operator => "Operator",
        }
    }

    /// What it is for, in a line.
    pub fn purpose(self) -> &'static str {
        match self {
            Role::Admin => "sees everything and decides who may use the app",
            Role::Reviewer => "settles what waits for a person, with the values",
            Role::Bookkeeper => "sees how the books and the service are doing, without patients' details",
            Role::Auditor => "reads everything, changes nothing",
            Role::Operator => "keeps the service running, sees no personal details at all",
        }
    }

    /// The role of that name.
    pub fn parse(key: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.key() == key)
    }

    /// Whether patients' names and details are shown.
    pub fn sees_values(self) -> bool {
        matches!(self, Role::Admin | Role::Reviewer | Role::Auditor)
    }
}
