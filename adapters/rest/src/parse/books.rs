//! `[books]`: an accounting product.

use super::ACCOUNT;
use super::account::statuses;
use super::calls::{PAGE, listing, request};
use super::section::Section;
use crate::connector::{
    AccountsSpec, BooksSpec, ContactsSpec, DocumentSpec, FindSpec, LineTracking, LinesSpec, OrganisationSpec,
    PartsSpec, Post, RefusalRule, Refusals, ShownSpec, SourceSpec, TaxRatesSpec, TrackingSpec, VoidSpec,
};
use crate::place::Place;
use adapter_kit::BooksRefusalKind;
use bridge_core::ledger::DocumentKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds of documents by their names in connector files.
const KINDS: [(&str, DocumentKind); 8] = [
    ("invoice", DocumentKind::Invoice),
    ("credit_note", DocumentKind::CreditNote),
    ("payment", DocumentKind::Payment),
    ("prepayment", DocumentKind::Prepayment),
    ("overpayment", DocumentKind::Overpayment),
    ("allocation", DocumentKind::Allocation),
    ("refund", DocumentKind::Refund),
    ("journal", DocumentKind::Journal),
];

/// What a document's templates may name.
const DOCUMENT: [&str; 16] = [
    "key", "note", "text", "date", "due", "currency", "contact", "of", "to", "bank", "total", "tax", "net", "minus",
    "lines", "attempt",
];

pub(super) fn books(books: &mut Section<'_, '_, '_>) -> Option<BooksSpec> {
    for (part, remedy) in [
        (
            "organisation",
            "Say how the organisation's name, country and currency are read.",
        ),
        ("accounts", "Say how the chart of accounts is listed."),
        ("tax_rates", "Say how tax rates are listed."),
        ("contacts", "Say how contacts are listed and made."),
    ] {
        if !books.has(part) {
            let span = books.span();
            books.note(span, format!("`{part}` is missing in [books]"), remedy);
        }
    }
    let call_life = books.duration("call_life").unwrap_or(Duration::from_secs(60));
    let organisation = books.tables("organisation", organisation);
    let accounts: Vec<_> = books.tables("accounts", accounts).into_iter().collect();
    let tax_rates = books.section("tax_rates", tax_rates);
    let tracking = books.section("tracking", tracking).flatten();
    let contacts = books.section("contacts", contacts);
    let refusals = books.section("refusals", refusals).unwrap_or_default();
    let mut documents = BTreeMap::new();
    for (name, kind) in KINDS {
        let spec = books.section(name, |section| document(section, name, kind));
        documents.extend(spec.flatten().map(|spec| (kind, spec)));
    }
    for (kind, needs) in [
        (DocumentKind::Allocation, "credit_note, prepayment or overpayment"),
        (DocumentKind::Refund, "credit_note, prepayment or overpayment"),
    ] {
        let credits = [
            DocumentKind::CreditNote,
            DocumentKind::Prepayment,
            DocumentKind::Overpayment,
        ];
        if documents.contains_key(&kind) && !credits.iter().any(|credit| documents.contains_key(credit)) {
            let span = books.span();
            books.note(
                span,
                "there is no credit to allocate or to pay back",
                format!("Describe {needs} as well."),
            );
        }
    }
    Some(BooksSpec {
        organisation: organisation.into_iter().flatten().collect(),
        accounts: accounts.into_iter().collect::<Option<_>>()?,
        tax_rates: tax_rates.flatten()?,
        tracking,
        contacts: contacts.flatten()?,
        refusals,
        call_life,
        documents,
    })
}

fn organisation(call: &mut Section<'_, '_, '_>) -> Option<OrganisationSpec> {
    call.scope(&[ACCOUNT]);
    let request = request(call);
    Some(OrganisationSpec {
        record: call.needed_place("record"),
        name: call.place("name"),
        country: call.place("country"),
        countries: call.dictionary("countries"),
        currency: call.place("currency"),
        currencies: call.dictionary("currencies"),
        locked_to: places(call, "locked_to"),
        request: request?,
    })
}

