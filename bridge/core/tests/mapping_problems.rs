//! What is wrong in a mapping or entity file is refused with its file, line and remedy.

#![allow(clippy::unwrap_used)]

use bridge_core::codec::Country;
use bridge_core::config_problem::Problem;
use bridge_core::mapping::{EntityFile, Mapping, UnitSpec, check_privacy};
use bridge_core::schema::{Accept, Class, Wins};
use std::collections::BTreeSet;

const PERSON: &str = include_str!("../../../mappings/entities/person.toml");
const HUBSPOT: &str = include_str!("../../../mappings/hubspot.toml");

fn person() -> EntityFile {
    EntityFile::parse("entities/person.toml", PERSON).unwrap()
}

/// The findings in `[person]`, `kind`, then these lines (the first stands on line 3).
fn problems(lines: &str) -> Vec<Problem> {
    let text = format!("[person]\nkind = \"contacts\"\n{lines}\n");
    Mapping::parse("crm.toml", &text, &person(), Country::AU)
        .err()
        .unwrap_or_default()
}

#[track_caller]
fn refused(lines: &str, line: usize, message: &str, remedy: &str) {
    let found = problems(lines);
    assert_eq!(found.len(), 1, "{lines}: {found:#?}");
    let problem = &found[0];
    assert_eq!((problem.file.as_str(), problem.line), ("crm.toml", line), "{problem}");
    assert!(problem.message.contains(message), "{problem}");
    assert!(problem.remedy.contains(remedy), "{problem}");
}

#[test]
fn unknown_units_and_misspelt_keys_name_the_nearest() {
    refused(
        "\nmobil = \"m\"",
        4,
        "`mobil` is no unit of person",
        "Did you mean `mobile`?",
    );
    refused("shoe_size = \"m\"", 3, "`shoe_size` is no unit", "entities/person.toml");
    refused(
        "mobile = { path = \"m\", directon = \"read\" }",
        3,
        "`directon` is not known",
        "`direction`",
    );
    refused(
        "mobile = { path = \"m\", direction = \"reed\" }",
        3,
        "`reed` is no direction",
        "`read`",
    );
    refused(
        "mobile = { path = \"m\", write_as = \"natonal\" }",
        3,
        "cannot be written as `natonal`",
        "`national`",
    );
    refused(
        "email = { path = \"m\", write_as = \"e164\" }",
        3,
        "cannot be written",
        "Remove `write_as`",
    );
    refused("mobile = { pth = \"m\" }", 3, "`pth` is not known", "`path`");
    refused("mobile = {}", 3, "`path` is missing", "where the unit lives");
}

#[test]
fn a_file_without_the_table_or_its_kind_is_refused() {
    let parse = |text: &str| Mapping::parse("crm.toml", text, &person(), Country::AU).unwrap_err();
    let found = parse("# mine\n[persn]\nkind = 'x'\n");
    assert_eq!(
        (found[0].line, found[0].remedy.as_str()),
        (2, "Did you mean [person] instead of [persn]?")
    );
    assert!(
        parse("[person]\nemail = 'e'\n")[0]
            .message
            .contains("`kind` is missing")
    );
    assert_eq!(parse("[person]\nkind = 'x'\nemail = = 'e'\n")[0].line, 3);
}

#[test]
fn path_errors_say_column_and_expectation() {
    refused(
        "mobile = \"telecom[system=sms.value\"",
        3,
        "column 25: expected `,` or `]`, found the end",
        "path looks like",
    );
    refused("mobile = \"telecom[system=sms]\"", 3, "expected `.` and a member", "");
    refused(
        "mobile = \"a..b\"",
        3,
        "column 3: expected a member name, found `.`",
        "",
    );
    refused("mobile = \"a[b=c].b\"", 3, "a member the conditions do not fix", "");
    refused("mobile = \"a[]\"", 3, "one value, not a list", "[0]");
    refused("mobile = 3", 3, "must be a path or a table", "quotes");
}

