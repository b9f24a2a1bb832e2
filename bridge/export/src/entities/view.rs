//! Records of the store as bodies, so that one way of reading columns does for all of them.

use super::{Entity, Records};
use crate::grant::Grant;
use bridge_core::change::Happened;
use bridge_core::mapping::EntityFile;
use bridge_core::{Class, LinkState, Value};
use bridge_store::{ConflictRow, Event, Followed, Result, Store, StoreError};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};

/// Loads bodies of an entity's records.
pub struct View<'a> {
    store: &'a Store,
    /// Classes of units, for what is shown only if the unit's class is.
    classes: BTreeMap<String, Class>,
    grant: Grant,
}

impl<'a> View<'a> {
    /// Of a store, under a grant.
    pub fn new(store: &'a Store, units: &EntityFile, grant: &Grant) -> View<'a> {
        let classes = units.units.iter().map(|spec| (spec.unit.name.clone(), spec.unit.class));
        View {
            store,
            classes: classes.collect(),
            grant: grant.clone(),
        }
    }

    /// The store.
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// The bodies of these records, by id; what is not there any more is not among them.
    ///
    /// # Errors
    /// [`StoreError`], [`StoreError::Damaged`] included: nothing is left out silently.
    pub async fn bodies(&self, what: &Followed, ids: &[String]) -> Result<HashMap<String, Json>> {
        match what {
            Followed::People => self.people(ids).await,
            Followed::Links => self.links(ids).await,
            Followed::Conflicts => {
                let rows = self.store.conflicts_among(ids).await?;
                Ok(rows
                    .into_iter()
                    .map(|row| (row.id.clone(), self.conflict(row)))
                    .collect())
            }
            Followed::Ledger(part) => {
                let rows = self.store.ledger_among(part, ids).await?;
                rows.into_iter()
                    .map(|(id, body)| match serde_json::from_str(&body) {
                        Ok(body) => Ok((id, body)),
                        Err(_) => Err(StoreError::Damaged {
                            table: "ledger",
                            row: format!("{part}/{id}"),
                            detail: "its content is not understood",
                        }),
                    })
                    .collect()
            }
            Followed::Mirrored { system, kind } => {
                let rows = self.store.mirrored_among(system, kind, ids).await?;
                let there = rows.into_iter().filter(|row| !row.gone && !row.body.is_null());
                Ok(there.map(|row| (row.id, row.body)).collect())
            }
        }
    }

    async fn people(&self, ids: &[String]) -> Result<HashMap<String, Json>> {
        let people = self.store.entities(ids).await?;
        let body = |entity: bridge_core::Entity| {
            let records = entity.links.values().map(|link| {
                let record = json!({ "id": link.remote_id, "state": state(link.state) });
                (link.system.clone(), record)
            });
            let units = entity
                .agreed
                .iter()
                .map(|(unit, agreed)| (unit.clone(), value(&agreed.value)));
            let body = json!({
                "id": entity.id, "records": records.collect::<Map<_, _>>(), "conflicts": entity.conflicts.len(),
                "units": units.collect::<Map<_, _>>(),
            });
            (entity.id, body)
        };
        Ok(people.into_iter().map(body).collect())
    }

    async fn links(&self, ids: &[String]) -> Result<HashMap<String, Json>> {
        let mut wanted: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for id in ids {
            let mut parts = id.splitn(3, '/');
            if let (Some(system), Some(kind), Some(id)) = (parts.next(), parts.next(), parts.next()) {
                wanted.entry((system, kind)).or_default().push(id.into());
            }
        }
        let mut bodies = HashMap::with_capacity(ids.len());
        for ((system, kind), ids) in wanted {
            for row in self.store.links(system, kind, &ids).await? {
                let link = row.link;
                let held = link.held.is_some() || link.units.values().any(|unit| unit.held.is_some());
                let body = json!({
                    "system": system, "kind": kind, "id": link.remote_id, "entity": link.entity,
                    "state": state(link.state), "created_here": link.created_here, "held": held,
                });
                bodies.insert(format!("{system}/{kind}/{}", link.remote_id), body);
            }
        }
        Ok(bodies)
    }

    fn conflict(&self, row: ConflictRow) -> Json {
        let shown = self
            .classes
            .get(&row.unit)
            .is_some_and(|class| self.grant.allows(Some(*class)));
        let values = row.conflict.values.iter().filter(|_| shown);
        let values: Map<_, _> = values.map(|(system, of)| (system.clone(), value(of))).collect();
        json!({
            "id": row.id, "entity": row.entity, "unit": row.unit, "since": row.conflict.since, "why": row.conflict.why,
            "values": if values.is_empty() { Json::Null } else { Json::Object(values) },
        })
    }
}

/// An event as a body.
pub(crate) fn event(event: Event) -> Json {
    let what = match event.happened {
        Happened::Created => "created",
        Happened::Updated => "updated",
        Happened::Removed => "removed",
    };
    json!({
        "seq": event.seq, "id": event.id, "at": event.at, "system": event.system, "kind": event.kind,
        "record": event.remote_id, "what": what, "units": event.units, "by_bridge": event.ours,
    })
}

impl Entity {
    /// The keys of a row as an id of the store holds them.
    pub(crate) fn keys_of(&self, id: &str) -> Vec<String> {
        match &self.records {
            Records::Followed(Followed::Links) => id.splitn(3, '/').map(str::to_string).collect(),
            _ => vec![id.to_string()],
        }
    }
}

fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Live => "live",
        LinkState::Gone => "gone",
        LinkState::Merged => "merged",
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Empty => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Text(text) => text.clone().into(),
        Value::Group(parts) => json!(parts),
        Value::Set(elements) => json!(elements),
    }
}
