//! `key`: the key that personal values are sealed with.

use crate::exit::{Exit, Failure};
use crate::output::Output;
use bridge_store::Key;
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What `key` takes.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: KeyAction,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make a new key: 64 hex digits.
    #[command(after_help = "\
Examples:
  export BRIDGE_KEY=$(halaxy-bridge key new)
  halaxy-bridge key new --out bridge.key        then key = \"file:bridge.key\" in bridge.toml

Keep a copy of the key apart from the backups of the store. Without it the store cannot be read;
the way back is then to link again from the systems, which creates nothing twice.")]
    New {
        /// Write it to this file, readable by its owner only, instead of printing it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Makes a key.
///
/// # Errors
/// If the file exists or cannot be written.
pub fn run(args: &KeyArgs, out: &Output) -> Result<Exit, Failure> {
    let KeyAction::New { out: file } = &args.action;
    let key = Key::generate();
    match file {
        None => {
            out.document(&json!({ "key": &**key.to_hex(), "id": key.id() }));
            out.line(key.to_hex().as_str());
        }
        Some(path) => {
            write_own(path, key.to_hex().as_str()).map_err(|error| {
                Failure::Failed(format!(
                    "cannot write {}: {error}; an existing key is never overwritten",
                    path.display()
                ))
            })?;
            out.document(&json!({ "file": path, "id": key.id() }));
            out.line(format!(
                "Key {} is in {}. Name it in bridge.toml: key = \"file:..\"",
                key.id(),
                path.display()
            ));
        }
    }
    Ok(Exit::Done)
}

/// Writes a secret to a new file that only its owner can read.
///
/// # Errors
/// The operating system's; also if the file is there already.
pub fn write_own(path: &Path, secret: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{secret}")
}
