//! Tables of reports page by page, and single documents.

use super::table::{Table, grouped};
use super::{Around, around, office, place, read};
use crate::app::call::Call;
use crate::app::render::{Answer, page};
use crate::app::{App, Refused, told};
use bridge_core::ledger::Entry;
use bridge_core::ledger::sheet::Sheet;
use bridge_engine::ledger::reports::{document_lines, document_shares};
use serde::Serialize;
use url::form_urlencoded;

/// Rows that are shown of what was looked for.
const FOUND: usize = 500;
/// Longest text that is looked for.
const TEXT: usize = 80;

#[derive(Serialize)]
struct Rows {
    around: Around,
    title: String,
    of: String,
    link: String,
    here: String,
    table: Table,
    page: usize,
    pages: usize,
    previous: Option<usize>,
    next: Option<usize>,
    find: String,
    /// Only so many of what was found are shown.
    cut: bool,
}

/// One table of a report, whole: page by page, or the rows in which something stands.
pub async fn show(app: &App, call: &Call) -> Answer {
    let [id, section] = &call.parts[..] else {
        return Err(Refused::Missing);
    };
    let office = office(call);
    let report = office.report(id).await.map_err(read)?.ok_or(Refused::Missing)?;
    let number: usize = section.parse().map_err(|_| Refused::Missing)?;
    let of = report.sections.get(number).ok_or(Refused::Missing)?;
    let pages = of.pages();
    let at = call.query.get("page").map_or(Ok(1), |page| page.parse());
    let at = at.ok().filter(|at| (1..=pages).contains(at)).ok_or(Refused::Missing)?;
    let find: String = call
        .query
        .get("find")
        .map_or("", |text| text.trim())
        .chars()
        .take(TEXT)
        .collect();
    let version = format!("{} {section} {at} {find}", report.head.digest);
    told::shown(
        app,
        call,
        &format!("table {section} of the books’ report {id}"),
        &version,
    )
    .await?;
    let mut sheet = Sheet::default();
    let wanted = if find.is_empty() { at..=at } else { 1..=pages };
    let mut cut = false;
    for page in wanted {
        // A report of an older version has its first page alone.
        let Some(rows) = office.rows(&report, number, page).await.map_err(read)? else {
            break;
        };
        let rows = if find.is_empty() { rows } else { rows.with(&find) };
        match page == 1 || find.is_empty() {
            true => sheet = rows,
            false => sheet.append(rows),
        }
        cut = sheet.len() > FOUND;
        if cut {
            sheet = sheet.first(FOUND);
            break;
        }
    }
    let content = Rows {
        around: around(app, call, tab(id)).await?,
        title: of.title.clone(),
        of: report.head.title.clone(),
        link: place(id),
        here: call.path.clone(),
        table: Table::new(of.title.clone(), of.note.clone(), &sheet),
        page: at,
        pages,
        previous: (at > 1).then(|| at - 1),
        next: (at < pages).then_some(at + 1),
        find,
        cut,
    };
    page(app, call, "books-rows.html", content)
}

/// Under which tab a report stands.
fn tab(id: &str) -> &'static str {
    let of = [
        ("close-", "/books/close"),
        ("preview", "/books/preview"),
        ("drift", "/books/drift"),
        ("proof-", "/books/proof"),
        ("statement", "/books/statements"),
        ("tieout", "/books/settlements"),
        ("tasks", "/books/tasks"),
    ];
    let found = of.into_iter().find(|(front, _)| id.starts_with(front));
    found.map_or("/books", |(_, path)| path)
}

#[derive(Serialize)]
struct Document {
    around: Around,
    key: String,
    /// Something was looked for, and nothing of that key was posted.
    missing: bool,
    facts: Vec<(&'static str, String)>,
    tables: Vec<Table>,
    on: Option<String>,
}

/// One document in full: its lines, what it is made of, and where it stands.
pub async fn document(app: &App, call: &Call) -> Answer {
    let key: String = call
        .query
        .get("key")
        .map_or("", |key| key.trim())
        .chars()
        .take(TEXT)
        .collect();
    let entry = match key.as_str() {
        "" => None,
        key => office(call).document(key).await.map_err(read)?,
    };
    if let Some(entry) = &entry {
        let version = format!("{:?} {:?}", entry.state, entry.document.total);
        told::shown(app, call, &format!("the books’ document {key}"), &version).await?;
    }
    let mut content = Document {
        around: around(app, call, "/books/document").await?,
        missing: entry.is_none() && !key.is_empty(),
        key,
        facts: vec![],
        tables: vec![],
        on: None,
    };
    if let Some(entry) = entry {
        content.facts = facts(&entry);
        let lines = Table::new("Lines".into(), String::new(), &document_lines(&entry));
        let note = "Each record’s share; debits are positive, and all of it comes to nothing.".to_owned();
        let shares = Table::new("Made of".into(), note, &document_shares(&entry));
        content.tables = [lines, shares].into_iter().filter(|t| !t.rows.is_empty()).collect();
        content.on = entry.document.of.map(|of| {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("key", &of)
                .finish();
            format!("/books/document?{query}")
        });
    }
    page(app, call, "books-document.html", content)
}

fn facts(entry: &Entry) -> Vec<(&'static str, String)> {
    let d = &entry.document;
    let sources: Vec<String> = entry.sources.iter().take(12).map(ToString::to_string).collect();
    let more = entry.sources.len().saturating_sub(sources.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let mut facts = vec![
        ("Kind", format!("{:?}", d.kind)),
        ("Date", d.date.to_string()),
        ("Halaxy’s date", entry.serves.to_string()),
        ("Amount", format!("{} {}", d.currency, grouped(&d.total.to_string()))),
        ("Of it tax", grouped(&d.tax.to_string())),
        ("What for", format!("{:?}", entry.purpose)),
        ("Where it stands", format!("{:?}", entry.state)),
        ("Made from", format!("{}{more}", sources.join(", "))),
    ];
    facts.extend(entry.contact.as_ref().map(|contact| ("Debtor", contact.name.clone())));
    facts.extend(d.account.clone().map(|account| ("Account", account)));
    facts.extend(entry.remote_id.clone().map(|id| ("In the books as", id)));
    let refused = entry.refused.as_ref();
    facts.extend(refused.map(|(kind, code)| ("Refused", format!("{kind} ({code})"))));
    facts
}
