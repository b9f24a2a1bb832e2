//! The directed scenarios, one by one.

use bridge_simulation::scenes::{SCENES, play};

#[test]
fn every_directed_scenario_ends_as_the_rule_says() {
    let mut wrong = vec![];
    for scene in SCENES {
        let (bad, _) = play(scene);
        let bad: Vec<String> = bad.iter().map(ToString::to_string).collect();
        println!("{:<5} {}", if bad.is_empty() { "ok" } else { "WRONG" }, scene.name);
        if !bad.is_empty() {
            wrong.push(format!("{}\n  `{}`\n  {}", scene.name, scene.script, bad.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
