//! Speakers with faults between them, on a virtual clock: each seed is one history, and the same
//! every time.
//!
//! Two to eight speakers, each with a table of its own ([`bgp_rib`]) and a session per neighbour
//! ([`bgp_fsm`]), are driven as `bgp-speaker` does it, over pipes that lose, delay, stall, split and
//! reset. Processes are killed and come back, clocks jump, neighbours are removed and changed, routes
//! are announced, withdrawn and asked for again all the while. Receivers keep what they are told, as
//! helpers of graceful restart do. What has to hold is asserted where it happens, and once the weather
//! is calm.
//!
//! It is for this workspace's tests and for hunting with many seeds; it opens no socket. A failure
//! names its seed, and `cargo run -p sim -- --seed S` lives through it again, with its log.
//!
//! ```
//! let report = sim::run(1).expect("seed 1 is a good one");
//! assert!(report.sessions >= 2);
//! ```

mod drive;
mod end;
mod history;
mod net;
mod outbox;
mod received;
mod report;
mod setup;
mod speaker;
mod verdict;
mod world;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

pub use report::Report;
use world::World;

/// A history in which something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The seed of the history.
    pub seed: u64,
    /// What was wrong.
    pub what: String,
    /// Everything of note up to then, one line each, oldest first. Empty unless it was asked for.
    pub log: Vec<String>,
}

/// Lives through the history of a seed.
///
/// # Errors
/// What was wrong in it, without a log.
pub fn run(seed: u64) -> Result<Report, Failure> {
    live(seed, false).0
}

/// The same with a log: outputs of sessions, kills, changes of configuration.
pub fn replay(seed: u64) -> (Result<Report, Failure>, Vec<String>) {
    live(seed, true)
}

fn live(seed: u64, logged: bool) -> (Result<Report, Failure>, Vec<String>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let weather = setup::storm(&mut rng);
    let mut world = World::new(epoch(), rng, weather, logged);
    let outcome = catch_unwind(AssertUnwindSafe(|| history::live(&mut world)));
    let log = world.log().to_vec();
    let result = match outcome {
        Ok(()) => Ok(world.report),
        Err(panic) => Err(Failure {
            seed,
            what: message(&*panic),
            log: log.clone(),
        }),
    };
    (result, log)
}

/// Where the virtual clock starts. It makes no difference: everything is relative to it.
fn epoch() -> Instant {
    Instant::now()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {}\nreplay: cargo run -p sim -- --seed {}",
            self.seed, self.what, self.seed
        )
    }
}

impl std::error::Error for Failure {}
