//! `halaxy settle KEY`: what became of a write that nobody knows of. The record is looked at where that tells; where it
//! does not, a person's word counts.

use super::account;
use crate::args::ByArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::{times, wiring};
use adapter_halaxy::HalaxyClient;
use adapter_halaxy::endpoints::{Inputs, Operation, Request, endpoint};
use adapter_kit::{Priority, with_priority};
use bridge_admin::receipts::{self, Progress, Receipt};
use bridge_core::Time;
use bridge_store::AuditEntry;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The longest a call can live after we gave up on it, unless the configuration says otherwise.
const CALL_LIFE: Duration = Duration::from_secs(60);
/// How far Halaxy's clock may be behind ours.
const CLOCKS_APART: Time = 600_000_000;

/// What a person says became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nobody says anything: look.
    Look,
    /// It was done: the id of the record, if one was made.
    Done(Option<String>),
    /// It was not done.
    NotDone,
}

/// What a look at Halaxy tells.
enum Seen {
    Done(Option<String>),
    NotThere,
    /// It cannot be looked up, and why.
    Unclear(String),
}

/// Finds out, or takes a person's word, and keeps it under the key.
///
/// # Errors
/// [`Failure`] if the key is not known or its write is not unknown.
pub async fn run(config: &Config, key: &str, word: &Word, by: &ByArg, out: &Output) -> Result<Exit, Failure> {
    let system = account(config)?;
    let store = wiring::store(config).await?;
    let mut receipt = receipts::find(&store, key).await?.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no write with the request key {key}; it was printed when it was asked for"
        ))
    })?;
    if !matches!(receipt.progress, Progress::Sent | Progress::Unknown) {
        out.line(format!(
            "{}: its outcome is known already; ask with the same request key to see it",
            receipt.action
        ));
        out.document(&json!({ "request_key": key, "outcome": receipt.progress, "id": receipt.id, "settled": false }));
        return Ok(Exit::Done);
    }
    let life = i64::try_from(system.call_life.unwrap_or(CALL_LIFE).as_micros()).unwrap_or(Time::MAX / 4) * 2;
    let over = times::now() >= receipt.at.saturating_add(life);
    let seen = match word {
        Word::Done(id) => Seen::Done(id.clone()),
        Word::NotDone if !over => {
            return Err(Failure::Usage(
                "it was sent just now and may still land; wait two minutes and look again".into(),
            ));
        }
        Word::NotDone => Seen::NotThere,
        Word::Look => look(&wiring::halaxy_client(system)?, &wiring::halaxy_base(system)?, &receipt).await,
    };
    let (outcome, exit, text) = match seen {
        Seen::Done(id) => {
            receipt.progress = Progress::Done;
            receipt.id = id.or(receipt.id);
            ("done", Exit::Done, "it was done".to_string())
        }
        Seen::NotThere if over => {
            receipt.progress = Progress::Refused;
            receipt.code = Some("not done".into());
            let text = "it was not done; ask again with a new request key if it still should be";
            ("not_done", Exit::Done, text.to_string())
        }
        Seen::NotThere => (
            "unknown",
            Exit::Waiting,
            "it is not there yet, and may still land; look again later".into(),
        ),
        Seen::Unclear(why) => {
            let text = format!("{why}; look in Halaxy, and say --done ID or --not-done");
            ("unknown", Exit::Waiting, text)
        }
    };
    if outcome != "unknown" {
        let told = match word {
            Word::Look => "looked up".to_string(),
            _ => format!("said by {}", by.name()),
        };
        let line = AuditEntry {
            at: times::now(),
            run: None,
            entity: None,
            system: Some(system.name.clone()),
            remote_id: receipt.id.clone(),
            event: "action".into(),
            units: Vec::new(),
            reason: format!("{} settled: {outcome}, {told}, request key {key}", receipt.action),
            body: None,
        };
        receipts::settle(&store, key, &receipt, line).await?;
    }
    out.line(format!("{}: {text}", receipt.action));
    out.document(&json!({
        "action": receipt.action, "request_key": key, "outcome": outcome, "id": receipt.id,
        "settled": outcome != "unknown", "text": text,
    }));
    Ok(exit)
}

async fn look(client: &HalaxyClient, base: &str, receipt: &Receipt) -> Seen {
    let Some(endpoint) = endpoint(&receipt.action) else {
        return Seen::Unclear("this action is not known any more".into());
    };
    let Some(sent) = &receipt.sent else {
        return Seen::Unclear("what was sent was not kept".into());
    };
    match endpoint.operation {
        Operation::Update if endpoint.action != "add-referral-files" => changed(client, endpoint.resource, sent).await,
        Operation::Create if endpoint.resource != "DocumentReference" => {
            created(client, base, endpoint.resource, receipt, &sent.body).await
        }
        _ => Seen::Unclear("what this action does cannot be looked up".into()),
    }
}

