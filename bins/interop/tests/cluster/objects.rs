//! The objects of the cluster.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::fabric::{AGENT_NAMESPACE, BIRD, FRR, NODE_A, NODE_B, OURS, THEIRS};

/// `s3cret-1`, `s3cret-2`, as in the data of a Secret.
pub(crate) const FIRST_PASSWORD: (&str, &str) = ("s3cret-1", "czNjcmV0LTE=");
pub(crate) const SECOND_PASSWORD: (&str, &str) = ("s3cret-2", "czNjcmV0LTI=");

pub(crate) fn all() -> [Value; 8] {
    [
        node("node-a", NODE_A, "10.244.1.0/24"),
        node_b(),
        policy("edge"),
        web(),
        slice("node-a"),
        egress("node-a"),
        passwords(FIRST_PASSWORD.1),
        // Nothing of it is for these nodes.
        headless(),
    ]
}

pub(crate) fn node_b() -> Value {
    node("node-b", NODE_B, "10.244.2.0/24")
}

fn node(name: &str, address: Ipv4Addr, pods: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "bgp": "enabled" } },
        "spec": { "podCIDRs": [pods] },
        "status": { "addresses": [{ "type": "InternalIP", "address": address }] },
    })
}

pub(crate) fn policy(name: &str) -> Value {
    let peer = |address| {
        json!({ "address": address, "asn": THEIRS, "gracefulRestartTimeSeconds": 120,
            "holdTimeSeconds": 9, "connectRetrySeconds": 2, "idleHoldTimeAfterResetSeconds": 1 })
    };
    json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
        "metadata": { "name": name },
        "spec": {
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": OURS,
            "advertisements": { "pod": {}, "egress": {},
                "service": { "ipTypes": ["ClusterIP", "LoadBalancerIP"] } },
            "bgpPeers": [peer(FRR), peer(BIRD)],
        },
    })
}

/// Its ClusterIP is on all nodes, its LoadBalancerIP where its endpoint is.
pub(crate) fn web() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "type": "LoadBalancer", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"],
            "externalTrafficPolicy": "Local", "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "203.0.113.10" }] } },
    })
}

fn headless() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "clusterIP": "None", "clusterIPs": ["None"], "ports": [{ "port": 5432 }] },
    })
}

pub(crate) fn slice(node: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": "web-1", "namespace": "shop",
            "labels": { "kubernetes.io/service-name": "web" } },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.244.9.9"], "nodeName": node,
            "conditions": { "ready": true } }],
    })
}

pub(crate) fn egress(node: &str) -> Value {
    json!({
        "apiVersion": "crd.antrea.io/v1beta1", "kind": "Egress",
        "metadata": { "name": "out" },
        "spec": { "egressIP": "192.0.2.77", "appliedTo": {} },
        "status": { "egressIP": "192.0.2.77", "egressNode": node },
    })
}

/// The Secret: this password for FRR, always the first one for BIRD.
pub(crate) fn passwords(frr: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "antrea-bgp-passwords", "namespace": AGENT_NAMESPACE },
        "data": {
            format!("{FRR}-{THEIRS}"): frr,
            format!("{BIRD}-{THEIRS}"): FIRST_PASSWORD.1,
        },
    })
}
