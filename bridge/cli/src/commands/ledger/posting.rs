//! Previews, posting, and what people decide about it.

use super::write;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::{signals, times};
use bridge_core::ledger::Held;
use bridge_engine::ledger::reports::{self, HoldGroup, hold_groups};
use bridge_engine::ledger::{Ledger, LedgerStep, Outlook, journal_view};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::Duration;

/// How often something that is in the way for now is tried again within one pass.
const TRIES: u32 = 5;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(3);

pub async fn preview(config: &Config, documents: bool, csv: Option<&Path>, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let outlook = ledger.preview(times::now()).await?;
    let approved = ledger.is_approved().await;
    if let Some(path) = csv {
        write(path, &reports::lines(&outlook.plan.post).csv())?;
    }
    let view = journal_view(outlook.plan.post.iter().map(|e| &e.document));
    out.document(&json!({
        "approved": approved,
        "documents": outlook.plan.post.len(),
        "voids": outlook.plan.void,
        "by_kind": outlook.by_kind(),
        "accounts": view.iter().map(|((account, tax), (debit, credit))| json!({
            "account": account, "tax": tax, "debit": debit.to_string(), "credit": credit.to_string(),
        })).collect::<Vec<_>>(),
        "calls": outlook.calls,
        "later": outlook.plan.later.len(),
        "held": outlook.plan.held.iter().map(|h| held_json(config, h)).collect::<Vec<_>>(),
        "already_there": outlook.foreign.iter().map(|(f, _)| json!({
            "invoice": f.invoice, "number": f.number, "id": f.shown.remote_id, "total": f.shown.total.to_string(),
            "same_total": f.same_total,
        })).collect::<Vec<_>>(),
        "older": outlook.target.older,
    }));
    out.heading("To be posted");
    let rows = outlook
        .by_kind()
        .into_iter()
        .map(|(kind, (n, total))| vec![kind, n.to_string(), total])
        .collect();
    out.table(&["Document", "Count", "Amount"], rows, "Nothing.");
    if !outlook.plan.void.is_empty() {
        out.line(format!("To be voided: {}", outlook.plan.void.join(", ")));
    }
    if !view.is_empty() {
        out.heading("\nDebits and credits");
        let rows = view
            .iter()
            .map(|((account, tax), (debit, credit))| {
                vec![account.clone(), tax.clone(), debit.to_string(), credit.to_string()]
            })
            .collect();
        out.table(&["Account", "Tax rate", "Debit", "Credit"], rows, "None.");
    }
    let calls: usize = outlook.calls.values().sum();
    out.line(format!("\n{} to the books.", count(calls as u64, "call")));
    tell_later(&outlook, out);
    if outlook.target.older > 0 {
        out.line(format!(
            "{} from before the cut-over, {}, are left alone.",
            count(outlook.target.older, "record"),
            config
                .ledger
                .as_ref()
                .map_or(String::new(), |l| l.rules.start_from.to_string())
        ));
    }
    if documents {
        out.heading("\nDocuments");
        out.line(reports::documents(&outlook.plan.post).text());
    }
    foreign(config, &outlook, out);
    tell_held(config, &outlook.plan.held, out);
    if !approved && !outlook.plan.post.is_empty() {
        out.line(format!(
            "\nNobody approved posting by these rules yet. To do it: {}",
            config.command("ledger post --yes")
        ));
    }
    Ok(waiting(!outlook.plan.held.is_empty() || !outlook.foreign.is_empty()))
}

fn tell_later(outlook: &Outlook, out: &Output) {
    if !outlook.plan.later.is_empty() {
        out.line(format!(
            "{} for the next daily summaries: days are summarised once, after they are over.",
            count(outlook.plan.later.len() as u64, "record")
        ));
    }
}

fn foreign(config: &Config, outlook: &Outlook, out: &Output) {
    if outlook.foreign.is_empty() {
        return;
    }
    out.heading("\nAlready in the books, not posted by the bridge");
    let rows = outlook
        .foreign
        .iter()
        .take(20)
        .map(|(f, _)| {
            let same = if f.same_total { "same" } else { "another" };
            vec![
                f.invoice.clone(),
                f.number.clone(),
                f.shown.total.to_string(),
                same.into(),
            ]
        })
        .collect();
    out.table(
        &["Invoice", "Number there", "Amount there", "Amount in Halaxy"],
        rows,
        "None.",
    );
    if outlook.foreign.len() > 20 {
        out.line(format!("... and {} more.", outlook.foreign.len() - 20));
    }
    out.line(format!(
        "Halaxy's own accounting link seems to be on: switch it off, then link these with `{}`.",
        config.command("ledger adopt")
    ));
}

pub fn held_json(config: &Config, held: &Held) -> Json {
    let remedy = held.why.remedy_by(|words| config.command(words));
    json!({ "subject": held.source.to_string(), "why": held.why.text(), "remedy": remedy })
}

/// Holds, those of one reason and remedy together, the most frequent first.
pub fn tell_held(config: &Config, held: &[Held], out: &Output) {
    if held.is_empty() {
        return;
    }
    out.heading(&format!("\nWaiting: {}", count(held.len() as u64, "record")));
    for HoldGroup { why, remedy, who, .. } in hold_groups(held, |words| config.command(words)) {
        let first = who.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if who.len() > 3 {
            format!(" and {} more", who.len() - 3)
        } else {
            String::new()
        };
        out.line(format!("- {first}{more}: {why}\n  {remedy}"));
    }
}

