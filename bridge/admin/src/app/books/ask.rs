//! What bookkeepers ask for: each wish is kept for the process that posts, and the page shows what became of it.

use super::{office, read};
use crate::app::call::Call;
use crate::app::render::{Answer, to};
use crate::app::{App, Refused};
use axum::http::StatusCode;
use bridge_core::hex;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::{Act, Item, Wish};
use jiff::civil::Date;

/// Documents that are approved with one button.
const AT_ONCE: usize = 200;

/// Back to the page where the form stood, which then shows the wish.
fn back(call: &Call, id: &str) -> Answer {
    let back = call.typed("back");
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-');
    let ours = back == "/books" || back.starts_with("/books/");
    let back = if ours && back.chars().all(safe) { back } else { "/books" };
    Ok(to(&format!("{back}?asked={id}")))
}

pub fn wrong(words: &str) -> Refused {
    Refused::Told(StatusCode::BAD_REQUEST, words.into())
}

/// Starts work: a look, a proof, a month, a tie-out.
pub async fn work(_: &App, call: &Call) -> Answer {
    let wish = match call.typed("wish") {
        "look" => Wish::Look,
        "tieout" => Wish::TieOut,
        "month" => Wish::Month(month(call.typed("month"))?),
        "prove" => {
            let day = |name: &str| call.typed(name).parse::<Date>().ok();
            match (day("from"), day("to")) {
                (Some(from), Some(to)) if from <= to => Wish::Prove { from, to },
                _ => return Err(wrong("Give two days, the first not after the second, like 2026-10-01.")),
            }
        }
        _ => return Err(wrong("There is no such work.")),
    };
    let id = office(call).ask(wish, call.by()?, call.now).await.map_err(read)?;
    back(call, &id)
}

pub fn month(text: &str) -> Result<Month, Refused> {
    text.parse().map_err(|_| wrong("Write the month like 2026-10."))
}

/// Takes a provider's statement in.
pub async fn settlement(_: &App, call: &Call) -> Answer {
    let office = office(call);
    let standing = office.standing().await.map_err(read)?.unwrap_or_default();
    let layout = call.typed("layout");
    if !standing.layouts.iter().any(|known| known == layout) {
        return Err(wrong("Choose how the statement is read."));
    }
    let text = call.typed("text");
    if text.trim().is_empty() {
        return Err(wrong("Choose the provider’s CSV file, or paste what stands in it."));
    }
    let named = call.typed("file").trim();
    let wish = Wish::Import {
        layout: layout.into(),
        file: if named.is_empty() { "pasted.csv" } else { named }
            .chars()
            .take(120)
            .collect(),
        text: text.into(),
    };
    let id = office.ask(wish, call.by()?, call.now).await.map_err(read)?;
    back(call, &id)
}

/// Decides one thing that was shown, or all of a kind as they were shown.
pub async fn act(_: &App, call: &Call) -> Answer {
    let office = office(call);
    let Some(act) = Act::parse(call.typed("act")) else {
        return Err(wrong("There is nothing of that name to decide."));
    };
    let offered = offered(call, act).await?;
    let token = call.typed("token");
    let chosen: Vec<Item> = match call.typed("key") {
        "" if all(&offered).is_some_and(|of_all| of_all == token) => offered,
        key => offered
            .into_iter()
            .filter(|i| i.key == key && i.token == token)
            .collect(),
    };
    let mut last = None;
    for item in chosen.into_iter().take(AT_ONCE) {
        last = Some(office.ask(Wish::Act(item), call.by()?, call.now).await.map_err(read)?);
    }
    match last {
        Some(id) => back(call, &id),
        None => Err(Refused::Told(
            StatusCode::CONFLICT,
            "It is no longer what was shown, or somebody has decided it already. Go back and look again.".into(),
        )),
    }
}

/// What can be decided of that kind, by the latest look.
async fn offered(call: &Call, act: Act) -> Result<Vec<Item>, Refused> {
    let office = office(call);
    let id = match act {
        Act::Fee => format!("statements-{}", month(call.typed("month"))?),
        Act::Settle => "tieout".into(),
        _ => {
            let standing = office.standing().await.map_err(read)?.unwrap_or_default();
            return Ok(standing.items.into_iter().filter(|i| i.act == act).collect());
        }
    };
    let report = office.report(&id).await.map_err(read)?;
    Ok(report.map(|r| r.items).unwrap_or_default())
}

/// What stands for all of these together; none if there are too few or too many for one button.
pub fn all(items: &[Item]) -> Option<String> {
    use sha2::{Digest, Sha256};
    if !(2..=AT_ONCE).contains(&items.len()) {
        return None;
    }
    let mut hash = Sha256::new();
    for item in items {
        hash.update(item.token.as_bytes());
    }
    Some(hex(&hash.finalize()[..16]))
}
