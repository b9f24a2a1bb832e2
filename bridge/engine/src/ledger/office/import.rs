//! Statements of providers: imported, tied to payments, and their fees proposed as journals.

use super::file::{Draft, Files, Mood, Report};
use super::months::open;
use super::{Act, Item};
use crate::error::EngineError;
use crate::ledger::Ledger;
use bridge_core::Time;
use bridge_core::ledger::settlement::{Booking, Imported, TieOut, book, days_sheet, read, tie};
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{Document, Facts};
use serde_json::json;

/// Imports what stands in a file; what came of it, in words.
pub(super) async fn import(ledger: &Ledger, layout: &str, file: &str, text: &str) -> Result<String, EngineError> {
    let Some(layout) = ledger.settings().rules.settlement_layout(layout) else {
        return Err(EngineError::NotPossible(format!("there is no layout {layout}")));
    };
    let import = read(&layout, file, text.as_bytes());
    if import.settlements.is_empty() && !import.problems.is_empty() {
        let first: Vec<String> = import.problems.iter().take(3).map(ToString::to_string).collect();
        return Err(EngineError::NotPossible(format!(
            "it cannot be read: {}",
            first.join("; ")
        )));
    }
    let added = ledger.import(&import).await?;
    let mut words = match added.known_file {
        true => "this very file was imported before".to_owned(),
        false => format!(
            "{} new rows, {} known before, {} left out",
            added.rows, added.known, import.left_out
        ),
    };
    if added.differing > 0 {
        words += &format!(
            "; {} came with another fee or kind than before: the first word stands",
            added.differing
        );
    }
    if !import.problems.is_empty() {
        words += &format!("; {} rows cannot be read", import.problems.len());
    }
    Ok(words)
}

/// What was imported, tied to what Halaxy shows.
struct Tied {
    facts: Facts,
    imported: Imported,
    out: TieOut,
    booking: Booking,
}

async fn tied(ledger: &Ledger) -> Result<Tied, EngineError> {
    let (facts, imported) = (ledger.facts().await, ledger.settlements().await?);
    let rules = &ledger.settings().rules;
    let books = ledger.books().await;
    let out = tie(&facts, rules, &imported);
    let currency = books
        .as_ref()
        .map_or(bridge_core::ledger::Currency::AUD, |b| b.currency);
    let booking = book(&imported, &out, &facts, rules, books.as_ref(), currency);
    Ok(Tied {
        facts,
        imported,
        out,
        booking,
    })
}

/// Journals of fees that are not in the books.
pub(super) async fn journals(ledger: &Ledger) -> Result<Vec<(Item, Document)>, EngineError> {
    let proposed = tied(ledger).await?.booking.journals;
    Ok(open(ledger, Act::Settle, proposed, None).await)
}

/// Day by day and method by method: what Halaxy received, what statements show of it, and the difference.
pub(super) async fn report(practice: &str, ledger: &Ledger, at: Time) -> Result<(Report, Files), EngineError> {
    let Tied {
        facts,
        imported,
        out,
        booking,
    } = tied(ledger).await?;
    let rules = &ledger.settings().rules;
    let today = ledger.today(at);
    let span = (rules.start_from, today);
    let days = out.days(&facts, rules, &imported, span, today);
    let look = out.open_sheet(span);
    let apart = days.iter().filter(|d| !d.difference.is_zero()).count();
    let (mood, verdict) = match (imported.settlements.is_empty(), apart, look.is_empty()) {
        (true, ..) => (Mood::Busy, "No statement was imported yet.".to_owned()),
        (_, 0, true) => (Mood::Good, "Everything is tied.".into()),
        (_, n, _) => (
            Mood::Bad,
            format!("{n} days and methods differ; {} rows to look at.", look.len()),
        ),
    };
    let mut bank = Sheet::new(&["to match in the bank feed"]);
    for line in &booking.bank {
        bank.push([line.words()]);
    }
    let mut holds = Sheet::new(&["settlement", "not booked because"]);
    for (of, hold) in &booking.holds {
        holds.push([of.clone(), hold.to_string()]);
    }
    let json = json!({ "from": span.0, "to": span.1, "ties_out": apart == 0 && look.is_empty(), "days": days,
        "differences": out.differences, "rows": out.rows, "payments": out.payments, "bank": booking.bank });
    let mut draft = Draft::new(practice, "tieout", "What was received, against statements", at)
        .verdict(mood, verdict)
        .table("To look at", "", look)
        .table("Days that differ", "", days_sheet(&days, true))
        .table("Fees not booked", "", holds)
        .table("Day by day", "", days_sheet(&days, false))
        .table("Bank lines", "The bank's own lines are left to the bank feed.", bank);
    draft.items = open(ledger, Act::Settle, booking.journals, None)
        .await
        .into_iter()
        .map(|(item, _)| item)
        .collect();
    Ok(draft.report(&json))
}
