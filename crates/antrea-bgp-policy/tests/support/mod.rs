//! Manifests in a few words, and a node that carries out every effect and checks its order.
// Each test binary uses its own part of it, and nothing outside can.
#![allow(dead_code, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use antrea_bgp_api::{Kind, Object, ObjectRef, decode};
use antrea_bgp_policy::{
    Effect, Engine, Input, InvalidObject, KindSet, PeerSpec, ProcessSpec, SourceState, Subject,
};
use ipnet::IpNet;
use serde_json::{Value, json};

/// The node that the tests are about.
pub const NODE: &str = "node-a";

/// An object as it is written, still open to changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    kind: Kind,
    value: Value,
    undecodable: bool,
}

impl Manifest {
    fn new(kind: Kind, value: Value) -> Self {
        Self {
            kind,
            value,
            undecodable: false,
        }
    }

    /// The same object with something in it that no adapter can decode.
    pub fn undecodable(mut self) -> Self {
        self.undecodable = true;
        self
    }

    pub fn is_undecodable(&self) -> bool {
        self.undecodable
    }

    /// The text in `metadata.creationTimestamp`.
    pub fn created(&self) -> Option<&str> {
        self.value["metadata"]["creationTimestamp"].as_str()
    }

    /// What an adapter says of the object where it cannot decode it.
    pub fn invalid(&self) -> InvalidObject {
        InvalidObject {
            object: self.reference(),
            created: self.created().map(|text| text.parse().unwrap()),
            reason: "spec: invalid type".to_owned(),
        }
    }

    /// Sets a field by its JSON pointer, making the objects on the way.
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let mut at = &mut self.value;
        for part in pointer.trim_start_matches('/').split('/') {
            at = &mut at[part.replace("~1", "/")];
        }
        *at = value.into();
        self
    }

    pub fn object(&self) -> Object {
        decode(self.kind, &self.value)
            .unwrap_or_else(|e| panic!("{e}: {}", self.value))
            .object
    }

    pub fn reference(&self) -> ObjectRef {
        self.object().object_ref()
    }

    pub fn applied(&self) -> Input {
        if self.undecodable {
            let InvalidObject {
                object,
                created,
                reason,
            } = self.invalid();
            return Input::Invalid {
                object,
                created,
                reason,
            };
        }
        Input::Applied(self.object())
    }

    pub fn deleted(&self) -> Input {
        Input::Deleted(self.reference())
    }
}

/// Selects nodes labelled `bgp=enabled`, AS 64512, one peer, advertises nothing. Created in 2024,
/// on the first day of January.
pub fn policy(name: &str) -> Manifest {
    let value = json!({
        "metadata": { "name": name, "creationTimestamp": "2024-01-01T00:00:00Z" },
        "spec": {
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": 64512,
            "bgpPeers": [{ "address": "192.0.2.1", "asn": 65001 }],
        },
    });
    Manifest::new(Kind::BgpPolicy, value)
}

impl Manifest {
    /// Created on that day of January 2024.
    pub fn created_on(self, day: u32) -> Self {
        self.set(
            "/metadata/creationTimestamp",
            format!("2024-01-{day:02}T00:00:00Z"),
        )
    }

    pub fn advertising(self, ip_types: &[&str]) -> Self {
        self.set("/spec/advertisements/service/ipTypes", json!(ip_types))
    }

    pub fn advertising_pods(self) -> Self {
        self.set("/spec/advertisements/pod", json!({}))
    }

    pub fn advertising_egresses(self) -> Self {
        self.set("/spec/advertisements/egress", json!({}))
    }

    pub fn selecting(self, key: &str, value: &str) -> Self {
        self.set(
            "/spec/nodeSelector",
            json!({ "matchLabels": { key: value } }),
        )
    }

    /// Peers by address and AS number.
    pub fn peers(self, peers: &[(&str, u32)]) -> Self {
        let peers: Vec<Value> = peers
            .iter()
            .map(|(address, asn)| json!({ "address": address, "asn": asn }))
            .collect();
        self.set("/spec/bgpPeers", peers)
    }
}

/// A node with labels `bgp=enabled`, IPv4 only: InternalIP 192.0.2.10, Pod CIDR 10.10.0.0/24.
pub fn node() -> Manifest {
    let value = json!({
        "metadata": { "name": NODE, "labels": { "bgp": "enabled" } },
        "spec": { "podCIDRs": ["10.10.0.0/24"] },
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.10" }] },
    });
    Manifest::new(Kind::Node, value)
}

