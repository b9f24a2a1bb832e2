//! Reports of calls and credits with the built program: each call once, matched by number, held where several have it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Ran, practice, run_in, stand_ins, telecom};
use serde_json::json;
use std::path::Path;

const HEADER: &str = "Recipient Number,Connection Status,Practitioner,Start,End,Credits";

fn ran(folder: &Path, args: &[&str]) -> Ran {
    run_in(folder, &[&["telehealth"], args, &["--json"]].concat())
}

fn save(folder: &Path, name: &str, rows: &[String]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    path.to_str().unwrap().to_string()
}

/// Call `n` of a month: every ninth to Miriam, every ninth to a number that two have, the rest to strangers.
fn row(n: usize) -> String {
    let number = match n % 9 {
        0 => "0491 570 001".to_string(),
        1 => "+61491570002".to_string(),
        _ => format!("03 9999 {:04}", n % 10_000),
    };
    let (day, minute) = (1 + n / 300, n % 60);
    let hour = 8 + n / 60 % 5;
    format!(
        "{number},Connected,Dr Alex Tester,{day:02}/03/2026 {hour}:{minute:02},{day:02}/03/2026 {}:{minute:02},60",
        hour + 1
    )
}

#[tokio::test]
async fn five_thousand_calls_are_imported_once_and_matched() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    let path = practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[telehealth]\nprice = \"0.22\"\n")).unwrap();
    // Beatrix and Coralie share a number.
    let (miriam, beatrix, coralie) = (control.id("P1").await, control.id("P2").await, control.id("P3").await);
    let body = control.get(&format!("records/halaxy/Patient/{coralie}")).await;
    control
        .patch(
            &format!("records/halaxy/Patient/{coralie}"),
            telecom(&body, "0491570002"),
        )
        .await;
    let planned = run_in(folder, &["plan", "--json"]);
    assert!(planned.code == 0 || planned.code == 3, "{planned:?}");

    let all: Vec<String> = (0..5_000).map(row).collect();
    let whole = save(folder, "march.csv", &all);
    let first = ran(folder, &["import", &whole]);
    assert_eq!(first.code, 3, "{first:?}");
    let first = first.json()["imported"].clone();
    assert_eq!(
        (&first["new"], &first["held"], &first["nobody"]),
        (&json!(5_000), &json!(556), &json!(3_888)),
        "{first}"
    );
    // Again, reordered, and in pieces that overlap.
    let mut reversed = all.clone();
    reversed.reverse();
    let files = [
        whole,
        save(folder, "reversed.csv", &reversed),
        save(folder, "first.csv", &all[..3_000]),
        save(folder, "second.csv", &all[2_000..]),
    ];
    for file in files {
        let again = ran(folder, &["import", &file]).json()["imported"].clone();
        assert_eq!(
            (&again["new"], &again["changed"]),
            (&json!(0), &json!(0)),
            "{file}: {again}"
        );
    }
    let calls = ran(folder, &["calls", "2026-03"]).json();
    let calls = calls["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 5_000);
    let with = |id: &str| {
        calls
            .iter()
            .filter(|call| call["who"]["party"]["patient"] == id)
            .count()
    };
    assert_eq!((with(&miriam), with(&beatrix)), (556, 0));

    // A person says whom one was with; the others wait on.
    let holds = ran(folder, &["holds"]);
    assert_eq!((holds.code, holds.json()["holds"].as_array().unwrap().len()), (3, 556));
    let call = holds.json()["holds"][0]["call"].as_str().unwrap().to_string();
    assert_eq!(ran(folder, &["assign", &call, &format!("patient/{beatrix}")]).code, 0);
    assert_eq!(ran(folder, &["holds"]).json()["holds"].as_array().unwrap().len(), 555);
    for (whom, says) in [
        ("900001", "write it like patient/900001"),
        ("patient/999999", "patient 999999"),
    ] {
        let refused = ran(folder, &["assign", &call, whom]);
        assert!(refused.code == 2 && refused.stderr.contains(says), "{refused:?}");
    }
    assert_eq!(ran(folder, &["assign", "0000", "nobody"]).code, 2);

    // What it costs: reported credits at the price, and no journals without books.
    let costs = ran(folder, &["costs", "2026-03"]);
    assert_eq!(
        (costs.code, &costs.json()["credits"]),
        (0, &json!(300_000)),
        "{costs:?}"
    );
    assert_eq!(costs.json()["costs"]["lines"][0]["estimated"], false);
    let refused = ran(folder, &["costs", "2026-03", "--post"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("`costs` and `prepaid`"),
        "{refused:?}"
    );
    // No number stands in the store's files, in rows or their names.
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("bridge.db") {
            let bytes = std::fs::read(entry.path()).unwrap();
            for mark in ["0491570002", "61491570001", "Alex Tester"] {
                assert!(
                    !bytes.windows(mark.len()).any(|part| part == mark.as_bytes()),
                    "{mark} in {:?}",
                    entry.path()
                );
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    let path = practice(folder, &ends, "hubspot");
    let rows = [row(3), "0491570009,Connected,A,SECRET,,".to_string()];
    let mixed = ran(folder, &["import", &save(folder, "mixed.csv", &rows)]);
    assert_eq!(
        (mixed.code, &mixed.json()["imported"]["new"]),
        (3, &json!(1)),
        "{mixed:?}"
    );
    assert!(
        mixed.stderr.contains("line 3, column `Start`") && !mixed.stderr.contains("SECRET"),
        "{mixed:?}"
    );
    std::fs::write(folder.join("other.csv"), "a,b\n1,2\n").unwrap();
    let other = ran(folder, &["import", folder.join("other.csv").to_str().unwrap()]);
    assert!(
        other.code == 2 && other.stderr.contains("`layout` of [telehealth]"),
        "{other:?}"
    );
    let price = ran(folder, &["costs", "2026-03"]);
    assert!(
        price.code == 2 && price.stderr.contains("price = \"0.20\""),
        "{price:?}"
    );

    // A practice's own names of columns; what is wrong with them has a line.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{text}\n[telehealth]\nprice = \"x\"\nlayout = \"own.toml\"\ncosts = \"420\"\n"),
    )
    .unwrap();
    std::fs::write(folder.join("own.toml"), "[phone.columns]\nnumbr = [\"Dialled\"]\n").unwrap();
    let bad = run_in(folder, &["check"]);
    for says in ["own.toml:2", "`price` must be a number", "one of the accounts"] {
        assert!(bad.stderr.contains(says), "{says}: {bad:?}");
    }
    std::fs::write(&path, format!("{text}\n[telehealth]\nlayout = \"own.toml\"\n")).unwrap();
    std::fs::write(
        folder.join("own.toml"),
        "[phone.columns]\nnumber = [\"Dialled\"]\nstart = [\"When\"]\n",
    )
    .unwrap();
    std::fs::write(folder.join("own.csv"), "When;Dialled\n2026-03-02 09:05;0491570009\n").unwrap();
    let own = ran(folder, &["import", folder.join("own.csv").to_str().unwrap()]);
    assert_eq!((own.code, &own.json()["imported"]["new"]), (0, &json!(1)), "{own:?}");
}