pub async fn post(config: &Config, yes: bool, out: &Output) -> Result<Exit, Failure> {
    let (ledger, lock) = ledger::look(config).await?;
    if lock.is_none() {
        if yes {
            ledger.approve_rules().await?;
        }
        let approved = ledger.is_approved().await;
        out.document(&json!({ "approved": approved, "service": true }));
        out.line(match approved {
            true => "The service at work posts by itself; `ledger holds` shows what waits.".to_string(),
            false => format!(
                "The service at work posts once this is approved: {}",
                config.command("ledger post --yes")
            ),
        });
        return Ok(waiting(!approved));
    }
    if yes {
        ledger.approve_rules().await?;
    } else if !ledger.is_approved().await {
        out.remark("Nobody approved posting by these rules yet.");
        drop(ledger);
        drop(lock);
        return preview(config, false, None, out).await;
    }
    let (sum, last) = until_quiet(&ledger).await?;
    let outlook = ledger.preview(times::now()).await?;
    let judged = LedgerStep {
        held: outlook.plan.held.len(),
        judged: true,
        ..last.clone()
    };
    ledger.note(Some(&judged), None, times::now()).await?;
    out.document(&json!({
        "posted": sum.posted, "voided": sum.voided, "contacts": sum.contacts, "refused": sum.refused,
        "unknown": last.unknown, "trouble": last.trouble, "later": outlook.plan.later.len(),
        "held": outlook.plan.held.iter().map(|h| held_json(config, h)).collect::<Vec<_>>(),
    }));
    out.line(format!(
        "Posted {}, voided {}, made {}.",
        count(sum.posted as u64, "document"),
        sum.voided,
        count(sum.contacts as u64, "contact")
    ));
    for trouble in &last.trouble {
        out.error(trouble);
    }
    if last.unknown > 0 {
        out.line(format!(
            "The outcome of {} is not known yet: run this again in a few minutes.",
            count(last.unknown as u64, "document")
        ));
    }
    tell_later(&outlook, out);
    foreign(config, &outlook, out);
    tell_held(config, &outlook.plan.held, out);
    if !last.trouble.is_empty() {
        return Ok(Exit::Failed);
    }
    Ok(waiting(!outlook.plan.held.is_empty() || last.unknown > 0))
}

/// Posts until nothing moves any more: the sum, and the last look.
pub(super) async fn until_quiet(ledger: &Ledger) -> Result<(LedgerStep, LedgerStep), Failure> {
    let stop = signals::stop();
    let mut sum = LedgerStep::default();
    let mut tries = 0;
    let last = loop {
        let step = ledger.step(times::now()).await?;
        sum.posted += step.posted;
        sum.voided += step.voided;
        sum.contacts += step.contacts;
        sum.refused += step.refused;
        sum.records += step.records;
        let quiet = step.posted + step.voided + step.contacts == 0;
        let troubled = !step.trouble.is_empty() || step.unknown > 0;
        if stop.is_cancelled() || quiet && !troubled {
            break step;
        }
        if troubled && quiet {
            tries += 1;
            if tries > TRIES {
                break step;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    Ok((sum, last))
}

pub async fn holds(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let outlook = ledger.preview(times::now()).await?;
    out.document(&json!({ "held": outlook.plan.held.iter().map(|h| held_json(config, h)).collect::<Vec<_>>() }));
    if outlook.plan.held.is_empty() {
        out.line("Nothing waits.");
    }
    tell_held(config, &outlook.plan.held, out);
    Ok(waiting(!outlook.plan.held.is_empty()))
}

pub async fn approve(config: &Config, keys: &[String], by: &str, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    ledger.preview(times::now()).await?;
    let yes = ledger.approve(keys, by, times::now()).await?;
    out.document(&json!({ "approved": yes }));
    out.line(match yes.len() {
        0 => "Nothing waited for a yes.".to_string(),
        n => format!("{} approved; the next pass posts them.", count(n as u64, "document")),
    });
    Ok(Exit::Done)
}

pub async fn retry(config: &Config, keys: &[String], out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let again = ledger.retry(keys).await?;
    if let Some(unknown) = keys.iter().find(|k| !again.contains(k)) {
        return Err(Failure::Usage(format!("the books did not refuse a document {unknown}")));
    }
    out.document(&json!({ "again": again }));
    out.line(format!(
        "{} will be posted again by the next pass.",
        count(again.len() as u64, "document")
    ));
    Ok(Exit::Done)
}

pub async fn repost(config: &Config, keys: &[String], out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    ledger.preview(times::now()).await?;
    let again = ledger.repost(keys, times::now()).await?;
    out.document(&json!({ "again": again }));
    out.line(match again.len() {
        0 => "Nothing that was posted is voided in the books.".to_string(),
        n => format!(
            "What is due of {} will be posted by the next pass.",
            count(n as u64, "document")
        ),
    });
    Ok(Exit::Done)
}

pub async fn adopt(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let numbers = ledger.adopt(times::now()).await?;
    out.document(&json!({ "adopted": numbers }));
    out.line(match numbers.len() {
        0 => "The books have nothing to adopt.".to_string(),
        n => format!("{} linked.", count(n as u64, "document")),
    });
    Ok(Exit::Done)
}

fn waiting(waits: bool) -> Exit {
    if waits { Exit::Waiting } else { Exit::Done }
}
