//! What processes take, from `/proc`.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// What a process has taken so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds of CPU, its ended children not counted.
    pub cpu: f64,
    /// Octets of resident memory.
    pub resident: u64,
    /// The most that it was.
    pub peak: u64,
    /// Its threads.
    pub threads: u64,
    /// How often its threads went to sleep of their own accord, and so were woken.
    pub switches: u64,
}

impl Usage {
    /// Of the process with this number.
    ///
    /// # Errors
    ///
    /// When there is none, or `/proc` is not Linux's.
    pub fn of(pid: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}");
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let number = |text: &str, key: &str| -> Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let word = line.and_then(|line| line.split_whitespace().next());
            Ok(word
                .with_context(|| format!("no {key} in {folder}"))?
                .parse()?)
        };
        let stat = fs::read_to_string(format!("{folder}/stat"))?;
        // The name may have blanks; it ends at the last bracket. utime and stime are the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks
            .map(|word| word.parse::<u64>().context("a short stat"))
            .sum::<Result<u64>>()?;
        let mut switches = 0;
        for thread in fs::read_dir(format!("{folder}/task"))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            switches += number(&status, "voluntary_ctxt_switches:")?;
        }
        Ok(Self {
            cpu: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident: number(&status, "VmRSS:")? * 1024,
            peak: number(&status, "VmHWM:")? * 1024,
            threads: number(&status, "Threads:")?,
            switches,
        })
    }
}

/// Seconds of CPU of this process so far.
#[must_use]
pub fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_thread() {
        let usage = Usage::of(std::process::id()).expect("it runs");
        assert!(usage.threads >= 1 && usage.resident > 0 && usage.peak >= usage.resident);
        assert!(own_cpu() > 0.0);
    }
}
