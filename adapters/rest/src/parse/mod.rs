//! From the text of a connector file to a [`Connector`], or to everything that is wrong with it.

mod account;
mod activities;
mod books;
mod calls;
mod condition;
mod kind;
mod referrers;
mod requests;
mod section;
mod webhook;
mod wording;

use crate::connector::{Connector, Kind, ReferrersSpec, Request};
use bridge_core::config_problem::{Problem, Source, suggestion};
use section::Section;

/// Variables that every template may name.
const ACCOUNT: &str = "account";

impl Connector {
    /// Parses and checks a connector file; `file` is the name the user knows it by.
    ///
    /// # Errors
    /// All findings, each with its line and a remedy.
    pub fn parse(file: &str, text: &str) -> Result<Connector, Vec<Problem>> {
        let source = Source { file, text };
        let table = source.parse()?;
        let mut root = Section::new(&source, &table, 0..0);
        root.scope(&[ACCOUNT]);
        let name = root.needed_text("name");
        let connector = Connector {
            title: root.text("title").unwrap_or_else(|| name.clone()),
            name,
            base_url: root.template("base_url"),
            timeout: root.duration("timeout"),
            settings: root.dictionary("settings"),
            headers: root.templates("headers"),
            auth: account::auth(&mut root),
            limits: root.section("limits", account::limits).unwrap_or_default(),
            answers: account::answers(&mut root),
            kinds: root
                .named("kinds", kind::kind)
                .into_iter()
                .filter_map(|(name, kind)| Some((name, kind?)))
                .collect(),
            books: root.section("books", books::books).flatten(),
            activities: root.section("activities", activities::activities).flatten(),
            referrers: root.section("referrers", referrers::referrers).unwrap_or_default(),
            webhook: root.section("webhook", webhook::webhook).flatten(),
            requests: root.section("requests", requests::requests).flatten(),
        };
        check_webhook(&connector, &mut root);
        check_activities(&connector, &mut root);
        referrers::check(&connector, &mut root);
        requests::check(&connector, &mut root);
        if connector.kinds.is_empty() && !root.has("kinds") && !root.has("books") {
            root.note(
                0..0,
                "the connector has no kinds",
                "Add [kinds.contacts] with list, read, create and update; or [books] for an accounting product.",
            );
        }
        check_groups(&connector, &mut root);
        let mut problems = root.finish();
        problems.sort_by_key(|problem| problem.line);
        problems.dedup();
        if problems.is_empty() {
            Ok(connector)
        } else {
            Err(problems)
        }
    }
}

/// A kind that a webhook tells of must be one of the connector's.
fn check_webhook(connector: &Connector, root: &mut Section<'_, '_, '_>) {
    let rules = connector.webhook.iter().flat_map(|webhook| &webhook.rules);
    let mut known: Vec<&str> = connector.kinds.keys().map(String::as_str).collect();
    // In the books, an event only says that a look is due.
    known.extend(
        connector
            .books
            .iter()
            .flat_map(|books| books.documents.keys())
            .map(|kind| kind.name()),
    );
    known.extend(connector.books.iter().map(|_| "contacts"));
    for rule in rules.filter(|rule| !known.contains(&rule.kind.as_str())) {
        root.note(
            rule.span.clone(),
            format!("there is no kind `{}`", rule.kind),
            suggestion(&rule.kind, &known),
        );
    }
}

/// Activities are records of a kind that can be made, changed and looked up by our key.
fn check_activities(connector: &Connector, root: &mut Section<'_, '_, '_>) {
    let Some(spec) = &connector.activities else { return };
    let whole = |kind: &Kind| kind.create.is_some() && kind.update.is_some() && kind.find.is_some();
    if !connector.kinds.get(&spec.kind).is_some_and(whole) {
        root.note(
            0..0,
            format!("[activities] needs a kind `{}` with create, update and find", spec.kind),
            format!("Describe [kinds.{}] whole, or name another kind.", spec.kind),
        );
    }
}

/// A limit group that a call names must be one that `[limits]` declares.
fn check_groups(connector: &Connector, root: &mut Section<'_, '_, '_>) {
    let declared: Vec<&str> = connector
        .limits
        .windows
        .iter()
        .filter_map(|window| window.group.as_deref())
        .collect();
    let mut named: Vec<&str> = Vec::new();
    for kind in connector.kinds.values() {
        let lists = [
            Some(&kind.list),
            kind.changes.as_ref().map(|changes| &changes.list),
            kind.removed.as_ref().map(|removed| &removed.list),
        ];
        named.extend(
            lists
                .into_iter()
                .flatten()
                .filter_map(|list| list.request.limit.as_deref()),
        );
        let lookups = [Some(&kind.read), kind.find.as_ref()];
        named.extend(
            lookups
                .into_iter()
                .flatten()
                .filter_map(|lookup| lookup.request.limit.as_deref()),
        );
        let writes = [kind.create.as_ref(), kind.update.as_ref()];
        named.extend(
            writes
                .into_iter()
                .flatten()
                .filter_map(|writing| writing.request.limit.as_deref()),
        );
    }
    let moves = connector
        .activities
        .iter()
        .flat_map(|spec| [spec.attach.as_ref(), spec.detach.as_ref()]);
    named.extend(moves.flatten().filter_map(|request| request.limit.as_deref()));
    let of = |spec| -> [Option<&Request>; 3] {
        let spec: &ReferrersSpec = spec;
        [
            spec.by_number.as_ref().map(|(request, _)| request),
            spec.relate.as_ref(),
            spec.leave.as_ref(),
        ]
    };
    let referrers = connector.referrers.values().flat_map(of);
    named.extend(referrers.flatten().filter_map(|request| request.limit.as_deref()));
    let books = connector.books.iter().flat_map(|books| books.requests());
    named.extend(books.filter_map(|request| request.limit.as_deref()));
    named.sort_unstable();
    named.dedup();
    for group in named {
        if !declared.contains(&group) {
            root.note(
                0..0,
                format!("a call counts in the limit group `{group}`, which [limits] does not have"),
                format!("Add a window with group = \"{group}\"."),
            );
        }
    }
}
