//! What the benchmarks have in common: what a process takes, and how long changes take to a peer.

mod latency;
mod usage;

pub use latency::{Change, latencies, share};
pub use usage::{Usage, own_cpu};
