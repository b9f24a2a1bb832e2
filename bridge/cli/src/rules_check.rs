//! Posting rules against the books: what they name and the books do not have, said before anything is held for it.

use crate::config::LedgerConfig;
use bridge_core::config_problem::Problem;
use bridge_core::ledger::rules::{Mode, PayerType};
use bridge_core::ledger::{Books, Why};
use std::collections::BTreeSet;

/// What is wrong between the rules and the books they are for.
pub fn problems(settings: &LedgerConfig, books: &Books) -> Vec<Problem> {
    let rules = &settings.rules;
    let text = &std::fs::read_to_string(&settings.file).unwrap_or_default();
    let mut found: Vec<Problem> = Vec::new();
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut note = |code: &str, message: String, remedy: String| {
        if told.insert(message.clone()) {
            found.push(Problem {
                file: settings.file.clone(),
                line: line_of(text, code),
                message,
                remedy,
            });
        }
    };
    for (rule, account, tax) in rules.named() {
        if let Some(code) = account
            && let Some(why) = account_trouble(books, code, &rule)
        {
            note(code, why.text(), why.remedy());
        }
        if let Some(code) = tax
            && books.tax_rate(code).is_none_or(|rate| !rate.active)
        {
            let why = Why::UnknownTax {
                tax: code.to_owned(),
                rule,
            };
            note(code, why.text(), why.remedy());
        }
    }
    let no_tax = &rules.accounts.no_tax;
    if let Some(rate) = books.tax_rate(no_tax).filter(|rate| !rate.percent.is_zero()) {
        let message = format!("`no_tax` under [accounts] is {no_tax}, which takes {} %", rate.percent);
        note(
            no_tax,
            message,
            "Name the rate for what is no supply, e.g. BASEXCLUDED.".into(),
        );
    }
    let summarised = PayerType::ALL.iter().any(|payer| rules.mode(*payer) == Mode::Summary);
    let alone = PayerType::ALL.iter().any(|payer| rules.mode(*payer) == Mode::Invoice);
    let methods = rules.method.iter().map(|m| (m.account.as_str(), m.method.join(", ")));
    for (code, method) in methods {
        let Some(account) = books.account(code).filter(|account| account.active) else {
            continue;
        };
        if summarised && account.bank {
            let why = Why::BankInSummary { account: code.into() };
            note(code, why.text(), why.remedy());
        }
        if alone && !account.bank && !account.takes_payments {
            let account = code.to_owned();
            let why = Why::NoPaymentsInto { account, method };
            note(code, why.text(), why.remedy());
        }
    }
    for (category, rule) in &rules.tracking {
        let known = books.tracking.iter().find(|known| known.name == *category);
        let Some(known) = known else {
            let message = format!("the books have no tracking category `{category}`");
            note(
                category,
                message,
                "Make it in the books, or spell it as they do.".into(),
            );
            continue;
        };
        for option in rule.options.values().filter(|option| !known.options.contains(option)) {
            let message = format!("tracking category `{category}` has no option `{option}` in the books");
            note(
                option,
                message,
                "Add the option in the books, or name one that is there.".into(),
            );
        }
    }
    found
}

/// What the rules alone leave open, worth knowing before the first preview.
pub fn notes(settings: &LedgerConfig) -> Vec<String> {
    let rules = &settings.rules;
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(format!("{}: {text}", settings.file));
    let for_all =
        |r: &&bridge_core::ledger::rules::CodingRule| r.item.is_empty() && r.category.is_empty() && r.payer.is_empty();
    if !rules.rule.iter().any(|r| for_all(&r)) {
        note("no [[rule]] is for everything, so lines that none fits are held");
    }
    if rules.method.is_empty() {
        note("no [[method]] is listed, so every payment is held");
    }
    if rules.accounts.deposits.is_none() {
        note("`deposits` is not set under [accounts], so money received in advance or beyond an invoice is held");
    }
    if rules.accounts.bad_debts.is_none() {
        note("`bad_debts` is not set under [accounts], so debts that are given up are held");
    }
    notes
}

fn account_trouble(books: &Books, code: &str, rule: &str) -> Option<Why> {
    let (account, rule) = (code.to_owned(), rule.to_owned());
    match books.account(code) {
        None => Some(Why::UnknownAccount { account, rule }),
        Some(known) if !known.active => Some(Why::ArchivedAccount { account, rule }),
        Some(known) if known.system.as_deref().is_some_and(kept_by_books) => Some(Why::SystemAccount { account, rule }),
        Some(_) => None,
    }
}

/// Accounts that move by documents alone (Xero's words).
fn kept_by_books(system: &str) -> bool {
    ["DEBTORS", "CREDITORS", "GST"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(system))
}

/// The first line of the rules, comments left out, that names it; 0 if none does.
fn line_of(text: &str, code: &str) -> usize {
    let quoted = format!("\"{code}\"");
    let comment = |line: &str| line.trim_start().starts_with('#');
    let exact = |line: &str| !comment(line) && line.contains(&quoted);
    let names = |line: &str| !comment(line) && line.contains(code);
    let found = text.lines().position(exact).or_else(|| text.lines().position(names));
    found.map_or(0, |at| at + 1)
}
