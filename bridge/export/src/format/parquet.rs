//! Apache Parquet: text as UTF-8, days, moments in UTC, decimals of four places. Pages are compressed with Snappy, which
//! every reader knows.

use super::{CHANGE, parts};
use crate::cell::{Cell, PLACES, Shape};
use crate::column::Column;
use crate::read::Row;
use jiff::civil::date;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows that are kept in memory until they are written, column by column.
const GROUP: usize = 16_384;
/// The name of the file's note that holds the cursor to go on from.
const CURSOR: &str = "halaxy-bridge.cursor";

pub(super) struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    rows: usize,
    feed: bool,
}

/// The cells of one column in a group of rows: what there is, and for each row whether there is something.
struct Buffer {
    values: Values,
    there: Vec<i16>,
    /// Of keys every row has a value.
    required: bool,
}

enum Values {
    Text(Vec<ByteArray>),
    Flag(Vec<bool>),
    Day(Vec<i32>),
    /// Whole numbers, moments, and amounts in ten-thousandths.
    Long(Vec<i64>),
}

impl<W: Write + Send> Parquet<W> {
    pub fn new(columns: &[Column], keys: usize, feed: bool, out: W) -> io::Result<Parquet<W>> {
        let mut schema = String::from("message export {\n");
        let mut buffers = vec![];
        let change = feed.then_some((CHANGE, Shape::Text, true));
        let rest = columns
            .iter()
            .enumerate()
            .map(|(place, column)| (column.name.as_str(), column.shape, place < keys));
        for (name, shape, required) in change.into_iter().chain(rest) {
            let (kind, values) = match shape {
                Shape::Text => ("BYTE_ARRAY {} (STRING)", Values::Text(vec![])),
                Shape::Flag => ("BOOLEAN {}", Values::Flag(vec![])),
                Shape::Whole => ("INT64 {}", Values::Long(vec![])),
                Shape::Day => ("INT32 {} (DATE)", Values::Day(vec![])),
                Shape::Moment => ("INT64 {} (TIMESTAMP(MICROS,true))", Values::Long(vec![])),
                Shape::Amount | Shape::Cents => ("INT64 {} (DECIMAL(18,4))", Values::Long(vec![])),
            };
            let must = if required { "REQUIRED" } else { "OPTIONAL" };
            schema.push_str(&format!("{must} {};\n", kind.replace("{}", name)));
            buffers.push(Buffer {
                values,
                there: vec![],
                required,
            });
        }
        schema.push('}');
        let schema = parse_message_type(&schema).map_err(io_error)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        Ok(Parquet {
            file: SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(io_error)?,
            columns: buffers,
            rows: 0,
            feed,
        })
    }

    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let (change, cells) = parts(row);
        let change = self.feed.then(|| Cell::text(change));
        let mut cells = change.iter().chain(cells);
        for column in &mut self.columns {
            column.push(cells.next().unwrap_or(&Cell::Empty));
        }
        self.rows += 1;
        if self.rows == GROUP { self.group() } else { Ok(()) }
    }

    fn group(&mut self) -> io::Result<()> {
        let mut write = || -> Result<(), ParquetError> {
            let mut group = self.file.next_row_group()?;
            for buffer in &mut self.columns {
                if let Some(mut column) = group.next_column()? {
                    buffer.write(&mut column)?;
                    column.close()?;
                }
            }
            group.close()?;
            Ok(())
        };
        self.rows = 0;
        write().map_err(io_error)
    }

    pub fn end(mut self, next: Option<&str>) -> io::Result<W> {
        if self.rows > 0 {
            self.group()?;
        }
        if let Some(next) = next {
            let note = KeyValue::new(CURSOR.to_string(), next.to_string());
            self.file.append_key_value_metadata(note);
        }
        self.file.into_inner().map_err(io_error)
    }
}

impl Buffer {
    fn push(&mut self, cell: &Cell) {
        let there = match (&mut self.values, cell) {
            (Values::Text(texts), Cell::Text(text)) => push(texts, ByteArray::from(text.as_str())),
            (Values::Text(texts), _) if self.required => push(texts, ByteArray::from("")),
            (Values::Flag(flags), Cell::Flag(flag)) => push(flags, *flag),
            (Values::Day(days), Cell::Day(day)) => push(days, since_1970(*day)),
            (Values::Long(longs), Cell::Whole(number) | Cell::Moment(number)) => push(longs, *number),
            (Values::Long(longs), Cell::Amount(amount)) => push(longs, ten_thousandths(amount)),
            (Values::Long(longs), _) if self.required => push(longs, 0),
            _ => 0,
        };
        self.there.push(there);
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let there = (!self.required).then_some(self.there.as_slice());
        match &mut self.values {
            Values::Text(values) => write::<ByteArrayType>(column, values, there)?,
            Values::Flag(values) => write::<BoolType>(column, values, there)?,
            Values::Day(values) => write::<Int32Type>(column, values, there)?,
            Values::Long(values) => write::<Int64Type>(column, values, there)?,
        }
        self.there.clear();
        Ok(())
    }
}

fn push<T>(values: &mut Vec<T>, value: T) -> i16 {
    values.push(value);
    1
}

fn write<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    there: Option<&[i16]>,
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, there, None)?;
    values.clear();
    Ok(())
}

fn since_1970(day: jiff::civil::Date) -> i32 {
    (day - date(1970, 1, 1)).get_days()
}

/// Cells hold no more places and digits than fit.
fn ten_thousandths(amount: &rust_decimal::Decimal) -> i64 {
    let mut scaled = *amount;
    scaled.rescale(PLACES);
    i64::try_from(scaled.mantissa()).unwrap_or(i64::MAX)
}

fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    }
}
