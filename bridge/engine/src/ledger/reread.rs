//! What products do not tell of as a change is found by reading the books again from their beginning. Where that takes too many
//! calls for a night it is spread: each night the latest month of every kind, and of the rest what was read longest ago.

use super::keep::{Keep, State, kinds};
use super::{Ledger, cannot};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{DocumentKind, Shown};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Documents that one call lists, as far as costs are estimated: Xero's page (vendor-apis.md 7 says up to 1,000; the
/// connector asks for 500).
const PAGE: usize = 500;
/// A kind that takes so few calls is read whole rather than by months.
const FEW: usize = 1;
/// Before and after all documents.
const EDGES: (Date, Date) = (Date::constant(1900, 1, 1), Date::constant(2200, 1, 1));

/// How much of the books is read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reread {
    /// What the product says has changed.
    Changes,
    /// That, and what so many calls show of the rest.
    Share(usize),
    /// Everything.
    Whole,
}

/// When documents of one kind were read from the beginning, by the month of their dates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    whole: Option<Time>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    months: BTreeMap<Date, Time>,
}

impl Read {
    pub fn all(at: Time) -> Read {
        Read {
            whole: Some(at),
            months: BTreeMap::new(),
        }
    }

    fn of(&self, month: Date) -> Option<Time> {
        self.months.get(&month).copied().max(self.whole)
    }
}

/// Documents of the books that were read whole at one time; what changed since, as far as the product tells, is known too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Their kind.
    pub kind: DocumentKind,
    /// First day by their dates; none for the beginning.
    pub from: Option<Date>,
    /// Last day; none for no end.
    pub to: Option<Date>,
    /// When.
    pub at: Time,
}

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole(DocumentKind),
    Month(DocumentKind, Date),
}

/// How many documents there are, by kind and month.
type Counts = BTreeMap<DocumentKind, BTreeMap<Date, usize>>;

fn calls(documents: usize) -> usize {
    documents.div_ceil(PAGE).max(1)
}

/// What to read with so many calls, most urgent first.
fn due(
    counts: &Counts,
    dated: impl Fn(DocumentKind) -> bool,
    read: &BTreeMap<DocumentKind, Read>,
    most: usize,
) -> Vec<Part> {
    let whole = |kind: &DocumentKind| calls(counts[kind].values().sum());
    if counts.keys().map(whole).sum::<usize>() <= most {
        return counts.keys().copied().map(Part::Whole).collect();
    }
    let mut all: Vec<(bool, Option<Time>, usize, Part)> = Vec::new();
    for (kind, months) in counts {
        let read = read.get(kind).cloned().unwrap_or_default();
        let by_month = dated(*kind) && read.whole.is_some() && whole(kind) > FEW;
        if !by_month {
            // The first read of a kind cannot be put off: the proof would miss what it has never seen.
            let first = read.whole.is_none();
            all.push((!first, read.whole, whole(kind), Part::Whole(*kind)));
            continue;
        }
        let last = months.keys().next_back();
        for (month, documents) in months {
            let at = read.of(*month);
            all.push((Some(month) != last, at, calls(*documents), Part::Month(*kind, *month)));
        }
    }
    all.sort_by_key(|(later, at, ..)| (*later, *at));
    let (mut used, mut oldest) = (0, true);
    let mut parts = Vec::new();
    for (later, _, cost, part) in all {
        // What was read longest ago has its turn whatever it takes, or it would never have one.
        if later && !std::mem::take(&mut oldest) && used + cost > most {
            continue;
        }
        used += cost;
        parts.push(part);
    }
    parts
}

impl Ledger {
    /// Reads what changed in the books, and as much of the rest as is asked for.
    pub(super) async fn read_books(&self, state: &mut State, now: Time, how: Reread) -> Result<(), EngineError> {
        let parts = match how {
            Reread::Changes => Vec::new(),
            Reread::Whole => kinds().into_iter().map(Part::Whole).collect(),
            Reread::Share(most) => {
                let dated = |kind| self.accounting.lists_by_date(kind);
                due(&self.counts(state), dated, &state.read, most)
            }
        };
        let mut whole = Vec::new();
        for part in parts {
            match part {
                Part::Whole(kind) if self.accounting.keeps(kind) => {
                    self.mirror_kind(state, kind, now, true).await?;
                    whole.push(kind);
                }
                Part::Whole(_) => {}
                Part::Month(kind, month) => self.mirror_month(state, kind, month, now).await?,
            }
        }
        // Afterwards: a document that was re-dated meanwhile is told of as a change.
        for kind in kinds() {
            if self.accounting.keeps(kind) && !whole.contains(&kind) {
                self.mirror_kind(state, kind, now, false).await?;
            }
        }
        Ok(())
    }

    fn counts(&self, state: &State) -> Counts {
        let kept = kinds().into_iter().filter(|kind| self.accounting.keeps(*kind));
        let mut counts: Counts = kept.map(|kind| (kind, BTreeMap::new())).collect();
        for shown in state.shown.values() {
            if let Some(months) = counts.get_mut(&shown.kind) {
                *months.entry(shown.date.first_of_month()).or_default() += 1;
            }
        }
        counts
    }

