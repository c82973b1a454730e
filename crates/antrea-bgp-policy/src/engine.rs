//! The engine: inputs in, effects out, questions answered.

mod egresses;
mod explaining;
mod inputs;
mod ledger;
mod normalise;
mod passwords;
mod peers;
mod policies;
mod reconcile;
mod rules;
mod services;
mod sources;
mod table;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use antrea_bgp_api::{DEFAULT_NAMESPACE, Kind, ObjectRef, PASSWORDS_SECRET};
use ipnet::IpNet;
use router_id::RouterId;

use crate::{
    Effect, KindSet, PeerSpec, PeerView, ProcessSpec, Report, RouteType, RouteView, SourceState,
};

use egresses::Egresses;
use ledger::Ledger;
use normalise::NodeRecord;
use passwords::Passwords;
pub use passwords::password_key;
use policies::{Candidate, Policies};
use rules::Rules;
use services::Services;
use sources::Sources;
use table::RouteTable;

/// Effects beyond this many give their memory back once they have been polled.
const EFFECTS_KEPT: usize = 1024;

/// One node's policy engine: see the [crate's documentation](crate).
///
/// It is owned by value by one task. Nothing in it waits, and an input costs what it changes.
pub struct Engine {
    node_name: String,
    /// The Node object; while `node_missing`, what it was last.
    node: Option<NodeRecord>,
    node_missing: bool,
    policies: Policies,
    sources: Sources,
    router_id: RouterId,
    /// The write that was asked for last, and the annotation that stood in its place then.
    written: Option<(Option<String>, Ipv4Addr)>,
    running: Option<Running>,
    rules: Rules,
    services: Services,
    egresses: Egresses,
    /// The first by namespace counts. Where the source offers one Secret, it is the one. `None`
    /// where it cannot be decoded and never could.
    secrets: BTreeMap<ObjectRef, Option<Passwords>>,
    /// The Secret that counted last, or would be looked for.
    secret: ObjectRef,
    /// The Pod CIDRs that are in the table.
    pod_routes: Vec<IpNet>,
    /// The empty name, shared by all owners that have none.
    no_object: Arc<str>,
    table: RouteTable,
    ledger: Ledger,
    effects: VecDeque<Effect>,
    generation: u64,
    touched: u64,
}

/// The BGP process, as effects have brought it about.
struct Running {
    candidate: Arc<Candidate>,
    process: ProcessSpec,
    /// While `started`, those of the process before, of which this one has none yet.
    peers: BTreeMap<IpAddr, PeerSpec>,
    /// The process is new, and no peer was handed on yet.
    started: bool,
}

/// The effective policy, as [`Engine::policy`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyView<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the BGP process runs with.
    pub process: &'a ProcessSpec,
    /// Whether the object was made invalid since, and its last good form is in effect.
    pub last_good: bool,
}

impl Engine {
    /// An engine for the node of this name, which knows nothing yet. Its first effect is the
    /// [`Watch`](Effect::Watch) for what it always needs.
    #[must_use]
    pub fn new(node: impl Into<String>) -> Self {
        let mut sources = Sources::default();
        let always = KindSet::EMPTY.with(Kind::BgpPolicy).with(Kind::Node);
        let _ = sources.need(always);
        Self {
            node_name: node.into(),
            node: None,
            node_missing: false,
            policies: Policies::default(),
            sources,
            router_id: RouterId::default(),
            written: None,
            running: None,
            rules: Rules::default(),
            services: Services::default(),
            egresses: Egresses::default(),
            secrets: BTreeMap::new(),
            secret: ObjectRef::namespaced(Kind::Secret, DEFAULT_NAMESPACE, PASSWORDS_SECRET),
            pod_routes: Vec::new(),
            no_object: Arc::from(""),
            table: RouteTable::default(),
            ledger: Ledger::default(),
            effects: VecDeque::from([Effect::Watch(always)]),
            generation: 0,
            touched: 0,
        }
    }

    /// Goes on with a router ID that was selected before this engine was made: to be called before the
    /// first input. `written` says whether the annotation of the Node was seen to hold it, so that its
    /// absence means that someone removed it.
    ///
    /// An agent that starts again does not need this: it finds the router ID in the annotation.
    pub fn resume_router_id(&mut self, id: Ipv4Addr, written: bool) {
        self.router_id = RouterId::resumed(id, written);
    }

