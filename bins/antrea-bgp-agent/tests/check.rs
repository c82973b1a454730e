//! `check`: what is wrong in a folder, with file, line and field.

mod common;

use common::{Answer, Folder, agent, agent_on, lab, node, policy};

fn check(folder: &Folder) -> Answer {
    agent_on(folder.path(), "check", &[])
}

#[test]
fn the_lab_has_no_fault_even_strictly() {
    let answer = agent_on(&lab(), "check", &["--strict"]);
    assert_eq!(
        (answer.code, answer.err.as_str()),
        (Some(0), ""),
        "{}",
        answer.out
    );
    assert!(
        answer.out.ends_with("13 objects, 0 errors, 0 warnings\n"),
        "{}",
        answer.out
    );
}

#[test]
fn an_invalid_value_is_named_with_file_line_and_field() {
    let folder = Folder::with(
        "apiVersion: crd.antrea.io/v1alpha1
kind: BGPPolicy
metadata:
  name: edge
spec:
  nodeSelector: {}
  localASN: 64512
  bgpPeers:
    - address: 192.0.2.1
      asn: 65001
    - address: 192.0.2.2
      asn: 0
",
    );
    let answer = check(&folder);
    assert_eq!(answer.code, Some(1));
    let expected = "all.yaml:12:12: error: BGPPolicy/edge: spec.bgpPeers[1].asn: \"0\": out of range; \
                    write a number from 1 to 4294967294\n";
    assert!(answer.out.contains(expected), "{}", answer.out);
    assert!(
        answer.out.ends_with("1 object, 1 error, 0 warnings\n"),
        "{}",
        answer.out
    );
}

#[test]
fn a_field_of_the_wrong_type_is_named_with_file_line_and_field() {
    let folder = Folder::with(
        "apiVersion: crd.antrea.io/v1alpha1
kind: BGPPolicy
metadata: { name: edge }
spec:
  nodeSelector:
    matchLabels:
      bgp: 5
  localASN: 64512
",
    );
    let answer = check(&folder);
    assert_eq!(answer.code, Some(1));
    assert!(
        answer
            .out
            .contains("all.yaml:7:12: error: BGPPolicy/edge: "),
        "{}",
        answer.out
    );
    assert!(
        answer.out.contains("spec.nodeSelector.matchLabels.bgp"),
        "{}",
        answer.out
    );
}

#[test]
fn what_is_not_yaml_is_named_with_file_and_line() {
    let folder = Folder::with(&node("node-a", 1));
    folder.write("broken.yaml", "kind: Service\nmetadata: {name: web\n");
    let answer = check(&folder);
    assert_eq!(answer.code, Some(1));
    assert!(answer.out.contains("broken.yaml:"), "{}", answer.out);
    assert!(answer.out.contains(" error: "), "{}", answer.out);
}

#[test]
fn scenario_68_unknown_fields_are_warnings_and_errors_if_strict() {
    let policy = policy(
        "edge",
        "  bgpPeers: [{ address: 192.0.2.1, asn: 65001, pasword: x }]",
    );
    let folder = Folder::with(&policy);
    let answer = check(&folder);
    assert_eq!(answer.code, Some(0), "{}", answer.out);
    assert!(
        answer
            .out
            .contains("all.yaml:7:48: warning: BGPPolicy/edge: "),
        "{}",
        answer.out
    );
    assert!(
        answer.out.contains("spec.bgpPeers[0].pasword"),
        "{}",
        answer.out
    );
    assert_eq!(
        agent_on(folder.path(), "check", &["--strict"]).code,
        Some(1)
    );
}

#[test]
fn scenario_68_a_duplicate_peer_is_named() {
    let peers = "  bgpPeers:
    - { address: 192.0.2.1, asn: 65001 }
    - { address: \"::ffff:192.0.2.1\", asn: 65002 }";
    let answer = check(&Folder::with(&policy("edge", peers)));
    assert_eq!(answer.code, Some(1));
    assert!(
        answer.out.contains("all.yaml:9:18: error: "),
        "{}",
        answer.out
    );
    assert!(
        answer.out.contains("spec.bgpPeers[1].address"),
        "{}",
        answer.out
    );
}

#[test]
fn reserved_fields_are_warnings() {
    let answer = check(&Folder::with(&policy(
        "edge",
        "  drainOnTaints: { enabled: true }",
    )));
    assert_eq!(answer.code, Some(0), "{}", answer.out);
    assert!(
        answer
            .out
            .contains("warning: BGPPolicy/edge: spec.drainOnTaints: "),
        "{}",
        answer.out
    );
}

#[test]
fn one_object_in_two_files_is_reported() {
    let folder = Folder::new();
    folder.write("a.yaml", &node("node-a", 1));
    folder.write("b.yaml", &node("node-a", 2));
    let answer = check(&folder);
    assert!(answer.out.contains("b.yaml:"), "{}", answer.out);
    assert!(answer.out.contains("Node/node-a"), "{}", answer.out);
}

#[test]
fn what_only_a_node_runs_into_is_found_too() {
    let service = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [198.51.100.300]
---
";
    let advertise = "  advertisements: { service: { ipTypes: [ExternalIP] } }";
    let manifests = node("node-a", 1) + &node("node-b", 2) + service + &policy("edge", advertise);
    let answer = check(&Folder::with(&manifests));
    assert_eq!(
        answer.out.matches("198.51.100.300").count(),
        1,
        "once, not per Node: {}",
        answer.out
    );
    assert!(answer.out.contains("Service/shop/web"), "{}", answer.out);
}

#[test]
fn no_output_shows_a_password() {
    let folder = Folder::with(
        "apiVersion: v1
kind: Secret
metadata: { name: antrea-bgp-passwords, namespace: kube-system }
stringData:
  192.0.2.1-65001: 31337000
  192.0.2.2-65001: [hunter2]
data:
  192.0.2.3-65001: \"hunter2 is not base64\"
",
    );
    let answer = check(&folder);
    assert_eq!(answer.code, Some(1));
    let everything = answer.out + &answer.err;
    assert!(
        !everything.contains("31337") && !everything.contains("hunter2"),
        "{everything}"
    );
}

#[test]
fn a_folder_that_cannot_be_read_is_no_finding_but_a_failure() {
    let answer = agent(&["check", "--manifests", "/nonexistent/folder"]);
    assert_eq!((answer.code, answer.out.as_str()), (Some(2), ""));
    assert!(answer.err.contains("/nonexistent/folder"), "{}", answer.err);
}

#[test]
fn what_an_api_server_would_refuse_in_a_service_is_named() {
    let folder = Folder::with(
        &(node("node-a", 1)
            + &policy(
                "edge",
                "  advertisements: { service: { ipTypes: [ExternalIP] } }",
            )),
    );
    folder.write(
        "web.yaml",
        "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [127.0.0.1, 239.1.2.3]
  externalTrafficPolicy: local
",
    );
    let answer = check(&folder);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    for expected in [
        "web.yaml:6:17: warning: Service/shop/web: spec.externalIPs[0]: \"127.0.0.1\" is a loopback \
         address and is left out\n",
        "web.yaml:6:28: warning: Service/shop/web: spec.externalIPs[1]: \"239.1.2.3\" is a multicast \
         address and is left out\n",
        "web.yaml:7:26: error: Service/shop/web: spec.externalTrafficPolicy: \"local\" is none of \
         Cluster, Local; it counts as Cluster\n",
    ] {
        assert!(
            answer.out.contains(expected),
            "{expected} in {}",
            answer.out
        );
    }
}
