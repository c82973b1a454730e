//! What can be asked: the policy, routes in their order, explanations; and what the engine asks
//! for: the kinds to watch.

mod support;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Effect, Engine, Family, Input, RouteType, SourceState, Subject};
use serde_json::json;
use support::*;

const NOTHING: [&str; 0] = [];
const ALL: [&str; 3] = ["ClusterIP", "ExternalIP", "LoadBalancerIP"];

fn everything() -> Manifest {
    policy("p")
        .advertising(&ALL)
        .advertising_pods()
        .advertising_egresses()
        .peers(&[("192.0.2.1", 65001), ("2001:db8::1", 65001)])
}

fn full_node() -> Node {
    Node::with(&[
        dual_stack_node(),
        service("web")
            .cluster_ips(&["10.96.0.10", "fd00:96::10"])
            .external_ips(&["198.51.100.1"])
            .load_balancer_ips(&["203.0.113.1"]),
        service("db").cluster_ips(&["10.96.0.9"]),
        egress("out", "198.51.100.77", NODE),
        everything(),
    ])
}

#[test]
fn scenario_49_the_effective_policy() {
    let confederation = json!({ "identifier": 65000, "memberASNs": [64515, 64513, 64514] });
    let mut node = Node::with(&[node().router_id("1.2.3.4")]);
    assert_eq!(node.engine.policy(), None);
    assert_eq!(node.engine.peers().count(), 0);
    assert_eq!(node.engine.routes().count(), 0);

    node.apply(&policy("p").set("/spec/confederation", confederation));
    let view = node.engine.policy().unwrap();
    assert_eq!((view.name, view.last_good), ("p", false));
    assert_eq!(view.process.router_id.to_string(), "1.2.3.4");
    assert_eq!(
        (view.process.local_asn, view.process.listen_port),
        (64512, 179)
    );
    let confederation = view.process.confederation.as_ref().unwrap();
    assert_eq!(confederation.identifier, 65000);
    let members: Vec<u32> = confederation.member_asns.iter().copied().collect();
    assert_eq!(members, [64513, 64514, 64515], "sorted");
}

#[test]
fn scenario_50_routes_by_family_and_type() {
    let node = full_node();
    let of_type = |name: &str| {
        let wanted: RouteType = name.parse().unwrap();
        node.engine
            .routes()
            .filter(|route| route.owner().route_type == wanted)
            .count()
    };
    assert_eq!(of_type("ServiceClusterIP"), 3);
    assert_eq!(of_type("EgressIP"), 1);
    assert!("ClusterIP".parse::<RouteType>().is_err());
    let ipv6 = node
        .engine
        .routes()
        .filter(|r| Family::of(&r.prefix.addr()) == Family::V6)
        .count();
    assert_eq!(ipv6, 2);
}

#[test]
fn scenario_51_routes_in_a_stable_order() {
    assert_eq!(
        full_node().table(),
        [
            "198.51.100.77/32 EgressIP out",
            "10.10.0.0/24 NodeIPAMPodCIDR",
            "10.96.0.9/32 ServiceClusterIP ns/db",
            "10.96.0.10/32 ServiceClusterIP ns/web",
            "198.51.100.1/32 ServiceExternalIP ns/web",
            "203.0.113.1/32 ServiceLoadBalancerIP ns/web",
            "fd00:10::/64 NodeIPAMPodCIDR",
            "fd00:96::10/128 ServiceClusterIP ns/web",
        ]
    );
}

