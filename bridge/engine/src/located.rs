//! Follows the mirror's appointments and roles, and keeps the index of where people belong ([`bridge_store::Within`]). Decides
//! nothing, and writes to no account.

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::Time;
use bridge_core::location::{Stay, organization};
use bridge_store::{Mirrored, Store, Visited};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of the mirror that tell where people belong, and of where their names come from.
pub const KINDS: [&str; 3] = ["Organization", "PractitionerRole", "Appointment"];

const APPOINTMENT: &str = "Appointment";
const ROLE: &str = "PractitionerRole";
const ORGANIZATION: &str = "Organization";
/// Changes taken from the mirror at a time.
const PAGE: usize = 500;
/// That nothing is missing is noted again after so long.
const NOTED: Time = 10 * 60 * 1_000_000;

/// A location that people may be bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// Its name, where the mirror shows one.
    pub name: Option<String>,
}

fn position(system: &str) -> String {
    format!("located/{system}")
}

/// The index of where the people of one system are seen, beside the engine that drives.
pub struct Whereabouts<'e> {
    engine: &'e Engine,
    system: String,
    people: String,
}

impl<'e> Whereabouts<'e> {
    /// Over a mirrored system, whose records of people are of that kind.
    pub fn new(engine: &'e Engine, system: &str, people: &str) -> Whereabouts<'e> {
        Whereabouts {
            engine,
            system: system.into(),
            people: people.into(),
        }
    }

    /// Takes in what the mirror shows anew; whether there is more. `whole` says that the mirror has read every role and
    /// appointment once: only then can somebody be said to belong nowhere.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn step(&self, whole: bool) -> Result<bool, EngineError> {
        let store = &self.engine.store;
        let now = self.engine.clock.now();
        let note = position(&self.system);
        let seq = store.meta(&note).await?.and_then(|seq| seq.parse().ok()).unwrap_or(0);
        let changes = store.mirrored_after(&self.system, "", seq, PAGE).await?;
        let more = changes.len() == PAGE;
        let last = changes.last().map(|change| change.seq);
        let roles: BTreeMap<&str, String> = changes
            .iter()
            .filter(|change| change.kind == ROLE)
            .map(|change| (change.id.as_str(), location_of(change)))
            .collect();
        let visits = self.visits(&changes).await?;
        let noted = store.located_whole().await?;
        let due = whole && !more && noted.is_none_or(|at| now.saturating_sub(at) >= NOTED);
        if last.is_none() && !due {
            return Ok(false);
        }
        let mut tx = store.begin().await?;
        tx.put_visited(&self.system, &self.people, &visits).await?;
        for (role, location) in roles {
            tx.move_role(&self.system, &self.people, role, &location).await?;
        }
        if let Some(last) = last {
            tx.put_meta(&note, &last.to_string()).await?;
        }
        if due {
            tx.visits_known(now).await?;
        }
        self.engine.commit(tx).await?;
        Ok(more)
    }

    async fn visits(&self, changes: &[Mirrored]) -> Result<Vec<Visited>, EngineError> {
        let stays: Vec<(&str, Stay)> = changes
            .iter()
            .filter(|change| change.kind == APPOINTMENT)
            .map(|change| match change.gone {
                true => (change.id.as_str(), Stay::default()),
                false => (change.id.as_str(), Stay::read(&change.body)),
            })
            .collect();
        let named: BTreeSet<String> = stays.iter().flat_map(|(_, stay)| stay.roles.clone()).collect();
        let named: Vec<String> = named.into_iter().collect();
        let known = self.engine.store.mirrored_among(&self.system, ROLE, &named).await?;
        let known: BTreeMap<&str, String> = known.iter().map(|role| (role.id.as_str(), location_of(role))).collect();
        let visit = |(id, stay): (&str, Stay)| Visited {
            appointment: id.into(),
            people: stay.patients,
            roles: stay
                .roles
                .into_iter()
                .map(|role| {
                    let location = known.get(role.as_str()).cloned().unwrap_or_default();
                    (role, location)
                })
                .collect(),
        };
        Ok(stays.into_iter().map(visit).collect())
    }
}

/// The location of a role; of one that is gone the last one known.
fn location_of(role: &Mirrored) -> String {
    organization(&role.body, "organization").unwrap_or_default().to_string()
}

/// The locations of a mirrored system, by name: those that roles are at, and the practice groups those are part of.
///
/// # Errors
/// The store's.
pub async fn places(store: &Store, system: &str) -> Result<Vec<Place>, EngineError> {
    let mut ids = BTreeSet::new();
    for role in all(store, system, ROLE).await? {
        ids.extend(organization(&role.body, "organization").map(str::to_string));
    }
    let mut named: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut wanted: Vec<String> = ids.into_iter().collect();
    while !wanted.is_empty() {
        let rows = store.mirrored_among(system, ORGANIZATION, &wanted).await?;
        let groups = rows.iter().filter_map(|row| organization(&row.body, "partOf"));
        let groups: BTreeSet<String> = groups.map(str::to_string).collect();
        let name = |id: &String| {
            let row = rows.iter().find(|row| row.id == *id);
            row.and_then(|row| row.body["name"].as_str()).map(str::to_string)
        };
        named.extend(wanted.iter().map(|id| (id.clone(), name(id))));
        wanted = groups.into_iter().filter(|id| !named.contains_key(id)).collect();
    }
    let mut places: Vec<Place> = named.into_iter().map(|(id, name)| Place { id, name }).collect();
    places.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(places)
}

async fn all(store: &Store, system: &str, kind: &str) -> Result<Vec<Mirrored>, EngineError> {
    let (mut rows, mut after) = (vec![], String::new());
    loop {
        let ids = store.mirrored_ids(system, kind, &after, PAGE).await?;
        let Some(last) = ids.last() else { return Ok(rows) };
        after.clone_from(last);
        rows.extend(store.mirrored_among(system, kind, &ids).await?);
    }
}
