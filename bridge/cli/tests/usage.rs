//! The command line without any account: help, bad usage, keys, a new configuration and its checks.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ran, client, run, run_at, run_in, sandbox};

const COMMANDS: [&str; 23] = [
    "demo",
    "sandbox",
    "init",
    "check",
    "prepare",
    "plan",
    "sync",
    "run",
    "status",
    "conflicts",
    "matches",
    "links",
    "events",
    "ledger",
    "consent",
    "privacy",
    "pause",
    "resume",
    "explain",
    "replay",
    "key",
    "store",
    "completions",
];

#[test]
fn help_names_every_command_and_every_command_shows_examples() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(
        help.stdout.contains("Exit codes: 0 done; 1 failed; 2 bad usage"),
        "{}",
        help.stdout
    );
    for command in COMMANDS {
        assert!(
            help.stdout.contains(&format!("\n  {command} ")),
            "{command} is missing: {}",
            help.stdout
        );
        let leaf = match command {
            "conflicts" => vec!["conflicts", "resolve"],
            "matches" => vec!["matches", "list"],
            "links" => vec!["links", "list"],
            "key" => vec!["key", "new"],
            "store" => vec!["store", "copy"],
            "events" => vec!["events", "list"],
            "ledger" => vec!["ledger", "settle"],
            "consent" => vec!["consent", "out"],
            "privacy" => vec!["privacy", "erase"],
            other => vec![other],
        };
        let help = run(&[leaf.as_slice(), &["--help"]].concat());
        assert_eq!(help.code, 0, "{leaf:?}");
        assert!(help.stdout.contains("Example"), "{leaf:?} shows no example");
    }
}

