//! `init`: a configuration to start from, with the shipped mappings and connectors beside it.

use crate::config::SHIPPED_MAPPINGS;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What `init` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge init practice
  halaxy-bridge init practice --crm example-crm     any other REST CRM, described by a file

Nothing that exists is overwritten. What stands in mappings/ and connectors/ wins over what is
inside the program; delete a file there to follow the program's own again.")]
pub struct InitArgs {
    /// The folder; it is made if it is missing.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Which CRM the configuration is for.
    #[arg(long, value_enum, default_value_t)]
    pub crm: InitCrm,
}

/// The shipped connectors of CRMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InitCrm {
    /// HubSpot.
    #[default]
    Hubspot,
    /// A plain REST CRM, to be described by your own copy of a file.
    ExampleCrm,
}

const CONFIG: &str = include_str!("../../templates/bridge.toml");
const HUBSPOT: &str = include_str!("../../templates/crm-hubspot.toml");
const EXAMPLE: &str = include_str!("../../templates/crm-example.toml");
/// The posting rules that `init` writes, commented.
pub const LEDGER: &str = include_str!("../../templates/ledger.toml");
const IGNORE: &str = "# Secrets and personal data do not belong into version control.\n*.key\n*.secret\nbridge.db*\n";

/// Writes the files that are not there yet.
///
/// # Errors
/// [`Failure::Failed`] if the folder cannot be written.
pub fn run(args: &InitArgs, out: &Output) -> Result<Exit, Failure> {
    let (mut written, mut kept) = (vec![], vec![]);
    for (name, text) in files(args.crm) {
        let path = args.dir.join(&name);
        let new = write_new(&path, &text)
            .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))?;
        if new { written.push(name) } else { kept.push(name) }
    }
    out.document(&json!({ "dir": args.dir, "written": written, "kept": kept }));
    for name in &written {
        out.line(format!("wrote {}", args.dir.join(name).display()));
    }
    for name in &kept {
        out.line(format!("kept  {} (it was there)", args.dir.join(name).display()));
    }
    let config = args.dir.join("bridge.toml");
    out.line(format!(
        "\nNext:\n  1. edit {config}\n  2. give it a key:        halaxy-bridge key new --out {key}\n  3. check it:             halaxy-bridge check -c {config}\n  \
         4. prepare the CRM:      halaxy-bridge prepare crm -c {config}\n  5. see what would happen: halaxy-bridge plan -c {config}\n  \
         6. approve and do it:    halaxy-bridge sync -c {config} --approve DIGEST\n  7. keep in step:         halaxy-bridge run -c {config}",
        config = config.display(),
        key = args.dir.join("bridge.key").display(),
    ));
    Ok(Exit::Done)
}

/// Every file with its path inside the folder.
fn files(crm: InitCrm) -> Vec<(String, String)> {
    let crm = match crm {
        InitCrm::Hubspot => HUBSPOT,
        InitCrm::ExampleCrm => EXAMPLE,
    };
    let mut files = vec![
        ("bridge.toml".to_string(), CONFIG.replace("# CRM\n", crm)),
        ("ledger.toml".into(), LEDGER.into()),
        (".gitignore".into(), IGNORE.into()),
    ];
    files.extend(
        SHIPPED_MAPPINGS
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string())),
    );
    files.extend(
        adapter_rest::shipped::CONNECTORS
            .iter()
            .map(|(name, text)| (format!("connectors/{name}.toml"), text.to_string())),
    );
    files
}

/// Writes a file unless it is there; whether it did.
fn write_new(path: &Path, text: &str) -> std::io::Result<bool> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => std::io::Write::write_all(&mut file, text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{CONFIG, LEDGER};
    use bridge_core::ledger::Rules;
    use bridge_core::ledger::rules::{Mode, PayerType};

    /// With the examples in force: lines that start with # and no blank.
    fn with_examples(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with([' ', '#']) && !rest.is_empty() => rest.to_owned(),
            _ => line.to_owned(),
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_posting_rules_of_the_template_are_good_with_and_without_the_examples() {
        let plain = Rules::parse("ledger.toml", LEDGER).unwrap();
        assert_eq!(plain.mode(PayerType::Patient), Mode::Summary);
        assert_eq!(plain.mode(PayerType::Medicare), Mode::Invoice);
        assert!(plain.practitioner.is_empty() && plain.settlement.is_empty());
        let all = Rules::parse("ledger.toml", &with_examples(LEDGER)).unwrap();
        assert_eq!((all.practitioner.len(), all.practitioner[0].fee.len()), (1, 1));
        assert_eq!(
            (all.settlement.len(), all.tracking.len(), all.organisation.len()),
            (2, 2, 1)
        );
        assert_eq!(all.rule.len(), plain.rule.len() + 1);
        assert_eq!(all.accounts.opening.as_deref(), Some("970"));
    }

    #[test]
    fn every_key_of_the_posting_rules_is_in_the_template() {
        let all = Rules::parse("ledger.toml", &with_examples(LEDGER)).unwrap();
        let told = serde_json::to_value(&all).unwrap();
        for key in told.as_object().unwrap().keys() {
            let there = |line: &str| {
                let line = line.trim_start_matches(['#', '[']);
                line.strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
            };
            assert!(LEDGER.lines().any(there), "{key}");
        }
    }

    #[test]
    fn bridge_toml_shows_how_the_ledger_is_switched_on() {
        for line in ["# [systems.books]", "# [ledger]", "# rules    = \"ledger.toml\""] {
            assert!(CONFIG.lines().any(|l| l == line), "{line}");
        }
    }
}
