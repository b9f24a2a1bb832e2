//! `ledger recode`: other rules for what was posted, as far as a person names it.

use super::posting::{self, held_json, tell_held};
use crate::args::ByArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::recode::{Choice, Recoding};
use bridge_core::ledger::{Cents, Source};
use bridge_engine::ledger::reports::documents;
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What `ledger recode` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge ledger recode --rule \"item 10960\"
  halaxy-bridge ledger recode --from 2026-10-01 --to 2026-10-31 --yes
  halaxy-bridge ledger recode --invoice 600001 --invoice 600002
  halaxy-bridge ledger recode --rule \"method EFTPOS\" --from 2026-10-01

What was posted stays on the accounts of the rules of its day, whatever ledger.toml says later. This shows what the
rules of now would code otherwise of what you name, what moves between accounts, and the documents that takes; with
--yes they are posted. What nothing acts on yet is voided and posted anew; what is paid, allocated or locked is
corrected by documents of its own, on the first open day.")]
#[group(id = "what", required = true, multiple = true, args = ["rule", "from", "to", "invoices"])]
pub struct RecodeArgs {
    /// Lines that this rule coded, or codes now, as `ledger show` names it; or `method NAME`.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// First day, by Halaxy's date.
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// This invoice, and the money for it; may be given several times.
    #[arg(long = "invoice", value_name = "ID")]
    invoices: Vec<String>,
    /// Have it done.
    #[arg(long)]
    yes: bool,
    /// Who decides.
    #[command(flatten)]
    by: ByArg,
}

impl RecodeArgs {
    fn choice(&self) -> Choice {
        Choice {
            rule: self.rule.clone(),
            from: self.from,
            to: self.to,
            invoices: self.invoices.iter().cloned().collect(),
        }
    }

    /// The same command that has it done.
    fn again(&self) -> String {
        let mut words = String::from("ledger recode");
        let dates = [("--from", self.from), ("--to", self.to)];
        for (name, date) in dates.into_iter().filter_map(|(name, date)| Some((name, date?))) {
            words += &format!(" {name} {date}");
        }
        for id in &self.invoices {
            words += &format!(" --invoice {id}");
        }
        if let Some(rule) = &self.rule {
            words += &format!(" --rule \"{rule}\"");
        }
        words + " --yes"
    }
}

/// Shows what would be coded anew, and has it done if asked.
///
/// # Errors
/// [`Failure`] if the configuration, the store or an account fails.
pub async fn run(config: &Config, args: &RecodeArgs, out: &Output) -> Result<Exit, Failure> {
    let (ledger, lock) = ledger::look(config).await?;
    let choice = args.choice();
    if args.yes && !ledger.is_approved().await {
        return Err(Failure::Usage(format!(
            "nobody approved posting by these rules yet. Look at `{}`, then: {}",
            config.command("ledger preview"),
            config.command("ledger post --yes")
        )));
    }
    let preview = match args.yes {
        true => ledger.recode(&choice, &args.by.name(), times::now()).await?,
        false => ledger.preview_recode(&choice, times::now()).await?,
    };
    let moved = moved(&preview.found);
    out.document(&json!({
        "found": preview.found.iter().map(|r| json!({"subject": r.source.to_string(), "date": r.date})).collect::<Vec<_>>(),
        "moves": moved.iter().map(|((account, tax), (debit, credit))| json!({
            "account": account, "tax": tax, "debit": debit.to_string(), "credit": credit.to_string(),
        })).collect::<Vec<_>>(),
        "documents": preview.post.iter().map(|e| json!({
            "key": e.document.key, "kind": e.document.kind, "date": e.document.date, "note": e.document.note,
            "amount": e.document.total.to_string(),
        })).collect::<Vec<_>>(),
        "voids": preview.void,
        "held": preview.held.iter().map(|h| held_json(config, h)).collect::<Vec<_>>(),
        "done": args.yes,
    }));
    if preview.found.is_empty() {
        out.line("The rules of now code nothing of it otherwise.");
        return Ok(Exit::Done);
    }
    let (invoices, payments): (Vec<&Recoding>, Vec<&Recoding>) = preview
        .found
        .iter()
        .partition(|r| matches!(r.source, Source::Invoice(_)));
    out.line(format!(
        "Coded otherwise by the rules of now: {} and {}.",
        count(invoices.len() as u64, "invoice"),
        count(payments.len() as u64, "payment")
    ));
    out.heading("\nWhat moves");
    let rows = moved
        .into_iter()
        .map(|((account, tax), (debit, credit))| vec![account, tax, debit.to_string(), credit.to_string()]);
    out.table(&["Account", "Tax rate", "Debit", "Credit"], rows.collect(), "Nothing.");
    out.heading("\nDocuments");
    out.line(documents(&preview.post).text());
    if !preview.void.is_empty() {
        out.line(format!("To be voided: {}", preview.void.join(", ")));
    }
    tell_held(config, &preview.held, out);
    if !args.yes {
        out.line(format!("\nTo have it done: {}", config.command(&args.again())));
        return Ok(Exit::Waiting);
    }
    if lock.is_none() {
        out.line("\nThe service at work posts it.");
        return Ok(Exit::Done);
    }
    let named: BTreeSet<&Source> = preview.found.iter().map(|r| &r.source).collect();
    let (sum, last) = posting::until_quiet(&ledger).await?;
    out.line(format!(
        "\nPosted {}, voided {}.",
        count(sum.posted as u64, "document"),
        sum.voided
    ));
    last.trouble.iter().for_each(|trouble| out.error(trouble));
    let outlook = ledger.preview(times::now()).await?;
    let waits = outlook.plan.held.iter().any(|h| named.contains(&h.source));
    Ok(match (last.trouble.is_empty(), waits || last.unknown > 0) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Waiting,
        (true, false) => Exit::Done,
    })
}

/// Debits and credits, by account and tax rate.
fn moved(found: &[Recoding]) -> BTreeMap<(String, String), (Cents, Cents)> {
    let mut rows: BTreeMap<(String, String), (Cents, Cents)> = BTreeMap::new();
    for effect in found.iter().flat_map(|r| &r.moves) {
        for (account, amount) in [(effect.account.as_str(), effect.net), ("tax", effect.tax)] {
            let row = rows.entry((account.to_owned(), effect.tax_code.clone())).or_default();
            if amount.is_negative() {
                row.1 -= amount;
            } else {
                row.0 += amount;
            }
        }
    }
    rows.retain(|_, (debit, credit)| !(debit.is_zero() && credit.is_zero()));
    rows
}
