//! A report's CSV into calls or usage. A bad row is told with its line and column, and stops nothing.

use super::calls::Call;
use super::layout::{Column, Layout};
use super::usage::{Usage, UsageKind};
use crate::codec::{Country, e164};
use crate::ledger::Cents;
use crate::ledger::money::json_decimal;
use crate::report_rows::{self, bare, records};
use jiff::civil::{Date, DateTime};
use std::collections::BTreeMap;

pub use crate::ledger::settlement::RowProblem;

/// Reports may start with so many lines about themselves.
const PREAMBLE: usize = 40;
/// Longest call that is believed, seconds.
const LONGEST: i64 = 24 * 3600;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read<R> {
    /// Its rows.
    pub rows: Vec<R>,
    /// Rows that could not be read, or the file's lack of columns.
    pub problems: Vec<RowProblem>,
}

/// A kind of row.
pub trait Kind: Sized {
    /// Columns without which it is no such report: one of each list.
    const NEEDS: &'static [&'static [Column]];
    /// Reads a row; none for lines of totals.
    ///
    /// # Errors
    /// What is wrong with it.
    fn row(row: &Row<'_>) -> Result<Option<(Self, String)>, RowProblem>;
    /// Gives it its key.
    fn keyed(&mut self, key: String);
}

/// Reads a report. Comma, semicolon or tab separate; lines before the header are skipped.
pub fn read<R: Kind>(layout: &Layout, country: Country, bytes: &[u8]) -> Read<R> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let found = [b',', b';', b'\t'].into_iter().find_map(|separator| {
        let records = records(text, separator);
        let complete = |record: &[String]| {
            let header = header(layout, record);
            R::NEEDS
                .iter()
                .all(|any| any.iter().any(|column| header.contains_key(column)))
        };
        let at = records.iter().take(PREAMBLE).position(|(_, record)| complete(record))?;
        Some((header(layout, &records[at].1), records, at))
    });
    let mut all = Read {
        rows: Vec::new(),
        problems: Vec::new(),
    };
    let Some((header, records, at)) = found else {
        all.problems.push(no_header::<R>(layout));
        return all;
    };
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (line, record) in records.into_iter().skip(at + 1) {
        if record.iter().all(String::is_empty) {
            continue;
        }
        let row = Row {
            layout,
            country,
            header: &header,
            record: &record,
            line,
        };
        match R::row(&row) {
            Err(problem) => all.problems.push(problem),
            Ok(None) => {}
            Ok(Some((mut read, same))) => {
                // Of rows that are alike in one file each is one of its own.
                read.keyed(report_rows::key(same, &mut seen));
                all.rows.push(read);
            }
        }
    }
    all
}

/// Where each column stands, and how the file spells it.
type Header = BTreeMap<Column, (usize, String)>;

fn header(layout: &Layout, record: &[String]) -> Header {
    let cells: Vec<String> = record.iter().map(|cell| bare(cell)).collect();
    let place = |names: &Vec<String>| {
        let mut places = names
            .iter()
            .filter_map(|name| cells.iter().position(|cell| !cell.is_empty() && *cell == bare(name)));
        places.next().map(|at| (at, record[at].clone()))
    };
    let all = layout.columns.iter();
    all.filter_map(|(column, names)| Some((*column, place(names)?)))
        .collect()
}

fn no_header<R: Kind>(layout: &Layout) -> RowProblem {
    let names = |any: &&[Column]| {
        let names = any.iter().filter_map(|column| layout.columns.get(column)).flatten();
        names.cloned().collect::<Vec<_>>().join(", ")
    };
    let wanted: Vec<String> = R::NEEDS.iter().map(names).collect();
    RowProblem {
        line: 1,
        column: String::new(),
        message: format!("no line names these columns: one of {}", wanted.join("; one of ")),
        remedy:
            "Save the report as CSV with its column names; if they are others, give them in the file that `layout` \
                 of [telehealth] names"
                .into(),
    }
}

/// One row under reading.
pub struct Row<'a> {
    layout: &'a Layout,
    country: Country,
    header: &'a Header,
    record: &'a [String],
    line: u64,
}