pub fn ipv6_node() -> Manifest {
    node().set("/spec/podCIDRs", json!(["fd00:10::/64"])).set(
        "/status/addresses",
        json!([{ "type": "InternalIP", "address": "2001:db8::10" }]),
    )
}

pub fn dual_stack_node() -> Manifest {
    node().set("/spec/podCIDRs", json!(["10.10.0.0/24", "fd00:10::/64"]))
}

impl Manifest {
    pub fn label(self, key: &str, value: &str) -> Self {
        self.set("/metadata/labels", json!({ key: value }))
    }

    pub fn router_id(self, text: &str) -> Self {
        self.set("/metadata/annotations/node.antrea.io~1bgp-router-id", text)
    }
}

/// A Service in the namespace `ns` without any address.
pub fn service(name: &str) -> Manifest {
    let value = json!({ "metadata": { "name": name, "namespace": "ns" }, "spec": {} });
    Manifest::new(Kind::Service, value)
}

impl Manifest {
    pub fn cluster_ips(self, ips: &[&str]) -> Self {
        self.set("/spec/clusterIPs", json!(ips))
    }

    pub fn external_ips(self, ips: &[&str]) -> Self {
        self.set("/spec/externalIPs", json!(ips))
    }

    pub fn load_balancer_ips(self, ips: &[&str]) -> Self {
        let ingress: Vec<Value> = ips.iter().map(|ip| json!({ "ip": ip })).collect();
        self.set("/spec/type", "LoadBalancer")
            .set("/status/loadBalancer/ingress", ingress)
    }

    pub fn internal_policy(self, policy: &str) -> Self {
        self.set("/spec/internalTrafficPolicy", policy)
    }

    pub fn external_policy(self, policy: &str) -> Self {
        self.set("/spec/externalTrafficPolicy", policy)
    }
}

