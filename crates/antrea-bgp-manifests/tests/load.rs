//! What a folder yields, and what is said about what is wrong in it.

mod common;

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use antrea_bgp_api::Object;
use antrea_bgp_manifests::{Change, Problem, Severity, load};
use common::{applied, changes, folder, policy, service, shown, write};

#[test]
fn every_document_of_every_manifest_counts() {
    let two = format!(
        "---\n{}---\n# nothing\n---\n{}",
        service("a", "10.0.0.1"),
        policy("p", "64512")
    );
    let dir = folder(&[
        ("two.yaml", two.as_str()),
        ("sub/folder/c.yml", &service("c", "10.0.0.3")),
        (
            "d.json",
            r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"}}"#,
        ),
        ("README.md", "not a manifest"),
        (".hidden.yaml", &service("hidden", "10.0.0.9")),
        (".git/x.yaml", &service("hidden", "10.0.0.9")),
    ]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        [
            "+Node/node-a",
            "+Service/default/c",
            "+Service/default/a",
            "+BGPPolicy/p"
        ]
    );
    assert_eq!(rescan.added, []);
}

#[test]
fn lists_of_any_kind_and_depth_are_their_items() {
    let text = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Node, metadata: {name: node-a}}
---
apiVersion: v1
kind: ServiceList
items:
- metadata: {name: b}
"#;
    let rescan = load(folder(&[("list.yaml", text)]).path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        ["+Service/shop/a", "+Node/node-a", "+Service/default/b"]
    );
}

#[test]
fn an_object_that_does_not_decode_is_reported_with_its_place_and_the_rest_counts() {
    let text = format!(
        "{}---\n{}",
        policy("bad", "sixty"),
        service("web", "10.0.0.1")
    );
    let dir = folder(&[("all.yaml", &text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan), ["!BGPPolicy/bad", "+Service/default/web"]);
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "all.yaml:8:13: error: BGPPolicy/bad: spec.localASN: expected a whole number, found the \
          string \"sixty\""
        ]
    );
    let Change::Invalid {
        reason, created, ..
    } = &rescan.changes[0]
    else {
        panic!("{:?}", rescan.changes[0]);
    };
    assert!(
        reason.starts_with("spec.localASN: expected a whole number"),
        "{reason}"
    );
    assert!(reason.ends_with("all.yaml:8:13)"), "{reason}");
    assert_eq!(
        created.map(|created| created.as_second()),
        Some(1_767_323_045)
    );
}

#[test]
fn the_path_of_a_field_leads_through_lists_and_labels() {
    let text = r#"
apiVersion: crd.antrea.io/v1alpha1
kind: BGPPolicy
metadata: {name: p}
spec:
  localASN: 64512
  nodeSelector: {}
  bgpPeers:
  - {address: 192.0.2.1, asn: 65001}
  - address: 192.0.2.2
    asn: [65002]
---
apiVersion: v1
kind: Node
metadata:
  name: node-a
  labels:
    example.com/rack: 7
"#;
    let dir = folder(&[("p.yaml", text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "p.yaml:11:10: error: BGPPolicy/p: spec.bgpPeers[1].asn: expected a whole number, found \
             a list",
            "p.yaml:18:23: error: Node/node-a: metadata.labels[example.com/rack]: expected a string \
             (quotes make it one), found the number 7",
        ]
    );
}

#[test]
fn unknown_fields_are_warnings_and_errors_only_if_strict() {
    let text = service("web", "10.0.0.1")
        + "  sessionAffinity: None\n  clusterIps: [10.0.0.2]\n"
        + "  ports:\n  - {port: 80, prot: TCP}\n---\n"
        + &policy("p", "64512")
        + "  bgpPeers:\n  - {address: 192.0.2.1, asn: 65001, pasword: x}\n";
    let dir = folder(&[("web.yaml", &text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan), ["+Service/default/web", "+BGPPolicy/p"]);
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "web.yaml:8:3: warning: Service/default/web: spec.clusterIps: unknown field; it has no \
             effect",
            "web.yaml:10:16: warning: Service/default/web: spec.ports[0].prot: unknown field; it \
             has no effect",
            "web.yaml:21:38: warning: BGPPolicy/p: spec.bgpPeers[0].pasword: unknown field; it has \
             no effect",
        ]
    );
    assert!(!rescan.added[0].fails_check(false));
    assert!(rescan.added[0].fails_check(true));
}

