//! What left for files and the warehouse of a person who is erased: named with what to do, and deleted where it can be.

use crate::config::Config;
use crate::exports::{self, TOLD};
use crate::times;
use bridge_engine::erase::{Elsewhere, Erasure};
use bridge_export::entities::Records;
use bridge_export::warehouse::{self, Keys, Plan, Warehouse, deletions};
use bridge_store::{Followed, Store};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of the person's rows in the warehouse.
#[derive(Debug, Default, Serialize)]
pub(super) struct Forgotten {
    /// Rows deleted, by table.
    deleted: BTreeMap<String, u64>,
    /// What a person has to run there, by table, because it could not be done.
    statements: BTreeMap<String, String>,
    /// Why not.
    trouble: Option<String>,
}

/// Keys of the person's rows.
fn keys(plan: &Plan, erasure: &Erasure) -> Keys {
    let ids = &erasure.ids;
    let of = |what: &Records| -> Vec<Vec<String>> {
        match what {
            Records::Followed(Followed::People) => vec![vec![erasure.entity.clone()]],
            Records::Followed(Followed::Links) => {
                let row =
                    |(system, kind, id): &(String, String, String)| vec![system.clone(), kind.clone(), id.clone()];
                ids.records.iter().map(row).collect()
            }
            Records::Followed(Followed::Conflicts) => ids.conflicts.iter().map(|id| vec![id.clone()]).collect(),
            Records::Followed(Followed::Mirrored { system, kind }) => {
                let own = ids.mirrored.iter().filter(|(of, is, _)| of == system && is == kind);
                own.map(|(_, _, id)| vec![id.clone()]).collect()
            }
            // The books' own records stay, and hold no names; events hold ids.
            Records::Followed(Followed::Ledger(_)) | Records::Events => vec![],
        }
    };
    let all = plan.entities.iter();
    all.map(|entity| (entity.name.clone(), of(&entity.records))).collect()
}

/// Deletes the person's rows in the warehouse; nothing if there is none. With `dry`, says what would be run.
pub(super) async fn in_warehouse(config: &Config, store: &Store, erasure: &Erasure, dry: bool) -> Option<Forgotten> {
    let settings = config.warehouse.as_ref()?;
    let plan = exports::plan(config, settings);
    let keys = keys(&plan, erasure);
    let statements = deletions(&plan, &keys);
    if dry {
        return Some(Forgotten {
            statements,
            ..Forgotten::default()
        });
    }
    let done = async {
        let url = exports::address(config, settings).map_err(|failure| failure.to_string())?;
        let mut warehouse = Warehouse::connect(url.expose_secret(), plan)
            .await
            .map_err(|error| error.to_string())?;
        // Rows about several people are written anew by that.
        warehouse.step(store).await.map_err(|error| error.to_string())?;
        let deleted = warehouse.forget(&keys).await.map_err(|error| error.to_string())?;
        let _ = warehouse.close().await;
        Ok::<_, String>(deleted)
    };
    Some(match done.await {
        Ok(deleted) => Forgotten {
            deleted,
            ..Forgotten::default()
        },
        Err(trouble) => Forgotten {
            statements,
            trouble: Some(trouble),
            ..Forgotten::default()
        },
    })
}

/// Files that the person stood in.
pub(super) fn files(erasure: &Erasure) -> impl Iterator<Item = &Elsewhere> {
    erasure.elsewhere.iter().filter(|told| told.system == TOLD)
}

/// What is left to people, in words.
pub(super) fn steps(config: &Config, erasure: &Erasure, forgotten: Option<&Forgotten>) -> Vec<String> {
    let to = |name: &str| {
        let to = config.destinations.get(name);
        to.map_or(String::new(), |to| format!(", given to {} ({})", to.name, to.country))
    };
    let mut steps = vec![];
    if let Some(done) = forgotten {
        let rows: Vec<String> = done
            .deleted
            .iter()
            .map(|(table, rows)| format!("{table} {rows}"))
            .collect();
        if done.trouble.is_none() && !done.deleted.is_empty() {
            steps.push(format!(
                "warehouse{}: rows deleted there: {}. To do: delete what was made of them, and let its backups run out.",
                to(warehouse::TOLD),
                rows.join(", ")
            ));
        }
        for (table, sql) in &done.statements {
            let to = to(warehouse::TOLD);
            steps.push(match &done.trouble {
                Some(why) => format!(
                    "warehouse{to}: rows of {table} are still there ({why}). To do: run `{}` and then `{sql};` there.",
                    config.command("warehouse once")
                ),
                None => format!("warehouse{to}: rows of {table} would be deleted there."),
            });
        }
    } else if erasure.elsewhere.iter().any(|told| told.system == warehouse::TOLD) {
        steps.push(
            "a warehouse that is no longer configured was told of the person. To do: delete their rows there.".into(),
        );
    }
    for file in files(erasure) {
        steps.push(format!(
            "{} of {} ({}){}: the person stands in it. To do: delete the file and its copies.",
            file.what,
            times::local(file.at, &config.time_zone),
            file.units.join(", "),
            to(TOLD)
        ));
    }
    steps
}
