//! One kind of records.

use super::calls;
use super::section::Section;
use crate::connector::{Authors, Clearing, Kind, Members, RecordShape, VersionShape};
use std::time::Duration;

pub(super) fn kind(kind: &mut Section<'_, '_, '_>, name: &str) -> Option<Kind> {
    for (part, remedy) in [
        ("record", "Say at least record = { id = \"id\" }."),
        ("list", "Say how all records are listed."),
        ("read", "Say how one record is read by its id."),
    ] {
        if !kind.has(part) {
            let span = kind.span();
            kind.note(span, format!("`{part}` is missing in kind `{name}`"), remedy);
        }
    }
    let record = kind.section("record", record);
    let members = kind.section("members", members).unwrap_or_default();
    let unique = kind.texts("unique");
    let lag = kind.duration("lag").unwrap_or_default();
    let call_life = kind.duration("call_life").unwrap_or(Duration::from_secs(60));
    let at_once = kind.count("at_once").unwrap_or(1);
    let list = kind.section("list", calls::list);
    let full_scan = kind.flag("full_scan");
    let misspelt = kind.has("full_scan") && full_scan.is_none();
    let changes = kind.section("changes", calls::changes);
    if !misspelt && changes.is_some() == full_scan.unwrap_or(false) {
        let span = kind.span();
        kind.note(
            span,
            format!("kind `{name}` must have either `changes` or `full_scan = true`"),
            "Describe [kinds.NAME.changes], or write full_scan = true if the product cannot tell what changed.",
        );
    }
    let removed = kind.section("removed", calls::removed);
    if removed.is_some() && changes.is_none() {
        let span = kind.span();
        kind.note(
            span,
            "`removed` needs `changes`",
            "A kind that is listed whole every time needs no list of removals.",
        );
    }
    let read = kind.section("read", |section| calls::lookup(section, "id"));
    let find = kind
        .section("find", |section| calls::lookup(section, "reference"))
        .flatten();
    let create = kind.section("create", calls::create).flatten();
    let update = kind.section("update", calls::update).flatten();
    let authors = kind.section("authors", authors);
    let prepare = kind.section("prepare", calls::prepare).flatten();
    let probes = kind.sections("probes", calls::probe).into_iter().flatten().collect();
    let record = record?;
    if find.is_some() && record.reference.is_none() {
        let span = kind.span();
        kind.note(
            span,
            "`find` needs `record.reference`",
            "Say where our reference stands in a record.",
        );
    }
    if update.as_ref().is_some_and(|update| update.conditional) && record.version.is_none() {
        let span = kind.span();
        kind.note(
            span,
            "guard = \"version\" needs `record.version`",
            "Say where a record's version stands.",
        );
    }
    Some(Kind {
        name: name.to_string(),
        record,
        members,
        unique,
        lag,
        call_life,
        at_once,
        list: list.flatten()?,
        changes: changes.flatten(),
        removed: removed.flatten(),
        read: read.flatten()?,
        find,
        create,
        update,
        authors,
        prepare,
        probes,
    })
}

fn record(record: &mut Section<'_, '_, '_>) -> RecordShape {
    RecordShape {
        id: record.needed_places("id"),
        version: record.section("version", |version| VersionShape {
            place: version.place("at"),
            header: version.text("header"),
            counting: version
                .word("style", &[("token", false), ("counting", true)])
                .unwrap_or(false),
        }),
        mark: record.place("mark"),
        dead: record.has("dead").then(|| record.condition("dead")),
        merged_from: record.place("merged_from"),
        merged_split: record.text("merged_split"),
        reference: record.place("reference"),
        apart: record.has("apart").then(|| record.condition("apart")),
    }
}

fn members(members: &mut Section<'_, '_, '_>) -> Members {
    Members {
        under: members.text("under"),
        always: members.texts("always"),
        strings: members.flag("strings").unwrap_or(false),
        clear: members
            .word("clear", &[("null", Clearing::Null), ("empty", Clearing::EmptyText)])
            .unwrap_or_default(),
    }
}

fn authors(authors: &mut Section<'_, '_, '_>) -> Authors {
    Authors {
        members: authors.texts("members").into_iter().collect(),
        under: authors.needed_text("under"),
        source: authors.needed_place("source"),
        time: authors.needed_place("time"),
        value: authors.place("value"),
        person: authors.texts("person"),
        unknown: authors.texts("unknown"),
    }
}
