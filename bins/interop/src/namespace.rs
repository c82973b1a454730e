//! Network namespaces and the veth pairs between them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{self, Command};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Namespaces of this harness are called `bgp-<pid of the test>-<number>-<label>`.
const PREFIX: &str = "bgp-";

/// A network namespace with its loopback up. Removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace whose name is unique on this machine and ends in `label`.
    ///
    /// # Errors
    ///
    /// When `ip netns` fails, which without root it does.
    pub fn new(label: &str) -> Result<Self> {
        static SWEEP: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        SWEEP.call_once(remove_leftovers);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{label}", process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The name under `/run/netns`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` with `arguments` inside this namespace.
    ///
    /// # Errors
    ///
    /// When it fails, with what it printed.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.name], arguments].concat())
    }

    /// A command that will run inside this namespace.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `action` on a thread that is in this namespace, for sockets in it.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered, and those of `action`.
    pub fn enter<T: Send>(&self, action: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = Path::new("/run/netns").join(&self.name);
        // The thread changes its namespace, and ends.
        let inside = || {
            let namespace = File::open(path)?;
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network)?;
            action()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("the thread panicked"))?
            .with_context(|| format!("in the namespace {}", self.name))
    }

    /// A counter of the TCP implementation: `TCPMinTTLDrop`, `TCPMD5Failure`, ….
    ///
    /// # Errors
    ///
    /// When the kernel has no such counter.
    pub fn tcp_counter(&self, name: &str) -> Result<u64> {
        // A thread's own file: each network namespace has its counters.
        let text = self.enter(|| Ok(fs::read_to_string("/proc/thread-self/net/netstat")?))?;
        let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next(), lines.next());
        let names = names.unwrap_or_default().split_whitespace();
        let mut both = names.zip(values.unwrap_or_default().split_whitespace());
        let (_, value) = both
            .find(|(counter, _)| *counter == name)
            .with_context(|| format!("no counter {name}"))?;
        Ok(value.parse()?)
    }

    /// Makes a veth pair with `interface` on this side and `peer_interface` on the other.
    ///
    /// # Errors
    ///
    /// When `ip link` fails.
    pub fn connect(&self, interface: &str, peer: &Self, peer_interface: &str) -> Result<()> {
        ip(&[
            "link",
            "add",
            interface,
            "netns",
            &self.name,
            "type",
            "veth",
            "peer",
            "name",
            peer_interface,
            "netns",
            &peer.name,
        ])?;
        self.ip(&["link", "set", interface, "up"])?;
        peer.ip(&["link", "set", peer_interface, "up"])
    }

    /// Gives `interface` an address, at once usable (no duplicate address detection).
    ///
    /// # Errors
    ///
    /// When `ip address` fails.
    pub fn add_address(&self, interface: &str, address: IpAddr, length: u8) -> Result<()> {
        let address = format!("{address}/{length}");
        self.ip(&["address", "add", &address, "dev", interface, "nodad"])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing to tell anybody when this fails: the next run's sweep takes what is left.
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("running `ip` (Debian package iproute2)")?;
    if !output.status.success() {
        bail!(
            "`ip {}`: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// Removes the namespaces of test processes that were killed before they could, and ends what still
/// runs inside: by their names these are ours.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return; // No namespace was ever made on this machine.
    };
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|pid| pid.parse::<u32>().ok()) else {
            continue;
        };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            end_processes_in(&name);
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

fn end_processes_in(namespace: &str) {
    let Ok(output) = Command::new("ip")
        .args(["netns", "pids", namespace])
        .output()
    else {
        return;
    };
    for pid in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
