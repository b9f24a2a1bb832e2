//! Everything that is held of one person, for that person.

use super::register;
use crate::commands;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{times, wiring};
use adapter_halaxy::HalaxyMirror;
use adapter_kit::mirror::MirrorRules;
use bridge_core::Entity;
use bridge_engine::consent::{log, standings};
use bridge_store::{AuditEntry, Loser, Mirrored, Store};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Mirrored rows read at once.
const PAGE: usize = 500;

pub(super) async fn run(config: &Config, person: &str, folder: &Path, out: &Output) -> Result<Exit, Failure> {
    let engine = wiring::desk(config).await?;
    let store = engine.store();
    let id = commands::entity_of(store, config, person).await?;
    let found = store.entities(std::slice::from_ref(&id)).await?.pop();
    let entity = found.ok_or_else(|| Failure::Usage(format!("there is no entity {id}")))?;
    let history = store.audit(&id).await?;
    let losers = store.losers(&id).await?;
    let mirrored = mirrored(config, store, &entity).await?;
    let schema = &engine.settings().schema;
    let disclosures: Vec<Json> = history
        .iter()
        .filter(|e| e.tells().is_some())
        .map(|e| register::line(config, e))
        .collect();
    let document = json!({
        "practice": config.practice,
        "made": times::iso(times::now()),
        "entity": id,
        "records": entity.links.values().map(|l| json!({
            "system": l.system, "kind": l.kind, "id": l.remote_id, "state": l.state, "created_by_the_bridge": l.created_here,
            "values": l.seen(),
        })).collect::<Vec<_>>(),
        "agreed": entity.agreed.iter().map(|(unit, a)| (unit.clone(), json!({ "value": a.value, "from": a.origin })))
            .collect::<serde_json::Map<_, _>>(),
        "consent": standings(schema, &entity),
        "opt_outs": log(schema, &history),
        "open_questions": entity.conflicts.iter().map(|(unit, c)| json!({
            "unit": unit, "values": c.values, "why": c.why, "since": times::iso(c.since),
        })).collect::<Vec<_>>(),
        "planned": entity.writes.values().map(|w| json!({ "system": w.system, "values": w.values })).collect::<Vec<_>>(),
        "overruled": losers.iter().map(|l| json!({
            "unit": l.unit, "system": l.system, "value": l.value, "why": l.why, "at": times::iso(l.at), "until": times::iso(l.until),
        })).collect::<Vec<_>>(),
        "disclosures": disclosures,
        "history": history.iter().map(|e| json!({
            "at": times::iso(e.at), "event": e.event, "system": e.system, "units": e.units, "reason": e.reason, "values": e.body,
        })).collect::<Vec<_>>(),
        "records_beside": mirrored.iter().map(|m| json!({ "kind": m.kind, "id": m.id, "gone": m.gone, "body": m.body }))
            .collect::<Vec<_>>(),
    });
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::Failed(error.to_string()))?;
    write_new(&folder.join("held.json"), &text)?;
    let page = page(config, &entity, (&history, &losers, &mirrored), &disclosures);
    write_new(&folder.join("held.md"), &page)?;
    out.document(&json!({ "entity": id, "files": ["held.md", "held.json"], "dir": folder }));
    out.line(format!(
        "Wrote held.md and held.json into {}: personal values. Hand them over safely, then delete the folder.",
        folder.display()
    ));
    Ok(Exit::Done)
}

/// Records beside people that name this person; of those about several, what is about the others is left out.
async fn mirrored(config: &Config, store: &Store, entity: &Entity) -> Result<Vec<Mirrored>, Failure> {
    let mut all = vec![];
    let Some(link) = entity.links.get(&config.home) else {
        return Ok(all);
    };
    let mut seq = 0;
    loop {
        let rows = store.mirrored_after(&config.home, "", seq, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        seq = last.seq;
        for mut row in rows {
            let mut people = HalaxyMirror.people(&row.kind, &row.body);
            if people.remove(&link.remote_id) {
                bridge_engine::erase::without(&mut row.body, HalaxyMirror.person_kind(), &people);
                all.push(row);
            }
        }
    }
}

type Kept<'a> = (&'a [AuditEntry], &'a [Loser], &'a [Mirrored]);

fn page(config: &Config, entity: &Entity, (history, losers, mirrored): Kept<'_>, disclosures: &[Json]) -> String {
    let mut page = format!(
        "# What is held about you\n\nBy {}'s bridge between its practice software and other systems, on {}.\n\n## Your \
         records\n\n",
        config.practice,
        times::local(times::now(), &config.time_zone)
    );
    for link in entity.links.values() {
        let _ = writeln!(page, "### {} ({} {})\n", link.system, link.kind, link.remote_id);
        for (unit, value) in link.seen() {
            if !value.is_empty() {
                let _ = writeln!(page, "- {}: {}", unit.replace('_', " "), value.to_line());
            }
        }
        page.push('\n');
    }
    page.push_str("## Who was told what\n\n");
    for line in disclosures {
        let units: Vec<String> = line["units"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|unit| Some(unit.as_str()?.replace('_', " ")))
            .collect();
        let purpose = line["purpose"]
            .as_str()
            .map_or(String::new(), |p| format!(" (for: {p})"));
        let _ = writeln!(
            page,
            "- {}: {} was told {}{purpose}",
            line["at"].as_str().unwrap_or_default(),
            line["recipient"]
                .as_str()
                .or(line["system"].as_str())
                .unwrap_or_default(),
            units.join(", ")
        );
    }
    page.push_str("\n## Values that were overruled and are kept for a while\n\n");
    for loser in losers {
        let _ = writeln!(
            page,
            "- {} of {}: {} (until {})",
            loser.unit.replace('_', " "),
            loser.system,
            loser.value.to_line(),
            times::iso(loser.until)
        );
    }
    page.push_str("\n## Open questions\n\n");
    for (unit, conflict) in &entity.conflicts {
        for (system, value) in &conflict.values {
            let _ = writeln!(page, "- {}: {} has {}", unit.replace('_', " "), system, value.to_line());
        }
    }
    let _ = write!(
        page,
        "\n## Further\n\n- {} lines of history and {} appointments, referrals and the like: see held.json.\n",
        history.len(),
        mirrored.len()
    );
    page
}

/// Writes a file that was not there, for its owner alone.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}
