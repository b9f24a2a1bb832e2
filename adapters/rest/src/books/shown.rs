//! Records of an accounting product as the ledger knows them.

use super::chart::Chart;
use crate::connector::{LinesSpec, ShownSpec};
use crate::place::Place;
use bridge_core::ledger::money::json_decimal;
use bridge_core::ledger::{Cents, Currency, DocumentKind, Shown, ShownLine, Status};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The document that a row stands below.
#[derive(Clone, Debug)]
pub(super) struct Parent {
    pub kind: Option<DocumentKind>,
    pub id: String,
}

/// The first place that holds a text.
pub(super) fn first(places: &[Place], json: &Json) -> Option<String> {
    places
        .iter()
        .find_map(|place| place.text(json).filter(|text| !text.is_empty()))
}

/// The id of an allocation names its credit too, since it lives below it: `credit_note/ID/ID`.
pub(super) fn allocation_id(parent: &Parent, id: &str) -> String {
    let kind = parent.kind.map_or("credit", DocumentKind::name);
    format!("{kind}/{}/{id}", parent.id)
}

/// What a record shows; `None` if it is not of this kind.
///
/// # Errors
/// A word for what makes no sense; never a value.
pub(super) fn shown(
    kind: DocumentKind,
    spec: &ShownSpec,
    chart: &Chart,
    record: &Json,
    parent: Option<&Parent>,
) -> Result<Option<Shown>, &'static str> {
    if !spec.only.holds(record) {
        return Ok(None);
    }
    let id = first(&spec.id, record).ok_or("a document without id")?;
    let remote_id = match parent {
        Some(parent) if kind == DocumentKind::Allocation => allocation_id(parent, &id),
        _ => id,
    };
    let holds = |test: &Option<crate::connector::Condition>| test.as_ref().is_some_and(|test| test.holds(record));
    let signed = |amount: Cents| if spec.negative { -amount } else { amount };
    let amount = |places: &[Place]| -> Result<Option<Cents>, &'static str> { Ok(cents(places, record)?.map(signed)) };
    let lines = match &spec.lines {
        Some(lines) => shown_lines(lines, chart, record, spec.negative)?,
        None => None,
    };
    let total = match amount(&spec.total)? {
        Some(total) => total,
        None if kind == DocumentKind::Journal => lines.iter().flatten().map(|line| line.net + line.tax).sum(),
        None => return Err("a document without total"),
    };
    let open = amount(&spec.open)?;
    let status = if holds(&spec.void) {
        Status::Void
    } else if holds(&spec.draft) {
        Status::Draft
    } else {
        let settled = match (&spec.settled, open) {
            (Some(test), _) => test.holds(record),
            (None, Some(open)) => open.is_zero(),
            // Of what never has anything open on it.
            (None, None) => {
                use DocumentKind::{Allocation, Journal, Payment, Refund};
                matches!(kind, Payment | Refund | Allocation | Journal)
            }
        };
        if settled { Status::Settled } else { Status::Open }
    };
    let date = spec.date.iter().map(|place| date_at(place, record));
    let date = date.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().next();
    let key = first(&spec.key, record).and_then(|key| match &spec.key_ends {
        Some(end) => key.split(end.as_str()).next().map(str::to_string),
        None => Some(key),
    });
    Ok(Some(Shown {
        kind,
        remote_id,
        key: key.filter(|key| !key.is_empty()),
        status,
        date: date.ok_or("a document without date")?,
        currency: first(&spec.currency, record).and_then(|code| Currency::new(&code).ok()),
        contact: first(&spec.contact, record),
        of: parent
            .map(|parent| parent.id.clone())
            .or_else(|| first(&spec.of, record)),
        to: first(&spec.to, record),
        account: first(&spec.account, record).map(|account| chart.account_code("", &account)),
        total,
        tax: amount(&spec.tax)?,
        open,
        lines,
        mark: first(&spec.mark, record),
    }))
}