/// A list without changes.
fn plain_list(list: &mut Section<'_, '_, '_>) -> Option<crate::connector::List> {
    list.scope(&[&[ACCOUNT], PAGE.as_slice()].concat());
    listing(list)
}

fn accounts(accounts: &mut Section<'_, '_, '_>) -> Option<AccountsSpec> {
    let list = plain_list(accounts);
    Some(AccountsSpec {
        code: accounts.needed_places("code"),
        group: accounts.text("group").unwrap_or_default(),
        id: accounts.needed_place("id"),
        name: accounts.needed_place("name"),
        system: accounts.place("system"),
        system_words: accounts.texts("system_words"),
        active: accounts.condition("active"),
        bank: needed_condition(
            accounts,
            "bank",
            "Say what a bank account shows, e.g. bank = { Type = \"BANK\" }.",
        ),
        takes_payments: optional_condition(accounts, "takes_payments"),
        list: list?,
    })
}

fn tax_rates(rates: &mut Section<'_, '_, '_>) -> Option<TaxRatesSpec> {
    let list = plain_list(rates);
    let parts = rates.section("parts", |parts| {
        let list = plain_list(parts);
        Some(PartsSpec {
            id: parts.needed_place("id"),
            percent: parts.needed_place("percent"),
            list: list?,
        })
    });
    Some(TaxRatesSpec {
        code: rates.needed_places("code"),
        id: rates.needed_place("id"),
        name: rates.needed_place("name"),
        percent: rates.needed_place("percent"),
        active: rates.condition("active"),
        parts: parts.flatten(),
        list: list?,
    })
}

fn tracking(tracking: &mut Section<'_, '_, '_>) -> Option<TrackingSpec> {
    let list = plain_list(tracking);
    let (only, name) = (tracking.text("only"), tracking.place("name"));
    if only.is_some() == name.is_some() {
        let span = tracking.span();
        tracking.note(
            span,
            "tracking needs either `name` or `only`",
            "Say where a category's name stands, or only = \"Class\" if the list holds the options of one.",
        );
    }
    let options = tracking.place("options").unwrap_or_else(Place::whole);
    let (option, id) = (tracking.needed_place("option"), tracking.needed_place("id"));
    let active = tracking.condition("active");
    tracking.scope(&[ACCOUNT, "tracking"]);
    Some(TrackingSpec {
        only,
        name,
        options,
        option,
        id,
        active,
        item: tracking.shape("item"),
        list: list?,
    })
}

fn contacts(contacts: &mut Section<'_, '_, '_>) -> Option<ContactsSpec> {
    let list = contacts.section("list", plain_list);
    let create = contacts.section("create", |create| {
        create.scope(&[ACCOUNT, "key", "name", "attempt", "items"]);
        post(create)
    });
    if list.is_none() || create.is_none() {
        let span = contacts.span();
        contacts.note(
            span,
            "contacts need `list` and `create`",
            "Describe [books.contacts.list] and [books.contacts.create].",
        );
    }
    Some(ContactsSpec {
        id: contacts.needed_places("id"),
        key: contacts.needed_places("key"),
        name: contacts.needed_places("name"),
        active: contacts.condition("active"),
        list: list.flatten()?,
        create: create.flatten()?,
    })
}

