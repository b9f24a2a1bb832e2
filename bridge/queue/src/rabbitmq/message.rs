//! A message as the broker carries it: the key is the body; lane, reason, trace context, attempts
//! and the earliest time are headers. Nothing else, and never a value.

use crate::{EXHAUSTED, Time, Topic, Wake};
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};

/// Name and version of this form.
const TYPE: &str = "wake.v1";
/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;
/// Texts longer than this are not ours.
const LONGEST: usize = 512;

const LANE: &str = "lane";
const REASON: &str = "reason";
const TRACE: &str = "traceparent";
const ATTEMPTS: &str = "attempts";
const NOT_BEFORE: &str = "not-before";
const BURIED: &str = "buried";
/// Set by quorum queues: how often the message was handed out before without an answer.
const DELIVERIES: &str = "x-delivery-count";
/// Set by the broker on what it dead-lettered: why.
const DEAD: &str = "x-first-death-reason";

/// A message together with what happened to it before.
#[derive(Debug, PartialEq)]
pub(crate) struct Carried {
    pub wake: Wake,
    /// Hand-outs before this one.
    pub attempts: u32,
    /// Not to be handed out before.
    pub at: Option<Time>,
    /// Why it was given up.
    pub buried: Option<String>,
}

impl Carried {
    pub fn new(wake: &Wake) -> Self {
        Self {
            wake: wake.clone(),
            attempts: 0,
            at: None,
            buried: None,
        }
    }

    pub fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        let mut put = |name: &str, value: AMQPValue| {
            headers.insert(name.into(), value);
        };
        let text = |text: &str| AMQPValue::LongString(text.into());
        put(LANE, AMQPValue::LongLongInt(self.wake.lane.into()));
        put(REASON, text(&self.wake.reason));
        if let Some(trace) = &self.wake.trace {
            put(TRACE, text(trace));
        }
        if self.attempts > 0 {
            put(ATTEMPTS, AMQPValue::LongLongInt(self.attempts.into()));
        }
        if let Some(at) = self.at {
            put(NOT_BEFORE, AMQPValue::LongLongInt(at));
        }
        if let Some(buried) = &self.buried {
            put(BURIED, text(buried));
        }
        BasicProperties::default()
            .with_type(TYPE.into())
            .with_delivery_mode(PERSISTENT)
            .with_headers(headers)
    }

    /// Reads a delivery; `None` if it is not one of ours.
    pub fn read(topic: &Topic, delivery: &Delivery) -> Option<Self> {
        let properties = &delivery.properties;
        if properties.kind().as_ref()?.as_str() != TYPE || delivery.data.len() > LONGEST {
            return None;
        }
        let headers = properties.headers().as_ref()?;
        let text = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) if text.len() <= LONGEST => {
                Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
            }
            _ => None,
        };
        let number = |name: &str| headers.inner().get(name).and_then(integer);
        let count = |name: &str| u32::try_from(number(name).unwrap_or(0)).unwrap_or(u32::MAX);
        let dead = || {
            let reason = text(DEAD)?;
            Some(if reason == "delivery_limit" {
                EXHAUSTED.into()
            } else {
                reason
            })
        };
        Some(Self {
            wake: Wake {
                topic: topic.clone(),
                key: String::from_utf8(delivery.data.clone()).ok()?,
                lane: u8::try_from(number(LANE)?).ok()?,
                reason: text(REASON)?.into(),
                trace: text(TRACE),
            },
            attempts: count(ATTEMPTS).saturating_add(count(DELIVERIES)),
            at: number(NOT_BEFORE),
            buried: text(BURIED).or_else(dead),
        })
    }
}

/// Brokers and plugins may send back a narrower type than the one that was sent.
fn integer(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::LongLongInt(n) => Some(*n),
        AMQPValue::LongInt(n) => Some((*n).into()),
        AMQPValue::LongUInt(n) => Some((*n).into()),
        AMQPValue::ShortInt(n) => Some((*n).into()),
        AMQPValue::ShortUInt(n) => Some((*n).into()),
        AMQPValue::ShortShortInt(n) => Some((*n).into()),
        AMQPValue::ShortShortUInt(n) => Some((*n).into()),
        _ => None,
    }
}