#[test]
fn two_units_in_one_place_are_refused() {
    refused(
        "phone = \"p.phone\"\nmobile = \"p.phone\"",
        4,
        "`mobile` and `phone` (line 3) share a place",
        "place of its own",
    );
    refused(
        "phone = \"t[s=a].v\"\nmobile = \"t[s=a,u=m].v\"",
        4,
        "share a place",
        "no element can fulfil together",
    );
    refused("phone = \"t[s=a?].v\"\nmobile = \"t[u=m].v\"", 4, "share a place", "");
    refused("phone = \"t[0].v\"\nmobile = \"t[s=a].v\"", 4, "share a place", "");
    refused("phone = \"t[s=a].v\"\nmobile = \"t[u=b].s\"", 4, "share a place", "");
    refused(
        "official_name = { parts = { given = \"n\", family = \"n\" } }",
        3,
        "two parts",
        "place of its own",
    );
    assert_eq!(
        problems("phone = \"t[s=a].v\"\nmobile = \"t[s=b].v\"\nemail = \"t[s!=a,s!=b].v\""),
        []
    );
    assert_eq!(problems("phone = \"t[0].v\"\nmobile = \"t[1].v\""), []);
}

#[test]
fn groups_travel_whole_or_one_way() {
    refused(
        "official_name = \"full_name\"",
        3,
        "consists of parts",
        "given = \"..\", family = \"..\"",
    );
    refused(
        "official_name = { parts = { family = \"f\" } }",
        3,
        "lacks the part given",
        "direction",
    );
    refused(
        "official_name = { parts = { given = \"g\", famly = \"f\" }, direction = \"read\" }",
        3,
        "`famly`",
        "`family`",
    );
    assert_eq!(
        problems("official_name = { parts = { family = \"f\" }, direction = \"write\" }"),
        []
    );
    refused("email = { parts = { given = \"f\" } }", 3, "has no parts", "path");
}

#[test]
fn lossy_code_tables_are_refused() {
    refused(
        "sex = { path = \"s\", codes = { male = \"M\", other = \"X\", unknown = [\"U\", \"x\"] } }",
        3,
        "`x` stands for both `other` and `unknown`",
        "spelling of its own",
    );
    refused(
        "sex = { path = \"s\", codes = { M = \"male\" } }",
        3,
        "`M` is no code",
        "canonical code stands left",
    );
    refused(
        "email = { path = \"s\", codes = { a = \"b\" } }",
        3,
        "not of type code",
        "Remove",
    );
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    let found = problems("mobil = \"m\"\nphone = \"a[\"\nsex = { path = \"s\", directon = \"read\" }");
    assert_eq!(found.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn clinical_units_reach_no_system_by_mistake() {
    let text = format!("{PERSON}\n[[unit]]\nname = \"diagnosis\"\ntype = \"text\"\nclass = \"clinical\"\n");
    let entity = EntityFile::parse("entities/person.toml", &text).unwrap();
    let parse = |entry: &str| {
        let text = HUBSPOT.replacen("[person]\n", &format!("[person]\n{entry}\n"), 1);
        Mapping::parse("hubspot.toml", &text, &entity, Country::AU).unwrap()
    };
    let line = HUBSPOT.lines().position(|l| l == "[person]").unwrap() + 2;
    let usual = BTreeSet::from([Class::Identity, Class::Contact]);

    let mapping = parse("diagnosis = \"properties.diagnosis\"");
    let found = check_privacy(&entity, &mapping, &usual, false);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].file.as_str(), found[0].line), ("hubspot.toml", line));
    assert!(
        found[0].message.contains("`diagnosis` is of class clinical"),
        "{}",
        found[0]
    );
    assert!(!mapping.receives(&entity, &usual, false).contains("diagnosis"));
    assert!(mapping.receives(&entity, &usual, false).contains("email"));

    let all = BTreeSet::from([Class::Identity, Class::Contact, Class::Clinical]);
    assert_eq!(check_privacy(&entity, &mapping, &all, false), []);
    assert_eq!(check_privacy(&entity, &mapping, &usual, true), []);
    let read = parse("diagnosis = { path = \"properties.diagnosis\", direction = \"read\" }");
    assert_eq!(check_privacy(&entity, &read, &usual, false), []);

    let identity = BTreeSet::from([Class::Identity]);
    assert!(!mapping.receives(&entity, &identity, false).contains("email"));
}

