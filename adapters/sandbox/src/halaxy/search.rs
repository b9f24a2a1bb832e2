//! Searching patients: filters, order and pages (halaxy-api.md sections 4 and 5).

use std::collections::BTreeSet;

use super::patient::{Patient, digits, truncate};
use super::store::Patients;
use super::switches::HalaxySwitches;
use crate::answer::Call;
use crate::clock::span_of;

/// How a text filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    StartsWith,
    Contains,
    Exact,
}

/// A date filter as an interval of times, ends included, or everything but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    In(i64, i64),
    Not(i64, i64),
}

/// A filter other than `_id` and `_lastUpdated`.
#[derive(Debug)]
enum Filter {
    Text {
        letters: &'static str,
        how: How,
        values: Vec<String>,
    },
    BirthDate(Span),
    Created(Span),
    Active(bool),
    Status(Vec<String>),
}

/// What a page is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Id,
    LastUpdated,
    Name,
    Created,
}

/// Why a search cannot be run: the parameter and the HTTP status.
#[derive(Debug)]
pub(crate) struct BadSearch {
    pub status: u16,
    pub parameter: String,
}

/// A parsed search.
#[derive(Debug)]
pub(crate) struct Search {
    ids: Option<BTreeSet<u64>>,
    pub(super) updated: (i64, i64),
    pub(super) not_updated: Vec<(i64, i64)>,
    filters: Vec<Filter>,
    order: Order,
    descending: bool,
    pub page: usize,
    pub count: usize,
    pub with_total: bool,
    pub rows: bool,
}

/// The rows of one page and how many rows there are in all.
pub(crate) struct Page {
    pub ids: Vec<u64>,
    pub total: usize,
}

impl Search {
    /// Reads the parameters; what nobody knows is passed over without a word, as the product does.
    ///
    /// # Errors
    /// [`BadSearch`] for a value that cannot be read.
    pub fn parse(call: &Call, switches: &HalaxySwitches) -> Result<Self, BadSearch> {
        let mut search = Self {
            ids: None,
            updated: (i64::MIN / 4, i64::MAX / 4),
            not_updated: Vec::new(),
            filters: Vec::new(),
            order: Order::Id,
            descending: false,
            page: 1,
            count: switches.count_default,
            with_total: true,
            rows: true,
        };
        for (key, value) in &call.query {
            let (name, modifier) = key.split_once(':').unwrap_or((key, ""));
            if switches.ignored_filters.iter().any(|ignored| ignored == name) {
                continue;
            }
            let bad = || BadSearch {
                status: 400,
                parameter: key.clone(),
            };
            let how = match modifier {
                "" => How::StartsWith,
                "contains" => How::Contains,
                "exact" => How::Exact,
                _ => {
                    return Err(BadSearch {
                        status: 422,
                        parameter: key.clone(),
                    });
                }
            };
            let text = |letters| Filter::Text {
                letters,
                how,
                values: lower_list(value),
            };
            match name {
                "page" => search.page = value.parse::<usize>().map_err(|_| bad())?.max(1),
                "_count" => match value.parse::<usize>().map_err(|_| bad())? {
                    0 => search.rows = false,
                    count => search.count = count.min(switches.count_cap),
                },
                "_total" => search.with_total = value != "none",
                "_summary" => search.rows &= value != "count",
                "_sort" => search.sort_by(value),
                "_id" => {
                    search.ids = Some(value.split(',').filter_map(|id| id.trim().parse().ok()).collect());
                }
                "_lastUpdated" => match span(value).ok_or_else(bad)? {
                    Span::In(first, last) => {
                        search.updated = (search.updated.0.max(first), search.updated.1.min(last));
                    }
                    Span::Not(first, last) => search.not_updated.push((first, last)),
                },
                "name" => search.filters.push(text("gf")),
                "given" => search.filters.push(text("g")),
                "family" => search.filters.push(text("f")),
                "email" => search.filters.push(text("e")),
                "phone" => search.filters.push(Filter::Text {
                    letters: "p",
                    how,
                    values: value.split(',').map(digits).collect(),
                }),
                "birthdate" => search.filters.push(Filter::BirthDate(span(value).ok_or_else(bad)?)),
                "created" => search.filters.push(Filter::Created(span(value).ok_or_else(bad)?)),
                "active" => search.filters.push(Filter::Active(value.eq_ignore_ascii_case("true"))),
                "status" => search.filters.push(Filter::Status(lower_list(value))),
                _ => {}
            }
        }
        Ok(search)
    }

    fn sort_by(&mut self, value: &str) {
        let first = value.split(',').next().unwrap_or("");
        self.descending = first.starts_with('-');
        self.order = match first.trim_start_matches('-') {
            "_lastUpdated" => Order::LastUpdated,
            "name" => Order::Name,
            "created" => Order::Created,
            _ => Order::Id,
        };
    }

