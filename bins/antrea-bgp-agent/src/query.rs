//! Questions to the agent's task, which alone owns the engine: they travel as messages.

use antrea_bgp_policy::Subject;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{Condition, Filter, Missing};
use crate::metrics::Snapshot;
use crate::peer_name::PeerName;
use crate::plan::Intent;
use crate::view::{AgentView, ExplanationView, PeerDetail, PeerView, PolicyView, RouteView};

/// One question, with the way back.
pub(crate) enum Query {
    Agent(oneshot::Sender<AgentView>),
    Policy {
        /// Whether to look up where in a folder the problems are.
        placed: bool,
        back: oneshot::Sender<Result<PolicyView, Missing>>,
    },
    Peers(Filter, oneshot::Sender<Result<Vec<PeerView>, Missing>>),
    Peer(PeerName, oneshot::Sender<Result<Box<PeerDetail>, Missing>>),
    Routes(Filter, oneshot::Sender<Result<Vec<RouteView>, Missing>>),
    Plan(oneshot::Sender<Intent>),
    Explain(Subject, oneshot::Sender<ExplanationView>),
    Problems {
        /// Whether to look up where in a folder they are.
        placed: bool,
        back: oneshot::Sender<Vec<String>>,
    },
    Conditions(oneshot::Sender<Vec<Condition>>),
    Snapshot(oneshot::Sender<Snapshot>),
}

/// The askers' end.
#[derive(Clone)]
pub(crate) struct Asker(mpsc::Sender<Query>);

impl Asker {
    /// An asker, and the end that the agent's task reads.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Query>) {
        // Whoever asks more than the agent answers has to wait.
        let (sender, receiver) = mpsc::channel(16);
        (Self(sender), receiver)
    }

    /// Asks, and waits for the answer; none when the agent is stopping.
    pub(crate) async fn ask<T>(
        &self,
        query: impl FnOnce(oneshot::Sender<T>) -> Query,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.0.send(query(sender)).await.ok()?;
        receiver.await.ok()
    }
}
