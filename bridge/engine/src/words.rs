//! The history in plain words.

use bridge_core::{Link, LinkState, Write, WriteState};
use bridge_store::AuditEntry;

/// How a record stands, in plain words.
pub fn record_stands(link: &Link) -> String {
    let state = match link.state {
        LinkState::Live if link.look => "is due for a fresh look",
        LinkState::Live => "is there",
        LinkState::Gone => "was removed there; it is not created again",
        LinkState::Merged => "was merged into another record there",
    };
    format!("{}:{} {state}", link.system, link.remote_id)
}

/// How a write stands, in plain words.
pub fn write_stands(write: &Write) -> String {
    let units: Vec<&str> = write.values.keys().map(String::as_str).collect();
    let state = match write.state {
        WriteState::Planned => "is to be sent",
        WriteState::Sent => "is on its way",
        WriteState::Unknown => "may have landed and is looked at first",
        WriteState::Doubtful | WriteState::Refused => "waits for a person",
    };
    format!("a write of {} to {} {state}", units.join(", "), write.system)
}

/// One line of the history in plain words.
pub fn words(e: &AuditEntry) -> String {
    let units = e.units.join(", ");
    let system = e.system.as_deref().unwrap_or("every system");
    let record = e
        .remote_id
        .as_deref()
        .map(|id| format!(" ({system}:{id})"))
        .unwrap_or_default();
    let because = if e.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", e.reason)
    };
    match e.event.as_str() {
        "new" => format!("first seen in {system}{record}{because}"),
        "linked" => format!("linked with the record in {system}{record}{because}"),
        "same person" => format!("two records were declared the same person {}", e.reason),
        "different people" => format!("two records were declared different people {}", e.reason),
        "unlinked" => format!("the record in {system} was cut off {}", e.reason),
        "adopted" => format!("{units} taken{because}"),
        "overruled" => format!("{units} of {system} overruled{because}"),
        "conflict" => format!("{units} in conflict, waits for a person{because}"),
        "conflict closed" => format!("{units} no longer in conflict{because}"),
        "decided" => format!("{units} decided {}", e.reason),
        "create" => format!("to be created in {system} with {units}{because}"),
        "write" => format!("{units} to be written to {system}{because}"),
        "skip" => format!("{system}: {}", e.reason),
        "hold" => format!("{units} held back from {system}{because}"),
        "removed" => format!("{system}: {}", e.reason),
        "sent" => format!(
            "sent to {system}{record}: {}",
            if e.reason.is_empty() { &units } else { &e.reason }
        ),
        "applied" => format!("{system} took it{record}: {units}"),
        "told" => format!("{system} was told {units}{because}"),
        "may be told" => format!("{system} may have been told {units}{because}"),
        "refused" => format!("{system} refused {units}{because}"),
        "unknown" => format!("no answer from {system}{because}"),
        "settled" => format!("doubt about {system} settled{because}"),
        "moved" | "gone" | "later" => format!("{system} did not take {units}{because}"),
        "kept apart" => format!("{units} is kept apart from now on {}", e.reason),
        "brought together" => format!("{units} takes part in the sync again {}", e.reason),
        "taken back" => format!("{units} taken back {}", e.reason),
        "undone" => format!("{units} undone{because}"),
        "not undone" => format!("{units} not undone in {system}{because}"),
        "sync asked" => format!("looked at afresh {}", e.reason),
        "viewed" => format!("shown {}", e.reason),
        "card closed" => format!("question about {system} closed {}", e.reason),
        "replayed" => format!("what was held was released {}", e.reason),
        "action" => format!("by hand in {system}: {}", e.reason),
        other => format!("{other} {system} {units}{because}"),
    }
}
