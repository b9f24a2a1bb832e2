//! Histories around the real engine.

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
