//! Every manifest of Antrea's documentation of BGPPolicy means here what it means there.

mod common;

use std::collections::BTreeMap;
use std::net::IpAddr;

use antrea_bgp_api::{Kind, Object, Peer, Policy, ServiceIpType, decode};
use common::meaning;
use serde_json::{Value, json};

/// The spec that all of them share, with further fields laid over it.
fn spec(advertisements: &Value, peers: &Value) -> Value {
    json!({
        "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
        "localASN": 64512,
        "listenPort": 179,
        "advertisements": advertisements,
        "bgpPeers": peers,
    })
}

fn assert_common(policy: &Policy) {
    let labels = |value: &str| BTreeMap::from([("bgp".to_owned(), value.to_owned())]);
    assert!(policy.node_selector.matches(&labels("enabled")));
    assert!(!policy.node_selector.matches(&labels("disabled")));
    assert_eq!((policy.local_asn, policy.listen_port), (64512, 179));
}

/// Addresses, ASNs and ports of the peers.
fn sessions(policy: &Policy) -> Vec<(String, u32, u16)> {
    policy
        .peers
        .iter()
        .map(|p| (p.address.to_string(), p.asn, p.port))
        .collect()
}

fn session(address: &str, asn: u32) -> (String, u32, u16) {
    (address.to_owned(), asn, 179)
}

#[test]
fn the_introductory_example() {
    let policy = meaning(&spec(
        &json!({ "service": { "ipTypes": ["LoadBalancerIP", "ExternalIP"] } }),
        &json!([{ "address": "192.168.77.200", "asn": 65001, "port": 179 }]),
    ));
    assert_common(&policy);
    let ip_types = [ServiceIpType::ExternalIP, ServiceIpType::LoadBalancerIP];
    assert_eq!(policy.service_ip_types, ip_types.into());
    assert!(!policy.pod && !policy.egress && policy.confederation.is_none());
    assert_eq!(sessions(&policy), [session("192.168.77.200", 65001)]);
}

#[test]
fn combined_advertisements() {
    let policy = meaning(&spec(
        &json!({
            "service": { "ipTypes": ["LoadBalancerIP", "ExternalIP"] }, "pod": {}, "egress": {}
        }),
        &json!([
            { "address": "192.168.77.200", "asn": 65001, "port": 179 },
            { "address": "192.168.77.201", "asn": 65001, "port": 179 },
        ]),
    ));
    assert_common(&policy);
    assert!(policy.pod && policy.egress);
    assert_eq!(policy.service_ip_types.len(), 2);
    let expected = [
        session("192.168.77.200", 65001),
        session("192.168.77.201", 65001),
    ];
    assert_eq!(sessions(&policy), expected);
}

#[test]
fn a_peer_more_than_one_hop_away() {
    let policy = meaning(&spec(
        &json!({ "egress": {} }),
        &json!([{ "address": "192.168.78.201", "asn": 65001, "port": 179, "multihopTTL": 2 }]),
    ));
    assert_common(&policy);
    assert!(policy.egress && !policy.pod && policy.service_ip_types.is_empty());
    assert_eq!(policy.peers[0].multihop_ttl, 2);
}

#[test]
fn a_confederation() {
    let mut manifest = spec(
        &json!({ "pod": {} }),
        &json!([
            { "address": "192.168.77.200", "asn": 65001, "port": 179 },
            { "address": "192.168.77.103", "asn": 64513, "port": 179 },
        ]),
    );
    manifest["confederation"] = json!({ "identifier": 65000, "memberASNs": [64513] });
    let policy = meaning(&manifest);
    assert_common(&policy);
    let confederation = policy.confederation.as_ref().expect("a confederation");
    assert_eq!(confederation.identifier, 65000);
    assert_eq!(confederation.member_asns, [64513].into());
    let expected = [
        session("192.168.77.200", 65001),
        session("192.168.77.103", 64513),
    ];
    assert_eq!(sessions(&policy), expected);
}

#[test]
fn the_secret_of_passwords() {
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "antrea-bgp-passwords", "namespace": "kube-system" },
        "stringData": {
            "192.168.77.100-65000": "password",
            "2001:db8::1-65000": "password",
        },
        "type": "Opaque",
    });
    let Object::Secret(secret) = decode(Kind::Secret, manifest).expect("it decodes").object else {
        panic!("not a Secret");
    };
    assert_eq!(secret.metadata.name, antrea_bgp_api::PASSWORDS_SECRET);
    assert_eq!(
        secret.metadata.namespace.as_deref(),
        Some(antrea_bgp_api::DEFAULT_NAMESPACE)
    );
    assert_eq!(
        secret.entries["192.168.77.100-65000"].as_bytes(),
        b"password"
    );
    assert_eq!(secret.entries["2001:db8::1-65000"].as_bytes(), b"password");
}

#[test]
fn what_is_left_out_has_antreas_defaults_and_ours() {
    let policy = meaning(&json!({
        "nodeSelector": {},
        "localASN": 1,
        "bgpPeers": [{ "address": "192.0.2.1", "asn": 2 }],
    }));
    assert_eq!(policy.listen_port, 179);
    assert!(
        policy.node_selector.matches(&BTreeMap::new()),
        "an empty selector takes every Node"
    );
    assert!(!policy.pod && !policy.egress && policy.service_ip_types.is_empty());
    assert!(!policy.withdraw_when_no_endpoints);
    let peer = Peer {
        address: IpAddr::from([192, 0, 2, 1]),
        port: 179,
        asn: 2,
        multihop_ttl: 1,
        ttl_security: false,
        graceful_restart: true,
        graceful_restart_time: 120,
        hold_time: 90,
        keepalive_interval: None,
        connect_retry: None,
        idle_hold_time_after_reset: None,
    };
    assert_eq!(policy.peers, [peer]);
}

/// What the API server and Antrea's Go decoder let through together.
#[test]
fn odd_spellings_that_antrea_decodes_mean_the_same() {
    let policy = meaning(&json!({
        "nodeSelector": { "matchLabels": { "bgp": null }, "matchExpressions": null },
        "localASN": 64512.0,
        "listenPort": null,
        "confederation": null,
        "advertisements": { "service": { "ipTypes": null }, "pod": null, "egress": {} },
        "bgpPeers": null,
    }));
    assert_eq!((policy.local_asn, policy.listen_port), (64512, 179));
    assert!(policy.egress && !policy.pod && policy.confederation.is_none());
    assert!(
        policy
            .node_selector
            .matches(&BTreeMap::from([("bgp".to_owned(), String::new())]))
    );
    assert!(!policy.node_selector.matches(&BTreeMap::new()));
}

#[test]
fn an_egress_shows_its_address_and_node() {
    let manifest = json!({
        "apiVersion": "crd.antrea.io/v1beta1",
        "kind": "Egress",
        "metadata": { "name": "egress-web" },
        "spec": {
            "appliedTo": { "podSelector": { "matchLabels": { "app": "web" } } },
            "egressIP": "10.10.0.8",
        },
        "status": { "egressIP": "10.10.0.8", "egressNode": "node-a" },
    });
    let Object::Egress(egress) = decode(Kind::Egress, manifest).expect("it decodes").object else {
        panic!("not an Egress");
    };
    assert_eq!(egress.spec.egress_ip.as_deref(), Some("10.10.0.8"));
    assert_eq!(egress.status.egress_ip.as_deref(), Some("10.10.0.8"));
    assert_eq!(egress.status.egress_node.as_deref(), Some("node-a"));
}
