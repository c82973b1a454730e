//! `cargo xtask image`: a static program, in an image made from nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{cargo, packages, seccomp, step, workspace};

/// What builds images, what runs one as a kubelet would have it run, and what gives the program its capability.
const PACKAGES: [(&str, &str); 4] = [
    ("buildah", "/usr/bin/buildah"),
    ("runc", "/usr/sbin/runc"),
    ("libcap2-bin", "/usr/sbin/setcap"),
    seccomp::PACKAGE,
];

/// Octets. Nobody should wait for an agent.
const LIMIT: u64 = 25_000_000;

/// How long the container may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The only one that the program gets.
const CAPABILITY: &str = "CAP_NET_BIND_SERVICE";

/// Its number: `linux/capability.h`.
const NET_BIND_SERVICE: u32 = 10;

/// How `/proc/PID/status` names a process under a filter: proc(5).
const SECCOMP_FILTER: &str = "2";

/// The user of the image, as in `deploy/base/daemonset.yaml`.
const USER: u32 = 65532;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Name and tag of the image
    #[arg(long, default_value = concat!("antrea-bgp-agent:", env!("CARGO_PKG_VERSION")))]
    tag: String,
    /// Then start it once as the DaemonSet would, through runc, and see that it listens on port 179 (root)
    #[arg(long)]
    prove: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    packages::install_missing_of(&PACKAGES);
    let folder = folder();
    let program = build_program(&folder)?;
    let size = fs::metadata(&program)?.len();
    println!(
        "==== the program, which is all of the image: {:.1} MB",
        size as f64 / 1e6
    );
    ensure!(size < LIMIT, "that is more than {} MB", LIMIT / 1_000_000);

    let context = folder.join("context");
    fs::create_dir_all(&context)?;
    let copy = context.join("antrea-bgp-agent");
    fs::copy(&program, &copy)?;
    give_capability(&copy)?;
    let recipe = workspace().join("deploy/image/Containerfile");
    fs::copy(recipe, context.join("Containerfile"))?;
    let tool = Tool::find()?;
    step("build the image", &mut tool.build(&context, &options.tag))?;
    println!("==== {} is in the storage of {}", options.tag, tool.name());
    if options.prove {
        prove(tool, &options.tag, &folder)?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace().join(target).join("image")
}

/// Linked to glibc's static library, so that nothing else has to be in the image.
fn build_program(folder: &Path) -> Result<PathBuf> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut build = cargo(&["build", "--release", "--locked", "-p", "antrea-bgp-agent"]);
    // With a target named, build scripts and macros are not linked like this.
    build
        .args(["--target", &target, "--target-dir"])
        .arg(folder);
    build.env("RUSTFLAGS", "-C target-feature=+crt-static");
    build.env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    build.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    step("build the program", &mut build)?;
    Ok(folder.join(target).join("release/antrea-bgp-agent"))
}

/// A file capability: Kubernetes gives a user other than root no ambient ones, and the bounding set alone is nothing.
fn give_capability(program: &Path) -> Result<()> {
    let mut setcap = Command::new("setcap");
    setcap.arg("cap_net_bind_service=+ep").arg(program);
    run_quietly(&mut setcap).context("giving the program its capability, which takes root")?;
    Ok(())
}

/// What builds images here.
#[derive(Clone, Copy)]
enum Tool {
    Podman,
    Buildah,
    Docker,
}

impl Tool {
    fn find() -> Result<Self> {
        let all = [Self::Podman, Self::Buildah, Self::Docker];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there =
            |tool: &Self| std::env::split_paths(&path).any(|it| it.join(tool.name()).is_file());
        let found = all.into_iter().find(there);
        found.context(
            "there is no podman, buildah or docker; Debian has the packages podman and buildah",
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Docker => "docker",
        }
    }

    fn build(self, context: &Path, tag: &str) -> Command {
        let mut command = Command::new(self.name());
        command.arg(if matches!(self, Self::Buildah) {
            "bud"
        } else {
            "build"
        });
        command
            .args(["--tag", tag, "--file"])
            .arg(context.join("Containerfile"))
            .arg(context);
        command
    }

    /// Makes the files of the image visible: a folder, and what takes it away again.
    fn mount(self, tag: &str) -> Result<(PathBuf, Command)> {
        let mut undo = Command::new(self.name());
        let folder = match self {
            Self::Podman => {
                undo.args(["image", "unmount", tag]);
                run_quietly(Command::new("podman").args(["image", "mount", tag]))?
            }
            Self::Buildah => {
                let container = run_quietly(Command::new("buildah").args(["from", tag]))?;
                undo.args(["rm", &container]);
                run_quietly(Command::new("buildah").args(["mount", &container]))?
            }
            Self::Docker => {
                bail!("docker shows no files of an image; the proof takes podman or buildah")
            }
        };
        Ok((folder.into(), undo))
    }
}

