//! `antrea-bgp-agent`: advertises Kubernetes Service, Pod and Egress addresses to BGP peers.
//!
//! The binary composes libraries: a source of objects (`antrea-bgp-kube` or
//! `antrea-bgp-manifests`), the policy engine (`antrea-bgp-policy`) and a BGP speaker
//! (`bgp-speaker`). What it adds is the command line, a local API to look in, and metrics.

mod agent;
mod answers;
mod api;
mod capability;
mod check;
mod cli;
mod client;
mod crd;
mod get;
mod http;
mod logging;
mod metrics;
mod peer_name;
mod plan;
mod process;
mod query;
mod run;
mod snapshot;
mod source;
mod style;
mod table;
mod telling;
mod view;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use crate::cli::{Cli, Command};

/// The exit code of a command that could not do its work.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(args) => tokio::runtime::Runtime::new()
            .context("no tokio runtime")?
            .block_on(run::run(args)),
        Command::Plan(args) => plan::plan(&args),
        Command::Check(args) => check::check(&args),
        Command::Get(command) => ask(get::get(&command)),
        Command::Explain(args) => ask(get::explain(&args)),
        Command::LogLevel(args) => ask(get::log_level(&args)),
        Command::Crd => crd::crd(),
    }
}

/// Waits for one answer of a running agent.
fn ask(answer: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no tokio runtime")?
        .block_on(answer)
}
