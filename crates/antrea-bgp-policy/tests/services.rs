//! Which addresses of Services are advertised, as Services and their slices come, change and go.

mod support;

use antrea_bgp_api::Kind;
use serde_json::json;
use support::*;

const NOTHING: [&str; 0] = [];
const ALL: [&str; 3] = ["ClusterIP", "ExternalIP", "LoadBalancerIP"];

fn cluster(manifests: &[Manifest]) -> Node {
    let mut all = vec![dual_stack_node(), policy("p").advertising(&ALL)];
    all.extend_from_slice(manifests);
    Node::with(&all)
}

/// One address of each type, in a subnet of its own choice.
fn web(third: u8) -> Manifest {
    service("web")
        .cluster_ips(&[&format!("10.96.{third}.1")])
        .external_ips(&[&format!("198.51.{third}.1")])
        .load_balancer_ips(&[&format!("203.0.{third}.1")])
}

/// Scenarios 28 to 36 are one story: returns what follows from the step of that number, after all
/// those before it.
fn story(until: u32) -> Vec<String> {
    let local = |third| web(third).internal_policy("Local").external_policy("Local");
    let steps = [
        (28, local(1).applied()),
        (29, slice("web-1", "web").applied()),
        (30, slice("web-1", "web").ready_on(NODE).applied()),
        (31, web(2).applied()),
        (32, web(2).external_policy("Local").applied()),
        (33, slice("web-1", "web").ready_on("node-b").applied()),
        (34, local(2).applied()),
        (35, web(2).internal_policy("Local").applied()),
        (36, web(2).deleted()),
    ];
    let mut node = cluster(&[]);
    let mut effects = Vec::new();
    for (_, input) in steps.into_iter().take_while(|(step, _)| *step <= until) {
        effects = node.feed(input);
    }
    effects
}

#[test]
fn scenario_28_local_policies_and_no_endpoints() {
    assert_eq!(story(28), NOTHING);
}

#[test]
fn scenario_29_a_slice_without_endpoints() {
    assert_eq!(story(29), NOTHING);
}

#[test]
fn scenario_30_a_local_ready_endpoint() {
    assert_eq!(
        story(30),
        ["+10.96.1.1/32", "+198.51.1.1/32", "+203.0.1.1/32"]
    );
}

#[test]
fn scenario_31_other_addresses_and_policies_cluster() {
    let new = ["+10.96.2.1/32", "+198.51.2.1/32", "+203.0.2.1/32"];
    let old = ["-10.96.1.1/32", "-198.51.1.1/32", "-203.0.1.1/32"];
    assert_eq!(story(31), [new, old].concat());
}

#[test]
fn scenario_32_external_policy_local_with_a_local_endpoint() {
    assert_eq!(story(32), NOTHING);
}

#[test]
fn scenario_33_the_endpoint_moves_away() {
    assert_eq!(story(33), ["-198.51.2.1/32", "-203.0.2.1/32"]);
}

#[test]
fn scenario_34_internal_policy_local() {
    assert_eq!(story(34), ["-10.96.2.1/32"]);
}

#[test]
fn scenario_35_external_policy_cluster() {
    assert_eq!(story(35), ["+198.51.2.1/32", "+203.0.2.1/32"]);
}

#[test]
fn scenario_36_the_service_is_deleted() {
    assert_eq!(story(36), ["-198.51.2.1/32", "-203.0.2.1/32"]);
}

#[test]
fn services_and_slices_come_in_any_order() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let here = slice("a-1", "a").ready_on(NODE);
    let mut node = cluster(std::slice::from_ref(&here));
    assert_eq!(node.apply(&local), ["+10.96.0.1/32"]);
    assert_eq!(node.delete(&local), ["-10.96.0.1/32"]);
    assert_eq!(
        node.apply(&local),
        ["+10.96.0.1/32"],
        "the slice was still there"
    );
    assert_eq!(node.delete(&here), ["-10.96.0.1/32"]);
}

