//! One call: request line, query, headers, body, paging, and where the answer holds what.

use super::ACCOUNT;
use super::section::Section;
use super::wording::{empty_object, whole};
use crate::connector::{
    Changes, ItemErrors, List, Lookup, Need, Paging, PagingStyle, Prepare, ProbeCall, Removed, Request, Shown, Writing,
};
use http::Method;

pub(super) const PAGE: [&str; 5] = ["page.size", "page.offset", "page.number", "page.cursor", "page.last"];

/// The request of a call that must be there.
pub(super) fn request(call: &mut Section<'_, '_, '_>) -> Option<Request> {
    if !call.has("call") {
        call.needed_text("call");
        // The other keys are known all the same.
        let _ = parts(call, Request::unset());
        return None;
    }
    parts(call, Request::unset())
}

/// What a table says of a request, over what is known already.
fn parts(call: &mut Section<'_, '_, '_>, mut request: Request) -> Option<Request> {
    let mut fine = true;
    if let Some((text, span)) = call.text_at("call") {
        match line(&text) {
            Some((method, path)) => {
                request.method = method;
                match call.parsed_template(&path, span) {
                    Some(path) => request.path = path,
                    None => fine = false,
                }
            }
            None => {
                call.note(
                    span,
                    format!("`{text}` is no request line"),
                    "Write call = \"GET contacts/{{ id }}\".",
                );
                fine = false;
            }
        }
    }
    for (name, shape) in call.shapes("query") {
        request.query.retain(|(known, _)| *known != name);
        request.query.push((name, shape));
    }
    for (name, template) in call.templates("headers") {
        request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        request.headers.push((name, template));
    }
    if let Some(body) = call.shape("body") {
        request.body = Some(body);
    }
    if let Some(form) = call.word("encoding", &[("json", false), ("form", true)]) {
        request.form = form;
    }
    if let Some(limit) = call.text("limit") {
        request.limit = Some(limit);
    }
    fine.then_some(request)
}

/// `GET contacts/{{ id }}`; paths stand below the base URL.
fn line(text: &str) -> Option<(Method, String)> {
    let (method, path) = text.trim().split_once(' ')?;
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return None,
    };
    Some((method, path.trim().trim_start_matches('/').to_string()))
}

pub(super) fn list(list: &mut Section<'_, '_, '_>) -> Option<List> {
    let mut scope = vec![ACCOUNT, "members", "history"];
    scope.extend(PAGE);
    list.scope(&scope);
    listing(list)
}

/// A feed may go on from a moment or from what the product gave.
const FEED: [&str; 2] = ["since", "resume"];

pub(super) fn changes(changes: &mut Section<'_, '_, '_>) -> Option<Changes> {
    changes.scope(&[&[ACCOUNT, "members", "history"], FEED.as_slice(), PAGE.as_slice()].concat());
    let resume = changes.place("resume");
    let overlap = changes.duration("overlap");
    let list = listing(changes)?;
    let names = list.request.variables();
    let asks_since = names.contains("since");
    let span = changes.span();
    if asks_since && !changes.has("overlap") {
        changes.note(
            span.clone(),
            "`overlap` is missing",
            "Write overlap = \"60s\": at least as long as a written record may take to be listed.",
        );
    }
    let follows = matches!(list.paging.style, PagingStyle::Link { .. });
    if !asks_since && (resume.is_none() || !(follows || names.contains("resume"))) {
        changes.note(
            span,
            "the call never says since when",
            "Use {{ since | iso }} (or | millis, | seconds, | http_date) in it; or say where the product's own token \
             stands (resume = \"..\") and use {{ resume }}.",
        );
    }
    Some(Changes {
        list,
        overlap: overlap.unwrap_or_default(),
        resume,
        asks_since,
    })
}

