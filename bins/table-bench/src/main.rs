//! `cargo xtask bench table`: how long a table takes to its receivers, from Established to the last
//! prefix, from our speaker and from the daemons that are installed.
//!
//! All run in one network namespace, over its loopback, with one receiver for all of them: a
//! process of one thread that counts prefixes and keeps none. A program of one thread that writes
//! the same octets and does nothing else stands beside them.

mod cell;
mod raw;
mod receive;
mod report;
mod sender;

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, Subcommand};
use interop::Namespace;
use measure::Usage;

use cell::{Sender, Version};
use receive::Seen;
use report::{Cell, Results, Run};
use sender::Task;

/// A run that takes longer is written as more than this.
const BOUND: Duration = Duration::from_secs(120);

/// How often a run is tried.
const ATTEMPTS: usize = 3;

/// Memory beyond which a cell is given up.
const MOST_MEMORY: u64 = 16 << 30;

#[derive(Parser)]
#[command(about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
struct Options {
    /// Rounds in which all senders take turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Prefixes of the tables
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    prefixes: Vec<u32>,
    /// Receivers at a time, at most 200
    #[arg(long, value_delimiter = ',', default_value = "1,16")]
    receivers: Vec<u16>,
    #[arg(long, value_delimiter = ',', default_value = "v4,v6")]
    families: Vec<Version>,
    #[arg(long, value_delimiter = ',', default_value = "raw,ours,bird,frr,gobgp")]
    senders: Vec<Sender>,
    /// Write the plot into this file
    #[arg(long)]
    svg: Option<std::path::PathBuf>,
}

/// What this program is when it calls itself.
#[derive(Subcommand)]
enum Role {
    /// Write packed UPDATEs
    #[command(hide = true)]
    Raw { version: Version, count: u32 },
    /// Receive, and print what was seen
    #[command(hide = true)]
    Receive {
        version: Version,
        receivers: u16,
        count: u64,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.role {
        Some(Role::Raw { version, count }) => raw::run(version, count),
        Some(Role::Receive {
            version,
            receivers,
            count,
        }) => receive(version, receivers, count),
        None => bench(&cli.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn receive(version: Version, receivers: u16, count: u64) -> Result<()> {
    let seen = receive::run(version, receivers, count, BOUND)?;
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}

fn bench(options: &Options) -> Result<()> {
    ensure!(
        options.receivers.iter().all(|it| (1..=200).contains(it)),
        "--receivers: 1 to 200"
    );
    let mut senders = options.senders.clone();
    senders.retain(|sender| match sender.missing() {
        None => true,
        Some(package) => {
            println!("{sender} is left out: not installed (Debian package {package})");
            false
        }
    });
    let most = options.receivers.iter().copied().max().unwrap_or(1);
    let namespace = namespace(&options.families, most + 1)?;
    let mut results = Results::default();
    for round in 0..options.rounds {
        for &version in &options.families {
            for &count in &options.prefixes {
                for turn in 0..senders.len() {
                    let sender = senders[(turn + round) % senders.len()];
                    let task = Load {
                        sender,
                        version,
                        count,
                    };
                    task.measure(&namespace, options, &mut results)
                        .with_context(|| format!("{sender}, {version}, {count} prefixes"))?;
                }
            }
        }
    }
    println!("\n{}", report::table(&results));
    if let Some(file) = &options.svg {
        std::fs::write(file, report::plot(&results)).context(file.display().to_string())?;
    }
    Ok(())
}

/// A namespace whose loopback has the addresses of the sender, its feeder and the receivers.
fn namespace(families: &[Version], receivers: u16) -> Result<Namespace> {
    let namespace = Namespace::new("bench")?;
    for &version in families {
        let length = if version == Version::V4 { 32 } else { 128 };
        let receivers = (0..receivers).map(|number| version.receiver(number));
        for address in receivers.chain([version.sender(), version.feeder()]) {
            namespace.add_address("lo", address, length)?;
        }
    }
    Ok(namespace)
}

/// One sender with one table, for any number of receivers.
struct Load {
    sender: Sender,
    version: Version,
    count: u32,
}

impl Load {
    fn measure(
        &self,
        namespace: &Namespace,
        options: &Options,
        results: &mut Results,
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        // bgpd gives up root before it makes its sockets.
        open_to_all(folder.path())?;
        let most = options.receivers.iter().copied().max().unwrap_or(1);
        let task = Task {
            namespace,
            folder: folder.path(),
            version: self.version,
            count: self.count,
            receivers: most + 1,
        };
        let running = self.sender.start(&task)?;
        for &receivers in &options.receivers {
            let cell = Cell {
                version: self.version,
                count: self.count,
                receivers,
                sender: self.sender,
            };
            self.sender.prepare(&task, receivers)?;
            // A daemon that resets a session in the middle spoils a run; that is said, and the run is
            // done again.
            let mut attempts = (1..=ATTEMPTS).map(|attempt| -> Result<Run> {
                let before = Usage::of(running.pid())?.cpu;
                let seen = self.receive(namespace, receivers);
                let seen =
                    seen.inspect_err(|error| println!("{cell}: attempt {attempt}: {error:#}"))?;
                let after = Usage::of(running.pid())?;
                Ok(Run {
                    seen,
                    cpu: after.cpu - before,
                    memory: after.peak,
                })
            });
            let Some(run) = attempts.find_map(Result::ok) else {
                println!("{cell}: given up");
                continue;
            };
            println!("{cell}: {run}");
            results.add(cell, run);
            if run.memory > MOST_MEMORY {
                bail!("more than {} GiB", MOST_MEMORY >> 30);
            }
        }
        Ok(())
    }

    fn receive(&self, namespace: &Namespace, receivers: u16) -> Result<Seen> {
        let version = match self.version {
            Version::V4 => "v4",
            Version::V6 => "v6",
        };
        let arguments = [version, &receivers.to_string(), &self.count.to_string()];
        let output = namespace
            .command(std::env::current_exe()?)
            .arg("receive")
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .context("starting the receiver")?;
        ensure!(output.status.success(), "the receiver: {}", output.status);
        serde_json::from_slice(&output.stdout).context("what the receiver printed")
    }
}

fn open_to_all(folder: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, all).with_context(|| folder.display().to_string())
}
