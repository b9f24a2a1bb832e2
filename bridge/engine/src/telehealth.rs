//! Imported reports of calls and credits: kept sealed, each row once, each call matched by its number to a patient of the
//! home system or a professional contact.
//!
//! Rows stand under a digest salted by the practice's own secret, so that no row's name tells whose number it holds.

mod crm;
mod moves;
mod sessions;
mod tell;
mod told;

pub use crm::CrmCalls;
pub use tell::{CallActivities, CallActivity, Contacts, TellStep, Untold};
pub use told::{Move, Told, ToldState};

use crate::error::EngineError;
use bridge_core::codec::{Country, e164};
use bridge_core::telehealth::cost::Names;
use bridge_core::telehealth::{Call, Ledgered, Merge, Party, Usage, Who, matched};
use bridge_store::{LookupKey, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

const CALL: &str = "telehealth/call";
const USAGE: &str = "telehealth/usage";
const SALT: &str = "telehealth/salt";
/// Mirrored records taken at a time, and rows written in one transaction.
const PAGE: usize = 1_000;

/// A call as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCall {
    /// What reports say of it.
    pub call: Call,
    /// Whom it was with.
    pub who: Who,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// New and known rows.
    #[serde(flatten)]
    pub rows: Merge,
    /// Calls that somebody must match.
    pub held: usize,
    /// Calls with a number that nobody has, or without one.
    pub nobody: usize,
}

/// Imported reports of one practice.
pub struct Telehealth {
    store: Store,
    home: String,
    country: Country,
}

impl Telehealth {
    /// Over a store; numbers are those of patients of `home`.
    pub fn new(store: Store, home: &str, country: Country) -> Telehealth {
        Telehealth {
            store,
            home: home.into(),
            country,
        }
    }