#[test]
fn what_kubectl_prints_has_no_unknown_fields() {
    let text = r#"
apiVersion: v1
kind: Service
metadata:
  annotations: {metallb.io/ip-allocated-from-pool: pool}
  creationTimestamp: "2026-01-01T00:00:00Z"
  managedFields:
  - apiVersion: v1
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': {}}}}
    manager: kubectl
    operation: Update
  name: web
  resourceVersion: "1"
  uid: 2d6b8c9e-1111-2222-3333-444455556666
spec:
  allocateLoadBalancerNodePorts: true
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1]
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports: [{nodePort: 30080, port: 80, protocol: TCP, targetPort: http}]
  selector: {app: web}
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}
  type: LoadBalancer
status:
  conditions: []
  loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}
---
apiVersion: crd.antrea.io/v1beta1
kind: Egress
metadata: {name: out, creationTimestamp: null}
spec: {appliedTo: {podSelector: {matchLabels: {a: b}}}, egressIP: 192.0.2.9, externalIPPool: pool}
status: {egressNode: node-a, egressIP: 192.0.2.9, conditions: []}
"#;
    let rescan = load(folder(&[("k.yaml", text)]).path()).expect("folder");
    assert_eq!(changes(&rescan), ["+Service/default/web", "+Egress/out"]);
    assert_eq!(rescan.added, []);
}

#[test]
fn other_kinds_are_ignored_with_a_note() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\n\
                apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n---\n\
                apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: c}\n";
    let dir = folder(&[("apps.yaml", text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan), [] as [&str; 0]);
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "apps.yaml:1:1: info: Deployment (apps/v1) is not read; 2 in this file",
            "apps.yaml:9:13: warning: apiVersion: Service of serving.knative.dev/v1 is not the \
             Service of v1 and is not read",
        ]
    );
}

#[test]
fn a_wrong_or_missing_api_version_is_an_error() {
    let text = policy("old", "64512").replace("v1alpha1", "v1alpha9")
        + "---\n"
        + &service("web", "10.0.0.1").replace("apiVersion: v1\n", "");
    let dir = folder(&[("v.yaml", &text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan), ["!BGPPolicy/old", "!Service/default/web"]);
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "v.yaml:1:13: error: BGPPolicy/old: apiVersion: expected crd.antrea.io/v1alpha1, found \
             \"crd.antrea.io/v1alpha9\"",
            "v.yaml:10:1: error: Service/default/web: apiVersion: expected v1, found none",
        ]
    );
}

#[test]
fn what_is_no_object_is_an_error() {
    let text = "just text\n---\nmetadata: {name: a}\n---\n\
                apiVersion: v1\nkind: Service\nmetadata: {name: n}\n---\n\
                apiVersion: v1\nkind: Service\n";
    let dir = folder(&[("x.yaml", text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan), [] as [&str; 0]);
    let problems: Vec<_> = rescan
        .added
        .iter()
        .map(|d| (d.problem, d.severity))
        .collect();
    assert_eq!(problems, [(Problem::NotAnObject, Severity::Error); 4]);
    assert_eq!(
        rescan.added[2].position.map(|at| (at.line, at.column)),
        Some((7, 18))
    );
}

#[test]
fn duplicate_keys_are_reported_and_the_last_counts() {
    let text = service("web", "10.0.0.1") + "  clusterIPs: [10.0.0.2]\n";
    let dir = folder(&[("web.yaml", &text)]);
    let rescan = load(dir.path()).expect("folder");
    let Object::Service(web) = applied(&rescan, "Service/default/web") else {
        panic!()
    };
    assert_eq!(web.spec.cluster_ips, ["10.0.0.2"]);
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "web.yaml:7:3: warning: Service/default/web: spec.clusterIPs: this key occurs twice; the \
          last one counts"
        ]
    );
}

