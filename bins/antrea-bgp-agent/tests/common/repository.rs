//! Files of this repository that tests read.
#![allow(dead_code, reason = "every test program uses another part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The path of a file of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

/// A file of the repository.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of all tables of a page that have a name in backquotes first, by their cells.
pub(crate) fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in backquotes.
pub(crate) fn quoted(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// Each metric with its type and its labels.
pub(crate) type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

/// The metrics that the documentation lists. That they are those that there are, a test of its own
/// checks.
pub(crate) fn documented_metrics() -> Metrics {
    let page = read("docs/metrics.md");
    rows(&page)
        .filter(|cells| matches!(cells.get(1), Some(&("gauge" | "counter" | "histogram"))))
        .map(|cells| {
            let name = quoted(cells[0]).pop_first().expect("a name");
            (name, (cells[1].to_owned(), quoted(cells[2])))
        })
        .collect()
}
