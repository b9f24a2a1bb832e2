//! `referral referrers --crm`: which referrers the CRM holds, what is about to be told, and what waits.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count};
use crate::{referrers, times};
use bridge_core::care::refer::{Act, Entry, EntryState, Field, Fields, Held, Planned, Why};
use bridge_core::ledger::sheet::Sheet;
use serde_json::{Value as Json, json};

/// Shows it. Exit code 3 if somebody must see to something.
///
/// # Errors
/// [`Failure`] if the configuration has no `[referrers]`, or the store fails.
pub async fn show(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let outlook = referrers::look(config).await?.outlook(times::now()).await?;
    let entry_json = |entry: &Entry| {
        json!({ "referrer": entry.id, "sort": entry.sort, "state": entry.state, "record": entry.remote_id,
            "open": entry.is_open(), "told": entry.base })
    };
    let act_json =
        |act: &Planned| json!({ "referrer": act.id, "sort": act.sort, "does": does(act), "tells": act.fields });
    let held_json = |held: &Held| {
        let (why, remedy) = why(held);
        json!({ "referrer": held.id, "sort": held.sort, "why": why, "remedy": remedy })
    };
    out.document(&json!({
        "records": outlook.entries.iter().map(entry_json).collect::<Vec<Json>>(),
        "next": outlook.acts.iter().map(act_json).collect::<Vec<Json>>(),
        "held": outlook.held.iter().map(held_json).collect::<Vec<Json>>(),
    }));
    let mut sheet = Sheet::new(&[
        "Referrer",
        "Sort",
        "Record",
        "State",
        "Name",
        "#This month",
        "#This year",
        "Last",
    ]);
    for entry in &outlook.entries {
        let told = |field| text(&entry.base, field);
        sheet.push([
            entry.id.clone(),
            entry.sort.to_string(),
            entry.remote_id.clone().unwrap_or_default(),
            state(entry).into(),
            name(&entry.base),
            told(Field::MonthReferrals),
            told(Field::YearReferrals),
            told(Field::LastReferral),
        ]);
    }
    if outlook.entries.is_empty() {
        out.line("The CRM was told of no referrer yet.");
    } else {
        out.line(sheet.text().trim_end());
    }
    for act in &outlook.acts {
        out.line(format!(
            "next: {} {} {} {}",
            does(act),
            act.sort,
            act.id,
            name(&act.whole)
        ));
    }
    for held in &outlook.held {
        let (why, remedy) = why(held);
        out.line(format!("{} {}: {why}. {remedy}", held.sort, held.id));
    }
    if outlook.held.is_empty() {
        return Ok(Exit::Done);
    }
    out.line(format!(
        "{} not in the CRM as they should be",
        count(outlook.held.len() as u64, "referrer")
    ));
    Ok(Exit::Waiting)
}

fn text(fields: &Fields, field: Field) -> String {
    fields.get(&field).cloned().unwrap_or_default()
}

fn name(fields: &Fields) -> String {
    let parts = [Field::Title, Field::Given, Field::Family].map(|field| text(fields, field));
    let words: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match words.is_empty() {
        true => text(fields, Field::Name),
        false => words.join(" "),
    }
}

fn does(act: &Planned) -> &'static str {
    match &act.act {
        Act::Create => "make or find",
        Act::Change => "change",
        Act::Leave(_) => "take from the practice they left",
    }
}

fn state(entry: &Entry) -> &'static str {
    match (entry.state, &entry.outgoing) {
        (EntryState::Posted, None) if entry.is_open() => "changing, not answered yet",
        (EntryState::Creating, _) => "sent, not answered yet",
        (EntryState::Unmade, _) => "not made",
        (EntryState::Deleted, _) => "deleted in the CRM",
        (EntryState::Posted, Some(_)) => "changing, not answered yet",
        (EntryState::Posted, None) => "stands there",
    }
}

/// Why something waits, and what to do about it.
fn why(held: &Held) -> (String, String) {
    match &held.why {
        Why::NoName => (
            "Halaxy shows no name".into(),
            "Complete the professional contact there.".into(),
        ),
        Why::Denied(field) => (
            format!(
                "`{}` holds a healthcare identifier, which is sent nowhere",
                field.name()
            ),
            "Take it out of the professional contact in Halaxy.".into(),
        ),
        Why::Refused(code) => (
            format!("not done ({code})"),
            format!(
                "It is tried again each day, and when Halaxy shows something else. If the CRM has a record of theirs \
                 already, write halaxy-referrer-{} into its key, and it is used.",
                held.id
            ),
        ),
        Why::Deleted => (
            "somebody deleted the record in the CRM".into(),
            "It is not made again.".into(),
        ),
    }
}