#[test]
fn scenario_54_services_and_slices_deleted_while_the_watch_was_lost() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let other = service("b").cluster_ips(&["10.96.0.2"]);
    let mut node = cluster(&[local.clone(), other, slice("a-1", "a").ready_on(NODE)]);
    let services = relisted(Kind::Service, std::slice::from_ref(&local));
    assert_eq!(node.feed(services.clone()), ["-10.96.0.2/32"]);
    assert_eq!(node.feed(services), NOTHING);
    assert_eq!(
        node.feed(relisted(Kind::EndpointSlice, &[])),
        ["-10.96.0.1/32"]
    );
    assert_eq!(node.feed(relisted(Kind::Service, &[])), NOTHING);
    assert_eq!(
        node.explain("service/ns/a"),
        "is not advertised: there is no such object"
    );
}

#[test]
fn scenario_59_an_endpoint_that_is_not_ready_does_not_count() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let endpoint = |conditions| {
        slice("a-1", "a").endpoint(json!({ "nodeName": NODE, "conditions": conditions }))
    };
    let mut node = cluster(&[local]);
    assert_eq!(node.apply(&endpoint(json!({ "ready": false }))), NOTHING);
    assert_eq!(
        node.apply(&endpoint(json!({}))),
        ["+10.96.0.1/32"],
        "missing means ready"
    );
    assert_eq!(node.apply(&endpoint(json!({ "ready": null }))), NOTHING);
    let no_node = slice("a-1", "a").endpoint(json!({ "conditions": { "ready": true } }));
    assert_eq!(
        node.apply(&no_node),
        ["-10.96.0.1/32"],
        "no nodeName is not local"
    );
}

#[test]
fn scenario_59_terminating_but_serving_counts_only_when_no_node_has_a_ready_one() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let draining = json!({ "ready": false, "serving": true, "terminating": true });
    let here = slice("a-1", "a").endpoint(json!({ "nodeName": NODE, "conditions": draining }));
    let elsewhere = slice("a-2", "a").ready_on("node-b");
    let mut node = cluster(&[local, elsewhere.clone()]);
    assert_eq!(node.apply(&here), NOTHING);
    assert_eq!(node.delete(&elsewhere), ["+10.96.0.1/32"]);
    assert_eq!(node.apply(&elsewhere), ["-10.96.0.1/32"]);
    let not_serving = json!({ "ready": false, "serving": false, "terminating": true });
    let dead = slice("a-1", "a").endpoint(json!({ "nodeName": NODE, "conditions": not_serving }));
    node.apply(&dead);
    assert_eq!(node.delete(&elsewhere), NOTHING);
}

#[test]
fn scenario_59_ipv4_endpoints_do_not_carry_an_ipv6_address() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1", "fd00:96::1"])
        .internal_policy("Local");
    let mut node = cluster(&[local]);
    assert_eq!(
        node.apply(&slice("a-1", "a").ready_on(NODE)),
        ["+10.96.0.1/32"]
    );
    let v6 = slice("a-2", "a").set("/addressType", "IPv6").ready_on(NODE);
    assert_eq!(node.apply(&v6), ["+fd00:96::1/128"]);
    let names = slice("a-2", "a").set("/addressType", "FQDN").ready_on(NODE);
    assert_eq!(
        node.apply(&names),
        ["-fd00:96::1/128"],
        "names are no endpoints"
    );
}

#[test]
fn scenario_60_cluster_ip_service_with_external_ips_and_external_policy_local() {
    let a = service("a")
        .external_ips(&["198.51.100.1"])
        .external_policy("Local");
    let mut node = cluster(&[a, slice("a-1", "a").ready_on("node-b")]);
    assert_eq!(
        node.apply(&slice("a-1", "a").ready_on(NODE)),
        ["+198.51.100.1/32"]
    );
    assert_eq!(
        node.apply(&slice("a-1", "a").ready_on("node-b")),
        ["-198.51.100.1/32"]
    );
}

