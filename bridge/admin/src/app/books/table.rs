//! Tables of the books as pages show them: amounts grouped, and what is below zero told by its sign and not by colour alone.

use crate::app::words::{capital, thousands};
use bridge_core::ledger::sheet::Sheet;
use bridge_engine::ledger::office::Section;
use serde::Serialize;

/// A table.
#[derive(Serialize)]
pub struct Table {
    pub title: String,
    pub note: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    pub more: u64,
    /// Where all of it stands, page by page.
    pub all: String,
}

#[derive(Serialize)]
pub struct Column {
    name: String,
    number: bool,
}

#[derive(Serialize)]
pub struct Row {
    cells: Vec<Cell>,
    /// A row of sums.
    sum: bool,
}

#[derive(Serialize)]
struct Cell {
    text: String,
    /// `number`, `minus`, `zero`, `when`, or nothing.
    kind: &'static str,
}

impl Table {
    pub fn of(section: Section, all: String) -> Table {
        let more = section.more as u64;
        Table {
            more,
            all,
            ..Table::new(section.title, section.note, &section.sheet)
        }
    }

    pub fn new(title: String, note: String, sheet: &Sheet) -> Table {
        let numbers: Vec<bool> = sheet.columns().map(|(_, number)| number).collect();
        let column = |(name, number): (&str, bool)| Column {
            name: capital(name),
            number,
        };
        let cell = |(text, number): (&String, &bool)| if *number { amount(text) } else { plain(text) };
        let row = |cells: &Vec<String>| Row {
            sum: cells.first().is_some_and(|first| first == "(all)"),
            cells: cells.iter().zip(&numbers).map(cell).collect(),
        };
        Table {
            title,
            note,
            columns: sheet.columns().map(column).collect(),
            rows: sheet.rows().iter().map(row).collect(),
            more: 0,
            all: String::new(),
        }
    }
}

fn plain(text: &str) -> Cell {
    let bytes = text.as_bytes();
    let date = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[0].is_ascii_digit();
    Cell {
        text: if text == "(all)" { "All".into() } else { text.into() },
        kind: if date { "when" } else { "" },
    }
}

fn amount(text: &str) -> Cell {
    let shown = grouped(text);
    let kind = match text.starts_with('-') {
        true => "minus",
        false if !text.is_empty() && text.chars().all(|c| matches!(c, '0' | '.')) => "zero",
        false => "number",
    };
    Cell { text: shown, kind }
}

/// `-1234.50` as `−1,234.50`; what is no number stays as it is.
pub fn grouped(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("−", digits),
        None => ("", text),
    };
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let numeric = !whole.is_empty() && whole.chars().chain(rest.chars().skip(1)).all(|c| c.is_ascii_digit());
    match whole.parse::<u64>() {
        Ok(n) if numeric => format!("{sign}{}{rest}", thousands(n)),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_their_sign_is_a_minus() {
        let shown = ["0.00", "-0.05", "1234.50", "-1234567.89", "12345", "7 days", "", "-"].map(grouped);
        let wanted = [
            "0.00",
            "−0.05",
            "1,234.50",
            "−1,234,567.89",
            "12,345",
            "7 days",
            "",
            "-",
        ];
        assert_eq!(shown, wanted);
        let mut sheet = Sheet::new(&["date", "#by"]);
        sheet.push(["2026-10-05".into(), "-3.00".into()]);
        sheet.push(["(all)".into(), "0.00".into()]);
        let table = Table::new(String::new(), String::new(), &sheet);
        let kinds: Vec<Vec<&str>> = table
            .rows
            .iter()
            .map(|r| r.cells.iter().map(|c| c.kind).collect())
            .collect();
        assert_eq!(kinds, [["when", "minus"], ["", "zero"]]);
        assert!(table.rows[1].sum && table.columns[1].number && table.columns[0].name == "Date");
    }
}