fn document(document: &mut Section<'_, '_, '_>, name: &str, kind: DocumentKind) -> Option<DocumentSpec> {
    for (part, remedy) in [
        ("record", "Say at least where its id, date and total stand."),
        ("post", "Say how one is posted."),
        ("list", "Say how all are listed."),
    ] {
        if !document.has(part) {
            let span = document.span();
            document.note(span, format!("`{part}` is missing in [books.{name}]"), remedy);
        }
    }
    let record = document.section("record", |record| shown(record, kind));
    let post = document.section("post", |section| {
        section.scope(&[&[ACCOUNT, "line", "items", "record"], DOCUMENT.as_slice()].concat());
        post(section)
    });
    let void = document.section("void", void).flatten();
    let find = document.section("find", find).flatten();
    if kind == DocumentKind::Allocation && find.is_some() {
        let span = document.span();
        document.note(
            span,
            "allocations are not looked up by a key",
            "Leave `find` out: they are told apart by what they allocate to what.",
        );
    }
    let lists = document.tables("list", source);
    let changes = document.tables("changes", source);
    let overlap = document.duration("overlap");
    Some(DocumentSpec {
        record: record?,
        post: post.flatten()?,
        void,
        find,
        lists: lists.into_iter().flatten().collect(),
        changes: changes.into_iter().flatten().collect(),
        overlap: overlap.unwrap_or(Duration::from_secs(60)),
    })
}

fn post(post: &mut Section<'_, '_, '_>) -> Option<Post> {
    let request = request(post);
    let batch = post.count("batch").unwrap_or(1);
    let item = post.shape("item");
    if batch > 1 && item.is_none() {
        let span = post.span();
        post.note(
            span,
            "a batch needs `item`",
            "Say how one element of {{ items }} looks, e.g. item = { Number = \"{{ key }}\" }.",
        );
    }
    let read = post.section("read", |read| {
        let request = self::request(read);
        let record = read.place("record").unwrap_or_else(Place::whole);
        request.map(|request| (request, record))
    });
    if batch > 1 && read.is_some() {
        let span = post.span();
        post.note(span, "a batch reads nothing first", "Leave out `read`, or `batch`.");
    }
    Some(Post {
        batch,
        read: read.flatten(),
        item,
        line: post.shape("line"),
        records: post.place("records").unwrap_or_else(Place::whole),
        refused: optional_condition(post, "refused"),
        computes_tax: post
            .word("tax", &[("stated", false), ("computed", true)])
            .unwrap_or(false),
        request: request?,
    })
}

fn void(void: &mut Section<'_, '_, '_>) -> Option<VoidSpec> {
    void.scope(&[ACCOUNT, "id", "of", "attempt", "record"]);
    let request = request(void);
    let read = void.section("read", |read| {
        let request = self::request(read);
        let record = read.place("record").unwrap_or_else(Place::whole);
        request.map(|request| (request, record))
    });
    Some(VoidSpec {
        read: read.flatten(),
        records: void.place("records"),
        request: request?,
    })
}

fn find(find: &mut Section<'_, '_, '_>) -> Option<FindSpec> {
    find.scope(&[ACCOUNT, "keys"]);
    let request = request(find);
    let span = find.span();
    if request
        .as_ref()
        .is_some_and(|request| !request.variables().contains("keys"))
    {
        find.note(
            span,
            "the call never says what is looked up",
            "Use {{ keys | join(',') }} in it.",
        );
    }
    Some(FindSpec {
        batch: find.count("batch").unwrap_or(1),
        records_may_miss: find.flag("records_may_miss").unwrap_or(false),
        records: find.needed_place("records"),
        request: request?,
    })
}

fn source(source: &mut Section<'_, '_, '_>) -> Option<SourceSpec> {
    source.scope(&[&[ACCOUNT, "since", "dated"], PAGE.as_slice()].concat());
    let list = listing(source);
    let of = source.word("of", &KINDS);
    let rows = source.place("rows");
    let parent = places(source, "parent");
    let only = source.condition("only");
    if rows.is_some() != !parent.is_empty() {
        let span = source.span();
        source.note(
            span,
            "`rows` and `parent` belong together",
            "Say where the documents stand in a row (rows = \"Allocations\") and where the row's own id stands.",
        );
    }
    Some(SourceSpec {
        overfull: source.count("overfull"),
        list: list?,
        rows,
        parent,
        of,
        only,
    })
}

