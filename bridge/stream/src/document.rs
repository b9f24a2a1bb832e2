//! How an event is written: version 1 of its form.
//!
//! ```json
//! {
//!   "type": "sampleton-clinic.crm.contacts.updated",
//!   "timestamp": "2026-11-23T03:12:45.123456Z",
//!   "version": 1,
//!   "data": {
//!     "id": "019ab0c2-...",
//!     "cursor": "5f0c2a9e-1043",
//!     "practice": "Sampleton Clinic",
//!     "system": "crm",
//!     "kind": "contacts",
//!     "op": "updated",
//!     "record": "771",
//!     "entity": "019aa7...",
//!     "units": ["email", "mobile"],
//!     "by_bridge": false,
//!     "trace": null
//!   }
//! }
//! ```
//!
//! `type`, `timestamp` and `data` are where Standard Webhooks has them. `type` is the routing key too: practice,
//! system and kind in small letters, digits, `-` and `_`. `timestamp` is when the bridge saw the change, which is later
//! than when it was made. `entity` is null while nobody knows who it is. `units` are names of what changed, not values; of a
//! removed record there are none. `by_bridge` says that the bridge has made the change itself.
//!
//! A later version may add members; one that changes or removes what stands here has a higher number.

use crate::cursor::Cursor;
use bridge_core::Time;
use bridge_core::change::Happened;
use bridge_store::Event;
use serde_json::{Value as Json, json};

/// Version of the form.
pub const VERSION: u32 = 1;
/// Four words, three dots and the longest word of what happened stay below AMQP's 255 bytes.
const LONGEST_WORD: usize = 80;

/// What is told of a change, as a word.
pub fn op(happened: Happened) -> &'static str {
    match happened {
        Happened::Created => "created",
        Happened::Updated => "updated",
        Happened::Removed => "removed",
    }
}

/// A name as a word of a routing key: small letters, digits, `-` and `_`.
pub fn word(name: &str) -> String {
    let mut word = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let plain = c.is_ascii_alphanumeric() || c == '_';
        if plain {
            word.push(c);
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
        if word.len() == LONGEST_WORD {
            break;
        }
    }
    let word = word.trim_end_matches('-');
    if word.is_empty() { "-".into() } else { word.into() }
}

/// The routing key of an event: `practice.system.kind.op`.
pub fn key(practice: &str, event: &Event) -> String {
    let (system, kind) = (word(&event.system), word(&event.kind));
    format!("{}.{system}.{kind}.{}", word(practice), op(event.happened))
}

/// An event of a practice's stream as it is sent.
pub fn document(practice: &str, stream: &str, event: &Event) -> Json {
    let cursor = Cursor {
        stream: stream.into(),
        seq: event.seq,
    };
    json!({
        "type": key(practice, event),
        "timestamp": moment(event.at),
        "version": VERSION,
        "data": {
            "id": event.id,
            "cursor": cursor.to_string(),
            "practice": practice,
            "system": event.system,
            "kind": event.kind,
            "op": op(event.happened),
            "record": event.remote_id,
            "entity": event.entity,
            "units": event.units,
            "by_bridge": event.ours,
            "trace": event.trace,
        }
    })
}

/// RFC 3339, UTC.
pub fn moment(at: Time) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("Sampleton Clinic", "sampleton-clinic"),
            ("crm", "crm"),
            ("p1234_deals", "p1234_deals"),
            ("  Dr. A & B!", "dr-a-b"),
            ("Füße", "f-e"),
            ("医院", "-"),
            ("", "-"),
        ] {
            assert_eq!(word(name), expected);
        }
    }

    proptest! {
        #[test]
        fn a_key_has_four_words_whatever_the_names(practice in ".*", system in ".*", kind in ".*") {
            let event = Event {
                seq: 1, id: "1".into(), at: 0, system, kind, remote_id: "1".into(), happened: Happened::Removed,
                units: vec![], entity: None, ours: false, trace: None,
            };
            let key = key(&practice, &event);
            prop_assert_eq!(key.split('.').count(), 4);
            prop_assert!(key.len() <= 255 && key.parse::<crate::Pattern>().is_ok());
        }
    }
}
