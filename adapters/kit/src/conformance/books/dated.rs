//! Lists by date: what a day's list shows is what the whole list shows of that day.

use super::super::{Found, Verdict};
use super::desk::{Desk, must, skipped};
use bridge_core::ledger::{DocumentKind, Shown};
use jiff::civil::Date;
use std::collections::BTreeSet;

const KINDS: [DocumentKind; 7] = [
    DocumentKind::Invoice,
    DocumentKind::CreditNote,
    DocumentKind::Payment,
    DocumentKind::Prepayment,
    DocumentKind::Overpayment,
    DocumentKind::Refund,
    DocumentKind::Journal,
];

/// Run after the other checks, so that there is something of every kind.
pub(super) async fn listed(desk: &Desk<'_>) -> Found {
    let kinds: Vec<DocumentKind> = KINDS
        .into_iter()
        .filter(|kind| desk.books.keeps(*kind) && desk.books.lists_by_date(*kind))
        .collect();
    if kinds.is_empty() {
        return skipped("nothing is listed by date");
    }
    for kind in kinds {
        let (all, _) = desk.listed(kind, None).await?;
        let days: BTreeSet<Date> = all.iter().map(|shown| shown.date).collect();
        for day in days {
            let next = day.tomorrow().map_err(|error| error.to_string())?;
            let of_day = dated(desk, kind, (day, next)).await?;
            let wanted = all.iter().filter(|shown| shown.date == day);
            must(ids(wanted) == ids(of_day.iter()), || {
                format!("{kind:?}: the list of {day} is another than what all of them show of it")
            })?;
        }
        let long_ago = (Date::constant(1900, 1, 1), Date::constant(1900, 2, 1));
        let none = dated(desk, kind, long_ago).await?;
        must(none.is_empty(), || {
            format!("{kind:?}: a list of no day shows something")
        })?;
    }
    Ok(Verdict::Passed)
}

fn ids<'a>(of: impl Iterator<Item = &'a Shown>) -> BTreeSet<&'a str> {
    of.map(|shown| shown.remote_id.as_str()).collect()
}

async fn dated(desk: &Desk<'_>, kind: DocumentKind, days: (Date, Date)) -> Result<Vec<Shown>, String> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = desk.books.list_dated(kind, days, cursor.as_deref()).await;
        let page = page.map_err(|error| error.to_string())?;
        all.extend(page.documents);
        if !page.more {
            return Ok(all);
        }
        cursor = Some(page.cursor);
    }
}
