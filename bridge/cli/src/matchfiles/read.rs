//! Reading an export: rows become normalised records; a bad row is reported and skipped.

use super::columns::{Field, field};
use crate::exit::Failure;
use bridge_core::matching::person::{Person, Raw, hash_text};
use csv::ByteRecord;
use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc;

/// Rows that go to a thread together.
const BATCH: usize = 4_096;

/// A file's records.
#[derive(Debug, Default)]
pub struct Records {
    /// All ids in one text; `ends` says where each ends.
    ids: String,
    ends: Vec<u32>,
    /// Each record with its stable number.
    pub people: Vec<(Person, u64)>,
    /// Columns nobody knows.
    pub unknown: Vec<String>,
    /// Rows left out: line and why.
    pub bad: Vec<(u64, String)>,
}

impl Records {
    /// The id of a record by its place.
    pub fn id(&self, place: u32) -> &str {
        let place = place as usize;
        let from = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.ids[from..self.ends[place] as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn add(&mut self, row: Row, seen: &mut HashSet<u64>) {
        let tie = hash_text(&row.id);
        if !seen.insert(tie) {
            self.bad.push((row.line, "its id stands on an earlier line too".into()));
            return;
        }
        self.ids.push_str(&row.id);
        self.ends.push(self.ids.len() as u32);
        self.people.push((row.person, tie));
    }
}

struct Row {
    line: u64,
    id: String,
    person: Person,
}

type Done = (usize, Vec<Result<Row, (u64, String)>>);

/// Reads a file.
///
/// # Errors
/// [`Failure::Usage`] if the file cannot be opened, or has no id column or nothing to match by.
pub fn read(path: &Path, threads: usize) -> Result<Records, Failure> {
    let trouble = |error: &dyn std::fmt::Display| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .map_err(|e| trouble(&e))?;
    let header = reader.byte_headers().map_err(|e| trouble(&e))?.clone();
    let names: Vec<String> = header
        .iter()
        .map(|n| {
            String::from_utf8_lossy(n)
                .trim_start_matches('\u{feff}')
                .trim()
                .to_string()
        })
        .collect();
    let fields: Vec<Option<Field>> = names.iter().map(|n| field(n)).collect();
    let has = |wanted: Field| fields.contains(&Some(wanted));
    if !has(Field::Id) {
        return Err(trouble(&"it has no id column (`id`, `Record ID`, `Patient ID` ...)"));
    }
    if !has(Field::Given) && !has(Field::Surname) && !has(Field::FullName) {
        return Err(trouble(
            &"it has no name column (`given_name`, `surname`, `First Name` ...)",
        ));
    }
    let mut records = Records {
        unknown: names
            .iter()
            .zip(&fields)
            .filter(|(_, f)| f.is_none())
            .map(|(n, _)| n.clone())
            .collect(),
        ..Records::default()
    };
    let width = names.len();
    let (give, take) = mpsc::sync_channel::<(usize, Vec<ByteRecord>)>(threads * 2);
    let take = std::sync::Mutex::new(take);
    let (back, done) = mpsc::channel::<Done>();
    let mut failure = None;
    let mut parts: Vec<Done> = std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (take, back, fields) = (&take, back.clone(), &fields);
            scope.spawn(move || {
                loop {
                    let next = take.lock().ok().and_then(|take| take.recv().ok());
                    let Some((number, rows)) = next else { return };
                    let rows = rows.iter().map(|row| person(row, fields, width)).collect();
                    if back.send((number, rows)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(back);
        let mut batch = Vec::with_capacity(BATCH);
        let mut number = 0;
        let mut row = ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut row) {
                Ok(true) => batch.push(row.clone()),
                Ok(false) => break,
                Err(error) => {
                    failure = Some(trouble(&error));
                    break;
                }
            }
            if batch.len() == BATCH {
                let _ = give.send((number, std::mem::take(&mut batch)));
                number += 1;
            }
        }
        let _ = give.send((number, batch));
        drop(give);
        done.iter().collect()
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    parts.sort_by_key(|(number, _)| *number);
    let mut seen = HashSet::new();
    for row in parts.into_iter().flat_map(|(_, rows)| rows) {
        match row {
            Ok(row) => records.add(row, &mut seen),
            Err(bad) => records.bad.push(bad),
        }
    }
    Ok(records)
}

fn person(row: &ByteRecord, fields: &[Option<Field>], width: usize) -> Result<Row, (u64, String)> {
    let line = row.position().map_or(0, csv::Position::line);
    if row.len() != width {
        return Err((line, format!("it has {} fields, the header has {width}", row.len())));
    }
    let mut raw = Raw::default();
    let (mut id, mut full, mut middle, mut irn) = ("", "", "", "");
    let (mut phones, mut emails) = (0, 0);
    for (cell, field) in row.iter().zip(fields) {
        let Some(field) = field else { continue };
        let Ok(text) = std::str::from_utf8(cell) else {
            return Err((line, "it is not UTF-8 text".into()));
        };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        match field {
            Field::Id => id = text,
            Field::Given => raw.given_name = text,
            Field::Middle => middle = text,
            Field::Surname => raw.surname = text,
            Field::FullName => full = text,
            Field::Born => raw.date_of_birth = text,
            Field::Sex => raw.sex = text,
            Field::Phone if phones < raw.phones.len() => {
                raw.phones[phones] = text;
                phones += 1;
            }
            Field::Email if emails < raw.emails.len() => {
                raw.emails[emails] = text;
                emails += 1;
            }
            Field::Street => raw.street = text,
            Field::Suburb => raw.suburb = text,
            Field::Postcode => raw.postcode = text,
            Field::Card => raw.card = text,
            Field::CardPerson => irn = text,
            Field::Phone | Field::Email | Field::State => {}
        }
    }
    if id.is_empty() {
        return Err((line, "it has no id".into()));
    }
    let (given, card);
    if raw.given_name.is_empty() && raw.surname.is_empty() {
        raw.given_name = full;
    }
    if !middle.is_empty() {
        given = format!("{} {middle}", raw.given_name);
        raw.given_name = &given;
    }
    if !irn.is_empty() && !raw.card.contains('/') {
        card = format!("{}/{irn}", raw.card);
        raw.card = &card;
    }
    Ok(Row {
        line,
        id: id.to_string(),
        person: Person::new(&raw),
    })
}
