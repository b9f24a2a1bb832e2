//! Whom rows are about, for the register of who was told what.

use bridge_store::{About, Followed};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Halaxy's kind of people.
const PATIENT: &str = "Patient";

/// Whom the body of a row is about; nobody where it names no person. Events hold ids and names of units only.
pub(crate) fn whom(what: &Followed, body: &Json, home: &str) -> BTreeSet<About> {
    let member = |name: &str| body[name].as_str().map(|id| About::Entity(id.to_owned()));
    let mut all = BTreeSet::new();
    match what {
        Followed::People => all.extend(member("id")),
        Followed::Links | Followed::Conflicts => all.extend(member("entity")),
        // The books know a patient by a key of ours, like `HX-P-900001`.
        Followed::Ledger(_) => {
            let key = body.pointer("/contact/key").and_then(Json::as_str);
            let id = key.and_then(|key| key.split_once("P-")).map(|(_, id)| id);
            all.extend(id.map(|id| About::record(home, PATIENT, id)));
        }
        Followed::Mirrored { system, .. } => references(body, system, &mut all),
    }
    all
}

fn references(value: &Json, system: &str, into: &mut BTreeSet<About>) {
    match value {
        Json::Object(members) => {
            let reference = members.get("reference").and_then(Json::as_str).unwrap_or_default();
            let mut parts = reference.rsplit('/');
            if let (Some(id), Some(PATIENT)) = (parts.next(), parts.next()) {
                into.insert(About::record(system, PATIENT, id));
            }
            members.values().for_each(|value| references(value, system, into));
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, system, into)),
        _ => {}
    }
}
