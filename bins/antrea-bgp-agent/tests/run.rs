//! `run` from start to end: folder in, BGP out.

mod common;

use std::net::{Ipv4Addr, TcpListener};

use common::running::{PORT, Peer, Running, address, eventually};
use common::{Answer, Folder, agent_on, node, policy};

/// A policy that advertises Pod CIDRs and ClusterIPs to these peers.
fn edge(peers: &[Ipv4Addr]) -> String {
    let peers: String = peers
        .iter()
        .map(|peer| {
            format!(
                "    - {{ address: {peer}, asn: 65001, port: {PORT}, connectRetrySeconds: 2 }}\n"
            )
        })
        .collect();
    policy(
        "edge",
        &format!(
            "  listenPort: {PORT}
  advertisements: {{ pod: {{}}, service: {{ ipTypes: [ClusterIP] }} }}
  bgpPeers:
{peers}"
        ),
    )
}

const WEB: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.10], internalTrafficPolicy: Local }
---
";

fn slice(ready: bool) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: web-1, namespace: shop, labels: {{ kubernetes.io/service-name: web }} }}
addressType: IPv4
endpoints: [{{ addresses: [10.244.1.9], nodeName: node-a, conditions: {{ ready: {ready} }} }}]
"
    )
}

#[test]
fn routes_follow_the_folder_while_the_session_stays() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let folder = Folder::with(&(node("node-a", 1) + WEB + &edge(&[peer])));
    folder.write("slices.yaml", &slice(true));
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    assert_eq!(receiver.next_hop("10.96.0.10/32"), Some(here.to_string()));
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);

    folder.write("slices.yaml", &slice(false));
    receiver.expect_routes(&["10.244.1.0/24"]);
    let why = agent.ask(&["explain", "service/shop/web"]);
    assert_eq!(why.code, Some(1), "{why:?}");
    assert!(why.out.contains("no usable IPv4 endpoint"), "{}", why.out);

    folder.write("slices.yaml", &slice(true));
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    let why = agent.ask(&["explain", "10.96.0.10"]);
    assert_eq!(why.code, Some(0), "{why:?}");
    assert!(why.out.contains(&format!("to {peer}: sent")), "{}", why.out);
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn scenario_69_a_broken_edit_keeps_the_last_good_policy() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge(&[peer]));
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);

    folder.write("policy.yaml", &edge(&[peer]).replace("64512", "0"));
    let wide = || agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    eventually("the mistake is reported", || {
        wide().contains("spec.localASN")
    });
    assert_eq!(receiver.routes(), ["10.244.1.0/24"]);

    folder.write("policy.yaml", "kind: BGPPolicy\nspec: {");
    eventually("the mistake is reported", || {
        agent.log().contains("policy.yaml:")
    });
    assert_eq!(receiver.routes(), ["10.244.1.0/24"]);

    folder.write("policy.yaml", &edge(&[peer]));
    eventually("the mistake is mended", || {
        !wide().contains("spec.localASN")
    });
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn scenario_46_a_busy_listen_port_is_reported_and_retried_until_it_is_free() {
    let (here, peer) = (address(3, 0), address(3, 1));
    let occupant = TcpListener::bind((here, PORT)).expect("the address is ours");
    let folder = Folder::with(&(node("node-a", 1) + &edge(&[peer])));
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    let listeners = || agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    eventually("the busy port is reported", || {
        listeners().contains("in use")
    });
    assert_eq!(agent.probe(here, "/readyz").0, 503);
    // Dialling needs no listening port.
    receiver.expect_routes(&["10.244.1.0/24"]);

    drop(occupant);
    eventually("it listens", || agent.probe(here, "/readyz").0 == 200);
    assert!(listeners().contains(&format!("{here}:{PORT}")));
    assert!(!listeners().contains("in use"), "{}", listeners());
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn scenario_47_one_peer_invalid_and_one_unreachable_and_the_others_advertise() {
    let (here, peer, nobody) = (address(4, 0), address(4, 1), address(4, 2));
    let policy = edge(&[nobody, peer]).replace(
        "  bgpPeers:\n",
        "  bgpPeers:\n    - { address: fe80::1, asn: 65001 }\n",
    );
    let folder = Folder::with(&(node("node-a", 1) + &policy));
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    assert_eq!(agent.state(&format!("{peer}:{PORT}")), "Established");
    assert_ne!(agent.state(&format!("{nobody}:{PORT}")), "Established");
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    assert!(wide.contains("spec.bgpPeers[0].address"), "{wide}");
}

#[test]
fn sigterm_is_silent_so_that_peers_keep_routes_over_a_restart() {
    let (here, peer) = (address(5, 0), address(5, 1));
    let folder = Folder::with(&(node("node-a", 1) + &edge(&[peer])));
    let receiver = Peer::start(peer, here);
    let mut agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    assert_eq!(agent.terminate(), Some(0));
    eventually("the session ends", || receiver.downs().len() == 1);
    let reason = receiver.downs().concat();
    assert!(!reason.contains("6/"), "a NOTIFICATION: {reason}");
}

#[test]
fn sigterm_withdraws_where_that_is_asked_for_or_the_node_is_drained() {
    let drained = node("node-a", 1).replace("spec: {", "spec: { unschedulable: true,");
    let cases = [(6, node("node-a", 1), "withdraw"), (7, drained, "auto")];
    for (test, node, shutdown) in cases {
        let (here, peer) = (address(test, 0), address(test, 1));
        let folder = Folder::with(&(node + &edge(&[peer])));
        let receiver = Peer::start(peer, here);
        let mut agent = Running::start(&folder, here, &["--shutdown", shutdown]);
        receiver.expect_routes(&["10.244.1.0/24"]);
        assert_eq!(agent.terminate(), Some(0));
        eventually("the session ends", || receiver.downs().len() == 1);
        let reason = receiver.downs().concat();
        assert!(
            reason.contains("administrative shutdown (6/2)"),
            "{shutdown}: {reason}"
        );
    }
}

#[test]
fn scenario_27_the_router_id_outlives_a_restart_and_a_new_address() {
    let here = address(8, 0);
    let folder = Folder::with(&edge(&[]));
    folder.write("node.yaml", &node("node-a", 1));
    let router_id = |agent: &Running| {
        let policy = agent.ask(&["get", "bgppolicy", "-o", "json"]).json();
        policy["routerID"].as_str().unwrap_or_default().to_owned()
    };
    let agent = Running::start(&folder, here, &[]);
    assert_eq!(router_id(&agent), "192.0.2.1");
    // Written in the background: nothing waits for it but this test.
    eventually("the router ID is kept", || agent.keeps_router_id("node-a"));
    let moved = node("node-a", 1).replace("192.0.2.1", "198.51.100.1");
    folder.write("node.yaml", &moved);
    let agent = agent.restart(&folder, here);
    assert_eq!(router_id(&agent), "192.0.2.1");

    let chosen = moved.replace(
        "labels:",
        "annotations: { node.antrea.io/bgp-router-id: 10.0.0.7 }, labels:",
    );
    folder.write("node.yaml", &chosen);
    eventually("the chosen router ID is taken", || {
        router_id(&agent) == "10.0.0.7"
    });
}

#[test]
fn the_node_has_to_be_clear() {
    let run = |manifests: &str| -> Answer {
        let folder = Folder::with(manifests);
        let scratch = Folder::new();
        let path = |name: &str| {
            scratch
                .path()
                .join(name)
                .to_str()
                .expect("UTF-8")
                .to_owned()
        };
        let (socket, state) = (path("api.sock"), path("state"));
        agent_on(
            folder.path(),
            "run",
            &["--api-socket", &socket, "--state-dir", &state],
        )
    };
    let answer = run(&(node("node-a", 1) + &node("node-b", 2)));
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(
        answer.err.contains("node-a, node-b") && answer.err.contains("--node"),
        "{answer:?}"
    );
    let answer = run("");
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.err.contains("no Node"), "{answer:?}");
}

#[test]
fn scenario_48_what_was_done_stays_done_and_the_rest_follows() {
    let (here, good, locked) = (address(9, 0), address(9, 1), address(9, 2));
    let folder = Folder::with(&(node("node-a", 1) + &edge(&[good, locked])));
    let secret = |password: &str| {
        format!(
            "apiVersion: v1
kind: Secret
metadata: {{ name: antrea-bgp-passwords, namespace: kube-system }}
stringData: {{ {locked}-65001: \"{password}\" }}
"
        )
    };
    // One octet more than TCP MD5 takes: this peer cannot be configured.
    folder.write("secret.yaml", &secret(&"x".repeat(81)));
    let first = Peer::start(good, here);
    let second = Peer::start(locked, here);
    let agent = Running::start(&folder, here, &[]);
    first.expect_routes(&["10.244.1.0/24"]);
    let wide = || agent.ask(&["get", "bgppeers", "-o", "wide"]).out;
    eventually("why the other has no session", || wide().contains("80"));
    assert_eq!(second.routes(), [""; 0]);

    folder.write("secret.yaml", &secret(""));
    second.expect_routes(&["10.244.1.0/24"]);
    assert_eq!(first.downs(), [""; 0], "the session that was up stays up");
}
