//! What is wrong is said once, with its place and its cause, and is said to be over.

mod common;

use common::running::{PORT, Running, address, eventually};
use common::{Folder, agent_on, node, policy};

const UNDECODABLE: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: 10 }
---
";

fn edge(peers: &str) -> String {
    let spec = format!(
        "  listenPort: {PORT}\n  advertisements: {{ service: {{ ipTypes: [ClusterIP] }} }}\n  bgpPeers: [{peers}]"
    );
    policy("edge", &spec)
}

#[test]
fn a_node_that_is_not_there_shows_wherever_an_operator_looks() {
    let here = address(12, 0);
    let folder = Folder::with(&edge(""));
    let agent = Running::start(&folder, here, &["--node", "node-a"]);
    let policy = || agent.ask(&["get", "bgppolicy", "-o", "wide"]);
    eventually("it is an answer", || {
        policy().err.contains("Node/node-a: there is no such Node")
    });
    let (code, body) = agent.probe(here, "/readyz");
    assert_eq!(code, 503, "{body}");
    assert!(
        body.contains("[-] node/node-a: there is no such Node"),
        "{body}"
    );

    folder.write("node.yaml", &node("node-a", 1));
    eventually("it is ready", || agent.probe(here, "/readyz").0 == 200);
    assert_eq!(policy().code, Some(0));

    folder.write("node.yaml", "");
    eventually("it is gone", || {
        policy().out.contains("Node/node-a: it is gone")
    });
}

#[test]
fn an_object_that_cannot_be_decoded_is_told_once_and_explained() {
    let here = address(13, 0);
    let folder = Folder::with(&(node("node-a", 1) + &edge("") + UNDECODABLE));
    let agent = Running::start(&folder, here, &[]);
    let wide = || agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    eventually("it is told", || wide().contains("spec.clusterIPs"));
    assert_eq!(wide().matches("Service/shop/web").count(), 1, "{}", wide());
    let told = agent.log().matches("spec.clusterIPs").count();
    assert_eq!(told, 1, "{}", agent.log());
    let (_, metrics) = agent.probe(here, "/metrics");
    let counted = metrics
        .lines()
        .any(|line| line == "antrea_agent_bgp_problems 1");
    assert!(counted, "{metrics}");
    let explained = agent.ask(&["explain", "service/shop/web"]).out;
    assert!(
        explained.contains("the object cannot be decoded"),
        "{explained}"
    );

    let plan = agent_on(folder.path(), "plan", &[]);
    assert_eq!(
        plan.err.matches("spec.clusterIPs").count(),
        1,
        "{}",
        plan.err
    );
}

#[test]
fn what_is_mended_is_said_to_be_so_and_what_is_not_has_its_place() {
    let folder = Folder::with(&node("node-a", 1));
    let bad = edge("{ address: 192.0.2.7, asn: 65001 }, { address: fe80::1, asn: 65001 }");
    folder.write("policy.yaml", &bad);
    let agent = Running::start(&folder, address(14, 0), &[]);
    let place = format!("{}/policy.yaml:9:", folder.path().display());
    eventually("the place is told", || {
        let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
        wide.contains(&place) && wide.contains("spec.bgpPeers[1].address")
    });
    let plan = agent_on(folder.path(), "plan", &[]);
    assert!(plan.err.contains(&place), "{}", plan.err);

    folder.write("policy.yaml", &edge("{ address: 192.0.2.7, asn: 65001 }"));
    eventually("it is said to be over", || {
        agent.log().contains("no longer found: ")
    });
    assert!(agent.ask(&["get", "bgppolicy", "-o", "wide"]).code == Some(0));
}

