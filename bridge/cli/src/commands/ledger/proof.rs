//! `ledger prove` and `ledger drift`.

use super::{posting, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::prove::{Between, Difference, Proof};
use bridge_core::ledger::sheet::{Sheet, page};
use bridge_core::ledger::{Entry, Purpose};
use bridge_engine::ledger::Reading;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::Path;

/// What changed since is known as far as the product tells of it.
const READ: &str = "The books, as read from the beginning; later changes as the product told of them";

pub async fn prove(
    config: &Config,
    (from, to): (Date, Date),
    full: bool,
    csv: Option<&Path>,
    html: Option<&Path>,
    out: &Output,
) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let proof = ledger.prove(from, to, full, times::now()).await?;
    let read = readings_sheet(config, &ledger.readings().await);
    let figures = format!(
        "{}\n{}\n{}\n{}\n{}",
        differences_sheet(&proof.differences).csv(),
        days_sheet(&proof).csv(),
        sales_sheet(&proof).csv(),
        debtors_sheet(&proof).csv(),
        read.csv()
    );
    if let Some(path) = csv {
        write(path, &figures)?;
    }
    if let Some(path) = html {
        write(path, &printed(config, &proof, &read, &figures))?;
    }
    out.document(
        &json!({ "holds": proof.holds(), "digest": proof.digest(), "proof": proof,
        "books_read": ledger.readings().await,
        "held": proof.held.iter().map(|h| posting::held_json(config, h)).collect::<Vec<_>>() }),
    );
    tell(config, &proof, out);
    out.heading(READ);
    out.line(read.text());
    Ok(if proof.holds() { Exit::Done } else { Exit::Waiting })
}

fn tell(config: &Config, proof: &Proof, out: &Output) {
    if proof.differences.is_empty() {
        out.heading(&format!(
            "{} to {}: Halaxy equals what was posted, and the books still say so.",
            proof.from, proof.to
        ));
    } else {
        out.heading(&format!(
            "{} to {}: {}",
            proof.from,
            proof.to,
            count(proof.differences.len() as u64, "difference")
        ));
        out.line(differences_sheet(&proof.differences).text());
    }
    if !proof.later.is_empty() {
        out.line(later(proof));
    }
    posting::tell_held(config, &proof.held, out);
    out.heading("\nMoney, by day, method and account");
    out.line(days_sheet(proof).text());
    out.heading("Sales, by account and tax rate");
    out.line(sales_sheet(proof).text());
    out.heading("Owed, by payer");
    out.line(debtors_sheet(proof).text());
    out.line(format!(
        "{} of Halaxy and {} of the books compared. Digest {}",
        count(proof.sources, "record"),
        count(proof.documents, "document"),
        proof.digest()
    ));
}

fn later(proof: &Proof) -> String {
    let records = count(proof.later.len() as u64, "record");
    format!(
        "{records} of days that are not over, or changed since their last summary: the next night's summaries bring them."
    )
}

fn side(between: Between) -> &'static str {
    match between {
        Between::HalaxyAndPosted => "Halaxy / posted",
        Between::PostedAndBooks => "posted / books",
        Between::BooksOnly => "books only",
    }
}

pub fn differences_sheet(differences: &[Difference]) -> Sheet {
    let mut sheet = Sheet::new(&["date", "between", "subject", "what", "first", "second", "#by"]);
    for d in differences {
        for (n, c) in d.changes.iter().enumerate() {
            let by = if n == 0 { d.by.to_string() } else { String::new() };
            sheet.push([
                d.date.to_string(),
                side(d.between).to_owned(),
                d.subject.clone(),
                c.what.clone(),
                c.first.clone(),
                c.second.clone(),
                by,
            ]);
        }
    }
    sheet
}

fn days_sheet(proof: &Proof) -> Sheet {
    let mut sheet = Sheet::new(&[
        "date",
        "method",
        "account",
        "#halaxy",
        "#posted",
        "#books",
        "#difference",
    ]);
    for r in &proof.days {
        sheet.push([
            r.date.to_string(),
            r.method.clone(),
            r.account.clone(),
            r.halaxy.to_string(),
            r.posted.to_string(),
            r.books.to_string(),
            (r.books - r.halaxy).to_string(),
        ]);
    }
    sheet
}

fn sales_sheet(proof: &Proof) -> Sheet {
    let mut sheet = Sheet::new(&[
        "account",
        "tax rate",
        "#halaxy net",
        "#halaxy tax",
        "#posted net",
        "#posted tax",
    ]);
    for r in &proof.sales {
        sheet.push([
            r.account.clone(),
            r.tax_code.clone(),
            r.halaxy_net.to_string(),
            r.halaxy_tax.to_string(),
            r.posted_net.to_string(),
            r.posted_tax.to_string(),
        ]);
    }
    sheet
}

/// As of when each part of the books was read from the beginning, on the practice's clock.
fn readings_sheet(config: &Config, readings: &[Reading]) -> Sheet {
    let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
    let mut sheet = Sheet::new(&["documents", "dated from", "to", "read whole"]);
    for r in readings {
        let at = jiff::Timestamp::from_microsecond(r.at)
            .unwrap_or_default()
            .to_zoned(zone.clone());
        let day = |date: Option<Date>| date.map_or(String::new(), |date| date.to_string());
        sheet.push([
            format!("{:?}", r.kind),
            day(r.from),
            day(r.to),
            at.strftime("%Y-%m-%d %H:%M").to_string(),
        ]);
    }
    sheet
}

