//! The handle: which kinds are watched, what comes in, what is written.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use antrea_bgp_api::{Kind, Node, Object, ObjectRef};
use antrea_bgp_policy::{Input, KindSet, SourceState};
use kube::{Client, Config};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::decode::Identity;
use crate::events::{self, Events};
use crate::resource::Resource;
use crate::router_id::RouterIdWriter;
use crate::source::Source;
use crate::status::{SourceStatus, Statuses, WriteStatus};
use crate::timing::Timing;

/// Batches that may wait for the engine before the watches have to.
const WAITING_BATCHES: usize = 32;

/// How many of them are handed in together.
const TOGETHER: usize = 64;

/// A client that leaves retrying to the watches, which tell people about it.
///
/// # Errors
///
/// The credentials or certificates of the configuration cannot be read or used.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    Client::try_from(config)
}

/// What a [`Cluster`] has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// Name of the Node that the agent runs on.
    pub node: String,
    /// The agent's own namespace, where the Secret with the passwords is.
    pub namespace: String,
    /// Pauses and limits.
    pub timing: Timing,
    /// From where the jitter comes: one seed gives one sequence.
    pub seed: u64,
}

impl ClusterConfig {
    /// With the default timing, and jitter of its own.
    #[must_use]
    pub fn new(node: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            node: node.into(),
            namespace: namespace.into(),
            timing: Timing::default(),
            seed: fastrand::u64(..),
        }
    }
}

/// A cluster, as seen by the agent of one node. Dropping it ends all its watches and writes.
pub struct Cluster {
    client: Client,
    node: String,
    namespace: String,
    timing: Arc<Timing>,
    seed: u64,
    statuses: Statuses,
    uids: Uids,
    watched: KindSet,
    tasks: HashMap<Kind, Task>,
    epoch: u64,
    sender: mpsc::Sender<Batch>,
    batches: mpsc::Receiver<Batch>,
    /// When the oldest of what was yielded last came.
    arrived: Instant,
    own_node: Option<Arc<Node>>,
    router_id: RouterIdWriter,
    events: Events,
    _event_writer: Task,
}

/// What one source says at once.
pub(crate) struct Batch {
    pub(crate) kind: Kind,
    pub(crate) epoch: u64,
    /// When it came.
    pub(crate) at: Instant,
    pub(crate) inputs: Vec<Input>,
}

/// A task that ends with its owner.
pub(crate) struct Task {
    handle: JoinHandle<()>,
    epoch: u64,
}