#[test]
fn a_skipped_peer_has_no_routes_for_a_reason() {
    let folder =
        Folder::with(&(node("node-a", 1) + &edge("{ address: \"2001:db8::9\", asn: 65001 }")));
    let agent = Running::start(&folder, address(15, 0), &[]);
    let answer = agent.ask(&["get", "bgproutes", "--peer", "2001:db8::9"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.err.contains("no route goes to peer 2001:db8::9: "),
        "{}",
        answer.err
    );
    // The place is that of the peer.
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    assert!(wide.contains("spec.bgpPeers[0]: "), "{wide}");
    let (_, metrics) = agent.probe(address(15, 0), "/metrics");
    assert!(!metrics.contains("_peer_up{"), "{metrics}");
}

#[test]
fn a_password_without_quotes_is_told_so_and_makes_the_agent_unready() {
    let (here, peer) = (address(17, 0), address(17, 1));
    let peers = edge(&format!("{{ address: {peer}, asn: 65001 }}"));
    let folder = Folder::with(&(node("node-a", 1) + &peers));
    let secret = format!(
        "apiVersion: v1
kind: Secret
metadata: {{ name: antrea-bgp-passwords, namespace: kube-system }}
stringData: {{ {peer}-65001: 12345 }}
"
    );
    folder.write("secret.yaml", &secret);
    let agent = Running::start(&folder, here, &[]);
    let wide = || agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    let told = "the value is no string; put it in quotes";
    eventually("it is told", || wide().contains(told));
    assert!(!wide().contains("12345"), "{}", wide());
    let (code, body) = agent.probe(here, "/readyz");
    assert_eq!(code, 503, "{body}");
    assert!(
        body.contains("[-] synced/Secret: it cannot be read"),
        "{body}"
    );
    folder.write("secret.yaml", &secret.replace("12345", "\"12345\""));
    eventually("it is ready", || agent.probe(here, "/readyz").0 == 200);
}

#[test]
fn a_peer_that_is_refused_is_down_and_its_routes_say_why() {
    let (here, peer) = (address(16, 0), address(16, 1));
    let service = UNDECODABLE.replace("clusterIPs: 10", "clusterIPs: [10.96.0.10]");
    let policy = edge(&format!("{{ address: {peer}, asn: 65001 }}"));
    let folder = Folder::with(&(node("node-a", 1) + &service + &policy));
    let secret = format!(
        "apiVersion: v1
kind: Secret
metadata: {{ name: antrea-bgp-passwords, namespace: kube-system }}
stringData: {{ {peer}-65001: {} }}
",
        "x".repeat(81)
    );
    folder.write("secret.yaml", &secret);
    let agent = Running::start(&folder, here, &[]);
    let explain = || agent.ask(&["explain", "10.96.0.10"]);
    let told = format!("to {peer}: no session (Idle: ");
    eventually("it is told", || explain().out.contains(&told));
    let peers = agent.ask(&["get", "bgppeers", "-o", "json"]).json();
    let why = peers[0]["lastError"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(why.contains("81 octets"), "{why:?}");
    assert!(explain().out.contains(&why), "{why:?}: {}", explain().out);
    let (_, metrics) = agent.probe(here, "/metrics");
    let series = format!("antrea_agent_bgp_peer_up{{peer=\"{peer}\",asn=\"65001\"}} 0");
    assert!(metrics.lines().any(|line| line == series), "{metrics}");
}

#[test]
fn check_names_a_peer_that_is_the_node_itself() {
    let folder = Folder::with(&(node("node-a", 1) + &edge("{ address: 192.0.2.1, asn: 65001 }")));
    let answer = agent_on(folder.path(), "check", &[]);
    let told = "peer 192.0.2.1 is an address of node node-a itself";
    assert!(answer.out.contains(told), "{}", answer.out);
}

#[test]
fn check_names_a_secret_that_nobody_reads_and_a_time_that_is_none() {
    let folder = Folder::with(&node("node-a", 1));
    let secret = "apiVersion: v1
kind: Secret
metadata: { name: antrea-bgp-password, namespace: kube-system }
stringData: { 192.0.2.7-65001: swordfish }
";
    folder.write("secret.yaml", secret);
    let policy = edge("").replace("name: edge", "name: edge, creationTimestamp: yesterday");
    folder.write("policy.yaml", &policy);
    let out = agent_on(folder.path(), "check", &[]).out;
    assert!(
        out.contains(
            "Secret/kube-system/antrea-bgp-password: has passwords of peers and is not read"
        ),
        "{out}"
    );
    assert!(
        out.contains("creationTimestamp: expected a time such as"),
        "{out}"
    );
    assert!(!out.contains("swordfish"), "{out}");
}

#[test]
fn a_password_is_found_wrong_where_it_stands() {
    let secret = "apiVersion: v1
kind: Secret
metadata: { name: antrea-bgp-passwords, namespace: kube-system }
";
    let peers = edge("{ address: 192.0.2.7, asn: 65001 }");
    let folder = Folder::with(&(node("node-a", 1) + &peers));
    folder.write(
        "secret.yaml",
        &format!("{secret}data:\n  192.0.2.7-65001: \"?swordfish\"\n"),
    );
    let out = agent_on(folder.path(), "check", &[]).out;
    assert!(
        out.contains("secret.yaml:5:") && out.contains("is not base64"),
        "{out}"
    );
    assert!(!out.contains("swordfish"), "{out}");

    folder.write(
        "secret.yaml",
        &format!("{secret}stringData:\n  192.0.2.7-65001: \"\"\n"),
    );
    let out = agent_on(folder.path(), "check", &[]).out;
    assert!(
        out.contains("secret.yaml:5:") && out.contains("the password is empty"),
        "{out}"
    );
}

#[test]
fn a_misspelt_kind_is_a_warning_and_a_foreign_one_is_not() {
    let folder = Folder::with(&node("node-a", 1));
    folder.write(
        "svc.yaml",
        "apiVersion: v1\nkind: Services\nmetadata: { name: web }\n",
    );
    folder.write(
        "cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n",
    );
    let out = agent_on(folder.path(), "check", &[]).out;
    let told =
        "svc.yaml:1:1: warning: Services (v1) is not read; write kind: Service, if that is meant";
    assert!(out.contains(told), "{out}");
    assert!(out.contains("info: ConfigMap (v1) is not read"), "{out}");
    assert!(out.contains("1 warning"), "{out}");
}
