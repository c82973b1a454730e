//! What the engine costs in small clusters and in large ones: `cargo xtask bench policy`.
//!
//! Without an argument everything. `memory` alone: what a cold start takes, and what is kept of each object. Anything else is
//! for criterion, which times single events: a filter, `--quick`, `--test`.

#![expect(
    clippy::disallowed_methods,
    reason = "the engine has neither clock nor files, but what measures it has"
)]

mod cluster;
mod event;
mod memory;
mod table;
mod time;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo says of itself that it is a bench.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = (arguments.iter().map(String::as_str))
        .filter(|argument| *argument != "--bench")
        .collect();
    match arguments[..] {
        [] => {
            time::run()?;
            memory::run()
        }
        ["memory"] => memory::run(),
        ["memory", way, services] => memory::measure(way.parse()?, services.parse()?),
        _ => time::run(),
    }
}
