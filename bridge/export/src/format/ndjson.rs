//! One JSON object a line. Amounts are numbers with exactly their digits; what is empty is left out.

use super::{CHANGE, parts};
use crate::cell::Cell;
use crate::column::Column;
use crate::read::Row;
use serde_json::Value as Json;
use std::io::{self, BufWriter, Write};

pub(super) struct Ndjson<W: Write> {
    out: BufWriter<W>,
    /// Names as they stand in an object, quoted.
    names: Vec<String>,
    feed: bool,
}

impl<W: Write> Ndjson<W> {
    pub fn new(columns: &[Column], feed: bool, out: W) -> Ndjson<W> {
        let quoted = |column: &Column| Json::from(column.name.as_str()).to_string();
        Ndjson {
            out: BufWriter::new(out),
            names: columns.iter().map(quoted).collect(),
            feed,
        }
    }

    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let (change, cells) = parts(row);
        self.out.write_all(b"{")?;
        let mut first = true;
        if self.feed {
            write!(self.out, "\"{CHANGE}\":\"{change}\"")?;
            first = false;
        }
        for (name, cell) in self.names.iter().zip(cells) {
            if *cell == Cell::Empty {
                continue;
            }
            let comma = if first { "" } else { "," };
            first = false;
            write!(self.out, "{comma}{name}:")?;
            match cell {
                Cell::Flag(_) | Cell::Whole(_) | Cell::Amount(_) => write!(self.out, "{}", cell.to_text())?,
                _ => serde_json::to_writer(&mut self.out, cell.to_text().as_ref())?,
            }
        }
        self.out.write_all(b"}\n")
    }

    /// In a feed the last line holds the cursor to go on from: an output without it is not whole.
    pub fn end(mut self, next: Option<&str>) -> io::Result<W> {
        if let Some(next) = next.filter(|_| self.feed) {
            writeln!(self.out, "{{\"{CHANGE}\":\"end\",\"cursor\":{}}}", Json::from(next))?;
        }
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
