//! A posting as the variables of a request. Amounts travel as JSON numbers with their exact decimals;
//! signs are turned here, since templates do not calculate.

use super::chart::Chart;
use crate::connector::{BooksSpec, Post};
use crate::template::Variables;
use adapter_kit::{BooksRefusal, BooksRefusalKind, Posting};
use bridge_core::ledger::money::decimal_json;
use bridge_core::ledger::{Cents, DocumentKind, DocumentLine};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value as Json, json};

/// Why something is not even sent.
pub(super) fn refused(kind: BooksRefusalKind, code: &str) -> BooksRefusal {
    BooksRefusal {
        kind,
        code: code.to_string(),
    }
}

/// The variables of one posting.
///
/// # Errors
/// What a person must correct before it can be sent.
pub(super) fn variables(
    spec: &BooksSpec,
    post: &Post,
    chart: &Chart,
    account: &Variables,
    posting: &Posting,
) -> Result<Variables, BooksRefusal> {
    let document = &posting.document;
    if !is_key(&document.key) {
        return Err(refused(BooksRefusalKind::Invalid, "the key is none"));
    }
    if document.currency != chart.books.currency {
        return Err(refused(BooksRefusalKind::Invalid, "another currency than the books"));
    }
    let mut variables = account.clone();
    let mut set = |name: &str, value: Json| {
        variables.insert(name.to_string(), value);
    };
    let note = document.note.trim();
    set("key", json!(document.key));
    set("text", json!(format!("{} {note}", document.key).trim_end()));
    if !note.is_empty() {
        set("note", json!(note));
    }
    set("date", json!(document.date.to_string()));
    if let Some(due) = document.due {
        set("due", json!(due.to_string()));
    }
    set("currency", json!(document.currency.code()));
    set("attempt", json!(posting.attempt));
    if let Some(contact) = &posting.contact {
        set("contact", json!(contact));
    }
    if let Some((kind, id)) = &posting.of {
        set("of", json!({"kind": kind.name(), "id": id}));
    }
    if let Some(to) = &posting.to {
        set("to", json!(to));
    }
    if let Some(code) = &document.account {
        set("bank", account_of(chart, code)?);
    }
    let net = document.total - document.tax;
    set("total", number(document.total.decimal())?);
    set("tax", number(document.tax.decimal())?);
    set("net", number(net.decimal())?);
    set(
        "minus",
        json!({
            "total": number((-document.total).decimal())?,
            "tax": number((-document.tax).decimal())?,
            "net": number((-net).decimal())?,
        }),
    );
    let mut lines = Vec::with_capacity(document.lines.len());
    for (at, line) in document.lines.iter().enumerate() {
        if post.computes_tax {
            check_tax(chart, line)?;
        }
        let value = line_value(spec, chart, document.kind, at, line)?;
        let Some(shape) = &post.line else {
            lines.push(value);
            continue;
        };
        let mut inner = variables.clone();
        inner.insert("line".into(), value);
        let filled = shape.fill(&inner);
        let filled = filled.map_err(|_| refused(BooksRefusalKind::Invalid, "the connector's line cannot be filled"))?;
        lines.extend(filled);
    }
    variables.insert("lines".into(), Json::Array(lines));
    Ok(variables)
}

/// Keys are our own words; one that is not could change a query.
pub(super) fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/#".contains(c);
    !key.is_empty() && key.len() <= 64 && key.chars().all(plain)
}

fn account_of(chart: &Chart, code: &str) -> Result<Json, BooksRefusal> {
    let id = chart
        .account_id(code)
        .ok_or_else(|| refused(BooksRefusalKind::Account, "no such account"))?;
    let name = chart.books.account(code).map_or("", |account| account.name.as_str());
    Ok(json!({"code": code, "id": id, "name": name}))
}

fn line_value(
    spec: &BooksSpec,
    chart: &Chart,
    kind: DocumentKind,
    at: usize,
    line: &DocumentLine,
) -> Result<Json, BooksRefusal> {
    // The account of an overpayment is the debtors' account, which some products name themselves.
    let account = match (kind, line.account.as_str()) {
        (DocumentKind::Overpayment, "") => Json::Null,
        (_, code) => account_of(chart, code)?,
    };
    let mut tracking = Vec::new();
    let mut option = Json::Null;
    for (category, name) in &line.tracking {
        let id = chart.option_id(category, name);
        let id = id.ok_or_else(|| refused(BooksRefusalKind::Invalid, "no such tracking option"))?;
        let one = json!({"category": category, "option": name, "id": id});
        if option.is_null() {
            option = one.clone();
        }
        let shape = spec.tracking.as_ref().and_then(|tracking| tracking.item.as_ref());
        let filled = match shape {
            None => Some(one),
            Some(shape) => {
                let variables = Variables::from_iter([("tracking".to_string(), one)]);
                let filled = shape.fill(&variables);
                filled.map_err(|_| refused(BooksRefusalKind::Invalid, "the connector's tracking cannot be filled"))?
            }
        };
        tracking.extend(filled);
    }
    let gross = line.net + line.tax;
    let mut value = json!({
        "number": at + 1,
        "quantity": number(line.quantity)?,
        "unit": number(line.unit)?,
        "net": number(line.net.decimal())?,
        "tax": number(line.tax.decimal())?,
        "gross": number(gross.decimal())?,
        "minus": {
            "quantity": number(-line.quantity)?,
            "unit": number(-line.unit)?,
            "net": number((-line.net).decimal())?,
            "tax": number((-line.tax).decimal())?,
            "gross": number((-gross).decimal())?,
        },
        "amount": number(line.net.abs().decimal())?,
        "amount_tax": number(line.tax.abs().decimal())?,
        "side": if line.net.is_negative() { "credit" } else { "debit" },
    });
    let mut set = |name: &str, held: Json| {
        value[name] = held;
    };
    if !line.description.is_empty() {
        set("description", json!(line.description));
    }
    if !account.is_null() {
        set("account", account);
    }
    if !line.tax_code.is_empty() {
        let id = chart
            .rate_id(&line.tax_code)
            .ok_or_else(|| refused(BooksRefusalKind::Tax, "no such tax rate"))?;
        set("tax_code", json!({"code": line.tax_code, "id": id}));
    }
    if !option.is_null() {
        set("option", option);
    }
    if !tracking.is_empty() {
        set("tracking", Json::Array(tracking));
    }
    Ok(value)
}

/// Products that compute tax themselves must come to what we state: net times the rate, rounded per line.
fn check_tax(chart: &Chart, line: &DocumentLine) -> Result<(), BooksRefusal> {
    let rate = chart
        .books
        .tax_rate(&line.tax_code)
        .ok_or_else(|| refused(BooksRefusalKind::Tax, "no such tax rate"))?;
    let tax = (line.net.decimal() * rate.percent / Decimal::ONE_HUNDRED)
        .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    match Cents::exact(tax) {
        Ok(tax) if tax == line.tax => Ok(()),
        _ => Err(refused(
            BooksRefusalKind::Tax,
            "the rate comes to another tax than stated",
        )),
    }
}

fn number(value: Decimal) -> Result<Json, BooksRefusal> {
    decimal_json(value)
        .map(Json::Number)
        .map_err(|_| refused(BooksRefusalKind::Invalid, "an amount has too many digits"))
}
