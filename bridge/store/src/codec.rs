//! How bodies stand in bytes before they are sealed. A form of its own, because every state must
//! survive exactly (in JSON an optional value that is known to be blank reads back as absent), and
//! because reading and writing bodies is most of what a busy store does.
//!
//! Numbers are variable-length, texts and lists carry their length, alternatives a number. Structs
//! name every member, so that one added in `bridge_core` does not compile until it is stored.

use bridge_core::undo::{After, Undoing, UnitState};
use bridge_core::{
    Agreed, Author, Conflict, Doubt, Entity, Grave, Hold, Lane, Link, LinkState, LinkUnit, Op, Origin, Shared,
    UnitHold, Value, Version, Write, WriteState,
};

use std::collections::{BTreeMap, BTreeSet};

/// First byte of every body: the form of the rest. A changed form gets the next number, and its
/// own way of reading.
const FORM: u8 = 1;

/// The bytes of a body.
pub(crate) fn encode(body: &impl Coded) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.push(FORM);
    body.put(&mut out);
    out
}

/// A body from its bytes; `None` if they are not one.
pub(crate) fn decode<T: Coded>(bytes: &[u8]) -> Option<T> {
    let mut rest = bytes.strip_prefix(&[FORM])?;
    let body = T::take(&mut rest)?;
    rest.is_empty().then_some(body)
}

/// What has a form in bytes.
pub(crate) trait Coded: Sized {
    fn put(&self, out: &mut Vec<u8>);
    /// Takes a value from the front; `None` if there is none.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

fn put_size(mut size: u64, out: &mut Vec<u8>) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

fn take_size(from: &mut &[u8]) -> Option<u64> {
    let mut size = 0u64;
    for shift in (0..64).step_by(7) {
        let next = byte(from)?;
        size |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Some(size);
        }
    }
    None
}

/// How many elements follow: never more than there are bytes left, so that a damaged number asks
/// for no memory.
fn take_count(from: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_size(from)?)
        .ok()
        .filter(|count| *count <= from.len())
}

impl Coded for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match byte(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Coded for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(((self << 1) ^ (self >> 63)) as u64, out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let size = take_size(from)?;
        Some((size >> 1) as i64 ^ -((size & 1) as i64))
    }
}

impl Coded for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(u64::from(*self), out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_size(from)?.try_into().ok()
    }
}

impl Coded for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let count = take_count(from)?;
        let (text, rest) = from.split_at(count);
        *from = rest;
        std::str::from_utf8(text).ok().map(str::to_string)
    }
}

impl<T: Coded> Coded for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? {
            T::take(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl<T: Coded> Coded for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(self.len() as u64, out);
        self.iter().for_each(|element| element.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..take_count(from)?).map(|_| T::take(from)).collect()
    }
}

impl<T: Coded + Ord> Coded for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(self.len() as u64, out);
        self.iter().for_each(|element| element.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..take_count(from)?).map(|_| T::take(from)).collect()
    }
}

impl<K: Coded + Ord, T: Coded> Coded for BTreeMap<K, T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_size(self.len() as u64, out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        // One by one: they come in order, and collecting would move every value four times.
        let mut map = BTreeMap::new();
        for _ in 0..take_count(from)? {
            let key = K::take(from)?;
            map.insert(key, T::take(from)?);
        }
        Some(map)
    }
}

impl<T: Coded + Clone> Coded for Shared<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Self::from)
    }
}

impl Coded for serde_json::Value {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_string().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        serde_json::from_str(&String::take(from)?).ok()
    }
}

/// Alternatives with at most one content, each with its number. A number once given stays.
macro_rules! alternatives {
    ($($of:ident { $($number:literal = $name:ident $(($content:ident))?),+ })+) => { $(
        impl Coded for $of {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($of::$name $(($content))? => { out.push($number); $($content.put(out);)? })+
                }
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                match byte(from)? {
                    $($number => { $(let $content = Coded::take(from)?;)? Some($of::$name $(($content))?) })+
                    _ => None,
                }
            }
        }
    )+ };
}

alternatives! {
    Value { 0 = Empty, 1 = Flag(it), 2 = Text(it), 3 = Group(it), 4 = Set(it) }
    Version { 0 = Counting(it), 1 = Opaque(it) }
    Author { 0 = Unknown, 1 = Person, 2 = Automation }
    Origin { 0 = System(it), 1 = Person }
    Doubt { 0 = Value, 1 = Elements(it) }
    Hold { 0 = NotTaken, 1 = Taken, 2 = Refused(it), 3 = Merged, 4 = Alternates, 5 = MayExist, 6 = LooksWrong, 7 = Undone }
    After { 0 = Hold, 1 = Reopen(it) }
    LinkState { 0 = Live, 1 = Gone, 2 = Merged }
    Op { 0 = Create, 1 = Update }
    WriteState { 0 = Planned, 1 = Sent, 2 = Unknown, 3 = Doubtful, 4 = Refused }
    Lane { 0 = Requested, 1 = Live, 2 = Backfill }
}

