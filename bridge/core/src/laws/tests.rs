//! Each law is seen to be broken by a mapping that breaks it, built past the parser's own refusals.

use super::*;
use crate::codec::{Codec, Country};
use crate::mapping::EntityFile;
use crate::path::Path;

const ENTITY: &str = r#"
entity = "thing"
[[unit]]
name = "a"
type = "text"
class = "identity"
[[unit]]
name = "b"
type = "text"
class = "identity"
[[unit]]
name = "sex"
type = "code"
codes = ["male", "female"]
class = "identity"
[[unit]]
name = "tags"
type = "text"
set = true
class = "identity"
"#;

fn mapping(text: &str) -> Mapping {
    let entity = EntityFile::parse("thing.toml", ENTITY).unwrap();
    Mapping::parse("m.toml", text, &entity, Country::AU).unwrap()
}

fn moved(text: &str, unit: &str, path: &str) -> Mapping {
    let mut mapping = mapping(text);
    mapping.replace_place(unit, Path::parse(path).unwrap(), Codec::Text { number: false });
    mapping
}

fn findings(mapping: &Mapping) -> Vec<(usize, String)> {
    check_laws(mapping, 200)
        .into_iter()
        .map(|p| (p.line, p.message))
        .collect()
}

#[test]
fn a_sound_mapping_has_no_findings() {
    let sound = mapping(
        "[thing]\nkind = 'x'\na = 'list[k=1?,m!=2].v'\nb = 'list[k=2].deep.v'\nsex = { path = 'sex', codes = { male = ['M', 'm1'], female = 1 } }\ntags = { path = 'tags', separator = ';' }\n",
    );
    assert_eq!(findings(&sound), []);
}

#[test]
fn crossed_codes_break_put_get() {
    let crossed = mapping("[thing]\nkind = 'x'\n\nsex = { path = 'sex', codes = { male = 'female' } }\n");
    let found = findings(&crossed);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, 4);
    assert!(found[0].1.contains("`female` is read back as `male`"), "{found:?}");
}

#[test]
fn a_shared_place_breaks_apart() {
    let found = findings(&moved("[thing]\nkind = 'x'\na = 'x.a'\nb = 'x.b'\n", "b", "x.a"));
    assert!(
        found
            .iter()
            .any(|(line, what)| *line == 3 && what.contains("law apart")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|(line, what)| *line == 4 && what.contains("law apart")),
        "{found:?}"
    );
}

#[test]
fn overlapping_conditions_break_apart() {
    let found = findings(&moved(
        "[thing]\nkind = 'x'\na = 'l[k=1].v'\nb = 'l[k=2].v'\n",
        "b",
        "l[k=1,u=home?].v",
    ));
    assert!(found.iter().any(|(_, what)| what.contains("law apart")), "{found:?}");
}

#[test]
fn what_is_only_told_may_be_told_in_part() {
    let text = "[thing]\nkind = 'x'\nsex = { path = 'sex', direction = 'write', codes = { male = 'female' } }\n";
    assert_eq!(findings(&mapping(text)), []);
}

#[test]
fn findings_repeat() {
    let crossed = mapping("[thing]\nkind = 'x'\nsex = { path = 'sex', codes = { male = 'female' } }\n");
    assert_eq!(check_laws(&crossed, 50), check_laws(&crossed, 50));
}
