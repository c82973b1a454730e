//! What processes cost, from `/proc`.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of CPU of this process so far.
pub(crate) fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds of CPU of another process so far, its ended children not counted.
pub(crate) fn cpu_of(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold blanks; it ends at the last bracket. Then state is field 3.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let field = |number: usize| -> Result<f64> {
        let text = fields.split_whitespace().nth(number - 3);
        Ok(text.context("a short stat")?.parse()?)
    };
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    Ok((field(14)? + field(15)?) / ticks)
}

/// The most memory that a process has had resident, in octets.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|it| it.split_whitespace().next());
    Ok(kibibytes.context("no VmHWM")?.parse::<u64>()? * 1024)
}
