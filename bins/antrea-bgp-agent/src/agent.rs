//! The agent's one task: it owns the engine, the process and the source by value. Everything else
//! sends it messages.

use std::path::Path;
use std::time::Duration;

use antrea_bgp_policy::{Effect, Engine, Input, NODE_GRACE, Report, Severity};
use anyhow::{Result, bail};
use bgp_speaker::Shutdown;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::answers::{self, Known};
use crate::cli::ShutdownMode;
use crate::metrics::Snapshot;
use crate::process::Process;
use crate::query::Query;
use crate::source::FolderSource;

/// What a Kubernetes node gets from an operator who declares it dead.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

pub(crate) struct Agent {
    engine: Engine,
    process: Process,
    source: FolderSource,
    /// When a missing Node counts as gone.
    node_grace: Option<Instant>,
}

impl Agent {
    /// An agent for the named node, or for the only one that the folder has.
    ///
    /// # Errors
    ///
    /// No node is named, and the folder has none or several.
    pub(crate) fn new(
        source: FolderSource,
        node: Option<String>,
        folder: &Path,
        process: Process,
    ) -> Result<Self> {
        let names = source.node_names();
        let node = match (node, names.as_slice()) {
            (Some(node), names) => {
                if !names.contains(&node.as_str()) {
                    let folder = folder.display();
                    let known = names.join(", ");
                    warn!(
                        "{folder} has no Node {node:?} (it has: {known}); nothing is advertised until \
                         it has"
                    );
                }
                node
            }
            (None, [node]) => (*node).to_owned(),
            (None, []) => bail!(
                "{} has no Node, so this agent does not know where it runs; add one, or name it \
                 with --node",
                folder.display()
            ),
            (None, several) => bail!(
                "{} has {} Nodes ({}); say with --node which one this is",
                folder.display(),
                several.len(),
                several.join(", ")
            ),
        };
        Ok(Self {
            engine: Engine::new(node),
            process,
            source,
            node_grace: None,
        })
    }

    /// Runs until `stop` resolves, and takes leave of the peers. At each `look` (SIGHUP) the folder is
    /// read again, whether or not anything was noticed.
    pub(crate) async fn run(
        mut self,
        mut queries: mpsc::Receiver<Query>,
        stop: impl Future<Output = ()>,
        mut look: Signal,
        shutdown: ShutdownMode,
    ) {
        tokio::pin!(stop);
        info!(node = self.engine.node(), "the agent runs");
        self.carry_out().await;
        if self.engine.policy().is_none() {
            warn!("no BGPPolicy is in effect on this node; `check` and `plan` tell why");
        }
        loop {
            let grace = self.node_grace;
            tokio::select! {
                () = &mut stop => break,
                Some(()) = look.recv() => self.source.look(),
                rescan = self.source.changed() => {
                    let inputs = self.source.take_in(rescan);
                    self.handle(inputs).await;
                }
                Some(query) = queries.recv() => self.answer(query),
                () = sleep_until(grace), if grace.is_some() => {
                    self.node_grace = None;
                    self.handle(vec![Input::NodeGraceElapsed]).await;
                }
            }
        }
        let how = self.leave(shutdown);
        self.process.shut_down(how).await;
        self.source.close();
    }

    async fn handle(&mut self, inputs: Vec<Input>) {
        self.engine.handle_all(inputs);
        self.carry_out().await;
        self.node_grace = match (self.engine.node_missing(), self.node_grace) {
            (false, _) => None,
            (true, None) => {
                let seconds = NODE_GRACE.as_secs();
                warn!("the Node object is gone; BGP stops in {seconds} s if it stays away");
                Some(Instant::now() + NODE_GRACE)
            }
            (true, running) => running,
        };
    }

    /// Does what the engine asks for, until it asks for nothing more.
    async fn carry_out(&mut self) {
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Announce(announcement) => self.process.announce(announcement.prefix),
                Effect::Withdraw(prefix) => self.process.withdraw(prefix),
                other => {
                    self.process.flush();
                    self.carry_out_one(other).await;
                }
            }
        }
        self.process.flush();
        if self.engine.unsettled().is_empty() {
            self.process.routes_complete();
        }
    }

    async fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::StartProcess(spec) => self.process.start(&spec),
            Effect::StopProcess(reason) => self.process.stop(reason).await,
            Effect::SetPeer(peer) => self.process.set_peer(&peer),
            Effect::RemovePeer(address) => self.process.remove_peer(address),
            Effect::WriteRouterId(id) => {
                info!(router_id = %id, "router ID chosen for this node");
                self.source.write_router_id(self.engine.node(), id);
            }
            Effect::Watch(kinds) => {
                let inputs = self.source.watch(kinds);
                self.engine.handle_all(inputs);
            }
            Effect::Report(finding) => report(&finding),
            other => error!("an effect that this agent does not know is lost: {other:?}"),
        }
    }

    fn answer(&self, query: Query) {
        let known = self.known();
        // Whoever asked may have gone; nobody misses the answer then.
        match query {
            Query::Policy(back) => drop(back.send(answers::policy(&known))),
            Query::Peers(filter, back) => drop(back.send(answers::peers(&known, &filter))),
            Query::Routes(filter, back) => drop(back.send(answers::routes(&known, &filter))),
            Query::Explain(subject, back) => drop(back.send(answers::explain(&known, &subject))),
            Query::Problems(back) => drop(back.send(answers::problems(&known))),
            Query::Conditions(back) => drop(back.send(answers::conditions(&known))),
            Query::Snapshot(back) => drop(back.send(Snapshot::of(&known))),
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            engine: &self.engine,
            process: &self.process,
            source: &self.source,
        }
    }

    /// How to leave: the routes stay where an agent is replaced, and go where the node goes.
    fn leave(&self, shutdown: ShutdownMode) -> Shutdown {
        let withdraw = |why: &str| Shutdown::Withdraw {
            text: why.to_owned(),
        };
        match shutdown {
            ShutdownMode::Graceful => Shutdown::Silent,
            ShutdownMode::Withdraw => withdraw("the agent is being stopped"),
            ShutdownMode::Auto => match self.node_goes_away() {
                Some(why) => withdraw(why),
                None => Shutdown::Silent,
            },
        }
    }

    fn node_goes_away(&self) -> Option<&'static str> {
        if self.engine.node_missing() {
            return Some("the node is gone");
        }
        let node = self.source.node(self.engine.node())?;
        if node.metadata.deletion_timestamp.is_some() {
            return Some("the node is being deleted");
        }
        if node.spec.unschedulable {
            return Some("the node is being drained");
        }
        let out_of_service = node
            .spec
            .taints
            .iter()
            .any(|taint| taint.key == OUT_OF_SERVICE);
        out_of_service.then_some("the node is out of service")
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    let far = || Instant::now() + Duration::from_secs(3600);
    tokio::time::sleep_until(deadline.unwrap_or_else(far)).await;
}

/// The level says how bad it is, so the text does not.
fn report(report: &Report) {
    let (code, object, message) = (report.code.as_str(), &report.object, &report.message);
    let field = report.field.as_deref();
    match report.severity {
        Severity::Error => error!(code, %object, field, "{message}"),
        Severity::Warning => warn!(code, %object, field, "{message}"),
        _ => info!(code, %object, field, "{message}"),
    }
}
