//! Files that people name, read and checked.

use crate::exit::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bridge_core::care::Attachment;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Reads files that are to be attached.
///
/// # Errors
/// [`Failure::Usage`] for the first that is not taken, before anything is sent.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Attachment>, Failure> {
    let one = |path: &PathBuf| {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        Attachment::of(&name, bytes).map_err(|bad| Failure::Usage(format!("{shown} {bad}")))
    };
    paths.iter().map(one).collect()
}

/// As Halaxy takes them.
pub(super) fn sent(files: &[Attachment]) -> Json {
    let one = |file: &Attachment| json!({"contentType": file.media, "title": file.title, "data": STANDARD.encode(&file.bytes)});
    files.iter().map(one).collect()
}

/// What a file of a record is told apart by.
pub(super) fn mark(record: &str, file: &Attachment) -> String {
    let contents = Sha256::digest(&file.bytes);
    let whole = Sha256::new()
        .chain_update(format!("file {record} "))
        .chain_update(contents)
        .finalize();
    bridge_core::hex(&whole[..16])
}
