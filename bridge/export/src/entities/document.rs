//! The tables as a page to read.

use super::Entity;
use crate::grant::word;

/// `EXPORTS.md`: every entity with its columns.
pub fn document(entities: &[Entity]) -> String {
    let mut text = String::from(
        "# What can be exported\n\n\
         Generated from `bridge/export/src/entities`; `tests/catalogue.rs` keeps it true. The first columns of an entity, in bold, tell\n\
         a row from all others. A column with a class is exported only if `[export] classes` grants the class. Health information,\n\
         free text and numbers of cards are in no table. Columns of people follow from `mappings/entities/person.toml` and\n\
         from the systems of the configuration; shown are the shipped units and a CRM named `crm`.\n",
    );
    for entity in entities {
        text.push_str(&format!("\n## {}\n\n{}\n", entity.name, entity.about));
        if let Some(kind) = entity.mirrored {
            text.push_str(&format!("Needs `{kind}` in `[mirror] kinds`.\n"));
        }
        text.push_str("\n| Column | Type | Class | What it is |\n|---|---|---|---|\n");
        for (place, column) in entity.columns.iter().enumerate() {
            let bold = if place < entity.keys { "**" } else { "" };
            text.push_str(&format!(
                "| {bold}`{}`{bold} | {} | {} | {} |\n",
                column.name,
                column.shape.word(),
                word(column.class),
                column.about.replace('|', "\\|")
            ));
        }
    }
    text
}
