//! Every target on its seeds, and on what becomes of these when octets change.

use std::fs;
use std::path::{Path, PathBuf};

use bgp_fuzz::{TARGETS, Target, seeds};

/// Mutations of the seeds of one target. The same ones each time; `FUZZ_SMOKE_RUNS` asks for more.
fn runs() -> u64 {
    let asked = std::env::var("FUZZ_SMOKE_RUNS").ok();
    asked.map_or(3000, |runs| {
        runs.parse().expect("FUZZ_SMOKE_RUNS is a number")
    })
}

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn seeds_in_the_repository_are_those_that_are_made() {
    for (name, _) in TARGETS {
        let folder = fuzz_folder().join("seeds").join(name);
        let made = seeds::of(name);
        assert!(!made.is_empty(), "{name} has no seeds");
        let files = fs::read_dir(&folder)
            .expect("run `cargo run -p fuzz-smoke`")
            .count();
        assert_eq!(files, made.len(), "{name}: run `cargo run -p fuzz-smoke`");
        for (seed, data) in made {
            let there =
                fs::read(folder.join(seed)).unwrap_or_else(|e| panic!("{name}/{seed}: {e}"));
            assert!(
                there == data,
                "{name}/{seed}: run `cargo run -p fuzz-smoke`"
            );
        }
    }
}

#[test]
fn every_target_has_a_libfuzzer_binary() {
    let mut files: Vec<_> = fs::read_dir(fuzz_folder().join("fuzz_targets"))
        .expect("the folder is there")
        .map(|file| {
            file.expect("it can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let mut names = TARGETS.map(|(name, _)| format!("{name}.rs"));
    names.sort();
    assert_eq!(files, names);
}

/// One test for each target, so that they run side by side and a failure names its target.
macro_rules! smoke {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            smoke(stringify!($name), bgp_fuzz::$name);
        }
    )*};
}

smoke! { framing open notification route_refresh update view_owned round_trip split pack session }

fn smoke(name: &str, target: Target) {
    let seeds = committed(name);
    target(&[]);
    seeds.iter().for_each(|seed| target(seed));
    for run in 0..runs() {
        let data = mutated(&seeds, run);
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            let path = std::env::temp_dir().join(format!("fuzz-smoke-{name}-{run}"));
            fs::write(&path, &data).expect("the finding can be kept");
            panic!(
                "run {run}; again: cargo run -p fuzz-smoke -- {name} {}",
                path.display()
            );
        }
    }
}

/// The seeds as they are in the repository, in the order of their names: what the crates write by now may be wrong.
fn committed(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(fuzz_folder().join("seeds").join(name)).expect("the folder is there");
    let mut paths: Vec<PathBuf> = files
        .map(|file| file.expect("it can be read").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("it can be read"))
        .collect()
}

/// A seed with one to eight changes.
fn mutated(seeds: &[Vec<u8>], run: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(run);
    let mut data = rng.choice(seeds).expect("there are seeds").clone();
    for _ in 0..rng.usize(1..=8) {
        change(&mut data, seeds, &mut rng);
    }
    data
}

fn change(data: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut fastrand::Rng) {
    let at = rng.usize(..=data.len());
    match rng.u8(..6) {
        0 if at < data.len() => data[at] ^= 1 << rng.u8(..8),
        1 if at < data.len() => data[at] = rng.u8(..),
        // The values at which lengths and counts turn over.
        2 if at < data.len() => {
            let turns = [0, 1, 4, 32, 33, 127, 128, 254, 255];
            data[at] = turns[rng.usize(..turns.len())];
        }
        3 => data.insert(at, rng.u8(..)),
        4 => drop(data.drain(at..data.len().min(at + rng.usize(..8)))),
        _ => {
            // Part of another seed, in between or in place.
            let other = rng.choice(seeds).expect("there are seeds");
            let from = rng.usize(..=other.len());
            let part = &other[from..other.len().min(from + rng.usize(..40))];
            let over = if rng.bool() { part.len() } else { 0 };
            let end = data.len().min(at + over);
            data.splice(at..end, part.iter().copied());
        }
    }
}