/// Members in a fixed order. A new one is added with a new [`FORM`].
macro_rules! members {
    ($($of:ident { $($name:ident),+ })+) => { $(
        impl Coded for $of {
            fn put(&self, out: &mut Vec<u8>) {
                let $of { $($name),+ } = self;
                $($name.put(out);)+
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                $(let $name = Coded::take(from)?;)+
                Some($of { $($name),+ })
            }
        }
    )+ };
}

members! {
    Agreed { value, origin, lo, hi }
    Grave { system, remote_id }
    UnitHold { value, why }
    Conflict { values, since, why }
    UnitState { agreed, links, conflict }
    Undoing { wishes, shown, then }
    Write {
        system, kind, op, generation, state, values, guarded, guard_version, guard_mark, at, not_before, tries, lane, key,
        reasons, held
    }
}

/// The columns of the row hold an entity's other members, and other rows its parts.
impl Coded for Entity {
    fn put(&self, out: &mut Vec<u8>) {
        let Entity {
            id: _,
            kind: _,
            revision: _,
            dirty: _,
            candidate: _,
            agreed,
            graves,
            conflicts: _,
            cards: _,
            links: _,
            writes: _,
            refused,
            apart,
            undoing,
        } = self;
        agreed.put(out);
        graves.put(out);
        refused.put(out);
        // Few have these: a body without them is what it was before they were known.
        if !apart.is_empty() || !undoing.is_empty() {
            apart.put(out);
            undoing.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (agreed, graves, refused) = (Coded::take(from)?, Coded::take(from)?, Coded::take(from)?);
        let (apart, undoing) = if from.is_empty() {
            Default::default()
        } else {
            (Coded::take(from)?, Coded::take(from)?)
        };
        Some(Entity {
            agreed,
            graves,
            refused,
            apart,
            undoing,
            ..Entity::default()
        })
    }
}

/// The columns of the row hold the record's name and its entity.
impl Coded for Link {
    fn put(&self, out: &mut Vec<u8>) {
        let Link {
            system: _,
            kind: _,
            remote_id: _,
            entity: _,
            generation,
            state,
            known_at,
            look,
            asked,
            held,
            version,
            removal_judged,
            created_here,
            merged_from,
            units,
        } = self;
        generation.put(out);
        state.put(out);
        known_at.put(out);
        look.put(out);
        asked.put(out);
        held.put(out);
        version.put(out);
        removal_judged.put(out);
        created_here.put(out);
        merged_from.put(out);
        units.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Link {
            generation: Coded::take(from)?,
            state: Coded::take(from)?,
            known_at: Coded::take(from)?,
            look: Coded::take(from)?,
            asked: Coded::take(from)?,
            held: Coded::take(from)?,
            version: Coded::take(from)?,
            removal_judged: Coded::take(from)?,
            created_here: Coded::take(from)?,
            merged_from: Coded::take(from)?,
            units: Coded::take(from)?,
            ..Link::default()
        })
    }
}

impl Coded for LinkUnit {
    fn put(&self, out: &mut Vec<u8>) {
        // What was seen is most often the base: one value then stands for both.
        let seen = match self.seen() {
            None => 0u8,
            seen if seen == self.base.as_ref() => 1,
            Some(_) => 2,
        };
        let plain = self.shown.is_none()
            && self.doubt.is_none()
            && self.trail.is_empty()
            && self.author == Author::Unknown
            && self.held.is_none();
        out.push(seen | u8::from(plain) << 2);
        self.base.put(out);
        if let (2, Some(value)) = (seen, self.seen()) {
            value.put(out);
        }
        self.lo.put(out);
        self.hi.wrapping_sub(self.lo).put(out);
        if !plain {
            self.shown.put(out);
            self.doubt.put(out);
            self.trail.put(out);
            self.author.put(out);
            self.held.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let head = byte(from)?;
        let mut unit = LinkUnit::default();
        let base: Option<Value> = Coded::take(from)?;
        match (head & 3, &base) {
            (0, _) => unit.base = base,
            (1, Some(_)) => {
                // Marked as seen with a stand-in, so that the value itself is not copied.
                unit.base = Some(Value::Empty);
                unit.set_seen(Value::Empty);
                unit.base = base;
            }
            (2, _) => {
                unit.base = base;
                unit.set_seen(Value::take(from)?);
            }
            _ => return None,
        }
        unit.lo = i64::take(from)?;
        unit.hi = unit.lo.wrapping_add(i64::take(from)?);
        if head & 4 == 0 {
            unit.shown = Coded::take(from)?;
            unit.doubt = Coded::take(from)?;
            unit.trail = Coded::take(from)?;
            unit.author = Coded::take(from)?;
            unit.held = Coded::take(from)?;
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests;
