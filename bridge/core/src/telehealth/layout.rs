//! How Halaxy's reports are read: columns, words and times as data. Neither report publishes its columns, so the shipped
//! names are inferred from what help pages say the reports show; a file of the practice replaces any of them.

use crate::config_problem::{Problem, Source};
use crate::report_rows::bare;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Calls: Reports > Communication > Phone.
    Phone,
    /// Credits used and bought: the credit usage report.
    Credits,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// An id of the row.
    Id,
    /// The number called.
    Number,
    /// What became of the call.
    Status,
    /// Who called, or used the credits.
    Practitioner,
    /// The practice location.
    Location,
    /// When it began.
    Start,
    /// When it ended.
    End,
    /// How long it took: `h:mm:ss`, `m:ss`, or minutes.
    Duration,
    /// Credits.
    Credits,
    /// What credits were used for, by a word.
    Kind,
    /// What bought credits cost, tax included.
    Amount,
}

/// A report's columns and words. What is not given is as shipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// How times are written, by `strftime` patterns tried in order; ISO times are always read.
    #[serde(default)]
    pub time: Vec<String>,
    /// Names of columns, the best first, whatever their case, blanks and punctuation.
    #[serde(default)]
    pub columns: BTreeMap<Column, Vec<String>>,
    /// Words, whatever their case: `connected` and `failed` of calls; `video`, `phone`, `number` and `top_up` of credits.
    #[serde(default)]
    pub words: BTreeMap<String, Vec<String>>,
}

/// Both reports.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layouts {
    #[serde(default)]
    phone: Layout,
    #[serde(default)]
    credits: Layout,
}

// Read by the tests of this crate: it is well-formed.
static SHIPPED: LazyLock<Layouts> = LazyLock::new(|| {
    toml::from_str(include_str!("layouts.toml")).unwrap_or_else(|_| Layouts {
        phone: Layout::default(),
        credits: Layout::default(),
    })
});

impl Default for Layouts {
    fn default() -> Self {
        SHIPPED.clone()
    }
}

impl Layouts {
    /// A file of the practice, laid over what is shipped.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Layouts, Vec<Problem>> {
        let source = Source { file, text };
        let own: Layouts = toml::from_str(text).map_err(|e| {
            let remedy = "Write [phone.columns] or [credits.columns], e.g. number = [\"Dialled\"].";
            vec![source.problem(e.span().unwrap_or(0..0), e.message().to_owned(), remedy)]
        })?;
        Ok(Layouts {
            phone: over(own.phone, &SHIPPED.phone),
            credits: over(own.credits, &SHIPPED.credits),
        })
    }

    /// The layout of a report.
    pub fn of(&self, report: Report) -> &Layout {
        match report {
            Report::Phone => &self.phone,
            Report::Credits => &self.credits,
        }
    }
}

fn over(own: Layout, shipped: &Layout) -> Layout {
    let mut all = shipped.clone();
    if !own.time.is_empty() {
        all.time = own.time;
    }
    all.columns.extend(own.columns);
    all.words.extend(own.words);
    all
}

impl Layout {
    /// Whether a text is one of the words of that name.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        let said = bare(text);
        let words = self.words.get(name).into_iter().flatten();
        !said.is_empty() && words.into_iter().any(|word| bare(word) == said)
    }
}
