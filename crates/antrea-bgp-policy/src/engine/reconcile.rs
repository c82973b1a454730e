//! From what is wanted to what has to be done: process, peers, kinds to watch, routes.

use std::sync::Arc;

use antrea_bgp_api::{Kind, ObjectRef, Policy};
use ipnet::IpNet;
use router_id::NodeFacts;

use crate::report::{ReasonCode, Report, Severity};
use crate::route::{Owner, RouteType};
use crate::{Effect, KindSet, ProcessSpec, StopReason};

use super::ledger::Topic;
use super::normalise::{self, NodeRecord};
use super::policies::Candidate;
use super::rules::Rules;
use super::{Engine, Running};

impl Engine {
    /// Policies or the node have changed: everything may depend on that, and only what does moves.
    pub(super) fn reselect(&mut self) {
        match self.choose() {
            Some(chosen) => self.run(chosen),
            None => self.stop(),
        }
        let effective = self
            .running
            .as_ref()
            .map(|running| running.candidate.name.as_str());
        for retired in self.policies.settle(effective) {
            let object = ObjectRef::cluster(Kind::BgpPolicy, retired);
            self.ledger.mend(&object, ReasonCode::KeptLastGoodPolicy);
        }
        self.touched += self.policies.len() as u64;
        self.sync_peers();
        self.sync_needs();
        self.sync_rules();
    }

    fn choose(&self) -> Option<Arc<Candidate>> {
        // What runs goes on: a list that is late never stops a process.
        if self.running.is_none() && self.sources.policies_pending() {
            return None;
        }
        self.policies.select(&self.node.as_ref()?.labels)
    }

    /// Starts the process, or restarts it if a value changed that needs it.
    fn run(&mut self, chosen: Arc<Candidate>) {
        let Some(node) = &self.node else { return };
        let facts = NodeFacts {
            name: &self.node_name,
            annotation: node.router_id.as_deref(),
            ipv4: node.ipv4,
        };
        let outcome = self.router_id.observe(&facts);
        let process = ProcessSpec {
            local_asn: chosen.policy.local_asn,
            listen_port: chosen.policy.listen_port,
            router_id: outcome.id,
            confederation: chosen.policy.confederation.clone(),
        };
        let former = self.running.take();
        let restart = (former.as_ref()).map(|former| restart_reason(&former.process, &process));
        let started = restart != Some(None);
        if let Some(Some(reason)) = restart {
            self.effects.push_back(Effect::StopProcess(reason));
            self.table.forget_announced();
        }
        if started {
            self.effects
                .push_back(Effect::StartProcess(Box::new(process.clone())));
        }
        self.running = Some(Running {
            candidate: chosen,
            process,
            peers: former.map(|former| former.peers).unwrap_or_default(),
            started,
        });
        self.write_router_id(outcome);
    }

    /// Asks for the annotation to be written, once per value that stands in the way.
    fn write_router_id(&mut self, outcome: router_id::Outcome) {
        let annotation = self.node.as_ref().and_then(|node| node.router_id.clone());
        let object = ObjectRef::cluster(Kind::Node, self.node_name.clone());
        let reports = match (&annotation, outcome.invalid_annotation) {
            (Some(text), true) => vec![Report {
                severity: Severity::Warning,
                object: object.clone(),
                field: Some(format!(
                    "metadata.annotations[{}]",
                    antrea_bgp_api::ROUTER_ID_ANNOTATION
                )),
                code: ReasonCode::InvalidRouterId,
                message: format!(
                    "{text:?} is no IPv4 address other than 0.0.0.0; it is replaced by {}",
                    outcome.id
                ),
            }],
            _ => Vec::new(),
        };
        self.ledger.set(&object, Topic::RouterId, reports);
        let wanted = outcome.write_back.map(|id| (annotation, id));
        if wanted != self.written {
            if let Some((_, id)) = wanted {
                self.effects.push_back(Effect::WriteRouterId(id));
            }
            self.written = wanted;
        }
    }

