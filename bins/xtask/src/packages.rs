//! What the tests run against, from Debian's packages: routers, Prometheus and a browser.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A package, and a program of it that tells whether it is installed.
const PACKAGES: [(&str, &str); 8] = [
    ("bird2", "/usr/sbin/bird"),
    ("frr", "/usr/lib/frr/bgpd"),
    ("gobgpd", "/usr/bin/gobgpd"),
    ("openbgpd", "/usr/sbin/bgpd"),
    ("exabgp", "/usr/sbin/exabgp"),
    ("iproute2", "/bin/ip"),
    ("prometheus", "/usr/bin/promtool"),
    ("chromium", "/usr/bin/chromium"),
];

/// Debian asks this script before it starts a service of a package.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The answer "not allowed".
const POLICY_TEXT: &str = "#!/bin/sh\nexit 101\n";

/// Installs what is missing where that is possible. The tests themselves decide what a missing
/// router means, so nothing here is an error.
pub(crate) fn install_missing() {
    install_missing_of(&PACKAGES);
}

/// The same for another list.
pub(crate) fn install_missing_of(packages: &[(&str, &str)]) {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(_, program)| !Path::new(program).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return;
    }
    let list = missing.join(" ");
    if !Path::new("/etc/debian_version").exists() {
        println!("==== not Debian, so not installed: {list}");
    } else if !is_root() {
        println!("==== not root, so not installed: {list}");
    } else if let Err(error) = install(&missing) {
        println!("==== not installed: {list}: {error:#}");
    }
}

/// Whether this process runs as root: then its folder in /proc is root's.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn install(packages: &[&str]) -> Result<()> {
    println!("==== apt-get install {}", packages.join(" "));
    let _guard = ServicesOff::new()?;
    // One repository of several may be out of reach, and the packages still be there.
    if let Err(error) = apt_get(&["update"]) {
        println!("{error:#}");
    }
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Runs apt-get, which has much to say and is heard only when it fails.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .arg("--quiet=2")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("starting apt-get")?;
    if !output.status.success() {
        bail!(
            "`apt-get {}`: {}\n{}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Keeps the services of packages from starting as they are installed, until dropped.
struct ServicesOff {
    /// The policy that was there before is kept here meanwhile.
    backup: Option<PathBuf>,
}

impl ServicesOff {
    fn new() -> Result<Self> {
        let policy = Path::new(POLICY);
        let backup = policy
            .exists()
            .then(|| PathBuf::from(format!("{POLICY}.xtask-backup")));
        if let Some(backup) = &backup {
            fs::rename(policy, backup).with_context(|| format!("moving {POLICY} aside"))?;
        }
        let guard = Self { backup };
        fs::write(policy, POLICY_TEXT).with_context(|| format!("writing {POLICY}"))?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("making {POLICY} executable"))?;
        Ok(guard)
    }
}

impl Drop for ServicesOff {
    fn drop(&mut self) {
        let restored = match &self.backup {
            Some(backup) => fs::rename(backup, POLICY),
            None => fs::remove_file(POLICY),
        };
        if let Err(error) = restored {
            eprintln!("restoring {POLICY}: {error}");
        }
    }
}
