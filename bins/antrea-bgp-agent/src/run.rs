//! `run`: trace, read, bind, serve, drain.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::agent::Agent;
use crate::api::{self, ApiSocket};
use crate::cli::RunArgs;
use crate::http;
use crate::logging;
use crate::process::Process;
use crate::query::Asker;
use crate::source::FolderSource;

/// Runs the agent until SIGTERM or SIGINT.
///
/// # Errors
///
/// What it needs to begin with is not there: a folder, a node, a socket. Anything that goes wrong
/// later is reported and survived.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode> {
    let log_level = logging::start(args.log_format);
    let Some(folder) = &args.manifests else {
        bail!(
            "this version reads manifests from a folder only: name one with --manifests DIR \
             (running against a cluster's API server comes with a later version)"
        );
    };
    let source = FolderSource::open(folder, &args.state_dir.clone().unwrap_or_else(state_dir))?;
    let process = Process::new(args.listen_address.clone());
    let agent = Agent::new(source, args.node.clone(), folder, process)?;

    let (socket, _remove_socket) = ApiSocket::bind(&args.api_socket)?.into_parts();
    let tcp = TcpListener::bind(args.http_address)
        .await
        .with_context(|| {
            format!(
                "cannot serve HTTP on {}; choose another --http-address",
                args.http_address
            )
        })?;
    let stop = stop_signal()?;
    let look = signal(SignalKind::hangup()).context("SIGHUP cannot be handled")?;

    let (asker, queries) = Asker::new();
    let api =
        tokio::spawn(axum::serve(socket, api::router(asker.clone(), log_level)).into_future());
    let probes = tokio::spawn(axum::serve(tcp, http::router(asker)).into_future());

    agent.run(queries, stop, look, args.shutdown).await;
    api.abort();
    probes.abort();
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn state_dir() -> PathBuf {
    match env::var_os("XDG_STATE_HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home).join("antrea-bgp-agent"),
        None => PathBuf::from("/var/lib/antrea-bgp-agent"),
    }
}

/// Resolves at the first SIGTERM or SIGINT; a second one ends the process at once.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let (first, stop) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping");
        let _ = first.send(());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        error!("asked to stop twice: leaving at once");
        std::process::exit(2);
    });
    Ok(async move {
        let _ = stop.await;
    })
}
