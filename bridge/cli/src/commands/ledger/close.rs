//! `ledger close`: the ten steps of closing a month, each with what stands in its way.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::ledger;
use crate::output::{Output, count};
use crate::times;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::prove::{Between, Proof};
use bridge_core::ledger::statement::statements;
use bridge_core::ledger::{Cents, Why};
use serde::Serialize;
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Light {
    Green,
    Amber,
    Red,
}

#[derive(Debug, Serialize)]
struct Line {
    step: u8,
    what: &'static str,
    light: Light,
    detail: String,
}

pub async fn run(config: &Config, month: &str, out: &Output) -> Result<Exit, Failure> {
    let month: Month = month
        .parse()
        .map_err(|_| Failure::Usage(format!("`{month}` is no month: write it like 2026-10")))?;
    let (ledger, _lock) = ledger::look(config).await?;
    let now = times::now();
    let swept = ledger.sweep(now).await?;
    let proof = ledger.prove(month.first(), month.last(), true, now).await?;
    let outlook = ledger.preview(now).await?;
    let facts = ledger.facts().await;
    let rules = &ledger::settings_of(config)?.rules;
    let stated = statements(&facts, rules, month, outlook.books.currency, &ledger.movements().await?);

    let mut lines = Vec::new();
    let mut say = |what: &'static str, light: Light, detail: String| {
        let step = u8::try_from(lines.len() + 1).unwrap_or(u8::MAX);
        lines.push(Line {
            step,
            what,
            light,
            detail,
        });
    };
    let over = ledger.today(now) > month.last();
    let all_read = swept.trouble.is_empty();
    say(
        "all days swept",
        match (all_read, over) {
            (true, true) => Light::Green,
            (true, false) => Light::Amber,
            _ => Light::Red,
        },
        match (all_read, over) {
            (true, true) => "everything was listed again just now".into(),
            (true, false) => "everything was listed just now, and the month is not over".into(),
            _ => swept.trouble.join("; "),
        },
    );
    let in_month = |d: &jiff::civil::Date| (month.first()..=month.last()).contains(d);
    let unposted = outlook.plan.post.iter().filter(|e| in_month(&e.serves)).count();
    let held = proof.held.len();
    say(
        "no unposted items",
        light(unposted + held == 0),
        format!("{} to be posted, {held} held", count(unposted as u64, "document")),
    );
    let apart: Vec<_> = proof.days.iter().filter(|r| r.books != r.halaxy).collect();
    let by: Cents = apart.iter().map(|r| r.books - r.halaxy).sum();
    say(
        "clearing accounts agree day by day",
        light(apart.is_empty()),
        match apart.first() {
            None => "every day and method".into(),
            Some(r) => format!("{} differ, {by} in all; first {} {}", apart.len(), r.date, r.method),
        },
    );
    say(
        "drift list empty",
        light(proof.differences.is_empty()),
        count(proof.differences.len() as u64, "difference"),
    );
    let owed: Vec<String> = proof
        .debtors
        .iter()
        .filter(|(_, r)| r.halaxy != r.posted)
        .map(|(p, r)| format!("{p} {}", r.posted - r.halaxy))
        .collect();
    say("debtors agree", light(owed.is_empty()), agreed(&owed));
    let (halaxy, posted) = proof.advances;
    say(
        "prepayments agree",
        light(halaxy == posted),
        format!("Halaxy {halaxy}, posted {posted}"),
    );
    let waiting = outlook
        .plan
        .held
        .iter()
        .filter(|h| matches!(h.why, Why::Approval { .. }))
        .count();
    say(
        "write-offs and credit notes approved",
        light(waiting == 0),
        format!("{} for a yes", count(waiting as u64, "document")),
    );
    say("GST by tax rate agrees", light(taxes(&proof)), tax_words(&proof));
    match &stated {
        Ok(all) => {
            let agents = all.practitioners.iter().filter(|s| !s.fees.is_empty()).count();
            let entries = ledger.entries().await;
            let missing = all
                .practitioners
                .iter()
                .filter(|s| !s.fee.is_zero() && !entries.iter().any(|e| e.counts() && e.document.key == s.key))
                .count();
            let light = if missing == 0 { Light::Green } else { Light::Amber };
            let detail = format!(
                "{} with fee rules, {missing} not booked",
                count(agents as u64, "practitioner")
            );
            say("practitioner statements issued", light, detail);
        }
        Err(error) => say("practitioner statements issued", Light::Red, error.to_string()),
    }
    let locked = outlook.books.locked_to.is_some_and(|to| to >= month.last());
    say(
        "books locked",
        if locked { Light::Green } else { Light::Amber },
        match outlook.books.locked_to {
            Some(to) => format!("locked to {to}"),
            None => "no lock date is set".into(),
        },
    );

    let red = lines.iter().any(|l| l.light == Light::Red);
    out.document(&json!({ "month": month.to_string(), "ready": !red, "steps": lines, "digest": proof.digest() }));
    out.heading(&format!("{}: closing {month}", config.practice));
    let rows = lines
        .iter()
        .map(|l| {
            let mark = match l.light {
                Light::Green => "ok",
                Light::Amber => "open",
                Light::Red => "NO",
            };
            vec![l.step.to_string(), mark.into(), l.what.into(), l.detail.clone()]
        })
        .collect();
    out.table(&["", "", "Step", ""], rows, "");
    out.line(format!("Digest of the proof: {}", proof.digest()));
    let green = lines.iter().all(|l| l.light == Light::Green);
    Ok(if green { Exit::Done } else { Exit::Waiting })
}

fn light(fine: bool) -> Light {
    if fine { Light::Green } else { Light::Red }
}

fn agreed(differences: &[String]) -> String {
    if differences.is_empty() {
        "every payer type".into()
    } else {
        differences.join(", ")
    }
}

fn taxes(proof: &Proof) -> bool {
    let books = proof
        .differences
        .iter()
        .any(|d| d.between == Between::PostedAndBooks && d.changes.iter().any(|c| c.what == "tax" || c.what == "line"));
    !books
        && proof
            .sales
            .iter()
            .all(|r| (r.halaxy_net, r.halaxy_tax) == (r.posted_net, r.posted_tax))
}

fn tax_words(proof: &Proof) -> String {
    let tax: Cents = proof.sales.iter().map(|r| r.halaxy_tax).sum();
    let posted: Cents = proof.sales.iter().map(|r| r.posted_tax).sum();
    format!("tax on sales: Halaxy {tax}, posted {posted}")
}
