//! `ledger`: invoices and payments in the books.

mod close;
pub(super) mod journals;
mod posting;
mod proof;
mod recode;
mod settle;
mod show;
mod statement;
mod tasks;

use crate::args::{ByArg, ConfigArg};
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use std::path::PathBuf;

/// What `ledger` takes.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// The commands about the books.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Show what would be posted: debits and credits by account and tax rate, what waits, the calls it takes. Posts nothing.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger preview
  halaxy-bridge ledger preview --documents          every single document
  halaxy-bridge ledger preview --csv preview.csv

Invoices that the books already have (posted by Halaxy's own accounting link, or by hand) are listed and
never posted twice: link them with `ledger adopt`.")]
    Preview {
        /// List every document.
        #[arg(long)]
        documents: bool,
        /// Write every document's lines to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Post what is to be posted, until nothing is left.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger post --yes      the first time, and after ledger.toml changed
  halaxy-bridge ledger post

`run` does the same by itself once posting by the present rules was approved. Killed at any moment, the
next pass finds out what arrived and carries on: no document is posted twice.")]
    Post {
        /// Approve posting by the rules as they are now.
        #[arg(long)]
        yes: bool,
    },
    /// What waits, why, and what to do about it.
    #[command(after_help = "Example:\n  halaxy-bridge ledger holds")]
    Holds,
    /// Say yes to documents that wait for it.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger approve HX-600001-W
  halaxy-bridge ledger approve --all

Which kinds of documents wait for a yes is said under `approve` in ledger.toml.")]
    Approve {
        /// Keys, as `ledger holds` shows them.
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "KEY")]
        keys: Vec<String>,
        /// Everything that waits for a yes.
        #[arg(long)]
        all: bool,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
    /// Try documents again that the books refused.
    #[command(after_help = "Examples:\n  halaxy-bridge ledger retry HX-600001\n  halaxy-bridge ledger retry --all")]
    Retry {
        /// Keys, as `ledger holds` shows them.
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "KEY")]
        keys: Vec<String>,
        /// Everything that was refused.
        #[arg(long)]
        all: bool,
    },
    /// Post again what somebody voided or deleted in the books.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger repost HX-P8200016
  halaxy-bridge ledger repost --all

`ledger drift` shows the keys. What Halaxy still shows of them is posted anew, under numbers of its own.")]
    Repost {
        /// Keys, as `ledger drift` shows them.
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "KEY")]
        keys: Vec<String>,
        /// Everything that was posted and is voided in the books.
        #[arg(long)]
        all: bool,
    },
    /// Link documents that the books already have to their invoices, as if the bridge had posted them.
    #[command(after_help = "\
Example:
  halaxy-bridge ledger adopt

Switch Halaxy's own accounting link off first. Where an adopted document differs from Halaxy, a document
of its own corrects it; `ledger preview` shows that before it is posted.")]
    Adopt,
    /// Prove that Halaxy equals what was posted, and that the books still say so. Exit code 3 if anything differs.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger prove --from 2026-10-01 --to 2026-10-31
  halaxy-bridge ledger prove --from 2026-10-01 --to 2026-10-31 --full --page october.html --csv october.csv

Differences come first. The page can be printed; its digest stands at the foot, and the same figures
always have the same digest.")]
    Prove {
        /// First day, by Halaxy's date.
        #[arg(long, value_name = "DATE")]
        from: Date,
        /// Last day.
        #[arg(long, value_name = "DATE")]
        to: Date,
        /// Read the books from the beginning, not only what the vendor says has changed since the last time.
        #[arg(long)]
        full: bool,
        /// Write the figures to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
        /// Write a page to print to this HTML file.
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
    },
    /// Everything that changed in Halaxy or in the books after it was posted, with the correcting documents proposed.
    #[command(after_help = "Example:\n  halaxy-bridge ledger drift")]
    Drift {
        /// Write it to this CSV file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Apply the rules as they are now to what was posted before they changed.
    Recode(recode::RecodeArgs),
    /// Show one document in full: its lines, and each record's share of a daily summary.
    #[command(after_help = "\
Examples:
  halaxy-bridge ledger show HX-600001
  halaxy-bridge ledger show HX-DAY-2026-10-05-CL200001")]
    Show {
        /// Its key: the number or reference in the books.
        key: String,
    },
    /// Walk through the ten steps of closing a month, and sign them.
    Close(close::CloseArgs),
    /// Practitioners' statements of a month: billed, received, service fee, payable, held.
    Statement(statement::StatementArgs),
    /// Import a settlement statement (HICAPS, Tyro, Medicare, card payouts), tie it to payments, and book its fees.
    Settle(settle::SettleArgs),
    /// What was received, day by day and method by method, against the imported settlement statements.
    Tieout(settle::TieoutArgs),
    /// Payments that were recorded in the books and that Halaxy does not show yet.
    #[command(after_help = "\
Example:
  halaxy-bridge ledger tasks

Halaxy's invoices and payments cannot be written from outside, so a person records them there. Exit code 3 if any
is open.")]
    Tasks,
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] if the configuration, the store or an account fails.
pub async fn run(args: &LedgerArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.command {
        LedgerCommand::Preview { documents, csv } => posting::preview(&config, *documents, csv.as_deref(), out).await,
        LedgerCommand::Post { yes } => posting::post(&config, *yes, out).await,
        LedgerCommand::Holds => posting::holds(&config, out).await,
        LedgerCommand::Approve { keys, by, .. } => posting::approve(&config, keys, &by.name(), out).await,
        LedgerCommand::Retry { keys, .. } => posting::retry(&config, keys, out).await,
        LedgerCommand::Repost { keys, .. } => posting::repost(&config, keys, out).await,
        LedgerCommand::Adopt => posting::adopt(&config, out).await,
        LedgerCommand::Prove {
            from,
            to,
            full,
            csv,
            page,
        } => {
            if to < from {
                return Err(Failure::Usage(format!("--to {to} lies before --from {from}")));
            }
            proof::prove(&config, (*from, *to), *full, csv.as_deref(), page.as_deref(), out).await
        }
        LedgerCommand::Drift { csv } => proof::drift(&config, csv.as_deref(), out).await,
        LedgerCommand::Recode(args) => recode::run(&config, args, out).await,
        LedgerCommand::Show { key } => show::run(&config, key, out).await,
        LedgerCommand::Close(args) => close::run(&config, args, out).await,
        LedgerCommand::Statement(args) => statement::run(&config, args, out).await,
        LedgerCommand::Settle(args) => settle::settle(&config, args, out).await,
        LedgerCommand::Tieout(args) => settle::tieout(&config, args, out).await,
        LedgerCommand::Tasks => tasks::run(&config, out).await,
    }
}

/// Writes a file that a person named.
pub(super) fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
