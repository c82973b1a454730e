//! What `validate` refuses, how much of the policy that costs, and what it says.

mod common;

use antrea_bgp_api::{Issue, Scope, ServiceIpType};
use common::{decode_spec, meaning, validated};
use serde_json::{Value, json};

fn spec() -> Value {
    json!({ "nodeSelector": {}, "localASN": 64512 })
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = spec();
    spec[field] = value;
    spec
}

fn with_peers(peers: Value) -> Value {
    with("bgpPeers", peers)
}

fn fields(issues: &[Issue]) -> Vec<(&str, Scope)> {
    issues
        .iter()
        .map(|issue| (issue.field.as_str(), issue.scope))
        .collect()
}

#[test]
fn scenario_53_a_peer_with_an_invalid_address_or_asn_0_is_refused_alone() {
    let validated = validated(&with_peers(json!([
        { "address": "router.example.com", "asn": 65001 },
        { "address": "192.0.2.1", "asn": 0 },
        { "address": "192.0.2.2", "asn": 4_294_967_295_u32 },
        { "address": "192.0.2.3", "asn": 4_294_967_294_u32 },
        { "asn": 65001 },
        { "address": "192.0.2.4" },
    ])));
    let expected = [
        ("spec.bgpPeers[0].address", Scope::Element),
        ("spec.bgpPeers[1].asn", Scope::Element),
        ("spec.bgpPeers[2].asn", Scope::Element),
        ("spec.bgpPeers[4].address", Scope::Element),
        ("spec.bgpPeers[5].asn", Scope::Element),
    ];
    assert_eq!(fields(&validated.issues), expected);
    let peers = validated.policy.expect("the policy itself is good").peers;
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].asn, 4_294_967_294);
    assert_eq!(
        validated.issues[1].to_string(),
        "spec.bgpPeers[1].asn: \"0\": out of range; write a number from 1 to 4294967294"
    );
}

#[test]
fn scenario_66_one_address_in_two_forms_is_one_peer() {
    let validated = validated(&with_peers(json!([
        { "address": "::ffff:192.0.2.1", "asn": 65001 },
        { "address": "192.0.2.1", "asn": 65002 },
        { "address": "2001:0DB8:0:0:0:0:0:1", "asn": 65003 },
        { "address": "2001:db8::1", "asn": 65003 },
    ])));
    let policy = validated.policy.expect("the policy itself is good");
    assert_eq!(policy.peer_positions, [0, 2]);
    let peers: Vec<_> = (policy.peers)
        .iter()
        .map(|p| (p.address.to_string(), p.asn))
        .collect();
    assert_eq!(
        peers,
        [
            ("192.0.2.1".to_owned(), 65001),
            ("2001:db8::1".to_owned(), 65003)
        ]
    );
    let expected = [
        ("spec.bgpPeers[1].address", Scope::Element),
        ("spec.bgpPeers[3].address", Scope::Element),
    ];
    assert_eq!(fields(&validated.issues), expected);
    assert!(
        validated.issues[1].message.contains("spec.bgpPeers[2]"),
        "{}",
        validated.issues[1]
    );
}

#[test]
fn a_duplicate_of_an_invalid_peer_is_the_first_valid_one() {
    let validated = validated(&with_peers(json!([
        { "address": "192.0.2.1", "asn": 0 },
        { "address": "192.0.2.1", "asn": 65002 },
    ])));
    assert_eq!(
        validated.policy.expect("the policy itself is good").peers[0].asn,
        65002
    );
    assert_eq!(validated.issues.len(), 1);
}

#[test]
fn addresses_that_name_no_single_peer_are_refused() {
    let refused = [
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("2001:db8::1%eth0", "not an IPv4 or IPv6 address"),
        ("0.0.0.0", "unicast"),
        ("::", "unicast"),
        ("224.0.0.5", "unicast"),
        ("ff02::5", "unicast"),
        ("255.255.255.255", "unicast"),
        ("192.0.2.01", "not an IPv4 or IPv6 address"),
        ("192.0.2.1/32", "not an IPv4 or IPv6 address"),
        ("", "write the IP address"),
    ];
    for (address, because) in refused {
        let validated = validated(&with_peers(json!([{ "address": address, "asn": 65001 }])));
        assert_eq!(
            fields(&validated.issues),
            [("spec.bgpPeers[0].address", Scope::Element)]
        );
        let message = &validated.issues[0].message;
        assert!(message.contains(because), "{address}: {message}");
    }
}

