//! Many histories, or one with its log.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use sim::{Failure, Report};

/// BGP speakers with faults between them, on a virtual clock
#[derive(Parser)]
struct Cli {
    /// How many histories
    #[arg(long, value_name = "N", default_value_t = 2000)]
    seeds: u64,
    /// The first one's seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// This one alone, with its log
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
}

/// After how many histories a line tells how far it is.
const PROGRESS: u64 = 10_000;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let begin = Instant::now();
    let result = match cli.seed {
        Some(seed) => replay(seed),
        None => many(cli.from, cli.seeds),
    };
    match result {
        Ok(report) => {
            println!("{report}\n{:.1} s", begin.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64) -> Result<Report, Failure> {
    let (result, log) = sim::replay(seed);
    log.iter().for_each(|line| println!("{line}"));
    result
}

/// On all processors. Ends with the lowest seed that failed, of those that were reached.
fn many(from: u64, seeds: u64) -> Result<Report, Failure> {
    let next = AtomicU64::new(from);
    let end = from.saturating_add(seeds);
    let work = || {
        let mut sum = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(sum);
            }
            if (seed - from + 1).is_multiple_of(PROGRESS) {
                eprintln!("{} of {seeds} seeds", seed - from + 1);
            }
            match sim::run(seed) {
                Ok(report) => sum += report,
                Err(failure) => {
                    next.store(end, Ordering::Relaxed);
                    return Err(failure);
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Result<Report, Failure>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = threads
            .into_iter()
            .map(|it| it.join().expect("failures are results"));
        results.collect()
    });
    let mut sum = Report::default();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(report) => sum += report,
            Err(failure) => failures.push(failure),
        }
    }
    match failures.into_iter().min_by_key(|failure| failure.seed) {
        Some(failure) => Err(failure),
        None => Ok(sum),
    }
}
