//! The agent's one task: it owns the engine, the process and the source by value. Everything else
//! sends it messages.

use std::time::Duration;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{
    Effect, Engine, Input, NODE_GRACE, PeerState, PeerView, Report, Severity, StartPhase, Startup,
};
use bgp_speaker::Shutdown;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::answers::{self, Known};
use crate::cli::ShutdownMode;
use crate::metrics::Snapshot;
use crate::plan::Intent;
use crate::process::Process;
use crate::query::Query;
use crate::source::Source;
use crate::telling::{self, Teller};

/// What a Kubernetes node gets from an operator who declares it dead.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

pub(crate) struct Agent {
    engine: Engine,
    process: Process,
    source: Source,
    /// The waiting rules of the BGP process that runs.
    startup: Option<Startup>,
    teller: Teller,
    /// When a missing Node counts as gone.
    node_grace: Option<Instant>,
    said_whether_idle: bool,
    started: std::time::Instant,
}

impl Agent {
    /// An agent for the node of this name.
    pub(crate) fn new(source: Source, node: String, process: Process) -> Self {
        Self {
            engine: Engine::new(node),
            process,
            source,
            startup: None,
            teller: Teller::default(),
            node_grace: None,
            said_whether_idle: false,
            started: std::time::Instant::now(),
        }
    }