#[test]
fn a_peer_on_a_clouds_ipv4_link_is_accepted() {
    let policy = meaning(&with_peers(
        json!([{ "address": "169.254.6.2", "asn": 64512 }]),
    ));
    assert_eq!(policy.peers[0].address.to_string(), "169.254.6.2");
}

#[test]
fn what_the_process_runs_with_disables_the_whole_policy() {
    let bad = [
        ("localASN", json!(0), "spec.localASN"),
        ("localASN", json!(4_294_967_295_u32), "spec.localASN"),
        ("localASN", json!(-1), "spec.localASN"),
        ("listenPort", json!(0), "spec.listenPort"),
        ("listenPort", json!(65_536), "spec.listenPort"),
        ("confederation", json!({}), "spec.confederation.identifier"),
        (
            "confederation",
            json!({ "identifier": 0 }),
            "spec.confederation.identifier",
        ),
        (
            "confederation",
            json!({ "identifier": 65000, "memberASNs": [64513, 0] }),
            "spec.confederation.memberASNs[1]",
        ),
        (
            "nodeSelector",
            json!({ "matchExpressions": [{ "key": "bgp", "operator": "Foo" }] }),
            "spec.nodeSelector.matchExpressions[0].operator",
        ),
    ];
    for (field, value, path) in bad {
        let validated = validated(&with(field, value.clone()));
        assert_eq!(validated.policy, None, "{field}: {value}");
        assert_eq!(
            fields(&validated.issues),
            [(path, Scope::Policy)],
            "{field}: {value}"
        );
    }
}

#[test]
fn an_unknown_ip_type_is_left_out_and_the_others_count() {
    let validated = validated(&with(
        "advertisements",
        json!({ "service": { "ipTypes": ["ClusterIP", "NodeIP", "ClusterIP"] } }),
    ));
    assert_eq!(
        fields(&validated.issues),
        [("spec.advertisements.service.ipTypes[1]", Scope::Element)]
    );
    let policy = validated.policy.expect("the policy itself is good");
    assert_eq!(policy.service_ip_types, [ServiceIpType::ClusterIP].into());
}

#[test]
fn every_setting_of_a_peer_has_its_range() {
    let ranges = [
        ("port", 1, 65_535),
        ("multihopTTL", 1, 255),
        ("gracefulRestartTimeSeconds", 1, 3600),
        ("holdTimeSeconds", 3, 65_535),
        ("keepaliveIntervalSeconds", 1, 65_534),
        ("connectRetrySeconds", 2, 65_535),
        ("idleHoldTimeAfterResetSeconds", 1, 3600),
    ];
    for (field, min, max) in ranges {
        let issues = |value: i64| {
            let mut peer =
                json!({ "address": "192.0.2.1", "asn": 65001, "holdTimeSeconds": 65535 });
            peer[field] = json!(value);
            validated(&with_peers(json!([peer]))).issues
        };
        assert_eq!(issues(min), [], "{field}: {min}");
        assert_eq!(issues(max), [], "{field}: {max}");
        for outside in [min - 1, max + 1, -1, i64::MAX] {
            let path = format!("spec.bgpPeers[0].{field}");
            assert_eq!(
                fields(&issues(outside)),
                [(path.as_str(), Scope::Element)],
                "{outside}"
            );
        }
    }
}

#[test]
fn keepalives_must_be_closer_together_than_the_hold_time() {
    let peer = json!({
        "address": "192.0.2.1", "asn": 65001, "holdTimeSeconds": 9, "keepaliveIntervalSeconds": 9
    });
    let validated = validated(&with_peers(json!([peer])));
    let path = "spec.bgpPeers[0].keepaliveIntervalSeconds";
    assert_eq!(fields(&validated.issues), [(path, Scope::Element)]);
}