#[test]
fn bad_usage_ends_with_code_2() {
    for args in [
        &["no-such-command"][..],
        &["sync", "--approve"],
        &["sync", "--yes", "--approve", "x"],
        &["conflicts", "resolve", "x"],
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_missing_configuration_is_told_with_a_remedy() {
    let ran = run(&["status", "-c", "no/such/bridge.toml", "--json"]);
    assert_eq!(ran.code, 2);
    let problem = &ran.json()["problems"][0];
    assert_eq!(problem["file"], "no/such/bridge.toml");
    assert!(
        problem["remedy"].as_str().unwrap().contains("halaxy-bridge init"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("no/such/bridge.toml"));
}

#[test]
fn keys_are_new_each_time_and_never_overwritten() {
    let (one, other) = (run(&["key", "new"]), run(&["key", "new"]));
    assert_eq!(one.stdout.trim().len(), 64);
    assert!(one.stdout.trim().bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(one.stdout, other.stdout);
    assert_eq!(run(&["key", "new", "--json"]).json()["key"].as_str().unwrap().len(), 64);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.key");
    let args = ["key", "new", "--out", file.to_str().unwrap()];
    assert_eq!(run(&args).code, 0);
    let first = std::fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(run(&args).code, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
}

/// What is said of a new key can be copied into bridge.toml, from whatever folder the command was given.
#[test]
fn a_new_key_is_named_as_bridge_toml_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(run(&["init", dir.join("practice").to_str().unwrap()]).code, 0);
    let beside = run_at(dir, &["key", "new", "--out", "practice/bridge.key"]);
    assert!(beside.stdout.contains("key = \"file:bridge.key\""), "{beside:?}");
    let apart = run_at(dir, &["key", "new", "--out", "apart.key"]);
    let whole = format!("key = \"file:{}\"", dir.join("apart.key").display());
    assert!(apart.stdout.contains(&whole), "{apart:?}");
}

/// Programs read the log: every line of it is JSON, remarks and failures too, and nothing is coloured.
#[test]
fn a_log_for_programs_is_json_throughout() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(run_at(dir, &["init", "."]).code, 0);
    for args in [
        &["demo", "--exit-when-settled", "--links-out", "links.csv"][..],
        &["prepare", "nobody"],
        &["status", "-c", "no/such/bridge.toml"],
    ] {
        let ran = run_at(dir, &[args, &["--log-format", "json"]].concat());
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(!lines.is_empty(), "{args:?}: {ran:?}");
        for line in lines {
            assert!(
                serde_json::from_str::<serde_json::Value>(line).is_ok(),
                "{args:?}: {line}"
            );
        }
    }
}

fn problem(ran: &Ran, part: &str) -> serde_json::Value {
    let document = ran.json();
    assert_eq!((ran.code, &document["ok"]), (2, &serde_json::json!(false)), "{ran:?}");
    let problems = document["problems"].as_array().unwrap().clone();
    let found = problems.iter().find(|p| p.to_string().contains(part));
    found
        .unwrap_or_else(|| panic!("nothing about {part}: {problems:?}"))
        .clone()
}

#[test]
fn a_new_configuration_is_good_and_mistakes_in_it_are_found_with_file_line_and_remedy() {
    for crm in ["hubspot", "example-crm"] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let made = run(&["init", dir.to_str().unwrap(), "--crm", crm, "--json"]);
        assert_eq!(made.code, 0, "{made:?}");
        assert!(
            made.json()["written"]
                .as_array()
                .unwrap()
                .iter()
                .any(|f| f == "mappings/halaxy.toml")
        );
        let good = run_in(dir, &["check", "--offline", "--json"]);
        assert_eq!(
            (good.code, &good.json()["ok"]),
            (0, &serde_json::json!(true)),
            "{good:?}"
        );

        let config = dir.join("bridge.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace("may_receive", "may_recieve")).unwrap();
        let again = run(&["init", dir.to_str().unwrap(), "--json"]).json();
        assert_eq!(again["written"].as_array().unwrap().len(), 0, "init overwrites nothing");
        let found = problem(&run_in(dir, &["check", "--offline", "--json"]), "may_recieve");
        let line = 1 + text.lines().position(|l| l.starts_with("may_receive")).unwrap();
        assert_eq!(found["line"], line);
        assert!(found["remedy"].as_str().unwrap().contains("may_receive"), "{found}");
        std::fs::write(&config, &text).unwrap();

        // stores that there are, and one that there is not
        for (url, good) in [
            ("postgres://bridge@db.example/bridge?sslmode=verify-full", true),
            ("env:BRIDGE_STORE", true),
            ("mysql://db.example/bridge", false),
        ] {
            std::fs::write(&config, text.replace("sqlite:bridge.db", url)).unwrap();
            let checked = run_in(dir, &["check", "--offline", "--json"]);
            assert_eq!(checked.json()["ok"], good, "{url}: {checked:?}");
            if !good {
                let found = problem(&checked, "SQLite or PostgreSQL");
                assert!(found["remedy"].as_str().unwrap().contains("postgres://"), "{found}");
            }
        }
        std::fs::write(&config, &text).unwrap();

        // a broker with a password where everybody reads it
        for (queue, part) in [
            (
                "url = \"amqp://bridge:s3cret@broker.example/\"",
                "must not say who signs in",
            ),
            ("url = \"rabbit.example\"", "neither `embedded` nor"),
            (
                "url = \"amqps://broker.example/\"\npassword = \"s3cret\"",
                "must name where the secret is",
            ),
            ("url = \"embedded\"\nca = \"ca.pem\"", "takes `url` only"),
        ] {
            std::fs::write(&config, text.replace("url = \"embedded\"", queue)).unwrap();
            let checked = run_in(dir, &["check", "--offline", "--json"]);
            problem(&checked, part);
            assert!(!checked.stdout.contains("s3cret"), "{checked:?}");
        }
        std::fs::write(&config, &text).unwrap();

        // webhooks that nothing could reach, and ones that all is well with
        let section = "[systems.halaxy]\n";
        let secret = format!("{section}webhook_secret = \"file:bridge.key\"\n");
        let served = |more: &str| format!("[serve]\nlisten = \"127.0.0.1:0\"\n{more}\n{secret}");
        let public = "public_url = \"https://bridge.example/\"";
        for (lines, part) in [
            (secret.clone(), "an address that the product can call"),
            (served(""), "an address that the product can call"),
            (served("public_url = \"http://bridge.example\""), "no public address"),
            (served(public).replace("127.0.0.1:0", "8600"), "no address to listen on"),
            (
                served(public).replace("file:bridge.key", "s3cret"),
                "must name where the secret is",
            ),
            (format!("{section}webhook_path = \"env:X\"\n"), "of no use without"),
        ] {
            std::fs::write(&config, text.replace(section, &lines)).unwrap();
            let checked = run_in(dir, &["check", "--offline", "--json"]);
            let line = problem(&checked, part)["line"].as_u64().unwrap();
            assert!(line > 1, "{part}: {checked:?}");
            assert!(!checked.stdout.contains("s3cret"), "{checked:?}");
        }
        std::fs::write(&config, text.replace(section, &served(public))).unwrap();
        std::fs::write(dir.join("bridge.key"), "0123456789abcdef".repeat(4)).unwrap();
        let shown = run_in(dir, &["webhooks", "--json"]);
        let addresses = shown.json();
        assert_eq!((shown.code, addresses.as_array().unwrap().len()), (0, 8), "{shown:?}");
        assert_eq!(addresses[1]["event"], "patient-update");
        let url = addresses[1]["url"].as_str().unwrap();
        assert!(url.starts_with("https://bridge.example/webhooks/halaxy/") && url.ends_with("/patient-update"));
        assert!(
            !url.contains("0123456789abcdef"),
            "it tells nothing of the secret: {url}"
        );
        // addresses and times of the watch that are none
        for (section, part) in [
            ("[serve]\nlisten = \"everywhere\"", "no address to listen on"),
            ("[serve]\nlisten = \"127.0.0.1:8600\"\nport = 1", "port"),
            ("[alerts]\nstale_after = \"soon\"", "no length of time"),
            ("[alerts]\nbudget_share = 90.0", "between 0 and 1"),
        ] {
            std::fs::write(&config, format!("{text}\n{section}\n")).unwrap();
            let found = problem(&run_in(dir, &["check", "--offline", "--json"]), part);
            assert!(found["line"].as_u64().unwrap() > text.lines().count() as u64, "{found}");
        }
        let ends = text.replace("[systems.halaxy]", "[systems.halaxy]\ncredentials_end = \"in March\"");
        std::fs::write(&config, ends).unwrap();
        problem(&run_in(dir, &["check", "--offline", "--json"]), "no date");
        std::fs::write(&config, &text).unwrap();

        // a clinical unit that the CRM may not have
        let entities = dir.join("mappings/entities/person.toml");
        let units = std::fs::read_to_string(&entities).unwrap();
        let clinical = "\n[[unit]]\nname = \"allergy\"\ntype = \"text\"\nclass = \"clinical\"\nwins = \"review\"\nfirst_link = \"halaxy\"\nclear = \"review\"\naccept = \"no\"\n";
        std::fs::write(&entities, format!("{units}{clinical}")).unwrap();
        let mapping = dir.join(format!("mappings/{crm}.toml"));
        let places = std::fs::read_to_string(&mapping).unwrap();
        let leak = if crm == "hubspot" {
            "allergy = \"properties.allergy\""
        } else {
            "allergy = \"allergy\""
        };
        std::fs::write(
            &mapping,
            places.replacen("[person.home_address", &format!("{leak}\n\n[person.home_address"), 1),
        )
        .unwrap();
        let found = problem(&run_in(dir, &["check", "--offline", "--json"]), "allergy");
        assert!(
            found["file"].as_str().unwrap().ends_with(&format!("{crm}.toml")),
            "{found}"
        );
        assert!(
            found["line"].as_u64().unwrap() > 1 && !found["remedy"].as_str().unwrap().is_empty(),
            "{found}"
        );
        std::fs::write(&entities, &units).unwrap();

        // a unit that nobody knows
        std::fs::write(&mapping, places.replacen("email ", "emial ", 1)).unwrap();
        let found = problem(&run_in(dir, &["check", "--offline", "--json"]), "emial");
        assert!(found["remedy"].as_str().unwrap().contains("email"), "{found}");
    }
}

/// One slip leads to one finding, not to all that follows from it.
#[test]
fn a_connector_that_is_not_there_is_the_only_finding() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(run_at(dir, &["init", "."]).code, 0);
    let config = dir.join("bridge.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    for (right, wrong) in [("halaxy", "halaxi"), ("hubspot", "hubspott")] {
        let named = |name: &str| format!("connector     = \"{name}\"");
        let short = |name: &str| format!("connector   = \"{name}\"");
        let slipped = text
            .replace(&named(right), &named(wrong))
            .replace(&short(right), &short(wrong));
        assert_ne!(slipped, text);
        std::fs::write(&config, slipped).unwrap();
        let checked = run_in(dir, &["check", "--offline", "--json"]);
        let found = problem(&checked, wrong);
        assert!(
            found["remedy"].as_str().unwrap().contains(&format!("`{right}`")),
            "{found}"
        );
        assert_eq!(checked.json()["problems"].as_array().unwrap().len(), 1, "{checked:?}");
    }
}

#[test]
fn stand_ins_stay_on_this_machine_unless_they_have_a_token() {
    for args in [
        &["sandbox", "--listen", "0.0.0.0:0"][..],
        &["demo", "--listen", "0.0.0.0:0"],
        &["sandbox", "--listen", "0.0.0.0:0", "--token", "short"],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("127.0.0.1"), "{ran:?}");
    }
}

#[tokio::test]
async fn a_token_guards_the_control_api() {
    let token = "a-token-of-enough-length";
    let (_service, ends) = sandbox(&["--token", token]);
    let calls = format!("{}/calls", ends["control_url"].as_str().unwrap());
    let client = client();
    assert_eq!(client.get(&calls).send().await.unwrap().status(), 401);
    let known = client.get(&calls).header("authorization", format!("Bearer {token}"));
    assert_eq!(known.send().await.unwrap().status(), 200);
}

#[test]
fn people_that_cannot_be_read_are_told_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "id,surname\nP1,Samplewood\nP1,Testerton\n").unwrap();
    let ran = run(&["demo", "--patients", file.to_str().unwrap(), "--exit-when-settled"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("line 3") && !ran.stderr.contains("Samplewood"),
        "{ran:?}"
    );
}

