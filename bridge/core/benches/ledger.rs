//! How fast the ledger decides and proves: `cargo bench -p bridge-core --bench ledger -- [INVOICES] [DOCUMENTS]`. Prints wall
//! time, CPU time and peak memory of coding and planning a month of INVOICES (20,000 unless given) in each manner of
//! posting, and of the proof over a ledger of DOCUMENTS (100,000). Each part runs in a process of its own, so that the
//! peaks are its own; the proof's reads what is proved from a file first, as the service does from its store. All of them
//! with the service's allocator.
#![allow(clippy::unwrap_used)]

use bridge_core::ledger::chart::{Account, TaxRate};
use bridge_core::ledger::facts::{
    Invoice, InvoiceKind, Line, LineStatus, Party, Payment, PaymentKind, Price, PriceKind,
};
use bridge_core::ledger::{
    Books, Cents, Currency, DocumentKind, Entry, EntryState, Evidence, Fact, Facts, Gathered, Given, Plan, Proof,
    Rules, Shown, ShownLine, Status, Target,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
        entries: entries.iter().collect(),
        rules,
        books,
        today: TODAY,
        settled: None,
        approved: &BTreeSet::new(),
        recode: &BTreeSet::new(),
    })
}

/// An id as long as the books' are.
fn remote(key: &str) -> String {
    let mut hash = DefaultHasher::new();
    key.hash(&mut hash);
    let hash = hash.finish();
    format!("{:08x}-0000-4000-8000-{:012x}", hash >> 32, hash)[..36].to_owned()
}

fn posted(plan: Plan) -> Vec<Entry> {
    let all = plan.post.into_iter().map(|e| Entry {
        state: EntryState::Posted,
        remote_id: Some(remote(&e.document.key)),
        ..e
    });
    all.collect()
}

/// What books that took everything as it was sent would show.
fn shown(entries: &[Entry]) -> Vec<Shown> {
    let id = |key: &Option<String>| key.as_deref().map(remote);
    let line = |l: &bridge_core::ledger::DocumentLine| ShownLine {
        account: l.account.clone(),
        tax_code: Some(l.tax_code.clone()),
        net: l.net,
        tax: l.tax,
        tracking: l.tracking.clone(),
    };
    let all = entries.iter().map(|e| &e.document).map(|d| Shown {
        kind: d.kind,
        remote_id: remote(&d.key),
        key: (d.kind != DocumentKind::Allocation).then(|| d.key.clone()),
        status: Status::Open,
        date: d.date,
        currency: Some(d.currency),
        contact: d.contact.as_deref().map(remote),
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

/// Writes a ledger down.
fn keeping(documents: usize, folder: &Path) {
    let (rules, books) = (rules(MODES[0].1), books());
    // An invoice, its payment and what is credited come to some 1.9 documents.
    let facts = facts(documents * 10 / 19);
    let target = Target::of(&facts, &rules, &books);
    let entries = posted(plan(&target, &[], &rules, &books));
    let contacts: BTreeMap<String, String> = entries
        .iter()
        .filter_map(|e| e.document.contact.clone())
        .map(|c| (c.clone(), remote(&c)))
        .collect();
    let write = |name: &str, rows: &mut dyn Iterator<Item = String>| {
        let mut file = BufWriter::new(File::create(folder.join(name)).unwrap());
        rows.for_each(|row| writeln!(file, "{row}").unwrap());
    };
    write("invoices", &mut facts.invoices.values().map(json));
    write("lines", &mut facts.lines.values().map(json));
    write("payments", &mut facts.payments.values().map(json));
    write("entries", &mut entries.iter().map(json));
    write("shown", &mut shown(&entries).iter().map(json));
    write("contacts", &mut contacts.iter().map(|r| json(&r)));
}

fn json(row: &impl Serialize) -> String {
    serde_json::to_string(row).unwrap()
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> impl Iterator<Item = T> {
    let lines = BufReader::new(File::open(folder.join(name)).unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn proving(folder: &Path) {
    let (rules, books) = (rules(MODES[0].1), books());
    let mut gathered = Gathered::default();
    gathered.put_all(read(folder, "invoices").map(Fact::Invoice).collect());
    gathered.put_all(read(folder, "lines").map(Fact::Line).collect());
    gathered.put_all(read(folder, "payments").map(Fact::Payment).collect());
    let facts = gathered.facts();
    println!("the facts in memory: {} MB", process().1);
    let entries: BTreeMap<String, Entry> = read(folder, "entries")
        .map(|e: Entry| (e.document.key.clone(), e))
        .collect();
    println!("what was posted as well: {} MB", process().1);
    let shown: BTreeMap<(DocumentKind, String), Shown> = read(folder, "shown")
        .map(|s: Shown| ((s.kind, s.remote_id.clone()), s))
        .collect();
    let contacts: BTreeMap<String, String> = read(folder, "contacts").collect();
    println!("and what the books show: {} MB", process().1);
    let (begun, (cpu, ..)) = (Instant::now(), process());
    let target = Target::of(facts, &rules, &books);
    let proof = Proof::of(&Evidence {
        target: &target,
        entries: entries.values().collect(),
        shown: shown.values().collect(),
        contacts: contacts.iter().map(|(k, c)| (k.as_str(), c.as_str())).collect(),
        rules: &rules,
        settled: None,
        later: &BTreeSet::new(),
        from: date(2026, 1, 1),
        to: date(2026, 12, 31),
    });
    assert!(proof.holds());
    step(&format!("prove {} documents", proof.documents), begun, cpu);
}

fn own_process(arguments: &[&str]) {
    let program = std::env::current_exe().unwrap();
    let done = std::process::Command::new(program).args(arguments).status().unwrap();
    assert!(done.success());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number =
        |text: Option<&&str>, usual: usize| text.and_then(|a| a.replace('_', "").parse().ok()).unwrap_or(usual);
    match words[..] {
        ["plan", mode, size] => planning(number(Some(&mode), 0), number(Some(&size), 0)),
        ["keep", size, folder] => keeping(number(Some(&size), 0), Path::new(folder)),
        ["prove", folder] => proving(Path::new(folder)),
        _ => {
            let size = number(words.first(), 20_000).to_string();
            for mode in ["0", "1", "2"] {
                own_process(&["plan", mode, &size]);
            }
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().to_str().unwrap();
            own_process(&["keep", &number(words.get(1), 100_000).to_string(), place]);
            own_process(&["prove", place]);
        }
    }
}
