//! The `codes` table of a mapping entry.

use super::entity_file::UnitSpec;
use crate::codec::Codes;
use crate::config_problem::{Keys, suggestion};
use crate::schema::UnitType;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

/// `codes = { male = "M", other = ["X", "O"] }`: canonical code, then the product's spellings.
pub(super) fn code_table(
    keys: &mut Keys<'_, '_, '_>,
    spec: &UnitSpec,
    value: &Spanned<DeValue<'_>>,
) -> Vec<(String, Vec<Json>)> {
    let remedy = "Write codes = { canonical = \"product's\", .. }, or a list of the product's spellings of which the first is written.";
    if spec.unit.kind != UnitType::Code {
        keys.note(
            value.span(),
            format!("unit `{}` is not of type code", spec.unit.name),
            "Remove `codes`.",
        );
        return Vec::new();
    }
    let Some(table) = value.get_ref().as_table() else {
        keys.note(value.span(), "`codes` must be a table", remedy);
        return Vec::new();
    };
    let mut rows = Vec::new();
    for (code, spellings) in table {
        let name: &str = code.get_ref();
        if !spec.codes.is_empty() && !spec.codes.iter().any(|known| known == name) {
            let known: Vec<&str> = spec.codes.iter().map(String::as_str).collect();
            let hint = format!(
                "{} The canonical code stands left, the product's right.",
                suggestion(name, &known)
            );
            keys.note(
                code.span(),
                format!("`{name}` is no code of unit `{}`", spec.unit.name),
                hint,
            );
        }
        let one = |value: &DeValue<'_>| match value {
            DeValue::String(text) if !text.is_empty() => Some(Json::from(text.as_ref())),
            DeValue::Integer(number) => number.as_str().parse::<i64>().ok().map(Json::from),
            _ => None,
        };
        let list: Option<Vec<Json>> = match spellings.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| one(item.get_ref())).collect(),
            single => one(single).map(|single| vec![single]),
        };
        match list {
            Some(list) if !list.is_empty() => rows.push((name.to_string(), list)),
            _ => keys.note(
                spellings.span(),
                format!("`{name}` needs a text, a number or a list of them"),
                remedy,
            ),
        }
        let so_far = Codes::new(rows.clone(), Vec::new());
        if let Some((raw, first, second)) = so_far.ambiguous()
            && second == name
        {
            let message = format!(
                "`{raw}` stands for both `{first}` and `{second}`: what is written as the one would be read as the other"
            );
            keys.note(
                spellings.span(),
                message,
                "Give every canonical code a spelling of its own.",
            );
        }
    }
    rows
}