impl Row<'_> {
    fn cell(&self, column: Column) -> Option<&str> {
        let (at, _) = self.header.get(&column)?;
        self.record.get(*at).map(String::as_str).filter(|cell| !cell.is_empty())
    }

    fn text(&self, column: Column) -> String {
        let text = self.cell(column).unwrap_or_default();
        // A link to a video room lets anybody in.
        let word = |word: &str| {
            let link = word.contains("://") || word.to_lowercase().contains("www.");
            if link {
                "[link left out]".to_owned()
            } else {
                word.to_owned()
            }
        };
        let words: Vec<String> = text.split_whitespace().map(word).collect();
        words.join(" ").chars().filter(|c| !c.is_control()).take(120).collect()
    }

    fn problem(&self, column: Column, message: &str, remedy: &str) -> RowProblem {
        RowProblem {
            line: self.line,
            column: self
                .header
                .get(&column)
                .map(|(_, name)| name.clone())
                .unwrap_or_default(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// A line of totals has no time and says so.
    fn totals(&self) -> bool {
        let total = |cell: &String| {
            ["total", "subtotal", "grandtotal"]
                .iter()
                .any(|t| bare(cell).starts_with(t))
        };
        self.record.iter().any(total)
    }

    fn time(&self, column: Column) -> Result<Option<DateTime>, RowProblem> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        let patterns = self.layout.time.iter();
        let by_pattern = |pattern: &String| {
            let parsed = jiff::fmt::strtime::parse(pattern, text).ok()?;
            parsed
                .to_datetime()
                .ok()
                .or_else(|| Some(parsed.to_date().ok()?.at(0, 0, 0, 0)))
        };
        let found = patterns.filter_map(by_pattern).next().or_else(|| iso(text));
        match found {
            Some(at) if (2000..2200).contains(&at.year()) => Ok(Some(at)),
            _ => Err(self.problem(
                column,
                "this is no time the layout knows",
                "Mend it, or add its pattern to `time` of the layout, e.g. \"%d/%m/%Y %H:%M\".",
            )),
        }
    }

    fn credits(&self) -> Result<Option<u32>, RowProblem> {
        let Some(text) = self.cell(Column::Credits) else {
            return Ok(None);
        };
        let plain = text.replace([',', '-', '\u{2212}', '+'], "");
        let credits = json_decimal(&plain.into())
            .ok()
            .filter(|n| n.is_integer())
            .and_then(|n| n.try_into().ok());
        credits.map(Some).ok_or_else(|| {
            let remedy = "Credits are whole: write the number alone.";
            self.problem(Column::Credits, "this is no number of credits", remedy)
        })
    }

    fn amount(&self) -> Result<Option<Cents>, RowProblem> {
        let Some(text) = self.cell(Column::Amount) else {
            return Ok(None);
        };
        let plain = text.replace([',', '$', '-', '\u{2212}', ' '], "").replace("AUD", "");
        let amount = json_decimal(&plain.into()).ok().and_then(|n| Cents::exact(n).ok());
        let wrong = || self.problem(Column::Amount, "this is no amount", "Write it like 110.00.");
        amount.map(Some).ok_or_else(wrong)
    }

    fn seconds(&self, start: DateTime) -> Result<Option<u32>, RowProblem> {
        if let Some(text) = self.cell(Column::Duration) {
            let length = duration(text).filter(|seconds| i64::from(*seconds) <= LONGEST);
            let remedy = "Write it like 12:30 (minutes and seconds), 0:12:30, or in minutes.";
            return length
                .map(Some)
                .ok_or_else(|| self.problem(Column::Duration, "this is no length of a call", remedy));
        }
        let Some(end) = self.time(Column::End)? else {
            return Ok(None);
        };
        let passed = start
            .until(end)
            .ok()
            .and_then(|span| span.total(jiff::Unit::Second).ok());
        match passed.map(|seconds| seconds as i64) {
            Some(seconds) if (0..=LONGEST).contains(&seconds) => Ok(u32::try_from(seconds).ok()),
            _ => Err(self.problem(
                Column::End,
                "the call ends before it begins, or a day later",
                "Mend it.",
            )),
        }
    }
}

impl Kind for Call {
    const NEEDS: &'static [&'static [Column]] = &[&[Column::Start], &[Column::Number, Column::Practitioner]];

    fn row(row: &Row<'_>) -> Result<Option<(Call, String)>, RowProblem> {
        let at = match row.time(Column::Start) {
            Ok(Some(at)) => at,
            _ if row.totals() => return Ok(None),
            Err(problem) => return Err(problem),
            Ok(None) => {
                return Err(row.problem(Column::Start, "the time is missing", "Give it, or take the line out."));
            }
        };
        let written = row.cell(Column::Number).unwrap_or_default();
        let number = number(written, row.country);
        let status = row.text(Column::Status);
        let connected = match () {
            () if row.layout.says("connected", &status) => Some(true),
            () if row.layout.says("failed", &status) => Some(false),
            () => None,
        };
        let practitioner = row.text(Column::Practitioner);
        // Not by what may be added to a call later: its end, its status, its credits.
        let same = match row.cell(Column::Id) {
            Some(id) => format!("call\u{0}{id}"),
            None => format!(
                "call\u{0}{at}\u{0}{}\u{0}{}",
                number.clone().unwrap_or_else(|| bare(written)),
                bare(&practitioner)
            ),
        };
        let call = Call {
            key: String::new(),
            at,
            seconds: row.seconds(at)?,
            number,
            practitioner,
            location: row.text(Column::Location),
            status,
            connected,
            credits: row.credits()?,
        };
        Ok(Some((call, same)))
    }

    fn keyed(&mut self, key: String) {
        self.key = key;
    }
}

