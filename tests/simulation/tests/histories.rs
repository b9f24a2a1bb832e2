//! Random histories over every profile, and the proof that a seed is a history.

use bridge_simulation::history::{Profile, play, shrink};

const SEEDS: u64 = 30;

#[test]
fn every_promise_holds_in_random_histories() {
    for profile in Profile::ALL {
        for seed in 0..SEEDS {
            let outcome = play(profile, seed);
            if let Some(first) = outcome.bad.first() {
                let steps = shrink(profile, seed, &outcome.steps, first.promise);
                let trace: Vec<String> = steps.iter().map(ToString::to_string).collect();
                panic!("{} seed {seed}: {first}\n{}", profile.name(), trace.join("\n"));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for profile in Profile::ALL {
        let (one, two) = (play(profile, 7), play(profile, 7));
        let text = |o: &bridge_simulation::history::Outcome| {
            let steps: Vec<String> = o.steps.iter().map(ToString::to_string).collect();
            (
                steps,
                format!("{:?}", o.world.entities),
                format!("{:?}", o.world.ghosts),
            )
        };
        assert_eq!(text(&one), text(&two), "{}", profile.name());
        let other = play(profile, 8);
        assert_ne!(text(&one).0, text(&other).0, "{}", profile.name());
    }
}