#[test]
fn scenario_61_two_services_share_an_address() {
    let (a, b) = (
        service("a").external_ips(&["198.51.100.1"]),
        service("b").external_ips(&["198.51.100.1"]),
    );
    let mut node = cluster(&[a.clone(), b]);
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceExternalIP ns/a"]);
    let route = node
        .engine
        .route(&"198.51.100.1/32".parse().unwrap())
        .unwrap();
    assert_eq!(route.owners.len(), 2);
    assert_eq!(node.delete(&a), NOTHING);
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceExternalIP ns/b"]);
}

#[test]
fn scenario_61_one_address_of_two_types_is_one_route() {
    let a = service("a")
        .external_ips(&["198.51.100.1"])
        .load_balancer_ips(&["198.51.100.1"]);
    let mut node = cluster(std::slice::from_ref(&a));
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceExternalIP ns/a"]);
    assert_eq!(node.apply(&a.external_ips(&[])), NOTHING);
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceLoadBalancerIP ns/a"]);
}

#[test]
fn scenario_62_several_slices_and_one_goes() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let slices = ["a-1", "a-2", "a-3"].map(|name| slice(name, "a").ready_on(NODE));
    let mut node = cluster(&[local]);
    assert_eq!(node.apply(&slices[0]), ["+10.96.0.1/32"]);
    assert_eq!(node.apply(&slices[1]), NOTHING);
    assert_eq!(node.apply(&slices[2]), NOTHING);
    assert_eq!(node.delete(&slices[1]), NOTHING);
    assert_eq!(node.apply(&slice("a-1", "a").ready_on("node-b")), NOTHING);
    assert_eq!(
        node.apply(&slice("a-3", "a").ready_on("node-b")),
        ["-10.96.0.1/32"]
    );
}

#[test]
fn a_slice_moves_from_one_service_to_another() {
    let local = |name, ip| service(name).cluster_ips(&[ip]).internal_policy("Local");
    let mut node = cluster(&[local("a", "10.96.0.1"), local("b", "10.96.0.2")]);
    assert_eq!(
        node.apply(&slice("s", "a").ready_on(NODE)),
        ["+10.96.0.1/32"]
    );
    assert_eq!(
        node.apply(&slice("s", "b").ready_on(NODE)),
        ["+10.96.0.2/32", "-10.96.0.1/32"]
    );
    let unlabelled = slice("s", "b")
        .set("/metadata/labels", json!({}))
        .ready_on(NODE);
    assert_eq!(node.apply(&unlabelled), ["-10.96.0.2/32"]);
}

#[test]
fn slices_of_headless_services_and_other_proxies_do_not_count() {
    let local = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let mut node = cluster(&[local]);
    for label in [
        "service.kubernetes.io~1headless",
        "service.kubernetes.io~1service-proxy-name",
    ] {
        let slice = slice("a-1", "a")
            .set(&format!("/metadata/labels/{label}"), "")
            .ready_on(NODE);
        assert_eq!(node.apply(&slice), NOTHING, "{label}");
    }
}

#[test]
fn scenario_65_headless_external_name_and_hostname_only() {
    let headless = service("headless")
        .cluster_ips(&["None"])
        .external_ips(&["198.51.100.1"]);
    let alias = service("alias")
        .set("/spec/type", "ExternalName")
        .external_ips(&["198.51.100.2"]);
    let hostname = service("hostname").set("/spec/type", "LoadBalancer").set(
        "/status/loadBalancer/ingress",
        json!([{ "hostname": "lb.example.com" }]),
    );
    let node = cluster(&[headless, alias, hostname]);
    assert_eq!(node.table(), NOTHING);
    let explained = [
        (
            "service/ns/headless",
            "is not advertised: the Service is headless",
        ),
        (
            "198.51.100.1",
            "198.51.100.1/32 (ServiceExternalIP of ns/headless) is not advertised: the Service is headless",
        ),
        (
            "service/ns/alias",
            "is not advertised: the Service is of type ExternalName",
        ),
        (
            "service/ns/hostname",
            "(ServiceLoadBalancerIP of ns/hostname) is not advertised: the load balancer gave host names and no address",
        ),
    ];
    for (subject, explanation) in explained {
        assert_eq!(node.explain(subject), explanation);
    }
}