impl Kind for Usage {
    const NEEDS: &'static [&'static [Column]] = &[&[Column::Start], &[Column::Credits], &[Column::Kind]];

    fn row(row: &Row<'_>) -> Result<Option<(Usage, String)>, RowProblem> {
        let at = match row.time(Column::Start) {
            Ok(Some(at)) => at,
            _ if row.totals() => return Ok(None),
            Err(problem) => return Err(problem),
            Ok(None) => return Err(row.problem(Column::Start, "the day is missing", "Give it, or take the line out.")),
        };
        let word = row.cell(Column::Kind).unwrap_or_default();
        let kind = [
            ("video", UsageKind::Video),
            ("phone", UsageKind::Phone),
            ("number", UsageKind::Number),
            ("top_up", UsageKind::TopUp),
        ];
        let kind = kind.into_iter().find(|(name, _)| row.layout.says(name, word));
        let usage = Usage {
            key: String::new(),
            day: at.date(),
            kind: kind.map_or(UsageKind::Other, |(_, kind)| kind),
            practitioner: row.text(Column::Practitioner),
            location: row.text(Column::Location),
            credits: row.credits()?.unwrap_or(0),
            amount: row.amount()?,
        };
        let same = match row.cell(Column::Id) {
            Some(id) => format!("usage\u{0}{id}"),
            None => format!(
                "usage\u{0}{at}\u{0}{}\u{0}{}\u{0}{}\u{0}{}\u{0}{:?}",
                bare(word),
                bare(&usage.practitioner),
                bare(&usage.location),
                usage.credits,
                usage.amount
            ),
        };
        Ok(Some((usage, same)))
    }

    fn keyed(&mut self, key: String) {
        self.key = key;
    }
}

/// The number in a cell, which may hold a name before it.
fn number(text: &str, country: Country) -> Option<String> {
    e164(text, country).or_else(|| {
        let from = text.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(')?;
        e164(text[from..].trim_end_matches([')', ' ', ']']), country)
    })
}

/// ISO; with an offset the wall clock as it is written.
fn iso(text: &str) -> Option<DateTime> {
    let whole = text.trim_end_matches('Z');
    let wall = whole.parse::<DateTime>().ok();
    wall.or_else(|| whole.get(..19)?.parse().ok()).or_else(|| {
        let day: Date = text.parse().ok()?;
        Some(day.at(0, 0, 0, 0))
    })
}

/// `h:mm:ss`, `m:ss`, `12 min`, `12`: seconds.
fn duration(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 1 {
        let numbers: Option<Vec<u32>> = parts.iter().map(|part| part.trim().parse().ok()).collect();
        let seconds = numbers?
            .into_iter()
            .try_fold(0u32, |all, n| all.checked_mul(60)?.checked_add(n));
        return seconds.filter(|_| parts.len() <= 3);
    }
    let words = text.to_lowercase();
    let digits = words
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(words.len());
    let amount: f64 = words[..digits].parse().ok()?;
    let unit = match words[digits..].trim() {
        "" | "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        _ => return None,
    };
    let seconds = (amount * unit).round();
    (seconds >= 0.0 && seconds <= LONGEST as f64).then_some(seconds as u32)
}
