//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, some at a time, and what came of them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{cargo, step, workspace};

/// How a target is fuzzed.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Targets at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    jobs: u32,
    /// Names of targets; all without any
    targets: Vec<String>,
}

/// A target that is being fuzzed.
struct Running {
    name: String,
    log: PathBuf,
    child: Child,
}

/// Fuzzes, and prints a row of `fuzz/README.md` for each target as it ends.
///
/// Where it started goes on: corpora grow in `fuzz/corpus`. What libFuzzer says is in
/// `target/fuzz`, and what it finds in `fuzz/artifacts`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut probe = fuzzer(&["--version"]);
    let there = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(
        there.is_ok_and(|status| status.success()),
        "cargo-fuzz is missing: cargo install cargo-fuzz"
    );
    let mut waiting = chosen(options)?;
    step("build the targets", &mut fuzzer(&["build"]))?;
    let logs = workspace().join("target/fuzz");
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    println!("| target | seconds | executions | exec/s | cov | ft | corpus | findings |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let (mut running, mut found) = (Vec::new(), Vec::new());
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < options.jobs as usize
            && let Some(name) = waiting.pop_front()
        {
            running.push(start(name, &logs, options.seconds)?);
        }
        std::thread::sleep(Duration::from_millis(200));
        let mut still = Vec::new();
        for mut target in running {
            match target.child.try_wait()? {
                None => still.push(target),
                Some(status) => {
                    let text = fs::read_to_string(&target.log).unwrap_or_default();
                    println!("{}", row(&target.name, &text, status.success()));
                    if !status.success() {
                        found.push(format!("{}: see {}", target.name, target.log.display()));
                    }
                }
            }
        }
        running = still;
    }
    ensure!(found.is_empty(), "findings:\n{}", found.join("\n"));
    Ok(())
}

/// The targets to run, in the order of their names.
fn chosen(options: &Options) -> Result<VecDeque<String>> {
    let folder = workspace().join("fuzz/fuzz_targets");
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        all.extend(name.strip_suffix(".rs").map(String::from));
    }
    all.sort_unstable();
    if let Some(wrong) = options.targets.iter().find(|it| !all.contains(it)) {
        bail!("{wrong}: no such target; there are {}", all.join(", "));
    }
    all.retain(|it| options.targets.is_empty() || options.targets.contains(it));
    Ok(all.into())
}

/// cargo-fuzz in its folder. The sanitizer's flags are unstable, and the toolchain is not.
fn fuzzer(arguments: &[&str]) -> std::process::Command {
    let mut command = cargo(&["fuzz"]);
    command.current_dir(workspace().join("fuzz"));
    command.env("RUSTC_BOOTSTRAP", "1").args(arguments);
    command
}

fn start(name: String, logs: &Path, seconds: u32) -> Result<Running> {
    let (corpus, seeds) = (format!("corpus/{name}"), format!("seeds/{name}"));
    fs::create_dir_all(workspace().join("fuzz").join(&corpus))?;
    let log = logs.join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| log.display().to_string())?;
    let child = fuzzer(&["run", &name, &corpus, &seeds, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .args(["-dict=bgp.dict", "-max_len=4200", "-timeout=10"])
        .args(["-rss_limit_mb=1024", "-print_final_stats=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    Ok(Running { name, log, child })
}

/// What libFuzzer said about a target, as a row of a table.
fn row(name: &str, log: &str, sound: bool) -> String {
    let progress = log
        .lines()
        .rfind(|line| line.starts_with('#') && line.contains(" cov: "))
        .unwrap_or("");
    let field = |key: &str| {
        let mut words = progress.split_whitespace();
        words.find(|word| *word == key).and_then(|_| words.next())
    };
    let stat = |key: &str| {
        log.lines()
            .find_map(|line| line.strip_prefix(key)?.split_whitespace().last())
    };
    let seconds = log
        .lines()
        .find_map(|line| line.strip_prefix("Done ")?.split_whitespace().nth(3));
    let corpus = field("corp:").and_then(|it| it.split('/').next());
    let columns = [
        seconds,
        stat("stat::number_of_executed_units:"),
        stat("stat::average_exec_per_sec:"),
        field("cov:"),
        field("ft:"),
        corpus,
    ];
    let columns: Vec<&str> = columns.iter().map(|it| it.unwrap_or("?")).collect();
    let findings = if sound { "none" } else { "**yes**" };
    format!("| `{name}` | {} | {findings} |", columns.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: seed corpus: files: 60 min: 1b max: 300b total: 4000b rss: 40Mb
#61\tINITED cov: 310 ft: 560 corp: 41/2000b exec/s: 0 rss: 60Mb
#262144\tpulse  cov: 475 ft: 1219 corp: 213/12Kb lim: 900 exec/s: 11947 rss: 400Mb
#300000\tDONE   cov: 476 ft: 1220 corp: 214/12Kb lim: 900 exec/s: 11900 rss: 400Mb
Done 300000 runs in 25 second(s)
stat::number_of_executed_units: 300000
stat::average_exec_per_sec:     11900
";

    #[test]
    fn a_row_says_what_libfuzzer_said_last() {
        assert_eq!(
            row("open", LOG, true),
            "| `open` | 25 | 300000 | 11900 | 476 | 1220 | 214 | none |"
        );
    }

    #[test]
    fn a_row_of_a_crash_says_so() {
        let cut = LOG.split_once("#300000").unwrap().0;
        assert_eq!(
            row("open", cut, false),
            "| `open` | ? | ? | ? | 475 | 1219 | 213 | **yes** |"
        );
    }

    #[test]
    fn an_unknown_target_is_named_with_those_there_are() {
        let options = Options {
            seconds: 1,
            jobs: 1,
            targets: vec!["updates".into()],
        };
        let error = chosen(&options).unwrap_err().to_string();
        assert!(error.starts_with("updates: no such target; there are framing, "));
    }
}
