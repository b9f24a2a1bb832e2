//! Searching documents: the parameters of each kind, its orders, and pages.

use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::HashSet;

use super::account::decimal;
use super::kinds::{By, Kind};
use super::store::{Document, Shelf};
use crate::answer::Call;
use crate::clock::span_of;
use crate::halaxy::patient::truncate;
use crate::halaxy::search::{BadSearch, Search, Span, span, within};
use crate::halaxy::switches::HalaxySwitches;

/// A filter that was asked for.
#[derive(Debug)]
pub(super) struct Filter {
    by: By,
    values: Vec<String>,
    span: Option<Span>,
}

/// The filters of a call that the kind knows and the switches honour.
///
/// # Errors
/// [`BadSearch`] for a value that cannot be read.
pub(super) fn filters(kind: &Kind, call: &Call, switches: &HalaxySwitches) -> Result<Vec<Filter>, BadSearch> {
    let mut filters = vec![];
    for (key, value) in &call.query {
        let bad = |status: u16| BadSearch {
            status,
            parameter: key.clone(),
        };
        if key == "_include" && value == "Invoice:item" {
            return Err(bad(422));
        }
        let name = key.split(':').next().unwrap_or(key);
        let known = kind.filters.iter().find(|(known, _)| *known == name);
        let Some((_, by)) = known.filter(|_| !switches.ignored_filters.iter().any(|ignored| ignored == name)) else {
            continue;
        };
        if matches!(by, By::TypedLink(_)) && !value.split(',').all(|link| link.contains('/')) {
            return Err(bad(422));
        }
        let span = match by {
            By::Created | By::Moment(_) => Some(span(value).ok_or_else(|| bad(400))?),
            _ => None,
        };
        filters.push(Filter {
            by: *by,
            values: value.split(',').map(|part| part.trim().to_owned()).collect(),
            span,
        });
    }
    Ok(filters)
}

/// The places of one page's rows, and how many rows there are in all.
pub(super) fn run(
    kind: &Kind,
    shelf: &Shelf,
    call: &Call,
    search: &Search,
    filters: &[Filter],
    switches: &HalaxySwitches,
) -> (Vec<usize>, usize) {
    let ignored = |name: &str| switches.ignored_filters.iter().any(|ignored| ignored == name);
    let ids: Option<HashSet<&str>> = call
        .param("_id")
        .filter(|_| !ignored("_id"))
        .map(|ids| ids.split(',').collect());
    let fits = |document: &Document| {
        let at = truncate(document.last_updated, switches.precision);
        !document.removed
            && (search.updated.0..=search.updated.1).contains(&at)
            && !search
                .not_updated
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&at))
            && ids.as_ref().is_none_or(|ids| ids.contains(&*document.id))
            && matches(document, filters, switches)
    };
    let mut found: Vec<&Document> = shelf.rows().iter().filter(|document| fits(document)).collect();
    let wanted = call.param("_sort").filter(|_| !ignored("_sort")).unwrap_or_default();
    let field = wanted.trim_start_matches('-');
    let by_created = kind.sorts.contains(&field) && field == "created";
    let tie = |document: &Document| {
        if switches.scattered_ties {
            document.seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7
        } else {
            document.seq
        }
    };
    if kind.sorts.contains(&field) && field == "date" {
        found.sort_by_cached_key(|document| (moment(&document.body()["start"]), tie(document)));
        if wanted.starts_with('-') {
            found.reverse();
        }
    } else if by_created {
        found.sort_by_key(|document| (truncate(document.created, switches.precision), tie(document)));
        if wanted.starts_with('-') {
            found.reverse();
        }
    } else if switches.scattered_ties {
        // Nobody promised any order; it only has to stay.
        found.sort_by_key(|document| tie(document));
    }
    let total = found.len();
    if !search.rows {
        return (Vec::new(), total);
    }
    let start = (search.page - 1).saturating_mul(search.count).min(total);
    let rows = &found[start..(start + search.count).min(total)];
    (rows.iter().map(|document| document.seq as usize).collect(), total)
}

fn matches(document: &Document, filters: &[Filter], switches: &HalaxySwitches) -> bool {
    if filters.is_empty() {
        return true;
    }
    let body = document.body();
    filters.iter().all(|filter| {
        if let (Some(span), By::Moment(member)) = (filter.span, filter.by) {
            return moment(&body[member]).is_some_and(|at| within(span, at));
        }
        if let Some(span) = filter.span {
            return within(span, truncate(document.created, switches.precision));
        }
        filter.values.iter().any(|value| one(filter.by, value, &body))
    })
}

fn one(by: By, value: &str, body: &Value) -> bool {
    let wanted = value.to_lowercase();
    match by {
        By::Created | By::Moment(_) => true,
        By::Part => parts(body).any(|part| links(&part["actor"]).any(|link| points(link, value))),
        By::PartStatus => parts(body).any(|part| status_of(part).is_some_and(|code| code == wanted)),
        By::Link(member) | By::TypedLink(member) => links(&body[member]).any(|link| points(link, value)),
        By::Funder => {
            let extensions = body["extension"].as_array().into_iter().flatten();
            extensions
                .flat_map(|extension| links(&extension["valueReference"]))
                .any(|link| points(link, value))
        }
        By::Word(member) => body[member].as_str().is_some_and(|word| word.to_lowercase() == wanted),
        By::Text(member) => body[member]
            .as_str()
            .is_some_and(|text| text.to_lowercase().starts_with(&wanted)),
        By::Code(member) => {
            let codings = body[member]["coding"].as_array().into_iter().flatten();
            codings.into_iter().any(|coding| coding["code"] == value)
        }
        By::Amount(member) => compares(value, decimal(&body[member]["value"])),
        By::Price => {
            let parts = body["unitPriceComponent"].as_array().into_iter().flatten();
            parts
                .into_iter()
                .any(|part| compares(value, decimal(&part["amount"]["value"])))
        }
    }
}

/// A time as a member shows it.
pub(super) fn moment(value: &Value) -> Option<i64> {
    span_of(value.as_str()?).map(|(first, _)| first)
}

/// Who takes part in an appointment.
pub(super) fn parts(body: &Value) -> impl Iterator<Item = &Value> {
    body["participant"].as_array().into_iter().flatten()
}

/// The status of a part.
pub(super) fn status_of(part: &Value) -> Option<&str> {
    part["modifierExtension"][0]["valueCoding"]["code"].as_str()
}

pub(super) fn links(value: &Value) -> impl Iterator<Item = &str> {
    let many = value.as_array().into_iter().flatten();
    many.chain(std::iter::once(value))
        .filter_map(|link| link["reference"].as_str())
}

/// Whether a reference is the one asked for, which may be spelt with or without its type.
pub(super) fn points(link: &str, asked: &str) -> bool {
    let id = |text: &str| text.rsplit('/').next().map(str::to_owned);
    let kind = |text: &str| text.rsplit('/').nth(1).map(str::to_owned);
    id(link) == id(asked) && kind(asked).is_none_or(|asked| kind(link) == Some(asked))
}

fn compares(asked: &str, amount: Decimal) -> bool {
    let split = asked
        .find(|letter: char| !letter.is_ascii_alphabetic())
        .unwrap_or(asked.len());
    let (prefix, number) = asked.split_at(split);
    let Ok(number) = number.parse::<Decimal>() else {
        return false;
    };
    match prefix {
        "gt" => amount > number,
        "ge" | "gte" => amount >= number,
        "lt" => amount < number,
        "le" | "lte" => amount <= number,
        "ne" => amount != number,
        _ => amount == number,
    }
}
