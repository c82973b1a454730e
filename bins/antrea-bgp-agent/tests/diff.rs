//! `plan --diff`: what a folder would change about the agent that runs.

mod common;

use common::running::{PORT, Running, address, eventually};
use common::{Answer, Folder, node, policy};
use serde_json::json;

const SERVICES: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.10] }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: shop }
spec: { clusterIPs: [10.96.0.11] }
---
";

fn manifests() -> String {
    let more = format!(
        "  listenPort: {PORT}
  advertisements: {{ pod: {{}}, service: {{ ipTypes: [ClusterIP] }} }}
  bgpPeers: [{{ address: 192.0.2.77, asn: 65001 }}]"
    );
    [&node("node-a", 1), SERVICES, &policy("edge", &more)].concat()
}

fn diff(agent: &Running, folder: &Folder, more: &[&str]) -> Answer {
    let folder = folder.path().to_str().expect("UTF-8");
    let command = ["plan", "--diff", "--manifests", folder];
    agent.ask(&[&command, more].concat())
}

#[test]
fn a_folder_that_changes_nothing_says_so_and_one_that_does_says_what() {
    let folder = Folder::with(&manifests());
    let agent = Running::start(&folder, address(1, 0), &[]);
    let same = diff(&agent, &folder, &[]);
    let nothing = "Node node-a: nothing would change\n";
    assert_eq!(
        (same.code, same.out.as_str()),
        (Some(0), nothing),
        "{same:?}"
    );

    let other = manifests()
        .replace("10.96.0.11", "10.96.0.12")
        .replace(
            "192.0.2.77, asn: 65001",
            "192.0.2.77, asn: 65002, holdTimeSeconds: 30",
        )
        // The router ID stays what it is when the address of the node changes.
        .replace("192.0.2.1", "192.0.2.2");
    let other = Folder::with(&other);
    let expected = "\
Node node-a, against the agent that runs there:
~ peer 192.0.2.77:179: asn 65001 -> 65002, holdTimeSeconds 90 -> 30 (its session restarts, and the peer drops the routes meanwhile)
- route 10.96.0.11/32 ServiceClusterIP shop/api
+ route 10.96.0.12/32 ServiceClusterIP shop/api
1 to add, 1 to remove, 1 to change
";
    let changed = diff(&agent, &other, &[]);
    assert_eq!((changed.code, changed.out.as_str()), (Some(1), expected));
    let json = diff(&agent, &other, &["-o", "json"]);
    assert_eq!(json.code, Some(1));
    assert_eq!(
        json.json()["changes"][1],
        json!({ "action": "remove", "what": "route", "name": "10.96.0.11/32",
            "details": ["ServiceClusterIP shop/api"] })
    );

    // Nothing of this has happened.
    assert_eq!(diff(&agent, &folder, &[]).code, Some(0));
}

#[test]
fn a_router_id_that_the_folder_asks_for_and_an_end_of_bgp_are_told() {
    let folder = Folder::with(&manifests());
    let agent = Running::start(&folder, address(2, 0), &[]);
    let annotated = manifests().replace(
        "labels:",
        "annotations: { node.antrea.io/bgp-router-id: 10.0.0.7 }, labels:",
    );
    let restarts = diff(&agent, &Folder::with(&annotated), &[]);
    let line = "~ policy edge: routerID 192.0.2.1 -> 10.0.0.7 (BGP restarts, and with it all sessions; peers with graceful restart keep the routes)";
    assert!(restarts.out.contains(line), "{}", restarts.out);

    let none = Folder::with(&node("node-a", 1));
    let stops = diff(&agent, &none, &[]).out;
    assert!(stops.contains("- policy edge (BGP stops"), "{stops}");
    assert!(
        stops.contains("0 to add, 5 to remove, 0 to change"),
        "{stops}"
    );
}