#[test]
fn aliases_and_merge_keys_work() {
    let text = r#"
apiVersion: v1
kind: Node
metadata:
  name: node-a
  labels:
    <<: &common {zone: a, rack: "1"}
    rack: "2"
status:
  addresses:
  - &address {type: InternalIP, address: 192.0.2.1}
  - {<<: *address, address: 192.0.2.2}
"#;
    let rescan = load(folder(&[("n.yaml", text)]).path()).expect("folder");
    let Object::Node(node) = applied(&rescan, "Node/node-a") else {
        panic!()
    };
    assert_eq!(node.metadata.labels["zone"], "a");
    assert_eq!(node.metadata.labels["rack"], "2");
    let addresses: Vec<_> = node
        .status
        .addresses
        .iter()
        .map(|a| a.address.as_str())
        .collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(node.status.addresses[1].address_type, "InternalIP");
}

#[test]
fn bombs_huge_objects_and_deep_nests_are_reported_and_the_rest_works() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let previous = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{previous}]\n");
    }
    let huge = service("huge", "10.0.0.1").replace("kind: Service\n", "kind: Service\n#\n")
        + &format!("  externalName: {}\n", "x".repeat(1 << 20));
    let deep = format!("{}{}\n", "[".repeat(200), "]".repeat(200));
    let own = "a: &a [*a]\n";
    let dir = folder(&[
        ("1-bomb.yaml", &(bomb + "---\n" + &service("a", "10.0.0.1"))),
        ("2-huge.yaml", &(huge + "---\n" + &service("b", "10.0.0.2"))),
        ("3-deep.yaml", &(deep + "---\n" + &service("c", "10.0.0.3"))),
        (
            "4-own.yaml",
            &(own.to_owned() + "---\n" + &service("d", "10.0.0.4")),
        ),
    ]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        [
            "+Service/default/a",
            "!Service/default/huge",
            "+Service/default/b",
            "+Service/default/c",
            "+Service/default/d",
        ]
    );
    assert_eq!(
        shown(dir.path(), &rescan.added),
        [
            "1-bomb.yaml:5:45: error: not valid YAML: aliases expand to more than 100000 nodes",
            "2-huge.yaml:1:1: error: Service/default/huge: the object is 1048678 octets long; from \
             1048576 (1 MiB) on objects are refused",
            "3-deep.yaml:1:129: error: not valid YAML: nested deeper than 128 levels",
            "4-own.yaml:1:8: error: not valid YAML: an alias stands within the node that it repeats",
        ]
    );
}

#[test]
fn the_values_of_a_secret_do_not_show() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: antrea-bgp-passwords}\n\
                stringData:\n  192.0.2.1-65001: 123456789\n---\n\
                apiVersion: v1\nkind: Secret\nmetadata: {name: other}\n\
                data:\n  192.0.2.1-65001: 'hunter2!'\n";
    let dir = folder(&[("secret.yaml", text)]);
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(changes(&rescan).len(), 2);
    let everything = format!("{rescan:?} {:?}", shown(dir.path(), &rescan.added));
    assert!(!everything.contains("123456789"), "{everything}");
    assert!(!everything.contains("hunter2"), "{everything}");
    assert_eq!(rescan.added.len(), 2, "{everything}");
}

