//! People read from CSV files, and what their values look like in a product.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A person as one row of a CSV file. Every value may be blank but the id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct CsvPerson {
    /// The row's own id; never given to a product.
    pub id: String,
    /// First name.
    #[serde(default)]
    pub given_name: String,
    /// Family name.
    #[serde(default)]
    pub surname: String,
    /// `YYYY-MM-DD`, or whatever the file holds.
    #[serde(default)]
    pub date_of_birth: String,
    /// `M` or `F`.
    #[serde(default)]
    pub sex: String,
    /// Mobile or landline, as somebody typed it.
    #[serde(default)]
    pub phone: String,
    /// Mailbox.
    #[serde(default)]
    pub email: String,
    /// Number and street.
    #[serde(default)]
    pub street: String,
    /// Suburb or town.
    #[serde(default)]
    pub suburb: String,
    /// State, short or long.
    #[serde(default)]
    pub state: String,
    /// Postcode.
    #[serde(default)]
    pub postcode: String,
    /// Medicare number; no product here has a place for it on the person.
    #[serde(default)]
    pub medicare: String,
}

impl CsvPerson {
    /// Whether the phone is an Australian mobile by its digits (`04...`, `614...` or `4...` with nine digits).
    pub(crate) fn phone_is_mobile(&self) -> bool {
        let digits: String = self.phone.chars().filter(char::is_ascii_digit).collect();
        let national = digits
            .strip_prefix("0061")
            .or_else(|| digits.strip_prefix("61"))
            .unwrap_or(&digits);
        let national = national.strip_prefix('0').unwrap_or(national);
        national.len() == 9 && national.starts_with('4')
    }
}

/// Why a file of people cannot be used. Names the file, the line and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The file cannot be opened.
    #[error("{file}: cannot be read ({source}); give the path of a readable CSV file")]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The header lacks a column that nothing works without.
    #[error(
        "{file}, line 1: no column `{column}`; the header must hold at least `id`, and any of given_name, surname, \
             date_of_birth, sex, phone, email, street, suburb, state, postcode, medicare"
    )]
    Column {
        /// The file.
        file: PathBuf,
        /// The missing column.
        column: &'static str,
    },
    /// A row is not CSV, or has another number of cells than the header.
    #[error(
        "{file}, line {line}: {reason}; give each row as many cells as the header has, quoted where they hold commas, in UTF-8"
    )]
    Row {
        /// The file.
        file: PathBuf,
        /// Counted from 1, the header being line 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A row without an id, or with one used before.
    #[error("{file}, line {line}: the id is {problem}; give every row an id of its own")]
    Id {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// `missing` or `used twice`.
        problem: &'static str,
    },
}

/// Reads people from a CSV file with a header; only the column `id` must be there, and unknown columns are passed over.
///
/// # Errors
/// [`CsvError`], with the file, the line and the remedy; never with a person's values.
pub fn load_csv(path: impl AsRef<Path>) -> Result<Vec<CsvPerson>, CsvError> {
    let file = path.as_ref().to_path_buf();
    let reader = std::fs::File::open(&file).map_err(|source| CsvError::Open {
        file: file.clone(),
        source,
    })?;
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let bad_row = |error: csv::Error, line: u64| CsvError::Row {
        file: file.clone(),
        line: error.position().map_or(line, csv::Position::line),
        reason: match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the header has {expected_len} cells and this row {len}")
            }
            csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
            _ => "the row cannot be read".to_owned(),
        },
    };
    let header = rows.headers().map_err(|error| bad_row(error, 1))?.clone();
    // Spreadsheets put a byte order mark before the first name.
    let header: csv::StringRecord = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_ascii_lowercase())
        .collect();
    if !header.iter().any(|name| name == "id") {
        return Err(CsvError::Column { file, column: "id" });
    }
    let mut people = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for row in rows.records() {
        let row = row.map_err(|error| bad_row(error, people.len() as u64 + 2))?;
        let line = row.position().map_or(people.len() as u64 + 2, csv::Position::line);
        let person: CsvPerson = row.deserialize(Some(&header)).map_err(|error| bad_row(error, line))?;
        let problem = if person.id.is_empty() {
            Some("missing")
        } else if !seen.insert(person.id.clone()) {
            Some("used twice")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(CsvError::Id { file, line, problem });
        }
        people.push(person);
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn optional_columns_may_be_missing_and_unknown_ones_are_passed_over() {
        let csv = file("\u{feff}id,Surname,shoe_size\nP1, Samplewood ,41\n");
        let people = load_csv(csv.path()).unwrap();
        assert_eq!(people.len(), 1);
        assert_eq!(people[0].id, "P1");
        assert_eq!(people[0].surname, "Samplewood");
        assert_eq!(people[0].email, "");
    }

    #[test]
    fn errors_name_file_line_and_remedy_and_no_values() {
        let csv = file("id,surname\nP1,Samplewood\nP2\n");
        let text = load_csv(csv.path()).unwrap_err().to_string();
        assert!(text.contains("line 3"), "{text}");
        assert!(text.contains(&csv.path().display().to_string()), "{text}");
        assert!(text.contains("as many cells as the header"), "{text}");
        assert!(!text.contains("Samplewood"), "{text}");

        let csv = file("id,surname\nP1,A\nP1,B\n");
        let text = load_csv(csv.path()).unwrap_err().to_string();
        assert!(text.contains("line 3") && text.contains("used twice"), "{text}");

        let text = load_csv(file("name\nx\n").path()).unwrap_err().to_string();
        assert!(text.contains("no column `id`"), "{text}");
        let text = load_csv("no/such/file.csv").unwrap_err().to_string();
        assert!(text.contains("no/such/file.csv"), "{text}");
    }

    #[test]
    fn mobiles_are_told_from_landlines() {
        let with = |phone: &str| {
            CsvPerson {
                phone: phone.into(),
                ..CsvPerson::default()
            }
            .phone_is_mobile()
        };
        assert!(with("0491 570 006") && with("+61 (0) 491 570 006") && with("491570006") && with("61491570006"));
        assert!(!with("(03) 5550 1234") && !with("n/a") && !with(""));
    }
}