#[test]
fn explain_names_the_first_rule_that_stops_an_address() {
    let local = service("local")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let node = Node::with(&[
        node(),
        policy("p")
            .advertising(&["ClusterIP"])
            .advertising_egresses(),
        local.external_ips(&["198.51.100.1"]),
        slice("local-1", "local")
            .ready_on("node-b")
            .ready_on("node-c"),
        service("empty"),
        egress("away", "198.51.100.2", "node-b"),
        egress("waiting", "198.51.100.3", ""),
        egress("bare", "", NODE),
        egress("odd", "nonsense", NODE),
        egress("six", "2001:db8::e", NODE),
    ]);
    let explained = [
        (
            "10.96.0.1",
            "10.96.0.1/32 (ServiceClusterIP of ns/local) is not advertised: the traffic policy is \
             Local and this node has no usable IPv4 endpoint (2 ready elsewhere)",
        ),
        (
            "198.51.100.1/32",
            "198.51.100.1/32 (ServiceExternalIP of ns/local) is not advertised: BGPPolicy p does \
             not select the type ServiceExternalIP",
        ),
        (
            "service/ns/empty",
            "is not advertised: the Service has no address",
        ),
        (
            "egress/away",
            "198.51.100.2/32 (EgressIP of away) is not advertised: the Egress is on node node-b",
        ),
        (
            "198.51.100.3",
            "198.51.100.3/32 (EgressIP of waiting) is not advertised: the Egress is not assigned \
             to a node",
        ),
        (
            "egress/bare",
            "(EgressIP of bare) is not advertised: the Egress has no address",
        ),
        (
            "egress/odd",
            "(EgressIP of odd) is not advertised: \"nonsense\" is not an IP address",
        ),
        (
            "egress/six",
            "2001:db8::e/128 (EgressIP of six) is not advertised: the node has no IPv6 Pod CIDR \
             and no IPv6 InternalIP",
        ),
        (
            "10.10.0.7",
            "10.10.0.0/24 (NodeIPAMPodCIDR) is not advertised: BGPPolicy p does not advertise Pod \
             CIDRs",
        ),
    ];
    for (subject, explanation) in explained {
        assert_eq!(node.explain(subject), explanation, "{subject}");
    }
}

#[test]
fn explain_names_invalid_policies_where_none_is_in_effect() {
    let mut node = Node::with(&[node()]);
    let why = |node: &Node| node.explain("service/ns/a");
    let none = "is not advertised: no valid BGPPolicy selects this node";
    assert_eq!(why(&node), none);

    let invalid = policy("b").set("/spec/localASN", 0);
    node.apply(&invalid.clone().selecting("bgp", "elsewhere"));
    assert_eq!(why(&node), none, "mended, it would not select this node");
    node.apply(&invalid);
    assert_eq!(why(&node), format!("{none} (left out as invalid: b)"));

    let unselective = json!({ "matchLabels": { "bad key!!": "a" } });
    node.apply(&policy("a").set("/spec/nodeSelector", unselective));
    node.apply(&policy("c").undecodable());
    assert_eq!(why(&node), format!("{none} (left out as invalid: a, b, c)"));
    node.apply(&policy("d").undecodable());
    assert_eq!(
        why(&node),
        format!("{none} (left out as invalid: a, b, c and 1 more)")
    );
}

#[test]
fn explain_shows_that_a_last_good_form_is_in_effect() {
    let p = policy("p").advertising_pods();
    let mut node = Node::with(&[node(), p.clone()]);
    node.apply(&p.clone().undecodable());
    assert_eq!(
        node.explain("10.10.0.0/24"),
        "10.10.0.0/24 (NodeIPAMPodCIDR) is advertised to 192.0.2.1\n\
         BGPPolicy p is invalid now; its last good form is in effect"
    );
    node.apply(&p);
    assert_eq!(
        node.explain("10.10.0.0/24"),
        "10.10.0.0/24 (NodeIPAMPodCIDR) is advertised to 192.0.2.1"
    );
}

#[test]
fn explain_says_what_is_not_known() {
    let mut node = Node::with(&[node(), policy("p").advertising(&ALL)]);
    assert_eq!(
        node.explain("egress/e"),
        "is not advertised: BGPPolicy p does not advertise Egress addresses"
    );
    assert_eq!(
        node.explain("service/ns/a"),
        "is not advertised: objects of kind Service have not been listed yet (source: unwatched)"
    );
    node.feed(relisted(Kind::Service, &[]));
    assert_eq!(
        node.explain("service/ns/a"),
        "is not advertised: there is no such object"
    );
    assert_eq!(
        node.explain("203.0.113.9"),
        "203.0.113.9/32 is not advertised: no Service, Egress or Pod CIDR that is known has it\n\
         203.0.113.9/32 is not advertised: BGPPolicy p does not advertise Pod CIDRs\n\
         203.0.113.9/32 is not advertised: BGPPolicy p does not advertise Egress addresses"
    );
}

