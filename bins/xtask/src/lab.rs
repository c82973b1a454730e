//! `cargo xtask lab`: the agent on `examples/lab`, and a peer that shows what arrives.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::screen::{Screen, ask};
use crate::{cargo, workspace};

/// Everything in the lab takes a second or two; a machine that is busy may take more.
const BOUND: Duration = Duration::from_secs(30);

/// The addresses of `examples/lab/policy.yaml`.
const AGENT: &str = "127.0.0.2";
const PEER: &str = "127.0.0.3";
const PORT: u16 = 1790;

/// The load balancer's address in `examples/lab/services.yaml` that only local endpoints serve.
const LOCAL_ROUTE: &str = "192.0.2.10/32";

/// Shows a session, its routes, and a withdrawal.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    say("Build the agent and the peer");
    let programs = Programs::build()?;
    let folder = Folder::new()?;
    let manifests = folder.0.join("manifests");
    copy(&workspace().join("examples/lab"), &manifests)?;
    let socket = folder.0.join("api.sock");

    let mut screen = Screen::new();
    say("A peer, and the agent on a copy of examples/lab");
    screen.start("receive", &mut programs.receive())?;
    screen.start("agent", &mut programs.run(&manifests, &socket, &folder.0))?;

    say("The session comes up and the routes arrive");
    let mut received = BTreeSet::new();
    screen.wait_for(
        "the first routes and End-of-RIB",
        BOUND,
        "receive",
        |line| {
            received.extend(announced(line));
            line.starts_with("end-of-rib")
        },
    )?;

    say("The agent's own account");
    let peers = ask(&mut programs.get("bgppeers", &socket), 0)?;
    ensure!(
        peers.contains("Established"),
        "no session in `get bgppeers`"
    );
    let routes = ask(&mut programs.get("bgproutes", &socket), 0)?;
    let advertised: BTreeSet<String> = routes.lines().skip(1).filter_map(first_word).collect();
    ensure!(
        received == advertised,
        "the peer has {received:?}, the agent advertises {advertised:?}"
    );

    say("The only local endpoint of shop/web becomes not ready");
    flip_endpoint(&manifests)?;
    screen.wait_for("the withdrawal", BOUND, "receive", |line| {
        withdrawn(line) == Some(LOCAL_ROUTE)
    })?;
    let mut explain = programs.agent();
    explain.args(["explain", "192.0.2.10", "--api-socket"]);
    // Exit code 1: the answer is that nothing is advertised.
    ask(explain.arg(&socket), 1)?;

    say("Both programs end");
    screen.finish()?;
    println!(
        "==== The lab worked: {} routes arrived and {LOCAL_ROUTE} was withdrawn. {:.1} s with the build.",
        received.len(),
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

fn say(what: &str) {
    println!("==== {what}");
}

/// `ready: true` of the first slice, which is that of `shop/web`.
fn flip_endpoint(manifests: &Path) -> Result<()> {
    let file = manifests.join("slices.yaml");
    let text = fs::read_to_string(&file)?;
    let flipped = text.replacen("ready: true", "ready: false", 1);
    ensure!(text != flipped, "no ready endpoint in {}", file.display());
    println!(
        "         $ sed -i '0,/ready: true/s//ready: false/' {}",
        file.display()
    );
    fs::write(&file, flipped).with_context(|| format!("writing {}", file.display()))
}

/// `route PEER PREFIX next-hop …`, as `examples/receive.rs` prints it.
fn announced(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("route ")?.split_whitespace();
    words.nth(1).map(str::to_owned)
}

/// `withdraw PEER PREFIX`.
fn withdrawn(line: &str) -> Option<&str> {
    line.strip_prefix("withdraw ")?.split_whitespace().nth(1)
}

fn first_word(line: &str) -> Option<String> {
    line.split_whitespace().next().map(str::to_owned)
}

/// Where cargo put the two programs.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds with the features of the whole workspace, so that `cargo xtask test` need not build
    /// the dependencies again.
    fn build() -> Result<Self> {
        let arguments = ["build", "--workspace", "--bin", "antrea-bgp-agent"];
        let status = cargo(&arguments).args(["--example", "receive"]).status()?;
        ensure!(status.success(), "cargo build: {status}");
        // This program itself is in the same folder.
        let own = std::env::current_exe()?;
        let folder = own.parent().context("a program is in a folder")?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn agent(&self) -> Command {
        Command::new(self.folder.join("antrea-bgp-agent"))
    }

    fn run(&self, manifests: &Path, socket: &Path, state: &Path) -> Command {
        let mut command = self.agent();
        command.args(["run", "--manifests"]).arg(manifests);
        command.args(["--listen-address", AGENT]);
        command.arg("--http-address").arg(format!("{AGENT}:9474"));
        command.arg("--api-socket").arg(socket);
        command.arg("--state-dir").arg(state);
        command
    }

    fn get(&self, what: &str, socket: &Path) -> Command {
        let mut command = self.agent();
        command.args(["get", what, "--api-socket"]).arg(socket);
        command
    }

    fn receive(&self) -> Command {
        let mut command = Command::new(self.folder.join("examples/receive"));
        command.args(["--asn", "65001", "--router-id", PEER]);
        command.arg("--listen").arg(format!("{PEER}:{PORT}"));
        command.arg("--peer").arg(format!("{AGENT}=64512"));
        command
    }
}

/// A folder of our own, gone when dropped. Short, since a Unix socket's path is at most 107 long.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let name = format!("antrea-bgp-lab-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|kind| kind == "yaml") {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
