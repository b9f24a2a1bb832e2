//! Everybody at once: the same decision for every record, spread over threads.

use super::decide::{Decider, Verdict};
use super::index::At;
use std::sync::atomic::{AtomicU32, Ordering};

/// Records a thread takes at a time.
const SHARE: u32 = 2_000;

/// The verdicts of every record of a system against the records of another, or of the same system
/// against itself (each pair once), in the order of the records. The number of threads changes nothing.
pub fn decide_all(decider: &Decider<'_>, side: u8, other: u8, threads: usize) -> Vec<(At, Verdict)> {
    let places = decider.index().places(side);
    let next = AtomicU32::new(0);
    let work = || {
        let mut found: Vec<(u32, Vec<(At, Verdict)>)> = vec![];
        loop {
            let from = next.fetch_add(SHARE, Ordering::Relaxed);
            if from >= places {
                return found;
            }
            let mut part = vec![];
            for record in from..places.min(from + SHARE) {
                let at = At { side, record };
                if decider.index().is_gone(at) {
                    continue;
                }
                let verdicts = decider.decide(at, other);
                let once = |v: &Verdict| side != other || v.other.record > record;
                part.extend(verdicts.into_iter().filter(once).map(|v| (at, v)));
            }
            found.push((from, part));
        }
    };
    let mut all: Vec<(u32, Vec<(At, Verdict)>)> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        tasks.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    all.sort_unstable_by_key(|(from, _)| *from);
    all.into_iter().flat_map(|(_, part)| part).collect()
}
