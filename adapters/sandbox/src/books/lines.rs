//! Lines: what they need, and how their amounts and taxes are computed (tax by line, rounded to cents, then summed).

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::chart::Chart;
use super::ledger::{Act, Amounts, Line};
use super::members::{flag, member, text};
use super::money::{Cents, MOST_OF_A_LINE, as_decimal, cents_of, decimal, exact, number, round, round_to, tax_on};

/// The most tracking categories on one line.
const TRACKED: usize = 2;

/// What lines are read for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// Whether everything must be there, as for a document that is approved.
    pub complete: bool,
    pub discounts: bool,
    pub amounts: Amounts,
}

/// Reads the lines of a document; `old` are those that a `LineItemID` may name.
pub(super) fn read(
    chart: &Chart,
    sent: &[Value],
    old: &[Line],
    needs: Needs,
    act: &mut Act<'_>,
    problems: &mut Vec<String>,
) -> Vec<Line> {
    let mut lines = Vec::with_capacity(sent.len());
    for sent in sent {
        let before = text(sent, "LineItemID").and_then(|id| old.iter().find(|line| line.id.eq_ignore_ascii_case(&id)));
        lines.push(one(chart, sent, before, needs, act, problems));
    }
    lines
}

fn one(
    chart: &Chart,
    sent: &Value,
    before: Option<&Line>,
    needs: Needs,
    act: &mut Act<'_>,
    problems: &mut Vec<String>,
) -> Line {
    let description = text(sent, "Description");
    if needs.complete && description.is_none() {
        problems.push("Description is required on each line".to_owned());
    }
    let mut figure = |name: &str| {
        let value = member(sent, name)?;
        let read = decimal(value);
        if read.is_none() {
            problems.push(format!("{name} is not a valid number"));
        }
        read
    };
    let quantity = figure("Quantity").map_or(Decimal::ONE, |quantity| round_to(quantity, 4));
    let asked_unit = figure("UnitAmount").map(|unit| round_to(unit, act.unit_dp));
    let asked_amount = figure("LineAmount").map(round);
    let discount_rate = figure("DiscountRate").map(|rate| round_to(rate, 4));
    let discount = figure("DiscountAmount").map(round);
    let asked_tax = figure("TaxAmount");
    if !needs.discounts && (discount_rate.is_some() || discount.is_some()) {
        problems.push("Discounts are not taken on this kind of document".to_owned());
    }
    let unit = asked_unit.unwrap_or_else(|| match asked_amount {
        Some(amount) if !quantity.is_zero() => round_to(as_decimal(amount) / quantity, 4),
        _ => Decimal::ZERO,
    });
    if needs.complete && asked_unit.is_none() && asked_amount.is_none() {
        problems.push("UnitAmount is required on each line".to_owned());
    }
    let rate = Decimal::ONE_HUNDRED - discount_rate.unwrap_or(Decimal::ZERO);
    let mut expected = round(quantity * unit * rate / Decimal::ONE_HUNDRED).saturating_sub(discount.unwrap_or(0));
    if !(-MOST_OF_A_LINE..=MOST_OF_A_LINE).contains(&expected) {
        problems.push("The line total is too large".to_owned());
        expected = 0;
    }
    // Without a price of its own a line is worth what it says; otherwise both must agree (the product's wording).
    let amount = match (asked_unit, asked_amount) {
        (None, Some(amount)) => amount,
        (Some(_), Some(amount)) if amount != expected => {
            let (amount, expected) = (as_decimal(amount), as_decimal(expected));
            problems.push(format!(
                "The line total {amount} does not match the expected line total {expected}"
            ));
            round(expected)
        }
        _ => expected,
    };
    let account = account(chart, sent, needs.complete, problems);
    let tax_type = tax_type(chart, sent, account, needs.amounts, problems);
    let tax = tax(chart, tax_type.as_deref(), amount, asked_tax, needs.amounts, problems);
    Line {
        id: before.map_or_else(|| act.id(), |line| line.id.clone()),
        description,
        quantity,
        unit,
        discount_rate,
        discount,
        account,
        tax_type,
        tax,
        amount,
        tracking: tracking(chart, sent, problems),
    }
}

