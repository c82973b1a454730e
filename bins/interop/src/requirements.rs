//! What a lab needs from the machine, and what happens where it is missing.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::{Namespace, RouterKind};

/// Where Debian puts daemons that are not in everybody's `PATH`.
const EXTRA_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/lib/frr"];

/// Names a file that collects one line per skipped test, for whoever runs the tests to print at the
/// end. Set by `cargo xtask test`.
const SKIPS_FILE: &str = "SKIPPED_TESTS_FILE";

/// The path of a program, or `None` where it is not installed.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(EXTRA_FOLDERS.map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Whether a lab with these routers can be made here. If not, says that the test is skipped.
///
/// # Panics
///
/// With `CI=true`, where a missing router is a failure and not a skip.
#[must_use]
pub fn available(routers: &[RouterKind]) -> bool {
    let missing =
        namespaces_missing().or_else(|| routers.iter().find_map(|router| router_missing(*router)));
    let Some(missing) = missing else { return true };
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "{missing}; with CI=true this is a failure and not a skip"
    );
    report_skip(&missing);
    false
}

fn namespaces_missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let check = || {
        if !rustix::process::geteuid().is_root() {
            return Some("network namespaces need root".to_owned());
        }
        for (program, package) in [("ip", "iproute2"), ("setpriv", "util-linux")] {
            if find_program(program).is_none() {
                return Some(format!("`{program}` is not installed (package {package})"));
            }
        }
        Namespace::new("probe")
            .err()
            .map(|error| format!("network namespaces do not work here: {error:#}"))
    };
    MISSING.get_or_init(check).clone()
}

fn router_missing(router: RouterKind) -> Option<String> {
    let missing = router
        .programs()
        .iter()
        .find(|program| find_program(program).is_none())?;
    Some(format!(
        "{router} is not installed: no `{missing}` (Debian package {})",
        router.package()
    ))
}

/// The test's own output is captured when it passes, so this writes past the capture.
fn report_skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(file) = env::var_os(SKIPS_FILE)
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file)
    {
        let _ = file.write_all(line.as_bytes());
    }
}
