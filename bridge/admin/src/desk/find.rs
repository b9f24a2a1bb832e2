//! One box to find people by: parts of names, an e-mail address, a phone number as people write it, a number in Halaxy, the
//! id of a record, the number of an invoice. Everything is looked up by keyed hash or by id; only who is found is opened.

use super::{Desk, DeskError, Who, who};
use bridge_core::UnitType;
use bridge_core::codec::Codec;
use bridge_core::path::Leaf;
use bridge_engine::lookup;
use bridge_store::LookupKey;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Somebody who was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Who.
    #[serde(flatten)]
    pub who: Who,
    /// By what: `email`, `phone`, `number`, `record`, `invoice` or `name`.
    pub by: String,
}

/// At most so many are shown.
pub const MOST: usize = 25;
/// Records of one person are several: more are looked up than are shown.
const RECORDS: usize = 4 * MOST;

impl Desk {
    /// People that a text may mean, at most [`MOST`], the surest way of finding first.
    ///
    /// # Errors
    /// [`DeskError::TooOften`] for a caller who searches more than once a second for long; else the store's.
    pub async fn find(&self, text: &str, caller: &str) -> Result<Vec<Found>, DeskError> {
        self.searches
            .take(caller, self.clock.now())
            .map_err(DeskError::TooOften)?;
        let text = text.trim();
        if text.is_empty() || text.len() > 200 {
            return Ok(vec![]);
        }
        let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let mut add = |entity: Option<String>, by: &str| {
            if let Some(entity) = entity {
                let place = found.len();
                found.entry(entity).or_insert((place, by.into()));
            }
        };
        let mut keys = lookup::query(text);
        let phone = Codec::plain(UnitType::Phone, self.country);
        if let Ok(value) = phone.read(Leaf::One(&json!(text)))
            && let Some(number) = value.as_text()
        {
            keys.push(LookupKey::new("phone", number));
        }
        for hit in self.store().find_keys(&keys).await? {
            add(hit.entity, keys[hit.key].kind);
        }
        let (system, id) = text
            .split_once(':')
            .map_or((None, text), |(system, id)| (Some(system), id));
        if !id.contains(char::is_whitespace) {
            for named in self
                .engine
                .settings()
                .systems
                .iter()
                .filter(|s| system.is_none_or(|n| n == s.name))
            {
                add(self.store().entity_of(&named.name, named.kind(), id).await?, "record");
            }
            if let Some(patient) = self.payer_of(id).await? {
                let settings = self.engine.settings();
                if let Some(home) = settings.system(&settings.home) {
                    add(
                        self.store().entity_of(&home.name, home.kind(), &patient).await?,
                        "invoice",
                    );
                }
            }
        }
        if text.chars().any(char::is_alphabetic) && !text.contains('@') {
            let hits = match self.within() {
                None => self.store().search_name(text, RECORDS).await?,
                Some(within) => self.store().search_name_within(text, RECORDS, within).await?,
            };
            for hit in hits {
                add(hit.entity, "name");
            }
        }
        let all: Vec<String> = found.keys().cloned().collect();
        let seen = self.seen_of(&all).await?;
        let mut order: Vec<(String, (usize, String))> = found.into_iter().filter(|(id, _)| seen.contains(id)).collect();
        order.sort_by_key(|(_, (place, _))| *place);
        order.truncate(MOST);
        let ids: Vec<String> = order.iter().map(|(id, _)| id.clone()).collect();
        let people = self.store().entities(&ids).await?;
        let by: BTreeMap<String, String> = order.into_iter().map(|(id, (_, by))| (id, by)).collect();
        Ok(people
            .iter()
            .map(|entity| Found {
                who: who(entity),
                by: by.get(&entity.id).cloned().unwrap_or_default(),
            })
            .collect())
    }

    /// The patient who owes an invoice, by the invoice's number, if the ledger follows invoices.
    async fn payer_of(&self, invoice: &str) -> Result<Option<String>, DeskError> {
        let Some(body) = self.store().ledger_row("fact/Invoice", invoice).await? else {
            return Ok(None);
        };
        let fact: Json = serde_json::from_str(&body).unwrap_or_default();
        Ok(patient(&fact))
    }
}

/// The patient that a `payer` names, wherever it stands.
fn patient(fact: &Json) -> Option<String> {
    let members = fact.as_object()?;
    if let Some(payer) = members.get("payer").and_then(Json::as_object) {
        let named = payer.iter().find(|(kind, _)| kind.eq_ignore_ascii_case("patient"));
        return named.and_then(|(_, id)| id.as_str()).map(str::to_string);
    }
    members.values().find_map(patient)
}
