//! A cluster of any size, as one node sees it: Services with a cluster IP and a load balancer's address that only nodes with
//! an endpoint advertise, three slices each, and an Egress for every tenth. Even Services have an endpoint on this node, odd
//! ones do not.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use antrea_bgp_api::{
    AddressType, Egress, EgressStatus, Endpoint, EndpointConditions, EndpointSlice, Kind,
    LoadBalancerIngress, Metadata, Object, Service, ServiceLabels, ServiceMetadata, ServiceSpec,
    ServiceType, TrafficPolicy, decode,
};
use antrea_bgp_policy::{Effect, Engine, Input};
use serde_json::{Value, json};

/// The node that looks.
pub(crate) const NODE: &str = "node-a";

/// Slices of each Service.
pub(crate) const SLICES: u32 = 3;

/// Endpoints of each slice.
const ENDPOINTS: u32 = 5;

/// How many Services there are for each Egress.
pub(crate) const PER_EGRESS: u32 = 10;

/// The address of a kind with this number.
fn address(net: u8, number: u32) -> String {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(net, 0, 0, 0)) + number).to_string()
}

fn metadata(name: String, service: u32, labels: ServiceLabels) -> ServiceMetadata {
    ServiceMetadata {
        name,
        namespace: Some(format!("team-{}", service % 50)),
        labels,
    }
}

/// A Service, with a change to it.
pub(crate) fn service(number: u32, change: impl FnOnce(&mut Service)) -> Object {
    let name = format!("service-{number}");
    let mut service = Service {
        metadata: metadata(name, number, ServiceLabels::default()),
        spec: ServiceSpec {
            service_type: ServiceType::LoadBalancer,
            cluster_ips: vec![address(10, number)],
            external_traffic_policy: TrafficPolicy::Local,
            ..ServiceSpec::default()
        },
        ..Service::default()
    };
    service.status.load_balancer.ingress = vec![ingress(20, number)];
    change(&mut service);
    Object::Service(Arc::new(service))
}

/// What a load balancer gave to a Service.
pub(crate) fn ingress(net: u8, number: u32) -> LoadBalancerIngress {
    LoadBalancerIngress {
        ip: Some(address(net, number)),
        ..LoadBalancerIngress::default()
    }
}

/// Of this node, or of one of those elsewhere. One text for each, as where objects are decoded.
fn node_name(elsewhere: Option<u32>) -> Arc<str> {
    static HERE: LazyLock<Arc<str>> = LazyLock::new(|| NODE.into());
    static ELSEWHERE: LazyLock<Vec<Arc<str>>> =
        LazyLock::new(|| (0..1000).map(|it| format!("node-{it}").into()).collect());
    let name = match elsewhere {
        None => &*HERE,
        Some(number) => &ELSEWHERE[number as usize % ELSEWHERE.len()],
    };
    Arc::clone(name)
}

/// A slice of a Service, with a change to it. The first endpoint of the first slice of an even Service is on this node.
pub(crate) fn slice(number: u32, index: u32, change: impl FnOnce(&mut EndpointSlice)) -> Object {
    let labels = ServiceLabels {
        service_name: Some(format!("service-{number}")),
        ..ServiceLabels::default()
    };
    let endpoint = |at: u32| {
        let is_here = number.is_multiple_of(2) && index == 0 && at == 0;
        let elsewhere = (number * SLICES + index) * ENDPOINTS + at;
        Endpoint {
            node_name: Some(node_name((!is_here).then_some(elsewhere))),
            conditions: EndpointConditions {
                ready: Some(true),
                ..EndpointConditions::default()
            },
        }
    };
    let mut slice = EndpointSlice {
        metadata: metadata(format!("service-{number}-{index}"), number, labels),
        address_type: AddressType::IPv4,
        endpoints: (0..ENDPOINTS).map(endpoint).collect(),
    };
    change(&mut slice);
    Object::EndpointSlice(Arc::new(slice))
}

/// An Egress that a node holds.
pub(crate) fn egress(number: u32, node: &str) -> Object {
    Object::Egress(Arc::new(Egress {
        metadata: Metadata {
            name: format!("egress-{number}"),
            namespace: None,
        },
        status: EgressStatus {
            egress_ip: Some(address(30, number)),
            egress_node: Some(node.to_owned()),
        },
        ..Egress::default()
    }))
}