/// The account of a line. The wording for an unknown code is the product's.
pub(super) fn account(chart: &Chart, sent: &Value, needed: bool, problems: &mut Vec<String>) -> Option<usize> {
    let (name, found) = match (text(sent, "AccountID"), text(sent, "AccountCode")) {
        (Some(id), _) => {
            let place = chart.accounts.place(&id);
            (id, place)
        }
        (None, Some(code)) => {
            let place = chart.account(&code);
            (code, place)
        }
        (None, None) => {
            if needed {
                problems.push("Account code must be specified".to_owned());
            }
            return None;
        }
    };
    match found {
        Some(place) if chart.accounts[place].takes_lines() => Some(place),
        Some(place) if !chart.accounts[place].active => {
            problems.push(format!("Account code '{name}' has been archived, or deleted"));
            None
        }
        _ => {
            problems.push(format!("Account code '{name}' is not a valid code for this document."));
            None
        }
    }
}

/// The tax code of a line: the one sent, or that of its account.
pub(super) fn tax_type(
    chart: &Chart,
    sent: &Value,
    account: Option<usize>,
    amounts: Amounts,
    problems: &mut Vec<String>,
) -> Option<String> {
    let asked = text(sent, "TaxType");
    let code = asked.or_else(|| match amounts {
        Amounts::NoTax => Some("NONE".to_owned()),
        _ => Some(chart.accounts[account?].tax_type.clone()),
    })?;
    let Some(rate) = chart.tax(&code) else {
        problems.push(format!(
            "TaxType code '{code}' does not exist or cannot be used for this type of transaction."
        ));
        return None;
    };
    if let Some(place) = account
        && chart.accounts[place].class == super::chart::Class::Revenue
        && !rate.on_revenue
    {
        let account = &chart.accounts[place].code;
        problems.push(format!(
            "The TaxType code '{code}' cannot be used with account code '{account}'."
        ));
    }
    Some(code)
}

/// The tax of a line; one that was sent is taken if it is at most a cent off [I].
pub(super) fn tax(
    chart: &Chart,
    code: Option<&str>,
    amount: Cents,
    asked: Option<Decimal>,
    amounts: Amounts,
    problems: &mut Vec<String>,
) -> Cents {
    let percent = match amounts {
        Amounts::NoTax => Decimal::ZERO,
        _ => code
            .and_then(|code| chart.tax(code))
            .map_or(Decimal::ZERO, |rate| rate.percent),
    };
    let expected = tax_on(amount, percent, amounts == Amounts::Inclusive);
    let Some(asked) = asked.filter(|_| amounts != Amounts::NoTax) else {
        return expected;
    };
    let asked = round(asked);
    if (asked - expected).abs() > i64::from(!percent.is_zero()) {
        let (asked, expected) = (as_decimal(asked), as_decimal(expected));
        problems.push(format!(
            "The tax amount {asked} does not match the expected tax amount {expected}"
        ));
    }
    asked
}