/// What follows when a Service changes, and when it changes back.
fn there_and_back(from: &Manifest, to: &Manifest) -> [Vec<String>; 2] {
    let mut node = cluster(std::slice::from_ref(from));
    [node.apply(to), node.apply(from)]
}

const WEB_GONE: [&str; 3] = ["-10.96.1.1/32", "-198.51.1.1/32", "-203.0.1.1/32"];
const WEB_BACK: [&str; 3] = ["+10.96.1.1/32", "+198.51.1.1/32", "+203.0.1.1/32"];

#[test]
fn a_service_turns_headless_and_back() {
    let [gone, back] = there_and_back(&web(1), &web(1).cluster_ips(&["None"]));
    assert_eq!(gone, WEB_GONE, "its other addresses too");
    assert_eq!(back, WEB_BACK);
}

#[test]
fn a_service_is_handed_to_another_proxy_and_back() {
    let label = "/metadata/labels/service.kubernetes.io~1service-proxy-name";
    let [gone, back] = there_and_back(&web(1), &web(1).set(label, "cilium"));
    assert_eq!(gone, WEB_GONE);
    assert_eq!(back, WEB_BACK);
}

#[test]
fn a_service_changes_its_type() {
    let of_type = |name: &str| web(1).set("/spec/type", name);
    let mut node = cluster(&[of_type("LoadBalancer")]);
    let steps: [(&str, &[&str]); 5] = [
        // The API server clears the ingress of a Service that is no load balancer any more, but not
        // in the same instant.
        ("ClusterIP", &["-203.0.1.1/32"]),
        ("ExternalName", &["-10.96.1.1/32", "-198.51.1.1/32"]),
        ("ClusterIP", &["+10.96.1.1/32", "+198.51.1.1/32"]),
        ("LoadBalancer", &["+203.0.1.1/32"]),
        ("ExternalName", &WEB_GONE),
    ];
    for (name, effects) in steps {
        assert_eq!(node.apply(&of_type(name)), effects, "{name}");
    }
}

#[test]
fn services_of_another_proxy_have_no_routes() {
    let label = "/metadata/labels/service.kubernetes.io~1service-proxy-name";
    let foreign = service("a")
        .cluster_ips(&["10.96.0.1"])
        .set(label, "cilium");
    let mut node = cluster(&[foreign]);
    assert_eq!(
        node.explain("service/ns/a"),
        "is not advertised: the Service belongs to another proxy, \"cilium\""
    );
    assert_eq!(
        node.apply(&service("a").cluster_ips(&["10.96.0.1"])),
        ["+10.96.0.1/32"]
    );
}

#[test]
fn scenario_70_ip_mode_proxy() {
    let ingress = json!([
        { "ip": "198.51.100.1", "ipMode": "Proxy" },
        { "ip": "198.51.100.2", "ipMode": "VIP" },
        { "ip": "198.51.100.3" },
    ]);
    let a = service("a")
        .load_balancer_ips(&[])
        .set("/status/loadBalancer/ingress", ingress);
    let node = cluster(&[a]);
    assert_eq!(
        node.explain("service/ns/a"),
        "198.51.100.2/32 (ServiceLoadBalancerIP of ns/a) is advertised to 192.0.2.1\n\
         198.51.100.3/32 (ServiceLoadBalancerIP of ns/a) is advertised to 192.0.2.1\n\
         198.51.100.1/32 (ServiceLoadBalancerIP of ns/a) is not advertised: the load balancer \
         proxies this address (ipMode: Proxy)"
    );
}

#[test]
fn ingress_addresses_count_only_for_load_balancers() {
    let was_one = service("a")
        .load_balancer_ips(&["198.51.100.1"])
        .set("/spec/type", "NodePort");
    let node = cluster(&[was_one]);
    assert_eq!(
        node.explain("198.51.100.1"),
        "198.51.100.1/32 (ServiceLoadBalancerIP of ns/a) is not advertised: the Service is not of \
         type LoadBalancer"
    );
}