/// Starts the image's program as the DaemonSet of `deploy/` does, in a network namespace of its own.
fn prove(tool: Tool, tag: &str, folder: &Path) -> Result<()> {
    let bundle = folder.join("bundle");
    let _ = fs::remove_dir_all(&bundle);
    fs::create_dir_all(bundle.join("manifests"))?;
    fs::write(bundle.join("manifests/node.yaml"), manifests())?;
    let (files, mut undo) = tool.mount(tag)?;
    // A runtime has a layer of its own for the places that it mounts at. The capability is copied along.
    let mut copy = Command::new("cp");
    let copied = run_quietly(copy.arg("--archive").arg(files).arg(bundle.join("rootfs")));
    run_quietly(&mut undo)?;
    copied?;
    let config = container(&bundle.canonicalize()?.join("manifests"))?;
    fs::write(bundle.join("config.json"), config.to_string())?;
    listens(&bundle)
}

/// A node with a policy, so that there is something to listen for.
fn manifests() -> String {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-a" },
        "status": { "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }] },
    });
    let policy = json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy", "metadata": { "name": "edge" },
        "spec": { "nodeSelector": {}, "localASN": 64512, "listenPort": 179,
            "bgpPeers": [{ "address": "192.0.2.1", "asn": 65001 }] },
    });
    format!("{node}\n---\n{policy}\n")
}

/// The container as a kubelet asks for it: a user other than root, one capability in the bounding and permitted sets and none
/// in the ambient one, no new privileges, the system calls that runtimes allow by default, nothing writable but the socket's
/// folder.
fn container(manifests: &Path) -> Result<Value> {
    let capability = json!([CAPABILITY]);
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": USER, "gid": USER },
            "args": ["/antrea-bgp-agent", "run", "--manifests", "/manifests",
                "--state-dir", "/run/antrea-bgp-agent/state"],
            "env": ["RUST_BACKTRACE=0"],
            "cwd": "/",
            "capabilities": { "bounding": capability, "effective": capability, "permitted": capability },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/run/antrea-bgp-agent", "type": "tmpfs", "source": "tmpfs",
              "options": ["nosuid", "nodev", "noexec", "mode=0755", format!("uid={USER}"), format!("gid={USER}")] },
            { "destination": "/manifests", "type": "bind", "source": manifests, "options": ["bind", "ro"] },
        ],
        "linux": { "namespaces": namespaces, "seccomp": seccomp::default_profile(&[CAPABILITY])? },
    }))
}

fn listens(bundle: &Path) -> Result<()> {
    let name = format!("antrea-bgp-agent-{}", std::process::id());
    let log = bundle.join("agent.log");
    let mut runc = Command::new("runc")
        .args(["run", "--bundle"])
        .arg(bundle)
        .arg(&name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .spawn()
        .context("starting runc (Debian package runc)")?;
    let deadline = Instant::now() + PATIENCE;
    let said = loop {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let over = runc.try_wait()?.is_some() || Instant::now() > deadline;
        if said.contains("listen=0.0.0.0:179") || over {
            break said;
        }
        sleep(Duration::from_millis(50));
    };
    let mut restrictions = Ok(());
    if runc.try_wait()?.is_none() {
        restrictions = restricted(&name);
        run_quietly(Command::new("runc").args(["kill", &name, "TERM"]))?;
    }
    let status = runc.wait()?;
    ensure!(
        said.contains("listening listen=0.0.0.0:179"),
        "the agent does not listen on port 179 ({status}):\n{said}"
    );
    ensure!(status.success(), "the agent ended with {status}:\n{said}");
    restrictions?;
    println!(
        "==== as user {USER} with NET_BIND_SERVICE alone, no new privileges, the default seccomp profile and a read-only root \
         it listens on port 179, and ends when told"
    );
    Ok(())
}

/// Asks the kernel whether the program in the container has what was asked for, and no more.
fn restricted(name: &str) -> Result<()> {
    let state = run_quietly(Command::new("runc").args(["state", name]))?;
    let state: Value = serde_json::from_str(&state).context("what runc says of the container")?;
    let status = fs::read_to_string(format!("/proc/{}/status", state["pid"]))?;
    let capability = format!("{:016x}", 1_u64 << NET_BIND_SERVICE);
    for (field, expected) in [
        ("Uid", USER.to_string()),
        ("NoNewPrivs", "1".to_owned()),
        ("Seccomp", SECCOMP_FILTER.to_owned()),
        ("CapBnd", capability.clone()),
        ("CapPrm", capability),
        ("CapAmb", format!("{:016x}", 0)),
    ] {
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let first = value.and_then(|value| value.split_whitespace().next());
        ensure!(
            first == Some(expected.as_str()),
            "the program in the container has {field} {first:?}, not {expected}:\n{status}"
        );
    }
    Ok(())
}

/// Runs a command that has nothing to say but its result.
fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("running {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
