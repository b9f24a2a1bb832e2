//! Plays histories around the real engine: `simulate-engine [--histories N] [--seed S] [--trace]`.

use bridge_simulation_engine::history::play;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = args.iter().position(|a| a == name);
        at.and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (histories, first) = (number("--histories", 100), number("--seed", 0));
    let trace = args.iter().any(|a| a == "--trace");
    let begun = Instant::now();
    let mut broken: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut kills, mut writes, mut reads, mut faults) = (0, 0, 0, 0);
    for seed in first..first + histories {
        match play(seed).await {
            Err(e) => broken.entry(format!("the engine failed: {e}")).or_default().push(seed),
            Ok(outcome) => {
                kills += outcome.kills;
                writes += outcome.counts.0;
                reads += outcome.counts.1;
                faults += outcome.counts.2;
                for b in &outcome.bad {
                    let seeds = broken.entry(b.promise.to_string()).or_default();
                    if seeds.last() != Some(&seed) {
                        seeds.push(seed);
                    }
                    if trace {
                        println!("{seed}: {b}");
                    }
                }
                if trace && (!outcome.bad.is_empty() || histories == 1) {
                    println!("{}", outcome.trace.join("\n"));
                }
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{histories} histories in {seconds:.1} s; {kills} kills, {faults} faults, {writes} writes, {reads} reads");
    for (what, seeds) in &broken {
        println!(
            "BROKEN {what}: {} histories, first {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(12)]
        );
    }
    if broken.is_empty() {
        println!("every promise kept");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
