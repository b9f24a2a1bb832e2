//! Records under their keys: sorted arrays for the many that were there from the start, a small
//! overlay for what came and went since.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Keys are hashes already.
#[derive(Default)]
pub(super) struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }
    fn write_u32(&mut self, n: u32) {
        self.0 = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

pub(super) type Counts<K> = HashMap<K, u32, BuildHasherDefault<Ready>>;

/// Records under keys that are hashes. Twelve bytes for a record under a key.
#[derive(Default)]
pub struct Blocks {
    keys: Vec<u64>,
    records: Vec<u32>,
    /// Where in `keys` those with the same first bits begin.
    starts: Vec<u32>,
    shift: u32,
    added: HashMap<u64, Vec<u32>, BuildHasherDefault<Ready>>,
    removed: Counts<u64>,
}

impl Blocks {
    /// Of keys with the record under each.
    pub fn new(mut pairs: Vec<(u64, u32)>) -> Self {
        pairs.sort_unstable();
        let bits = usize::BITS - pairs.len().leading_zeros();
        let bits = bits.saturating_sub(2).clamp(1, 26);
        let shift = 64 - bits;
        let mut starts = vec![0u32; (1 << bits) + 1];
        for (key, _) in &pairs {
            starts[(key >> shift) as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let (keys, records) = pairs.into_iter().unzip();
        Self {
            keys,
            records,
            starts,
            shift,
            ..Self::default()
        }
    }

    /// Puts a record under a key.
    pub fn insert(&mut self, key: u64, record: u32) {
        self.added.entry(key).or_default().push(record);
    }

    /// Counts one record less under a key. Whoever asks who is under it leaves out who is gone.
    pub fn remove(&mut self, key: u64) {
        *self.removed.entry(key).or_default() += 1;
    }

    /// Whether nothing was ever removed.
    pub fn is_whole(&self) -> bool {
        self.removed.is_empty()
    }

    /// How many records are under a key.
    pub fn size(&self, key: u64) -> usize {
        let mut size = self.block(key).len() + self.newer(key).len();
        if !self.removed.is_empty() {
            size -= self.removed.get(&key).copied().unwrap_or(0) as usize;
        }
        size
    }

    /// The records under a key, those that were removed among them.
    pub fn under(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        self.block(key).iter().chain(self.newer(key)).copied()
    }

    /// Keys with more records than that.
    pub fn larger_than(&self, size: usize) -> impl Iterator<Item = u64> + '_ {
        let runs = self.keys.chunk_by(|a, b| a == b);
        runs.filter(move |run| run.len() > size).map(|run| run[0])
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.keys.len() * 12 + self.starts.len() * 4 + self.added.len() * 64
    }

    fn newer(&self, key: u64) -> &[u32] {
        if self.added.is_empty() {
            return &[];
        }
        self.added.get(&key).map_or(&[], Vec::as_slice)
    }

    fn block(&self, key: u64) -> &[u32] {
        let slot = (key >> self.shift) as usize;
        let (Some(from), Some(to)) = (self.starts.get(slot), self.starts.get(slot + 1)) else {
            return &[];
        };
        let (from, to) = (*from as usize, *to as usize);
        let keys = &self.keys[from..to];
        let first = keys.partition_point(|k| *k < key);
        let count = keys[first..].iter().take_while(|k| **k == key).count();
        &self.records[from + first..from + first + count]
    }
}
