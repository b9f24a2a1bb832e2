//! One pass over what changed, as a pure state machine: which page to ask for next, and when every
//! row has provably been seen. Pages of Halaxy are cut by number, so rows move between them while
//! people work (halaxy-api.md section 4); nothing here relies on their standing still.
//!
//! Rows come sorted by change time, to the second. Three rules make a pass complete:
//!
//! - A first page is one answer, so nothing can move inside it. If few of its rows share the last
//!   second, the pass goes on from that second, again with a first page.
//! - Otherwise the rows from there up to a moment that lies in the product's past are walked by page
//!   number. Rows can only leave that set (an edit stamps them later), and the total tells how many
//!   did: the pass steps back by as many pages as may have moved.
//! - Where totals or upper bounds are not to be had, the walk is repeated until two rounds show
//!   the same rows.

use crate::query::PAGE_SIZE;
use crate::stamp::{SECOND, second};
use bridge_core::Time;
use serde::{Deserialize, Serialize};

/// What a server was found to honour. Starts trusting and learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// `_lastUpdated` narrows.
    pub filters: bool,
    /// Two `_lastUpdated` make a range.
    pub ranges: bool,
    /// `_sort=_lastUpdated` sorts.
    pub sorts: bool,
    /// A page has shown that it does.
    pub order_seen: bool,
}

impl Manner {
    /// Nothing is honoured but the page number.
    pub const DEAF: Manner = Manner {
        filters: false,
        ranges: false,
        sorts: false,
        order_seen: false,
    };

    pub const TRUSTED: Manner = Manner {
        filters: true,
        ranges: true,
        sorts: true,
        order_seen: false,
    };
}

/// A pass under way; small enough to live in the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    /// The least the product's clock can have shown when the pass began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Time>,
    /// The latest change time seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<Time>,
    /// Every row changed before this second has been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// The walk under way, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walk>,
}

/// A walk by page numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Walk {
    /// Only rows changed before this second.
    pub until: Option<Time>,
    /// The page to ask for next.
    pub page: u32,
    /// All rows before that page had been seen when there were so many.
    pub total: Option<u64>,
    /// There was nothing at or after `until` when the walk began: its end is the end of the pass.
    pub last: bool,
    /// Sum over the ids of this round, and of the one before.
    pub round: u64,
    pub round_before: Option<u64>,
    pub rounds: u32,
}

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub from: Option<Time>,
    pub until: Option<Time>,
    pub page: u32,
    /// Sort by change time, or else by creation.
    pub by_change: bool,
}

/// What a page showed.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Change times in the order of the rows.
    pub stamps: Vec<Option<Time>>,
    /// Sum over the ids.
    pub ids: u64,
    pub total: Option<u64>,
    /// Rows a full page has.
    pub size: u64,
    pub more: bool,
    /// The least the product's clock can have shown when the request began.
    pub server: Option<Time>,
}

/// How the pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask again.
    On,
    /// Ask again, but not before this second of the product's clock has passed.
    OnAfter(Time),
    /// Everything has been seen.
    Done,
}

/// As many rows may be shown twice to be spared a walk.
const FEW: usize = PAGE_SIZE / 12;
/// So many rows in a row, each later than the one before, are no accident.
const ASCENTS: usize = 8;
/// After so many rounds that all differ, people are simply busy; the sweep catches the rest.
const ROUNDS: u32 = 5;

impl Pass {
    /// A pass over everything changed since.
    pub fn since(since: Option<Time>) -> Pass {
        Pass {
            from: since.map(second),
            ..Pass::default()
        }
    }

    pub fn ask(&self, manner: Manner) -> Ask {
        let from = self.from.filter(|_| manner.filters);
        let walk = self.walk.as_ref();
        let until = walk
            .and_then(|walk| walk.until)
            .filter(|_| manner.filters && manner.ranges);
        Ask {
            from,
            until,
            page: walk.map_or(1, |walk| walk.page),
            by_change: manner.filters && manner.sorts,
        }
    }

    /// Takes in a page that was got for [`Pass::ask`], and learns from it.
    pub fn take(&mut self, shown: &Shown, manner: &mut Manner) -> Step {
        self.began = self.began.or(shown.server);
        self.top = self.top.max(shown.stamps.iter().copied().flatten().max());
        let distrust = self.distrust(shown, manner);
        match self.walk.take() {
            // What was asked for is not what came: begin again, asking less.
            Some(_) if distrust => Step::On,
            None if distrust && shown.more => Step::On,
            None if !shown.more => Step::Done,
            None if self.jump(shown, *manner) => Step::On,
            None => self.set_out(shown, *manner),
            Some(walk) => self.walk_on(walk, shown, *manner),
        }
    }

