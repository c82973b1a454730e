//! What the benchmarks have in common: what a process takes, what a peer hears, and how long that takes.

mod heard;
mod latency;
mod usage;

pub use heard::Heard;
pub use latency::{Change, latencies, share};
pub use usage::{Usage, own_cpu};
