//! Tables for people: aligned text, CSV that no spreadsheet runs, HTML that no browser runs.

pub use crate::csv_cell::csv_safe;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write;

/// A table: a header and rows of as many cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Column names; those of amounts and counts start with `#`, which is not shown and sets them to the right.
    columns: Vec<Cow<'static, str>>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// An empty table. A column whose name starts with `#` is set to the right; the `#` is not shown.
    pub fn new(columns: &[&'static str]) -> Sheet {
        Sheet {
            columns: columns.iter().map(|&name| Cow::Borrowed(name)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty, further ones are dropped.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Its columns by name, each with whether it is set to the right.
    pub fn columns(&self) -> impl Iterator<Item = (&str, bool)> {
        self.names().enumerate().map(|(i, name)| (name, self.right(i)))
    }

    /// Its rows, each with as many cells as there are columns.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// Its first rows alone.
    pub fn first(&self, most: usize) -> Sheet {
        Sheet {
            columns: self.columns.clone(),
            rows: self.rows.iter().take(most).cloned().collect(),
        }
    }

    /// Its rows in pages of so many, in their order; nothing of a table without rows.
    pub fn pages(&self, rows: usize) -> impl Iterator<Item = Sheet> {
        self.rows.chunks(rows.max(1)).map(|rows| Sheet {
            columns: self.columns.clone(),
            rows: rows.to_vec(),
        })
    }

    /// The rows in which this text stands, whatever its case.
    pub fn with(&self, text: &str) -> Sheet {
        let text = text.to_lowercase();
        let has = |row: &&Vec<String>| row.iter().any(|cell| cell.to_lowercase().contains(&text));
        Sheet {
            columns: self.columns.clone(),
            rows: self.rows.iter().filter(has).cloned().collect(),
        }
    }

    /// Adds the rows of another table of the same columns.
    pub fn append(&mut self, other: Sheet) {
        for row in other.rows {
            self.push(row);
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.trim_start_matches('#'))
    }

    fn right(&self, column: usize) -> bool {
        self.columns[column].starts_with('#')
    }

    /// Aligned columns, two spaces between them; control characters are left out.
    pub fn text(&self) -> String {
        let mut all: Vec<Vec<String>> = vec![self.names().map(str::to_owned).collect()];
        let plain = |cell: &String| cell.chars().filter(|c| !c.is_control()).collect();
        all.extend(self.rows.iter().map(|r| r.iter().map(plain).collect()));
        let width = |i: usize| {
            all.iter()
                .map(|r: &Vec<String>| r[i].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut out = String::new();
        for row in &all {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                let gap = if i == 0 { "" } else { "  " };
                let pad = " ".repeat(widths[i].saturating_sub(cell.chars().count()));
                line += gap;
                line += &if self.right(i) { pad + cell } else { cell.clone() + &pad };
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// CSV with a header line; cells pass through [`csv_safe`].
    pub fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        // Writing into memory does not fail, and every row has as many cells as the header.
        let _ = writer.write_record(self.names());
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(|c| csv_safe(c).into_owned()));
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// A `<table>`, escaped.
    pub fn html(&self) -> String {
        let mut out = String::from("<table>\n<thead><tr>");
        let class = |i| if self.right(i) { " class=n" } else { "" };
        for (i, name) in self.names().enumerate() {
            let _ = write!(out, "<th{}>{}</th>", class(i), html_escape(name));
        }
        out += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            out += "<tr>";
            for (i, cell) in row.iter().enumerate() {
                let _ = write!(out, "<td{}>{}</td>", class(i), html_escape(cell));
            }
            out += "</tr>\n";
        }
        out += "</tbody>\n</table>\n";
        out
    }
}

/// Text within HTML, attribute values included.
pub fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A page of its own to look at and to print: no scripts, no outside files. `title` is escaped here, `body` is HTML.
/// The digest of `figures` (their CSV) stands at its foot, so that paper and file can be compared.
pub fn page(title: &str, body: &str, figures: &str) -> String {
    let digest = hex(&Sha256::digest(figures.as_bytes()));
    let title = html_escape(title);
    format!(
        r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body{{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}}
h1{{font-size:1.4rem}}h2{{font-size:1.1rem;margin-top:2rem}}table{{border-collapse:collapse;width:100%}}
th,td{{padding:.25rem .5rem;border-top:1px solid #d5dce4;text-align:left;vertical-align:top}}th{{border-top:0}}
.n{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}.small{{color:#556372;font-size:.85rem;overflow-wrap:anywhere}}
@media print{{body{{margin:0;max-width:none;font-size:10pt}}section{{break-after:page}}tr{{break-inside:avoid}}thead{{display:table-header-group}}}}
</style>
<h1>{title}</h1>
{body}
<p class="small">SHA-256 of the figures (their CSV): {digest}</p>
</html>
"#
    )
}