#[test]
fn entity_files_are_checked_like_mappings() {
    let parse = |unit: &str| {
        EntityFile::parse(
            "thing.toml",
            &format!("entity = \"thing\"\n\n[[unit]]\nname = \"a\"\nclass = \"identity\"\n{unit}\n"),
        )
    };
    let found = |unit: &str| parse(unit).unwrap_err();
    assert_eq!(
        found("type = \"fone\"")[0].to_string(),
        "thing.toml:6: `fone` is no type. Did you mean `phone`?"
    );
    assert_eq!(found("")[0].message, "`type` is missing");
    assert_eq!(found("")[0].line, 3);
    assert!(found("type = \"text\"\nclaer = \"no\"")[0].remedy.contains("`clear`"));
    assert!(
        found("type = \"text\"\naccept = { person = \"yes\", unknown = \"no\" }")[0]
            .message
            .contains("`automation` is missing")
    );
    assert!(
        found("type = \"text\"\nfirst_link = \"newest\"")[0]
            .message
            .contains("first_link")
    );
    assert!(
        found("type = \"name\"\nset = true")[0]
            .message
            .contains("cannot be sets")
    );
    assert!(
        found("type = \"text\"\n[[unit]]\nname = \"a\"\nclass = \"contact\"\ntype = \"date\"")[0]
            .message
            .contains("declared twice")
    );

    let file = parse("type = \"text\"\nwins = \"halxy\"").unwrap();
    let roles = file.check_roles(&["halaxy", "crm"]);
    assert_eq!((roles[0].line, roles[0].remedy.as_str()), (7, "Did you mean `halaxy`?"));
    assert_eq!(person().check_roles(&["halaxy", "crm"]), []);
}

#[test]
fn the_shipped_policies_are_the_documented_ones() {
    let person = person();
    let halaxy = || Wins::System("halaxy".to_string());
    let consent = |spec: &&UnitSpec| matches!(spec.unit.wins, Wins::OptOut(_));
    let named: Vec<&str> = person
        .units
        .iter()
        .filter(consent)
        .map(|s| s.unit.name.as_str())
        .collect();
    let channels = ["marketing_email", "marketing_sms", "marketing_phone", "marketing_post"];
    assert_eq!(named, [&["marketing", "email_refused"], &channels[..]].concat());
    for spec in person.units.iter().filter(|spec| !consent(spec)) {
        let name = spec.unit.name.as_str();
        let reviewed = [
            "official_name",
            "preferred_name",
            "birth_date",
            "sex",
            "mobile",
            "email",
        ]
        .contains(&name);
        assert_eq!(spec.unit.wins, if reviewed { Wins::Review } else { halaxy() }, "{name}");
        assert_eq!(spec.unit.first_link, halaxy(), "{name}");
    }
    let mapping = Mapping::parse("hubspot.toml", HUBSPOT, &person, Country::AU).unwrap();
    let accepts = mapping.accepts(&person, false);
    assert_eq!(accepts["mobile"].automation, Accept::Review);
    assert_eq!(accepts["mobile"].person, Accept::Yes);
    assert_eq!(accepts["official_name"].person, Accept::Review);
    assert_eq!(accepts["halaxy_number"].person, Accept::No);
    assert_eq!(mapping.accepts(&person, true)["halaxy_number"].person, Accept::Yes);
}

#[test]
fn the_digest_moves_with_meaning_only() {
    let digest = |text: &str| {
        Mapping::parse("crm.toml", text, &person(), Country::AU)
            .unwrap()
            .digest()
    };
    let plain = digest("[person]\nkind = 'c'\nemail = 'e'\nphone = 'p'\n");
    assert_eq!(plain.len(), 64);
    assert_eq!(
        plain,
        digest("[person]\n# a comment\nphone = { path = 'p', accept = 'no' }\nemail = 'e'\nkind = 'c'\n")
    );
    for other in [
        "[person]\nkind = 'd'\nemail = 'e'\nphone = 'p'\n",
        "[person]\nkind = 'c'\nemail = 'e'\nphone = 'q'\n",
        "[person]\nkind = 'c'\nemail = 'e'\nphone = { path = 'p', write_as = 'national' }\n",
        "[person]\nkind = 'c'\nemail = 'e'\n",
    ] {
        assert_ne!(plain, digest(other), "{other}");
    }
}