#[test]
fn explain_says_when_no_peer_gets_a_route() {
    let node = Node::with(&[dual_stack_node(), policy("p").advertising_pods()]);
    assert_eq!(
        node.explain("fd00:10::/64"),
        "fd00:10::/64 (NodeIPAMPodCIDR) is not advertised: BGPPolicy p has no IPv6 peer to tell of it"
    );
}

#[test]
fn subjects_are_addresses_prefixes_services_and_egresses() {
    for text in [
        "192.0.2.1",
        "2001:db8::1",
        "10.0.0.0/8",
        "service/ns/a",
        "egress/e",
    ] {
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
    }
    assert_eq!(
        "::ffff:192.0.2.1".parse::<Subject>().unwrap().to_string(),
        "192.0.2.1"
    );
    assert_eq!(
        "10.0.0.1/8".parse::<Subject>().unwrap().to_string(),
        "10.0.0.0/8"
    );
    for text in [
        "",
        "service",
        "service/a",
        "service//a",
        "egress/",
        "egress/a/b",
        "node/a",
    ] {
        assert!(text.parse::<Subject>().is_err(), "{text}");
    }
}

fn watch(node: &Node) -> String {
    node.watched
        .iter()
        .map(Kind::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn only_what_the_effective_policy_needs_is_watched() {
    let mut node = Node::with(&[node()]);
    node.apply(&service("unasked"));
    assert_eq!(watch(&node), "BGPPolicy Node");
    let p = policy("p").peers(&[]);
    node.apply(&p);
    assert_eq!(watch(&node), "BGPPolicy Node");
    node.apply(&p.clone().advertising(&["ClusterIP"]));
    assert_eq!(watch(&node), "BGPPolicy Node Service EndpointSlice");
    node.apply(&p.clone().advertising_egresses());
    assert_eq!(watch(&node), "BGPPolicy Node Egress");
    node.apply(&policy("p"));
    assert_eq!(watch(&node), "BGPPolicy Node Secret");
    node.delete(&p);
    assert_eq!(watch(&node), "BGPPolicy Node");
}

#[test]
fn the_first_effect_asks_for_policies_and_the_node() {
    let Some(Effect::Watch(kinds)) = Engine::new(NODE).poll_effect() else {
        panic!()
    };
    assert_eq!(
        kinds.iter().collect::<Vec<_>>(),
        [Kind::BgpPolicy, Kind::Node]
    );
}

#[test]
fn dropped_kinds_are_forgotten_until_they_are_listed_again() {
    let p = policy("p").advertising(&["ClusterIP"]);
    let a = service("a").cluster_ips(&["10.96.0.1"]);
    let mut node = Node::with(&[node(), a.clone(), p.clone()]);
    assert_eq!(node.table(), ["10.96.0.1/32 ServiceClusterIP ns/a"]);
    assert_eq!(node.apply(&policy("p")), ["-10.96.0.1/32"]);
    assert_eq!(
        node.apply(&a),
        NOTHING,
        "late: nobody will tell when it goes"
    );
    assert_eq!(node.apply(&p), NOTHING, "nothing is known yet");
    assert_eq!(node.feed(relisted(Kind::Service, &[a])), ["+10.96.0.1/32"]);
}

#[test]
fn sources_are_unsettled_until_listed_absent_or_denied() {
    let mut node = Node::with(&[node(), policy("p").advertising(&ALL).advertising_egresses()]);
    let unsettled = |node: &Node| {
        node.engine
            .unsettled()
            .iter()
            .map(Kind::as_str)
            .collect::<Vec<_>>()
    };
    let source = |kind, state| Input::Source { kind, state };
    assert_eq!(
        unsettled(&node),
        ["BGPPolicy", "Node", "Service", "EndpointSlice", "Egress"]
    );
    node.feed(source(Kind::BgpPolicy, SourceState::Synced));
    node.feed(source(Kind::Node, SourceState::Synced));
    node.feed(source(Kind::Service, SourceState::Failing));
    node.feed(source(Kind::Egress, SourceState::Absent));
    let effects = node.feed(source(Kind::EndpointSlice, SourceState::Denied));
    assert_eq!(effects, ["error SourceDenied Node/node-a"]);
    assert_eq!(unsettled(&node), ["Service"]);
    node.feed(relisted(Kind::Service, &[]));
    assert_eq!(unsettled(&node), NOTHING);
    node.feed(source(Kind::Service, SourceState::Failing));
    assert_eq!(
        unsettled(&node),
        NOTHING,
        "what was listed once stays known"
    );
}

#[test]
fn a_lost_api_server_changes_nothing() {
    let mut node = full_node();
    for kind in Kind::ALL {
        assert_eq!(
            node.feed(Input::Source {
                kind,
                state: SourceState::Failing
            }),
            NOTHING
        );
    }
    assert_eq!(node.engine.route_count(), 8);
}

#[test]
fn a_kind_that_goes_takes_its_objects_along() {
    let mut node = full_node();
    assert_eq!(node.feed(absent(Kind::Egress)), ["-198.51.100.77/32"]);
    assert_eq!(node.feed(absent(Kind::Service)).len(), 5);
    assert_eq!(node.feed(absent(Kind::Node)), NOTHING);
    assert!(node.engine.node_missing(), "the grace time begins");
    assert_eq!(node.feed(absent(Kind::BgpPolicy)), ["stop PolicyGone"]);
    assert_eq!(node.feed(absent(Kind::BgpPolicy)), NOTHING);
    let back = node.apply(&policy("p"));
    assert_eq!(back[0], "start AS 64512 port 179 id 192.0.2.10");
}

#[test]
fn what_happens_at_once_is_judged_by_its_result() {
    let p = policy("p").advertising(&["ExternalIP"]);
    let a = service("a").external_ips(&["198.51.100.1"]);
    let mut node = Node::with(&[node(), p.clone(), a.clone()]);
    let moved = [
        a.external_ips(&[]),
        service("b").external_ips(&["198.51.100.1"]),
    ];
    assert_eq!(
        node.feed_all(moved.map(|service| service.applied())),
        NOTHING
    );
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceExternalIP ns/b"]);

    let renamed = policy("q").advertising(&["ExternalIP"]);
    assert_eq!(node.feed_all([p.deleted(), renamed.applied()]), NOTHING);
    assert_eq!(node.engine.policy().unwrap().name, "q");
}

#[test]
fn invalid_policies_are_those_that_may_be_for_this_node() {
    let far = json!({ "matchLabels": { "rack": "far" } });
    let mut node = Node::with(&[
        node(),
        policy("good"),
        policy("here").set("/spec/localASN", 0),
        policy("elsewhere")
            .set("/spec/localASN", 0)
            .set("/spec/nodeSelector", far),
        policy("unreadable").undecodable(),
    ]);
    let invalid = |node: &Node| -> Vec<String> {
        node.engine.invalid_policies().map(str::to_owned).collect()
    };
    assert_eq!(invalid(&node), ["here", "unreadable"]);
    node.apply(&policy("good").set("/spec/localASN", 0));
    // One is in effect by its last good form.
    assert_eq!(invalid(&node), ["good", "here", "unreadable"]);
}

#[test]
fn a_router_id_that_was_selected_before_goes_on() {
    for (written, expected) in [(false, "10.0.0.7"), (true, "192.0.2.10")] {
        let mut engine = Engine::new(NODE);
        engine.resume_router_id([10, 0, 0, 7].into(), written);
        engine.handle_all([node(), policy("p")].map(|it| Input::Applied(it.object())));
        let running = engine.policy().expect("it is in effect");
        assert_eq!(running.process.router_id.to_string(), expected);
    }
}
