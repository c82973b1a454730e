//! `run`: trace, read, bind, serve, drain.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
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
use crate::source::{ClusterSource, FolderSource, Source};

/// Runs the agent until SIGTERM or SIGINT.
///
/// # Errors
///
/// What it needs to begin with is not there: a folder, a node, a socket. Anything that goes wrong
/// later is reported and survived.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode> {
    let log_level = logging::start(args.log_format);
    let (source, node) = source(&args).await?;
    let agent = Agent::new(source, node, Process::new(args.listen_address.clone()));

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
    let probes =
        tokio::spawn(axum::serve(tcp, http::router(asker, args.status_page)).into_future());

    agent.run(queries, stop, look, args.shutdown).await;
    api.abort();
    probes.abort();
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Where objects come from, and the node that the agent runs for.
async fn source(args: &RunArgs) -> Result<(Source, String)> {
    // An empty NODE_NAME is what a manifest leaves behind that has none to give.
    let node = args.node.clone().filter(|node| !node.is_empty());
    if let Some(folder) = &args.manifests {
        let state_dir = args.state_dir.clone().unwrap_or_else(state_dir);
        let source = FolderSource::open(folder, &state_dir)?;
        let node = source.choose_node(node, folder)?;
        return Ok((Source::Folder(source), node));
    }
    let node = node.context(
        "in a cluster the agent has to know its Node: set NODE_NAME (in a Pod from the field \
         spec.nodeName) or --node; to read a folder of YAML in place of a cluster, name it with \
         --manifests",
    )?;
    let source = ClusterSource::connect(node.clone()).await?;
    Ok((Source::Cluster(Box::new(source)), node))
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