#[test]
fn completions_are_scripts_of_the_shell() {
    let ran = run(&["completions", "bash"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stdout.contains("complete -F") && ran.stdout.contains("conflicts"),
        "{}",
        ran.stdout
    );
}

/// A token of some locations is for the review alone, and ids are ids.
#[test]
fn locations_are_checked_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(run_at(dir, &["init", "."]).code, 0);
    let config = dir.join("bridge.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let token = "[serve]\nlisten = \"127.0.0.1:0\"\nlocations = true\n[[api.token]]\nname = \"kiosk\"\nsecret = \"env:KIOSK\"\n";
    for (lines, wrong) in [
        (
            "actions = [\"review\"]\nlocations = [\"CL-200001\"]\nwithout_location = true\n",
            None,
        ),
        ("locations = [\"CL-200001\"]\n", Some("for the review alone")),
        ("without_location = true\n", Some("for the review alone")),
        (
            "actions = [\"review\"]\nlocations = [\"CL 1\"]\n",
            Some("must be a list of ids"),
        ),
        (
            "actions = [\"review\"]\nlocations = \"CL-1\"\n",
            Some("must be a list of ids"),
        ),
    ] {
        std::fs::write(&config, format!("{text}\n{token}{lines}")).unwrap();
        let checked = run_in(dir, &["check", "--offline", "--json"]);
        match wrong {
            None => assert_eq!(checked.json()["ok"], true, "{checked:?}"),
            Some(words) => _ = problem(&checked, words),
        }
    }
}