    /// Runs until `stop` resolves, and takes leave of the peers. At each `look` (SIGHUP) the source
    /// looks again, whether or not anything was noticed.
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
        self.note_selection();
        loop {
            let grace = self.node_grace;
            let start = self.startup.and_then(|startup| startup.deadline());
            let start = start.map(Instant::from_std);
            tokio::select! {
                () = &mut stop => break,
                Some(()) = look.recv() => self.source.look(),
                inputs = self.source.next() => {
                    let since = self.source.arrived();
                    self.handle(since, inputs).await;
                }
                () = self.process.changed() => self.tell_of_sessions(),
                Some(query) = queries.recv() => self.answer(query),
                () = sleep_until(start), if start.is_some() => self.go_on_starting(),
                () = sleep_until(grace), if grace.is_some() => {
                    self.node_grace = None;
                    let now = Instant::now().into_std();
                    self.handle(now, vec![Input::NodeGraceElapsed]).await;
                }
            }
        }
        let how = self.leave(shutdown);
        self.process.shut_down(how).await;
        self.source.close();
    }

    /// Takes in what came up at `since`.
    async fn handle(&mut self, since: std::time::Instant, inputs: Vec<Input>) {
        self.process.follows_from(since);
        let selects = inputs.iter().any(is_about_selection);
        self.engine.handle_all(inputs);
        self.carry_out().await;
        if selects {
            self.note_selection();
        }
    }

    /// What follows where another policy may be in effect now, or the node be another.
    fn note_selection(&mut self) {
        self.node_grace = match (self.engine.node_missing(), self.node_grace) {
            (false, _) => None,
            (true, None) => {
                let seconds = NODE_GRACE.as_secs();
                warn!("the Node object is gone; BGP stops in {seconds} s if it stays away");
                Some(Instant::now() + NODE_GRACE)
            }
            (true, running) => running,
        };
        for event in self.teller.policies(&self.engine) {
            self.source.tell(event);
        }
        self.say_whether_idle();
    }

    /// Once, when it is known: an agent that does nothing should say that it knows.
    fn say_whether_idle(&mut self) {
        let unsettled = self.engine.unsettled();
        let is_known = !unsettled.contains(Kind::BgpPolicy) && !unsettled.contains(Kind::Node);
        if is_known
            && !std::mem::replace(&mut self.said_whether_idle, true)
            && self.engine.policy().is_none()
        {
            warn!(
                "no BGPPolicy is in effect on this node; `get bgppolicy` tells what is wrong, if anything is"
            );
        }
    }

    fn tell_of_sessions(&mut self) {
        let status = self.process.status();
        for event in self.teller.sessions(self.engine.node(), status.as_ref()) {
            self.source.tell(event);
        }
    }

    /// Does what the engine asks for, until it asks for nothing more.
    async fn carry_out(&mut self) {
        let (mut reports, mut mended) = (Vec::new(), Vec::new());
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Announce(announcement) => self.process.announce(announcement.prefix),
                Effect::Withdraw(prefix) => self.process.withdraw(prefix),
                Effect::Report(report) => reports.push(*report),
                Effect::Mended(report) => mended.push(*report),
                other => {
                    self.process.flush();
                    self.carry_out_one(other).await;
                }
            }
        }
        self.process.flush();
        self.tell_reports(&reports);
        // What the folder reports itself, it also says is over.
        let is_ours = |found: &&Report| !self.source.logs(found);
        mended.iter().filter(is_ours).for_each(no_longer);
        self.go_on_starting();
    }

    /// All together: where they stand in a folder is looked up in one go.
    fn tell_reports(&self, reports: &[Report]) {
        let is_ours = |found: &&Report| !self.source.logs(found);
        let ours: Vec<_> = reports.iter().filter(is_ours).collect();
        let places = self.source.locate(&ours);
        for (found, place) in ours.into_iter().zip(places) {
            report(found, place.as_deref());
        }
        for found in reports {
            if let Some(event) = telling::of_report(found, self.engine.node()) {
                self.source.tell(event);
            }
        }
    }

    /// Opens sessions and lets End-of-RIB go, each when its time has come.
    fn go_on_starting(&mut self) {
        let Some(startup) = &mut self.startup else {
            return;
        };
        let before = startup.phase();
        let unsettled = self.engine.unsettled();
        let now = Instant::now().into_std();
        let phase = startup.advance(now, unsettled, restart_times(&self.engine));
        if phase == before {
            return;
        }
        if !unsettled.is_empty() {
            let missing = unsettled.iter().map(Kind::as_str).collect::<Vec<_>>();
            let missing = missing.join(", ");
            match phase {
                StartPhase::Open => warn!(
                    "sessions open although not all is known; End-of-RIB waits for: {missing}"
                ),
                _ => warn!("End-of-RIB goes out although not all is known; missing: {missing}"),
            }
        }
        if phase >= StartPhase::Open {
            self.process.open_sessions();
        }
        if phase == StartPhase::Complete {
            self.process.routes_complete();
        }
    }

    async fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::StartProcess(spec) => {
                self.process.start(&spec);
                self.startup = Some(Startup::new(Instant::now().into_std()));
            }
            Effect::StopProcess(reason) => {
                self.startup = None;
                self.process.stop(reason).await;
                self.tell_of_sessions();
            }
            Effect::SetPeer(peer) => self.process.set_peer(&peer),
            Effect::RemovePeer(address) => self.process.remove_peer(address),
            Effect::WriteRouterId(id) => {
                info!(router_id = %id, "router ID chosen for this node");
                self.source.write_router_id(self.engine.node(), id);
                self.source.tell(telling::router_id(self.engine.node(), id));
            }
            Effect::Watch(kinds) => {
                let inputs = self.source.watch(kinds);
                self.engine.handle_all(inputs);
            }
            other => error!("an effect that this agent does not know is lost: {other:?}"),
        }
    }

    fn answer(&self, query: Query) {
        let known = self.known();
        // Whoever asked may have gone; nobody misses the answer then.
        match query {
            Query::Agent(back) => drop(back.send(answers::agent(&known))),
            Query::Policy { placed, back } => drop(back.send(answers::policy(&known, placed))),
            Query::Peers(filter, back) => drop(back.send(answers::peers(&known, &filter))),
            Query::Peer(name, back) => {
                drop(back.send(answers::peer(&known, &name).map(Box::new)));
            }
            Query::Plan(back) => drop(back.send(self.intent())),
            Query::Routes(filter, back) => drop(back.send(answers::routes(&known, &filter))),
            Query::Explain(subject, back) => drop(back.send(answers::explain(&known, &subject))),
            Query::Problems { placed, back } => drop(back.send(answers::problems(&known, placed))),
            Query::Conditions(back) => drop(back.send(answers::conditions(&known))),
            Query::Snapshot(back) => drop(back.send(Snapshot::of(&known))),
        }
    }

    /// What is decided, with what another decision depends on.
    fn intent(&self) -> Intent {
        let annotation = self.source.router_id_annotation(self.engine.node());
        Intent {
            router_id_annotation: annotation.map(str::to_owned),
            ..Intent::of(&self.engine)
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            engine: &self.engine,
            process: &self.process,
            source: &self.source,
            started: self.started,
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

/// Whether another policy may be in effect after this, or the node be another.
fn is_about_selection(input: &Input) -> bool {
    let kind = match input {
        Input::Applied(object) => object.kind(),
        Input::Invalid { object, .. } | Input::Deleted(object) => object.kind,
        Input::Relisted { kind, .. } | Input::Source { kind, .. } => *kind,
        _ => return true,
    };
    matches!(kind, Kind::BgpPolicy | Kind::Node)
}

/// The restart times of the peers that have graceful restart (RFC 4724) and a session to come.
fn restart_times(engine: &Engine) -> impl Iterator<Item = Duration> {
    let has_session = |peer: &PeerView<'_>| !matches!(peer.state, PeerState::Skipped(_));
    let peers = engine.peers().filter(has_session);
    peers
        .filter(|peer| peer.peer.graceful_restart)
        .map(|peer| Duration::from_secs(peer.peer.graceful_restart_time.into()))
}

async fn sleep_until(deadline: Option<Instant>) {
    let far = || Instant::now() + Duration::from_secs(3600);
    tokio::time::sleep_until(deadline.unwrap_or_else(far)).await;
}

/// Who searches the log for errors does not look for those that are over.
fn no_longer(report: &Report) {
    let (code, object, message) = (report.code.as_str(), &report.object, &report.message);
    let field = report.field.as_deref();
    info!(code, %object, field, "no longer found: {message}");
}

/// The level says how bad it is, so the text does not. `place` is where the object or the field
/// stands in a file.
fn report(report: &Report, place: Option<&str>) {
    let (code, object, message) = (report.code.as_str(), &report.object, &report.message);
    let field = report.field.as_deref();
    match report.severity {
        Severity::Error => error!(code, %object, field, place, "{message}"),
        Severity::Warning => warn!(code, %object, field, place, "{message}"),
        _ => info!(code, %object, field, place, "{message}"),
    }
}
