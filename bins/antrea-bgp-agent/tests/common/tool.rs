//! Programs of Debian's packages that tests run.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs a program to its end with this on its standard input. `None`, with a word about it, where
/// the program is not installed; in CI that is a failure.
pub(crate) fn run(command: &mut Command, package: &str, input: &str) -> Option<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            missing(&program, package, &error);
            return None;
        }
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    // One that does not read all of it says why by its exit code.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Some(child.wait_with_output().expect("it ends"))
}

/// Says that a program is missing; in CI that is a failure.
pub(crate) fn missing(program: &str, package: &str, error: &std::io::Error) {
    let ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(!ci, "{program}: {error} (Debian package {package})");
    eprintln!("skipped: {program}: {error} (Debian package {package})");
}