    /// Stops the process, if it runs: nothing is for this node.
    fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let reason = if self.node.is_none() {
            StopReason::NodeGone
        } else if self.policies.has_form(&running.candidate.name) {
            StopReason::NodeDeselected
        } else {
            StopReason::PolicyGone
        };
        self.effects.push_back(Effect::StopProcess(reason));
        self.table.clear();
        self.pod_routes.clear();
    }

    /// Says which kinds are needed, and frees what is kept of those that no longer are.
    fn sync_needs(&mut self) {
        let policy = self
            .running
            .as_ref()
            .map(|running| &running.candidate.policy);
        let needed = needs(policy);
        if needed == self.sources.needed() {
            return;
        }
        let dropped = self.sources.need(needed);
        for kind in dropped.iter() {
            match kind {
                Kind::Service => self.services.clear_services(&mut self.table),
                Kind::EndpointSlice => {
                    self.services.clear_slices(&self.rules, &mut self.table);
                }
                Kind::Egress => self.egresses.clear(&mut self.table),
                Kind::Secret => self.secrets.clear(),
                Kind::BgpPolicy | Kind::Node => {}
            }
            self.ledger.retain(|object| object.kind != kind);
        }
        self.source_problems();
        self.effects.push_back(Effect::Watch(needed));
    }

    /// Lets through what the policy and the node's families now say, walking only the kinds that
    /// are concerned.
    fn sync_rules(&mut self) {
        let policy = self
            .running
            .as_ref()
            .map(|running| &running.candidate.policy);
        let rules = Rules {
            families: self
                .node
                .as_ref()
                .map(|node| node.families)
                .unwrap_or_default(),
            advertise: policy.map(normalise::advertise).unwrap_or_default(),
        };
        let former = std::mem::replace(&mut self.rules, rules);
        if former.for_services() != rules.for_services() {
            self.services.refresh_all(&rules, &mut self.table);
        }
        if former.for_egresses() != rules.for_egresses() {
            self.egresses.refresh_all(&rules, &mut self.table);
        }
        self.sync_pod_cidrs();
    }

    fn sync_pod_cidrs(&mut self) {
        let wanted: Vec<IpNet> = match &self.node {
            Some(NodeRecord { pod_cidrs, .. }) if self.rules.advertise.pods => pod_cidrs.clone(),
            _ => Vec::new(),
        };
        let owner = self.pod_owner();
        for gone in self.pod_routes.iter().filter(|cidr| !wanted.contains(cidr)) {
            self.table.remove(*gone, &owner);
        }
        for new in wanted.iter().filter(|cidr| !self.pod_routes.contains(cidr)) {
            self.table.insert(*new, owner.clone());
        }
        self.pod_routes = wanted;
    }

    /// The owner of this node's Pod CIDRs, which has no name.
    pub(super) fn pod_owner(&self) -> Owner {
        Owner {
            route_type: RouteType::NodeIpamPodCidr,
            object: Arc::clone(&self.no_object),
        }
    }

    /// Tells what is new, and turns changes of routes into effects.
    pub(super) fn finish(&mut self) {
        let news = self.ledger.take_news();
        self.effects.extend(
            news.into_iter()
                .map(|report| Effect::Report(Box::new(report))),
        );
        let mended = self.ledger.take_mended().into_iter();
        (self.effects).extend(mended.map(|report| Effect::Mended(Box::new(report))));
        self.table.flush(&mut self.effects);
        self.generation += 1;
    }
}

/// The kinds that a policy needs; without one only those that may bring one about.
fn needs(policy: Option<&Policy>) -> KindSet {
    let mut needed = KindSet::EMPTY.with(Kind::BgpPolicy).with(Kind::Node);
    let Some(policy) = policy else { return needed };
    let advertise = normalise::advertise(policy);
    if advertise.services() {
        needed = needed.with(Kind::Service).with(Kind::EndpointSlice);
    }
    if advertise.egresses {
        needed = needed.with(Kind::Egress);
    }
    if !policy.peers.is_empty() {
        needed = needed.with(Kind::Secret);
    }
    needed
}

/// Why a process with the first values cannot go on with the second.
fn restart_reason(former: &ProcessSpec, present: &ProcessSpec) -> Option<StopReason> {
    if former.local_asn != present.local_asn {
        Some(StopReason::LocalAsnChanged)
    } else if former.confederation != present.confederation {
        Some(StopReason::ConfederationChanged)
    } else if former.router_id != present.router_id {
        Some(StopReason::RouterIdChanged)
    } else if former.listen_port != present.listen_port {
        Some(StopReason::ListenPortChanged)
    } else {
        None
    }
}