fn shown_lines(
    spec: &LinesSpec,
    chart: &Chart,
    record: &Json,
    negative: bool,
) -> Result<Option<Vec<ShownLine>>, &'static str> {
    let rows = spec.at.list(record);
    if rows.is_empty() {
        return Ok(None);
    }
    let inclusive = spec.inclusive.as_ref().is_some_and(|test| test.holds(record));
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| spec.only.holds(row)) {
        // A line of text alone has neither account nor amount.
        let (Some(account), Some(amount)) = (first(&spec.account, row), cents(&spec.net, row)?) else {
            continue;
        };
        let credit = spec.credit.as_ref().is_some_and(|test| test.holds(row));
        let signed = |amount: Cents| if credit != negative { -amount } else { amount };
        let tax = cents(&spec.tax, row)?.unwrap_or(Cents::ZERO);
        let net = if inclusive { amount - tax } else { amount };
        let mut tracking = BTreeMap::new();
        if let Some(spec) = &spec.tracking {
            for one in spec.at.list(row) {
                let category = spec.category.as_ref().and_then(|place| place.text(one));
                let option = spec.option.text(one);
                let named = option.and_then(|option| chart.option_named(category.as_deref(), &option));
                tracking.extend(named);
            }
        }
        lines.push(ShownLine {
            account: chart.account_code(&spec.group, &account),
            tax_code: first(&spec.tax_code, row).map(|code| chart.rate_code(&code)),
            net: signed(net),
            tax: signed(tax),
            tracking,
        });
    }
    Ok(Some(lines))
}

/// The first amount among places, which must be whole cents.
fn cents(places: &[Place], json: &Json) -> Result<Option<Cents>, &'static str> {
    let Some(value) = places.iter().find_map(|place| place.one(json)) else {
        return Ok(None);
    };
    let decimal = json_decimal(value).map_err(|_| "an amount that is no number")?;
    Cents::exact(decimal)
        .map(Some)
        .map_err(|_| "an amount with fractions of a cent")
}

/// The date at a place: `2026-03-04`, a moment that begins so, or `/Date(1772582400000+0000)/`, whose
/// milliseconds count from 1970 in UTC and whose offset says on which clock the day is meant.
///
/// # Errors
/// If something else stands there.
pub(super) fn date_at(place: &Place, json: &Json) -> Result<Option<Date>, &'static str> {
    match place.text(json).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => date(&text).map(Some).ok_or("a date that is none"),
    }
}

fn date(text: &str) -> Option<Date> {
    let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) else {
        return text.get(..10)?.parse().ok();
    };
    // A sign in front belongs to the milliseconds.
    let sign = inner
        .char_indices()
        .skip(1)
        .find(|(_, c)| "+-".contains(*c))
        .map(|(at, _)| at);
    let (millis, offset) = inner.split_at(sign.unwrap_or(inner.len()));
    let minutes = match offset.len() {
        0 => 0,
        5 => {
            let (hours, minutes): (i64, i64) = (offset.get(1..3)?.parse().ok()?, offset.get(3..)?.parse().ok()?);
            (hours * 60 + minutes) * if offset.starts_with('-') { -1 } else { 1 }
        }
        _ => return None,
    };
    let millis = millis.parse::<i64>().ok()?.checked_add(minutes * 60_000)?;
    let moment = Timestamp::from_millisecond(millis).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::date;
    use jiff::civil::Date;

    #[test]
    fn dates_in_every_spelling() {
        let day = Some(Date::constant(2026, 3, 4));
        for text in [
            "2026-03-04",
            "2026-03-04T00:00:00",
            "2026-03-04T23:10:00+11:00",
            "/Date(1772582400000)/",
            "/Date(1772582400000+0000)/",
            "/Date(1772539200000+1300)/",
            "/Date(1772596800000-0400)/",
        ] {
            assert_eq!(date(text), day, "{text}");
        }
        assert_eq!(date("/Date(-86400000+0000)/"), Some(Date::constant(1969, 12, 31)));
        for text in ["", "yesterday", "/Date(x)/", "/Date(1+5)/", "2026-13-04"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
