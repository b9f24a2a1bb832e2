//! Planted bugs: small text patches of the core (or, for the order of effects, of the harness) that
//! the scenarios and histories must catch. Patches are matched without regard to white space.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One planted bug.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Its number.
    pub bug: String,
    /// What is wrong with it.
    pub what: String,
    /// The patch: file, text to find (once), text instead.
    pub edits: Vec<(String, String, String)>,
}

/// Reads every patch of a folder, in the order of their names.
///
/// # Errors
/// A file that cannot be read or understood, with its name.
pub fn patches(folder: &Path) -> Result<Vec<Planted>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    files.sort();
    files.iter().map(|f| patch(f)).collect()
}

fn patch(file: &Path) -> Result<Planted, String> {
    let wrong = |what: &str| format!("{}: {what}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(&e.to_string()))?;
    let get = |t: &toml::Table, name: &str| {
        let value = t.get(name).and_then(|v| v.as_str()).map(String::from);
        value.ok_or_else(|| wrong(&format!("`{name}` is missing")))
    };
    let edits = table
        .get("edit")
        .and_then(|e| e.as_array())
        .cloned()
        .unwrap_or_default();
    let edits = edits
        .iter()
        .filter_map(|e| e.as_table())
        .map(|e| Ok((get(e, "file")?, get(e, "find")?, get(e, "replace")?)))
        .collect::<Result<Vec<_>, String>>()?;
    if edits.is_empty() {
        return Err(wrong("no [[edit]]"));
    }
    Ok(Planted {
        bug: get(&table, "bug")?,
        what: get(&table, "what")?,
        edits,
    })
}

/// The files a patch changes, patched.
///
/// # Errors
/// A text that does not stand in its file exactly once.
pub fn apply(planted: &Planted, root: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (file, find, replace) in &planted.edits {
        let text = match files.get(file) {
            Some(text) => text.clone(),
            None => std::fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?,
        };
        let at = places(&text, find);
        let [(from, to)] = at.as_slice() else {
            return Err(format!(
                "bug {}: found {} times in {file}: {find}",
                planted.bug,
                at.len()
            ));
        };
        files.insert(file.clone(), format!("{}{replace}{}", &text[..*from], &text[*to..]));
    }
    Ok(files)
}

/// Where a text stands, white space aside.
fn places(text: &str, find: &str) -> Vec<(usize, usize)> {
    let dense: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let needle: Vec<char> = find.chars().filter(|c| !c.is_whitespace()).collect();
    if needle.is_empty() {
        return vec![];
    }
    dense
        .windows(needle.len())
        .filter(|w| w.iter().zip(&needle).all(|((_, a), b)| a == b))
        .map(|w| {
            let (last, c) = w[w.len() - 1];
            (w[0].0, last + c.len_utf8())
        })
        .collect()
}
