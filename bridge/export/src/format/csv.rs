//! CSV as RFC 4180 has it: a header, CRLF, quotes where needed, UTF-8.

use super::{CHANGE, parts};
use crate::column::Column;
use crate::read::Row;
use bridge_core::csv_cell::csv_safe;
use csv::{Terminator, WriterBuilder};
use std::io::{self, Write};

pub(super) struct Csv<W: Write> {
    writer: csv::Writer<W>,
    columns: usize,
    feed: bool,
}

impl<W: Write> Csv<W> {
    pub fn new(columns: &[Column], feed: bool, out: W) -> io::Result<Csv<W>> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        let names = columns.iter().map(|column| column.name.as_str());
        writer.write_record(feed.then_some(CHANGE).into_iter().chain(names))?;
        Ok(Csv {
            writer,
            columns: columns.len(),
            feed,
        })
    }

    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let (change, cells) = parts(row);
        if self.feed {
            self.writer.write_field(change)?;
        }
        for cell in cells {
            self.writer.write_field(csv_safe(&cell.to_text()).as_ref())?;
        }
        for _ in cells.len()..self.columns {
            self.writer.write_field("")?;
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    pub fn end(self) -> io::Result<W> {
        self.writer
            .into_inner()
            .map_err(|error| io::Error::new(error.error().kind(), error.error().to_string()))
    }
}
