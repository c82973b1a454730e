//! The engine: inputs in, effects out, questions answered.

use std::collections::VecDeque;

use antrea_bgp_api::Kind;
use ipnet::IpNet;

use crate::{
    Effect, Explanation, Input, KindSet, PeerView, ProcessSpec, Report, RouteView, SourceState,
    Subject,
};

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

/// One node's policy engine.
pub struct Engine {
    node: String,
    effects: VecDeque<Effect>,
    generation: u64,
}

impl Engine {
    /// An engine for the node of this name, which knows nothing yet.
    #[must_use]
    pub fn new(node: impl Into<String>) -> Self {
        Self { node: node.into(), effects: VecDeque::new(), generation: 0 }
    }
    /// Takes in what happened. What is to be done about it can be polled afterwards.
    pub fn handle(&mut self, input: Input) {
        todo!()
    }
    /// The next thing to be done, until there is none.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        todo!()
    }
    /// What the node advertises: IPv4 first; then by type, prefix length and address.
    pub fn routes(&self) -> impl Iterator<Item = RouteView<'_>> {
        Vec::new().into_iter()
    }
    /// One route, by its exact prefix.
    #[must_use]
    pub fn route(&self, prefix: &IpNet) -> Option<RouteView<'_>> {
        todo!()
    }
    /// How many routes there are.
    #[must_use]
    pub fn route_count(&self) -> usize {
        todo!()
    }
    /// The valid peers of the effective policy, by address and port.
    pub fn peers(&self) -> impl Iterator<Item = PeerView<'_>> {
        Vec::new().into_iter()
    }
    /// The effective policy.
    #[must_use]
    pub fn policy(&self) -> Option<PolicyView<'_>> {
        todo!()
    }
    /// What is wrong at present: every report that has not been mended since.
    pub fn problems(&self) -> impl Iterator<Item = &Report> {
        [].iter()
    }
    /// Why a subject is advertised, or why not.
    #[must_use]
    pub fn explain(&self, subject: &Subject) -> Explanation {
        todo!()
    }
    /// The name of the node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }
    /// Whether the Node object was there and is gone.
    #[must_use]
    pub fn node_missing(&self) -> bool {
        todo!()
    }
    /// How the source of a kind is doing.
    #[must_use]
    pub fn source(&self, kind: Kind) -> SourceState {
        todo!()
    }
    /// The kinds that are needed at present.
    #[must_use]
    pub fn watched(&self) -> KindSet {
        todo!()
    }
    /// The needed kinds whose first list has not come in yet.
    #[must_use]
    pub fn unsettled(&self) -> KindSet {
        todo!()
    }
    /// Grows whenever an answer of this engine may have changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }
    /// How many records and route entries were looked at so far: the cost of inputs, without a clock.
    #[must_use]
    pub fn touched(&self) -> u64 {
        todo!()
    }
}
