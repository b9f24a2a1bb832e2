//! `[alerts]`: when somebody is told.

use super::reader::{Reader, Table};
use bridge_core::Time;
use bridge_core::config_problem::Keys;
use bridge_engine::vitals::Limits;
use std::ops::Range;

impl<'s> Reader<'s> {
    pub(super) fn alerts(&mut self, table: Option<Table<'_, 's>>) -> Limits {
        let mut limits = Limits::default();
        let Some((table, span)) = table else { return limits };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let stale = keys.optional_text("stale_after");
        let parked = keys.optional_text("parked_after");
        let credentials = keys.optional_text("credentials_before");
        let share = keys.optional("budget_share");
        self.problems.extend(keys.finish());
        limits.stale_after = self.duration("stale_after", stale);
        if let Some(after) = self.duration("parked_after", parked) {
            limits.parked_after = after;
        }
        if let Some(before) = self.duration("credentials_before", credentials) {
            limits.credentials_before = before;
        }
        if let Some(value) = share {
            match value.get_ref().as_float().and_then(|f| f.as_str().parse::<f64>().ok()) {
                Some(share) if (0.0..=1.0).contains(&share) => limits.budget_share = share,
                _ => self.note(
                    value.span(),
                    "`budget_share` must be between 0 and 1",
                    "Write budget_share = 0.9 for 90 %.",
                ),
            }
        }
        limits
    }

    /// The end of a day in UTC, from `2027-01-31`.
    pub(super) fn date(&mut self, key: &str, value: Option<(&str, Range<usize>)>) -> Option<Time> {
        let (text, span) = value?;
        let end = text
            .parse::<jiff::civil::Date>()
            .ok()
            .and_then(|day| day.tomorrow().ok()?.in_tz("UTC").ok());
        if end.is_none() {
            self.note(
                span,
                format!("`{text}` is no date"),
                format!("Write it like {key} = \"2027-01-31\"."),
            );
        }
        end.map(|end| end.timestamp().as_microsecond())
    }
}
