//! A large cluster: 10,000 Services with 20,000 EndpointSlices.
//!
//! The figures are printed: `cargo test --release -p antrea-bgp-manifests --test scale -- --nocapture`.

mod common;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use antrea_bgp_manifests::{Change, Folder};
use common::{changes, large_folder, large_service, write};

/// One measurement at a time: the processor's time is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs and prints what it took. The limit is for the processor's time of all threads together in
/// the release build, so that it holds on a busy machine; the debug build only has to be right.
fn measure<T>(what: &str, limit: Duration, run: impl FnOnce() -> T) -> T {
    let (start, before) = (Instant::now(), processor_time());
    let result = run();
    let (wall, processor) = (start.elapsed(), processor_time() - before);
    println!(
        "{what}: {wall:.1?}, {processor:?} of the processor; {}",
        resident()
    );
    assert!(
        cfg!(debug_assertions) || processor < limit,
        "{what}: {processor:?}"
    );
    result
}

/// Resident memory now and at its highest, as the kernel counts it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let fields = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    fields
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}

fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs");
    let fields: Vec<_> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    // utime and stime, the 14th and 15th field, in ticks of 10 ms.
    let ticks: u64 = fields[11..13]
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn ten_thousand_services_in_a_hundred_files() {
    let _alone = ALONE.lock();
    let dir = large_folder(10_000, 100);
    let mut folder = Folder::open(dir.path()).expect("folder");
    let first = measure("100 files", Duration::from_millis(900), || folder.rescan());
    assert_eq!(first.changes.len(), 30_000);
    assert!(
        first
            .changes
            .iter()
            .all(|change| matches!(change, Change::Applied(_)))
    );
    assert_eq!(first.added, []);

    let second = measure("nothing changed", Duration::from_millis(150), || {
        folder.rescan()
    });
    assert!(second.is_empty());

    // One endpoint goes away in one file.
    let text: String = (100..200).map(large_service).collect();
    write(
        dir.path(),
        "team-001.yaml",
        &text.replacen("ready: true", "ready: false", 1),
    );
    let third = measure("one endpoint changed", Duration::from_millis(150), || {
        folder.rescan()
    });
    assert_eq!(changes(&third), ["+EndpointSlice/team-1/service-100-0"]);
}

#[test]
fn ten_thousand_services_in_one_file() {
    let _alone = ALONE.lock();
    let dir = large_folder(10_000, 1);
    let mut folder = Folder::open(dir.path()).expect("folder");
    let rescan = measure("one file", Duration::from_millis(900), || folder.rescan());
    assert_eq!(rescan.changes.len(), 30_000, "{:?}", rescan.added.first());
}