impl Task {
    pub(crate) fn spawn(epoch: u64, task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            handle: tokio::spawn(task),
            epoch,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Cluster {
    /// Watches nothing yet.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(client: Client, config: ClusterConfig) -> Self {
        let ClusterConfig {
            node,
            namespace,
            timing,
            seed,
        } = config;
        let timing = Arc::new(timing);
        let uids = Uids::default();
        let (sender, batches) = mpsc::channel(WAITING_BATCHES);
        let router_id = RouterIdWriter::start(client.clone(), &node, Arc::clone(&timing), seed);
        let (events, writer) = events::channel(
            client.clone(),
            node.clone(),
            Arc::clone(&timing),
            uids.clone(),
            seed,
        );
        Self {
            client,
            node,
            namespace,
            timing,
            seed,
            statuses: Statuses::new(),
            uids,
            watched: KindSet::EMPTY,
            tasks: HashMap::new(),
            epoch: 0,
            sender,
            batches,
            arrived: Instant::now(),
            own_node: None,
            router_id,
            events,
            _event_writer: Task::spawn(0, writer),
        }
    }

    /// From now on these kinds are wanted, and no others: those that are new will be listed and
    /// followed, and the watches of the others end.
    pub fn watch(&mut self, kinds: KindSet) {
        for kind in self.watched.difference(kinds).iter() {
            self.tasks.remove(&kind);
            self.uids.replace(kind, HashMap::new());
            self.statuses.update(kind, |status| {
                status.enter(SourceState::Unwatched);
                status.detail = None;
                status.missing_rule = None;
            });
        }
        for kind in kinds.difference(self.watched).iter() {
            self.epoch += 1;
            let source = self.source(kind);
            let task = Task::spawn(self.epoch, source.run());
            self.tasks.insert(kind, task);
        }
        self.watched = kinds;
    }

    fn source(&self, kind: Kind) -> Source {
        Source {
            client: self.client.clone(),
            resource: Resource::of(kind, &self.node, &self.namespace),
            timing: Arc::clone(&self.timing),
            random: fastrand::Rng::with_seed(self.seed.wrapping_add(self.epoch)),
            statuses: self.statuses.clone(),
            uids: self.uids.clone(),
            out: self.sender.clone(),
            epoch: self.epoch,
        }
    }

    /// What happened next; several things where several have happened. Never empty. Cancel safe.
    pub async fn next(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        loop {
            // The channel does not close: this struct holds a sender.
            if let Some(batch) = self.batches.recv().await {
                self.take(batch, &mut inputs);
            }
            for _ in 0..TOGETHER {
                match self.batches.try_recv() {
                    Ok(batch) => self.take(batch, &mut inputs),
                    Err(_) => break,
                }
            }
            if !inputs.is_empty() {
                return inputs;
            }
        }
    }

    /// What an ended watch has left behind is not wanted any more.
    fn take(&mut self, batch: Batch, inputs: &mut Vec<Input>) {
        let current = self.tasks.get(&batch.kind).map(|task| task.epoch);
        if current != Some(batch.epoch) {
            return;
        }
        if batch.kind == Kind::Node {
            batch.inputs.iter().for_each(|input| self.note_node(input));
        }
        if inputs.is_empty() {
            self.arrived = batch.at;
        }
        inputs.extend(batch.inputs);
    }

    /// When the oldest of what [`Cluster::next`] yielded last came from the API server.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    fn note_node(&mut self, input: &Input) {
        match input {
            Input::Applied(Object::Node(node)) => self.own_node = Some(Arc::clone(node)),
            Input::Deleted(_) => self.own_node = None,
            Input::Relisted {
                objects, invalid, ..
            } => match objects.first() {
                Some(Object::Node(node)) => self.own_node = Some(Arc::clone(node)),
                // One that cannot be decoded is still there.
                _ if !invalid.is_empty() => {}
                _ => self.own_node = None,
            },
            _ => {}
        }
    }

    /// The Node that the agent runs on, as [`Cluster::next`] has yielded it last.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.own_node.as_deref()
    }

    /// Has the router ID written to the annotation of the Node. It is tried until it succeeds or
    /// another one comes.
    pub fn write_router_id(&self, id: Ipv4Addr) {
        self.router_id.write(id);
    }

    /// How writing the router ID is doing.
    #[must_use]
    pub fn router_id_status(&self) -> WriteStatus {
        self.router_id.status()
    }

    /// Changes whenever [`Cluster::router_id_status`] does.
    #[must_use]
    pub fn router_id_changes(&self) -> watch::Receiver<WriteStatus> {
        self.router_id.changes()
    }

    /// Where to tell people what happens.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// How the watch of each kind is doing, in the order of [`Kind::ALL`].
    #[must_use]
    pub fn statuses(&self) -> Vec<SourceStatus> {
        self.statuses.all()
    }
}

/// The UIDs of the objects that Events are about: `kubectl describe` finds Events by them.
#[derive(Clone, Default)]
pub(crate) struct Uids(Arc<Mutex<HashMap<ObjectRef, String>>>);

impl Uids {
    pub(crate) fn get(&self, object: &ObjectRef) -> Option<String> {
        self.change(|uids| uids.get(object).cloned())
    }

    pub(crate) fn insert(&self, identity: &Identity) {
        if is_told_about(identity.object.kind) {
            self.change(|uids| uids.insert(identity.object.clone(), identity.uid.clone()));
        }
    }

    pub(crate) fn remove(&self, object: &ObjectRef) {
        if is_told_about(object.kind) {
            self.change(|uids| uids.remove(object));
        }
    }

    pub(crate) fn replace(&self, kind: Kind, all: HashMap<ObjectRef, String>) {
        if is_told_about(kind) {
            self.change(|uids| {
                uids.retain(|object, _| object.kind != kind);
                uids.extend(all);
            });
        }
    }

    fn change<T>(&self, f: impl FnOnce(&mut HashMap<ObjectRef, String>) -> T) -> T {
        // Nothing under the lock can panic halfway through a change.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether Events are written about objects of this kind.
pub(crate) fn is_told_about(kind: Kind) -> bool {
    matches!(kind, Kind::BgpPolicy | Kind::Node)
}