    /// The next thing to be done, until there is none.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if effect.is_none() && self.effects.capacity() > EFFECTS_KEPT {
            self.effects = VecDeque::new();
        }
        effect
    }

    /// What the node has to advertise, in the order of `antctl`: IPv4 first; then by type, prefix length
    /// and address. A route of a family of which the policy has no peer is among them.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = RouteView<'_>> {
        self.table.sorted().into_iter()
    }

    /// One route, by its exact prefix.
    #[must_use]
    pub fn route(&self, prefix: &IpNet) -> Option<RouteView<'_>> {
        self.table.get(prefix)
    }

    /// How many routes there are.
    #[must_use]
    pub fn route_count(&self) -> usize {
        self.table.len()
    }

    /// How many routes there are of each type; of several owners the first counts. All types are
    /// there.
    #[must_use]
    pub fn routes_by_type(&self) -> BTreeMap<RouteType, usize> {
        self.table.by_type()
    }

    /// The valid peers of the effective policy, by address: IPv4 first.
    pub fn peers(&self) -> impl Iterator<Item = PeerView<'_>> {
        let mut peers: Vec<PeerView<'_>> = Vec::new();
        if let Some(running) = &self.running {
            peers.extend(running.candidate.policy.peers.iter().map(|peer| {
                let configured = running.peers.get(&peer.address);
                let authenticated = configured.is_some_and(|spec| spec.password.is_some());
                PeerView {
                    peer,
                    authenticated,
                    state: self.peer_state(peer, &running.peers),
                }
            }));
        }
        peers.sort_by_key(|view| (view.peer.address, view.peer.port));
        peers.into_iter()
    }

    /// The effective policy, and what the BGP process runs with.
    #[must_use]
    pub fn policy(&self) -> Option<PolicyView<'_>> {
        self.running.as_ref().map(|running| PolicyView {
            name: &running.candidate.name,
            process: &running.process,
            last_good: self.policies.is_broken(&running.candidate.name),
        })
    }

    /// The policies that select this node and are not in effect, since an older one is.
    pub fn overruled(&self) -> impl Iterator<Item = &str> {
        let effective = self
            .running
            .as_ref()
            .map(|running| &*running.candidate.name);
        let labels = self.node.as_ref().map(|node| &node.labels);
        labels
            .zip(effective)
            .into_iter()
            .flat_map(|(labels, effective)| {
                let matching = self.policies.matching(labels);
                matching.filter(move |name| *name != effective)
            })
    }

    /// The invalid policies that select this node, or might if they could be read. One that is in
    /// effect by its last good form is among them.
    pub fn invalid_policies(&self) -> impl Iterator<Item = &str> {
        let labels = self.node.as_ref().map(|node| &node.labels);
        labels
            .into_iter()
            .flat_map(|labels| self.policies.broken_for(labels))
    }

    /// What is wrong at present: every report about a lasting state that was not mended since.
    pub fn problems(&self) -> impl Iterator<Item = &Report> {
        self.ledger.iter()
    }

    /// The name of the node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node_name
    }

    /// Whether the Node object was there and is gone, while all goes on as if it were not.
    ///
    /// The owner of the engine arms a timer of [`NODE_GRACE`](crate::NODE_GRACE) when this becomes
    /// true, drops it when it becomes false, and hands in
    /// [`Input::NodeGraceElapsed`](crate::Input::NodeGraceElapsed) when the timer fires.
    #[must_use]
    pub fn node_missing(&self) -> bool {
        self.node_missing
    }

    /// Whether the Node was looked for and is not there; unlike [`Engine::node_missing`] also where it never was.
    #[must_use]
    pub fn node_absent(&self) -> bool {
        let node = ObjectRef::cluster(Kind::Node, self.node_name.clone());
        self.sources.is_known(Kind::Node)
            && (self.node.is_none() || self.node_missing)
            && self.ledger.undecodable(&node).is_none()
    }

    /// How the source of a kind is doing.
    #[must_use]
    pub fn source(&self, kind: Kind) -> SourceState {
        self.sources.state(kind)
    }

    /// Whether the objects of a kind are known: it was listed, or found absent, whatever became of its
    /// source since.
    #[must_use]
    pub fn knows(&self, kind: Kind) -> bool {
        self.sources.is_known(kind)
    }

    /// The kinds that are needed at present.
    #[must_use]
    pub fn needed(&self) -> KindSet {
        self.sources.needed()
    }

    /// The needed kinds that were neither listed nor found absent or denied: as long as there are
    /// any, more routes or peers may follow.
    #[must_use]
    pub fn unsettled(&self) -> KindSet {
        self.sources.unsettled()
    }

    /// Grows with every input, so whenever an answer of this engine may have changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many policies, Services, addresses, owners of prefixes and objects with problems were
    /// looked at so far. The difference over one input is its cost, measured without a clock.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.touched
            + self.table.touched()
            + self.services.touched()
            + self.egresses.touched()
            + self.ledger.touched()
    }
}

impl fmt::Debug for Engine {
    /// Only what identifies the engine: its records are many, and passwords are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("node", &self.node_name)
            .field("policy", &self.policy())
            .field("routes", &self.route_count())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