#[test]
fn an_annotation_that_goes_or_is_no_router_id_does_what_it_would_do() {
    let annotated = |id: &str| {
        let annotations = format!("annotations: {{ node.antrea.io/bgp-router-id: {id} }}, labels:");
        Folder::with(&manifests().replace("labels:", &annotations))
    };
    let folder = annotated("10.0.0.7");
    let agent = Running::start(&folder, address(6, 0), &[]);
    eventually("it is in effect", || {
        agent.ask(&["get", "bgppolicy"]).out.contains("10.0.0.7")
    });
    assert_eq!(diff(&agent, &folder, &[]).code, Some(0));
    let none = Folder::with(&manifests());
    let removed = diff(&agent, &none, &[]);
    let line = "~ policy edge: routerID 10.0.0.7 -> 192.0.2.1 (BGP restarts, and with it all sessions; peers with graceful restart keep the routes)";
    assert!(removed.out.contains(line), "{removed:?}");
    let invalid = diff(&agent, &annotated("nonsense"), &[]);
    assert_eq!(invalid.code, Some(0), "{invalid:?}");
    assert!(
        invalid.err.contains("is replaced by 10.0.0.7"),
        "{invalid:?}"
    );

    // As it is told, so it goes.
    folder.write("all.yaml", &manifests());
    eventually("it is another one", || {
        agent.ask(&["get", "bgppolicy"]).out.contains("192.0.2.1")
    });
    assert_eq!(diff(&agent, &none, &[]).code, Some(0));
}

#[test]
fn a_comparison_with_another_node_is_refused() {
    let folder = Folder::with(&(manifests() + &node("node-b", 2)));
    let agent = Running::start(&folder, address(3, 0), &["--node", "node-a"]);
    let other = diff(&agent, &folder, &["--node", "node-b"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.err.contains("\"node-a\""), "{}", other.err);
    assert_eq!(diff(&agent, &folder, &["--node", "node-a"]).code, Some(0));
    let elsewhere = Folder::with(&node("node-c", 3));
    let warned = diff(&agent, &elsewhere, &[]);
    assert!(warned.err.contains("has no Node \"node-a\""), "{warned:?}");
}

#[test]
fn passwords_are_said_to_be_left_out_where_there_are_any() {
    let secret = |password: &str| {
        format!(
            "---
apiVersion: v1
kind: Secret
metadata: {{ name: antrea-bgp-passwords, namespace: kube-system }}
stringData: {{ 192.0.2.77-65001: {password} }}
"
        )
    };
    let folder = Folder::with(&(manifests() + &secret("swordfish")));
    let agent = Running::start(&folder, address(5, 0), &[]);
    eventually("the peer has its password", || {
        let peer = agent
            .ask(&["get", "bgppeers", "192.0.2.77", "-o", "json"])
            .json();
        peer["configured"]["authenticated"] == true
    });
    let other = diff(
        &agent,
        &Folder::with(&(manifests() + &secret("herring"))),
        &[],
    );
    assert_eq!(other.code, Some(0), "{other:?}");
    assert!(
        other.err.contains("note: passwords are not compared"),
        "{other:?}"
    );
    let none = diff(&agent, &Folder::with(&manifests()), &[]);
    assert!(none.out.contains("authenticated true -> false"), "{none:?}");
    assert!(!none.err.contains("not compared"), "{none:?}");
    for answer in [&other, &none] {
        assert!(!format!("{answer:?}").contains("swordfish"), "{answer:?}");
    }
}

#[test]
fn differences_that_come_only_with_the_next_start_are_said_to_be_so() {
    let folder = Folder::with(&manifests());
    let agent = Running::start(&folder, address(4, 0), &[]);
    for (good, bad) in [
        ("localASN: 64512", "localASN: 0"),
        ("localASN: 64512", "localASN: x"),
    ] {
        let broken = manifests().replace(good, bad);
        assert_ne!(broken, manifests());
        let told = diff(&agent, &Folder::with(&broken), &[]);
        assert!(told.out.contains("- policy edge"), "{told:?}");
        assert!(
            told.err
                .contains("note: BGPPolicy edge is invalid here. The agent keeps the form"),
            "{told:?}"
        );
    }
    let unread = Folder::with(&manifests().replace("clusterIPs: [10.96.0.11]", "clusterIPs: 11"));
    let told = diff(&agent, &unread, &[]);
    assert!(told.out.contains("- route 10.96.0.11/32"), "{told:?}");
    assert!(
        told.err
            .contains("note: what cannot be read counts as absent"),
        "{told:?}"
    );
    // What is wrong here goes at once.
    let twice = manifests().replace("asn: 65001 }", "asn: 0 }");
    let told = diff(&agent, &Folder::with(&twice), &[]);
    assert!(told.out.contains("- peer 192.0.2.77:179"), "{told:?}");
    assert!(!told.err.contains("note:"), "{told:?}");
    let sound = manifests().replace("localASN: 64512", "localASN: 64513");
    let told = diff(&agent, &Folder::with(&sound), &[]);
    assert!(!told.err.contains("note:"), "{told:?}");
}
