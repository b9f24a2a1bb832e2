//! Sealing rows: columns hold the keys and whatever queries need, a sealed body holds the rest.

use crate::{
    codec::{Coded, decode, encode},
    error::{Result, StoreError},
    key::Keys,
};
use bridge_core::Link;
use std::sync::{Arc, LazyLock};

/// The practice and its keys: what every row of a store has in common.
#[derive(Clone)]
pub(crate) struct Scope {
    pub practice: Arc<str>,
    pub keys: Arc<Keys>,
}

impl Scope {
    /// Seals `body` for that row; it opens nowhere else.
    pub fn seal(&self, table: &'static str, row: &[&str], body: &impl Coded) -> Vec<u8> {
        self.keys.seal(&self.place(table, row), &encode(body))
    }

    /// Opens what was sealed for that row.
    pub fn open<T: Coded>(&self, table: &'static str, row: &[&str], mut sealed: Vec<u8>) -> Result<T> {
        let damaged = |detail| StoreError::Damaged {
            table,
            row: row.join("/"),
            detail,
        };
        let plain = self
            .keys
            .open(&self.place(table, row), &mut sealed)
            .ok_or_else(|| damaged("it does not open"))?;
        decode(plain).ok_or_else(|| damaged("its content is not understood"))
    }

    /// Seals for `new` what was sealed for the same row, unread.
    pub fn seal_with(&self, new: &Scope, table: &'static str, row: &[&str], mut sealed: Vec<u8>) -> Result<Vec<u8>> {
        let place = self.place(table, row);
        let plain = self.keys.open(&place, &mut sealed).ok_or_else(|| StoreError::Damaged {
            table,
            row: row.join("/"),
            detail: "it does not open",
        })?;
        Ok(new.keys.seal(&place, plain))
    }

    fn place(&self, table: &str, row: &[&str]) -> Vec<u8> {
        let mut place = Vec::with_capacity(96);
        for part in [&self.practice, table].into_iter().chain(row.iter().copied()) {
            place.extend_from_slice(&(part.len() as u32).to_le_bytes());
            place.extend_from_slice(part.as_bytes());
        }
        place
    }
}

impl Scope {
    /// The sealed body of a link.
    pub fn seal_link(&self, link: &Link) -> Vec<u8> {
        self.seal("link", &[&link.system, &link.kind, &link.remote_id], link)
    }

    /// The link of a row.
    pub fn open_link(&self, row: SealedLink) -> Result<Link> {
        let SealedLink {
            system,
            kind,
            remote_id,
            entity,
            body,
        } = row;
        let link: Link = self.open("link", &[&system, &kind, &remote_id], body)?;
        Ok(Link {
            system,
            kind,
            remote_id,
            entity,
            ..link
        })
    }
}

/// A link row before it is opened.
pub(crate) struct SealedLink {
    pub system: String,
    pub kind: String,
    pub remote_id: String,
    pub entity: Option<String>,
    pub body: Vec<u8>,
}

/// Maps many items, on all cores where that is worth starting threads.
pub(crate) fn spread<T: Send, U: Send>(items: Vec<T>, map: impl Fn(T) -> U + Sync) -> Vec<U> {
    const WORTH_A_THREAD: usize = 256;
    // Asking the system costs as much as sealing a few rows.
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
    let threads = (*CORES).min(items.len() / WORTH_A_THREAD).min(8);
    if threads < 2 {
        return items.into_iter().map(map).collect();
    }
    let share = items.len().div_ceil(threads);
    let mut parts = Vec::with_capacity(threads);
    let mut items = items.into_iter();
    loop {
        let part: Vec<T> = items.by_ref().take(share).collect();
        if part.is_empty() {
            break;
        }
        parts.push(part);
    }
    let map = &map;
    std::thread::scope(|scope| {
        let last = parts.pop();
        let running: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.into_iter().map(map).collect::<Vec<U>>()))
            .collect();
        // The caller's thread works too.
        let own: Vec<U> = last.into_iter().flatten().map(map).collect();
        let mut out = Vec::new();
        for thread in running {
            match thread.join() {
                Ok(part) => out.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        out.extend(own);
        out
    })
}
