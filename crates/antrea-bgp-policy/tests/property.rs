//! Whatever happens in whatever order: the engine ends where one ends that is told only the result,
//! and its effects, carried out, are its routes. (`support::Node` checks the latter at every step.)

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use antrea_bgp_api::{Kind, Object, ObjectRef, validate};
use antrea_bgp_policy::{Input, PeerSpec, ProcessSpec, SourceState};
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
    /// Several changes and deletes of one kind are taken in at once.
    AtOnce(Kind, Vec<(bool, Manifest)>),
    Delete(Manifest),
    /// The kind itself goes, and all objects with it.
    KindGone(Kind),
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
    (process, advertised, 0usize..3, 0u32..8).prop_map(|(process, advertised, peers, form)| {
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
        match form {
            0 => policy.set("/spec/listenPort", 0),
            1 => policy.undecodable(),
            _ => policy,
        }
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
    let secret = |password| secret(&[("192.0.2.1-65001", password)]);
    prop_oneof![
        Just(secret("one")),
        Just(secret("other")),
        Just(secret("unreadable").undecodable()),
    ]
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
    let kinds = || proptest::sample::select(Kind::ALL.to_vec());
    let lost = (kinds(), proptest::collection::vec(manifests(), 0..8));
    let changes = proptest::collection::vec((any::<bool>(), manifests()), 0..8);
    // Where nothing else happens to policies, they hardly ever meet in one batch.
    let policies = proptest::collection::vec((any::<bool>(), policies()), 2..5);
    prop_oneof![
        6 => manifests().prop_map(Event::Apply),
        2 => manifests().prop_map(Event::Delete),
        1 => lost.prop_map(|(kind, lost)| Event::LoseAndRelist(kind, lost)),
        1 => (kinds(), changes).prop_map(|(kind, all)| Event::AtOnce(kind, all)),
        1 => policies.prop_map(|all| Event::AtOnce(Kind::BgpPolicy, all)),
        1 => kinds().prop_map(Event::KindGone),
    ]
}

/// The forms that count, of those kinds of which it is not always the present one.
#[derive(Default)]
struct Counting {
    /// The good forms of policies: the present ones, and the last one of the policy in effect.
    policies: BTreeMap<ObjectRef, Manifest>,
    /// The policy in effect, unless it was deleted or made anew since.
    effective: Option<ObjectRef>,
    /// The last good form of the Secret.
    secret: Option<Manifest>,
}

impl Counting {
    fn apply(&mut self, manifest: &Manifest) {
        let reference = manifest.reference();
        match manifest.object() {
            Object::BgpPolicy(object) => {
                let former = self.policies.get(&reference);
                if former.is_some_and(|former| former.created() != manifest.created()) {
                    self.delete(&reference);
                }
                if !manifest.is_undecodable() && validate(&object.spec).policy.is_some() {
                    self.policies.insert(reference, manifest.clone());
                } else if self.effective.as_ref() != Some(&reference) {
                    self.policies.remove(&reference);
                }
            }
            Object::Secret(_) if !manifest.is_undecodable() => {
                self.secret = Some(manifest.clone());
            }
            _ => {}
        }
    }

    fn delete(&mut self, object: &ObjectRef) {
        self.policies.remove(object);
        self.effective = self.effective.take().filter(|name| name != object);
        self.secret = self.secret.take().filter(|s| s.reference() != *object);
    }

    /// What is in neither list is gone.
    fn relist(&mut self, kind: Kind, listed: &[Manifest]) {
        let names: BTreeSet<ObjectRef> = listed.iter().map(Manifest::reference).collect();
        let policies = self.policies.keys().cloned();
        let known: Vec<ObjectRef> = policies
            .chain(self.secret.as_ref().map(Manifest::reference))
            .filter(|object| object.kind == kind && !names.contains(object))
            .collect();
        known.iter().for_each(|gone| self.delete(gone));
        listed.iter().for_each(|manifest| self.apply(manifest));
    }
}

/// The cluster as it is, and a node that follows it as a watch would.
struct World {
    objects: BTreeMap<ObjectRef, Manifest>,
    counting: Counting,
    node: Node,
}

impl World {
    fn new() -> Self {
        let mut world = World {
            objects: BTreeMap::new(),
            counting: Counting::default(),
            node: Node::new(),
        };
        world.node.feed(Input::Source {
            kind: Kind::BgpPolicy,
            state: SourceState::Synced,
        });
        world
    }

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
            let listed = self.of(kind);
            self.node.feed(relisted(kind, &listed));
            self.counting.relist(kind, &listed);
        }
        if kind == Kind::Node && self.node.engine.node_missing() {
            self.node.feed(Input::NodeGraceElapsed);
        }
        if !self.node.watched.contains(Kind::Secret) {
            self.counting.secret = None;
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Apply(manifest) => {
                let kind = manifest.reference().kind;
                self.happen(Event::AtOnce(kind, vec![(true, manifest)]));
            }
            Event::Delete(manifest) => {
                let kind = manifest.reference().kind;
                self.happen(Event::AtOnce(kind, vec![(false, manifest)]));
            }
            Event::AtOnce(kind, changes) => {
                let mut inputs = Vec::new();
                for (there, manifest) in changes {
                    let reference = manifest.reference();
                    if reference.kind != kind {
                        continue;
                    }
                    if there {
                        inputs.push(manifest.applied());
                        self.counting.apply(&manifest);
                        self.objects.insert(reference, manifest);
                    } else {
                        inputs.push(manifest.deleted());
                        self.counting.delete(&reference);
                        self.objects.remove(&reference);
                    }
                }
                self.feed(kind, inputs);
            }
            Event::LoseAndRelist(kind, lost) => {
                for manifest in lost.into_iter().filter(|m| m.object().kind() == kind) {
                    let reference = manifest.reference();
                    if self.objects.remove(&reference).is_none() {
                        self.objects.insert(reference, manifest);
                    }
                }
                let listed = self.of(kind);
                self.counting.relist(kind, &listed);
                self.feed(kind, vec![relisted(kind, &listed)]);
            }
            Event::KindGone(kind) => {
                self.objects.retain(|object, _| object.kind != kind);
                self.counting.relist(kind, &[]);
                self.feed(kind, vec![absent(kind)]);
            }
        }
    }

    /// A node that is told only what counts now, kind by kind.
    fn retold(&self) -> Node {
        let mut fresh = Node::new();
        for kind in Kind::ALL {
            let listed = match kind {
                Kind::BgpPolicy => self.counting.policies.values().cloned().collect(),
                Kind::Secret => self.counting.secret.iter().cloned().collect(),
                _ => self.of(kind),
            };
            fresh.feed(relisted(kind, &listed));
        }
        fresh
    }

    /// The peers of a node that is told what counts, for one that had these before: while nobody
    /// can say what the Secret holds, they alone go on, each as it was.
    fn peers(&self, retold: &Node, before: &Peers) -> Peers {
        let unreadable = self.counting.secret.is_none() && !self.of(Kind::Secret).is_empty();
        let mut peers = retold.peers.clone();
        if unreadable {
            peers.retain(|address, spec| match before.get(address) {
                Some(former) if former.peer.asn == spec.peer.asn => {
                    spec.password.clone_from(&former.password);
                    true
                }
                _ => false,
            });
        }
        peers
    }

    /// After an event: what should be seen of the node.
    fn settle(&mut self, before: &Peers) -> Seen {
        let retold = self.retold();
        let policy = retold.engine.policy();
        self.counting.effective =
            policy.map(|policy| ObjectRef::cluster(Kind::BgpPolicy, policy.name));
        let present = &self.objects;
        let effective = &self.counting.effective;
        self.counting.policies.retain(|name, form| {
            Some(name) == effective.as_ref() || present.get(name) == Some(form)
        });
        Seen {
            peers: self.peers(&retold, before),
            ..seen(&retold)
        }
    }
}

