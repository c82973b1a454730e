//! Which policy is in effect, and what its coming, changing and going brings about.

mod support;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Input, InvalidObject, SourceState};
use serde_json::json;
use support::*;

const NOTHING: [&str; 0] = [];

fn three_services() -> Vec<Manifest> {
    vec![
        service("a").cluster_ips(&["10.96.0.1"]),
        service("b").cluster_ips(&["10.96.0.2"]),
        service("c").cluster_ips(&["10.96.0.3"]),
    ]
}

/// An annotated node (so that nothing has to be written), three Services, and these policies.
fn cluster(policies: &[Manifest]) -> Node {
    let mut manifests = vec![node().router_id("192.0.2.10")];
    manifests.extend(three_services());
    manifests.extend_from_slice(policies);
    Node::with(&manifests)
}

#[test]
fn scenario_01_ipv4_node_with_cluster_ips() {
    let mut node = cluster(&[]);
    let effects = node.apply(&policy("p").advertising(&["ClusterIP"]));
    assert_eq!(
        effects,
        [
            "start AS 64512 port 179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
            "+10.96.0.1/32",
            "+10.96.0.2/32",
            "+10.96.0.3/32",
        ]
    );
}

#[test]
fn scenario_02_confederation_reaches_the_process() {
    let confederation = json!({ "identifier": 65000, "memberASNs": [64514, 64513] });
    let mut node = cluster(&[]);
    let effects = node.apply(&policy("p").set("/spec/confederation", confederation));
    assert_eq!(
        effects[0],
        "start AS 64512 port 179 id 192.0.2.10 in 65000 with {64513, 64514}"
    );
}

#[test]
fn scenario_03_ipv6_only_node_with_external_ips() {
    let mut node = Node::with(&[
        ipv6_node().router_id("1.2.3.4"),
        service("a").external_ips(&["198.51.100.1", "2001:db8:e::1"]),
    ]);
    let effects = node.apply(
        &policy("p")
            .advertising(&["ExternalIP"])
            .peers(&[("192.0.2.1", 65001), ("2001:db8::1", 65001)]),
    );
    assert_eq!(
        effects,
        [
            "start AS 64512 port 179 id 1.2.3.4",
            "peer 2001:db8::1 AS 65001",
            "warning PeerSkipped BGPPolicy/p",
            "+2001:db8:e::1/128",
        ]
    );
    let states: Vec<String> = node
        .engine
        .peers()
        .map(|p| format!("{} {}", p.peer.address, p.state))
        .collect();
    assert_eq!(
        states,
        [
            "192.0.2.1 skipped: the node has no IPv4",
            "2001:db8::1 configured"
        ]
    );
}

#[test]
fn scenario_04_dual_stack_with_load_balancer_ips() {
    let node = Node::with(&[
        dual_stack_node(),
        service("a").load_balancer_ips(&["198.51.100.1", "2001:db8:e::1"]),
        policy("p")
            .advertising(&["LoadBalancerIP"])
            .peers(&[("192.0.2.1", 65001), ("2001:db8::1", 65001)]),
    ]);
    assert_eq!(
        node.explain("service/ns/a"),
        "198.51.100.1/32 (ServiceLoadBalancerIP of ns/a) is advertised to 192.0.2.1\n\
         2001:db8:e::1/128 (ServiceLoadBalancerIP of ns/a) is advertised to 2001:db8::1"
    );
}

#[test]
fn scenario_05_only_egresses_of_this_node() {
    let node = Node::with(&[
        node(),
        egress("here", "198.51.100.1", NODE),
        egress("there", "198.51.100.2", "node-b"),
        policy("p").advertising_egresses(),
    ]);
    assert_eq!(node.table(), ["198.51.100.1/32 EgressIP here"]);
}

#[test]
fn scenario_06_pod_cidrs_of_both_families() {
    let node = Node::with(&[dual_stack_node(), policy("p").advertising_pods()]);
    assert_eq!(
        node.table(),
        [
            "10.10.0.0/24 NodeIPAMPodCIDR",
            "fd00:10::/64 NodeIPAMPodCIDR"
        ]
    );
}

#[test]
fn scenario_07_local_policies_without_local_endpoint() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .load_balancer_ips(&["198.51.100.1"])
        .external_ips(&["203.0.113.1"])
        .internal_policy("Local")
        .external_policy("Local");
    let all = ["ClusterIP", "ExternalIP", "LoadBalancerIP"];
    let elsewhere = slice("a-1", "a").ready_on("node-b");
    let node = Node::with(&[node(), local, elsewhere, policy("p").advertising(&all)]);
    assert_eq!(node.table(), NOTHING);
}