fn shown(record: &mut Section<'_, '_, '_>, kind: DocumentKind) -> ShownSpec {
    let needs_total = kind != DocumentKind::Journal;
    ShownSpec {
        only: record.condition("only"),
        id: record.needed_places("id"),
        key: places(record, "key"),
        key_ends: record.text("key_ends"),
        void: optional_condition(record, "void"),
        draft: optional_condition(record, "draft"),
        settled: optional_condition(record, "settled"),
        date: record.needed_places("date"),
        currency: places(record, "currency"),
        contact: places(record, "contact"),
        of: places(record, "of"),
        to: places(record, "to"),
        account: places(record, "account"),
        total: if needs_total {
            record.needed_places("total")
        } else {
            places(record, "total")
        },
        tax: places(record, "tax"),
        open: places(record, "open"),
        negative: record.flag("negative").unwrap_or(false),
        mark: places(record, "mark"),
        lines: record.section("lines", lines),
    }
}

fn lines(lines: &mut Section<'_, '_, '_>) -> LinesSpec {
    LinesSpec {
        at: lines.needed_place("at"),
        only: lines.condition("only"),
        group: lines.text("group").unwrap_or_default(),
        account: lines.needed_places("account"),
        tax_code: places(lines, "tax_code"),
        net: lines.needed_places("net"),
        tax: places(lines, "tax"),
        inclusive: optional_condition(lines, "inclusive"),
        credit: optional_condition(lines, "credit"),
        tracking: lines.section("tracking", |tracking| LineTracking {
            at: tracking.needed_place("at"),
            category: tracking.place("category"),
            option: tracking.needed_place("option"),
        }),
    }
}

fn refusals(refusals: &mut Section<'_, '_, '_>) -> Refusals {
    let words = [
        ("locked", BooksRefusalKind::Locked),
        ("name_taken", BooksRefusalKind::NameTaken),
        ("number_taken", BooksRefusalKind::NumberTaken),
        ("account", BooksRefusalKind::Account),
        ("tax", BooksRefusalKind::Tax),
        ("too_much", BooksRefusalKind::TooMuch),
        ("settled", BooksRefusalKind::Settled),
        ("forbidden", BooksRefusalKind::Forbidden),
        ("invalid", BooksRefusalKind::Invalid),
    ];
    Refusals {
        messages: places(refusals, "messages"),
        rules: refusals.sections("rules", |rule| {
            if !rule.has("means") {
                rule.needed_text("means");
            }
            let means = rule.word("means", &words).unwrap_or(BooksRefusalKind::Invalid);
            let word = words
                .iter()
                .find(|(_, kind)| *kind == means)
                .map_or("", |(word, _)| *word);
            let out = RefusalRule {
                means,
                says: rule.text("says").unwrap_or_else(|| word.to_string()),
                contains: rule.texts("contains").iter().map(|text| text.to_lowercase()).collect(),
                body: rule.condition("where"),
                status: statuses(rule),
            };
            if out.contains.is_empty() && out.body.tests.is_empty() && out.status.is_empty() {
                let span = rule.span();
                rule.note(
                    span,
                    "this rule would match every refusal",
                    "Say contains = \"..\", where = { .. } or status = 409.",
                );
            }
            out
        }),
    }
}

fn places(section: &mut Section<'_, '_, '_>, key: &'static str) -> Vec<Place> {
    if section.has(key) {
        section.needed_places(key)
    } else {
        Vec::new()
    }
}

fn optional_condition(section: &mut Section<'_, '_, '_>, key: &'static str) -> Option<crate::connector::Condition> {
    section.has(key).then(|| section.condition(key))
}

fn needed_condition(section: &mut Section<'_, '_, '_>, key: &'static str, remedy: &str) -> crate::connector::Condition {
    if !section.has(key) {
        let span = section.span();
        section.note(span, format!("`{key}` is missing"), remedy);
    }
    section.condition(key)
}
