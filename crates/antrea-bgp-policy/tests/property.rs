//! Whatever happens in whatever order: the engine ends where one ends that is told only the result,
//! and its effects, carried out, are its routes. (`support::Node` checks the latter at every step.)

mod support;

use std::collections::BTreeMap;

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_policy::{Input, SourceState};
use proptest::prelude::*;
use serde_json::json;
use support::*;

const NODES: [&str; 2] = [NODE, "node-b"];
const TYPES: [&str; 3] = ["ClusterIP", "ExternalIP", "LoadBalancerIP"];
const POLICIES: [&str; 2] = ["Cluster", "Local"];

/// What happens to the cluster.
#[derive(Clone, Debug)]
enum Event {
    Apply(Manifest),
    /// Several changes of one kind are taken in at once.
    ApplyAll(Kind, Vec<Manifest>),
    Delete(Manifest),
    /// The watch of a kind broke, these events of the kind were lost, and it is listed again.
    LoseAndRelist(Kind, Vec<Manifest>),
}

fn policies() -> impl Strategy<Value = Manifest> {
    let advertised = (
        proptest::sample::subsequence(TYPES.to_vec(), 0..=3),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let process = (0u32..3, 1u32..4, 0usize..3);
    (process, advertised, 0usize..3).prop_map(|(process, advertised, peers)| {
        let ((name, day, label), (types, pods, egresses, withdraw)) = (process, advertised);
        let all = [("192.0.2.1", 65001), ("2001:db8::1", 65001)];
        let mut policy = policy(&format!("p{name}"))
            .created_on(day)
            .selecting("bgp", ["enabled", "other", "nowhere"][label])
            .set("/spec/localASN", 64512 + day % 2)
            .peers(&all[..peers]);
        if !types.is_empty() {
            policy = policy.advertising(&types).set(
                "/spec/advertisements/service/withdrawWhenNoEndpoints",
                withdraw,
            );
        }
        if pods {
            policy = policy.advertising_pods();
        }
        if egresses {
            policy = policy.advertising_egresses();
        }
        policy
    })
}

/// Always annotated: which router ID is latched depends on history, and is tested elsewhere.
fn nodes() -> impl Strategy<Value = Manifest> {
    (0usize..2, 0usize..3).prop_map(|(label, families)| {
        let node = [node(), ipv6_node(), dual_stack_node()][families].clone();
        node.label("bgp", ["enabled", "other"][label])
            .router_id("192.0.2.10")
    })
}

/// Few names and few addresses, so that they are shared.
fn services() -> impl Strategy<Value = Manifest> {
    let addresses = || {
        let all = ["198.51.100.1", "198.51.100.2", "2001:db8:e::1"];
        proptest::sample::subsequence(all.to_vec(), 0..=3)
    };
    let kinds = ["ClusterIP", "LoadBalancer", "ExternalName"];
    (
        0u32..3,
        0usize..3,
        addresses(),
        addresses(),
        0usize..2,
        0usize..2,
    )
        .prop_map(
            move |(name, kind, external, ingress, internal_policy, external_policy)| {
                let ip = format!("10.96.0.{name}");
                service(&format!("s{name}"))
                    .cluster_ips(&[if name == 2 { "None" } else { &ip }])
                    .external_ips(&external)
                    .load_balancer_ips(&ingress)
                    .set("/spec/type", kinds[kind])
                    .internal_policy(POLICIES[internal_policy])
                    .external_policy(POLICIES[external_policy])
            },
        )
}

fn slices() -> impl Strategy<Value = Manifest> {
    let endpoint = (0usize..2, any::<bool>(), any::<bool>());
    let endpoints = proptest::collection::vec(endpoint, 0..3);
    (0u32..4, 0u32..3, any::<bool>(), endpoints).prop_map(|(name, service, v6, endpoints)| {
        let mut slice = slice(&format!("e{name}"), &format!("s{service}"));
        if v6 {
            slice = slice.set("/addressType", "IPv6");
        }
        for (node, ready, terminating) in endpoints {
            slice = slice.endpoint(json!({
                "nodeName": NODES[node],
                "conditions": { "ready": ready, "serving": true, "terminating": terminating },
            }));
        }
        slice
    })
}

fn egresses() -> impl Strategy<Value = Manifest> {
    (0u32..2, 1u32..3, 0usize..2).prop_map(|(name, ip, node)| {
        egress(
            &format!("e{name}"),
            &format!("198.51.100.{ip}"),
            NODES[node],
        )
    })
}

fn secrets() -> impl Strategy<Value = Manifest> {
    any::<bool>()
        .prop_map(|other| secret(&[("192.0.2.1-65001", if other { "other" } else { "one" })]))
}

fn manifests() -> impl Strategy<Value = Manifest> {
    prop_oneof![
        2 => policies(),
        1 => nodes(),
        4 => services(),
        4 => slices(),
        2 => egresses(),
        1 => secrets(),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let some = || {
        let kinds = proptest::sample::select(Kind::ALL.to_vec());
        (kinds, proptest::collection::vec(manifests(), 0..8))
    };
    prop_oneof![
        6 => manifests().prop_map(Event::Apply),
        2 => manifests().prop_map(Event::Delete),
        1 => some().prop_map(|(kind, lost)| Event::LoseAndRelist(kind, lost)),
        1 => some().prop_map(|(kind, all)| Event::ApplyAll(kind, all)),
    ]
}

/// The cluster as it is, and a node that follows it as a watch would.
struct World {
    objects: BTreeMap<ObjectRef, Manifest>,
    node: Node,
}

impl World {
    fn of(&self, kind: Kind) -> Vec<Manifest> {
        let objects = self.objects.values();
        objects
            .filter(|manifest| manifest.object().kind() == kind)
            .cloned()
            .collect()
    }

    /// Only watched kinds are followed, and kinds that become watched are listed.
    fn feed(&mut self, kind: Kind, inputs: Vec<Input>) {
        let before = self.node.watched;
        if before.contains(kind) {
            self.node.feed_all(inputs);
        }
        for kind in self.node.watched.difference(before).iter() {
            self.node.feed(relisted(kind, &self.of(kind)));
        }
        if kind == Kind::Node && self.node.engine.node_missing() {
            self.node.feed(Input::NodeGraceElapsed);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Apply(manifest) => {
                let reference = manifest.reference();
                let kind = reference.kind;
                let input = manifest.applied();
                self.objects.insert(reference, manifest);
                self.feed(kind, vec![input]);
            }
            Event::ApplyAll(kind, manifests) => {
                let mut inputs = Vec::new();
                for manifest in manifests.into_iter().filter(|m| m.object().kind() == kind) {
                    inputs.push(manifest.applied());
                    self.objects.insert(manifest.reference(), manifest);
                }
                self.feed(kind, inputs);
            }
            Event::Delete(manifest) => {
                let reference = manifest.reference();
                self.objects.remove(&reference);
                self.feed(reference.kind, vec![Input::Deleted(reference)]);
            }
            Event::LoseAndRelist(kind, lost) => {
                for manifest in lost.into_iter().filter(|m| m.object().kind() == kind) {
                    let reference = manifest.reference();
                    if self.objects.remove(&reference).is_none() {
                        self.objects.insert(reference, manifest);
                    }
                }
                self.feed(kind, vec![relisted(kind, &self.of(kind))]);
            }
        }
    }

    /// A node that is told only what there is now, kind by kind.
    fn retold(&self) -> Node {
        let mut fresh = Node::new();
        for kind in Kind::ALL {
            fresh.feed(relisted(kind, &self.of(kind)));
        }
        fresh
    }
}

/// All that can be seen of a node.
fn seen(node: &Node) -> impl PartialEq + std::fmt::Debug + use<> {
    let owners: Vec<String> = node
        .engine
        .routes()
        .map(|r| format!("{} {:?}", r.prefix, r.owners))
        .collect();
    let policy = node.engine.policy().map(|p| p.name.to_owned());
    (
        policy,
        node.process.clone(),
        node.peers.clone(),
        owners,
        node.problems(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn incremental_equals_from_scratch(events in proptest::collection::vec(events(), 1..48)) {
        let mut world = World { objects: BTreeMap::new(), node: Node::new() };
        world.node.feed(Input::Source { kind: Kind::BgpPolicy, state: SourceState::Synced });
        world.happen(Event::Apply(node().router_id("192.0.2.10")));
        world.happen(Event::Apply(policy("p0").advertising(&TYPES).advertising_egresses()));
        for event in events {
            world.happen(event);
            prop_assert_eq!(seen(&world.node), seen(&world.retold()));
        }
    }
}