#[test]
fn links_are_followed_and_each_real_file_counts_once() {
    let dir = folder(&[
        ("..2026_01/web.yaml", &service("web", "10.0.0.1")),
        ("sub/db.yaml", &service("db", "10.0.0.2")),
    ]);
    symlink("..2026_01", dir.path().join("..data")).expect("link");
    symlink("..data/web.yaml", dir.path().join("web.yaml")).expect("link");
    symlink("web.yaml", dir.path().join("zweb.yaml")).expect("link");
    symlink("..", dir.path().join("sub/loop")).expect("link");
    symlink("nowhere", dir.path().join("lost.yaml")).expect("link");
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        ["+Service/default/db", "+Service/default/web"]
    );
    assert_eq!(
        shown(dir.path(), &rescan.added),
        ["lost.yaml: warning: the link leads nowhere"]
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let dir = folder(&[("file.yaml", "")]);
    for path in ["missing", "file.yaml"] {
        let error = load(&dir.path().join(path)).expect_err("no folder");
        assert!(error.to_string().contains(path), "{error}");
    }
    write(dir.path(), "latin1.yaml", "");
    std::fs::write(dir.path().join("latin1.yaml"), b"a: b\nname: caf\xe9\n").expect("file");
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        shown(dir.path(), &rescan.added),
        ["latin1.yaml:2:1: error: not UTF-8 text"]
    );
}

#[test]
fn what_is_too_large_or_no_file_is_not_read() {
    let dir = folder(&[
        ("a.yaml", &service("a", "10.0.0.1")),
        ("folder.yaml/b.yaml", &service("b", "10.0.0.2")),
    ]);
    let large = std::fs::File::create(dir.path().join("large.yaml")).expect("file");
    large.set_len((64 << 20) + 1).expect("a file of holes");
    let _socket = UnixListener::bind(dir.path().join("socket.yaml")).expect("socket");
    let rescan = load(dir.path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        ["+Service/default/a", "+Service/default/b"]
    );
    assert_eq!(
        shown(dir.path(), &rescan.added),
        ["large.yaml: error: cannot be read: larger than 67108864 octets (64 MiB); split it"]
    );
}

#[test]
fn the_deepest_nest_that_is_allowed_fits_on_the_stack() {
    let depth = 120;
    let nest = format!("{}{}", "{a: ".repeat(depth), "}".repeat(depth));
    let text = policy("p", "64512") + &format!("  drainOnTaints: {{tolerations: [{nest}]}}\n");
    let rescan = load(folder(&[("p.yaml", &text)]).path()).expect("folder");
    assert_eq!(changes(&rescan), ["+BGPPolicy/p"]);
}

#[test]
fn a_word_that_its_field_does_not_know_is_reported_where_it_stands() {
    let text = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: Loadbalancer
  clusterIPs: [10.0.0.1]
  internalTrafficPolicy: Cluster
  externalTrafficPolicy: local
status: { loadBalancer: { ingress: [{ ip: 192.0.2.1, ipMode: VIP }, { ip: 192.0.2.2, ipMode: proxy }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop }
addressType: ipv4
endpoints: []
";
    let rescan = load(folder(&[("a.yaml", text)]).path()).expect("folder");
    assert_eq!(
        changes(&rescan),
        ["+Service/shop/web", "+EndpointSlice/shop/web-1"]
    );
    let found: Vec<_> = rescan
        .added
        .iter()
        .map(|d| {
            assert_eq!(
                (d.problem, d.severity),
                (Problem::UnknownValue, Severity::Error)
            );
            let line = d.position.map(|p| p.line).unwrap_or_default();
            let field = d.field.as_deref().unwrap_or_default();
            format!("{line}: {field}: {}", d.message)
        })
        .collect();
    assert_eq!(
        found,
        [
            "5: spec.type: \"Loadbalancer\" is none of ClusterIP, NodePort, LoadBalancer, \
             ExternalName; it counts as ClusterIP",
            "8: spec.externalTrafficPolicy: \"local\" is none of Cluster, Local; it counts as Cluster",
            "9: status.loadBalancer.ingress[1].ipMode: \"proxy\" is none of VIP, Proxy; it counts as VIP",
            "14: addressType: \"ipv4\" is none of IPv4, IPv6, FQDN; the slice counts for nothing",
        ]
    );
}
