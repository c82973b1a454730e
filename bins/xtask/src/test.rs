//! `cargo xtask test`: what the tests need, then the tests.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::{cargo, packages, step};

/// Sets up, runs every test, and says what was skipped.
///
/// Documentation tests come last, so that the output ends as that of `cargo test` does.
pub(crate) fn run() -> Result<()> {
    packages::install_missing();
    let mut build = cargo(&["test", "--workspace", "--no-run"]);
    step("build the tests", &mut build)?;
    // Some tests run these programs, whose own packages' tests do not.
    let mut build = cargo(&["build", "--workspace", "--bins", "--examples"]);
    step("build the programs", &mut build)?;

    let skips = std::env::temp_dir().join(format!("skipped-tests-{}", std::process::id()));
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests.args(["--lib", "--bins", "--tests"]);
    let passed = step("tests", tests.env("SKIPPED_TESTS_FILE", &skips));
    report(&skips);
    passed?;

    let status = cargo(&["test", "--workspace", "--doc"]).status()?;
    ensure!(status.success(), "documentation tests: {status}");
    Ok(())
}

/// Prints what the tests noted down as skipped.
fn report(skips: &Path) {
    let text = fs::read_to_string(skips).unwrap_or_default();
    let _ = fs::remove_file(skips);
    if text.is_empty() {
        println!("==== skipped: nothing");
        return;
    }
    println!("==== skipped: {} tests", text.lines().count());
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    for line in lines {
        println!("     {}", line.trim_start_matches("skipped: "));
    }
}