pub(super) fn removed(removed: &mut Section<'_, '_, '_>) -> Option<Removed> {
    removed.scope(&[&[ACCOUNT, "since"], PAGE.as_slice()].concat());
    let id = removed.needed_place("id");
    let list = listing(removed)?;
    if !list.request.variables().contains("since") {
        let span = removed.span();
        removed.note(span, "the call never says since when", "Use {{ since | iso }} in it.");
    }
    Some(Removed { list, id })
}

pub(super) fn listing(list: &mut Section<'_, '_, '_>) -> Option<List> {
    let request = request(list);
    let records = list.needed_place("records");
    let records_may_miss = list.flag("records_may_miss").unwrap_or(false);
    let may_lag = list.flag("may_lag").unwrap_or(false);
    if !list.has("paging") {
        let span = list.span();
        list.note(
            span,
            "`paging` is missing",
            "Write paging = { style = \"offset\", size = 100 } (or number, cursor, link, keyset, single).",
        );
    }
    let paging = list.section("paging", paging);
    Some(List {
        request: request?,
        records,
        records_may_miss,
        paging: paging?,
        may_lag,
    })
}

fn paging(paging: &mut Section<'_, '_, '_>) -> Paging {
    #[derive(Clone, Copy)]
    enum Style {
        Single,
        Offset,
        Number,
        Cursor,
        Link,
        Keyset,
    }
    let styles = [
        ("single", Style::Single),
        ("offset", Style::Offset),
        ("number", Style::Number),
        ("cursor", Style::Cursor),
        ("link", Style::Link),
        ("keyset", Style::Keyset),
    ];
    if !paging.has("style") {
        paging.needed_text("style");
    }
    let style = match paging.word("style", &styles).unwrap_or(Style::Single) {
        Style::Single => PagingStyle::Single,
        Style::Offset => PagingStyle::Offset,
        Style::Number => PagingStyle::Number {
            first: paging.first_page(),
        },
        Style::Cursor => PagingStyle::Cursor {
            next: paging.needed_place("next"),
        },
        Style::Link => PagingStyle::Link {
            next: paging.place("next"),
        },
        Style::Keyset => PagingStyle::Keyset {
            key: paging.needed_place("key"),
            first: paging.text("first").unwrap_or_else(|| "0".into()),
        },
    };
    Paging {
        style,
        size: paging.count("size").unwrap_or(100),
        total: paging.place("total"),
        more: paging.place("more"),
        short_page_ends: paging.flag("short_page_ends").unwrap_or(false),
    }
}

/// A look-up by `id` or by `reference`.
pub(super) fn lookup(lookup: &mut Section<'_, '_, '_>, by: &'static str) -> Option<Lookup> {
    lookup.scope(&[ACCOUNT, "members", "history", by, "items"]);
    let request = request(lookup);
    let dead = request
        .clone()
        .and_then(|request| lookup.section("dead", |dead| parts(dead, request)).flatten());
    if request.is_none() {
        lookup.raw("dead");
    }
    let dead_list = lookup.section("dead_list", list).flatten();
    if dead.is_some() && dead_list.is_some() {
        let span = lookup.span();
        lookup.note(
            span,
            "`dead` and `dead_list` exclude each other",
            "Keep the one that the product offers.",
        );
    }
    let batch = lookup.count("batch").unwrap_or(1);
    let item = lookup.shape("item");
    check_batch(lookup, batch, item.is_some());
    Some(Lookup {
        dead,
        dead_list,
        batch,
        item,
        records: lookup.place("records").unwrap_or_else(whole),
        errors: lookup.section("item_errors", item_errors),
        silent_is_missing: lookup.flag("silent_is_missing").unwrap_or(batch == 1),
        request: request?,
    })
}

fn check_batch(call: &mut Section<'_, '_, '_>, batch: usize, has_item: bool) {
    if batch > 1 && !has_item {
        let span = call.span();
        call.note(
            span,
            "a batch needs `item`",
            "Say how one element of {{ items }} looks, e.g. item = { id = \"{{ id }}\" }.",
        );
    }
}

