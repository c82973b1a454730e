//! Figures of the process, under the names that every exporter of Prometheus gives them.

use std::fs;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::gauge;

/// What `/proc` tells of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    cpu_seconds: f64,
    resident_octets: u64,
    virtual_octets: u64,
    threads: u64,
    /// Seconds since 1970.
    started: f64,
}

/// Without `/proc` nothing is told.
pub(super) fn register(registry: &mut Registry) {
    if let Some(figures) = read() {
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(figures.cpu_seconds);
        let help = "User and system CPU time spent";
        registry.register("process_cpu_seconds", help, cpu);
        let help = "Resident memory";
        registry.register(
            "process_resident_memory_bytes",
            help,
            gauge(figures.resident_octets),
        );
        let help = "Virtual memory";
        registry.register(
            "process_virtual_memory_bytes",
            help,
            gauge(figures.virtual_octets),
        );
        registry.register("process_threads", "Threads", gauge(figures.threads));
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(figures.started);
        let help = "When the process started, in seconds since 1970";
        registry.register("process_start_time_seconds", help, started);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Reading the folder has it open.
        let open = open.count().saturating_sub(1);
        registry.register("process_open_fds", "Open file descriptors", gauge(open));
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(most) = most_files(&limits) {
        let help = "Most open file descriptors";
        registry.register("process_max_fds", help, gauge(most));
    }
}

fn read() -> Option<Figures> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let page = rustix::param::page_size() as u64;
    figures(&stat, boot.parse().ok()?, ticks, page)
}

/// From the fields of `/proc/self/stat`, by their numbers in proc(5).
fn figures(stat: &str, boot: f64, ticks: f64, page: u64) -> Option<Figures> {
    // The second field is the name of the program, in parentheses, and may have any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Figures {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks,
        threads: field(20)?,
        started: boot + field(22)? as f64 / ticks,
        virtual_octets: field(23)?,
        resident_octets: field(24)? * page,
    })
}

fn most_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_process_are_read_by_number() {
        let stat = "5599 (a) b) R 5592 5592 6020 0 -1 4194304 126 0 0 0 150 50 0 0 20 0 7 0 1000 3133440 \
                    383 18446744073709551615 1 1";
        let expected = Figures {
            cpu_seconds: 2.0,
            resident_octets: 383 * 4096,
            virtual_octets: 3_133_440,
            threads: 7,
            started: 1_700_000_010.0,
        };
        assert_eq!(figures(stat, 1_700_000_000.0, 100.0, 4096), Some(expected));
        assert_eq!(figures("", 0.0, 100.0, 4096), None);
    }

    #[test]
    fn the_limit_that_counts_is_the_soft_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(most_files(limits), Some(1024));
        assert_eq!(most_files("Max open files unlimited unlimited files"), None);
    }
}
