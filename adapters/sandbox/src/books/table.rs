//! Rows that are never removed, found by their id.

use std::collections::HashMap;

/// Something with an id of its own.
pub(super) trait Row {
    /// The id, a UUID.
    fn id(&self) -> &str;
    /// When it last changed, in microseconds.
    fn updated(&self) -> i64;
}

/// The rows in the order they came.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    rows: Vec<T>,
    by_id: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            by_id: HashMap::new(),
        }
    }
}

impl<T: Row> Table<T> {
    /// Adds a row; gives its place, by which it may be indexed from then on.
    pub fn push(&mut self, row: T) -> usize {
        let place = self.rows.len();
        self.by_id.insert(row.id().to_owned(), place);
        self.rows.push(row);
        place
    }

    /// The place of an id, in any case.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.by_id
            .get(id)
            .or_else(|| self.by_id.get(&id.to_ascii_lowercase()))
            .copied()
    }

    /// All rows, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    /// All rows, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

impl<T> std::ops::Index<usize> for Table<T> {
    type Output = T;
    fn index(&self, place: usize) -> &T {
        &self.rows[place]
    }
}

impl<T> std::ops::IndexMut<usize> for Table<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.rows[place]
    }
}
