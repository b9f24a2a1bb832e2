//! `ledger statement`: what each practitioner billed and received in a month, the service fee, and what is held.

use super::{journals, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::Output;
use crate::times;
use bridge_core::ledger::money::json_decimal;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::statement::{HeldMovement, Statement, journal, statements};
use bridge_core::ledger::{Cents, Rules};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What `ledger statement` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge ledger statement 2026-10
  halaxy-bridge ledger statement 2026-10 --practitioner \"Dr Alex Tester\" --out statements
  halaxy-bridge ledger statement 2026-10 --movements paid-out.csv --post

Neither Halaxy nor the bridge knows what was paid out to practitioners. Tell it in a CSV file with the columns
practitioner (the name in ledger.toml), date, amount (below zero for money paid out, above zero for money brought
forward from before the cut-over) and, if you like, reference. The file is kept, in place of the one before.

Exit code 3 if money belongs to no practitioner, or a service fee is not booked.")]
pub struct StatementArgs {
    /// The month, e.g. 2026-10.
    pub month: String,
    /// Only this practitioner, by the name on the statement.
    #[arg(long, value_name = "NAME")]
    pub practitioner: Option<String>,
    /// Write a page to print per practitioner and one CSV file into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Money paid out to practitioners, or brought forward.
    #[arg(long, value_name = "FILE.csv")]
    pub movements: Option<PathBuf>,
    /// Post the journals of the service fees that are not posted yet.
    #[arg(long)]
    pub post: bool,
}

pub async fn run(config: &Config, args: &StatementArgs, out: &Output) -> Result<Exit, Failure> {
    let month: Month = args
        .month
        .parse()
        .map_err(|_| Failure::Usage(format!("`{}` is no month: write it like 2026-10", args.month)))?;
    let rules = &ledger::settings_of(config)?.rules;
    let told = args
        .movements
        .as_deref()
        .map(|file| movements(file, rules))
        .transpose()?;
    let (ledger, lock) = ledger::look(config).await?;
    if let Some(told) = &told {
        ledger.keep_movements(told).await?;
    }
    let books = ledger.preview(times::now()).await?.books;
    let facts = ledger.facts().await;
    let moved = ledger.movements().await?;
    let mut all = statements(&facts, rules, month, books.currency, &moved)
        .map_err(|error| Failure::Usage(format!("{error}. Correct the fee in ledger.toml.")))?;
    if let Some(name) = &args.practitioner {
        let names: Vec<String> = all.practitioners.iter().map(|s| s.practitioner.clone()).collect();
        all.practitioners.retain(|s| s.practitioner.eq_ignore_ascii_case(name));
        if all.practitioners.is_empty() {
            let names = names.join(", ");
            return Err(Failure::Usage(format!(
                "`{name}` has no statement of {month}; there are {names}"
            )));
        }
    }
    let mut holds = Vec::new();
    let mut fees = Vec::new();
    for statement in &all.practitioners {
        match journal(statement, rules) {
            Ok(document) => fees.extend(document),
            Err(hold) => holds.push(hold.to_string()),
        }
    }
    let booked = journals::book(&ledger, lock.is_some(), fees, args.post).await?;
    let mut files = Vec::new();
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)?;
        for statement in &all.practitioners {
            let path = folder.join(format!("{month}-{}.html", file_name(statement)));
            write(&path, &statement.html())?;
            files.push(path);
        }
        let path = folder.join(format!("{month}.csv"));
        write(&path, &all.csv())?;
        files.push(path);
    }
    let apart = args.practitioner.is_none() && !all.apart.is_empty();
    out.document(&json!({ "statements": all, "holds": holds, "journals": booked.json(), "files": files }));
    out.line(all.text());
    for statement in &all.practitioners {
        out.heading(&statement.practitioner);
        for (what, amount) in statement.totals() {
            out.line(format!("  {amount:>12}  {what}", amount = amount.to_string()));
        }
    }
    for hold in &holds {
        out.line(format!("Not booked: {hold}."));
    }
    booked.tell(
        "service fee",
        &config.command(&format!("ledger statement {month} --post")),
        out,
    );
    for file in &files {
        out.line(format!("wrote {}", file.display()));
    }
    Ok(booked.exit(apart || !holds.is_empty()))
}

/// The key without its prefix tells practitioners apart and holds letters, digits and dashes only.
fn file_name(statement: &Statement) -> String {
    let month = statement.month.to_string();
    let at = statement.key.find(&month).map_or(0, |at| at + month.len());
    statement.key[at..].trim_start_matches('-').to_owned()
}

/// An amount as people write it, to the cent.
fn cents(text: &str) -> Option<Cents> {
    let amount = json_decimal(&text.replace(',', "").into()).ok()?;
    Cents::exact(amount).ok()
}

/// Reads a list of movements.
fn movements(file: &Path, rules: &Rules) -> Result<Vec<HeldMovement>, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let column = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
    let (Some(who), Some(when), Some(how_much)) = (column("practitioner"), column("date"), column("amount")) else {
        return Err(Failure::Usage(format!(
            "{shown}, line 1: the columns must be practitioner, date, amount (and reference, if you like)"
        )));
    };
    let reference = column("reference");
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.push(format!("{shown}: {error}"));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let mut note = |what: String| wrong.push(format!("{shown}, line {line}: {what}"));
        let known = rules
            .practitioner
            .iter()
            .find(|p| p.name.eq_ignore_ascii_case(cell(who)));
        let date: Option<Date> = cell(when).parse().ok();
        let amount: Option<Cents> = cents(cell(how_much));
        match (known, date, amount) {
            (None, ..) => note("no [[practitioner]] of ledger.toml has that name".into()),
            (_, None, _) => note("the date is not written like 2026-10-31".into()),
            (.., None) => note("the amount is not written like -1250.00".into()),
            (Some(known), Some(date), Some(amount)) => all.push(HeldMovement {
                practitioner: known.name.clone(),
                date,
                amount,
                reference: reference.map(|at| cell(at).to_owned()).unwrap_or_default(),
            }),
        }
    }
    if wrong.is_empty() {
        Ok(all)
    } else {
        wrong.push("Nothing of the file was kept.".into());
        Err(Failure::Usage(wrong.join("\n")))
    }
}
