//! `ledger settle` and `ledger tieout`: what providers say they paid, tied to what Halaxy says was received.

use super::{journals, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::Cents;
use bridge_core::ledger::settlement::{Imported, TieOut, book, days_sheet, read, tie, tieout_page};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What `ledger settle` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge ledger settle tyro-october.csv --layout tyro
  halaxy-bridge ledger settle hicaps.csv --layout hicaps --post      also post the journals of the fees

Layouts: hicaps, tyro, medicare, card, and every [[settlement]] of ledger.toml. A file or a row that was imported
before counts once. Fees are taken out of the clearing account, so that what stays there is what reaches the bank;
the bank's own lines are left to the bank feed.

Exit code 3 if a row is no payment that Halaxy shows, an amount differs, or a fee is not booked.")]
pub struct SettleArgs {
    /// The provider's statement, as CSV.
    pub file: PathBuf,
    /// How it is read.
    #[arg(long, value_name = "NAME")]
    pub layout: String,
    /// Post the journals of fees that are not posted yet.
    #[arg(long)]
    pub post: bool,
}

/// What `ledger tieout` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge ledger tieout --nonzero
  halaxy-bridge ledger tieout --from 2026-10-01 --to 2026-10-31 --method HICAPS --csv october.csv --page october.html

Day by day and method by method: what Halaxy received, what imported statements show of it, and the difference.
Exit code 3 if anything differs.")]
pub struct TieoutArgs {
    /// First day; the cut-over unless given.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Last day; today unless given.
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// Only this payment method.
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Only days with a difference.
    #[arg(long)]
    pub nonzero: bool,
    /// Write it to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write a page to print to this HTML file.
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
}

pub async fn settle(config: &Config, args: &SettleArgs, out: &Output) -> Result<Exit, Failure> {
    let rules = &ledger::settings_of(config)?.rules;
    let Some(layout) = rules.settlement_layout(&args.layout) else {
        let known: Vec<String> = rules.settlement_layouts().into_iter().map(|l| l.name).collect();
        return Err(Failure::Usage(format!(
            "there is no layout `{}`; name one of {}, or add a [[settlement]] to ledger.toml",
            args.layout,
            known.join(", ")
        )));
    };
    let shown = args.file.display();
    let bytes = std::fs::read(&args.file).map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
    let name = args
        .file
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let import = read(&layout, &name, &bytes);
    if import.settlements.is_empty() && !import.problems.is_empty() {
        let problems: Vec<String> = import.problems.iter().map(|p| format!("{shown}: {p}")).collect();
        return Err(Failure::Usage(problems.join("\n")));
    }
    let (ledger, lock) = ledger::look(config).await?;
    let added = ledger.import(&import).await?;
    let books = ledger.preview(times::now()).await?.books;
    let facts = ledger.facts().await;
    let imported = ledger.settlements().await?;
    let tied = tie(&facts, rules, &imported);
    let here: BTreeSet<&str> = import.settlements.iter().map(|s| s.reference.as_str()).collect();
    let of = |provider: &str, reference: &str| provider == layout.name && here.contains(reference);
    // Of this file's settlements only: others had their turn.
    let part = Imported {
        settlements: imported
            .settlements
            .iter()
            .filter(|s| of(&s.provider, &s.reference))
            .cloned()
            .collect(),
        ..Imported::default()
    };
    let booking = book(&part, &tied, &facts, rules, Some(&books), books.currency);
    let holds: Vec<String> = booking.holds.iter().map(|(of, hold)| format!("{of}: {hold}")).collect();
    let booked = journals::book(&ledger, lock.is_some(), booking.journals, args.post).await?;
    let mine = TieOut {
        ties: tied
            .ties
            .iter()
            .filter(|t| of(&t.provider, &t.settlement))
            .cloned()
            .collect(),
        differences: tied
            .differences
            .iter()
            .filter(|d| of(&d.row.provider, &d.row.settlement))
            .cloned()
            .collect(),
        rows: tied
            .rows
            .iter()
            .filter(|r| of(&r.provider, &r.settlement))
            .cloned()
            .collect(),
        payments: Vec::new(),
    };
    out.document(&json!({
        "file": import.file, "added": added, "problems": import.problems, "left_out": import.left_out, "tied": mine,
        "bank": booking.bank, "journals": booked.json(), "holds": holds,
    }));
    let settlements = count(import.settlements.len() as u64, "settlement");
    out.heading(&format!("{}: {settlements} of {}", import.file, layout.name));
    if added.known_file {
        out.line("This very file was imported before.");
    } else {
        let rows = count(added.rows as u64, "new row");
        out.line(format!(
            "{rows}, {} known before, {} left out.",
            added.known, import.left_out
        ));
    }
    if added.differing > 0 {
        let rows = count(added.differing as u64, "row");
        out.line(format!(
            "{rows} came with another fee or kind than before; the first word stands."
        ));
    }
    for problem in &import.problems {
        out.error(format!("{shown}: {problem}"));
    }
    let gross: Cents = mine.ties.iter().map(|t| t.gross).sum();
    let fee: Cents = mine.ties.iter().map(|t| t.fee + t.fee_tax).sum();
    let surcharge: Cents = mine.ties.iter().map(|t| t.surcharge).sum();
    let ties = count(mine.ties.len() as u64, "tie");
    let besides = match surcharge.is_zero() {
        true => String::new(),
        false => format!(", and {surcharge} of surcharges besides"),
    };
    out.line(format!(
        "{ties} with payments in Halaxy: {gross} received, {fee} of it fees{besides}."
    ));
    let look = mine.open_sheet((Date::MIN, Date::MAX));
    if !look.is_empty() {
        out.heading("\nTo look at");
        out.line(look.text());
    }
    for line in &booking.bank {
        out.line(line.words());
    }
    for hold in &holds {
        out.line(format!("Not booked: {hold}."));
    }
    let again = format!("ledger settle {} --layout {} --post", shown, layout.name);
    booked.tell("fee", &config.command(&again), out);
    Ok(booked.exit(!look.is_empty() || !holds.is_empty() || !import.problems.is_empty()))
}

pub async fn tieout(config: &Config, args: &TieoutArgs, out: &Output) -> Result<Exit, Failure> {
    let rules = &ledger::settings_of(config)?.rules;
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    ledger.preview(now).await?;
    let today = ledger.today(now);
    let span = (args.from.unwrap_or(rules.start_from), args.to.unwrap_or(today));
    if span.1 < span.0 {
        return Err(Failure::Usage(format!("--to {} lies before --from {}", span.1, span.0)));
    }
    let facts = ledger.facts().await;
    let imported = ledger.settlements().await?;
    let mut tied = tie(&facts, rules, &imported);
    let mut days = tied.days(&facts, rules, &imported, span, today);
    if let Some(method) = &args.method {
        days.retain(|d| d.method.eq_ignore_ascii_case(method));
        let layouts = rules.settlement_layouts();
        let settles = |provider: &str| layouts.iter().any(|l| l.name == provider && l.settles(method));
        tied.differences
            .retain(|d| d.payment.method.eq_ignore_ascii_case(method));
        tied.payments.retain(|p| p.method.eq_ignore_ascii_case(method));
        tied.rows.retain(|r| settles(&r.provider));
    }
    let look = tied.open_sheet(span);
    if let Some(path) = &args.csv {
        write(
            path,
            &format!("{}{}", look.csv(), days_sheet(&days, args.nonzero).csv()),
        )?;
    }
    if let Some(path) = &args.page {
        let title = format!("{}: settlements {} to {}", config.practice, span.0, span.1);
        write(path, &tieout_page(&title, &days, &look))?;
    }
    let differs = days.iter().any(|d| !d.difference.is_zero());
    out.document(
        &json!({ "from": span.0, "to": span.1, "ties_out": !differs && look.is_empty(), "days": days,
        "differences": tied.differences, "rows": tied.rows, "payments": tied.payments }),
    );
    if look.is_empty() {
        out.heading("Everything is tied.");
    } else {
        out.heading("To look at");
        out.line(look.text());
    }
    out.heading("Day by day");
    out.line(days_sheet(&days, args.nonzero).text());
    if imported.settlements.is_empty() {
        out.line(format!(
            "No statement was imported yet: {}",
            config.command("ledger settle FILE.csv --layout tyro")
        ));
    }
    Ok(if differs || !look.is_empty() {
        Exit::Waiting
    } else {
        Exit::Done
    })
}