    /// Calls by the id that people name them by.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn calls(&self) -> Result<BTreeMap<String, KeptCall>, EngineError> {
        self.kept(CALL).await
    }

    /// Rows of the credit report.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn usage(&self) -> Result<Vec<Usage>, EngineError> {
        Ok(self.kept::<Usage>(USAGE).await?.into_values().collect())
    }

    /// Takes calls in, and matches those that nobody is known for.
    ///
    /// # Errors
    /// [`EngineError::Store`]. What was taken in before it failed stays; the same file again completes it.
    pub async fn import_calls(&self, calls: Vec<Call>) -> Result<Imported, EngineError> {
        let salt = self.salt().await?;
        let before = self.calls().await?;
        let mut there: BTreeMap<String, Call> = before
            .values()
            .map(|kept| (kept.call.key().to_owned(), kept.call.clone()))
            .collect();
        let mut touched = BTreeSet::new();
        let rows = Merge::of(&mut there, calls, |key| {
            touched.insert(key.to_owned());
        });
        let mut fresh: BTreeMap<String, KeptCall> = touched
            .iter()
            .filter_map(|key| {
                let (id, call) = (named(&salt, key), there.get(key)?.clone());
                let who = before.get(&id).map_or(Who::Nobody, |kept| kept.who.clone());
                Some((id, KeptCall { call, who }))
            })
            .collect();
        self.find(&mut fresh, &before).await?;
        self.put(CALL, &fresh).await?;
        let mut all = before;
        all.extend(fresh);
        Ok(Imported {
            rows,
            held: all.values().filter(|kept| kept.who.waits()).count(),
            nobody: all.values().filter(|kept| kept.who == Who::Nobody).count(),
        })
    }

    /// Takes rows of the credit report in.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn import_usage(&self, rows: Vec<Usage>) -> Result<Imported, EngineError> {
        let salt = self.salt().await?;
        let mut there: BTreeMap<String, Usage> = self
            .usage()
            .await?
            .into_iter()
            .map(|row| (row.key.clone(), row))
            .collect();
        let mut touched = BTreeSet::new();
        let rows = Merge::of(&mut there, rows, |key| {
            touched.insert(key.to_owned());
        });
        there.retain(|key, _| touched.contains(key));
        let named = there.into_iter().map(|(key, row)| (named(&salt, &key), row)).collect();
        self.put(USAGE, &named).await?;
        Ok(Imported {
            rows,
            ..Imported::default()
        })
    }

    /// Matches calls again that are nobody's, or whose number several have: people are added and merged meanwhile. How
    /// many found somebody.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn match_again(&self) -> Result<usize, EngineError> {
        let before = self.calls().await?;
        let mut open = before.clone();
        open.retain(|_, kept| kept.call.number.is_some() && (kept.who == Who::Nobody || kept.who.waits()));
        self.find(&mut open, &before).await?;
        open.retain(|id, kept| before.get(id) != Some(kept));
        let found = open.values().filter(|kept| kept.who.party().is_some()).count();
        self.put(CALL, &open).await?;
        Ok(found)
    }

    /// How many calls there are, and how many of them somebody must match.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn waiting(&self) -> Result<(u64, u64), EngineError> {
        let all = self.calls().await?;
        let waiting = all.values().filter(|kept| kept.who.waits()).count();
        Ok((all.len() as u64, waiting as u64))
    }

    /// A person says whom a call was with, or that it was nobody the practice keeps.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if there is no such call, or no such patient; [`EngineError::Store`].
    pub async fn assign(&self, id: &str, party: Option<Party>, by: &str) -> Result<KeptCall, EngineError> {
        let mut all = self.calls().await?;
        let mut kept = all
            .remove(id)
            .ok_or_else(|| EngineError::NotFound(format!("call {id}")))?;
        if let Some(Party::Patient(patient)) = &party {
            let links = self
                .store
                .links(&self.home, "Patient", std::slice::from_ref(patient))
                .await?;
            if links.is_empty() {
                return Err(EngineError::NotFound(format!("patient {patient} in {}", self.home)));
            }
        }
        kept.who = Who::Decided {
            party,
            by: by.to_owned(),
        };
        self.put(CALL, &BTreeMap::from([(id.to_owned(), kept.clone())])).await?;
        Ok(kept)
    }

    /// Ids by the names of practitioners and places, as the mirror shows them.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn names(&self) -> Result<Names, EngineError> {
        let mut names = Names::default();
        let mut people: BTreeMap<String, String> = BTreeMap::new();
        for (id, body) in self.mirrored("Practitioner").await? {
            let name = person(&body);
            names.practitioner(&name, &id);
            people.insert(id, name);
        }
        // Tracking options may be listed by role.
        for (id, body) in self.mirrored("PractitionerRole").await? {
            let of = body["practitioner"]["reference"].as_str().unwrap_or_default();
            if let Some(name) = of.rsplit('/').next().and_then(|of| people.get(of)) {
                names.practitioner(name, &id);
            }
        }
        for (id, body) in self.mirrored("Organization").await? {
            names.location(body["name"].as_str().unwrap_or_default(), &id);
        }
        Ok(names)
    }

    /// Finds who has the numbers.
    async fn find(
        &self,
        calls: &mut BTreeMap<String, KeptCall>,
        before: &BTreeMap<String, KeptCall>,
    ) -> Result<(), EngineError> {
        let numbers: BTreeSet<String> = calls.values().filter_map(|kept| kept.call.number.clone()).collect();
        let numbers: Vec<String> = numbers.into_iter().collect();
        let mut owners: BTreeMap<&str, Vec<Party>> = BTreeMap::new();
        for some in numbers.chunks(PAGE) {
            let keys: Vec<LookupKey> = some
                .iter()
                .map(|number| LookupKey::new("phone", number.clone()))
                .collect();
            for found in self.store.find_keys(&keys).await? {
                let patient = found.record.system == self.home && found.record.kind == "Patient" && found.live;
                if let Some(number) = some.get(found.key).filter(|_| patient) {
                    let party = Party::Patient(found.record.remote_id);
                    owners.entry(number).or_default().push(party);
                }
            }
        }
        let contacts = if numbers.is_empty() {
            BTreeMap::new()
        } else {
            self.professionals().await?
        };
        for (id, kept) in calls.iter_mut() {
            let number = kept.call.number.as_deref().unwrap_or_default();
            let mut who = owners.get(number).cloned().unwrap_or_default();
            who.extend(contacts.get(number).into_iter().flatten().cloned());
            kept.who = matched(before.get(id).map(|known| &known.who), who);
        }
        Ok(())
    }

    /// Professional contacts by number, as the mirror shows them. A number of a role is its practitioner's.
    async fn professionals(&self) -> Result<BTreeMap<String, BTreeSet<Party>>, EngineError> {
        let mut all: BTreeMap<String, BTreeSet<Party>> = BTreeMap::new();
        for kind in ["Practitioner", "PractitionerRole", "Organization"] {
            for (id, body) in self.mirrored(kind).await? {
                let practitioner = body["practitioner"]["reference"].as_str();
                let who = practitioner.and_then(|text| text.rsplit('/').next()).unwrap_or(&id);
                if !(who.starts_with("EP-") || who.starts_with("SP-")) {
                    continue;
                }
                let telecom = body["telecom"].as_array().into_iter().flatten();
                for one in telecom.filter(|one| one["system"] != "email") {
                    if let Some(number) = one["value"].as_str().and_then(|text| e164(text, self.country)) {
                        let party = Party::Professional(who.to_owned());
                        all.entry(number).or_default().insert(party);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Records of a kind that are there.
    async fn mirrored(&self, kind: &str) -> Result<Vec<(String, Json)>, EngineError> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let rows = self.store.mirrored_after(&self.home, kind, after, PAGE).await?;
            let full = rows.len() == PAGE;
            for row in rows {
                after = after.max(row.seq);
                if !row.gone {
                    all.push((row.id, row.body));
                }
            }
            if !full {
                return Ok(all);
            }
        }
    }

    async fn kept<T: for<'d> Deserialize<'d>>(&self, part: &str) -> Result<BTreeMap<String, T>, EngineError> {
        let mut all = BTreeMap::new();
        self.store
            .ledger(part, |id, body| {
                all.extend(serde_json::from_str(&body).ok().map(|one| (id, one)));
            })
            .await?;
        Ok(all)
    }

    async fn put<T: Serialize>(&self, part: &str, rows: &BTreeMap<String, T>) -> Result<(), EngineError> {
        let rows: Vec<(String, String)> = rows
            .iter()
            .map(|(id, row)| (id.clone(), serde_json::to_string(row).unwrap_or_default()))
            .collect();
        for some in rows.chunks(PAGE) {
            let mut tx = self.store.begin().await?;
            tx.put_ledger(part, some).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The practice's own secret; made at the first import.
    async fn salt(&self) -> Result<String, EngineError> {
        if let Some(salt) = self.store.secret(SALT).await? {
            return Ok(salt);
        }
        let salt = format!("{:032x}", rand::random::<u128>());
        let mut tx = self.store.begin().await?;
        // Of two first imports at once one salt counts.
        if tx.claim_ledger("telehealth/salted", "all", "{}").await? {
            tx.put_secret(SALT, &salt).await?;
        }
        tx.commit().await?;
        let kept = self.store.secret(SALT).await?;
        kept.ok_or_else(|| EngineError::NotFound("secret of imported calls".into()))
    }
}

fn named(salt: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{salt} {key}").as_bytes());
    bridge_core::hex(&digest[..8])
}

fn person(body: &Json) -> String {
    let all = body["name"].as_array().map_or(&[][..], Vec::as_slice);
    let official = all
        .iter()
        .find(|name| name["use"] == "official")
        .or_else(|| all.first());
    let Some(name) = official else { return String::new() };
    let words = |member: &str| {
        let all = name[member].as_array().into_iter().flatten().filter_map(Json::as_str);
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all = words("given");
    all.extend(name["family"].as_str().map(str::to_owned));
    all.join(" ")
}