fn item_errors(errors: &mut Section<'_, '_, '_>) -> ItemErrors {
    ItemErrors {
        at: errors.needed_place("at"),
        names: errors.names("names"),
    }
}

pub(super) fn create(create: &mut Section<'_, '_, '_>) -> Option<Writing> {
    create.scope(&[ACCOUNT, "members", "key", "reference", "body", "items"]);
    writing(create, false)
}

pub(super) fn update(update: &mut Section<'_, '_, '_>) -> Option<Writing> {
    update.scope(&[
        ACCOUNT, "members", "key", "id", "before", "after", "changes", "version", "items",
    ]);
    writing(update, true)
}

fn writing(call: &mut Section<'_, '_, '_>, is_update: bool) -> Option<Writing> {
    let request = request(call);
    let batch = call.count("batch").unwrap_or(1);
    let item = call.shape("item");
    check_batch(call, batch, item.is_some());
    let shown = [
        ("none", Shown::None),
        ("written", Shown::Written),
        ("written_part", Shown::WrittenPart),
        ("later", Shown::Later),
    ];
    let answer = call.word("answer", &shown).unwrap_or_default();
    let records = call.place("records");
    if answer != Shown::None && records.is_none() {
        let span = call.span();
        call.note(
            span,
            "the answer shows records, but nothing says where",
            "Write records = \".\" or the place where they stand.",
        );
    }
    let id = if is_update { None } else { call.place("id") };
    if !is_update && records.is_none() && id.is_none() {
        let span = call.span();
        call.note(
            span,
            "nothing says where the new record's id stands",
            "Write id = \"id\", or records = \"..\" if the answer shows the record.",
        );
    }
    let names = call.names("names");
    if batch > 1 && names.is_empty() {
        let span = call.span();
        call.note(
            span,
            "a batch needs `names`",
            "Say by which member a result names its item, e.g. names = { id = \"{{ id }}\" }.",
        );
    }
    Some(Writing {
        batch,
        item,
        records,
        id,
        names,
        errors: call.section("item_errors", item_errors),
        answer,
        conditional: is_update
            && call
                .word("guard", &[("read", false), ("version", true)])
                .unwrap_or(false),
        idempotent: !is_update && call.flag("idempotent").unwrap_or(false),
        request: request?,
    })
}

pub(super) fn prepare(prepare: &mut Section<'_, '_, '_>) -> Option<Prepare> {
    let list = prepare.section("list", |list| {
        let request = request(list);
        (request, list.needed_place("records"), list.needed_place("name"))
    });
    let make = prepare.section("create", |create| {
        create.scope(&[ACCOUNT, "thing", "name"]);
        request(create)
    });
    let needs = prepare.sections("needs", |need| {
        let name = need.needed_text("name");
        Need {
            what: need.text("what").unwrap_or_else(|| name.clone()),
            always: need.flag("always").unwrap_or(false),
            check: need.condition("check"),
            body: need.shape("body").unwrap_or_else(empty_object),
            name,
        }
    });
    prepare.scope(&[ACCOUNT, "name"]);
    let other = prepare.shape("other");
    if list.is_none() || make.is_none() {
        let span = prepare.span();
        prepare.note(
            span,
            "`prepare` needs `list` and `create`",
            "Say how existing things are listed and how one is made.",
        );
    }
    let (request, records, name) = list?;
    Some(Prepare {
        request: request?,
        records,
        name,
        create: make.flatten()?,
        needs,
        other,
    })
}

pub(super) fn probe(probe: &mut Section<'_, '_, '_>) -> Option<ProbeCall> {
    probe.scope(&[ACCOUNT]);
    let request = request(probe);
    Some(ProbeCall {
        what: probe.needed_text("what"),
        remedy: probe.text("remedy").unwrap_or_default(),
        request: request?,
    })
}
