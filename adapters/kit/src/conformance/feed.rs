//! Checks of the change feed and of full listings.

use super::{Bench, Found, MOST_PAGES, Verdict, collect, holds, missing};
use std::collections::{BTreeMap, BTreeSet};

/// Enough for several pages of every product known.
const MANY: u32 = 230;

pub(super) async fn full_pass(bench: &Bench<'_>) -> Found {
    for n in 0..3 {
        bench.person.create(n).await;
    }
    bench.settle().await;
    let there = bench.person.ids().await;
    let (rows, _) = bench.pass(None).await?;
    let seen: BTreeSet<String> = rows.keys().cloned().collect();
    let hidden = missing(&there, &seen);
    holds(hidden.is_empty(), || format!("never on a page: {hidden:?}"))
}

pub(super) async fn quiet_poll(bench: &Bench<'_>) -> Found {
    let (before, cursor) = bench.pass(None).await?;
    bench.settle().await;
    let (again, _) = bench.pass(Some(cursor)).await?;
    let strange: Vec<&String> = again
        .iter()
        .filter(|(id, rows)| {
            let known = before.get(*id).and_then(|rows| rows.last());
            rows.iter().any(|row| known.is_none_or(|known| known.body != row.body))
        })
        .map(|(id, _)| id)
        .collect();
    holds(strange.is_empty(), || {
        format!("nothing happened, yet these rows differ: {strange:?}")
    })
}

pub(super) async fn change_shows(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(10).await;
    bench.settle().await;
    let (_, cursor) = bench.pass(None).await?;
    bench.settle().await;
    bench.person.edit(&id, 11).await;
    bench.settle().await;
    let (rows, cursor) = bench.pass(Some(cursor)).await?;
    let shown = rows
        .get(&id)
        .is_some_and(|rows| rows.iter().any(|row| bench.person.shows_edit(&row.body, 11)));
    if !shown {
        return Err("an edit did not show".into());
    }
    // Once more, at once: two edits within the product's grain of time.
    bench.person.edit(&id, 12).await;
    bench.settle().await;
    let (rows, _) = bench.pass(Some(cursor)).await?;
    let shown = rows
        .get(&id)
        .is_some_and(|rows| rows.iter().any(|row| bench.person.shows_edit(&row.body, 12)));
    holds(shown, || "the second of two edits did not show".into())
}

pub(super) async fn old_cursor(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(20).await;
    bench.settle().await;
    let (_, cursor) = bench.pass(None).await?;
    bench.person.edit(&id, 21).await;
    bench.settle().await;
    for attempt in ["first", "second"] {
        let (rows, _) = bench.pass(Some(cursor.clone())).await?;
        let shown = rows
            .get(&id)
            .is_some_and(|rows| rows.iter().any(|row| bench.person.shows_edit(&row.body, 21)));
        if !shown {
            return Err(format!("the {attempt} pass from the same cursor did not show the edit"));
        }
    }
    Ok(Verdict::Passed)
}

pub(super) async fn one_moment(bench: &Bench<'_>) -> Found {
    bench.settle().await;
    let (_, cursor) = bench.pass(None).await?;
    bench.settle().await;
    let mut made = BTreeSet::new();
    for n in 0..MANY {
        made.insert(bench.person.create(1_000 + n).await);
    }
    bench.settle().await;
    let (rows, _) = bench.pass(Some(cursor)).await?;
    let seen: BTreeSet<String> = rows.keys().cloned().collect();
    let hidden = missing(&made, &seen);
    holds(hidden.is_empty(), || {
        format!(
            "{} of {MANY} never on a page, e.g. {hidden:?}",
            made.difference(&seen).count()
        )
    })
}

/// Edits and removes records while pages are being read: some already seen, some not.
pub(super) async fn moving_rows(bench: &Bench<'_>) -> Found {
    let before = bench.person.ids().await;
    let mut rows = BTreeMap::new();
    let mut cursor: Option<String> = None;
    let mut removed = BTreeSet::new();
    let mut pages = 0;
    loop {
        let page = bench.changes(cursor.as_deref()).await?;
        let first = page.records.first().map(|row| row.id.clone());
        let (next, more) = (page.cursor.clone(), page.more);
        collect(&mut rows, page);
        cursor = Some(next);
        pages += 1;
        if !more {
            break;
        }
        if pages > MOST_PAGES {
            return Err(format!("the pass did not end after {MOST_PAGES} pages"));
        }
        if pages <= 12 {
            // What was seen goes away or moves on, so that what was not seen takes its place.
            if let Some(id) = first.filter(|id| before.contains(id) && !removed.contains(id)) {
                if pages % 3 == 0 && bench.person.remove(&id).await {
                    removed.insert(id);
                } else {
                    bench.person.edit(&id, 30 + pages as u32).await;
                }
            }
        }
    }
    let mut seen: BTreeSet<String> = rows.keys().cloned().collect();
    let stayed: BTreeSet<String> = before.difference(&removed).cloned().collect();
    if !bench.traits.lag.is_zero() {
        // Where lists lag, what was edited meanwhile may show in the next pass only.
        bench.settle().await;
        let (late, _) = bench.pass(cursor).await?;
        seen.extend(late.into_keys());
    }
    let hidden = missing(&stayed, &seen);
    holds(hidden.is_empty(), || format!("never on a page: {hidden:?}"))
}

pub(super) async fn listing(bench: &Bench<'_>) -> Found {
    bench.settle().await;
    let there = bench.person.ids().await;
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = bench.adapter.listing(bench.kind, cursor.as_deref()).await;
        let page = page.map_err(|error| format!("listing failed: {error}"))?;
        seen.extend(page.records.into_iter().filter(|row| row.alive).map(|row| row.id));
        cursor = Some(page.cursor);
        if !page.more {
            let hidden = missing(&there, &seen);
            let invented = missing(&seen, &there);
            return holds(hidden.is_empty() && invented.is_empty(), || {
                format!("not listed: {hidden:?}; listed but not there: {invented:?}")
            });
        }
    }
    Err(format!("the listing did not end after {MOST_PAGES} pages"))
}
