//! One change is one trace: from the read that showed it, through the queue, to the last write. Its
//! trace context is kept beside the entity's dirty flag, and travels in queue messages, so that any
//! process can go on with it.
//!
//! Work that serves one change is done within its trace. Work that serves several (a page with many
//! changes, a batch) has a trace of its own, and each change a span of the same name, linked to it.
//! Changes that nobody samples leave nothing, and without a subscriber none of this happens.

use crate::error::EngineError;
use crate::settings::System;
use crate::step::Engine;
use bridge_core::{Link, Time};
use bridge_store::{RecordKey, Tx, trace_subject};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use tracing::{Level, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A change that has not arrived after so long is not followed any further.
const LONGEST: Time = 86_400_000_000;
/// Links a span holds, by default of OpenTelemetry's SDKs.
const LINKS: usize = 128;
/// Changes whose time of sight is remembered.
const SEEN: usize = 10_000;
/// A change so old makes room for another.
const OLD: Time = 600_000_000;

/// Trace context by subject.
pub(crate) type Contexts = BTreeMap<String, String>;

/// Whether anybody watches spans of this crate.
pub(crate) fn watched() -> bool {
    tracing::enabled!(Level::INFO)
}

/// A span's context as W3C `traceparent`; none if it is not sampled.
pub(crate) fn context_of(span: &Span) -> Option<String> {
    let context = span.context();
    let at = context.span().span_context().clone();
    (at.is_valid() && at.is_sampled()).then(|| format!("00-{}-{}-01", at.trace_id(), at.span_id()))
}

/// Reads a `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>); none if it is not one.
fn parsed(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != "00" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 || parts.next().is_some() {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

/// Puts a span that has not begun into the trace of a change.
fn join(span: &Span, context: &SpanContext) {
    // Fails where nobody exports traces, and then nothing is lost.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(context.clone()));
}

/// The message's own step in the trace of the change that it announces.
pub(crate) fn announced(context: &str, entity: &str) -> Option<Span> {
    let context = parsed(context)?;
    let span = info_span!(parent: None, "queue", otel.kind = "producer", entity);
    join(&span, &context);
    Some(span)
}

/// One piece of work and the changes it serves.
pub(crate) struct Work {
    /// The work itself.
    pub span: Span,
    changes: BTreeMap<String, Span>,
}

impl Work {
    /// Work on so many entities. `own` makes the span of one change.
    pub fn begin(span: Span, entities: usize, contexts: &Contexts, own: impl Fn(&str) -> Span) -> Self {
        let known: Vec<(&String, SpanContext)> = contexts
            .iter()
            .filter_map(|(entity, context)| Some((entity, parsed(context)?)))
            .collect();
        let mut changes = BTreeMap::new();
        if let ([(entity, context)], 1) = (known.as_slice(), entities) {
            join(&span, context);
            changes.insert((*entity).clone(), span.clone());
            return Self { span, changes };
        }
        for (_, context) in known.iter().take(LINKS) {
            span.add_link(context.clone());
        }
        for (entity, context) in known {
            let one = own(entity);
            join(&one, &context);
            one.add_link(span.context().span().span_context().clone());
            changes.insert(entity.clone(), one);
        }
        Self { span, changes }
    }

    /// The trace context of an entity's change, if that is followed.
    pub fn context(&self, entity: &str) -> Option<String> {
        self.of(entity).and_then(context_of)
    }

    /// The step of an entity's change, if that is followed.
    pub fn of(&self, entity: &str) -> Option<&Span> {
        self.changes.get(entity)
    }
}

/// When changes that are on their way were seen last, by the subject of their trace: what the time to
/// their arrival is measured from. Of the process that reads and writes; what another one judges without
/// anything to write stays here until it is old and there is need of room.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<String, Time>>);

impl Seen {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Time>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes changes.
    fn note(&self, changes: impl Iterator<Item = (String, Time)>) {
        let mut changes = changes.peekable();
        let Some((_, latest)) = changes.peek() else { return };
        let old = latest - OLD;
        self.with(|seen| {
            if seen.len() >= SEEN {
                seen.retain(|_, at| *at > old);
            }
            seen.extend(changes.take(SEEN.saturating_sub(seen.len())));
        });
    }

    /// A record became part of an entity.
    fn rename(&self, from: &str, to: &str) {
        self.with(|seen| {
            if let Some(at) = seen.remove(from) {
                seen.insert(to.into(), at);
            }
        });
    }

    /// When the change of a subject was seen.
    pub fn at(&self, subject: &str) -> Option<Time> {
        self.with(|seen| seen.get(subject).copied())
    }

    /// These have nothing on its way any more.
    pub fn arrived<'s>(&self, subjects: impl Iterator<Item = &'s str>) {
        self.with(|seen| {
            if !seen.is_empty() {
                subjects.for_each(|subject| _ = seen.remove(subject));
            }
        });
    }
}

fn subject(link: &Link) -> String {
    link.entity
        .clone()
        .unwrap_or_else(|| trace_subject(&RecordKey::from(link)))
}

impl Engine {
    /// From when on changes are followed.
    fn followed_since(&self) -> Time {
        self.clock.now() - LONGEST
    }

    /// The trace context of these subjects' changes, if anybody watches.
    pub(crate) async fn contexts(&self, subjects: &[String]) -> Result<Contexts, EngineError> {
        if !watched() || subjects.is_empty() {
            return Ok(Contexts::new());
        }
        Ok(self.store.traces(subjects, self.followed_since()).await?)
    }

    /// Begins to follow the changes that a read has shown, in the transaction that stores them; gives the context
    /// of those that are sampled. The current span is the read's.
    pub(crate) async fn follow(
        &self,
        tx: &mut Tx,
        system: &System,
        changes: &[&Link],
    ) -> Result<Contexts, EngineError> {
        self.seen
            .note(changes.iter().map(|link| (subject(link), link.known_at)));
        let read = Span::current();
        if changes.is_empty() || !watched() || read.is_none() {
            return Ok(Contexts::new());
        }
        let contexts: Vec<(String, String)> = if let [link] = changes {
            read.record("record", &link.remote_id);
            context_of(&read)
                .map(|context| (subject(link), context))
                .into_iter()
                .collect()
        } else {
            let shared = read.context().span().span_context().clone();
            let one = |link: &&Link| {
                let span = info_span!(
                    parent: None, "capture", system = system.name, kind = system.kind(), record = link.remote_id
                );
                span.add_link(shared.clone());
                Some((subject(link), context_of(&span)?))
            };
            changes.iter().filter_map(one).collect()
        };
        if !contexts.is_empty() {
            tx.keep_traces(&contexts, self.clock.now()).await?;
        }
        Ok(contexts.into_iter().collect())
    }

    /// Records became entities: whoever follows the ones follows the others.
    pub(crate) async fn follow_records(
        &self,
        tx: &mut Tx,
        records: Vec<(RecordKey, String)>,
    ) -> Result<(), EngineError> {
        let named: Vec<(String, String)> = records.into_iter().map(|(r, e)| (trace_subject(&r), e)).collect();
        for (record, entity) in &named {
            self.seen.rename(record, entity);
        }
        let subjects: Vec<String> = named.iter().map(|(record, _)| record.clone()).collect();
        let contexts = self.contexts(&subjects).await?;
        if contexts.is_empty() {
            return Ok(());
        }
        let moved: Vec<(String, String)> = named
            .into_iter()
            .filter_map(|(record, entity)| Some((entity, contexts.get(&record)?.clone())))
            .collect();
        tx.keep_traces(&moved, self.clock.now()).await?;
        tx.drop_traces(&subjects).await?;
        Ok(())
    }

    /// Forgets what nobody follows any more.
    pub(crate) async fn unfollow_old(&self) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        tx.drop_traces_before(self.followed_since()).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn only_a_traceparent_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = parsed(good).map(|c| (c.trace_id().to_string(), c.span_id().to_string(), c.is_sampled()));
        let expected = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", true);
        assert_eq!(read, Some((expected.0.into(), expected.1.into(), expected.2)));
        for bad in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-shorter-b7ad6b7169203331-01",
        ] {
            assert!(parsed(bad).is_none(), "{bad}");
        }
    }
}
