//! What follows from changes of the Node: labels, router ID, families, Pod CIDRs, its absence.

mod support;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::Input;
use serde_json::json;
use support::*;

const NOTHING: [&str; 0] = [];

/// A node whose annotation holds what would be selected, so that nothing has to be written.
fn settled() -> Manifest {
    node().router_id("192.0.2.10")
}

#[test]
fn scenario_20_labels_add_or_remove_an_idle_policy() {
    let mut cluster = Node::with(&[
        settled(),
        policy("p").advertising_pods(),
        policy("idle").created_on(2).selecting("zone", "b"),
    ]);
    let both = settled().set("/metadata/labels", json!({ "bgp": "enabled", "zone": "b" }));
    assert_eq!(cluster.apply(&both), NOTHING);
    assert_eq!(cluster.apply(&settled()), NOTHING);
}

#[test]
fn scenario_21_labels_switch_the_effective_policy() {
    let other = policy("other")
        .created_on(2)
        .selecting("zone", "b")
        .set("/spec/localASN", 64600);
    let mut cluster = Node::with(&[settled(), policy("p").advertising_pods(), other]);
    assert_eq!(
        cluster.apply(&settled().label("zone", "b")),
        [
            "stop LocalAsnChanged",
            "start AS 64600 port 179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
        ]
    );
}

#[test]
fn scenario_22_labels_match_no_policy() {
    let mut cluster = Node::with(&[settled(), policy("p").advertising_pods()]);
    assert_eq!(
        cluster.apply(&settled().label("bgp", "disabled")),
        ["stop NodeDeselected"]
    );
    assert_eq!(
        cluster.explain("10.10.0.1"),
        "10.10.0.1/32 is not advertised: no valid BGPPolicy selects this node"
    );
    let back = cluster.apply(&settled());
    assert_eq!(back[0], "start AS 64512 port 179 id 192.0.2.10");
}

#[test]
fn scenario_23_a_changed_router_id_annotation_restarts() {
    let mut cluster = Node::with(&[settled(), policy("p").advertising_pods()]);
    assert_eq!(
        cluster.apply(&node().router_id("1.2.3.4")),
        [
            "stop RouterIdChanged",
            "start AS 64512 port 179 id 1.2.3.4",
            "peer 192.0.2.1 AS 65001",
            "+10.10.0.0/24",
        ]
    );
}

#[test]
fn scenario_24_a_removed_annotation_is_selected_anew_and_written_back() {
    let mut cluster = Node::with(&[node().router_id("1.2.3.4"), policy("p")]);
    assert_eq!(
        cluster.apply(&node()),
        [
            "stop RouterIdChanged",
            "start AS 64512 port 179 id 192.0.2.10",
            "write 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
        ]
    );
}

#[test]
fn scenario_25_an_ipv6_only_node_named_local() {
    let local = ipv6_node().set("/metadata/name", "local");
    let mut cluster = Node::named("local");
    cluster.apply(&local);
    assert_eq!(
        cluster.apply(&policy("p").peers(&[])),
        [
            "start AS 64512 port 179 id 156.67.103.8",
            "write 156.67.103.8"
        ]
    );
}

#[test]
fn scenario_26_an_invalid_annotation_is_replaced_and_reported() {
    for text in ["0.0.0.0", "router-1", "2001:db8::1"] {
        let mut cluster = Node::with(&[node().router_id(text)]);
        assert_eq!(
            cluster.apply(&policy("p").peers(&[])),
            [
                "start AS 64512 port 179 id 192.0.2.10",
                "write 192.0.2.10",
                "warning InvalidRouterID Node/node-a",
            ],
            "{text}"
        );
        let told = ["mended InvalidRouterID Node/node-a"];
        assert_eq!(cluster.apply(&settled()), told, "the write is seen");
        assert_eq!(cluster.problems(), NOTHING);
        let again = ["write 192.0.2.10", "warning InvalidRouterID Node/node-a"];
        assert_eq!(
            cluster.apply(&node().router_id(text)),
            again,
            "without a restart"
        );
    }
}

#[test]
fn scenario_27_the_router_id_outlives_a_change_of_address() {
    let mut cluster = Node::with(&[settled(), policy("p")]);
    let addresses = json!([{ "type": "InternalIP", "address": "192.0.2.77" }]);
    assert_eq!(
        cluster.apply(&settled().set("/status/addresses", addresses)),
        NOTHING
    );
}