#[test]
fn scenario_08_a_younger_second_policy_changes_nothing() {
    let mut node = cluster(&[policy("p").advertising(&["ClusterIP"])]);
    let younger = policy("a").created_on(2).advertising_pods();
    assert_eq!(node.apply(&younger), NOTHING);
    assert_eq!(node.engine.policy().unwrap().name, "p");
    assert_eq!(node.engine.overruled().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn scenario_09_effective_selector_leaves_and_the_next_oldest_takes_over() {
    let old = policy("old").advertising(&["ClusterIP"]);
    let next = policy("next").created_on(2).advertising_pods();
    let last = policy("last").created_on(3);
    let mut node = cluster(&[last, next, old.clone()]);
    assert_eq!(node.engine.policy().unwrap().name, "old");
    let effects = node.apply(&old.selecting("bgp", "elsewhere"));
    assert_eq!(node.engine.policy().unwrap().name, "next");
    assert_eq!(
        effects,
        [
            "+10.10.0.0/24",
            "-10.96.0.1/32",
            "-10.96.0.2/32",
            "-10.96.0.3/32"
        ]
    );
}

#[test]
fn scenario_10_changed_advertisements_change_only_routes() {
    let mut node = cluster(&[policy("p").advertising(&["ClusterIP"])]);
    let effects = node.apply(&policy("p").advertising(&["ExternalIP"]).advertising_pods());
    assert_eq!(
        effects,
        [
            "+10.10.0.0/24",
            "-10.96.0.1/32",
            "-10.96.0.2/32",
            "-10.96.0.3/32"
        ]
    );
}

#[test]
fn scenario_11_changed_local_asn_restarts_with_everything_back() {
    let p = policy("p").advertising(&["ClusterIP"]);
    let mut node = cluster(std::slice::from_ref(&p));
    assert_eq!(
        node.apply(&p.set("/spec/localASN", 64513)),
        [
            "stop LocalAsnChanged",
            "start AS 64513 port 179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
            "+10.96.0.1/32",
            "+10.96.0.2/32",
            "+10.96.0.3/32",
        ]
    );
}

#[test]
fn scenario_12_changed_listen_port_restarts() {
    let p = policy("p").advertising_pods();
    let mut node = cluster(std::slice::from_ref(&p));
    assert_eq!(
        node.apply(&p.set("/spec/listenPort", 1179)),
        [
            "stop ListenPortChanged",
            "start AS 64512 port 1179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
            "+10.10.0.0/24",
        ]
    );
}

#[test]
fn scenario_13_changed_confederation_restarts() {
    let with = |value| policy("p").set("/spec/confederation", value);
    let mut node = cluster(&[with(
        json!({ "identifier": 65000, "memberASNs": [64513, 64514] }),
    )]);
    let steps = [
        (
            json!({ "identifier": 65000, "memberASNs": [64513] }),
            " in 65000 with {64513}",
        ),
        (
            json!({ "identifier": 65009, "memberASNs": [64513] }),
            " in 65009 with {64513}",
        ),
        (json!(null), ""),
    ];
    for (confederation, shown) in steps {
        assert_eq!(
            node.apply(&with(confederation)),
            [
                "stop ConfederationChanged",
                &format!("start AS 64512 port 179 id 192.0.2.10{shown}"),
                "peer 192.0.2.1 AS 65001",
            ]
        );
    }
}

#[test]
fn scenario_13_the_order_of_confederation_members_means_nothing() {
    let with = |members: [u32; 2]| {
        policy("p").set(
            "/spec/confederation",
            json!({ "identifier": 65000, "memberASNs": members }),
        )
    };
    let mut node = cluster(&[with([64513, 64514])]);
    assert_eq!(node.apply(&with([64514, 64513])), NOTHING);
}

#[test]
fn scenario_14_changed_peers_touch_only_those() {
    let p = policy("p").advertising(&["ClusterIP"]);
    let peers = [
        ("192.0.2.1", 65001),
        ("192.0.2.2", 65002),
        ("192.0.2.3", 65003),
    ];
    let mut node = cluster(&[p.clone().peers(&peers)]);
    let changed = json!([
        { "address": "192.0.2.1", "asn": 65001 },
        { "address": "192.0.2.2", "asn": 65002, "holdTimeSeconds": 30 },
        { "address": "192.0.2.4", "asn": 65004 },
    ]);
    assert_eq!(
        node.apply(&p.set("/spec/bgpPeers", changed)),
        [
            "no peer 192.0.2.3",
            "peer 192.0.2.2 AS 65002",
            "peer 192.0.2.4 AS 65004"
        ]
    );
}

#[test]
fn scenario_15_younger_policies_may_do_what_they_like() {
    let younger = policy("q").created_on(2);
    let mut node = cluster(&[
        policy("p").advertising(&["ClusterIP"]),
        younger.clone().selecting("bgp", "elsewhere"),
    ]);
    assert_eq!(node.apply(&younger), NOTHING);
    let other = younger
        .set("/spec/localASN", 65500)
        .advertising_pods()
        .peers(&[]);
    assert_eq!(node.apply(&other), NOTHING);
}

#[test]
fn scenario_16_the_last_policy_goes() {
    let p = policy("p").advertising(&["ClusterIP"]);
    let mut node = cluster(std::slice::from_ref(&p));
    assert_eq!(node.delete(&p), ["stop PolicyGone"]);
    assert_eq!(node.table(), NOTHING);
    assert!(node.engine.policy().is_none());
}

#[test]
fn scenario_17_another_with_equal_values_takes_over_without_restart() {
    let old = policy("old").advertising(&["ClusterIP"]);
    let young = policy("young")
        .created_on(2)
        .advertising(&["ClusterIP"])
        .advertising_pods();
    let young = young.peers(&[("192.0.2.1", 65001), ("192.0.2.2", 65001)]);
    let mut node = cluster(&[old.clone(), young]);
    assert_eq!(
        node.delete(&old),
        ["peer 192.0.2.2 AS 65001", "+10.10.0.0/24"]
    );
    assert_eq!(node.engine.policy().unwrap().name, "young");
}

#[test]
fn scenario_18_another_with_other_values_restarts() {
    let old = policy("old").advertising_pods();
    let young = policy("young")
        .created_on(2)
        .advertising_pods()
        .set("/spec/localASN", 64600);
    let mut node = cluster(&[old.clone(), young]);
    assert_eq!(
        node.delete(&old),
        [
            "stop LocalAsnChanged",
            "start AS 64600 port 179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001",
            "+10.10.0.0/24",
        ]
    );
}

#[test]
fn scenario_19_an_idle_policy_goes() {
    let idle = policy("q").created_on(2);
    let mut node = cluster(&[policy("p").advertising(&["ClusterIP"]), idle.clone()]);
    assert_eq!(node.delete(&idle), NOTHING);
}

#[test]
fn scenario_54_policies_deleted_while_the_watch_was_lost() {
    let (p, q) = (policy("p").advertising_pods(), policy("q").created_on(2));
    let mut node = cluster(&[p, q.clone()]);
    assert_eq!(
        node.feed(relisted(Kind::BgpPolicy, &[q])),
        ["-10.10.0.0/24"]
    );
    assert_eq!(
        node.feed(relisted(Kind::BgpPolicy, &[])),
        ["stop PolicyGone"]
    );
}

#[test]
fn scenario_55_changed_asn_at_the_same_address_touches_that_peer_only() {
    let p = policy("p").advertising_pods();
    let mut node = cluster(&[p
        .clone()
        .peers(&[("192.0.2.1", 65001), ("192.0.2.2", 65002)])]);
    assert_eq!(
        node.apply(&p.peers(&[("192.0.2.1", 65009), ("192.0.2.2", 65002)])),
        ["peer 192.0.2.1 AS 65009"]
    );
}

#[test]
fn scenario_56_equal_creation_times_are_decided_by_name_for_good() {
    for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let mut node = cluster(&order.map(policy));
        assert_eq!(node.engine.policy().unwrap().name, "a");
        for name in order {
            node.apply(&policy(name).advertising_pods());
            assert_eq!(node.engine.policy().unwrap().name, "a");
        }
    }
}

#[test]
fn a_policy_without_a_creation_time_is_younger_than_any() {
    let untimed = policy("a").set("/metadata/creationTimestamp", json!(null));
    let node = cluster(&[untimed, policy("z")]);
    assert_eq!(node.engine.policy().unwrap().name, "z");
}

#[test]
fn scenario_57_invalid_node_selectors_are_skipped_and_reported() {
    let selectors = [
        json!({ "matchExpressions": [{ "key": "bgp", "operator": "Foo", "values": ["a"] }] }),
        json!({ "matchExpressions": [{ "key": "bgp", "operator": "In" }] }),
        json!({ "matchExpressions": [{ "key": "bgp", "operator": "NotIn", "values": [] }] }),
        json!({ "matchExpressions": [{ "key": "bgp", "operator": "Exists", "values": ["a"] }] }),
        json!({ "matchLabels": { "bad key!!": "a" } }),
    ];
    for selector in selectors {
        let invalid = policy("a").set("/spec/nodeSelector", selector.clone());
        let mut node = cluster(&[policy("p").created_on(2).advertising_pods()]);
        assert_eq!(
            node.apply(&invalid),
            ["error InvalidPolicy BGPPolicy/a"],
            "{selector}"
        );
        assert_eq!(node.engine.policy().unwrap().name, "p");
        assert_eq!(node.apply(&invalid), NOTHING, "reported once");
    }
}

#[test]
fn scenario_57_a_number_as_label_value_comes_as_undecodable() {
    let mut node = cluster(&[policy("p").created_on(2).advertising_pods()]);
    let invalid = Input::Invalid {
        object: policy("a").reference(),
        created: None,
        reason: "spec.nodeSelector.matchLabels.bgp: expected a string".to_owned(),
    };
    assert_eq!(node.feed(invalid), ["error Undecodable BGPPolicy/a"]);
    assert_eq!(node.engine.policy().unwrap().name, "p");
}

#[test]
fn scenario_67_twenty_policies_and_the_oldest_invalid() {
    let mut policies: Vec<Manifest> = (2..=20)
        .rev()
        .map(|day| policy(&format!("p{day}")).created_on(day))
        .collect();
    policies.push(policy("p1").created_on(1).set("/spec/localASN", 0));
    let node = cluster(&policies);
    assert_eq!(node.engine.policy().unwrap().name, "p2");
    assert_eq!(
        node.problems(),
        ["InvalidPolicy BGPPolicy/p1 spec.localASN"]
    );
}

#[test]
fn scenario_69_an_edit_makes_the_effective_policy_invalid() {
    let good = policy("p").advertising_pods();
    let bad = good.clone().set("/spec/listenPort", 0);
    let younger = policy("q").created_on(2).advertising(&["ClusterIP"]);

    let mut node = cluster(&[good.clone(), younger.clone()]);
    assert_eq!(
        node.apply(&bad),
        [
            "error InvalidPolicy BGPPolicy/p",
            "warning KeptLastGoodPolicy BGPPolicy/p"
        ]
    );
    assert!(node.engine.policy().unwrap().last_good);
    assert_eq!(node.table(), ["10.10.0.0/24 NodeIPAMPodCIDR"]);
    assert_eq!(
        node.apply(&good),
        [
            "mended InvalidPolicy BGPPolicy/p",
            "mended KeptLastGoodPolicy BGPPolicy/p"
        ]
    );
    assert_eq!(node.problems(), NOTHING);

    let fresh = cluster(&[bad.clone(), younger]);
    assert_eq!(
        fresh.engine.policy().unwrap().name,
        "q",
        "a fresh start skips it"
    );

    node.apply(&bad);
    node.delete(&bad);
    assert_eq!(node.engine.policy().unwrap().name, "q", "deleted");
}

#[test]
fn scenario_69_an_undecodable_edit_keeps_the_last_good_form_until_deselected() {
    let good = policy("p").advertising_pods();
    let undecodable = InvalidObject {
        object: good.reference(),
        created: None,
        reason: "spec.localASN: invalid type".to_owned(),
    };
    let mut cluster = cluster(std::slice::from_ref(&good));
    let relist = Input::Relisted {
        kind: Kind::BgpPolicy,
        objects: vec![],
        invalid: vec![undecodable],
    };
    assert_eq!(
        cluster.feed(relist.clone()),
        [
            "error Undecodable BGPPolicy/p",
            "warning KeptLastGoodPolicy BGPPolicy/p"
        ]
    );
    assert_eq!(cluster.feed(relist), NOTHING, "reported once");
    let labelled = node().router_id("192.0.2.10");
    let effects = cluster.apply(&labelled.clone().label("bgp", "off"));
    assert_eq!(effects, ["stop NodeDeselected"]);
    assert_eq!(cluster.problems(), ["Undecodable BGPPolicy/p -"]);
    assert_eq!(
        cluster.apply(&labelled),
        NOTHING,
        "its last good form is gone"
    );
}

/// Two ways in which an adapter may find a policy to be invalid.
fn made_invalid(policy: &Manifest) -> [Manifest; 2] {
    let policy = policy.clone();
    [
        policy.clone().set("/spec/listenPort", 0),
        policy.undecodable(),
    ]
}

#[test]
fn a_policy_that_is_made_invalid_while_another_is_in_effect_never_takes_over() {
    let a = policy("a").advertising(&["ClusterIP"]);
    let b = policy("b").created_on(2).advertising_pods();
    for invalid in made_invalid(&b) {
        let start = || cluster(&[a.clone(), b.clone()]);
        let stopped = |effects: Vec<String>, node: &Node| {
            assert_eq!(effects[0], "stop PolicyGone");
            assert_eq!(node.problems().len(), 1, "no word of a last good form");
        };
        let mut node = start();
        stopped(node.feed_all([invalid.applied(), a.deleted()]), &node);
        let mut node = start();
        stopped(node.feed_all([a.deleted(), invalid.applied()]), &node);
        let mut node = start();
        stopped(
            node.feed(relisted(Kind::BgpPolicy, std::slice::from_ref(&invalid))),
            &node,
        );
    }
}

#[test]
fn a_policy_that_was_good_only_within_the_first_batch_never_was() {
    let a = policy("a").advertising_pods();
    for invalid in made_invalid(&a) {
        let mut node = cluster(&[]);
        let effects = node.feed_all([a.applied(), invalid.applied()]);
        assert_eq!(effects.len(), 1, "reported: {effects:?}");
        assert_eq!(node.engine.policy(), None);
    }
}

#[test]
fn a_last_good_form_goes_with_the_object_it_was_of() {
    let a = policy("a").advertising_pods();
    for invalid in made_invalid(&a) {
        let anew = invalid.clone().created_on(3);
        let mut node = cluster(std::slice::from_ref(&a));
        assert_eq!(
            node.feed(relisted(Kind::BgpPolicy, std::slice::from_ref(&anew)))[0],
            "stop PolicyGone",
            "deleted and made anew while the watch was away"
        );

        let mut node = cluster(std::slice::from_ref(&a));
        node.apply(&invalid);
        assert!(node.engine.policy().unwrap().last_good);
        assert_eq!(node.apply(&anew)[0], "stop PolicyGone");

        let mut node = cluster(std::slice::from_ref(&a));
        let in_between = a.clone().created_on(3);
        assert_eq!(
            node.feed_all([in_between.applied(), anew.applied()])[0],
            "stop PolicyGone",
            "the new one was never in effect"
        );
        let mut node = cluster(std::slice::from_ref(&a));
        assert_eq!(
            node.feed_all([a.deleted(), invalid.applied()])[0],
            "stop PolicyGone"
        );
    }
}

#[test]
fn an_older_policy_takes_over_from_a_last_good_form() {
    let good = policy("p").created_on(2);
    let mut node = cluster(std::slice::from_ref(&good));
    node.apply(&good.set("/spec/localASN", 0));
    let older = policy("older").advertising_pods();
    assert_eq!(node.apply(&older), ["+10.10.0.0/24"]);
    assert_eq!(
        node.delete(&older),
        ["stop PolicyGone"],
        "p has no good form left"
    );
}

#[test]
fn no_policy_is_chosen_while_the_first_list_is_under_way() {
    let mut cluster = Node::with(&[node().router_id("192.0.2.10")]);
    let source = |state| Input::Source {
        kind: Kind::BgpPolicy,
        state,
    };
    cluster.feed(source(SourceState::Listing));
    assert_eq!(cluster.apply(&policy("young").created_on(2)), NOTHING);
    let list = relisted(
        Kind::BgpPolicy,
        &[policy("young").created_on(2), policy("old")],
    );
    assert_eq!(
        cluster.feed(list)[0],
        "start AS 64512 port 179 id 192.0.2.10"
    );
    assert_eq!(cluster.engine.policy().unwrap().name, "old");
    assert_eq!(
        cluster.feed(source(SourceState::Failing)),
        NOTHING,
        "running goes on"
    );
}