    /// The ids of the page asked for.
    pub fn run(&self, patients: &Patients, switches: &HalaxySwitches) -> Page {
        let precision = switches.precision;
        let narrowed = self.updated != (i64::MIN / 4, i64::MAX / 4);
        let plain = self.ids.is_none() && self.filters.is_empty() && self.not_updated.is_empty();
        if plain && !narrowed && self.order == Order::Id && !switches.scattered_ties {
            let rows = self.cut(patients.len());
            let ids = if self.descending {
                patients
                    .by_id()
                    .rev()
                    .map(|patient| patient.id)
                    .skip(rows.start)
                    .take(rows.len())
                    .collect()
            } else {
                patients
                    .by_id()
                    .map(|patient| patient.id)
                    .skip(rows.start)
                    .take(rows.len())
                    .collect()
            };
            return Page {
                ids,
                total: patients.len(),
            };
        }
        if plain && self.order == Order::LastUpdated && !switches.scattered_ties && !self.descending {
            let range = || patients.updated_between(self.updated.0, self.updated.1, precision);
            let total = range().count();
            let rows = self.cut(total);
            let page = range().skip(rows.start).take(rows.len());
            let ids = page.map(|(_, id)| id).collect();
            return Page { ids, total };
        }
        let mut found: Vec<(i64, u64)> = if let Some(ids) = &self.ids {
            ids.iter()
                .filter_map(|id| patients.get(*id))
                .map(|patient| (patient.shown_last_updated(precision), patient.id))
                .filter(|(at, _)| (self.updated.0..=self.updated.1).contains(at))
                .collect()
        } else {
            patients
                .updated_between(self.updated.0, self.updated.1, precision)
                .collect()
        };
        if !plain {
            found.retain(|(at, id)| {
                !self
                    .not_updated
                    .iter()
                    .any(|(first, last)| (first..=last).contains(&at))
                    && patients.get(*id).is_some_and(|patient| self.matches(patient, switches))
            });
        }
        self.sort(&mut found, patients, switches);
        let rows = self.cut(found.len());
        Page {
            ids: found[rows].iter().map(|(_, id)| *id).collect(),
            total: found.len(),
        }
    }

    fn cut(&self, total: usize) -> std::ops::Range<usize> {
        if !self.rows {
            return 0..0;
        }
        let start = (self.page - 1).saturating_mul(self.count).min(total);
        start..(start + self.count).min(total)
    }

    fn sort(&self, found: &mut [(i64, u64)], patients: &Patients, switches: &HalaxySwitches) {
        // An order nobody promised: equal values need not come by id.
        let tie = |id: u64| {
            if switches.scattered_ties {
                id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7
            } else {
                id
            }
        };
        match self.order {
            Order::Id => found.sort_unstable_by_key(|(_, id)| tie(*id)),
            Order::LastUpdated => found.sort_unstable_by_key(|(at, id)| (*at, tie(*id))),
            Order::Created => found.sort_by_cached_key(|(_, id)| {
                let created = patients.get(*id).map_or(0, |patient| patient.created);
                (truncate(created, switches.precision), tie(*id))
            }),
            Order::Name => found.sort_by_cached_key(|(_, id)| {
                let first = |letter| {
                    patients
                        .get(*id)
                        .and_then(|patient| patient.keys(letter).next().map(str::to_owned))
                        .unwrap_or_default()
                };
                (first('f'), first('g'), tie(*id))
            }),
        }
        if self.descending {
            found.reverse();
        }
    }

    fn matches(&self, patient: &Patient, switches: &HalaxySwitches) -> bool {
        self.filters.iter().all(|filter| match filter {
            Filter::Text { letters, how, values } => letters.chars().any(|letter| {
                patient.keys(letter).any(|key| {
                    values.iter().any(|value| match how {
                        How::StartsWith => key.starts_with(value.as_str()),
                        How::Contains => key.contains(value.as_str()),
                        How::Exact => key == value,
                    })
                })
            }),
            Filter::BirthDate(span) => patient.keys('b').filter_map(span_of).any(|(day, _)| within(*span, day)),
            Filter::Created(span) => within(*span, truncate(patient.created, switches.precision)),
            Filter::Active(active) => patient.body().get("active").is_some_and(|value| value == *active),
            Filter::Status(values) => patient
                .body()
                .pointer("/extension/0/valueString")
                .and_then(|value| value.as_str().map(str::to_lowercase))
                .is_some_and(|status| values.contains(&status)),
        })
    }
}

fn lower_list(value: &str) -> Vec<String> {
    value.split(',').map(|part| part.trim().to_lowercase()).collect()
}

pub(super) fn within(span: Span, at: i64) -> bool {
    match span {
        Span::In(first, last) => (first..=last).contains(&at),
        Span::Not(first, last) => !(first..=last).contains(&at),
    }
}

/// A prefixed date or time; FHIR's prefixes and the documentation's own `gte` and `lte`.
pub(super) fn span(value: &str) -> Option<Span> {
    let prefixes = ["gte", "lte", "gt", "ge", "lt", "le", "eq", "ne"];
    let prefix = prefixes
        .into_iter()
        .find(|prefix| value.starts_with(prefix))
        .unwrap_or("");
    let (first, last) = span_of(&value[prefix.len()..])?;
    Some(match prefix {
        "gt" => Span::In(last.saturating_add(1), i64::MAX / 4),
        "ge" | "gte" => Span::In(first, i64::MAX / 4),
        "lt" => Span::In(i64::MIN / 4, first.saturating_sub(1)),
        "le" | "lte" => Span::In(i64::MIN / 4, last),
        "ne" => Span::Not(first, last),
        _ => Span::In(first, last),
    })
}