/// The tracking of a line, by names or by ids.
pub(super) fn tracking(chart: &Chart, sent: &Value, problems: &mut Vec<String>) -> Vec<(usize, usize)> {
    let Some(all) = member(sent, "Tracking").and_then(Value::as_array) else {
        return Vec::new();
    };
    let mut found: Vec<(usize, usize)> = Vec::new();
    for sent in all {
        let (name, id) = (text(sent, "Name"), text(sent, "TrackingCategoryID"));
        let category = chart.tracking.iter().position(|category| {
            id.as_deref().is_some_and(|id| category.id.eq_ignore_ascii_case(id))
                || (id.is_none() && name.as_deref() == Some(category.name.as_str()))
        });
        let Some(category) = category.filter(|category| chart.tracking[*category].active) else {
            let asked = name.or(id).unwrap_or_default();
            problems.push(format!(
                "The TrackingCategory '{asked}' does not exist or is not active"
            ));
            continue;
        };
        let (name, id) = (text(sent, "Option"), text(sent, "TrackingOptionID"));
        let option = chart.tracking[category].options.iter().position(|option| {
            option.active
                && (id.as_deref().is_some_and(|id| option.id.eq_ignore_ascii_case(id))
                    || (id.is_none() && name.as_deref() == Some(option.name.as_str())))
        });
        let Some(option) = option else {
            let asked = name.or(id).unwrap_or_default();
            problems.push(format!("The TrackingOption '{asked}' does not exist or is not active"));
            continue;
        };
        if found.iter().any(|(known, _)| *known == category) {
            problems.push("A tracking category may stand on a line once".to_owned());
        }
        found.push((category, option));
    }
    if found.len() > TRACKED {
        problems.push(format!("At most {TRACKED} tracking categories may stand on a line"));
    }
    found
}

/// A line's tracking as the product shows it.
pub(super) fn shown_tracking(chart: &Chart, line: &Line) -> Value {
    line.tracking
        .iter()
        .map(|(category, option)| {
            let category = &chart.tracking[*category];
            let option = &category.options[*option];
            json!({
                "Name": category.name,
                "Option": option.name,
                "TrackingCategoryID": category.id,
                "TrackingOptionID": option.id,
            })
        })
        .collect()
}

/// A line as the product shows it, unit prices to so many places.
pub(super) fn shown(chart: &Chart, line: &Line, unit_dp: u32) -> Value {
    let mut shown = json!({
        "LineItemID": line.id,
        "Quantity": exact(line.quantity),
        "UnitAmount": exact(round_to(line.unit, unit_dp)),
        "TaxAmount": number(line.tax),
        "LineAmount": number(line.amount),
        "Tracking": shown_tracking(chart, line),
    });
    if let Some(description) = &line.description {
        shown["Description"] = json!(description);
    }
    if let Some(account) = line.account {
        let account = &chart.accounts[account];
        shown["AccountCode"] = json!(account.code);
        shown["AccountID"] = json!(account.id);
    }
    if let Some(code) = &line.tax_type {
        shown["TaxType"] = json!(code);
    }
    if let Some(rate) = line.discount_rate {
        shown["DiscountRate"] = exact(rate);
    }
    if let Some(discount) = line.discount {
        shown["DiscountAmount"] = number(discount);
    }
    shown
}

/// Reads the lines of a manual journal: signed amounts, no quantities.
pub(super) fn read_journal(
    chart: &Chart,
    sent: &[Value],
    amounts: Amounts,
    act: &mut Act<'_>,
    problems: &mut Vec<String>,
) -> Vec<Line> {
    let mut lines = Vec::with_capacity(sent.len());
    for sent in sent {
        if flag(sent, "IsBlank") == Some(true) {
            continue;
        }
        let amount = member(sent, "LineAmount").and_then(cents_of);
        if amount.is_none() {
            problems.push("LineAmount must be an amount with at most two decimals".to_owned());
        }
        let amount = amount.unwrap_or(0);
        let account = account(chart, sent, true, problems);
        let tax_type = tax_type(chart, sent, account, amounts, problems);
        let asked = member(sent, "TaxAmount").and_then(decimal);
        let tax = tax(chart, tax_type.as_deref(), amount, asked, amounts, problems);
        lines.push(Line {
            id: act.id(),
            description: text(sent, "Description"),
            quantity: Decimal::ONE,
            unit: as_decimal(amount),
            discount_rate: None,
            discount: None,
            account,
            tax_type,
            tax,
            amount,
            tracking: tracking(chart, sent, problems),
        });
    }
    lines
}