/// A change has landed if the record shows every value that was sent.
async fn changed(client: &HalaxyClient, resource: &str, sent: &receipts::Sent) -> Seen {
    let Some(id) = &sent.id else {
        return Seen::Unclear("its record is not known".into());
    };
    match with_priority(Priority::Interactive, client.read(resource, id)).await {
        Ok(Some(record)) if within(&sent.body, &record) => Seen::Done(Some(id.clone())),
        // Somebody may have changed it since, or Halaxy spells it otherwise.
        Ok(Some(_)) => Seen::Unclear("the record does not show what was sent".into()),
        Ok(None) => Seen::Unclear("the record is not there".into()),
        Err(error) => Seen::Unclear(error.to_string()),
    }
}

/// A record has been made if exactly one that is younger than the call shows every value that was sent.
async fn created(client: &HalaxyClient, base: &str, resource: &str, receipt: &Receipt, body: &Json) -> Seen {
    let lists = adapter_halaxy::endpoints::ENDPOINTS
        .iter()
        .find(|one| one.resource == resource && one.operation == Operation::List);
    let Some(lists) = lists else {
        return Seen::Unclear("such records cannot be listed".into());
    };
    let since = times::iso(receipt.at - CLOCKS_APART);
    let by = if lists.input("created").is_some() {
        "created"
    } else {
        "changed"
    };
    let request: Result<Request, _> = lists.request(&Inputs::new(base).with(by, format!("ge{since}")));
    let Ok(request) = request else {
        return Seen::Unclear("such records cannot be searched".into());
    };
    let found = with_priority(Priority::Interactive, client.call_all(&request)).await;
    let rows = match found {
        Ok(reply) => reply.rows,
        Err(failed) => return Seen::Unclear(failed.error.to_string()),
    };
    let mut fits: Vec<String> = rows
        .iter()
        .filter(|row| within(body, row))
        .filter_map(|row| Some(row["id"].as_str()?.to_string()))
        .collect();
    fits.dedup();
    match fits.len() {
        // Halaxy may spell what it was sent otherwise: only that nothing was made at all is sure.
        0 if rows.is_empty() => Seen::NotThere,
        0 => Seen::Unclear(format!(
            "{} made or changed since, and none shows just that",
            output::count(rows.len() as u64, "record")
        )),
        1 => Seen::Done(fits.pop()),
        n => Seen::Unclear(format!("{n} records show what was sent")),
    }
}

/// Whether a record shows everything that was sent. References may be spelt otherwise; what Halaxy never shows again is
/// passed over.
fn within(sent: &Json, shown: &Json) -> bool {
    match (sent, shown) {
        (Json::Object(sent), Json::Object(shown)) => sent
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "resourceType" | "attachments"))
            .all(|(name, value)| match (name.as_str(), shown.get(name)) {
                (_, None) => value.is_null(),
                ("reference", Some(other)) => {
                    let last = |value: &Json| value.as_str().map(|text| text.rsplit('/').next().map(str::to_string));
                    last(value) == last(other)
                }
                (_, Some(other)) => within(value, other),
            }),
        (Json::Array(sent), Json::Array(shown)) => {
            sent.iter().all(|value| shown.iter().any(|other| within(value, other)))
        }
        (Json::String(sent), Json::String(shown)) => {
            let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
            sent == shown || (moment(sent).is_some() && moment(sent) == moment(shown))
        }
        (sent, shown) => sent == shown,
    }
}

#[cfg(test)]
mod tests {
    use super::within;
    use serde_json::json;

    #[test]
    fn a_record_shows_what_was_sent_whatever_else_it_shows() {
        let sent = json!({"resourceType": "Patient", "attachments": [1],
            "name": [{"use": "official", "family": "Samplewood"}], "subject": {"reference": "Patient/7"},
            "start": "2026-03-04T09:00:00+11:00"});
        let mut shown = json!({"id": "1", "active": true, "start": "2026-03-03T22:00:00Z",
            "name": [{"use": "usual"}, {"use": "official", "family": "Samplewood", "given": ["M"]}],
            "subject": {"reference": "https://example.org/main/Patient/7", "type": "Patient"}});
        assert!(within(&sent, &shown));
        shown["name"][1]["family"] = json!("Other");
        assert!(!within(&sent, &shown));
    }
}
