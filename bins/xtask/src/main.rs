//! The chores of this workspace: `cargo xtask help` lists them.
//!
//! It stays small, since both of a newcomer's first commands wait for it to compile.

mod fuzz;
mod image;
mod lab;
mod packages;
mod screen;
mod seccomp;
mod signatures;
mod test;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The chores of this workspace")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// See it work: the agent advertises examples/lab to a peer on loopback; no root, no cluster
    Lab,
    /// Set up and run every test; on Debian, as root, this installs the routers to test against
    Test,
    /// Let speakers live through faults on a virtual clock: --seeds N, --from SEED, --seed SEED
    #[command(disable_help_flag = true)]
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the container image, from a static program; on Debian, as root, this installs buildah
    Image(image::Options),
    /// Check whose types stand in the public signatures of the crates
    Signatures,
    /// Write the documentation as a book of HTML to target/book, when every link in it is right
    Book,
    /// Fuzz the codec and the session with cargo-fuzz, and print executions and coverage
    Fuzz(fuzz::Options),
    /// Measure: `wire` (the codec beside five others), `table` (a table to receivers beside BIRD, FRR and
    /// GoBGP; root), `rib` (the route table alone), `policy` (the policy engine alone), `latency` (one change, from the
    /// call to a receiver), `cluster` (the agent in a large cluster, and its API server)
    Bench {
        what: Bench,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Bench {
    Wire,
    Table,
    Rib,
    Policy,
    Latency,
    Cluster,
}

impl Bench {
    fn command(self) -> &'static [&'static str] {
        match self {
            // A package of its own: nobody else has to build the other codecs.
            Self::Wire => &[
                "run",
                "--release",
                "--manifest-path",
                "benches/Cargo.toml",
                "--",
            ],
            Self::Table => &["run", "--release", "-p", "table-bench", "--"],
            Self::Cluster => &["run", "--release", "-p", "cluster-bench", "--"],
            Self::Latency => &["run", "--release", "-p", "latency-bench", "--"],
            Self::Rib => &["bench", "-p", "bgp-rib", "--bench", "table", "--"],
            Self::Policy => &[
                "bench",
                "-p",
                "antrea-bgp-policy",
                "--bench",
                "policy",
                "--",
            ],
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Lab => lab::run(),
        Chore::Test => test::run(),
        Chore::Sim { arguments } => {
            let mut sim = cargo(&["run", "--release", "-p", "sim", "--"]);
            step("sim", sim.args(arguments))
        }
        Chore::Image(options) => image::run(&options),
        Chore::Signatures => signatures::run(),
        // A program of its own, so that the first commands of a newcomer do not wait for its parser.
        Chore::Book => step("book", &mut cargo(&["run", "--quiet", "-p", "book"])),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::Bench { what, arguments } => bench(what, &arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(what: Bench, arguments: &[String]) -> Result<()> {
    // What is measured is a program of its own.
    let program: &[&str] = match what {
        Bench::Table => &["-p", "bgp-speaker", "--example", "announce"],
        Bench::Cluster => &["-p", "antrea-bgp-agent"],
        Bench::Latency | Bench::Policy | Bench::Rib | Bench::Wire => &[],
    };
    if !program.is_empty() {
        let build = [&["build", "--release"], program].concat();
        step("build the program", &mut cargo(&build))?;
    }
    step("bench", cargo(what.command()).args(arguments))
}

/// The folder of the workspace's `Cargo.toml`.
fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Cargo, as it called us, in the workspace's folder.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()).args(arguments);
    command
}

/// Runs a command to its end and says how many minutes it took.
fn step(name: &str, command: &mut Command) -> Result<()> {
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    println!(
        "==== {name}: {:.1} min",
        start.elapsed().as_secs_f32() / 60.0
    );
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}
