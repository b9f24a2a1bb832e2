//! Ghosts: who typed what on top of what. They travel with every value outside the bridge's
//! sight, and let the checker prove that an edit was lost.

use bridge_core::{Author, Value};
use std::fmt;

/// The edits a value descends from. Edit numbers start at 1.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Edits([u64; 8]);

impl Edits {
    /// Most edits one history can hold.
    pub const MOST: usize = 511;

    /// Just this edit.
    pub fn of(edit: usize) -> Self {
        Self::default().with(edit)
    }

    /// These and one more.
    pub fn with(mut self, edit: usize) -> Self {
        assert!(edit <= Self::MOST, "a history holds at most {} edits", Self::MOST);
        self.0[edit / 64] |= 1 << (edit % 64);
        self
    }

    /// Either's.
    pub fn union(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        self
    }

    /// Adds another's edits.
    pub fn add(&mut self, other: Self) {
        *self = self.union(other);
    }

    /// Those the other does not have.
    pub fn minus(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        self
    }

    /// Whether there are none.
    pub fn none(self) -> bool {
        self == Self::default()
    }

    /// Their numbers.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (1..=Self::MOST).filter(move |e| self.0[e / 64] >> (e % 64) & 1 == 1)
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.numbers()).finish()
    }
}

/// A value with its ghosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// What the bridge can see.
    pub value: Value,
    /// The edits it descends from.
    pub edits: Edits,
    /// Whose it is: the person the record it was typed into stands for.
    pub who: u16,
    /// Who typed it.
    pub author: Author,
}
