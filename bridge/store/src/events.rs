//! The outbox of the public stream: what became of records, written in the transaction that stores what was seen,
//! and how far each subscriber has taken it. Ids and names of units only.

use crate::{
    audit::next_seq,
    codes,
    db::{Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Row,
    tx::Tx,
};
use bridge_core::Time;
use bridge_core::change::Happened;

const APPEND: Insert = Insert {
    head: "INSERT INTO event (practice, seq, id, at, system, kind, remote_id, happened, units, entity, ours, trace)",
    columns: 12,
    tail: "",
};
const LAST: &str = "SELECT seq FROM event WHERE practice = $1 ORDER BY seq DESC LIMIT 1";
const FIRST: &str = "SELECT seq FROM event WHERE practice = $1 ORDER BY seq LIMIT 1";
const AFTER: &str = "SELECT seq, id, at, system, kind, remote_id, happened, units, entity, ours, trace FROM event \
     WHERE practice = $1 AND seq > $2 ORDER BY seq LIMIT $3";
/// Numbers grow with time, so this reads no further than what is dropped.
const KEPT_FROM: &str = "SELECT seq FROM event WHERE practice = $1 AND at >= $2 ORDER BY seq LIMIT 1";
const DROP: &str = "DELETE FROM event WHERE practice = $1 AND seq < $2";
const SUBSCRIBERS: &str = "SELECT name, position, failures, since, retry_at, parked, trouble FROM subscriber \
     WHERE practice = $1 ORDER BY name";
const SUBSCRIBER: &str = "SELECT name, position, failures, since, retry_at, parked, trouble FROM subscriber \
     WHERE practice = $1 AND name = $2";
const PUT_SUBSCRIBER: &str = "INSERT INTO subscriber (practice, name, position, failures, since, retry_at, parked, trouble) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (practice, name) DO UPDATE SET position = excluded.position, \
     failures = excluded.failures, since = excluded.since, retry_at = excluded.retry_at, parked = excluded.parked, \
     trouble = excluded.trouble";
/// The note that names the stream.
const STREAM: &str = "stream";
/// Rows dropped in one transaction.
const DROPPED: i64 = 5_000;

/// One change of a record, as the public stream tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the practice's stream; given by the store, from 1.
    pub seq: i64,
    /// Tells it from every other event, however often it is sent.
    pub id: String,
    /// When the bridge saw the change.
    pub at: Time,
    /// System name.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Remote id.
    pub remote_id: String,
    /// What became of the record.
    pub happened: Happened,
    /// Names of the units that changed.
    pub units: Vec<String>,
    /// The entity that the record belonged to, if any.
    pub entity: Option<String>,
    /// The bridge made the change itself.
    pub ours: bool,
    /// W3C trace context of the change, if it is traced.
    pub trace: Option<String>,
}

/// How far a subscriber has taken the stream, and what keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriber {
    /// Name in the configuration.
    pub name: String,
    /// The number of the last event it has taken, or does not want.
    pub position: i64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Since when they fail.
    pub since: Time,
    /// Not tried before.
    pub retry_at: Time,
    /// It failed for so long that it is tried rarely.
    pub parked: bool,
    /// What went wrong last; no values.
    pub trouble: String,
}

impl Tx {
    /// Appends events, in this order; their `seq` is given here.
    pub async fn append_events(&mut self, events: &[Event]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let (conn, scope) = self.parts();
        let first = next_seq(conn, scope, LAST).await?;
        // A store made anew begins a stream of its own: positions in an earlier one mean nothing in it.
        if first == 1 && scope.meta(conn, STREAM).await?.is_none() {
            let mut nonce = [0; 4];
            rand::fill(&mut nonce);
            scope.put_meta(conn, STREAM, &bridge_core::hex(&nonce)).await?;
        }
        let rows = events.iter().zip(first..).collect();
        APPEND
            .run(conn, rows, |args, (event, seq): (&Event, i64)| {
                args.shared(&scope.practice)
                    .int(seq)
                    .text(&event.id)
                    .int(event.at)
                    .text(&event.system)
                    .text(&event.kind)
                    .text(&event.remote_id)
                    .text(codes::happened(event.happened))
                    .text(&event.units.join(","))
                    .text_or_null(event.entity.as_deref())
                    .int(event.ours.into())
                    .text_or_null(event.trace.as_deref());
            })
            .await?;
        Ok(())
    }

    /// Forgets events that were seen before a moment, some thousand at a time; the number forgotten. The newest
    /// stays, so that numbers go on.
    pub async fn expire_events(&mut self, before: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        let ask = |at: Option<Time>| {
            let mut args = Args::default();
            args.shared(&scope.practice);
            at.into_iter().for_each(|at| _ = args.int(at));
            args
        };
        let Some(first) = fetch_one(conn, FIRST, ask(None)).await? else {
            return Ok(0);
        };
        let until = match fetch_one(conn, KEPT_FROM, ask(Some(before))).await? {
            Some(kept) => Some(kept),
            None => fetch_one(conn, LAST, ask(None)).await?,
        };
        let until = until.map_or(Ok(0), |row| row.int(0))?.min(first.int(0)? + DROPPED);
        execute(conn, DROP, ask(Some(until))).await
    }

    /// Notes how far a subscriber is.
    pub async fn put_subscriber(&mut self, subscriber: &Subscriber) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice)
            .text(&subscriber.name)
            .int(subscriber.position)
            .int(subscriber.failures.into())
            .int(subscriber.since)
            .int(subscriber.retry_at)
            .int(subscriber.parked.into())
            .text(&subscriber.trouble);
        execute(conn, PUT_SUBSCRIBER, args).await?;
        Ok(())
    }
}

impl Store {
    /// The name of the practice's stream; none before its first event. A store made anew has another.
    pub async fn stream(&self) -> Result<Option<String>> {
        self.meta(STREAM).await
    }

    /// Events after a number, in order.
    pub async fn events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(after)
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = fetch(&mut self.read().await?, AFTER, args).await?;
        rows.iter().map(event).collect()
    }

    /// The number of the newest event; 0 before the first.
    pub async fn last_event(&self) -> Result<i64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let row = fetch_one(&mut self.read().await?, LAST, args).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// How far a subscriber is; none if nothing was ever noted of it.
    pub async fn subscriber(&self, name: &str) -> Result<Option<Subscriber>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(name);
        let row = fetch_one(&mut self.read().await?, SUBSCRIBER, args).await?;
        row.as_ref().map(subscriber).transpose()
    }

    /// How far every subscriber is that anything was ever noted of, by name.
    pub async fn subscribers(&self) -> Result<Vec<Subscriber>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch(&mut self.read().await?, SUBSCRIBERS, args).await?;
        rows.iter().map(subscriber).collect()
    }
}

fn event(row: &Row) -> Result<Event> {
    let units = row.text(7)?;
    Ok(Event {
        seq: row.int(0)?,
        id: row.text(1)?,
        at: row.int(2)?,
        system: row.text(3)?,
        kind: row.text(4)?,
        remote_id: row.text(5)?,
        happened: codes::happened_of(&row.text(6)?),
        units: units.split(',').filter(|u| !u.is_empty()).map(str::to_string).collect(),
        entity: row.text_or_null(8)?,
        ours: row.int(9)? != 0,
        trace: row.text_or_null(10)?,
    })
}

fn subscriber(row: &Row) -> Result<Subscriber> {
    Ok(Subscriber {
        name: row.text(0)?,
        position: row.int(1)?,
        failures: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
        since: row.int(3)?,
        retry_at: row.int(4)?,
        parked: row.int(5)? != 0,
        trouble: row.text(6)?,
    })
}
