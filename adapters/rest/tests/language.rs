//! What is wrong with a connector file is said with its line and a remedy.
#![allow(clippy::unwrap_used)]

use adapter_rest::Connector;

const GOOD: &str = r#"name = "good"
base_url = "https://crm.example.com"

[auth]
style = "bearer"

[kinds.contacts]
full_scan = true
record = { id = "id" }

[kinds.contacts.list]
call = "GET contacts"
records = "items"
paging = { style = "offset", size = 50, total = "total" }

[kinds.contacts.read]
call = "GET contacts/{{ id }}"
"#;

/// The findings of the good file with one replacement, as `line: message | remedy`.
fn findings(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let problems = Connector::parse("my.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
    assert!(problems.iter().all(|problem| problem.file == "my.toml"));
    problems
        .iter()
        .map(|p| format!("{}: {} | {}", p.line, p.message, p.remedy))
        .collect()
}

fn one(from: &str, to: &str) -> String {
    let found = findings(from, to);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn the_shipped_connectors_and_the_small_one_are_fine() {
    assert!(Connector::parse("good.toml", GOOD).is_ok());
    for (name, text) in adapter_rest::shipped::CONNECTORS {
        let connector = Connector::parse(name, text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(connector.name, name);
    }
}

#[test]
fn misspelt_keys_are_refused_with_the_nearest() {
    assert_eq!(
        one("total = \"total\"", "totl = \"total\""),
        "14: `totl` is not known here | Did you mean `total`?"
    );
    assert_eq!(
        one("full_scan = true", "full_scan = true\nuniqe = [\"email\"]"),
        "9: `uniqe` is not known here | Did you mean `unique`?"
    );
    assert_eq!(
        one("style = \"bearer\"", "style = \"bearer\"\ntokn = \"x\""),
        "6: `tokn` is not known here | Did you mean `token`?"
    );
    assert_eq!(
        one("[kinds.contacts.read]", "[kinds.contacts.creat]\n[kinds.contacts.read]"),
        "16: `creat` is not known here | Did you mean `create`?"
    );
    assert_eq!(
        one("style = \"offset\"", "style = \"ofset\""),
        "14: `ofset` is no style | Did you mean `offset`?"
    );
}

#[test]
fn templates_may_only_name_what_is_there() {
    assert_eq!(
        one("{{ id }}", "{{ idd }}"),
        "17: `idd` is nothing that can stand here | Did you mean `id`?"
    );
    assert!(
        one(
            "records = \"items\"",
            "records = \"items\"\nquery = { offset = \"{{ page.ofset }}\" }"
        )
        .starts_with("14: `page.ofset`")
    );
    assert!(one("{{ id }}", "{{ id").starts_with("17: "));
    assert!(one("{{ id }}", "{{ id | }}").starts_with("17: "));
    assert!(one("{{ id }}", "{{ id | no_such_filter }}").starts_with("17: "));
}

#[test]
fn missing_parts_are_named() {
    assert!(one("[kinds.contacts.read]\ncall = \"GET contacts/{{ id }}\"\n", "").contains("`read` is missing"));
    assert!(one("full_scan = true\n", "").contains("either `changes` or `full_scan = true`"));
    assert!(one("records = \"items\"\n", "").starts_with("11: `records` is missing"));
    assert!(one("style = \"bearer\"\n", "").starts_with("4: `style` is missing"));
    assert!(one("[auth]\nstyle = \"bearer\"\n", "").contains("`[auth]` is missing"));
    assert!(one("call = \"GET contacts\"\n", "").starts_with("11: `call` is missing"));
    assert!(one("name = \"good\"\n", "").contains("`name` is missing"));
}

#[test]
fn contradictions_and_half_sentences_are_found() {
    let with_read = |more: &str| format!("call = \"GET contacts/{{{{ id }}}}\"\n{more}");
    let read = "call = \"GET contacts/{{ id }}\"\n";
    assert!(one(read, &with_read("batch = 10\n")).contains("a batch needs `item`"));
    assert!(one(read, &with_read("limit = \"search\"\n")).contains("limit group `search`"));
    assert!(one(read, &with_read("[kinds.contacts.create]\ncall = \"POST contacts\"\n")).contains("new record's id"));
    let guarded = with_read("[kinds.contacts.update]\ncall = \"PUT contacts/{{ id }}\"\nguard = \"version\"\n");
    assert!(one(read, &guarded).contains("needs `record.version`"));
    let found = with_read("[kinds.contacts.find]\ncall = \"GET contacts\"\nrecords = \"items\"\n");
    assert!(one(read, &found).contains("needs `record.reference`"));
    let feed = "[kinds.contacts.changes]\noverlap = \"1m\"\ncall = \"GET contacts\"\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let both = findings(read, &with_read(feed));
    assert!(
        both.iter()
            .any(|finding| finding.contains("either `changes` or `full_scan")),
        "{both:#?}"
    );
    assert!(
        both.iter()
            .any(|finding| finding.starts_with("18: the call never says since when")),
        "{both:#?}"
    );
    let rule = "[[errors]]\nmeans = \"taken\"\n\n[kinds.contacts]\n";
    assert!(one("[kinds.contacts]\n", rule).starts_with("7: this rule would match every error"));
}

#[test]
fn values_of_the_wrong_sort_are_found_where_they_stand() {
    assert!(one("size = 50", "size = 0").starts_with("14: `size` must be a whole number above 0"));
    assert!(one("size = 50", "size = \"50\"").starts_with("14: `size` must be a whole number"));
    let flag = findings("full_scan = true", "full_scan = \"yes\"");
    assert!(flag[0].contains("`full_scan`"), "{flag:#?}");
    assert!(one("full_scan = true", "full_scan = true\nlag = \"soon\"").starts_with("9: `soon` is no length of time"));
    assert!(
        one("GET contacts/{{ id }}", "FETCH contacts/{{ id }}")
            .starts_with("17: `FETCH contacts/{{ id }}` is no request line")
    );
    assert!(one("records = \"items\"", "records = \"items..x\"").starts_with("13: `items..x` is no place"));
    assert!(
        one(
            "[kinds.contacts]\n",
            "[[errors]]\nstatus = 4099\nmeans = \"gone\"\n[kinds.contacts]\n"
        )
        .starts_with("8: `4099` is no HTTP status")
    );
    let syntax = findings("base_url = \"https", "base_url = = \"https");
    assert!(syntax.iter().all(|finding| finding.starts_with("2: ")), "{syntax:#?}");
}

#[test]
fn all_findings_are_told_at_once_in_order() {
    let text = GOOD
        .replace("size = 50", "sise = 50")
        .replace("style = \"bearer\"", "style = \"bear\"")
        .replace("{{ id }}", "{{ ide }}");
    let problems = Connector::parse("my.toml", &text).unwrap_err();
    assert_eq!(
        problems.iter().map(|problem| problem.line).collect::<Vec<_>>(),
        [5, 14, 17]
    );
}
