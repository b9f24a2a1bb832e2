//! The page "what we send where": made from the configuration alone, for a privacy policy.

use crate::config::{Config, SystemConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(config: &Config, out: &Output) -> Result<Exit, Failure> {
    let page = page(config);
    let systems: Vec<_> = config
        .systems
        .values()
        .filter(|s| s.name != config.home)
        .map(|s| json!({ "system": s.name, "recipient": config.destinations.get(&s.name), "units": sent(config, s) }))
        .collect();
    out.document(&json!({ "page": page, "systems": systems }));
    out.line(page.trim_end());
    Ok(Exit::Done)
}

/// Units that a system is sent, in the order of the entity file.
fn sent(config: &Config, system: &SystemConfig) -> Vec<String> {
    let received = system
        .mapping
        .receives(&config.entity, &system.may_receive, system.name == config.home);
    let units = config.entity.units.iter().map(|spec| spec.unit.name.clone());
    units.filter(|unit| received.contains(unit)).collect()
}

fn page(config: &Config) -> String {
    let mut page = format!(
        "# What {} sends where\n\nOur practice software passes the following on, automatically and by rules that are the same for \
         everybody.\n",
        config.practice
    );
    let words = |unit: &String| unit.replace('_', " ");
    for system in config.systems.values().filter(|s| s.name != config.home) {
        let units: Vec<String> = sent(config, system).iter().map(words).collect();
        section(&mut page, config, &system.name, &format!("What: {}.", units.join(", ")));
    }
    for name in config.books.keys() {
        let what = "What: invoices and payments as our books need them, under a number instead of your name unless you are told \
                    otherwise; no diagnosis, no notes.";
        section(&mut page, config, name, what);
    }
    page.push_str(
        "\n## What is never sent\n\nClinical notes, healthcare identifiers (IHI), anything of My Health Record, and links into video \
         consultations.\n\n## Marketing\n\nYou are never signed up by default. If you opt out with us or in any message, it is \
         passed on to every system at once and stays so until you say otherwise.\n\n## Decided automatically\n\nWhich records \
         in these systems belong to the same person, and which of two differing values is right, is decided by fixed rules; \
         unclear cases by our staff. Nothing about your care is decided this way.\n",
    );
    page
}

fn section(page: &mut String, config: &Config, system: &str, what: &str) {
    match config.destinations.get(system) {
        Some(to) => {
            let _ = write!(
                page,
                "\n## {}\n\nWhat for: {}. Kept in: {}. {what}\n",
                to.name, to.purpose, to.country
            );
        }
        None => {
            let _ = write!(
                page,
                "\n## {system}\n\n(Who this is, in which country and what for is not declared: [systems.{system}.destination] in \
                 bridge.toml.) {what}\n"
            );
        }
    }
}
