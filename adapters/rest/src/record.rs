//! A record as a product shows it.

use crate::connector::{Authors, Kind, Members, VersionShape};
use adapter_kit::{HttpResponse, Remote};
use bridge_core::{Author, Version};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Reads a record; nothing if it has no id. `response` is given where the whole answer is about
/// this record, so that its headers are too.
pub(crate) fn remote(kind: &Kind, body: &Json, response: Option<&HttpResponse>) -> Option<Remote> {
    let shape = &kind.record;
    let id = shape
        .id
        .iter()
        .find_map(|place| place.text(body).filter(|id| !id.is_empty()))?;
    Some(Remote {
        version: shape
            .version
            .as_ref()
            .and_then(|version| version_of(version, body, response)),
        mark: shape.mark.as_ref().and_then(|mark| mark.text(body)),
        alive: !shape.dead.as_ref().is_some_and(|dead| dead.holds(body)),
        merged_from: merged_from(kind, body, &id),
        authors: kind
            .authors
            .as_ref()
            .map(|authors| edits(authors, &kind.members, body))
            .unwrap_or_default(),
        history: kind
            .authors
            .as_ref()
            .map(|authors| history(authors, &kind.members, body))
            .unwrap_or_default(),
        body: body.clone(),
        id,
    })
}

/// A removed record of which only the id is told.
pub(crate) fn removed(id: String, body: &Json) -> Remote {
    Remote {
        id,
        body: body.clone(),
        version: None,
        mark: None,
        alive: false,
        merged_from: Vec::new(),
        authors: BTreeMap::new(),
        history: BTreeMap::new(),
    }
}

fn version_of(shape: &VersionShape, body: &Json, response: Option<&HttpResponse>) -> Option<Version> {
    let by_header = || response?.header(shape.header.as_deref()?).map(str::to_string);
    let text = shape
        .place
        .as_ref()
        .and_then(|place| place.text(body))
        .or_else(by_header)?;
    if shape.counting {
        text.parse().ok().map(Version::Counting)
    } else {
        Some(Version::Opaque(text))
    }
}

fn merged_from(kind: &Kind, body: &Json, own: &str) -> Vec<String> {
    let Some(place) = &kind.record.merged_from else {
        return Vec::new();
    };
    let mut ids = Vec::new();
    for text in place.texts(body) {
        match &kind.record.merged_split {
            Some(separator) => ids.extend(text.split(separator.as_str()).map(|id| id.trim().to_string())),
            None => ids.push(text),
        }
    }
    ids.retain(|id| !id.is_empty() && id != own);
    ids
}

/// Who made the latest edit of each member, by the mapping's path.
fn edits(authors: &Authors, members: &Members, body: &Json) -> BTreeMap<String, Author> {
    let Some(Json::Object(histories)) = body.get(&authors.under) else {
        return BTreeMap::new();
    };
    let mut edits = BTreeMap::new();
    for (member, history) in histories {
        let entries = history.as_array().map(Vec::as_slice).unwrap_or_default();
        // Newest first is usual but not promised; of equal times the first one counts.
        let latest = entries.iter().rev().max_by_key(|entry| authors.time.text(entry));
        let source = latest.and_then(|entry| authors.source.text(entry));
        if latest.is_some() {
            edits.insert(path_of(members, member), authors.author(source.as_deref()));
        }
    }
    edits
}

/// What each member held, newest first, by the mapping's path.
fn history(authors: &Authors, members: &Members, body: &Json) -> BTreeMap<String, Vec<Json>> {
    let (Some(place), Some(Json::Object(histories))) = (&authors.value, body.get(&authors.under)) else {
        return BTreeMap::new();
    };
    let entries = |history: &Json| {
        let mut entries: Vec<Json> = history.as_array().cloned().unwrap_or_default();
        entries.sort_by_key(|entry| std::cmp::Reverse(authors.time.text(entry)));
        let held = |entry: &Json| place.one(entry).cloned().unwrap_or(Json::Null);
        entries.iter().map(held).collect()
    };
    histories
        .iter()
        .map(|(member, history)| (path_of(members, member), entries(history)))
        .collect()
}

/// The mapping's path of a member.
pub(crate) fn path_of(members: &Members, member: &str) -> String {
    match &members.under {
        Some(under) => format!("{under}.{member}"),
        None => member.to_string(),
    }
}

/// The members that these mapping paths need, and those the connector always needs.
pub(crate) fn members_of<'p>(members: &Members, paths: impl IntoIterator<Item = &'p str>) -> Vec<String> {
    let mut names: Vec<String> = paths
        .into_iter()
        .filter_map(|path| first_member(members, path))
        .collect();
    names.extend(members.always.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn first_member(members: &Members, path: &str) -> Option<String> {
    let path = match &members.under {
        Some(under) => path.strip_prefix(under.as_str())?.strip_prefix('.')?,
        None => path,
    };
    let name = match path.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => path.split(['.', '[']).next(),
    };
    name.filter(|name| !name.is_empty()).map(str::to_string)
}