/// An IPv4 slice of a Service in `ns`, without endpoints.
pub fn slice(name: &str, service: &str) -> Manifest {
    let value = json!({
        "metadata": {
            "name": name, "namespace": "ns",
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": "IPv4",
        "endpoints": [],
    });
    Manifest::new(Kind::EndpointSlice, value)
}

impl Manifest {
    /// Adds a ready endpoint on a node.
    pub fn ready_on(self, node: &str) -> Self {
        self.endpoint(json!({ "nodeName": node, "conditions": { "ready": true } }))
    }

    pub fn endpoint(mut self, endpoint: Value) -> Self {
        self.value["endpoints"]
            .as_array_mut()
            .unwrap()
            .push(endpoint);
        self
    }
}

pub fn egress(name: &str, ip: &str, node: &str) -> Manifest {
    let value = json!({
        "metadata": { "name": name },
        "spec": { "egressIP": ip },
        "status": { "egressIP": ip, "egressNode": node },
    });
    Manifest::new(Kind::Egress, value)
}

/// The Secret of passwords.
pub fn secret(passwords: &[(&str, &str)]) -> Manifest {
    let data: serde_json::Map<String, Value> = passwords
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let value = json!({
        "metadata": { "name": "antrea-bgp-passwords", "namespace": "kube-system" },
        "stringData": data,
    });
    Manifest::new(Kind::Secret, value)
}

pub fn relisted(kind: Kind, manifests: &[Manifest]) -> Input {
    let (invalid, valid): (Vec<_>, Vec<_>) = manifests.iter().partition(|m| m.undecodable);
    Input::Relisted {
        kind,
        objects: valid.into_iter().map(Manifest::object).collect(),
        invalid: invalid.into_iter().map(Manifest::invalid).collect(),
    }
}

pub fn absent(kind: Kind) -> Input {
    Input::Source {
        kind,
        state: SourceState::Absent,
    }
}

/// An engine, and what its effects have brought about.
pub struct Node {
    pub engine: Engine,
    pub process: Option<ProcessSpec>,
    pub peers: BTreeMap<IpAddr, PeerSpec>,
    pub routes: BTreeSet<IpNet>,
    pub watched: KindSet,
}

impl Node {
    /// Nothing is known yet, except that there is no Secret.
    pub fn new() -> Self {
        Self::named(NODE)
    }

    pub fn named(name: &str) -> Self {
        let mut node = Self {
            engine: Engine::new(name),
            process: None,
            peers: BTreeMap::new(),
            routes: BTreeSet::new(),
            watched: KindSet::EMPTY,
        };
        node.feed(Input::Source {
            kind: Kind::Secret,
            state: SourceState::Absent,
        });
        node
    }

    /// Nothing but these objects is known, and what followed from them is done.
    pub fn with(manifests: &[Manifest]) -> Self {
        let mut node = Self::new();
        for manifest in manifests {
            node.apply(manifest);
        }
        node
    }

    pub fn apply(&mut self, manifest: &Manifest) -> Vec<String> {
        self.feed(manifest.applied())
    }

    pub fn delete(&mut self, manifest: &Manifest) -> Vec<String> {
        self.feed(manifest.deleted())
    }

    /// Hands in one input, carries out what follows, and returns that in words, without `watch`.
    pub fn feed(&mut self, input: Input) -> Vec<String> {
        self.feed_all([input])
    }

    /// The same for several inputs at once.
    pub fn feed_all(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<String> {
        self.engine.handle_all(inputs);
        let mut words = Vec::new();
        while let Some(effect) = self.engine.poll_effect() {
            if !matches!(effect, Effect::Watch(_)) {
                words.push(in_words(&effect));
            }
            self.carry_out(effect);
        }
        let routes: BTreeSet<IpNet> = self.engine.routes().map(|route| route.prefix).collect();
        assert_eq!(self.routes, routes, "effects and routes() differ");
        assert_eq!(
            self.process.as_ref(),
            self.engine.policy().map(|p| p.process)
        );
        assert_eq!(self.watched, self.engine.needed());
        words
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::StartProcess(spec) => {
                assert_eq!(self.process.replace(*spec), None, "started twice");
            }
            Effect::StopProcess(_) => {
                assert!(self.process.take().is_some(), "stopped without a start");
                self.peers.clear();
                self.routes.clear();
            }
            Effect::SetPeer(spec) => {
                assert!(self.process.is_some(), "peer without a process");
                let former = self.peers.insert(spec.peer.address, (*spec).clone());
                assert_ne!(former, Some(*spec), "peer set to what it is");
            }
            Effect::RemovePeer(address) => {
                assert!(
                    self.peers.remove(&address).is_some(),
                    "no such peer: {address}"
                );
            }
            Effect::Announce(route) => {
                assert!(self.process.is_some(), "route without a process");
                assert!(
                    self.routes.insert(route.prefix),
                    "announced twice: {}",
                    route.prefix
                );
            }
            Effect::Withdraw(prefix) => {
                assert!(self.routes.remove(&prefix), "not announced: {prefix}");
            }
            Effect::Watch(kinds) => {
                assert_ne!(kinds, self.watched, "watch without a difference");
                self.watched = kinds;
            }
            _ => {}
        }
    }

    /// The routes as `get bgproutes` prints them.
    pub fn table(&self) -> Vec<String> {
        self.engine
            .routes()
            .map(|route| {
                let owner = route.owner();
                format!("{} {} {}", route.prefix, owner.route_type, owner.object)
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    /// What `explain` prints.
    pub fn explain(&self, subject: &str) -> String {
        let subject: Subject = subject.parse().unwrap();
        self.engine.explain(&subject).to_string()
    }

    /// The codes and fields of all that is wrong at present.
    pub fn problems(&self) -> Vec<String> {
        let line = |report: &antrea_bgp_policy::Report| {
            let field = report.field.as_deref().unwrap_or("-");
            format!("{} {} {field}", report.code, report.object)
        };
        self.engine.problems().map(line).collect()
    }
}

/// One effect in a few words.
pub fn in_words(effect: &Effect) -> String {
    match effect {
        Effect::StartProcess(spec) => {
            let mut words = format!(
                "start AS {} port {} id {}",
                spec.local_asn, spec.listen_port, spec.router_id
            );
            if let Some(confederation) = &spec.confederation {
                words += &format!(
                    " in {} with {:?}",
                    confederation.identifier, confederation.member_asns
                );
            }
            words
        }
        Effect::StopProcess(reason) => format!("stop {reason:?}"),
        Effect::SetPeer(spec) => {
            let mut words = format!("peer {} AS {}", spec.peer.address, spec.peer.asn);
            if let Some(password) = &spec.password {
                words += &format!(" password {}", String::from_utf8_lossy(password.as_bytes()));
            }
            words
        }
        Effect::RemovePeer(address) => format!("no peer {address}"),
        Effect::Announce(route) => format!("+{}", route.prefix),
        Effect::Withdraw(prefix) => format!("-{prefix}"),
        Effect::WriteRouterId(id) => format!("write {id}"),
        Effect::Watch(kinds) => format!("watch {kinds:?}"),
        Effect::Report(report) => format!("{} {} {}", report.severity, report.code, report.object),
        Effect::Mended(report) => format!("mended {} {}", report.code, report.object),
        other => format!("{other:?}"),
    }
}