/// This node, with one label beside the one that every policy needs.
pub(crate) fn node(key: &str, value: &str) -> Object {
    let node = json!({
        "metadata": {
            "name": NODE,
            "labels": { "bgp": "enabled", key: value },
            "annotations": { "node.antrea.io/bgp-router-id": "192.0.2.10" },
        },
        "spec": { "podCIDRs": ["10.244.1.0/24"] },
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.10" }] },
    });
    object(Kind::Node, &node)
}

/// The policy in effect, with a change to its spec.
pub(crate) fn policy(change: impl FnOnce(&mut Value)) -> Object {
    policy_of("edge", "2024-01-02T00:00:00Z", change)
}

/// An older policy, which is in effect while the node is in its rack.
fn policy_of_rack(rack: &str, local_asn: u32, peer: &str) -> Object {
    policy_of(rack, "2024-01-01T00:00:00Z", |spec| {
        spec["nodeSelector"] = json!({ "matchLabels": { "rack": rack } });
        spec["localASN"] = local_asn.into();
        spec["bgpPeers"][0]["address"] = peer.into();
    })
}

fn policy_of(name: &str, created: &str, change: impl FnOnce(&mut Value)) -> Object {
    let mut policy = json!({
        "metadata": { "name": name, "creationTimestamp": created },
        "spec": {
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": 64512,
            "advertisements": {
                "service": { "ipTypes": ["ClusterIP", "LoadBalancerIP"] },
                "egress": {},
            },
            "bgpPeers": [{ "address": "192.0.2.1", "asn": 65001 }],
        },
    });
    change(&mut policy["spec"]);
    object(Kind::BgpPolicy, &policy)
}

/// The password of the first peer.
pub(crate) fn secret(password: &str) -> Object {
    let secret = json!({
        "metadata": { "name": "antrea-bgp-passwords", "namespace": "kube-system" },
        "stringData": { "192.0.2.1-65001": password },
    });
    object(Kind::Secret, &secret)
}

fn object(kind: Kind, value: &Value) -> Object {
    decode(kind, value).expect("a sound object").object
}

/// All that a node needs to know, each kind as its first list brings it.
pub(crate) fn lists(services: u32) -> Vec<Input> {
    let mut lists = setting();
    lists.push(listed(Kind::Service, self::services(services).collect()));
    lists.push(listed(Kind::EndpointSlice, slices(services).collect()));
    lists.push(listed(Kind::Egress, egresses(services).collect()));
    lists
}

/// What routes depend on besides the objects that own them.
pub(crate) fn setting() -> Vec<Input> {
    let policies = vec![
        policy(|_| {}),
        policy_of_rack("other-peer", 64512, "192.0.2.2"),
        policy_of_rack("other-as", 64513, "192.0.2.2"),
    ];
    vec![
        listed(Kind::Node, vec![node("rack", "none")]),
        listed(Kind::BgpPolicy, policies),
        listed(Kind::Secret, vec![secret("one")]),
    ]
}

pub(crate) fn services(services: u32) -> impl Iterator<Item = Object> {
    (0..services).map(|number| service(number, |_| {}))
}

pub(crate) fn slices(services: u32) -> impl Iterator<Item = Object> {
    (0..services).flat_map(|number| (0..SLICES).map(move |index| slice(number, index, |_| {})))
}

pub(crate) fn egresses(services: u32) -> impl Iterator<Item = Object> {
    (0..services / PER_EGRESS).map(|number| egress(number, NODE))
}

/// The first list of a kind, or a later one.
pub(crate) fn listed(kind: Kind, objects: Vec<Object>) -> Input {
    Input::Relisted {
        kind,
        objects,
        invalid: Vec::new(),
    }
}

/// Takes out all that is to be done, and returns how much that is, but for what people are told.
pub(crate) fn drain(engine: &mut Engine) -> usize {
    std::iter::from_fn(|| engine.poll_effect())
        .filter(|effect| !matches!(effect, Effect::Report(_)))
        .count()
}
