//! `run` in a cluster: objects in, BGP, annotation and Events out.

mod common;

use std::net::TcpListener;

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_kube::test_server::{Fault, Verb};
use common::api::{Api, NAMESPACE, node, node_ref, policy, policy_ref, slice};
use common::running::{PORT, Peer, address, eventually};
use serde_json::json;

const POD: &str = "10.244.1.0/24";
const WEB: &str = "10.96.0.10/32";
const ANNOTATION: &str = "node.antrea.io/bgp-router-id";

fn annotation(api: &Api) -> Option<String> {
    let node = api.server.object(&node_ref())?;
    let value = &node["metadata"]["annotations"][ANNOTATION];
    value.as_str().map(str::to_owned)
}

#[test]
fn routes_follow_the_cluster_while_the_session_stays() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    eventually("readiness", || agent.probe(here, "/readyz").0 == 200);

    api.server.put(slice(false));
    receiver.expect_routes(&[POD]);
    let why = agent.ask(&["explain", "service/shop/web"]);
    assert!(why.out.contains("no usable IPv4 endpoint"), "{}", why.out);
    api.server.put(slice(true));
    receiver.expect_routes(&[POD, WEB]);
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn only_what_the_effective_policy_needs_is_watched() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let api = Api::with_web(peer);
    api.server.remove(&policy_ref("edge"));
    let agent = api.run(here, &[]);
    let watches = || api.server.open_watches().into_keys().collect::<Vec<_>>();
    let idle = ["bgppolicies", "nodes"];
    eventually("an idle node has two watches", || {
        watches() == idle && agent.probe(here, "/readyz").0 == 200
    });
    // No policy: antctl's own words.
    assert_eq!(agent.ask(&["get", "bgppeers"]).code, Some(1));

    api.server.put(policy("edge", peer));
    let services = [
        "bgppolicies",
        "endpointslices",
        "nodes",
        "secrets",
        "services",
    ];
    eventually("three more", || watches() == services);
    let egress = json!({ "spec": { "advertisements": { "egress": {}, "service": null } } });
    api.server.merge(&policy_ref("edge"), &egress);
    let egresses = ["bgppolicies", "egresses", "nodes", "secrets"];
    eventually("Egresses in place of Services", || watches() == egresses);
    api.server.remove(&policy_ref("edge"));
    eventually("idle again", || watches() == idle);
}

#[test]
fn a_router_id_that_may_not_be_written_stops_nothing_and_is_reported() {
    let (here, peer) = (address(3, 0), address(3, 1));
    let api = Api::with_web(peer);
    api.server.fail(Fault::status(403).verb(Verb::Patch));
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    eventually("the missing rule is named", || {
        let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
        wide.contains("nodes/status")
    });
    let metrics = || agent.probe(here, "/metrics").1;
    assert!(metrics().contains("antrea_agent_bgp_router_id_write_pending 1"));
    assert_eq!(annotation(&api), None);

    api.server.mend();
    eventually("it is written", || {
        annotation(&api).as_deref() == Some("192.0.2.1")
    });
    eventually("the report is gone", || {
        metrics().contains("antrea_agent_bgp_router_id_write_pending 0")
            && !agent
                .ask(&["get", "bgppolicy", "-o", "wide"])
                .out
                .contains("nodes/status")
    });
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn people_find_what_happened_on_the_node() {
    let (here, peer) = (address(4, 0), address(4, 1));
    let api = Api::with_web(peer);
    let occupant = TcpListener::bind((here, PORT)).expect("the address is ours");
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    let node = |reason: &str| format!("{reason} Node/node-a: ");
    api.expect_event(&node("PolicyEffective"), "BGPPolicy/edge is in effect");
    api.expect_event(&node("RouterIDChosen"), "192.0.2.1");
    api.expect_event(&node("ListenFailed"), &format!("{here}:{PORT}"));
    let with_peer = format!("{peer} (AS 65001)");
    api.expect_event(&node("PeerUp"), &with_peer);

    drop(occupant);
    api.expect_event(&node("Listening"), &format!("{here}:{PORT}"));
    drop(receiver);
    api.expect_event(&node("PeerDown"), &with_peer);

    // A Secret without the password of this peer.
    api.server.put(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "antrea-bgp-passwords", "namespace": NAMESPACE },
        "data": { "192.0.2.9-65009": "c2VjcmV0" },
    }));
    api.expect_event(&node("PasswordMissing"), &peer.to_string());

    let other = json!({ "metadata": { "annotations": { ANNOTATION: "10.0.0.99" } } });
    api.server.merge(&node_ref(), &other);
    api.expect_event(&node("RouterIDReplaced"), "from 192.0.2.1 to 10.0.0.99");
    api.server.remove(&policy_ref("edge"));
    api.expect_event(&node("PolicyNotEffective"), "BGPPolicy/edge");

    let metrics = agent.probe(here, "/metrics").1;
    assert!(metrics.contains("antrea_agent_bgp_events_total{outcome=\"written\"}"));
    assert!(metrics.contains("antrea_agent_bgp_events_total{outcome=\"lost\"} 0"));
}