#[test]
fn scenario_71_a_label_changes_before_the_annotation_is_written() {
    let mut cluster = Node::with(&[node()]);
    let effects = cluster.apply(&policy("p").peers(&[]));
    assert_eq!(
        effects,
        ["start AS 64512 port 179 id 192.0.2.10", "write 192.0.2.10"]
    );
    let relabelled = node()
        .set(
            "/metadata/labels",
            json!({ "bgp": "enabled", "new": "label" }),
        )
        .set(
            "/status/addresses",
            json!([{ "type": "InternalIP", "address": "192.0.2.77" }]),
        );
    assert_eq!(cluster.apply(&relabelled), NOTHING);
    assert_eq!(cluster.apply(&settled()), NOTHING, "written at last");
}

#[test]
fn a_transport_address_goes_before_the_internal_ip() {
    let transport = "/metadata/annotations/node.antrea.io~1transport-addresses";
    let mut cluster = Node::with(&[node().set(transport, "2001:db8::7,198.51.100.7")]);
    assert_eq!(
        cluster.apply(&policy("p").peers(&[])),
        [
            "start AS 64512 port 179 id 198.51.100.7",
            "write 198.51.100.7"
        ]
    );
}

#[test]
fn scenario_64_a_node_without_pod_cidr() {
    let bare = settled().set("/spec", json!({}));
    let mut cluster = Node::with(&[bare.clone(), policy("p").advertising_pods()]);
    assert_eq!(cluster.table(), NOTHING);
    assert_eq!(cluster.problems(), NOTHING);
    assert_eq!(cluster.apply(&bare), NOTHING);
    assert_eq!(cluster.apply(&settled()), ["+10.10.0.0/24"]);
    let moved = settled().set("/spec/podCIDRs", json!(["10.20.0.0/24"]));
    assert_eq!(cluster.apply(&moved), ["+10.20.0.0/24", "-10.10.0.0/24"]);
}

#[test]
fn a_family_comes_with_a_pod_cidr_or_internal_ip_and_goes_with_the_last() {
    let v6_service = service("a").cluster_ips(&["10.96.0.1", "fd00:96::1"]);
    let p = policy("p")
        .advertising(&["ClusterIP"])
        .advertising_egresses()
        .peers(&[("192.0.2.1", 65001), ("2001:db8::1", 65001)]);
    let mut cluster = Node::with(&[settled(), v6_service, egress("e", "2001:db8::e", NODE), p]);
    assert_eq!(
        cluster.explain("fd00:96::1"),
        "fd00:96::1/128 (ServiceClusterIP of ns/a) is not advertised: the node has no IPv6 Pod \
         CIDR and no IPv6 InternalIP"
    );
    let both = settled().set("/spec/podCIDRs", json!(["10.10.0.0/24", "fd00:10::/64"]));
    assert_eq!(
        cluster.apply(&both),
        [
            "peer 2001:db8::1 AS 65001",
            "mended PeerSkipped BGPPolicy/p",
            "+2001:db8::e/128",
            "+fd00:96::1/128"
        ]
    );
    assert_eq!(
        cluster.apply(&settled()),
        [
            "no peer 2001:db8::1",
            "warning PeerSkipped BGPPolicy/p",
            "-2001:db8::e/128",
            "-fd00:96::1/128",
        ]
    );
    let fields = cluster
        .engine
        .problems()
        .map(|problem| problem.field.as_deref());
    assert_eq!(fields.collect::<Vec<_>>(), [Some("spec.bgpPeers[1]")]);
}

#[test]
fn a_missing_node_is_given_time_to_come_back() {
    let mut cluster = Node::with(&[settled(), policy("p").advertising_pods()]);
    assert_eq!(cluster.delete(&node()), NOTHING);
    assert!(cluster.engine.node_missing());
    assert_eq!(cluster.apply(&settled()), NOTHING);
    assert!(!cluster.engine.node_missing());
    assert_eq!(
        cluster.feed(Input::NodeGraceElapsed),
        NOTHING,
        "it fired too late"
    );

    assert_eq!(cluster.feed(relisted(Kind::Node, &[])), NOTHING);
    assert!(cluster.engine.node_missing());
    assert_eq!(cluster.feed(Input::NodeGraceElapsed), ["stop NodeGone"]);
    assert_eq!(
        cluster.explain("10.10.0.1"),
        "10.10.0.1/32 is not advertised: the Node object of this node is not known"
    );
}

#[test]
fn other_nodes_mean_nothing() {
    let mut cluster = Node::with(&[settled(), policy("p").advertising_pods()]);
    let other = ipv6_node().set("/metadata/name", "node-b");
    assert_eq!(cluster.apply(&other), NOTHING);
    assert_eq!(cluster.delete(&other), NOTHING);
    assert!(!cluster.engine.node_missing());
}
