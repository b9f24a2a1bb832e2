//! How fast the ledger decides and proves: `cargo bench -p bridge-core --bench ledger -- [INVOICES] [DOCUMENTS]`. Prints wall
//! time, CPU time and peak memory of coding and planning a month of INVOICES (20,000 unless given) in each manner of
//! posting, and of the proof over a ledger of DOCUMENTS (100,000). Each part runs in a process of its own, so that the
//! peaks are its own.
#![allow(clippy::unwrap_used)]

use bridge_core::ledger::chart::{Account, TaxRate};
use bridge_core::ledger::facts::{
    Invoice, InvoiceKind, Line, LineStatus, Party, Payment, PaymentKind, Price, PriceKind,
};
use bridge_core::ledger::{
    Books, Cents, Currency, DocumentKind, Entry, EntryState, Evidence, Facts, Given, Plan, Proof, Rules, Shown,
    ShownLine, Status, Target,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const MONTH: Date = date(2026, 10, 1);
const TODAY: Date = date(2026, 11, 2);
const MODES: [(&str, &str); 3] = [
    ("invoice", "{}"),
    ("summary", r#"{ other = "summary" }"#),
    ("hybrid", r#"{ patient = "summary", other = "invoice" }"#),
];

fn books() -> Books {
    let codes = (200..230).map(|n| (n.to_string(), false));
    let clearing = (650..660).map(|n| (n.to_string(), true));
    let others = ["406", "630", "850", "860", "970"].map(|c| (c.to_owned(), false));
    let accounts = codes
        .chain(clearing)
        .chain(others)
        .map(|(code, takes_payments)| Account {
            name: code.clone(),
            code,
            system: None,
            active: true,
            bank: false,
            takes_payments,
        });
    let rates = [("FREE", 0), ("GST", 10), ("EXCL", 0)].map(|(code, percent)| TaxRate {
        code: code.into(),
        name: code.into(),
        percent: Decimal::from(percent),
        active: true,
    });
    Books {
        name: "Sampleton".into(),
        country: "AU".into(),
        currency: Currency::AUD,
        locked_to: Some(date(2026, 9, 30)),
        accounts: accounts.collect(),
        tax_rates: rates.to_vec(),
        tracking: vec![],
    }
}

fn rules(modes: &str) -> Rules {
    let mut text = format!(
        "start_from = \"2026-09-01\"\nmode = {modes}\n[accounts]\nbad_debts = \"406\"\ndeposits = \"850\"\n\
         patient_debtors = \"630\"\nrounding = \"860\"\nopening = \"970\"\nno_tax = \"EXCL\"\n"
    );
    for fee in 0..30 {
        let tax = if fee % 3 == 0 { "GST" } else { "FREE" };
        text += &format!(
            "[[rule]]\nitem = [\"I{fee}\"]\naccount = \"{}\"\ntax = \"{tax}\"\n",
            200 + fee
        );
    }
    for method in 0..10 {
        text += &format!("[[method]]\nmethod = [\"M{method}\"]\naccount = \"{}\"\n", 650 + method);
    }
    Rules::parse("ledger.toml", &text).unwrap()
}

fn line(id: usize, invoice: &str, n: usize) -> Line {
    let fee = (n * 7 + id) % 30;
    let unit = Decimal::new(5_000 + (n * 37 % 20_000) as i64, 2);
    let mut prices = vec![Price {
        kind: PriceKind::Base,
        amount: unit,
    }];
    if fee.is_multiple_of(3) {
        prices.push(Price {
            kind: PriceKind::Tax,
            amount: (unit / Decimal::TEN).round_dp(4),
        });
    }
    Line {
        id: id.to_string(),
        invoice: Some(invoice.to_owned()),
        status: if n.is_multiple_of(97) {
            LineStatus::WriteOff
        } else {
            LineStatus::Active
        },
        code: Some(format!("I{fee}")),
        charge: None,
        description: String::new(),
        patient: None,
        appointment: None,
        entered: None,
        role: None,
        quantity: Decimal::ONE,
        prices,
        funder: None,
        cover: None,
    }
}

/// Invoices by arithmetic: one line or two, most paid, some in part or too much, some refunded.
fn facts(invoices: usize) -> Facts {
    let mut facts = Facts::default();
    let (mut lines, mut payments) = (6_000_000, 8_000_000);
    for n in 0..invoices {
        let id = (600_000 + n).to_string();
        let (mut net, mut tax) = (Cents::ZERO, Cents::ZERO);
        for nth in 0..=n % 2 {
            lines += 1;
            let line = line(lines, &id, n + nth);
            let (a, b) = bridge_core::ledger::target::amounts(&line).unwrap();
            (net, tax) = (net + a, tax + b);
            facts.lines.insert(line.id.clone(), line);
        }
        let payer = match n % 5 {
            0..3 => Party::Patient((900_000 + n % 4_000).to_string()),
            _ => Party::Organisation(format!("FD-{}", n % 12)),
        };
        let day = MONTH.saturating_add(((n % 31) as i64).days());
        let gross = net + tax;
        let mut rows = match n % 10 {
            0..7 => vec![(PaymentKind::Payment, gross)],
            7 => vec![(PaymentKind::Payment, Cents(gross.0 / 2))],
            8 => vec![(PaymentKind::Payment, gross + Cents(500))],
            _ => vec![],
        };
        if n.is_multiple_of(50) && !rows.is_empty() {
            rows.push((PaymentKind::Refund, Cents(gross.0 / 4)));
        }
        for (kind, amount) in rows {
            payments += 1;
            let row = Payment {
                id: payments.to_string(),
                kind,
                method: format!("M{}", n % 10),
                created: 0,
                date: day,
                amount,
                currency: Currency::AUD,
                invoice: Some(id.clone()),
                payer: None,
                void: false,
                removed: false,
            };
            facts.payments.insert(row.id.clone(), row);
        }
        let invoice = Invoice {
            id: id.clone(),
            kind: InvoiceKind::Invoice,
            status: "active".into(),
            payer: Some(payer),
            payer_name: format!("Sample {}", n % 4_000),
            date: day,
            roles: vec![],
            currency: Currency::AUD,
            net,
            tax,
            gross,
            paid: Cents::ZERO,
            balance: Cents::ZERO,
            removed: false,
        };
        facts.invoices.insert(id, invoice);
    }
    facts
}

fn plan(target: &Target, entries: &[Entry], rules: &Rules, books: &Books) -> Plan {
    Plan::of(&Given {
        target,
        entries,
        rules,
        books,
        today: TODAY,
        approved: &BTreeSet::new(),
    })
}

fn posted(plan: Plan) -> Vec<Entry> {
    let all = plan.post.into_iter().map(|e| Entry {
        state: EntryState::Posted,
        remote_id: Some(format!("r-{}", e.document.key)),
        ..e
    });
    all.collect()
}

/// What books that took everything as it was sent would show.
fn shown(entries: &[Entry]) -> Vec<Shown> {
    let id = |key: &Option<String>| key.as_ref().map(|k| format!("r-{k}"));
    let line = |l: &bridge_core::ledger::DocumentLine| ShownLine {
        account: l.account.clone(),
        tax_code: Some(l.tax_code.clone()),
        net: l.net,
        tax: l.tax,
        tracking: l.tracking.clone(),
    };
    let all = entries.iter().map(|e| &e.document).map(|d| Shown {
        kind: d.kind,
        remote_id: format!("r-{}", d.key),
        key: (d.kind != DocumentKind::Allocation).then(|| d.key.clone()),
        status: Status::Open,
        date: d.date,
        currency: Some(d.currency),
        contact: d.contact.as_ref().map(|c| format!("c-{c}")),
        of: id(&d.of),
        to: id(&d.to),
        account: d.account.clone(),
        total: d.total,
        tax: Some(d.tax),
        open: None,
        lines: Some(d.lines.iter().map(line).collect()),
        mark: None,
    });
    all.collect()
}

/// CPU seconds and megabytes: now, and at most so far.
fn process() -> (f64, u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
            / 1_024
    };
    (ticks as f64 / 100.0, of("VmRSS:"), of("VmHWM:"))
}

fn step(name: &str, begun: Instant, cpu: f64) {
    let (now, resident, peak) = process();
    let wall = begun.elapsed().as_secs_f64();
    println!(
        "{name:<44} wall {wall:>6.2} s  cpu {:>6.2} s  {resident} MB, peak {peak} MB",
        now - cpu
    );
}

fn planning(mode: usize, invoices: usize) {
    let (facts, rules, books) = (facts(invoices), rules(MODES[mode].1), books());
    let (begun, (cpu, before, _)) = (Instant::now(), process());
    let target = Target::of(&facts, &rules, &books);
    let first = plan(&target, &[], &rules, &books);
    assert!(first.held.is_empty());
    let name = format!("plan {invoices} ({}), {} documents", MODES[mode].0, first.post.len());
    step(&name, begun, cpu);
    let entries = posted(first);
    let (begun, (cpu, ..)) = (Instant::now(), process());
    let target = Target::of(&facts, &rules, &books);
    let again = plan(&target, &entries, &rules, &books);
    assert!(again.post.is_empty() && again.void.is_empty());
    step(&format!("  again, everything posted (facts {before} MB)"), begun, cpu);
}

fn proving(documents: usize) {
    let (rules, books) = (rules(MODES[0].1), books());
    // An invoice, its payment and what is credited come to some 1.9 documents.
    let facts = facts(documents * 10 / 19);
    let target = Target::of(&facts, &rules, &books);
    let entries = posted(plan(&target, &[], &rules, &books));
    let shown = shown(&entries);
    let contacts: BTreeMap<String, String> = entries
        .iter()
        .filter_map(|e| e.document.contact.clone())
        .map(|c| (c.clone(), format!("c-{c}")))
        .collect();
    drop(target);
    println!("everything in memory: {} MB", process().1);
    let (begun, (cpu, ..)) = (Instant::now(), process());
    let target = Target::of(&facts, &rules, &books);
    let proof = Proof::of(&Evidence {
        target: &target,
        entries: &entries,
        shown: &shown,
        contacts: &contacts,
        rules: &rules,
        from: date(2026, 1, 1),
        to: date(2026, 12, 31),
    });
    assert!(proof.holds());
    step(&format!("prove {} documents", proof.documents), begun, cpu);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |n: usize, usual: usize| {
        let given = arguments.get(n).and_then(|a| a.replace('_', "").parse().ok());
        given.unwrap_or(usual)
    };
    match arguments.first().map(String::as_str) {
        Some("part") => match number(1, 0) {
            mode @ 0..3 => planning(mode, number(2, 0)),
            _ => proving(number(2, 0)),
        },
        _ => {
            for part in 0..4 {
                let size = if part < 3 {
                    number(0, 20_000)
                } else {
                    number(1, 100_000)
                };
                let program = std::env::current_exe().unwrap();
                let mut own = std::process::Command::new(program);
                let done = own
                    .args(["part", &part.to_string(), &size.to_string()])
                    .status()
                    .unwrap();
                assert!(done.success());
            }
        }
    }
}