type Peers = BTreeMap<IpAddr, PeerSpec>;

/// All that can be seen of a node.
#[derive(Debug, PartialEq)]
struct Seen {
    policy: Option<String>,
    process: Option<ProcessSpec>,
    peers: Peers,
    owners: Vec<String>,
    problems: Vec<String>,
}

fn seen(node: &Node) -> Seen {
    let owners = node
        .engine
        .routes()
        .map(|r| format!("{} {:?}", r.prefix, r.owners))
        .collect();
    // Forms that do not count are not retold, so nothing can be said of them.
    let of_forms = ["InvalidPolicy", "KeptLastGoodPolicy", "Undecodable"];
    let mut problems = node.problems();
    problems.retain(|line| !of_forms.iter().any(|code| line.starts_with(code)));
    Seen {
        policy: node.engine.policy().map(|p| p.name.to_owned()),
        process: node.process.clone(),
        peers: node.peers.clone(),
        owners,
        problems,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn incremental_equals_from_scratch(events in proptest::collection::vec(events(), 1..48)) {
        let mut world = World::new();
        let start = [
            Event::Apply(node().router_id("192.0.2.10")),
            Event::Apply(policy("p0").advertising(&TYPES).advertising_egresses()),
        ];
        for event in start.into_iter().chain(events) {
            let before = world.node.peers.clone();
            world.happen(event);
            prop_assert_eq!(seen(&world.node), world.settle(&before));
        }
    }
}
