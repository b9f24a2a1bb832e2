//! Rows as CSV, NDJSON or Parquet. Each writes as it goes, so that memory stays bounded.

mod csv;
mod ndjson;
mod parquet;

use crate::column::Column;
use crate::read::Row;
use std::io::{self, Write};
use std::str::FromStr;

/// Name of the column that says, in a feed, what became of a row: `put` or `removed`.
pub const CHANGE: &str = "change";

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line; cells that a spreadsheet would run get an apostrophe in front.
    #[default]
    Csv,
    /// A JSON object a line; empty cells are left out.
    Ndjson,
    /// Apache Parquet with typed columns.
    Parquet,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "csv" => Ok(Format::Csv),
            "ndjson" | "jsonl" => Ok(Format::Ndjson),
            "parquet" => Ok(Format::Parquet),
            _ => Err("give csv, ndjson or parquet".into()),
        }
    }
}

/// Writes rows of some columns somewhere.
pub struct Writer<W: Write + Send>(Kind<W>);

enum Kind<W: Write + Send> {
    Csv(Box<csv::Csv<W>>),
    Ndjson(ndjson::Ndjson<W>),
    Parquet(Box<parquet::Parquet<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins. With `feed` the first column is [`CHANGE`].
    ///
    /// # Errors
    /// As `out` fails.
    pub fn new(format: Format, columns: &[Column], keys: usize, feed: bool, out: W) -> io::Result<Writer<W>> {
        Ok(Writer(match format {
            Format::Csv => Kind::Csv(Box::new(csv::Csv::new(columns, feed, out)?)),
            Format::Ndjson => Kind::Ndjson(ndjson::Ndjson::new(columns, feed, out)),
            Format::Parquet => Kind::Parquet(Box::new(parquet::Parquet::new(columns, keys, feed, out)?)),
        }))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// As `out` fails.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.row(row),
            Kind::Ndjson(ndjson) => ndjson.row(row),
            Kind::Parquet(parquet) => parquet.row(row),
        }
    }

    /// Ends, with the cursor to go on from where the format has a place for it; gives back what it wrote to, flushed.
    ///
    /// # Errors
    /// As `out` fails.
    pub fn end(self, next: Option<&str>) -> io::Result<W> {
        let mut out = match self.0 {
            Kind::Csv(csv) => csv.end()?,
            Kind::Ndjson(ndjson) => ndjson.end(next)?,
            Kind::Parquet(parquet) => parquet.end(next)?,
        };
        out.flush()?;
        Ok(out)
    }
}

/// The word for a row in [`CHANGE`], and its cells.
fn parts(row: &Row) -> (&'static str, &[crate::Cell]) {
    match row {
        Row::Put(cells) => ("put", cells),
        Row::Removed(cells) => ("removed", cells),
    }
}
