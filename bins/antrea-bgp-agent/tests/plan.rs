//! `plan`: what each node would advertise, from files alone.

mod common;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use common::{Folder, agent, agent_on, lab, node, policy};
use serde_json::{Value, json};

#[test]
fn the_lab_is_planned_as_json() {
    let answer = agent_on(&lab(), "plan", &["-o", "json"]);
    assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""));
    let route = |route: &str, route_type: &str, object: &str| json!({ "route": route, "type": route_type, "k8sObjRef": object });
    let routes = [
        route("192.0.2.25/32", "EgressIP", "mail"),
        route("10.244.1.0/24", "NodeIPAMPodCIDR", ""),
        route("10.96.0.10/32", "ServiceClusterIP", "shop/web"),
        route("10.96.0.11/32", "ServiceClusterIP", "shop/api"),
        route("10.96.0.13/32", "ServiceClusterIP", "shop/cdn"),
        route("198.51.100.11/32", "ServiceExternalIP", "shop/api"),
        route("192.0.2.10/32", "ServiceLoadBalancerIP", "shop/web"),
    ];
    let expected = json!({ "policy": "edge", "routerID": "127.0.0.2", "routes": routes });
    assert_eq!(answer.json(), json!({ "lab": expected }));
}

#[test]
fn the_lab_is_planned_as_a_table() {
    let answer = agent_on(&lab(), "plan", &[]);
    assert_eq!(answer.code, Some(0));
    let expected = "\
Node lab: BGPPolicy edge, router ID 127.0.0.2, AS 64512, 7 routes
peer 127.0.0.3:1790 AS 65001
ROUTE            TYPE                  K8S-OBJ-REF
192.0.2.25/32    EgressIP              mail
10.244.1.0/24    NodeIPAMPodCIDR       <NONE>
10.96.0.10/32    ServiceClusterIP      shop/web
10.96.0.11/32    ServiceClusterIP      shop/api
10.96.0.13/32    ServiceClusterIP      shop/cdn
198.51.100.11/32 ServiceExternalIP     shop/api
192.0.2.10/32    ServiceLoadBalancerIP shop/web
";
    assert_eq!(answer.out, expected);
}

#[test]
fn every_node_has_its_own_plan_and_one_can_be_picked() {
    let unlabelled = "apiVersion: v1\nkind: Node\nmetadata: { name: node-c }\n---\n";
    let pods = policy("pods", "  advertisements: { pod: {} }");
    let folder =
        Folder::with(&[&node("node-a", 1), &node("node-b", 2), unlabelled, &pods].concat());

    let all = agent_on(folder.path(), "plan", &["-o", "json"]).json();
    assert_eq!(all["node-a"]["routes"][0]["route"], "10.244.1.0/24");
    assert_eq!(all["node-b"]["routes"][0]["route"], "10.244.2.0/24");
    let nothing = json!({ "policy": null, "routerID": null, "routes": [] });
    assert_eq!(all["node-c"], nothing, "no policy selects it");

    let one = agent_on(folder.path(), "plan", &["-o", "json", "--node", "node-b"]).json();
    let names: Vec<_> = one.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["node-b"]);

    let table = agent_on(folder.path(), "plan", &["--node", "node-c"]).out;
    assert_eq!(
        table,
        "Node node-c: no BGPPolicy is in effect, nothing is advertised\n"
    );
}

#[test]
fn a_node_that_is_not_there_is_an_error_that_names_those_that_are() {
    let answer = agent_on(&lab(), "plan", &["--node", "lba"]);
    assert_eq!((answer.code, answer.out.as_str()), (Some(2), ""));
    assert!(
        answer.err.contains("no Node \"lba\"; it has lab"),
        "{}",
        answer.err
    );
}

#[test]
fn a_folder_that_is_not_there_or_has_no_node_is_an_error() {
    let answer = agent(&["plan", "--manifests", "/nonexistent/folder"]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("/nonexistent/folder"), "{}", answer.err);

    let answer = agent_on(Folder::new().path(), "plan", &[]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("no Node"), "{}", answer.err);
}

#[test]
fn scenario_68_what_is_broken_is_reported_and_the_rest_is_planned() {
    let folder =
        Folder::with(&(node("node-a", 1) + &policy("pods", "  advertisements: { pod: {} }")));
    folder.write("broken.yaml", "kind: Service\nmetadata: {name: web\n");
    folder.write("bomb.yaml", &bomb());
    let answer = agent_on(folder.path(), "plan", &["-o", "json"]);
    assert_eq!(answer.code, Some(0));
    assert_eq!(
        answer.json()["node-a"]["routes"][0]["route"],
        "10.244.1.0/24"
    );
    assert!(answer.err.contains("broken.yaml:"), "{}", answer.err);
    assert!(answer.err.contains("bomb.yaml:"), "{}", answer.err);
}

/// Lists of lists of lists: a few lines that stand for thousands of millions of items.
fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![below; 10].join(", "));
    }
    text
}

#[test]
fn an_invalid_policy_is_reported_and_the_next_one_counts() {
    let broken = policy("a-broken", "  listenPort: 0").replace(
        "name: a-broken",
        "name: a-broken, creationTimestamp: \"2026-01-01T00:00:00Z\"",
    );
    let folder = Folder::with(&(node("node-a", 1) + &broken + &policy("good", "")));
    let answer = agent_on(folder.path(), "plan", &["-o", "json"]);
    assert_eq!(answer.json()["node-a"]["policy"], "good");
    assert!(answer.err.contains("spec.listenPort"), "{}", answer.err);
}

/// 10,000 Services in 100 files. The limit of one second is one for release builds; a debug build
/// only has to find every route.
#[test]
fn ten_thousand_services_in_a_hundred_files() {
    let folder = Folder::with(
        &(node("node-a", 1)
            + &policy(
                "all",
                "  advertisements: { service: { ipTypes: [ClusterIP] } }",
            )),
    );
    for file in 0..100 {
        let services: String = (0..100).map(|i| service(file * 100 + i)).collect();
        folder.write(&format!("services-{file}.yaml"), &services);
    }
    let start = Instant::now();
    let answer = agent_on(folder.path(), "plan", &["-o", "json"]);
    let took = start.elapsed();
    println!("plan of 10,000 Services: {took:?}");
    let plan: Value = answer.json();
    assert_eq!(
        plan["node-a"]["routes"].as_array().map(Vec::len),
        Some(10_000)
    );
    if !cfg!(debug_assertions) {
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

fn service(number: u32) -> String {
    let [_, _, high, low] = number.to_be_bytes();
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: service-{number}
  namespace: default
  labels:
    app: service-{number}
spec:
  type: ClusterIP
  clusterIP: 10.96.{high}.{low}
  clusterIPs:
    - 10.96.{high}.{low}
  ipFamilies:
    - IPv4
  ipFamilyPolicy: SingleStack
  ports:
    - name: http
      port: 80
      protocol: TCP
      targetPort: 8080
  selector:
    app: service-{number}
---
"
    )
}