#[test]
fn a_flapping_peer_makes_few_events() {
    let (here, peer) = (address(5, 0), address(5, 1));
    let api = Api::with_web(peer);
    // Nothing damps the redialling.
    let eager = json!({ "spec": { "bgpPeers": [{ "address": peer, "asn": 65001, "port": PORT,
        "connectRetrySeconds": 2, "idleHoldTimeAfterResetSeconds": 1 }] } });
    api.server.merge(&policy_ref("edge"), &eager);
    let agent = api.run(here, &[]);
    let flaps = || agent.ask(&["get", "bgppeers", "-o", "json"]).json()[0]["flaps"].as_u64();
    for n in 1..=4 {
        let receiver = Peer::start(peer, here);
        receiver.expect_routes(&[POD, WEB]);
        drop(receiver);
        eventually("a flap", || flaps() == Some(n));
    }
    let about_peer = |event: &&String| event.starts_with("PeerDown") || event.starts_with("PeerUp");
    let events = api.events();
    // Two different ones, each counted in a series of its own.
    assert!(events.iter().filter(about_peer).count() <= 4, "{events:#?}");
    let metrics = agent.probe(here, "/metrics").1;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("antrea_agent_bgp_events_total{outcome=\"repeated\"} "));
    let repeated: u64 = line.and_then(|n| n.parse().ok()).expect("it is a metric");
    assert!(repeated >= 3, "{metrics}");
}

#[test]
fn scenario_57_invalid_selectors_over_the_real_watch_are_skipped_and_reported() {
    let (here, peer) = (address(6, 0), address(6, 1));
    let api = Api::with_web(peer);
    let expression = |key: &str, operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
    let selectors = [
        ("foo", expression("bgp", "Foo", &["enabled"])),
        ("in", expression("bgp", "In", &[])),
        ("not-in", expression("bgp", "NotIn", &[])),
        ("exists", expression("bgp", "Exists", &["enabled"])),
        ("key", expression("bad key!!", "Exists", &[])),
        ("number", json!({ "matchLabels": { "bgp": 7 } })),
    ];
    for (name, selector) in &selectors {
        let mut bad = policy(name, peer);
        // Older than the good one: each would win if it counted.
        bad["metadata"]["creationTimestamp"] = json!("2020-01-01T00:00:00Z");
        bad["spec"]["nodeSelector"] = selector.clone();
        api.server.put(bad);
    }
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    assert!(wide.contains("edge"), "{wide}");
    for (name, _) in &selectors {
        assert!(
            wide.contains(&format!("BGPPolicy/{name}")),
            "{name}: {wide}"
        );
    }
    // Over the watch: one that becomes valid is the oldest.
    let good = json!({ "spec": { "nodeSelector": { "matchExpressions": null,
        "matchLabels": { "bgp": "enabled" } } } });
    api.server.merge(&policy_ref("number"), &good);
    eventually("the oldest takes over", || {
        let policy = agent.ask(&["get", "bgppolicy"]).out;
        policy.contains("number")
    });
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn a_node_that_is_drained_withdraws_and_an_agent_that_is_replaced_does_not() {
    let (here, peer) = (address(7, 0), address(7, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let leave = |unschedulable: bool| {
        let spec = json!({ "spec": { "unschedulable": unschedulable } });
        api.server.merge(&node_ref(), &spec);
        let mut agent = api.run(here, &[]);
        // The peer of these tests remembers routes until the next session.
        eventually("the session is up", || {
            agent.state(&format!("{peer}:{PORT}")) == "Established"
        });
        receiver.expect_routes(&[POD, WEB]);
        let before = receiver.downs().len();
        assert_eq!(agent.terminate(), Some(0));
        eventually("the session ends", || receiver.downs().len() > before);
        receiver.downs()[before].clone()
    };
    let replaced = leave(false);
    assert!(!replaced.contains("NOTIFICATION"), "{replaced}");
    let drained = leave(true);
    assert!(drained.contains("drained"), "{drained}");
}

#[test]
fn fields_that_the_crd_of_the_cluster_drops_are_reported() {
    let (here, peer) = (address(8, 0), address(8, 1));
    let api = Api::with_web(peer);
    api.server
        .set_pruned(Kind::BgpPolicy, &["holdTimeSeconds", "connectRetrySeconds"]);
    let mut applied = policy("edge", peer);
    applied["spec"]["bgpPeers"][0]["holdTimeSeconds"] = json!(9);
    let text = applied.to_string();
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    applied["metadata"]["annotations"] = json!({ annotation: text });
    api.server.put(applied);
    let kept = api.server.object(&policy_ref("edge")).expect("it is there");
    assert!(kept["spec"]["bgpPeers"][0]["holdTimeSeconds"].is_null());

    let agent = api.run(here, &[]);
    eventually("both fields are named", || {
        let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
        ["holdTimeSeconds", "connectRetrySeconds"]
            .iter()
            .all(|field| wide.contains(&format!("spec.bgpPeers[0].{field}: was applied")))
    });
}

#[test]
fn another_node_and_another_namespace_are_not_ours() {
    let (here, peer) = (address(9, 0), address(9, 1));
    let api = Api::with_web(peer);
    let mut other = node("node-b");
    other["metadata"]["labels"] = json!({});
    other["metadata"]["annotations"] = json!({ ANNOTATION: "10.9.9.9" });
    api.server.put(other);
    // One that holds our peer's password, in a namespace that is not the agent's.
    api.server.put(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "antrea-bgp-passwords", "namespace": "elsewhere" },
        "data": { format!("{peer}-65001"): "c2VjcmV0" },
    }));
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    let policy = agent.ask(&["get", "bgppolicy"]).out;
    assert!(policy.contains("192.0.2.1"), "{policy}");
    let own = ObjectRef::cluster(Kind::Node, "node-b");
    let untouched = api.server.object(&own).expect("it is there");
    assert_eq!(untouched["metadata"]["annotations"][ANNOTATION], "10.9.9.9");
}
