//! A small practice to reckon with.

#![allow(dead_code, clippy::unwrap_used)]

use bridge_core::ledger::month::Month;
use bridge_core::ledger::statement::{Statement, Statements, statements};
use bridge_core::ledger::{
    Cents, Currency, Facts, Invoice, InvoiceKind, Line, LineStatus, Party, Payment, PaymentKind, Price, PriceKind,
    Role, Rules,
};
use jiff::civil::Date;
use rust_decimal::Decimal;

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn aud() -> Currency {
    Currency::new("AUD").unwrap()
}

/// Rules from 1 October 2026 on, with further sections.
pub fn rules(more: &str) -> Rules {
    let text = format!("start_from = \"2026-10-01\"\n[accounts]\nno_tax = \"BASEXCLUDED\"\n{more}");
    Rules::parse("ledger.toml", &text).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// Adds an invoice of lines: id, role, item, amount in cents.
pub fn bill(facts: &mut Facts, id: &str, on: Date, lines: &[(&str, Option<&str>, &str, i64)]) {
    let gross = Cents(lines.iter().map(|l| l.3).sum());
    let invoice = Invoice {
        id: id.into(),
        kind: InvoiceKind::Invoice,
        status: "active".into(),
        payer: Some(Party::Patient("900001".into())),
        payer_name: "Miriam Rose".into(),
        date: on,
        roles: Vec::new(),
        currency: aud(),
        net: gross,
        tax: Cents::ZERO,
        gross,
        paid: Cents::ZERO,
        balance: gross,
        removed: false,
    };
    facts.invoices.insert(id.into(), invoice);
    for (line, role, item, amount) in lines {
        let line = Line {
            id: (*line).into(),
            invoice: Some(id.into()),
            status: LineStatus::Active,
            code: Some((*item).into()),
            charge: None,
            description: "Consultation".into(),
            patient: None,
            appointment: None,
            entered: Some(on),
            role: role.map(str::to_owned),
            quantity: Decimal::ONE,
            prices: vec![Price {
                kind: PriceKind::Base,
                amount: Decimal::new(*amount, 2),
            }],
            funder: None,
            cover: None,
        };
        facts.lines.insert(line.id.clone(), line);
    }
}

pub fn pay(facts: &mut Facts, id: &str, on: Date, kind: PaymentKind, invoice: Option<&str>, method: &str, amount: i64) {
    let payment = Payment {
        id: id.into(),
        kind,
        method: method.into(),
        created: 0,
        date: on,
        amount: Cents(amount),
        currency: aud(),
        invoice: invoice.map(str::to_owned),
        payer: None,
        void: false,
        removed: false,
    };
    facts.payments.insert(id.into(), payment);
}

pub fn role(facts: &mut Facts, id: &str, practitioner: Option<&str>, name: &str) {
    let role = Role {
        id: id.into(),
        practitioner: practitioner.map(str::to_owned),
        name: name.into(),
        location: Some("CL-1".into()),
    };
    facts.roles.insert(id.into(), role);
}

/// Rules of an agent and of one who works for the practice.
pub const TWO: &str = r#"
[[practitioner]]
practitioner = ["PR-1", "PR-2"]
name = "Dr A"
standing = "agent"
held_account = "801"
fee_account = "205"
fee_tax = "OUTPUT"
fee = [{ from = "2026-10-01", percent = 40, gst_percent = 10, without = ["PROD"] }]

[[practitioner]]
practitioner = ["U-3"]
name = "Dr B"
standing = "principal"
"#;

pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub fn of<'a>(all: &'a Statements, name: &str) -> &'a Statement {
    all.practitioners.iter().find(|s| s.practitioner == name).unwrap()
}

pub fn state(facts: &Facts, rules: &Rules, at: &str) -> Statements {
    statements(facts, rules, month(at), aud(), &[]).unwrap()
}

/// Dr A by PR-1 and PR-2, Dr B by the practitioner of PR-3, Dr Z by no rule.
pub fn with_agents() -> Facts {
    let mut facts = Facts::default();
    role(&mut facts, "PR-1", Some("U-1"), "Anna A");
    role(&mut facts, "PR-3", Some("U-3"), "Ben B");
    role(&mut facts, "PR-9", Some("U-9"), "Zoe <Z>");
    facts
}
