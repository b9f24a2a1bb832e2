//! No query without a practice: every statement in the source names it. What that is worth is shown by the conformance
//! suite; this finds the statement that somebody adds without it.
#![allow(clippy::unwrap_used)]

use std::path::Path;

/// Text literals in order of appearance, and whether they begin a statement.
fn literals(source: &str) -> Vec<&str> {
    let mut found = vec![];
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        let mut end = start + 1;
        let bytes = rest.as_bytes();
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        found.push(&rest[start + 1..end.min(rest.len())]);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found
}

#[test]
fn every_statement_names_the_practice() {
    let mut statements = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap().replace("'\"'", "");
        let source = source.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let code = code.join("\n");
        let literals = literals(&code);
        for (place, text) in literals.iter().enumerate() {
            let begins = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "]
                .iter()
                .any(|verb| text.starts_with(verb));
            // What a session is told or asked about itself; a text that is put together of parts ends in the next ones.
            if !begins || text.contains("current_setting") || text.len() < 20 && text.trim_end().ends_with(['T', 'O']) {
                continue;
            }
            statements += 1;
            let next = literals.get(place + 1).copied().unwrap_or_default();
            let whole = if text.ends_with('(') {
                format!("{text}{next}")
            } else {
                (*text).to_string()
            };
            assert!(
                whole.contains("practice") || text.contains("pg_advisory_lock"),
                "{}: {text}",
                path.display()
            );
        }
    }
    assert!(statements > 60, "this looks at the statements: {statements}");
}
