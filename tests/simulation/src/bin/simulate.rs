//! Plays random histories and reports broken promises with a shrunk, readable trace.
//!
//! `simulate [--histories N] [--seed S] [--profile NAME|all] [--trace] [--show]`
//!
//! `--trace` tries several seeds for the shortest trace, `--show` prints the entities at its end.

use bridge_simulation::history::{Profile, play, replay, shrink};
use bridge_simulation::promise::Promise;
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
