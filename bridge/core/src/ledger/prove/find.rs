//! Finding things among a hundred thousand documents: sorted lists, which take a fifth of what hash maps do.

use crate::ledger::document::DocumentKind;
use crate::ledger::entry::Entry;
use crate::ledger::hold::Source;
use crate::ledger::money::Cents;
use crate::ledger::position::Position;
use crate::ledger::target::plain_line;
use jiff::civil::Date;

/// Values by key; a key may stand several times.
pub(in crate::ledger) struct Found<K, V>(Vec<(K, V)>);

impl<K: Ord, V: Copy> Found<K, V> {
    pub fn by(all: impl Iterator<Item = (K, V)>) -> Self {
        let mut all: Vec<(K, V)> = all.collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Found(all)
    }

    /// Everything under a key.
    pub fn all(&self, key: &K) -> impl Iterator<Item = V> {
        let first = self.0.partition_point(|(k, _)| k < key);
        self.0[first..]
            .iter()
            .take_while(move |(k, _)| k == key)
            .map(|(_, v)| *v)
    }

    /// The last under a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.all(key).last()
    }
}

/// What documents say of a source: an entry, and the source's place in it.
#[derive(Clone, Copy)]
struct Part<'a> {
    source: &'a Source,
    entry: &'a Entry,
    at: usize,
}

/// What all documents say of all sources.
pub(in crate::ledger) struct Parts<'a> {
    all: Vec<Part<'a>>,
    taken: Vec<bool>,
}

/// What all documents say of one source, in the order given.
pub(in crate::ledger) struct OfSource<'p, 'a>(&'p [Part<'a>]);

/// What the documents of a source come to.
pub(in crate::ledger) struct Sum<'a> {
    /// Position, and the first day that it belongs to; none if no document moves anything for it.
    pub posted: Option<(Position, Date)>,
    /// What it rests on, by the latest round.
    pub basis: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Of the entries that count.
    pub fn of(entries: &[&'a Entry]) -> Self {
        let counting = entries.iter().filter(|e| e.counts());
        let parts = counting.flat_map(|&entry| {
            let sources = entry.sources.iter().enumerate();
            sources.map(move |(at, source)| Part { source, entry, at })
        });
        let mut all: Vec<Part<'a>> = parts.collect();
        all.sort_by_key(|part| part.source);
        let taken = vec![false; all.len()];
        Parts { all, taken }
    }

    /// Those of one source.
    pub fn take(&mut self, source: &Source) -> OfSource<'_, 'a> {
        let first = self.all.partition_point(|part| part.source < source);
        let own = self.all[first..].iter().take_while(|part| part.source == source);
        let end = first + own.count();
        self.taken[first..end].fill(true);
        OfSource(&self.all[first..end])
    }

    /// Those of the sources that nobody took.
    pub fn left(&self) -> impl Iterator<Item = (&'a Source, OfSource<'_, 'a>)> {
        let runs = self.all.chunk_by(|a, b| a.source == b.source);
        let mut first = 0;
        runs.filter_map(move |run| {
            let taken = self.taken[first];
            first += run.len();
            (!taken).then(|| (run[0].source, OfSource(run)))
        })
    }
}

impl<'a> OfSource<'_, 'a> {
    /// The sum; what summaries post to `balance` accounts is what documents do by themselves.
    pub fn sum(&self, balance: [Option<&str>; 2]) -> Sum<'a> {
        let mut sum = Sum {
            posted: None,
            basis: None,
        };
        let mut round = 0;
        for Part { entry, at, .. } in self.0.iter().copied() {
            if let Some(basis) = entry.bases.get(at)
                && entry.round >= round
            {
                (round, sum.basis) = (entry.round, Some(basis.as_str()));
            }
            let share = entry.shares.get(at);
            let whole = entry.shares.is_empty() && at == 0;
            if share.is_none() && !whole {
                continue;
            }
            let (position, serves) = sum.posted.get_or_insert_with(|| (Position::default(), entry.serves));
            *serves = (*serves).min(entry.serves);
            match share {
                Some(share) => {
                    let own = share.iter().filter(|s| !balance.contains(&Some(s.account.as_str())));
                    own.for_each(|s| position.effects(std::slice::from_ref(s), 1));
                }
                None => add_document(position, entry),
            }
        }
        sum
    }
}

/// What a document does to the accounts its source is told by: lines of charges, the money account of payments.
fn add_document(position: &mut Position, entry: &Entry) {
    let d = &entry.document;
    let money = |position: &mut Position, amount: Cents| {
        let account = d.account.as_deref().unwrap_or_default();
        position.lines(&[plain_line("", amount, account, "", "")], 1);
    };
    match d.kind {
        DocumentKind::Payment | DocumentKind::Prepayment | DocumentKind::Overpayment => money(position, d.total),
        DocumentKind::Refund => money(position, -d.total),
        DocumentKind::Invoice => position.lines(&d.lines, -1),
        DocumentKind::CreditNote => position.lines(&d.lines, 1),
        DocumentKind::Allocation | DocumentKind::Journal => {}
    }
}

/// The same without tax: of money, tax codes say nothing.
pub(in crate::ledger) fn untaxed(position: &Position) -> Position {
    let mut plain = Position::default();
    for (place, net, tax) in position.parts() {
        plain.lines(&[plain_line("", net + tax, &place.account, "", "")], 1);
    }
    plain
}
