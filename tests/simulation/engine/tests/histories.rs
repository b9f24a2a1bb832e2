//! Histories around the real engine.

use bridge_simulation::promise::Promise;
use bridge_simulation_engine::history::play;

const SEEDS: u64 = 12;

#[tokio::test(flavor = "current_thread")]
async fn every_promise_holds_around_the_real_engine() {
    for seed in 0..SEEDS {
        let outcome = play(seed).await.unwrap();
        let bad: Vec<String> = outcome.bad.iter().map(ToString::to_string).collect();
        assert!(
            bad.is_empty(),
            "seed {seed}:\n{}\n{}",
            bad.join("\n"),
            outcome.trace.join("\n")
        );
    }
}

/// The promise of consent by itself: whoever said out last is out in every record of theirs once faults stop, though calls
/// were lost, landed late, and the bridge was killed at any of them.
#[tokio::test(flavor = "current_thread")]
async fn an_opt_out_is_everywhere_whatever_goes_wrong() {
    for seed in 100..100 + SEEDS {
        let outcome = play(seed).await.unwrap();
        let opted_out = outcome.bad.iter().filter(|b| b.promise == Promise::OptOut);
        let bad: Vec<String> = opted_out.map(ToString::to_string).collect();
        assert!(
            bad.is_empty(),
            "seed {seed}:\n{}\n{}",
            bad.join("\n"),
            outcome.trace.join("\n")
        );
    }
}