#[test]
fn settings_of_a_peer_arrive() {
    let policy = meaning(&with_peers(json!([{
        "address": "2001:db8::1", "asn": 65001, "port": 1179, "multihopTTL": 3,
        "ttlSecurityEnabled": true, "gracefulRestartEnabled": false,
        "gracefulRestartTimeSeconds": 60, "holdTimeSeconds": 9, "keepaliveIntervalSeconds": 2,
        "connectRetrySeconds": 4, "idleHoldTimeAfterResetSeconds": 5,
    }])));
    let peer = &policy.peers[0];
    assert_eq!((peer.port, peer.multihop_ttl), (1179, 3));
    assert!(peer.ttl_security && !peer.graceful_restart);
    assert_eq!((peer.graceful_restart_time, peer.hold_time), (60, 9));
    assert_eq!(peer.keepalive_interval, Some(2));
    assert_eq!(
        (peer.connect_retry, peer.idle_hold_time_after_reset),
        (Some(4), Some(5))
    );
}

#[test]
fn withdraw_when_no_endpoints_arrives() {
    let service = json!({ "service": { "withdrawWhenNoEndpoints": true } });
    assert!(meaning(&with("advertisements", service)).withdraw_when_no_endpoints);
}

#[test]
fn reserved_fields_are_accepted_and_said_to_have_no_effect() {
    let mut spec = with_peers(json!([{
        "address": "192.0.2.1", "asn": 65001,
        "bfd": { "enabled": true, "transmitIntervalMilliseconds": 300, "detectionMultiplier": 3 },
    }]));
    spec["drainOnTaints"] = json!({ "enabled": true, "tolerations": [{ "operator": "Exists" }] });
    let validated = validated(&spec);
    let expected = [
        ("spec.bgpPeers[0].bfd", Scope::Notice),
        ("spec.drainOnTaints", Scope::Notice),
    ];
    assert_eq!(fields(&validated.issues), expected);
    assert_eq!(validated.policy.expect("nothing is wrong").peers.len(), 1);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut spec = with_peers(json!([{ "address": "nowhere", "asn": 0, "port": 0 }]));
    spec["localASN"] = json!(0);
    assert_eq!(validated(&spec).issues.len(), 4);
}

#[test]
fn unknown_fields_are_named_and_do_no_harm() {
    let mut spec = with_peers(json!([{ "address": "192.0.2.1", "asn": 65001, "pasword": "x" }]));
    spec["advertisments"] = json!({ "pod": {} });
    spec["advertisements"] = json!({ "pod": { "cidr": "all" } });
    let mut unknown = decode_spec(&spec)
        .expect("unknown fields never refuse")
        .unknown_fields;
    unknown.sort();
    let expected = [
        "spec.advertisements.pod.cidr",
        "spec.advertisments",
        "spec.bgpPeers[0].pasword",
    ];
    assert_eq!(unknown, expected);
}

#[test]
fn what_cannot_be_decoded_names_its_field() {
    let bad = [
        (
            json!({ "matchLabels": { "bgp": 5 } }),
            "spec.nodeSelector.matchLabels.bgp",
        ),
        (
            json!({ "matchLabels": { "bgp": true } }),
            "spec.nodeSelector.matchLabels.bgp",
        ),
        (
            json!({ "matchLabels": "bgp" }),
            "spec.nodeSelector.matchLabels",
        ),
    ];
    for (selector, field) in bad {
        let error = decode_spec(&with("nodeSelector", selector)).expect_err("not a selector");
        assert_eq!(error.field, field);
    }
    let error = decode_spec(&with("localASN", json!("64512"))).expect_err("not a number");
    assert_eq!(error.field, "spec.localASN");
    let error = decode_spec(&with("localASN", json!(1.5))).expect_err("not a whole number");
    assert_eq!(error.field, "spec.localASN");
    let error = decode_spec(&json!({ "localASN": 1 })).expect_err("no selector");
    assert!(error.to_string().contains("nodeSelector"), "{error}");
}