    /// Reads the documents of a month anew; the first and the last month that there are have no edges.
    async fn mirror_month(
        &self,
        state: &mut State,
        kind: DocumentKind,
        month: Date,
        now: Time,
    ) -> Result<(), EngineError> {
        let months = self.counts(state).remove(&kind).unwrap_or_default();
        let from = match months.keys().next() {
            Some(first) if month <= *first => EDGES.0,
            _ => month,
        };
        let until = match months.keys().next_back() {
            Some(last) if month >= *last => EDGES.1,
            _ => month.saturating_add(1.month()),
        };
        let mut documents: Vec<Shown> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.accounting.list_dated(kind, (from, until), cursor.as_deref()).await;
            let page = page.map_err(|e| cannot([e.to_string()]))?;
            documents.extend(page.documents.into_iter().map(|shown| Shown { mark: None, ..shown }));
            if !page.more {
                break;
            }
            if cursor.as_ref() == Some(&page.cursor) {
                return Err(cannot([format!("the list of {kind:?} never ends")]));
            }
            cursor = Some(page.cursor);
        }
        let mut read = state.read.get(&kind).cloned().unwrap_or_default();
        read.months.insert(month, now);
        let mut keep = Keep::new(&self.store).await?;
        keep.shown_of_days(state, kind, (from, until), documents).await?;
        keep.read(state, kind, read).await?;
        keep.commit().await
    }

    /// As of when each part of the books was read whole, by kind and the documents' dates.
    pub async fn readings(&self) -> Vec<Reading> {
        let state = self.state.lock().await;
        let counts = self.counts(&state);
        let mut all: Vec<Reading> = Vec::new();
        for (kind, read) in &state.read {
            let none = BTreeMap::new();
            let months = counts.get(kind).unwrap_or(&none);
            let mut of_kind: Vec<Reading> = Vec::new();
            for month in months.keys() {
                let Some(at) = read.of(*month) else { continue };
                match of_kind.last_mut() {
                    Some(last) if last.at == at => {}
                    last => {
                        let from = last.map(|last| {
                            last.to = month.yesterday().ok();
                            *month
                        });
                        of_kind.push(Reading {
                            kind: *kind,
                            from,
                            to: None,
                            at,
                        });
                    }
                }
            }
            if let (true, Some(at)) = (of_kind.is_empty(), read.whole) {
                of_kind.push(Reading {
                    kind: *kind,
                    from: None,
                    to: None,
                    at,
                });
            }
            all.extend(of_kind);
        }
        all
    }

    /// [`Ledger::readings`] as a table, on the practice's clock.
    pub async fn readings_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["documents", "dated from", "to", "read whole"]);
        let day = |date: Option<Date>| date.map_or(String::new(), |date| date.to_string());
        for reading in self.readings().await {
            let at = Timestamp::from_microsecond(reading.at).unwrap_or_default();
            sheet.push([
                format!("{:?}", reading.kind),
                day(reading.from),
                day(reading.to),
                at.to_zoned(self.settings().zone.clone())
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string(),
            ]);
        }
        sheet
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Part, Read, calls, due};
    use bridge_core::ledger::DocumentKind::{Allocation, Invoice, Payment};
    use jiff::ToSpan;
    use jiff::civil::{Date, date};
    use std::collections::BTreeMap;

    fn months(count: i32, each: usize) -> BTreeMap<Date, usize> {
        (0..count)
            .map(|n| (date(2026, 1, 1).saturating_add(n.months()), each))
            .collect()
    }

    fn dated(kind: bridge_core::ledger::DocumentKind) -> bool {
        kind != Allocation
    }

    #[test]
    fn what_a_night_can_read_is_read_whole() {
        let counts: Counts = [(Invoice, months(12, 100)), (Payment, BTreeMap::new())].into();
        assert_eq!(
            due(&counts, dated, &BTreeMap::new(), 4),
            [Part::Whole(Invoice), Part::Whole(Payment)]
        );
    }

    #[test]
    fn every_month_has_its_turn_within_the_nights_that_its_calls_take() {
        let counts: Counts = [
            (Invoice, months(12, 4_000)),
            (Payment, months(12, 6_000)),
            (Allocation, months(3, 40)),
        ]
        .into();
        let mut read: BTreeMap<_, _> = counts.keys().map(|kind| (*kind, Read::all(0))).collect();
        let cost = |part: &Part| match part {
            Part::Whole(kind) => calls(counts[kind].values().sum()),
            Part::Month(kind, month) => calls(counts[kind][month]),
        };
        for night in 1..=20 {
            let parts = due(&counts, dated, &read, 60);
            assert!(parts.iter().map(cost).sum::<usize>() <= 60, "{parts:?}");
            for latest in [
                Part::Month(Invoice, date(2026, 12, 1)),
                Part::Month(Payment, date(2026, 12, 1)),
            ] {
                assert!(parts.contains(&latest), "{parts:?}");
            }
            for part in parts {
                match part {
                    Part::Whole(kind) => drop(read.insert(kind, Read::all(night))),
                    Part::Month(kind, month) => drop(read.get_mut(&kind).unwrap().months.insert(month, night)),
                }
            }
        }
        // 220 calls of older months by at least 28 a night.
        for (kind, all) in &counts {
            for month in all.keys() {
                assert!(read[kind].of(*month) >= Some(11), "{kind:?} {month}");
            }
        }
    }

    #[test]
    fn what_takes_more_than_a_night_has_its_turn_too() {
        let counts: Counts = [(Invoice, months(12, 4_000)), (Allocation, months(12, 4_000))].into();
        let mut read: BTreeMap<_, _> = counts.keys().map(|kind| (*kind, Read::all(0))).collect();
        read.insert(Invoice, Read::all(1));
        assert!(due(&counts, dated, &read, 20).contains(&Part::Whole(Allocation)));
        read.insert(Allocation, Read::all(2));
        let parts = due(&counts, dated, &read, 20);
        assert_eq!(parts.len(), 2, "the newest month, and another: {parts:?}");
    }

    #[test]
    fn what_was_never_read_is_not_put_off() {
        let counts: Counts = [(Invoice, months(12, 4_000)), (Payment, months(12, 6_000))].into();
        let parts = due(&counts, dated, &BTreeMap::new(), 10);
        assert_eq!(parts, [Part::Whole(Invoice), Part::Whole(Payment)]);
    }
}
