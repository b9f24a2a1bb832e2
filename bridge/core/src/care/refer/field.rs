//! What is told of a referrer.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Whether a record is of a person or of a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A professional contact (`Practitioner/EP-...`).
    Person,
    /// A professional contact's practice (`Organization/SP-...`).
    Practice,
}

impl Sort {
    /// Both; practices first, since persons may name them.
    pub const ALL: [Sort; 2] = [Sort::Practice, Sort::Person];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Sort::Person => "person",
            Sort::Practice => "practice",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing that is told. Which of them, and where they stand, is said by the CRM's connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Our key.
    Key,
    /// What marks the record: `referrer` or `referring practice`.
    Role,
    /// Title, e.g. Dr.
    Title,
    /// Given names.
    Given,
    /// Family name.
    Family,
    /// The whole name, or that of the practice.
    Name,
    /// E-mail address at work.
    Email,
    /// Phone number at work, in E.164 where it is one.
    Phone,
    /// Street of the practice.
    Street,
    /// Suburb.
    City,
    /// State.
    State,
    /// Postcode.
    Postcode,
    /// Medicare provider number at that practice.
    ProviderNumber,
    /// Name of the practice a person works at.
    Practice,
    /// The CRM's id of that practice's record.
    PracticeRecord,
    /// `yes`, or `no` once Halaxy says they are not active any more.
    Active,
    /// Referrals that began this month.
    MonthReferrals,
    /// Referrals that began this year.
    YearReferrals,
    /// Month of the newest referral, `2026-03`.
    LastReferral,
}

impl Field {
    /// Every field with the name that connector files use.
    pub const ALL: [(Field, &'static str); 19] = [
        (Field::Key, "key"),
        (Field::Role, "role"),
        (Field::Title, "title"),
        (Field::Given, "given"),
        (Field::Family, "family"),
        (Field::Name, "name"),
        (Field::Email, "email"),
        (Field::Phone, "phone"),
        (Field::Street, "street"),
        (Field::City, "city"),
        (Field::State, "state"),
        (Field::Postcode, "postcode"),
        (Field::ProviderNumber, "provider_number"),
        (Field::Practice, "practice"),
        (Field::PracticeRecord, "practice_record"),
        (Field::Active, "active"),
        (Field::MonthReferrals, "month_referrals"),
        (Field::YearReferrals, "year_referrals"),
        (Field::LastReferral, "last_referral"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Field::ALL.iter().find(|(field, _)| *field == self);
        found.map_or("", |(_, name)| name)
    }

    /// Whether it is ours alone: it is written over whatever a record that we did not make holds there.
    pub fn is_ours(self) -> bool {
        matches!(
            self,
            Field::Role
                | Field::Active
                | Field::PracticeRecord
                | Field::MonthReferrals
                | Field::YearReferrals
                | Field::LastReferral
        )
    }
}

/// Fields with their texts; a blank one clears.
pub type Fields = BTreeMap<Field, String>;
