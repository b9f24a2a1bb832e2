//! Files as others read them.
#![allow(clippy::unwrap_used)]

mod common;

use bridge_export::format::{Format, Writer};
use bridge_export::{Cell, Column, Row, Shape};
use jiff::civil::date;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value as Json;

fn columns() -> Vec<Column> {
    let shapes = [
        ("id", Shape::Text),
        ("text", Shape::Text),
        ("flag", Shape::Flag),
        ("whole", Shape::Whole),
        ("day", Shape::Day),
        ("moment", Shape::Moment),
        ("amount", Shape::Amount),
    ];
    let column = |(name, shape): (&str, Shape)| Column::at(name.into(), name, shape, None, String::new());
    shapes.into_iter().map(column).collect()
}

fn written(format: Format, rows: &[Row], feed: bool) -> Vec<u8> {
    let mut writer = Writer::new(format, &columns(), 1, feed, Vec::new()).unwrap();
    rows.iter().for_each(|row| writer.row(row).unwrap());
    writer.end(feed.then_some("people:0a-7")).unwrap()
}

fn row(id: &str, text: &str) -> Row {
    Row::Put(vec![
        Cell::text(id),
        Cell::text(text),
        Cell::Flag(true),
        Cell::Whole(-7),
        Cell::Day(date(1969, 12, 31)),
        Cell::Moment(1_772_411_696_000_001),
        Cell::Amount(Decimal::new(-1_250, 2)),
    ])
}

#[test]
fn no_cell_of_a_csv_is_a_formula() {
    // (what a person typed, what stands in the file): OWASP's list of CSV injection, and what must stay as it is.
    for (typed, there) in [
        ("=1+1", "'=1+1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+61491570006", "'+61491570006"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1+1", "'－1+1"),
        ("＠x", "'＠x"),
        ("-12.30", "-12.30"),
        ("O'Brien", "O'Brien"),
        ("a=1", "a=1"),
        ("Müller, \"Mim\"", "Müller, \"Mim\""),
    ] {
        let bytes = written(Format::Csv, &[row("1", typed)], false);
        let mut read = csv::Reader::from_reader(bytes.as_slice());
        let record = read.records().next().unwrap().unwrap();
        assert_eq!(&record[1], there, "{typed:?}");
    }
}

#[test]
fn a_csv_is_what_rfc_4180_says() {
    let rows = [row("1", "two\nlines, \"quoted\""), Row::Removed(vec![Cell::text("2")])];
    let text = String::from_utf8(written(Format::Csv, &rows, true)).unwrap();
    assert_eq!(
        text,
        "change,id,text,flag,whole,day,moment,amount\r\n\
         put,1,\"two\nlines, \"\"quoted\"\"\",true,-7,1969-12-31,2026-03-02T00:34:56.000001Z,-12.50\r\n\
         removed,2,,,,,,\r\n"
    );
}

#[test]
fn ndjson_is_an_object_a_line_and_ends_with_the_cursor() {
    let rows = [row("1", "=1"), Row::Removed(vec![Cell::text("2")])];
    let text = String::from_utf8(written(Format::Ndjson, &rows, true)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "{\"change\":\"put\",\"id\":\"1\",\"text\":\"=1\",\"flag\":true,\"whole\":-7,\"day\":\"1969-12-31\",\
             \"moment\":\"2026-03-02T00:34:56.000001Z\",\"amount\":-12.50}",
            "{\"change\":\"removed\",\"id\":\"2\"}",
            "{\"change\":\"end\",\"cursor\":\"people:0a-7\"}",
        ]
    );
}

#[test]
fn parquet_keeps_types_and_what_is_empty() {
    let mut rows: Vec<Row> = (0..20_000).map(|n| row(&n.to_string(), "=1")).collect();
    rows.push(Row::Put(vec![Cell::text("last")]));
    let bytes = written(Format::Parquet, &rows, false);
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    assert_eq!(file.metadata().num_row_groups(), 2);
    let read: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), rows.len());
    let fields: Vec<String> = read[7]
        .get_column_iter()
        .map(|(name, field)| format!("{name} {field}"))
        .collect();
    assert_eq!(
        fields,
        [
            "id \"7\"",
            "text \"=1\"",
            "flag true",
            "whole -7",
            "day 1969-12-31",
            "moment 2026-03-02 00:34:56.000001 +00:00",
            "amount -12.5000"
        ]
    );
    let last: Vec<&Field> = read[20_000].get_column_iter().map(|(_, field)| field).collect();
    assert_eq!(last[0], &Field::Str("last".into()));
    assert!(last[1..].iter().all(|field| matches!(field, Field::Null)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever people type, each format gives it back (a CSV but for the apostrophe).
    #[test]
    fn text_comes_back(texts in prop::collection::vec("\\PC{0,12}|[=+@\\t\\r\\n\"', -]{0,6}", 1..5)) {
        let rows: Vec<Row> = texts.iter().enumerate().map(|(n, text)| row(&n.to_string(), text)).collect();
        let bytes = written(Format::Csv, &rows, false);
        let mut read = csv::Reader::from_reader(bytes.as_slice());
        let cells: Vec<String> = read.records().map(|record| record.unwrap()[1].to_string()).collect();
        for (cell, text) in cells.iter().zip(&texts) {
            let safe = !cell.trim_start().starts_with(['=', '+', '@', '＝', '＋', '＠']);
            prop_assert!(safe && cell.strip_prefix('\'').unwrap_or(cell) == text.strip_prefix('\'').unwrap_or(text), "{cell:?}");
        }
        let bytes = written(Format::Ndjson, &rows, false);
        let lines: Vec<Json> = String::from_utf8(bytes).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for (line, text) in lines.iter().zip(&texts) {
            prop_assert_eq!(line["text"].as_str().unwrap_or_default(), text);
        }
    }
}