    /// Compares rows with what was asked; true if a parameter was found to be ignored.
    fn distrust(&self, shown: &Shown, manner: &mut Manner) -> bool {
        let ask = self.ask(*manner);
        let stamps: Vec<Time> = shown.stamps.iter().copied().flatten().collect();
        let too_old = ask
            .from
            .is_some_and(|from| stamps.iter().any(|stamp| second(*stamp) < from));
        let too_new = ask
            .until
            .is_some_and(|until| stamps.iter().any(|stamp| *stamp >= until));
        if too_new || (too_old && ask.until.is_some()) {
            manner.ranges = false;
            return true;
        }
        if too_old {
            manner.filters = false;
            return true;
        }
        if ask.by_change {
            let steps = |up: bool| {
                stamps
                    .windows(2)
                    .filter(|pair| if up { pair[0] < pair[1] } else { pair[0] > pair[1] })
                    .count()
            };
            // One row out of place was changed while the page was made; more is no order at all.
            if steps(false) > 1 {
                manner.sorts = false;
                return true;
            }
            manner.order_seen |= steps(true) >= ASCENTS;
        }
        false
    }

    /// Goes on from the last second of the page, if that loses little.
    fn jump(&mut self, shown: &Shown, manner: Manner) -> bool {
        let ordered = shown.stamps.iter().all(Option::is_some) && shown.stamps.is_sorted();
        if !manner.filters || !manner.sorts || !manner.order_seen || !ordered {
            return false;
        }
        let Some(last) = shown.stamps.last().copied().flatten().map(second) else {
            return false;
        };
        let shared = shown
            .stamps
            .iter()
            .flatten()
            .filter(|stamp| second(**stamp) == last)
            .count();
        if self.from.is_some_and(|from| last <= from) || shared > FEW {
            return false;
        }
        self.from = Some(last);
        true
    }

    /// Begins a walk after a first page that was not the last.
    fn set_out(&mut self, shown: &Shown, manner: Manner) -> Step {
        let mut walk = Walk {
            until: None,
            page: 2,
            total: shown.total,
            last: shown.total.is_some(),
            round: shown.ids,
            round_before: None,
            rounds: 0,
        };
        let mut step = Step::On;
        if manner.filters && manner.ranges {
            // Either proves that the clock that stamps rows has got so far.
            let proven = shown
                .server
                .max(shown.stamps.iter().copied().flatten().max())
                .map(second);
            let from = self.from.unwrap_or(Time::MIN);
            match proven {
                Some(until) if until > from => walk.until = Some(until),
                Some(_) => {
                    // A crowded second that is not over yet.
                    walk.until = Some(from + SECOND);
                    walk.page = 1;
                    step = Step::OnAfter(from + SECOND);
                }
                None => {}
            }
            // Rows of the first page that lie beyond the bound would make all numbers wrong.
            if shown
                .stamps
                .iter()
                .any(|stamp| stamp.is_none_or(|stamp| walk.until.is_some_and(|until| stamp >= until)))
            {
                walk.page = 1;
            }
        }
        if walk.page == 1 {
            walk.total = None;
            walk.last = false;
            walk.round = 0;
        }
        self.walk = Some(walk);
        step
    }

    fn walk_on(&mut self, mut walk: Walk, shown: &Shown, manner: Manner) -> Step {
        if walk.page == 1 {
            walk.total = shown.total;
            walk.round = 0;
        }
        let counted = walk.total.zip(shown.total);
        // In a listing without filters rows can join anywhere; there, totals are all there is.
        let proves = walk.until.is_some() || !manner.filters;
        if let Some((before, now)) = counted.filter(|_| proves) {
            let left = before.saturating_sub(now);
            walk.total = Some(now);
            if left > 0 {
                let back = u32::try_from(left.div_ceil(shown.size.max(1))).unwrap_or(u32::MAX);
                // What left may stand beyond the bound now, and has perhaps not been seen.
                walk.last = false;
                walk.page = walk.page.saturating_sub(back).max(1);
                self.walk = Some(walk);
                return Step::On;
            }
            if shown.more {
                if self.jump(shown, manner) {
                    return Step::On;
                }
                walk.page += 1;
                self.walk = Some(walk);
                return Step::On;
            }
            return self.arrive(&walk);
        }
        walk.last = false;
        walk.round = walk.round.wrapping_add(shown.ids);
        if shown.more {
            walk.page += 1;
            self.walk = Some(walk);
            return Step::On;
        }
        walk.rounds += 1;
        if walk.round_before == Some(walk.round) || walk.rounds >= ROUNDS {
            return self.arrive(&walk);
        }
        walk.round_before = Some(walk.round);
        walk.page = 1;
        self.walk = Some(walk);
        Step::On
    }

    /// A walk has shown everything below its bound.
    fn arrive(&mut self, walk: &Walk) -> Step {
        match walk.until {
            Some(until) if !walk.last => {
                self.from = Some(until);
                Step::On
            }
            _ => Step::Done,
        }
    }
}

/// A number that stands for an id in the sum of a round (FNV-1a).
pub(crate) fn id_sum<'a>(ids: impl Iterator<Item = &'a str>) -> u64 {
    ids.map(|id| {
        id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    })
    .fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests;
