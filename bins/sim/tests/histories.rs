//! The histories that every change has to survive. More of them: `cargo run --release -p sim`.

use std::process::Command;

const SEEDS: &str = "2000";

fn sim(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(args)
        .output()
        .expect("the simulator starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn whatever_happens_every_neighbour_ends_up_with_what_is_wanted() {
    let (good, said) = sim(&["--seeds", SEEDS]);
    println!("{said}");
    assert!(good, "{said}");
}

#[test]
fn a_seed_is_the_same_history_every_time() {
    let (first, second) = (sim::replay(7), sim::replay(7));
    assert!(first.1.len() > 100, "a log of {} lines", first.1.len());
    assert_eq!(first, second);
    assert_ne!(first.1, sim::replay(8).1);
    assert_eq!(sim::run(7), first.0, "a log changes nothing");
}

/// Invariants about things that never happen hold without meaning anything.
#[test]
fn everything_that_is_to_be_survived_happens() {
    let mut sum = sim::Report::default();
    for seed in 0..200 {
        sum += sim::run(seed).expect("a history of the first test");
    }
    println!("{sum}");
    let counts = [
        sum.sessions,
        sum.kills,
        sum.laggards,
        sum.refreshes,
        sum.announced,
        sum.withdrawn,
        sum.swept,
        sum.expired,
        sum.flushed,
    ];
    assert!(counts.iter().all(|count| *count > 0), "{sum}");
}