fn debtors_sheet(proof: &Proof) -> Sheet {
    let mut sheet = Sheet::new(&["payer", "#halaxy", "#posted", "#difference"]);
    for (payer, r) in &proof.debtors {
        sheet.push([
            payer.to_string(),
            r.halaxy.to_string(),
            r.posted.to_string(),
            (r.posted - r.halaxy).to_string(),
        ]);
    }
    let (halaxy, posted) = proof.advances;
    sheet.push([
        "paid in advance".into(),
        halaxy.to_string(),
        posted.to_string(),
        (posted - halaxy).to_string(),
    ]);
    sheet
}

fn printed(config: &Config, proof: &Proof, read: &Sheet, figures: &str) -> String {
    let mut body = String::new();
    let verdict = match proof.differences.len() {
        0 => "Halaxy equals what was posted, and the books still say so.".to_string(),
        n => format!("{} to be explained.", count(n as u64, "difference")),
    };
    body += &format!("<p><strong>{verdict}</strong></p>\n");
    if !proof.differences.is_empty() {
        body += "<h2>Differences</h2>\n";
        body += &differences_sheet(&proof.differences).html();
    }
    if !proof.later.is_empty() {
        body += &format!("<h2>In the next summaries</h2>\n<p>{}</p>\n", later(proof));
        body += &differences_sheet(&proof.later).html();
    }
    if !proof.held.is_empty() {
        let mut sheet = Sheet::new(&["subject", "why", "remedy"]);
        for h in &proof.held {
            sheet.push([
                h.source.to_string(),
                h.why.text(),
                h.why.remedy_by(|words| config.command(words)),
            ]);
        }
        body += "<h2>Waiting</h2>\n";
        body += &sheet.html();
    }
    for (title, sheet) in [
        ("Money, by day, method and account", days_sheet(proof)),
        ("Sales, by account and tax rate", sales_sheet(proof)),
        ("Owed, by payer", debtors_sheet(proof)),
    ] {
        body += &format!("<h2>{title}</h2>\n{}", sheet.html());
    }
    body += &format!("<h2>{READ}</h2>\n{}", read.html());
    let title = format!("{}: proof of {} to {}", config.practice, proof.from, proof.to);
    page(&title, &body, figures)
}

pub async fn drift(config: &Config, csv: Option<&Path>, out: &Output) -> Result<Exit, Failure> {
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    let outlook = ledger.preview(now).await?;
    let settings = ledger::settings_of(config)?;
    let to = ledger.today(now).saturating_add(366.days());
    let proof = ledger.prove(settings.rules.start_from, to, false, now).await?;
    let posted: std::collections::BTreeSet<_> = ledger.entries().await.iter().flat_map(|e| e.sources.clone()).collect();
    // What is posted for the first time is no drift.
    let corrects = |e: &&Entry| match e.purpose {
        Purpose::Charge | Purpose::Receipt | Purpose::Deposit | Purpose::Summary => {
            e.sources.iter().any(|s| posted.contains(s))
        }
        _ => true,
    };
    let proposals: Vec<&Entry> = outlook.plan.post.iter().filter(corrects).collect();
    let drifted: Vec<Difference> = proof
        .differences
        .iter()
        .filter(|d| d.between != Between::HalaxyAndPosted || posted.iter().any(|s| s.to_string() == d.subject))
        .cloned()
        .collect();
    let mut entries = Sheet::new(&["date", "proposed", "key", "on", "#amount", "from"]);
    for e in &proposals {
        let from = e
            .sources
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        entries.push([
            e.document.date.to_string(),
            format!("{:?} ({:?})", e.document.kind, e.purpose),
            e.document.key.clone(),
            e.document.of.clone().unwrap_or_default(),
            e.document.total.to_string(),
            from,
        ]);
    }
    for key in &outlook.plan.void {
        entries.push([String::new(), "void".into(), key.clone()]);
    }
    let undone = ledger.undone().await;
    if let Some(path) = csv {
        write(
            path,
            &format!("{}\n{}", differences_sheet(&drifted).csv(), entries.csv()),
        )?;
    }
    out.document(&json!({
        "differences": drifted,
        "proposed": proposals.iter().map(|e| json!({ "key": e.document.key, "kind": e.document.kind, "purpose": e.purpose,
            "date": e.document.date, "total": e.document.total.to_string(), "of": e.document.of })).collect::<Vec<_>>(),
        "void": outlook.plan.void,
        "voided_in_books": undone,
    }));
    if drifted.is_empty() && entries.is_empty() {
        out.line("Nothing changed after it was posted.");
        return Ok(Exit::Done);
    }
    out.heading("Changed after it was posted");
    out.line(differences_sheet(&drifted).text());
    out.heading("Proposed");
    if !entries.is_empty() {
        out.line(entries.text());
        out.line(format!("The next pass posts that: {}", config.command("ledger post")));
    }
    if !undone.is_empty() {
        out.line(format!(
            "Voided or deleted in the books: {}. To post them again: {}",
            undone.join(", "),
            config.command("ledger repost --all")
        ));
    }
    if entries.is_empty() && undone.is_empty() {
        out.line("Nothing that the bridge can post: put it right in the books, where it was changed.");
    }
    Ok(Exit::Waiting)
}
