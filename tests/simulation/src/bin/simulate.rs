//! Plays random histories and reports broken promises with a shrunk, readable trace.
//!
//! `simulate [--histories N] [--seed S] [--profile NAME|all] [--trace] [--show]`
//! `simulate --until-broken N`: the scenarios, then histories up to the first broken promise; one line.
//!
//! `--trace` tries several seeds for the shortest trace, `--show` prints the entities at its end.

use bridge_simulation::history::{Profile, play, replay, shrink};
use bridge_simulation::promise::Promise;
use bridge_simulation::scenes::{self, SCENES};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1).cloned()
    };
    let number = |name: &str, default: u64| value(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    let (histories, first) = (number("--histories", 1000), number("--seed", 0));
    let profiles: Vec<Profile> = match value("--profile").as_deref() {
        None | Some("all") => Profile::ALL.to_vec(),
        Some(name) => match Profile::named(name) {
            Some(profile) => vec![profile],
            None => {
                let all: Vec<String> = Profile::ALL.iter().map(|p| p.name()).collect();
                eprintln!("no profile `{name}`; there are: {}", all.join(", "));
                return ExitCode::from(2);
            }
        },
    };
    if let Some(most) = value("--until-broken").and_then(|v| v.parse().ok()) {
        return until_broken(most, first, &profiles);
    }
    let begun = Instant::now();
    let mut broken: BTreeMap<Promise, Vec<(Profile, u64)>> = BTreeMap::new();
    let mut cells: BTreeMap<String, u64> = BTreeMap::new();
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    let mut played = 0;
    for seed in first..first + histories {
        for profile in &profiles {
            let outcome = play(*profile, seed);
            played += 1;
            let mut promises: Vec<Promise> = outcome.bad.iter().map(|b| b.promise).collect();
            promises.sort();
            promises.dedup();
            for promise in promises {
                broken.entry(promise).or_default().push((*profile, seed));
            }
            for (cell, n) in &outcome.world.cells {
                *cells.entry(cell.clone()).or_default() += n;
            }
            let c = outcome.world.counts;
            for (name, n) in [
                ("writes", c.writes),
                ("creates", c.creates),
                ("reads", c.reads),
                ("guards", c.guards),
                ("pages", c.pages),
                ("faults", c.faults),
                ("conflicts", c.conflicts),
                ("decisions", c.decisions),
                ("decisions on an old screen", c.stale_decisions),
                ("removal cards", c.removal_cards),
                ("edits overwritten in the window", c.overwrites),
                ("of these shown", c.overwrites_shown),
                ("late landings", c.late_landings),
                ("creates a person looked into", c.doubtful),
            ] {
                *sums.entry(name).or_default() += n;
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{played} histories in {seconds:.1} s ({:.0} per second)",
        f64::from(played) / seconds
    );
    for (name, n) in &sums {
        println!("  {n:>9}  {name}");
    }
    println!("decision table: {} cells met", cells.len());
    for (cell, n) in &cells {
        println!("  {n:>9}  {cell}");
    }
    if broken.is_empty() {
        println!("every promise kept");
        return ExitCode::SUCCESS;
    }
    for (promise, at) in &broken {
        println!(
            "BROKEN {promise}: {} histories, first {:?}",
            at.len(),
            &at[..at.len().min(6)]
        );
        // The seed whose steps shrink furthest tells the most; a few are tried.
        let traces = at.iter().take(if args.iter().any(|a| a == "--trace") { 4 } else { 1 });
        let shortest = traces
            .map(|(profile, seed)| {
                let outcome = play(*profile, *seed);
                (*profile, *seed, shrink(*profile, *seed, &outcome.steps, *promise))
            })
            .min_by_key(|(_, _, steps)| steps.len());
        if let Some((profile, seed, steps)) = shortest {
            println!("  {} --seed {seed}, {} steps:", profile.name(), steps.len());
            for step in &steps {
                println!("    {step}");
            }
            let end = replay(profile, seed, &steps, args.iter().any(|a| a == "--show"));
            for b in &end.bad {
                println!("    => {b}");
            }
            if args.iter().any(|a| a == "--show") {
                println!("{:?}\n{}", end.world.schema.units, end.world.tell());
            }
        }
    }
    ExitCode::FAILURE
}

/// What catches a planted bug: scenarios, and the first history.
fn until_broken(most: u64, first: u64, profiles: &[Profile]) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let mut scenes = vec![];
    for scene in SCENES {
        let bad = std::panic::catch_unwind(|| scenes::play(scene).0);
        if bad.is_err() || bad.is_ok_and(|b| !b.is_empty()) {
            scenes.push(scene.name.split(' ').next().unwrap_or_default());
        }
    }
    let mut history = None;
    for n in 0..most {
        let profile = profiles[(n % profiles.len() as u64) as usize];
        let seed = first + n / profiles.len() as u64;
        let bad = std::panic::catch_unwind(|| play(profile, seed).bad);
        let what = match bad {
            Err(_) => "the core panics".to_string(),
            Ok(bad) if bad.is_empty() => continue,
            Ok(bad) => bad[0].promise.to_string(),
        };
        history = Some(format!("after {} histories ({what}, {} {seed})", n + 1, profile.name()));
        break;
    }
    let by_scenes = match scenes.len() {
        0 => "by no scenario".to_string(),
        _ => format!("by scenarios {}", scenes.join(" ")),
    };
    match history {
        None if scenes.is_empty() => println!("nothing broken in {} scenarios and {most} histories", SCENES.len()),
        None => println!("caught {by_scenes}, by none of {most} histories"),
        Some(history) => println!("caught {by_scenes}, {history}"),
    }
    ExitCode::SUCCESS
}