#[test]
fn withdraw_when_no_endpoints() {
    let withdrawing = policy("p")
        .advertising(&ALL)
        .set("/spec/advertisements/service/withdrawWhenNoEndpoints", true);
    let mut node = cluster(&[service("a").cluster_ips(&["10.96.0.1"])]);
    assert_eq!(
        node.table(),
        ["10.96.0.1/32 ServiceClusterIP ns/a"],
        "off by default"
    );
    assert_eq!(node.apply(&withdrawing), ["-10.96.0.1/32"]);
    assert_eq!(
        node.explain("10.96.0.1"),
        "10.96.0.1/32 (ServiceClusterIP of ns/a) is not advertised: no node has a ready IPv4 \
         endpoint, and the policy sets withdrawWhenNoEndpoints"
    );
    let elsewhere = slice("a-1", "a").ready_on("node-b");
    assert_eq!(node.apply(&elsewhere), ["+10.96.0.1/32"]);
    assert_eq!(node.delete(&elsewhere), ["-10.96.0.1/32"]);
}

#[test]
fn scenario_66_mapped_addresses_of_services_are_ipv4() {
    let node = cluster(&[service("a").external_ips(&["::ffff:198.51.100.1"])]);
    assert_eq!(node.table(), ["198.51.100.1/32 ServiceExternalIP ns/a"]);
}

#[test]
fn what_is_no_address_is_reported_and_the_rest_works() {
    let odd = service("a").external_ips(&["198.51.100.300", "198.51.100.1"]);
    let mut node = cluster(&[]);
    assert_eq!(
        node.apply(&odd),
        ["warning InvalidAddress Service/ns/a", "+198.51.100.1/32"]
    );
    assert_eq!(node.apply(&odd), NOTHING, "reported once");
    assert_eq!(
        node.problems(),
        ["InvalidAddress Service/ns/a spec.externalIPs[0]"]
    );
    assert_eq!(
        node.explain("service/ns/a"),
        "198.51.100.1/32 (ServiceExternalIP of ns/a) is advertised to 192.0.2.1\n\
         (ServiceExternalIP of ns/a) is not advertised: \"198.51.100.300\" is not an IP address"
    );
    assert_eq!(
        node.apply(&service("a").external_ips(&["198.51.100.1"])),
        ["mended InvalidAddress Service/ns/a"]
    );
    assert_eq!(node.problems(), NOTHING);
}

#[test]
fn special_addresses_are_never_advertised() {
    let special = [
        "127.0.0.1",
        "224.0.0.1",
        "169.254.1.1",
        "0.0.0.0",
        "255.255.255.255",
    ];
    let mut node = cluster(&[]);
    let reported = node.apply(&service("a").external_ips(&special));
    assert_eq!(reported, ["warning InvalidAddress Service/ns/a"; 5]);
    assert_eq!(node.table(), NOTHING);
    assert_eq!(
        node.explain("224.0.0.1"),
        "224.0.0.1/32 (ServiceExternalIP of ns/a) is not advertised: it is a multicast address, \
         which is never advertised"
    );
    let usable = ["127.0.0.1", "198.51.100.1"];
    let mut told = node.apply(&service("a").external_ips(&usable));
    assert_eq!(told.pop().as_deref(), Some("+198.51.100.1/32"));
    assert_eq!(told, ["mended InvalidAddress Service/ns/a"; 4]);
    assert_eq!(
        node.problems(),
        ["InvalidAddress Service/ns/a spec.externalIPs[0]"]
    );
}

#[test]
fn scenario_68_a_service_of_a_mebibyte() {
    let ips: Vec<String> = (0..65_536u32)
        .map(|i| format!("198.18.{}.{}", i >> 8, i & 255))
        .collect();
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let mut node = cluster(&[]);
    assert_eq!(
        node.apply(&service("huge").external_ips(&ips)).len(),
        65_536
    );
    assert_eq!(
        node.apply(&service("huge").external_ips(&ips[1..])),
        ["-198.18.0.0/32"]
    );
    assert_eq!(
        node.apply(&service("a").cluster_ips(&["10.96.0.1"])),
        ["+10.96.0.1/32"]
    );
}
