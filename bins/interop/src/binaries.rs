//! The programs under test, built as the tests themselves were.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// The folder of the workspace's `Cargo.toml`.
#[must_use]
pub fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The agent.
///
/// # Errors
///
/// When the workspace does not build.
pub(crate) fn agent_binary() -> Result<PathBuf> {
    Ok(output_folder()?.join("antrea-bgp-agent"))
}

/// The example that announces many routes, `examples/announce.rs`.
///
/// # Errors
///
/// When the workspace does not build.
pub fn announce_binary() -> Result<PathBuf> {
    Ok(output_folder()?.join("examples/announce"))
}

/// The example that prints what it receives, `examples/receive.rs`.
///
/// # Errors
///
/// When the workspace does not build.
pub(crate) fn receive_binary() -> Result<PathBuf> {
    Ok(output_folder()?.join("examples/receive"))
}

/// `target/debug` or `target/release`, with everything in it up to date.
///
/// Cargo builds no other package's programs for a test, so the first test that asks does. After
/// `cargo test --workspace` there is nothing left to compile.
fn output_folder() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let test = env::current_exe().context("finding the test's own program")?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test lives in target/<profile>/deps")?;
    let release = folder.file_name().is_some_and(|name| name == "release");
    BUILT
        .get_or_init(|| build(release).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)?;
    Ok(folder.to_owned())
}

fn build(release: bool) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace_root())
        .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
        .args(release.then_some("--release"))
        .output()
        .context("running cargo")?;
    if !output.status.success() {
        bail!(
            "building the programs under test:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
