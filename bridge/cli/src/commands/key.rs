//! `key`: the key that personal values are sealed with.

use crate::args::ConfigArg;
use crate::config::SecretRef;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, wiring};
use bridge_engine::lookup;
use bridge_store::Key;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
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
    /// Seal everything with a new key, and index it again.
    #[command(after_help = "\
Examples:
  halaxy-bridge key new --out new.key
  halaxy-bridge key rotate --to file:new.key      then name new.key in bridge.toml

Stop the service first. Killed in the middle, the old key still opens everything.")]
    Rotate {
        /// Where the new key is: env:NAME or file:PATH.
        #[arg(long, value_name = "REFERENCE")]
        to: String,
        /// Which configuration.
        #[command(flatten)]
        config: ConfigArg,
    },
}

/// Makes a key, or changes the store's key.
///
/// # Errors
/// If the file exists or cannot be written; if a key is wrong or the store is in use.
pub async fn run(args: &KeyArgs, out: &Output) -> Result<Exit, Failure> {
    match &args.action {
        KeyAction::New { out: file } => new(file.as_deref(), out),
        KeyAction::Rotate { to, config } => rotate(to, config, out).await,
    }
}

async fn rotate(to: &str, config: &ConfigArg, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(config)?;
    let reference = SecretRef::parse(to)
        .ok_or_else(|| Failure::Usage("--to names where the new key is: env:NAME or file:PATH".into()))?;
    let text = reference.load().map_err(Failure::Usage)?;
    let key = Key::parse(text.expose_secret()).map_err(|e| Failure::Usage(format!("the new key: {e}")))?;
    let (old, _lock) = wiring::drive(&config).await?;
    let before = old.key_id().to_string();
    let store = old.rotate(&key, lookup::keys, lookup::names).await?;
    out.document(&json!({ "rotated": true, "from": before, "to": store.key_id() }));
    out.line(format!(
        "Everything is sealed with key {} now. Name it in bridge.toml: key = \"{}\", and destroy key {before} with its copies.",
        store.key_id(),
        match &reference {
            SecretRef::File(path) => reference_to(path, config.path.parent()),
            SecretRef::Env(_) => to.to_string(),
        }
    ));
    Ok(Exit::Done)
}

fn new(file: Option<&Path>, out: &Output) -> Result<Exit, Failure> {
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
                "Key {} is in {}. Name it in bridge.toml: key = \"{}\"",
                key.id(),
                path.display(),
                reference_to(path, path.parent())
            ));
        }
    }
    Ok(Exit::Done)
}

/// How a bridge.toml in `folder` names a file: paths in it are relative to it. The whole path where none is there,
/// or the file is elsewhere.
fn reference_to(file: &Path, folder: Option<&Path>) -> String {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let file = whole(file);
    let folder = folder.map(|folder| {
        whole(if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        })
    });
    let beside = folder
        .filter(|folder| folder.join("bridge.toml").exists())
        .and_then(|folder| file.strip_prefix(folder).ok());
    format!("file:{}", beside.unwrap_or(&file).display())
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
